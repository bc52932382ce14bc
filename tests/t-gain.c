/* The gain that undoes the loss in the wires: MAPPING's formulas by hand, and the measurement against the oracle
 * where both must agree: an array whose column j passes on the share keep[j] of its ideal current for any input.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "tap.h"
#include "xo_calibrate.h"

enum { ROWS = 5, COLUMNS = 3 };
static const double keep[COLUMNS] = {0.9, 0.5, 1.25};
static double cell[ROWS * COLUMNS], kept[ROWS * COLUMNS];
static struct xo_info info;

static void make_array(void)
{
    unsigned long long state = 5;
    for (int k = 0; k < ROWS * COLUMNS; k++) {
        cell[k] = 1e-6 + 9e-6 * tap_uniform(&state);
        kept[k] = cell[k] * keep[k % COLUMNS];
    }
}

static void oracle_by_hand(void)
{
    const double ideal[] = {4, 1, 0, 2, 3, 0}, real[] = {2, 1, 0, 1, 1, 0};
    double factor[3];
    tap_ok(!xo_gain_oracle(XO_GAIN_COLUMN, 2, 3, ideal, real, factor), "oracle, per column");
    tap_close(factor[0], 2, 0, "(4 + 2)/(2 + 1)");
    tap_close(factor[1], 2, 0, "(1 + 3)/(1 + 1)");
    tap_close(factor[2], 1, 0, "1 where nothing is left");
    tap_ok(!xo_gain_oracle(XO_GAIN_ARRAY, 2, 3, ideal, real, factor), "oracle, per array");
    for (int j = 0; j < 3; j++)
        tap_close(factor[j], 2, 0, "the ratio of the total sums, 10/5");
    tap_ok(!xo_gain_oracle(XO_GAIN_NONE, 2, 3, ideal, real, factor) && factor[0] == 1 && factor[1] == 1,
           "none: 1");
}

/* Minimises sum (ideal - g read)^2: its derivative there is 0. */
static void least_squares_leaves_nothing_along_the_readings(void)
{
    const double ideal[] = {1, 2, 3, -1, 5, 0.5}, read[] = {0.5, 1, 2, -0.7, 4, 1};
    double factor[2], rest[3] = {0};
    tap_ok(!xo_gain_least_squares(XO_GAIN_COLUMN, 3, 2, ideal, read, factor), "least squares, per column");
    for (int k = 0; k < 6; k++)
        rest[k % 2] += read[k] * (ideal[k] - factor[k % 2] * read[k]);
    tap_close(rest[0], 0, 1e-14, "column 0: residual and reading are orthogonal");
    tap_close(rest[1], 0, 1e-14, "column 1: residual and reading are orthogonal");
    tap_ok(!xo_gain_least_squares(XO_GAIN_ARRAY, 3, 2, ideal, read, factor) && factor[0] == factor[1],
           "per array: one factor");
    for (int k = 0; k < 6; k++)
        rest[2] += read[k] * (ideal[k] - factor[0] * read[k]);
    tap_close(rest[2], 0, 1e-14, "the array: residual and reading are orthogonal");
}

/* A model by hand: the matrices above, a four-bit DAC, an ADC of the given bits over the largest current. */
static int measure(enum xo_gain_scope scope, int adc_bits, double noise_lsb, double *factor)
{
    const char *set[] = {"array.rows=5", "array.columns=3", "dac.bits=4", "gain.vectors=200"};
    double low[COLUMNS] = {0}, lsb[COLUMNS], sum[COLUMNS] = {0};
    struct xo_hardware h;
    int status = xo_hardware_read(&h, NULL, 4, set, &info);
    if (status || (status = xo_hardware_finish(&h, 0, 0, &info)))
        return status;
    for (int k = 0; k < ROWS * COLUMNS; k++)
        sum[k % COLUMNS] += kept[k] * h.dac.read_volt;
    for (int j = 0; j < COLUMNS; j++)
        lsb[j] = sum[j] / (ldexp(1, adc_bits) - 1);
    h.adc.bits = adc_bits;
    h.adc.noise_lsb = noise_lsb;
    struct xo_fcm m = {.rows = ROWS, .columns = COLUMNS, .exact = 1, .g_ni_siemens = kept, .dac = h.dac, .adc = h.adc,
                       .adc_low_ampere = low, .adc_lsb_ampere = lsb, .gain = h.gain, .seed = 7};
    status = xo_gain_measured(scope, &m, &h.array, cell, 0, NULL, factor, &info);
    xo_hardware_free(&h);
    return status;
}

static void measured_gain_finds_the_oracle(void)
{
    double fine[COLUMNS], coarse[COLUMNS], noisy[COLUMNS], all[COLUMNS], oracle[COLUMNS];
    tap_ok(!xo_gain_oracle(XO_GAIN_COLUMN, ROWS, COLUMNS, cell, kept, oracle), "oracle");
    if (!tap_ok(!measure(XO_GAIN_COLUMN, 24, 0, fine) && !measure(XO_GAIN_COLUMN, 6, 0, coarse) &&
                !measure(XO_GAIN_COLUMN, 6, 0.5, noisy) && !measure(XO_GAIN_ARRAY, 24, 0, all), "measured %s",
                info.text))
        return;
    for (int j = 0; j < COLUMNS; j++) {
        tap_close(oracle[j], 1 / keep[j], 1e-14, "the oracle is one over the share that arrives");
        tap_close(fine[j], 1 / keep[j], 1e-7, "so is what a fine ADC measures");
        /* 200 readings of about half the range: rounding of 0.29 LSB, 0.58 with noise, 5 sigma of the slope */
        tap_close(coarse[j] * keep[j], 1, 5 * 0.29 / 32 / sqrt(200), "a coarse ADC, within its rounding");
        tap_close(noisy[j] * keep[j], 1, 5 * 0.58 / 32 / sqrt(200), "a noisy one, within its noise");
        tap_ok(noisy[j] != coarse[j] && coarse[j] != fine[j], "rounding and noise matter");
    }
    tap_ok(all[0] == all[1] && all[0] > 1 / keep[2] && all[0] < 1 / keep[1], "one factor for the array lies between");
}

int main(void)
{
    make_array();
    oracle_by_hand();
    least_squares_leaves_nothing_along_the_readings();
    measured_gain_finds_the_oracle();
    return tap_done();
}
