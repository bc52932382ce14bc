/* Memory that is released all at once: blocks, filled from the front.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "arena.h"
#include "memory.h"

#define BLOCK_NBYTES ((size_t)16 << 10)

struct xo_arena_block {
    struct xo_arena_block *next;
    size_t used, size;
    max_align_t data[];
};

static struct xo_arena_block *add_block(struct xo_arena *a, size_t nbytes)
{
    size_t size = nbytes > BLOCK_NBYTES ? nbytes : BLOCK_NBYTES;
    struct xo_arena_block *block = size <= SIZE_MAX - sizeof *block ? xo_calloc(1, sizeof *block + size) : NULL;
    if (!block)
        return NULL;
    block->size = size;
    block->next = a->block;
    a->block = block;
    return block;
}

void *xo_arena_alloc(struct xo_arena *a, size_t count, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    struct xo_arena_block *block = a->block;
    size_t nbytes;
    char *memory;
    if (size && count > (SIZE_MAX - align) / size)
        return NULL;
    nbytes = (count * size + align - 1) / align * align;
    if (!block || nbytes > block->size - block->used)
        block = add_block(a, nbytes);
    if (!block)
        return NULL;
    memory = (char *)block->data + block->used;
    block->used += nbytes;
    return memory;
}

char *xo_arena_text(struct xo_arena *a, const char *text, size_t length)
{
    char *copy = xo_arena_alloc(a, length + 1, 1);
    if (copy && length)
        memcpy(copy, text, length);
    return copy;
}

void xo_arena_free(struct xo_arena *a)
{
    while (a->block) {
        struct xo_arena_block *next = a->block->next;
        free(a->block);
        a->block = next;
    }
}
