/* What layers*.c share.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_LAYERS_PRIVATE_H
#define XO_LAYERS_PRIVATE_H

#include "layers.h"

/* Where the weight of group g, input k, output p lies in a constant: g step_group + k step_input + p step_output. */
struct xo_steps { size_t group, input, output; };

/* Integers of a layer whose weight is that value, if weight and input are both quantised.  XO_EVALUE: a scale that is
 * not above 0. */
int xo_layer_integers(struct xo_layers *out, struct xo_layer *l, const struct xo_graph *g, size_t weight,
                      struct xo_steps steps, struct xo_info *info);

/* A BatchNormalization that alone reads the layer's result, into its weights. */
int xo_layer_fold(struct xo_layer *l, const struct xo_graph *g, struct xo_info *info);

/* A constant vector of so many float32; NULL if the value is none. */
const float *xo_constant_vector(const struct xo_graph *g, size_t value, size_t count);

/* Integers of a list attribute: out[count], `otherwise` where it is absent; false if it has another length or
 * anything outside low..high. */
bool xo_attribute_ints(const struct xo_graph_node *n, const char *name, size_t count, int64_t low, int64_t high,
                       int64_t otherwise, int64_t *out);

#endif
