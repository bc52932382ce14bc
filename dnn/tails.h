/* Quantiles q and 1 - q of numbers that are too many to keep: exact order statistics, of the lowest and the highest
 * numbers only.  Private to dnn/.
 *     xo_tails_new
 *     xo_tails_limits, xo_tails_add      every number, in any order, by any number of threads
 *     xo_tails_next                      1: memory did not do; every number once more, likewise
 *     xo_tails_quantiles
 * Numbers belong to units, each with quantiles of its own.  How many a unit keeps of an end follows from how many
 * vectors are expected; where memory ends before, a round keeps fewer, and the next begins behind the last of them.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_TAILS_H
#define XO_TAILS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct xo_tails xo_tails;

/* quantile: from 0 to less than 1/2.  share [units]: how many numbers of a vector go to each.  left: how many numbers
 * may be kept, counted down and up again; tails may share it.  ENOMEM. */
int xo_tails_new(xo_tails **out, size_t units, double quantile, const uint64_t *share, ptrdiff_t *left);
void xo_tails_free(xo_tails *t);       /* NULL allowed */

/* Of `count` vectors, out of `all` that are expected (others may come), numbers for `lanes` units: low, high [lanes]
 * say which of them are to be added: those below low or above high. */
void xo_tails_limits(xo_tails *t, size_t lanes, const size_t *unit, uint64_t count, uint64_t all, double *low,
                     double *high);

struct xo_tail_value { double value; size_t unit; };
int xo_tails_add(xo_tails *t, size_t count, const struct xo_tail_value *v);            /* ENOMEM */

/* No more to come.  true: another round is needed, and ready to begin. */
bool xo_tails_next(xo_tails *t);
/* Everything is forgotten: other numbers come. */
void xo_tails_restart(xo_tails *t);

/* After the last round, with linear interpolation between neighbours as xo_adc_range has it; 0: no number came. */
uint64_t xo_tails_quantiles(const xo_tails *t, size_t unit, double out[2]);

#endif
