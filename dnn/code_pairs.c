/* What the code of an ideal array becomes in the circuit: pairs counted over sampled images.
 * Whole numbers in a table of (active, ideal, actual): who counted what, and when, does not show.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include "audit.h"
#include "memory.h"

/* ---- the table ------------------------------------------------------------------------------------- */

static size_t place_of(const struct xo_code_pairs *p, const struct xo_eval_pair *pair)
{
    uint64_t h = pair->active * 0x9e3779b97f4a7c15u ^ (uint64_t)(uint32_t)pair->ideal << 32 ^ (uint32_t)pair->actual;
    h *= 0xbf58476d1ce4e5b9u;
    size_t at = (size_t)(h ^ h >> 29) & (p->slots - 1);
    while (p->slot[at].count && (p->slot[at].active != pair->active || p->slot[at].ideal != pair->ideal ||
                                 p->slot[at].actual != pair->actual))
        at = (at + 1) & (p->slots - 1);
    return at;
}

static int grow(struct xo_code_pairs *p)
{
    struct xo_code_pairs more = { p->slots ? 2 * p->slots : 1024, p->used, NULL };
    more.slot = xo_calloc(more.slots, sizeof *more.slot);
    if (!more.slot)
        return ENOMEM;
    for (size_t k = 0; k < p->slots; k++)
        if (p->slot[k].count)
            more.slot[place_of(&more, &p->slot[k])] = p->slot[k];
    free(p->slot);
    *p = more;
    return 0;
}

static int add(struct xo_code_pairs *p, struct xo_eval_pair pair)
{
    if (2 * (p->used + 1) > p->slots && grow(p))
        return ENOMEM;
    struct xo_eval_pair *at = &p->slot[place_of(p, &pair)];
    uint64_t count = at->count + pair.count;
    p->used += !at->count;
    *at = pair;
    at->count = count;
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const struct xo_eval_pair *x = a, *y = b;
    if (x->ideal != y->ideal)
        return x->ideal < y->ideal ? -1 : 1;
    if (x->active != y->active)
        return x->active < y->active ? -1 : 1;
    return (x->actual > y->actual) - (x->actual < y->actual);
}

/* ---- counting -------------------------------------------------------------------------------------- */

static uint32_t active_in(const struct xo_rows *rows, size_t row)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < rows->d.inputs; i++)
        sum += rows->digit[row * rows->d.inputs + i];
    return sum;
}

static int count_strip(struct xo_code_pairs *p, const struct xo_array_layer *l, const struct xo_strip *s,
                       const double *current, const double *ideal, const struct xo_rows *rows, const struct xo_place *where)
{
    int status = 0;
    uint32_t active = 0;
    for (size_t k = 0; k < rows->d.rows * XO_STRIP && !status; k++) {
        size_t lane = k % XO_STRIP, row = k / XO_STRIP;
        active = lane ? active : active_in(rows, row);
        const struct xo_adc_scale *scale = &s->lane[lane].scale;
        if (lane % XO_HALF >= s->half[lane / XO_HALF].count)
            continue;
        double meant = xo_adc_code(&l->hardware->adc, scale, ideal[k], 0) + rint(scale->low_ampere / scale->lsb_ampere);
        status = add(p, (struct xo_eval_pair){ active, (int32_t)meant,
                                               (int32_t)xo_read(l, &s->lane[lane], current[k], where, row), 1 });
    }
    return status;
}

int xo_count_pairs(struct xo_code_pairs *pairs, struct xo_engine_thread *t, const struct xo_array_layer *l, size_t matrix,
                   const struct xo_view *v, const struct xo_patches *p)
{
    const struct xo_bank *bank = &l->array.bank[matrix], *meant = &xo_ideal_use(l)->bank[matrix];
    struct xo_place where = xo_place_of(t, &l->array, v, p);
    int status = 0;
    for (size_t n = 0; n < bank->rows && !status; n++) {
        const struct xo_row_block *r = &bank->row[n];
        struct xo_rows rows;
        double *current, *ideal;
        status = xo_rows_of(&rows, t, l, &l->array, r, bank->matrix->first_input, p, true);
        for (size_t k = 0; k < r->strips && !status; k++) {
            status = xo_currents(&current, t, l, &l->array, r, &r->strip[k], &rows, &where);
            if (!status)
                status = xo_currents(&ideal, t, l, xo_ideal_use(l), r, &meant->row[n].strip[k], &rows, NULL);
            if (!status)
                status = count_strip(pairs, l, &r->strip[k], current, ideal, &rows, &where);
        }
    }
    return status;
}

/* ---- over images ----------------------------------------------------------------------------------- */

struct counting {
    struct xo_eval *e;
    xo_engine_thread **thread;         /* [threads] */
};

static int count_block(void *user, size_t thread, xo_run *run, size_t block, size_t first, size_t images,
                       const float *image, struct xo_info *info)
{
    struct counting *c = user;
    xo_engine_thread *t = c->thread[thread];
    struct xo_layer_hook hook = xo_engine_hook(t);
    float *logits = xo_calloc(images * c->e->result.classes, sizeof *logits);
    (void)block;
    xo_engine_thread_image(t, first);
    int status = logits ? xo_run_forward(run, image, logits, &hook, info) : ENOMEM;
    free(logits);
    return status;
}

static int thread_new(xo_engine_thread **out, const struct xo_eval *e, size_t pass, struct xo_info *info)
{
    enum xo_stage stage = e->same[pass] == XO_EVAL_CONVERTERS ? XO_STAGE_CONVERTERS : XO_STAGE_CIRCUIT;
    int status = xo_engine_thread_new(out, xo_eval_engine_of(e, pass), stage, info);
    if (!status)
        (*out)->pairs = xo_calloc(e->layers.count, sizeof *(*out)->pairs);
    return status || (*out)->pairs ? status : ENOMEM;
}

static int merge(struct xo_code_pairs *to, const struct xo_code_pairs *from, size_t layers)
{
    int status = 0;
    for (size_t k = 0; k < layers; k++)
        for (size_t n = 0; n < from[k].slots && !status; n++)
            if (from[k].slot[n].count)
                status = add(&to[k], from[k].slot[n]);
    return status;
}

static void pairs_free(struct xo_code_pairs *pairs, size_t layers)
{
    for (size_t k = 0; pairs && k < layers; k++)
        free(pairs[k].slot);
    free(pairs);
}

static int count_pass(struct xo_code_pairs *total, struct xo_eval *e, size_t pass, const struct xo_eval_images *images,
                      struct xo_info *info)
{
    struct counting c = { e, xo_calloc(e->threads, sizeof *c.thread) };
    const struct xo_eval_work work = { .block = count_block, .user = &c, .phase = XO_EVAL_CODES };
    int status = c.thread ? 0 : ENOMEM;
    for (size_t k = 0; k < e->threads && !status; k++)
        status = thread_new(&c.thread[k], e, pass, info);
    if (!status)
        status = xo_eval_for_blocks(e, images, &work, info);
    for (size_t k = 0; c.thread && k < e->threads && c.thread[k]; k++) {
        if (!status)
            status = merge(total, c.thread[k]->pairs, e->layers.count);
        pairs_free(c.thread[k]->pairs, e->layers.count);
        xo_engine_thread_free(c.thread[k]);
    }
    free(c.thread);
    return status;
}

/* Sorted, without the free slots. */
static int settle(struct xo_eval_pairs *out, struct xo_code_pairs *pairs, size_t layers)
{
    out->layers = layers;
    out->layer = xo_calloc(layers, sizeof *out->layer);
    for (size_t k = 0; out->layer && k < layers; k++) {
        size_t count = 0;
        for (size_t n = 0; n < pairs[k].slots; n++)
            if (pairs[k].slot[n].count)
                pairs[k].slot[count++] = pairs[k].slot[n];
        if (count)
            qsort(pairs[k].slot, count, sizeof *pairs[k].slot, by_key);
        out->layer[k].count = count;
        out->layer[k].pair = pairs[k].slot;
        pairs[k].slot = NULL;
    }
    return out->layer ? 0 : ENOMEM;
}

int xo_eval_count_pairs(struct xo_eval_pairs *out, xo_eval *e, struct xo_info *info)
{
    size_t count = (e->scored.count + XO_SAMPLE - 1) / XO_SAMPLE, layers = e->layers.count, passes = e->result.instances;
    size_t *index = xo_calloc(count, sizeof *index), first = passes ? XO_EVAL_VARIATION : XO_EVAL_CIRCUIT;
    struct xo_code_pairs *total = xo_calloc(layers, sizeof *total);
    const struct xo_eval_images images = { e->scored.data, count, index };
    struct xo_eval_pairs found = { .images = count };
    int status = index && total ? 0 : ENOMEM;
    for (size_t k = 0; index && k < count; k++)
        index[k] = e->scored.index[k * XO_SAMPLE];
    for (size_t p = first; p < first + (passes ? passes : 1) && !status; p++)
        status = count_pass(total, e, p, &images, info);
    if (!status)
        status = settle(&found, total, layers);
    pairs_free(total, layers);
    free(index);
    if (!status)
        *out = found;
    return status;
}

void xo_eval_pairs_free(struct xo_eval_pairs *p)
{
    for (size_t k = 0; p->layer && k < p->layers; k++)
        free(p->layer[k].pair);
    free(p->layer);
    *p = (struct xo_eval_pairs){ 0 };
}
