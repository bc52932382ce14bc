/* A description on its own: may the array stay lines, and a copy that outlives the caller's.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <string.h>
#include "circuit.h"
#include "memory.h"

static bool has_zero(const struct xo_values *v, size_t count)
{
    for (size_t k = 0; v->each && k < count; k++)
        if (v->each[k] == 0)
            return true;
    return !v->each && count && v->all == 0;
}

bool xo_crossbar_is_lines(const struct xo_crossbar *x)
{
    size_t m = x->rows, n = x->columns;
    return !xo_is_nonlinear(x) && x->cell_type != XO_CELL_1T1R && !xo_is_ladder(x)
           && !x->word_bridge_count && !x->bit_bridge_count
           && !has_zero(&x->row_wire_ohm, m * (n - 1)) && !has_zero(&x->column_wire_ohm, (m - 1) * n)
           && !has_zero(&x->driver_ohm, m) && !has_zero(&x->sense_ohm, n);
}

/* One array of the description: where the pointer to it stands, and its bytes. */
struct part { void *pointer; size_t nbytes; };

static const void *array_of(const struct part *p)
{
    const void *array;
    memcpy(&array, p->pointer, sizeof array);
    return array;
}

/* Copy the array to *next and let the pointer point there. */
static void take(const struct part *p, char **next)
{
    const void *to = *next;
    if (!array_of(p))
        return;
    memcpy(*next, array_of(p), p->nbytes);
    memcpy(p->pointer, &to, sizeof to);
    *next += p->nbytes;
}

struct xo_crossbar *xo_crossbar_copy(const struct xo_crossbar *x)
{
    struct xo_crossbar copy = *x, *out;
    size_t m = x->rows, n = x->columns, real = sizeof(double), nbytes = sizeof copy;
    const struct part part[] = {
        {&copy.row_wire_ohm.each, m * (n - 1) * real}, {&copy.column_wire_ohm.each, (m - 1) * n * real},
        {&copy.driver_ohm.each, m * real}, {&copy.sense_ohm.each, n * real}, {&copy.sense_volt.each, n * real},
        {&copy.series_ohm.each, m * n * real}, {&copy.word_line, m * sizeof *x->word_line},
        {&copy.bit_line, n * sizeof *x->bit_line}, {&copy.stuck, x->stuck_count * sizeof *x->stuck},
        {&copy.open_cell, x->open_cell_count * sizeof *x->open_cell},
        {&copy.open_word_segment, x->open_word_segment_count * sizeof *x->open_word_segment},
        {&copy.open_bit_segment, x->open_bit_segment_count * sizeof *x->open_bit_segment},
    };
    size_t parts = sizeof part / sizeof *part;
    for (size_t k = 0; k < parts; k++)
        nbytes += array_of(&part[k]) ? part[k].nbytes : 0;
    out = xo_calloc(1, nbytes);
    if (!out)
        return NULL;
    char *next = (char *)(out + 1);
    for (size_t k = 0; k < parts; k++)
        take(&part[k], &next);
    *out = copy;
    return out;
}
