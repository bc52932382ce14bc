/* Every engine against the quadruple-precision reference: 2,000 seeded random arrays (20,000 with CROSSOHM_LONG).
 *     t-two-ways [SEED]      one case alone, talking
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "reference.h"
#include "solved.h"
#include "tap.h"

#define MAX_BOUND 1e-8                 /* over s_j */
#define MAX_ERROR 1e-10                /* over s_j */
#define MAX_SCALE_ERROR 1e-6           /* of s_j: a yardstick, not a result */
#define QUAD_NOISE 1e-25               /* of s_j: what the reference itself may be off */

enum fact {
    VERDICT, WITHIN_BOUND, SMALL_BOUND, SMALL_ERROR, SCALE, NOTHING_IS_ZERO, ISLANDS, VOLTAGES, CELLS, FACTS
};
static const char *const fact_text[FACTS] = {
    "solves, or reports the conflict, as the reference does",
    "no current is further from the exact one than its bound",
    "every bound is below 1e-8 of its scale",
    "every error is below 1e-10 of its scale",
    "scale s_j agrees",
    "current and bound are exactly 0 where s_j is",
    "the same nodes are islands",
    "node voltages agree",
    "cell currents follow from the node voltages",
};

struct tally {
    int wrong[FACTS], conflicts, shared, refused;
    double worst_bound, worst_error, tightest;          /* tightest: largest error / bound */
};

static void blame(struct tally *t, enum fact fact, unsigned long long seed, const char *detail, double a, double b)
{
    if (t->wrong[fact]++ < 5)
        printf("# seed %llu: %s: %s %.17g, %.17g\n", seed, fact_text[fact], detail, a, b);
}

/* One input of one case: exact is in quad. */
struct exact {
    struct reference *reference;
    quad *column_amp, *scale_amp, *node_volt;
};

static void judge_column(struct tally *t, unsigned long long seed, const struct solved *d, const struct exact *x,
                         size_t input, size_t j)
{
    size_t k = input * d->columns + j;
    quad error = quad_abs(d->s.column_amp[k] - x->column_amp[j]), scale = x->scale_amp[j];
    double bound = d->s.bound_amp[k];
    if (scale == 0) {
        if (d->s.column_amp[k] != 0 || bound != 0)
            blame(t, NOTHING_IS_ZERO, seed, "current, bound", d->s.column_amp[k], bound);
        return;
    }
    if (!(error <= bound + (quad)QUAD_NOISE * scale))
        blame(t, WITHIN_BOUND, seed, "error, bound over scale", (double)(error / scale), (double)(bound / scale));
    if (!(bound < (quad)MAX_BOUND * scale))
        blame(t, SMALL_BOUND, seed, "bound, scale", bound, (double)scale);
    if (!(error < (quad)MAX_ERROR * scale))
        blame(t, SMALL_ERROR, seed, "error, scale", (double)error, (double)scale);
    if (reference_column_is_shared(x->reference, j))
        t->shared++;
    else if (!(quad_abs(d->s.scale_amp[k] - scale) <= (quad)MAX_SCALE_ERROR * scale))
        blame(t, SCALE, seed, "got, want", d->s.scale_amp[k], (double)scale);
    t->worst_bound = fmax(t->worst_bound, (double)(bound / scale));
    t->worst_error = fmax(t->worst_error, (double)(error / scale));
    t->tightest = fmax(t->tightest, (double)(error / bound));
}

static void judge_nodes(struct tally *t, unsigned long long seed, const struct solved *d, const struct exact *x,
                        size_t input)
{
    size_t nodes = 2 * d->rows * d->columns;
    double largest = 0;
    for (size_t k = 0; k < nodes; k++)
        largest = fmax(largest, (double)quad_abs(x->node_volt[k]));
    for (size_t k = 0; k < nodes; k++) {
        double got = d->s.node_volt[input * nodes + k], want = (double)x->node_volt[k];
        if (isnan(got) != isnan(want))
            blame(t, ISLANDS, seed, "got, want", got, want);
        else if (fabs(got - want) > 1e-10 * largest)
            blame(t, VOLTAGES, seed, "got, want", got, want);
    }
}

/* The current of a cell nobody tampered with, against g (u - w) in quad. */
static void judge_cells(struct tally *t, unsigned long long seed, const struct random_crossbar *r,
                        const struct solved *d, const struct exact *x, size_t input)
{
    size_t cells = d->rows * d->columns;
    if (r->x.stuck_count || r->x.open_cell_count || r->x.series_ohm.each || r->x.series_ohm.all != 0)
        return;
    for (size_t k = 0; k < cells; k++) {
        quad u = x->node_volt[k], w = x->node_volt[cells + k], g = r->cell_siemens[k];
        double got = d->s.branch_amp.cells[input * cells + k];
        if (u == u && w == w && !(quad_abs(got - g * (u - w)) <= (quad)1e-10 * g * (quad_abs(u) + quad_abs(w))))
            blame(t, CELLS, seed, "got, want", got, (double)(g * (u - w)));
    }
}

static void judge(struct tally *t, unsigned long long seed, const struct random_crossbar *r, const struct solved *d,
                  enum xo_engine engine, const struct exact *exact, int conflict)
{
    int want = conflict ? XO_ECONFLICT : 0;
    t->conflicts += conflict;
    if (d->status == XO_EUNSUPPORTED && !engine_takes(engine, &r->x)) {
        t->refused++;
        return;
    }
    if (d->status != want)
        blame(t, VERDICT, seed, d->info.text, d->status, want);
    if (d->stage < 4 || conflict || (d->status && d->status != XO_ENOTPROVEN))
        return;
    for (size_t input = 0; input < d->inputs; input++) {
        for (size_t j = 0; j < d->columns; j++)
            judge_column(t, seed, d, &exact[input], input, j);
        judge_nodes(t, seed, d, &exact[input], input);
        judge_cells(t, seed, r, d, &exact[input], input);
    }
}

/* The exact answers for every input; sets *conflict if one of them has none.  Returns the reference's status. */
static int solve_exactly(struct exact *exact, struct reference *reference, const struct random_crossbar *r,
                         int *conflict)
{
    size_t rows = r->x.rows, columns = r->x.columns;
    for (size_t input = 0; input < r->inputs; input++) {
        struct exact *x = &exact[input];
        const double *row_volt = r->row_volt + input * rows;
        *x = (struct exact){reference, calloc(columns, sizeof(quad)), calloc(columns, sizeof(quad)),
                            calloc(2 * rows * columns, sizeof(quad))};
        int status = reference_run(reference, row_volt, x->column_amp, x->node_volt);
        if (status == REFERENCE_CONFLICT)
            *conflict = 1;
        else if (status || (status = reference_scale(reference, row_volt, x->scale_amp)))
            return status;
    }
    return 0;
}

static void free_exact(struct exact *exact, size_t inputs)
{
    for (size_t input = 0; input < inputs; input++) {
        free(exact[input].column_amp);
        free(exact[input].scale_amp);
        free(exact[input].node_volt);
    }
}

static struct random_crossbar *case_of(unsigned long long seed)
{
    static const size_t inputs[8] = {1, 1, 1, 1, 3, 3, 9, 17};
    static const int features[4] = {0, RANDOM_LINES | RANDOM_FAULTS, RANDOM_ALL, RANDOM_ALL};
    unsigned long long state = seed;
    double a = tap_uniform(&state), b = tap_uniform(&state), c = tap_uniform(&state);
    return random_crossbar(seed, 1 + (size_t)(12 * a * a), 1 + (size_t)(12 * b * b), inputs[(size_t)(8 * c)],
                           features[seed % 4]);
}

/* Returns 0 if the reference had no answer. */
static int try_case(unsigned long long seed, struct tally tally[ENGINES], int talk)
{
    struct random_crossbar *r = case_of(seed);
    struct reference *reference = reference_new(&r->x, r->cell_siemens, NULL);
    struct exact exact[17] = {{0}};
    int conflict = 0, status = reference ? solve_exactly(exact, reference, r, &conflict) : REFERENCE_NO_MEMORY;
    if (status || talk)
        printf("# seed %llu: %zux%zu, %zu inputs: reference status %d, conflict %d\n", seed, r->x.rows, r->x.columns,
               r->inputs, status, conflict);
    for (int e = 0; !status && e < ENGINES; e++) {
        struct solved *d = solved_random(r, every_engine[e]);
        if (talk)
            printf("# %s: stage %d status %d %s\n", xo_engine_name(every_engine[e]), d->stage, d->status,
                   d->info.text);
        judge(&tally[e], seed, r, d, every_engine[e], exact, conflict);
        solved_free(d);
    }
    free_exact(exact, 17);
    reference_free(reference);
    random_crossbar_free(r);
    return status == 0;
}

int main(int argc, char **argv)
{
    unsigned long long from = 1, to = getenv("CROSSOHM_LONG") ? 20000 : 2000;
    struct tally tally[ENGINES] = {{{0}, 0, 0, 0, 0, 0, 0}};
    int unanswered = 0;
    if (argc > 1)
        from = to = strtoull(argv[1], NULL, 10);
    for (unsigned long long seed = from; seed <= to; seed++)
        unanswered += !try_case(seed, tally, argc > 1);
    tap_ok(unanswered == 0, "the reference answered seeds %llu to %llu", from, to);
    for (int e = 0; e < ENGINES; e++) {
        const char *engine = xo_engine_name(every_engine[e]);
        printf("# %s: %d conflicts, %d shared currents, %d arrays refused\n", engine, tally[e].conflicts,
               tally[e].shared, tally[e].refused);
        printf("# %s: worst error/s %.2g, worst bound/s %.2g, largest error/bound %.2g\n",
               engine, tally[e].worst_error, tally[e].worst_bound,
               tally[e].tightest);
        for (int fact = 0; fact < FACTS; fact++)
            tap_ok(tally[e].wrong[fact] == 0, "%s: %s", engine, fact_text[fact]);
    }
    return tap_done();
}
