/* Every number of a crossbar description is checked here, once, before anything is built from it.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "circuit.h"

struct xo_crossbar xo_crossbar_default(size_t rows, size_t columns)
{
    return (struct xo_crossbar){
        .rows = rows, .columns = columns,
        .row_wire_ohm.all = 1, .column_wire_ohm.all = 1,
        .driver_ohm.all = 100, .sense_ohm.all = 100,
        .source_wire_ohm.all = 1, .source_end_ohm.all = 100, .source_volt = 0.2,
    };
}

int xo_is_nonlinear(const struct xo_crossbar *x)
{
    return x->law.law != XO_LAW_OHMIC || x->cell_type == XO_CELL_1S1R;
}

int xo_is_ladder(const struct xo_crossbar *x)
{
    return x->topology == XO_TOPOLOGY_SOURCE_COLUMN || x->topology == XO_TOPOLOGY_PLANE;
}

static bool ohm_ok(double ohm)
{
    return ohm == 0 || ohm == XO_OPEN || (ohm >= XO_MIN_OHM && ohm <= XO_MAX_OHM);
}

static bool volt_ok(double volt)
{
    return fabs(volt) <= XO_MAX_VOLT;
}

/* One quantity: a number, or one per line or segment. */
static int check_values(const struct xo_values *v, size_t rows, size_t columns, bool ok(double), const char *name,
                        const char *expected, struct xo_info *info)
{
    if (!v->each)
        return ok(v->all) ? 0 : xo_fail(info, XO_EVALUE, "%s is %g; expected %s", name, v->all, expected);
    for (size_t k = 0; k < rows * columns; k++)
        if (!ok(v->each[k]))
            return rows == 1
                       ? xo_fail(info, XO_EVALUE, "%s[%zu] is %g; expected %s", name, k, v->each[k], expected)
                       : xo_fail(info, XO_EVALUE, "%s[%zu][%zu] is %g; expected %s", name, k / columns, k % columns,
                                 v->each[k], expected);
    return 0;
}

static int check_lines(const struct xo_line *line, size_t count, const char *name, struct xo_info *info)
{
    for (size_t k = 0; line && k < count; k++)
        if (line[k].state == XO_LINE_HELD && !volt_ok(line[k].hold_volt))
            return xo_fail(info, XO_EVALUE, "%s line %zu is held at %g V; expected at most %g V", name, k,
                           line[k].hold_volt, XO_MAX_VOLT);
    return 0;
}

static int check_site(size_t row, size_t column, size_t rows, size_t columns, const char *what, struct xo_info *info)
{
    if (row < rows && column < columns)
        return 0;
    return xo_fail(info, XO_EVALUE, "%s (%zu, %zu) lies outside the array; expected a row below %zu and a column "
                   "below %zu", what, row, column, rows, columns);
}

static int check_sites(const struct xo_site *s, size_t count, size_t rows, size_t columns, const char *what,
                       struct xo_info *info)
{
    int status = 0;
    for (size_t k = 0; k < count && !status; k++)
        status = check_site(s[k].row, s[k].column, rows, columns, what, info);
    return status;
}

static int check_bridges(const struct xo_bridge *b, size_t count, size_t rows, size_t columns, const char *what,
                         struct xo_info *info)
{
    int status = 0;
    for (size_t k = 0; k < count && !status; k++) {
        status = check_site(b[k].row, b[k].column, rows, columns, what, info);
        if (!status && !ohm_ok(b[k].ohm))
            status = xo_fail(info, XO_EVALUE, "%s (%zu, %zu) has %g ohm; expected 0, %g..%g or open", what,
                             b[k].row, b[k].column, b[k].ohm, XO_MIN_OHM, XO_MAX_OHM);
    }
    return status;
}

static int check_stuck(const struct xo_crossbar *x, struct xo_info *info)
{
    int status = 0;
    for (size_t k = 0; k < x->stuck_count && !status; k++) {
        double g = x->stuck[k].siemens;
        status = check_site(x->stuck[k].row, x->stuck[k].column, x->rows, x->columns, "stuck cell", info);
        if (!status && !(g == 0 || (g >= XO_MIN_SIEMENS && g <= XO_MAX_SIEMENS)))
            status = xo_fail(info, XO_EVALUE, "stuck cell (%zu, %zu) has %g S; expected 0 or %g..%g", x->stuck[k].row,
                             x->stuck[k].column, g, XO_MIN_SIEMENS, XO_MAX_SIEMENS);
    }
    return status;
}

/* ---- transistors and source lines ------------------------------------------------------------------- */

static int check_gates(const struct xo_crossbar *x, struct xo_info *info)
{
    bool transistors = x->cell_type == XO_CELL_1T1R;
    for (size_t i = 0; x->word_line && i < x->rows && !transistors; i++)
        if (x->word_line[i].state == XO_LINE_GATED)
            return xo_fail(info, XO_EVALUE, "word line %zu is gated; expected cells of type 1T1R with it", i);
    if (x->input == XO_INPUT_GATE && !transistors)
        return xo_fail(info, XO_EVALUE, "inputs go to gates; expected cells of type 1T1R with input gate");
    if (!transistors)
        return x->gate ? xo_fail(info, XO_EVALUE, "there are gates; expected cells of type 1T1R with them") : 0;
    if (!(x->transistor_ohm == 0 || (x->transistor_ohm >= XO_MIN_OHM && x->transistor_ohm <= XO_MAX_OHM)))
        return xo_fail(info, XO_EVALUE, "transistor_ohm is %g; expected 0 or 1e-12..1e30", x->transistor_ohm);
    double off = x->transistor_off_siemens;
    if (!(off == 0 || (off >= XO_MIN_SIEMENS && off * x->transistor_ohm <= 1 && off <= XO_MAX_SIEMENS)))
        return xo_fail(info, XO_EVALUE, "transistor_off_siemens is %g; expected 0 or 1e-30..1e12, at most "
                       "1/transistor_ohm", off);
    for (size_t i = 0; x->gate && i < x->rows; i++) {
        struct xo_info why = {""};
        if (xo_gate_check(x->transistor_ohm, x->gate[i], &why))
            return xo_fail(info, XO_EVALUE, "gate %zu is %s", i, why.text);
    }
    return 0;
}

/* What lies along rows where word lines are but gates. */
static int check_shared_source(const struct xo_crossbar *x, struct xo_info *info)
{
    const char *topology = x->topology == XO_TOPOLOGY_PLANE ? "plane" : "source_column";
    if (x->input != XO_INPUT_GATE)
        return xo_fail(info, XO_EVALUE, "topology %s has no line along rows to drive; expected input gate", topology);
    if (x->word_bridge_count || x->open_word_segment_count)
        return xo_fail(info, XO_EVALUE, "topology %s: word lines carry no current; expected no bridges between them "
                       "and no open segments", topology);
    for (size_t i = 0; x->word_line && i < x->rows; i++)
        if (x->word_line[i].state != XO_LINE_NORMAL && x->word_line[i].state != XO_LINE_GATED)
            return xo_fail(info, XO_EVALUE, "topology %s: word line %zu is a gate; expected it normal or gated",
                           topology, i);
    return x->topology == XO_TOPOLOGY_PLANE && x->source_end_ohm.each
               ? xo_fail(info, XO_EVALUE, "topology plane: source_end_ohm is a list; expected one number") : 0;
}

static int check_source_lines(const struct xo_crossbar *x, bool ok(double), struct xo_info *info)
{
    size_t m = x->rows, n = x->columns;
    bool row = x->topology == XO_TOPOLOGY_SOURCE_ROW;
    const char *ohm = "0, 1e-12..1e30 or open";
    int status;
    if (x->topology == XO_TOPOLOGY_CROSSBAR)
        return x->input == XO_INPUT_GATE
                   ? xo_fail(info, XO_EVALUE, "topology crossbar drives its word lines; expected input drive, or "
                             "topology source_column, source_row or plane") : 0;
    if ((status = xo_is_ladder(x) ? check_shared_source(x, info) : 0)
        || (status = check_values(&x->source_wire_ohm, row ? m : m - 1, row ? n - 1 : n, ok, "source_wire_ohm", ohm,
                                  info))
        || (status = check_values(&x->source_end_ohm, 1, row ? m : n, ok, "source_end_ohm", ohm, info)))
        return status;
    return fabs(x->source_volt) <= XO_MAX_VOLT
               ? 0 : xo_fail(info, XO_EVALUE, "source_volt is %g; expected -1e12..1e12", x->source_volt);
}

int xo_crossbar_check(const struct xo_crossbar *x, struct xo_info *info)
{
    size_t m = x->rows, n = x->columns;
    const char *ohm = "0, 1e-12..1e30 or open", *volt = "-1e12..1e12";
    int status;
    if (!m || !n)
        return xo_fail(info, XO_EVALUE, "the array is %zu x %zu; expected at least one row and one column", m, n);
    if (m > INT32_MAX / 16 / n)        /* four branches a cell and bridges, counted in int32_t */
        return xo_fail(info, XO_ETOOBIG, "the array is %zu x %zu; expected at most %d cells", m, n, INT32_MAX / 16);
    if ((status = check_values(&x->row_wire_ohm, m, n - 1, ohm_ok, "row_wire_ohm", ohm, info))
        || (status = check_values(&x->column_wire_ohm, m - 1, n, ohm_ok, "column_wire_ohm", ohm, info))
        || (status = check_values(&x->driver_ohm, 1, m, ohm_ok, "driver_ohm", ohm, info))
        || (status = check_values(&x->sense_ohm, 1, n, ohm_ok, "sense_ohm", ohm, info))
        || (status = check_values(&x->sense_volt, 1, n, volt_ok, "sense_volt", volt, info))
        || (status = check_values(&x->series_ohm, m, n, ohm_ok, "series_ohm", ohm, info))
        || (status = check_lines(x->word_line, m, "word", info))
        || (status = check_lines(x->bit_line, n, "bit", info))
        || (status = check_stuck(x, info))
        || (status = check_sites(x->open_cell, x->open_cell_count, m, n, "open cell", info))
        || (status = check_sites(x->open_word_segment, x->open_word_segment_count, m, n - 1, "open word segment",
                                 info))
        || (status = check_sites(x->open_bit_segment, x->open_bit_segment_count, m - 1, n, "open bit segment", info))
        || (status = check_bridges(x->word_bridge, x->word_bridge_count, m - 1, n, "word bridge", info))
        || (status = check_bridges(x->bit_bridge, x->bit_bridge_count, m, n - 1, "bit bridge", info))
        || (status = check_gates(x, info))
        || (status = check_source_lines(x, ohm_ok, info)))
        return status;
    return 0;
}
