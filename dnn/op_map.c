/* Element by element, one input: activations and elementary functions; Clip; PRelu.
 * oneDNN computes what needs an exponential, plain loops the rest; also logarithms, which oneDNN computes to 1e-6 only.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <float.h>
#include <math.h>
#include "onednn.h"
#include "operator.h"

static float leaky_relu(float x, float alpha, float beta) { (void)beta; return x < 0 ? alpha * x : x; }
static float hard_sigmoid(float x, float alpha, float beta) { return fmaxf(0, fminf(1, alpha * x + beta)); }
static float hard_swish(float x, float alpha, float beta) { return x * hard_sigmoid(x, alpha, beta); }
static float error_function(float x, float alpha, float beta) { (void)alpha, (void)beta; return erff(x); }
static float gelu(float x, float alpha, float beta) { return 0.5f * x * (1 + erff(x * alpha)) + beta; }
static float logarithm(float x, float alpha, float beta) { (void)alpha, (void)beta; return logf(x); }
static float softplus(float x, float alpha, float beta)
{
    (void)alpha, (void)beta;
    return x > 0 ? x + log1pf(expf(-x)) : log1pf(expf(x));
}
static float negative(float x, float alpha, float beta) { (void)alpha, (void)beta; return -x; }
static float magnitude(float x, float alpha, float beta) { (void)alpha, (void)beta; return fabsf(x); }
static float root(float x, float alpha, float beta) { (void)alpha, (void)beta; return sqrtf(x); }
static float reciprocal(float x, float alpha, float beta) { (void)alpha, (void)beta; return 1 / x; }
static float down(float x, float alpha, float beta) { (void)alpha, (void)beta; return floorf(x); }
static float up(float x, float alpha, float beta) { (void)alpha, (void)beta; return ceilf(x); }

/* The function, or oneDNN's; attributes alpha and beta with their defaults. */
static const struct {
    float (*function)(float x, float alpha, float beta);
    dnnl_alg_kind_t onednn;
    float alpha, beta;
} maps[] = {
    [XO_RELU] =         { NULL, dnnl_eltwise_relu, 0, 0 },
    [XO_LEAKY_RELU] =   { leaky_relu, dnnl_alg_kind_undef, 0.01f, 0 },
    [XO_ELU] =          { NULL, dnnl_eltwise_elu, 1, 0 },
    [XO_HARD_SIGMOID] = { hard_sigmoid, dnnl_alg_kind_undef, 0.2f, 0.5f },
    [XO_HARD_SWISH] =   { hard_swish, dnnl_alg_kind_undef, 1.0f / 6, 0.5f },
    [XO_SIGMOID] =      { NULL, dnnl_eltwise_logistic, 0, 0 },
    [XO_TANH] =         { NULL, dnnl_eltwise_tanh, 0, 0 },
    [XO_ERF] =          { error_function, dnnl_alg_kind_undef, 0, 0 },
    [XO_GELU] =         { gelu, dnnl_alg_kind_undef, 0.70710678f, 0 },
    [XO_SOFTPLUS] =     { softplus, dnnl_alg_kind_undef, 0, 0 },
    [XO_EXP] =          { NULL, dnnl_eltwise_exp, 0, 0 },
    [XO_LOG] =          { logarithm, dnnl_alg_kind_undef, 0, 0 },
    [XO_NEG] =          { negative, dnnl_alg_kind_undef, 0, 0 },
    [XO_ABS] =          { magnitude, dnnl_alg_kind_undef, 0, 0 },
    [XO_SQRT] =         { root, dnnl_alg_kind_undef, 0, 0 },
    [XO_RECIPROCAL] =   { reciprocal, dnnl_alg_kind_undef, 0, 0 },
    [XO_FLOOR] =        { down, dnnl_alg_kind_undef, 0, 0 },
    [XO_CEIL] =         { up, dnnl_alg_kind_undef, 0, 0 },
    [XO_NOT] =          { NULL, dnnl_alg_kind_undef, 0, 0 },
};

/* Shape code negates integers; Not takes truth. */
int xo_infer_map(struct xo_call *c)
{
    enum xo_dtype type = c->in[0]->type;
    bool whole = (type == XO_I64 || type == XO_I32) && (c->op->which == XO_NEG || c->op->which == XO_ABS);
    int status = whole ? 0 : xo_want_type(c, 0, c->op->which == XO_NOT ? XO_BOOL : XO_F32);
    return status ? status : xo_out_like(c, 0, c->in[0]);
}

int xo_prepare_map(struct xo_call *c)
{
    size_t count = xo_tensor_count(c->in[0]);
    dnnl_memory_desc_t flat;
    dnnl_eltwise_desc_t description;
    int status;
    if (maps[c->op->which].onednn == dnnl_alg_kind_undef || !count)
        return 0;
    status = xo_onednn_plain(&flat, 1, &count);
    if (!status)
        status = xo_onednn_status(dnnl_eltwise_forward_desc_init(&description, dnnl_forward_inference,
            maps[c->op->which].onednn, &flat, xo_attribute_float(c->n, "alpha", maps[c->op->which].alpha), 0));
    if (!status)
        status = xo_onednn_make((struct xo_primitive **)&c->state, c->onednn, &(struct xo_primitive_parts){
            .description = &description, .source = &flat, .result = &flat });
    return status;
}

static void map_integers(const struct xo_call *c)
{
    size_t count = xo_tensor_count(c->in[0]);
    for (size_t k = 0; k < count; k++)
        if (c->in[0]->type == XO_I64) {
            int64_t x = ((const int64_t *)c->in[0]->data)[k];
            ((int64_t *)c->out[0]->data)[k] = c->op->which == XO_ABS && x >= 0 ? x : (int64_t)(0 - (uint64_t)x);
        } else if (c->in[0]->type == XO_I32) {
            int32_t x = ((const int32_t *)c->in[0]->data)[k];
            ((int32_t *)c->out[0]->data)[k] = c->op->which == XO_ABS && x >= 0 ? x : (int32_t)(0 - (uint32_t)x);
        } else
            ((uint8_t *)c->out[0]->data)[k] = !((const uint8_t *)c->in[0]->data)[k];
}

int xo_run_map(struct xo_call *c)
{
    float alpha = xo_attribute_float(c->n, "alpha", maps[c->op->which].alpha);
    float beta = xo_attribute_float(c->n, "beta", maps[c->op->which].beta);
    const float *x = c->in[0]->data;
    float *y = c->out[0]->data;
    size_t count = xo_tensor_count(c->in[0]);
    if (c->in[0]->type != XO_F32)
        map_integers(c);
    else if (c->state)
        return xo_onednn_run(c->onednn, c->state, x, NULL, NULL, y);
    else
        for (size_t k = 0; k < count; k++)
            y[k] = maps[c->op->which].function(x[k], alpha, beta);
    return 0;
}

/* Bounds: attributes before opset 11, then inputs. */
int xo_infer_clip(struct xo_call *c)
{
    int status = xo_want_float(c, 0);
    for (size_t k = 1; !status && k < 3; k++) {
        const struct xo_tensor *bound = xo_in(c, k);
        if (bound && (bound->type != XO_F32 || xo_tensor_count(bound) != 1))
            status = xo_call_fail(c, XO_ESHAPE, "bound %zu is %s, %zu numbers; expected one float32", k,
                                  xo_dtype_name(bound->type), xo_tensor_count(bound));
    }
    return status ? status : xo_out_like(c, 0, c->in[0]);
}

static float bound_of(const struct xo_call *c, size_t k, const char *attribute, float otherwise)
{
    const struct xo_tensor *bound = xo_in(c, k);
    return bound ? *(const float *)bound->data : xo_attribute_float(c->n, attribute, otherwise);
}

int xo_run_clip(struct xo_call *c)
{
    float low = bound_of(c, 1, "min", -FLT_MAX), high = bound_of(c, 2, "max", FLT_MAX);
    const float *x = c->in[0]->data;
    float *y = c->out[0]->data;
    size_t count = xo_tensor_count(c->in[0]);
#pragma omp simd
    for (size_t k = 0; k < count; k++) {
        float raised = x[k] < low ? low : x[k];
        y[k] = raised > high ? high : raised;
    }
    return 0;
}

/* One slope per element, broadcast to the input's shape. */
int xo_infer_prelu(struct xo_call *c)
{
    size_t dimensions = c->in[0]->dimensions, shape[XO_MAX_RANK];
    int status = xo_want_float(c, 0);
    if (!status)
        status = xo_want_float(c, 1);
    for (size_t k = 0; k < dimensions; k++)
        shape[k] = c->in[0]->shape[k];
    if (!status)
        status = xo_broadcast(c, &dimensions, shape, c->in[1]);
    if (!status && xo_product(shape, 0, dimensions) != xo_tensor_count(c->in[0]))
        status = xo_call_fail(c, XO_ESHAPE, "more slopes than inputs; expected slopes that broadcast to the input");
    return status ? status : xo_out_like(c, 0, c->in[0]);
}
