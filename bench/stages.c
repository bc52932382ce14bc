/* What the stages of fast models cost, in time: each against the linear product of the same array.
 *     bench/stages MODEL.fcm...
 * Inputs and currents in memory, one thread, warmed, best of seven.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "xo_fcm.h"

void openblas_set_num_threads(int threads);

enum { RUNS = 7 };

static double now_sec(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds an input. */
static double time_of(const struct xo_fcm *m, size_t inputs)
{
    double *volt = malloc(inputs * m->rows * sizeof *volt), *amp = malloc(inputs * m->columns * sizeof *amp);
    double best = 1e300;
    const struct xo_fcm_validity *v = &m->validity;
    int status = volt && amp ? 0 : 1;
    for (size_t k = 0; k < inputs * m->rows && !status; k++)
        volt[k] = v->low_volt + (v->high_volt - v->low_volt) * (double)(k * 2654435761u % 1000) / 1000;
    for (int run = 0; run < RUNS && !status; run++) {
        double begin = now_sec();
        status = xo_fcm_apply(m, &(struct xo_apply){ .threads = 1 }, inputs, volt, amp, NULL, NULL);
        double sec = now_sec() - begin;
        best = sec < best ? sec : best;
    }
    free(volt);
    free(amp);
    return status ? -1 : best / (double)inputs;
}

static int measure(const char *path)
{
    struct xo_fcm m, linear;
    struct xo_info info = { "" };
    if (xo_fcm_read(&m, path, &info)) {
        fprintf(stderr, "%s\n", info.text);
        return 1;
    }
    const struct xo_fcm_candidate c = { m.stage, m.basis.functions, m.basis.bent, m.correction.count,
                                        m.correction.sweeps, 0, 0, 0, { 0, 0 } };
    char name[48];
    xo_fcm_candidate_name(&c, name, sizeof name);
    linear = m;
    linear.stage = XO_FCM_LINEAR;
    double one = time_of(&linear, 40000), own = time_of(&m, m.stage == XO_FCM_CORRECTED ? 2000 : 40000);
    printf("%zux%-6zu %-28s counted %7.4g   %9.3f us an input, %7.4g times the product's %.3f us\n", m.rows,
           m.columns, name, xo_fcm_cost(&m), 1e6 * own, own / one, 1e6 * one);
    xo_fcm_free(&m);
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0;
    openblas_set_num_threads(1);
    for (int k = 1; k < argc; k++)
        failed |= measure(argv[k]);
    return failed;
}
