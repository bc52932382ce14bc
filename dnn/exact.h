/* Convolutions and products of a quantised model, computed from its integers.  Private to dnn/.
 *
 * Where an input is DequantizeLinear's, x = (x_q - z_x) s_x, and the weights are too, w = (w_q - z_w) s_w, sums are taken over
 * integers, held in float32 and thus exact up to 2^24, and scaled once:
 *     y = (float)((double)s_w s_x sum + (double)bias)
 * That is what the arrays compute in their ideal limit, and nearer to the model's own arithmetic than sums of rounded floats:
 * what is quantised again behind it falls on the same side of a half.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_EXACT_H
#define XO_EXACT_H

#include "operator.h"

struct xo_exact {
    float input_scale;
    size_t outputs;
    float *weight_scale;               /* [outputs]                                       */
    float *weight;                     /* [numbers of input 1] w/s_w: whole numbers       */
    float *input;                      /* [numbers of input 0] x/s_x, filled for each run */
};
/* *out NULL: not such a node.  Weights vary along `axis` of input 1 by output. */
int xo_exact_new(struct xo_exact **out, const struct xo_call *c, size_t axis);
void xo_exact_free(struct xo_exact *e);
const float *xo_exact_input(struct xo_exact *e, const struct xo_call *c);
/* In place: sums [rows][outputs][inner] -> y.  bias [outputs] or NULL. */
void xo_exact_scale(const struct xo_exact *e, float *y, size_t rows, size_t inner, const float *bias);

#endif
