/* Newton's method for arrays of nonlinear cells.
 *
 * Kirchhoff's law at all nodes is the gradient of the co-content, the sum over branches of the integral of i dv
 * (Millar 1951), which is convex where every law is monotone: there is one solution, and it is a minimum.  Each step
 * solves the linear array of the cells' slopes, with the missing currents as sources.  Along a step the work of the
 * currents Kirchhoff's law misses, -r . d, rises from below 0 through 0 at the best length; a step is taken whole
 * where that work has shrunk to half, else its length is searched for.  Such steps lead to the minimum from
 * everywhere; sources are stepped up only should rounding stop them.
 *
 * Voltages are double-double and currents summed in it (dd.h says why); only the laws themselves are double, and
 * their rounding is part of the bound.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "newton.h"

#define MOST_STEPS 200
#define MOST_LENGTHS 60                /* tried for one step */
#define ENOUGH 0.5                     /* share of the missing work that a step may leave */
#define CHORD 1e-3                     /* a step that left no more of the current keeps its factor for the next */
#define LEAST_SOURCE_STEP (1.0 / 1024)

/* ---- Kirchhoff's law ------------------------------------------------------------------------------- */

static void flow(struct xo_newton *n, int32_t from, int32_t to, dd current)
{
    n->amp[to] = dd_add(n->amp[to], current);
    n->amp[from] = dd_subtract(n->amp[from], current);
    n->size[to] += fabs(current.hi);
    n->size[from] += fabs(current.hi);
}

static void flow_cells(struct xo_newton *n, const dd *volt)
{
    const xo_circuit *c = n->base->plan->circuit;
    const struct xo_nonlinear *k = n->base->nonlinear;
    for (size_t e = 0; e < k->cells; e++) {
        int32_t a = c->link_a[e], b = c->link_b[e];
        struct xo_cell_point *p = &n->point[e];
        dd drop = dd_subtract(volt[a], volt[b]);
        xo_cell_at(c->laws, &k->cell[e], drop.hi, p->device_volt, p);
        flow(n, a, b, dd_two_sum(p->amp, p->siemens * drop.lo));
        n->law_size[a] += p->size;
        n->law_size[b] += p->size;
    }
}

/* The largest |missing current| over what is allowed: 1e-13 of the largest column current, or rounding. */
static void find_excess(struct xo_newton *n)
{
    const xo_circuit *c = n->base->plan->circuit;
    double scale = 0;
    n->worst_excess = 0;
    n->worst = 0;
    for (size_t t = c->unknowns + c->rows; t < xo_vertices(c); t++)
        scale = fmax(scale, n->size[t]);
    for (size_t v = 0; v < c->unknowns; v++) {
        double allowed = fmax(1e-13 * scale, 8 * DBL_EPSILON * (n->size[v] + n->law_size[v]));
        double excess = n->amp[v].hi == 0 ? 0 : fabs(n->amp[v].hi) / fmax(allowed, DBL_MIN);
        if (!(excess <= n->worst_excess)) {
            n->worst_excess = excess == excess ? excess : INFINITY;
            n->worst = v;
        }
    }
}

void xo_newton_currents(struct xo_newton *n, const dd *volt)
{
    const xo_circuit *c = n->base->plan->circuit;
    size_t vertices = xo_vertices(c);
    memset(n->amp, 0, vertices * sizeof *n->amp);
    memset(n->size, 0, vertices * sizeof *n->size);
    memset(n->law_size, 0, vertices * sizeof *n->law_size);
    flow_cells(n, volt);
    for (size_t e = n->base->nonlinear->cells; e < c->links; e++) {
        int32_t a = c->link_a[e], b = c->link_b[e];
        flow(n, a, b, dd_multiply(n->base->siemens[e], dd_subtract(volt[a], volt[b])));
    }
    find_excess(n);
}

/* ---- one step -------------------------------------------------------------------------------------- */

/* Slopes as they are; a cell that is flat keeps a trace, so that nothing hangs on nothing while iterating. */
static int factor_slopes(struct xo_newton *n, struct xo_info *info)
{
    const struct xo_nonlinear *k = n->base->nonlinear;
    for (size_t e = 0; e < k->cells; e++)
        n->linear.siemens[e] = (dd){fmax(n->point[e].siemens, 1e-12 * n->base->siemens[e].hi), 0};
    xo_whole_cells(&n->linear);
    n->factors++;
    n->factored = true;
    return n->base->plan->circuit->unknowns ? xo_factor_renew(&n->linear, info) : 0;
}

static void find_step(struct xo_newton *n, struct xo_scratch *s)
{
    const xo_circuit *c = n->base->plan->circuit;
    for (size_t v = 0; v < c->unknowns; v++)
        s->x[v][0] = n->amp[v].hi;
    if (c->unknowns)
        n->linear.plan->table->solve(&n->linear, 1, s->x);
    for (size_t v = 0; v < c->unknowns; v++)
        n->step[v] = s->x[v][0];
}

static double work(const struct xo_newton *n)
{
    const xo_circuit *c = n->base->plan->circuit;
    double sum = 0;
    for (size_t v = 0; v < c->unknowns; v++)
        sum -= n->amp[v].hi * n->step[v];
    return sum == sum ? sum : INFINITY;
}

/* trial = volt + length * step, and its currents. */
static double try_length(struct xo_newton *n, double length)
{
    const xo_circuit *c = n->base->plan->circuit;
    for (size_t v = 0; v < c->unknowns; v++)
        n->trial[v] = dd_add(n->volt[v], dd_two_product(length, n->step[v]));
    memcpy(n->trial + c->unknowns, n->volt + c->unknowns, c->terminals * sizeof *n->trial);
    xo_newton_currents(n, n->trial);
    return work(n);
}

static void accept(struct xo_newton *n)
{
    dd *other = n->volt;
    n->volt = n->trial;
    n->trial = other;
}

/* Find a length at which little of the work is left, from what length 1 left.  false: there is none. */
static bool search_length(struct xo_newton *n, double before, double after)
{
    double low = 0, low_work = before, high = 0, high_work = 0, length = 1;
    for (int k = 0; k < MOST_LENGTHS; k++) {
        if (fabs(after) <= ENOUGH * fabs(before))
            return true;
        if (after < 0) {
            low = length;
            low_work = after;
        } else {
            high = length;
            high_work = after;
        }
        double secant = low + (high - low) * low_work / (low_work - high_work), margin = 0.1 * (high - low);
        bool usable = k % 2 == 0 && secant > low + margin && secant < high - margin;
        length = high == 0 ? 2 * low : usable ? secant : 0.5 * (low + high);
        if (length > 0x1p20 || length < 0x1p-60)
            return false;
        after = try_length(n, length);
    }
    return false;
}

/* ---- the iteration --------------------------------------------------------------------------------- */

/* From n->volt to where Kirchhoff's law holds; XO_ENOTPROVEN: it stopped before.  Leaves currents of n->volt. */
static int iterate(struct xo_newton *n, struct xo_scratch *s, struct xo_info *info)
{
    double left = 0;                   /* share of the missing current that the last step left */
    xo_newton_currents(n, n->volt);
    for (int k = 0; n->worst_excess > 1; k++) {
        double before = n->worst_excess;
        bool chord = n->factored && left <= CHORD;
        int status = chord ? 0 : factor_slopes(n, info);
        if (status || k == MOST_STEPS)
            return status ? status : XO_ENOTPROVEN;
        find_step(n, s);
        double missing = work(n), after = try_length(n, 1);
        left = n->worst_excess / before;
        bool good = left <= 0.5 || n->worst_excess <= 1;
        if (chord && !good) {          /* the old factor does not serve: stay, and take a new one */
            xo_newton_currents(n, n->volt);
            continue;
        }
        if (!good && !search_length(n, missing, after)) {
            xo_newton_currents(n, n->volt);
            return XO_ENOTPROVEN;
        }
        n->steps++;
        accept(n);
    }
    return 0;
}

/* One step more, kept if it makes nothing worse. */
static void polish(struct xo_newton *n, struct xo_scratch *s)
{
    double before = n->worst_excess;
    if (!n->factored || before == 0)
        return;
    find_step(n, s);
    try_length(n, 1);
    if (n->worst_excess <= before)
        accept(n);
    else
        xo_newton_currents(n, n->volt);
}

static void settle_idle(struct xo_newton *n)
{
    const xo_circuit *c = n->base->plan->circuit;
    const struct xo_components *k = &n->base->components;
    for (size_t v = 0; v < c->unknowns; v++) {
        int32_t sole = k->sole[k->of[v]];
        if (sole != XO_SEVERAL)
            n->volt[v] = sole >= 0 ? n->volt[c->unknowns + (size_t)sole] : (dd){0, 0};
    }
}

/* Sources up from 0, where every current is 0, by steps that halve when they fail and grow when they do not. */
static int step_sources(struct xo_newton *n, struct xo_scratch *s, struct xo_info *info)
{
    const xo_circuit *c = n->base->plan->circuit;
    double reached = 0, step = 0.125;
    int status = 0;
    dd *kept = xo_calloc(xo_vertices(c), sizeof *kept);
    if (!kept)
        return ENOMEM;
    while (reached < 1 && step >= LEAST_SOURCE_STEP) {
        double next = fmin(1, reached + step), grow = reached > 0 ? next / reached : 0;
        for (size_t v = 0; v < c->unknowns; v++)
            n->volt[v] = dd_multiply(kept[v], (dd){grow, 0});
        for (size_t t = c->unknowns; t < xo_vertices(c); t++)
            n->volt[t] = (dd){next * s->volt[t].hi[0], 0};
        settle_idle(n);
        status = iterate(n, s, info);
        if (status && status != XO_ENOTPROVEN)
            break;
        step *= status ? 0.5 : 2;
        if (!status) {
            reached = next;
            memcpy(kept, n->volt, xo_vertices(c) * sizeof *kept);
        }
    }
    free(kept);
    return status;
}

/* Start where the reference conductances, as resistors, put the nodes; or, if currents are closer to Kirchhoff's law
 * there, where the last input ended. */
static void start(struct xo_newton *n, struct xo_scratch *s)
{
    const xo_circuit *c = n->base->plan->circuit;
    double warm_excess = INFINITY;
    for (size_t t = c->unknowns; t < xo_vertices(c); t++)
        n->volt[t] = (dd){s->volt[t].hi[0], 0};
    if (n->warm) {
        settle_idle(n);
        xo_newton_currents(n, n->volt);
        warm_excess = n->worst_excess;
    }
    xo_refine_start(n->base, s, 1, false);
    for (size_t v = 0; v < xo_vertices(c); v++)
        n->trial[v] = xo_volt_at(&s->volt[v], 0);
    xo_newton_currents(n, n->trial);
    if (n->worst_excess < warm_excess || !n->warm)
        accept(n);
    if (!(n->worst_excess < INFINITY))
        memset(n->volt, 0, c->unknowns * sizeof *n->volt);
    settle_idle(n);
    n->warm = true;
    n->steps = n->factors = 0;
}

/* "word line 3 column 7": the first place of a vertex. */
static void name_node(const xo_circuit *c, size_t vertex, char *text, size_t size)
{
    size_t place = 0, cells = c->rows * c->columns;
    while (place + 1 < c->nodes && (size_t)c->vertex[place] != vertex)
        place++;
    bool word = place < cells;
    size_t row = place % cells / c->columns, column = place % c->columns;
    snprintf(text, size, "%s %zu %s %zu", word ? xo_word_line_name(c) : "bit line", word ? row : column,
             word ? "column" : "row", word ? column : row);
}

static int fail_to_converge(const struct xo_newton *n, size_t input, struct xo_info *info)
{
    char node[80];
    name_node(n->base->plan->circuit, n->worst, node, sizeof node);
    return xo_fail(info, XO_ENOTPROVEN, "input %zu: not converged after %d steps: Kirchhoff's law misses %.3g A at "
                   "%s, %.2g times what is "
                   "allowed", input, n->steps, fabs(n->amp[n->worst].hi), node, n->worst_excess);
}

/* Cells that ended up where nothing is known of them. */
static int check_ranges(const struct xo_newton *n, size_t input, struct xo_info *info)
{
    const xo_circuit *c = n->base->plan->circuit;
    const struct xo_nonlinear *k = n->base->nonlinear;
    for (size_t e = 0; e < k->cells; e++) {
        double volt = dd_subtract(n->volt[c->link_a[e]], n->volt[c->link_b[e]]).hi, at, range[2];
        size_t b = (size_t)c->link_branch[e];
        const char *part, *where;
        if (!xo_cell_covers(c->laws, &k->cell[e], volt, &n->point[e], &part, &where, &at, range))
            return xo_fail(info, XO_EVALUE, "input %zu: the %s of cell (%zu, %zu) is at %g V; expected %g to %g V, "
                           "where its law is known%s", input, part, b / c->columns, b % c->columns, at, range[0],
                           range[1], where);
    }
    return 0;
}

int xo_newton_solve(struct xo_newton *n, struct xo_scratch *s, size_t input, struct xo_info *info)
{
    start(n, s);
    int status = iterate(n, s, info);
    if (status == XO_ENOTPROVEN)
        status = step_sources(n, s, info);
    if (!status && !n->factored)       /* it began at the solution: the proof needs a factor all the same */
        status = factor_slopes(n, info);
    if (status)
        n->warm = n->factored = false;
    if (status == XO_ENOTPROVEN)
        return fail_to_converge(n, input, info);
    if (status)
        return status == ENOMEM ? xo_fail(info, ENOMEM, "out of memory for a step of Newton's method")
                                : xo_fail(info, XO_ENOTPROVEN, "input %zu: engine %s broke down in a step of "
                                          "Newton's method",
                                          input, n->linear.plan->table->name);
    polish(n, s);
    return check_ranges(n, input, info);
}

/* ---- the result as a linear array ------------------------------------------------------------------ */

void xo_newton_publish(struct xo_newton *n, struct xo_scratch *s)
{
    const xo_circuit *c = n->base->plan->circuit;
    for (size_t e = 0; e < n->base->nonlinear->cells; e++) {
        const struct xo_cell_point *p = &n->point[e];
        dd drop = dd_subtract(n->volt[c->link_a[e]], n->volt[c->link_b[e]]);
        dd amp = dd_two_sum(p->amp, p->siemens * drop.lo);
        bool idle = drop.hi == 0 || !(fabs(p->amp) >= DBL_MIN);
        n->linear.siemens[e] = idle ? (dd){p->siemens, 0} : dd_divide(amp, drop);
    }
    xo_whole_cells(&n->linear);
    memset(s->volt, 0, xo_vertices(c) * sizeof *s->volt);
    for (size_t v = 0; v < xo_vertices(c); v++) {
        s->volt[v].hi[0] = n->volt[v].hi;
        s->volt[v].lo[0] = n->volt[v].lo;
    }
    xo_refine_kcl(&n->linear, s);
}
