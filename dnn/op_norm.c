/* BatchNormalization, InstanceNormalization, LayerNormalization: y = (x - mean) gamma/sqrt(var + eps) + beta.
 * Softmax and LogSoftmax.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <math.h>
#include "onednn.h"
#include "operator.h"

static int want_floats(const struct xo_call *c, size_t from, size_t to, size_t count)
{
    int status = xo_want_float(c, 0);
    for (size_t k = from; !status && k < to; k++) {
        if (!xo_in(c, k))
            continue;
        status = xo_want_float(c, k);
        if (!status && xo_tensor_count(c->in[k]) != count)
            status = xo_call_fail(c, XO_ESHAPE, "input %zu has %zu numbers; expected %zu", k, xo_tensor_count(c->in[k]),
                                  count);
    }
    return status;
}

int xo_infer_batch_norm(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0];
    int status = 0;
    if (x->dimensions < 2)
        status = xo_call_fail(c, XO_ESHAPE, "an input of %zu dimensions; expected (images, channels, ...)", x->dimensions);
    if (!status && (xo_attribute_int(c->n, "training_mode", 0) || !xo_attribute_int(c->n, "spatial", 1)))
        status = xo_call_fail(c, XO_EUNSUPPORTED, "training_mode 1 or spatial 0; expected inference, one mean per channel");
    for (size_t k = 1; !status && k < c->n->outputs; k++)
        if (c->out[k])
            status = xo_call_fail(c, XO_EUNSUPPORTED, "result %zu, of training; expected one result", k);
    if (!status)
        status = want_floats(c, 1, 5, x->shape[1]);
    return status ? status : xo_out_like(c, 0, x);
}

/* One row of numbers that share mean and factor. */
static void normalise(float *y, const float *x, size_t count, float mean, float factor, float shift)
{
#pragma omp simd
    for (size_t k = 0; k < count; k++)
        y[k] = (x[k] - mean) * factor + shift;
}

int xo_run_batch_norm(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0];
    const float *gamma = c->in[1]->data, *beta = c->in[2]->data, *mean = c->in[3]->data, *variance = c->in[4]->data;
    float epsilon = xo_attribute_float(c->n, "epsilon", 1e-5f);
    size_t channels = x->shape[1], inner = xo_product(x->shape, 2, x->dimensions);
    for (size_t row = 0; row < x->shape[0] * channels; row++) {
        size_t k = row % channels;
        float factor = (float)(gamma[k] / sqrt((double)variance[k] + (double)epsilon));
        normalise((float *)c->out[0]->data + row * inner, (const float *)x->data + row * inner, inner, mean[k], factor,
                  beta[k]);
    }
    return 0;
}

static double mean_of(const float *x, size_t count)
{
    double sum = 0;
    for (size_t k = 0; k < count; k++)
        sum += (double)x[k];
    return sum / (double)count;
}

static double variance_of(const float *x, size_t count, double mean)
{
    double sum = 0;
    for (size_t k = 0; k < count; k++)
        sum += ((double)x[k] - mean) * ((double)x[k] - mean);
    return sum / (double)count;
}

int xo_infer_instance_norm(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0];
    if (x->dimensions < 3 || !xo_tensor_count(x))
        return xo_call_fail(c, XO_ESHAPE, "an input of %zu dimensions, %zu numbers; expected (images, channels, ...)",
                            x->dimensions, xo_tensor_count(x));
    int status = want_floats(c, 1, 3, x->shape[1]);
    return status ? status : xo_out_like(c, 0, x);
}

int xo_run_instance_norm(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0];
    float epsilon = xo_attribute_float(c->n, "epsilon", 1e-5f);
    size_t channels = x->shape[1], inner = xo_product(x->shape, 2, x->dimensions);
    for (size_t row = 0; row < x->shape[0] * channels; row++) {
        const float *from = (const float *)x->data + row * inner;
        double mean = mean_of(from, inner), variance = variance_of(from, inner, mean);
        double factor = (double)((const float *)c->in[1]->data)[row % channels] / sqrt(variance + (double)epsilon);
        normalise((float *)c->out[0]->data + row * inner, from, inner, (float)mean, (float)factor,
                  ((const float *)c->in[2]->data)[row % channels]);
    }
    return 0;
}

/* Over all axes from `axis` on; gamma and beta have their shape. */
int xo_infer_layer_norm(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0];
    size_t axis;
    int status = xo_axis(c, xo_attribute_int(c->n, "axis", -1), x->dimensions, &axis);
    for (size_t k = 1; !status && k < c->n->outputs; k++)
        if (c->out[k])
            status = xo_call_fail(c, XO_EUNSUPPORTED, "result %zu, mean or deviation; expected one result", k);
    if (!status && !xo_tensor_count(x))
        status = xo_call_fail(c, XO_ESHAPE, "an empty input; expected numbers");
    if (!status)
        status = want_floats(c, 1, 3, xo_product(x->shape, axis, x->dimensions));
    return status ? status : xo_out_like(c, 0, x);
}

int xo_run_layer_norm(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0], *shift = xo_in(c, 2);
    const float *gamma = c->in[1]->data, *beta = shift ? shift->data : NULL;
    float epsilon = xo_attribute_float(c->n, "epsilon", 1e-5f);
    size_t axis;
    int status = xo_axis(c, xo_attribute_int(c->n, "axis", -1), x->dimensions, &axis);
    size_t inner = status ? 1 : xo_product(x->shape, axis, x->dimensions), rows = xo_tensor_count(x) / inner;
    for (size_t row = 0; !status && row < rows; row++) {
        const float *from = (const float *)x->data + row * inner;
        float *to = (float *)c->out[0]->data + row * inner;
        double mean = mean_of(from, inner), factor = 1 / sqrt(variance_of(from, inner, mean) + (double)epsilon);
        for (size_t k = 0; k < inner; k++)
            to[k] = (float)(((double)from[k] - mean) * factor) * gamma[k] + (beta ? beta[k] : 0);
    }
    return status;
}

/* (outer, length, inner): softmax along the middle one.  Before opset 13 everything from `axis` on is one row. */
static int softmax_rows(const struct xo_call *c, size_t rows[3])
{
    const struct xo_tensor *x = c->in[0];
    bool flat = c->graph->opset < 13;
    size_t axis;
    int status = xo_axis(c, xo_attribute_int(c->n, "axis", flat ? 1 : -1), x->dimensions, &axis);
    if (status)
        return status;
    rows[0] = xo_product(x->shape, 0, axis);
    rows[1] = flat ? xo_product(x->shape, axis, x->dimensions) : x->shape[axis];
    rows[2] = flat ? 1 : xo_product(x->shape, axis + 1, x->dimensions);
    return 0;
}

int xo_infer_softmax(struct xo_call *c)
{
    size_t rows[3];
    int status = xo_want_float(c, 0);
    if (!status)
        status = softmax_rows(c, rows);
    return status ? status : xo_out_like(c, 0, c->in[0]);
}

int xo_prepare_softmax(struct xo_call *c)
{
    dnnl_alg_kind_t kind = c->op->which ? dnnl_softmax_log : dnnl_softmax_accurate;
    dnnl_memory_desc_t plain;
    dnnl_softmax_v2_desc_t description;
    size_t rows[3];
    int status = softmax_rows(c, rows);
    if (status || !xo_tensor_count(c->in[0]))
        return status;
    status = xo_onednn_plain(&plain, 3, rows);
    if (!status)
        status = xo_onednn_status(dnnl_softmax_v2_forward_desc_init(&description, dnnl_forward_inference, kind, &plain,
                                                                    &plain, 1));
    return status ? status : xo_onednn_make((struct xo_primitive **)&c->state, c->onednn, &(struct xo_primitive_parts){
        .description = &description, .source = &plain, .result = &plain });
}

int xo_run_softmax(struct xo_call *c)
{
    return c->state ? xo_onednn_run(c->onednn, c->state, c->in[0]->data, NULL, NULL, c->out[0]->data) : 0;
}
