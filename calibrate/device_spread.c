/* Spreads of conductance over devices and from cycle to cycle, the noise's share taken off.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <gsl/gsl_cdf.h>
#include "device_fit.h"

/* Of the curves of one level, in g or in ln g: sums of squares between devices and between cycles of one. */
struct spread {
    size_t devices, cycles;            /* degrees of freedom of cycles */
    double mean, between, within;      /* between: sum over devices; within: over all their cycles */
    double per_device;                 /* mean of 1/(cycles of the device) */
    double noise;                      /* mean share of points' noise in the variance of a device's mean */
    double noise_one;                  /* of a curve's */
    double sum_log;
};

static double curve_noise(const struct xo_range *r, size_t j, bool logarithm)
{
    const struct xo_iv_curve *c = &r->iv->curve[j];
    double hh = 0;
    for (size_t k = c->first; k < c->first + c->points; k++)
        hh += r->value[k] * r->value[k] / r->sigma[k] / r->sigma[k];
    return 1 / hh / (logarithm ? r->siemens[j] * r->siemens[j] : 1);
}

static size_t end_of_device(const struct xo_range *r, size_t j, size_t to)
{
    size_t next = j + 1;
    while (next < to && r->iv->curve[next].device == r->iv->curve[j].device)
        next++;
    return next;
}

static double device_mean(const struct xo_range *r, size_t j, size_t next, bool logarithm)
{
    double sum = 0;
    for (size_t k = j; k < next; k++)
        sum += logarithm ? log(r->siemens[k]) : r->siemens[k];
    return sum / (double)(next - j);
}

static struct spread spread_of(const struct xo_range *r, size_t from, size_t to, bool logarithm)
{
    struct spread s = {0};
    for (size_t j = from, next; j < to; j = next) {
        next = end_of_device(r, j, to);
        double mean = device_mean(r, j, next, logarithm), cycles = (double)(next - j);
        s.devices++;
        s.mean += mean;
        s.per_device += 1 / cycles;
        s.cycles += next - j - 1;
        s.sum_log += log(device_mean(r, j, next, false));
        for (size_t k = j; k < next; k++) {
            s.within += pow((logarithm ? log(r->siemens[k]) : r->siemens[k]) - mean, 2);
            s.noise += curve_noise(r, k, logarithm) / (cycles * cycles);
            s.noise_one += curve_noise(r, k, logarithm) / (double)(to - from);
        }
    }
    s.mean /= (double)s.devices;
    s.per_device /= (double)s.devices;
    s.noise /= (double)s.devices;
    for (size_t j = from, next; j < to; j = next) {
        next = end_of_device(r, j, to);
        s.between += pow(device_mean(r, j, next, logarithm) - s.mean, 2);
    }
    return s;
}

/* Standard deviation left when `other` is taken off the mean square, over `unit`; the ends likewise, from chi
 * square. */
static struct xo_fitted left_over(double sum, double freedom, double other, double unit)
{
    if (!(freedom > 0))
        return (struct xo_fitted){0, NAN, NAN};
    double low = sum / gsl_cdf_chisq_Pinv(0.975, freedom), high = sum / gsl_cdf_chisq_Pinv(0.025, freedom);
    return (struct xo_fitted){sqrt(fmax(sum / freedom - other, 0)) / unit, sqrt(fmax(low - other, 0)) / unit,
                              sqrt(fmax(high - other, 0)) / unit};
}

static void put_spreads(struct xo_device_level *level, const struct spread *s, bool logarithm)
{
    double unit = logarithm ? 1 : s->mean, cycle2 = 0;
    level->cycle_spread = left_over(s->within, (double)s->cycles, s->noise_one, unit);
    if (s->cycles)
        cycle2 = fmax(s->within / (double)s->cycles - s->noise_one, 0) * s->per_device;
    level->device_spread = left_over(s->between, (double)s->devices - 1, cycle2 + s->noise, unit);
}

int xo_device_spreads(struct xo_device_fit *fit, const struct xo_range *r)
{
    enum { FEWEST = 8 };
    double gaussian = 0, lognormal = 0;
    size_t devices = 0;
    for (int pass = 0; pass < 2; pass++) {
        bool logarithm = pass && fit->spread == XO_LOGNORMAL;
        for (size_t j = 0, next; j < r->iv->curves; j = next) {
            size_t level = r->iv->curve[j].level;
            for (next = j; next < r->iv->curves && r->iv->curve[next].level == level; next++)
                ;
            struct spread s = spread_of(r, j, next, logarithm), l = spread_of(r, j, next, true);
            if (pass) {
                put_spreads(&fit->level[level], &s, logarithm);
            } else if (s.devices > 2 && s.between > 0) {
                gaussian += (double)s.devices * log(s.between / (double)s.devices);
                lognormal += (double)l.devices * log(l.between / (double)l.devices) + 2 * l.sum_log;
                devices += s.devices;
            }
        }
        if (!pass) {
            fit->spread_aic = devices >= FEWEST ? lognormal - gaussian : NAN;
            fit->spread = fit->spread_aic < 0 ? XO_LOGNORMAL : XO_GAUSSIAN;
        }
    }
    return 0;
}
