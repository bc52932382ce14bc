/* How far currents are apart: errors over full scale, what wires take, codes that flip.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include "circuit.h"
#include "memory.h"
#include "xo_calibrate.h"

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double xo_quantile(double *value, size_t count, double q)
{
    double at = q * (double)(count - 1);
    size_t below = (size_t)at, above = below + 1 < count ? below + 1 : below;
    qsort(value, count, sizeof *value, by_value);
    return value[below] + (at - (double)below) * (value[above] - value[below]);
}

int xo_error_of(struct xo_error *out, size_t count, const double *amp, const double *exact_amp)
{
    double *error = xo_calloc(count, sizeof *error), sum = 0;
    struct xo_error e = {0};
    if (!error)
        return ENOMEM;
    for (size_t k = 0; k < count; k++)
        e.full_scale_ampere = fmax(e.full_scale_ampere, fabs(exact_amp[k]));
    for (size_t k = 0; k < count && e.full_scale_ampere > 0; k++) {
        error[k] = (amp[k] - exact_amp[k]) / e.full_scale_ampere;
        sum += error[k] * error[k];
        e.max = fmax(e.max, fabs(error[k]));
    }
    if (count) {
        e.rms = sqrt(sum / (double)count);
        e.interval95[0] = xo_quantile(error, count, 0.025);
        e.interval95[1] = xo_quantile(error, count, 0.975);
    }
    free(error);
    *out = e;
    return 0;
}

/* ---- without wires -------------------------------------------------------------------------------- */

double xo_ideal_cell(const struct xo_crossbar *x, double siemens, size_t k)
{
    double ohm = xo_value_at(&x->series_ohm, k);
    size_t i = k / x->columns;
    bool gated = x->word_line && x->word_line[i].state == XO_LINE_GATED;
    if (x->cell_type == XO_CELL_1T1R)
        ohm += xo_transistor_ohm(x->transistor_ohm, x->transistor_off_siemens, gated ? 0 : x->gate ? x->gate[i] : 1);
    return siemens == 0 ? 0 : siemens / (1 + siemens * ohm);            /* open: 0 */
}

static bool is_floating(const struct xo_line *lines, size_t k)
{
    return lines && lines[k].state == XO_LINE_FLOATING;
}

void xo_ideal_siemens(const struct xo_crossbar *x, const double *cell_siemens, double *ideal_siemens)
{
    for (size_t i = 0; i < x->rows; i++)
        for (size_t j = 0; j < x->columns; j++) {
            size_t k = i * x->columns + j;
            bool driven = !x->word_line || x->word_line[i].state == XO_LINE_NORMAL;
            ideal_siemens[k] = driven && !is_floating(x->bit_line, j) ? xo_ideal_cell(x, cell_siemens[k], k) : 0;
        }
}

/* The voltage behind a line: its own or the one it is held at; false: nothing is behind it. */
static bool line_volt(const struct xo_line *lines, size_t k, double own, double *volt)
{
    enum xo_line_state state = lines ? lines[k].state : XO_LINE_NORMAL;
    *volt = state == XO_LINE_HELD ? lines[k].hold_volt : state == XO_LINE_GROUNDED ? 0 : own;
    return !is_floating(lines, k);
}

/* Of one cell with that voltage across it; circuit NULL: a plain resistor. */
static int ideal_cell_amp(const struct xo_crossbar *x, const xo_circuit *circuit, size_t k, double siemens,
                          double volt, double *amp, struct xo_info *info)
{
    if (circuit)
        return xo_cell_amp(circuit, (struct xo_site){k / x->columns, k % x->columns}, siemens, volt, amp, info);
    *amp = xo_ideal_cell(x, siemens, k) * volt;
    return 0;
}

static int ideal_column(double *sum, const struct xo_crossbar *x, const xo_circuit *circuit,
                        const double *cell_siemens, const double *row_volt, size_t j, struct xo_info *info)
{
    double own = x->sense_volt.each ? x->sense_volt.each[j] : x->sense_volt.all, sense, volt, amp;
    bool sensed = line_volt(x->bit_line, j, own, &sense);
    int status = 0;
    *sum = 0;
    for (size_t i = 0; i < x->rows && sensed && !status; i++) {
        size_t k = i * x->columns + j;
        if (x->input == XO_INPUT_GATE) {
            *sum += xo_ideal_cell(x, cell_siemens[k], k) * row_volt[i] * (1 - sense / x->source_volt);
            continue;
        }
        if (!line_volt(x->word_line, i, row_volt[i], &volt))
            continue;
        status = ideal_cell_amp(x, circuit, k, cell_siemens[k], volt - sense, &amp, info);
        *sum += amp;
    }
    return status;
}

int xo_ideal_currents(const struct xo_crossbar *x, const double *cell_siemens, size_t inputs, const double *row_volt,
                      double *ideal_amp, struct xo_info *info)
{
    xo_circuit *circuit = NULL;
    int status = xo_is_nonlinear(x) && x->input != XO_INPUT_GATE ? xo_circuit_new(&circuit, x, info) : 0;
    for (size_t k = 0; k < inputs * x->columns && !status; k++)
        status = ideal_column(&ideal_amp[k], x, circuit, cell_siemens, row_volt + k / x->columns * x->rows,
                              k % x->columns, info);
    xo_circuit_free(circuit);
    return status;
}

void xo_nonideality(size_t inputs, size_t columns, const double *ideal_amp, const double *amp, double *factor)
{
    for (size_t j = 0; j < columns; j++) {
        double ideal = 0, lost = 0, lowest = 0, highest = 0;
        for (size_t k = j; k < inputs * columns; k += columns) {
            ideal += ideal_amp[k];
            lost += ideal_amp[k] - amp[k];
            lowest = fmin(lowest, ideal_amp[k]);
            highest = fmax(highest, ideal_amp[k]);
        }
        factor[j] = (lowest < 0 && highest > 0) || ideal == 0 ? NAN : lost / ideal;
    }
}

double xo_code_flips(const struct xo_adc *adc, const struct xo_adc_scale *scale, size_t inputs, size_t columns,
                     const double *ideal_amp, const double *amp, const double *gain, double *clipped)
{
    size_t flips = 0, clips = 0, count = inputs * columns;
    double last = (1u << adc->bits) - 1;
    for (size_t k = 0; k < count; k++) {
        size_t j = k % columns;
        double ampere = amp[k] * (gain ? gain[j] : 1);
        double code = xo_adc_unclamped(adc, &scale[j], ampere, 0);
        flips += xo_adc_code(adc, &scale[j], ampere, 0) != xo_adc_code(adc, &scale[j], ideal_amp[k], 0);
        clips += code < 0 || code > last;
    }
    if (clipped)
        *clipped = count ? (double)clips / (double)count : 0;
    return count ? (double)flips / (double)count : 0;
}
