/* What a batch gives: couplings between terminals, read off lane by lane, with their bounds (see matrix.c).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <float.h>
#include <math.h>
#include <string.h>
#include "batch_work.h"

/* One batch at work: who writes where. */
struct results {
    const xo_batch *t;
    struct xo_batch_work *w;
    struct xo_batch_arrays *b;
    size_t first, count, lanes;
    bool bounds, offsets;
};

static void sum_couplings(const struct results *r)
{
    size_t terminals = r->t->circuit->terminals;
    for (size_t t = 0; t < terminals; t++) {
        r->t->kernel->read(r->w->arena, t, r->t->all, terminals, r->w->row);
        for (size_t lane = 0; lane < r->lanes; lane++) {
            double sum = 0;
            for (size_t s = 0; s < terminals; s++)
                sum += r->w->row[s * r->lanes + lane];
            r->w->self[t * r->lanes + lane] = sum * (1 + (double)terminals * DBL_EPSILON);
        }
    }
}

/* What underflow may have swallowed, in all. */
static double lost_siemens(const xo_batch *t)
{
    return t->options.precision == XO_FLOAT64 ? DBL_MIN / DBL_EPSILON : 0x1p-120;
}

/* |y_tj - exact| <= relative_bound sqrt(Y_tt Y_jj). */
static void bound_row(const struct results *r, size_t t)
{
    double lost = lost_siemens(r->t), relative = r->t->relative_bound;
    const double *a = r->w->self + t * r->lanes;
    for (size_t j = 0; j < r->t->circuit->columns; j++) {
        const double *b = r->w->self + (size_t)r->t->own[j] * r->lanes;
        for (size_t lane = 0; lane < r->lanes; lane++)
            r->w->row_bound[j * r->lanes + lane] =
                a[lane] > 0 && b[lane] > 0 ? relative * sqrt(a[lane]) * sqrt(b[lane]) + lost : 0;
    }
}

/* Columns whose terminals zero ohm joins share their current equally, as in matrix.c. */
static void share_row(const struct results *r)
{
    const xo_circuit *c = r->t->circuit;
    for (size_t j = 0; j < c->columns; j++) {
        int32_t sharing = c->group_size[r->t->own[j]];
        for (size_t k = j * r->lanes; sharing > 1 && k < (j + 1) * r->lanes; k++) {
            r->w->row[k] /= sharing;
            r->w->row_bound[k] = r->w->row_bound[k] / sharing + 2 * DBL_EPSILON * r->w->row[k];
        }
    }
}

/* Terminal t's share of every column's offset. */
static void add_offsets(const struct results *r, size_t t)
{
    const xo_circuit *c = r->t->circuit;
    double rounding = (double)(c->terminals + 2) * DBL_EPSILON;
    for (size_t j = 0; j < c->columns; j++) {
        double volt = (c->driven[t] ? 0 : c->held_volt[t]) - c->held_volt[c->rows + j];
        for (size_t k = j * r->lanes; volt != 0 && (size_t)r->t->own[j] != t && k < (j + 1) * r->lanes; k++) {
            double g = r->w->row[k], bound = r->w->row_bound[k];
            r->w->offset[k] += g * volt;
            r->w->offset_bound[k] += (bound + rounding * g) * fabs(volt) + (g > 0 ? DBL_MIN : 0);
        }
    }
}

/* From [columns][lanes] to row `row` of the arrays of `total` rows, one for each lane. */
static void store_lanes(const struct results *r, const double *from, double *to, size_t total, size_t row)
{
    size_t columns = r->t->circuit->columns;
    for (size_t lane = 0; to && lane < r->count; lane++) {
        double *out = to + ((r->first + lane) * total + row) * columns;
        for (size_t j = 0; j < columns; j++)
            out[j] = from[j * r->lanes + lane];
    }
}

static void store_lanes_float32(const struct results *r, const double *from, float *to, size_t row)
{
    size_t columns = r->t->circuit->columns, total = r->t->circuit->rows;
    for (size_t lane = 0; to && lane < r->count; lane++) {
        float *out = to + ((r->first + lane) * total + row) * columns;
        for (size_t j = 0; j < columns; j++)
            out[j] = (float)from[j * r->lanes + lane];
    }
}

static void note_worst(const struct results *r)
{
    double *worst = r->b->worst_bound_rel;
    for (size_t lane = 0; worst && lane < r->count; lane++)
        for (size_t k = lane; k < r->t->circuit->columns * r->lanes; k += r->lanes)
            if (r->w->row[k] > 0 && r->w->row_bound[k] > worst[r->first + lane] * r->w->row[k])
                worst[r->first + lane] = r->w->row_bound[k] / r->w->row[k];
}

static void do_terminal(const struct results *r, size_t t)
{
    const xo_circuit *c = r->t->circuit;
    size_t nbytes = c->columns * r->lanes * sizeof *r->w->row;
    bool first = (size_t)c->group[t] == t;
    if (first && (c->driven[t] || r->offsets))
        r->t->kernel->read(r->w->arena, t, r->t->own, c->columns, r->w->row);
    if (first && r->bounds)
        bound_row(r, t);
    share_row(r);
    if (first && r->offsets)
        add_offsets(r, t);
    if (t >= c->rows)
        return;
    if (!first || !c->driven[t]) {
        memset(r->w->row, 0, nbytes);
        memset(r->w->row_bound, 0, nbytes);
    }
    store_lanes(r, r->w->row, r->b->g_ni_siemens, c->rows, t);
    store_lanes_float32(r, r->w->row, r->b->g_ni_float32, t);
    store_lanes(r, r->w->row_bound, r->b->bound_siemens, c->rows, t);
    note_worst(r);
}

void xo_batch_results(const xo_batch *t, struct xo_batch_work *w, struct xo_batch_arrays *b, size_t first,
                      size_t count)
{
    const xo_circuit *c = t->circuit;
    struct results r = {t, w, b, first, count, (size_t)t->kernel->lanes, .bounds = false};
    r.offsets = b->offset_amp || b->offset_bound_amp;
    r.bounds = b->bound_siemens || b->worst_bound_rel || b->offset_bound_amp;
    memset(w->row_bound, 0, c->columns * r.lanes * sizeof *w->row_bound);
    memset(w->offset, 0, c->columns * r.lanes * sizeof *w->offset);
    memset(w->offset_bound, 0, c->columns * r.lanes * sizeof *w->offset_bound);
    for (size_t lane = 0; lane < count && b->worst_bound_rel; lane++)
        b->worst_bound_rel[first + lane] = 0;
    if (r.bounds)
        sum_couplings(&r);
    for (size_t k = 0; k < (r.offsets ? c->terminals : c->rows); k++)
        do_terminal(&r, k);
    store_lanes(&r, w->offset, b->offset_amp, 1, 0);
    store_lanes(&r, w->offset_bound, b->offset_bound_amp, 1, 0);
}
