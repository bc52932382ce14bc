/* Which law, how well it does, and what it does not follow: the parts put together.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include "device_fit.h"
#include "memory.h"

#define MOST_ORDER (XO_SHAPE_MOST + 1)
#define OUTLIER 4                      /* standard deviations                                             */

static size_t line_of(const struct xo_work *w, size_t j)
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
static int check_curves(struct xo_work *w)
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
static int settle_reference(struct xo_work *w)
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

static bool is_worse(const struct xo_device_verdict *a, const struct xo_device_verdict *b)
{
    if (a->followed != b->followed)
        return !a->followed;
    return a->systematic > b->systematic || (!(a->systematic < b->systematic) && a->residual_rms > b->residual_rms);
}

static void count_unfollowed(struct xo_device_fit *fit, const struct xo_work *w)
{
    fit->residual_rms = xo_work_residual(w, fit->verdict);
    fit->judged = fit->unfollowed = fit->worst_curve = 0;
    for (size_t j = 0; j < fit->curves; j++) {
        fit->judged += fit->verdict[j].judged;
        fit->unfollowed += !fit->verdict[j].followed;
        if (is_worse(&fit->verdict[j], &fit->verdict[fit->worst_curve]))
            fit->worst_curve = j;
    }
}

static void note_missed(struct xo_device_fit *fit)
{
    fit->missed = fit->unfollowed;
    fit->missed_curve = fit->worst_curve;
    fit->missed_verdict = fit->verdict[fit->worst_curve];
}

/* Does any level have more curves that are not followed than such that are? */
static bool fails_a_level(const struct xo_device_fit *fit, const struct xo_iv *iv)
{
    for (size_t j = 0, next; j < iv->curves; j = next) {
        size_t missed = 0;
        next = xo_iv_end_of_level(iv, j);
        for (size_t k = j; k < next; k++)
            missed += !fit->verdict[k].followed;
        if (2 * missed > next - j)
            return true;
    }
    return false;
}

/* ---- the whole ------------------------------------------------------------------------------------- */

static void describe_levels(struct xo_device_fit *fit, const struct xo_work *w)
{
    for (size_t j = 0, next; j < w->iv->curves; j = next) {
        struct xo_device_level *level = &fit->level[w->iv->curve[j].level];
        next = xo_iv_end_of_level(w->iv, j);
        level->curves = next - j;
        level->high_ampere = xo_iv_largest(w->iv, j, next);
        xo_iv_range(w->iv, j, next, &level->low_volt, &level->high_volt);
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

static int check_amplitudes(const struct xo_device_fit *fit, const struct xo_work *w)
{
    for (size_t j = 0; j < w->iv->curves; j++)
        if (!(w->range.siemens[j] > 0))
            return xo_fail(w->info, XO_EVALUE, "%s:%zu: a curve of level %zu gets a conductance of %.3g S at %g V; "
                           "expected it above 0 (device '%s', cycle '%s')", w->name, line_of(w, j),
                           w->iv->curve[j].level, w->range.siemens[j], fit->reference_volt,
                           w->iv->curve[j].device_name, w->iv->curve[j].cycle_name);
    return 0;
}

/* Why a table is wanted at all, behind why there is none. */
static int fail_table(const struct xo_device_fit *fit, struct xo_work *w, int status)
{
    struct xo_info why = w->info ? *w->info : (struct xo_info){""};
    const struct xo_device_verdict *v = &fit->missed_verdict;
    if (fit->wanted == XO_FIT_TABLE || status == ENOMEM)
        return status;
    return xo_fail(w->info, status, "%.300s; no law follows either: %s, the best, misses the curve of line %zu by "
                   "%.3g %% rms of its largest current", why.text, xo_fit_law_name(fit->wanted),
                   line_of(w, fit->missed_curve), 100 * v->residual_rms);
}

static int take_table(struct xo_device_fit *fit, struct xo_work *w)
{
    struct xo_device_candidate ohmic = {.law = XO_FIT_OHMIC};
    int status = xo_work_fit(w, &ohmic, fit->level);
    if (!status)
        status = xo_device_table(fit, &w->range, &w->units, w->name, w->o->tolerance, w->info);
    if (status)
        return fail_table(fit, w, status);
    xo_judge_table(w, fit->verdict);
    count_unfollowed(fit, w);
    if (fit->wanted == XO_FIT_TABLE)
        note_missed(fit);
    return 0;
}

static int take_law(struct xo_device_fit *fit, struct xo_work *w, size_t best)
{
    struct xo_device_candidate *c = &fit->candidate[best];
    int status = xo_work_fit(w, c, fit->level);
    fit->law = fit->wanted = c->law;
    fit->order = c->order;
    fit->per_level = c->per_level;
    fit->shape_count = w->range.shape.count;
    if (!status)
        status = xo_judge_law(w, c, fit->verdict);
    if (status)
        return status;
    count_unfollowed(fit, w);
    note_missed(fit);
    return 0;
}

static int fit_all(struct xo_device_fit *fit, struct xo_work *w)
{
    size_t best;
    int status = xo_work_choose(fit, w, &best);
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
    describe_levels(fit, w);
    count_outliers(fit, &w->range);
    return xo_device_spreads(fit, &w->range);
}

static int prepare(struct xo_device_fit *fit, struct xo_work *w)
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
    w->design = xo_calloc(iv->points, sizeof *w->design);
    if (!fit->level || !fit->verdict || !w->theta || !w->scratch || !w->order || !w->design ||
        xo_units_new(&w->units, iv) || xo_range_new(&w->range, iv) || xo_range_new(&w->alone, iv))
        return xo_fail(w->info, ENOMEM, "%s: no memory to fit %zu points", w->name, iv->points);
    fit->unit = w->units.unit;
    fit->reference_volt = w->reference_volt;
    return 0;
}

int xo_device_fit(struct xo_device_fit *out, const struct xo_iv *iv, const char *name,
                  const struct xo_device_options *options, struct xo_info *info)
{
    struct xo_work w = {.iv = iv, .name = name, .o = options, .info = info};
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
    free(w.design);
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
