/* crossohm netlist: one input of an array as a SPICE deck.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdio.h>
#include "cli.h"
#include "xo_netlist.h"

struct job {
    struct cli_session session;
    const char *deck, *dialect_name;
    enum xo_dialect dialect;
    size_t input;
};

static int check_usage(struct job *job)
{
    const struct cli_session *s = &job->session;
    if (!s->siemens_path)
        return cli_missing("-g", "the cell conductances [S], a .npy or .csv of (rows, columns)");
    if (cli_check_inputs_given(s))
        return CLI_USAGE;
    if (xo_dialect_parse(&job->dialect, job->dialect_name))
        return cli_fail(CLI_USAGE, "--dialect: found '%s'; expected ngspice, hspice, ltspice, spectre or xyce",
                        job->dialect_name);
    if (cli_is_stdout(s->common.json))
        return cli_fail(CLI_USAGE, "--json: a deck has no figures; expected crossohm solve");
    return CLI_DONE;
}

static int write_deck(struct job *job)
{
    struct cli_session *s = &job->session;
    struct xo_info info = {""};
    char title[300];
    s->hardware.array.gate = s->gate.value ? s->gate.value + job->input * s->rows : NULL;
    int status = xo_circuit_new(&s->circuit, &s->hardware.array, &info);
    if (status)
        return cli_fail_computing(status, &info, s->hardware_path);
    snprintf(title, sizeof title, "crossohm %s: %.200s, input %zu", PACKAGE_VERSION, s->hardware_path, job->input);
    status = xo_netlist_write(job->deck, s->circuit, s->cell_siemens.value, s->row_volt.value + job->input * s->rows,
                              job->dialect, title, &info);
    cli_lap(s, "write");
    if (status > 0)
        return cli_fail_writing(status, &info, job->deck);
    return status ? cli_fail_computing(status, &info, s->siemens_path) : CLI_DONE;
}

static int run(struct job *job)
{
    struct cli_session *s = &job->session;
    cli_session_begin(s);
    int code = cli_read_inputs(s);
    if (!code && job->input >= s->inputs)
        code = cli_fail(CLI_BAD_INPUT, "--input: %zu; expected 0 to %zu, as many as %s holds", job->input,
                        s->inputs - 1, s->volt_path);
    if (!code)
        code = write_deck(job);
    if (!code && !s->common.quiet)
        fprintf(stderr, "%zu x %zu array, input %zu as a deck for %s\n", s->rows, s->columns, job->input,
                job->dialect_name);
    return code ? code : cli_write_timing(s);
}

int cli_netlist(int argc, char **argv)
{
    struct job job = {.deck = "-", .dialect_name = "ngspice"};
    struct cli_session *s = &job.session;
    struct cli_option options[] = {
        {CLI_INPUT, 'g', "siemens", &s->siemens_path, "G.npy", "cell conductances [S], (rows, columns)", false},
        {CLI_INPUT, 'v', "volts", &s->volt_path, "V.npy", "read voltages [V], (inputs, rows)", false},
        {CLI_INPUT, 0, "gate", &s->gate_path, "X.npy", "1T1R: gates, (inputs, rows), 0 off to 1 on", false},
        {CLI_OUTPUT, 'o', "deck", &job.deck, "deck.cir", "the deck; default: standard output", false},
        {CLI_TEXT, 0, "dialect", &job.dialect_name, "D", "ngspice, hspice, ltspice, spectre or xyce", false},
        {CLI_COUNT, 0, "input", &job.input, "K", "which input, from 0; default 0", false},
        {.kind = CLI_END}
    };
    const struct cli_page page = {
        "netlist", "crossohm netlist hardware.yaml -g G.npy -v V.npy -o deck.cir",
        "hardware.yaml -g G.npy -v V.npy [options]", options, 1
    };
    bool stop;
    int code = cli_parse(&page, &s->common, &s->hardware_path, argc, argv, &stop);
    if (stop)
        return code;
    code = check_usage(&job);
    if (!code)
        code = run(&job);
    cli_session_free(s);
    return code;
}
