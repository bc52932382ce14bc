/* The exact conductance matrix: I = V^T G_ni + i0 for every input V.
 *
 * With y_tj the coupling between terminals t and j once all inner nodes are gone, G_ni[i][j] = y_ij for driven rows
 * and i0_j = sum over undriven t of y_tj V_t - V_j sum_t y_tj.  Two independent ways to y:
 *   starmesh  eliminates and reads it off, with an a-priori bound;
 *   others    put 1 V on one column's terminal at a time and solve: the current into t is y_tj, with its certificate.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "starmesh.h"

/* Couplings of one column's terminal to all, and how far each can be from the exact one. */
struct couplings {
    double *siemens, *bound;           /* [terminals] */
};

/* A driven row joined by zero ohm to another source has no voltage of its own to be a matrix row for. */
static int check_independent(const xo_circuit *c, struct xo_info *info)
{
    char name[32], other[32];
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

/* Store the column that `y` describes. */
static void store_column(const xo_circuit *c, const struct couplings *y, size_t j, struct xo_matrix_result *m)
{
    size_t own = (size_t)c->group[c->rows + j];
    double share = 1.0 / c->group_size[own], here = c->held_volt[c->rows + j];
    double offset = 0, offset_bound = 0;
    for (size_t t = 0; t < c->terminals; t++) {
        bool driven = c->driven[t];
        double g = y->siemens[t] * share, bound = y->bound[t] * share;
        double volt = (driven ? 0 : c->held_volt[t]) - here;
        if (t == own || (size_t)c->group[t] != t)
            continue;
        offset += g * volt;
        offset_bound += (bound + (double)(c->terminals + 2) * DBL_EPSILON * g) * fabs(volt);
        if (t >= c->rows)
            continue;
        m->g_ni_siemens[t * c->columns + j] = driven ? g : 0;
        if (m->bound_siemens)
            m->bound_siemens[t * c->columns + j] = driven ? bound : 0;
        if (driven && bound > m->worst_bound_rel * g)
            m->worst_bound_rel = bound / g;
    }
    if (m->offset_amp)
        m->offset_amp[j] = offset;
    if (m->offset_bound_amp)
        m->offset_bound_amp[j] = offset_bound;
}

/* Sum of a terminal's couplings, Y_tt. */
static double self_coupling(const double *row, size_t count)
{
    double sum = 0;
    for (size_t k = 0; k < count; k++)
        sum += row[k];
    return sum * (1 + (double)count * DBL_EPSILON);
}

/* A-priori bounds are pessimistic, so a block of columns is also solved, with this engine's triangle, and certified:
 * how far is the matrix from that, at most? */
static void sample_columns(const xo_factor *f, struct xo_matrix_result *m)
{
    const xo_circuit *c = f->plan->circuit;
    struct xo_scratch *s = &f->scratch[0];
    size_t count = c->columns < XO_LANES ? c->columns : XO_LANES;
    m->sampled_columns = count;
    memset(s->volt + c->unknowns, 0, c->terminals * sizeof *s->volt);
    for (size_t k = 0; k < count; k++)
        s->volt[c->unknowns + (size_t)c->group[c->rows + k * c->columns / count]].hi[k] = 1;
    xo_refine(f, s, XO_LANES, NULL);
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < c->rows; i++) {
            size_t j = k * c->columns / count;
            double certified = s->amp[c->unknowns + i].hi[k] / c->group_size[c->group[c->rows + j]];
            double gap = fabs(m->g_ni_siemens[i * c->columns + j] - certified) + s->terminal_bound[i][k];
            if (c->driven[i] && gap > m->sampled_error_rel * certified)
                m->sampled_error_rel = gap / certified;
        }
}

static int matrix_by_elimination(const xo_factor *f, struct couplings *y, struct xo_matrix_result *m)
{
    const xo_circuit *c = f->plan->circuit;
    const struct xo_starmesh_plan *p = f->plan->state;
    const struct xo_starmesh_state *s = f->state;
    size_t n = c->terminals;
    double share = (p->roundings + 4) * XO_UNIT, relative = share / (1 - 3 * share);
    double *self = xo_calloc(n, sizeof *self);
    if (!self)
        return ENOMEM;
    for (size_t t = 0; t < n; t++)
        self[t] = self_coupling(s->coupling_siemens + t * n, n);
    for (size_t j = 0; j < c->columns; j++) {
        size_t own = (size_t)c->group[c->rows + j];
        y->siemens = s->coupling_siemens + own * n;
        for (size_t t = 0; t < n; t++)
            y->bound[t] = self[t] > 0 && self[own] > 0 ? relative * sqrt(self[t]) * sqrt(self[own]) + DBL_MIN / XO_UNIT : 0;
        store_column(c, y, j, m);
    }
    free(self);
    sample_columns(f, m);
    return 0;
}

static int matrix_by_solving(xo_factor *f, struct couplings *y, struct xo_matrix_result *m)
{
    const xo_circuit *c = f->plan->circuit;
    const struct xo_options *options = &f->plan->options;
    struct xo_scratch *s = &f->scratch[0];
    for (size_t first = 0; first < c->columns; first += XO_LANES) {
        size_t count = c->columns - first < XO_LANES ? c->columns - first : XO_LANES;
        xo_set_units(c, s, c->rows + first, count);
        xo_refine(f, s, XO_LANES, NULL);
        for (size_t k = 0; k < count; k++) {
            for (size_t t = 0; t < c->terminals; t++) {
                y->siemens[t] = s->amp[c->unknowns + t].hi[k];
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
    const xo_circuit *c = f->plan->circuit;
    bool eliminate = f->plan->engine == XO_ENGINE_STARMESH && c->unknowns;
    double *siemens = NULL;
    struct couplings y = {0};
    int status = f->plan->engine == XO_ENGINE_KLU ? XO_EUNSUPPORTED : check_independent(c, info);
    if (status == XO_EUNSUPPORTED)
        return xo_fail(info, status, "engine klu offers no conductance matrix; expected starmesh or cholmod");
    if (!status && !f->proven)
        status = xo_fail(info, XO_ENOTPROVEN, "engine %s: no certificate was found for this array", f->plan->table->name);
    if (status)
        return status;
    siemens = xo_calloc(c->terminals, sizeof *siemens);
    y.siemens = siemens;
    y.bound = xo_calloc(c->terminals, sizeof *y.bound);
    status = siemens && y.bound ? 0 : ENOMEM;
    m->worst_bound_rel = m->sampled_error_rel = 0;
    m->sampled_columns = 0;
    if (!status)
        status = eliminate ? matrix_by_elimination(f, &y, m) : matrix_by_solving(f, &y, m);
    free(siemens);
    free(y.bound);
    return status ? xo_fail(info, status, "matrix: %s", xo_strerror(status)) : 0;
}
