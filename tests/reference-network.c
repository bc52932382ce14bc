/* A crossbar's description read into a flat list of branches, one rule of xo_crossbar.h at a time.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdlib.h>
#include "reference-private.h"

struct reader {
    struct network *n;
    const struct xo_crossbar *x;
    const struct reference_change *change;
};

static double value(const struct xo_values *v, size_t k)
{
    return v->each ? v->each[k] : v->all;
}

static quad extra(const struct reader *r, enum reference_branch_kind kind, size_t end, size_t row, size_t column)
{
    const struct reference_change *c = r->change;
    return c && c->kind == kind && c->end == end && c->row == row && c->column == column ? c->siemens : 0;
}

static void add(struct reader *r, size_t a, size_t b, double ohm, quad extra_siemens)
{
    struct branch *branch = &r->n->branch[r->n->branches];
    quad siemens = extra_siemens;
    if (ohm > 0 && !isinf(ohm))
        siemens += 1 / (quad)ohm;
    if (ohm > 0 && siemens == 0)
        return;
    *branch = (struct branch){a, b, ohm == 0, siemens};
    r->n->branches++;
}

static int listed(const struct xo_site *site, size_t count, size_t row, size_t column)
{
    for (size_t k = 0; k < count; k++)
        if (site[k].row == row && site[k].column == column)
            return 1;
    return 0;
}

/* Fault, then series resistance: 1 / (1/g + R) = g / (1 + g R). */
static quad cell_conductance(const struct reader *r, const double *cell_siemens, size_t i, size_t j)
{
    const struct xo_crossbar *x = r->x;
    size_t k = i * x->columns + j;
    quad g = (quad)cell_siemens[k] + extra(r, REFERENCE_CELL, 0, i, j);
    double series = value(&x->series_ohm, k);
    for (size_t s = 0; s < x->stuck_count; s++)
        if (x->stuck[s].row == i && x->stuck[s].column == j)
            g = x->stuck[s].siemens;
    if (isinf(series) || listed(x->open_cell, x->open_cell_count, i, j))
        return 0;
    return g / (1 + g * series);
}

static void read_cells(struct reader *r, const double *cell_siemens)
{
    size_t rows = r->x->rows, columns = r->x->columns;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) {
            size_t k = i * columns + j;
            quad g = cell_conductance(r, cell_siemens, i, j);
            if (g != 0)
                add(r, k, rows * columns + k, INFINITY, g);
        }
}

static void read_wires(struct reader *r)
{
    const struct xo_crossbar *x = r->x;
    size_t rows = x->rows, columns = x->columns, bit = rows * columns;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j + 1 < columns; j++)
            if (!listed(x->open_word_segment, x->open_word_segment_count, i, j))
                add(r, i * columns + j, i * columns + j + 1, value(&x->row_wire_ohm, i * (columns - 1) + j),
                    extra(r, REFERENCE_ROW_WIRE, 0, i, j));
    for (size_t i = 0; i + 1 < rows; i++)
        for (size_t j = 0; j < columns; j++)
            if (!listed(x->open_bit_segment, x->open_bit_segment_count, i, j))
                add(r, bit + i * columns + j, bit + (i + 1) * columns + j,
                    value(&x->column_wire_ohm, i * columns + j), extra(r, REFERENCE_COLUMN_WIRE, 0, i, j));
}

static void read_drivers(struct reader *r)
{
    const struct xo_crossbar *x = r->x;
    for (size_t i = 0; i < x->rows; i++) {
        size_t terminal = r->n->nodes + i, end = 0;
        double ohm = value(&x->driver_ohm, i);
        if (x->word_line && x->word_line[i].state == XO_LINE_FLOATING)
            continue;
        r->n->connected[i] = 1;
        if (x->drive_side != XO_DRIVE_RIGHT)
            add(r, terminal, i * x->columns, ohm, extra(r, REFERENCE_DRIVER, end++, i, 0));
        if (x->drive_side != XO_DRIVE_LEFT)
            add(r, terminal, i * x->columns + x->columns - 1, ohm, extra(r, REFERENCE_DRIVER, end, i, 0));
    }
}

static void read_senses(struct reader *r)
{
    const struct xo_crossbar *x = r->x;
    size_t top = x->rows * x->columns, bottom = top + (x->rows - 1) * x->columns;
    for (size_t j = 0; j < x->columns; j++) {
        size_t terminal = r->n->nodes + x->rows + j, end = 0;
        double ohm = value(&x->sense_ohm, j);
        if (x->bit_line && x->bit_line[j].state == XO_LINE_FLOATING)
            continue;
        r->n->connected[x->rows + j] = 1;
        if (x->sense_side != XO_SENSE_BOTTOM)
            add(r, top + j, terminal, ohm, extra(r, REFERENCE_SENSE, end++, 0, j));
        if (x->sense_side != XO_SENSE_TOP)
            add(r, bottom + j, terminal, ohm, extra(r, REFERENCE_SENSE, end, 0, j));
    }
}

/* A later entry for the same place wins: skip every entry that has a later one. */
static void read_bridges(struct reader *r, const struct xo_bridge *bridge, size_t count, size_t first_node,
                         size_t step)
{
    for (size_t k = 0; k < count; k++) {
        size_t node = first_node + bridge[k].row * r->x->columns + bridge[k].column, later = k + 1;
        while (later < count && (bridge[later].row != bridge[k].row || bridge[later].column != bridge[k].column))
            later++;
        if (later == count)
            add(r, node, node + step, bridge[k].ohm, 0);
    }
}

int network_read(struct network *n, const struct xo_crossbar *x, const double *cell_siemens,
                 const struct reference_change *change)
{
    size_t cells = x->rows * x->columns;
    struct reader r = {n, x, change};
    *n = (struct network){.rows = x->rows, .columns = x->columns, .nodes = 2 * cells,
                          .terminals = x->rows + x->columns};
    n->branch = calloc(3 * cells + 2 * n->terminals + x->word_bridge_count + x->bit_bridge_count, sizeof *n->branch);
    n->connected = calloc(n->terminals, 1);
    if (!n->branch || !n->connected)
        return REFERENCE_NO_MEMORY;
    read_cells(&r, cell_siemens);
    read_wires(&r);
    read_drivers(&r);
    read_senses(&r);
    read_bridges(&r, x->word_bridge, x->word_bridge_count, 0, x->columns);
    read_bridges(&r, x->bit_bridge, x->bit_bridge_count, cells, 1);
    return REFERENCE_OK;
}

void network_free(struct network *n)
{
    free(n->branch);
    free(n->connected);
}

static quad line_volt(const struct xo_line *line, double normal_volt)
{
    if (!line || line->state == XO_LINE_NORMAL)
        return normal_volt;
    return line->state == XO_LINE_HELD ? line->hold_volt : 0;
}

void network_terminal_volt(const struct xo_crossbar *x, const double *row_volt, quad *volt)
{
    for (size_t i = 0; i < x->rows; i++)
        volt[i] = line_volt(x->word_line ? &x->word_line[i] : NULL, row_volt[i]);
    for (size_t j = 0; j < x->columns; j++)
        volt[x->rows + j] = line_volt(x->bit_line ? &x->bit_line[j] : NULL, value(&x->sense_volt, j));
}

size_t set_find(size_t *parent, size_t a)
{
    while (parent[a] != a)
        a = parent[a] = parent[parent[a]];
    return a;
}

void set_join(size_t *parent, size_t a, size_t b)
{
    parent[set_find(parent, a)] = set_find(parent, b);
}
