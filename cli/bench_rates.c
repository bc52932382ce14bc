/* The machine's own limits: matrix products by the better of the BLAS at hand and our own kernels (in single
 * precision, of it and oneDNN), and STREAM's triad (McCalpin 1995).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <cblas.h>
#include <math.h>
#include <oneapi/dnnl/dnnl.h>
#include <omp.h>
#include <stdlib.h>
#include "bench.h"
#include "xo_fcm.h"

enum { SIDE = 1024, RUNS = 10, STREAM_NUMBERS = 1 << 23 };      /* 64 MiB an array: beyond any cache */

static void dgemm(const struct bench *bench, const void *a, const void *b, void *c)
{
    (void)bench;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE, 1, a, SIDE, b, SIDE, 0, c, SIDE);
}

/* What a fast model's product is made of. */
static void own_dgemm(const struct bench *bench, const void *a, const void *b, void *c)
{
    struct xo_fcm m = {.rows = SIDE, .columns = SIDE, .g_ni_siemens = (double *)b,
                       .validity = {.low_volt = 0, .high_volt = 2, .high_sparsity = 1}};
    xo_fcm_apply(&m, &(struct xo_apply){.simd = bench->simd}, SIDE, a, c, NULL, NULL);
}

static void sgemm(const struct bench *bench, const void *a, const void *b, void *c)
{
    (void)bench;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE, 1, a, SIDE, b, SIDE, 0, c, SIDE);
}

static void onednn_sgemm(const struct bench *bench, const void *a, const void *b, void *c)
{
    (void)bench;
    dnnl_sgemm('N', 'N', SIDE, SIDE, SIDE, 1, a, SIDE, b, SIDE, 0, c, SIDE);
}

static double *some_numbers(size_t count)
{
    double *x = cli_numbers(count);
    for (size_t k = 0; x && k < count; k++)
        x[k] = 1 + bench_spread(k);            /* as two floats: 1.9 or so and any */
    return x;
}

/* One product per thread, each into a matrix of its own. */
static double product_rate(const struct bench *bench,
                           void (*multiply)(const struct bench *, const void *, const void *, void *))
{
    size_t cells = (size_t)SIDE * SIDE, threads = bench->common->threads;
    double *a = some_numbers(cells), *b = some_numbers(cells), *c = cli_numbers(cells * threads), best = INFINITY;
    for (int run = 0; run < RUNS && a && b && c; run++) {
        double begin = bench_now_sec(bench);
#pragma omp parallel num_threads((int)threads)
        {
            omp_set_num_threads(1);            /* of what multiply() itself would start */
            multiply(bench, a, b, c + cells * (size_t)omp_get_thread_num());
        }
        best = fmin(best, bench_now_sec(bench) - begin);
    }
    free(a);
    free(b);
    free(c);
    return 2.0 * (double)threads * SIDE * SIDE * SIDE / best;
}

static double triad_sec(const struct bench *bench, double *a, const double *b, const double *c, double scale)
{
    double begin = bench_now_sec(bench);
#pragma omp parallel for simd schedule(static) num_threads((int)bench->common->threads)
    for (size_t k = 0; k < STREAM_NUMBERS; k++)
        a[k] = b[k] + scale * c[k];
    return bench_now_sec(bench) - begin;
}

static double stream_rate(const struct bench *bench)
{
    double *a = some_numbers(STREAM_NUMBERS), *b = some_numbers(STREAM_NUMBERS), *c = some_numbers(STREAM_NUMBERS);
    double best = INFINITY;
    for (int run = 0; run < RUNS && a && b && c; run++)
        best = fmin(best, triad_sec(bench, a, b, c, 1.0 + run));
    free(a);
    free(b);
    free(c);
    return 24.0 * STREAM_NUMBERS / best;
}

void bench_measure_rates(struct bench *b)
{
    b->rates.blas_dgemm_flop = product_rate(b, dgemm);
    b->rates.dgemm_flop = fmax(b->rates.blas_dgemm_flop, product_rate(b, own_dgemm));
    b->rates.sgemm_flop = fmax(product_rate(b, sgemm), product_rate(b, onednn_sgemm));
    b->rates.stream_byte = stream_rate(b);
}
