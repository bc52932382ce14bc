/* A fast model made by hand, with a value of its own in every member: what tests of fcm/ write, read and apply.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef FCM_EXAMPLE_H
#define FCM_EXAMPLE_H

#include <stdlib.h>
#include <string.h>
#include "tap.h"
#include "xo_fcm.h"

/* `count` numbers in (low, high), seeded; to be freed. */
static double *example_numbers(size_t count, double low, double high, unsigned long long seed)
{
    double *value = malloc(count * sizeof *value);
    for (size_t k = 0; k < count; k++)
        value[k] = low + (high - low) * tap_uniform(&seed);
    return value;
}

__attribute__((unused))
static struct xo_fcm example_model(size_t rows, size_t columns)
{
    struct xo_fcm m = {
        .scope = XO_FCM_ARRAY, .rows = rows, .columns = columns, .exact = 1,
        .dac = { 3, XO_DAC_PULSE_WIDTH, 0.25, 0.01, 0.002, 0.0003, 40, { 2, { 0.001, -0.002 } } },
        .adc = { 9, XO_ADC_FIXED, XO_ADC_TILE, 0.001, -1e-4, 3e-4, -0.003, 0.25, 0.125, { 3, { 0.1, -0.2, 0.3 } } },
        .gain = { XO_GAIN_COLUMN, XO_GAIN_DIGITAL, XO_GAIN_ORACLE, 17 },
        .validity = { -0.01, 0.3, 1e-6, 1e-5, 0.125, 0.875, 64, 8, 0.001, 0.004, { 0.0008, 0.0012 }, 2e-4 },
        .seed = 0xfedcba9876543210
    };
    m.g_ni_siemens = example_numbers(rows * columns, 1e-6, 1e-5, 1);
    m.g_ni_bound_siemens = example_numbers(rows * columns, 0, 1e-18, 2);
    m.offset_ampere = example_numbers(columns, -1e-7, 1e-7, 3);
    m.offset_bound_ampere = example_numbers(columns, 0, 1e-20, 4);
    m.cell_siemens = example_numbers(rows * columns, 1e-6, 1e-5, 5);
    m.adc_lsb_ampere = example_numbers(columns, 1e-8, 2e-8, 6);
    m.adc_low_ampere = calloc(columns, sizeof *m.adc_low_ampere);
    for (size_t j = 0; j < columns; j++)
        m.adc_low_ampere[j] = -100 * m.adc_lsb_ampere[j];
    m.gain_factor = example_numbers(columns, 1, 1.2, 7);
    m.hardware_yaml = strdup("crossohm: 1\narray: {rows: 5, columns: 3}\n");
    m.provenance = strdup("command: by hand\ntool: crossohm test \xc2\xb5\n");
    return m;
}

#endif
