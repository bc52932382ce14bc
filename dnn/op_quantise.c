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

/* Half to even: adding 1.5 2^23 leaves no bits behind the point.  |x| < 2^22; NaN becomes the lower bound. */
static int round_clamped(float x)
{
    const float most = 1 << 20, shift = 0x1.8p23f;
    x = x > -most ? x : -most;
    x = x < most ? x : most;
    return (int)((x + shift) - shift);
}

static int saturate(int y, int low, int high)
{
    return y < low ? low : y > high ? high : y;
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
        int z = zero_at(zero, block % ch.channels);
        float s = scale[block % ch.channels];
        if (c->out[0]->type == XO_U8)
            for (size_t k = block * ch.inner; k < (block + 1) * ch.inner; k++)
                ((uint8_t *)c->out[0]->data)[k] = (uint8_t)saturate(round_clamped(x[k] / s) + z, 0, 255);
        else
            for (size_t k = block * ch.inner; k < (block + 1) * ch.inner; k++)
                ((int8_t *)c->out[0]->data)[k] = (int8_t)saturate(round_clamped(x[k] / s) + z, -128, 127);
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

int xo_run_dequantise(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0], *zero = xo_in(c, 2);
    float *y = c->out[0]->data;
    struct channels ch;
    int status = channels_of(c, &ch);
    if (status)
        return status;
    for (size_t block = 0; block < ch.outer * ch.channels; block++) {
        int z = zero_at(zero, block % ch.channels);
        float s = ((const float *)c->in[1]->data)[block % ch.channels];
        for (size_t k = block * ch.inner; k < (block + 1) * ch.inner; k++)
            if (x->type == XO_U8)
                y[k] = (float)(((const uint8_t *)x->data)[k] - z) * s;
            else if (x->type == XO_I8)
                y[k] = (float)(((const int8_t *)x->data)[k] - z) * s;
            else
                y[k] = (float)((int64_t)((const int32_t *)x->data)[k] - z) * s;
    }
    return 0;
}
