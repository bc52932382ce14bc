/* A network's layers on arrays: set up, run in place of their operators, counted, reported.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "engine_private.h"
#include "memory.h"

/* ---- layers ---------------------------------------------------------------------------------------- */

static int set_input(struct xo_array_layer *l, const struct xo_layer_range *range, struct xo_info *info)
{
    const struct xo_mapping *mapping = &l->hardware->mapping;
    struct xo_info why = { 0 };
    int status = 0, bits;
    bool two_phase;
    if (l->layer->has_integers)
        l->input = xo_input_code_of_integers(&l->layer->integers);
    else
        status = xo_input_code_of(&l->input, mapping, range->low, range->high, &why);
    if (status)
        return xo_fail(info, status, "layer %s: %s", l->layer->name, why.text);
    two_phase = l->input.is_signed && mapping->input_sign == XO_INPUT_TWO_PHASE;
    bits = l->input.bits - two_phase;
    for (int phase = 0; phase <= two_phase; phase++)
        for (int byte = 0; byte <= (bits - 1) / 8; byte++)
            l->plane[l->planes++] = (struct xo_plane){ two_phase ? (phase ? -1 : 1) : 0, byte };
    return 0;
}

/* sum (q_w - z_w) of every output: what the zero of a quantised model's inputs multiplies. */
static int sum_weights(struct xo_array_layer *l)
{
    const struct xo_layer *layer = l->layer;
    const struct xo_model_integers *m = &layer->integers;
    size_t outputs = layer->groups * layer->outputs;
    l->weight_sum = xo_arena_alloc(&l->arena, outputs, sizeof *l->weight_sum);
    if (!l->weight_sum)
        return ENOMEM;
    for (size_t g = 0; g < layer->groups; g++)
        for (size_t j = 0; j < layer->outputs; j++) {
            double sum = 0, lift = (m->weight_unsigned ? 128 : 0) - m->weight_zero[g * layer->outputs + j];
            for (size_t i = 0; i < layer->inputs; i++)
                sum += l->codes.q[(g * layer->inputs + i) * layer->outputs + j] + lift;
            l->weight_sum[g * layer->outputs + j] = sum;
        }
    return 0;
}

int xo_layer_units(struct xo_array_layer *l)
{
    size_t widest = 0;
    for (size_t k = 0; k < l->codes.matrices; k++)
        widest = l->array.bank[k].stride > widest ? l->array.bank[k].stride : widest;
    l->ones = xo_arena_alloc(&l->arena, widest, sizeof *l->ones);
    l->zeros = xo_arena_alloc(&l->arena, widest, sizeof *l->zeros);
    l->range = xo_arena_alloc(&l->arena, xo_units_of(l, xo_range_unit(l)), sizeof *l->range);
    l->gain = xo_arena_alloc(&l->arena, xo_units_of(l, xo_gain_unit(l)), sizeof *l->gain);
    if (!l->base)
        l->digit_sum = xo_arena_alloc(&l->arena, l->layer->groups * l->layer->inputs, sizeof *l->digit_sum);
    if (!l->ones || !l->zeros || !l->range || !l->gain || !l->digit_sum)
        return ENOMEM;
    for (size_t j = 0; j < widest; j++)
        l->ones[j] = 1;
    return 0;
}

/* Sums of integers stay exact in float64. */
static int check_size(const struct xo_array_layer *l, struct xo_info *info)
{
    double inputs = 0;
    for (size_t k = 0; k < l->codes.matrices; k++)
        inputs = fmax(inputs, (double)l->codes.matrix[k].inputs);
    if (inputs * ldexp(1, l->codes.bits + l->input.bits) < 0x1p53)
        return 0;
    return xo_fail(info, XO_ETOOBIG,
                   "layer %s: %g inputs of %d bits with weights of %d bits; expected sums below 2^53",
                   l->layer->name, inputs, l->input.bits, l->codes.bits);
}

static int layer_new(struct xo_array_layer *l, const struct xo_layer_range *range, struct xo_info *info)
{
    const struct xo_hardware *h = l->hardware;
    int status = xo_codes_new(&l->codes, l->layer, &h->mapping, info);
    if (!status)
        status = xo_layout_new(&l->layout, h, &l->codes, info);
    if (!status)
        status = set_input(l, range, info);
    if (!status)
        status = check_size(l, info);
    l->device = h->device;
    l->device.off_siemens = xo_off_siemens(h);
    l->unit_ampere = xo_unit_ampere(&h->dac, &l->device);
    if (!status)
        status = xo_exact_use(l);
    if (!status)
        status = xo_array_use(l, true);
    if (!status)
        status = xo_layer_units(l);
    return !status && l->layer->has_integers ? sum_weights(l) : status;
}

int xo_engine_dnn_new(xo_engine_dnn **out, const struct xo_graph *g, const struct xo_layers *layers,
                      const struct xo_hardware *const *hardware, const struct xo_layer_range *range,
                      struct xo_info *info)
{
    struct xo_engine_dnn *e = xo_calloc(1, sizeof *e);
    int status = 0;
    if (!e)
        return ENOMEM;
    *e = (struct xo_engine_dnn){ g, xo_kernels_of(XO_SIMD_BEST), layers->count,
                                 xo_calloc(layers->count, sizeof *e->layer), false, XO_TAILS_KEPT };
    if (!e->layer)
        status = ENOMEM;
    for (size_t k = 0; k < layers->count && !status; k++) {
        e->layer[k].number = k;
        e->layer[k].layer = &layers->layer[k];
        e->layer[k].hardware = hardware[k];
        if (hardware[k])
            status = layer_new(&e->layer[k], range ? &range[k] : &(struct xo_layer_range){ 0, 0 }, info);
    }
    if (status)
        xo_engine_dnn_free(e);
    else
        *out = e;
    return status;
}

void xo_engine_dnn_simd(xo_engine_dnn *e, enum xo_simd simd)
{
    e->kernels = xo_kernels_of(simd);
}

void xo_engine_dnn_free(xo_engine_dnn *e)
{
    if (!e)
        return;
    for (size_t k = 0; e->layer && k < e->layers; k++) {
        if (!e->layer[k].base) {       /* else they are another's */
            xo_codes_free(&e->layer[k].codes);
            xo_layout_free(&e->layer[k].layout);
        }
        xo_ladders_forget(&e->layer[k]);
        xo_tails_free(e->layer[k].tails);
        xo_arena_free(&e->layer[k].arena);
    }
    free(e->layer);
    free(e);
}

/* ---- threads --------------------------------------------------------------------------------------- */

void *xo_room(struct xo_engine_thread *t, enum xo_buffer which, size_t count, size_t size)
{
    size_t nbytes = count * size;
    if (size && count > (SIZE_MAX - 128) / size)
        return NULL;
    if (t->room[which] < nbytes + 64) {
        void *block = xo_calloc(nbytes + 128, 1);
        if (!block)
            return NULL;
        free(t->buffer[which]);
        t->buffer[which] = block;
        t->room[which] = nbytes + 64;
    }
    return (void *)(((uintptr_t)t->buffer[which] + 63) / 64 * 64);
}

int xo_engine_thread_new(xo_engine_thread **out, xo_engine_dnn *e, enum xo_stage stage, struct xo_info *info)
{
    struct xo_engine_thread *t;
    int status = 0;
    if ((stage == XO_STAGE_CONVERTERS && e->programmed) || (stage == XO_STAGE_CIRCUIT && !e->programmed))
        return xo_fail(info, XO_EVALUE, "stage %s of %s engine", stage == XO_STAGE_CIRCUIT ? "circuit" : "converters",
                       e->programmed ? "a programmed" : "an unprogrammed");
    for (size_t k = 0; k < e->layers && stage >= XO_STAGE_CONVERTERS; k++)
        if (e->layer[k].hardware && !e->layer[k].calibrated)
            return xo_fail(info, XO_EVALUE, "layer %s: not calibrated", e->layer[k].layer->name);
    for (size_t k = 0; k < e->layers && stage == XO_STAGE_ANALOG && !status; k++)
        status = e->layer[k].hardware ? xo_check_linear(e->layer[k].hardware, e->layer[k].layer->name, info) : 0;
    if (status)
        return status;
    t = xo_calloc(1, sizeof *t);
    if (!t)
        return ENOMEM;
    t->engine = e;
    t->stage = stage;
    t->count = xo_calloc(e->layers, sizeof *t->count);
    if (!t->count) {
        xo_engine_thread_free(t);
        return ENOMEM;
    }
    *out = t;
    return 0;
}

int xo_engine_calibrator_new(xo_engine_thread **out, xo_engine_dnn *e, size_t images, struct xo_info *info)
{
    struct xo_engine_thread *t;
    int status = xo_engine_thread_new(&t, e, XO_STAGE_QUANTISED, info);
    if (status)
        return status;
    t->is_calibrator = true;
    t->calibration = xo_calloc(e->layers, sizeof(struct xo_calibration *));
    status = t->calibration ? 0 : ENOMEM;
    for (size_t k = 0; k < e->layers && !status; k++)
        if (e->layer[k].hardware) {
            status = xo_calibration_new(&t->calibration[k], &e->layer[k], images);
            if (!status)
                status = xo_tails_of(&e->layer[k], &e->tails_left);
        }
    if (status)
        xo_engine_thread_free(t);
    else
        *out = t;
    return status;
}

void xo_engine_thread_free(xo_engine_thread *t)
{
    if (!t)
        return;
    for (size_t k = 0; t->calibration && k < t->engine->layers; k++)
        xo_calibration_free(t->calibration[k]);
    for (int k = 0; k < XO_BUFFERS; k++)
        free(t->buffer[k]);
    free(t->calibration);
    free(t->count);
    free(t);
}

void xo_engine_thread_image(xo_engine_thread *t, uint64_t first_image)
{
    t->first_image = first_image;
    memset(t->count, 0, t->engine->layers * sizeof *t->count);
}

const struct xo_layer_counts *xo_engine_thread_counts(const xo_engine_thread *t)
{
    return t->count;
}

int xo_engine_calibrate(xo_engine_dnn *e, size_t threads, xo_engine_thread *const *t, bool *again,
                        struct xo_info *info)
{
    struct xo_engine_thread *scratch = NULL;
    int status = threads ? 0 : xo_engine_calibrator_new(&scratch, e, 0, info);
    bool more = false;
    for (size_t k = 0; k < e->layers && !status; k++) {
        struct xo_array_layer *l = &e->layer[k];
        struct xo_calibration *c = threads && l->hardware ? t[0]->calibration[k] : NULL;
        bool this = false;
        if (!l->hardware || l->calibrated)
            continue;
        for (size_t n = 1; n < threads && !status; n++)
            status = xo_calibration_merge(c, t[n]->calibration[k]);
        if (!status)
            status = xo_calibrate_layer(l, threads ? t[0] : scratch, c, &this, info);
        for (size_t n = 0; n < threads; n++)
            xo_calibration_next(t[n]->calibration[k]);
        l->calibrated = !status && !this;
        more |= this;
    }
    xo_engine_thread_free(scratch);
    *again = more && !status;
    return status;
}

/* ---- running --------------------------------------------------------------------------------------- */

void xo_shift_zeros(double *total, const struct xo_array_layer *l, const struct xo_code_matrix *m, size_t block,
                    double inputs)
{
    const struct xo_model_integers *own = &l->layer->integers;
    double pad = xo_pad_value(l);
    for (size_t j = block * m->block_outputs; j < (block + 1) * m->block_outputs; j++) {
        double lift = (own->weight_unsigned ? 128 : 0) - own->weight_zero[m->first_output + j];
        total[j] += lift * inputs - pad * l->weight_sum[m->first_output + j];
    }
}

static void shift_zeros(double *total, const struct xo_array_layer *l, size_t matrix, const struct xo_patches *p,
                        size_t stride)
{
    const struct xo_code_matrix *m = &l->codes.matrix[matrix];
    for (size_t n = 0; n < p->count; n++)
        for (size_t block = 0; block * m->block_inputs < m->inputs; block++) {
            const uint8_t *x = p->byte + n * p->stride + m->first_input + block * m->block_inputs;
            double inputs = 0;
            for (size_t i = 0; i < m->block_inputs; i++)
                inputs += x[i];
            xo_shift_zeros(total + n * stride, l, m, block, inputs);
        }
}

void xo_scale_sums(float *y, const struct xo_array_layer *l, size_t matrix, const struct xo_place *where,
                   size_t positions, const double *total)
{
    const struct xo_code_matrix *m = &l->codes.matrix[matrix];
    size_t channels = l->layer->groups * l->layer->outputs, stride = l->array.bank[matrix].stride;
    for (size_t n = 0; n < positions; n++) {
        size_t image = (where->first_row + n) / where->rows_per_image;
        size_t at = (where->first_row + n) % where->rows_per_image;
        for (size_t j = 0; j < m->outputs; j++) {
            size_t channel = m->first_output + j;
            y[(image * channels + channel) * where->rows_per_image + at] =
                (float)((double)l->codes.weight_scale[channel] * l->input.scale * total[n * stride + j] +
                        (double)l->layer->bias[channel]);
        }
    }
}

void xo_compare_sums(struct xo_layer_counts *count, const struct xo_place *where, const double *total,
                     const double *exact, size_t positions, const struct xo_bank *bank)
{
    for (size_t n = 0; n < positions; n++) {
        if (!xo_is_sampled(where, n))
            continue;
        for (size_t j = n * bank->stride; j < n * bank->stride + bank->matrix->outputs; j++) {
            count->error_square += (total[j] - exact[j]) * (total[j] - exact[j]);
            count->signal_square += exact[j] * exact[j];
        }
    }
}

bool xo_has_sample(const struct xo_place *where, size_t positions)
{
    for (size_t n = 0; n < positions; n++)
        if (xo_is_sampled(where, n))
            return true;
    return false;
}

static int look_closer(struct xo_engine_thread *t, const struct xo_array_layer *l, size_t matrix,
                       const struct xo_view *v, const struct xo_patches *p, const double *total)
{
    const struct xo_bank *bank = &l->array.bank[matrix];
    const struct xo_place where = { p->first, v->positions, t->first_image, XO_SCORED };
    if (!xo_has_sample(&where, p->count))
        return 0;
    double *exact = xo_room(t, XO_BUFFER_EXACT, p->count, bank->stride * sizeof *exact);
    int status = exact ? xo_evaluate(exact, t, l, &l->exact, matrix, v, p) : ENOMEM;
    if (status)
        return status;
    if (l->layer->has_integers)
        shift_zeros(exact, l, matrix, p, bank->stride);
    xo_compare_sums(&t->count[l->number], &where, total, exact, p->count, bank);
    return xo_count_codes(&t->count[l->number], t, l, matrix, v, p);
}

static int run_matrix(struct xo_engine_thread *t, const struct xo_array_layer *l, size_t matrix,
                      const struct xo_view *v, const struct xo_patches *p, float *y)
{
    const struct xo_use *use = t->stage >= XO_STAGE_CONVERTERS ? &l->array : &l->exact;
    size_t stride = use->bank[matrix].stride;
    double *total = xo_room(t, XO_BUFFER_TOTAL, p->count, stride * sizeof *total);
    int status = total ? xo_evaluate(total, t, l, use, matrix, v, p) : ENOMEM;
    if (status)
        return status;
    if (l->layer->has_integers)
        shift_zeros(total, l, matrix, p, stride);
    xo_scale_sums(y, l, matrix, &(struct xo_place){ p->first, v->positions, t->first_image, XO_SCORED }, p->count,
                  total);
    if (t->is_calibrator)
        return xo_observe(t, l, matrix, v, p);
    if (t->pairs)
        return xo_count_pairs(&t->pairs[l->number], t, l, matrix, v, p);
    return t->stage >= XO_STAGE_CONVERTERS && !t->certified ? look_closer(t, l, matrix, v, p, total) : 0;
}

static int run_layer(void *user, size_t layer, const struct xo_tensor *input, struct xo_tensor *output,
                     struct xo_info *info)
{
    struct xo_engine_thread *t = user;
    const struct xo_array_layer *l = &t->engine->layer[layer];
    struct xo_view v;
    struct xo_patches p;
    if (t->stage == XO_STAGE_ANALOG)
        return xo_run_analog(t, l, input, output, info);
    int status = xo_view_open(&v, t, l, input, info);
    for (size_t first = 0; !status && first < v.images * v.positions; first += XO_CHUNK) {
        status = xo_view_patches(&p, t, l, &v, first);
        for (size_t m = 0; m < l->codes.matrices && !status; m++)
            status = run_matrix(t, l, m, &v, &p, output->data);
    }
    return status;
}

static bool takes_layer(void *user, size_t layer)
{
    const struct xo_engine_thread *t = user;
    return t->stage > XO_STAGE_FP32 && t->engine->layer[layer].hardware;
}

struct xo_layer_hook xo_engine_hook(xo_engine_thread *t)
{
    return (struct xo_layer_hook){ .run = run_layer, .takes = takes_layer, .user = t };
}

/* ---- reports --------------------------------------------------------------------------------------- */

/* Cells that hold a weight's digit: every one of the inputs and outputs of blocks that have arrays. */
static size_t used_cells(const struct xo_array_layer *l)
{
    size_t cells = 0;
    for (size_t k = 0; k < l->codes.matrices; k++)
        for (size_t n = 0; n < l->array.bank[k].rows; n++) {
            const struct xo_row_block *r = &l->array.bank[k].row[n];
            for (size_t s = 0; s < r->spans; s++)
                cells += r->inputs * r->used[s].count;
        }
    return cells * l->layout.output_columns * l->layout.planes;
}

void xo_engine_sheet(const xo_engine_dnn *e, size_t layer, struct xo_layer_sheet *out)
{
    const struct xo_array_layer *l = &e->layer[layer];
    struct xo_layer_sheet s = { .name = l->layer->name, .inputs = l->layer->inputs, .outputs = l->layer->outputs,
                                .groups = l->layer->groups };
    if (l->hardware) {
        s.tiles = l->blocks * l->layout.planes;
        s.cells = s.tiles * l->hardware->array.rows * l->hardware->array.columns;
        s.used_cells = used_cells(l);
        s.slices = l->layout.slices;
        s.streams = (int)l->array.streams;
        s.weight_scale = (double)l->codes.weight_scale[0];
        s.input_scale = (double)l->input.scale;
        s.unit_ampere = l->unit_ampere;
        s.low_ampere = l->range[0].low_ampere;
        s.lsb_ampere = l->range[0].lsb_ampere;
        s.gain = l->gain[0];
        s.weight_zero = l->layer->has_integers ? l->layer->integers.weight_zero[0] : 0;
        s.input_zero = l->layer->has_integers ? l->layer->integers.input_zero : 0;
        s.is_signed = l->input.is_signed;
        s.loss = l->loss;
    }
    *out = s;
}
