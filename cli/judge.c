/* crossohm solve --engine ngspice: currents by the judge, who proves nothing but is somebody else.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"
#include "xo_ngspice.h"

/* A command that was not installed, or moved, has the helper beside it, or ../libexec/crossohm, as make install does. */
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

static int ask(struct cli_session *s, double limit_sec, double *column_amp)
{
    struct xo_info info = {""};
    const struct xo_ngspice_options options = {
        .limit_sec = limit_sec, .progress = cli_progress_show, .user = &s->progress
    };
    int status = xo_circuit_new(&s->circuit, &s->hardware.array, &info);
    if (status)
        return cli_fail_computing(status, &info, s->hardware_path);
    cli_progress_stage(&s->progress, "ngspice", (double)s->inputs, "inputs");
    status = xo_ngspice_solve(s->circuit, s->cell_siemens.value, s->inputs, s->row_volt.value, &options, column_amp,
                              NULL, &info);
    cli_progress_clear(&s->progress);
    cli_lap(s, "ngspice");
    return status ? cli_fail_computing(status, &info, s->hardware_path) : CLI_DONE;
}

static int write_report(const struct cli_session *s)
{
    if (!s->common.json)
        return CLI_DONE;
    return cli_write_json(s->common.json, json_pack(
        "{s:s, s:s, s:s, s:{s:I, s:I}, s:s, s:s, s:I, s:b, s:n}", "tool", "crossohm", "version", PACKAGE_VERSION,
        "command", s->common.command, "array", "rows", (json_int_t)s->rows, "columns", (json_int_t)s->columns,
        "engine", "ngspice", "engine_reason", "asked for", "inputs", (json_int_t)s->inputs, "judged", 1,
        "worst_bound_rel"));
}

int cli_solve_ngspice(struct cli_session *s, const char *currents, double limit_sec)
{
    int code = cli_read_inputs(s);
    double *amp = code ? NULL : cli_numbers(s->inputs * s->columns);
    if (!code)
        code = amp ? ask(s, limit_sec, amp) : cli_no_memory();
    if (!code)
        code = write_report(s);
    if (!code)
        code = cli_write_array(currents, amp, 2, (size_t[]){s->inputs, s->columns},
                               "column_amp[A], one line per input; by ngspice, without a bound");
    if (!code && !s->common.quiet)
        fprintf(stderr, "%zu x %zu array, %zu input%s; engine ngspice: judged, not proven; there is no bound\n", s->rows,
                s->columns, s->inputs, s->inputs == 1 ? "" : "s");
    free(amp);
    return code ? code : cli_write_timing(s);
}
