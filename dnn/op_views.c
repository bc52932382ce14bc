/* The same numbers in another shape: Identity, Dropout, Reshape, Flatten, Squeeze, Unsqueeze.
 * Where a result shares its input's storage there is nothing to copy.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <inttypes.h>
#include <string.h>
#include "operator.h"

static int copy(struct xo_call *c)
{
    size_t nbytes = xo_tensor_count(c->in[0]) * xo_dtype_nbytes(c->in[0]->type);
    if (c->out[0] && c->out[0]->data != c->in[0]->data && nbytes)
        memcpy(c->out[0]->data, c->in[0]->data, nbytes);
    return 0;
}

int xo_infer_same(struct xo_call *c)
{
    return xo_out_like(c, 0, c->in[0]);
}

int xo_run_same(struct xo_call *c)
{
    return copy(c);
}

/* Nothing is dropped when nothing is trained; the mask is all true. */
int xo_infer_dropout(struct xo_call *c)
{
    const struct xo_tensor *training = xo_in(c, 2);
    int status = xo_out_like(c, 0, c->in[0]);
    if (!status && training && (training->type != XO_BOOL || !training->data ||
                                *(const unsigned char *)training->data))
        status = xo_call_fail(c, XO_EUNSUPPORTED, "training_mode is not constant false; expected inference");
    return status ? status : xo_out(c, 1, c->graph->opset < 10 ? c->in[0]->type : XO_BOOL, c->in[0]->dimensions,
                                    c->in[0]->shape);
}

int xo_run_dropout(struct xo_call *c)
{
    struct xo_tensor *mask = c->n->outputs > 1 ? c->out[1] : NULL;
    if (mask && mask->type == XO_BOOL)
        memset(mask->data, 1, xo_tensor_count(mask));
    for (size_t k = 0; mask && mask->type == XO_F32 && k < xo_tensor_count(mask); k++)
        ((float *)mask->data)[k] = 1;
    return copy(c);
}

/* 0 copies the input's dimension (unless allowzero), -1 is what remains. */
int xo_infer_reshape(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0];
    int64_t wanted[XO_MAX_RANK];
    size_t count, shape[XO_MAX_RANK], rest = XO_NONE, known = 1, all = xo_tensor_count(x);
    bool keep_zero = xo_attribute_int(c->n, "allowzero", 0) != 0;
    char text[2][XO_MAX_RANK * 21 + 3];
    int status = xo_integers(c, 1, XO_MAX_RANK, &count, wanted);
    if (status)
        return status;
    for (size_t k = 0; k < count; k++) {
        bool copied = !wanted[k] && !keep_zero;
        if (wanted[k] < -1 || (wanted[k] == -1 && rest != XO_NONE) || (copied && k >= x->dimensions) ||
            wanted[k] > INT32_MAX)
            return xo_call_fail(c, XO_EVALUE, "number %zu of the new shape is %" PRId64 "; expected a length, 0 "
                                "where the input has a dimension, or -1 once", k, wanted[k]);
        shape[k] = copied ? x->shape[k] : wanted[k] == -1 ? 1 : (size_t)wanted[k];
        rest = wanted[k] == -1 ? k : rest;
        known *= shape[k];
        if (known > INT32_MAX)
            return xo_call_fail(c, XO_ESHAPE, "a new shape of more than 2^31 numbers; expected %zu", all);
    }
    if (rest != XO_NONE && known)
        shape[rest] = all / known;
    if (xo_product(shape, 0, count) != all)
        return xo_call_fail(c, XO_ESHAPE, "new shape %s for an input of %s; expected as many numbers",
                            xo_shape_text(count, shape, text[0]), xo_shape_text(x->dimensions, x->shape, text[1]));
    return xo_out(c, 0, x->type, count, shape);
}

int xo_run_reshape(struct xo_call *c)
{
    return copy(c);
}

int xo_infer_flatten(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0];
    int64_t axis = xo_attribute_int(c->n, "axis", 1), rank = (int64_t)x->dimensions;
    if (axis < -rank || axis > rank)
        return xo_call_fail(c, XO_EVALUE, "axis %" PRId64 "; expected %" PRId64 " to %" PRId64, axis, -rank, rank);
    size_t cut = (size_t)(axis < 0 ? axis + rank : axis);
    return xo_out(c, 0, x->type, 2, (size_t[]){ xo_product(x->shape, 0, cut),
                                                xo_product(x->shape, cut, x->dimensions) });
}

int xo_run_flatten(struct xo_call *c)
{
    return copy(c);
}

/* Axes of length 1 leave: the named ones, or all. */
int xo_infer_squeeze(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0];
    int64_t axis[XO_MAX_RANK];
    bool chosen[XO_MAX_RANK], found;
    size_t count, shape[XO_MAX_RANK], kept = 0;
    int status = xo_integers_or(c, "axes", 1, XO_MAX_RANK, &count, axis, &found);
    if (!status)
        status = xo_axes(c, count, axis, x->dimensions, chosen);
    for (size_t k = 0; !status && k < x->dimensions; k++) {
        if (found && chosen[k] && x->shape[k] != 1)
            status = xo_call_fail(c, XO_ESHAPE, "axis %zu has length %zu; expected 1", k, x->shape[k]);
        if (found ? !chosen[k] : x->shape[k] != 1)
            shape[kept++] = x->shape[k];
    }
    return status ? status : xo_out(c, 0, x->type, kept, shape);
}

int xo_run_squeeze(struct xo_call *c)
{
    return copy(c);
}

/* Axes count in the result's shape. */
int xo_infer_unsqueeze(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0];
    int64_t axis[XO_MAX_RANK];
    bool chosen[XO_MAX_RANK], found;
    size_t count, shape[XO_MAX_RANK], next = 0;
    int status = xo_integers_or(c, "axes", 1, XO_MAX_RANK, &count, axis, &found);
    if (!status && (!found || x->dimensions + count > XO_MAX_RANK))
        status = xo_call_fail(c, XO_EVALUE, "%zu new axes; expected axes, and at most %d with those of the input",
                              count, XO_MAX_RANK);
    if (!status)
        status = xo_axes(c, count, axis, x->dimensions + count, chosen);
    for (size_t k = 0; !status && k < x->dimensions + count; k++)
        shape[k] = chosen[k] ? 1 : x->shape[next++];
    return status ? status : xo_out(c, 0, x->type, x->dimensions + count, shape);
}

int xo_run_unsqueeze(struct xo_call *c)
{
    return copy(c);
}
