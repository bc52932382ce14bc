/* A picture in memory, and what makes or changes one.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_PICTURE_H
#define XO_PICTURE_H

#include <stddef.h>
#include <stdint.h>
#include "xo_status.h"

/* Element (channel c, row y, column x) is at c*stride[0] + y*stride[1] + x*stride[2], of bytes or of numbers: one of
 * byte and value is NULL.  owned (may be NULL) is what xo_picture_free frees. */
struct xo_picture {
    const char *name;                  /* for messages: borrowed */
    size_t channels, height, width, stride[3];
    const unsigned char *byte;
    const float *value;
    void *owned;
};
void xo_picture_free(struct xo_picture *p);                 /* leaves it zeroed */

/* A new picture of bytes, channels of a pixel side by side; its bytes are writable through owned.  ENOMEM. */
int xo_picture_new(struct xo_picture *out, size_t channels, size_t height, size_t width);

/* Read a JPEG or PNG file, told apart by its first bytes: 1 channel or 3 (RGB).  XO_ESYNTAX for what is neither, or
 * damaged; XO_EUNSUPPORTED for CMYK and transparency; XO_ETOOBIG; ENOMEM, errno.  On failure *out is untouched. */
#define XO_PICTURE_SIDE 16384
#define XO_PICTURE_PIXELS (1 << 26)
#define XO_PICTURE_NBYTES ((size_t)1 << 28)
int xo_picture_read(struct xo_picture *out, const char *path, struct xo_info *info);
int xo_picture_parse(struct xo_picture *out, const void *bytes, size_t nbytes, const char *name,
                     struct xo_info *info);

/* The two behind it, and what both ask before they allocate. */
int xo_jpeg_parse(struct xo_picture *out, const void *bytes, size_t nbytes, const char *name, struct xo_info *info);
int xo_png_parse(struct xo_picture *out, const void *bytes, size_t nbytes, const char *name, struct xo_info *info);
int xo_picture_check_size(const char *name, size_t width, size_t height, struct xo_info *info);

/* Another size, by the separable triangle filter of preprocess (resize.c).  Of bytes.  ENOMEM. */
int xo_picture_resize(struct xo_picture *out, const struct xo_picture *in, size_t height, size_t width);

#endif
