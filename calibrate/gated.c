/* Fast models of columns whose inputs go to gates: the ladders themselves, nothing to be fitted.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "fit.h"
#include "levels.h"
#include "memory.h"
#include "xo_ladder.h"

/* Gated rows carry nothing: their cells are left out. */
int xo_fit_ladder(struct xo_fcm *m, const struct xo_crossbar *x, const double *cell_siemens, struct xo_info *info)
{
    struct xo_fcm_ladder *to = &m->ladder;
    size_t cells = x->rows * x->columns;
    xo_ladder *l = NULL;
    int status = xo_ladder_new(&l, x, cell_siemens, info);
    if (status)
        return status;
    to->top_is_far = l->top_is_far;
    to->transistor_ohm = l->transistor_ohm;
    to->transistor_off_siemens = l->transistor_off_siemens;
    to->cell_siemens = xo_calloc(cells, sizeof *to->cell_siemens);
    to->step_ohm = xo_calloc(cells, sizeof *to->step_ohm);
    to->end_ohm = xo_calloc(x->columns, sizeof *to->end_ohm);
    to->volt = xo_calloc(x->columns, sizeof *to->volt);
    for (size_t i = 0; i < x->rows && !status; i++)
        if (l->gated[i] && l->transistor_off_siemens > 0)
            status = xo_fail(info, XO_EUNSUPPORTED,
                             "row %zu is gated with transistor_off_siemens %g; expected 0, as the "
                             "model leaves gated rows out", i, l->transistor_off_siemens);
    if (l->second_ohm)
        to->second_ohm = xo_calloc(cells, sizeof *to->second_ohm);
    if (!status && !(to->cell_siemens && to->step_ohm && to->end_ohm && to->volt
                     && !l->second_ohm == !to->second_ohm))
        status = ENOMEM;
    for (size_t k = 0; k < cells && !status; k++) {
        to->cell_siemens[k] = l->gated[k / x->columns] ? 0 : l->cell_siemens[k];
        to->step_ohm[k] = l->step_ohm[k];
        if (to->second_ohm)
            to->second_ohm[k] = l->second_ohm[k];
    }
    for (size_t j = 0; j < x->columns && !status; j++) {
        to->end_ohm[j] = l->end_ohm[j];
        to->volt[j] = l->volt[j];
    }
    if (!status && l->laws)
        status = xo_fit_curves(to, l, info);
    xo_ladder_free(l);
    return status;
}

int xo_gain_all_on(const struct xo_fcm *m, const struct xo_crossbar *x, double *factor, struct xo_info *info)
{
    const struct xo_apply stage = {0};
    double *volt = xo_calloc(m->rows, sizeof *volt), *ideal = xo_calloc(m->columns, sizeof *ideal);
    double *amp = xo_calloc(m->columns, sizeof *amp);
    int status = volt && ideal && amp ? 0 : ENOMEM;
    for (size_t i = 0; i < m->rows && !status; i++)
        volt[i] = m->dac.read_volt;
    if (!status)
        status = xo_fcm_apply(m, &stage, 1, volt, amp, NULL, info);
    if (!status)
        status = xo_ideal_currents(x, m->cell_siemens, 1, volt, ideal, info);
    if (!status)
        status = xo_gain_oracle(m->gain.scope, 1, m->columns, ideal, amp, factor);
    free(volt);
    free(ideal);
    free(amp);
    return status;
}

int xo_snap_gates(const struct xo_fcm *m, size_t inputs, double *row_volt, double *gate)
{
    struct xo_levels levels = {0};
    int status = xo_levels_new(&levels, &m->dac);
    for (size_t k = 0; k < inputs * m->rows && !status; k++) {
        row_volt[k] = xo_dac_volt(&m->dac, xo_levels_nearest(&levels, row_volt[k]), 0);
        gate[k] = fmin(fmax(row_volt[k] / m->dac.read_volt, 0), 1);
    }
    xo_levels_free(&levels);
    return status;
}
