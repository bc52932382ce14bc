/* See solved.h.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdlib.h>
#include <string.h>
#include "simd.h"
#include "solved.h"

const enum xo_engine every_engine[ENGINES] = {XO_ENGINE_CHOLMOD, XO_ENGINE_KLU, XO_ENGINE_STARMESH,
                                              XO_ENGINE_LINE};

static int any_zero(const struct xo_values *v, size_t count)
{
    int zero = !v->each && count && v->all == 0;
    for (size_t k = 0; v->each && k < count; k++)
        zero |= v->each[k] == 0;
    return zero;
}

int engine_takes(enum xo_engine engine, const struct xo_crossbar *x)
{
    return engine != XO_ENGINE_LINE
           || (!x->word_bridge_count && !x->bit_bridge_count
               && !any_zero(&x->row_wire_ohm, x->rows * (x->columns - 1))
               && !any_zero(&x->column_wire_ohm, (x->rows - 1) * x->columns) && !any_zero(&x->driver_ohm, x->rows)
               && !any_zero(&x->sense_ohm, x->columns));
}

double *marked_array(size_t count)
{
    double *array = calloc(count + 1, sizeof *array);
    if (!array)
        abort();
    for (size_t k = 0; k < count; k++)
        array[k] = SOLVED_MARK;
    return array;
}

void branch_values_new(struct xo_branch_values *b, const xo_circuit *c, size_t inputs, size_t rows, size_t columns)
{
    size_t longer = rows > columns ? rows : columns;       /* source lines may lie beside bit lines */
    b->cells = marked_array(inputs * rows * columns);
    b->row_wires = marked_array(inputs * rows * columns);
    b->column_wires = marked_array(inputs * (rows - 1) * columns);
    b->drivers = marked_array(inputs * xo_circuit_drive_ends(c) * longer);
    b->senses = marked_array(inputs * xo_circuit_sense_ends(c) * columns);
}

void branch_values_free(struct xo_branch_values *b)
{
    double *array[] = {b->cells, b->row_wires, b->column_wires, b->drivers, b->senses};
    for (size_t k = 0; k < sizeof array / sizeof *array; k++)
        free(array[k]);
}

static void solution_new(struct solved *d)
{
    struct xo_solution *s = &d->s;
    size_t inputs = d->inputs, rows = d->rows, columns = d->columns;
    s->column_amp = marked_array(inputs * columns);
    s->bound_amp = marked_array(inputs * columns);
    s->scale_amp = marked_array(inputs * columns);
    s->node_volt = marked_array(inputs * 2 * rows * columns);
    s->source_amp = marked_array(inputs * rows);
    s->word_line_watt = marked_array(inputs * rows);
    s->bit_line_watt = marked_array(inputs * columns);
    s->cell_watt = marked_array(inputs);
    s->source_watt = marked_array(inputs);
    branch_values_new(&s->branch_amp, d->circuit, inputs, rows, columns);
}

struct solved *solved(const struct xo_crossbar *x, const double *cell_siemens, size_t inputs, const double *row_volt,
                      enum xo_engine engine)
{
    struct solved *d = calloc(1, sizeof *d);
    struct xo_options options = {.engine = engine, .simd = tests_simd()};
    if (!d)
        abort();
    d->rows = x->rows;
    d->columns = x->columns;
    d->inputs = inputs;
    d->stage = 1;
    if ((d->status = xo_circuit_new(&d->circuit, x, &d->info)))
        return d;
    d->stage = 2;
    if ((d->status = xo_plan_new(&d->plan, d->circuit, &options, &d->info)))
        return d;
    d->stage = 3;
    if ((d->status = xo_factor_new(&d->factor, d->plan, cell_siemens, &d->info)))
        return d;
    d->stage = 4;
    solution_new(d);
    d->status = xo_solve(d->factor, inputs, row_volt, &d->s, &d->info);
    return d;
}

struct solved *solved_random(const struct random_crossbar *r, enum xo_engine engine)
{
    return solved(&r->x, r->cell_siemens, r->inputs, r->row_volt, engine);
}

void solved_free(struct solved *d)
{
    struct xo_solution *s = &d->s;
    double *array[] = {s->column_amp, s->bound_amp, s->scale_amp, s->node_volt, s->source_amp, s->word_line_watt,
                       s->bit_line_watt, s->cell_watt, s->source_watt};
    for (size_t k = 0; k < sizeof array / sizeof *array; k++)
        free(array[k]);
    branch_values_free(&s->branch_amp);
    xo_factor_free(d->factor);
    xo_plan_free(d->plan);
    xo_circuit_free(d->circuit);
    free(d);
}

int solved_currents(const struct xo_crossbar *x, const double *cell_siemens, size_t inputs, const double *row_volt,
                    enum xo_engine engine, double *column_amp)
{
    struct solved *d = solved(x, cell_siemens, inputs, row_volt, engine);
    int status = d->status;
    if (!status)
        memcpy(column_amp, d->s.column_amp, inputs * x->columns * sizeof *column_amp);
    solved_free(d);
    return status;
}
