/* Fast models of arrays of nonlinear cells.  Private to dnn/.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_DNN_FITTED_H
#define XO_DNN_FITTED_H

#include "engine_private.h"
#include "xo_calibrate.h"

/* Of a hardware. */
struct xo_fitted {
    xo_tile_fitter *fitter;            /* NULL: cells are ohmic                */
};
int xo_fitted_new(struct xo_fitted *n, const struct xo_hardware *h, double tolerance, struct xo_info *info);
void xo_fitted_free(struct xo_fitted *n);

/* Which stage a layer's arrays get: a few of them decide.  Into l->loss.choice and l->array. */
int xo_fitted_choose(const struct xo_fitted *n, struct xo_array_layer *l, struct xo_info *info);

struct xo_fitted_array {
    size_t number;                     /* in the layer                         */
    size_t first_input, inputs;        /* of all inputs of the layer: its rows */
    const double *cell_siemens;
    struct xo_tile_model model;
};
int xo_fitted_fit(const struct xo_fitted *n, const struct xo_array_layer *l, const struct xo_fitted_array *a,
                  struct xo_info *info);         /* several threads at a time */

#endif
