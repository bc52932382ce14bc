/* Which law, how well it does, and what it does not follow.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <string.h>
#include <gsl/gsl_cdf.h>
#include "device_fit.h"
#include "memory.h"

#define USUAL_MOST_ORDER 5
#define MOST_ORDER (XO_SHAPE_MOST + 1)
#define ENOUGH_POINTS 5                /* more than parameters, to judge a curve by itself                */
#define FALSE_ALARM 1e-3               /* chance that any curve of a file is said not to be followed      */
#define LEAST_EXPLAINED 0.5            /* of the sum of squares: below, the law says nothing about a curve */
#define OUTLIER 4                      /* standard deviations                                             */

/* Everything a fit works with.  theta of each level: the same for all where the shape is shared. */
struct work {
    const struct xo_iv *iv;
    const char *name;
    const struct xo_device_options *o;
    struct xo_info *info;
    struct xo_units units;
    struct xo_range range, alone;      /* of all curves; of one by itself */
    double reference_volt, scale_volt;
    double (*theta)[XO_SHAPE_MOST];    /* [levels] */
    double *scratch;                   /* [points] */
    size_t *order;                     /* [points] */
};

static size_t end_of_level(const struct xo_iv *iv, size_t j)
{
    size_t level = iv->curve[j].level;
    while (j < iv->curves && iv->curve[j].level == level)
        j++;
    return j;
}

static size_t line_of(const struct work *w, size_t j)
{
    return w->iv->line[w->iv->curve[j].first];
}

/* ---- what may be fitted ---------------------------------------------------------------------------- */

static int check_options(const struct xo_device_options *o, struct xo_info *info)
{
    if (o->order == 1 || o->order > MOST_ORDER || o->most_order == 1 || o->most_order > MOST_ORDER)
        return xo_fail(info, XO_EVALUE, "order: found %zu; expected 2 to %d", o->order ? o->order : o->most_order,
                       MOST_ORDER);
    if (!(o->tolerance > 0 && o->tolerance < 1))
        return xo_fail(info, XO_EVALUE, "tolerance: found %g; expected above 0, below 1", o->tolerance);
    return 0;
}

/* Every curve says something: a current at some voltage that is not 0, of the voltage's sign on the whole. */
static int check_curves(struct work *w)
{
    for (size_t j = 0; j < w->iv->curves; j++) {
        const struct xo_iv_curve *c = &w->iv->curve[j];
        double vv = 0, vi = 0;
        for (size_t k = c->first; k < c->first + c->points; k++) {
            vv += w->iv->volt[k] * w->iv->volt[k];
            vi += w->iv->volt[k] * w->iv->ampere[k];
            w->scale_volt = fmax(w->scale_volt, fabs(w->iv->volt[k]));
        }
        if (!(vv > 0))
            return xo_fail(w->info, XO_ESHAPE, "%s:%zu: a curve of level %zu has no point off 0 V; expected one",
                           w->name, line_of(w, j), c->level);
        if (!(vi > 0))
            return xo_fail(w->info, XO_EVALUE,
                           "%s:%zu: a curve of level %zu has a conductance of %.3g S; expected it "
                           "above 0 (device '%s', cycle '%s')", w->name, line_of(w, j), c->level, vi / vv,
                           c->device_name, c->cycle_name);
    }
    return 0;
}

/* The highest voltage that every curve reaches; if some are negative only, the lowest. */
static int settle_reference(struct work *w)
{
    double high = INFINITY, low = -INFINITY, asked = w->o->reference_volt;
    for (size_t j = 0; j < w->iv->curves; j++) {
        const struct xo_iv_curve *c = &w->iv->curve[j];
        double most = -INFINITY, least = INFINITY;
        for (size_t k = c->first; k < c->first + c->points; k++) {
            most = fmax(most, w->iv->volt[k]);
            least = fmin(least, w->iv->volt[k]);
        }
        high = fmin(high, most);
        low = fmax(low, least);
    }
    if (isnan(asked) && !(high > 0) && !(low < 0))
        return xo_fail(w->info, XO_ESHAPE,
                       "%s: some curves have positive voltages only, others negative ones; expected "
                       "a voltage that all reach", w->name);
    w->reference_volt = !isnan(asked) ? asked : high > 0 ? high : low;
    if (!(w->reference_volt <= fmax(high, 0) && w->reference_volt >= fmin(low, 0)))
        return xo_fail(w->info, XO_EVALUE,
                       "%s: reference voltage: found %g V; expected %g to %g V, which every curve "
                       "reaches", w->name, w->reference_volt, fmin(low, 0), fmax(high, 0));
    return 0;
}

/* ---- one candidate --------------------------------------------------------------------------------- */

static void level_range(const struct xo_iv *iv, size_t from, size_t to, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t k = iv->curve[from].first; k < iv->curve[to - 1].first + iv->curve[to - 1].points; k++) {
        *low = fmin(*low, iv->volt[k]);
        *high = fmax(*high, iv->volt[k]);
    }
}

static void set_shape(struct work *w, struct xo_range *r, const struct xo_device_candidate *c)
{
    r->shape = (struct xo_shape){c->law, 0, w->reference_volt, w->scale_volt};
    r->shape.count = c->law == XO_FIT_SINH ? 1 : c->law == XO_FIT_POLYNOMIAL ? c->order - 1 : 0;
    r->loss = w->o->loss;
}

/* Fit curves from <= j < to; *refused says why it must not be taken. */
static int fit_part(struct work *w, struct xo_device_candidate *c, size_t from, size_t to,
                    struct xo_device_level *level, double *deviance)
{
    struct xo_range *r = &w->range;
    double low, high, penalty = 0;
    r->from = from;
    r->to = to;
    set_shape(w, r, c);
    memset(r->theta, 0, sizeof r->theta);
    int status = xo_range_fit(r);
    if (!status)
        status = xo_range_intervals(r, &w->units, level, &penalty);
    if (status == XO_ESINGULAR)
        c->refused = "the data do not tell its parameters";
    if (status)
        return status == XO_ESINGULAR ? 0 : status;
    level_range(w->iv, from, to, &low, &high);
    if (!xo_shape_is_monotone(&r->shape, r->theta, low, high))
        c->refused = "it falls within the range of the data";
    *deviance += r->deviance;
    c->parameters += penalty;
    for (size_t j = from; j < to; j = end_of_level(w->iv, j))
        memcpy(w->theta[w->iv->curve[j].level], r->theta, sizeof r->theta);
    return 0;
}

/* Root mean square of all residuals, each in parts of its curve's largest current. */
static double residual_rms(struct work *w, struct xo_device_verdict *verdict)
{
    const struct xo_range *r = &w->range;
    double all = 0;
    for (size_t j = 0; j < w->iv->curves; j++) {
        const struct xo_iv_curve *c = &w->iv->curve[j];
        double largest = xo_iv_largest(w->iv, j, j + 1), sum = 0, worst = 0;
        for (size_t k = c->first; k < c->first + c->points; k++) {
            double e = fabs(w->iv->ampere[k] - r->siemens[j] * r->value[k]) / largest;
            sum += e * e;
            worst = fmax(worst, e);
        }
        all += sum;
        if (verdict) {
            verdict[j].siemens = r->siemens[j];
            verdict[j].residual_rms = sqrt(sum / (double)c->points);
            verdict[j].residual_max = worst;
        }
    }
    return sqrt(all / (double)w->iv->points);
}

/* Akaike's criterion with Takeuchi's count of shape parameters and the correction for few points (Hurvich and Tsai
 * 1989); amplitudes and two numbers of noise per level count for every law alike. */
static double criterion(const struct work *w, const struct xo_device_candidate *c, double deviance)
{
    double n = 0, k = c->parameters + (double)w->iv->curves + 2 * (double)w->iv->levels;
    for (size_t q = 0; q < w->iv->points; q++)
        n += fabs(w->iv->volt[q]) > 0;
    return n > k + 1 ? deviance + 2 * k * n / (n - k - 1) : deviance + 2 * k;
}

static int fit_candidate(struct work *w, struct xo_device_candidate *c, struct xo_device_level *level)
{
    double deviance = 0;
    int status = 0;
    c->parameters = 0;
    c->refused = NULL;
    for (size_t j = 0, next; j < w->iv->curves && !status && !c->refused; j = next) {
        next = c->per_level ? end_of_level(w->iv, j) : w->iv->curves;
        status = fit_part(w, c, j, next, level, &deviance);
    }
    w->range.from = 0;
    w->range.to = w->iv->curves;
    c->aic = status || c->refused ? INFINITY : criterion(w, c, deviance);
    c->residual_rms = status || c->refused ? NAN : residual_rms(w, NULL);
    return status;
}

/* ---- the choice ------------------------------------------------------------------------------------ */

static void list_candidates(struct xo_device_fit *fit, const struct work *w)
{
    const struct xo_device_options *o = w->o;
    size_t low = o->order ? o->order : 2;
    size_t high = o->order ? o->order : o->most_order ? o->most_order : USUAL_MOST_ORDER;
    bool any = o->law == XO_FIT_BY_AIC || o->law == XO_FIT_TABLE;
    if (any || o->law == XO_FIT_OHMIC)
        fit->candidate[fit->candidates++] = (struct xo_device_candidate){.law = XO_FIT_OHMIC};
    if (any || o->law == XO_FIT_SINH)
        fit->candidate[fit->candidates++] = (struct xo_device_candidate){.law = XO_FIT_SINH};
    for (int per_level = 0; per_level < 2 && (any || o->law == XO_FIT_POLYNOMIAL); per_level++) {
        if ((per_level && (o->shape == XO_SHAPE_SHARED || w->iv->levels < 2)) ||
            (!per_level && o->shape == XO_SHAPE_PER_LEVEL))
            continue;
        for (size_t m = low; m <= high; m++)
            fit->candidate[fit->candidates++] =
                (struct xo_device_candidate){.law = XO_FIT_POLYNOMIAL, .order = m, .per_level = per_level};
    }
}

static int choose(struct xo_device_fit *fit, struct work *w, size_t *best)
{
    list_candidates(fit, w);
    *best = fit->candidates;
    for (size_t k = 0; k < fit->candidates; k++) {
        int status = fit_candidate(w, &fit->candidate[k], NULL);
        if (status)
            return xo_fail(w->info, status, "%s: no memory to fit %zu points", w->name, w->iv->points);
        if (isfinite(fit->candidate[k].aic) && (*best == fit->candidates ||
                                                fit->candidate[k].aic < fit->candidate[*best].aic))
            *best = k;
    }
    return 0;
}

/* ---- what it does not follow ----------------------------------------------------------------------- */

/* The residuals e of one curve in a given order: what hangs together, as a root mean square, if it is more than
 * chance (von Neumann's ratio 1941 of successive differences, over the noise's standard deviations); else 0. */
static double systematic(const size_t *order, size_t points, const double *e, const double *sigma,
                         double alarm, double freedom)
{
    double e2 = 0, u2 = 0, de2 = 0, du2 = 0, n = (double)points;
    for (size_t k = 0; k < points; k++) {
        double u = e[order[k]] / sigma[order[k]];
        e2 += e[order[k]] * e[order[k]];
        u2 += u * u;
        if (k) {
            de2 += pow(e[order[k]] - e[order[k - 1]], 2) / 2;
            du2 += pow(u - e[order[k - 1]] / sigma[order[k - 1]], 2) / 2;
        }
    }
    double ratio = 1 - du2 / u2, score = ratio * sqrt((n * n - 1) / (n - 2));
    return u2 > 0 && score > alarm ? sqrt(fmax(e2 / freedom - de2 / (n - 1), 0)) : 0;
}

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

static void judge_residuals(struct work *w, const struct xo_range *r, size_t j, size_t parameters,
                            struct xo_device_verdict *v)
{
    const struct xo_iv_curve *c = &w->iv->curve[j];
    double *e = w->scratch + c->first, sum = 0, all = 0, largest = xo_iv_largest(w->iv, j, j + 1);
    double alarm = gsl_cdf_ugaussian_Qinv(FALSE_ALARM / (double)w->iv->curves);
    for (size_t k = 0; k < c->points; k++) {
        e[k] = w->iv->ampere[c->first + k] - r->siemens[j] * r->value[c->first + k];
        sum += e[k] * e[k];
        all += w->iv->ampere[c->first + k] * w->iv->ampere[c->first + k];
        w->order[k] = k;
    }
    v->unexplained = sum / all;
    v->judged = c->points >= parameters + 1 + ENOUGH_POINTS;
    if (v->judged) {
        double freedom = (double)(c->points - parameters - 1);
        v->systematic = systematic(w->order, c->points, e, r->sigma + c->first, alarm, freedom);
        sort_by_volt(w->order, c->points, w->iv->volt + c->first);
        v->systematic = fmax(v->systematic, systematic(w->order, c->points, e, r->sigma + c->first, alarm, freedom));
        v->systematic /= largest;
    }
    v->followed = v->systematic <= w->o->tolerance && v->unexplained <= 1 - LEAST_EXPLAINED;
}

/* A curve by itself, with numbers of its own where they can be told; else with those of its level. */
static int judge_curve(struct work *w, const struct xo_device_candidate *c, size_t j, struct xo_device_verdict *v)
{
    struct xo_range *r = &w->alone;
    size_t first = w->iv->curve[j].first, points = w->iv->curve[j].points;
    r->from = j;
    r->to = j + 1;
    set_shape(w, r, c);
    memcpy(r->theta, w->theta[w->iv->curve[j].level], sizeof r->theta);
    memcpy(r->sigma + first, w->range.sigma + first, points * sizeof *r->sigma);
    memcpy(r->weight + first, w->range.weight + first, points * sizeof *r->weight);
    int status = xo_range_refit(r);
    if (status && status != XO_ESINGULAR)
        return status;
    judge_residuals(w, status ? &w->range : r, j, r->shape.count, v);
    return 0;
}

/* Too little for one curve may be plain in all of a level: what the curves that are followed leave, relative to their
 * largest currents, in the order of voltages.  Where that hangs together none of them is followed. */
static void judge_together(struct work *w, size_t from, size_t to, struct xo_device_verdict *verdict)
{
    double alarm = gsl_cdf_ugaussian_Qinv(FALSE_ALARM / (double)w->iv->levels), freedom = 0, left;
    size_t points = 0;
    for (size_t j = from; j < to; j++) {
        const struct xo_iv_curve *c = &w->iv->curve[j];
        double largest = xo_iv_largest(w->iv, j, j + 1);
        if (!verdict[j].judged || !verdict[j].followed)
            continue;
        freedom += (double)(c->points - w->alone.shape.count - 1);
        for (size_t k = c->first; k < c->first + c->points; k++) {
            w->scratch[k] /= largest;
            w->alone.sigma[k] = w->range.sigma[k] / largest;
            w->order[points++] = k;
        }
    }
    if (!points)
        return;
    sort_by_volt(w->order, points, w->iv->volt);
    left = systematic(w->order, points, w->scratch, w->alone.sigma, alarm, freedom);
    for (size_t j = from; j < to && left > w->o->tolerance; j++)
        if (verdict[j].judged && verdict[j].followed) {
            verdict[j].systematic = left;
            verdict[j].followed = false;
        }
}

static bool is_worse(const struct xo_device_verdict *a, const struct xo_device_verdict *b)
{
    if (a->followed != b->followed)
        return !a->followed;
    return a->systematic > b->systematic || (!(a->systematic < b->systematic) && a->residual_rms > b->residual_rms);
}

static void count_unfollowed(struct xo_device_fit *fit)
{
    fit->judged = fit->unfollowed = fit->worst_curve = 0;
    for (size_t j = 0; j < fit->curves; j++) {
        fit->judged += fit->verdict[j].judged;
        fit->unfollowed += !fit->verdict[j].followed;
        if (is_worse(&fit->verdict[j], &fit->verdict[fit->worst_curve]))
            fit->worst_curve = j;
    }
}

/* Does any level have more curves that are not followed than such that are? */
static bool fails_a_level(const struct xo_device_fit *fit, const struct xo_iv *iv)
{
    for (size_t j = 0, next; j < iv->curves; j = next) {
        size_t missed = 0;
        next = end_of_level(iv, j);
        for (size_t k = j; k < next; k++)
            missed += !fit->verdict[k].followed;
        if (2 * missed > next - j)
            return true;
    }
    return false;
}

/* ---- the whole ------------------------------------------------------------------------------------- */

static void describe_levels(struct xo_device_fit *fit, const struct work *w)
{
    for (size_t j = 0, next; j < w->iv->curves; j = next) {
        struct xo_device_level *level = &fit->level[w->iv->curve[j].level];
        next = end_of_level(w->iv, j);
        level->curves = next - j;
        level->high_ampere = xo_iv_largest(w->iv, j, next);
        level_range(w->iv, j, next, &level->low_volt, &level->high_volt);
        level->noise_ampere = w->range.noise_ampere[w->iv->curve[j].level];
        level->noise_relative = w->range.noise_relative[w->iv->curve[j].level];
        for (size_t k = j; k < next; k++) {
            level->points += w->iv->curve[k].points;
            level->devices += k == j || w->iv->curve[k].device != w->iv->curve[k - 1].device;
        }
    }
}

static void count_outliers(struct xo_device_fit *fit, const struct xo_range *r)
{
    for (size_t j = 0; j < r->iv->curves; j++)
        for (size_t k = r->iv->curve[j].first; k < r->iv->curve[j].first + r->iv->curve[j].points; k++)
            fit->outliers += fabs(r->iv->volt[k]) > 0 &&
                             fabs(r->iv->ampere[k] - r->siemens[j] * r->value[k]) > OUTLIER * r->sigma[k];
}

static int check_amplitudes(const struct xo_device_fit *fit, const struct work *w)
{
    for (size_t j = 0; j < w->iv->curves; j++)
        if (!(w->range.siemens[j] > 0))
            return xo_fail(w->info, XO_EVALUE, "%s:%zu: a curve of level %zu gets a conductance of %.3g S at %g V; "
                           "expected it above 0 (device '%s', cycle '%s')", w->name, line_of(w, j),
                           w->iv->curve[j].level, w->range.siemens[j], fit->reference_volt,
                           w->iv->curve[j].device_name, w->iv->curve[j].cycle_name);
    return 0;
}

static int take_table(struct xo_device_fit *fit, struct work *w)
{
    struct xo_device_candidate ohmic = {.law = XO_FIT_OHMIC};
    int status = fit_candidate(w, &ohmic, fit->level);
    if (!status)
        status = xo_device_table(fit, &w->range, &w->units, w->name, w->o->tolerance, w->info);
    for (size_t j = 0; j < w->iv->curves && !status; j++) {
        fit->verdict[j] = (struct xo_device_verdict){0};
        judge_residuals(w, &w->range, j, 0, &fit->verdict[j]);
    }
    return status;
}

static int take_law(struct xo_device_fit *fit, struct work *w, size_t best)
{
    struct xo_device_candidate *c = &fit->candidate[best];
    int status = fit_candidate(w, c, fit->level);
    fit->law = fit->wanted = c->law;
    fit->order = c->order;
    fit->per_level = c->per_level;
    fit->shape_count = w->range.shape.count;
    for (size_t j = 0; j < w->iv->curves && !status; j++)
        status = judge_curve(w, c, j, &fit->verdict[j]);
    for (size_t j = 0, next; j < w->iv->curves && !status; j = next) {
        next = end_of_level(w->iv, j);
        judge_together(w, j, next, fit->verdict);
    }
    return status;
}

static int fit_all(struct xo_device_fit *fit, struct work *w)
{
    size_t best;
    int status = choose(fit, w, &best);
    bool none = !status && best == fit->candidates;
    if (status)
        return status;
    if (none && w->o->law != XO_FIT_BY_AIC && w->o->law != XO_FIT_TABLE)
        return xo_fail(w->info, XO_ESINGULAR, "%s: law %s: %s; expected another law, or law table", w->name,
                       xo_fit_law_name(w->o->law), fit->candidate[fit->candidates - 1].refused);
    fit->wanted = XO_FIT_TABLE;
    if (!none && w->o->law != XO_FIT_TABLE)
        status = take_law(fit, w, best);
    if (!status && (fit->wanted == XO_FIT_TABLE || (w->o->law == XO_FIT_BY_AIC && fails_a_level(fit, w->iv))))
        status = take_table(fit, w);
    if (!status)
        status = check_amplitudes(fit, w);
    if (status)
        return status;
    fit->residual_rms = residual_rms(w, fit->verdict);
    count_unfollowed(fit);
    describe_levels(fit, w);
    count_outliers(fit, &w->range);
    return xo_device_spreads(fit, &w->range);
}

static int prepare(struct xo_device_fit *fit, struct work *w)
{
    const struct xo_iv *iv = w->iv;
    *fit = (struct xo_device_fit){
        .levels = iv->levels, .curves = iv->curves, .points = iv->points, .spread_aic = NAN
    };
    fit->level = xo_calloc(iv->levels, sizeof *fit->level);
    fit->verdict = xo_calloc(iv->curves, sizeof *fit->verdict);
    w->theta = xo_calloc(iv->levels, sizeof *w->theta);
    w->scratch = xo_calloc(iv->points, sizeof *w->scratch);
    w->order = xo_calloc(iv->points, sizeof *w->order);
    if (!fit->level || !fit->verdict || !w->theta || !w->scratch || !w->order || xo_units_new(&w->units, iv) ||
        xo_range_new(&w->range, iv) || xo_range_new(&w->alone, iv))
        return xo_fail(w->info, ENOMEM, "%s: no memory to fit %zu points", w->name, iv->points);
    fit->unit = w->units.unit;
    fit->reference_volt = w->reference_volt;
    return 0;
}

int xo_device_fit(struct xo_device_fit *out, const struct xo_iv *iv, const char *name,
                  const struct xo_device_options *options, struct xo_info *info)
{
    struct work w = {.iv = iv, .name = name, .o = options, .info = info};
    struct xo_device_fit fit = {0};
    int status = check_options(options, info);
    if (!status)
        status = check_curves(&w);
    if (!status)
        status = settle_reference(&w);
    if (!status)
        status = prepare(&fit, &w);
    if (!status)
        status = fit_all(&fit, &w);
    xo_range_free(&w.range);
    xo_range_free(&w.alone);
    free(w.units.cluster);
    free(w.theta);
    free(w.scratch);
    free(w.order);
    if (status)
        xo_device_fit_free(&fit);
    else
        *out = fit;
    return status;
}

void xo_device_fit_free(struct xo_device_fit *fit)
{
    if (!fit)
        return;
    for (size_t k = 0; fit->level && k < fit->levels; k++) {
        free(fit->level[k].table_volt);
        free(fit->level[k].table_ampere);
    }
    free(fit->level);
    free(fit->verdict);
    *fit = (struct xo_device_fit){0};
}
