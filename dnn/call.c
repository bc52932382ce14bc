/* One call of one operator, and what calls can compute before there is an image: constants.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <string.h>
#include "memory.h"
#include "onednn.h"
#include "operator.h"

enum { LARGE = 64 << 20 };             /* bytes of a constant that may be made from nothing */

int xo_call_infer(struct xo_call *c)
{
    if (c->n->inputs < c->op->least || c->n->inputs > c->op->most || !c->n->outputs || !c->out[0])
        return xo_call_fail(c, XO_EUNSUPPORTED, "%zu inputs, %zu outputs; expected %zu to %zu inputs and an output",
                            c->n->inputs, c->n->outputs, c->op->least, c->op->most);
    for (size_t k = 0; k < c->n->inputs; k++)
        if (!c->in[k] && (k < c->op->least || c->op->most == XO_ANY_NUMBER))
            return xo_call_fail(c, XO_EVALUE, "input %zu is left out; expected one", k);
    return c->op->infer(c);
}

int xo_call_prepare(struct xo_call *c)
{
    int status = c->op->prepare ? c->op->prepare(c) : 0;
    return status < 0 ? xo_call_fail(c, XO_EUNSUPPORTED, "oneDNN does not offer this for such shapes; expected "
                                     "a plainer node") : status;
}

bool xo_call_known(const struct xo_call *c)
{
    bool known = c->n->outputs > 0;
    for (size_t k = 0; known && k < c->n->inputs; k++)
        known = !c->in[k] || c->in[k]->data;
    return known;
}

static size_t nbytes_of(const struct xo_tensor *t)
{
    return t ? xo_tensor_count(t) * xo_dtype_nbytes(t->type) : 0;
}

/* A short file must not ask for much: large constants only from large ones. */
static int check_size(const struct xo_call *c)
{
    size_t in = 0, out = 0;
    for (size_t k = 0; k < c->n->inputs; k++)
        in += nbytes_of(c->in[k]);
    for (size_t k = 0; k < c->n->outputs; k++)
        out += nbytes_of(c->out[k]);
    return out <= LARGE || out / 8 <= in ? 0
        : xo_call_fail(c, XO_ETOOBIG, "a constant of %zu bytes made from %zu; expected at most %d, or 8 for each",
                       out, in, LARGE);
}

int xo_call_now(struct xo_call *c, struct xo_arena *arena)
{
    int status = check_size(c);
    if (!status)
        status = xo_call_prepare(c);
    if (!status)
        status = xo_onednn_scratch(c->onednn);
    for (size_t k = 0; !status && k < c->n->outputs; k++) {
        if (!c->out[k])
            continue;
        c->out[k]->data = xo_arena_alloc(arena, xo_tensor_count(c->out[k]), xo_dtype_nbytes(c->out[k]->type));
        status = c->out[k]->data ? 0 : ENOMEM;
    }
    if (!status)
        status = c->op->run(c);
    if (c->state)
        c->op->release(c->state);
    c->state = NULL;
    return status;
}

/* Inputs and results of one node while constants are folded. */
struct folding {
    const struct xo_tensor **in;
    struct xo_tensor **out, *result;
};

static int start_folding(struct folding *f, const struct xo_graph_node *n)
{
    f->in = xo_calloc(n->inputs, sizeof *f->in);
    f->out = xo_calloc(n->outputs, sizeof *f->out);
    f->result = xo_calloc(n->outputs, sizeof *f->result);
    return f->in && f->out && f->result ? 0 : ENOMEM;
}

static void stop_folding(struct folding *f)
{
    free(f->in);
    free(f->out);
    free(f->result);
}

/* The nodes of a graph are read-only to everybody else; here their values become constants. */
static int fold_node(struct xo_graph *g, size_t node, struct xo_onednn *onednn, struct xo_info *info)
{
    const struct xo_graph_node *n = &g->node[node];
    struct folding f;
    struct xo_call c = { .graph = g, .node = node, .n = n, .op = xo_operator_find(n->op),
                         .onednn = onednn, .info = info };
    int status = start_folding(&f, n);
    c.in = f.in;
    c.out = f.out;
    for (size_t k = 0; !status && k < n->inputs; k++)
        f.in[k] = n->input[k] == XO_NONE ? NULL : &g->value[n->input[k]].constant;
    for (size_t k = 0; !status && k < n->outputs; k++)
        f.out[k] = n->output[k] == XO_NONE ? NULL : &f.result[k];
    if (!status)
        status = xo_call_infer(&c);
    if (!status)
        status = xo_call_now(&c, &g->arena);
    for (size_t k = 0; !status && k < n->outputs; k++)
        if (n->output[k] != XO_NONE) {
            g->value[n->output[k]].constant = f.result[k];
            g->value[n->output[k]].is_constant = true;
        }
    stop_folding(&f);
    return status;
}

static bool all_constant(const struct xo_graph *g, const struct xo_graph_node *n)
{
    bool all = n->outputs > 0;
    for (size_t k = 0; all && k < n->inputs; k++)
        all = n->input[k] == XO_NONE || g->value[n->input[k]].is_constant;
    return all;
}

int xo_graph_fold(struct xo_graph *g, struct xo_info *info)
{
    struct xo_onednn onednn;
    int threads = xo_serial_enter(), status = xo_onednn_start(&onednn);
    for (size_t k = 0; !status && k < g->nodes; k++)
        if (!xo_operator_known(g->node[k].op, g->opset))
            status = xo_node_fail(info, XO_EUNSUPPORTED, g, k, "an operator that is not offered");
        else if (all_constant(g, &g->node[k]))
            status = fold_node(g, k, &onednn, info);
    xo_onednn_stop(&onednn);
    xo_serial_leave(threads);
    return status;
}
