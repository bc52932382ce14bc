/* Applying a fast model: against sums in long double; converters, gain, noise; the same bytes for any threads and
 * any cutting into pieces.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <math.h>
#include "fcm-example.h"
#include "levels.h"
#include "random.h"
#include "simd.h"

void openblas_set_num_threads(int threads);

static double *apply(const struct xo_fcm *m, struct xo_apply how, size_t inputs, const double *volt, size_t *outside)
{
    double *amp = malloc(inputs * m->columns * sizeof *amp);
    struct xo_info info = { "" };
    how.simd = how.simd ? how.simd : tests_simd();
    int status = xo_fcm_apply(m, &how, inputs, volt, amp, outside, &info);
    if (status)
        printf("# %d %s\n", status, info.text);
    return amp;
}

/* One current, and the sum of magnitudes that its rounding scales with. */
static double naive(const struct xo_fcm *m, const double *volt, size_t j, double *scale)
{
    long double sum = m->offset_ampere ? m->offset_ampere[j] : 0, size = fabsl(sum);
    for (size_t i = 0; i < m->rows; i++) {
        sum += (long double)volt[i] * m->g_ni_siemens[i * m->columns + j];
        size += fabsl((long double)volt[i] * m->g_ni_siemens[i * m->columns + j]);
    }
    *scale = (double)size;
    return (double)sum;
}

static void the_stage_is_the_matrix(size_t rows, size_t columns, size_t inputs)
{
    struct xo_fcm m = example_model(rows, columns);
    double *volt = example_numbers(inputs * rows, -0.3, 0.3, 9), worst = 0;
    double *amp = apply(&m, (struct xo_apply){ .threads = 2 }, inputs, volt, NULL);
    for (size_t n = 0; n < inputs; n++)
        for (size_t j = 0; j < columns; j++) {
            double scale, want = naive(&m, volt + n * rows, j, &scale);
            worst = fmax(worst, fabs(amp[n * columns + j] - want) / scale);
        }
    printf("# worst %.3g of the column's scale\n", worst);
    tap_ok(worst <= (double)(rows + 2) * 1.1e-16, "%zu inputs through %zux%zu agree with long double", inputs, rows,
           columns);
    free(amp);
    free(m.offset_ampere);
    m.offset_ampere = NULL;
    amp = apply(&m, (struct xo_apply){ 0 }, 1, volt, NULL);
    double scale, want = naive(&m, volt, 0, &scale);
    tap_close(amp[0], want, (double)(rows + 2) * 1.1e-16 * scale, "without i0 too");
    free(amp);
    free(volt);
    xo_fcm_free(&m);
}

/* Shapes that leave some of every panel, vector and group of rows over. */
static void a_current_depends_on_its_own_input_alone(void)
{
    static const struct { size_t rows, columns, inputs; } shape[] = {{1, 1, 1}, {3, 7, 9}, {130, 33, 11},
                                                                     {64, 64, 13}, {257, 45, 7},
                                                                     {40, 24, 5}, {300, 12, 4}};
    int alone_same = 1, levels_same = 1;
    for (size_t k = 0; k < sizeof shape / sizeof *shape; k++) {
        size_t rows = shape[k].rows, columns = shape[k].columns, inputs = shape[k].inputs;
        struct xo_fcm m = example_model(rows, columns);
        double *volt = example_numbers(inputs * rows, -0.3, 0.3, 9 + (unsigned)k);
        double *amp = apply(&m, (struct xo_apply){ 0 }, inputs, volt, NULL);
        for (size_t n = 0; n < inputs; n++) {
            double *alone = apply(&m, (struct xo_apply){ 0 }, 1, volt + n * rows, NULL);
            alone_same &= !memcmp(alone, amp + n * columns, columns * sizeof *amp);
            free(alone);
        }
        double *narrow = apply(&m, (struct xo_apply){ .simd = XO_SIMD_AVX2 }, inputs, volt, NULL);
        double *wide = apply(&m, (struct xo_apply){ .simd = XO_SIMD_AVX512 }, inputs, volt, NULL);
        levels_same &= !memcmp(narrow, wide, inputs * columns * sizeof *wide);
        free(wide);
        free(narrow);
        free(amp);
        free(volt);
        xo_fcm_free(&m);
    }
    if (strstr(xo_fcm_product_name(tests_simd()), "BLAS")) {
        tap_skip("an input alone gives the bytes it has among others", "products are the BLAS's");
        tap_skip("AVX2 and AVX-512 give the same bytes", "products are the BLAS's");
        return;
    }
    tap_ok(alone_same, "an input alone gives the bytes it has among others");
    tap_ok(levels_same, "AVX2 and AVX-512 give the same bytes");
}

static void gain_multiplies(void)
{
    struct xo_fcm m = example_model(6, 4);
    double *volt = example_numbers(10 * 6, 0, 0.3, 9);
    double *raw = apply(&m, (struct xo_apply){ 0 }, 10, volt, NULL);
    double *with = apply(&m, (struct xo_apply){ .gain = 1 }, 10, volt, NULL);
    int same = 1;
    for (size_t k = 0; k < 40; k++)
        same &= with[k] == raw[k] * m.gain_factor[k % 4];
    tap_ok(same, "gain multiplies every column by its factor");
    free(with);
    free(m.gain_factor);
    m.gain_factor = NULL;
    with = apply(&m, (struct xo_apply){ .gain = 1 }, 10, volt, NULL);
    tap_ok(!memcmp(raw, with, 40 * sizeof *raw), "no gain stored: nothing changes");
    free(raw);
    free(with);
    free(volt);
    xo_fcm_free(&m);
}

/* The chain written out once more, one conversion at a time. */
static double chain(const struct xo_fcm *m, const double *given, size_t n, size_t j, int gain)
{
    double volt[64], scale, factor = gain ? m->gain_factor[j] : 1;
    for (size_t i = 0; i < m->rows; i++) {
        const struct xo_random_key key = { m->seed, XO_FOR_DAC_NOISE, 0, n * m->rows + i };
        volt[i] = xo_dac_volt(&m->dac, xo_dac_nearest(&m->dac, given[i]), xo_random_gauss(key));
    }
    double amp = naive(m, volt, j, &scale);
    struct xo_adc_scale s = { m->adc_low_ampere[j], m->adc_lsb_ampere[j] };
    if (gain && m->gain.where == XO_GAIN_REFERENCE)
        s = (struct xo_adc_scale){ s.low_ampere / factor, s.lsb_ampere / factor };
    const struct xo_random_key key = { m->seed, XO_FOR_ADC_NOISE, 0, n * m->columns + j };
    return factor * xo_adc_ampere(&s, xo_adc_code(&m->adc, &s, amp, xo_random_gauss(key)));
}

static void converters_are_the_chain(int gain, enum xo_gain_where where, const char *fact)
{
    enum { INPUTS = 700 };             /* more than a block */
    struct xo_fcm m = example_model(6, 4);
    double *volt = example_numbers(INPUTS * 6, -0.05, 0.35, 9), worst = 0;
    m.gain.where = where;
    m.adc.bits = 12;
    double *amp = apply(&m, (struct xo_apply){ .converters = 1, .gain = gain, .threads = 2 }, INPUTS, volt, NULL);
    for (size_t n = 0; n < INPUTS; n++)
        for (size_t j = 0; j < 4; j++) {
            double want = chain(&m, volt + n * 6, n, j, gain);
            worst = fmax(worst, fabs(amp[n * 4 + j] - want) / m.adc_lsb_ampere[j]);
        }
    tap_close(worst, 0, 1e-9, fact);
    free(amp);
    free(volt);
    xo_fcm_free(&m);
}

/* The path of several columns at once against one conversion at a time, bit by bit. */
static int same_as_one_at_a_time(const struct xo_fcm *m, size_t inputs, double *volt)
{
    double *amp = apply(m, (struct xo_apply){ .converters = 1, .gain = 1 }, inputs, volt, NULL);
    int same = 1;
    for (size_t k = 0; k < inputs * m->rows; k++)
        volt[k] = xo_dac_volt(&m->dac, xo_dac_nearest(&m->dac, volt[k]), 0);
    double *raw = apply(m, (struct xo_apply){ 0 }, inputs, volt, NULL);
    for (size_t k = 0; k < inputs * m->columns; k++) {
        size_t j = k % m->columns;
        struct xo_adc_scale s = { m->adc_low_ampere[j], m->adc_lsb_ampere[j] };
        if (m->gain.where == XO_GAIN_REFERENCE)
            s = xo_adc_scale_at_gain(s, m->gain_factor[j]);
        double want = m->gain_factor[j] * xo_adc_ampere(&s, xo_adc_code(&m->adc, &s, raw[k], 0));
        same &= !memcmp(&amp[k], &want, sizeof want);
    }
    free(amp);
    free(raw);
    return same;
}

static void error_free_converters_are_the_same_bits(enum xo_gain_where where)
{
    enum { INPUTS = 700, ROWS = 6, COLUMNS = 7 };
    unsigned long long seed = 23;
    int same = 1;
    for (int trial = 0; trial < 30; trial++) {
        struct xo_fcm m = example_model(ROWS, COLUMNS);
        size_t inputs = trial ? (size_t)(40 * tap_uniform(&seed)) + 1 : INPUTS;
        double *volt = example_numbers(inputs * ROWS, -0.05, 0.35, 9 + (unsigned)trial);
        m.gain.where = where;
        m.dac.noise_volt = m.adc.noise_lsb = 0;
        m.dac.bits = 1 + trial % 9;
        m.dac.inl_volt.count = trial % 2;
        m.adc.bits = 1 + trial % 13;
        m.adc.inl_lsb.count = 0;
        m.adc.gain_error = trial % 3 ? tap_uniform(&seed) - 0.5 : 0;
        m.adc.offset_lsb = trial % 4 ? 0.5 : 0;
        for (size_t j = 0; j < COLUMNS; j++) {
            m.adc_lsb_ampere[j] = pow(10, -9 + 3 * tap_uniform(&seed));
            m.adc_low_ampere[j] = -floor(m.adc_lsb_ampere[j] < 1e-7 ? 200 * tap_uniform(&seed) : 0)
                                  * m.adc_lsb_ampere[j];
        }
        same &= same_as_one_at_a_time(&m, inputs, volt);
        free(volt);
        xo_fcm_free(&m);
    }
    tap_ok(same, "error-free converters give the bits of one conversion at a time, 30 models");
}

/* Whole volts through one siemens onto steps of two: every other current lies half-way between two codes. */
static void half_way_codes_are_the_same_bits(enum xo_gain_where where)
{
    enum { INPUTS = 64, ROWS = 2, COLUMNS = 5 };
    struct xo_fcm m = example_model(ROWS, COLUMNS);
    double volt[INPUTS * ROWS];
    for (size_t n = 0; n < INPUTS; n++) {
        volt[n * ROWS] = (double)(n % 8);
        volt[n * ROWS + 1] = (double)(n / 8);
    }
    m.gain.where = where;
    m.dac = (struct xo_dac){ .bits = 3, .read_volt = 7 };
    m.adc = (struct xo_adc){ .bits = 3 };
    for (size_t j = 0; j < COLUMNS; j++) {
        m.adc_lsb_ampere[j] = 2;
        m.adc_low_ampere[j] = -2.0 * (double)j;
        m.gain_factor[j] = j % 2 ? 2 : 1;
        m.offset_ampere[j] = 0;
        m.g_ni_siemens[j] = m.g_ni_siemens[COLUMNS + j] = 1;
    }
    tap_ok(same_as_one_at_a_time(&m, INPUTS, volt), "half-way between two codes too");
    xo_fcm_free(&m);
}

static void bytes_do_not_depend_on_threads_or_pieces(int converters)
{
    enum { INPUTS = 3 * XO_APPLY_BLOCK + 77, ROWS = 17, COLUMNS = 11 };
    struct xo_fcm m = example_model(ROWS, COLUMNS);
    double *volt = example_numbers(INPUTS * ROWS, 0, 0.3, 9);
    struct xo_apply how = { .converters = converters, .threads = 1, .simd = tests_simd() };
    double *one = apply(&m, how, INPUTS, volt, NULL), *parts = malloc(INPUTS * COLUMNS * sizeof *parts);
    for (int threads = 2; threads <= 5; threads += 3) {
        how.threads = threads;
        double *several = apply(&m, how, INPUTS, volt, NULL);
        tap_ok(!memcmp(one, several, INPUTS * COLUMNS * sizeof *one), "%d threads give the same bytes%s", threads,
               converters ? ", noise included" : "");
        free(several);
    }
    for (size_t first = 0; first < INPUTS; first += XO_APPLY_BLOCK) {
        how.first_input = first;
        xo_fcm_apply(&m, &how, INPUTS - first < XO_APPLY_BLOCK ? INPUTS - first : XO_APPLY_BLOCK, volt + first * ROWS,
                     parts + first * COLUMNS, NULL, NULL);
    }
    tap_ok(!memcmp(one, parts, INPUTS * COLUMNS * sizeof *one), "pieces give the same bytes%s",
           converters ? ", noise included" : "");
    free(one);
    free(parts);
    free(volt);
    xo_fcm_free(&m);
}

static void inputs_outside_are_counted(void)
{
    struct xo_fcm m = example_model(4, 2);     /* -0.01 V .. 0.3 V, an eighth to seven eighths of them 0 */
    const double volt[6][4] = {
        { 0, 0.1, 0.2, 0.3 },          /* inside                */
        { 0, 0.1, 0.2, 0.31 },         /* too high              */
        { 0, 0.1, 0.2, -0.02 },        /* too low               */
        { 0.1, 0.1, 0.1, 0.1 },        /* no zero               */
        { 0, 0, 0, 0 },                /* nothing but zeros     */
        { 0, -0.01, 0.3, 0 }           /* on the edge: inside   */
    };
    size_t outside = 99;
    free(apply(&m, (struct xo_apply){ 0 }, 6, volt[0], &outside));
    tap_ok(outside == 4, "four of six lie outside (%zu)", outside);
    xo_fcm_free(&m);
}

static void what_cannot_be_applied_is_refused(void)
{
    struct xo_fcm m = example_model(4, 2);
    double volt[4] = { 0 }, amp[2];
    struct xo_info info = { "" };
    free(m.adc_lsb_ampere);
    m.adc_lsb_ampere = NULL;
    tap_ok(xo_fcm_apply(&m, &(struct xo_apply){ .converters = 1 }, 1, volt, amp, NULL, &info) == XO_EVALUE &&
           strstr(info.text, "no ADC range"), "converters without a range");
    tap_ok(!xo_fcm_apply(&m, &(struct xo_apply){ 0 }, 1, volt, amp, NULL, &info), "but the stage alone works");
    free(m.g_ni_siemens);
    m.g_ni_siemens = NULL;
    tap_ok(xo_fcm_apply(&m, &(struct xo_apply){ 0 }, 1, volt, amp, NULL, &info) == XO_EVALUE &&
           strstr(info.text, "technology"), "a technology has no currents");
    xo_fcm_free(&m);
}

int main(void)
{
    openblas_set_num_threads(1);
    the_stage_is_the_matrix(1, 1, 1);
    the_stage_is_the_matrix(7, 3, 5);
    the_stage_is_the_matrix(64, 33, 1100);
    the_stage_is_the_matrix(300, 47, 13);
    a_current_depends_on_its_own_input_alone();
    gain_multiplies();
    converters_are_the_chain(0, XO_GAIN_DIGITAL, "converters are DAC, matrix, ADC");
    converters_are_the_chain(1, XO_GAIN_DIGITAL, "with digital gain");
    converters_are_the_chain(1, XO_GAIN_REFERENCE, "with gain in the reference");
    error_free_converters_are_the_same_bits(XO_GAIN_DIGITAL);
    error_free_converters_are_the_same_bits(XO_GAIN_REFERENCE);
    half_way_codes_are_the_same_bits(XO_GAIN_DIGITAL);
    half_way_codes_are_the_same_bits(XO_GAIN_REFERENCE);
    bytes_do_not_depend_on_threads_or_pieces(0);
    bytes_do_not_depend_on_threads_or_pieces(1);
    inputs_outside_are_counted();
    what_cannot_be_applied_is_refused();
    return tap_done();
}
