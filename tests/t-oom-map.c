/* Every allocation of the mapping fails in turn: ENOMEM, no leak, the next call works.  (HDF5's own allocations are
 * not seen.)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "layout.h"
#include "oom.h"
#include "scratch.h"
#include "tap.h"
#include "xo_file.h"
#include "xo_map.h"

static struct xo_info info;
static struct xo_hardware hardware;

static int map_a_matrix(void *user)
{
    xo_map *m = NULL;
    int status = xo_map_open(&m, &hardware, "W.npy", &info);
    (void)user;
    if (!status)
        status = xo_map_run(m, "tiles.h5", NULL, NULL, &info);
    xo_map_free(m);
    return status;
}

static int lay_out_groups(void *user)
{
    static float weight[3 * 4 * 2] = { 1, -2, 3 };
    const struct xo_layer layer = { .name = "conv", .groups = 3, .inputs = 4, .outputs = 2, .weight = weight,
                                    .is_convolution = true, .window = { .kernel = { 1, 1 } } };
    struct xo_codes codes;
    struct xo_layout l;
    int status = xo_codes_new(&codes, &layer, &hardware.mapping, &info);
    (void)user;
    if (status)
        return status;
    status = xo_layout_new(&l, &hardware, &codes, &info);
    if (!status)
        xo_layout_free(&l);
    xo_codes_free(&codes);
    return status;
}

static void sweep(const char *what, int (*call)(void *user))
{
    struct oom_report r = oom_sweep(call, NULL);
    tap_ok(oom_clean(&r), "%s survives each of its %zu allocations failing, once or for good", what, r.allocations);
}

int main(void)
{
    static const char *const set[] = { "array.rows=5", "array.columns=4", "layers.W.adc.bits=3" };
    double value[12] = { 1, -2, 3, 4, 5, 6, -7 };
    const struct xo_ndarray w = { 2, { 6, 2 }, value };
    if (!scratch_enter() || xo_npy_write("W.npy", &w, &info) || xo_hardware_read(&hardware, NULL, 3, set, &info))
        return tap_skip_all("no folder to write in");
    sweep("mapping a matrix", map_a_matrix);
    sweep("laying out groups", lay_out_groups);
    xo_hardware_free(&hardware);
    scratch_leave();
    return tap_done();
}
