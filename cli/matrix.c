/* crossohm matrix: the exact conductance matrix of an array, I = V^T G_ni + i0.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "cli.h"

struct job {
    struct cli_session session;
    struct cli_engine engine;
    struct cli_matrix_files files;
    const char *precision;             /* of a batch */
    struct xo_matrix_result result;
};

/* By ngspice: no bounds. */
static int ask_ngspice(struct job *job)
{
    struct cli_session *s = &job->session;
    struct xo_matrix_result *m = &job->result;
    struct xo_info info = {""};
    const struct xo_ngspice_options options = cli_ngspice(s, (double)s->rows + 1);
    int status = xo_ngspice_matrix(s->circuit, s->cell_siemens.value, &options, m->g_ni_siemens, m->offset_amp, NULL,
                                   &info);
    m->worst_bound_rel = m->sampled_error_rel = NAN;
    return cli_judged(s, status, &info);
}

static int solve(struct job *job)
{
    struct cli_session *s = &job->session;
    struct xo_matrix_result *m = &job->result;
    struct xo_info info = {""};
    bool is_auto = job->engine.ours == XO_ENGINE_AUTO;
    s->has_engine_option = true;
    int code = cli_program(s, is_auto ? XO_ENGINE_STARMESH : job->engine.ours, s->cell_siemens.value);
    if (code)
        return code;
    if (is_auto)
        s->engine_reason = "elimination without subtraction keeps every entry to full relative accuracy";
    cli_progress_stage(&s->progress, "matrix", 0, NULL);
    int status = xo_matrix(s->factor, m, &info);
    cli_progress_clear(&s->progress);
    cli_lap(s, "matrix");
    return status ? cli_fail_solving(s, status, &info, s->hardware_path) : CLI_DONE;
}

/* No one matrix is exact; so say what the best of them would be worth. */
static int refuse_gates(struct cli_session *s)
{
    int code = cli_find_one_matrix(s, NULL);
    if (code)
        return code;
    const struct xo_one_matrix *m = &s->one_matrix;
    return cli_fail(CLI_BAD_INPUT, "%s: array.input: gate: conductances change with the input, so no one matrix is "
                    "exact: on %zu unseen inputs the best is off by up to %.3g %% of full scale (rms %.3g %%), one "
                    "measured row by row by up to %.3g %% (rms %.3g %%); expected drive, or crossohm fit, which "
                    "keeps the ladders",
                    s->hardware_path, m->held_out_inputs, 100 * m->best_max, 100 * m->best_rms, 100 * m->rows_max,
                    100 * m->rows_rms);
}

static int compute(struct job *job)
{
    struct cli_session *s = &job->session;
    struct xo_matrix_result *m = &job->result;
    if (s->hardware.array.input == XO_INPUT_GATE)
        return refuse_gates(s);
    int code = cli_circuit(s);         /* refuses an array too large before there are numbers for its cells */
    if (code)
        return code;
    m->g_ni_siemens = cli_numbers(s->rows * s->columns);
    m->bound_siemens = cli_numbers(s->rows * s->columns);
    m->offset_amp = cli_numbers(s->columns);
    m->offset_bound_amp = cli_numbers(s->columns);
    if (!m->g_ni_siemens || !m->bound_siemens || !m->offset_amp || !m->offset_bound_amp)
        return cli_no_memory();
    return s->by_ngspice ? ask_ngspice(job) : solve(job);
}

static int write_report(const struct job *job)
{
    const struct cli_session *s = &job->session;
    if (!s->common.json)
        return CLI_DONE;
    json_t *report = cli_json_head(s);
    int failed = cli_json_put(report, "worst_bound_rel", cli_json_number(job->result.worst_bound_rel));
    failed |= cli_json_put(report, "sampled_columns", json_integer((json_int_t)job->result.sampled_columns));
    failed |= cli_json_put(report, "sampled_error_rel", cli_json_number(job->result.sampled_error_rel));
    failed |= cli_json_put(report, "worst_offset_bound_amp",
                           s->by_ngspice ? json_null()
                           : cli_json_number(cli_largest(job->result.offset_bound_amp, s->columns)));
    if (s->by_ngspice)
        failed |= cli_json_put(report, "judged", json_true());
    failed |= cli_json_put(report, "largest_offset_amp",
                           cli_json_number(cli_largest(job->result.offset_amp, s->columns)));
    failed |= cli_json_topology(report, s);
    if (failed) {
        json_decref(report);
        report = NULL;
    }
    return cli_write_json(s->common.json, report);
}

static int write_all(struct job *job)
{
    struct cli_session *s = &job->session;
    const struct xo_matrix_result *m = &job->result;
    const size_t shape[] = {s->rows, s->columns};
    char header[160];
    if (s->by_ngspice)
        snprintf(header, sizeof header, "g_ni_siemens[S], one line per row; by ngspice, without a bound");
    else
        snprintf(header, sizeof header, "g_ni_siemens[S], one line per row; worst bound %.2g of its entry",
                 m->worst_bound_rel);
    int code = cli_write_array(job->files.bound, m->bound_siemens, 2, shape, "bound_siemens[S]");
    if (!code)
        code = cli_write_columns(job->files.offset, s, m->offset_amp, 1, &s->columns, "offset_amp[A]");
    if (!code)
        code = cli_write_array(job->files.offset_bound, m->offset_bound_amp, 1, &s->columns, "offset_bound_amp[A]");
    if (!code)
        code = write_report(job);
    if (!code)
        code = cli_write_columns(job->files.matrix, s, m->g_ni_siemens, 2, shape, header);
    return code ? code : cli_write_timing(s);
}

static void summarise(const struct job *job)
{
    const struct cli_session *s = &job->session;
    double offset = cli_largest(job->result.offset_amp, s->columns);
    fprintf(stderr, "%zu x %zu array; engine %s: %s\n", s->rows, s->columns, cli_engine(s), cli_engine_reason(s));
    if (!s->by_ngspice)
        fprintf(stderr, "no entry is further than %.2g of itself from the exact one\n", job->result.worst_bound_rel);
    if (job->result.sampled_error_rel < job->result.worst_bound_rel)
        fprintf(stderr, "that is known beforehand; %zu column%s solved and certified as well: within %.2g\n",
                job->result.sampled_columns, cli_plural(job->result.sampled_columns), job->result.sampled_error_rel);
    if (offset > 0)
        fprintf(stderr, "held lines and sense voltages add currents of up to %.3g A: --offset writes them\n", offset);
}

static int check_usage(const struct job *job, const struct cli_option *options)
{
    static const char *const of_proofs[] = {"bound", "offset-bound"};
    for (size_t k = 0; k < sizeof of_proofs / sizeof *of_proofs; k++)
        if (job->engine.ngspice && cli_given(options, of_proofs[k]))
            return cli_fail(CLI_USAGE, "--%s: not with --engine ngspice, which proves nothing; expected -o, "
                            "--offset, --json", of_proofs[k]);
    return cli_check_judge(&job->engine, options);
}

static int run_one(struct job *job)
{
    if (job->precision)
        return cli_fail(CLI_USAGE, "--precision: one array is always done in float64; expected G of (arrays, rows, "
                        "columns)");
    int code = compute(job);
    if (!code)
        code = write_all(job);
    if (!code && !job->session.common.quiet)
        summarise(job);
    if (!code)
        cli_warn(&job->session);
    return code;
}

static int run_batch(struct job *job)
{
    const struct cli_engine *e = &job->engine;
    if (e->ngspice || (e->ours != XO_ENGINE_AUTO && e->ours != XO_ENGINE_STARMESH))
        return cli_fail(CLI_USAGE, "--engine %s: takes one array at a time; expected starmesh for G of (arrays, "
                        "rows, columns)", e->ngspice ? "ngspice" : xo_engine_name(e->ours));
    return cli_matrix_batch(&job->session, &job->files, job->precision);
}

static int run(struct job *job)
{
    job->session.by_ngspice = job->engine.ngspice;
    if (!job->session.siemens_path)
        return cli_missing("-g", "the cell conductances [S], a .npy or .csv of (rows, columns)");
    if (!job->files.matrix)
        job->files.matrix = "-";
    if (cli_is_stdout(job->session.common.json) && cli_is_stdout(job->files.matrix))
        return cli_missing("-o", "a file for the matrix, since --json takes standard output");
    cli_session_begin(&job->session);
    job->session.takes_batch = true;
    int code = cli_read_inputs(&job->session);
    if (code)
        return code;
    return job->session.cell_siemens.dimensions == 3 ? run_batch(job) : run_one(job);
}

int cli_matrix(int argc, char **argv)
{
    struct job job = {0};
    struct cli_session *s = &job.session;
    struct cli_option options[] = {
        {CLI_INPUT, 'g', "siemens", &s->siemens_path, "G.npy", "cell conductances [S], ([arrays,] rows, columns)",
         false},
        {CLI_ARRAY, 'o', "matrix", &job.files.matrix, "Gni.npy", "G_ni [S]; default: CSV to stdout", false},
        {CLI_ARRAY, 0, "bound", &job.files.bound, "B.npy", "how far each entry may be from exact [S]", false},
        {CLI_ARRAY, 0, "offset", &job.files.offset, "I0.npy", "i0 [A], from held lines and sense voltages", false},
        {CLI_ARRAY, 0, "offset-bound", &job.files.offset_bound, "B0.npy", "how far i0 may be from exact [A]", false},
        {CLI_ENGINE, 0, "engine", &job.engine, "E", "auto, starmesh, cholmod or ngspice", false},
        {CLI_TEXT, 0, "precision", &job.precision, "P", "of a batch: float64 or float32", false},
        {CLI_NUMBER, 0, "time-limit", &s->limit_sec, "S", "seconds for ngspice; default 600", false},
        {.kind = CLI_END}
    };
    const struct cli_page page = {
        "matrix", "crossohm matrix hardware.yaml -g G.npy -o Gni.npy --bound B.npy",
        "hardware.yaml -g G.npy [options]", options, 1
    };
    bool stop;
    int code = cli_parse(&page, &s->common, &s->hardware_path, argc, argv, &stop);
    if (stop)
        return code;
    code = check_usage(&job, options);
    if (!code)
        code = run(&job);
    free(job.result.g_ni_siemens);
    free(job.result.bound_siemens);
    free(job.result.offset_amp);
    free(job.result.offset_bound_amp);
    cli_session_free(s);
    return code;
}
