/* A data set from the inside: one kind of source each in data_*.c, what they share in data.c.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_DATA_PRIVATE_H
#define XO_DATA_PRIVATE_H

#include <stdbool.h>
#include "picture.h"
#include "stream.h"
#include "xo_data.h"

struct xo_data {
    char *specification, *path[2];     /* path[0]: images or the one file; path[1]: labels, or NULL */
    const struct xo_data_kind *kind;
    bool has_split;
    size_t from, to;                   /* as asked, then as found        */
    size_t total, count;               /* images in the set, in the split */
    size_t dimensions;                 /* of a stored image: 1 (numbers), 2 (grey) or 3; 0: files of any size */
    struct xo_picture frame;           /* shape and strides of each image; its pointers stay NULL */
    unsigned char *byte;               /* [count][pixels of an image], or NULL */
    float *value;                      /* the same, or NULL                    */
    char **name;                       /* [count] files of a folder, or NULL   */
    size_t names;                      /* how many of them are there so far    */
    int32_t *label;                    /* [count]                              */
};

/* A kind of source: its name in a specification, how many files that names, how they are opened. */
struct xo_data_kind {
    const char *name;
    size_t files;
    const char *usage;
    int (*open)(xo_data *d, struct xo_info *info);
};
int xo_data_open_idx(xo_data *d, struct xo_info *info);
int xo_data_open_cifar(xo_data *d, struct xo_info *info);
int xo_data_open_npy(xo_data *d, struct xo_info *info);
int xo_data_open_folder(xo_data *d, struct xo_info *info);

/* Are images of two splits the same where their numbers are? */
int xo_data_same(bool *same, const xo_data *a, const xo_data *b, struct xo_info *info);

char *xo_data_text(const char *text, size_t length);        /* a copy; NULL: no memory */

/* The set holds `total` images: is the split within it? */
int xo_data_split(xo_data *d, size_t total, struct xo_info *info);

/* Set dimensions and frame from the shape of an image as it is stored, row-major: (numbers), (rows, columns),
 * (rows, columns, channels) if the last size is 1 or 3 and the first is neither, else (channels, rows, columns). */
void xo_data_frame(xo_data *d, size_t dimensions, const size_t *shape);
size_t xo_data_pixels(const xo_data *d);

/* A header of `header` bytes announces items of item_nbytes: can they come?  Asked before memory is. */
int xo_data_announced(const struct xo_stream *s, size_t header, size_t items, size_t item_nbytes,
                      struct xo_info *info);

/* All items of the set follow in the stream and then nothing: those of the split into new memory. */
int xo_data_take(xo_data *d, struct xo_stream *s, size_t item_nbytes, unsigned char **bytes, struct xo_info *info);

#endif
