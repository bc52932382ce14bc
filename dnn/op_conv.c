/* Conv: one or two axes, groups, strides, dilations, any padding.  oneDNN's work; quantised models' on their integers.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include "exact.h"
#include "memory.h"
#include "onednn.h"
#include "operator.h"

static int types(const struct xo_call *c)
{
    int status = 0;
    for (size_t k = 0; !status && k < c->n->inputs; k++)
        if (c->in[k])
            status = xo_want_float(c, k);
    return status;
}

static size_t groups_of(const struct xo_call *c)
{
    int64_t groups = xo_attribute_int(c->n, "group", 1);
    return groups > 0 ? (size_t)groups : 0;
}

static int channels(const struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0], *w = c->in[1], *bias = xo_in(c, 2);
    size_t groups = groups_of(c);
    if (w->dimensions != x->dimensions)
        return xo_call_fail(c, XO_ESHAPE, "weights of %zu dimensions for an input of %zu; expected as many",
                            w->dimensions, x->dimensions);
    if (!groups || x->shape[1] != w->shape[1] * groups || w->shape[0] % groups)
        return xo_call_fail(c, XO_ESHAPE, "%zu channels, weights for %zu in each of %zu groups, %zu results; expected "
                            "channels = groups x %zu, results a multiple of groups", x->shape[1], w->shape[1], groups,
                            w->shape[0], w->shape[1]);
    if (bias && (bias->dimensions != 1 || bias->shape[0] != w->shape[0]))
        return xo_call_fail(c, XO_ESHAPE, "a bias of %zu numbers for %zu channels; expected one each",
                            xo_tensor_count(bias), w->shape[0]);
    return xo_tensor_count(w) && xo_tensor_count(x) ? 0
        : xo_call_fail(c, XO_ESHAPE, "an empty input or empty weights; expected numbers");
}

int xo_infer_conv(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0], *w = c->in[1];
    struct xo_sliding s;
    int status = types(c);
    if (!status && (x->dimensions < 3 || x->dimensions > 4))
        status = xo_call_fail(c, XO_EUNSUPPORTED, "an input of %zu dimensions; expected 3 or 4", x->dimensions);
    if (!status)
        status = channels(c);
    if (!status)
        status = xo_sliding_of(c, w->shape + 2, &s);
    if (status)
        return status;
    return xo_out(c, 0, XO_F32, x->dimensions,
                  (size_t[]){ x->shape[0], w->shape[0], s.axes == 1 ? s.out[1] : s.out[0], s.out[1] });
}

/* Row-major, any order for oneDNN to choose. */
static int any_order(dnnl_memory_desc_t *out, const dnnl_memory_desc_t *plain)
{
    return xo_onednn_status(dnnl_memory_desc_init_by_tag(out, plain->ndims, plain->dims, dnnl_f32, dnnl_format_tag_any));
}

struct descriptions {
    dnnl_memory_desc_t source, weight, bias, result;       /* plain */
    dnnl_memory_desc_t any_source, any_weight, any_result;
    dnnl_convolution_desc_t convolution;
};

/* Weights with groups have one axis more: (groups, results, channels, rows, columns). */
static int describe_tensors(const struct xo_call *c, struct descriptions *d)
{
    const struct xo_tensor *w = c->in[1];
    size_t groups = groups_of(c), shape[XO_MAX_RANK + 1], rank = 0;
    int status = xo_onednn_plain(&d->source, c->in[0]->dimensions, c->in[0]->shape);
    if (groups > 1)
        shape[rank++] = groups;
    shape[rank++] = w->shape[0] / groups;
    for (size_t k = 1; k < w->dimensions; k++)
        shape[rank++] = w->shape[k];
    if (!status)
        status = xo_onednn_plain(&d->weight, rank, shape);
    if (!status)
        status = xo_onednn_plain(&d->result, c->out[0]->dimensions, c->out[0]->shape);
    if (!status)
        status = xo_onednn_plain(&d->bias, 1, &w->shape[0]);
    if (!status)
        status = any_order(&d->any_source, &d->source);
    if (!status)
        status = any_order(&d->any_weight, &d->weight);
    return status ? status : any_order(&d->any_result, &d->result);
}

static int describe(const struct xo_call *c, struct descriptions *d, bool biased)
{
    struct xo_sliding s;
    dnnl_dims_t stride, dilation, before, after;
    int status = xo_sliding_of(c, c->in[1]->shape + 2, &s);
    for (size_t k = 0; !status && k < s.axes; k++) {
        size_t from = 2 - s.axes + k;
        stride[k] = (int64_t)s.stride[from];
        dilation[k] = (int64_t)s.dilation[from] - 1;
        before[k] = (int64_t)s.before[from];
        after[k] = (int64_t)((s.out[from] - 1) * s.stride[from] + (s.kernel[from] - 1) * s.dilation[from] + 1)
                   - (int64_t)(s.in[from] + s.before[from]);
    }
    if (!status)
        status = xo_onednn_status(dnnl_dilated_convolution_forward_desc_init(&d->convolution, dnnl_forward_inference,
            dnnl_convolution_direct, &d->any_source, &d->any_weight, biased ? &d->bias : NULL, &d->any_result, stride,
            dilation, before, after));
    return status;
}

struct convolution {
    struct xo_primitive *primitive;
    struct xo_exact *exact;            /* NULL: floats */
};

static int prepare(struct convolution *v, const struct xo_call *c)
{
    struct descriptions d;
    int status = xo_exact_new(&v->exact, c, 0);
    bool biased = xo_in(c, 2) && !v->exact;
    if (!status)
        status = describe_tensors(c, &d);
    if (!status)
        status = describe(c, &d, biased);
    return status ? status : xo_onednn_make(&v->primitive, c->onednn, &(struct xo_primitive_parts){
        .description = &d.convolution, .source = &d.source, .result = &d.result, .weight = &d.weight,
        .bias = biased ? &d.bias : NULL, .weight_data = v->exact ? v->exact->weight : c->in[1]->data });
}

int xo_prepare_conv(struct xo_call *c)
{
    struct convolution *v = xo_calloc(1, sizeof *v);
    int status = v ? prepare(v, c) : ENOMEM;
    c->state = v;
    return status;
}

void xo_release_conv(void *state)
{
    struct convolution *v = state;
    xo_onednn_release(v->primitive);
    xo_exact_free(v->exact);
    free(v);
}

int xo_run_conv(struct xo_call *c)
{
    struct convolution *v = c->state;
    const struct xo_tensor *y = c->out[0], *given = xo_in(c, 2);
    const float *bias = given ? given->data : NULL;
    int status;
    if (!v->exact)
        return xo_onednn_run(c->onednn, v->primitive, c->in[0]->data, c->in[1]->data, bias, y->data);
    status = xo_onednn_run(c->onednn, v->primitive, xo_exact_input(v->exact, c), NULL, NULL, y->data);
    xo_exact_scale(v->exact, y->data, y->shape[0], xo_product(y->shape, 2, y->dimensions), bias);
    return status;
}
