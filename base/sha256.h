/* SHA-256 (FIPS 180-4): begin, add pieces, end.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_SHA256_H
#define XO_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct xo_sha256 {
    uint32_t state[8];
    uint64_t nbytes;                   /* added so far                       */
    unsigned char block[64];           /* the beginning of an unfinished one */
};
void xo_sha256_begin(struct xo_sha256 *s);
void xo_sha256_add(struct xo_sha256 *s, const void *bytes, size_t nbytes);
void xo_sha256_end(struct xo_sha256 *s, char hex[65]);          /* lower case, and a NUL */

#endif
