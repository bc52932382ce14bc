/* The exact conductance matrix, I = V^T G_ni + i0, against the quadruple-precision reference, both ways.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <float.h>
#include "reference.h"
#include "solved.h"
#include "tap.h"

struct matrix {
    int status;
    struct xo_matrix_result m;
    struct xo_info info;
};

static struct matrix matrix_new(const struct xo_crossbar *x, const double *cells, enum xo_engine engine)
{
    struct matrix a = {0};
    struct xo_options options = {.engine = engine};
    xo_circuit *circuit = NULL;
    xo_plan *plan = NULL;
    xo_factor *factor = NULL;
    a.m.g_ni_siemens = marked_array(x->rows * x->columns);
    a.m.bound_siemens = marked_array(x->rows * x->columns);
    a.m.offset_amp = marked_array(x->columns);
    a.m.offset_bound_amp = marked_array(x->columns);
    a.status = xo_circuit_new(&circuit, x, &a.info);
    if (!a.status)
        a.status = xo_plan_new(&plan, circuit, &options, &a.info);
    if (!a.status)
        a.status = xo_factor_new(&factor, plan, cells, &a.info);
    if (!a.status)
        a.status = xo_matrix(factor, &a.m, &a.info);
    if (a.status)
        printf("# %s: status %d: %s\n", xo_engine_name(engine), a.status, a.info.text);
    xo_factor_free(factor);
    xo_plan_free(plan);
    xo_circuit_free(circuit);
    return a;
}

static void matrix_free(struct matrix *a)
{
    free(a->m.g_ni_siemens);
    free(a->m.bound_siemens);
    free(a->m.offset_amp);
    free(a->m.offset_bound_amp);
}

static int is_driven(const struct xo_crossbar *x, size_t i)
{
    return !x->word_line || x->word_line[i].state == XO_LINE_NORMAL;
}

static int is_floating(const struct xo_crossbar *x, size_t j)
{
    return x->bit_line && x->bit_line[j].state == XO_LINE_FLOATING;
}

struct worst { double entry_rel, entry_by_bound, offset_by_scale, offset_by_bound; };

/* i0 is the current with every driven row at 0 V; its scale is s_j there. */
static int compare_offset(const struct xo_crossbar *x, struct reference *r, const struct matrix *a, struct worst *w)
{
    double *zero = calloc(x->rows, sizeof *zero);
    quad *amp = calloc(x->columns, sizeof *amp), *scale = calloc(x->columns, sizeof *scale);
    int right = zero && amp && scale && !reference_run(r, zero, amp, NULL) && !reference_scale(r, zero, scale);
    for (size_t j = 0; right && j < x->columns; j++) {
        quad error = quad_abs(a->m.offset_amp[j] - amp[j]);
        if (scale[j] == 0) {
            right = a->m.offset_amp[j] == 0;
            continue;
        }
        w->offset_by_scale = fmax(w->offset_by_scale, (double)(error / scale[j]));
        quad bound = a->m.offset_bound_amp[j] + (quad)1e-25 * scale[j];
        w->offset_by_bound = fmax(w->offset_by_bound, (double)(error / bound));
    }
    free(zero);
    free(amp);
    free(scale);
    return right;
}

/* Returns 0 if a number that must be exactly 0 is not, or the reference has no answer. */
static int compare(const struct xo_crossbar *x, const double *cells, const struct matrix *a, struct worst *w)
{
    struct reference *r = reference_new(x, cells, NULL);
    int right = r && !a->status;
    for (size_t j = 0; right && j < x->columns; j++) {
        const quad *y = reference_couplings(r, j);
        for (size_t i = 0; y && i < x->rows; i++) {
            double got = a->m.g_ni_siemens[i * x->columns + j], bound = a->m.bound_siemens[i * x->columns + j];
            quad want = is_driven(x, i) && !is_floating(x, j) ? y[i] : 0, error = quad_abs(got - want);
            if (want == 0) {
                right &= got == 0 && bound >= 0;        /* a-priori bounds need not know that it is 0 */
                continue;
            }
            w->entry_rel = fmax(w->entry_rel, (double)(error / want));
            w->entry_by_bound = fmax(w->entry_by_bound, (double)(error / (bound + (quad)1e-28 * want)));
        }
        right &= y != NULL;
    }
    right = right && compare_offset(x, r, a, w);
    reference_free(r);
    return right;
}

/* Log-uniform cells over six decades, 1e-9 .. 1e-3 S. */
static void six_decades(double *cells, size_t count, unsigned long long seed)
{
    for (size_t k = 0; k < count; k++)
        cells[k] = pow(10, -9 + 6 * tap_uniform(&seed));
}

static void entries_over_six_decades(void)
{
    static const double wire_ohm[] = {0.01, 1, 30, 1000};
    static const size_t shape[][2] = {{12, 7}, {5, 12}, {1, 9}, {9, 1}, {10, 10}};
    double cells[120];
    struct worst star = {0}, cholmod = {0};
    int right = 1;
    for (size_t s = 0; s < 5; s++)
        for (size_t k = 0; k < 4; k++) {
            struct xo_crossbar x = xo_crossbar_default(shape[s][0], shape[s][1]);
            x.row_wire_ohm.all = wire_ohm[k];
            x.column_wire_ohm.all = wire_ohm[3 - k] * 1.7;
            six_decades(cells, shape[s][0] * shape[s][1], 100 * s + k);
            struct matrix a = matrix_new(&x, cells, XO_ENGINE_STARMESH), b = matrix_new(&x, cells, XO_ENGINE_CHOLMOD);
            right &= compare(&x, cells, &a, &star) && compare(&x, cells, &b, &cholmod);
            matrix_free(&a);
            matrix_free(&b);
        }
    printf("# starmesh: worst entry error %.2g, largest error / bound %.2g\n", star.entry_rel, star.entry_by_bound);
    printf("# cholmod: worst entry error %.2g, largest error / bound %.2g\n", cholmod.entry_rel,
           cholmod.entry_by_bound);
    tap_ok(right, "six decades of conductance, wires 0.01 to 1000 ohm: solved");
    tap_ok(star.entry_rel < 1e-13, "starmesh: every entry within 1e-13 of itself");
    tap_ok(star.entry_by_bound <= 1, "starmesh: the a-priori bound is never below the error");
    tap_ok(cholmod.entry_rel < 1e-10, "cholmod: every entry within 1e-10 of itself");
    tap_ok(cholmod.entry_by_bound <= 1, "cholmod: the certified bound is never below the error");
}

static void nine_side_combinations(void)
{
    double cells[35];
    for (int drive = 0; drive < 3; drive++)
        for (int sense = 0; sense < 3; sense++) {
            struct xo_crossbar x = xo_crossbar_default(7, 5);
            struct worst star = {0}, cholmod = {0};
            double apart = 0;
            x.drive_side = (enum xo_drive_side)drive;
            x.sense_side = (enum xo_sense_side)sense;
            x.row_wire_ohm.all = 4;
            x.column_wire_ohm.all = 9;
            six_decades(cells, 35, (unsigned long long)(3 * drive + sense));
            struct matrix a = matrix_new(&x, cells, XO_ENGINE_STARMESH), b = matrix_new(&x, cells, XO_ENGINE_CHOLMOD);
            int right = compare(&x, cells, &a, &star) && compare(&x, cells, &b, &cholmod);
            for (size_t k = 0; k < 35; k++)
                apart = fmax(apart, fabs(a.m.g_ni_siemens[k] / b.m.g_ni_siemens[k] - 1));
            right &= star.entry_rel < 1e-13 && star.entry_by_bound <= 1 && cholmod.entry_by_bound <= 1;
            right &= apart < 1e-10;
            if (!right)
                printf("# starmesh %.3g, cholmod %.3g, apart %.3g\n", star.entry_rel, cholmod.entry_rel, apart);
            tap_ok(right, "drive side %d, sense side %d: both ways, and the reference", drive, sense);
            matrix_free(&a);
            matrix_free(&b);
        }
}

static void offsets_of_lines_and_sense_voltages(void)
{
    static const struct xo_line word[6] = {{XO_LINE_NORMAL, 0}, {XO_LINE_HELD, 0.3}, {XO_LINE_FLOATING, 0},
                                           {XO_LINE_GROUNDED, 0}, {XO_LINE_NORMAL, 0}, {XO_LINE_HELD, -0.2}};
    static const struct xo_line bit[4] = {{XO_LINE_NORMAL, 0}, {XO_LINE_FLOATING, 0}, {XO_LINE_HELD, 0.15},
                                          {XO_LINE_GROUNDED, 0}};
    static const double sense_volt[4] = {0.05, 7, 7, 7};        /* 7 V: lines whose sense voltage is not used */
    static const enum xo_engine engine[2] = {XO_ENGINE_STARMESH, XO_ENGINE_CHOLMOD};
    struct xo_crossbar x = xo_crossbar_default(6, 4);
    double cells[24];
    six_decades(cells, 24, 77);
    x.word_line = word;
    x.bit_line = bit;
    x.sense_volt.each = sense_volt;
    for (int e = 0; e < 2; e++) {
        struct worst w = {0};
        struct matrix a = matrix_new(&x, cells, engine[e]);
        int right = compare(&x, cells, &a, &w);
        printf("# offset: error / s_j %.2g, error / bound %.2g\n", w.offset_by_scale, w.offset_by_bound);
        tap_ok(right && w.offset_by_scale < 1e-12 && w.offset_by_bound <= 1 && w.entry_by_bound <= 1,
               "%s: i0 of held, grounded, floating lines and sense voltages", xo_engine_name(engine[e]));
        matrix_free(&a);
    }
}

/* I = V^T G_ni + i0 for random arrays with everything, with the currents of the same engine. */
static void the_matrix_gives_the_currents(enum xo_engine engine)
{
    int wrong = 0, tried = 0;
    double worst = 0;
    for (unsigned long long seed = 1; seed <= 120; seed++) {
        unsigned long long state = seed;
        size_t rows = 1 + (size_t)(9 * tap_uniform(&state)), columns = 1 + (size_t)(9 * tap_uniform(&state));
        struct random_crossbar *r = random_crossbar(seed, rows, columns, 2, RANDOM_ALL);
        struct reference *reference = reference_new(&r->x, r->cell_siemens, NULL);
        struct solved *d = solved_random(r, engine);
        if (!d->status && !reference_terminals_are_joined(reference)) {
            struct worst w = {0};
            struct matrix a = matrix_new(&r->x, r->cell_siemens, engine);
            int right = compare(&r->x, r->cell_siemens, &a, &w) && w.entry_by_bound <= 1 && w.offset_by_bound <= 1;
            for (size_t k = 0; right && k < 2 * columns; k++) {
                size_t n = k / columns, j = k % columns;
                double amp = a.m.offset_amp[j];
                for (size_t i = 0; i < rows; i++)
                    amp += is_driven(&r->x, i) ? a.m.g_ni_siemens[i * columns + j] * r->row_volt[n * rows + i] : 0;
                right = fabs(amp - d->s.column_amp[k]) <= 1e-12 * d->s.scale_amp[k];
            }
            if (!right && wrong < 5)
                printf("# seed %llu %zux%zu: entry %.3g of itself, %.3g of bound, offset %.3g of bound\n", seed, rows,
                       columns, w.entry_rel, w.entry_by_bound, w.offset_by_bound);
            wrong += !right;
            tried++;
            worst = fmax(worst, w.entry_rel);
            matrix_free(&a);
        }
        solved_free(d);
        reference_free(reference);
        random_crossbar_free(r);
    }
    printf("# worst entry error %.2g of itself\n", worst);
    tap_ok(wrong == 0 && tried > 60, "%s: I = V^T G_ni + i0 on %d random arrays", xo_engine_name(engine), tried);
}

/* Cells of M rows in parallel between the same two vertices: every addition of one more rounds. */
static void parallel_links_are_counted_in_the_bound(void)
{
    enum { M = 1024 };
    static double cells[M];
    static struct xo_bridge bridge[M - 1];
    static struct xo_line word[M];
    struct xo_crossbar x = xo_crossbar_default(M, 1);
    quad sum = 0;
    for (size_t i = 0; i < M; i++) {
        cells[i] = i ? 1.05e-19 : 1e-3;                        /* all lost but the first: each time an ulp is cut */
        sum += cells[i];
        word[i].state = i ? XO_LINE_FLOATING : XO_LINE_NORMAL;
        if (i + 1 < M)
            bridge[i] = (struct xo_bridge){i, 0, 0};
    }
    x.driver_ohm.all = x.column_wire_ohm.all = 0;
    x.sense_ohm.all = 1e-12;
    x.word_line = word;
    x.word_bridge = bridge;
    x.word_bridge_count = M - 1;
    struct matrix a = matrix_new(&x, cells, XO_ENGINE_STARMESH);
    quad error = quad_abs(a.m.g_ni_siemens[0] - sum / (1 + sum * (quad)1e-12));
    printf("# error %.3g, bound %.3g\n", (double)error, a.m.bound_siemens[0]);
    tap_ok(!a.status && error <= a.m.bound_siemens[0], "starmesh: the bound counts parallel links");
    matrix_free(&a);
}

/* An array of which most couplings are 0 has a worst relative bound all the same. */
static void a_diagonal_array_has_a_finite_worst_bound(void)
{
    const double cells[4] = {1e-5, 0, 0, 2e-5};
    struct xo_crossbar x = xo_crossbar_default(2, 2);
    struct matrix a = matrix_new(&x, cells, XO_ENGINE_STARMESH);
    printf("# worst_bound_rel %.3g, sampled_error_rel %.3g\n", a.m.worst_bound_rel, a.m.sampled_error_rel);
    tap_ok(!a.status && a.m.worst_bound_rel < 1e-12 && a.m.sampled_error_rel <= a.m.worst_bound_rel,
           "a diagonal array has a finite worst bound, and the sample is within it");
    matrix_free(&a);
}

/* Three columns on one terminal share its current: thirds are rounded. */
static void shared_columns_are_bounded(void)
{
    static const struct xo_bridge bridge[2] = {{0, 0, 0}, {0, 1, 0}};
    struct xo_crossbar x = xo_crossbar_default(1, 3);
    x.row_wire_ohm.all = x.sense_ohm.all = 0;
    x.bit_bridge = bridge;
    x.bit_bridge_count = 2;
    int right = 1;
    for (int t = 0; t < 50; t++) {
        double cells[3] = {1e-5 * (1 + t * .37), 2e-5 * (1 + t * .11), 3.3e-5 * (1 + t * .77)};
        quad sum = (quad)cells[0] + cells[1] + cells[2], want = sum / (1 + sum * 100) / 3;
        struct matrix a = matrix_new(&x, cells, XO_ENGINE_CHOLMOD);
        right = right && !a.status && quad_abs(a.m.g_ni_siemens[0] - want) <= a.m.bound_siemens[0];
        matrix_free(&a);
    }
    tap_ok(right, "cholmod: columns that share a terminal stay within their bounds (50 arrays)");
}

static void klu_does_not_offer_it(void)
{
    struct xo_crossbar x = xo_crossbar_default(1, 1);
    struct matrix a = matrix_new(&x, &(double){1e-5}, XO_ENGINE_KLU);
    tap_ok(a.status == XO_EUNSUPPORTED && a.m.g_ni_siemens[0] == SOLVED_MARK,
           "klu: not offered, said so, outputs untouched");
    matrix_free(&a);
}

int main(void)
{
    entries_over_six_decades();
    nine_side_combinations();
    offsets_of_lines_and_sense_voltages();
    the_matrix_gives_the_currents(XO_ENGINE_STARMESH);
    the_matrix_gives_the_currents(XO_ENGINE_CHOLMOD);
    parallel_links_are_counted_in_the_bound();
    a_diagonal_array_has_a_finite_worst_bound();
    shared_columns_are_bounded();
    klu_does_not_offer_it();
    return tap_done();
}
