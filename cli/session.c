/* From files to a programmed array: hardware description, conductances, read voltages; circuit, plan, factor.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"

void cli_session_begin(struct cli_session *s)
{
    s->progress.wanted = !s->common.quiet && isatty(STDERR_FILENO);
    s->seconds = json_object();
    s->lap_sec = cli_now_sec();
}

void cli_unprogram(struct cli_session *s)
{
    xo_factor_free(s->factor);
    xo_plan_free(s->plan);
    xo_circuit_free(s->circuit);
    s->factor = NULL;
    s->plan = NULL;
    s->circuit = NULL;
}

void cli_session_free(struct cli_session *s)
{
    cli_unprogram(s);
    xo_ndarray_free(&s->row_volt);
    xo_ndarray_free(&s->gate);
    free(s->volt_sum);
    xo_ndarray_free(&s->cell_siemens);
    xo_hardware_free(&s->hardware);
    json_decref(s->seconds);
}

double cli_lap(struct cli_session *s, const char *name)
{
    double now = cli_now_sec(), seconds = now - s->lap_sec;
    double before = json_real_value(json_object_get(s->seconds, name));
    json_object_set_new(s->seconds, name, json_real(before + seconds));
    s->lap_sec = now;
    return seconds;
}

/* ---- files ---------------------------------------------------------------------------------------- */

static const char *shape_text(char *text, size_t size, const struct xo_ndarray *a)
{
    size_t used = (size_t)snprintf(text, size, "(");
    for (size_t d = 0; d < a->dimensions; d++)
        used += (size_t)snprintf(text + used, size - used, "%s%zu", d ? ", " : "", a->shape[d]);
    snprintf(text + used, size - used, a->dimensions == 1 ? ",)" : ")");
    return text;
}

static int read_array(struct xo_ndarray *out, const char *path)
{
    struct xo_info info = {""};
    int status = xo_ndarray_read(out, path, &info);
    return status ? cli_fail_reading(status, &info, path) : CLI_DONE;
}

/* Where the array's size was given: by the last --set of it, or in the hardware file. */
static const char *origin_of(const struct cli_session *s, const char *key)
{
    for (size_t k = s->common.set_count; k-- > 0;) {
        const char *set = s->common.set[k];
        size_t length = strcspn(set, "=");
        if (!strncmp(key, set, length) && (!key[length] || key[length] == '.'))
            return set;
    }
    return NULL;
}

/* Rows and columns of G; before them may come how many arrays there are. */
static const size_t *plane(const struct xo_ndarray *g)
{
    return g->shape + g->dimensions - 2;
}

static int fail_size(const struct cli_session *s, const char *shape)
{
    const struct xo_crossbar *x = &s->hardware.array;
    const size_t *found = plane(&s->cell_siemens);
    size_t rows = x->rows ? x->rows : found[0], columns = x->columns ? x->columns : found[1];
    const char *set = origin_of(s, rows != found[0] ? "array.rows" : "array.columns");
    return cli_fail(CLI_BAD_INPUT, "%s: shape %s; expected %zu row%s and %zu column%s as in %s%s", s->siemens_path,
                    shape, rows, cli_plural(rows), columns, cli_plural(columns), set ? "--set " : "",
                    set ? set : s->hardware_path);
}

/* G gives rows and columns where the hardware file does not. */
static int read_siemens(struct cli_session *s)
{
    struct xo_crossbar *x = &s->hardware.array;
    struct xo_ndarray *g = &s->cell_siemens;
    char found[128];
    int code = read_array(g, s->siemens_path);
    if (code)
        return code;
    if (g->dimensions != 2 && !(g->dimensions == 3 && s->takes_batch))
        return cli_fail(CLI_BAD_INPUT, "%s: shape %s; expected (rows, columns)%s", s->siemens_path,
                        shape_text(found, sizeof found, g), s->takes_batch ? " or (arrays, rows, columns)" : "");
    if (!g->shape[0] || !g->shape[1] || (g->dimensions == 3 && !g->shape[2]))
        return cli_fail(CLI_BAD_INPUT, "%s: shape %s; expected at least one row and one column", s->siemens_path,
                        shape_text(found, sizeof found, g));
    if ((x->rows && x->rows != plane(g)[0]) || (x->columns && x->columns != plane(g)[1]))
        return fail_size(s, shape_text(found, sizeof found, g));
    return CLI_DONE;
}

/* V is (inputs, rows); one dimension is one input. */
static int read_volts(struct cli_session *s)
{
    struct xo_ndarray *v = &s->row_volt;
    char found[128];
    int code = read_array(v, s->volt_path);
    if (code)
        return code;
    bool fits = (v->dimensions == 1 || v->dimensions == 2) && v->shape[v->dimensions - 1] == s->rows;
    if (!fits)
        return cli_fail(CLI_BAD_INPUT, "%s: shape %s; expected (inputs, %zu): one voltage per row", s->volt_path,
                        shape_text(found, sizeof found, v), s->rows);
    s->inputs = v->dimensions == 1 ? 1 : v->shape[0];
    if (!s->inputs)
        return cli_fail(CLI_BAD_INPUT, "%s: holds no input; expected at least one", s->volt_path);
    return CLI_DONE;
}

static int sum_inputs(struct cli_session *s)
{
    s->volt_sum = cli_numbers(s->rows);
    if (!s->volt_sum)
        return cli_no_memory();
    for (size_t k = 0; k < s->inputs * s->rows; k++)
        s->volt_sum[k % s->rows] += s->row_volt.value[k];
    return CLI_DONE;
}

static int finish_hardware(struct cli_session *s)
{
    struct xo_info info = {""};
    bool from_siemens = s->cell_siemens.dimensions >= 2;
    size_t rows = from_siemens ? plane(&s->cell_siemens)[0] : 0;
    size_t columns = from_siemens ? plane(&s->cell_siemens)[1] : 0;
    int status = xo_hardware_finish(&s->hardware, rows, columns, &info);
    if (status)
        return cli_fail_reading(status, &info, s->hardware_path);
    s->rows = s->hardware.array.rows;
    s->columns = s->hardware.array.columns;
    if (!s->common.quiet)
        cli_tell_subcircuit(stderr, "cells: ", s);
    return CLI_DONE;
}

int cli_read_hardware(struct cli_session *s)
{
    struct xo_info info = {""};
    char seed[32];
    snprintf(seed, sizeof seed, "seed=%zu", s->common.seed);
    if (s->common.seed_given)
        s->common.set[s->common.set_count++] = seed;
    int status = s->hardware_text
        ? xo_hardware_parse(&s->hardware, s->hardware_text, s->hardware_nbytes, s->hardware_path, NULL,
                            s->common.set_count, s->common.set, &info)
        : xo_hardware_read(&s->hardware, s->hardware_path, s->common.set_count, s->common.set, &info);
    s->common.set_count -= s->common.seed_given;
    return status ? cli_fail_reading(status, &info, s->hardware_path) : CLI_DONE;
}

int cli_read_inputs(struct cli_session *s)
{
    int code = cli_read_hardware(s);
    if (!code && s->siemens_path)
        code = read_siemens(s);
    if (!code)
        code = finish_hardware(s);
    if (!code && s->volt_path)
        code = read_volts(s);
    if (!code)
        code = cli_read_gates(s);
    if (!code && s->inputs)
        code = sum_inputs(s);
    cli_lap(s, "read");
    return code;
}

/* ---- the solver's chain --------------------------------------------------------------------------- */

int cli_circuit(struct cli_session *s)
{
    struct xo_info info = {""};
    int status = s->circuit ? 0 : xo_circuit_new(&s->circuit, &s->hardware.array, &info);
    return status ? cli_fail_computing(status, &info, s->hardware_path) : CLI_DONE;
}

/* Plan and factor for a circuit that is there. */
static int program(struct cli_session *s, enum xo_engine engine, const double *cell_siemens)
{
    struct xo_info info = {""};
    struct xo_options options = {
        .engine = engine, .threads = (int)s->common.threads, .inputs = s->inputs,
        .progress = cli_progress_show, .user = &s->progress
    };
    xo_factor_free(s->factor);
    xo_plan_free(s->plan);
    s->factor = NULL;
    s->plan = NULL;
    int code = cli_simd(&options.simd);
    if (code)
        return code;
    cli_progress_stage(&s->progress, "plan", 0, NULL);
    int status = xo_plan_new(&s->plan, s->circuit, &options, &info);
    cli_progress_clear(&s->progress);
    if (status)
        return cli_fail_computing(status, &info, s->hardware_path);
    cli_lap(s, "plan");
    cli_progress_stage(&s->progress, "factor", 0, NULL);
    status = xo_factor_new(&s->factor, s->plan, cell_siemens, &info);
    cli_progress_clear(&s->progress);
    cli_lap(s, "factor");
    return status ? cli_fail_solving(s, status, &info, s->siemens_path ? s->siemens_path : s->hardware_path)
                  : CLI_DONE;
}

int cli_program(struct cli_session *s, enum xo_engine engine, const double *cell_siemens)
{
    int code = cli_circuit(s);
    s->engine = engine;
    s->engine_reason = NULL;
    s->programmed = cell_siemens;
    return code ? code : program(s, engine, cell_siemens);
}

const char *cli_engine(const struct cli_session *s)
{
    return s->by_ngspice ? "ngspice" : xo_engine_name(xo_factor_engine(s->factor));
}

const char *cli_engine_reason(const struct cli_session *s)
{
    if (s->by_ngspice)
        return "judged, not proven: there is no bound";
    return s->engine_reason ? s->engine_reason : xo_factor_reason(s->factor);
}

int cli_fail_solving(const struct cli_session *s, int status, struct xo_info *info, const char *path)
{
    bool engine_failed = status == XO_ENOTPROVEN || status == XO_ESINGULAR;
    size_t used = strlen(info->text);
    if (engine_failed && s->has_engine_option && s->engine != XO_ENGINE_AUTO && s->engine != XO_ENGINE_STARMESH)
        snprintf(info->text + used, sizeof info->text - used, "; try --engine starmesh");
    return cli_fail_computing(status, info, path);
}

static int solve(struct cli_session *s, size_t inputs, const double *row_volt, struct xo_solution *out,
                 struct xo_info *info)
{
    cli_progress_stage(&s->progress, "solve", (double)inputs, "inputs");
    return s->gate.value ? xo_solve_gates(s->factor, inputs, row_volt, s->gate.value, out, info)
                         : xo_solve(s->factor, inputs, row_volt, out, info);
}

int cli_run(struct cli_session *s, size_t inputs, const double *row_volt, struct xo_solution *solution)
{
    struct xo_info info = {""};
    int status = solve(s, inputs, row_volt, solution, &info);
    if (status == XO_ENOTPROVEN && s->engine == XO_ENGINE_AUTO && xo_factor_engine(s->factor) != XO_ENGINE_STARMESH) {
        int code = program(s, XO_ENGINE_STARMESH, s->programmed);
        if (code)
            return code;
        s->engine_reason = "Cholesky proved too little: elimination without subtraction";
        status = solve(s, inputs, row_volt, solution, &info);
    }
    cli_progress_clear(&s->progress);
    cli_lap(s, "solve");
    bool voltages = (s->volt_path || s->gate_path) && (status == XO_EVALUE || status == XO_ECONFLICT);
    return status ? cli_fail_solving(s, status, &info, !voltages     ? s->hardware_path
                                                           : s->volt_path ? s->volt_path
                                                                          : s->gate_path) : CLI_DONE;
}
