/* crossohm bench: the machine's limits, and what is measured against them.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BENCH_H
#define BENCH_H

#include <jansson.h>
#include "cli.h"

/* bench_rates.c: the best of several runs, on so many threads; 0 without memory. */
struct bench_rates {
    double dgemm_flop, sgemm_flop;     /* per second */
    double stream_byte;                /* per second: a = b + s c, 24 bytes a number, as STREAM counts */
};
void bench_measure_rates(struct bench_rates *rates, int threads);

/* What every measurement gets: how to work, the limits, and the list that its rows go to. */
struct bench {
    const struct cli_common *common;
    size_t smallest, largest;          /* sides of the arrays */
    bool ngspice;
    struct bench_rates rates;
    json_t *rows;
};

/* Say one line on standard error, unless --quiet. */
void bench_say(const struct bench *b, const char *format, ...) XO_PRINTF(2, 3);

/* One kind of measurement; each appends rows and returns an exit code.  bench.c lists them. */
int bench_one_input(struct bench *b);  /* bench_input.c: one input by every engine, sizes doubling */

#endif
