/* Matrices for many arrays of nonlinear cells: what corrections say about a few hundred inputs, fitted by one matrix.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "nonlinear_fit.h"
#include "random.h"

enum { CORRECTIONS = 3, INPUTS_PER_ROW = 8, FEWEST_INPUTS = 256, CHECKED_INPUTS = 16, PROBED_INPUTS = 32 };

struct xo_tile_fitter {
    struct xo_programmed p;
    struct xo_fit_options options;
    struct { size_t levels; double *volt; } dac;
    struct xo_fcm_basis function;      /* without matrix          */
    struct xo_fcm like;                /* size, seed, validity    */
    double linear_volt, most_volt;
    size_t sweeps;
};

void xo_tile_fitter_free(xo_tile_fitter *t)
{
    if (!t)
        return;
    xo_programmed_free(&t->p);
    xo_basis_free(&t->function);
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

/* ---- what all arrays share -------------------------------------------------------------------------------- */

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
        status = xo_find_ladders(&f, CORRECTIONS, info);
    xo_find_typical(&f);
    if (!status)
        status = xo_basis_functions(&t->function, 1, &f.typical, t->like.validity.low_volt,
                                    t->like.validity.high_volt, info);
    t->linear_volt = f.linear_volt;
    t->most_volt = XO_TABLED_BEYOND * xo_span_of(&f);
    t->sweeps = f.ladders.sweeps;
    xo_stage_fit_free(&f);
    return status;
}

/* b at every level, as the polynomial has it; the last level keeps its voltage. */
static void find_function(xo_tile_fitter *t, double *function_volt)
{
    const struct xo_fcm_basis *b = &t->function;
    double last = 1;
    for (size_t e = t->dac.levels; e-- > 0;) {
        double x = t->dac.volt[e] / b->scale_volt, sum = 0;
        for (size_t d = b->terms; d-- > 0;)
            sum = (sum + b->coefficient_volt[d]) * x;
        if (e + 1 == t->dac.levels)
            last = sum != 0 ? t->dac.volt[e] / sum : 1;
        function_volt[e] = e + 1 == t->dac.levels ? t->dac.volt[e] : last * sum;
    }
    for (size_t d = 0; d < b->terms; d++)
        t->function.coefficient_volt[d] *= last;
}

static int prepare(xo_tile_fitter *t, const struct xo_hardware *h, size_t levels, const double *level_volt,
                   struct xo_info *info)
{
    const char *refused = xo_ladders_refuse(&h->array);
    if (!xo_is_nonlinear(&h->array) || refused || levels < 2)
        return xo_fail(info, XO_EUNSUPPORTED, "networks on nonlinear cells: %s; expected arrays whose lines are "
                       "ladders", refused ? refused : "found ohmic ones");
    t->dac.levels = levels;
    t->dac.volt = xo_calloc(levels, sizeof *t->dac.volt);
    if (!t->dac.volt)
        return ENOMEM;
    memcpy(t->dac.volt, level_volt, levels * sizeof *level_volt);
    t->like = (struct xo_fcm){.rows = h->array.rows, .columns = h->array.columns, .seed = h->seed};
    for (size_t e = 0; e < levels; e++) {
        t->like.validity.low_volt = fmin(t->like.validity.low_volt, level_volt[e]);
        t->like.validity.high_volt = fmax(t->like.validity.high_volt, level_volt[e]);
    }
    int status = xo_programmed_new(&t->p, h, &t->options, info);
    if (!status)
        status = try_ladders(t, h, info);
    if (!status && !t->sweeps)
        status = xo_fail(info, XO_EUNSUPPORTED, "networks on nonlinear cells: more different cells than laws can be "
                         "tabulated for; expected smaller arrays");
    return status;
}

int xo_tile_fitter_new(xo_tile_fitter **out, const struct xo_hardware *h, size_t levels, const double *level_volt,
                       double *function_volt, struct xo_info *info)
{
    xo_tile_fitter *t = xo_calloc(1, sizeof *t);
    int status = t ? prepare(t, h, levels, level_volt, info) : ENOMEM;
    if (status) {
        xo_tile_fitter_free(t);
        return status;
    }
    find_function(t, function_volt);
    *out = t;
    return 0;
}

/* ---- one array ---------------------------------------------------------------------------------------------- */

/* Currents by corrections; with nothing at the inputs they are the offset. */
static int correct(const xo_tile_fitter *t, const double *cell_siemens, struct xo_seen *seen, double *offset_amp,
                   struct xo_info *info)
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
    m.correction.count = CORRECTIONS;
    m.correction.sweeps = t->sweeps;
    if (!status)
        status = xo_fcm_apply(&m, &stage, seen->inputs, seen->row_volt, seen->column_amp, NULL, info);
    if (!status)
        status = xo_fcm_apply(&m, &stage, 1, nothing, offset_amp, NULL, info);
    xo_ladders_free(&m.correction);
    free(nothing);
    return status;
}

int xo_tile_fit(const xo_tile_fitter *t, const double *cell_siemens, const double *chance, size_t array,
                double *g_ni_siemens, double *offset_amp, struct xo_info *info)
{
    size_t inputs = INPUTS_PER_ROW * t->like.rows < FEWEST_INPUTS ? FEWEST_INPUTS : INPUTS_PER_ROW * t->like.rows;
    struct xo_fcm_basis b = t->function;
    struct xo_fcm m = t->like;
    struct xo_seen seen;
    int status = see(t, &seen, XO_FOR_TRAINING_INPUTS, 1 + array, chance, inputs);
    if (!status)
        status = correct(t, cell_siemens, &seen, offset_amp, info);
    m.offset_ampere = offset_amp;
    b.matrix_siemens = NULL;
    if (!status)
        status = xo_basis_fit(&b, &m, t->p.crossbar.word_line, &seen);
    if (!status)
        memcpy(g_ni_siemens, b.matrix_siemens, m.rows * m.columns * sizeof *g_ni_siemens);
    free(b.matrix_siemens);
    xo_seen_free(&seen);
    return status;
}

int xo_tile_check(xo_tile_fitter *t, const double *cell_siemens, const double *chance, size_t array,
                  const double *g_ni_siemens, const double *offset_amp, struct xo_error *error, struct xo_info *info)
{
    const struct xo_apply stage = {0};
    struct xo_fcm m = t->like;
    struct xo_seen seen;
    int status = see(t, &seen, XO_FOR_HELD_OUT_INPUTS, 1 + array, chance, CHECKED_INPUTS);
    double *amp = xo_calloc(CHECKED_INPUTS, m.columns * sizeof *amp);
    struct xo_solution solution = {.column_amp = seen.column_amp};
    m.stage = XO_FCM_BASIS;
    m.basis = t->function;
    memcpy(&m.basis.matrix_siemens, &g_ni_siemens, sizeof g_ni_siemens);       /* only read from */
    memcpy(&m.offset_ampere, &offset_amp, sizeof offset_amp);
    if (!status && !amp)
        status = ENOMEM;
    if (!status)
        status = xo_programmed_cells(&t->p, cell_siemens, info);
    if (!status)
        status = xo_solve(t->p.factor, seen.inputs, seen.row_volt, &solution, info);
    if (!status)
        status = xo_fcm_apply(&m, &stage, seen.inputs, seen.row_volt, amp, NULL, info);
    if (!status)
        status = xo_error_of(error, seen.inputs * m.columns, amp, seen.column_amp);
    xo_seen_free(&seen);
    free(amp);
    return status;
}
