/* The proof of nonlinear arrays where the slopes within its enclosure decide: iterates far from the solution, whose
 * own slopes would promise too much.
 *
 * Currents of one sign at every node push an iterate off the solution, so Kirchhoff's law is missed with one sign
 * there, and |x - exact| = K^-1 |r| with K the slopes between the two: a proof by the slopes at the iterate falls
 * short of the error by as much as the slopes differ, a few units of 1e-5, a million roundings.  Likewise currents
 * carried into a terminal through a cell whose voltage is too low.  A cell with a knee just beyond the first step
 * shows an enclosure that is too narrow, bounds near the error one that is too wide.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdbool.h>
#include <string.h>
#include "newton-reference.h"
#include "newton.h"
#include "solved.h"
#include "tap.h"

static const struct xo_device_law steep_law = {.law = XO_LAW_SINH, .reference_volt = 1, .v0_volt = 0.1};

struct verdict { double least, most; };    /* bound over true error, of all columns */

static void note(struct verdict *v, double bound, quad error)
{
    double ratio = (double)(bound / quad_abs(error));
    v->least = fmin(v->least, ratio);
    v->most = fmax(v->most, ratio);
}

/* Proof of what n->volt holds now, from a factor of the slopes there: its w has no slack of its own. */
static void prove(struct solved *d, const quad *exact, struct verdict *v)
{
    struct xo_newton *n = &d->factor->nonlinear->thread[0];
    const xo_circuit *c = d->factor->plan->circuit;
    xo_newton_currents(n, n->volt);
    for (size_t e = 0; e < d->factor->nonlinear->cells; e++)
        n->linear.siemens[e] = (dd){n->point[e].siemens, 0};
    xo_whole_cells(&n->linear);
    if (xo_factor_renew(&n->linear, NULL))
        v->least = 0;
    xo_newton_prove(n, &d->factor->scratch[0]);
    for (size_t j = 0; j < c->columns; j++)
        note(v, n->bound[c->rows + j], n->amp[c->unknowns + c->rows + j].hi - exact[j]);
}

/* From the solution as far as `share` of every node's current would push it, `bit` times that on bit lines. */
static void push(struct solved *d, double share, double bit)
{
    struct xo_newton *n = &d->factor->nonlinear->thread[0];
    const xo_circuit *c = d->factor->plan->circuit;
    struct xo_scratch *s = &d->factor->scratch[0];
    for (size_t place = 0; place < c->nodes; place++)
        if ((size_t)c->vertex[place] < c->unknowns)
            s->x[c->vertex[place]][0] = share * n->size[c->vertex[place]] * (place < c->nodes / 2 ? 1 : bit);
    n->linear.plan->table->solve(&n->linear, 1, s->x);
    for (size_t v = 0; v < c->unknowns; v++)
        n->volt[v] = dd_add(n->volt[v], (dd){s->x[v][0], 0});
}

/* The solution of `volt`, pushed off by so much; bounds over errors. */
static struct verdict prove_pushed(const struct xo_crossbar *x, const double *siemens, const double *volt,
                                   double share, double bit, const quad *exact)
{
    struct verdict v = {INFINITY, 0};
    struct solved *d = solved(x, siemens, 1, volt, XO_ENGINE_CHOLMOD);
    if (d->status) {
        v.least = 0;
        printf("# %s\n", d->info.text);
    } else {
        push(d, share, bit);
        prove(d, exact, &v);
    }
    solved_free(d);
    return v;
}

/* ---- arrays pushed off their solution ---------------------------------------------------------------- */

static void slopes_on_the_way_differ(size_t rows, size_t columns, double driver_ohm, unsigned long long seed)
{
    static const struct { double share, bit; } off[] = {{1e-6, 0.2}, {1e-4, 0.2}, {1e-6, 5}, {4e-5, 5},
                                                        {-1e-6, 0.2}, {-1e-4, 0.2}, {-1e-6, 5}, {-4e-5, 5}};
    struct xo_crossbar x = xo_crossbar_default(rows, columns);
    double *siemens = marked_array(rows * columns), *volt = marked_array(rows);
    quad *exact = calloc(columns, sizeof *exact);
    struct verdict worst = {INFINITY, 0};
    x.law = steep_law;
    x.driver_ohm.all = driver_ohm;
    x.sense_ohm.all = 10;
    for (size_t k = 0; k < rows * columns; k++)
        siemens[k] = 2e-3 * pow(10, tap_uniform(&seed));
    for (size_t i = 0; i < rows; i++)
        volt[i] = 0.8 + 0.2 * tap_uniform(&seed);
    bool referred = exact && !newton_reference(&x, siemens, volt, exact);
    for (size_t k = 0; k < sizeof off / sizeof *off && referred; k++) {
        struct verdict v = prove_pushed(&x, siemens, volt, off[k].share, off[k].bit, exact);
        printf("# %zux%zu, pushed by %g, %g: bound %.6g to %.6g times the error\n", rows, columns, off[k].share,
               off[k].share * off[k].bit, v.least, v.most);
        worst.least = fmin(worst.least, v.least);
        worst.most = fmax(worst.most, v.most);
    }
    tap_ok(referred && worst.least >= 1, "%zux%zu, pushed off the solution: no bound below the error", rows, columns);
    tap_ok(worst.most > 0 && worst.most <= 2, "%zux%zu: and none above twice the error", rows, columns);
    free(siemens);
    free(volt);
    free(exact);
}

/* ---- one cell -------------------------------------------------------------------------------------- */

/* The cell's current in series with `ohm`, by bisection in quadruple precision. */
static quad series_current(const struct xo_crossbar *x, double siemens, double ohm, double volt)
{
    quad low = 0, high = volt, slope_volt = 0;
    double slope;
    for (int k = 0; k < 120; k++) {
        slope_volt = (low + high) / 2;
        quad rest = (volt - slope_volt) / (quad)ohm;
        *(newton_reference_cell(x, siemens, 0, slope_volt, &slope) < rest ? &low : &high) = slope_volt;
    }
    return (volt - slope_volt) / (quad)ohm;
}

/* No sense resistance: the current reaches its terminal through the cell itself, which is steeper on the way. */
static void a_terminal_is_reached_through_a_cell(void)
{
    struct xo_crossbar x = xo_crossbar_default(1, 1);
    const double siemens = 1e-4, volt = 1, share[] = {-1e-4, -1e-3, -1e-2};
    struct verdict worst = {INFINITY, 0};
    x.law = steep_law;
    x.sense_ohm.all = 0;
    quad exact = series_current(&x, siemens, x.driver_ohm.all, volt);
    for (size_t k = 0; k < sizeof share / sizeof *share; k++) {
        struct verdict v = prove_pushed(&x, &siemens, &volt, share[k], 0.2, &exact);
        printf("# sensed through the cell, pushed by %g: bound %.6g times the error\n", share[k], v.least);
        worst.least = fmin(worst.least, v.least);
        worst.most = fmax(worst.most, v.most);
    }
    tap_ok(worst.least >= 1 && worst.most <= 2, "sensed through a cell: the bound is the error to twice the error");
}

enum { KNEE_POINTS = 40 };

/* Nearly nothing up to 0.1 V; from there a slope of 8e-4 S that rises to 1e-3 S at 0.12 V. */
static void make_knee(double *volt, double *amp, struct xo_law_level *level)
{
    size_t count = 0;
    for (int k = 0; k <= 4; k++, count++) {
        volt[count] = 0.025 * k;
        amp[count] = 1e-6 * volt[count];
    }
    for (int k = 1; k <= 30; k++, count++) {
        double beyond = 1e-3 * k;
        volt[count] = 0.1 + beyond;
        amp[count] = 1e-7 + 8e-4 * beyond + 0.5 * 0.01 * beyond * beyond;
    }
    *level = (struct xo_law_level){.count = count, .volt = volt, .amp = amp};
}

/* The first step ends before the knee, the next falls far beyond it: an enclosure that looks no further than the
 * first would prove what is far off.  The word line is its source: one unknown, the bit line. */
static void a_knee_behind_the_first_step(void)
{
    double table_volt[KNEE_POINTS], table_amp[KNEE_POINTS];
    struct xo_law_level level;
    struct xo_crossbar x = xo_crossbar_default(1, 1);
    struct verdict v = {INFINITY, 0};
    const double siemens = 1e-6, volt = 0.12;
    make_knee(table_volt, table_amp, &level);
    x.law = (struct xo_device_law){.law = XO_LAW_TABLE, .reference_volt = 0.05, .levels = 1, .level = &level};
    x.driver_ohm.all = 0;
    x.sense_ohm.all = 1e8;
    quad exact = series_current(&x, siemens, x.sense_ohm.all, volt);
    for (int k = 0; k < 12; k++) {
        double start = 0.106 + 0.002 * k;                  /* across the cell */
        struct solved *d = solved(&x, &siemens, 1, &volt, XO_ENGINE_CHOLMOD);
        if (d->status) {
            printf("# %s\n", d->info.text);
            v.least = 0;
        } else {
            d->factor->nonlinear->thread[0].volt[0] = (dd){volt - start, 0};
            prove(d, &exact, &v);
        }
        solved_free(d);
    }
    printf("# knee at 0.1 V, seen from 0.106 to 0.128 V: bound %.3g to %.3g times the error\n", v.least, v.most);
    tap_ok(v.least >= 1, "a knee behind the first step: no bound below the error");
}

/* Slope siemens (1 + 2 BEND v): what it changes by within a distance is known by hand. */
#define BEND 4.0

/* The bound as newton-proof.c derives it, with w = K^-1 |r| of two unknowns (one where sense_ohm is 0: the cell leads
 * to the terminal) and slopes over four times what both ends of the cell can move. */
static double bound_by_hand(const struct xo_crossbar *x, double siemens, double volt, double word, double bit)
{
    double v = word - bit, amp = siemens * (v + BEND * v * v), g = siemens * (1 + 2 * BEND * v);
    double drive = 1 / x->driver_ohm.all, sense = x->sense_ohm.all ? 1 / x->sense_ohm.all : INFINITY;
    double r = fabs((volt - word) * drive - amp), r_bit = sense < INFINITY ? fabs(amp - bit * sense) : 0;
    double w = r / (drive + g), w_bit = 0, q = 0;
    if (sense < INFINITY) {
        double det = drive * sense + g * (drive + sense);
        w = ((g + sense) * r + g * r_bit) / det;
        w_bit = (g * r + (g + drive) * r_bit) / det;
    }
    double spread = 2 * BEND * siemens * 4 * (w + w_bit), taken = spread * fabs(w - w_bit);
    q = taken < r ? r / (r - taken) : INFINITY;
    if (sense < INFINITY)
        q = fmax(q, taken < r_bit ? r_bit / (r_bit - taken) : INFINITY);
    return q > 4 ? INFINITY : sense < INFINITY ? q * sense * w_bit : q * (g + spread) * w;
}

/* Neither narrower, which would prove what may be wrong, nor wider, which would give away what holds. */
static void the_enclosure_is_four_steps_of_both_ends(void)
{
    static const struct { double ohm, share, bit; } at[] = {
        {300, 1e-3, 1}, {300, 2e-2, 0.5}, {300, 1e-2, -1}, {300, -3e-2, 3}, {300, 6e-2, 1}, {300, 2e-1, 1},
        {300, -3e-1, 3},
        {300, -1, 0.1}, {0, 1e-2, 1}, {0, -5e-2, 1}, {0, 3e-1, 1}, {0, -3e-1, 1}, {0, -5e-1, 1}, {0, 1, 1},
        {0, 2, 1}};
    const double coefficient[] = {1, BEND}, siemens = 1e-3, volt = 1;
    const struct xo_law_level level = {.count = 2, .coefficient = coefficient};
    struct xo_crossbar x = xo_crossbar_default(1, 1);
    double worst = 0;
    int infinite = 0, far = 0;
    x.law = (struct xo_device_law){.law = XO_LAW_POLYNOMIAL, .levels = 1, .level = &level};
    for (size_t k = 0; k < sizeof at / sizeof *at; k++) {
        x.sense_ohm.all = at[k].ohm;
        struct solved *d = solved(&x, &siemens, 1, &volt, XO_ENGINE_CHOLMOD);
        struct verdict v = {INFINITY, 0};
        double expected = NAN, bound = 0, least;
        if (!d->status) {
            const struct xo_newton *n = &d->factor->nonlinear->thread[0];
            const xo_circuit *c = d->factor->plan->circuit;
            const quad none = 0;
            push(d, at[k].share, at[k].bit);
            expected = bound_by_hand(&x, siemens, volt, n->volt[c->vertex[0]].hi, n->volt[c->vertex[1]].hi);
            prove(d, &none, &v);
            bound = n->bound[1];
        }
        least = bound == expected ? 0 : fabs(bound / expected - 1);
        printf("# sense %g ohm, pushed by %g, %g: bound %.7g A, by hand %.7g A\n", at[k].ohm, at[k].share,
               at[k].share * at[k].bit, bound, expected);
        worst = least <= worst ? worst : least == least ? least : INFINITY;
        infinite += isinf(expected);
        far += expected < INFINITY;
        solved_free(d);
    }
    tap_ok(worst < 1e-6, "slopes are taken over four steps of both ends, no more: the bound is that by hand (%.2g)",
           worst);
    tap_ok(infinite >= 2 && far >= 5, "and none where more than four steps would be needed");
}

/* Nothing is unknown between a source and a sense without resistance:
 * what is left is rounding, of law and current. */
static void a_cell_alone_is_off_by_its_rounding(void)
{
    struct xo_crossbar x = xo_crossbar_default(1, 1);
    int off = 0, wrong = 0;
    double slope, widest = 0;
    x.law = steep_law;
    x.driver_ohm.all = x.sense_ohm.all = 0;
    for (int k = 1; k <= 20; k++) {
        const double siemens = 1e-4, volt = 0.043 * k;
        struct solved *d = solved(&x, &siemens, 1, &volt, XO_ENGINE_CHOLMOD);
        quad error = quad_abs(d->s.column_amp[0] - newton_reference_cell(&x, siemens, 0, volt, &slope));
        wrong += d->status || error > d->s.bound_amp[0];
        off += error > 0;
        widest = fmax(widest, d->s.bound_amp[0] / d->s.column_amp[0]);
        solved_free(d);
    }
    tap_ok(off > 5 && !wrong && widest < 1e-13, "a cell alone: the bound covers its rounding, no more than %.2g of "
           "it", widest);
}

int main(void)
{
    slopes_on_the_way_differ(1, 1, 1000, 1);
    slopes_on_the_way_differ(6, 5, 300, 2);
    slopes_on_the_way_differ(17, 12, 100, 3);
    a_terminal_is_reached_through_a_cell();
    a_knee_behind_the_first_step();
    the_enclosure_is_four_steps_of_both_ends();
    a_cell_alone_is_off_by_its_rounding();
    return tap_done();
}
