/* Two inputs and more, broadcast: arithmetic, PRelu, comparisons, Where.
 *
 * A walk goes over the result's axes, adjacent ones merged where all operands allow it, so that the innermost loop is
 * long and steps by 0 or 1 almost always.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <math.h>
#include <string.h>
#include "operator.h"

enum { OPERANDS = 3 };

struct walk {
    size_t dimensions, shape[XO_MAX_RANK], step[OPERANDS][XO_MAX_RANK];
};

/* Axis k may join the axis before it if each operand's steps fit together. */
static bool joins(const struct walk *w, size_t operands, size_t step[OPERANDS][XO_MAX_RANK], size_t k, size_t length)
{
    for (size_t o = 0; o < operands; o++)
        if (w->step[o][w->dimensions - 1] != step[o][k] * length)
            return false;
    return true;
}

static struct walk walk_over(const struct xo_tensor *result, size_t operands, const struct xo_tensor *const *t)
{
    struct walk w = { .dimensions = 0 };
    size_t step[OPERANDS][XO_MAX_RANK];
    for (size_t o = 0; o < operands; o++)
        xo_strides(t[o], result->dimensions, step[o]);
    for (size_t k = 0; k < result->dimensions; k++) {
        size_t length = result->shape[k];
        if (length == 1)
            continue;
        if (w.dimensions && joins(&w, operands, step, k, length))
            w.shape[w.dimensions - 1] *= length;
        else
            w.shape[w.dimensions++] = length;
        for (size_t o = 0; o < operands; o++)
            w.step[o][w.dimensions - 1] = step[o][k];
    }
    if (!w.dimensions)
        w.shape[w.dimensions++] = 1;
    return w;
}

/* Where row `row` of the innermost axis begins in operand o. */
static size_t row_at(const struct walk *w, size_t o, size_t row)
{
    size_t at = 0;
    for (size_t k = w->dimensions - 1; k-- > 0; row /= w->shape[k])
        at += row % w->shape[k] * w->step[o][k];
    return at;
}

/* out[k] = f(x[k sx], y[k sy]): the compiler gets a loop for each common pair of steps. */
#define EACH(expression)                                                                                             \
    do {                                                                                                             \
        if (sx == 1 && sy == 1)                                                                                      \
            SIMD for (size_t k = 0; k < count; k++) { const float a = x[k], b = y[k]; out[k] = (expression); }       \
        else if (sx == 1 && sy == 0)                                                                                 \
            SIMD for (size_t k = 0; k < count; k++) { const float a = x[k], b = *y; out[k] = (expression); }         \
        else                                                                                                         \
            for (size_t k = 0; k < count; k++) { const float a = x[k * sx], b = y[k * sy]; out[k] = (expression); }  \
    } while (0)
#define SIMD _Pragma("omp simd")

enum { PRELU = -1 };

static void float_row(int which, float *out, const float *x, size_t sx, const float *y, size_t sy, size_t count)
{
    const float first_y = *y;
    y = sy ? y : &first_y;             /* out may lie over x, or over y where all are alike */
    switch (which) {
    case XO_ADD: EACH(a + b); break;
    case XO_SUB: EACH(a - b); break;
    case XO_MUL: EACH(a * b); break;
    case XO_DIV: EACH(a / b); break;
    case XO_POW: if (!sy && *y == 2) EACH(((void)b, a * a)); else EACH(powf(a, b)); break;
    case XO_MIN: EACH(a < b ? a : b); break;
    case XO_MAX: EACH(a > b ? a : b); break;
    default: EACH(a < 0 ? a * b : a); break;
    }
}

static int64_t read_integer(const struct xo_tensor *t, size_t k)
{
    if (t->type == XO_I64)
        return ((const int64_t *)t->data)[k];
    return t->type == XO_I32 ? ((const int32_t *)t->data)[k] : ((const uint8_t *)t->data)[k];
}

/* Division cuts towards zero; by zero it gives 0 rather than a trap.  Sums and products wrap. */
static int64_t integer_of(int which, int64_t a, int64_t b)
{
    switch (which) {
    case XO_ADD: return (int64_t)((uint64_t)a + (uint64_t)b);
    case XO_SUB: return (int64_t)((uint64_t)a - (uint64_t)b);
    case XO_MUL: return (int64_t)((uint64_t)a * (uint64_t)b);
    case XO_DIV: return !b ? 0 : b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
    case XO_MIN: return a < b ? a : b;
    default: return a > b ? a : b;
    }
}

static void integer_row(int which, struct xo_tensor *out, size_t at, const struct xo_tensor *x, size_t x_at, size_t sx,
                        const struct xo_tensor *y, size_t y_at, size_t sy, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        int64_t z = integer_of(which, read_integer(x, x_at + k * sx), read_integer(y, y_at + k * sy));
        if (out->type == XO_I64)
            ((int64_t *)out->data)[at + k] = z;
        else
            ((int32_t *)out->data)[at + k] = (int32_t)(uint32_t)(uint64_t)z;
    }
}

static void combine(int which, struct xo_tensor *out, const struct xo_tensor *x, const struct xo_tensor *y)
{
    struct walk w = walk_over(out, 2, (const struct xo_tensor *const[]){ x, y });
    size_t inner = w.dimensions - 1, count = w.shape[inner], rows = xo_product(w.shape, 0, inner);
    for (size_t row = 0; count && row < rows; row++) {
        size_t x_at = row_at(&w, 0, row), y_at = row_at(&w, 1, row);
        if (out->type == XO_F32)
            float_row(which, (float *)out->data + row * count, (const float *)x->data + x_at, w.step[0][inner],
                      (const float *)y->data + y_at, w.step[1][inner], count);
        else
            integer_row(which, out, row * count, x, x_at, w.step[0][inner], y, y_at, w.step[1][inner], count);
    }
}

static int joint_shape(const struct xo_call *c, size_t *dimensions, size_t shape[XO_MAX_RANK])
{
    int status = 0;
    *dimensions = 0;
    for (size_t k = 0; !status && k < c->n->inputs; k++)
        status = xo_broadcast(c, dimensions, shape, c->in[k]);
    return status;
}

int xo_infer_arithmetic(struct xo_call *c)
{
    enum xo_dtype type = c->in[0]->type;
    size_t dimensions, shape[XO_MAX_RANK];
    int status = joint_shape(c, &dimensions, shape);
    if (type != XO_I64 && type != XO_I32 && !status)
        status = xo_want_float(c, 0);
    if (!status && c->op->which == XO_POW)
        status = xo_want_float(c, 0);
    for (size_t k = 1; !status && k < c->n->inputs; k++)
        status = xo_want_type(c, k, type);
    return status ? status : xo_out(c, 0, type, dimensions, shape);
}

int xo_run_arithmetic(struct xo_call *c)
{
    const struct xo_tensor zero = { c->out[0]->type, 0, { 0 }, &(int64_t){ 0 } };
    if (c->n->inputs == 1)
        combine(XO_ADD, c->out[0], c->in[0], &zero);
    else
        combine(c->op->which, c->out[0], c->in[0], c->in[1]);
    for (size_t k = 2; k < c->n->inputs; k++)
        combine(c->op->which, c->out[0], c->out[0], c->in[k]);
    return 0;
}

int xo_run_prelu(struct xo_call *c)
{
    combine(PRELU, c->out[0], c->in[0], c->in[1]);
    return 0;
}

int xo_infer_compare(struct xo_call *c)
{
    size_t dimensions, shape[XO_MAX_RANK];
    int status = joint_shape(c, &dimensions, shape);
    if (!status)
        status = xo_want_type(c, 1, c->in[0]->type);
    return status ? status : xo_out(c, 0, XO_BOOL, dimensions, shape);
}

static int order(const struct xo_tensor *a, size_t i, const struct xo_tensor *b, size_t j)
{
    if (a->type == XO_F32) {
        float x = ((const float *)a->data)[i], y = ((const float *)b->data)[j];
        return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;
    }
    if (a->type == XO_I8)
        return ((const int8_t *)a->data)[i] - ((const int8_t *)b->data)[j];
    int64_t x = read_integer(a, i), y = read_integer(b, j);
    return x < y ? -1 : x > y;
}

int xo_run_compare(struct xo_call *c)
{
    struct walk w = walk_over(c->out[0], 2, c->in);
    size_t inner = w.dimensions - 1, count = w.shape[inner], rows = xo_product(w.shape, 0, inner);
    uint8_t *out = c->out[0]->data;
    for (size_t row = 0; row < rows; row++)
        for (size_t k = 0, x = row_at(&w, 0, row), y = row_at(&w, 1, row); k < count; k++) {
            int which = order(c->in[0], x + k * w.step[0][inner], c->in[1], y + k * w.step[1][inner]);
            *out++ = c->op->which == XO_EQUAL ? which == 0 : c->op->which == XO_LESS ? which < 0 : which == 1;
        }
    return 0;
}

int xo_infer_where(struct xo_call *c)
{
    size_t dimensions, shape[XO_MAX_RANK];
    int status = joint_shape(c, &dimensions, shape);
    if (!status)
        status = xo_want_type(c, 0, XO_BOOL);
    if (!status)
        status = xo_want_type(c, 2, c->in[1]->type);
    return status ? status : xo_out(c, 0, c->in[1]->type, dimensions, shape);
}

int xo_run_where(struct xo_call *c)
{
    struct walk w = walk_over(c->out[0], 3, c->in);
    size_t inner = w.dimensions - 1, count = w.shape[inner], rows = xo_product(w.shape, 0, inner);
    size_t nbytes = xo_dtype_nbytes(c->out[0]->type);
    char *out = c->out[0]->data;
    for (size_t row = 0; row < rows; row++)
        for (size_t k = 0; k < count; k++, out += nbytes) {
            size_t at = row_at(&w, 0, row) + k * w.step[0][inner];
            size_t from = ((const uint8_t *)c->in[0]->data)[at] ? 1 : 2;
            memcpy(out, (const char *)c->in[from]->data + (row_at(&w, from, row) + k * w.step[from][inner]) * nbytes,
                   nbytes);
        }
    return 0;
}
