/* Which product: our own kernels, or the BLAS.  Fixed per instruction set rather than raced, so that results do not
 * change from run to run; bench/apply shows how they compare.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "product.h"
#include <cblas.h>
#include "xo_fcm.h"

static xo_product_kernel *kernel_of(enum xo_simd simd)
{
#ifdef HAVE_X86_SIMD
    if (simd == XO_SIMD_BEST || !xo_simd_available(simd))
        simd = xo_simd_best();
    if (simd == XO_SIMD_AVX512)
        return xo_product_avx512;
    if (simd == XO_SIMD_AVX2)
        return xo_product_avx2;
#endif
    (void)simd;
    return NULL;
}

void xo_multiply(enum xo_simd simd, size_t rows, size_t inner, size_t columns, const double *left,
                 const double *right, bool onto, double *out)
{
    xo_product_kernel *kernel = kernel_of(simd);
    if (kernel)
        kernel(rows, inner, columns, left, right, onto, out);
    else
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)columns, (int)inner, 1, left,
                    (int)inner, right, (int)columns, onto, out, (int)columns);
}

const char *xo_fcm_product_name(enum xo_simd simd)
{
    return kernel_of(simd) ? "our own kernels" : "the BLAS";
}
