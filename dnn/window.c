/* Images -> integers -> bytes -> patches (im2col) -> rows of digits.
 * Integers lie in padded images of bytes, one for each phase of the input and each 8 bits; a patch is copied out of
 * them byte run by byte run; streams are bits of its bytes.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <string.h>
#include "engine_private.h"

/* ---- images ---------------------------------------------------------------------------------------- */

static size_t reach(size_t out, size_t stride, size_t kernel, size_t dilation)
{
    return (out - 1) * stride + (kernel - 1) * dilation + 1;
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

int32_t xo_pad_value(const struct xo_array_layer *l)
{
    const struct xo_model_integers *m = &l->layer->integers;
    return l->layer->has_integers ? m->input_zero + (m->input_unsigned ? 0 : 128) : 0;
}

/* count numbers of the input from `at` on, as integers. */
static void integers_of(int32_t *out, const struct xo_engine_thread *t, const struct xo_array_layer *l,
                        const struct xo_tensor *input, size_t at, size_t count)
{
    if (input->type == XO_U8)
        for (size_t k = 0; k < count; k++)
            out[k] = ((const uint8_t *)input->data)[at + k];
    else if (input->type == XO_I8)
        for (size_t k = 0; k < count; k++)
            out[k] = ((const int8_t *)input->data)[at + k] + 128;
    else
        t->engine->kernels->quantise((const float *)input->data + at, count, l->input.scale, l->input.low,
                                     l->input.high, out);
}

static void bytes_of(uint8_t *out, struct xo_plane plane, const int32_t *x, size_t count)
{
    const int32_t flip = plane.sign < 0 ? -1 : 1, least = plane.sign ? 0 : INT32_MIN;
    for (size_t k = 0; k < count; k++) {
        int32_t part = flip * x[k];
        part = part > least ? part : least;
        out[k] = (uint8_t)((uint32_t)part >> 8 * plane.byte);
    }
}

static void fill_planes(const struct xo_view *v, struct xo_engine_thread *t, const struct xo_array_layer *l,
                        const struct xo_tensor *input, uint8_t *byte, int32_t *x)
{
    const struct xo_window *w = &v->window;
    memset(byte, xo_pad_value(l), l->planes * v->plane_bytes);
    for (size_t c = 0; c < v->images * w->channels; c++) {
        integers_of(x, t, l, input, c * w->height * w->width, w->height * w->width);
        for (size_t p = 0; p < l->planes; p++) {
            uint8_t *to = byte + p * v->plane_bytes + c * v->height * v->width + w->pad[0] * v->width + w->pad[1];
            for (size_t y = 0; y < w->height; y++)
                bytes_of(to + y * v->width, l->plane[p], x + y * w->width, w->width);
        }
    }
}

/* A patch's bytes in the order channel, kernel row, kernel column, as runs of neighbours. */
static size_t find_runs(struct xo_run_of_bytes *run, const struct xo_view *v)
{
    const struct xo_window *w = &v->window;
    size_t runs = 0;
    for (size_t c = 0; c < w->channels; c++)
        for (size_t y = 0; y < w->kernel[0]; y++)
            for (size_t x = 0; x < w->kernel[1]; x++) {
                size_t at = (c * v->height + y * w->dilation[0]) * v->width + x * w->dilation[1];
                if (runs && run[runs - 1].offset + run[runs - 1].length == at)
                    run[runs - 1].length++;
                else
                    run[runs++] = (struct xo_run_of_bytes){ (uint32_t)at, 1 };
            }
    return runs;
}

static bool fits(const struct xo_view *v, size_t planes)
{
    const size_t most = (size_t)1 << 40;
    const struct xo_window *w = &v->window;
    return v->width < most / v->height && v->height * v->width < most / w->channels &&
           v->height * v->width * w->channels <= UINT32_MAX && v->image_bytes < most / v->images / planes;
}

int xo_window_of(struct xo_window *out, size_t *images, const struct xo_engine_thread *t,
                 const struct xo_array_layer *l, const struct xo_tensor *input, struct xo_info *info)
{
    int status = xo_layer_resolve(out, t->engine->graph, l->layer, input->dimensions, input->shape, info);
    if (status)
        return status;
    if (l->layer->has_integers ? input->type != XO_U8 && input->type != XO_I8 : input->type != XO_F32)
        return xo_fail(info, XO_EVALUE, "layer %s: found inputs of another type than its calibration saw",
                       l->layer->name);
    *images = xo_tensor_count(input) / (out->channels * out->height * out->width);
    return 0;
}

int xo_view_open(struct xo_view *out, struct xo_engine_thread *t, const struct xo_array_layer *l,
                 const struct xo_tensor *input, struct xo_info *info)
{
    struct xo_view v = { 0 };
    struct xo_window *w = &v.window;
    int status = xo_window_of(w, &v.images, t, l, input, info);
    if (status)
        return status;
    v.positions = w->out_height * w->out_width;
    v.height = larger(w->pad[0] + w->height, reach(w->out_height, w->stride[0], w->kernel[0], w->dilation[0]));
    v.width = larger(w->pad[1] + w->width, reach(w->out_width, w->stride[1], w->kernel[1], w->dilation[1]));
    v.image_bytes = w->channels * v.height * v.width;
    v.plane_bytes = v.images * v.image_bytes;
    v.inputs = w->channels * w->kernel[0] * w->kernel[1];
    if (!v.images || !fits(&v, l->planes))
        return xo_fail(info, XO_ETOOBIG,
                       "layer %s: an input of %zu images of %zu x %zu x %zu with pads; expected less",
                       l->layer->name, v.images, w->channels, v.height, v.width);
    uint8_t *byte = xo_room(t, XO_BUFFER_BYTE, l->planes * v.plane_bytes + XO_SLACK, 1);
    int32_t *x = xo_room(t, XO_BUFFER_INTEGER, w->height * w->width, sizeof *x);
    v.run = xo_room(t, XO_BUFFER_RUN, v.inputs, sizeof *v.run);
    if (!byte || !x || !v.run)
        return ENOMEM;
    fill_planes(&v, t, l, input, byte, x);
    v.byte = byte;
    v.runs = find_runs(v.run, &v);
    *out = v;
    return 0;
}

/* ---- patches --------------------------------------------------------------------------------------- */

/* Short runs are copied as 8 bytes: what is too much, the next run overwrites. */
static void copy_patch(uint8_t *to, const uint8_t *from, const struct xo_run_of_bytes *run, size_t runs)
{
    for (size_t k = 0; k < runs; k++) {
        if (run[k].length <= 8)
            memcpy(to, from + run[k].offset, 8);
        else
            memcpy(to, from + run[k].offset, run[k].length);
        to += run[k].length;
    }
}

int xo_view_patches(struct xo_patches *out, struct xo_engine_thread *t, const struct xo_array_layer *l,
                    const struct xo_view *v, size_t first)
{
    const struct xo_window *w = &v->window;
    size_t left = v->images * v->positions - first;
    struct xo_patches p = { .first = first, .count = left < XO_CHUNK ? left : XO_CHUNK,
                            .stride = v->inputs + XO_SLACK };
    p.plane = p.count * p.stride;
    uint8_t *byte = xo_room(t, XO_BUFFER_PATCH, l->planes, XO_CHUNK * p.stride);
    if (!byte)
        return ENOMEM;
    p.byte = byte;
    for (size_t plane = 0; plane < l->planes; plane++)
        for (size_t k = 0; k < p.count; k++) {
            size_t image = (first + k) / v->positions, at = (first + k) % v->positions;
            size_t y = at / w->out_width * w->stride[0], x = at % w->out_width * w->stride[1];
            copy_patch(byte + plane * p.plane + k * p.stride,
                       v->byte + plane * v->plane_bytes + image * v->image_bytes + y * v->width + x, v->run, v->runs);
        }
    *out = p;
    return 0;
}

/* ---- digits ---------------------------------------------------------------------------------------- */

static int rows_new(struct xo_rows *out, struct xo_engine_thread *t, const struct xo_use *use,
                    const struct xo_row_block *r, size_t rows, size_t streams, bool with_digits)
{
    size_t references = r->references ? r->references * XO_STRIP : 1, room = rows + XO_ROWS_AT_ONCE;
    struct xo_digits d = { .rows = rows, .streams = streams, .inputs = r->inputs, .bits = use->bits };
    d.row_bytes = use->bits ? xo_packed_bytes(r->inputs, use->bits) : 0;
    d.packed = xo_room(t, XO_BUFFER_PACKED, room, d.row_bytes);
    d.volt = xo_room(t, XO_BUFFER_VOLT, room, (use->bits ? 0 : r->inputs) * sizeof(float));
    *out = (struct xo_rows){
        .d = d, .room = rows,
        .digit = xo_room(t, XO_BUFFER_DIGIT, room, (with_digits ? r->inputs : 0) * sizeof *out->digit),
        .pop = xo_room(t, XO_BUFFER_POP, room, sizeof *out->pop),
        .given = xo_room(t, XO_BUFFER_GIVEN, room, sizeof *out->given + sizeof(float)),
        .known = xo_room(t, XO_BUFFER_KNOWN, room, references * sizeof *out->known),
        .known_single = xo_room(t, XO_BUFFER_KNOWN_SINGLE, room, references * sizeof *out->known_single),
        .known_sum = xo_room(t, XO_BUFFER_KNOWN_SUM, room, references * sizeof *out->known_sum),
    };
    return d.packed && d.volt && out->digit && out->pop && out->given && out->known && out->known_single &&
           out->known_sum ? 0 : ENOMEM;
}

void xo_unpack_digits(uint16_t *digit, const struct xo_array_layer *l, const struct xo_stream *stream,
                      const struct xo_patches *p, size_t position, size_t first, size_t count)
{
    const uint32_t mask = (1u << stream->bits) - 1;
    memset(digit, 0, count * sizeof *digit);
    for (size_t plane = 0; plane < l->planes; plane++) {
        const uint8_t *from = p->byte + plane * p->plane + position * p->stride + first;
        int shift = 8 * l->plane[plane].byte - stream->shift;
        if (l->plane[plane].sign != stream->sign || shift >= stream->bits || shift <= -8)
            continue;
        for (size_t i = 0; i < count; i++)
            digit[i] |= (uint16_t)((shift < 0 ? (uint32_t)from[i] >> -shift : (uint32_t)from[i] << shift) & mask);
    }
}

static void count_packed(struct xo_rows *o, const struct xo_use *use, size_t row, double *given)
{
    const uint8_t *packed = o->d.packed + row * o->d.row_bytes;
    size_t low = 0, high = 0, both = 0, inputs = o->d.inputs;
    for (size_t at = 0; at < o->d.row_bytes; at += 8) {
        uint64_t word = 0;
        memcpy(&word, packed + at, o->d.row_bytes - at < 8 ? o->d.row_bytes - at : 8);
        if (o->d.bits == 1) {
            low += (size_t)__builtin_popcountll(word);
            continue;
        }
        low += (size_t)__builtin_popcountll(word & 0x5555555555555555u);
        high += (size_t)__builtin_popcountll(word & 0xaaaaaaaaaaaaaaaau);
        both += (size_t)__builtin_popcountll(word & word >> 1 & 0x5555555555555555u);
    }
    ((int32_t *)o->pop)[row] = (int32_t)(low + 2 * high);
    *given = use->level[0] * (double)(inputs - low - high + both) + use->level[1] * (double)(low - both);
    if (o->d.bits == 2)
        *given += use->level[2] * (double)(high - both) + use->level[3] * (double)both;
    *given *= use->off;
}

static void count_digits(struct xo_rows *o, const struct xo_use *use, size_t row, const uint16_t *digit,
                         double *given)
{
    double sum = 0;
    int32_t pop = 0;
    for (size_t i = 0; i < o->d.inputs; i++) {
        pop += digit[i];
        sum += use->level[digit[i]];
    }
    ((int32_t *)o->pop)[row] = pop;
    *given = use->off * sum;
}

/* What is given with every row, and what is known of it. */
static void finish_rows(struct xo_rows *o, const struct xo_use *use)
{
    double *given = (double *)o->given;
    float *single = (float *)(given + o->room + XO_ROWS_AT_ONCE);
    size_t streams = o->d.streams;
    if (use->off == 0)
        return;
    for (size_t row = 0; row < o->d.rows; row++) {
        o->known[row] = use->popcount ? use->off * o->pop[row] : 0;
        o->known_single[row] = (float)o->known[row];
        single[row] = (float)given[row];
    }
    for (size_t row = 0; row < o->d.rows; row++) {
        double w = use->stream[row % streams].weight;
        double before = row % streams ? o->known_sum[row / streams] : 0;
        o->known_sum[row / streams] = before + (streams > 1 ? w : 1) * o->known[row];
    }
    o->d.given = use->circuit ? NULL : single;
}

static void volts_of(struct xo_rows *o, const struct xo_use *use, size_t row, const uint16_t *digit)
{
    float *volt = (float *)o->d.volt + row * o->d.inputs;
    for (size_t i = 0; i < o->d.inputs; i++)
        volt[i] = use->level_single[digit[i]];
}

/* Where each stream's bits are in the patches of the first position; false: some do not lie within a byte. */
static bool find_bits(struct xo_digit_bits *bits, const struct xo_array_layer *l, const struct xo_use *use,
                      const struct xo_patches *p, size_t first)
{
    for (size_t t = 0; t < use->streams; t++) {
        const struct xo_stream *s = &use->stream[t];
        size_t plane = 0;
        while (l->plane[plane].sign != s->sign || l->plane[plane].byte != s->shift / 8)
            plane++;
        bits[t] = (struct xo_digit_bits){ p->byte + plane * p->plane + first, s->shift % 8, s->bits };
        if (s->shift % 8 + s->bits > 8)
            return false;
    }
    return true;
}

int xo_rows_of(struct xo_rows *out, struct xo_engine_thread *t, const struct xo_array_layer *l,
               const struct xo_use *use, const struct xo_row_block *r, size_t first_input, const struct xo_patches *p,
               bool with_digits)
{
    struct xo_rows o;
    struct xo_digit_bits bits[XO_MAX_STREAMS];
    bool counts = use->off > 0 || l->layout.offset != 0;
    bool quick = find_bits(bits, l, use, p, first_input + r->first) && (use->bits || use->ideal);
    bool digits = with_digits || !quick || (counts && !use->bits) || xo_needs_digits(use);
    int status = rows_new(&o, t, use, r, p->count * use->streams, use->streams, digits);
    if (status)
        return status;
    uint8_t *packed = (uint8_t *)o.d.packed;
    float *volt = (float *)o.d.volt;
    for (size_t position = 0; position < p->count && quick; position++) {
        if (use->bits)
            t->engine->kernels->pack(bits, use->streams, r->inputs, use->bits, packed, o.d.row_bytes);
        else
            t->engine->kernels->widen(bits, use->streams, r->inputs, volt);
        packed += use->streams * o.d.row_bytes;
        volt += use->streams * r->inputs;
        for (size_t k = 0; k < use->streams; k++)
            bits[k].byte += p->stride;
    }
    for (size_t row = 0; row < o.d.rows && (digits || counts); row++) {
        uint16_t *digit = (uint16_t *)o.digit + row * r->inputs;
        if (digits)
            xo_unpack_digits(digit, l, &use->stream[row % use->streams], p, row / use->streams,
                             first_input + r->first, r->inputs);
        if (!quick)
            volts_of(&o, use, row, digit);
        if (counts && use->bits)
            count_packed(&o, use, row, (double *)o.given + row);
        else if (counts)
            count_digits(&o, use, row, digit, (double *)o.given + row);
    }
    finish_rows(&o, use);
    status = use->ladder ? xo_list_active(&o, t, use) : 0;
    *out = o;
    return status;
}

int xo_rows_of_digits(struct xo_rows *out, struct xo_engine_thread *t, const struct xo_array_layer *l,
                      const struct xo_use *use, const struct xo_row_block *r, size_t rows, const uint16_t *digit)
{
    struct xo_rows o;
    int status = rows_new(&o, t, use, r, rows, 1, true);
    (void)l;
    if (status)
        return status;
    memcpy((uint16_t *)o.digit, digit, rows * r->inputs * sizeof *digit);
    for (size_t row = 0; row < rows; row++) {
        const uint16_t *from = digit + row * r->inputs;
        uint8_t *packed = (uint8_t *)o.d.packed + row * o.d.row_bytes;
        if (use->bits) {
            memset(packed, 0, o.d.row_bytes);
            for (size_t i = 0; i < r->inputs; i++)
                packed[i * (size_t)use->bits / 8] |= (uint8_t)(from[i] << i * (size_t)use->bits % 8);
        } else {
            volts_of(&o, use, row, from);
        }
        count_digits(&o, use, row, from, (double *)o.given + row);
    }
    finish_rows(&o, use);
    status = use->ladder ? xo_list_active(&o, t, use) : 0;
    *out = o;
    return status;
}
