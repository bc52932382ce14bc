/* Matrix products of the fast model.  Private to fcm/.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_PRODUCT_H
#define XO_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>
#include "xo_simd.h"

/* out = left right, or out += left right if `onto`;  left [rows][inner], right [inner][columns], out [rows][columns].
 * By our own kernels where there is fused multiply-add: every sum then starts from 0 or `out`, runs in the order of
 * `inner` and is rounded once a step, so its bytes depend on nothing else: not on rows beside it, the vectors' width,
 * or a BLAS.  Else by cblas_dgemm. */
void xo_multiply(enum xo_simd simd, size_t rows, size_t inner, size_t columns, const double *left,
                 const double *right, bool onto, double *out);

/* product_kernel.c, once per instruction set. */
typedef void xo_product_kernel(size_t rows, size_t inner, size_t columns, const double *left, const double *right,
                               bool onto, double *out);
extern xo_product_kernel xo_product_avx2, xo_product_avx512;

#endif
