/* The hardware file when memory runs out: every allocation of ours fails in turn.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <sys/stat.h>
#include "oom.h"
#include "scratch.h"
#include "tap.h"
#include "xo_file.h"
#include "xo_hardware.h"

static const char file[] =
    "array:\n"
    "  rows: 4\n"
    "  driver_ohm: drivers.npy\n"
    "  lines: {word: {3: floating, 1: {hold_volt: 0.1}}, bit: {0: grounded}}\n"
    "  faults: {stuck: [[3, 2, 1e-6], [0, 0, 0]], open_cells: [[1, 1]], bit_bridges: [[0, 1, 20]]}\n"
    "dac: {inl_volt: [1e-3, 2e-3]}\n"
    "layers: {\"c*\": {array: {lines: {bit: {2: floating}}}}, c1: {keep: digital}}\n";

static int read_and_finish(void *user)
{
    static const char *const set[] = { "array.row_wire_ohm=2", "adc.inl_lsb=[0.1]" };
    struct xo_hardware h = { 0 };
    int status = xo_hardware_read(&h, "f.yaml", 2, set, user);
    if (!status)
        status = xo_hardware_finish(&h, 0, 3, user);
    xo_hardware_free(&h);
    return status;
}

static int settle_a_layer(void *user)
{
    struct xo_hardware h = { 0 }, layer = { 0 };
    char *text = NULL;
    bool keep;
    int status = xo_hardware_read(&h, "f.yaml", 0, NULL, user);
    if (!status)
        status = xo_hardware_for_layer(&layer, &h, "c1", &keep, user);
    if (!status)
        status = xo_hardware_finish(&layer, 0, 3, user);
    if (!status)
        status = xo_hardware_print(&text, &h);
    free(text);
    xo_hardware_free(&layer);
    xo_hardware_free(&h);
    return status;
}

static int refuse_a_bad_key(void *user)
{
    struct xo_hardware h = { 0 };
    int status = xo_hardware_parse(&h, "array: {rws: 3}", 15, "f", NULL, 0, NULL, user);
    return status == XO_EVALUE ? 0 : status;
}

static int survives(int (*call)(void *), const char *what)
{
    struct xo_info info = { "" };
    struct oom_report report = oom_sweep(call, &info);
    return tap_ok(oom_clean(&report), "%s survives each of %zu failing allocations", what, report.allocations);
}

int main(void)
{
    const size_t four = 4;
    struct xo_ndarray drivers;
    if (!scratch_enter() || xo_ndarray_new(&drivers, 1, &four))
        return tap_skip_all("a folder to write to");
    scratch_put("f.yaml", file, sizeof file - 1);
    tap_ok(xo_npy_write("drivers.npy", &drivers, NULL) == 0, "a file of drivers");
    xo_ndarray_free(&drivers);
    survives(read_and_finish, "reading");
    survives(settle_a_layer, "a layer of its own, printing");
    survives(refuse_a_bad_key, "refusing");
    scratch_leave();
    return tap_done();
}
