/* Basis expansions: functions from the cell's law, matrices by least squares.
 *
 * All columns share their functions' values, so one Gram matrix and one Cholesky factor serve every column.  A bend
 * is found by turning it around: y = I_j - i0 as it would be without the bend,
 *     y(beta) = 2 I/(1 + sqrt(1 + 4 beta I)),      dy/dbeta = -y^2/(1 + 2 beta y),
 * is fitted for a given beta like any current, and so is its derivative; what both fits leave says where beta goes
 * (variable projection; Golub, Pereyra, SIAM J. Numer. Anal. 10(2), 1973).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "nonlinear_fit.h"
#include "stage.h"

#define RIDGE 1e-11                    /* of the mean of the Gram matrix's diagonal */
#define BEND_STEPS 6
#define MOST_BEND 0.2                  /* |beta| times the largest current */
#define CLOSE_ENOUGH 1e-6
enum { NODES = 48 };

int xo_seen_new(struct xo_seen *s, const struct xo_fcm *m, size_t inputs)
{
    s->inputs = inputs;
    s->row_volt = xo_calloc(inputs, m->rows * sizeof(double));
    s->column_amp = xo_calloc(inputs, m->columns * sizeof(double));
    return s->row_volt && s->column_amp ? 0 : ENOMEM;
}

void xo_seen_free(struct xo_seen *s)
{
    free(s->row_volt);
    free(s->column_amp);
    *s = (struct xo_seen){0};
}

void xo_basis_free(struct xo_fcm_basis *b)
{
    free(b->coefficient_volt);
    free(b->matrix_siemens);
    free(b->bend_per_ampere);
    *b = (struct xo_fcm_basis){0};
}

/* ---- functions -------------------------------------------------------------------------------------- */

/* What a polynomial is to follow: f(x)/x at points x != 0 that lie closer together near the ends. */
struct curve { double x[NODES], slope[NODES]; };

/* C(share V)/|C(share end)|, end the larger one of the two: law of the cell at these points. */
static int sample(struct curve *c, const struct xo_typical_cell *cell, double share, double low, double high,
                  struct xo_info *info)
{
    double end = high >= -low ? high : low, one, amp;
    int status = xo_cell_amp(cell->circuit, cell->site, cell->siemens, share * end, &one, info);
    for (int n = 0; n < NODES && !status; n++) {
        double at = 0.5 * (low + high) + 0.5 * (high - low) * cos(M_PI * (n + 0.5) / NODES);
        c->x[n] = at / fabs(end);
        status = xo_cell_amp(cell->circuit, cell->site, cell->siemens, share * at, &amp, info);
        c->slope[n] = one != 0 && at != 0 ? amp / fabs(one) / c->x[n] : 1;
    }
    return status;
}

static double evaluate(const double *coefficient, size_t terms, double x)
{
    double sum = 0;
    for (size_t d = terms; d-- > 0;)
        sum = sum * x + coefficient[d];
    return sum;
}

/* The first `terms` coefficients by least squares; returns the largest error |x f| left. */
static double follow(double *coefficient, size_t terms, const struct curve *c)
{
    double a[NODES * XO_FCM_MOST_TERMS], b[NODES], tau[XO_FCM_MOST_TERMS], left[NODES], worst = 0;
    gsl_matrix_view matrix = gsl_matrix_view_array(a, NODES, terms);
    gsl_vector_view value = gsl_vector_view_array(b, NODES), scale = gsl_vector_view_array(tau, terms);
    gsl_vector_view solution = gsl_vector_view_array(coefficient, terms), rest = gsl_vector_view_array(left, NODES);
    for (int n = 0; n < NODES; n++) {
        double power = c->x[n];                        /* weighted by |x|: it is x f(x) that has to be right */
        for (size_t d = 0; d < terms; d++, power *= c->x[n])
            a[(size_t)n * terms + d] = power;
        b[n] = c->slope[n] * c->x[n];
    }
    if (gsl_linalg_QR_decomp(&matrix.matrix, &scale.vector) ||
        gsl_linalg_QR_lssolve(&matrix.matrix, &scale.vector, &value.vector, &solution.vector, &rest.vector))
        return INFINITY;
    for (int n = 0; n < NODES; n++)
        worst = fmax(worst, fabs(c->x[n] * (evaluate(coefficient, terms, c->x[n]) - c->slope[n])));
    return worst;
}

/* As few terms as give 1e-6 of the value at scale_volt, or else the best there are. */
static void fit_polynomial(double *coefficient, const struct curve *c, double scale)
{
    double trial[XO_FCM_MOST_TERMS], best = INFINITY;
    for (size_t terms = 1; terms <= XO_FCM_MOST_TERMS && best > CLOSE_ENOUGH; terms++) {
        double error = follow(trial, terms, c);
        if (!(error < 0.9 * best))
            continue;
        best = error;
        memset(coefficient, 0, XO_FCM_MOST_TERMS * sizeof *coefficient);
        for (size_t d = 0; d < terms; d++)
            coefficient[d] = scale * trial[d];
    }
}

/* Drop what no function needs. */
static void trim(struct xo_fcm_basis *b)
{
    size_t terms = 1;
    for (size_t k = 0; k < b->functions; k++)
        for (size_t d = 0; d < b->terms; d++)
            if (b->coefficient_volt[k * b->terms + d] != 0 && d + 1 > terms)
                terms = d + 1;
    for (size_t k = 0; k < b->functions; k++)
        memmove(b->coefficient_volt + k * terms, b->coefficient_volt + k * b->terms, terms * sizeof(double));
    b->terms = terms;
}

int xo_basis_functions(struct xo_fcm_basis *out, size_t functions, const struct xo_typical_cell *cell,
                       double low_volt, double high_volt, struct xo_info *info)
{
    struct xo_fcm_basis b = {.functions = functions ? functions : 1, .terms = XO_FCM_MOST_TERMS};
    double low = fmin(low_volt, 0), high = low < 0 || high_volt > 0 ? fmax(high_volt, 0) : 1, share = 1;
    struct curve c;
    int status = 0;
    b.scale_volt = fmax(-low, high);
    b.coefficient_volt = xo_calloc(b.functions, XO_FCM_MOST_TERMS * sizeof(double));
    if (!b.coefficient_volt)
        return ENOMEM;
    if (functions != 1)
        b.coefficient_volt[0] = b.scale_volt;
    for (size_t k = functions != 1; k < b.functions && !status; k++, share /= 2) {
        status = sample(&c, cell, share, low, high, info);
        if (!status)
            fit_polynomial(b.coefficient_volt + k * b.terms, &c, b.scale_volt);
    }
    trim(&b);
    if (status)
        xo_basis_free(&b);
    else
        *out = b;
    return status;
}

/* ---- matrices --------------------------------------------------------------------------------------- */

struct squares {
    size_t inputs, inner, columns;
    double *value;                     /* [inputs][inner]   functions beside each other         */
    double *gram;                      /* [inner][inner]    Cholesky factor of the Gram matrix  */
    double *target, *slope;            /* [inputs][columns] what to fit, and its derivative     */
    double *solution;                  /* [inner][columns]                                      */
    double *left, *left_slope;         /* [inputs][columns] what the fits leave                 */
};

static void squares_free(struct squares *s)
{
    free(s->value);
    free(s->gram);
    free(s->target);
    free(s->slope);
    free(s->left);
    free(s->left_slope);
}

/* Rows that nothing drives have no part in it: their values are set to 0, and so become their entries. */
static void mask_rows(struct squares *s, const struct xo_line *line, size_t functions, size_t rows)
{
    for (size_t k = 0; line && k < s->inputs * functions * rows; k++)
        if (line[k % rows].state != XO_LINE_NORMAL)
            s->value[k] = 0;
}

static int squares_new(struct squares *s, const struct xo_fcm_basis *b, const struct xo_fcm *m,
                       const struct xo_line *line, const struct xo_seen *seen)
{
    size_t most = seen->inputs * m->columns;
    *s = (struct squares){.inputs = seen->inputs, .inner = b->functions * m->rows, .columns = m->columns};
    s->value = xo_calloc(s->inputs, s->inner * sizeof(double));
    s->gram = xo_calloc(s->inner, s->inner * sizeof(double));
    s->target = xo_calloc(most, sizeof(double));
    s->slope = xo_calloc(b->bent ? most : 0, sizeof(double));
    s->left = xo_calloc(b->bent ? most : 0, sizeof(double));
    s->left_slope = xo_calloc(b->bent ? most : 0, sizeof(double));
    if (!s->value || !s->gram || !s->target || !s->slope || !s->left || !s->left_slope)
        return ENOMEM;
    xo_basis_values(b, s->inputs, m->rows, seen->row_volt, s->value);
    mask_rows(s, line, b->functions, m->rows);
    return 0;
}

static int factor(struct squares *s)
{
    const int n = (int)s->inner;
    gsl_matrix_view gram = gsl_matrix_view_array(s->gram, s->inner, s->inner);
    double sum = 0;
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, n, (int)s->inputs, 1, s->value, n, 0, s->gram, n);
    for (size_t k = 0; k < s->inner; k++)
        sum += s->gram[k * s->inner + k];
    for (size_t k = 0; k < s->inner; k++)
        s->gram[k * s->inner + k] += sum > 0 ? RIDGE * sum / (double)n : 1;
    return gsl_linalg_cholesky_decomp1(&gram.matrix) ? XO_ESINGULAR : 0;
}

/* solution of the least squares for target; what it leaves of it, unless left is NULL. */
static void project(struct squares *s, const double *target, double *left)
{
    const int n = (int)s->inner, c = (int)s->columns, t = (int)s->inputs;
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n, c, t, 1, s->value, n, target, c, 0, s->solution, c);
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, n, c, 1, s->gram, n,
                s->solution, c);
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasTrans, CblasNonUnit, n, c, 1, s->gram, n, s->solution, c);
    if (!left)
        return;
    memcpy(left, target, s->inputs * s->columns * sizeof *left);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, t, c, n, -1, s->value, n, s->solution, c, 1, left, c);
}

/* target and slope of all inputs at these bends. */
static void unbend(struct squares *s, const double *amp, const double *offset, const double *bend)
{
    for (size_t k = 0; k < s->inputs * s->columns; k++) {
        size_t j = k % s->columns;
        double own = amp[k] - (offset ? offset[j] : 0), b = bend ? bend[j] : 0;
        double y = 2 * own / (1 + sqrt(1 + 4 * b * own));
        s->target[k] = y;
        if (bend)
            s->slope[k] = -y * y / (1 + 2 * b * y);
    }
}

/* One Gauss-Newton step of every column's bend, kept where the roots stay real and the curve rises. */
static void step_bends(const struct squares *s, const double *amp, double *bend)
{
    for (size_t j = 0; j < s->columns; j++) {
        double along = 0, square = 0, most = 0;
        for (size_t k = j; k < s->inputs * s->columns; k += s->columns) {
            along += s->left[k] * s->left_slope[k];
            square += s->left_slope[k] * s->left_slope[k];
            most = fmax(most, fabs(amp[k]));
        }
        if (!(square > 0) || !(most > 0))
            continue;
        bend[j] -= along / square;
        bend[j] = fmax(-MOST_BEND / most, fmin(MOST_BEND / most, bend[j]));
    }
}

static void fit_bends(struct squares *s, const struct xo_seen *seen, const double *offset, double *bend)
{
    for (int step = 0; step < BEND_STEPS; step++) {
        unbend(s, seen->column_amp, offset, bend);
        project(s, s->slope, s->left_slope);
        project(s, s->target, s->left);
        step_bends(s, seen->column_amp, bend);
    }
}

int xo_basis_fit(struct xo_fcm_basis *b, const struct xo_fcm *m, const struct xo_line *line,
                 const struct xo_seen *seen)
{
    struct squares s;
    int status = squares_new(&s, b, m, line, seen);
    b->matrix_siemens = s.solution = xo_calloc(s.inner, s.columns * sizeof(double));
    b->bend_per_ampere = b->bent ? xo_calloc(s.columns, sizeof(double)) : NULL;
    if (!b->matrix_siemens || (b->bent && !b->bend_per_ampere))
        status = ENOMEM;
    if (!status)
        status = factor(&s);
    if (!status && b->bent)
        fit_bends(&s, seen, m->offset_ampere, b->bend_per_ampere);
    if (!status) {
        unbend(&s, seen->column_amp, m->offset_ampere, b->bend_per_ampere);
        project(&s, s.target, NULL);
    }
    squares_free(&s);
    return status;
}
