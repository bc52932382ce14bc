/* Converters: every parameter by hand, every range rule, and the laws all of them keep.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <math.h>
#include "levels.h"
#include "random.h"
#include "tap.h"
#include "xo_converter.h"

static const struct xo_device device = { .on_siemens = 1e-5, .off_siemens = 1e-6, .bits_per_cell = 2 };

/* ---- DAC ------------------------------------------------------------------------------------------ */

static void dac_parameters_by_hand(void)
{
    struct xo_dac dac = { .bits = 2, .read_volt = 0.3 };
    tap_close_ulp(xo_dac_volt(&dac, 3, 0), 0.3, 1, "the last digit gives read_volt");
    tap_close_ulp(xo_dac_volt(&dac, 1, 0), 0.1, 2, "digit 1 of 3 gives a third");
    tap_ok(xo_dac_volt(&dac, 0, 0) == 0, "digit 0 gives exactly 0 V");
    dac.gain_error = 0.5;
    tap_close_ulp(xo_dac_volt(&dac, 3, 0), 0.45, 2, "gain_error tilts");
    dac.offset_volt = 0.01;
    tap_close_ulp(xo_dac_volt(&dac, 0, 0), 0.01, 1, "offset_volt shifts digit 0 too");
    dac.inl_volt = (struct xo_inl){ 3, { 0.3, 0.9, 2.7 } };
    tap_close_ulp(xo_dac_volt(&dac, 1, 0), 0.15 + 0.01 + 0.1 + 0.1 + 0.1, 3, "inl_volt is c1 t + c2 t^2 + c3 t^3");
    dac.noise_volt = 0.02;
    tap_close_ulp(xo_dac_volt(&dac, 0, -2), 0.01 - 0.04, 3, "noise_volt times the sample");
    tap_ok(xo_dac_volt(&dac, 0, 0) == 0.01, "no noise without a sample");
}

static void the_nearest_digit(void)
{
    struct xo_dac dac = { .bits = 2, .read_volt = 3 };
    tap_ok(xo_dac_nearest(&dac, 1.4) == 1 && xo_dac_nearest(&dac, 1.6) == 2, "1.4 V is 1, 1.6 V is 2");
    tap_ok(xo_dac_nearest(&dac, 1.5) == 1 && xo_dac_nearest(&dac, 2.5) == 2, "half-way: the lower one");
    tap_ok(xo_dac_nearest(&dac, -9) == 0 && xo_dac_nearest(&dac, 9) == 3, "beyond the ends: the ends");
    tap_ok(xo_dac_nearest(&dac, -1e300) == 0 && xo_dac_nearest(&dac, 1e300) == 3, "however far");
    dac.gain_error = -2;
    tap_ok(xo_dac_nearest(&dac, -9) == 3 && xo_dac_nearest(&dac, -1.5) == 1, "a falling DAC too");
}

/* The table against the walk over all digits, DACs that bend, fall and repeat included. */
static void the_table_of_levels_agrees(void)
{
    unsigned long long seed = 5;
    int same = 1;
    for (int trial = 0; trial < 300; trial++) {
        struct xo_dac dac = { .bits = 1 + trial % 7, .read_volt = 0.5, .offset_volt = 0.1 * tap_uniform(&seed) };
        struct xo_levels levels;
        if (trial % 3)
            dac.inl_volt = (struct xo_inl){ 2, { 0, -tap_uniform(&seed) } };
        if (trial % 11 == 0)
            dac.gain_error = -1;
        if (xo_levels_new(&levels, &dac))
            break;
        for (int k = 0; k < 200; k++) {
            double volt = k % 2 ? -0.5 + 2 * tap_uniform(&seed)
                                : 0.5 * (xo_dac_volt(&dac, (unsigned)k % (1u << dac.bits), 0) +
                                         xo_dac_volt(&dac, (unsigned)(k / 2) % (1u << dac.bits), 0));
            same &= xo_levels_nearest(&levels, volt) == xo_dac_nearest(&dac, volt);
        }
        xo_levels_free(&levels);
    }
    tap_ok(same, "the sorted table gives the same digit, 60000 voltages of 300 DACs");
}

/* Many at once: DACs of equal steps take a way of their own, which must give the very bits of one at a time. */
static int same_snaps(const struct xo_dac *dac, size_t count, const double *volt)
{
    enum { MOST = 300 };
    double snapped[MOST];
    struct xo_levels levels;
    int same = !xo_levels_new(&levels, dac);
    if (!same)
        return 0;
    xo_levels_snap(&levels, count, volt, snapped);
    for (size_t k = 0; k < count; k++) {
        double want = xo_dac_volt(dac, xo_dac_nearest(dac, volt[k]), 0);
        if (memcmp(&snapped[k], &want, sizeof want)) {
            printf("# %d bits, gain_error %.17g: %.17g V became %.17g, not %.17g\n", dac->bits, dac->gain_error,
                   volt[k], snapped[k], want);
            same = 0;
            break;
        }
    }
    xo_levels_free(&levels);
    return same;
}

static void snapping_gives_the_bits_of_the_nearest_level(void)
{
    enum { MOST = 300, LONGEST = 12 };
    unsigned long long seed = 17;
    double volt[MOST];
    int same = 1;
    for (int trial = 0; trial < 400; trial++) {
        struct xo_dac dac = { .bits = 1 + trial % LONGEST, .read_volt = trial % 2 ? 1e-3 + tap_uniform(&seed) : 1 };
        unsigned digits = 1u << dac.bits;
        dac.gain_error = trial % 5 == 1 ? 2 * tap_uniform(&seed) - 0.9 : trial % 5 == 2 ? -2 : 0;
        dac.offset_volt = trial % 3 == 1 ? tap_uniform(&seed) - 0.5 : trial % 3 == 2 ? ldexp(1, trial % 45) : 0;
        if (trial % 7 == 3)
            dac.inl_volt = (struct xo_inl){ 2, { 0, -tap_uniform(&seed) } };
        size_t count = trial % 40 == 39 ? MOST : (size_t)(40 * tap_uniform(&seed));
        for (size_t k = 0; k < count; k++) {
            unsigned digit = (unsigned)(digits * tap_uniform(&seed));
            double level = xo_dac_volt(&dac, digit, 0), other = xo_dac_volt(&dac, (digit + 1) % digits, 0);
            double tie = level + 0.5 * (other - level), near = nextafter(tie, k % 3 ? INFINITY : -INFINITY);
            const double kinds[] = { tie, near, level, nextafter(level, -INFINITY), -1 + 3 * tap_uniform(&seed), -0.0,
                                     1e300, -1e300, 1e17 };
            volt[k] = kinds[k % (sizeof kinds / sizeof *kinds)];
        }
        same &= same_snaps(&dac, count, volt);
    }
    tap_ok(same, "snapping many: the bits of the nearest level, 400 DACs, half-way and far away included");
}

/* ---- ADC ------------------------------------------------------------------------------------------ */

static void adc_parameters_by_hand(void)
{
    struct xo_adc adc = { .bits = 4 };
    const struct xo_adc_scale scale = { -4, 2 };       /* codes 0..15: -4 A .. 26 A */
    tap_ok(xo_adc_code(&adc, &scale, -4, 0) == 0 && xo_adc_code(&adc, &scale, 0, 0) == 2 &&
           xo_adc_code(&adc, &scale, 26, 0) == 15, "low, zero and high");
    tap_ok(xo_adc_ampere(&scale, 2) == 0 && xo_adc_ampere(&scale, 15) == 26, "and back");
    tap_ok(xo_adc_code(&adc, &scale, 1, 0) == 2 && xo_adc_code(&adc, &scale, 3, 0) == 4, "half to even: 2.5 and 3.5");
    tap_ok(xo_adc_code(&adc, &scale, -1e9, 0) == 0 && xo_adc_code(&adc, &scale, 1e9, 0) == 15,
           "clamped at both ends");
    tap_ok(xo_adc_code(&adc, &scale, -1e300, 0) == 0 && xo_adc_code(&adc, &scale, 1e300, 0) == 15, "however far");
    adc.gain_error = 0.5;
    tap_ok(xo_adc_code(&adc, &scale, 4, 0) == 6, "gain_error: z 4 reads 6");
    adc.gain_error = 0;
    adc.offset_lsb = 1.25;
    tap_ok(xo_adc_code(&adc, &scale, 4, 0) == 5 && xo_adc_code(&adc, &scale, 4.6, 0) == 6,
           "offset_lsb: 5.25 and 5.55");
    adc.offset_lsb = 0;
    adc.inl_lsb = (struct xo_inl){ 2, { 1, 2 } };
    tap_ok(xo_adc_code(&adc, &scale, -4, 0) == 0, "inl_lsb is 0 at code 0");
    tap_ok(xo_adc_code(&adc, &scale, 11, 0) == 8, "inl_lsb at t = 1/2: 7.5 + 0.5 + 0.5 = 8.5, to even 8");
    adc.inl_lsb.count = 0;
    adc.noise_lsb = 2;
    tap_ok(xo_adc_code(&adc, &scale, 4, 1.5) == 7 && xo_adc_code(&adc, &scale, 4, 0) == 4,
           "noise_lsb times the sample");
}

static struct xo_adc_scale range(const struct xo_adc *adc, int signed_codes, size_t count, double *currents)
{
    const struct xo_dac dac = { .bits = 2, .read_volt = 0.3 };
    struct xo_adc_scale scale = { NAN, NAN };
    struct xo_info info = { "" };
    int status = xo_adc_range(&scale, adc, &dac, &device, 64, signed_codes, count, currents, &info);
    if (status)
        printf("# %d %s\n", status, info.text);
    return scale;
}

static void ranges_from_the_array(void)
{
    struct xo_adc adc = { .bits = 8, .range = XO_ADC_FULL };
    struct xo_adc_scale s = range(&adc, 0, 0, NULL);
    tap_close_ulp(s.lsb_ampere, 64 * 1e-5 * 0.3 / 255, 4, "full: all rows on at read_volt is code 255");
    tap_ok(s.low_ampere == 0 && !signbit(s.low_ampere), "full, unsigned: from 0");
    s = range(&adc, 1, 0, NULL);
    tap_close_ulp(s.lsb_ampere, 64 * 1e-5 * 0.3 / 127, 4, "full, signed: it is 127 steps above 0");
    tap_ok(s.low_ampere == -128 * s.lsb_ampere, "from -128 steps");
    adc.range = XO_ADC_GRANULAR;
    s = range(&adc, 0, 0, NULL);
    tap_close_ulp(s.lsb_ampere, 0.1 * 3e-6, 4, "granular: one input level times one weight level");
    tap_ok(s.low_ampere == 0, "granular, unsigned: from 0");
    s = range(&adc, 1, 0, NULL);
    tap_ok(s.low_ampere == -128 * s.lsb_ampere, "granular, signed: from -128 steps");
}

static void fixed_ranges(void)
{
    struct xo_adc adc = { .bits = 2, .range = XO_ADC_FIXED, .low_ampere = -1, .high_ampere = 2 };
    struct xo_adc_scale s = range(&adc, 1, 0, NULL);
    tap_ok(s.lsb_ampere == 1 && s.low_ampere == -1, "fixed: -1 to 2 in 3 steps");
    adc.low_ampere = -1.4;
    adc.high_ampere = 1.6;
    s = range(&adc, 1, 0, NULL);
    tap_ok(s.lsb_ampere == 1 && s.low_ampere == -1, "fixed: -1.4 moves to -1");
    adc.low_ampere = 0.4;
    adc.high_ampere = 3.4;
    s = range(&adc, 1, 0, NULL);
    tap_ok(s.low_ampere == 0, "fixed: 0.4 moves to 0");
    adc.low_ampere = 5;
    adc.high_ampere = 8;
    tap_ok(isnan(range(&adc, 1, 0, NULL).lsb_ampere), "fixed: 5 to 8 holds no 0 A and is refused");
    adc.low_ampere = adc.high_ampere = 0;
    tap_ok(isnan(range(&adc, 1, 0, NULL).lsb_ampere), "fixed: 0 to 0 is refused");
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void calibrated_ranges(void)
{
    struct xo_adc adc = { .bits = 2, .range = XO_ADC_CALIBRATED, .quantile = 0.25 };
    double five[] = { 30, -20, 10, 0, 20 }, all_positive[] = { 3, 9, 6 }, zeros[3] = { 0 }, one[] = { -6 };
    double nan[] = { 1, NAN };
    struct xo_adc_scale s = range(&adc, 1, 5, five);
    tap_ok(s.low_ampere == 0 && s.lsb_ampere == 20.0 / 3, "quartiles of -20 0 10 20 30: 0 and 20");
    adc.quantile = 0.125;
    double again[] = { 30, -20, 10, 0, 20 };
    s = range(&adc, 1, 5, again);
    tap_ok(s.lsb_ampere == 35.0 / 3 && s.low_ampere == -s.lsb_ampere, "between: -10 and 25; -10 moves to one step");
    adc.quantile = 0;
    s = range(&adc, 0, 3, all_positive);
    tap_ok(s.low_ampere == 0 && s.lsb_ampere == 3, "3 to 9 is widened to 0 A");
    s = range(&adc, 0, 1, one);
    tap_ok(s.low_ampere == -6 && s.lsb_ampere == 2, "one current of -6: -6 to 0");
    s = range(&adc, 1, 3, zeros);
    tap_ok(s.low_ampere == 0 && s.lsb_ampere > 2.99e-7, "nothing but 0 A: the granular step");
    tap_ok(isnan(range(&adc, 1, 0, NULL).lsb_ampere) && isnan(range(&adc, 1, 2, nan).lsb_ampere),
           "no currents, or NaN, is refused");
    adc = (struct xo_adc){ .bits = 1, .range = XO_ADC_FULL };
    tap_ok(isnan(range(&adc, 1, 0, NULL).lsb_ampere), "one bit has no signed codes");
}

/* Linear interpolation as textbooks do it, on a sorted copy. */
static double sorted_quantile(const double *sorted, size_t count, double q)
{
    double at = q * (double)(count - 1);
    size_t k = (size_t)floor(at), next = k + 1 < count ? k + 1 : k;
    return sorted[k] + (at - (double)k) * (sorted[next] - sorted[k]);
}

static void quantiles_agree_with_sorting(void)
{
    enum { MOST = 500 };
    double x[MOST], sorted[MOST];
    unsigned long long seed = 11;
    int same = 1;
    for (int trial = 0; trial < 2000; trial++) {
        struct xo_adc adc = { .bits = 8, .range = XO_ADC_CALIBRATED, .quantile = 0.499 * tap_uniform(&seed) };
        size_t count = 1 + (size_t)(MOST * tap_uniform(&seed));
        for (size_t k = 0; k < count; k++)             /* with repeats, ordered, or neither */
            x[k] = sorted[k] = trial % 3 == 0 ? floor(8 * tap_uniform(&seed)) - 4
                             : trial % 3 == 1 ? (double)k - 200 : tap_uniform(&seed) - 0.5;
        qsort(sorted, count, sizeof *sorted, ascending);
        double low = fmin(sorted_quantile(sorted, count, adc.quantile), 0);
        double high = fmax(sorted_quantile(sorted, count, 1 - adc.quantile), 0);
        if (low == high)
            continue;
        struct xo_adc_scale s = range(&adc, 1, count, x);
        same &= s.lsb_ampere == (high - low) / 255;
    }
    tap_ok(same, "quantiles equal those of sorting, 2000 sets");
}

/* Whatever the rule: 0 A reads a code whose current is exactly 0, and codes come back to themselves. */
static void zero_is_always_a_code(void)
{
    unsigned long long seed = 3;
    int zero = 1, round_trip = 1;
    for (int trial = 0; trial < 20000; trial++) {
        struct xo_adc adc = { .bits = 2 + trial % 10, .range = (enum xo_adc_range)(trial % 4), .quantile = 0.01 };
        double currents[20];
        for (size_t k = 0; k < 20; k++)
            currents[k] = 1e-5 * (tap_uniform(&seed) - 0.3);
        adc.low_ampere = -1e-6 * tap_uniform(&seed);
        adc.high_ampere = 1e-6 * tap_uniform(&seed);
        struct xo_adc_scale s = range(&adc, trial % 8 < 4, 20, currents);
        s = trial % 3 ? s : xo_adc_scale_at_gain(s, 0.5 + tap_uniform(&seed));
        zero &= xo_adc_ampere(&s, xo_adc_code(&adc, &s, 0, 0)) == 0;
        unsigned code = (unsigned)(tap_uniform(&seed) * (1u << adc.bits));
        round_trip &= xo_adc_code(&adc, &s, xo_adc_ampere(&s, code), 0) == code;
    }
    tap_ok(zero, "0 A reads as exactly 0 A in 20000 ranges");
    tap_ok(round_trip, "a code's current reads as that code");
}

int main(void)
{
    dac_parameters_by_hand();
    the_nearest_digit();
    the_table_of_levels_agrees();
    snapping_gives_the_bits_of_the_nearest_level();
    adc_parameters_by_hand();
    ranges_from_the_array();
    fixed_ranges();
    calibrated_ranges();
    quantiles_agree_with_sorting();
    zero_is_always_a_code();
    return tap_done();
}
