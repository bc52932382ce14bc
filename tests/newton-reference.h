/* The second way for nonlinear cells: Kirchhoff's law in quadruple precision, Newton steps by a banded LDL^T in
 * double, from xo_crossbar.h alone.  Shares no line with solver/.  Arrays driven at the left, sensed at the bottom,
 * every resistance above 0, no faults, no special lines.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef NEWTON_REFERENCE_H
#define NEWTON_REFERENCE_H

#include "reference.h"

/* Current [A] through a cell of that description at volt, and its slope. */
quad newton_reference_cell(const struct xo_crossbar *x, double siemens, double series_ohm, quad volt, double *slope);

/* Column currents of one input [columns]; returns 0, or -1 if it does not settle. */
int newton_reference(const struct xo_crossbar *x, const double *cell_siemens, const double *row_volt,
                     quad *column_amp);

#endif
