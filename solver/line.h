/* Engine line: the array kept as lines (internal).
 *
 * Unknowns are the word-line voltages u and the bit-line voltages w.  With G the cells, R the word lines and C the
 * bit lines (tridiagonal, cells on their diagonals), the nodal equations are
 *     R u - G w = a      C w - G u = b
 * Word lines are eliminated line by line; S = C - G R^-1 G on the bit-line nodes is solved by conjugate gradients
 * preconditioned with C = L D L^T.
 *
 * Inputs are solved one after the other (by each thread).  Eight in one sweep would share cells and pivots, 4 of the
 * 14 numbers per cell that an iteration moves, and with one in each lane of the vectors tiles need no transposing;
 * but eight inputs' planes leave the cache.  bench/lanes does it: 1.1 to 1.4 times as fast an iteration up to 128 x
 * 128, which is half of an easy input's time, 0.4 to 0.9 from 256 x 256 on.  Interleaved tile row by tile row, with
 * vectors as they are, it was 0.9 to 1.05 from 128 x 128 up, less at 512 x 512: more streams, no fewer misses.
 *
 * A plane holds one number per cell in tiles of 8 x 8, tile rows one after the other.  Inside a tile, bit-line planes
 * go row by row, [row][column], and word-line planes column by column, [column][row]: a step along any line is then
 * a step from one vector of 8 lines to the next.  What lies beyond the array's edge is 0 in every plane.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_LINE_H
#define XO_LINE_H

#include "plan.h"
#include "xo_simd.h"

#define XO_TILE 8
#define XO_TILE_CELLS (XO_TILE * XO_TILE)
#define XO_STRIP 32                    /* tiles: bit lines are swept in strips of this width */

/* Wires of one direction: a plane, or four tiles that stand for all of it. */
struct xo_line_wires {
    double *at[2][2];                  /* [last tile row?][last tile column?]          */
    size_t step;                       /* XO_TILE_CELLS for a plane, 0 for single tiles */
};

struct xo_line_grid {
    size_t rows, columns, tile_rows, tile_columns;
    double *cell;                      /* bit-line plane: siemens                                          */
    struct xo_line_wires right;        /* word-line: between columns j and j + 1                           */
    struct xo_line_wires below;        /* bit-line: between rows i and i + 1                               */
    double *word_inverse;              /* word-line plane: 1 / pivot of R, 0 where there is none           */
    double *bit_inverse;               /* bit-line plane: 1 / pivot of C                                   */
    double *end[4];                    /* siemens of drivers left, right [8 tile_rows], senses top, bottom */
};                                     /* [8 tile_columns]; 0 where absent or of no consequence            */
enum { XO_LEFT, XO_RIGHT, XO_TOP, XO_BOTTOM };

/* Voltages as hi + lo, and those of the terminals. */
struct xo_line_volts {
    double *u, *u_low, *w, *w_low;
    const double *source, *sense;      /* [8 tile_rows], [8 tile_columns]                                  */
};

/* What a pass over the array found; merged by the larger or the sum. */
struct xo_line_found {
    double worst;                      /* |residual| over its own rounding                                 */
    double most_rounding;              /* largest rounding of a residual [A]                               */
    double worst_amp;                  /* largest |residual| and rounding [A]                              */
    double watt;                       /* dissipated in cells and wires                                    */
    double ratio;                      /* largest f / (K w); infinite where K w > 0 does not hold          */
};

/* The passes, once per instruction set.  Tile row I or strip of tile columns from..to - 1. */
struct xo_line_kernels {
    void (*word_pivots)(const struct xo_line_grid *n, size_t tile_row);
    void (*bit_pivots)(const struct xo_line_grid *n, size_t from, size_t to);
    /* out = R^-1 (rhs + G y); rhs and out are word-line planes, either of rhs and y may be NULL. */
    void (*word_solve)(const struct xo_line_grid *n, size_t tile_row, const double *rhs, const double *y,
                       double *out);
    /* sum += G u, a bit-line plane. */
    void (*add_cells)(const struct xo_line_grid *n, size_t tile_row, const double *u, double *sum);
    /* z = L^-T D^-1 s,  y += alpha p,  p = z + beta p. */
    void (*direction)(const struct xo_line_grid *n, size_t from, size_t to, double alpha, double beta,
                      const double *s, double *p, double *y);
    /* q = S p without the senses; returns p q. */
    double (*apply)(const struct xo_line_grid *n, size_t tile_row, const double *p, double *q);
    /* s -= alpha L^-1 q; returns s D^-1 s. */
    double (*reduce)(const struct xo_line_grid *n, size_t from, size_t to, double alpha, const double *q, double *s);
    /* v += correction, in twice the precision. */
    void (*correct)(const struct xo_line_grid *n, size_t tile_row, struct xo_line_volts v, const double *du,
                    const double *dw);
    /* Kirchhoff's law in branch form: the missing currents a (word-line) and b (bit-line); with floor_amp >= 0, |r|
     * with its rounding and that floor instead. */
    void (*residual)(const struct xo_line_grid *n, size_t tile_row, const struct xo_line_volts *v, double floor_amp,
                     double *a, double *b, struct xo_line_found *found);
    /* found->ratio = max f / (K w) over the tile row's nodes. */
    void (*ceiling)(const struct xo_line_grid *n, size_t tile_row, const double *wu, const double *ww,
                    const double *fu, const double *fw, struct xo_line_found *found);
};
extern const struct xo_line_kernels xo_line_portable, xo_line_avx2, xo_line_avx512;
const struct xo_line_kernels *xo_line_kernels(enum xo_simd simd);              /* line.c: that level, or the best */

/* |error of a computed residual| <= XO_LINE_ROUNDING * sum |branch currents|; see line_kernel.c. */
#define XO_LINE_ROUNDING (8 * XO_UNIT)

/* A maximal run of a line without an open wire in it. */
struct xo_line_segment {
    int32_t line, first, last, component;
};

struct xo_lines {
    struct xo_line_grid grid;
    const struct xo_line_kernels *kernel;
    double *plane_block, *wire_block, *end_block;      /* what grid points into                           */
    size_t plane_cells;
    size_t word_segments, segments;    /* word lines' first                                               */
    struct xo_line_segment *segment;
    bool all_live;                     /* every node lies between two terminals at least                  */
    bool self_known;                   /* f->self_siemens is filled in                                    */
    double expected_work;              /* of an input, in iterations                                      */
    int inner_threads;                 /* that share one input                                            */
    int solvers;                       /* that work side by side on several                               */
    struct xo_line_work *work;         /* [solvers]                                                       */
};

/* Working memory for one input: ten planes. */
struct xo_line_work {
    double *block;
    struct xo_line_volts volts;
    double *source, *sense;            /* what volts points to                                            */
    double *p, *q, *s, *y, *a, *f;
    double *partial;                   /* [tile_rows + strips] sums, added in order                       */
    struct xo_line_found *part;        /* [tile_rows]                                                     */
    struct xo_line_found found;        /* of the last residual                                            */
    bool proven;                       /* Kirchhoff's law holds to a few roundings, and a w was found     */
    double *amp, *bound;               /* [columns]                                                       */
    bool *quiet;                       /* [components] all its terminals are at 0 V                       */
    double *first_bound;               /* [columns] bound, while s_j is solved for                        */
    double *scale, *least_scale;       /* [columns]                                                       */
    int refinements, iterations;
    double work, budget;               /* in iterations: done for this input; what a factor would cost,   */
    double expected;                   /* what an input is expected to take                               */
    double speaks_for;                 /* inputs to be expected like this one, itself included            */
    bool hopeless;                     /* given up: a factor costs less                                   */
};

static inline size_t xo_bit_at(const struct xo_line_grid *n, size_t i, size_t j)
{
    size_t tile = i / XO_TILE * n->tile_columns + j / XO_TILE;
    return tile * XO_TILE_CELLS + i % XO_TILE * XO_TILE + j % XO_TILE;
}

static inline size_t xo_word_at(const struct xo_line_grid *n, size_t i, size_t j)
{
    size_t tile = i / XO_TILE * n->tile_columns + j / XO_TILE;
    return tile * XO_TILE_CELLS + j % XO_TILE * XO_TILE + i % XO_TILE;
}

static inline double *xo_line_wire(const struct xo_line_grid *n, const struct xo_line_wires *w, size_t tile_row,
                                   size_t tile_column)
{
    return w->at[tile_row + 1 == n->tile_rows][tile_column + 1 == n->tile_columns]
           + (tile_row * n->tile_columns + tile_column) * w->step;
}

static inline double xo_right_siemens(const struct xo_line_grid *n, size_t i, size_t j)
{
    return xo_line_wire(n, &n->right, i / XO_TILE, j / XO_TILE)[j % XO_TILE * XO_TILE + i % XO_TILE];
}

static inline double xo_below_siemens(const struct xo_line_grid *n, size_t i, size_t j)
{
    return xo_line_wire(n, &n->below, i / XO_TILE, j / XO_TILE)[i % XO_TILE * XO_TILE + j % XO_TILE];
}

/* line_grid.c: from the description and the cells to planes and pivots.  ENOMEM */
int xo_line_grid_new(xo_factor *f, const double *cell_siemens);
double *xo_line_planes(double **block, size_t numbers);         /* zeroed, at a cache line; free *block */
void xo_line_grid_free(struct xo_lines *l);

/* line_segments.c: what hangs together; fills f->components as far as islands need it. */
int xo_line_segments_find(xo_factor *f);
int32_t xo_line_component(const xo_factor *f, bool word, size_t line, size_t place);

/* line_solve.c: voltages, currents and bounds of one input; the terminals' voltages are in k->source, k->sense.
 * Nothing of it is of use if k->hopeless. */
enum xo_line_effort { XO_LINE_ROUGH, XO_LINE_FULL };               /* a scale; currents to the last digits */
void xo_line_solve(const xo_factor *f, struct xo_line_work *k, enum xo_line_effort effort);

/* line_outputs.c: voltages where no current flows; everything asked for, |power in - dissipated| / power in returned;
 * derivatives of a column's current, with the adjoint voltages. */
void xo_line_settle(const xo_factor *f, struct xo_line_work *k);
double xo_line_store(const xo_factor *f, struct xo_line_work *k, size_t input, const struct xo_solution *out);
void xo_line_store_gradient(const xo_factor *f, const struct xo_line_work *k, const struct xo_line_volts *adjoint,
                            size_t column, size_t input, struct xo_branch_values *out);

#endif
