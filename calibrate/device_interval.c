/* How far shape, level means and spreads are known, replicated by device, by curve or by point.
 *
 * With s_d = sum over the unit's points of w P^T r (P: dI/dtheta as in variable projection) and S_d = sum of w P^T P,
 * leaving the unit out moves theta by  e_d = -(S - S_d)^-1 s_d  (one Gauss-Newton step), and the variance of theta is
 * (D-1)/D sum e_d e_d^T over D units.  A level's mean moves with its own unit and with theta.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <string.h>
#include <gsl/gsl_cdf.h>
#include "device_fit.h"
#include "memory.h"

enum { P = XO_SHAPE_MOST };

/* ---- which unit replicates ------------------------------------------------------------------------- */

int xo_units_new(struct xo_units *u, const struct xo_iv *iv)
{
    size_t fewest_curves = iv->curves, fewest_devices = iv->curves;
    for (size_t j = 0, next; j < iv->curves; j = next) {
        size_t devices = 0;
        for (next = j; next < iv->curves && iv->curve[next].level == iv->curve[j].level; next++)
            devices += next == j || iv->curve[next].device != iv->curve[next - 1].device;
        fewest_curves = next - j < fewest_curves ? next - j : fewest_curves;
        fewest_devices = devices < fewest_devices ? devices : fewest_devices;
    }
    u->unit = fewest_devices > 1 ? XO_UNIT_DEVICE : fewest_curves > 1 ? XO_UNIT_CURVE : XO_UNIT_POINT;
    u->clusters = u->unit == XO_UNIT_DEVICE ? iv->devices : iv->curves;
    u->cluster = xo_calloc(iv->curves, sizeof *u->cluster);
    if (!u->cluster)
        return ENOMEM;
    for (size_t j = 0; j < iv->curves; j++)
        u->cluster[j] = u->unit == XO_UNIT_DEVICE ? iv->curve[j].device : j;
    return 0;
}

/* ---- what each curve and unit contributes ---------------------------------------------------------- */

struct unit {
    double score[P], information[P][P];
    double moved[P];                   /* e_d */
    bool present;
};

struct tally {
    const struct xo_range *r;
    const struct xo_units *u;
    size_t p;
    double information[P][P];          /* S */
    double scatter[P][P];              /* sum of s s^T over points, without replication */
    double covariance[P][P];
    struct unit *unit;                 /* [clusters] */
    double (*lean)[P];                 /* [curves] dg_j/dtheta */
    double *error2;                    /* [curves] variance of g_j from the noise of its points */
    size_t units, points;
    double freedom;
};

static void add_curve(struct tally *t, size_t j)
{
    const struct xo_range *r = t->r;
    const struct xo_iv_curve *c = &r->iv->curve[j];
    struct unit *unit = &t->unit[t->u->cluster[j]];
    double hh = 0, noise = 0, along[P] = {0}, row[P];
    for (size_t k = c->first; k < c->first + c->points; k++) {
        hh += r->weight[k] * r->value[k] * r->value[k];
        for (size_t q = 0; q < t->p; q++)
            along[q] += r->weight[k] * r->value[k] * r->slope[k * t->p + q];
    }
    for (size_t q = 0; q < t->p; q++) {
        along[q] /= hh;
        t->lean[j][q] = -r->siemens[j] * along[q];
    }
    t->points += c->points;
    t->units += !unit->present;
    unit->present = true;
    for (size_t k = c->first; k < c->first + c->points; k++) {
        double residual = xo_range_residual(r, j, k), alone = residual / (1 - r->leverage[k]);
        noise += pow(r->weight[k] * alone * r->value[k], 2);
        for (size_t q = 0; q < t->p; q++)
            row[q] = r->siemens[j] * (r->slope[k * t->p + q] - r->value[k] * along[q]);
        for (size_t q = 0; q < t->p; q++) {
            unit->score[q] += r->weight[k] * row[q] * residual;
            for (size_t s = 0; s < t->p; s++) {
                unit->information[q][s] += r->curvature * r->weight[k] * row[q] * row[s];
                t->scatter[q][s] += pow(r->weight[k] * alone, 2) * row[q] * row[s];
            }
        }
    }
    t->error2[j] = noise / pow(r->curvature * hh, 2);
    if (r->loss == XO_LOSS_SQUARE)
        t->error2[j] = fmax(t->error2[j], 1 / hh);
}

static int tally_new(struct tally *t, const struct xo_range *r, const struct xo_units *u)
{
    *t = (struct tally){.r = r, .u = u, .p = r->shape.count};
    t->unit = xo_calloc(u->clusters, sizeof *t->unit);
    t->lean = xo_calloc(r->iv->curves, sizeof *t->lean);
    t->error2 = xo_calloc(r->iv->curves, sizeof *t->error2);
    if (!t->unit || !t->lean || !t->error2)
        return ENOMEM;
    for (size_t j = r->from; j < r->to; j++)
        add_curve(t, j);
    for (size_t d = 0; d < u->clusters; d++)
        for (size_t q = 0; q < t->p; q++)
            for (size_t s = 0; s < t->p; s++)
                t->information[q][s] += t->unit[d].information[q][s];
    return 0;
}

static void tally_free(struct tally *t)
{
    free(t->unit);
    free(t->lean);
    free(t->error2);
}

/* ---- the shape ------------------------------------------------------------------------------------- */

static int jackknife(struct tally *t, double *penalty)
{
    double factor = (double)(t->units - 1) / (double)t->units, root[P][P];
    *penalty = 0;
    memcpy(root, t->information, sizeof root);
    if (!xo_small_cholesky(t->p, root))
        return XO_ESINGULAR;
    for (size_t d = 0; d < t->u->clusters; d++) {
        struct unit *unit = &t->unit[d];
        double rest[P][P], whole[P];
        if (!unit->present)
            continue;
        for (size_t q = 0; q < t->p; q++) {
            whole[q] = unit->score[q];
            unit->moved[q] = -unit->score[q];
            for (size_t s = 0; s < t->p; s++)
                rest[q][s] = t->information[q][s] - unit->information[q][s];
        }
        if (!xo_small_cholesky(t->p, rest))
            return XO_ESINGULAR;
        xo_small_solve(t->p, rest, unit->moved);
        xo_small_solve(t->p, root, whole);
        for (size_t q = 0; q < t->p; q++) {
            *penalty += whole[q] * unit->score[q] / factor;    /* trace of S^-1 sum s s^T */
            for (size_t s = 0; s < t->p; s++)
                t->covariance[q][s] += factor * unit->moved[q] * unit->moved[s];
        }
    }
    t->freedom = (double)(t->units - 1);
    return 0;
}

/* covariance = inverse scatter inverse; for squares not below what the inverse says where weights are right. */
static void sandwich(struct tally *t, double inverse[P][P])
{
    double half[P][P] = {{0}};
    for (size_t q = 0; q < t->p; q++)
        for (size_t s = 0; s < t->p; s++)
            for (size_t k = 0; k < t->p; k++)
                half[q][s] += inverse[q][k] * t->scatter[k][s];
    for (size_t q = 0; q < t->p; q++) {
        for (size_t s = 0; s < t->p; s++)
            for (size_t k = 0; k < t->p; k++)
                t->covariance[q][s] += half[q][k] * inverse[k][s];
        if (t->r->loss == XO_LOSS_SQUARE)
            t->covariance[q][q] = fmax(t->covariance[q][q], inverse[q][q]);
    }
}

/* Independent points: S^-1 (sum s s^T) S^-1, each point's s as it would be were it left out (HC3; MacKinnon and
 * White, Journal of Econometrics 29, 1985), since few points do not tell how the noise depends on the current. */
static int by_points(struct tally *t, double *penalty)
{
    double root[P][P], inverse[P][P] = {{0}}, spent = (double)(t->p + t->r->to - t->r->from);
    *penalty = (double)t->p;
    t->freedom = (double)t->points - spent;
    if (!(t->freedom > 0))
        return t->p ? XO_ESINGULAR : 0;            /* without a shape only the intervals are missing */
    memcpy(root, t->information, sizeof root);
    if (!xo_small_cholesky(t->p, root))
        return XO_ESINGULAR;
    for (size_t s = 0; s < t->p; s++) {
        double column[P] = {0};
        column[s] = 1;
        xo_small_solve(t->p, root, column);
        for (size_t q = 0; q < t->p; q++)
            inverse[q][s] = column[q];
    }
    sandwich(t, inverse);
    return 0;
}

static double student(double freedom)
{
    return freedom > 0 ? gsl_cdf_tdist_Pinv(0.975, freedom) : NAN;
}

/* ---- levels ---------------------------------------------------------------------------------------- */

/* Sums over the units of one level; curves of a unit are neighbours there. */
struct means {
    size_t units;
    double mean;                       /* over units, of their mean g         */
    double square;                     /* sum of (unit's mean - mean)^2       */
    double lean[P];                    /* dmean/dtheta                        */
};

static size_t end_of_unit(const struct tally *t, size_t j, size_t to)
{
    size_t next = j + 1;
    while (next < to && t->u->cluster[next] == t->u->cluster[j])
        next++;
    return next;
}

static double unit_mean(const struct tally *t, size_t j, size_t next)
{
    double sum = 0;
    for (size_t k = j; k < next; k++)
        sum += t->r->siemens[k];
    return sum / (double)(next - j);
}

static struct means means_of(const struct tally *t, size_t from, size_t to)
{
    struct means m = {0};
    for (size_t j = from, next; j < to; j = next) {
        next = end_of_unit(t, j, to);
        m.units++;
        m.mean += unit_mean(t, j, next);
        for (size_t k = j; k < next; k++)
            for (size_t q = 0; q < t->p; q++)
                m.lean[q] += t->lean[k][q] / (double)(next - j);
    }
    m.mean /= (double)m.units;
    for (size_t q = 0; q < t->p; q++)
        m.lean[q] /= (double)m.units;
    for (size_t j = from, next; j < to; j = next) {
        next = end_of_unit(t, j, to);
        m.square += pow(unit_mean(t, j, next) - m.mean, 2);
    }
    return m;
}

static double lean_times(const struct tally *t, const double *lean, const double *moved)
{
    double sum = 0;
    for (size_t q = 0; q < t->p; q++)
        sum += lean[q] * moved[q];
    return sum;
}

/* Variance of a level's mean: its own units' and, through the shape, everybody's. */
static double mean_variance(const struct tally *t, size_t from, size_t to, const struct means *m)
{
    double variance = 0, through = sqrt((double)(t->units - 1) / (double)t->units);
    for (size_t j = from, next; j < to; j = next) {
        next = end_of_unit(t, j, to);
        double own = -(unit_mean(t, j, next) - m->mean) / sqrt((double)m->units * (double)(m->units - 1));
        double shape = through * lean_times(t, m->lean, t->unit[t->u->cluster[j]].moved);
        variance += (own + shape) * (own + shape) - shape * shape;
    }
    for (size_t d = 0; d < t->u->clusters; d++)
        variance += pow(through * lean_times(t, m->lean, t->unit[d].moved), 2);
    return variance;
}

static double point_variance(const struct tally *t, size_t from, size_t to, const struct means *m)
{
    double variance = 0;
    for (size_t j = from; j < to; j++)
        variance += t->error2[j] / pow((double)(to - from), 2);
    for (size_t q = 0; q < t->p; q++)
        for (size_t s = 0; s < t->p; s++)
            variance += m->lean[q] * t->covariance[q][s] * m->lean[s];
    return variance;
}

static void put_level(const struct tally *t, size_t from, size_t to, struct xo_device_level *level)
{
    struct means m = means_of(t, from, to);
    bool points = t->u->unit == XO_UNIT_POINT;
    double variance = points ? point_variance(t, from, to, &m) : mean_variance(t, from, to, &m);
    double half = student(points ? t->freedom : (double)(m.units - 1)) * sqrt(variance);
    level->siemens = (struct xo_fitted){m.mean, m.mean - half, m.mean + half};
    for (size_t q = 0; q < t->p; q++)
        level->shape[q] = xo_shape_number(&t->r->shape, q, t->r->theta[q],
                                          student(t->freedom) * sqrt(t->covariance[q][q]));
}

int xo_range_intervals(const struct xo_range *r, const struct xo_units *u, struct xo_device_level *level,
                       double *penalty)
{
    struct tally t;
    int status = tally_new(&t, r, u);
    if (!status)
        status = u->unit == XO_UNIT_POINT || t.units < 2 ? by_points(&t, penalty) : jackknife(&t, penalty);
    for (size_t j = r->from, next; j < r->to && !status && level; j = next) {
        for (next = j; next < r->to && r->iv->curve[next].level == r->iv->curve[j].level; next++)
            ;
        put_level(&t, j, next, &level[r->iv->curve[j].level]);
    }
    tally_free(&t);
    if (!status)
        *penalty = fmax(*penalty, (double)r->shape.count);
    return status;
}
