/* Shapes as numbers, and numbers as they are: Shape, Size, ConstantOfShape, Cast.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <inttypes.h>
#include <string.h>
#include "operator.h"

/* start and end, since opset 15, choose a piece of the shape. */
static void piece_of_shape(const struct xo_call *c, size_t *from, size_t *to)
{
    int64_t rank = (int64_t)c->in[0]->dimensions;
    int64_t start = xo_attribute_int(c->n, "start", 0), end = xo_attribute_int(c->n, "end", rank);
    start = start < -rank ? 0 : start < 0 ? start + rank : start > rank ? rank : start;
    end = end < -rank ? 0 : end < 0 ? end + rank : end > rank ? rank : end;
    *from = (size_t)start;
    *to = (size_t)(end > start ? end : start);
}

int xo_infer_shape(struct xo_call *c)
{
    size_t from, to;
    piece_of_shape(c, &from, &to);
    return xo_out(c, 0, XO_I64, 1, (size_t[]){ to - from });
}

int xo_run_shape(struct xo_call *c)
{
    size_t from, to;
    piece_of_shape(c, &from, &to);
    for (size_t k = from; k < to; k++)
        ((int64_t *)c->out[0]->data)[k - from] = (int64_t)c->in[0]->shape[k];
    return 0;
}

int xo_infer_size(struct xo_call *c)
{
    return xo_out(c, 0, XO_I64, 0, NULL);
}

int xo_run_size(struct xo_call *c)
{
    *(int64_t *)c->out[0]->data = (int64_t)xo_tensor_count(c->in[0]);
    return 0;
}

/* The tensor attribute of a ConstantOfShape. */
static const struct xo_tensor *value_of(const struct xo_call *c)
{
    const struct xo_attribute *a = xo_attribute(c->n, "value");
    return a && a->kind == XO_ATTR_TENSOR ? &a->tensor : NULL;
}

int xo_infer_constant_of_shape(struct xo_call *c)
{
    const struct xo_tensor *t = value_of(c);
    int64_t length[XO_MAX_RANK];
    size_t count, shape[XO_MAX_RANK];
    int status = xo_integers(c, 0, XO_MAX_RANK, &count, length);
    if (!status && t && xo_tensor_count(t) != 1)
        status = xo_call_fail(c, XO_EVALUE, "a value of %zu numbers; expected 1", xo_tensor_count(t));
    for (size_t k = 0; !status && k < count; k++) {
        if (length[k] < 0)
            status = xo_call_fail(c, XO_EVALUE, "a length of %" PRId64 "; expected 0 or more", length[k]);
        shape[k] = (size_t)length[k];
    }
    return status ? status : xo_out(c, 0, t ? t->type : XO_F32, count, shape);
}

int xo_run_constant_of_shape(struct xo_call *c)
{
    const struct xo_tensor *t = value_of(c);
    size_t nbytes = xo_dtype_nbytes(c->out[0]->type), count = xo_tensor_count(c->out[0]);
    if (!t)
        memset(c->out[0]->data, 0, count * nbytes);
    for (size_t k = 0; t && k < count; k++)
        memcpy((char *)c->out[0]->data + k * nbytes, t->data, nbytes);
    return 0;
}

/* TensorProto.DataType -> ours, as constants are read: every float is float32, other integers are int64. */
static int type_of_code(int64_t code, enum xo_dtype *out)
{
    static const int8_t type[] = { -1, XO_F32, XO_U8, XO_I8, XO_I64, XO_I64, XO_I32, XO_I64, -1, XO_BOOL, XO_F32,
                                   XO_F32, XO_I64, XO_I64 };
    if (code < 0 || code >= (int64_t)sizeof type || type[code] < 0)
        return -1;
    *out = (enum xo_dtype)type[code];
    return 0;
}

int xo_infer_cast(struct xo_call *c)
{
    int64_t to = xo_attribute_int(c->n, "to", -1);
    enum xo_dtype type;
    if (type_of_code(to, &type))
        return xo_call_fail(c, XO_EUNSUPPORTED, "a cast to ONNX type %" PRId64 "; expected a number or bool", to);
    return xo_out(c, 0, type, c->in[0]->dimensions, c->in[0]->shape);
}

/* Towards zero; what does not fit becomes the nearest that does. */
static int64_t truncated(float x)
{
    return x >= 0x1p63f ? INT64_MAX : x > -0x1p63f ? (int64_t)x : x <= -0x1p63f ? INT64_MIN : 0;
}

static int64_t integer_at(const struct xo_tensor *t, size_t k)
{
    switch (t->type) {
    case XO_F32: return truncated(((const float *)t->data)[k]);
    case XO_I32: return ((const int32_t *)t->data)[k];
    case XO_I64: return ((const int64_t *)t->data)[k];
    case XO_I8: return ((const int8_t *)t->data)[k];
    default: return ((const uint8_t *)t->data)[k];
    }
}

static void put(const struct xo_tensor *out, size_t k, const struct xo_tensor *in)
{
    int64_t n = integer_at(in, k);
    bool is_float = in->type == XO_F32;
    switch (out->type) {
    case XO_F32: ((float *)out->data)[k] = is_float ? ((const float *)in->data)[k] : (float)n; break;
    case XO_I32: ((int32_t *)out->data)[k] = (int32_t)(uint32_t)(uint64_t)n; break;
    case XO_I64: ((int64_t *)out->data)[k] = n; break;
    case XO_BOOL: ((uint8_t *)out->data)[k] = is_float ? ((const float *)in->data)[k] != 0 : n != 0; break;
    default: ((uint8_t *)out->data)[k] = (uint8_t)(uint64_t)n; break;
    }
}

int xo_run_cast(struct xo_call *c)
{
    size_t count = xo_tensor_count(c->in[0]);
    if (c->in[0]->type == c->out[0]->type)
        memcpy(c->out[0]->data, c->in[0]->data, count * xo_dtype_nbytes(c->in[0]->type));
    else
        for (size_t k = 0; k < count; k++)
            put(c->out[0], k, c->in[0]);
    return 0;
}
