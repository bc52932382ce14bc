/* crossohm bench: how fast, against what this machine can do at all.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include "bench.h"
#include "xo_fcm.h"

const char *openblas_get_corename(void);

/* What is measured, in this order. */
static int (*const measurements[])(struct bench *b) = {bench_one_input, bench_batch, bench_evaluation, bench_apply};

void bench_say(const struct bench *b, const char *format, ...)
{
    va_list arguments;
    if (b->common->quiet)
        return;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

double bench_now_sec(const struct bench *b)
{
    struct timespec own;
    struct rusage others;
    if (b->common->threads != 1)
        return cli_now_sec();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    getrusage(RUSAGE_CHILDREN, &others);
    return (double)own.tv_sec + 1e-9 * (double)own.tv_nsec
           + (double)(others.ru_utime.tv_sec + others.ru_stime.tv_sec)
           + 1e-6 * (double)(others.ru_utime.tv_usec + others.ru_stime.tv_usec);
}

double bench_spread(size_t k)
{
    double turns = (double)(k % 1000003) * 0.6180339887498949;
    return turns - floor(turns);
}

void bench_put(json_t *row, const char *key, double value)
{
    json_object_set_new(row, key, cli_json_number(value > 0 ? value : NAN));
}

static void processor(char *name, size_t size)
{
    FILE *f = fopen("/proc/cpuinfo", "r");
    char line[256], *value;
    snprintf(name, size, "unknown");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "model name", 10) && (value = strchr(line, ':'))) {
            value[strcspn(value, "\n")] = '\0';
            snprintf(name, size, "%.*s", (int)size - 1, value + 2);
            break;
        }
    if (f)
        fclose(f);
}

static double real_of(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    return json_is_real(value) ? json_real_value(value) : NAN;
}

static const char *simd_name(const struct bench *b)
{
    return xo_simd_name(b->simd ? b->simd : xo_simd_best());
}

/* The limits, and what was chosen for products in double precision: rows "apply" show why. */
static void print_rates(const struct bench *b, FILE *to)
{
    fprintf(to, "# dgemm %.4g, sgemm %.4g flop/s, stream %.4g byte/s; %zu thread%s\n", b->rates.dgemm_flop,
            b->rates.sgemm_flop, b->rates.stream_byte, b->common->threads, cli_plural(b->common->threads));
    fprintf(to, "# dgemm of OpenBLAS's kernels for %s: %.4g flop/s; on %s a fast model's products are by %s\n",
            openblas_get_corename(), b->rates.blas_dgemm_flop, simd_name(b), xo_fcm_product_name(b->simd));
}

/* What every kind of row has, as CSV; the rest is in --json. */
static int print_table(const struct bench *b)
{
    static const char *const texts[] = {"what", "array", "engine"};
    static const char *const numbers[] = {"total_sec", "fraction_of_limit", "cholmod_by_this", "klu_by_this",
                                          "ngspice_by_this", "worst_bound_rel"};
    size_t k;
    json_t *row;
    print_rates(b, stdout);
    fputs("# what,array,engine,side", stdout);
    for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++)
        printf(",%s", numbers[n]);
    json_array_foreach(b->rows, k, row) {
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
            printf("%s\"%s\"", t ? "," : "\n", json_string_value(json_object_get(row, texts[t])));
        printf(",%lld", (long long)json_integer_value(json_object_get(row, "side")));
        for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++)
            isfinite(real_of(row, numbers[n])) ? printf(",%.4g", real_of(row, numbers[n])) : printf(",");
    }
    putchar('\n');
    return cli_finish_stdout();
}

static int write_report(const struct bench *b)
{
    char cpu[128];
    processor(cpu, sizeof cpu);
    if (!b->common->json)
        return CLI_DONE;
    return cli_write_json(b->common->json, json_pack(
        "{s:s, s:s, s:o, s:o, s:s, s:s, s:s, s:I, s:{s:f, s:f, s:f, s:f}, s:O}", "tool", "crossohm", "version",
        PACKAGE_VERSION, "command", cli_json_text(b->common->command), "processor", cli_json_text(cpu),
        "blas_kernels", openblas_get_corename(), "products", xo_fcm_product_name(b->simd),
        "simd", simd_name(b), "threads", (json_int_t)b->common->threads, "rates",
        "dgemm_flop_per_sec", b->rates.dgemm_flop, "blas_dgemm_flop_per_sec", b->rates.blas_dgemm_flop,
        "sgemm_flop_per_sec", b->rates.sgemm_flop, "stream_byte_per_sec", b->rates.stream_byte, "rows", b->rows));
}

static int run(struct bench *b)
{
    int code = cli_simd(&b->simd);
    bench_measure_rates(b);
    if (!b->common->quiet)
        print_rates(b, stderr);
    for (size_t k = 0; k < sizeof measurements / sizeof *measurements && !code; k++)
        code = measurements[k](b);
    if (!code)
        code = write_report(b);
    return code || cli_is_stdout(b->common->json) ? code : print_table(b);
}

int cli_bench(int argc, char **argv)
{
    struct cli_common common = {0};
    struct bench b = {.common = &common, .smallest = 16, .largest = 256, .rows = json_array()};
    const char *file = NULL;
    struct cli_option options[] = {
        {CLI_COUNT, 0, "size", &b.largest, "N", "side of the largest array, up to 4096; default 256", false},
        {CLI_COUNT, 0, "from", &b.smallest, "N", "side of the smallest; sides double; default 16", false},
        {CLI_FLAG, 0, "ngspice", &b.ngspice, NULL, "time ngspice too, up to 128x128: a minute each", false},
        {.kind = CLI_END}
    };
    const struct cli_page page = {
        "bench", "crossohm bench --size 128 --json bench.json", "[options]", options, 0
    };
    bool stop;
    int code = cli_parse(&page, &common, &file, argc, argv, &stop);
    if (!stop && (b.smallest < 1 || b.smallest > b.largest || b.largest > 4096))
        code = cli_fail(CLI_USAGE, "--from, --size: found %zu and %zu; expected 1 <= from <= size <= 4096",
                        b.smallest, b.largest);
    else if (!stop)
        code = b.rows ? run(&b) : cli_no_memory();
    json_decref(b.rows);
    return code;
}
