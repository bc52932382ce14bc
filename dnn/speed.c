/* See xo_speed.h.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>
#include "engine.h"
#include "memory.h"
#include "speed.h"
#include "xo_speed.h"

enum { RUNS = 5, LAYERS = 22, CLASSES = 10, TOGETHER = 8, LARGEST = 64 * 32 * 32, STREAMS = 8, SLICES = 4 };

struct shape { size_t channels, side, outputs, kernel, stride; };

struct network {
    size_t images;
    struct shape shape[LAYERS];
    struct xo_layer layer[LAYERS];
    struct xo_graph_node node[LAYERS];
    struct xo_value value[LAYERS];     /* the weights, for their dimensions */
    size_t in[LAYERS][2];
    struct xo_attribute pads;
    struct xo_graph graph;
    struct xo_layers layers;
    struct xo_hardware hardware;
    const struct xo_hardware *each[LAYERS];
    struct xo_layer_range range[LAYERS];
    float *x;                          /* [images][largest input], as behind Relu */
};

double xo_speed_now_sec(int threads)
{
    struct timespec t;
    clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float uniform(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) * 0x1p-24f;
}

float *xo_speed_numbers(size_t count, float low, float high, unsigned seed)
{
    float *x = xo_calloc(count, sizeof *x);
    for (size_t k = 0; x && k < count; k++)
        x[k] = low + (high - low) * uniform(&seed);
    return x;
}

/* 3 x 3 convolutions in three groups of six, a group's first with stride 2 and a 1 x 1 beside it; first and last. */
static size_t resnet20(struct shape s[LAYERS])
{
    size_t n = 0;
    s[n++] = (struct shape){ 3, 32, 16, 3, 1 };
    for (size_t group = 0; group < 3; group++) {
        size_t wide = (size_t)16 << group, side = (size_t)32 >> group;
        for (size_t k = 0; k < 6; k++)
            s[n++] = group && !k ? (struct shape){ wide / 2, 2 * side, wide, 3, 2 }
                                 : (struct shape){ wide, side, wide, 3, 1 };
        if (group)
            s[n++] = (struct shape){ wide / 2, 2 * side, wide, 1, 2 };
    }
    s[n++] = (struct shape){ 64, 1, CLASSES, 1, 1 };
    return n;
}

static void make_layer(struct network *n, size_t k)
{
    struct shape s = n->shape[k];
    size_t inputs = s.channels * s.kernel * s.kernel;
    n->in[k][0] = k;
    n->in[k][1] = k;
    n->value[k] = (struct xo_value){ .constant = { .dimensions = 4 } };
    n->node[k] = (struct xo_graph_node){ .name = "conv", .op = "Conv", .inputs = 2, .input = n->in[k],
                                         .attributes = s.kernel == 3, .attribute = &n->pads };
    n->layer[k] = (struct xo_layer){ .name = "conv", .node = k, .is_convolution = true, .groups = 1, .inputs = inputs,
                                     .outputs = s.outputs,
                                     .weight = xo_speed_numbers(inputs * s.outputs, -1, 1, (unsigned)k + 1),
                                     .bias = xo_calloc(s.outputs, sizeof(float)) };
    n->layer[k].window = (struct xo_window){ .kernel = { s.kernel, s.kernel }, .stride = { s.stride, s.stride },
                                             .dilation = { 1, 1 } };
    n->range[k] = (struct xo_layer_range){ 0, 1 };
    n->each[k] = &n->hardware;
}

static int make_network(struct network *n, size_t images, struct xo_info *info)
{
    static const int64_t pads[4] = { 1, 1, 1, 1 };
    static const char *const set[] = { "array.rows=64", "array.columns=64", "gain.scope=none" };
    size_t count = resnet20(n->shape), largest = TOGETHER * LARGEST;
    n->images = images;
    n->pads = (struct xo_attribute){ .name = "pads", .kind = XO_ATTR_INTS, .count = 4, .ints = pads };
    for (size_t k = 0; k < count; k++)
        make_layer(n, k);
    n->graph = (struct xo_graph){ .file = "bench", .opset = 13, .values = count, .nodes = count, .value = n->value,
                                  .node = n->node };
    n->layers = (struct xo_layers){ .count = count, .layer = n->layer };
    n->x = xo_speed_numbers(largest, -1, 1, 99);
    for (size_t k = 0; n->x && k < largest; k++)
        n->x[k] = n->x[k] < 0 ? 0 : n->x[k];
    for (size_t k = 0; k < count; k++)
        if (!n->x || !n->layer[k].weight || !n->layer[k].bias)
            return ENOMEM;
    int status = xo_hardware_parse(&n->hardware, NULL, 0, "bench", NULL, 3, set, info);
    return status ? status : xo_hardware_finish(&n->hardware, 0, 0, info);
}

/* Every layer on `images` images. */
static int run(const struct network *n, struct xo_layer_hook hook, size_t images, float *y)
{
    int status = 0;
    for (size_t k = 0; k < n->layers.count && !status; k++) {
        struct xo_tensor in = { .type = XO_F32, .dimensions = 4, .data = n->x,
                                .shape = { images, n->shape[k].channels, n->shape[k].side, n->shape[k].side } };
        struct xo_tensor out = { .type = XO_F32, .data = y };
        status = hook.run(hook.user, k, &in, &out, NULL);
    }
    return status;
}

static double operations(const struct network *n)
{
    double sum = 0;
    for (size_t k = 0; k < n->layers.count; k++) {
        struct shape s = n->shape[k];
        double out = (double)(s.side / s.stride) * (double)(s.side / s.stride);
        sum += 2 * out * (double)(s.channels * s.kernel * s.kernel * s.outputs);
    }
    return sum;
}

/* Seconds that all images take, best of several runs; 0 on failure.  A call of the engine takes a few images. */
static double best_sec(const struct network *n, xo_engine_dnn *e, enum xo_stage stage, int threads)
{
    double best = INFINITY;
    int failed = 0;
#pragma omp parallel num_threads(threads) reduction(|:failed)
    {
        xo_engine_thread *t = NULL;
        float *y = xo_calloc(TOGETHER * LARGEST, sizeof *y);
        failed |= !y || xo_engine_thread_new(&t, e, stage, NULL);
        for (int k = 0; k <= RUNS; k++) {
#pragma omp barrier
            double begin = xo_speed_now_sec(threads);
            for (size_t first = 0; first < n->images && !failed; first += TOGETHER) {
                size_t now = n->images - first < TOGETHER ? n->images - first : TOGETHER;
                xo_engine_thread_image(t, first + 1);       /* without the images that are looked at more closely */
                failed |= run(n, xo_engine_hook(t), now, y) != 0;
            }
#pragma omp barrier
#pragma omp master
            {
                double sec = xo_speed_now_sec(threads) - begin;
                best = k && sec < best ? sec : best;
            }
        }
        xo_engine_thread_free(t);
        free(y);
    }
    return failed ? 0 : best;
}

static int calibrate(const struct network *n, xo_engine_dnn *e)
{
    xo_engine_thread *t = NULL;
    float *y = xo_calloc(LARGEST, sizeof *y);
    int status = y ? xo_engine_calibrator_new(&t, e, 1, NULL) : ENOMEM;
    for (bool again = true; again && !status;) {
        status = run(n, xo_engine_hook(t), 1, y);
        if (!status)
            status = xo_engine_calibrate(e, 1, &t, &again, NULL);
    }
    xo_engine_thread_free(t);
    free(y);
    return status;
}

static void network_free(struct network *n)
{
    for (size_t k = 0; k < n->layers.count; k++) {
        free((void *)n->layer[k].weight);
        free((void *)n->layer[k].bias);
    }
    free(n->x);
    xo_hardware_free(&n->hardware);
    free(n);
}

int xo_speed_of_evaluation(struct xo_speed *out, enum xo_eval_stage stage, size_t images, int threads,
                           enum xo_simd simd, struct xo_info *info)
{
    struct network *n = xo_calloc(1, sizeof *n);
    xo_engine_dnn *e = NULL, *programmed = NULL;
    double sec = 0;
    int status = n && images ? make_network(n, images, info) : n ? XO_EVALUE : ENOMEM;
    if (!status)
        status = xo_engine_dnn_new(&e, &n->graph, &n->layers, n->each, n->range, info);
    if (!status) {
        xo_engine_dnn_simd(e, simd ? simd : xo_simd_best());
        status = calibrate(n, e);
    }
    if (!status && stage == XO_EVAL_CIRCUIT) {
        const struct xo_programming how = { .threads = threads, .simd = simd };
        status = xo_engine_dnn_program(&programmed, e, &how, info);
        if (!status)
            status = calibrate(n, programmed);
    }
    if (!status)
        sec = best_sec(n, programmed ? programmed : e, (enum xo_stage)stage, threads);
    if (!status && sec > 0)
        *out = (struct xo_speed){operations(n) * (stage == XO_EVAL_QUANTISED ? 1 : STREAMS * SLICES),
                                 sec / (double)images / threads};
    xo_engine_dnn_free(programmed);
    xo_engine_dnn_free(e);
    if (n)
        network_free(n);
    return status ? status : sec > 0 ? 0 : ENOMEM;
}
