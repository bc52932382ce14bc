/* The product of product.h for one instruction set: the build compiles this file once for each, XO_LEVEL naming it.
 *
 * A panel of `right`, some columns of some rows that fit the first cache, is packed; then a few rows of `left` at a
 * time go through it, their sums in registers (Goto and van de Geijn 2008, the innermost two loops).  Sums that a
 * panel leaves unfinished wait in `out`, unrounded: a double is a double.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdint.h>
#include "product.h"

#define real double
#include "batch_vector.h"

#if FUSED                              /* without, the BLAS is faster */
#if WIDE
enum { ROWS = 6, VECTORS = 4 };        /* 24 sums, 4 operands and a spread number: 29 of 32 registers */
#else
enum { ROWS = 4, VECTORS = 3 };        /* 12, 3 and 1 of 16 */
#endif
enum { DEPTH = 128, WIDTH = VECTORS * LANES };             /* a panel: 32 kB or 12 kB */

typedef real free_vec __attribute__((vector_size(VECTOR_BYTES), aligned(8), may_alias));
#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

struct panel {
    size_t depth, width;               /* of it in use: rows, columns */
    _Alignas(64) double number[DEPTH][WIDTH];
};

/* Rows `from` on, columns `column` on; 0 beyond the edge. */
static void pack(struct panel *p, const double *right, size_t inner, size_t columns, size_t from, size_t column)
{
    p->depth = inner - from < DEPTH ? inner - from : DEPTH;
    p->width = columns - column < WIDTH ? columns - column : WIDTH;
    for (size_t k = 0; k < p->depth; k++)
        for (size_t j = 0; j < WIDTH; j++)
            p->number[k][j] = j < p->width ? right[(from + k) * columns + column + j] : 0;
}

/* So many rows by so many vectors, both known when compiled. */
INLINE void block(int rows, int vectors, const struct panel *p, size_t inner, const double *left, double *out,
                  size_t stride, bool onto)
{
    vec sum[ROWS][VECTORS];
    UNROLL
    for (int r = 0; r < rows; r++)
        UNROLL
        for (int v = 0; v < vectors; v++)
            sum[r][v] = onto ? (vec)*(const free_vec *)(out + (size_t)r * stride + v * LANES) : (vec){0};
    for (size_t k = 0; k < p->depth; k++) {
        vec right[VECTORS];
        UNROLL
        for (int v = 0; v < vectors; v++)
            right[v] = *(const vec *)(p->number[k] + v * LANES);
        UNROLL
        for (int r = 0; r < rows; r++) {
            vec a = BROADCAST(left[(size_t)r * inner + k]);
            UNROLL
            for (int v = 0; v < vectors; v++)
                sum[r][v] = FMA(a, right[v], sum[r][v]);
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++)
        UNROLL
        for (int v = 0; v < vectors; v++)
            *(free_vec *)(out + (size_t)r * stride + v * LANES) = sum[r][v];
}

/* The same, chosen at run time; what a panel does not fill is 0. */
static void any_block(size_t rows, const struct panel *p, size_t inner, const double *left, double *out,
                      size_t stride, bool onto)
{
    size_t vectors = (p->width + LANES - 1) / LANES;
    bool all = rows == ROWS;
    if (vectors == 1)
        all ? block(ROWS, 1, p, inner, left, out, stride, onto) : block(1, 1, p, inner, left, out, stride, onto);
    else if (vectors == 2)
        all ? block(ROWS, 2, p, inner, left, out, stride, onto) : block(1, 2, p, inner, left, out, stride, onto);
    else if (vectors == 3)
        all ? block(ROWS, 3, p, inner, left, out, stride, onto) : block(1, 3, p, inner, left, out, stride, onto);
    else
        all ? block(ROWS, VECTORS, p, inner, left, out, stride, onto)
            : block(1, VECTORS, p, inner, left, out, stride, onto);
}

/* Where the last vector is wider than what is left of `out`: by way of rows that are wide enough. */
static void edge_block(size_t rows, const struct panel *p, size_t inner, const double *left, double *out,
                       size_t stride, bool onto)
{
    double whole[ROWS][WIDTH];
    for (size_t r = 0; onto && r < rows; r++)
        memcpy(whole[r], out + r * stride, p->width * sizeof *out);
    any_block(rows, p, inner, left, whole[0], WIDTH, onto);
    for (size_t r = 0; r < rows; r++)
        memcpy(out + r * stride, whole[r], p->width * sizeof *out);
}

static void through(const struct panel *p, size_t rows, size_t inner, size_t columns, const double *left, double *out,
                    bool onto)
{
    bool whole = p->width % LANES == 0;
    for (size_t n = 0, some; n < rows; n += some) {
        some = rows - n < ROWS ? 1 : ROWS;
        (whole ? any_block : edge_block)(some, p, inner, left + n * inner, out + n * columns, columns, onto);
    }
}

#define NAME_OF(level) xo_product_##level
#define NAME(level) NAME_OF(level)

void NAME(XO_LEVEL)(size_t rows, size_t inner, size_t columns, const double *left, const double *right, bool onto,
                    double *out)
{
    struct panel p;
    for (size_t from = 0; from < inner; from += DEPTH)     /* so much of `left` fits the second cache */
        for (size_t column = 0; column < columns; column += WIDTH) {
            pack(&p, right, inner, columns, from, column);
            through(&p, rows, inner, columns, left + from, out + column, onto || from > 0);
        }
}
#endif
