/* Fast models of arrays of nonlinear cells.  Private to dnn/.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_DNN_FITTED_H
#define XO_DNN_FITTED_H

#include "engine_private.h"
#include "xo_calibrate.h"

/* Of a hardware.  tolerance 0: XO_FIT_TOLERANCE, and no corrections, which cost so much that they are to be asked
 * for. */
int xo_fitted_new(xo_tile_fitter **out, const struct xo_hardware *h, double tolerance, struct xo_info *info);

/* Which stage a layer's arrays get: a few of them decide.  Into l->loss.choice and l->array. */
int xo_fitted_choose(xo_tile_fitter *fitter, struct xo_array_layer *l, struct xo_info *info);

struct xo_fitted_array {
    size_t number;                     /* in the layer                         */
    size_t first_input, inputs;        /* of all inputs of the layer: its rows */
    const double *cell_siemens;
    struct xo_tile_model model;
};
int xo_fitted_fit(const xo_tile_fitter *fitter, const struct xo_array_layer *l, const struct xo_fitted_array *a,
                  struct xo_info *info);         /* several threads at a time */

#endif
