/* The figures of a comparison: losses, errors, gains, codes, and how large each thing is in steps of the ADC.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "report.h"

static void span(const double *value, size_t count, double *lowest, double *highest)
{
    *lowest = *highest = value[0];
    for (size_t k = 1; k < count; k++) {
        *lowest = fmin(*lowest, value[k]);
        *highest = fmax(*highest, value[k]);
    }
}

/* ---- losses --------------------------------------------------------------------------------------- */

static size_t input_of_largest_current(const struct report *r, size_t inputs, size_t columns)
{
    size_t best = 0;
    double largest = -1;
    for (size_t n = 0; n < inputs; n++) {
        double total = 0;
        for (size_t j = 0; j < columns; j++)
            total += fabs(r->reference.column_amp[n * columns + j]);
        if (total > largest) {
            largest = total;
            best = n;
        }
    }
    return best;
}

/* 1 - (u - w)/V_i of the shown input. */
static int find_cell_losses(struct report *r, struct cli_session *s)
{
    size_t cells = s->rows * s->columns;
    const struct xo_line *line = s->hardware.array.word_line;
    const double *volt = s->row_volt.value + r->shown_input * s->rows;
    struct xo_solution x = {0};
    r->cell_lost = cli_numbers(cells);
    int code = r->cell_lost ? cli_solution_new(&x, s, 1, CLI_WITH_NODES) : cli_no_memory();
    if (!code)
        code = cli_run(s, 1, volt, &x);
    for (size_t k = 0; k < cells && !code; k++) {
        size_t i = k / s->columns;
        bool driven = (!line || line[i].state == XO_LINE_NORMAL) && volt[i] != 0;
        r->cell_lost[k] = driven ? 1 - (x.node_volt[k] - x.node_volt[cells + k]) / volt[i] : NAN;
    }
    cli_solution_free(&x);
    return code;
}

static int find_column_losses(struct report *r, const struct cli_session *s)
{
    struct xo_info info = {""};
    r->nonideality = cli_numbers(s->columns);
    r->ideal_amp = cli_numbers(s->inputs * s->columns);
    if (!r->nonideality || !r->ideal_amp)
        return cli_no_memory();
    r->lost = cli_current_lost(s, r->reference.column_amp, NULL);
    int status = xo_ideal_currents(&s->hardware.array, s->cell_siemens.value, s->inputs, s->row_volt.value,
                                   r->ideal_amp, &info);
    if (status)
        return cli_fail_computing(status, &info, s->hardware_path);
    xo_nonideality(s->inputs, s->columns, r->ideal_amp, r->reference.column_amp, r->nonideality);
    for (size_t j = 1; j < s->columns; j++) {
        double worst = r->nonideality[r->worst_column];
        if (isnan(worst) || r->nonideality[j] > worst)
            r->worst_column = j;
    }
    return CLI_DONE;
}

/* ---- the fast model ------------------------------------------------------------------------------- */

static int find_column_errors(struct report *r, const struct cli_session *s)
{
    size_t count = s->inputs * s->columns;
    const double *exact = r->reference.column_amp;
    double full = r->model_error.full_scale_ampere, reach = fmax(r->model_error.max, DBL_EPSILON);
    r->column_error = cli_numbers(s->columns);
    if (!r->column_error)
        return cli_no_memory();
    r->bin_low = -reach;
    r->bin_high = reach;
    for (size_t k = 0; k < count; k++) {
        double error = full > 0 ? (r->model_amp[k] - exact[k]) / full : 0;
        double bin = floor((error + reach) / (2 * reach) * REPORT_BINS);
        r->column_error[k % s->columns] += error * error / (double)s->inputs;
        r->bin[(size_t)fmax(0, fmin(bin, REPORT_BINS - 1))]++;
    }
    for (size_t j = 0; j < s->columns; j++)
        r->column_error[j] = sqrt(r->column_error[j]);
    return CLI_DONE;
}

/* The ADC's range as fixed by the fit. */
static int find_scale(struct report *r, size_t columns)
{
    const struct xo_fcm *m = &r->model;
    r->scale = calloc(columns, sizeof *r->scale);
    if (!r->scale)
        return cli_no_memory();
    for (size_t j = 0; j < columns; j++) {
        r->scale[j] = (struct xo_adc_scale){m->adc_low_ampere[j], m->adc_lsb_ampere[j]};
        r->lowest_lsb = j ? fmin(r->lowest_lsb, r->scale[j].lsb_ampere) : r->scale[j].lsb_ampere;
        r->highest_lsb = fmax(r->highest_lsb, r->scale[j].lsb_ampere);
    }
    return CLI_DONE;
}

/* ---- gain ----------------------------------------------------------------------------------------- */

static int try_gain(struct report *r, const struct cli_session *s, enum xo_gain_scope scope, bool oracle,
                    const double *ideal_siemens, struct report_gain *g, double *factor, double *amp)
{
    struct xo_info info = {""};
    size_t count = s->inputs * s->columns;
    int status = oracle ? xo_gain_oracle(scope, s->rows, s->columns, ideal_siemens, r->model.g_ni_siemens, factor)
                        : xo_gain_measured(scope, &r->model, &s->hardware.array, s->cell_siemens.value,
                                           s->inputs, s->row_volt.value, factor, &info);
    for (size_t k = 0; k < count; k++)
        amp[k] = r->reference.column_amp[k] * factor[k % s->columns];
    if (!status)
        status = xo_error_of(&g->error, count, amp, r->ideal_amp);
    span(factor, s->columns, &g->lowest, &g->highest);
    g->flips = xo_code_flips(&r->model.adc, r->scale, s->inputs, s->columns, r->ideal_amp, r->reference.column_amp,
                             factor, NULL);
    return status ? cli_fail_computing(status, &info, "gain") : CLI_DONE;
}

static int find_gains(struct report *r, const struct cli_session *s)
{
    static const struct { enum xo_gain_scope scope; bool oracle; const char *name, *source; } way[REPORT_GAINS] = {
        {XO_GAIN_NONE, true, "none", ""},
        {XO_GAIN_ARRAY, false, "array", "measured"}, {XO_GAIN_ARRAY, true, "array", "oracle"},
        {XO_GAIN_COLUMN, false, "column", "measured"}, {XO_GAIN_COLUMN, true, "column", "oracle"}
    };
    double *factor = cli_numbers(s->columns), *amp = cli_numbers(s->inputs * s->columns);
    double *ideal = cli_numbers(s->rows * s->columns);
    int code = factor && amp && ideal ? CLI_DONE : cli_no_memory();
    if (!code)
        xo_ideal_siemens(&s->hardware.array, s->cell_siemens.value, ideal);
    for (size_t k = 0; k < REPORT_GAINS && !code; k++) {
        r->gain[k].scope = way[k].name;
        r->gain[k].source = way[k].source;
        code = try_gain(r, s, way[k].scope, way[k].oracle, ideal, &r->gain[k], factor, amp);
    }
    free(factor);
    free(amp);
    free(ideal);
    return code;
}

/* ---- the budget ----------------------------------------------------------------------------------- */

/* The size of amp - base (NULL: 0), in amperes and in each column's steps. */
static struct report_size size_of(const struct report *r, size_t columns, size_t count, const double *amp,
                                  const double *base)
{
    struct report_size x = {0};
    for (size_t k = 0; k < count; k++) {
        double ampere = fabs(amp[k] - (base ? base[k] : 0)), steps = ampere / r->scale[k % columns].lsb_ampere;
        x.rms_amp += ampere * ampere / (double)count;
        x.rms_lsb += steps * steps / (double)count;
        x.max_amp = fmax(x.max_amp, ampere);
        x.max_lsb = fmax(x.max_lsb, steps);
    }
    x.rms_amp = sqrt(x.rms_amp);
    x.rms_lsb = sqrt(x.rms_lsb);
    return x;
}

/* The exact currents as the ADC reads them back, noise aside: rounding, its own errors, and clipping. */
static int find_adc_error(struct report *r, const struct cli_session *s)
{
    size_t count = s->inputs * s->columns;
    double *read = cli_numbers(count);
    if (!read)
        return cli_no_memory();
    for (size_t k = 0; k < count; k++) {
        const struct xo_adc_scale *scale = &r->scale[k % s->columns];
        read[k] = xo_adc_ampere(scale, xo_adc_code(&r->model.adc, scale, r->reference.column_amp[k], 0));
    }
    r->adc = size_of(r, s->columns, count, read, r->reference.column_amp);
    free(read);
    return CLI_DONE;
}

static int find_budget(struct report *r, const struct cli_session *s)
{
    size_t count = s->inputs * s->columns;
    const double *exact = r->reference.column_amp;
    r->wires = size_of(r, s->columns, count, exact, r->ideal_amp);
    r->bound = size_of(r, s->columns, count, r->reference.bound_amp, NULL);
    r->fast = size_of(r, s->columns, count, r->model_amp, exact);
    if (r->judge.asked)
        r->spice = size_of(r, s->columns, r->judge.inputs * s->columns, r->judge.column_amp, exact);
    r->flips = xo_code_flips(&r->model.adc, r->scale, s->inputs, s->columns, r->ideal_amp, exact, NULL, &r->clipped);
    return find_adc_error(r, s);
}

/* ---- all ------------------------------------------------------------------------------------------ */

int report_find_figures(struct report *r, struct cli_session *s)
{
    size_t count = s->inputs * s->columns;
    span(s->cell_siemens.value, s->rows * s->columns, &r->lowest_siemens, &r->highest_siemens);
    span(s->row_volt.value, s->inputs * s->rows, &r->lowest_volt, &r->highest_volt);
    r->largest_bound_amp = cli_largest(r->reference.bound_amp, count);
    r->shown_input = input_of_largest_current(r, s->inputs, s->columns);
    int failed = xo_error_of(&r->model_error, count, r->model_amp, r->reference.column_amp);
    int code = failed ? cli_no_memory() : CLI_DONE;
    if (!code)
        code = find_column_losses(r, s);
    if (!code)
        code = find_cell_losses(r, s);
    if (!code)
        code = find_column_errors(r, s);
    if (!code)
        code = find_scale(r, s->columns);
    if (!code)
        code = find_gains(r, s);
    if (!code)
        code = find_budget(r, s);
    return code;
}

void report_free(struct report *r)
{
    cli_solution_free(&r->reference);
    xo_fcm_free(&r->model);
    report_free_gated(&r->gated);
    free(r->judge.column_amp);
    free(r->model_amp);
    free(r->ideal_amp);
    free(r->nonideality);
    free(r->column_error);
    free(r->cell_lost);
    free(r->scale);
}
