/* What a deck of a crossbar holds: the links of the circuit that carry current, their ohms, the names of nodes and
 * sources (internal).
 *
 * A node is a vertex of the circuit: places that zero ohm joins are one node, never joined by a tiny resistor.  It is
 * called in<i> or out<j> if a terminal is on it, else u<i>_<j> (word line) or w<i>_<j> (bit line) after its first
 * place; such names stay apart in dialects that fold case.  Terminals that zero ohm joins share the source of the
 * first of them, their *leader*.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_MESH_H
#define XO_MESH_H

#include "cell.h"
#include "plan.h"
#include "xo_ngspice.h"

struct xo_mesh {
    const xo_circuit *circuit;         /* drawn                                                     */
    xo_circuit *own_circuit;           /* circuit, where the caller's is not drawn; else NULL       */
    xo_plan plan;                      /* circuit only */
    xo_factor factor;                  /* conductances and components only: nothing is factored */
    double *ohm;                       /* [links] 0: left out, it conducts nothing or joins islands */
    struct xo_cell *cell;              /* [links] of cells under a law; NULL where all are ohmic */
    double *level, *state_volt;        /* [links] law spice, once programmed: what sets each cell; NULL: not yet */
    int32_t *place;                    /* [vertices] the place that names it */
    bool *attached;                    /* [terminals] has a branch that is not open */
};

enum { XO_NODE_NAME = 48, XO_BRANCH_NAME = 64 };

/* XO_EVALUE for a conductance that is none, ENOMEM.  n may be freed in either case. */
/* gate [rows]: of the input, where inputs go to gates; borrowed, else NULL. */
int xo_mesh_new(struct xo_mesh *n, const xo_circuit *c, const double *cell_siemens, const double *gate,
                struct xo_info *info);
void xo_mesh_free(struct xo_mesh *n);

/* Law spice: program every cell, so that the deck holds the subcircuit itself.  Nothing with other laws.  Statuses of
 * xo_subcircuit_program. */
int xo_mesh_program(struct xo_mesh *n, const struct xo_ngspice_options *options, struct xo_info *info);
bool xo_mesh_is_programmed(const struct xo_mesh *n);

const char *xo_mesh_node(const struct xo_mesh *n, int32_t vertex, char *name);       /* name [XO_NODE_NAME]   */
const char *xo_mesh_branch(const struct xo_mesh *n, size_t branch, char *name);      /* name [XO_BRANCH_NAME] */
const char *xo_mesh_source(const struct xo_mesh *n, size_t terminal, char *name);    /* "Vrow3", "Vsense0"    */

/* Does the deck hold a voltage source for this terminal?  Not for floating lines, nor for followers of a leader. */
bool xo_mesh_has_source(const struct xo_mesh *n, size_t terminal);

#endif
