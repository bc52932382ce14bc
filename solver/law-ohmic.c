/* Law ohmic: I = g v, as an element of cells that hold a nonlinear one beside it.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "law.h"

static int prepare(struct xo_law_prepared *l, const struct xo_device_law *d, struct xo_info *info)
{
    (void)d;
    (void)info;
    l->curve[0].low_volt = -INFINITY;
    l->curve[0].high_volt = INFINITY;
    return 0;
}

static void at(const struct xo_law_prepared *l, const struct xo_law_curve *c, double volt, struct xo_law_point *p)
{
    (void)l;
    (void)c;
    *p = (struct xo_law_point){.amp = volt, .siemens = 1, .size = fabs(volt)};
}

static double bend(const struct xo_law_prepared *l, const struct xo_law_curve *c, double low, double high)
{
    (void)l;
    (void)c;
    (void)low;
    (void)high;
    return 0;
}

const struct xo_law_kind xo_law_ohmic = {.name = "ohmic", .prepare = prepare, .at = at, .bend = bend};
