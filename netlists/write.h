/* The lines of a deck, shared by xo_netlist_write and the ngspice engine (internal).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_WRITE_H
#define XO_WRITE_H

#include <stdio.h>
#include "mesh.h"
#include "xo_netlist.h"

struct xo_pen {
    FILE *to;
    enum xo_dialect dialect;
    const struct xo_mesh *network;
};

void xo_pen_title(const struct xo_pen *p, const char *title);    /* the first line, and for spectre its language */
void xo_pen_comment(const struct xo_pen *p, const char *format, ...) XO_PRINTF(2, 3);
void xo_pen_resistors(const struct xo_pen *p);
void xo_pen_cell(const struct xo_pen *p, size_t link);           /* a cell under a law  (cells.c) */
void xo_pen_source(const struct xo_pen *p, size_t terminal, double volt);

#endif
