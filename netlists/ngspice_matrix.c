/* The conductance matrix by ngspice: as many inputs as there are driven rows, each of one row alone, and one without.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "plan.h"
#include "xo_ngspice.h"

/* A power of two, so that dividing by it rounds nothing. */
static double unit_volt(const xo_circuit *c)
{
    double unit = 1;
    for (size_t t = 0; t < c->terminals; t++)
        while (!c->driven[t] && unit < fabs(c->held_volt[t]))
            unit *= 2;
    return unit;
}

/* volt [driven rows + 1][rows]: the first input is all zero.  Returns how many inputs. */
static size_t list_inputs(const xo_circuit *c, double unit, double *volt)
{
    size_t inputs = 1;
    for (size_t i = 0; i < c->rows; i++)
        if (c->driven[i])
            volt[inputs++ * c->rows + i] = unit;
    return inputs;
}

/* amp [driven rows + 1][columns] */
static void store(const xo_circuit *c, double unit, const double *amp, double *g_ni_siemens, double *offset_amp)
{
    size_t n = 1;
    memcpy(offset_amp, amp, c->columns * sizeof *amp);
    for (size_t i = 0; i < c->rows; i++) {
        for (size_t j = 0; j < c->columns; j++)
            g_ni_siemens[i * c->columns + j] = c->driven[i] ? (amp[n * c->columns + j] - amp[j]) / unit : 0;
        n += c->driven[i] ? 1 : 0;
    }
}

int xo_ngspice_matrix(const xo_circuit *c, const double *cell_siemens, const struct xo_ngspice_options *options,
                      double *g_ni_siemens, double *offset_amp, double *sec, struct xo_info *info)
{
    double unit = unit_volt(c);
    if (c->laws || c->input == XO_INPUT_GATE)
        return xo_check_independent(c, info);
    double *volt = xo_calloc(c->rows + 1, c->rows * sizeof *volt);
    double *amp = xo_calloc(c->rows + 1, c->columns * sizeof *amp);
    int status = volt && amp ? 0 : xo_fail(info, ENOMEM, "out of memory for %zu inputs", c->rows + 1);
    if (!status)
        status = xo_ngspice_solve(c, cell_siemens, list_inputs(c, unit, volt), volt, options, amp, sec, info);
    if (!status)
        store(c, unit, amp, g_ni_siemens, offset_amp);
    free(volt);
    free(amp);
    return status;
}
