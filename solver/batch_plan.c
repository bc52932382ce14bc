/* The plan of a batch: fronts of star-mesh elimination laid out as tiles, and where everything goes.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "plan.h"
#include "batch.h"

/* How far back to look for a constant that repeats. */
#define KINDS_OF_CONSTANTS 8

/* Making a plan. */
struct making {
    struct xo_batch_plan *p;
    const struct xo_starmesh_plan *s;
    const xo_circuit *c;
    int32_t *first_child, *next_child; /* [fronts]                                                      */
    int32_t *local;                    /* [vertices] column of each position in the front at hand       */
    uint8_t **touched;                 /* [fronts] entries of a front that something was put into       */
};

static size_t whole_strips(size_t columns)
{
    return (columns + XO_TILE - 1) / XO_TILE;
}

/* Column of a front's q-th member, with what fills up the pivots' last strip counted. */
static size_t column_of(const struct xo_tile_front *f, int32_t q)
{
    return (size_t)(q < f->pivots ? q : q - f->pivots + XO_TILE * f->pivot_strips);
}

static size_t entries_of(const struct xo_tile_front *f)
{
    return XO_TILE_VECTORS * xo_tile_index(0, (size_t)f->strips);
}

/* Sizes of everything. */
static void measure(struct making *m, size_t *places)
{
    struct xo_batch_plan *p = m->p;
    *places = p->flags = 0;
    for (size_t k = 0; k < p->fronts; k++) {
        const struct xo_front *from = &m->s->front[k];
        struct xo_tile_front *f = &p->front[k];
        size_t rest = (size_t)(from->size - from->pivots);
        f->pivots = from->pivots;
        f->pivot_strips = (int32_t)whole_strips((size_t)from->pivots);
        f->strips = f->pivot_strips + (int32_t)whole_strips(rest);
        f->last = rest ? (int32_t)((rest - 1) % XO_TILE) + 1 : XO_TILE;
        f->parent = from->parent;
        f->flag = (int64_t)p->flags;
        f->map = (int64_t)*places;
        f->link = from->link;
        f->links = from[1].link - from->link;
        p->flags += xo_tile_index(0, (size_t)f->strips);
        *places += XO_TILE * whole_strips(rest);
    }
    for (size_t k = p->fronts; k-- > 0;) {         /* parents first */
        struct xo_tile_front *f = &p->front[k];
        const struct xo_tile_front *parent = f->parent < 0 ? NULL : &p->front[f->parent];
        f->arena = parent ? parent->arena + (int64_t)entries_of(parent) : 0;
        if (p->arena_vectors < f->arena + (int64_t)entries_of(f))
            p->arena_vectors = f->arena + (int64_t)entries_of(f);
    }
}

/* Depth first: every front is opened before its children and eliminated behind them. */
static void order_steps(struct making *m)
{
    struct xo_batch_plan *p = m->p;
    int32_t k = (int32_t)p->fronts - 1;
    size_t steps = 0;
    for (size_t f = 0; f < p->fronts; f++)
        m->first_child[f] = -1;
    for (size_t f = p->fronts - 1; f-- > 0;) {
        m->next_child[f] = m->first_child[p->front[f].parent];
        m->first_child[p->front[f].parent] = (int32_t)f;
    }
    p->step[steps++] = k;
    while (k >= 0) {
        int32_t child = m->first_child[k];
        if (child >= 0) {
            m->first_child[k] = m->next_child[child];
            p->step[steps++] = k = child;
        } else {
            p->step[steps++] = ~k;
            k = p->front[k].parent;
        }
    }
}

/* Where the rest of front k goes in its parent; what fills up its last strip goes where the last column does. */
static void map_to_parent(struct making *m, size_t k)
{
    const struct xo_front *from = &m->s->front[k], *to = &m->s->front[from->parent];
    const struct xo_tile_front *parent = &m->p->front[from->parent];
    const int32_t *member = m->s->member + to->member;
    struct xo_tile_place *place = m->p->map + m->p->front[k].map;
    for (int32_t q = 0; q < to->size; q++)
        m->local[member[q]] = (int32_t)column_of(parent, q);
    for (int32_t q = from->pivots; q < from->size; q++)
        *place++ = xo_tile_place((size_t)m->local[m->s->member[from->member + q]]);
    for (int32_t fill = m->p->front[k].last; fill < XO_TILE; fill++, place++)
        *place = place[-1];
}

/* Cells in the order in which they are taken up, from 1; value 0 is of those that are no link.  In front of it stand
 * the constants; one that repeats is kept once. */
static int32_t value_of(struct making *m, size_t branch)
{
    double *constant = m->p->constant, siemens = XO_BATCH_SCALE / m->c->ohm[branch];
    if (branch < m->c->first[XO_ROW_WIRE])
        return m->p->cell_value[branch] = (int32_t)++m->p->cells;
    for (size_t back = 1; back <= KINDS_OF_CONSTANTS && back <= m->p->constants; back++)
        if (constant[m->p->constants - back] == siemens)
            return ~(int32_t)(m->p->constants - back);
    constant[m->p->constants] = siemens;
    return ~(int32_t)m->p->constants++;
}

static void set_links(struct making *m, size_t k)
{
    const struct xo_circuit *c = m->c;
    const struct xo_front *from = &m->s->front[k];
    const int32_t *member = m->s->member + from->member;
    for (int32_t q = 0; q < from->size; q++)
        m->local[member[q]] = (int32_t)column_of(&m->p->front[k], q);
    for (int64_t e = from->link; e < from[1].link; e++) {
        int32_t link = m->s->link_order[e], branch = c->link_branch[link];
        int32_t a = m->local[m->s->position[c->link_a[link]]], b = m->local[m->s->position[c->link_b[link]]];
        struct xo_tile_place row = xo_tile_place((size_t)(a < b ? a : b));
        struct xo_tile_place column = xo_tile_place((size_t)(a < b ? b : a));
        m->p->link[e].place = row.row + column.column;
        m->p->link[e].value = value_of(m, (size_t)branch);
    }
}

/* ---- flags ---------------------------------------------------------------------------------------- */

enum { MIXED, SOURCES, SENSES };       /* what the columns of a strip are; unknowns count as mixed */

static int kind_of_strip(const struct making *m, size_t k, size_t strip)
{
    const struct xo_tile_front *f = &m->p->front[k];
    const int32_t *member = m->s->member + m->s->front[k].member, sources = (int32_t)m->c->unknowns;
    size_t first = XO_TILE * (strip - (size_t)f->pivot_strips) + (size_t)f->pivots;
    size_t last = first + (strip + 1 == (size_t)f->strips ? (size_t)f->last : XO_TILE) - 1;
    int32_t senses = sources + (int32_t)m->c->rows;
    return member[first] >= senses ? SENSES : member[first] >= sources && member[last] < senses ? SOURCES : MIXED;
}

/* Couplings among sources, or among senses: never part of a pivot's sum, nor of the matrix. */
static bool is_unused(const struct making *m, size_t k, size_t j, size_t i)
{
    int kind = kind_of_strip(m, k, j);
    return !m->p->all_couplings && kind != MIXED && kind == kind_of_strip(m, k, i);
}

/* Hand tile (j, i) of front k on: was there anything before where it goes? */
static void touch_parent(struct making *m, size_t k, size_t j, size_t i)
{
    const struct xo_tile_front *f = &m->p->front[k];
    uint8_t *touched = m->touched[f->parent], *flag = m->p->flag + f->flag + xo_tile_index(j, i);
    const struct xo_tile_place *row = m->p->map + f->map + XO_TILE * (j - (size_t)f->pivot_strips);
    const struct xo_tile_place *column = m->p->map + f->map + XO_TILE * (i - (size_t)f->pivot_strips);
    size_t columns = i + 1 == (size_t)f->strips ? (size_t)f->last : XO_TILE;
    bool untouched = true;
    for (size_t b = 0; b < columns; b++)
        for (size_t a = 0; a < (i == j ? b : XO_TILE); a++)
            untouched &= touched[row[a].row + column[b].column] == 0;
    if (untouched)
        *flag |= XO_TILE_PUT;
    for (size_t b = 0; b < columns; b++)
        for (size_t a = 0; a < (i == j ? b : XO_TILE); a++) {
            uint8_t *t = &touched[row[a].row + column[b].column];
            *t |= untouched || *t == 1 ? 1 : 2;    /* 2: added to before anything was stored */
        }
}

/* What becomes of front k's own tiles, once all has been put into them. */
static void settle_tiles(struct making *m, size_t k)
{
    struct xo_tile_front *f = &m->p->front[k];
    uint8_t *touched = m->touched[k];
    f->clear = (int64_t)m->p->clears;
    for (int64_t e = f->link; e < f->link + f->links; e++) {
        uint8_t *t = &touched[m->p->link[e].place];
        *t |= *t == 1 ? 1 : 2;
    }
    for (size_t i = 0; i < (size_t)f->strips; i++)
        for (size_t j = 0; j <= i; j++) {
            const uint8_t *t = touched + XO_TILE_VECTORS * xo_tile_index(j, i);
            bool any = false, all = true;
            for (size_t a = 0; a < XO_TILE; a++)
                for (size_t b = i == j ? a + 1 : 0; b < XO_TILE; b++) {
                    any |= t[XO_TILE * a + b] != 0;
                    all &= t[XO_TILE * a + b] == 1;
                }
            if (!any && f->parent >= 0)
                m->p->flag[(size_t)f->flag + xo_tile_index(j, i)] |= XO_TILE_FRESH;
            else if (!all)
                m->p->clear[m->p->clears++] = (int32_t)xo_tile_index(j, i);
        }
    f->clears = (int32_t)((int64_t)m->p->clears - f->clear);
}

static int set_flags_of(struct making *m, int32_t step)
{
    size_t k = (size_t)(step < 0 ? ~step : step);
    const struct xo_tile_front *f = &m->p->front[k];
    if (step >= 0) {
        m->touched[k] = xo_calloc(entries_of(f), 1);
        return m->touched[k] ? 0 : ENOMEM;
    }
    settle_tiles(m, k);
    for (size_t i = (size_t)f->pivot_strips; f->parent >= 0 && i < (size_t)f->strips; i++)
        for (size_t j = (size_t)f->pivot_strips; j <= i; j++)
            if (is_unused(m, k, j, i))
                m->p->flag[(size_t)f->flag + xo_tile_index(j, i)] |= XO_TILE_UNUSED;
            else
                touch_parent(m, k, j, i);
    free(m->touched[k]);
    m->touched[k] = NULL;
    return 0;
}

/* ---- roundings ------------------------------------------------------------------------------------ */

/* Each pivot, in units of u relative to the coupling it changes: its sum (two additions within a tile, eight in a
 * group, one per group, three inside the four pivots, and up to three eliminations after which what the sum became
 * may differ by six from the sum of what its terms became), twice a root and a quotient, two products by the result,
 * product and addition. */
#define ROUNDINGS_PER_PIVOT (2 + 8 + 3 + 3 * 6 + 4 + 2 + 2)
#define ROUNDINGS_PER_CELL 3           /* with a resistance in series: product, sum, quotient */
#define STRIPS_PER_ROUNDING 8.0

static int count_roundings(struct making *m)
{
    struct xo_batch_plan *p = m->p;
    double *chain = xo_calloc(p->fronts, sizeof *chain);
    if (!chain)
        return ENOMEM;
    for (size_t k = 0; k < p->fronts; k++) {
        const struct xo_tile_front *f = &p->front[k];
        chain[k] += m->s->front[k].children;
        chain[k] += f->pivots * (ROUNDINGS_PER_PIVOT + ceil(f->strips / STRIPS_PER_ROUNDING));
        if (f->parent >= 0 && chain[f->parent] < chain[k])
            chain[f->parent] = chain[k];
    }
    p->roundings = ROUNDINGS_PER_CELL + m->s->link_roundings + chain[p->fronts - 1];
    free(chain);
    return 0;
}

/* ---- all of it ------------------------------------------------------------------------------------ */

static int allocate(struct making *m)
{
    struct xo_batch_plan *p = m->p;
    size_t places, links = m->c->links;
    p->fronts = m->s->fronts;
    p->front = xo_calloc(p->fronts, sizeof *p->front);
    if (!p->front)
        return ENOMEM;
    measure(m, &places);
    for (size_t k = 0; k < p->fronts; k++)
        if (entries_of(&p->front[k]) > UINT32_MAX / 2)
            return XO_ETOOBIG;
    p->step = xo_calloc(2 * p->fronts, sizeof *p->step);
    p->flag = xo_calloc(p->flags, sizeof *p->flag);
    p->clear = xo_calloc(p->flags, sizeof *p->clear);
    p->map = xo_calloc(places, sizeof *p->map);
    p->link = xo_calloc(links, sizeof *p->link);
    p->constant = xo_calloc(links, sizeof *p->constant);
    p->cell_value = xo_calloc(m->c->rows * m->c->columns, sizeof *p->cell_value);
    m->first_child = xo_calloc(p->fronts, sizeof *m->first_child);
    m->next_child = xo_calloc(p->fronts, sizeof *m->next_child);
    m->local = xo_calloc(xo_vertices(m->c), sizeof *m->local);
    m->touched = xo_calloc(p->fronts, sizeof *m->touched);
    return p->step && p->flag && p->clear && p->map && p->link && p->constant && p->cell_value && m->first_child
                   && m->next_child && m->local && m->touched ? 0 : ENOMEM;
}

static int make(struct making *m)
{
    int status = allocate(m);
    if (status)
        return status;
    order_steps(m);
    for (size_t k = 0; k < m->p->fronts; k++) {
        if (m->p->front[k].parent >= 0)
            map_to_parent(m, k);
        set_links(m, k);
    }
    for (size_t step = 0; !status && step < 2 * m->p->fronts; step++)
        status = set_flags_of(m, m->p->step[step]);
    return status ? status : count_roundings(m);
}

int xo_batch_plan_new(struct xo_batch_plan **out, const xo_circuit *c, bool all_couplings)
{
    struct xo_starmesh_plan *s = NULL, *merged = NULL;
    struct making m = {.c = c};
    int32_t *order = xo_calloc(c->unknowns, sizeof *order);
    int status = order && (m.p = xo_calloc(1, sizeof *m.p)) ? xo_order(order, c) : ENOMEM;
    if (!status)
        status = xo_starmesh_plan_new(&s, c, order);
    if (!status)
        status = xo_batch_merge(&merged, s, c);
    if (!status) {
        m.s = merged;
        m.p->operations = xo_starmesh_operations(s);       /* what merging adds in vain does not count */
        m.p->all_couplings = all_couplings;
        status = make(&m);
    }
    for (size_t k = 0; m.touched && k < m.p->fronts; k++)
        free(m.touched[k]);
    free(m.touched);
    free(m.first_child);
    free(m.next_child);
    free(m.local);
    free(order);
    xo_starmesh_plan_free(s);
    xo_starmesh_plan_free(merged);
    if (status)
        xo_batch_plan_free(m.p);
    else
        *out = m.p;
    return status;
}

void xo_batch_plan_free(struct xo_batch_plan *p)
{
    if (!p)
        return;
    free(p->front);
    free(p->step);
    free(p->flag);
    free(p->clear);
    free(p->map);
    free(p->link);
    free(p->constant);
    free(p->cell_value);
    free(p);
}
