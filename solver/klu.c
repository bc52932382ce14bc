/* Engine klu: the modified nodal equations (Ho, Ruehli, Brennan 1975) factored by KLU (Davis, Palamadai Natarajan,
 * ACM TOMS 37(3), 2010; algorithm 907), which is what a modern SPICE does.
 *
 * Another way than the other engines from the start: the array as drawn, every place a node of its own, terminals
 * too; a voltage source per terminal and per zero-ohm branch, whose currents are unknowns.  Its currents are those
 * source currents.  Nothing here knows about merged vertices, so a mistake in merging shows as a disagreement.
 *
 *   at every place   sum of g (v_other - v) - sum of source currents leaving it + injected = 0
 *   at every source  v = V of the terminal;  v_from - v_to = 0 for zero ohm
 * Zero-ohm branches that close a loop are left out: their share of the current is not defined.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <suitesparse/klu.h>
#include "memory.h"
#include "outputs.h"
#include "union_find.h"

#define MOST_STEPS 8
#define LEAST_GROWTH 1e-9              /* reciprocal pivot growth that old pivots may have with new numbers */

struct klu_plan {
    int32_t places, size;              /* rows: places first, then a row per source                           */
    int32_t resistors;
    int32_t *from, *to, *branch;       /* [resistors] places and branch; open and zero-ohm ones left out      */
    int32_t *source_from, *source_to;  /* [size - places] places; source_to -1: ground, a terminal's source   */
    int32_t *start, *row;              /* matrix by columns                                                   */
    int32_t *slot;                     /* [resistors][2] entries (to, from) and (from, to)                    */
    int32_t *diagonal;                 /* [places]                                                            */
    int32_t *ones;                     /* [size - places][4] entries of +1 +1 -1 -1 (the last two maybe -1)   */
    int32_t *seat;                     /* [unknowns] a place of each vertex                                   */
    klu_symbolic *symbolic;
    klu_common common;
};

struct klu_state {
    const struct klu_plan *plan;
    klu_numeric *numeric;
    klu_common common;
    dd *siemens;                       /* [resistors]                                                         */
    double *value;                     /* of the matrix                                                       */
    double *dense;                     /* [XO_LANES][size] right-hand sides as KLU wants them                 */
    struct xo_lane_volt *volt;         /* [places]                                                            */
    struct xo_lane_amp *amp;           /* [places]                                                            */
    struct xo_lane_volt *through;      /* [size - places] source currents [A]                                 */
};

static void plan_free(void *state)
{
    struct klu_plan *p = state;
    if (!p)
        return;
    if (p->symbolic)
        klu_free_symbolic(&p->symbolic, &p->common);
    free(p->from);
    free(p->to);
    free(p->branch);
    free(p->source_from);
    free(p->source_to);
    free(p->start);
    free(p->row);
    free(p->slot);
    free(p->diagonal);
    free(p->ones);
    free(p->seat);
    free(p);
}

/* Terminal sources, then a spanning forest of the zero-ohm branches; all terminals count as joined (by ground). */
static int list_sources(struct klu_plan *p, const xo_circuit *c)
{
    int32_t *parent = xo_calloc((size_t)p->places, sizeof *parent), sources = (int32_t)c->terminals;
    if (!parent)
        return ENOMEM;
    for (int32_t k = 0; k < p->places; k++)
        parent[k] = k < (int32_t)c->nodes ? k : (int32_t)c->nodes;
    for (int32_t t = 0; t < sources; t++) {
        p->source_from[t] = (int32_t)c->nodes + t;
        p->source_to[t] = -1;
    }
    for (size_t b = c->first[XO_ROW_WIRE]; b < xo_branches(c); b++) {
        int32_t a = xo_root(parent, c->from[b]), z = xo_root(parent, c->to[b]);
        if (c->ohm[b] != 0 || a == z)
            continue;
        parent[a] = z;
        p->source_from[sources] = c->from[b];
        p->source_to[sources++] = c->to[b];
    }
    p->size = p->places + sources;
    free(parent);
    return 0;
}

static void list_resistors(struct klu_plan *p, const xo_circuit *c)
{
    for (size_t b = 0; b < xo_branches(c); b++) {
        if (b >= c->first[XO_ROW_WIRE] && (c->ohm[b] == 0 || c->ohm[b] == XO_OPEN))
            continue;
        p->from[p->resistors] = c->from[b];
        p->to[p->resistors] = c->to[b];
        p->branch[p->resistors++] = (int32_t)b;
    }
}

/* Reserve the entry (row) in the column being built, which begins at `begin`; the same one if it is there. */
static int32_t entry(struct klu_plan *p, int32_t begin, int32_t *end, int32_t row)
{
    for (int32_t e = begin; e < *end; e++)
        if (p->row[e] == row)
            return e;
    p->row[*end] = row;
    return (*end)++;
}

/* Build column by column.  first/list: for every place, resistors and sources (as resistors + s) that touch it. */
static void build_matrix(struct klu_plan *p, const int32_t *first, const int32_t *list)
{
    int32_t at = 0;
    for (int32_t place = 0; place < p->places; place++) {
        int32_t begin = p->start[place] = at;
        p->diagonal[place] = entry(p, begin, &at, place);
        for (int32_t e = first[place]; e < first[place + 1]; e++) {
            int32_t k = list[e], s = k - p->resistors;
            if (s < 0 && p->from[k] == place)
                p->slot[2 * k] = entry(p, begin, &at, p->to[k]);
            else if (s < 0)
                p->slot[2 * k + 1] = entry(p, begin, &at, p->from[k]);
            else
                p->ones[4 * s + (p->source_from[s] == place ? 1 : 3)] = entry(p, begin, &at, p->places + s);
        }
    }
    for (int32_t s = 0; s < p->size - p->places; s++) {
        int32_t begin = p->start[p->places + s] = at;
        p->ones[4 * s] = entry(p, begin, &at, p->source_from[s]);
        if (p->source_to[s] >= 0)
            p->ones[4 * s + 2] = entry(p, begin, &at, p->source_to[s]);
    }
    p->start[p->size] = at;
}

static int list_touching(const struct klu_plan *p, int32_t **first_out, int32_t **list_out)
{
    int32_t sources = p->size - p->places;
    int32_t *first = xo_calloc((size_t)p->places + 2, sizeof *first);
    int32_t *list = xo_calloc(2 * (size_t)(p->resistors + sources), sizeof *list);
    *first_out = first;
    *list_out = list;
    if (!first || !list)
        return ENOMEM;
    for (int pass = 0; pass < 2; pass++) {
        for (int32_t k = 0; k < p->resistors + sources; k++) {
            int32_t a = k < p->resistors ? p->from[k] : p->source_from[k - p->resistors];
            int32_t b = k < p->resistors ? p->to[k] : p->source_to[k - p->resistors];
            if (pass == 0) {
                first[a + 2]++;
                first[(b < 0 ? a : b) + 2] += b >= 0;
            } else {
                list[first[a + 1]++] = k;
                if (b >= 0)
                    list[first[b + 1]++] = k;
            }
        }
        for (int32_t k = 2; pass == 0 && k < p->places + 2; k++)
            first[k] += first[k - 1];
    }
    return 0;
}

static int allocate_plan(struct klu_plan *p, const xo_circuit *c)
{
    size_t branches = xo_branches(c), zeros = 0;
    for (size_t b = c->first[XO_ROW_WIRE]; b < branches; b++)
        zeros += c->ohm[b] == 0;
    size_t sources = c->terminals + zeros;
    if (2 * branches + 4 * sources + (size_t)p->places > INT32_MAX / 2)
        return XO_ETOOBIG;
    p->from = xo_calloc(branches, sizeof *p->from);
    p->to = xo_calloc(branches, sizeof *p->to);
    p->branch = xo_calloc(branches, sizeof *p->branch);
    p->source_from = xo_calloc(sources, sizeof *p->source_from);
    p->source_to = xo_calloc(sources, sizeof *p->source_to);
    p->start = xo_calloc((size_t)p->places + sources + 1, sizeof *p->start);
    p->row = xo_calloc((size_t)p->places + 2 * branches + 4 * sources, sizeof *p->row);
    p->slot = xo_calloc(2 * branches, sizeof *p->slot);
    p->diagonal = xo_calloc((size_t)p->places, sizeof *p->diagonal);
    p->ones = xo_calloc(4 * sources, sizeof *p->ones);
    p->seat = xo_calloc(c->unknowns, sizeof *p->seat);
    if (!p->from || !p->to || !p->branch || !p->source_from || !p->source_to || !p->start || !p->row || !p->slot
        || !p->diagonal || !p->ones || !p->seat)
        return ENOMEM;
    for (size_t k = 0; k < 4 * sources; k++)
        p->ones[k] = -1;
    for (size_t k = c->nodes; k-- > 0;)
        if ((size_t)c->vertex[k] < c->unknowns)
            p->seat[c->vertex[k]] = (int32_t)k;
    return 0;
}

static int plan(xo_plan *out, struct xo_info *info)
{
    const xo_circuit *c = out->circuit;
    struct klu_plan *p = xo_calloc(1, sizeof *p);
    int32_t *first = NULL, *list = NULL;
    int status = ENOMEM;
    out->state = p;
    if (p) {
        klu_defaults(&p->common);
        p->places = (int32_t)(c->nodes + c->terminals);
        status = allocate_plan(p, c);
    }
    if (!status)
        status = list_sources(p, c);
    if (!status) {
        list_resistors(p, c);
        status = list_touching(p, &first, &list);
    }
    if (!status) {
        build_matrix(p, first, list);
        p->symbolic = klu_analyze(p->size, p->start, p->row, &p->common);
        status = p->symbolic ? 0 : p->common.status == KLU_TOO_LARGE ? XO_ETOOBIG : ENOMEM;
    }
    free(first);
    free(list);
    return status ? xo_fail(info, status, "klu: cannot plan %zu places: %s", c->nodes, xo_strerror(status)) : 0;
}

static void factor_free(void *state)
{
    struct klu_state *s = state;
    if (!s)
        return;
    if (s->numeric)
        klu_free_numeric(&s->numeric, &s->common);
    free(s->siemens);
    free(s->value);
    free(s->dense);
    free(s->volt);
    free(s->amp);
    free(s->through);
    free(s);
}

static void stamp(struct klu_state *s, const xo_factor *f)
{
    const struct klu_plan *p = s->plan;
    const xo_circuit *c = f->plan->circuit;
    for (int32_t k = 0; k < p->resistors; k++) {
        s->siemens[k] = xo_branch_siemens(f, (size_t)p->branch[k]);
        s->value[p->diagonal[p->from[k]]] += s->siemens[k].hi;
        s->value[p->diagonal[p->to[k]]] += s->siemens[k].hi;
        s->value[p->slot[2 * k]] -= s->siemens[k].hi;
        s->value[p->slot[2 * k + 1]] -= s->siemens[k].hi;
    }
    for (int32_t k = 0; k < 4 * (p->size - p->places); k++)
        if (p->ones[k] >= 0)
            s->value[p->ones[k]] += k % 4 < 2 ? 1 : -1;
    for (size_t k = 0; k < c->nodes; k++) {        /* tie islands to ground: no current flows, they rest at 0 V */
        int32_t v = c->vertex[k];
        if ((size_t)v < c->unknowns && f->components.sole[f->components.of[v]] == XO_ISLAND)
            s->value[p->diagonal[k]] += 1;
    }
}

static int factor_numbers(struct klu_state *s, const xo_factor *f, struct xo_info *info)
{
    struct klu_plan *p = f->plan->state;
    memset(s->value, 0, (size_t)p->start[p->size] * sizeof *s->value);
    stamp(s, f);
    /* The same pivots again, unless elements have grown. */
    if (s->numeric && (!klu_refactor(p->start, p->row, s->value, p->symbolic, s->numeric, &s->common)
                       || s->common.status != KLU_OK
                       || !klu_rgrowth(p->start, p->row, s->value, p->symbolic, s->numeric, &s->common)
                       || s->common.rgrowth < LEAST_GROWTH))
        klu_free_numeric(&s->numeric, &s->common);
    if (!s->numeric)
        s->numeric = klu_factor(p->start, p->row, s->value, p->symbolic, &s->common);
    int status = s->numeric && s->common.status == KLU_OK ? 0
                 : s->common.status == KLU_OUT_OF_MEMORY ? ENOMEM : XO_ESINGULAR;
    return status ? xo_fail(info, status, "klu: cannot factor %d equations: %s", p->size, xo_strerror(status)) : 0;
}

static int refactor(xo_factor *f, struct xo_info *info)
{
    return factor_numbers(f->state, f, info);
}

static int factor(xo_factor *f, struct xo_info *info)
{
    struct klu_plan *p = f->plan->state;
    struct klu_state *s = xo_calloc(1, sizeof *s);
    f->state = s;
    if (s) {
        s->plan = p;
        klu_defaults(&s->common);
        s->siemens = xo_calloc((size_t)p->resistors, sizeof *s->siemens);
        s->value = xo_calloc((size_t)p->start[p->size], sizeof *s->value);
        s->dense = xo_calloc(XO_LANES * (size_t)p->size, sizeof *s->dense);
        s->volt = xo_calloc((size_t)p->places, sizeof *s->volt);
        s->amp = xo_calloc((size_t)p->places, sizeof *s->amp);
        s->through = xo_calloc((size_t)(p->size - p->places), sizeof *s->through);
    }
    if (!s || !s->siemens || !s->value || !s->dense || !s->volt || !s->amp || !s->through)
        return xo_fail(info, ENOMEM, "klu: cannot factor %d equations: %s", p->size, xo_strerror(ENOMEM));
    return factor_numbers(s, f, info);
}

static void solve_dense(struct klu_state *s, int lanes)
{
    klu_solve(s->plan->symbolic, s->numeric, s->plan->size, lanes, s->dense, &s->common);
}

/* For refinement and certificate: currents injected, all sources at 0 V. */
static void solve(const xo_factor *f, int lanes, double (*x)[XO_LANES])
{
    struct klu_state *s = f->state;
    const struct klu_plan *p = s->plan;
    size_t unknowns = f->plan->circuit->unknowns, size = (size_t)p->size;
    memset(s->dense, 0, (size_t)lanes * size * sizeof *s->dense);
    for (size_t v = 0; v < unknowns; v++)
        for (int lane = 0; lane < lanes; lane++)
            s->dense[(size_t)lane * size + (size_t)p->seat[v]] = x[v][lane];
    solve_dense(s, lanes);
    for (size_t v = 0; v < unknowns; v++)
        for (int lane = 0; lane < lanes; lane++)
            x[v][lane] = s->dense[(size_t)lane * size + (size_t)p->seat[v]];
}

static void add(struct xo_lane_volt *value, int lane, double correction)
{
    dd sum = dd_add(xo_volt_at(value, lane), (dd){correction, 0});
    value->hi[lane] = sum.hi;
    value->lo[lane] = sum.lo;
}

static void flow(struct xo_lane_amp *into, int lane, dd current)
{
    dd sum = dd_add((dd){into->hi[lane], into->lo[lane]}, current);
    into->hi[lane] = sum.hi;
    into->lo[lane] = sum.lo;
}

/* What is left of one lane's equations, as the next right-hand side; returns the largest missing current. */
static double residual(struct klu_state *s, int lane, const struct xo_lane_volt *terminal_volt, int32_t terminals)
{
    const struct klu_plan *p = s->plan;
    double worst = 0, *b = s->dense + (size_t)lane * (size_t)p->size;
    for (int32_t k = 0; k < p->size - p->places; k++) {
        int32_t from = p->source_from[k], to = p->source_to[k];
        dd through = xo_volt_at(&s->through[k], lane), volt = xo_volt_at(&s->volt[from], lane);
        dd want = k < terminals ? (dd){terminal_volt[k].hi[lane], 0} : xo_volt_at(&s->volt[to], lane);
        flow(&s->amp[from], lane, dd_negate(through));
        if (to >= 0)
            flow(&s->amp[to], lane, through);
        b[p->places + k] = dd_subtract(want, volt).hi;
    }
    for (int32_t k = 0; k < p->places; k++) {
        b[k] = s->amp[k].hi[lane];
        worst = fabs(b[k]) <= worst ? worst : fabs(b[k]);
    }
    return worst;
}

/* Add the solved corrections to one lane. */
static void correct(struct klu_state *s, int lane)
{
    const struct klu_plan *p = s->plan;
    const double *x = s->dense + (size_t)lane * (size_t)p->size;
    for (int32_t k = 0; k < p->places; k++)
        add(&s->volt[k], lane, x[k]);
    for (int32_t k = p->places; k < p->size; k++)
        add(&s->through[k - p->places], lane, x[k]);
}

/* Solve from 0, then refine each lane until its equations hold no better. */
static void answer(const xo_factor *f, int lanes, struct xo_scratch *out)
{
    struct klu_state *s = f->state;
    const struct klu_plan *p = s->plan;
    const xo_circuit *c = f->plan->circuit;
    double before[XO_LANES];
    bool done[XO_LANES] = {false};
    memset(s->volt, 0, (size_t)p->places * sizeof *s->volt);
    memset(s->through, 0, (size_t)(p->size - p->places) * sizeof *s->through);
    for (int step = 0, busy = 1; step < MOST_STEPS && busy; step++) {
        busy = 0;
        xo_kcl((size_t)p->resistors, p->from, p->to, s->siemens, (size_t)p->places, s->volt, s->amp);
        for (int lane = 0; lane < lanes; lane++) {
            double worst = residual(s, lane, out->volt + c->unknowns, (int32_t)c->terminals);
            done[lane] = done[lane] || (step >= 2 && !(worst < 0.25 * before[lane]));
            before[lane] = step ? worst : INFINITY;
            busy += !done[lane];
        }
        if (busy)
            solve_dense(s, lanes);
        for (int lane = 0; lane < lanes; lane++)
            if (!done[lane])
                correct(s, lane);
    }
    for (size_t v = 0; v < c->unknowns; v++)
        out->volt[v] = s->volt[p->seat[v]];
    memset(out->terminal_amp, 0, c->terminals * sizeof *out->terminal_amp);
    for (size_t t = 0; t < c->terminals; t++)      /* terminals joined by zero ohm report their sum */
        for (int lane = 0; lane < lanes; lane++)
            out->terminal_amp[c->group[t]][lane] += s->through[t].hi[lane];
}

static double operations(const xo_factor *f)
{
    struct klu_state *s = f->state;
    return s && s->numeric && klu_flops(s->plan->symbolic, s->numeric, &s->common) ? s->common.flops : 0;
}

const struct xo_engine_table xo_klu_engine = {
    .name = "klu", .plan = plan, .plan_free = plan_free, .factor = factor, .refactor = refactor,
    .factor_free = factor_free,
    .solve = solve, .answer = answer, .operations = operations, .one_thread = true,
};
