/* Stands in for operators until they are here: dropped then.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <string.h>
#include "run.h"

__attribute__((weak)) bool xo_operator_known(const char *name, int64_t opset)
{
    static const char known[] = " Conv Gemm MatMul BatchNormalization Relu Clip LeakyRelu HardSwish Sigmoid Tanh Erf Gelu Add "
        "Mul Sub Div Pow Sqrt Concat MaxPool AveragePool GlobalAveragePool ReduceMean LayerNormalization Flatten Reshape "
        "Transpose Squeeze Unsqueeze Pad Softmax Dropout Identity Shape Gather Slice QuantizeLinear DequantizeLinear Cast ";
    const char *found = strstr(known, name);
    return found && found[-1] == ' ' && found[strlen(name)] == ' ' && opset;
}

static int dequantise(struct xo_graph *g, const struct xo_graph_node *n, const struct xo_tensor *in, struct xo_tensor *out)
{
    const float *scale = g->value[n->input[1]].constant.data;
    const struct xo_tensor *zero = n->inputs > 2 ? &g->value[n->input[2]].constant : NULL;
    size_t many = xo_tensor_count(&g->value[n->input[1]].constant), count = xo_tensor_count(in), inner = 1;
    for (size_t k = (size_t)xo_attribute_int(n, "axis", 1) + 1; k < in->dimensions; k++)
        inner *= in->shape[k];
    out->data = xo_arena_alloc(&g->arena, count, 4);
    out->type = XO_F32;
    for (size_t k = 0; out->data && k < count; k++) {
        size_t c = many > 1 ? k / inner % many : 0;
        int q = in->type == XO_I32 ? ((int32_t *)in->data)[k] : in->type == XO_I8 ? ((int8_t *)in->data)[k] : ((uint8_t *)in->data)[k];
        int z = !zero || in->type == XO_I32 ? 0 : in->type == XO_I8 ? ((int8_t *)zero->data)[c] : ((uint8_t *)zero->data)[c];
        ((float *)out->data)[k] = (float)(q - z) * scale[c];
    }
    return out->data ? 0 : ENOMEM;
}

__attribute__((weak)) int xo_graph_fold(struct xo_graph *g, struct xo_info *info)
{
    (void)info;
    for (size_t k = 0; k < g->nodes; k++) {
        const struct xo_graph_node *n = &g->node[k];
        struct xo_value *in = n->inputs ? &g->value[n->input[0]] : NULL, *out = &g->value[n->output[0]];
        if (!in || !in->is_constant)
            continue;
        if (!strcmp(n->op, "Identity") || !strcmp(n->op, "Reshape") || !strcmp(n->op, "DequantizeLinear")) {
            out->is_constant = true;
            out->constant = in->constant;
        }
        if (!strcmp(n->op, "Reshape")) {
            const struct xo_tensor *s = &g->value[n->input[1]].constant;
            out->constant.dimensions = s->shape[0];
            for (size_t j = 0; j < s->shape[0]; j++)
                out->constant.shape[j] = (size_t)((int64_t *)s->data)[j];
        }
        if (!strcmp(n->op, "DequantizeLinear") && dequantise(g, n, &in->constant, &out->constant))
            return ENOMEM;
    }
    return 0;
}
