/* Exact quantiles at both ends of a stream (J. I. Munro and M. S. Paterson, "Selection and sorting with limited
 * storage", Theoretical Computer Science 12, 1980).  The high end is the low end of the negated numbers.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include "memory.h"
#include "select.h"
#include "tails.h"

/* One end: the `count` lowest of the numbers above `floor` that came. */
struct end {
    double *value;
    size_t count, room, keep;          /* keep 0: not known yet                      */
    double limit;                      /* nothing from here on is wanted             */
    double floor;                      /* what earlier rounds kept lies below, or is */
    uint64_t before;                   /* how many are no larger than it             */
    double found[2];                   /* the order statistics around the quantile   */
    bool has[2];
};

struct unit {
    uint64_t share, seen;
    struct end end[2];
};

struct xo_tails {
    size_t units;
    double quantile;
    uint64_t vectors;                  /* expected */
    ptrdiff_t *left;
    struct unit *unit;
};

static void begin(struct end *e, double floor)
{
    e->count = e->keep = 0;
    e->before = 0;
    e->limit = INFINITY;
    e->floor = floor;
}

static void release(struct xo_tails *t, struct end *e)
{
    *t->left += (ptrdiff_t)e->room;
    free(e->value);
    e->value = NULL;
    e->room = e->count = 0;
}

int xo_tails_new(xo_tails **out, size_t units, double quantile, const uint64_t *share, ptrdiff_t *left)
{
    struct xo_tails *t = xo_calloc(1, sizeof *t);
    if (!t)
        return ENOMEM;
    *t = (struct xo_tails){ units, quantile, 0, left, xo_calloc(units, sizeof *t->unit) };
    if (!t->unit) {
        free(t);
        return ENOMEM;
    }
    for (size_t u = 0; u < units; u++)
        t->unit[u].share = share[u];
    xo_tails_restart(t);
    *out = t;
    return 0;
}

void xo_tails_free(xo_tails *t)
{
    if (!t)
        return;
    for (size_t k = 0; k < 2 * t->units; k++)
        release(t, &t->unit[k / 2].end[k % 2]);
    free(t->unit);
    free(t);
}

void xo_tails_restart(xo_tails *t)
{
    for (size_t k = 0; k < 2 * t->units; k++) {
        struct end *e = &t->unit[k / 2].end[k % 2];
        t->unit[k / 2].seen = 0;
        e->has[0] = e->has[1] = false;
        begin(e, -INFINITY);
    }
}

/* ---- numbers ---------------------------------------------------------------------------------------- */

void xo_tails_limits(xo_tails *t, size_t lanes, const size_t *unit, uint64_t count, uint64_t all, double *low,
                     double *high)
{
    #pragma omp critical(xo_tails)
    {
        t->vectors = all;
        for (size_t k = 0; k < lanes; k++) {
            struct unit *u = &t->unit[unit[k]];
            u->seen += count;
            low[k] = u->end[0].limit;
            high[k] = -u->end[1].limit;
        }
    }
}

/* Larger, while that is allowed; else only the lowest stay. */
static int make_room(struct xo_tails *t, const struct unit *u, struct end *e)
{
    if (!e->keep)
        e->keep = (size_t)(t->quantile * (double)u->share * (double)t->vectors) + 3;
    size_t full = e->keep + e->keep / 4 + 61, room = e->room < full / 2 ? 2 * e->room + 64 : full;
    if (room > full)
        room = full;
    ptrdiff_t more = (ptrdiff_t)(room - e->room);
    if (e->room < full && (!e->room || more <= *t->left)) {        /* the first few are always allowed */
        double *larger = xo_realloc(e->value, room, sizeof *larger);
        if (!larger)
            return ENOMEM;
        *t->left -= more;
        e->value = larger;
        e->room = room;
        return 0;
    }
    if (e->keep > e->room - e->room / 4)
        e->keep = e->room - e->room / 4;
    e->limit = xo_select(e->value, e->count, e->keep - 1);
    e->count = e->keep;
    return 0;
}

static int add(struct xo_tails *t, const struct unit *u, struct end *e, double x)
{
    int status = 0;
    if (x <= e->floor) {
        e->before++;
        return 0;
    }
    if (x < e->limit && e->count == e->room)
        status = make_room(t, u, e);
    if (!status && x < e->limit)
        e->value[e->count++] = x;
    return status;
}

int xo_tails_add(xo_tails *t, size_t count, const struct xo_tail_value *v)
{
    int status = 0;
    #pragma omp critical(xo_tails)
    for (size_t k = 0; k < count && !status; k++) {
        struct unit *u = &t->unit[v[k].unit];
        status = add(t, u, &u->end[0], v[k].value);
        if (!status)
            status = add(t, u, &u->end[1], -v[k].value);
    }
    return status;
}

/* ---- order statistics ------------------------------------------------------------------------------- */

/* The two around (n - 1) q, counted from the end they are nearer to, and how far the quantile is from the first. */
static double wanted(uint64_t index[2], double quantile, uint64_t n, int end)
{
    double at = (end ? 1 - quantile : quantile) * (double)(n - 1);
    uint64_t k = (uint64_t)at < n - 1 ? (uint64_t)at : n - 1, next = k + 1 < n ? k + 1 : k;
    index[0] = end ? n - 1 - k : k;
    index[1] = end ? n - 1 - next : next;
    return at - (double)k;
}

static bool settle(struct end *e, const uint64_t index[2])
{
    for (int w = 0; w < 2; w++) {
        if (e->has[w])
            continue;
        if (index[w] < e->before)      /* one of several that are equal */
            e->found[w] = e->floor;
        else if (index[w] - e->before < e->count)
            e->found[w] = xo_select(e->value, e->count, (size_t)(index[w] - e->before));
        else
            continue;
        e->has[w] = true;
    }
    return e->has[0] && e->has[1];
}

bool xo_tails_next(xo_tails *t)
{
    bool more = false;
    for (size_t k = 0; k < 2 * t->units; k++) {
        struct end *e = &t->unit[k / 2].end[k % 2];
        uint64_t index[2];
        if (!t->unit[k / 2].seen)
            continue;
        wanted(index, t->quantile, t->unit[k / 2].seen, k % 2);
        bool done = settle(e, index);
        begin(e, done || !e->count ? e->floor : xo_select(e->value, e->count, e->count - 1));
        if (done) {
            release(t, e);
            e->limit = -INFINITY;      /* nothing more */
        }
        more |= !done;
    }
    for (size_t u = 0; u < t->units && more; u++)
        t->unit[u].seen = 0;
    return more;
}

uint64_t xo_tails_quantiles(const xo_tails *t, size_t unit, double out[2])
{
    const struct unit *u = &t->unit[unit];
    for (int k = 0; k < 2 && u->seen; k++) {
        uint64_t index[2];
        double part = wanted(index, t->quantile, u->seen, k), sign = k ? -1 : 1;
        double here = sign * u->end[k].found[0], next = sign * u->end[k].found[1];
        out[k] = here + part * (next - here);
    }
    return u->seen;
}
