/* What reading a .npy at once and reading it in pieces share.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_NPY_H
#define XO_NPY_H

#include "array.h"
#include "input.h"

struct xo_npy_header {
    char kind;                         /* 'f': float; 'i', 'u': integer, which only xo_npy_begin_stream lets in */
    size_t width;                      /* bytes of an element: 4 or 8; of an integer 1, 2, 4 or 8               */
    bool big_endian, fortran_order;
    size_t dimensions, shape[XO_MAX_DIMENSIONS];
};

/* Read prefix and header; in has then delivered exactly data_at bytes.  nbytes: of the data that must follow; of a
 * regular file the length is checked. */
int xo_npy_begin(struct xo_input *in, struct xo_npy_header *h, size_t *data_at, size_t *nbytes, struct xo_info *info);

/* The same from a stream, which then stands before the data; the length of the data is left to the caller. */
struct xo_stream;
int xo_npy_begin_stream(struct xo_stream *s, struct xo_npy_header *h, size_t *data_at, struct xo_info *info);

/* Are there exactly as many bytes of data as the shape asks for?  more: and then some. */
int xo_npy_check_length(const struct xo_npy_header *h, size_t found, bool more, const char *name,
                        struct xo_info *info);

/* One element (an integer beyond 2^53 is rounded), and what to say where it is not finite. */
double xo_npy_element(const unsigned char *bytes, const struct xo_npy_header *h);
int xo_npy_not_finite(double value, const struct xo_npy_header *h, const size_t *index, const char *name,
                      struct xo_info *info);

/* The other direction: prefix and header of a float64 array (returns the length); elements packed to 8 bytes each. */
enum { XO_NPY_HEADER_SIZE = 256 };
size_t xo_npy_print_header(char text[XO_NPY_HEADER_SIZE], size_t dimensions, const size_t *shape);
size_t xo_npy_pack(unsigned char *bytes, const double *value, size_t count);

#endif
