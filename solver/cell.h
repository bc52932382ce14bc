/* A cell as the network sees it: device, selector and series resistance between a word line and a bit line, their
 * inner nodes eliminated (internal).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_CELL_H
#define XO_CELL_H

#include "circuit.h"
#include "law.h"

/* What all cells of an array share; NULL in a circuit of plain resistors. */
struct xo_laws {
    struct xo_law_prepared *law, *selector;    /* selector NULL: 1R */
    struct xo_blend selector_blend;
    double reference_volt;             /* of the device */
    char where[2][100];                /* of device and selector: " (board.yaml:3:9)" or nothing              */
    const struct xo_subcircuit *subcircuit;    /* the device itself, for decks; NULL: its law says all */
};

struct xo_cell {
    struct xo_blend blend;
    double series_ohm;                 /* XO_OPEN, or a device of 0 S: no cell                                */
};

struct xo_cell_point {
    double amp, siemens;               /* current and slope                                                   */
    double size;                       /* |amp - exact| <= XO_LAW_ROUNDING u size                             */
    double device_volt;                /* across the device alone                                             */
};

/* XO_EVALUE: the law does not know such a cell; info says why but not where. */
int xo_cell_place(const struct xo_laws *d, double siemens, double series_ohm, struct xo_cell *out,
                  struct xo_info *info);

/* The point at `volt`; start: about the device's voltage there, anything will do. */
void xo_cell_at(const struct xo_laws *d, const struct xo_cell *cell, double volt, double start,
                struct xo_cell_point *out);

/* Slopes that the cell can have while its voltage is within `radius` of that of p. */
void xo_cell_slopes(const struct xo_laws *d, const struct xo_cell *cell, double volt, const struct xo_cell_point *p,
                    double radius, double slope[2]);

/* Is the device, or the selector, further than its law is known?  Fills in which, its range, and where it stands. */
bool xo_cell_covers(const struct xo_laws *d, const struct xo_cell *cell, double volt, const struct xo_cell_point *p,
                    const char **part, const char **where, double *part_volt, double range[2]);

int xo_laws_new(struct xo_laws **out, const struct xo_crossbar *x, struct xo_info *info);  /* NULL if ohmic */
void xo_laws_free(struct xo_laws *d);

#endif
