/* Converters, one conversion at a time.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "xo_converter.h"

#include <math.h>

static double full_code(int bits)
{
    return (double)((1u << bits) - 1);
}

/* c1 t + c2 t^2 + ... */
static double polynomial(const struct xo_inl *inl, double t)
{
    double sum = 0;
    for (size_t k = inl->count; k-- > 0;)
        sum = (sum + inl->coefficient[k]) * t;
    return sum;
}

double xo_dac_volt(const struct xo_dac *dac, unsigned digit, double gauss)
{
    double t = digit / full_code(dac->bits);
    return dac->read_volt * t * (1 + dac->gain_error) + dac->offset_volt + polynomial(&dac->inl_volt, t) +
           dac->noise_volt * gauss;
}

/* Beyond the ends the end is nearest, however far: there distances may round to the same. */
static double within_range(const struct xo_dac *dac, double volt)
{
    double lowest = INFINITY, highest = -INFINITY;
    for (unsigned digit = 0; digit < 1u << dac->bits; digit++) {
        lowest = fmin(lowest, xo_dac_volt(dac, digit, 0));
        highest = fmax(highest, xo_dac_volt(dac, digit, 0));
    }
    return fmin(fmax(volt, lowest), highest);
}

unsigned xo_dac_nearest(const struct xo_dac *dac, double volt)
{
    unsigned nearest = 0;
    double least = INFINITY;
    volt = within_range(dac, volt);
    for (unsigned digit = 0; digit < 1u << dac->bits; digit++) {
        double distance = fabs(xo_dac_volt(dac, digit, 0) - volt);
        if (distance < least) {
            least = distance;
            nearest = digit;
        }
    }
    return nearest;
}

double xo_unit_ampere(const struct xo_dac *dac, const struct xo_device *device)
{
    return dac->read_volt / full_code(dac->bits) *
           ((device->on_siemens - device->off_siemens) / full_code(device->bits_per_cell));
}

double xo_adc_unclamped(const struct xo_adc *adc, const struct xo_adc_scale *scale, double ampere, double gauss)
{
    double last = full_code(adc->bits);
    double z = (ampere - scale->low_ampere) / scale->lsb_ampere;
    return rint(z * (1 + adc->gain_error) + adc->offset_lsb + polynomial(&adc->inl_lsb, z / last) +
                adc->noise_lsb * gauss);
}

unsigned xo_adc_code(const struct xo_adc *adc, const struct xo_adc_scale *scale, double ampere, double gauss)
{
    return (unsigned)fmin(fmax(xo_adc_unclamped(adc, scale, ampere, gauss), 0), full_code(adc->bits));
}

double xo_adc_ampere(const struct xo_adc_scale *scale, unsigned code)
{
    return scale->low_ampere + code * scale->lsb_ampere;
}

struct xo_adc_scale xo_adc_scale_at_gain(struct xo_adc_scale scale, double gain)
{
    double lsb = scale.lsb_ampere / gain;
    return (struct xo_adc_scale){ rint(scale.low_ampere / scale.lsb_ampere) * lsb, lsb };
}
