/* The report of `compare`: one HTML page without script that prints well and can be sent to a colleague.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "page.h"
#include "report.h"
#include "svg.h"

static void put_figures(FILE *to, const struct report *r)
{
    double agreement = 0;
    char text[64], what[160];
    for (size_t k = 1; k < r->engines; k++)
        agreement = fmax(agreement, r->engine[k].disagreement_rel);
    fputs("<div class=\"figures\">\n", to);
    snprintf(text, sizeof text, isfinite(r->lost) ? "%.3g %%" : "not stated", 100 * r->lost);
    snprintf(what, sizeof what, "of the ideal current %s is lost in the wires", r->without_wires_html);
    page_figure(to, text, what);
    snprintf(text, sizeof text, "%.3g %%", 100 * r->flips);
    page_figure(to, text, "of the ADC&rsquo;s codes change because of the wires");
    snprintf(text, sizeof text, "%.2g", r->reference.worst_bound_rel);
    page_figure(to, text, "worst certified bound, relative to the column&rsquo;s scale");
    snprintf(text, sizeof text, "%.2g", r->model_error.max);
    page_figure(to, text, "largest error of the fast model, of full scale");
    if (r->judge.asked)
        snprintf(text, sizeof text, "%.2g", r->judge.disagreement_rel);
    page_figure(to, r->judge.asked ? text : "not asked", "largest difference to ngspice, relative");
    snprintf(text, sizeof text, "%.2g", agreement);
    page_figure(to, text, "largest disagreement of our engines, relative");
    fputs("</div>\n", to);
}

void report_put_engine_names(FILE *to, const struct report *r)
{
    for (size_t k = 1; k < r->engines; k++)
        fprintf(to, "%s%s", k == 1 ? "" : k + 1 == r->engines ? " and " : ", ",
                xo_engine_name(r->engine[k].engine));
}

/* Lines and faults out of the ordinary, if there are any. */
static void put_exceptions(FILE *to, const struct report *r)
{
    const struct cli_session *s = r->session;
    const struct xo_crossbar *x = &s->hardware.array;
    size_t words = cli_unusual_lines(x->word_line, s->rows), bits = cli_unusual_lines(x->bit_line, s->columns);
    size_t segments = x->open_word_segment_count + x->open_bit_segment_count;
    size_t bridges = x->word_bridge_count + x->bit_bridge_count;
    if (words || bits)
        fprintf(to, "%zu word and %zu bit lines are floating, grounded or held at a voltage. ", words, bits);
    if (x->stuck_count || x->open_cell_count || segments || bridges)
        fprintf(to, "Faults: %zu cells stuck, %zu cells open, %zu wire segments open, %zu bridges between lines. ",
                x->stuck_count, x->open_cell_count, segments, bridges);
}

/* "Cells are ohmic, " */
void report_put_law(FILE *to, const struct xo_crossbar *x)
{
    static const char *const law[] = {"ohmic", "nonlinear (law sinh)", "nonlinear (law polynomial)",
                                      "nonlinear (law table)", "nonlinear (law spice)"};
    bool known = (size_t)x->law.law < sizeof law / sizeof *law;
    fprintf(to, "Cells are %s%s, ", known ? law[x->law.law] : "nonlinear",
            x->cell_type == XO_CELL_1S1R ? ", with a nonlinear selector in series" : "");
    if (xo_is_nonlinear(x))
        fprintf(to, "conductances being current over voltage at %.4g&nbsp;V, ", x->law.reference_volt);
}

/* The paragraph one can paste into a paper. */
static void put_method(FILE *to, const struct report *r)
{
    static const char *const drive[] = {"the left", "the right", "both sides"};
    static const char *const sense[] = {"the bottom", "the top", "both ends"};
    const struct cli_session *s = r->session;
    const struct xo_crossbar *x = &s->hardware.array;
    char a[64], b[64], c[64], d[64], e[64], f[64];
    fprintf(to, "<section><h2>What was simulated</h2>\n<p>The column currents of a %zu&nbsp;&times;&nbsp;%zu "
            "resistive crossbar were computed with Crossohm %s from Kirchhoff&rsquo;s current law at every node, "
            "wires and sneak paths included. ", s->rows, s->columns, PACKAGE_VERSION);
    fprintf(to, "Wire segments have %s&nbsp;&Omega; along rows and %s&nbsp;&Omega; along columns; word lines are "
            "driven from %s through %s&nbsp;&Omega;, bit lines are sensed at %s through %s&nbsp;&Omega; into "
            "%s&nbsp;V. ",
            cli_values_text(a, sizeof a, x->row_wire_ohm, s->rows * (s->columns - 1)),
            cli_values_text(b, sizeof b, x->column_wire_ohm, (s->rows - 1) * s->columns), drive[x->drive_side],
            cli_values_text(c, sizeof c, x->driver_ohm, s->rows), sense[x->sense_side],
            cli_values_text(d, sizeof d, x->sense_ohm, s->columns),
            cli_values_text(e, sizeof e, x->sense_volt, s->columns));
    report_put_law(to, x);
    fprintf(to, "%.4g to %.4g&nbsp;S as programmed, with %s&nbsp;&Omega; in series; nothing is "
            "drawn at random and nothing is quantised. ", r->lowest_siemens, r->highest_siemens,
            cli_values_text(f, sizeof f, x->series_ohm, s->rows * s->columns));
    put_exceptions(to, r);
    fprintf(to, "%zu input vector%s of %.4g to %.4g&nbsp;V were applied. ", s->inputs, cli_plural(s->inputs),
            r->lowest_volt, r->highest_volt);
    fprintf(to, "The nodal equations were solved by %s; every current is certified to lie within %.2g&nbsp;A of the "
            "exact one (%.2g of the column&rsquo;s scale). ", xo_engine_name(r->engine[0].engine),
            r->largest_bound_amp, r->reference.worst_bound_rel);
    if (r->engines > 1) {
        fputs("The result was checked against the independent methods ", to);
        report_put_engine_names(to, r);
        fputs(". ", to);
    }
    report_put_model_method(to, r);
    fputs("Nothing here has been validated on silicon.</p>\n<p><code>", to);
    page_text(to, s->common.command);
    fputs("</code></p></section>\n", to);
}

void report_put_agreement(FILE *to, const struct report *r)
{
    fputs("<section><h2>Agreement of the engines</h2>\n<table><tr><th>engine</th><th>largest difference [A]</th>"
          "<th>relative to the column&rsquo;s scale</th><th>its own worst bound, relative</th><th></th></tr>\n", to);
    for (size_t k = 0; k < r->engines; k++) {
        const struct report_engine *e = &r->engine[k];
        fprintf(to, "<tr><td>%s</td>", xo_engine_name(e->engine));
        if (k == 0)
            fprintf(to, "<td>reference</td><td>reference</td><td>%.2g</td><td></td></tr>\n", e->worst_bound_rel);
        else
            fprintf(to, "<td>%.2g</td><td>%.2g</td><td>%.2g</td><td>%s %.2g</td></tr>\n", e->disagreement_amp,
                    e->disagreement_rel, e->worst_bound_rel,
                    e->disagreement_rel <= r->tolerance ? "within" : "<b>beyond</b>", r->tolerance);
    }
    if (r->judge.asked)
        fprintf(to, "<tr><td>ngspice, first %zu inputs</td><td>%.2g</td><td>%.2g</td><td>none</td><td>%s %.2g</td>"
                "</tr>\n", r->judge.inputs, r->judge.disagreement_amp, r->judge.disagreement_rel,
                r->judge.disagreement_rel <= r->tolerance ? "within" : "<b>beyond</b>", r->tolerance);
    fprintf(to, "</table><p class=\"note\">Scale of column j: sum over all other terminals t of "
            "y<sub>tj</sub>(|V<sub>t</sub>| + |V<sub>j</sub>|). Power delivered and dissipated agree to %.2g.</p>"
            "</section>\n", r->reference.worst_power_rel);
}

static void put_losses(FILE *to, const struct report *r)
{
    const struct cli_session *s = r->session;
    fputs("<div class=\"pair\">\n<section><h2>Voltage lost across the array</h2>\n", to);
    svg_heat_map(to, r->cell_lost, s->rows, s->columns, 1, "lost [%]", 100);
    fprintf(to, "<p class=\"note\">1 &minus; (u &minus; w)/V<sub>i</sub> at every cell for input %zu, which draws "
            "the largest current of all; above 100&nbsp;%% the current flows backwards. Grey: the row is not driven, "
            "or at 0&nbsp;V.%s</p></section>\n", r->shown_input,
            s->rows > SVG_MOST_LINES || s->columns > SVG_MOST_LINES ? " Neighbouring cells are averaged." : "");
    report_put_columns(to, r);
    fputs("</div>\n", to);
}

static void put_proof(FILE *to, const struct report *r)
{
    const struct cli_session *s = r->session;
    fputs("<div class=\"pair\">\n<section><h2>How far each current can be from exact</h2>\n", to);
    svg_cloud(to, r->reference.column_amp, r->reference.bound_amp, s->inputs * s->columns, "column current |I| [A]",
              "certified bound [A]");
    fputs("<p class=\"note\">One point per column and input; at most 3000 are drawn.</p></section>\n", to);
    fputs("<section><h2>Array and inputs</h2>\n<div class=\"scroll\"><table>\n", to);
    fprintf(to, "<tr><td>array</td><td>%zu rows, %zu columns</td></tr>\n", s->rows, s->columns);
    fprintf(to, "<tr><td>conductances</td><td>%.6g to %.6g S</td></tr>\n", r->lowest_siemens, r->highest_siemens);
    fprintf(to, "<tr><td>inputs</td><td>%zu, %.6g to %.6g V</td></tr>\n", s->inputs, r->lowest_volt, r->highest_volt);
    if (isfinite(r->lost))
        fprintf(to, "<tr><td>worst column</td><td>%zu: %.3g %% of its current lost</td></tr>\n", r->worst_column,
                100 * r->nonideality[r->worst_column]);
    fprintf(to, "<tr><td>power by part</td><td>cells %.3g W, word lines %.3g W, bit lines %.3g W, mean over inputs"
            "</td></tr>\n", cli_sum(r->reference.cell_watt, s->inputs) / (double)s->inputs,
            cli_sum(r->reference.word_line_watt, s->inputs * s->rows) / (double)s->inputs,
            cli_sum(r->reference.bit_line_watt, s->inputs * s->columns) / (double)s->inputs);
    fprintf(to, "<tr><td>refinement steps</td><td>%d</td></tr>\n", r->reference.refinements);
    fprintf(to, "<tr><td>islands without voltage</td><td>%zu</td></tr>\n", xo_factor_islands(s->factor));
    fputs("</table></div></section>\n</div>\n", to);
}

static void put_last_note(FILE *to, const struct report *r)
{
    if (r->times)
        fputs("<p class=\"note\">Times differ from run to run, and so does this page. ", to);
    else
        fputs("<p class=\"note\">Times are left out, because they differ from run to run and this page does not: the "
              "command prints them, writes them with <code>--timing timing.json</code>, and puts them here with "
              "<code>--times</code>. ", to);
    fputs("Every number shown here is in the file of <code>--json</code>.</p>\n", to);
}

static int put_page(FILE *to, const void *what)
{
    const struct report *r = what;
    const struct cli_session *s = r->session;
    char title[64];
    snprintf(title, sizeof title, "Crossohm: %zu x %zu crossbar", s->rows, s->columns);
    page_begin(to, title);
    fprintf(to, "<h1>%zu &times; %zu crossbar, %zu input%s</h1>\n<p class=\"under\">", s->rows, s->columns, s->inputs,
            cli_plural(s->inputs));
    page_text(to, s->hardware_path);
    fputs(" &middot; ", to);
    page_text(to, s->siemens_path);
    fputs(" &middot; ", to);
    page_text(to, s->volt_path);
    fprintf(to, " &middot; Crossohm %s</p>\n", PACKAGE_VERSION);
    put_figures(to, r);
    put_method(to, r);
    report_put_budget(to, r);
    put_losses(to, r);
    report_put_scatter(to, r);
    report_put_candidates(to, r);
    report_put_errors(to, r);
    report_put_converters(to, r);
    put_proof(to, r);
    report_put_agreement(to, r);
    if (r->times)
        report_put_times(to, r);
    put_last_note(to, r);
    page_end(to);
    return 0;
}

int report_write_html(const char *path, const struct report *r)
{
    return cli_write_text(path, put_page, r);
}
