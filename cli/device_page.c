/* The page of crossohm device: what an engineer attaches to a mail.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "device.h"
#include "page.h"
#include "svg.h"

enum { STEPS = 200, SHOWN = 20 };      /* of a fitted line; rows of a table that may be long */

/* ---- charts ---------------------------------------------------------------------------------------- */

/* From blue for the level of least current to red. */
static double hue_of(const struct device *d, size_t level)
{
    return d->fit.levels > 1 ? 225 - 210 * (double)level / (double)(d->fit.levels - 1) : 210;
}

static size_t end_of_level(const struct device *d, size_t j)
{
    size_t level = d->iv.curve[j].level;
    while (j < d->iv.curves && d->iv.curve[j].level == level)
        j++;
    return j;
}

/* One series of points per level, y as given for all points. */
static void put_points(const struct device *d, const double *y, struct svg_series *series)
{
    for (size_t j = 0, next; j < d->iv.curves; j = next) {
        size_t level = d->iv.curve[j].level, first = d->iv.curve[j].first;
        next = end_of_level(d, j);
        size_t last = d->iv.curve[next - 1].first + d->iv.curve[next - 1].points;
        series[level] = (struct svg_series){d->iv.volt + first, y + first, last - first, false, hue_of(d, level)};
    }
}

/* The law at each level's mean, over the range of its data: x and y [levels][STEPS + 1]. */
static void put_lines(const struct device *d, double *x, double *y, struct svg_series *series)
{
    for (size_t k = 0; k < d->fit.levels; k++) {
        const struct xo_device_level *l = &d->fit.level[k];
        for (size_t s = 0; s <= STEPS; s++) {
            size_t at = k * (STEPS + 1) + s;
            x[at] = l->low_volt + (l->high_volt - l->low_volt) * (double)s / STEPS;
            y[at] = xo_device_ampere(&d->fit, k, l->siemens.value, x[at]);
        }
        series[k] = (struct svg_series){x + k * (STEPS + 1), y + k * (STEPS + 1), STEPS + 1, true, hue_of(d, k)};
    }
}

/* Residuals of the fit with one law and each curve's own conductance, over the curve's largest current. */
static void find_residuals(const struct device *d, double *residual)
{
    for (size_t j = 0; j < d->iv.curves; j++) {
        const struct xo_iv_curve *c = &d->iv.curve[j];
        double largest = 0;
        for (size_t k = c->first; k < c->first + c->points; k++)
            largest = fmax(largest, fabs(d->iv.ampere[k]));
        for (size_t k = c->first; k < c->first + c->points; k++)
            residual[k] = (d->iv.ampere[k] - xo_device_ampere(&d->fit, c->level, d->fit.verdict[j].siemens,
                                                              d->iv.volt[k])) / largest;
    }
}

struct unit { double factor; const char *name; };

static struct unit unit_of(double largest)
{
    static const struct unit units[] = {{1e12, "pA"}, {1e9, "nA"}, {1e6, "&micro;A"}, {1e3, "mA"}, {1, "A"}};
    size_t k = 0;
    while (k < 4 && largest * units[k].factor >= 1000)
        k++;
    return units[k];
}

static void put_data(FILE *to, const struct device *d, const struct svg_series *series)
{
    double largest = 0;
    char label[40];
    for (size_t k = 0; k < d->fit.levels; k++)
        largest = fmax(largest, d->fit.level[k].high_ampere);
    snprintf(label, sizeof label, "current [%s]", unit_of(largest).name);
    fputs("<section><h2>Data and fit</h2>\n", to);
    svg_curves(to, series, 2 * d->fit.levels, "voltage [V]", label, 1, unit_of(largest).factor);
    fputs("<p class=\"note\">Points: measured, blue for level 0 to red for the last; lines: the law at each "
          "level&rsquo;s mean conductance.</p></section>\n", to);
}

static void put_residuals(FILE *to, const struct device *d, const struct svg_series *series)
{
    fputs("<section><h2>Residuals</h2>\n", to);
    svg_curves(to, series, d->fit.levels, "voltage [V]", "measured &minus; fitted [% of the curve&rsquo;s largest]",
               1, 100);
    fprintf(to, "<p class=\"note\">Each curve with a conductance of its own. %.3g&nbsp;%% rms; %zu of %zu points lie "
            "beyond 4 standard deviations of their noise.</p></section>\n", 100 * d->fit.residual_rms,
            d->fit.outliers, d->fit.points);
}

/* x [curves], y [curves]: each curve's conductance over its level's mean. */
static void put_spread(FILE *to, const struct device *d, double *x, double *y, struct svg_series *series)
{
    for (size_t j = 0, next; j < d->iv.curves; j = next) {
        size_t level = d->iv.curve[j].level;
        next = end_of_level(d, j);
        for (size_t k = j; k < next; k++) {
            double place = next - j > 1 ? (double)(k - j) / (double)(next - j - 1) - 0.5 : 0;
            x[k] = (double)level + 0.6 * place;
            y[k] = d->fit.verdict[k].siemens / d->fit.level[level].siemens.value - 1;
        }
        series[level] = (struct svg_series){x + j, y + j, next - j, false, hue_of(d, level)};
    }
    fputs("<section><h2>Spread</h2>\n", to);
    svg_curves(to, series, d->fit.levels, "level", "conductance, off its level&rsquo;s mean [%]", 1, 100);
    fputs("<p class=\"note\">One point per curve, in the order of devices and cycles.</p></section>\n", to);
}

static int put_charts(FILE *to, const struct device *d)
{
    size_t levels = d->fit.levels, line = levels * (STEPS + 1);
    double *residual = cli_numbers(d->iv.points), *x = cli_numbers(line + d->iv.curves);
    double *y = cli_numbers(line + d->iv.curves);
    struct svg_series *series = calloc(2 * levels, sizeof *series);
    int failed = !residual || !x || !y || !series;
    if (!failed) {
        put_points(d, d->iv.ampere, series);
        put_lines(d, x, y, series + levels);
        fputs("<div class=\"pair\">\n", to);
        put_data(to, d, series);
        find_residuals(d, residual);
        put_points(d, residual, series);
        put_residuals(to, d, series);
        put_spread(to, d, x + line, y + line, series);
    }
    free(series);
    free(x);
    free(y);
    free(residual);
    return failed;
}

/* ---- tables ---------------------------------------------------------------------------------------- */

static void put_number(FILE *to, const struct xo_fitted *x, double factor)
{
    if (isfinite(x->low95))
        fprintf(to, "<td>%.4g</td><td>%.4g to %.4g</td>", factor * x->value, factor * x->low95, factor * x->high95);
    else
        fputs("<td>unknown</td><td></td>", to);
}

static void put_parameters(FILE *to, const struct device *d)
{
    size_t off, on, shapes = d->fit.per_level ? d->fit.levels : 1;
    device_extremes(d, &off, &on);
    fputs("<section><h2>Parameters</h2>\n<div class=\"scroll\"><table class=\"number\"><tr><th>key</th><th>value</th>"
          "<th>95&nbsp;% interval</th></tr>\n", to);
    for (size_t k = 0; k < shapes && k < SHOWN; k++)
        for (size_t q = 0; q < d->fit.shape_count; q++) {
            if (d->fit.law == XO_FIT_SINH)
                fputs("<tr><td>v0_volt [V]</td>", to);
            else
                fprintf(to, "<tr><td>c<sub>%zu</sub> [V<sup>&minus;%zu</sup>]", q + 2, q + 1);
            if (d->fit.law != XO_FIT_SINH && d->fit.per_level)
                fprintf(to, ", level %zu", k);
            put_number(to, &d->fit.level[k].shape[q], 1);
            fputs("</tr>\n", to);
        }
    fputs("<tr><td>on_siemens [S]</td>", to);
    put_number(to, &d->fit.level[on].siemens, 1);
    if (on != off) {
        fputs("</tr>\n<tr><td>off_siemens [S]</td>", to);
        put_number(to, &d->fit.level[off].siemens, 1);
    }
    fprintf(to, "</tr>\n<tr><td>reference_volt [V]</td><td>%g</td><td>chosen</td></tr>\n<tr><td>bits_per_cell</td>"
            "<td>%d</td><td>from %zu level%s</td></tr>\n</table></div></section>\n", d->fit.reference_volt,
            device_bits(d), d->fit.levels, cli_plural(d->fit.levels));
}

static void put_levels(FILE *to, const struct device *d)
{
    fprintf(to,
            "<section><h2>Levels</h2>\n<div class=\"scroll\"><table class=\"number\"><tr><th>level</th><th>devices, "
            "curves</th><th>mean [S]</th><th>95&nbsp;%% interval</th><th>spread over devices [%%]</th><th>95&nbsp;%% "
            "interval</th><th>over cycles [%%]</th><th>95&nbsp;%% interval</th><th>noise [A]</th><th>noise [%%]</th>"
            "</tr>\n");
    for (size_t k = 0; k < d->fit.levels; k++) {
        const struct xo_device_level *l = &d->fit.level[k];
        fprintf(to, "<tr><td>%zu</td><td>%zu, %zu</td>", k, l->devices, l->curves);
        put_number(to, &l->siemens, 1);
        put_number(to, &l->device_spread, 100);
        put_number(to, &l->cycle_spread, 100);
        fprintf(to, "<td>%.3g</td><td>%.3g</td></tr>\n", l->noise_ampere, 100 * l->noise_relative);
    }
    fprintf(to, "</table></div><p class=\"note\">Conductance is I/V at the reference voltage. Spreads are standard "
            "deviations, %s, the noise&rsquo;s share taken off",
            d->fit.spread == XO_LOGNORMAL ? "of the logarithm" : "over the mean");
    if (isfinite(d->fit.spread_aic))
        fprintf(to, "; AIC prefers a %s spread by %.3g",
                d->fit.spread == XO_LOGNORMAL ? "lognormal" : "Gaussian",
                fabs(d->fit.spread_aic));
    if (d->fit.levels > 2)
        fprintf(to, ". Levels are off even steps by up to %.3g&nbsp;%% of on &minus; off",
                100 * device_unevenness(d));
    fputs(".</p></section>\n", to);
}

static void put_candidates(FILE *to, const struct device *d)
{
    double best = INFINITY;
    for (size_t k = 0; k < d->fit.candidates; k++)
        best = fmin(best, d->fit.candidate[k].aic);
    fputs("<section><h2>Laws</h2>\n<div class=\"scroll\"><table class=\"number\"><tr><th>law</th><th>parameters</th>"
          "<th>&Delta; AIC</th><th>residual [% rms]</th></tr>\n", to);
    for (size_t k = 0; k < d->fit.candidates; k++) {
        const struct xo_device_candidate *c = &d->fit.candidate[k];
        fprintf(to, "<tr><td>%s", xo_fit_law_name(c->law));
        if (c->law == XO_FIT_POLYNOMIAL)
            fprintf(to, " %zu%s", c->order, c->per_level ? ", per level" : "");
        if (c->refused)
            fprintf(to, "</td><td></td><td>refused</td><td>%s</td></tr>\n", c->refused);
        else
            fprintf(to, "</td><td>%.1f</td><td>%.1f</td><td>%.3g</td></tr>\n", c->parameters, c->aic - best,
                    100 * c->residual_rms);
    }
    fputs("</table></div><p class=\"note\">Parameters of the shape as Takeuchi counts them: more than there are "
          "where devices differ in shape.</p></section>\n", to);
}

static void put_curve(FILE *to, const struct device *d, size_t j, const struct xo_device_verdict *v)
{
    char text[200];
    fputs("<tr><td>", to);
    page_text(to, device_curve_text(text, sizeof text, d, j));
    fprintf(to, "</td><td>%.3g</td><td>%.3g</td><td>%.3g</td><td>%.1g</td><td>%.3g</td></tr>\n",
            100 * v->residual_rms, 100 * v->residual_max, 100 * v->systematic, v->chance, 100 * v->noise);
}

static void put_curves(FILE *to, const struct device *d)
{
    size_t shown = 0;
    fputs("<div class=\"scroll\"><table class=\"number\"><tr><th>curve</th><th>missed by, rms [%]</th>"
          "<th>at worst [%]</th><th>hangs together, rms [%]</th><th>chance, were it noise</th>"
          "<th>the rest, noise at most [%]</th></tr>\n", to);
    if (d->fit.law != d->fit.wanted || !d->fit.unfollowed)
        put_curve(to, d, d->fit.missed_curve, &d->fit.missed_verdict);
    for (size_t j = 0; j < d->fit.curves && shown < SHOWN; j++)
        if (!d->fit.verdict[j].followed) {
            put_curve(to, d, j, &d->fit.verdict[j]);
            shown++;
        }
    fputs("</table></div>", to);
}

/* Whether the law follows the curves, and how the worst of them is followed. */
static void put_verdict(FILE *to, const struct device *d)
{
    const struct xo_device_fit *f = &d->fit;
    if (f->law != f->wanted)
        fprintf(to, "<section><h2>No law follows %s</h2>\n<p>The best, %s, does not follow %zu of %zu curve%s; a "
                "table through the means stands in%s.</p>\n", f->curves > 1 ? "these curves" : "this curve",
                xo_fit_law_name(f->wanted), f->missed, f->curves, cli_plural(f->curves),
                f->unfollowed ? ", and it does not follow all curves either" : "");
    else if (f->unfollowed)
        fprintf(to, "<section><h2>Not followed: %zu of %zu curve%s</h2>\n", f->unfollowed, f->curves,
                cli_plural(f->curves));
    else
        fputs("<section><h2>Every curve is followed</h2>\n<p>The one that the law misses most:</p>\n", to);
    put_curves(to, d);
    fprintf(to, "<p class=\"note\">In parts of the curve&rsquo;s largest current. By itself, with numbers of its own "
            "unless it is a table, the law must not miss a curve by more than %g&nbsp;%% rms in a way that hangs "
            "together (Durbin and Watson, by voltage and in the order of measurement; noise does so in %g of 100 "
            "files); where fewer than 32 points more than parameters do not tell, by more than %g&nbsp;%% of the "
            "current&rsquo;s rms; a level&rsquo;s only curve in no point by more than %g&nbsp;%% where neighbours "
            "scatter far less; nor by half of its squares.%s</p></section>\n", 100 * d->options.tolerance,
            100 * XO_DEVICE_FALSE_ALARM, 1000 * d->options.tolerance, 300 * d->options.tolerance,
            f->unfollowed > SHOWN ? " The others are in the file of --json." : "");
}

/* ---- the whole ------------------------------------------------------------------------------------- */

static void put_figures(FILE *to, const struct device *d)
{
    char text[80];
    size_t off, on;
    device_extremes(d, &off, &on);
    fputs("<div class=\"figures\">\n", to);
    page_figure(to, xo_fit_law_name(d->fit.law), "law, I = g h(v)");
    snprintf(text, sizeof text, "%.3g S", d->fit.level[on].siemens.value);
    page_figure(to, text, "mean conductance of the highest level");
    snprintf(text, sizeof text, "%.3g", d->fit.level[on].siemens.value / d->fit.level[off].siemens.value);
    page_figure(to, text, "ratio of highest to lowest level");
    snprintf(text, sizeof text, "%.3g %%", 100 * d->fit.level[on].device_spread.value);
    page_figure(to, isfinite(d->fit.level[on].device_spread.low95) ? text : "unknown",
                "spread over devices, highest level");
    snprintf(text, sizeof text, "%.3g %%", 100 * d->fit.residual_rms);
    page_figure(to, text, "residual rms, of each curve&rsquo;s largest current");
    snprintf(text, sizeof text, "%zu of %zu", d->fit.missed, d->fit.curves);
    page_figure(to, text, d->fit.law != d->fit.wanted ? "curves that the best law does not follow"
                                                      : "curves that the law does not follow");
    fputs("</div>\n", to);
}

/* The paragraph one can paste into a paper. */
static void put_method(FILE *to, const struct device *d)
{
    static const char *const loss[] = {"squares", "Huber&rsquo;s loss (1.345)", "Cauchy&rsquo;s loss (2.385)"};
    static const char *const intervals[] = {
        "Intervals are jackknifed over devices",
        "Intervals are jackknifed over curves, since some level has one device only: they say nothing about "
        "other devices",
        "Some level has one curve only: intervals take its points for independent and say nothing about other "
        "devices or cycles"
    };
    char law[80];
    fprintf(to,
            "<section><h2>What was fitted</h2>\n<p>%zu points in %zu current-voltage curves of %zu device%s at %zu "
            "level%s were fitted with Crossohm %s. ", d->fit.points, d->fit.curves, d->iv.devices,
            cli_plural(d->iv.devices), d->fit.levels, cli_plural(d->fit.levels), PACKAGE_VERSION);
    if (d->iv.high_kelvin > 0)
        fprintf(to, "They were measured at %g to %g&nbsp;K. ", d->iv.low_kelvin, d->iv.high_kelvin);
    fprintf(to, "The current of a cell is g&nbsp;h(v), where h(v)&nbsp;=&nbsp;v at the reference voltage of "
            "%g&nbsp;V and each curve has a conductance g of its own; the law is %s, %s. ", d->fit.reference_volt,
            device_law_text(law, sizeof law, d), device_choice_text(d));
    if (d->fit.law == XO_FIT_TABLE)
        fputs("It runs through the means of each level, made rising. ", to);
    else
        fputs("Akaike&rsquo;s criterion is in Takeuchi&rsquo;s form, its penalty counted by what replicates. ", to);
    fprintf(to,
            "The sum of %s was minimised (GSL, trust region), weighted by a noise that is partly additive, partly in "
            "proportion to the current, estimated for each level together with the law. %s; they take the law for "
            "granted, and one chosen by the same data makes them hold less often. ", loss[d->options.loss],
            intervals[d->fit.unit]);
    fputs("</p>\n<p><code>", to);
    page_text(to, d->session.common.command);
    fputs("</code></p></section>\n", to);
}

static int put_page(FILE *to, const void *what)
{
    const struct device *d = what;
    page_begin(to, "Crossohm: a device from measured curves");
    fputs("<h1>Device from measured curves</h1>\n<p class=\"under\">", to);
    page_text(to, d->input);
    fprintf(to, " &middot; Crossohm %s</p>\n", PACKAGE_VERSION);
    put_figures(to, d);
    put_method(to, d);
    put_verdict(to, d);
    int failed = put_charts(to, d);
    put_parameters(to, d);
    fputs("</div>\n", to);
    put_levels(to, d);
    put_candidates(to, d);
    fputs("<p class=\"note\">Every number shown here is in the file of <code>--json</code>.</p>\n", to);
    page_end(to);
    return failed;
}

int device_write_html(const struct device *d)
{
    return cli_write_text(d->report, put_page, d);
}
