/* Law spice when memory runs out, tables from the cache or measured anew: the right status, no leak, and the next
 * call works.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdlib.h>
#include <unistd.h>
#include "oom.h"
#include "scratch.h"
#include "tap.h"
#include "xo_subcircuit.h"

static const struct xo_subcircuit_keys keys = {
    .file = "film.sub", .name = "film", .level_parameter = "r", .level_range = {1e4, 1e5}, .volt_range = {-0.4, 0.4},
    .reference_volt = 0.2, .read = XO_READ_DC, .read_given = true, .read_volt = 0.2
};

static int make_once(void *user)
{
    const double siemens[3] = {2e-5, 0, 1e-5};
    double parameter[3], state[3];
    const char *blame = NULL;
    xo_subcircuit *s = NULL;
    int status = xo_subcircuit_new(&s, &keys, NULL, &blame, NULL);
    if (!status && user)
        status = xo_subcircuit_program(s, 3, siemens, NULL, parameter, state, NULL);
    xo_subcircuit_free(s);
    return status;
}

int main(void)
{
    static const char text[] = ".subckt film p n r=1e4\nR1 p n {r}\n.ends\n";
    const char *helper = getenv("CROSSOHM_NGSPICE_HELPER");
    int program = 1;
    struct oom_report r;
    if (!helper || access(helper, X_OK)) {
        tap_ok(1, "memory running out # SKIP ngspice (libngspice0-dev) is missing: no crossohm-ngspice");
        return tap_done();
    }
    if (!scratch_enter())
        return 99;
    char *here = realpath(".", NULL);
    scratch_put("film.sub", text, sizeof text - 1);
    setenv("CROSSOHM_CACHE", here, 1);
    tap_ok(make_once(NULL) == 0 && scratch_entries(".") == 2, "the tables are kept");
    r = oom_sweep_allowing(make_once, NULL, 1);                          /* what cannot be read is measured */
    tap_ok(oom_clean(&r), "reading them survives each of %zu failing allocations", r.allocations);
    if (getenv("CROSSOHM_LONG")) {
        r = oom_sweep_allowing(make_once, &program, 1);
        tap_ok(oom_clean(&r), "programming cells too: %zu", r.allocations);
        setenv("CROSSOHM_CACHE", "off", 1);
        r = oom_sweep(make_once, NULL);
        tap_ok(oom_clean(&r), "measuring them: %zu", r.allocations);
    }
    free(here);
    scratch_leave();
    return tap_done();
}
