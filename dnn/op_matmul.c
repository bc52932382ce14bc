/* Gemm and MatMul, by oneDNN's sgemm (row-major); quantised models' on their integers.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <string.h>
#include "exact.h"
#include "onednn.h"
#include "operator.h"

/* C (m, n) = alpha A B + beta C; A (m, k), B (k, n), or transposed. */
struct product {
    size_t m, n, k;
    bool a_transposed, b_transposed;
    float alpha, beta;
};

static int multiply(const struct product *p, const float *a, const float *b, float *c)
{
    int64_t lda = (int64_t)(p->a_transposed ? p->m : p->k), ldb = (int64_t)(p->b_transposed ? p->k : p->n);
    if (!p->m || !p->n)
        return 0;
    if (!p->k) {
        for (size_t i = 0; i < p->m * p->n; i++)
            c[i] = p->beta != 0 ? c[i] : 0;
        return 0;
    }
    return xo_onednn_status(dnnl_sgemm(p->a_transposed ? 'T' : 'N', p->b_transposed ? 'T' : 'N', (int64_t)p->m,
                                       (int64_t)p->n, (int64_t)p->k, p->alpha, a, lda, b, ldb, p->beta, c, (int64_t)p->n));
}

static int gemm_of(const struct xo_call *c, struct product *p)
{
    const struct xo_tensor *a = c->in[0], *b = c->in[1];
    char text[2][XO_MAX_RANK * 21 + 3];
    p->a_transposed = xo_attribute_int(c->n, "transA", 0) != 0;
    p->b_transposed = xo_attribute_int(c->n, "transB", 0) != 0;
    p->alpha = xo_attribute_float(c->n, "alpha", 1);
    p->beta = xo_attribute_float(c->n, "beta", 1);
    if (a->dimensions != 2 || b->dimensions != 2 || a->shape[!p->a_transposed] != b->shape[p->b_transposed])
        return xo_call_fail(c, XO_ESHAPE, "%s%s times %s%s; expected two matrices whose inner lengths agree",
                            xo_shape_text(a->dimensions, a->shape, text[0]), p->a_transposed ? " transposed" : "",
                            xo_shape_text(b->dimensions, b->shape, text[1]), p->b_transposed ? " transposed" : "");
    p->m = a->shape[p->a_transposed];
    p->k = a->shape[!p->a_transposed];
    p->n = b->shape[!p->b_transposed];
    return 0;
}

int xo_infer_gemm(struct xo_call *c)
{
    const struct xo_tensor *bias = xo_in(c, 2);
    size_t dimensions = 2, shape[XO_MAX_RANK];
    struct product p;
    int status = xo_want_float(c, 0);
    if (!status)
        status = xo_want_float(c, 1);
    if (!status && bias)
        status = xo_want_float(c, 2);
    if (!status)
        status = gemm_of(c, &p);
    if (status)
        return status;
    shape[0] = p.m;
    shape[1] = p.n;
    if (bias)
        status = xo_broadcast(c, &dimensions, shape, bias);
    if (!status && (dimensions != 2 || shape[0] != p.m || shape[1] != p.n))
        status = xo_call_fail(c, XO_ESHAPE, "a bias larger than the result (%zu, %zu); expected one that broadcasts to it",
                              p.m, p.n);
    return status ? status : xo_out(c, 0, XO_F32, 2, shape);
}

/* The bias first, the product added to it. */
static void spread_bias(const struct xo_tensor *bias, float beta, struct xo_tensor *out)
{
    size_t step[XO_MAX_RANK], columns = out->shape[1];
    float *y = out->data;
    xo_strides(bias, 2, step);
    for (size_t i = 0; i < out->shape[0]; i++)
        for (size_t j = 0; j < columns; j++)
            y[i * columns + j] = beta * ((const float *)bias->data)[i * step[0] + j * step[1]];
}

/* On integers where alpha and beta are 1 and the bias has one number per column. */
int xo_prepare_gemm(struct xo_call *c)
{
    const struct xo_tensor *bias = xo_in(c, 2);
    struct product p;
    int status = gemm_of(c, &p);
    if (status || p.alpha != 1 || (bias && (p.beta != 1 || xo_tensor_count(bias) != p.n)))
        return status;
    return xo_exact_new((struct xo_exact **)&c->state, c, p.b_transposed ? 0 : 1);
}

void xo_release_gemm(void *state)
{
    xo_exact_free(state);
}

int xo_run_gemm(struct xo_call *c)
{
    const struct xo_tensor *bias = xo_in(c, 2);
    struct xo_exact *e = c->state;
    struct product p;
    int status = gemm_of(c, &p);
    if (status)
        return status;
    if (bias && !e)
        spread_bias(bias, p.beta, c->out[0]);
    p.beta = bias && !e ? 1 : 0;
    if (!e)
        return multiply(&p, c->in[0]->data, c->in[1]->data, c->out[0]->data);
    status = multiply(&p, xo_exact_input(e, c), e->weight, c->out[0]->data);
    xo_exact_scale(e, c->out[0]->data, p.m, 1, bias ? bias->data : NULL);
    return status;
}

/* Stacks of matrices, numpy's rules: a vector is a row on the left, a column on the right. */
struct stacks {
    struct product one;
    size_t dimensions, shape[XO_MAX_RANK];                 /* of the stack */
    size_t a_step[XO_MAX_RANK], b_step[XO_MAX_RANK];       /* in matrices  */
};

static struct xo_tensor stack_of(const struct xo_tensor *t)
{
    struct xo_tensor stack = *t;
    stack.dimensions = t->dimensions > 2 ? t->dimensions - 2 : 0;
    return stack;
}

static int stacks_of(const struct xo_call *c, struct stacks *s)
{
    const struct xo_tensor *a = c->in[0], *b = c->in[1];
    struct xo_tensor a_stack = stack_of(a), b_stack = stack_of(b);
    char text[2][XO_MAX_RANK * 21 + 3];
    int status;
    if (!a->dimensions || !b->dimensions || a->shape[a->dimensions - 1] != b->shape[b->dimensions > 1 ? b->dimensions - 2 : 0])
        return xo_call_fail(c, XO_ESHAPE, "%s times %s; expected inner lengths that agree",
                            xo_shape_text(a->dimensions, a->shape, text[0]), xo_shape_text(b->dimensions, b->shape, text[1]));
    *s = (struct stacks){ .one = { .alpha = 1 } };
    s->one.m = a->dimensions > 1 ? a->shape[a->dimensions - 2] : 1;
    s->one.k = a->shape[a->dimensions - 1];
    s->one.n = b->dimensions > 1 ? b->shape[b->dimensions - 1] : 1;
    status = xo_broadcast(c, &s->dimensions, s->shape, &a_stack);
    if (!status)
        status = xo_broadcast(c, &s->dimensions, s->shape, &b_stack);
    xo_strides(&a_stack, s->dimensions, s->a_step);
    xo_strides(&b_stack, s->dimensions, s->b_step);
    return status;
}

int xo_infer_matmul(struct xo_call *c)
{
    size_t shape[XO_MAX_RANK + 2];
    struct stacks s;
    int status = xo_want_float(c, 0);
    if (!status)
        status = xo_want_float(c, 1);
    if (!status)
        status = stacks_of(c, &s);
    if (status)
        return status;
    memcpy(shape, s.shape, sizeof s.shape);
    if (c->in[0]->dimensions > 1)
        shape[s.dimensions++] = s.one.m;
    if (c->in[1]->dimensions > 1)
        shape[s.dimensions++] = s.one.n;
    return xo_out(c, 0, XO_F32, s.dimensions, shape);
}

/* On integers where one matrix stands on the right. */
int xo_prepare_matmul(struct xo_call *c)
{
    return c->in[1]->dimensions == 2 ? xo_exact_new((struct xo_exact **)&c->state, c, 1) : 0;
}

static int multiply_stacks(const struct stacks *s, const float *a, const float *b, float *y)
{
    int status = 0;
    for (size_t n = 0; !status && n < xo_product(s->shape, 0, s->dimensions); n++) {
        size_t rest = n, at_a = 0, at_b = 0;
        for (size_t k = s->dimensions; k-- > 0; rest /= s->shape[k]) {
            at_a += rest % s->shape[k] * s->a_step[k];
            at_b += rest % s->shape[k] * s->b_step[k];
        }
        status = multiply(&s->one, a + at_a * s->one.m * s->one.k, b + at_b * s->one.k * s->one.n,
                          y + n * s->one.m * s->one.n);
    }
    return status;
}

int xo_run_matmul(struct xo_call *c)
{
    struct xo_exact *e = c->state;
    float *y = c->out[0]->data;
    struct stacks s;
    int status = stacks_of(c, &s);
    if (status)
        return status;
    if (c->in[1]->dimensions <= 2) {                       /* one matrix on the right: all rows at once */
        s.one.m *= xo_product(s.shape, 0, s.dimensions);
        s.dimensions = 0;
    }
    if (!e)
        return multiply_stacks(&s, c->in[0]->data, c->in[1]->data, y);
    status = multiply_stacks(&s, xo_exact_input(e, c), e->weight, y);
    xo_exact_scale(e, y, s.one.m, 1, NULL);
    return status;
}
