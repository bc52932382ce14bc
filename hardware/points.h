/* Measured I-V curves as they stand in a file: CSV with the columns level, v[V], i[A] and, optional, device, cycle,
 * temperature[K].  Read for the law `table` and for fits.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_POINTS_H
#define XO_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include "xo_status.h"

struct xo_point {
    size_t level, line;
    double volt, ampere;
    const char *device, *cycle;        /* "" where there is no such column */
};

struct xo_points {
    struct xo_point *point;            /* in the order of the file; freed by the caller */
    size_t count;
    bool has_device, has_cycle, has_kelvin;
    double low_kelvin, high_kelvin;    /* if there are any */
};

/* text [nbytes + 1] is changed, and must outlive the points: labels lie in it.  name: of the file, in messages.
 * XO_ESYNTAX, XO_EVALUE (file, line and column are named), ENOMEM. */
int xo_points_take(struct xo_points *out, char *text, size_t nbytes, const char *name, size_t most_levels,
                   struct xo_info *info);

#endif
