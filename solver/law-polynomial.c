/* Law polynomial: C(v) = v_ref P(v)/P(v_ref), P(v) = c1 v + c2 v^2 + ...; for v_ref = 0 it is P(v)/c1.
 *
 * A polynomial is monotone around 0 V as far as its slope stays positive: that is its range.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "law.h"

/* Horner's scheme for value and slope; size collects the magnitudes, each term as often as it is rounded. */
static void at(const struct xo_law_prepared *l, const struct xo_law_curve *c, double volt, struct xo_law_point *p)
{
    double value = 0, slope = 0, size = 0, a = fabs(volt);
    (void)l;
    for (size_t k = c->count; k-- > 0;) {
        slope = slope * volt + value;
        value = value * volt + c->number[k];
        size = size * a + fabs(c->number[k]) * (double)(k + 1);
    }
    p->amp = value * volt;
    p->siemens = slope * volt + value;
    p->size = size * a;
}

static double bend(const struct xo_law_prepared *l, const struct xo_law_curve *c, double low, double high)
{
    double most = fmax(fabs(low), fabs(high)), sum = 0;
    (void)l;
    for (size_t k = c->count; k-- > 1;)
        sum = sum * most + fabs(c->number[k]) * (double)k * (double)(k + 1);
    return sum;
}

/* How far the slope is positive in one direction, proven: from a point of slope s it stays so for s / bend volt.
 * Ends within 1e-9 of where the slope vanishes, or where numbers get out of hand. */
static double monotone_until(const struct xo_law_prepared *l, const struct xo_law_curve *c, double direction)
{
    double volt = 0, step = 1e-6;
    struct xo_law_point p;
    while (volt < XO_MAX_VOLT) {
        double next = fmin(volt + step, XO_MAX_VOLT);
        at(l, c, direction * volt, &p);
        if (p.siemens > 1.01 * (next - volt) * bend(l, c, 0, next) && p.size < 1e60) {
            volt = next;
            step *= 1.5;
        } else if (step > 1e-9 * volt + 1e-15) {
            step *= 0.5;
        } else {
            break;
        }
    }
    return direction * volt;
}

static int prepare_curve(struct xo_law_prepared *l, struct xo_law_curve *c, const struct xo_law_level *level,
                         double reference, struct xo_info *info)
{
    struct xo_law_point p;
    for (size_t k = 0; k < level->count; k++) {
        if (!(fabs(level->coefficient[k]) <= 1e30))
            return xo_fail(info, XO_EVALUE, "law polynomial: coefficient %zu is %g; expected at most 1e30 in size", k,
                           level->coefficient[k]);
        c->number[k] = level->coefficient[k];
    }
    c->count = level->count;
    if (!c->count || !(c->number[0] > 0))
        return xo_fail(info, XO_EVALUE, "law polynomial: the slope at 0 V, its first coefficient, is %g; expected "
                       "more than 0", c->count ? c->number[0] : 0);
    c->low_volt = monotone_until(l, c, -1);
    c->high_volt = monotone_until(l, c, 1);
    if (reference < c->low_volt || reference > c->high_volt)
        return xo_fail(info, XO_EVALUE, "law polynomial: negative slope from %g V on; expected current that rises up "
                       "to reference_volt %g V", reference > 0 ? c->high_volt : c->low_volt, reference);
    at(l, c, reference, &p);
    double unit = reference == 0 ? c->number[0] : p.amp / reference;
    for (size_t k = 0; k < c->count; k++)
        c->number[k] /= unit;
    return 0;
}

static int prepare(struct xo_law_prepared *l, const struct xo_device_law *d, struct xo_info *info)
{
    int status = 0;
    for (size_t k = 0; k < d->levels && !status; k++)
        status = prepare_curve(l, &l->curve[k], &d->level[k], d->reference_volt, info);
    return status;
}

const struct xo_law_kind xo_law_polynomial = {.name = "polynomial", .prepare = prepare, .at = at, .bend = bend};
