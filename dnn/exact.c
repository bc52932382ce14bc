/* Sums over a quantised model's integers.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <string.h>
#include "exact.h"
#include "memory.h"

/* The DequantizeLinear that value k of a node comes from, looked for through views; NULL: none. */
static const struct xo_graph_node *dequantised(const struct xo_call *c, size_t k)
{
    const struct xo_graph *g = c->graph;
    size_t producer = g->value[c->n->input[k]].producer;
    for (size_t steps = 0; producer != XO_NONE && steps < g->nodes; steps++) {
        const struct xo_graph_node *n = &g->node[producer];
        if (!strcmp(n->op, "DequantizeLinear"))
            return n;
        if (k || xo_operator_find(n->op)->sharing != XO_VIEW)
            return NULL;
        producer = g->value[n->input[0]].producer;
    }
    return NULL;
}

static const struct xo_tensor *scale_of(const struct xo_graph *g, const struct xo_graph_node *n)
{
    const struct xo_value *scale = &g->value[n->input[1]], *q = &g->value[n->input[0]];
    return scale->is_constant && scale->constant.type == XO_F32 && (!q->is_constant || q->constant.type != XO_I32)
        ? &scale->constant : NULL;
}

/* One scale, or one per output along the axis. */
static bool suits(const struct xo_call *c, const struct xo_graph_node *n, const struct xo_tensor *scale, size_t axis)
{
    int64_t along = xo_attribute_int(n, "axis", 1);
    if (xo_tensor_count(scale) == 1)
        return true;
    along += along < 0 ? (int64_t)c->in[1]->dimensions : 0;
    return along == (int64_t)axis && xo_tensor_count(scale) == c->in[1]->shape[axis];
}

/* Half to even, by adding and taking away 1.5 2^23. */
static float whole(float x)
{
    return (x + 0x1.8p23f) - 0x1.8p23f;
}

static int fill(struct xo_exact *e, const struct xo_call *c, const struct xo_tensor *scale, size_t axis)
{
    const struct xo_tensor *w = c->in[1];
    size_t count = xo_tensor_count(w), inner = xo_product(w->shape, axis + 1, w->dimensions);
    e->outputs = w->shape[axis];
    e->weight_scale = xo_calloc(e->outputs, sizeof *e->weight_scale);
    e->weight = xo_calloc(count, sizeof *e->weight);
    e->input = xo_calloc(xo_tensor_count(c->in[0]), sizeof *e->input);
    if (!e->weight_scale || !e->weight || !e->input)
        return ENOMEM;
    for (size_t k = 0; k < e->outputs; k++)
        e->weight_scale[k] = ((const float *)scale->data)[xo_tensor_count(scale) == 1 ? 0 : k];
    for (size_t k = 0; k < count; k++)
        e->weight[k] = whole(((const float *)w->data)[k] / e->weight_scale[k / inner % e->outputs]);
    return 0;
}

int xo_exact_new(struct xo_exact **out, const struct xo_call *c, size_t axis)
{
    const struct xo_graph_node *x = dequantised(c, 0), *w = c->in[1]->data ? dequantised(c, 1) : NULL;
    const struct xo_tensor *input = x ? scale_of(c->graph, x) : NULL, *weight = w ? scale_of(c->graph, w) : NULL;
    struct xo_exact *e;
    int status;
    *out = NULL;
    if (!input || !weight || xo_tensor_count(input) != 1 || !suits(c, w, weight, axis))
        return 0;
    e = xo_calloc(1, sizeof *e);
    if (!e)
        return ENOMEM;
    e->input_scale = *(const float *)input->data;
    status = fill(e, c, weight, axis);
    if (status)
        xo_exact_free(e);
    else
        *out = e;
    return status;
}

void xo_exact_free(struct xo_exact *e)
{
    if (!e)
        return;
    free(e->weight_scale);
    free(e->weight);
    free(e->input);
    free(e);
}

const float *xo_exact_input(struct xo_exact *e, const struct xo_call *c)
{
    const float *x = c->in[0]->data;
    size_t count = xo_tensor_count(c->in[0]);
    float *out = e->input, scale = e->input_scale;
#pragma omp simd
    for (size_t k = 0; k < count; k++)
        out[k] = whole(x[k] / scale);
    return out;
}

void xo_exact_scale(const struct xo_exact *e, float *y, size_t rows, size_t inner, const float *bias)
{
    for (size_t row = 0; row < rows; row++)
        for (size_t k = 0; k < e->outputs; k++, y += inner) {
            const double scale = (double)e->weight_scale[k] * (double)e->input_scale, shift = bias ? (double)bias[k] : 0;
#pragma omp simd
            for (size_t i = 0; i < inner; i++)
                y[i] = (float)(scale * (double)y[i] + shift);
        }
}
