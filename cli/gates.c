/* Inputs on gates: --gate, and volts that stand for gates.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdlib.h>
#include <string.h>
#include "cli.h"

bool cli_is_gated(const struct cli_session *s)
{
    return s->hardware.array.input == XO_INPUT_GATE || s->gate.value;
}

int cli_check_inputs_given(const struct cli_session *s)
{
    return s->volt_path || s->gate_path
               ? CLI_DONE : cli_missing("-v", "the read voltages [V], a .npy or .csv of (inputs, rows), or --gate");
}

static int read_gates(struct xo_ndarray *x, const struct cli_session *s)
{
    struct xo_info info = {""};
    int status = xo_ndarray_read(x, s->gate_path, &info);
    if (status)
        return cli_fail_reading(status, &info, s->gate_path);
    size_t last = x->dimensions ? x->shape[x->dimensions - 1] : 0;
    if ((x->dimensions != 1 && x->dimensions != 2) || last != s->rows || !xo_ndarray_count(x))
        return cli_fail(CLI_BAD_INPUT,
                        "%s: %zu dimension%s, %zu in the last; expected (inputs, %zu): one gate per row",
                        s->gate_path, x->dimensions, cli_plural(x->dimensions), last, s->rows);
    for (size_t k = 0; k < xo_ndarray_count(x); k++)
        if (!(x->value[k] >= 0 && x->value[k] <= 1))
            return cli_fail(CLI_BAD_INPUT, "%s: input %zu, row %zu is %g; expected 0 (off) to 1 (on)", s->gate_path,
                            k / s->rows, k % s->rows, x->value[k]);
    return CLI_DONE;
}

/* Gates that -v does not repeat are repeated. */
static int match_inputs(struct cli_session *s)
{
    struct xo_ndarray *x = &s->gate;
    size_t gates = x->dimensions == 1 ? 1 : x->shape[0];
    if (gates == 1 && s->inputs > 1) {
        double *all = realloc(x->value, s->inputs * s->rows * sizeof *all);
        if (!all)
            return cli_no_memory();
        for (size_t k = 1; k < s->inputs; k++)
            memcpy(all + k * s->rows, all, s->rows * sizeof *all);
        x->value = all;
        gates = s->inputs;
    }
    return gates == s->inputs ? CLI_DONE
                              : cli_fail(CLI_BAD_INPUT, "%s: %zu inputs; expected one, or %zu as in %s", s->gate_path,
                                         gates, s->inputs, s->volt_path);
}

/* A gate of 1 is the DAC's read_volt. */
static int volts_to_gates(struct cli_session *s)
{
    double read = s->hardware.dac.read_volt;
    for (size_t k = 0; k < s->inputs * s->rows; k++) {
        double volt = s->row_volt.value[k], gate = volt / read;
        if (!(gate >= 0 && gate <= 1))
            return cli_fail(CLI_BAD_INPUT,
                            "%s: input %zu, row %zu is %g V; expected 0 (off) to dac.read_volt %g V (on), "
                            "as inputs go to gates", s->volt_path, k / s->rows, k % s->rows, volt, read);
        s->row_volt.value[k] = gate;
    }
    return CLI_DONE;
}

int cli_read_gates(struct cli_session *s)
{
    bool gate = s->hardware.array.input == XO_INPUT_GATE;
    if (!s->gate_path)
        return gate && s->volt_path && !s->wants_volts ? volts_to_gates(s) : CLI_DONE;
    if (gate && s->volt_path)
        return cli_fail(CLI_USAGE,
                        "-v: found beside --gate; expected one of them, as inputs go to gates and lines are at "
                        "array.source_volt");
    if (!gate && s->hardware.array.cell_type != XO_CELL_1T1R)
        return cli_fail(CLI_BAD_INPUT, "%s: --gate: the cells have no transistors; expected device.type 1T1R",
                        s->hardware_path);
    if (!gate && !s->volt_path)
        return cli_missing("-v", "the read voltages [V] of rows that gates let through, as array.input is drive");
    struct xo_ndarray *to = gate ? &s->row_volt : &s->gate;
    int code = read_gates(to, s);
    if (code || !gate)
        return code ? code : match_inputs(s);
    s->inputs = to->dimensions == 1 ? 1 : to->shape[0];
    for (size_t k = 0; s->wants_volts && k < s->inputs * s->rows; k++)
        to->value[k] *= s->hardware.dac.read_volt;
    return CLI_DONE;
}

/* ---- what one matrix would be worth ----------------------------------------------------------------- */

int cli_find_one_matrix(struct cli_session *s, double *column_rms)
{
    struct xo_info info = {""};
    if (s->hardware.array.input != XO_INPUT_GATE || s->rows > XO_MOST_ONE_MATRIX_ROWS)
        return CLI_DONE;
    cli_progress_stage(&s->progress, "one matrix", 0, NULL);
    int status = xo_one_matrix_error(&s->one_matrix, &s->hardware, s->cell_siemens.value, column_rms, &info);
    cli_progress_clear(&s->progress);
    cli_lap(s, "one_matrix");
    return status ? cli_fail_computing(status, &info, s->hardware_path) : CLI_DONE;
}

void cli_print_one_matrix(FILE *to, const char *before, const struct cli_session *s)
{
    const struct xo_one_matrix *m = &s->one_matrix;
    if (m->held_out_inputs)
        fprintf(to, "%sin place of the ladders would be off by up to %.3g %% of full scale (rms %.3g %%) at its "
                "best, by up to %.3g %% (rms %.3g %%) if measured row by row: on %zu inputs not used to find it\n",
                before, 100 * m->best_max, 100 * m->best_rms, 100 * m->rows_max, 100 * m->rows_rms,
                m->held_out_inputs);
}

json_t *cli_json_one_matrix(const struct cli_session *s)
{
    const struct xo_one_matrix *m = &s->one_matrix;
    return json_pack("{s:I, s:I, s:f, s:f, s:f, s:f, s:f}", "fitted_inputs", (json_int_t)m->fitted_inputs,
                     "held_out_inputs", (json_int_t)m->held_out_inputs, "best_rms", m->best_rms, "best_max",
                     m->best_max,
                     "rows_rms", m->rows_rms, "rows_max", m->rows_max, "full_scale_ampere", m->full_scale_ampere);
}
