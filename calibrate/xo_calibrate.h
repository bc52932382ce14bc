/* Exact results -> fast model, and how far currents are apart.
 *     xo_fit_array()        one programmed array -> its fast model: matrices, ADC ranges, gain, held-out error
 *     xo_fit_technology()   a hardware description -> the recipe, and its error held out over arrays and inputs
 *     xo_error_of()         currents against exact ones -> rms, largest, 95 % interval
 *     xo_nonideality()      what the wires take, column by column
 *     xo_code_flips()       what that does to the ADC's codes
 * Row-major arrays, SI units.  Random draws depend on the seed of the hardware file alone.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_CALIBRATE_H
#define XO_CALIBRATE_H

#include <stddef.h>
#include "xo_fcm.h"
#include "xo_hardware.h"
#include "xo_solver.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- fitting -------------------------------------------------------------------------------------- */

/* A file that a fit rests on: its sha256 goes into the provenance under this name. */
struct xo_fit_source { const char *name, *path; };

#define XO_MOST_HELD_OUT ((size_t)1 << 24)

#define XO_FIT_TOLERANCE 1e-3

/* How to fit.  All zero is a good choice. */
struct xo_fit_options {
    enum xo_engine engine;             /* CHOLMOD (AUTO means it too): every entry certified; or STARMESH      */
    int by_ngspice;                    /* 1: the matrix is ngspice's, see below; array scope only              */
    double ngspice_limit_sec;          /* 0: 600                                                               */
    int threads;                       /* 0: one.  Results do not depend on it                                 */
    size_t held_out_inputs;            /* per array; 0: 64, at most XO_MOST_HELD_OUT                           */
    size_t training_inputs;            /* nonlinear cells, per array; 0: eight a row, 512 .. 4096              */
    double tolerance;                  /* nonlinear cells: the cheapest stage whose held-out rms error is no   */
                                       /* larger, over all inputs and for nine in ten, is taken, else the      */
                                       /* best; 0: XO_FIT_TOLERANCE                                            */
    size_t held_out_arrays;            /* technology scope; 0: 8, at most XO_MOST_HELD_OUT                     */
    const char *command;               /* for the provenance; may be NULL                                      */
    size_t sources;
    const struct xo_fit_source *source;
    int (*progress)(void *user, double fraction);      /* may be NULL; non-zero return stops: XO_ESTOPPED      */
    void *user;
};

/* Fit the fast model of one programmed array.  h must be finished for rows x columns.
 * Nonlinear cells: inputs are drawn within the range of validity (from the voltages of row_volt, some of its inputs
 * among them) and solved exactly; every stage of enum xo_fcm_stage is fitted to them and tried on others, and the
 * cheapest within the tolerance becomes the model's.  The list of all is in out->candidate.
 *   cell_siemens [rows][columns]
 *   row_volt     [inputs][rows]  what the array will see: fixes calibrated ADC ranges and the range of validity;
 *                                NULL with inputs 0: uniform over the codes of the DAC
 * dac.output_ohm is added to driver_ohm: here the converters are part of the circuit.  ADC codes carry a sign only
 * where a current that was seen does.  Release *out with xo_fcm_free.  What xo_factor_new, xo_matrix and
 * xo_adc_range return; XO_EUNSUPPORTED for engine klu, XO_ETOOBIG for too many held out.
 * by_ngspice: G_ni and i0 come from xo_ngspice_matrix, the model is not called exact and has no bounds, and its
 * held-out error is the distance of that matrix from currents that `engine` solves and certifies.  XO_EJUDGE too. */
int xo_fit_array(struct xo_fcm *out, const struct xo_hardware *h, const double *cell_siemens, size_t inputs,
                 const double *row_volt, const struct xo_fit_options *options, struct xo_info *info);

/* Store the hardware description and the recipe (of nonlinear cells the stage to fit an array with); state the error
 * of that recipe on arrays drawn from the device's levels and inputs drawn from the DAC's, neither used for anything
 * else. */
int xo_fit_technology(struct xo_fcm *out, const struct xo_hardware *h, const struct xo_fit_options *options,
                      struct xo_info *info);

/* What one conductance matrix would be worth where inputs go to gates and none is exact.  Two of them: the best one
 * (least squares on inputs of its own) and that of rows switched on one by one; errors on inputs that neither has
 * seen, over full scale.  Inputs are gates drawn on or off, each row with the input's own chance, uniform in 0..1. */
struct xo_one_matrix {
    size_t fitted_inputs, held_out_inputs;
    double best_rms, best_max, rows_rms, rows_max, full_scale_ampere;
};
/* column_rms [2][columns] out, may be NULL: rms errors by column, of the best and of rows one by one.
 * XO_EVALUE where inputs are not gates, XO_ETOOBIG beyond XO_MOST_ONE_MATRIX_ROWS; what xo_factor_new and xo_solve
 * say. */
#define XO_MOST_ONE_MATRIX_ROWS 2048
int xo_one_matrix_error(struct xo_one_matrix *out, const struct xo_hardware *h, const double *cell_siemens,
                        double *column_rms, struct xo_info *info);

/* Matrices for many arrays of nonlinear cells of one hardware, as networks need them: few input levels, one matrix an
 * array.  I_j = i0_j + sum_i A[i][j] b(V_i), b the law of a cell of mean conductance; A by least squares over
 * currents of corrections (see xo_fcm.h), whose ladders were chosen against exact currents when the fitter was made.
 * A fitter may be shared by threads while they fit. */
typedef struct xo_tile_fitter xo_tile_fitter;

/* level_volt [levels]: what the DAC gives, digit 0 first.  function_volt [levels] out: b of them, the last one
 * unchanged.  XO_EUNSUPPORTED for ohmic cells and for arrays that are no ladders (bridges; both ends held without a
 * resistance); and what xo_factor_new and xo_solve return. */
int xo_tile_fitter_new(xo_tile_fitter **out, const struct xo_hardware *h, size_t levels, const double *level_volt,
                       double *function_volt, struct xo_info *info);
void xo_tile_fitter_free(xo_tile_fitter *t);

/* One array.
 *   cell_siemens [rows][columns]
 *   chance       [rows]  how likely a row is to be driven at another level than digit 0
 *   array        its number: inputs are drawn for it
 *   g_ni_siemens [rows][columns] A, offset_amp [columns] i0: out */
int xo_tile_fit(const xo_tile_fitter *t, const double *cell_siemens, const double *chance, size_t array,
                double *g_ni_siemens, double *offset_amp, struct xo_info *info);

/* How far its currents are from exact ones of other inputs.  One call at a time. */
struct xo_error;
int xo_tile_check(xo_tile_fitter *t, const double *cell_siemens, const double *chance, size_t array,
                  const double *g_ni_siemens, const double *offset_amp, struct xo_error *error, struct xo_info *info);

/* driver_ohm with dac.output_ohm added (source_end_ohm of topology source_row; nothing where inputs go to gates).
 * *memory (NULL where none is needed) is what driver->each borrows; the caller frees it.  0 or ENOMEM. */
int xo_driver_with_dac(struct xo_values *driver, double **memory, const struct xo_hardware *h);
struct xo_values *xo_driver_of(struct xo_crossbar *x);   /* where it belongs: source lines' ends are drivers too */

/* ---- gain: what undoes the mean loss in the wires -------------------------------------------------- */

/* gain_j = sum_i G_ij / sum_i G_ni,ij; scope array: ratio of the total sums; none: 1; 1 where either sum is 0.
 *   ideal_siemens  [rows][columns]  what xo_ideal_siemens says: 0 where G_ni is 0 because no input drives the row
 *   g_ni_siemens   [rows][columns];  factor [columns] out.  0 or ENOMEM. */
int xo_gain_oracle(enum xo_gain_scope scope, size_t rows, size_t columns, const double *ideal_siemens,
                   const double *g_ni_siemens, double *factor);

/* Least squares through the origin of ideal on read-out currents: sum ideal read / sum read^2.
 *   ideal_amp, read_amp [inputs][columns];  factor [columns] out.  0 or ENOMEM. */
int xo_gain_least_squares(enum xo_gain_scope scope, size_t inputs, size_t columns, const double *ideal_amp,
                          const double *read_amp, double *factor);

/* The same from a measurement: m->gain.vectors inputs through DAC, conductance stage and ADC with their noise.
 *   cell_siemens [rows][columns] as programmed;  m needs its matrices and ADC ranges
 *   row_volt     [inputs][rows] what the array will see: vectors are drawn from it, so that the ADC's range holds
 *                them; NULL with inputs 0: uniform over the codes of the DAC
 *   factor       [columns] out.  0 or ENOMEM. */
int xo_gain_measured(enum xo_gain_scope scope, const struct xo_fcm *m, const struct xo_crossbar *x,
                     const double *cell_siemens, size_t inputs, const double *row_volt, double *factor,
                     struct xo_info *info);

/* ---- measures ------------------------------------------------------------------------------------- */

/* A cell (the k-th, row-major) without wires, drivers, senses and faults; its series resistance R belongs to it:
 * G = g/(1 + g R), g as programmed. */
double xo_ideal_cell(const struct xo_crossbar *x, double siemens, size_t k);

/* All of them; 0 in rows that no input drives and in floating columns.
 *   cell_siemens, ideal_siemens [rows][columns] */
void xo_ideal_siemens(const struct xo_crossbar *x, const double *cell_siemens, double *ideal_siemens);

/* The column currents of these cells: sum_i I(V_i - S_j; g_ij), by their law, over the rows that are driven or held;
 * 0 for floating columns.  Input gate, ohmic cells: sum_i G_ij V_i (1 - S_j/source_volt), V_i the DAC's volts on the
 * gate, of which source_volt (not 0) switches it on.  cell_siemens as programmed;  ideal_amp [inputs][columns] out.
 * Of nonlinear cells XO_EVALUE where the law knows none such, and what xo_circuit_new returns; else 0. */
int xo_ideal_currents(const struct xo_crossbar *x, const double *cell_siemens, size_t inputs,
                      const double *row_volt, double *ideal_amp, struct xo_info *info);

struct xo_error {
    double full_scale_ampere;          /* largest |exact|                              */
    double rms, max, interval95[2];    /* of (amp - exact) / full scale                */
};
/* 0 or ENOMEM; all errors 0 where the full scale is 0.  amp, exact_amp [count] */
int xo_error_of(struct xo_error *out, size_t count, const double *amp, const double *exact_amp);

/* NF_j = (sum I_ideal - sum I) / sum I_ideal over inputs, NaN where ideal currents of both signs cancel or all are 0.
 *   ideal_amp, amp [inputs][columns];  factor [columns] out */
void xo_nonideality(size_t inputs, size_t columns, const double *ideal_amp, const double *amp, double *factor);

/* Share of conversions whose code differs between amp gain_j and ideal_amp, both through the same noiseless ADC; and
 * the share clipped at either end of the range.
 *   scale [columns];  gain [columns], NULL: 1;  clipped may be NULL */
double xo_code_flips(const struct xo_adc *adc, const struct xo_adc_scale *scale, size_t inputs, size_t columns,
                     const double *ideal_amp, const double *amp, const double *gain, double *clipped);

/* The q-quantile by linear interpolation; sorts value[count], count >= 1. */
double xo_quantile(double *value, size_t count, double q);

#ifdef __cplusplus
}
#endif
#endif
