/* Networks made in memory, and numbers drawn for them: what tests of whole runs share.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MADE_NETWORK_H
#define MADE_NETWORK_H

#include "onnx-file.h"
#include "run.h"
#include "tap.h"
#include "xo_network.h"

static unsigned long long seed = 31337;
static struct xo_info info;

static inline size_t pick(size_t low, size_t high)
{
    return low + (size_t)(tap_uniform(&seed) * (double)(high - low + 1));
}

static inline void draw(float *x, size_t count)
{
    for (size_t k = 0; k < count; k++)
        x[k] = (float)(2 * tap_uniform(&seed) - 1);
}

static inline int graph_of(struct xo_graph *g, struct onnx_file *f)
{
    size_t nbytes;
    uint8_t *bytes = onnx_pack(f, &nbytes);
    int status = xo_graph_parse(g, bytes, nbytes, "made.onnx", NULL, &info);
    if (!status)
        status = xo_graph_fold(g, &info);
    if (status)
        printf("# %s\n", info.text);
    onnx_end(f);
    return status;
}

static inline xo_network *network_of(struct onnx_file *f)
{
    size_t nbytes;
    uint8_t *bytes = onnx_pack(f, &nbytes);
    xo_network *n = NULL;
    if (xo_network_parse(&n, bytes, nbytes, "made.onnx", &info))
        printf("# %s\n", info.text);
    onnx_end(f);
    return n;
}

/* Conv, BatchNormalization, Relu, MaxPool, Gemm on images of 2 x 4 x 4; batch -1: symbolic. */
static inline void small_network(struct onnx_file *f, int64_t batch)
{
    float w[4 * 2 * 9], p[4], fc[16 * 5], b[5];
    onnx_begin(f, 13);
    onnx_input(f, "x", 4, (int64_t[]){ batch, 2, 4, 4 });
    draw(w, 72);
    draw(fc, 80);
    draw(b, 5);
    onnx_floats(f, "w", 4, (int64_t[]){ 4, 2, 3, 3 }, w);
    for (int k = 0; k < 4; k++) {
        const char *const name[] = { "gamma", "beta", "mean", "var" };
        draw(p, 4);
        for (int j = 0; j < 4; j++)
            p[j] = k == 3 ? p[j] * p[j] + 0.5f : p[j];
        onnx_floats(f, name[k], 1, (int64_t[]){ 4 }, p);
    }
    onnx_floats(f, "fc", 2, (int64_t[]){ 16, 5 }, fc);
    onnx_floats(f, "b", 1, (int64_t[]){ 5 }, b);
    onnx_ints(f, onnx_node(f, "Conv", "conv", "x,w", "c"), "pads", 4, (int64_t[]){ 1, 1, 1, 1 });
    onnx_node(f, "BatchNormalization", "bn", "c,gamma,beta,mean,var", "n");
    onnx_node(f, "Relu", "relu", "n", "r");
    Onnx__NodeProto *pool = onnx_node(f, "MaxPool", "pool", "r", "m");
    onnx_ints(f, pool, "kernel_shape", 2, (int64_t[]){ 2, 2 });
    onnx_ints(f, pool, "strides", 2, (int64_t[]){ 2, 2 });
    onnx_node(f, "Flatten", "flat", "m", "flat");
    onnx_node(f, "Gemm", "gemm", "flat,fc,b", "y");
    onnx_output(f, "y");
}

#endif
