/* What an evaluation says on standard output and in files.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "eval.h"

/* ---- the modelling choices in words ---------------------------------------------------------------- */

static void put_weights(FILE *to, const struct xo_mapping *m, int bits_per_cell)
{
    static const char *const sign[] = {
        [XO_SIGN_DIFFERENTIAL] = "differential pairs", [XO_SIGN_OFFSET] = "offset binary",
        [XO_SIGN_TWOS_COMPLEMENT] = "two's complement with a sign slice of its own"};
    fprintf(to, "Weights have %d bits, one scale per %s, stored as %s in slices of %d bit%s per cell", m->weight_bits,
            m->weight_scale == XO_SCALE_LAYER ? "layer" : "output channel", sign[m->sign], bits_per_cell,
            cli_plural((size_t)bits_per_cell));
    if (m->sign == XO_SIGN_DIFFERENTIAL)
        fprintf(to, ", the two halves in %s and subtracted %s", m->pair == XO_IN_TILES ? "two arrays" :
                "neighbouring columns", m->subtract == XO_SUBTRACT_ANALOG ? "before one signed ADC" :
                "after two ADCs");
    fputs(". ", to);
}

static void put_converters(FILE *to, const struct xo_hardware *h)
{
    static const char *const range[] = {
        [XO_ADC_FULL] = "covers all rows on at the read voltage",
        [XO_ADC_GRANULAR] = "counts single units of current",
        [XO_ADC_CALIBRATED] = "was fixed from the currents of the calibration images",
        [XO_ADC_FIXED] = "is that of the hardware file"};
    fprintf(to, "Inputs have %d bits and are applied as streams of %d bit%s at %g V; an ADC of %d bits reads every "
            "column, its range %s", h->mapping.input_bits, h->dac.bits, cli_plural((size_t)h->dac.bits),
            h->dac.read_volt, h->adc.bits, range[h->adc.range]);
    if (h->adc.range == XO_ADC_CALIBRATED)
        fprintf(to, " (quantiles %g and %g per %s)", h->adc.quantile, 1 - h->adc.quantile,
                h->adc.range_scope == XO_ADC_LAYER ? "layer" : h->adc.range_scope == XO_ADC_TILE ? "tile" : "column");
    fprintf(to, "; gain: %s%s. ", eval_gain_name[h->gain.scope], h->gain.scope == XO_GAIN_NONE ? "" :
            h->gain.source == XO_GAIN_MEASURED ? ", measured" : ", from the matrices");
}

static void put_ohm(FILE *to, const char *what, const struct xo_values *v)
{
    if (v->each)
        fprintf(to, "%s of the file's ohm", what);
    else
        fprintf(to, isfinite(v->all) ? "%s of %g ohm" : "open %s", what, v->all);
}

static void put_variation(FILE *to, const struct xo_hardware *h, size_t instances)
{
    static const char *const distribution[] = {"normally", "lognormally"};
    const struct xo_values *map = &h->cell_faults.map;
    fprintf(to, "In %zu programmed instance%s cells are ", instances, cli_plural(instances));
    if (h->variation.sigma > 0)
        fprintf(to, "%s distributed with a standard deviation of %g %% of %s, ",
                distribution[h->variation.distribution], 100 * h->variation.sigma,
                h->variation.scale == XO_SPREAD_RANGE ? "on less off" : "their conductance");
    fprintf(to, "stuck on with a chance of %g, stuck off with one of %g%s. ", h->cell_faults.stuck_on_rate,
            h->cell_faults.stuck_off_rate, map->each || map->all != 0 ? ", besides those of the fault map" : "");
}

/* Inputs on gates: no matrix, but ladders. */
static void put_gated(FILE *to, const struct xo_crossbar *x, struct eval_circuit c)
{
    bool plane = x->topology == XO_TOPOLOGY_PLANE;
    fprintf(to, "In the circuit stage inputs are the gates of transistors of %g ohm, one in series with every cell, "
            "and ", x->transistor_ohm);
    fputs(plane ? "one plane is the source of all cells" : "source lines run beside the bit lines, with ", to);
    if (!plane)
        put_ohm(to, "wire segments", &x->source_wire_ohm);
    if (!plane)
        put_ohm(to, " and ends", &x->source_end_ohm);
    put_ohm(to, "; column wire segments", &x->column_wire_ohm);
    put_ohm(to, ", sense amplifiers", &x->sense_ohm);
    fprintf(to, "; every read of the %zu arrays' columns was the ladder of the cells that are on, %s float32, by its "
            "bound within %.2g of every current, and within %.2g of float64 on sampled columns of %zu layers: no one "
            "conductance matrix is exact there, and none was used. ", c.arrays,
            xo_is_nonlinear(x) ? "nonlinear as they are, solved by Newton's method for every input, in"
                               : "exactly, in", c.bound_rel, c.sampled_error_rel, c.sampled);
}

/* What inputs meet along the rows. */
static void put_rows(FILE *to, const struct xo_hardware *h)
{
    const struct xo_crossbar *x = &h->array;
    bool source = x->topology == XO_TOPOLOGY_SOURCE_ROW;
    put_ohm(to, source ? "source lines along rows with wire segments" : "row wire segments",
            source ? &x->source_wire_ohm : &x->row_wire_ohm);
    put_ohm(to, ", column wire segments", &x->column_wire_ohm);
    put_ohm(to, source ? ", source lines' ends" : ", drivers", source ? &x->source_end_ohm : &x->driver_ohm);
    fprintf(to, " (DAC output: %g)", h->dac.output_ohm);
    if (x->cell_type == XO_CELL_1T1R)
        fprintf(to, ", transistors of %g ohm, all on, in series with cells", x->transistor_ohm);
}

static void put_circuit(FILE *to, const struct eval_job *job)
{
    const struct xo_hardware *h = &job->session.hardware;
    const struct xo_crossbar *x = &h->array;
    struct eval_circuit c = eval_circuit_of(job->result, XO_EVAL_CIRCUIT);
    if (job->result->ideal) {
        fputs("Arrays are ideal: wires, drivers and sense amplifiers without resistance. ", to);
    } else if (x->input == XO_INPUT_GATE) {
        put_gated(to, x, c);
    } else {
        fputs("In the circuit stage every array has ", to);
        put_rows(to, h);
        put_ohm(to, " and sense amplifiers", &x->sense_ohm);
        if (xo_is_nonlinear(x))
            fprintf(to, "; cells are nonlinear, so no matrix is exact: each of the %zu arrays got the one that fits "
                    "best%s; against exact currents of %zu of them its error is %.2g rms, in the worst layer, and "
                    "%.2g at most, of full scale. ", c.arrays,
                    h->dac.bits > 1 ? ", its inputs seen through the law of a mean cell" : "", c.sampled,
                    c.fitted_rms, c.sampled_error_rel);
        else
            fprintf(to, "; the conductance matrix of each of the %zu arrays was found exactly by star-mesh "
                    "elimination in %s, by its bound within %.2g of every entry, and columns of %zu arrays, solved "
                    "once more and certified, are within %.2g. ", c.arrays,
                    eval_is_float32(job) ? "float32" : "float64 and rounded to float32", c.bound_rel, c.sampled,
                    c.sampled_error_rel);
    }
    if (job->result->instances)
        put_variation(to, h, job->result->instances);
    else
        fputs("Cells are exactly as programmed. ", to);
    if (job->analog)
        fputs("Stage analog has the circuit stage's arrays and gains, cells as programmed, and no converters: inputs "
              "are voltages of any size and either sign, column currents are taken as they are and decoded in "
              "float64. ", to);
}

char *eval_choices(const struct eval_job *job)
{
    const struct xo_hardware *h = &job->session.hardware;
    const struct xo_eval_result *r = job->result;
    struct eval_totals t = eval_totals_of(r, XO_EVAL_CONVERTERS);
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return NULL;
    fprintf(to, "The network was run with Crossohm %s on %zu images, in float32 and with %zu weights of %zu layers "
            "on %zu arrays of %zu x %zu %s cells, %g to %g S. ", PACKAGE_VERSION, r->images, t.weights, r->layers,
            t.tiles, h->array.rows, h->array.columns, xo_is_nonlinear(&h->array) ? "nonlinear" : "ohmic",
            h->device.off_siemens, h->device.on_siemens);
    put_weights(to, &h->mapping, h->device.bits_per_cell);
    put_converters(to, h);
    fprintf(to, "%zu images that are not scored fixed the ranges; pixels: %s. ", r->calibration_images,
            xo_preprocess_text(job->pixels));
    put_circuit(to, job);
    fputs("Nothing here has been validated on silicon.", to);
    if (fclose(to)) {
        free(text);
        return NULL;
    }
    return text;
}

/* ---- standard output ------------------------------------------------------------------------------- */

static void print_step(const struct xo_paired *p)
{
    printf("   %+6.2f  %+6.2f .. %+5.2f  %s", 100 * p->difference, 100 * p->low95, 100 * p->high95,
           p->resolved ? "" : "not resolved");
    if (p->resolved)
        printf("p = %.1e", p->p);
}

static void print_stage(const struct eval_job *job, enum xo_eval_stage stage)
{
    size_t p = (size_t)stage;
    const struct xo_share *s = &job->share[p];
    printf("%-11s %6.2f   %6.2f .. %6.2f  %6.2f", xo_eval_stage_name(stage), 100 * s->value, 100 * s->low95,
           100 * s->high95, 100 * job->top5[p].value);
    if (stage == XO_EVAL_CIRCUIT && job->result->ideal)
        printf("   as converters: nothing in the arrays resists");
    else if (stage > XO_EVAL_FP32)
        print_step(&job->step[p]);
    putchar('\n');
}

static void print_instances(const struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    const struct xo_instances *v = &job->variation;
    if (!r->instances)
        return;
    printf("%-11s %6.2f   %6.2f .. %6.2f          mean of %zu instance%s", "variation", 100 * v->mean, 100 * v->low95,
           100 * v->high95, r->instances, cli_plural(r->instances));
    if (r->instances > 1)
        printf(", sd between them %.2f, of images %.2f", 100 * sqrt(v->between_variance),
               100 * sqrt(v->images_variance));
    printf(r->instances < 10 ? " (a claim takes 10)\n" : "\n");
    for (size_t n = 0; n < r->instances && r->instances <= 20; n++)
        printf("  %-9zu %6.2f\n", n, 100 * (double)r->pass[EVAL_STAGES + n].hits / (double)r->images);
}

/* By how much converters change it is told beside. */
static void print_analog(const struct eval_job *job)
{
    const struct xo_share *s = &job->analog_share;
    if (!job->analog)
        return;
    printf("%-11s %6.2f   %6.2f .. %6.2f  %6.2f", "analog", 100 * s->value, 100 * s->low95, 100 * s->high95,
           100 * job->analog_top5.value);
    print_step(&job->from_fp32);
    printf("  (from fp32)\n%-43s", "from analog to circuit");
    print_step(&job->to_circuit);
    putchar('\n');
}

/* Converters and circuit below each other. */
static void print_layer(const struct xo_eval_result *r, size_t k)
{
    const struct xo_eval_layer *l = &r->layer[k];
    char shape[32];
    snprintf(shape, sizeof shape, "%zux%zu", l->inputs, l->outputs);
    printf("%-22.22s %11s ", l->name, shape);
    if (l->digital) {
        printf("%6s\n", "kept digital");
        return;
    }
    printf("%6zu %7.1f", l->tiles, 100 * (double)l->used_cells / (double)l->cells);
    for (size_t p = XO_EVAL_CONVERTERS; p <= (r->ideal ? XO_EVAL_CONVERTERS : XO_EVAL_CIRCUIT); p++) {
        const struct xo_eval_count *c = &r->pass[p].count[k];
        const struct xo_eval_reading *x = &r->pass[p].reading[k];
        if (p == XO_EVAL_CIRCUIT)
            printf("%-49s", "");
        printf(" %10.3g %7.4f %9.3g %9.3g %8.3g", x->lsb_ampere, x->gain, 100 * eval_part(c->clipped, c->conversions),
               100 * eval_part(c->flipped, c->conversions), 100 * c->error_rel);
        if (p == XO_EVAL_CIRCUIT)
            printf(" %7.2f %9.1e %9.1e", 100 * x->nf_mean, x->fitted_rms > 0 ? x->fitted_rms : x->bound_rel,
                   x->sampled_error_rel);
        putchar('\n');
    }
}

static void print_layers(const struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    printf("\n%-22s %11s %6s %7s %10s %7s %9s %9s %8s", "Layer", "K x P", "arrays", "used %", "LSB [A]", "gain",
           "clipped %", "flipped %", "error %");
    const struct xo_crossbar *x = &job->session.hardware.array;
    bool fitted = xo_is_nonlinear(x) && x->input != XO_INPUT_GATE;
    printf(r->ideal ? "\n" : " %7s %9s %9s   second line: circuit\n", "NF %", fitted ? "fit rms" : "bound",
           fitted ? "largest" : "sampled");
    for (size_t k = 0; k < r->layers; k++)
        print_layer(r, k);
}

void eval_print(const struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    struct eval_totals t = eval_totals_of(r, XO_EVAL_CONVERTERS);
    printf("Network     %s: %zu weights in %zu layers\n", job->model, t.weights, r->layers);
    printf("Arrays      %zu of %zu x %zu, %.1f %% of their cells hold weights\n", t.tiles,
           job->session.hardware.array.rows, job->session.hardware.array.columns,
           t.cells ? 100 * (double)t.used_cells / (double)t.cells : 0);
    printf("Images      %zu scored, %zu others calibrate\n\n", r->images, r->calibration_images);
    printf("Stage       top-1 %%   95 %% interval     top-5 %%   against the stage before, points\n");
    for (int stage = 0; stage < EVAL_STAGES; stage++)
        print_stage(job, (enum xo_eval_stage)stage);
    print_instances(job);
    printf("%-43s", "from fp32 to circuit");
    print_step(&job->total);
    putchar('\n');
    print_analog(job);
    eval_gains_print(job);
    print_layers(job);
    eval_audit_print(job);
    eval_speed_print(job);
    printf("Report      %s/report.html\n", job->folder);
}

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
    json_t *reading = json_pack("{s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:I, s:o}",
                                "fitted_rms", cli_json_number(x->fitted_rms),
                                "low_ampere", cli_json_number(x->low_ampere), "lsb_ampere",
                                cli_json_number(x->lsb_ampere), "gain", cli_json_number(x->gain),
                                "solved_arrays", (json_int_t)x->arrays, "nf_mean", cli_json_number(x->nf_mean),
                                "nf_low", cli_json_number(x->nf_low), "nf_high", cli_json_number(x->nf_high),
                                "bound_rel", cli_json_number(x->bound_rel), "sampled_arrays",
                                (json_int_t)x->sampled, "sampled_error_rel", cli_json_number(x->sampled_error_rel));
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
