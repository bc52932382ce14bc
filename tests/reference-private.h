/* The list of branches both reference methods start from: the description, read once.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REFERENCE_PRIVATE_H
#define REFERENCE_PRIVATE_H

#include "reference.h"

/* Nodes: word line i*columns + j; bit line rows*columns + i*columns + j; then the terminals. */
struct branch {
    size_t a, b;
    int zero_ohm;
    quad siemens;                      /* meaningless if zero_ohm */
};

struct network {
    size_t rows, columns, nodes, terminals;     /* nodes without the terminals: 2 rows columns */
    struct branch *branch;
    size_t branches;
    unsigned char *connected;                   /* [terminals] 0: floating, the terminal does not exist */
};

int network_read(struct network *n, const struct xo_crossbar *x, const double *cell_siemens,
                 const struct reference_change *change);
void network_free(struct network *n);

/* What is applied behind every terminal; 0 where there is none. */
void network_terminal_volt(const struct xo_crossbar *x, const double *row_volt, quad *volt);

/* Disjoint sets. */
size_t set_find(size_t *parent, size_t a);
void set_join(size_t *parent, size_t a, size_t b);

#endif
