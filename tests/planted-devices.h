/* Curves whose law, means and spreads are known: what the tests of calibrate/device_*.c fit.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PLANTED_DEVICES_H
#define PLANTED_DEVICES_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "random.h"
#include "xo_device_fit.h"

/* Devices vary in conductance and shape, cycles in conductance, points in noise.  All relative, but additive [A]. */
struct planted {
    enum xo_fit_law law;
    double siemens[4], v0, c[XO_SHAPE_MOST];           /* c[0] is c2 */
    size_t levels, devices, cycles, points;
    double low_volt, high_volt, reference_volt;
    double device_spread, shape_spread, cycle_spread, noise, additive;
    bool lognormal, devices_in_all_levels;
    double outliers;                   /* share of points with ten times the current's size added or taken off */
    unsigned long long seed;
};

static double planted_gauss(const struct planted *p, unsigned long long what, unsigned long long which)
{
    return xo_random_gauss((struct xo_random_key){p->seed, XO_FOR_ARRAYS, what, which});
}

/* Not by the library's own formula: powers and hyperbolic sine as they stand in the header. */
static double planted_shape(const struct planted *p, double stretch, double volt)
{
    double sum = volt, power = volt;
    if (p->law == XO_FIT_SINH)
        return sinh(volt / (p->v0 * stretch));
    for (size_t k = 0; p->law == XO_FIT_POLYNOMIAL && k < XO_SHAPE_MOST; k++)
        sum += p->c[k] * stretch * (power *= volt);
    return sum;
}

static double planted_factor(const struct planted *p, double spread, double gauss)
{
    return p->lognormal ? exp(spread * gauss - spread * spread / 2) : 1 + spread * gauss;
}

static double planted_ampere(const struct planted *p, double siemens, double stretch, double volt)
{
    return siemens * p->reference_volt * planted_shape(p, stretch, volt) / planted_shape(p, stretch,
                                                                                         p->reference_volt);
}

static double planted_noise(const struct planted *p, double ampere, size_t point)
{
    double uniform = xo_random_uniform((struct xo_random_key){p->seed, XO_FOR_ARRAYS, 9, point});
    double outlier = uniform < p->outliers ? (uniform < p->outliers / 2 ? 10 : -10) * ampere * (0.05 + p->noise) : 0;
    return ampere * p->noise * planted_gauss(p, 4, point) + p->additive * planted_gauss(p, 5, point) + outlier;
}

/* Sorted as xo_iv_read does; freed with xo_iv_free. */
static struct xo_iv plant(const struct planted *p)
{
    struct xo_iv iv = {.curves = p->levels * p->devices * p->cycles, .levels = p->levels, .has_device = true,
                       .has_cycle = true, .low_kelvin = NAN, .high_kelvin = NAN};
    iv.points = iv.curves * p->points;
    iv.devices = p->devices * (p->devices_in_all_levels ? 1 : p->levels);
    iv.volt = calloc(iv.points, sizeof *iv.volt);
    iv.ampere = calloc(iv.points, sizeof *iv.ampere);
    iv.line = calloc(iv.points, sizeof *iv.line);
    iv.curve = calloc(iv.curves, sizeof *iv.curve);
    for (size_t j = 0; j < iv.curves; j++) {
        size_t level = j / (p->devices * p->cycles), own = j / p->cycles;
        size_t device = p->devices_in_all_levels ? own % p->devices : own;
        double g = p->siemens[level] * planted_factor(p, p->device_spread, planted_gauss(p, 1, own)) *
                   planted_factor(p, p->cycle_spread, planted_gauss(p, 2, j));
        double stretch = 1 + p->shape_spread * planted_gauss(p, 3, device);
        iv.curve[j] = (struct xo_iv_curve){level, device, "", "", j * p->points, p->points};
        for (size_t k = j * p->points; k < (j + 1) * p->points; k++) {
            double part = p->points > 1 ? (double)(k % p->points) / (double)(p->points - 1) : 1;
            iv.volt[k] = p->low_volt + (p->high_volt - p->low_volt) * part;
            iv.ampere[k] = planted_ampere(p, g, stretch, iv.volt[k]);
            iv.ampere[k] += planted_noise(p, iv.ampere[k], k);
            iv.line[k] = k + 2;
        }
    }
    return iv;
}

#endif
