/* What many operators need: axes, integer operands, broadcasting, shapes in words.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "operator.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MOST_NBYTES = INT32_MAX };      /* of one tensor: 2 GB */

const struct xo_tensor *xo_in(const struct xo_call *c, size_t k)
{
    return k < c->n->inputs ? c->in[k] : NULL;
}

int xo_call_fail(const struct xo_call *c, int status, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return xo_node_fail(c->info, status, c->graph, c->node, "%s", text);
}

const char *xo_dtype_name(enum xo_dtype type)
{
    static const char *const name[] = { [XO_F32] = "float32", [XO_U8] = "uint8", [XO_I8] = "int8", [XO_I32] = "int32",
                                        [XO_I64] = "int64", [XO_BOOL] = "bool" };
    return name[type];
}

int xo_want_type(const struct xo_call *c, size_t k, enum xo_dtype type)
{
    if (c->in[k]->type == type)
        return 0;
    return xo_call_fail(c, XO_EUNSUPPORTED, "input %zu is %s; expected %s", k, xo_dtype_name(c->in[k]->type),
                        xo_dtype_name(type));
}

int xo_want_float(const struct xo_call *c, size_t k)
{
    return xo_want_type(c, k, XO_F32);
}

int xo_integers(const struct xo_call *c, size_t k, size_t most, size_t *count, int64_t *value)
{
    const struct xo_tensor *t = xo_in(c, k);
    size_t found = t ? xo_tensor_count(t) : 0;
    if (!t || (t->type != XO_I64 && t->type != XO_I32) || t->dimensions > 1)
        return xo_call_fail(c, XO_EVALUE, "input %zu is no list of integers; expected one", k);
    if (!t->data)
        return xo_call_fail(c, XO_EUNSUPPORTED, "input %zu depends on the images' pixels; expected what follows from "
                            "constants and shapes", k);
    if (found > most)
        return xo_call_fail(c, XO_ETOOBIG, "input %zu has %zu numbers; expected at most %zu", k, found, most);
    for (size_t j = 0; j < found; j++)
        value[j] = t->type == XO_I64 ? ((const int64_t *)t->data)[j] : ((const int32_t *)t->data)[j];
    *count = found;
    return 0;
}

int xo_integers_or(const struct xo_call *c, const char *attribute, size_t k, size_t most, size_t *count,
                   int64_t *value, bool *found)
{
    const struct xo_attribute *a = xo_attribute(c->n, attribute);
    *count = 0;
    *found = true;
    if (k != XO_NONE && xo_in(c, k))
        return xo_integers(c, k, most, count, value);
    *found = a != NULL;
    if (!a)
        return 0;
    if (a->kind != XO_ATTR_INTS || a->count > most)
        return xo_call_fail(c, XO_EVALUE, "%s: found another kind of attribute or more than %zu; expected integers",
                            attribute, most);
    *count = a->count;
    for (size_t j = 0; j < a->count; j++)
        value[j] = a->ints[j];
    return 0;
}

int xo_axis(const struct xo_call *c, int64_t axis, size_t rank, size_t *out)
{
    int64_t n = (int64_t)rank;
    if (axis < -n || axis >= n)
        return xo_call_fail(c, XO_EVALUE, "axis %" PRId64 "; expected %" PRId64 " to %" PRId64, axis, -n, n - 1);
    *out = (size_t)(axis < 0 ? axis + n : axis);
    return 0;
}

int xo_axes(const struct xo_call *c, size_t count, const int64_t *axis, size_t rank, bool chosen[XO_MAX_RANK])
{
    for (size_t k = 0; k < XO_MAX_RANK; k++)
        chosen[k] = false;
    for (size_t k = 0; k < count; k++) {
        size_t which;
        int status = xo_axis(c, axis[k], rank, &which);
        if (status)
            return status;
        if (chosen[which])
            return xo_call_fail(c, XO_EVALUE, "axis %zu is named twice; expected once", which);
        chosen[which] = true;
    }
    return 0;
}

const char *xo_shape_text(size_t dimensions, const size_t *shape, char text[XO_MAX_RANK * 21 + 3])
{
    size_t at = 1;
    text[0] = '(';
    for (size_t k = 0; k < dimensions && k < XO_MAX_RANK; k++)
        at += (size_t)sprintf(text + at, k ? ", %zu" : "%zu", shape[k]);
    strcpy(text + at, ")");
    return text;
}

int xo_out(const struct xo_call *c, size_t k, enum xo_dtype type, size_t dimensions, const size_t *shape)
{
    struct xo_tensor t = { .type = type, .dimensions = dimensions };
    size_t nbytes = xo_dtype_nbytes(type);
    if (dimensions > XO_MAX_RANK)
        return xo_call_fail(c, XO_EUNSUPPORTED, "a result of %zu dimensions; expected at most %d", dimensions,
                            XO_MAX_RANK);
    for (size_t j = 0; j < dimensions; j++) {
        t.shape[j] = shape[j];
        if (shape[j] > MOST_NBYTES || (nbytes *= shape[j]) > MOST_NBYTES)
            return xo_call_fail(c, XO_ETOOBIG, "a result of more than 2 GB; expected less");
    }
    if (k < c->n->outputs && c->out[k])
        *c->out[k] = t;
    return 0;
}

int xo_out_like(const struct xo_call *c, size_t k, const struct xo_tensor *t)
{
    return xo_out(c, k, t->type, t->dimensions, t->shape);
}

size_t xo_product(const size_t *shape, size_t from, size_t to)
{
    size_t product = 1;
    for (size_t k = from; k < to; k++)
        product *= shape[k];
    return product;
}

/* Numpy's rule: line up from the right; 1 goes with anything. */
int xo_broadcast(const struct xo_call *c, size_t *dimensions, size_t shape[XO_MAX_RANK], const struct xo_tensor *t)
{
    char text[2][XO_MAX_RANK * 21 + 3];
    size_t rank = *dimensions > t->dimensions ? *dimensions : t->dimensions, joint[XO_MAX_RANK];
    for (size_t k = 0; k < rank; k++) {
        size_t a = k + *dimensions >= rank ? shape[k + *dimensions - rank] : 1;
        size_t b = k + t->dimensions >= rank ? t->shape[k + t->dimensions - rank] : 1;
        if (a != b && a != 1 && b != 1)
            return xo_call_fail(c, XO_ESHAPE, "shapes %s and %s; expected equal numbers or 1 from the right",
                                xo_shape_text(*dimensions, shape, text[0]),
                                xo_shape_text(t->dimensions, t->shape, text[1]));
        joint[k] = a == 1 ? b : a;
    }
    *dimensions = rank;
    memcpy(shape, joint, rank * sizeof *joint);
    return 0;
}

void xo_strides(const struct xo_tensor *t, size_t dimensions, size_t step[XO_MAX_RANK])
{
    size_t product = 1;
    for (size_t k = dimensions; k-- > 0; ) {
        bool has = k + t->dimensions >= dimensions;
        size_t length = has ? t->shape[k + t->dimensions - dimensions] : 1;
        step[k] = length == 1 ? 0 : product;
        product *= length;
    }
}

/* One row of the innermost axis. */
static void gather_row(char *out, const char *in, size_t nbytes, size_t count, ptrdiff_t step)
{
    if (step == 1)
        memcpy(out, in, count * nbytes);
    else if (nbytes == 4)
        for (size_t k = 0; k < count; k++)
            memcpy(out + 4 * k, in + (ptrdiff_t)k * step * 4, 4);
    else
        for (size_t k = 0; k < count; k++)
            memcpy(out + nbytes * k, in + (ptrdiff_t)k * step * (ptrdiff_t)nbytes, nbytes);
}

void xo_gather_strided(void *out, const void *in, size_t nbytes, size_t dimensions, const size_t *shape,
                       const ptrdiff_t *step, ptrdiff_t first)
{
    size_t index[XO_MAX_RANK] = { 0 }, inner = dimensions ? shape[dimensions - 1] : 1;
    ptrdiff_t from = first, inner_step = dimensions ? step[dimensions - 1] : 1;
    char *to = out;
    if (!xo_product(shape, 0, dimensions))
        return;
    for (;;) {
        size_t k = dimensions > 1 ? dimensions - 1 : 0;
        gather_row(to, (const char *)in + from * (ptrdiff_t)nbytes, nbytes, inner, inner_step);
        to += inner * nbytes;
        while (k > 0 && ++index[k - 1] == shape[k - 1]) {
            from -= (ptrdiff_t)(shape[k - 1] - 1) * step[k - 1];
            index[--k] = 0;
        }
        if (!k)
            return;
        from += step[k - 1];
    }
}
