/* What measures of speed share (internal).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_SPEED_INTERNAL_H
#define XO_SPEED_INTERNAL_H

#include <stddef.h>

/* One thread is timed by the seconds it computed, so that what else runs on the machine disturbs less. */
double xo_speed_now_sec(int threads);

/* Uniform in low to high; free().  NULL without memory. */
float *xo_speed_numbers(size_t count, float low, float high, unsigned seed);

#endif
