/* Where the values of a run lie: values that do not live at the same time share storage.  Private to dnn/.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_PLAN_H
#define XO_PLAN_H

#include <stddef.h>

struct xo_life {
    size_t nbytes;                     /* 0: not planned                                                  */
    size_t first, last;                /* nodes: written at the first, read for the last time at the last */
    size_t root;                       /* the value whose storage this one has; itself: its own           */
    size_t offset;                     /* out; of roots                                                   */
};
size_t xo_life_root(const struct xo_life *life, size_t value);
/* `value` lies where `other` does. */
void xo_life_share(struct xo_life *life, size_t value, size_t other);

/* Offsets, multiples of 64, for all roots.  order [values]: scratch.  Returns the bytes needed in all. */
size_t xo_plan(size_t values, struct xo_life *life, size_t *order);

#endif
