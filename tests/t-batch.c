/* Many arrays at once: against the quadruple-precision reference and xo_matrix, on every instruction set there is, in
 * both precisions; lanes and threads must not matter.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <float.h>
#include "reference.h"
#include "solved.h"
#include "tap.h"
#include "xo_batch.h"

static const struct level { enum xo_simd simd; enum xo_precision precision; double entry_rel; } levels[] = {
    {XO_SIMD_PORTABLE, XO_FLOAT64, 1e-13}, {XO_SIMD_AVX2, XO_FLOAT64, 1e-13}, {XO_SIMD_AVX512, XO_FLOAT64, 1e-13},
    {XO_SIMD_PORTABLE, XO_FLOAT32, 1e-5}, {XO_SIMD_AVX2, XO_FLOAT32, 1e-5}, {XO_SIMD_AVX512, XO_FLOAT32, 1e-5},
};
enum { LEVELS = sizeof levels / sizeof *levels };

static const char *level_name(const struct level *l)
{
    static char text[32];
    snprintf(text, sizeof text, "%s float%s", xo_simd_name(l->simd), l->precision == XO_FLOAT64 ? "64" : "32");
    return text;
}

/* A batch and what came of it; every output marked beforehand. */
struct tiled {
    int status;
    struct xo_info info;
    xo_circuit *circuit;
    xo_batch *batch;
    struct xo_batch_arrays b;
};

static struct tiled tiled_with(const struct xo_crossbar *x, size_t arrays, const double *cells, const struct level *l,
                               int threads, int bounds)
{
    size_t entries = arrays * x->rows * x->columns;
    struct xo_batch_options options = {l->precision, l->simd, threads, bounds};
    struct tiled d = {.b = {.arrays = arrays, .cell_siemens = cells}};
    d.b.g_ni_siemens = marked_array(entries);
    d.b.offset_amp = marked_array(arrays * x->columns);
    if (bounds) {
        d.b.bound_siemens = marked_array(entries);
        d.b.offset_bound_amp = marked_array(arrays * x->columns);
        d.b.worst_bound_rel = marked_array(arrays);
    }
    d.status = xo_circuit_new(&d.circuit, x, &d.info);
    if (!d.status)
        d.status = xo_batch_new(&d.batch, d.circuit, &options, &d.info);
    if (!d.status)
        d.status = xo_batch_matrix(d.batch, &d.b, &d.info);
    return d;
}

static void tiled_free(struct tiled *d)
{
    xo_batch_free(d->batch);
    xo_circuit_free(d->circuit);
    free(d->b.g_ni_siemens);
    free(d->b.offset_amp);
    free(d->b.bound_siemens);
    free(d->b.offset_bound_amp);
    free(d->b.worst_bound_rel);
}

static void six_decades(double *cells, size_t count, unsigned long long seed)
{
    for (size_t k = 0; k < count; k++)
        cells[k] = pow(10, -9 + 6 * tap_uniform(&seed));
}

struct worst { double entry_rel, entry_by_bound, offset_by_bound; };

/* Array `a` of the batch against the reference; 0 if a number that must be 0 is not, or there is no answer. */
static int compare(const struct xo_crossbar *x, const double *cells, const struct tiled *d, size_t a, struct worst *w)
{
    struct reference *r = reference_new(x, cells, NULL);
    double *zero = calloc(x->rows, sizeof *zero);
    quad *amp = calloc(x->columns, sizeof *amp);
    int right = r && zero && amp && !reference_run(r, zero, amp, NULL);
    for (size_t j = 0; right && j < x->columns; j++) {
        const quad *y = reference_couplings(r, j);
        int floating = x->bit_line && x->bit_line[j].state == XO_LINE_FLOATING;
        for (size_t i = 0; y && i < x->rows; i++) {
            size_t at = (a * x->rows + i) * x->columns + j;
            int driven = !x->word_line || x->word_line[i].state == XO_LINE_NORMAL;
            quad want = driven && !floating ? y[i] : 0, error = quad_abs(d->b.g_ni_siemens[at] - want);
            double bound = d->b.bound_siemens[at];
            right &= want > 0 || d->b.g_ni_siemens[at] == 0;
            if (want > 1e-30)
                w->entry_rel = fmax(w->entry_rel, (double)(error / want));
            quad allowed = bound + (quad)1e-28 * want + (quad)1e-300;
            w->entry_by_bound = fmax(w->entry_by_bound, (double)(error / allowed));
        }
        size_t at = a * x->columns + j;
        quad error = quad_abs(d->b.offset_amp[at] - amp[j]), bound = d->b.offset_bound_amp[at];
        quad allowed = bound + (quad)1e-28 * quad_abs(amp[j]) + (quad)1e-300;
        w->offset_by_bound = fmax(w->offset_by_bound, (double)(error / allowed));
        right &= y != NULL;
    }
    free(zero);
    free(amp);
    reference_free(r);
    return right;
}

static void report(const struct level *l, int right, const struct worst *w, const char *what)
{
    printf("# %s: worst entry %.2g, error / bound %.2g, of the offset %.2g\n", level_name(l), w->entry_rel,
           w->entry_by_bound, w->offset_by_bound);
    tap_ok(right && w->entry_rel < l->entry_rel, "%s: %s: every entry within %g of itself", level_name(l), what,
           l->entry_rel);
    tap_ok(w->entry_by_bound <= 1 && w->offset_by_bound <= 1, "%s: %s: no bound below the error", level_name(l),
           what);
}

static void six_decades_and_all_sides(const struct level *l)
{
    static const double wire_ohm[] = {0.01, 1, 30, 1000};
    static const size_t shape[][2] = {{12, 7}, {5, 13}, {1, 9}, {9, 1}, {11, 11}};
    double cells[3 * 121];
    struct worst w = {0};
    int right = 1;
    for (size_t k = 0; k < 20; k++) {
        struct xo_crossbar x = xo_crossbar_default(shape[k % 5][0], shape[k % 5][1]);
        size_t count = x.rows * x.columns;
        x.row_wire_ohm.all = wire_ohm[k / 5];
        x.column_wire_ohm.all = wire_ohm[3 - k / 5] * 1.7;
        x.drive_side = (enum xo_drive_side)(k % 3);
        x.sense_side = (enum xo_sense_side)(k / 3 % 3);
        six_decades(cells, 3 * count, k);
        struct tiled d = tiled_with(&x, 3, cells, l, 1, 1);
        right &= !d.status;
        for (size_t a = 0; right && a < 3; a += 2)
            right &= compare(&x, cells + a * count, &d, a, &w);
        tiled_free(&d);
    }
    report(l, right, &w, "six decades, all sides, wires 0.01 to 1000 ohm");
}

/* Where terminals are joined by zero ohm, columns share a sum: as xo_matrix shares it. */
static int compare_with_matrix(const struct xo_crossbar *x, const double *cells, const struct tiled *d,
                               struct worst *w)
{
    struct xo_options options = {.engine = XO_ENGINE_STARMESH};
    struct xo_matrix_result m = {.g_ni_siemens = marked_array(x->rows * x->columns),
                                  .offset_amp = marked_array(x->columns)};
    xo_plan *plan = NULL;
    xo_factor *factor = NULL;
    int right = !xo_plan_new(&plan, d->circuit, &options, NULL) && !xo_factor_new(&factor, plan, cells, NULL)
                && !xo_matrix(factor, &m, NULL);
    for (size_t k = 0; right && k < x->rows * x->columns; k++) {
        double want = m.g_ni_siemens[k], error = fabs(d->b.g_ni_siemens[k] - want);
        right &= want != 0 || error == 0;
        if (want > 1e-30)
            w->entry_rel = fmax(w->entry_rel, error / want);
        if (error > 0)
            w->entry_by_bound = fmax(w->entry_by_bound, error / d->b.bound_siemens[k]);
    }
    for (size_t j = 0; right && j < x->columns; j++)
        if (m.offset_amp[j] != d->b.offset_amp[j])
            w->offset_by_bound = fmax(w->offset_by_bound,
                                      fabs(m.offset_amp[j] - d->b.offset_amp[j]) / d->b.offset_bound_amp[j]);
    xo_factor_free(factor);
    xo_plan_free(plan);
    free(m.g_ni_siemens);
    free(m.offset_amp);
    return right;
}

/* Zero ohm, open, held and floating lines, faults, bridges. */
static void random_circuits(const struct level *l)
{
    struct worst w = {0};
    int right = 1, tried = 0, joined = 0, seeds = getenv("CROSSOHM_LONG") ? 2000 : 60;
    for (int seed = 1; seed <= seeds; seed++) {
        struct random_crossbar *r = random_crossbar((unsigned)seed, 1 + seed % 7, 1 + seed / 3 % 8, 1, RANDOM_ALL);
        struct reference *reference = reference_new(&r->x, r->cell_siemens, NULL);
        struct tiled d = tiled_with(&r->x, 1, r->cell_siemens, l, 1, 1);
        int shares = reference && reference_terminals_are_joined(reference), fine = 1;
        if (!d.status) {
            fine = shares ? compare_with_matrix(&r->x, r->cell_siemens, &d, &w)
                          : compare(&r->x, r->cell_siemens, &d, 0, &w);
            tried++;
        }
        joined += shares;
        if (!fine)
            printf("# seed %d\n", seed);
        right &= fine;
        reference_free(reference);
        tiled_free(&d);
        random_crossbar_free(r);
    }
    tap_ok(tried > seeds / 2 && joined > 0, "%s: %d random circuits have a matrix", level_name(l), tried);
    report(l, right, &w, "random circuits");
}

/* Fronts of more pivots than a chunk: against xo_matrix, which is judged elsewhere. */
static void large_arrays(const struct level *l)
{
    struct xo_crossbar x = xo_crossbar_default(118, 104);
    size_t count = x.rows * x.columns;
    double *cells = marked_array(2 * count), *want = marked_array(count), worst = 0;
    xo_plan *plan = NULL;
    xo_factor *factor = NULL;
    struct xo_options options = {.engine = XO_ENGINE_STARMESH};
    struct xo_matrix_result m = {.g_ni_siemens = want};
    six_decades(cells, 2 * count, 7);
    struct tiled d = tiled_with(&x, 2, cells, l, 2, 0);
    int status = d.status;
    if (!status)
        status = xo_plan_new(&plan, d.circuit, &options, NULL);
    if (!status)
        status = xo_factor_new(&factor, plan, cells + count, NULL);
    if (!status)
        status = xo_matrix(factor, &m, NULL);
    for (size_t k = 0; k < count && !status; k++)
        worst = fmax(worst, fabs(d.b.g_ni_siemens[count + k] - want[k]) / want[k]);
    printf("# %s: worst difference %.2g\n", level_name(l), worst);
    tap_ok(!status && worst < l->entry_rel, "%s: 118 x 104: as xo_matrix, one array at a time", level_name(l));
    xo_factor_free(factor);
    xo_plan_free(plan);
    tiled_free(&d);
    free(cells);
    free(want);
}

/* Real sizes, 8 columns of each, on every level; minutes, so only with CROSSOHM_LONG.  results/tiles prints it. */
enum { SAMPLED = 8 };

static double worst_column(const struct tiled *d, size_t side, size_t j, const quad *y)
{
    double worst = 0;
    for (size_t i = 0; i < side; i++)
        if (y[i] > 1e-30)                          /* float32 may lose what is less */
            worst = fmax(worst, (double)(quad_abs(d->b.g_ni_siemens[i * side + j] - y[i]) / y[i]));
    return worst;
}

static void a_real_size(size_t side, double wire_ohm, double worst[2])
{
    struct xo_crossbar x = xo_crossbar_default(side, side);
    double *cells = marked_array(side * side);
    six_decades(cells, side * side, side);
    x.row_wire_ohm.all = x.column_wire_ohm.all = wire_ohm;
    struct reference *r = reference_new(&x, cells, NULL);
    struct tiled d[LEVELS];
    for (int k = 0; k < LEVELS; k++)
        d[k] = xo_simd_available(levels[k].simd) ? tiled_with(&x, 1, cells, &levels[k], 1, 0)
                                                 : (struct tiled){.status = 1};
    for (size_t n = 0; n < SAMPLED; n++) {
        size_t j = n * (side - 1) / (SAMPLED - 1);
        const quad *y = r ? reference_couplings(r, j) : NULL;
        for (int k = 0; k < LEVELS; k++)
            if (!d[k].status)
                worst[levels[k].precision] = fmax(worst[levels[k].precision],
                                                  y ? worst_column(&d[k], side, j, y) : INFINITY);
    }
    for (int k = 0; k < LEVELS; k++)
        tiled_free(&d[k]);
    reference_free(r);
    free(cells);
}

static void real_sizes(void)
{
    static const double wire_ohm[] = {0.01, 1, 30, 1000};
    const char *wanted = getenv("CROSSOHM_LONG");
    for (size_t side = 64; wanted && side <= 256; side *= 2)
        for (size_t k = 0; k < 4; k++) {
            double worst[2] = {0};
            a_real_size(side, wire_ohm[k], worst);
            printf("# %3zux%-3zu wires %4g ohm, worst entry: float64 %.1e, float32 %.1e\n", side, side, wire_ohm[k],
                   worst[XO_FLOAT64], worst[XO_FLOAT32]);
            tap_ok(worst[XO_FLOAT64] < 1e-13 && worst[XO_FLOAT32] < 1e-5, "%zux%zu, six decades, wires of %g ohm: "
                   "1e-13 and 1e-5 of each entry", side, side, wire_ohm[k]);
        }
}

enum { M = 9, N = 6, ARRAYS = 37 };

/* An array alone, in a batch that does not fill the lanes, and by three threads. */
static void lanes_and_threads(const struct level *l)
{
    struct xo_crossbar x = xo_crossbar_default(M, N);
    double cells[ARRAYS * M * N];
    struct xo_line word[M] = {{XO_LINE_NORMAL, 0}, {XO_LINE_HELD, 0.1}};
    int alone = 1, threads, bounds;
    x.word_line = word;
    six_decades(cells, ARRAYS * M * N, 11);
    for (size_t k = 0; k < M * N; k++)
        cells[5 * M * N + k] = 0;                  /* company of all kinds: nothing but islands */
    struct tiled d = tiled_with(&x, ARRAYS, cells, l, 1, 1), e = tiled_with(&x, ARRAYS, cells, l, 3, 1);
    threads = !d.status && !e.status && !memcmp(d.b.g_ni_siemens, e.b.g_ni_siemens, sizeof cells)
              && !memcmp(d.b.bound_siemens, e.b.bound_siemens, sizeof cells)
              && !memcmp(d.b.offset_amp, e.b.offset_amp, ARRAYS * N * sizeof *cells);
    bounds = !d.status;
    for (size_t a = 0; a < ARRAYS && !d.status; a++) {
        struct tiled f = tiled_with(&x, 1, cells + a * M * N, l, 1, 1);
        alone &= !f.status && !memcmp(f.b.g_ni_siemens, d.b.g_ni_siemens + a * M * N, M * N * sizeof *cells)
                 && !memcmp(f.b.offset_amp, d.b.offset_amp + a * N, N * sizeof *cells);
        for (size_t k = 0; k < M * N; k++)
            bounds &= d.b.bound_siemens[a * M * N + k] <= d.b.worst_bound_rel[a] * d.b.g_ni_siemens[a * M * N + k]
                                                           * (1 + 1e-15) || d.b.g_ni_siemens[a * M * N + k] == 0;
        tiled_free(&f);
    }
    tap_ok(alone, "%s: an array gives the same bytes alone and in any lane", level_name(l));
    tap_ok(threads, "%s: one thread and three give the same bytes", level_name(l));
    tap_ok(bounds, "%s: worst_bound_rel is the worst of each array", level_name(l));
    tiled_free(&d);
    tiled_free(&e);
}

/* A column of open cells, told by the circuit or by its values; then its terminal goes as well. */
static void islands(const struct level *l)
{
    struct xo_crossbar x = xo_crossbar_default(M, N), y = x, z;
    struct xo_line bit[N] = {{XO_LINE_NORMAL, 0}, {XO_LINE_NORMAL, 0}, {XO_LINE_FLOATING, 0}};
    struct xo_site open_cell[M];
    double cells[2 * M * N];
    int zero = 1, same;
    six_decades(cells, 2 * M * N, 13);
    for (size_t i = 0; i < M; i++)
        open_cell[i] = (struct xo_site){i, 2};
    y.open_cell = open_cell;
    y.open_cell_count = M;
    z = y;
    z.bit_line = bit;
    struct tiled faulty = tiled_with(&y, 2, cells, l, 1, 1), island = tiled_with(&z, 2, cells, l, 1, 1);
    for (size_t i = 0; i < M; i++)
        cells[i * N + 2] = 0;
    struct tiled valued = tiled_with(&x, 2, cells, l, 1, 1);
    same = !faulty.status && !valued.status && !island.status
           && !memcmp(faulty.b.g_ni_siemens, valued.b.g_ni_siemens, M * N * sizeof *cells);
    for (size_t k = 0; k < 2 * M * N && same; k++) {
        double a = valued.b.g_ni_siemens[k], b = island.b.g_ni_siemens[k];
        zero &= isfinite(a) && isfinite(b) && isfinite(island.b.bound_siemens[k]);
        zero &= (a == 0) == (k < M * N && k % N == 2) && (b == 0) == (k % N == 2);
    }
    tap_ok(same, "%s: open cells and conductances of 0 give the same bytes", level_name(l));
    tap_ok(same && zero, "%s: 0 in the column without cells only, island or not, never NaN", level_name(l));
    tiled_free(&faulty);
    tiled_free(&island);
    tiled_free(&valued);
}

/* ---- once is enough ------------------------------------------------------------------------------- */

struct source { const double *cells; size_t fail_at; };

static int copy_cells(void *user, size_t array, double *siemens)
{
    const struct source *s = user;
    if (array >= s->fail_at)
        return XO_ESHAPE;
    memcpy(siemens, s->cells + array * M * N, M * N * sizeof *siemens);
    return 0;
}

static void cells_from_a_function(void)
{
    struct xo_crossbar x = xo_crossbar_default(M, N);
    double cells[ARRAYS * M * N], g[ARRAYS * M * N];
    float narrow[ARRAYS * M * N];
    struct source source = {cells, ARRAYS};
    struct level best = {XO_SIMD_BEST, XO_FLOAT64, 0};
    struct xo_info info = {""};
    int rounded = 1;
    six_decades(cells, ARRAYS * M * N, 17);
    struct tiled d = tiled_with(&x, ARRAYS, cells, &best, 2, 0);
    struct xo_batch_arrays b = {.arrays = ARRAYS, .cells = copy_cells, .user = &source, .g_ni_siemens = g,
                               .g_ni_float32 = narrow};
    int status = d.status ? d.status : xo_batch_matrix(d.batch, &b, &info);
    tap_ok(!status && !memcmp(g, d.b.g_ni_siemens, sizeof g), "cells from a function: the same bytes");
    for (size_t k = 0; k < ARRAYS * M * N && !status; k++)
        rounded &= narrow[k] == (float)g[k];
    tap_ok(!status && rounded, "float32 results are the float64 ones, rounded");
    source.fail_at = 20;
    status = d.status ? 0 : xo_batch_matrix(d.batch, &b, &info);
    tap_ok(status == XO_ESHAPE && strstr(info.text, "array 20:"),
           "its status ends the batch, the first array is named: %s", info.text);
    tiled_free(&d);
}

static void mistakes(void)
{
    struct xo_crossbar x = xo_crossbar_default(M, N);
    double cells[ARRAYS * M * N], error_rel = 0;
    struct level best = {XO_SIMD_BEST, XO_FLOAT64, 0}, wrong = {(enum xo_simd)17, XO_FLOAT64, 0};
    six_decades(cells, ARRAYS * M * N, 19);
    cells[30 * M * N + 7] = cells[31 * M * N] = -1e-6;
    struct tiled d = tiled_with(&x, ARRAYS, cells, &best, 2, 0);
    tap_ok(d.status == XO_EVALUE && strstr(d.info.text, "array 30: cell (1, 1)"), "a negative conductance: %s",
           d.info.text);
    struct tiled e = tiled_with(&x, ARRAYS, cells, &wrong, 1, 0);
    tap_ok(e.status == XO_EUNSUPPORTED, "an instruction set that is not there: %s", e.info.text);
    d.b.worst_bound_rel = &error_rel;
    int status = xo_batch_matrix(d.batch, &d.b, &d.info);
    tap_ok(status == XO_EVALUE && strstr(d.info.text, "bounds"), "bounds that were not planned for: %s", d.info.text);
    d.b.worst_bound_rel = NULL;
    d.b.cells = copy_cells;
    tap_ok(xo_batch_matrix(d.batch, &d.b, &d.info) == XO_EVALUE, "two sources of cells: %s", d.info.text);
    d.b.cells = NULL;
    d.b.cell_siemens = NULL;
    tap_ok(xo_batch_matrix(d.batch, &d.b, &d.info) == XO_EVALUE, "no source of cells: %s", d.info.text);
    static const struct xo_bridge short_circuit = {0, 0, 0};
    struct xo_crossbar y = xo_crossbar_default(M, N);
    y.driver_ohm.all = 0;
    y.word_bridge = &short_circuit;
    y.word_bridge_count = 1;
    struct tiled f = tiled_with(&y, 1, cells, &best, 1, 0);
    tap_ok(f.status == XO_ECONFLICT, "rows without a voltage of their own: %s", f.info.text);
    tiled_free(&f);
    d.b.arrays = 0;
    d.b.cell_siemens = cells;
    tap_ok(xo_batch_matrix(d.batch, &d.b, &d.info) == 0, "no arrays: nothing to do");
    tiled_free(&d);
    tiled_free(&e);
}

static void the_check_sees_what_is_wrong(void)
{
    struct xo_crossbar x = xo_crossbar_default(M, N);
    double cells[M * N], right = 1, wrong = 0;
    struct level narrow = {XO_SIMD_BEST, XO_FLOAT32, 0};
    size_t columns = 0;
    six_decades(cells, M * N, 23);
    struct tiled d = tiled_with(&x, 1, cells, &narrow, 1, 0);
    int status = d.status ? d.status : xo_batch_check(d.batch, cells, d.b.g_ni_siemens, &right, &columns, &d.info);
    d.b.g_ni_siemens[3 * N + 4] *= 1 + 1e-4;
    if (!status)
        status = xo_batch_check(d.batch, cells, d.b.g_ni_siemens, &wrong, NULL, &d.info);
    printf("# float32: certified within %.2g in %zu columns; with an entry off by 1e-4: %.2g\n", right, columns,
           wrong);
    tap_ok(!status && columns == N && right > 0 && right < 1e-5, "a float32 matrix is certified within 1e-5");
    tap_ok(!status && wrong > 0.99e-4 && wrong < 1.1e-4, "and an entry that is off is found");
    tiled_free(&d);
}

int main(void)
{
    for (int k = 0; k < LEVELS; k++) {
        const struct level *l = &levels[k];
        if (!xo_simd_available(l->simd)) {
            tap_skip(level_name(l), "this machine does not have it");
            continue;
        }
        six_decades_and_all_sides(l);
        random_circuits(l);
        large_arrays(l);
        lanes_and_threads(l);
        islands(l);
    }
    real_sizes();
    cells_from_a_function();
    mistakes();
    the_check_sees_what_is_wrong();
    return tap_done();
}
