/* Which vector instructions to work with: chosen at run time, so that one build serves every machine.
 * Results are the same for any number of threads on one level; between levels they may differ in the last digits,
 * because fused multiply-add rounds once where the portable code rounds twice.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_SIMD_H
#define XO_SIMD_H

#ifdef __cplusplus
extern "C" {
#endif

enum xo_simd {
    XO_SIMD_BEST,                      /* what this machine has: the choice of all-zero options            */
    XO_SIMD_PORTABLE,                  /* nothing beyond what the compiler assumes                         */
    XO_SIMD_AVX2,                      /* 256 bits, with fused multiply-add                                */
    XO_SIMD_AVX512                     /* 512 bits (AVX-512 F, DQ)                                         */
};

enum xo_simd xo_simd_best(void);                                   /* never XO_SIMD_BEST                   */
int xo_simd_available(enum xo_simd simd);                          /* 1 if it runs here                    */
const char *xo_simd_name(enum xo_simd simd);                       /* "avx512"; "?" if unknown             */

/* "portable", "avx2", "avx512", or "best".  Returns 0 or XO_EVALUE. */
int xo_simd_parse(enum xo_simd *out, const char *name);

#ifdef __cplusplus
}
#endif
#endif
