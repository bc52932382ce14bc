/* Newton's method on large hard arrays, against the independent one; and what it costs beside a linear solve.
 * With CROSSOHM_LONG more of them.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdbool.h>
#include <time.h>
#include "newton-reference.h"
#include "solved.h"
#include "tap.h"

static const struct xo_device_law ohmic_law = {.law = XO_LAW_OHMIC};
static const struct xo_device_law mild_law = {.law = XO_LAW_SINH, .reference_volt = 0.5, .v0_volt = 0.25};
static const struct xo_device_law steep_law = {.law = XO_LAW_SINH, .reference_volt = 1, .v0_volt = 0.1};
static const struct xo_device_law selector_law = {.law = XO_LAW_SINH, .v0_volt = 0.02606};

struct array {
    const char *what;
    size_t rows, columns;
    const struct xo_device_law *law;
    double low_siemens, high_siemens, volt, wire_ohm, end_ohm;
    bool selectors, always;            /* always: not only with CROSSOHM_LONG */
};

static const struct array arrays[] = {
    {"sinh v0 0.1 V at 1 V, 1k-10k ohm, 10 ohm wires", 128, 128, &steep_law, 1e-4, 1e-3, 1, 10, 10, false, true},
    {"the same, all on", 128, 128, &steep_law, 1e-3, 1e-3, 1, 10, 10, false, false},
    {"the same, all off", 128, 128, &steep_law, 1e-4, 1e-4, 1, 10, 10, false, false},
    {"selectors of 60 mV per decade", 64, 96, &ohmic_law, 1e-6, 1e-4, 1, 2, 20, true, false},
    {"selectors and steep cells", 96, 64, &steep_law, 1e-5, 1e-3, 1, 2, 20, true, false},
    {"bare exponentials of 60 mV per decade", 48, 64, &selector_law, 1e-9, 1e-7, 1, 5, 100, false, false},
    {"all on, behind selectors", 64, 64, &ohmic_law, 1e-4, 1e-4, 1, 2, 20, true, false},
    {"all off, behind selectors", 64, 64, &ohmic_law, 1e-9, 1e-9, 1, 2, 20, true, false},
};

static struct xo_crossbar describe(const struct array *a)
{
    struct xo_crossbar x = xo_crossbar_default(a->rows, a->columns);
    x.law = *a->law;
    x.row_wire_ohm.all = a->wire_ohm;
    x.column_wire_ohm.all = a->wire_ohm * 1.1;
    x.driver_ohm.all = a->end_ohm;
    x.sense_ohm.all = a->end_ohm * 0.7;
    if (a->selectors) {
        x.cell_type = XO_CELL_1S1R;
        x.selector = selector_law;
        x.selector_siemens = 1e-11;
    }
    return x;
}

static void fill(const struct array *a, double *siemens, double *volt, unsigned long long seed)
{
    for (size_t k = 0; k < a->rows * a->columns; k++)
        siemens[k] = a->low_siemens * pow(a->high_siemens / a->low_siemens, tap_uniform(&seed));
    for (size_t i = 0; i < a->rows; i++)
        volt[i] = a->volt * (i % 3 ? 1 : tap_uniform(&seed));
}

static void converges(const struct array *a, unsigned long long seed)
{
    struct xo_crossbar x = describe(a);
    double *siemens = marked_array(a->rows * a->columns), *volt = marked_array(a->rows), worst = 0, bound = 0;
    quad *exact = calloc(a->columns, sizeof *exact);
    fill(a, siemens, volt, seed);
    bool within = true, referred = exact && !newton_reference(&x, siemens, volt, exact);
    struct solved *d = solved(&x, siemens, 1, volt, XO_ENGINE_AUTO);
    for (size_t j = 0; j < a->columns && !d->status && referred; j++) {
        double scale = d->s.scale_amp[j];
        quad error = quad_abs(d->s.column_amp[j] - exact[j]);
        within &= error <= d->s.bound_amp[j] + (quad)1e-18 * scale;
        worst = fmax(worst, (double)error / scale);
        bound = fmax(bound, d->s.bound_amp[j] / scale);
    }
    printf("# %zux%zu %s: %d steps, error %.2g, bound %.2g of scale %s\n", a->rows, a->columns, a->what,
           d->s.refinements, worst, bound, d->info.text);
    tap_ok(referred && !d->status && within && worst <= 1e-9 && bound <= 1e-11,
           "%zux%zu %s: as an independent Newton, within the bound", a->rows, a->columns, a->what);
    solved_free(d);
    free(siemens);
    free(volt);
    free(exact);
}

/* ---- cost ------------------------------------------------------------------------------------------ */

static double processor_sec(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* From description to proven currents; NaN if it fails. */
static double solve_sec(const struct xo_crossbar *x, const double *siemens, const double *volt, enum xo_engine engine,
                        double *amp)
{
    struct xo_options options = {.engine = engine, .threads = 1};
    struct xo_solution s = {.column_amp = amp};
    xo_circuit *circuit = NULL;
    xo_plan *plan = NULL;
    xo_factor *factor = NULL;
    double begin = processor_sec();
    int status = xo_circuit_new(&circuit, x, NULL);
    if (!status)
        status = xo_plan_new(&plan, circuit, &options, NULL);
    if (!status)
        status = xo_factor_new(&factor, plan, siemens, NULL);
    if (!status)
        status = xo_solve(factor, 1, volt, &s, NULL);
    double sec = processor_sec() - begin;
    xo_factor_free(factor);
    xo_plan_free(plan);
    xo_circuit_free(circuit);
    return status ? NAN : sec;
}

static void one_input_costs_few_linear_solves(void)
{
    static const struct array a = {"", 128, 128, &mild_law, 1e-5, 1e-4, 0.5, 1, 100, false, true};
    struct xo_crossbar x = describe(&a), linear = x;
    double *siemens = marked_array(a.rows * a.columns), *volt = marked_array(a.rows), *amp = marked_array(a.columns);
    fill(&a, siemens, volt, 9);
    linear.law = ohmic_law;
    for (size_t e = 0; e < NETWORK_ENGINES; e++) {
        double of_linear = INFINITY, of_newton = INFINITY;
        bool solves = true;
        for (int run = 0; run < 3 && solves; run++) {
            double l = solve_sec(&linear, siemens, volt, every_engine[e], amp);
            double n = solve_sec(&x, siemens, volt, every_engine[e], amp);
            solves = l > 0 && n > 0;
            of_linear = fmin(of_linear, l);
            of_newton = fmin(of_newton, n);
        }
        printf("# 128x128 sinh, one input, %s: %.1f ms, linear %.1f ms: %.1f times\n",
               xo_engine_name(every_engine[e]), 1e3 * of_newton, 1e3 * of_linear, of_newton / of_linear);
        tap_ok(solves && of_newton <= 10 * of_linear, "128x128 sinh, one input: at most ten linear solves by %s",
               xo_engine_name(every_engine[e]));
    }
    free(siemens);
    free(volt);
    free(amp);
}

int main(void)
{
    for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++)
        if (arrays[k].always || getenv("CROSSOHM_LONG"))
            converges(&arrays[k], k + 1);
    one_input_costs_few_linear_solves();
    return tap_done();
}
