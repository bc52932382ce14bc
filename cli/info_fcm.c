/* A fast model on one sheet: what it computes, where it may be trusted, what it is worth, where it comes from.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "info.h"
#include "xo_fcm.h"

struct span { double low, high, sum; };

static struct span span_of(const double *value, size_t count)
{
    struct span s = {INFINITY, -INFINITY, 0};
    for (size_t k = 0; value && k < count; k++) {
        s.low = fmin(s.low, value[k]);
        s.high = fmax(s.high, value[k]);
        s.sum += value[k];
    }
    return s;
}

static double largest(const double *value, size_t count)
{
    struct span s = span_of(value, count);
    return fmax(fabs(s.low), fabs(s.high));
}

/* What there is besides, or instead of, a matrix. */
static void print_nonlinear(const struct xo_fcm *m)
{
    const struct xo_fcm_basis *b = &m->basis;
    const struct xo_fcm_correction *c = &m->correction;
    if (m->stage == XO_FCM_BASIS && m->scope == XO_FCM_ARRAY)
        printf("stage       I_j = y_j%s + i0_j, y_j = sum_k sum_i A_k[i][j] b_k(V_i): %zu function%s, polynomial%s "
               "of V/%g V to power %zu; cost %.3g\n", b->bent ? " (1 + bend_j y_j)" : "", b->functions,
               cli_plural(b->functions), cli_plural(b->functions), b->scale_volt, b->terms, xo_fcm_cost(m));
    if (m->stage == XO_FCM_CORRECTED && m->scope == XO_FCM_ARRAY)
        printf("stage       linear array with %zu correction%s by the law (%zu curve%s of %zu points, %g V to %g V), "
               "%zu sweep%s over all lines each; cost %.4g\n", c->count, cli_plural(c->count), c->curves,
               cli_plural(c->curves), c->points, c->low_volt, c->high_volt, c->sweeps, cli_plural(c->sweeps),
               xo_fcm_cost(m));
    if (m->scope == XO_FCM_TECHNOLOGY && m->candidates)
        printf("stage       of arrays: %zu functions%s, %zu corrections\n", b->functions, b->bent ? ", bent" : "",
               c->count);
    cli_print_candidates(stdout, m);
}

static void print_stage(const struct xo_fcm *m)
{
    size_t cells = m->rows * m->columns;
    if (m->stage == XO_FCM_LADDER && m->scope == XO_FCM_ARRAY) {
        struct span rungs = span_of(m->ladder.cell_siemens, cells);
        printf("stage       inputs on gates: every column the ladder of the cells that are on; %s\n"
               "  rungs     %.6g S to %.6g S, transistors of %g ohm; up to %g ohm from rung to rung, %g ohm at the "
               "ends\n", m->ladder.curves ? "nonlinear cells" : "exact: ohmic cells",
               rungs.low, rungs.high, m->ladder.transistor_ohm, largest(m->ladder.step_ohm, cells),
               largest(m->ladder.end_ohm, m->columns));
        if (m->ladder.curves)
            printf("  cells     mixtures of %zu curve%s of %zu points, %g V to %g V\n", m->ladder.curves,
                   cli_plural(m->ladder.curves), m->ladder.points, m->ladder.curve_volt[0],
                   m->ladder.curve_volt[m->ladder.points - 1]);
        return;
    }
    struct span g = span_of(m->g_ni_siemens, cells), before = span_of(m->cell_siemens, cells);
    if (!m->g_ni_siemens) {
        puts("stage       none stored: arrays are programmed from the hardware description below");
        return;
    }
    printf("%s I = V^T G_ni + i0, linear; %s\n", m->stage == XO_FCM_LINEAR ? "stage      " : "beside it  ",
           m->exact ? "exact: ohmic cells, driven inputs" : "fitted, not exact");
    printf("  G_ni      %.6g S to %.6g S", g.low, g.high);
    if (m->g_ni_bound_siemens)
        printf(", each entry within %.2g S of the circuit's", largest(m->g_ni_bound_siemens, cells));
    putchar('\n');
    if (m->offset_ampere && largest(m->offset_ampere, m->columns) > 0)
        printf("  i0        up to %.6g A\n", largest(m->offset_ampere, m->columns));
    if (m->cell_siemens)
        printf("  cells     %.6g S to %.6g S as programmed", before.low, before.high);
    if (m->cell_siemens && m->exact)
        printf("; wires take %.3g %% of the sum", 100 * (1 - g.sum / before.sum));
    if (m->cell_siemens)
        putchar('\n');
}

static void print_terms(const char *what, const struct xo_inl *inl, const char *unit)
{
    for (size_t k = 0; k < inl->count; k++)
        printf("%s%.4g t^%zu", k ? " + " : what, inl->coefficient[k], k + 1);
    if (inl->count)
        printf(" %s", unit);
}

static void print_converters(const struct xo_fcm *m)
{
    static const char *const encoding[] = {"amplitude", "pulse width"};
    static const char *const rule[] = {"full", "granular", "calibrated", "fixed"};
    struct span low = span_of(m->adc_low_ampere, m->columns), lsb = span_of(m->adc_lsb_ampere, m->columns);
    printf("DAC         %d bit%s, %s, 0 V to %g V; gain error %g, offset %g V, noise %g V, output %g ohm",
           m->dac.bits, m->dac.bits == 1 ? "" : "s", encoding[m->dac.encoding], m->dac.read_volt, m->dac.gain_error,
           m->dac.offset_volt, m->dac.noise_volt, m->dac.output_ohm);
    print_terms(", INL ", &m->dac.inl_volt, "V");
    printf("\nADC         %d bit%s, range %s; gain error %g, offset %g LSB, noise %g LSB", m->adc.bits,
           m->adc.bits == 1 ? "" : "s", rule[m->adc.range], m->adc.gain_error, m->adc.offset_lsb, m->adc.noise_lsb);
    print_terms(", INL ", &m->adc.inl_lsb, "LSB");
    putchar('\n');
    if (!m->adc_lsb_ampere)
        puts("  range     none fixed");
    else if (lsb.low == lsb.high && low.low == low.high)
        printf("  range     from %.6g A in steps of %.6g A\n", low.low, lsb.low);
    else
        printf("  range     by column: from %.6g A .. %.6g A in steps of %.6g A .. %.6g A\n", low.low, low.high,
               lsb.low, lsb.high);
}

static void print_gain(const struct xo_fcm *m)
{
    static const char *const scope[] = {"none", "one for the array", "one per column"};
    struct span gain = span_of(m->gain_factor, m->columns);
    printf("gain        %s", scope[m->gain.scope]);
    if (m->gain.scope != XO_GAIN_NONE)
        printf(", %s, applied %s", m->gain.source == XO_GAIN_ORACLE ? "ratio of sums (oracle)" : "measured",
               m->gain.where == XO_GAIN_DIGITAL ? "behind the ADC" : "in the ADC's reference");
    if (m->gain_factor)
        printf(": %.6g to %.6g", gain.low, gain.high);
    putchar('\n');
}

static void print_validity(const struct xo_fcm *m)
{
    const struct xo_fcm_validity *v = &m->validity;
    printf("holds for   %g V to %g V, cells %g S to %g S, %g %% to %g %% of the inputs at 0 V\n", v->low_volt,
           v->high_volt, v->low_siemens, v->high_siemens, 100 * v->low_sparsity, 100 * v->high_sparsity);
    if (!v->held_out_inputs) {
        puts("error       not tested on inputs kept out of the fit");
        return;
    }
    printf("error       on %zu inputs", v->held_out_inputs);
    if (v->held_out_arrays)
        printf(" and %zu arrays", v->held_out_arrays);
    printf(" kept out of the fit: rms %.3g, largest %.3g, 95 %% of them from %.3g to %.3g\n", v->error_rms,
           v->error_max,
           v->error_interval95[0], v->error_interval95[1]);
    printf("            all as shares of full scale, %.6g A\n", v->full_scale_ampere);
}

static void print_indented(const char *title, const char *text)
{
    if (!text)
        return;
    puts(title);
    while (*text) {
        size_t length = strcspn(text, "\n");
        fputs("  ", stdout);
        info_print_text(text, length);
        putchar('\n');
        text += length + (text[length] == '\n');
    }
}

static void print_sheet(const char *path, const struct xo_fcm *m)
{
    printf("%s: a fast model of %s, %zu rows (volts in), %zu columns (amperes out)\n", path,
           m->scope == XO_FCM_ARRAY ? "one programmed array" : "a technology", m->rows, m->columns);
    print_nonlinear(m);
    print_stage(m);
    print_converters(m);
    print_gain(m);
    print_validity(m);
    printf("seed        %llu\n", (unsigned long long)m->seed);
    print_indented("made by:", m->provenance);
    print_indented("hardware:", m->hardware_yaml);
}

static json_t *candidates(const struct xo_fcm *m)
{
    json_t *list = json_array();
    for (size_t k = 0; list && k < m->candidates; k++)
        json_array_append_new(list, cli_candidate_json(m, k));
    return list;
}

static int note(const struct xo_fcm *m, json_t *report)
{
    const struct xo_fcm_validity *v = &m->validity;
    int failed = cli_json_put(report, "kind", json_string("fast model"));
    failed |= cli_json_put(report, "scope", json_string(m->scope == XO_FCM_ARRAY ? "array" : "technology"));
    failed |= cli_json_put(report, "rows", json_integer((json_int_t)m->rows));
    failed |= cli_json_put(report, "columns", json_integer((json_int_t)m->columns));
    failed |= cli_json_put(report, "exact", json_boolean(m->exact));
    static const char *const stage[] = {"linear", "basis", "corrected", "ladder"};
    failed |= cli_json_put(report, "stage", json_string(stage[m->stage]));
    failed |= cli_json_put(report, "cost", cli_json_number(m->scope == XO_FCM_ARRAY ? xo_fcm_cost(m) : NAN));
    failed |= cli_json_put(report, "candidates", candidates(m));
    failed |= cli_json_put(report, "low_volt", cli_json_number(v->low_volt));
    failed |= cli_json_put(report, "high_volt", cli_json_number(v->high_volt));
    failed |= cli_json_put(report, "low_siemens", cli_json_number(v->low_siemens));
    failed |= cli_json_put(report, "high_siemens", cli_json_number(v->high_siemens));
    failed |= cli_json_put(report, "held_out_inputs", json_integer((json_int_t)v->held_out_inputs));
    failed |= cli_json_put(report, "error_rms", cli_json_number(v->error_rms));
    failed |= cli_json_put(report, "error_max", cli_json_number(v->error_max));
    failed |= cli_json_put(report, "full_scale_ampere", cli_json_number(v->full_scale_ampere));
    failed |= cli_json_put(report, "provenance", m->provenance ? json_string(m->provenance) : json_null());
    return failed ? cli_no_memory() : CLI_DONE;
}

int info_fcm(const struct info_file *file, json_t *report)
{
    struct xo_fcm m = {0};
    struct xo_info info = {""};
    int status = xo_fcm_parse(&m, file->bytes, file->nbytes, file->name, &info);
    if (status)
        return cli_fail_reading(status, &info, file->name);
    int code = note(&m, report);
    if (!code)
        print_sheet(file->name, &m);
    xo_fcm_free(&m);
    return code;
}
