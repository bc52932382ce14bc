/* crossohm device: the fitted law in words, as JSON and in a few lines for a person.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "device.h"

/* ---- words ----------------------------------------------------------------------------------------- */

const char *device_law_text(char *text, size_t size, const struct device *d)
{
    const struct xo_device_fit *f = &d->fit;
    if (f->law == XO_FIT_POLYNOMIAL)
        snprintf(text, size, "polynomial of order %zu, %s", f->order, f->per_level ? "a shape per level"
                                                                                 : "one shape for all levels");
    else
        snprintf(text, size, "%s", xo_fit_law_name(f->law));
    return text;
}

const char *device_choice_text(const struct device *d)
{
    if (d->fit.law != d->fit.wanted)
        return "since no law follows the curves";
    return d->law && strcmp(d->law, "auto") ? "as given" : "chosen by AIC";
}

const char *device_unit_text(const struct device *d)
{
    static const char *const text[] = {"device", "curve", "point"};
    return text[d->fit.unit];
}

const char *device_curve_text(char *text, size_t size, const struct device *d, size_t curve)
{
    const struct xo_iv_curve *c = &d->iv.curve[curve];
    snprintf(text, size, "level %zu%s%.60s%s%.60s (line %zu)", c->level, *c->device_name ? ", device " : "",
             c->device_name, *c->cycle_name ? ", cycle " : "", c->cycle_name, d->iv.line[c->first]);
    return text;
}

const char *device_verdict_text(char *text, size_t size, const struct device *d, const struct xo_device_verdict *v)
{
    int used = snprintf(text, size, "%.3g %% rms, %.3g %% at worst: ", 100 * v->residual_rms, 100 * v->residual_max);
    if (!v->judged)
        snprintf(text + used, size - (size_t)used, "too few points to judge");
    else if (v->chance < XO_DEVICE_FALSE_ALARM)
        snprintf(text + used, size - (size_t)used, "%.3g %% rms hangs together (chance %.1g were it noise), noise "
                 "%.3g %% at most", 100 * v->systematic, fmax(v->chance, 1e-300), 100 * v->noise);
    else if (v->far_miss > 0)
        snprintf(text + used, size - (size_t)used, "a point misses by %.3g %%, too much for what neighbours scatter "
                 "by", 100 * v->far_miss);
    else
        snprintf(text + used, size - (size_t)used, "%s", v->few && v->residual_rms > d->options.tolerance
                 ? "too few points to tell misfit from noise" : "no more than noise, as far as the points tell");
    return text;
}

static const char *expected_text(char *text, size_t size, const struct device *d, const struct xo_device_verdict *v)
{
    if (v->far_miss > 0 && !(v->chance < XO_DEVICE_FALSE_ALARM))
        snprintf(text, size, "%g %% of its largest current at most", 300 * d->options.tolerance);
    else if (v->few && !(v->chance < XO_DEVICE_FALSE_ALARM))
        snprintf(text, size, "%g %% rms of the rms current at most", 1000 * d->options.tolerance);
    else
        snprintf(text, size, "%g %% of its largest current at most", 100 * d->options.tolerance);
    return text;
}

bool device_is_followed(const struct device *d)
{
    return !d->fit.unfollowed && !d->fit.missed;
}

int device_bits(const struct device *d)
{
    int bits = 1;
    while ((size_t)2 << bits <= d->fit.levels && bits < 8)
        bits++;
    return bits;
}

void device_extremes(const struct device *d, size_t *off, size_t *on)
{
    *off = *on = 0;
    for (size_t k = 1; k < d->fit.levels; k++) {
        if (d->fit.level[k].siemens.value < d->fit.level[*off].siemens.value)
            *off = k;
        if (d->fit.level[k].siemens.value > d->fit.level[*on].siemens.value)
            *on = k;
    }
}

size_t device_nth_level(const struct device *d, size_t n)
{
    for (size_t k = 0; k < d->fit.levels; k++) {
        size_t below = 0;
        for (size_t j = 0; j < d->fit.levels; j++) {
            double difference = d->fit.level[j].siemens.value - d->fit.level[k].siemens.value;
            below += difference < 0 || (j < k && !(difference > 0));
        }
        if (below == n)
            return k;
    }
    return 0;
}

double device_unevenness(const struct device *d)
{
    size_t last = d->fit.levels - 1;
    double worst = 0, low = d->fit.level[device_nth_level(d, 0)].siemens.value;
    double span = d->fit.level[device_nth_level(d, last)].siemens.value - low;
    for (size_t n = 1; n < last && span > 0; n++) {
        double step = (d->fit.level[device_nth_level(d, n)].siemens.value - low) / span;
        worst = fmax(worst, fabs(step - (double)n / (double)last));
    }
    return worst;
}

const char *device_intervals_hold(const struct device *d)
{
    static const char *const text[] = {
        "devices replicate: 95 % intervals are for the mean over such devices",
        "no two devices in every level: 95 % intervals are for the mean over such curves of these devices",
        "one curve in some level: 95 % intervals say how well these curves are known, nothing about others"
    };
    return text[d->fit.unit];
}

/* ---- JSON ------------------------------------------------------------------------------------------ */

static json_t *shape(const struct device *d, const struct xo_device_level *l)
{
    json_t *list = json_array();
    for (size_t q = 0; q < d->fit.shape_count; q++)
        json_array_append_new(list, cli_json_fitted(&l->shape[q]));
    return list;
}

static json_t *levels(const struct device *d)
{
    json_t *list = json_array();
    for (size_t k = 0; k < d->fit.levels; k++) {
        const struct xo_device_level *l = &d->fit.level[k];
        json_array_append_new(list, json_pack(
            "{s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "level", (json_int_t)k, "devices",
            (json_int_t)l->devices, "curves", (json_int_t)l->curves, "points", (json_int_t)l->points, "siemens",
            cli_json_fitted(&l->siemens), "device_spread", cli_json_fitted(&l->device_spread), "cycle_spread",
            cli_json_fitted(&l->cycle_spread),
            "noise_ampere", cli_json_number(l->noise_ampere), "noise_relative", cli_json_number(l->noise_relative),
            "range_volt", json_pack("[o, o]", cli_json_number(l->low_volt), cli_json_number(l->high_volt)),
            d->fit.law == XO_FIT_SINH ? "v0_volt" : "coefficients_from_c2", shape(d, l)));
    }
    return list;
}

static json_t *candidates(const struct device *d)
{
    json_t *list = json_array();
    for (size_t k = 0; k < d->fit.candidates; k++) {
        const struct xo_device_candidate *c = &d->fit.candidate[k];
        json_array_append_new(list, json_pack(
            "{s:s, s:I, s:b, s:o, s:o, s:o, s:s?}", "law", xo_fit_law_name(c->law), "order", (json_int_t)c->order,
            "per_level", (int)c->per_level, "parameters", cli_json_number(c->parameters), "aic",
            cli_json_number(c->aic), "residual_rms", cli_json_number(c->residual_rms), "refused", c->refused));
    }
    return list;
}

static json_t *curve(const struct device *d, size_t j, const struct xo_device_verdict *v)
{
    const struct xo_iv_curve *c = &d->iv.curve[j];
    return json_pack("{s:I, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b}", "level",
                     (json_int_t)c->level, "device", cli_json_text(c->device_name), "cycle",
                     cli_json_text(c->cycle_name), "line", (json_int_t)d->iv.line[c->first], "siemens",
                     cli_json_number(v->siemens), "residual_rms", cli_json_number(v->residual_rms), "residual_max",
                     cli_json_number(v->residual_max), "systematic", cli_json_number(v->systematic), "noise",
                     cli_json_number(v->noise), "chance", cli_json_number(v->chance), "unexplained",
                     cli_json_number(v->unexplained), "far_miss", cli_json_number(v->far_miss), "judged",
                     (int)v->judged, "few_points", (int)v->few, "followed", (int)v->followed);
}

static json_t *curves(const struct device *d)
{
    json_t *list = json_array();
    for (size_t j = 0; j < d->fit.curves; j++)
        json_array_append_new(list, curve(d, j, &d->fit.verdict[j]));
    return list;
}

/* The keys of device.yaml, each with its interval. */
static json_t *device_keys(const struct device *d)
{
    size_t off, on;
    device_extremes(d, &off, &on);
    json_t *keys = json_pack("{s:s, s:o, s:I}", "law", xo_fit_law_name(d->fit.law), "on_siemens",
                             cli_json_fitted(&d->fit.level[on].siemens), "bits_per_cell",
                             (json_int_t)device_bits(d));
    if (off != on)
        json_object_set_new(keys, "off_siemens", cli_json_fitted(&d->fit.level[off].siemens));
    if (d->fit.law == XO_FIT_SINH)
        json_object_set_new(keys, "v0_volt", cli_json_fitted(&d->fit.level[0].shape[0]));
    if (d->fit.law != XO_FIT_OHMIC)
        json_object_set_new(keys, "reference_volt", cli_json_number(d->fit.reference_volt));
    return keys;
}

int device_write_json(const struct device *d)
{
    static const char *const loss[] = {"square", "huber", "cauchy"};
    const struct xo_device_fit *f = &d->fit;
    if (!d->session.common.json)
        return CLI_DONE;
    json_t *report = json_pack("{s:s, s:s, s:o, s:s, s:I, s:b, s:s, s:s}", "tool", "crossohm", "version",
                               PACKAGE_VERSION, "command", cli_json_text(d->session.common.command), "law",
                               xo_fit_law_name(f->law), "order", (json_int_t)f->order, "per_level", (int)f->per_level,
                               "best_law", xo_fit_law_name(f->wanted), "loss", loss[d->options.loss]);
    int failed = !report;
    failed |= cli_json_put(report, "replicated_by", json_string(device_unit_text(d)));
    failed |= cli_json_put(report, "reference_volt", cli_json_number(f->reference_volt));
    failed |= cli_json_put(report, "device", device_keys(d));
    failed |= cli_json_put(report, "points", json_integer((json_int_t)f->points));
    failed |= cli_json_put(report, "low_kelvin", cli_json_number(d->iv.low_kelvin));
    failed |= cli_json_put(report, "high_kelvin", cli_json_number(d->iv.high_kelvin));
    failed |= cli_json_put(report, "residual_rms", cli_json_number(f->residual_rms));
    failed |= cli_json_put(report, "outliers", json_integer((json_int_t)f->outliers));
    failed |= cli_json_put(report, "tolerance", cli_json_number(d->options.tolerance));
    failed |= cli_json_put(report, "curves_not_followed", json_integer((json_int_t)f->unfollowed));
    failed |= cli_json_put(report, "false_alarm", cli_json_number(XO_DEVICE_FALSE_ALARM));
    failed |= cli_json_put(report, "followed", json_boolean(device_is_followed(d)));
    failed |= cli_json_put(report, "table_stands_in", json_boolean(f->law != f->wanted));
    failed |= cli_json_put(report, "best_law_misses", json_integer((json_int_t)f->missed));
    failed |= cli_json_put(report, "best_law_worst_curve", curve(d, f->missed_curve, &f->missed_verdict));
    failed |= cli_json_put(report, "spread",
                           json_string(f->spread == XO_LOGNORMAL ? "lognormal" : "gaussian"));
    failed |= cli_json_put(report, "spread_aic_lognormal_less_gaussian", cli_json_number(f->spread_aic));
    failed |= cli_json_put(report, "levels", levels(d));
    failed |= cli_json_put(report, "candidates", candidates(d));
    failed |= cli_json_put(report, "curves", curves(d));
    if (failed) {
        json_decref(report);
        report = NULL;
    }
    return cli_write_json(d->session.common.json, report);
}

/* ---- for a person ---------------------------------------------------------------------------------- */

static void say_shape(const struct device *d)
{
    char name[40], unit[16];
    for (size_t k = 0; k < (d->fit.per_level ? d->fit.levels : 1); k++)
        for (size_t q = 0; q < d->fit.shape_count; q++) {
            snprintf(name, sizeof name, d->fit.law == XO_FIT_SINH ? "v0" : "c%zu", q + 2);
            if (d->fit.per_level)
                snprintf(name + strlen(name), sizeof name - strlen(name), ", level %zu", k);
            snprintf(unit, sizeof unit, d->fit.law == XO_FIT_SINH ? "V" : "V^-%zu", q + 1);
            cli_say_fitted(name, 14, &d->fit.level[k].shape[q], unit);
        }
}

static void say_levels(const struct device *d)
{
    enum { SHOWN = 16 };
    char name[40];
    for (size_t k = 0; k < d->fit.levels && k < SHOWN; k++) {
        snprintf(name, sizeof name, "level %zu", k);
        cli_say_fitted(name, 14, &d->fit.level[k].siemens, "S");
    }
    if (d->fit.levels > SHOWN)
        fprintf(stderr, "  and %zu levels more\n", d->fit.levels - SHOWN);
}

/* Said whether --quiet or not: it is why the exit code is 1. */
static void say_unfollowed(const struct device *d)
{
    char curve[200], text[200], expected[80];
    const struct xo_device_fit *f = &d->fit;
    bool stands_in = f->law != f->wanted;
    if (stands_in)
        fprintf(stderr, "crossohm: %s: no law follows %s: %s, the best, misses %s by %s; expected %s; "
                "a table stands in, %s\n", d->input, f->curves > 1 ? "these curves" : "this curve",
                xo_fit_law_name(f->wanted), device_curve_text(curve, sizeof curve, d, f->missed_curve),
                device_verdict_text(text, sizeof text, d, &f->missed_verdict),
                expected_text(expected, sizeof expected, d, &f->missed_verdict), d->table_path);
    if (f->unfollowed)
        fprintf(stderr, "crossohm: %s: %zu of %zu curve%s not followed by law %s, worst %s, missed by %s; expected "
                "%s%s\n", d->input, f->unfollowed, f->curves,
                cli_plural(f->curves), xo_fit_law_name(f->law),
                device_curve_text(curve, sizeof curve, d, f->worst_curve),
                device_verdict_text(text, sizeof text, d, &f->verdict[f->worst_curve]),
                expected_text(expected, sizeof expected, d, &f->verdict[f->worst_curve]),
                f->law == XO_FIT_TABLE ? "" : ", or --law table");
}

static void say_fit(const struct device *d)
{
    char curve[200], text[200];
    const struct xo_device_fit *f = &d->fit;
    fprintf(stderr, "residual %.3g %% rms of each curve's largest current\n", 100 * f->residual_rms);
    if (device_is_followed(d) && f->law != XO_FIT_TABLE)
        fprintf(stderr, "%s %s: missed by %s\n", f->curves > 1 ? "worst," : "curve",
                device_curve_text(curve, sizeof curve, d, f->missed_curve),
                device_verdict_text(text, sizeof text, d, &f->missed_verdict));
}

void device_summarise(const struct device *d)
{
    char law[80];
    if (!d->session.common.quiet) {
        fprintf(stderr, "%zu curve%s of %zu device%s, %zu level%s, %zu points; law %s\n", d->iv.curves,
                cli_plural(d->iv.curves), d->iv.devices, cli_plural(d->iv.devices), d->iv.levels,
                cli_plural(d->iv.levels), d->iv.points, device_law_text(law, sizeof law, d));
        say_shape(d);
        say_levels(d);
        fprintf(stderr, "%s\n", device_intervals_hold(d));
        say_fit(d);
        if (d->fit.outliers > d->fit.points / 1000 + 1 && d->options.loss == XO_LOSS_SQUARE)
            fprintf(stderr, "%zu points lie beyond 4 standard deviations: --loss huber or cauchy withstands them\n",
                    d->fit.outliers);
        if (d->iv.high_kelvin - d->iv.low_kelvin > 5)
            fprintf(stderr, "temperatures from %g to %g K go into one law\n", d->iv.low_kelvin, d->iv.high_kelvin);
    }
    say_unfollowed(d);
}
