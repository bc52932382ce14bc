/* The kernels of kernel.h for one instruction set: the build compiles this file once for each, with XO_LEVEL naming
 * it.  SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <string.h>
#include "kernel_vector.h"

/* ---- sums ----------------------------------------------------------------------------------------- */

struct sums { vec of[ROWS][VECTORS]; };

/* Four bits at a time choose a sum from a table. */
INLINE void add_chosen(struct sums *s, const struct xo_digits *d, size_t row, const float *table)
{
    const uint8_t *packed = d->packed + row * d->row_bytes;
    for (size_t at = 0; at < d->row_bytes; at += 2, table += 4 * XO_TABLE) {
        uint32_t word[ROWS];
        UNROLL for (int r = 0; r < ROWS; r++) {
            const uint8_t *two = packed + (size_t)r * d->row_bytes + at;
            word[r] = (two[0] | (uint32_t)two[1] << 8) << 7;    /* an entry has 128 bytes */
        }
        UNROLL for (int n = 0; n < 4; n++)
            UNROLL for (int r = 0; r < ROWS; r++) {
                const vec *entry = (const vec *)((const char *)table + (word[r] >> 4 * n & 15 << 7));
                UNROLL for (int v = 0; v < VECTORS; v++)
                    s->of[r][v] += entry[n * (XO_TABLE / LANES) + v];
            }
    }
}

INLINE void add_products(struct sums *s, const struct xo_digits *d, size_t row, const float *b)
{
    const float *volt = d->volt + row * d->inputs;
    for (size_t i = 0; i < d->inputs; i++, b += XO_STRIP)
        UNROLL for (int v = 0; v < VECTORS; v++) {
            vec column = load(b + v * LANES);
            UNROLL for (int r = 0; r < ROWS; r++)
                s->of[r][v] += column * volt[(size_t)r * d->inputs + i];
        }
}

/* Currents that are there. */
INLINE void take_ready(struct sums *s, size_t row, const float *ready)
{
    UNROLL for (int r = 0; r < ROWS; r++)
        UNROLL for (int v = 0; v < VECTORS; v++)
            s->of[r][v] = load(ready + (row + (size_t)r) * XO_STRIP + v * LANES);
}

enum source { PRODUCTS, CHOSEN, READY };

/* Of rows row, row + 1, ... */
INLINE void sum_rows(struct sums *s, const struct xo_digits *d, size_t row, const float *table, enum source from)
{
    memset(s, 0, sizeof *s);
    if (from == READY)
        take_ready(s, row, table);
    else if (from == CHOSEN)
        add_chosen(s, d, row, table);
    else
        add_products(s, d, row, table);
}

INLINE void store_currents(const struct xo_digits *d, const float *table, float *out, enum source from)
{
    for (size_t row = 0; row < d->rows; row += ROWS) {
        struct sums s;
        sum_rows(&s, d, row, table, from);
        UNROLL for (int r = 0; r < ROWS; r++) {
            if (row + (size_t)r >= d->rows)
                return;
            UNROLL for (int v = 0; v < VECTORS; v++) {
                float *to = out + (row + (size_t)r) * XO_STRIP + v * LANES;
                *(unaligned_vec *)to = s.of[r][v] + (d->given ? d->given[row + (size_t)r] : 0);
            }
        }
    }
}

static void currents(const struct xo_digits *d, const float *table, float *out)
{
    if (d->bits)
        store_currents(d, table, out, CHOSEN);
    else
        store_currents(d, table, out, PRODUCTS);
}

/* ---- conversions ---------------------------------------------------------------------------------- */

/* What convert() below is compiled for. */
struct kind { enum source from; bool off, integer; };

struct running {
    const struct xo_reading *r;
    const float *given, *const *known; /* of this row */
    whole sum[VECTORS];                /* of this position */
};

/* One row's currents -> codes -> decoded -> on top of its position's sum. */
INLINE void convert_row(struct running *now, const vec *current, size_t row, struct xo_weight w, struct kind is)
{
    const struct xo_reading *r = now->r;
    const vec none = {0}, low = none + r->low, high = none + r->high;
    UNROLL for (int v = 0; v < VECTORS; v++) {
        vec z = current[v];
        if (is.off && now->given)
            z += now->given[row];
        z = clamp(z * load(r->mul + v * LANES) + load(r->add + v * LANES), low, high) + XO_ROUND;
        if (is.integer) {
            z = (z - load(r->zero + v * LANES)) * load(r->back + v * LANES);
            if (is.off)
                z -= now->known[v / HALF][row];
            z += XO_ROUND;
        }
        whole weighed = (whole)z << w.shift;
        now->sum[v] = w.negative ? now->sum[v] - weighed : now->sum[v] + weighed;
    }
}

INLINE void start(struct running *now)
{
    UNROLL for (int v = 0; v < VECTORS; v++)
        now->sum[v] = *(const unaligned_whole *)(now->r->start + v * LANES);
}

INLINE void store_sums(const struct running *now, const struct xo_weight half[2], int32_t *const sum[2], size_t at)
{
    UNROLL for (int v = 0; v < VECTORS; v++) {
        struct xo_weight w = half[v / HALF];
        unaligned_whole *out = (unaligned_whole *)(sum[v / HALF] + at + v % HALF * LANES);
        whole weighed = now->sum[v] << w.shift;
        *out = w.negative ? *out - weighed : *out + weighed;
    }
}

INLINE void convert_as(const struct xo_digits *d, const float *table, const struct xo_reading *r,
                       const struct xo_weight *stream, const struct xo_weight half[2], const float *const known[2],
                       int32_t *const sum[2], size_t stride, struct kind is)
{
    struct running now = { .r = r, .given = d->given, .known = known };
    size_t t = 0, at = 0;
    start(&now);
    for (size_t row = 0; row < d->rows; row += ROWS) {
        struct sums s;
        sum_rows(&s, d, row, table, is.from);
        UNROLL for (int k = 0; k < ROWS; k++) {
            if (row + (size_t)k >= d->rows)
                return;
            convert_row(&now, s.of[k], row + (size_t)k, stream[t], is);
            if (++t < d->streams)
                continue;
            store_sums(&now, half, sum, at);
            start(&now);
            at += stride;
            t = 0;
        }
    }
}

#define CONVERT(name, ...)                                                                                          \
    static void name(const struct xo_digits *d, const float *table, const struct xo_reading *r,                     \
                     const struct xo_weight *stream, const struct xo_weight half[2], const float *const known[2],   \
                     int32_t *const sum[2], size_t stride)                                                          \
    {                                                                                                               \
        convert_as(d, table, r, stream, half, known, sum, stride, (struct kind){ __VA_ARGS__ });                    \
    }
/*                      sums, off-current, whole numbers */
CONVERT(multiply_codes,     PRODUCTS, false, false)
CONVERT(multiply_integers,  PRODUCTS, false, true)
CONVERT(multiply_off_codes, PRODUCTS, true,  false)
CONVERT(multiply_off_integers, PRODUCTS, true, true)
CONVERT(choose_codes,       CHOSEN, false, false)
CONVERT(choose_integers,    CHOSEN, false, true)
CONVERT(choose_off_codes,   CHOSEN, true,  false)
CONVERT(choose_off_integers, CHOSEN, true,  true)
CONVERT(ready_codes,        READY, false, false)
CONVERT(ready_integers,     READY, false, true)
CONVERT(ready_off_codes,    READY, true,  false)
CONVERT(ready_off_integers, READY, true,  true)

static void convert(const struct xo_digits *d, const float *table, const struct xo_reading *r,
                    const struct xo_weight *stream, const struct xo_weight half[2], const float *const known[2],
                    int32_t *const sum[2], size_t stride)
{
    static void (*const of[3][2][2])(const struct xo_digits *, const float *, const struct xo_reading *,
                                     const struct xo_weight *, const struct xo_weight *, const float *const *,
                                     int32_t *const *, size_t) = {
        [PRODUCTS] = { { multiply_codes, multiply_integers }, { multiply_off_codes, multiply_off_integers } },
        [CHOSEN] = { { choose_codes, choose_integers }, { choose_off_codes, choose_off_integers } },
        [READY] = { { ready_codes, ready_integers }, { ready_off_codes, ready_off_integers } },
    };
    enum source from = d->ready ? READY : d->bits ? CHOSEN : PRODUCTS;
    of[from][d->given || known[0]][r->integer](d, table, r, stream, half, known, sum, stride);
}

/* ---- tables --------------------------------------------------------------------------------------- */

/* Sums for the 4 values of two bits: of two rows, or of one row with digits of two bits. */
INLINE void sums_of_two_bits(vec sum[4], size_t inputs, int bits, size_t row, const float *level, const float *b)
{
    const vec none = {0};
    vec one = row < inputs ? load(b + row * XO_STRIP) : none;
    vec two = bits == 1 && row + 1 < inputs ? load(b + (row + 1) * XO_STRIP) : none;
    UNROLL for (int n = 0; n < 4; n++)
        sum[n] = bits == 1 ? one * level[n & 1] + two * level[n >> 1] : one * level[n];
}

static void tabulate(float *table, size_t inputs, int bits, const float *level, const float *b)
{
    size_t entries = 2 * xo_packed_bytes(inputs, bits), rows = bits == 1 ? 2 : 1;
    for (size_t e = 0; e < entries; e++, table += XO_TABLE)
        UNROLL for (int v = 0; v < VECTORS; v++) {
            vec low[4], high[4];
            sums_of_two_bits(low, inputs, bits, 2 * e * rows, level, b + v * LANES);
            sums_of_two_bits(high, inputs, bits, (2 * e + 1) * rows, level, b + v * LANES);
            UNROLL for (int n = 0; n < 16; n++)
                *(vec *)(table + n * XO_STRIP + v * LANES) = low[n & 3] + high[n >> 2];
        }
}

/* ---- around them ---------------------------------------------------------------------------------- */

static void flush(double *restrict total, size_t total_stride, const int32_t *restrict sum, size_t sum_stride,
                  size_t positions, size_t count, const double *restrict scale, const double *restrict less,
                  const double *known)
{
    for (size_t p = 0; p < positions; p++, total += total_stride, sum += sum_stride) {
        double off = known ? known[p] : 0;
        #pragma omp simd
        for (size_t j = 0; j < count; j++)
            total[j] += scale[j] * sum[j] - less[j] * off;
    }
}

/* 8 bytes, each with a digit in its low bits -> that many bits side by side. */
INLINE uint64_t squeeze(uint64_t x, int bits)
{
    x = (x | x >> (8 - bits)) & (bits == 1 ? 0x0003000300030003u : 0x000f000f000f000fu);
    x = (x | x >> 2 * (8 - bits)) & (bits == 1 ? 0x0000000f0000000fu : 0x000000ff000000ffu);
    return (x | x >> 4 * (8 - bits)) & (bits == 1 ? 0xffu : 0xffffu);
}

/* Eight values at a time; what lies behind the last becomes 0. */
INLINE void pack_eights(const struct xo_digit_bits *s, size_t count, int bits, uint8_t *packed, size_t row_bytes)
{
    const uint64_t digit = s->bits == 1 ? 0x0101010101010101u : 0x0303030303030303u;
    for (size_t i = 0; i < count; i += 8) {
        uint64_t eight = 0;
        for (int n = 0; n < 8; n++)
            eight |= (uint64_t)s->byte[i + (size_t)n] << 8 * n;
        eight = squeeze(eight >> s->shift & digit, bits);
        if (count - i < 8)
            eight &= ((uint64_t)1 << (int)(count - i) * bits) - 1;
        for (int n = 0; n < bits; n++)
            packed[i / 8 * (size_t)bits + (size_t)n] = (uint8_t)(eight >> 8 * n);
    }
    for (size_t at = (count + 7) / 8 * (size_t)bits; at < row_bytes; at++)
        packed[at] = 0;
}

#if defined CLAMP
/* The sign bits of 32 bytes are one instruction. */
INLINE void pack_bits(const struct xo_digit_bits *s, size_t count, uint8_t *packed)
{
    const __m128i up = _mm_cvtsi32_si128(7 - s->shift);
    for (size_t i = 0; i < count; i += 32, packed += 4) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(s->byte + i));
        uint32_t bit = (uint32_t)_mm256_movemask_epi8(_mm256_sll_epi16(bytes, up));
        if (count - i < 32)
            bit &= ((uint32_t)1 << (count - i)) - 1;
        memcpy(packed, &bit, sizeof bit);
    }
}
#else
INLINE void pack_bits(const struct xo_digit_bits *s, size_t count, uint8_t *packed)
{
    pack_eights(s, count, 1, packed, xo_packed_bytes(count, 1));
}
#endif

static void pack(const struct xo_digit_bits *stream, size_t streams, size_t count, int bits, uint8_t *packed,
                 size_t row_bytes)
{
    for (size_t t = 0; t < streams; t++, packed += row_bytes)
        if (bits == 1)
            pack_bits(&stream[t], count, packed);
        else
            pack_eights(&stream[t], count, bits, packed, row_bytes);
}

static void widen(const struct xo_digit_bits *stream, size_t streams, size_t count, float *volt)
{
    for (size_t t = 0; t < streams; t++, volt += count) {
        const uint8_t *byte = stream[t].byte;
        const int shift = stream[t].shift, mask = (1 << stream[t].bits) - 1;
        #pragma omp simd
        for (size_t i = 0; i < count; i++)
            volt[i] = (float)(byte[i] >> shift & mask);
    }
}

static void quantise(const float *x, size_t count, double scale, int32_t low, int32_t high, int32_t *out)
{
    const double round = 0x1.8p52, least = low, most = high;
    #pragma omp simd
    for (size_t k = 0; k < count; k++) {
        double z = (double)x[k] / scale;
        z = z > least ? z : least;
        z = z < most ? z : most;
        out[k] = (int32_t)((z + round) - round);
    }
}

/* ---- in float64 ------------------------------------------------------------------------------------ */

typedef double wide __attribute__((vector_size(4 * LANES), may_alias));
typedef float narrow __attribute__((vector_size(2 * LANES), aligned(4), may_alias));
enum { WIDES = 2 * HALF };             /* of a half */

INLINE void weigh_half(const double *x, size_t stride, const int rows, size_t inputs, const float *b, double *out)
{
    wide sum[ROWS][WIDES] = { { { 0 } } };
    for (size_t i = 0; i < inputs; i++, b += XO_STRIP)
        UNROLL for (int v = 0; v < WIDES; v++) {
            wide column = __builtin_convertvector(*(const narrow *)(b + v * LANES / 2), wide);
            UNROLL for (int r = 0; r < rows; r++)
                sum[r][v] += column * x[(size_t)r * stride + i];
        }
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < WIDES; v++)
            *(wide *)(out + r * XO_STRIP + v * LANES / 2) = sum[r][v];
}

static void weigh(const double *x, size_t stride, size_t rows, size_t inputs, const float *b, double *out)
{
    for (size_t row = 0; row < rows; row += rows - row < ROWS ? 1 : ROWS)
        for (size_t half = 0; half < XO_STRIP; half += XO_HALF)
            if (rows - row < ROWS)
                weigh_half(x + row * stride, stride, 1, inputs, b + half, out + row * XO_STRIP + half);
            else
                weigh_half(x + row * stride, stride, ROWS, inputs, b + half, out + row * XO_STRIP + half);
}

const struct xo_kernels XO_PASTE(xo_kernels_, XO_LEVEL) = {
    currents, convert, tabulate, flush, pack, widen, quantise, weigh, XO_PASTE(xo_climb_, XO_LEVEL)
};
