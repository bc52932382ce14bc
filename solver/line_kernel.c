/* The passes of engine line over an array, compiled once per instruction set: XO_LEVEL names it.
 *
 * A vector holds 8 neighbouring nodes: of 8 columns in a row of a bit-line tile, of 8 rows in a column of a word-line
 * tile.  Every operation is rounded to double as written, in the same order everywhere, so all give the same bytes.
 * Bytes: each pass reads and writes every plane named in its line of struct xo_line_kernels once; direction, apply
 * and reduce, an iteration of conjugate gradients, move 14 numbers per cell:
 *     direction  reads s, 1/pivot, p, y    writes p, y
 *     apply      reads p, cells, 1/pivot   writes q
 *     reduce     reads q, 1/pivot, s       writes s
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <float.h>
#include <math.h>
#include "line.h"

#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif
#define INLINE static inline __attribute__((always_inline))

typedef double v8 __attribute__((vector_size(64)));
typedef long long m8 __attribute__((vector_size(64)));
typedef double v8u __attribute__((vector_size(64), aligned(8), may_alias));

#define TINY 1e-290                    /* what underflow may swallow is far less than this much rounding */
#define SLACK (1 + 8 * DBL_EPSILON)

INLINE v8 load(const double *p) { return *(const v8u *)p; }
INLINE void store(double *p, v8 a) { *(v8u *)p = a; }
INLINE v8 spread(double a) { return (v8){a, a, a, a, a, a, a, a}; }
INLINE v8 magnitude(v8 a) { return (v8)((m8)a & 0x7fffffffffffffffLL); }
INLINE v8 keep(m8 mask, v8 a) { return (v8)(mask & (m8)a); }                       /* 0 elsewhere */
INLINE v8 larger(v8 a, v8 b)
{
    m8 first = a > b;
    return (v8)((first & (m8)a) | (~first & (m8)b));
}

INLINE double sum_of(v8 a)
{
    return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]));
}

INLINE double largest_of(v8 a)
{
    double most = a[0];
    for (int k = 1; k < 8; k++)
        most = a[k] > most ? a[k] : most;
    return most;
}

/* Rows become columns. */
INLINE void transpose(v8 a[8])
{
    v8 b[8], c[8];
    UNROLL
    for (int k = 0; k < 8; k += 2) {               /* pairs of rows */
        b[k] = __builtin_shufflevector(a[k], a[k + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        b[k + 1] = __builtin_shufflevector(a[k], a[k + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    UNROLL
    for (int k = 0; k < 8; k += 4)                 /* fours */
        for (int odd = 0; odd < 2; odd++) {
            c[k + odd] = __builtin_shufflevector(b[k + odd], b[k + odd + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            c[k + odd + 2] = __builtin_shufflevector(b[k + odd], b[k + odd + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    UNROLL
    for (int k = 0; k < 4; k++) {
        a[k] = __builtin_shufflevector(c[k], c[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        a[k + 4] = __builtin_shufflevector(c[k], c[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

INLINE void load_tile(v8 a[8], const double *p)
{
    UNROLL
    for (int k = 0; k < 8; k++)
        a[k] = load(p + 8 * k);
}

INLINE size_t tile_at(const struct xo_line_grid *n, size_t tile_row, size_t tile_column)
{
    return (tile_row * n->tile_columns + tile_column) * XO_TILE_CELLS;
}

/* ---- pivots --------------------------------------------------------------------------------------- */

/* One step of elimination without subtraction: `rest` is what ties the node to anything but the next one, and the
 * pivot is rest + next.  Returns 1 / pivot; *rest becomes what the next node inherits, next rest / pivot. */
INLINE v8 eliminate(v8 *rest, v8 next)
{
    v8 pivot = *rest + next, inverse = keep(pivot > 0, 1 / pivot);
    *rest = next * (*rest * inverse);
    return inverse;
}

static void word_pivots(const struct xo_line_grid *n, size_t tile_row)
{
    v8 inherited = {0};
    size_t last = n->columns - 1;
    for (size_t j = 0; j < n->tile_columns; j++) {
        const double *wire = xo_line_wire(n, &n->right, tile_row, j);
        size_t at = tile_at(n, tile_row, j);
        v8 g[8];
        load_tile(g, n->cell + at);
        transpose(g);
        if (j == 0)
            g[0] += load(n->end[XO_LEFT] + 8 * tile_row);
        if (j == last / 8)
            g[last % 8] += load(n->end[XO_RIGHT] + 8 * tile_row);
        UNROLL
        for (int k = 0; k < 8; k++) {
            inherited += g[k];
            store(n->word_inverse + at + 8 * k, eliminate(&inherited, load(wire + 8 * k)));
        }
    }
}

static void bit_pivots(const struct xo_line_grid *n, size_t from, size_t to)
{
    v8 inherited[XO_STRIP] = {0};
    size_t last = n->rows - 1;
    for (size_t i = 0; i < n->tile_rows; i++)
        for (size_t j = from; j < to; j++) {
            const double *wire = xo_line_wire(n, &n->below, i, j);
            size_t at = tile_at(n, i, j);
            v8 rest = inherited[j - from];
            UNROLL
            for (size_t k = 0; k < 8; k++) {
                rest += load(n->cell + at + 8 * k);
                if (i == 0 && k == 0)
                    rest += load(n->end[XO_TOP] + 8 * j);
                if (i == last / 8 && k == last % 8)
                    rest += load(n->end[XO_BOTTOM] + 8 * j);
                store(n->bit_inverse + at + 8 * k, eliminate(&rest, load(wire + 8 * k)));
            }
            inherited[j - from] = rest;
        }
}

/* ---- conjugate gradients -------------------------------------------------------------------------- */

/* x = L^-1 b along word lines, b in a[] column by column; *carry is what the column before sends on. */
INLINE void word_forward(const struct xo_line_grid *n, size_t tile_row, size_t j, v8 a[8], v8 *carry, double *x)
{
    const double *wire = xo_line_wire(n, &n->right, tile_row, j);
    const double *inverse = n->word_inverse + tile_at(n, tile_row, j);
    UNROLL
    for (int k = 0; k < 8; k++) {
        v8 sum = a[k] + *carry;
        store(x + 8 * k, sum);
        *carry = (load(wire + 8 * k) * load(inverse + 8 * k)) * sum;
    }
}

/* t = L^-T D^-1 x, from the last column to the first. */
INLINE void word_backward(const struct xo_line_grid *n, size_t tile_row, size_t j, const double *x, v8 *next, v8 a[8])
{
    const double *wire = xo_line_wire(n, &n->right, tile_row, j);
    const double *inverse = n->word_inverse + tile_at(n, tile_row, j);
    UNROLL
    for (int k = 8; k-- > 0;) {
        v8 d = load(inverse + 8 * k);
        *next = d * load(x + 8 * k) + (d * load(wire + 8 * k)) * *next;
        a[k] = *next;
    }
}

static void word_solve(const struct xo_line_grid *n, size_t tile_row, const double *rhs, const double *y, double *out)
{
    v8 a[8], carry = {0};
    for (size_t j = 0; j < n->tile_columns; j++) {
        size_t at = tile_at(n, tile_row, j);
        UNROLL
        for (int k = 0; k < 8; k++)
            a[k] = y ? load(n->cell + at + 8 * k) * load(y + at + 8 * k) : (v8){0};
        transpose(a);
        UNROLL
        for (int k = 0; rhs && k < 8; k++)
            a[k] += load(rhs + at + 8 * k);
        word_forward(n, tile_row, j, a, &carry, out + at);
    }
    carry = (v8){0};
    for (size_t j = n->tile_columns; j-- > 0;) {
        size_t at = tile_at(n, tile_row, j);
        word_backward(n, tile_row, j, out + at, &carry, a);
        UNROLL
        for (int k = 0; k < 8; k++)
            store(out + at + 8 * k, a[k]);
    }
}

static void add_cells(const struct xo_line_grid *n, size_t tile_row, const double *u, double *sum)
{
    for (size_t j = 0; j < n->tile_columns; j++) {
        size_t at = tile_at(n, tile_row, j);
        v8 a[8];
        load_tile(a, u + at);
        transpose(a);
        UNROLL
        for (int k = 0; k < 8; k++)
            store(sum + at + 8 * k, load(sum + at + 8 * k) + load(n->cell + at + 8 * k) * a[k]);
    }
}

static void direction(const struct xo_line_grid *n, size_t from, size_t to, double alpha, double beta,
                      const double *s, double *p, double *y)
{
    v8 below[XO_STRIP] = {0};
    for (size_t i = n->tile_rows; i-- > 0;)
        for (size_t j = from; j < to; j++) {
            const double *wire = xo_line_wire(n, &n->below, i, j);
            size_t at = tile_at(n, i, j);
            v8 z = below[j - from];
            UNROLL
            for (size_t k = 8; k-- > 0;) {
                v8 d = load(n->bit_inverse + at + 8 * k), before = load(p + at + 8 * k);
                z = d * load(s + at + 8 * k) + (d * load(wire + 8 * k)) * z;
                store(y + at + 8 * k, load(y + at + 8 * k) + alpha * before);
                store(p + at + 8 * k, z + beta * before);
            }
            below[j - from] = z;
        }
}

/* q = G (p - t) + (L_C p), L_C the bit-line wires, for one tile; a[] holds t row by row.  Returns p q. */
INLINE v8 apply_tile(const struct xo_line_grid *n, size_t tile_row, size_t j, const v8 a[8], const double *p,
                     double *q)
{
    size_t at = tile_at(n, tile_row, j), row = n->tile_columns * XO_TILE_CELLS;
    const double *wire = xo_line_wire(n, &n->below, tile_row, j);
    bool last = tile_row + 1 == n->tile_rows;
    v8 here = load(p + at), from_above = {0}, dot = {0};
    if (tile_row > 0)
        from_above = load(xo_line_wire(n, &n->below, tile_row - 1, j) + 56) * (load(p + at - row + 56) - here);
    UNROLL
    for (size_t k = 0; k < 8; k++) {
        v8 next = k < 7 ? load(p + at + 8 * (k + 1)) : last ? here : load(p + at + row);
        v8 down = load(wire + 8 * k) * (here - next);
        v8 sum = load(n->cell + at + 8 * k) * (here - a[k]) + (down - from_above);
        store(q + at + 8 * k, sum);
        dot += here * sum;
        from_above = down;
        here = next;
    }
    return dot;
}

static double apply(const struct xo_line_grid *n, size_t tile_row, const double *p, double *q)
{
    v8 a[8], carry = {0}, dot = {0};
    for (size_t j = 0; j < n->tile_columns; j++) {
        size_t at = tile_at(n, tile_row, j);
        UNROLL
        for (int k = 0; k < 8; k++)
            a[k] = load(n->cell + at + 8 * k) * load(p + at + 8 * k);
        transpose(a);
        word_forward(n, tile_row, j, a, &carry, q + at);       /* q keeps x until the way back */
    }
    carry = (v8){0};
    for (size_t j = n->tile_columns; j-- > 0;) {
        word_backward(n, tile_row, j, q + tile_at(n, tile_row, j), &carry, a);
        transpose(a);
        dot += apply_tile(n, tile_row, j, a, p, q);
    }
    return sum_of(dot);
}

static double reduce(const struct xo_line_grid *n, size_t from, size_t to, double alpha, const double *q, double *s)
{
    v8 above[XO_STRIP] = {0}, dot = {0};
    for (size_t i = 0; i < n->tile_rows; i++)
        for (size_t j = from; j < to; j++) {
            const double *wire = xo_line_wire(n, &n->below, i, j);
            size_t at = tile_at(n, i, j);
            v8 carry = above[j - from];
            UNROLL
            for (size_t k = 0; k < 8; k++) {
                v8 d = load(n->bit_inverse + at + 8 * k), x = load(q + at + 8 * k) + carry;
                v8 rest = load(s + at + 8 * k) - alpha * x;
                store(s + at + 8 * k, rest);
                dot += rest * rest * d;
                carry = (load(wire + 8 * k) * d) * x;
            }
            above[j - from] = carry;
        }
    return sum_of(dot);
}

/* ---- proof ---------------------------------------------------------------------------------------- */

INLINE void correct_one(double *hi, double *lo, v8 by)
{
    v8 a = load(hi), s = a + by, t = s - a, rest = (a - (s - t)) + (by - t);       /* Knuth's exact sum */
    v8 low = load(lo) + rest, high = s + low;
    store(hi, high);
    store(lo, low - (high - s));
}

static void correct(const struct xo_line_grid *n, size_t tile_row, struct xo_line_volts v, const double *du,
                    const double *dw)
{
    size_t from = tile_at(n, tile_row, 0), to = tile_at(n, tile_row + 1, 0);
    for (size_t at = from; at < to; at += 8) {
        correct_one(v.u + at, v.u_low + at, load(du + at));
        correct_one(v.w + at, v.w_low + at, load(dw + at));
    }
}

struct volt8 { v8 hi, lo; };
struct amp8 { v8 current, size; };

INLINE struct volt8 volt_at(const double *hi, const double *lo, size_t at)
{
    return (struct volt8){load(hi + at), load(lo + at)};
}

/* Current from a to b through g, to a few roundings of itself: the difference of the high parts is exact as a sum of
 * two, so the voltages' own rounding does not enter.  With u the unit roundoff, g = 1 / R or a cell behind its series
 * resistance is off by u, the drop by u |drop| + 2.1 u |drop of the low parts|, the product by u; adding at most five
 * currents at a node, 4 u of their sum: less than XO_LINE_ROUNDING = 8 u in all. */
INLINE struct amp8 branch(v8 g, struct volt8 a, struct volt8 b, v8 *watt)
{
    v8 s = a.hi - b.hi, t = s - a.hi, rest = (a.hi - (s - t)) - (b.hi + t), low = a.lo - b.lo;
    v8 drop = s + (rest + low), current = g * drop;
    m8 flows = (drop != 0) & (g > 0);
    *watt += current * drop;
    return (struct amp8){current, g * (magnitude(drop) + magnitude(low)) + keep(flows, spread(TINY))};
}

INLINE void leave(struct amp8 *node, struct amp8 i)
{
    node->current -= i.current;
    node->size += i.size;
}

INLINE void enter(struct amp8 *node, struct amp8 i)
{
    node->current += i.current;
    node->size += i.size;
}

struct judge { v8 worst, rounding, amp, watt; };

INLINE void judge_node(struct judge *judge, struct amp8 node, v8 inverse, double floor_amp, double *out)
{
    v8 rounding = node.size * XO_LINE_ROUNDING, r = magnitude(node.current), whole = r * SLACK + rounding;
    judge->worst = larger(keep(rounding > 0, r / rounding), judge->worst);
    judge->rounding = larger(rounding, judge->rounding);
    judge->amp = larger(whole, judge->amp);
    store(out, floor_amp < 0 ? node.current : whole + keep(inverse > 0, spread(floor_amp)));
}

/* Cells and bit-line wires of one tile: what enters the bit-line nodes is judged and stored, what leaves the word
 * lines through the cells goes to cells[], row by row. */
INLINE void bit_residual(const struct xo_line_grid *n, size_t tile_row, size_t j, const struct xo_line_volts *v,
                         double floor_amp, struct amp8 cells[8], double *b, struct judge *judge)
{
    size_t at = tile_at(n, tile_row, j), row = n->tile_columns * XO_TILE_CELLS, end = n->rows - 1;
    const double *wire = xo_line_wire(n, &n->below, tile_row, j);
    bool last = tile_row + 1 == n->tile_rows;
    struct volt8 here = volt_at(v->w, v->w_low, at), sense = {load(v->sense + 8 * j), {0}};
    struct amp8 above = {{0}, {0}};
    v8 hi[8], lo[8], nothing = {0};
    load_tile(hi, v->u + at);
    load_tile(lo, v->u_low + at);
    transpose(hi);
    transpose(lo);
    if (tile_row > 0)
        above = branch(load(xo_line_wire(n, &n->below, tile_row - 1, j) + 56), volt_at(v->w, v->w_low, at - row + 56),
                       here, &nothing);
    UNROLL
    for (size_t k = 0; k < 8; k++) {
        struct volt8 next = k < 7 ? volt_at(v->w, v->w_low, at + 8 * (k + 1))
                          : last ? here : volt_at(v->w, v->w_low, at + row);
        struct amp8 down = branch(load(wire + 8 * k), here, next, &judge->watt), node = above;
        cells[k] = branch(load(n->cell + at + 8 * k), (struct volt8){hi[k], lo[k]}, here, &judge->watt);
        enter(&node, cells[k]);
        leave(&node, down);
        if (tile_row == 0 && k == 0)
            leave(&node, branch(load(n->end[XO_TOP] + 8 * j), here, sense, &judge->watt));
        if (tile_row == end / 8 && k == end % 8)
            leave(&node, branch(load(n->end[XO_BOTTOM] + 8 * j), here, sense, &judge->watt));
        judge_node(judge, node, load(n->bit_inverse + at + 8 * k), floor_amp, b + at + 8 * k);
        above = down;
        here = next;
    }
}

/* Word-line wires and sources of one tile; *left is what comes from the column before. */
INLINE void word_residual(const struct xo_line_grid *n, size_t tile_row, size_t j, const struct xo_line_volts *v,
                          double floor_amp, const struct amp8 cells[8], struct amp8 *left, double *a,
                          struct judge *judge)
{
    size_t at = tile_at(n, tile_row, j), end = n->columns - 1;
    const double *wire = xo_line_wire(n, &n->right, tile_row, j);
    bool last = j + 1 == n->tile_columns;
    struct volt8 here = volt_at(v->u, v->u_low, at), source = {load(v->source + 8 * tile_row), {0}};
    v8 current[8], size[8];
    UNROLL
    for (int k = 0; k < 8; k++) {
        current[k] = cells[k].current;
        size[k] = cells[k].size;
    }
    transpose(current);
    transpose(size);
    UNROLL
    for (size_t k = 0; k < 8; k++) {
        struct volt8 next = k == 7 && last ? here : volt_at(v->u, v->u_low, at + 8 * (k + 1));
        struct amp8 right = branch(load(wire + 8 * k), here, next, &judge->watt), node = *left;
        leave(&node, (struct amp8){current[k], size[k]});
        leave(&node, right);
        if (j == 0 && k == 0)
            enter(&node, branch(load(n->end[XO_LEFT] + 8 * tile_row), source, here, &judge->watt));
        if (j == end / 8 && k == end % 8)
            enter(&node, branch(load(n->end[XO_RIGHT] + 8 * tile_row), source, here, &judge->watt));
        judge_node(judge, node, load(n->word_inverse + at + 8 * k), floor_amp, a + at + 8 * k);
        *left = right;
        here = next;
    }
}

static void residual(const struct xo_line_grid *n, size_t tile_row, const struct xo_line_volts *v, double floor_amp,
                     double *a, double *b, struct xo_line_found *found)
{
    struct judge judge = {{0}, {0}, {0}, {0}};
    struct amp8 left = {{0}, {0}}, cells[8];
    for (size_t j = 0; j < n->tile_columns; j++) {
        bit_residual(n, tile_row, j, v, floor_amp, cells, b, &judge);
        word_residual(n, tile_row, j, v, floor_amp, cells, &left, a, &judge);
    }
    *found = (struct xo_line_found){largest_of(judge.worst), largest_of(judge.rounding), largest_of(judge.amp),
                                    sum_of(judge.watt), 0};
}

/* Current from a to b in plain double: w need not be exact, only K w known to be large enough. */
INLINE struct amp8 plain(v8 g, v8 a, v8 b)
{
    v8 current = g * (a - b);
    return (struct amp8){current, magnitude(current)};
}

/* f / (K w) where f > 0, and infinity where K w or w is not positive there. */
INLINE v8 ratio_of(struct amp8 out, v8 w, v8 f)
{
    v8 least = out.current - out.size * XO_LINE_ROUNDING;
    m8 good = (least > 0) & (w > 0) & (f <= DBL_MAX), nothing = f == 0;
    v8 ratio = keep(good & ~nothing, f / least);
    return ratio + keep(~good & ~nothing, spread(INFINITY));
}

INLINE void bit_ceiling(const struct xo_line_grid *n, size_t tile_row, size_t j, const double *wu, const double *ww,
                        const double *fw, struct amp8 cells[8], v8 *most)
{
    size_t at = tile_at(n, tile_row, j), row = n->tile_columns * XO_TILE_CELLS, end = n->rows - 1;
    const double *wire = xo_line_wire(n, &n->below, tile_row, j);
    bool last = tile_row + 1 == n->tile_rows;
    v8 u[8], here = load(ww + at);
    struct amp8 above = {{0}, {0}};
    load_tile(u, wu + at);
    transpose(u);
    if (tile_row > 0)
        above = plain(load(xo_line_wire(n, &n->below, tile_row - 1, j) + 56), load(ww + at - row + 56), here);
    UNROLL
    for (size_t k = 0; k < 8; k++) {
        v8 next = k < 7 ? load(ww + at + 8 * (k + 1)) : last ? here : load(ww + at + row);
        struct amp8 node = plain(load(wire + 8 * k), here, next), down = node;
        cells[k] = plain(load(n->cell + at + 8 * k), u[k], here);
        leave(&node, cells[k]);
        leave(&node, above);
        if (tile_row == 0 && k == 0)
            enter(&node, plain(load(n->end[XO_TOP] + 8 * j), here, (v8){0}));
        if (tile_row == end / 8 && k == end % 8)
            enter(&node, plain(load(n->end[XO_BOTTOM] + 8 * j), here, (v8){0}));
        *most = larger(ratio_of(node, here, load(fw + at + 8 * k)), *most);
        above = down;
        here = next;
    }
}

INLINE void word_ceiling(const struct xo_line_grid *n, size_t tile_row, size_t j, const double *wu, const double *fu,
                         const struct amp8 cells[8], struct amp8 *left, v8 *most)
{
    size_t at = tile_at(n, tile_row, j), end = n->columns - 1;
    const double *wire = xo_line_wire(n, &n->right, tile_row, j);
    bool last = j + 1 == n->tile_columns;
    v8 here = load(wu + at), current[8];
    UNROLL
    for (int k = 0; k < 8; k++)
        current[k] = cells[k].current;
    transpose(current);
    UNROLL
    for (size_t k = 0; k < 8; k++) {
        v8 next = k == 7 && last ? here : load(wu + at + 8 * (k + 1));
        struct amp8 node = plain(load(wire + 8 * k), here, next), right = node;
        enter(&node, (struct amp8){current[k], magnitude(current[k])});
        leave(&node, *left);
        if (j == 0 && k == 0)
            enter(&node, plain(load(n->end[XO_LEFT] + 8 * tile_row), here, (v8){0}));
        if (j == end / 8 && k == end % 8)
            enter(&node, plain(load(n->end[XO_RIGHT] + 8 * tile_row), here, (v8){0}));
        *most = larger(ratio_of(node, here, load(fu + at + 8 * k)), *most);
        *left = right;
        here = next;
    }
}

static void ceiling(const struct xo_line_grid *n, size_t tile_row, const double *wu, const double *ww,
                    const double *fu, const double *fw, struct xo_line_found *found)
{
    struct amp8 left = {{0}, {0}}, cells[8];
    v8 most = {0};
    for (size_t j = 0; j < n->tile_columns; j++) {
        bit_ceiling(n, tile_row, j, wu, ww, fw, cells, &most);
        word_ceiling(n, tile_row, j, wu, fu, cells, &left, &most);
    }
    found->ratio = largest_of(most);
}

#define NAME_OF(level) xo_line_##level
#define NAME(level) NAME_OF(level)

const struct xo_line_kernels NAME(XO_LEVEL) = {
    word_pivots, bit_pivots, word_solve, add_cells, direction, apply, reduce, correct, residual, ceiling
};
