/* --engine ngspice: the judge, who proves nothing but is somebody else.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"

/* A command that was not installed, or moved, has the helper beside it, or ../libexec/crossohm, as make install
 * does. */
void cli_find_helper(void)
{
    static const char *const places[] = {"/crossohm-ngspice", "/../crossohm-ngspice",
                                         "/../libexec/crossohm/crossohm-ngspice"};
    char path[PATH_MAX + 64];
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);
    if (length <= 0 || length >= PATH_MAX)
        return;
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    for (size_t k = 0; slash && k < sizeof places / sizeof *places; k++) {
        strcpy(slash, places[k]);
        if (access(path, X_OK) == 0) {
            setenv("CROSSOHM_NGSPICE_HELPER", path, 0);    /* what the user set stays */
            return;
        }
    }
}

struct xo_ngspice_options cli_ngspice(struct cli_session *s, double inputs)
{
    cli_progress_stage(&s->progress, "ngspice", inputs, "inputs");
    return (struct xo_ngspice_options){.limit_sec = s->limit_sec, .progress = cli_progress_show,
                                       .user = &s->progress};
}

int cli_judged(struct cli_session *s, int status, const struct xo_info *info)
{
    cli_progress_clear(&s->progress);
    cli_lap(s, "ngspice");
    return status ? cli_fail_computing(status, info, s->hardware_path) : CLI_DONE;
}

int cli_check_judge(const struct cli_engine *engine, const struct cli_option *options)
{
    return cli_given(options, "time-limit") && !engine->ngspice
           ? cli_fail(CLI_USAGE, "--time-limit: only with --engine ngspice") : CLI_DONE;
}

/* ---- crossohm solve --engine ngspice -------------------------------------------------------------- */

/* Driven and gated: every input's circuit by itself. */
static int ask_gated(const struct cli_session *s, size_t inputs, const struct xo_ngspice_options *options,
                     double *column_amp, double *sec, struct xo_info *info)
{
    struct xo_crossbar x = s->hardware.array;
    double one = 0;
    int status = 0;
    *sec = 0;
    for (size_t k = 0; k < inputs && !status; k++) {
        xo_circuit *c = NULL;
        x.gate = s->gate.value + k * s->rows;
        status = xo_circuit_new(&c, &x, info);
        if (!status)
            status = xo_ngspice_solve(c, s->cell_siemens.value, 1, s->row_volt.value + k * s->rows, options,
                                      column_amp + k * s->columns, &one, info);
        *sec += one;
        xo_circuit_free(c);
    }
    return status;
}

int cli_ask_ngspice(struct cli_session *s, size_t inputs, double *column_amp, double *sec)
{
    struct xo_info info = {""};
    int code = cli_circuit(s);
    if (code)
        return code;
    const struct xo_ngspice_options options = cli_ngspice(s, (double)inputs);
    int status = s->gate.value ? ask_gated(s, inputs, &options, column_amp, sec, &info)
                               : xo_ngspice_solve(s->circuit, s->cell_siemens.value, inputs, s->row_volt.value,
                                                  &options, column_amp, sec, &info);
    return cli_judged(s, status, &info);
}

static int write_report(const struct cli_session *s)
{
    if (!s->common.json)
        return CLI_DONE;
    json_t *report = cli_json_head(s);
    int failed = cli_json_put(report, "inputs", json_integer((json_int_t)s->inputs));
    failed |= cli_json_put(report, "judged", json_true());
    failed |= cli_json_put(report, "worst_bound_rel", json_null());
    if (failed) {
        json_decref(report);
        report = NULL;
    }
    return cli_write_json(s->common.json, report);
}

int cli_solve_ngspice(struct cli_session *s, const char *currents)
{
    int code = cli_read_inputs(s);
    double sec;
    double *amp = code ? NULL : cli_numbers(s->inputs * s->columns);
    if (!code)
        code = amp ? cli_ask_ngspice(s, s->inputs, amp, &sec) : cli_no_memory();
    if (!code)
        code = write_report(s);
    if (!code)
        code = cli_write_columns(currents, s, amp, 2, (size_t[]){s->inputs, s->columns},
                                 "column_amp[A], one line per input; by ngspice, without a bound");
    if (!code && !s->common.quiet)
        fprintf(stderr, "%zu x %zu array, %zu input%s; engine ngspice: %s\n", s->rows, s->columns, s->inputs,
                cli_plural(s->inputs), cli_engine_reason(s));
    if (!code)
        cli_warn(s);
    free(amp);
    return code ? code : cli_write_timing(s);
}
