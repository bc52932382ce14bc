/* Star-mesh elimination of many arrays of one geometry at once, one array per vector lane (internal).
 *
 * Every coupling is a vector: the same place of the network in each of the lanes' arrays.  A front (starmesh.h) is
 * kept as *tiles* of 4 x 4 vectors: columns 4 I .. 4 I + 3 are strip I, rows 4 J .. 4 J + 3 of it, J <= I, are tile
 * (J, I), and the tiles of a strip follow each other, so that all that the inner loops read is consecutive.
 * Pivots come first and are filled up to whole strips; then comes the rest, whose last strip may be filled up.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_BATCH_INTERNAL_H
#define XO_BATCH_INTERNAL_H

#include <stdint.h>
#include "circuit.h"
#include "starmesh.h"
#include "xo_batch.h"

#define XO_TILE 4                      /* rows and columns of a tile */
#define XO_TILE_VECTORS 16

/* What the plan knows about a tile. */
enum xo_tile_flag {
    XO_TILE_FRESH = 1,                 /* nothing is ever put into it before its front is eliminated: starts at 0   */
    XO_TILE_PUT = 2,                   /* handed on to places that held nothing before: stored, not added           */
    XO_TILE_UNUSED = 4                 /* couplings that nobody asked for, among sources or among senses            */
};

struct xo_tile_front {
    int32_t pivots, pivot_strips, strips;
    int32_t last;                      /* columns in use in the last strip                                          */
    int32_t parent;                    /* -1 for the last front                                                     */
    int64_t arena;                     /* where it begins [vectors]; a front stands behind its parent               */
    int64_t flag;                      /* where its tiles' flags begin, tile (J, I) at I (I + 1) / 2 + J            */
    int64_t map;                       /* where its map to the parent begins; one entry for each column of the rest */
    int64_t link, links;               /* what it takes up                                                          */
    int64_t clear;                     /* tiles that what is put into them does not cover: set to 0 beforehand      */
    int32_t clears;
};

/* Entry (a, b) of a front stands at row[a] + column[b] vectors from its beginning. */
struct xo_tile_place { uint32_t row, column; };

/* A link: where it goes, and its value: cells from 1 on, constants in front of 0. */
struct xo_tile_link { uint32_t place; int32_t value; };

struct xo_batch_plan {
    size_t fronts;
    struct xo_tile_front *front;       /* [fronts] the last one holds the terminals, at the beginning of the arena  */
    int32_t *step;                     /* [2 fronts] k: open front k; ~k: eliminate it and hand on the rest         */
    uint8_t *flag;
    int32_t *clear;                    /* numbers of tiles                                                          */
    struct xo_tile_place *map;
    struct xo_tile_link *link;
    double *constant;                  /* [constants] scaled siemens; constant k is value ~k                        */
    int32_t *cell_value;               /* [rows][columns] value that a cell is, 0 where it is no link               */
    size_t constants, cells, flags, clears;
    int64_t arena_vectors;
    double operations;                 /* multiplications and additions, an array: sum of squares of front sizes      */
    double roundings;                  /* that a coupling can collect on the longest chain of fronts                */
    bool all_couplings;                /* those among sources and among senses as well                              */
};

/* Couplings are scaled by a power of two, so that float32 has most of its range below them: the largest conductance
 * allowed becomes 2^100. */
#define XO_BATCH_SCALE 0x1p60

/* A plan of fewer fronts, for tiles alone: its pivots are not consecutive and it has no triangle. */
int xo_batch_merge(struct xo_starmesh_plan **out, const struct xo_starmesh_plan *p, const xo_circuit *c);

int xo_batch_plan_new(struct xo_batch_plan **out, const xo_circuit *c, bool all_couplings);
void xo_batch_plan_free(struct xo_batch_plan *p);

static inline size_t xo_tile_index(size_t j, size_t i) { return i * (i + 1) / 2 + j; }
/* Where entry (row, column) of a front stands, row < column, both counted with what fills up strips. */
static inline struct xo_tile_place xo_tile_place(size_t k)
{
    return (struct xo_tile_place){(uint32_t)(XO_TILE * k),
                                  (uint32_t)(XO_TILE_VECTORS * xo_tile_index(0, k / XO_TILE) + k % XO_TILE)};
}

/* Eliminate: from value [-constants .. cells][lanes], scaled, in the precision of the kernel, to the last front's
 * couplings at the beginning of the arena (both 64-byte aligned). */
struct xo_batch_kernel {
    int lanes;
    void (*run)(const struct xo_batch_plan *p, const void *value, void *arena);
    /* Read terminal t's couplings to `count` others off the last front: siemens [count][lanes], 0 to itself. */
    void (*read)(const void *arena, size_t t, const int32_t *other, size_t count, double *siemens);
};
extern const struct xo_batch_kernel xo_batch_float64_portable, xo_batch_float64_avx2, xo_batch_float64_avx512;
extern const struct xo_batch_kernel xo_batch_float32_portable, xo_batch_float32_avx2, xo_batch_float32_avx512;

#endif
