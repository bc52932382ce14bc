/* Which kernels.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "kernel.h"

const struct xo_kernels *xo_kernels_of(enum xo_simd simd)
{
    if (simd == XO_SIMD_BEST)
        simd = xo_simd_best();
#if defined HAVE_X86_SIMD
    if (simd == XO_SIMD_AVX512)
        return &xo_kernels_avx512;
    if (simd == XO_SIMD_AVX2)
        return &xo_kernels_avx2;
#endif
    return &xo_kernels_portable;
}
