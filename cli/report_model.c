/* The report's sections on errors: the budget, the fast model, converters and gain.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include "report.h"
#include "svg.h"

/* "uA" and 1e6 for microamperes: what makes `largest` a number from 1 to 1000. */
static const char *current_unit(double largest, double *factor)
{
    static const char *const unit[] = {"A", "mA", "&micro;A", "nA", "pA", "fA"};
    size_t k = 0;
    for (*factor = 1; k < 5 && largest > 0 && largest * *factor < 1; k++)
        *factor *= 1000;
    return unit[k];
}

/* ---- the budget ----------------------------------------------------------------------------------- */

static void put_size(FILE *to, const char *what, const struct report_size *x)
{
    fprintf(to, "<tr><td>%s</td><td>%.2g</td><td>%.2g</td><td>%.3g</td><td>%.3g</td></tr>\n", what, x->rms_amp,
            x->max_amp, x->rms_lsb, x->max_lsb);
}

void report_put_budget(FILE *to, const struct report *r)
{
    char text[160];
    fputs("<section><h2>Error budget: what limits the result?</h2>\n<div class=\"scroll\"><table "
          "class=\"number\"><tr><th></th><th>rms [A]</th><th>largest [A]</th><th>rms [codes]</th><th>largest "
          "[codes]</th></tr>\n", to);
    snprintf(text, sizeof text, "Wires: exact currents against %s", r->without_wires_html);
    put_size(to, text, &r->wires);
    snprintf(text, sizeof text, "ADC of %d bits (LSB %.3g&nbsp;A), %.3g&nbsp;%% of currents clipped",
             r->model.adc.bits, r->highest_lsb, 100 * r->clipped);
    put_size(to, text, &r->adc);
    put_size(to, "Fast model against exact currents", &r->fast);
    if (r->judge.asked)
        put_size(to, "ngspice against exact currents", &r->spice);
    else
        fputs("<tr><td>ngspice against exact currents</td><td>not asked</td><td></td><td></td><td></td></tr>\n",
                to);
    put_size(to, "Certified bound of the exact currents", &r->bound);
    fputs("</table></div><p class=\"note\">One code is one step (LSB) of the column&rsquo;s ADC. Whatever lies "
          "well below half a code cannot change what the ADC says.</p></section>\n", to);
}

/* ---- what the wires take -------------------------------------------------------------------------- */

void report_put_columns(FILE *to, const struct report *r)
{
    size_t stated = 0;
    for (size_t j = 0; j < r->session->columns; j++)
        stated += isfinite(r->nonideality[j]);
    fputs("<section><h2>Nonideality factor of each column</h2>\n", to);
    if (stated) {
        svg_bars(to, r->nonideality, r->session->columns, "column j (bit line)", "NF: current lost [%]", 100);
        fprintf(to, "<p class=\"note\">NF<sub>j</sub> = (&Sigma;I<sub>ideal</sub> &minus; &Sigma;I) / "
                "&Sigma;I<sub>ideal</sub> over all inputs; I<sub>ideal</sub> = %s, the "
                "cells as programmed with their series resistance: what wires, drivers, sense amplifiers and faults "
                "take.%s</p>",
                r->without_wires_html, stated < r->session->columns
                ? " Columns without a bar: no ideal current, or of both signs." : "");
    } else {
        fprintf(to, "<p>Not stated: %s.</p>", cli_no_loss_reason(r->session));
    }
    fputs("</section>\n", to);
}

/* ---- the fast model and SPICE --------------------------------------------------------------------- */

void report_put_scatter(FILE *to, const struct report *r)
{
    size_t count = r->session->inputs * r->session->columns, judged = r->judge.inputs * r->session->columns;
    double factor;
    char x[64], y[64];
    const char *unit = current_unit(cli_largest(r->reference.column_amp, count), &factor);
    snprintf(x, sizeof x, "exact current [%s]", unit);
    snprintf(y, sizeof y, "fast model [%s]", unit);
    fputs("<div class=\"pair\">\n<section><h2>Fast model against exact</h2>\n", to);
    svg_scatter(to, r->reference.column_amp, r->model_amp, count, x, y, factor);
    fprintf(to, "<p class=\"note\">One point per column and input, at most %d; no current is further than "
            "%.2g&nbsp;A (%.2g codes) from the diagonal.</p></section>\n", SVG_MOST_POINTS, r->fast.max_amp,
            r->fast.max_lsb);
    fputs("<section><h2>ngspice against exact</h2>\n", to);
    if (r->judge.asked) {
        snprintf(y, sizeof y, "ngspice [%s]", unit);
        svg_scatter(to, r->reference.column_amp, r->judge.column_amp, judged, x, y, factor);
        fprintf(to, "<p class=\"note\">The first %zu of %zu inputs; no current is further than %.2g&nbsp;A (%.2g "
                "codes) from the diagonal.</p>", r->judge.inputs, r->session->inputs, r->spice.max_amp,
                r->spice.max_lsb);
    } else {
        fputs("<p>ngspice was not asked: <code>--against ngspice,klu,starmesh</code> does.</p>", to);
    }
    fputs("</section>\n</div>\n", to);
}

void report_put_errors(FILE *to, const struct report *r)
{
    const struct xo_error *e = &r->model_error;
    fputs("<div class=\"pair\">\n<section><h2>Error of the fast model</h2>\n", to);
    svg_histogram(to, r->bin_low, r->bin_high, r->bin, REPORT_BINS, "(fast &minus; exact) / full scale",
                  "number of currents");
    fprintf(to, "<p class=\"note\">Full scale is the largest exact current, %.4g&nbsp;A. Rms %.2g, largest %.2g; "
            "95&nbsp;%% of all errors lie between %.2g and %.2g.</p></section>\n", e->full_scale_ampere, e->rms,
            e->max,
            e->interval95[0], e->interval95[1]);
    fputs("<section><h2>Its error in each column</h2>\n", to);
    svg_bars(to, r->column_error, r->session->columns, "column j (bit line)", "rms error / full scale", 1);
    fputs("<p class=\"note\">Root mean square over inputs.</p></section>\n</div>\n", to);
}

/* Every stage that was tried: an engineer sees what a smaller error would cost. */
void report_put_candidates(FILE *to, const struct report *r)
{
    const struct xo_fcm *m = &r->model;
    if (!m->candidates)
        return;
    fputs("<section><h2>Stages of the fast model that were tried</h2>\n<div class=\"scroll\"><table class=\"number\">"
          "<tr><th>stage</th><th>cost</th><th>rms error [%]</th><th>largest [%]</th>"
          "<th>95&nbsp;% of errors [%]</th><th></th></tr>\n", to);
    for (size_t k = 0; k < m->candidates; k++) {
        const struct xo_fcm_candidate c = xo_fcm_candidate_at(m, k);
        char name[48];
        xo_fcm_candidate_name(&c, name, sizeof name);
        fprintf(to, "<tr><td>%s</td><td>%.4g</td><td>%.3g</td><td>%.3g</td><td>%.3g to %.3g</td><td>%s</td></tr>\n",
                name, c.cost, 100 * c.error_rms, 100 * c.error_max, 100 * c.error_interval95[0],
                100 * c.error_interval95[1], cli_candidate_taken(m, k) ? "taken" : "");
    }
    fprintf(to, "</table></div><p class=\"note\">Cost: multiplications with an addition, over those of one product "
            "V<sup>T</sup>G. Errors: over full scale, on %zu inputs kept out of the fit.</p></section>\n",
            m->validity.held_out_inputs);
}

/* ---- converters and gain -------------------------------------------------------------------------- */

static void put_gain(FILE *to, const struct report_gain *g)
{
    char factor[64];
    if (g->lowest < g->highest)
        snprintf(factor, sizeof factor, "%.4f to %.4f", g->lowest, g->highest);
    else
        snprintf(factor, sizeof factor, "%.4f", g->lowest);
    fprintf(to, "<tr><td>%s%s%s</td><td>%s</td><td>%.3g</td><td>%.3g</td><td>%.3g</td></tr>\n", g->scope,
            g->source[0] ? ", " : "", g->source, factor, 100 * g->error.rms, 100 * g->error.max, 100 * g->flips);
}

void report_put_converters(FILE *to, const struct report *r)
{
    static const char *const rule[] = {"full", "granular", "calibrated", "fixed"};
    const struct xo_adc_scale *first = &r->scale[0];
    fputs("<section><h2>Gain, and the ADC&rsquo;s codes</h2>\n<div class=\"scroll\"><table "
          "class=\"number\"><tr><th>gain</th><th>factor</th><th>rms error [%]</th><th>largest error "
          "[%]</th><th>codes changed [%]</th></tr>\n", to);
    for (size_t k = 0; k < REPORT_GAINS; k++)
        put_gain(to, &r->gain[k]);
    fprintf(to, "</table></div><p class=\"note\">Errors: gain &times; exact current against %s, over "
            "full scale %.3g&nbsp;A. Codes changed: share of conversions whose code differs from the same "
            "array&rsquo;s without wires, both through the same noiseless ADC, the gain applied in its reference "
            "(a digital gain comes after the code and leaves the share at %.3g&nbsp;%%). ",
            r->without_wires_html, r->gain[0].error.full_scale_ampere, 100 * r->flips);
    fprintf(to, "ADC: %d bits, range &ldquo;%s&rdquo;, %.4g to %.4g&nbsp;A in column 0, LSB %.4g",
            r->model.adc.bits,
            rule[r->model.adc.range], first->low_ampere, xo_adc_ampere(first, (1u << r->model.adc.bits) - 1),
            r->lowest_lsb);
    if (r->lowest_lsb < r->highest_lsb)
        fprintf(to, " to %.4g", r->highest_lsb);
    fprintf(to, "&nbsp;A; %.3g&nbsp;%% of conversions are clipped; one input level times one weight level is "
            "%.4g&nbsp;A. &ldquo;Measured&rdquo;: least squares over %d of these inputs through DAC and ADC, "
            "where a clipped current pulls the factor up; &ldquo;oracle&rdquo;: ratio of the sums of G and of "
            "the exact matrix.%s</p></section>\n", 100 * r->clipped,
            xo_unit_ampere(&r->model.dac, &r->session->hardware.device), r->model.gain.vectors,
            r->lowest_volt < 0 ? " Negative voltages are no codes of this DAC, which gives its lowest level "
            "instead: the range and the measured gain do not know their currents." : "");
}

void report_put_model_method(FILE *to, const struct report *r)
{
    static const char *const gain[] = {"none", "one for the array", "one per column"};
    static const char *const source[] = {"measured", "from the matrices"};
    static const char *const stage[] = {
        "is I&nbsp;=&nbsp;V<sup>T</sup>G<sub>ni</sub>&nbsp;+&nbsp;i<sub>0</sub>",
        "expands each input in a few functions of its voltage, one matrix for each",
        "is the linear array with corrections by the cells&rsquo; law"};
    const struct xo_fcm_validity *v = &r->model.validity;
    if (r->judge.asked)
        fprintf(to, "ngspice, on the exported netlist, agrees for the first %zu inputs within %.2g&nbsp;A (%.2g "
                "of the column&rsquo;s scale). ", r->judge.inputs, r->judge.disagreement_amp,
                r->judge.disagreement_rel);
    fprintf(to, "The fast model %s %s%s; it "
            "was fitted for %.4g to %.4g&nbsp;V and %.4g to %.4g&nbsp;S, and on %zu held-out inputs its error "
            "was %.2g rms and %.2g at most, of full scale. ", r->model_path ? "read from a file" : "fitted to "
            "this array", stage[r->model.stage],
            r->model.exact ? ", with the exact conductance matrix of the circuit" : "", v->low_volt, v->high_volt,
            v->low_siemens, v->high_siemens, v->held_out_inputs, v->error_rms, v->error_max);
    if (r->model_of_other_cells)
        fputs("<b>It was fitted to other conductances than those compared here.</b> ", to);
    if (r->outside)
        fprintf(to, "%zu inputs lie outside the range of that fit. ", r->outside);
    static const char *const range[] = {
        [XO_ADC_FULL] = "covers all rows on at the read voltage",
        [XO_ADC_GRANULAR] = "counts single units of current",
        [XO_ADC_CALIBRATED] = "was fixed from the currents of inputs passed through the DAC",
        [XO_ADC_FIXED] = "is that of the hardware file"};
    fprintf(to, "Codes are those of an ADC of %d bits whose range %s (DAC of %d bit%s); gain: %s, %s. ",
            r->model.adc.bits, range[r->model.adc.range], r->model.dac.bits,
            cli_plural((size_t)r->model.dac.bits), gain[r->model.gain.scope],
            r->model.gain.scope == XO_GAIN_NONE ? "nothing is undone" : source[r->model.gain.source]);
}
