/* QuantizeLinear and DequantizeLinear: per tensor or per channel, to and from 8 bits (and from the 32 bits of a bias).
 *     y = saturate(round(x / scale) + zero), round half to even;      x = (y - zero) scale
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "operator.h"

/* Which scale belongs to which element: [outer][channels][inner]; channels 1: one for all. */
struct channels {
    size_t outer, channels, inner;
};

static int channels_of(const struct xo_call *c, struct channels *out)
{
    const struct xo_tensor *x = c->in[0], *scale = c->in[1], *zero = xo_in(c, 2);
    size_t axis;
    int status = 0;
    *out = (struct channels){ 1, 1, xo_tensor_count(x) };
    if (xo_tensor_count(scale) != 1) {
        status = xo_axis(c, xo_attribute_int(c->n, "axis", 1), x->dimensions, &axis);
        if (!status && (scale->dimensions != 1 || scale->shape[0] != x->shape[axis]))
            status = xo_call_fail(c, XO_ESHAPE, "%zu scales for %zu channels on axis %zu; expected one, or one per channel",
                                  xo_tensor_count(scale), x->shape[axis], axis);
        if (!status)
            *out = (struct channels){ xo_product(x->shape, 0, axis), x->shape[axis],
                                      xo_product(x->shape, axis + 1, x->dimensions) };
    }
    if (!status && zero && xo_tensor_count(zero) != xo_tensor_count(scale))
        status = xo_call_fail(c, XO_ESHAPE, "%zu zero points for %zu scales; expected as many", xo_tensor_count(zero),
                              xo_tensor_count(scale));
    return status;
}

int xo_infer_quantise(struct xo_call *c)
{
    const struct xo_tensor *zero = xo_in(c, 2);
    enum xo_dtype type = zero ? zero->type : XO_U8;
    struct channels ch;
    int status = xo_want_float(c, 0);
    if (!status)
        status = xo_want_float(c, 1);
    if (!status && type != XO_U8)
        status = xo_want_type(c, 2, XO_I8);
    if (!status)
        status = channels_of(c, &ch);
    return status ? status : xo_out(c, 0, type, c->in[0]->dimensions, c->in[0]->shape);
}

static int zero_at(const struct xo_tensor *zero, size_t k)
{
    if (!zero)
        return 0;
    if (zero->type == XO_I32)
        return ((const int32_t *)zero->data)[k];
    return zero->type == XO_I8 ? ((const int8_t *)zero->data)[k] : ((const uint8_t *)zero->data)[k];
}

/* Clamped, then rounded: the bounds are whole, so the order does not matter, and NaN becomes the lower one.  Half to even, by
 * adding and taking away 1.5 2^23. */
static int rounded(float x, float low, float high)
{
    const float shift = 0x1.8p23f;
    x = x > low ? x : low;
    x = x > high ? high : x;
    return (int)((x + shift) - shift);
}

static void quantise_u8(uint8_t *y, const float *x, size_t count, float scale, int zero)
{
    const float low = (float)(0 - zero), high = (float)(255 - zero);
#pragma omp simd
    for (size_t k = 0; k < count; k++)
        y[k] = (uint8_t)(rounded(x[k] / scale, low, high) + zero);
}

static void quantise_i8(int8_t *y, const float *x, size_t count, float scale, int zero)
{
    const float low = (float)(-128 - zero), high = (float)(127 - zero);
#pragma omp simd
    for (size_t k = 0; k < count; k++)
        y[k] = (int8_t)(rounded(x[k] / scale, low, high) + zero);
}

int xo_run_quantise(struct xo_call *c)
{
    const struct xo_tensor *zero = xo_in(c, 2);
    const float *x = c->in[0]->data, *scale = c->in[1]->data;
    struct channels ch;
    int status = channels_of(c, &ch);
    if (status)
        return status;
    for (size_t block = 0; block < ch.outer * ch.channels; block++) {
        size_t k = block % ch.channels, from = block * ch.inner;
        if (c->out[0]->type == XO_U8)
            quantise_u8((uint8_t *)c->out[0]->data + from, x + from, ch.inner, scale[k], zero_at(zero, k));
        else
            quantise_i8((int8_t *)c->out[0]->data + from, x + from, ch.inner, scale[k], zero_at(zero, k));
    }
    return 0;
}

int xo_infer_dequantise(struct xo_call *c)
{
    enum xo_dtype type = c->in[0]->type;
    const struct xo_tensor *zero = xo_in(c, 2);
    struct channels ch;
    int status = xo_want_float(c, 1);
    if (!status && type != XO_U8 && type != XO_I8)
        status = xo_want_type(c, 0, XO_I32);
    if (!status && zero)
        status = xo_want_type(c, 2, type);
    if (!status)
        status = channels_of(c, &ch);
    return status ? status : xo_out(c, 0, XO_F32, c->in[0]->dimensions, c->in[0]->shape);
}

static void dequantise(float *y, const struct xo_tensor *x, size_t from, size_t count, float scale, int zero)
{
    const uint8_t *u = (const uint8_t *)x->data + from;
    const int8_t *i = (const int8_t *)x->data + from;
    if (x->type == XO_U8)
#pragma omp simd
        for (size_t k = 0; k < count; k++)
            y[from + k] = (float)(u[k] - zero) * scale;
    else if (x->type == XO_I8)
#pragma omp simd
        for (size_t k = 0; k < count; k++)
            y[from + k] = (float)(i[k] - zero) * scale;
    else
        for (size_t k = from; k < from + count; k++)
            y[k] = (float)((int64_t)((const int32_t *)x->data)[k] - zero) * scale;
}

int xo_run_dequantise(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0], *zero = xo_in(c, 2);
    struct channels ch;
    int status = channels_of(c, &ch);
    if (status)
        return status;
    for (size_t block = 0; block < ch.outer * ch.channels; block++)
        dequantise(c->out[0]->data, x, block * ch.inner, ch.inner,
                   ((const float *)c->in[1]->data)[block % ch.channels], zero_at(zero, block % ch.channels));
    return 0;
}
