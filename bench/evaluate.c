/* How much of the machine's matrix-multiplication rate does evaluating a network on arrays reach?
 *     bench/evaluate [IMAGES [THREADS]]        default 16 1
 * What is evaluated: dnn/xo_speed.h.  The rate of sgemm is the better of OpenBLAS's and oneDNN's, on square matrices,
 * in this run; all are warmed, best of five.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <cblas.h>
#include <oneapi/dnnl/dnnl.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include "speed.h"
#include "xo_speed.h"

void openblas_set_num_threads(int threads);

enum { SIDE = 1024, RUNS = 5 };

static double sgemm_rate(int threads, int use_dnnl)
{
    size_t cells = (size_t)SIDE * SIDE;
    float *a = xo_speed_numbers(cells, 0, 1, 1), *b = xo_speed_numbers(cells, 0, 1, 2);
    float *c = xo_speed_numbers(cells * (size_t)threads, 0, 1, 3);
    double best = 1e300;
    for (int run_number = 0; run_number <= RUNS && a && b && c; run_number++) {
        double begin = xo_speed_now_sec(threads);
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
        double sec = xo_speed_now_sec(threads) - begin;
        best = run_number && sec < best ? sec : best;
    }
    free(a);
    free(b);
    free(c);
    return 4 * 2e-9 * (double)threads * SIDE * SIDE * SIDE / best;
}

int main(int argc, char **argv)
{
    size_t images = argc > 1 ? strtoul(argv[1], NULL, 10) : 16;
    int threads = argc > 2 ? atoi(argv[2]) : 1;
    struct xo_speed speed;
    openblas_set_num_threads(1);
    if (xo_speed_of_evaluation(&speed, XO_EVAL_QUANTISED, images, threads, XO_SIMD_BEST, NULL))
        return 1;
    double blas = sgemm_rate(threads, 0), dnnl = sgemm_rate(threads, 1), peak = blas > dnnl ? blas : dnnl;
    printf("sgemm %dx%d      %6.1f GF/s OpenBLAS, %6.1f oneDNN, on %d thread%s\n", SIDE, SIDE, blas, dnnl, threads,
           threads == 1 ? "" : "s");
    printf("integers             %6.1f GF/s\n", 1e-9 * threads * speed.operations / speed.sec);
    for (int k = 2 * XO_SIMD_PORTABLE; k < 2 * (XO_SIMD_AVX512 + 1); k++) {
        enum xo_simd simd = (enum xo_simd)(k / 2);
        enum xo_eval_stage stage = k % 2 ? XO_EVAL_CIRCUIT : XO_EVAL_CONVERTERS;
        if (!xo_simd_available(simd))
            continue;
        if (xo_speed_of_evaluation(&speed, stage, images, threads, simd, NULL))
            return 1;
        double rate = 1e-9 * threads * speed.operations / speed.sec;
        printf("%s, %-8s %6.1f GF/s, %.2f of sgemm, %.1f ms an image\n", xo_eval_stage_name(stage),
               xo_simd_name(simd), rate, rate / peak, 1e3 * speed.sec);
    }
    return 0;
}
