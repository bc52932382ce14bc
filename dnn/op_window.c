/* Sliding windows of convolutions and pools: attributes -> lengths.
 *     out = floor((in + before + after - ((kernel - 1) dilation + 1)) / stride) + 1
 * With ceil_mode ceil, unless the last window then began behind the image and the padding in front of it.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <inttypes.h>
#include <string.h>
#include "operator.h"

enum { MOST = 1 << 20 };               /* of a kernel, stride, dilation or pad */

/* An attribute of `count` integers low..MOST; absent: all `otherwise`. */
static int lengths(const struct xo_call *c, const char *name, size_t count, int64_t low, size_t otherwise,
                   size_t *out)
{
    int64_t value[2 * XO_MAX_RANK];
    size_t given;
    bool found;
    int status = xo_integers_or(c, name, XO_NONE, 2 * XO_MAX_RANK, &given, value, &found);
    if (!status && found && given != count)
        status = xo_call_fail(c, XO_ESHAPE, "%s has %zu numbers; expected %zu", name, given, count);
    for (size_t k = 0; !status && k < count; k++) {
        if (found && (value[k] < low || value[k] > MOST))
            status = xo_call_fail(c, XO_EUNSUPPORTED, "%s holds %" PRId64 "; expected %" PRId64 " to %d", name,
                                  value[k], low, MOST);
        out[k] = found ? (size_t)value[k] : otherwise;
    }
    return status;
}

static size_t span(const struct xo_sliding *s, size_t k)
{
    return (s->kernel[k] - 1) * s->dilation[k] + 1;
}

/* SAME: as many windows as strides fit into the image; the odd pad goes behind (UPPER) or in front (LOWER). */
static void same(struct xo_sliding *s, size_t k, bool lower)
{
    s->out[k] = (s->in[k] + s->stride[k] - 1) / s->stride[k];
    size_t reach = s->out[k] ? (s->out[k] - 1) * s->stride[k] + span(s, k) : 0;
    size_t pads = reach > s->in[k] ? reach - s->in[k] : 0;
    s->before[k] = lower ? pads - pads / 2 : pads / 2;
    s->after[k] = pads - s->before[k];
}

static int explicit_out(const struct xo_call *c, struct xo_sliding *s, size_t k, bool ceil_mode)
{
    size_t padded = s->in[k] + s->before[k] + s->after[k], free;
    if (padded < span(s, k))
        return xo_call_fail(c, XO_ESHAPE, "a window of %zu on a length of %zu, padding included; expected a smaller "
                            "one", span(s, k), padded);
    free = padded - span(s, k);
    s->out[k] = (free + (ceil_mode ? s->stride[k] - 1 : 0)) / s->stride[k] + 1;
    if (ceil_mode && (s->out[k] - 1) * s->stride[k] >= s->in[k] + s->before[k])
        s->out[k]--;
    return 0;
}

/* One axis: behave as two, the first of length 1. */
static void widen(struct xo_sliding *s)
{
    size_t *const list[] = { s->in, s->kernel, s->stride, s->dilation };
    for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
        list[k][1] = list[k][0];
        list[k][0] = 1;
    }
    s->before[1] = s->before[0];
    s->after[1] = s->after[0];
    s->before[0] = s->after[0] = 0;
}

static int attributes(const struct xo_call *c, const size_t *kernel, struct xo_sliding *s)
{
    size_t pads[4] = { 0 };
    int status = lengths(c, "kernel_shape", s->axes, 1, 0, s->kernel);
    if (!status && !kernel && !xo_attribute(c->n, "kernel_shape"))
        status = xo_call_fail(c, XO_EVALUE, "no kernel_shape; expected one");
    for (size_t k = 0; !status && kernel && k < s->axes; k++) {
        if (xo_attribute(c->n, "kernel_shape") && s->kernel[k] != kernel[k])
            status = xo_call_fail(c, XO_ESHAPE, "kernel_shape says %zu, the weights %zu; expected equal lengths",
                                  s->kernel[k], kernel[k]);
        s->kernel[k] = kernel[k];
    }
    if (!status)
        status = lengths(c, "strides", s->axes, 1, 1, s->stride);
    if (!status)
        status = lengths(c, "dilations", s->axes, 1, 1, s->dilation);
    if (!status)
        status = lengths(c, "pads", 2 * s->axes, 0, 0, pads);
    for (size_t k = 0; k < s->axes; k++) {
        s->before[k] = pads[k];
        s->after[k] = pads[s->axes + k];
    }
    return status;
}

int xo_sliding_of(const struct xo_call *c, const size_t *kernel, struct xo_sliding *out)
{
    const struct xo_tensor *x = c->in[0];
    const char *pad = xo_attribute_text(c->n, "auto_pad", "NOTSET");
    bool ceil_mode = xo_attribute_int(c->n, "ceil_mode", 0) != 0;
    bool lower = !strcmp(pad, "SAME_LOWER"), upper = !strcmp(pad, "SAME_UPPER"), valid = !strcmp(pad, "VALID");
    struct xo_sliding s = { .axes = x->dimensions - 2 };
    int status;
    if (x->dimensions < 3 || x->dimensions > 4)
        return xo_call_fail(c, XO_EUNSUPPORTED, "an input of %zu dimensions; expected 3 or 4", x->dimensions);
    if (!lower && !upper && !valid && strcmp(pad, "NOTSET") && *pad)
        return xo_call_fail(c, XO_EUNSUPPORTED, "auto_pad %s; expected NOTSET, SAME_UPPER, SAME_LOWER or VALID", pad);
    s.in[0] = x->shape[2];
    s.in[1] = x->dimensions == 4 ? x->shape[3] : 1;
    status = attributes(c, kernel, &s);
    if (status)
        return status;
    if (s.axes == 1)
        widen(&s);
    for (size_t k = 0; !status && k < 2; k++) {
        if (valid)
            s.before[k] = s.after[k] = 0;
        if (lower || upper)
            same(&s, k, lower);
        else
            status = explicit_out(c, &s, k, ceil_mode);
    }
    if (!status)
        *out = s;
    return status;
}
