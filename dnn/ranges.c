/* What calibration images show of a layer's currents -> ADC ranges; some of their vectors -> gain.
 * Currents are counted, not stored.  With a DAC without errors the current of an ideal array is a whole number of
 * I_unit plus the off-current of a whole number of digits: both are counted exactly.  Other currents are counted in
 * steps of 2^-20 of what all cells on would give (2^-17 by tile, 2^-14 by column).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "engine_private.h"
#include "memory.h"
#include "random.h"

/* ---- units ----------------------------------------------------------------------------------------- */

size_t xo_units_of(const struct xo_array_layer *l, enum xo_unit scope)
{
    if (scope == XO_UNIT_LAYER)
        return 1;
    return l->blocks * (scope == XO_UNIT_TILE ? l->layout.planes : l->layout.conversions);
}

size_t xo_unit_at(const struct xo_array_layer *l, enum xo_unit scope, size_t conversion)
{
    const struct xo_layout *lay = &l->layout;
    if (scope == XO_UNIT_LAYER)
        return 0;
    if (scope == XO_UNIT_COLUMN)
        return conversion;
    return conversion / lay->conversions * lay->planes + lay->conversion[conversion % lay->conversions].plane;
}

enum xo_unit xo_range_unit(const struct xo_array_layer *l)
{
    const struct xo_adc *adc = &l->hardware->adc;
    if (adc->range != XO_ADC_CALIBRATED || adc->range_scope == XO_ADC_LAYER)
        return XO_UNIT_LAYER;
    return adc->range_scope == XO_ADC_TILE ? XO_UNIT_TILE : XO_UNIT_COLUMN;
}

enum xo_unit xo_gain_unit(const struct xo_array_layer *l)
{
    const struct xo_gain *gain = &l->hardware->gain;
    return gain->scope == XO_GAIN_NONE ? XO_UNIT_LAYER : gain->scope == XO_GAIN_ARRAY ? XO_UNIT_TILE : XO_UNIT_COLUMN;
}

/* Currents are kept apart as far as ranges are, and as far as gains are that multiply them. */
static enum xo_unit histogram_unit(const struct xo_array_layer *l)
{
    enum xo_unit range = xo_range_unit(l), gain = xo_gain_unit(l);
    return l->hardware->gain.where == XO_GAIN_REFERENCE && gain > range ? gain : range;
}

/* ---- counting currents ----------------------------------------------------------------------------- */

struct histogram { int64_t base; size_t bins; uint64_t *count; };

struct vector { double priority; uint64_t place; uint16_t *digit; };

struct xo_calibration {
    bool ranges, gains;                /* what is asked for                                  */
    bool seen;                         /* any current                                        */
    bool exact;                        /* keys are whole currents * pops + pop               */
    int64_t pops;                      /* 1 where the off-current plays no part              */
    double width, per_width, off;
    enum xo_unit scope;
    size_t units;
    struct histogram *unit;
    uint64_t *digit_sum;               /* [inputs] of sampled images, all streams            */
    size_t vectors, kept, inputs;      /* a heap: the largest priority on top                */
    struct vector *vector;
};

static int grow(struct histogram *h, int64_t key)
{
    int64_t low = h->bins ? h->base : key, high = h->bins ? h->base + (int64_t)h->bins - 1 : key;
    int64_t wide = (int64_t)h->bins / 2 + 8;
    if (key < low)
        low = key - wide;
    if (key >= high)
        high = key + wide;
    uint64_t *count = xo_calloc((size_t)(high - low + 1), sizeof *count);
    if (!count)
        return ENOMEM;
    if (h->bins)
        memcpy(count + (h->base - low), h->count, h->bins * sizeof *count);
    free(h->count);
    *h = (struct histogram){ low, (size_t)(high - low + 1), count };
    return 0;
}

static inline int add_to(struct histogram *h, int64_t key, uint64_t count)
{
    if ((uint64_t)(key - h->base) >= h->bins && grow(h, key))
        return ENOMEM;
    h->count[key - h->base] += count;
    return 0;
}

static double value_of(const struct xo_calibration *c, int64_t key)
{
    if (!c->exact)
        return ((double)key + 0.5) * c->width;
    return c->pops == 1 ? (double)key : (double)(key / c->pops) + c->off * (double)(key % c->pops);
}

int xo_calibration_new(struct xo_calibration **out, const struct xo_array_layer *l)
{
    static const double fine[] = { [XO_UNIT_LAYER] = 0x1p20, [XO_UNIT_TILE] = 0x1p17, [XO_UNIT_COLUMN] = 0x1p14 };
    const struct xo_hardware *h = l->hardware;
    const struct xo_use *use = &l->array;
    double most = (double)h->array.rows * (double)(use->levels - 1), cell = (1 << h->device.bits_per_cell) - 1;
    struct xo_calibration *c = xo_calloc(1, sizeof *c);
    if (!c)
        return ENOMEM;
    c->ranges = h->adc.range == XO_ADC_CALIBRATED;
    c->gains = h->gain.scope != XO_GAIN_NONE && h->gain.source == XO_GAIN_MEASURED;
    c->scope = histogram_unit(l);
    c->off = use->off;
    c->pops = use->off > 0 ? (int64_t)most + 1 : 1;
    c->exact = use->single && use->ideal && !use->circuit && h->dac.noise_volt == 0 &&
               most * cell * (double)c->pops < 0x1p24;
    c->width = most * (cell + use->off) / fine[c->scope];
    c->per_width = 1 / c->width;
    c->units = c->ranges ? xo_units_of(l, c->scope) : 0;
    c->unit = xo_calloc(c->units, sizeof *c->unit);
    c->vectors = c->gains ? (size_t)h->gain.vectors : 0;
    c->inputs = l->layer->groups * l->layer->inputs;
    c->vector = xo_calloc(c->vectors, sizeof *c->vector);
    c->digit_sum = xo_calloc(c->inputs, sizeof *c->digit_sum);
    if (!c->unit || !c->vector || !c->digit_sum) {
        xo_calibration_free(c);
        return ENOMEM;
    }
    *out = c;
    return 0;
}

void xo_calibration_free(struct xo_calibration *c)
{
    if (!c)
        return;
    for (size_t k = 0; c->unit && k < c->units; k++)
        free(c->unit[k].count);
    for (size_t k = 0; c->vector && k < c->vectors; k++)
        free(c->vector[k].digit);
    free(c->unit);
    free(c->vector);
    free(c->digit_sum);
    free(c);
}

/* With an off-current: whole current and sum of digits in one. */
static inline int64_t key_of(const struct xo_calibration *c, double current, const struct xo_rows *rows, size_t row)
{
    if (!c->exact)
        return (int64_t)(current * c->per_width + 0x1p40) - ((int64_t)1 << 40);      /* floor */
    return (int64_t)rint(current - rows->given[row]) * c->pops + rows->pop[row];
}

static int count_column(struct histogram *h, const struct xo_calibration *c, const double *current,
                        const struct xo_rows *rows)
{
    int status = 0;
    if (c->exact && c->pops == 1)
        for (size_t row = 0; row < rows->d.rows && !status; row++)
            status = add_to(h, (int64_t)current[row * XO_STRIP], 1);
    else
        for (size_t row = 0; row < rows->d.rows && !status; row++)
            status = add_to(h, key_of(c, current[row * XO_STRIP], rows, row), 1);
    return status;
}

/* Down the columns: neighbouring rows differ, so that one count seldom waits for the last. */
static int count_strip(struct xo_calibration *c, const struct xo_array_layer *l, const struct xo_strip *s,
                       const double *current, const struct xo_rows *rows)
{
    int status = 0;
    for (size_t j = 0; j < XO_STRIP && !status; j++)
        if (j % XO_HALF < s->half[j / XO_HALF].count)
            status = count_column(&c->unit[xo_unit_at(l, c->scope, s->lane[j].conversion)], c, current + j, rows);
    return status;
}

static int count_currents(struct xo_calibration *c, struct xo_engine_thread *t, const struct xo_array_layer *l,
                          size_t matrix, const struct xo_view *v, const struct xo_patches *p)
{
    const struct xo_bank *bank = &l->array.bank[matrix];
    bool digits = l->hardware->dac.noise_volt > 0 || !l->array.single;
    struct xo_place where = xo_place_of(t, &l->array, v, p);
    int status = 0;
    for (size_t n = 0; n < bank->rows && !status; n++) {
        const struct xo_row_block *r = &bank->row[n];
        struct xo_rows rows;
        double *current;
        status = xo_rows_of(&rows, t, l, &l->array, r, bank->matrix->first_input, p, digits);
        for (size_t k = 0; k < r->strips + r->references && !status; k++) {
            const struct xo_strip *s = k < r->strips ? &r->strip[k] : &r->reference[k - r->strips];
            status = xo_currents(&current, t, l, &l->array, r, s, &rows, &where);
            if (!status)
                status = count_strip(c, l, s, current, &rows);
        }
    }
    return status;
}

/* ---- vectors for the gain --------------------------------------------------------------------------- */

/* Every image offers as many vectors as are wanted, at random places and streams and with random priorities; the
 * lowest priorities win.  So they are the same however images come. */
static bool is_before(const struct vector *a, const struct vector *b)
{
    return a->priority < b->priority || (a->priority == b->priority && a->place < b->place);
}

static void sink(struct vector *heap, size_t count)
{
    for (size_t k = 0, child; (child = 2 * k + 1) < count; k = child) {
        if (child + 1 < count && is_before(&heap[child], &heap[child + 1]))
            child++;
        if (!is_before(&heap[k], &heap[child]))
            return;
        struct vector kept = heap[k];
        heap[k] = heap[child];
        heap[child] = kept;
    }
}

static void rise(struct vector *heap, size_t k)
{
    for (; k && is_before(&heap[(k - 1) / 2], &heap[k]); k = (k - 1) / 2) {
        struct vector kept = heap[k];
        heap[k] = heap[(k - 1) / 2];
        heap[(k - 1) / 2] = kept;
    }
}

/* Room for this vector's digits, if it is among the first; *digit NULL: it is not. */
static int keep_vector(struct xo_calibration *c, double priority, uint64_t place, uint16_t **digit)
{
    struct vector v = { priority, place, NULL };
    *digit = NULL;
    if (c->kept == c->vectors) {
        if (!is_before(&v, &c->vector[0]))
            return 0;
        v.digit = *digit = c->vector[0].digit;
        c->vector[0] = v;
        sink(c->vector, c->kept);
        return 0;
    }
    v.digit = *digit = xo_calloc(c->inputs, sizeof **digit);
    if (!v.digit)
        return ENOMEM;
    c->vector[c->kept] = v;
    rise(c->vector, c->kept++);
    return 0;
}

static int offer_vectors(struct xo_calibration *c, struct xo_engine_thread *t, const struct xo_array_layer *l,
                         const struct xo_view *v, const struct xo_patches *p)
{
    size_t first = p->first / v->positions, last = (p->first + p->count - 1) / v->positions;
    for (size_t image = first; image <= last; image++)
        for (size_t n = 0; n < c->vectors; n++) {
            uint64_t place = (t->first_image + image) * c->vectors + n;
            struct xo_random_key key = { l->hardware->seed, XO_FOR_GAIN_INPUTS, l->number, place };
            size_t at = xo_random_below(key, (uint32_t)v->positions) + image * v->positions;
            uint16_t *digit;
            if (at < p->first || at >= p->first + p->count)
                continue;
            key.instance |= (uint64_t)1 << 40;
            size_t stream = xo_random_below(key, (uint32_t)l->array.streams);
            key.instance ^= (uint64_t)3 << 40;
            int status = keep_vector(c, xo_random_uniform(key), place, &digit);
            if (status)
                return status;
            if (digit)
                xo_unpack_digits(digit, l, &l->array.stream[stream], p, at - p->first, 0, c->inputs);
        }
    return 0;
}

/* What a lossless wire would carry, for NF: of images whose number is a multiple of XO_SAMPLE. */
static int add_digits(struct xo_calibration *c, struct xo_engine_thread *t, const struct xo_array_layer *l,
                      const struct xo_view *v, const struct xo_patches *p)
{
    uint16_t *digit = xo_room(t, XO_BUFFER_DIGIT, c->inputs, sizeof *digit);
    if (!digit)
        return ENOMEM;
    for (size_t n = 0; n < p->count; n++) {
        bool sampled = (t->first_image + (p->first + n) / v->positions) % XO_SAMPLE == 0;
        for (size_t k = 0; sampled && k < l->array.streams; k++) {
            xo_unpack_digits(digit, l, &l->array.stream[k], p, n, 0, c->inputs);
            for (size_t i = 0; i < c->inputs; i++)
                c->digit_sum[i] += digit[i];
        }
    }
    return 0;
}

int xo_observe(struct xo_engine_thread *t, const struct xo_array_layer *l, size_t matrix, const struct xo_view *v,
               const struct xo_patches *p)
{
    struct xo_calibration *c = t->calibration[l->number];
    int status = c->ranges ? count_currents(c, t, l, matrix, v, p) : 0;
    c->seen = true;
    if (!status && !matrix && !l->base)
        status = add_digits(c, t, l, v, p);
    return status || matrix || !c->gains ? status : offer_vectors(c, t, l, v, p);
}

int xo_calibration_merge(struct xo_calibration *to, const struct xo_calibration *from)
{
    to->seen |= from->seen;
    for (size_t i = 0; i < to->inputs; i++)
        to->digit_sum[i] += from->digit_sum[i];
    for (size_t u = 0; u < from->units; u++)
        for (size_t k = 0; k < from->unit[u].bins; k++)
            if (from->unit[u].count[k] && add_to(&to->unit[u], from->unit[u].base + (int64_t)k,
                                                 from->unit[u].count[k]))
                return ENOMEM;
    for (size_t n = 0; n < from->kept; n++) {
        uint16_t *digit;
        int status = keep_vector(to, from->vector[n].priority, from->vector[n].place, &digit);
        if (status)
            return status;
        if (digit)
            memcpy(digit, from->vector[n].digit, to->inputs * sizeof *digit);
    }
    return 0;
}

/* ---- ranges ---------------------------------------------------------------------------------------- */

struct weighed { double value; uint64_t count; };

static int by_value(const void *a, const void *b)
{
    double x = ((const struct weighed *)a)->value, y = ((const struct weighed *)b)->value;
    return (x > y) - (x < y);
}

/* The k-th smallest of all, k from 0. */
static double order_statistic(const struct weighed *w, uint64_t k)
{
    for (; k >= w->count; w++)
        k -= w->count;
    return w->value;
}

/* Linear interpolation between the two order statistics around (count - 1) q, as xo_adc_range does. */
static double quantile(const struct weighed *w, uint64_t count, double q)
{
    double at = q * (double)(count - 1);
    uint64_t k = (uint64_t)at < count - 1 ? (uint64_t)at : count - 1;
    double here = order_statistic(w, k), next = k + 1 < count ? order_statistic(w, k + 1) : here;
    return here + (at - (double)k) * (next - here);
}

/* One range, of the histograms listed: xo_adc_range's rule on the two quantiles.  Where an array has no conversion,
 * as that of a pair's minus side, nothing is seen, and nothing reads this range. */
static int range_of(struct xo_adc_scale *out, const struct xo_array_layer *l, const struct xo_calibration *c,
                    size_t units, const size_t *unit, const double *gain, struct xo_info *info)
{
    const struct xo_hardware *h = l->hardware;
    struct xo_adc adc = h->adc;
    double currents[2];
    size_t bins = 0, filled = 0;
    uint64_t count = 0;
    for (size_t k = 0; k < units; k++)
        bins += c->unit[unit[k]].bins;
    struct weighed *w = xo_calloc(bins, sizeof *w);
    if (!w)
        return ENOMEM;
    for (size_t k = 0; k < units; k++) {
        const struct histogram *from = &c->unit[unit[k]];
        for (size_t b = 0; b < from->bins; b++) {
            if (!from->count[b])
                continue;
            w[filled++] = (struct weighed){ gain[unit[k]] * value_of(c, from->base + (int64_t)b), from->count[b] };
            count += from->count[b];
        }
    }
    qsort(w, filled, sizeof *w, by_value);
    for (int k = 0; k < 2 && count; k++)
        currents[k] = l->unit_ampere * quantile(w, count, k ? 1 - adc.quantile : adc.quantile);
    free(w);
    adc.quantile = 0;
    *out = (struct xo_adc_scale){ 0, l->unit_ampere };
    return !count ? 0 : xo_adc_range(out, &adc, &h->dac, &l->device, h->array.rows, l->layout.signed_codes, 2,
                                     currents, info);
}

/* Histograms sorted by the range they belong to. */
static int calibrated_ranges(struct xo_array_layer *l, const struct xo_calibration *c, struct xo_info *info)
{
    size_t ranges = xo_units_of(l, xo_range_unit(l)), conversions = l->blocks * l->layout.conversions;
    size_t *owner = xo_calloc(c->units, sizeof *owner), *list = xo_calloc(c->units, sizeof *list);
    size_t *begin = xo_calloc(ranges + 2, sizeof *begin);
    double *gain = xo_calloc(c->units, sizeof *gain);
    bool in_reference = l->hardware->gain.where == XO_GAIN_REFERENCE;
    int status = owner && list && begin && gain ? 0 : ENOMEM;
    for (size_t q = 0; q < conversions && !status; q++) {
        size_t u = xo_unit_at(l, c->scope, q);
        owner[u] = xo_unit_at(l, xo_range_unit(l), q);
        gain[u] = in_reference ? l->gain[xo_unit_at(l, xo_gain_unit(l), q)] : 1;
    }
    for (size_t u = 0; u < c->units && !status; u++)
        begin[owner[u] + 2]++;
    for (size_t r = 0; r < ranges && !status; r++)
        begin[r + 2] += begin[r + 1];
    for (size_t u = 0; u < c->units && !status; u++)
        list[begin[owner[u] + 1]++] = u;
    for (size_t r = 0; r < ranges && !status; r++)
        status = range_of(&l->range[r], l, c, begin[r + 1] - begin[r], list + begin[r], gain, info);
    free(owner);
    free(list);
    free(begin);
    free(gain);
    return status;
}

static int fix_ranges(struct xo_array_layer *l, const struct xo_calibration *c, struct xo_info *info)
{
    const struct xo_hardware *h = l->hardware;
    if (h->adc.range != XO_ADC_CALIBRATED)
        return xo_adc_range(l->range, &h->adc, &h->dac, &l->device, h->array.rows, l->layout.signed_codes, 0, NULL,
                            info);
    if (!c || !c->seen)
        return xo_fail(info, XO_EVALUE,
                       "layer %s: adc.range: found calibrated without calibration images; expected some",
                       l->layer->name);
    return calibrated_ranges(l, c, info);
}

/* ---- gain ------------------------------------------------------------------------------------------ */

static void draw_digits(uint16_t *digit, const struct xo_array_layer *l, size_t vectors, size_t inputs)
{
    for (size_t k = 0; k < vectors * inputs; k++) {
        struct xo_random_key key = { l->hardware->seed, XO_FOR_GAIN_INPUTS, l->number, k };
        digit[k] = (uint16_t)xo_random_below(key, (uint32_t)l->array.levels);
    }
}

/* sum ideal read and sum read^2 of a strip's columns, onto those of their gains. */
static int compare_strip(double *above, double *below, struct xo_array_layer *l, struct xo_engine_thread *t,
                         const struct xo_row_block *r, const struct xo_strip *s, const float *meant,
                         const struct xo_rows *rows)
{
    const struct xo_place where = { 0, rows->d.rows, 0, XO_GAIN_VECTORS };
    double *current;
    int status = xo_currents(&current, t, l, &l->array, r, s, rows, &where);
    for (size_t k = 0; k < rows->d.rows * XO_STRIP && !status; k++) {
        size_t row = k / XO_STRIP, j = k % XO_STRIP, u;
        double ideal = l->array.off * rows->pop[row], read;
        if (j % XO_HALF >= s->half[j / XO_HALF].count)
            continue;
        for (size_t i = 0; i < r->inputs; i++)
            ideal += rows->digit[row * r->inputs + i] * (double)meant[i * XO_STRIP + j];
        read = xo_read(l, &s->lane[j], current[k], &where, row) * s->lane[j].scale.lsb_ampere;
        u = xo_unit_at(l, xo_gain_unit(l), s->lane[j].conversion);
        above[u] += ideal * read;
        below[u] += read * read;
    }
    return status;
}

static int compare(double *above, double *below, struct xo_array_layer *l, struct xo_engine_thread *t, size_t vectors,
                   size_t inputs, const uint16_t *digit)
{
    uint16_t *part = xo_calloc(vectors * l->hardware->array.rows, sizeof *part);
    int status = part ? 0 : ENOMEM;
    for (size_t m = 0; m < l->codes.matrices && !status; m++)
        for (size_t n = 0; n < l->array.bank[m].rows && !status; n++) {
            const struct xo_row_block *r = &l->array.bank[m].row[n], *meant = &xo_ideal_use(l)->bank[m].row[n];
            struct xo_rows rows;
            for (size_t k = 0; k < vectors; k++)
                memcpy(part + k * r->inputs, digit + k * inputs + l->codes.matrix[m].first_input + r->first,
                       r->inputs * sizeof *part);
            status = xo_rows_of_digits(&rows, t, l, &l->array, r, vectors, part);
            for (size_t k = 0; k < r->strips + r->references && !status; k++)
                status = k < r->strips
                    ? compare_strip(above, below, l, t, r, &r->strip[k], meant->strip[k].b, &rows)
                    : compare_strip(above, below, l, t, r, &r->reference[k - r->strips],
                                    meant->reference[k - r->strips].b, &rows);
        }
    free(part);
    return status;
}

/* Least squares through the origin of ideal on read-out currents, as xo_gain_least_squares. */
static int measure_gain(struct xo_array_layer *l, struct xo_engine_thread *t, const struct xo_calibration *c)
{
    size_t units = xo_units_of(l, xo_gain_unit(l)), inputs = l->layer->groups * l->layer->inputs;
    size_t vectors = c && c->kept ? c->kept : (size_t)l->hardware->gain.vectors;
    uint16_t *digit = xo_calloc(vectors, inputs * sizeof *digit);
    double *above = xo_calloc(units, sizeof *above), *below = xo_calloc(units, sizeof *below);
    int status = digit && above && below ? 0 : ENOMEM;
    if (!status) {
        if (!c || !c->kept)
            draw_digits(digit, l, vectors, inputs);
        for (size_t k = 0; c && k < c->kept; k++)
            memcpy(digit + k * inputs, c->vector[k].digit, inputs * sizeof *digit);
        status = compare(above, below, l, t, vectors, inputs, digit);
    }
    for (size_t u = 0; u < units && !status; u++)
        l->gain[u] = above[u] == 0 || below[u] == 0 ? 1 : above[u] / below[u];
    free(digit);
    free(above);
    free(below);
    return status;
}

static int by_place(const void *a, const void *b)
{
    uint64_t x = ((const struct vector *)a)->place, y = ((const struct vector *)b)->place;
    return (x > y) - (x < y);
}

/* Ranges first, then the gain through them; a gain in the reference moves the ranges once more. */
int xo_calibrate_layer(struct xo_array_layer *l, struct xo_engine_thread *t, struct xo_calibration *c,
                       struct xo_info *info)
{
    const struct xo_gain *gain = &l->hardware->gain;
    bool oracle = gain->scope != XO_GAIN_NONE && gain->source == XO_GAIN_ORACLE;
    for (size_t u = 0; u < xo_units_of(l, xo_gain_unit(l)); u++)
        l->gain[u] = oracle && l->oracle ? l->oracle[u] : 1;       /* 1: arrays without wires */
    if (c && !l->base)
        memcpy(l->digit_sum, c->digit_sum, c->inputs * sizeof *c->digit_sum);
    int status = fix_ranges(l, c, info);
    if (status)
        return status;
    xo_set_readings(l);
    if (gain->scope == XO_GAIN_NONE || oracle)
        return 0;
    if (c)
        qsort(c->vector, c->kept, sizeof *c->vector, by_place);
    status = measure_gain(l, t, c);
    if (!status && gain->where == XO_GAIN_REFERENCE)
        status = fix_ranges(l, c, info);
    if (!status)
        xo_set_readings(l);
    return status;
}
