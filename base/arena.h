/* Memory that is released all at once.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_ARENA_H
#define XO_ARENA_H

#include <stddef.h>

struct xo_arena {
    struct xo_arena_block *block;      /* newest first */
};
void *xo_arena_alloc(struct xo_arena *a, size_t count, size_t size);     /* zeroed; NULL: no memory */
char *xo_arena_text(struct xo_arena *a, const char *text, size_t length);/* a copy with NUL behind it */
void xo_arena_free(struct xo_arena *a);

#endif
