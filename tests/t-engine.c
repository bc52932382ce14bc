/* What holds of the engine beside its results: order, batches and threads do not matter; noise is what it should be;
 * ranges of counted currents are those of sorted ones; running out of memory is survived.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdint.h>
#include "one-layer.h"
#include "oom.h"
#include "tap.h"

static const struct one_layer conv = { .images = 40, .channels = 9, .height = 6, .width = 5, .groups = 1,
                                       .outputs = 11, .kernel = { 3, 2 }, .stride = { 2, 1 }, .pad = { 1, 0, 2, 1 },
                                       .is_convolution = 1, .is_signed = 1, .seed = 5 };

/* ---- order ------------------------------------------------------------------------------------------ */

static void *copy(const void *from, size_t nbytes)
{
    void *to = malloc(nbytes);
    return to ? memcpy(to, from, nbytes) : NULL;
}

static int same_in_any_batches(struct one_layer o, const char *const *settings)
{
    xo_engine_dnn *e = NULL;
    struct xo_info info = { "" };
    int status = one_layer_new(&o, settings), same = 1;
    struct xo_layer_counts first = { 0 }, now;
    size_t nbytes = one_layer_results(&o) * sizeof *o.y;
    float *want = NULL;
    if (!status)
        status = one_layer_engine(&e, &o, &info);
    for (size_t at_once = 40; at_once && !status; at_once /= 3) {
        status = one_layer_run(&o, e, XO_STAGE_CONVERTERS, at_once, &now, &info);
        if (!want) {
            want = copy(o.y, nbytes);
            first = now;
        }
        same &= !memcmp(want, o.y, nbytes) && now.conversions == first.conversions && now.clipped == first.clipped;
        same &= fabs(now.error_square - first.error_square) <= 1e-12 * first.error_square;
    }
    if (status)
        printf("# status %d: %s\n", status, info.text);
    free(want);
    xo_engine_dnn_free(e);
    one_layer_free(&o);
    return !status && same && first.conversions > 0 && first.signal_square > 0;
}

static void batches(void)
{
    static const char *const plain[] = { "array.rows=32", "array.columns=24", NULL };
    static const char *const noisy[] = { "array.rows=32", "array.columns=24", "adc.noise_lsb=1",
                                         "dac.noise_volt=0.01",
                                         "mapping.subtract=digital", NULL };
    tap_ok(same_in_any_batches(conv, plain), "images 40, 13, 4, 1 at a time: the same bytes and counts");
    tap_ok(same_in_any_batches(conv, noisy), "the same with noise of DAC and ADC");
}

/* Nothing is fused, so that every set of instructions rounds alike. */
static void instructions(void)
{
    static const char *const set[][4] = {
        { "array.rows=100", "array.columns=70", "dac.gain_error=0.013", NULL },
        { "array.rows=32", "array.columns=24", "mapping.sign=offset", "dac.bits=2" },
        { "array.rows=40", "array.columns=24", "mapping.subtract=digital", "dac.bits=5" },
        { "array.rows=64", "array.columns=64", "gain.scope=column", "adc.range_scope=column" },
    };
    for (int k = 0; k < 4; k++) {
        const char *const settings[] = { set[k][0], set[k][1], set[k][2], set[k][3], NULL };
        struct one_layer o = conv;
        struct xo_info info = { "" };
        xo_engine_dnn *e = NULL;
        int status = one_layer_new(&o, settings) || one_layer_engine(&e, &o, &info), same = 1;
        size_t nbytes = one_layer_results(&o) * sizeof *o.y;
        float *want = NULL;
        for (int simd = XO_SIMD_PORTABLE; simd <= XO_SIMD_AVX512 && !status; simd++) {
            if (!xo_simd_available((enum xo_simd)simd))
                continue;
            xo_engine_dnn_simd(e, (enum xo_simd)simd);
            status = one_layer_run(&o, e, XO_STAGE_CONVERTERS, 8, NULL, &info);
            if (!want)
                want = copy(o.y, nbytes);
            same &= !memcmp(want, o.y, nbytes);
        }
        tap_ok(!status && same, "%s, %s: portable, AVX2 and AVX-512 give the same bytes", set[k][0], set[k][2]);
        free(want);
        xo_engine_dnn_free(e);
        one_layer_free(&o);
    }
}

/* Two calibrators that share the images give what one gives. */
static void calibrators(void)
{
    static const char *const set[] = { "array.rows=32", "array.columns=24", "gain.scope=column", NULL };
    struct one_layer o = conv;
    struct xo_info info = { "" };
    xo_engine_dnn *e[2] = { NULL };
    xo_engine_thread *t[2] = { NULL };
    float *want = NULL;
    int status = one_layer_new(&o, set);
    if (!status)
        status = one_layer_engine(&e[0], &o, &info) || one_layer_run(&o, e[0], XO_STAGE_CONVERTERS, 8, NULL, &info);
    want = copy(o.y, one_layer_results(&o) * sizeof *o.y);
    if (!status)
        status = xo_engine_dnn_new(&e[1], &o.graph, &o.layers, &o.layer_hardware, &o.range, &info);
    for (int k = 0; k < 2 && !status; k++)
        status = xo_engine_calibrator_new(&t[k], e[1], o.images, &info);
    bool again = false;
    for (size_t image = o.images; image-- > 0 && !status;) {
        size_t pixels = o.channels * o.height * o.width;
        struct xo_layer_hook hook = xo_engine_hook(t[image % 3 == 0]);
        struct xo_tensor in = { .type = XO_F32, .dimensions = 4, .shape = { 1, o.channels, o.height, o.width },
                                .data = o.x + image * pixels }, out = { .data = o.y };
        xo_engine_thread_image(t[image % 3 == 0], image);
        status = hook.run(hook.user, 0, &in, &out, &info);
    }
    if (!status)
        status = xo_engine_calibrate(e[1], 2, t, &again, &info);
    if (!status)
        status = one_layer_run(&o, e[1], XO_STAGE_CONVERTERS, 8, NULL, &info);
    tap_ok(!status && !again && !memcmp(want, o.y, one_layer_results(&o) * sizeof *o.y),
           "calibration images shared by two threads, in another order: the same ranges and gains");
    for (int k = 0; k < 2; k++) {
        xo_engine_thread_free(t[k]);
        xo_engine_dnn_free(e[k]);
    }
    free(want);
    one_layer_free(&o);
}

/* ---- noise ------------------------------------------------------------------------------------------ */

/* Results with noise less results without, in units of one count of the sum. */
static void noise_moments(const char *const *quiet, const char *const *noisy, struct one_layer model, double *mean,
                          double *variance)
{
    struct one_layer a = model, b = model;
    struct xo_info info = { "" };
    xo_engine_dnn *e[2] = { NULL };
    struct xo_layer_sheet s = { 0 };
    int status = one_layer_new(&a, quiet) || one_layer_new(&b, noisy) || one_layer_engine(&e[0], &a, &info) ||
                 one_layer_engine(&e[1], &b, &info) || one_layer_run(&a, e[0], XO_STAGE_CONVERTERS, 8, NULL, &info) ||
                 one_layer_run(&b, e[1], XO_STAGE_CONVERTERS, 8, NULL, &info);
    double sum = 0, square = 0;
    if (!status)
        xo_engine_sheet(e[0], 0, &s);
    size_t count = one_layer_results(&a);
    for (size_t k = 0; k < count; k++) {
        double d = ((double)b.y[k] - (double)a.y[k]) / (s.weight_scale * s.input_scale);
        sum += d;
        square += d * d;
    }
    *mean = status ? NAN : sum / (double)count;
    *variance = status ? NAN : square / (double)count;
    for (int k = 0; k < 2; k++)
        xo_engine_dnn_free(e[k]);
    one_layer_free(&a);
    one_layer_free(&b);
}

/* One stream and slice, codes of 1/2^10 I_unit: p is real and carries the noise as it is. */
static void noise_has_its_size(void)
{
#define FINE "array.rows=16", "array.columns=8", "dac.bits=4", "mapping.input_bits=4", "device.bits_per_cell=3", \
             "mapping.weight_bits=4", "gain.scope=none", "adc.bits=8", "adc.range=fixed", "adc.low_ampere=-2.56e-4", \
             "adc.high_ampere=2.54e-4", "device.on_siemens=8e-6", "device.off_siemens=1e-6", "dac.read_volt=1.5"
    static const char *const quiet[] = { FINE, NULL };
    static const char *const adc[] = { FINE, "adc.noise_lsb=1.5", NULL };
    static const char *const dac[] = { FINE, "dac.noise_volt=0.6", NULL };
    struct one_layer o = { .images = 400, .channels = 16, .outputs = 8, .seed = 9 };
    double mean, variance, lsb = 2e-6 / (0.1 * 1e-6), n = 400 * 8, a = 1.5 * 1.5 + 1.0 / 6;
    noise_moments(quiet, adc, o, &mean, &variance);
    printf("# ADC: mean %g, variance %g, expected 0 and about %g\n", mean, variance, a * lsb * lsb);
    tap_ok(fabs(mean) < 5 * lsb * sqrt(a / n) && fabs(variance / (a * lsb * lsb) - 1) < 5 * sqrt(2 / n) + 0.1,
           "ADC noise of 1.5 LSB has mean 0 and its variance");
    noise_moments(quiet, dac, o, &mean, &variance);
    /* plus and minus lie on tiles with DACs of their own: sigma^2 sum (G+^2 + G-^2), off-current included */
    struct one_layer b = o;
    double cells = 0, sigma = 0.6 / 0.1;
    one_layer_new(&b, quiet);
    float most = 0;
    for (size_t k = 0; k < 128; k++)
        most = fmaxf(most, fabsf(b.weight[k]));
    for (size_t k = 0; k < 128; k++) {
        double q = nearbyint((double)b.weight[k] / (double)(most / 7)), one = 1 + fabs(q);
        cells += (one * one + 1) / 8;
    }
    one_layer_free(&b);
    double want = sigma * sigma * cells + lsb * lsb / 6;
    printf("# DAC: mean %g, variance %g, expected 0 and about %g\n", mean, variance, want);
    tap_ok(fabs(mean) < 0.05 * sqrt(want) + 5 * sqrt(want / n) && fabs(variance / want - 1) < 0.1,
           "DAC noise of 0.6 V has mean 0 and its variance");
}

/* One cell pair, as many rows as conversions: a row's DAC and a column's ADC have the same place, and would move
 * together if they drew the same numbers. */
static void noises_are_independent(void)
{
#define ONE FINE, "array.rows=8"
    static const char *const quiet[] = { ONE, NULL };
    static const char *const dac[] = { ONE, "dac.noise_volt=0.375", NULL };
    static const char *const adc[] = { ONE, "adc.noise_lsb=1.5", NULL };
    static const char *const both[] = { ONE, "dac.noise_volt=0.375", "adc.noise_lsb=1.5", NULL };
    struct one_layer o = { .images = 1500, .channels = 1, .outputs = 1, .seed = 1 }, weight = o;
    double mean, variance[3];
    while (!one_layer_new(&weight, quiet) && weight.weight[0] <= 0) {      /* the pair's plus side is on */
        one_layer_free(&weight);
        weight = o;
        weight.seed = ++o.seed;
    }
    one_layer_free(&weight);
    noise_moments(quiet, dac, o, &mean, &variance[0]);
    noise_moments(quiet, adc, o, &mean, &variance[1]);
    noise_moments(quiet, both, o, &mean, &variance[2]);
    printf("# variance: DAC %g, ADC %g, both %g\n", variance[0], variance[1], variance[2]);
    tap_ok(fabs(variance[0] / variance[1] - 1) < 0.3, "noises of DAC and ADC of about the same size");
    tap_ok(fabs(variance[2] / (variance[0] + variance[1]) - 1) < 0.3,
           "together: their variances add, they are independent");
}

/* ---- ranges ----------------------------------------------------------------------------------------- */

/* Range found on the way, against xo_adc_range with the currents themselves; one row tile, one slice, one stream. */
static void ranges_on_the_way(void)
{
    static const char *const kind[][2] = { { "mapping.subtract=analog", "dac.offset_volt=0" },
                                           { "mapping.sign=offset", "dac.offset_volt=0" },
                                           { "mapping.subtract=analog", "dac.offset_volt=0.01" } };
    for (int k = 0; k < 3; k++) {
        const char *const set[] = { "array.rows=64", "array.columns=32", "dac.bits=3", "mapping.input_bits=3",
                                    "device.bits_per_cell=3", "mapping.weight_bits=3", "gain.scope=none",
                                    "adc.quantile=0.013", kind[k][0], kind[k][1], NULL };
        struct one_layer o = { .images = 31, .channels = 40, .outputs = 7, .seed = 21 };
        struct xo_info info = { "" };
        struct xo_layer_sheet s = { 0 };
        struct xo_adc_scale want = { 0 };
        xo_engine_dnn *e = NULL;
        int status = one_layer_new(&o, set);
        const struct xo_hardware *h = &o.hardware;
        bool is_offset = h->mapping.sign == XO_SIGN_OFFSET;
        double *current = calloc(31 * 7, sizeof *current), step = (h->device.on_siemens - h->device.off_siemens) / 7;
        if (!status)
            status = one_layer_engine(&e, &o, &info);
        if (!status)
            xo_engine_sheet(e, 0, &s);
        for (size_t n = 0; n < 31 * 7; n++)
            for (size_t i = 0; i < 40; i++) {
                double q = nearbyint((double)o.weight[i * 7 + n % 7] / s.weight_scale);
                unsigned digit = (unsigned)nearbyint((double)o.x[n / 7 * 40 + i] / s.input_scale);
                double g = is_offset ? (q + 4) * step + h->device.off_siemens : q * step;
                current[n] += xo_dac_volt(&h->dac, digit, 0) * g;
            }
        if (!status)
            status = xo_adc_range(&want, &h->adc, &h->dac, &h->device, 64, !is_offset, 31 * 7, current, &info);
        printf("# low %g want %g, LSB %.9g want %.9g\n", s.low_ampere, want.low_ampere, s.lsb_ampere,
               want.lsb_ampere);
        tap_ok(!status && fabs(s.lsb_ampere - want.lsb_ampere) <= (k == 2 ? 1e-6 : 1e-12) * want.lsb_ampere &&
               fabs(s.low_ampere - want.low_ampere) <= (k == 2 ? 1e-6 : 1e-12) * fabs(want.low_ampere),
               "%s, %s: the range is that of sorted currents", kind[k][0], kind[k][1]);
        free(current);
        xo_engine_dnn_free(e);
        one_layer_free(&o);
    }
}

/* ---- by hand ---------------------------------------------------------------------------------------- */

/* Readings of image 0 and 32 outside the range, counted from the weights: 8 streams of a bit, 4 slices of 2. */
static uint64_t outside(const struct one_layer *o, const struct xo_layer_sheet *s, double low, double lsb,
                        double last)
{
    uint64_t count = 0;
    for (size_t n = 0; n < 2 * 8 * 4 * 8; n++) {
        size_t image = n / 256 * 32, t = n / 32 % 8, slice = n / 8 % 4, j = n % 8;
        double current = 0;
        for (size_t i = 0; i < 64; i++) {
            int q = (int)nearbyint((double)o->weight[i * 8 + j] / s->weight_scale), digit = abs(q) >> 2 * slice & 3;
            unsigned x = (unsigned)nearbyint((double)o->x[image * 64 + i] / s->input_scale);
            current += (int)(x >> t & 1) * (q < 0 ? -digit : digit) * s->unit_ampere;
        }
        double z = nearbyint((current - low) / lsb);
        count += z < 0 || z > last;
    }
    return count;
}

/* Clipping is counted: of 32 images the first is looked at; a range of half the largest current clips its share. */
static void clipping_is_counted(void)
{
    static const char *const wide[] = { "array.rows=64", "array.columns=32", "gain.scope=none", "adc.range=full",
                                        NULL };
    static const char *const narrow[] = { "array.rows=64", "array.columns=32", "gain.scope=none", "adc.range=fixed",
                                          "adc.low_ampere=-1e-6", "adc.high_ampere=1e-6", NULL };
    struct one_layer o = { .images = 40, .channels = 64, .outputs = 8, .seed = 3 };
    for (int k = 0; k < 2; k++) {
        struct one_layer l = o;
        struct xo_layer_counts count = { 0 };
        struct xo_info info = { "" };
        xo_engine_dnn *e = NULL;
        int status = one_layer_new(&l, k ? narrow : wide) || one_layer_engine(&e, &l, &info) ||
                     one_layer_run(&l, e, XO_STAGE_CONVERTERS, 8, &count, &info);
        printf("# %llu of %llu clipped\n", (unsigned long long)count.clipped, (unsigned long long)count.conversions);
        struct xo_layer_sheet s = { 0 };
        if (!status)
            xo_engine_sheet(e, 0, &s);
        tap_ok(!status && count.conversions == 2 * 8 * 4 * 8 && (count.clipped > 0) == k &&
               count.clipped == outside(&l, &s, s.low_ampere, s.lsb_ampere, 255),
               "2 images of 40, 8 streams, 4 slices, 8 outputs are looked at: %s", k ? "some clip" : "none clips");
        xo_engine_dnn_free(e);
        one_layer_free(&l);
    }
}

/* ---- memory ----------------------------------------------------------------------------------------- */

static struct one_layer sweep_layer;

static int use_once(void *user)
{
    xo_engine_dnn *e = NULL;
    struct xo_info info = { "" };
    (void)user;
    int status = one_layer_engine(&e, &sweep_layer, &info);
    for (int stage = XO_STAGE_QUANTISED; stage <= XO_STAGE_CONVERTERS && !status; stage++)
        status = one_layer_run(&sweep_layer, e, (enum xo_stage)stage, 1, NULL, &info);
    xo_engine_dnn_free(e);
    return status;
}

static xo_engine_dnn *sweep_base;

static int program_once(void *user)
{
    const struct xo_programming how = { .threads = 1, .varies = true };
    xo_engine_dnn *e = NULL;
    struct xo_info info = { "" };
    (void)user;
    int status = one_layer_program(&e, &sweep_layer, sweep_base, &how, &info);
    if (!status)
        status = one_layer_run(&sweep_layer, e, XO_STAGE_CIRCUIT, 1, NULL, &info);
    xo_engine_dnn_free(e);
    return status;
}

static void memory_while_programming(void)
{
    static const char *const set[] = { "array.rows=4", "array.columns=4", "mapping.weight_bits=2", "gain.vectors=2",
                                       "dac.noise_volt=0.01", "device.variation.sigma=0.1",
                                       "mapping.off_current=reference_column", "mapping.subtract=digital", NULL };
    struct xo_info info = { "" };
    sweep_layer = (struct one_layer){ .images = 1, .channels = 4, .outputs = 2, .seed = 8 };
    int status = one_layer_new(&sweep_layer, set) || one_layer_engine(&sweep_base, &sweep_layer, &info);
    struct oom_report r = oom_sweep_allowing(program_once, NULL, 1);       /* a block need not shrink */
    tap_ok(!status && oom_clean(&r), "programming survives each of %zu failing allocations", r.allocations);
    xo_engine_dnn_free(sweep_base);
    one_layer_free(&sweep_layer);
}

static void memory(void)
{
    static const char *const set[][4] = {
        { "array.rows=32", "array.columns=24", "gain.where=reference", NULL },
        { "array.rows=32", "array.columns=24", "mapping.sign=offset", "mapping.off_current=reference_column" },
    };
    for (int k = 0; k < 2; k++) {
        const char *const settings[] = { set[k][0], set[k][1], set[k][2], set[k][3], "adc.noise_lsb=1",
                                         "gain.vectors=4", NULL };
        const char *const quiet[] = { set[k][0], set[k][1], set[k][2], NULL };
        sweep_layer = conv;
        sweep_layer.images = 2;
        one_layer_new(&sweep_layer, k ? settings : quiet);
        struct oom_report r = oom_sweep(use_once, NULL);
        tap_ok(oom_clean(&r), "a layer survives each of %zu failing allocations", r.allocations);
        one_layer_free(&sweep_layer);
    }
}

int main(void)
{
    batches();
    instructions();
    calibrators();
    noise_has_its_size();
    noises_are_independent();
    ranges_on_the_way();
    clipping_is_counted();
    memory();
    memory_while_programming();
    return tap_done();
}
