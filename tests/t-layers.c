/* From nodes to matrices: order of weights, what stays digital, batch norm, integers of quantised models.  Where a
 * convolution's window walks is in t-layers-window.c.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "layers.h"
#include "onnx-file.h"
#include "run.h"
#include "tap.h"

#define TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__ ## name
static struct xo_info info;
static unsigned long long seed = 20261126;

/* A file read, folded, and its layers. */
struct found {
    struct xo_graph g;
    struct xo_layers l;
    int status;
};

static struct found find(struct onnx_file *f, enum xo_batch_norm fold)
{
    struct found r = { .status = 0 };
    size_t nbytes;
    uint8_t *bytes = onnx_pack(f, &nbytes);
    info.text[0] = '\0';
    r.status = xo_graph_parse(&r.g, bytes, nbytes, "m.onnx", NULL, &info);
    if (!r.status)
        r.status = xo_graph_fold(&r.g, &info);
    if (!r.status)
        r.status = xo_layers_find(&r.l, &r.g, fold, &info);
    if (r.status)
        printf("# %s\n", info.text);
    onnx_end(f);
    return r;
}

static void drop(struct found *r)
{
    xo_layers_free(&r->l);
    xo_graph_free(&r->g);
}

static void begin(struct onnx_file *f, int64_t opset, size_t dimensions, const int64_t *shape)
{
    onnx_begin(f, opset);
    onnx_input(f, "x", dimensions, shape);
    onnx_output(f, "y");
}

static float *numbers(size_t count)
{
    static float list[4096];
    for (size_t k = 0; k < count; k++)
        list[k] = (float)(tap_uniform(&seed) - 0.5);
    return list;
}

/* ---- weights -------------------------------------------------------------------------------------- */

/* W[g][(c, i, j)][p] is w[g P + p][c][i][j]. */
static void weights_are_reordered(size_t groups, size_t outputs, size_t channels, size_t height, size_t width)
{
    struct onnx_file f;
    struct found r;
    float *w = numbers(groups * outputs * channels * height * width);
    size_t wrong = 0, at = 0;
    Onnx__NodeProto *n;
    begin(&f, 13, 4, (int64_t[]){ -1, (int64_t)(groups * channels), 9, 9 });
    onnx_floats(&f, "w", 4, (int64_t[]){ (int64_t)(groups * outputs), (int64_t)channels, (int64_t)height,
                                        (int64_t)width }, w);
    n = onnx_node(&f, "Conv", "conv", "x,w", "y");
    onnx_int(&f, n, "group", (int64_t)groups);
    onnx_ints(&f, n, "strides", 2, (int64_t[]){ 2, 3 });
    onnx_ints(&f, n, "dilations", 2, (int64_t[]){ 1, 2 });
    r = find(&f, XO_BATCH_NORM_FOLD);
    if (!tap_ok(r.l.count == 1, "a convolution in %zu groups is a layer", groups))
        return;
    const struct xo_layer *l = r.l.layer;
    tap_ok(l->is_convolution && l->groups == groups && l->outputs == outputs && l->inputs == channels * height * width
           && !l->has_integers && l->input == r.g.input && l->output == r.g.output && !strcmp(l->name, "conv"),
           "of %zu matrices %zu by %zu", groups, l->inputs, l->outputs);
    for (size_t m = 0; m < groups * outputs; m++)
        for (size_t c = 0; c < channels; c++)
            for (size_t i = 0; i < height; i++)
                for (size_t j = 0; j < width; j++) {
                    size_t row = (c * height + i) * width + j, g = m / outputs, p = m % outputs;
                    wrong += l->weight[(g * l->inputs + row) * outputs + p] != w[at++];
                }
    tap_ok(wrong == 0, "rows are channel, kernel row, kernel column");
    tap_ok(l->bias[groups * outputs - 1] == 0 && l->window.kernel[0] == height && l->window.kernel[1] == width
           && l->window.stride[0] == 2 && l->window.stride[1] == 3 && l->window.dilation[1] == 2,
           "bias 0, window as given");
    drop(&r);
}

static void a_convolution_in_one_dimension_has_height_one(void)
{
    struct onnx_file f;
    struct found r;
    float *w = numbers(2 * 3 * 5);
    Onnx__NodeProto *n;
    begin(&f, 13, 3, (int64_t[]){ -1, 3, 9 });
    onnx_floats(&f, "w", 3, (int64_t[]){ 2, 3, 5 }, w);
    onnx_floats(&f, "b", 1, (int64_t[]){ 2 }, (float[]){ 7, 8 });
    n = onnx_node(&f, "Conv", "conv", "x,w,b", "y");
    onnx_ints(&f, n, "strides", 1, (int64_t[]){ 2 });
    r = find(&f, XO_BATCH_NORM_FOLD);
    const struct xo_window *v = &r.l.layer->window;
    tap_ok(r.l.count == 1 && r.l.layer->inputs == 15 && r.l.layer->outputs == 2 && v->kernel[0] == 1
           && v->kernel[1] == 5 && v->stride[0] == 1 && v->stride[1] == 2,
           "a convolution in one dimension is one in two, of height 1");
    tap_ok(r.l.count == 1 && r.l.layer->weight[14 * 2 + 1] == w[29] && r.l.layer->bias[1] == 8,
           "with its weights and bias");
    drop(&r);
}

static void gemm(int transposed, float alpha, float beta, size_t bias_dimensions, const int64_t *bias_shape,
                 const char *what)
{
    struct onnx_file f;
    struct found r;
    float w[12], bias[3] = { 4, 5, 6 };
    Onnx__NodeProto *n;
    int wrong = 0;
    memcpy(w, numbers(12), sizeof w);
    begin(&f, 13, 2, (int64_t[]){ -1, 4 });
    onnx_floats(&f, "w", 2, transposed ? (int64_t[]){ 3, 4 } : (int64_t[]){ 4, 3 }, w);
    onnx_floats(&f, "b", bias_dimensions, bias_shape, bias);
    n = onnx_node(&f, "Gemm", "fc", "x,w,b", "y");
    onnx_int(&f, n, "transB", transposed);
    onnx_float(&f, n, "alpha", alpha);
    onnx_float(&f, n, "beta", beta);
    r = find(&f, XO_BATCH_NORM_FOLD);
    if (!tap_ok(r.l.count == 1 && r.l.layer->inputs == 4 && r.l.layer->outputs == 3, "Gemm with %s is a layer", what))
        return;
    for (size_t k = 0; k < 4; k++)
        for (size_t p = 0; p < 3; p++)
            wrong += r.l.layer->weight[k * 3 + p] != alpha * w[transposed ? p * 4 + k : k * 3 + p];
    for (size_t p = 0; p < 3; p++)
        wrong += r.l.layer->bias[p] != beta * bias[bias_dimensions ? p : 0];
    tap_ok(wrong == 0 && !r.l.layer->is_convolution && r.l.layer->groups == 1,
           "its matrix is alpha B, its bias beta C");
    drop(&r);
}

static size_t layers_of(struct onnx_file *f)
{
    struct found r = find(f, XO_BATCH_NORM_FOLD);
    size_t count = r.status ? 999 : r.l.count;
    drop(&r);
    return count;
}

static void what_is_no_constant_matrix_stays_digital(void)
{
    struct onnx_file f;
    float *w = numbers(64);
    begin(&f, 13, 2, (int64_t[]){ 4, 4 });
    onnx_floats(&f, "w", 2, (int64_t[]){ 4, 4 }, w);
    onnx_node(&f, "MatMul", "left", "w,x", "y");
    tap_ok(layers_of(&f) == 0, "a constant on the left stays digital");
    begin(&f, 13, 2, (int64_t[]){ 4, 4 });
    onnx_node(&f, "MatMul", "square", "x,x", "y");
    tap_ok(layers_of(&f) == 0, "two inputs stay digital");
    begin(&f, 13, 3, (int64_t[]){ 4, 4, 4 });
    onnx_floats(&f, "w", 3, (int64_t[]){ 4, 4, 4 }, w);
    onnx_node(&f, "MatMul", "stack", "x,w", "y");
    tap_ok(layers_of(&f) == 0, "a stack of matrices stays digital");
    begin(&f, 13, 2, (int64_t[]){ 4, 4 });
    onnx_floats(&f, "w", 2, (int64_t[]){ 4, 4 }, w);
    onnx_floats(&f, "b", 2, (int64_t[]){ 4, 1 }, w);
    onnx_node(&f, "Gemm", "column", "x,w,b", "y");
    tap_ok(layers_of(&f) == 0, "a bias by image stays digital");
    begin(&f, 13, 2, (int64_t[]){ 4, 4 });
    onnx_floats(&f, "w", 2, (int64_t[]){ 4, 4 }, w);
    onnx_int(&f, onnx_node(&f, "Gemm", "turned", "x,w", "y"), "transA", 1);
    tap_ok(layers_of(&f) == 999 && strstr(info.text, "node turned (Gemm") && strstr(info.text, "transA"),
           "a Gemm of a transposed input is refused by name");
    begin(&f, 13, 5, (int64_t[]){ 1, 1, 4, 4, 4 });
    onnx_floats(&f, "w", 5, (int64_t[]){ 1, 1, 2, 2, 2 }, w);
    onnx_node(&f, "Conv", "video", "x,w", "y");
    tap_ok(layers_of(&f) == 999 && strstr(info.text, "video"),
           "a convolution in three dimensions is refused by name");
}

static void constants_are_found_behind_other_nodes(void)
{
    struct onnx_file f;
    struct found r;
    float *w = numbers(12);
    begin(&f, 8, 2, (int64_t[]){ -1, 4 });
    onnx_floats(&f, "w", 3, (int64_t[]){ 2, 2, 3 }, w);
    onnx_int64s(&f, "s", 2, (int64_t[]){ 4, 3 });
    onnx_node(&f, "Identity", "same", "w", "w1");
    onnx_node(&f, "Reshape", "flat", "w1,s", "w2");
    onnx_node(&f, "MatMul", "fc", "x,w2", "y");
    r = find(&f, XO_BATCH_NORM_FOLD);
    tap_ok(r.l.count == 1 && r.l.layer->inputs == 4 && r.l.layer->outputs == 3 && r.l.layer->weight[7] == w[7],
           "weights are found behind Identity and Reshape");
    drop(&r);
}

static void weights_shared_too_often_are_refused(void)
{
    struct onnx_file f;
    float *w = calloc(512 * 512, sizeof *w);
    char in[16], out[16];
    begin(&f, 13, 2, (int64_t[]){ -1, 512 });
    onnx_floats(&f, "w", 2, (int64_t[]){ 512, 512 }, w);
    for (int k = 0; k < 200; k++) {
        snprintf(in, sizeof in, k ? "v%d,w" : "x,w", k);
        snprintf(out, sizeof out, k < 199 ? "v%d" : "y", k + 1);
        onnx_node(&f, "MatMul", "", in, out);
    }
    tap_ok(layers_of(&f) == 999 && strstr(info.text, "share"), "200 layers of the same 1 MiB of weights are refused");
    free(w);
}

/* ---- batch norm ----------------------------------------------------------------------------------- */

static void add_batch_norm(struct onnx_file *f, const float gamma[2], const float beta[2], const float mean[2],
                           const float variance[2], const char *in, const char *out)
{
    char inputs[64];
    onnx_floats(f, "gamma", 1, (int64_t[]){ 2 }, gamma);
    onnx_floats(f, "beta", 1, (int64_t[]){ 2 }, beta);
    onnx_floats(f, "mean", 1, (int64_t[]){ 2 }, mean);
    onnx_floats(f, "variance", 1, (int64_t[]){ 2 }, variance);
    snprintf(inputs, sizeof inputs, "%s,gamma,beta,mean,variance", in);
    onnx_float(f, onnx_node(f, "BatchNormalization", "bn", inputs, out), "epsilon", 0x1p-6f);
}

/* Two outputs in two groups, so that a mix-up of channels shows.  second_reader 1: before the batch norm,
 * 2: behind. */
static void batch_norm_file(struct onnx_file *f, const char *behind, int second_reader)
{
    begin(f, 13, 4, (int64_t[]){ -1, 2, 1, 1 });
    onnx_floats(f, "w", 4, (int64_t[]){ 2, 1, 1, 1 }, (float[]){ 3, -5 });
    onnx_floats(f, "b", 1, (int64_t[]){ 2 }, (float[]){ 0.5f, 2 });
    onnx_int(f, onnx_node(f, "Conv", "conv", "x,w,b", "c"), "group", 2);
    if (second_reader == 1)
        onnx_node(f, "Relu", "before", "c", "r");
    add_batch_norm(f, (float[]){ 1.5f, 0.75f }, (float[]){ 0.1f, -0.2f }, (float[]){ 0.3f, 0.4f },
                   (float[]){ 0.25f - 0x1p-6f, 2.25f - 0x1p-6f }, "c", behind);
    if (second_reader)
        onnx_node(f, "Add", "add", second_reader == 1 ? "n,r" : "n,c", "y");
}

static void batch_norm_is_folded_where_it_alone_reads(void)
{
    struct onnx_file f;
    struct found r;
    batch_norm_file(&f, "y", 0);                   /* sqrt(var + eps) is 0.5 and 1.5: factors 3 and 0.5 */
    r = find(&f, XO_BATCH_NORM_FOLD);
    if (!tap_ok(r.l.count == 1 && r.l.layer->batch_norm == 1 && r.l.layer->output == r.g.output,
                "batch norm is folded"))
        return;
    tap_ok(r.l.layer->weight[0] == 9 && r.l.layer->weight[1] == -2.5f, "W gamma/sqrt(var + eps)");
    tap_ok(r.l.layer->bias[0] == (float)(3 * (0.5 - (double)0.3f) + (double)0.1f)
           && r.l.layer->bias[1] == (float)(0.5 * (2 - (double)0.4f) + (double)-0.2f),
           "(b - mean) gamma/sqrt(var + eps) + beta");
    drop(&r);
    batch_norm_file(&f, "y", 0);
    r = find(&f, XO_BATCH_NORM_DIGITAL);
    tap_ok(r.l.count == 1 && r.l.layer->batch_norm == XO_NONE && r.l.layer->weight[0] == 3
           && r.l.layer->output != r.g.output, "batch_norm: digital leaves it alone");
    drop(&r);
    for (int before = 1; before <= 2; before++) {
        batch_norm_file(&f, "n", before);
        r = find(&f, XO_BATCH_NORM_FOLD);
        tap_ok(r.l.count == 1 && r.l.layer->batch_norm == XO_NONE && r.l.layer->weight[1] == -5,
               "so does a second reader, %s it", before == 1 ? "before" : "behind");
        drop(&r);
    }
}

static void a_variance_that_is_none_is_refused(void)
{
    struct onnx_file f;
    begin(&f, 13, 2, (int64_t[]){ -1, 2 });
    onnx_floats(&f, "w", 2, (int64_t[]){ 2, 2 }, numbers(4));
    onnx_node(&f, "Gemm", "fc", "x,w", "c");
    add_batch_norm(&f, (float[]){ 1, 1 }, (float[]){ 0, 0 }, (float[]){ 0, 0 }, (float[]){ 1, -1 }, "c", "y");
    tap_ok(layers_of(&f) == 999 && strstr(info.text, "node bn") && strstr(info.text, "channel 1"),
           "a negative variance");
}

/* ---- integers ------------------------------------------------------------------------------------- */

static void add_scale(struct onnx_file *f, const char *name, size_t count, const float *scale)
{
    int64_t many = (int64_t)count;
    onnx_floats(f, name, count > 1, &many, scale);
}

static void add_bytes(struct onnx_file *f, const char *name, int type, size_t dimensions, const int64_t *shape,
                      const void *bytes, size_t nbytes)
{
    onnx_initialiser(f, onnx_raw(f, name, type, dimensions, shape, bytes, nbytes));
}

/* x quantised to uint8 with zero 3, or not; w (2 by 3 or, transposed, 3 by 2) int8 with `many` scales along
 * `axis`. */
static void quantised_file(struct onnx_file *f, int quantise_input, int transposed, size_t many, int64_t axis)
{
    Onnx__NodeProto *n;
    static const int8_t w[] = { 1, -2, 3, -4, 5, -128 };
    begin(f, 13, 2, (int64_t[]){ -1, 2 });
    add_scale(f, "sx", 1, (float[]){ 0.25f });
    add_scale(f, "sw", many, (float[]){ 0.5f, 2, 4 });
    add_bytes(f, "zx", TYPE(UINT8), 0, NULL, (uint8_t[]){ 3 }, 1);
    add_bytes(f, "zw", TYPE(INT8), many > 1, (int64_t[]){ (int64_t)many }, (int8_t[]){ 1, 0, -1 }, many);
    add_bytes(f, "wq", TYPE(INT8), 2, transposed ? (int64_t[]){ 3, 2 } : (int64_t[]){ 2, 3 }, w, 6);
    onnx_node(f, "QuantizeLinear", "q", "x,sx,zx", "xq");
    onnx_node(f, "DequantizeLinear", "dx", "xq,sx,zx", "xd");
    onnx_int(f, onnx_node(f, "DequantizeLinear", "dw", "wq,sw,zw", "w"), "axis", axis);
    n = onnx_node(f, "Gemm", "fc", quantise_input ? "xd,w" : "x,w", "y");
    onnx_int(f, n, "transB", transposed);
}

/* The same, turned by a Transpose and read by a MatMul instead. */
static void quantised_and_transposed_file(struct onnx_file *f)
{
    quantised_file(f, 1, 1, 3, 0);
    f->graph->n_node--;                            /* without the Gemm */
    onnx_ints(f, onnx_node(f, "Transpose", "turn", "w", "wt"), "perm", 2, (int64_t[]){ 1, 0 });
    onnx_node(f, "MatMul", "fc", "xd,wt", "y");
}

static void integers_of_a_quantised_model_arrive(void)
{
    static const struct { int transposed; size_t many; int64_t axis; const char *fact; } trial[] = {
        { 0, 1, 1, "per tensor" }, { 0, 3, 1, "per output" }, { 1, 1, 1, "transposed" },
        { 1, 3, 0, "per output, transposed" }, { 2, 3, 0, "behind a Transpose" },
        { 1, 3, -2, "with a negative axis" } };
    static const int8_t w[] = { 1, -2, 3, -4, 5, -128 }, zero[] = { 1, 0, -1 };
    static const float scale[] = { 0.5f, 2, 4 };
    for (size_t t = 0; t < sizeof trial / sizeof *trial; t++) {
        struct onnx_file f;
        struct found r;
        size_t wrong = 0;
        if (trial[t].transposed == 2)
            quantised_and_transposed_file(&f);
        else
            quantised_file(&f, 1, trial[t].transposed, trial[t].many, trial[t].axis);
        r = find(&f, XO_BATCH_NORM_FOLD);
        if (!tap_ok(r.l.count == 1 && r.l.layer->has_integers, "a layer brings its integers %s", trial[t].fact))
            continue;
        const struct xo_model_integers *m = &r.l.layer->integers;
        for (size_t p = 0; p < 3; p++) {
            size_t c = trial[t].many > 1 ? p : 0;
            wrong += m->weight_zero[p] != zero[c] || m->weight_scale[p] != scale[c];
            for (size_t k = 0; k < 2; k++) {
                int8_t q = w[trial[t].transposed ? p * 2 + k : k * 3 + p];
                wrong += ((const int8_t *)m->weight)[k * 3 + p] != q;
                wrong += r.l.layer->weight[k * 3 + p] != (float)(q - zero[c]) * scale[c];
            }
        }
        tap_ok(wrong == 0 && !m->weight_unsigned && m->input_unsigned && m->input_zero == 3
               && m->input_scale == 0.25f, "integers, zeros, scales, and the floats they stand for");
        tap_ok(!strcmp(r.g.value[r.l.layer->input].name, "xq"), "it is driven by the quantised tensor");
        drop(&r);
    }
}

static void numbers_that_become_infinite_are_refused(void)
{
    struct onnx_file f;
    begin(&f, 13, 2, (int64_t[]){ -1, 2 });
    onnx_floats(&f, "w", 2, (int64_t[]){ 2, 1 }, (float[]){ 1, 3e38f });
    onnx_float(&f, onnx_node(&f, "Gemm", "fc", "x,w", "y"), "alpha", 2);
    tap_ok(layers_of(&f) == 999 && strstr(info.text, "node fc") && strstr(info.text, "finite"),
           "alpha W beyond float32 is refused");
    quantised_file(&f, 1, 0, 1, 1);
    memset(f.graph->initializer[0]->raw_data.data, 0, 4);
    tap_ok(layers_of(&f) == 999 && strstr(info.text, "scale"), "a scale of 0 is refused");
}

static void half_quantised_layers_are_float_layers(void)
{
    struct onnx_file f;
    struct found r;
    quantised_file(&f, 0, 0, 1, 1);
    r = find(&f, XO_BATCH_NORM_FOLD);
    tap_ok(r.l.count == 1 && !r.l.layer->has_integers && r.l.layer->input == r.g.input && r.l.layer->weight[2] == 1,
           "a quantised weight with a float input is a float layer");
    drop(&r);
    quantised_file(&f, 1, 1, 2, 1);
    r = find(&f, XO_BATCH_NORM_FOLD);
    tap_ok(r.l.count == 1 && !r.l.layer->has_integers && !strcmp(r.g.value[r.l.layer->input].name, "xd"),
           "so is one whose scale changes along its inputs");
    drop(&r);
}

int main(void)
{
    printf("# seed %llu\n", seed);
    weights_are_reordered(1, 4, 3, 2, 3);
    weights_are_reordered(2, 3, 2, 3, 2);
    weights_are_reordered(5, 1, 1, 3, 3);
    a_convolution_in_one_dimension_has_height_one();
    gemm(0, 1, 1, 1, (int64_t[]){ 3 }, "defaults");
    gemm(1, 1, 1, 2, (int64_t[]){ 1, 3 }, "transB");
    gemm(1, 0.3f, -2, 1, (int64_t[]){ 3 }, "alpha and beta");
    gemm(0, -1, 0.5f, 0, NULL, "one number as bias");
    what_is_no_constant_matrix_stays_digital();
    constants_are_found_behind_other_nodes();
    weights_shared_too_often_are_refused();
    batch_norm_is_folded_where_it_alone_reads();
    a_variance_that_is_none_is_refused();
    integers_of_a_quantised_model_arrive();
    half_quantised_layers_are_float_layers();
    numbers_that_become_infinite_are_refused();
    return tap_done();
}
