/* From a solved block to the arrays the caller asked for (internal).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_OUTPUTS_H
#define XO_OUTPUTS_H

#include "plan.h"
#include "zero_ohm.h"

/* What storing needs besides the block; one per thread. */
struct xo_outputs {
    struct xo_zero_ohm *zero_ohm;      /* shared; NULL unless branch currents are asked for             */
    double *branch_amp;                /* [branches]                                                    */
    double *inflow;                    /* [nodes + terminals]                                           */
};

/* Conductance of a branch; 0 when it is open or zero ohm. */
dd xo_branch_siemens(const xo_factor *f, size_t branch);

/* Each stores lanes 0..lanes-1 of the block as inputs first, first + 1, ... where a pointer is given. */
void xo_store_voltages(const xo_factor *f, const struct xo_scratch *s, size_t first, int lanes, double *node_volt);
void xo_store_branches(const xo_factor *f, const struct xo_scratch *s, const struct xo_outputs *o, size_t first,
                       int lanes, const struct xo_branch_values *amp);
/* Returns the largest |power in - power dissipated| / power in of the block. */
double xo_store_power(const xo_factor *f, const struct xo_scratch *s, size_t first, int lanes,
                      const struct xo_solution *out);

#endif
