/* Kernels that the compiler makes several of (internal).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_CLONES_H
#define XO_CLONES_H

#include <stdlib.h>                    /* defines __GLIBC__ where it is */

/* One copy of a kernel per instruction set, chosen when the program starts.  No contraction to fused
 * multiply-adds in any of them (-ffp-contract=off), so all give the same bits. */
#if defined __x86_64__ && defined __GNUC__ && !defined __clang__ && defined __GLIBC__ \
    && !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__ && !defined XO_PORTABLE
#define XO_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define XO_CLONES
#endif

#endif
