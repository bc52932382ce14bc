/* Which currents an ADC spans.  0 A is always exactly a code: low = -k LSB, k a code.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "select.h"
#include "xo_converter.h"

#include <math.h>

struct rule {
    const struct xo_adc *adc;
    const struct xo_dac *dac;
    const struct xo_device *device;
    size_t rows;
    int signed_codes;
    struct xo_info *info;
};

static double full_code(const struct rule *r)
{
    return (double)((1u << r->adc->bits) - 1);
}

/* Signed codes: half of them below 0 A. */
static struct xo_adc_scale scale_of(const struct rule *r, double lsb)
{
    double below = r->signed_codes ? (double)(1u << (r->adc->bits - 1)) : 0;
    return (struct xo_adc_scale){ 0 - below * lsb, lsb };
}

/* Everything on at full voltage is the last code. */
static struct xo_adc_scale full(const struct rule *r)
{
    double most = (double)r->rows * r->device->on_siemens * r->dac->read_volt;
    double above = r->signed_codes ? (double)((1u << (r->adc->bits - 1)) - 1) : full_code(r);
    return scale_of(r, most / above);
}

static struct xo_adc_scale granular(const struct rule *r)
{
    return scale_of(r, xo_unit_ampere(r->dac, r->device));
}

/* From low to high in steps that make 0 A a code: low moves to the nearest whole step. */
static int between(struct xo_adc_scale *out, const struct rule *r, double low, double high)
{
    double lsb = (high - low) / full_code(r), steps = rint(low / lsb);
    if (!(lsb > 0) || !isfinite(steps) || steps > 0 || steps < -full_code(r))
        return xo_fail(r->info, XO_EVALUE, "adc range: %g A to %g A; expected a range that holds 0 A, from low to "
                       "high", low, high);
    *out = (struct xo_adc_scale){ steps * lsb + 0.0, lsb };        /* + 0.0: never -0 */
    return 0;
}

/* Linear interpolation between the two order statistics around (count - 1) q. */
static double quantile(double *x, size_t count, double q)
{
    double at = q * (double)(count - 1);
    size_t k = (size_t)at < count - 1 ? (size_t)at : count - 1;
    double here = xo_select(x, count, k), next = here;
    if (k + 1 < count) {
        next = x[k + 1];
        for (size_t n = k + 2; n < count; n++)
            next = fmin(next, x[n]);
    }
    return here + (at - (double)k) * (next - here);
}

static int calibrated(struct xo_adc_scale *out, const struct rule *r, size_t count, double *currents)
{
    for (size_t k = 0; k < count; k++)
        if (!isfinite(currents[k]))
            return xo_fail(r->info, XO_EVALUE, "adc range: a current that is not finite; expected finite ones");
    if (!count)
        return xo_fail(r->info, XO_EVALUE, "adc range: calibrated without currents; expected at least one");
    double low = fmin(quantile(currents, count, r->adc->quantile), 0);
    double high = fmax(quantile(currents, count, 1 - r->adc->quantile), 0);
    if (low < high)
        return between(out, r, low, high);
    *out = granular(r);
    out->low_ampere = 0;
    return 0;
}

int xo_adc_range(struct xo_adc_scale *out, const struct xo_adc *adc, const struct xo_dac *dac,
                 const struct xo_device *device, size_t rows, int signed_codes, size_t count, double *currents,
                 struct xo_info *info)
{
    const struct rule r = { adc, dac, device, rows, signed_codes, info };
    if (adc->range == XO_ADC_CALIBRATED)
        return calibrated(out, &r, count, currents);
    if (adc->range == XO_ADC_FIXED)
        return between(out, &r, adc->low_ampere, adc->high_ampere);
    if (signed_codes && adc->bits < 2)
        return xo_fail(info, XO_EVALUE, "adc.bits: found %d for signed codes; expected at least 2", adc->bits);
    *out = adc->range == XO_ADC_FULL ? full(&r) : granular(&r);
    return 0;
}
