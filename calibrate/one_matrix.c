/* How far one conductance matrix is off where inputs go to gates.
 *
 * A row that is switched on takes voltage from all others of its column, so currents do not add up.  The best matrix
 * in the sense of least squares, W = (X^T X)^-1 X^T I, is found on inputs of its own and judged on others; beside it
 * the one that a lab would measure, row by row.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "random.h"
#include "xo_calibrate.h"
#include "xo_ladder.h"

enum { HELD_OUT = 64, PER_ROW = 4 };

struct trial {
    const struct xo_hardware *h;
    const double *cell_siemens;
    size_t rows, columns, fitted, inputs;      /* inputs: fitted, held out, then one row each */
    double *gate, *amp;                        /* [inputs][rows], [inputs][columns]           */
    double *normal;                            /* [rows][rows] X^T X, then its Cholesky factor */
    double *best;                              /* [rows][columns]                             */
};

static void draw(struct trial *t)
{
    for (size_t n = 0; n < t->fitted + HELD_OUT; n++) {
        struct xo_random_key key = {t->h->seed, XO_FOR_HELD_OUT_INPUTS, (uint64_t)1 << 40, n * (t->rows + 1)};
        double chance = xo_random_uniform(key);
        for (size_t i = 0; i < t->rows; i++) {
            key.place++;
            t->gate[n * t->rows + i] = xo_random_uniform(key) < chance;
        }
    }
    for (size_t i = 0; i < t->rows; i++)
        t->gate[(t->fitted + HELD_OUT + i) * t->rows + i] = 1;
}

/* Ladders by recursion; other arrays input by input. */
static int solve(struct trial *t, struct xo_info *info)
{
    struct xo_solution s = {.column_amp = t->amp};
    xo_ladder *l = NULL;
    xo_circuit *c = NULL;
    xo_plan *p = NULL;
    xo_factor *f = NULL;
    int status = xo_ladder_new(&l, &t->h->array, t->cell_siemens, NULL);
    if (!status) {
        status = xo_ladder_currents(l, t->inputs, t->gate, t->amp, NULL, info);
        xo_ladder_free(l);
        return status;
    }
    status = xo_circuit_new(&c, &t->h->array, info);
    if (!status)
        status = xo_plan_new(&p, c, NULL, info);
    if (!status)
        status = xo_factor_new(&f, p, t->cell_siemens, info);
    if (!status)
        status = xo_solve(f, t->inputs, t->gate, &s, info);
    xo_factor_free(f);
    xo_plan_free(p);
    xo_circuit_free(c);
    return status;
}

/* X^T X and X^T I; a trace of the diagonal, so that a row never on does not hang in the air. */
static void take_normal(struct trial *t)
{
    size_t m = t->rows, n = t->columns;
    for (size_t k = 0; k < t->fitted; k++) {
        const double *x = t->gate + k * m, *amp = t->amp + k * n;
        for (size_t i = 0; i < m; i++) {
            for (size_t r = 0; r <= i && x[i] != 0; r++)
                t->normal[i * m + r] += x[i] * x[r];
            for (size_t j = 0; j < n && x[i] != 0; j++)
                t->best[i * n + j] += x[i] * amp[j];
        }
    }
    for (size_t i = 0; i < m; i++)
        t->normal[i * m + i] += 1e-9 * (double)t->fitted;
}

/* L L^T = X^T X in place, then best = L^-T L^-1 best. */
static int solve_normal(struct trial *t)
{
    const int m = (int)t->rows, n = (int)t->columns;
    gsl_matrix_view normal = gsl_matrix_view_array(t->normal, t->rows, t->rows);
    if (gsl_linalg_cholesky_decomp1(&normal.matrix))
        return XO_ESINGULAR;
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, m, n, 1, t->normal, m, t->best, n);
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasTrans, CblasNonUnit, m, n, 1, t->normal, m, t->best, n);
    return 0;
}

static int judge(const struct trial *t, const double *matrix, double *rms, double *most, double *full_scale,
                 double *column_rms)
{
    const double *gate = t->gate + t->fitted * t->rows, *exact = t->amp + t->fitted * t->columns;
    double *amp = xo_calloc(HELD_OUT, t->columns * sizeof *amp);
    struct xo_error e;
    int status = amp ? 0 : ENOMEM;
    for (size_t k = 0; k < HELD_OUT * t->rows && !status; k++)
        for (size_t j = 0; j < t->columns && gate[k] != 0; j++)
            amp[k / t->rows * t->columns + j] += gate[k] * matrix[k % t->rows * t->columns + j];
    if (!status)
        status = xo_error_of(&e, HELD_OUT * t->columns, amp, exact);
    for (size_t j = 0; j < t->columns && column_rms && !status; j++) {
        double sum = 0;
        for (size_t n = 0; n < HELD_OUT; n++)
            sum += pow(amp[n * t->columns + j] - exact[n * t->columns + j], 2) / HELD_OUT;
        column_rms[j] = e.full_scale_ampere > 0 ? sqrt(sum) / e.full_scale_ampere : 0;
    }
    free(amp);
    if (status)
        return status;
    *rms = e.rms;
    *most = e.max;
    *full_scale = e.full_scale_ampere;
    return 0;
}

int xo_one_matrix_error(struct xo_one_matrix *out, const struct xo_hardware *h, const double *cell_siemens,
                        double *column_rms, struct xo_info *info)
{
    const struct xo_crossbar *x = &h->array;
    struct trial t = {.h = h, .cell_siemens = cell_siemens, .rows = x->rows, .columns = x->columns,
                      .fitted = PER_ROW * x->rows};
    struct xo_one_matrix found = {.fitted_inputs = t.fitted, .held_out_inputs = HELD_OUT};
    if (x->input != XO_INPUT_GATE)
        return xo_fail(info, XO_EVALUE, "inputs are driven, not gates; expected array.input gate");
    if (x->rows > XO_MOST_ONE_MATRIX_ROWS)
        return xo_fail(info, XO_ETOOBIG, "%zu rows; expected at most %d", x->rows, XO_MOST_ONE_MATRIX_ROWS);
    t.inputs = t.fitted + HELD_OUT + t.rows;
    t.gate = xo_calloc(t.inputs, t.rows * sizeof *t.gate);
    t.amp = xo_calloc(t.inputs, t.columns * sizeof *t.amp);
    t.normal = xo_calloc(t.rows, t.rows * sizeof *t.normal);
    t.best = xo_calloc(t.rows, t.columns * sizeof *t.best);
    int status = t.gate && t.amp && t.normal && t.best ? 0 : ENOMEM;
    if (!status) {
        draw(&t);
        status = solve(&t, info);
    }
    if (!status) {
        take_normal(&t);
        status = solve_normal(&t);
    }
    if (!status)
        status = judge(&t, t.best, &found.best_rms, &found.best_max, &found.full_scale_ampere, column_rms);
    if (!status)
        status = judge(&t, t.amp + (t.fitted + HELD_OUT) * t.columns, &found.rows_rms, &found.rows_max,
                       &found.full_scale_ampere, column_rms ? column_rms + t.columns : NULL);
    free(t.gate);
    free(t.amp);
    free(t.normal);
    free(t.best);
    if (!status)
        *out = found;
    return status;
}
