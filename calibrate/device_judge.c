/* Is a curve followed by its law?  What a fit leaves either hangs together, in the order of voltages or of
 * measurement, or it is noise; and it is large or small.
 *
 * Hanging together is judged by d = sum (u_k - u_(k-1))^2 / sum u_k^2 of the residuals u over their noise's standard
 * deviation: near 2 for noise, small for a misfit.  What a fit of m parameters leaves is u = M e, with M = 1 - Q Q^T
 * and e the noise, so mean and variance of d follow from traces (Durbin and Watson, Biometrika 37, 1950); in between
 * the beta distribution of these on (0, 4) serves (38, 1951).
 *
 * A fit that takes a misfit for noise has large noise, and what it leaves is little in its deviations.  So a level's
 * only curve is also judged without them, by what neighbours differ by.  Of noise of variance a^2 + b^2 I^2 their
 * typical difference is no less than a in ampere, and no less than b as a share of the current, in the larger half of
 * the currents too, where it is nearer to b.  Both are medians, which a step or an outlier leaves alone.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <string.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include "device_fit.h"

#define LOOKS 2                        /* orders in which curves are looked at                             */
#define FEW 32                         /* degrees of freedom: fewer do not tell noise from a misfit        */
#define LARGE 10                       /* tolerances: larger is not put down to noise without evidence     */
#define FAR 5                          /* typical differences of neighbours: no noise is so far off ...    */
#define FAR_FEW 45                     /* ... and this over the degrees of freedom more: medians of few    */
#define FAR_FREEDOM 8                  /* degrees of freedom that medians of differences take              */
#define FAR_MISS 3                     /* tolerances: a point that far off and missed by more counts       */
#define LEAST_EXPLAINED 0.5            /* of the sum of squares: below, the law says nothing about a curve */

enum { MOST = XO_SHAPE_MOST + 1 };

/* ---- Durbin and Watson ------------------------------------------------------------------------------- */

static double times(size_t points, double (*x)[MOST], size_t a, size_t b)
{
    double sum = 0;
    for (size_t k = 0; k < points; k++)
        sum += x[k][a] * x[k][b];
    return sum;
}

/* Columns made orthonormal, twice for rounding's sake; what is no column of its own becomes 0.  Their rank. */
static size_t orthogonalise(size_t points, size_t columns, double (*x)[MOST])
{
    size_t rank = 0;
    for (size_t a = 0; a < columns; a++) {
        double before = times(points, x, a, a), left = before;
        for (int pass = 0; pass < 2; pass++)
            for (size_t b = 0; b < a; b++) {
                double along = times(points, x, a, b);
                for (size_t k = 0; k < points; k++)
                    x[k][a] -= along * x[k][b];
            }
        left = times(points, x, a, a);
        bool own = left > 1e-16 * before;
        rank += own;
        for (size_t k = 0; k < points; k++)
            x[k][a] = own ? x[k][a] / sqrt(left) : 0;
    }
    return rank;
}

/* With D the differences, A = D^T D:  row k of A times a column. */
static double second_difference(const size_t *order, size_t points, double (*q)[MOST], size_t k, size_t a)
{
    double here = q[order[k]][a], sum = 0;
    if (k)
        sum += here - q[order[k - 1]][a];
    if (k + 1 < points)
        sum += here - q[order[k + 1]][a];
    return sum;
}

/* Mean and variance of d over noise: the first two moments of a ratio of quadratic forms in M A M and M. */
static void moments(const size_t *order, size_t points, size_t columns, double (*q)[MOST], double *mean,
                    double *variance)
{
    double n = (double)points, trace = 2 * (n - 1), trace2 = 6 * n - 8, cross[MOST][MOST] = {{0}};
    double freedom = n - (double)orthogonalise(points, columns, q);
    for (size_t k = 0; k < points; k++)
        for (size_t a = 0; a < columns; a++) {
            double aq = second_difference(order, points, q, k, a);
            trace2 -= 2 * aq * aq;
            for (size_t b = 0; b < columns; b++)
                cross[b][a] += q[order[k]][b] * aq;
        }
    for (size_t a = 0; a < columns; a++) {
        trace -= cross[a][a];
        for (size_t b = 0; b < columns; b++)
            trace2 += cross[a][b] * cross[b][a];
    }
    *mean = trace / freedom;
    *variance = 2 * (trace2 - trace * *mean) / (freedom * (freedom + 2));
}

struct xo_serial xo_judge_order(const size_t *order, size_t points, const double *u, size_t columns,
                               double (*design)[MOST])
{
    double squares = 0, differences = 0, mean, variance;
    for (size_t k = 0; k < points; k++) {
        squares += u[order[k]] * u[order[k]];
        differences += k ? pow(u[order[k]] - u[order[k - 1]], 2) : 0;
    }
    if (!(squares > 0) || points < columns + 2)
        return (struct xo_serial){1, 1};
    moments(order, points, columns, design, &mean, &variance);
    double both = mean * (4 - mean) / variance - 1, d = differences / squares;
    if (!(both > 0 && isfinite(both)))
        return (struct xo_serial){1, 1};
    return (struct xo_serial){gsl_cdf_beta_P(d / 4, both * mean / 4, both * (1 - mean / 4)), d / mean};
}

/* ---- one curve --------------------------------------------------------------------------------------- */

/* Shell's sort by voltage. */
static void sort_by_volt(size_t *order, size_t points, const double *volt)
{
    for (size_t gap = points / 2; gap; gap /= 2)
        for (size_t k = gap; k < points; k++) {
            size_t moved = order[k], at = k;
            for (; at >= gap && volt[order[at - gap]] > volt[moved]; at -= gap)
                order[at] = order[at - gap];
            order[at] = moved;
        }
}

/* Residuals over the noise's standard deviation, and the derivatives of the current in that scale. */
static void scale(struct xo_work *w, const struct xo_range *r, size_t j, size_t columns)
{
    const struct xo_iv_curve *c = &w->iv->curve[j];
    size_t stride = r->shape.count;
    for (size_t k = 0, at = c->first; k < c->points; k++, at++) {
        w->scratch[at] = (w->iv->ampere[at] - r->siemens[j] * r->value[at]) / r->sigma[at];
        w->design[at][0] = r->value[at] / r->sigma[at];
        for (size_t q = 1; q < columns; q++)
            w->design[at][q] = r->siemens[j] * r->slope[at * stride + q - 1] / r->sigma[at];
    }
}

/* By whichever order says more against the law. */
static struct xo_serial look(struct xo_work *w, const struct xo_range *r, size_t j, size_t columns)
{
    const struct xo_iv_curve *c = &w->iv->curve[j];
    struct xo_serial found[LOOKS];
    for (size_t k = 0; k < c->points; k++)
        w->order[k] = k;
    for (int by = 0; by < LOOKS; by++) {
        if (by)
            sort_by_volt(w->order, c->points, w->iv->volt + c->first);
        scale(w, r, j, columns);
        found[by] = xo_judge_order(w->order, c->points, w->scratch + c->first, columns, w->design + c->first);
    }
    return found[found[1].chance < found[0].chance];
}

/* What a fit leaves at a point, and the current by the law there. */
static double left_at(const struct xo_work *w, const struct xo_range *r, size_t j, size_t k, double *law_amp)
{
    *law_amp = r->siemens[j] * r->value[k];
    return w->iv->ampere[k] - *law_amp;
}

/* Standard deviation of noise from the differences |e_k - (e_(k-1) + e_(k+1))/2| of three points: their median. */
static double typical(double *difference, size_t count)
{
    gsl_sort(difference, 1, count);
    return gsl_stats_median_from_sorted_data(difference, 1, count) / (0.6745 * sqrt(1.5));
}

/* The largest miss that noise would not give, points in the order of w->order; 0: none.  spare [4 points] */
static double far_miss(const struct xo_work *w, const struct xo_range *r, size_t j, size_t freedom, double *spare)
{
    const struct xo_iv_curve *c = &w->iv->curve[j];
    size_t count = c->points - 2, upper = 0;
    double *ampere = spare, *share = ampere + c->points, *size = share + c->points, largest = 0, law;
    for (size_t k = 0; k < count; k++)
        size[k] = fabs(r->siemens[j] * r->value[c->first + w->order[k + 1]]);
    gsl_sort(size, 1, count);
    double middle = size[count / 2];
    for (size_t k = 0; k < count; k++) {
        double before = left_at(w, r, j, c->first + w->order[k], &law);
        double after = left_at(w, r, j, c->first + w->order[k + 2], &law);
        double here = left_at(w, r, j, c->first + w->order[k + 1], &law);
        ampere[k] = fabs(here - 0.5 * (before + after));
        if (fabs(law) >= middle && law != 0)
            share[upper++] = ampere[k] / fabs(law);
    }
    double far = FAR + FAR_FEW / (double)freedom, far_ampere = far * typical(ampere, count);
    double far_share = upper ? far * typical(share, upper) : 0;
    for (size_t k = c->first; k < c->first + c->points; k++) {
        double miss = fabs(left_at(w, r, j, k, &law));
        if (miss > hypot(far_ampere, far_share * law))
            largest = fmax(largest, miss);
    }
    return largest;
}

static bool is_alone(const struct xo_iv *iv, size_t j)
{
    return (!j || iv->curve[j - 1].level != iv->curve[j].level) && xo_iv_end_of_level(iv, j) == j + 1;
}

/* By whichever order says more; the design has served. */
static double look_for_points(struct xo_work *w, const struct xo_range *r, size_t j, size_t freedom)
{
    const struct xo_iv_curve *c = &w->iv->curve[j];
    double by_volt = far_miss(w, r, j, freedom, w->design[c->first]);
    for (size_t k = 0; k < c->points; k++)
        w->order[k] = k;
    return fmax(by_volt, far_miss(w, r, j, freedom, w->design[c->first]));
}

/* A chance against noise counts by how often it had the opportunity: all curves, and all levels that have several. */
static double of_all(const struct xo_work *w, double chance)
{
    size_t tests = w->iv->curves + (w->iv->curves > w->iv->levels ? w->iv->levels : 0);
    return fmin(chance * LOOKS * (double)tests, 1);
}

static bool is_misfit(const struct xo_work *w, const struct xo_device_verdict *v)
{
    return (v->chance < XO_DEVICE_FALSE_ALARM && v->systematic > w->o->tolerance) ||
           v->far_miss > FAR_MISS * w->o->tolerance || v->unexplained > 1 - LEAST_EXPLAINED;
}

/* columns: parameters of the curve's own, its conductance among them. */
static void judge_residuals(struct xo_work *w, const struct xo_range *r, size_t j, size_t columns,
                            struct xo_device_verdict *v)
{
    const struct xo_iv_curve *c = &w->iv->curve[j];
    double sum = 0, all = 0, largest = xo_iv_largest(w->iv, j, j + 1);
    for (size_t k = c->first; k < c->first + c->points; k++) {
        sum += pow(w->iv->ampere[k] - r->siemens[j] * r->value[k], 2);
        all += pow(w->iv->ampere[k], 2);
    }
    v->unexplained = sum / all;
    v->judged = c->points >= columns + 2;
    v->chance = 1;
    if (v->judged) {
        struct xo_serial s = look(w, r, j, columns);
        double left = sqrt(sum / (double)(c->points - columns)) / largest;
        v->freedom = c->points - columns;
        v->chance = of_all(w, s.chance);
        v->systematic = left * sqrt(fmax(1 - s.ratio, 0));
        v->noise = left * sqrt(fmin(s.ratio, 1));
        if (v->freedom >= FAR_FREEDOM && is_alone(w->iv, j))
            v->far_miss = look_for_points(w, r, j, v->freedom) / largest;
    }
    v->followed = !is_misfit(w, v);
}

/* A curve by itself, with numbers of its own where they can be told; else with those of its level. */
static int judge_curve(struct xo_work *w, const struct xo_device_candidate *c, size_t j, struct xo_device_verdict *v)
{
    struct xo_range *r = &w->alone;
    size_t first = w->iv->curve[j].first, points = w->iv->curve[j].points;
    r->from = j;
    r->to = j + 1;
    xo_work_shape(w, r, c);
    memcpy(r->theta, w->theta[w->iv->curve[j].level], sizeof r->theta);
    memcpy(r->sigma + first, w->range.sigma + first, points * sizeof *r->sigma);
    memcpy(r->weight + first, w->range.weight + first, points * sizeof *r->weight);
    int status = xo_range_refit(r);
    if (status && status != XO_ESINGULAR)
        return status;
    if (status)
        judge_residuals(w, &w->range, j, 1, v);
    else
        judge_residuals(w, r, j, r->shape.count + 1, v);
    return 0;
}

/* ---- curves together --------------------------------------------------------------------------------- */

/* The points of a level's curves that are judged and followed, in the order of measurement. */
static size_t gather(struct xo_work *w, size_t from, size_t to, const struct xo_device_verdict *verdict)
{
    size_t points = 0;
    bool more = true;
    for (size_t k = 0; more; k++) {
        more = false;
        for (size_t j = from; j < to; j++)
            if (verdict[j].judged && verdict[j].followed && k < w->iv->curve[j].points) {
                w->order[points++] = w->iv->curve[j].first + k;
                more = true;
            }
    }
    return points;
}

/* Too little for one curve may be plain in all of a level: what the curves that are followed leave.  Where that hangs
 * together none of them is followed. */
static void judge_together(struct xo_work *w, size_t from, size_t to, struct xo_device_verdict *verdict)
{
    size_t curves = 0;
    double sum = 0, freedom = 0;
    struct xo_serial best = {1, 1};
    for (size_t j = from; j < to; j++)
        if (verdict[j].judged && verdict[j].followed) {
            curves++;
            freedom += (double)verdict[j].freedom;
            sum += (pow(verdict[j].systematic, 2) + pow(verdict[j].noise, 2)) * (double)verdict[j].freedom;
        }
    if (curves < 2)
        return;
    for (int by = 0; by < LOOKS; by++) {
        size_t points = gather(w, from, to, verdict);
        if (by)
            sort_by_volt(w->order, points, w->iv->volt);
        struct xo_serial s = xo_judge_order(w->order, points, w->scratch, 0, w->design);
        best = s.chance < best.chance ? s : best;
    }
    struct xo_device_verdict all = {
        .chance = of_all(w, best.chance), .systematic = sqrt(sum / freedom * fmax(1 - best.ratio, 0))
    };
    for (size_t j = from; j < to && is_misfit(w, &all); j++)
        if (verdict[j].judged && verdict[j].followed) {
            verdict[j].systematic = all.systematic;
            verdict[j].chance = all.chance;
            verdict[j].followed = false;
        }
}

/* Where a level has too few points to show whether what is left hangs together, much of it counts as a misfit. */
static void judge_few(const struct xo_work *w, size_t from, size_t to, struct xo_device_verdict *verdict)
{
    size_t freedom = 0;
    for (size_t j = from; j < to; j++)
        freedom += verdict[j].freedom;
    for (size_t j = from; j < to && freedom < FEW; j++) {
        double points = (double)w->iv->curve[j].points, left2 = verdict[j].unexplained * points;
        verdict[j].few = true;
        if (verdict[j].freedom && left2 / (double)verdict[j].freedom > pow(LARGE * w->o->tolerance, 2))
            verdict[j].followed = false;
    }
}

int xo_judge_law(struct xo_work *w, const struct xo_device_candidate *c, struct xo_device_verdict *verdict)
{
    int status = 0;
    for (size_t j = 0; j < w->iv->curves && !status; j++)
        status = judge_curve(w, c, j, &verdict[j]);
    for (size_t j = 0, next; j < w->iv->curves && !status; j = next) {
        next = xo_iv_end_of_level(w->iv, j);
        judge_together(w, j, next, verdict);
        judge_few(w, j, next, verdict);
    }
    return status;
}

void xo_judge_table(struct xo_work *w, struct xo_device_verdict *verdict)
{
    for (size_t j = 0; j < w->iv->curves; j++) {
        verdict[j] = (struct xo_device_verdict){0};
        judge_residuals(w, &w->range, j, 1, &verdict[j]);
    }
}
