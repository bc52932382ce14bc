/* crossohm device, statistics: in 200 noisy trials the 95 % intervals hold what was planted about 190 times, devices
 * that differ from each other included.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <gsl/gsl_errno.h>
#include "planted-devices.h"
#include "tap.h"

enum { TRIALS = 200, LEAST = 180, MOST = 199 };        /* 190 +- 3.2 of its own standard deviations of 3.1 */

/* How often each interval held; what is asked of a fit. */
struct count { int trials, shape[XO_SHAPE_MOST], siemens[4], device, cycle; double noise2; };

static int holds(struct xo_fitted x, double truth)
{
    return x.low95 <= truth && truth <= x.high95;
}

static void count_one(struct count *c, const struct planted *p, const struct xo_device_fit *fit)
{
    const struct xo_device_level *l = fit->level;
    c->trials++;
    for (size_t q = 0; q < fit->shape_count; q++)
        c->shape[q] += holds(l->shape[q], p->law == XO_FIT_SINH ? p->v0 : p->c[q]);
    for (size_t k = 0; k < p->levels; k++)
        c->siemens[k] += holds(l[k].siemens, p->siemens[k]);
    for (size_t k = 0; k < p->points; k++) {           /* variance of the noise, on average over a curve */
        double volt = p->low_volt + (p->high_volt - p->low_volt) * (double)k / (double)(p->points - 1);
        double ampere = planted_ampere(p, p->siemens[0], 1, volt);
        c->noise2 += (pow(l->noise_ampere, 2) + pow(l->noise_relative * ampere, 2)) / (double)p->points / TRIALS;
    }
    c->device += holds(l->device_spread, p->device_spread);
    c->cycle += holds(l->cycle_spread, p->cycle_spread);
}

/* One curve of all points of a level, as if nothing had been said about devices. */
static void forget_devices(struct xo_iv *iv)
{
    iv->devices = 1;
    iv->curves = iv->levels;
    for (size_t k = 0; k < iv->levels; k++)
        iv->curve[k] = (struct xo_iv_curve){k, 0, "", "", k * (iv->points / iv->levels), iv->points / iv->levels};
}

static struct count run(struct planted p, struct xo_device_options o, bool forget)
{
    struct count c = {0};
    struct xo_info info = {""};
    o.reference_volt = p.reference_volt;
    o.tolerance = 0.05;
    for (p.seed = 1; p.seed <= TRIALS; p.seed++) {
        struct xo_iv iv = plant(&p);
        struct xo_device_fit fit = {0};
        if (forget)
            forget_devices(&iv);
        if (xo_device_fit(&fit, &iv, "planted", &o, &info))
            printf("# seed %llu: %s\n", p.seed, info.text);
        else
            count_one(&c, &p, &fit);
        xo_device_fit_free(&fit);
        xo_iv_free(&iv);
    }
    return c;
}

static void about_95(int held, const char *what)
{
    printf("# %d of %d\n", held, TRIALS);
    tap_ok(held >= LEAST && held <= MOST, "%s: held in about 95 %% of trials", what);
}

/* Ten devices in each of four levels; v0 differs between them by 3 %. */
static const struct planted devices = {
    .law = XO_FIT_SINH, .siemens = {1e-6, 4e-6, 7e-6, 1e-5}, .v0 = 0.25, .levels = 4, .devices = 10, .cycles = 2,
    .points = 11, .low_volt = -0.5, .high_volt = 0.5, .reference_volt = 0.5, .device_spread = 0.05,
    .shape_spread = 0.03, .cycle_spread = 0.01, .noise = 0.01, .additive = 1e-9
};

static void devices_that_differ(void)
{
    struct count c = run(devices, (struct xo_device_options){.law = XO_FIT_SINH}, false);
    about_95(c.shape[0], "v0 of devices that differ");
    about_95(c.siemens[0], "mean conductance of level 0");
    about_95(c.siemens[3], "mean conductance of level 3");
    about_95(c.device, "spread over devices");
    about_95(c.cycle, "spread over cycles");
}

/* Why replication matters, and that these tests can fail. */
static void points_are_no_devices(void)
{
    struct count c = run(devices, (struct xo_device_options){.law = XO_FIT_SINH}, true);
    printf("# v0 %d, level 3 %d of %d\n", c.shape[0], c.siemens[3], TRIALS);
    tap_ok(c.siemens[3] < 100, "taking points of a level for independent ones holds in less than half");
}

static void same_devices_in_all_levels(void)
{
    struct planted p = devices;
    p.devices_in_all_levels = true;
    p.devices = 12;
    p.cycles = 1;
    p.lognormal = true;
    struct count c = run(p, (struct xo_device_options){.law = XO_FIT_SINH}, false);
    about_95(c.shape[0], "v0 of twelve devices, each in every level");
    about_95(c.siemens[2], "mean of lognormal conductances");
}

static void polynomials(void)
{
    struct planted p = devices;
    p.law = XO_FIT_POLYNOMIAL;
    p.c[0] = 0.3;
    p.c[1] = 1.5;
    p.cycles = 1;
    p.shape_spread = 0.1;
    p.reference_volt = 0.2;
    struct xo_device_options o = {.law = XO_FIT_POLYNOMIAL, .order = 3, .shape = XO_SHAPE_SHARED};
    struct count c = run(p, o, false);
    about_95(c.shape[0], "c2 of one shape for all levels");
    about_95(c.shape[1], "c3 of one shape for all levels");
    about_95(c.siemens[1], "mean conductance at 0.2 V");
    o.shape = XO_SHAPE_PER_LEVEL;
    c = run(p, o, false);
    about_95(c.shape[0], "c2 of a level's own shape");
    about_95(c.shape[1], "c3 of a level's own shape");
}

/* Noise in proportion to the current, constant, and both, together: 600 trials. */
static void one_curve(enum xo_fit_law law, size_t points)
{
    static const struct { double relative, ampere; } noise[] = {{0.01, 0}, {0, 1e-8}, {0.01, 5e-9}};
    struct xo_device_options o = {.law = law, .order = law == XO_FIT_POLYNOMIAL ? 3 : 0};
    struct planted p = devices;
    int siemens = 0, shape = 0, second = 0;
    p.law = law;
    p.c[0] = 0.3;
    p.c[1] = 1.5;
    p.levels = p.devices = p.cycles = 1;
    p.points = points;
    p.device_spread = p.shape_spread = p.cycle_spread = 0;
    for (size_t k = 0; k < 3; k++) {
        p.noise = noise[k].relative;
        p.additive = noise[k].ampere;
        struct count c = run(p, o, false);
        siemens += c.siemens[0];
        shape += c.shape[0];
        second += c.shape[1];
    }
    printf("# %d, %d, %d of %d\n", siemens, shape, second, 3 * TRIALS);
    tap_ok(siemens >= 3 * LEAST && siemens <= 3 * MOST && (law == XO_FIT_OHMIC || shape >= 3 * LEAST) &&
           (law != XO_FIT_POLYNOMIAL || second >= 3 * LEAST), "one curve of %zu points, %s: conductance and shape "
           "held in about 95 %% of trials with three kinds of noise", points, xo_fit_law_name(law));
}

/* Four parameters and two of the noise from ten points: the fit pulls towards every point. */
static void ten_points(void)
{
    struct planted p = devices;
    struct xo_device_options o = {.law = XO_FIT_POLYNOMIAL, .order = 3};
    p.law = XO_FIT_POLYNOMIAL;
    p.c[0] = 0.3;
    p.c[1] = 1.5;
    p.levels = p.devices = p.cycles = 1;
    p.points = 10;
    p.device_spread = p.shape_spread = p.cycle_spread = p.additive = 0;
    struct count c = run(p, o, false);
    about_95(c.shape[0], "c2 from ten points with noise in proportion to the current");
    about_95(c.siemens[0], "conductance from ten points with noise in proportion to the current");
    p.noise = 0;
    p.additive = 1e-8;
    c = run(p, o, false);
    tap_close(c.noise2 / 1e-16, 1, 0.2, "the noise of ten points is not estimated too small");
}

static void one_curve_of_any_law(void)
{
    ten_points();
    for (int law = XO_FIT_OHMIC; law <= XO_FIT_POLYNOMIAL; law++) {
        one_curve((enum xo_fit_law)law, 15);
        one_curve((enum xo_fit_law)law, 60);
    }
}

static void outliers(void)
{
    struct planted p = devices;
    p.cycles = 1;
    p.levels = 2;
    p.devices = 6;
    p.outliers = 0.05;
    for (int loss = XO_LOSS_HUBER; loss <= XO_LOSS_CAUCHY; loss++) {
        struct count c = run(p, (struct xo_device_options){.law = XO_FIT_SINH, .loss = (enum xo_fit_loss)loss},
                             false);
        about_95(c.shape[0], loss == XO_LOSS_HUBER ? "v0 with 5 % outliers, huber" : "v0 with 5 % outliers, cauchy");
        about_95(c.siemens[1], "conductance with 5 % outliers");
    }
}

int main(void)
{
    gsl_set_error_handler_off();
    devices_that_differ();
    points_are_no_devices();
    same_devices_in_all_levels();
    polynomials();
    one_curve_of_any_law();
    outliers();
    return tap_done();
}
