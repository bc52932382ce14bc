/* How much of the machine's matrix-multiplication rate does evaluating a network on arrays reach?
 *     bench/evaluate [IMAGES [THREADS]]        default 16 1
 * The layers of ResNet-20 for 32 x 32 images with random weights and inputs, on 64 x 64 tiles with 2-bit cells, 1-bit
 * streams and 8-bit ADCs with calibrated ranges: digits by conductances, ADC, shift-add, scaling, all of it.
 * Operations are counted as 2 x multiply-adds x streams x columns that an ADC reads per output.  The rate of sgemm is
 * the better of OpenBLAS's and oneDNN's, on square matrices, in this run; all are warmed, best of five.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <cblas.h>
#include <oneapi/dnnl/dnnl.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "engine.h"

void openblas_set_num_threads(int threads);

enum { SIDE = 1024, RUNS = 5, LAYERS = 22, CLASSES = 10 };

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

/* One thread is timed by the seconds it computed, so that what else runs on the machine disturbs less. */
static double now_sec(int threads)
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

static float *numbers(size_t count, float low, float high, unsigned seed)
{
    float *x = malloc(count * sizeof *x);
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
                                     .weight = numbers(inputs * s.outputs, -1, 1, (unsigned)k + 1),
                                     .bias = calloc(s.outputs, sizeof(float)) };
    n->layer[k].window = (struct xo_window){ .kernel = { s.kernel, s.kernel }, .stride = { s.stride, s.stride },
                                             .dilation = { 1, 1 } };
    n->range[k] = (struct xo_layer_range){ 0, 1 };
    n->each[k] = &n->hardware;
}

static int make_network(struct network *n, size_t images)
{
    static const int64_t pads[4] = { 1, 1, 1, 1 };
    static const char *const set[] = { "array.rows=64", "array.columns=64", "gain.scope=none" };
    size_t count = resnet20(n->shape), largest = images * 64 * 32 * 32;
    n->images = images;
    n->pads = (struct xo_attribute){ .name = "pads", .kind = XO_ATTR_INTS, .count = 4, .ints = pads };
    for (size_t k = 0; k < count; k++)
        make_layer(n, k);
    n->graph = (struct xo_graph){ .file = "bench", .opset = 13, .values = count, .nodes = count, .value = n->value,
                                  .node = n->node };
    n->layers = (struct xo_layers){ .count = count, .layer = n->layer };
    n->x = numbers(largest, -1, 1, 99);
    for (size_t k = 0; n->x && k < largest; k++)
        n->x[k] = n->x[k] < 0 ? 0 : n->x[k];
    if (!n->x || xo_hardware_parse(&n->hardware, NULL, 0, "bench", NULL, 3, set, NULL))
        return 1;
    return xo_hardware_finish(&n->hardware, 0, 0, NULL);
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

static double evaluate_rate(const struct network *n, xo_engine_dnn *e, enum xo_stage stage, int threads,
                            double columns)
{
    double best = 1e300;
    int failed = 0;
#pragma omp parallel num_threads(threads) reduction(|:failed)
    {
        xo_engine_thread *t = NULL;
        float *y = malloc(n->images * 64 * 32 * 32 * sizeof *y);
        failed |= !y || xo_engine_thread_new(&t, e, stage, NULL);
        for (int k = 0; k <= RUNS; k++) {
#pragma omp barrier
            double begin = now_sec(threads);
            for (size_t first = 0; first < n->images && !failed; first += 8) {
                size_t now = n->images - first < 8 ? n->images - first : 8;
                xo_engine_thread_image(t, first + 1);       /* without the images that are looked at more closely */
                failed |= run(n, xo_engine_hook(t), now, y);
            }
#pragma omp barrier
#pragma omp master
            {
                double sec = now_sec(threads) - begin;
                best = k && sec < best ? sec : best;
            }
        }
        xo_engine_thread_free(t);
        free(y);
    }
    return failed ? 0 : 1e-9 * threads * (double)n->images * operations(n) * columns / best;
}

static double sgemm_rate(int threads, int use_dnnl)
{
    size_t cells = (size_t)SIDE * SIDE;
    float *a = numbers(cells, 0, 1, 1), *b = numbers(cells, 0, 1, 2), *c = numbers(cells * (size_t)threads, 0, 1, 3);
    double best = 1e300;
    for (int run_number = 0; run_number <= RUNS && a && b && c; run_number++) {
        double begin = now_sec(threads);
#pragma omp parallel num_threads(threads)
        {
            float *mine = c + cells * (size_t)omp_get_thread_num();
            for (int k = 0; k < 4; k++)
                if (use_dnnl)
                    dnnl_sgemm('N', 'N', SIDE, SIDE, SIDE, 1, a, SIDE, b, SIDE, 0, mine, SIDE);
                else
                    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE, 1, a, SIDE, b, SIDE, 0,
                                mine, SIDE);
        }
        double sec = now_sec(threads) - begin;
        best = run_number && sec < best ? sec : best;
    }
    free(a);
    free(b);
    free(c);
    return 4 * 2e-9 * (double)threads * SIDE * SIDE * SIDE / best;
}

static int calibrate(const struct network *n, xo_engine_dnn *e)
{
    xo_engine_thread *t = NULL;
    float *y = malloc(64 * 32 * 32 * sizeof *y);
    int status = y ? xo_engine_calibrator_new(&t, e, NULL) : 1;
    if (!status)
        status = run(n, xo_engine_hook(t), 1, y);
    if (!status)
        status = xo_engine_calibrate(e, 1, &t, NULL);
    xo_engine_thread_free(t);
    free(y);
    return status;
}

int main(int argc, char **argv)
{
    static struct network n;
    size_t images = argc > 1 ? strtoul(argv[1], NULL, 10) : 16;
    int threads = argc > 2 ? atoi(argv[2]) : 1;
    xo_engine_dnn *e = NULL;
    openblas_set_num_threads(1);
    if (make_network(&n, images) || xo_engine_dnn_new(&e, &n.graph, &n.layers, n.each, n.range, NULL) ||
        calibrate(&n, e))
        return 1;
    double blas = sgemm_rate(threads, 0), dnnl = sgemm_rate(threads, 1), peak = blas > dnnl ? blas : dnnl;
    printf("sgemm %dx%d      %6.1f GF/s OpenBLAS, %6.1f oneDNN, on %d thread%s\n", SIDE, SIDE, blas, dnnl, threads,
           threads == 1 ? "" : "s");
    printf("integers             %6.1f GF/s\n", evaluate_rate(&n, e, XO_STAGE_QUANTISED, threads, 1));
    for (int simd = XO_SIMD_PORTABLE; simd <= XO_SIMD_AVX512; simd++) {
        if (!xo_simd_available((enum xo_simd)simd))
            continue;
        xo_engine_dnn_simd(e, (enum xo_simd)simd);
        double rate = evaluate_rate(&n, e, XO_STAGE_CONVERTERS, threads, 8 * 4);
        printf("converters, %-8s %6.1f GF/s, %.2f of sgemm, %.1f ms an image\n", xo_simd_name((enum xo_simd)simd),
               rate, rate / peak, 1e-6 * operations(&n) * 8 * 4 / rate);
    }
    return 0;
}
