/* SPICE decks of a crossbar: written in five dialects, read back, solved.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_NETLIST_H
#define XO_NETLIST_H

#include <stddef.h>
#include "xo_solver.h"

#ifdef __cplusplus
extern "C" {
#endif

enum xo_dialect { XO_DIALECT_NGSPICE, XO_DIALECT_HSPICE, XO_DIALECT_LTSPICE, XO_DIALECT_SPECTRE, XO_DIALECT_XYCE };
const char *xo_dialect_name(enum xo_dialect dialect);                        /* "ngspice"; "?" if unknown    */
int xo_dialect_parse(enum xo_dialect *out, const char *name);                /* 0 or XO_EVALUE */

/* Write one input's operating point, atomically ("-": standard output).
 *   cell_siemens [rows][columns] as programmed; faults and series_ohm of the circuit are applied
 *   row_volt     [rows]  input gate: the gates; a row's transistor is part of its cells' resistors
 *   title        any text, NULL: a plain one
 * Nodes that zero ohm joins are one node; cells of 0 S and branches of islands are left out, islands with a comment
 * that names them.  Column j's current is that through voltage source Vsense<j>, positive into the terminal; there is
 * none for a floating column, and a column that zero ohm joins to another terminal shares that one's source (a
 * comment says so).  Nonlinear cells are written element by element, the law as a behavioural source.  XO_EVALUE,
 * XO_ECONFLICT as from xo_solve; errno, ENOMEM. */
int xo_netlist_write(const char *path, const xo_circuit *c, const double *cell_siemens, const double *row_volt,
                     enum xo_dialect dialect, const char *title, struct xo_info *info);

/* A deck of resistors, voltage and current sources in SPICE syntax: what xo_netlist_write writes (spectre included)
 * and plain R/V/I decks.  Names are case-insensitive, but in spectre decks; 0 and gnd are ground.  Commands that do
 * not touch the operating point are skipped (.op .dc .print .save .options ...), everything else that is not
 * understood is refused: XO_ESYNTAX, XO_EVALUE, naming file and line; XO_ETOOBIG, errno, ENOMEM. */
typedef struct xo_deck xo_deck;
int xo_deck_read(xo_deck **out, const char *path, struct xo_info *info);     /* "-": standard input */
int xo_deck_parse(xo_deck **out, const char *bytes, size_t nbytes, const char *name, struct xo_info *info);
void xo_deck_free(xo_deck *d);
const char *xo_deck_title(const xo_deck *d);                         /* SPICE's first line, "" in spectre decks */
size_t xo_deck_elements(const xo_deck *d);
size_t xo_deck_nodes(const xo_deck *d);                                      /* without ground */
const char *xo_deck_node_name(const xo_deck *d, size_t node);                /* as first written */
size_t xo_deck_sources(const xo_deck *d);                                    /* voltage sources */
const char *xo_deck_source_name(const xo_deck *d, size_t source);

/* Operating point by KLU on the modified nodal equations, refined in double-double.
 *   node_volt     [nodes]    NaN on nodes nothing ties to ground; may be NULL
 *   source_amp    [sources]  from the first node through the source to the second (SPICE's sign); may be NULL
 *   worst_kcl_amp            largest violation of Kirchhoff's current law; may be NULL
 * XO_ECONFLICT for a loop of voltage sources or a current without a way back, XO_ESINGULAR, XO_ENOTPROVEN where
 * Kirchhoff's law stays violated by more than 1e-12 of the currents at a node, ENOMEM. */
int xo_deck_solve(const xo_deck *d, double *node_volt, double *source_amp, double *worst_kcl_amp,
                  struct xo_info *info);

#ifdef __cplusplus
}
#endif
#endif
