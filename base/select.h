/* The k-th smallest of some numbers.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_SELECT_H
#define XO_SELECT_H

#include <stddef.h>

/* Reorders x [count] so that x[k] is the k-th smallest, k from 0, nothing before it larger, nothing behind it
 * smaller; returns it. */
double xo_select(double *x, size_t count, size_t k);

#endif
