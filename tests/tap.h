/* Test Anything Protocol, the little of it we need.  A test file states facts and ends with `return tap_done();`.
 * got, want and tolerance go on '#' lines, so a failure explains itself in the log.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TAP_H
#define TAP_H

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed;

/* One fact: true or not. */
__attribute__((format(printf, 2, 3), unused))
static int tap_ok(int fact, const char *format, ...)
{
    va_list arguments;
    printf("%sok %d - ", fact ? "" : "not ", ++tap_count);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    tap_failed += !fact;
    fflush(stdout);
    return fact;
}

/* |got - want| <= tolerance, an absolute number. */
__attribute__((unused))
static int tap_close(double got, double want, double tolerance, const char *fact)
{
    int near = fabs(got - want) <= tolerance;
    if (!near)
        printf("# got %.17g, want %.17g, off by %.3g, tolerance %.3g\n", got, want, fabs(got - want), tolerance);
    return tap_ok(near, "%s", fact);
}

/* Within `ulps` units in the last place of want. */
__attribute__((unused))
static int tap_close_ulp(double got, double want, double ulps, const char *fact)
{
    return tap_close(got, want, ulps * 2.220446049250313e-16 * fabs(want), fact);
}

__attribute__((unused))
static int tap_equal_text(const char *got, const char *want, const char *fact)
{
    int same = !strcmp(got, want);
    if (!same)
        printf("# got \"%s\", want \"%s\"\n", got, want);
    return tap_ok(same, "%s", fact);
}

/* A whole file that cannot run here: says what is missing; never counts as a pass. */
__attribute__((unused))
static int tap_skip_all(const char *missing)
{
    printf("1..0 # SKIP %s\n", missing);
    return 0;
}

__attribute__((unused))
static int tap_skip(const char *fact, const char *missing)
{
    printf("ok %d - %s # SKIP %s\n", ++tap_count, fact, missing);
    return 1;
}

/* Seeded random numbers for tests: splitmix64 (Steele, Lea, Flood 2014).  Print the seed. */
__attribute__((unused))
static double tap_uniform(unsigned long long *state)
{
    unsigned long long z = (*state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

__attribute__((unused))
static int tap_done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed ? 1 : 0;
}

#endif
