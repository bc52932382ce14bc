/* Law sinh: I = g v_ref sinh(v/v0)/sinh(v_ref/v0), g v0 sinh(v/v0) for v_ref = 0: conduction by hopping and by
 * tunnelling through a thin barrier (Mott and Davis 1971), and, with a v0 of some 26 mV, a selector.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "law.h"

#define MOST_V0 200                    /* sinh(200) is 4e86: beyond, no cell; and nothing overflows */

static int prepare(struct xo_law_prepared *l, const struct xo_device_law *d, struct xo_info *info)
{
    double reference = fabs(d->reference_volt);
    if (!(d->v0_volt >= 1e-6 && d->v0_volt <= XO_MAX_VOLT))
        return xo_fail(info, XO_EVALUE, "law sinh: v0_volt is %g; expected a number from 1e-6 to %g V", d->v0_volt,
                       XO_MAX_VOLT);
    if (!(reference <= MOST_V0 * d->v0_volt))
        return xo_fail(info, XO_EVALUE, "law sinh: reference_volt is %g, %g times v0_volt; expected at most %d times",
                       d->reference_volt, reference / d->v0_volt, MOST_V0);
    l->v0_volt = d->v0_volt;
    l->scale_volt = reference > 0 ? reference / sinh(reference / d->v0_volt) : d->v0_volt;
    l->curve[0].low_volt = -MOST_V0 * d->v0_volt;
    l->curve[0].high_volt = MOST_V0 * d->v0_volt;
    return 0;
}

/* sinh and cosh from one exponential, but where the difference would cancel. */
static void at(const struct xo_law_prepared *l, const struct xo_law_curve *c, double volt, struct xo_law_point *p)
{
    double x = volt / l->v0_volt, up = exp(fabs(x)), down = 1 / up;
    double s = fabs(x) < 1 ? sinh(x) : copysign(0.5 * (up - down), x);
    (void)c;
    p->amp = l->scale_volt * s;
    p->siemens = l->scale_volt / l->v0_volt * (0.5 * (up + down));
    p->size = fabs(p->amp) + p->siemens * fabs(volt);
}

static double bend(const struct xo_law_prepared *l, const struct xo_law_curve *c, double low, double high)
{
    double most = fmax(fabs(low), fabs(high)) / l->v0_volt;
    (void)c;
    return l->scale_volt / l->v0_volt * sinh(most) / l->v0_volt;
}

const struct xo_law_kind xo_law_sinh = {.name = "sinh", .prepare = prepare, .at = at, .bend = bend};
