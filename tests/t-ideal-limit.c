/* Arrays without wires and converters that lose nothing compute the integer network, bit for bit.
 * The integer network is written here once more, straight from its definition: quantise, convolve in int64, scale.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdint.h>
#include "one-layer.h"
#include "tap.h"

/* ---- the integer network ---------------------------------------------------------------------------- */

static int64_t rounded(double x) { return (int64_t)nearbyint(x); }
static int64_t limited(int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; }

struct integers {
    int64_t *w, *x;                    /* [groups][inputs][outputs], as in memory */
    float *s_w, s_x;
    int64_t *z_w, z_x;
};

static void quantise(struct integers *n, const struct one_layer *o)
{
    size_t outputs = o->groups * o->outputs, weights = outputs * o->inputs;
    size_t pixels = o->images * o->channels * o->height * o->width;
    const struct xo_mapping *m = &o->hardware.mapping;
    int64_t top = (1 << (m->weight_bits - 1)) - 1, most = (1 << (m->input_bits - o->is_signed)) - 1;
    n->w = calloc(weights, sizeof *n->w);
    n->x = calloc(pixels, sizeof *n->x);
    n->s_w = calloc(outputs, sizeof *n->s_w);
    n->z_w = calloc(outputs, sizeof *n->z_w);
    for (size_t j = 0; j < outputs; j++) {
        double clip = 0;
        for (size_t k = 0; k < weights; k++) {
            size_t output = k / o->outputs / o->inputs * o->outputs + k % o->outputs;
            if (m->weight_scale == XO_SCALE_LAYER || output == j)
                clip = fmax(clip, fabs((double)o->weight[k]));
        }
        n->s_w[j] = (float)(clip / (double)top);
    }
    for (size_t k = 0; k < weights; k++) {
        size_t output = k / o->outputs / o->inputs * o->outputs + k % o->outputs;
        n->w[k] = limited(rounded((double)o->weight[k] / (double)n->s_w[output]), -top, top);
    }
    n->s_x = (float)(fmax(-o->range.low, o->range.high) / (double)most);
    for (size_t k = 0; k < pixels; k++)
        n->x[k] = limited(rounded((double)o->x[k] / (double)n->s_x), o->is_signed ? -most : 0, most);
}

static void own_integers(struct integers *n, const struct one_layer *o)
{
    const struct xo_model_integers *own = &o->layer.integers;
    size_t outputs = o->groups * o->outputs, weights = outputs * o->inputs;
    for (size_t k = 0; k < weights; k++)
        n->w[k] = o->own == 2 ? o->own_weight[k] : (int8_t)o->own_weight[k];
    for (size_t k = 0; k < o->images * o->channels * o->height * o->width; k++)
        n->x[k] = o->own == 1 ? o->own_x[k] : (int8_t)o->own_x[k];
    for (size_t j = 0; j < outputs; j++) {
        n->s_w[j] = own->weight_scale[j];
        n->z_w[j] = own->weight_zero[j];
    }
    n->s_x = own->input_scale;
    n->z_x = own->input_zero;
}

/* One output: seven loops without any cleverness. */
static int64_t convolve(const struct integers *n, const struct one_layer *o, size_t image, size_t group, size_t j,
                        size_t y, size_t x)
{
    int64_t sum = 0, zero = n->z_w[group * o->outputs + j];
    size_t of_group = o->channels / o->groups;
    for (size_t c = 0; c < of_group; c++)
        for (size_t a = 0; a < o->kernel[0]; a++)
            for (size_t b = 0; b < o->kernel[1]; b++) {
                long row = (long)(y * o->stride[0] + a * o->dilation[0]) - (long)o->pad[0];
                long column = (long)(x * o->stride[1] + b * o->dilation[1]) - (long)o->pad[1];
                size_t k = (c * o->kernel[0] + a) * o->kernel[1] + b;
                if (row < 0 || column < 0 || row >= (long)o->height || column >= (long)o->width)
                    continue;
                sum += (n->w[(group * o->inputs + k) * o->outputs + j] - zero) *
                       (n->x[((image * o->channels + group * of_group + c) * o->height + (size_t)row) * o->width +
                             (size_t)column] - n->z_x);
            }
    return sum;
}

static float *integer_network(const struct one_layer *o)
{
    struct integers n = { 0 };
    float *y = calloc(one_layer_results(o), sizeof *y), *at = y;
    quantise(&n, o);
    if (o->own)
        own_integers(&n, o);
    for (size_t image = 0; image < o->images; image++)
        for (size_t channel = 0; channel < o->groups * o->outputs; channel++)
            for (size_t r = 0; r < o->out_height; r++)
                for (size_t c = 0; c < o->out_width; c++) {
                    int64_t sum = convolve(&n, o, image, channel / o->outputs, channel % o->outputs, r, c);
                    double scale = (double)n.s_w[channel] * (double)n.s_x, scaled = scale * (double)sum;
                    *at++ = (float)(scaled + (double)o->bias[channel]);
                }
    free(n.w);
    free(n.x);
    free(n.s_w);
    free(n.z_w);
    return y;
}

/* ---- comparing ------------------------------------------------------------------------------------- */

static size_t wrong(const struct one_layer *o, const float *want)
{
    size_t count = 0;
    for (size_t k = 0; k < one_layer_results(o); k++)
        count += memcmp(&o->y[k], &want[k], sizeof *want) != 0;
    return count;
}

/* All stages, on every set of instructions of this machine, images one by one and together. */
static size_t try(struct one_layer o, const char *const *settings)
{
    xo_engine_dnn *e = NULL, *programmed = NULL;
    const struct xo_programming how = { .threads = 1 };
    struct xo_info info = { "" };
    size_t bad = 0;
    int status = one_layer_new(&o, settings);
    one_layer_without_wires(&o);
    if (!status)
        status = one_layer_engine(&e, &o, &info);
    if (!status)
        status = one_layer_program(&programmed, &o, e, &how, &info);
    float *want = integer_network(&o);
    for (int simd = XO_SIMD_PORTABLE; simd <= XO_SIMD_AVX512 && !status; simd++)
        for (size_t at_once = 1; at_once <= 3 && xo_simd_available((enum xo_simd)simd) && !status; at_once += 2)
            for (int stage = XO_STAGE_QUANTISED; stage <= XO_STAGE_CIRCUIT && !status; stage++) {
                xo_engine_dnn *now_on = stage == XO_STAGE_CIRCUIT ? programmed : e;
                xo_engine_dnn_simd(now_on, (enum xo_simd)simd);
                memset(o.y, 0, one_layer_results(&o) * sizeof *o.y);
                status = one_layer_run(&o, now_on, (enum xo_stage)stage, at_once, NULL, &info);
                size_t now = wrong(&o, want);
                if (now)
                    printf("# %s stage %d: %zu of %zu wrong\n", xo_simd_name((enum xo_simd)simd), stage, now,
                           one_layer_results(&o));
                bad += now;
            }
    if (status)
        printf("# status %d: %s\n", status, info.text);
    free(want);
    xo_engine_dnn_free(programmed);
    xo_engine_dnn_free(e);
    one_layer_free(&o);
    return status ? SIZE_MAX : bad;
}

/* ---- settings -------------------------------------------------------------------------------------- */

/* b for which codes lose nothing: signed 2^(b-1) > R; unsigned 2^b > R on/(on - off). */
static int lossless_bits(const char *sign, size_t rows, int a, int c)
{
    double most = (double)rows * ((1 << a) - 1) * ((1 << c) - 1);
    int bits = 1;
    while (ldexp(1, bits) <= (*sign ? most * 10 / 9 : 2 * most))
        bits++;
    return bits;
}

struct scheme { const char *name, *set[5]; const char *is_unsigned; };
static const struct scheme scheme[] = {
    { "differential, tiles, analog", { NULL }, "" },
    { "differential, columns, analog", { "mapping.pair=columns", NULL }, "" },
    { "differential, slices in columns", { "mapping.slices=columns", NULL }, "" },
    { "all in columns", { "mapping.slices=columns", "mapping.pair=columns", NULL }, "" },
    { "digital, popcount", { "mapping.subtract=digital", NULL }, "u" },
    { "digital, reference column", { "mapping.subtract=digital", "mapping.off_current=reference_column", NULL },
      "u" },
    { "digital, open cells", { "mapping.subtract=digital", "mapping.unused_cell=open", NULL }, "u" },
    { "digital, columns, reference", { "mapping.subtract=digital", "mapping.off_current=reference_column",
                                       "mapping.pair=columns", NULL }, "u" },
    { "offset, popcount", { "mapping.sign=offset", NULL }, "u" },
    { "offset, reference, columns", { "mapping.sign=offset", "mapping.off_current=reference_column",
                                      "mapping.slices=columns", NULL }, "u" },
    { "two's complement", { "mapping.sign=twos_complement", NULL }, "u" },
    { "two's complement, reference", { "mapping.sign=twos_complement", "mapping.off_current=reference_column",
                                       NULL }, "u" },
};
enum { SCHEMES = sizeof scheme / sizeof *scheme };

static size_t try_scheme(struct one_layer o, const struct scheme *s, int rows, int columns, int a, int c,
                         const char *const *more)
{
    char text[5][64];
    const char *set[24] = { "adc.range=granular", "gain.scope=none" };
    size_t count = 2;
    snprintf(text[0], sizeof text[0], "array.rows=%d", rows);
    snprintf(text[1], sizeof text[1], "array.columns=%d", columns);
    snprintf(text[2], sizeof text[2], "dac.bits=%d", a);
    snprintf(text[3], sizeof text[3], "device.bits_per_cell=%d", c);
    snprintf(text[4], sizeof text[4], "adc.bits=%d", lossless_bits(s->is_unsigned, (size_t)rows, a, c));
    for (int k = 0; k < 5; k++)
        set[count++] = text[k];
    for (int k = 0; s->set[k]; k++)
        set[count++] = s->set[k];
    for (int k = 0; more && more[k]; k++)
        set[count++] = more[k];
    return try(o, set);
}

static const struct one_layer conv = { .images = 3, .channels = 9, .height = 6, .width = 5, .groups = 1,
                                       .outputs = 11, .kernel = { 3, 2 }, .stride = { 2, 1 }, .pad = { 1, 0, 2, 1 },
                                       .is_convolution = 1, .seed = 1 };
static const struct one_layer dense = { .images = 5, .channels = 150, .outputs = 75, .seed = 2 };

static void every_scheme(void)
{
    for (int k = 0; k < SCHEMES; k++) {
        size_t bad = 0;
        for (int c = 1; c <= 4; c++)
            for (int a = 1; a <= 8; a = a == 2 ? 8 : a + 1)
                bad += try_scheme(conv, &scheme[k], 32, 32, a, c, NULL);
        tap_ok(!bad, "%s: 1 to 4 bits a cell, streams of 1, 2, 8 bits: the integer network's bytes", scheme[k].name);
    }
}

static void both_signs_of_inputs(void)
{
    static const char *const twos[] = { "mapping.input_sign=twos_complement", NULL };
    struct one_layer o = conv;
    o.is_signed = 1;
    for (int k = 0; k < SCHEMES; k++) {
        size_t bad = 0;
        for (int a = 1; a <= 8; a = a == 4 ? 8 : a + 1)
            bad += try_scheme(o, &scheme[k], 32, 32, a, 2, NULL) + try_scheme(o, &scheme[k], 32, 32, a, 2, twos);
        tap_ok(!bad, "%s: signed inputs in two phases and in two's complement", scheme[k].name);
    }
}

static void odd_tiles(void)
{
    for (int k = 0; k < SCHEMES; k++)
        tap_ok(!try_scheme(dense, &scheme[k], 100, 70, 1, 2, NULL), "%s: tiles of 100 x 70", scheme[k].name);
}

static void groups(void)
{
    struct one_layer grouped = conv, depthwise = conv;
    grouped.channels = 8;
    grouped.groups = 2;
    grouped.outputs = 5;
    depthwise.groups = depthwise.channels = 20;
    depthwise.outputs = 2;
    depthwise.kernel[1] = 3;
    depthwise.dilation[0] = 2;
    for (int k = 0; k < SCHEMES; k++)
        tap_ok(!try_scheme(grouped, &scheme[k], 16, 16, 1, 2, NULL) &&
               !try_scheme(depthwise, &scheme[k], 16, 16, 1, 2, NULL), "%s: groups, depthwise", scheme[k].name);
}

static void own_integers_of_models(void)
{
    struct one_layer depthwise = conv;
    depthwise.groups = depthwise.channels = 20;
    depthwise.outputs = 1;
    for (int k = 0; k < SCHEMES; k++) {
        size_t bad = 0;
        for (int own = 1; own <= 2; own++) {
            struct one_layer a = conv, b = dense, c = depthwise;
            a.own = b.own = c.own = own;
            bad += try_scheme(a, &scheme[k], 32, 32, 1, 2, NULL) + try_scheme(b, &scheme[k], 32, 32, 8, 3, NULL) +
                   try_scheme(c, &scheme[k], 32, 32, 2, 2, NULL);
        }
        tap_ok(!bad, "%s: models with their own integers", scheme[k].name);
    }
}

static void other_widths(void)
{
    static const char *const narrow[] = { "mapping.weight_bits=5", "mapping.input_bits=3", NULL };
    static const char *const wide[] = { "mapping.weight_bits=12", "mapping.input_bits=13", NULL };
    static const char *const widest[] = { "mapping.weight_bits=16", "mapping.input_bits=16",
                                          "mapping.weight_scale=channel",
                                          NULL };
    struct one_layer both = conv;
    both.is_signed = 1;
    for (int k = 0; k < SCHEMES; k++) {
        size_t bad = 0;
        for (int a = 1; a <= 5; a++)
            bad += try_scheme(conv, &scheme[k], 32, 32, a, 2, narrow) +
                   try_scheme(both, &scheme[k], 32, 32, a, 3, wide) +
                   try_scheme(conv, &scheme[k], 32, 32, a, 2, widest) +
                   try_scheme(both, &scheme[k], 32, 32, a, 4, widest);
        tap_ok(!bad, "%s: weights of 5, 12, 16 bits, inputs of 3, 13, 16", scheme[k].name);
    }
}

int main(void)
{
    every_scheme();
    both_signs_of_inputs();
    odd_tiles();
    groups();
    own_integers_of_models();
    other_widths();
    return tap_done();
}
