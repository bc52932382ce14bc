/* Whole graphs: storage shared by liveness, shape code, folding, layers handed out, blocks and threads.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "onnx-file.h"
#include "run.h"
#include "tap.h"
#include "xo_network.h"

static unsigned long long seed = 31337;
static struct xo_info info;

static size_t pick(size_t low, size_t high)
{
    return low + (size_t)(tap_uniform(&seed) * (double)(high - low + 1));
}

static void draw(float *x, size_t count)
{
    for (size_t k = 0; k < count; k++)
        x[k] = (float)(2 * tap_uniform(&seed) - 1);
}

static int graph_of(struct xo_graph *g, struct onnx_file *f)
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

static xo_network *network_of(struct onnx_file *f)
{
    size_t nbytes;
    uint8_t *bytes = onnx_pack(f, &nbytes);
    xo_network *n = NULL;
    if (xo_network_parse(&n, bytes, nbytes, "made.onnx", &info))
        printf("# %s\n", info.text);
    onnx_end(f);
    return n;
}

/* ---- storage ---------------------------------------------------------------------------------------- */

/* A random network of small operators on values of WIDTH numbers per image, and the same in double precision with
 * every value kept.  If two living values shared storage, numbers would differ. */
enum { WIDTH = 6, STEPS = 25, IMAGES = 3 };

struct history {
    double value[STEPS + 1][IMAGES][WIDTH];
    size_t count;
};

static void push(struct history *h, double made[IMAGES][WIDTH])
{
    memcpy(h->value[h->count++], made, sizeof h->value[0]);
}

static void step(struct onnx_file *f, struct history *h)
{
    static const char *const ops[] = { "Add", "Sub", "Max", "Relu", "Neg", "Identity", "Sum", "turn", "swap", "Mul" };
    size_t a = pick(h->count > 4 ? h->count - 4 : 0, h->count - 1), b = pick(0, h->count - 1), c =
        pick(0, h->count - 1);
    size_t kind = pick(0, 9);
    char in[80], out[32], extra[2][32], name[32];
    double y[IMAGES][WIDTH];
    snprintf(out, sizeof out, "v%zu", h->count);
    snprintf(name, sizeof name, "n%zu", h->count);
    snprintf(extra[0], sizeof extra[0], "p%zu", h->count);
    snprintf(extra[1], sizeof extra[1], "q%zu", h->count);
    snprintf(in, sizeof in, kind >= 3 && kind != 9 && kind != 6 ? "v%zu" : kind == 6 ? "v%zu,v%zu,v%zu" : "v%zu,v%zu",
             a, b, c);
    for (size_t n = 0; n < IMAGES; n++)
        for (size_t k = 0; k < WIDTH; k++) {
            const double p = h->value[a][n][k], q = h->value[b][n][k], r = h->value[c][n][k];
            const double made[] = { p + q, p - q, fmax(p, q), fmax(p, 0), -p, p, p + q + r, p,
                                    h->value[a][n][(k + WIDTH / 2) % WIDTH], p * q };
            y[n][k] = made[kind];
        }
    if (kind == 7) {                   /* two views in a row */
        onnx_node(f, "Reshape", name, strcat(in, ",twisted"), extra[0]);
        onnx_node(f, "Reshape", extra[0], strcat(strcpy(in, extra[0]), ",straight"), out);
    } else if (kind == 8) {            /* two halves, the other way round */
        char halves[80];
        snprintf(halves, sizeof halves, "%s,%s", extra[0], extra[1]);
        onnx_int(f, onnx_node(f, "Split", name, in, halves), "axis", 1);
        snprintf(halves, sizeof halves, "%s,%s", extra[1], extra[0]);
        onnx_int(f, onnx_node(f, "Concat", extra[0], halves, out), "axis", 1);
    } else
        onnx_node(f, ops[kind], name, in, out);
    push(h, y);
}

static double random_graph(void)
{
    struct onnx_file f = { 0 };
    struct xo_graph g;
    struct history h = { .count = 0 };
    double x[IMAGES][WIDTH], worst = 0, scale = 1;
    float image[IMAGES * WIDTH], logits[IMAGES * WIDTH];
    char last[32];
    xo_run *r = NULL;
    onnx_begin(&f, 13);
    onnx_input(&f, "v0", 2, (int64_t[]){ -1, WIDTH });
    onnx_int64s(&f, "twisted", 3, (int64_t[]){ -1, 2, WIDTH / 2 });
    onnx_int64s(&f, "straight", 2, (int64_t[]){ 0, WIDTH });
    draw(image, IMAGES * WIDTH);
    for (size_t k = 0; k < IMAGES * WIDTH; k++)
        x[k / WIDTH][k % WIDTH] = (double)image[k];
    push(&h, x);
    for (int k = 0; k < STEPS; k++)
        step(&f, &h);
    snprintf(last, sizeof last, "v%zu", h.count - 1);
    onnx_output(&f, last);
    if (graph_of(&g, &f))
        return INFINITY;
    if (xo_run_new(&r, &g, NULL, IMAGES, 1, (size_t[]){ WIDTH }, &info) || xo_run_forward(r, image, logits, NULL,
                                                                                          &info)) {
        printf("# %s\n", info.text);
        worst = INFINITY;
    }
    for (size_t k = 0; k < STEPS; k++)
        for (size_t j = 0; j < IMAGES * WIDTH; j++)
            scale = fmax(scale, fabs(h.value[k][j / WIDTH][j % WIDTH]));
    for (size_t k = 0; k < IMAGES * WIDTH && worst < INFINITY; k++)
        worst = fmax(worst, fabs((double)logits[k] - h.value[h.count - 1][k / WIDTH][k % WIDTH]) / scale);
    xo_run_free(r);
    xo_graph_free(&g);
    return worst;
}

static void storage_is_never_shared_by_living_values(void)
{
    double worst = 0;
    for (int k = 0; k < 300; k++)
        worst = fmax(worst, random_graph());
    tap_close(worst, 0, 1e-4, "300 random graphs of 25 nodes, storage reused, equal the same with every value kept");
}

/* ---- shapes, folding ---------------------------------------------------------------------------------- */

static void shape_code_follows_the_batch(void)
{
    struct onnx_file f = { 0 };
    struct xo_graph g;
    float image[4 * 12], logits[4 * 12];
    onnx_begin(&f, 12);
    onnx_input(&f, "x", 4, (int64_t[]){ -1, 3, 2, 2 });
    onnx_int64s(&f, "zero", 1, (int64_t[]){ 0 });
    onnx_int64s(&f, "rest", 1, (int64_t[]){ -1 });
    onnx_node(&f, "Shape", "s", "x", "shape");
    onnx_int(&f, onnx_node(&f, "Gather", "g", "shape,zero", "n"), "axis", 0);
    onnx_int(&f, onnx_node(&f, "Concat", "c", "n,rest", "to"), "axis", 0);
    onnx_node(&f, "Reshape", "r", "x,to", "flat");
    onnx_node(&f, "Neg", "neg", "flat", "y");
    onnx_output(&f, "y");
    if (graph_of(&g, &f))
        return;
    draw(image, 48);
    for (size_t images = 1; images <= 4; images += 3) {
        xo_run *r = NULL;
        int fine = !xo_run_new(&r, &g, NULL, images, 3, (size_t[]){ 3, 2, 2 }, &info) && xo_run_outputs(r) == 12 &&
                   !xo_run_forward(r, image, logits, NULL, &info);
        for (size_t k = 0; fine && k < 12 * images; k++)
            fine = logits[k] == -image[k];
        tap_ok(fine, "Shape, Gather, Concat, Reshape follow a batch of %zu", images);
        xo_run_free(r);
    }
    xo_graph_free(&g);
}

static void folding_keeps_the_producer(void)
{
    struct onnx_file f = { 0 };
    struct xo_graph g;
    int64_t two[] = { 2, 2 };
    const int8_t q[] = { 1, -2, 3, 4 };
    onnx_begin(&f, 13);
    onnx_input(&f, "x", 2, (int64_t[]){ -1, 2 });
    onnx_initialiser(&f, onnx_raw(&f, "q", ONNX__TENSOR_PROTO__DATA_TYPE__INT8, 2, two, q, 4));
    onnx_floats(&f, "s", 0, NULL, (float[]){ 0.5f });
    onnx_node(&f, "DequantizeLinear", "dq", "q,s", "w");
    onnx_node(&f, "Identity", "same", "w", "w2");
    onnx_node(&f, "MatMul", "fc", "x,w2", "y");
    onnx_output(&f, "y");
    if (graph_of(&g, &f))
        return;
    const struct xo_graph_node *fc = &g.node[g.nodes - 1];
    const struct xo_value *w = &g.value[fc->input[1]];
    tap_ok(w->is_constant && ((const float *)w->constant.data)[1] == -1,
           "weights behind DequantizeLinear and Identity are constant");
    tap_ok(w->producer != XO_NONE && !strcmp(g.node[w->producer].op, "Identity"),
           "and still say where they came from");
    tap_ok(!g.value[fc->output[0]].is_constant, "what depends on the image is not constant");
    xo_graph_free(&g);
}

/* ---- layers handed out -------------------------------------------------------------------------------- */

static void small_network(struct onnx_file *f, int64_t batch)
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

/* ---- blocks and threads -------------------------------------------------------------------------------- */

static void company_does_not_matter(void)
{
    enum { COUNT = 21 };
    const size_t shape[] = { 2, 4, 4 };
    struct onnx_file f = { 0 };
    xo_network *n;
    float image[COUNT * 32], *all = NULL, *some = NULL;
    size_t classes = 0;
    small_network(&f, -1);
    n = network_of(&f);
    draw(image, COUNT * 32);
    tap_ok(n && !xo_network_forward(n, COUNT, 3, shape, image, 1, &all, &classes, &info) && classes == 5,
           "21 images");
    for (int threads = 2; all && threads <= 5; threads++) {
        int fine = !xo_network_forward(n, COUNT, 3, shape, image, threads, &some, &classes, &info) &&
                   !memcmp(all, some, COUNT * 5 * sizeof *all);
        tap_ok(fine, "the same bytes with %d threads", threads);
        free(some);
        some = NULL;
    }
    for (size_t count = 1; all && count < COUNT; count += 6) {
        int fine = !xo_network_forward(n, count, 3, shape, image, 2, &some, &classes, &info) &&
                   !memcmp(all, some, count * 5 * sizeof *all);
        tap_ok(fine, "the same bytes for the first %zu alone", count);
        free(some);
        some = NULL;
    }
    tap_ok(n && !xo_network_forward(n, 0, 3, shape, image, 2, &some, &classes, &info) && classes == 5,
           "no image at all");
    free(some);
    free(all);
    xo_network_free(n);
}

static void a_fixed_batch_is_honoured(void)
{
    const size_t shape[] = { 2, 4, 4 };
    float image[7 * 32], *logits[3] = { NULL };
    size_t classes;
    unsigned long long kept = seed;
    int fine = 1;
    for (int k = 0; k < 3; k++) {
        struct onnx_file f = { 0 };
        xo_network *n;
        seed = kept;
        small_network(&f, (int64_t[]){ -1, 1, 4 }[k]);
        n = network_of(&f);
        draw(image, 7 * 32);
        fine = fine && n && !xo_network_forward(n, 7, 3, shape, image, 1, &logits[k], &classes, &info);
        xo_network_free(n);
    }
    for (size_t k = 0; fine && k < 35; k++)
        fine = fabs((double)(logits[0][k] - logits[1][k])) < 1e-5 &&
            fabs((double)(logits[0][k] - logits[2][k])) < 1e-5;
    tap_ok(fine, "a batch of 1 or 4 in the file takes 7 images as a symbolic one does");
    struct onnx_file f = { 0 };
    struct xo_graph g;
    small_network(&f, 4);
    if (!graph_of(&g, &f)) {
        xo_run *r = NULL;
        tap_ok(xo_run_images(&g, 64) == 4 && !xo_run_new(&r, &g, NULL, 3, 3, shape, &info),
               "with a batch of 4 in the file, the last may have 3 images");
        xo_run_free(r);
        xo_graph_free(&g);
    }
    for (int k = 0; k < 3; k++)
        free(logits[k]);
}

/* ---- what is refused ------------------------------------------------------------------------------------ */

static void wrong_images_are_named(void)
{
    struct onnx_file f = { 0 };
    float image[64] = { 0 }, *logits = NULL;
    size_t classes = 77;
    xo_network *n;
    small_network(&f, -1);
    n = network_of(&f);
    int status = xo_network_forward(n, 1, 3, (size_t[]){ 2, 4, 5 }, image, 1, &logits, &classes, &info);
    printf("# %s\n", info.text);
    tap_ok(status == XO_ESHAPE && strstr(info.text, "made.onnx: images of shape (2, 4, 5)") && !logits &&
           classes == 77, "images of another shape than declared");
    status = xo_network_forward(n, 1, 1, (size_t[]){ 32 }, image, 1, &logits, &classes, &info);
    tap_ok(status == XO_ESHAPE && strstr(info.text, "(32)"), "images of another rank than declared");
    xo_network_free(n);
}

static void bad_graphs_are_named(void)
{
    struct onnx_file f = { 0 };
    struct xo_graph g;
    xo_run *r = NULL;
    int status;
    onnx_begin(&f, 13);
    onnx_input(&f, "x", 2, (int64_t[]){ -1, 4 });
    onnx_int64s(&f, "to", 2, (int64_t[]){ 1, 4 });
    onnx_node(&f, "Reshape", "stiff", "x,to", "y");
    onnx_output(&f, "y");
    if (!graph_of(&g, &f)) {
        status = xo_run_new(&r, &g, NULL, 2, 1, (size_t[]){ 4 }, &info);
        printf("# %s\n", info.text);
        tap_ok(status == XO_ESHAPE && strstr(info.text, "node stiff (Reshape, opset 13)") && !r,
               "a batch of 1 written into a Reshape");
        xo_graph_free(&g);
    }
    f = (struct onnx_file){ 0 };
    onnx_begin(&f, 13);
    onnx_input(&f, "x", 2, (int64_t[]){ -1, 4 });
    onnx_int(&f, onnx_node(&f, "ReduceSum", "all", "x", "y"), "keepdims", 0);
    onnx_output(&f, "y");
    if (!graph_of(&g, &f)) {
        status = xo_run_new(&r, &g, NULL, 2, 1, (size_t[]){ 4 }, &info);
        printf("# %s\n", info.text);
        tap_ok(status == XO_ESHAPE && strstr(info.text, "one row of numbers per image"),
               "a result that is not per image");
        xo_graph_free(&g);
    }
    f = (struct onnx_file){ 0 };
    onnx_begin(&f, 13);
    onnx_input(&f, "x", 2, (int64_t[]){ -1, 4 });
    onnx_int(&f, onnx_node(&f, "Cast", "whole", "x", "to"), "to", 7);
    onnx_int64s(&f, "minus", 1, (int64_t[]){ -1 });
    onnx_int(&f, onnx_node(&f, "ArgMax", "top", "x", "t"), "keepdims", 0);
    onnx_node(&f, "Expand", "by pixels", "x,t", "y");
    onnx_output(&f, "y");
    if (!graph_of(&g, &f)) {
        status = xo_run_new(&r, &g, NULL, 2, 1, (size_t[]){ 4 }, &info);
        printf("# %s\n", info.text);
        tap_ok(status == XO_EUNSUPPORTED && strstr(info.text, "depends on the images' pixels"),
               "a shape that depends on pixels");
        xo_graph_free(&g);
    }
}

int main(void)
{
    printf("# seed %llu\n", seed);
    storage_is_never_shared_by_living_values();
    shape_code_follows_the_batch();
    folding_keeps_the_producer();
    layers_are_handed_out();
    order_of_channels_does_not_matter();
    quantised_layers_get_integers();
    company_does_not_matter();
    a_fixed_batch_is_honoured();
    wrong_images_are_named();
    bad_graphs_are_named();
    return tap_done();
}
