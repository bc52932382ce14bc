/* Device fits and device files when memory runs out: every allocation of ours fails in turn.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <gsl/gsl_errno.h>
#include "oom.h"
#include "planted-devices.h"
#include "scratch.h"
#include "tap.h"
#include "xo_hardware.h"

static struct planted example = {
    .law = XO_FIT_SINH, .siemens = {1e-6, 4e-6}, .v0 = 0.25, .levels = 2, .devices = 2, .cycles = 1, .points = 12,
    .low_volt = -0.3, .high_volt = 0.5, .reference_volt = 0.5, .noise = 0.01, .seed = 1
};
static char text[8192];

static int read_and_fit(enum xo_fit_law law, enum xo_fit_loss loss)
{
    struct xo_device_options o = {
        .law = law, .loss = loss, .reference_volt = NAN, .tolerance = 0.05, .most_order = 3
    };
    struct xo_info info = {""};
    struct xo_iv iv = {0};
    struct xo_device_fit fit = {0};
    int status = xo_iv_parse(&iv, text, strlen(text), "f", &info);
    if (!status)
        status = xo_device_fit(&fit, &iv, "f", &o, &info);
    xo_device_fit_free(&fit);
    xo_iv_free(&iv);
    return status;
}

static int choose(void *user)
{
    (void)user;
    return read_and_fit(XO_FIT_BY_AIC, XO_LOSS_HUBER);
}

static int tabulate(void *user)
{
    (void)user;
    return read_and_fit(XO_FIT_TABLE, XO_LOSS_SQUARE);
}

static int refuse(void *user)
{
    struct xo_iv iv = {0};
    (void)user;
    return xo_iv_parse(&iv, "level,v[V],i[A]\n0,1,1\n2,1,1\n", 28, "f", NULL) == XO_EVALUE ? 0 : ENOMEM;
}

static int device_file(void *user)
{
    static const char yaml[] = "device: {file: sub/device.yaml}\nlayers: {c1: {device: {file: sub/device.yaml}}}\n";
    struct xo_hardware h = {0};
    int status = xo_hardware_parse(&h, yaml, sizeof yaml - 1, "f", NULL, 0, NULL, user);
    xo_hardware_free(&h);
    return status;
}

static void survives(int (*call)(void *), const char *what)
{
    struct xo_info info = {""};
    struct oom_report report = oom_sweep(call, &info);
    tap_ok(oom_clean(&report), "%s survives each of %zu failing allocations", what, report.allocations);
}

int main(void)
{
    struct xo_iv iv = plant(&example);
    size_t used = (size_t)sprintf(text, "level,v[V],i[A],device\n");
    gsl_set_error_handler_off();
    for (size_t j = 0; j < iv.curves; j++)
        for (size_t k = iv.curve[j].first; k < iv.curve[j].first + iv.curve[j].points; k++)
            used += (size_t)sprintf(text + used, "%zu,%.17g,%.17g,d%zu\n", iv.curve[j].level, iv.volt[k],
                                    iv.ampere[k],
                                    iv.curve[j].device);
    xo_iv_free(&iv);
    survives(choose, "choosing a law");
    survives(tabulate, "a table");
    survives(refuse, "refusing a missing level");
    if (!scratch_enter() || system("mkdir sub")) {
        tap_skip("a device file", "a folder to write to");
        return tap_done();
    }
    scratch_put("sub/device.yaml", "device: {on_siemens: 1e-4, series_ohm: r.npy}\n", 46);
    survives(device_file, "a device file");
    scratch_leave();
    return tap_done();
}
