/* Fast models for many arrays of nonlinear cells: what corrections say about a few hundred inputs, followed by one
 * basis expansion an array, bent or not; which one, a few arrays decide for all.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "nonlinear_fit.h"
#include "random.h"

enum { INPUTS_PER_ROW = 8, FEWEST_INPUTS = 256, CHECKED_INPUTS = 16, PROBED_INPUTS = 32, MOST_FUNCTIONS = 2,
       HELD_SHARE = 8 };
#define TRAINED_WITHIN 0.05            /* of the tolerance: how good the currents must be that models are fitted to */
static const size_t corrections_tried[] = {1, 2, 3, 5};

/* What is tried: the cost says which comes first.  Corrections end the list. */
static const struct xo_fcm_candidate recipe[] = {
    {.stage = XO_FCM_BASIS, .functions = 1}, {.stage = XO_FCM_BASIS, .functions = 1, .bent = 1},
    {.stage = XO_FCM_BASIS, .functions = 2}, {.stage = XO_FCM_BASIS, .functions = 2, .bent = 1},
    {.stage = XO_FCM_CORRECTED, .corrections = 1}, {.stage = XO_FCM_CORRECTED, .corrections = 2},
    {.stage = XO_FCM_CORRECTED, .corrections = 3}
};
enum { RECIPES = sizeof recipe / sizeof *recipe };

struct xo_tile_fitter {
    struct xo_programmed p;
    struct xo_fit_options options;
    struct xo_tile_request request;
    struct { size_t levels; double *volt; } dac;
    struct xo_fcm_basis function[MOST_FUNCTIONS];      /* [k]: of k + 1 functions, without matrices */
    struct xo_fcm like;                /* size, seed, validity    */
    double linear_volt, most_volt;
    size_t corrections, sweeps;        /* that currents to be fitted to come from */
};

void xo_tile_fitter_free(xo_tile_fitter *t)
{
    if (!t)
        return;
    xo_programmed_free(&t->p);
    for (size_t k = 0; k < MOST_FUNCTIONS; k++)
        xo_basis_free(&t->function[k]);
    xo_fcm_free(&t->like);
    free(t->dac.volt);
    free(t);
}

/* ---- inputs -------------------------------------------------------------------------------------------- */

/* Row i is driven as likely as `chance` says (NULL: half the time), times what an input's rows have in common. */
static void draw(const xo_tile_fitter *t, enum xo_purpose purpose, size_t array, const double *chance, size_t inputs,
                 double *row_volt)
{
    size_t rows = t->like.rows;
    for (size_t n = 0; n < inputs; n++) {
        struct xo_random_key key = {t->like.seed, purpose, array, n * (2 * rows + 1)};
        double common = 2 * xo_random_uniform(key);
        for (size_t i = 0; i < rows; i++) {
            key.place++;
            double dice = xo_random_uniform(key);
            key.place++;
            uint32_t digit = 1 + xo_random_below(key, (uint32_t)(t->dac.levels - 1));
            row_volt[n * rows + i] = t->dac.volt[dice < common * (chance ? chance[i] : 0.5) ? digit : 0];
        }
    }
}

static int see(const xo_tile_fitter *t, struct xo_seen *s, enum xo_purpose purpose, size_t array,
               const double *chance, size_t inputs)
{
    int status = xo_seen_new(s, &t->like, inputs);
    if (!status)
        draw(t, purpose, array, chance, inputs, s->row_volt);
    return status;
}

/* The array's own inputs take the place of some. */
static void see_own(const xo_tile_fitter *t, struct xo_seen *s, enum xo_purpose purpose,
                    const struct xo_tile_array *a)
{
    bool held = purpose == XO_FOR_HELD_OUT_INPUTS;
    size_t most = held ? s->inputs : s->inputs / 2, rows = t->like.rows;
    for (size_t n = 0, at = 0; n < a->inputs && at < most; n++)
        if ((n % HELD_SHARE == HELD_SHARE - 1) == held)
            memcpy(s->row_volt + at++ * rows, a->row_volt + n * rows, rows * sizeof *a->row_volt);
}

/* ---- what all arrays share -------------------------------------------------------------------------------- */

/* As few corrections as give currents that are good enough to fit to, and their ladders. */
static int find_corrections(xo_tile_fitter *t, struct xo_stage_fit *f, struct xo_info *info)
{
    int status = 0;
    for (size_t k = 0; k < sizeof corrections_tried / sizeof *corrections_tried && !status; k++) {
        status = xo_find_ladders(f, corrections_tried[k], info);
        t->corrections = corrections_tried[k];
        if (f->ladder_rms <= TRAINED_WITHIN * t->request.tolerance)
            break;
    }
    t->linear_volt = f->linear_volt;
    t->most_volt = XO_TABLED_BEYOND * xo_span_of(f);
    t->sweeps = f->ladders.sweeps;
    return status;
}

/* The law of a cell of mean conductance; its last level keeps its voltage. */
static int find_functions(xo_tile_fitter *t, const struct xo_stage_fit *f, struct xo_info *info)
{
    const struct xo_fcm_validity *v = &t->like.validity;
    int status = 0;
    for (size_t k = 0; k < MOST_FUNCTIONS && !status; k++) {
        struct xo_fcm_basis *b = &t->function[k];
        status = xo_basis_functions(b, k + 1, &f->typical, v->low_volt, v->high_volt, info);
        double *law = status ? NULL : b->coefficient_volt + k * b->terms;
        double last = t->dac.volt[t->dac.levels - 1], x = last / b->scale_volt, sum = 0;
        for (size_t d = status ? 0 : b->terms; d-- > 0;)
            sum = (sum + law[d]) * x;
        for (size_t d = 0; d < b->terms && sum != 0; d++)
            law[d] *= last / sum;
    }
    return status;
}

/* A random array of this hardware, solved exactly: which ladders serve best. */
static int try_ladders(xo_tile_fitter *t, const struct xo_hardware *h, struct xo_info *info)
{
    struct xo_stage_fit f = {.m = &t->like, .p = &t->p};
    struct xo_solution solution = {0};
    int status;
    t->like.cell_siemens = xo_calloc(t->like.rows, t->like.columns * sizeof(double));
    t->like.g_ni_siemens = xo_calloc(t->like.rows, t->like.columns * sizeof(double));      /* not looked at */
    if (!t->like.cell_siemens || !t->like.g_ni_siemens)
        return ENOMEM;
    xo_draw_cells(h, 0, t->like.cell_siemens);
    status = xo_programmed_cells(&t->p, t->like.cell_siemens, info);
    if (!status)
        status = see(t, &f.seen, XO_FOR_TRAINING_INPUTS, 0, NULL, PROBED_INPUTS);
    solution.column_amp = f.seen.column_amp;
    if (!status)
        status = xo_solve(t->p.factor, f.seen.inputs, f.seen.row_volt, &solution, info);
    if (!status)
        status = find_corrections(t, &f, info);
    xo_find_typical(&f);
    if (!status)
        status = find_functions(t, &f, info);
    xo_stage_fit_free(&f);
    return status;
}

static int prepare(xo_tile_fitter *t, const struct xo_hardware *h, const struct xo_tile_request *request,
                   struct xo_info *info)
{
    const char *refused = xo_ladders_refuse(&h->array);
    const size_t levels = request->levels;
    if (!xo_is_nonlinear(&h->array) || refused || levels < 2)
        return xo_fail(info, XO_EUNSUPPORTED, "networks on nonlinear cells: %s; expected arrays whose lines are "
                       "ladders", refused ? refused : "found ohmic ones");
    t->request = *request;
    t->request.tolerance = request->tolerance > 0 ? request->tolerance : XO_FIT_TOLERANCE;
    t->request.level_volt = NULL;
    t->dac.levels = levels;
    t->dac.volt = xo_calloc(levels, sizeof *t->dac.volt);
    if (!t->dac.volt)
        return ENOMEM;
    memcpy(t->dac.volt, request->level_volt, levels * sizeof *t->dac.volt);
    t->like = (struct xo_fcm){.rows = h->array.rows, .columns = h->array.columns, .seed = h->seed};
    for (size_t e = 0; e < levels; e++) {
        t->like.validity.low_volt = fmin(t->like.validity.low_volt, t->dac.volt[e]);
        t->like.validity.high_volt = fmax(t->like.validity.high_volt, t->dac.volt[e]);
    }
    int status = xo_programmed_new(&t->p, h, &t->options, info);
    if (!status)
        status = try_ladders(t, h, info);
    if (!status && !t->sweeps)
        status = xo_fail(info, XO_EUNSUPPORTED, "networks on nonlinear cells: more different cells than laws can be "
                         "tabulated for; expected smaller arrays");
    return status;
}

int xo_tile_fitter_new(xo_tile_fitter **out, const struct xo_hardware *h, const struct xo_tile_request *request,
                       struct xo_info *info)
{
    xo_tile_fitter *t = xo_calloc(1, sizeof *t);
    int status = t ? prepare(t, h, request, info) : ENOMEM;
    if (status)
        xo_tile_fitter_free(t);
    else
        *out = t;
    return status;
}

/* As the polynomials have it. */
void xo_tile_functions(const xo_tile_fitter *t, size_t functions, double *function_volt)
{
    const struct xo_fcm_basis *b = &t->function[functions - 1];
    for (size_t n = 0; n < functions * t->dac.levels; n++) {
        double x = t->dac.volt[n % t->dac.levels] / b->scale_volt, sum = 0;
        for (size_t d = b->terms; d-- > 0;)
            sum = (sum + b->coefficient_volt[n / t->dac.levels * b->terms + d]) * x;
        function_volt[n] = sum;
    }
}

/* ---- one array ---------------------------------------------------------------------------------------------- */

/* Currents by corrections, and (may be NULL) those with nothing at the inputs. */
static int correct(const xo_tile_fitter *t, const double *cell_siemens, size_t corrections, struct xo_seen *seen,
                   double *offset_amp, struct xo_info *info)
{
    const struct xo_apply stage = {0};
    struct xo_fcm m = t->like;
    double *nothing = xo_calloc(m.rows, sizeof *nothing);
    int status = nothing ? 0 : ENOMEM;
    m.stage = XO_FCM_CORRECTED;
    m.correction = (struct xo_fcm_correction){0};
    if (!status)
        status = xo_ladders_new(&m.correction, &t->p.crossbar, t->p.circuit, cell_siemens, t->linear_volt,
                                t->most_volt, info);
    m.correction.count = corrections;
    m.correction.sweeps = t->sweeps;
    if (!status)
        status = xo_fcm_apply(&m, &stage, seen->inputs, seen->row_volt, seen->column_amp, NULL, info);
    if (!status && offset_amp)
        status = xo_fcm_apply(&m, &stage, 1, nothing, offset_amp, NULL, info);
    xo_ladders_free(&m.correction);
    free(nothing);
    return status;
}

int xo_tile_correct(const xo_tile_fitter *t, const struct xo_fcm_candidate *c, const double *cell_siemens,
                    size_t inputs, const double *row_volt, double *column_amp, struct xo_info *info)
{
    struct xo_seen seen = {.inputs = inputs, .column_amp = column_amp};
    memcpy(&seen.row_volt, &row_volt, sizeof row_volt);        /* only read from */
    return correct(t, cell_siemens, c->corrections, &seen, NULL, info);
}

static int train(const xo_tile_fitter *t, const struct xo_tile_array *a, struct xo_seen *seen, double *offset_amp,
                 struct xo_info *info)
{
    size_t most = INPUTS_PER_ROW * t->like.rows, inputs = most < FEWEST_INPUTS ? FEWEST_INPUTS : most;
    inputs = t->request.training_inputs ? t->request.training_inputs : inputs;
    int status = see(t, seen, XO_FOR_TRAINING_INPUTS, 1 + a->number, a->chance, inputs);
    if (!status)
        see_own(t, seen, XO_FOR_TRAINING_INPUTS, a);
    return status ? status : correct(t, a->cell_siemens, t->corrections, seen, offset_amp, info);
}

/* The functions are t's, matrices and bends b's own. */
static int follow(const xo_tile_fitter *t, const struct xo_fcm_candidate *c, const struct xo_seen *seen,
                  double *offset_amp, struct xo_fcm_basis *b)
{
    struct xo_fcm m = t->like;
    *b = t->function[c->functions - 1];
    b->bent = c->bent;
    m.offset_ampere = offset_amp;
    return xo_basis_fit(b, &m, t->p.crossbar.word_line, seen);
}

static void forget(struct xo_fcm_basis *b)
{
    free(b->matrix_siemens);
    free(b->bend_per_ampere);
    *b = (struct xo_fcm_basis){0};
}

int xo_tile_fit(const xo_tile_fitter *t, const struct xo_fcm_candidate *c, const struct xo_tile_array *a,
                const struct xo_tile_model *out, struct xo_info *info)
{
    const size_t cells = t->like.rows * t->like.columns;
    struct xo_fcm_basis b = {0};
    struct xo_seen seen;
    int status = train(t, a, &seen, out->offset_amp, info);
    if (!status)
        status = follow(t, &recipe[0], &seen, out->offset_amp, &b);
    if (!status)
        memcpy(out->g_ni_siemens, b.matrix_siemens, cells * sizeof(double));
    if (!status && out->matrix_siemens && (c->functions > 1 || c->bent)) {
        forget(&b);
        status = follow(t, c, &seen, out->offset_amp, &b);
    }
    if (!status && out->matrix_siemens)
        memcpy(out->matrix_siemens, b.matrix_siemens, c->functions * cells * sizeof(double));
    if (!status && out->bend_per_ampere && b.bent)
        memcpy(out->bend_per_ampere, b.bend_per_ampere, t->like.columns * sizeof(double));
    forget(&b);
    xo_seen_free(&seen);
    return status;
}

/* ---- which stage -------------------------------------------------------------------------------------------- */

/* Two levels, one of them 0 V, are a straight line through 0 whatever the function. */
static bool is_worth_trying(const xo_tile_fitter *t, const struct xo_fcm_candidate *c)
{
    bool line = t->dac.levels == 2 && t->dac.volt[0] == 0;
    if (c->stage == XO_FCM_CORRECTED)
        return !t->request.without_corrections;
    return c->functions == 1 || !(line || t->request.one_function);
}

static double cost_of(const xo_tile_fitter *t, const struct xo_fcm_candidate *c)
{
    struct xo_fcm m = t->like;
    if (c->stage == XO_FCM_BASIS)
        return (1 + (double)(c->functions - 1) * t->request.function_cost) * (c->bent ? t->request.bend_cost : 1);
    m.stage = XO_FCM_CORRECTED;
    m.correction = (struct xo_fcm_correction){.count = c->corrections, .sweeps = t->sweeps};
    return xo_fcm_cost(&m);
}

static int trials_new(struct xo_trials *trials, const xo_tile_fitter *t, size_t numbers)
{
    trials->exact_amp = xo_calloc(numbers, sizeof(double));
    for (size_t k = 0; k < RECIPES; k++)
        if (is_worth_trying(t, &recipe[k])) {
            struct xo_fcm_candidate *c = &trials->candidate[trials->count];
            *c = recipe[k];
            c->sweeps = c->stage == XO_FCM_CORRECTED ? t->sweeps : 0;
            c->cost = cost_of(t, c);
            trials->amp[trials->count++] = xo_calloc(numbers, sizeof(double));
        }
    for (size_t k = 0; k < trials->count; k++)
        if (!trials->amp[k])
            return ENOMEM;
    return trials->exact_amp ? 0 : ENOMEM;
}

/* One candidate's currents for the inputs held out. */
static int try_one(const xo_tile_fitter *t, const struct xo_fcm_candidate *c, const double *cell_siemens,
                   const struct xo_seen *seen, const struct xo_seen *held, double *offset_amp, double *amp,
                   struct xo_info *info)
{
    const struct xo_apply stage = {0};
    struct xo_fcm m = t->like;
    struct xo_fcm_basis b = {0};
    if (c->stage == XO_FCM_CORRECTED)
        return xo_tile_correct(t, c, cell_siemens, held->inputs, held->row_volt, amp, info);
    int status = follow(t, c, seen, offset_amp, &b);
    m.stage = XO_FCM_BASIS;
    m.basis = b;
    m.offset_ampere = offset_amp;
    if (!status)
        status = xo_fcm_apply(&m, &stage, held->inputs, held->row_volt, amp, NULL, info);
    forget(&b);
    return status;
}

static int try_array(xo_tile_fitter *t, const struct xo_tile_array *a, struct xo_trials *trials, size_t at,
                     struct xo_info *info)
{
    struct xo_seen seen = {0}, held = {0};
    double *offset_amp = xo_calloc(t->like.columns, sizeof *offset_amp);
    int status = offset_amp ? train(t, a, &seen, offset_amp, info) : ENOMEM;
    if (!status)
        status = see(t, &held, XO_FOR_HELD_OUT_INPUTS, 1 + a->number, a->chance, CHECKED_INPUTS);
    if (!status)
        see_own(t, &held, XO_FOR_HELD_OUT_INPUTS, a);
    if (!status)
        status = xo_programmed_cells(&t->p, a->cell_siemens, info);
    struct xo_solution solution = {.column_amp = trials->exact_amp + at};
    if (!status)
        status = xo_solve(t->p.factor, held.inputs, held.row_volt, &solution, info);
    for (size_t k = 0; k < trials->count && !status; k++)
        status = try_one(t, &trials->candidate[k], a->cell_siemens, &seen, &held, offset_amp, trials->amp[k] + at,
                         info);
    free(offset_amp);
    xo_seen_free(&seen);
    xo_seen_free(&held);
    return status;
}

int xo_tile_choose(struct xo_tile_choice *out, xo_tile_fitter *t, size_t arrays, const struct xo_tile_array *array,
                   struct xo_info *info)
{
    size_t block = CHECKED_INPUTS * t->like.columns, chosen = 0;
    struct xo_tile_choice found = {.arrays = arrays, .tolerance = t->request.tolerance};
    struct xo_trials trials = {0};
    struct xo_fcm m = t->like;
    m.candidate = NULL;
    int status = trials_new(&trials, t, arrays * block);
    for (size_t k = 0; k < arrays && !status; k++)
        status = try_array(t, &array[k], &trials, k * block, info);
    if (!status)
        status = xo_trials_state(&m, &trials, arrays, CHECKED_INPUTS, t->request.tolerance, &chosen);
    found.count = status ? 0 : trials.count;
    for (size_t k = 0; k < found.count; k++) {
        found.candidate[k] = xo_fcm_candidate_at(&m, k);
        if (found.candidate[k].stage == trials.candidate[chosen].stage &&
            found.candidate[k].functions == trials.candidate[chosen].functions &&
            found.candidate[k].bent == trials.candidate[chosen].bent &&
            found.candidate[k].corrections == trials.candidate[chosen].corrections)
            found.chosen = k;
    }
    free(m.candidate);
    xo_trials_free(&trials);
    if (!status)
        *out = found;
    return status;
}
