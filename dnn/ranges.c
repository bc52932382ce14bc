/* What calibration images show of a layer's currents -> ADC ranges; some of their vectors -> gain.
 * Ranges are exact quantiles of the currents as they are computed: only the ends of their distribution are kept
 * (tails.h).  Images come in rounds: where the reference takes the gain, ranges are those of gain times current, and
 * the gain is known after a first round; where memory does not do there are more.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "clones.h"
#include "engine_private.h"
#include "memory.h"

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

/* ---- what one thread sees --------------------------------------------------------------------------- */

struct xo_calibration {
    uint64_t images;                   /* how many there are                  */
    bool first;                        /* round                               */
    bool seen;                         /* any current                         */
    uint64_t *digit_sum;               /* [inputs] of sampled images, all streams */
    struct xo_vectors vectors;         /* for the gain                        */
    struct xo_vectors typical;         /* for fits of nonlinear cells         */
};


int xo_calibration_new(struct xo_calibration **out, const struct xo_array_layer *l, size_t images)
{
    const struct xo_gain *gain = &l->hardware->gain;
    bool measured = gain->scope != XO_GAIN_NONE && gain->source == XO_GAIN_MEASURED;
    size_t inputs = l->layer->groups * l->layer->inputs;
    struct xo_calibration *c = xo_calloc(1, sizeof *c);
    if (!c)
        return ENOMEM;
    c->images = images;
    c->first = true;
    c->digit_sum = xo_calloc(inputs, sizeof *c->digit_sum);
    bool nonlinear = !l->base && xo_is_nonlinear(&l->hardware->array) &&
                     l->hardware->array.input == XO_INPUT_DRIVE;
    if (!c->digit_sum || xo_vectors_new(&c->vectors, measured ? (size_t)gain->vectors : 0, inputs) ||
        xo_vectors_new(&c->typical, nonlinear ? XO_TYPICAL : 0, inputs)) {
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
    xo_vectors_free(&c->vectors);
    xo_vectors_free(&c->typical);
    free(c->digit_sum);
    free(c);
}

void xo_calibration_next(struct xo_calibration *c)
{
    c->first = false;
}

/* ---- currents --------------------------------------------------------------------------------------- */

static const struct xo_strip *strip_at(const struct xo_row_block *r, size_t k)
{
    return k < r->strips ? &r->strip[k] : &r->reference[k - r->strips];
}

static bool is_used(const struct xo_strip *s, size_t lane)
{
    return lane % XO_HALF < s->half[lane / XO_HALF].count;
}

/* How many conversions of a vector belong to each range. */
static void count_conversions(uint64_t *share, const struct xo_array_layer *l)
{
    for (size_t m = 0; m < l->codes.matrices; m++)
        for (size_t n = 0; n < l->array.bank[m].rows; n++) {
            const struct xo_row_block *r = &l->array.bank[m].row[n];
            for (size_t k = 0; k < r->strips + r->references; k++)
                for (size_t j = 0; j < XO_STRIP; j++)
                    if (is_used(strip_at(r, k), j))
                        share[xo_unit_at(l, xo_range_unit(l), strip_at(r, k)->lane[j].conversion)]++;
        }
}

int xo_tails_of(struct xo_array_layer *l, ptrdiff_t *left)
{
    size_t units = xo_units_of(l, xo_range_unit(l));
    if (l->hardware->adc.range != XO_ADC_CALIBRATED || l->tails)
        return 0;
    uint64_t *share = xo_calloc(units, sizeof *share);
    int status = ENOMEM;
    if (share) {
        count_conversions(share, l);
        status = xo_tails_new(&l->tails, units, l->hardware->adc.quantile, share, left);
    }
    free(share);
    l->scaled = false;
    return status;
}

/* The ranges and the limits of a strip's lanes; a lane that is not used lets nothing pass. */
struct lanes {
    size_t unit[XO_STRIP];
    double gain[XO_STRIP], low[XO_STRIP], high[XO_STRIP];
};

static void look_up(struct lanes *out, const struct xo_array_layer *l, const struct xo_strip *s, uint64_t count,
                    uint64_t all)
{
    for (size_t k = 0; k < 2; k++) {
        const struct xo_lane *lane = &s->lane[k * XO_HALF];
        size_t *unit = &out->unit[k * XO_HALF], used = s->half[k].count;
        for (size_t j = 0; j < used; j++)
            unit[j] = xo_unit_at(l, xo_range_unit(l), lane[j].conversion);
        for (size_t j = 0; j < XO_HALF; j++) {
            out->gain[k * XO_HALF + j] = l->scaled && j < used
                ? l->gain[xo_unit_at(l, xo_gain_unit(l), lane[j].conversion)] : 1;
            out->low[k * XO_HALF + j] = -INFINITY;
            out->high[k * XO_HALF + j] = INFINITY;
        }
        xo_tails_limits(l->tails, used, unit, count, all, &out->low[k * XO_HALF], &out->high[k * XO_HALF]);
    }
}

/* Which rows have a number outside the limits of its lane? */
XO_CLONES
static size_t find_outside(uint32_t *row, const double *current, size_t rows, const double *low, const double *high)
{
    size_t found = 0;
    for (size_t n = 0; n < rows; n++) {
        const double *now = current + n * XO_STRIP;
        int64_t outside = 0;
        #pragma omp simd reduction(|:outside)
        for (size_t j = 0; j < XO_STRIP; j++)
            outside |= (int64_t)(now[j] < low[j]) | (int64_t)(now[j] > high[j]);
        row[found] = (uint32_t)n;
        found += outside != 0;
    }
    return found;
}

/* current [rows][XO_STRIP] is multiplied by gains on the way. */
static int watch_strip(struct xo_engine_thread *t, const struct xo_array_layer *l, const struct xo_strip *s,
                       double *current, size_t rows, uint64_t all)
{
    struct lanes n;
    size_t outside = 0;
    struct xo_tail_value *v = xo_room(t, XO_BUFFER_TAIL, rows * XO_STRIP, sizeof *v);
    uint32_t *row = xo_room(t, XO_BUFFER_TAIL_ROW, rows + 1, sizeof *row);
    if (!v || !row)
        return ENOMEM;
    look_up(&n, l, s, rows, all);
    for (size_t k = 0; k < rows * XO_STRIP && l->scaled; k++)
        current[k] *= n.gain[k % XO_STRIP];
    size_t found = find_outside(row, current, rows, n.low, n.high);
    for (size_t k = 0; k < found; k++) {
        const double *now = current + row[k] * XO_STRIP;
        for (size_t j = 0; j < XO_STRIP; j++)
            if (now[j] < n.low[j] || now[j] > n.high[j])
                v[outside++] = (struct xo_tail_value){ now[j], n.unit[j] };
    }
    return outside ? xo_tails_add(l->tails, outside, v) : 0;
}

static int watch_currents(struct xo_calibration *c, struct xo_engine_thread *t, const struct xo_array_layer *l,
                          size_t matrix, const struct xo_view *v, const struct xo_patches *p)
{
    const struct xo_bank *bank = &l->array.bank[matrix];
    bool digits = l->hardware->dac.noise_volt > 0 || !l->array.single;
    struct xo_place where = xo_place_of(t, &l->array, v, p);
    uint64_t all = c->images * where.rows_per_image;
    int status = 0;
    for (size_t n = 0; n < bank->rows && !status; n++) {
        const struct xo_row_block *r = &bank->row[n];
        struct xo_rows rows;
        double *current;
        status = xo_rows_of(&rows, t, l, &l->array, r, bank->matrix->first_input, p, digits);
        for (size_t k = 0; k < r->strips + r->references && !status; k++) {
            status = xo_currents(&current, t, l, &l->array, r, strip_at(r, k), &rows, &where);
            if (!status)
                status = watch_strip(t, l, strip_at(r, k), current, rows.d.rows, all);
        }
    }
    return status;
}

/* What a lossless wire would carry, for NF: of images whose number is a multiple of XO_SAMPLE. */
static int add_digits(struct xo_calibration *c, struct xo_engine_thread *t, const struct xo_array_layer *l,
                      const struct xo_view *v, const struct xo_patches *p)
{
    uint16_t *digit = xo_room(t, XO_BUFFER_DIGIT, c->vectors.inputs, sizeof *digit);
    if (!digit)
        return ENOMEM;
    for (size_t n = 0; n < p->count; n++) {
        bool sampled = (t->first_image + (p->first + n) / v->positions) % XO_SAMPLE == 0;
        for (size_t k = 0; sampled && k < l->array.streams; k++) {
            xo_unpack_digits(digit, l, &l->array.stream[k], p, n, 0, c->vectors.inputs);
            for (size_t i = 0; i < c->vectors.inputs; i++)
                c->digit_sum[i] += digit[i];
        }
    }
    return 0;
}

int xo_observe(struct xo_engine_thread *t, const struct xo_array_layer *l, size_t matrix, const struct xo_view *v,
               const struct xo_patches *p)
{
    struct xo_calibration *c = t->calibration[l->number];
    int status = l->tails ? watch_currents(c, t, l, matrix, v, p) : 0;
    c->seen = true;
    if (!status && c->first && !matrix && !l->base)
        status = add_digits(c, t, l, v, p);
    if (!status && c->first && !matrix)
        status = xo_vectors_offer(&c->vectors, t, l, v, p);
    return status || !c->first || matrix ? status : xo_vectors_offer(&c->typical, t, l, v, p);
}

int xo_calibration_merge(struct xo_calibration *to, const struct xo_calibration *from)
{
    to->seen |= from->seen;
    if (!to->first)
        return 0;
    for (size_t i = 0; i < to->vectors.inputs; i++)
        to->digit_sum[i] += from->digit_sum[i];
    int status = xo_vectors_merge(&to->vectors, &from->vectors);
    return status ? status : xo_vectors_merge(&to->typical, &from->typical);
}

/* ---- ranges ---------------------------------------------------------------------------------------- */

/* xo_adc_range's rule on the two quantiles.  Where an array has no conversion, as that of a pair's minus side,
 * nothing is seen, and nothing reads this range. */
static int range_of(struct xo_adc_scale *out, const struct xo_array_layer *l, size_t unit, struct xo_info *info)
{
    const struct xo_hardware *h = l->hardware;
    struct xo_adc adc = h->adc;
    double currents[2];
    *out = (struct xo_adc_scale){ 0, l->unit_ampere };
    if (!xo_tails_quantiles(l->tails, unit, currents))
        return 0;
    for (int k = 0; k < 2; k++)
        currents[k] *= l->unit_ampere;
    adc.quantile = 0;
    return xo_adc_range(out, &adc, &h->dac, &l->device, h->array.rows, l->layout.signed_codes, 2, currents, info);
}

/* *again: not yet, another round first. */
static int fix_ranges(struct xo_array_layer *l, const struct xo_calibration *c, bool *again, struct xo_info *info)
{
    const struct xo_hardware *h = l->hardware;
    int status = 0;
    if (h->adc.range != XO_ADC_CALIBRATED)
        return xo_adc_range(l->range, &h->adc, &h->dac, &l->device, h->array.rows, l->layout.signed_codes, 0, NULL,
                            info);
    if (!c || !c->seen)
        return xo_fail(info, XO_EVALUE,
                       "layer %s: adc.range: found calibrated without calibration images; expected some",
                       l->layer->name);
    *again = xo_tails_next(l->tails);
    for (size_t u = 0; u < xo_units_of(l, xo_range_unit(l)) && !status && !*again; u++)
        status = range_of(&l->range[u], l, u, info);
    return status;
}

/* Gain without images, or before it is measured. */
static void begin_gain(struct xo_array_layer *l)
{
    const struct xo_gain *gain = &l->hardware->gain;
    bool oracle = gain->scope != XO_GAIN_NONE && gain->source == XO_GAIN_ORACLE;
    for (size_t u = 0; u < xo_units_of(l, xo_gain_unit(l)); u++)
        l->gain[u] = oracle && l->oracle ? l->oracle[u] : 1;       /* 1: arrays without wires */
}

/* Ranges first, then the gain through them; a gain in the reference moves the ranges once more. */
int xo_calibrate_layer(struct xo_array_layer *l, struct xo_engine_thread *t, struct xo_calibration *c, bool *again,
                       struct xo_info *info)
{
    const struct xo_gain *gain = &l->hardware->gain;
    bool in_reference = gain->scope != XO_GAIN_NONE && gain->where == XO_GAIN_REFERENCE;
    *again = false;
    if (c && c->first && !l->base) {
        memcpy(l->digit_sum, c->digit_sum, c->vectors.inputs * sizeof *c->digit_sum);
        xo_vectors_sort(&c->typical);
        struct xo_vectors none = l->typical;
        l->typical = c->typical;
        c->typical = none;
    }
    if (!l->scaled)
        begin_gain(l);
    int status = fix_ranges(l, c, again, info);
    if (status || *again)
        return status;
    xo_set_readings(l);
    if (!l->scaled && gain->scope != XO_GAIN_NONE && gain->source == XO_GAIN_MEASURED) {
        if (c)
            xo_vectors_sort(&c->vectors);
        status = xo_measure_gain(l, t, c ? &c->vectors : NULL);
        if (!status)
            xo_set_readings(l);
    }
    if (!status && in_reference && l->tails && !l->scaled) {
        xo_tails_restart(l->tails);
        *again = l->scaled = true;
        return 0;
    }
    xo_tails_free(l->tails);
    l->tails = NULL;
    return status;
}
