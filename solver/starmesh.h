/* Star-mesh elimination: the plan (who is eliminated where) and the numbers (internal).
 *
 * Unknowns are eliminated in the plan's order; positions 0 .. unknowns-1 are unknowns in that order, the positions
 * behind them the terminals.  Neighbouring positions with the same neighbours are eliminated together in a *front*:
 * a dense square of couplings among `pivots` positions to be eliminated and the positions they couple to.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_STARMESH_H
#define XO_STARMESH_H

#include "plan.h"

struct xo_front {
    int32_t pivots, size;              /* members 0 .. pivots-1 are eliminated here, the rest handed on         */
    int32_t parent;                    /* front that takes over what is left, -1 for the last                   */
    int32_t children;
    int64_t member;                    /* where its positions begin in xo_starmesh_plan.member                  */
    int64_t link;                      /* where its links begin in link_order; they end where the next begin    */
    int32_t column;                    /* first column of the triangle                                          */
};

struct xo_starmesh_plan {
    size_t fronts;                     /* the last one holds the terminals and eliminates nothing               */
    struct xo_front *front;            /* [fronts + 1] the extra one only ends the lists                        */
    int32_t *member;                   /* positions, ascending within each front                                */
    int32_t *link_order;               /* [links] links by the front that takes them up                         */
    int32_t *position;                 /* [vertices] of each vertex                                             */
    int32_t *start, *row;              /* pattern of the triangle, see struct xo_triangle                       */
    int32_t largest;                   /* size of the largest front                                             */
    double link_roundings;             /* of a coupling as drawn, 1/R and parallel links, and of Y_tt in the end */
    double roundings;                  /* that a coupling can collect on the longest chain of fronts            */
};

int xo_starmesh_plan_new(struct xo_starmesh_plan **out, const xo_circuit *c, const int32_t *order);
void xo_starmesh_plan_free(struct xo_starmesh_plan *p);
/* Multiplications and additions: the square of the couplings' number of every node when its turn comes. */
double xo_starmesh_operations(const struct xo_starmesh_plan *p);

/* Each link is taken up by the front that eliminates its earlier end: fills link_order, and `link` of the fronts.
 *   front_of  [vertices]  the front of each position */
int xo_starmesh_place_links(struct xo_starmesh_plan *p, const xo_circuit *c, const int32_t *front_of);

/* What is left between terminals: [terminals][terminals], symmetric, 0 on the diagonal. */
struct xo_starmesh_state {
    double *coupling_siemens;
    double *self_siemens;              /* [terminals] sums of a terminal's couplings, rounded up                */
    double relative_bound;             /* of the couplings as a quadratic form                                  */
    double *value;                     /* of the triangle */
    struct xo_triangle triangle;
};

#endif
