/* Room for results, the figures every report shares, and how arrays are written.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "xo_calibrate.h"
#include "xo_converter.h"

/* ---- room ----------------------------------------------------------------------------------------- */

struct field {
    double **numbers;
    size_t count;
};

double *cli_numbers(size_t count)
{
    return calloc(count ? count : 1, sizeof(double));
}

int cli_no_memory(void)
{
    return cli_fail(CLI_FAILED, "results: not enough memory to hold all of them; expected fewer inputs or outputs");
}

static int fill_fields(const struct field *field, size_t fields)
{
    for (size_t k = 0; k < fields; k++)
        if (!(*field[k].numbers = cli_numbers(field[k].count)))
            return cli_no_memory();
    return CLI_DONE;
}

/* Wires and ends of word lines, or of the source lines in their place. */
static void word_shapes(const struct cli_session *s, size_t wires[2], size_t *ends)
{
    bool column = s->hardware.array.topology == XO_TOPOLOGY_SOURCE_COLUMN;
    bool plane = s->hardware.array.topology == XO_TOPOLOGY_PLANE;
    wires[0] = plane ? 1 : column ? s->rows - 1 : s->rows;
    wires[1] = plane ? s->rows * s->columns - 1 : column ? s->columns : s->columns - 1;
    *ends = plane ? 1 : column ? s->columns : s->rows;
}

int cli_branches_new(struct xo_branch_values *out, const struct cli_session *s, size_t inputs)
{
    size_t wires[2], ends;
    word_shapes(s, wires, &ends);
    const struct field field[] = {
        {&out->cells, inputs * s->rows * s->columns},
        {&out->row_wires, inputs * wires[0] * wires[1]},
        {&out->column_wires, inputs * (s->rows - 1) * s->columns},
        {&out->drivers, inputs * xo_circuit_drive_ends(s->circuit) * ends},
        {&out->senses, inputs * xo_circuit_sense_ends(s->circuit) * s->columns},
        {&out->word_bridges, inputs * s->hardware.array.word_bridge_count},
        {&out->bit_bridges, inputs * s->hardware.array.bit_bridge_count},
    };
    return fill_fields(field, sizeof field / sizeof *field);
}

void cli_branches_free(struct xo_branch_values *b)
{
    free(b->cells);
    free(b->row_wires);
    free(b->column_wires);
    free(b->drivers);
    free(b->senses);
    free(b->word_bridges);
    free(b->bit_bridges);
    *b = (struct xo_branch_values){0};
}

int cli_solution_new(struct xo_solution *out, const struct cli_session *s, size_t inputs, int with)
{
    const struct field field[] = {
        {&out->column_amp, inputs * s->columns},
        {&out->bound_amp, inputs * s->columns},
        {&out->scale_amp, inputs * s->columns},
        {&out->source_amp, inputs * s->rows},
        {&out->word_line_watt, inputs * s->rows},
        {&out->bit_line_watt, inputs * s->columns},
        {&out->cell_watt, inputs},
        {&out->bridge_watt, inputs},
        {&out->source_watt, inputs},
        {&out->node_volt, inputs * 2 * s->rows * s->columns},
    };
    size_t fields = sizeof field / sizeof *field;
    *out = (struct xo_solution){0};
    int code = fill_fields(field, with & CLI_WITH_NODES ? fields : fields - 1);
    if (!code && with & CLI_WITH_BRANCHES)
        code = cli_branches_new(&out->branch_amp, s, inputs);
    return code;
}

void cli_solution_free(struct xo_solution *s)
{
    free(s->column_amp);
    free(s->bound_amp);
    free(s->scale_amp);
    free(s->source_amp);
    free(s->word_line_watt);
    free(s->bit_line_watt);
    free(s->cell_watt);
    free(s->bridge_watt);
    free(s->source_watt);
    free(s->node_volt);
    cli_branches_free(&s->branch_amp);
    *s = (struct xo_solution){0};
}

/* ---- figures -------------------------------------------------------------------------------------- */

double cli_sum(const double *value, size_t count)
{
    double sum = 0;
    for (size_t k = 0; k < count; k++)
        sum += value[k];
    return sum;
}

double cli_largest(const double *value, size_t count)
{
    double largest = 0;
    for (size_t k = 0; k < count; k++)
        largest = fmax(largest, fabs(value[k]));
    return largest;
}

const char *cli_values_text(char *text, size_t size, struct xo_values v, size_t count)
{
    double lowest = v.all, highest = v.all;
    for (size_t k = 0; v.each && k < count; k++) {
        lowest = k ? fmin(lowest, v.each[k]) : v.each[0];
        highest = k ? fmax(highest, v.each[k]) : v.each[0];
    }
    if (lowest < highest)
        snprintf(text, size, "%g to %g", lowest, highest);
    else
        snprintf(text, size, isinf(lowest) ? "open" : "%g", lowest);
    return text;
}

size_t cli_unusual_lines(const struct xo_line *line, size_t count)
{
    size_t found = 0;
    for (size_t k = 0; line && k < count; k++)
        found += line[k].state != XO_LINE_NORMAL;
    return found;
}

static bool is_normal(const struct xo_line *lines, size_t k)
{
    return !lines || lines[k].state == XO_LINE_NORMAL;
}

static bool holds_voltage(const struct xo_line *lines, size_t count)
{
    for (size_t k = 0; lines && k < count; k++)
        if (lines[k].state == XO_LINE_HELD && lines[k].hold_volt != 0)
            return true;
    return false;
}

/* Currents are driven by the inputs alone, and those have one sign: nothing cancels. */
static bool loss_means_something(const struct cli_session *s)
{
    const struct xo_crossbar *x = &s->hardware.array;
    const double *sense_volt = x->sense_volt.each ? x->sense_volt.each : &x->sense_volt.all;
    double lowest = 0, highest = 0;
    if (cli_largest(sense_volt, x->sense_volt.each ? s->columns : 1) > 0 ||
        holds_voltage(x->word_line, s->rows) || holds_voltage(x->bit_line, s->columns))
        return false;
    if (x->input == XO_INPUT_GATE)
        return true;
    for (size_t k = 0; k < s->inputs * s->rows; k++)
        if (is_normal(x->word_line, k % s->rows)) {
            lowest = fmin(lowest, s->row_volt.value[k]);
            highest = fmax(highest, s->row_volt.value[k]);
        }
    return lowest == 0 || highest == 0;
}

const char *cli_no_loss_reason(const struct cli_session *s)
{
    return loss_means_something(s) ? "G^T V is 0, no input drives a current"
                                   : "inputs of both signs, held lines or sense voltages cancel";
}

/* A cell's current in one input, without wires; 0: the law knows it. */
static int cell_amp(const struct cli_session *s, struct xo_site at, size_t input, double *amp)
{
    double siemens = s->cell_siemens.value[at.row * s->columns + at.column];
    size_t k = input * s->rows + at.row;
    if (s->hardware.array.input == XO_INPUT_GATE)
        return xo_cell_amp_gated(s->circuit, at, siemens, s->row_volt.value[k], s->hardware.array.source_volt, amp,
                                 NULL);
    if (s->gate.value)
        return xo_cell_amp_gated(s->circuit, at, siemens, s->gate.value[k], s->row_volt.value[k], amp, NULL);
    return xo_cell_amp(s->circuit, at, siemens, s->row_volt.value[k], amp, NULL);
}

/* What column j would carry in all inputs without wires; NaN where the law does not say. */
static double ideal_amp(const struct cli_session *s, size_t j)
{
    const struct xo_crossbar *x = &s->hardware.array;
    bool one_by_one = xo_is_nonlinear(x) || cli_is_gated(s);
    double sum = 0;
    for (size_t i = 0; i < s->rows; i++) {
        double siemens = s->cell_siemens.value[i * s->columns + j], amp;
        if (is_normal(x->word_line, i) && !one_by_one)
            sum += xo_ideal_cell(x, siemens, i * s->columns + j) * s->volt_sum[i];
        for (size_t n = 0; one_by_one && is_normal(x->word_line, i) && n < s->inputs; n++) {
            if (cell_amp(s, (struct xo_site){i, j}, n, &amp))
                return NAN;
            sum += amp;
        }
    }
    return sum;
}

double cli_current_lost(const struct cli_session *s, const double *column_amp, double *column_lost)
{
    const struct xo_crossbar *x = &s->hardware.array;
    double all_ideal = 0, all_real = 0;
    bool means_something = loss_means_something(s);
    for (size_t j = 0; j < s->columns; j++) {
        double ideal = means_something ? ideal_amp(s, j) : 0, real = 0;
        for (size_t n = 0; n < s->inputs; n++)
            real += column_amp[n * s->columns + j];
        bool stated = means_something && is_normal(x->bit_line, j);
        if (column_lost)
            column_lost[j] = stated && ideal != 0 ? 1 - real / ideal : NAN;
        all_ideal += stated ? ideal : 0;
        all_real += stated ? real : 0;
    }
    return all_ideal != 0 ? 1 - all_real / all_ideal : NAN;
}

/* ---- writing -------------------------------------------------------------------------------------- */

int cli_write_text(const char *path, int (*print)(FILE *to, const void *what), const void *what)
{
    struct xo_info info = {""};
    struct xo_writer writer;
    if (!path)
        return CLI_DONE;
    int status = xo_writer_open(&writer, path, &info);
    if (!status && print(writer.stream, what)) {
        xo_writer_abandon(&writer);
        return cli_no_memory();
    }
    if (!status)
        status = xo_writer_commit(&writer, &info);
    return status ? cli_fail_writing(status, &info, path) : CLI_DONE;
}

int cli_write_array(const char *path, const double *value, size_t dimensions, const size_t *shape,
                    const char *header)
{
    struct xo_info info = {""};
    struct xo_ndarray a = {.dimensions = dimensions};
    if (!path)
        return CLI_DONE;
    memcpy(a.shape, shape, dimensions * sizeof *shape);
    memcpy(&a.value, &value, sizeof value);             /* only read from */
    int status = cli_is_stdout(path) ? xo_csv_write(path, &a, header, &info)
                                     : xo_ndarray_write(path, &a, header, &info);
    return status ? cli_fail_writing(status, &info, path) : CLI_DONE;
}

/* "columns 0, 3: only the sum is defined", one line for each group.  A column's partner is the first of the others:
 * of the first column it is the second, of the rest the first. */
static int put_undefined(FILE *to, const struct cli_session *s)
{
    size_t *partner = calloc(s->columns, sizeof *partner);
    if (!partner)
        return ENOMEM;
    for (size_t j = 0; j < s->columns; j++)
        if (!xo_circuit_split_undefined(s->circuit, j, &partner[j]))
            partner[j] = j;
    for (size_t first = 0; first < s->columns; first++) {
        if (partner[first] <= first)
            continue;
        fprintf(to, "\ncolumns %zu", first);
        for (size_t j = partner[first]; j < s->columns; j++)
            if (partner[j] == first)
                fprintf(to, ", %zu", j);
        fputs(": only the sum is defined", to);
    }
    free(partner);
    return 0;
}

int cli_write_columns(const char *path, const struct cli_session *s, const double *value, size_t dimensions,
                      const size_t *shape, const char *header)
{
    char *lines = NULL;
    size_t nbytes = 0;
    FILE *to = open_memstream(&lines, &nbytes);
    if (!to)
        return cli_no_memory();
    fputs(header, to);
    int failed = put_undefined(to, s);
    failed |= fclose(to);
    int code = failed ? cli_no_memory() : cli_write_array(path, value, dimensions, shape, lines);
    free(lines);
    return code;
}

int cli_write_branches(const char *path, const struct cli_session *s, size_t inputs,
                       const struct xo_branch_values *b)
{
    struct xo_info info = {""};
    size_t drive_ends = xo_circuit_drive_ends(s->circuit), sense_ends = xo_circuit_sense_ends(s->circuit);
    size_t wires[2], ends;
    word_shapes(s, wires, &ends);
    const struct xo_named_array arrays[] = {
        {"cells", {3, {inputs, s->rows, s->columns}, b->cells}},
        {"row_wires", {3, {inputs, wires[0], wires[1]}, b->row_wires}},
        {"column_wires", {3, {inputs, s->rows - 1, s->columns}, b->column_wires}},
        {"drivers", {3, {inputs, drive_ends, ends}, b->drivers}},
        {"senses", {3, {inputs, sense_ends, s->columns}, b->senses}},
        {"word_bridges", {2, {inputs, s->hardware.array.word_bridge_count}, b->word_bridges}},
        {"bit_bridges", {2, {inputs, s->hardware.array.bit_bridge_count}, b->bit_bridges}},
    };
    if (!path)
        return CLI_DONE;
    int status = xo_npz_write(path, sizeof arrays / sizeof *arrays, arrays, &info);
    return status ? cli_fail_writing(status, &info, path) : CLI_DONE;
}

const char *cli_plural(size_t count)
{
    return count == 1 ? "" : "s";
}

void cli_warn_dac(const struct xo_dac *dac, size_t count, const double *volt)
{
    unsigned last = (1u << dac->bits) - 1;
    double low = INFINITY, high = -INFINITY, step;
    size_t outside = 0;
    for (unsigned digit = 0; digit <= last; digit++) {
        low = fmin(low, xo_dac_volt(dac, digit, 0));
        high = fmax(high, xo_dac_volt(dac, digit, 0));
    }
    step = (high - low) / last;
    for (size_t k = 0; k < count; k++)
        outside += volt[k] < low - step / 2 || volt[k] > high + step / 2;
    if (outside)
        fprintf(stderr, "crossohm: %zu of %zu voltages lie outside what the DAC gives, %.4g to %.4g V; converters "
                "see the nearest it gives\n", outside, count, low, high);
}

void cli_warn(const struct cli_session *s)
{
    enum { SHOWN = 5 };
    size_t islands = s->factor ? xo_factor_islands(s->factor) : 0, partner = 0;
    char name[256];
    for (size_t k = 0; k < islands && k < SHOWN; k++) {
        xo_factor_island_name(s->factor, k, name, sizeof name);
        fprintf(stderr, "island: %s: no terminal reaches it, its voltage is not defined\n", name);
    }
    if (islands > SHOWN)
        fprintf(stderr, "island: and %zu more, all named in --json\n", islands - SHOWN);
    for (size_t j = 0; j < s->columns; j++)
        if (xo_circuit_split_undefined(s->circuit, j, &partner))
            fprintf(stderr, "column %zu: joined to column %zu by zero ohm, only the sum of the two currents is "
                    "defined\n", j, partner);
}
