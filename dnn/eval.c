/* A network stage by stage: which images, which passes, what came out.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "eval.h"
#include "memory.h"
#include "network.h"
#include "sha256.h"
#include "xo_file.h"

const char *xo_eval_stage_name(enum xo_eval_stage stage)
{
    static const char *const name[] = {"fp32", "quantised", "converters", "circuit", "variation"};
    return stage < XO_EVAL_STAGES ? name[stage] : "?";
}

/* ---- which images --------------------------------------------------------------------------------- */

/* Do two splits show the same files?  Then images are the same where their numbers are. */
static int same_files(bool *same, const xo_data *a, const xo_data *b, struct xo_info *info)
{
    char hex_a[65], hex_b[65];
    int status = xo_data_sha256(a, hex_a, info);
    if (!status)
        status = xo_data_sha256(b, hex_b, info);
    *same = !status && !strcmp(hex_a, hex_b);
    return status;
}

static size_t at_most(size_t count, size_t limit)
{
    return limit && limit < count ? limit : count;
}

static int choose_calibration(struct xo_eval *e)
{
    xo_data *d = e->request.calibrate;
    size_t count = d ? at_most(xo_data_count(d), e->request.calibrate_limit) : 0;
    e->calibration_index = xo_calloc(count, sizeof *e->calibration_index);
    if (!e->calibration_index)
        return ENOMEM;
    for (size_t k = 0; k < count; k++)
        e->calibration_index[k] = k;
    e->calibration = (struct xo_eval_images){d, count, e->calibration_index};
    e->result.calibration_images = count;
    return 0;
}

/* Every image of the split that does not calibrate. */
static int choose_scored(struct xo_eval *e, struct xo_info *info)
{
    xo_data *d = e->request.data;
    size_t all = xo_data_count(d), first = xo_data_first(d), low = 0, high = 0, count = 0;
    bool same = false;
    if (e->request.calibrate) {
        int status = same_files(&same, d, e->request.calibrate, info);
        if (status)
            return status;
        low = xo_data_first(e->request.calibrate);
        high = low + e->calibration.count;
    }
    e->scored_index = xo_calloc(all, sizeof *e->scored_index);
    if (!e->scored_index)
        return ENOMEM;
    for (size_t k = 0; k < all; k++)
        if (same && first + k >= low && first + k < high)
            e->result.excluded++;
        else
            e->scored_index[count++] = k;
    e->scored = (struct xo_eval_images){d, at_most(count, e->request.limit), e->scored_index};
    if (!e->scored.count)
        return xo_fail(info, XO_EVALUE, "%s: no image is left to score; expected some that do not calibrate",
                       xo_data_specification(d));
    return 0;
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

/* ---- passes and their engines ---------------------------------------------------------------------- */

static void add_pass(struct xo_eval *e, enum xo_eval_stage stage, enum xo_gain_scope gain, size_t instance,
                     int main_pass)
{
    e->same[e->result.passes] = e->result.passes;
    e->pass[e->result.passes++] = (struct xo_eval_pass){.stage = stage, .gain = gain, .instance = instance,
                                                        .main = main_pass};
}

/* Nothing resists, no line is held, nothing is stuck: G_ni is G in every layer. */
static bool is_ideal(const struct xo_eval *e)
{
    bool ideal = true;
    for (size_t k = 0; k < e->layers.count; k++)
        ideal = ideal && (!e->hardware[k] || xo_is_ideal(e->hardware[k], false));
    return ideal;
}

static int choose_passes(struct xo_eval *e)
{
    enum xo_gain_scope own = e->request.hardware->gain.scope;
    size_t room = XO_EVAL_VARIATION + e->request.instances + 2 * XO_GAIN_COLUMN;
    e->pass = xo_calloc(room, sizeof *e->pass);
    e->same = xo_calloc(room, sizeof *e->same);
    e->engine = xo_calloc(room, sizeof *e->engine);
    if (!e->pass || !e->same || !e->engine)
        return ENOMEM;
    for (int stage = XO_EVAL_FP32; stage < XO_EVAL_VARIATION; stage++)
        add_pass(e, (enum xo_eval_stage)stage, stage < XO_EVAL_CONVERTERS ? XO_GAIN_NONE : own, 0, 1);
    for (size_t n = 0; n < e->request.instances; n++)
        add_pass(e, XO_EVAL_VARIATION, own, n, 1);
    for (int gain = XO_GAIN_NONE; e->request.every_gain && gain <= XO_GAIN_COLUMN; gain++)
        for (int stage = XO_EVAL_CONVERTERS; gain != (int)own && stage <= XO_EVAL_CIRCUIT; stage++)
            add_pass(e, (enum xo_eval_stage)stage, (enum xo_gain_scope)gain, 0, 0);
    e->result.instances = e->request.instances;
    e->result.ideal = is_ideal(e);
    for (size_t p = 0; p < e->result.passes && e->result.ideal; p++)
        if (e->pass[p].stage == XO_EVAL_CIRCUIT)
            e->same[p] = p - 1;
    return 0;
}

/* The layers' hardware with another gain. */
static int set_gain(struct xo_eval *e, size_t p)
{
    struct xo_eval_engine *engine = &e->engine[p];
    size_t layers = e->layers.count;
    engine->hardware = xo_calloc(layers, sizeof *engine->hardware);
    engine->copy = xo_calloc(layers, sizeof *engine->copy);
    if (!engine->hardware || !engine->copy)
        return ENOMEM;
    for (size_t k = 0; k < layers; k++) {
        if (!e->hardware[k])
            continue;
        engine->copy[k] = *e->hardware[k];
        engine->copy[k].gain.scope = e->pass[p].gain;
        engine->hardware[k] = &engine->copy[k];
    }
    return 0;
}

static int program(struct xo_eval *e, size_t p, struct xo_info *info)
{
    const struct xo_eval_pass *pass = &e->pass[p];
    const struct xo_programming how = {
        .hardware = e->engine[p].hardware, .varies = pass->stage == XO_EVAL_VARIATION, .instance = pass->instance,
        .threads = (int)e->threads, .simd = e->request.simd,
    };
    double before = omp_get_wtime();
    clock_t began = clock();
    if (e->request.progress && e->request.progress(e->request.user, XO_EVAL_PROGRAMMING, p, e->result.passes))
        return XO_ESTOPPED;
    int status = xo_engine_dnn_program(&e->engine[p].dnn, e->engine[XO_EVAL_CONVERTERS].dnn, &how, info);
    e->result.program_sec += omp_get_wtime() - before;
    e->result.program_processor_sec += (double)(clock() - began) / CLOCKS_PER_SEC;
    return status;
}

/* The quantised pass shares the converters' engine. */
static int make_engine(struct xo_eval *e, size_t p, struct xo_info *info)
{
    struct xo_eval_engine *engine = &e->engine[p];
    int status = e->pass[p].main ? 0 : set_gain(e, p);
    if (status)
        return status;
    if (e->pass[p].stage >= XO_EVAL_CIRCUIT)
        return program(e, p, info);
    status = xo_engine_dnn_new(&engine->dnn, e->graph, &e->layers, engine->hardware ? engine->hardware : e->hardware,
                               e->range, info);
    if (!status)
        xo_engine_dnn_simd(engine->dnn, e->request.simd);
    return status;
}

xo_engine_dnn *xo_eval_engine_of(const struct xo_eval *e, size_t p)
{
    return e->engine[p == XO_EVAL_QUANTISED ? (size_t)XO_EVAL_CONVERTERS : e->same[p]].dnn;
}

/* ---- calibration: currents ------------------------------------------------------------------------- */

struct calibration {
    struct xo_eval *e;
    xo_engine_dnn *engine;
    xo_engine_thread **thread;         /* [threads] */
};

static int calibrate_block(void *user, size_t thread, xo_run *run, size_t block, size_t first, size_t images,
                           const float *image, struct xo_info *info)
{
    struct calibration *c = user;
    xo_engine_thread *t = c->thread[thread];
    (void)block;
    float *logits = xo_calloc(images * xo_run_outputs(run), sizeof *logits);
    struct xo_layer_hook hook = xo_engine_hook(t);
    xo_engine_thread_image(t, first);
    int status = logits ? xo_run_forward(run, image, logits, &hook, info) : ENOMEM;
    free(logits);
    return status;
}

static int calibrate(struct xo_eval *e, xo_engine_dnn *engine, struct xo_info *info)
{
    struct calibration c = {e, engine, xo_calloc(e->threads, sizeof *c.thread)};
    const struct xo_eval_work work = {.block = calibrate_block, .user = &c, .phase = XO_EVAL_CURRENTS};
    int status = c.thread ? 0 : ENOMEM;
    for (size_t t = 0; t < e->threads && !status; t++)
        status = xo_engine_calibrator_new(&c.thread[t], engine, info);
    if (!status)
        status = xo_eval_for_blocks(e, &e->calibration, &work, info);
    if (!status)
        status = xo_engine_calibrate(engine, e->threads, c.thread, info);
    for (size_t t = 0; c.thread && t < e->threads; t++)
        xo_engine_thread_free(c.thread[t]);
    free(c.thread);
    return status;
}

static int calibrate_all(struct xo_eval *e, struct xo_info *info)
{
    int status = e->calibration.count ? xo_eval_input_ranges(e, info) : 0;
    for (size_t p = XO_EVAL_CONVERTERS; p < e->result.passes && !status; p++) {
        if (e->same[p] != p)
            continue;
        status = make_engine(e, p, info);
        if (!status)
            status = calibrate(e, e->engine[p].dnn, info);
    }
    return status;
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
                s.loss.nf_high, s.loss.bound_rel, s.loss.sampled, s.loss.sampled_error_rel
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

static int find_images(struct xo_eval *e, struct xo_info *info)
{
    const struct xo_eval_request *r = &e->request;
    size_t dimensions = 0, shape[XO_MAX_RANK] = {0};
    xo_network_image_shape(r->network, &dimensions, shape);
    int status = choose_calibration(e);
    if (!status)
        status = choose_scored(e, info);
    if (!status)
        status = xo_data_shape(r->data, r->preprocess, dimensions, shape, &e->dimensions, e->shape, info);
    e->pixels = 1;
    for (size_t d = 0; d < e->dimensions; d++)
        e->pixels *= e->shape[d];
    return status;
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
        status = find_images(e, info);
    if (!status)
        status = count_classes(e, info);
    if (!status)
        status = check_labels(e, info);
    if (!status)
        status = choose_passes(e);
    if (!status)
        status = make_room(e);
    if (!status)
        status = calibrate_all(e, info);
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

/* ---- running --------------------------------------------------------------------------------------- */

struct running {
    struct xo_eval *e;
    xo_engine_thread **thread;         /* [threads][passes]; NULL for fp32 */
    double *seconds;                   /* [threads][passes]                */
    xo_checkpoint *checkpoint;
};

static void judge(struct xo_eval *e, size_t p, size_t k, const float *logits)
{
    struct xo_eval_pass *pass = &e->pass[p];
    size_t classes = e->result.classes, best = 0, above = 0;
    size_t right = (size_t)(e->label[k] + e->result.label_offset);
    for (size_t c = 1; c < classes; c++)
        if (logits[c] > logits[best])
            best = c;
    for (size_t c = 0; c < classes; c++)               /* of equal logits the first wins */
        above += logits[c] > logits[right] || (logits[c] == logits[right] && c < right);
    pass->prediction[k] = (int32_t)best - e->result.label_offset;
    pass->hit[k] = best == right;
    pass->top5[k] = above < 5;
    if (pass->logits)
        memcpy(pass->logits + k * classes, logits, classes * sizeof *logits);
}

static int run_pass(struct running *r, size_t p, xo_engine_thread *t, xo_run *run, size_t block, size_t first,
                    size_t images, const float *image, float *logits, struct xo_info *info)
{
    struct xo_eval *e = r->e;
    struct xo_layer_hook hook;
    size_t layers = e->layers.count;
    double before = omp_get_wtime();
    if (t) {
        xo_engine_thread_image(t, first);
        hook = xo_engine_hook(t);
    }
    int status = xo_run_forward(run, image, logits, t ? &hook : NULL, info);
    if (status)
        return status;
    if (t)
        memcpy(e->block_count + (block * e->result.passes + p) * layers, xo_engine_thread_counts(t),
               layers * sizeof *e->block_count);
    for (size_t k = 0; k < images; k++)
        judge(e, p, first + k, logits + k * e->result.classes);
    r->seconds[(size_t)omp_get_thread_num() * e->result.passes + p] += omp_get_wtime() - before;
    return 0;
}

/* What is no different is not run twice. */
static void repeat_pass(struct xo_eval *e, size_t p, size_t block, size_t first, size_t images)
{
    struct xo_eval_pass *to = &e->pass[p];
    const struct xo_eval_pass *from = &e->pass[e->same[p]];
    size_t layers = e->layers.count, classes = e->result.classes;
    struct xo_layer_counts *count = e->block_count + block * e->result.passes * layers;
    memcpy(to->prediction + first, from->prediction + first, images * sizeof *to->prediction);
    memcpy(to->hit + first, from->hit + first, images);
    memcpy(to->top5 + first, from->top5 + first, images);
    memcpy(count + p * layers, count + e->same[p] * layers, layers * sizeof *count);
    if (to->logits)
        memcpy(to->logits + first * classes, from->logits + first * classes, images * classes * sizeof *to->logits);
}

static int run_block(void *user, size_t thread, xo_run *run, size_t block, size_t first, size_t images,
                     const float *image, struct xo_info *info)
{
    struct running *r = user;
    struct xo_eval *e = r->e;
    float *logits = xo_calloc(images * e->result.classes, sizeof *logits);
    int status = logits ? 0 : ENOMEM;
    for (size_t p = 0; p < e->result.passes && !status; p++)
        if (e->same[p] != p)
            repeat_pass(e, p, block, first, images);
        else
            status = run_pass(r, p, r->thread[thread * e->result.passes + p], run, block, first, images, image,
                              logits, info);
    free(logits);
    if (status)
        return status;
    #pragma omp critical(xo_eval_checkpoint)
    {
        if (r->checkpoint)
            status = xo_checkpoint_add(r->checkpoint, e, block, info);
        e->block_done[block] = 1;
    }
    return status;
}

static bool is_done(void *user, size_t block)
{
    const struct running *r = user;
    return r->e->block_done[block];
}

/* Blocks in their order, so that sums of fractions are the same however they were worked on. */
static void add_up(struct xo_eval *e)
{
    size_t layers = e->layers.count;
    for (size_t p = 0; p < e->result.passes; p++) {
        struct xo_eval_pass *pass = &e->pass[p];
        pass->hits = pass->top5_hits = 0;
        for (size_t k = 0; k < e->scored.count; k++) {
            pass->hits += pass->hit[k];
            pass->top5_hits += pass->top5[k];
        }
        for (size_t n = 0; n < layers; n++) {
            struct xo_layer_counts sum = {0};
            for (size_t b = 0; b < e->blocks; b++) {
                const struct xo_layer_counts *c = &e->block_count[(b * e->result.passes + p) * layers + n];
                sum.conversions += c->conversions;
                sum.clipped += c->clipped;
                sum.flipped += c->flipped;
                sum.error_square += c->error_square;
                sum.signal_square += c->signal_square;
            }
            pass->count[n] = (struct xo_eval_count){
                sum.conversions, sum.clipped, sum.flipped,
                sum.signal_square > 0 ? sqrt(sum.error_square / sum.signal_square) : 0
            };
        }
    }
}

/* Of numbers that the hardware takes from files. */
static int hash_files(char hex[65], const struct xo_eval *e)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&bytes, &size);
    for (size_t k = 0; to && k < e->layers.count; k++) {
        const struct xo_crossbar *x = &e->own_hardware[k].array;
        size_t m = x->rows, n = x->columns;
        const struct { const struct xo_values *of; size_t count; } values[] = {
            {&x->row_wire_ohm, m * (n - 1)}, {&x->column_wire_ohm, (m - 1) * n}, {&x->driver_ohm, m},
            {&x->sense_ohm, n}, {&x->sense_volt, n}, {&x->series_ohm, m * n}, {&e->own_hardware[k].cell_faults.map, m * n}};
        for (size_t v = 0; v < sizeof values / sizeof *values; v++)
            if (values[v].of->each)
                fwrite(values[v].of->each, sizeof(double), values[v].count, to);
    }
    int status = !to || fclose(to) ? ENOMEM : 0;
    if (!status)
        xo_sha256_hex(hex, bytes, size);
    free(bytes);
    return status;
}

/* What decides the results. */
static int find_key(char key[65], const struct xo_eval *e, struct xo_info *info)
{
    const struct xo_eval_request *r = &e->request;
    char *hardware = NULL, *text = NULL, data[65], calibrate[65] = "none", files[65];
    int status = xo_hardware_print(&hardware, r->hardware);
    if (!status)
        status = hash_files(files, e);
    if (!status)
        status = xo_data_sha256(r->data, data, info);
    if (!status && r->calibrate)
        status = xo_data_sha256(r->calibrate, calibrate, info);
    if (!status && asprintf(&text, "%s\n%s\n%s\n%s\n%s %zu %zu\n%s %zu %zu\n%s\n%d %d %zu %zu\n", PACKAGE_VERSION, hardware, files,
                            xo_network_sha256(r->network), data, xo_data_first(r->data), e->scored.count, calibrate,
                            r->calibrate ? xo_data_first(r->calibrate) : 0, e->calibration.count,
                            xo_preprocess_text(r->preprocess), r->every_gain, r->keep_logits, r->instances,
                            e->block_images) < 0)
        status = ENOMEM;
    if (!status)
        xo_sha256_hex(key, text, strlen(text));
    free(hardware);
    free(text);
    return status;
}

static enum xo_stage stage_of(const struct xo_eval_pass *p)
{
    return p->stage == XO_EVAL_VARIATION ? XO_STAGE_CIRCUIT : (enum xo_stage)p->stage;
}

static int make_threads(struct running *r, struct xo_info *info)
{
    struct xo_eval *e = r->e;
    size_t passes = e->result.passes;
    r->thread = xo_calloc(e->threads * passes, sizeof *r->thread);
    r->seconds = xo_calloc(e->threads * passes, sizeof *r->seconds);
    int status = r->thread && r->seconds ? 0 : ENOMEM;
    for (size_t k = 0; k < e->threads * passes && !status; k++)
        if (e->pass[k % passes].stage != XO_EVAL_FP32 && e->same[k % passes] == k % passes)
            status = xo_engine_thread_new(&r->thread[k], xo_eval_engine_of(e, k % passes), stage_of(&e->pass[k % passes]),
                                          info);
    return status;
}

int xo_eval_run(struct xo_eval *e, struct xo_info *info)
{
    struct running r = {.e = e};
    const struct xo_eval_work work = {.block = run_block, .skip = is_done, .user = &r, .phase = XO_EVAL_IMAGES};
    char key[65];
    int status = e->request.checkpoint ? find_key(key, e, info) : 0;
    if (!status && e->request.checkpoint)
        status = xo_checkpoint_open(&r.checkpoint, e, key, info);
    if (!status)
        status = make_threads(&r, info);
    if (!status)
        status = xo_eval_for_blocks(e, &e->scored, &work, info);
    if (!status)
        add_up(e);
    for (size_t k = 0; r.thread && k < e->threads * e->result.passes; k++)
        xo_engine_thread_free(r.thread[k]);
    for (size_t k = 0; r.seconds && k < e->threads * e->result.passes; k++)
        e->pass[k % e->result.passes].seconds += r.seconds[k];
    free(r.thread);
    free(r.seconds);
    xo_checkpoint_close(r.checkpoint);
    return status;
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
