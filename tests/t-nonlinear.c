/* Nonlinear cells against an independent Newton in quadruple precision: the arrays of the manual's promises, every
 * law and cell type by every engine, and 200 seeded random hard arrays (2,000 with CROSSOHM_LONG).
 *     t-nonlinear [CASE]     one random case alone
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

#define COUNT(list) (sizeof (list) / sizeof *(list))

/* ---- laws ------------------------------------------------------------------------------------------ */

static const double cubic[] = {1, 0.2, 1.5}, mild[] = {1, -0.3, 0.8, 0, 2};
static const struct xo_law_level one_list[] = {{.count = 3, .coefficient = cubic}};
static const struct xo_law_level two_lists[] = {{.siemens = 1e-6, .count = 3, .coefficient = cubic},
                                                {.siemens = 1e-4, .count = 5, .coefficient = mild}};
/* Points with a kink, a flat piece and no symmetry. */
static const double measured_volt[] = {-1.5, -0.8, -0.5, -0.2, 0.1, 0.2, 0.3, 0.35, 0.5, 0.9, 1.5};
static const double low_amp[] = {-9e-6, -2.3e-6, -1e-6, -2.5e-7, 1.2e-7, 2.4e-7, 4.2e-7, 4.2e-7, 9e-7, 2.5e-6, 8e-6};
static const double high_amp[] = {-4e-4, -1.3e-4, -6e-5, -2.1e-5, 1e-5, 2.1e-5, 3.3e-5, 4.2e-5, 6.6e-5, 1.5e-4,
                                  4.4e-4};
static const struct xo_law_level curves[] = {{.count = 11, .volt = measured_volt, .amp = low_amp},
                                             {.count = 11, .volt = measured_volt, .amp = high_amp}};

static const struct xo_device_law sinh_law = {.law = XO_LAW_SINH, .reference_volt = 0.5, .v0_volt = 0.25};
static const struct xo_device_law steep_law = {.law = XO_LAW_SINH, .reference_volt = 1, .v0_volt = 0.1};
static const struct xo_device_law slope_law = {.law = XO_LAW_SINH, .v0_volt = 0.3};
static const struct xo_device_law polynomial_law = {.law = XO_LAW_POLYNOMIAL, .reference_volt = 0.3, .levels = 1,
                                                    .level = one_list};
static const struct xo_device_law levels_law = {.law = XO_LAW_POLYNOMIAL, .reference_volt = 0.2, .levels = 2,
                                                .level = two_lists};
static const struct xo_device_law table_law = {.law = XO_LAW_TABLE, .reference_volt = 0.2, .levels = 2,
                                               .level = curves};
static const double straight[] = {1};
static const struct xo_law_level straight_list[] = {{.count = 1, .coefficient = straight}};
static const struct xo_device_law straight_law = {.law = XO_LAW_POLYNOMIAL, .reference_volt = 1, .levels = 1,
                                                  .level = straight_list};
static const struct xo_device_law ohmic_law = {.law = XO_LAW_OHMIC};
static const struct xo_device_law selector_law = {.law = XO_LAW_SINH, .v0_volt = 0.02606};

/* ---- cases ----------------------------------------------------------------------------------------- */

struct instance {
    struct xo_crossbar x;
    double *siemens, *volt;
};

struct range { double low, high; };

static double *draw(size_t count, struct range r, bool logarithmic, unsigned long long *seed)
{
    double *value = marked_array(count);
    for (size_t k = 0; k < count; k++) {
        double t = tap_uniform(seed);
        value[k] = logarithmic ? r.low * pow(r.high / r.low, t) : r.low + (r.high - r.low) * t;
    }
    return value;
}

static struct instance instance_new(size_t rows, size_t columns, const struct xo_device_law *law,
                                    struct range siemens, struct range volt, unsigned long long *seed)
{
    struct instance a = {.x = xo_crossbar_default(rows, columns)};
    a.x.law = *law;
    a.x.row_wire_ohm.all = 1;
    a.x.column_wire_ohm.all = 1.5;
    a.x.driver_ohm.all = 20;
    a.x.sense_ohm.all = 10;
    a.siemens = draw(rows * columns, siemens, true, seed);
    a.volt = draw(rows, volt, false, seed);
    return a;
}

static void add_selector(struct instance *a, double siemens)
{
    a->x.cell_type = XO_CELL_1S1R;
    a->x.selector = selector_law;
    a->x.selector_siemens = siemens;
}

static void instance_free(struct instance *a)
{
    free(a->siemens);
    free(a->volt);
}

/* ---- judging --------------------------------------------------------------------------------------- */

struct verdict {
    bool solved, referred, within_bound;
    double bound, error, power, lost;  /* over s_j; bound and error the worst */
};

static struct verdict judge(const struct instance *a, enum xo_engine engine, const quad *exact)
{
    struct solved *d = solved(&a->x, a->siemens, 1, a->volt, engine);
    struct verdict v = {.solved = d->status == 0, .referred = true, .within_bound = true};
    double ideal = 0, sum = 0, slope;
    if (!v.solved)
        printf("# %s\n", d->info.text);
    for (size_t j = 0; v.solved && j < a->x.columns; j++) {
        double scale = d->s.scale_amp[j], bound = d->s.bound_amp[j];
        quad error = quad_abs(d->s.column_amp[j] - exact[j]);
        v.within_bound &= error <= bound + (quad)1e-18 * scale;
        v.bound = fmax(v.bound, bound / scale);
        v.error = fmax(v.error, (double)error / scale);
        sum += d->s.column_amp[j];
        for (size_t i = 0; i < a->x.rows; i++)
            ideal += (double)newton_reference_cell(&a->x, a->siemens[i * a->x.columns + j], 0, a->volt[i], &slope);
    }
    v.power = d->s.worst_power_rel;
    v.lost = 1 - sum / ideal;
    solved_free(d);
    return v;
}

static struct verdict compare(const struct instance *a, enum xo_engine engine)
{
    quad *exact = calloc(a->x.columns, sizeof *exact);
    struct verdict v = {0};
    if (exact && newton_reference(&a->x, a->siemens, a->volt, exact) == 0)
        v = judge(a, engine, exact);
    free(exact);
    return v;
}

static void agrees(struct instance *a, enum xo_engine engine, const char *what)
{
    struct verdict v = compare(a, engine);
    printf("# %zux%zu %s: error %.2g, bound %.2g of scale, power %.2g, lost %.4g\n", a->x.rows, a->x.columns, what,
           v.error, v.bound, v.power, v.lost);
    tap_ok(v.referred && v.solved && v.within_bound && v.bound <= 1e-11 && v.power <= 1e-12,
           "%zux%zu %s, %s: as an independent Newton, within the bound", a->x.rows, a->x.columns, what,
           xo_engine_name(engine));
    instance_free(a);
}

static void every_law_and_cell_type_by_every_engine(void)
{
    static const struct { const char *name; const struct xo_device_law *law; } laws[] = {
        {"sinh", &sinh_law}, {"sinh by slope", &slope_law}, {"polynomial", &polynomial_law},
        {"polynomial by level", &levels_law}, {"table", &table_law}, {"ohmic", &ohmic_law},
    };
    unsigned long long seed = 1;
    for (size_t k = 0; k < COUNT(laws); k++)
        for (int type = 0; type < 4; type++) {
            char name[80];
            struct instance a = instance_new(7, 5, laws[k].law, (struct range){1e-6, 1e-4}, (struct range){-0.5, 0.5},
                                             &seed);
            a.x.series_ohm.all = type & 1 ? 3000 : 0;
            if (type & 2)
                add_selector(&a, 1e-6);
            snprintf(name, sizeof name, "%s%s%s", laws[k].name, type & 2 ? ", selector" : "", type & 1 ? ", series"
                     : "");
            if (laws[k].law == &ohmic_law && !(type & 2))
                instance_free(&a);
            else
                agrees(&a, every_engine[(k + (size_t)type) % NETWORK_ENGINES], name);
        }
}

static void the_arrays_promised(void)
{
    unsigned long long seed = 2;
    struct instance a = instance_new(24, 17, &sinh_law, (struct range){1e-5, 1e-4}, (struct range){0, 0.5}, &seed);
    agrees(&a, XO_ENGINE_CHOLMOD, "sinh");
    a = instance_new(40, 64, &steep_law, (struct range){2e-3, 2e-2}, (struct range){0, 1}, &seed);
    a.x.row_wire_ohm.all = 60;
    a.x.column_wire_ohm.all = 80;
    a.x.driver_ohm.all = 300;
    agrees(&a, XO_ENGINE_CHOLMOD, "sinh, nearly all current lost");
    a = instance_new(20, 31, &polynomial_law, (struct range){1e-6, 1e-4}, (struct range){-0.6, 0.6}, &seed);
    agrees(&a, XO_ENGINE_CHOLMOD, "polynomial, inputs of both signs");
    a = instance_new(1, 5, &sinh_law, (struct range){1e-6, 1e-4}, (struct range){0.1, 0.5}, &seed);
    agrees(&a, XO_ENGINE_CHOLMOD, "sinh");
    a = instance_new(128, 96, &sinh_law, (struct range){1e-5, 1e-4}, (struct range){0, 0.5}, &seed);
    agrees(&a, XO_ENGINE_CHOLMOD, "sinh");
    a = instance_new(8, 6, &straight_law, (struct range){1e-6, 1e-4}, (struct range){0, 0.5}, &seed);
    agrees(&a, XO_ENGINE_CHOLMOD, "polynomial that is a line: it begins at the solution");
    a = instance_new(12, 9, &table_law, (struct range){1e-6, 1e-4}, (struct range){-0.7, 0.7}, &seed);
    a.x.sense_volt.all = 0.15;
    agrees(&a, XO_ENGINE_CHOLMOD, "table, sense voltage");
}

static void hard_arrays_converge(void)
{
    unsigned long long seed = 3;
    struct instance a = instance_new(32, 32, &steep_law, (struct range){1e-4, 1e-3}, (struct range){0, 1}, &seed);
    a.x.row_wire_ohm.all = a.x.column_wire_ohm.all = 10;
    agrees(&a, XO_ENGINE_CHOLMOD, "sinh v0 0.1 V at 1 V, 10 ohm wires");
    a = instance_new(16, 11, &ohmic_law, (struct range){1e-6, 1e-4}, (struct range){0, 1}, &seed);
    add_selector(&a, 1e-12);
    agrees(&a, XO_ENGINE_CHOLMOD, "selectors of 60 mV per decade");
    a = instance_new(10, 16, &steep_law, (struct range){1e-4, 1e-4}, (struct range){1, 1}, &seed);
    agrees(&a, XO_ENGINE_CHOLMOD, "all on");
    a = instance_new(10, 16, &steep_law, (struct range){1e-9, 1e-9}, (struct range){1, 1}, &seed);
    agrees(&a, XO_ENGINE_CHOLMOD, "all off");
    a = instance_new(9, 14, &selector_law, (struct range){1e-9, 1e-7}, (struct range){-1, 1}, &seed);
    agrees(&a, XO_ENGINE_CHOLMOD, "bare exponentials of 60 mV per decade");
}

static double log_uniform(double low, double high, unsigned long long *seed)
{
    return low * pow(high / low, tap_uniform(seed));
}

/* Steep laws, decades of conductance, wires that take most of the voltage, selectors, series resistance. */
static struct instance random_hard(unsigned long long *seed)
{
    static const struct xo_device_law *const laws[] = {&sinh_law, &polynomial_law, &levels_law, &table_law,
                                                       &ohmic_law};
    struct xo_device_law law = *laws[(size_t)(tap_uniform(seed) * 4.999)];
    size_t rows = 1 + (size_t)(tap_uniform(seed) * 9), columns = 1 + (size_t)(tap_uniform(seed) * 9);
    double volt = law.law == XO_LAW_TABLE ? 0.7 : 1.5, low = tap_uniform(seed) < 0.5 ? -volt : 0;
    struct range siemens = {1e-8, 1e-3};
    if (law.law == XO_LAW_SINH)
        law.v0_volt = log_uniform(0.02, 0.5, seed);
    if (law.law == XO_LAW_TABLE)
        siemens = (struct range){7e-7, 1.5e-4};
    struct instance a = instance_new(rows, columns, &law, siemens, (struct range){low, volt}, seed);
    a.x.row_wire_ohm.all = log_uniform(0.01, 100, seed);
    a.x.column_wire_ohm.all = log_uniform(0.01, 100, seed);
    a.x.driver_ohm.all = log_uniform(1, 1e4, seed);
    a.x.sense_ohm.all = log_uniform(1, 1e4, seed);
    if (tap_uniform(seed) < 0.4)
        a.x.series_ohm.all = log_uniform(10, 1e5, seed);
    if (tap_uniform(seed) < 0.4 || law.law == XO_LAW_OHMIC)
        add_selector(&a, log_uniform(1e-13, 1e-5, seed));
    return a;
}

static void random_hard_arrays_converge(unsigned long long first, int cases)
{
    int solved_count = 0, within = 0, referred = 0;
    double bound = 0, error = 0;
    for (int k = 0; k < cases; k++) {
        unsigned long long seed = 1000 + first + (unsigned long long)k;
        struct instance a = random_hard(&seed);
        struct verdict v = compare(&a, XO_ENGINE_AUTO);
        if (!v.referred || !v.solved || !v.within_bound || v.bound > 1e-9)
            printf("# case %d, law %d, type %d: reference %d, solved %d, error %.3g, bound %.3g\n", k,
                   (int)a.x.law.law, (int)a.x.cell_type, v.referred, v.solved, v.error, v.bound);
        referred += v.referred;
        solved_count += v.solved;
        within += v.within_bound;
        bound = fmax(bound, v.bound);
        error = fmax(error, v.error);
        instance_free(&a);
    }
    printf("# worst error %.2g, worst bound %.2g of scale\n", error, bound);
    tap_ok(solved_count == cases, "%d of %d random hard arrays converge", solved_count, cases);
    tap_ok(referred == cases && within == cases, "no current of theirs is further from an independent Newton than "
           "its bound");
    tap_ok(bound <= 1e-9, "every bound is below 1e-9 of scale");
}

/* ---- where it starts, how far off it is ------------------------------------------------------------ */

/* Input A alone, and behind others that leave the iteration somewhere else: the same within the bounds. */
static void any_start_gives_the_same_answer(void)
{
    unsigned long long seed = 4;
    struct instance a = instance_new(13, 9, &steep_law, (struct range){1e-5, 1e-3}, (struct range){-1, 1}, &seed);
    double *many = marked_array(3 * a.x.rows), worst = 0, bound = 0;
    for (size_t i = 0; i < a.x.rows; i++) {
        many[i] = -5 * a.volt[i];
        many[a.x.rows + i] = i % 2 ? 1.2 : -1.2;
        many[2 * a.x.rows + i] = a.volt[i];
    }
    struct solved *alone = solved(&a.x, a.siemens, 1, a.volt, XO_ENGINE_CHOLMOD);
    struct solved *behind = solved(&a.x, a.siemens, 3, many, XO_ENGINE_CHOLMOD);
    for (size_t j = 0; j < a.x.columns; j++) {
        double scale = alone->s.scale_amp[j];
        worst = fmax(worst, fabs(alone->s.column_amp[j] - behind->s.column_amp[2 * a.x.columns + j]) / scale);
        bound = fmax(bound, 2 * alone->s.bound_amp[j] / scale);
    }
    printf("# apart by %.2g of scale, bounds %.2g\n", worst, bound);
    tap_ok(!alone->status && !behind->status && worst <= bound, "any start gives the same answer");
    solved_free(alone);
    solved_free(behind);
    free(many);
    instance_free(&a);
}

/* Voltages off by `relative`, smoothly (the same share everywhere) or each by its own; then error and bound of every
 * column, against those of the solution. */
static void measure_bound(struct solved *d, double relative, bool smooth, double *most, double *least)
{
    struct xo_newton *n = &d->factor->nonlinear->thread[0];
    const xo_circuit *c = d->factor->plan->circuit;
    unsigned long long seed = 77;
    for (size_t v = 0; v < c->unknowns; v++) {
        double share = relative * (smooth ? 1 : 2 * tap_uniform(&seed) - 1);
        n->volt[v] = dd_add(n->volt[v], dd_two_product(share, n->volt[v].hi));
    }
    xo_newton_currents(n, n->volt);
    xo_newton_prove(n, &d->factor->scratch[0]);
    for (size_t t = c->unknowns + c->rows; t < xo_vertices(c); t++) {
        double error = fabs(n->amp[t].hi - d->s.column_amp[t - c->unknowns - c->rows]);
        *most = fmax(*most, n->bound[t - c->unknowns] / error);
        *least = fmin(*least, n->bound[t - c->unknowns] / error);
    }
}

static void the_bound_is_above_the_error_and_not_far_above(void)
{
    static const double relative[] = {1e-12, 1e-9, 1e-7};
    static const struct xo_device_law *const laws[] = {&sinh_law, &levels_law, &table_law};
    double most = 0, least = INFINITY, ignored = 0;
    for (size_t k = 0; k < COUNT(laws); k++)
        for (size_t r = 0; r < COUNT(relative); r++)
            for (int smooth = 0; smooth < 2; smooth++) {
                unsigned long long seed = 5 + k;
                struct instance a = instance_new(17, 12, laws[k], (struct range){1e-6, 1e-4}, (struct range){0, 0.5},
                                                 &seed);
                struct solved *d = solved(&a.x, a.siemens, 1, a.volt, XO_ENGINE_CHOLMOD);
                if (d->status == 0)
                    measure_bound(d, relative[r], smooth, smooth ? &most : &ignored, &least);
                solved_free(d);
                instance_free(&a);
            }
    printf("# bound over error: at least %.3g, where all voltages are off alike at most %.3g\n", least, most);
    tap_ok(least >= 1, "voltages that are off: no bound below the error");
    tap_ok(most > 0 && most <= 100, "off alike: no bound above 100 times the error");
}

/* An answer so far off that its enclosure tells nothing has no bound, rather than a wrong one. */
static void far_off_nothing_is_proven(void)
{
    unsigned long long seed = 6;
    double most = 0, least = INFINITY;
    struct instance a = instance_new(8, 8, &steep_law, (struct range){1e-4, 1e-3}, (struct range){0.5, 1}, &seed);
    struct solved *d = solved(&a.x, a.siemens, 1, a.volt, XO_ENGINE_CHOLMOD);
    measure_bound(d, 0.3, false, &most, &least);
    tap_ok(least >= 1, "far off: the bound still holds, or is infinite (%.3g)", most);
    solved_free(d);
    instance_free(&a);
}

static void threads_change_nothing(void)
{
    enum { INPUTS = 20 };
    unsigned long long seed = 8;
    struct instance a = instance_new(11, 7, &sinh_law, (struct range){1e-6, 1e-4}, (struct range){-1, 1}, &seed);
    double *volt = draw(INPUTS * a.x.rows, (struct range){-1, 1}, false, &seed);
    double *amp[2] = {marked_array(INPUTS * a.x.columns), marked_array(INPUTS * a.x.columns)};
    xo_circuit *circuit = NULL;
    int status = xo_circuit_new(&circuit, &a.x, NULL);
    for (int k = 0; k < 2 && !status; k++) {
        struct xo_options options = {.engine = XO_ENGINE_CHOLMOD, .threads = 1 + 2 * k};
        struct xo_solution s = {.column_amp = amp[k]};
        xo_plan *plan = NULL;
        xo_factor *factor = NULL;
        status = xo_plan_new(&plan, circuit, &options, NULL);
        if (!status)
            status = xo_factor_new(&factor, plan, a.siemens, NULL);
        if (!status)
            status = xo_solve(factor, INPUTS, volt, &s, NULL);
        xo_factor_free(factor);
        xo_plan_free(plan);
    }
    tap_ok(!status && !memcmp(amp[0], amp[1], INPUTS * a.x.columns * sizeof(double)),
           "1 and 3 threads give the same bytes");
    xo_circuit_free(circuit);
    free(volt);
    free(amp[0]);
    free(amp[1]);
    instance_free(&a);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        random_hard_arrays_converge(strtoull(argv[1], NULL, 10), 1);
        return tap_done();
    }
    every_law_and_cell_type_by_every_engine();
    the_arrays_promised();
    hard_arrays_converge();
    any_start_gives_the_same_answer();
    threads_change_nothing();
    the_bound_is_above_the_error_and_not_far_above();
    far_off_nothing_is_proven();
    random_hard_arrays_converge(0, getenv("CROSSOHM_LONG") ? 2000 : 200);
    return tap_done();
}
