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

#define RESOLUTION_REL 1e-6            /* of a level's largest current: finer residuals buy no parameter  */
#define MOST_ROUNDS 30                 /* of fit and weights in turns                                     */
#define FEWEST_ROUNDS 3                /* of them                                                         */
#define SETTLED 1e-4                   /* square of the last change over the standard error               */
#define FEW_POINTS 8                   /* fewer do not tell additive from relative noise                  */
#define HUBER 1.345                    /* 95 % efficient for normal errors (Holland and Welsch 1977)      */
#define CAUCHY 2.385
#define NORMAL_MAD 0.6744897501960817  /* median |x| of a standard normal                                 */
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

int xo_range_new(struct xo_range *r, const struct xo_iv *iv)
{
    *r = (struct xo_range){.iv = iv, .to = iv->curves};
    r->siemens = xo_calloc(iv->curves, sizeof *r->siemens);
    r->sigma = xo_calloc(iv->points, sizeof *r->sigma);
    r->weight = xo_calloc(iv->points, sizeof *r->weight);
    r->value = xo_calloc(iv->points, sizeof *r->value);
    r->slope = xo_calloc(iv->points, XO_SHAPE_MOST * sizeof *r->slope);
    r->noise_ampere = xo_calloc(iv->levels, sizeof *r->noise_ampere);
    r->noise_relative = xo_calloc(iv->levels, sizeof *r->noise_relative);
    if (r->siemens && r->sigma && r->weight && r->value && r->slope && r->noise_ampere && r->noise_relative)
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

static double residual(const struct xo_range *r, size_t j, size_t k)
{
    return r->iv->ampere[k] - r->siemens[j] * r->value[k];
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
            gsl_vector_set(f, k - first, sqrt(r->weight[k]) * residual(r, j, k));
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

/* ---- noise ----------------------------------------------------------------------------------------- */

/* The points of one level in the range that carry noise of its law: not those at 0 V.  Currents over the largest. */
struct noise {
    enum xo_fit_loss loss;
    size_t points;
    double largest;                    /* |current| */
    double *residual2, *current2;      /* [points] squares */
    double *sorted;                    /* [points] scratch */
};

/* Variance, up to a factor: mixture of constant and proportional. */
static double part(double mixture, double current2)
{
    return 1 - mixture + mixture * current2 + RESOLUTION_REL * RESOLUTION_REL;
}

/* rho(u), and rho'(u)/u, by u^2. */
static double loss_of(enum xo_fit_loss loss, double u2)
{
    if (loss == XO_LOSS_CAUCHY)
        return CAUCHY * CAUCHY / 2 * log1p(u2 / (CAUCHY * CAUCHY));
    return loss == XO_LOSS_HUBER && u2 > HUBER * HUBER ? HUBER * (sqrt(u2) - HUBER / 2) : u2 / 2;
}

static double weight_of(enum xo_fit_loss loss, double u2)
{
    if (loss == XO_LOSS_CAUCHY)
        return 1 / (1 + u2 / (CAUCHY * CAUCHY));
    return loss == XO_LOSS_HUBER && u2 > HUBER * HUBER ? HUBER / sqrt(u2) : 1;
}

/* rho''(u) */
static double curvature_of(enum xo_fit_loss loss, double u2)
{
    double c = u2 / (CAUCHY * CAUCHY);
    if (loss == XO_LOSS_CAUCHY)
        return (1 - c) / (1 + c) / (1 + c);
    return loss == XO_LOSS_HUBER && u2 > HUBER * HUBER ? 0 : 1;
}

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Square of the residuals' scale for a mixture: their mean square, or from their median where a loss is to withstand
 * outliers. */
static double scale2_of(const struct noise *n, double mixture)
{
    double sum = 0;
    for (size_t k = 0; k < n->points; k++)
        sum += n->sorted[k] = n->residual2[k] / part(mixture, n->current2[k]);
    if (n->loss == XO_LOSS_SQUARE || !n->points)
        return n->points ? sum / (double)n->points : 0;
    qsort(n->sorted, n->points, sizeof *n->sorted, compare_numbers);
    return n->sorted[n->points / 2] / (NORMAL_MAD * NORMAL_MAD);
}

/* -2 ln likelihood, but for a constant.  Variances are multiplied before a logarithm is taken: none is below
 * 1e-12. */
static double deviance_of(const struct noise *n, double mixture, double scale2)
{
    enum { TOGETHER = 16 };
    double sum = 0, product = 1;
    for (size_t k = 0; k < n->points; k++) {
        double variance = scale2 * part(mixture, n->current2[k]) + RESOLUTION_REL * RESOLUTION_REL;
        sum += 2 * loss_of(n->loss, n->residual2[k] / variance);
        product *= variance;
        if (k % TOGETHER == TOGETHER - 1) {
            sum += log(product);
            product = 1;
        }
    }
    return sum + log(product);
}

static double at_mixture(const struct noise *n, double mixture)
{
    return deviance_of(n, mixture, scale2_of(n, mixture));
}

/* The mixture of least deviance: golden section over x of 1 - 10^-x, x = 0 .. 6. */
static double best_mixture(const struct noise *n)
{
    const double golden = 0.6180339887498949;
    double low = 0, high = 6, a = high - golden * (high - low), b = low + golden * (high - low);
    double at_a = at_mixture(n, 1 - pow(10, -a)), at_b = at_mixture(n, 1 - pow(10, -b));
    for (int step = 0; step < 12; step++)
        if (at_a <= at_b) {
            high = b;
            b = a;
            at_b = at_a;
            at_a = at_mixture(n, 1 - pow(10, -(a = high - golden * (high - low))));
        } else {
            low = a;
            a = b;
            at_a = at_b;
            at_b = at_mixture(n, 1 - pow(10, -(b = low + golden * (high - low))));
        }
    double best = 1 - pow(10, -(low + high) / 2);
    return at_mixture(n, 0) <= at_mixture(n, best) ? 0 : best;
}

static void gather(struct noise *n, const struct xo_range *r, size_t from, size_t to)
{
    n->points = 0;
    n->loss = r->loss;
    n->largest = xo_iv_largest(r->iv, from, to);
    for (size_t j = from; j < to; j++)
        for (size_t k = r->iv->curve[j].first; k < r->iv->curve[j].first + r->iv->curve[j].points; k++)
            if (fabs(r->iv->volt[k]) > 0) {
                n->residual2[n->points] = pow(residual(r, j, k) / n->largest, 2);
                n->current2[n->points++] = pow(r->siemens[j] * r->value[k] / n->largest, 2);
            }
}

static void weigh(struct xo_range *r, const struct noise *n, size_t from, size_t to, double mixture, double scale2)
{
    for (size_t j = from; j < to; j++)
        for (size_t k = r->iv->curve[j].first; k < r->iv->curve[j].first + r->iv->curve[j].points; k++) {
            double current2 = pow(r->siemens[j] * r->value[k] / n->largest, 2);
            double variance = scale2 * part(mixture, current2) + RESOLUTION_REL * RESOLUTION_REL;
            double u2 = pow(residual(r, j, k) / n->largest, 2) / variance;
            r->sigma[k] = n->largest * sqrt(variance);
            r->weight[k] = weight_of(r->loss, u2) / (r->sigma[k] * r->sigma[k]);
        }
}

static size_t end_of_level(const struct xo_range *r, size_t j)
{
    size_t level = r->iv->curve[j].level;
    while (j < r->to && r->iv->curve[j].level == level)
        j++;
    return j;
}

/* Mean curvature of the loss over its mean weight: what weights say too much about the information of the data. */
static void find_curvature(struct xo_range *r)
{
    double curvature = 0, weight = 0;
    for (size_t j = r->from; j < r->to; j++)
        for (size_t k = r->iv->curve[j].first; k < r->iv->curve[j].first + r->iv->curve[j].points; k++) {
            double u2 = pow(residual(r, j, k) / r->sigma[k], 2);
            curvature += curvature_of(r->loss, u2);
            weight += weight_of(r->loss, u2);
        }
    r->curvature = r->loss == XO_LOSS_SQUARE ? 1 : fmax(curvature / weight, 0.1);
}

/* Noise level by level, and the weights that follow from it.  scratch [3 points] */
static void estimate_noise(struct xo_range *r, double *scratch)
{
    size_t points = xo_range_last(r) - xo_range_first(r);
    struct noise n = {.residual2 = scratch, .current2 = scratch + points, .sorted = scratch + 2 * points};
    r->deviance = 0;
    for (size_t j = r->from, next; j < r->to; j = next) {
        size_t level = r->iv->curve[j].level;
        next = end_of_level(r, j);
        gather(&n, r, j, next);
        double mixture = n.points < FEW_POINTS ? 0 : best_mixture(&n), scale2 = scale2_of(&n, mixture);
        r->deviance += deviance_of(&n, mixture, scale2) + 2 * (double)n.points * log(n.largest);
        weigh(r, &n, j, next, mixture, scale2);
        r->noise_ampere[level] = n.largest * sqrt(scale2 * (1 - mixture));
        r->noise_relative[level] = sqrt(scale2 * mixture);
    }
    find_curvature(r);
}

/* ---- in turns -------------------------------------------------------------------------------------- */

static void begin(struct xo_range *r)
{
    for (size_t j = r->from, next; j < r->to; j = next) {
        next = end_of_level(r, j);
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
            sum += r->weight[k] * pow(residual(r, j, k), 2);
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
        estimate_noise(r, scratch);
    }
    follow(r, r->theta);
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
