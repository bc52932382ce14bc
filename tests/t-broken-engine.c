/* An engine that lies: every way it can be wrong must show in the bound, or be refused.  Nothing wrong may pass.
 *
 * The engine's table is replaced behind the solver's back by one that spoils what the real functions return.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "plan.h"
#include "reference.h"
#include "solved.h"
#include "tap.h"

enum { M = 7, N = 5, INPUTS = 3, NODES = 2 * M * N };

/* What to do to unknown k of n, value v. */
struct lie {
    const char *name;
    double (*spoil)(double v, size_t k, size_t n);
    int nonsense;                      /* no refinement can save it: must be refused */
};
static double keep(double v, size_t k, size_t n) { (void)k, (void)n; return v; }
static double one_by_a_millionth(double v, size_t k, size_t n) { return k == n / 2 ? v * (1 + 1e-6) : v; }
static double one_by_half(double v, size_t k, size_t n) { return k == n / 3 ? v * 1.5 : v; }
static double one_missing(double v, size_t k, size_t n) { return k == n / 2 ? 0 : v; }
static double all_by_a_thousandth(double v, size_t k, size_t n) { (void)n; return v * (1 + 1e-3 * (double)(k % 3)); }
static double nothing(double v, size_t k, size_t n) { (void)v, (void)k, (void)n; return 0; }
static double all_negated(double v, size_t k, size_t n) { (void)k, (void)n; return -v; }
static double all_doubled(double v, size_t k, size_t n) { (void)k, (void)n; return 2.5 * v; }
static double one_nan(double v, size_t k, size_t n) { return k == n - 1 ? NAN : v; }
static double all_nan(double v, size_t k, size_t n) { (void)v, (void)k, (void)n; return NAN; }
static double one_infinite(double v, size_t k, size_t n) { (void)n; return k == 0 ? INFINITY : v; }

static const struct lie lies[] = {
    {"the truth", keep, 0},
    {"one voltage off by a millionth", one_by_a_millionth, 0},
    {"one voltage off by half", one_by_half, 0},
    {"one voltage missing", one_missing, 0},
    {"all voltages off by a thousandth", all_by_a_thousandth, 0},
    {"all voltages 0", nothing, 1},
    {"all voltages negated", all_negated, 1},
    {"all voltages times 2.5", all_doubled, 1},
    {"one voltage NaN", one_nan, 1},
    {"all voltages NaN", all_nan, 1},
    {"one voltage infinite", one_infinite, 1},
};

/* The engine in use; a test program may keep a global. */
static const struct xo_engine_table *honest;
static const struct lie *lie;

static void solve_and_lie(const xo_factor *f, int lanes, double (*x)[XO_LANES])
{
    size_t n = f->plan->circuit->unknowns;
    honest->solve(f, lanes, x);
    for (size_t k = 0; k < n; k++)
        for (int lane = 0; lane < lanes; lane++)
            x[k][lane] = lie->spoil(x[k][lane], k, n);
}

static void answer_and_lie(const xo_factor *f, int lanes, struct xo_scratch *s)
{
    size_t n = f->plan->circuit->unknowns;
    honest->answer(f, lanes, s);
    for (size_t k = 0; k < n; k++)
        for (int lane = 0; lane < lanes; lane++)
            s->volt[k].hi[lane] = lie->spoil(s->volt[k].hi[lane], k, n);
}

/* Currents that do not follow from the voltages. */
static void currents_and_lie(const xo_factor *f, int lanes, struct xo_scratch *s)
{
    size_t n = f->plan->circuit->terminals;
    if (honest->currents)
        honest->currents(f, lanes, s);
    for (size_t t = 0; t < n; t++)
        for (int lane = 0; lane < lanes; lane++)
            s->terminal_amp[t][lane] = lie->spoil(s->terminal_amp[t][lane], t, n);
}

static void answer_currents_and_lie(const xo_factor *f, int lanes, struct xo_scratch *s)
{
    honest->answer(f, lanes, s);
    currents_and_lie(f, lanes, s);
}

/* Where the lie is told. */
enum place { IN_FACTOR_AND_SOLVE, IN_SOLVE, IN_ANSWER, IN_CURRENTS, PLACES };
static const char *const place_name[PLACES] = {"in factor and solve", "in solve", "in its answer", "in its currents"};

static int table_with_lie(struct xo_engine_table *table, enum place place)
{
    *table = *honest;
    switch (place) {
    case IN_FACTOR_AND_SOLVE:
    case IN_SOLVE:
        table->solve = solve_and_lie;
        return 1;
    case IN_ANSWER:
        table->answer = honest->answer ? answer_and_lie : NULL;
        return honest->answer != NULL;
    default:
        if (honest->answer)
            table->answer = answer_currents_and_lie;
        else
            table->currents = honest->currents ? currents_and_lie : NULL;
        return honest->answer || honest->currents;
    }
}

/* 1 if every finite-looking claim is true: error <= bound for each current, and the status tells small from large. */
static int claims_are_true(const struct random_crossbar *r, const double *amp, const double *bound,
                           const double *scale, int status)
{
    int true_claims = 1;
    for (size_t n = 0; n < INPUTS; n++) {
        quad exact[N];
        reference_solve(&r->x, r->cell_siemens, r->row_volt + n * M, exact, NULL);
        for (size_t j = 0; j < N; j++) {
            size_t k = n * N + j;
            quad error = quad_abs(amp[k] - exact[j]);
            int covered = error <= bound[k], proven = bound[k] <= 1e-9 * scale[k];
            if (!status && !(covered && proven)) {
                printf("# passed: current %.9g, exact %.9g, bound %.3g, scale %.3g\n", amp[k],
                       (double)exact[j], bound[k], scale[k]);
                return 0;
            }
            if (status && !covered && bound[k] >= 0 && !isinf(bound[k])) {
                printf("# refused, but with a false bound: current %.9g, exact %.9g, bound %.3g\n", amp[k],
                       (double)exact[j], bound[k]);
                true_claims = 0;
            }
        }
    }
    return true_claims;
}

static void try_lie(const struct random_crossbar *r, const xo_plan *made, enum place place)
{
    struct xo_engine_table table;
    xo_plan plan = *made;
    xo_factor *factor = NULL;
    double *amp = marked_array(INPUTS * N), *bound = marked_array(INPUTS * N), *scale = marked_array(INPUTS * N);
    struct xo_solution s = {.column_amp = amp, .bound_amp = bound, .scale_amp = scale};
    struct xo_info info = {""};
    honest = made->table;
    if (table_with_lie(&table, place)) {
        plan.table = place == IN_FACTOR_AND_SOLVE ? &table : made->table;
        int status = xo_factor_new(&factor, &plan, r->cell_siemens, &info), factored = !status;
        plan.table = &table;
        if (!status)
            status = xo_solve(factor, INPUTS, r->row_volt, &s, &info);
        int right = !factored || claims_are_true(r, amp, bound, scale, status);
        if (place == IN_FACTOR_AND_SOLVE || place == IN_SOLVE)
            right &= honest->answer || !lie->nonsense || status != 0;
        if (lie == lies)
            right &= status == 0;
        if (!right)
            printf("# status %d: %s\n", status, info.text);
        tap_ok(right, "%s, %s: %s", honest->name, place_name[place], lie->name);
    }
    plan.table = made->table;
    xo_factor_free(factor);
    free(amp);
    free(bound);
    free(scale);
}

int main(void)
{
    struct random_crossbar *r = random_crossbar(3, M, N, INPUTS, 0);
    xo_circuit *circuit = NULL;
    if (xo_circuit_new(&circuit, &r->x, NULL))
        return 1;
    for (int e = 0; e < NETWORK_ENGINES; e++) {
        struct xo_options options = {.engine = every_engine[e]};
        xo_plan *plan = NULL;
        if (xo_plan_new(&plan, circuit, &options, NULL))
            return 1;
        for (int place = 0; place < PLACES; place++)
            for (size_t k = 0; k < sizeof lies / sizeof *lies; k++) {
                lie = &lies[k];
                try_lie(r, plan, (enum place)place);
            }
        xo_plan_free(plan);
    }
    xo_circuit_free(circuit);
    random_crossbar_free(r);
    return tap_done();
}
