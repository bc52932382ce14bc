/* How much of the machine's matrix-multiplication rate does applying a fast model reach?
 *     bench/apply [INPUTS [ROWS [COLUMNS [THREADS]]]]       default 1000000 128 128 1
 * CROSSOHM_SIMD chooses the instructions.
 * All are measured in this run, warmed, best of five: cblas_dgemm on square matrices as the peak, then xo_fcm_apply,
 * inputs and currents in memory, without converters and with error-free ones (8 bits).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "xo_fcm.h"

void openblas_set_num_threads(int threads);

enum { SIDE = 1536, RUNS = 5 };

/* Processor time on one thread, so that others on the machine disturb less. */
static double now_sec(int threads)
{
    struct timespec t;
    clock_gettime(threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double *numbers(size_t count)
{
    double *value = malloc(count * sizeof *value);
    for (size_t k = 0; value && k < count; k++)
        value[k] = 1e-5 * (double)(k * 2654435761u % 1000);
    return value;
}

/* Each thread multiplies matrices of its own. */
static double dgemm_rate(int threads)
{
    size_t cells = (size_t)SIDE * SIDE;
    double *a = numbers(cells), *b = numbers(cells), *c = numbers(cells * (size_t)threads), best = 1e300;
    for (int run = 0; run < RUNS && a && b && c; run++) {
        double begin = now_sec(threads);
#pragma omp parallel for num_threads(threads)
        for (int t = 0; t < threads; t++)
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE, 1, a, SIDE, b, SIDE, 0,
                        c + cells * (size_t)t, SIDE);
        double sec = now_sec(threads) - begin;
        best = sec < best ? sec : best;
    }
    free(a);
    free(b);
    free(c);
    return 2e-9 * (double)threads * SIDE * SIDE * SIDE / best;
}

static double apply_rate(size_t inputs, size_t rows, size_t columns, struct xo_apply how)
{
    double *low = calloc(columns, sizeof *low), *lsb = malloc(columns * sizeof *lsb);
    for (size_t j = 0; lsb && j < columns; j++)
        lsb[j] = 2e-7 * (double)rows;
    struct xo_fcm m = { .rows = rows, .columns = columns, .g_ni_siemens = numbers(rows * columns),
                        .dac = { .bits = 8, .read_volt = 0.01 }, .adc = { .bits = 8 }, .adc_low_ampere = low,
                        .adc_lsb_ampere = lsb,
                        .validity = { .low_volt = -1, .high_volt = 1, .high_sparsity = 1 } };
    double *volt = numbers(inputs * rows), *amp = numbers(inputs * columns), best = 1e300;
    int status = m.g_ni_siemens && volt && amp && low && lsb ? 0 : 1;
    for (int run = 0; run < RUNS && !status; run++) {
        double begin = now_sec(how.threads);
        status = xo_fcm_apply(&m, &how, inputs, volt, amp, NULL, NULL);
        double sec = now_sec(how.threads) - begin;
        best = sec < best ? sec : best;
    }
    free(volt);
    free(amp);
    xo_fcm_free(&m);
    return status ? 0 : 2e-9 * (double)inputs * (double)rows * (double)columns / best;
}

int main(int argc, char **argv)
{
    size_t number[4] = { 1000000, 128, 128, 1 };
    for (int k = 1; k < argc && k <= 4; k++)
        number[k - 1] = strtoul(argv[k], NULL, 10);
    openblas_set_num_threads(1);
    int threads = (int)number[3];
    struct xo_apply how = { .threads = threads };
    const char *level = getenv("CROSSOHM_SIMD");
    if (level && xo_simd_parse(&how.simd, level))
        return 2;
    double peak = dgemm_rate(threads), reached = apply_rate(number[0], number[1], number[2], how);
    how.converters = 1;
    double converted = apply_rate(number[0], number[1], number[2], how);
    printf("product by %s; dgemm by OpenBLAS's kernels for %s\n", xo_fcm_product_name(how.simd),
           openblas_get_corename());
    printf("dgemm %dx%d        %6.1f GF/s on %d thread%s\n", SIDE, SIDE, peak, threads, threads == 1 ? "" : "s");
    printf("apply %zux%zu        %6.1f GF/s, %.3g inputs/s\n", number[1], number[2], reached,
           1e9 * reached / 2 / (double)number[1] / (double)number[2]);
    printf("with 8-bit converters  %6.1f GF/s, %.3g inputs/s\n", converted,
           1e9 * converted / 2 / (double)number[1] / (double)number[2]);
    printf("ratio                %6.2f without converters, %.2f with\n", reached / peak, converted / peak);
    return reached > 0 && converted > 0 ? 0 : 1;
}
