/* Vectors of `real` (double or float, defined by the includer) for one instruction set (internal).
 * The build compiles the same source once per instruction set, with XO_LEVEL naming it and the right -m flags.
 * Multiply-add is written out: rounding once where the machine can is wanted here, and counted in the bounds.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define XO_PASTE_(a, b, c) a##b##c
#define XO_PASTE(a, b, c) XO_PASTE_(a, b, c)

#define avx512 1
#define avx2 2
#define portable 3
#if XO_LEVEL == avx512
#define VECTOR_BYTES 64
#define PREFIX _mm512_
#elif XO_LEVEL == avx2
#define VECTOR_BYTES 32
#define PREFIX _mm256_
#else
#define VECTOR_BYTES 16
#endif
#define WIDE (VECTOR_BYTES == 64)      /* 16 sums and 8 operands fit the registers */
#define FUSED (VECTOR_BYTES > 16)
#undef avx512
#undef avx2
#undef portable

typedef real vec __attribute__((vector_size(VECTOR_BYTES), may_alias));
#if XO_SINGLE
typedef int32_t mask __attribute__((vector_size(VECTOR_BYTES)));
#define SUFFIX ps
#else
typedef int64_t mask __attribute__((vector_size(VECTOR_BYTES)));
#define SUFFIX pd
#endif
#define LANES ((int)(VECTOR_BYTES / sizeof(real)))

#if FUSED
#include <immintrin.h>
#define BROADCAST(x) ((vec)XO_PASTE(PREFIX, set1_, SUFFIX)(x))
#define FMA(a, b, c) ((vec)XO_PASTE(PREFIX, fmadd_, SUFFIX)(a, b, c))
#define ROOT(a) ((vec)XO_PASTE(PREFIX, sqrt_, SUFFIX)(a))
#else
#define FMA(a, b, c) ((a) * (b) + (c))

static inline vec BROADCAST(real x)
{
    vec v;
    for (int lane = 0; lane < LANES; lane++)
        v[lane] = x;
    return v;
}

static inline vec ROOT(vec a)
{
    for (int lane = 0; lane < LANES; lane++)
        a[lane] = (real)sqrt((double)a[lane]);
    return a;
}
#endif
