/* Sums over axes, maxima, normalisations, softmax: against definitions in double precision.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "one-node.h"
#include "tap.h"

static unsigned long long seed = 1729;
enum { CASES = 60 };
static struct one_tally tally;

/* ---- sums over axes ------------------------------------------------------------------------------- */

static void reduce_case(const char *op)
{
    size_t rank = one_pick(&seed, 1, 5), shape[XO_MAX_RANK], kept[XO_MAX_RANK], count = one_shape(&seed, rank, shape),
        results = 1;
    size_t index[XO_MAX_RANK], axes = 0, to_shape[XO_MAX_RANK], left = 0;
    int64_t axis[XO_MAX_RANK];
    int goes[XO_MAX_RANK] = { 0 }, input = !strcmp(op, "ReduceSum") && one_pick(&seed, 0, 1), keep =
        (int)one_pick(&seed, 0, 1);
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
    for (size_t k = 0; k < rank; k++) {
        results *= kept[k] = goes[k] || !axes ? 1 : shape[k];
        if (keep || (axes && !goes[k]))
            to_shape[left++] = kept[k];
    }
    want = calloc(results, sizeof *want);
    for (size_t n = 0; n < results; n++)
        want[n] = strstr(op, "Max") ? -INFINITY : strstr(op, "Min") ? INFINITY : 0;
    for (size_t n = 0; n < count; n++) {
        size_t to = 0;
        double v = (double)x[n];
        one_locate(n, rank, shape, index);
        for (size_t k = 0; k < rank; k++)
            to = to * kept[k] + (kept[k] == 1 ? 0 : index[k]);
        want[to] = strstr(op, "Max") ? fmax(want[to], v) : strstr(op, "Min") ? fmin(want[to], v) : want[to] + v;
    }
    if (one_computed(&tally, &o, left, to_shape))
        for (size_t n = 0; n < results; n++)
            one_compare(&tally, &o, n, strstr(op, "Mean") ? want[n] * (double)results / (double)count : want[n],
                        (double)count);
    one_finish(&tally, &o);
    free(want);
    free(x);
}

static void global_case(int average)
{
    size_t rank = one_pick(&seed, 3, 5), shape[XO_MAX_RANK], count = one_shape(&seed, rank, shape), planes =
        shape[0] * shape[1];
    float *x = one_random(&seed, count, -1, 1);
    struct one o;
    one_begin(&o, average ? "GlobalAveragePool" : "GlobalMaxPool", 7);
    one_floats(&o, rank, shape, x);
    if (one_computed(&tally, &o, rank, (size_t[]){ shape[0], shape[1], 1, 1, 1 }))
        for (size_t n = 0; n < planes; n++) {
            double sum = 0, best = -INFINITY;
            for (size_t k = 0; k < count / planes; k++) {
                sum += (double)x[n * (count / planes) + k];
                best = fmax(best, (double)x[n * (count / planes) + k]);
            }
            one_compare(&tally, &o, n, average ? sum / (double)(count / planes) : best, 1);
        }
    one_finish(&tally, &o);
    free(x);
}

static void arg_case(void)
{
    size_t shape[XO_MAX_RANK], count = one_shape(&seed, 3, shape), axis = one_pick(&seed, 0, 2), inner = 1, n = 0;
    size_t to_shape[3], left = 0;
    int last = (int)one_pick(&seed, 0, 1), keep = (int)one_pick(&seed, 0, 1);
    float *x = one_random(&seed, count, -1, 1);
    struct one o;
    for (size_t k = 0; k < count; k++)
        x[k] = floorf(3 * x[k]);       /* with ties */
    for (size_t k = 0; k < 3; k++) {
        inner *= k > axis ? shape[k] : 1;
        if (k != axis || keep)
            to_shape[left++] = k == axis ? 1 : shape[k];
    }
    one_begin(&o, "ArgMax", 13);
    one_floats(&o, 3, shape, x);
    one_int(&o, "axis", (int64_t)axis - 3);
    one_int(&o, "select_last_index", last);
    one_int(&o, "keepdims", keep);
    if (one_computed(&tally, &o, left, to_shape))
        for (size_t a = 0; a < count / inner / shape[axis]; a++)
            for (size_t b = 0; b < inner; b++, n++) {
                int64_t best = 0;
                for (size_t k = 0; k < shape[axis]; k++) {
                    float v = x[(a * shape[axis] + k) * inner + b], w = x[(a * shape[axis] + (size_t)best) * inner +
                                                                          b];
                    if (v > w || (last && !(v < w)))
                        best = (int64_t)k;
                }
                tally.failures += ((const int64_t *)o.result[0].data)[n] != best;
            }
    one_finish(&tally, &o);
    free(x);
}

/* ---- normalised ----------------------------------------------------------------------------------- */

/* (x - mean) gamma/sqrt(var + eps) + beta; which mean and which gamma depends on the operator. */
static void norm_case(const char *op)
{
    int batch = *op == 'B', layer = *op == 'L', given = (int)one_pick(&seed, 0, 1);
    size_t rank = one_pick(&seed, layer ? 1 : batch ? 2 : 3, 4), shape[XO_MAX_RANK], count = one_shape(&seed, rank,
                                                                                                       shape);
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
    if (one_computed(&tally, &o, rank, shape))
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
            one_compare(&tally, &o, n, want, 8 / sqrt(var + (double)epsilon));
        }
    one_finish(&tally, &o);
    free(x);
    for (size_t k = 0; k < 4; k++)
        free(p[k]);
}

static void softmax_case(int logarithmic, int64_t opset)
{
    size_t rank = one_pick(&seed, 2, 4), shape[XO_MAX_RANK], count = one_shape(&seed, rank, shape),
        index[XO_MAX_RANK], other[XO_MAX_RANK];
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
    if (one_computed(&tally, &o, rank, shape))
        for (size_t n = 0; n < count; n++) {
            double sum = 0, want;
            one_locate(n, rank, shape, index);
            for (size_t m = 0; m < count; m++) {           /* who shares n's sum? */
                int shares = 1;
                one_locate(m, rank, shape, other);
                for (size_t k = 0; k < rank; k++)
                    shares &= (opset < 13 ? k >= axis : k == axis) || other[k] == index[k];
                sum += shares ? exp((double)x[m]) : 0;
            }
            want = exp((double)x[n]) / sum;
            one_compare(&tally, &o, n, logarithmic ? log(want) : want, 1);
        }
    one_finish(&tally, &o);
    free(x);
}

static void refusals(void)
{
    const float numbers[64] = { 0 };
    const size_t shape[] = { 2, 3, 2 }, five = 5;
    struct one o;
    one_begin(&o, "BatchNormalization", 14);
    one_floats(&o, 3, shape, numbers);
    for (int k = 0; k < 4; k++)
        one_floats(&o, 1, &five, numbers);
    one_refused(&o, XO_ESHAPE, "input 1 has 5 numbers; expected 3");
    one_begin(&o, "BatchNormalization", 14);
    one_floats(&o, 3, shape, numbers);
    for (int k = 0; k < 4; k++)
        one_floats(&o, 1, shape + 1, numbers);
    one_int(&o, "training_mode", 1);
    one_refused(&o, XO_EUNSUPPORTED, "training_mode 1");
    one_begin(&o, "LayerNormalization", 17);
    one_floats(&o, 3, shape, numbers);
    one_floats(&o, 1, shape, numbers);
    one_outputs(&o, 2);
    one_refused(&o, XO_EUNSUPPORTED, "result 1, mean or deviation");
    one_begin(&o, "Softmax", 13);
    one_floats(&o, 3, shape, numbers);
    one_int(&o, "axis", 3);
    one_refused(&o, XO_EVALUE, "axis 3; expected -3 to 2");
    one_begin(&o, "ReduceMean", 13);
    one_floats(&o, 3, shape, numbers);
    one_ints(&o, "axes", 2, (int64_t[]){ 1, -2 });
    one_refused(&o, XO_EVALUE, "axis 1 is named twice");
}

static void every(const char *what, void (*one_case)(const char *), double tolerance)
{
    for (int k = 0; k < CASES; k++)
        one_case(what);
    one_report(&tally, what, tolerance);
}

int main(void)
{
    printf("# seed %llu\n", seed);
    every("ReduceMean", reduce_case, 1e-6);
    every("ReduceSum", reduce_case, 1e-6);
    every("ReduceMax", reduce_case, 1e-6);
    every("ReduceMin", reduce_case, 1e-6);
    for (int k = 0; k < CASES; k++)
        global_case(k % 2);
    one_report(&tally, "GlobalAveragePool, GlobalMaxPool", 1e-6);
    for (int k = 0; k < CASES; k++)
        arg_case();
    one_report(&tally, "ArgMax", 0);
    every("BatchNormalization", norm_case, 1e-6);
    every("InstanceNormalization", norm_case, 1e-6);
    every("LayerNormalization", norm_case, 1e-6);
    for (int k = 0; k < 4 * CASES; k++) {
        softmax_case(k % 2, k < 2 * CASES ? 12 : 13);
        if (k % (2 * CASES) == 2 * CASES - 1)
            one_report(&tally, k < 2 * CASES ? "Softmax, LogSoftmax, opset 12: all axes from one on"
                       : "Softmax, LogSoftmax, opset 13", 5e-6);
    }
    refusals();
    return tap_done();
}
