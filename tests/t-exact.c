/* Quantised models: Conv, Gemm and MatMul behind DequantizeLinear are, to the last bit,
 *     y = (float)((double)s_w s_x sum((q_w - z_w)(q_x - z_x)) + (double)bias)
 * with sums of integers: what MAPPING's ideal limit gives.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "onnx-file.h"
#include "run.h"
#include "tap.h"

static unsigned long long seed = 2718;
static struct xo_info info;
enum { I8 = ONNX__TENSOR_PROTO__DATA_TYPE__INT8, U8 = ONNX__TENSOR_PROTO__DATA_TYPE__UINT8, I32 =
       ONNX__TENSOR_PROTO__DATA_TYPE__INT32 };

static int pick(int low, int high)
{
    return low + (int)(tap_uniform(&seed) * (double)(high - low + 1));
}

/* One layer: x -> Q -> DQ -> (Flatten) -> layer <- DQ <- integers. */
struct drawn {
    int is_signed, by_channel;
    int outputs, inputs;               /* of the matrix */
    float input_scale, weight_scale[32], bias_scale[32];
    int input_zero, weight_zero[32];
    int8_t weight[32 * 64];
    int32_t bias[32];
};

static int zero_of(const struct drawn *d, int o)
{
    return d->weight_zero[d->by_channel ? o : 0];
}

static float scale_of(const struct drawn *d, int o)
{
    return d->weight_scale[d->by_channel ? o : 0];
}

static struct drawn draw(int outputs, int inputs, int symmetric)
{
    struct drawn d = { .outputs = outputs, .inputs = inputs };
    d.is_signed = pick(0, 1);
    d.by_channel = pick(0, 1);
    d.input_scale = (float)(0.01 + 0.05 * tap_uniform(&seed));
    d.input_zero = d.is_signed ? pick(-128, 127) : pick(0, 255);
    for (int k = 0; k < outputs; k++) {
        d.weight_scale[k] = (float)(0.001 + 0.02 * tap_uniform(&seed));
        d.weight_zero[k] = symmetric ? 0 : pick(-20, 20);
        d.bias[k] = pick(-20000, 20000);
    }
    for (int k = 0; k < outputs; k++)
        d.bias_scale[k] = d.input_scale * scale_of(&d, k);
    for (int k = 0; k < outputs * inputs; k++)
        d.weight[k] = (int8_t)pick(-128, 127);
    return d;
}

static float bias_of(const struct drawn *d, int o)
{
    return (float)d->bias[o] * d->bias_scale[o];
}

/* q(x) as the standard has it. */
static int quantised(const struct drawn *d, float x)
{
    double q = nearbyint((double)(x / d->input_scale)) + d->input_zero;
    return (int)fmax(d->is_signed ? -128 : 0, fmin(d->is_signed ? 127 : 255, q));
}

static void begin(struct onnx_file *f, const struct drawn *d, size_t rank, const int64_t *shape,
                  const int64_t *weight_shape, int64_t axis)
{
    const int64_t outputs = d->outputs;
    const size_t many = d->by_channel ? (size_t)d->outputs : 1;
    int8_t zero[32], input_zero = (int8_t)d->input_zero;
    Onnx__NodeProto *n;
    for (size_t k = 0; k < many; k++)
        zero[k] = (int8_t)d->weight_zero[k];
    onnx_begin(f, 13);
    onnx_input(f, "x", rank, shape);
    onnx_floats(f, "s", 0, NULL, &d->input_scale);
    onnx_initialiser(f, onnx_raw(f, "z", d->is_signed ? I8 : U8, 0, NULL, &input_zero, 1));
    onnx_initialiser(f, onnx_raw(f, "wq", I8, weight_shape[3] ? 4 : 2, weight_shape, d->weight,
                                 (size_t)(d->outputs * d->inputs)));
    onnx_floats(f, "ws", (size_t)d->by_channel, &outputs, d->weight_scale);
    onnx_initialiser(f, onnx_raw(f, "wz", I8, (size_t)d->by_channel, &outputs, zero, many));
    onnx_initialiser(f, onnx_raw(f, "bq", I32, 1, &outputs, d->bias, 4 * (size_t)outputs));
    onnx_floats(f, "bs", 1, &outputs, d->bias_scale);
    onnx_node(f, "QuantizeLinear", "q", "x,s,z", "xq");
    onnx_node(f, "DequantizeLinear", "d", "xq,s,z", "xd");
    n = onnx_node(f, "DequantizeLinear", "wd", "wq,ws,wz", "w");
    onnx_int(f, n, "axis", axis);
    onnx_int(f, onnx_node(f, "DequantizeLinear", "bd", "bq,bs", "b"), "axis", 0);
}

static float *run(struct onnx_file *f, size_t images, size_t dimensions, const size_t *shape, const float *x)
{
    struct xo_graph g;
    xo_run *r = NULL;
    size_t nbytes;
    float *y = NULL;
    uint8_t *bytes = onnx_pack(f, &nbytes);
    if (xo_graph_parse(&g, bytes, nbytes, "made.onnx", NULL, &info)) {
        printf("# %s\n", info.text);
        onnx_end(f);
        return NULL;
    }
    if (!xo_graph_fold(&g, &info) && !xo_run_new(&r, &g, NULL, images, dimensions, shape, &info)) {
        y = calloc(images * xo_run_outputs(r), sizeof *y);
        if (xo_run_forward(r, x, y, NULL, &info))
            y[0] = NAN;
    } else
        printf("# %s\n", info.text);
    xo_run_free(r);
    xo_graph_free(&g);
    onnx_end(f);
    return y;
}

static int conv_case(void)
{
    enum { IMAGES = 2, SIDE = 6 };
    int groups = pick(0, 1) ? 1 : 2, gin = pick(1, 4), gout = pick(1, 9), kernel = pick(1, 3), bad = 0, n = 0;
    int outputs = groups * gout, channels = groups * gin, out = SIDE + 1 - kernel + 1;
    struct drawn d = draw(outputs, gin * kernel * kernel, 0);
    struct onnx_file f = { 0 };
    Onnx__NodeProto *node;
    float x[IMAGES * 8 * SIDE * SIDE], *y;
    for (int k = 0; k < IMAGES * channels * SIDE * SIDE; k++)
        x[k] = (float)(8 * tap_uniform(&seed) - 4);
    begin(&f, &d, 4, (int64_t[]){ -1, channels, SIDE, SIDE }, (int64_t[]){ outputs, gin, kernel, kernel }, 0);
    node = onnx_node(&f, "Conv", "conv", "xd,w,b", "y");
    onnx_int(&f, node, "group", groups);
    onnx_ints(&f, node, "pads", 4, (int64_t[]){ 1, 0, 0, 1 });
    onnx_output(&f, "y");
    y = run(&f, IMAGES, 3, (size_t[]){ (size_t)channels, SIDE, SIDE }, x);
    for (int image = 0; y && image < IMAGES; image++)
        for (int o = 0; o < outputs; o++)
            for (int i = 0; i < out; i++)
                for (int j = 0; j < out; j++, n++) {
                    int64_t sum = 0;
                    for (int k = 0; k < d.inputs; k++) {
                        int c = o / gout * gin + k / (kernel * kernel), row = i + k / kernel % kernel - 1, column =
                            j + k % kernel;
                        if (row >= 0 && row < SIDE && column < SIDE)
                            sum += (d.weight[o * d.inputs + k] - zero_of(&d, o)) *
                                   (quantised(&d, x[((image * channels + c) * SIDE + row) * SIDE +
                                                    column]) - d.input_zero);
                    }
                    bad += y[n] != (float)((double)scale_of(&d, o) * (double)d.input_scale * (double)sum +
                                           (double)bias_of(&d, o));
                }
    bad += !y;
    free(y);
    return bad;
}

/* A picture, flattened, times a matrix: Gemm with the weights either way round, or MatMul. */
static int product_case(int how)
{
    enum { IMAGES = 3, INPUTS = 36 };
    int outputs = pick(1, 12), bad = 0, turned = how == 1;
    struct drawn d = draw(outputs, INPUTS, 0);
    struct onnx_file f = { 0 };
    float x[IMAGES * INPUTS], *y;
    for (int k = 0; k < IMAGES * INPUTS; k++)
        x[k] = (float)(8 * tap_uniform(&seed) - 4);
    begin(&f, &d, 4, (int64_t[]){ -1, 1, 6, 6 }, turned ? (int64_t[]){ outputs, INPUTS, 0, 0 } : (int64_t[]){ INPUTS,
            outputs, 0, 0 },
          turned ? 0 : 1);
    onnx_node(&f, "Flatten", "flat", "xd", "xf");
    if (how == 2)
        onnx_node(&f, "MatMul", "fc", "xf,w", "y");
    else
        onnx_int(&f, onnx_node(&f, "Gemm", "fc", "xf,w,b", "y"), "transB", turned);
    onnx_output(&f, "y");
    y = run(&f, IMAGES, 3, (size_t[]){ 1, 6, 6 }, x);
    for (int n = 0; y && n < IMAGES * outputs; n++) {
        int o = n % outputs;
        int64_t sum = 0;
        for (int k = 0; k < INPUTS; k++)
            sum += (d.weight[turned ? o * INPUTS + k : k * outputs + o] - zero_of(&d, o)) *
                   (quantised(&d, x[n / outputs * INPUTS + k]) - d.input_zero);
        bad += y[n] != (float)((double)scale_of(&d, o) * (double)d.input_scale * (double)sum +
                               (how == 2 ? 0 : (double)bias_of(&d, o)));
    }
    bad += !y;
    free(y);
    return bad;
}

int main(void)
{
    static const char *const product[] = { "Gemm", "Gemm with transB", "MatMul" };
    int bad = 0;
    printf("# seed %llu\n", seed);
    for (int k = 0; k < 60; k++)
        bad += conv_case();
    tap_ok(!bad, "Conv on a model's integers, 60 cases: bit for bit");
    for (int how = 0; how < 3; how++) {
        bad = 0;
        for (int k = 0; k < 40; k++)
            bad += product_case(how);
        tap_ok(!bad, "%s on a model's integers, 40 cases: bit for bit", product[how]);
    }
    return tap_done();
}
