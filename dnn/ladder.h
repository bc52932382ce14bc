/* What the parts of gated layers share.  Private to dnn/.
 *     ladder.c          conductances -> rungs, exactly and in float32
 *     ladder_figures.c  what wires take, gains, how good float32 is
 *     ladder_rows.c     rows of digits -> which rungs are on -> currents
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_DNN_LADDER_H
#define XO_DNN_LADDER_H

#include "audit.h"

/* Of a strip's columns on one side. */
struct xo_exact_rungs {
    double *siemens;                   /* [inputs][XO_STRIP]                                      */
    double *position, *second_position;        /* [inputs + 1][XO_STRIP] second NULL: ends at one side */
    double end_ohm[XO_STRIP], volt[XO_STRIP];
};

/* I_unit, of the rungs listed, the farthest first. */
double xo_exact_current(const struct xo_exact_rungs *e, const uint16_t *rung, size_t count, size_t inputs,
                        size_t lane);

static inline struct xo_strip *xo_ladder_strip(const struct xo_row_block *r, size_t k)
{
    return k < r->strips ? &r->strip[k] : &r->reference[k - r->strips];
}

static inline const struct xo_conversion *xo_ladder_conversion(const struct xo_array_layer *l,
                                                               const struct xo_strip *s, size_t lane)
{
    return &l->layout.conversion[s->lane[lane].conversion % l->layout.conversions];
}

/* NF, the oracle's gains and the bound, from the exact rungs; XO_EUNSUPPORTED where float32 would overflow. */
int xo_ladder_figures(struct xo_array_layer *l, bool top_is_far, struct xo_info *info);
/* A strip in the middle of the layer, some random gates: float32 against double. */
int xo_ladder_sample(struct xo_array_layer *l, const struct xo_kernels *kernels, bool top_is_far);

#endif
