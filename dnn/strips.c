/* Digits in cells -> strips of 32 columns as the kernels take them, and how each column is read.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "engine_private.h"
#include "memory.h"

/* What all strips of a use have in common: the columns of one output are of so many kinds (slice, sign). */
struct plan {
    struct xo_array_layer *l;
    struct xo_use *use;
    bool exact, empty;                 /* empty: b is left for others to fill             */
    size_t kinds;
    struct xo_weight weight[64];
    size_t *conversion;                /* [kinds][layout.tile_outputs] place in the block */
    uint16_t *digit;                   /* [planes][array.rows][array.columns] of a block  */
    size_t rows;                       /* of a row block */
};

static struct xo_weight weight_of(double w)
{
    return (struct xo_weight){ ilogb(w), w < 0 };
}

/* ---- streams and levels ---------------------------------------------------------------------------- */

static int set_streams(struct xo_use *use, struct xo_array_layer *l, const struct xo_dac *dac)
{
    double volt = dac->read_volt / ((1u << dac->bits) - 1);
    use->levels = (size_t)1 << dac->bits;
    use->functions = 1;
    use->bits = dac->bits <= 2 ? dac->bits : 0;
    use->streams = xo_streams_of(use->stream, &l->input, &l->hardware->mapping, dac);
    for (size_t t = 0; t < use->streams; t++)
        use->weight[t] = weight_of(use->stream[t].weight);
    use->level = xo_arena_alloc(&l->arena, use->levels, sizeof *use->level);
    use->level_single = xo_arena_alloc(&l->arena, use->levels, sizeof *use->level_single);
    if (!use->level || !use->level_single)
        return ENOMEM;
    use->ideal = dac->gain_error == 0 && dac->offset_volt == 0 && dac->inl_volt.count == 0;
    for (size_t e = 0; e < use->levels; e++) {
        use->level[e] = use->ideal ? (double)e : xo_dac_volt(dac, (unsigned)e, 0) / volt;
        use->level_single[e] = (float)use->level[e];
    }
    return 0;
}

/* ---- where columns go ------------------------------------------------------------------------------ */

static bool has_references(const struct plan *p)
{
    return !p->exact && p->l->layout.reference_column != XO_NONE;
}

/* Outputs that have arrays here, as runs; where arrays measure their own off-current, a run ends with its array. */
static int find_spans(struct xo_row_block *r, const struct plan *p, const struct xo_code_matrix *m, size_t row_block)
{
    const struct xo_layout *lay = &p->l->layout;
    size_t blocks = p->exact ? 1 : xo_layout_column_blocks(lay, m), size = p->exact ? m->outputs : lay->tile_outputs;
    r->used = xo_arena_alloc(&p->l->arena, blocks, sizeof *r->used);
    if (!r->used)
        return ENOMEM;
    for (size_t c = 0; c < blocks; c++) {
        size_t first = c * size, end = first + size < m->outputs ? first + size : m->outputs;
        if (p->exact) {                /* only the outputs whose blocks of the diagonal begin or end here */
            first = r->first / m->block_inputs * m->block_outputs;
            end = ((r->first + r->inputs - 1) / m->block_inputs + 1) * m->block_outputs;
        } else if (!xo_layout_block_used(lay, m, row_block, c)) {
            continue;
        }
        struct xo_span *last = r->spans ? &r->used[r->spans - 1] : NULL;
        if (last && last->first + last->count == first && !has_references(p))
            last->count = end - last->first;
        else
            r->used[r->spans++] = (struct xo_span){ first, end - first };
    }
    return 0;
}

static size_t cuts_of(const struct xo_row_block *r)
{
    size_t cuts = 0;
    for (size_t k = 0; k < r->spans; k++)
        cuts += (r->used[k].count + XO_HALF - 1) / XO_HALF;
    return cuts;
}

static int strips_new(struct xo_strip **out, struct xo_array_layer *l, size_t count, size_t inputs, bool read)
{
    struct xo_strip *s = xo_arena_alloc(&l->arena, count, sizeof *s);
    if (!s)
        return ENOMEM;
    for (size_t k = 0; k < count; k++) {
        s[k].b = xo_arena_alloc(&l->arena, inputs, XO_STRIP * sizeof(float));
        s[k].scale = xo_arena_alloc(&l->arena, 2, sizeof *s[k].scale);
        s[k].less = xo_arena_alloc(&l->arena, 2, sizeof *s[k].less);
        s[k].lane = read ? xo_arena_alloc(&l->arena, XO_STRIP, sizeof *s[k].lane) : NULL;
        if (!s[k].b || !s[k].scale || !s[k].less || (read && !s[k].lane))
            return ENOMEM;
        s[k].half[0].reference = s[k].half[1].reference = XO_NONE;
    }
    *out = s;
    return 0;
}

/* Lanes of a half: which conversions they are. */
static void number_lanes(struct xo_strip *s, int side, const struct plan *p, size_t matrix, size_t row_block)
{
    const struct xo_layout *lay = &p->l->layout;
    const struct xo_half *h = &s->half[side];
    for (size_t k = 0; k < h->count; k++) {
        size_t j = h->first + k, c = j / lay->tile_outputs;
        s->lane[side * XO_HALF + (int)k].conversion =
            xo_block_at(p->l, matrix, row_block, c) * lay->conversions +
            p->conversion[h->kind * lay->tile_outputs + j % lay->tile_outputs];
    }
}

static int cut_strips(struct xo_row_block *r, const struct plan *p, size_t matrix, size_t row_block)
{
    size_t halves = cuts_of(r) * p->kinds, n = 0;
    r->strips = (halves + 1) / 2;
    int status = strips_new(&r->strip, p->l, r->strips, r->inputs, !p->exact);
    for (size_t k = 0; k < r->spans && !status; k++)
        for (size_t first = 0; first < r->used[k].count; first += XO_HALF)
            for (size_t kind = 0; kind < p->kinds; kind++, n++) {
                struct xo_strip *s = &r->strip[n / 2];
                size_t left = r->used[k].count - first;
                s->half[n % 2] = (struct xo_half){ r->used[k].first + first, left < XO_HALF ? left : XO_HALF, kind,
                                                   XO_NONE, p->weight[kind] };
                if (!p->exact)
                    number_lanes(s, (int)(n % 2), p, matrix, row_block);
            }
    return status;
}

/* The reference columns of a row block, block by block and plane by plane, and who needs which. */
static int add_references(struct xo_row_block *r, const struct plan *p, size_t matrix, size_t row_block)
{
    const struct xo_layout *lay = &p->l->layout;
    size_t first = lay->conversions - lay->planes, count = r->spans * lay->planes;
    r->references = (count + XO_STRIP - 1) / XO_STRIP;
    int status = strips_new(&r->reference, p->l, r->references, r->inputs, true);
    for (size_t n = 0; n < count && !status; n++) {
        size_t block = xo_block_at(p->l, matrix, row_block, r->used[n / lay->planes].first / lay->tile_outputs);
        struct xo_strip *s = &r->reference[n / XO_STRIP];
        s->lane[n % XO_STRIP].conversion = block * lay->conversions + first + n % lay->planes;
        s->half[n % XO_STRIP / XO_HALF].count++;
    }
    for (size_t k = 0; k < 2 * r->strips && !status; k++) {
        struct xo_half *h = &r->strip[k / 2].half[k % 2];
        size_t span = 0, q = p->conversion[h->kind * lay->tile_outputs];
        while (h->count && r->used[span].first + r->used[span].count <= h->first)
            span++;
        h->reference = span * lay->planes + lay->conversion[q].plane;
    }
    return status;
}

/* ---- what is in them ------------------------------------------------------------------------------- */

/* Exactly: the magnitude's bytes, lowest first, with the sign of the weight. */
static void fill_exactly(const struct xo_row_block *r, const struct plan *p, const struct xo_code_matrix *m)
{
    (void)p;
    for (size_t k = 0; k < 2 * r->strips; k++) {
        struct xo_strip *s = &r->strip[k / 2];
        const struct xo_half *h = &s->half[k % 2];
        for (size_t i = 0; i < r->inputs; i++)
            for (size_t j = 0; j < h->count; j++) {
                int32_t q = xo_code_at(m, r->first + i, h->first + j), part = abs(q) >> 8 * h->kind & 255;
                s->b[i * XO_STRIP + k % 2 * XO_HALF + j] = (float)(q < 0 ? -part : part);
            }
    }
}

static float digit_at(const struct plan *p, size_t plane, size_t row, size_t column)
{
    const struct xo_crossbar *a = &p->l->hardware->array;
    uint16_t d = p->digit[(plane * a->rows + row) * a->columns + column];
    return d == XO_UNUSED ? 0 : d;
}

/* A column's digits, or plus less minus. */
static void fill_column(float *b, const struct plan *p, const struct xo_conversion *c, size_t inputs)
{
    for (size_t i = 0; i < inputs; i++) {
        b[i * XO_STRIP] = digit_at(p, c->plane, i, c->column);
        if (c->minus_plane != XO_NONE)
            b[i * XO_STRIP] -= digit_at(p, c->minus_plane, i, c->minus_column);
    }
}

static void fill_block(const struct xo_row_block *r, const struct plan *p, size_t first, size_t end)
{
    const struct xo_layout *lay = &p->l->layout;
    for (size_t k = 0; k < 2 * r->strips; k++) {
        struct xo_strip *s = &r->strip[k / 2];
        const struct xo_half *h = &s->half[k % 2];
        for (size_t j = h->first < first ? first : h->first; j < end && j < h->first + h->count; j++) {
            size_t lane = k % 2 * XO_HALF + j - h->first;
            fill_column(s->b + lane, p, &lay->conversion[s->lane[lane].conversion % lay->conversions], r->inputs);
        }
    }
}

static void fill_arrays(const struct xo_row_block *r, const struct plan *p, const struct xo_code_matrix *m,
                        size_t row_block)
{
    const struct xo_layout *lay = &p->l->layout;
    size_t cells = lay->hardware->array.rows * lay->hardware->array.columns;
    for (size_t c = 0; c < xo_layout_column_blocks(lay, m); c++) {
        if (!xo_layout_block_used(lay, m, row_block, c))
            continue;
        for (size_t plane = 0; plane < lay->planes; plane++)
            xo_layout_digits(lay, m, row_block, c, plane, p->digit + plane * cells);
        fill_block(r, p, c * lay->tile_outputs, (c + 1) * lay->tile_outputs);
    }
}

static int row_block_new(struct xo_row_block *r, const struct plan *p, size_t matrix, size_t row_block)
{
    const struct xo_code_matrix *m = &p->l->codes.matrix[matrix];
    r->first = row_block * p->rows;
    r->inputs = m->inputs - r->first < p->rows ? m->inputs - r->first : p->rows;
    int status = find_spans(r, p, m, row_block);
    if (!status)
        status = cut_strips(r, p, matrix, row_block);
    if (!status && has_references(p))
        status = add_references(r, p, matrix, row_block);
    if (status)
        return status;
    if (p->exact)
        fill_exactly(r, p, m);
    else if (!p->empty)
        fill_arrays(r, p, m, row_block);
    return 0;
}

/* Sums of a whole matrix take 16 columns of a half at once: none may hold columns of its neighbour. */
static bool has_whole_halves(const struct xo_row_block *r, const struct xo_code_matrix *m)
{
    for (size_t k = 0; k < r->spans; k++) {
        size_t end = r->used[k].first + r->used[k].count;
        if (r->used[k].first % XO_HALF || (end % XO_HALF && end < m->outputs))
            return false;
    }
    return true;
}

static int banks_new(const struct plan *p)
{
    const struct xo_codes *codes = &p->l->codes;
    struct xo_bank *bank = xo_arena_alloc(&p->l->arena, codes->matrices, sizeof *bank);
    int status = bank ? 0 : ENOMEM;
    p->use->bank = bank;
    p->use->whole_halves = true;
    for (size_t k = 0; k < codes->matrices && !status; k++) {
        bank[k].matrix = &codes->matrix[k];
        bank[k].stride = (codes->matrix[k].outputs + XO_HALF - 1) / XO_HALF * XO_HALF;
        bank[k].rows = (codes->matrix[k].inputs + p->rows - 1) / p->rows;
        bank[k].row = xo_arena_alloc(&p->l->arena, bank[k].rows, sizeof *bank[k].row);
        status = bank[k].row ? 0 : ENOMEM;
        for (size_t n = 0; n < bank[k].rows && !status; n++)
            status = row_block_new(&bank[k].row[n], p, k, n);
        for (size_t n = 0; n < bank[k].rows && !status; n++)
            p->use->whole_halves &= has_whole_halves(&bank[k].row[n], &codes->matrix[k]);
    }
    return status;
}

/* ---- exactly --------------------------------------------------------------------------------------- */

static int32_t stream_start(const struct xo_use *use, uint32_t value)
{
    uint32_t start = 0;
    for (size_t t = 0; t < use->streams; t++)
        start += use->weight[t].negative ? value << use->weight[t].shift : -(value << use->weight[t].shift);
    return (int32_t)start;
}

static double stream_weights(const struct xo_use *use)
{
    double sum = 0;
    for (size_t t = 0; t < use->streams; t++)
        sum += fabs(use->stream[t].weight);
    return sum;
}

static void read_exactly(struct xo_strip *s, const struct xo_use *use)
{
    struct xo_reading *r = &s->reading[0];
    s->has[0] = true;
    r->low = -0x1p22f;
    r->high = 0x1p22f;
    for (size_t j = 0; j < XO_STRIP; j++) {
        r->mul[j] = 1;
        r->start[j] = stream_start(use, XO_ROUND_BITS);
        s->scale[0][j] = ldexp(1, s->half[j / XO_HALF].weight.shift);
    }
}

int xo_exact_use(struct xo_array_layer *l)
{
    const struct xo_dac dac = { .bits = 8, .read_volt = 1 };
    struct xo_use *use = &l->exact;
    struct plan p = { .l = l, .use = use, .exact = true, .kinds = 1, .weight = { { 0, false }, { 8, false } } };
    int32_t most = l->codes.high > -l->codes.low ? l->codes.high : -l->codes.low, byte = most < 255 ? most : 255;
    int status = set_streams(use, l, &dac);
    if (most > 255)
        p.kinds = 2;
    p.rows = (size_t)((l->input.bits > 8 ? 0x1p21 : 0x1p22) / 255 / (byte > 0 ? byte : 1));
    p.rows = p.rows > 128 ? 128 : p.rows;
    use->fast = use->single = true;
    if (!status)
        status = banks_new(&p);
    double block = stream_weights(use) * 0x1p22 * (p.kinds == 2 ? 257 : 1);
    use->flush_every = (size_t)((0x1p31 - 1) / block);
    use->together = use->flush_every > 0 && use->whole_halves;
    for (size_t k = 0; k < l->codes.matrices && !status; k++)
        for (size_t n = 0; n < use->bank[k].rows; n++)
            for (size_t s = 0; s < use->bank[k].row[n].strips; s++)
                read_exactly(&use->bank[k].row[n].strip[s], use);
    return status;
}

/* ---- through converters ----------------------------------------------------------------------------- */

/* Kinds, in the order of the first output's conversions; and which conversion is of which kind and output. */
static int find_kinds(struct plan *p)
{
    const struct xo_layout *lay = &p->l->layout;
    p->conversion = xo_calloc(64 * lay->tile_outputs, sizeof *p->conversion);
    if (!p->conversion)
        return ENOMEM;
    for (size_t q = 0; q < lay->conversions; q++) {
        const struct xo_conversion *c = &lay->conversion[q];
        struct xo_weight w;
        size_t kind = 0;
        if (c->output == XO_NONE)
            continue;
        w = weight_of(c->weight);
        while (kind < p->kinds && (p->weight[kind].shift != w.shift || p->weight[kind].negative != w.negative))
            kind++;
        p->weight[kind] = w;
        p->kinds += kind == p->kinds;
        p->conversion[kind * lay->tile_outputs + c->output] = q;
    }
    return 0;
}

static int number_blocks(struct xo_array_layer *l)
{
    const struct xo_layout *lay = &l->layout;
    size_t all = 0, at = 0;
    for (size_t k = 0; k < l->codes.matrices; k++)
        all += xo_layout_row_blocks(lay, &l->codes.matrix[k]) * xo_layout_column_blocks(lay, &l->codes.matrix[k]);
    l->first_block = xo_arena_alloc(&l->arena, l->codes.matrices, sizeof *l->first_block);
    l->block_number = xo_arena_alloc(&l->arena, all, sizeof *l->block_number);
    if (!l->first_block || !l->block_number)
        return ENOMEM;
    for (size_t k = 0; k < l->codes.matrices; k++) {
        const struct xo_code_matrix *m = &l->codes.matrix[k];
        l->first_block[k] = at;
        for (size_t r = 0; r < xo_layout_row_blocks(lay, m); r++)
            for (size_t c = 0; c < xo_layout_column_blocks(lay, m); c++)
                l->block_number[at++] = xo_layout_block_used(lay, m, r, c) ? l->blocks++ : XO_NONE;
    }
    return 0;
}

size_t xo_block_at(const struct xo_array_layer *l, size_t matrix, size_t row_block, size_t column_block)
{
    size_t across = xo_layout_column_blocks(&l->layout, &l->codes.matrix[matrix]);
    return l->block_number[l->first_block[matrix] + row_block * across + column_block];
}

int xo_array_use(struct xo_array_layer *l, bool fill)
{
    const struct xo_hardware *h = l->hardware;
    struct xo_use *use = &l->array;
    struct plan p = { .l = l, .use = use, .empty = !fill, .rows = h->array.rows };
    size_t cells = h->array.rows * h->array.columns;
    double cell = (1 << h->device.bits_per_cell) - 1, digit = (double)((1u << h->dac.bits) - 1);
    int status = set_streams(use, l, &h->dac);
    use->off = l->layout.signed_codes ? 0
             : l->device.off_siemens / (l->device.on_siemens - l->device.off_siemens) * cell;
    use->popcount = use->off > 0 && h->mapping.off_current == XO_OFF_POPCOUNT;
    use->single = (double)h->array.rows * cell * digit < 0x1p23;
    if (!status)
        status = number_blocks(l);
    if (!status)
        status = find_kinds(&p);
    if (!status) {
        p.digit = xo_calloc(l->layout.planes * cells, sizeof *p.digit);
        status = p.digit ? banks_new(&p) : ENOMEM;
    }
    free(p.digit);
    free(p.conversion);
    return status;
}

/* ---- how columns are read ---------------------------------------------------------------------------- */

/* Where an ideal array with granular codes is exact, the off-current times n must not come so close to a half-integer
 * that float32 takes it for the other side. */
static bool off_is_clear(const struct xo_array_layer *l, double error)
{
    const struct xo_use *use = &l->array;
    double most = (double)l->hardware->array.rows * (double)(use->levels - 1);
    if (use->off == 0 || use->circuit || l->hardware->adc.range != XO_ADC_GRANULAR)
        return true;
    for (double n = 0; n <= most; n++)
        if (fabs(n * use->off - floor(n * use->off) - 0.5) < error * (1 + n * use->off))
            return false;
    return true;
}

/* What converts in registers: nothing but scaling, rounding and clamping, with room for float32's rounding. */
static bool suits_kernels(const struct xo_array_layer *l)
{
    const struct xo_hardware *h = l->hardware;
    return l->array.single && h->dac.noise_volt == 0 && h->adc.noise_lsb == 0 && h->adc.inl_lsb.count == 0 &&
           h->adc.bits <= 12 && off_is_clear(l, 0x1p-20);
}

static void read_lane(struct xo_lane *lane, const struct xo_array_layer *l)
{
    const struct xo_gain *gain = &l->hardware->gain;
    struct xo_adc_scale range = l->range[xo_unit_at(l, xo_range_unit(l), lane->conversion)];
    lane->gain = l->gain[xo_unit_at(l, xo_gain_unit(l), lane->conversion)];
    double step = (gain->where == XO_GAIN_REFERENCE ? 1 : lane->gain) * range.lsb_ampere;
    lane->integer = step <= l->unit_ampere * (1 + 1e-9);
    if (gain->where == XO_GAIN_REFERENCE)
        range = xo_adc_scale_at_gain(range, lane->gain);
    lane->scale.lsb_ampere = range.lsb_ampere / l->unit_ampere;
    lane->scale.low_ampere = rint(range.low_ampere / range.lsb_ampere) * lane->scale.lsb_ampere;
}

/* Returns the largest number that a reading of this lane can decode to. */
static double set_lane(struct xo_strip *s, size_t j, const struct xo_array_layer *l)
{
    const struct xo_adc *adc = &l->hardware->adc;
    const struct xo_lane *lane = &s->lane[j];
    const struct xo_use *use = &l->array;
    double lsb = lane->scale.lsb_ampere, zero = -rint(lane->scale.low_ampere / lsb), last = (1 << adc->bits) - 1;
    const struct xo_half *h = &s->half[j / XO_HALF];
    double weight = ldexp(h->weight.negative ? -1 : 1, h->weight.shift);
    for (int k = 0; k < 2; k++) {
        struct xo_reading *r = &s->reading[k];
        r->mul[j] = (float)((1 + adc->gain_error) / lsb);
        r->add[j] = (float)((zero + (s->offset ? s->offset[j] / lsb : 0)) * (1 + adc->gain_error) + adc->offset_lsb);
        r->zero[j] = (float)(XO_ROUND + zero);
        r->back[j] = (float)(lane->integer ? lane->gain * lsb : 0);
        r->start[j] = stream_start(use, XO_ROUND_BITS + (k ? 0 : (uint32_t)(int32_t)zero));
        r->high = (float)last;
        r->integer = k;
    }
    s->has[lane->integer] = true;
    s->scale[lane->integer][j] = lane->integer ? weight : weight * lane->gain * lsb;
    s->less[0][j] = lane->integer ? 0 : weight;
    s->scale[!lane->integer][j] = 0;
    return fmax(zero, last - zero) * (lane->integer ? lane->gain * lsb : 1);
}

static void read_strips(struct xo_array_layer *l, struct xo_strip *strip, size_t count, double *most)
{
    for (size_t k = 0; k < count; k++) {
        strip[k].has[0] = strip[k].has[1] = false;
        for (size_t j = 0; j < XO_STRIP; j++)
            if (j % XO_HALF < strip[k].half[j / XO_HALF].count) {
                read_lane(&strip[k].lane[j], l);
                *most = fmax(*most, set_lane(&strip[k], j, l));
            }
        l->array.together &= !strip[k].has[0];
    }
}

void xo_set_readings(struct xo_array_layer *l)
{
    struct xo_use *use = &l->array;
    double most = 0, all, kinds = 0;
    use->together = use->whole_halves;
    for (size_t k = 0; k < l->codes.matrices; k++)
        for (size_t n = 0; n < use->bank[k].rows; n++) {
            read_strips(l, use->bank[k].row[n].strip, use->bank[k].row[n].strips, &most);
            bool together = use->together;
            read_strips(l, use->bank[k].row[n].reference, use->bank[k].row[n].references, &most);
            use->together = together;
        }
    for (size_t q = 0; q < l->layout.conversions; q++)
        if (l->layout.conversion[q].output == 0)
            kinds += fabs(l->layout.conversion[q].weight);
    most += use->off * (double)l->hardware->array.rows * (double)(use->levels - 1) + 1;
    all = most * stream_weights(use);
    use->fast = suits_kernels(l) && most < 0x1p21 && all < 0x1p31 - 1;
    use->flush_every = use->fast ? (size_t)fmin((0x1p31 - 1) / (all * kinds), 0x1p20) : 0;
    use->together &= use->flush_every > 0;
    l->calibrated = true;
}
