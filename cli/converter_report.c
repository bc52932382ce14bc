/* crossohm converter: the fitted numbers as YAML, JSON, CSV and a few lines for a person.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "converter.h"

static const char *kind(const struct converter *c)
{
    return c->is_dac ? "output voltage of every code"
           : c->codes ? "code transitions" : "analogue output against its ideal line";
}

static const char *unit(const struct converter *c)
{
    return c->is_dac ? "V" : "LSB";
}

static const char *input_unit(const struct converter *c)
{
    return c->is_dac ? "code" : c->current ? "A" : "V";
}

#define NO_FREEDOM "as many numbers as points"

static bool is_good(const struct converter *c)
{
    return c->fit.residual_max_lsb < CONVERTER_GOOD_LSB;
}

/* ---- YAML: a hardware file of its own, or a piece to paste ---------------------------------------- */

static void print_number(FILE *to, const char *key, double value)
{
    char text[XO_NUMBER_SIZE];
    fprintf(to, "  %s: %s\n", key, xo_number_print(text, value));
}

static void print_inl(FILE *to, const char *key, const struct xo_converter_fit *fit)
{
    char text[XO_NUMBER_SIZE];
    int terms = fit->inl_terms > 1 ? fit->inl_terms : 0;
    for (int k = 2; k <= terms; k++) {
        fprintf(to, "  # t^%d: %.6g", k, fit->inl[k - 1].value);
        cli_print_interval(to, &fit->inl[k - 1], NO_FREEDOM);
    }
    fprintf(to, "  %s: [", key);
    for (int k = 0; k < terms; k++)
        fprintf(to, "%s%s", k ? ", " : "", xo_number_print(text, fit->inl[k].value));
    fputs("]\n", to);
}

static void print_head(FILE *to, const struct converter *c)
{
    const struct xo_converter_fit *fit = &c->fit;
    fprintf(to, "# crossohm %s: %s\n", PACKAGE_VERSION, c->session.common.command);
    fprintf(to, "# measured: %s, %zu points; residual %.3g LSB rms, %.3g LSB at worst\n", kind(c), fit->points,
            fit->residual_rms_lsb, fit->residual_max_lsb);
    fprintf(to, "# nonlinearity to t^%d, %s\n", fit->inl_terms,
            c->inl == XO_INL_BY_AIC ? "chosen by AIC; the intervals take that choice for granted"
                                    : c->inl_given ? "as given" : "as usual");
    if (!is_good(c))
        fprintf(to, "# above %g LSB: the law does not follow this converter that closely; its noise stands for\n"
                "# the rest\n", CONVERTER_GOOD_LSB);
    fprintf(to, "crossohm: 1\n%s:\n  bits: %zu\n", c->file[0], c->bits);
}

static int print_yaml(FILE *to, const void *what)
{
    const struct converter *c = what;
    const struct xo_converter_fit *fit = &c->fit;
    print_head(to, c);
    if (c->is_dac)
        print_number(to, "read_volt", c->read_volt);
    else if (c->current) {
        fputs("  range: fixed\n", to);
        print_number(to, "low_ampere", c->low);
        print_number(to, "high_ampere", c->high);
    }
    cli_print_fitted(to, "gain_error", &fit->gain_error, NO_FREEDOM);
    cli_print_fitted(to, c->is_dac ? "offset_volt" : "offset_lsb", &fit->offset, NO_FREEDOM);
    print_inl(to, c->is_dac ? "inl_volt" : "inl_lsb", fit);
    cli_print_fitted(to, c->is_dac ? "noise_volt" : "noise_lsb", &fit->noise, NO_FREEDOM);
    return 0;
}

int converter_write_yaml(const struct converter *c)
{
    return cli_write_text(c->output, print_yaml, c);
}

/* ---- JSON ----------------------------------------------------------------------------------------- */

static json_t *inl(const struct xo_converter_fit *fit)
{
    json_t *list = json_array();
    for (int k = 0; fit->inl_terms > 1 && k < fit->inl_terms; k++)
        json_array_append_new(list, cli_json_fitted(&fit->inl[k]));
    return list;
}

static int put_ideal(json_t *report, const struct converter *c)
{
    if (c->is_dac)
        return cli_json_put(report, "read_volt", cli_json_number(c->read_volt));
    return cli_json_put(report, c->current ? "low_ampere" : "low_volt", cli_json_number(c->low)) |
           cli_json_put(report, c->current ? "high_ampere" : "high_volt", cli_json_number(c->high));
}

int converter_write_json(const struct converter *c)
{
    const struct xo_converter_fit *fit = &c->fit;
    if (!c->session.common.json)
        return CLI_DONE;
    json_t *report = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "tool", "crossohm", "version", PACKAGE_VERSION,
                               "command", c->session.common.command, "converter", c->file[0], "measured", kind(c),
                               "bits", (json_int_t)c->bits, "points", (json_int_t)fit->points);
    int failed = !report || put_ideal(report, c);
    failed |= cli_json_put(report, "gain_error", cli_json_fitted(&fit->gain_error));
    failed |= cli_json_put(report, c->is_dac ? "offset_volt" : "offset_lsb", cli_json_fitted(&fit->offset));
    failed |= cli_json_put(report, c->is_dac ? "inl_volt" : "inl_lsb", inl(fit));
    failed |= cli_json_put(report, "inl_chosen_by", json_string(c->by_aic ? "AICc"
                           : c->inl_given ? "--inl" : "default"));
    failed |= cli_json_put(report, c->is_dac ? "noise_volt" : "noise_lsb", cli_json_fitted(&fit->noise));
    failed |= cli_json_put(report, "residual_rms_lsb", cli_json_number(fit->residual_rms_lsb));
    failed |= cli_json_put(report, "residual_max_lsb", cli_json_number(fit->residual_max_lsb));
    failed |= cli_json_put(report, c->is_dac ? "worst_at_code" : "worst_at_input",
                           cli_json_number(c->x[fit->worst_point]));
    failed |= cli_json_put(report, "below_tenth_lsb", json_boolean(is_good(c)));
    if (failed) {
        json_decref(report);
        report = NULL;
    }
    return cli_write_json(c->session.common.json, report);
}

/* ---- CSV ------------------------------------------------------------------------------------------ */

int converter_write_residual(const struct converter *c)
{
    size_t shape[] = {c->points, 3};
    char header[160];
    double *rows = c->residual ? cli_numbers(3 * c->points) : NULL;
    if (!c->residual)
        return CLI_DONE;
    if (!rows)
        return cli_no_memory();
    for (size_t k = 0; k < c->points; k++) {
        rows[3 * k] = c->x[k];
        rows[3 * k + 1] = c->y[k];
        rows[3 * k + 2] = c->residual_lsb[k];
    }
    snprintf(header, sizeof header, "input[%s],measured[%s],residual[LSB]: measured less fitted", input_unit(c),
             unit(c));
    int code = cli_write_array(c->residual, rows, 2, shape, header);
    free(rows);
    return code;
}

/* ---- for a person --------------------------------------------------------------------------------- */

void converter_summarise(const struct converter *c)
{
    const struct xo_converter_fit *fit = &c->fit;
    char name[24];
    if (c->session.common.quiet)
        return;
    fprintf(stderr, "%zu bits; measured: %s, %zu points; nonlinearity to t^%d (%s)\n", c->bits, kind(c), fit->points,
            fit->inl_terms, c->by_aic ? "chosen by AIC" : c->inl_given ? "as given" : "as usual");
    cli_say_fitted("gain_error", 12, &fit->gain_error, "");
    cli_say_fitted("offset", 12, &fit->offset, unit(c));
    for (int k = 2; k <= fit->inl_terms; k++) {
        snprintf(name, sizeof name, "inl t^%d", k);
        cli_say_fitted(name, 12, &fit->inl[k - 1], unit(c));
    }
    cli_say_fitted("scatter", 12, &fit->noise, unit(c));
    fprintf(stderr, "residual %.3g LSB rms, %.3g LSB at worst, at %g %s\n", fit->residual_rms_lsb,
            fit->residual_max_lsb, c->x[fit->worst_point], input_unit(c));
    if (!is_good(c))
        fprintf(stderr, "the worst is above %g LSB: some of this converter's error is no smooth curve (carries of a\n"
                "ladder, uneven or missing codes) or bends more than t^%d; its scatter is written as if it were "
                "noise\n", CONVERTER_GOOD_LSB, fit->inl_terms);
}
