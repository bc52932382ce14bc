/* What the kernels of one instruction set are written in: registers of LANES floats, a strip of VECTORS of them.  The
 * build names the set by XO_LEVEL.  Private to dnn/.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_KERNEL_VECTOR_H
#define XO_KERNEL_VECTOR_H

#include "kernel.h"

#define XO_PASTE_(a, b) a##b
#define XO_PASTE(a, b) XO_PASTE_(a, b)
#define avx512 1
#define avx2 2
#define portable 3
#if XO_LEVEL == avx512
enum { LANES = 16, ROWS = 4 };
#define CLAMP(z, low, high) _mm512_min_ps(_mm512_max_ps(z, low), high)
#elif XO_LEVEL == avx2
enum { LANES = 8, ROWS = 2 };
#define CLAMP(z, low, high) _mm256_min_ps(_mm256_max_ps(z, low), high)
#else
enum { LANES = 4, ROWS = 1 };
#endif
#undef avx512
#undef avx2
#undef portable
#if defined CLAMP
#include <immintrin.h>
#endif

/* Loops over registers; clang unrolls them unasked. */
#if defined __clang__
#define UNROLL
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

enum { VECTORS = XO_STRIP / LANES, HALF = XO_HALF / LANES };    /* of a strip, of its half */
typedef float vec __attribute__((vector_size(4 * LANES), may_alias));
typedef uint32_t whole __attribute__((vector_size(4 * LANES), may_alias));
typedef float unaligned_vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef uint32_t unaligned_whole __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
#define INLINE static inline __attribute__((always_inline))

INLINE vec load(const float *x) { return *(const unaligned_vec *)x; }

#if defined CLAMP
INLINE vec clamp(vec z, vec low, vec high) { return CLAMP(z, low, high); }
#else
INLINE vec choose(whole which, vec yes, vec no) { return (vec)((which & (whole)yes) | (~which & (whole)no)); }
INLINE vec clamp(vec z, vec low, vec high)
{
    z = choose((whole)(z > low), z, low);
    return choose((whole)(z < high), z, high);
}
#endif

#endif
