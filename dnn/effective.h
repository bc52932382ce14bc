/* What a layer's arrays multiply by, wires and sneak paths included.  Private to dnn/.
 * For ohmic cells and driven inputs the currents of an array are I = V^T G_ni, so what decoding makes of them before
 * any converter is linear in the inputs too.  In units of weight steps, step = (on - off)/(2^c - 1), off 0 where
 * unused cells are open, input i of a block counts for output p
 *     sum over the conversions of p   weight  x  (g (G+ - G-)/step               subtract: analog
 *                                                 g G/step - off/step             off_current: popcount
 *                                                 g G/step - g_r G_r/step         reference_column, r that column
 *                                                 g G/step)                       none
 * less 2^(b_w-1) where sign: offset stores that much too much; g, g_r: gains, weight: 2^(c slice) with its sign.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_EFFECTIVE_H
#define XO_EFFECTIVE_H

#include "engine_private.h"

/* sum [m.inputs][m.outputs] out, of matrix number `matrix`: without wires the integers q exactly.
 * XO_EUNSUPPORTED of xo_check_linear; what xo_circuit_new, xo_batch_new and xo_batch_matrix say; ENOMEM. */
int xo_effective_sums(double *sum, const struct xo_array_layer *l, size_t matrix, int threads, struct xo_info *info);

/* The same as a layer's weights and bias in float32: y = sum W x + b for inputs x that are not quantised.  Of a model
 * with its own integers: for x = s_x (x_q - z_x), as DequantizeLinear gives it.
 * Block-diagonal matrices whose blocks the circuit couples become one dense matrix. */
struct xo_effective {
    size_t groups, inputs, outputs;    /* of a group: the layer's, or 1 and all                   */
    float *weight;                     /* [groups][inputs][outputs]                               */
    float *bias;                       /* [groups * outputs]                                      */
    bool biased;                       /* is any bias not 0?                                      */
};
/* As above; XO_ETOOBIG where a dense matrix would take more than 2 GiB. */
int xo_effective_new(struct xo_effective *out, const struct xo_array_layer *l, int threads, struct xo_info *info);
void xo_effective_free(struct xo_effective *e);

#endif
