/* The file that `crossohm map` writes: HDF5, byte for byte reproducible.  Private to dnn/.
 *     /                       title, tool_version, model_sha256
 *     /hardware               canonical YAML
 *     /LAYER                  how it is laid out, as attributes
 *     /LAYER/weight_scale     (outputs) float32
 *     /LAYER/q                (K, P) int32; of a grouped layer /LAYER/group_g/q, and the tiles below group_g
 *     /LAYER/tile_R_C/slice_S/plus, minus     (rows, columns) S
 *     /LAYER/tile_R_C/slice_S/siemens         the same where a pair shares an array, or there are no pairs
 *     /LAYER/tile_R_C/plus, minus | siemens   the same where the slices share one
 * R and C count blocks from 0.  In names of layers % / and control characters are written %25, %2F, ...
 * Numbers are compressed (deflate), an array in one chunk.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_TILES_H
#define XO_TILES_H

#include "layout.h"

typedef struct xo_tiles_file xo_tiles_file;

/* The first failure is kept and returned by commit; functions in between are without effect then. */
int xo_tiles_create(xo_tiles_file **out, const char *path, const struct xo_hardware *h, const char *model_sha256,
                    struct xo_info *info);
void xo_tiles_layer(xo_tiles_file *f, const struct xo_codes *codes, const struct xo_layout *layout);
void xo_tiles_matrix(xo_tiles_file *f, const struct xo_codes *codes, size_t matrix);
void xo_tiles_array(xo_tiles_file *f, const struct xo_layout *layout, size_t row_block, size_t column_block,
                    size_t plane, const double *siemens);
bool xo_tiles_failed(const xo_tiles_file *f);
int xo_tiles_commit(xo_tiles_file *f, struct xo_info *info);             /* frees f */
void xo_tiles_abandon(xo_tiles_file *f);                                 /* frees f; NULL allowed */

/* A layer's name as HDF5 takes it, in memory the caller frees. */
char *xo_tiles_escape(const char *name);

#endif
