/* The gain that undoes the loss in the wires, measured: some vectors through the arrays and their ADCs, and as they
 * were meant.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "engine_private.h"
#include "memory.h"
#include "random.h"

static void draw_digits(uint16_t *digit, const struct xo_array_layer *l, size_t vectors, size_t inputs)
{
    for (size_t k = 0; k < vectors * inputs; k++) {
        struct xo_random_key key = { l->hardware->seed, XO_FOR_GAIN_INPUTS, l->number, k };
        digit[k] = (uint16_t)xo_random_below(key, (uint32_t)l->array.levels);
    }
}

/* sum ideal read and sum read^2 of a strip's columns, onto those of their gains. */
static int compare_strip(double *above, double *below, struct xo_array_layer *l, struct xo_engine_thread *t,
                         const struct xo_row_block *r, const struct xo_strip *s, const float *meant,
                         const struct xo_rows *rows)
{
    const struct xo_place where = { 0, rows->d.rows, 0, XO_GAIN_VECTORS };
    double *current;
    int status = xo_currents(&current, t, l, &l->array, r, s, rows, &where);
    for (size_t k = 0; k < rows->d.rows * XO_STRIP && !status; k++) {
        size_t row = k / XO_STRIP, j = k % XO_STRIP, u;
        double ideal = l->array.off * rows->pop[row], read;
        if (j % XO_HALF >= s->half[j / XO_HALF].count)
            continue;
        for (size_t i = 0; i < r->inputs; i++)
            ideal += rows->digit[row * r->inputs + i] * (double)meant[i * XO_STRIP + j];
        read = xo_read(l, &s->lane[j], current[k], &where, row) * s->lane[j].scale.lsb_ampere;
        u = xo_unit_at(l, xo_gain_unit(l), s->lane[j].conversion);
        above[u] += ideal * read;
        below[u] += read * read;
    }
    return status;
}

static int compare(double *above, double *below, struct xo_array_layer *l, struct xo_engine_thread *t, size_t vectors,
                   size_t inputs, const uint16_t *digit)
{
    uint16_t *part = xo_calloc(vectors * l->hardware->array.rows, sizeof *part);
    int status = part ? 0 : ENOMEM;
    for (size_t m = 0; m < l->codes.matrices && !status; m++)
        for (size_t n = 0; n < l->array.bank[m].rows && !status; n++) {
            const struct xo_row_block *r = &l->array.bank[m].row[n], *meant = &xo_ideal_use(l)->bank[m].row[n];
            struct xo_rows rows;
            for (size_t k = 0; k < vectors; k++)
                memcpy(part + k * r->inputs, digit + k * inputs + l->codes.matrix[m].first_input + r->first,
                       r->inputs * sizeof *part);
            status = xo_rows_of_digits(&rows, t, l, &l->array, r, vectors, part);
            for (size_t k = 0; k < r->strips + r->references && !status; k++)
                status = k < r->strips
                    ? compare_strip(above, below, l, t, r, &r->strip[k], meant->strip[k].b, &rows)
                    : compare_strip(above, below, l, t, r, &r->reference[k - r->strips],
                                    meant->reference[k - r->strips].b, &rows);
        }
    free(part);
    return status;
}

/* Least squares through the origin of ideal on read-out currents, as xo_gain_least_squares. */
int xo_measure_gain(struct xo_array_layer *l, struct xo_engine_thread *t, const struct xo_vectors *c)
{
    size_t units = xo_units_of(l, xo_gain_unit(l)), inputs = l->layer->groups * l->layer->inputs;
    size_t vectors = c && c->kept ? c->kept : (size_t)l->hardware->gain.vectors;
    uint16_t *digit = xo_calloc(vectors, inputs * sizeof *digit);
    double *above = xo_calloc(units, sizeof *above), *below = xo_calloc(units, sizeof *below);
    int status = digit && above && below ? 0 : ENOMEM;
    if (!status) {
        if (!c || !c->kept)
            draw_digits(digit, l, vectors, inputs);
        for (size_t k = 0; c && k < c->kept; k++)
            memcpy(digit + k * inputs, c->vector[k].digit, inputs * sizeof *digit);
        status = compare(above, below, l, t, vectors, inputs, digit);
    }
    for (size_t u = 0; u < units && !status; u++)
        l->gain[u] = above[u] == 0 || below[u] == 0 ? 1 : above[u] / below[u];
    free(digit);
    free(above);
    free(below);
    return status;
}
