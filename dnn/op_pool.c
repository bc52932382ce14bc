/* MaxPool and AveragePool over one or two axes.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <float.h>
#include "operator.h"

int xo_infer_pool(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0];
    struct xo_sliding s;
    int status = xo_want_float(c, 0);
    if (!status)
        status = xo_sliding_of(c, NULL, &s);
    if (!status && c->n->outputs > 1 && c->out[1])
        status = xo_call_fail(c, XO_EUNSUPPORTED, "a second result, indices of maxima; expected one result");
    if (status)
        return status;
    return xo_out(c, 0, XO_F32, x->dimensions,
                  (size_t[]){ x->shape[0], x->shape[1], s.axes == 1 ? s.out[1] : s.out[0], s.out[1] });
}

/* Of the kernel's places along one axis: those that lie on the image, and how many count when padding does. */
struct reach {
    size_t from, to;                   /* kernel indices on the image: from..to-1                  */
    ptrdiff_t first;                   /* where kernel index 0 lies; may be in front of the image  */
    size_t padded;                     /* kernel indices on the image or its padding               */
};

/* How many k < most have first + k step < end? */
static size_t before(ptrdiff_t first, ptrdiff_t step, ptrdiff_t end, size_t most)
{
    size_t count = first < end ? (size_t)((end - 1 - first) / step) + 1 : 0;
    return count < most ? count : most;
}

static struct reach reach_of(const struct xo_sliding *s, size_t k, size_t place)
{
    ptrdiff_t first = (ptrdiff_t)(place * s->stride[k]) - (ptrdiff_t)s->before[k], step = (ptrdiff_t)s->dilation[k];
    ptrdiff_t length = (ptrdiff_t)s->in[k];
    return (struct reach){ before(first, step, 0, s->kernel[k]), before(first, step, length, s->kernel[k]), first,
                           before(first, step, length + (ptrdiff_t)s->after[k], s->kernel[k]) };
}

static float largest(const float *plane, const struct xo_sliding *s, const struct reach *v, const struct reach *h)
{
    float best = -FLT_MAX;
    for (size_t i = v->from; i < v->to; i++) {
        const float *row = plane + (v->first + (ptrdiff_t)(i * s->dilation[0])) * (ptrdiff_t)s->in[1] + h->first;
        for (size_t j = h->from; j < h->to; j++)
            best = row[j * s->dilation[1]] > best ? row[j * s->dilation[1]] : best;
    }
    return best;
}

static float mean(const float *plane, const struct xo_sliding *s, const struct reach *v, const struct reach *h,
                  bool padded)
{
    size_t count = padded ? v->padded * h->padded : (v->to - v->from) * (h->to - h->from);
    double sum = 0;
    for (size_t i = v->from; i < v->to; i++) {
        const float *row = plane + (v->first + (ptrdiff_t)(i * s->dilation[0])) * (ptrdiff_t)s->in[1] + h->first;
        for (size_t j = h->from; j < h->to; j++)
            sum += row[j * s->dilation[1]];
    }
    return count ? (float)(sum / (double)count) : 0;
}

int xo_run_pool(struct xo_call *c)
{
    const struct xo_tensor *x = c->in[0];
    bool padded = xo_attribute_int(c->n, "count_include_pad", 0) != 0;
    float *y = c->out[0]->data;
    struct xo_sliding s;
    int status = xo_sliding_of(c, NULL, &s);
    if (status)
        return status;
    for (size_t n = 0; n < x->shape[0] * x->shape[1]; n++) {
        const float *plane = (const float *)x->data + n * s.in[0] * s.in[1];
        for (size_t i = 0; i < s.out[0]; i++) {
            struct reach v = reach_of(&s, 0, i);
            for (size_t j = 0; j < s.out[1]; j++) {
                struct reach h = reach_of(&s, 1, j);
                *y++ = c->op->which == XO_POOL_MAX ? largest(plane, &s, &v, &h) : mean(plane, &s, &v, &h, padded);
            }
        }
    }
    return 0;
}
