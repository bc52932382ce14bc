/* Storage shared by values that do not live at the same time: each, in the order in which they are written, gets the
 * lowest gap that no living value overlaps.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plan.h"
#include <stdbool.h>

enum { ALIGN = 64 };

size_t xo_life_root(const struct xo_life *life, size_t value)
{
    while (life[value].root != value)
        value = life[value].root;
    return value;
}

void xo_life_share(struct xo_life *life, size_t value, size_t other)
{
    struct xo_life *own = &life[value], *root = &life[xo_life_root(life, other)];
    own->root = xo_life_root(life, other);
    root->first = own->first < root->first ? own->first : root->first;
    root->last = own->last > root->last ? own->last : root->last;
    root->nbytes = own->nbytes > root->nbytes ? own->nbytes : root->nbytes;
}

static bool meet(const struct xo_life *a, const struct xo_life *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest place for v among those already placed: after 0, or behind one of them. */
static size_t lowest(const struct xo_life *life, const struct xo_life *v, size_t placed, const size_t *order)
{
    size_t at = 0;
    for (size_t k = 0; k < placed; ) {
        const struct xo_life *other = &life[order[k]];
        bool clash = meet(v, other) && at < other->offset + other->nbytes && other->offset < at + v->nbytes;
        at = clash ? other->offset + other->nbytes : at;
        k = clash ? 0 : k + 1;
    }
    return at;
}

size_t xo_plan(size_t values, struct xo_life *life, size_t *order)
{
    size_t placed = 0, total = 0;
    for (size_t v = 0; v < values; v++)
        life[v].nbytes = (life[v].nbytes + ALIGN - 1) / ALIGN * ALIGN;
    for (;;) {
        size_t next = values;
        for (size_t v = 0; v < values; v++)
            if (life[v].root == v && life[v].nbytes && life[v].offset == (size_t)-1 &&
                (next == values || life[v].first < life[next].first))
                next = v;
        if (next == values)
            return total;
        life[next].offset = lowest(life, &life[next], placed, order);
        order[placed++] = next;
        if (life[next].offset + life[next].nbytes > total)
            total = life[next].offset + life[next].nbytes;
    }
}
