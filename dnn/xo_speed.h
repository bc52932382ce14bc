/* How fast this machine evaluates a network on arrays: for benchmarks.
 * The layers of ResNet-20 for 32 x 32 images (He et al., CVPR 2016), with random weights and inputs, on 64 x 64 tiles
 * with 2-bit cells, 1-bit streams of 8-bit inputs and 8-bit ADCs with calibrated ranges: digits by conductances, ADC,
 * shift-add, scaling, all of it.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_SPEED_H
#define XO_SPEED_H

#include "xo_eval.h"

#ifdef __cplusplus
extern "C" {
#endif

struct xo_speed {
    double operations;                 /* an image: 2 x multiply-adds x streams x columns read for an output */
    double sec;                        /* an image on one of the threads, all at work; best of five          */
};

/* Every thread evaluates so many images.  One thread is timed by the seconds it computed, so that what else runs on
 * the machine disturbs less; more by the clock.  Stage XO_EVAL_QUANTISED: integer sums alone, and their operations;
 * XO_EVAL_CIRCUIT: arrays with wires of 1 ohm a segment, drivers and senses of 100 ohm.
 * XO_EVALUE for no images, ENOMEM. */
int xo_speed_of_evaluation(struct xo_speed *out, enum xo_eval_stage stage, size_t images, int threads,
                           enum xo_simd simd, struct xo_info *info);

#ifdef __cplusplus
}
#endif
#endif
