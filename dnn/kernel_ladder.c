/* Currents of gated columns, 32 at a time, for one instruction set: the build compiles this file once for each.
 *
 * solver/xo_ladder.h has the recursion: a rung that is on takes two products and two sums for 32 columns, plus and
 * minus sides at once, rungs that are off nothing.  Each rung waits for the one before, so two rows of digits climb
 * side by side.  Nonlinear cells are polynomials, and a row is climbed until a step of Newton's method is small for
 * all 32 columns.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdlib.h>
#include <string.h>
#include "kernel_vector.h"

/* Some rows on some sides: p/q is what lies behind the last rung. */
struct climber { vec p[2][VECTORS], q[2][VECTORS]; size_t rung; };

/* How the loops below are compiled. */
struct way { int sides; bool uniform; };

INLINE void begin(struct climber *c, size_t first, struct way is)
{
    const vec one = (vec){0} + 1;
    UNROLL for (int s = 0; s < is.sides; s++)
        UNROLL for (int v = 0; v < VECTORS; v++) {
            c->p[s][v] = one;
            c->q[s][v] = one - one;
        }
    c->rung = first;
}

/* Along the lines, or one of them, to a row. */
INLINE vec along(const float *position, float step_ohm, size_t from, size_t to, int v, struct way is)
{
    if (is.uniform)
        return (vec){0} + step_ohm * (float)abs((int)to - (int)from);
    return load(position + to * XO_STRIP + v * LANES) - load(position + from * XO_STRIP + v * LANES);
}

INLINE vec ohm_to(const struct xo_rungs *g, size_t from, size_t to, int v, struct way is)
{
    return along(g->position, g->step_ohm, from, to, v, is);
}

INLINE void climb_one(struct climber *c, const struct xo_rungs *const side[2], size_t rung, struct way is)
{
    UNROLL for (int s = 0; s < is.sides; s++)
        UNROLL for (int v = 0; v < VECTORS; v++) {
            c->p[s][v] += ohm_to(side[s], c->rung, rung, v, is) * c->q[s][v];
            c->q[s][v] += load(side[s]->siemens + rung * XO_STRIP + v * LANES) * c->p[s][v];
        }
    c->rung = rung;
}

INLINE void finish(struct climber *c, const struct xo_rungs *const side[2], float *out, struct way is)
{
    UNROLL for (int v = 0; v < VECTORS; v++) {
        vec current[2] = {{0}, {0}};
        UNROLL for (int s = 0; s < is.sides; s++) {
            const struct xo_rungs *g = side[s];
            size_t last = is.uniform ? (size_t)g->last_row : g->rungs;
            vec p = c->p[s][v] + ohm_to(g, c->rung, last, v, is) * c->q[s][v];
            current[s] = load(g->volt + v * LANES) * c->q[s][v] / (p + load(g->end_ohm + v * LANES) * c->q[s][v]);
        }
        *(unaligned_vec *)(out + v * LANES) = current[0] - current[1];
    }
}

INLINE void climb_as(const struct xo_active *a, size_t rows, const struct xo_rungs *const side[2], float *out,
                     struct way is)
{
    for (size_t row = 0; row < rows; row += 2) {
        size_t other = row + 1 < rows ? row + 1 : row, many = a->count[row], few = a->count[other], k = 0;
        const uint16_t *one = a->rung + row * a->rungs, *two = a->rung + other * a->rungs;
        struct climber c, d;
        begin(&c, many ? one[0] : 0, is);
        begin(&d, few ? two[0] : 0, is);
        for (; k < many && k < few; k++) {
            climb_one(&c, side, one[k], is);
            climb_one(&d, side, two[k], is);
        }
        for (size_t n = k; n < many; n++)
            climb_one(&c, side, one[n], is);
        for (size_t n = k; n < few; n++)
            climb_one(&d, side, two[n], is);
        finish(&c, side, out + row * XO_STRIP, is);
        finish(&d, side, out + other * XO_STRIP, is);
    }
}

/* ---- ends at two sides ------------------------------------------------------------------------------ */

/* What lies above the last rung: a star.  Nothing is as open as OPEN, which float32 can still multiply. */
#define OPEN 0x1p90f
struct star { vec a[2][VECTORS], b[2][VECTORS], c[2][VECTORS]; size_t rung; };

INLINE void begin_star(struct star *s, struct way is)
{
    UNROLL for (int n = 0; n < is.sides; n++)
        UNROLL for (int v = 0; v < VECTORS; v++) {
            s->a[n][v] = s->b[n][v] = (vec){0};
            s->c[n][v] = (vec){0} + OPEN;
        }
    s->rung = 0;
}

INLINE void walk_star(struct star *s, const struct xo_rungs *const side[2], size_t to, struct way is)
{
    UNROLL for (int n = 0; n < is.sides; n++)
        UNROLL for (int v = 0; v < VECTORS; v++) {
            s->b[n][v] += ohm_to(side[n], s->rung, to, v, is);
            s->c[n][v] += along(side[n]->second_position, side[n]->second_step_ohm, s->rung, to, v, is);
        }
    s->rung = to;
}

INLINE void climb_star(struct star *s, const struct xo_rungs *const side[2], size_t rung, struct way is)
{
    const vec one = (vec){0} + 1;
    walk_star(s, side, rung, is);
    UNROLL for (int n = 0; n < is.sides; n++)
        UNROLL for (int v = 0; v < VECTORS; v++) {
            vec g = load(side[n]->siemens + rung * XO_STRIP + v * LANES);
            vec k = one / (one + g * (s->b[n][v] + s->c[n][v]));
            s->c[n][v] *= k;
            s->a[n][v] += g * s->b[n][v] * s->c[n][v];
            s->b[n][v] *= k;
        }
}

INLINE void finish_star(struct star *s, const struct xo_rungs *const side[2], float *out, struct way is)
{
    walk_star(s, side, is.uniform ? (size_t)side[0]->last_row : side[0]->rungs, is);
    UNROLL for (int v = 0; v < VECTORS; v++) {
        vec current[2] = {{0}, {0}};
        UNROLL for (int n = 0; n < is.sides; n++)
            current[n] = load(side[n]->volt + v * LANES)
                         / (s->a[n][v] + s->c[n][v] + load(side[n]->end_ohm + v * LANES));
        *(unaligned_vec *)(out + v * LANES) = current[0] - current[1];
    }
}

INLINE void climb_stars_as(const struct xo_active *a, size_t rows, const struct xo_rungs *const side[2], float *out,
                           struct way is)
{
    for (size_t row = 0; row < rows; row++) {
        struct star s;
        begin_star(&s, is);
        for (size_t n = 0; n < a->count[row]; n++)
            climb_star(&s, side, a->rung[row * a->rungs + n], is);
        finish_star(&s, side, out + row * XO_STRIP, is);
    }
}

static void climb_stars(const struct xo_active *a, size_t rows, const struct xo_rungs *const side[2], float *out)
{
    bool uniform = !side[0]->position;
    if (side[1] && uniform)
        climb_stars_as(a, rows, side, out, (struct way){ 2, true });
    else if (side[1])
        climb_stars_as(a, rows, side, out, (struct way){ 2, false });
    else if (uniform)
        climb_stars_as(a, rows, side, out, (struct way){ 1, true });
    else
        climb_stars_as(a, rows, side, out, (struct way){ 1, false });
}

/* ---- nonlinear cells -------------------------------------------------------------------------------- */

/* u across the last rung, the current in the lines, and how both rise with the first u. */
struct curve { vec u[2][VECTORS], amp[2][VECTORS], lift[2][VECTORS], slope[2][VECTORS]; size_t rung; };

INLINE void begin_curve(struct curve *c, vec first[2][VECTORS], size_t rung, struct way is)
{
    const vec zero = {0};
    UNROLL for (int s = 0; s < is.sides; s++)
        UNROLL for (int v = 0; v < VECTORS; v++) {
            c->u[s][v] = first[s][v];
            c->amp[s][v] = c->slope[s][v] = zero;
            c->lift[s][v] = zero + 1;
        }
    c->rung = rung;
}

INLINE void climb_curve(struct curve *c, const struct xo_rungs *const side[2], size_t rung, struct way is)
{
    const int degree = side[0]->curves->degree;
    UNROLL for (int s = 0; s < is.sides; s++)
        UNROLL for (int v = 0; v < VECTORS; v++) {
            const float *a = side[s]->curves->curve + rung * (size_t)(degree + 1) * XO_STRIP + v * LANES;
            vec ohm = ohm_to(side[s], c->rung, rung, v, is), t, amp = load(a + degree * XO_STRIP), slope = {0};
            c->u[s][v] += ohm * c->amp[s][v];
            c->lift[s][v] += ohm * c->slope[s][v];
            t = load(side[s]->volt + v * LANES) - c->u[s][v];
            for (int k = degree - 1; k >= 0; k--) {
                slope = slope * t + amp;
                amp = amp * t + load(a + k * XO_STRIP);
            }
            c->amp[s][v] += amp;
            c->slope[s][v] -= slope * c->lift[s][v];
        }
    c->rung = rung;
}

/* One step of Newton's method: by how much the first u is off goes off there, and out of the current.  True: no step
 * was larger than what is left of it. */
INLINE bool settle(struct curve *c, const struct xo_rungs *const side[2], vec first[2][VECTORS], float *out,
                   struct way is)
{
    const vec zero = {0};
    whole large = {0};
    UNROLL for (int v = 0; v < VECTORS; v++) {
        vec current[2] = {{0}, {0}};
        UNROLL for (int s = 0; s < is.sides; s++) {
            const struct xo_rungs *g = side[s];
            size_t last = is.uniform ? (size_t)g->last_row : g->rungs;
            vec ohm = ohm_to(g, c->rung, last, v, is) + load(g->end_ohm + v * LANES);
            vec volt = c->u[s][v] + ohm * c->amp[s][v], lift = c->lift[s][v] + ohm * c->slope[s][v];
            vec step = (load(g->volt + v * LANES) - volt) / lift, close = zero + g->curves->close;
            vec low = load(g->curves->low + v * LANES), high = load(g->curves->high + v * LANES);
            large |= ~((whole)(step <= close) & (whole)(step >= -close));
            current[s] = c->amp[s][v] + step * c->slope[s][v];
            first[s][v] = clamp(first[s][v] + step, low, high);
        }
        *(unaligned_vec *)(out + v * LANES) = current[0] - current[1];
    }
    uint32_t any = 0;
    UNROLL for (int k = 0; k < LANES; k++)
        any |= large[k];
    return !any;
}

/* As if the cells were resistors. */
INLINE void guess(vec first[2][VECTORS], const struct xo_rungs *const side[2], const uint16_t *rung, size_t count,
                  struct way is)
{
    struct climber c;
    begin(&c, rung[0], is);
    for (size_t k = 0; k < count; k++)
        climb_one(&c, side, rung[k], is);
    UNROLL for (int s = 0; s < is.sides; s++)
        UNROLL for (int v = 0; v < VECTORS; v++) {
            const struct xo_rungs *g = side[s];
            size_t last = is.uniform ? (size_t)g->last_row : g->rungs;
            vec ohm = ohm_to(g, c.rung, last, v, is) + load(g->end_ohm + v * LANES);
            first[s][v] = load(g->volt + v * LANES) / (c.p[s][v] + ohm * c.q[s][v]);
        }
}

INLINE size_t climb_curves_as(const struct xo_active *a, size_t rows, const struct xo_rungs *const side[2],
                              float *out, struct way is)
{
    size_t unsettled = 0;
    for (size_t row = 0; row < rows; row++, out += XO_STRIP) {
        const uint16_t *rung = a->rung + row * a->rungs;
        size_t count = a->count[row];
        vec first[2][VECTORS];
        bool settled = false;
        if (!count) {
            memset(out, 0, XO_STRIP * sizeof *out);
            continue;
        }
        guess(first, side, rung, count, is);
        for (int step = 0; step < XO_MOST_CLIMBS && !settled; step++) {
            struct curve c;
            begin_curve(&c, first, rung[0], is);
            for (size_t k = 0; k < count; k++)
                climb_curve(&c, side, rung[k], is);
            settled = settle(&c, side, first, out, is);
        }
        unsettled += !settled;
    }
    return unsettled;
}

static size_t climb_curves(const struct xo_active *a, size_t rows, const struct xo_rungs *const side[2], float *out)
{
    bool uniform = !side[0]->position;
    if (side[1] && uniform)
        return climb_curves_as(a, rows, side, out, (struct way){ 2, true });
    if (side[1])
        return climb_curves_as(a, rows, side, out, (struct way){ 2, false });
    if (uniform)
        return climb_curves_as(a, rows, side, out, (struct way){ 1, true });
    return climb_curves_as(a, rows, side, out, (struct way){ 1, false });
}

xo_climb XO_PASTE(xo_climb_, XO_LEVEL);
size_t XO_PASTE(xo_climb_, XO_LEVEL)(const struct xo_active *a, size_t rows, const struct xo_rungs *plus,
                                     const struct xo_rungs *minus, float *out)
{
    const struct xo_rungs *const side[2] = { plus, minus };
    bool uniform = !plus->position;
    if (plus->curves)
        return climb_curves(a, rows, side, out);
    if (plus->opposed)
        climb_stars(a, rows, side, out);
    else if (minus && uniform)
        climb_as(a, rows, side, out, (struct way){ 2, true });
    else if (minus)
        climb_as(a, rows, side, out, (struct way){ 2, false });
    else if (uniform)
        climb_as(a, rows, side, out, (struct way){ 1, true });
    else
        climb_as(a, rows, side, out, (struct way){ 1, false });
    return 0;
}
