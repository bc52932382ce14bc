/* Volts to amperes: one matrix product for linear and basis stages (the functions beside each other, their matrices
 * on each other), eight inputs at a time for corrections.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdio.h>
#include <string.h>
#include "clones.h"
#include "product.h"
#include "stage.h"

size_t xo_stage_scratch(const struct xo_fcm *m, size_t inputs)
{
    return m->stage == XO_FCM_BASIS ? inputs * m->basis.functions * m->rows
           : m->stage == XO_FCM_CORRECTED ? xo_correct_scratch(m)
           : m->ladder.curves ? xo_curves_scratch(m) : 0;
}

/* ---- basis ------------------------------------------------------------------------------------------ */

/* Horner's scheme for a few dozen voltages at once: power by power, so that they fill the vectors. */
enum { TOGETHER = 64 };

XO_CLONES
static void polynomial(const double *coefficient, size_t terms, double per_volt, size_t count,
                       const double *restrict volt, double *restrict value)
{
    for (size_t first = 0; first < count; first += TOGETHER) {
        const size_t some = count - first < TOGETHER ? count - first : TOGETHER;
        double x[TOGETHER], sum[TOGETHER];
#pragma omp simd
        for (size_t i = 0; i < some; i++) {
            x[i] = volt[first + i] * per_volt;
            sum[i] = coefficient[terms - 1] * x[i];
        }
        for (size_t d = terms - 1; d-- > 0;)
#pragma omp simd
            for (size_t i = 0; i < some; i++)
                sum[i] = (sum[i] + coefficient[d]) * x[i];
        memcpy(value + first, sum, some * sizeof *sum);
    }
}

/* Powers above the last that counts are not computed: the first function is mostly V itself. */
static size_t degree(const double *coefficient, size_t terms)
{
    while (terms > 1 && coefficient[terms - 1] == 0)
        terms--;
    return terms;
}

void xo_basis_values(const struct xo_fcm_basis *b, size_t inputs, size_t rows, const double *volt, double *values)
{
    for (size_t n = 0; n < inputs; n++)
        for (size_t k = 0; k < b->functions; k++) {
            const double *c = b->coefficient_volt + k * b->terms;
            polynomial(c, degree(c, b->terms), 1 / b->scale_volt, rows, volt + n * rows,
                       values + (n * b->functions + k) * rows);
        }
}

XO_CLONES
static void bend(size_t inputs, size_t columns, const double *restrict per_ampere, double *restrict amp)
{
    for (size_t n = 0; n < inputs; n++, amp += columns)
#pragma omp simd
        for (size_t j = 0; j < columns; j++)
            amp[j] += per_ampere[j] * amp[j] * amp[j];
}

/* ---- products --------------------------------------------------------------------------------------- */

static void set_offset(const struct xo_fcm *m, size_t inputs, double *amp)
{
    for (size_t n = 0; n < inputs; n++)
        memcpy(amp + n * m->columns, m->offset_ampere, m->columns * sizeof *amp);
}

static void add_offset(const struct xo_fcm *m, size_t inputs, double *amp)
{
    for (size_t n = 0; n < inputs; n++, amp += m->columns)
        for (size_t j = 0; j < m->columns; j++)
            amp[j] += m->offset_ampere[j];
}

static void run_basis(const struct xo_fcm *m, enum xo_simd simd, size_t inputs, const double *volt, double *amp,
                      double *values)
{
    const struct xo_fcm_basis *b = &m->basis;
    xo_basis_values(b, inputs, m->rows, volt, values);
    xo_multiply(simd, inputs, b->functions * m->rows, m->columns, values, b->matrix_siemens, false, amp);
    if (b->bend_per_ampere)
        bend(inputs, m->columns, b->bend_per_ampere, amp);
    if (m->offset_ampere)
        add_offset(m, inputs, amp);
}

void xo_stage_run(const struct xo_fcm *m, enum xo_simd simd, size_t inputs, const double *volt, double *amp,
                  double *scratch)
{
    switch (m->stage) {
    case XO_FCM_LINEAR:
        if (m->offset_ampere)
            set_offset(m, inputs, amp);
        xo_multiply(simd, inputs, m->rows, m->columns, volt, m->g_ni_siemens, m->offset_ampere != NULL, amp);
        break;
    case XO_FCM_BASIS:
        run_basis(m, simd, inputs, volt, amp, scratch);
        break;
    case XO_FCM_CORRECTED:
        for (size_t n = 0; n < inputs; n += XO_LANES)
            xo_correct(m, inputs - n < XO_LANES ? inputs - n : XO_LANES, volt + n * m->rows, amp + n * m->columns,
                       scratch);
        break;
    case XO_FCM_LADDER:
        if (m->ladder.curves)
            xo_curves_run(m, inputs, volt, amp, scratch);
        else
            xo_ladder_run(m, inputs, volt, amp);
    }
}

/* ---- what it costs ---------------------------------------------------------------------------------- */

/* A sweep visits a cell twice: its current, one divider going in, one and an ohm going out. */
#define SWEEP_COST 8
#define CLIMBS 4                       /* of Newton's method, about: two looks at the law and four products a rung */
#define LAW_COST 16                    /* finding the place in a curve, four weights, four points */

double xo_fcm_cost(const struct xo_fcm *m)
{
    const struct xo_fcm_basis *b = &m->basis;
    const struct xo_fcm_correction *c = &m->correction;
    double terms = 0;
    if (m->stage == XO_FCM_CORRECTED)
        return (double)(SWEEP_COST * c->sweeps * (c->count + 1) + LAW_COST * c->count);
    if (m->stage == XO_FCM_LINEAR)
        return 1;
    if (m->stage == XO_FCM_LADDER)     /* products a rung, and few of them are on */
        return m->ladder.curves ? CLIMBS * (2 * LAW_COST + 4) : 2;
    for (size_t k = 0; b->coefficient_volt && k < b->functions; k++)
        terms += 1 + (double)degree(b->coefficient_volt + k * b->terms, b->terms);
    return (double)b->functions + terms / (double)m->columns + (b->bent ? 2 / (double)m->rows : 0);
}

/* ---- candidates ------------------------------------------------------------------------------------- */

struct xo_fcm_candidate xo_fcm_candidate_at(const struct xo_fcm *m, size_t k)
{
    const double *c = m->candidate + k * XO_FCM_CANDIDATE_NUMBERS;
    return (struct xo_fcm_candidate){ (enum xo_fcm_stage)c[0], (size_t)c[1], (int)c[2], (size_t)c[3], (size_t)c[4],
                                      c[5], c[6], c[7], { c[8], c[9] } };
}

void xo_fcm_candidate_name(const struct xo_fcm_candidate *c, char *text, size_t size)
{
    if (c->stage == XO_FCM_LINEAR)
        snprintf(text, size, "linear");
    else if (c->stage == XO_FCM_BASIS)
        snprintf(text, size, "basis of %zu%s", c->functions, c->bent ? ", bent" : "");
    else
        snprintf(text, size, "%zu correction%s, %zu sweep%s each", c->corrections, c->corrections == 1 ? "" : "s",
                 c->sweeps, c->sweeps == 1 ? "" : "s");
}
