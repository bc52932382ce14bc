/* crossohm device: a cell law and its parameters from measured current-voltage curves.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "device.h"

#define USUAL_TOLERANCE 0.01

/* The position of a word in a list that ends with NULL. */
static int find_word(int *out, const char *option, const char *word, const char *const *words, const char *expected)
{
    for (int k = 0; word && words[k]; k++)
        if (!strcmp(word, words[k])) {
            *out = k;
            return CLI_DONE;
        }
    return word ? cli_fail(CLI_USAGE, "--%s: found '%s'; expected %s", option, word, expected) : CLI_DONE;
}

static int take_words(struct device *d)
{
    static const char *const law[] = {"ohmic", "sinh", "polynomial", "table", "auto", NULL};
    static const char *const shape[] = {"shared", "level", "auto", NULL};
    static const char *const loss[] = {"square", "huber", "cauchy", NULL};
    int l = XO_FIT_BY_AIC, s = XO_SHAPE_BY_AIC, o = XO_LOSS_SQUARE;
    int code = find_word(&l, "law", d->law, law, "ohmic, sinh, polynomial, table or auto");
    if (!code)
        code = find_word(&s, "shape", d->shape, shape, "shared, level or auto");
    if (!code)
        code = find_word(&o, "loss", d->loss, loss, "square, huber or cauchy");
    d->options.law = (enum xo_fit_law)l;
    d->options.shape = (enum xo_fit_shape)s;
    d->options.loss = (enum xo_fit_loss)o;
    return code;
}

/* "dir/device.yaml" -> "dir/device-table.csv", unless --table names it. */
static int name_table(struct device *d)
{
    size_t length = strlen(d->output);
    if (cli_ends_with(d->output, ".yaml") || cli_ends_with(d->output, ".yml"))
        length = (size_t)(strrchr(d->output, '.') - d->output);
    d->table_path = calloc(d->table ? strlen(d->table) + 1 : length + sizeof "-table.csv", 1);
    if (!d->table_path)
        return cli_no_memory();
    if (d->table)
        strcpy(d->table_path, d->table);
    else if (!cli_is_stdout(d->output))
        sprintf(d->table_path, "%.*s-table.csv", (int)length, d->output);
    return CLI_DONE;
}

static int check(struct device *d, const struct cli_option *options)
{
    int code = take_words(d);
    if (code)
        return code;
    if (d->session.common.set_count || d->session.common.seed_given)
        return cli_fail(CLI_USAGE, "--set, --seed: measured curves have no hardware file; expected neither");
    if (cli_given(options, "order") && (d->order < 2 || d->order > XO_SHAPE_MOST + 1))
        return cli_fail(CLI_USAGE, "--order: found %zu; expected 2 to %d", d->order, XO_SHAPE_MOST + 1);
    if (!(d->options.tolerance > 0 && d->options.tolerance < 1))
        return cli_fail(CLI_USAGE, "--tolerance: found %g; expected above 0, below 1", d->options.tolerance);
    if (d->law && d->options.law != XO_FIT_POLYNOMIAL && d->options.law != XO_FIT_BY_AIC &&
        (cli_given(options, "order") || d->shape))
        return cli_fail(CLI_USAGE, "--order, --shape: belong to law polynomial; found law %s", d->law);
    d->options.order = d->order;
    if (!d->output)
        d->output = "-";
    if (cli_is_stdout(d->output) + cli_is_stdout(d->session.common.json) + cli_is_stdout(d->report) > 1)
        return cli_missing("-o", "a file, since another output takes standard output");
    return name_table(d);
}

/* The hardware file takes a shape for each of 2^bits_per_cell levels, or one for all. */
static int check_levels(struct device *d)
{
    if (!(d->iv.levels & (d->iv.levels - 1)))
        return CLI_DONE;
    if (d->options.shape == XO_SHAPE_PER_LEVEL)
        return cli_fail(CLI_BAD_INPUT, "%s: found %zu levels; expected 2, 4, 8, ... for --shape level", d->input,
                        d->iv.levels);
    d->options.shape = XO_SHAPE_SHARED;
    return CLI_DONE;
}

static int read_and_fit(struct device *d)
{
    struct xo_info info = {""};
    const char *name = cli_is_stdout(d->input) ? "standard input" : d->input;
    int status = xo_iv_read(&d->iv, d->input, &info);
    cli_lap(&d->session, "read");
    if (status)
        return cli_fail_reading(status, &info, name);
    int code = check_levels(d);
    if (code)
        return code;
    status = xo_device_fit(&d->fit, &d->iv, name, &d->options, &info);
    cli_lap(&d->session, "fit");
    return status ? cli_fail_reading(status, &info, name) : CLI_DONE;
}

static int write_all(struct device *d)
{
    int code = CLI_DONE;
    if (d->fit.law == XO_FIT_TABLE && !*d->table_path)
        return cli_fail(CLI_USAGE, "--table: no law follows the curves, and standard output takes no table; expected "
                        "a name for it");
    if (d->fit.law == XO_FIT_TABLE)
        code = device_write_table(d);
    if (!code)
        code = device_write_json(d);
    if (!code)
        code = device_write_html(d);
    if (!code)
        code = device_write_yaml(d);
    return code;
}

static int run(struct device *d)
{
    cli_session_begin(&d->session);
    int code = read_and_fit(d);
    if (!code)
        code = write_all(d);
    if (!code)
        device_summarise(d);
    if (!code)
        code = cli_write_timing(&d->session);
    if (!code && !device_is_followed(d))
        code = CLI_FAILED;                                     /* said by device_summarise, --quiet or not */
    return code;
}

int cli_device(int argc, char **argv)
{
    struct device d = {.options = {.reference_volt = NAN, .tolerance = USUAL_TOLERANCE}};
    struct cli_option options[] = {
        {CLI_OUTPUT, 'o', "output", &d.output, "device.yaml", "the device as YAML; standard output if left out",
         false},
        {CLI_OUTPUT, 0, "report", &d.report, "device.html", "one page: data, fit, residuals, parameters", false},
        {CLI_TEXT, 0, "law", &d.law, "LAW", "ohmic, sinh, polynomial, table, or auto: by AIC", false},
        {CLI_COUNT, 0, "order", &d.order, "N", "of the polynomial, 2 to 7; else by AIC up to 5", false},
        {CLI_TEXT, 0, "shape", &d.shape, "SHAPE", "of a polynomial: shared, level, or auto: by AIC", false},
        {CLI_TEXT, 0, "loss", &d.loss, "LOSS", "square, or against outliers: huber, cauchy", false},
        {CLI_NUMBER, 0, "reference-volt", &d.options.reference_volt, "V",
         "where conductance is I/V; else the highest",
         false},
        {CLI_NUMBER, 0, "tolerance", &d.options.tolerance, "T", "a law may miss so much of a curve's current; 0.01",
         false},
        {CLI_OUTPUT, 0, "table", &d.table, "table.csv", "where a table goes; else OUTPUT-table.csv", false},
        {.kind = CLI_END}
    };
    const struct cli_page page = {
        "device", "crossohm device iv.csv -o device.yaml --report device.html",
        "iv.csv [-o device.yaml] [--report device.html] [options]", options, 1
    };
    bool stop;
    int code = cli_parse(&page, &d.session.common, &d.input, argc, argv, &stop);
    if (stop)
        return code;
    gsl_set_error_handler_off();       /* GSL would abort when memory runs out */
    code = check(&d, options);
    if (!code)
        code = run(&d);
    free(d.table_path);
    xo_iv_free(&d.iv);
    xo_device_fit_free(&d.fit);
    cli_session_free(&d.session);
    return code;
}
