/* Topology, input and transistors: what follows from them where the file does not say, and what does not go together.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "schema.h"

/* Source lines are those of transistors whose gates inputs go to, unless the file says otherwise. */
void xo_settle_gates(struct xo_hardware *h)
{
    struct xo_crossbar *x = &h->array;
    bool lines = x->topology != XO_TOPOLOGY_CROSSBAR;
    bool transistors = xo_is_given(h, "device.transistor_ohm") || xo_is_given(h, "device.transistor_off_siemens");
    if (!xo_is_given(h, "array.input"))
        x->input = lines ? XO_INPUT_GATE : XO_INPUT_DRIVE;
    if (!xo_is_given(h, "device.type"))
        x->cell_type = lines || transistors ? XO_CELL_1T1R : XO_CELL_1R;
    if (!xo_is_given(h, "array.source_volt"))
        x->source_volt = h->dac.read_volt;
    if (!xo_is_given(h, "array.source_end_ohm"))
        x->source_end_ohm.all = x->topology == XO_TOPOLOGY_PLANE ? 0 : 100;
}

enum xo_place xo_key_place(const struct xo_hardware *h, const struct xo_key *key)
{
    bool row = h->array.topology == XO_TOPOLOGY_SOURCE_ROW;
    if (key->place == XO_PER_SOURCE_SEGMENT)
        return row ? XO_PER_ROW_SEGMENT : XO_PER_COLUMN_SEGMENT;
    if (key->place == XO_PER_SOURCE_LINE)
        return row ? XO_PER_ROW : XO_PER_COLUMN;
    return key->place;
}

/* The first of these keys that the file gives is too much. */
static int refuse(const struct xo_hardware *h, size_t count, const char *const *path, const char *why,
                  struct xo_info *info)
{
    for (size_t k = 0; k < count; k++)
        if (xo_is_given(h, path[k]))
            return xo_mark_fail(info, XO_EVALUE, xo_mark_of(h, path[k]), "%s: %s", path[k], why);
    return 0;
}

static int check_transistors(const struct xo_hardware *h, struct xo_info *info)
{
    static const char *const of_transistors[] = {"device.transistor_ohm", "device.transistor_off_siemens"};
    const struct xo_crossbar *x = &h->array;
    char ohm[XO_NUMBER_SIZE], off[XO_NUMBER_SIZE];
    const struct xo_key_data *lines = xo_data(h, xo_find_key("array.lines.word"));
    if (x->cell_type == XO_CELL_1T1R)
        return x->transistor_ohm * x->transistor_off_siemens <= 1
                   ? 0 : xo_mark_fail(info, XO_EVALUE, xo_mark_of(h, of_transistors[1]),
                                      "device: found transistor_ohm %s with transistor_off_siemens %s; expected a "
                                      "transistor that conducts more when on",
                                      xo_number_print(ohm, x->transistor_ohm),
                                      xo_number_print(off, x->transistor_off_siemens));
    if (x->input == XO_INPUT_GATE)
        return xo_mark_fail(info, XO_EVALUE,
                            xo_mark_of(h, xo_is_given(h, "device.type") ? "device.type" : "array.input"),
                            "array.input: found gate with device.type %s; expected 1T1R, as inputs go to gates",
                            x->cell_type == XO_CELL_1R ? "1R" : "1S1R");
    for (size_t k = 0; k < lines->line_count; k++)
        if (lines->line[k].line.state == XO_LINE_GATED)
            return xo_mark_fail(info, XO_EVALUE, lines->line[k].mark, "array.lines.word.%zu: found gated; expected "
                                "device.type 1T1R with it", lines->line[k].index);
    return refuse(h, 2, of_transistors, "belongs to device.type 1T1R; expected none with other cells", info);
}

/* Columns whose rows share no line that carries current. */
static int check_ladders(const struct xo_hardware *h, struct xo_info *info)
{
    static const char *const of_word_lines[] = {"array.faults.open_word_segments", "array.faults.word_bridges"};
    const struct xo_key *end = xo_find_key("array.source_end_ohm");
    const struct xo_key_data *lines = xo_data(h, xo_find_key("array.lines.word"));
    if (h->array.input != XO_INPUT_GATE)
        return xo_mark_fail(info, XO_EVALUE, xo_mark_of(h, "array.input"), "array.input: found drive; expected gate, "
                            "as in this topology no line along rows carries current");
    for (size_t k = 0; k < lines->line_count; k++)
        if (lines->line[k].line.state != XO_LINE_GATED)
            return xo_mark_fail(info, XO_EVALUE, lines->line[k].mark, "array.lines.word.%zu: found a line that "
                                "carries current; expected gated, as word lines are gates in this topology",
                                lines->line[k].index);
    if (h->array.topology == XO_TOPOLOGY_PLANE && xo_data(h, end)->file)
        return xo_mark_fail(info, XO_EVALUE, xo_mark_of(h, end->path),
                            "array.source_end_ohm: found a file; expected one number, as a plane has one end");
    return refuse(h, 2, of_word_lines, "word lines carry no current in this topology; expected none", info);
}

int xo_check_gate_keys(const struct xo_hardware *h, struct xo_info *info)
{
    int status = check_transistors(h, info);
    if (status)
        return status;
    if (xo_is_ladder(&h->array))
        return check_ladders(h, info);
    if (h->array.topology == XO_TOPOLOGY_CROSSBAR && h->array.input == XO_INPUT_GATE)
        return xo_mark_fail(info, XO_EVALUE, xo_mark_of(h, "array.input"),
                            "array.input: found gate in topology crossbar; expected drive, or topology "
                            "source_column, source_row or plane");
    return 0;
}
