/* crossohm compare: one array, several independent engines, and a report a person understands.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "report.h"

struct job {
    struct cli_session session;
    const char *against, *html;
    double tolerance;
    struct report report;
};

/* ---- which engines -------------------------------------------------------------------------------- */

static int add_engine(struct report *r, const char *name, size_t length)
{
    char text[16];
    enum xo_engine engine;
    snprintf(text, sizeof text, "%.*s", (int)length, name);
    if (!strcmp(text, "ngspice") || !strcmp(text, "line"))
        return cli_fail(CLI_USAGE, "--against: %s comes with a later version; expected klu, starmesh", text);
    if (xo_engine_parse(&engine, text) || engine == XO_ENGINE_AUTO)
        return cli_fail(CLI_USAGE, "--against: found '%.*s'; expected klu, starmesh or both with a comma",
                        (int)length, name);
    for (size_t k = 0; k < r->engines; k++)
        if (r->engine[k].engine == engine)
            return CLI_DONE;                            /* naming the reference, or one twice, adds nothing */
    if (r->engines < REPORT_MAX_ENGINES)
        r->engine[r->engines++].engine = engine;
    return CLI_DONE;
}

static int add_engines(struct report *r, const char *list)
{
    int code = CLI_DONE;
    r->engine[r->engines++].engine = XO_ENGINE_CHOLMOD;
    while (!code) {
        size_t length = strcspn(list, ",");
        code = add_engine(r, list, length);
        if (!list[length])
            break;
        list += length + 1;
    }
    return code;
}

/* ---- solving -------------------------------------------------------------------------------------- */

/* Times of each engine under its own name. */
static int solve_with(struct job *job, struct report_engine *e, struct xo_solution *x)
{
    struct cli_session *s = &job->session;
    json_t *all = s->seconds;
    s->seconds = json_object();
    int code = cli_program(s, e->engine, s->cell_siemens.value);
    if (!code)
        code = cli_solution_new(x, s, s->inputs, 0);
    if (!code)
        code = cli_run(s, s->inputs, s->row_volt.value, x);
    e->worst_bound_rel = x->worst_bound_rel;
    e->plan_sec = json_real_value(json_object_get(s->seconds, "plan"));
    e->factor_sec = json_real_value(json_object_get(s->seconds, "factor"));
    e->solve_sec = json_real_value(json_object_get(s->seconds, "solve"));
    json_object_set_new(all, xo_engine_name(e->engine), s->seconds);
    s->seconds = all;
    return code;
}

static void measure(const struct job *job, struct report_engine *e, const struct xo_solution *x)
{
    const struct xo_solution *reference = &job->report.reference;
    for (size_t k = 0; k < job->session.inputs * job->session.columns; k++) {
        double difference = fabs(x->column_amp[k] - reference->column_amp[k]);
        e->disagreement_amp = fmax(e->disagreement_amp, difference);
        if (difference > 0)
            e->disagreement_rel = fmax(e->disagreement_rel, difference / reference->scale_amp[k]);
    }
}

/* The other engines first, the reference last: its factor then serves the pictures. */
static int solve_all(struct job *job)
{
    struct report *r = &job->report;
    struct xo_solution other[REPORT_MAX_ENGINES] = {{0}};
    int code = CLI_DONE;
    for (size_t k = 1; k < r->engines && !code; k++)
        code = solve_with(job, &r->engine[k], &other[k]);
    if (!code)
        code = solve_with(job, &r->engine[0], &r->reference);
    for (size_t k = 1; k < r->engines; k++) {
        if (!code)
            measure(job, &r->engine[k], &other[k]);
        cli_solution_free(&other[k]);
    }
    return code;
}

/* ---- figures -------------------------------------------------------------------------------------- */

static void span(const struct xo_ndarray *a, double *lowest, double *highest)
{
    *lowest = *highest = a->value[0];
    for (size_t k = 1; k < xo_ndarray_count(a); k++) {
        *lowest = fmin(*lowest, a->value[k]);
        *highest = fmax(*highest, a->value[k]);
    }
}

static size_t input_of_largest_current(const struct job *job)
{
    size_t best = 0, columns = job->session.columns;
    double largest = -1;
    for (size_t n = 0; n < job->session.inputs; n++) {
        double total = 0;
        for (size_t j = 0; j < columns; j++)
            total += fabs(job->report.reference.column_amp[n * columns + j]);
        if (total > largest) {
            largest = total;
            best = n;
        }
    }
    return best;
}

static int find_column_losses(struct job *job)
{
    const struct cli_session *s = &job->session;
    struct report *r = &job->report;
    r->column_lost = cli_numbers(s->columns);
    if (!r->column_lost)
        return cli_no_memory();
    r->lost = cli_current_lost(s, r->reference.column_amp, r->column_lost);
    for (size_t j = 1; j < s->columns; j++) {
        double worst = r->column_lost[r->worst_column];
        if (isnan(worst) || r->column_lost[j] > worst)
            r->worst_column = j;
    }
    return CLI_DONE;
}

/* 1 - (u - w)/V_i of the shown input. */
static int find_cell_losses(struct job *job)
{
    struct cli_session *s = &job->session;
    struct report *r = &job->report;
    size_t cells = s->rows * s->columns;
    const struct xo_line *line = s->hardware.array.word_line;
    const double *volt = s->row_volt.value + r->shown_input * s->rows;
    struct xo_solution x = {0};
    r->cell_lost = cli_numbers(cells);
    int code = r->cell_lost ? cli_solution_new(&x, s, 1, CLI_WITH_NODES) : cli_no_memory();
    if (!code)
        code = cli_run(s, 1, volt, &x);
    for (size_t k = 0; k < cells && !code; k++) {
        size_t i = k / s->columns;
        bool driven = (!line || line[i].state == XO_LINE_NORMAL) && volt[i] != 0;
        r->cell_lost[k] = driven ? 1 - (x.node_volt[k] - x.node_volt[cells + k]) / volt[i] : NAN;
    }
    cli_solution_free(&x);
    return code;
}

static int find_figures(struct job *job)
{
    struct report *r = &job->report;
    const struct cli_session *s = &job->session;
    span(&s->cell_siemens, &r->lowest_siemens, &r->highest_siemens);
    span(&s->row_volt, &r->lowest_volt, &r->highest_volt);
    r->largest_bound_amp = cli_largest(r->reference.bound_amp, s->inputs * s->columns);
    r->shown_input = input_of_largest_current(job);
    int code = find_column_losses(job);
    return code ? code : find_cell_losses(job);
}

/* ---- telling -------------------------------------------------------------------------------------- */

static void print_setting(const struct report *r)
{
    static const char *const drive[] = {"left", "right", "both sides"};
    static const char *const sense[] = {"bottom", "top", "both ends"};
    const struct cli_session *s = r->session;
    const struct xo_crossbar *x = &s->hardware.array;
    char a[64], b[64];
    printf("Array      %zu row%s x %zu column%s, cells %.4g to %.4g S\n", s->rows, cli_plural(s->rows), s->columns,
           cli_plural(s->columns), r->lowest_siemens, r->highest_siemens);
    printf("Wires      %s ohm per row segment, %s ohm per column segment\n",
           cli_values_text(a, sizeof a, x->row_wire_ohm, s->rows * (s->columns - 1)),
           cli_values_text(b, sizeof b, x->column_wire_ohm, (s->rows - 1) * s->columns));
    printf("Ends       driver %s ohm (%s), sense %s ohm (%s)\n",
           cli_values_text(a, sizeof a, x->driver_ohm, s->rows), drive[x->drive_side],
           cli_values_text(b, sizeof b, x->sense_ohm, s->columns), sense[x->sense_side]);
    printf("Inputs     %zu, %.4g to %.4g V\n", s->inputs, r->lowest_volt, r->highest_volt);
}

static void print_findings(const struct report *r)
{
    const struct cli_session *s = r->session;
    const struct xo_solution *x = &r->reference;
    printf("Proof      worst certified bound %.2g A, %.2g of the column's scale\n", r->largest_bound_amp,
           x->worst_bound_rel);
    printf("           Kirchhoff's law to %.2g A at every node, power balance to %.2g\n", x->worst_kcl_amp,
           x->worst_power_rel);
    if (isfinite(r->lost))
        printf("Lost       %.3g %% of the ideal current G^T V; worst column %zu: %.3g %%\n", 100 * r->lost,
               r->worst_column, 100 * r->column_lost[r->worst_column]);
    else
        printf("Lost       not stated: %s\n", cli_no_loss_reason(s));
    printf("Power      %.3g W, mean over inputs; %.3g W the largest\n\n",
           cli_sum(x->source_watt, s->inputs) / (double)s->inputs, cli_largest(x->source_watt, s->inputs));
}

static void print_engines(const struct report *r)
{
    printf("%-10s %-28s %s\n", "Engine", "differs from the reference", "its own worst bound");
    for (size_t k = 0; k < r->engines; k++) {
        const struct report_engine *e = &r->engine[k];
        char difference[64] = "is the reference";
        if (k)
            snprintf(difference, sizeof difference, "%.2g A, %.2g of scale", e->disagreement_amp,
                     e->disagreement_rel);
        printf("%-10s %-28s %.2g\n", xo_engine_name(e->engine), difference, e->worst_bound_rel);
    }
    printf("\n%-10s %10s %10s %10s   for %zu input%s\n", "Times [s]", "plan", "factor", "solve", r->session->inputs,
           r->session->inputs == 1 ? "" : "s");
    for (size_t k = 0; k < r->engines; k++)
        printf("%-10s %10.4f %10.4f %10.4f\n", xo_engine_name(r->engine[k].engine), r->engine[k].plan_sec,
               r->engine[k].factor_sec, r->engine[k].solve_sec);
}

static json_t *engines_json(const struct report *r)
{
    json_t *list = json_array();
    for (size_t k = 0; k < r->engines; k++)
        json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o}", "engine", xo_engine_name(r->engine[k].engine),
                                              "difference_amp", cli_json_number(r->engine[k].disagreement_amp),
                                              "difference_rel", cli_json_number(r->engine[k].disagreement_rel),
                                              "worst_bound_rel", cli_json_number(r->engine[k].worst_bound_rel)));
    return list;
}

static int write_json(const struct job *job)
{
    const struct report *r = &job->report;
    const struct cli_session *s = &job->session;
    if (!s->common.json)
        return CLI_DONE;
    json_t *report = cli_json_head(s), *column_lost = json_array();
    for (size_t j = 0; j < s->columns; j++)
        json_array_append_new(column_lost, cli_json_number(r->column_lost[j]));
    int failed = cli_json_proof(report, s, &r->reference);
    failed |= cli_json_put(report, "tolerance", cli_json_number(r->tolerance));
    failed |= cli_json_put(report, "engines", engines_json(r));
    failed |= cli_json_put(report, "siemens_range", json_pack("[f, f]", r->lowest_siemens, r->highest_siemens));
    failed |= cli_json_put(report, "volt_range", json_pack("[f, f]", r->lowest_volt, r->highest_volt));
    failed |= cli_json_put(report, "column_current_lost", column_lost);
    if (failed) {
        json_decref(report);
        report = NULL;
    }
    return cli_write_json(s->common.json, report);
}

/* Beyond the tolerance everything is told and written all the same; only the exit code differs. */
static int verdict(const struct report *r)
{
    for (size_t k = 1; k < r->engines; k++)
        if (!(r->engine[k].disagreement_rel <= r->tolerance))
            return cli_fail(CLI_FAILED, "%s: differs from the reference by %.3g of scale; expected at most %.3g",
                            xo_engine_name(r->engine[k].engine), r->engine[k].disagreement_rel, r->tolerance);
    return CLI_DONE;
}

static int tell(struct job *job)
{
    struct report *r = &job->report;
    int code = report_write_html(job->html, r);
    if (!code)
        code = write_json(job);
    if (!code)
        code = cli_write_timing(&job->session);
    if (code)
        return code;
    if (!cli_is_stdout(job->session.common.json)) {
        print_setting(r);
        print_findings(r);
        print_engines(r);
    }
    cli_warn(&job->session);
    code = cli_finish_stdout();
    return code ? code : verdict(r);
}

/* ---- the verb ------------------------------------------------------------------------------------- */

static int run(struct job *job)
{
    struct cli_session *s = &job->session;
    if (!(job->tolerance > 0))
        return cli_fail(CLI_USAGE, "--tolerance: found %g; expected more than 0", job->tolerance);
    if (!s->siemens_path)
        return cli_missing("-g", "the cell conductances [S], a .npy or .csv of (rows, columns)");
    if (!s->volt_path)
        return cli_missing("-v", "the read voltages [V], a .npy or .csv of (inputs, rows)");
    job->report.session = s;
    job->report.tolerance = job->tolerance;
    cli_session_begin(s);
    int code = add_engines(&job->report, job->against);
    if (!code)
        code = cli_read_inputs(s);
    if (!code)
        code = solve_all(job);
    if (!code)
        code = find_figures(job);
    return code ? code : tell(job);
}

int cli_compare(int argc, char **argv)
{
    struct job job = {.against = "klu,starmesh", .tolerance = 1e-9};
    struct cli_session *s = &job.session;
    struct cli_option options[] = {
        {CLI_INPUT, 'g', "siemens", &s->siemens_path, "G.npy", "cell conductances [S], (rows, columns)", false},
        {CLI_INPUT, 'v', "volts", &s->volt_path, "V.npy", "read voltages [V], (inputs, rows)", false},
        {CLI_TEXT, 0, "against", &job.against, "E,E", "engines beside the reference cholmod: klu,starmesh", false},
        {CLI_NUMBER, 0, "tolerance", &job.tolerance, "T", "exit 1 beyond this, relative to scale; 1e-9", false},
        {CLI_OUTPUT, 'o', "report", &job.html, "report.html", "one page with figures and pictures", false},
        {.kind = CLI_END}
    };
    const struct cli_page page = {
        "compare", "crossohm compare hardware.yaml -g G.npy -v V.npy -o report.html --json report.json",
        "hardware.yaml -g G.npy -v V.npy [options]", options, 1
    };
    bool stop;
    int code = cli_parse(&page, &s->common, &s->hardware_path, argc, argv, &stop);
    if (stop)
        return code;
    code = run(&job);
    cli_solution_free(&job.report.reference);
    free(job.report.column_lost);
    free(job.report.cell_lost);
    cli_session_free(s);
    return code;
}
