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

/* ---- is there anything to solve? ------------------------------------------------------------------- */

static bool is_zero(const struct xo_values *v, size_t count)
{
    for (size_t k = 0; v->each && k < count; k++)
        if (v->each[k] != 0)
            return false;
    return v->each || v->all == 0;
}

static bool is_normal(const struct xo_line *line, size_t count)
{
    for (size_t k = 0; line && k < count; k++)
        if (line[k].state != XO_LINE_NORMAL)
            return false;
    return true;
}

/* Transistors are switches, what inputs meet along rows, and source lines, do not resist. */
static bool has_ideal_sources(const struct xo_hardware *h)
{
    const struct xo_crossbar *x = &h->array;
    size_t m = x->rows, n = x->columns;
    bool crossbar = x->topology == XO_TOPOLOGY_CROSSBAR, row = x->topology == XO_TOPOLOGY_SOURCE_ROW;
    if (x->cell_type == XO_CELL_1T1R && (x->transistor_ohm != 0 || x->transistor_off_siemens != 0))
        return false;
    if (x->input == XO_INPUT_GATE ? x->source_volt != h->dac.read_volt : h->dac.output_ohm != 0)
        return false;
    return crossbar ? is_zero(&x->row_wire_ohm, m * (n - 1)) && is_zero(&x->driver_ohm, m)
                    : is_zero(&x->source_end_ohm, row ? m : n) &&
                          (x->topology == XO_TOPOLOGY_PLANE ||
                           is_zero(&x->source_wire_ohm, row ? m * (n - 1) : (m - 1) * n));
}

bool xo_is_ideal(const struct xo_hardware *h, bool varies)
{
    const struct xo_crossbar *x = &h->array;
    size_t m = x->rows, n = x->columns;
    return !(varies && xo_hardware_varies(h)) && !xo_is_nonlinear(x) && has_ideal_sources(h) &&
           is_zero(&x->column_wire_ohm, (m - 1) * n) && is_zero(&x->sense_ohm, n) &&
           is_zero(&x->sense_volt, n) && is_zero(&x->series_ohm, m * n) && is_normal(x->word_line, m) &&
           is_normal(x->bit_line, n) && !x->stuck_count && !x->open_cell_count && !x->open_word_segment_count &&
           !x->open_bit_segment_count && !x->word_bridge_count && !x->bit_bridge_count;
}

/* ---- the plan for a geometry ------------------------------------------------------------------------ */

/* Layers mostly share their hardware, so the last plan is kept. */
struct press {
    const struct xo_programming *how;
    char *text;                        /* canonical hardware it was made for */
    double *driver_ohm;                /* with dac.output_ohm                */
    xo_circuit *circuit;
    xo_batch *batch;
    struct xo_fitted fitted;     /* instead, where cells are           */
};

static void press_free(struct press *p)
{
    xo_batch_free(p->batch);
    xo_fitted_free(&p->fitted);
    xo_circuit_free(p->circuit);
    free(p->driver_ohm);
    free(p->text);
    *p = (struct press){ .how = p->how };
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
        return xo_fitted_new(&p->fitted, h, info);
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
    p->offset = xo_calloc(arrays, p->columns * sizeof *p->offset);
    p->bound = xo_calloc(arrays, sizeof *p->bound);
    p->above = xo_calloc(units, sizeof *p->above);
    p->below = xo_calloc(units, sizeof *p->below);
    return p->site && p->cell && p->g_ni && p->digit && p->offset && p->bound && p->above && p->below
        ? list_sites(p->site, l) : ENOMEM;
}

static void piece_free(struct piece *p)
{
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

/* One lane: G_ni in units of a weight level, plus less minus; i0 in I_unit. */
static void take_lane(struct piece *p, const struct xo_row_block *r, struct xo_strip *s, size_t lane,
                      struct column plus, struct column minus)
{
    const struct xo_device *d = &p->l->device;
    double step = (d->on_siemens - d->off_siemens) / ((1 << d->bits_per_cell) - 1);
    const double *a = p->g_ni + plus.array * p->cells + plus.column;
    const double *b = minus.array == XO_NONE ? NULL : p->g_ni + minus.array * p->cells + minus.column;
    for (size_t i = 0; i < r->inputs; i++) {
        double up = a[i * p->columns], down = b ? b[i * p->columns] : 0;
        s->b[i * XO_STRIP + lane] = (float)((up - down) / step);
        if (s->side[0])
            s->side[0][i * XO_STRIP + lane] = (float)(up / step);
        if (s->side[1])
            s->side[1][i * XO_STRIP + lane] = (float)(down / step);
    }
    double offset = p->offset[plus.array * p->columns + plus.column];
    if (b)
        offset -= p->offset[minus.array * p->columns + minus.column];
    if (s->offset)
        s->offset[lane] = offset / p->l->unit_ampere;
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
    return (struct xo_fitted_array){ first * p->l->layout.planes + at,
                                     p->l->codes.matrix[s->matrix].first_input + r->first, r->inputs,
                                     p->cell + at * p->cells, p->g_ni + at * p->cells,
                                     p->offset + at * p->columns };
}

/* Nonlinear cells: the best matrix of each array, and a few of them compared with exact currents. */
static int fit_piece(struct piece *p, size_t first, size_t arrays, struct xo_info *info)
{
    int status = 0, threads = p->press->how->threads < 1 ? 1 : p->press->how->threads;
    struct xo_info why = { "" };
    #pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (size_t n = 0; n < arrays; n++) {
        const struct xo_fitted_array a = array_at(p, first, n);
        struct xo_info own = { "" };
        int failed = xo_fitted_fit(&p->press->fitted, p->l, &a, &own);
        #pragma omp critical(xo_nonlinear)
        if (failed && !status) {
            status = failed;
            why = own;
        }
    }
    for (size_t n = 0; n < arrays && !status; n++) {
        const struct xo_fitted_array a = array_at(p, first, n);
        status = xo_fitted_check(&p->press->fitted, p->l, &a, &why);
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

/* What strips of circuits hold besides b. */
static int widen_strips(struct xo_array_layer *l, struct xo_strip *s, size_t strips, size_t inputs)
{
    bool noisy = l->hardware->dac.noise_volt > 0;
    for (size_t k = 0; k < strips; k++) {
        s[k].offset = xo_arena_alloc(&l->arena, XO_STRIP, sizeof *s[k].offset);
        for (int side = 0; side < 2 && noisy; side++)
            s[k].side[side] = xo_arena_alloc(&l->arena, inputs, XO_STRIP * sizeof(float));
        if (!s[k].offset || (noisy && (!s[k].side[0] || !s[k].side[1])))
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
    if (!status)
        status = prepare(l);
    if (status)
        return status;
    if (press->fitted.fitter)
        xo_fitted_levels(&press->fitted, l);
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
    struct press press = { .how = how };
    xo_engine_dnn *e = xo_calloc(1, sizeof *e);
    if (!e)
        return ENOMEM;
    *e = (struct xo_engine_dnn){ base->graph, base->kernels, base->layers,
                                 xo_calloc(base->layers, sizeof *e->layer), true, XO_TAILS_KEPT };
    int status = e->layer ? 0 : ENOMEM;
    for (size_t k = 0; k < base->layers && e->layer && !status; k++)
        status = program_layer(&press, &e->layer[k], &base->layer[k], k, base->kernels, info);
    press_free(&press);
    if (status)
        xo_engine_dnn_free(e);
    else
        *out = e;
    return status;
}
