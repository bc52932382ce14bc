/* Over axes: ReduceMean, ReduceSum, ReduceMax, ReduceMin; GlobalAveragePool, GlobalMaxPool; ArgMax.
 * Sums are kept in double precision.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <math.h>
#include "operator.h"

/* Axes: attribute, or input since opset 13 (ReduceSum); none: all, unless noop_with_empty_axes. */
static int reduced(const struct xo_call *c, bool chosen[XO_MAX_RANK])
{
    size_t rank = c->in[0]->dimensions, count;
    int64_t axis[XO_MAX_RANK];
    bool found;
    int status = xo_integers_or(c, "axes", 1, XO_MAX_RANK, &count, axis, &found);
    if (!status)
        status = xo_axes(c, count, axis, rank, chosen);
    for (size_t k = 0; !status && !count && k < rank; k++)
        chosen[k] = !xo_attribute_int(c->n, "noop_with_empty_axes", 0);
    return status;
}

int xo_infer_reduce(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0];
    bool chosen[XO_MAX_RANK], keep = xo_attribute_int(c->n, "keepdims", 1) != 0;
    size_t shape[XO_MAX_RANK], rank = 0;
    int status = reduced(c, chosen);
    if (!status && x->type != XO_I64)
        status = xo_want_float(c, 0);
    if (!status && x->type == XO_I64 && c->op->which == XO_REDUCE_MEAN)
        status = xo_want_float(c, 0);
    for (size_t k = 0; !status && k < x->dimensions; k++)
        if (!chosen[k] || keep)
            shape[rank++] = chosen[k] ? 1 : x->shape[k];
    if (!status && !xo_tensor_count(x))
        status = xo_call_fail(c, XO_ESHAPE, "an empty input; expected numbers");
    return status ? status : xo_out(c, 0, x->type, rank, shape);
}

/* The axes in two parts: those that stay (walked outside) and those that go (inside). */
struct parts {
    size_t kept, gone;                 /* axes     */
    size_t kept_shape[XO_MAX_RANK], kept_step[XO_MAX_RANK], gone_shape[XO_MAX_RANK], gone_step[XO_MAX_RANK];
};

static struct parts parts_of(const struct xo_tensor *x, const bool chosen[XO_MAX_RANK])
{
    struct parts p = { 0 };
    size_t step[XO_MAX_RANK];
    xo_strides(x, x->dimensions, step);
    for (size_t k = 0; k < x->dimensions; k++)
        if (chosen[k]) {
            p.gone_shape[p.gone] = x->shape[k];
            p.gone_step[p.gone++] = step[k];
        } else {
            p.kept_shape[p.kept] = x->shape[k];
            p.kept_step[p.kept++] = step[k];
        }
    return p;
}

static size_t place(size_t n, size_t axes, const size_t *shape, const size_t *step)
{
    size_t at = 0;
    for (size_t k = axes; k-- > 0; n /= shape[k])
        at += n % shape[k] * step[k];
    return at;
}

static double start_of(int which)
{
    return which == XO_REDUCE_MAX ? -INFINITY : which == XO_REDUCE_MIN ? INFINITY : 0;
}

static double join(int which, double so_far, double x)
{
    if (which == XO_REDUCE_MAX)
        return x > so_far ? x : so_far;
    if (which == XO_REDUCE_MIN)
        return x < so_far ? x : so_far;
    return so_far + x;
}

/* The last axis that goes is walked in the innermost loop. */
static double reduce(int which, const struct xo_tensor *x, const struct parts *p, size_t at, size_t count)
{
    size_t inner = p->gone ? p->gone_shape[p->gone - 1] : 1, step = p->gone ? p->gone_step[p->gone - 1] : 0;
    size_t outer = p->gone ? p->gone - 1 : 0;
    double all = start_of(which);
    for (size_t o = 0; o < count / inner; o++) {
        size_t from = at + place(o, outer, p->gone_shape, p->gone_step);
        double row = start_of(which);
        for (size_t k = 0; k < inner; k++)
            row = join(which, row, x->type == XO_F32 ? (double)((const float *)x->data)[from + k * step]
                                                     : (double)((const int64_t *)x->data)[from + k * step]);
        all = join(which, all, row);
    }
    return which == XO_REDUCE_MEAN ? all / (double)count : all;
}

static void reduce_all(const struct xo_call *c, const bool chosen[XO_MAX_RANK])
{
    const struct xo_tensor *x = c->in[0];
    struct parts p = parts_of(x, chosen);
    size_t results = xo_tensor_count(c->out[0]), count = xo_product(p.gone_shape, 0, p.gone);
    for (size_t n = 0; n < results; n++) {
        double value = reduce(c->op->which, x, &p, place(n, p.kept, p.kept_shape, p.kept_step), count);
        if (x->type == XO_F32)
            ((float *)c->out[0]->data)[n] = (float)value;
        else
            ((int64_t *)c->out[0]->data)[n] = (int64_t)value;
    }
}

int xo_run_reduce(struct xo_call *c)
{
    bool chosen[XO_MAX_RANK];
    int status = reduced(c, chosen);
    if (!status)
        reduce_all(c, chosen);
    return status;
}

int xo_infer_global_pool(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0];
    size_t shape[XO_MAX_RANK] = { x->shape[0], x->shape[1], 1, 1, 1, 1, 1, 1 };
    int status = xo_want_float(c, 0);
    if (!status && (x->dimensions < 3 || !xo_tensor_count(x)))
        status = xo_call_fail(c, XO_ESHAPE, "an input of %zu dimensions, %zu numbers; expected (images, channels, "
                              "...)", x->dimensions, xo_tensor_count(x));
    return status ? status : xo_out(c, 0, XO_F32, x->dimensions, shape);
}

int xo_run_global_pool(struct xo_call *c)
{
    reduce_all(c, (const bool[XO_MAX_RANK]){ false, false, true, true, true, true, true, true });
    return 0;
}

/* Where the largest is; of equal ones the first, or the last if asked for. */
int xo_infer_arg(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0];
    bool keep = xo_attribute_int(c->n, "keepdims", 1) != 0;
    size_t axis, shape[XO_MAX_RANK], rank = 0;
    int status = xo_want_float(c, 0);
    if (!status)
        status = xo_axis(c, xo_attribute_int(c->n, "axis", 0), x->dimensions, &axis);
    for (size_t k = 0; !status && k < x->dimensions; k++)
        if (k != axis || keep)
            shape[rank++] = k == axis ? 1 : x->shape[k];
    if (!status && !xo_tensor_count(x))
        status = xo_call_fail(c, XO_ESHAPE, "an empty input; expected numbers");
    return status ? status : xo_out(c, 0, XO_I64, rank, shape);
}

int xo_run_arg(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0];
    bool last = xo_attribute_int(c->n, "select_last_index", 0) != 0;
    int64_t *out = c->out[0]->data;
    size_t axis;
    int status = xo_axis(c, xo_attribute_int(c->n, "axis", 0), x->dimensions, &axis);
    if (status)
        return status;
    size_t outer = xo_product(x->shape, 0, axis), inner = xo_product(x->shape, axis + 1, x->dimensions);
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < inner; i++, out++) {
            const float *row = (const float *)x->data + o * x->shape[axis] * inner + i;
            *out = 0;
            for (size_t k = 1; k < x->shape[axis]; k++)
                if (row[k * inner] > row[(size_t)*out * inner] ||
                    (last && row[k * inner] >= row[(size_t)*out * inner]))
                    *out = (int64_t)k;
        }
    return 0;
}
