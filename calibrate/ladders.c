/* Word and bit lines as ladders, and cells as linear ones with the law's excess: what corrections are made of
 * (xo_fcm.h).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include "circuit.h"
#include "memory.h"
#include "nonlinear_fit.h"

enum { POINTS_OF_ONE = 1025, POINTS_OF_MANY = 257 };
#define MOST_NUMBERS ((size_t)1 << 26)         /* of all curves together */

void xo_ladders_free(struct xo_fcm_correction *c)
{
    double *const array[] = {c->excess_ampere, c->cell_curve, c->cell_scale, c->cell_siemens, c->word_divider,
                             c->word_ohm, c->bit_divider, c->bit_ohm, c->word_driven, c->word_volt, c->bit_volt,
                             c->word_far_siemens, c->bit_far_siemens, c->bit_siemens};
    for (size_t k = 0; k < sizeof array / sizeof *array; k++)
        free(array[k]);
    *c = (struct xo_fcm_correction){0};
}

static bool has_zero(const struct xo_values *v, size_t count)
{
    for (size_t k = 0; k < count; k++)
        if (xo_value_at(v, k) == 0)
            return true;
    return false;
}

const char *xo_ladders_refuse(const struct xo_crossbar *x)
{
    if (x->topology != XO_TOPOLOGY_CROSSBAR || x->cell_type == XO_CELL_1T1R)
        return "it is no crossbar without transistors";
    if (x->word_bridge_count || x->bit_bridge_count)
        return "bridges join its lines";
    if ((x->drive_side == XO_DRIVE_BOTH && has_zero(&x->driver_ohm, x->rows)) ||
        (x->sense_side == XO_SENSE_BOTH && has_zero(&x->sense_ohm, x->columns)))
        return "both ends of a line are held without a resistance";
    return NULL;
}

/* ---- cells -------------------------------------------------------------------------------------------- */

struct cells {
    const struct xo_crossbar *x;
    const xo_circuit *circuit;
    const double *programmed;
    double linear_volt, most_volt;
    struct xo_fcm_correction *c;
    bool alike;                        /* all laws are one law times a conductance */
};

static double siemens_of(const struct cells *s, size_t k)
{
    double fixed = s->circuit->fixed_siemens[k];
    return fixed < 0 ? s->programmed[k] : fixed;
}

static bool are_alike(const struct xo_crossbar *x)
{
    for (size_t k = 0; k < (x->series_ohm.each ? x->rows * x->columns : 1); k++)
        if (xo_value_at(&x->series_ohm, k) != 0)
            return false;
    bool one = x->law.law == XO_LAW_SINH || (x->law.law == XO_LAW_POLYNOMIAL && x->law.levels < 2);
    return x->cell_type == XO_CELL_1R && one;
}

static int amp_at(const struct cells *s, size_t k, double siemens, double volt, double *amp, struct xo_info *info)
{
    size_t n = s->x->columns;
    return xo_cell_amp(s->circuit, (struct xo_site){k / n, k % n}, siemens, volt, amp, info);
}

/* The curve that cell k has at conductance g, and the slope of its secant. */
static int fill_curve(const struct cells *s, size_t curve, size_t k, double g, double *secant, struct xo_info *info)
{
    struct xo_fcm_correction *c = s->c;
    double *excess = c->excess_ampere + curve * c->points;
    double step = (c->high_volt - c->low_volt) / (double)(c->points - 1);
    double amp, slope;
    int status = amp_at(s, k, g, s->linear_volt, &amp, info);
    slope = amp / s->linear_volt;
    for (size_t n = 0; n < c->points && !status; n++) {
        double volt = c->low_volt + step * (double)n;
        status = amp_at(s, k, g, volt, &amp, info);
        excess[n] = amp - slope * volt;
    }
    *secant = slope;
    return status;
}

/* Which cells have the same law: order by conductance and series resistance. */
struct kind { double siemens, ohm; size_t cell; };

static int by_kind(const void *a, const void *b)
{
    const struct kind *x = a, *y = b;
    if (x->siemens != y->siemens)
        return x->siemens < y->siemens ? -1 : 1;
    if (x->ohm != y->ohm)
        return x->ohm < y->ohm ? -1 : 1;
    return (x->cell > y->cell) - (x->cell < y->cell);
}

/* Number the kinds; returns how many there are. */
static size_t number_kinds(struct kind *kind, size_t count, double *curve)
{
    size_t curves = 0;
    qsort(kind, count, sizeof *kind, by_kind);
    for (size_t k = 0; k < count; k++) {
        curves += k > 0 && (kind[k].siemens != kind[k - 1].siemens || kind[k].ohm != kind[k - 1].ohm);
        curve[kind[k].cell] = (double)curves;
    }
    return curves + 1;
}

static int curves_new(struct xo_fcm_correction *c, size_t curves, size_t points, double most_volt,
                      struct xo_info *info)
{
    c->curves = curves;
    c->points = points;
    c->low_volt = -most_volt;
    c->high_volt = most_volt;
    if (points > MOST_NUMBERS / curves)
        return xo_fail(info, XO_ETOOBIG, "%zu different cells; expected at most %zu for corrections", curves,
                       MOST_NUMBERS / points);
    c->excess_ampere = xo_calloc(curves, points * sizeof(double));
    return c->excess_ampere ? 0 : ENOMEM;
}

/* One curve, that of the largest conductance. */
static int fill_alike(const struct cells *s, struct xo_info *info)
{
    struct xo_fcm_correction *c = s->c;
    size_t count = s->x->rows * s->x->columns;
    double most = 0, secant;
    int status = curves_new(c, 1, POINTS_OF_ONE, s->most_volt, info);
    for (size_t k = 0; k < count; k++)
        most = fmax(most, siemens_of(s, k));
    most = most > 0 ? most : 1;
    if (!status)
        status = fill_curve(s, 0, 0, most, &secant, info);
    for (size_t k = 0; k < count && !status; k++) {
        c->cell_scale[k] = siemens_of(s, k) / most;
        c->cell_siemens[k] = secant * c->cell_scale[k];
    }
    return status;
}

static int fill_kinds(const struct cells *s, struct xo_info *info)
{
    struct xo_fcm_correction *c = s->c;
    size_t count = s->x->rows * s->x->columns;
    struct kind *kind = xo_calloc(count, sizeof *kind);
    int status = kind ? 0 : ENOMEM;
    for (size_t k = 0; k < count && !status; k++)
        kind[k] = (struct kind){siemens_of(s, k), xo_value_at(&s->x->series_ohm, k), k};
    if (!status)
        status = curves_new(c, number_kinds(kind, count, c->cell_curve), POINTS_OF_MANY, s->most_volt, info);
    for (size_t k = 0; k < count && !status; k++) {
        size_t cell = kind[k].cell, curve = (size_t)c->cell_curve[cell];
        bool first = k == 0 || c->cell_curve[kind[k - 1].cell] != c->cell_curve[cell];
        c->cell_scale[cell] = 1;
        if (first)
            status = fill_curve(s, curve, cell, kind[k].siemens, &c->cell_siemens[cell], info);
        else
            c->cell_siemens[cell] = c->cell_siemens[kind[k - 1].cell];
    }
    free(kind);
    return status;
}

/* ---- ladders ------------------------------------------------------------------------------------------ */

/* One line from its far end to its near one.  Node k of `count` is cell first + k step; ohm(k) lies before it. */
struct ladder {
    size_t count, first;
    ptrdiff_t step;
    double far_siemens;
    const double *cell_siemens;
    double *divider, *ohm;
};

/* Returns what the first node conducts to elsewhere. */
static double build(const struct ladder *l, const double *ohm)
{
    double beyond = l->far_siemens, here = 0;
    for (size_t k = l->count; k-- > 0;) {
        size_t at = l->first + k * (size_t)l->step;
        here = l->cell_siemens[at] + beyond;
        bool open = ohm[k] == XO_OPEN;
        l->divider[at] = open ? 0 : 1 / (1 + ohm[k] * here);
        l->ohm[at] = !open ? ohm[k] * l->divider[at] : here > 0 ? 1 / here : 0;
        beyond = open ? 0 : here * l->divider[at];
    }
    return here;
}

static bool is_floating(const struct xo_line *line, size_t k)
{
    return line && line[k].state == XO_LINE_FLOATING;
}

static double held_volt(const struct xo_line *line, size_t k, double own)
{
    enum xo_line_state state = line ? line[k].state : XO_LINE_NORMAL;
    return state == XO_LINE_HELD ? line[k].hold_volt : state == XO_LINE_NORMAL ? own : 0;
}

/* Resistances before each node from the near end: the end's, then segments; `from` .. in steps of the line. */
static void build_word(struct xo_fcm_correction *c, const struct xo_crossbar *x, size_t i, double *ohm)
{
    size_t n = x->columns, right = x->drive_side == XO_DRIVE_RIGHT;
    double end = is_floating(x->word_line, i) ? XO_OPEN : xo_value_at(&x->driver_ohm, i);
    struct ladder l = {n, right ? i * n + n - 1 : i * n, right ? -1 : 1, 0, c->cell_siemens, c->word_divider,
                       c->word_ohm};
    ohm[0] = end;
    for (size_t k = 1; k < n; k++) {
        size_t segment = right ? n - 1 - k : k - 1;
        ohm[k] = xo_value_at(&x->row_wire_ohm, i * (n - 1) + segment);
        for (size_t f = 0; f < x->open_word_segment_count; f++)
            if (x->open_word_segment[f].row == i && x->open_word_segment[f].column == segment)
                ohm[k] = XO_OPEN;
    }
    if (x->drive_side == XO_DRIVE_BOTH && end != XO_OPEN)
        l.far_siemens = c->word_far_siemens[i] = 1 / end;
    build(&l, ohm);
    c->word_driven[i] = !x->word_line || x->word_line[i].state == XO_LINE_NORMAL;
    c->word_volt[i] = held_volt(x->word_line, i, 0);
}

static void build_bit(struct xo_fcm_correction *c, const struct xo_crossbar *x, size_t j, double *ohm)
{
    size_t m = x->rows, n = x->columns, top = x->sense_side == XO_SENSE_TOP;
    double end = is_floating(x->bit_line, j) ? XO_OPEN : xo_value_at(&x->sense_ohm, j);
    struct ladder l = {m, top ? j : (m - 1) * n + j, top ? (ptrdiff_t)n : -(ptrdiff_t)n, 0, c->cell_siemens,
                       c->bit_divider, c->bit_ohm};
    ohm[0] = end;
    for (size_t k = 1; k < m; k++) {
        size_t segment = top ? k - 1 : m - 1 - k;
        ohm[k] = xo_value_at(&x->column_wire_ohm, segment * n + j);
        for (size_t f = 0; f < x->open_bit_segment_count; f++)
            if (x->open_bit_segment[f].column == j && x->open_bit_segment[f].row == segment)
                ohm[k] = XO_OPEN;
    }
    if (x->sense_side == XO_SENSE_BOTH && end != XO_OPEN)
        l.far_siemens = c->bit_far_siemens[j] = 1 / end;
    c->bit_siemens[j] = build(&l, ohm);
    c->bit_volt[j] = held_volt(x->bit_line, j, xo_value_at(&x->sense_volt, j));
}

static int build_lines(struct xo_fcm_correction *c, const struct xo_crossbar *x)
{
    double *ohm = xo_calloc(x->rows > x->columns ? x->rows : x->columns, sizeof *ohm);
    if (!ohm)
        return ENOMEM;
    c->word_from_right = x->drive_side == XO_DRIVE_RIGHT;
    c->bit_from_top = x->sense_side == XO_SENSE_TOP;
    for (size_t i = 0; i < x->rows; i++)
        build_word(c, x, i, ohm);
    for (size_t j = 0; j < x->columns; j++)
        build_bit(c, x, j, ohm);
    free(ohm);
    return 0;
}

/* ---- all of it ---------------------------------------------------------------------------------------- */

static int allocate(struct xo_fcm_correction *c, size_t rows, size_t columns)
{
    double **const cells[] = {&c->cell_curve, &c->cell_scale, &c->cell_siemens, &c->word_divider, &c->word_ohm,
                              &c->bit_divider, &c->bit_ohm};
    double **const lines[] = {&c->word_driven, &c->word_volt, &c->word_far_siemens, &c->bit_volt, &c->bit_far_siemens,
                              &c->bit_siemens};
    int status = 0;
    for (size_t k = 0; k < sizeof cells / sizeof *cells; k++)
        if (!(*cells[k] = xo_calloc(rows, columns * sizeof(double))))
            status = ENOMEM;
    for (size_t k = 0; k < sizeof lines / sizeof *lines; k++)
        if (!(*lines[k] = xo_calloc(k < 3 ? rows : columns, sizeof(double))))
            status = ENOMEM;
    return status;
}

int xo_ladders_new(struct xo_fcm_correction *out, const struct xo_crossbar *x, const xo_circuit *circuit,
                   const double *cell_siemens, double linear_volt, double most_volt, struct xo_info *info)
{
    struct xo_fcm_correction c = {0};
    const struct cells s = {x, circuit, cell_siemens, linear_volt, most_volt, &c, are_alike(x)};
    int status = allocate(&c, x->rows, x->columns);
    if (!status)
        status = s.alike ? fill_alike(&s, info) : fill_kinds(&s, info);
    if (!status)
        status = build_lines(&c, x);
    if (status)
        xo_ladders_free(&c);
    else
        *out = c;
    return status;
}
