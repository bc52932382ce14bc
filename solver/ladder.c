/* Engine ladder: columns that hang on nothing but the supply and their own terminal, eliminated rung by rung.
 *
 * With a source line beside the bit line, or one node for all sources, columns are ladders: in the order of their
 * rungs (order.c) every node has two or three neighbours left when its turn comes, and a whole array takes O(rows
 * columns) operations.  Elimination as in starmesh.c, without a subtraction; but terminals are not told apart, all
 * couplings to them make one sum a node, for what is wanted is not what joins terminals but the factor L D L^T.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "starmesh.h"

struct ladder_state {
    double *value;                     /* of the triangle; couplings until their column is eliminated */
    double *ground;                    /* [unknowns] sum of couplings to terminals                     */
    struct xo_triangle triangle;
};

/* Where column k keeps its coupling to a vertex. */
static double *coupling(struct ladder_state *s, int32_t k, int32_t vertex)
{
    int32_t e = s->triangle.start[k] + 1;
    while (s->triangle.row[e] != vertex)
        e++;
    return &s->value[e];
}

static void take_links(struct ladder_state *s, const xo_factor *f, const int32_t *position)
{
    const xo_circuit *c = f->plan->circuit;
    memset(s->value, 0, (size_t)s->triangle.start[c->unknowns] * sizeof *s->value);
    memset(s->ground, 0, c->unknowns * sizeof *s->ground);
    for (size_t e = 0; e < c->links; e++) {
        int32_t a = c->link_a[e], b = c->link_b[e];
        double g = f->siemens[e].hi;
        if ((size_t)a < c->unknowns && (size_t)b < c->unknowns)
            *(position[a] < position[b] ? coupling(s, position[a], b) : coupling(s, position[b], a)) += g;
        else if ((size_t)a < c->unknowns)
            s->ground[a] += g;
        else if ((size_t)b < c->unknowns)
            s->ground[b] += g;
    }
}

/* Column k hands its couplings on to those it couples, in pairs, and becomes one of L. */
static void eliminate(struct ladder_state *s, const int32_t *position, int32_t k)
{
    int32_t first = s->triangle.start[k], end = s->triangle.start[k + 1], v = s->triangle.vertex[k];
    const int32_t *row = s->triangle.row;
    double sum = s->ground[v];
    for (int32_t e = first + 1; e < end; e++)
        sum += s->value[e];
    for (int32_t a = first + 1; a < end; a++) {
        double share = sum > 0 ? s->value[a] / sum : 0;
        if (share == 0)
            continue;
        s->ground[row[a]] += share * s->ground[v];
        for (int32_t b = a + 1; b < end; b++)
            if (s->value[b] != 0)
                *coupling(s, position[row[a]], row[b]) += share * s->value[b];
    }
    for (int32_t e = first + 1; e < end; e++)
        s->value[e] = sum > 0 ? -s->value[e] / sum : 0;
    s->value[first] = sum;
}

static int refactor(xo_factor *f, struct xo_info *info)
{
    const struct xo_starmesh_plan *p = f->plan->state;
    struct ladder_state *s = f->state;
    (void)info;
    take_links(s, f, p->position);
    for (size_t k = 0; k < s->triangle.n; k++)
        eliminate(s, p->position, (int32_t)k);
    return 0;
}

static void factor_free(void *state)
{
    struct ladder_state *s = state;
    if (!s)
        return;
    free(s->value);
    free(s->ground);
    free(s);
}

static int factor(xo_factor *f, struct xo_info *info)
{
    const struct xo_starmesh_plan *p = f->plan->state;
    size_t unknowns = f->plan->circuit->unknowns;
    struct ladder_state *s = f->state = xo_calloc(1, sizeof *s);
    if (s) {
        s->value = xo_calloc((size_t)p->start[unknowns], sizeof *s->value);
        s->ground = xo_calloc(unknowns, sizeof *s->ground);
    }
    if (!s || !s->value || !s->ground)
        return xo_fail(info, ENOMEM, "ladder: out of memory for %zu unknowns", unknowns);
    s->triangle = (struct xo_triangle){.n = unknowns, .vertex = f->plan->order, .start = p->start, .row = p->row,
                                       .value = s->value};
    return refactor(f, info);
}

static int plan(xo_plan *p, struct xo_info *info)
{
    struct xo_starmesh_plan *s = NULL;
    if (!xo_has_shared_source(p->circuit))
        return xo_fail(info, XO_EUNSUPPORTED,
                       "engine ladder: columns share lines that carry current; expected topology "
                       "source_column or plane, or another engine");
    int status = xo_starmesh_plan_new(&s, p->circuit, p->order);
    p->state = s;
    return status ? xo_fail(info, status, "ladder: cannot plan %zu unknowns: %s", p->circuit->unknowns,
                            xo_strerror(status)) : 0;
}

static void plan_free(void *state)
{
    xo_starmesh_plan_free(state);
}

static void solve(const xo_factor *f, int lanes, double (*x)[XO_LANES])
{
    const struct ladder_state *s = f->state;
    xo_triangle_solve(&s->triangle, lanes, x);
}

static double operations(const xo_factor *f)
{
    return f->plan->state ? xo_starmesh_operations(f->plan->state) : 0;
}

const struct xo_engine_table xo_ladder_engine = {
    .name = "ladder", .plan = plan, .plan_free = plan_free, .factor = factor, .refactor = refactor,
    .factor_free = factor_free, .solve = solve, .operations = operations,
};
