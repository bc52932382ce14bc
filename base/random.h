/* Random numbers by counter: what is drawn depends on its key alone, never on how many were drawn before, so that
 * any number of threads, ranks or resumed pieces draws the same (Salmon et al., SC'11: Philox4x64-10).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_RANDOM_H
#define XO_RANDOM_H

#include <stdint.h>

/* What a number is drawn for; two purposes never share numbers. */
enum xo_purpose {
    XO_FOR_DAC_NOISE = 1, XO_FOR_ADC_NOISE, XO_FOR_RANGE_INPUTS, XO_FOR_GAIN_INPUTS, XO_FOR_HELD_OUT_INPUTS,
    XO_FOR_ARRAYS, XO_FOR_VARIATION, XO_FOR_FAULTS, XO_FOR_AUDIT,
    XO_FOR_TRAINING_INPUTS
};

/* Where it belongs.  `place` counts cells, or inputs times lines; `instance` counts arrays, layers or tiles. */
struct xo_random_key {
    uint64_t seed;
    enum xo_purpose purpose;
    uint64_t instance, place;
};

double xo_random_uniform(struct xo_random_key key);         /* in (0, 1), 52 bits                */
double xo_random_gauss(struct xo_random_key key);           /* mean 0, variance 1 (Box, Muller)  */
uint32_t xo_random_below(struct xo_random_key key, uint32_t count);     /* 0 .. count - 1, count >= 1 */

#endif
