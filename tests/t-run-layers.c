/* Layers of a graph handed out to somebody else: what he is given, what happens to his results.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "made-network.h"

struct watched {
    const struct xo_graph *g;
    const struct xo_layers *layers;
    size_t looks, runs, order[8];
    int only;                          /* the one layer taken; -1: all */
    int fail;
};

/* The layer as layers.c describes it: windows, matrix, bias. */
static int compute_layer(void *user, size_t layer, const struct xo_tensor *in, struct xo_tensor *out,
                         struct xo_info *message)
{
    struct watched *w = user;
    const struct xo_layer *l = &w->layers->layer[layer];
    struct xo_window v;
    size_t n = 0;
    w->runs++;
    if (w->fail)
        return xo_fail(message, XO_ESTOPPED, "enough");
    if (xo_layer_resolve(&v, w->g, l, in->dimensions, in->shape, message))
        return XO_ESHAPE;
    for (size_t image = 0; image < in->shape[0]; image++)
        for (size_t p = 0; p < l->outputs; p++)
            for (size_t i = 0; i < v.out_height; i++)
                for (size_t j = 0; j < v.out_width; j++, n++) {
                    double sum = (double)l->bias[p];
                    for (size_t k = 0; k < l->inputs; k++) {
                        size_t taps = v.kernel[0] * v.kernel[1], c = k / taps;
                        size_t row = i * v.stride[0] + k % taps / v.kernel[1] * v.dilation[0] - v.pad[0];
                        size_t column = j * v.stride[1] + k % v.kernel[1] * v.dilation[1] - v.pad[1];
                        if (row < v.height && column < v.width)
                            sum += (double)l->weight[k * l->outputs + p] *
                                   (double)((const float *)in->data)[((image * v.channels + c) * v.height +
                                                                      row) * v.width + column];
                    }
                    ((float *)out->data)[n] = (float)sum;
                }
    return 0;
}

static int look(void *user, size_t layer, const struct xo_tensor *in, struct xo_info *message)
{
    struct watched *w = user;
    (void)in;
    (void)message;
    if (w->looks < 8)
        w->order[w->looks] = layer;
    w->looks++;
    return 0;
}

static bool takes(void *user, size_t layer)
{
    const struct watched *w = user;
    return w->only < 0 || (size_t)w->only == layer;
}

static void layers_are_handed_out(void)
{
    struct onnx_file f = { 0 };
    struct xo_graph g;
    struct xo_layers layers;
    xo_run *r = NULL;
    float image[3 * 32], plain[15], by_hook[15];
    struct watched w = { .only = -1 };
    struct xo_layer_hook hook = { compute_layer, look, takes, &w };
    small_network(&f, -1);
    if (graph_of(&g, &f) || xo_layers_find(&layers, &g, XO_BATCH_NORM_FOLD, &info) ||
        xo_run_new(&r, &g, &layers, 3, 3, (size_t[]){ 2, 4, 4 }, &info)) {
        tap_ok(0, "a small network with layers: %s", info.text);
        return;
    }
    w.g = &g;
    w.layers = &layers;
    draw(image, 96);
    tap_ok(!xo_run_forward(r, image, plain, NULL, &info), "without a hook");
    for (int only = -1; only < 2; only++) {
        double worst = 0;
        w = (struct watched){ .g = &g, .layers = &layers, .only = only };
        memset(by_hook, 0, sizeof by_hook);
        int fine = !xo_run_forward(r, image, by_hook, &hook, &info);
        for (size_t k = 0; k < 15; k++)
            worst = fmax(worst, fabs((double)by_hook[k] - (double)plain[k]));
        tap_ok(fine && worst < 1e-5 && w.runs == (only < 0 ? 2 : 1),
               "layers taken over, %d: the same logits, BatchNormalization "
               "not applied twice", only);
        tap_ok(w.looks == 2 && w.order[0] == 0 && w.order[1] == 1, "each layer looked at once, in order");
    }
    w = (struct watched){ .g = &g, .layers = &layers, .only = -1, .fail = 1 };
    tap_ok(xo_run_forward(r, image, by_hook, &hook, &info) == XO_ESTOPPED && !strcmp(info.text, "enough") &&
           w.runs == 1, "a hook's failure ends the pass");
    hook = (struct xo_layer_hook){ .look = look, .user = &w };
    w.looks = 0;
    tap_ok(!xo_run_forward(r, image, by_hook, &hook, &info) && !memcmp(by_hook, plain, sizeof plain) && w.looks == 2,
           "looking alone changes nothing");
    xo_run_free(r);
    xo_layers_free(&layers);
    xo_graph_free(&g);
}

/* Between convolutions values lie channels last where nobody looks at them; with layers to hand out they lie
 * row-major. Sums, products and branches between them, grouped and depthwise, and a Concat that wants them
 * row-major. */
static void order_of_channels_does_not_matter(void)
{
    struct onnx_file f = { 0 };
    struct xo_graph g;
    struct xo_layers layers;
    xo_run *r[2] = { NULL };
    float w[12 * 3 * 9], image[2 * 3 * 49], y[2][2 * 18 * 49];
    int fine;
    onnx_begin(&f, 13);
    onnx_input(&f, "x", 4, (int64_t[]){ -1, 3, 7, 7 });
    draw(w, 324);
    onnx_floats(&f, "w0", 4, (int64_t[]){ 12, 3, 3, 3 }, w);
    onnx_floats(&f, "w1", 4, (int64_t[]){ 12, 1, 3, 3 }, w + 50);
    onnx_floats(&f, "w2", 4, (int64_t[]){ 12, 6, 1, 1 }, w + 100);
    onnx_floats(&f, "w3", 4, (int64_t[]){ 6, 12, 1, 1 }, w + 200);
    onnx_floats(&f, "w4", 4, (int64_t[]){ 6, 3, 1, 1 }, w + 90);
    onnx_floats(&f, "w5", 4, (int64_t[]){ 6, 6, 1, 1 }, w + 120);
    onnx_floats(&f, "half", 0, NULL, (float[]){ 0.5f });
    onnx_floats(&f, "channel", 3, (int64_t[]){ 12, 1, 1 }, w + 300);
    onnx_ints(&f, onnx_node(&f, "Conv", "c0", "x,w0", "a"), "pads", 4, (int64_t[]){ 1, 1, 1, 1 });
    onnx_node(&f, "Relu", "r0", "a", "b");
    Onnx__NodeProto *n = onnx_node(&f, "Conv", "c1", "b,w1", "c");
    onnx_ints(&f, n, "pads", 4, (int64_t[]){ 1, 1, 1, 1 });
    onnx_int(&f, n, "group", 12);
    onnx_node(&f, "Add", "add", "c,b", "d");
    onnx_node(&f, "Mul", "half of it", "d,half", "e");
    onnx_int(&f, onnx_node(&f, "Conv", "c2", "e,w2", "f"), "group", 2);
    onnx_node(&f, "Sub", "by channel", "f,channel", "h");
    onnx_node(&f, "Conv", "c3", "h,w3", "i");
    onnx_node(&f, "Conv", "c4", "e,w3", "j");
    onnx_node(&f, "Max", "max", "i,j", "k");
    onnx_node(&f, "GlobalAveragePool", "pool", "x", "p");
    onnx_node(&f, "Conv", "c5", "p,w4", "s");
    onnx_node(&f, "Conv", "c6", "e,w3", "t");
    onnx_node(&f, "Mul", "by image", "t,s", "u");
    onnx_node(&f, "Conv", "c7", "u,w5", "v");
    onnx_node(&f, "Conv", "c8", "k,w5", "q");
    onnx_ints(&f, onnx_node(&f, "Conv", "c9", "x,w0", "a2"), "pads", 4, (int64_t[]){ 1, 1, 1, 1 });
    onnx_node(&f, "Max", "mixed", "h,a2", "g");
    onnx_node(&f, "Conv", "c10", "g,w3", "g2");
    onnx_int(&f, onnx_node(&f, "Concat", "all", "q,v,g2", "y"), "axis", 1);
    onnx_output(&f, "y");
    draw(image, 2 * 147);
    if (graph_of(&g, &f) || xo_layers_find(&layers, &g, XO_BATCH_NORM_FOLD, &info)) {
        tap_ok(0, "convolutions in a row: %s", info.text);
        return;
    }
    fine = layers.count == 11;
    for (int k = 0; k < 2; k++)
        fine = fine && !xo_run_new(&r[k], &g, k ? &layers : NULL, 2, 3, (size_t[]){ 3, 7, 7 }, &info) &&
               !xo_run_forward(r[k], image, y[k], NULL, &info);
    for (size_t k = 0; fine && k < 2 * 18 * 49; k++)
        fine = fabs((double)(y[0][k] - y[1][k])) < 1e-5;
    tap_ok(fine, "the order in which channels are stored does not matter");
    xo_run_free(r[0]);
    xo_run_free(r[1]);
    xo_layers_free(&layers);
    xo_graph_free(&g);
}

/* Quantised models: the layer gets the integers in front of DequantizeLinear, whole until it is done. */
struct integers {
    const uint8_t *want;
    int seen;                          /* how often they were as wanted */
};

static int see_integers(void *user, size_t layer, const struct xo_tensor *in, struct xo_info *message)
{
    struct integers *w = user;
    (void)layer;
    (void)message;
    w->seen += in->type == XO_U8 && !memcmp(in->data, w->want, 64);
    return 0;
}

static int take_integers(void *user, size_t layer, const struct xo_tensor *in, struct xo_tensor *out,
                         struct xo_info *message)
{
    memset(out->data, 0, xo_tensor_count(out) * sizeof(float));
    return see_integers(user, layer, in, message);
}

static void quantised_layers_get_integers(void)
{
    struct onnx_file f = { 0 };
    struct xo_graph g;
    struct xo_layers layers;
    xo_run *r = NULL;
    const int64_t ws[] = { 2, 2, 1, 1 };
    const int8_t w[] = { 1, -2, 3, 4 };
    const uint8_t zero = 128;
    uint8_t want[64];
    float image[64], logits[64];
    struct integers seen = { .want = want };
    struct xo_layer_hook hook = { take_integers, see_integers, NULL, &seen };
    onnx_begin(&f, 13);
    onnx_input(&f, "x", 4, (int64_t[]){ -1, 2, 4, 4 });
    onnx_initialiser(&f, onnx_raw(&f, "wq", ONNX__TENSOR_PROTO__DATA_TYPE__INT8, 4, ws, w, 4));
    onnx_initialiser(&f, onnx_raw(&f, "wz", ONNX__TENSOR_PROTO__DATA_TYPE__INT8, 0, NULL, (int8_t[]){ 0 }, 1));
    onnx_initialiser(&f, onnx_raw(&f, "z", ONNX__TENSOR_PROTO__DATA_TYPE__UINT8, 0, NULL, &zero, 1));
    onnx_floats(&f, "s", 0, NULL, (float[]){ 0.0625f });
    onnx_node(&f, "QuantizeLinear", "q", "x,s,z", "xq");
    onnx_node(&f, "DequantizeLinear", "d", "xq,s,z", "xd");
    onnx_node(&f, "DequantizeLinear", "wd", "wq,s,wz", "w");
    onnx_node(&f, "Conv", "conv", "xd,w", "y");
    onnx_output(&f, "y");
    draw(image, 64);
    for (size_t k = 0; k < 64; k++)
        want[k] = (uint8_t)(nearbyint((double)image[k] * 16) + 128);
    if (graph_of(&g, &f) || xo_layers_find(&layers, &g, XO_BATCH_NORM_FOLD, &info) ||
        xo_run_new(&r, &g, &layers, 2, 3, (size_t[]){ 2, 4, 4 }, &info)) {
        tap_ok(0, "a quantised network with layers: %s", info.text);
        return;
    }
    tap_ok(layers.count == 1 && layers.layer[0].has_integers, "the model's integers are found");
    tap_ok(!xo_run_forward(r, image, logits, &hook, &info) && seen.seen == 2, "the layer is given integers, "
           "and they stay until it is done");
    hook.run = NULL;
    seen.seen = 0;
    tap_ok(!xo_run_forward(r, image, logits, &hook, &info) && seen.seen == 1,
           "and may look at them when it stays digital");
    xo_run_free(r);
    xo_layers_free(&layers);
    xo_graph_free(&g);
}

int main(void)
{
    printf("# seed %llu\n", seed);
    layers_are_handed_out();
    order_of_channels_does_not_matter();
    quantised_layers_get_integers();
    return tap_done();
}
