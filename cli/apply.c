/* crossohm apply: a fast model's currents for any number of inputs, in pieces, so that files may be larger than
 * memory.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdio.h>
#include <stdlib.h>
#include "cli.h"
#include "xo_fcm.h"

enum { PIECE_NBYTES = 1 << 26 };       /* of inputs and currents in memory, about */

struct job {
    struct cli_session session;        /* of it only options, progress, timing and the two paths */
    const char *fcm_path, *output;
    bool converters, gain;
    enum xo_simd simd;
    struct xo_fcm model;
    xo_rows_reader *in;
    xo_rows_writer *out;
    size_t piece;                      /* inputs at a time: a multiple of XO_APPLY_BLOCK */
    double *volt, *amp;                /* [piece][rows], [piece][columns]                */
    size_t inputs, outside;
};

/* Voltages, or what stands on gates. */
static const char *inputs_path(const struct job *job)
{
    return job->session.volt_path ? job->session.volt_path : job->session.gate_path;
}

static int open_inputs(struct job *job)
{
    struct xo_info info = {""};
    struct xo_fcm *m = &job->model;
    int status = xo_fcm_read(m, job->fcm_path, &info);
    if (status)
        return cli_fail_reading(status, &info, job->fcm_path);
    if (m->scope == XO_FCM_TECHNOLOGY)
        return cli_fail(CLI_BAD_INPUT, "%s: a technology, no programmed array; expected a model of one array "
                        "(crossohm fit with -g)", job->fcm_path);
    if (job->converters && !m->adc_lsb_ampere)
        return cli_fail(CLI_BAD_INPUT, "%s: no ADC range was fixed when it was fitted; expected one for --converters",
                        job->fcm_path);
    if (job->session.gate_path && m->stage != XO_FCM_LADDER)
        return cli_fail(CLI_BAD_INPUT, "%s: inputs drive its rows, no gates; expected -v", job->fcm_path);
    if (job->session.common.seed_given)
        m->seed = job->session.common.seed;
    status = xo_rows_open(&job->in, inputs_path(job), &info);
    if (status)
        return cli_fail_reading(status, &info, inputs_path(job));
    job->inputs = xo_rows_count(job->in);
    if (xo_rows_width(job->in) != m->rows)
        return cli_fail(CLI_BAD_INPUT, "%s: rows of %zu numbers; expected (inputs, %zu): one %s per row of %s",
                        inputs_path(job), xo_rows_width(job->in), m->rows,
                        job->session.gate_path ? "gate" : "voltage", job->fcm_path);
    if (!job->inputs)
        return cli_fail(CLI_BAD_INPUT, "%s: holds no input; expected at least one", inputs_path(job));
    return CLI_DONE;
}

static int make_room(struct job *job)
{
    const struct xo_fcm *m = &job->model;
    size_t width = m->rows + m->columns, blocks = PIECE_NBYTES / 8 / XO_APPLY_BLOCK / width;
    job->piece = XO_APPLY_BLOCK * (blocks ? blocks : 1);
    if (job->piece > job->inputs)
        job->piece = job->inputs;
    job->volt = cli_numbers(job->piece * m->rows);
    job->amp = cli_numbers(job->piece * m->columns);
    return job->volt && job->amp ? CLI_DONE : cli_no_memory();
}

/* Gates 0 to 1 as the DAC's voltages. */
static int volts_of_gates(struct job *job, size_t first, size_t count)
{
    const struct xo_fcm *m = &job->model;
    for (size_t k = 0; k < count * m->rows; k++) {
        if (!(job->volt[k] >= 0 && job->volt[k] <= 1))
            return cli_fail(CLI_BAD_INPUT, "%s: input %zu, row %zu is %g; expected 0 (off) to 1 (on)",
                            job->session.gate_path, first + k / m->rows, k % m->rows, job->volt[k]);
        job->volt[k] *= m->dac.read_volt;
    }
    return CLI_DONE;
}

static int apply_piece(struct job *job, size_t first, size_t count)
{
    struct xo_info info = {""};
    const struct xo_apply how = {
        .converters = job->converters, .gain = job->gain, .threads = (int)job->session.common.threads,
        .simd = job->simd, .first_input = first
    };
    size_t outside = 0;
    int status = xo_rows_read(job->in, count, job->volt, &info);
    if (status)
        return cli_fail_reading(status, &info, inputs_path(job));
    int code = job->session.gate_path ? volts_of_gates(job, first, count) : CLI_DONE;
    if (code)
        return code;
    status = xo_fcm_apply(&job->model, &how, count, job->volt, job->amp, &outside, &info);
    if (status)
        return cli_fail_computing(status, &info, job->fcm_path);
    xo_rows_write(job->out, count, job->amp);
    job->outside += outside;
    return CLI_DONE;
}

static int create_output(struct job *job)
{
    struct xo_info info = {""};
    const size_t shape[] = {job->inputs, job->model.columns};
    int status = xo_rows_create(&job->out, job->output, 2, shape,
                                "column_amp[A], one line per input, by the fast model", &info);
    return status ? cli_fail_writing(status, &info, job->output) : CLI_DONE;
}

static int apply_all(struct job *job)
{
    struct xo_info info = {""};
    int code = create_output(job);
    cli_progress_stage(&job->session.progress, "apply", (double)job->inputs, "inputs");
    for (size_t first = 0; first < job->inputs && !code; first += job->piece) {
        size_t left = job->inputs - first;
        code = apply_piece(job, first, left < job->piece ? left : job->piece);
        cli_progress_show(&job->session.progress, (double)first / (double)job->inputs);
    }
    cli_progress_clear(&job->session.progress);
    cli_lap(&job->session, "apply");
    if (code) {
        xo_rows_abandon(job->out);
        return code;
    }
    int status = xo_rows_commit(job->out, &info);
    return status ? cli_fail_writing(status, &info, job->output) : CLI_DONE;
}

/* "outside its range" is said even with --quiet: the figures may be wrong. */
static void summarise(const struct job *job)
{
    const struct xo_fcm_validity *v = &job->model.validity;
    if (!job->session.common.quiet)
        fprintf(stderr, "%zu input%s through a %zu x %zu model%s%s\n", job->inputs, cli_plural(job->inputs),
                job->model.rows, job->model.columns, job->converters ? ", with its converters" : "",
                job->gain ? ", times its gain" : "");
    if (job->outside)
        fprintf(stderr, "warning: %zu of %zu inputs lie outside the range of the fit: %g V to %g V, %g %% to %g %% "
                "of the inputs 0\n", job->outside, job->inputs, v->low_volt, v->high_volt, 100 * v->low_sparsity,
                100 * v->high_sparsity);
}

static int write_report(struct job *job)
{
    const struct xo_fcm *m = &job->model;
    if (!job->session.common.json)
        return CLI_DONE;
    json_t *report = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:b, s:b}", "tool", "crossohm",
                               "version", PACKAGE_VERSION, "command", job->session.common.command,
                               "rows", (json_int_t)m->rows, "columns", (json_int_t)m->columns,
                               "inputs", (json_int_t)job->inputs, "inputs_outside_range", (json_int_t)job->outside,
                               "converters", job->converters, "gain", job->gain);
    return cli_write_json(job->session.common.json, report);
}

static int run(struct job *job)
{
    if (!inputs_path(job))
        return cli_missing("-v", "the read voltages [V], a .npy or .csv of (inputs, rows)");
    if (job->session.volt_path && job->session.gate_path)
        return cli_fail(CLI_USAGE, "-v and --gate: found both; expected one, as a model of gated columns has its "
                        "voltage within");
    if (!job->output)
        job->output = "-";
    if (cli_is_stdout(job->session.common.json) && cli_is_stdout(job->output))
        return cli_missing("-o", "a file for the currents, since --json takes standard output");
    if (job->session.common.set_count)
        return cli_fail(CLI_USAGE, "--set: apply reads no hardware file; expected none");
    cli_session_begin(&job->session);
    int code = cli_simd(&job->simd);
    if (!code)
        code = open_inputs(job);
    if (!code)
        code = make_room(job);
    if (!code)
        code = apply_all(job);
    if (!code)
        code = write_report(job);
    if (!code)
        code = cli_write_timing(&job->session);
    if (!code)
        summarise(job);
    return code;
}

int cli_apply(int argc, char **argv)
{
    struct job job = {0};
    struct cli_option options[] = {
        {CLI_INPUT, 'v', "volts", &job.session.volt_path, "V.npy", "read voltages [V], (inputs, rows)", false},
        {CLI_INPUT, 0, "gate", &job.session.gate_path, "X.npy", "1T1R: gates, (inputs, rows), 0 off to 1 on", false},
        {CLI_OUTPUT, 'o', "output", &job.output, "I.npy", "column currents [A]; default: CSV to stdout", false},
        {CLI_FLAG, 0, "converters", &job.converters, NULL, "snap V to the DAC's levels, read I by the ADC", false},
        {CLI_FLAG, 0, "gain", &job.gain, NULL, "multiply by the stored gain", false},
        {.kind = CLI_END}
    };
    const struct cli_page page = {
        "apply", "crossohm apply array.fcm -v V.npy -o I.npy", "array.fcm -v V.npy [options]", options, 1
    };
    bool stop;
    int code = cli_parse(&page, &job.session.common, &job.fcm_path, argc, argv, &stop);
    if (stop)
        return code;
    code = run(&job);
    xo_rows_close(job.in);
    xo_fcm_free(&job.model);
    free(job.volt);
    free(job.amp);
    cli_session_free(&job.session);
    return code;
}
