/* Channels last: all values that may, less those that some node must have row-major, until nothing changes.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "order.h"
#include <string.h>

static bool same_shape(const struct xo_tensor *a, const struct xo_tensor *b)
{
    return a->dimensions == b->dimensions && !memcmp(a->shape, b->shape, a->dimensions * sizeof *a->shape);
}

/* Element by element, operands all alike: any order will do as long as it is one. */
static bool any_order(const struct xo_call *c)
{
    bool any = c->op->any_order;
    for (size_t k = 0; any && k < c->n->inputs; k++)
        any = !c->in[k] || xo_tensor_count(c->in[k]) == 1 || same_shape(c->in[k], c->out[0]);
    return any;
}

static bool clear(bool *last, size_t value)
{
    bool was = value != XO_NONE && last[value];
    if (was)
        last[value] = false;
    return was;
}

static bool clear_all(const struct xo_graph_node *n, bool *last, size_t first_input)
{
    bool changed = false;
    for (size_t k = first_input; k < n->inputs; k++)
        changed |= clear(last, n->input[k]);
    for (size_t k = 0; !first_input && k < n->outputs; k++)
        changed |= clear(last, n->output[k]);
    return changed;
}

/* Of an element-by-element node either all operands of the result's shape lie channels last, or none. */
static bool agree(const struct xo_call *c, bool *last)
{
    const struct xo_graph_node *n = c->n;
    bool all = last[n->output[0]];
    for (size_t k = 0; all && k < n->inputs; k++)
        all = n->input[k] == XO_NONE || last[n->input[k]] || xo_tensor_count(c->in[k]) == 1;
    return !all && clear_all(n, last, 0);
}

void xo_order_channels(const struct xo_graph *g, const struct xo_call *call, const struct xo_tensor *tensor,
                       bool *last)
{
    bool changed = true;
    for (size_t v = 0; v < g->values; v++)
        last[v] = last[v] && tensor[v].type == XO_F32 && tensor[v].dimensions == 4;
    while (changed) {
        changed = false;
        for (size_t k = 0; k < g->nodes; k++)
            if (call[k].op->orders_itself)
                changed |= clear_all(&g->node[k], last, 1);
            else if (any_order(&call[k]))
                changed |= agree(&call[k], last);
            else
                changed |= clear_all(&g->node[k], last, 0);
    }
}
