/* What the array readers and writers share.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_ARRAY_H
#define XO_ARRAY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "input.h"
#include "xo_file.h"

/* Bytes of an array whose elements take `width` bytes; false if they could not be addressed. */
bool xo_shape_nbytes(size_t *nbytes, size_t dimensions, const size_t *shape, size_t width);

/* A shape as Python writes it: "()", "(3,)", "(3, 4)".  text[XO_SHAPE_SIZE]; returns text. */
#define XO_SHAPE_SIZE 96
char *xo_shape_print(char *text, size_t dimensions, const size_t *shape);

/* The bytes of a .npy file: how many, their CRC-32, and printed to a stream.  Whoever owns the stream checks it. */
size_t xo_npy_nbytes(const struct xo_ndarray *a);
uint32_t xo_npy_crc32(const struct xo_ndarray *a);
void xo_npy_print(FILE *stream, const struct xo_ndarray *a);

/* Read what an open input holds; its owner closes it. */
int xo_npy_take(struct xo_ndarray *out, struct xo_input *in, struct xo_info *info);
int xo_csv_take(struct xo_ndarray *out, struct xo_input *in, struct xo_info *info);

/* The lines of a CSV file. */
void xo_csv_print(FILE *stream, const struct xo_ndarray *a, const char *header);

#endif
