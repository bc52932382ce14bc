/* Pictures: memory, and what kind of file one is in.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "picture.h"

#include <errno.h>
#include <string.h>
#include "memory.h"

void xo_picture_free(struct xo_picture *p)
{
    free(p->owned);
    memset(p, 0, sizeof *p);
}

int xo_picture_new(struct xo_picture *out, size_t channels, size_t height, size_t width)
{
    unsigned char *byte = width && height > SIZE_MAX / width / channels ? NULL
                        : xo_calloc(height * width, channels);
    if (!byte)
        return ENOMEM;
    *out = (struct xo_picture){ .channels = channels, .height = height, .width = width,
                                .stride = { 1, width * channels, channels }, .byte = byte, .owned = byte };
    return 0;
}
