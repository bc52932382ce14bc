/* crossohm solve --scheme: reading one cell of a memory array through all its neighbours.
 *
 * The selected word line is driven at X, the selected bit line sensed at 0 V.  The other lines are held at X/2
 * (half), word lines at X/3 and bit lines at 2X/3 (third), or left floating.  Solved with the cell on and off:
 * what else arrives at the sense amplifier is the sneak current, what is left between on and off the margin.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"

static const struct {
    const char *name;
    enum xo_line_state others;
    double word_part, bit_part;        /* of the read voltage */
} schemes[] = {
    {"half",     XO_LINE_HELD,     1.0 / 2, 1.0 / 2},
    {"third",    XO_LINE_HELD,     1.0 / 3, 2.0 / 3},
    {"floating", XO_LINE_FLOATING, 0,       0},
};

/* What the other cells hold. */
enum pattern { ALL_ON, ALL_OFF, CHECKERBOARD, GIVEN, PATTERNS };
static const char *const pattern_name[PATTERNS] = {"all-on", "all-off", "checkerboard", "given"};

/* One of the two reads. */
struct reading {
    double siemens;                    /* of the selected cell */
    double ideal_amp, sensed_amp, bound_amp, cell_amp;
    double worst_bound_rel, worst_kcl_amp;
};

struct read {
    struct cli_session *session;
    const struct cli_scheme *scheme;
    size_t bias;                       /* index into schemes[] */
    enum pattern pattern;
    struct xo_line *word_line, *bit_line;
    double *cell_siemens, *row_volt;
    struct reading on, off;
};

/* ---- setting up ----------------------------------------------------------------------------------- */

static int find_names(struct read *r)
{
    const struct cli_scheme *scheme = r->scheme;
    const size_t count = sizeof schemes / sizeof *schemes;
    while (r->bias < count && strcmp(schemes[r->bias].name, scheme->name))
        r->bias++;
    r->pattern = scheme->pattern || !r->session->siemens_path ? ALL_ON : GIVEN;
    while (scheme->pattern && r->pattern < PATTERNS && strcmp(pattern_name[r->pattern], scheme->pattern))
        r->pattern++;
    if (r->bias == count)
        return cli_fail(CLI_USAGE, "--scheme: found '%s'; expected half, third or floating", scheme->name);
    if (r->pattern == PATTERNS)
        return cli_fail(CLI_USAGE, "--pattern: found '%s'; expected all-on, all-off, checkerboard or given",
                        scheme->pattern);
    if (r->pattern == GIVEN && !r->session->siemens_path)
        return cli_missing("-g", "the conductances that --pattern given takes");
    return CLI_DONE;
}

static int check_hardware(const struct cli_session *s, const struct cli_scheme *scheme)
{
    const struct xo_crossbar *x = &s->hardware.array;
    if (!s->rows || !s->columns)
        return cli_fail(CLI_BAD_INPUT, "%s: gives no array size; expected array.rows and array.columns, or -g",
                        s->hardware_path);
    if (scheme->cell.row >= s->rows || scheme->cell.column >= s->columns)
        return cli_fail(CLI_BAD_INPUT, "--cell: %zu,%zu; expected rows 0 to %zu and columns 0 to %zu",
                        scheme->cell.row, scheme->cell.column, s->rows - 1, s->columns - 1);
    if (scheme->read_volt == 0)
        return cli_fail(CLI_BAD_INPUT, "--read-volt: found 0; expected a voltage that drives a current");
    if (x->input == XO_INPUT_GATE)
        return cli_fail(CLI_BAD_INPUT, "%s: array.input: gate: a row's gate selects its cells, no bias has to; "
                        "expected drive with --scheme", s->hardware_path);
    if (x->word_line || x->bit_line)
        return cli_fail(CLI_BAD_INPUT, "%s: array.lines is given; expected none, since --scheme decides every line",
                        s->hardware_path);
    return CLI_DONE;
}

static double pattern_siemens(const struct read *r, size_t i, size_t j)
{
    const struct cli_session *s = r->session;
    double on = s->hardware.device.on_siemens, off = s->hardware.device.off_siemens;
    switch (r->pattern) {
    case ALL_ON:
        return on;
    case CHECKERBOARD:
        return (i + j) % 2 ? off : on;
    case GIVEN:
        return s->cell_siemens.value[i * s->columns + j];
    default:
        return off;
    }
}

static void bias_lines(struct read *r)
{
    struct cli_session *s = r->session;
    enum xo_line_state others = schemes[r->bias].others;
    double word_volt = schemes[r->bias].word_part * r->scheme->read_volt;
    double bit_volt = schemes[r->bias].bit_part * r->scheme->read_volt;
    for (size_t i = 0; i < s->rows; i++)
        if (i != r->scheme->cell.row)
            r->word_line[i] = (struct xo_line){others, word_volt};
    for (size_t j = 0; j < s->columns; j++)
        if (j != r->scheme->cell.column)
            r->bit_line[j] = (struct xo_line){others, bit_volt};
    s->hardware.array.word_line = r->word_line;
    s->hardware.array.bit_line = r->bit_line;
    s->hardware.array.sense_volt = (struct xo_values){0, NULL};
}

static int set_up(struct read *r)
{
    struct cli_session *s = r->session;
    r->word_line = calloc(s->rows, sizeof *r->word_line);
    r->bit_line = calloc(s->columns, sizeof *r->bit_line);
    if (!r->word_line || !r->bit_line)
        return cli_no_memory();
    bias_lines(r);
    int code = cli_circuit(s);         /* refuses an array too large before there are numbers for its cells */
    if (code)
        return code;
    r->cell_siemens = cli_numbers(s->rows * s->columns);
    r->row_volt = cli_numbers(s->rows);
    if (!r->cell_siemens || !r->row_volt)
        return cli_no_memory();
    for (size_t i = 0; i < s->rows; i++)
        for (size_t j = 0; j < s->columns; j++)
            r->cell_siemens[i * s->columns + j] = pattern_siemens(r, i, j);
    r->row_volt[r->scheme->cell.row] = r->scheme->read_volt;
    return CLI_DONE;
}

/* ---- reading -------------------------------------------------------------------------------------- */

/* By ngspice: no bound, no Kirchhoff's law checked. */
static int ask_ngspice(struct read *r, struct reading *out)
{
    struct cli_session *s = r->session;
    struct xo_info info = {""};
    double *amp = cli_numbers(s->columns);
    int code = amp ? cli_circuit(s) : cli_no_memory();
    if (!code) {
        const struct xo_ngspice_options options = cli_ngspice(s, 1);
        int status = xo_ngspice_read(s->circuit, r->cell_siemens, r->row_volt, r->scheme->cell, &options, amp,
                                     &out->cell_amp, NULL, &info);
        code = cli_judged(s, status, &info);
        out->sensed_amp = amp[r->scheme->cell.column];
        out->bound_amp = out->worst_bound_rel = out->worst_kcl_amp = NAN;
    }
    free(amp);
    return code;
}

static int solve(struct read *r, struct reading *out)
{
    struct cli_session *s = r->session;
    size_t cell = r->scheme->cell.row * s->columns + r->scheme->cell.column;
    struct xo_solution x = {0};
    int code = cli_program(s, r->scheme->engine.ours, r->cell_siemens);
    if (!code)
        code = cli_solution_new(&x, s, 1, CLI_WITH_BRANCHES);
    if (!code)
        code = cli_run(s, 1, r->row_volt, &x);
    if (!code) {
        out->sensed_amp = x.column_amp[r->scheme->cell.column];
        out->bound_amp = x.bound_amp[r->scheme->cell.column];
        out->cell_amp = x.branch_amp.cells[cell];
        out->worst_bound_rel = x.worst_bound_rel;
        out->worst_kcl_amp = x.worst_kcl_amp;
    }
    cli_solution_free(&x);
    return code;
}

static int read_cell(struct read *r, double siemens, struct reading *out)
{
    r->cell_siemens[r->scheme->cell.row * r->session->columns + r->scheme->cell.column] = siemens;
    out->siemens = siemens;
    struct cli_session *s = r->session;
    struct xo_info info = {""};
    int code = cli_circuit(s);
    int status = code ? 0 : xo_cell_amp(s->circuit, r->scheme->cell, siemens, r->scheme->read_volt, &out->ideal_amp,
                                        &info);
    if (code || status)
        return code ? code : cli_fail_computing(status, &info, s->hardware_path);
    return s->by_ngspice ? ask_ngspice(r, out) : solve(r, out);
}

static double margin(const struct read *r)
{
    return (r->on.sensed_amp - r->off.sensed_amp) / r->on.sensed_amp;
}

static void print_report(const struct read *r)
{
    const struct cli_session *s = r->session;
    const struct reading *on = &r->on, *off = &r->off;
    printf("single-cell read, scheme %s: %zu x %zu array, other cells %s\n", r->scheme->name, s->rows, s->columns,
           pattern_name[r->pattern]);
    printf("cell %zu,%zu at %g V; engine %s\n\n", r->scheme->cell.row, r->scheme->cell.column, r->scheme->read_volt,
           cli_engine(s));
    printf("%-26s %15s %15s\n", "", "cell on", "cell off");
    printf("%-26s %13.7g S %13.7g S\n", "conductance", on->siemens, off->siemens);
    printf("%-26s %13.7g A %13.7g A\n", "ideal current I(X)", on->ideal_amp, off->ideal_amp);
    printf("%-26s %13.7g A %13.7g A\n", "sensed current", on->sensed_amp, off->sensed_amp);
    if (!s->by_ngspice)
        printf("%-26s %13.2g A %13.2g A\n", "  proven to within", on->bound_amp, off->bound_amp);
    printf("%-26s %13.7g A %13.7g A\n", "through the cell itself", on->cell_amp, off->cell_amp);
    printf("%-26s %13.7g A %13.7g A\n\n", "sneak current", on->sensed_amp - on->cell_amp,
           off->sensed_amp - off->cell_amp);
    printf("read margin (I_on - I_off)/I_on  %.6g\n", margin(r));
    printf("on/off current ratio             %.6g\n", on->sensed_amp / off->sensed_amp);
    if (s->by_ngspice)
        puts("judged, not proven: there is no bound");
    else
        printf("worst certified bound            %.2g of scale\n", fmax(on->worst_bound_rel, off->worst_bound_rel));
}

static json_t *reading_json(const struct reading *x)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "siemens", cli_json_number(x->siemens),
                     "ideal_amp", cli_json_number(x->ideal_amp), "sensed_amp", cli_json_number(x->sensed_amp),
                     "bound_amp", cli_json_number(x->bound_amp), "cell_amp", cli_json_number(x->cell_amp),
                     "sneak_amp", cli_json_number(x->sensed_amp - x->cell_amp));
}

static int write_report(const struct read *r)
{
    const struct cli_session *s = r->session;
    if (!s->common.json)
        return CLI_DONE;
    json_t *report = cli_json_head(s);
    int failed = cli_json_put(report, "scheme", json_string(r->scheme->name));
    failed |= cli_json_put(report, "pattern", json_string(pattern_name[r->pattern]));
    failed |= cli_json_put(report, "cell", json_pack("[I, I]", (json_int_t)r->scheme->cell.row,
                                                     (json_int_t)r->scheme->cell.column));
    failed |= cli_json_put(report, "read_volt", cli_json_number(r->scheme->read_volt));
    failed |= cli_json_put(report, "on", reading_json(&r->on));
    failed |= cli_json_put(report, "off", reading_json(&r->off));
    failed |= cli_json_put(report, "read_margin", cli_json_number(margin(r)));
    failed |= cli_json_put(report, "on_off_ratio", cli_json_number(r->on.sensed_amp / r->off.sensed_amp));
    failed |= cli_json_put(report, "worst_bound_rel",
                           cli_json_number(fmax(r->on.worst_bound_rel, r->off.worst_bound_rel)));
    failed |= cli_json_put(report, "worst_kcl_amp",
                           cli_json_number(fmax(r->on.worst_kcl_amp, r->off.worst_kcl_amp)));
    failed |= cli_json_topology(report, s);
    if (failed) {
        json_decref(report);
        report = NULL;
    }
    return cli_write_json(s->common.json, report);
}

static void say_more(const struct read *r)
{
    if (r->session->siemens_path && r->pattern != GIVEN)
        fprintf(stderr, "%s gave the size of the array only; --pattern given takes its conductances\n",
                r->session->siemens_path);
}

int cli_scheme_read(struct cli_session *s, const struct cli_scheme *scheme)
{
    struct read r = {.session = s, .scheme = scheme};
    int code = find_names(&r);
    if (!code)
        code = cli_read_inputs(s);
    if (!code)
        code = check_hardware(s, scheme);
    if (!code)
        code = set_up(&r);
    if (!code)
        code = read_cell(&r, s->hardware.device.off_siemens, &r.off);
    if (!code)
        code = read_cell(&r, s->hardware.device.on_siemens, &r.on);
    if (!code)
        code = write_report(&r);
    if (!code) {
        if (!cli_is_stdout(s->common.json))
            print_report(&r);
        if (!s->common.quiet)
            say_more(&r);
        cli_warn(s);
        code = cli_finish_stdout();
    }
    if (!code)
        code = cli_write_timing(s);
    cli_unprogram(s);
    free(r.word_line);
    free(r.bit_line);
    free(r.cell_siemens);
    free(r.row_volt);
    return code;
}
