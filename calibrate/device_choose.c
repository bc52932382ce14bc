/* One candidate law after another: its fit, its criterion, the best of them.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <string.h>
#include "device_fit.h"

#define USUAL_MOST_ORDER 5

/* ---- one candidate --------------------------------------------------------------------------------- */

void xo_work_shape(const struct xo_work *w, struct xo_range *r, const struct xo_device_candidate *c)
{
    r->shape = (struct xo_shape){c->law, 0, w->reference_volt, w->scale_volt};
    r->shape.count = c->law == XO_FIT_SINH ? 1 : c->law == XO_FIT_POLYNOMIAL ? c->order - 1 : 0;
    r->loss = w->o->loss;
}

/* Fit curves from <= j < to; *refused says why it must not be taken. */
static int fit_part(struct xo_work *w, struct xo_device_candidate *c, size_t from, size_t to,
                    struct xo_device_level *level, double *deviance)
{
    struct xo_range *r = &w->range;
    double low, high, penalty = 0;
    r->from = from;
    r->to = to;
    xo_work_shape(w, r, c);
    memset(r->theta, 0, sizeof r->theta);
    int status = xo_range_fit(r);
    if (!status)
        status = xo_range_intervals(r, &w->units, level, &penalty);
    if (status == XO_ESINGULAR)
        c->refused = "the data do not tell its parameters";
    if (status)
        return status == XO_ESINGULAR ? 0 : status;
    xo_iv_range(w->iv, from, to, &low, &high);
    if (!xo_shape_is_monotone(&r->shape, r->theta, low, high))
        c->refused = "it falls within the range of the data";
    *deviance += r->deviance;
    c->parameters += penalty;
    for (size_t j = from; j < to; j = xo_iv_end_of_level(w->iv, j))
        memcpy(w->theta[w->iv->curve[j].level], r->theta, sizeof r->theta);
    return 0;
}

/* Root mean square of all residuals, each in parts of its curve's largest current. */
double xo_work_residual(const struct xo_work *w, struct xo_device_verdict *verdict)
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
static double criterion(const struct xo_work *w, const struct xo_device_candidate *c, double deviance)
{
    double n = 0, k = c->parameters + (double)w->iv->curves + 2 * (double)w->iv->levels;
    for (size_t q = 0; q < w->iv->points; q++)
        n += fabs(w->iv->volt[q]) > 0;
    return n > k + 1 ? deviance + 2 * k * n / (n - k - 1) : deviance + 2 * k;
}

int xo_work_fit(struct xo_work *w, struct xo_device_candidate *c, struct xo_device_level *level)
{
    double deviance = 0;
    int status = 0;
    c->parameters = 0;
    c->refused = NULL;
    for (size_t j = 0, next; j < w->iv->curves && !status && !c->refused; j = next) {
        next = c->per_level ? xo_iv_end_of_level(w->iv, j) : w->iv->curves;
        status = fit_part(w, c, j, next, level, &deviance);
    }
    w->range.from = 0;
    w->range.to = w->iv->curves;
    c->aic = status || c->refused ? INFINITY : criterion(w, c, deviance);
    c->residual_rms = status || c->refused ? NAN : xo_work_residual(w, NULL);
    return status;
}

/* ---- the choice ------------------------------------------------------------------------------------ */

static void list_candidates(struct xo_device_fit *fit, const struct xo_work *w)
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

int xo_work_choose(struct xo_device_fit *fit, struct xo_work *w, size_t *best)
{
    list_candidates(fit, w);
    *best = fit->candidates;
    for (size_t k = 0; k < fit->candidates; k++) {
        int status = xo_work_fit(w, &fit->candidate[k], NULL);
        if (status)
            return xo_fail(w->info, status, "%s: no memory to fit %zu points", w->name, w->iv->points);
        if (isfinite(fit->candidate[k].aic) && (*best == fit->candidates ||
                                                fit->candidate[k].aic < fit->candidate[*best].aic))
            *best = k;
    }
    return 0;
}
