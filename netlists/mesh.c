/* See mesh.h.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "mesh.h"
#include "outputs.h"
#include "xo_subcircuit.h"

static int allocate(struct xo_mesh *n)
{
    const xo_circuit *c = n->circuit;
    n->factor.siemens = xo_calloc(c->links, sizeof *n->factor.siemens);
    n->factor.cell_siemens = xo_calloc(c->rows * c->columns, sizeof *n->factor.cell_siemens);
    n->ohm = xo_calloc(c->links, sizeof *n->ohm);
    n->place = xo_calloc(xo_vertices(c), sizeof *n->place);
    n->attached = xo_calloc(c->terminals, sizeof *n->attached);
    if (n->factor.gate && !(n->factor.series_ohm = xo_calloc(c->rows * c->columns, sizeof *n->factor.series_ohm)))
        return ENOMEM;
    return n->factor.siemens && n->factor.cell_siemens && n->ohm && n->place && n->attached ? 0 : ENOMEM;
}

/* Cells under their law: XO_EVALUE names one the law does not know. */
static int place_cells(struct xo_mesh *n, struct xo_info *info)
{
    const xo_circuit *c = n->circuit;
    struct xo_info why = {""};
    n->cell = xo_calloc(c->links, sizeof *n->cell);
    if (!n->cell)
        return xo_fail(info, ENOMEM, "out of memory for a deck of %zu nodes", xo_vertices(c));
    for (size_t e = 0; e < c->links && (size_t)c->link_branch[e] < c->first[XO_ROW_WIRE]; e++) {
        size_t b = (size_t)c->link_branch[e];
        int status = xo_cell_place(c->laws, n->factor.cell_siemens[b], xo_series_ohm(&n->factor, b), &n->cell[e],
                                   &why);
        if (status)
            return xo_fail(info, status, "cell (%zu, %zu) %s", b / c->columns, b % c->columns, why.text);
    }
    return 0;
}

static void set_siemens(struct xo_mesh *n, const double *cell_siemens)
{
    const xo_circuit *c = n->circuit;
    if (n->factor.gate)
        xo_gate_cells(c, n->factor.gate, n->factor.series_ohm);
    for (size_t k = 0; k < c->rows * c->columns; k++)
        n->factor.cell_siemens[k] = c->fixed_siemens[k] < 0 ? cell_siemens[k] : c->fixed_siemens[k];
    for (size_t e = 0; e < c->links; e++)
        n->factor.siemens[e] = xo_branch_siemens(&n->factor, (size_t)c->link_branch[e]);
}

/* A wire has its own ohms; a cell 1/g and what is in series with it. */
static void set_ohms(struct xo_mesh *n)
{
    const xo_circuit *c = n->circuit;
    for (size_t e = 0; e < c->links; e++) {
        size_t b = (size_t)c->link_branch[e];
        bool island = xo_on_island(&n->factor, c->link_a[e]) || xo_on_island(&n->factor, c->link_b[e]);
        if (island || n->factor.siemens[e].hi == 0)
            continue;
        n->ohm[e] = c->ohm[b];
        if (b < c->first[XO_ROW_WIRE])
            n->ohm[e] = dd_add(dd_divide((dd){1, 0}, (dd){n->factor.cell_siemens[b], 0}),
                               (dd){xo_series_ohm(&n->factor, b), 0}).hi;
    }
}

/* Terminals come last here, so the first place of a vertex stays unless it is a terminal's. */
static void name_vertices(struct xo_mesh *n)
{
    const xo_circuit *c = n->circuit;
    for (size_t k = c->nodes; k-- > 0;)
        n->place[c->vertex[k]] = (int32_t)k;
    for (size_t k = c->nodes + c->terminals; k-- > c->nodes;)
        n->place[c->vertex[k]] = (int32_t)k;
}

static void find_attached(struct xo_mesh *n)
{
    const xo_circuit *c = n->circuit;
    for (size_t b = c->first[XO_DRIVER]; b < c->first[XO_WORD_BRIDGE]; b++)
        if (c->ohm[b] != XO_OPEN)
            n->attached[(size_t)(b < c->first[XO_SENSE] ? c->from[b] : c->to[b]) - c->nodes] = true;
}

int xo_mesh_new(struct xo_mesh *n, const xo_circuit *c, const double *cell_siemens, const double *gate,
                struct xo_info *info)
{
    memset(n, 0, sizeof *n);
    int status = xo_check_cells(c, cell_siemens, info);
    if (!status && c->lines)
        status = xo_circuit_draw(&n->own_circuit, c, info);
    if (status)
        return status;
    n->circuit = n->plan.circuit = c = n->own_circuit ? n->own_circuit : c;
    n->plan.table = &xo_cholmod_engine;            /* any that works on what is drawn: nothing is factored */
    n->factor.plan = &n->plan;
    n->factor.gate = c->input == XO_INPUT_GATE ? gate : NULL;
    status = allocate(n);
    if (!status) {
        set_siemens(n, cell_siemens);
        status = xo_components_find(&n->factor);
    }
    if (status)
        return xo_fail(info, status, "out of memory for a deck of %zu nodes", xo_vertices(c));
    set_ohms(n);
    name_vertices(n);
    find_attached(n);
    return c->laws ? place_cells(n, info) : 0;
}

void xo_mesh_free(struct xo_mesh *n)
{
    xo_components_free(&n->factor.components);
    xo_circuit_free(n->own_circuit);
    free(n->factor.siemens);
    free(n->factor.cell_siemens);
    free(n->factor.series_ohm);
    free(n->ohm);
    free(n->cell);
    free(n->level);
    free(n->state_volt);
    free(n->place);
    free(n->attached);
    memset(n, 0, sizeof *n);
}

int xo_mesh_program(struct xo_mesh *n, const struct xo_ngspice_options *options, struct xo_info *info)
{
    const xo_circuit *c = n->circuit;
    if (!c->laws || !c->laws->subcircuit)
        return 0;
    double *siemens = xo_calloc(c->links, sizeof *siemens);
    n->level = xo_calloc(c->links, sizeof *n->level);
    n->state_volt = xo_calloc(c->links, sizeof *n->state_volt);
    int status = siemens && n->level && n->state_volt ? 0 : xo_fail(info, ENOMEM, "out of memory for a deck");
    for (size_t e = 0; e < c->links && (size_t)c->link_branch[e] < c->first[XO_ROW_WIRE] && !status; e++)
        siemens[e] = n->ohm[e] == 0 ? 0 : n->factor.cell_siemens[c->link_branch[e]];
    if (!status)
        status = xo_subcircuit_program(c->laws->subcircuit, c->links, siemens, options, n->level, n->state_volt,
                                       info);
    free(siemens);
    return status;
}

bool xo_mesh_is_programmed(const struct xo_mesh *n)
{
    return n->level;
}

const char *xo_mesh_node(const struct xo_mesh *n, int32_t vertex, char *name)
{
    const xo_circuit *c = n->circuit;
    size_t place = (size_t)n->place[vertex], cells = c->rows * c->columns, cell = place % cells;
    if (place >= c->nodes + c->rows)
        snprintf(name, XO_NODE_NAME, "out%zu", place - c->nodes - c->rows);
    else if (place >= c->nodes)
        snprintf(name, XO_NODE_NAME, xo_has_shared_source(c) ? "supply" : "in%zu", place - c->nodes);
    else
        snprintf(name, XO_NODE_NAME, "%c%zu_%zu",
                 place >= cells ? 'w' : c->topology == XO_TOPOLOGY_CROSSBAR ? 'u' : 's', cell / c->columns,
                 cell % c->columns);
    return name;
}

const char *xo_mesh_branch(const struct xo_mesh *n, size_t branch, char *name)
{
    static const char *const kind_name[XO_KINDS] = {
        "Rcell", "Rrow", "Rcolumn", "Rdriver", "Rsense", "Rwordbridge", "Rbitbridge"};
    const xo_circuit *c = n->circuit;
    int kind = 0;
    while (branch >= c->first[kind + 1])
        kind++;
    size_t from = (size_t)c->from[branch] % (c->rows * c->columns);
    size_t within = branch - c->first[kind];
    size_t lines = kind == XO_DRIVER ? (c->first[XO_SENSE] - c->first[XO_DRIVER]) / c->drive_ends : c->columns;
    if (c->topology != XO_TOPOLOGY_CROSSBAR && kind == XO_DRIVER)
        snprintf(name, XO_BRANCH_NAME, "Rsource%zu%s", within % lines, within < lines ? "" : "_end");
    else if (c->topology != XO_TOPOLOGY_CROSSBAR && kind == XO_ROW_WIRE)
        snprintf(name, XO_BRANCH_NAME, "Rsource%zu_%zu", from / c->columns, from % c->columns);
    else if (kind == XO_DRIVER || kind == XO_SENSE)             /* the second end, if there is one, is marked */
        snprintf(name, XO_BRANCH_NAME, "%s%zu%s", kind_name[kind], within % lines, within < lines ? "" : "_end");
    else
        snprintf(name, XO_BRANCH_NAME, "%s%zu_%zu", kind_name[kind], from / c->columns, from % c->columns);
    return name;
}

const char *xo_mesh_source(const struct xo_mesh *n, size_t terminal, char *name)
{
    bool row = terminal < n->circuit->rows;
    bool supply = xo_has_shared_source(n->circuit);
    snprintf(name, XO_NODE_NAME, !row ? "Vsense%zu" : supply ? "Vsupply" : "Vrow%zu",
             row ? terminal : terminal - n->circuit->rows);
    return name;
}

bool xo_mesh_has_source(const struct xo_mesh *n, size_t terminal)
{
    const xo_circuit *c = n->circuit;
    return n->attached[terminal] && (size_t)c->group[terminal] == terminal;
}
