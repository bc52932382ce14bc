/* Fewer, fuller fronts.  Elimination in good order makes many fronts of one or two pivots, which cost a whole strip
 * of tiles each.  A front may take over its child's pivots (relaxed supernodes: Duff and Reid, ACM TOMS 9, 1983):
 * what the child hands on is a part of the parent anyway, and the couplings that are stored in vain are few where
 * fronts are small.  Done bottom-up wherever the time that the kernel takes, estimated from the tiles, goes down.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "batch.h"

/* Clock cycles, tried out on a Zen 5: a front, four pivots, a tile of theirs, a tile behind, a pivot's products. */
#define FRONT_CYCLES 50.0
#define STRIP_CYCLES 100.0
#define PIVOT_TILE_CYCLES 35.0
#define REST_TILE_CYCLES 30.0
#define PRODUCT_CYCLES 8.0

static double cycles(int32_t pivots, int32_t rest)
{
    double p = (pivots + XO_TILE - 1) / XO_TILE, r = (rest + XO_TILE - 1) / XO_TILE;
    double pivot_batch = p * (p + 1) / 2 + p * r, rest_batch = r * (r + 1) / 2;
    return FRONT_CYCLES + STRIP_CYCLES * p + pivot_batch * (PIVOT_TILE_CYCLES + PRODUCT_CYCLES * pivots / 3)
           + rest_batch * (REST_TILE_CYCLES + PRODUCT_CYCLES * pivots);
}

/* into[k]: the front that takes over front k, k itself if none does. */
static void choose(const struct xo_starmesh_plan *p, int32_t *into, int32_t *pivots)
{
    for (size_t k = 0; k < p->fronts; k++) {
        into[k] = (int32_t)k;
        pivots[k] = p->front[k].pivots;
    }
    for (size_t k = 0; k + 1 < p->fronts; k++) {
        const struct xo_front *child = &p->front[k], *parent = &p->front[child->parent];
        int32_t rest = child->size - child->pivots, parent_rest = parent->size - parent->pivots;
        int32_t to = child->parent;
        double apart = cycles(pivots[k], rest) + cycles(pivots[to], parent_rest);
        if (parent->parent < 0 || cycles(pivots[k] + pivots[to], parent_rest) >= apart)
            continue;
        into[k] = to;
        pivots[to] += pivots[k];
    }
    for (size_t k = p->fronts; k-- > 0;)
        into[k] = into[into[k]];       /* parents come behind their children */
}

/* Number the fronts that are left, and lay out their members: all pivots in order, then what the last couples to. */
static void lay_out(struct xo_starmesh_plan *out, const struct xo_starmesh_plan *p, const int32_t *into,
                    const int32_t *pivots, int32_t *number, int32_t *front_of)
{
    int64_t member = 0;
    for (size_t k = 0; k < p->fronts; k++) {
        const struct xo_front *from = &p->front[k];
        struct xo_front *f = &out->front[out->fronts];
        if (into[k] != (int32_t)k)
            continue;
        number[k] = (int32_t)out->fronts++;
        f->pivots = pivots[k];
        f->size = from->size - from->pivots + pivots[k];
        f->member = member;
        member += f->size;
        memcpy(out->member + f->member + f->pivots, p->member + from->member + from->pivots,
               (size_t)(from->size - from->pivots) * sizeof *p->member);
        out->largest = f->size > out->largest ? f->size : out->largest;
    }
    for (size_t k = 0; k < p->fronts; k++) {
        const struct xo_front *from = &p->front[k];
        struct xo_front *f = &out->front[number[into[k]]];
        for (int32_t q = 0; q < from->pivots; q++) {
            int32_t position = p->member[from->member + q];
            out->member[f->member + f->column++] = position;
            front_of[position] = number[into[k]];
        }
        f->parent = p->front[into[k]].parent < 0 ? -1 : number[into[p->front[into[k]].parent]];
    }
    for (size_t k = 0; k + 1 < out->fronts; k++)
        out->front[out->front[k].parent].children++;
}

static int build(struct xo_starmesh_plan *out, const struct xo_starmesh_plan *p, const xo_circuit *c)
{
    int32_t *into = xo_calloc(p->fronts, sizeof *into), *pivots = xo_calloc(p->fronts, sizeof *pivots);
    int32_t *number = xo_calloc(p->fronts, sizeof *number), *front_of = xo_calloc(xo_vertices(c), sizeof *front_of);
    const struct xo_front *last = &p->front[p->fronts - 1];
    int status = ENOMEM;
    out->front = xo_calloc(p->fronts + 1, sizeof *out->front);
    out->member = xo_calloc((size_t)(last->member + last->size), sizeof *out->member);
    out->position = xo_calloc(xo_vertices(c), sizeof *out->position);
    out->link_order = xo_calloc(c->links, sizeof *out->link_order);
    if (into && pivots && number && front_of && out->front && out->member && out->position && out->link_order) {
        choose(p, into, pivots);
        memcpy(out->position, p->position, xo_vertices(c) * sizeof *out->position);
        lay_out(out, p, into, pivots, number, front_of);
        for (int32_t t = 0; t < last->size; t++)
            front_of[p->member[last->member + t]] = (int32_t)out->fronts - 1;
        out->link_roundings = p->link_roundings;
        status = xo_starmesh_place_links(out, c, front_of);
    }
    free(into);
    free(pivots);
    free(number);
    free(front_of);
    return status;
}

int xo_batch_merge(struct xo_starmesh_plan **out, const struct xo_starmesh_plan *p, const xo_circuit *c)
{
    struct xo_starmesh_plan *merged = xo_calloc(1, sizeof *merged);
    int status = merged ? build(merged, p, c) : ENOMEM;
    if (status)
        xo_starmesh_plan_free(merged);
    else
        *out = merged;
    return status;
}
