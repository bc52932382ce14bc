/* The reference is itself a claim: closed forms, and its two methods against each other.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "random-crossbar.h"
#include "reference.h"
#include "tap.h"

/* |a - b| <= tolerance |b|, NaN equal to NaN. */
static int near(quad a, quad b, double tolerance)
{
    return (a != a && b != b) || quad_abs(a - b) <= (quad)tolerance * quad_abs(b);
}

static void a_1x1_array_is_a_series_circuit(void)
{
    struct xo_crossbar x = {.rows = 1, .columns = 1, .driver_ohm.all = 3, .sense_ohm.all = 7};
    quad amp, want = (quad)0.25 / (3 + 7 + 1 / (quad)1e-4);
    reference_solve(&x, &(double){1e-4}, &(double){0.25}, &amp, NULL);
    tap_ok(near(amp, want, 1e-30), "1x1: V / (Rd + 1/g + Rs)");
    reference_solve_dense(&x, &(double){1e-4}, &(double){0.25}, &amp, NULL);
    tap_ok(near(amp, want, 1e-30), "1x1, dense");
}

/* Seen from the far end, each word-line node is a wire in series with (cell and sense) beside the rest. */
static void a_1xn_array_is_a_ladder(void)
{
    enum { N = 6 };
    double g[N] = {1e-3, 2e-4, 5e-5, 1e-3, 7e-4, 1e-6}, wire[N - 1] = {1, 20, 3, 0.5, 8}, volt = 0.7;
    struct xo_crossbar x = {.rows = 1, .columns = N, .driver_ohm.all = 50, .sense_ohm.all = 30,
                            .row_wire_ohm.each = wire};
    quad amp[N], dense[N], leg[N], onward[N], node = volt;
    for (size_t j = N; j-- > 0;) {
        leg[j] = 1 / (1 / (quad)g[j] + 30);
        onward[j] = leg[j] + (j + 1 < N ? 1 / (wire[j] + 1 / onward[j + 1]) : 0);
    }
    int right = !reference_solve(&x, g, &volt, amp, NULL) && !reference_solve_dense(&x, g, &volt, dense, NULL);
    node /= 1 + 50 * onward[0];
    for (size_t j = 0; j < N; j++) {
        right &= near(amp[j], node * leg[j], 1e-29) && near(dense[j], node * leg[j], 1e-29);
        if (j + 1 < N)
            node /= 1 + wire[j] * onward[j + 1];
    }
    tap_ok(right, "1x6: a ladder, unequal wires");
}

/* The figures were computed by hand elimination outside this program (issue 2 of the project). */
static void the_2x2_array_of_the_issue(void)
{
    double g[4] = {1 / 20e3, 1 / 200e3, 1 / 50e3, 1 / 100e3};
    double want[4] = {4.438903924255e-05, 4.688470024746e-06, 1.819833216552e-05, 9.573660367421e-06};
    struct xo_crossbar x = {.rows = 2, .columns = 2, .driver_ohm.all = 1e3, .sense_ohm.all = 1e3,
                            .row_wire_ohm.all = 5, .column_wire_ohm.all = 10};
    struct reference *r = reference_new(&x, g, NULL);
    int right = 1;
    for (size_t j = 0; j < 2; j++)
        for (size_t i = 0; i < 2; i++) {
            quad dense[2];
            reference_solve_dense(&x, g, i ? (double[]){0, 1} : (double[]){1, 0}, dense, NULL);
            right &= near(reference_couplings(r, j)[i], want[i * 2 + j], 1e-12);
            right &= near(dense[j], want[i * 2 + j], 1e-12);
        }
    reference_free(r);
    tap_ok(right, "2x2: 1k drivers, 5 and 10 ohm wires, 20k 200k 50k 100k");
}

/* Returns 0 if the two methods differ; counts conflicts and NaNs, so that we know they were seen. */
static int methods_agree(unsigned long long seed, int features, int *conflicts, int *islands)
{
    unsigned long long state = seed;
    size_t rows = 1 + (size_t)(4 * tap_uniform(&state)), columns = 1 + (size_t)(4 * tap_uniform(&state));
    struct random_crossbar *c = random_crossbar(seed, rows, columns, 1, features);
    quad amp[2][4], volt[2][32], scale[4];
    int status[2] = {reference_solve(&c->x, c->cell_siemens, c->row_volt, amp[0], volt[0]),
                     reference_solve_dense(&c->x, c->cell_siemens, c->row_volt, amp[1], volt[1])};
    struct reference *r = reference_new(&c->x, c->cell_siemens, NULL);
    int right = status[0] == status[1];
    if (right && !status[0]) {
        right = !reference_scale(r, c->row_volt, scale);
        for (size_t j = 0; right && j < columns; j++)
            right &= quad_abs(amp[0][j] - amp[1][j]) <= (quad)1e-20 * scale[j] + (quad)1e-30;
        for (size_t k = 0; right && k < 2 * rows * columns; k++) {
            int nan = volt[0][k] != volt[0][k];
            right &= nan == (volt[1][k] != volt[1][k]) && (nan || quad_abs(volt[0][k] - volt[1][k]) < (quad)1e-20);
            *islands += nan;
        }
    }
    *conflicts += status[0] == REFERENCE_CONFLICT;
    if (!right)
        printf("# seed %llu %zux%zu: status %d and %d, current %.17g and %.17g\n", seed, rows, columns, status[0],
               status[1], (double)amp[0][0], (double)amp[1][0]);
    reference_free(r);
    random_crossbar_free(c);
    return right;
}

static void envelope_and_dense_agree(int features, const char *what)
{
    int conflicts = 0, islands = 0, wrong = 0;
    for (unsigned long long seed = 1; seed <= 300; seed++)
        wrong += !methods_agree(seed, features, &conflicts, &islands);
    printf("# %s: %d conflicts, %d island nodes\n", what, conflicts, islands);
    tap_ok(wrong == 0, "envelope and dense agree: %s", what);
    tap_ok(!(features & RANDOM_ZERO_OHM) || (conflicts > 0 && islands > 0), "conflicts and islands occurred: %s",
           what);
}

int main(void)
{
    a_1x1_array_is_a_series_circuit();
    a_1xn_array_is_a_ladder();
    the_2x2_array_of_the_issue();
    envelope_and_dense_agree(0, "plain arrays");
    envelope_and_dense_agree(RANDOM_LINES | RANDOM_FAULTS, "lines and faults");
    envelope_and_dense_agree(RANDOM_ALL, "zero ohm, opens, lines and faults");
    return tap_done();
}
