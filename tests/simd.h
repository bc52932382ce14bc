/* The instruction set that tests of C functions run on: CROSSOHM_SIMD, as the command reads it; else the best.
 * .ci/run runs them on every one.  Tests that compare levels with each other name them instead.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_SIMD_H
#define TESTS_SIMD_H

#include <stdio.h>
#include <stdlib.h>
#include "xo_simd.h"

__attribute__((unused))
static enum xo_simd tests_simd(void)
{
    const char *name = getenv("CROSSOHM_SIMD");
    enum xo_simd simd = XO_SIMD_BEST;
    if (name && *name && (xo_simd_parse(&simd, name) || !xo_simd_available(simd))) {
        printf("Bail out!  CROSSOHM_SIMD=%s: not an instruction set of this machine\n", name);
        exit(1);
    }
    return simd;
}

#endif
