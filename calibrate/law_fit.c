/* Least squares for the law of a converter, by GSL's trust-region Levenberg-Marquardt (multifit_nlinear) on a QR
 * factorisation.  The law is linear in its parameters, so the first full step already lands on the minimum; the
 * solver's own convergence test then says so.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <gsl/gsl_blas.h>
#include <gsl/gsl_multifit_nlinear.h>
#include "law_fit.h"

/* Two columns of the Jacobian are one where less than this of the second remains beside the first. */
#define DEPENDENT_REL 1e-9

double xo_law_reading(const struct xo_law_data *data, const double *value, size_t parameters, double t)
{
    double curve = 0;
    for (size_t k = parameters; k-- > 2; )
        curve = (curve + value[k]) * t;                        /* sum of value[k] t^(k-1), k >= 2 */
    return (data->full + value[0] + curve) * t + value[1];
}

static int residuals(const gsl_vector *value, void *user, gsl_vector *f)
{
    const struct xo_law_data *data = user;
    for (size_t i = 0; i < data->points; i++)
        gsl_vector_set(f, i, xo_law_reading(data, value->data, value->size, data->t[i]) - data->reading_lsb[i]);
    return GSL_SUCCESS;
}

static int jacobian(const gsl_vector *value, void *user, gsl_matrix *j)
{
    const struct xo_law_data *data = user;
    for (size_t i = 0; i < data->points; i++) {
        double power = data->t[i];
        gsl_matrix_set(j, i, 0, power);
        gsl_matrix_set(j, i, 1, 1);
        for (size_t k = 2; k < value->size; k++)
            gsl_matrix_set(j, i, k, power *= data->t[i]);
    }
    return GSL_SUCCESS;
}

/* Everything the solver leaves: minimum, sum of squares, (J^T J)^-1. */
static int read_off(struct xo_law_fit *out, gsl_multifit_nlinear_workspace *w, gsl_matrix *inverse)
{
    struct xo_law_fit fit = {.parameters = inverse->size1};
    gsl_multifit_nlinear_covar(gsl_multifit_nlinear_jac(w), DEPENDENT_REL, inverse);
    gsl_blas_ddot(gsl_multifit_nlinear_residual(w), gsl_multifit_nlinear_residual(w), &fit.sum_of_squares);
    for (size_t k = 0; k < fit.parameters; k++) {
        fit.value[k] = gsl_vector_get(gsl_multifit_nlinear_position(w), k);
        fit.inverse[k] = gsl_matrix_get(inverse, k, k);        /* 0 for a dependent column */
        if (!(fit.inverse[k] > 0) || !isfinite(fit.inverse[k]) || !isfinite(fit.value[k]))
            return XO_ESINGULAR;
    }
    *out = fit;
    return XO_OK;
}

static int minimise(struct xo_law_fit *out, struct xo_law_data data, gsl_multifit_nlinear_workspace *w,
                    gsl_vector *start, gsl_matrix *inverse)
{
    gsl_multifit_nlinear_fdf law = {
        .f = residuals, .df = jacobian, .n = data.points, .p = start->size, .params = &data
    };
    int reason = 0;
    int status = gsl_multifit_nlinear_init(start, &law, w);
    if (!status)
        status = gsl_multifit_nlinear_driver(100, 1e-12, 1e-12, 0, NULL, NULL, &reason, w);
    if (status == GSL_ENOMEM)
        return ENOMEM;
    if (status && reason != GSL_ENOPROG)                       /* no progress: at the minimum already */
        return XO_ESINGULAR;
    return read_off(out, w, inverse);
}

int xo_law_fit(struct xo_law_fit *out, const struct xo_law_data *data, size_t parameters)
{
    gsl_multifit_nlinear_parameters how = gsl_multifit_nlinear_default_parameters();
    how.solver = gsl_multifit_nlinear_solver_qr;
    int status = ENOMEM;
    gsl_multifit_nlinear_workspace *w =
        gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &how, data->points, parameters);
    gsl_vector *start = gsl_vector_calloc(parameters);
    gsl_matrix *inverse = gsl_matrix_alloc(parameters, parameters);
    if (w && start && inverse)
        status = minimise(out, *data, w, start, inverse);
    gsl_matrix_free(inverse);
    gsl_vector_free(start);
    gsl_multifit_nlinear_free(w);
    return status;
}
