/* One layer on arrays.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "one-layer.h"
#include "simd.h"
#include "tap.h"

static float draw(struct one_layer *o, double low, double high)
{
    return (float)(low + (high - low) * tap_uniform(&o->seed));
}

static void make_graph(struct one_layer *o)
{
    size_t dims = o->is_convolution ? 4 : 2;
    o->in[0] = 0;
    o->in[1] = 1;
    o->out[0] = 2;
    for (int k = 0; k < 4; k++)
        o->pads_ints[k] = (int64_t)o->pad[k];
    o->pads = (struct xo_attribute){ .name = "pads", .kind = XO_ATTR_INTS, .count = 4, .ints = o->pads_ints };
    o->value[1] = (struct xo_value){ .name = "w", .is_constant = true, .constant = { .dimensions = dims } };
    o->node = (struct xo_graph_node){ .name = "only", .op = o->is_convolution ? "Conv" : "Gemm", .inputs = 2,
                                      .outputs = 1, .input = o->in, .output = o->out,
                                      .attributes = o->is_convolution, .attribute = &o->pads };
    o->graph = (struct xo_graph){ .file = "test", .opset = 13, .values = 3, .nodes = 1, .value = o->value,
                                  .node = &o->node, .input = 0, .output = 2 };
}

static void make_numbers(struct one_layer *o)
{
    size_t outputs = o->groups * o->outputs, pixels = o->images * o->channels * o->height * o->width;
    o->weight = calloc(outputs * o->inputs, sizeof(float));
    o->own_weight = calloc(outputs * o->inputs, 1);
    o->bias = calloc(outputs, sizeof(float));
    o->x = calloc(pixels, sizeof(float));
    o->own_x = calloc(pixels, 1);
    o->y = calloc(one_layer_results(o), sizeof(float));
    for (size_t k = 0; k < outputs * o->inputs; k++) {
        o->weight[k] = draw(o, -1, 1) * draw(o, 0, 1);
        o->own_weight[k] = (uint8_t)(256 * tap_uniform(&o->seed));
    }
    for (size_t k = 0; k < outputs; k++)
        o->bias[k] = draw(o, -1, 1);
    for (size_t k = 0; k < pixels; k++) {
        o->x[k] = draw(o, o->is_signed ? -1.5 : -0.6, 1.5);
        if (!o->is_signed && o->x[k] < 0)
            o->x[k] = 0;               /* as behind Relu */
        o->own_x[k] = (uint8_t)(256 * tap_uniform(&o->seed));
        o->range.low = o->x[k] < o->range.low ? (double)o->x[k] : o->range.low;
        o->range.high = o->x[k] > o->range.high ? (double)o->x[k] : o->range.high;
    }
}

static void make_layer(struct one_layer *o)
{
    size_t outputs = o->groups * o->outputs;
    o->layer = (struct xo_layer){ .name = "only", .input = 0, .output = 2, .is_convolution = o->is_convolution,
                                  .groups = o->groups, .inputs = o->inputs, .outputs = o->outputs,
                                  .weight = o->weight, .bias = o->bias };
    o->layer.window = (struct xo_window){ .kernel = { o->kernel[0], o->kernel[1] },
                                          .stride = { o->stride[0], o->stride[1] },
                                          .dilation = { o->dilation[0], o->dilation[1] } };
    if (o->own) {
        struct xo_model_integers *m = &o->layer.integers;
        o->layer.has_integers = true;
        m->weight = o->own_weight;
        m->weight_unsigned = o->own == 2;
        m->input_unsigned = o->own == 1;
        m->weight_zero = calloc(outputs, sizeof(int32_t));
        m->weight_scale = calloc(outputs, sizeof(float));
        for (size_t k = 0; k < outputs; k++) {
            m->weight_zero[k] = (int32_t)(k % 5) + (o->own == 2 ? 120 : -3);
            m->weight_scale[k] = draw(o, 0.001, 0.01);
        }
        m->input_zero = o->own == 1 ? 77 : -20;
        m->input_scale = 0.0123f;
    }
    o->layers = (struct xo_layers){ .count = 1, .layer = &o->layer };
}

static size_t walk(size_t in, size_t before, size_t after, size_t kernel, size_t stride, size_t dilation)
{
    return (in + before + after - (kernel - 1) * dilation - 1) / stride + 1;
}

int one_layer_new(struct one_layer *o, const char *const *settings)
{
    size_t count = 0;
    struct xo_info info;
    if (!o->is_convolution)
        o->height = o->width = o->groups = 1;
    for (int d = 0; d < 2; d++) {
        o->kernel[d] = o->kernel[d] ? o->kernel[d] : 1;
        o->stride[d] = o->stride[d] ? o->stride[d] : 1;
        o->dilation[d] = o->dilation[d] ? o->dilation[d] : 1;
    }
    o->inputs = o->channels / o->groups * o->kernel[0] * o->kernel[1];
    o->out_height = walk(o->height, o->pad[0], o->pad[2], o->kernel[0], o->stride[0], o->dilation[0]);
    o->out_width = walk(o->width, o->pad[1], o->pad[3], o->kernel[1], o->stride[1], o->dilation[1]);
    make_numbers(o);
    make_graph(o);
    make_layer(o);
    while (settings[count])
        count++;
    int status = xo_hardware_parse(&o->hardware, NULL, 0, "test", NULL, count, settings, &info);
    if (!status)
        status = xo_hardware_finish(&o->hardware, 0, 0, &info);
    if (status)
        printf("# %s\n", info.text);
    o->layer_hardware = &o->hardware;
    return status;
}

void one_layer_without_wires(struct one_layer *o)
{
    struct xo_crossbar *x = &o->hardware.array;
    x->row_wire_ohm.all = x->column_wire_ohm.all = x->driver_ohm.all = x->sense_ohm.all = 0;
}

void one_layer_free(struct one_layer *o)
{
    free(o->weight);
    free(o->own_weight);
    free(o->bias);
    free(o->x);
    free(o->own_x);
    free(o->y);
    free(o->layer.integers.weight_zero);
    free(o->layer.integers.weight_scale);
    xo_hardware_free(&o->hardware);
}

size_t one_layer_results(const struct one_layer *o)
{
    return o->images * o->groups * o->outputs * o->out_height * o->out_width;
}

static int run(struct one_layer *o, xo_engine_thread *t, size_t at_once, struct xo_layer_counts *count,
               struct xo_info *info)
{
    size_t pixels = o->channels * o->height * o->width, results = one_layer_results(o) / o->images;
    struct xo_layer_hook hook = xo_engine_hook(t);
    int status = 0;
    for (size_t first = 0; first < o->images && !status; first += at_once) {
        size_t now = o->images - first < at_once ? o->images - first : at_once;
        struct xo_tensor in = { .type = o->own == 1 ? XO_U8 : o->own == 2 ? XO_I8 : XO_F32,
                                .dimensions = o->is_convolution ? 4 : 2,
                                .shape = { now, o->channels, o->height, o->width },
                                .data = o->own ? (void *)(o->own_x + first * pixels)
                                               : (void *)(o->x + first * pixels) };
        struct xo_tensor out = { .type = XO_F32, .data = o->y + first * results };
        xo_engine_thread_image(t, first);
        status = hook.run(hook.user, 0, &in, &out, info);
        if (count) {
            const struct xo_layer_counts *c = xo_engine_thread_counts(t);
            count->conversions += c->conversions;
            count->clipped += c->clipped;
            count->flipped += c->flipped;
            count->error_square += c->error_square;
            count->signal_square += c->signal_square;
        }
    }
    return status;
}

/* e is taken over. */
static int calibrated(xo_engine_dnn **out, struct one_layer *o, xo_engine_dnn *e, struct xo_info *info)
{
    xo_engine_thread *t = NULL;
    xo_engine_dnn_simd(e, tests_simd());
    int status = xo_engine_calibrator_new(&t, e, o->images, info);
    for (bool again = true; again && !status;) {
        status = run(o, t, o->images, NULL, info);
        if (!status)
            status = xo_engine_calibrate(e, 1, &t, &again, info);
    }
    xo_engine_thread_free(t);
    if (status)
        xo_engine_dnn_free(e);
    else
        *out = e;
    return status;
}

int one_layer_engine(xo_engine_dnn **out, struct one_layer *o, struct xo_info *info)
{
    xo_engine_dnn *e = NULL;
    int status = xo_engine_dnn_new(&e, &o->graph, &o->layers, &o->layer_hardware, &o->range, info);
    return status ? status : calibrated(out, o, e, info);
}

int one_layer_program(xo_engine_dnn **out, struct one_layer *o, const xo_engine_dnn *base,
                      const struct xo_programming *how, struct xo_info *info)
{
    xo_engine_dnn *e = NULL;
    int status = xo_engine_dnn_program(&e, base, how, info);
    return status ? status : calibrated(out, o, e, info);
}

int one_layer_run(struct one_layer *o, xo_engine_dnn *e, enum xo_stage stage, size_t at_once,
                  struct xo_layer_counts *count, struct xo_info *info)
{
    xo_engine_thread *t = NULL;
    int status = xo_engine_thread_new(&t, e, stage, info);
    if (count)
        memset(count, 0, sizeof *count);
    if (!status)
        status = run(o, t, at_once, count, info);
    xo_engine_thread_free(t);
    return status;
}
