/* Arrays small or simple enough for a formula: every engine, to 4 units in the last place.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <float.h>
#include "solved.h"
#include "tap.h"

#define ULPS 4

/* Every engine, every current, against want [columns]. */
static void currents_are(const struct xo_crossbar *x, const double *cell_siemens, const double *row_volt,
                         const long double *want, const char *fact)
{
    for (int e = 0; e < ENGINES; e++) {
        if (!engine_takes(every_engine[e], x))
            continue;
        struct solved *d = solved(x, cell_siemens, 1, row_volt, every_engine[e]);
        long double worst = d->status ? INFINITY : 0;
        for (size_t j = 0; !d->status && j < x->columns; j++)
            worst = fmaxl(worst, fabsl(d->s.column_amp[j] - want[j]) / fabsl(want[j]));
        if (!(worst <= ULPS * DBL_EPSILON))
            printf("# status %d %s, worst error %.3Lg, tolerance %.3g\n", d->status, d->info.text, worst,
                   ULPS * DBL_EPSILON);
        tap_ok(worst <= ULPS * DBL_EPSILON, "%s: %s", xo_engine_name(every_engine[e]), fact);
        solved_free(d);
    }
}

static void a_1x1_array_is_a_series_circuit(void)
{
    struct xo_crossbar x = xo_crossbar_default(1, 1);
    double g = 1e-4, volt = 0.2;
    x.driver_ohm.all = 3;
    x.sense_ohm.all = 7;
    currents_are(&x, &g, &volt, &(long double){(long double)volt / (3 + 1 / (long double)g + 7)}, "1x1 divider");
    x.series_ohm.all = 500;
    currents_are(&x, &g, &volt, &(long double){(long double)volt / (3 + 500 + 1 / (long double)g + 7)},
                 "1x1 divider with series resistance");
    x.drive_side = XO_DRIVE_BOTH;
    x.sense_side = XO_SENSE_BOTH;
    x.sense_volt.all = 0.05;
    currents_are(&x, &g, &volt,
                 &(long double){((long double)volt - x.sense_volt.all) / (1.5L + 500 + 1 / (long double)g + 3.5L)},
                 "1x1 with both ends of both lines in use, and a sense voltage");
}

/* Fold the ladder from its far end, then walk it from the driver. */
static void a_1xn_array_is_a_ladder(void)
{
    enum { N = 9 };
    double g[N], wire[N - 1], volt = 0.3;
    long double want[N], leg[N], onward[N], node = volt;
    struct xo_crossbar x = xo_crossbar_default(1, N);
    for (size_t j = 0; j < N; j++)
        g[j] = 1e-5 * (double)(1 + 7 * j % 5);
    for (size_t j = 0; j + 1 < N; j++)
        wire[j] = 0.25 * (double)(1 + j);
    x.row_wire_ohm.each = wire;
    x.column_wire_ohm.all = 1e4;                        /* there is none to use it: must not matter */
    for (size_t j = N; j-- > 0;) {
        leg[j] = 1 / (1 / (long double)g[j] + x.sense_ohm.all);
        onward[j] = leg[j] + (j + 1 < N ? 1 / (wire[j] + 1 / onward[j + 1]) : 0);
    }
    node /= 1 + x.driver_ohm.all * onward[0];
    for (size_t j = 0; j < N; j++) {
        want[j] = node * leg[j];
        if (j + 1 < N)
            node /= 1 + wire[j] * onward[j + 1];
    }
    currents_are(&x, g, &volt, want, "1x9 ladder");
}

/* By reciprocity: what row i contributes is what 1 V behind the sense resistor would send into source i. */
static void an_mx1_array_is_a_ladder(void)
{
    enum { M = 7 };
    double g[M], wire[M - 1], volt[M];
    long double want = 0, leg[M], onward[M], node = 1;
    struct xo_crossbar x = xo_crossbar_default(M, 1);
    for (size_t i = 0; i < M; i++) {
        g[i] = 1e-5 * (double)(1 + 3 * i % 4);
        volt[i] = 0.1 + 0.05 * (double)i;
    }
    for (size_t i = 0; i + 1 < M; i++)
        wire[i] = 2.5 / (double)(1 + i);
    x.column_wire_ohm.each = wire;
    x.row_wire_ohm.all = 1e4;
    for (size_t i = 0; i < M; i++) {
        leg[i] = 1 / (1 / (long double)g[i] + x.driver_ohm.all);
        onward[i] = leg[i] + (i > 0 ? 1 / (wire[i - 1] + 1 / onward[i - 1]) : 0);
    }
    node /= 1 + x.sense_ohm.all * onward[M - 1];
    for (size_t i = M; i-- > 0;) {
        want += node * leg[i] * volt[i];
        if (i > 0)
            node /= 1 + wire[i - 1] * onward[i - 1];
    }
    currents_are(&x, g, volt, &want, "7x1 ladder");
}

/* Figures from issue 2, computed by hand elimination outside this project: 13 digits. */
static void a_2x2_array_by_hand(void)
{
    static const double want[4] = {4.438903924255e-05, 4.688470024746e-06, 1.819833216552e-05, 9.573660367421e-06};
    double g[4] = {1 / 20e3, 1 / 200e3, 1 / 50e3, 1 / 100e3}, unit[4] = {1, 0, 0, 1}, amp[4];
    struct xo_crossbar x = xo_crossbar_default(2, 2);
    x.driver_ohm.all = x.sense_ohm.all = 1e3;
    x.row_wire_ohm.all = 5;
    x.column_wire_ohm.all = 10;
    for (int e = 0; e < ENGINES; e++) {
        int right = !solved_currents(&x, g, 2, unit, every_engine[e], amp);
        for (size_t k = 0; right && k < 4; k++)
            right = fabs(amp[k] - want[k]) <= 1e-12 * want[k];
        tap_ok(right, "%s: the 2x2 array of issue 2", xo_engine_name(every_engine[e]));
    }
}

static void without_any_resistance_it_is_a_matrix_product(void)
{
    enum { M = 5, N = 3 };
    double g[M * N], volt[M];
    long double want[N] = {0};
    struct xo_crossbar x = {.rows = M, .columns = N};
    unsigned long long state = 2;
    for (size_t i = 0; i < M; i++) {
        volt[i] = tap_uniform(&state);
        for (size_t j = 0; j < N; j++) {
            g[i * N + j] = 1e-6 + 1e-4 * tap_uniform(&state);
            want[j] += (long double)g[i * N + j] * volt[i];
        }
    }
    currents_are(&x, g, volt, want, "all ohms 0: I = G^T V");
}

static void tiny_resistances_approach_the_matrix_product(void)
{
    struct xo_crossbar x = {.rows = 4, .columns = 6, .row_wire_ohm.all = 1e-9, .column_wire_ohm.all = 2e-9,
                            .driver_ohm.all = 1e-9, .sense_ohm.all = 3e-9};
    double g[24], volt[4] = {0.1, 0.2, 0.3, 0.4}, amp[6];
    for (size_t k = 0; k < 24; k++)
        g[k] = 1e-6 * (double)(1 + k);
    for (int e = 0; e < ENGINES; e++) {
        int right = !solved_currents(&x, g, 1, volt, every_engine[e], amp);
        for (size_t j = 0; right && j < 6; j++) {
            double want = 0;
            for (size_t i = 0; i < 4; i++)
                want += volt[i] * g[i * 6 + j];
            right = fabs(amp[j] - want) <= 1e-11 * want && amp[j] < want;
        }
        tap_ok(right, "%s: nano-ohm wires lose a little, and only a little", xo_engine_name(every_engine[e]));
    }
}

int main(void)
{
    a_1x1_array_is_a_series_circuit();
    a_1xn_array_is_a_ladder();
    an_mx1_array_is_a_ladder();
    a_2x2_array_by_hand();
    without_any_resistance_it_is_a_matrix_product();
    tiny_resistances_approach_the_matrix_product();
    return tap_done();
}
