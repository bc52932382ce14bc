/* crossohm converter: what its two files share.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CLI_CONVERTER_H
#define CLI_CONVERTER_H

#include "cli.h"
#include "xo_converter_fit.h"

#define CONVERTER_GOOD_LSB 0.1         /* a residual above this is said to be one */

struct converter {
    struct cli_session session;        /* options common to all verbs, times */
    const char *file[2];               /* adc or dac; the deck */
    const char *in, *out, *output, *residual, *reading;
    double high_volt, read_volt, low, high, out_low, out_high, limit_sec;
    size_t bits, per_code, inl_terms;
    bool is_dac, codes, current;       /* adc: reads codes, not an analogue output; measures current, not volts */
    bool inl_given, by_aic;
    int inl;                           /* number of terms, or XO_INL_BY_AIC */
    size_t points;
    double *x, *y, *residual_lsb;      /* dac: code, V; adc: input, LSB before rounding */
    struct xo_converter_fit fit;
};

int converter_write_yaml(const struct converter *c);
int converter_write_json(const struct converter *c);
int converter_write_residual(const struct converter *c);
void converter_summarise(const struct converter *c);

#endif
