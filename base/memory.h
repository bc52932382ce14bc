/* Allocation with the product checked: the only way the library asks for memory.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_MEMORY_H
#define XO_MEMORY_H

#include <stddef.h>
#include <stdlib.h>

/* Zeroed memory for count elements of size bytes; NULL if there is none or the product overflows.
 * Never NULL for count 0, so that "no elements" and "no memory" stay apart. */
void *xo_calloc(size_t count, size_t size);

/* Grow or shrink; the same promises.  On failure the old block stays valid. */
void *xo_realloc(void *block, size_t count, size_t size);

#endif
