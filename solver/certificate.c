/* The certificate: how far any computed current can be from the exact one, proven.
 *
 * K, the matrix of nodal analysis, is an M-matrix: K^-1 >= 0.  So if w > 0 has K w >= f > 0, then for voltages x
 * whose residual is r, |x - exact| = |K^-1 r| <= K^-1 |r| <= w max(|r| / f), component of the network by component.
 *   r    is Kirchhoff's law in branch form, in double-double, enlarged by its own rounding;
 *   f    is the sum of conductances at each node times 1 V, and w = K^-1 f is solved like any input: that K w >= f/2
 *        really holds is again read off Kirchhoff's law, its rounding taken off;
 *   1/R  is rounded like everything else, and counted.
 * A terminal's current is a sum over its contacts, so its error is at most the sum of g w max(|r| / f).
 * One w serves all inputs of an array, because the residuals are 1e-16 of what they would be in double; where that is
 * too coarse, a block gets its own (xo_certify_closely).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <float.h>
#include <string.h>
#include "plan.h"

#define SLACK (1 + 8 * DBL_EPSILON)    /* covers the few roundings of the bound's own arithmetic */
#define CEILING_STEPS 6

static double with_rounding(const xo_factor *f, const struct xo_lane_amp *amp, size_t v, int lane)
{
    return fabs(amp->hi[lane]) * SLACK + xo_kcl_rounding(f->link_count[v]) * amp->size[lane];
}

/* Lower bound of (K w)_v, where w is the block's voltages with terminals at 0 V. */
double xo_least_kw(const xo_factor *f, const struct xo_lane_amp *amp, size_t v, int lane)
{
    return -amp->hi[lane] / SLACK - xo_kcl_rounding(f->link_count[v]) * amp->size[lane];
}

void xo_find_ceiling(const xo_factor *f, struct xo_scratch *s, int lanes, bool found[XO_LANES])
{
    const xo_circuit *c = f->plan->circuit;
    double active[XO_LANES];
    memset(s->volt + c->unknowns, 0, c->terminals * sizeof *s->volt);
    xo_refine_start(f, s, lanes, true);
    for (int step = 0;; step++) {
        int busy = 0;
        for (int lane = 0; lane < XO_LANES; lane++)
            found[lane] = true;
        for (size_t v = 0; v < c->unknowns; v++)
            for (int lane = 0; lane < lanes; lane++)
                if (s->inject[v][lane] != 0 && !(xo_least_kw(f, &s->amp[v], v, lane) >= 0.5 * s->inject[v][lane]))
                    found[lane] = false;
        for (int lane = 0; lane < XO_LANES; lane++) {
            active[lane] = lane < lanes && !found[lane];
            busy += active[lane] != 0;
        }
        if (!busy || step == CEILING_STEPS)
            return;
        xo_refine_step(f, s, lanes, true, active);
    }
}

bool xo_certificate_prepare(xo_factor *f)
{
    const xo_circuit *c = f->plan->circuit;
    const struct xo_components *k = &f->components;
    struct xo_scratch *s = &f->scratch[0];
    bool found[XO_LANES];
    memset(s->inject, 0, c->unknowns * sizeof *s->inject);
    for (size_t e = 0; e < c->links; e++) {
        if ((size_t)c->link_a[e] < c->unknowns)
            s->inject[c->link_a[e]][0] += f->siemens[e].hi;
        if ((size_t)c->link_b[e] < c->unknowns)
            s->inject[c->link_b[e]][0] += f->siemens[e].hi;
    }
    for (size_t v = 0; v < c->unknowns; v++)
        if (k->sole[k->of[v]] != XO_SEVERAL)
            s->inject[v][0] = 0;
    xo_find_ceiling(f, s, 1, found);
    for (size_t v = 0; v < c->unknowns; v++) {
        f->ceiling_volt[v] = found[0] ? s->volt[v].hi[0] * SLACK : INFINITY;
        f->ceiling_amp[v] = found[0] ? xo_least_kw(f, &s->amp[v], v, 0) : 0;
    }
    return found[0];
}

/* ratio[component][lane] = max |r| / (K w) over its nodes; what is not a number proves nothing. */
XO_CLONES
static void find_ratios(const xo_factor *f, struct xo_scratch *s)
{
    const xo_circuit *c = f->plan->circuit;
    const struct xo_components *k = &f->components;
    memset(s->ratio, 0, k->count * sizeof *s->ratio);
    for (size_t v = 0; v < c->unknowns; v++) {
        double *ratio = s->ratio[k->of[v]], rounding = xo_kcl_rounding(f->link_count[v]), ceiling = f->ceiling_amp[v];
        const struct xo_lane_amp *amp = &s->amp[v];
        if (k->sole[k->of[v]] != XO_SEVERAL)
            continue;
#pragma omp simd
        for (int lane = 0; lane < XO_LANES; lane++) {
            double r = fabs(amp->hi[lane]) * SLACK + rounding * amp->size[lane], q = r == 0 ? 0 : r / ceiling;
            ratio[lane] = q <= ratio[lane] ? ratio[lane] : q == q ? q : INFINITY;
        }
    }
}

/* What errors up to ceiling_volt * ratio of the voltages carry into each terminal: into terminal_bound. */
static void carry_to_terminals(const xo_factor *f, struct xo_scratch *s)
{
    const xo_circuit *c = f->plan->circuit;
    const struct xo_components *k = &f->components;
    memset(s->terminal_bound, 0, c->terminals * sizeof *s->terminal_bound);
    for (size_t e = 0; e < k->contacts; e++) {
        int32_t v = k->contact_unknown[e], t = k->contact_terminal[e];
        double amp = f->siemens[k->contact_link[e]].hi * f->ceiling_volt[v];
        amp *= SLACK * (1 + f->link_count[c->unknowns + (size_t)t] * DBL_EPSILON);     /* the sum's rounding too */
        for (int lane = 0; lane < XO_LANES; lane++)
            s->terminal_bound[t][lane] += s->ratio[k->of[v]][lane] == 0 ? 0 : amp * s->ratio[k->of[v]][lane];
    }
}

void xo_certify(const xo_factor *f, struct xo_scratch *s)
{
    const xo_circuit *c = f->plan->circuit;
    find_ratios(f, s);
    carry_to_terminals(f, s);
    memset(s->excess, 0, sizeof s->excess);
    for (size_t t = 0; t < c->terminals; t++) {
        const struct xo_lane_amp *amp = &s->amp[c->unknowns + t];
        for (int lane = 0; lane < XO_LANES; lane++) {
            double *bound = &s->terminal_bound[t][lane], *rounding = &s->terminal_rounding[t][lane];
            double size = amp->size[lane], excess = *bound / size;
            if (!(*bound <= s->excess[lane] * size))
                s->excess[lane] = excess == excess ? excess : INFINITY;
            *rounding = xo_kcl_rounding(f->link_count[c->unknowns + t]) * size + XO_UNIT * fabs(amp->hi[lane]);
            *bound += *rounding;
        }
    }
}

/* The residual of the coarse lanes, with a floor where it is 0, as a current from outside. */
static void inject_residual(const xo_factor *f, struct xo_scratch *s, const bool coarse[XO_LANES])
{
    const xo_circuit *c = f->plan->circuit;
    const struct xo_components *k = &f->components;
    double most[XO_LANES] = {0};
    for (size_t v = 0; v < c->unknowns; v++)
        for (int lane = 0; lane < XO_LANES; lane++) {
            bool counts = coarse[lane] && k->sole[k->of[v]] == XO_SEVERAL;
            s->inject[v][lane] = counts ? with_rounding(f, &s->amp[v], v, lane) : 0;
            most[lane] = fmax(most[lane], s->inject[v][lane]);
        }
    for (size_t v = 0; v < c->unknowns; v++)
        for (int lane = 0; lane < XO_LANES; lane++)
            if (coarse[lane] && k->sole[k->of[v]] == XO_SEVERAL)
                s->inject[v][lane] = fmax(s->inject[v][lane], DBL_EPSILON * most[lane]);
}

/* Where one w for all inputs is too coarse (a column that hardly anything reaches, next to strong currents), the
 * lane's own residual gives the sharpest: w = K^-1 |r|. */
bool xo_certify_closely(const xo_factor *f, struct xo_scratch *s, int lanes)
{
    const xo_circuit *c = f->plan->circuit;
    bool coarse[XO_LANES] = {false}, found[XO_LANES];
    int count = 0;
    for (int lane = 0; lane < lanes; lane++)
        count += coarse[lane] = f->proven && s->excess[lane] > XO_COARSE;
    if (!count)
        return false;
    inject_residual(f, s, coarse);
    xo_find_ceiling(f, s, lanes, found);
    for (size_t t = 0; t < c->terminals; t++)
        for (int lane = 0; lane < lanes; lane++) {         /* the current of w into t is the sum of g w there */
            double carried = 2 * with_rounding(f, &s->amp[c->unknowns + t], c->unknowns + t, lane);
            if (coarse[lane] && found[lane])
                s->terminal_bound[t][lane] = fmin(s->terminal_bound[t][lane],
                                                  carried + s->terminal_rounding[t][lane]);
        }
    return true;
}
