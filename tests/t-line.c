/* Engine line: every output as another engine gives it, at sizes that do not fit its tiles; the same bytes on every
 * instruction set and for any number of threads; and engine auto, which chooses it, and gives it up where it fails.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <float.h>
#include "line.h"
#include "solved.h"
#include "simd.h"
#include "tap.h"

/* ---- against cholmod ------------------------------------------------------------------------------- */

/* Largest |got - want| over `scale`, or over the largest |want| where scale is 0; infinite unless NaN meets NaN. */
static double gap(const double *got, const double *want, size_t count, double scale)
{
    double worst = 0, largest = scale;
    for (size_t k = 0; k < count && scale == 0; k++)
        largest = fabs(want[k]) > largest ? fabs(want[k]) : largest;
    for (size_t k = 0; k < count; k++)
        if (isnan(got[k]) != isnan(want[k]))
            return INFINITY;
        else if (fabs(got[k] - want[k]) > worst)
            worst = fabs(got[k] - want[k]);
    return worst > 0 ? worst / largest : 0;
}

static double branch_gap(const struct xo_branch_values *a, const struct xo_branch_values *b, const struct solved *d,
                         double scale)
{
    size_t m = d->rows, n = d->columns, inputs = d->inputs;
    double worst = gap(a->cells, b->cells, inputs * m * n, scale);
    worst = fmax(worst, gap(a->row_wires, b->row_wires, inputs * m * (n - 1), scale));
    worst = fmax(worst, gap(a->column_wires, b->column_wires, inputs * (m - 1) * n, scale));
    worst = fmax(worst, gap(a->drivers, b->drivers, inputs * xo_circuit_drive_ends(d->circuit) * m, scale));
    return fmax(worst, gap(a->senses, b->senses, inputs * xo_circuit_sense_ends(d->circuit) * n, scale));
}

static double power_gap(const struct xo_solution *a, const struct xo_solution *b, const struct solved *d)
{
    double worst = gap(a->word_line_watt, b->word_line_watt, d->inputs * d->rows, 0);
    worst = fmax(worst, gap(a->bit_line_watt, b->bit_line_watt, d->inputs * d->columns, 0));
    worst = fmax(worst, gap(a->cell_watt, b->cell_watt, d->inputs, 0));
    return fmax(worst, gap(a->source_watt, b->source_watt, d->inputs, 0));
}

static int same_islands(const struct solved *a, const struct solved *b)
{
    size_t count = xo_factor_islands(a->factor);
    int same = count == xo_factor_islands(b->factor);
    for (size_t k = 0; same && k < count; k++) {
        char x[200], y[200];
        xo_factor_island_name(a->factor, k, x, sizeof x);
        xo_factor_island_name(b->factor, k, y, sizeof y);
        same = !strcmp(x, y);
    }
    return same;
}

#define LARGE_GRADIENT 1e-3            /* [A/S]: 0.2 V across a cell, and 1 V of the adjoint, give up to 0.2 */

static double gradient_gap(const struct solved *a, const struct solved *b, const double *row_volt, int *status)
{
    struct xo_branch_values x, y;
    size_t column = a->columns / 2;
    branch_values_new(&x, a->circuit, a->inputs, a->rows, a->columns);
    branch_values_new(&y, a->circuit, a->inputs, a->rows, a->columns);
    *status = xo_gradient(a->factor, a->inputs, row_volt, column, &x, NULL);
    *status = *status ? *status : xo_gradient(b->factor, b->inputs, row_volt, column, &y, NULL);
    double worst = *status ? INFINITY : branch_gap(&x, &y, a, LARGE_GRADIENT);
    branch_values_free(&x);
    branch_values_free(&y);
    return worst;
}

/* One random array by both engines. */
static void compare(unsigned long long seed, double worst[6], int *islands)
{
    static const size_t sizes[][2] = {{1, 1}, {1, 30}, {30, 1}, {8, 8}, {9, 17}, {16, 7}, {23, 41}, {2, 300}};
    const size_t *size = sizes[seed % 8];
    struct random_crossbar *r = random_crossbar(seed, size[0], size[1], 2, seed / 8 % 2 ? RANDOM_ALL : RANDOM_LINES);
    random_crossbar_only_lines(r);
    struct solved *a = solved_random(r, XO_ENGINE_LINE), *b = solved_random(r, XO_ENGINE_STARMESH);
    int status = a->status || b->status, graded = 0;
    double scale = 0;
    for (size_t k = 0; !status && k < 2 * size[1]; k++)
        scale = fmax(scale, b->s.scale_amp[k]);
    if (status) {
        printf("# seed %llu: line %d %s; starmesh %d\n", seed, a->status, a->info.text, b->status);
        worst[0] = b->status == XO_ENOTPROVEN ? worst[0] : INFINITY;
        *islands += b->status == XO_ENOTPROVEN;
    } else {
        worst[0] = fmax(worst[0], gap(a->s.column_amp, b->s.column_amp, 2 * size[1], scale));
        worst[1] = fmax(worst[1], gap(a->s.node_volt, b->s.node_volt, 4 * size[0] * size[1], 0));
        worst[2] = fmax(worst[2], branch_gap(&a->s.branch_amp, &b->s.branch_amp, a, 0));
        worst[3] = fmax(worst[3], power_gap(&a->s, &b->s, a));
        double graded_gap = gradient_gap(a, b, r->row_volt, &graded);
        if (!(graded_gap < 1e-9))
            printf("# seed %llu: gradient %g, status %d\n", seed, graded_gap, graded);
        worst[4] = fmax(worst[4], graded_gap);
        worst[5] = fmax(worst[5], a->s.worst_power_rel);
        *islands += same_islands(a, b);
    }
    solved_free(a);
    solved_free(b);
    random_crossbar_free(r);
}

static void outputs_are_those_of_starmesh(void)
{
    static const char *const what[6] = {"currents", "node voltages", "branch currents", "power", "gradients",
                                        "power in is power dissipated"};
    enum { CASES = 160 };
    double worst[6] = {0};
    int islands = 0;
    for (unsigned long long seed = 1; seed <= CASES; seed++)
        compare(seed, worst, &islands);
    for (int k = 0; k < 6; k++) {
        printf("# worst %.2g\n", worst[k]);
        tap_ok(worst[k] < 1e-9, "%d random arrays by line and by starmesh: %s", CASES, what[k]);
    }
    tap_ok(islands == CASES, "and the same islands by the same names");
}

/* ---- the same bytes --------------------------------------------------------------------------------- */

struct plain { size_t rows, columns, inputs; double *cell_siemens, *row_volt; struct xo_crossbar x; };

static struct plain plain_array(size_t rows, size_t columns, size_t inputs, double low, double high, double wire_ohm)
{
    unsigned long long state = rows * 1000 + columns;
    struct plain p = {rows, columns, inputs, marked_array(rows * columns), marked_array(inputs * rows),
                      xo_crossbar_default(rows, columns)};
    p.x.row_wire_ohm.all = p.x.column_wire_ohm.all = wire_ohm;
    for (size_t k = 0; k < rows * columns; k++)
        p.cell_siemens[k] = low + (high - low) * tap_uniform(&state);
    for (size_t k = 0; k < inputs * rows; k++)
        p.row_volt[k] = 0.2 * tap_uniform(&state);
    return p;
}

static void plain_free(struct plain *p)
{
    free(p->cell_siemens);
    free(p->row_volt);
}

/* Currents, bounds and voltages by so many threads on that instruction set; why that engine. */
static double *bytes_by(const struct plain *p, struct xo_options options, char reason[100])
{
    size_t currents = p->inputs * p->columns, nodes = p->inputs * 2 * p->rows * p->columns;
    xo_circuit *circuit = NULL;
    xo_plan *plan = NULL;
    xo_factor *factor = NULL;
    double *out = marked_array(2 * currents + nodes);
    struct xo_solution s = {.column_amp = out, .bound_amp = out + currents, .node_volt = out + 2 * currents};
    int status = xo_circuit_new(&circuit, &p->x, NULL) || xo_plan_new(&plan, circuit, &options, NULL)
                 || xo_factor_new(&factor, plan, p->cell_siemens, NULL);
    if (status || xo_solve(factor, p->inputs, p->row_volt, &s, NULL))
        out[0] = NAN;
    else
        snprintf(reason, 100, "%s", xo_factor_reason(factor));
    xo_factor_free(factor);
    xo_plan_free(plan);
    xo_circuit_free(circuit);
    return out;
}

static double *bytes_of(const struct plain *p, int threads, enum xo_simd simd)
{
    struct xo_options options = {.engine = XO_ENGINE_LINE, .threads = threads, .simd = simd};
    return bytes_by(p, options, (char [100]){""});
}

static void the_bytes_are_the_same(void)
{
    struct plain p = plain_array(270, 261, 2, 1e-6, 1e-4, 1);
    size_t nbytes = (2 * p.inputs * p.columns + p.inputs * 2 * p.rows * p.columns) * sizeof(double);
    double *one = bytes_of(&p, 1, XO_SIMD_BEST), *other[4];
    other[0] = bytes_of(&p, 2, XO_SIMD_BEST);
    other[1] = bytes_of(&p, 5, XO_SIMD_BEST);
    other[2] = bytes_of(&p, 1, XO_SIMD_PORTABLE);
    other[3] = bytes_of(&p, 1, XO_SIMD_AVX2);
    tap_ok(!isnan(one[0]), "270x261 is solved");
    tap_ok(!memcmp(one, other[0], nbytes) && !memcmp(one, other[1], nbytes),
           "1, 2 and 5 threads that share an input give the same bytes");
    tap_ok(!memcmp(one, other[2], nbytes), "so do the portable kernels");
    tap_ok(!memcmp(one, other[3], nbytes), "and those for AVX2, or what this machine has");
    for (int k = 0; k < 4; k++)
        free(other[k]);
    free(one);
    plain_free(&p);
}

/* ---- kernels that lie are found out ------------------------------------------------------------------ */

static const struct xo_line_kernels *honest;

static double weak_apply(const struct xo_line_grid *n, size_t tile_row, const double *p, double *q)
{
    double dot = honest->apply(n, tile_row, p, q);
    for (size_t at = 0; tile_row == 0 && at < XO_TILE_CELLS; at++)
        q[at] *= 0.5;
    return dot;
}

static double nan_reduce(const struct xo_line_grid *n, size_t from, size_t to, double alpha, const double *q,
                         double *s)
{
    honest->reduce(n, from, to, alpha, q, s);
    return NAN;
}

static void wrong_solve(const struct xo_line_grid *n, size_t tile_row, const double *rhs, const double *y,
                        double *out)
{
    honest->word_solve(n, tile_row, rhs, y, out);
    for (size_t at = 0; at < XO_TILE_CELLS; at++)
        out[tile_row * n->tile_columns * XO_TILE_CELLS + at] *= 1.001;
}

static void flat_direction(const struct xo_line_grid *n, size_t from, size_t to, double alpha, double beta,
                           const double *s, double *p, double *y)
{
    honest->direction(n, from, to, alpha, beta, s, p, y);
    y[0] = 1;
}

/* Either the answer is right, or XO_ENOTPROVEN: never a false bound. */
static void a_lie_is_found_out(const struct xo_line_kernels *lying, const char *what)
{
    struct plain p = plain_array(20, 19, 1, 1e-5, 1e-4, 5);
    struct solved *want = solved(&p.x, p.cell_siemens, 1, p.row_volt, XO_ENGINE_STARMESH);
    struct solved *got = solved(&p.x, p.cell_siemens, 1, p.row_volt, XO_ENGINE_LINE);
    ((struct xo_lines *)got->factor->state)->kernel = lying;
    int status = xo_solve(got->factor, 1, p.row_volt, &got->s, NULL), true_bounds = 1;
    for (size_t j = 0; j < p.columns; j++) {
        double bound = got->s.bound_amp[j], error = fabs(got->s.column_amp[j] - want->s.column_amp[j]);
        true_bounds &= error <= bound * (1 + 1e-6) + want->s.bound_amp[j] || isinf(bound);
    }
    printf("# %s: status %d, worst bound %.2g\n", what, status, got->s.worst_bound_rel);
    tap_ok(true_bounds && (!status || status == XO_ENOTPROVEN), "a lie in %s brings no false bound", what);
    solved_free(want);
    solved_free(got);
    plain_free(&p);
}

static void lies(void)
{
    struct plain p = plain_array(2, 2, 1, 1e-5, 1e-4, 5);
    struct solved *d = solved(&p.x, p.cell_siemens, 1, p.row_volt, XO_ENGINE_LINE);
    honest = ((struct xo_lines *)d->factor->state)->kernel;
    struct xo_line_kernels lying = *honest;
    lying.apply = weak_apply;
    a_lie_is_found_out(&lying, "apply");
    lying = *honest;
    lying.reduce = nan_reduce;
    a_lie_is_found_out(&lying, "reduce");
    lying = *honest;
    lying.word_solve = wrong_solve;
    a_lie_is_found_out(&lying, "word_solve");
    lying = *honest;
    lying.direction = flat_direction;
    a_lie_is_found_out(&lying, "direction");
    solved_free(d);
    plain_free(&p);
}

/* ---- hard arrays, and auto --------------------------------------------------------------------------- */

static void hard_arrays_are_certified(void)
{
    static const struct { size_t side; double ohm; } hard[] = {{64, 10}, {128, 10}, {256, 100}};
    for (size_t k = 0; k < sizeof hard / sizeof *hard; k++) {
        struct plain p = plain_array(hard[k].side, hard[k].side, 1, 1e-4, 1e-3, hard[k].ohm);
        double *amp = marked_array(hard[k].side);
        struct solved *d = solved(&p.x, p.cell_siemens, 1, p.row_volt, XO_ENGINE_LINE);
        int status = solved_currents(&p.x, p.cell_siemens, 1, p.row_volt, XO_ENGINE_CHOLMOD, amp), right = !status;
        for (size_t j = 0; right && j < p.columns; j++)
            right = fabs(amp[j] - d->s.column_amp[j]) <= d->s.bound_amp[j] + 4 * DBL_EPSILON * amp[j];
        printf("# %zu: %d iterations, bound %.2g\n", p.rows, d->s.iterations, d->s.worst_bound_rel);
        tap_ok(!d->status && right && d->s.worst_bound_rel < 1e-10, "%zux%zu, 1k-10k ohm, %g ohm wires: certified to "
               "1e-10, and as cholmod", p.rows, p.rows, hard[k].ohm);
        solved_free(d);
        free(amp);
        plain_free(&p);
    }
}

/* What auto settles on for so many inputs. */
static enum xo_engine choice(const struct plain *p, size_t inputs, char *reason, size_t size)
{
    struct xo_options options = {.inputs = inputs};
    xo_circuit *circuit = NULL;
    xo_plan *plan = NULL;
    xo_factor *factor = NULL;
    enum xo_engine engine = XO_ENGINE_AUTO;
    if (!xo_circuit_new(&circuit, &p->x, NULL) && !xo_plan_new(&plan, circuit, &options, NULL)
        && !xo_factor_new(&factor, plan, p->cell_siemens, NULL)) {
        engine = xo_factor_engine(factor);
        snprintf(reason, size, "%s", xo_factor_reason(factor));
    }
    xo_factor_free(factor);
    xo_plan_free(plan);
    xo_circuit_free(circuit);
    return engine;
}

static void auto_weighs_inputs_and_numbers(void)
{
    char reason[200] = "";
    struct plain easy = plain_array(64, 64, 1, 1e-6, 1e-5, 1), hard = plain_array(64, 64, 1, 1e-4, 1e-3, 1000);
    tap_ok(choice(&easy, 1, reason, sizeof reason) == XO_ENGINE_LINE && strstr(reason, "conjugate"),
           "auto takes line for one input: %s", reason);
    tap_ok(choice(&hard, 5000, reason, sizeof reason) == XO_ENGINE_CHOLMOD && reason[0],
           "auto takes a factor for many inputs of a hard array: %s", reason);
    hard.x.word_bridge = &(struct xo_bridge){3, 3, 100};
    hard.x.word_bridge_count = 1;
    tap_ok(choice(&hard, 1, reason, sizeof reason) == XO_ENGINE_CHOLMOD, "auto goes direct where lines are bridged");
    plain_free(&easy);
    plain_free(&hard);
}

/* Line finds no certificate here: drivers of 1e20 ohm leave K w positive by less than its rounding. */
static void auto_falls_back(void)
{
    struct plain p = plain_array(12, 12, 1, 1e-4, 1e-3, 1e-6);
    p.x.driver_ohm.all = p.x.sense_ohm.all = 1e12;
    struct solved *line = solved(&p.x, p.cell_siemens, 1, p.row_volt, XO_ENGINE_LINE);
    struct solved *automatic = solved(&p.x, p.cell_siemens, 1, p.row_volt, XO_ENGINE_AUTO);
    printf("# line: status %d, bound %.2g; auto: %s, status %d, bound %.2g\n", line->status, line->s.worst_bound_rel,
           xo_engine_name(xo_factor_engine(automatic->factor)), automatic->status, automatic->s.worst_bound_rel);
    tap_ok(line->status == XO_ENOTPROVEN, "line says so where it proves too little");
    tap_ok(!automatic->status && xo_factor_engine(automatic->factor) != XO_ENGINE_LINE
           && automatic->s.worst_bound_rel < 1e-9, "auto then turns to another engine, and is certified: %s",
           xo_factor_reason(automatic->factor));
    solved_free(line);
    solved_free(automatic);
    plain_free(&p);
}

/* More inputs than it pays for: the first one tells, with any number of threads. */
static void auto_gives_up(void)
{
    enum { INPUTS = 40 };
    struct plain p = plain_array(64, 60, INPUTS, 1e-4, 1e-3, 250);
    char reason[200] = "", why[100] = "";
    double *one = bytes_by(&p, (struct xo_options){.inputs = INPUTS, .threads = 1, .simd = tests_simd()}, why);
    double *three = bytes_by(&p, (struct xo_options){.inputs = INPUTS, .threads = 3, .simd = tests_simd()}, why);
    double *amp = marked_array(INPUTS * p.columns);
    size_t nbytes = 2 * p.inputs * p.columns * sizeof(double);
    tap_ok(choice(&p, INPUTS, reason, sizeof reason) == XO_ENGINE_LINE, "auto begins with line: %s", reason);
    tap_ok(strstr(why, "slowly") != NULL, "and gives it up after the first of %d inputs: %s", INPUTS, why);
    tap_ok(!memcmp(one, three, nbytes), "with one thread as with three: the same bytes");
    int status = solved_currents(&p.x, p.cell_siemens, INPUTS, p.row_volt, XO_ENGINE_STARMESH, amp), right = !status;
    for (size_t k = 0; k < INPUTS * p.columns; k++)
        right &= fabs(one[k] - amp[k]) <= one[INPUTS * p.columns + k] + 1e-13 * amp[k];
    tap_ok(right, "and the currents are those of starmesh");
    free(one);
    free(three);
    free(amp);
    plain_free(&p);
}

static void a_matrix_by_auto_is_factored(void)
{
    enum { ROWS = 40, COLUMNS = 31 };
    struct plain p = plain_array(ROWS, COLUMNS, 1, 1e-6, 1e-5, 2);
    struct solved *d = solved(&p.x, p.cell_siemens, 1, p.row_volt, XO_ENGINE_AUTO);
    double matrix[ROWS * COLUMNS], amp = 0;
    struct xo_matrix_result m = {.g_ni_siemens = matrix};
    int began_as_line = xo_factor_engine(d->factor) == XO_ENGINE_LINE, status = xo_matrix(d->factor, &m, NULL);
    for (size_t i = 0; i < ROWS; i++)
        amp += matrix[i * COLUMNS + 3] * p.row_volt[i];
    tap_ok(began_as_line && !status && fabs(amp - d->s.column_amp[3]) < 1e-13 * amp,
           "auto began as line; its matrix comes from a factor, and gives the same current");
    solved_free(d);
    plain_free(&p);
}

int main(void)
{
    outputs_are_those_of_starmesh();
    the_bytes_are_the_same();
    lies();
    hard_arrays_are_certified();
    auto_weighs_inputs_and_numbers();
    auto_falls_back();
    auto_gives_up();
    a_matrix_by_auto_is_factored();
    return tap_done();
}
