/* Every allocation of the solver fails in turn: ENOMEM, nothing leaked, outputs untouched, and the next call works.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "oom.h"
#include "simd.h"
#include "tap.h"
#include "xo_solver.h"

enum { M = 5, N = 4, INPUTS = 3, MARK = 12345 };

/* An array with something of everything, so that every table is allocated. */
static struct xo_crossbar everything(enum xo_engine engine)
{
    static const struct xo_line word[M] = {{XO_LINE_NORMAL, 0}, {XO_LINE_HELD, 0.1}, {XO_LINE_FLOATING, 0}};
    static const struct xo_line bit[N] = {{XO_LINE_NORMAL, 0}, {XO_LINE_GROUNDED, 0}};
    static const double sense_volt[N] = {0, 0.1, 0.2, 0.1}, driver[M] = {100, 0, 50, 20, 10};
    static const struct xo_stuck stuck[1] = {{0, 1, 1e-5}};
    static const struct xo_site open_cell[1] = {{2, 3}}, segment[1] = {{1, 1}};
    static const struct xo_bridge word_bridge[2] = {{0, 1, 10}, {3, 2, 0}}, bit_bridge[1] = {{2, 0, 0}};
    struct xo_crossbar x = xo_crossbar_default(M, N);
    x.drive_side = XO_DRIVE_BOTH;
    x.sense_side = XO_SENSE_BOTH;
    x.driver_ohm.each = driver;
    x.word_line = word;
    x.bit_line = bit;
    x.sense_volt.each = sense_volt;
    x.column_wire_ohm.all = 0;
    x.series_ohm.all = 30;
    x.stuck = stuck;
    x.open_cell = open_cell;
    x.open_word_segment = segment;
    x.word_bridge = word_bridge;
    x.bit_bridge = bit_bridge;
    x.stuck_count = x.open_cell_count = x.open_word_segment_count = x.bit_bridge_count = 1;
    x.word_bridge_count = 2;
    if (engine == XO_ENGINE_LINE) {
        x.word_bridge_count = x.bit_bridge_count = 0;
        x.driver_ohm.each = NULL;
        x.column_wire_ohm.all = 2;
    }
    return x;
}

/* Two levels of polynomials, a selector. */
static void make_nonlinear(struct xo_crossbar *x)
{
    static const double mild[2] = {1, 0.1}, cubic[3] = {1, 0, 2};
    static const struct xo_law_level level[2] = {{.siemens = 1e-6, .count = 2, .coefficient = mild},
                                                 {.siemens = 1e-5, .count = 3, .coefficient = cubic}};
    x->law = (struct xo_device_law){.law = XO_LAW_POLYNOMIAL, .reference_volt = 0.2, .levels = 2, .level = level};
    x->cell_type = XO_CELL_1S1R;
    x->selector = (struct xo_device_law){.law = XO_LAW_SINH, .v0_volt = 0.05};
    x->selector_siemens = 1e-6;
}

/* Where results go; static, because the test's own allocations would be failed too. */
static struct {
    double amp[INPUTS * N], bound[INPUTS * N], scale[INPUTS * N], node[INPUTS * 2 * M * N], source[INPUTS * M];
    double cells[INPUTS * M * N], row_wires[INPUTS * M * N], column_wires[INPUTS * M * N];
    double drivers[INPUTS * 2 * M], senses[INPUTS * 2 * N];
    double word_watt[INPUTS * M], bit_watt[INPUTS * N], cell_watt[INPUTS], source_watt[INPUTS];
    double g_ni[M * N], bound_g[M * N], offset[N], bound_offset[N];
} out;

struct step { enum xo_engine engine; int touched; int nonlinear; };

static struct xo_branch_values branches(void)
{
    return (struct xo_branch_values){out.cells, out.row_wires, out.column_wires, out.drivers, out.senses, NULL, NULL};
}

static int solve(struct step *step, xo_factor *factor)
{
    static const double volt[INPUTS * M] = {0.1, 0.2, 0.3, 0.4, 0.5, -0.1, 0.2, -0.3, 0.4, -0.5};
    struct xo_solution s = {.column_amp = out.amp, .bound_amp = out.bound, .scale_amp = out.scale,
                            .node_volt = out.node, .source_amp = out.source, .branch_amp = branches(),
                            .word_line_watt = out.word_watt, .bit_line_watt = out.bit_watt,
                            .cell_watt = out.cell_watt, .source_watt = out.source_watt};
    struct xo_branch_values gradient = branches();
    struct xo_matrix_result m = {.g_ni_siemens = out.g_ni, .bound_siemens = out.bound_g, .offset_amp = out.offset,
                                 .offset_bound_amp = out.bound_offset};
    int status;
    out.amp[0] = out.cells[0] = out.g_ni[0] = MARK;
    if ((status = xo_solve(factor, INPUTS, volt, &s, NULL))) {
        step->touched |= !step->nonlinear && (out.amp[0] != MARK || out.cells[0] != MARK);
        return status;
    }
    if (step->nonlinear)
        return out.amp[0] != MARK ? 0 : -1000;
    if (step->engine != XO_ENGINE_KLU && step->engine != XO_ENGINE_LINE && (status = xo_matrix(factor, &m, NULL))) {
        step->touched |= out.g_ni[0] != MARK;
        return status;
    }
    out.cells[0] = MARK;
    if ((status = xo_gradient(factor, INPUTS, volt, 2, &gradient, NULL)))
        step->touched |= out.cells[0] != MARK;
    return status;
}

static int the_whole_way(void *user)
{
    struct step *step = user;
    struct xo_crossbar x = everything(step->engine);
    if (step->nonlinear)
        make_nonlinear(&x);
    struct xo_options options = {.engine = step->engine, .threads = 1, .simd = tests_simd()};
    xo_circuit *circuit = NULL;
    xo_plan *plan = NULL;
    xo_factor *factor = NULL;
    double cells[M * N];
    for (size_t k = 0; k < M * N; k++)
        cells[k] = k % 7 == 0 ? 0 : 1e-6 * (double)k;
    int status = xo_circuit_new(&circuit, &x, NULL);
    if (!status)
        status = xo_plan_new(&plan, circuit, &options, NULL);
    if (!status)
        status = xo_factor_new(&factor, plan, cells, NULL);
    if (!status)
        status = solve(step, factor);
    xo_factor_free(factor);
    xo_plan_free(plan);
    xo_circuit_free(circuit);
    return status;
}

int main(void)
{
    for (int e = XO_ENGINE_CHOLMOD; e <= XO_ENGINE_LINE; e++) {
        struct step step = {(enum xo_engine)e, 0, 0};
        struct oom_report r = oom_sweep_allowing(the_whole_way, &step, 1);     /* a block need not shrink */
        tap_ok(oom_clean(&r), "%s: survives each of %zu failing allocations", xo_engine_name(step.engine),
               r.allocations);
        tap_ok(!step.touched, "%s: outputs untouched by a call that found no memory", xo_engine_name(step.engine));
    }
    for (int e = XO_ENGINE_CHOLMOD; e < XO_ENGINE_LINE; e++) {
        struct step step = {(enum xo_engine)e, 0, 1};
        struct oom_report r = oom_sweep_allowing(the_whole_way, &step, 1);
        tap_ok(oom_clean(&r), "%s, nonlinear cells: survives each of %zu failing allocations",
               xo_engine_name(step.engine), r.allocations);
    }
    xo_circuit_free(NULL);
    xo_plan_free(NULL);
    xo_factor_free(NULL);
    tap_ok(1, "freeing NULL is fine");
    return tap_done();
}
