/* Checking the engine against the solver.  Private to dnn/.
 *     certify.c      a certified twin of every strip
 *     audit.c        images run end to end on both
 *     audit_tiles.c  single arrays with their real inputs, by cholmod and by ngspice
 *     code_pairs.c   what ideal codes become: noise and error tables for other tools
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_AUDIT_H
#define XO_AUDIT_H

#include "engine_private.h"
#include "eval.h"
#include "xo_solver.h"

/* The circuit of a layer's arrays, dac.output_ohm among the drivers, planned for cholmod. */
struct xo_layer_circuit {
    double *driver_ohm;
    xo_circuit *circuit;
    xo_plan *plan;
};
int xo_layer_circuit(struct xo_layer_circuit *out, const struct xo_hardware *h, struct xo_info *info);
void xo_layer_circuit_free(struct xo_layer_circuit *c);

/* Where each block of a layer lies, in the order of their numbers; the caller frees it.  NULL: no memory. */
struct xo_site_of_block { size_t matrix, row_block, column_block; };
struct xo_site_of_block *xo_sites_of(const struct xo_array_layer *l);

/* Fill in `certified` of all strips.  bound_rel out: no entry of any matrix is further than this share of it from
 * exact.  What xo_circuit_new, xo_factor_new and xo_matrix say; ENOMEM. */
int xo_certify_arrays(xo_engine_dnn *e, int threads, double *bound_rel, struct xo_info *info);

/* audit_tiles.c: images [images] are numbers among the scored ones. */
int xo_audit_tiles(struct xo_eval_audit *out, struct xo_eval *e, xo_engine_dnn *engine, enum xo_stage stage,
                   size_t tiles, size_t images, const size_t *image, const struct xo_ngspice_options *judge,
                   struct xo_info *info);

/* One scored image as the network takes it. */
int xo_audit_image(float *pixels, const struct xo_eval *e, size_t image, struct xo_info *info);

#endif
