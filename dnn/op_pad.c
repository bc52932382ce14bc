/* Pad: constant, reflect (without repeating the edge), edge.  Negative pads cut.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <inttypes.h>
#include <string.h>
#include "operator.h"

enum mode { CONSTANT, REFLECT, EDGE };

struct padding {
    enum mode mode;
    int64_t before[XO_MAX_RANK], after[XO_MAX_RANK];
};

static int padding_of(const struct xo_call *c, struct padding *out)
{
    static const char *const name[] = { "constant", "reflect", "edge" };
    const char *mode = xo_attribute_text(c->n, "mode", "constant");
    int64_t pads[2 * XO_MAX_RANK];
    size_t count, rank = c->in[0]->dimensions;
    bool found;
    int status = xo_integers_or(c, "pads", 1, 2 * XO_MAX_RANK, &count, pads, &found);
    if (status)
        return status;
    if (count != 2 * rank)
        return xo_call_fail(c, XO_ESHAPE, "%zu pads; expected %zu, two per axis", count, 2 * rank);
    for (out->mode = CONSTANT; strcmp(name[out->mode], mode); out->mode++)
        if (out->mode == EDGE)
            return xo_call_fail(c, XO_EUNSUPPORTED, "mode %s; expected constant, reflect or edge", mode);
    for (size_t k = 0; k < rank; k++) {
        int64_t length = (int64_t)c->in[0]->shape[k], most = out->mode == REFLECT ? length - 1 : INT32_MAX;
        out->before[k] = pads[k];
        out->after[k] = pads[rank + k];
        if (pads[k] > most || pads[rank + k] > most || pads[k] < -length || pads[rank + k] < -length ||
            pads[k] + pads[rank + k] + length < 0)
            return xo_call_fail(c, XO_EVALUE, "pads %" PRId64 " and %" PRId64 " for a length of %" PRId64 "; "
                                "expected fewer", pads[k], pads[rank + k], length);
        if (out->mode == EDGE && !length)
            return xo_call_fail(c, XO_ESHAPE, "no edge to repeat; expected a length of 1 or more");
    }
    return 0;
}

int xo_infer_pad(struct xo_call *c)
{
    const struct xo_tensor *value = xo_in(c, 2);
    struct padding p;
    size_t shape[XO_MAX_RANK];
    int status = padding_of(c, &p);
    if (!status && value && (value->type != c->in[0]->type || xo_tensor_count(value) != 1))
        status = xo_call_fail(c, XO_ESHAPE, "a constant of another type or of %zu numbers; expected one of the "
                              "input's", xo_tensor_count(value));
    for (size_t k = 0; !status && k < c->in[0]->dimensions; k++)
        shape[k] = (size_t)((int64_t)c->in[0]->shape[k] + p.before[k] + p.after[k]);
    return status ? status : xo_out(c, 0, c->in[0]->type, c->in[0]->dimensions, shape);
}

/* Where the number at place i of an axis comes from; -1: from the constant. */
static int64_t origin(const struct padding *p, size_t axis, int64_t i, int64_t length)
{
    i -= p->before[axis];
    if (i >= 0 && i < length)
        return i;
    if (p->mode == CONSTANT)
        return -1;
    if (p->mode == EDGE)
        return i < 0 ? 0 : length - 1;
    return i < 0 ? -i : 2 * (length - 1) - i;
}

/* Where the row comes from that is result row `row` (all axes but the last counted through); NULL: from the
 * constant. */
static const char *row_origin(const struct padding *p, const struct xo_tensor *x, const struct xo_tensor *y,
                              size_t row)
{
    size_t stride = x->shape[x->dimensions - 1], at = 0;
    for (size_t k = x->dimensions - 1; k-- > 0; stride *= x->shape[k], row /= y->shape[k]) {
        int64_t from = origin(p, k, (int64_t)(row % y->shape[k]), (int64_t)x->shape[k]);
        if (from < 0)
            return NULL;
        at += (size_t)from * stride;
    }
    return (const char *)x->data + at * xo_dtype_nbytes(x->type);
}

static void pad_row(const struct padding *p, char *out, const char *in, const char *constant, size_t nbytes,
                    size_t axis, size_t count, size_t length)
{
    for (size_t k = 0; k < count; k++) {
        int64_t from = in ? origin(p, axis, (int64_t)k, (int64_t)length) : -1;
        memcpy(out + k * nbytes, from < 0 ? constant : in + (size_t)from * nbytes, nbytes);
    }
}

int xo_run_pad(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0], *y = c->out[0], *given = xo_in(c, 2);
    size_t nbytes = xo_dtype_nbytes(x->type), inner = x->dimensions - 1, rows;
    const float value = xo_attribute_float(c->n, "value", 0);
    const int64_t zero = 0;
    const char *constant = given ? given->data : x->type == XO_F32 ? (const char *)&value : (const char *)&zero;
    struct padding p;
    int status = padding_of(c, &p);
    if (status || !xo_tensor_count(y))
        return status;
    if (!x->dimensions)
        return memcpy(y->data, x->data, nbytes), 0;
    rows = xo_product(y->shape, 0, inner);
    for (size_t row = 0; row < rows; row++) {
        const char *in = row_origin(&p, x, y, row);
        pad_row(&p, (char *)y->data + row * y->shape[inner] * nbytes, in, constant, nbytes, inner, y->shape[inner],
                x->shape[inner]);
    }
    return 0;
}
