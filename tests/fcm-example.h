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

/* The same with another stage: two bent functions of three terms; two corrections of two kinds of cells. */
static struct xo_fcm example_model(size_t rows, size_t columns);

__attribute__((unused))
static struct xo_fcm example_basis(size_t rows, size_t columns)
{
    struct xo_fcm m = example_model(rows, columns);
    m.exact = 0;
    m.stage = XO_FCM_BASIS;
    m.basis = (struct xo_fcm_basis){ .functions = 2, .terms = 3, .bent = 1, .scale_volt = 0.5 };
    m.basis.coefficient_volt = example_numbers(6, -0.5, 0.5, 11);
    m.basis.matrix_siemens = example_numbers(2 * rows * columns, 1e-6, 1e-5, 12);
    m.basis.bend_per_ampere = example_numbers(columns, -10, 10, 13);
    m.candidates = 1;
    m.candidate = example_numbers(XO_FCM_CANDIDATE_NUMBERS, 0, 0.5, 14);
    memcpy(m.candidate, (double[]){ XO_FCM_BASIS, 2, 1, 0, 0 }, 5 * sizeof(double));
    return m;
}

__attribute__((unused))
static struct xo_fcm example_corrected(size_t rows, size_t columns)
{
    struct xo_fcm m = example_model(rows, columns);
    struct xo_fcm_correction c = { .count = 2, .sweeps = 3, .curves = 2, .points = 5, .low_volt = -0.4,
                                   .high_volt = 0.6, .word_from_right = 1, .bit_from_top = 1 };
    size_t cells = rows * columns;
    c.excess_ampere = example_numbers(10, -1e-6, 1e-6, 21);
    c.cell_curve = calloc(cells, sizeof(double));
    for (size_t k = 0; k < cells; k++)
        c.cell_curve[k] = (double)(k % 2);
    c.cell_scale = example_numbers(cells, 0, 2, 22);
    c.cell_siemens = example_numbers(cells, 1e-6, 1e-5, 23);
    c.word_divider = example_numbers(cells, 0, 1, 24);
    c.word_ohm = example_numbers(cells, 1, 10, 25);
    c.bit_divider = example_numbers(cells, 0, 1, 26);
    c.bit_ohm = example_numbers(cells, 1, 10, 27);
    c.word_driven = calloc(rows, sizeof(double));
    c.word_driven[0] = 1;
    c.word_volt = example_numbers(rows, -1, 1, 28);
    c.bit_volt = example_numbers(columns, -1, 1, 29);
    c.word_far_siemens = example_numbers(rows, 0, 1e-3, 30);
    c.bit_far_siemens = example_numbers(columns, 0, 1e-3, 31);
    c.bit_siemens = example_numbers(columns, 0, 1e-3, 32);
    m.exact = 0;
    m.stage = XO_FCM_CORRECTED;
    m.correction = c;
    return m;
}

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
