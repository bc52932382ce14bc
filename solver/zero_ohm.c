/* Currents of zero-ohm branches.
 *
 * Zero-ohm branches form a graph over the places of the array.  Along a tree of it the current towards the root is
 * what flows into the subtree from elsewhere.  A branch on a loop of zero ohm has no current of its own: any
 * circulating current satisfies every equation.  All terminals hang on one common root (they are sources: what flows
 * into one need not flow out of it), so a path between two terminals counts as a loop.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include "memory.h"
#include "zero_ohm.h"

#define NONE (-1)                      /* no parent, or the common root, which is no branch */

struct xo_zero_ohm {
    size_t count;                      /* places in the tree, parents before children                */
    int32_t *visit;                    /* [count] place                                              */
    int32_t *parent;                   /* [places] place or NONE                                     */
    int32_t *branch;                   /* [places] branch to the parent, or NONE                     */
    int32_t *depth;                    /* [places] 1 for roots                                       */
    bool *undefined;                   /* [branches] on a loop                                       */
};

struct neighbours { int32_t *first, *branch; };    /* zero-ohm branches at each place, twice listed */

static bool zero(const xo_circuit *c, size_t b)
{
    return b >= c->first[XO_ROW_WIRE] && c->ohm[b] == 0;
}

static int list_neighbours(const xo_circuit *c, struct neighbours *n)
{
    size_t places = c->nodes + c->terminals, ends = 0;
    n->first = xo_calloc(places + 2, sizeof *n->first);
    for (size_t b = 0; b < xo_branches(c); b++)
        ends += zero(c, b) ? 2 : 0;
    n->branch = xo_calloc(ends, sizeof *n->branch);
    if (!n->first || !n->branch)
        return ENOMEM;
    for (size_t b = 0; b < xo_branches(c); b++)
        if (zero(c, b)) {
            n->first[c->from[b] + 2]++;
            n->first[c->to[b] + 2]++;
        }
    for (size_t k = 2; k < places + 2; k++)
        n->first[k] += n->first[k - 1];
    for (size_t b = 0; b < xo_branches(c); b++)
        if (zero(c, b)) {
            n->branch[n->first[c->from[b] + 1]++] = (int32_t)b;
            n->branch[n->first[c->to[b] + 1]++] = (int32_t)b;
        }
    return 0;
}

/* A loop closes between two places of the tree: everything on the way up to where they meet is undefined. */
static void close_loop(struct xo_zero_ohm *z, int32_t p, int32_t q, int32_t branch)
{
    z->undefined[branch] = true;
    while (p != q) {
        int32_t *lower = p != NONE && (q == NONE || z->depth[p] >= z->depth[q]) ? &p : &q;
        if (z->branch[*lower] != NONE)
            z->undefined[z->branch[*lower]] = true;
        *lower = z->parent[*lower];
    }
}

static void grow_from(struct xo_zero_ohm *z, const xo_circuit *c, const struct neighbours *n, size_t next)
{
    for (; next < z->count; next++) {
        int32_t place = z->visit[next];
        for (int32_t e = n->first[place]; e < n->first[place + 1]; e++) {
            int32_t b = n->branch[e], other = c->from[b] == place ? c->to[b] : c->from[b];
            if (z->depth[other] || b == z->branch[place])
                continue;
            z->depth[other] = z->depth[place] + 1;
            z->parent[other] = place;
            z->branch[other] = b;
            z->visit[z->count++] = other;
        }
    }
}

static void root_at(struct xo_zero_ohm *z, int32_t place)
{
    z->depth[place] = 1;
    z->parent[place] = NONE;
    z->branch[place] = NONE;
    z->visit[z->count++] = place;
}

static void build(struct xo_zero_ohm *z, const xo_circuit *c, const struct neighbours *n)
{
    for (size_t t = 0; t < c->terminals; t++)
        root_at(z, (int32_t)(c->nodes + t));
    grow_from(z, c, n, 0);
    for (size_t k = 0; k < c->nodes; k++)
        if (!z->depth[k] && n->first[k] < n->first[k + 1]) {
            root_at(z, (int32_t)k);
            grow_from(z, c, n, z->count - 1);
        }
    for (size_t b = 0; b < xo_branches(c); b++)
        if (zero(c, b) && z->branch[c->from[b]] != (int32_t)b && z->branch[c->to[b]] != (int32_t)b)
            close_loop(z, c->from[b], c->to[b], (int32_t)b);
}

int xo_zero_ohm_new(struct xo_zero_ohm **out, const xo_circuit *c)
{
    size_t places = c->nodes + c->terminals;
    struct neighbours n = {0};
    struct xo_zero_ohm *z = xo_calloc(1, sizeof *z);
    int status = ENOMEM;
    if (z) {
        z->visit = xo_calloc(places, sizeof *z->visit);
        z->parent = xo_calloc(places, sizeof *z->parent);
        z->branch = xo_calloc(places, sizeof *z->branch);
        z->depth = xo_calloc(places, sizeof *z->depth);
        z->undefined = xo_calloc(xo_branches(c), sizeof *z->undefined);
        if (z->visit && z->parent && z->branch && z->depth && z->undefined)
            status = list_neighbours(c, &n);
    }
    if (!status)
        build(z, c, &n);
    free(n.first);
    free(n.branch);
    if (status)
        xo_zero_ohm_free(z);
    else
        *out = z;
    return status;
}

void xo_zero_ohm_free(struct xo_zero_ohm *z)
{
    if (!z)
        return;
    free(z->visit);
    free(z->parent);
    free(z->branch);
    free(z->depth);
    free(z->undefined);
    free(z);
}

void xo_zero_ohm_currents(const struct xo_zero_ohm *z, const xo_circuit *c, double *amp, double *inflow)
{
    for (size_t k = 0; k < c->nodes + c->terminals; k++)
        inflow[k] = 0;
    for (size_t b = 0; b < xo_branches(c); b++)
        if (!zero(c, b)) {
            inflow[c->from[b]] -= amp[b];
            inflow[c->to[b]] += amp[b];
        }
    for (size_t k = z->count; k-- > 0;) {          /* children before parents */
        int32_t place = z->visit[k], b = z->branch[place];
        if (b == NONE)
            continue;
        amp[b] = c->from[b] == place ? inflow[place] : -inflow[place];
        inflow[z->parent[place]] += inflow[place];
    }
    for (size_t b = 0; b < xo_branches(c); b++)
        if (z->undefined[b])
            amp[b] = NAN;
}
