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

/* A layer runs as it does without us; what it takes in is looked at before. */
static int run_layer(void *user, size_t layer, const struct xo_tensor *input, struct xo_tensor *output,
                     struct xo_info *info)
{
    struct xo_layer_hook hook = xo_engine_hook(((struct tiles *)user)->thread);
    return hook.run(hook.user, layer, input, output, info);
}

static bool takes_layer(void *user, size_t layer)
{
    struct xo_layer_hook hook = xo_engine_hook(((struct tiles *)user)->thread);
    return hook.takes(hook.user, layer);
}

static int collect(struct tiles *a, size_t images, const size_t *image, struct xo_info *info)
{
    struct xo_eval *e = a->e;
    const struct xo_layer_hook hook = { .run = run_layer, .takes = takes_layer, .look = look, .user = a };
    xo_run *run = NULL;
    float *pixels = xo_calloc(e->pixels, sizeof *pixels), *logits = xo_calloc(e->result.classes, sizeof *logits);
    int status = pixels && logits ? xo_run_new(&run, e->graph, &e->layers, 1, e->dimensions, e->shape, info) : ENOMEM;
    a->images = images < VECTORS ? images : VECTORS;
    for (a->image = 0; a->image < a->images && !status; a->image++) {
        xo_engine_thread_image(a->thread, image[a->image]);
        status = xo_audit_image(pixels, e, image[a->image], info);
        if (!status)
            status = xo_run_forward(run, pixels, logits, &hook, info);
    }
    xo_run_free(run);
    free(pixels);
    free(logits);
    return status;
}

/* ---- their currents -------------------------------------------------------------------------------- */

/* What one array, or both of a pair, give: 0 the plane itself, 1 the other one of the pair. */
struct exact {
    size_t planes, plane[2];
    size_t slots;                      /* gates: reads of a pulse; 1   */
    double *volt;                      /* [VECTORS * slots][rows]      */
    double *cholmod[2], *ngspice[2];   /* [VECTORS * slots][columns], then the mean of a pulse */
    double *siemens;
    uint16_t *digit;
    bool judged;
    double full_scale;                 /* largest current of a column  */
};

static void exact_free(struct exact *x)
{
    for (int k = 0; k < 2; k++) {
        free(x->cholmod[k]);
        free(x->ngspice[k]);
    }
    free(x->volt);
    free(x->siemens);
    free(x->digit);
}

/* The plane whose columns are subtracted from this one's; XO_NONE. */
static size_t other_plane(const struct xo_layout *l, size_t plane)
{
    for (size_t q = 0; q < l->conversions; q++)
        if (l->conversion[q].plane == plane && l->conversion[q].minus_plane != plane)
            return l->conversion[q].minus_plane;
    return XO_NONE;
}

static int exact_new(struct exact *x, const struct tile *t, const struct xo_array_layer *l)
{
    const struct xo_crossbar *a = &l->hardware->array;
    size_t other = other_plane(&l->layout, t->plane);
    bool gates = a->input == XO_INPUT_GATE;
    double unit = l->hardware->dac.read_volt / (double)(l->array.levels - 1);
    bool all;
    *x = (struct exact){ .planes = other == XO_NONE ? 1 : 2, .plane = { t->plane, other },
                         .slots = gates ? l->array.levels - 1 : 1 };
    x->volt = xo_calloc(VECTORS * x->slots, a->rows * sizeof *x->volt);
    x->siemens = xo_calloc(a->rows, a->columns * sizeof *x->siemens);
    x->digit = xo_calloc(a->rows, a->columns * sizeof *x->digit);
    all = x->volt && x->siemens && x->digit;
    for (int k = 0; k < 2; k++) {
        x->cholmod[k] = xo_calloc(VECTORS * x->slots, a->columns * sizeof(double));
        x->ngspice[k] = xo_calloc(VECTORS * x->slots, a->columns * sizeof(double));
        all = all && x->cholmod[k] && x->ngspice[k];
    }
    for (size_t v = 0; all && v < VECTORS * x->slots; v++)
        for (size_t i = 0; i < t->inputs; i++) {
            uint16_t digit = t->digit[v / x->slots * t->inputs + i];
            x->volt[v * a->rows + i] = gates ? digit > v % x->slots : unit * xo_ideal_use(l)->level[digit];
        }
    return all ? 0 : ENOMEM;
}

/* A pulse's charge over its longest time. */
static void average(double *amp, size_t slots, size_t columns)
{
    for (size_t v = 0; v < VECTORS && slots > 1; v++)
        for (size_t j = 0; j < columns; j++) {
            double sum = 0;
            for (size_t slot = 0; slot < slots; slot++)
                sum += amp[(v * slots + slot) * columns + j];
            amp[v * columns + j] = sum / (double)slots;
        }
}

static int solve_plane(struct exact *x, int k, const struct xo_layer_circuit *c, const struct tile *t,
                       const struct xo_array_layer *l, const struct xo_ngspice_options *judge, struct xo_info *info)
{
    struct xo_solution solution = { .column_amp = x->cholmod[k] };
    xo_factor *factor = NULL;
    xo_program_cells(x->siemens, x->digit, l, t->site.matrix, t->site.row_block, t->site.column_block, x->plane[k]);
    int status = xo_factor_new(&factor, c->plan, x->siemens, info);
    if (!status)
        status = xo_solve(factor, VECTORS * x->slots, x->volt, &solution, info);
    xo_factor_free(factor);
    if (!status && x->judged)
        status = xo_ngspice_solve(c->circuit, x->siemens, VECTORS * x->slots, x->volt, judge, x->ngspice[k],
                                  NULL, info);
    average(x->cholmod[k], x->slots, l->hardware->array.columns);
    average(x->ngspice[k], x->slots, l->hardware->array.columns);
    for (size_t n = 0; n < VECTORS * l->hardware->array.columns && !status; n++)
        x->full_scale = fmax(x->full_scale, fabs(x->cholmod[k][n]));
    return status;
}

/* ---- compared -------------------------------------------------------------------------------------- */

/* float32 entries and sums of n of them, each rounded: n + 3 times 2^-24 of what is added up; and the
 * matrix's own. */
static double bound_of(const struct xo_array_layer *l, size_t inputs, double added)
{
    return (l->loss.bound_rel + ((double)inputs + 3) * 0x1p-24) * added;
}

static void compare_lane(struct xo_eval_audit *out, const struct exact *x, const struct xo_array_layer *l,
                         const struct xo_lane *lane, size_t inputs, size_t v, double engine_amp)
{
    const struct xo_conversion *c = &l->layout.conversion[lane->conversion % l->layout.conversions];
    size_t columns = l->hardware->array.columns, at = v * columns + c->column;
    double cholmod = x->cholmod[0][at], ngspice = x->ngspice[0][at], added = fabs(cholmod);
    if (c->minus_plane != XO_NONE) {
        int side = c->minus_plane != c->plane;
        size_t minus = v * columns + c->minus_column;
        cholmod -= x->cholmod[side][minus];
        ngspice -= x->ngspice[side][minus];
        added += fabs(x->cholmod[side][minus]);
    }
    double error = fabs(engine_amp - cholmod), bound = bound_of(l, inputs, added);
    out->cholmod_rel = fmax(out->cholmod_rel, error / x->full_scale);
    if (xo_is_nonlinear(&l->hardware->array) && !l->array.ladder) {
        out->unbounded++;
    } else {
        out->bound_rel = fmax(out->bound_rel, bound / x->full_scale);
        out->outside += error > bound;
    }
    out->currents++;
    if (x->judged)
        out->ngspice_rel = fmax(out->ngspice_rel, fabs(engine_amp - ngspice) / x->full_scale);
}

static int compare(struct xo_eval_audit *out, struct tiles *a, const struct tile *t, const struct exact *x)
{
    const struct xo_array_layer *l = &a->engine->layer[t->layer];
    const struct xo_row_block *r = &l->array.bank[t->site.matrix].row[t->site.row_block];
    struct xo_rows rows;
    int status = xo_rows_of_digits(&rows, a->thread, l, &l->array, r, VECTORS, t->digit);
    for (size_t k = 0; k < r->strips + r->references && !status; k++) {
        const struct xo_strip *s = k < r->strips ? &r->strip[k] : &r->reference[k - r->strips];
        double *current;
        status = xo_currents(&current, a->thread, l, &l->array, r, s, &rows, NULL);
        for (size_t n = 0; n < VECTORS * XO_STRIP && !status; n++) {
            size_t lane = n % XO_STRIP, conversion = s->lane[lane].conversion;
            if (lane % XO_HALF < s->half[lane / XO_HALF].count && conversion / l->layout.conversions == t->block &&
                l->layout.conversion[conversion % l->layout.conversions].plane == t->plane)
                compare_lane(out, x, l, &s->lane[lane], t->inputs, n / XO_STRIP, current[n] * l->unit_ampere);
        }
    }
    return status;
}

static int audit_tile(struct xo_eval_audit *out, struct tiles *a, const struct tile *t,
                      const struct xo_ngspice_options *judge, struct xo_info *info)
{
    const struct xo_array_layer *l = &a->engine->layer[t->layer];
    const struct xo_crossbar *array = &l->hardware->array;
    struct xo_layer_circuit c = { 0 };
    struct exact x;
    int status = exact_new(&x, t, l);
    if (!status)
        status = xo_layer_circuit(&c, l->hardware, info);
    x.judged = judge && array->rows <= JUDGED && array->columns <= JUDGED;
    for (size_t k = 0; k < x.planes && !status; k++)
        status = solve_plane(&x, (int)k, &c, t, l, judge, info);
    if (!status && x.full_scale > 0)
        status = compare(out, a, t, &x);
    out->tiles++;
    out->arrays += x.planes;
    out->judged_arrays += x.judged ? x.planes : 0;
    exact_free(&x);
    xo_layer_circuit_free(&c);
    return status;
}

int xo_audit_tiles(struct xo_eval_audit *out, struct xo_eval *e, xo_engine_dnn *engine, enum xo_stage stage,
                   size_t tiles, size_t images, const size_t *image, const struct xo_ngspice_options *judge,
                   struct xo_info *info)
{
    struct tiles a = { .e = e, .engine = engine };
    int status = choose_tiles(&a, tiles);
    if (!status)
        status = xo_engine_thread_new(&a.thread, engine, stage, info);
    if (!status)
        status = collect(&a, images, image, info);
    for (size_t k = 0; k < a.count && !status; k++) {
        if (e->request.progress && e->request.progress(e->request.user, XO_EVAL_AUDIT, k, a.count))
            status = XO_ESTOPPED;
        else
            status = audit_tile(out, &a, &a.tile[k], judge, info);
    }
    for (size_t k = 0; a.tile && k < a.count; k++)
        free(a.tile[k].digit);
    free(a.tile);
    xo_engine_thread_free(a.thread);
    return status;
}
