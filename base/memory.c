/* Allocation with the product checked.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "memory.h"

#include <errno.h>
#include <stdint.h>

/* Bytes to ask for, at least 1; 0 if the product overflows or no pointer difference could span it. */
static size_t block_nbytes(size_t count, size_t size)
{
    if (count == 0 || size == 0)
        return 1;
    if (count > PTRDIFF_MAX / size) {
        errno = ENOMEM;
        return 0;
    }
    return count * size;
}

void *xo_calloc(size_t count, size_t size)
{
    size_t nbytes = block_nbytes(count, size);
    return nbytes ? calloc(1, nbytes) : NULL;
}

void *xo_realloc(void *block, size_t count, size_t size)
{
    size_t nbytes = block_nbytes(count, size);
    return nbytes ? realloc(block, nbytes) : NULL;
}
