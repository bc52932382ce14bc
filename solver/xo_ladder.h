/* Currents of gated columns by recursion: for many inputs, where bounds known beforehand will do.
 *     xo_ladder_new()   description and cells -> rungs            (once per programmed array)
 *     xo_ladder_amp()   gates -> column currents and their bound  (as often as needed)
 *
 * Where source line and bit line of a column end at the same side, nothing but the cells joins them further up, and
 * what lies above a rung is one resistance, p/q.  A rung of g siemens and the d ohm of both lines down to the next
 *     q <- q + g p        p <- p + d q
 * and at the ends I = V q / (p + R q): sums and products of positive numbers, a rung costs two of each, and rungs of
 * gates that are off cost none but their wire.
 *
 * Where they end at two sides, what lies above a rung is a star of three resistances: a to the end at the top, b
 * along the line tied there (the first), c along the other.  With wires r1 and r2 of the two lines down to the
 * next rung
 *     k = 1/(1 + g (b + c))      c <- k c      a <- a + g b c      b <- k b      b <- b + r1      c <- c + r2
 * (triangle to star; c begins open) and I = V/(a + c + R).
 *
 * Nonlinear cells, both ends at one side: with the voltage u of the farthest rung all others follow,
 *     J <- J + I(u)        u <- u + d J
 * with the current J in both lines, and at the ends V = u + R J.  V rises with the first u, so Newton's method, its
 * derivative carried along, finds the one that belongs to V; what it leaves is taken off by that derivative.
 *
 * For ohmic cells nothing is subtracted, and no step changes any resistance by more than 12 2^-53 of itself, nor does
 * the whole then: every current is within (24 rows + 10) 2^-53 of itself.  xo_solve is the way to any other array,
 * and to all but currents.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_LADDER_H
#define XO_LADDER_H

#include <stdbool.h>
#include <stddef.h>
#include "xo_crossbar.h"
#include "xo_status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct xo_laws;
struct xo_cell;

/* Read-only to callers. */
typedef struct xo_ladder {
    size_t rows, columns;
    bool top_is_far;                   /* rung 0 is row 0; else the last row                                        */
    double *cell_siemens;              /* [rows][columns] with series_ohm, without transistor; 0 where nothing that */
                                       /* a cell joins reaches the ends                                             */
    double *step_ohm;                  /* [rows][columns] both lines, from a row's rung to the next; 0 at the last  */
    double *second_ohm;                /* [rows][columns] ends at two sides: the second line, and step_ohm is the   */
                                       /* first; top_is_far then.  NULL: one side                                   */
    bool uniform;                      /* steps are alike but for the last row's 0                                  */
    bool has_open;                     /* ends at two sides, and a segment of XO_LADDER_OPEN                        */
    double *end_ohm;                   /* [columns] source_end_ohm and sense_ohm; 0 where volt is                   */
    double *volt;                      /* [columns] supply less sense; 0 where no current flows                     */
    bool *gated;                       /* [rows] off whatever the input says                                        */
    double transistor_ohm, transistor_off_siemens;
    struct xo_laws *laws;              /* nonlinear cells: their laws, and cell_siemens is as programmed; NULL:     */
    struct xo_cell *cell;              /* ohmic.  [rows][columns] cells under their laws, without transistor        */
} xo_ladder;

#define XO_LADDER_OPEN 1e60            /* as good as open next to any XO_MAX_OHM */

/* XO_EVALUE where columns are no such ladders: other topologies, source lines or bit lines that end at both sides, or
 * at two with nonlinear cells, a plane behind source_end_ohm, bridges.  XO_EVALUE as from xo_circuit_new and
 * xo_factor_new; ENOMEM. */
int xo_ladder_new(xo_ladder **out, const struct xo_crossbar *x, const double *cell_siemens, struct xo_info *info);
void xo_ladder_free(xo_ladder *l);

/* Ohmic cells:
 *   gate       [inputs][rows]     0 off to 1 on; not checked
 *   column_amp [inputs][columns]  out
 * Returns the bound: no current is further than this share of itself from exact. */
double xo_ladder_amp(const xo_ladder *l, size_t inputs, const double *gate, double *column_amp);

/* Any cells, one column after the other; bound_amp [inputs][columns] out, may be NULL: how far each current can be
 * from exact.  XO_ENOTPROVEN: not converged, or to no better than 1e-9 of the current (info says which input and
 * column); XO_EVALUE: a cell ends up where its law is not known; ENOMEM. */
int xo_ladder_currents(const xo_ladder *l, size_t inputs, const double *gate, double *column_amp, double *bound_amp,
                       struct xo_info *info);

/* The same for single columns of nonlinear cells, in memory that is kept: one for each thread.
 *   gate [rows], bound_amp out, may be NULL */
typedef struct xo_ladder_work xo_ladder_work;
int xo_ladder_work_new(xo_ladder_work **out, size_t rows);
void xo_ladder_work_free(xo_ladder_work *w);
int xo_ladder_column(const xo_ladder *l, xo_ladder_work *w, size_t column, const double *gate, double *amp,
                     double *bound_amp, struct xo_info *info);
/* Voltage across the farthest rung that was on, the lowest of all in size; that of the column where none was. */
double xo_ladder_least_volt(const xo_ladder_work *w);

/* Current of a nonlinear cell with `volt` across it and its transistor of so many ohm. */
double xo_ladder_cell_amp(const xo_ladder *l, size_t row, size_t column, double transistor_ohm, double volt);

/* Conductance of an ohmic cell behind a transistor whose gate is at 0 to 1. */
double xo_ladder_rung(const xo_ladder *l, double cell_siemens, double gate);

#ifdef __cplusplus
}
#endif
#endif
