/* Every allocation on the way from a file to layers fails in turn, those of protobuf-c too: ENOMEM, no leak, the next
 * call works.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include "layers.h"
#include "onnx-file.h"
#include "oom.h"
#include "run.h"
#include "scratch.h"
#include "tap.h"

#define TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__ ## name
static struct xo_info info;

/* A little of everything that allocates; big enough to need more than one block of an arena. */
static void make_file(void)
{
    static float big[6000];
    struct onnx_file f;
    Onnx__NodeProto *n;
    size_t nbytes;
    uint8_t *bytes;
    FILE *file = fopen("m.onnx", "wb");
    onnx_begin(&f, 13);
    onnx_input(&f, "x", 2, (int64_t[]){ -1, 2 });
    onnx_output(&f, "y");
    onnx_initialiser(&f, onnx_raw(&f, "wq", TYPE(INT8), 2, (int64_t[]){ 2, 3 }, "abcdef", 6));
    onnx_floats(&f, "s", 0, NULL, (float[]){ 0.5f });
    onnx_node(&f, "QuantizeLinear", "q", "x,s", "xq");
    onnx_node(&f, "DequantizeLinear", "dx", "xq,s", "xd");
    onnx_node(&f, "DequantizeLinear", "dw", "wq,s", "w");
    onnx_node(&f, "MatMul", "fc", "xd,w", "a");
    onnx_elsewhere(&f, onnx_initialiser(&f, onnx_shape(&f, "b", TYPE(FLOAT), 1, (int64_t[]){ 3 })), "w.bin", NULL,
                   NULL);
    onnx_node(&f, "Add", "fc", "a,b", "c");
    onnx_floats(&f, "big", 2, (int64_t[]){ 3, 2000 }, big);
    n = onnx_node(&f, "Gemm", "", "c,big", "d");
    onnx_float(&f, n, "alpha", 2);
    n = onnx_node(&f, "Constant", "", "", "k");
    onnx_tensor(&f, n, "value", onnx_raw(&f, "", TYPE(FLOAT), 1, (int64_t[]){ 1 }, big, 4));
    onnx_node(&f, "Mul", "", "d,k", "y");
    bytes = onnx_pack(&f, &nbytes);
    fwrite(bytes, 1, nbytes, file);
    fclose(file);
    file = fopen("w.bin", "wb");
    fwrite(big, 4, 3, file);
    fclose(file);
    onnx_end(&f);
}

static int read_file(void *user)
{
    struct xo_graph g = { .nodes = 99 };
    int status = xo_graph_read(&g, "m.onnx", &info);
    (void)user;
    if (status)
        return g.nodes == 99 ? status : -1000;
    xo_graph_free(&g);
    return 0;
}

static int find_layers(void *user)
{
    struct xo_layers l = { .count = 99 };
    int status = xo_layers_find(&l, user, XO_BATCH_NORM_FOLD, &info);
    if (status)
        return l.count == 99 ? status : -1000;
    status = l.count == 2 ? 0 : -1001;
    xo_layers_free(&l);
    return status;
}

int main(void)
{
    struct xo_graph g = { 0 };
    struct oom_report r;
    if (!scratch_enter())
        return tap_skip_all("no folder to write in");
    make_file();
    r = oom_sweep(read_file, NULL);
    tap_ok(oom_clean(&r), "reading survives each of its %zu allocations failing, once or for good", r.allocations);
    if (tap_ok(!xo_graph_read(&g, "m.onnx", &info) && !xo_graph_fold(&g, &info), "the graph is read and folded")) {
        r = oom_sweep(find_layers, &g);
        tap_ok(oom_clean(&r), "so does finding layers, %zu of them", r.allocations);
    }
    xo_graph_free(&g);
    scratch_leave();
    return tap_done();
}
