/* What a network's weights become on arrays, and the conductances of every one (MAPPING: Weights).
 *     xo_map_open()    hardware, and a network or a matrix -> its layers
 *     xo_map_run()     quantise, lay out, count; write the tiles if asked to
 *     xo_map_sheet()   what came out, layer by layer
 * Weights are held once; integers and tiles only of the layer at work.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_MAP_H
#define XO_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "xo_hardware.h"
#include "xo_status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct xo_map xo_map;

/* model: an ONNX file; or NAME.npy or NAME.csv, one layer called NAME, weights (K inputs, P outputs).
 * Checks that every pattern of `layers:` fits a layer.  h is borrowed and need not be finished.
 * What xo_network_read and xo_ndarray_read say; XO_ESHAPE, XO_EVALUE (nothing to map, patterns), ENOMEM. */
int xo_map_open(xo_map **out, const struct xo_hardware *h, const char *model, struct xo_info *info);
void xo_map_free(xo_map *m);                                /* NULL allowed */
size_t xo_map_count(const xo_map *m);                       /* layers that could lie on arrays */
const char *xo_map_sha256(const xo_map *m);                 /* of the model's file             */

/* Quantise and lay out every layer; tiles (may be NULL): the HDF5 file to write them to, whole or not at all.
 * progress(user, fraction) may be NULL; where it returns non-zero, XO_ESTOPPED.
 * XO_EVALUE, XO_ETOOBIG (layer and key are named), XO_EUNSUPPORTED (not a file that tiles can be written to), errno,
 * ENOMEM.  Call it once. */
int xo_map_run(xo_map *m, const char *tiles, int (*progress)(void *user, double fraction), void *user,
               struct xo_info *info);

/* A layer.  A cell counts as used if it holds a digit of a weight: not the zeros beside a depthwise layer's diagonal,
 * nor reference columns. */
struct xo_map_sheet {
    const char *name;
    bool digital;                      /* not on arrays by keep: or mapping.depthwise: what follows `outputs` is 0 */
    size_t groups, matrices;           /* of the layer; one each, or one for all                       */
    size_t inputs, outputs;            /* K, P of a matrix                                             */
    size_t rows, columns;              /* of an array                                                  */
    int weight_bits, bits_per_cell, slices;
    int streams_unsigned, streams_signed;      /* per input; calibration decides which (alike: the model did) */
    size_t blocks, tiles;              /* of all matrices; tiles: arrays                               */
    uint64_t cells, used_cells;
    int32_t low, high;                 /* of all q                                                     */
    size_t scales;                     /* outputs of all groups                                        */
    const float *weight_scale;         /* [scales] s_w                                                 */
    size_t levels;                     /* 2^c                                                          */
    const double *level_siemens;       /* [levels]                                                     */
    const uint64_t *level_cells;       /* [levels] cells at that level, zeros and references included  */
    uint64_t empty_cells;              /* without any digit: off_siemens, or open                      */
    double empty_siemens;
};
const struct xo_map_sheet *xo_map_sheet(const xo_map *m, size_t layer);  /* after xo_map_run */

#ifdef __cplusplus
}
#endif
#endif
