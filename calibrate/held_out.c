/* Where a fit may be trusted, and its error on inputs it has not seen.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include "fit.h"
#include "memory.h"
#include "random.h"

static void span(const double *value, size_t count, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t k = 0; k < count; k++) {
        *low = fmin(*low, value[k]);
        *high = fmax(*high, value[k]);
    }
}

/* Share of zeros in one input. */
static double sparsity(const double *row_volt, size_t rows)
{
    size_t zeros = 0;
    for (size_t i = 0; i < rows; i++)
        zeros += row_volt[i] == 0;
    return (double)zeros / (double)rows;
}

static void dac_span(struct xo_fcm *m)
{
    struct xo_fcm_validity *v = &m->validity;
    v->low_volt = v->high_volt = 0;
    for (unsigned digit = 0; digit < 1u << m->dac.bits; digit++) {
        double volt = xo_dac_volt(&m->dac, digit, 0);
        v->low_volt = fmin(v->low_volt, volt);
        v->high_volt = fmax(v->high_volt, volt);
    }
    v->high_sparsity = 1;
}

void xo_fit_validity(struct xo_fcm *m, size_t inputs, const double *row_volt)
{
    struct xo_fcm_validity *v = &m->validity;
    if (m->cell_siemens)
        span(m->cell_siemens, m->rows * m->columns, &v->low_siemens, &v->high_siemens);
    if (!inputs) {
        dac_span(m);
        return;
    }
    span(row_volt, inputs * m->rows, &v->low_volt, &v->high_volt);
    v->low_sparsity = 1;
    for (size_t n = 0; n < inputs; n++) {
        v->low_sparsity = fmin(v->low_sparsity, sparsity(row_volt + n * m->rows, m->rows));
        v->high_sparsity = fmax(v->high_sparsity, sparsity(row_volt + n * m->rows, m->rows));
    }
}

int xo_fit_check_held_out(const struct xo_fit_options *options, struct xo_info *info)
{
    if (options->held_out_inputs > XO_MOST_HELD_OUT)
        return xo_fail(info, XO_ETOOBIG, "%zu inputs held out; expected at most %zu", options->held_out_inputs,
                       XO_MOST_HELD_OUT);
    if (options->held_out_arrays > XO_MOST_HELD_OUT)
        return xo_fail(info, XO_ETOOBIG, "%zu arrays held out; expected at most %zu", options->held_out_arrays,
                       XO_MOST_HELD_OUT);
    return 0;
}

/* A number of the pool that is not 0, or 0 after some tries. */
static double from_pool(struct xo_random_key key, size_t pooled, const double *pool)
{
    size_t at = (size_t)(xo_random_uniform(key) * (double)pooled);
    for (size_t k = 0; k < pooled && k < 64; k++)
        if (pool[(at + k) % pooled] != 0)
            return pool[(at + k) % pooled];
    return 0;
}

void xo_draw_inputs(const struct xo_fcm *m, int purpose, size_t array, size_t inputs, double dense,
                    size_t pooled, const double *pool, double *row_volt)
{
    const struct xo_fcm_validity *v = &m->validity;
    for (size_t n = 0; n < inputs; n++) {
        struct xo_random_key key = {m->seed, (enum xo_purpose)purpose, array, n * (2 * m->rows + 1)};
        double share = fmax(0, (xo_random_uniform(key) - dense) / (1 - dense));
        double zeros = v->low_sparsity + share * (v->high_sparsity - v->low_sparsity);
        for (size_t i = 0; i < m->rows; i++) {
            key.place++;
            double chance = xo_random_uniform(key);
            key.place++;
            double volt = pooled ? from_pool(key, pooled, pool)
                                 : v->low_volt + xo_random_uniform(key) * (v->high_volt - v->low_volt);
            row_volt[n * m->rows + i] = chance < zeros ? 0 : volt;
        }
    }
}

int xo_held_out_currents(const struct xo_fcm *m, struct xo_programmed *p, size_t array, size_t inputs,
                         double *row_volt, double *exact_amp, double *amp, struct xo_info *info)
{
    const struct xo_apply stage = {0};
    struct xo_solution solution = {.column_amp = exact_amp};
    bool gated = m->stage == XO_FCM_LADDER;
    double *gate = gated ? xo_calloc(inputs, m->rows * sizeof *gate) : NULL;
    int status = gated && !gate ? ENOMEM : 0;
    xo_draw_inputs(m, XO_FOR_HELD_OUT_INPUTS, array, inputs, 0, 0, NULL, row_volt);
    if (!status && gated)
        status = xo_snap_gates(m, inputs, row_volt, gate);
    if (!status)
        status = xo_solve(p->factor, inputs, gated ? gate : row_volt, &solution, info);
    free(gate);
    return status ? status : xo_fcm_apply(m, &stage, inputs, row_volt, amp, NULL, info);
}

int xo_fit_state_error(struct xo_fcm *m, size_t arrays, size_t inputs, const double *amp, const double *exact_amp)
{
    struct xo_error e;
    int status = xo_error_of(&e, arrays * inputs * m->columns, amp, exact_amp);
    if (status)
        return status;
    m->validity.held_out_inputs = inputs;
    m->validity.held_out_arrays = m->scope == XO_FCM_TECHNOLOGY ? arrays : 0;
    m->validity.full_scale_ampere = e.full_scale_ampere;
    m->validity.error_rms = e.rms;
    m->validity.error_max = e.max;
    m->validity.error_interval95[0] = e.interval95[0];
    m->validity.error_interval95[1] = e.interval95[1];
    return 0;
}

int xo_fit_held_out(struct xo_fcm *m, struct xo_programmed *p, size_t inputs, struct xo_info *info)
{
    if (!inputs)
        inputs = XO_HELD_OUT_INPUTS;
    double *volt = xo_calloc(inputs, m->rows * sizeof *volt);
    double *exact = xo_calloc(inputs, m->columns * sizeof *exact), *amp = xo_calloc(inputs, m->columns * sizeof *amp);
    int status = volt && exact && amp ? xo_held_out_currents(m, p, 0, inputs, volt, exact, amp, info) : ENOMEM;
    if (!status)
        status = xo_fit_state_error(m, 1, inputs, amp, exact);
    free(volt);
    free(exact);
    free(amp);
    return status;
}
