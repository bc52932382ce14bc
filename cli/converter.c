/* crossohm converter: the parameters of a DAC or ADC from a sweep of the engineer's own deck in ngspice.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "converter.h"
#include "xo_ngspice.h"

#define MOST_BITS 16
#define MOST_SWEEP ((size_t)1 << 20)
#define MOST_DECK_BYTES ((size_t)16 << 20)
#define LEAST_GAIN_ERROR (-0.999)      /* what the hardware file takes */
#define MOST_GAIN_ERROR 999.0
#define USUAL_TERMS 4                  /* enough for the bows of real converters */
#define NEAR_CODE_LSB 1e-3             /* an output this close to whole numbers everywhere is a code */

/* ---- one sweep ------------------------------------------------------------------------------------ */

/* Run the driven deck over V(xosweep) = 0..last and fetch the output: output[points]. */
static int sweep(struct converter *c, const char *driven, size_t last, double **output, size_t *points)
{
    const struct xo_ngspice_options options = {
        .limit_sec = c->limit_sec, .progress = cli_progress_show, .user = &c->session.progress
    };
    struct xo_info info = {""};
    char analysis[64], vector[300];
    snprintf(analysis, sizeof analysis, "dc vxosweep 0 %zu 1", last);
    snprintf(vector, sizeof vector, strchr(c->out, '(') ? "%s" : "v(%s)", c->out);
    for (char *k = vector; *k; k++)
        *k = (char)(*k >= 'A' && *k <= 'Z' ? *k - 'A' + 'a' : *k);         /* ngspice knows lower case only */
    const char *const vectors[] = {vector};
    cli_progress_stage(&c->session.progress, "ngspice", 0, NULL);
    int status = xo_ngspice_run_text(c->file[1], driven, analysis, 1, vectors, output, points, &options, &info);
    cli_progress_clear(&c->session.progress);
    cli_lap(&c->session, "ngspice");
    if (status)
        return cli_fail_computing(status, &info, c->file[1]);
    if (*points != last + 1)
        return cli_fail(CLI_FAILED, "%s: ngspice gave %zu points of %s; expected %zu", c->file[1], *points, vector,
                        last + 1);
    return CLI_DONE;
}

static int drive_and_sweep(struct converter *c, size_t count, struct xo_drive *drives, size_t last)
{
    struct xo_info info = {""};
    char *deck = NULL, *driven = NULL;
    size_t nbytes;
    int status = xo_slurp(&deck, &nbytes, c->file[1], MOST_DECK_BYTES, &info), code = CLI_DONE;
    if (status)
        return cli_fail_reading(status, &info, c->file[1]);
    if (strlen(deck) != nbytes)
        code = cli_fail(CLI_BAD_INPUT, "%s: found a NUL byte; expected text", c->file[1]);
    if (!code && (status = xo_converter_drive(&driven, deck, c->file[1], count, drives, &info)) != 0)
        code = cli_fail_reading(status, &info, c->file[1]);
    if (!code)
        code = sweep(c, driven, last, &c->y, &c->points);
    free(driven);
    free(deck);
    return code;
}

/* ---- dac ------------------------------------------------------------------------------------------ */

/* Bit k of a whole number, as ngspice computes it. */
static void print_bit(char *text, size_t size, double high_volt, size_t k)
{
    char volt[XO_NUMBER_SIZE];
    snprintf(text, size, "%s*(floor((V(xosweep)+0.25)/%lu)-2*floor((V(xosweep)+0.25)/%lu))",
             xo_number_print(volt, high_volt), 1ul << k, 2ul << k);
}

static int split_names(const char *names[MOST_BITS], size_t *count, char *text)
{
    *count = 0;
    for (char *name = text; name; ) {
        char *comma = strchr(name, ',');
        if (comma)
            *comma++ = '\0';
        if (!name[0])
            return cli_fail(CLI_USAGE, "--in: found an empty name; expected B0,B1,..., least significant bit first");
        if (*count == MOST_BITS)
            return cli_fail(CLI_USAGE, "--in: found more than %d bits; expected B0,B1,...", MOST_BITS);
        names[(*count)++] = name;
        name = comma;
    }
    return CLI_DONE;
}

static int sweep_dac(struct converter *c, char *in)
{
    const char *name[MOST_BITS];
    char expression[MOST_BITS][128];
    struct xo_drive drives[MOST_BITS];
    int code = split_names(name, &c->bits, in);
    if (code)
        return code;
    for (size_t k = 0; k < c->bits; k++) {
        print_bit(expression[k], sizeof expression[k], c->high_volt, k);
        drives[k] = (struct xo_drive){name[k], expression[k], 0};
    }
    if (!(c->read_volt > 0))
        c->read_volt = c->high_volt * (1 - ldexp(1, -(int)c->bits));
    code = drive_and_sweep(c, c->bits, drives, ((size_t)1 << c->bits) - 1);
    if (code)
        return code;
    for (size_t k = 0; k < c->bits; k++)
        if (drives[k].current)
            return cli_fail(CLI_BAD_INPUT, "%s: input %s is a current source; expected bits that are voltages",
                            c->file[1], name[k]);
    c->x = cli_numbers(c->points);
    for (size_t k = 0; c->x && k < c->points; k++)
        c->x[k] = (double)k;
    return c->x ? CLI_DONE : cli_no_memory();
}

/* ---- adc ------------------------------------------------------------------------------------------ */

/* Output volts to LSB.  Without --out-low and --out-high an output of codes has 1 V per code. */
static void to_lsb(struct converter *c)
{
    double full = ldexp(1, (int)c->bits) - 1;
    for (size_t k = 0; k < c->points; k++)
        c->y[k] = (c->y[k] - c->out_low) / (c->out_high - c->out_low) * full;
}

static bool looks_like_codes(const struct converter *c)
{
    for (size_t k = 0; k < c->points; k++)
        if (!(fabs(c->y[k] - rint(c->y[k])) <= NEAR_CODE_LSB))
            return false;
    return true;
}

/* From samples to transitions, in place of them. */
static int keep_transitions(struct converter *c)
{
    struct xo_info info = {""};
    size_t most = ((size_t)1 << c->bits) - 1, count = 0;
    double *level = cli_numbers(most), *reading = cli_numbers(most);
    if (!level || !reading) {
        free(level);
        free(reading);
        return cli_no_memory();
    }
    for (size_t k = 0; k < c->points; k++)
        c->y[k] = rint(c->y[k]);
    int status = xo_adc_transitions(&count, (int)c->bits, c->points, c->x, c->y, level, reading, &info);
    free(c->x);
    free(c->y);
    c->x = level;
    c->y = reading;
    c->points = count;
    return status ? cli_fail_computing(status, &info, c->file[1]) : CLI_DONE;
}

/* An analogue output needs no more points than there are codes: one for each. */
static void keep_one_per_code(struct converter *c)
{
    size_t kept = 0;
    for (size_t k = 0; k < c->points; k += c->per_code, kept++) {
        c->x[kept] = c->x[k];
        c->y[kept] = c->y[k];
    }
    c->points = kept;
}

/* Codes or an analogue output: as --reading says, else as it looks. */
static int take_readings(struct converter *c)
{
    to_lsb(c);
    bool near = looks_like_codes(c);
    c->codes = c->reading ? !strcmp(c->reading, "code") : near;
    if (c->codes && !near)
        return cli_fail(CLI_BAD_INPUT, "%s: %s is not a code: its volts are no multiples of one LSB; expected "
                        "--reading analog, or --out-low and --out-high at the first and last code", c->file[1],
                        c->out);
    if (c->codes)
        return keep_transitions(c);
    keep_one_per_code(c);
    return CLI_DONE;
}

static int sweep_adc(struct converter *c)
{
    char low[XO_NUMBER_SIZE], step[XO_NUMBER_SIZE], expression[128];
    struct xo_drive drive = {c->in, expression, 1};
    size_t last = (((size_t)1 << c->bits) - 1) * c->per_code;
    double step_size = (c->high - c->low) / (double)last;
    snprintf(expression, sizeof expression, "%s+%s*V(xosweep)", xo_number_print(low, c->low),
             xo_number_print(step, step_size));
    int code = drive_and_sweep(c, 1, &drive, last);
    if (code)
        return code;
    c->current = drive.current;
    c->x = cli_numbers(c->points);
    if (!c->x)
        return cli_no_memory();
    for (size_t k = 0; k < c->points; k++)
        c->x[k] = c->low + step_size * (double)k;
    return take_readings(c);
}

/* ---- the command line ----------------------------------------------------------------------------- */

/* Options of the other converter are mistakes, not decoration. */
static int check_belongs(const struct converter *c, const struct cli_option *options)
{
    static const char *const dac[] = {"high-volt", "read-volt"};
    static const char *const adc[] = {"low", "high", "bits", "out-low", "out-high", "reading", "per-code"};
    const char *const *others = c->is_dac ? adc : dac;
    size_t count = c->is_dac ? sizeof adc / sizeof *adc : sizeof dac / sizeof *dac;
    for (size_t k = 0; k < count; k++)
        if (cli_given(options, others[k]))
            return cli_fail(CLI_USAGE, "--%s: belongs to converter %s; expected an option of converter %s", others[k],
                            c->is_dac ? "adc" : "dac", c->file[0]);
    return CLI_DONE;
}

static int check_dac(const struct converter *c, const struct cli_option *options)
{
    if (!cli_given(options, "high-volt"))
        return cli_missing("--high-volt", "the voltage of a bit that is 1");
    if (!(fabs(c->high_volt) > 0))
        return cli_fail(CLI_USAGE, "--high-volt: found 0; expected the voltage of a bit that is 1");
    if (cli_given(options, "read-volt") ? !(c->read_volt > 0) : !(c->high_volt > 0))
        return cli_missing("--read-volt", "the ideal voltage of the highest code, above 0");
    return CLI_DONE;
}

static int check_adc(struct converter *c, const struct cli_option *options)
{
    if (!cli_given(options, "low") || !cli_given(options, "high"))
        return cli_missing("--low and --high", "the inputs that are the first and the last code [A, or V]");
    if (!(c->low < c->high))
        return cli_fail(CLI_USAGE, "--low: found %g with --high %g; expected low below high", c->low, c->high);
    if (c->bits < 1 || c->bits > MOST_BITS)
        return cli_fail(CLI_USAGE, "--bits: found %zu; expected 1 to %d", c->bits, MOST_BITS);
    if (c->per_code < 1 || c->per_code > MOST_SWEEP >> c->bits)
        return cli_fail(CLI_USAGE, "--per-code: found %zu; expected 1 to %zu points of the sweep in one code of %zu "
                        "bits", c->per_code, MOST_SWEEP >> c->bits, c->bits);
    if (c->reading && strcmp(c->reading, "code") && strcmp(c->reading, "analog"))
        return cli_fail(CLI_USAGE, "--reading: found '%s'; expected code or analog", c->reading);
    if (!cli_given(options, "out-high"))
        c->out_high = ldexp(1, (int)c->bits) - 1;
    if (c->out_low == c->out_high)                             /* as given: not computed */
        return cli_fail(CLI_USAGE, "--out-low: found %g with the same --out-high; expected two voltages", c->out_low);
    if (cli_given(options, "out-low") != cli_given(options, "out-high"))
        return cli_missing(cli_given(options, "out-low") ? "--out-high" : "--out-low",
                           "both, the output at the first and at the last code [V]");
    return CLI_DONE;
}

static int check(struct converter *c, const struct cli_option *options)
{
    c->is_dac = !strcmp(c->file[0], "dac");
    if (!c->is_dac && strcmp(c->file[0], "adc"))
        return cli_fail(CLI_USAGE, "%s: not a converter; expected adc or dac", c->file[0]);
    if (!c->in)
        return cli_missing("--in", c->is_dac ? "B0,B1,..., sources or nodes, least significant bit first"
                                             : "the source or node that is swept");
    if (!c->out)
        return cli_missing("--out", "the node that is read");
    if (c->session.common.set_count || c->session.common.seed_given)
        return cli_fail(CLI_USAGE, "--set, --seed: a converter's deck has no hardware file; expected neither");
    if (cli_given(options, "inl") && c->inl_terms > XO_MAX_INL)
        return cli_fail(CLI_USAGE, "--inl: found %zu; expected 0 to %d", c->inl_terms, XO_MAX_INL);
    if (cli_given(options, "inl") && c->by_aic)
        return cli_fail(CLI_USAGE, "--aic: found --inl too; expected one of them");
    c->inl_given = cli_given(options, "inl");
    if (cli_given(options, "time-limit") && !(c->limit_sec > 0))
        return cli_fail(CLI_USAGE, "--time-limit: found %g; expected seconds, more than 0", c->limit_sec);
    if (!c->output)
        c->output = "-";
    if (cli_is_stdout(c->output) + cli_is_stdout(c->session.common.json) + cli_is_stdout(c->residual) > 1)
        return cli_missing("-o", "a file, since another output takes standard output");
    int code = check_belongs(c, options);
    if (code)
        return code;
    return c->is_dac ? check_dac(c, options) : check_adc(c, options);
}

/* How many terms.  Fixed beforehand unless asked otherwise: only then do the intervals hold what they say. */
static int terms(const struct converter *c)
{
    int few = (int)(c->points / 2) - 1;            /* two points a parameter, of which gain and offset are two */
    if (c->by_aic)
        return XO_INL_BY_AIC;
    if (c->inl_given)
        return (int)c->inl_terms;
    return few < 2 ? 0 : few < USUAL_TERMS ? few : USUAL_TERMS;
}

static int fit(struct converter *c)
{
    struct xo_info info = {""};
    int status;
    c->residual_lsb = cli_numbers(c->points);
    if (!c->residual_lsb)
        return cli_no_memory();
    c->inl = terms(c);
    if (c->is_dac)
        status = xo_dac_fit(&c->fit, (int)c->bits, c->read_volt, c->inl, c->points, c->x, c->y, c->residual_lsb,
                            &info);
    else
        status = xo_adc_fit(&c->fit, (int)c->bits, c->low, c->high, c->inl, c->points, c->x, c->y, c->residual_lsb,
                            &info);
    cli_lap(&c->session, "fit");
    if (status)
        return cli_fail_computing(status, &info, c->file[1]);
    if (!(c->fit.gain_error.value >= LEAST_GAIN_ERROR && c->fit.gain_error.value <= MOST_GAIN_ERROR))
        return cli_fail(CLI_BAD_INPUT, "%s: %s: found a gain error of %g: flat, falling or far from ideal; expected "
                        "%s", c->file[1], c->out, c->fit.gain_error.value,
                        c->is_dac ? "--read-volt at the output of the last code"
                                  : "--low, --high, --out-low and --out-high as in the ideal converter");
    return CLI_DONE;
}

static int run(struct converter *c)
{
    char *in = strdup(c->in);          /* taken apart at its commas */
    if (!in)
        return cli_no_memory();
    cli_session_begin(&c->session);
    int code = c->is_dac ? sweep_dac(c, in) : sweep_adc(c);
    free(in);
    if (!code)
        code = fit(c);
    if (!code)
        code = converter_write_residual(c);
    if (!code)
        code = converter_write_json(c);
    if (!code)
        code = converter_write_yaml(c);
    if (!code)
        converter_summarise(c);
    return code ? code : cli_write_timing(&c->session);
}

int cli_converter(int argc, char **argv)
{
    struct converter c = {.bits = 8, .per_code = 16};
    struct cli_option options[] = {
        {CLI_TEXT, 0, "in", &c.in, "NAME,...", "dac: bits, least significant first; adc: what is swept", false},
        {CLI_TEXT, 0, "out", &c.out, "NODE", "what is read", false},
        {CLI_OUTPUT, 'o', "output", &c.output, "FILE.yaml", "parameters; default: stdout", false},
        {CLI_OUTPUT, 0, "residual", &c.residual, "R.csv", "the sweep and what the fit leaves of it", false},
        {CLI_COUNT, 0, "inl", &c.inl_terms, "N", "nonlinearity to t^N; default 4, less for few codes", false},
        {CLI_FLAG, 0, "aic", &c.by_aic, NULL, "choose N by Akaike's criterion; intervals hold less often", false},
        {CLI_NUMBER, 0, "time-limit", &c.limit_sec, "S", "seconds for ngspice; default 600", false},
        {CLI_NUMBER, 0, "high-volt", &c.high_volt, "X", "dac: a bit that is 1", false},
        {CLI_NUMBER, 0, "read-volt", &c.read_volt, "X", "dac: ideal highest output; default X (1 - 2^-bits)", false},
        {CLI_COUNT, 0, "bits", &c.bits, "N", "adc: default 8", false},
        {CLI_NUMBER, 0, "low", &c.low, "X", "adc: input of code 0 [A, or V]", false},
        {CLI_NUMBER, 0, "high", &c.high, "X", "adc: input of the last code", false},
        {CLI_NUMBER, 0, "out-low", &c.out_low, "X", "adc: output at code 0 [V]; default 0", false},
        {CLI_NUMBER, 0, "out-high", &c.out_high, "X", "adc: at the last code; default 1 V per code", false},
        {CLI_TEXT, 0, "reading", &c.reading, "KIND", "adc: code or analog; default: as it looks", false},
        {CLI_COUNT, 0, "per-code", &c.per_code, "N", "adc: points of the sweep in one code; default 16", false},
        {.kind = CLI_END}
    };
    const struct cli_page page = {
        "converter", "crossohm converter dac deck.cir --in b0,b1,b2,b3 --high-volt 1 --out out -o dac.yaml",
        "dac|adc deck.cir --in NAME,... --out NODE [options]", options, 2
    };
    bool stop;
    int code = cli_parse(&page, &c.session.common, c.file, argc, argv, &stop);
    if (stop)
        return code;
    gsl_set_error_handler_off();       /* GSL would abort when memory runs out */
    code = check(&c, options);
    if (!code)
        code = run(&c);
    free(c.x);
    free(c.y);
    free(c.residual_lsb);
    cli_session_free(&c.session);
    return code;
}
