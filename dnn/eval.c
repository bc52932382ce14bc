/* An evaluation set up: layers with their hardware, room for what comes out.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "eval.h"
#include "memory.h"
#include "network.h"

const char *xo_eval_stage_name(enum xo_eval_stage stage)
{
    static const char *const name[] = {"fp32", "quantised", "converters", "circuit", "variation",
                                       "analog"};
    return stage < XO_EVAL_STAGES ? name[stage] : "?";
}

/* ---- which layers, with which hardware ------------------------------------------------------------- */

static int check_overrides(const struct xo_eval *e, struct xo_info *info)
{
    const char **name = xo_calloc(e->layers.count, sizeof *name);
    if (!name)
        return ENOMEM;
    for (size_t k = 0; k < e->layers.count; k++)
        name[k] = e->layers.layer[k].name;
    int status = xo_hardware_check_layers(e->request.hardware, e->layers.count, name, info);
    free(name);
    return status;
}

static int choose_hardware(struct xo_eval *e, struct xo_info *info)
{
    size_t layers = e->layers.count;
    e->own_hardware = xo_calloc(layers, sizeof *e->own_hardware);
    e->hardware = xo_calloc(layers, sizeof *e->hardware);
    e->range = xo_calloc(layers, sizeof *e->range);
    e->layer = xo_calloc(layers, sizeof *e->layer);
    if (!e->own_hardware || !e->hardware || !e->range || !e->layer)
        return ENOMEM;
    int status = check_overrides(e, info);
    for (size_t k = 0; k < layers && !status; k++) {
        struct xo_hardware *h = &e->own_hardware[k];
        bool digital = false;
        status = xo_hardware_for_layer(h, e->request.hardware, e->layers.layer[k].name, &digital, info);
        if (!status)
            status = xo_hardware_finish(h, 0, 0, info);
        e->hardware[k] = digital ? NULL : h;
    }
    return status;
}

/* Layers that the mapping leaves to digital logic. */
static void leave_digital(struct xo_eval *e)
{
    for (size_t k = 0; k < e->layers.count; k++)
        if (e->hardware[k] && xo_layer_stays_digital(&e->layers.layer[k], &e->hardware[k]->mapping, false))
            e->hardware[k] = NULL;
}

static bool needs_images(const struct xo_hardware *h, const struct xo_layer *l)
{
    return !l->has_integers || h->adc.range == XO_ADC_CALIBRATED;
}

int xo_eval_needs_images(const xo_network *n, const struct xo_hardware *h)
{
    struct xo_layers layers = {0};
    bool needs = true;
    if (xo_layers_find_for(&layers, &n->graph, h, NULL))
        return 1;
    needs = layers.count == 0;
    for (size_t k = 0; k < layers.count; k++)
        needs = needs || needs_images(h, &layers.layer[k]);
    xo_layers_free(&layers);
    return needs;
}

int xo_eval_varies(const xo_network *n, const struct xo_hardware *h)
{
    struct xo_layers layers = {0};
    bool varies = xo_hardware_varies(h), digital;
    if (xo_layers_find_for(&layers, &n->graph, h, NULL))
        return varies;
    for (size_t k = 0; k < layers.count; k++) {
        struct xo_hardware own;
        if (xo_hardware_for_layer(&own, h, layers.layer[k].name, &digital, NULL))
            continue;
        varies = varies || xo_hardware_varies(&own);
        xo_hardware_free(&own);
    }
    xo_layers_free(&layers);
    return varies;
}

/* ---- setting up ------------------------------------------------------------------------------------ */

static void fill_layers(struct xo_eval *e)
{
    for (size_t k = 0; k < e->layers.count; k++) {
        struct xo_layer_sheet s = {0};
        struct xo_eval_layer *l = &e->layer[k];
        l->name = e->layers.layer[k].name;
        l->inputs = e->layers.layer[k].inputs;
        l->outputs = e->layers.layer[k].outputs;
        l->groups = e->layers.layer[k].groups;
        l->digital = !e->hardware[k];
        if (l->digital)
            continue;
        xo_engine_sheet(xo_eval_engine_of(e, XO_EVAL_CONVERTERS), k, &s);
        l->tiles = s.tiles;
        l->cells = s.cells;
        l->used_cells = s.used_cells;
        l->slices = s.slices;
        l->streams = s.streams;
        l->weight_scale = s.weight_scale;
        l->input_scale = s.input_scale;
        l->weight_zero = s.weight_zero;
        l->input_zero = s.input_zero;
        l->signed_inputs = s.is_signed;
        l->unit_ampere = s.unit_ampere;
        l->low_ampere = s.low_ampere;
        l->lsb_ampere = s.lsb_ampere;
        l->gain = s.gain;
    }
}

static void fill_readings(struct xo_eval *e)
{
    for (size_t p = XO_EVAL_CONVERTERS; p < e->result.passes; p++)
        for (size_t k = 0; k < e->layers.count; k++) {
            struct xo_layer_sheet s = {0};
            if (!e->hardware[k])
                continue;
            xo_engine_sheet(xo_eval_engine_of(e, p), k, &s);
            e->pass[p].reading[k] = (struct xo_eval_reading){
                s.low_ampere, s.lsb_ampere, s.gain, s.loss.arrays, s.loss.columns, s.loss.nf_mean, s.loss.nf_low,
                s.loss.nf_high, s.loss.bound_rel, s.loss.sampled, s.loss.sampled_error_rel,
                s.loss.fitted_rms
            };
        }
}

/* How many numbers per image come out: a first look, with a run that is thrown away. */
static int count_classes(struct xo_eval *e, struct xo_info *info)
{
    xo_run *run = NULL;
    int status = xo_run_new(&run, e->graph, &e->layers, 1, e->dimensions, e->shape, info);
    if (!status)
        e->result.classes = xo_run_outputs(run);
    xo_run_free(run);
    return status;
}

static int make_room(struct xo_eval *e)
{
    struct xo_eval_result *r = &e->result;
    size_t images = e->scored.count, layers = e->layers.count;
    r->images = images;
    r->layers = layers;
    r->layer = e->layer;
    r->pass = e->pass;
    e->blocks = (images + e->block_images - 1) / e->block_images;
    e->block_count = xo_calloc(e->blocks * r->passes * layers, sizeof *e->block_count);
    e->block_done = xo_calloc(e->blocks, 1);
    r->label = e->label = xo_calloc(images, sizeof *e->label);
    r->number = e->number = xo_calloc(images, sizeof *e->number);
    bool all = e->block_count && e->block_done && e->label && e->number;
    for (size_t p = 0; p < r->passes; p++) {
        struct xo_eval_pass *pass = &e->pass[p];
        pass->prediction = xo_calloc(images, sizeof *pass->prediction);
        pass->hit = xo_calloc(images, 1);
        pass->top5 = xo_calloc(images, 1);
        pass->count = xo_calloc(layers, sizeof *pass->count);
        pass->reading = xo_calloc(layers, sizeof *pass->reading);
        pass->logits = e->request.keep_logits ? xo_calloc(images * r->classes, sizeof *pass->logits) : NULL;
        all = all && pass->prediction && pass->hit && pass->top5 && pass->count && pass->reading &&
              (pass->logits || !e->request.keep_logits);
    }
    for (size_t k = 0; all && k < images; k++) {
        e->label[k] = xo_data_label(e->scored.data)[e->scored_index[k]];
        e->number[k] = xo_data_first(e->scored.data) + e->scored_index[k];
    }
    return all ? 0 : ENOMEM;
}

/* A network trained with a class of "none of these" in front has one output more than the labels have classes. */
static int check_labels(struct xo_eval *e, struct xo_info *info)
{
    e->result.label_offset = xo_data_label_offset(e->request.data, e->request.preprocess, e->result.classes);
    return xo_data_check_labels(e->request.data, e->result.classes - (size_t)e->result.label_offset, info);
}

static int set_up(struct xo_eval *e, struct xo_info *info)
{
    const struct xo_eval_request *r = &e->request;
    e->graph = &r->network->graph;
    e->threads = r->threads < 1 ? 1 : (size_t)r->threads;
    e->block_images = xo_run_images(e->graph, XO_EVAL_BLOCK);
    int status = xo_layers_find_for(&e->layers, e->graph, r->hardware, info);
    if (!status)
        status = choose_hardware(e, info);
    if (!status)
        leave_digital(e);
    if (!status)
        status = xo_eval_choose_images(e, info);
    if (!status)
        status = count_classes(e, info);
    if (!status)
        status = check_labels(e, info);
    if (!status)
        status = xo_eval_choose_passes(e, info);
    if (!status)
        status = make_room(e);
    if (!status)
        status = xo_eval_calibrate(e, info);
    if (!status) {
        fill_layers(e);
        fill_readings(e);
    }
    return status;
}

int xo_eval_new(xo_eval **out, const struct xo_eval_request *request, struct xo_info *info)
{
    struct xo_eval *e = xo_calloc(1, sizeof *e);
    int status = e ? 0 : ENOMEM;
    if (e) {
        e->request = *request;
        status = set_up(e, info);
    }
    if (status)
        xo_eval_free(e);
    else
        *out = e;
    return status;
}

void xo_eval_free(struct xo_eval *e)
{
    if (!e)
        return;
    for (size_t p = e->result.passes; p-- > 0;) {      /* programmed engines borrow from the converters' */
        xo_engine_dnn_free(e->engine[p].dnn);
        free(e->engine[p].hardware);
        free(e->engine[p].copy);
        free(e->pass[p].reading);
        free(e->pass[p].prediction);
        free(e->pass[p].hit);
        free(e->pass[p].top5);
        free(e->pass[p].count);
        free(e->pass[p].logits);
    }
    for (size_t k = 0; e->own_hardware && k < e->layers.count; k++)
        xo_hardware_free(&e->own_hardware[k]);
    free(e->own_hardware);
    free(e->hardware);
    free(e->engine);
    free(e->pass);
    free(e->same);
    free(e->range);
    free(e->layer);
    free(e->label);
    free(e->number);
    free(e->block_count);
    free(e->block_done);
    free(e->scored_index);
    free(e->calibration_index);
    xo_layers_free(&e->layers);
    free(e);
}

const struct xo_eval_result *xo_eval_result(const struct xo_eval *e)
{
    return &e->result;
}

void xo_eval_done(const struct xo_eval *e)
{
    if (e->request.checkpoint)
        remove(e->request.checkpoint);
}
