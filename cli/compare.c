/* crossohm compare: one array, several independent engines, ngspice, the fast model, and a report that a person
 * understands.
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
    size_t judge_inputs;
    double tolerance;
    double *driver_memory;
    struct report report;
};

/* ---- which engines -------------------------------------------------------------------------------- */

static int add_engine(struct report *r, const char *name, size_t length)
{
    char text[16];
    enum xo_engine engine;
    snprintf(text, sizeof text, "%.*s", (int)length, name);
    if (!strcmp(text, "ngspice")) {
        r->judge.asked = true;
        return CLI_DONE;
    }
    if (xo_engine_parse(&engine, text) || engine == XO_ENGINE_AUTO)
        return cli_fail(CLI_USAGE, "--against: found '%.*s'; expected some of ngspice,klu,starmesh,line,ladder",
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

/* ---- the fast model ------------------------------------------------------------------------------- */

static int fit_model(struct job *job)
{
    struct cli_session *s = &job->session;
    const struct xo_fit_options options = {.threads = (int)s->common.threads, .progress = cli_progress_show,
                                           .user = &s->progress};
    struct xo_info info = {""};
    cli_progress_stage(&s->progress, "fit", 0, NULL);
    int status = xo_fit_array(&job->report.model, &s->hardware, s->cell_siemens.value, s->inputs, s->row_volt.value,
                              &options, &info);
    cli_progress_clear(&s->progress);
    job->report.fit_sec = cli_lap(s, "fit");
    return status ? cli_fail_computing(status, &info, s->hardware_path) : CLI_DONE;
}

static int read_model(struct job *job)
{
    const struct cli_session *s = &job->session;
    struct report *r = &job->report;
    struct xo_info info = {""};
    int status = xo_fcm_read(&r->model, r->model_path, &info);
    if (status)
        return cli_fail_reading(status, &info, r->model_path);
    if (r->model.scope != XO_FCM_ARRAY)
        return cli_fail(CLI_BAD_INPUT, "%s: scope technology; expected the model of one array, as fit -g writes it",
                        r->model_path);
    if (!r->model.adc_lsb_ampere)
        return cli_fail(CLI_BAD_INPUT, "%s: no ADC range; expected one, as fit writes it", r->model_path);
    if (r->model.rows != s->rows || r->model.columns != s->columns)
        return cli_fail(CLI_BAD_INPUT, "%s: a %zu x %zu array; expected %zu x %zu as in %s", r->model_path,
                        r->model.rows, r->model.columns, s->rows, s->columns, s->siemens_path);
    r->model_of_other_cells = !r->model.cell_siemens ||
        memcmp(r->model.cell_siemens, s->cell_siemens.value, s->rows * s->columns * sizeof(double)) != 0;
    if (r->model_of_other_cells && !s->common.quiet)
        fprintf(stderr, "%s: fitted to other conductances than %s\n", r->model_path, s->siemens_path);
    return CLI_DONE;
}

/* Currents of the model; then again until a twentieth of a second is full, for its speed when warm. */
static int apply_model(struct job *job)
{
    struct cli_session *s = &job->session;
    struct report *r = &job->report;
    const struct xo_apply stage = {.threads = (int)s->common.threads};
    struct xo_info info = {""};
    r->model_amp = cli_numbers(s->inputs * s->columns);
    if (!r->model_amp)
        return cli_no_memory();
    int status = xo_fcm_apply(&r->model, &stage, s->inputs, s->row_volt.value, r->model_amp, &r->outside, &info);
    double begin = cli_now_sec(), spent = 0, runs = 0;
    while (!status && spent < 0.05) {
        status = xo_fcm_apply(&r->model, &stage, s->inputs, s->row_volt.value, r->model_amp, NULL, &info);
        spent = cli_now_sec() - begin;
        runs++;
    }
    r->apply_sec = spent / (runs * (double)s->inputs);
    cli_lap(s, "apply");
    return status ? cli_fail_computing(status, &info, r->model_path ? r->model_path : s->hardware_path) : CLI_DONE;
}

/* The DAC's output resistance is in series with every driver: from here on the circuit has it. */
static int find_model(struct job *job)
{
    struct cli_session *s = &job->session;
    int code = job->report.model_path ? read_model(job) : fit_model(job);
    if (!code)
        code = apply_model(job);
    if (!code && xo_driver_with_dac(xo_driver_of(&s->hardware.array), &job->driver_memory, &s->hardware))
        code = cli_no_memory();
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

/* The largest difference to the reference, in amperes and relative to the column's scale. */
static void measure(const struct job *job, size_t inputs, const double *amp, double *worst_amp, double *worst_rel)
{
    const struct xo_solution *reference = &job->report.reference;
    for (size_t k = 0; k < inputs * job->session.columns; k++) {
        double difference = fabs(amp[k] - reference->column_amp[k]);
        *worst_amp = fmax(*worst_amp, difference);
        if (difference > 0)
            *worst_rel = fmax(*worst_rel, difference / reference->scale_amp[k]);
    }
}

static int ask_ngspice(struct job *job)
{
    struct cli_session *s = &job->session;
    struct report_judge *judge = &job->report.judge;
    if (!judge->asked)
        return CLI_DONE;
    judge->inputs = job->judge_inputs && job->judge_inputs < s->inputs ? job->judge_inputs : s->inputs;
    judge->column_amp = cli_numbers(judge->inputs * s->columns);
    if (!judge->column_amp)
        return cli_no_memory();
    return cli_ask_ngspice(s, judge->inputs, judge->column_amp, &judge->sec);
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
        struct report_engine *e = &r->engine[k];
        if (!code)
            measure(job, job->session.inputs, other[k].column_amp, &e->disagreement_amp, &e->disagreement_rel);
        cli_solution_free(&other[k]);
    }
    if (!code)
        code = ask_ngspice(job);
    if (!code && r->judge.asked)
        measure(job, r->judge.inputs, r->judge.column_amp, &r->judge.disagreement_amp, &r->judge.disagreement_rel);
    return code;
}

/* ---- telling -------------------------------------------------------------------------------------- */

/* Beyond the tolerance everything is told and written all the same; only the exit code differs. */
static int verdict(const struct report *r)
{
    const char *name = NULL;
    double worst = r->tolerance;
    for (size_t k = 1; k < r->engines; k++)
        if (!(r->engine[k].disagreement_rel <= worst)) {
            worst = r->engine[k].disagreement_rel;
            name = xo_engine_name(r->engine[k].engine);
        }
    if (!(r->gated.disagreement_rel <= worst)) {
        worst = r->gated.disagreement_rel;
        name = "climbing the ladders";
    }
    if (!(r->judge.disagreement_rel <= worst)) {
        worst = r->judge.disagreement_rel;
        name = "ngspice";
    }
    if (!name)
        return CLI_DONE;
    return cli_fail(CLI_FAILED, "%s: differs from the reference by %.3g of scale; expected at most %.3g", name, worst,
                    r->tolerance);
}

static int tell(struct job *job)
{
    struct report *r = &job->report;
    int code = report_write_html(job->html, r);
    if (!code)
        code = report_write_json(r);
    if (!code)
        code = report_write_timing(r, &job->session);
    if (code)
        return code;
    if (!cli_is_stdout(job->session.common.json) && !cli_is_stdout(job->html))
        report_print(r, job->html);
    cli_warn(&job->session);
    cli_warn_dac(&r->model.dac, r->session->inputs * r->session->rows, r->session->row_volt.value);
    code = cli_finish_stdout();
    return code ? code : verdict(r);
}

/* ---- gated arrays --------------------------------------------------------------------------------- */

/* There is no matrix, so no budget: ladders, engines, ngspice, and what a matrix would be worth. */
static int compare_gated(struct job *job)
{
    struct report *r = &job->report;
    const struct cli_session *s = &job->session;
    if (r->model_path || r->times)
        return cli_fail(CLI_USAGE, "%s: inputs on gates, where no matrix is exact: no --fcm, --times; expected -o or "
                        "--json", s->hardware_path);
    if (xo_driver_with_dac(xo_driver_of(&job->session.hardware.array), &job->driver_memory, &s->hardware))
        return cli_no_memory();
    int code = solve_all(job);
    if (!code)
        code = report_find_gated(r, &job->session);
    if (!code)
        code = report_write_gated_html(job->html, r);
    if (!code)
        code = report_write_gated(r);
    if (!code && !cli_is_stdout(s->common.json) && !cli_is_stdout(job->html))
        report_print_gated(r, job->html);
    if (code)
        return code;
    cli_warn(s);
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
    if (cli_check_inputs_given(s))
        return CLI_USAGE;
    if (job->report.times && !job->html && !s->common.json)
        return cli_fail(CLI_USAGE, "--times: found neither -o nor --json; expected a report to put them into");
    job->report.session = s;
    job->report.without_wires = "G^T V";
    job->report.without_wires_html = "G<sup>T</sup>V";
    job->report.tolerance = job->tolerance;
    cli_session_begin(s);
    int code = add_engines(&job->report, job->against);
    if (!code)
        code = cli_read_inputs(s);
    for (size_t k = 1; !code && xo_is_ladder(&s->hardware.array) && k < job->report.engines; k++)
        if (job->report.engine[k].engine == XO_ENGINE_LADDER)
            job->report.engine[k].engine = XO_ENGINE_CHOLMOD;
    if (!code && xo_is_ladder(&s->hardware.array))
        job->report.engine[0].engine = XO_ENGINE_LADDER;
    if (!code && cli_is_gated(s))
        return compare_gated(job);
    if (!code && xo_is_nonlinear(&s->hardware.array)) {
        job->report.without_wires = "sum I(V)";
        job->report.without_wires_html = "&Sigma;<sub>i</sub>&thinsp;I(V<sub>i</sub>)";
    }
    if (!code)
        code = find_model(job);
    if (!code)
        code = solve_all(job);
    if (!code)
        code = report_find_figures(&job->report, s);
    return code ? code : tell(job);
}

int cli_compare(int argc, char **argv)
{
    struct job job = {.against = "klu,starmesh", .tolerance = 1e-9, .judge_inputs = 20};
    struct cli_session *s = &job.session;
    struct cli_option options[] = {
        {CLI_INPUT, 'g', "siemens", &s->siemens_path, "G.npy", "cell conductances [S], (rows, columns)", false},
        {CLI_INPUT, 'v', "volts", &s->volt_path, "V.npy", "read voltages [V], (inputs, rows)", false},
        {CLI_INPUT, 0, "gate", &s->gate_path, "X.npy", "1T1R: gates, (inputs, rows), 0 off to 1 on", false},
        {CLI_INPUT, 0, "fcm", &job.report.model_path, "array.fcm", "the fast model; default: fitted here", false},
        {CLI_TEXT, 0, "against", &job.against, "E,E", "some of ngspice,klu,starmesh,line; klu,starmesh", false},
        {CLI_COUNT, 0, "judge-inputs", &job.judge_inputs, "N", "ngspice takes the first N inputs; 20, 0: all", false},
        {CLI_NUMBER, 0, "tolerance", &job.tolerance, "T", "exit 1 beyond this, relative to scale; 1e-9", false},
        {CLI_FLAG, 0, "times", &job.report.times, NULL, "also in the report, which then differs every run", false},
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
    report_free(&job.report);
    free(job.driver_memory);
    cli_session_free(s);
    return code;
}
