/* Converters of the fast crossbar model: digital to analogue in front of the array, analogue to digital behind it.
 * Parameters and formulas are those of the hardware file (MAPPING: Converters and decoding).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_CONVERTER_H
#define XO_CONVERTER_H

#include <stddef.h>
#include <stdint.h>
#include "xo_hardware.h"               /* struct xo_dac, xo_adc, xo_gain: plain data */

#ifdef __cplusplus
extern "C" {
#endif

/* gauss: a sample of N(0, 1) for the noise, 0 for none.  Rounding is half to even everywhere. */

/* v = read_volt t (1 + gain_error) + offset_volt + sum_k inl_volt[k] t^k + noise_volt gauss,
 * t = digit/(2^bits - 1). */
double xo_dac_volt(const struct xo_dac *dac, unsigned digit, double gauss);
/* The digit whose noiseless voltage is nearest (the lower one of two). */
unsigned xo_dac_nearest(const struct xo_dac *dac, double volt);

/* A range: current of code 0 and step [A].  0 A is always exactly a code: low is a whole number of steps. */
struct xo_adc_scale { double low_ampere, lsb_ampere; };

/* One input level times one weight level: read_volt/(2^a - 1) (on - off)/(2^c - 1). */
double xo_unit_ampere(const struct xo_dac *dac, const struct xo_device *device);

/* Range by the rule: full and granular from the array's numbers, fixed from the file, calibrated from currents seen
 * (the quantiles, widened to 0 A; where all are 0, the granular range).
 *   device        off_siemens 0 where unused cells are open
 *   signed_codes  subtract: analog
 *   currents      [count] only for calibrated: gain times current where gain is applied in the reference; reordered
 * XO_EVALUE: one bit for signed codes, a fixed range without 0 A, no or not finite currents. */
int xo_adc_range(struct xo_adc_scale *out, const struct xo_adc *adc, const struct xo_dac *dac,
                 const struct xo_device *device, size_t rows, int signed_codes, size_t count, double *currents,
                 struct xo_info *info);

/* code = clamp(round(z (1 + gain_error) + offset_lsb + sum_k inl_lsb[k] t^k + noise_lsb gauss), 0, 2^bits - 1),
 * z = (ampere - low)/lsb, t = z/(2^bits - 1); and back: low + code lsb. */
unsigned xo_adc_code(const struct xo_adc *adc, const struct xo_adc_scale *scale, double ampere, double gauss);
double xo_adc_ampere(const struct xo_adc_scale *scale, unsigned code);
/* The rounded value before it is clamped: below 0 or above 2^bits - 1 the conversion is clipped. */
double xo_adc_unclamped(const struct xo_adc *adc, const struct xo_adc_scale *scale, double ampere, double gauss);

/* Gain in the reference: low and lsb divided by it, so that 0 A stays a code; what is read is multiplied by it. */
struct xo_adc_scale xo_adc_scale_at_gain(struct xo_adc_scale scale, double gain);

#ifdef __cplusplus
}
#endif
#endif
