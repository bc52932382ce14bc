/* Gated columns of nonlinear cells: every rung's voltage follows from that of the farthest, which Newton's method
 * finds (xo_fcm.h has the formulas; solver/ladder_curved.c does the same from the laws themselves).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include "stage.h"

enum { MOST_STEPS = 200 };

/* One column and one input. */
struct column {
    const struct xo_fcm *m;
    const double *channel_ohm;         /* [rows] INFINITY: off                          */
    double *device_volt, *piece;       /* [rows] where each was last: good starts       */
    size_t column;
    double volt, amp, slope;           /* V; current in the lines, and how it rises     */
};

size_t xo_curves_scratch(const struct xo_fcm *m)
{
    return 3 * m->rows;
}

/* ---- one cell --------------------------------------------------------------------------------------- */

struct point { double amp, siemens; };

/* The piece of the curves that volt lies on, from the last one found. */
static size_t find_piece(const struct xo_fcm_ladder *l, double volt, double *last)
{
    size_t low = 0, high = l->points - 1, k = (size_t)*last;
    if (l->curve_volt[k] <= volt && volt <= l->curve_volt[k + 1])
        return k;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        *(l->curve_volt[middle] <= volt ? &low : &high) = middle;
    }
    *last = (double)low;
    return low;
}

/* Hermite's cubic, from its nearer end so that the origin stays exact; beyond the ends the tangent. */
static struct point on_curve(const struct xo_fcm_ladder *l, size_t curve, size_t k, double volt)
{
    const double *v = l->curve_volt, *amp = l->curve_ampere + curve * l->points;
    const double *slope = l->curve_siemens + curve * l->points;
    double h = v[k + 1] - v[k], secant = (amp[k + 1] - amp[k]) / h;
    double inside = fmin(fmax(volt, v[k]), v[k + 1]);
    size_t near = inside - v[k] <= 0.5 * h ? k : k + 1, far = 2 * k + 1 - near;
    double step = inside - v[near], t = fabs(step) / h, d = slope[near], e = slope[far];
    double quadratic = 3 * secant - 2 * d - e, cubic = d + e - 2 * secant;
    struct point p = { amp[near] + step * (d + t * (quadratic + t * cubic)),
                       fmax(0, d + t * (2 * quadratic + t * 3 * cubic)) };
    p.amp += p.siemens * (volt - inside);
    return p;
}

static struct point device_at(const struct column *c, size_t i, double volt)
{
    const struct xo_fcm_ladder *l = &c->m->ladder;
    size_t at = i * c->m->columns + c->column, curve = (size_t)l->cell_curve[at];
    size_t k = find_piece(l, volt, &c->piece[i]);
    double lower = l->cell_lower[at], upper = l->cell_upper[at];
    struct point p = on_curve(l, curve, k, volt);
    p = (struct point){ lower * p.amp, lower * p.siemens };
    if (upper > 0) {
        struct point q = on_curve(l, curve + 1, k, volt);
        p = (struct point){ p.amp + upper * q.amp, p.siemens + upper * q.siemens };
    }
    return p;
}

/* v + ohm I(v) = volt: what is left rises with v, from below 0 at v = 0 to above at v = volt. */
static struct point cell_at(const struct column *c, size_t i, double volt)
{
    const struct xo_fcm_ladder *l = &c->m->ladder;
    double ohm = c->channel_ohm[i] + l->cell_ohm[i * c->m->columns + c->column];
    double low = fmin(0, volt), high = fmax(0, volt), v = fmin(fmax(c->device_volt[i], low), high);
    struct point p = device_at(c, i, ohm > 0 ? v : volt);
    for (int step = 0; ohm > 0 && step < MOST_STEPS; step++) {
        double left = v - volt + ohm * p.amp, next = v - left / (1 + ohm * p.siemens);
        *(left < 0 ? &low : &high) = v;
        if (fabs(next - v) <= 1e-15 * fabs(v))
            break;
        v = next > low && next < high ? next : low + 0.5 * (high - low);
        p = device_at(c, i, v);
    }
    c->device_volt[i] = v;
    p.siemens /= 1 + ohm * p.siemens;
    return p;
}

/* ---- one column ------------------------------------------------------------------------------------- */

static bool is_on(const struct column *c, size_t i)
{
    const struct xo_fcm_ladder *l = &c->m->ladder;
    size_t at = i * c->m->columns + c->column;
    return c->channel_ohm[i] < INFINITY && l->cell_lower[at] + l->cell_upper[at] > 0;
}

/* From x at the farthest rung to V, or to the first rung far beyond it: what is missing, and how it falls with x. */
static bool climb(struct column *c, double x, double *gap, double *slope)
{
    const struct xo_fcm *m = c->m;
    const struct xo_fcm_ladder *l = &m->ladder;
    double volt = x, lift = 1, most = 1.25 * fabs(c->volt);
    bool on = false, beyond = false;
    c->amp = c->slope = 0;
    for (size_t n = 0; n < m->rows && !beyond; n++) {
        size_t i = l->top_is_far ? n : m->rows - 1 - n, at = i * m->columns + c->column;
        double ohm = l->step_ohm[at] + (n + 1 < m->rows ? 0 : l->end_ohm[c->column]);
        beyond = fabs(volt) > most;
        if (is_on(c, i) && !beyond) {
            struct point p = cell_at(c, i, volt);
            c->amp += p.amp;
            c->slope += p.siemens * lift;
            on = true;
        }
        volt += on && !beyond ? ohm * c->amp : 0;
        lift += on && !beyond ? ohm * c->slope : 0;
    }
    *gap = c->volt - volt;
    *slope = lift;
    return !beyond;
}

static bool is_inside(double x, double low, double high)
{
    return high > 0 ? x > low && x < high : x < low && x > high;
}

/* Half way, by powers of two where the bounds are far apart. */
static double between(double low, double high)
{
    double small = fmin(fabs(low), fabs(high)), large = fmax(fabs(low), fabs(high));
    return small > 0.1 * large ? low + 0.5 * (high - low)
                               : copysign(sqrt(fmax(small, large * 1e-12)) * sqrt(large), high);
}

/* As if every cell were the resistor that it is at V. */
static double first_guess(struct column *c)
{
    const struct xo_fcm *m = c->m;
    const struct xo_fcm_ladder *l = &m->ladder;
    double volt = 1, amp = 0;
    for (size_t n = 0; n < m->rows && volt < 1e200; n++) {
        size_t i = l->top_is_far ? n : m->rows - 1 - n;
        amp += is_on(c, i) ? cell_at(c, i, c->volt).amp / c->volt * volt : 0;
        volt += (l->step_ohm[i * m->columns + c->column] + (n + 1 < m->rows ? 0 : l->end_ohm[c->column])) * amp;
    }
    return c->volt / fmin(volt, 1e200);
}

static double column_amp(struct column *c)
{
    double low = 0, high = c->volt, x = first_guess(c), gap, slope;
    for (int step = 0; step < MOST_STEPS; step++) {
        bool whole = climb(c, x, &gap, &slope), beyond = gap != 0 && (gap < 0) == (c->volt > 0);
        double next = x + gap / slope;
        if (whole && fabs(next - x) <= 1e-9 * fabs(x))
            return c->amp + gap / slope * c->slope;
        *(beyond ? &high : &low) = x;
        if (!is_inside(next, low, high) || step % 32 == 31)
            next = between(low, high);
        if (!is_inside(next, low, high))
            break;
        x = next;
    }
    return c->amp;
}

void xo_curves_run(const struct xo_fcm *m, size_t inputs, const double *volt, double *amp, double *scratch)
{
    for (size_t n = 0; n < inputs; n++) {
        for (size_t i = 0; i < m->rows; i++)
            scratch[i] = 1 / xo_channel_siemens(m, volt[n * m->rows + i]);
        for (size_t j = 0; j < m->columns; j++) {
            struct column c = { .m = m, .channel_ohm = scratch, .device_volt = scratch + m->rows,
                                .piece = scratch + 2 * m->rows, .column = j, .volt = m->ladder.volt[j] };
            for (size_t i = 0; i < m->rows; i++) {
                c.device_volt[i] = c.volt;
                c.piece[i] = 0;
            }
            amp[n * m->columns + j] = c.volt == 0 ? 0 : column_amp(&c);
        }
    }
}
