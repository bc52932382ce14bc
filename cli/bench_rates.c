/* The machine's own limits: matrix products by the BLAS at hand, and STREAM's triad (McCalpin 1995).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include "bench.h"

enum { SIDE = 1024, RUNS = 10, STREAM_NUMBERS = 1 << 23 };      /* 64 MiB an array: beyond any cache */

/* One product per thread, each of its own matrices; `single` in float. */
static double product_sec(bool single, int threads, void *a, void *b, void *c)
{
    size_t cells = (size_t)SIDE * SIDE;
    double begin = cli_now_sec();
#pragma omp parallel for num_threads(threads)
    for (int t = 0; t < threads; t++)
        if (single)
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE, 1, a, SIDE, b, SIDE, 0,
                        (float *)c + cells * (size_t)t, SIDE);
        else
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE, 1, a, SIDE, b, SIDE, 0,
                        (double *)c + cells * (size_t)t, SIDE);
    return cli_now_sec() - begin;
}

static double product_rate(bool single, int threads)
{
    size_t cells = (size_t)SIDE * SIDE;
    double *a = cli_numbers(cells), *b = cli_numbers(cells), *c = cli_numbers(cells * (size_t)threads);
    double best = INFINITY;
    for (int run = 0; run < RUNS && a && b && c; run++)
        best = fmin(best, product_sec(single, threads, a, b, c));
    free(a);
    free(b);
    free(c);
    return 2.0 * threads * SIDE * SIDE * SIDE / best;
}

static double triad_sec(double *a, const double *b, const double *c, double scale, int threads)
{
    double begin = cli_now_sec();
#pragma omp parallel for simd schedule(static) num_threads(threads)
    for (size_t k = 0; k < STREAM_NUMBERS; k++)
        a[k] = b[k] + scale * c[k];
    return cli_now_sec() - begin;
}

static double stream_rate(int threads)
{
    double *a = cli_numbers(STREAM_NUMBERS), *b = cli_numbers(STREAM_NUMBERS), *c = cli_numbers(STREAM_NUMBERS);
    double best = INFINITY;
    for (int run = 0; run <= RUNS && a && b && c; run++) {
        for (size_t k = 0; run == 0 && k < STREAM_NUMBERS; k++)
            a[k] = b[k] = c[k] = 1;                        /* pages, so that none is the page of zeros */
        best = fmin(best, triad_sec(a, b, c, 1.0 + run, threads));
    }
    free(a);
    free(b);
    free(c);
    return 24.0 * STREAM_NUMBERS / best;
}

void bench_measure_rates(struct bench_rates *rates, int threads)
{
    rates->dgemm_flop = product_rate(false, threads);
    rates->sgemm_flop = product_rate(true, threads);
    rates->stream_byte = stream_rate(threads);
}
