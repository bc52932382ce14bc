/* Rows of digits through strips of columns -> sums of a matrix.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <string.h>
#include "engine_private.h"

struct work {
    struct xo_engine_thread *t;
    const struct xo_array_layer *l;
    const struct xo_use *use;
    const struct xo_bank *bank;
    const struct xo_row_block *r;
    struct xo_rows rows;
    struct xo_place where;
    bool fast;                         /* by the fused kernels      */
    size_t positions;
    int32_t *sum;                      /* [positions][stride] of the whole matrix     */
    int32_t *strip_sum;                /* [2][positions][XO_HALF] of a strip          */
    float *table;
    double *total;                     /* [positions][stride]                         */
};

static const float *table_of(struct work *w, const struct xo_strip *s)
{
    if (w->use->ladder)
        return xo_climb_strip(w->t, s, &w->rows);
    if (!w->use->bits)
        return s->b;
    w->t->engine->kernels->tabulate(w->table, w->r->inputs, w->use->bits, w->use->level_single, s->b);
    return w->table;
}

static int convert(struct work *w, const struct xo_strip *s, const float *table, int integer,
                   const struct xo_weight half[2], int32_t *const sum[2], size_t stride)
{
    if (!table)
        return w->t->unsettled ? XO_ENOTPROVEN : ENOMEM;
    const float *known[2] = { NULL, NULL };
    for (int k = 0; k < 2 && w->use->off > 0; k++) {
        size_t reference = s->half[k].reference == XO_NONE ? 0 : s->half[k].reference;
        known[k] = w->rows.known_single + reference * w->rows.d.rows;
    }
    w->t->engine->kernels->convert(&w->rows.d, table, &s->reading[integer], w->use->weight, half, known, sum, stride);
    return 0;
}

/* All readings are whole numbers that fit: straight into the sums of the matrix. */
static int convert_together(struct work *w, const struct xo_strip *s)
{
    const struct xo_weight half[2] = { s->half[0].weight, s->half[1].weight };
    int32_t *const sum[2] = { w->sum + s->half[0].first,
                              s->half[1].count ? w->sum + s->half[1].first : w->strip_sum };
    return convert(w, s, table_of(w, s), s->lane != NULL, half, sum, w->bank->stride);
}

static void add_half(struct work *w, const struct xo_strip *s, int k, int integer, const double *sum)
{
    const struct xo_half *h = &s->half[k];
    size_t reference = h->reference == XO_NONE ? 0 : h->reference;
    const double *known = w->use->off > 0 ? w->rows.known_sum + reference * w->positions : NULL;
    const double *scale = s->scale[integer] + k * XO_HALF, *less = s->less[integer] + k * XO_HALF;
    for (size_t p = 0; p < w->positions; p++)
        for (size_t j = 0; j < h->count; j++)
            w->total[p * w->bank->stride + h->first + j] += scale[j] * sum[p * XO_STRIP + (size_t)k * XO_HALF + j] -
                                                            less[j] * (known ? known[p] : 0);
}

/* Sums of codes, or of whole numbers, by themselves; then scaled. */
static int convert_alone(struct work *w, const struct xo_strip *s, int integer)
{
    const struct xo_weight none[2] = { { 0, false }, { 0, false } };
    int32_t *const sum[2] = { w->strip_sum, w->strip_sum + w->positions * XO_HALF };
    if (!w->fast) {
        double *slow;
        int status = xo_convert(&slow, w->t, w->l, w->use, w->r, s, &w->rows, integer, &w->where);
        for (int k = 0; k < 2 && !status; k++)
            add_half(w, s, k, integer, slow);
        return status;
    }
    memset(w->strip_sum, 0, 2 * w->positions * XO_HALF * sizeof *w->strip_sum);
    int status = convert(w, s, table_of(w, s), integer, none, sum, XO_HALF);
    if (status)
        return status;
    for (int k = 0; k < 2; k++) {
        const struct xo_half *h = &s->half[k];
        size_t reference = h->reference == XO_NONE ? 0 : h->reference;
        w->t->engine->kernels->flush(w->total + h->first, w->bank->stride, sum[k], XO_HALF, w->positions, h->count,
                                     s->scale[integer] + k * XO_HALF, s->less[integer] + k * XO_HALF,
                                     w->use->off > 0 ? w->rows.known_sum + reference * w->positions : NULL);
    }
    return 0;
}

static void flush(struct work *w)
{
    w->t->engine->kernels->flush(w->total, w->bank->stride, w->sum, w->bank->stride, w->positions, w->bank->stride,
                                 w->l->ones, w->l->zeros, NULL);
    memset(w->sum, 0, w->positions * w->bank->stride * sizeof *w->sum);
}

/* sign: offset.  What is stored too much counts as often as the inputs of these rows say. */
static void take_offset(struct work *w)
{
    for (size_t p = 0; p < w->positions; p++) {
        double inputs = 0;
        for (size_t t = 0; t < w->use->streams; t++)
            inputs += w->use->stream[t].weight * w->rows.pop[p * w->use->streams + t];
        for (size_t k = 0; k < w->r->spans; k++)
            for (size_t j = 0; j < w->r->used[k].count; j++)
                w->total[p * w->bank->stride + w->r->used[k].first + j] -= w->l->layout.offset * inputs;
    }
}

static int evaluate_rows(struct work *w, const struct xo_patches *p)
{
    bool exact = w->use == &w->l->exact;
    int status = xo_rows_of(&w->rows, w->t, w->l, w->use, w->r, w->bank->matrix->first_input, p, !w->fast);
    if (!status && w->r->references && !exact)
        status = xo_read_references(&w->rows, w->t, w->l, w->use, w->r, &w->where);
    for (size_t k = 0; k < w->r->strips && !status; k++) {
        const struct xo_strip *s = &w->r->strip[k];
        if (w->use->together && w->fast)
            status = convert_together(w, s);
        else
            for (int integer = 0; integer < 2 && !status; integer++)
                status = s->has[integer] ? convert_alone(w, s, integer) : 0;
    }
    if (!status && !exact && w->l->layout.offset != 0)
        take_offset(w);
    return status;
}

struct xo_place xo_place_of(const struct xo_engine_thread *t, const struct xo_use *use, const struct xo_view *v,
                            const struct xo_patches *p)
{
    return (struct xo_place){ p->first * use->streams, v->positions * use->streams, t->first_image,
                              t->is_calibrator ? XO_CALIBRATION : XO_SCORED };
}

int xo_evaluate(double *total, struct xo_engine_thread *t, const struct xo_array_layer *l, const struct xo_use *use,
                size_t matrix, const struct xo_view *v, const struct xo_patches *p)
{
    const struct xo_bank *bank = &use->bank[matrix];
    struct work w = { .t = t, .l = l, .use = use, .bank = bank, .fast = use->fast && !t->certified,
                      .positions = p->count, .total = total };
    size_t inputs = bank->row[0].inputs;
    int status = 0;
    w.where = xo_place_of(t, use, v, p);
    w.sum = xo_room(t, XO_BUFFER_SUM, p->count * bank->stride, sizeof *w.sum);
    w.strip_sum = xo_room(t, XO_BUFFER_STRIP, p->count * (bank->stride + 2 * XO_HALF), sizeof *w.strip_sum);
    w.table = xo_room(t, XO_BUFFER_TABLE, 2 * xo_packed_bytes(inputs, use->bits), XO_TABLE * sizeof *w.table);
    if (!w.sum || !w.strip_sum || !w.table)
        return ENOMEM;
    memset(w.sum, 0, p->count * bank->stride * sizeof *w.sum);
    memset(total, 0, p->count * bank->stride * sizeof *total);
    for (size_t n = 0; n < bank->rows && !status; n++) {
        w.r = &bank->row[n];
        status = evaluate_rows(&w, p);
        if (!status && use->together && w.fast && ((n + 1) % use->flush_every == 0 || n + 1 == bank->rows))
            flush(&w);
    }
    return status;
}
