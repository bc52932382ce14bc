/* Exact currents of a crossbar, with a proof.
 *     xo_circuit_new()   description -> checked network, zero-ohm nodes merged     (once per geometry)
 *     xo_plan_new()      ordering and symbolic factor for one engine               (once per geometry)
 *     xo_factor_new()    cell conductances -> numeric factor, islands              (once per programmed array)
 *     xo_solve()         read voltages -> currents, bounds, node voltages, power   (for blocks of inputs)
 *     xo_matrix()        the exact conductance matrix: I = V^T G_ni + i0           (once per programmed array)
 *     xo_gradient()      dI_j / d(conductance) of every branch
 * Each object borrows the one before it, which must outlive it.  Circuits and plans may be shared by threads;
 * a factor serves one call at a time.  Arrays are row-major, SI units; currents are positive into the sense
 * terminal.  A function that fails leaves its outputs untouched unless it says otherwise, and explains itself in info
 * (may be NULL).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_SOLVER_H
#define XO_SOLVER_H

#include <stddef.h>
#include "xo_crossbar.h"
#include "xo_simd.h"
#include "xo_status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct xo_circuit xo_circuit;
typedef struct xo_plan xo_plan;
typedef struct xo_factor xo_factor;

enum xo_engine {
    XO_ENGINE_AUTO,                    /* line, cholmod or starmesh, by a model of what they would cost       */
    XO_ENGINE_CHOLMOD,                 /* sparse Cholesky of the nodal equations (Chen et al., TOMS 887)     */
    XO_ENGINE_KLU,                     /* sparse LU of the modified nodal equations (Davis, TOMS 907)        */
    XO_ENGINE_STARMESH,                /* subtraction-free elimination (Grassmann, Taksar, Heyman 1985)      */
    XO_ENGINE_LINE,                    /* conjugate gradients, word lines eliminated: one input of any size  */
    XO_ENGINE_LADDER                   /* rung by rung: columns of topology source_column and plane          */
};
const char *xo_engine_name(enum xo_engine engine);                           /* "cholmod"; "?" if unknown     */
int xo_engine_parse(enum xo_engine *out, const char *name);                  /* 0 or XO_EVALUE                */

/* How to work.  All zero is a good choice. */
struct xo_options {
    enum xo_engine engine;
    int threads;                       /* 0: one.  Results do not depend on it                               */
    size_t inputs;                     /* how many each array will be solved for: auto chooses by it.  0: unknown */
    enum xo_simd simd;                 /* of engine line, whose results do not depend on it                  */
    int (*progress)(void *user, double fraction);   /* may be NULL; non-zero return stops: XO_ESTOPPED       */
    void *user;
};

/* Check a description and build its network.  Copies everything it needs from x.
 * XO_EVALUE for a value out of range, XO_ETOOBIG beyond 2^27 cells, XO_ECONFLICT for zero-ohm paths between
 * two held voltages (the path is named), ENOMEM. */
int xo_circuit_new(xo_circuit **out, const struct xo_crossbar *x, struct xo_info *info);
void xo_circuit_free(xo_circuit *c);

/* A column whose current into its own terminal is not defined, because a zero-ohm path joins its terminal to
 * another one at the same voltage: only the sum is.  xo_solve and xo_matrix then share the sum equally.
 * Returns 1 and sets *partner (may be NULL) to such another column, or 0. */
int xo_circuit_split_undefined(const xo_circuit *c, size_t column, size_t *partner);

/* Current [A] that a cell of conductance siemens carries with volt across it, from word line to bit line: its law,
 * with what is in series with it; faults and wires do not count.  XO_EVALUE where the law knows no such cell. */
int xo_cell_amp(const xo_circuit *c, struct xo_site place, double siemens, double volt, double *amp,
                struct xo_info *info);

/* The same of a 1T1R cell with its gate at 0 (off) to 1 (on). */
int xo_cell_amp_gated(const xo_circuit *c, struct xo_site place, double siemens, double gate, double volt,
                      double *amp, struct xo_info *info);

int xo_plan_new(xo_plan **out, const xo_circuit *c, const struct xo_options *options, struct xo_info *info);
void xo_plan_free(xo_plan *p);
enum xo_engine xo_plan_engine(const xo_plan *p);                             /* auto's first choice, or what  */
                                                                             /* was asked for                 */

/* Program the array.
 *   cell_siemens [rows][columns]  as programmed; faults and series_ohm of the circuit are applied to it
 * XO_EVALUE for a negative, NaN or out-of-range conductance, or one its law does not know (the cell is named),
 * ENOMEM, and XO_ESINGULAR where cholmod or klu, asked for by name, breaks down; auto then turns to starmesh, whose
 * pivots cannot cancel (where even that finds no certificate, solving says XO_ENOTPROVEN).  Engine line takes no
 * bridge and nothing of 0 ohm but series_ohm: xo_plan_new then says XO_EUNSUPPORTED. */
int xo_factor_new(xo_factor **out, const xo_plan *p, const double *cell_siemens, struct xo_info *info);
void xo_factor_free(xo_factor *f);
/* The engine at work, and why, in one phrase.  Auto chooses when it sees the conductances, and again where its choice
 * fails to prove what it found: then xo_solve, xo_gradient and xo_matrix turn to another engine by themselves. */
enum xo_engine xo_factor_engine(const xo_factor *f);
const char *xo_factor_reason(const xo_factor *f);

/* What an engine's work amounts to, to compare with the machine's limits.  Operations of the numeric factor, 0 where
 * they are not counted; line has none, but moves so many bytes, and does so many operations, for each cell and
 * iteration: direction reads 4 numbers and writes 2, apply reads 3 and writes 1, reduce reads 3 and writes 1. */
double xo_factor_operations(const xo_factor *f);
#define XO_LINE_BYTES 112.0
#define XO_LINE_OPERATIONS 32.0

/* Islands: groups of nodes that no terminal reaches.  Their voltage is NaN, everything else stays exact. */
size_t xo_factor_islands(const xo_factor *f);
/* Write the name of island k, such as "word line 3 columns 0-63", into text[size]. */
void xo_factor_island_name(const xo_factor *f, size_t k, char *text, size_t size);

/* Currents through every branch, from the first named node to the second; may be NULL one by one.  The current
 * of a zero-ohm branch follows from Kirchhoff's law; where parallel zero-ohm branches share it, it is NaN. */
/* Of topology source_column and plane row_wires are the source lines' wires, [inputs][rows-1][columns] and, all of
 * 0 ohm, [inputs][rows columns - 1]; drivers are their ends, [inputs][ends][columns] and [inputs][1]; and source_amp
 * of row 0 is the current of the whole supply. */
struct xo_branch_values {
    double *cells;                     /* [inputs][rows][columns]     word line -> bit line   */
    double *row_wires;                 /* [inputs][rows][columns-1]   j -> j+1                */
    double *column_wires;              /* [inputs][rows-1][columns]   i -> i+1                */
    double *drivers;                   /* [inputs][ends][rows]        source -> word line     */
    double *senses;                    /* [inputs][ends][columns]     bit line -> terminal    */
    double *word_bridges;              /* [inputs][word_bridge_count] row -> row + 1          */
    double *bit_bridges;               /* [inputs][bit_bridge_count]  column -> column + 1    */
};                                     /* ends: those in use, in the order left,right / top,bottom */
size_t xo_circuit_drive_ends(const xo_circuit *c);                           /* 1 or 2 */
size_t xo_circuit_sense_ends(const xo_circuit *c);

/* What to return: any pointer may be NULL. */
struct xo_solution {
    double *column_amp;                /* [inputs][columns]  I_j: 0 for a floating column                     */
    double *bound_amp;                 /* [inputs][columns]  no current is further than this from the exact   */
    double *scale_amp;                 /* [inputs][columns]  s_j, what "relative" refers to (see below);      */
                                       /*                    worst_bound_rel allows for its own error         */
    double *node_volt;                 /* [inputs][2][rows][columns]  word-line nodes, then bit-line nodes    */
    double *source_amp;                /* [inputs][rows]     current out of each word line's source; like the */
                                       /*                    voltages and what follows, without a bound       */
    struct xo_branch_values branch_amp;
    double *word_line_watt;            /* [inputs][rows]     dissipated in the line's wire and drivers; all   */
                                       /*                    source lines of a column or plane count as row 0 */
    double *bit_line_watt;             /* [inputs][columns]  dissipated in the line's wire and senses         */
    double *cells_amp;                 /* [inputs]           sum of |current| over all cells                  */
    double *cell_watt;                 /* [inputs]           dissipated in all cells (series_ohm included)    */
    double *bridge_watt;               /* [inputs]           dissipated in all bridges                        */
    double *source_watt;               /* [inputs]           delivered by all sources and terminals           */
    /* Summary over all inputs, always filled in: */
    double worst_bound_rel;            /* largest bound_amp / scale_amp                                       */
    double worst_kcl_amp;              /* largest violation of Kirchhoff's current law at any node, with its  */
                                       /* own rounding, by the voltages before they are rounded to double     */
    double worst_power_rel;            /* largest |power in - power dissipated| / power in                    */
    int refinements;                   /* most refinement steps that any block of inputs took; nonlinear:     */
                                       /* most Newton steps of any input                                      */
    int iterations;                    /* most of conjugate gradients that any input took, 0 with other engines */
};
/* s_j = sum over all other terminals t of y_tj (|V_t| + |V_j|), y_tj the coupling between terminals t and j
 * once every inner node is eliminated.  Where s_j is 0, current and bound are exactly 0. */

/* Solve for `inputs` input vectors.
 *   row_volt [inputs][rows]  source voltages; ignored for rows that are not driven.  Input gate: gates, 0 off to
 *                            1 on, 0 or 1 where transistor_ohm is 0; every input is then an array of its own, and
 *                            after a failure outputs hold some of them
 * The certificate is always computed: XO_ENOTPROVEN if a bound stays above 1e-9 of its scale even after
 * refinement (outputs are then filled in nevertheless), XO_ECONFLICT where sources of different voltage are
 * joined by zero ohm, XO_EVALUE for a NaN, an infinity or more than XO_MAX_VOLT, ENOMEM, XO_ESTOPPED (outputs then
 * hold the inputs done so far, in no particular order).
 * Nonlinear cells: damped Newton steps for one input after the other, in blocks of eight whose first input starts
 * afresh (results do not depend on threads).  Bounds hold for monotone laws; s_j is that of the resistors that the
 * cells are at the solution.  XO_ENOTPROVEN also where an input does not converge (its worst node is named),
 * XO_EVALUE where a cell ends up at a voltage its law does not cover (the cell is named); outputs then hold some of
 * the inputs. */
int xo_solve(xo_factor *f, size_t inputs, const double *row_volt, struct xo_solution *s, struct xo_info *info);

/* The same where an input is driven and gated at once (1T1R, input drive).
 *   gate [inputs][rows]  0 off to 1 on; a gated row stays off.  XO_EVALUE where there are no transistors. */
int xo_solve_gates(xo_factor *f, size_t inputs, const double *row_volt, const double *gate, struct xo_solution *s,
                   struct xo_info *info);

/* The exact conductance matrix.  All may be NULL but g_ni.
 *   g_ni_siemens     [rows][columns]  0 in the rows that are not driven and in floating columns
 *   bound_siemens    [rows][columns]  no entry is further than this from the exact one: a priori with starmesh,
 *                                     certified a posteriori with cholmod
 *   offset_amp       [columns]        i0, from held lines and sense voltages
 *   offset_bound_amp [columns]
 * Engines starmesh and cholmod; klu and line give XO_EUNSUPPORTED.  XO_ECONFLICT where rows have no voltage of their
 * own, XO_ENOTPROVEN where no certificate was found, XO_ESTOPPED (outputs then partly filled), ENOMEM. */
struct xo_matrix_result {
    double *g_ni_siemens, *bound_siemens, *offset_amp, *offset_bound_amp;
    double worst_bound_rel;            /* out: largest bound / entry over entries that are not 0              */
    size_t sampled_columns;            /* out: columns that were solved and certified as well                 */
    double sampled_error_rel;          /* out: no entry of these is further than this share of it from exact  */
};
int xo_matrix(xo_factor *f, struct xo_matrix_result *m, struct xo_info *info);

/* Derivatives dI_column / d(siemens) [A/S] of one column current by every branch conductance, for each input:
 * (v_a - v_b)(lambda_b - lambda_a), lambda the adjoint solution.  A zero-ohm branch is 0; so is an absent driver or
 * sense and a cell whose conductance is fixed by a fault.  Cells are differentiated by the programmed conductance
 * (before series_ohm), open wire segments by the conductance they do not have.  Ohmic cells only (XO_EVALUE).
 * Shapes as in struct xo_branch_values.  XO_EVALUE, XO_ECONFLICT, XO_ENOTPROVEN, ENOMEM. */
int xo_gradient(xo_factor *f, size_t inputs, const double *row_volt, size_t column,
                struct xo_branch_values *gradient, struct xo_info *info);

#ifdef __cplusplus
}
#endif
#endif
