/* Programmed arrays -> exact conductance matrices -> what decoding makes of them, before converters.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "effective.h"
#include "memory.h"
#include "xo_batch.h"

#define MAX_DENSE_NBYTES ((size_t)1 << 31)

/* ---- the exact matrices of one block's arrays ------------------------------------------------------- */

struct arrays {
    const struct xo_array_layer *l;
    double *driver_ohm;
    xo_circuit *circuit;
    xo_batch *batch;
    uint16_t *digit;                   /* [rows][columns]                                         */
    double *siemens;                   /* [planes][rows][columns] as programmed                   */
    double *steps;                     /* [planes][rows][columns] (G_ni - off)/step               */
    double *offset_amp;                /* [planes][columns] all 0: inputs are driven              */
};

static int arrays_new(struct arrays *a, const struct xo_array_layer *l, int threads, struct xo_info *info)
{
    const struct xo_crossbar *x = &l->hardware->array;
    const struct xo_batch_options options = { .precision = XO_FLOAT64, .threads = threads };
    size_t planes = l->layout.planes, cells = x->rows * x->columns;
    struct xo_crossbar array;
    int status = xo_check_linear(l->hardware, l->layer->name, info);
    if (status)
        return status;
    status = xo_driven_crossbar(&array, &a->driver_ohm, l->hardware);
    a->l = l;
    a->digit = xo_calloc(cells, sizeof *a->digit);
    a->siemens = xo_calloc(planes, cells * sizeof *a->siemens);
    a->steps = xo_calloc(planes, cells * sizeof *a->steps);
    a->offset_amp = xo_calloc(planes, x->columns * sizeof *a->offset_amp);
    if (!a->digit || !a->siemens || !a->steps || !a->offset_amp)
        status = ENOMEM;
    if (!status)
        status = xo_circuit_new(&a->circuit, &array, info);
    return status ? status : xo_batch_new(&a->batch, a->circuit, &options, info);
}

static void arrays_free(struct arrays *a)
{
    xo_batch_free(a->batch);
    xo_circuit_free(a->circuit);
    free(a->driver_ohm);
    free(a->digit);
    free(a->siemens);
    free(a->steps);
    free(a->offset_amp);
}

/* A whole number that is nearer than elimination in float64 is accurate is meant: without wires digits come back. */
static double steps_of(double siemens, double off, double step)
{
    double steps = (siemens - off) / step, whole = rint(steps);
    return fabs(steps - whole) <= 64 * DBL_EPSILON * siemens / step ? whole : steps;
}

static int solve_block(struct arrays *a, size_t matrix, size_t row_block, size_t column_block, struct xo_info *info)
{
    const struct xo_array_layer *l = a->l;
    const struct xo_hardware *h = l->hardware;
    size_t cells = h->array.rows * h->array.columns, all = l->layout.planes * cells;
    double step = (l->device.on_siemens - l->device.off_siemens) / ((1 << h->device.bits_per_cell) - 1);
    for (size_t plane = 0; plane < l->layout.planes; plane++)
        xo_program_cells(a->siemens + plane * cells, a->digit, l, matrix, row_block, column_block, plane);
    struct xo_batch_arrays batch = { .arrays = l->layout.planes, .cell_siemens = a->siemens, .g_ni_siemens = a->steps,
                                     .offset_amp = a->offset_amp };
    int status = xo_batch_matrix(a->batch, &batch, info);
    for (size_t k = 0; k < all && !status; k++)
        a->steps[k] = steps_of(a->steps[k], l->device.off_siemens, step);
    return status;
}

/* ---- what decoding makes of them -------------------------------------------------------------------- */

static double gain_at(const struct xo_array_layer *l, size_t block, size_t q)
{
    return l->gain[xo_unit_at(l, xo_gain_unit(l), block * l->layout.conversions + q)];
}

/* One input's share of a conversion. */
static double share_of(const struct arrays *a, size_t block, size_t q, size_t row)
{
    const struct xo_array_layer *l = a->l;
    const struct xo_conversion *c = &l->layout.conversion[q];
    size_t columns = l->hardware->array.columns, cells = l->hardware->array.rows * columns;
    const double *steps = a->steps + row * columns;
    double gain = gain_at(l, block, q), off = l->array.off, value = steps[c->plane * cells + c->column];
    if (c->minus_plane != XO_NONE)
        return gain * (value - steps[c->minus_plane * cells + c->minus_column]);
    if (l->array.popcount)
        return gain * value + (gain - 1) * off;
    if (c->reference != XO_NONE) {
        const struct xo_conversion *r = &l->layout.conversion[c->reference];
        double reference = gain_at(l, block, c->reference);
        return gain * value - reference * steps[r->plane * cells + r->column] + (gain - reference) * off;
    }
    return gain * (value + off);
}

static void add_block(double *sum, const struct arrays *a, size_t matrix, size_t row_block, size_t column_block)
{
    const struct xo_layout *lay = &a->l->layout;
    const struct xo_code_matrix *m = &a->l->codes.matrix[matrix];
    size_t block = xo_block_at(a->l, matrix, row_block, column_block), first_row = row_block * lay->tile_rows;
    for (size_t q = 0; q < lay->conversions; q++) {
        const struct xo_conversion *c = &lay->conversion[q];
        size_t j = column_block * lay->tile_outputs + c->output;
        if (c->output == XO_NONE || j >= m->outputs)
            continue;
        for (size_t row = 0; row < lay->tile_rows && first_row + row < m->inputs; row++)
            sum[(first_row + row) * m->outputs + j] += c->weight * share_of(a, block, q, row);
    }
    size_t first = column_block * lay->tile_outputs, end = first + lay->tile_outputs;
    for (size_t row = 0; row < lay->tile_rows && first_row + row < m->inputs; row++)
        for (size_t j = first; j < end && j < m->outputs; j++)
            sum[(first_row + row) * m->outputs + j] -= lay->offset;
}

int xo_effective_sums(double *sum, const struct xo_array_layer *l, size_t matrix, int threads, struct xo_info *info)
{
    const struct xo_code_matrix *m = &l->codes.matrix[matrix];
    struct arrays a = { 0 };
    int status = arrays_new(&a, l, threads, info);
    if (!status)
        memset(sum, 0, m->inputs * m->outputs * sizeof *sum);
    for (size_t r = 0; r < xo_layout_row_blocks(&l->layout, m) && !status; r++)
        for (size_t c = 0; c < xo_layout_column_blocks(&l->layout, m) && !status; c++) {
            if (!xo_layout_block_used(&l->layout, m, r, c))
                continue;
            status = solve_block(&a, matrix, r, c, info);
            if (!status)
                add_block(sum, &a, matrix, r, c);
        }
    arrays_free(&a);
    return status;
}

/* ---- as weights ------------------------------------------------------------------------------------- */

static double lift_of(const struct xo_array_layer *l, size_t output)
{
    const struct xo_model_integers *own = &l->layer->integers;
    return l->layer->has_integers ? (own->weight_unsigned ? 128 : 0) - own->weight_zero[output] : 0;
}

static bool is_coupled(const double *sum, const struct xo_code_matrix *m)
{
    for (size_t i = 0; i < m->inputs; i++)
        for (size_t j = 0; j < m->outputs; j++)
            if (i / m->block_inputs != j / m->block_outputs && sum[i * m->outputs + j] != 0)
                return true;
    return false;
}

/* One matrix: sums become weights in place, and move the bias where a model's zero is driven as another number. */
static void scale_matrix(double *sum, struct xo_effective *e, const struct xo_array_layer *l,
                         const struct xo_code_matrix *m)
{
    double pad = l->layer->has_integers ? xo_pad_value(l) : 0;
    for (size_t j = 0; j < m->outputs; j++) {
        size_t output = m->first_output + j;
        double all = 0, scale = (double)l->codes.weight_scale[output];
        for (size_t i = 0; i < m->inputs; i++) {
            double *w = &sum[i * m->outputs + j];
            if (i / m->block_inputs == j / m->block_outputs)
                *w += lift_of(l, output);
            all += *w;
            *w *= scale;
        }
        if (pad != 0)
            e->bias[output] = (float)(scale * (double)l->input.scale * pad * (all - l->weight_sum[output]) +
                                      (double)l->layer->bias[output]);
        e->biased |= e->bias[output] != 0;
    }
}

/* Into place: as it is where it is a group's, or all there is; block by block where blocks are groups. */
static void store_matrix(struct xo_effective *e, const double *sum, const struct xo_code_matrix *m)
{
    bool whole = m->inputs == e->inputs;
    for (size_t i = 0; i < m->inputs; i++)
        for (size_t j = 0; j < m->outputs; j++) {
            size_t group = (m->first_output + j) / e->outputs, column = (m->first_output + j) % e->outputs;
            if (whole || i / m->block_inputs == j / m->block_outputs)
                e->weight[(group * e->inputs + i % e->inputs) * e->outputs + column] = (float)sum[i * m->outputs + j];
        }
}

static int store(struct xo_effective *e, const struct xo_array_layer *l, double *const *sum, struct xo_info *info)
{
    const struct xo_layer *layer = l->layer;
    const struct xo_code_matrix *first = &l->codes.matrix[0];
    bool dense = first->inputs > first->block_inputs && is_coupled(sum[0], first);
    e->groups = dense ? 1 : layer->groups;
    e->inputs = layer->inputs * (dense ? layer->groups : 1);
    e->outputs = layer->outputs * (dense ? layer->groups : 1);
    if (e->inputs > MAX_DENSE_NBYTES / sizeof(float) / e->groups / e->outputs)
        return xo_fail(info, XO_ETOOBIG, "layer %s: its arrays couple all channels, %zu inputs with %zu outputs; "
                       "expected less than 2 GiB of weights", layer->name, e->inputs, e->outputs);
    e->weight = xo_calloc(e->groups * e->inputs, e->outputs * sizeof *e->weight);
    e->bias = xo_calloc(e->groups * e->outputs, sizeof *e->bias);
    if (!e->weight || !e->bias)
        return ENOMEM;
    memcpy(e->bias, layer->bias, e->groups * e->outputs * sizeof *e->bias);
    for (size_t k = 0; k < l->codes.matrices; k++) {
        scale_matrix(sum[k], e, l, &l->codes.matrix[k]);
        store_matrix(e, sum[k], &l->codes.matrix[k]);
    }
    return 0;
}

int xo_effective_new(struct xo_effective *out, const struct xo_array_layer *l, int threads, struct xo_info *info)
{
    struct xo_effective e = { 0 };
    double **sum = xo_calloc(l->codes.matrices, sizeof(double *));
    int status = sum ? 0 : ENOMEM;
    for (size_t k = 0; k < l->codes.matrices && !status; k++) {
        const struct xo_code_matrix *m = &l->codes.matrix[k];
        sum[k] = xo_calloc(m->inputs, m->outputs * sizeof **sum);
        status = sum[k] ? xo_effective_sums(sum[k], l, k, threads, info) : ENOMEM;
    }
    if (!status)
        status = store(&e, l, sum, info);
    for (size_t k = 0; sum && k < l->codes.matrices; k++)
        free(sum[k]);
    free(sum);
    if (status)
        xo_effective_free(&e);
    else
        *out = e;
    return status;
}

void xo_effective_free(struct xo_effective *e)
{
    free(e->weight);
    free(e->bias);
    memset(e, 0, sizeof *e);
}
