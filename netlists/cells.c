/* Nonlinear cells in a deck: device, selector and series resistance one behind the other, each of its own, so that a
 * simulator eliminates nothing beforehand.  A law becomes a behavioural current source; what differs between dialects
 * is in one table.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <string.h>
#include "subcircuit.h"
#include "write.h"
#include "xo_file.h"

/* `%s` of an element: its name, its two nodes; then the expression, then `end`. */
static const struct {
    const char *letter, *begin, *end, *choose_begin, *choose_then, *choose_else, *choose_end, *go_on;
} forms[] = {
    [XO_DIALECT_NGSPICE] = {"B", "%s %s %s I=", "", "(", "?", ":", ")", "\n+ "},
    [XO_DIALECT_HSPICE] = {"G", "%s %s %s cur='", "'", "(", "?", ":", ")", "\n+ "},
    [XO_DIALECT_LTSPICE] = {"B", "%s %s %s I=", "", "if(", ",", ",", ")", "\n+ "},
    [XO_DIALECT_SPECTRE] = {"B", "%s (%s %s) bsource i=", "", "(", "?", ":", ")", " \\\n  "},
    [XO_DIALECT_XYCE] = {"B", "%s %s %s I={", "}", "if(", ",", ",", ")", "\n+ "},
};

/* An expression being written; lines stay short. */
struct line {
    const struct xo_pen *pen;
    size_t used;
    char volt[2 * XO_NODE_NAME + 8];   /* "V(u0_1,w0_1)" */
};

static void put(struct line *l, const char *text)
{
    size_t length = strlen(text);
    if (l->used + length > 100) {
        fputs(forms[l->pen->dialect].go_on, l->pen->to);
        l->used = 0;
    }
    fputs(text, l->pen->to);
    l->used += length;
}

static void put_number(struct line *l, double value)
{
    char text[XO_NUMBER_SIZE + 2], number[XO_NUMBER_SIZE];
    snprintf(text, sizeof text, value < 0 ? "(%s)" : "%s", xo_number_print(number, value));
    put(l, text);
}

/* amp + (V - volt)*(a + (V - volt)*(b + (V - volt)*c)) */
static void put_cubic(struct line *l, double amp, double volt, const double number[3], size_t degree)
{
    put_number(l, amp);
    for (size_t k = 0; k < degree; k++) {
        put(l, "+(");
        put(l, l->volt);
        put(l, "-");
        put_number(l, volt);
        put(l, k + 1 < degree ? ")*(" : ")*");
        put_number(l, number[k]);
    }
    for (size_t k = 1; k < degree; k++)
        put(l, ")");
}

/* Piece k of a table: 0 the tangent before the first knot, count the one behind the last. */
static void put_piece(struct line *l, const struct xo_law_curve *c, size_t k)
{
    size_t at = k ? k - 1 : 0;
    double number[3] = {c->number[at]};
    if (k > 0 && k < c->count) {
        double h = c->volt[k] - c->volt[at], s = (c->amp[k] - c->amp[at]) / h;
        number[1] = (3 * s - 2 * c->number[at] - c->number[k]) / h;
        number[2] = (c->number[at] + c->number[k] - 2 * s) / h / h;
    }
    put_cubic(l, c->amp[at], c->volt[at], number, k > 0 && k < c->count ? 3 : 1);
}

/* Pieces first..last by halving: a choice at the knot in their middle. */
static void put_pieces(struct line *l, const struct xo_law_curve *c, size_t first, size_t last)
{
    size_t middle = (first + last + 1) / 2;
    if (first == last) {
        put_piece(l, c, first);
        return;
    }
    put(l, forms[l->pen->dialect].choose_begin);
    put(l, l->volt);
    put(l, "<");
    put_number(l, c->volt[middle - 1]);
    put(l, forms[l->pen->dialect].choose_then);
    put_pieces(l, c, first, middle - 1);
    put(l, forms[l->pen->dialect].choose_else);
    put_pieces(l, c, middle, last);
    put(l, forms[l->pen->dialect].choose_end);
}

static void put_sinh(struct line *l, const struct xo_law_prepared *law)
{
    put_number(l, law->scale_volt);
    put(l, "*sinh(");
    put(l, l->volt);
    put(l, "/");
    put_number(l, law->v0_volt);
    put(l, ")");
}

static void put_polynomial(struct line *l, const struct xo_law_curve *c)
{
    for (size_t k = 0; k < c->count; k++) {
        put(l, l->volt);
        put(l, "*(");
        put_number(l, c->number[k]);
        put(l, k + 1 < c->count ? "+" : "");
    }
    for (size_t k = 0; k < c->count; k++)
        put(l, ")");
}

static void put_curve(struct line *l, const struct xo_law_prepared *law, size_t curve, double factor)
{
    const struct xo_law_curve *c = &law->curve[curve];
    put_number(l, factor);
    put(l, "*(");
    if (law->kind == &xo_law_sinh)
        put_sinh(l, law);
    else if (law->kind == &xo_law_polynomial)
        put_polynomial(l, c);
    else if (law->kind == &xo_law_table)
        put_pieces(l, c, 0, c->count);
    else
        put(l, l->volt);
    put(l, ")");
}

static void put_element(const struct xo_pen *p, const char *name, const char *a, const char *b,
                        const struct xo_law_prepared *law, const struct xo_blend *blend)
{
    struct line l = {.pen = p};
    char full[XO_BRANCH_NAME];
    snprintf(full, sizeof full, "%s%s", forms[p->dialect].letter, name);
    snprintf(l.volt, sizeof l.volt, "V(%s,%s)", a, b);
    l.used = (size_t)fprintf(p->to, forms[p->dialect].begin, full, a, b);
    put_curve(&l, law, blend->curve, blend->lower);
    if (blend->upper > 0) {
        put(&l, "+");
        put_curve(&l, law, blend->curve + 1, blend->upper);
    }
    fprintf(p->to, "%s\n", forms[p->dialect].end);
}

void xo_pen_cell(const struct xo_pen *p, size_t link)
{
    const struct xo_mesh *n = p->network;
    const xo_circuit *c = n->circuit;
    const struct xo_cell *cell = &n->cell[link];
    size_t branch = (size_t)c->link_branch[link], i = branch / c->columns, j = branch % c->columns;
    char a[XO_NODE_NAME], b[XO_NODE_NAME], x[XO_NODE_NAME], y[XO_NODE_NAME];
    char name[XO_BRANCH_NAME], ohm[XO_NUMBER_SIZE];
    xo_mesh_node(n, c->link_a[link], a);
    xo_mesh_node(n, c->link_b[link], b);
    snprintf(x, sizeof x, "x%zu_%zu", i, j);
    snprintf(y, sizeof y, "y%zu_%zu", i, j);
    if (cell->series_ohm > 0) {
        snprintf(name, sizeof name, "Rseries%zu_%zu", i, j);
        fprintf(p->to, p->dialect == XO_DIALECT_SPECTRE ? "%s (%s %s) resistor r=%s\n" : "%s %s %s %s\n", name, a, x,
                xo_number_print(ohm, cell->series_ohm));
        strcpy(a, x);
    }
    snprintf(name, sizeof name, "cell%zu_%zu", i, j);
    if (xo_mesh_is_programmed(n))
        xo_subcircuit_put(p->to, c->laws->subcircuit, name, a, c->laws->selector ? y : b, n->level[link],
                          n->state_volt[link], xo_subcircuit_is_set(c->laws->subcircuit));
    else
        put_element(p, name, a, c->laws->selector ? y : b, c->laws->law, &cell->blend);
    if (!c->laws->selector)
        return;
    snprintf(name, sizeof name, "selector%zu_%zu", i, j);
    put_element(p, name, y, b, c->laws->selector, &c->laws->selector_blend);
}
