/* The same bytes again: for any number of threads, any company, from a used factor, from a factor made anew.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "solved.h"
#include "simd.h"
#include "tap.h"

enum { ROWS = 24, COLUMNS = 17, INPUTS = 37 };

/* The whole way with a number of threads; column_amp and bound_amp behind each other. */
static double *currents_with(const struct random_crossbar *r, enum xo_engine engine, int threads, int times)
{
    struct xo_options options = {.engine = engine, .threads = threads, .simd = tests_simd()};
    double *out = marked_array(2 * INPUTS * COLUMNS);
    struct xo_solution s = {.column_amp = out, .bound_amp = out + INPUTS * COLUMNS};
    xo_circuit *circuit = NULL;
    xo_plan *plan = NULL;
    xo_factor *factor = NULL;
    int status = xo_circuit_new(&circuit, &r->x, NULL) || xo_plan_new(&plan, circuit, &options, NULL)
              || xo_factor_new(&factor, plan, r->cell_siemens, NULL);
    while (!status && times-- > 0)
        status = xo_solve(factor, INPUTS, r->row_volt, &s, NULL);
    if (status)
        out[0] = NAN;
    xo_factor_free(factor);
    xo_plan_free(plan);
    xo_circuit_free(circuit);
    return out;
}

static int same(const double *a, const double *b)
{
    return !isnan(a[0]) && !memcmp(a, b, 2 * INPUTS * COLUMNS * sizeof *a);
}

static int stop_at_once(void *user, double fraction)
{
    (void)fraction;
    ++*(int *)user;
    return 1;
}

/* A caller that says stop after the first block gets XO_ESTOPPED, and the rest is not solved. */
static void progress_can_stop(const struct random_crossbar *r, enum xo_engine engine)
{
    int calls = 0;
    struct xo_options options = {.engine = engine, .simd = tests_simd(), .progress = stop_at_once,
                                 .user = &calls};
    double *amp = marked_array(INPUTS * COLUMNS);
    struct xo_solution s = {.column_amp = amp};
    xo_circuit *circuit = NULL;
    xo_plan *plan = NULL;
    xo_factor *factor = NULL;
    int status = xo_circuit_new(&circuit, &r->x, NULL);
    if (!status)
        status = xo_plan_new(&plan, circuit, &options, NULL);
    if (!status)
        status = xo_factor_new(&factor, plan, r->cell_siemens, NULL);
    if (!status)
        status = xo_solve(factor, INPUTS, r->row_volt, &s, NULL);
    double last = amp[INPUTS * COLUMNS - 1];
    printf("# status %d, %d calls, last current %g\n", status, calls, last);
    tap_ok(status == XO_ESTOPPED && calls == 1 && last == SOLVED_MARK, "%s: stopped by the caller, and at once",
           xo_engine_name(engine));
    xo_factor_free(factor);
    xo_plan_free(plan);
    xo_circuit_free(circuit);
    free(amp);
}

/* Input k solved by itself, every output, against the same input in a batch. */
static void company_changes_nothing(const struct random_crossbar *r, enum xo_engine engine, const char *array)
{
    const size_t rows = r->x.rows, columns = r->x.columns, nodes = 2 * rows * columns;
    struct solved *all = solved_random(r, engine);
    int same = !all->status || all->status == XO_ENOTPROVEN;
    for (size_t k = 0; same && k < r->inputs; k++) {
        struct solved *one = solved(&r->x, r->cell_siemens, 1, r->row_volt + k * rows, engine);
        same = !memcmp(one->s.column_amp, all->s.column_amp + k * columns, columns * sizeof(double))
               && !memcmp(one->s.bound_amp, all->s.bound_amp + k * columns, columns * sizeof(double))
               && !memcmp(one->s.scale_amp, all->s.scale_amp + k * columns, columns * sizeof(double))
               && !memcmp(one->s.node_volt, all->s.node_volt + k * nodes, nodes * sizeof(double));
        solved_free(one);
    }
    tap_ok(same, "%s: an input alone gives the same bytes as in company, %s", xo_engine_name(engine), array);
    solved_free(all);
}

int main(void)
{
    struct random_crossbar *hard = random_crossbar(43, 12, 9, 19, RANDOM_FAULTS | RANDOM_LINES);
    random_crossbar_only_lines(hard);
    hard->x.row_wire_ohm = (struct xo_values){1e-7, NULL};     /* inputs need different numbers of steps */
    hard->x.driver_ohm = (struct xo_values){1e5, NULL};
    struct random_crossbar *r = random_crossbar(42, ROWS, COLUMNS, INPUTS, RANDOM_FAULTS);
    for (int e = 0; e < ENGINES; e++) {
        if (every_engine[e] == XO_ENGINE_LINE)
            random_crossbar_only_lines(r);
        const char *engine = xo_engine_name(every_engine[e]);
        double *one = currents_with(r, every_engine[e], 1, 1), *two = currents_with(r, every_engine[e], 2, 1);
        double *five = currents_with(r, every_engine[e], 5, 1), *again = currents_with(r, every_engine[e], 1, 2);
        tap_ok(same(one, two) && same(one, five), "%s: 1, 2 and 5 threads give the same bytes", engine);
        tap_ok(same(one, again), "%s: a used factor gives the same bytes", engine);
        company_changes_nothing(r, every_engine[e], "ordinary array");
        company_changes_nothing(hard, every_engine[e], "hard array");
        progress_can_stop(r, every_engine[e]);
        free(one);
        free(two);
        free(five);
        free(again);
    }
    random_crossbar_free(r);
    random_crossbar_free(hard);
    return tap_done();
}
