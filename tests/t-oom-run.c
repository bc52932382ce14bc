/* Every allocation of folding, runs and the forward pass fails in turn: ENOMEM, no leak, the next call works.  (oneDNN's
 * own allocations are not seen.)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "onnx-file.h"
#include "oom.h"
#include "run.h"
#include "tap.h"
#include "xo_network.h"

static struct onnx_file file;
static uint8_t *bytes;
static size_t nbytes;
static const size_t shape[] = { 3, 5, 5 };
static float image[3 * 75];

static void make_file(void)
{
    static float w[18 * 3 * 9], fc[18 * 4];
    onnx_begin(&file, 13);
    onnx_input(&file, "x", 4, (int64_t[]){ -1, 3, 5, 5 });
    for (size_t k = 0; k < sizeof w / sizeof *w; k++)
        w[k] = (float)(k % 7) - 3;
    onnx_floats(&file, "w", 4, (int64_t[]){ 18, 3, 3, 3 }, w);
    onnx_floats(&file, "fc", 2, (int64_t[]){ 18, 4 }, fc);
    onnx_node(&file, "Identity", "same", "w", "w2");
    onnx_node(&file, "Conv", "conv", "x,w2", "c");
    onnx_node(&file, "Tanh", "tanh", "c", "t");
    onnx_node(&file, "GlobalAveragePool", "mean", "t", "g");
    onnx_node(&file, "Flatten", "flat", "g", "f");
    onnx_node(&file, "Shape", "shape", "f", "s");
    onnx_node(&file, "Reshape", "again", "f,s", "f2");
    onnx_node(&file, "MatMul", "fc", "f2,fc", "y");
    onnx_node(&file, "Softmax", "soft", "y", "z");
    onnx_output(&file, "z");
    bytes = onnx_pack(&file, &nbytes);
}

static int fold(void *user)
{
    struct xo_graph g;
    int status = xo_graph_parse(&g, bytes, nbytes, "made.onnx", NULL, NULL);
    (void)user;
    if (status)
        return status;
    status = xo_graph_fold(&g, NULL);
    xo_graph_free(&g);
    return status;
}

static xo_network *network;

static int forward(void *user)
{
    float *logits = NULL;
    size_t classes = 99;
    int status = xo_network_forward(network, 3, 3, shape, image, 1, &logits, &classes, NULL);
    (void)user;
    if (status)
        return logits || classes != 99 ? -1000 : status;
    free(logits);
    return 0;
}

static void sweep(const char *what, int (*call)(void *user))
{
    struct oom_report r = oom_sweep(call, NULL);
    tap_ok(oom_clean(&r), "%s survives each of its %zu allocations failing, once or for good", what, r.allocations);
}

int main(void)
{
    make_file();
    sweep("folding constants", fold);
    if (xo_network_parse(&network, bytes, nbytes, "made.onnx", NULL))
        return 1;
    sweep("a forward pass", forward);
    xo_network_free(network);
    onnx_end(&file);
    return tap_done();
}
