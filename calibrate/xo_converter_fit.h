/* Converters measured on their own circuits -> the numbers of `dac:` and `adc:` in the hardware file.
 *     xo_converter_drive()    the engineer's deck -> the same deck, its inputs driven by one sweep
 *     (xo_ngspice_run_text)       what that deck puts out along the sweep
 *     xo_adc_transitions()    codes along the sweep -> the inputs at which they change
 *     xo_dac_fit(), xo_adc_fit()
 * Both converters obey one law, in LSB (MAPPING: Inputs, Converters and decoding), t = 0..1 over the full scale:
 *     y = (2^bits - 1) t (1 + gain_error) + offset + sum over k = 2..n of inl_k t^k
 * inl_1 would be the same as gain_error and is held at 0.  n is given or chosen by Akaike's criterion.
 * Intervals take n for granted (chosen by the same data they hold less often; --inl and inl_terms fix it).  They are
 * those of least squares with independent normal errors (Student's t; chi square for the scatter).
 * A simulated sweep has no noise: there the scatter is what the law cannot follow, its errors hang together,
 * and the intervals say how well the numbers are determined, not how true the law is.
 *
 * GSL allocates inside and, by default, aborts the program when memory runs out: a program that cares calls
 * gsl_set_error_handler_off() first.  Nothing else here can reach that handler; arguments are checked before.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_CONVERTER_FIT_H
#define XO_CONVERTER_FIT_H

#include <stddef.h>
#include "xo_hardware.h"               /* XO_MAX_INL */
#include "xo_status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A number and its 95 % interval; both ends NaN where as many numbers were fitted as points were given. */
struct xo_fitted {
    double value, low95, high95;
};

#define XO_INL_BY_AIC (-1)           /* as many terms, up to XO_INL_AIC_MOST, as Akaike's criterion (AICc) pays for */
#define XO_INL_AIC_MOST 5

struct xo_converter_fit {
    size_t points;
    int inl_terms;                     /* n; 1: none                                                         */
    struct xo_fitted gain_error;
    struct xo_fitted offset;           /* dac: V; adc: LSB; and so the next two                              */
    struct xo_fitted inl[XO_MAX_INL];  /* [k-1] belongs to t^k; [0] is 0                                     */
    struct xo_fitted noise;            /* scatter: sqrt(sum of squares/(points - parameters)); 0 if unknown   */
    double residual_rms_lsb, residual_max_lsb;
    size_t worst_point;                /* where the largest residual is                                      */
};

/* Fit a DAC to what it puts out.
 *   bits          1 to 16
 *   read_volt     the ideal voltage of the highest code, above 0; held, since it and gain_error are one number
 *   inl_terms     0 or 1: none; 2 to XO_MAX_INL; or XO_INL_BY_AIC
 *   code, volt    [points]
 *   residual_lsb  [points] out, may be NULL: measured - fitted
 * XO_EVALUE for arguments out of range, NaN or infinity; XO_ESHAPE for too few different codes; XO_ESINGULAR if they
 * do not tell the parameters apart; ENOMEM.  On failure outputs are untouched. */
int xo_dac_fit(struct xo_converter_fit *out, int bits, double read_volt, int inl_terms, size_t points,
               const double *code, const double *volt, double *residual_lsb, struct xo_info *info);

/* Fit an ADC to its readings before rounding: of a stage with an analogue output, that output in LSB; of codes, their
 * transitions.
 *   bits         1 to 24
 *   low, high    inputs that are code 0 and code 2^bits - 1 in the ideal converter, low < high [A, or V] */
int xo_adc_fit(struct xo_converter_fit *out, int bits, double low, double high, int inl_terms, size_t points,
               const double *input, const double *reading_lsb, double *residual_lsb, struct xo_info *info);

/* Where codes change along a rising sweep of equal steps.  Between code k and the next the reading before rounding
 * is k + 1/2; the input is placed by counting the samples at or below k, so that noise moves it to neither side.
 *   input, code  [points] rising; whole numbers 0 to 2^bits - 1
 *   level        [2^bits - 1] out: input at a transition;  reading_lsb [2^bits - 1] out: k + 1/2
 *   count        out: how many transitions lie inside the sweep
 * A missing code gives two transitions at one input.  XO_EVALUE if the code does not rise or is not whole. */
int xo_adc_transitions(size_t *count, int bits, size_t points, const double *input, const double *code,
                       double *level, double *reading_lsb, struct xo_info *info);

/* Drive inputs of a deck by expressions of V(xosweep), a node added with its source Vxosweep, so that any number of
 * them follows one `dc vxosweep 0 N 1`. */
struct xo_drive {
    const char *name;                  /* a voltage or current source of the deck: keeps its name, place and sign, a
                                          voltage source as an ammeter in series.  Or a node: the source that ties it
                                          to ground if there is one, else a source is added */
    const char *expression;            /* in ngspice's syntax, V or A */
    int current;                       /* in: a node without a source takes a current, from ground into the node;
                                          out: what the expression became */
};

/* Names are case-insensitive; lines inside .subckt are left alone.  Unless the deck sets reltol itself, ngspice's
 * tolerances are tightened.  *driven is freed by the caller with free().
 * XO_EVALUE for a name that the deck does not have, or has no place for; ENOMEM. */
int xo_converter_drive(char **driven, const char *deck, const char *deck_name, size_t count, struct xo_drive *drives,
                       struct xo_info *info);

#ifdef __cplusplus
}
#endif
#endif
