/* Conv, pools, Gemm and MatMul against their definitions, summed naively in double precision.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "one-node.h"
#include "tap.h"

static unsigned long long seed = 4711;
enum { CASES = 150 };
static struct one_tally tally;

/* A window's walk along one axis, as drawn. */
struct axis {
    size_t in, kernel, stride, dilation, before, after, out;
};

enum pad { EXPLICIT, UPPER, LOWER, VALID };
static const char *const pad_name[] = { "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID" };

/* The standard's own words: output_shape = floor or ceil((in + pads - ((kernel - 1) dilation + 1)) / stride + 1),
 * and for SAME ceil(in / stride), the extra pad at the end for UPPER. */
static struct axis draw_axis(enum pad pad, int ceil_mode, int pools)
{
    for (;;) {
        struct axis a = { one_pick(&seed, 1, 12), one_pick(&seed, 1, 4), one_pick(&seed, 1, 3), one_pick(&seed, 1, 2),
                          0, 0, 0 };
        long span, room;
        if (pad == EXPLICIT) {
            a.before = one_pick(&seed, 0, pools ? a.kernel - 1 : 3);
            a.after = one_pick(&seed, 0, pools ? a.kernel - 1 : 3);
        }
        span = (long)((a.kernel - 1) * a.dilation + 1);
        if (pad == UPPER || pad == LOWER) {
            long total;
            a.out = (size_t)ceil((double)a.in / (double)a.stride);
            total = (long)((a.out - 1) * a.stride) + span - (long)a.in;
            total = total < 0 ? 0 : total;
            a.before = (size_t)(pad == UPPER ? total / 2 : total - total / 2);
            a.after = (size_t)total - a.before;
            return a;
        }
        room = (long)(a.in + a.before + a.after) - span;
        if (room < 0)
            continue;
        a.out = (size_t)(ceil_mode ? ceil((double)room / (double)a.stride) : floor((double)room / (double)a.stride)) +
            1;
        while (ceil_mode && (a.out - 1) * a.stride >= a.in +
               a.before)      /* windows behind the image do not count */
            a.out--;
        return a;
    }
}

static void give_axes(struct one *o, size_t axes, const struct axis *a, enum pad pad, int kernel)
{
    int64_t list[4] = { 0 };
    for (size_t k = 0; k < axes; k++)
        list[k] = (int64_t)a[k].kernel;
    if (kernel)
        one_ints(o, "kernel_shape", axes, list);
    for (size_t k = 0; k < axes; k++)
        list[k] = (int64_t)a[k].stride;
    one_ints(o, "strides", axes, list);
    for (size_t k = 0; k < axes; k++)
        list[k] = (int64_t)a[k].dilation;
    one_ints(o, "dilations", axes, list);
    for (size_t k = 0; k < axes; k++) {
        list[k] = (int64_t)a[k].before;
        list[axes + k] = (int64_t)a[k].after;
    }
    if (pad == EXPLICIT)
        one_ints(o, "pads", 2 * axes, list);
    else
        one_text(o, "auto_pad", pad_name[pad]);
}

/* Where kernel index k of window n lies; -1: not on the image. */
static long place(const struct axis *a, size_t n, size_t k)
{
    long at = (long)(n * a->stride + k * a->dilation) - (long)a->before;
    return at < 0 || at >= (long)a->in ? -1 : at;
}

static void judge_conv(const struct one *o, const struct axis *a, size_t images, size_t groups, size_t gin,
                       size_t gout, const float *x, const float *w, const float *b)
{
    size_t at = 0, channels = groups * gin;
    for (size_t n = 0; n < images; n++)
        for (size_t m = 0; m < groups * gout; m++)
            for (size_t i = 0; i < a[0].out; i++)
                for (size_t j = 0; j < a[1].out; j++, at++) {
                    double sum = b ? (double)b[m] : 0, scale = fabs(sum);
                    for (size_t c = 0; c < gin; c++)
                        for (size_t u = 0; u < a[0].kernel; u++)
                            for (size_t v = 0; v < a[1].kernel; v++) {
                                long row = place(&a[0], i, u), column = place(&a[1], j, v);
                                size_t channel = m / gout * gin + c;
                                if (row < 0 || column < 0)
                                    continue;
                                double p = (double)x[((n * channels + channel) * a[0].in + (size_t)row) * a[1].in +
                                                     (size_t)column] *
                                           (double)w[((m * gin + c) * a[0].kernel + u) * a[1].kernel + v];
                                sum += p;
                                scale += fabs(p);
                            }
                    one_compare(&tally, o, at, sum, scale);
                }
}

static void conv_case(int one_axis, int depthwise)
{
    static const struct axis point = { 1, 1, 1, 1, 0, 0, 1 };
    enum pad pad = (enum pad)one_pick(&seed, 0, 3);
    struct axis a[2] = { one_axis ? point : draw_axis(pad, 0, 0), draw_axis(pad, 0, 0) };
    size_t images = one_pick(&seed, 1, 3), groups = depthwise ? one_pick(&seed, 1, 20) : one_pick(&seed, 1, 3);
    size_t gin = depthwise ? 1 : one_pick(&seed, 1, 18), gout = one_pick(&seed, 1, depthwise ? 2 : 17), skip =
        (size_t)one_axis;
    size_t xs[4] = { images, groups * gin, a[0].in, a[1].in }, ws[4] = { groups * gout, gin, a[0].kernel,
                                                                         a[1].kernel };
    size_t ys[4] = { images, groups * gout, a[0].out, a[1].out };
    float *x = one_random(&seed, xs[0] * xs[1] * xs[2] * xs[3], -1, 1);
    float *w = one_random(&seed, ws[0] * ws[1] * ws[2] * ws[3], -1, 1), *b = one_random(&seed, ws[0], -1, 1);
    int biased = one_pick(&seed, 0, 1) == 1;
    struct one o;
    if (one_axis)
        xs[2] = xs[3], ws[2] = ws[3], ys[2] = ys[3];
    one_begin(&o, "Conv", (int64_t)one_pick(&seed, 7, 17));
    one_floats(&o, 4 - skip, xs, x);
    one_floats(&o, 4 - skip, ws, w);
    if (biased)
        one_floats(&o, 1, ws, b);
    one_int(&o, "group", (int64_t)groups);
    give_axes(&o, 2 - skip, a + skip, pad, one_pick(&seed, 0, 1) == 1);
    if (one_computed(&tally, &o, 4 - skip, ys))
        judge_conv(&o, a, images, groups, gin, gout, x, w, biased ? b : NULL);
    one_finish(&tally, &o);
    free(x);
    free(w);
    free(b);
}

static void pool_case(int average)
{
    static const struct axis point = { 1, 1, 1, 1, 0, 0, 1 };
    enum pad pad = (enum pad)one_pick(&seed, 0, 3);
    int one_axis = one_pick(&seed, 0, 3) == 0, ceil_mode = pad == EXPLICIT && one_pick(&seed, 0, 1);
    int padded = one_pick(&seed, 0, 1) == 1;
    struct axis a[2] = { one_axis ? point : draw_axis(pad, ceil_mode, 1), draw_axis(pad, ceil_mode, 1) };
    size_t skip = (size_t)one_axis, at = 0, planes, xs[4] = { one_pick(&seed, 1, 3), one_pick(&seed, 1, 4), a[0].in,
                                                              a[1].in };
    size_t ys[4] = { xs[0], xs[1], a[0].out, a[1].out };
    float *x;
    struct one o;
    planes = xs[0] * xs[1];
    x = one_random(&seed, planes * xs[2] * xs[3], -1, 1);
    if (one_axis)
        xs[2] = xs[3], ys[2] = ys[3];
    one_begin(&o, average ? "AveragePool" : "MaxPool", (int64_t)one_pick(&seed, 10, 17));
    one_floats(&o, 4 - skip, xs, x);
    give_axes(&o, 2 - skip, a + skip, pad, 1);
    one_int(&o, "ceil_mode", ceil_mode);
    if (average)
        one_int(&o, "count_include_pad", padded);
    if (!one_computed(&tally, &o, 4 - skip, ys))
        planes = 0;
    for (size_t n = 0; n < planes; n++)
        for (size_t i = 0; i < a[0].out; i++)
            for (size_t j = 0; j < a[1].out; j++, at++) {
                double sum = 0, best = -INFINITY, count = 0, all = 0;
                for (size_t u = 0; u < a[0].kernel; u++)
                    for (size_t v = 0; v < a[1].kernel; v++) {
                        long row = place(&a[0], i, u), column = place(&a[1], j, v);
                        all += i * a[0].stride + u * a[0].dilation < a[0].before + a[0].in + a[0].after &&
                               j * a[1].stride + v * a[1].dilation < a[1].before + a[1].in + a[1].after;
                        if (row < 0 || column < 0)
                            continue;
                        double value = (double)x[(n * a[0].in + (size_t)row) * a[1].in + (size_t)column];
                        sum += value;
                        best = value > best ? value : best;
                        count++;
                    }
                if (count > 0)
                    one_compare(&tally, &o, at, average ? sum / (padded ? all : count) : best, 1);
            }
    one_finish(&tally, &o);
    free(x);
}

static void gemm_case(void)
{
    size_t m = one_pick(&seed, 1, 9), n = one_pick(&seed, 1, 40), k = one_pick(&seed, 1, 70), at = 0;
    int ta = one_pick(&seed, 0, 4) == 0, tb = one_pick(&seed, 0, 1) == 1, with = (int)one_pick(&seed, 0, 4);
    float *a = one_random(&seed, m * k, -1, 1), *b = one_random(&seed, k * n, -1, 1), *c = one_random(&seed, m * n,
                                                                                                      -1, 1);
    float alpha = with ? 1 : 0.5f, beta = with ? 1 : -2;
    const size_t cs[5][2] = { { m, n }, { 1, n }, { m, 1 }, { n, 0 }, { 0, 0 } };
    struct one o;
    one_begin(&o, "Gemm", with == 4 ? 11 : 7);
    one_floats(&o, 2, ta ? (size_t[]){ k, m } : (size_t[]){ m, k }, a);
    one_floats(&o, 2, tb ? (size_t[]){ n, k } : (size_t[]){ k, n }, b);
    if (with < 4)
        one_floats(&o, with == 3 ? 1 : 2, cs[with], c);
    one_int(&o, "transA", ta);
    one_int(&o, "transB", tb);
    one_float(&o, "alpha", alpha);
    one_float(&o, "beta", beta);
    if (!one_computed(&tally, &o, 2, (size_t[]){ m, n }))
        m = 0;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++, at++) {
            const float bias[5] = { c[i * n + j], c[j], c[i], c[j], 0 };
            double sum = (double)beta * (double)bias[with], scale = fabs(sum);
            for (size_t l = 0; l < k; l++) {
                double p = (double)alpha * (double)a[ta ? l * m + i : i * k + l] * (double)b[tb ? j * k + l : l * n +
                                                                                             j];
                sum += p;
                scale += fabs(p);
            }
            one_compare(&tally, &o, at, sum, scale);
        }
    one_finish(&tally, &o);
    free(a);
    free(b);
    free(c);
}

/* Stacks up to two deep on either side, either of which may be 1 or missing; vectors on either side. */
static void matmul_case(void)
{
    size_t m = one_pick(&seed, 1, 5), n = one_pick(&seed, 1, 9), k = one_pick(&seed, 1, 30);
    size_t s0 = one_pick(&seed, 1, 3), s1 = one_pick(&seed, 1, 3), ra = one_pick(&seed, 1, 4), rb = one_pick(&seed, 1,
            4), at = 0;
    size_t as[4] = { one_pick(&seed, 0, 1) ? s0 : 1, one_pick(&seed, 0, 1) ? s1 : 1, m, k };
    size_t bs[4] = { one_pick(&seed, 0, 1) ? s0 : 1, one_pick(&seed, 0, 1) ? s1 : 1, k, n }, rank = 0, ys[4];
    size_t a0, a1, b0, b1;
    float *a = one_random(&seed, as[0] * as[1] * m * k, -1, 1), *b = one_random(&seed, bs[0] * bs[1] * k * n, -1, 1);
    struct one o;
    a0 = ra < 4 ? 1 : as[0], a1 = ra < 3 ? 1 : as[1], b0 = rb < 4 ? 1 : bs[0], b1 = rb < 3 ? 1 : bs[1];
    m = ra == 1 ? 1 : m;
    n = rb == 1 ? 1 : n;
    one_begin(&o, "MatMul", 13);
    one_floats(&o, ra, as + 4 - ra, a);
    if (rb == 1)
        one_floats(&o, 1, &k, b);
    else
        one_floats(&o, rb, bs + 4 - rb, b);
    s0 = a0 > b0 ? a0 : b0;
    s1 = a1 > b1 ? a1 : b1;
    if (ra == 4 || rb == 4)
        ys[rank++] = s0;
    if (ra >= 3 || rb >= 3)
        ys[rank++] = s1;
    if (ra > 1)
        ys[rank++] = m;
    if (rb > 1)
        ys[rank++] = n;
    if (!one_computed(&tally, &o, rank, ys))
        s0 = 0;
    for (size_t p = 0; p < s0; p++)
        for (size_t q = 0; q < s1; q++)
            for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < n; j++, at++) {
                    double sum = 0, scale = 0;
                    for (size_t l = 0; l < k; l++) {
                        double z = (double)a[(((a0 > 1 ? p : 0) * a1 + (a1 > 1 ? q : 0)) * m + i) * k + l] *
                                   (double)b[(((b0 > 1 ? p : 0) * b1 + (b1 > 1 ? q : 0)) * k + l) * n + j];
                        sum += z;
                        scale += fabs(z);
                    }
                    one_compare(&tally, &o, at, sum, scale);
                }
    one_finish(&tally, &o);
    free(a);
    free(b);
}

static void refusals(void)
{
    float numbers[256] = { 0 };
    struct one o;
    one_begin(&o, "Conv", 13);
    one_floats(&o, 4, (size_t[]){ 1, 3, 4, 4 }, numbers);
    one_floats(&o, 4, (size_t[]){ 2, 2, 3, 3 }, numbers);
    one_refused(&o, XO_ESHAPE, "3 channels, weights for 2 in each of 1 groups");
    one_begin(&o, "Conv", 13);
    one_floats(&o, 4, (size_t[]){ 1, 1, 4, 4 }, numbers);
    one_floats(&o, 4, (size_t[]){ 2, 1, 5, 3 }, numbers);
    one_refused(&o, XO_ESHAPE, "a window of 5 on a length of 4");
    one_begin(&o, "Conv", 13);
    one_floats(&o, 5, (size_t[]){ 1, 1, 2, 2, 2 }, numbers);
    one_floats(&o, 5, (size_t[]){ 1, 1, 1, 1, 1 }, numbers);
    one_refused(&o, XO_EUNSUPPORTED, "5 dimensions; expected 3 or 4");
    one_begin(&o, "Conv", 13);
    one_floats(&o, 4, (size_t[]){ 1, 1, 4, 4 }, numbers);
    one_floats(&o, 4, (size_t[]){ 2, 1, 3, 3 }, numbers);
    one_floats(&o, 1, (size_t[]){ 3 }, numbers);
    one_refused(&o, XO_ESHAPE, "a bias of 3 numbers for 2 channels");
    one_begin(&o, "Conv", 13);
    one_floats(&o, 4, (size_t[]){ 1, 1, 4, 4 }, numbers);
    one_floats(&o, 4, (size_t[]){ 2, 1, 3, 3 }, numbers);
    one_ints(&o, "strides", 2, (int64_t[]){ 0, 1 });
    one_refused(&o, XO_EUNSUPPORTED, "strides holds 0");
    one_begin(&o, "MaxPool", 8);
    one_floats(&o, 4, (size_t[]){ 1, 1, 4, 4 }, numbers);
    one_ints(&o, "kernel_shape", 2, (int64_t[]){ 2, 2 });
    one_outputs(&o, 2);
    one_refused(&o, XO_EUNSUPPORTED, "indices of maxima");
    one_begin(&o, "AveragePool", 8);
    one_floats(&o, 4, (size_t[]){ 1, 1, 4, 4 }, numbers);
    one_refused(&o, XO_EVALUE, "no kernel_shape");
    one_begin(&o, "Gemm", 13);
    one_floats(&o, 2, (size_t[]){ 2, 3 }, numbers);
    one_floats(&o, 2, (size_t[]){ 2, 3 }, numbers);
    one_refused(&o, XO_ESHAPE, "(2, 3) times (2, 3)");
    one_begin(&o, "MatMul", 13);
    one_floats(&o, 3, (size_t[]){ 2, 2, 3 }, numbers);
    one_floats(&o, 3, (size_t[]){ 3, 3, 2 }, numbers);
    one_refused(&o, XO_ESHAPE, "shapes (2) and (3)");
    one_begin(&o, "MatMul", 13);
    one_floats(&o, 2, (size_t[]){ 2, 2 }, numbers);
    one_list(&o, 2, (int64_t[]){ 1, 2 });
    one_refused(&o, XO_EUNSUPPORTED, "input 1 is int64; expected float32");
}

int main(void)
{
    printf("# seed %llu\n", seed);
    for (int k = 0; k < CASES; k++)
        conv_case(0, 0);
    one_report(&tally, "Conv", 1e-6);
    for (int k = 0; k < CASES; k++)
        conv_case(0, 1);
    one_report(&tally, "depthwise Conv", 1e-6);
    for (int k = 0; k < CASES; k++)
        conv_case(1, k % 2);
    one_report(&tally, "Conv of one axis", 1e-6);
    for (int k = 0; k < CASES; k++)
        pool_case(0);
    one_report(&tally, "MaxPool", 0);
    for (int k = 0; k < CASES; k++)
        pool_case(1);
    one_report(&tally, "AveragePool", 1e-6);
    for (int k = 0; k < CASES; k++)
        gemm_case();
    one_report(&tally, "Gemm", 1e-6);
    for (int k = 0; k < CASES; k++)
        matmul_case();
    one_report(&tally, "MatMul", 1e-6);
    refusals();
    return tap_done();
}
