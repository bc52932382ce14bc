/* What a comparison says on standard output and in report.json; times are in compare_times.c.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include "report.h"
#include "svg.h"

/* ---- standard output ------------------------------------------------------------------------------ */

static void print_setting(const struct report *r)
{
    static const char *const drive[] = {"left", "right", "both sides"};
    static const char *const sense[] = {"bottom", "top", "both ends"};
    const struct cli_session *s = r->session;
    const struct xo_crossbar *x = &s->hardware.array;
    char a[64], b[64];
    printf("Array      %zu rows x %zu columns, cells %.4g to %.4g S\n", s->rows, s->columns, r->lowest_siemens,
           r->highest_siemens);
    printf("Wires      %s ohm per row segment, %s ohm per column segment\n",
           cli_values_text(a, sizeof a, x->row_wire_ohm, s->rows * (s->columns - 1)),
           cli_values_text(b, sizeof b, x->column_wire_ohm, (s->rows - 1) * s->columns));
    printf("Ends       driver %s ohm (%s), sense %s ohm (%s)\n",
           cli_values_text(a, sizeof a, x->driver_ohm, s->rows), drive[x->drive_side],
           cli_values_text(b, sizeof b, x->sense_ohm, s->columns), sense[x->sense_side]);
    printf("Inputs     %zu, %.4g to %.4g V\n", s->inputs, r->lowest_volt, r->highest_volt);
}

static void print_findings(const struct report *r)
{
    const struct cli_session *s = r->session;
    const struct xo_solution *x = &r->reference;
    printf("Proof      worst certified bound %.2g A, %.2g of the column's scale\n", r->largest_bound_amp,
           x->worst_bound_rel);
    printf("           Kirchhoff's law to %.2g A at every node, power balance to %.2g\n", x->worst_kcl_amp,
           x->worst_power_rel);
    if (isfinite(r->lost))
        printf("Lost       %.3g %% of the ideal current %s; worst column %zu: %.3g %%\n", 100 * r->lost,
               r->without_wires, r->worst_column, 100 * r->nonideality[r->worst_column]);
    else
        printf("Lost       not stated: %s\n", cli_no_loss_reason(r->session));
    printf("Power      %.3g W, mean over inputs; %.3g W the largest\n",
           cli_sum(x->source_watt, s->inputs) / (double)s->inputs, cli_largest(x->source_watt, s->inputs));
    printf("ADC        %d bits, LSB %.4g A; wires change %.3g %% of the codes\n\n", r->model.adc.bits, r->highest_lsb,
           100 * r->flips);
}

static void print_difference(const char *engine, double amp, double rel, const char *bound)
{
    char difference[64];
    snprintf(difference, sizeof difference, "%.2g A, %.2g of scale", amp, rel);
    printf("%-10s %-28s %s\n", engine, difference, bound);
}

void report_print_engines(const struct report *r)
{
    char bound[32];
    printf("%-10s %-28s %s\n", "Engine", "differs from the reference", "its own worst bound");
    for (size_t k = 0; k < r->engines; k++) {
        const struct report_engine *e = &r->engine[k];
        snprintf(bound, sizeof bound, "%.2g", e->worst_bound_rel);
        if (k)
            print_difference(xo_engine_name(e->engine), e->disagreement_amp, e->disagreement_rel, bound);
        else
            printf("%-10s %-28s %s\n", xo_engine_name(e->engine), "is the reference", bound);
    }
    if (r->judge.asked)
        print_difference("ngspice", r->judge.disagreement_amp, r->judge.disagreement_rel, "none");
}

void report_print(const struct report *r, const char *html)
{
    print_setting(r);
    print_findings(r);
    report_print_engines(r);
    report_print_times(r);
    if (r->judge.asked)
        printf("ngspice    worst difference %.2g A, %.2g of the column's scale, over %zu inputs\n",
               r->judge.disagreement_amp, r->judge.disagreement_rel, r->judge.inputs);
    cli_print_candidates(stdout, &r->model);
    printf("Fast model error rms %.2g, largest %.2g of %.3g A full scale; %s\n", r->model_error.rms,
           r->model_error.max, r->model_error.full_scale_ampere, r->model_path ? r->model_path : "fitted here");
    report_print_speed(r);
    if (html)
        printf("Report     %s\n", html);
}

/* ---- report.json ---------------------------------------------------------------------------------- */

static json_t *numbers(const double *value, size_t count, size_t stride)
{
    json_t *list = json_array();
    for (size_t k = 0; k < count; k += stride)
        json_array_append_new(list, cli_json_number(value[k]));
    return list;
}

json_t *report_engines_json(const struct report *r)
{
    json_t *list = json_array();
    for (size_t k = 0; k < r->engines; k++)
        json_array_append_new(list, json_pack(
            "{s:s, s:o, s:o, s:o}", "engine", xo_engine_name(r->engine[k].engine),
            "difference_amp", cli_json_number(r->engine[k].disagreement_amp),
            "difference_rel", cli_json_number(r->engine[k].disagreement_rel),
            "worst_bound_rel", cli_json_number(r->engine[k].worst_bound_rel)));
    if (r->judge.asked)
        json_array_append_new(list, json_pack("{s:s, s:I, s:o, s:o, s:n}", "engine", "ngspice", "inputs",
                                              (json_int_t)r->judge.inputs, "difference_amp",
                                              cli_json_number(r->judge.disagreement_amp), "difference_rel",
                                              cli_json_number(r->judge.disagreement_rel), "worst_bound_rel"));
    return list;
}

static json_t *error_json(const struct xo_error *e)
{
    return json_pack("{s:f, s:f, s:[f, f], s:f}", "rms", e->rms, "max", e->max, "interval95", e->interval95[0],
                     e->interval95[1], "full_scale_amp", e->full_scale_ampere);
}

static json_t *candidates_json(const struct report *r)
{
    json_t *list = json_array();
    for (size_t k = 0; k < r->model.candidates; k++)
        json_array_append_new(list, cli_candidate_json(&r->model, k));
    return list;
}

static json_t *model_json(const struct report *r)
{
    static const char *const stage[] = {"linear", "basis", "corrected", "ladder"};
    const struct xo_fcm_validity *v = &r->model.validity;
    return json_pack("{s:s, s:s, s:f, s:o, s:b, s:b, s:I, s:o, s:o, s:[f,f], s:o, s:{s:I, s:f, s:f, s:[f,f]}, "
                     "s:{s:[f,f], s:[f,f], s:[f,f]}}",
                     "from", r->model_path ? r->model_path : "fitted here", "stage", stage[r->model.stage],
                     "cost", xo_fcm_cost(&r->model), "candidates", candidates_json(r), "exact", r->model.exact,
                     "fitted_to_other_conductances", r->model_of_other_cells,
                     "inputs_outside_range", (json_int_t)r->outside, "error", error_json(&r->model_error),
                     "column_error_rms", numbers(r->column_error, r->session->columns, 1),
                     "histogram_range", r->bin_low, r->bin_high, "histogram", numbers(r->bin, REPORT_BINS, 1),
                     "held_out", "inputs", (json_int_t)v->held_out_inputs, "error_rms", v->error_rms, "error_max",
                     v->error_max, "interval95", v->error_interval95[0], v->error_interval95[1],
                     "range", "volt", v->low_volt, v->high_volt, "siemens", v->low_siemens, v->high_siemens,
                     "sparsity", v->low_sparsity, v->high_sparsity);
}

static json_t *gains_json(const struct report *r)
{
    json_t *list = json_array();
    for (size_t k = 0; k < REPORT_GAINS; k++) {
        const struct report_gain *g = &r->gain[k];
        json_array_append_new(list, json_pack(
            "{s:s, s:s, s:[f, f], s:o, s:f}", "scope", g->scope, "source", g->source, "factor_range", g->lowest,
            g->highest, "error_against_ideal", error_json(&g->error), "code_flip_rate", g->flips));
    }
    return list;
}

static json_t *converter_json(const struct report *r)
{
    const struct xo_adc_scale *first = &r->scale[0];
    json_t *low = json_array(), *lsb = json_array();
    for (size_t j = 0; j < r->session->columns; j++) {
        json_array_append_new(low, json_real(r->scale[j].low_ampere));
        json_array_append_new(lsb, json_real(r->scale[j].lsb_ampere));
    }
    return json_pack("{s:i, s:f, s:[f, f], s:o, s:o, s:f, s:f, s:f}", "adc_bits", r->model.adc.bits, "unit_ampere",
                     xo_unit_ampere(&r->model.dac, &r->session->hardware.device), "column_0_range_ampere",
                     first->low_ampere, xo_adc_ampere(first, (1u << r->model.adc.bits) - 1), "low_ampere", low,
                     "lsb_ampere", lsb, "highest_lsb_ampere", r->highest_lsb, "code_flip_rate", r->flips,
                     "clipped_share", r->clipped);
}

static json_t *size_json(const struct report_size *x)
{
    return json_pack("{s:f, s:f, s:f, s:f}", "rms_ampere", x->rms_amp, "max_ampere", x->max_amp, "rms_lsb",
                     x->rms_lsb, "max_lsb", x->max_lsb);
}

static json_t *budget_json(const struct report *r)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "wires", size_json(&r->wires), "numerical_bound",
                     size_json(&r->bound), "fast_model_error", size_json(&r->fast), "difference_to_spice",
                     r->judge.asked ? size_json(&r->spice) : json_null(), "adc", size_json(&r->adc));
}

/* What the clouds show: the same points. */
static json_t *points_json(const struct report *r)
{
    size_t count = r->session->inputs * r->session->columns, stride = count / SVG_MOST_POINTS + 1;
    size_t judged = r->judge.inputs * r->session->columns, judged_stride = judged / SVG_MOST_POINTS + 1;
    return json_pack("{s:o, s:o, s:o, s:o, s:o}",
                     "exact_ampere", numbers(r->reference.column_amp, count, stride),
                     "bound_ampere", numbers(r->reference.bound_amp, count, stride),
                     "fast_ampere", numbers(r->model_amp, count, stride),
                     "judged_exact_ampere", numbers(r->reference.column_amp, judged, judged_stride),
                     "ngspice_ampere", numbers(r->judge.column_amp, judged, judged_stride));
}

static json_t *voltage_lost(const struct report *r)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < r->session->rows; i++)
        json_array_append_new(rows, numbers(r->cell_lost + i * r->session->columns, r->session->columns, 1));
    return json_pack("{s:I, s:o}", "input", (json_int_t)r->shown_input, "fraction", rows);
}

/* The description as the paragraph gives it: spans where a file has one value per line or segment. */
static json_t *setting_json(const struct report *r)
{
    const struct cli_session *s = r->session;
    const struct xo_crossbar *x = &s->hardware.array;
    const struct { const char *name; struct xo_values values; size_t count; } ohm[] = {
        {"row_wire_ohm", x->row_wire_ohm, s->rows * (s->columns - 1)},
        {"column_wire_ohm", x->column_wire_ohm, (s->rows - 1) * s->columns},
        {"driver_ohm", x->driver_ohm, s->rows},
        {"sense_ohm", x->sense_ohm, s->columns},
        {"sense_volt", x->sense_volt, s->columns},
        {"series_ohm", x->series_ohm, s->rows * s->columns}
    };
    json_t *setting = json_pack("{s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I}", "dac_bits", r->model.dac.bits,
                                "gain_vectors", r->model.gain.vectors,
                                "unusual_word_lines", (json_int_t)cli_unusual_lines(x->word_line, s->rows),
                                "unusual_bit_lines", (json_int_t)cli_unusual_lines(x->bit_line, s->columns),
                                "stuck_cells", (json_int_t)x->stuck_count,
                                "open_cells", (json_int_t)x->open_cell_count, "open_segments",
                                (json_int_t)(x->open_word_segment_count + x->open_bit_segment_count), "bridges",
                                (json_int_t)(x->word_bridge_count + x->bit_bridge_count));
    char text[64];
    for (size_t k = 0; setting && k < sizeof ohm / sizeof *ohm; k++)
        json_object_set_new(setting, ohm[k].name,
                            json_string(cli_values_text(text, sizeof text, ohm[k].values, ohm[k].count)));
    return setting;
}

/* By part, as the page has it; "power" is the sum over inputs. */
static json_t *power_mean(const struct report *r)
{
    const struct cli_session *s = r->session;
    double inputs = (double)s->inputs;
    return json_pack("{s:f, s:f, s:f}", "cells_watt", cli_sum(r->reference.cell_watt, s->inputs) / inputs,
                     "word_lines_watt", cli_sum(r->reference.word_line_watt, s->inputs * s->rows) / inputs,
                     "bit_lines_watt", cli_sum(r->reference.bit_line_watt, s->inputs * s->columns) / inputs);
}

int report_write_json(const struct report *r)
{
    const struct cli_session *s = r->session;
    if (!s->common.json)
        return CLI_DONE;
    json_t *report = cli_json_head(s);
    int failed = cli_json_proof(report, s, &r->reference);
    failed |= cli_json_put(report, "setting", setting_json(r));
    failed |= cli_json_put(report, "tolerance", cli_json_number(r->tolerance));
    failed |= cli_json_put(report, "power_mean", power_mean(r));
    failed |= cli_json_put(report, "engines", report_engines_json(r));
    failed |= cli_json_put(report, "siemens_range", json_pack("[f, f]", r->lowest_siemens, r->highest_siemens));
    failed |= cli_json_put(report, "volt_range", json_pack("[f, f]", r->lowest_volt, r->highest_volt));
    failed |= cli_json_put(report, "budget", budget_json(r));
    failed |= cli_json_put(report, "nonideality_factor", numbers(r->nonideality, s->columns, 1));
    failed |= cli_json_put(report, "worst_column", json_integer((json_int_t)r->worst_column));
    failed |= cli_json_put(report, "fast_model", model_json(r));
    failed |= cli_json_put(report, "converter", converter_json(r));
    failed |= cli_json_put(report, "gains", gains_json(r));
    failed |= cli_json_put(report, "voltage_lost", voltage_lost(r));
    failed |= cli_json_put(report, "points", points_json(r));
    if (r->times)
        failed |= cli_json_put(report, "times", report_times_json(r));
    if (failed) {
        json_decref(report);
        report = NULL;
    }
    return cli_write_json(s->common.json, report);
}
