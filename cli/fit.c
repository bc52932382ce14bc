/* crossohm fit: exact results -> a fast model and its file.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdio.h>
#include <stdlib.h>
#include "cli.h"
#include "xo_calibrate.h"

struct job {
    struct cli_session session;
    struct cli_engine engine;
    const char *model;
    size_t inputs, arrays, training;
    double tolerance;
    bool tolerance_given;
    struct xo_fcm fcm;
};

/* The largest error of a linear stage that is exact; of one that is fitted, the rms by which it was chosen. */
static bool is_fitted(const struct job *job)
{
    return xo_is_nonlinear(&job->session.hardware.array);
}

static double tolerance_of(const struct job *job)
{
    return job->tolerance_given ? job->tolerance : is_fitted(job) ? XO_FIT_TOLERANCE : 1e-9;
}

static int fit(struct job *job)
{
    struct cli_session *s = &job->session;
    const struct xo_fit_source source[] = {
        {"hardware", s->hardware_path}, {"siemens", s->siemens_path}, {"volts", s->volt_path}
    };
    const struct xo_fit_options options = {
        .engine = job->engine.ours, .by_ngspice = job->engine.ngspice, .ngspice_limit_sec = s->limit_sec,
        .threads = (int)s->common.threads, .held_out_inputs = job->inputs,
        .training_inputs = job->training, .tolerance = tolerance_of(job), .held_out_arrays = job->arrays,
        .command = s->common.command, .source = source,
        .sources = s->volt_path ? 3 : s->siemens_path ? 2 : 1, .progress = cli_progress_show, .user = &s->progress
    };
    struct xo_info info = {""};
    cli_progress_stage(&s->progress, "fit", 0, NULL);
    int status = s->siemens_path ? xo_fit_array(&job->fcm, &s->hardware, s->cell_siemens.value, s->inputs,
                                                s->row_volt.value, &options, &info)
                                 : xo_fit_technology(&job->fcm, &s->hardware, &options, &info);
    cli_progress_clear(&s->progress);
    cli_lap(s, "fit");
    return status ? cli_fail_computing(status, &info, s->hardware_path) : CLI_DONE;
}

static json_t *model_json(const struct xo_fcm *m)
{
    const struct xo_fcm_validity *v = &m->validity;
    return json_pack("{s:s, s:b, s:[f,f], s:[f,f], s:[f,f], s:I, s:I, s:f, s:f, s:[f,f], s:f}",
                     "scope", m->scope == XO_FCM_ARRAY ? "array" : "technology", "exact", m->exact,
                     "volt_range", v->low_volt, v->high_volt, "siemens_range", v->low_siemens, v->high_siemens,
                     "sparsity_range", v->low_sparsity, v->high_sparsity,
                     "held_out_inputs", (json_int_t)v->held_out_inputs,
                     "held_out_arrays", (json_int_t)v->held_out_arrays, "error_rms", v->error_rms,
                     "error_max", v->error_max, "error_interval95", v->error_interval95[0], v->error_interval95[1],
                     "full_scale_ampere", v->full_scale_ampere);
}

/* The way there, cheapest first; the one that was taken. */
static json_t *candidates_json(const struct xo_fcm *m)
{
    json_t *list = json_array();
    for (size_t k = 0; k < m->candidates; k++)
        json_array_append_new(list, cli_candidate_json(m, k));
    return list;
}

static json_t *converters_json(const struct xo_fcm *m)
{
    static const char *const scope[] = {"none", "array", "column"}, *const source[] = {"measured", "oracle"};
    json_t *gain = json_array(), *low = json_array(), *lsb = json_array();
    for (size_t j = 0; j < m->columns; j++) {
        json_array_append_new(gain, json_real(m->gain_factor[j]));
        json_array_append_new(low, json_real(m->adc_low_ampere[j]));
        json_array_append_new(lsb, json_real(m->adc_lsb_ampere[j]));
    }
    return json_pack("{s:s, s:s, s:o, s:o, s:o}", "gain_scope", scope[m->gain.scope], "gain_source",
                     source[m->gain.source], "gain", gain, "adc_low_ampere", low, "adc_lsb_ampere", lsb);
}

static int write_report(const struct job *job)
{
    const struct cli_session *s = &job->session;
    if (!s->common.json)
        return CLI_DONE;
    json_t *report = json_pack("{s:s, s:s, s:s, s:{s:I, s:I}, s:o}", "tool", "crossohm", "version", PACKAGE_VERSION,
                               "command", s->common.command, "array", "rows", (json_int_t)s->rows, "columns",
                               (json_int_t)s->columns, "model", model_json(&job->fcm));
    if (report && job->fcm.candidates && cli_json_put(report, "candidates", candidates_json(&job->fcm))) {
        json_decref(report);
        report = NULL;
    }
    if (report && s->one_matrix.held_out_inputs)
        cli_json_put(report, "one_matrix", cli_json_one_matrix(s));
    if (report && job->fcm.scope == XO_FCM_ARRAY && cli_json_put(report, "converters", converters_json(&job->fcm))) {
        json_decref(report);
        report = NULL;
    }
    return cli_write_json(s->common.json, report);
}

static void summarise(const struct job *job)
{
    const struct xo_fcm *m = &job->fcm;
    const struct xo_fcm_validity *v = &m->validity;
    if (job->session.row_volt.value)
        cli_warn_dac(&m->dac, job->session.inputs * job->session.rows, job->session.row_volt.value);
    if (job->session.common.quiet)
        return;
    fprintf(stderr, "%zu x %zu %s%s\n", m->rows, m->columns,
            m->scope == XO_FCM_ARRAY ? "array" : "technology: arrays are programmed from the description",
            m->stage == XO_FCM_LADDER && xo_is_nonlinear(&job->session.hardware.array)
                ? "; inputs on gates: no matrix, the ladders themselves, nonlinear cells as curves"
            : m->stage == XO_FCM_LADDER ? "; inputs on gates: no matrix, the ladders themselves, exact"
            : m->exact ? "; ohmic cells, so the linear stage is the circuit itself"
            : m->candidates ? "; nonlinear cells, so the stage is fitted"
            : job->engine.ngspice ? "; the matrix is ngspice's, without a bound" : "");
    cli_print_candidates(stderr, m);
    fprintf(stderr, "held out: %zu inputs%s, error rms %.2g, largest %.2g of %.3g A\n", v->held_out_inputs,
            m->scope == XO_FCM_ARRAY ? "" : " on each of several random arrays", v->error_rms, v->error_max,
            v->full_scale_ampere);
    cli_print_one_matrix(stderr, "one matrix ", &job->session);
    fprintf(stderr, "range of the fit: %.4g to %.4g V, %.4g to %.4g S, %.3g to %.3g of an input's rows at 0 V\n",
            v->low_volt, v->high_volt, v->low_siemens, v->high_siemens, v->low_sparsity, v->high_sparsity);
    if (m->scope == XO_FCM_ARRAY)
        fprintf(stderr, "ADC: %d bits, LSB %.4g A in column 0; gain %.6g in column 0\n", m->adc.bits,
                m->adc_lsb_ampere[0], m->gain_factor[0]);
}

/* The model is written all the same; only the exit code differs. */
static int verdict(const struct job *job)
{
    bool fitted = is_fitted(job);
    double error = fitted ? job->fcm.validity.error_rms : job->fcm.validity.error_max;
    if (error <= tolerance_of(job))
        return CLI_DONE;
    return cli_fail(CLI_FAILED, "%s: held-out %serror %.3g of full scale%s; expected at most %.3g", job->model,
                    fitted ? "rms " : "", error, fitted ? ", the best of all stages tried" : "", tolerance_of(job));
}

/* An option that would change nothing is refused rather than ignored. */
static int check_options(const struct job *job, const struct cli_option *options)
{
    if (cli_given(options, "held-out") && !job->inputs)
        return cli_fail(CLI_USAGE, "--held-out: found 0; expected at least one input, or every error is unknown");
    if (cli_given(options, "arrays") && !job->arrays)
        return cli_fail(CLI_USAGE, "--arrays: found 0; expected at least one");
    if (cli_given(options, "arrays") && job->session.siemens_path)
        return cli_fail(CLI_USAGE, "--arrays: not with -g, which names the array; expected it for a technology");
    if (job->engine.ngspice && !job->session.siemens_path)
        return cli_fail(CLI_USAGE, "--engine: ngspice judges one array; expected it with -g");
    return cli_check_judge(&job->engine, options);
}

static int run(struct job *job)
{
    struct cli_session *s = &job->session;
    struct xo_info info = {""};
    if (!job->model)
        return cli_missing("-o", "the name of the model's file, such as array.fcm");
    if ((s->volt_path || s->gate_path) && !s->siemens_path)
        return cli_missing("-g", "the cell conductances [S] that belong to -v; without both the scope is technology");
    cli_session_begin(s);
    s->wants_volts = true;
    int code = cli_read_inputs(s);
    if (!code)
        code = fit(job);
    if (!code && s->siemens_path)
        code = cli_find_one_matrix(s, NULL);
    if (code)
        return code;
    int status = xo_fcm_write(job->model, &job->fcm, &info);
    if (status)
        return cli_fail_writing(status, &info, job->model);
    code = write_report(job);
    if (!code)
        code = cli_write_timing(s);
    if (code)
        return code;
    summarise(job);
    return verdict(job);
}

int cli_fit(int argc, char **argv)
{
    struct job job = {0};
    struct cli_session *s = &job.session;
    struct cli_option options[] = {
        {CLI_INPUT, 'g', "siemens", &s->siemens_path, "G.npy", "cells [S], (rows, columns); none: technology", false},
        {CLI_INPUT, 'v', "volts", &s->volt_path, "V.npy", "what the array will see [V]; none: any DAC code", false},
        {CLI_INPUT, 0, "gate", &s->gate_path, "X.npy", "1T1R: the same as gates, 0 off to 1 on", false},
        {CLI_OUTPUT, 'o', "model", &job.model, "out.fcm", "the fast model", false},
        {CLI_ENGINE, 0, "engine", &job.engine, "E", "cholmod (every entry certified), starmesh or ngspice", false},
        {CLI_NUMBER, 0, "time-limit", &s->limit_sec, "S", "seconds for ngspice; default 600", false},
        {CLI_COUNT, 0, "held-out", &job.inputs, "N", "inputs that test the fit, per array; 64", false},
        {CLI_COUNT, 0, "training", &job.training, "N", "nonlinear cells: inputs to fit to; 8 a row", false},
        {CLI_COUNT, 0, "arrays", &job.arrays, "N", "random arrays that test a technology; 8", false},
        {CLI_NUMBER, 0, "tolerance", &job.tolerance, "T",
         "held-out error allowed, see the manual; else exit 1", false},
        {.kind = CLI_END}
    };
    const struct cli_page page = {
        "fit", "crossohm fit hardware.yaml -g G.npy -v V.npy -o array.fcm",
        "hardware.yaml [-g G.npy [-v V.npy]] -o out.fcm [options]", options, 1
    };
    bool stop;
    int code = cli_parse(&page, &s->common, &s->hardware_path, argc, argv, &stop);
    if (stop)
        return code;
    job.tolerance_given = cli_given(options, "tolerance");
    code = check_options(&job, options);
    if (!code)
        code = run(&job);
    xo_fcm_free(&job.fcm);
    cli_session_free(s);
    return code;
}
