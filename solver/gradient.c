/* Derivatives of a column current by every branch conductance, with one adjoint solve for all of them.
 *
 * For a linear network dI_j/dg_ab = (v_a - v_b)(lambda_b - lambda_a), lambda the voltages with 1 V on sense terminal
 * j and 0 V on every other (Director and Rohrer, IEEE Trans. Circuit Theory 16, 1969).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "plan.h"

/* How a branch's conductance follows the number that programs it: 1, or d/dg of g / (1 + g R), or not at all. */
static double chain_rule(const xo_factor *f, size_t branch)
{
    const xo_circuit *c = f->plan->circuit;
    double ohm = c->ohm[branch];
    if (branch < c->first[XO_ROW_WIRE]) {
        ohm = xo_series_ohm(f, branch);
        double through = ohm == XO_OPEN ? 0 : 1 / (1 + f->cell_siemens[branch] * ohm);
        return c->fixed_siemens[branch] < 0 ? through * through : 0;
    }
    bool absent = ohm == XO_OPEN && branch >= c->first[XO_DRIVER];     /* no terminal, or superseded */
    return ohm == 0 || absent ? 0 : 1;
}

/* Branches of one kind, all lanes of the block. */
static void store_kind(const xo_factor *f, const struct xo_lane_volt *adjoint, const struct xo_lane_volt *volt,
                       enum xo_kind kind, size_t first, int lanes, double share, double *out)
{
    const xo_circuit *c = f->plan->circuit;
    size_t count = c->first[kind + 1] - c->first[kind];
    for (size_t k = 0; out && k < count; k++) {
        size_t b = c->first[kind] + k;
        int32_t from = c->vertex[c->from[b]], to = c->vertex[c->to[b]];
        double factor = xo_on_island(f, from) || xo_on_island(f, to) ? 0 : share * chain_rule(f, b);
        double lambda = xo_drop(&adjoint[to], &adjoint[from], 0).hi;
        for (int lane = 0; lane < lanes; lane++)
            out[(first + (size_t)lane) * count + k] =
                factor == 0 ? 0 : factor * xo_drop(&volt[from], &volt[to], lane).hi * lambda;
    }
}

static int gradient_by_factor(xo_factor *f, size_t inputs, const double *row_volt, size_t column,
                              struct xo_branch_values *gradient, struct xo_info *info)
{
    const xo_circuit *c = f->plan->circuit;
    struct xo_scratch *s = &f->scratch[0];
    struct xo_lane_volt *adjoint = NULL;
    double share;
    int status;
    if (c->laws)
        return xo_fail(info, XO_EVALUE, "the cells are nonlinear: their gradient is not offered; expected device.law "
                       "ohmic and type 1R");
    if (column >= c->columns)
        return xo_fail(info, XO_EVALUE, "gradient of column %zu; expected a column below %zu", column, c->columns);
    status = xo_check_inputs(c, inputs, row_volt, info);
    if (!status && !f->proven)
        status = xo_fail(info, XO_ENOTPROVEN, "engine %s: no certificate was found for this array",
                         f->plan->table->name);
    adjoint = xo_calloc(xo_vertices(c), sizeof *adjoint);
    if (!adjoint)
        return xo_fail(info, ENOMEM, "out of memory for the adjoint of %zu unknowns", c->unknowns);
    xo_set_units(c, s, c->rows + column, 1);
    xo_refine(f, s, 1, XO_LAST_BIT, 1);
    memcpy(adjoint, s->volt, xo_vertices(c) * sizeof *adjoint);
    share = 1.0 / c->group_size[c->group[c->rows + column]];
    for (size_t first = 0; first < inputs; first += XO_LANES) {
        int lanes = inputs - first < XO_LANES ? (int)(inputs - first) : XO_LANES;
        xo_set_terminals(c, s, lanes, row_volt + first * c->rows);
        xo_refine(f, s, lanes == 1 ? 1 : XO_LANES, XO_LAST_BIT, 1);
        store_kind(f, adjoint, s->volt, XO_CELL, first, lanes, share, gradient->cells);
        store_kind(f, adjoint, s->volt, XO_ROW_WIRE, first, lanes, share, gradient->row_wires);
        store_kind(f, adjoint, s->volt, XO_COLUMN_WIRE, first, lanes, share, gradient->column_wires);
        store_kind(f, adjoint, s->volt, XO_DRIVER, first, lanes, share, gradient->drivers);
        store_kind(f, adjoint, s->volt, XO_SENSE, first, lanes, share, gradient->senses);
        store_kind(f, adjoint, s->volt, XO_WORD_BRIDGE, first, lanes, share, gradient->word_bridges);
        store_kind(f, adjoint, s->volt, XO_BIT_BRIDGE, first, lanes, share, gradient->bit_bridges);
    }
    free(adjoint);
    return 0;
}

/* Gates: every input's own array. */
static int gradient_gated(xo_factor *f, size_t inputs, const double *gate, size_t column,
                          struct xo_branch_values *gradient, struct xo_info *info)
{
    const xo_circuit *c = f->plan->circuit;
    int status = 0;
    for (size_t k = 0; k < inputs && !status; k++) {
        struct xo_branch_values at = xo_branches_from(gradient, c, k);
        xo_factor *own = NULL;
        status = xo_factor_gated(&own, f->plan, f->cell_siemens, gate + k * c->rows, info);
        if (!status)
            status = gradient_by_factor(own, 1, gate + k * c->rows, column, &at, info);
        xo_factor_free(own);
    }
    return status;
}

int xo_gradient(xo_factor *f, size_t inputs, const double *row_volt, size_t column, struct xo_branch_values *gradient,
                struct xo_info *info)
{
    const xo_circuit *c = f->plan->circuit;
    if (column >= c->columns)
        return xo_fail(info, XO_EVALUE, "gradient of column %zu; expected a column below %zu", column, c->columns);
    int status = xo_check_inputs(c, inputs, row_volt, info);
    if (!status && c->input == XO_INPUT_GATE)
        return gradient_gated(f, inputs, row_volt, column, gradient, info);
    if (!status && f->plan->table->gradient) {
        status = f->plan->table->gradient(f, inputs, row_volt, column, gradient);
        if (status != XO_ENOTPROVEN || !xo_factor_may_turn(f))
            return status ? xo_fail(info, status, "engine line: %s", xo_strerror(status)) : 0;
        status = xo_factor_turn(f, NULL, info);
    }
    return status ? status : gradient_by_factor(f, inputs, row_volt, column, gradient, info);
}
