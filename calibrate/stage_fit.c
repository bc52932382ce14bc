/* The conductance stage of one array with nonlinear cells, fitted to exact currents.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "nonlinear_fit.h"
#include "random.h"

/* For fitting: eight inputs a row, but not fewer or more than these; a quarter of the caller's own are held out. */
enum { INPUTS_PER_ROW = 8, FEWEST_INPUTS = 512, MOST_INPUTS = 4096, HELD_SHARE = 4 };

/* Linear cells of corrections: secants of the law at this share of the largest voltage. */
static const double linear_share[] = {0.6, 0.8, 1};
#define DENSE 0.25                     /* so many inputs are as dense as they may be: errors are largest there */
#define ENOUGH 0.9
enum { PROBES = 16, PROBE_CORRECTIONS = 2 };

/* What is tried: dearer ones below. */
static const struct xo_fcm_candidate recipe[] = {
    {.stage = XO_FCM_LINEAR},
    {.stage = XO_FCM_BASIS, .functions = 1}, {.stage = XO_FCM_BASIS, .functions = 1, .bent = 1},
    {.stage = XO_FCM_BASIS, .functions = 2}, {.stage = XO_FCM_BASIS, .functions = 2, .bent = 1},
    {.stage = XO_FCM_BASIS, .functions = 3}, {.stage = XO_FCM_BASIS, .functions = 3, .bent = 1},
    {.stage = XO_FCM_CORRECTED, .corrections = 1}, {.stage = XO_FCM_CORRECTED, .corrections = 2},
    {.stage = XO_FCM_CORRECTED, .corrections = 3}, {.stage = XO_FCM_CORRECTED, .corrections = 5}
};
enum { RECIPES = sizeof recipe / sizeof *recipe };
_Static_assert(RECIPES <= XO_FCM_MOST_CANDIDATES, "every recipe may be a candidate");

void xo_stage_fit_free(struct xo_stage_fit *f)
{
    xo_seen_free(&f->seen);
    xo_seen_free(&f->held);
    xo_basis_free(&f->linear);
    xo_ladders_free(&f->ladders);
}

/* ---- inputs and their exact currents ------------------------------------------------------------------- */

/* Some of the caller's own inputs in front (at most half), the rest drawn; every HELD_SHARE-th is held out. */
static void fill(struct xo_seen *s, const struct xo_fcm *m, int purpose, size_t array, size_t inputs,
                 const double *row_volt)
{
    bool held = purpose == XO_FOR_HELD_OUT_INPUTS;
    xo_draw_inputs(m, purpose, array, s->inputs, DENSE, inputs * m->rows, row_volt, s->row_volt);
    for (size_t n = 0, at = 0; n < inputs && at < s->inputs / 2; n++)
        if ((n % HELD_SHARE == HELD_SHARE - 1) == held)
            memcpy(s->row_volt + at++ * m->rows, row_volt + n * m->rows, m->rows * sizeof *row_volt);
}

static int solve(struct xo_seen *s, struct xo_programmed *p, struct xo_info *info)
{
    struct xo_solution solution = {.column_amp = s->column_amp};
    return xo_solve(p->factor, s->inputs, s->row_volt, &solution, info);
}

static int see(struct xo_stage_fit *f, size_t array, size_t inputs, const double *row_volt, struct xo_info *info)
{
    const struct xo_fit_options *o = f->p->options;
    size_t rows = f->m->rows, most = rows * INPUTS_PER_ROW;
    most = most < FEWEST_INPUTS ? FEWEST_INPUTS : most > MOST_INPUTS ? MOST_INPUTS : most;
    most = o->training_inputs ? o->training_inputs : most;
    int status = xo_seen_new(&f->seen, f->m, most);
    if (!status)
        status = xo_seen_new(&f->held, f->m, o->held_out_inputs ? o->held_out_inputs : XO_HELD_OUT_INPUTS);
    if (status)
        return status;
    fill(&f->seen, f->m, XO_FOR_TRAINING_INPUTS, array, inputs, row_volt);
    fill(&f->held, f->m, XO_FOR_HELD_OUT_INPUTS, array, inputs, row_volt);
    status = solve(&f->held, f->p, info);
    return status ? status : solve(&f->seen, f->p, info);
}

/* Currents with nothing at the inputs; all 0 is as good as none. */
static int find_offset(struct xo_stage_fit *f, struct xo_info *info)
{
    double *volt = xo_calloc(f->m->rows, sizeof *volt);
    struct xo_solution solution = {.column_amp = f->m->offset_ampere};
    int status = volt ? xo_solve(f->p->factor, 1, volt, &solution, info) : ENOMEM;
    free(volt);
    return status;
}

/* The cell whose conductance is nearest to the mean of those that conduct. */
void xo_find_typical(struct xo_stage_fit *f)
{
    const struct xo_fcm *m = f->m;
    size_t cells = m->rows * m->columns, count = 0, best = 0;
    double sum = 0;
    for (size_t k = 0; k < cells; k++) {
        sum += m->cell_siemens[k];
        count += m->cell_siemens[k] > 0;
    }
    double mean = count ? sum / (double)count : 0;
    for (size_t k = 1; k < cells; k++)
        if (fabs(m->cell_siemens[k] - mean) < fabs(m->cell_siemens[best] - mean))
            best = k;
    f->typical = (struct xo_typical_cell){f->p->circuit, {best / m->columns, best % m->columns},
                                          m->cell_siemens[best]};
}

/* ---- linear ---------------------------------------------------------------------------------------------- */

static int fit_linear(struct xo_stage_fit *f, struct xo_info *info)
{
    const struct xo_fcm_validity *v = &f->m->validity;
    int status = xo_basis_functions(&f->linear, 0, &f->typical, v->low_volt, v->high_volt, info);
    if (!status)
        status = xo_basis_fit(&f->linear, f->m, f->p->crossbar.word_line, &f->seen);
    if (!status)
        memcpy(f->m->g_ni_siemens, f->linear.matrix_siemens, f->m->rows * f->m->columns * sizeof(double));
    return status;
}

/* ---- corrections ------------------------------------------------------------------------------------------- */

/* The largest voltage that can lie across a cell: sources further apart there are none. */
double xo_span_of(const struct xo_stage_fit *f)
{
    const struct xo_crossbar *x = &f->p->crossbar;
    double low = fmin(0, f->m->validity.low_volt), high = fmax(0, f->m->validity.high_volt);
    for (size_t i = 0; x->word_line && i < x->rows; i++)
        if (x->word_line[i].state == XO_LINE_HELD) {
            low = fmin(low, x->word_line[i].hold_volt);
            high = fmax(high, x->word_line[i].hold_volt);
        }
    for (size_t j = 0; j < x->columns; j++) {
        bool held = x->bit_line && x->bit_line[j].state == XO_LINE_HELD;
        double volt = held ? x->bit_line[j].hold_volt
            : x->sense_volt.each ? x->sense_volt.each[j] : x->sense_volt.all;
        low = fmin(low, volt);
        high = fmax(high, volt);
    }
    return high > low ? high - low : 1;
}

/* Rms error of c's ladders on a few inputs; c has count and sweeps.  amp [PROBES][columns] */
static int probe(const struct xo_stage_fit *f, const struct xo_fcm_correction *c, double *amp, double *rms,
                 struct xo_info *info)
{
    const struct xo_apply stage = {0};
    const size_t inputs = f->seen.inputs < PROBES ? f->seen.inputs : PROBES;
    struct xo_fcm m = *f->m;
    struct xo_error e = {0};
    m.stage = XO_FCM_CORRECTED;
    m.correction = *c;
    int status = xo_fcm_apply(&m, &stage, inputs, f->seen.row_volt, amp, NULL, info);
    if (!status)
        status = xo_error_of(&e, inputs * f->m->columns, amp, f->seen.column_amp);
    *rms = e.rms;
    return status;
}

/* As many sweeps as pay: twice as many would not make the error ENOUGH times smaller. */
static int find_sweeps(const struct xo_stage_fit *f, struct xo_fcm_correction *c, size_t corrections, double *rms,
                       struct xo_info *info)
{
    double *amp = xo_calloc(PROBES, f->m->columns * sizeof *amp), more = 0;
    int status = amp ? 0 : ENOMEM;
    c->count = corrections;
    c->sweeps = 1;
    if (!status)
        status = probe(f, c, amp, rms, info);
    while (!status && 2 * c->sweeps <= XO_FCM_MOST_SWEEPS) {
        c->sweeps *= 2;
        status = probe(f, c, amp, &more, info);
        if (!(more <= ENOUGH * *rms)) {
            c->sweeps /= 2;
            break;
        }
        *rms = more;
    }
    free(amp);
    return status;
}

/* Ladders with the linear cells that serve best. */
int xo_find_ladders(struct xo_stage_fit *f, size_t corrections, struct xo_info *info)
{
    double best = INFINITY, rms, span = xo_span_of(f);
    int status = 0;
    for (size_t k = 0; k < sizeof linear_share / sizeof *linear_share && !status; k++) {
        struct xo_fcm_correction c = {0};
        status = xo_ladders_new(&c, &f->p->crossbar, f->p->circuit, f->m->cell_siemens, linear_share[k] * span,
                                XO_TABLED_BEYOND * span, info);
        if (!status)
            status = find_sweeps(f, &c, corrections, &rms, info);
        if (!status && rms < best) {
            struct xo_fcm_correction other = f->ladders;
            f->ladders = c;
            c = other;
            best = rms;
            f->linear_volt = linear_share[k] * span;
            f->ladder_rms = rms;
        }
        xo_ladders_free(&c);
    }
    return status == XO_ETOOBIG ? 0 : status;  /* then there are no corrections */
}

int xo_stage_fit_begin(struct xo_stage_fit *f, struct xo_fcm *m, struct xo_programmed *p, size_t array, size_t inputs,
                       const double *row_volt, struct xo_info *info)
{
    *f = (struct xo_stage_fit){.m = m, .p = p};
    xo_find_typical(f);
    int status = see(f, array, inputs, row_volt, info);
    if (!status)
        status = find_offset(f, info);
    if (!status)
        status = fit_linear(f, info);
    if (!status && !xo_ladders_refuse(&p->crossbar))
        status = xo_find_ladders(f, PROBE_CORRECTIONS, info);
    return status;
}

/* ---- candidates ---------------------------------------------------------------------------------------------- */

static void drop_stage(struct xo_fcm *m)
{
    if (m->stage == XO_FCM_BASIS)
        xo_basis_free(&m->basis);
    m->correction = (struct xo_fcm_correction){0};     /* borrowed */
    m->basis = (struct xo_fcm_basis){0};
    m->stage = XO_FCM_LINEAR;
}

/* Make m's stage this one; ladders stay f's. */
static int set_stage(struct xo_stage_fit *f, const struct xo_fcm_candidate *c, struct xo_info *info)
{
    struct xo_fcm *m = f->m;
    int status = 0;
    if (c->stage == XO_FCM_CORRECTED && !f->ladders.curves)
        return xo_fail(info, XO_ETOOBIG, "more different cells than corrections take, in one of several arrays");
    if (c->stage == XO_FCM_CORRECTED) {
        double rms;
        m->correction = f->ladders;
        status = find_sweeps(f, &m->correction, c->corrections, &rms, info);
        if (status)
            m->correction = (struct xo_fcm_correction){0};
    } else if (c->stage == XO_FCM_BASIS) {
        status = xo_basis_functions(&m->basis, c->functions, &f->typical, m->validity.low_volt, m->validity.high_volt,
                                    info);
        m->basis.bent = c->bent;
        if (!status)
            status = xo_basis_fit(&m->basis, m, f->p->crossbar.word_line, &f->seen);
        if (status)
            xo_basis_free(&m->basis);
    }
    m->stage = status ? XO_FCM_LINEAR : c->stage;
    return status;
}

/* Behind what earlier arrays gave. */
static int try_one(struct xo_stage_fit *f, struct xo_fcm_candidate *c, double *amp, struct xo_info *info)
{
    const struct xo_apply stage = {.threads = f->p->options->threads};
    int status = set_stage(f, c, info);
    if (!status)
        status = xo_fcm_apply(f->m, &stage, f->held.inputs, f->held.row_volt, amp, NULL, info);
    if (!status) {
        c->sweeps = f->m->correction.sweeps > c->sweeps ? f->m->correction.sweeps : c->sweeps;
        c->cost = fmax(c->cost, xo_fcm_cost(f->m));
    }
    drop_stage(f->m);
    return status;
}

static int trials_new(struct xo_trials *t, const struct xo_stage_fit *f, size_t numbers)
{
    t->exact_amp = xo_calloc(numbers, sizeof(double));
    for (size_t k = 0; k < RECIPES; k++)
        if (recipe[k].stage != XO_FCM_CORRECTED || f->ladders.curves) {
            t->candidate[t->count] = recipe[k];
            t->amp[t->count++] = xo_calloc(numbers, sizeof(double));
        }
    for (size_t k = 0; k < t->count; k++)
        if (!t->amp[k])
            return ENOMEM;
    return t->exact_amp ? 0 : ENOMEM;
}

int xo_stage_fit_try(struct xo_stage_fit *f, struct xo_trials *t, size_t array, size_t arrays, struct xo_info *info)
{
    size_t block = f->held.inputs * f->m->columns;
    int status = t->count ? 0 : trials_new(t, f, arrays * block);
    if (!status)
        memcpy(t->exact_amp + array * block, f->held.column_amp, block * sizeof(double));
    for (size_t k = 0; k < t->count && !status; k++)
        status = try_one(f, &t->candidate[k], t->amp[k] + array * block, info);
    return status;
}

int xo_stage_fit_take(struct xo_stage_fit *f, const struct xo_fcm_candidate *c, struct xo_info *info)
{
    int status = set_stage(f, c, info);
    if (!status && c->stage == XO_FCM_CORRECTED)
        f->ladders = (struct xo_fcm_correction){0};    /* m's now */
    return status;
}
