/* Least squares for one shape and an amplitude per curve, with weights that follow the noise and, if asked for, the
 * loss.  Amplitudes are linear and eliminated (variable projection); weights are found in turns with the fit.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <float.h>
#include <math.h>
#include <string.h>
#include <gsl/gsl_multifit_nlinear.h>
#include "device_fit.h"
#include "memory.h"

#define MOST_ROUNDS 30                 /* of fit and weights in turns                                     */
#define FEWEST_ROUNDS 3                /* of them                                                         */
#define SETTLED 1e-4                   /* square of the last change over the standard error               */
#define FAR 1e30                       /* a residual no step is taken for                                 */
#define LARGEST_ARGUMENT 300.0         /* of sinh                                                         */
#define SMALLEST_ARGUMENT 1e-2         /* below, sinh is a straight line to 2e-5                          */

size_t xo_range_first(const struct xo_range *r)
{
    return r->iv->curve[r->from].first;
}

size_t xo_range_last(const struct xo_range *r)
{
    const struct xo_iv_curve *curve = &r->iv->curve[r->to - 1];
    return curve->first + curve->points;
}

double xo_iv_largest(const struct xo_iv *iv, size_t from, size_t to)
{
    double largest = 0;
    for (size_t k = iv->curve[from].first; k < iv->curve[to - 1].first + iv->curve[to - 1].points; k++)
        largest = fmax(largest, fabs(iv->ampere[k]));
    return largest;
}

void xo_iv_range(const struct xo_iv *iv, size_t from, size_t to, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t k = iv->curve[from].first; k < iv->curve[to - 1].first + iv->curve[to - 1].points; k++) {
        *low = fmin(*low, iv->volt[k]);
        *high = fmax(*high, iv->volt[k]);
    }
}

size_t xo_iv_end_of_level(const struct xo_iv *iv, size_t j)
{
    size_t level = iv->curve[j].level;
    while (j < iv->curves && iv->curve[j].level == level)
        j++;
    return j;
}

size_t xo_range_end_of_level(const struct xo_range *r, size_t j)
{
    size_t end = xo_iv_end_of_level(r->iv, j);
    return end < r->to ? end : r->to;
}

double xo_range_residual(const struct xo_range *r, size_t j, size_t k)
{
    return r->iv->ampere[k] - r->siemens[j] * r->value[k];
}

int xo_range_new(struct xo_range *r, const struct xo_iv *iv)
{
    *r = (struct xo_range){.iv = iv, .to = iv->curves};
    r->siemens = xo_calloc(iv->curves, sizeof *r->siemens);
    r->sigma = xo_calloc(iv->points, sizeof *r->sigma);
    r->weight = xo_calloc(iv->points, sizeof *r->weight);
    r->value = xo_calloc(iv->points, sizeof *r->value);
    r->slope = xo_calloc(iv->points, XO_SHAPE_MOST * sizeof *r->slope);
    r->leverage = xo_calloc(iv->points, sizeof *r->leverage);
    r->noise_ampere = xo_calloc(iv->levels, sizeof *r->noise_ampere);
    r->noise_relative = xo_calloc(iv->levels, sizeof *r->noise_relative);
    if (r->siemens && r->sigma && r->weight && r->value && r->slope && r->leverage && r->noise_ampere &&
        r->noise_relative)
        return 0;
    xo_range_free(r);
    return ENOMEM;
}

void xo_range_free(struct xo_range *r)
{
    free(r->siemens);
    free(r->sigma);
    free(r->weight);
    free(r->value);
    free(r->slope);
    free(r->leverage);
    free(r->noise_ampere);
    free(r->noise_relative);
    *r = (struct xo_range){0};
}

/* ---- one fit with given weights -------------------------------------------------------------------- */

/* h and dh/dtheta, unless they are those of theta already. */
static void evaluate(struct xo_range *r, const double *theta)
{
    size_t p = r->shape.count;
    if (r->known && !memcmp(theta, r->at, p * sizeof *theta))
        return;
    for (size_t k = xo_range_first(r); k < xo_range_last(r); k++)
        r->value[k] = xo_shape_value(&r->shape, theta, r->iv->volt[k], r->slope + k * p);
    memcpy(r->at, theta, p * sizeof *theta);
    r->known = true;
}

/* The amplitudes too, by regression through 0. */
static void follow(struct xo_range *r, const double *theta)
{
    evaluate(r, theta);
    for (size_t j = r->from; j < r->to; j++) {
        const struct xo_iv_curve *c = &r->iv->curve[j];
        double hh = 0, hi = 0;
        for (size_t k = c->first; k < c->first + c->points; k++) {
            hh += r->weight[k] * r->value[k] * r->value[k];
            hi += r->weight[k] * r->value[k] * r->iv->ampere[k];
        }
        r->siemens[j] = hh > 0 ? hi / hh : 0;
    }
}

static bool within_limits(const struct xo_range *r, const double *theta)
{
    for (size_t k = 0; k < r->shape.count; k++)
        if (!isfinite(theta[k]))
            return false;
    if (r->shape.law != XO_FIT_SINH)
        return true;
    double argument = r->shape.scale_volt / exp(theta[0]);
    return argument >= SMALLEST_ARGUMENT && argument <= LARGEST_ARGUMENT;
}

static int gsl_residuals(const gsl_vector *theta, void *user, gsl_vector *f)
{
    struct xo_range *r = user;
    size_t first = xo_range_first(r);
    gsl_vector_set_all(f, FAR);
    if (!within_limits(r, theta->data))
        return GSL_SUCCESS;            /* the step is taken back */
    follow(r, theta->data);
    for (size_t j = r->from; j < r->to; j++)
        for (size_t k = r->iv->curve[j].first; k < r->iv->curve[j].first + r->iv->curve[j].points; k++)
            gsl_vector_set(f, k - first, sqrt(r->weight[k]) * xo_range_residual(r, j, k));
    return GSL_SUCCESS;
}

/* Of the residual, by theta_q: -g (dh - h <h, dh>/<h, h>), what of dh the amplitude cannot stand for (Kaufman). */
static int gsl_jacobian(const gsl_vector *theta, void *user, gsl_matrix *jacobian)
{
    struct xo_range *r = user;
    size_t first = xo_range_first(r), p = r->shape.count;
    if (!within_limits(r, theta->data))
        return GSL_EDOM;
    follow(r, theta->data);
    for (size_t j = r->from; j < r->to; j++) {
        const struct xo_iv_curve *c = &r->iv->curve[j];
        for (size_t q = 0; q < p; q++) {
            double hh = 0, hd = 0;
            for (size_t k = c->first; k < c->first + c->points; k++) {
                hh += r->weight[k] * r->value[k] * r->value[k];
                hd += r->weight[k] * r->value[k] * r->slope[k * p + q];
            }
            double along = hh > 0 ? hd / hh : 0;
            for (size_t k = c->first; k < c->first + c->points; k++)
                gsl_matrix_set(jacobian, k - first, q, -r->siemens[j] * sqrt(r->weight[k]) *
                               (r->slope[k * p + q] - r->value[k] * along));
        }
    }
    return GSL_SUCCESS;
}

static int search(struct xo_range *r, gsl_multifit_nlinear_workspace *w, gsl_vector *start)
{
    size_t points = xo_range_last(r) - xo_range_first(r);
    gsl_multifit_nlinear_fdf law = {
        .f = gsl_residuals, .df = gsl_jacobian, .n = points, .p = r->shape.count, .params = r
    };
    int reason = 0;
    memcpy(start->data, r->theta, r->shape.count * sizeof *r->theta);
    int status = gsl_multifit_nlinear_init(start, &law, w);
    if (!status)
        status = gsl_multifit_nlinear_driver(100, 1e-8, 1e-12, 0, NULL, NULL, &reason, w);
    if (status == GSL_ENOMEM)
        return ENOMEM;
    if (status && status != GSL_EMAXITER && reason != GSL_ENOPROG)     /* no progress: at the minimum already */
        return XO_ESINGULAR;
    memcpy(r->theta, gsl_multifit_nlinear_position(w)->data, r->shape.count * sizeof *r->theta);
    if (!within_limits(r, r->theta))
        return XO_ESINGULAR;
    follow(r, r->theta);
    return 0;
}

/* ---- in turns -------------------------------------------------------------------------------------- */

static void begin(struct xo_range *r)
{
    for (size_t j = r->from, next; j < r->to; j = next) {
        next = xo_range_end_of_level(r, j);
        double largest = xo_iv_largest(r->iv, j, next);
        for (size_t k = r->iv->curve[j].first; k < r->iv->curve[next - 1].first + r->iv->curve[next - 1].points; k++)
            r->weight[k] = 1 / largest / largest;
    }
}

static double sum_of_squares(const struct xo_range *r)
{
    double sum = 0;
    for (size_t j = r->from; j < r->to; j++)
        for (size_t k = r->iv->curve[j].first; k < r->iv->curve[j].first + r->iv->curve[j].points; k++)
            sum += r->weight[k] * pow(xo_range_residual(r, j, k), 2);
    return sum;
}

/* The best of several starts, by least squares. */
static int choose_start(struct xo_range *r, gsl_multifit_nlinear_workspace *w, gsl_vector *start)
{
    static const double bend[] = {1.5, 10};            /* of sinh: the largest v/v0, mild and strong */
    double best = INFINITY, theta = r->theta[0];
    int found = XO_ESINGULAR;
    if (r->shape.law != XO_FIT_SINH)
        return 0;
    for (int k = 0; k < 2; k++) {
        r->theta[0] = log(r->shape.scale_volt / bend[k]);
        int status = search(r, w, start);
        if (status == ENOMEM)
            return status;
        if (status || !(sum_of_squares(r) < best))
            continue;
        best = sum_of_squares(r);
        theta = r->theta[0];
        found = 0;
    }
    r->theta[0] = theta;
    return found;
}

/* Squared change of theta in standard errors: |J d|^2. */
static double change(const struct xo_range *r, const double *before, const gsl_matrix *jacobian)
{
    double sum = 0;
    for (size_t k = 0; k < jacobian->size1; k++) {
        double row = 0;
        for (size_t q = 0; q < r->shape.count; q++)
            row += gsl_matrix_get(jacobian, k, q) * (r->theta[q] - before[q]);
        sum += row * row;
    }
    return sum;
}

static int in_turns(struct xo_range *r, gsl_multifit_nlinear_workspace *w, gsl_vector *start, double *scratch)
{
    double before[XO_SHAPE_MOST], moved = INFINITY;
    begin(r);
    int status = w ? choose_start(r, w, start) : 0;
    for (int round = 0; round < MOST_ROUNDS && !status && (round < FEWEST_ROUNDS || moved > SETTLED); round++) {
        memcpy(before, r->theta, sizeof before);
        status = w ? search(r, w, start) : 0;
        if (status)
            break;
        follow(r, r->theta);
        moved = w ? change(r, before, gsl_multifit_nlinear_jac(w)) : 0;
        xo_range_noise(r, scratch);
    }
    follow(r, r->theta);
    if (!status)
        xo_range_deviance(r, scratch);
    return status;
}

static int fit(struct xo_range *r, bool weights_given)
{
    gsl_multifit_nlinear_parameters how = gsl_multifit_nlinear_default_parameters();
    size_t points = xo_range_last(r) - xo_range_first(r), p = r->shape.count;
    gsl_multifit_nlinear_workspace *w = NULL;
    gsl_vector *start = NULL;
    if (points < p + 1)
        return XO_ESINGULAR;
    r->known = false;
    double *scratch = xo_calloc(points, 3 * sizeof *scratch);
    int status = scratch ? 0 : ENOMEM;
    how.solver = gsl_multifit_nlinear_solver_cholesky;
    if (!status && p) {
        w = gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &how, points, p);
        start = gsl_vector_calloc(p);
        status = w && start ? 0 : ENOMEM;
    }
    if (!status && !weights_given)
        status = in_turns(r, w, start, scratch);
    else if (!status && p)
        status = search(r, w, start);
    else if (!status)
        follow(r, r->theta);
    if (start)
        gsl_vector_free(start);
    if (w)
        gsl_multifit_nlinear_free(w);
    free(scratch);
    return status;
}

int xo_range_fit(struct xo_range *r)
{
    return fit(r, false);
}

int xo_range_refit(struct xo_range *r)
{
    return fit(r, true);
}
