/* Iterative refinement in double-double: x <- x + K^-1 r, with r from Kirchhoff's law in branch form.
 *
 * Each step multiplies the error by the relative error of the engine's factor, some 1e-10 on hard arrays, so one or
 * two steps reach the last bit.  The engine decides how fast that goes, never where it ends.  A lane stops when its
 * own certificate says so: corrected by 0 from then on, it does not feel how long its neighbours take.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <string.h>
#include "plan.h"

#define MOST_STEPS 12

/* Current that terminals drive into unknowns at 0 V. */
static void drive(const xo_factor *f, const struct xo_lane_volt *volt, double (*x)[XO_LANES])
{
    const struct xo_components *k = &f->components;
    size_t unknowns = f->plan->circuit->unknowns;
    for (size_t e = 0; e < k->contacts; e++) {
        double g = f->siemens[k->contact_link[e]].hi, *xv = x[k->contact_unknown[e]];
        const double *vt = volt[unknowns + (size_t)k->contact_terminal[e]].hi;
        for (int lane = 0; lane < XO_LANES; lane++)
            xv[lane] += g * vt[lane];
    }
}

void xo_settle_idle(const xo_factor *f, struct xo_lane_volt *volt)
{
    const struct xo_components *k = &f->components;
    size_t unknowns = f->plan->circuit->unknowns;
    if (k->count == 1 && k->sole[0] == XO_SEVERAL)
        return;
    for (size_t v = 0; v < unknowns; v++) {
        int32_t sole = k->sole[k->of[v]];
        if (sole >= 0)
            volt[v] = volt[unknowns + (size_t)sole];
        else if (sole == XO_ISLAND)
            memset(&volt[v], 0, sizeof volt[v]);
    }
}

void xo_refine_start(const xo_factor *f, struct xo_scratch *s, int lanes, bool injected)
{
    size_t unknowns = f->plan->circuit->unknowns;
    if (injected)
        memcpy(s->x, s->inject, unknowns * sizeof *s->x);
    else
        memset(s->x, 0, unknowns * sizeof *s->x);
    drive(f, s->volt, s->x);
    if (unknowns)
        f->plan->table->solve(f, lanes, s->x);
    for (size_t v = 0; v < unknowns; v++)
        for (int lane = 0; lane < XO_LANES; lane++) {
            s->volt[v].hi[lane] = lane < lanes ? s->x[v][lane] : 0;
            s->volt[v].lo[lane] = 0;
        }
    xo_settle_idle(f, s->volt);
    xo_refine_kcl(f, s);
}

/* x = current that is still missing at each unknown, in the lanes that are to be corrected. */
XO_CLONES
static void missing(size_t unknowns, const struct xo_lane_amp *amp, double (*inject)[XO_LANES],
                    const double active[XO_LANES], double (*x)[XO_LANES])
{
    for (size_t v = 0; v < unknowns; v++) {
#pragma omp simd
        for (int lane = 0; lane < XO_LANES; lane++) {
            dd into = dd_add((dd){amp[v].hi[lane], amp[v].lo[lane]}, (dd){inject[v][lane], 0});
            x[v][lane] = active[lane] != 0 ? into.hi : 0;
        }
    }
}

XO_CLONES
static void correct(size_t unknowns, struct xo_lane_volt *volt, double (*x)[XO_LANES])
{
    for (size_t v = 0; v < unknowns; v++) {
#pragma omp simd
        for (int lane = 0; lane < XO_LANES; lane++) {
            dd sum = dd_add((dd){volt[v].hi[lane], volt[v].lo[lane]}, (dd){x[v][lane], 0});
            volt[v].hi[lane] = sum.hi;
            volt[v].lo[lane] = sum.lo;
        }
    }
}

void xo_refine_step(const xo_factor *f, struct xo_scratch *s, int lanes, bool injected, const double active[XO_LANES])
{
    size_t unknowns = f->plan->circuit->unknowns;
    if (!injected)
        memset(s->inject, 0, unknowns * sizeof *s->inject);
    missing(unknowns, s->amp, s->inject, active, s->x);
    if (unknowns)
        f->plan->table->solve(f, lanes, s->x);
    correct(unknowns, s->volt, s->x);
    xo_settle_idle(f, s->volt);
    xo_refine_kcl(f, s);
}

void xo_refine_kcl(const xo_factor *f, struct xo_scratch *s)
{
    const xo_circuit *c = f->plan->circuit;
    xo_kcl(c->links, c->link_a, c->link_b, f->siemens, xo_vertices(c), s->volt, s->amp);
}

int xo_refine(const xo_factor *f, struct xo_scratch *s, int lanes, double enough, int least_steps)
{
    double active[XO_LANES], before[XO_LANES];
    for (int lane = 0; lane < XO_LANES; lane++) {
        active[lane] = lane < lanes;
        before[lane] = INFINITY;
    }
    xo_refine_start(f, s, lanes, false);
    for (int step = 0;; step++) {
        int busy = 0;
        xo_certify(f, s);
        for (int lane = 0; lane < lanes; lane++) {
            bool better = s->excess[lane] < 0.25 * before[lane];
            if (step >= least_steps && (s->excess[lane] <= enough || (step > 0 && !better)))
                active[lane] = 0;
            before[lane] = s->excess[lane];
            busy += active[lane] != 0;
        }
        if (!busy || step == MOST_STEPS)
            return step;
        xo_refine_step(f, s, lanes, false, active);
    }
}
