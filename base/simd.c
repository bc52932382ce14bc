/* Which vector instructions there are, by CPUID.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <string.h>
#include "xo_simd.h"
#include "xo_status.h"

static const char *const simd_name[] = {
    [XO_SIMD_BEST] = "best", [XO_SIMD_PORTABLE] = "portable", [XO_SIMD_AVX2] = "avx2", [XO_SIMD_AVX512] = "avx512"
};
enum { LEVELS = sizeof simd_name / sizeof *simd_name };

#if defined HAVE_X86_SIMD
int xo_simd_available(enum xo_simd simd)
{
    switch (simd) {
    case XO_SIMD_BEST: case XO_SIMD_PORTABLE: return 1;
    case XO_SIMD_AVX2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case XO_SIMD_AVX512: return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
    }
    return 0;
}
#else
int xo_simd_available(enum xo_simd simd)
{
    return simd == XO_SIMD_BEST || simd == XO_SIMD_PORTABLE;
}
#endif

enum xo_simd xo_simd_best(void)
{
    return xo_simd_available(XO_SIMD_AVX512) ? XO_SIMD_AVX512
           : xo_simd_available(XO_SIMD_AVX2) ? XO_SIMD_AVX2 : XO_SIMD_PORTABLE;
}

const char *xo_simd_name(enum xo_simd simd)
{
    return (int)simd >= 0 && (int)simd < LEVELS ? simd_name[simd] : "?";
}

int xo_simd_parse(enum xo_simd *out, const char *name)
{
    for (int k = 0; k < LEVELS; k++)
        if (!strcmp(name, simd_name[k])) {
            *out = (enum xo_simd)k;
            return 0;
        }
    return XO_EVALUE;
}
