/* A graph in an order in which it can run: producers first, otherwise as the file has it; nodes that the output does
 * not need dropped; every node with a name of its own.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "onnx.h"

enum state { UNSEEN, OPEN, DONE };

/* Scratch, one entry a node. */
struct sort {
    struct xo_graph *g;
    unsigned char *state;
    size_t *order, *stack, *next;      /* next: which input of an open node is looked at next */
    size_t ordered;
};

static size_t producer_of(const struct xo_graph *g, size_t value)
{
    return value == XO_NONE ? XO_NONE : g->value[value].producer;
}

/* Depth first from one node, with a stack of our own; appends it, behind everything it needs. */
static int visit(struct sort *s, size_t root, struct xo_info *info)
{
    size_t depth = 0;
    if (s->state[root] == UNSEEN) {
        s->stack[depth++] = root;
        s->state[root] = OPEN;
    }
    while (depth) {
        size_t node = s->stack[depth - 1], p;
        const struct xo_graph_node *n = &s->g->node[node];
        if (s->next[node] == n->inputs) {
            s->order[s->ordered++] = node;
            s->state[node] = DONE;
            depth--;
            continue;
        }
        p = producer_of(s->g, n->input[s->next[node]++]);
        if (p == XO_NONE || s->state[p] == DONE)
            continue;
        if (s->state[p] == OPEN)
            return xo_node_fail(info, XO_EVALUE, s->g, node,
                                "waits for node %.80s, which waits for it; expected a graph "
                                "without cycles", s->g->node[p].name);
        s->stack[depth++] = p;
        s->state[p] = OPEN;
    }
    return 0;
}

/* From the last to the first: does anybody who is needed read it?  state becomes 1 for those. */
static void mark_needed(struct sort *s)
{
    struct xo_graph *g = s->g;
    memset(s->state, 0, g->nodes);
    if (producer_of(g, g->output) != XO_NONE)
        s->state[g->value[g->output].producer] = 1;
    for (size_t k = g->nodes; k-- > 0;) {
        const struct xo_graph_node *n = &g->node[s->order[k]];
        for (size_t j = 0; s->state[s->order[k]] && j < n->inputs; j++)
            if (producer_of(g, n->input[j]) != XO_NONE)
                s->state[g->value[n->input[j]].producer] = 1;
    }
}

/* The nodes anew, in order; a dropped node's values have no producer any more. */
static int rebuild(struct sort *s)
{
    struct xo_graph *g = s->g;
    struct xo_graph_node *node = xo_arena_alloc(&g->arena, g->nodes + 1, sizeof *node);
    size_t kept = 0;
    if (!node)
        return ENOMEM;
    for (size_t k = 0; k < g->nodes; k++) {
        const struct xo_graph_node *n = &g->node[s->order[k]];
        bool needed = s->state[s->order[k]];
        for (size_t j = 0; j < n->outputs; j++)
            if (n->output[j] != XO_NONE)
                g->value[n->output[j]].producer = needed ? kept : XO_NONE;
        if (needed)
            node[kept++] = *n;
    }
    g->node = node;
    g->nodes = kept;
    return 0;
}

static void count_consumers(struct xo_graph *g)
{
    for (size_t k = 0; k < g->values; k++)
        g->value[k].reader = XO_NONE;
    for (size_t k = 0; k < g->nodes; k++)
        for (size_t j = 0; j < g->node[k].inputs; j++)
            if (g->node[k].input[j] != XO_NONE) {
                g->value[g->node[k].input[j]].consumers++;
                g->value[g->node[k].input[j]].reader = k;
            }
    g->value[g->output].consumers++;
}

/* ---- names ---------------------------------------------------------------------------------------- */

struct named { const char *name; size_t node; };

static int by_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : x->node < y->node ? -1 : x->node > y->node;
}

/* One more number behind every name but the first of its kind; false: there were none. */
static int rename_doubles(struct xo_graph *g, struct named *list, bool *found)
{
    *found = false;
    for (size_t k = 0; k < g->nodes; k++)
        list[k] = (struct named){ g->node[k].name, k };
    qsort(list, g->nodes, sizeof *list, by_name);
    for (size_t k = 1; k < g->nodes; k++) {
        size_t length = strlen(list[k].name);
        char *name;
        if (strcmp(list[k].name, list[k - 1].name))
            continue;
        name = xo_arena_alloc(&g->arena, length + 24, 1);
        if (!name)
            return ENOMEM;
        snprintf(name, length + 24, "%s_%zu", list[k].name, list[k].node);
        g->node[list[k].node].name = name;
        *found = true;
    }
    return 0;
}

static int make_names_unique(struct xo_graph *g)
{
    struct named *list = xo_calloc(g->nodes, sizeof *list);
    bool found = true;
    int status = list ? 0 : ENOMEM;
    while (!status && found)
        status = rename_doubles(g, list, &found);
    free(list);
    return status;
}

int xo_graph_sort(struct xo_graph *g, struct xo_info *info)
{
    struct sort s = { .g = g, .state = xo_calloc(g->nodes, 1), .order = xo_calloc(3 * g->nodes, sizeof *s.order) };
    int status = s.state && s.order ? 0 : ENOMEM;
    if (!status) {
        s.stack = s.order + g->nodes;
        s.next = s.stack + g->nodes;
    }
    for (size_t k = 0; k < g->nodes && !status; k++)
        status = visit(&s, k, info);
    if (!status) {
        mark_needed(&s);
        status = rebuild(&s);
    }
    if (!status) {
        count_consumers(g);
        status = make_names_unique(g);
    }
    free(s.state);
    free(s.order);
    return status;
}
