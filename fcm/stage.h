/* The conductance stage, volts to amperes: linear, basis expansion, corrections.  Private to fcm/.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_FCM_STAGE_H
#define XO_FCM_STAGE_H

#include "xo_fcm.h"

/* Numbers that one thread needs for blocks of so many inputs; 0: none. */
size_t xo_stage_scratch(const struct xo_fcm *m, size_t inputs);

/* volt [inputs][rows] -> amp [inputs][columns]; scratch [xo_stage_scratch]. */
void xo_stage_run(const struct xo_fcm *m, enum xo_simd simd, size_t inputs, const double *volt, double *amp,
                  double *scratch);

/* b_k(V_i) for all functions beside each other: values [inputs][functions][rows]. */
void xo_basis_values(const struct xo_fcm_basis *b, size_t inputs, size_t rows, const double *volt, double *values);

/* Corrections of up to XO_LANES inputs, the last one repeated in lanes that are left. */
enum { XO_LANES = 8 };
size_t xo_correct_scratch(const struct xo_fcm *m);
void xo_correct(const struct xo_fcm *m, size_t inputs, const double *volt, double *amp, double *scratch);

/* Gated columns  (ladder.c). */
void xo_ladder_run(const struct xo_fcm *m, size_t inputs, const double *volt, double *amp);
double xo_channel_siemens(const struct xo_fcm *m, double volt);      /* of a transistor; INFINITY: a switch, on */
/* ... of nonlinear cells  (ladder_curves.c). */
size_t xo_curves_scratch(const struct xo_fcm *m);
void xo_curves_run(const struct xo_fcm *m, size_t inputs, const double *volt, double *amp, double *scratch);

#endif
