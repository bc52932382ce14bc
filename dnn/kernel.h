/* Digits by conductances, with ADC, decoding and shift-add in registers.  Private to dnn/.
 * A row is what an array sees at one time: the digits of one stream of one position, streams innermost.  A strip is
 * 32 columns in two halves; what is summed of a half goes to 16 neighbouring outputs.  For every row and column
 *     z    = (sum_i volt(digit_i) b_i + given) mul + add          round half to even, clamp    -> code
 *     back = round((code - code of 0 A) back - known)             or simply code - code of 0 A
 *     sum of the row's position += +-back 2^shift of its stream
 * and only the sums are stored.  Currents are in units of I_unit, so that ideal arrays hold small whole numbers and
 * float32 adds them exactly.
 * With 1 or 2 bits per digit every 4 bits (4 or 2 rows of the array) choose one of 16 sums from a table that is made
 * once for all positions (Arlazarov et al., Dokl. Akad. Nauk SSSR 194, 1970): a quarter or half of the additions, and
 * no multiplication.  Wider digits are multiplied.  No operation is fused: every instruction set gives the same
 * bytes.  SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_KERNEL_H
#define XO_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "xo_simd.h"

enum { XO_STRIP = 32, XO_HALF = 16, XO_TABLE = 16 * XO_STRIP, XO_ROWS_AT_ONCE = 4 };
/* z + this rounds z to a whole number; its bits less those of this are z: |z| <= 2^22. */
#define XO_ROUND 0x1.8p23f
#define XO_ROUND_BITS 0x4b400000u

/* Digits of some positions for the rows of one row block.  Arrays have room for XO_ROWS_AT_ONCE - 1 rows more. */
struct xo_digits {
    size_t rows, streams;              /* rows: positions times streams                                   */
    size_t inputs;                     /* rows of the array in use                                        */
    int bits;                          /* 1, 2: packed into `packed`; 0: as voltages in `volt`             */
    const uint8_t *packed;             /* [rows][row_bytes] low bits first, zeros behind the last          */
    size_t row_bytes;                  /* xo_packed_bytes(inputs, bits)                                   */
    const float *volt;                 /* [rows][inputs]                                                  */
    const float *given;                /* [rows] off-current, unless it is in b; NULL: none               */
    bool ready;                        /* currents [rows][XO_STRIP] take the place of a table             */
};

/* Rungs of nonlinear cells: with `volt` less t across it a rung carries sum_k curve[k] t^k.  A column's voltages
 * follow from that of its farthest rung, which Newton's method finds between low and high. */
struct xo_curves {
    int degree;
    const float *curve;                /* [rungs][degree + 1][XO_STRIP]                                  */
    float low[XO_STRIP], high[XO_STRIP];
    float close;                       /* a step so small is the last: what it leaves is below float32    */
};
enum { XO_MOST_CLIMBS = 12 };

/* Columns of a strip as gated ladders (solver/xo_ladder.h): siemens in weight levels, ohm in their inverse. */
struct xo_rungs {
    size_t rungs;
    const float *siemens;              /* [rungs][XO_STRIP]; of nonlinear cells about                    */
    const struct xo_curves *curves;    /* NULL: ohmic cells                                               */
    const float *position;             /* [rungs + 1][XO_STRIP] ohm from the farthest rung in use to each, and to */
                                       /* the last row of the array; NULL: uniform                        */
    float step_ohm;                    /* uniform: from row to row                                        */
    bool opposed;                      /* ends at two sides: what is above is of the first line, the second has ... */
    const float *second_position;      /* [rungs + 1][XO_STRIP] from row 0 on, as position is then       */
    float second_step_ohm;
    int last_row;                      /* nearest to the ends                                             */
    float end_ohm[XO_STRIP], volt[XO_STRIP];
};

/* Which rungs are on, the farthest first. */
struct xo_active {
    const uint16_t *rung;              /* [rows][rungs] count[row] of them                                */
    const uint16_t *count;             /* [rows]                                                          */
    size_t rungs;
};

/* Whole quadruples of table entries. */
static inline size_t xo_packed_bytes(size_t inputs, int bits)
{
    return (inputs * (size_t)bits + 15) / 16 * 2;
}

/* Weight of a stream or a half: +-2^shift. */
struct xo_weight { int shift; bool negative; };

/* How the columns of a strip are read. */
struct xo_reading {
    float mul[XO_STRIP], add[XO_STRIP];
    float zero[XO_STRIP];              /* XO_ROUND plus the code of 0 A                                   */
    float back[XO_STRIP];              /* gain LSB/I_unit                                                 */
    int32_t start[XO_STRIP];           /* of a position's sum: takes XO_ROUND_BITS and the code of 0 A off */
    float low, high;                   /* codes                                                           */
    bool integer;                      /* round to whole units of I_unit; else sum codes                  */
};

/* Where a stream's digits are: bits shift .. shift + bits - 1 of bytes; 32 bytes beyond the last may be read. */
struct xo_digit_bits { const uint8_t *byte; int shift, bits; };

struct xo_kernels {
    /* out [rows][XO_STRIP]: currents.  table: b itself where digits are voltages. */
    void (*currents)(const struct xo_digits *d, const float *table, float *out);
    /* sum[half] [positions][stride] += weight of the half times the position's sum.  known[half] [rows]: needed if
     * r->integer and there is a given off-current; else both may be NULL.  stream [streams] */
    void (*convert)(const struct xo_digits *d, const float *table, const struct xo_reading *r,
                    const struct xo_weight *stream, const struct xo_weight half[2], const float *const known[2],
                    int32_t *const sum[2], size_t stride);
    /* table [2 xo_packed_bytes][16][XO_STRIP], 64-byte aligned, of b [inputs][XO_STRIP]; level: volt of a digit */
    void (*tabulate)(float *table, size_t inputs, int bits, const float *level, const float *b);
    /* total[p][j] += scale[j] sum[p][j] - less[j] known[p] (known may be NULL), j < count */
    void (*flush)(double *total, size_t total_stride, const int32_t *sum, size_t sum_stride, size_t positions,
                  size_t count, const double *scale, const double *less, const double *known);
    /* Digits of a position's streams, packed side by side: packed [streams][row_bytes], and 2 bytes beyond. */
    void (*pack)(const struct xo_digit_bits *stream, size_t streams, size_t count, int bits, uint8_t *packed,
                 size_t row_bytes);
    /* ... or as numbers: volt [streams][count] */
    void (*widen)(const struct xo_digit_bits *stream, size_t streams, size_t count, float *volt);
    /* round((double)x/scale), clamped */
    void (*quantise)(const float *x, size_t count, double scale, int32_t low, int32_t high, int32_t *out);
    /* out [rows][XO_STRIP] in float64: sum_i x[row][i] b[i], in the order of i; x lies `stride` apart. */
    void (*weigh)(const double *x, size_t stride, size_t rows, size_t inputs, const float *b, double *out);
    /* out [rows][XO_STRIP]: currents of plus, less those of minus (may be NULL); returns how many rows of nonlinear
     * cells did not settle  (kernel_ladder.c) */
    size_t (*climb)(const struct xo_active *, size_t, const struct xo_rungs *, const struct xo_rungs *, float *);
};

const struct xo_kernels *xo_kernels_of(enum xo_simd simd);

typedef size_t xo_climb(const struct xo_active *a, size_t rows, const struct xo_rungs *plus,
                      const struct xo_rungs *minus, float *out);
extern xo_climb xo_climb_portable, xo_climb_avx2, xo_climb_avx512;
extern const struct xo_kernels xo_kernels_portable;
extern const struct xo_kernels xo_kernels_avx2, xo_kernels_avx512;      /* where the compiler makes them */

#endif
