/* crossohm device: planted laws come back, the jackknife is the one by refitting, and what no law follows is said.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <gsl/gsl_errno.h>
#include "device_fit.h"
#include "planted-devices.h"
#include "tap.h"

static struct xo_info info;

static struct xo_device_options by_aic(void)
{
    return (struct xo_device_options){.law = XO_FIT_BY_AIC, .shape = XO_SHAPE_BY_AIC, .reference_volt = NAN,
                                      .tolerance = 0.01};
}

/* Fits and says why not.  *fit is zero then. */
static int fit(struct xo_device_fit *out, const struct xo_iv *iv, struct xo_device_options o)
{
    *out = (struct xo_device_fit){0};
    info.text[0] = 0;
    int status = xo_device_fit(out, iv, "f.csv", &o, &info);
    printf("# status %d %s\n", status, info.text);
    return status;
}

static const struct planted quiet = {
    .law = XO_FIT_SINH, .siemens = {1e-6, 4e-6, 7e-6, 1e-5}, .v0 = 0.25, .levels = 4, .devices = 3, .cycles = 1,
    .points = 21, .low_volt = -0.3, .high_volt = 0.5, .reference_volt = 0.5, .seed = 1
};

/* ---- laws --------------------------------------------------------------------------------------------------- */

static void derivatives_are_those_of_the_value(void)
{
    static const struct { struct xo_shape shape; double theta[4]; } cases[] = {
        {{XO_FIT_SINH, 1, 0.5, 0.5}, {-1.4}}, {{XO_FIT_SINH, 1, 0, 0.5}, {-1.4}}, {{XO_FIT_SINH, 1, -0.2, 0.5}, {-3}},
        {{XO_FIT_POLYNOMIAL, 4, 0.4, 0.5}, {0.3, 0.5, -0.1, 0.2}}, {{XO_FIT_POLYNOMIAL, 2, 0, 0.5}, {0.3, 0.5}},
    };
    double worst = 0, worst_unit = 0;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (double v = -0.5; v < 0.55; v += 0.05) {
            double slope[XO_SHAPE_MOST], theta[4], step = 1e-5;
            xo_shape_value(&cases[c].shape, cases[c].theta, v, slope);
            for (size_t q = 0; q < cases[c].shape.count; q++) {
                memcpy(theta, cases[c].theta, sizeof theta);
                theta[q] += step;
                double high = xo_shape_value(&cases[c].shape, theta, v, NULL);
                theta[q] -= 2 * step;
                double low = xo_shape_value(&cases[c].shape, theta, v, NULL);
                worst = fmax(worst, fabs((high - low) / (2 * step) - slope[q]) / (1 + fabs(high)));
            }
            double r = cases[c].shape.reference_volt;
            worst_unit = fmax(worst_unit, fabs(xo_shape_value(&cases[c].shape, cases[c].theta, r, NULL) - r));
        }
    tap_close(worst, 0, 1e-8, "dh/dtheta is the difference quotient of h");
    tap_close(worst_unit, 0, 1e-15, "h is the reference voltage there");
}

static void a_law_is_found(struct planted p, double noise, const char *what)
{
    struct xo_device_fit f;
    p.noise = noise;
    p.device_spread = 0.05;
    struct xo_iv iv = plant(&p);
    fit(&f, &iv, by_aic());
    printf("# law %s, order %zu, residual %g\n", xo_fit_law_name(f.law), f.order, f.residual_rms);
    tap_ok(f.levels && f.law == p.law && !f.unfollowed && (p.law != XO_FIT_POLYNOMIAL || f.order == 3),
           "%s is found by AIC, noise %g", what, noise);
    double worst = 0;
    for (size_t k = 0; f.levels && k < 4; k++)
        for (double v = -0.3; v < 0.5; v += 0.1)
            worst = fmax(worst, fabs(xo_device_ampere(&f, k, 2e-6, v) - planted_ampere(&p, 2e-6, 1, v)));
    tap_close(worst, 0, noise > 0 ? 1e-8 : 1e-13, "and its current is the planted law's");
    xo_device_fit_free(&f);
    xo_iv_free(&iv);
}

static void laws_are_found(void)
{
    struct planted polynomial = quiet, ohmic = quiet;
    polynomial.law = XO_FIT_POLYNOMIAL;
    polynomial.c[0] = -0.4;
    polynomial.c[1] = 2;
    ohmic.law = XO_FIT_OHMIC;
    ohmic.seed = 2;                    /* one seed in four lets Akaike take a polynomial of order 2 */
    for (int noisy = 0; noisy < 2; noisy++) {
        a_law_is_found(ohmic, noisy * 0.005, "an ohmic cell");
        a_law_is_found(quiet, noisy * 0.005, "a hyperbolic sine");
        a_law_is_found(polynomial, noisy * 0.005, "a cubic");
    }
}

static void numbers_come_back_exactly(void)
{
    struct xo_device_fit f;
    struct planted p = quiet;
    struct xo_iv iv = plant(&p);
    fit(&f, &iv, by_aic());
    tap_close(f.level[0].shape[0].value, 0.25, 1e-9, "v0 without noise");
    tap_close(f.level[2].siemens.value, 7e-6, 1e-15, "conductance without noise");
    tap_close(f.reference_volt, 0.5, 0, "the reference is the highest voltage");
    xo_device_fit_free(&f);
    struct xo_device_options o = by_aic();
    o.reference_volt = 0;
    fit(&f, &iv, o);
    tap_close(f.level[2].siemens.value, 7e-6 * (0.5 / 0.25) / sinh(0.5 / 0.25), 1e-15,
              "at 0 V it is the slope there");
    xo_device_fit_free(&f);
    xo_iv_free(&iv);
}

/* Milo et al., IRPS 2021, HfO2, as fitted in CrossSim (RRAM_Milo): I = G V + NL2 V^2 + NL3 V^3, NL by log10 G. */
static void a_published_device(void)
{
    static const double g[] = {65e-6, 80e-6, 95e-6, 110e-6};
    struct planted p = quiet;
    struct xo_device_fit f;
    double worst2 = 0, worst3 = 0, c2[4], c3[4];
    p.low_volt = -0.5;
    struct xo_iv iv = plant(&p);
    for (size_t j = 0; j < iv.curves; j++) {
        size_t k = iv.curve[j].level;
        double x = log10(g[k]), of_device = 1 + 0.03 * ((double)(j % 3) - 1);
        c2[k] = (((1.388e-4 * x + 1.541e-3) * x + 5.711e-3) * x + 7.063e-3) / g[k];
        c3[k] = ((8.871e-5 * x + 6.7919e-4) * x + 1.2968e-3) / g[k];
        for (size_t n = iv.curve[j].first; n < iv.curve[j].first + iv.curve[j].points; n++) {
            double v = iv.volt[n], i = g[k] * v * (1 + v * (c2[k] + v * c3[k]));
            iv.ampere[n] = i * of_device * (1 + 1e-3 * planted_gauss(&p, 7, n));
        }
    }
    fit(&f, &iv, by_aic());
    tap_ok(f.law == XO_FIT_POLYNOMIAL && f.per_level && f.order == 3 && !f.unfollowed,
           "the published polynomial is found, a shape for each level (order %zu)", f.order);
    for (size_t k = 0; f.shape_count == 2 && k < 4; k++) {
        printf("# level %zu: c2 %g for %g, c3 %g for %g\n", k, f.level[k].shape[0].value, c2[k],
               f.level[k].shape[1].value, c3[k]);
        worst2 = fmax(worst2, fabs(f.level[k].shape[0].value - c2[k]));
        worst3 = fmax(worst3, fabs(f.level[k].shape[1].value - c3[k]));
    }
    tap_ok(f.shape_count == 2 && worst2 < 2e-3 && worst3 < 8e-3, "its coefficients come back");
    xo_device_fit_free(&f);
    xo_iv_free(&iv);
}

static void a_falling_polynomial_is_refused(void)
{
    struct planted p = quiet;
    struct xo_device_fit f;
    p.law = XO_FIT_POLYNOMIAL;
    p.c[1] = -1.6;                     /* slope 1 - 4.8 v^2: falls from 0.46 V on */
    struct xo_iv iv = plant(&p);
    struct xo_device_options o = by_aic();
    o.law = XO_FIT_POLYNOMIAL;
    o.order = 3;
    tap_ok(fit(&f, &iv, o) == XO_ESINGULAR && strstr(info.text, "it falls within the range of the data"),
           "a polynomial that falls is refused");
    xo_device_fit_free(&f);
    xo_iv_free(&iv);
}

/* ---- intervals ------------------------------------------------------------------------------------------------ */

/* Leaves one device out by weight: its curves move to the end and are cut off. */
static struct xo_iv without(const struct planted *p, size_t device)
{
    struct xo_iv iv = plant(p);
    size_t kept = 0;
    for (size_t j = 0; j < iv.curves; j++)
        if (iv.curve[j].device != device) {
            struct xo_iv_curve c = iv.curve[j];
            memmove(iv.volt + kept * p->points, iv.volt + c.first, p->points * sizeof *iv.volt);
            memmove(iv.ampere + kept * p->points, iv.ampere + c.first, p->points * sizeof *iv.ampere);
            c.first = kept * p->points;
            iv.curve[kept++] = c;
        }
    iv.curves = kept;
    iv.points = kept * p->points;
    return iv;
}

static void the_jackknife_is_that_of_refitting(void)
{
    struct planted p = quiet;
    struct xo_device_fit f;
    struct xo_device_options o = by_aic();
    double sum = 0, square = 0, width;
    p.devices = 8;
    p.devices_in_all_levels = true;
    p.noise = 0.005;
    p.shape_spread = 0.04;
    o.law = XO_FIT_SINH;
    struct xo_iv iv = plant(&p);
    fit(&f, &iv, o);
    width = log(f.level[0].shape[0].high95 / f.level[0].shape[0].low95) / 2;
    xo_device_fit_free(&f);
    for (size_t d = 0; d < p.devices; d++) {
        struct xo_iv rest = without(&p, d);
        fit(&f, &rest, o);
        double x = log(f.level[0].shape[0].value);
        sum += x;
        square += x * x;
        xo_device_fit_free(&f);
        xo_iv_free(&rest);
    }
    double want = 2.364624 * sqrt(7.0 / 8 * (square - sum * sum / 8));         /* t of 7 degrees, 97.5 % */
    tap_close(width / want, 1, 0.05, "half an interval of ln v0 is t times the jackknife's deviation by refitting");
    xo_iv_free(&iv);
}

static void replication_is_named(void)
{
    static const struct { size_t devices, cycles; enum xo_fit_unit unit; } cases[] = {
        {5, 2, XO_UNIT_DEVICE}, {1, 4, XO_UNIT_CURVE}, {1, 1, XO_UNIT_POINT}
    };
    for (size_t k = 0; k < 3; k++) {
        struct planted p = quiet;
        struct xo_device_fit f;
        p.devices = cases[k].devices;
        p.cycles = cases[k].cycles;
        p.noise = 0.01;
        p.device_spread = p.cycle_spread = 0.02;
        struct xo_iv iv = plant(&p);
        iv.devices = p.devices;
        for (size_t j = 0; j < iv.curves; j++)
            iv.curve[j].device %= p.devices;
        fit(&f, &iv, by_aic());
        tap_ok(f.unit == cases[k].unit && isfinite(f.level[0].siemens.low95) &&
               isfinite(f.level[0].device_spread.low95) == (p.devices > 1) &&
               isfinite(f.level[0].cycle_spread.low95) == (p.cycles > 1),
               "%zu devices, %zu cycles: replicated by %d", p.devices, p.cycles, f.unit);
        xo_device_fit_free(&f);
        xo_iv_free(&iv);
    }
}

static void spreads_have_their_shape(void)
{
    int right = 0, unlike = 0;
    for (int lognormal = 0; lognormal < 2; lognormal++)
        for (unsigned long long seed = 1; seed <= 10; seed++) {
            struct planted p = quiet;
            struct xo_device_fit f;
            struct xo_device_options o = by_aic();
            p.devices = 60;
            p.points = 7;
            p.device_spread = 0.3 - 0.08 * !lognormal;
            p.lognormal = lognormal;
            p.seed = seed;
            o.law = XO_FIT_SINH;
            struct xo_iv iv = plant(&p);
            right += !xo_device_fit(&f, &iv, "f.csv", &o, &info) && (f.spread == XO_LOGNORMAL) == lognormal;
            unlike += fabs(f.level[1].device_spread.value / p.device_spread - 1) > 0.3;
            xo_device_fit_free(&f);
            xo_iv_free(&iv);
        }
    printf("# %d of 20\n", right);
    tap_ok(right >= 18 && !unlike, "Gaussian and lognormal spreads are told apart, and their size is right");
}

/* ---- what no law follows -------------------------------------------------------------------------------------- */

enum wrong { SWITCHES, LOOPS, RANDOM, WIGGLES, STAIRS };

static void spoil(struct xo_iv *iv, size_t j, enum wrong how)
{
    for (size_t n = 0; n < iv->curve[j].points; n++) {
        size_t k = iv->curve[j].first + n, points = iv->curve[j].points;
        double uniform = xo_random_uniform((struct xo_random_key){3, XO_FOR_ARRAYS, 11, k});
        if (how == SWITCHES)
            iv->ampere[k] *= iv->volt[k] > 0.2 ? 10 : 1;
        else if (how == LOOPS) {
            iv->volt[k] = 0.5 * sin(6.283185307179586 * (double)n / (double)points);
            iv->ampere[k] = 1e-6 * (iv->volt[k] + 0.1 * cos(6.283185307179586 * (double)n / (double)points));
        } else if (how == RANDOM)
            iv->ampere[k] = 1e-6 * (uniform - 0.45);
        else if (how == WIGGLES)
            iv->ampere[k] *= 1 + 0.2 * sin(40 * iv->volt[k]);
        else
            iv->ampere[k] *= 1 + 0.05 * ((double)(n % 5) - 2);
    }
}

static void no_law_follows(enum wrong how, const char *what)
{
    struct planted p = quiet;
    struct xo_device_fit f;
    p.points = 41;
    p.noise = 0.005;
    struct xo_iv iv = plant(&p);
    for (size_t j = 0; j < iv.curves; j++)
        spoil(&iv, j, how);
    int status = fit(&f, &iv, by_aic());
    printf("# law %d for %d, %zu of %zu not followed\n", f.law, f.wanted, f.unfollowed, f.curves);
    tap_ok(status == XO_EVALUE || (!status && f.law == XO_FIT_TABLE && f.wanted != XO_FIT_TABLE) || f.unfollowed,
           "%s: no law follows", what);
    xo_device_fit_free(&f);
    xo_iv_free(&iv);
}

static void one_curve_of_many(void)
{
    for (enum wrong how = SWITCHES; how <= WIGGLES; how++) {
        struct planted p = quiet;
        struct xo_device_fit f;
        p.devices = 10;
        p.points = 41;
        p.noise = 0.01;
        p.shape_spread = 0.02;
        struct xo_iv iv = plant(&p);
        spoil(&iv, 17, how);
        fit(&f, &iv, by_aic());
        printf("# law %s, %zu not followed, worst %zu: systematic %g, unexplained %g\n", xo_fit_law_name(f.law),
               f.unfollowed, f.worst_curve, f.curves ? f.verdict[17].systematic : 0,
               f.curves ? f.verdict[17].unexplained : 0);
        tap_ok(f.unfollowed == 1 && f.worst_curve == 17 && f.law == XO_FIT_SINH,
               "of forty curves the one that is wrong is named, the others keep their law (%d)", how);
        xo_device_fit_free(&f);
        xo_iv_free(&iv);
    }
}

static void noise_is_no_misfit(void)
{
    size_t alarms = 0, curves = 0;
    for (unsigned long long seed = 1; seed <= 10; seed++) {
        struct planted p = quiet;
        struct xo_device_fit f;
        struct xo_device_options o = by_aic();
        p.seed = seed;
        p.devices = 20;
        p.noise = 0.2;
        p.additive = 1e-8;
        o.law = XO_FIT_SINH;
        struct xo_iv iv = plant(&p);
        if (!xo_device_fit(&f, &iv, "f.csv", &o, &info)) {
            alarms += f.unfollowed;
            curves += f.curves;
        }
        xo_device_fit_free(&f);
        xo_iv_free(&iv);
    }
    printf("# %zu of %zu\n", alarms, curves);
    tap_ok(curves == 800 && alarms <= 1, "of 800 curves with 20 %% noise none is said not to be followed");
}

static void a_table_stands_in(void)
{
    struct planted p = quiet;
    struct xo_device_fit f;
    p.points = 41;
    p.device_spread = 0.05;
    struct xo_iv iv = plant(&p);
    for (size_t k = 0; k < iv.points; k++)
        iv.ampere[k] = iv.ampere[k] * (iv.volt[k] > 0.2 ? 20 : 1);
    int status = fit(&f, &iv, by_aic()), rises = 1;
    tap_ok(!status && f.law == XO_FIT_TABLE, "curves that switch become a table");
    for (double v = -0.4; v < 0.6 && !status; v += 0.001)
        rises &= xo_device_ampere(&f, 1, 1e-6, v + 0.001) > xo_device_ampere(&f, 1, 1e-6, v);
    tap_ok(rises, "which rises everywhere");
    double worst = 0;
    for (size_t k = iv.curve[0].first; k < iv.curve[0].points && !status; k++)
        worst = fmax(worst, fabs(xo_device_ampere(&f, 0, f.verdict[0].siemens, iv.volt[k]) - iv.ampere[k]));
    tap_close(worst / 1e-5, 0, 1e-9, "and goes through the points");
    tap_close(status ? 0 : xo_device_ampere(&f, 2, 3e-6, 0.5), 1.5e-6, 1e-18, "a cell of g has g v at the reference");
    xo_device_fit_free(&f);
    xo_iv_free(&iv);
}

static void a_table_that_falls_is_refused(void)
{
    struct planted p = quiet;
    struct xo_device_fit f;
    struct xo_device_options o = by_aic();
    p.points = 41;
    p.noise = 0.001;
    struct xo_iv iv = plant(&p);
    for (size_t k = 0; k < iv.points; k++)
        if (iv.curve[k / 41].level == 1 && iv.volt[k] > 0.3)
            iv.ampere[k] *= 1 - 4 * (iv.volt[k] - 0.3);
    o.law = XO_FIT_TABLE;
    tap_ok(fit(&f, &iv, o) == XO_EVALUE && !strncmp(info.text, "f.csv:", 6) && strstr(info.text, "level 1") &&
           strstr(info.text, "expected a current that rises"), "negative slope is refused by line");
    xo_iv_free(&iv);
}

/* ---- what cannot be fitted ------------------------------------------------------------------------------------- */

static void refuses(struct planted p, struct xo_device_options o, int want, const char *message)
{
    struct xo_device_fit f;
    struct xo_iv iv = plant(&p);
    int status = fit(&f, &iv, o);
    tap_ok(status == want && strstr(info.text, message) && !f.level, "%s", message);
    xo_device_fit_free(&f);
    xo_iv_free(&iv);
}

static void impossible_data(void)
{
    struct xo_device_options o = by_aic();
    struct planted p = quiet;
    p.siemens[1] = -1e-6;
    refuses(p, o, XO_EVALUE, "f.csv:65: a curve of level 1 has a conductance of -7.94e-07 S");
    p = quiet;
    p.low_volt = p.high_volt = 0;
    refuses(p, o, XO_ESHAPE, "f.csv:2: a curve of level 0 has no point off 0 V");
    o.reference_volt = 0.6;
    refuses(quiet, o, XO_EVALUE, "reference voltage: found 0.6 V; expected -0.3 to 0.5 V");
    o = by_aic();
    o.order = 8;
    refuses(quiet, o, XO_EVALUE, "order: found 8; expected 2 to 7");
    o = by_aic();
    o.tolerance = 0;
    refuses(quiet, o, XO_EVALUE, "tolerance: found 0");
}

static void few_points(void)
{
    for (size_t points = 1; points <= 6; points++) {
        struct planted p = quiet;
        struct xo_device_fit f;
        p.points = points;
        p.levels = p.devices = 1;
        struct xo_iv iv = plant(&p);
        int status = fit(&f, &iv, by_aic());
        tap_ok(!status && fabs(f.level[0].siemens.value / 1e-6 - 1) < 0.6, "a curve of %zu points is fitted", points);
        xo_device_fit_free(&f);
        xo_iv_free(&iv);
    }
}

int main(void)
{
    gsl_set_error_handler_off();
    derivatives_are_those_of_the_value();
    laws_are_found();
    numbers_come_back_exactly();
    a_published_device();
    a_falling_polynomial_is_refused();
    the_jackknife_is_that_of_refitting();
    replication_is_named();
    spreads_have_their_shape();
    no_law_follows(SWITCHES, "curves that switch");
    no_law_follows(LOOPS, "hysteresis");
    no_law_follows(RANDOM, "currents at random");
    no_law_follows(WIGGLES, "wiggles");
    no_law_follows(STAIRS, "stairs that a curve alone may have by chance, all of them not");
    one_curve_of_many();
    noise_is_no_misfit();
    a_table_stands_in();
    a_table_that_falls_is_refused();
    impossible_data();
    few_points();
    return tap_done();
}
