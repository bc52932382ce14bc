/* Images run end to end twice: as the circuit stage does, and with every column current from certified matrices
 * through the plain conversion chain.  Same images, same noise: only currents differ.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include "audit.h"
#include "memory.h"

enum { TILE_IMAGES = 4 };              /* whose inputs tiles get where no images are audited */

struct audit {
    struct xo_eval *e;
    xo_engine_dnn *engine;
    enum xo_stage stage;
    size_t images, done;
    size_t *image;
    struct verdict { bool changed; double worst, low, high; } *verdict;        /* [images] */
    struct xo_layer_circuit *exact;    /* [layers] of nonlinear cells      */
    struct xo_current_error *error;    /* [images][layers] likewise        */
};

int xo_audit_image(float *pixels, const struct xo_eval *e, size_t image, struct xo_info *info)
{
    return xo_data_images(e->scored.data, e->request.preprocess, e->dimensions, e->shape, e->scored.index[image], 1,
                          pixels, info);
}

/* Spread evenly over those that were scored. */
static int choose_images(struct audit *a, size_t wanted)
{
    size_t all = a->e->scored.count;
    a->images = wanted < all ? wanted : all;
    a->image = xo_calloc(a->images, sizeof *a->image);
    a->verdict = xo_calloc(a->images, sizeof *a->verdict);
    for (size_t k = 0; a->image && k < a->images; k++)
        a->image[k] = (2 * k + 1) * all / (2 * a->images);
    return a->image && a->verdict ? 0 : ENOMEM;
}

/* ---- images ---------------------------------------------------------------------------------------- */

/* What one thread needs. */
struct runner {
    xo_run *run;
    xo_engine_thread *thread[2];       /* as the stage does; exactly */
    float *pixels, *logits[2];
};

static void runner_free(struct runner *r)
{
    xo_run_free(r->run);
    for (int k = 0; k < 2; k++) {
        xo_engine_thread_free(r->thread[k]);
        free(r->logits[k]);
    }
    free(r->pixels);
}

static int runner_new(struct runner *r, const struct audit *a, struct xo_info *info)
{
    struct xo_eval *e = a->e;
    int status = xo_run_new(&r->run, e->graph, &e->layers, 1, e->dimensions, e->shape, info);
    for (int k = 0; k < 2 && !status; k++) {
        status = xo_engine_thread_new(&r->thread[k], a->engine, a->stage, info);
        r->logits[k] = xo_calloc(e->result.classes, sizeof(float));
        if (!status && !r->logits[k])
            status = ENOMEM;
    }
    r->pixels = xo_calloc(e->pixels, sizeof *r->pixels);
    if (!status) {
        r->thread[1]->certified = true;
        r->thread[1]->exact = a->exact;
    }
    return status || r->pixels ? status : ENOMEM;
}

static size_t largest(const float *logits, size_t classes)
{
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
        best = logits[c] > logits[best] ? c : best;
    return best;
}

static int run_image(struct runner *r, const struct audit *a, size_t k, struct xo_info *info)
{
    size_t classes = a->e->result.classes;
    struct verdict v = { .low = INFINITY, .high = -INFINITY };
    int status = xo_audit_image(r->pixels, a->e, a->image[k], info);
    for (int way = 0; way < 2 && !status; way++) {
        struct xo_layer_hook hook = xo_engine_hook(r->thread[way]);
        xo_engine_thread_image(r->thread[way], a->image[k]);
        r->thread[way]->error = a->error + k * a->e->layers.count;
        status = xo_run_forward(r->run, r->pixels, r->logits[way], &hook, info);
        if (status && *r->thread[way]->why.text && info)
            *info = r->thread[way]->why;
    }
    for (size_t c = 0; c < classes && !status; c++) {
        double exact = (double)r->logits[1][c];
        v.worst = fmax(v.worst, fabs((double)r->logits[0][c] - exact));
        v.low = fmin(v.low, exact);
        v.high = fmax(v.high, exact);
    }
    v.changed = largest(r->logits[0], classes) != largest(r->logits[1], classes);
    a->verdict[k] = v;
    return status;
}

/* One image more is done. */
static int show(struct audit *a)
{
    const struct xo_eval_request *r = &a->e->request;
    return r->progress ? r->progress(r->user, XO_EVAL_AUDIT, ++a->done, a->images) : 0;
}

static int run_images(struct xo_eval_audit *out, struct audit *a, struct xo_info *info)
{
    int threads = (int)a->e->threads, status = 0;
    double low = INFINITY, high = -INFINITY, worst = 0;
    #pragma omp parallel num_threads(threads)
    {
        struct runner r = { 0 };
        struct xo_info why = { "" };
        omp_set_num_threads(1);
        int failed = runner_new(&r, a, &why);
        #pragma omp for schedule(dynamic)
        for (size_t k = 0; k < a->images; k++) {
            failed = failed ? failed : run_image(&r, a, k, &why);
            #pragma omp critical(xo_audit)
            if (!failed && show(a))
                failed = XO_ESTOPPED;
        }
        #pragma omp critical(xo_audit)
        {
            if (failed && !status && info)
                *info = why;
            status = status ? status : failed;
        }
        runner_free(&r);
    }
    for (size_t k = 0; k < a->images && !status; k++) {
        out->changed += a->verdict[k].changed;
        worst = fmax(worst, a->verdict[k].worst);
        low = fmin(low, a->verdict[k].low);
        high = fmax(high, a->verdict[k].high);
    }
    out->images = a->images;
    out->logit_error_rel = high > low ? worst / (high - low) : 0;
    out->changed_high95 = xo_share_high95(out->changed, out->images);
    return status;
}

/* Nonlinear cells: circuits that exact currents come from. */
static int plan_exact(struct audit *a, struct xo_info *info)
{
    size_t layers = a->e->layers.count;
    a->exact = xo_calloc(layers, sizeof *a->exact);
    a->error = xo_calloc(a->images, layers * sizeof *a->error);
    int status = a->exact && a->error ? 0 : ENOMEM;
    for (size_t k = 0; k < layers && !status; k++)
        if (a->engine->layer[k].hardware && a->engine->layer[k].array.fitted)
            status = xo_layer_circuit(&a->exact[k], a->engine->layer[k].hardware, info);
    return status;
}

/* Of all images, in their order. */
static void add_errors(struct xo_eval_audit *out, const struct audit *a)
{
    size_t layers = a->e->layers.count;
    for (size_t n = 0; n < layers; n++) {
        struct xo_eval_current_error *to = &a->e->current_error[n];
        double square = 0;
        *to = (struct xo_eval_current_error){ 0 };
        for (size_t k = 0; k < a->images; k++) {
            const struct xo_current_error *from = &a->error[k * layers + n];
            square += from->square;
            to->currents += from->count;
            to->max = fmax(to->max, from->largest);
            to->full_scale_ampere = fmax(to->full_scale_ampere, from->full_scale);
            out->exact_checked += from->checked;
            out->exact_rel = fmax(out->exact_rel, from->exact_rel);
        }
        if (!(to->full_scale_ampere > 0))
            continue;
        to->rms = sqrt(square / (double)to->currents) / to->full_scale_ampere;
        to->max /= to->full_scale_ampere;
    }
    out->layer_error = a->e->current_error;
}

static int audit_images(struct xo_eval_audit *out, struct audit *a, struct xo_info *info)
{
    int status = xo_eval_check_audit(a->e, info);
    if (!status)
        status = plan_exact(a, info);
    if (!status)
        status = xo_certify_arrays(a->engine, (int)a->e->threads, &out->certified_bound_rel, info);
    if (!status)
        status = run_images(out, a, info);
    if (!status)
        add_errors(out, a);
    for (size_t k = 0; a->exact && k < a->e->layers.count; k++)
        xo_layer_circuit_free(&a->exact[k]);
    free(a->exact);
    free(a->error);
    return status;
}

/* ---- both ------------------------------------------------------------------------------------------ */

int xo_eval_audit_run(struct xo_eval_audit *out, xo_eval *e, size_t images, size_t tiles,
                      const struct xo_ngspice_options *judge, struct xo_info *info)
{
    struct xo_eval_audit found = { 0 };
    struct audit a = { .e = e, .engine = xo_eval_engine_of(e, XO_EVAL_CIRCUIT),
                       .stage = e->result.ideal ? XO_STAGE_CONVERTERS : XO_STAGE_CIRCUIT };
    int status = choose_images(&a, images ? images : TILE_IMAGES);
    if (!status && tiles)
        status = xo_audit_tiles(&found, e, a.engine, a.stage, tiles, a.images, a.image, judge, info);
    if (!status && images)
        status = audit_images(&found, &a, info);
    free(a.image);
    free(a.verdict);
    if (!status)
        *out = found;
    return status;
}
