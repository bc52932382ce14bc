/* The integers of a quantised model: weight and input of a layer both come from DequantizeLinear,
 *     x = (x_q - z_x) s_x,   w = (w_q - z_w) s_w
 * with one zero and scale for all inputs, and one for each output's weights (or for all).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <string.h>
#include "layers_private.h"

/* One DequantizeLinear: what it reads, with which scale and zero. */
struct quantised {
    size_t value;
    const float *scale;
    const struct xo_tensor *zero;      /* NULL: 0 */
    size_t many, inner;                /* scale of element i: scale[i / inner % many] */
    bool is_unsigned;
};

static const struct xo_graph_node *producer_of(const struct xo_graph *g, size_t value, const char *op)
{
    const struct xo_graph_node *n;
    if (value == XO_NONE || g->value[value].producer == XO_NONE)
        return NULL;
    n = &g->node[g->value[value].producer];
    return (!op || !strcmp(n->op, op)) && n->inputs && n->input[0] != XO_NONE ? n : NULL;
}

static const struct xo_tensor *constant_at(const struct xo_graph *g, const struct xo_graph_node *n, size_t k)
{
    return k < n->inputs && n->input[k] != XO_NONE && g->value[n->input[k]].is_constant
         ? &g->value[n->input[k]].constant : NULL;
}

static bool is_left_out(const struct xo_graph_node *n, size_t k) { return k >= n->inputs || n->input[k] == XO_NONE; }

/* Type of the tensor quantised by n (either way): its zero's; without one uint8, unless it is a constant. */
static bool find_type(struct quantised *q, const struct xo_graph *g, const struct xo_graph_node *n)
{
    const struct xo_tensor *in = constant_at(g, n, 0);
    const struct xo_graph_node *before = producer_of(g, n->input[0], "QuantizeLinear");
    enum xo_dtype type = q->zero ? q->zero->type : in ? in->type : XO_U8;
    if (!q->zero && !in && before && !is_left_out(before, 2)) {
        const struct xo_tensor *zero = constant_at(g, before, 2);
        type = zero ? zero->type : XO_F32;
    }
    q->is_unsigned = type == XO_U8;
    return (type == XO_U8 || type == XO_I8) && (!in || in->type == type);
}

static bool find_axis(struct quantised *q, const struct xo_graph_node *n, const struct xo_tensor *in)
{
    int64_t axis = xo_attribute_int(n, "axis", 1);
    q->inner = 1;
    if (q->many == 1)
        return true;
    axis += axis < 0 ? (int64_t)in->dimensions : 0;
    if (axis < 0 || (size_t)axis >= in->dimensions || in->shape[axis] != q->many)
        return false;
    for (size_t k = (size_t)axis + 1; k < in->dimensions; k++)
        q->inner *= in->shape[k];
    return true;
}

/* What node n takes apart; false: not in a form that arrays use. */
static bool look_behind(struct quantised *q, const struct xo_graph *g, const struct xo_graph_node *n)
{
    const struct xo_tensor *scale = n ? constant_at(g, n, 1) : NULL, *in;
    if (!scale || scale->type != XO_F32)
        return false;
    in = constant_at(g, n, 0);
    q->value = n->input[0];
    q->scale = scale->data;
    q->zero = constant_at(g, n, 2);
    q->many = xo_tensor_count(scale);
    if ((!q->zero && !is_left_out(n, 2)) || (q->zero && xo_tensor_count(q->zero) != q->many))
        return false;
    return q->many > 0 && find_type(q, g, n) && (in ? find_axis(q, n, in) : q->many == 1);
}

static int32_t integer_at(const struct xo_tensor *t, size_t k)
{
    return !t ? 0 : t->type == XO_U8 ? ((const uint8_t *)t->data)[k] : ((const int8_t *)t->data)[k];
}

/* Does a Transpose yield the layer's matrix as it is stored, by swapping its two dimensions? */
static bool turns_matrix(const struct xo_graph *g, const struct xo_graph_node *n, size_t yielded,
                         struct xo_steps steps, const struct xo_layer *l)
{
    const struct xo_tensor *t = &g->value[yielded].constant;
    const struct xo_attribute *perm = xo_attribute(n, "perm");
    size_t rows = steps.input == 1 ? l->outputs : l->inputs, columns = steps.input == 1 ? l->inputs : l->outputs;
    return !l->is_convolution && t->dimensions == 2 && t->shape[0] == rows && t->shape[1] == columns
        && (!perm || (perm->kind == XO_ATTR_INTS && perm->count == 2 && perm->ints[0] == 1 && perm->ints[1] == 0));
}

/* From a weight back to its DequantizeLinear, through nodes that only move numbers: steps follow. */
static const struct xo_graph_node *dequantiser_of(const struct xo_graph *g, size_t weight, struct xo_steps *steps,
                                                  const struct xo_layer *l)
{
    for (;;) {
        const struct xo_graph_node *n = producer_of(g, weight, NULL);
        if (!n || !strcmp(n->op, "DequantizeLinear"))
            return n;
        if (!strcmp(n->op, "Transpose") && turns_matrix(g, n, weight, *steps, l))
            *steps = steps->input == 1 ? (struct xo_steps){ 0, l->outputs, 1 } : (struct xo_steps){ 0, 1, l->inputs };
        else if (strcmp(n->op, "Identity") && strcmp(n->op, "Reshape"))
            return NULL;
        weight = n->input[0];
    }
}

/* Zero and scale of every output; false if they vary within one. */
static bool by_output(struct xo_layer *l, const struct quantised *q, struct xo_steps steps)
{
    for (size_t g = 0; g < l->groups; g++)
        for (size_t p = 0; p < l->outputs; p++) {
            size_t first = g * steps.group + p * steps.output, c = first / q->inner % q->many;
            for (size_t k = 1; k < l->inputs && q->many > 1; k++)
                if ((first + k * steps.input) / q->inner % q->many != c)
                    return false;
            l->integers.weight_zero[g * l->outputs + p] = integer_at(q->zero, c);
            l->integers.weight_scale[g * l->outputs + p] = q->scale[c];
        }
    return true;
}

static bool is_positive(const float *scale, size_t count)
{
    for (size_t k = 0; k < count; k++)
        if (!(scale[k] > 0))
            return false;
    return true;
}

static void copy_bytes(uint8_t *to, const struct xo_layer *l, const uint8_t *from, struct xo_steps steps)
{
    for (size_t g = 0; g < l->groups; g++)
        for (size_t k = 0; k < l->inputs; k++)
            for (size_t p = 0; p < l->outputs; p++)
                *to++ = from[g * steps.group + k * steps.input + p * steps.output];
}

int xo_layer_integers(struct xo_layers *out, struct xo_layer *l, const struct xo_graph *g, size_t weight,
                      struct xo_steps steps, struct xo_info *info)
{
    struct xo_model_integers *m = &l->integers;
    struct quantised x, w;
    size_t outputs = l->groups * l->outputs;
    uint8_t *bytes;
    if (!look_behind(&x, g, producer_of(g, l->input, "DequantizeLinear"))
        || !look_behind(&w, g, dequantiser_of(g, weight, &steps, l)) || !g->value[w.value].is_constant)
        return 0;
    bytes = xo_arena_alloc(&out->arena, outputs * l->inputs, 1);
    m->weight_zero = xo_arena_alloc(&out->arena, outputs, sizeof *m->weight_zero);
    m->weight_scale = xo_arena_alloc(&out->arena, outputs, sizeof *m->weight_scale);
    if (!bytes || !m->weight_zero || !m->weight_scale)
        return ENOMEM;
    if (!by_output(l, &w, steps))
        return 0;
    if (!is_positive(x.scale, 1) || !is_positive(m->weight_scale, outputs))
        return xo_node_fail(info, XO_EVALUE, g, l->node, "quantised with a scale of 0 or less; expected more than 0");
    copy_bytes(bytes, l, g->value[w.value].constant.data, steps);
    m->weight = bytes;
    m->weight_unsigned = w.is_unsigned;
    m->input_unsigned = x.is_unsigned;
    m->input_zero = integer_at(x.zero, 0);
    m->input_scale = x.scale[0];
    l->has_integers = true;
    l->input = x.value;
    return 0;
}
