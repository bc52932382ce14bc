/* A crossbar as a deck, in five dialects of one language.  What differs is in the two tables below.
 *
 * What every SPICE would misread is avoided rather than escaped: the first line is always a title; numbers are plain
 * decimals without SI suffixes ("1M" is a milliohm); there is no resistor of 0 ohm (ngspice turns it into a
 * milliohm); names stay apart when case is folded; lines are short.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include "subcircuit.h"
#include "write.h"
#include "helper.h"
#include "xo_file.h"

static const struct dialect {
    const char *name, *comment, *options;
} dialects[] = {
    [XO_DIALECT_NGSPICE] = {"ngspice", "*", ".options numdgt=15 pivtol=1e-35"},
    [XO_DIALECT_HSPICE] = {"hspice", "*", ".option ingold=2 numdgt=10 resmin=1e-15"},
    [XO_DIALECT_LTSPICE] = {"ltspice", "*", ".options numdgt=15"},
    [XO_DIALECT_SPECTRE] = {"spectre", "//", NULL},
    [XO_DIALECT_XYCE] = {"xyce", "*", NULL},
};
#define DIALECTS (sizeof dialects / sizeof *dialects)

const char *xo_dialect_name(enum xo_dialect dialect)
{
    return (size_t)dialect < DIALECTS ? dialects[dialect].name : "?";
}

int xo_dialect_parse(enum xo_dialect *out, const char *name)
{
    for (size_t k = 0; k < DIALECTS; k++)
        if (!strcmp(name, dialects[k].name)) {
            *out = (enum xo_dialect)k;
            return 0;
        }
    return XO_EVALUE;
}

/* ---- lines ---------------------------------------------------------------------------------------- */

void xo_pen_title(const struct xo_pen *p, const char *title)
{
    fprintf(p->to, "%s ", dialects[p->dialect].comment);
    for (; *title; title++)
        fputc(iscntrl((unsigned char)*title) ? ' ' : *title, p->to);
    fputc('\n', p->to);
    if (p->dialect == XO_DIALECT_SPECTRE)
        fputs("simulator lang=spectre\nglobal 0\n", p->to);
}

void xo_pen_comment(const struct xo_pen *p, const char *format, ...)
{
    va_list arguments;
    fprintf(p->to, "%s ", dialects[p->dialect].comment);
    va_start(arguments, format);
    vfprintf(p->to, format, arguments);
    va_end(arguments);
    fputc('\n', p->to);
}

void xo_pen_resistors(const struct xo_pen *p)
{
    const struct xo_mesh *n = p->network;
    const xo_circuit *c = n->circuit;
    char name[XO_BRANCH_NAME], a[XO_NODE_NAME], b[XO_NODE_NAME], ohm[XO_NUMBER_SIZE];
    for (size_t e = 0; e < c->links; e++) {
        if (n->ohm[e] == 0)
            continue;
        if (n->cell && (size_t)c->link_branch[e] < c->first[XO_ROW_WIRE]) {
            xo_pen_cell(p, e);
            continue;
        }
        xo_mesh_branch(n, (size_t)c->link_branch[e], name);
        xo_mesh_node(n, c->link_a[e], a);
        xo_mesh_node(n, c->link_b[e], b);
        xo_number_print(ohm, n->ohm[e]);
        fprintf(p->to, p->dialect == XO_DIALECT_SPECTRE ? "%s (%s %s) resistor r=%s\n" : "%s %s %s %s\n", name,
                a, b, ohm);
    }
}

void xo_pen_source(const struct xo_pen *p, size_t terminal, double volt)
{
    const struct xo_mesh *n = p->network;
    char name[XO_NODE_NAME], node[XO_NODE_NAME], text[XO_NUMBER_SIZE];
    xo_mesh_source(n, terminal, name);
    xo_mesh_node(n, (int32_t)(n->circuit->unknowns + terminal), node);
    xo_number_print(text, volt);
    fprintf(p->to, p->dialect == XO_DIALECT_SPECTRE ? "%s (%s 0) vsource dc=%s\n" : "%s %s 0 DC %s\n", name,
            node, text);
}

/* ---- the deck ------------------------------------------------------------------------------------- */

static double volt_of(const xo_circuit *c, const double *row_volt, size_t t)
{
    return c->driven[t] ? row_volt[t] : c->held_volt[t];
}

static void explain(const struct xo_pen *p)
{
    const xo_circuit *c = p->network->circuit;
    bool crossbar = c->topology == XO_TOPOLOGY_CROSSBAR;
    xo_pen_comment(p, "%zu word lines, %zu bit lines, SI units.  Nodes %s<row>_<column> on %s lines, "
                   "w<row>_<column> on", c->rows, c->columns, crossbar ? "u" : "s", crossbar ? "word" : "source");
    xo_pen_comment(p, "bit lines, %s and out<column> at terminals; what zero ohm joins is one node, named after the",
                   xo_has_shared_source(c) ? "supply" : "in<row>");
    xo_pen_comment(p, "first.  The current of column j is that through Vsense<j>, positive into it.");
}

static void mention_what_is_left_out(const struct xo_pen *p)
{
    const struct xo_mesh *n = p->network;
    const xo_circuit *c = n->circuit;
    char text[400], leader[XO_NODE_NAME];
    for (size_t k = 0; k < xo_factor_islands(&n->factor); k++) {
        xo_factor_island_name(&n->factor, k, text, sizeof text);
        xo_pen_comment(p, "left out, no terminal reaches it: %s", text);
    }
    for (size_t t = 0; t < c->terminals; t++) {
        xo_terminal_name(c, t, text, sizeof text);
        if (t && t < c->rows && xo_has_shared_source(c))
            continue;
        if (!n->attached[t])
            xo_pen_comment(p, "%s floats: it has no source", text);
        else if (!xo_mesh_has_source(n, t))
            xo_pen_comment(p, "%s is joined by zero ohm to %s, whose current is that of %d terminals", text,
                           xo_mesh_source(n, (size_t)c->group[t], leader), c->group_size[c->group[t]]);
    }
}

static void put_sources(const struct xo_pen *p, const double *row_volt)
{
    const xo_circuit *c = p->network->circuit;
    for (size_t t = 0; t < c->terminals; t++)
        if (xo_mesh_has_source(p->network, t))
            xo_pen_source(p, t, volt_of(c, row_volt, t));
}

/* Every sense current, in lines that no simulator cuts. */
static void list_currents(const struct xo_pen *p, const char *command)
{
    const struct xo_mesh *n = p->network;
    const char *before = p->dialect == XO_DIALECT_SPECTRE ? "" : "I(";
    const char *behind = p->dialect == XO_DIALECT_SPECTRE ? ":p" : ")";
    char name[XO_NODE_NAME];
    size_t listed = 0;
    for (size_t t = n->circuit->rows; t < n->circuit->terminals; t++) {
        if (!xo_mesh_has_source(n, t))
            continue;
        if (listed == 0)
            fputs(command, p->to);
        else if (listed % 6 == 0)
            fputs("\n+", p->to);
        fprintf(p->to, " %s%s%s", before, xo_mesh_source(n, t, name), behind);
        listed++;
    }
    if (listed)
        fputc('\n', p->to);
}

/* One point of a sweep, for simulators that print sweeps only. */
static void put_point(const struct xo_pen *p, const double *row_volt, const char *list)
{
    const xo_circuit *c = p->network->circuit;
    char name[XO_NODE_NAME], volt[XO_NUMBER_SIZE];
    size_t t = 0;
    while (t < c->terminals && !xo_mesh_has_source(p->network, t))
        t++;
    if (t < c->terminals)
        fprintf(p->to, ".dc %s %s %s\n", xo_mesh_source(p->network, t, name), list,
                xo_number_print(volt, volt_of(c, row_volt, t)));
}

static void put_analysis(const struct xo_pen *p, const double *row_volt)
{
    const char *transient = xo_mesh_is_programmed(p->network)
                            ? xo_subcircuit_analysis(p->network->circuit->laws->subcircuit) : NULL;
    if (dialects[p->dialect].options)
        fprintf(p->to, "%s\n", dialects[p->dialect].options);
    if (p->network->cell && p->dialect == XO_DIALECT_NGSPICE)
        fputs(XO_NGSPICE_NONLINEAR, p->to);
    switch (p->dialect) {
    case XO_DIALECT_NGSPICE:
        if (transient)
            xo_pen_comment(p, "states are frozen: the currents are those of the transient's %s moment",
                           xo_subcircuit_is_set(p->network->circuit->laws->subcircuit) ? "first" : "last");
        fprintf(p->to, ".%s\n", transient ? transient : "op");
        list_currents(p, transient ? ".print tran" : ".print op");
        break;
    case XO_DIALECT_HSPICE:
        fputs(".op\n", p->to);
        put_point(p, row_volt, "poi 1");
        list_currents(p, ".print dc");
        break;
    case XO_DIALECT_LTSPICE:
        list_currents(p, ".save");
        fputs(".op\n", p->to);
        break;
    case XO_DIALECT_XYCE:
        put_point(p, row_volt, "list");
        list_currents(p, ".print dc precision=16");
        break;
    case XO_DIALECT_SPECTRE:
        list_currents(p, "save");
        fputs("dcOp dc\n", p->to);
        return;
    }
    fputs(".end\n", p->to);
}

int xo_netlist_write(const char *path, const xo_circuit *c, const double *cell_siemens, const double *row_volt,
                     enum xo_dialect dialect, const char *title, struct xo_info *info)
{
    struct xo_mesh network;
    struct xo_writer writer;
    int status = xo_check_inputs(c, 1, row_volt, info);
    if (!status && (size_t)dialect >= DIALECTS)
        status = xo_fail(info, XO_EVALUE, "dialect %d is unknown; expected one of enum xo_dialect", (int)dialect);
    if (status)
        return status;
    status = xo_mesh_new(&network, c, cell_siemens, row_volt, info);
    if (!status && dialect == XO_DIALECT_NGSPICE)
        status = xo_mesh_program(&network, NULL, info);
    if (!status)
        status = xo_writer_open(&writer, path, info);
    if (!status) {
        const struct xo_pen pen = {writer.stream, dialect, &network};
        xo_pen_title(&pen, title ? title : "a resistive crossbar");
        explain(&pen);
        mention_what_is_left_out(&pen);
        if (xo_mesh_is_programmed(&network))
            fputs(network.circuit->laws->subcircuit->definitions, pen.to);
        put_sources(&pen, row_volt);
        xo_pen_resistors(&pen);
        put_analysis(&pen, row_volt);
        status = xo_writer_commit(&writer, info);
    }
    xo_mesh_free(&network);
    return status;
}
