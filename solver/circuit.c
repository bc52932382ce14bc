/* From a description to the network as drawn: every branch with its two ends and its ohms, every terminal with
 * its voltage.  What follows (merging, solving, judging) sees only branches, never the array again.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cell.h"
#include "memory.h"

static enum xo_line_state line_state(const struct xo_line *line, size_t k)
{
    return line ? line[k].state : XO_LINE_NORMAL;
}

static int count_branches(xo_circuit *c, const struct xo_crossbar *x)
{
    size_t m = c->rows, n = c->columns;
    bool column = c->topology == XO_TOPOLOGY_SOURCE_COLUMN, plane = c->topology == XO_TOPOLOGY_PLANE;
    size_t count[XO_KINDS] = {
        [XO_CELL] = m * n, [XO_ROW_WIRE] = column ? (m - 1) * n : plane ? m * n - 1 : m * (n - 1),
        [XO_COLUMN_WIRE] = (m - 1) * n,
        [XO_DRIVER] = c->drive_ends * (column ? n : plane ? 1 : m), [XO_SENSE] = c->sense_ends * n,
        [XO_WORD_BRIDGE] = x->word_bridge_count, [XO_BIT_BRIDGE] = x->bit_bridge_count,
    };
    for (int kind = 0; kind < XO_KINDS; kind++)
        c->first[kind + 1] = c->first[kind] + count[kind];
    return c->first[XO_KINDS] <= INT32_MAX / 2 ? 0 : XO_ETOOBIG;
}

static void set_branch(xo_circuit *c, size_t branch, int32_t from, int32_t to, double ohm)
{
    c->from[branch] = from;
    c->to[branch] = to;
    c->ohm[branch] = ohm;
}

static void draw_cells(xo_circuit *c, const struct xo_crossbar *x)
{
    size_t m = c->rows, n = c->columns;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double ohm = xo_value_at(&x->series_ohm, i * n + j);
            if (c->bare_ohm)
                c->bare_ohm[i * n + j] = ohm;
            if (c->gate)
                ohm += xo_transistor_ohm(c->transistor_ohm, c->transistor_off_siemens, c->gate[i]);
            set_branch(c, i * n + j, xo_word_node(c, i, j), xo_bit_node(c, i, j), ohm);
            c->fixed_siemens[i * n + j] = -1;
        }
    for (size_t k = 0; k < x->stuck_count; k++)
        c->fixed_siemens[x->stuck[k].row * n + x->stuck[k].column] = x->stuck[k].siemens;
    for (size_t k = 0; k < x->open_cell_count; k++)
        c->fixed_siemens[x->open_cell[k].row * n + x->open_cell[k].column] = 0;
}

/* Lines of plane 0 that are not along rows. */
static void draw_source_lines(xo_circuit *c, const struct xo_crossbar *x)
{
    size_t n = c->columns, count = c->first[XO_COLUMN_WIRE] - c->first[XO_ROW_WIRE];
    size_t step = c->topology == XO_TOPOLOGY_SOURCE_COLUMN ? n : 1;
    for (size_t k = 0; k < count; k++)                     /* a plane: one node for all */
        set_branch(c, c->first[XO_ROW_WIRE] + k, (int32_t)k, (int32_t)(k + step),
                   c->topology == XO_TOPOLOGY_PLANE ? 0 : xo_value_at(&x->source_wire_ohm, k));
}

static void draw_source_ends(xo_circuit *c, const struct xo_crossbar *x)
{
    bool plane = c->topology == XO_TOPOLOGY_PLANE;
    size_t lines = plane ? 1 : c->columns, branch = c->first[XO_DRIVER];
    for (size_t end = 0; end < c->drive_ends; end++) {
        bool top = plane || x->source_side == XO_SENSE_TOP || (x->source_side == XO_SENSE_BOTH && end == 0);
        for (size_t j = 0; j < lines; j++, branch++)
            set_branch(c, branch, xo_source(c, 0), xo_word_node(c, top ? 0 : c->rows - 1, j),
                       xo_value_at(&x->source_end_ohm, j));
    }
}

static void draw_wires(xo_circuit *c, const struct xo_crossbar *x)
{
    size_t m = c->rows, n = c->columns, branch = c->first[XO_ROW_WIRE];
    if (xo_has_shared_source(c))
        draw_source_lines(c, x);
    for (size_t i = 0; i < m && !xo_has_shared_source(c); i++)
        for (size_t j = 0; j + 1 < n; j++, branch++)
            set_branch(c, branch, xo_word_node(c, i, j), xo_word_node(c, i, j + 1),
                       xo_value_at(&x->row_wire_ohm, i * (n - 1) + j));
    branch = c->first[XO_COLUMN_WIRE];
    for (size_t i = 0; i + 1 < m; i++)
        for (size_t j = 0; j < n; j++, branch++)
            set_branch(c, branch, xo_bit_node(c, i, j), xo_bit_node(c, i + 1, j),
                       xo_value_at(&x->column_wire_ohm, i * n + j));
    for (size_t k = 0; k < x->open_word_segment_count; k++)
        c->ohm[c->first[XO_ROW_WIRE] + x->open_word_segment[k].row * (n - 1)
               + x->open_word_segment[k].column] = XO_OPEN;
    for (size_t k = 0; k < x->open_bit_segment_count; k++)
        c->ohm[c->first[XO_COLUMN_WIRE] + x->open_bit_segment[k].row * n + x->open_bit_segment[k].column] = XO_OPEN;
}

static void draw_drivers(xo_circuit *c, const struct xo_crossbar *x)
{
    if (xo_has_shared_source(c)) {
        draw_source_ends(c, x);
        return;
    }
    for (size_t end = 0; end < c->drive_ends; end++) {
        bool left = end == 0 && x->drive_side != XO_DRIVE_RIGHT;
        for (size_t i = 0; i < c->rows; i++) {
            bool floating = line_state(x->word_line, i) == XO_LINE_FLOATING;
            set_branch(c, c->first[XO_DRIVER] + end * c->rows + i, xo_source(c, i),
                       xo_word_node(c, i, left ? 0 : c->columns - 1),
                       floating ? XO_OPEN : xo_value_at(&x->driver_ohm, i));
        }
    }
}

static void draw_senses(xo_circuit *c, const struct xo_crossbar *x)
{
    for (size_t end = 0; end < c->sense_ends; end++) {
        bool top = x->sense_side == XO_SENSE_TOP || (x->sense_side == XO_SENSE_BOTH && end == 0);
        for (size_t j = 0; j < c->columns; j++) {
            bool floating = line_state(x->bit_line, j) == XO_LINE_FLOATING;
            set_branch(c, c->first[XO_SENSE] + end * c->columns + j, xo_bit_node(c, top ? 0 : c->rows - 1, j),
                       xo_sense(c, j), floating ? XO_OPEN : xo_value_at(&x->sense_ohm, j));
        }
    }
}

/* Bridges of one direction, `step` places apart; of several at one place the last one counts. */
static int draw_bridges(xo_circuit *c, size_t first, const struct xo_bridge *bridge, size_t count, size_t plane,
                        size_t step)
{
    int32_t *latest = xo_calloc(c->rows * c->columns, sizeof *latest);     /* branch, 0: none yet */
    if (!latest)
        return ENOMEM;
    for (size_t k = 0; k < count; k++) {
        size_t place = bridge[k].row * c->columns + bridge[k].column, from = plane * c->rows * c->columns + place;
        if (latest[place])
            c->ohm[latest[place]] = XO_OPEN;
        latest[place] = (int32_t)(first + k);
        set_branch(c, first + k, (int32_t)from, (int32_t)(from + step), bridge[k].ohm);
    }
    free(latest);
    return 0;
}

static double terminal_volt(const struct xo_line *line, size_t k, double normal_volt)
{
    switch (line_state(line, k)) {
    case XO_LINE_HELD: return line[k].hold_volt;
    case XO_LINE_NORMAL: return normal_volt;
    default: return 0;
    }
}

static void set_terminals(xo_circuit *c, const struct xo_crossbar *x)
{
    for (size_t i = 0; i < c->rows; i++) {
        enum xo_line_state state = line_state(x->word_line, i);
        bool normal = state == XO_LINE_NORMAL || state == XO_LINE_GATED, gates = c->input == XO_INPUT_GATE;
        c->driven[i] = normal && !gates;
        c->held_volt[i] = normal && gates ? x->source_volt : terminal_volt(x->word_line, i, 0);
    }
    for (size_t j = 0; j < c->columns; j++)
        c->held_volt[c->rows + j] = terminal_volt(x->bit_line, j, xo_value_at(&x->sense_volt, j));
}

static int allocate(xo_circuit *c)
{
    size_t branches = xo_branches(c), places = c->nodes + c->terminals;
    c->from = xo_calloc(branches, sizeof *c->from);
    c->to = xo_calloc(branches, sizeof *c->to);
    c->ohm = xo_calloc(branches, sizeof *c->ohm);
    c->fixed_siemens = xo_calloc(c->rows * c->columns, sizeof *c->fixed_siemens);
    c->vertex = xo_calloc(places, sizeof *c->vertex);
    c->link_a = xo_calloc(branches, sizeof *c->link_a);
    c->link_b = xo_calloc(branches, sizeof *c->link_b);
    c->link_branch = xo_calloc(branches, sizeof *c->link_branch);
    return c->from && c->to && c->ohm && c->fixed_siemens && c->vertex && c->link_a && c->link_b && c->link_branch
                   ? 0 : ENOMEM;
}

static int set_gates(xo_circuit *c, const struct xo_crossbar *x)
{
    if (x->cell_type != XO_CELL_1T1R)
        return 0;
    c->transistor_ohm = x->transistor_ohm;
    c->transistor_off_siemens = x->transistor_off_siemens;
    c->gate = xo_calloc(c->rows, sizeof *c->gate);
    c->bare_ohm = xo_calloc(c->rows * c->columns, sizeof *c->bare_ohm);
    if (!c->gate || !c->bare_ohm)
        return ENOMEM;
    for (size_t i = 0; i < c->rows; i++)
        c->gate[i] = line_state(x->word_line, i) == XO_LINE_GATED ? 0 : x->gate ? x->gate[i] : 1;
    return 0;
}

/* Every branch, and what is left of them when zero ohm has merged its ends. */
static int draw(xo_circuit *c, const struct xo_crossbar *x, struct xo_info *info)
{
    int status = count_branches(c, x);
    if (!status)
        status = allocate(c);
    if (!status)
        status = set_gates(c, x);
    if (!status) {
        draw_cells(c, x);
        draw_wires(c, x);
        draw_drivers(c, x);
        draw_senses(c, x);
        status = draw_bridges(c, c->first[XO_WORD_BRIDGE], x->word_bridge, x->word_bridge_count, 0, c->columns);
        if (!status)
            status = draw_bridges(c, c->first[XO_BIT_BRIDGE], x->bit_bridge, x->bit_bridge_count, 1, 1);
    }
    if (status)
        return xo_fail(info, status, "a %zu x %zu array: %s", x->rows, x->columns, xo_strerror(status));
    return xo_circuit_merge(c, info);
}

static int keep_description(xo_circuit *c, const struct xo_crossbar *x, struct xo_info *info)
{
    for (size_t t = 0; t < c->terminals; t++) {
        c->group[t] = (int32_t)t;
        c->group_size[t] = 1;
    }
    c->lines = xo_crossbar_copy(x);
    return c->lines ? 0 : xo_fail(info, ENOMEM, "out of memory for a %zu x %zu array", x->rows, x->columns);
}

static int circuit_new(xo_circuit **out, const struct xo_crossbar *x, bool drawn, struct xo_info *info)
{
    xo_circuit *c = xo_calloc(1, sizeof *c);
    int status = ENOMEM;
    if (!c)
        return xo_fail(info, ENOMEM, "out of memory for a %zu x %zu array", x->rows, x->columns);
    c->rows = x->rows;
    c->columns = x->columns;
    c->nodes = 2 * x->rows * x->columns;
    c->terminals = x->rows + x->columns;
    c->topology = x->topology;
    c->input = x->input;
    bool two_ends = xo_has_shared_source(c) ? x->topology != XO_TOPOLOGY_PLANE && x->source_side == XO_SENSE_BOTH
                                            : x->drive_side == XO_DRIVE_BOTH;
    c->drive_ends = two_ends ? 2 : 1;
    c->sense_ends = x->sense_side == XO_SENSE_BOTH ? 2 : 1;
    c->driven = xo_calloc(c->terminals, sizeof *c->driven);
    c->held_volt = xo_calloc(c->terminals, sizeof *c->held_volt);
    c->group = xo_calloc(c->terminals, sizeof *c->group);
    c->group_size = xo_calloc(c->terminals, sizeof *c->group_size);
    if (c->driven && c->held_volt && c->group && c->group_size) {
        set_terminals(c, x);
        status = drawn ? draw(c, x, info) : keep_description(c, x, info);
        if (!status)
            status = xo_laws_new(&c->laws, x, info);
    } else {
        xo_fail(info, ENOMEM, "out of memory for a %zu x %zu array", x->rows, x->columns);
    }
    if (status)
        xo_circuit_free(c);
    else
        *out = c;
    return status;
}

/* Source lines along rows are a crossbar's word lines by other names. */
static struct xo_crossbar as_drawn(const struct xo_crossbar *x)
{
    struct xo_crossbar y = *x;
    if (x->topology == XO_TOPOLOGY_SOURCE_ROW) {
        y.row_wire_ohm = x->source_wire_ohm;
        y.driver_ohm = x->source_end_ohm;
    }
    return y;
}

int xo_circuit_new(xo_circuit **out, const struct xo_crossbar *x, struct xo_info *info)
{
    const struct xo_crossbar y = as_drawn(x);
    int status = xo_crossbar_check(x, info);
    return status ? status : circuit_new(out, &y, !xo_crossbar_is_lines(&y), info);
}

int xo_circuit_draw(xo_circuit **out, const xo_circuit *lines, struct xo_info *info)
{
    return circuit_new(out, lines->lines, true, info);
}

void xo_circuit_free(xo_circuit *c)
{
    if (!c)
        return;
    free(c->from);
    free(c->to);
    free(c->ohm);
    free(c->fixed_siemens);
    free(c->gate);
    free(c->bare_ohm);
    free(c->driven);
    free(c->held_volt);
    xo_laws_free(c->laws);
    free(c->vertex);
    free(c->link_a);
    free(c->link_b);
    free(c->link_branch);
    free(c->group);
    free(c->group_size);
    free(c->lines);
    free(c);
}

size_t xo_circuit_drive_ends(const xo_circuit *c) { return c->drive_ends; }
size_t xo_circuit_sense_ends(const xo_circuit *c) { return c->sense_ends; }
