/* What the two scopes of a fit share (internal).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_FIT_H
#define XO_FIT_H

#include "xo_calibrate.h"
#include "xo_ladder.h"

/* A circuit with its plan, ready to be programmed again and again. */
struct xo_programmed {
    struct xo_crossbar crossbar;       /* driver_ohm includes dac.output_ohm */
    double *memory;                    /* behind it, if there is one value per row */
    xo_circuit *circuit;
    xo_plan *plan;
    xo_factor *factor;
    const struct xo_fit_options *options;
};
int xo_programmed_new(struct xo_programmed *p, const struct xo_hardware *h, const struct xo_fit_options *options,
                      struct xo_info *info);
int xo_programmed_cells(struct xo_programmed *p, const double *cell_siemens, struct xo_info *info);
void xo_programmed_free(struct xo_programmed *p);

/* Size, converters, gain, seed and the canonical hardware file.  0 or ENOMEM. */
int xo_fit_describe(struct xo_fcm *m, const struct xo_hardware *h);

/* Program p and fill in description and matrices; ADC ranges and gain stay 1. */
int xo_fit_stage(struct xo_fcm *m, struct xo_programmed *p, const struct xo_hardware *h, const double *cell_siemens,
                 struct xo_info *info);

/* gated.c, where inputs go to gates: the ladders; the gain with all gates on; volts of the DAC as gates, and nothing
 * between its levels. */
int xo_fit_ladder(struct xo_fcm *m, const struct xo_crossbar *x, const double *cell_siemens, struct xo_info *info);
int xo_fit_curves(struct xo_fcm_ladder *to, const xo_ladder *l, struct xo_info *info);     /* gated_curves.c */
int xo_gain_all_on(const struct xo_fcm *m, const struct xo_crossbar *x, double *factor, struct xo_info *info);
int xo_snap_gates(const struct xo_fcm *m, size_t inputs, double *row_volt, double *gate);

/* The ranges of voltage, conductance and sparsity; inputs 0: what the DAC can give. */
void xo_fit_validity(struct xo_fcm *m, size_t inputs, const double *row_volt);

/* Options that do not go with this hardware; then the next one.  And the tolerance, the default filled in. */
int xo_fit_check(const struct xo_hardware *h, const struct xo_fit_options *options, struct xo_info *info);
double xo_fit_tolerance(const struct xo_fit_options *options);

/* XO_ETOOBIG if more are to be held out than XO_MOST_HELD_OUT. */
int xo_fit_check_held_out(const struct xo_fit_options *options, struct xo_info *info);

/* Draw inputs within the validity: each as sparse as chance says, its other voltages uniform, or from a pool.
 *   array     which one of several: no two draw the same inputs
 *   dense     share of inputs that are as dense as the range of validity allows
 *   pool      [pooled] voltages that the array will see; 0: none */
void xo_draw_inputs(const struct xo_fcm *m, int purpose, size_t array, size_t inputs, double dense,
                    size_t pooled, const double *pool, double *row_volt);

/* Draw inputs within the validity, solve the programmed array for them, apply the model.
 *   row_volt [inputs][rows], exact_amp, amp [inputs][columns]: out, allocated by the caller
 *   array    which one of several: no two draw the same inputs */
int xo_held_out_currents(const struct xo_fcm *m, struct xo_programmed *p, size_t array, size_t inputs,
                         double *row_volt, double *exact_amp, double *amp, struct xo_info *info);

/* The same, and the errors into m->validity; inputs 0: 64. */
int xo_fit_held_out(struct xo_fcm *m, struct xo_programmed *p, size_t inputs, struct xo_info *info);

/* Errors over all held-out currents of `arrays` arrays into m->validity. */
int xo_fit_state_error(struct xo_fcm *m, size_t arrays, size_t inputs, const double *amp, const double *exact_amp);

/* Cells of a random array: levels of the device, all as likely. */
void xo_draw_cells(const struct xo_hardware *h, size_t array, double *cell_siemens);

/* Lines "name: value": tool, command, method, seed, sha256 of every file the fit rests on. */
int xo_fit_provenance(char **out, const struct xo_hardware *h, const struct xo_fit_options *options,
                      const char *method, struct xo_info *info);

#define XO_METHOD_NONLINEAR "the cheapest stage within the tolerance, fitted to exact currents of nonlinear cells"
#define XO_METHOD_CURVES "ladders as described, cells by curves that miss no current by more than 1e-12 of it"
#define XO_HELD_OUT_INPUTS 64
#define XO_HELD_OUT_ARRAYS 8

#endif
