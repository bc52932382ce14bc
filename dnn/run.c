/* A graph for a fixed number of images.
 *     shapes    operator by operator; what follows from constants and shapes alone is computed on the way
 *     storage   by plan.c from when each value is written and last read; layers may be handed out, so a layer's
 * result
 *               is alive from the layer's node on, and its input up to it
 *     forward   which nodes are needed depends on what the hook takes over: marked from the output backwards
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "run.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include "memory.h"
#include "onednn.h"
#include "operator.h"
#include "order.h"
#include "plan.h"

struct xo_run {
    const struct xo_graph *graph;
    const struct xo_layers *layers;    /* NULL: none */
    size_t images, outputs;
    struct xo_tensor *tensor;          /* [values] data NULL until storage is planned; graph's or arena's: known */
    bool *known;                       /* [values] does not depend on the images' pixels   */
    struct xo_call *call;              /* [nodes]                                          */
    size_t *layer_at, *layer_of;       /* [nodes], [values] the layer that begins there, whose result it is;
        XO_NONE */
    bool *needed, *taken;              /* [values], [layers] for one pass                  */
    struct xo_onednn onednn;
    void *storage;
    struct xo_arena arena;
};

size_t xo_run_images(const struct xo_graph *g, size_t wanted)
{
    return g->input_dimensions && g->input_shape[0] > 0 ? (size_t)g->input_shape[0] : wanted;
}

size_t xo_run_outputs(const xo_run *r)
{
    return r->outputs;
}

static int allocate(struct xo_run *r)
{
    const struct xo_graph *g = r->graph;
    size_t layers = r->layers ? r->layers->count : 0;
    r->tensor = xo_arena_alloc(&r->arena, g->values, sizeof *r->tensor);
    r->known = xo_arena_alloc(&r->arena, g->values, sizeof *r->known);
    r->call = xo_arena_alloc(&r->arena, g->nodes, sizeof *r->call);
    r->layer_at = xo_arena_alloc(&r->arena, g->nodes, sizeof *r->layer_at);
    r->layer_of = xo_arena_alloc(&r->arena, g->values, sizeof *r->layer_of);
    r->needed = xo_arena_alloc(&r->arena, g->values, sizeof *r->needed);
    r->taken = xo_arena_alloc(&r->arena, layers, sizeof *r->taken);
    if (!r->tensor || !r->known || !r->call || !r->layer_at || !r->layer_of || !r->needed || !r->taken)
        return ENOMEM;
    for (size_t k = 0; k < g->nodes; k++)
        r->layer_at[k] = XO_NONE;
    for (size_t v = 0; v < g->values; v++) {
        r->layer_of[v] = XO_NONE;
        r->known[v] = g->value[v].is_constant;
        if (r->known[v])
            r->tensor[v] = g->value[v].constant;
    }
    for (size_t k = 0; k < layers; k++) {
        r->layer_at[r->layers->layer[k].node] = k;
        r->layer_of[r->layers->layer[k].output] = k;
    }
    return 0;
}

/* Does the shape fit what the file declares? */
static int set_input(struct xo_run *r, size_t image_dimensions, const size_t *image_shape, struct xo_info *info)
{
    const struct xo_graph *g = r->graph;
    struct xo_tensor *x = &r->tensor[g->input];
    size_t nbytes = sizeof(float);
    char text[XO_MAX_RANK * 21 + 3];
    *x = (struct xo_tensor){ .type = XO_F32, .dimensions = image_dimensions + 1, .shape = { r->images } };
    if (image_dimensions + 1 > XO_MAX_RANK)
        return xo_fail(info, XO_ESHAPE, "%s: images of %zu dimensions; expected at most %d", g->file,
                       image_dimensions, XO_MAX_RANK - 1);
    for (size_t k = 0; k < image_dimensions; k++)
        x->shape[k + 1] = image_shape[k];
    bool fits = !g->input_dimensions || g->input_dimensions == x->dimensions;
    for (size_t k = 1; fits && k < g->input_dimensions; k++)     /* a last batch may be smaller than the file's */
        fits = g->input_shape[k] < 0 || (size_t)g->input_shape[k] == x->shape[k];
    if (!fits)
        return xo_fail(info, XO_ESHAPE, "%s: images of shape %s; expected what the file declares for its input",
                       g->file, xo_shape_text(image_dimensions, image_shape, text));
    for (size_t k = 0; k < x->dimensions; k++)
        if (!x->shape[k] || x->shape[k] > INT32_MAX || (nbytes *= x->shape[k]) > INT32_MAX)
            return xo_fail(info, XO_ETOOBIG, "%s: images of %s, %zu at a time; expected less than 2 GB, and none "
                           "empty", g->file, xo_shape_text(image_dimensions, image_shape, text), r->images);
    return 0;
}

static int make_call(struct xo_run *r, size_t node, struct xo_info *info)
{
    const struct xo_graph_node *n = &r->graph->node[node];
    struct xo_call *c = &r->call[node];
    *c = (struct xo_call){ .graph = r->graph, .node = node, .n = n, .op = xo_operator_find(n->op),
                           .onednn = &r->onednn, .info = info };
    if (!c->op)
        return xo_call_fail(c, XO_EUNSUPPORTED, "an operator that is not offered");
    c->in = xo_arena_alloc(&r->arena, n->inputs, sizeof *c->in);
    c->out = xo_arena_alloc(&r->arena, n->outputs, sizeof *c->out);
    if (!c->in || !c->out)
        return ENOMEM;
    for (size_t k = 0; k < n->inputs; k++)
        c->in[k] = n->input[k] == XO_NONE ? NULL : &r->tensor[n->input[k]];
    for (size_t k = 0; k < n->outputs; k++)
        c->out[k] = n->output[k] == XO_NONE ? NULL : &r->tensor[n->output[k]];
    return 0;
}

static bool is_known(const struct xo_run *r, size_t node)
{
    const struct xo_graph_node *n = &r->graph->node[node];
    return n->outputs && n->output[0] != XO_NONE && r->known[n->output[0]];
}

/* A shape is known without any pixel. */
static bool can_be_known(const struct xo_call *c)
{
    return !strcmp(c->op->name, "Shape") || !strcmp(c->op->name, "Size") || xo_call_known(c);
}

static int infer_node(struct xo_run *r, size_t node, struct xo_info *info)
{
    const struct xo_graph_node *n = &r->graph->node[node];
    int status = make_call(r, node, info);
    if (status || is_known(r, node))
        return status;
    status = xo_call_infer(&r->call[node]);
    if (status || !can_be_known(&r->call[node]))
        return status;
    status = xo_call_now(&r->call[node], &r->arena);
    for (size_t k = 0; !status && k < n->outputs; k++)
        if (n->output[k] != XO_NONE)
            r->known[n->output[k]] = true;
    return status;
}

static int infer(struct xo_run *r, struct xo_info *info)
{
    int status = 0;
    for (size_t k = 0; !status && k < r->graph->nodes; k++)
        status = infer_node(r, k, info);
    return status;
}

static int check_output(struct xo_run *r, struct xo_info *info)
{
    const struct xo_tensor *y = &r->tensor[r->graph->output];
    char text[XO_MAX_RANK * 21 + 3];
    if (!y->dimensions || y->shape[0] != r->images || !xo_tensor_count(y))
        return xo_fail(info, XO_ESHAPE, "%s: a result of shape %s for %zu images; expected one row of numbers per "
                       "image", r->graph->file, xo_shape_text(y->dimensions, y->shape, text), r->images);
    r->outputs = xo_tensor_count(y) / r->images;
    return 0;
}

static size_t nbytes_of(const struct xo_tensor *t)
{
    size_t nbytes = xo_tensor_count(t) * xo_dtype_nbytes(t->type);
    return nbytes ? nbytes : 1;
}

static void live_until(struct xo_life *life, size_t value, size_t node)
{
    if (life[value].last < node)
        life[value].last = node;
}

static void lives(const struct xo_run *r, struct xo_life *life)
{
    const struct xo_graph *g = r->graph;
    for (size_t v = 0; v < g->values; v++)
        life[v] = (struct xo_life){ .root = v, .offset = (size_t)-1, .nbytes = r->known[v] ? 0
                                    : nbytes_of(&r->tensor[v]) };
    for (size_t k = 0; k < g->nodes; k++) {
        for (size_t j = 0; j < g->node[k].inputs; j++)
            if (g->node[k].input[j] != XO_NONE)
                live_until(life, g->node[k].input[j], k);
        for (size_t j = 0; j < g->node[k].outputs; j++)
            if (g->node[k].output[j] != XO_NONE) {
                life[g->node[k].output[j]].first = k;
                live_until(life, g->node[k].output[j], k);
            }
    }
    live_until(life, g->output, g->nodes);
    for (size_t k = 0; r->layers && k < r->layers->count; k++) {
        const struct xo_layer *layer = &r->layers->layer[k];
        live_until(life, layer->input, layer->node);
        if (life[layer->output].first > layer->node)
            life[layer->output].first = layer->node;
    }
}

/* A result over its first input: nobody reads that later, and no third operand lies there. */
static bool may_cover(const struct xo_run *r, const struct xo_life *life, size_t node)
{
    const struct xo_graph_node *n = &r->graph->node[node];
    size_t in = n->input[0], out = n->output[0], root = xo_life_root(life, in);
    bool may = life[root].last == node && r->tensor[in].type == r->tensor[out].type &&
               xo_tensor_count(&r->tensor[in]) == xo_tensor_count(&r->tensor[out]);
    for (size_t k = 2; may && k < n->inputs; k++)
        may = n->input[k] == XO_NONE || xo_life_root(life, n->input[k]) != root;
    return may;
}

static void share(const struct xo_run *r, struct xo_life *life)
{
    for (size_t k = 0; k < r->graph->nodes; k++) {
        const struct xo_graph_node *n = &r->graph->node[k];
        if (is_known(r, k) || !n->inputs || r->known[n->input[0]])
            continue;
        if (r->call[k].op->sharing == XO_VIEW || (r->call[k].op->sharing == XO_OVER && may_cover(r, life, k)))
            xo_life_share(life, n->output[0], n->input[0]);
    }
}

static int plan(struct xo_run *r)
{
    const struct xo_graph *g = r->graph;
    struct xo_life *life = xo_calloc(g->values, sizeof *life);
    size_t *order = xo_calloc(g->values, sizeof *order);
    int status = life && order ? 0 : ENOMEM;
    if (!status) {
        lives(r, life);
        share(r, life);
        r->storage = xo_calloc(xo_plan(g->values, life, order) + 64, 1);
        status = r->storage ? 0 : ENOMEM;
    }
    char *base = (char *)(((uintptr_t)r->storage + 63) / 64 * 64);
    for (size_t v = 0; !status && v < g->values; v++)
        if (life[v].nbytes)
            r->tensor[v].data = base + life[xo_life_root(life, v)].offset;
    free(life);
    free(order);
    return status;
}

/* Everything may lie channels last but what goes in and out, and what others look at. */
static int order(struct xo_run *r)
{
    const struct xo_graph *g = r->graph;
    bool *last = xo_calloc(g->values, sizeof *last);
    if (!last)
        return ENOMEM;
    for (size_t v = 0; v < g->values; v++)
        last[v] = v != g->input && v != g->output && !r->known[v];
    for (size_t k = 0; r->layers && k < r->layers->count; k++)
        last[r->layers->layer[k].input] = last[r->layers->layer[k].output] = false;
    xo_order_channels(g, r->call, r->tensor, last);
    for (size_t k = 0; k < g->nodes; k++)
        if (r->call[k].op->orders_itself) {
            r->call[k].in_last = last[g->node[k].input[0]];
            r->call[k].out_last = last[g->node[k].output[0]];
        }
    free(last);
    return 0;
}

static int prepare(struct xo_run *r)
{
    int status = order(r);
    for (size_t k = 0; !status && k < r->graph->nodes; k++)
        status = is_known(r, k) ? 0 : xo_call_prepare(&r->call[k]);
    return status ? status : xo_onednn_scratch(&r->onednn);
}

/* The order matters: primitives look at which weights are constant, so they are made before storage has addresses. */
static int make(struct xo_run *r, size_t image_dimensions, const size_t *image_shape, struct xo_info *info)
{
    int status = allocate(r);
    if (!status)
        status = xo_onednn_start(&r->onednn);
    if (!status)
        status = set_input(r, image_dimensions, image_shape, info);
    if (!status)
        status = infer(r, info);
    if (!status)
        status = check_output(r, info);
    if (!status)
        status = prepare(r);
    return status ? status : plan(r);
}

int xo_run_new(xo_run **out, const struct xo_graph *g, const struct xo_layers *layers, size_t images,
               size_t image_dimensions, const size_t *image_shape, struct xo_info *info)
{
    struct xo_run *r = xo_calloc(1, sizeof *r);
    int threads, status;
    if (!r)
        return ENOMEM;
    r->graph = g;
    r->layers = layers;
    r->images = images;
    threads = xo_serial_enter();
    status = make(r, image_dimensions, image_shape, info);
    xo_serial_leave(threads);
    if (status)
        xo_run_free(r);
    else
        *out = r;
    return status;
}

void xo_run_free(xo_run *r)
{
    if (!r)
        return;
    for (size_t k = 0; r->call && k < r->graph->nodes; k++)
        if (r->call[k].state)
            r->call[k].op->release(r->call[k].state);
    xo_onednn_stop(&r->onednn);
    free(r->storage);
    xo_arena_free(&r->arena);
    free(r);
}

/* From the output backwards; a layer that is taken over needs its own input only. */
static void mark(struct xo_run *r, const struct xo_layer_hook *hook)
{
    const struct xo_graph *g = r->graph;
    memset(r->needed, 0, g->values * sizeof *r->needed);
    for (size_t k = 0; r->layers && k < r->layers->count; k++)
        r->taken[k] = hook && hook->run && (!hook->takes || hook->takes(hook->user, k));
    r->needed[g->output] = true;
    for (size_t k = g->nodes; k-- > 0; ) {
        const struct xo_graph_node *n = &g->node[k];
        size_t layer = r->layer_at[k];
        bool needed = false;
        if (layer != XO_NONE && r->taken[layer] && r->needed[r->layers->layer[layer].output])
            r->needed[r->layers->layer[layer].input] = true;
        for (size_t j = 0; j < n->outputs; j++) {
            size_t of = n->output[j] == XO_NONE ? XO_NONE : r->layer_of[n->output[j]];
            needed |= n->output[j] != XO_NONE && r->needed[n->output[j]] && (of == XO_NONE || !r->taken[of]);
        }
        for (size_t j = 0; needed && j < n->inputs; j++)
            if (n->input[j] != XO_NONE)
                r->needed[n->input[j]] = true;
        if (needed && layer != XO_NONE && hook && hook->look)
            r->needed[r->layers->layer[layer].input] = true;
    }
}

/* Something here is needed and does not come from a layer taken over. */
static bool must_run(const struct xo_run *r, size_t node)
{
    const struct xo_graph_node *n = &r->graph->node[node];
    for (size_t j = 0; j < n->outputs; j++) {
        size_t v = n->output[j];
        if (v != XO_NONE && r->needed[v] && !r->known[v] && (r->layer_of[v] == XO_NONE || !r->taken[r->layer_of[v]]))
            return true;
    }
    return false;
}

static int run_layer(struct xo_run *r, size_t layer, const struct xo_layer_hook *hook, struct xo_info *info)
{
    const struct xo_layer *l = &r->layers->layer[layer];
    bool taken = r->taken[layer] && r->needed[l->output];
    int status = 0;
    if (hook && hook->look && (taken || must_run(r, l->node)))
        status = hook->look(hook->user, layer, &r->tensor[l->input], info);
    if (!status && taken)
        status = hook->run(hook->user, layer, &r->tensor[l->input], &r->tensor[l->output], info);
    return status;
}

/* Networks that end in integers (a class, a quantised score) end in float32 here. */
static void give(const struct xo_tensor *y, float *logits)
{
    size_t count = xo_tensor_count(y);
    for (size_t k = 0; k < count; k++)
        switch (y->type) {
        case XO_F32: logits[k] = ((const float *)y->data)[k]; break;
        case XO_I64: logits[k] = (float)((const int64_t *)y->data)[k]; break;
        case XO_I32: logits[k] = (float)((const int32_t *)y->data)[k]; break;
        case XO_I8: logits[k] = ((const int8_t *)y->data)[k]; break;
        default: logits[k] = ((const uint8_t *)y->data)[k]; break;
        }
}

int xo_run_forward(xo_run *r, const float *image, float *logits, const struct xo_layer_hook *hook,
                   struct xo_info *info)
{
    struct xo_tensor *x = &r->tensor[r->graph->input];
    int status = 0, threads = xo_serial_enter();
    memcpy(x->data, image, nbytes_of(x));
    mark(r, hook);
    for (size_t k = 0; !status && k < r->graph->nodes; k++) {
        r->call[k].info = info;
        if (r->layer_at[k] != XO_NONE)
            status = run_layer(r, r->layer_at[k], hook, info);
        if (!status && must_run(r, k))
            status = r->call[k].op->run(&r->call[k]);
    }
    xo_serial_leave(threads);
    if (!status)
        give(&r->tensor[r->graph->output], logits);
    return status;
}
