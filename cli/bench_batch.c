/* Exact conductance matrices of many arrays at once, in both precisions, against matrix products in that precision.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdlib.h>
#include "bench.h"
#include "xo_batch.h"

enum { ARRAYS = 64, RUNS = 5, LARGEST = 256 };     /* larger ones take gigabytes */

struct room { double *cell_siemens, *g_ni_siemens; float *g_ni_float32; };

static int room_new(struct room *r, size_t cells)
{
    unsigned long long state = 1;
    r->cell_siemens = cli_numbers(cells);
    r->g_ni_siemens = cli_numbers(cells);
    r->g_ni_float32 = (float *)cli_numbers(cells / 2 + 1);
    if (!r->cell_siemens || !r->g_ni_siemens || !r->g_ni_float32)
        return cli_no_memory();
    for (size_t k = 0; k < cells; k++) {           /* 10k to 1M ohm, evenly on a logarithmic scale */
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        r->cell_siemens[k] = 1e-6 * pow(100, (double)(state >> 11) * 0x1p-53);
    }
    return CLI_DONE;
}

static void room_free(struct room *r)
{
    free(r->cell_siemens);
    free(r->g_ni_siemens);
    free(r->g_ni_float32);
}

static void add_row(struct bench *b, size_t side, bool single, double plan_sec, double sec, double operations)
{
    const char *name = single ? "float32" : "float64";
    double limit = single ? b->rates.sgemm_flop : b->rates.dgemm_flop, fraction = operations / sec / limit;
    json_t *row = json_pack("{s:s, s:s, s:I, s:s, s:I}", "what", "batch", "array", "10k-1M ohm cells, 1 ohm wires",
                            "side", (json_int_t)side, "engine", name, "arrays", (json_int_t)ARRAYS);
    bench_put(row, "plan_sec", plan_sec);
    bench_put(row, "total_sec", sec);
    bench_put(row, "operations", operations);
    json_object_set_new(row, "limit", json_string(single ? "sgemm" : "dgemm"));
    bench_put(row, "fraction_of_limit", fraction);
    json_array_append_new(b->rows, row);
    bench_say(b, "%5zu  exact matrices of %d arrays     %-8s %11.6f ms an array  %.1f %% of %s", side, ARRAYS, name,
              1e3 * sec, 100 * fraction, single ? "sgemm" : "dgemm");
}

static int time_batch(struct bench *b, size_t side, bool single, const struct room *room)
{
    struct xo_crossbar x = xo_crossbar_default(side, side);
    struct xo_batch_options options = {.precision = single ? XO_FLOAT32 : XO_FLOAT64, .simd = b->simd,
                                       .threads = (int)b->common->threads};
    struct xo_batch_arrays arrays = {.arrays = ARRAYS, .cell_siemens = room->cell_siemens};
    struct xo_info info = {""};
    xo_circuit *circuit = NULL;
    xo_batch *batch = NULL;
    double begin = bench_now_sec(b), best = INFINITY;
    int status = xo_circuit_new(&circuit, &x, &info);
    if (!status)
        status = xo_batch_new(&batch, circuit, &options, &info);
    double plan_sec = bench_now_sec(b) - begin;
    if (single)
        arrays.g_ni_float32 = room->g_ni_float32;
    else
        arrays.g_ni_siemens = room->g_ni_siemens;
    for (int run = 0; run < RUNS && !status; run++) {
        begin = bench_now_sec(b);
        status = xo_batch_matrix(batch, &arrays, &info);
        best = fmin(best, bench_now_sec(b) - begin);
    }
    if (!status)
        add_row(b, side, single, plan_sec, best / ARRAYS, xo_batch_operations(batch));
    xo_batch_free(batch);
    xo_circuit_free(circuit);
    return status ? cli_fail_computing(status, &info, "batch") : CLI_DONE;
}

int bench_batch(struct bench *b)
{
    int code = CLI_DONE;
    for (size_t side = b->smallest; side <= b->largest && side <= LARGEST && !code; side *= 2) {
        struct room room = {0};
        code = room_new(&room, ARRAYS * side * side);
        for (int single = 0; single < 2 && !code; single++)
            code = time_batch(b, side, single, &room);
        room_free(&room);
    }
    return code;
}
