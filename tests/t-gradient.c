/* dI_j / d(siemens) of every branch against central differences of the reference, taken in quadruple precision:
 * with a step of 1e-9 their own error is below 1e-15.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "reference.h"
#include "solved.h"
#include "tap.h"

#define STEP 1e-9                      /* relative to the branch's conductance */
#define TOLERANCE 1e-6                 /* of the gradient, beside its noise floor */

/* A gradient and the array it belongs to. */
struct gradient {
    const struct random_crossbar *r;
    size_t column;
    struct solved *d;
    struct xo_branch_values value;
    int status, checked, wrong;
    double worst;
};

static struct gradient gradient_new(const struct random_crossbar *r, size_t column, enum xo_engine engine)
{
    struct gradient g = {.r = r, .column = column, .d = solved_random(r, engine)};
    g.status = g.d->status;
    if (g.d->stage < 4)
        return g;
    branch_values_new(&g.value, g.d->circuit, r->inputs, r->x.rows, r->x.columns);
    if (!g.status)
        g.status = xo_gradient(g.d->factor, r->inputs, r->row_volt, column, &g.value, &g.d->info);
    return g;
}

static void gradient_free(struct gradient *g)
{
    branch_values_free(&g->value);
    solved_free(g->d);
}

/* The difference quotient for input n of a branch whose conductance is `siemens`. */
static quad difference(const struct gradient *g, struct reference_change change, quad siemens, size_t n)
{
    quad amp[2][12];
    for (int side = 0; side < 2; side++) {
        change.siemens = (side ? STEP : -STEP) * siemens;
        struct reference *r = reference_new(&g->r->x, g->r->cell_siemens, &change);
        int status = reference_run(r, g->r->row_volt + n * g->r->x.rows, amp[side], NULL);
        reference_free(r);
        if (status)
            return (quad)NAN;
    }
    return (amp[1][g->column] - amp[0][g->column]) / (2 * (quad)STEP * siemens);
}

/* One derivative.  Below 1e-13 of the largest it could be (I_j's own scale over g) there is only rounding. */
static void check(struct gradient *g, struct reference_change change, quad siemens, size_t n, double got)
{
    static const char *const kind[] = {"cell", "row wire", "column wire", "driver", "sense", "bridge"};
    double want = (double)difference(g, change, siemens, n);
    double floor = 1e-13 * (double)(g->d->s.scale_amp[n * g->d->columns + g->column] / siemens);
    double off = fabs(got - want) / (fabs(want) + floor / TOLERANCE);
    g->checked++;
    g->worst = fmax(g->worst, off);
    if (!(off <= TOLERANCE) && g->wrong++ < 3)
        printf("# %s end %zu (%zu,%zu) input %zu: got %.12g, want %.12g\n", kind[change.kind], change.end, change.row,
               change.column, n, got, want);
}

static quad siemens_of(const struct xo_values *v, size_t k)
{
    return 1 / (quad)(v->each ? v->each[k] : v->all);
}

static void check_cells_and_wires(struct gradient *g, size_t n)
{
    const struct xo_crossbar *x = &g->r->x;
    size_t rows = x->rows, columns = x->columns;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) {
            size_t k = i * columns + j, wire = i * (columns - 1) + j;
            check(g, (struct reference_change){REFERENCE_CELL, 0, i, j, 0}, g->r->cell_siemens[k], n,
                  g->value.cells[n * rows * columns + k]);
            if (j + 1 < columns)
                check(g, (struct reference_change){REFERENCE_ROW_WIRE, 0, i, j, 0},
                      siemens_of(&x->row_wire_ohm, wire), n, g->value.row_wires[n * rows * (columns - 1) + wire]);
            if (i + 1 < rows)
                check(g, (struct reference_change){REFERENCE_COLUMN_WIRE, 0, i, j, 0},
                      siemens_of(&x->column_wire_ohm, k), n, g->value.column_wires[n * (rows - 1) * columns + k]);
        }
}

static void check_ends(struct gradient *g, size_t n)
{
    const struct xo_crossbar *x = &g->r->x;
    size_t drive_ends = xo_circuit_drive_ends(g->d->circuit), sense_ends = xo_circuit_sense_ends(g->d->circuit);
    for (size_t e = 0; e < drive_ends; e++)
        for (size_t i = 0; i < x->rows; i++)
            check(g, (struct reference_change){REFERENCE_DRIVER, e, i, 0, 0}, siemens_of(&x->driver_ohm, i), n,
                  g->value.drivers[(n * drive_ends + e) * x->rows + i]);
    for (size_t e = 0; e < sense_ends; e++)
        for (size_t j = 0; j < x->columns; j++)
            check(g, (struct reference_change){REFERENCE_SENSE, e, 0, j, 0}, siemens_of(&x->sense_ohm, j), n,
                  g->value.senses[(n * sense_ends + e) * x->columns + j]);
}

static void every_branch(enum xo_engine engine, enum xo_drive_side drive, enum xo_sense_side sense, const char *what)
{
    int right = 1, checked = 0;
    double worst = 0;
    for (unsigned long long seed = 1; seed <= 3; seed++) {
        struct random_crossbar *r = random_crossbar(seed, 3 + seed, 7 - seed, 2, 0);
        r->x.drive_side = drive;
        r->x.sense_side = sense;
        struct gradient g = gradient_new(r, (size_t)seed - 1, engine);
        if (g.status)
            printf("# status %d: %s\n", g.status, g.d->info.text);
        for (size_t n = 0; !g.status && n < r->inputs; n++) {
            check_cells_and_wires(&g, n);
            check_ends(&g, n);
        }
        right &= !g.status && g.wrong == 0;
        checked += g.checked;
        worst = fmax(worst, g.worst);
        gradient_free(&g);
        random_crossbar_free(r);
    }
    printf("# %d derivatives, worst %.2g\n", checked, worst);
    tap_ok(right, "%s: every derivative equals its difference quotient: %s", xo_engine_name(engine), what);
}

/* Held and grounded lines, a sense voltage on the very column: the adjoint is 1 there whatever its voltage. */
static void lines_and_sense_voltages(enum xo_engine engine)
{
    static const struct xo_line word[5] = {{XO_LINE_NORMAL, 0}, {XO_LINE_HELD, 0.3}, {XO_LINE_NORMAL, 0},
                                           {XO_LINE_GROUNDED, 0}, {XO_LINE_NORMAL, 0}};
    static const double sense_volt[4] = {0.05, -0.1, 0, 0.02};
    struct random_crossbar *r = random_crossbar(9, 5, 4, 2, 0);
    r->x.word_line = word;
    r->x.sense_volt.each = sense_volt;
    r->x.drive_side = XO_DRIVE_BOTH;
    struct gradient g = gradient_new(r, 1, engine);
    for (size_t n = 0; !g.status && n < 2; n++) {
        check_cells_and_wires(&g, n);
        check_ends(&g, n);
    }
    tap_ok(!g.status && g.wrong == 0, "%s: with held and grounded lines and sense voltages", xo_engine_name(engine));
    gradient_free(&g);
    random_crossbar_free(r);
}

/* Contact resistance: the derivative is by the programmed conductance. */
static void series_resistance_follows_the_chain_rule(enum xo_engine engine)
{
    struct random_crossbar *r = random_crossbar(10, 4, 6, 1, 0);
    r->x.series_ohm.all = 5e3;
    struct gradient g = gradient_new(r, 2, engine);
    if (!g.status)
        check_cells_and_wires(&g, 0);
    tap_ok(!g.status && g.wrong == 0, "%s: through a series resistance", xo_engine_name(engine));
    gradient_free(&g);
    random_crossbar_free(r);
}

static void what_cannot_change_has_no_gradient(enum xo_engine engine)
{
    static const struct xo_stuck stuck[1] = {{1, 2, 3e-5}};
    static const struct xo_site open[1] = {{2, 0}};
    struct random_crossbar *r = random_crossbar(11, 4, 3, 1, 0);
    double wire[8];
    for (size_t k = 0; k < 8; k++)
        wire[k] = k == 3 ? 0 : 2;
    r->x.row_wire_ohm.each = wire;
    r->x.sense_ohm = (struct xo_values){0, NULL};
    r->x.stuck = stuck;
    r->x.open_cell = open;
    r->x.stuck_count = r->x.open_cell_count = 1;
    r->x.sense_side = XO_SENSE_BOTH;
    struct gradient g = gradient_new(r, 1, engine);
    int right = !g.status && g.value.cells[1 * 3 + 2] == 0 && g.value.cells[2 * 3] == 0 && g.value.row_wires[3] == 0;
    for (size_t k = 0; right && k < 6; k++)
        right = g.value.senses[k] == 0;
    tap_ok(right, "%s: 0 for stuck and open cells and zero-ohm wires and ends", xo_engine_name(engine));
    for (size_t k = 0; !g.status && k < 12; k++)
        if (k != 5 && k != 6)
            check(&g, (struct reference_change){REFERENCE_CELL, 0, k / 3, k % 3, 0}, r->cell_siemens[k], 0,
                  g.value.cells[k]);
    tap_ok(!g.status && g.wrong == 0, "%s: the other cells beside them are right", xo_engine_name(engine));
    gradient_free(&g);
    random_crossbar_free(r);
}

/* Two columns joined by zero ohm share their sum, and so the derivative of the sum. */
static void joined_columns_share_the_gradient(enum xo_engine engine)
{
    static const struct xo_bridge bridge[1] = {{3, 1, 0}};
    struct random_crossbar *r = random_crossbar(14, 4, 3, 2, 0);
    r->x.sense_ohm = (struct xo_values){0, NULL};
    r->x.sense_side = XO_SENSE_BOTTOM;
    r->x.bit_bridge = bridge;
    r->x.bit_bridge_count = 1;
    struct gradient g = gradient_new(r, 1, engine);
    for (size_t n = 0; !g.status && n < 2; n++)
        check_cells_and_wires(&g, n);
    tap_ok(!g.status && g.wrong == 0, "%s: of a column that shares its current", xo_engine_name(engine));
    gradient_free(&g);
    random_crossbar_free(r);
}

/* A cell of conductance 0 carries nothing, yet its derivative is not 0: that is what training needs. */
static void a_cell_of_0_siemens_has_a_gradient(enum xo_engine engine)
{
    struct random_crossbar *r = random_crossbar(12, 3, 3, 1, 0);
    r->cell_siemens[4] = 0;
    struct gradient g = gradient_new(r, 1, engine);
    if (!g.status) {
        quad amp[2][3];
        struct reference_change change = {REFERENCE_CELL, 0, 1, 1, 0};
        for (int side = 0; side < 2; side++) {
            change.siemens = side ? 1e-14 : -1e-14;
            struct reference *reference = reference_new(&r->x, r->cell_siemens, &change);
            reference_run(reference, r->row_volt, amp[side], NULL);
            reference_free(reference);
        }
        double want = (double)((amp[1][1] - amp[0][1]) / (quad)2e-14);
        tap_close(g.value.cells[4], want, 1e-6 * fabs(want),
                  "a cell of 0 S has the gradient of what it could become");
    } else
        tap_ok(0, "%s: a cell of 0 S: status %d", xo_engine_name(engine), g.status);
    gradient_free(&g);
    random_crossbar_free(r);
}

static void a_column_that_is_not_there(enum xo_engine engine)
{
    struct random_crossbar *r = random_crossbar(13, 3, 4, 1, 0);
    struct gradient g = gradient_new(r, 4, engine);
    tap_ok(g.status == XO_EVALUE && g.d->info.text[0] && g.value.cells[0] == SOLVED_MARK,
           "%s: column 4 of 4 is refused, outputs untouched", xo_engine_name(engine));
    gradient_free(&g);
    random_crossbar_free(r);
}

int main(void)
{
    for (int e = 0; e < ENGINES; e++) {
        every_branch(every_engine[e], XO_DRIVE_LEFT, XO_SENSE_BOTTOM, "left, bottom");
        every_branch(every_engine[e], XO_DRIVE_RIGHT, XO_SENSE_TOP, "right, top");
        every_branch(every_engine[e], XO_DRIVE_BOTH, XO_SENSE_BOTH, "both, both");
        lines_and_sense_voltages(every_engine[e]);
        series_resistance_follows_the_chain_rule(every_engine[e]);
        a_cell_of_0_siemens_has_a_gradient(every_engine[e]);
        a_column_that_is_not_there(every_engine[e]);
    }
    for (int e = 0; e < NETWORK_ENGINES; e++) {
        what_cannot_change_has_no_gradient(every_engine[e]);
        joined_columns_share_the_gradient(every_engine[e]);
    }
    return tap_done();
}
