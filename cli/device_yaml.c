/* crossohm device: the fitted law as YAML, and its table if it is one.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "device.h"

#define NOTHING_REPLICATES "nothing replicates"

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
            cli_print_interval(to, &d->fit.level[k].shape[q], NOTHING_REPLICATES);
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
        cli_print_fitted(to, "v0_volt", &d->fit.level[0].shape[0], NOTHING_REPLICATES);
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
        fprintf(to, "  # %zu: %.6g ", k, l->siemens.value);
        if (isfinite(l->siemens.low95))
            fprintf(to, "(%.6g to %.6g); ", l->siemens.low95, l->siemens.high95);
        else
            fputs("(no interval); ", to);
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

/* How well the law follows the curve it follows worst; the one that a table stands in for. */
static void print_verdict(FILE *to, const struct device *d)
{
    const struct xo_device_fit *f = &d->fit;
    char curve[200], text[200];
    if (f->missed)
        fprintf(to, "# NOT FOLLOWED: %zu of %zu curves by law %s, within %g of their largest current%s\n", f->missed,
                f->curves, xo_fit_law_name(f->wanted), d->options.tolerance,
                f->law != f->wanted ? "; a table stands in" : "");
    if (f->law != f->wanted && f->unfollowed)
        fprintf(to, "# NOT FOLLOWED: %zu of %zu curves by the table\n", f->unfollowed, f->curves);
    fprintf(to, "# law %s misses %s%s by %s\n", xo_fit_law_name(f->wanted), f->curves > 1 ? "most " : "",
            device_curve_text(curve, sizeof curve, d, f->missed_curve),
            device_verdict_text(text, sizeof text, d, &f->missed_verdict));
}

static void print_head(FILE *to, const struct device *d)
{
    char law[80];
    fprintf(to, "# crossohm %s: %s\n", PACKAGE_VERSION, d->session.common.command);
    fprintf(to, "# measured: %zu points in %zu curve%s of %zu device%s, %zu level%s\n", d->iv.points, d->iv.curves,
            cli_plural(d->iv.curves), d->iv.devices, cli_plural(d->iv.devices), d->iv.levels,
            cli_plural(d->iv.levels));
    if (d->iv.high_kelvin > 0)
        fprintf(to, "# temperature: %g to %g K\n", d->iv.low_kelvin, d->iv.high_kelvin);
    fprintf(to, "# law: %s, %s; residual %.3g %% rms of each curve's largest current\n",
            device_law_text(law, sizeof law, d), device_choice_text(d),
            100 * d->fit.residual_rms);
    fprintf(to, "# %s\n", device_intervals_hold(d));
    print_verdict(to, d);
}

static int print_yaml(FILE *to, const void *what)
{
    const struct device *d = what;
    size_t off, on;
    device_extremes(d, &off, &on);
    print_head(to, d);
    fputs("crossohm: 1\ndevice:\n", to);
    print_law(to, d);
    cli_print_fitted(to, "on_siemens", &d->fit.level[on].siemens, NOTHING_REPLICATES);
    if (on == off)
        fputs("  off_siemens: 0    # only one level was measured\n", to);
    else
        cli_print_fitted(to, "off_siemens", &d->fit.level[off].siemens, NOTHING_REPLICATES);
    bool even = (size_t)1 << device_bits(d) == d->fit.levels;
    fprintf(to, "  %sbits_per_cell: %d", !even && d->fit.law == XO_FIT_TABLE ? "# " : "", device_bits(d));
    if (!even)
        fprintf(to, "    # %zu level%s measured", d->fit.levels, cli_plural(d->fit.levels));
    if (d->fit.levels > 2)
        fprintf(to, "    # levels are off even steps by up to %.3g %% of on - off", 100 * device_unevenness(d));
    fputc('\n', to);
    print_levels(to, d);
    return 0;
}

int device_write_yaml(const struct device *d)
{
    return cli_write_text(d->output, print_yaml, d);
}

static int print_table(FILE *to, const void *what)
{
    const struct device *d = what;
    char volt[XO_NUMBER_SIZE], ampere[XO_NUMBER_SIZE];
    fprintf(to, "# crossohm %s: %s: the rising curve nearest to the means of each level\n", PACKAGE_VERSION,
            d->session.common.command);
    fputs("level,v[V],i[A]\n", to);
    for (size_t k = 0; k < d->fit.levels; k++)
        for (size_t p = 0; p < d->fit.level[k].table_points; p++)
            fprintf(to, "%zu,%s,%s\n", k, xo_number_print(volt, d->fit.level[k].table_volt[p]),
                    xo_number_print(ampere, d->fit.level[k].table_ampere[p]));
    return 0;
}

int device_write_table(const struct device *d)
{
    return cli_write_text(d->table_path, print_table, d);
}
