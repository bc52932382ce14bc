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
#define SETTLED 1e-8                   /* square of the last change over the standard error               */
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

/* h, dh/dtheta and, by regression through 0, the amplitudes. */
static void follow(struct xo_range *r, const double *theta)
{
    size_t p = r->shape.count;
    for (size_t j = r->from; j < r->to; j++) {
        const struct xo_iv_curve *c = &r->iv->curve[j];
        double hh = 0, hi = 0;
        for (size_t k = c->first; k < c->first + c->points; k++) {
            double h = r->value[k] = xo_shape_value(&r->shape, theta, r->iv->volt[k], r->slope + k * p);
            hh += r->weight[k] * h * h;
            hi += r->weight[k] * h * r->iv->ampere[k];
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
        status = gsl_multifit_nlinear_driver(100, 1e-10, 1e-12, 0, NULL, NULL, &reason, w);
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

/* ---- noise ------------------------------------------------------------------------------------------ */

/* The points of one level in the range that carry noise of its law: not those at 0 V. */
struct noise {
    const struct xo_range *r;
    size_t from, to;                   /* curves */
    double largest;                    /* |current| */
    size_t points;
    double *scratch;                   /* [points] */
};

/* Variance over (scale largest)^2: mixture of constant and proportional. */
static double part(const struct noise *n, double mixture, size_t j, size_t k)
{
    double current = n->r->siemens[j] * n->r->value[k] / n->largest;
    return 1 - mixture + mixture * current * current + RESOLUTION_REL * RESOLUTION_REL;
}

/* rho and rho'(u)/u of the loss. */
static double loss_of(enum xo_fit_loss loss, double u)
{
    double size = fabs(u);
    if (loss == XO_LOSS_CAUCHY)
        return CAUCHY * CAUCHY / 2 * log1p(size / CAUCHY * (size / CAUCHY));
    return loss == XO_LOSS_HUBER && size > HUBER ? HUBER * (size - HUBER / 2) : size * size / 2;
}

static double weight_of(enum xo_fit_loss loss, double u)
{
    double size = fabs(u);
    if (loss == XO_LOSS_CAUCHY)
        return 1 / (1 + size / CAUCHY * (size / CAUCHY));
    return loss == XO_LOSS_HUBER && size > HUBER ? HUBER / size : 1;
}

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Scale of the residuals for a mixture: root mean square, or from their median where a loss is to withstand outliers. */
static double scale_of(const struct noise *n, double mixture)
{
    double sum = 0;
    size_t count = 0;
    for (size_t j = n->from; j < n->to; j++)
        for (size_t k = n->r->iv->curve[j].first; k < n->r->iv->curve[j].first + n->r->iv->curve[j].points; k++) {
            if (!(fabs(n->r->iv->volt[k]) > 0))
                continue;
            double u = residual(n->r, j, k) / n->largest;
            n->scratch[count++] = fabs(u) / sqrt(part(n, mixture, j, k));
            sum += n->scratch[count - 1] * n->scratch[count - 1];
        }
    if (n->r->loss == XO_LOSS_SQUARE)
        return sqrt(sum / (double)count);
    qsort(n->scratch, count, sizeof *n->scratch, compare_numbers);
    return n->scratch[count / 2] / NORMAL_MAD;
}

/* -2 ln likelihood of the level's residuals, but for a constant. */
static double deviance_of(const struct noise *n, double mixture, double scale)
{
    double sum = 0;
    for (size_t j = n->from; j < n->to; j++)
        for (size_t k = n->r->iv->curve[j].first; k < n->r->iv->curve[j].first + n->r->iv->curve[j].points; k++) {
            if (!(fabs(n->r->iv->volt[k]) > 0))
                continue;
            double variance = scale * scale * part(n, mixture, j, k) + RESOLUTION_REL * RESOLUTION_REL;
            double u = residual(n->r, j, k) / n->largest / sqrt(variance);
            sum += log(variance) + 2 * loss_of(n->r->loss, u);
        }
    return sum;
}

static double at_mixture(const struct noise *n, double mixture)
{
    return deviance_of(n, mixture, scale_of(n, mixture));
}

/* The mixture of least deviance, by golden section over its logit-like scale m = 1 - 10^-x, x = 0 .. 6. */
static double best_mixture(const struct noise *n)
{
    const double golden = 0.6180339887498949;
    double low = 0, high = 6, a = high - golden * (high - low), b = low + golden * (high - low);
    double at_a = at_mixture(n, 1 - pow(10, -a)), at_b = at_mixture(n, 1 - pow(10, -b));
    for (int step = 0; step < 18; step++)
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

static void weigh(struct xo_range *r, const struct noise *n, double mixture, double scale)
{
    for (size_t j = n->from; j < n->to; j++)
        for (size_t k = r->iv->curve[j].first; k < r->iv->curve[j].first + r->iv->curve[j].points; k++) {
            r->sigma[k] = n->largest * sqrt(scale * scale * part(n, mixture, j, k) + RESOLUTION_REL * RESOLUTION_REL);
            r->weight[k] = weight_of(r->loss, residual(r, j, k) / r->sigma[k]) / r->sigma[k] / r->sigma[k];
        }
}

/* Noise level by level, and the weights that follow from it. */
static void estimate_noise(struct xo_range *r, double *scratch)
{
    r->deviance = 0;
    for (size_t j = r->from, next; j < r->to; j = next) {
        struct noise n = {.r = r, .from = j, .scratch = scratch};
        size_t level = r->iv->curve[j].level;
        for (next = j; next < r->to && r->iv->curve[next].level == level; next++)
            for (size_t k = 0; k < r->iv->curve[next].points; k++)
                n.points += fabs(r->iv->volt[r->iv->curve[next].first + k]) > 0;
        n.to = next;
        n.largest = xo_iv_largest(r->iv, j, next);
        double mixture = n.points < FEW_POINTS ? 0 : best_mixture(&n), scale = scale_of(&n, mixture);
        r->deviance += deviance_of(&n, mixture, scale) + 2 * (double)n.points * log(n.largest);
        weigh(r, &n, mixture, scale);
        r->noise_ampere[level] = n.largest * scale * sqrt(1 - mixture);
        r->noise_relative[level] = scale * sqrt(mixture);
    }
}

/* ---- in turns ----------------------------------------------------------------------------------------- */

static void begin(struct xo_range *r)
{
    for (size_t j = r->from, next; j < r->to; j = next) {
        for (next = j + 1; next < r->to && r->iv->curve[next].level == r->iv->curve[j].level; next++)
            ;
        double largest = xo_iv_largest(r->iv, j, next);
        for (size_t k = r->iv->curve[j].first; k < r->iv->curve[next - 1].first + r->iv->curve[next - 1].points; k++)
            r->weight[k] = 1 / largest / largest;
    }
    follow(r, r->theta);
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
    for (int round = 0; round < MOST_ROUNDS && (round < 2 || moved > SETTLED); round++) {
        memcpy(before, r->theta, sizeof before);
        int status = w ? search(r, w, start) : 0;
        if (status)
            return status;
        if (!w) {
            follow(r, r->theta);
            moved = round < 4 ? INFINITY : 0;
        } else {
            moved = round ? change(r, before, gsl_multifit_nlinear_jac(w)) : INFINITY;
        }
        estimate_noise(r, scratch);
    }
    follow(r, r->theta);
    return 0;
}

int xo_range_fit(struct xo_range *r)
{
    gsl_multifit_nlinear_parameters how = gsl_multifit_nlinear_default_parameters();
    size_t points = xo_range_last(r) - xo_range_first(r), p = r->shape.count;
    gsl_multifit_nlinear_workspace *w = NULL;
    gsl_vector *start = NULL;
    if (points < p + 1)
        return XO_ESINGULAR;
    double *scratch = xo_calloc(points, sizeof *scratch);
    int status = scratch ? 0 : ENOMEM;
    how.solver = gsl_multifit_nlinear_solver_qr;
    if (!status && p) {
        w = gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &how, points, p);
        start = gsl_vector_calloc(p);
        status = w && start ? 0 : ENOMEM;
    }
    if (!status)
        status = in_turns(r, w, start, scratch);
    if (start)
        gsl_vector_free(start);
    if (w)
        gsl_multifit_nlinear_free(w);
    free(scratch);
    return status;
}
