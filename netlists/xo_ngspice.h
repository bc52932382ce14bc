/* ngspice as an independent judge, in a helper process of its own: libngspice is not re-entrant, may exit, may hang.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_NGSPICE_H
#define XO_NGSPICE_H

#include <stddef.h>
#include "xo_netlist.h"
#include "xo_solver.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All zero is a good choice. */
struct xo_ngspice_options {
    const char *helper;                /* NULL: $CROSSOHM_NGSPICE_HELPER, else the installed libexec program    */
    double limit_sec;                  /* time limit for the whole run; 0: 600                                 */
    int (*progress)(void *user, double fraction);   /* may be NULL; called with 0 while ngspice works and cannot
                                          say; non-zero return ends it: XO_ESTOPPED                         */
    void *user;
};

/* Column currents of a crossbar according to ngspice: the resistors of xo_netlist_write; one input by its operating
 * point, many by .dc sweeps of up to 128.  ngspice keeps node voltages as doubles, so what a wire of conductance g at
 * v volt carries it knows to about eps g v ampere, no better.
 *   row_volt   [inputs][rows], or gates: an operating point for each input
 *   column_amp [inputs][columns], 0 for floating columns; columns that zero ohm joins share as in xo_solve
 *   sec        out, may be NULL: seconds that ngspice's analysis took
 * Nonlinear cells to a tolerance of 1e-10 of each voltage and current; there an answer found by stepping gmin or
 * sources counts.
 * XO_EJUDGE: ngspice is missing, crashed, hung, gave no result or only one found by stepping gmin; info names which.
 * XO_EVALUE and XO_ECONFLICT as from xo_solve; XO_ESTOPPED, ENOMEM.  No process outlives the call. */
int xo_ngspice_solve(const xo_circuit *c, const double *cell_siemens, size_t inputs, const double *row_volt,
                     const struct xo_ngspice_options *options, double *column_amp, double *sec, struct xo_info *info);

/* One input, and the current through one cell as well, from its word line to its bit line: the difference of two node
 * voltages over its resistance (nonlinear: through its law), 0 where nothing drives a current through it.  Otherwise
 * as xo_ngspice_solve.
 *   column_amp [columns];  cell_amp [1] */
int xo_ngspice_read(const xo_circuit *c, const double *cell_siemens, const double *row_volt, struct xo_site cell,
                    const struct xo_ngspice_options *options, double *column_amp, double *cell_amp, double *sec,
                    struct xo_info *info);

/* The conductance matrix, I = V^T G_ni + i0, from rows + 1 inputs: all rows at 0 V give i0; row i alone at u volt
 * gives G_ni[i][j] = (I_j - i0_j)/u.  u is a power of two, at least 1 V and no less than any voltage of held lines
 * and senses, so that little of G_ni is lost in the difference.  There is no bound.
 *   g_ni_siemens [rows][columns]  0 in the rows that are not driven and in floating columns
 *   offset_amp   [columns]
 * Statuses as from xo_ngspice_solve; XO_ECONFLICT where rows have no voltage of their own. */
int xo_ngspice_matrix(const xo_circuit *c, const double *cell_siemens, const struct xo_ngspice_options *options,
                      double *g_ni_siemens, double *offset_amp, double *sec, struct xo_info *info);

/* The operating point of a deck as it was read: ngspice gets its elements under other names, every node a number, and
 * 0 V sources for resistors of 0 ohm (ngspice would take 1 milliohm).  Outputs as from xo_deck_solve, but for nodes
 * that nothing ties to ground: there ngspice finds no direct solution, which is XO_EJUDGE. */
int xo_ngspice_deck(const xo_deck *d, const struct xo_ngspice_options *options, double *node_volt, double *source_amp,
                    struct xo_info *info);

/* Run a user's deck (files it includes and sections of libraries put in place; .control sections, script, shell and
 * quit lines and its own analyses stripped, with what continues them; no initialisation file of the user's is read)
 * with an analysis such as "dc vin 0 1 0.001" or "op", and return named vectors such as "v(out)" or "i(vdd)".
 *   vectors [count] names; values[count]: out, each *length doubles, freed by the caller with free()
 * XO_EJUDGE as above, but stepping gmin is allowed; XO_ESYNTAX, XO_EVALUE, errno. */
int xo_ngspice_run(const char *deck, const char *analysis, size_t count, const char *const *vectors, double **values,
                   size_t *length, const struct xo_ngspice_options *options, struct xo_info *info);

/* The same from memory: what the caller made of the deck.  deck: its file, for messages and the files it includes. */
int xo_ngspice_run_text(const char *deck, const char *text, const char *analysis, size_t count,
                        const char *const *vectors, double **values, size_t *length,
                        const struct xo_ngspice_options *options, struct xo_info *info);

#ifdef __cplusplus
}
#endif
#endif
