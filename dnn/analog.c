/* Layers without converters: an input is one voltage as it is, neither quantised nor clipped, a column's current is
 * taken as it is, and decoding counts in float64.  Arrays, gains and what they mean are those of the circuit stage,
 * whose strips are multiplied by.  In units of a weight level and of an input level, s_x of the calibrated range (so
 * that a whole input range is read_volt):
 *     sum over the columns of an output   weight  x  (gain current - what decoding knows of the off-current)
 * less 2^(b_w-1) sum x where sign: offset stores that much too much.  No DAC, so no offset, INL or noise of one.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <string.h>
#include "engine_private.h"

/* ---- which arrays ----------------------------------------------------------------------------------- */

static bool adds_current(const struct xo_crossbar *x)
{
    bool adds = !x->sense_volt.each && x->sense_volt.all != 0;
    for (size_t j = 0; x->sense_volt.each && j < x->columns; j++)
        adds |= x->sense_volt.each[j] != 0;
    for (size_t i = 0; x->word_line && i < x->rows; i++)
        adds |= x->word_line[i].state == XO_LINE_HELD && x->word_line[i].hold_volt != 0;
    for (size_t j = 0; x->bit_line && j < x->columns; j++)
        adds |= x->bit_line[j].state == XO_LINE_HELD && x->bit_line[j].hold_volt != 0;
    return adds;
}

int xo_check_linear(const struct xo_hardware *h, const char *layer, struct xo_info *info)
{
    if (xo_is_nonlinear(&h->array))
        return xo_fail(info, XO_EUNSUPPORTED, "layer %s: nonlinear cells multiply by no matrix; expected ohmic ones",
                       layer);
    if (h->array.input == XO_INPUT_GATE)
        return xo_fail(info, XO_EUNSUPPORTED, "layer %s: inputs on gates multiply by no matrix; expected them as "
                       "voltages of lines", layer);
    if (adds_current(&h->array))
        return xo_fail(info, XO_EUNSUPPORTED, "layer %s: held lines or sense voltages add currents of their own; "
                       "expected driven inputs only", layer);
    return 0;
}

/* ---- inputs ----------------------------------------------------------------------------------------- */

struct analog {
    struct xo_engine_thread *t;
    const struct xo_array_layer *l;
    struct xo_window window;
    size_t images, positions, inputs;  /* positions of an image; inputs of all groups              */
    const double *x;                   /* [images][channels][height][width] in levels              */
    double *patch;                     /* [XO_CHUNK][inputs] order channel, kernel row, kernel column */
};

/* x/s_x; of a model with its own integers those, from 0. */
static void levels_of(double *level, const struct xo_array_layer *l, const struct xo_tensor *input, size_t count)
{
    const double scale = (double)l->input.scale;
    for (size_t k = 0; k < count; k++)
        level[k] = input->type == XO_U8 ? ((const uint8_t *)input->data)[k]
                 : input->type == XO_I8 ? ((const int8_t *)input->data)[k] + 128
                                        : (double)((const float *)input->data)[k] / scale;
}

static int analog_open(struct analog *a, struct xo_engine_thread *t, const struct xo_array_layer *l,
                       const struct xo_tensor *input, struct xo_info *info)
{
    size_t count = xo_tensor_count(input);
    *a = (struct analog){ .t = t, .l = l };
    int status = xo_window_of(&a->window, &a->images, t, l, input, info);
    if (status)
        return status;
    a->positions = a->window.out_height * a->window.out_width;
    a->inputs = a->window.channels * a->window.kernel[0] * a->window.kernel[1];
    double *level = xo_room(t, XO_BUFFER_VOLT, count, sizeof *level);
    a->patch = xo_room(t, XO_BUFFER_PATCH, XO_CHUNK * a->inputs, sizeof *a->patch);
    if (!level || !a->patch)
        return ENOMEM;
    levels_of(level, l, input, count);
    a->x = level;
    return 0;
}

/* What the window sees at a position, counted over all images. */
static void take_patch(double *patch, const struct analog *a, size_t position)
{
    const struct xo_window *w = &a->window;
    size_t at = position % a->positions, top = at / w->out_width * w->stride[0] - w->pad[0];
    size_t left = at % w->out_width * w->stride[1] - w->pad[1];
    const double *image = a->x + position / a->positions * w->channels * w->height * w->width;
    const double pad = xo_pad_value(a->l);
    for (size_t c = 0; c < w->channels; c++, image += w->height * w->width)
        for (size_t ky = 0; ky < w->kernel[0]; ky++)
            for (size_t kx = 0; kx < w->kernel[1]; kx++) {
                size_t y = top + ky * w->dilation[0], x = left + kx * w->dilation[1];     /* above and left: huge */
                *patch++ = y < w->height && x < w->width ? image[y * w->width + x] : pad;
            }
}

/* ---- sums ------------------------------------------------------------------------------------------- */

/* Rows of arrays that see the same inputs, at some positions. */
struct rows {
    const struct analog *a;
    const struct xo_use *use;
    const struct xo_row_block *r;
    size_t positions;
    const double *x;                   /* [positions][a->inputs], from the rows' first input on    */
    double *sum;                       /* [positions] of x over the rows                           */
    double *known;                     /* [references or 1][positions] off-current as decoding knows it */
    double *current;                   /* [positions][XO_STRIP]                                    */
};

/* Currents of a strip; the off-current of ideal arrays is not in their digits. */
static void multiply(const struct rows *o, const struct xo_strip *s)
{
    o->a->t->engine->kernels->weigh(o->x, o->a->inputs, o->positions, o->r->inputs, s->b, o->current);
    if (o->use->off > 0 && !o->use->circuit)
        for (size_t k = 0; k < o->positions * XO_STRIP; k++)
            o->current[k] += o->use->off * o->sum[k / XO_STRIP];
}

static int rows_open(struct rows *o, const struct analog *a, const struct xo_use *use, const struct xo_row_block *r,
                     size_t first_input, size_t positions)
{
    size_t references = r->references ? r->references * XO_STRIP : 1;
    *o = (struct rows){ a, use, r, positions, a->patch + first_input + r->first,
                        xo_room(a->t, XO_BUFFER_SUM, positions, sizeof *o->sum),
                        xo_room(a->t, XO_BUFFER_KNOWN, positions, references * sizeof *o->known),
                        xo_room(a->t, XO_BUFFER_CURRENT, positions, XO_STRIP * sizeof *o->current) };
    if (!o->sum || !o->known || !o->current)
        return ENOMEM;
    for (size_t n = 0; n < positions; n++) {
        o->sum[n] = 0;
        for (size_t i = 0; i < r->inputs; i++)
            o->sum[n] += o->x[n * a->inputs + i];
        o->known[n] = use->popcount ? use->off * o->sum[n] : 0;
    }
    for (size_t k = 0; k < r->references; k++) {
        multiply(o, &r->reference[k]);
        for (size_t n = 0; n < positions * XO_STRIP; n++)
            o->known[(k * XO_STRIP + n % XO_STRIP) * positions + n / XO_STRIP] =
                r->reference[k].lane[n % XO_STRIP].gain * o->current[n];
    }
    return 0;
}

/* What a half's columns decode to; exact integers have no lanes, and so no gain. */
static void add_half(double *total, size_t stride, const struct rows *o, const struct xo_strip *s, size_t half)
{
    const struct xo_half *h = &s->half[half];
    const double *known = o->known + (h->reference == XO_NONE ? 0 : h->reference) * o->positions;
    const double weight = ldexp(h->weight.negative ? -1 : 1, h->weight.shift);
    for (size_t n = 0; n < o->positions; n++)
        for (size_t j = 0; j < h->count; j++) {
            double gain = s->lane ? s->lane[half * XO_HALF + j].gain : 1;
            double current = o->current[n * XO_STRIP + half * XO_HALF + j];
            total[n * stride + h->first + j] += weight * (gain * current - known[n]);
        }
}

static void take_offset(double *total, size_t stride, const struct rows *o)
{
    for (size_t n = 0; n < o->positions; n++)
        for (size_t k = 0; k < o->r->spans; k++)
            for (size_t j = 0; j < o->r->used[k].count; j++)
                total[n * stride + o->r->used[k].first + j] -= o->a->l->layout.offset * o->sum[n];
}

/* The zeros of a model's own integers. */
static void shift_zeros(double *total, size_t stride, const struct analog *a, const struct xo_code_matrix *m,
                        size_t positions)
{
    for (size_t n = 0; n < positions; n++)
        for (size_t block = 0; block * m->block_inputs < m->inputs; block++) {
            const double *x = a->patch + n * a->inputs + m->first_input + block * m->block_inputs;
            double inputs = 0;
            for (size_t i = 0; i < m->block_inputs; i++)
                inputs += x[i];
            xo_shift_zeros(total + n * stride, a->l, m, block, inputs);
        }
}

/* total [positions][bank stride] */
static int evaluate(double *total, const struct analog *a, const struct xo_use *use, size_t matrix, size_t positions)
{
    const struct xo_bank *bank = &use->bank[matrix];
    int status = 0;
    memset(total, 0, positions * bank->stride * sizeof *total);
    for (size_t k = 0; k < bank->rows && !status; k++) {
        const struct xo_row_block *r = &bank->row[k];
        struct rows o;
        status = rows_open(&o, a, use, r, bank->matrix->first_input, positions);
        for (size_t n = 0; n < r->strips && !status; n++) {
            multiply(&o, &r->strip[n]);
            add_half(total, bank->stride, &o, &r->strip[n], 0);
            add_half(total, bank->stride, &o, &r->strip[n], 1);
        }
        if (!status && use != &a->l->exact && a->l->layout.offset != 0)
            take_offset(total, bank->stride, &o);
    }
    if (!status && a->l->layer->has_integers)
        shift_zeros(total, bank->stride, a, bank->matrix, positions);
    return status;
}

static int run_matrix(const struct analog *a, size_t matrix, size_t first, size_t positions, float *y)
{
    const struct xo_place where = { first, a->positions, a->t->first_image, XO_SCORED };
    size_t stride = a->l->array.bank[matrix].stride;
    double *total = xo_room(a->t, XO_BUFFER_TOTAL, positions, stride * sizeof *total);
    int status = total ? evaluate(total, a, &a->l->array, matrix, positions) : ENOMEM;
    if (status)
        return status;
    xo_scale_sums(y, a->l, matrix, &where, positions, total);
    if (!xo_has_sample(&where, positions))
        return 0;
    double *exact = xo_room(a->t, XO_BUFFER_EXACT, positions, stride * sizeof *exact);
    status = exact ? evaluate(exact, a, &a->l->exact, matrix, positions) : ENOMEM;
    if (!status)
        xo_compare_sums(&a->t->count[a->l->number], &where, total, exact, positions, &a->l->array.bank[matrix]);
    return status;
}

int xo_run_analog(struct xo_engine_thread *t, const struct xo_array_layer *l, const struct xo_tensor *input,
                  struct xo_tensor *output, struct xo_info *info)
{
    struct analog a;
    int status = analog_open(&a, t, l, input, info);
    size_t all = status ? 0 : a.images * a.positions;
    for (size_t first = 0; first < all && !status; first += XO_CHUNK) {
        size_t positions = all - first < XO_CHUNK ? all - first : XO_CHUNK;
        for (size_t n = 0; n < positions; n++)
            take_patch(a.patch + n * a.inputs, &a, first + n);
        for (size_t m = 0; m < l->codes.matrices && !status; m++)
            status = run_matrix(&a, m, first, positions, output->data);
    }
    return status;
}
