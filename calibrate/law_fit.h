/* The law of a converter and its least-squares fit, in LSB: what xo_dac_fit and xo_adc_fit share.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_LAW_FIT_H
#define XO_LAW_FIT_H

#include <stddef.h>
#include "xo_converter_fit.h"

#define XO_LAW_MOST (XO_MAX_INL + 1)

/* Parameter 0 is (2^bits - 1) gain_error, 1 the offset, k = 2.. the coefficient of t^k; all in LSB. */
struct xo_law_data {
    double full;                       /* 2^bits - 1                   */
    size_t points;
    const double *t, *reading_lsb;     /* [points]                     */
};

struct xo_law_fit {
    size_t parameters;                 /* 2 .. XO_LAW_MOST             */
    double value[XO_LAW_MOST];
    double inverse[XO_LAW_MOST];       /* diagonal of (J^T J)^-1       */
    double sum_of_squares;
};

double xo_law_reading(const struct xo_law_data *data, const double *value, size_t parameters, double t);

/* Needs finite data and at least `parameters` different t.  XO_ESINGULAR if they lie too close together, ENOMEM. */
int xo_law_fit(struct xo_law_fit *out, const struct xo_law_data *data, size_t parameters);

#endif
