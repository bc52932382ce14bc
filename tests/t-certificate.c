/* The bound is a proof: on arrays chosen to hurt, no current is further from the exact one than it says.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "reference.h"
#include "solved.h"
#include "tap.h"

#define MAX_BOUND 1e-8                 /* over s_j */

struct hard {
    const char *name;
    size_t rows, columns;
    double wire_ohm, column_wire_ohm, driver_ohm, sense_ohm;
    double low_siemens, high_siemens;  /* log-uniform between them */
    int may_refuse;                    /* condition beyond 1e16: XO_ENOTPROVEN is an honest answer */
};

static const struct hard hard[] = {
    {"wires of a milliohm, cells of 10 nS",           9, 7,  1e-3, 2e-3, 100,  100,  1e-8, 1e-8, 0},
    {"drivers of a gigaohm",                          8, 8,  1,    2,    1e9,  100,  1e-6, 1e-4, 0},
    {"senses of a gigaohm",                           8, 6,  1,    3,    50,   1e9,  1e-6, 1e-4, 0},
    {"both ends of a gigaohm, microohm wires",        6, 9,  1e-6, 3e-6, 1e9,  1e9,  1e-8, 1e-3, 1},
    {"cells over ten decades",                        10, 9, 1,    5,    100,  100,  1e-12, 1e-2, 0},
    {"wires that eat the signal",                     12, 12, 1e3, 3e3,  10,   10,   1e-3, 1e-2, 0},
    {"nanoohm ends, kiloohm wires",                   7, 11, 1e3,  2e3,  1e-9, 1e-9, 1e-7, 1e-3, 0},
    {"one row",                                       1, 12, 10,   1,    1,    1e6,  1e-8, 1e-3, 0},
    {"one column",                                    12, 1, 10,   10,   1e6,  1,    1e-8, 1e-3, 0},
};

static struct random_crossbar *hard_case(const struct hard *h, unsigned long long seed)
{
    struct random_crossbar *r = random_crossbar(seed, h->rows, h->columns, 3, 0);
    unsigned long long state = seed;
    double decades = log10(h->high_siemens / h->low_siemens);
    r->x.row_wire_ohm = (struct xo_values){h->wire_ohm, NULL};
    r->x.column_wire_ohm = (struct xo_values){h->column_wire_ohm, NULL};
    r->x.driver_ohm = (struct xo_values){h->driver_ohm, NULL};
    r->x.sense_ohm = (struct xo_values){h->sense_ohm, NULL};
    for (size_t k = 0; k < h->rows * h->columns; k++)
        r->cell_siemens[k] = h->low_siemens * pow(10, decades * tap_uniform(&state));
    return r;
}

/* Largest |error| / bound (at most 1 if the bound is true) and bound / scale of one case; infinite if there is none.
 * Returns the solver's status. */
static int compare(struct random_crossbar *r, enum xo_engine engine, double *error_by_bound, double *bound_by_scale)
{
    struct reference *reference = reference_new(&r->x, r->cell_siemens, NULL);
    struct solved *d = solved_random(r, engine);
    quad amp[12], scale[12];
    int status = d->status, answered = !status || status == XO_ENOTPROVEN;
    *error_by_bound = *bound_by_scale = answered ? 0 : INFINITY;
    if (status)
        printf("# status %d: %s\n", status, d->info.text);
    for (size_t n = 0; answered && n < r->inputs; n++) {
        const double *volt = r->row_volt + n * r->x.rows;
        if (reference_run(reference, volt, amp, NULL) || reference_scale(reference, volt, scale))
            *error_by_bound = INFINITY;
        for (size_t j = 0; j < r->x.columns; j++) {
            size_t k = n * r->x.columns + j;
            quad error = quad_abs(d->s.column_amp[k] - amp[j]);
            *error_by_bound = fmax(*error_by_bound, (double)(error / d->s.bound_amp[k]));
            *bound_by_scale = fmax(*bound_by_scale, (double)(d->s.bound_amp[k] / scale[j]));
        }
    }
    solved_free(d);
    reference_free(reference);
    return status;
}

static void hard_arrays_are_proven(enum xo_engine engine)
{
    for (size_t k = 0; k < sizeof hard / sizeof *hard; k++) {
        double worst_error = 0, worst_bound = 0;
        int proven = 1;
        for (unsigned long long seed = 1; seed <= 3; seed++) {
            double error, bound;
            struct random_crossbar *r = hard_case(&hard[k], seed);
            int status = compare(r, engine, &error, &bound);
            proven &= status ? hard[k].may_refuse && status == XO_ENOTPROVEN : bound < MAX_BOUND;
            worst_error = fmax(worst_error, error);
            worst_bound = fmax(worst_bound, bound);
            random_crossbar_free(r);
        }
        printf("# %s: largest error / bound %.2g, bound / s_j %.2g\n", hard[k].name, worst_error, worst_bound);
        tap_ok(worst_error <= 1, "%s: bound holds: %s", xo_engine_name(engine), hard[k].name);
        tap_ok(proven, "%s: bound is below 1e-8%s: %s", xo_engine_name(engine),
               hard[k].may_refuse ? ", or refused" : "", hard[k].name);
    }
}

/* A 3x3 array: column 1 touches nothing; 0 V everywhere; a column all of whose sources are at its own 0 V. */
static void where_the_scale_is_0_so_are_current_and_bound(enum xo_engine engine)
{
    double g[9] = {1e-5, 0, 2e-5, 3e-5, 0, 1e-5, 1e-6, 0, 1e-4}, volt[6] = {0, 0, 0, 0.1, -0.2, 0.3};
    struct xo_crossbar x = xo_crossbar_default(3, 3);
    struct solved *d = solved(&x, g, 2, volt, engine);
    int right = !d->status;
    for (size_t k = 0; right && k < 6; k++) {
        int nothing = k < 3 || k == 4;
        right = nothing == (d->s.scale_amp[k] == 0) && nothing == (d->s.column_amp[k] == 0)
             && nothing == (d->s.bound_amp[k] == 0);
    }
    tap_ok(right, "%s: current and bound are exactly 0 where nothing drives the column", xo_engine_name(engine));
    solved_free(d);
    x.sense_volt.all = 0.5;                            /* a lone column at 0.5 V: still nothing flows */
    d = solved(&x, g, 1, volt + 3, engine);
    right = !d->status && d->s.column_amp[1] == 0 && d->s.bound_amp[1] == 0 && d->s.scale_amp[1] == 0;
    tap_ok(right, "%s: and where a sense voltage meets nobody", xo_engine_name(engine));
    solved_free(d);
}

/* Cancelling inputs: the current is nearly 0, its scale is not, and the bound refers to the scale. */
static void cancelling_inputs_keep_their_scale(enum xo_engine engine)
{
    double g[4] = {1e-4, 1e-4, 1e-4, 1e-4}, volt[2] = {0.5, -0.5};
    struct xo_crossbar x = xo_crossbar_default(2, 2);
    x.column_wire_ohm.all = 0;
    struct solved *d = solved(&x, g, 1, volt, engine);
    int right = !d->status && d->s.scale_amp[0] > 5e-5 && fabs(d->s.column_amp[0]) <= d->s.bound_amp[0]
             && d->s.bound_amp[0] < 1e-12 * d->s.scale_amp[0];
    tap_ok(right, "%s: +V and -V on equal rows: 0 within a bound that refers to s_j", xo_engine_name(engine));
    solved_free(d);
}

static void the_summary_is_the_worst(enum xo_engine engine)
{
    struct random_crossbar *r = random_crossbar(5, 9, 7, 17, 0);
    struct solved *d = solved_random(r, engine);
    double worst = 0;
    for (size_t k = 0; !d->status && k < 17 * 7; k++)
        worst = fmax(worst, d->s.scale_amp[k] > 0 ? d->s.bound_amp[k] / d->s.scale_amp[k] : 0);
    printf("# worst bound over scale %.17g, reported %.17g, %d refinements\n", worst, d->s.worst_bound_rel,
           d->s.refinements);
    tap_ok(!d->status && d->s.worst_bound_rel >= worst && d->s.worst_bound_rel <= worst * (1 + 1e-6),
           "%s: worst_bound_rel is the worst bound over its scale", xo_engine_name(engine));
    solved_free(d);
    random_crossbar_free(r);
}

int main(void)
{
    for (int e = 0; e < ENGINES; e++) {
        hard_arrays_are_proven(every_engine[e]);
        where_the_scale_is_0_so_are_current_and_bound(every_engine[e]);
        if (e < NETWORK_ENGINES)
            cancelling_inputs_keep_their_scale(every_engine[e]);
        the_summary_is_the_worst(every_engine[e]);
    }
    return tap_done();
}
