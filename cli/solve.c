/* crossohm solve: read voltages in, column currents out, each with a bound that holds.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "cli.h"

struct job {
    struct cli_session session;
    struct cli_scheme scheme;
    size_t gradient_column;
    bool wants_gradient;
    const char *currents, *node_voltage, *branch_current, *power, *bound, *gradient_output;
    struct xo_solution solution;
    struct xo_branch_values gradient;
};

/* ---- computing ------------------------------------------------------------------------------------ */

static int compute_gradient(struct job *job)
{
    struct cli_session *s = &job->session;
    struct xo_info info = {""};
    if (!job->wants_gradient)
        return CLI_DONE;
    int code = cli_branches_new(&job->gradient, s, s->inputs);
    if (code)
        return code;
    int status = xo_gradient(s->factor, s->inputs, s->row_volt.value, job->gradient_column, &job->gradient, &info);
    cli_lap(s, "gradient");
    return status ? cli_fail_solving(s, status, &info, s->hardware_path) : CLI_DONE;
}

static int compute(struct job *job)
{
    struct cli_session *s = &job->session;
    int with = (job->node_voltage ? CLI_WITH_NODES : 0) | (job->branch_current ? CLI_WITH_BRANCHES : 0);
    int code = cli_read_inputs(s);
    if (!code && job->wants_gradient && job->gradient_column >= s->columns)
        code = cli_fail(CLI_BAD_INPUT, "--gradient: column %zu; expected 0 to %zu", job->gradient_column,
                        s->columns - 1);
    if (!code)
        code = cli_program(s, job->scheme.engine.ours, s->cell_siemens.value);
    if (!code)
        code = cli_solution_new(&job->solution, s, s->inputs, with);
    if (!code)
        code = cli_run(s, s->inputs, s->row_volt.value, &job->solution);
    return code ? code : compute_gradient(job);
}

/* ---- writing -------------------------------------------------------------------------------------- */

static int write_power(const struct job *job)
{
    const struct cli_session *s = &job->session;
    const struct xo_solution *x = &job->solution;
    struct xo_info info = {""};
    const struct xo_named_array arrays[] = {
        {"sources", {1, {s->inputs}, x->source_watt}},
        {"cells", {1, {s->inputs}, x->cell_watt}},
        {"word_lines", {2, {s->inputs, s->rows}, x->word_line_watt}},
        {"bit_lines", {2, {s->inputs, s->columns}, x->bit_line_watt}},
        {"bridges", {1, {s->inputs}, x->bridge_watt}},
    };
    if (!job->power)
        return CLI_DONE;
    int status = xo_npz_write(job->power, sizeof arrays / sizeof *arrays, arrays, &info);
    return status ? cli_fail_writing(status, &info, job->power) : CLI_DONE;
}

static int write_report(const struct job *job)
{
    const struct cli_session *s = &job->session;
    if (!s->common.json)
        return CLI_DONE;
    json_t *report = cli_json_head(s);
    if (cli_json_proof(report, s, &job->solution)) {
        json_decref(report);
        report = NULL;
    }
    return cli_write_json(s->common.json, report);
}

static int write_currents(const struct job *job)
{
    const struct cli_session *s = &job->session;
    char header[160];
    snprintf(header, sizeof header, "column_amp[A], one line per input; worst bound %.2g A, %.2g of its scale",
             cli_largest(job->solution.bound_amp, s->inputs * s->columns), job->solution.worst_bound_rel);
    return cli_write_columns(job->currents, s, job->solution.column_amp, 2, (size_t[]){s->inputs, s->columns},
                             header);
}

/* Standard output comes last: what appears there is complete. */
static int write_all(struct job *job)
{
    struct cli_session *s = &job->session;
    const size_t nodes[] = {s->inputs, 2, s->rows, s->columns}, currents[] = {s->inputs, s->columns};
    int code = cli_write_array(job->node_voltage, job->solution.node_volt, 4, nodes, "node_volt[V]");
    if (!code)
        code = cli_write_array(job->bound, job->solution.bound_amp, 2, currents, "bound_amp[A]");
    if (!code)
        code = cli_write_branches(job->branch_current, s, s->inputs, &job->solution.branch_amp);
    if (!code)
        code = write_power(job);
    if (!code)
        code = cli_write_branches(job->gradient_output, s, s->inputs, &job->gradient);
    if (!code)
        code = write_report(job);
    if (!code)
        code = write_currents(job);
    return code ? code : cli_write_timing(s);
}

static void summarise(const struct job *job)
{
    const struct cli_session *s = &job->session;
    const struct xo_solution *x = &job->solution;
    double lost = cli_current_lost(s, x->column_amp, NULL);
    fprintf(stderr, "%zu x %zu array, %zu input%s; engine %s: %s\n", s->rows, s->columns, s->inputs,
            cli_plural(s->inputs), cli_engine(s), cli_engine_reason(s));
    fprintf(stderr, "no current is further than %.2g A (%.2g of its scale) from the exact one%s\n",
            cli_largest(x->bound_amp, s->inputs * s->columns), x->worst_bound_rel,
            s->hardware.array.law.subcircuit ? ", of cells as their tables have them" : "");
    if (s->hardware.array.law.subcircuit)
        fprintf(stderr, "tables in place of the subcircuit move no current by more than %.2g A (%.2g of the largest)"
                ", if they miss it nowhere by more than was measured\n", cli_tables_move(s, x),
                cli_tables_move(s, x) / cli_largest(x->column_amp, s->inputs * s->columns));
    fprintf(stderr, "Kirchhoff's law holds at every node to %.2g A, power in = power dissipated to %.2g\n",
            x->worst_kcl_amp, x->worst_power_rel);
    if (isfinite(lost))
        fprintf(stderr, "%.3g %% of the ideal current%s is lost\n", 100 * lost,
                xo_is_nonlinear(&s->hardware.array) || cli_is_gated(s) ? ", that of the cells without wires,"
                                                                       : " G^T V");
}

/* ---- the verb ------------------------------------------------------------------------------------- */

#define COUNT(list) (sizeof (list) / sizeof *(list))

static int refuse(const struct cli_option *options, size_t count, const char *const *names, const char *why)
{
    for (size_t k = 0; k < count; k++)
        if (cli_given(options, names[k]))
            return cli_fail(CLI_USAGE, "--%s: %s", names[k], why);
    return CLI_DONE;
}

static int check_deck(const struct job *job, const struct cli_option *options)
{
    const struct cli_engine *engine = &job->scheme.engine;
    for (size_t k = 0; options[k].kind != CLI_END; k++) {
        const char *name = options[k].name;
        if (options[k].given && strcmp(name, "currents") && strcmp(name, "engine") && strcmp(name, "time-limit"))
            return cli_fail(CLI_USAGE, "--%s: not with a deck; expected -o, --json, --engine klu or ngspice", name);
    }
    return engine->ours == XO_ENGINE_AUTO || engine->ours == XO_ENGINE_KLU
           ? CLI_DONE : cli_fail(CLI_USAGE, "--engine: %s; decks are solved by klu or ngspice",
                                 xo_engine_name(engine->ours));
}

static int check_scheme(const struct cli_option *options)
{
    static const char *const of_inputs[] = {"volts", "gate", "currents", "node-voltage", "branch-current", "power",
                                            "bound", "gradient", "gradient-output"};
    int code = refuse(options, COUNT(of_inputs), of_inputs,
                      "not with --scheme; expected --cell, --read-volt, --pattern, --json");
    if (code)
        return code;
    if (!cli_given(options, "cell"))
        return cli_missing("--cell", "the row and column to read, such as 3,5");
    return cli_given(options, "read-volt") ? CLI_DONE : cli_missing("--read-volt", "volts, such as 0.2");
}

static int check_inputs(const struct job *job, const struct cli_option *options)
{
    static const char *const of_schemes[] = {"cell", "read-volt", "pattern"};
    static const char *const of_proofs[] = {"bound", "node-voltage", "branch-current", "power", "gradient",
                                            "gradient-output"};
    int code = refuse(options, COUNT(of_schemes), of_schemes, "only with --scheme; expected half, third or floating");
    if (!code && job->scheme.engine.ngspice)
        code = refuse(options, COUNT(of_proofs), of_proofs,
                      "not with --engine ngspice, which proves nothing; expected -o, --json");
    if (code)
        return code;
    if (!job->session.siemens_path)
        return cli_missing("-g", "the cell conductances [S], a .npy or .csv of (rows, columns)");
    code = cli_check_inputs_given(&job->session);
    if (code)
        return code;
    if (cli_is_stdout(job->session.common.json) && cli_is_stdout(job->currents))
        return cli_missing("-o", "a file for the currents, since --json takes standard output");
    if (cli_given(options, "gradient") != cli_given(options, "gradient-output"))
        return cli_fail(CLI_USAGE, "--gradient and --gradient-output: one without the other; expected both");
    return CLI_DONE;
}

static int check_usage(const struct job *job, const struct cli_option *options)
{
    int code = cli_check_judge(&job->scheme.engine, options);
    if (code)
        return code;
    if (cli_is_deck(job->session.hardware_path))
        return check_deck(job, options);
    return job->scheme.name ? check_scheme(options) : check_inputs(job, options);
}

static int run(struct job *job)
{
    cli_session_begin(&job->session);
    if (cli_is_deck(job->session.hardware_path))
        return cli_solve_deck(&job->session, job->currents);
    job->session.has_engine_option = true;
    if (job->scheme.name)
        return cli_scheme_read(&job->session, &job->scheme);
    if (job->session.by_ngspice)
        return cli_solve_ngspice(&job->session, job->currents);
    int code = compute(job);
    if (!code)
        code = write_all(job);
    if (!code && !job->session.common.quiet)
        summarise(job);
    if (!code)
        cli_warn(&job->session);
    return code;
}

int cli_solve(int argc, char **argv)
{
    struct job job = {0};
    struct cli_session *s = &job.session;
    struct cli_option options[] = {
        {CLI_INPUT, 'g', "siemens", &s->siemens_path, "G.npy", "cell conductances [S], (rows, columns)", false},
        {CLI_INPUT, 'v', "volts", &s->volt_path, "V.npy", "read voltages [V], (inputs, rows)", false},
        {CLI_INPUT, 0, "gate", &s->gate_path, "X.npy", "1T1R: gates, (inputs, rows), 0 off to 1 on", false},
        {CLI_ARRAY, 'o', "currents", &job.currents, "I.npy", "column currents [A]; default: CSV to stdout", false},
        {CLI_ENGINE, 0, "engine", &job.scheme.engine, "E",
         "auto, cholmod, klu, ladder, line, starmesh, ngspice", false},
        {CLI_NUMBER, 0, "time-limit", &s->limit_sec, "S", "seconds for ngspice; default 600", false},
        {CLI_ARRAY, 0, "bound", &job.bound, "B.npy", "how far each current may be from exact [A]", false},
        {CLI_ARRAY, 0, "node-voltage", &job.node_voltage, "U.npy", "(inputs, 2, rows, columns) [V]", false},
        {CLI_ARCHIVE, 0, "branch-current", &job.branch_current, "B.npz", "of cells, wires, ends, bridges [A]", false},
        {CLI_ARCHIVE, 0, "power", &job.power, "P.npz", "sources, cells, lines, bridges [W]", false},
        {CLI_COUNT, 0, "gradient", &job.gradient_column, "J", "dI_J / d(siemens) of every branch", false},
        {CLI_ARCHIVE, 0, "gradient-output", &job.gradient_output, "D.npz", "where the gradient goes", false},
        {CLI_TEXT, 0, "scheme", &job.scheme.name, "S", "read one cell: half, third or floating", false},
        {CLI_SITE, 0, "cell", &job.scheme.cell, "I,J", "which cell, from 0", false},
        {CLI_NUMBER, 0, "read-volt", &job.scheme.read_volt, "X", "at how many volts", false},
        {CLI_TEXT, 0, "pattern", &job.scheme.pattern, "P", "others: all-on, all-off, checkerboard, given", false},
        {.kind = CLI_END}
    };
    const struct cli_page page = {
        "solve", "crossohm solve hardware.yaml -g G.npy -v V.npy -o I.npy --bound B.npy",
        "hardware.yaml -g G.npy -v V.npy [options]\n"
        "       crossohm solve hardware.yaml [-g G.npy] --scheme S --cell I,J --read-volt X [--pattern P]\n"
        "       crossohm solve deck.cir [-o table.csv] [--json FILE]",
        options, 1
    };
    bool stop;
    int code = cli_parse(&page, &s->common, &s->hardware_path, argc, argv, &stop);
    if (stop)
        return code;
    job.wants_gradient = cli_given(options, "gradient");
    if (!job.currents)
        job.currents = "-";
    s->by_ngspice = job.scheme.engine.ngspice;
    code = check_usage(&job, options);
    if (!code)
        code = run(&job);
    cli_branches_free(&job.gradient);
    cli_solution_free(&job.solution);
    cli_session_free(s);
    return code;
}
