/* Fast models of arrays with nonlinear cells: what is tried, and from what (internal).
 *     expand.c    exact currents -> best linear matrix; matrices of a basis expansion, bent or not
 *     ladders.c   circuit and cells -> the linear operator of corrections and the law beyond it
 *     stage_fit.c one array: inputs drawn and solved, every candidate tried on the same ones
 *     choose.c    errors of all candidates -> the cheapest within a tolerance
 *     tile_fit.c  many arrays of one hardware: corrections and stage chosen once, one basis fitted to each array
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_NONLINEAR_FIT_H
#define XO_NONLINEAR_FIT_H

#include <stdbool.h>
#include "fit.h"

/* Inputs, and what the exact solver says to them. */
struct xo_seen {
    size_t inputs;
    double *row_volt, *column_amp;     /* [inputs][rows], [inputs][columns] */
};
int xo_seen_new(struct xo_seen *s, const struct xo_fcm *m, size_t inputs);     /* of m's size; 0 or ENOMEM */
void xo_seen_free(struct xo_seen *s);

#define XO_TABLED_BEYOND 1.1           /* laws are tabulated to so many times the largest voltage */

/* ---- expand.c */

/* Voltage to current of a cell that stands for all. */
struct xo_typical_cell {
    const xo_circuit *circuit;
    struct xo_site site;
    double siemens;
};

/* functions: 1 {C(V)}, 2 {V, C(V)}, 3 {V, C(V), C(V/2)}, C the typical cell's law scaled to 1 at scale_volt; 0: {V}
 * alone, as a best linear matrix needs it.  Polynomials for low_volt .. high_volt.  0, ENOMEM, what xo_cell_amp
 * returns. */
int xo_basis_functions(struct xo_fcm_basis *out, size_t functions, const struct xo_typical_cell *cell,
                       double low_volt, double high_volt, struct xo_info *info);

/* Least squares over what was seen: b's matrices (which it allocates), and its bends if b->bent.  line: the word
 * lines' states, or NULL.  0 or ENOMEM. */
int xo_basis_fit(struct xo_fcm_basis *b, const struct xo_fcm *m, const struct xo_line *line,
                 const struct xo_seen *seen);
void xo_basis_free(struct xo_fcm_basis *b);

/* ---- ladders.c */

/* What the ladders cannot be: bridges, and sources of 0 ohm at both ends.  NULL: nothing is in the way. */
const char *xo_ladders_refuse(const struct xo_crossbar *x);

/* Linear cells are secants of the law at linear_volt; curves reach to +-most_volt.  0, ENOMEM, XO_ETOOBIG (too many
 * different cells), what xo_cell_amp returns. */
int xo_ladders_new(struct xo_fcm_correction *out, const struct xo_crossbar *x, const xo_circuit *circuit,
                   const double *cell_siemens, double linear_volt, double most_volt, struct xo_info *info);
void xo_ladders_free(struct xo_fcm_correction *c);

/* ---- choose.c, stage_fit.c */

/* What every stage gives for the inputs held out of one array, or of several one after the other. */
struct xo_trials {
    size_t count;
    struct xo_fcm_candidate candidate[XO_FCM_MOST_CANDIDATES];     /* cost; errors once they are stated */
    double *amp[XO_FCM_MOST_CANDIDATES];       /* [arrays * inputs][columns] */
    double *exact_amp;
};
void xo_trials_free(struct xo_trials *t);

/* The stage of one array.  m: size, cells and validity are known.
 *     begin   inputs drawn and solved exactly: offset, best linear matrix, ladders if the circuit allows them
 *     try     every candidate on the inputs held out, whose errors are not stated yet
 *     take    one of them becomes m's stage */
struct xo_stage_fit {
    struct xo_fcm *m;
    struct xo_programmed *p;
    struct xo_seen seen, held;
    struct xo_fcm_basis linear;
    struct xo_fcm_correction ladders;
    double linear_volt, ladder_rms;            /* of their cells; error over full scale when they were chosen */
    struct xo_typical_cell typical;
};
/* Ladders and the voltage that served best, from what f has seen; none (no error) if cells are of too many kinds. */
int xo_find_ladders(struct xo_stage_fit *f, size_t corrections, struct xo_info *info);
double xo_span_of(const struct xo_stage_fit *f);       /* the largest voltage that can lie across a cell */
void xo_find_typical(struct xo_stage_fit *f);
int xo_stage_fit_begin(struct xo_stage_fit *f, struct xo_fcm *m, struct xo_programmed *p, size_t array, size_t inputs,
                       const double *row_volt, struct xo_info *info);
int xo_stage_fit_try(struct xo_stage_fit *f, struct xo_trials *t, size_t array, size_t arrays, struct xo_info *info);
int xo_stage_fit_take(struct xo_stage_fit *f, const struct xo_fcm_candidate *c, struct xo_info *info);
void xo_stage_fit_free(struct xo_stage_fit *f);

/* Errors of all candidates over what was tried; returns the number of the cheapest whose rms error is within the
 * tolerance, over all inputs and for nine in ten of them, or else of the best, in *chosen; m's list of
 * candidates and its validity are filled in.  0 or ENOMEM. */
int xo_trials_state(struct xo_fcm *m, struct xo_trials *t, size_t arrays, size_t inputs, double tolerance,
                    size_t *chosen);

#endif
