/* One input by every engine, at sizes that double: seconds from programmed conductances to proven currents, against
 * the machine's limits, each other, and ngspice.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "bench.h"
#include "xo_ngspice.h"

#define MOST_DIRECT_CELLS ((size_t)512 * 512)      /* klu takes tens of seconds beyond */
#define MOST_NGSPICE_CELLS ((size_t)128 * 128)     /* ngspice a quarter of an hour     */
#define CACHED_CELLS 600000                        /* larger arrays come from memory   */
#define ENOUGH_SEC 0.3                             /* spent on repetitions             */
#define MOST_RUNS 25

/* An array of the bench: cells evenly spread between two resistances, the hardware file's default ends. */
static const struct kind {
    const char *name;
    double low_ohm, high_ohm, wire_ohm;
    size_t largest;                    /* side from which it would take minutes */
} kinds[] = {
    {"100k-1M ohm cells, 1 ohm wires", 1e5, 1e6, 1, 4096},
    {"1k-10k ohm cells, 10 ohm wires", 1e3, 1e4, 10, 1024},
    {"1k-10k ohm cells, 100 ohm wires", 1e3, 1e4, 100, 256},
};

struct array {
    const struct kind *kind;
    size_t side;
    struct xo_crossbar x;
    double *cell_siemens, *row_volt, *column_amp;
};

struct seconds { double plan, factor, solve, total; };

struct result {
    struct seconds best;
    enum xo_engine engine;             /* at work: auto's choice */
    double operations, bytes, bound_rel;
    int iterations;
};

static int array_new(struct array *a, const struct kind *kind, size_t side)
{
    *a = (struct array){.kind = kind, .side = side, .x = xo_crossbar_default(side, side),
                        .cell_siemens = cli_numbers(side * side), .row_volt = cli_numbers(side),
                        .column_amp = cli_numbers(side)};
    a->x.row_wire_ohm.all = a->x.column_wire_ohm.all = kind->wire_ohm;
    if (!a->cell_siemens || !a->row_volt || !a->column_amp)
        return cli_no_memory();
    for (size_t k = 0; k < side * side; k++)
        a->cell_siemens[k] = 1 / kind->high_ohm + (1 / kind->low_ohm - 1 / kind->high_ohm) * bench_spread(k);
    for (size_t i = 0; i < side; i++)
        a->row_volt[i] = 0.2 * bench_spread(7 * i + 3);
    return CLI_DONE;
}

static void array_free(struct array *a)
{
    free(a->cell_siemens);
    free(a->row_volt);
    free(a->column_amp);
}

/* From conductances to currents once. */
static int time_once(const struct bench *b, const struct array *a, enum xo_engine engine, struct seconds *sec,
                     struct result *r)
{
    struct xo_options options = {.engine = engine, .threads = (int)b->common->threads, .inputs = 1, .simd = b->simd};
    struct xo_solution s = {.column_amp = a->column_amp};
    struct xo_info info = {""};
    xo_circuit *circuit = NULL;
    xo_plan *plan = NULL;
    xo_factor *factor = NULL;
    int status = xo_circuit_new(&circuit, &a->x, &info);
    double begin = bench_now_sec(b), planned = begin, factored = begin;
    if (!status)
        status = xo_plan_new(&plan, circuit, &options, &info);
    planned = bench_now_sec(b);
    if (!status)
        status = xo_factor_new(&factor, plan, a->cell_siemens, &info);
    factored = bench_now_sec(b);
    if (!status)
        status = xo_solve(factor, 1, a->row_volt, &s, &info);
    double end = bench_now_sec(b);
    *sec = (struct seconds){planned - begin, factored - planned, end - factored, end - begin};
    if (factor) {
        r->engine = xo_factor_engine(factor);
        r->operations = xo_factor_operations(factor);
    }
    r->bound_rel = s.worst_bound_rel;
    r->iterations = s.iterations;
    xo_factor_free(factor);
    xo_plan_free(plan);
    xo_circuit_free(circuit);
    return status ? cli_fail_computing(status, &info, a->kind->name) : CLI_DONE;
}

/* The best of several runs: what others do on the machine only ever adds. */
static int time_engine(const struct bench *b, const struct array *a, enum xo_engine engine, struct result *r)
{
    double spent = 0, cells = (double)a->side * (double)a->side;
    int code = CLI_DONE;
    *r = (struct result){.best.total = INFINITY};
    for (int run = 0; run < MOST_RUNS && (run < 3 || spent < ENOUGH_SEC) && (!run || spent < 30) && !code; run++) {
        struct seconds sec;
        code = time_once(b, a, engine, &sec, r);
        spent += sec.total;
        if (!code && sec.total < r->best.total)
            r->best = sec;
    }
    if (r->engine == XO_ENGINE_LINE) {
        r->operations = XO_LINE_OPERATIONS * cells * r->iterations;
        r->bytes = XO_LINE_BYTES * cells * r->iterations;
    }
    return code;
}

/* How many times as long the others take, where they were timed. */
static const char *ratios_text(char *text, size_t size, double cholmod, double klu, double ngspice)
{
    int end = 0;
    if (cholmod > 0 && klu > 0)
        end = snprintf(text, size, "  cholmod/this %8.2f  klu/this %8.2f", cholmod, klu);
    if (ngspice > 0)
        snprintf(text + end, size - (size_t)end, "  ngspice/this %8.4g", ngspice);
    return text;
}

static void add_row(struct bench *b, const struct array *a, const char *name, const struct result *r, double cholmod,
                    double klu, double ngspice)
{
    bool by_memory = r->bytes > 0 && a->side * a->side > CACHED_CELLS;
    double total = r->best.total, used = by_memory ? r->bytes / b->rates.stream_byte
                                                   : r->operations / b->rates.dgemm_flop;
    json_t *row = json_pack("{s:s, s:s, s:I, s:s, s:s}", "what", "one input", "array", a->kind->name,
                            "side", (json_int_t)a->side, "engine", name, "worked", xo_engine_name(r->engine));
    bench_put(row, "plan_sec", r->best.plan);
    bench_put(row, "factor_sec", r->best.factor);
    bench_put(row, "solve_sec", r->best.solve);
    bench_put(row, "total_sec", total);
    bench_put(row, "operations", r->operations);
    bench_put(row, "bytes", r->bytes);
    json_object_set_new(row, "limit", json_string(by_memory ? "stream" : "dgemm"));
    bench_put(row, "fraction_of_limit", used / total);
    bench_put(row, "iterations", r->iterations);
    bench_put(row, "worst_bound_rel", r->bound_rel);
    bench_put(row, "cholmod_by_this", cholmod / total);
    bench_put(row, "klu_by_this", klu / total);
    bench_put(row, "ngspice_by_this", ngspice / total);
    json_array_append_new(b->rows, row);
    bench_say(b, "%5zu  %-31s  %-8s %11.6f s  bound %.1e%s", a->side, a->kind->name, name, total, r->bound_rel,
              ratios_text((char [100]){""}, 100, cholmod / total, klu / total, ngspice / total));
}

static int time_ngspice(const struct bench *b, const struct array *a, double *sec)
{
    struct xo_ngspice_options options = {.limit_sec = 600};
    struct xo_info info = {""};
    xo_circuit *circuit = NULL;
    double begin = bench_now_sec(b);
    int status = xo_circuit_new(&circuit, &a->x, &info);
    bench_say(b, "%5zu  %-31s  ngspice: %s", a->side, a->kind->name, a->side > 64 ? "a minute or so" : "seconds");
    if (!status)
        status = xo_ngspice_solve(circuit, a->cell_siemens, 1, a->row_volt, &options, a->column_amp, NULL, &info);
    *sec = bench_now_sec(b) - begin;
    xo_circuit_free(circuit);
    return status ? cli_fail_computing(status, &info, "ngspice") : CLI_DONE;
}

static int bench_array(struct bench *b, const struct array *a)
{
    static const enum xo_engine engines[] = {XO_ENGINE_CHOLMOD, XO_ENGINE_KLU, XO_ENGINE_STARMESH, XO_ENGINE_LINE,
                                             XO_ENGINE_AUTO};
    enum { COUNT = sizeof engines / sizeof *engines };
    struct result result[COUNT] = {{{0}, XO_ENGINE_AUTO, 0, 0, 0, 0}};
    double ngspice = NAN;
    bool direct = a->side * a->side <= MOST_DIRECT_CELLS;
    int code = CLI_DONE;
    if (b->ngspice && a->side * a->side <= MOST_NGSPICE_CELLS)
        code = time_ngspice(b, a, &ngspice);
    for (int e = direct ? 0 : 3; e < COUNT && !code; e++)
        code = time_engine(b, a, engines[e], &result[e]);
    double cholmod = direct ? result[0].best.total : NAN, klu = direct ? result[1].best.total : NAN;
    for (int e = direct ? 0 : 3; e < COUNT && !code; e++)
        add_row(b, a, xo_engine_name(engines[e]), &result[e], cholmod, klu, ngspice);
    return code;
}

int bench_one_input(struct bench *b)
{
    int code = CLI_DONE;
    for (size_t side = b->smallest; side <= b->largest && !code; side *= 2)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds && !code; k++) {
            struct array a;
            if (side > kinds[k].largest)
                continue;
            code = array_new(&a, &kinds[k], side);
            if (!code)
                code = bench_array(b, &a);
            array_free(&a);
        }
    return code;
}
