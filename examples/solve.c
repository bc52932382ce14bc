/* A 2x2 crossbar solved exactly, and proven:  cc solve.c $(pkg-config --cflags --libs crossohm)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include "xo_solver.h"

int main(void)
{
    const double siemens[4] = {1 / 20e3, 1 / 200e3, 1 / 50e3, 1 / 100e3}, volt[2] = {0.2, 0.1};
    double g_ni[4], amp[2], bound[2];
    struct xo_options options = {.engine = XO_ENGINE_CHOLMOD};
    struct xo_matrix_result matrix = {.g_ni_siemens = g_ni};
    struct xo_solution solution = {.column_amp = amp, .bound_amp = bound};
    struct xo_info info = {""};
    xo_circuit *circuit = NULL;
    xo_plan *plan = NULL;
    xo_factor *factor = NULL;
    struct xo_crossbar x = xo_crossbar_default(2, 2);
    x.driver_ohm.all = x.sense_ohm.all = 1e3;
    x.row_wire_ohm.all = 5;
    x.column_wire_ohm.all = 10;
    int status = xo_circuit_new(&circuit, &x, &info) || xo_plan_new(&plan, circuit, &options, &info)
        || xo_factor_new(&factor, plan, siemens, &info) || xo_matrix(factor, &matrix, &info)
        || xo_solve(factor, 1, volt, &solution, &info);
    if (status)
        fprintf(stderr, "%s\n", info.text);
    for (int k = 0; k < 2 && !status; k++) {
        printf("G_ni[%d] = %.12e %.12e S\n", k, g_ni[2 * k], g_ni[2 * k + 1]);
        printf("I[%d] = %.12e A, exact within %.1e A\n", k, amp[k], bound[k]);
    }
    xo_factor_free(factor);
    xo_plan_free(plan);
    xo_circuit_free(circuit);
    return status;
}
