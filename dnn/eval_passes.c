/* Which ways the network is run, and the engine of each: made, programmed, calibrated.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <omp.h>
#include <stdlib.h>
#include <time.h>
#include "eval.h"
#include "memory.h"

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

/* *analog: it is wished for, and there is such a stage. */
static int check_analog(bool *analog, const struct xo_eval *e, struct xo_info *info)
{
    int status = 0;
    for (size_t k = 0; k < e->layers.count && !status; k++)
        status = e->hardware[k] ? xo_check_linear(e->hardware[k], e->layers.layer[k].name, info) : 0;
    *analog = !status && e->request.analog != XO_EVAL_LEAVE;
    return e->request.analog == XO_EVAL_DEMAND ? status : 0;
}

/* Audited images are run without noise. */
int xo_eval_check_audit(const struct xo_eval *e, struct xo_info *info)
{
    for (size_t k = 0; k < e->layers.count; k++)
        if (e->hardware[k] && e->hardware[k]->dac.noise_volt > 0)
            return xo_fail(info, XO_EUNSUPPORTED, "layer %s: dac.noise_volt is not 0; expected voltages without "
                           "noise, as audited images get", e->layers.layer[k].name);
    return 0;
}

static void add_gain(struct xo_eval *e, enum xo_gain_scope gain, bool analog)
{
    add_pass(e, XO_EVAL_CONVERTERS, gain, 0, 0);
    add_pass(e, XO_EVAL_CIRCUIT, gain, 0, 0);
    if (analog)
        add_pass(e, XO_EVAL_ANALOG, gain, 0, 0);
}

int xo_eval_choose_passes(struct xo_eval *e, struct xo_info *info)
{
    enum xo_gain_scope own = e->request.hardware->gain.scope;
    size_t room = XO_EVAL_VARIATION + e->request.instances + 1 + 3 * XO_GAIN_COLUMN;
    bool analog;
    int status = check_analog(&analog, e, info);
    if (!status && e->request.audits_images)
        status = xo_eval_check_audit(e, info);
    if (status)
        return status;
    e->pass = xo_calloc(room, sizeof *e->pass);
    e->same = xo_calloc(room, sizeof *e->same);
    e->engine = xo_calloc(room, sizeof *e->engine);
    if (!e->pass || !e->same || !e->engine)
        return ENOMEM;
    for (int stage = XO_EVAL_FP32; stage < XO_EVAL_VARIATION; stage++)
        add_pass(e, (enum xo_eval_stage)stage, stage < XO_EVAL_CONVERTERS ? XO_GAIN_NONE : own, 0, 1);
    for (size_t n = 0; n < e->request.instances; n++)
        add_pass(e, XO_EVAL_VARIATION, own, n, 1);
    if (analog)
        add_pass(e, XO_EVAL_ANALOG, own, 0, 1);
    for (int gain = XO_GAIN_NONE; e->request.every_gain && gain <= XO_GAIN_COLUMN; gain++)
        if (gain != (int)own)
            add_gain(e, (enum xo_gain_scope)gain, analog);
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
        .tolerance = e->request.tolerance, .in_float32 = e->request.in_float32 != 0,
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

/* The quantised pass shares the converters' engine, the analog one the circuit's. */
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
    if (e->pass[p].stage == XO_EVAL_ANALOG)
        p = e->pass[p].main ? (size_t)XO_EVAL_CIRCUIT : p - 1;
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
        status = xo_engine_calibrator_new(&c.thread[t], engine, e->calibration.count, info);
    for (bool again = true; again && !status;) {
        status = xo_eval_for_blocks(e, &e->calibration, &work, info);
        if (!status)
            status = xo_engine_calibrate(engine, e->threads, c.thread, &again, info);
    }
    for (size_t t = 0; c.thread && t < e->threads; t++)
        xo_engine_thread_free(c.thread[t]);
    free(c.thread);
    return status;
}

int xo_eval_calibrate(struct xo_eval *e, struct xo_info *info)
{
    int status = e->calibration.count ? xo_eval_input_ranges(e, info) : 0;
    for (size_t p = XO_EVAL_CONVERTERS; p < e->result.passes && !status; p++) {
        if (e->same[p] != p || e->pass[p].stage == XO_EVAL_ANALOG)
            continue;
        status = make_engine(e, p, info);
        if (!status)
            status = calibrate(e, e->engine[p].dnn, info);
    }
    return status;
}
