/* A file being read into memory piece by piece, so that a hostile or endless one is refused by its beginning.
 *     xo_input_open(&in, path, info);
 *     xo_input_fill(&in, 12, info);          at least 12 bytes, unless the file ends before
 *     ... look at in.bytes[0..in.nbytes) ...
 *     xo_input_fill(&in, more, info);
 *     xo_input_close(&in);
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_INPUT_H
#define XO_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include "xo_status.h"

#define XO_SIZE_UNKNOWN SIZE_MAX

struct xo_input {
    int fd;
    const char *name;                  /* for messages: borrowed path, or "standard input"           */
    size_t size;                       /* of a regular file; XO_SIZE_UNKNOWN for pipes and the like  */
    char *bytes;                       /* what has been read; one spare byte is allocated behind it  */
    size_t nbytes, capacity;
};

int xo_input_open(struct xo_input *in, const char *path, struct xo_info *info);

/* Read on until `want` bytes are held or the file ends.  Memory stays within twice what was delivered. */
int xo_input_fill(struct xo_input *in, size_t want, struct xo_info *info);

/* Read all that is left; XO_ETOOBIG if the file is larger than max_nbytes.  A NUL then stands behind the bytes. */
int xo_input_rest(struct xo_input *in, size_t max_nbytes, struct xo_info *info);

void xo_input_close(struct xo_input *in);      /* frees bytes unless they were taken (set to NULL) */

#endif
