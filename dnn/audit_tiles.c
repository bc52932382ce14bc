/* Single arrays with inputs that images really gave them: currents of the engine against exact solves by cholmod and,
 * for arrays of up to 64x64, ngspice.  What an ADC reads of an array is compared: of a pair, the difference.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "audit.h"
#include "memory.h"
#include "random.h"

enum { VECTORS = 8, TRIES = 32, JUDGED = 64 };

/* One of a block's planes that ADCs read. */
struct tile {
    size_t layer, block, plane;
    struct xo_site_of_block site;
    size_t inputs;                     /* rows in use                     */
    uint16_t *digit;                   /* [VECTORS][inputs]               */
};

struct tiles {
    struct xo_eval *e;
    xo_engine_dnn *engine;
    size_t count;
    struct tile *tile;
    struct xo_engine_thread *thread;
    size_t images, image;              /* how many; which one runs        */
};

/* ---- which ----------------------------------------------------------------------------------------- */

static bool is_read(const struct xo_layout *l, size_t plane)
{
    for (size_t q = 0; q < l->conversions; q++)
        if (l->conversion[q].plane == plane)
            return true;
    return false;
}

static size_t readable_planes(const struct xo_layout *l)
{
    size_t count = 0;
    for (size_t plane = 0; plane < l->planes; plane++)
        count += is_read(l, plane);
    return count;
}

static size_t all_tiles(const xo_engine_dnn *e)
{
    size_t count = 0;
    for (size_t k = 0; k < e->layers; k++)
        if (e->layer[k].hardware)
            count += e->layer[k].blocks * readable_planes(&e->layer[k].layout);
    return count;
}

/* Number n of all. */
static int find_tile(struct tile *t, const xo_engine_dnn *e, size_t n)
{
    size_t k = 0, here;
    for (;; k++) {
        here = e->layer[k].hardware ? e->layer[k].blocks * readable_planes(&e->layer[k].layout) : 0;
        if (n < here)
            break;
        n -= here;
    }
    const struct xo_array_layer *l = &e->layer[k];
    size_t left = n % readable_planes(&l->layout);
    struct xo_site_of_block *site = xo_sites_of(l);
    if (!site)
        return ENOMEM;
    *t = (struct tile){ .layer = k, .block = n / readable_planes(&l->layout) };
    while (!is_read(&l->layout, t->plane) || left--)
        t->plane++;
    t->site = site[t->block];
    t->inputs = l->array.bank[t->site.matrix].row[t->site.row_block].inputs;
    t->digit = xo_calloc(VECTORS, t->inputs * sizeof *t->digit);
    free(site);
    return t->digit ? 0 : ENOMEM;
}

/* One at random out of every so many: all layers have their share. */
static int choose_tiles(struct tiles *a, size_t wanted)
{
    size_t all = all_tiles(a->engine);
    int status = 0;
    a->count = wanted < all ? wanted : all;
    a->tile = xo_calloc(a->count, sizeof *a->tile);
    for (size_t k = 0; a->tile && k < a->count && !status; k++) {
        size_t first = k * all / a->count, end = (k + 1) * all / a->count;
        struct xo_random_key key = { a->e->request.hardware->seed, XO_FOR_AUDIT, 0, k };
        status = find_tile(&a->tile[k], a->engine, first + xo_random_below(key, (uint32_t)(end - first)));
    }
    return a->tile ? status : ENOMEM;
}

/* ---- their inputs ---------------------------------------------------------------------------------- */

static bool all_zero(const uint16_t *digit, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (digit[i])
            return false;
    return true;
}

/* A position and stream at random; others where nothing is driven there. */
static int take_vector(struct tiles *a, const struct tile *t, size_t vector, const struct xo_array_layer *l,
                       const struct xo_view *v)
{
    const struct xo_row_block *r = &l->array.bank[t->site.matrix].row[t->site.row_block];
    uint16_t *digit = t->digit + vector * t->inputs;
    size_t number = (size_t)(t - a->tile) * VECTORS + vector;
    int status = 0;
    for (size_t n = 0; n < TRIES && !status && (n == 0 || all_zero(digit, t->inputs)); n++) {
        struct xo_random_key key = { a->e->request.hardware->seed, XO_FOR_AUDIT, 1 + number, 2 * n };
        struct xo_patches p;
        size_t position = xo_random_below(key, (uint32_t)(v->images * v->positions));
        key.place++;
        size_t stream = xo_random_below(key, (uint32_t)l->array.streams);
        status = xo_view_patches(&p, a->thread, l, v, position);
        if (!status)
            xo_unpack_digits(digit, l, &l->array.stream[stream], &p, 0, l->codes.matrix[t->site.matrix].first_input +
                             r->first, t->inputs);
    }
    return status;
}

static int look(void *user, size_t layer, const struct xo_tensor *input, struct xo_info *info)
{
    struct tiles *a = user;
    const struct xo_array_layer *l = &a->engine->layer[layer];
    struct xo_view v;
    bool wanted = false;
    for (size_t k = 0; k < a->count; k++)
        wanted |= a->tile[k].layer == layer;
    int status = wanted ? xo_view_open(&v, a->thread, l, input, info) : 0;
    for (size_t k = 0; k < a->count && wanted && !status; k++)
        for (size_t vector = a->image; vector < VECTORS && !status; vector += a->images)
            if (a->tile[k].layer == layer)
                status = take_vector(a, &a->tile[k], vector, l, &v);
    return status;
}

/* The first images, as the circuit stage sees them. */
static int collect(struct tiles *a, size_t images, const size_t *image, struct xo_info *info)
{
    struct xo_eval *e = a->e;
    xo_run *run = NULL;
    float *pixels = xo_calloc(e->pixels, sizeof *pixels), *logits = xo_calloc(e->result.classes, sizeof *logits);
    int status = pixels && logits ? xo_run_new(&run, e->graph, &e->layers, 1, e->dimensions, e->shape, info) : ENOMEM;
    if (!status)
        status = xo_engine_thread_new(&a->thread, a->engine, XO_STAGE_CIRCUIT, info);
    a->images = images < VECTORS ? images : VECTORS;
    for (a->image = 0; a->image < a->images && !status; a->image++) {
        struct xo_layer_hook hook = xo_engine_hook(a->thread), both = hook;
        struct watcher { struct xo_layer_hook hook; } *unused = NULL;
        (void)unused;
        xo_engine_thread_image(a->thread, image[a->image]);
        status = xo_audit_image(pixels, e, image[a->image], info);
        both.look = look;
        if (!status)
            status = xo_run_forward(run, pixels, logits, &both, info);
    }
    xo_run_free(run);
    free(pixels);
    free(logits);
    return status;
}
