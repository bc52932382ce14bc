/* Every allocation of a batch fails in turn: ENOMEM, nothing leaked, and the next call works.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "oom.h"
#include "simd.h"
#include "tap.h"
#include "xo_batch.h"

enum { M = 5, N = 4, ARRAYS = 3 };

static double cells[ARRAYS * M * N], g[ARRAYS * M * N];

static int a_batch_and_a_check(void *user)
{
    struct xo_crossbar x = xo_crossbar_default(M, N);
    struct xo_batch_options options = {.threads = 2, .bounds = 1, .simd = tests_simd(),
                                       .precision = *(enum xo_precision *)user};
    struct xo_batch_arrays b = {.arrays = ARRAYS, .cell_siemens = cells, .g_ni_siemens = g};
    xo_circuit *circuit = NULL;
    xo_batch *batch = NULL;
    double error_rel;
    int status = xo_circuit_new(&circuit, &x, NULL);
    if (!status)
        status = xo_batch_new(&batch, circuit, &options, NULL);
    if (!status)
        status = xo_batch_matrix(batch, &b, NULL);
    if (!status)
        status = xo_batch_check(batch, cells, g, &error_rel, NULL, NULL);
    xo_batch_free(batch);
    xo_circuit_free(circuit);
    return status;
}

int main(void)
{
    for (size_t k = 0; k < ARRAYS * M * N; k++)
        cells[k] = 1e-6 * (double)(k % 7);
    for (int precision = XO_FLOAT64; precision <= XO_FLOAT32; precision++) {
        struct oom_report r = oom_sweep_allowing(a_batch_and_a_check, &precision, 1);  /* a block need not shrink */
        tap_ok(oom_clean(&r), "float%d: survives each of %zu failing allocations", precision == XO_FLOAT64 ? 64 : 32,
               r.allocations);
    }
    xo_batch_free(NULL);
    tap_ok(1, "freeing NULL is fine");
    return tap_done();
}
