/* Cells of several elements in series.
 *
 * With x the device's voltage and i = I(x) its current, the rest of the cell takes r(i) = R i + S(i), S the inverse
 * of the selector's law, so x solves f(x) = x + r(I(x)) - v = 0.  f rises everywhere and changes its sign between 0
 * and v: Newton's method with bounds that close in cannot miss.  Slope by the chain rule: dv/di = 1/I'(x) + R +
 * 1/S'(y).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include "cell.h"
#include "memory.h"

static void note_place(char where[100], const char *place)
{
    if (place && *place)
        snprintf(where, 100, " (%.90s)", place);
}

int xo_laws_new(struct xo_laws **out, const struct xo_crossbar *x, struct xo_info *info)
{
    struct xo_laws *d = NULL;
    int status = 0;
    *out = NULL;
    if (!xo_is_nonlinear(x))
        return 0;
    d = xo_calloc(1, sizeof *d);
    if (!d)
        return xo_fail(info, ENOMEM, "out of memory for a law");
    d->reference_volt = x->law.reference_volt;
    d->subcircuit = x->law.subcircuit;
    note_place(d->where[0], x->law.where);
    note_place(d->where[1], x->selector.where);
    status = xo_law_new(&d->law, &x->law, info);
    if (!status && x->cell_type == XO_CELL_1S1R) {
        if (!(x->selector_siemens >= XO_MIN_SIEMENS && x->selector_siemens <= XO_MAX_SIEMENS))
            status = xo_fail(info, XO_EVALUE, "selector_siemens is %g; expected %g..%g S", x->selector_siemens,
                             XO_MIN_SIEMENS, XO_MAX_SIEMENS);
        else if (x->selector.levels > 1)
            status = xo_fail(info, XO_EVALUE, "the selector has %zu levels; expected one", x->selector.levels);
        if (!status)
            status = xo_law_new(&d->selector, &x->selector, info);
        if (!status)
            status = xo_law_place(d->selector, x->selector_siemens, &d->selector_blend, info);
    }
    if (status)
        xo_laws_free(d);
    else
        *out = d;
    return status;
}

void xo_laws_free(struct xo_laws *d)
{
    if (!d)
        return;
    xo_law_free(d->law);
    xo_law_free(d->selector);
    free(d);
}

int xo_cell_place(const struct xo_laws *d, double siemens, double series_ohm, struct xo_cell *out,
                  struct xo_info *info)
{
    struct xo_info why = {""};
    out->series_ohm = siemens == 0 ? XO_OPEN : series_ohm;
    int status = xo_law_place(d->law, siemens, &out->blend, &why);
    return status ? xo_fail(info, status, "%s%s", why.text, d->where[0]) : 0;
}

static bool is_bare(const struct xo_laws *d, const struct xo_cell *cell)
{
    return !d->selector && cell->series_ohm == 0;
}

/* f(x) and f'(x); the point of the device at x goes to p. */
static double gap(const struct xo_laws *d, const struct xo_cell *cell, double volt, double x, struct xo_law_point *p,
                  double *slope)
{
    double rest, rest_slope = cell->series_ohm;
    xo_law_at(d->law, &cell->blend, x, p);
    rest = cell->series_ohm * p->amp;
    if (d->selector) {
        struct xo_law_point q;
        double y = xo_law_inverse(d->selector, &d->selector_blend, p->amp, volt - x - rest);
        xo_law_at(d->selector, &d->selector_blend, y, &q);
        rest += y;
        rest_slope += q.siemens > 0 ? 1 / q.siemens : XO_MAX_OHM;
    }
    *slope = 1 + p->siemens * rest_slope;
    return x - volt + rest;
}

/* Half way, but by powers of two where the bounds are decades apart: behind a selector a device may keep 1e-20 V. */
static double between(double low, double high)
{
    double a = fabs(low), b = fabs(high), small = fmin(a, b), large = fmax(a, b);
    if (small > 0.1 * large)
        return low + 0.5 * (high - low);
    small = fmax(small, fmax(large * 1e-12, DBL_MIN));
    return copysign(sqrt(small) * sqrt(large), a > b ? low : high);
}

static double solve_series(const struct xo_laws *d, const struct xo_cell *cell, double volt, double start,
                           struct xo_law_point *p, double *left)
{
    double low = fmin(0, volt), high = fmax(0, volt), x = fmin(fmax(start, low), high), slope;
    for (int step = 0; step < 300; step++) {
        double f = gap(d, cell, volt, x, p, &slope), next = x - f / slope;
        *left = fabs(f);
        *(f < 0 ? &low : &high) = x;
        if (fabs(next - x) <= 0.5 * DBL_EPSILON * fabs(x))
            break;
        if (!(next > low && next < high))
            next = between(low, high);
        if (!(next > low && next < high))
            break;
        x = next;
    }
    return x;
}

void xo_cell_at(const struct xo_laws *d, const struct xo_cell *cell, double volt, double start,
                struct xo_cell_point *out)
{
    struct xo_law_point p;
    double left = 0, slope;
    *out = (struct xo_cell_point){0};
    if (cell->series_ohm == XO_OPEN)
        return;
    if (is_bare(d, cell)) {
        xo_law_at(d->law, &cell->blend, volt, &p);
        *out = (struct xo_cell_point){p.amp, p.siemens, p.size, volt};
        return;
    }
    out->device_volt = volt == 0 ? 0 : solve_series(d, cell, volt, start, &p, &left);
    gap(d, cell, volt, out->device_volt, &p, &slope);
    out->amp = p.amp;
    out->siemens = p.siemens / slope;
    out->size = 3 * p.size + out->siemens * (4 * fabs(volt) + left / XO_UNIT);
}

/* Every element's voltage rises with that of the cell, and by no more. */
void xo_cell_slopes(const struct xo_laws *d, const struct xo_cell *cell, double volt, const struct xo_cell_point *p,
                    double radius, double slope[2])
{
    struct xo_law_point device, selector;
    double spread;
    slope[0] = slope[1] = 0;
    if (cell->series_ohm == XO_OPEN)
        return;
    xo_law_at(d->law, &cell->blend, p->device_volt, &device);
    spread = radius * xo_law_bend(d->law, &cell->blend, p->device_volt, radius) + 64 * XO_UNIT * device.siemens;
    slope[0] = fmax(0, device.siemens - spread);
    slope[1] = device.siemens + spread;
    if (is_bare(d, cell))
        return;
    double least = cell->series_ohm, most = least;
    if (d->selector) {
        double y = volt - p->device_volt - cell->series_ohm * p->amp;
        xo_law_at(d->selector, &d->selector_blend, y, &selector);
        spread = radius * xo_law_bend(d->selector, &d->selector_blend, y, radius) + 64 * XO_UNIT * selector.siemens;
        least += 1 / (selector.siemens + spread);
        most = selector.siemens > spread ? most + 1 / (selector.siemens - spread) : INFINITY;
    }
    slope[0] = slope[0] > 0 && most < INFINITY ? slope[0] / (1 + slope[0] * most) : 0;
    slope[1] = slope[1] / (1 + slope[1] * least);
}

bool xo_cell_covers(const struct xo_laws *d, const struct xo_cell *cell, double volt, const struct xo_cell_point *p,
                    const char **part, const char **where, double *part_volt, double range[2])
{
    if (cell->series_ohm == XO_OPEN)
        return true;
    *part = "device";
    *where = d->where[0];
    *part_volt = p->device_volt;
    if (!xo_law_covers(d->law, &cell->blend, p->device_volt, range))
        return false;
    if (!d->selector)
        return true;
    *part = "selector";
    *where = d->where[1];
    *part_volt = volt - p->device_volt - cell->series_ohm * p->amp;
    return xo_law_covers(d->selector, &d->selector_blend, *part_volt, range);
}
