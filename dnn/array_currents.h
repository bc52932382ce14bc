/* Currents of whole arrays.  Private to dnn/.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_DNN_ARRAY_CURRENTS_H
#define XO_DNN_ARRAY_CURRENTS_H

#include "audit.h"

/* Currents [rows][XO_STRIP] of a strip, in I_unit, i0 among them; rows need their digits.  Exactly where the thread
 * wants it, which then also notes how good that is. */
int xo_array_currents(double *current, struct xo_engine_thread *t, const struct xo_array_layer *l,
                      const struct xo_row_block *r, const struct xo_strip *s, const struct xo_rows *rows);
/* The same without i0; NULL: failed. */
const float *xo_array_strip(struct xo_engine_thread *t, const struct xo_array_layer *l, const struct xo_row_block *r,
                            const struct xo_strip *s, const struct xo_rows *rows);

/* What the stage has for the same rows: its errors onto t->error. */
int xo_compare_currents(struct xo_engine_thread *t, const struct xo_array_layer *l, const struct xo_row_block *r,
                        const struct xo_strip *s, const struct xo_rows *rows, const double *exact);

#endif
