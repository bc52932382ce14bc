/* crossohm eval: a trained network on real data, in float32 and on crossbars, and what it loses.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "eval.h"
#include "xo_fcm.h"

/* ---- reading -------------------------------------------------------------------------------------- */

/* A technology's file holds its hardware in canonical form. */
static int read_technology(struct eval_job *job)
{
    struct cli_session *s = &job->session;
    struct xo_info info = {""};
    struct xo_fcm m = {0};
    int status = xo_fcm_read(&m, s->hardware_path, &info);
    if (status)
        return cli_fail_reading(status, &info, s->hardware_path);
    int code = CLI_DONE;
    if (m.scope != XO_FCM_TECHNOLOGY || !m.hardware_yaml) {
        code = cli_fail(CLI_BAD_INPUT, "%s: the model of one array; expected a technology, as fit without -g writes "
                        "it", s->hardware_path);
    } else {
        status = xo_hardware_parse(&s->hardware, m.hardware_yaml, strlen(m.hardware_yaml), s->hardware_path, NULL,
                                   s->common.set_count, s->common.set, &info);
        if (status)
            code = cli_fail_reading(status, &info, s->hardware_path);
    }
    xo_fcm_free(&m);
    return code;
}

static int read_hardware(struct eval_job *job)
{
    struct cli_session *s = &job->session;
    struct xo_info info = {""};
    int code = cli_ends_with(s->hardware_path, ".fcm") ? read_technology(job) : cli_read_hardware(s);
    if (code)
        return code;
    int status = xo_hardware_finish(&s->hardware, 0, 0, &info);
    return status ? cli_fail_reading(status, &info, s->hardware_path) : CLI_DONE;
}

static int open_data(xo_data **out, const char *specification)
{
    struct xo_info info = {""};
    int status = xo_data_open(out, specification, &info);
    return status ? cli_fail_reading(status, &info, specification) : CLI_DONE;
}

static int read_all(struct eval_job *job)
{
    struct xo_info info = {""};
    int code = read_hardware(job);
    if (code)
        return code;
    int status = xo_network_read(&job->network, job->model, &info);
    if (status)
        return cli_fail_reading(status, &info, job->model);
    if (!job->calibrate && xo_eval_needs_images(job->network, &job->session.hardware))
        return cli_missing("--calibrate", "images that fix input and ADC ranges, such as idx:IMAGES,LABELS@0:1000");
    status = xo_preprocess_new(&job->pixels, job->preprocess, &info);
    if (status)
        return cli_fail_reading(status, &info, job->preprocess);
    code = open_data(&job->scored, job->data);
    if (!code && job->calibrate)
        code = open_data(&job->calibration, job->calibrate);
    return code;
}

/* ---- working -------------------------------------------------------------------------------------- */

static int show(void *user, enum xo_eval_phase phase, size_t done, size_t images)
{
    static const char *const name[] = {"input ranges", "currents", "programming", "images", "audit", "codes"};
    struct eval_job *job = user;
    if (job->phase != (int)phase) {
        cli_progress_clear(&job->session.progress);
        cli_progress_stage(&job->session.progress, name[phase], (double)images, "images");
        job->phase = (int)phase;
    }
    return cli_progress_show(&job->session.progress, images ? (double)done / (double)images : 1);
}

static int make_folder(const struct eval_job *job)
{
    if (mkdir(job->folder, 0777) && errno != EEXIST)
        return cli_fail(CLI_FAILED, "%s: %s; expected a folder for the results", job->folder, strerror(errno));
    struct stat st;
    if (stat(job->folder, &st) || !S_ISDIR(st.st_mode))
        return cli_fail(CLI_FAILED, "%s: no folder; expected one for the results", job->folder);
    return CLI_DONE;
}

char *eval_path(const struct eval_job *job, const char *name)
{
    char *path;
    return asprintf(&path, "%s/%s", job->folder, name) < 0 ? NULL : path;
}

/* The command knows its paths, the library names files itself: a message gets no path twice. */
static int fail(const struct eval_job *job, int status, const struct xo_info *info)
{
    if (status == ENOMEM)
        return cli_no_memory();
    return status == XO_ECONFLICT || status < 0 ? cli_fail_reading(status, info, job->model)
                                                : cli_fail_writing(status, info, job->folder);
}

/* In any layer: overrides may say so. */
static bool eval_varies(const struct eval_job *job)
{
    return xo_eval_varies(job->network, &job->session.hardware) != 0;
}

static int evaluate(struct eval_job *job)
{
    struct cli_session *s = &job->session;
    struct xo_info info = {""};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (!s->common.threads_given)
        s->common.threads = processors > 1 ? (size_t)processors : 1;
    enum xo_simd simd;
    bool varies = eval_varies(job);
    if (job->instances && !varies)
        return cli_fail(CLI_USAGE, "--instances: nothing varies; expected device.variation or device.faults in %s",
                        s->hardware_path);
    job->instances = varies && !job->instances ? 1 : job->instances;
    int code = cli_simd(&simd);
    if (code)
        return code;
    const struct xo_eval_request request = {
        .network = job->network, .hardware = &s->hardware, .data = job->scored, .calibrate = job->calibration,
        .preprocess = job->pixels, .limit = job->limit, .calibrate_limit = job->calibrate_limit,
        .threads = (int)s->common.threads, .simd = simd, .every_gain = job->stages,
        .analog = job->export_onnx ? XO_EVAL_DEMAND : job->stages ? XO_EVAL_IF_POSSIBLE : XO_EVAL_LEAVE,
        .audits_images = job->audit_images > 0,
        .tolerance = job->tolerance, .in_float32 = eval_is_float32(job), .keep_logits = job->logits,
        .instances = job->instances,
        .checkpoint = job->checkpoint, .resume = job->resume, .progress = show, .user = job,
    };
    int status = xo_eval_new(&job->eval, &request, &info);
    job->calibrate_sec = cli_lap(s, "calibrate");
    if (!status)
        status = xo_eval_run(job->eval, &info);
    job->run_sec = cli_lap(s, "evaluate");
    cli_progress_clear(&s->progress);
    if (status)
        return fail(job, status, &info);
    job->result = xo_eval_result(job->eval);
    return CLI_DONE;
}

static int compare_instances(struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    const unsigned char **hit = calloc(r->instances, sizeof *hit);
    for (size_t n = 0; hit && n < r->instances; n++)
        hit[n] = r->pass[EVAL_STAGES + n].hit;
    int status = hit ? xo_instances_of(&job->variation, r->instances, r->images, hit) : ENOMEM;
    free(hit);
    return status;
}

/* Stage analog: what wires cost before any converter, and what converters cost then. */
static int compare_analog(struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    job->analog = eval_gain_pass(r, XO_EVAL_ANALOG, (int)r->pass[XO_EVAL_CIRCUIT].gain);
    if (!job->analog)
        return 0;
    job->analog_share = xo_share_of(job->analog->hits, r->images);
    job->analog_top5 = xo_share_of(job->analog->top5_hits, r->images);
    int status = xo_paired_of(&job->from_fp32, r->images, r->pass[XO_EVAL_FP32].hit, job->analog->hit);
    if (!status)
        status = xo_paired_of(&job->to_circuit, r->images, job->analog->hit, r->pass[XO_EVAL_CIRCUIT].hit);
    return status;
}

static int find_statistics(struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    int status = compare_analog(job);
    for (size_t p = 0; p < EVAL_STAGES; p++) {
        job->share[p] = xo_share_of(r->pass[p].hits, r->images);
        job->top5[p] = xo_share_of(r->pass[p].top5_hits, r->images);
        if (p && !status)
            status = xo_paired_of(&job->step[p], r->images, r->pass[p - 1].hit, r->pass[p].hit);
    }
    if (!status)
        status = xo_paired_of(&job->total, r->images, r->pass[0].hit, r->pass[EVAL_STAGES - 1].hit);
    if (!status && r->instances)
        status = compare_instances(job);
    return status ? cli_no_memory() : CLI_DONE;
}

struct eval_totals eval_totals_of(const struct xo_eval_result *r, size_t pass)
{
    struct eval_totals t = {0};
    for (size_t k = 0; k < r->layers; k++) {
        t.tiles += r->layer[k].tiles;
        t.cells += r->layer[k].cells;
        t.used_cells += r->layer[k].used_cells;
        if (!r->layer[k].digital)
            t.weights += r->layer[k].inputs * r->layer[k].outputs * r->layer[k].groups;
        t.conversions += r->pass[pass].count[k].conversions;
        t.clipped += r->pass[pass].count[k].clipped;
        t.flipped += r->pass[pass].count[k].flipped;
    }
    return t;
}

struct eval_circuit eval_circuit_of(const struct xo_eval_result *r, size_t pass)
{
    struct eval_circuit c = {0};
    for (size_t k = 0; k < r->layers; k++) {
        const struct xo_eval_reading *x = &r->pass[pass].reading[k];
        c.arrays += x->arrays;
        c.sampled += x->sampled;
        c.bound_rel = x->bound_rel > c.bound_rel ? x->bound_rel : c.bound_rel;
        c.sampled_error_rel = x->sampled_error_rel > c.sampled_error_rel ? x->sampled_error_rel : c.sampled_error_rel;
    }
    return c;
}

/* ---- telling -------------------------------------------------------------------------------------- */

/* Nothing of the image is left. */
static bool is_dead(const struct xo_eval_result *r, size_t pass)
{
    const int32_t *class = r->pass[pass].prediction;
    bool same = r->images >= 10;
    for (size_t k = 1; k < r->images && same; k++)
        same = class[k] == class[0];
    return same;
}

static void warn(const struct eval_job *job)
{
    for (int stage = XO_EVAL_QUANTISED; stage < EVAL_STAGES; stage++)
        if (is_dead(job->result, (size_t)stage) && !is_dead(job->result, XO_EVAL_FP32))
            fprintf(stderr, "warning: stage %s gives every one of %zu images the same class: nothing of the image is "
                    "left\n", xo_eval_stage_name((enum xo_eval_stage)stage), job->result->images);
    if (job->result->instances && job->result->instances < 10 && !job->session.common.quiet)
        fprintf(stderr, "%zu programmed instance%s: fewer than the 10 that a claim about others takes\n",
                job->result->instances, cli_plural(job->result->instances));
    if (job->result->excluded && !job->session.common.quiet)
        fprintf(stderr, "%zu images of --data calibrate and are not scored\n", job->result->excluded);
    if (job->result->resumed_images && !job->session.common.quiet)
        fprintf(stderr, "%zu of %zu images were taken from the checkpoint\n", job->result->resumed_images,
                job->result->images);
}

bool eval_is_float32(const struct eval_job *job)
{
    return job->precision && !strcmp(job->precision, "float32");
}

static int check_options(struct eval_job *job)
{
    if (job->precision && strcmp(job->precision, "float64") && !eval_is_float32(job))
        return cli_fail(CLI_USAGE, "--precision %s: expected float64 or float32", job->precision);
    if (job->tolerance_given && !(job->tolerance > 0))
        return cli_fail(CLI_USAGE, "--tolerance %g: expected an error above 0", job->tolerance);
    if (!job->folder)
        return cli_missing("-o", "a folder for the results");
    if (!job->data)
        return cli_missing("--data", "idx:IMAGES,LABELS, cifar10:FILE, npy:IMAGES,LABELS or images:DIR,LABELS.csv");
    return eval_audit_read(job);
}

static int run(struct eval_job *job)
{
    int code = check_options(job);
    if (code)
        return code;
    cli_session_begin(&job->session);
    code = read_all(job);
    cli_lap(&job->session, "read");
    if (!code)
        code = make_folder(job);
    if (!code)
        code = eval_check_exports(job);
    if (!code && !(job->checkpoint = eval_path(job, "checkpoint")))
        code = cli_no_memory();
    if (!code)
        code = evaluate(job);
    if (!code)
        code = find_statistics(job);
    if (!code)
        code = eval_audit(job);
    if (!code)
        code = eval_write_files(job);
    if (!code)
        code = eval_write_page(job);
    if (!code)
        code = eval_export(job);
    if (!code)
        code = eval_write_timing(job);
    if (code)
        return code;
    xo_eval_done(job->eval);
    if (!cli_is_stdout(job->session.common.json))
        eval_print(job);
    warn(job);
    code = cli_finish_stdout();
    return code ? code : eval_fitted_verdict(job);
}

int cli_eval(int argc, char **argv)
{
    struct eval_job job = {.phase = -1};
    struct cli_session *s = &job.session;
    struct cli_option options[] = {
        {CLI_TEXT, 0, "data", &job.data, "DATA",
         "what is scored: idx:IMAGES,LABELS[@from:to], cifar10:FILE, ...", false},
        {CLI_TEXT, 0, "calibrate", &job.calibrate, "DATA", "what fixes input and ADC ranges; never scored", false},
        {CLI_TEXT, 0, "preprocess", &job.preprocess, "P",
         "raw, unit, imagenet, caffe, tf or a YAML file; raw", false},
        {CLI_COUNT, 0, "limit", &job.limit, "N", "score the first N images; 0: all", false},
        {CLI_COUNT, 0, "calibrate-limit", &job.calibrate_limit, "N", "calibrate on the first N; 0: all", false},
        {CLI_FLAG, 0, "stages", &job.stages, NULL,
         "gain none, array and column side by side; stage analog", false},
        {CLI_COUNT, 0, "instances", &job.instances, "N",
         "program N instances at random; 1 if anything varies", false},
        {CLI_TEXT, 0, "precision", &job.precision, "P",
         "of the arrays' solution: float64 (default) or float32", false},
        {CLI_NUMBER, 0, "tolerance", &job.tolerance, "T",
         "nonlinear cells: rms error allowed of fitted arrays; 0.001, else exit 1", false},
        {CLI_FLAG, 0, "logits", &job.logits, NULL, "write logits-STAGE.npy", false},
        {CLI_TEXT, 0, "audit", &job.audit_text, "images=N,tiles=N", "so many, against exact solves", false},
        {CLI_HOW, 0, "resume", &job.resume, NULL, "go on where a killed run stopped", false},
        {CLI_OUTPUT, 0, "export-onnx", &job.export_onnx, "FILE.onnx",
         "with what arrays multiply by; stage analog", false},
        {CLI_OUTPUT, 0, "export-noise", &job.export_noise, "FILE.csv", "mean, std of codes by ideal code", false},
        {CLI_OUTPUT, 0, "export-error-table", &job.export_error_table, "FILE.json", "what codes become", false},
        {CLI_OUTPUT, 'o', "output", &job.folder, "DIR", "report.html, report.json, images.csv, timing.json", false},
        {.kind = CLI_END}
    };
    const struct cli_page page = {
        "eval", "crossohm eval hardware.yaml model.onnx --data idx:I,L --calibrate idx:T,U@0:1000 -o out",
        "hardware.yaml|tech.fcm model.onnx --data DATA [options] -o DIR", options, 2
    };
    const char *files[2] = {NULL};
    bool stop;
    int code = cli_parse(&page, &s->common, files, argc, argv, &stop);
    job.tolerance_given = cli_given(options, "tolerance");
    if (stop)
        return code;
    s->hardware_path = files[0];
    job.model = files[1];
    code = run(&job);
    xo_eval_free(job.eval);
    xo_data_free(job.scored);
    xo_data_free(job.calibration);
    xo_preprocess_free(job.pixels);
    xo_network_free(job.network);
    free(job.checkpoint);
    cli_session_free(s);
    return code;
}
