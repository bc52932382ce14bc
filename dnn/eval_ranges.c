/* Ranges of every layer's inputs over the calibration images (MAPPING: Inputs).
 * The largest |x| takes one round.  A percentile is the exact order statistic, by counting in two rounds: the bits of
 * |x| as a whole number have the order of |x|; the first round counts their upper 16 bits, the second, within the
 * bins that hold the two neighbours of the percentile, the lower 15.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "eval.h"
#include "memory.h"

enum { UPPER_BINS = 1 << 16, LOWER_BITS = 15, LOWER_BINS = 1 << LOWER_BITS };

struct seen {
    float low, high;
    uint64_t count;
    uint64_t *upper;                   /* [UPPER_BINS], percentiles only                              */
    uint64_t *lower;                   /* [2][LOWER_BINS] within the bins of the two order statistics */
};

/* Which numbers a percentile lies between. */
struct target {
    uint64_t rank[2];                  /* from 0 */
    uint32_t bin[2];
    uint64_t before[2];                /* how many lie in lower bins */
    double part;                       /* of the way to the second   */
};

struct search {
    struct xo_eval *e;
    struct seen *seen;                 /* [threads][layers] */
    struct target *target;             /* [layers]          */
    int round;
};

static bool wants_percentile(const struct xo_eval *e, size_t layer)
{
    return e->hardware[layer] && !e->layers.layer[layer].has_integers &&
           e->hardware[layer]->mapping.input_range.rule == XO_CLIP_PERCENTILE;
}

static uint32_t magnitude_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits & 0x7fffffff;
}

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void count_first(struct seen *s, size_t count, const float *x)
{
    for (size_t k = 0; k < count; k++) {
        s->low = x[k] < s->low ? x[k] : s->low;
        s->high = x[k] > s->high ? x[k] : s->high;
    }
    s->count += count;
    for (size_t k = 0; s->upper && k < count; k++)
        s->upper[magnitude_bits(x[k]) >> LOWER_BITS]++;
}

static void count_second(struct seen *s, const struct target *t, size_t count, const float *x)
{
    for (size_t k = 0; k < count; k++) {
        uint32_t bits = magnitude_bits(x[k]);
        for (size_t n = 0; n < 2; n++)
            if (bits >> LOWER_BITS == t->bin[n])
                s->lower[n * LOWER_BINS + bits % LOWER_BINS]++;
    }
}

struct looker { struct search *search; size_t thread; };

static int look(void *user, size_t layer, const struct xo_tensor *input, struct xo_info *info)
{
    const struct looker *l = user;
    struct search *s = l->search;
    struct seen *seen = &s->seen[l->thread * s->e->layers.count + layer];
    size_t count = xo_tensor_count(input);
    const float *x = input->data;
    if (input->type != XO_F32 || !s->e->hardware[layer])
        return 0;
    for (size_t k = 0; k < count; k++)
        if (!isfinite(x[k]))
            return xo_fail(info, XO_EVALUE, "layer %s: an input is not finite in float32",
                           s->e->layers.layer[layer].name);
    if (s->round == 1)
        count_first(seen, count, x);
    else if (wants_percentile(s->e, layer))
        count_second(seen, &s->target[layer], count, x);
    return 0;
}

static int run_block(void *user, size_t thread, xo_run *run, size_t block, size_t first, size_t images,
                     const float *image, struct xo_info *info)
{
    struct looker looker = {user, thread};
    const struct xo_layer_hook hook = {.look = look, .user = &looker};
    (void)block;
    (void)first;
    float *logits = xo_calloc(images * xo_run_outputs(run), sizeof *logits);
    int status = logits ? xo_run_forward(run, image, logits, &hook, info) : ENOMEM;
    free(logits);
    return status;
}

static int make_room(struct search *s)
{
    struct xo_eval *e = s->e;
    s->seen = xo_calloc(e->threads * e->layers.count, sizeof *s->seen);
    s->target = xo_calloc(e->layers.count, sizeof *s->target);
    if (!s->seen || !s->target)
        return ENOMEM;
    for (size_t k = 0; k < e->threads * e->layers.count; k++) {
        if (!wants_percentile(e, k % e->layers.count))
            continue;
        s->seen[k].upper = xo_calloc(UPPER_BINS, sizeof *s->seen[k].upper);
        s->seen[k].lower = xo_calloc(2 * LOWER_BINS, sizeof *s->seen[k].lower);
        if (!s->seen[k].upper || !s->seen[k].lower)
            return ENOMEM;
    }
    return 0;
}

/* Everything into the first thread's; adding whole numbers does not depend on order. */
static void merge(struct search *s)
{
    size_t layers = s->e->layers.count;
    for (size_t k = layers; k < s->e->threads * layers; k++) {
        struct seen *from = &s->seen[k], *to = &s->seen[k % layers];
        to->low = fminf(to->low, from->low);
        to->high = fmaxf(to->high, from->high);
        to->count += from->count;
        for (size_t b = 0; to->upper && b < UPPER_BINS; b++)
            to->upper[b] += from->upper[b];
        for (size_t b = 0; to->lower && b < 2 * LOWER_BINS; b++)
            to->lower[b] += from->lower[b];
        from->count = 0;
        if (to->upper)
            memset(from->upper, 0, UPPER_BINS * sizeof *from->upper);
    }
}

/* rank(p) = p/100 (n - 1), linear between the neighbours. */
static void aim(struct target *t, const struct seen *s, double percentile)
{
    double rank = percentile / 100 * (double)(s->count - 1);
    t->rank[0] = (uint64_t)floor(rank);
    t->rank[1] = t->rank[0] + 1 < s->count ? t->rank[0] + 1 : t->rank[0];
    t->part = rank - floor(rank);
    for (size_t n = 0; n < 2; n++)
        for (t->bin[n] = 0, t->before[n] = 0; t->before[n] + s->upper[t->bin[n]] <= t->rank[n]; t->bin[n]++)
            t->before[n] += s->upper[t->bin[n]];
}

static double order_statistic(const struct target *t, const struct seen *s, size_t n)
{
    const uint64_t *lower = s->lower + n * LOWER_BINS;
    uint64_t before = t->before[n];
    uint32_t k = 0;
    while (before + lower[k] <= t->rank[n])
        before += lower[k++];
    return from_bits(t->bin[n] << LOWER_BITS | k);
}

static int search_percentiles(struct search *s, const struct xo_eval_work *work, struct xo_info *info)
{
    struct xo_eval *e = s->e;
    bool any = false;
    for (size_t k = 0; k < e->layers.count; k++)
        if (wants_percentile(e, k) && s->seen[k].count) {
            aim(&s->target[k], &s->seen[k], e->hardware[k]->mapping.input_range.value);
            any = true;
        }
    if (!any)
        return 0;
    s->round = 2;
    int status = xo_eval_for_blocks(e, &e->calibration, work, info);
    merge(s);
    return status;
}

static void conclude(struct search *s)
{
    struct xo_eval *e = s->e;
    for (size_t k = 0; k < e->layers.count; k++) {
        const struct seen *seen = &s->seen[k];
        const struct target *t = &s->target[k];
        e->range[k] = (struct xo_layer_range){seen->low, seen->high};
        if (!wants_percentile(e, k) || !seen->count)
            continue;
        double a = order_statistic(t, seen, 0), b = order_statistic(t, seen, 1), range = a + t->part * (b - a);
        e->range[k] = (struct xo_layer_range){seen->low < 0 ? -range : 0, range};
    }
}

int xo_eval_input_ranges(struct xo_eval *e, struct xo_info *info)
{
    struct search s = {.e = e, .round = 1};
    const struct xo_eval_work work = {.block = run_block, .user = &s, .phase = XO_EVAL_RANGES};
    int status = make_room(&s);
    if (!status)
        status = xo_eval_for_blocks(e, &e->calibration, &work, info);
    if (!status) {
        merge(&s);
        status = search_percentiles(&s, &work, info);
    }
    if (!status)
        conclude(&s);
    for (size_t k = 0; s.seen && k < e->threads * e->layers.count; k++) {
        free(s.seen[k].upper);
        free(s.seen[k].lower);
    }
    free(s.seen);
    free(s.target);
    return status;
}
