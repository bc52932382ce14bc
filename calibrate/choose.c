/* Errors of every candidate on the inputs held out, and the choice: the cheapest within the tolerance.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "nonlinear_fit.h"

void xo_trials_free(struct xo_trials *t)
{
    for (size_t k = 0; k < t->count; k++)
        free(t->amp[k]);
    free(t->exact_amp);
    *t = (struct xo_trials){0};
}

/* Cheaper first; among equals what was tried first. */
static void order(const struct xo_trials *t, size_t *place)
{
    for (size_t k = 0; k < t->count; k++) {
        size_t at = k;
        for (; at > 0 && t->candidate[place[at - 1]].cost > t->candidate[k].cost; at--)
            place[at] = place[at - 1];
        place[at] = k;
    }
}

static int list(struct xo_fcm *m, const struct xo_trials *t, const size_t *place)
{
    free(m->candidate);
    m->candidates = 0;
    m->candidate = xo_calloc(t->count, XO_FCM_CANDIDATE_NUMBERS * sizeof *m->candidate);
    if (!m->candidate)
        return ENOMEM;
    m->candidates = t->count;
    for (size_t k = 0; k < t->count; k++) {
        const struct xo_fcm_candidate *c = &t->candidate[place[k]];
        const double number[XO_FCM_CANDIDATE_NUMBERS] = {
            (double)c->stage, (double)c->functions, (double)c->bent, (double)c->corrections, (double)c->sweeps,
            c->cost, c->error_rms, c->error_max, c->error_interval95[0], c->error_interval95[1]
        };
        memcpy(m->candidate + k * XO_FCM_CANDIDATE_NUMBERS, number, sizeof number);
    }
    return 0;
}

static int state(struct xo_fcm_candidate *c, size_t count, const double *amp, const double *exact_amp)
{
    struct xo_error e;
    int status = xo_error_of(&e, count, amp, exact_amp);
    if (status)
        return status;
    c->error_rms = e.rms;
    c->error_max = e.max;
    c->error_interval95[0] = e.interval95[0];
    c->error_interval95[1] = e.interval95[1];
    return 0;
}

/* The rms error that nine inputs in ten do not exceed: inputs differ, dense ones err more than sparse ones, and the
 * tolerance is to hold for those of either kind. */
static int usual_rms(double *out, size_t inputs, size_t columns, const double *amp, const double *exact_amp,
                     double full_scale)
{
    double *rms = xo_calloc(inputs, sizeof *rms);
    if (!rms)
        return ENOMEM;
    for (size_t k = 0; k < inputs * columns; k++)
        rms[k / columns] += (amp[k] - exact_amp[k]) * (amp[k] - exact_amp[k]);
    for (size_t n = 0; n < inputs; n++)
        rms[n] = full_scale > 0 ? sqrt(rms[n] / (double)columns) / full_scale : 0;
    *out = xo_quantile(rms, inputs, 0.9);
    free(rms);
    return 0;
}

/* Is candidate k within the tolerance, on all inputs and on nine in ten of them one by one? */
static int is_within(bool *within, const struct xo_trials *t, size_t k, size_t inputs, size_t columns,
                     double full_scale, double tolerance)
{
    double usual = 0;
    int status = usual_rms(&usual, inputs, columns, t->amp[k], t->exact_amp, full_scale);
    *within = t->candidate[k].error_rms <= tolerance && usual <= tolerance;
    return status;
}

/* The place of the cheapest within the tolerance; t->count: none is. */
static int find_cheapest(size_t *at, const struct xo_trials *t, const size_t *place, size_t inputs, size_t columns,
                         double tolerance)
{
    struct xo_error e;
    bool within = false;
    int status = xo_error_of(&e, inputs * columns, t->exact_amp, t->exact_amp);
    for (*at = 0; *at < t->count && !status; ++*at) {
        status = is_within(&within, t, place[*at], inputs, columns, e.full_scale_ampere, tolerance);
        if (within)
            break;
    }
    return status;
}

int xo_trials_state(struct xo_fcm *m, struct xo_trials *t, size_t arrays, size_t inputs, double tolerance,
                    size_t *chosen)
{
    size_t place[XO_FCM_MOST_CANDIDATES], count = arrays * inputs * m->columns, best = 0, at = 0;
    int status = 0;
    for (size_t k = 0; k < t->count && !status; k++)
        status = state(&t->candidate[k], count, t->amp[k], t->exact_amp);
    if (status)
        return status;
    order(t, place);
    for (size_t k = 0; k < t->count; k++)
        if (t->candidate[place[k]].error_rms < t->candidate[best].error_rms || k == 0)
            best = place[k];
    status = find_cheapest(&at, t, place, arrays * inputs, m->columns, tolerance);
    if (status)
        return status;
    *chosen = at < t->count ? place[at] : best;
    status = list(m, t, place);
    return status ? status : xo_fit_state_error(m, arrays, inputs, t->amp[*chosen], t->exact_amp);
}
