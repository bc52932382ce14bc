/* How far a solution of Newton's method can be from the exact one, proven.
 *
 * Let x be the voltages found and r the currents Kirchhoff's law misses there, rounding included.  Along the path
 * from x to the exact solution on which the missing currents shrink in proportion, dx/dt = K^-1 r, K the matrix of
 * the slopes met on the way.  If some w > 0 has |r| <= q K w for every K of slopes that cells can have within 4 w of
 * x, then the path moves by no more than q w, and for q <= 4 it never leaves where that holds.  So |x - exact| <= q
 * w: the certificate of a linear array, with slopes that are known within a spread:
 *     (K w)_v >= (K_x w)_v - sum over the cells at v of spread |w_u - w_v|.
 * w = K_x^-1 (|r| + floor), so q is about 1 and the bound as sharp as |r| allows.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <float.h>
#include <string.h>
#include "newton.h"

#define SLACK (1 + 16 * DBL_EPSILON)
#define ENCLOSURE 4.0

/* |r| with all that rounding can have hidden in it. */
static double missing_at(const struct xo_newton *n, size_t v)
{
    double rounding = xo_kcl_rounding(n->base->link_count[v]);
    double laws = XO_LAW_ROUNDING * XO_UNIT * n->law_size[v];
    return (fabs(n->amp[v].hi) + rounding * n->size[v] + laws) * SLACK;
}

static bool counts(const xo_factor *f, size_t v)
{
    return f->components.sole[f->components.of[v]] == XO_SEVERAL;
}

static void inject(const struct xo_newton *n, struct xo_scratch *s)
{
    const xo_circuit *c = n->base->plan->circuit;
    double most = 0;
    memset(s->inject, 0, c->unknowns * sizeof *s->inject);
    for (size_t v = 0; v < c->unknowns; v++)
        if (counts(n->base, v))
            most = fmax(most, s->inject[v][0] = missing_at(n, v));
    for (size_t v = 0; v < c->unknowns; v++)
        if (counts(n->base, v))
            s->inject[v][0] = fmax(s->inject[v][0], DBL_EPSILON * most);
}

static double ceiling_at(const xo_circuit *c, const struct xo_scratch *s, int32_t v)
{
    return (size_t)v < c->unknowns ? s->volt[v].hi[0] * SLACK : 0;
}

/* Slopes within the enclosure; their middles go to linear, what they can differ from them by to n->step's place. */
static void spread_slopes(struct xo_newton *n, const struct xo_scratch *s, double *taken)
{
    const xo_circuit *c = n->base->plan->circuit;
    const struct xo_nonlinear *k = n->base->nonlinear;
    for (size_t e = 0; e < k->cells; e++) {
        int32_t a = c->link_a[e], b = c->link_b[e];
        double wa = ceiling_at(c, s, a), wb = ceiling_at(c, s, b), slope[2], g = n->linear.siemens[e].hi;
        double volt = dd_subtract(n->volt[a], n->volt[b]).hi;
        xo_cell_slopes(c->laws, &k->cell[e], volt, &n->point[e], ENCLOSURE * (wa + wb), slope);
        double spread = fmax(slope[1] - g, g - slope[0]) * fabs(wa - wb) * SLACK;
        if ((size_t)a < c->unknowns)
            taken[a] += spread;
        if ((size_t)b < c->unknowns)
            taken[b] += spread;
    }
}

/* q = max |r| / (K w), or infinity. */
static double find_ratio(const struct xo_newton *n, const struct xo_scratch *s, const double *taken)
{
    const xo_circuit *c = n->base->plan->circuit;
    double ratio = 0;
    for (size_t v = 0; v < c->unknowns; v++) {
        if (!counts(n->base, v))
            continue;
        double least = xo_least_kw(&n->linear, &s->amp[v], v, 0) - taken[v], r = missing_at(n, v);
        double q = r == 0 && least >= 0 ? 0 : least > 0 ? r / least * SLACK : INFINITY;
        ratio = fmax(ratio, q);
    }
    return ratio <= ENCLOSURE ? ratio : INFINITY;
}

/* Errors of up to ratio w carried into the terminals by what leads there, at the largest slope it can have. */
static void carry(struct xo_newton *n, const struct xo_scratch *s, double ratio)
{
    const xo_circuit *c = n->base->plan->circuit;
    const struct xo_components *k = &n->base->components;
    const struct xo_nonlinear *cells = n->base->nonlinear;
    memset(n->bound, 0, c->terminals * sizeof *n->bound);
    for (size_t i = 0; i < k->contacts; i++) {
        size_t e = (size_t)k->contact_link[i];
        int32_t v = k->contact_unknown[i], a = c->link_a[e], b = c->link_b[e];
        double w = counts(n->base, (size_t)v) ? ceiling_at(c, s, v) : 0, slope[2];
        slope[1] = n->linear.siemens[e].hi;
        if (e < cells->cells)
            xo_cell_slopes(c->laws, &cells->cell[e], dd_subtract(n->volt[a], n->volt[b]).hi, &n->point[e],
                           ENCLOSURE * w, slope);
        n->bound[k->contact_terminal[i]] += w == 0 ? 0 : ratio * slope[1] * w * SLACK;
    }
    for (size_t t = 0; t < c->terminals; t++) {
        size_t v = c->unknowns + t;
        n->bound[t] *= 1 + n->base->link_count[v] * DBL_EPSILON;
        n->bound[t] += (missing_at(n, v) - fabs(n->amp[v].hi) * SLACK) + 20 * XO_UNIT * fabs(n->amp[v].hi);
    }
}

void xo_newton_prove(struct xo_newton *n, struct xo_scratch *s)
{
    const xo_circuit *c = n->base->plan->circuit;
    double ratio = INFINITY, *taken = n->step;             /* not needed any more for this input */
    bool found[XO_LANES];
    for (size_t e = 0; e < n->base->nonlinear->cells; e++)
        n->linear.siemens[e] = (dd){n->point[e].siemens, 0};
    xo_whole_cells(&n->linear);
    inject(n, s);
    if (c->unknowns)
        xo_find_ceiling(&n->linear, s, 1, found);
    memset(taken, 0, c->unknowns * sizeof *taken);
    spread_slopes(n, s, taken);
    ratio = find_ratio(n, s, taken);
    carry(n, s, ratio);
}
