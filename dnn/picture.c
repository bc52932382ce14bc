/* Pictures: memory, and what kind of file one is in.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "picture.h"

#include <errno.h>
#include <string.h>
#include "memory.h"
#include "xo_file.h"

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

int xo_picture_check_size(const char *name, size_t width, size_t height, struct xo_info *info)
{
    if (width && height && width <= XO_PICTURE_SIDE && height <= XO_PICTURE_SIDE
        && height * width <= XO_PICTURE_PIXELS)
        return 0;
    return xo_fail(info, XO_ETOOBIG, "%s: picture of %zu x %zu; expected sides of 1 to %d and at most %d pixels",
                   name,
                   height, width, XO_PICTURE_SIDE, XO_PICTURE_PIXELS);
}

static int unknown(const char *name, const unsigned char *bytes, size_t nbytes, struct xo_info *info)
{
    if (nbytes < 8)
        return xo_fail(info, XO_ESYNTAX, "%s: ends after %zu bytes; expected a JPEG or PNG picture", name, nbytes);
    return xo_fail(info, XO_ESYNTAX,
                   "%s: begins with %02x %02x %02x %02x; expected a JPEG (ff d8 ff) or PNG (89 50 4e "
                   "47) picture", name, bytes[0], bytes[1], bytes[2], bytes[3]);
}

int xo_picture_parse(struct xo_picture *out, const void *bytes, size_t nbytes, const char *name, struct xo_info *info)
{
    if (nbytes >= 8 && !memcmp(bytes, "\xff\xd8\xff", 3))
        return xo_jpeg_parse(out, bytes, nbytes, name, info);
    if (nbytes >= 8 && !memcmp(bytes, "\x89PNG\r\n\x1a\n", 8))
        return xo_png_parse(out, bytes, nbytes, name, info);
    return unknown(name, bytes, nbytes, info);
}

int xo_picture_read(struct xo_picture *out, const char *path, struct xo_info *info)
{
    char *bytes = NULL;
    size_t nbytes = 0;
    int status = xo_slurp(&bytes, &nbytes, path, XO_PICTURE_NBYTES, info);
    if (!status)
        status = xo_picture_parse(out, bytes, nbytes, path, info);
    if (status == ENOMEM)
        xo_fail(info, status, "%s: cannot be read: %s", path, xo_strerror(status));
    free(bytes);
    return status;
}
