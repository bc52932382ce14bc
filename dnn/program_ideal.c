/* Arrays in which nothing resists: G_ni is G, and there is nothing to solve.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "engine_private.h"

static bool is_zero(const struct xo_values *v, size_t count)
{
    for (size_t k = 0; v->each && k < count; k++)
        if (v->each[k] != 0)
            return false;
    return v->each || v->all == 0;
}

static bool is_normal(const struct xo_line *line, size_t count)
{
    for (size_t k = 0; line && k < count; k++)
        if (line[k].state != XO_LINE_NORMAL)
            return false;
    return true;
}

/* Transistors are switches, what inputs meet along rows, and source lines, do not resist. */
static bool has_ideal_sources(const struct xo_hardware *h)
{
    const struct xo_crossbar *x = &h->array;
    size_t m = x->rows, n = x->columns;
    bool crossbar = x->topology == XO_TOPOLOGY_CROSSBAR, row = x->topology == XO_TOPOLOGY_SOURCE_ROW;
    if (x->cell_type == XO_CELL_1T1R && (x->transistor_ohm != 0 || x->transistor_off_siemens != 0))
        return false;
    if (x->input == XO_INPUT_GATE ? x->source_volt != h->dac.read_volt : h->dac.output_ohm != 0)
        return false;
    return crossbar ? is_zero(&x->row_wire_ohm, m * (n - 1)) && is_zero(&x->driver_ohm, m)
                    : is_zero(&x->source_end_ohm, row ? m : n) &&
                          (x->topology == XO_TOPOLOGY_PLANE ||
                           is_zero(&x->source_wire_ohm, row ? m * (n - 1) : (m - 1) * n));
}

bool xo_is_ideal(const struct xo_hardware *h, bool varies)
{
    const struct xo_crossbar *x = &h->array;
    size_t m = x->rows, n = x->columns;
    return !(varies && xo_hardware_varies(h)) && !xo_is_nonlinear(x) && has_ideal_sources(h) &&
           is_zero(&x->column_wire_ohm, (m - 1) * n) && is_zero(&x->sense_ohm, n) &&
           is_zero(&x->sense_volt, n) && is_zero(&x->series_ohm, m * n) && is_normal(x->word_line, m) &&
           is_normal(x->bit_line, n) && !x->stuck_count && !x->open_cell_count && !x->open_word_segment_count &&
           !x->open_bit_segment_count && !x->word_bridge_count && !x->bit_bridge_count;
}
