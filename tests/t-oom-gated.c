/* Every allocation on the way of a gated array fails in turn: solving, ladders, the fit, one matrix in their place.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "oom.h"
#include "tap.h"
#include "xo_calibrate.h"
#include "xo_ladder.h"

enum { M = 5, N = 4, INPUTS = 2, MARK = 12345 };

static const double gate[INPUTS * M] = {1, 0, 1, 1, 0, 0, 1, 0, 0, 0.5};
static double amp[INPUTS * N], cells[M * N];

struct step { enum xo_topology topology; int touched; };

static struct xo_crossbar array(enum xo_topology topology)
{
    static const struct xo_line word[M] = {{XO_LINE_NORMAL, 0}, {XO_LINE_NORMAL, 0}, {XO_LINE_GATED, 0}};
    struct xo_crossbar x = xo_crossbar_default(M, N);
    x.topology = topology;
    x.input = XO_INPUT_GATE;
    x.cell_type = XO_CELL_1T1R;
    x.transistor_ohm = 1000;
    x.source_end_ohm.all = topology == XO_TOPOLOGY_PLANE ? 0 : 30;
    x.word_line = word;
    return x;
}

static int solves(void *user)
{
    struct step *step = user;
    struct xo_crossbar x = array(step->topology);
    struct xo_solution s = {.column_amp = amp};
    xo_circuit *circuit = NULL;
    xo_plan *plan = NULL;
    xo_factor *factor = NULL;
    int status = xo_circuit_new(&circuit, &x, NULL);
    if (!status)
        status = xo_plan_new(&plan, circuit, NULL, NULL);
    if (!status)
        status = xo_factor_new(&factor, plan, cells, NULL);
    if (!status)
        status = xo_solve(factor, INPUTS, gate, &s, NULL);
    xo_factor_free(factor);
    xo_plan_free(plan);
    xo_circuit_free(circuit);
    return status;
}

static const struct xo_device_law sinh_law = {.law = XO_LAW_SINH, .reference_volt = 0.2, .v0_volt = 0.1};

static int climbs_curves(void *user)
{
    struct step *step = user;
    struct xo_crossbar x = array(step->topology);
    xo_ladder *l = NULL;
    x.law = sinh_law;
    int status = xo_ladder_new(&l, &x, cells, NULL);
    if (!status)
        status = xo_ladder_currents(l, INPUTS, gate, amp, NULL, NULL);
    xo_ladder_free(l);
    return status;
}

static int climbs(void *user)
{
    struct step *step = user;
    struct xo_crossbar x = array(step->topology);
    xo_ladder *l = NULL;
    int status = xo_ladder_new(&l, &x, cells, NULL);
    if (!status)
        xo_ladder_amp(l, INPUTS, gate, amp);
    xo_ladder_free(l);
    return status;
}

static struct xo_hardware hardware;

static int fits(void *user)
{
    struct step *step = user;
    struct xo_fcm m = {.rows = MARK};
    const struct xo_fit_options few = {.held_out_inputs = 2};
    int status = xo_fit_array(&m, &hardware, cells, 0, NULL, &few, NULL);
    step->touched |= status && m.rows != MARK;
    if (!status)
        xo_fcm_free(&m);
    return status;
}

static int pretends(void *user)
{
    struct step *step = user;
    struct xo_one_matrix one = {.best_rms = MARK};
    int status = xo_one_matrix_error(&one, &hardware, cells, NULL, NULL);
    step->touched |= status && one.best_rms != MARK;
    return status;
}

static void sweep(int way(void *), struct step *step, const char *what)
{
    struct oom_report r = oom_sweep_allowing(way, step, 1);
    tap_ok(oom_clean(&r) && !step->touched, "%s: survives each of %zu failing allocations", what, r.allocations);
}

int main(void)
{
    static const char text[] = "array: {topology: source_column, rows: 5, columns: 4}\n"
                               "device: {transistor_ohm: 1000}\n";
    for (size_t k = 0; k < M * N; k++)
        cells[k] = k % 7 == 0 ? 0 : 1e-6 * (double)k;
    sweep(solves, &(struct step){XO_TOPOLOGY_SOURCE_COLUMN, 0}, "source_column");
    sweep(solves, &(struct step){XO_TOPOLOGY_SOURCE_ROW, 0}, "source_row");
    sweep(solves, &(struct step){XO_TOPOLOGY_PLANE, 0}, "plane");
    sweep(climbs, &(struct step){XO_TOPOLOGY_SOURCE_COLUMN, 0}, "ladders by recursion");
    sweep(climbs_curves, &(struct step){XO_TOPOLOGY_SOURCE_COLUMN, 0}, "ladders of nonlinear cells");
    int status = xo_hardware_parse(&hardware, text, sizeof text - 1, "f", NULL, 0, NULL, NULL);
    if (!status)
        status = xo_hardware_finish(&hardware, 0, 0, NULL);
    tap_ok(!status, "a description");
    sweep(fits, &(struct step){XO_TOPOLOGY_SOURCE_COLUMN, 0}, "the fit");
    hardware.array.law = sinh_law;
    sweep(fits, &(struct step){XO_TOPOLOGY_SOURCE_COLUMN, 0}, "the fit of nonlinear cells");
    hardware.array.law = (struct xo_device_law){0};
    sweep(pretends, &(struct step){XO_TOPOLOGY_SOURCE_COLUMN, 0}, "one matrix in place of ladders");
    xo_hardware_free(&hardware);
    return tap_done();
}
