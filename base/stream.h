/* The bytes of a file from front to back, unpacked if it is gzip (RFC 1952), which its first two bytes say, not its
 * name.  Several members behind each other are one file; what is behind the last one, a wrong checksum and a file
 * that ends too early are errors.  Memory does not depend on the file.
 *     xo_stream_open(&s, path, info);
 *     xo_stream_read(s, bytes, nbytes, &got, info);      fewer than nbytes only where the file ends
 *     xo_stream_close(s);
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_STREAM_H
#define XO_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include "xo_status.h"

struct xo_stream;

/* path "-" is standard input.  errno, ENOMEM, XO_ESYNTAX. */
int xo_stream_open(struct xo_stream **out, const char *path, struct xo_info *info);
void xo_stream_close(struct xo_stream *s);                  /* NULL allowed */
int xo_stream_read(struct xo_stream *s, void *bytes, size_t nbytes, size_t *got, struct xo_info *info);

/* Over so many bytes; *skipped is less only where the file ends. */
int xo_stream_skip(struct xo_stream *s, size_t nbytes, size_t *skipped, struct xo_info *info);

/* The next nbytes in new memory, which grows with what is delivered, not with what is asked for; the caller frees. */
int xo_stream_take(struct xo_stream *s, unsigned char **bytes, size_t nbytes, size_t *got, struct xo_info *info);

const char *xo_stream_name(const struct xo_stream *s);

/* How many bytes can come at most: exact for a plain regular file (*exact = 1), 1032 times the file for gzip (no
 * deflate stream is denser), SIZE_MAX for a pipe. */
size_t xo_stream_limit(const struct xo_stream *s, int *exact);

#endif
