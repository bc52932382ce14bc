/* A DAC's levels in ascending voltage: snapping many voltages takes a search each, not a walk over all digits.
 * Internal: fcm/ applies with it, calibrate/ draws with it.  SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_FCM_LEVELS_H
#define XO_FCM_LEVELS_H

#include <stdbool.h>
#include "xo_converter.h"

struct xo_level { double volt; unsigned digit; };
struct xo_levels {
    struct xo_dac dac;
    size_t count;
    double per_volt;
    bool even;                         /* level k is digit k, all steps are equal but for rounding */
    struct xo_level *level;
};

int xo_levels_new(struct xo_levels *out, const struct xo_dac *dac);      /* 0 or ENOMEM */
void xo_levels_free(struct xo_levels *levels);

/* The digit xo_dac_nearest gives. */
unsigned xo_levels_nearest(const struct xo_levels *levels, double volt);

/* The noiseless voltage of that digit, for many. */
void xo_levels_snap(const struct xo_levels *levels, size_t count, const double *volt, double *snapped);

#endif
