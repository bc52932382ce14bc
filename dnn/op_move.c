/* Numbers moved elsewhere: Transpose, Slice, Expand, Concat, Split, Gather, Pad.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <inttypes.h>
#include <string.h>
#include "operator.h"

static int permutation(const struct xo_call *c, size_t axis[XO_MAX_RANK])
{
    size_t rank = c->in[0]->dimensions, count;
    int64_t perm[XO_MAX_RANK];
    bool found, chosen[XO_MAX_RANK];
    int status = xo_integers_or(c, "perm", XO_NONE, XO_MAX_RANK, &count, perm, &found);
    if (!status && found && count != rank)
        status = xo_call_fail(c, XO_ESHAPE, "perm names %zu axes; expected %zu", count, rank);
    if (!status && found)
        status = xo_axes(c, count, perm, rank, chosen);
    for (size_t k = 0; !status && k < rank; k++)
        axis[k] = !found ? rank - 1 - k : (size_t)(perm[k] < 0 ? perm[k] + (int64_t)rank : perm[k]);
    return status;
}

int xo_infer_transpose(struct xo_call *c)
{
    size_t axis[XO_MAX_RANK], shape[XO_MAX_RANK];
    int status = permutation(c, axis);
    for (size_t k = 0; !status && k < c->in[0]->dimensions; k++)
        shape[k] = c->in[0]->shape[axis[k]];
    return status ? status : xo_out(c, 0, c->in[0]->type, c->in[0]->dimensions, shape);
}

int xo_run_transpose(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0];
    size_t axis[XO_MAX_RANK], step[XO_MAX_RANK];
    ptrdiff_t moved[XO_MAX_RANK];
    int status = permutation(c, axis);
    xo_strides(x, x->dimensions, step);
    for (size_t k = 0; !status && k < x->dimensions; k++)
        moved[k] = (ptrdiff_t)step[axis[k]];
    if (!status)
        xo_gather_strided(c->out[0]->data, x->data, xo_dtype_nbytes(x->type), x->dimensions, c->out[0]->shape, moved,
                          0);
    return status;
}

/* Per axis: first, how many, step. */
struct cut {
    int64_t first[XO_MAX_RANK], step[XO_MAX_RANK];
    size_t length[XO_MAX_RANK];
};

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* Python's slice start:end:step of an axis. */
static void cut_axis(struct cut *cut, size_t axis, int64_t length, int64_t start, int64_t end, int64_t step)
{
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? length : length - 1, span;
    start = clamp(start < 0 ? start + length : start, low < 0 ? 0 : low, high);
    end = clamp(end < -length ? low : end < 0 ? end + length : end, low, high);
    span = step > 0 ? end - start : start - end;
    cut->first[axis] = start;
    cut->step[axis] = step;
    cut->length[axis] = length && span > 0 ? (size_t)((span - 1) / (step > 0 ? step : -step)) + 1 : 0;
}

static int cuts(const struct xo_call *c, struct cut *cut)
{
    const struct xo_tensor *x = c->in[0];
    int64_t start[XO_MAX_RANK], end[XO_MAX_RANK], axes[XO_MAX_RANK], step[XO_MAX_RANK];
    size_t starts, ends, named, steps = 0, axis;
    bool found, has_axes, has_steps = false, chosen[XO_MAX_RANK];
    int status = xo_integers_or(c, "starts", 1, XO_MAX_RANK, &starts, start, &found);
    if (!status)
        status = xo_integers_or(c, "ends", 2, XO_MAX_RANK, &ends, end, &found);
    if (!status)
        status = xo_integers_or(c, "axes", 3, XO_MAX_RANK, &named, axes, &has_axes);
    if (!status && xo_in(c, 4)) {
        has_steps = true;
        status = xo_integers(c, 4, XO_MAX_RANK, &steps, step);
    }
    if (!status && (!found || ends != starts || (has_axes && named != starts) || (has_steps && steps != starts) ||
                    starts > x->dimensions))
        status = xo_call_fail(c, XO_ESHAPE, "%zu starts and %zu ends; expected as many of each, of axes and steps, "
                              "at most one per axis", starts, ends);
    if (!status && has_axes)
        status = xo_axes(c, named, axes, x->dimensions, chosen);
    for (size_t k = 0; k < x->dimensions; k++)
        cut_axis(cut, k, (int64_t)x->shape[k], 0, INT64_MAX, 1);
    for (size_t k = 0; !status && k < starts; k++) {
        int64_t by = has_steps ? step[k] : 1;
        axis = has_axes ? (size_t)(axes[k] < 0 ? axes[k] + (int64_t)x->dimensions : axes[k]) : k;
        if (!by || by < -INT32_MAX || by > INT32_MAX)
            status = xo_call_fail(c, XO_EVALUE, "a step of %" PRId64 "; expected one within 2^31 and not 0", by);
        else
            cut_axis(cut, axis, (int64_t)x->shape[axis], start[k], end[k], by);
    }
    return status;
}

int xo_infer_slice(struct xo_call *c)
{
    struct cut cut;
    int status = cuts(c, &cut);
    return status ? status : xo_out(c, 0, c->in[0]->type, c->in[0]->dimensions, cut.length);
}

int xo_run_slice(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0];
    ptrdiff_t step[XO_MAX_RANK], first = 0;
    size_t stride = 1;
    struct cut cut;
    int status = cuts(c, &cut);
    for (size_t k = x->dimensions; !status && k-- > 0; stride *= x->shape[k]) {
        step[k] = (ptrdiff_t)(cut.step[k] * (int64_t)stride);
        first += (ptrdiff_t)(cut.first[k] * (int64_t)stride);
    }
    if (!status)
        xo_gather_strided(c->out[0]->data, x->data, xo_dtype_nbytes(x->type), x->dimensions, cut.length, step, first);
    return status;
}

/* Both ways: a wanted 1 keeps the input's length. */
int xo_infer_expand(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0];
    struct xo_tensor wanted = { .type = XO_F32 };
    int64_t length[XO_MAX_RANK];
    size_t dimensions = x->dimensions, shape[XO_MAX_RANK];
    int status = xo_integers(c, 1, XO_MAX_RANK, &wanted.dimensions, length);
    for (size_t k = 0; !status && k < wanted.dimensions; k++) {
        if (length[k] < 0)
            status = xo_call_fail(c, XO_EVALUE, "a length of %" PRId64 "; expected 0 or more", length[k]);
        wanted.shape[k] = (size_t)length[k];
    }
    memcpy(shape, x->shape, sizeof x->shape);
    if (!status)
        status = xo_broadcast(c, &dimensions, shape, &wanted);
    return status ? status : xo_out(c, 0, x->type, dimensions, shape);
}

int xo_run_expand(struct xo_call *c)
{
    const struct xo_tensor *y = c->out[0];
    size_t step[XO_MAX_RANK];
    ptrdiff_t by[XO_MAX_RANK];
    xo_strides(c->in[0], y->dimensions, step);
    for (size_t k = 0; k < y->dimensions; k++)
        by[k] = (ptrdiff_t)step[k];
    xo_gather_strided(y->data, c->in[0]->data, xo_dtype_nbytes(y->type), y->dimensions, y->shape, by, 0);
    return 0;
}

static int concat_axis(const struct xo_call *c, size_t *axis)
{
    if (!xo_attribute(c->n, "axis"))
        return xo_call_fail(c, XO_EVALUE, "no axis; expected one");
    return xo_axis(c, xo_attribute_int(c->n, "axis", 0), c->in[0]->dimensions, axis);
}

int xo_infer_concat(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0];
    char text[2][XO_MAX_RANK * 21 + 3];
    size_t shape[XO_MAX_RANK], axis;
    int status = concat_axis(c, &axis);
    memcpy(shape, x->shape, sizeof x->shape);
    for (size_t k = 1; !status && k < c->n->inputs; k++) {
        const struct xo_tensor *t = c->in[k];
        bool alike = t->dimensions == x->dimensions && t->type == x->type;
        for (size_t d = 0; alike && d < x->dimensions; d++)
            alike = d == axis || t->shape[d] == x->shape[d];
        if (!alike)
            return xo_call_fail(c, XO_ESHAPE, "input %zu is %s %s, input 0 %s %s; expected them alike but for axis "
                                "%zu", k, xo_dtype_name(t->type), xo_shape_text(t->dimensions, t->shape, text[0]),
                                xo_dtype_name(x->type), xo_shape_text(x->dimensions, x->shape, text[1]), axis);
        shape[axis] += t->shape[axis];
    }
    return status ? status : xo_out(c, 0, x->type, x->dimensions, shape);
}

int xo_run_concat(struct xo_call *c)
{
    struct xo_tensor *y = c->out[0];
    size_t axis, at = 0, nbytes = xo_dtype_nbytes(y->type);
    int status = concat_axis(c, &axis);
    if (status)
        return status;
    size_t outer = xo_product(y->shape, 0, axis), row = xo_product(y->shape, axis, y->dimensions) * nbytes;
    for (size_t k = 0; k < c->n->inputs; k++) {
        const struct xo_tensor *t = c->in[k];
        size_t piece = xo_product(t->shape, axis, t->dimensions) * nbytes;
        for (size_t o = 0; piece && o < outer; o++)
            memcpy((char *)y->data + o * row + at, (const char *)t->data + o * piece, piece);
        at += piece;
    }
    return 0;
}

enum { MOST_PIECES = 1024 };

/* Lengths along the axis: attribute (opset < 13), input, or equal parts. */
static int pieces(const struct xo_call *c, size_t *axis, int64_t length[MOST_PIECES])
{
    const struct xo_tensor *x = c->in[0];
    size_t count, outputs = c->n->outputs, sum = 0;
    bool found;
    int status = xo_axis(c, xo_attribute_int(c->n, "axis", 0), x->dimensions, axis);
    if (!status)
        status = xo_integers_or(c, "split", 1, MOST_PIECES, &count, length, &found);
    if (status)
        return status;
    if (!found && outputs && outputs <= MOST_PIECES && !(x->shape[*axis] % outputs))
        for (count = 0; count < outputs; count++)
            length[count] = (int64_t)(x->shape[*axis] / outputs);
    for (size_t k = 0; k < count; k++)
        sum += length[k] < 0 || length[k] > INT32_MAX ? (size_t)INT32_MAX : (size_t)length[k];
    if (count != outputs || sum != x->shape[*axis])
        return xo_call_fail(c, XO_ESHAPE, "%zu pieces, %zu long in all, for %zu outputs and a length of %zu; "
                            "expected equal numbers", count, sum, outputs, x->shape[*axis]);
    return 0;
}

int xo_infer_split(struct xo_call *c)
{
    int64_t length[MOST_PIECES];
    size_t shape[XO_MAX_RANK], axis;
    int status = pieces(c, &axis, length);
    memcpy(shape, c->in[0]->shape, sizeof shape);
    for (size_t k = 0; !status && k < c->n->outputs; k++) {
        shape[axis] = (size_t)length[k];
        status = xo_out(c, k, c->in[0]->type, c->in[0]->dimensions, shape);
    }
    return status;
}

int xo_run_split(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0];
    int64_t length[MOST_PIECES];
    size_t axis, at = 0, nbytes = xo_dtype_nbytes(x->type);
    int status = pieces(c, &axis, length);
    if (status)
        return status;
    size_t outer = xo_product(x->shape, 0, axis), inner = xo_product(x->shape, axis + 1, x->dimensions) * nbytes;
    for (size_t k = 0; k < c->n->outputs; k++) {
        size_t piece = (size_t)length[k] * inner;
        for (size_t o = 0; c->out[k] && piece && o < outer; o++)
            memcpy((char *)c->out[k]->data + o * piece, (const char *)x->data + o * x->shape[axis] * inner + at,
                   piece);
        at += piece;
    }
    return 0;
}

int xo_infer_gather(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0], *index = c->in[1];
    size_t axis, shape[2 * XO_MAX_RANK], rank = 0;
    int status = xo_axis(c, xo_attribute_int(c->n, "axis", 0), x->dimensions, &axis);
    if (!status && index->type != XO_I64)
        status = xo_want_type(c, 1, XO_I32);
    if (status)
        return status;
    for (size_t k = 0; k < axis; k++)
        shape[rank++] = x->shape[k];
    for (size_t k = 0; k < index->dimensions; k++)
        shape[rank++] = index->shape[k];
    for (size_t k = axis + 1; k < x->dimensions; k++)
        shape[rank++] = x->shape[k];
    return xo_out(c, 0, x->type, rank, shape);
}

int xo_run_gather(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0], *index = c->in[1];
    size_t axis, count = xo_tensor_count(index);
    char *out = c->out[0]->data;
    int status = xo_axis(c, xo_attribute_int(c->n, "axis", 0), x->dimensions, &axis);
    if (status)
        return status;
    size_t outer = xo_product(x->shape, 0, axis), length = x->shape[axis];
    size_t piece = xo_product(x->shape, axis + 1, x->dimensions) * xo_dtype_nbytes(x->type);
    for (size_t o = 0; o < outer; o++)
        for (size_t k = 0; k < count; k++, out += piece) {
            int64_t i = index->type == XO_I64 ? ((const int64_t *)index->data)[k] : ((const int32_t *)index->data)[k];
            if (i < -(int64_t)length || i >= (int64_t)length)
                return xo_call_fail(c, XO_EVALUE, "index %" PRId64 "; expected one of %zu", i, length);
            if (piece)
                memcpy(out, (const char *)x->data + (o * length + (size_t)(i < 0 ? i + (int64_t)length : i)) * piece,
                       piece);
        }
    return 0;
}
