/* What a network loses on arrays: calibrate, run stage by stage, count.
 *     xo_eval_new()     network, hardware, data -> checked, weights quantised, ranges and gains calibrated
 *     xo_eval_run()     every scored image through every stage, with checkpoints
 *     xo_eval_result()  accuracies with intervals, paired statistics, figures per layer
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_EVAL_H
#define XO_EVAL_H

#include <stddef.h>
#include <stdint.h>
#include "xo_data.h"
#include "xo_hardware.h"
#include "xo_network.h"

#ifdef __cplusplus
extern "C" {
#endif

enum xo_eval_stage { XO_EVAL_FP32, XO_EVAL_QUANTISED, XO_EVAL_CONVERTERS, XO_EVAL_CIRCUIT, XO_EVAL_STAGES };
const char *xo_eval_stage_name(enum xo_eval_stage stage);   /* "fp32", "quantised", "converters", "circuit" */

/* A share with its interval (Wilson 1927, 95 %): inside 0..1 for any count.  count 0: 0, between 0 and 1. */
struct xo_share { double value, low95, high95; };
struct xo_share xo_share_of(size_t hits, size_t count);

/* Two networks on the same images: what lies between their accuracies.
 *   hit_a, hit_b [count]  0 or 1: was the image's label found?
 *   difference            accuracy of b minus accuracy of a
 *   low95, high95         its paired percentile bootstrap interval (images drawn with replacement), in the limit of
 *                         infinitely many draws, which is computed: no random numbers, no seed
 *   only_a, only_b        images that only one of them got right
 *   p                     McNemar's exact test, two-sided: could only_a and only_b come from a fair coin?
 *   resolved              1 if the interval excludes 0
 * XO_EVALUE for count 0 or another hit than 0 and 1, ENOMEM. */
struct xo_paired { double difference, low95, high95, p; size_t only_a, only_b; int resolved; };
int xo_paired_of(struct xo_paired *out, size_t count, const unsigned char *hit_a, const unsigned char *hit_b);

#ifdef __cplusplus
}
#endif
#endif
