/* Best matrices of arrays of nonlinear cells.  Private to dnn/.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_DNN_FITTED_H
#define XO_DNN_FITTED_H

#include "engine_private.h"
#include "xo_calibrate.h"

/* Of a hardware. */
struct xo_fitted {
    xo_tile_fitter *fitter;            /* NULL: cells are ohmic                */
    size_t levels;
    double *function_volt;             /* [levels] what a digit is worth       */
};
int xo_fitted_new(struct xo_fitted *n, const struct xo_hardware *h, struct xo_info *info);
void xo_fitted_free(struct xo_fitted *n);

/* Digits as the fitted matrices take them. */
void xo_fitted_levels(const struct xo_fitted *n, struct xo_array_layer *l);

struct xo_fitted_array {
    size_t number;                     /* in the layer                         */
    size_t first_input, inputs;        /* of all inputs of the layer: its rows */
    const double *cell_siemens;
    double *g_ni_siemens, *offset_amp;
};
int xo_fitted_fit(const struct xo_fitted *n, const struct xo_array_layer *l, const struct xo_fitted_array *a,
                  struct xo_info *info);         /* several threads at a time */

/* A few arrays of the layer are compared with exact currents: into l->loss. */
int xo_fitted_check(const struct xo_fitted *n, struct xo_array_layer *l, const struct xo_fitted_array *a,
                    struct xo_info *info);

#endif
