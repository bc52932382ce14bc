/* A deck in memory: named nodes, and the resistors and sources between them (internal).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_DECK_H
#define XO_DECK_H

#include <stdbool.h>
#include <stdint.h>
#include "xo_netlist.h"

#define XO_GROUND (-1)

enum xo_element_kind { XO_RESISTOR, XO_VOLTAGE_SOURCE, XO_CURRENT_SOURCE };

struct xo_element {
    enum xo_element_kind kind;
    const char *name;                  /* as written, in deck->names.text */
    int32_t from, to;                  /* nodes, or XO_GROUND */
    double value;                      /* [ohm], [V] or [A] */
};

/* Names to numbers 0, 1, 2, ... in the order of their first appearance: an open-addressing hash table. */
struct xo_names {
    bool folded;                       /* "Out" and "OUT" are one name */
    size_t count, capacity;
    char **name;                       /* [capacity] as first written */
    size_t slots;                      /* a power of 2, or 0 */
    int32_t *slot;                     /* [slots] number + 1, 0: free */
};
int xo_names_add(struct xo_names *names, const char *text, size_t length, int32_t *number, bool *is_new);
void xo_names_free(struct xo_names *names);

struct xo_deck {
    char *title;                       /* the first line; "" in spectre decks */
    struct xo_names node, element_name;
    size_t count, capacity;
    struct xo_element *element;        /* [capacity] */
    size_t sources;
    int32_t *source;                   /* [capacity] elements that are voltage sources */
};

/* "10k", "4.7meg", "1e-6", "2.2uF": SPICE's numbers.  0, XO_ESYNTAX or XO_EVALUE. */
int xo_spice_number(double *out, const char *text, size_t length);

/* The deck as text in the ngspice dialect, to be freed: reading it gives d again.  0 or ENOMEM. */
int xo_deck_print(char **text, const xo_deck *d);

#endif
