/* Double-double arithmetic: a value as the unevaluated sum hi + lo of two doubles, about 32 digits.
 *
 * Why the solver needs it: a wire of 0.01 ohm between nodes near 1 V turns the last bit of a double voltage into
 * 1e-14 A, more than a 100 Mohm cell carries.  Kept as hi + lo the voltage is fine enough, and the certificate
 * proves the result to the last bit of the current.
 * Error bounds, u = 2^-53 (Joldes, Muller, Popescu, ACM TOMS 44(2), 2017): dd_add 3u^2 + 13u^3, dd_mul 5u^2.
 * Must be compiled without contraction of a*b + c (-ffp-contract=off).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_DD_H
#define XO_DD_H

#include <float.h>
#if defined __FAST_MATH__ || FLT_EVAL_METHOD != 0
#error "exactness needs every operation rounded to double as written: no -ffast-math, no x87"
#endif

typedef struct {
    double hi, lo;
} dd;

#define XO_UNIT 0x1p-53                /* u: half the spacing of doubles near 1 */

/* a + b exactly, whatever their order (Knuth). */
static inline dd dd_two_sum(double a, double b)
{
    double s = a + b, t = s - a;
    return (dd){s, (a - (s - t)) + (b - t)};
}

/* a + b exactly for |a| >= |b| (Dekker). */
static inline dd dd_fast_two_sum(double a, double b)
{
    double s = a + b;
    return (dd){s, b - (s - a)};
}

/* a * b exactly: split each factor into 26-bit halves (Veltkamp, Dekker). */
static inline dd dd_two_product(double a, double b)
{
    double p = a * b;
    double ca = 134217729.0 * a, ah = ca - (ca - a), al = a - ah;
    double cb = 134217729.0 * b, bh = cb - (cb - b), bl = b - bh;
    return (dd){p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}

static inline dd dd_add(dd a, dd b)
{
    dd s = dd_two_sum(a.hi, b.hi), t = dd_two_sum(a.lo, b.lo);
    s = dd_fast_two_sum(s.hi, s.lo + t.hi);
    return dd_fast_two_sum(s.hi, s.lo + t.lo);
}

static inline dd dd_negate(dd a)
{
    return (dd){-a.hi, -a.lo};
}

static inline dd dd_subtract(dd a, dd b)
{
    return dd_add(a, dd_negate(b));
}

static inline dd dd_multiply(dd a, dd b)
{
    dd p = dd_two_product(a.hi, b.hi);
    return dd_fast_two_sum(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

/* a / b to a few u^2: two correction steps of long division. */
static inline dd dd_divide(dd a, dd b)
{
    double q0 = a.hi / b.hi;
    dd rest = dd_subtract(a, dd_multiply(b, (dd){q0, 0}));
    double q1 = rest.hi / b.hi;
    rest = dd_subtract(rest, dd_multiply(b, (dd){q1, 0}));
    dd q = dd_fast_two_sum(q0, q1);
    return dd_add(q, (dd){rest.hi / b.hi, 0});
}

#endif
