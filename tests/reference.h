/* The second way: crossbar currents in quadruple precision, written from xo_crossbar.h alone.
 *
 * It shares no line with solver/, and is simple rather than fast.  Two methods that check each other:
 *   reference_solve_dense()  modified nodal analysis: every node a voltage unknown, every source and zero-ohm
 *                            branch a current unknown, one dense LU with partial pivoting; up to about 6x6
 *   reference_new(), ...     nodal equations with zero-ohm nodes merged; LDL^T in double inside an envelope,
 *                            refined against Kirchhoff's law in quadruple precision until nothing changes
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REFERENCE_H
#define REFERENCE_H

#include <stddef.h>
#include <stdint.h>
#include "xo_crossbar.h"

__extension__ typedef __float128 quad;

enum reference_status {
    REFERENCE_OK,
    REFERENCE_CONFLICT,                /* zero-ohm path between different voltages */
    REFERENCE_DIVERGED,                /* the refinement did not settle: no answer */
    REFERENCE_NO_MEMORY
};

/* Add siemens to one branch, for finite differences of any fineness; cells: to the programmed conductance. */
enum reference_branch_kind {
    REFERENCE_CELL, REFERENCE_ROW_WIRE, REFERENCE_COLUMN_WIRE, REFERENCE_DRIVER, REFERENCE_SENSE, REFERENCE_BRIDGE
};
struct reference_change {
    enum reference_branch_kind kind;
    size_t end, row, column;           /* end: 0 or 1, in the order left,right / top,bottom */
    quad siemens;
};

/* Terminals are numbered rows first: word line i is i, bit line j is rows + j. */
struct reference;

/* One programmed array; change may be NULL.  NULL if there is no memory. */
struct reference *reference_new(const struct xo_crossbar *x, const double *cell_siemens,
                                const struct reference_change *change);
void reference_free(struct reference *r);

/* Columns whose terminals are joined by zero ohm; then they share their sum equally. */
int reference_column_is_shared(const struct reference *r, size_t column);

/* Terminals of any kind joined by zero ohm. */
int reference_terminals_are_joined(const struct reference *r);

/* One input.
 *   row_volt    [rows]
 *   column_amp  [columns]
 *   node_volt   [2][rows][columns], NaN on islands; may be NULL */
int reference_run(struct reference *r, const double *row_volt, quad *column_amp, quad *node_volt);

/* s_j = sum over other terminals t of y_tj (|V_t| + |V_j|), [columns]. */
int reference_scale(struct reference *r, const double *row_volt, quad *scale_amp);

/* y_tj [rows + columns] for one column; y_jj is 0.  Not copied: valid until reference_free.  NULL on failure. */
const quad *reference_couplings(struct reference *r, size_t column);

/* One array, one input, either way. */
int reference_solve(const struct xo_crossbar *x, const double *cell_siemens, const double *row_volt,
                    quad *column_amp, quad *node_volt);
int reference_solve_dense(const struct xo_crossbar *x, const double *cell_siemens, const double *row_volt,
                          quad *column_amp, quad *node_volt);

static inline quad quad_abs(quad a) { return a < 0 ? -a : a; }

#endif
