/* What an evaluation writes: report.json, images.csv, logits.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "eval.h"

/* ---- report.json ----------------------------------------------------------------------------------- */

static json_t *share_json(const struct xo_share *s)
{
    return json_pack("[o, o]", cli_json_number(s->low95), cli_json_number(s->high95));
}

static json_t *paired_json(const struct xo_paired *p)
{
    return json_pack("{s:o, s:[o, o], s:o, s:I, s:I, s:b}", "difference", cli_json_number(p->difference),
                     "interval95", cli_json_number(p->low95), cli_json_number(p->high95),
                     "mcnemar_p", cli_json_number(p->p), "only_before_right", (json_int_t)p->only_a,
                     "only_after_right", (json_int_t)p->only_b, "resolved", p->resolved);
}

static int put_stages(json_t *report, const struct eval_job *job)
{
    json_t *accuracy = json_object(), *interval = json_object(), *top5 = json_object();
    for (int stage = 0; stage < EVAL_STAGES; stage++) {
        size_t p = (size_t)stage;
        const char *name = xo_eval_stage_name((enum xo_eval_stage)stage);
        json_object_set_new(accuracy, name, cli_json_number(job->share[p].value));
        json_object_set_new(interval, name, share_json(&job->share[p]));
        json_object_set_new(top5, name, cli_json_number(job->top5[p].value));
    }
    if (job->result->instances) {
        json_object_set_new(accuracy, "variation", cli_json_number(job->variation.mean));
        json_object_set_new(interval, "variation", json_pack("[o, o]", cli_json_number(job->variation.low95),
                                                             cli_json_number(job->variation.high95)));
    }
    json_t *steps = json_pack("{s:o, s:o, s:o, s:o}", "fp32_to_quantised", paired_json(&job->step[1]),
                              "quantised_to_converters", paired_json(&job->step[2]), "converters_to_circuit",
                              paired_json(&job->step[3]), "fp32_to_circuit", paired_json(&job->total));
    if (job->analog) {
        json_object_set_new(accuracy, "analog", cli_json_number(job->analog_share.value));
        json_object_set_new(interval, "analog", share_json(&job->analog_share));
        json_object_set_new(top5, "analog", cli_json_number(job->analog_top5.value));
        json_object_set_new(steps, "fp32_to_analog", paired_json(&job->from_fp32));
        json_object_set_new(steps, "analog_to_circuit", paired_json(&job->to_circuit));
    }
    return cli_json_put(report, "accuracy", accuracy) | cli_json_put(report, "interval95", interval) |
           cli_json_put(report, "top5", top5) | cli_json_put(report, "steps", steps);
}

static json_t *instances_json(const struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    json_t *each = json_array();
    for (size_t n = 0; n < r->instances; n++)
        json_array_append_new(each, cli_json_number((double)r->pass[EVAL_STAGES + n].hits / (double)r->images));
    return json_pack("{s:I, s:o, s:o, s:o, s:b}", "count", (json_int_t)r->instances, "accuracy", each,
                     "between_variance", cli_json_number(job->variation.between_variance), "images_variance",
                     cli_json_number(job->variation.images_variance), "enough_for_a_claim", r->instances >= 10);
}

/* What happened to the conversions of a layer, beside what it got. */
static void put_count(json_t *to, const struct xo_eval_count *c)
{
    json_object_set_new(to, "conversions", json_integer((json_int_t)c->conversions));
    json_object_set_new(to, "clipped", json_integer((json_int_t)c->clipped));
    json_object_set_new(to, "clipped_share", cli_json_number(eval_part(c->clipped, c->conversions)));
    json_object_set_new(to, "flipped", json_integer((json_int_t)c->flipped));
    json_object_set_new(to, "flipped_share", cli_json_number(eval_part(c->flipped, c->conversions)));
    json_object_set_new(to, "error_rel", cli_json_number(c->error_rel));
}

static json_t *reading_json(const struct xo_eval_reading *x, const struct xo_eval_count *c)
{
    const struct xo_tile_choice *f = &x->fitted;
    json_t *reading = json_pack("{s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:I, s:o}",
                                "fitted_rms", cli_json_number(f->count ? f->candidate[f->chosen].error_rms : 0),
                                "low_ampere", cli_json_number(x->low_ampere), "lsb_ampere",
                                cli_json_number(x->lsb_ampere), "gain", cli_json_number(x->gain),
                                "solved_arrays", (json_int_t)x->arrays, "nf_mean", cli_json_number(x->nf_mean),
                                "nf_low", cli_json_number(x->nf_low), "nf_high", cli_json_number(x->nf_high),
                                "bound_rel", cli_json_number(x->bound_rel), "sampled_arrays",
                                (json_int_t)x->sampled, "sampled_error_rel", cli_json_number(x->sampled_error_rel));
    if (f->count)
        json_object_set_new(reading, "fitted", eval_fitted_json(f));
    put_count(reading, c);
    return reading;
}

/* Scales are float32: printed with the digits that tell them apart. */
static json_t *scale_json(double scale)
{
    char text[XO_NUMBER_SIZE];
    double rounded = scale;
    snprintf(text, sizeof text, "%.9g", scale);
    if (xo_number_parse(&rounded, text, strlen(text)))
        rounded = scale;
    return cli_json_number(rounded);
}

static json_t *layer_json(const struct xo_eval_layer *l, const struct xo_eval_count *c)
{
    if (l->digital)
        return json_pack("{s:o, s:I, s:I, s:I, s:b}", "name", cli_json_text(l->name), "inputs", (json_int_t)l->inputs,
                         "outputs", (json_int_t)l->outputs, "groups", (json_int_t)l->groups, "digital", 1);
    json_t *layer = json_pack(
        "{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:i, s:i, s:o, s:o, s:i, s:i, s:b, s:o, s:o, s:o, s:o}",
        "name", cli_json_text(l->name), "inputs", (json_int_t)l->inputs, "outputs", (json_int_t)l->outputs,
        "groups", (json_int_t)l->groups, "arrays", (json_int_t)l->tiles, "cells", (json_int_t)l->cells,
        "used_cells", (json_int_t)l->used_cells, "used_share", cli_json_number(eval_part(l->used_cells, l->cells)),
        "slices", l->slices, "streams", l->streams, "weight_scale", scale_json(l->weight_scale),
        "input_scale", scale_json(l->input_scale), "weight_zero", (int)l->weight_zero,
        "input_zero", (int)l->input_zero, "signed_inputs", l->signed_inputs,
        "unit_ampere", cli_json_number(l->unit_ampere), "low_ampere", cli_json_number(l->low_ampere),
        "lsb_ampere", cli_json_number(l->lsb_ampere), "gain", cli_json_number(l->gain));
    put_count(layer, c);
    return layer;
}

static json_t *layers_json(const struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    json_t *list = json_array();
    for (size_t k = 0; k < r->layers; k++) {
        json_t *layer = layer_json(&r->layer[k], &r->pass[XO_EVAL_CONVERTERS].count[k]), *each = json_array();
        for (size_t p = XO_EVAL_CIRCUIT; p < EVAL_STAGES + r->instances && !r->layer[k].digital; p++) {
            json_t *reading = reading_json(&r->pass[p].reading[k], &r->pass[p].count[k]);
            if (p == XO_EVAL_CIRCUIT)
                json_object_set_new(layer, "circuit", reading);
            else
                json_array_append_new(each, reading);
        }
        if (r->instances)
            json_object_set(layer, "variation", each);
        if (job->analog && !r->layer[k].digital)
            json_object_set_new(layer, "analog", json_pack("{s:o}", "error_rel",
                                                           cli_json_number(job->analog->count[k].error_rel)));
        json_decref(each);
        json_array_append_new(list, layer);
    }
    return list;
}

static int put_provenance(json_t *report, const struct eval_job *job)
{
    struct xo_info info = {""};
    char hex[65], *hardware = NULL, *choices = eval_choices(job);
    int failed = !choices || xo_hardware_print(&hardware, &job->session.hardware);
    if (!failed) {
        failed |= cli_json_put(report, "choices", cli_json_text(choices));
        failed |= cli_json_put(report, "preprocess", cli_json_text(xo_preprocess_text(job->pixels)));
        failed |= cli_json_put(report, "seed", json_integer((json_int_t)job->session.hardware.seed));
        failed |= cli_json_put(report, "hardware", cli_json_text(hardware));
        failed |= cli_json_put(report, "model_sha256", json_string(xo_network_sha256(job->network)));
        if (!xo_data_sha256(job->scored, hex, &info))
            failed |= cli_json_put(report, "data_sha256", json_string(hex));
        if (job->calibration && !xo_data_sha256(job->calibration, hex, &info))
            failed |= cli_json_put(report, "calibrate_sha256", json_string(hex));
        if (strcmp(job->session.hardware_path, "-") && !xo_sha256_file(hex, job->session.hardware_path, &info))
            failed |= cli_json_put(report, "hardware_sha256", json_string(hex));
    }
    free(hardware);
    free(choices);
    return failed;
}

static json_t *totals_json(const struct xo_eval_result *r)
{
    struct eval_totals t = eval_totals_of(r, XO_EVAL_CIRCUIT);
    return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o}", "arrays", (json_int_t)t.tiles, "cells", (json_int_t)t.cells,
                     "weights", (json_int_t)t.weights, "used_share",
                     cli_json_number(eval_part(t.used_cells, t.cells)),
                     "clipped_share", cli_json_number(eval_part(t.clipped, t.conversions)),
                     "flipped_share", cli_json_number(eval_part(t.flipped, t.conversions)));
}

static json_t *report_json(const struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    json_t *report = json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:I}", "tool", "crossohm", "version", PACKAGE_VERSION,
                               "command", cli_json_text(job->session.common.command), "images", (json_int_t)r->images,
                               "classes", (json_int_t)r->classes, "calibration_images",
                               (json_int_t)r->calibration_images, "excluded_images", (json_int_t)r->excluded);
    int failed = put_stages(report, job);
    failed |= cli_json_put(report, "gains", eval_gains_json(job));
    if (r->instances)
        failed |= cli_json_put(report, "instances", instances_json(job));
    failed |= cli_json_put(report, "totals", totals_json(r));
    failed |= cli_json_put(report, "layers", layers_json(job));
    if (job->audit_text)
        failed |= cli_json_put(report, "audit", eval_audit_json(job));
    failed |= put_provenance(report, job);
    if (failed) {
        json_decref(report);
        report = NULL;
    }
    return report;
}

static int write_json(const struct eval_job *job)
{
    json_t *report = report_json(job);
    char *path = eval_path(job, "report.json");
    int code = path && report ? cli_write_json(path, json_incref(report)) : cli_no_memory();
    free(path);
    if (!code && job->session.common.json)
        code = cli_write_json(job->session.common.json, json_incref(report));
    json_decref(report);
    return code;
}

/* ---- per image -------------------------------------------------------------------------------------- */

static int write_images(const struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    struct xo_writer w;
    struct xo_info info = {""};
    char *path = eval_path(job, "images.csv");
    int status = path ? xo_writer_open(&w, path, &info) : ENOMEM;
    if (!status) {
        fputs("# image,label,fp32,quantised,converters,circuit", w.stream);
        for (size_t n = 0; n < r->instances; n++)
            fprintf(w.stream, ",variation%zu", n);
        fprintf(w.stream, "%s: class numbers; image counts from 0 in the whole set\n", job->analog ? ",analog" : "");
        for (size_t k = 0; k < r->images; k++) {
            fprintf(w.stream, "%zu,%" PRId32, r->number[k], r->label[k]);
            for (size_t p = 0; p < EVAL_STAGES + r->instances; p++)
                fprintf(w.stream, ",%" PRId32, r->pass[p].prediction[k]);
            if (job->analog)
                fprintf(w.stream, ",%" PRId32, job->analog->prediction[k]);
            putc('\n', w.stream);
        }
        status = xo_writer_commit(&w, &info);
    }
    int code = status ? cli_fail_writing(status, &info, "images.csv") : CLI_DONE;
    free(path);
    return code;
}

static int write_logits(const struct eval_job *job, const struct xo_eval_pass *pass)
{
    const struct xo_eval_result *r = job->result;
    struct xo_info info = {""};
    char name[40];
    snprintf(name, sizeof name, "logits-%s.npy", xo_eval_stage_name(pass->stage));
    char *path = eval_path(job, name);
    if (!path)
        return cli_no_memory();
    int status = xo_npy_write_float(path, 2, (size_t[]){r->images, r->classes}, pass->logits, &info);
    free(path);
    return status ? cli_fail_writing(status, &info, name) : CLI_DONE;
}

int eval_write_files(struct eval_job *job)
{
    int code = write_images(job);
    for (int stage = 0; stage < EVAL_STAGES && job->logits && !code; stage++)
        if (stage != XO_EVAL_CONVERTERS)
            code = write_logits(job, &job->result->pass[stage]);
    if (!code && job->logits && job->analog)
        code = write_logits(job, job->analog);
    return code ? code : write_json(job);
}
