/* The converter chain of MAPPING, written here once more in float64, conversion by conversion and in amperes: what
 * the engine is compared with.  Where a code is closer to the edge between two than float32 can tell, either is
 * right.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CHAIN_H
#define CHAIN_H

#include <stdint.h>
#include "one-layer.h"

struct chain {
    const struct one_layer *o;
    const struct xo_hardware *h;
    size_t positions, K, P, rows, outputs_per_tile, row_tiles, column_tiles;
    int64_t *x, *q;                    /* [positions][K], [K][P]                        */
    float *s_w, s_x;
    int slices, streams;
    int shift[40], bits[40], sign[40]; /* of streams; sign: 0 x itself, 1, -1 its parts */
    double weight[40];
    int is_analog, kinds;              /* kinds: slices, or slices times signs          */
    double off, unit;                  /* S, A                                          */
    size_t units_of_range, units_of_gain;
    double *low, *lsb, *gain;          /* ranges and gains by their units               */
    /* of programmed arrays, NULL: ideal ones.  Tiles as tile_of counts them. */
    const double *solved;              /* [tiles][positions][streams][array.columns] A  */
    const double *matrix;              /* [tiles][array.rows][array.columns] G_ni, S    */
    double least_edge;                 /* how near to an edge a code is uncertain       */
    double gain_error_rel;             /* how far a gain from float32 conductances is   */
    double magnitude;                  /* of what the last sum added up                 */
};

/* Which conversion: row tile, column tile and column, plane.  kind: slice, and slices + slice for the minus side;
 * -1: the reference column. */
struct where { size_t row_tile, output; int kind; size_t plane; };

/* A layer as integers.  Then ranges and gains, once `solved` and `matrix` are set if they are to be. */
void chain_new(struct chain *c, const struct one_layer *o);
void chain_set_converters(struct chain *c);
void chain_free(struct chain *c);

/* What its parts are. */
size_t chain_planes(const struct chain *c);
size_t chain_tile(const struct chain *c, struct where w);
unsigned chain_input_digit(const struct chain *c, size_t position, size_t i, int stream);
double chain_volt(const struct chain *c, unsigned digit);
/* Conductance of one cell of a block's plane; beyond the matrix and in columns without output: the unused cell's. */
double chain_siemens(const struct chain *c, size_t row_tile, size_t column_tile, size_t plane, size_t row,
                     size_t column);
double chain_current(const struct chain *c, struct where w, size_t position, int stream);
/* Code less the code of 0 A; step: what one is worth in I_unit; edge: how far from where it changes. */
double chain_code(const struct chain *c, struct where w, double ampere, double *step, double *edge);
struct where chain_where(const struct chain *c, size_t row_tile, size_t output, int kind);

/* o->y against the chain's results. */
struct outcome { size_t results, certain, wrong; };
void chain_judge(struct outcome *out, struct chain *c, const char *what);

/* Settings that make of one weight several cells, each in another way; a list ends with NULL. */
struct way { const char *name, *set[5]; };
enum { CHAIN_WAYS = 10 };
extern const struct way chain_way[CHAIN_WAYS];

#endif
