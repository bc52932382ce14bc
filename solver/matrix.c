/* The exact conductance matrix: I = V^T G_ni + i0 for every input V.
 *
 * With y_tj the coupling between terminals t and j once all inner nodes are gone, G_ni[i][j] = y_ij for driven rows
 * and i0_j = sum over undriven t of y_tj V_t - V_j sum_t y_tj.  Two independent ways to y:
 *   an engine that eliminates (starmesh) reads it off, with an a-priori bound;
 *   the others put 1 V on one column's terminal at a time and solve: the current into t is y_tj, certified.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "plan.h"

/* Couplings of one column's terminal to all, and how far each can be from the exact one. */
struct couplings {
    const double *siemens;             /* [terminals] */
    double *bound;                     /* [terminals] */
};

/* A driven row joined by zero ohm to another source has no voltage of its own to be a matrix row for. */
int xo_check_independent(const xo_circuit *c, struct xo_info *info)
{
    char name[32], other[32];
    if (c->input == XO_INPUT_GATE)
        return xo_fail(info, XO_EVALUE, "inputs go to gates, so conductances change with the input: no one matrix is "
                       "exact; expected array.input drive");
    if (c->laws)
        return xo_fail(info, XO_EVALUE, "the cells are nonlinear: no one matrix is exact for all inputs; expected "
                       "device.law ohmic and type 1R");
    for (size_t t = 0; t < c->terminals; t++) {
        size_t g = (size_t)c->group[t];
        if (g == t || !(c->driven[t] || c->driven[g]))
            continue;
        xo_terminal_name(c, t, name, sizeof name);
        xo_terminal_name(c, g, other, sizeof other);
        return xo_fail(info, XO_ECONFLICT, "%s and %s are joined by zero ohm, so their voltages are not independent; "
                       "expected a resistance between them", other, name);
    }
    return 0;
}

/* Store the column that y describes. */
static void store_column(const xo_circuit *c, const struct couplings *y, size_t j, struct xo_matrix_result *m)
{
    size_t own = (size_t)c->group[c->rows + j];
    double share = 1.0 / c->group_size[own], sharing = c->group_size[own] > 1 ? 2 * DBL_EPSILON : 0;
    double offset = 0, offset_bound = 0, here = c->held_volt[c->rows + j];
    for (size_t t = 0; t < c->terminals; t++) {
        bool driven = c->driven[t];
        double g = y->siemens[t] * share, bound = y->bound[t] * share + sharing * g;
        double volt = (driven ? 0 : c->held_volt[t]) - here;
        if (t == own || (size_t)c->group[t] != t)
            continue;
        offset += g * volt;
        offset_bound += (bound + (double)(c->terminals + 2) * DBL_EPSILON * g) * fabs(volt);
        if (g > 0 && volt != 0)
            offset_bound += DBL_MIN;   /* what underflow may have swallowed */
        if (t >= c->rows)
            continue;
        m->g_ni_siemens[t * c->columns + j] = driven ? g : 0;
        if (m->bound_siemens)
            m->bound_siemens[t * c->columns + j] = driven ? bound : 0;
        if (driven && g > 0 && bound > m->worst_bound_rel * g)
            m->worst_bound_rel = bound / g;
    }
    if (m->offset_amp)
        m->offset_amp[j] = offset;
    if (m->offset_bound_amp)
        m->offset_bound_amp[j] = offset_bound;
}

/* A-priori bounds are pessimistic, so a block of columns is also solved, with the same factor, and certified: how far
 * is the matrix from that, at most? */
void xo_sample_columns(const xo_factor *f, const double *g_ni_siemens, struct xo_matrix_result *m)
{
    const xo_circuit *c = f->plan->circuit;
    struct xo_scratch *s = &f->scratch[0];
    size_t count = c->columns < XO_LANES ? c->columns : XO_LANES;
    m->sampled_columns = count;
    memset(s->volt + c->unknowns, 0, c->terminals * sizeof *s->volt);
    for (size_t k = 0; k < count; k++)
        s->volt[c->unknowns + (size_t)c->group[c->rows + k * c->columns / count]].hi[k] = 1;
    xo_refine(f, s, XO_LANES, XO_LAST_BIT, 1);
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < c->rows; i++) {
            size_t j = k * c->columns / count, size = (size_t)c->group_size[c->group[c->rows + j]];
            double certified = s->amp[c->unknowns + i].hi[k] / (double)size;
            double gap = fabs(g_ni_siemens[i * c->columns + j] - certified) + s->terminal_bound[i][k];
            if (size > 1)
                gap += 2 * DBL_EPSILON * certified;
            if (c->driven[i] && certified > 0 && gap > m->sampled_error_rel * certified)
                m->sampled_error_rel = gap / certified;
        }
}

static void matrix_by_elimination(const xo_factor *f, struct couplings *y, struct xo_matrix_result *m)
{
    const xo_circuit *c = f->plan->circuit;
    for (size_t j = 0; j < c->columns; j++) {
        f->plan->table->couplings(f, (size_t)c->group[c->rows + j], &y->siemens, y->bound);
        store_column(c, y, j, m);
    }
    if (f->proven)
        xo_sample_columns(f, m->g_ni_siemens, m);
}

static int matrix_by_solving(const xo_factor *f, struct couplings *y, double *siemens, struct xo_matrix_result *m)
{
    const xo_circuit *c = f->plan->circuit;
    const struct xo_options *options = &f->plan->options;
    struct xo_scratch *s = &f->scratch[0];
    y->siemens = siemens;
    for (size_t first = 0; first < c->columns; first += XO_LANES) {
        size_t count = c->columns - first < XO_LANES ? c->columns - first : XO_LANES;
        xo_set_units(c, s, c->rows + first, count);
        xo_refine(f, s, XO_LANES, XO_LAST_BIT, 1);
        for (size_t k = 0; k < count; k++) {
            for (size_t t = 0; t < c->terminals; t++) {
                siemens[t] = s->amp[c->unknowns + t].hi[k];
                y->bound[t] = s->terminal_bound[t][k];
            }
            store_column(c, y, first + k, m);
        }
        if (options->progress && options->progress(options->user, (double)(first + count) / (double)c->columns))
            return XO_ESTOPPED;
    }
    m->sampled_columns = c->columns;
    m->sampled_error_rel = m->worst_bound_rel;
    return 0;
}

int xo_matrix(xo_factor *f, struct xo_matrix_result *m, struct xo_info *info)
{
    double *siemens = NULL;
    struct couplings y = {0};
    int status = xo_check_independent(f->plan->circuit, info);
    if (!status && xo_factor_may_turn(f))
        status = xo_factor_turn(f, "a whole matrix: a factor pays", info);
    const xo_circuit *c = f->plan->circuit;
    bool eliminate = f->plan->table->couplings && c->unknowns;
    if (status)
        return status;
    if (f->plan->engine == XO_ENGINE_KLU || f->plan->table->run)
        return xo_fail(info, XO_EUNSUPPORTED, "engine %s offers no conductance matrix; expected starmesh or cholmod",
                       f->plan->table->name);
    if (!status && !f->proven && !eliminate)
        status = xo_fail(info, XO_ENOTPROVEN, "engine %s: no certificate was found for this array",
                         f->plan->table->name);
    if (status)
        return status;
    siemens = xo_calloc(c->terminals, sizeof *siemens);
    y.bound = xo_calloc(c->terminals, sizeof *y.bound);
    status = siemens && y.bound ? 0 : ENOMEM;
    m->worst_bound_rel = m->sampled_error_rel = 0;
    m->sampled_columns = 0;
    if (!status && eliminate)
        matrix_by_elimination(f, &y, m);
    else if (!status)
        status = matrix_by_solving(f, &y, siemens, m);
    free(siemens);
    free(y.bound);
    return status ? xo_fail(info, status, "matrix: %s", xo_strerror(status)) : 0;
}
