/* BatchNormalization behind a layer, into its weights and bias:
 *     y = gamma (W x + b - mean)/sqrt(var + eps) + beta = (f W) x + (f (b - mean) + beta)
 * with f = gamma/sqrt(var + eps), in double, rounded to float32 once (Ioffe and Szegedy 2015; MAPPING: batch_norm).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <math.h>
#include <string.h>
#include "layers_private.h"

/* The node that alone reads a value; XO_NONE if there are none or several, or if it is the network's result. */
static size_t only_reader(const struct xo_graph *g, size_t value)
{
    return g->value[value].consumers == 1 ? g->value[value].reader : XO_NONE;
}

/* A BatchNormalization normalises dimension 1: a convolution's channels, a Gemm's outputs; of a MatMul only where it
 * has two dimensions, which is not known here. */
static bool can_fold(const struct xo_graph *g, const struct xo_layer *l, const struct xo_graph_node *n)
{
    for (size_t k = 1; k < n->outputs; k++)
        if (n->output[k] != XO_NONE)
            return false;              /* it trains */
    return !strcmp(n->op, "BatchNormalization") && strcmp(g->node[l->node].op, "MatMul") && n->inputs >= 5
        && n->input[0] == l->output && n->outputs >= 1 && n->output[0] != XO_NONE
        && !xo_attribute_int(n, "training_mode", 0) && xo_attribute_int(n, "spatial", 1) == 1;
}

static void scale_output(struct xo_layer *l, size_t output, double factor)
{
    float *w = l->weight + output / l->outputs * l->inputs * l->outputs + output % l->outputs;
    for (size_t k = 0; k < l->inputs; k++)
        w[k * l->outputs] = (float)(factor * (double)w[k * l->outputs]);
}

int xo_layer_fold(struct xo_layer *l, const struct xo_graph *g, struct xo_info *info)
{
    size_t reader = only_reader(g, l->output), outputs = l->groups * l->outputs;
    const struct xo_graph_node *n = reader == XO_NONE ? NULL : &g->node[reader];
    const float *p[4];                 /* gamma, beta, mean, variance */
    double epsilon;
    if (!n || !can_fold(g, l, n))
        return 0;
    for (size_t k = 0; k < 4; k++)
        if (!(p[k] = xo_constant_vector(g, n->input[k + 1], outputs)))
            return 0;
    epsilon = (double)xo_attribute_float(n, "epsilon", 1e-5f);
    for (size_t j = 0; j < outputs; j++) {
        double variance = (double)p[3][j] + epsilon, factor;
        if (!(variance > 0))
            return xo_node_fail(info, XO_EVALUE, g, reader,
                                "variance of channel %zu is %g with epsilon; expected more than 0", j, variance);
        factor = (double)p[0][j] / sqrt(variance);
        scale_output(l, j, factor);
        l->bias[j] = (float)(factor * ((double)l->bias[j] - (double)p[2][j]) + (double)p[1][j]);
    }
    l->batch_norm = reader;
    l->output = n->output[0];
    return 0;
}
