/* See xo_ladder.h; ladder_curved.c has nonlinear cells.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cell.h"
#include "clones.h"
#include "memory.h"
#include "xo_ladder.h"

#define LARGE 0x1p300                  /* p and q are scaled down beyond */
#define UNIT 0x1p-53

/* ---- which columns ---------------------------------------------------------------------------------- */

/* Source lines end at one side, bit lines at the other. */
static bool is_opposed(const struct xo_crossbar *x)
{
    return x->topology == XO_TOPOLOGY_SOURCE_COLUMN && x->source_side != x->sense_side;
}

static int check(const struct xo_crossbar *x, struct xo_info *info)
{
    bool plane = x->topology == XO_TOPOLOGY_PLANE;
    const char *why = NULL;
    if (!xo_is_ladder(x))
        why = "rows share lines that carry current";
    else if (x->bit_bridge_count)
        why = "bridges join columns";
    else if (plane && x->source_end_ohm.all != 0)
        why = "all columns share the plane's source_end_ohm";
    else if (x->sense_side == XO_SENSE_BOTH || (!plane && x->source_side == XO_SENSE_BOTH))
        why = "lines end at both sides";
    else if (xo_is_nonlinear(x) && is_opposed(x))
        why = "of nonlinear cells, source lines end at one side and bit lines at the other";
    return why ? xo_fail(info, XO_EVALUE,
                         "no simple ladders: %s; expected topology source_column, or plane without "
                         "source_end_ohm, with lines that end at one side, no bridges", why) : 0;
}

static int allocate(xo_ladder *l, bool opposed)
{
    if (opposed && !(l->second_ohm = xo_calloc(l->rows * l->columns, sizeof *l->second_ohm)))
        return ENOMEM;
    l->cell_siemens = xo_calloc(l->rows * l->columns, sizeof *l->cell_siemens);
    l->step_ohm = xo_calloc(l->rows * l->columns, sizeof *l->step_ohm);
    l->end_ohm = xo_calloc(l->columns, sizeof *l->end_ohm);
    l->volt = xo_calloc(l->columns, sizeof *l->volt);
    l->gated = xo_calloc(l->rows, sizeof *l->gated);
    return l->cell_siemens && l->step_ohm && l->end_ohm && l->volt && l->gated ? 0 : ENOMEM;
}

/* ---- rungs and steps -------------------------------------------------------------------------------- */

static void set_cells(xo_ladder *l, const struct xo_crossbar *x, const double *cell_siemens)
{
    memcpy(l->cell_siemens, cell_siemens, l->rows * l->columns * sizeof *cell_siemens);
    for (size_t k = 0; k < x->stuck_count; k++)
        l->cell_siemens[x->stuck[k].row * l->columns + x->stuck[k].column] = x->stuck[k].siemens;
    for (size_t k = 0; k < x->open_cell_count; k++)
        l->cell_siemens[x->open_cell[k].row * l->columns + x->open_cell[k].column] = 0;
    for (size_t k = 0; k < l->rows * l->columns && !xo_is_nonlinear(x); k++) {
        double g = l->cell_siemens[k], ohm = xo_value_at(&x->series_ohm, k);
        l->cell_siemens[k] = g == 0 || ohm == XO_OPEN ? 0 : g / (1 + g * ohm);
    }
    for (size_t i = 0; i < l->rows; i++)
        l->gated[i] = x->word_line && x->word_line[i].state == XO_LINE_GATED;
}

/* Segment k lies between rows k and k + 1; the row further from the ends keeps it. */
static void set_steps(xo_ladder *l, const struct xo_crossbar *x)
{
    size_t n = l->columns;
    bool plane = x->topology == XO_TOPOLOGY_PLANE;
    for (size_t k = 0; k + 1 < l->rows; k++)
        for (size_t j = 0; j < n; j++)
            l->step_ohm[(l->top_is_far ? k : k + 1) * n + j] =
                xo_value_at(&x->column_wire_ohm, k * n + j)
                + (plane ? 0 : xo_value_at(&x->source_wire_ohm, k * n + j));
    for (size_t f = 0; f < x->open_bit_segment_count; f++) {
        size_t k = x->open_bit_segment[f].row;
        l->step_ohm[(l->top_is_far ? k : k + 1) * n + x->open_bit_segment[f].column] = XO_OPEN;
    }
}

/* Each line by itself; nothing is cut off, for what lies beyond an open segment hangs on the other line. */
static void set_two_lines(xo_ladder *l, const struct xo_crossbar *x)
{
    bool source_first = x->source_side == XO_SENSE_TOP;
    double *bit = source_first ? l->second_ohm : l->step_ohm, *source = source_first ? l->step_ohm : l->second_ohm;
    size_t count = (l->rows - 1) * l->columns;
    for (size_t k = 0; k < count; k++) {
        bit[k] = xo_value_at(&x->column_wire_ohm, k);
        source[k] = xo_value_at(&x->source_wire_ohm, k);
    }
    for (size_t f = 0; f < x->open_bit_segment_count; f++)
        bit[x->open_bit_segment[f].row * l->columns + x->open_bit_segment[f].column] = XO_OPEN;
    for (size_t k = 0; k < count; k++) {
        l->has_open |= bit[k] == XO_OPEN || source[k] == XO_OPEN;
        bit[k] = bit[k] == XO_OPEN ? XO_LADDER_OPEN : bit[k];
        source[k] = source[k] == XO_OPEN ? XO_LADDER_OPEN : source[k];
    }
}

/* What an open segment cuts off carries nothing: no cells, and no step of infinite ohm. */
static void cut_off(xo_ladder *l)
{
    for (size_t j = 0; j < l->columns; j++) {
        bool cut = false;
        for (size_t k = 0; k < l->rows; k++) {             /* from the ends outwards */
            size_t at = (l->top_is_far ? l->rows - 1 - k : k) * l->columns + j;
            cut |= l->step_ohm[at] == XO_OPEN;
            if (cut)
                l->cell_siemens[at] = l->step_ohm[at] = 0;
        }
    }
}

static void set_ends(xo_ladder *l, const struct xo_crossbar *x)
{
    for (size_t j = 0; j < l->columns; j++) {
        enum xo_line_state state = x->bit_line ? x->bit_line[j].state : XO_LINE_NORMAL;
        double sense = state == XO_LINE_HELD ? x->bit_line[j].hold_volt
                     : state == XO_LINE_NORMAL ? xo_value_at(&x->sense_volt, j) : 0;
        double ohm = xo_value_at(&x->sense_ohm, j);
        ohm += x->topology == XO_TOPOLOGY_PLANE ? 0 : xo_value_at(&x->source_end_ohm, j);
        bool open = ohm == XO_OPEN || state == XO_LINE_FLOATING;
        l->end_ohm[j] = open ? 0 : ohm;
        l->volt[j] = open ? 0 : x->source_volt - sense;
    }
}

/* Cells under their laws; those of 0 S are none. */
static int place_cells(xo_ladder *l, const struct xo_crossbar *x, struct xo_info *info)
{
    struct xo_info why = {""};
    int status = xo_laws_new(&l->laws, x, info);
    if (status || !l->laws)
        return status;
    l->cell = xo_calloc(l->rows * l->columns, sizeof *l->cell);
    if (!l->cell)
        return xo_fail(info, ENOMEM, "out of memory for %zu x %zu cells", l->rows, l->columns);
    for (size_t k = 0; k < l->rows * l->columns; k++) {
        status = xo_cell_place(l->laws, l->cell_siemens[k], xo_value_at(&x->series_ohm, k), &l->cell[k], &why);
        if (status)
            return xo_fail(info, status, "cell (%zu, %zu) %s", k / l->columns, k % l->columns, why.text);
    }
    return 0;
}

static bool is_uniform(const xo_ladder *l)
{
    size_t n = l->columns, last = l->top_is_far ? l->rows - 1 : 0, some = (l->top_is_far ? 0 : l->rows - 1) * n;
    for (size_t k = 0; k < l->rows * n; k++)
        if (k / n != last && (l->step_ohm[k] != l->step_ohm[some]
                              || (l->second_ohm && l->second_ohm[k] != l->second_ohm[some])))
            return false;
    return true;
}

int xo_ladder_new(xo_ladder **out, const struct xo_crossbar *x, const double *cell_siemens, struct xo_info *info)
{
    xo_ladder *l = NULL;
    int status = xo_crossbar_check(x, info);
    if (!status)
        status = check(x, info);
    for (size_t k = 0; !status && k < x->rows * x->columns; k++)
        if (!(cell_siemens[k] == 0 || (cell_siemens[k] >= XO_MIN_SIEMENS && cell_siemens[k] <= XO_MAX_SIEMENS)))
            status = xo_fail(info, XO_EVALUE, "cell (%zu, %zu) has %g S; expected 0 or %g..%g S", k / x->columns,
                             k % x->columns, cell_siemens[k], XO_MIN_SIEMENS, XO_MAX_SIEMENS);
    if (status)
        return status;
    l = xo_calloc(1, sizeof *l);
    if (l) {
        *l = (xo_ladder){.rows = x->rows, .columns = x->columns,
                         .top_is_far = is_opposed(x) || x->sense_side == XO_SENSE_BOTTOM,
                         .transistor_ohm = x->transistor_ohm, .transistor_off_siemens = x->transistor_off_siemens};
        status = allocate(l, is_opposed(x));
    }
    if (!l || status) {
        xo_ladder_free(l);
        return xo_fail(info, ENOMEM, "out of memory for a %zu x %zu array", x->rows, x->columns);
    }
    set_cells(l, x, cell_siemens);
    if (l->second_ohm) {
        set_two_lines(l, x);
    } else {
        set_steps(l, x);
        cut_off(l);
    }
    set_ends(l, x);
    l->uniform = is_uniform(l);
    status = place_cells(l, x, info);
    if (status)
        xo_ladder_free(l);
    else
        *out = l;
    return status;
}

void xo_ladder_free(xo_ladder *l)
{
    if (!l)
        return;
    free(l->cell_siemens);
    free(l->step_ohm);
    free(l->second_ohm);
    free(l->end_ohm);
    free(l->volt);
    free(l->gated);
    xo_laws_free(l->laws);
    free(l->cell);
    free(l);
}

/* ---- currents --------------------------------------------------------------------------------------- */

double xo_ladder_rung(const xo_ladder *l, double cell_siemens, double gate)
{
    double ohm = xo_transistor_ohm(l->transistor_ohm, l->transistor_off_siemens, gate);
    return cell_siemens == 0 || ohm == XO_OPEN ? 0 : cell_siemens / (1 + cell_siemens * ohm);
}

enum { LANES = 16 };
struct lanes { double p[LANES], q[LANES]; };

/* One rung of some columns, and the step behind it. */
static inline void climb(struct lanes *s, const double *cell, const double *step, double transistor_ohm, size_t lanes)
{
    for (size_t k = 0; k < lanes; k++) {
        double g = cell[k] / (1 + cell[k] * transistor_ohm);
        s->q[k] += g * s->p[k];
        s->p[k] += step[k] * s->q[k];
        double scale = s->p[k] > LARGE || s->q[k] > LARGE ? 1 / LARGE : 1;
        s->p[k] *= scale;
        s->q[k] *= scale;
    }
}

static inline void pass(struct lanes *s, const double *step, size_t lanes)
{
    for (size_t k = 0; k < lanes; k++)
        s->p[k] += step[k] * s->q[k];
}

/* Ends at two sides. */
struct stars { double a[LANES], b[LANES], c[LANES]; };

static inline void climb_star(struct stars *s, const double *cell, double transistor_ohm, size_t lanes)
{
    for (size_t n = 0; n < lanes; n++) {
        double g = cell[n] / (1 + cell[n] * transistor_ohm), k = 1 / (1 + g * (s->b[n] + s->c[n]));
        s->c[n] *= k;
        s->a[n] += g * s->b[n] * s->c[n];
        s->b[n] *= k;
    }
}

XO_CLONES
static void some_stars(const xo_ladder *l, const double *gate, size_t first, size_t lanes, double *amp)
{
    struct stars s = {{0}, {0}, {0}};
    for (size_t k = 0; k < LANES; k++)
        s.c[k] = XO_LADDER_OPEN;
    for (size_t i = 0; i < l->rows; i++) {
        size_t at = i * l->columns + first;
        double ohm = xo_transistor_ohm(l->transistor_ohm, l->transistor_off_siemens, l->gated[i] ? 0 : gate[i]);
        if (ohm != XO_OPEN)
            climb_star(&s, l->cell_siemens + at, ohm, lanes);
        for (size_t k = 0; k < lanes; k++) {
            s.b[k] += l->step_ohm[at + k];
            s.c[k] += l->second_ohm[at + k];
        }
    }
    for (size_t k = 0; k < lanes; k++)
        amp[k] = s.c[k] < XO_LADDER_OPEN ? l->volt[first + k] / (s.a[k] + s.c[k] + l->end_ohm[first + k]) : 0;
}

XO_CLONES
static void some_columns(const xo_ladder *l, const double *gate, size_t first, size_t lanes, double *amp)
{
    struct lanes s;
    for (size_t k = 0; k < LANES; k++) {
        s.p[k] = 1;
        s.q[k] = 0;
    }
    for (size_t rung = 0; rung < l->rows; rung++) {
        size_t i = l->top_is_far ? rung : l->rows - 1 - rung, at = i * l->columns + first;
        double ohm = xo_transistor_ohm(l->transistor_ohm, l->transistor_off_siemens, l->gated[i] ? 0 : gate[i]);
        if (ohm == XO_OPEN)
            pass(&s, l->step_ohm + at, lanes);
        else
            climb(&s, l->cell_siemens + at, l->step_ohm + at, ohm, lanes);
    }
    for (size_t k = 0; k < lanes; k++)
        amp[k] = l->volt[first + k] * (s.q[k] / (s.p[k] + l->end_ohm[first + k] * s.q[k]));
}

double xo_ladder_amp(const xo_ladder *l, size_t inputs, const double *gate, double *column_amp)
{
    for (size_t n = 0; n < inputs; n++)
        for (size_t first = 0; first < l->columns; first += LANES) {
            size_t left = l->columns - first;
            (l->second_ohm ? some_stars : some_columns)(l, gate + n * l->rows, first, left < LANES ? left : LANES,
                                                        column_amp + n * l->columns + first);
        }
    return (24 * (double)l->rows + 10) * UNIT;
}
