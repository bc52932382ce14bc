/* Currents of zero-ohm branches: no law of their own, only Kirchhoff's (internal).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_ZERO_OHM_H
#define XO_ZERO_OHM_H

#include "circuit.h"

struct xo_zero_ohm;

int xo_zero_ohm_new(struct xo_zero_ohm **out, const xo_circuit *c);
void xo_zero_ohm_free(struct xo_zero_ohm *z);

/* amp [branches] holds the current of every other branch, from -> to; fill in the zero-ohm ones, NaN where parallel
 * zero-ohm paths leave the split undefined.  inflow [nodes + terminals + 1] is scratch. */
void xo_zero_ohm_currents(const struct xo_zero_ohm *z, const xo_circuit *c, double *amp, double *inflow);

#endif
