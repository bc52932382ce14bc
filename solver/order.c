/* Nested dissection of the crossbar grid (George, SIAM J. Numer. Anal. 10, 1973).
 *
 * A cut between two word lines severs only the bit-line wires that cross it, so one node a column separates the
 * halves, not two; likewise for a cut between bit lines.  Halving the longer side down to a few cells and eliminating
 * every separator after the two sides it separates gives the order.  A vertex that zero ohm spreads over many places
 * is eliminated where the last of its places is: it belongs to the outermost separator that any of them lies in.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include "memory.h"
#include "plan.h"

#define LEAF_CELLS 4

/* RESERVED + depth: in the separator of that depth, to be placed after its sides. */
enum { FREE, PLACED, RESERVED };

struct walk {
    const xo_circuit *c;
    uint8_t *state;                    /* [nodes]               */
    int32_t *place;                    /* [nodes] out, in order */
    size_t count;
};

static void put(struct walk *w, int32_t node)
{
    if (w->state[node] != FREE)
        return;
    w->place[w->count++] = node;
    w->state[node] = PLACED;
}

static void leaf(struct walk *w, size_t top, size_t bottom, size_t left, size_t right)
{
    for (size_t i = top; i < bottom; i++)
        for (size_t j = left; j < right; j++)
            put(w, xo_word_node(w->c, i, j));
    for (size_t i = top; i < bottom; i++)
        for (size_t j = left; j < right; j++)
            put(w, xo_bit_node(w->c, i, j));
}

/* Rows top..bottom-1, columns left..right-1. */
static void dissect(struct walk *w, size_t top, size_t bottom, size_t left, size_t right, uint8_t depth)
{
    size_t height = bottom - top, width = right - left;
    bool by_row = height >= width;
    if (height * width <= LEAF_CELLS) {
        leaf(w, top, bottom, left, right);
        return;
    }
    size_t middle = by_row ? (top + bottom) / 2 : (left + right) / 2;
    size_t begin = by_row ? left : top, end = by_row ? right : bottom;
    for (size_t k = begin; k < end; k++) {
        int32_t node = by_row ? xo_bit_node(w->c, middle - 1, k) : xo_word_node(w->c, k, middle - 1);
        if (w->state[node] == FREE)
            w->state[node] = RESERVED + depth;
    }
    dissect(w, top, by_row ? middle : bottom, left, by_row ? right : middle, depth + 1);
    dissect(w, by_row ? middle : top, bottom, by_row ? left : middle, right, depth + 1);
    for (size_t k = begin; k < end; k++) {
        int32_t node = by_row ? xo_bit_node(w->c, middle - 1, k) : xo_word_node(w->c, k, middle - 1);
        if (w->state[node] == RESERVED + depth) {
            w->state[node] = FREE;
            put(w, node);
        }
    }
}

/* Columns that do not touch: rung by rung. */
static void descend(struct walk *w)
{
    for (size_t j = 0; j < w->c->columns; j++)
        for (size_t i = 0; i < w->c->rows; i++) {
            put(w, xo_word_node(w->c, i, j));
            put(w, xo_bit_node(w->c, i, j));
        }
}

/* Each vertex where the last of its places is. */
static void places_to_vertices(const struct walk *w, int32_t *order)
{
    const xo_circuit *c = w->c;
    size_t next = c->unknowns;
    for (size_t k = 0; k < c->nodes; k++)
        w->state[k] = FREE;            /* now of vertices */
    for (size_t k = c->nodes; k-- > 0;) {
        int32_t vertex = c->vertex[w->place[k]];
        if ((size_t)vertex >= c->unknowns || w->state[vertex] == PLACED)
            continue;
        w->state[vertex] = PLACED;
        order[--next] = vertex;
    }
}

int xo_order(int32_t *order, const xo_circuit *c)
{
    struct walk w = {.c = c};
    int status = ENOMEM;
    w.state = xo_calloc(c->nodes, sizeof *w.state);
    w.place = xo_calloc(c->nodes, sizeof *w.place);
    if (w.state && w.place) {
        if (xo_has_shared_source(c))
            descend(&w);
        else
            dissect(&w, 0, c->rows, 0, c->columns, 0);
        places_to_vertices(&w, order);
        status = 0;
    }
    free(w.state);
    free(w.place);
    return status;
}
