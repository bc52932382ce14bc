/* A graph in which layers on arrays have for weights what their arrays multiply by.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "effective.h"
#include "memory.h"
#include "onnx_write.h"

struct edit {
    struct xo_graph *g;                /* the new one: its arena owns what is new                  */
    const struct xo_array_layer *l;
    const struct xo_effective *e;
    struct xo_graph_node *n;
    bool *gone;                        /* [nodes] */
    size_t added;                      /* Add nodes behind MatMul, at the end for now              */
};

/* ---- values ---------------------------------------------------------------------------------------- */

static bool is_taken(const struct xo_graph *g, const char *name)
{
    for (size_t v = 0; v < g->values; v++)
        if (!strcmp(g->value[v].name, name))
            return true;
    return false;
}

/* A value of its own, "LAYER.WHAT", with more dots where that name is taken; XO_NONE: no memory. */
static size_t new_value(struct edit *d, const char *what)
{
    const char *layer = d->l->layer->name;
    size_t room = strlen(layer) + strlen(what) + 2;
    for (size_t dots = 1; ; dots++) {
        char *name = xo_arena_alloc(&d->g->arena, room + dots, 1);
        if (!name)
            return XO_NONE;
        strcpy(name, layer);
        memset(name + strlen(layer), '.', dots);
        strcpy(name + strlen(layer) + dots, what);
        if (is_taken(d->g, name))
            continue;
        d->g->value[d->g->values] = (struct xo_value){ .name = name, .producer = XO_NONE, .reader = XO_NONE };
        return d->g->values++;
    }
}

/* float32 constant of that shape, its numbers zero for now. */
static float *new_constant(size_t *value, struct edit *d, const char *what, size_t dimensions, const size_t *shape)
{
    struct xo_tensor t = { .type = XO_F32, .dimensions = dimensions };
    memcpy(t.shape, shape, dimensions * sizeof *shape);
    *value = new_value(d, what);
    t.data = xo_arena_alloc(&d->g->arena, xo_tensor_count(&t), sizeof(float));
    if (*value == XO_NONE || !t.data)
        return NULL;
    d->g->value[*value].is_constant = true;
    d->g->value[*value].constant = t;
    return t.data;
}

/* ---- nodes ----------------------------------------------------------------------------------------- */

/* All attributes but those listed (NULL behind the last). */
static int drop_attributes(struct edit *d, const char *const *name)
{
    struct xo_attribute *kept = xo_arena_alloc(&d->g->arena, d->n->attributes + 1, sizeof *kept);
    size_t count = 0;
    if (!kept)
        return ENOMEM;
    for (size_t k = 0; k < d->n->attributes; k++) {
        bool drop = false;
        for (size_t i = 0; name[i]; i++)
            drop |= !strcmp(d->n->attribute[k].name, name[i]);
        if (!drop)
            kept[count++] = d->n->attribute[k];
    }
    d->n->attributes = count;
    d->n->attribute = kept;
    return 0;
}

static int set_inputs(struct edit *d, size_t weight, size_t bias)
{
    size_t *input = xo_arena_alloc(&d->g->arena, 3, sizeof *input), first = d->n->input[0];
    if (!input)
        return ENOMEM;
    memcpy(input, (size_t[]){ first, weight, bias }, 3 * sizeof *input);
    d->n->input = input;
    d->n->inputs = bias == XO_NONE ? 2 : 3;
    return 0;
}

static int set_output(struct edit *d, struct xo_graph_node *n, size_t value)
{
    size_t *output = xo_arena_alloc(&d->g->arena, 1, sizeof *output);
    if (!output)
        return ENOMEM;
    *output = value;
    n->output = output;
    n->outputs = 1;
    return 0;
}

/* ---- the three operators ---------------------------------------------------------------------------- */

/* (outputs, channels of a group, kernel...) */
static int weights_of_conv(size_t *value, struct edit *d)
{
    const struct xo_tensor *was = &d->g->value[d->n->input[1]].constant;
    const struct xo_effective *e = d->e;
    size_t shape[XO_MAX_RANK], kernel = 1;
    for (size_t k = 2; k < was->dimensions; k++)
        kernel *= shape[k] = was->shape[k];
    shape[0] = e->groups * e->outputs;
    shape[1] = e->inputs / kernel;
    float *to = new_constant(value, d, "effective_weight", was->dimensions, shape);
    for (size_t p = 0; to && p < shape[0]; p++)
        for (size_t i = 0; i < e->inputs; i++)
            *to++ = e->weight[(p / e->outputs * e->inputs + i) * e->outputs + p % e->outputs];
    if (!to)
        return ENOMEM;
    return e->groups == d->l->layer->groups ? 0 : drop_attributes(d, (const char *const[]){ "group", NULL });
}

/* (inputs, outputs), as they lie */
static int weights_of_matrix(size_t *value, struct edit *d)
{
    size_t shape[2] = { d->e->inputs, d->e->outputs };
    float *to = new_constant(value, d, "effective_weight", 2, shape);
    if (!to)
        return ENOMEM;
    memcpy(to, d->e->weight, shape[0] * shape[1] * sizeof *to);
    return drop_attributes(d, (const char *const[]){ "alpha", "beta", "transB", NULL });
}

/* MatMul has no bias: an Add behind it. */
static int add_behind(struct edit *d, size_t bias)
{
    struct xo_graph_node *add = &d->g->node[d->g->nodes + d->added];
    size_t *input = xo_arena_alloc(&d->g->arena, 2, sizeof *input), sum = new_value(d, "effective_product");
    if (!input || sum == XO_NONE)
        return ENOMEM;
    *add = (struct xo_graph_node){ .name = d->g->value[bias].name, .op = "Add", .inputs = 2, .input = input };
    input[0] = sum;
    input[1] = bias;
    int status = set_output(d, add, d->n->output[0]);
    d->added += !status;
    return status ? status : set_output(d, d->n, sum);
}

static int replace(struct edit *d)
{
    const struct xo_layer *layer = d->l->layer;
    size_t outputs = d->e->groups * d->e->outputs, weight, bias = XO_NONE;
    int status = layer->is_convolution ? weights_of_conv(&weight, d) : weights_of_matrix(&weight, d);
    if (!status && d->e->biased) {
        float *to = new_constant(&bias, d, "effective_bias", 1, &outputs);
        if (!to)
            return ENOMEM;
        memcpy(to, d->e->bias, outputs * sizeof *to);
    }
    if (!status)
        status = set_output(d, d->n, layer->output);
    if (!status && layer->batch_norm != XO_NONE)
        d->gone[layer->batch_norm] = true;
    bool by_add = bias != XO_NONE && !strcmp(d->n->op, "MatMul");
    if (!status)
        status = set_inputs(d, weight, by_add ? XO_NONE : bias);
    return status || !by_add ? status : add_behind(d, bias);
}

/* ---- the graph -------------------------------------------------------------------------------------- */

static int copy_graph(struct xo_graph *out, const struct xo_graph *g, size_t layers)
{
    *out = *g;
    out->arena = (struct xo_arena){ NULL };
    out->value = xo_arena_alloc(&out->arena, g->values + 3 * layers, sizeof *out->value);
    out->node = xo_arena_alloc(&out->arena, g->nodes + layers, sizeof *out->node);
    if (!out->value || !out->node)
        return ENOMEM;
    memcpy(out->value, g->value, g->values * sizeof *out->value);
    memcpy(out->node, g->node, g->nodes * sizeof *out->node);
    return 0;
}

/* Without those that are gone, every added one behind the node whose product it takes. */
static int settle_nodes(struct edit *d)
{
    struct xo_graph *g = d->g;
    struct xo_graph_node *node = xo_arena_alloc(&g->arena, g->nodes + d->added, sizeof *node);
    size_t count = 0;
    if (!node)
        return ENOMEM;
    for (size_t n = 0; n < g->nodes; n++) {
        if (!d->gone[n])
            node[count++] = g->node[n];
        for (size_t k = 0; k < d->added; k++)
            if (g->node[n].outputs && g->node[g->nodes + k].input[0] == g->node[n].output[0])
                node[count++] = g->node[g->nodes + k];
    }
    g->node = node;
    g->nodes = count;
    return 0;
}

int xo_effective_graph(struct xo_graph *out, const struct xo_graph *g, const xo_engine_dnn *engine, int threads,
                       struct xo_info *info)
{
    struct xo_graph made = { 0 };
    struct edit d = { .g = &made, .gone = xo_calloc(g->nodes, sizeof *d.gone) };
    int status = d.gone ? copy_graph(&made, g, engine->layers) : ENOMEM;
    for (size_t k = 0; k < engine->layers && !status; k++) {
        struct xo_effective e;
        d.l = &engine->layer[k];
        if (!d.l->hardware)
            continue;
        status = xo_effective_new(&e, d.l, threads, info);
        if (status)
            break;
        d.e = &e;
        d.n = &made.node[d.l->layer->node];
        status = replace(&d);
        xo_effective_free(&e);
    }
    if (!status)
        status = settle_nodes(&d);
    free(d.gone);
    if (status)
        xo_graph_free(&made);
    else
        *out = made;
    return status;
}
