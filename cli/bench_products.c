/* Products of many inputs with known conductances: a network on arrays, a fast model; against matrix products.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdlib.h>
#include "bench.h"
#include "xo_fcm.h"
#include "xo_speed.h"

enum { IMAGES = 8, INPUTS = 40000, ROWS = 128, COLUMNS = 128, RUNS = 5 };

static void add_row(struct bench *b, const char *what, const char *array, const char *engine, size_t side, double sec,
                    double operations, bool single)
{
    double rate = single ? b->rates.sgemm_flop : b->rates.dgemm_flop;
    json_t *row = json_pack("{s:s, s:s, s:I, s:s}", "what", what, "array", array, "side", (json_int_t)side, "engine",
                            engine);
    bench_put(row, "total_sec", sec);
    bench_put(row, "operations", operations);
    json_object_set_new(row, "limit", json_string(single ? "sgemm" : "dgemm"));
    bench_put(row, "fraction_of_limit", operations / sec / rate);
    json_array_append_new(b->rows, row);
    bench_say(b, "%5zu  %-10s %s  %-16s %.3g s  %.1f %% of %s", side, what, array, engine, sec,
              100 * operations / sec / rate, single ? "sgemm" : "dgemm");
}

int bench_evaluation(struct bench *b)
{
    struct xo_info info = {""};
    struct xo_speed speed = {0, 0};
    int threads = (int)b->common->threads;
    for (int wires = 0; wires < 2; wires++) {
        int status = xo_speed_of_evaluation(&speed, wires ? XO_EVAL_CIRCUIT : XO_EVAL_CONVERTERS, IMAGES, threads,
                                            b->simd, &info);
        if (status)
            return cli_fail_computing(status, &info, "evaluation");
        add_row(b, "evaluation", "ResNet-20, 2-bit cells, 1-bit streams, 8-bit ADC", wires ? "fused, wires" : "fused",
                64, speed.sec / threads, speed.operations, true);
    }
    return CLI_DONE;
}

/* The bare product, converters around it, and the product by the BLAS: what it would be without our own kernels. */
static const struct how { const char *name; bool converters, blas; } hows[] = {
    {"no converters", false, false}, {"8-bit converters", true, false}, {"no converters, BLAS", false, true}
};

/* Seconds of all inputs, the best of several runs. */
static int time_apply(const struct bench *b, const struct xo_fcm *m, const struct how *as, const double *volt,
                      double *amp, double *sec)
{
    struct xo_apply how = {.threads = (int)b->common->threads, .converters = as->converters,
                           .simd = as->blas ? XO_SIMD_PORTABLE : b->simd};
    struct xo_info info = {""};
    int status = 0;
    *sec = INFINITY;
    for (int run = 0; run < RUNS && !status; run++) {
        double begin = bench_now_sec(b);
        status = xo_fcm_apply(m, &how, INPUTS, volt, amp, NULL, &info);
        *sec = fmin(*sec, bench_now_sec(b) - begin);
    }
    return status ? cli_fail_computing(status, &info, "apply") : CLI_DONE;
}

int bench_apply(struct bench *b)
{
    double *volt = cli_numbers((size_t)INPUTS * ROWS), *amp = cli_numbers((size_t)INPUTS * COLUMNS), sec;
    struct xo_fcm m = {.rows = ROWS, .columns = COLUMNS, .g_ni_siemens = cli_numbers(ROWS * COLUMNS),
                       .dac = {.bits = 8, .read_volt = 0.2}, .adc = {.bits = 8},
                       .adc_low_ampere = cli_numbers(COLUMNS), .adc_lsb_ampere = cli_numbers(COLUMNS),
                       .validity = {.low_volt = -1, .high_volt = 1, .high_sparsity = 1}};
    int code = volt && amp && m.g_ni_siemens && m.adc_low_ampere && m.adc_lsb_ampere ? CLI_DONE : cli_no_memory();
    for (size_t k = 0; k < (size_t)INPUTS * ROWS && !code; k++)
        volt[k] = 0.2 * bench_spread(k);
    for (size_t k = 0; k < ROWS * COLUMNS && !code; k++)
        m.g_ni_siemens[k] = 1e-5 * bench_spread(7 * k);
    for (size_t j = 0; j < COLUMNS && !code; j++)
        m.adc_lsb_ampere[j] = 2e-6 * ROWS / 256;
    for (size_t k = 0; k < sizeof hows / sizeof *hows && !code; k++) {
        code = time_apply(b, &m, &hows[k], volt, amp, &sec);
        if (!code)
            add_row(b, "apply", "40,000 inputs", hows[k].name, ROWS, sec, 2.0 * INPUTS * ROWS * COLUMNS, false);
    }
    free(volt);
    free(amp);
    xo_fcm_free(&m);
    return code;
}
