/* Corrections against the exact solver: random arrays with everything a description can say but bridges, whose cells
 * are mildly nonlinear so that eight corrections leave nothing; and an input's bytes, which do not depend on what
 * else is applied.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <string.h>
#include "memory.h"
#include "nonlinear_fit.h"
#include "random-crossbar.h"
#include "tap.h"

enum { MOST_SIDE = 12, INPUTS = 11 };

/* The seeds' arrays without what ladders refuse, with law sinh in a voltage range where it is mild. */
static struct random_crossbar *draw(unsigned long long seed)
{
    unsigned long long state = seed;
    size_t rows = 1 + (size_t)(tap_uniform(&state) * MOST_SIDE);
    size_t columns = 1 + (size_t)(tap_uniform(&state) * MOST_SIDE);
    struct random_crossbar *r = random_crossbar(seed, rows, columns, INPUTS, (int)(seed % 16));
    r->x.word_bridge_count = r->x.bit_bridge_count = 0;
    if (xo_ladders_refuse(&r->x)) {
        r->x.drive_side = XO_DRIVE_RIGHT;
        r->x.sense_side = XO_SENSE_TOP;
    }
    r->x.law = (struct xo_device_law){.law = XO_LAW_SINH, .v0_volt = 1.5, .reference_volt = 0.3};
    return r;
}

static struct xo_fcm model_of(const struct random_crossbar *r, const xo_circuit *circuit)
{
    struct xo_fcm m = {.rows = r->x.rows, .columns = r->x.columns, .stage = XO_FCM_CORRECTED};
    static double none;
    m.g_ni_siemens = &none;            /* not looked at */
    if (xo_ladders_new(&m.correction, &r->x, circuit, r->cell_siemens, 0.4, 2, NULL))
        abort();
    m.correction.count = XO_FCM_MOST_CORRECTIONS;
    m.correction.sweeps = XO_FCM_MOST_SWEEPS;
    return m;
}

struct worst { double error; unsigned long long seed; int arrays, refused; };

static void compare(struct worst *w, unsigned long long seed)
{
    struct random_crossbar *r = draw(seed);
    double exact[INPUTS * MOST_SIDE], amp[INPUTS * MOST_SIDE], full = 0, error = 0;
    struct xo_solution solution = {.column_amp = exact};
    struct xo_options options = {.engine = XO_ENGINE_KLU};
    xo_circuit *circuit = NULL;
    xo_plan *plan = NULL;
    xo_factor *factor = NULL;
    if (!xo_circuit_new(&circuit, &r->x, NULL) && !xo_plan_new(&plan, circuit, &options, NULL) &&
        !xo_factor_new(&factor, plan, r->cell_siemens, NULL) &&
        !xo_solve(factor, INPUTS, r->row_volt, &solution, NULL)) {
        struct xo_fcm m = model_of(r, circuit);
        xo_fcm_apply(&m, &(struct xo_apply){0}, INPUTS, r->row_volt, amp, NULL, NULL);
        for (size_t k = 0; k < INPUTS * r->x.columns; k++) {
            full = fmax(full, fabs(exact[k]));
            error = fmax(error, fabs(amp[k] - exact[k]));
        }
        w->arrays++;
        full = fmax(full, 1e-8);       /* currents that are rounding alone */
        if (error > w->error * full) {
            w->error = error / full;
            w->seed = seed;
        }
        xo_ladders_free(&m.correction);
    } else {
        w->refused++;                  /* conflicts of zero ohm, or floating columns joined to each other */
    }
    xo_factor_free(factor);
    xo_plan_free(plan);
    xo_circuit_free(circuit);
    random_crossbar_free(r);
}

static void corrections_converge_to_the_exact_currents(void)
{
    struct worst w = {0};
    const int arrays = getenv("CROSSOHM_LONG") ? 400 : 150;
    for (unsigned long long seed = 1; seed <= (unsigned long long)arrays; seed++)
        compare(&w, seed);
    printf("# %d arrays, %d refused by the solver; worst %.3g of full scale, seed %llu\n", w.arrays, w.refused,
           w.error, w.seed);
    tap_ok(w.arrays > arrays * 3 / 4, "most random arrays can be solved");
    tap_ok(w.error < 1e-7, "eight corrections of many sweeps are within 1e-7 of full scale of the exact currents");
}

/* ---- what an input does not depend on ------------------------------------------------------------------ */

static void inputs_do_not_depend_on_each_other(void)
{
    struct random_crossbar *r = draw(16 * 3 + 15);
    double all[INPUTS * MOST_SIDE], one[MOST_SIDE], pair[INPUTS * MOST_SIDE];
    xo_circuit *circuit = NULL;
    int same = 1;
    if (xo_circuit_new(&circuit, &r->x, NULL))
        abort();
    struct xo_fcm m = model_of(r, circuit);
    m.correction.sweeps = 3;
    xo_fcm_apply(&m, &(struct xo_apply){0}, INPUTS, r->row_volt, all, NULL, NULL);
    xo_fcm_apply(&m, &(struct xo_apply){.threads = 2}, INPUTS, r->row_volt, pair, NULL, NULL);
    tap_ok(!memcmp(all, pair, INPUTS * m.columns * sizeof *all), "two threads give the same bytes");
    for (size_t n = 0; n < INPUTS; n++) {
        xo_fcm_apply(&m, &(struct xo_apply){0}, 1, r->row_volt + n * m.rows, one, NULL, NULL);
        same = same && !memcmp(one, all + n * m.columns, m.columns * sizeof *one);
    }
    tap_ok(same, "an input alone gives the same bytes as among others");
    xo_ladders_free(&m.correction);
    xo_circuit_free(circuit);
    random_crossbar_free(r);
}

/* ---- what ladders cannot be ---------------------------------------------------------------------------- */

static void what_is_no_ladder_is_refused(void)
{
    struct xo_crossbar x = xo_crossbar_default(3, 2);
    const struct xo_bridge bridge = {0, 1, 100};
    tap_ok(!xo_ladders_refuse(&x), "a plain array is taken");
    x.word_bridge = &bridge;
    x.word_bridge_count = 1;
    tap_ok(xo_ladders_refuse(&x) != NULL, "bridges are refused");
    x.word_bridge_count = 0;
    x.drive_side = XO_DRIVE_BOTH;
    tap_ok(!xo_ladders_refuse(&x), "two driven ends are taken");
    x.driver_ohm.all = 0;
    tap_ok(xo_ladders_refuse(&x) != NULL, "but not without a resistance");
}

/* By hand: one cell. */
static void one_cell_by_hand(void)
{
    struct xo_crossbar x = xo_crossbar_default(1, 1);
    double g = 1e-3, volt = 0.5, amp, v = 0, current;
    xo_circuit *circuit = NULL;
    struct random_crossbar r = {.cell_siemens = &g};
    x.driver_ohm.all = 70;
    x.sense_ohm.all = 30;
    x.law = (struct xo_device_law){.law = XO_LAW_SINH, .v0_volt = 0.4, .reference_volt = 0.3};
    r.x = x;
    if (xo_circuit_new(&circuit, &x, NULL))
        abort();
    struct xo_fcm m = model_of(&r, circuit);
    xo_fcm_apply(&m, &(struct xo_apply){0}, 1, &volt, &amp, NULL, NULL);
    for (int k = 0; k < 100; k++) {    /* v + 100 ohm I(v) = 0.5 V, by Newton */
        double scale = g * 0.3 / sinh(0.3 / 0.4), f = v + 100 * scale * sinh(v / 0.4) - volt;
        v -= f / (1 + 100 * scale / 0.4 * cosh(v / 0.4));
    }
    current = (volt - v) / 100;
    tap_close(amp, current, 1e-9 * current, "one cell between two resistors");
    m.correction.sweeps = 3;
    m.correction.count = 2;
    tap_close(xo_fcm_cost(&m), 8 * 3 * 3 + 16 * 2, 0,
              "three linear solutions of three sweeps, and two looks at the law");
    xo_ladders_free(&m.correction);
    xo_circuit_free(circuit);
}

int main(void)
{
    corrections_converge_to_the_exact_currents();
    inputs_do_not_depend_on_each_other();
    what_is_no_ladder_is_refused();
    one_cell_by_hand();
    return tap_done();
}
