/* The array as a resistor network (internal).
 *
 * As drawn: `nodes` = 2 rows columns inner nodes (word-line node i*columns + j, bit-line node rows*columns +
 * i*columns + j), then `terminals` = rows + columns terminals (source i, then sense j), joined by branches in the
 * order of enum xo_kind.  Together nodes and terminals are called *places*.
 * As solved: zero-ohm branches merge places into *vertices*; vertices below `unknowns` have unknown voltages, the
 * others, unknowns + t, are terminals.  What is left between two different vertices is a *link*.
 * A circuit of plain lines (no bridge, nothing of zero ohm to merge) is not drawn at first: it keeps its description,
 * engine line needs no more, and the plan of any other engine draws its own.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_CIRCUIT_H
#define XO_CIRCUIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "xo_solver.h"

static inline double xo_value_at(const struct xo_values *v, size_t k)
{
    return v->each ? v->each[k] : v->all;
}

enum xo_kind { XO_CELL, XO_ROW_WIRE, XO_COLUMN_WIRE, XO_DRIVER, XO_SENSE, XO_WORD_BRIDGE, XO_BIT_BRIDGE, XO_KINDS };

struct xo_circuit {
    size_t rows, columns, nodes, terminals;
    size_t drive_ends, sense_ends;
    bool *driven;                      /* [terminals] takes its voltage from the input                          */
    double *held_volt;                 /* [terminals] of those not driven                                       */
    int32_t *group;                    /* [terminals] first terminal of those joined with it by zero ohm        */
    int32_t *group_size;               /* [terminals] of the group that begins here, else 0                     */
    struct xo_crossbar *lines;         /* the description, its arrays too; NULL where drawn                     */

    /* Transistors.  Of source_column and plane the first source is the supply of all source lines, the others are
     * tied to nothing; their source lines' wires are branches XO_ROW_WIRE, their ends XO_DRIVER. */
    enum xo_topology topology;
    enum xo_input_kind input;
    double transistor_ohm, transistor_off_siemens;
    double *gate;                      /* [rows] where inputs do not say; 0 in gated rows; NULL: no transistors */
    double *bare_ohm;                  /* [rows][columns] then: series_ohm without transistors                  */

    /* As drawn.  Branches of kind k: first[k] <= b < first[k + 1], row-major (drivers and senses by end first). */
    size_t first[XO_KINDS + 1];
    int32_t *from, *to;                /* [branches] places                                                     */
    double *ohm;                       /* [branches] XO_OPEN: absent; cells: series_ohm, with the transistor    */
    double *fixed_siemens;             /* [rows][columns] conductance of a faulty cell, -1 where as programmed  */
    struct xo_laws *laws;              /* of the cells (cell.h); NULL: ohmic                                    */

    /* As solved. */
    size_t unknowns, links;
    int32_t *vertex;                   /* [nodes + terminals] of each place                                     */
    int32_t *link_a, *link_b;          /* [links] vertices, link_a != link_b                                    */
    int32_t *link_branch;              /* [links] the branch it is                                              */
};

static inline size_t xo_branches(const xo_circuit *c) { return c->first[XO_KINDS]; }
static inline size_t xo_vertices(const xo_circuit *c) { return c->unknowns + c->terminals; }
static inline int32_t xo_word_node(const xo_circuit *c, size_t i, size_t j) { return (int32_t)(i * c->columns + j); }
static inline int32_t xo_bit_node(const xo_circuit *c, size_t i, size_t j)
{
    return (int32_t)((c->rows + i) * c->columns + j);
}
static inline int32_t xo_source(const xo_circuit *c, size_t i) { return (int32_t)(c->nodes + i); }
static inline int32_t xo_sense(const xo_circuit *c, size_t j) { return (int32_t)(c->nodes + c->rows + j); }

/* gate.c.  All that lies in series with devices when gates [rows] are those of one input: series_ohm [rows][columns].
 * The names of plane 0's lines. */
int xo_gate_check(double transistor_ohm, double gate, struct xo_info *info);   /* XO_EVALUE: "2; expected ..." */
void xo_gate_cells(const xo_circuit *c, const double *gate, double *series_ohm);
static inline bool xo_has_shared_source(const xo_circuit *c)
{
    return c->topology == XO_TOPOLOGY_SOURCE_COLUMN || c->topology == XO_TOPOLOGY_PLANE;
}
const char *xo_word_line_name(const xo_circuit *c);            /* "word line", "source line", ... */

/* Check every number of a description; XO_EVALUE names the first bad one. */
int xo_crossbar_check(const struct xo_crossbar *x, struct xo_info *info);

/* The network of a circuit that has not been drawn. */
int xo_circuit_draw(xo_circuit **out, const xo_circuit *lines, struct xo_info *info);

/* description.c: may the array stay undrawn?  And a copy of a description with all it points to, in one block. */
bool xo_crossbar_is_lines(const struct xo_crossbar *x);
struct xo_crossbar *xo_crossbar_copy(const struct xo_crossbar *x);

/* Fill `vertex`, `group`, the links: merge what zero ohm joins.  XO_ECONFLICT if held voltages disagree. */
int xo_circuit_merge(xo_circuit *c, struct xo_info *info);

/* Explain a zero-ohm path between two terminals of different voltage; returns XO_ECONFLICT. */
int xo_circuit_conflict(const xo_circuit *c, size_t terminal, double volt, size_t other, double other_volt,
                        struct xo_info *info);

/* "word line 3", "bit line 0": the line a terminal belongs to. */
void xo_terminal_name(const xo_circuit *c, size_t terminal, char *text, size_t size);

#endif
