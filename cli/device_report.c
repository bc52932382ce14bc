/* crossohm device: the fitted law as YAML, table, JSON and a few lines for a person.
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

static const char *intervals_hold(const struct device *d)
{
    static const char *const text[] = {
        "devices replicate: 95 % intervals are for the mean over such devices",
        "no two devices in every level: 95 % intervals are for the mean over such curves of these devices",
        "one curve in some level: 95 % intervals say how well these curves are known, nothing about others"
    };
    return text[d->fit.unit];
}

/* ---- YAML ------------------------------------------------------------------------------------------ */

static void print_interval(FILE *to, const struct xo_fitted *x)
{
    if (isfinite(x->low95) && isfinite(x->high95))
        fprintf(to, "    # 95 %%: %.6g to %.6g", x->low95, x->high95);
    else
        fputs("    # no interval: nothing replicates", to);
}

static void print_fitted(FILE *to, const char *key, const struct xo_fitted *x, const char *note)
{
    char text[XO_NUMBER_SIZE];
    fprintf(to, "  %s: %s", key, xo_number_print(text, x->value));
    print_interval(to, x);
    fprintf(to, "%s\n", note);
}

static void print_list(FILE *to, const struct device *d, const struct xo_device_level *level)
{
    char text[XO_NUMBER_SIZE];
    fputs("[1", to);
    for (size_t q = 0; q < d->fit.shape_count; q++)
        fprintf(to, ", %s", xo_number_print(text, level->shape[q].value));
    fputc(']', to);
}

static void print_coefficients(FILE *to, const struct device *d)
{
    size_t lists = d->fit.per_level ? d->fit.levels : 1;
    for (size_t k = 0; k < lists; k++)
        for (size_t q = 0; q < d->fit.shape_count; q++) {
            fputs("  # ", to);
            if (d->fit.per_level)
                fprintf(to, "level %zu, ", k);
            fprintf(to, "c%zu [V^-%zu]: %.6g", q + 2, q + 1, d->fit.level[k].shape[q].value);
            print_interval(to, &d->fit.level[k].shape[q]);
            fputc('\n', to);
        }
    fputs(d->fit.per_level ? "  coefficients: [" : "  coefficients: ", to);
    for (size_t n = 0; n < lists; n++) {               /* from off to on */
        fputs(n ? ",\n                 " : "", to);
        print_list(to, d, &d->fit.level[d->fit.per_level ? device_nth_level(d, n) : 0]);
    }
    fputs(d->fit.per_level ? "]\n" : "\n", to);
}

/* The table's name as seen from the file that names it. */
static const char *beside(const struct device *d)
{
    const char *slash = strrchr(d->output, '/');
    size_t folder = slash ? (size_t)(slash - d->output) + 1 : 0;
    return strncmp(d->table_path, d->output, folder) ? d->table_path : d->table_path + folder;
}

static void print_law(FILE *to, const struct device *d)
{
    char text[XO_NUMBER_SIZE];
    fprintf(to, "  law: %s\n", xo_fit_law_name(d->fit.law));
    if (d->fit.law == XO_FIT_TABLE) {
        fputs("  file: '", to);
        for (const char *c = beside(d); *c; c++)
            fputs(*c == '\'' ? "''" : (char []){*c, 0}, to);
        fputs("'\n", to);
    }
    if (d->fit.law == XO_FIT_SINH)
        print_fitted(to, "v0_volt", &d->fit.level[0].shape[0], "");
    if (d->fit.law == XO_FIT_POLYNOMIAL)
        print_coefficients(to, d);
    if (d->fit.law != XO_FIT_OHMIC)
        fprintf(to, "  reference_volt: %s\n", xo_number_print(text, d->fit.reference_volt));
}

static void print_levels(FILE *to, const struct device *d)
{
    fprintf(to,
            "  # levels, at %g V: mean conductance [S] (95 %% interval); spread over devices, from cycle to cycle; "
            "noise\n", d->fit.reference_volt);
    for (size_t k = 0; k < d->fit.levels; k++) {
        const struct xo_device_level *l = &d->fit.level[k];
        fprintf(to, "  # %zu: %.6g (%.6g to %.6g); ", k, l->siemens.value, l->siemens.low95, l->siemens.high95);
        if (isfinite(l->device_spread.low95))
            fprintf(to, "%.3g %% (%.3g to %.3g), ", 100 * l->device_spread.value, 100 * l->device_spread.low95,
                    100 * l->device_spread.high95);
        else
            fputs("unknown, ", to);
        if (isfinite(l->cycle_spread.low95))
            fprintf(to, "%.3g %% (%.3g to %.3g); ", 100 * l->cycle_spread.value, 100 * l->cycle_spread.low95,
                    100 * l->cycle_spread.high95);
        else
            fputs("unknown; ", to);
        fprintf(to, "%.3g A and %.3g %%\n", l->noise_ampere, 100 * l->noise_relative);
    }
    if (isfinite(d->fit.spread_aic))
        fprintf(to, "  # spread over devices is %s (AIC: by %.3g)\n",
                d->fit.spread == XO_LOGNORMAL ? "lognormal" : "Gaussian", fabs(d->fit.spread_aic));
}

static void print_head(FILE *to, const struct device *d)
{
    char law[80];
    fprintf(to, "# crossohm %s: %s\n", PACKAGE_VERSION, d->session.common.command);
    fprintf(to, "# measured: %zu points in %zu curves of %zu device%s, %zu level%s\n", d->iv.points, d->iv.curves,
            d->iv.devices, cli_plural(d->iv.devices), d->iv.levels, cli_plural(d->iv.levels));
    if (d->iv.high_kelvin > 0)
        fprintf(to, "# temperature: %g to %g K\n", d->iv.low_kelvin, d->iv.high_kelvin);
    fprintf(to, "# law: %s, %s; residual %.3g %% rms of each curve's largest current\n",
            device_law_text(law, sizeof law, d), device_choice_text(d),
            100 * d->fit.residual_rms);
    fprintf(to, "# %s\n", intervals_hold(d));
    if (d->fit.unfollowed)
        fprintf(to, "# %zu of %zu curves are not followed within %g of their largest current\n", d->fit.unfollowed,
                d->iv.curves, d->options.tolerance);
}

static void print_yaml(FILE *to, const struct device *d)
{
    size_t off, on;
    device_extremes(d, &off, &on);
    print_head(to, d);
    fputs("crossohm: 1\ndevice:\n", to);
    print_law(to, d);
    print_fitted(to, "on_siemens", &d->fit.level[on].siemens, "");
    if (on == off)
        fputs("  off_siemens: 0    # only one level was measured\n", to);
    else
        print_fitted(to, "off_siemens", &d->fit.level[off].siemens, "");
    bool even = (size_t)1 << device_bits(d) == d->fit.levels;
    fprintf(to, "  %sbits_per_cell: %d", !even && d->fit.law == XO_FIT_TABLE ? "# " : "", device_bits(d));
    if (!even)
        fprintf(to, "    # %zu level%s measured", d->fit.levels, cli_plural(d->fit.levels));
    if (d->fit.levels > 2)
        fprintf(to, "    # levels are off even steps by up to %.3g %% of on - off", 100 * device_unevenness(d));
    fputc('\n', to);
    print_levels(to, d);
}

int device_write_yaml(const struct device *d)
{
    struct xo_info info = {""};
    struct xo_writer writer;
    int status = xo_writer_open(&writer, d->output, &info);
    if (!status) {
        print_yaml(writer.stream, d);
        status = xo_writer_commit(&writer, &info);
    }
    return status ? cli_fail_writing(status, &info, d->output) : CLI_DONE;
}

static void print_table(FILE *to, const struct device *d)
{
    char volt[XO_NUMBER_SIZE], ampere[XO_NUMBER_SIZE];
    fprintf(to, "# crossohm %s: %s: the rising curve nearest to the means of each level\n", PACKAGE_VERSION,
            d->session.common.command);
    fputs("level,v[V],i[A]\n", to);
    for (size_t k = 0; k < d->fit.levels; k++)
        for (size_t p = 0; p < d->fit.level[k].table_points; p++)
            fprintf(to, "%zu,%s,%s\n", k, xo_number_print(volt, d->fit.level[k].table_volt[p]),
                    xo_number_print(ampere, d->fit.level[k].table_ampere[p]));
}

int device_write_table(const struct device *d)
{
    struct xo_info info = {""};
    struct xo_writer writer;
    int status = xo_writer_open(&writer, d->table_path, &info);
    if (!status) {
        print_table(writer.stream, d);
        status = xo_writer_commit(&writer, &info);
    }
    return status ? cli_fail_writing(status, &info, d->table_path) : CLI_DONE;
}

/* ---- JSON ------------------------------------------------------------------------------------------ */

static json_t *fitted(const struct xo_fitted *x)
{
    return json_pack("{s:o, s:[o, o]}", "value", cli_json_number(x->value), "interval95", cli_json_number(x->low95),
                     cli_json_number(x->high95));
}

static json_t *shape(const struct device *d, const struct xo_device_level *l)
{
    json_t *list = json_array();
    for (size_t q = 0; q < d->fit.shape_count; q++)
        json_array_append_new(list, fitted(&l->shape[q]));
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
            fitted(&l->siemens), "device_spread", fitted(&l->device_spread), "cycle_spread", fitted(&l->cycle_spread),
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

static json_t *curves(const struct device *d)
{
    json_t *list = json_array();
    for (size_t j = 0; j < d->fit.curves; j++) {
        const struct xo_device_verdict *v = &d->fit.verdict[j];
        const struct xo_iv_curve *c = &d->iv.curve[j];
        json_array_append_new(list, json_pack(
            "{s:I, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:b, s:b}", "level", (json_int_t)c->level, "device",
            cli_json_text(c->device_name), "cycle", cli_json_text(c->cycle_name), "line",
            (json_int_t)d->iv.line[c->first], "siemens", cli_json_number(v->siemens), "residual_rms",
            cli_json_number(v->residual_rms), "residual_max", cli_json_number(v->residual_max), "systematic",
            cli_json_number(v->systematic), "unexplained", cli_json_number(v->unexplained), "judged", (int)v->judged,
            "followed", (int)v->followed));
    }
    return list;
}

/* The keys of device.yaml, each with its interval. */
static json_t *device_keys(const struct device *d)
{
    size_t off, on;
    device_extremes(d, &off, &on);
    json_t *keys = json_pack("{s:s, s:o, s:I}", "law", xo_fit_law_name(d->fit.law), "on_siemens",
                             fitted(&d->fit.level[on].siemens), "bits_per_cell", (json_int_t)device_bits(d));
    if (off != on)
        json_object_set_new(keys, "off_siemens", fitted(&d->fit.level[off].siemens));
    if (d->fit.law == XO_FIT_SINH)
        json_object_set_new(keys, "v0_volt", fitted(&d->fit.level[0].shape[0]));
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

static void say(const char *name, const struct xo_fitted *x, const char *unit)
{
    fprintf(stderr, "  %-14s %12.6g %-6s", name, x->value, unit);
    if (isfinite(x->low95))
        fprintf(stderr, "  95 %%: %.6g to %.6g", x->low95, x->high95);
    fputc('\n', stderr);
}

static void say_shape(const struct device *d)
{
    char name[40], unit[16];
    for (size_t k = 0; k < (d->fit.per_level ? d->fit.levels : 1); k++)
        for (size_t q = 0; q < d->fit.shape_count; q++) {
            snprintf(name, sizeof name, d->fit.law == XO_FIT_SINH ? "v0" : "c%zu", q + 2);
            if (d->fit.per_level)
                snprintf(name + strlen(name), sizeof name - strlen(name), ", level %zu", k);
            snprintf(unit, sizeof unit, d->fit.law == XO_FIT_SINH ? "V" : "V^-%zu", q + 1);
            say(name, &d->fit.level[k].shape[q], unit);
        }
}

static void say_levels(const struct device *d)
{
    enum { SHOWN = 16 };
    char name[40];
    for (size_t k = 0; k < d->fit.levels && k < SHOWN; k++) {
        snprintf(name, sizeof name, "level %zu", k);
        say(name, &d->fit.level[k].siemens, "S");
    }
    if (d->fit.levels > SHOWN)
        fprintf(stderr, "  and %zu levels more\n", d->fit.levels - SHOWN);
}

/* Said whether --quiet or not: it is why the exit code is 1. */
static void say_unfollowed(const struct device *d)
{
    char curve[200];
    const struct xo_device_verdict *v = &d->fit.verdict[d->fit.worst_curve];
    if (d->fit.law != d->fit.wanted)
        fprintf(stderr,
                "crossohm: %s: no law follows these curves within %g of their largest current, the best being "
                "%s; a table stands in\n", d->input, d->options.tolerance, xo_fit_law_name(d->fit.wanted));
    if (d->fit.unfollowed)
        fprintf(stderr,
                "crossohm: %s: %zu of %zu curves not followed by law %s, worst %s: %.3g %% of its largest current "
                "systematic, %.3g %% of its squares unexplained; expected %g %% and 50 %% at most\n", d->input,
                d->fit.unfollowed, d->iv.curves, xo_fit_law_name(d->fit.law),
                device_curve_text(curve, sizeof curve, d, d->fit.worst_curve), 100 * v->systematic,
                100 * v->unexplained, 100 * d->options.tolerance);
}

void device_summarise(const struct device *d)
{
    char law[80];
    if (!d->session.common.quiet) {
        fprintf(stderr, "%zu curves of %zu device%s, %zu level%s, %zu points; law %s\n", d->iv.curves, d->iv.devices,
                cli_plural(d->iv.devices), d->iv.levels, cli_plural(d->iv.levels), d->iv.points,
                device_law_text(law, sizeof law, d));
        say_shape(d);
        say_levels(d);
        fprintf(stderr, "%s\n", intervals_hold(d));
        fprintf(stderr, "residual %.3g %% rms of each curve's largest current\n", 100 * d->fit.residual_rms);
        if (d->fit.outliers > d->fit.points / 1000 + 1 && d->options.loss == XO_LOSS_SQUARE)
            fprintf(stderr, "%zu points lie beyond 4 standard deviations: --loss huber or cauchy withstands them\n",
                    d->fit.outliers);
        if (d->iv.high_kelvin - d->iv.low_kelvin > 5)
            fprintf(stderr, "temperatures from %g to %g K go into one law\n", d->iv.low_kelvin, d->iv.high_kelvin);
    }
    say_unfollowed(d);
}
