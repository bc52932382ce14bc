/* Gated arrays: source lines beside the bit line, along the row, or one plane; inputs on transistors' gates.  By
 * hand, against every engine, against ngspice, and against each other.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <float.h>
#include <unistd.h>
#include "kernel.h"
#include "solved.h"
#include "tap.h"
#include "two-rungs.h"
#include "xo_ladder.h"
#include "xo_ngspice.h"

static const enum xo_topology topologies[] = {XO_TOPOLOGY_SOURCE_COLUMN, XO_TOPOLOGY_SOURCE_ROW, XO_TOPOLOGY_PLANE};
static const char *const topology_name[] = {"crossbar", "source_column", "source_row", "plane"};

/* ---- random arrays ---------------------------------------------------------------------------------- */

struct gated { struct random_crossbar *r; size_t rows, columns, inputs; double *gate; };

static double *some_ohms(unsigned long long *seed, size_t count, double zero)
{
    double *ohm = malloc((count + 1) * sizeof *ohm);
    for (size_t k = 0; k < count; k++)
        ohm[k] = tap_uniform(seed) < zero ? 0 : 0.2 + 20 * tap_uniform(seed);
    return ohm;
}

static struct gated gated_new(unsigned long long seed, size_t rows, size_t columns, enum xo_topology topology,
                              int features)
{
    struct gated g = {random_crossbar(seed, rows, columns, 4, features & ~RANDOM_ZERO_OHM), rows, columns, 4, NULL};
    struct xo_crossbar *x = &g.r->x;
    double zero = features & RANDOM_ZERO_OHM ? 0.3 : 0;
    size_t cells = rows * columns;
    x->topology = topology;
    x->input = XO_INPUT_GATE;
    x->cell_type = XO_CELL_1T1R;
    x->transistor_ohm = tap_uniform(&seed) < 0.3 ? 0 : 3000 * tap_uniform(&seed);
    x->transistor_off_siemens = x->transistor_ohm > 0 && tap_uniform(&seed) < 0.3 ? 1e-9 : 0;
    x->source_volt = tap_uniform(&seed) - 0.5;
    x->source_side = (enum xo_sense_side)(3 * tap_uniform(&seed));
    x->source_wire_ohm.each = some_ohms(&seed, cells, zero);
    x->source_end_ohm.each = topology == XO_TOPOLOGY_PLANE ? NULL : some_ohms(&seed, rows + columns, zero);
    x->source_end_ohm.all = zero > 0 && tap_uniform(&seed) < 0.5 ? 0 : 7;
    x->column_wire_ohm.each = some_ohms(&seed, cells, zero);
    x->sense_ohm.each = some_ohms(&seed, columns, 0);
    if (topology != XO_TOPOLOGY_SOURCE_ROW) {
        x->word_line = NULL;
        x->word_bridge_count = x->open_word_segment_count = 0;
    }
    g.gate = malloc(g.inputs * rows * sizeof *g.gate);
    for (size_t k = 0; k < g.inputs * rows; k++)
        g.gate[k] = tap_uniform(&seed) < 0.5 ? 0 : x->transistor_ohm > 0 && k % 3 == 0 ? tap_uniform(&seed) : 1;
    return g;
}

static void gated_free(struct gated *g)
{
    struct xo_crossbar *x = &g->r->x;
    free((void *)x->source_wire_ohm.each);
    free((void *)x->source_end_ohm.each);
    free((void *)x->column_wire_ohm.each);
    free((void *)x->sense_ohm.each);
    x->column_wire_ohm.each = x->sense_ohm.each = NULL;
    free(g->gate);
    random_crossbar_free(g->r);
}

/* Largest |a - b| over scale beyond both bounds. */
static double apart(const struct solved *a, const struct solved *b, const double *other)
{
    double worst = 0;
    for (size_t k = 0; k < a->inputs * a->columns; k++) {
        double gap = fabs(a->s.column_amp[k] - (b ? b->s.column_amp[k] : other[k]));
        gap -= b ? a->s.bound_amp[k] + b->s.bound_amp[k] : 0;
        if (!(gap <= 0))
            worst = fmax(worst, a->s.scale_amp[k] > 0 ? gap / a->s.scale_amp[k] : INFINITY);
    }
    return worst;
}

/* ---- engines ---------------------------------------------------------------------------------------- */

static double engines_apart(enum xo_topology topology, int features, unsigned long long seed, int *solved_arrays)
{
    static const enum xo_engine engine[] = {XO_ENGINE_KLU, XO_ENGINE_CHOLMOD, XO_ENGINE_STARMESH, XO_ENGINE_LADDER};
    struct gated g = gated_new(seed, 1 + seed % 9, 1 + seed * 5 % 7, topology, features);
    struct solved *klu = NULL;
    double worst = 0;
    int first = 0;
    for (int e = 0; e < (topology == XO_TOPOLOGY_SOURCE_ROW ? 3 : 4); e++) {
        struct solved *s = solved(&g.r->x, g.r->cell_siemens, g.inputs, g.gate, engine[e]);
        if (!e) {
            klu = s;
            first = s->status;
            *solved_arrays += !s->status;
            continue;
        }
        double gap = s->status != first ? INFINITY : s->status ? 0 : apart(klu, s, NULL);
        if (gap > 0)
            printf("# seed %llu, %s: status %d and %d, apart %g: %s\n", seed, xo_engine_name(engine[e]), first,
                   s->status, gap, s->info.text);
        worst = fmax(worst, gap);
        solved_free(s);
    }
    solved_free(klu);
    gated_free(&g);
    return worst;
}

static void every_engine_agrees(void)
{
    static const struct { int features; const char *what; } table[] = {
        {0, "plain"}, {RANDOM_ZERO_OHM, "zero ohm"}, {RANDOM_OPEN | RANDOM_FAULTS, "faults, open everywhere"},
        {RANDOM_ALL, "everything at once"}};
    for (size_t t = 0; t < 3; t++)
        for (size_t k = 0; k < 4; k++) {
            double worst = 0;
            int count = 0;
            for (unsigned long long seed = 1; seed <= 30; seed++)
                worst = fmax(worst, engines_apart(topologies[t], table[k].features, 1000 * k + seed, &count));
            tap_ok(worst == 0 && count >= 15, "%s, %s: 30 arrays, engines within their bounds (%d solved)",
                   topology_name[topologies[t]], table[k].what, count);
        }
}

/* ---- by hand ---------------------------------------------------------------------------------------- */

static void two_rungs_by_hand(void)
{
    struct xo_crossbar x = two_rungs();
    const double cell[2] = {1e-4, 5e-5}, gate[8] = {1, 1, 1, 0, 0, 0.5, 0, 0};
    double near = 2e4 + 2e3, far = 1e4 + 2e3 + 80, both = near * far / (near + far), half = 2e4 + 4e3;
    struct solved *s = solved(&x, cell, 4, gate, XO_ENGINE_AUTO);
    if (!tap_ok(!s->status, "two rungs are solved"))
        printf("# %s\n", s->info.text);
    tap_close_ulp(s->s.column_amp[0], 0.2 / (160 + both), 4,
                  "both rungs on: two resistors side by side, ends before them");
    tap_close_ulp(s->s.column_amp[1], 0.2 / (160 + far), 4, "the far one alone, through both lines' wire");
    tap_close_ulp(s->s.column_amp[2], 0.2 / (160 + half), 4, "half a gate doubles the transistor");
    tap_ok(s->s.column_amp[3] == 0 && s->s.bound_amp[3] == 0, "no gate on: exactly 0");
    tap_ok(xo_factor_engine(s->factor) == XO_ENGINE_LADDER, "auto takes the ladder");
    solved_free(s);
    x.sense_side = XO_SENSE_TOP;       /* source end at the bottom still */
    s = solved(&x, cell, 4, gate, XO_ENGINE_AUTO);
    tap_close_ulp(s->s.column_amp[1], 0.2 / (160 + 1e4 + 2e3 + 30), 4,
                  "ends at two sides: row 0 through the source line's "
                  "wire alone");
    tap_close_ulp(s->s.column_amp[2], 0.2 / (160 + half + 50), 4, "and row 1 through the bit line's");
    solved_free(s);
}

/* Current of `rows` equal rungs with every gate on, each 300 times the one behind it. */
static double steep_ladder(size_t rows)
{
    struct xo_crossbar x = two_rungs();
    xo_ladder *l = NULL;
    double *cell = marked_array(rows), *gate = marked_array(rows), amp = NAN;
    for (size_t i = 0; i < rows; i++) {
        cell[i] = 1e-3;
        gate[i] = 1;
    }
    x.rows = rows;
    x.column_wire_ohm.all = 3e5;
    x.transistor_ohm = 10;
    if (!xo_ladder_new(&l, &x, cell, NULL))
        xo_ladder_amp(l, 1, gate, &amp);
    xo_ladder_free(l);
    free(cell);
    free(gate);
    return amp;
}

static void no_ladder_is_too_long(void)
{
    double near = steep_ladder(20);
    tap_close(steep_ladder(400), near, 1e-13 * near, "rungs behind 1000 orders of magnitude: no overflow, no trace");
}

/* Steps are called alike only where both lines' are. */
static void alike_on_both_lines(void)
{
    struct xo_crossbar x = two_rungs();
    const double cell[4] = {1e-5, 1e-5, 1e-5, 1e-5};
    double wire[3] = {30, 30, 30};
    struct xo_values *const line[] = {&x.column_wire_ohm, &x.source_wire_ohm};
    x.rows = 4;
    x.sense_side = XO_SENSE_TOP;
    for (size_t k = 0; k < 2; k++) {
        bool uniform[2] = {false, true};
        line[k]->each = wire;
        for (int other = 0; other < 2; other++) {
            xo_ladder *l = NULL;
            wire[1] = 30 + other;
            if (!xo_ladder_new(&l, &x, cell, NULL))
                uniform[other] = l->uniform;
            xo_ladder_free(l);
        }
        line[k]->each = NULL;
        tap_ok(uniform[0] && !uniform[1], "one wire of %s that differs shows", k ? "source lines" : "bit lines");
    }
}

/* With every gate on a source_row array is a crossbar whose rows are all driven alike. */
static void all_gates_on_is_a_crossbar(void)
{
    struct gated g = gated_new(77, 7, 9, XO_TOPOLOGY_SOURCE_ROW, 0);
    struct xo_crossbar y = g.r->x;
    double volt[7], on[7], series = y.transistor_ohm;
    y.topology = XO_TOPOLOGY_CROSSBAR;
    y.input = XO_INPUT_DRIVE;
    y.cell_type = XO_CELL_1R;
    y.row_wire_ohm = y.source_wire_ohm;
    y.driver_ohm = y.source_end_ohm;
    y.series_ohm = (struct xo_values){.all = series};
    for (size_t i = 0; i < 7; i++) {
        volt[i] = y.source_volt;
        on[i] = 1;
    }
    g.r->x.series_ohm = (struct xo_values){0};
    struct solved *a = solved(&g.r->x, g.r->cell_siemens, 1, on, XO_ENGINE_KLU);
    struct solved *b = solved(&y, g.r->cell_siemens, 1, volt, XO_ENGINE_KLU);
    tap_ok(!a->status && !b->status && apart(a, b, NULL) == 0, "source_row with all gates on is that crossbar");
    solved_free(a);
    solved_free(b);
    gated_free(&g);
}

/* Driven rows behind gates: those that are off might as well have no cells. */
static void driven_and_gated(void)
{
    struct random_crossbar *r = random_crossbar(5, 6, 5, 2, 0);
    double gate[12], amp[10], none[30];
    struct xo_solution out = {.column_amp = amp};
    struct xo_info info = {""};
    r->x.cell_type = XO_CELL_1T1R;
    r->x.transistor_ohm = 500;
    struct solved *s = solved(&r->x, r->cell_siemens, 2, r->row_volt, XO_ENGINE_KLU);
    double worst = 0;
    for (size_t k = 0; k < 12; k++)
        gate[k] = k % 3 != 0;
    int status = s->status ? s->status : xo_solve_gates(s->factor, 2, r->row_volt, gate, &out, &info);
    for (size_t n = 0; n < 2 && !status; n++) {
        for (size_t k = 0; k < 30; k++)
            none[k] = gate[n * 6 + k / 5] != 0 ? r->cell_siemens[k] : 0;
        struct solved *t = solved(&r->x, none, 1, r->row_volt + n * 6, XO_ENGINE_KLU);
        for (size_t j = 0; j < 5; j++)
            worst = fmax(worst, fabs(amp[n * 5 + j] - t->s.column_amp[j]) / t->s.scale_amp[j]);
        solved_free(t);
    }
    tap_ok(!status && worst < 4 * DBL_EPSILON, "driven rows behind gates that are off are rows without cells: %.2g",
           worst);
    r->x.gate = gate;
    struct solved *fixed = solved(&r->x, r->cell_siemens, 1, r->row_volt, XO_ENGINE_KLU);
    tap_ok(!fixed->status && fabs(fixed->s.column_amp[2] / amp[2] - 1) < 1e-14,
           "and so with gates in the description");
    solved_free(fixed);
    solved_free(s);
    random_crossbar_free(r);
}

static void threads_do_not_matter(void)
{
    struct gated g = gated_new(12, 9, 7, XO_TOPOLOGY_SOURCE_ROW, 0);
    double amp[2][28], volt[2][4 * 2 * 63];
    int status = 0;
    for (int k = 0; k < 2 && !status; k++) {
        struct xo_options options = {.threads = k ? 3 : 1};
        struct xo_solution out = {.column_amp = amp[k], .node_volt = volt[k]};
        xo_circuit *c = NULL;
        xo_plan *p = NULL;
        xo_factor *f = NULL;
        status = xo_circuit_new(&c, &g.r->x, NULL);
        if (!status)
            status = xo_plan_new(&p, c, &options, NULL);
        if (!status)
            status = xo_factor_new(&f, p, g.r->cell_siemens, NULL);
        if (!status)
            status = xo_solve(f, g.inputs, g.gate, &out, NULL);
        xo_factor_free(f);
        xo_plan_free(p);
        xo_circuit_free(c);
    }
    tap_ok(!status && !memcmp(amp[0], amp[1], sizeof amp[0]) && !memcmp(volt[0], volt[1], sizeof volt[0]),
           "the same bytes by one thread and by three");
    gated_free(&g);
}

/* ---- recursion -------------------------------------------------------------------------------------- */

static double recursion_error(unsigned long long seed, int features, int *count)
{
    struct gated g = gated_new(seed, 1 + seed % 40, 1 + seed % 23, topologies[2 * (seed % 2)], features);
    g.r->x.sense_side = seed % 3 ? XO_SENSE_BOTTOM : XO_SENSE_TOP;
    g.r->x.source_side = seed % 5 < 3 ? g.r->x.sense_side : seed % 3 ? XO_SENSE_TOP : XO_SENSE_BOTTOM;
    g.r->x.source_end_ohm.all = 0;
    double *amp = marked_array(g.inputs * g.columns), worst = 0;
    xo_ladder *l = NULL;
    int status = xo_ladder_new(&l, &g.r->x, g.r->cell_siemens, NULL);
    struct solved *s = solved(&g.r->x, g.r->cell_siemens, g.inputs, g.gate, XO_ENGINE_LADDER);
    if (!status && !s->status) {
        double bound = xo_ladder_amp(l, g.inputs, g.gate, amp);
        for (size_t k = 0; k < g.inputs * g.columns; k++) {
            double gap = fabs(amp[k] - s->s.column_amp[k]) - s->s.bound_amp[k];
            worst = fmax(worst, gap <= 0 ? 0 : gap / (bound * fabs(amp[k])));
        }
        *count += 1;
    }
    xo_ladder_free(l);
    free(amp);
    solved_free(s);
    gated_free(&g);
    return worst;
}

static void the_recursion_keeps_its_bound(void)
{
    for (int features = 0; features < 2; features++) {
        double worst = 0;
        int count = 0;
        for (unsigned long long seed = 1; seed <= 60; seed++)
            worst = fmax(worst, recursion_error(seed, features ? RANDOM_ALL : 0, &count));
        tap_ok(worst <= 1 && count >= (features ? 10 : 60), "recursion, %s: %d arrays, worst error %.2g of its bound",
               features ? "everything at once" : "plain", count, worst);
    }
}

/* Every instruction set climbs alike. */
static void climbing_is_the_same_everywhere(void)
{
    enum { INPUTS = 21, ROWS = 5 };
    float siemens[2][INPUTS * XO_STRIP], position[(INPUTS + 1) * XO_STRIP], out[2][ROWS * XO_STRIP];
    uint16_t rung[ROWS * INPUTS], count[ROWS] = {0};
    unsigned long long seed = 3;
    struct xo_rungs g[2] = {{.rungs = INPUTS, .siemens = siemens[0], .step_ohm = 1e-3f, .last_row = 30},
                            {.rungs = INPUTS, .siemens = siemens[1], .step_ohm = 2e-3f, .last_row = 30}};
    for (size_t k = 0; k < INPUTS * XO_STRIP; k++) {
        siemens[0][k] = (float)tap_uniform(&seed);
        siemens[1][k] = (float)tap_uniform(&seed);
    }
    for (size_t k = 0; k < (INPUTS + 1) * XO_STRIP; k++)
        position[k] = (float)(k / XO_STRIP) * 1.5e-3f;
    for (size_t j = 0; j < XO_STRIP; j++)
        g[0].volt[j] = g[1].volt[j] = g[0].end_ohm[j] = g[1].end_ohm[j] = 0.5f + (float)j;
    for (size_t n = 0; n < ROWS; n++)
        for (size_t i = 0; i < INPUTS && n != 3; i++)
            if (tap_uniform(&seed) < 0.2 * (double)n + 0.1)
                rung[n * INPUTS + count[n]++] = (uint16_t)i;
    const struct xo_active a = {rung, count, INPUTS};
    for (int way = 0; way < 8; way++) {
        bool same = true;
        g[0].position = g[1].position = g[0].second_position = g[1].second_position = way & 1 ? position : NULL;
        g[0].opposed = g[1].opposed = way & 4;
        g[0].second_step_ohm = g[1].second_step_ohm = 3e-3f;
        xo_kernels_of(XO_SIMD_PORTABLE)->climb(&a, ROWS, &g[0], way & 2 ? &g[1] : NULL, out[0]);
        for (int level = XO_SIMD_AVX2; level <= XO_SIMD_AVX512; level++) {
            if (!xo_simd_available((enum xo_simd)level))
                continue;
            xo_kernels_of((enum xo_simd)level)->climb(&a, ROWS, &g[0], way & 2 ? &g[1] : NULL, out[1]);
            same &= !memcmp(out[0], out[1], sizeof out[0]);
        }
        tap_ok(same && out[0][0] != 0 && fabsf(out[0][3 * XO_STRIP]) < 1e-20f,
               "float32, %s wires, %s, ends at %s: the same "
               "bytes by every instruction set", way & 1 ? "unequal" : "equal", way & 2 ? "pairs" : "single",
               way & 4 ? "two sides" : "one side");
    }
}

/* ---- nonlinear -------------------------------------------------------------------------------------- */

static void nonlinear_cells(void)
{
    for (size_t t = 0; t < 3; t++) {
        struct gated g = gated_new(40 + t, 9, 6, topologies[t], 0);
        g.r->x.law = (struct xo_device_law){.law = XO_LAW_SINH, .reference_volt = 0.2, .v0_volt = 0.1};
        struct solved *a = solved(&g.r->x, g.r->cell_siemens, g.inputs, g.gate, XO_ENGINE_AUTO);
        struct solved *b = solved(&g.r->x, g.r->cell_siemens, g.inputs, g.gate, XO_ENGINE_KLU);
        tap_ok(!a->status && !b->status && apart(a, b, NULL) == 0 && a->s.worst_bound_rel < 1e-9
               && a->s.worst_power_rel < 1e-12,
               "sinh cells on %s by Newton's method: proven within %.2g", topology_name[topologies[t]],
               a->s.worst_bound_rel);
        solved_free(a);
        solved_free(b);
        gated_free(&g);
    }
}

/* ---- ngspice ---------------------------------------------------------------------------------------- */

static void ngspice_agrees(void)
{
    const char *helper = getenv("CROSSOHM_NGSPICE_HELPER");
    char absolute[4096];
    if (!helper || !realpath(helper, absolute) || access(absolute, X_OK)) {
        tap_skip("ngspice agrees", "crossohm-ngspice was not built: libngspice is missing");
        return;
    }
    setenv("CROSSOHM_NGSPICE_HELPER", absolute, 1);
    static const size_t shape[][2] = {{32, 5}, {7, 32}, {1, 4}, {13, 1}};
    for (size_t t = 0; t < 3; t++) {
        double worst = 0;
        struct xo_info info = {""};
        int status = 0;
        for (size_t k = 0; k < 4 && !status; k++) {
            struct gated g = gated_new(90 + k, shape[k][0], shape[k][1], topologies[t], k % 2 ? RANDOM_ZERO_OHM : 0);
            double *amp = marked_array(g.inputs * g.columns), full = 0;
            struct solved *s = solved(&g.r->x, g.r->cell_siemens, g.inputs, g.gate, XO_ENGINE_AUTO);
            status = s->status ? s->status
                               : xo_ngspice_solve(s->circuit, g.r->cell_siemens, g.inputs, g.gate, NULL, amp, NULL,
                                                  &info);
            for (size_t n = 0; n < g.inputs * g.columns && !status; n++)
                full = fmax(full, fabs(s->s.column_amp[n]));
            for (size_t n = 0; n < g.inputs * g.columns && !status; n++)
                worst = fmax(worst, fabs(s->s.column_amp[n] - amp[n]) / full);
            free(amp);
            solved_free(s);
            gated_free(&g);
        }
        if (status)
            printf("# %s\n", info.text);
        tap_ok(!status && worst < 1e-10, "%s: ngspice within 1e-10 of full scale at every column: %.2g",
               topology_name[topologies[t]], worst);
    }
}

/* ---- refusals --------------------------------------------------------------------------------------- */

static void refused(const struct xo_crossbar *x, const char *want)
{
    xo_circuit *c = NULL;
    struct xo_info info = {""};
    int status = xo_circuit_new(&c, x, &info);
    if (!tap_ok(status == XO_EVALUE && strstr(info.text, want), "refused: %s", want))
        printf("# status %d: %s\n", status, info.text);
    xo_circuit_free(c);
}

static void what_is_refused(void)
{
    struct xo_crossbar x = two_rungs(), y = x;
    struct xo_line line[2] = {{XO_LINE_NORMAL, 0}, {XO_LINE_GROUNDED, 0}};
    double amp[1];
    struct xo_solution out = {.column_amp = amp};
    struct xo_info info = {""};
    y.input = XO_INPUT_DRIVE;
    refused(&y, "no line along rows to drive");
    y = x;
    y.cell_type = XO_CELL_1R;
    refused(&y, "expected cells of type 1T1R");
    y = x;
    y.topology = XO_TOPOLOGY_CROSSBAR;
    refused(&y, "topology crossbar drives its word lines");
    y = x;
    y.word_line = line;
    refused(&y, "word line 1 is a gate");
    y = x;
    y.transistor_off_siemens = 1;
    refused(&y, "at most 1/transistor_ohm");
    y = xo_crossbar_default(2, 1);
    line[1].state = XO_LINE_GATED;
    y.word_line = line;
    refused(&y, "word line 1 is gated");
    struct solved *s = solved(&x, (double[]){1e-5, 1e-5}, 1, (double[]){1, 1}, XO_ENGINE_AUTO);
    tap_ok(xo_solve(s->factor, 1, (double[]){1, 1.5}, &out, &info) == XO_EVALUE && strstr(info.text, "gate 1 is 1.5"),
           "a gate beyond 1 is refused");
    struct xo_matrix_result m = {.g_ni_siemens = amp};
    tap_ok(xo_matrix(s->factor, &m, &info) == XO_EVALUE && strstr(info.text, "no one matrix is exact"),
           "no matrix is called exact");
    solved_free(s);
    x.transistor_ohm = 0;
    s = solved(&x, (double[]){1e-5, 1e-5}, 1, (double[]){1, 0.5}, XO_ENGINE_AUTO);
    tap_ok(s->status == XO_EVALUE && strstr(s->info.text, "expected 0 or 1"), "a switch is on or off");
    solved_free(s);
}

int main(void)
{
    two_rungs_by_hand();
    no_ladder_is_too_long();
    alike_on_both_lines();
    every_engine_agrees();
    all_gates_on_is_a_crossbar();
    driven_and_gated();
    threads_do_not_matter();
    the_recursion_keeps_its_bound();
    climbing_is_the_same_everywhere();
    nonlinear_cells();
    ngspice_agrees();
    what_is_refused();
    return tap_done();
}
