/* The gain that undoes the mean loss in the wires: from the matrices (oracle), or measured as a lab would.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include "levels.h"
#include "memory.h"
#include "random.h"
#include "xo_calibrate.h"

/* Numerator and denominator of each column -> factors of the scope. */
static void divide(enum xo_gain_scope scope, size_t columns, double *factor, const double *below)
{
    double all_above = 0, all_below = 0;
    for (size_t j = 0; j < columns; j++) {
        all_above += factor[j];
        all_below += below[j];
    }
    for (size_t j = 0; j < columns; j++) {
        double above = scope == XO_GAIN_ARRAY ? all_above : factor[j];
        double under = scope == XO_GAIN_ARRAY ? all_below : below[j];
        factor[j] = scope == XO_GAIN_NONE || under == 0 || above == 0 ? 1 : above / under;
    }
}

/* Sums down the columns of weight x above over weight x below; weight NULL: 1. */
static int ratio(enum xo_gain_scope scope, size_t lines, size_t columns, const double *above, const double *below,
                 const double *weight, double *factor)
{
    double *under = xo_calloc(columns, sizeof *under);
    if (!under)
        return ENOMEM;
    for (size_t j = 0; j < columns; j++)
        factor[j] = 0;
    for (size_t k = 0; k < lines * columns; k++) {
        factor[k % columns] += above[k] * (weight ? weight[k] : 1);
        under[k % columns] += below[k] * (weight ? weight[k] : 1);
    }
    divide(scope, columns, factor, under);
    free(under);
    return 0;
}

int xo_gain_oracle(enum xo_gain_scope scope, size_t rows, size_t columns, const double *ideal_siemens,
                   const double *g_ni_siemens, double *factor)
{
    return ratio(scope, rows, columns, ideal_siemens, g_ni_siemens, NULL, factor);
}

int xo_gain_least_squares(enum xo_gain_scope scope, size_t inputs, size_t columns, const double *ideal_amp,
                          const double *read_amp, double *factor)
{
    return ratio(scope, inputs, columns, ideal_amp, read_amp, read_amp, factor);
}

/* The digit of row i in vector n: of an input drawn from V, or any code. */
static unsigned draw_digit(const struct xo_fcm *m, const struct xo_levels *levels, size_t inputs,
                           const double *row_volt, size_t n, size_t i)
{
    struct xo_random_key code = {m->seed, XO_FOR_GAIN_INPUTS, 0, n * m->rows + i};
    struct xo_random_key input = {m->seed, XO_FOR_GAIN_INPUTS, 1, n};
    if (!inputs)
        return xo_random_below(code, 1u << m->dac.bits);
    return xo_levels_nearest(levels, row_volt[xo_random_below(input, (uint32_t)inputs) * m->rows + i]);
}

/* Row voltages as intended, and as the DAC gives them. */
static int draw_inputs(const struct xo_fcm *m, size_t inputs, const double *row_volt, double *intended, double *given)
{
    struct xo_levels levels = {0};
    int status = xo_levels_new(&levels, &m->dac);
    for (size_t k = 0; k < (size_t)m->gain.vectors * m->rows && !status; k++) {
        struct xo_random_key noise = {m->seed, XO_FOR_DAC_NOISE, 1, k};
        unsigned digit = draw_digit(m, &levels, inputs, row_volt, k / m->rows, k % m->rows);
        intended[k] = m->dac.read_volt * digit / ((1u << m->dac.bits) - 1);
        given[k] = xo_dac_volt(&m->dac, digit, m->dac.noise_volt > 0 ? xo_random_gauss(noise) : 0);
    }
    xo_levels_free(&levels);
    return status;
}

static void read_out(const struct xo_fcm *m, size_t count, double *amp)
{
    for (size_t k = 0; k < count; k++) {
        size_t j = k % m->columns;
        struct xo_random_key noise = {m->seed, XO_FOR_ADC_NOISE, 1, k};
        struct xo_adc_scale scale = {m->adc_low_ampere[j], m->adc_lsb_ampere[j]};
        double gauss = m->adc.noise_lsb > 0 ? xo_random_gauss(noise) : 0;
        amp[k] = xo_adc_ampere(&scale, xo_adc_code(&m->adc, &scale, amp[k], gauss));
    }
}

int xo_gain_measured(enum xo_gain_scope scope, const struct xo_fcm *m, const struct xo_crossbar *x,
                     const double *cell_siemens, size_t inputs, const double *row_volt, double *factor,
                     struct xo_info *info)
{
    size_t vectors = (size_t)m->gain.vectors;
    double *intended = xo_calloc(vectors * m->rows, sizeof *intended);
    double *given = xo_calloc(vectors * m->rows, sizeof *given);
    double *ideal = xo_calloc(vectors * m->columns, sizeof *ideal);
    double *read = xo_calloc(vectors * m->columns, sizeof *read);
    const struct xo_apply stage = {0};
    int status = intended && given && ideal && read ? 0 : ENOMEM;
    if (!status)
        status = draw_inputs(m, inputs, row_volt, intended, given);
    if (!status)
        status = xo_fcm_apply(m, &stage, vectors, given, read, NULL, info);
    if (!status) {
        read_out(m, vectors * m->columns, read);
        status = xo_ideal_currents(x, cell_siemens, vectors, intended, ideal, info);
    }
    if (!status)
        status = xo_gain_least_squares(scope, vectors, m->columns, ideal, read, factor);
    free(intended);
    free(given);
    free(ideal);
    free(read);
    return status;
}
