/* crossohm matrix for a batch: G of (arrays, rows, columns), all of one geometry, several at once in vector lanes.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "xo_batch.h"

enum { SAMPLES = 3 };

struct batch {
    struct cli_session *session;
    const struct cli_matrix_files *files;
    struct xo_batch_options options;
    xo_batch *plan;
    size_t arrays, cells;
    struct xo_batch_arrays all;         /* every output */
    double sampled_error_rel;
    size_t samples;
};

int cli_simd(enum xo_simd *out)
{
    const char *name = getenv("CROSSOHM_SIMD");
    *out = XO_SIMD_BEST;
    if (name && *name && xo_simd_parse(out, name))
        return cli_fail(CLI_USAGE, "CROSSOHM_SIMD=%s: not an instruction set; expected avx512, avx2 or portable",
                        name);
    if (!xo_simd_available(*out))
        return cli_fail(CLI_USAGE, "CROSSOHM_SIMD=%s: this machine has no better than %s", name,
                        xo_simd_name(xo_simd_best()));
    return CLI_DONE;
}

static int read_options(struct batch *b, const char *precision)
{
    const char *named[] = {b->files->matrix, b->files->bound, b->files->offset, b->files->offset_bound};
    if (precision && strcmp(precision, "float64") && strcmp(precision, "float32"))
        return cli_fail(CLI_USAGE, "--precision %s: expected float64 or float32", precision);
    for (size_t k = 0; k < sizeof named / sizeof *named; k++)
        if (named[k] && !cli_ends_with(named[k], ".npy"))
            return cli_fail(CLI_USAGE, "%s: G holds several arrays; expected a .npy file for what comes of them",
                            cli_is_stdout(named[k]) ? "standard output" : named[k]);
    b->options.precision = precision && !strcmp(precision, "float32") ? XO_FLOAT32 : XO_FLOAT64;
    b->options.threads = (int)b->session->common.threads;
    b->options.bounds = 1;
    return cli_simd(&b->options.simd);
}

static int allocate(struct batch *b)
{
    const struct cli_session *s = b->session;
    b->arrays = s->cell_siemens.shape[0];
    b->cells = s->rows * s->columns;
    b->all.g_ni_siemens = cli_numbers(b->arrays * b->cells);
    b->all.bound_siemens = b->files->bound ? cli_numbers(b->arrays * b->cells) : NULL;
    b->all.offset_amp = cli_numbers(b->arrays * s->columns);
    b->all.offset_bound_amp = cli_numbers(b->arrays * s->columns);
    b->all.worst_bound_rel = cli_numbers(b->arrays);
    return b->all.g_ni_siemens && (b->all.bound_siemens || !b->files->bound) && b->all.offset_amp
                   && b->all.offset_bound_amp && b->all.worst_bound_rel ? CLI_DONE : cli_no_memory();
}

/* Some arrays at a time, for the progress bar. */
static int eliminate(struct batch *b, struct xo_info *info)
{
    struct cli_session *s = b->session;
    size_t threads = s->common.threads ? s->common.threads : 1, slab = 16 * threads * xo_batch_lanes(b->plan);
    int status = 0;
    for (size_t first = 0; first < b->arrays && !status; first += slab) {
        struct xo_batch_arrays part = {.arrays = b->arrays - first < slab ? b->arrays - first : slab};
        part.cell_siemens = s->cell_siemens.value + first * b->cells;
        part.g_ni_siemens = b->all.g_ni_siemens + first * b->cells;
        part.bound_siemens = b->all.bound_siemens ? b->all.bound_siemens + first * b->cells : NULL;
        part.offset_amp = b->all.offset_amp + first * s->columns;
        part.offset_bound_amp = b->all.offset_bound_amp + first * s->columns;
        part.worst_bound_rel = b->all.worst_bound_rel + first;
        part.first_array = first;
        status = xo_batch_matrix(b->plan, &part, info);
        cli_progress_show(&s->progress, (double)(first + part.arrays) / (double)b->arrays);
    }
    return status;
}

/* The first array, the last and one in between. */
static int check_samples(struct batch *b, struct xo_info *info)
{
    int status = 0;
    b->samples = b->arrays < SAMPLES ? b->arrays : SAMPLES;
    for (size_t k = 0; k < b->samples && !status; k++) {
        size_t at = b->samples > 1 ? k * (b->arrays - 1) / (b->samples - 1) * b->cells : 0;
        double error_rel = 0;
        status = xo_batch_check(b->plan, b->session->cell_siemens.value + at, b->all.g_ni_siemens + at, &error_rel,
                                NULL, info);
        if (error_rel > b->sampled_error_rel)
            b->sampled_error_rel = error_rel;
    }
    return status;
}

static int compute(struct batch *b)
{
    struct cli_session *s = b->session;
    struct xo_info info = {""};
    int code = cli_circuit(s);
    if (!code)
        code = allocate(b);
    if (code)
        return code;
    int status = xo_batch_new(&b->plan, s->circuit, &b->options, &info);
    cli_lap(s, "plan");
    if (status)
        return cli_fail_computing(status, &info, s->hardware_path);
    cli_progress_stage(&s->progress, "matrix", (double)b->arrays, "arrays");
    status = eliminate(b, &info);
    cli_progress_clear(&s->progress);
    cli_lap(s, "matrix");
    if (!status)
        status = check_samples(b, &info);
    cli_lap(s, "check");
    return status ? cli_fail_computing(status, &info, s->siemens_path) : CLI_DONE;
}

static int write_report(const struct batch *b)
{
    const struct cli_session *s = b->session;
    if (!s->common.json)
        return CLI_DONE;
    return cli_write_json(s->common.json, json_pack(
        "{s:s, s:s, s:o, s:{s:I, s:I}, s:I, s:s, s:s, s:s, s:o, s:I, s:o, s:o, s:o}",
        "tool", "crossohm", "version", PACKAGE_VERSION, "command", cli_json_text(s->common.command),
        "array", "rows", (json_int_t)s->rows, "columns", (json_int_t)s->columns, "arrays", (json_int_t)b->arrays,
        "engine", "starmesh", "precision", b->options.precision == XO_FLOAT64 ? "float64" : "float32",
        "simd", xo_simd_name(xo_batch_simd(b->plan)),
        "worst_bound_rel", cli_json_number(cli_largest(b->all.worst_bound_rel, b->arrays)),
        "sampled_arrays", (json_int_t)b->samples, "sampled_error_rel", cli_json_number(b->sampled_error_rel),
        "worst_offset_bound_amp", cli_json_number(cli_largest(b->all.offset_bound_amp, b->arrays * s->columns)),
        "largest_offset_amp", cli_json_number(cli_largest(b->all.offset_amp, b->arrays * s->columns))));
}

static int write_all(const struct batch *b)
{
    struct cli_session *s = b->session;
    const size_t shape[] = {b->arrays, s->rows, s->columns}, columns[] = {b->arrays, s->columns};
    int code = cli_write_array(b->files->bound, b->all.bound_siemens, 3, shape, "bound_siemens[S]");
    if (!code)
        code = cli_write_array(b->files->offset, b->all.offset_amp, 2, columns, "offset_amp[A]");
    if (!code)
        code = cli_write_array(b->files->offset_bound, b->all.offset_bound_amp, 2, columns, "offset_bound_amp[A]");
    if (!code)
        code = write_report(b);
    if (!code)
        code = cli_write_array(b->files->matrix, b->all.g_ni_siemens, 3, shape, "g_ni_siemens[S]");
    return code ? code : cli_write_timing(s);
}

static void summarise(const struct batch *b)
{
    const struct cli_session *s = b->session;
    fprintf(stderr, "%zu arrays of %zu x %zu; star-mesh elimination, %s on %s, %zu at once\n", b->arrays, s->rows,
            s->columns, b->options.precision == XO_FLOAT64 ? "float64" : "float32",
            xo_simd_name(xo_batch_simd(b->plan)), xo_batch_lanes(b->plan));
    fprintf(stderr, "no entry is further than %.2g of itself from the exact one\n",
            cli_largest(b->all.worst_bound_rel, b->arrays));
    fprintf(stderr, "that is known beforehand; columns of %zu array%s solved and certified as well: within %.2g\n",
            b->samples, cli_plural(b->samples), b->sampled_error_rel);
}

int cli_matrix_batch(struct cli_session *s, const struct cli_matrix_files *files, const char *precision)
{
    struct batch b = {.session = s, .files = files};
    int code = read_options(&b, precision);
    if (!code)
        code = compute(&b);
    if (!code)
        code = write_all(&b);
    if (!code && !s->common.quiet)
        summarise(&b);
    if (!code)
        cli_warn(s);
    xo_batch_free(b.plan);
    free(b.all.g_ni_siemens);
    free(b.all.bound_siemens);
    free(b.all.offset_amp);
    free(b.all.offset_bound_amp);
    free(b.all.worst_bound_rel);
    return code;
}
