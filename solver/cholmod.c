/* Engine cholmod: K = L D L^T by CHOLMOD (Chen, Davis, Hager, Rajamanickam, ACM TOMS 35(3), 2008; algorithm 887).
 *
 * K is the matrix of nodal analysis over the unknown vertices: minus the conductance off the diagonal, the sum of all
 * conductances on it.  Its pattern depends on the circuit only; the plan keeps, for every link, where it is stored.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <suitesparse/cholmod.h>
#include "memory.h"
#include "plan.h"

/* Operations per factor entry from which supernodes (dense blocks, BLAS) beat the simplicial method; measured,
 * see results/. */
#define SUPERNODAL_SWITCH 120

struct cholmod_plan {
    cholmod_common common;
    cholmod_factor *symbolic;
    int32_t *start, *row;              /* pattern of K: lower triangle by columns, the diagonal first    */
    int32_t *slot;                     /* [links] entry of each link below the diagonal, or -1           */
};

struct cholmod_state {
    cholmod_common common;
    cholmod_factor *factor;
    struct xo_triangle triangle;
};

static void plan_free(void *state)
{
    struct cholmod_plan *s = state;
    if (!s)
        return;
    if (s->symbolic)
        cholmod_free_factor(&s->symbolic, &s->common);
    cholmod_finish(&s->common);
    free(s->start);
    free(s->row);
    free(s->slot);
    free(s);
}

static void start_common(cholmod_common *common)
{
    cholmod_start(common);
    common->print = 0;
    common->nmethods = 1;
    common->method[0].ordering = CHOLMOD_GIVEN;
    common->postorder = 1;
    common->supernodal_switch = SUPERNODAL_SWITCH;
    common->final_ll = 0;
}

/* The column a link belongs to, or -1 if it ends at a terminal. */
static int32_t link_column(const xo_circuit *c, size_t link)
{
    int32_t a = c->link_a[link], b = c->link_b[link], n = (int32_t)c->unknowns;
    return a < n && b < n ? (a < b ? a : b) : -1;
}

/* Sort links into columns by counting; afterwards column k has by_column[head[k]] .. by_column[head[k + 1] - 1]. */
static void sort_links(const xo_circuit *c, int32_t *by_column, int32_t *head)
{
    for (size_t k = 0; k < c->links; k++)
        if (link_column(c, k) >= 0)
            head[link_column(c, k) + 2]++;
    for (size_t k = 2; k < c->unknowns + 2; k++)
        head[k] += head[k - 1];
    for (size_t k = 0; k < c->links; k++)
        if (link_column(c, k) >= 0)
            by_column[head[link_column(c, k) + 1]++] = (int32_t)k;
}

/* The diagonal and one entry for each neighbour of a higher number; parallel links share theirs. */
static void build_pattern(const xo_circuit *c, struct cholmod_plan *s, const int32_t *by_column, const int32_t *head)
{
    int32_t entries = 0;
    for (size_t k = 0; k < c->links; k++)
        s->slot[k] = -1;
    for (size_t k = 0; k < c->unknowns; k++) {
        s->start[k] = entries;
        s->row[entries++] = (int32_t)k;
        for (int32_t e = head[k]; e < head[k + 1]; e++) {
            int32_t link = by_column[e], same = s->start[k] + 1;
            int32_t row = c->link_a[link] + c->link_b[link] - (int32_t)k;
            while (same < entries && s->row[same] != row)
                same++;
            if (same == entries)
                s->row[entries++] = row;
            s->slot[link] = same;
        }
    }
    s->start[c->unknowns] = entries;
}

/* K with the given values (or none) as CHOLMOD sees it; borrows all arrays. */
static cholmod_sparse view(const xo_circuit *c, const struct cholmod_plan *s, double *value)
{
    return (cholmod_sparse){
        .nrow = c->unknowns, .ncol = c->unknowns, .nzmax = (size_t)s->start[c->unknowns],
        .p = s->start, .i = s->row, .x = value, .stype = -1, .itype = CHOLMOD_INT,
        .xtype = value ? CHOLMOD_REAL : CHOLMOD_PATTERN, .dtype = CHOLMOD_DOUBLE, .sorted = 0, .packed = 1,
    };
}

static int plan(xo_plan *p, struct xo_info *info)
{
    const xo_circuit *c = p->circuit;
    struct cholmod_plan *s = xo_calloc(1, sizeof *s);
    int32_t *by_column = xo_calloc(c->links, sizeof *by_column);
    int32_t *head = xo_calloc(c->unknowns + 2, sizeof *head);
    int status = ENOMEM;
    if (s) {
        start_common(&s->common);
        s->start = xo_calloc(c->unknowns + 1, sizeof *s->start);
        s->row = xo_calloc(c->unknowns + c->links, sizeof *s->row);
        s->slot = xo_calloc(c->links, sizeof *s->slot);
    }
    if (s && by_column && head && s->start && s->row && s->slot) {
        sort_links(c, by_column, head);
        build_pattern(c, s, by_column, head);
        cholmod_sparse pattern = view(c, s, NULL);
        s->symbolic = cholmod_analyze_p(&pattern, p->order, NULL, 0, &s->common);
        status = s->symbolic ? 0 : s->common.status == CHOLMOD_TOO_LARGE ? XO_ETOOBIG : ENOMEM;
    }
    free(by_column);
    free(head);
    p->state = s;
    return status ? xo_fail(info, status, "cholmod: cannot plan %zu unknowns: %s",
                            c->unknowns, xo_strerror(status)) : 0;
}

static void factor_free(void *state)
{
    struct cholmod_state *s = state;
    if (!s)
        return;
    if (s->factor)
        cholmod_free_factor(&s->factor, &s->common);
    cholmod_finish(&s->common);
    free(s);
}

/* Stamp the conductances.  An island has no path to ground: its rows become those of the unit matrix. */
static void stamp(const xo_factor *f, const struct cholmod_plan *s, double *value)
{
    const xo_circuit *c = f->plan->circuit;
    const struct xo_components *k = &f->components;
    size_t n = c->unknowns;
    for (size_t e = 0; e < c->links; e++) {
        int32_t a = c->link_a[e], b = c->link_b[e];
        double g = f->siemens[e].hi;
        if ((size_t)a < n)
            value[s->start[a]] += g;
        if ((size_t)b < n)
            value[s->start[b]] += g;
        if (s->slot[e] >= 0)
            value[s->slot[e]] -= g;
    }
    for (size_t v = 0; v < n; v++) {
        if (k->sole[k->of[v]] != XO_ISLAND)
            continue;
        memset(value + s->start[v], 0, (size_t)(s->start[v + 1] - s->start[v]) * sizeof *value);
        value[s->start[v]] = 1;
    }
}

/* CHOLMOD's rows are positions in the order of elimination; ours are vertices. */
static void publish(struct cholmod_state *s)
{
    cholmod_factor *l = s->factor;
    int32_t *row = l->i, *start = l->p;
    const int32_t *vertex = l->Perm;
    for (int32_t e = 0; e < start[l->n]; e++)
        row[e] = vertex[row[e]];
    s->triangle = (struct xo_triangle){.n = l->n, .vertex = vertex, .start = start, .row = row, .value = l->x};
}

static int factor(xo_factor *f, struct xo_info *info)
{
    const struct cholmod_plan *p = f->plan->state;
    struct cholmod_state *s = xo_calloc(1, sizeof *s);
    double *value = xo_calloc((size_t)p->start[f->plan->circuit->unknowns], sizeof *value);
    int status = ENOMEM;
    f->state = s;
    if (s) {
        start_common(&s->common);
        s->factor = cholmod_copy_factor(p->symbolic, &s->common);
    }
    if (value && s && s->factor) {
        stamp(f, p, value);
        cholmod_sparse k = view(f->plan->circuit, p, value);
        if (cholmod_factorize(&k, s->factor, &s->common) && s->common.status == CHOLMOD_OK
            && cholmod_change_factor(CHOLMOD_REAL, 0, 0, 1, 1, s->factor, &s->common)) {
            publish(s);
            status = 0;
        } else if (s->common.status != CHOLMOD_OUT_OF_MEMORY) {
            status = s->common.status == CHOLMOD_TOO_LARGE ? XO_ETOOBIG : XO_ESINGULAR;
        }
    }
    free(value);
    return status ? xo_fail(info, status, "cholmod: cannot factor %zu unknowns: %s; engine starmesh cannot break "
                            "down", f->plan->circuit->unknowns, xo_strerror(status)) : 0;
}

static void solve(const xo_factor *f, int lanes, double (*x)[XO_LANES])
{
    const struct cholmod_state *s = f->state;
    xo_triangle_solve(&s->triangle, lanes, x);
}

static double operations(const xo_factor *f)
{
    const struct cholmod_plan *p = f->plan->state;
    return p ? p->common.fl : 0;
}

const struct xo_engine_table xo_cholmod_engine = {
    .name = "cholmod", .plan = plan, .plan_free = plan_free, .factor = factor, .factor_free = factor_free,
    .solve = solve, .operations = operations,
};
