/* Noise of each level, additive and relative, from what a fit leaves; and the weights that follow from it and the
 * loss.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "device_fit.h"

#define RESOLUTION_REL 1e-6            /* of a level's largest current: finer residuals buy no parameter  */
#define FEW_POINTS 8                   /* fewer do not tell additive from relative noise                  */
#define HUBER 1.345                    /* 95 % efficient for normal errors (Holland and Welsch 1977)      */
#define CAUCHY 2.385
#define MOST_LEVERAGE 0.99             /* a point that alone tells a parameter says nothing of its noise */
#define NORMAL_MAD 0.6744897501960817  /* median |x| of a standard normal                                 */

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

/* What a fit leaves of a point has the variance sigma^2 (1 - h): the point pulls the fit towards itself.  With P the
 * current's derivatives by the shape, less what the curve's amplitude stands for, and S = sum w P^T P,
 *     h = w (value^2/sum w value^2 + P S^-1 P^T). */
struct pull {
    size_t p;
    double along[XO_SHAPE_MOST], square;       /* of one curve: sum w value slope, sum w value^2 */
    double information[XO_SHAPE_MOST][XO_SHAPE_MOST];
};

static void along_curve(struct pull *u, const struct xo_range *r, size_t j)
{
    const struct xo_iv_curve *c = &r->iv->curve[j];
    u->square = 0;
    memset(u->along, 0, sizeof u->along);
    for (size_t k = c->first; k < c->first + c->points; k++) {
        u->square += r->weight[k] * r->value[k] * r->value[k];
        for (size_t q = 0; q < u->p; q++)
            u->along[q] += r->weight[k] * r->value[k] * r->slope[k * u->p + q];
    }
}

static void derivatives(const struct pull *u, const struct xo_range *r, size_t j, size_t k, double *row)
{
    for (size_t q = 0; q < u->p; q++)
        row[q] = r->siemens[j] * (r->slope[k * u->p + q] - r->value[k] * u->along[q] / u->square);
}

static void find_information(struct pull *u, const struct xo_range *r)
{
    double row[XO_SHAPE_MOST];
    for (size_t j = r->from; j < r->to; j++) {
        along_curve(u, r, j);
        for (size_t k = r->iv->curve[j].first; k < r->iv->curve[j].first + r->iv->curve[j].points; k++) {
            derivatives(u, r, j, k, row);
            for (size_t q = 0; q < u->p; q++)
                for (size_t s = 0; s < u->p; s++)
                    u->information[q][s] += r->weight[k] * row[q] * row[s];
        }
    }
}

static void find_leverage(struct xo_range *r)
{
    struct pull u = {.p = r->shape.count};
    double row[XO_SHAPE_MOST], moved[XO_SHAPE_MOST];
    find_information(&u, r);
    if (!xo_small_cholesky(u.p, u.information))
        u.p = 0;                       /* the fit will say so itself */
    for (size_t j = r->from; j < r->to; j++) {
        along_curve(&u, r, j);
        for (size_t k = r->iv->curve[j].first; k < r->iv->curve[j].first + r->iv->curve[j].points; k++) {
            double h = r->value[k] * r->value[k] / u.square;
            derivatives(&u, r, j, k, row);
            memcpy(moved, row, sizeof moved);
            xo_small_solve(u.p, u.information, moved);
            for (size_t q = 0; q < u.p; q++)
                h += row[q] * moved[q];
            r->leverage[k] = fmin(r->weight[k] * h, MOST_LEVERAGE);
        }
    }
}

/* leverage NULL: what is left as it is, biased towards 0. */
static void gather(struct noise *n, const struct xo_range *r, size_t from, size_t to, const double *leverage)
{
    n->points = 0;
    n->loss = r->loss;
    n->largest = xo_iv_largest(r->iv, from, to);
    for (size_t j = from; j < to; j++)
        for (size_t k = r->iv->curve[j].first; k < r->iv->curve[j].first + r->iv->curve[j].points; k++)
            if (fabs(r->iv->volt[k]) > 0) {
                n->residual2[n->points] = pow(xo_range_residual(r, j, k) / n->largest, 2) /
                                          (leverage ? 1 - leverage[k] : 1);
                n->current2[n->points++] = pow(r->siemens[j] * r->value[k] / n->largest, 2);
            }
}

static void weigh(struct xo_range *r, const struct noise *n, size_t from, size_t to, double mixture, double scale2)
{
    for (size_t j = from; j < to; j++)
        for (size_t k = r->iv->curve[j].first; k < r->iv->curve[j].first + r->iv->curve[j].points; k++) {
            double current2 = pow(r->siemens[j] * r->value[k] / n->largest, 2);
            double variance = scale2 * part(mixture, current2) + RESOLUTION_REL * RESOLUTION_REL;
            double u2 = pow(xo_range_residual(r, j, k) / n->largest, 2) / variance;
            r->sigma[k] = n->largest * sqrt(variance);
            r->weight[k] = weight_of(r->loss, u2) / (r->sigma[k] * r->sigma[k]);
        }
}

/* Mean curvature of the loss over its mean weight: what weights say too much about the information of the data. */
static void find_curvature(struct xo_range *r)
{
    double curvature = 0, weight = 0;
    for (size_t j = r->from; j < r->to; j++)
        for (size_t k = r->iv->curve[j].first; k < r->iv->curve[j].first + r->iv->curve[j].points; k++) {
            double u2 = pow(xo_range_residual(r, j, k) / r->sigma[k], 2);
            curvature += curvature_of(r->loss, u2);
            weight += weight_of(r->loss, u2);
        }
    r->curvature = r->loss == XO_LOSS_SQUARE ? 1 : fmax(curvature / weight, 0.1);
}

static struct noise scratch_of(const struct xo_range *r, double *scratch)
{
    size_t points = xo_range_last(r) - xo_range_first(r);
    return (struct noise){.residual2 = scratch, .current2 = scratch + points, .sorted = scratch + 2 * points};
}

void xo_range_noise(struct xo_range *r, double *scratch)
{
    struct noise n = scratch_of(r, scratch);
    find_leverage(r);
    for (size_t j = r->from, next; j < r->to; j = next) {
        size_t level = r->iv->curve[j].level;
        next = xo_range_end_of_level(r, j);
        gather(&n, r, j, next, r->leverage);
        double mixture = n.points < FEW_POINTS ? 0 : best_mixture(&n), scale2 = scale2_of(&n, mixture);
        weigh(r, &n, j, next, mixture, scale2);
        r->noise_ampere[level] = n.largest * sqrt(scale2 * (1 - mixture));
        r->noise_relative[level] = sqrt(scale2 * mixture);
    }
    find_curvature(r);
}

void xo_range_deviance(struct xo_range *r, double *scratch)
{
    struct noise n = scratch_of(r, scratch);
    r->deviance = 0;
    for (size_t j = r->from, next; j < r->to; j = next) {
        next = xo_range_end_of_level(r, j);
        gather(&n, r, j, next, NULL);
        double mixture = n.points < FEW_POINTS ? 0 : best_mixture(&n), scale2 = scale2_of(&n, mixture);
        r->deviance += deviance_of(&n, mixture, scale2) + 2 * (double)n.points * log(n.largest);
    }
}
