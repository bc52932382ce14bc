/* Gated columns of nonlinear cells: see xo_ladder.h.
 *
 * The rungs that are on follow from the voltage x of the farthest.  V(x) rises; for laws that bend upwards it is
 * convex and Newton's method comes down to the root from above, for others bounds close in around it.  While x is far
 * too large a rung may lie far beyond V: nothing above it is looked at, for that this rung is to come down to V is a
 * bound as good, and nothing overflows.
 *
 * How far a current can be off: voltages and currents found obey Kirchhoff's laws to a few roundings a rung, as if
 * wires and voltages were other ones by as much.  Wires and cells that carry more by a share carry more by at most
 * that share in all, and a current that a cell draws beside its law reaches the end at most as it is, in any network
 * of monotone elements.  So the bound is a share of the current, and the sum of what each cell's law can be off.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include "cell.h"
#include "memory.h"
#include "xo_ladder.h"

#define UNIT 0x1p-53
enum { MOST_STEPS = 400 };

struct rung {
    size_t row;
    struct xo_cell cell;               /* transistor and all                              */
    double step_ohm;                   /* to the next rung that is on, or to V            */
    double volt, lift;                 /* voltage, and how it rises with that of the first */
    struct xo_cell_point point;
};

struct xo_ladder_work {
    size_t rows, count;
    double volt;                       /* V                                               */
    double amp, slope;                 /* current in the lines, and how it rises          */
    double left;                       /* by which the first rung's voltage is still off  */
    struct rung *rung;                 /* [rows] the farthest first                       */
};

int xo_ladder_work_new(xo_ladder_work **out, size_t rows)
{
    xo_ladder_work *w = xo_calloc(1, sizeof *w);
    if (w)
        w->rung = xo_calloc(rows, sizeof *w->rung);
    if (!w || !w->rung) {
        xo_ladder_work_free(w);
        return ENOMEM;
    }
    w->rows = rows;
    *out = w;
    return 0;
}

void xo_ladder_work_free(xo_ladder_work *w)
{
    if (!w)
        return;
    free(w->rung);
    free(w);
}

double xo_ladder_least_volt(const xo_ladder_work *w)
{
    return w->count ? w->rung[0].volt : w->volt;
}

/* ---- rungs that are on ------------------------------------------------------------------------------ */

static struct xo_cell cell_behind(const xo_ladder *l, size_t row, size_t column, double gate)
{
    struct xo_cell cell = l->cell[row * l->columns + column];
    double ohm = xo_transistor_ohm(l->transistor_ohm, l->transistor_off_siemens, l->gated[row] ? 0 : gate);
    cell.series_ohm = cell.series_ohm == XO_OPEN || ohm == XO_OPEN ? XO_OPEN : cell.series_ohm + ohm;
    return cell;
}

static void find_rungs(xo_ladder_work *w, const xo_ladder *l, size_t column, const double *gate)
{
    w->count = 0;
    w->volt = l->volt[column];
    for (size_t n = 0; n < l->rows; n++) {
        size_t i = l->top_is_far ? n : l->rows - 1 - n;
        struct xo_cell cell = cell_behind(l, i, column, gate[i]);
        double ohm = l->step_ohm[i * l->columns + column] + (n + 1 < l->rows ? 0 : l->end_ohm[column]);
        if (cell.series_ohm != XO_OPEN)
            w->rung[w->count++] = (struct rung){.row = i, .cell = cell};
        if (w->count)
            w->rung[w->count - 1].step_ohm += ohm;
    }
}

double xo_ladder_cell_amp(const xo_ladder *l, size_t row, size_t column, double transistor_ohm, double volt)
{
    struct xo_cell cell = l->cell[row * l->columns + column];
    struct xo_cell_point p;
    cell.series_ohm = cell.series_ohm == XO_OPEN ? XO_OPEN : cell.series_ohm + transistor_ohm;
    xo_cell_at(l->laws, &cell, volt, volt, &p);
    return p.amp;
}

/* ---- Newton's method -------------------------------------------------------------------------------- */

/* As if every cell were the resistor that it is at V: the first rung's voltage. */
static double first_guess(xo_ladder_work *w, const struct xo_laws *laws)
{
    double volt = 1, amp = 0;
    for (size_t k = 0; k < w->count; k++) {
        struct rung *r = &w->rung[k];
        xo_cell_at(laws, &r->cell, w->volt, w->volt, &r->point);
        amp += r->point.amp / w->volt * volt;
        volt += r->step_ohm * amp;
        if (volt > 1e200)              /* down to 1e-200 V will do to begin with */
            return w->volt * 1e-200;
    }
    return w->volt / volt;
}

/* From the first rung at x up to V, or to the first that lies far beyond; what is missing there goes to *gap, how
 * that falls with x to *slope.  False: it ended before V. */
static bool climb(xo_ladder_work *w, const struct xo_laws *laws, double x, double *gap, double *slope)
{
    double volt = x, lift = 1, most = 1.25 * fabs(w->volt);
    w->amp = w->slope = 0;
    for (size_t k = 0; k < w->count && fabs(volt) <= most; k++) {
        struct rung *r = &w->rung[k];
        r->volt = volt;
        r->lift = lift;
        xo_cell_at(laws, &r->cell, volt, r->point.device_volt, &r->point);
        w->amp += r->point.amp;
        w->slope += r->point.siemens * lift;
        volt += r->step_ohm * w->amp;
        lift += r->step_ohm * w->slope;
        if (k + 1 == w->count) {
            *gap = w->volt - volt;
            *slope = lift;
            return true;
        }
    }
    *gap = w->volt - volt;
    *slope = lift;
    return false;
}

/* Half way, by powers of two where the bounds are far apart. */
static double between(double low, double high)
{
    double small = fmin(fabs(low), fabs(high)), large = fmax(fabs(low), fabs(high));
    return small > 0.1 * large ? low + 0.5 * (high - low)
                               : copysign(sqrt(fmax(small, large * 1e-12)) * sqrt(large), high);
}

/* low and high are 0 and V at first, in this order whatever V's sign. */
static bool is_inside(double x, double low, double high)
{
    return high > 0 ? x > low && x < high : x < low && x > high;
}

static bool converge(xo_ladder_work *w, const struct xo_laws *laws)
{
    double low = 0, high = w->volt, x = first_guess(w, laws), gap, slope;
    for (int step = 0; step < MOST_STEPS; step++) {
        bool whole = climb(w, laws, x, &gap, &slope), beyond = (gap < 0) == (w->volt > 0) && gap != 0;
        *(beyond ? &high : &low) = x;
        w->left = gap / slope;
        if (whole && fabs(w->left) <= 1e-9 * fabs(x))
            return true;
        double next = x + w->left;
        if (!is_inside(next, low, high) || step % 32 == 31)
            next = between(low, high);
        if (!is_inside(next, low, high))
            return whole;
        x = next;
    }
    return false;
}

/* ---- what came out ---------------------------------------------------------------------------------- */

static double bound_of(const xo_ladder_work *w, const struct xo_laws *laws)
{
    double share = (4 * (double)w->rows + 20) * UNIT, bound = share * (fabs(w->amp) + fabs(w->left * w->slope));
    for (size_t k = 0; k < w->count; k++) {
        const struct rung *r = &w->rung[k];
        double off = fabs(w->left * r->lift), slope[2];
        xo_cell_slopes(laws, &r->cell, r->volt, &r->point, 1.01 * off + share * fabs(r->volt), slope);
        bound += slope[1] * share * (fabs(r->volt) + off) + (slope[1] - slope[0]) * off
                 + XO_LAW_ROUNDING * UNIT * r->point.size;
    }
    return 1.01 * bound;
}

static int check_ranges(const xo_ladder_work *w, const struct xo_laws *laws, size_t column, struct xo_info *info)
{
    for (size_t k = 0; k < w->count; k++) {
        const struct rung *r = &w->rung[k];
        const char *part, *where;
        double at, range[2];
        if (!xo_cell_covers(laws, &r->cell, r->volt, &r->point, &part, &where, &at, range))
            return xo_fail(info, XO_EVALUE, "the %s of cell (%zu, %zu) is at %g V; expected %g to %g V, where its "
                           "law is known%s", part, r->row, column, at, range[0], range[1], where);
    }
    return 0;
}

int xo_ladder_column(const xo_ladder *l, xo_ladder_work *w, size_t column, const double *gate, double *amp,
                     double *bound_amp, struct xo_info *info)
{
    find_rungs(w, l, column, gate);
    if (!w->count || w->volt == 0) {
        *amp = 0;
        if (bound_amp)
            *bound_amp = 0;
        return 0;
    }
    bool converged = converge(w, l->laws);
    double found = w->amp + w->left * w->slope, bound = converged ? bound_of(w, l->laws) : INFINITY;
    if (!(bound <= 1e-9 * fabs(found) || bound <= XO_MIN_SIEMENS * fabs(w->volt)))
        return xo_fail(info, XO_ENOTPROVEN, "not converged: column %zu, whose farthest cell (%zu, %zu) came to %.3g "
                       "V, is known within %.2g of its current; expected 1e-9", column, w->rung[0].row, column,
                       w->rung[0].volt, isfinite(bound) && found != 0 ? fabs(bound / found) : INFINITY);
    int status = check_ranges(w, l->laws, column, info);
    if (status)
        return status;
    *amp = found;
    if (bound_amp)
        *bound_amp = bound;
    return 0;
}

int xo_ladder_currents(const xo_ladder *l, size_t inputs, const double *gate, double *column_amp, double *bound_amp,
                       struct xo_info *info)
{
    xo_ladder_work *w = NULL;
    struct xo_info why = {""};
    size_t count = inputs * l->columns;
    if (!l->laws) {
        double bound = xo_ladder_amp(l, inputs, gate, column_amp);
        for (size_t k = 0; bound_amp && k < count; k++)
            bound_amp[k] = bound * fabs(column_amp[k]);
        return 0;
    }
    if (xo_ladder_work_new(&w, l->rows))
        return xo_fail(info, ENOMEM, "out of memory for a column of %zu rows", l->rows);
    int status = 0;
    for (size_t k = 0; k < count && !status; k++) {
        status = xo_ladder_column(l, w, k % l->columns, gate + k / l->columns * l->rows, &column_amp[k],
                                  bound_amp ? &bound_amp[k] : NULL, &why);
        if (status)
            status = xo_fail(info, status, "input %zu: %s", k / l->columns, why.text);
    }
    xo_ladder_work_free(w);
    return status;
}
