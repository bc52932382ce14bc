/* crossohm bench: the machine's limits, and what is measured against them.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BENCH_H
#define BENCH_H

#include <jansson.h>
#include "cli.h"
#include "xo_simd.h"

/* bench_rates.c: the best of several runs, on as many threads; 0 without memory. */
struct bench_rates {
    double dgemm_flop, sgemm_flop;     /* per second, the better of what there is */
    double blas_dgemm_flop;            /* OpenBLAS's share in that                */
    double stream_byte;                /* per second: a = b + s c, 24 bytes a number, as STREAM counts */
};

/* What every measurement gets: how to work, the limits, and the list that its rows go to. */
struct bench {
    const struct cli_common *common;
    size_t smallest, largest;          /* sides of the arrays */
    bool ngspice;
    enum xo_simd simd;
    struct bench_rates rates;
    json_t *rows;
};

void bench_measure_rates(struct bench *b);

/* One thread is timed by the seconds it and the programs it started computed, so that what else runs on the machine
 * disturbs less; more threads by the clock. */
double bench_now_sec(const struct bench *b);

double bench_spread(size_t k);         /* 0..1, the same everywhere: a golden-ratio sequence */
void bench_put(json_t *row, const char *key, double value);       /* null unless positive */

/* Say one line on standard error, unless --quiet. */
void bench_say(const struct bench *b, const char *format, ...) XO_PRINTF(2, 3);

/* One kind of measurement; each appends rows and returns an exit code.  bench.c lists them. */
int bench_one_input(struct bench *b);  /* bench_input.c: one input by every engine, sizes doubling         */
int bench_batch(struct bench *b);      /* bench_batch.c: exact matrices of many arrays, both precisions   */
int bench_evaluation(struct bench *b); /* bench_products.c: a network on arrays                           */
int bench_apply(struct bench *b);      /* the same: a fast model                                          */

#endif
