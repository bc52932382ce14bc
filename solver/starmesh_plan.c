/* Who is eliminated where: the symbolic half of star-mesh elimination.
 *
 * The neighbours a vertex will have when its turn comes follow from the pattern alone (George and Liu 1981): its own
 * later neighbours, and those of every vertex eliminated before it that had it as first later neighbour.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "starmesh.h"

/* Zeros that a front may store so that one more pivot joins it. */
#define EXTRA_ZEROS 4
/* Rounding errors of one pivot's elimination, each relative to u: the sum, a division, a product, an addition. */
#define ROUNDINGS_PER_PIVOT 4

struct symbolic {
    size_t unknowns, total;
    int32_t **later;                   /* [unknowns] later neighbours of each position, ascending     */
    int32_t *count;                    /* [unknowns] how many                                         */
    int32_t *first_child, *next_child; /* [total] positions whose first later neighbour this is       */
    int32_t *mark;                     /* [total]                                                     */
    int32_t *near_first, *near;        /* links of each position, as positions                        */
};

static int ascending(const void *a, const void *b)
{
    int32_t p = *(const int32_t *)a, q = *(const int32_t *)b;
    return (p > q) - (p < q);
}

static void symbolic_free(struct symbolic *s)
{
    for (size_t k = 0; s->later && k < s->unknowns; k++)
        free(s->later[k]);
    free(s->later);
    free(s->count);
    free(s->first_child);
    free(s->next_child);
    free(s->mark);
    free(s->near_first);
    free(s->near);
}

static int symbolic_new(struct symbolic *s, const xo_circuit *c, const int32_t *position)
{
    s->unknowns = c->unknowns;
    s->total = xo_vertices(c);
    s->later = xo_calloc(s->unknowns, sizeof *s->later);
    s->count = xo_calloc(s->unknowns, sizeof *s->count);
    s->first_child = xo_calloc(s->total, sizeof *s->first_child);
    s->next_child = xo_calloc(s->total, sizeof *s->next_child);
    s->mark = xo_calloc(s->total, sizeof *s->mark);
    s->near_first = xo_calloc(s->total + 2, sizeof *s->near_first);
    s->near = xo_calloc(2 * c->links, sizeof *s->near);
    if (!s->later || !s->count || !s->first_child || !s->next_child || !s->mark || !s->near_first || !s->near)
        return ENOMEM;
    for (size_t k = 0; k < s->total; k++)
        s->first_child[k] = s->next_child[k] = s->mark[k] = -1;
    for (size_t e = 0; e < c->links; e++) {
        s->near_first[position[c->link_a[e]] + 2]++;
        s->near_first[position[c->link_b[e]] + 2]++;
    }
    for (size_t k = 2; k < s->total + 2; k++)
        s->near_first[k] += s->near_first[k - 1];
    for (size_t e = 0; e < c->links; e++) {
        int32_t p = position[c->link_a[e]], q = position[c->link_b[e]];
        s->near[s->near_first[p + 1]++] = q;
        s->near[s->near_first[q + 1]++] = p;
    }
    return 0;
}

/* Links between the same two vertices, at most: each addition of one more rounds. */
static int32_t most_parallel(struct symbolic *s)
{
    int32_t most = 1;
    for (size_t k = 0; k < s->total; k++) {
        for (int32_t e = s->near_first[k]; e < s->near_first[k + 1]; e++) {
            int32_t *seen = &s->mark[s->near[e]];          /* -1 when not met */
            most = ++*seen + 1 > most ? *seen + 1 : most;
        }
        for (int32_t e = s->near_first[k]; e < s->near_first[k + 1]; e++)
            s->mark[s->near[e]] = -1;
    }
    return most;
}

/* Add the positions behind k in list[0..count) to k's later neighbours, each once. */
static int32_t gather(struct symbolic *s, int32_t k, const int32_t *list, int32_t count, int32_t *out, int32_t used)
{
    for (int32_t e = 0; e < count; e++)
        if (list[e] > k && s->mark[list[e]] != k) {
            s->mark[list[e]] = k;
            out[used++] = list[e];
        }
    return used;
}

static int find_later(struct symbolic *s, int32_t k)
{
    int32_t own = s->near_first[k + 1] - s->near_first[k], most = own, used = 0;
    for (int32_t child = s->first_child[k]; child >= 0; child = s->next_child[child])
        most += s->count[child];
    int32_t *later = xo_calloc((size_t)most, sizeof *later), *shrunk;
    if (!later)
        return ENOMEM;
    used = gather(s, k, s->near + s->near_first[k], own, later, 0);
    for (int32_t child = s->first_child[k]; child >= 0; child = s->next_child[child])
        used = gather(s, k, s->later[child], s->count[child], later, used);
    qsort(later, (size_t)used, sizeof *later, ascending);
    shrunk = xo_realloc(later, (size_t)used, sizeof *later);
    s->later[k] = shrunk ? shrunk : later;
    s->count[k] = used;
    if (used && (size_t)s->later[k][0] < s->unknowns) {
        int32_t parent = s->later[k][0];
        s->next_child[k] = s->first_child[parent];
        s->first_child[parent] = k;
    }
    return 0;
}

/* Pivots k, k + 1, ... share a front while each is the first later neighbour of the one before and has (nearly) all
 * its neighbours.  Returns the position behind the last of them. */
static int32_t front_end(const struct symbolic *s, int32_t k)
{
    int32_t end = k + 1, extra = 0;
    while ((size_t)end < s->unknowns && s->count[end - 1] && s->later[end - 1][0] == end) {
        int32_t zeros = s->count[end] + 1 - s->count[end - 1];
        if (extra + zeros > EXTRA_ZEROS)
            break;
        extra += zeros;
        end++;
    }
    return end;
}

static void set_front(struct xo_starmesh_plan *p, const struct symbolic *s, int32_t k, int32_t end, int32_t *front_of)
{
    struct xo_front *front = &p->front[p->fronts];
    int32_t handed_on = s->count[end - 1], *member = p->member + front->member;
    front->pivots = end - k;
    front->size = front->pivots + handed_on;
    for (int32_t q = k; q < end; q++) {
        front_of[q] = (int32_t)p->fronts;
        *member++ = q;
    }
    memcpy(member, s->later[end - 1], (size_t)handed_on * sizeof *member);
    front[1].member = front->member + front->size;
    front[1].column = end;
    p->largest = front->size > p->largest ? front->size : p->largest;
    p->fronts++;
}

/* The last front holds all terminals. */
static void set_last_front(struct xo_starmesh_plan *p, const struct symbolic *s, int32_t *front_of)
{
    struct xo_front *front = &p->front[p->fronts];
    front->size = (int32_t)(s->total - s->unknowns);
    front->parent = -1;
    for (int32_t q = 0; q < front->size; q++) {
        p->member[front->member + q] = (int32_t)s->unknowns + q;
        front_of[s->unknowns + (size_t)q] = (int32_t)p->fronts;
    }
    p->largest = front->size > p->largest ? front->size : p->largest;
    p->fronts++;
}

/* Parents, and the roundings any coupling collects on its way: in each front below it and at every hand-over. */
static int link_fronts(struct xo_starmesh_plan *p, const int32_t *front_of)
{
    double *chain = xo_calloc(p->fronts, sizeof *chain);
    if (!chain)
        return ENOMEM;
    for (size_t k = 0; k < p->fronts; k++) {
        struct xo_front *front = &p->front[k];
        const int32_t *member = p->member + front->member;
        chain[k] += front->children + ROUNDINGS_PER_PIVOT * (double)front->pivots;
        if (k + 1 == p->fronts) {
            p->roundings += chain[k];
            break;
        }
        front->parent = front->size > front->pivots ? front_of[member[front->pivots]] : (int32_t)p->fronts - 1;
        p->front[front->parent].children++;
        if (chain[front->parent] < chain[k])
            chain[front->parent] = chain[k];
    }
    free(chain);
    return 0;
}

int xo_starmesh_place_links(struct xo_starmesh_plan *p, const xo_circuit *c, const int32_t *front_of)
{
    int64_t *next = xo_calloc(p->fronts + 1, sizeof *next);
    if (!next)
        return ENOMEM;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t e = 0; e < c->links; e++) {
            int32_t a = p->position[c->link_a[e]], b = p->position[c->link_b[e]];
            int32_t front = front_of[a < b ? a : b];
            if (pass == 0)
                next[front + 1]++;
            else
                p->link_order[next[front]++] = (int32_t)e;
        }
        for (size_t k = 0; pass == 0 && k < p->fronts; k++) {
            next[k + 1] += next[k];
            p->front[k + 1].link = next[k + 1];
        }
    }
    free(next);
    return 0;
}

/* Pattern of the triangle: column k has the pivot and every unknown behind it in its front. */
static int set_triangle(struct xo_starmesh_plan *p, const xo_circuit *c, const int32_t *order)
{
    int64_t entries = 0;
    int32_t at = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t k = 0; k + 1 < p->fronts; k++)
            for (int32_t q = 0; q < p->front[k].pivots; q++) {
                const int32_t *member = p->member + p->front[k].member;
                if (pass)
                    p->start[p->front[k].column + q] = at;
                for (int32_t e = q; e < p->front[k].size && (size_t)member[e] < c->unknowns; e++, entries += !pass)
                    if (pass)
                        p->row[at++] = order[member[e]];
            }
        if (pass)
            break;
        if (entries > INT32_MAX)
            return XO_ETOOBIG;
        p->start = xo_calloc(c->unknowns + 1, sizeof *p->start);
        p->row = xo_calloc((size_t)entries, sizeof *p->row);
        if (!p->start || !p->row)
            return ENOMEM;
    }
    p->start[c->unknowns] = at;
    return 0;
}

static int build_fronts(struct xo_starmesh_plan *p, const xo_circuit *c, const struct symbolic *s)
{
    int32_t *front_of = xo_calloc(s->total, sizeof *front_of);
    size_t members = c->terminals;
    int status = ENOMEM;
    for (size_t k = 0; k < s->unknowns; k++)
        members += 1 + (size_t)s->count[k];        /* generous: only the last pivot of a front needs its list */
    p->front = xo_calloc(s->unknowns + 2, sizeof *p->front);
    p->member = xo_calloc(members, sizeof *p->member);
    if (front_of && p->front && p->member) {
        for (int32_t k = 0; (size_t)k < s->unknowns;) {
            int32_t end = front_end(s, k);
            set_front(p, s, k, end, front_of);
            k = end;
        }
        set_last_front(p, s, front_of);
        status = link_fronts(p, front_of);
    }
    if (!status)
        status = xo_starmesh_place_links(p, c, front_of);
    free(front_of);
    return status;
}

int xo_starmesh_plan_new(struct xo_starmesh_plan **out, const xo_circuit *c, const int32_t *order)
{
    struct symbolic s = {0};
    struct xo_starmesh_plan *p = xo_calloc(1, sizeof *p);
    int status = ENOMEM;
    if (!p)
        return ENOMEM;
    p->position = xo_calloc(xo_vertices(c), sizeof *p->position);
    p->link_order = xo_calloc(c->links, sizeof *p->link_order);
    if (p->position && p->link_order) {
        for (size_t k = 0; k < xo_vertices(c); k++)
            p->position[k < c->unknowns ? (size_t)order[k] : k] = (int32_t)k;
        status = symbolic_new(&s, c, p->position);
    }
    for (int32_t k = 0; !status && (size_t)k < c->unknowns; k++)
        status = find_later(&s, k);
    if (!status) {
        p->link_roundings = 4 + most_parallel(&s);
        p->roundings = p->link_roundings;
        status = build_fronts(p, c, &s);
    }
    if (!status)
        status = set_triangle(p, c, order);
    symbolic_free(&s);
    if (status)
        xo_starmesh_plan_free(p);
    else
        *out = p;
    return status;
}

void xo_starmesh_plan_free(struct xo_starmesh_plan *p)
{
    if (!p)
        return;
    free(p->front);
    free(p->member);
    free(p->link_order);
    free(p->position);
    free(p->start);
    free(p->row);
    free(p);
}

double xo_starmesh_operations(const struct xo_starmesh_plan *p)
{
    double sum = 0;
    for (size_t k = 0; k < p->fronts; k++)
        for (double t = 0; t < p->front[k].pivots; t++)
            sum += (p->front[k].size - t) * (p->front[k].size - t);
    return sum;
}
