/* Laws of cells: current and slope of a monotone I(v; g) (internal).
 *
 * Every law is a handful of curves C_k(v), one per level of conductance, and a cell is a mixture of two of them:
 *     I(v) = lower C_k(v) + upper C_(k+1)(v).
 * For ohmic and sinh there is one curve, of 1 S; for polynomials one of 1 S per level, for tables the curve itself.
 * A curve is known from low_volt to high_volt; beyond, it goes on along its tangent, so that iterations may stray,
 * and whoever ends up there is told (xo_law_covers).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_LAW_H
#define XO_LAW_H

#include <stdbool.h>
#include "dd.h"
#include "xo_solver.h"

/* |amp - exact| <= XO_LAW_ROUNDING u size. */
struct xo_law_point {
    double amp, siemens, size;
};
#define XO_LAW_ROUNDING 8.0

struct xo_law_curve {
    double siemens;                    /* of its level                                                        */
    double low_volt, high_volt;
    size_t count;
    const double *volt, *amp;          /* table: knots [count]                                                */
    double *number;                    /* polynomial: coefficients [count]; table: slopes at the knots        */
};

struct xo_law_kind;
struct xo_law_prepared {
    const struct xo_law_kind *kind;
    double v0_volt, scale_volt;        /* sinh: C(v) = scale_volt sinh(v / v0_volt)                           */
    size_t curves;
    struct xo_law_curve *curve;        /* [curves] by ascending conductance                                   */
    double *memory;                    /* behind the curves' numbers                                          */
};

/* A cell's place among the curves. */
struct xo_blend {
    size_t curve;
    double lower, upper;               /* upper 0: this curve alone                                           */
};

/* A law: fill in this table, name it in enum xo_law, list it in law.c. */
struct xo_law_kind {
    const char *name;
    int (*prepare)(struct xo_law_prepared *l, const struct xo_device_law *d, struct xo_info *info);
    void (*at)(const struct xo_law_prepared *l, const struct xo_law_curve *c, double volt, struct xo_law_point *p);
    /* No slope in low..high (volt, inside the curve's range) changes by more than this per volt. */
    double (*bend)(const struct xo_law_prepared *l, const struct xo_law_curve *c, double low, double high);
};
extern const struct xo_law_kind xo_law_ohmic, xo_law_sinh, xo_law_polynomial, xo_law_table;

/* Check a law and keep what it needs; copies d.  XO_EVALUE names what is wrong, ENOMEM. */
int xo_law_new(struct xo_law_prepared **out, const struct xo_device_law *d, struct xo_info *info);
void xo_law_free(struct xo_law_prepared *l);

/* Where a cell of conductance g belongs.  XO_EVALUE: the table says nothing of such a cell (info: "has ...; expected
 * ..."). */
int xo_law_place(const struct xo_law_prepared *l, double siemens, struct xo_blend *out, struct xo_info *info);

void xo_law_at(const struct xo_law_prepared *l, const struct xo_blend *b, double volt, struct xo_law_point *p);
double xo_law_bend(const struct xo_law_prepared *l, const struct xo_blend *b, double volt, double radius);

/* The voltage at which amp flows, found to the last bits whatever the law. */
double xo_law_inverse(const struct xo_law_prepared *l, const struct xo_blend *b, double amp, double start);

/* The range in which the law is known; true if volt lies in it (and its rounding). */
bool xo_law_covers(const struct xo_law_prepared *l, const struct xo_blend *b, double volt, double range[2]);

#endif
