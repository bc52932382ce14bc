/* Element by element, broadcast, reduced, normalised, quantised: against definitions in double precision.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <float.h>
#include "one-node.h"
#include "tap.h"

static unsigned long long seed = 20240229;
enum { CASES = 60 };

static double worst;
static int failures, runs, runs_alike, cases;

static double got(const struct one *o, size_t k)
{
    return ((const float *)o->result[0].data)[k];
}

static void compare(const struct one *o, size_t k, double want, double scale)
{
    double error = fabs(got(o, k) - want) / fmax(scale, 1e-30);
    if (!(error <= worst))
        worst = error;
}

static int computed(struct one *o, size_t count)
{
    int fine = !one_compute(o) && xo_tensor_count(&o->result[0]) == count;
    if (!fine)
        failures++, printf("# %s\n", o->info.text);
    return fine;
}

static void finish(struct one *o)
{
    runs += o->ran;
    runs_alike += o->ran_alike;
    cases++;
    one_end(o);
}

static void report(const char *what, double tolerance)
{
    printf("# %s: worst error %.3g\n", what, worst);
    tap_ok(!failures && worst <= tolerance && runs == runs_alike && cases, "%s equals its definition in %d cases, run "
           "(%d) or folded", what, cases, runs);
    worst = 0;
    failures = runs = runs_alike = cases = 0;
}

static size_t draw_shape(size_t rank, size_t shape[XO_MAX_RANK])
{
    size_t count = 1;
    for (size_t k = 0; k < rank; k++)
        count *= shape[k] = one_pick(&seed, 1, 5);
    return count;
}

/* ---- one input ------------------------------------------------------------------------------------ */

static double relu(double x, double a, double b) { (void)a, (void)b; return x > 0 ? x : 0; }
static double leaky(double x, double a, double b) { (void)b; return x >= 0 ? x : a * x; }
static double elu(double x, double a, double b) { (void)b; return x >= 0 ? x : a * (exp(x) - 1); }
static double hard_sigmoid(double x, double a, double b) { return fmax(0, fmin(1, a * x + b)); }
static double hard_swish(double x, double a, double b) { (void)a, (void)b; return x * fmax(0, fmin(1, x / 6 + 0.5)); }
static double sigmoid(double x, double a, double b) { (void)a, (void)b; return 1 / (1 + exp(-x)); }
static double hyperbolic(double x, double a, double b) { (void)a, (void)b; return tanh(x); }
static double error_function(double x, double a, double b) { (void)a, (void)b; return erf(x); }
static double gelu(double x, double a, double b) { (void)a, (void)b; return x / 2 * (1 + erf(x / sqrt(2))); }
static double softplus(double x, double a, double b) { (void)a, (void)b; return log(exp(x) + 1); }
static double exponential(double x, double a, double b) { (void)a, (void)b; return exp(x); }
static double logarithm(double x, double a, double b) { (void)a, (void)b; return log(x); }
static double negative(double x, double a, double b) { (void)a, (void)b; return -x; }
static double magnitude(double x, double a, double b) { (void)a, (void)b; return fabs(x); }
static double root(double x, double a, double b) { (void)a, (void)b; return sqrt(x); }
static double reciprocal(double x, double a, double b) { (void)a, (void)b; return 1 / x; }
static double down(double x, double a, double b) { (void)a, (void)b; return floor(x); }
static double up(double x, double a, double b) { (void)a, (void)b; return ceil(x); }

static const struct {
    const char *op;
    double (*f)(double x, double a, double b);
    double low, high, alpha, beta;     /* of the inputs; the standard's defaults */
} maps[] = {
    { "Relu", relu, -9, 9, 0, 0 }, { "LeakyRelu", leaky, -9, 9, 0.01, 0 }, { "Elu", elu, -9, 9, 1, 0 },
    { "HardSigmoid", hard_sigmoid, -9, 9, 0.2, 0.5 }, { "HardSwish", hard_swish, -9, 9, 0, 0 },
    { "Sigmoid", sigmoid, -20, 20, 0, 0 }, { "Tanh", hyperbolic, -9, 9, 0, 0 }, { "Erf", error_function, -4, 4, 0, 0 },
    { "Gelu", gelu, -6, 6, 0, 0 }, { "Softplus", softplus, -20, 20, 0, 0 }, { "Exp", exponential, -20, 20, 0, 0 },
    { "Log", logarithm, 1e-6, 50, 0, 0 }, { "Neg", negative, -9, 9, 0, 0 }, { "Abs", magnitude, -9, 9, 0, 0 },
    { "Sqrt", root, 0, 100, 0, 0 }, { "Reciprocal", reciprocal, 0.01, 9, 0, 0 }, { "Floor", down, -9, 9, 0, 0 },
    { "Ceil", up, -9, 9, 0, 0 },
};

static void map_case(size_t m, int given)
{
    size_t rank = one_pick(&seed, 1, 5), shape[XO_MAX_RANK], count = draw_shape(rank, shape);
    float *x = one_random(&seed, count, maps[m].low, maps[m].high);
    double alpha = given ? 0.3 : maps[m].alpha, beta = given ? 0.6 : maps[m].beta;
    struct one o;
    one_begin(&o, maps[m].op, 14);
    one_floats(&o, rank, shape, x);
    if (given && maps[m].alpha > 0)
        one_float(&o, "alpha", 0.3f);
    if (given && maps[m].beta > 0)
        one_float(&o, "beta", 0.6f);
    for (size_t k = 0, fine = (size_t)computed(&o, count); fine && k < count; k++) {
        double want = maps[m].f((double)x[k], alpha, beta);
        compare(&o, k, want, fmax(fabs(want), 0.01));
    }
    finish(&o);
    free(x);
}

/* ---- clips ---------------------------------------------------------------------------------------- */

static void clip_case(void)
{
    size_t shape[XO_MAX_RANK], count = draw_shape(3, shape);
    float *x = one_random(&seed, count, -9, 9), low = -2.5f, high = 3.25f;
    int bounds = (int)one_pick(&seed, 0, 3), inputs = (int)one_pick(&seed, 0, 1);
    struct one o;
    one_begin(&o, "Clip", inputs ? 11 : 10);
    one_floats(&o, 3, shape, x);
    if (inputs) {
        if (bounds & 1)
            one_floats(&o, 0, NULL, &low);
        else
            one_left_out(&o);
        if (bounds & 2)
            one_floats(&o, 0, NULL, &high);
    } else {
        if (bounds & 1)
            one_float(&o, "min", low);
        if (bounds & 2)
            one_float(&o, "max", high);
    }
    for (size_t k = 0, fine = (size_t)computed(&o, count); fine && k < count; k++) {
        double want = (double)x[k];
        want = bounds & 1 ? fmax(want, (double)low) : want;
        compare(&o, k, bounds & 2 ? fmin(want, (double)high) : want, 1);
    }
    finish(&o);
    free(x);
}

/* ---- two inputs and three, broadcast -------------------------------------------------------------- */

struct operand {
    size_t rank, shape[XO_MAX_RANK];
    float *value;
};

/* A shape that broadcasts to full: axes cut off in front, others shrunk to 1. */
static struct operand draw_operand(size_t rank, const size_t *full, double low, double high)
{
    size_t cut = one_pick(&seed, 0, rank), count = 1;
    struct operand a = { .rank = rank - cut };
    for (size_t k = 0; k < a.rank; k++)
        count *= a.shape[k] = one_pick(&seed, 0, 2) ? full[k + cut] : 1;
    a.value = one_random(&seed, count, low, high);
    return a;
}

static double at(const struct operand *a, size_t rank, const size_t *index)
{
    size_t place = 0;
    for (size_t k = 0; k < a->rank; k++)
        place = place * a->shape[k] + (a->shape[k] == 1 ? 0 : index[k + rank - a->rank]);
    return (double)a->value[place];
}

/* The joint shape by the rule's words, and where element n lies in it. */
static size_t joint(size_t operands, const struct operand *a, size_t *rank, size_t shape[XO_MAX_RANK])
{
    size_t count = 1;
    *rank = 0;
    for (size_t o = 0; o < operands; o++)
        *rank = a[o].rank > *rank ? a[o].rank : *rank;
    for (size_t k = 0; k < *rank; k++) {
        shape[k] = 1;
        for (size_t o = 0; o < operands; o++)
            if (k + a[o].rank >= *rank && a[o].shape[k + a[o].rank - *rank] != 1)
                shape[k] = a[o].shape[k + a[o].rank - *rank];
        count *= shape[k];
    }
    return count;
}

static void locate(size_t n, size_t rank, const size_t *shape, size_t *index)
{
    for (size_t k = rank; k-- > 0; n /= shape[k])
        index[k] = n % shape[k];
}

static double add(double a, double b) { return a + b; }
static double subtract(double a, double b) { return a - b; }
static double multiply(double a, double b) { return a * b; }
static double divide(double a, double b) { return a / b; }
static double smaller(double a, double b) { return a < b ? a : b; }
static double larger(double a, double b) { return a > b ? a : b; }
static double parametric(double a, double b) { return a < 0 ? a * b : a; }

static const struct {
    const char *op;
    double (*f)(double a, double b);
    double low;                        /* of the operands; up to 3 */
    int many;
} pairs[] = {
    { "Add", add, -3, 0 }, { "Sub", subtract, -3, 0 }, { "Mul", multiply, -3, 0 }, { "Div", divide, 0.1, 0 },
    { "Pow", pow, 0.1, 0 }, { "PRelu", parametric, -3, 0 }, { "Sum", add, -3, 1 }, { "Min", smaller, -3, 1 },
    { "Max", larger, -3, 1 },
};

static void pair_case(size_t p)
{
    size_t rank = one_pick(&seed, 1, 5), full[XO_MAX_RANK], shape[XO_MAX_RANK], index[XO_MAX_RANK], count;
    size_t operands = pairs[p].many ? one_pick(&seed, 1, 3) : 2;
    struct operand a[3];
    struct one o;
    draw_shape(rank, full);
    one_begin(&o, pairs[p].op, 13);
    for (size_t k = 0; k < operands; k++) {
        a[k] = draw_operand(rank, full, pairs[p].low, 3);
        if (!strcmp(pairs[p].op, "PRelu") && !k) {         /* slopes broadcast to the input, never the other way */
            free(a[0].value);
            memcpy(a[0].shape, full, sizeof full);
            a[0].rank = rank;
            a[0].value = one_random(&seed, draw_shape(0, shape) * 3125, -3, 3);
        }
        one_floats(&o, a[k].rank, a[k].shape, a[k].value);
    }
    count = joint(operands, a, &rank, shape);
    for (size_t n = 0, fine = (size_t)computed(&o, count); fine && n < count; n++) {
        double want;
        locate(n, rank, shape, index);
        want = at(&a[0], rank, index);
        for (size_t k = 1; k < operands; k++)
            want = pairs[p].f(want, at(&a[k], rank, index));
        compare(&o, n, want, fmax(fabs(want), 1));
    }
    finish(&o);
    for (size_t k = 0; k < operands; k++)
        free(a[k].value);
}

static void whole_numbers(void)
{
    static const struct { const char *op; int64_t want[4]; } table[] = {
        { "Add", { 10, -3, 7, 1 } }, { "Sub", { 4, -11, -7, -9 } }, { "Mul", { 21, -28, 0, -20 } }, { "Div", { 2, -1, 0, 0 } },
        { "Min", { 3, -7, 0, -4 } }, { "Max", { 7, 4, 7, 5 } }
    };
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        struct one o;
        one_begin(&o, table[k].op, 13);
        one_list(&o, 4, (int64_t[]){ 7, -7, 0, -4 });
        one_list(&o, 4, (int64_t[]){ 3, 4, 7, 5 });
        tap_ok(!one_compute(&o) && o.result[0].type == XO_I64 && !memcmp(o.result[0].data, table[k].want, 32),
               "%s of int64, division towards zero", table[k].op);
        one_end(&o);
    }
}

static void truths(void)
{
    static const struct { const char *op; uint8_t want[3]; } table[] = {
        { "Equal", { 0, 1, 0 } }, { "Less", { 1, 0, 0 } }, { "Greater", { 0, 0, 1 } }
    };
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        for (int floats = 0; floats < 2; floats++) {
            struct one o;
            one_begin(&o, table[k].op, 13);
            if (floats) {
                one_floats(&o, 1, (size_t[]){ 3 }, (float[]){ 1, 2, 3 });
                one_floats(&o, 0, NULL, (float[]){ 2 });
            } else {
                one_list(&o, 3, (int64_t[]){ 1, 2, 3 });
                one_list(&o, 1, (int64_t[]){ 2 });
            }
            tap_ok(!one_compute(&o) && o.result[0].type == XO_BOOL && !memcmp(o.result[0].data, table[k].want, 3),
                   "%s of %s", table[k].op, floats ? "float32" : "int64");
            one_end(&o);
        }
}

static void where_case(void)
{
    size_t rank = one_pick(&seed, 1, 4), full[XO_MAX_RANK], shape[XO_MAX_RANK], index[XO_MAX_RANK], count;
    struct operand a[3];
    uint8_t truth[3125];
    struct one o;
    draw_shape(rank, full);
    for (size_t k = 0; k < 3; k++)
        a[k] = draw_operand(rank, full, -1, 1);
    for (size_t k = 0; k < joint(1, a, &count, shape); k++) {
        truth[k] = a[0].value[k] > 0;
        a[0].value[k] = truth[k];
    }
    one_begin(&o, "Where", 9);
    one_tensor(&o, XO_BOOL, a[0].rank, a[0].shape, truth);
    one_floats(&o, a[1].rank, a[1].shape, a[1].value);
    one_floats(&o, a[2].rank, a[2].shape, a[2].value);
    count = joint(3, a, &rank, shape);
    if (computed(&o, count))
        for (size_t n = 0; n < count; n++) {
            locate(n, rank, shape, index);
            compare(&o, n, at(&a[at(&a[0], rank, index) > 0 ? 1 : 2], rank, index), 1);
        }
    finish(&o);
    for (size_t k = 0; k < 3; k++)
        free(a[k].value);
}

/* ---- sums over axes ------------------------------------------------------------------------------- */

static void reduce_case(const char *op)
{
    size_t rank = one_pick(&seed, 1, 5), shape[XO_MAX_RANK], kept[XO_MAX_RANK], count = draw_shape(rank, shape), results = 1;
    size_t index[XO_MAX_RANK], axes = 0;
    int64_t axis[XO_MAX_RANK];
    int goes[XO_MAX_RANK] = { 0 }, input = !strcmp(op, "ReduceSum") && one_pick(&seed, 0, 1), keep = (int)one_pick(&seed, 0, 1);
    float *x = one_random(&seed, count, -1, 1);
    double *want;
    struct one o;
    for (size_t k = 0; k < rank; k++)
        if (one_pick(&seed, 0, 1)) {
            goes[k] = 1;
            axis[axes++] = one_pick(&seed, 0, 1) ? (int64_t)k : (int64_t)k - (int64_t)rank;
        }
    one_begin(&o, op, input ? 13 : 11);
    one_floats(&o, rank, shape, x);
    one_int(&o, "keepdims", keep);
    if (axes && input)
        one_list(&o, axes, axis);
    else if (axes)
        one_ints(&o, "axes", axes, axis);
    for (size_t k = 0; k < rank; k++)
        results *= kept[k] = goes[k] || !axes ? 1 : shape[k];
    want = calloc(results, sizeof *want);
    for (size_t n = 0; n < results; n++)
        want[n] = strstr(op, "Max") ? -INFINITY : strstr(op, "Min") ? INFINITY : 0;
    for (size_t n = 0; n < count; n++) {
        size_t to = 0;
        double v = (double)x[n];
        locate(n, rank, shape, index);
        for (size_t k = 0; k < rank; k++)
            to = to * kept[k] + (kept[k] == 1 ? 0 : index[k]);
        want[to] = strstr(op, "Max") ? fmax(want[to], v) : strstr(op, "Min") ? fmin(want[to], v) : want[to] + v;
    }
    if (computed(&o, results)) {
        failures += o.result[0].dimensions != (keep ? rank : axes ? rank - axes : 0);
        for (size_t n = 0; n < results; n++)
            compare(&o, n, strstr(op, "Mean") ? want[n] * (double)results / (double)count : want[n], (double)count);
    }
    finish(&o);
    free(want);
    free(x);
}

static void global_case(int average)
{
    size_t rank = one_pick(&seed, 3, 5), shape[XO_MAX_RANK], count = draw_shape(rank, shape), planes = shape[0] * shape[1];
    float *x = one_random(&seed, count, -1, 1);
    struct one o;
    one_begin(&o, average ? "GlobalAveragePool" : "GlobalMaxPool", 7);
    one_floats(&o, rank, shape, x);
    if (computed(&o, planes))
        for (size_t n = 0; n < planes; n++) {
            double sum = 0, best = -INFINITY;
            for (size_t k = 0; k < count / planes; k++) {
                sum += (double)x[n * (count / planes) + k];
                best = fmax(best, (double)x[n * (count / planes) + k]);
            }
            compare(&o, n, average ? sum / (double)(count / planes) : best, 1);
        }
    finish(&o);
    free(x);
}

static void arg_case(void)
{
    size_t shape[XO_MAX_RANK], count = draw_shape(3, shape), axis = one_pick(&seed, 0, 2), inner = 1, n = 0;
    int last = (int)one_pick(&seed, 0, 1), keep = (int)one_pick(&seed, 0, 1);
    float *x = one_random(&seed, count, -1, 1);
    struct one o;
    for (size_t k = 0; k < count; k++)
        x[k] = floorf(3 * x[k]);       /* with ties */
    for (size_t k = axis + 1; k < 3; k++)
        inner *= shape[k];
    one_begin(&o, "ArgMax", 13);
    one_floats(&o, 3, shape, x);
    one_int(&o, "axis", (int64_t)axis - 3);
    one_int(&o, "select_last_index", last);
    one_int(&o, "keepdims", keep);
    if (computed(&o, count / shape[axis]))
        for (size_t a = 0; a < count / inner / shape[axis]; a++)
            for (size_t b = 0; b < inner; b++, n++) {
                int64_t best = 0;
                for (size_t k = 0; k < shape[axis]; k++) {
                    float v = x[(a * shape[axis] + k) * inner + b], w = x[(a * shape[axis] + (size_t)best) * inner + b];
                    if (v > w || (last && !(v < w)))
                        best = (int64_t)k;
                }
                failures += ((const int64_t *)o.result[0].data)[n] != best;
            }
    finish(&o);
    free(x);
}

/* ---- normalised ----------------------------------------------------------------------------------- */

/* (x - mean) gamma/sqrt(var + eps) + beta; which mean and which gamma depends on the operator. */
static void norm_case(const char *op)
{
    int batch = *op == 'B', layer = *op == 'L', given = (int)one_pick(&seed, 0, 1);
    size_t rank = one_pick(&seed, layer ? 1 : batch ? 2 : 3, 4), shape[XO_MAX_RANK], count = draw_shape(rank, shape);
    size_t axis = layer ? one_pick(&seed, 0, rank - 1) : 2, inner = 1, channels;
    float *x = one_random(&seed, count, -4, 4), *p[4], epsilon = given ? 0.01f : 1e-5f;
    struct one o;
    for (size_t k = axis; k < rank; k++)
        inner *= shape[k];
    channels = layer ? inner : shape[1];
    for (size_t k = 0; k < 4; k++)
        p[k] = one_random(&seed, channels, k == 3 ? 0.1 : -1, 2);
    one_begin(&o, op, layer ? 17 : 9);
    one_floats(&o, rank, shape, x);
    for (size_t k = 0; k < (batch ? 4 : layer && !given ? 1 : 2); k++)
        one_floats(&o, 1, &channels, p[k]);
    if (given)
        one_float(&o, "epsilon", epsilon);
    if (layer && (given || axis + 1 != rank))
        one_int(&o, "axis", (int64_t)axis - (int64_t)rank);
    if (computed(&o, count))
        for (size_t n = 0; n < count; n++) {
            size_t c = layer ? n % inner : n / inner % channels, from = n / inner * inner;
            double mean = 0, var = 0, shift = layer && !given ? 0 : (double)p[1][c], want;
            for (size_t k = 0; k < inner; k++)
                mean += (double)x[from + k] / (double)inner;
            for (size_t k = 0; k < inner; k++)
                var += pow((double)x[from + k] - mean, 2) / (double)inner;
            if (batch)
                mean = (double)p[2][c], var = (double)p[3][c];
            want = ((double)x[n] - mean) * (double)p[0][c] / sqrt(var + (double)epsilon) + shift;
            compare(&o, n, want, 8 / sqrt(var + (double)epsilon));
        }
    finish(&o);
    free(x);
    for (size_t k = 0; k < 4; k++)
        free(p[k]);
}

static void softmax_case(int logarithmic, int64_t opset)
{
    size_t rank = one_pick(&seed, 2, 4), shape[XO_MAX_RANK], count = draw_shape(rank, shape), index[XO_MAX_RANK], other[XO_MAX_RANK];
    size_t axis = opset < 13 ? 1 : rank - 1;
    int given = (int)one_pick(&seed, 0, 1);
    float *x = one_random(&seed, count, -5, 5);
    struct one o;
    if (given)
        axis = one_pick(&seed, 0, rank - 1);
    one_begin(&o, logarithmic ? "LogSoftmax" : "Softmax", opset);
    one_floats(&o, rank, shape, x);
    if (given)
        one_int(&o, "axis", (int64_t)axis - (int64_t)(one_pick(&seed, 0, 1) ? rank : 0));
    if (computed(&o, count))
        for (size_t n = 0; n < count; n++) {
            double sum = 0, want;
            locate(n, rank, shape, index);
            for (size_t m = 0; m < count; m++) {           /* who shares n's sum? */
                int shares = 1;
                locate(m, rank, shape, other);
                for (size_t k = 0; k < rank; k++)
                    shares &= (opset < 13 ? k >= axis : k == axis) || other[k] == index[k];
                sum += shares ? exp((double)x[m]) : 0;
            }
            want = exp((double)x[n]) / sum;
            compare(&o, n, logarithmic ? log(want) : want, 1);
        }
    finish(&o);
    free(x);
}

/* ---- quantised ------------------------------------------------------------------------------------ */

static void quantise_case(int back)
{
    size_t shape[XO_MAX_RANK], count = draw_shape(3, shape), axis = one_pick(&seed, 0, 2), inner = 1, channels;
    int by_channel = (int)one_pick(&seed, 0, 1), is_signed = (int)one_pick(&seed, 0, 1), with_zero = is_signed || one_pick(&seed, 0, 1);
    float *x = one_random(&seed, count, -30, 30), *scale;
    int8_t q[125], zero[5];
    struct one o;
    for (size_t k = axis + 1; k < 3; k++)
        inner *= shape[k];
    channels = by_channel ? shape[axis] : 1;
    scale = one_random(&seed, channels, 0.05, 0.3);
    for (size_t k = 0; k < channels; k++) {
        zero[k] = (int8_t)one_pick(&seed, 0, 255);
        scale[k] = one_pick(&seed, 0, 1) ? 0.125f : scale[k];           /* makes ties possible */
    }
    for (size_t k = 0; k < count; k++) {
        q[k] = (int8_t)one_pick(&seed, 0, 255);
        x[k] = one_pick(&seed, 0, 1) ? roundf(16 * x[k]) / 16 : x[k];
    }
    one_begin(&o, back ? "DequantizeLinear" : "QuantizeLinear", 13);
    if (back)
        one_tensor(&o, is_signed ? XO_I8 : XO_U8, 3, shape, q);
    else
        one_floats(&o, 3, shape, x);
    one_floats(&o, (size_t)by_channel, &channels, scale);
    if (with_zero)
        one_tensor(&o, is_signed ? XO_I8 : XO_U8, (size_t)by_channel, &channels, zero);
    if (by_channel)
        one_int(&o, "axis", (int64_t)axis);
    if (computed(&o, count))
        for (size_t n = 0; n < count; n++) {
            size_t c = by_channel ? n / inner % channels : 0;
            double z = !with_zero ? 0 : is_signed ? (double)zero[c] : (double)(uint8_t)zero[c];
            double whole = is_signed ? (double)q[n] : (double)(uint8_t)q[n];
            double rounded = nearbyint((double)(x[n] / scale[c])) + z;
            double low = is_signed ? -128 : 0, high = is_signed ? 127 : 255;
            if (back)
                compare(&o, n, (whole - z) * (double)scale[c], 100);
            else if (is_signed)
                failures += ((const int8_t *)o.result[0].data)[n] != fmin(high, fmax(low, rounded));
            else
                failures += ((const uint8_t *)o.result[0].data)[n] != fmin(high, fmax(low, rounded));
        }
    finish(&o);
    free(scale);
    free(x);
}

static void bias_of_32_bits(void)
{
    struct one o;
    const int32_t q[2] = { 2000000, -3 };
    one_begin(&o, "DequantizeLinear", 13);
    one_tensor(&o, XO_I32, 1, (size_t[]){ 2 }, q);
    one_floats(&o, 1, (size_t[]){ 2 }, (float[]){ 0.5f, 0.25f });
    one_int(&o, "axis", 0);
    tap_ok(!one_compute(&o) && got(&o, 0) == 1e6 && got(&o, 1) == -0.75, "DequantizeLinear of an int32 bias, per channel");
    one_end(&o);
}

static void half_goes_to_even(void)
{
    static const float x[] = { 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 300, -300, 1e30f, -1e30f };
    static const int8_t want[] = { 0, 2, 2, 0, -2, 127, -128, 127, -128 }, zero = 0;
    struct one o;
    one_begin(&o, "QuantizeLinear", 10);
    one_floats(&o, 1, (size_t[]){ 9 }, x);
    one_floats(&o, 0, NULL, (float[]){ 1 });
    one_tensor(&o, XO_I8, 0, NULL, &zero);
    tap_ok(!one_compute(&o) && !memcmp(o.result[0].data, want, 9), "QuantizeLinear rounds half to even and saturates");
    one_end(&o);
}

/* ---- what is refused ------------------------------------------------------------------------------ */

static void refused(struct one *o, int want, const char *word)
{
    int status = one_compute(o);
    printf("# %d: %s\n", status, o->info.text);
    tap_ok(status == want && strstr(o->info.text, word) && strstr(o->info.text, "node tested ("), "refused: %s", word);
    one_end(o);
}

static void refusals(void)
{
    const float numbers[64] = { 0 };
    const size_t shape[] = { 2, 3, 2 }, five = 5;
    struct one o;
    one_begin(&o, "Add", 13);
    one_floats(&o, 2, shape, numbers);
    one_floats(&o, 1, &five, numbers);
    refused(&o, XO_ESHAPE, "shapes (2, 3) and (5)");
    one_begin(&o, "Add", 13);
    one_floats(&o, 2, shape, numbers);
    one_list(&o, 1, (int64_t[]){ 3 });
    refused(&o, XO_EUNSUPPORTED, "input 1 is int64; expected float32");
    one_begin(&o, "Add", 13);
    one_floats(&o, 2, shape, numbers);
    refused(&o, XO_EUNSUPPORTED, "1 inputs, 1 outputs; expected 2 to 2");
    one_begin(&o, "Sum", 13);
    one_floats(&o, 2, shape, numbers);
    one_left_out(&o);
    refused(&o, XO_EVALUE, "input 1 is left out");
    one_begin(&o, "PRelu", 13);
    one_floats(&o, 1, shape, numbers);
    one_floats(&o, 3, (size_t[]){ 2, 1, 2 }, numbers);
    refused(&o, XO_ESHAPE, "more slopes than inputs");
    one_begin(&o, "BatchNormalization", 14);
    one_floats(&o, 3, shape, numbers);
    for (int k = 0; k < 4; k++)
        one_floats(&o, 1, &five, numbers);
    refused(&o, XO_ESHAPE, "input 1 has 5 numbers; expected 3");
    one_begin(&o, "BatchNormalization", 14);
    one_floats(&o, 3, shape, numbers);
    for (int k = 0; k < 4; k++)
        one_floats(&o, 1, shape + 1, numbers);
    one_int(&o, "training_mode", 1);
    refused(&o, XO_EUNSUPPORTED, "training_mode 1");
    one_begin(&o, "LayerNormalization", 17);
    one_floats(&o, 3, shape, numbers);
    one_floats(&o, 1, shape, numbers);
    one_outputs(&o, 2);
    refused(&o, XO_EUNSUPPORTED, "result 1, mean or deviation");
    one_begin(&o, "Softmax", 13);
    one_floats(&o, 3, shape, numbers);
    one_int(&o, "axis", 3);
    refused(&o, XO_EVALUE, "axis 3; expected -3 to 2");
    one_begin(&o, "ReduceMean", 13);
    one_floats(&o, 3, shape, numbers);
    one_ints(&o, "axes", 2, (int64_t[]){ 1, -2 });
    refused(&o, XO_EVALUE, "axis 1 is named twice");
    one_begin(&o, "QuantizeLinear", 13);
    one_floats(&o, 3, shape, numbers);
    one_floats(&o, 1, &five, numbers);
    refused(&o, XO_ESHAPE, "5 scales for 3 channels on axis 1");
    one_begin(&o, "Relu", 14);
    one_list(&o, 1, (int64_t[]){ 3 });
    refused(&o, XO_EUNSUPPORTED, "input 0 is int64; expected float32");
    one_begin(&o, "HardSwish", 13);
    one_floats(&o, 3, shape, numbers);
    refused(&o, XO_EUNSUPPORTED, "HardSwish, opset 13");
}

static void every(const char *what, void (*one_case)(const char *), double tolerance)
{
    for (int k = 0; k < CASES; k++)
        one_case(what);
    report(what, tolerance);
}

int main(void)
{
    printf("# seed %llu\n", seed);
    for (size_t m = 0; m < sizeof maps / sizeof *maps; m++) {
        for (int k = 0; k < CASES; k++)
            map_case(m, k % 2);
        report(maps[m].op, 1e-5);
    }
    for (int k = 0; k < CASES; k++)
        clip_case();
    report("Clip", 0);
    for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++) {
        for (int k = 0; k < CASES; k++)
            pair_case(p);
        report(pairs[p].op, 1e-6);
    }
    whole_numbers();
    truths();
    for (int k = 0; k < CASES; k++)
        where_case();
    report("Where", 0);
    every("ReduceMean", reduce_case, 1e-6);
    every("ReduceSum", reduce_case, 1e-6);
    every("ReduceMax", reduce_case, 1e-6);
    every("ReduceMin", reduce_case, 1e-6);
    for (int k = 0; k < CASES; k++)
        global_case(k % 2);
    report("GlobalAveragePool, GlobalMaxPool", 1e-6);
    for (int k = 0; k < CASES; k++)
        arg_case();
    report("ArgMax", 0);
    every("BatchNormalization", norm_case, 1e-6);
    every("InstanceNormalization", norm_case, 1e-6);
    every("LayerNormalization", norm_case, 1e-6);
    for (int k = 0; k < 4 * CASES; k++) {
        softmax_case(k % 2, k < 2 * CASES ? 12 : 13);
        if (k % (2 * CASES) == 2 * CASES - 1)
            report(k < 2 * CASES ? "Softmax, LogSoftmax, opset 12: all axes from one on" : "Softmax, LogSoftmax, opset 13", 5e-6);
    }
    for (int k = 0; k < 2 * CASES; k++)
        quantise_case(k % 2);
    report("QuantizeLinear, DequantizeLinear", 1e-6);
    bias_of_32_bits();
    half_goes_to_even();
    refusals();
    return tap_done();
}
