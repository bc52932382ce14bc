/* Conversion by conversion, with every key of dac: and adc: the slow way, and what the fast one is measured against.
 * Noise is drawn for its place: (seed, layer, tile) and (image, position, stream, row or conversion of the tile).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <string.h>
#include "engine_private.h"
#include "random.h"

/* ---- currents -------------------------------------------------------------------------------------- */

static void multiply(double *out, const struct xo_use *use, const struct xo_row_block *r, const struct xo_strip *s,
                     const struct xo_rows *rows)
{
    memset(out, 0, rows->d.rows * XO_STRIP * sizeof *out);
    for (size_t row = 0; row < rows->d.rows; row++)
        for (size_t i = 0; i < r->inputs; i++) {
            double volt = use->level[rows->digit[row * r->inputs + i]];
            const float *b = s->b + i * XO_STRIP;
            for (size_t j = 0; j < XO_STRIP; j++)
                out[row * XO_STRIP + j] += volt * (double)b[j];
        }
}

static int multiply_single(double *out, struct xo_engine_thread *t, const struct xo_use *use,
                           const struct xo_row_block *r, const struct xo_strip *s, const struct xo_rows *rows)
{
    struct xo_digits d = rows->d;
    float *single = xo_room(t, XO_BUFFER_SINGLE, rows->d.rows, XO_STRIP * sizeof *single);
    float *table = xo_room(t, XO_BUFFER_TABLE, 2 * xo_packed_bytes(r->inputs, use->bits), XO_TABLE * sizeof *table);
    if (!single || !table)
        return ENOMEM;
    if (use->bits)
        t->engine->kernels->tabulate(table, r->inputs, use->bits, use->level_single, s->b);
    d.given = NULL;
    t->engine->kernels->currents(&d, use->bits ? table : s->b, single);
    #pragma omp simd
    for (size_t k = 0; k < rows->d.rows * XO_STRIP; k++)
        out[k] = (double)single[k];
    return 0;
}

/* ---- noise of the DAC ------------------------------------------------------------------------------ */

/* Every tile has DACs of its own. */
static uint64_t tile_of(const struct xo_array_layer *l, const struct xo_place *where, size_t block, size_t plane)
{
    return (uint64_t)where->domain << 60 | (uint64_t)l->number << 40 | (block * l->layout.planes + plane);
}

static uint64_t row_at(const struct xo_place *where, size_t row)
{
    uint64_t all = where->first_row + row;
    return (where->first_image + all / where->rows_per_image) * where->rows_per_image + all % where->rows_per_image;
}

struct noisy {
    const struct xo_array_layer *l;
    const struct xo_use *use;
    const struct xo_row_block *r;
    const struct xo_rows *rows;
    const struct xo_place *where;
    double *volt;                      /* [2][inputs] of the tiles that plus and minus are on */
    uint64_t tile[2];
    size_t row[2];
};

static const double *noisy_volts(struct noisy *n, int side, uint64_t tile, size_t row)
{
    const struct xo_hardware *h = n->l->hardware;
    double *volt = n->volt + (size_t)side * n->r->inputs, unit = h->dac.read_volt / (double)(n->use->levels - 1);
    if (n->tile[side] == tile && n->row[side] == row)
        return volt;
    for (size_t i = 0; i < n->r->inputs; i++) {
        struct xo_random_key key = { h->seed, XO_FOR_DAC_NOISE, tile,
                                     row_at(n->where, row) * h->array.rows + i };
        volt[i] = n->use->level[n->rows->digit[row * n->r->inputs + i]] +
                  h->dac.noise_volt / unit * xo_random_gauss(key);
    }
    n->tile[side] = tile;
    n->row[side] = row;
    return volt;
}

/* Conductances off + digit. */
static double noisy_ideal(const struct noisy *n, const double *volt, const float *b, double sign)
{
    double sum = 0, off = n->l->device.off_siemens / (n->l->device.on_siemens - n->l->device.off_siemens) *
                          ((1 << n->l->device.bits_per_cell) - 1);
    for (size_t i = 0; i < n->r->inputs; i++) {
        double digit = sign * (double)b[i * XO_STRIP];      /* of a difference one side is 0 */
        sum += volt[i] * (off + (digit > 0 ? digit : 0));
    }
    return sum;
}

/* One column of one tile, of a strip's plus or minus; which of the two DACs of a pair drives it? */
static double noisy_column(struct noisy *n, int dac, size_t block, size_t plane, const struct xo_strip *s, bool minus,
                           size_t j, size_t row)
{
    const double *volt = noisy_volts(n, dac, tile_of(n->l, n->where, block, plane), row);
    double sum = 0;
    for (size_t i = 0; i < n->r->inputs && s->side[minus]; i++)
        sum += volt[i] * (double)s->side[minus][i * XO_STRIP + j];
    return s->side[minus] ? sum : noisy_ideal(n, volt, s->b + j, minus ? -1 : 1);
}

static int multiply_noisy(double *out, struct xo_engine_thread *t, const struct xo_array_layer *l,
                          const struct xo_use *use, const struct xo_row_block *r, const struct xo_strip *s,
                          const struct xo_rows *rows, const struct xo_place *where)
{
    const struct xo_layout *lay = &l->layout;
    struct noisy n = { l, use, r, rows, where, xo_room(t, XO_BUFFER_NOISE, 2 * r->inputs, sizeof *n.volt),
                       { UINT64_MAX, UINT64_MAX }, { 0, 0 } };
    if (!n.volt)
        return ENOMEM;
    for (size_t row = 0; row < rows->d.rows; row++)
        for (size_t j = 0; j < XO_STRIP; j++) {
            size_t block = s->lane[j].conversion / lay->conversions;
            const struct xo_conversion *c = &lay->conversion[s->lane[j].conversion % lay->conversions];
            double *to = &out[row * XO_STRIP + j];
            *to = 0;
            if (j % XO_HALF >= s->half[j / XO_HALF].count)
                continue;
            *to = noisy_column(&n, 0, block, c->plane, s, false, j, row);
            if (c->minus_plane != XO_NONE)
                *to -= noisy_column(&n, c->minus_plane != c->plane, block, c->minus_plane, s, true, j, row);
        }
    return 0;
}

static void multiply_certified(double *out, const struct xo_use *use, const struct xo_row_block *r,
                               const struct xo_strip *s, const struct xo_rows *rows)
{
    for (size_t row = 0; row < rows->d.rows; row++) {
        double *to = out + row * XO_STRIP;
        memcpy(to, s->certified + r->inputs * XO_STRIP, XO_STRIP * sizeof *to);
        for (size_t i = 0; i < r->inputs; i++) {
            double volt = use->level[rows->digit[row * r->inputs + i]];
            const double *b = s->certified + i * XO_STRIP;
            for (size_t j = 0; j < XO_STRIP && volt != 0; j++)
                to[j] += volt * b[j];
        }
    }
}

static void add_given(double *current, const struct xo_rows *rows)
{
    for (size_t row = 0; row < rows->d.rows; row++)
        #pragma omp simd
        for (size_t j = 0; j < XO_STRIP; j++)
            current[row * XO_STRIP + j] += rows->given[row];
}

static void add_offset(double *current, size_t rows, const double *offset)
{
    for (size_t row = 0; row < rows; row++)
        #pragma omp simd
        for (size_t j = 0; j < XO_STRIP; j++)
            current[row * XO_STRIP + j] += offset[j];
}

int xo_currents(double **out, struct xo_engine_thread *t, const struct xo_array_layer *l, const struct xo_use *use,
                const struct xo_row_block *r, const struct xo_strip *s, const struct xo_rows *rows,
                const struct xo_place *where)
{
    bool noisy = where && l->hardware->dac.noise_volt > 0;
    enum xo_buffer which = where ? XO_BUFFER_CURRENT : XO_BUFFER_IDEAL;
    double *current = xo_room(t, which, rows->d.rows, XO_STRIP * sizeof *current);
    int status = 0;
    if (!current)
        return ENOMEM;
    *out = current;
    if (use->ladder)
        return xo_climb_currents(current, t, l, s, rows);
    if (t->certified) {
        multiply_certified(current, use, r, s, rows);
        return 0;
    }
    if (noisy)
        status = multiply_noisy(current, t, l, use, r, s, rows, where);
    else if (use->single)
        status = multiply_single(current, t, use, r, s, rows);
    else
        multiply(current, use, r, s, rows);
    if (!status && !noisy && use->off > 0 && !use->circuit)
        add_given(current, rows);
    if (!status && s->offset)
        add_offset(current, rows->d.rows, s->offset);
    return status;
}

/* ---- readings -------------------------------------------------------------------------------------- */

static double gauss_at(const struct xo_array_layer *l, const struct xo_lane *lane, const struct xo_place *where,
                       size_t row)
{
    const struct xo_layout *lay = &l->layout;
    size_t block = lane->conversion / lay->conversions, q = lane->conversion % lay->conversions;
    uint64_t tile = tile_of(l, where, block, lay->conversion[q].plane);
    uint64_t place = row_at(where, row) * lay->conversions + q;
    struct xo_random_key key = { l->hardware->seed, XO_FOR_ADC_NOISE, tile, place };
    return l->hardware->adc.noise_lsb > 0 ? xo_random_gauss(key) : 0;
}

double xo_read(const struct xo_array_layer *l, const struct xo_lane *lane, double current,
               const struct xo_place *where, size_t row)
{
    return xo_adc_code(&l->hardware->adc, &lane->scale, current, gauss_at(l, lane, where, row)) +
           rint(lane->scale.low_ampere / lane->scale.lsb_ampere);
}

int xo_convert(double **out, struct xo_engine_thread *t, const struct xo_array_layer *l, const struct xo_use *use,
               const struct xo_row_block *r, const struct xo_strip *s, const struct xo_rows *rows, bool integer,
               const struct xo_place *where)
{
    size_t positions = rows->d.rows / use->streams;
    double *sum = xo_room(t, XO_BUFFER_STRIP_SUM, positions, XO_STRIP * sizeof *sum), *current;
    int status = sum ? xo_currents(&current, t, l, use, r, s, rows, where) : ENOMEM;
    if (status)
        return status;
    memset(sum, 0, positions * XO_STRIP * sizeof *sum);
    for (size_t row = 0; row < rows->d.rows; row++)
        for (size_t j = 0; j < XO_STRIP; j++) {
            const struct xo_half *h = &s->half[j / XO_HALF];
            const struct xo_lane *lane = &s->lane[j];
            if (j % XO_HALF >= h->count || lane->integer != integer)
                continue;
            double p = xo_read(l, lane, current[row * XO_STRIP + j], where, row);
            if (integer) {
                p *= lane->gain * lane->scale.lsb_ampere;
                if (use->off > 0)
                    p -= rows->known[(h->reference == XO_NONE ? 0 : h->reference) * rows->d.rows + row];
                p = rint(p);
            }
            sum[row / use->streams * XO_STRIP + j] += use->stream[row % use->streams].weight * p;
        }
    *out = sum;
    return 0;
}

int xo_read_references(struct xo_rows *rows, struct xo_engine_thread *t, const struct xo_array_layer *l,
                       const struct xo_use *use, const struct xo_row_block *r, const struct xo_place *where)
{
    size_t positions = rows->d.rows / use->streams;
    for (size_t n = 0; n < r->references * XO_STRIP; n++) {
        const struct xo_strip *s = &r->reference[n / XO_STRIP];
        const struct xo_lane *lane = &s->lane[n % XO_STRIP];
        double *known = rows->known + n * rows->d.rows, *sum = rows->known_sum + n * positions, *current;
        if (n % XO_HALF >= s->half[n % XO_STRIP / XO_HALF].count)
            continue;
        int status = n % XO_STRIP == 0 ? xo_currents(&current, t, l, use, r, s, rows, where) : 0;
        if (status)
            return status;
        memset(sum, 0, positions * sizeof *sum);
        for (size_t row = 0; row < rows->d.rows; row++) {
            known[row] = xo_read(l, lane, current[row * XO_STRIP + n % XO_STRIP], where, row) * lane->gain *
                         lane->scale.lsb_ampere;
            rows->known_single[n * rows->d.rows + row] = (float)known[row];
            sum[row / use->streams] += use->stream[row % use->streams].weight * known[row];
        }
    }
    return 0;
}

/* ---- counting -------------------------------------------------------------------------------------- */

bool xo_is_sampled(const struct xo_place *where, size_t row)
{
    return (where->first_image + (where->first_row + row) / where->rows_per_image) % XO_SAMPLE == 0;
}

/* Without noise and INL a code is out of range exactly beyond these numbers; ties go to even codes.  ideal NULL: as
 * current. */
static void count_quick(struct xo_layer_counts *count, const struct xo_reading *r, const double *current,
                        const double *ideal, const double *offset, size_t first, size_t lanes)
{
    size_t clipped = 0, flipped = 0;
    const double round = 0x1.8p52;
    double low = (double)r->low, high = (double)r->high;
    #pragma omp simd reduction(+:clipped, flipped)
    for (size_t j = first; j < first + lanes; j++) {
        double mul = (double)r->mul[j], add = (double)r->add[j] - (offset ? offset[j] * mul : 0);
        double z = current[j] * mul + add, y = ideal ? ideal[j] * mul + add : z;
        clipped += z < low - 0.5 || z >= high + 0.5;
        z = z < low ? low : z > high ? high : z;
        y = y < low ? low : y > high ? high : y;
        flipped += (z + round) - round != (y + round) - round;
    }
    count->clipped += clipped;
    count->flipped += flipped;
}

static void count_one(struct xo_layer_counts *count, const struct xo_array_layer *l, const struct xo_lane *lane,
                      double current, double ideal, const struct xo_place *where, size_t row)
{
    const struct xo_adc *adc = &l->hardware->adc;
    double gauss = gauss_at(l, lane, where, row), z = xo_adc_unclamped(adc, &lane->scale, current, gauss);
    count->clipped += z < 0 || z > (1 << adc->bits) - 1;
    count->flipped += xo_adc_code(adc, &lane->scale, current, gauss) != xo_adc_code(adc, &lane->scale, ideal, 0);
}

static void count_strip(struct xo_layer_counts *count, const struct xo_array_layer *l, const struct xo_strip *s,
                        const double *current, const double *ideal, size_t rows, const struct xo_place *where)
{
    for (size_t row = 0; row < rows; row++) {
        const double *now = current + row * XO_STRIP, *meant = ideal + row * XO_STRIP;
        if (!xo_is_sampled(where, row))
            continue;
        for (size_t k = 0; k < 2; k++) {
            count->conversions += s->half[k].count;
            if (l->array.fast)
                count_quick(count, &s->reading[0], now, ideal == current ? NULL : meant, s->offset, k * XO_HALF,
                            s->half[k].count);
            for (size_t j = k * XO_HALF; !l->array.fast && j < k * XO_HALF + s->half[k].count; j++)
                count_one(count, l, &s->lane[j], now[j], meant[j], where, row);
        }
    }
}

static const struct xo_strip *strip_at(const struct xo_row_block *r, size_t k)
{
    return k < r->strips ? &r->strip[k] : &r->reference[k - r->strips];
}

int xo_count_codes(struct xo_layer_counts *count, struct xo_engine_thread *t, const struct xo_array_layer *l,
                   size_t matrix, const struct xo_view *v, const struct xo_patches *p)
{
    const struct xo_bank *bank = &l->array.bank[matrix], *meant = &xo_ideal_use(l)->bank[matrix];
    const struct xo_dac *dac = &l->hardware->dac;
    struct xo_place where = xo_place_of(t, &l->array, v, p);
    bool differs = l->array.circuit || dac->noise_volt > 0;
    int status = 0;
    for (size_t n = 0; n < bank->rows && !status; n++) {
        const struct xo_row_block *r = &bank->row[n];
        struct xo_rows rows;
        double *current, *ideal;
        status = xo_rows_of(&rows, t, l, &l->array, r, bank->matrix->first_input, p, !l->array.fast);
        for (size_t k = 0; k < r->strips + r->references && !status; k++) {
            status = xo_currents(&current, t, l, &l->array, r, strip_at(r, k), &rows, &where);
            ideal = current;
            if (!status && differs)
                status = xo_currents(&ideal, t, l, xo_ideal_use(l), r, strip_at(&meant->row[n], k), &rows, NULL);
            if (!status)
                count_strip(count, l, strip_at(r, k), current, ideal, rows.d.rows, &where);
        }
    }
    return status;
}
