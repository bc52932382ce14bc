/* Newton's method on the whole array, one input at a time (internal).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_NEWTON_H
#define XO_NEWTON_H

#include "cell.h"
#include "plan.h"

/* Shared by all threads. */
struct xo_nonlinear {
    size_t cells;                      /* links 0 .. cells-1 are cells                                        */
    struct xo_cell *cell;              /* [cells]                                                             */
    struct xo_newton *thread;          /* [threads]                                                           */
};

/* One thread's.  Between inputs it remembers where the last one ended: a good start for the next. */
struct xo_newton {
    const xo_factor *base;             /* the array at the reference voltage                                  */
    xo_factor linear;                  /* the array linearised; siemens are slopes or secants                 */
    bool warm;                         /* volt is the solution of another input                               */
    bool factored;                     /* linear's engine holds the slopes of some recent point               */
    dd *volt, *trial;                  /* [vertices]                                                          */
    dd *amp;                           /* [vertices] net current into each, at volt or trial                  */
    double *size;                      /* [vertices] sum of |currents|                                        */
    double *law_size;                  /* [vertices] what the laws' rounding is a share of                    */
    double *step;                      /* [unknowns]                                                          */
    struct xo_cell_point *point;       /* [cells]                                                             */
    double *bound;                     /* [terminals] of the currents, from xo_newton_prove                   */
    double worst_excess;               /* largest |amp| at an unknown over what is allowed there, and where   */
    size_t worst;
    int steps, factors;                /* since the input began                                               */
};

/* Place every cell under its law; fill in f->siemens of the cells with their conductance at the reference voltage.
 * XO_EVALUE names a cell the law does not know. */
int xo_nonlinear_new(xo_factor *f, struct xo_info *info);
int xo_nonlinear_start(xo_factor *f, struct xo_info *info);      /* when components are known: each thread's memory */
void xo_nonlinear_free(struct xo_nonlinear *n, int threads);

/* From terminal voltages in s->volt (lane 0) to the solution n->volt.  XO_ENOTPROVEN: not converged, the worst node
 * is named; XO_EVALUE: a cell ends up outside its law's range; ENOMEM.  Messages speak of `input`. */
int xo_newton_solve(struct xo_newton *n, struct xo_scratch *s, size_t input, struct xo_info *info);

/* Currents into every vertex at those voltages [vertices], and what they excel what is allowed by: amp, size, point,
 * ... */
void xo_newton_currents(struct xo_newton *n, const dd *volt);

/* Bound every terminal current at n->volt, whose currents are at hand: n->bound.  Overwrites s. */
void xo_newton_prove(struct xo_newton *n, struct xo_scratch *s);

/* Make n->linear the array of resistors that carries the same currents, and s its solution. */
void xo_newton_publish(struct xo_newton *n, struct xo_scratch *s);

#endif
