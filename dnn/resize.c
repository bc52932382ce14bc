/* Resizing as Pillow's BILINEAR does it, to the last bit: a separable triangle filter, first along rows, then along
 * columns.  An output pixel is the weighted mean of the input pixels within `support` of its centre,
 *     scale = input/output,  support = max(scale, 1),  centre = (k + 1/2) scale,
 *     first = max(0, floor(centre - support + 1/2)),  last = min(input, floor(centre + support + 1/2)),
 *     weight(i) = max(0, 1 - |i + 1/2 - centre|/support), divided by their sum,
 * so reducing averages (antialias) and enlarging interpolates.  Weights are rounded to multiples of 2^-22, and each
 * of the two passes rounds its sums to bytes.  A direction in which the size stays is left alone.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "picture.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include "memory.h"

enum { BITS = 22 };

struct filter {
    size_t taps;                       /* at most so many inputs for an output  */
    size_t *first, *count;             /* [outputs]                             */
    int32_t *weight;                   /* [outputs][taps], in units of 2^-BITS  */
    double *exact;                     /* [taps]                                */
};

static void free_filter(struct filter *f)
{
    free(f->first);
    free(f->count);
    free(f->weight);
    free(f->exact);
}

static void set_weights(struct filter *f, size_t k, double scale, double support, size_t inputs)
{
    double centre = ((double)k + 0.5) * scale, sum = 0;
    double low = floor(centre - support + 0.5), high = floor(centre + support + 0.5);
    size_t first = low < 0 ? 0 : (size_t)low, last = high > (double)inputs ? inputs : (size_t)high;
    for (size_t i = first; i < last; i++) {
        double distance = fabs(((double)i - centre + 0.5) * (1 / support));
        f->exact[i - first] = distance < 1 ? 1 - distance : 0;
        sum += f->exact[i - first];
    }
    for (size_t i = first; i < last; i++)
        f->weight[k * f->taps + i - first] = (int32_t)floor(0.5 + f->exact[i - first] / sum * (1 << BITS));
    f->first[k] = first;
    f->count[k] = last - first;
}

static int make_filter(struct filter *f, size_t inputs, size_t outputs)
{
    double scale = (double)inputs / (double)outputs, support = scale > 1 ? scale : 1;
    memset(f, 0, sizeof *f);
    f->taps = 2 * (size_t)ceil(support) + 1;
    f->first = xo_calloc(outputs, sizeof *f->first);
    f->count = xo_calloc(outputs, sizeof *f->count);
    f->weight = xo_calloc(outputs, f->taps * sizeof *f->weight);
    f->exact = xo_calloc(f->taps, sizeof *f->exact);
    if (!f->first || !f->count || !f->weight || !f->exact)
        return ENOMEM;
    for (size_t k = 0; k < outputs; k++)
        set_weights(f, k, scale, support, inputs);
    return 0;
}

/* One output; the inputs are `step` apart. */
static unsigned char filtered(const struct filter *f, size_t k, const unsigned char *in, size_t step)
{
    const int32_t *weight = f->weight + k * f->taps;
    int64_t sum = (int64_t)1 << (BITS - 1);
    in += f->first[k] * step;
    for (size_t i = 0; i < f->count[k]; i++)
        sum += (int64_t)weight[i] * in[i * step];
    sum >>= BITS;
    return (unsigned char)(sum > 255 ? 255 : sum);
}

static int resize_rows(struct xo_picture *out, const struct xo_picture *in, size_t width)
{
    struct filter f;
    unsigned char *at;
    int status = make_filter(&f, in->width, width);
    if (!status)
        status = xo_picture_new(out, in->channels, in->height, width);
    at = status ? NULL : out->owned;
    for (size_t y = 0; !status && y < in->height; y++)
        for (size_t x = 0; x < width; x++)
            for (size_t c = 0; c < in->channels; c++)
                *at++ = filtered(&f, x, in->byte + c * in->stride[0] + y * in->stride[1], in->stride[2]);
    free_filter(&f);
    return status;
}

static int resize_columns(struct xo_picture *out, const struct xo_picture *in, size_t height)
{
    struct filter f;
    unsigned char *at;
    int status = make_filter(&f, in->height, height);
    if (!status)
        status = xo_picture_new(out, in->channels, height, in->width);
    at = status ? NULL : out->owned;
    for (size_t y = 0; !status && y < height; y++)
        for (size_t x = 0; x < in->width; x++)
            for (size_t c = 0; c < in->channels; c++)
                *at++ = filtered(&f, y, in->byte + c * in->stride[0] + x * in->stride[2], in->stride[1]);
    free_filter(&f);
    return status;
}

int xo_picture_resize(struct xo_picture *out, const struct xo_picture *in, size_t height, size_t width)
{
    struct xo_picture wide = { 0 };
    int status = 0;
    if (width != in->width || height == in->height) {
        status = resize_rows(&wide, in, width);
        if (status || height == in->height) {
            *out = status ? *out : wide;
            return status;
        }
    }
    status = resize_columns(out, wide.byte ? &wide : in, height);
    xo_picture_free(&wide);
    return status;
}
