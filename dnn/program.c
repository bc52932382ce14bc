/* Programming: digits -> conductances -> the circuit around them solved exactly -> what strips hold.
 * Arrays stream through xo_batch in pieces of whole blocks, so that both sides of a pair are at hand together.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "engine_private.h"
#include "memory.h"
#include "fitted.h"
#include "xo_batch.h"

/* ---- the plan for a geometry ------------------------------------------------------------------------ */

/* Layers mostly share their hardware, so the last plan is kept. */
struct press {
    const struct xo_programming *how;
    char *text;                        /* canonical hardware it was made for */
    double *driver_ohm;                /* with dac.output_ohm                */
    xo_circuit *circuit;
    xo_batch *batch;
    xo_engine_dnn *engine;             /* owns ...                           */
    xo_tile_fitter *fitter;            /* instead, where cells are nonlinear */
};

static void press_free(struct press *p)
{
    xo_batch_free(p->batch);
    xo_circuit_free(p->circuit);
    free(p->driver_ohm);
    free(p->text);
    *p = (struct press){ .how = p->how, .engine = p->engine };
}

int xo_driven_crossbar(struct xo_crossbar *out, double **driver_ohm, const struct xo_hardware *h)
{
    struct xo_crossbar x = h->array;
    double *each = NULL;
    struct xo_values *driver = x.topology == XO_TOPOLOGY_SOURCE_ROW ? &x.source_end_ohm : &x.driver_ohm;
    double output_ohm = x.input == XO_INPUT_GATE ? 0 : h->dac.output_ohm;
    if (driver->each) {
        each = xo_calloc(x.rows, sizeof *each);
        if (!each)
            return ENOMEM;
        for (size_t i = 0; i < x.rows; i++)
            each[i] = driver->each[i] + output_ohm;
        driver->each = each;
    } else {
        driver->all += output_ohm;
    }
    *out = x;
    *driver_ohm = each;
    return 0;
}

static int new_fitter(struct press *p, const struct xo_hardware *h, struct xo_info *info)
{
    int status = xo_fitted_new(&p->fitter, h, p->how->tolerance, info);
    if (!status)
        p->engine->fitter[p->engine->fitters++] = p->fitter;
    return status;
}

static int press_fit(struct press *p, const struct xo_hardware *h, struct xo_info *info)
{
    const struct xo_batch_options options = { .precision = p->how->in_float32 ? XO_FLOAT32 : XO_FLOAT64,
                                              .simd = p->how->simd, .bounds = 1, .threads = p->how->threads };
    struct xo_crossbar x;
    char *text = NULL;
    int status = xo_hardware_print(&text, h);
    if (status)
        return status;
    if (p->text && !strcmp(text, p->text)) {
        free(text);
        return 0;
    }
    press_free(p);
    p->text = text;
    if (xo_is_nonlinear(&h->array))
        return new_fitter(p, h, info);
    status = xo_driven_crossbar(&x, &p->driver_ohm, h);
    if (!status)
        status = xo_circuit_new(&p->circuit, &x, info);
    return status ? status : xo_batch_new(&p->batch, p->circuit, &options, info);
}

/* What rounding adds to the error of entries that were found in float64. */
static double rounding(const struct press *p)
{
    return p->how->in_float32 ? 0 : 0x1p-24;
}

/* ---- a piece: some blocks at a time ------------------------------------------------------------------ */

struct site { size_t matrix, row_block, column_block; };

struct piece {
    struct press *press;
    struct xo_array_layer *l;
    struct site *site;                 /* [l->blocks]                    */
    size_t blocks, cells, columns;     /* blocks of a piece              */
    double *cell, *g_ni;               /* [blocks * planes][cells]       */
    double *matrix;                    /* [blocks * planes][functions][cells] what strips get; may be g_ni */
    double *bend;                      /* [blocks * planes][columns] of bent ones [1/A]; else NULL */
    double *offset;                    /* [blocks * planes][columns] [A] */
    double *bound;                     /* [blocks * planes]              */
    uint16_t *digit;                   /* [blocks * planes][cells]       */
    double *above, *below;             /* [units] for the oracle         */
    double nf_sum;
};

static int list_sites(struct site *site, const struct xo_array_layer *l)
{
    size_t at = 0;
    for (size_t k = 0; k < l->codes.matrices; k++) {
        const struct xo_code_matrix *m = &l->codes.matrix[k];
        for (size_t r = 0; r < xo_layout_row_blocks(&l->layout, m); r++)
            for (size_t c = 0; c < xo_layout_column_blocks(&l->layout, m); c++)
                if (xo_layout_block_used(&l->layout, m, r, c))
                    site[at++] = (struct site){ k, r, c };
    }
    return 0;
}

static int piece_new(struct piece *p, struct press *press, struct xo_array_layer *l)
{
    size_t planes = l->layout.planes, units = xo_units_of(l, xo_gain_unit(l)), arrays;
    size_t threads = press->how->threads < 1 ? 1 : (size_t)press->how->threads;
    *p = (struct piece){ .press = press, .l = l, .columns = l->hardware->array.columns };
    p->cells = l->hardware->array.rows * p->columns;
    size_t lanes = press->batch ? xo_batch_lanes(press->batch) : 8;
    p->blocks = (threads * lanes * (p->cells <= 4096 ? 4 : 1) + planes - 1) / planes;
    p->blocks = p->blocks < l->blocks ? p->blocks : l->blocks;
    arrays = p->blocks * planes;
    p->site = xo_calloc(l->blocks, sizeof *p->site);
    p->cell = xo_calloc(arrays, p->cells * sizeof *p->cell);
    p->g_ni = xo_calloc(arrays, p->cells * sizeof *p->g_ni);
    p->digit = xo_calloc(arrays, p->cells * sizeof *p->digit);
    if (xo_is_wide(&l->array))
        p->matrix = xo_calloc(arrays, l->array.functions * p->cells * sizeof *p->matrix);
    p->bend = l->array.bent ? xo_calloc(arrays, p->columns * sizeof *p->bend) : NULL;
    p->offset = xo_calloc(arrays, p->columns * sizeof *p->offset);
    p->bound = xo_calloc(arrays, sizeof *p->bound);
    p->above = xo_calloc(units, sizeof *p->above);
    p->below = xo_calloc(units, sizeof *p->below);
    if (!p->site || !p->cell || !p->g_ni || !p->digit || !p->offset || !p->bound || !p->above || !p->below ||
        (xo_is_wide(&l->array) && !p->matrix) || (l->array.bent && !p->bend))
        return ENOMEM;
    p->matrix = p->matrix ? p->matrix : p->g_ni;
    return list_sites(p->site, l);
}

static void piece_free(struct piece *p)
{
    if (p->matrix != p->g_ni)
        free(p->matrix);
    free(p->bend);
    free(p->site);
    free(p->cell);
    free(p->g_ni);
    free(p->digit);
    free(p->offset);
    free(p->bound);
    free(p->above);
    free(p->below);
}

void xo_program_cells(double *cell_siemens, uint16_t *digit, const struct xo_array_layer *l, size_t matrix,
                      size_t row_block, size_t column_block, size_t plane)
{
    const struct xo_hardware *h = l->hardware;
    size_t tile = xo_block_at(l, matrix, row_block, column_block) * l->layout.planes + plane;
    xo_layout_digits(&l->layout, &l->codes.matrix[matrix], row_block, column_block, plane, digit);
    for (size_t k = 0; k < h->array.rows * h->array.columns; k++)
        cell_siemens[k] = xo_digit_siemens(h, digit[k]);
    if (l->varies)
        xo_vary_cells(cell_siemens, h, l->number, tile, l->instance);
}

static void fill_cells(struct piece *p, size_t first, size_t blocks)
{
    size_t planes = p->l->layout.planes, threads = p->press->how->threads < 1 ? 1 : (size_t)p->press->how->threads;
    #pragma omp parallel for schedule(dynamic) num_threads((int)threads)
    for (size_t n = 0; n < blocks * planes; n++) {
        const struct site *s = &p->site[first + n / planes];
        xo_program_cells(p->cell + n * p->cells, p->digit + n * p->cells, p->l, s->matrix, s->row_block,
                         s->column_block, n % planes);
    }
}

/* ---- out of the piece -------------------------------------------------------------------------------- */

struct column { size_t array, column; };

/* Currents of a physical column with and without wires, for the calibration images' digits (all alike if there were
 * none); and the sums of conductances that the oracle takes. */
static void weigh_column(struct piece *p, const struct xo_row_block *r, const struct site *s, struct column c,
                         size_t unit)
{
    const struct xo_array_layer *l = p->l;
    const double *g = p->cell + c.array * p->cells + c.column, *g_ni = p->g_ni + c.array * p->cells + c.column;
    const uint16_t *digit = p->digit + c.array * p->cells + c.column;
    const uint64_t *seen = l->digit_sum + l->codes.matrix[s->matrix].first_input + r->first;
    double ideal = 0, real = 0, all = 0, nf;
    for (size_t i = 0; i < r->inputs; i++)
        all += (double)seen[i];
    for (size_t i = 0; i < r->inputs; i++) {
        double digits = all > 0 ? (double)seen[i] : 1;
        ideal += digits * g[i * p->columns];
        real += digits * g_ni[i * p->columns];
        p->above[unit] += xo_digit_siemens(l->hardware, digit[i * p->columns]);
        p->below[unit] += g_ni[i * p->columns];
    }
    struct xo_loss *loss = &p->l->loss;
    if (!(ideal > 0))
        return;
    nf = (ideal - real) / ideal;
    loss->nf_low = loss->columns ? fmin(loss->nf_low, nf) : nf;
    loss->nf_high = loss->columns ? fmax(loss->nf_high, nf) : nf;
    p->nf_sum += nf;
    loss->columns++;
}

/* One lane: matrices in units of a weight level, plus less minus; i0 in I_unit; bends in its inverse. */
static void take_lane(struct piece *p, const struct xo_row_block *r, struct xo_strip *s, size_t lane,
                      struct column plus, struct column minus)
{
    const size_t functions = p->l->array.functions;
    double step = xo_step_siemens(p->l), unit = p->l->unit_ampere;
    bool pair = minus.array != XO_NONE;
    for (size_t k = 0; k < functions * r->inputs; k++) {
        size_t function = k / r->inputs, at = function * p->cells + k % r->inputs * p->columns;
        double up = p->matrix[plus.array * functions * p->cells + at + plus.column];
        double down = pair ? p->matrix[minus.array * functions * p->cells + at + minus.column] : 0;
        s->b[k * XO_STRIP + lane] = (float)((up - down) / step);
        if (s->side[0])
            s->side[0][k * XO_STRIP + lane] = (float)(up / step);
        if (s->side[1])
            s->side[1][k * XO_STRIP + lane] = (float)(down / step);
    }
    if (s->bend)
        s->bend[0][lane] = (float)(p->bend[plus.array * p->columns + plus.column] * unit);
    if (s->bend && pair)
        s->bend[1][lane] = (float)(p->bend[minus.array * p->columns + minus.column] * unit);
    if (s->offset)
        s->offset[lane] = (p->offset[plus.array * p->columns + plus.column] -
                           (pair ? p->offset[minus.array * p->columns + minus.column] : 0)) / unit;
}

static void take_strip(struct piece *p, struct xo_row_block *r, struct xo_strip *s, const struct site *site,
                       size_t block, size_t array)
{
    const struct xo_layout *lay = &p->l->layout;
    for (size_t lane = 0; lane < XO_STRIP; lane++) {
        size_t conversion = s->lane[lane].conversion, unit;
        if (lane % XO_HALF >= s->half[lane / XO_HALF].count || conversion / lay->conversions != block)
            continue;
        const struct xo_conversion *c = &lay->conversion[conversion % lay->conversions];
        struct column plus = { array + c->plane, c->column }, minus = { XO_NONE, 0 };
        unit = xo_unit_at(p->l, xo_gain_unit(p->l), conversion);
        weigh_column(p, r, site, plus, unit);
        if (c->minus_plane != XO_NONE) {
            minus = (struct column){ array + c->minus_plane, c->minus_column };
            weigh_column(p, r, site, minus, unit);
        }
        take_lane(p, r, s, lane, plus, minus);
    }
}

static void take_block(struct piece *p, size_t block, size_t array)
{
    const struct site *site = &p->site[block];
    struct xo_row_block *r = &p->l->array.bank[site->matrix].row[site->row_block];
    for (size_t k = 0; k < r->strips; k++)
        take_strip(p, r, &r->strip[k], site, block, array);
    for (size_t k = 0; k < r->references; k++)
        take_strip(p, r, &r->reference[k], site, block, array);
}

/* The array in the middle of the layer is solved once more, and certified. */
static int sample(struct piece *p, size_t first, size_t arrays, struct xo_info *info)
{
    size_t middle = p->l->blocks * p->l->layout.planes / 2, at = middle - first;
    double error;
    if (middle < first || at >= arrays)
        return 0;
    int status = xo_batch_check(p->press->batch, p->cell + at * p->cells, p->g_ni + at * p->cells, &error, NULL,
                                info);
    if (status)
        return status;
    p->l->loss.sampled++;
    p->l->loss.sampled_error_rel = fmax(p->l->loss.sampled_error_rel, error + rounding(p->press));
    return 0;
}

static struct xo_fitted_array array_at(const struct piece *p, size_t first, size_t at)
{
    const struct site *s = &p->site[first + at / p->l->layout.planes];
    const struct xo_row_block *r = &p->l->array.bank[s->matrix].row[s->row_block];
    struct xo_tile_model model = { p->g_ni + at * p->cells, p->offset + at * p->columns,
                                   p->matrix == p->g_ni ? NULL : p->matrix + at * p->l->array.functions * p->cells,
                                   p->bend ? p->bend + at * p->columns : NULL };
    return (struct xo_fitted_array){ first * p->l->layout.planes + at,
                                     p->l->codes.matrix[s->matrix].first_input + r->first, r->inputs,
                                     p->cell + at * p->cells, model };
}

/* Nonlinear cells: each array's model. */
static int fit_piece(struct piece *p, size_t first, size_t arrays, struct xo_info *info)
{
    int status = 0, threads = p->press->how->threads < 1 ? 1 : p->press->how->threads;
    struct xo_info why = { "" };
    #pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (size_t n = 0; n < arrays; n++) {
        const struct xo_fitted_array a = array_at(p, first, n);
        struct xo_info own = { "" };
        int failed = xo_fitted_fit(p->press->fitter, p->l, &a, &own);
        #pragma omp critical(xo_nonlinear)
        if (failed && !status) {
            status = failed;
            why = own;
        }
    }
    return status ? xo_fail(info, status, "%s", why.text) : 0;
}

static int run_piece(struct piece *p, size_t first, struct xo_info *info)
{
    size_t planes = p->l->layout.planes, blocks = p->l->blocks - first < p->blocks ? p->l->blocks - first : p->blocks;
    struct xo_batch_arrays b = { .arrays = blocks * planes, .first_array = first * planes, .cell_siemens = p->cell,
                                 .g_ni_siemens = p->g_ni, .offset_amp = p->offset, .worst_bound_rel = p->bound };
    fill_cells(p, first, blocks);
    int status = p->press->batch ? xo_batch_matrix(p->press->batch, &b, info) : fit_piece(p, first, b.arrays, info);
    for (size_t n = 0; n < b.arrays && !status; n++)
        p->l->loss.bound_rel = fmax(p->l->loss.bound_rel, p->bound[n] + rounding(p->press));
    for (size_t n = 0; n < blocks && !status; n++)
        take_block(p, first + n, n * planes);
    return status || !p->press->batch ? status : sample(p, first * planes, b.arrays, info);
}

/* ---- a layer ------------------------------------------------------------------------------------------ */

/* Is one side of a pair subtracted from the other before the ADC? */
static bool subtracts(const struct xo_layout *l)
{
    for (size_t q = 0; q < l->conversions; q++)
        if (l->conversion[q].minus_plane != XO_NONE)
            return true;
    return false;
}

/* What strips of circuits hold besides b, and b itself where it is of several functions. */
static int widen_strips(struct xo_array_layer *l, struct xo_strip *s, size_t strips, size_t inputs)
{
    const struct xo_use *use = &l->array;
    bool noisy = l->hardware->dac.noise_volt > 0;
    size_t entries = use->functions * inputs, sides = noisy ? 2 : use->bent ? 1 + subtracts(&l->layout) : 0;
    for (size_t k = 0; k < strips; k++) {
        s[k].offset = xo_arena_alloc(&l->arena, XO_STRIP, sizeof *s[k].offset);
        if (use->functions > 1)
            s[k].b = xo_arena_alloc(&l->arena, entries, XO_STRIP * sizeof(float));
        for (size_t side = 0; side < sides; side++)
            s[k].side[side] = xo_arena_alloc(&l->arena, entries, XO_STRIP * sizeof(float));
        if (use->bent)
            s[k].bend = xo_arena_alloc(&l->arena, 2, sizeof *s[k].bend);
        if (!s[k].offset || !s[k].b || (sides && !s[k].side[0]) || (sides > 1 && !s[k].side[1]) ||
            (use->bent && !s[k].bend))
            return ENOMEM;
    }
    return 0;
}

static int prepare(struct xo_array_layer *l)
{
    int status = 0;
    for (size_t m = 0; m < l->codes.matrices; m++)
        for (size_t n = 0; n < l->array.bank[m].rows && !status; n++) {
            struct xo_row_block *r = &l->array.bank[m].row[n];
            status = widen_strips(l, r->strip, r->strips, r->inputs);
            if (!status)
                status = widen_strips(l, r->reference, r->references, r->inputs);
        }
    l->array.circuit = true;
    l->oracle = xo_arena_alloc(&l->arena, xo_units_of(l, xo_gain_unit(l)), sizeof *l->oracle);
    return status || l->oracle ? status : ENOMEM;
}

static int solve_layer(struct press *press, struct xo_array_layer *l, struct xo_info *info)
{
    struct piece p;
    int status = press_fit(press, l->hardware, info);
    l->fitter = press->fitter;
    if (!status && press->fitter)
        status = xo_fitted_choose(press->fitter, l, info);
    if (!status)
        status = prepare(l);
    if (status)
        return status;
    status = piece_new(&p, press, l);
    for (size_t first = 0; first < l->blocks && !status; first += p.blocks)
        status = run_piece(&p, first, info);
    for (size_t u = 0; u < xo_units_of(l, xo_gain_unit(l)) && !status; u++)
        l->oracle[u] = p.above[u] == 0 || p.below[u] == 0 ? 1 : p.above[u] / p.below[u];
    l->loss.arrays = l->blocks * l->layout.planes;
    l->loss.nf_mean = l->loss.columns ? p.nf_sum / (double)l->loss.columns : 0;
    piece_free(&p);
    return status;
}

/* Codes, layout and inputs are the base's; strips, ranges and gains its own. */
static int program_layer(struct press *press, struct xo_array_layer *l, const struct xo_array_layer *base, size_t k,
                         const struct xo_kernels *kernels, struct xo_info *info)
{
    const struct xo_programming *how = press->how;
    struct xo_info why = { "" };
    *l = *base;
    l->base = base;
    l->arena = (struct xo_arena){ NULL };
    l->array = (struct xo_use){ 0 };
    l->blocks = 0;
    l->calibrated = false;
    if (!base->hardware)
        return 0;
    if (how->hardware)
        l->hardware = how->hardware[k];
    l->varies = how->varies && xo_hardware_varies(l->hardware);
    l->instance = how->instance;
    bool ideal = xo_is_ideal(l->hardware, l->varies);
    int status = xo_array_use(l, ideal);
    if (!status)
        status = xo_layer_units(l);
    if (!status && !ideal)
        status = l->hardware->array.input == XO_INPUT_GATE ? xo_program_ladders(l, how->threads, kernels, &why)
                                                           : solve_layer(press, l, &why);
    return status < 0 ? xo_fail(info, status, "layer %s: %s", l->layer->name, why.text) : status;
}

int xo_engine_dnn_program(xo_engine_dnn **out, const xo_engine_dnn *base, const struct xo_programming *how,
                          struct xo_info *info)
{
    xo_engine_dnn *e = xo_calloc(1, sizeof *e);
    struct press press = { .how = how, .engine = e };
    if (!e)
        return ENOMEM;
    *e = (struct xo_engine_dnn){ .graph = base->graph, .kernels = base->kernels, .layers = base->layers,
                                 .layer = xo_calloc(base->layers, sizeof *e->layer), .programmed = true,
                                 .fitter = xo_calloc(base->layers, sizeof(xo_tile_fitter *)),
                                 .tails_left = XO_TAILS_KEPT };
    int status = e->layer && e->fitter ? 0 : ENOMEM;
    for (size_t k = 0; k < base->layers && !status; k++)
        status = program_layer(&press, &e->layer[k], &base->layer[k], k, base->kernels, info);
    press_free(&press);
    if (status)
        xo_engine_dnn_free(e);
    else
        *out = e;
    return status;
}
