/* `compare` where inputs go to gates: columns climbed as ladders against the mesh and ngspice, and what one matrix in
 * their place would cost.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "page.h"
#include "report.h"
#include "svg.h"
#include "xo_ladder.h"

/* ---- found ------------------------------------------------------------------------------------------ */

void report_free_gated(struct report_gated *g)
{
    free(g->column_ladder);
    free(g->column_matrix);
    free(g->column_lost);
}

static void measure(struct report *r, const struct cli_session *s, const double *amp, const double *bound)
{
    struct report_gated *g = &r->gated;
    for (size_t k = 0; k < s->inputs * s->columns; k++) {
        double gap = fabs(amp[k] - r->reference.column_amp[k]), *column = &g->column_ladder[k % s->columns];
        g->disagreement_amp = fmax(g->disagreement_amp, gap);
        *column = gap > 0 ? fmax(*column, gap / r->reference.scale_amp[k]) : *column;
        g->disagreement_rel = fmax(g->disagreement_rel, *column);
        g->worst_bound_rel = amp[k] != 0 ? fmax(g->worst_bound_rel, bound[k] / fabs(amp[k])) : g->worst_bound_rel;
    }
}

/* Where columns are ladders they are climbed, as fit, apply and eval do. */
static int climb(struct report *r, const struct cli_session *s)
{
    double *amp = cli_numbers(s->inputs * s->columns), *bound = cli_numbers(s->inputs * s->columns);
    struct xo_info info = {""};
    xo_ladder *l = NULL;
    int status = amp && bound ? CLI_DONE : cli_no_memory();
    if (!status && s->hardware.array.input == XO_INPUT_GATE
        && !xo_ladder_new(&l, &s->hardware.array, s->cell_siemens.value, NULL)) {
        status = xo_ladder_currents(l, s->inputs, s->row_volt.value, amp, bound, &info);
        status = status ? cli_fail_computing(status, &info, s->hardware_path) : CLI_DONE;
        r->gated.ladders = !status;
    }
    if (r->gated.ladders)
        measure(r, s, amp, bound);
    xo_ladder_free(l);
    free(amp);
    free(bound);
    return status;
}

int report_find_gated(struct report *r, struct cli_session *s)
{
    struct report_gated *g = &r->gated;
    g->column_ladder = cli_numbers(s->columns);
    g->column_matrix = cli_numbers(2 * s->columns);
    g->column_lost = cli_numbers(s->columns);
    if (!g->column_ladder || !g->column_matrix || !g->column_lost)
        return cli_no_memory();
    r->lost = cli_current_lost(s, r->reference.column_amp, g->column_lost);
    int code = cli_find_one_matrix(s, g->column_matrix);
    return code ? code : climb(r, s);
}

/* ---- told ------------------------------------------------------------------------------------------- */

void report_print_gated(const struct report *r, const char *html)
{
    const struct xo_solution *x = &r->reference;
    const struct report_gated *g = &r->gated;
    printf("Proof      worst certified bound %.2g of the column's scale; Kirchhoff's law to %.2g A at every node\n",
           x->worst_bound_rel, x->worst_kcl_amp);
    if (isfinite(r->lost))
        printf("Lost       %.3g %% of what the cells would carry without wires\n", 100 * r->lost);
    cli_print_one_matrix(stdout, "One matrix ", r->session);
    report_print_engines(r);
    if (g->ladders)
        printf("climbed    %.1e A, %.1e of scale  %.2g: rung by rung, as fit and eval take columns\n",
               g->disagreement_amp, g->disagreement_rel, g->worst_bound_rel);
    if (html)
        printf("Report     %s\n", html);
}

static json_t *numbers(const double *value, size_t count)
{
    json_t *list = json_array();
    for (size_t k = 0; k < count; k++)
        json_array_append_new(list, cli_json_number(value[k]));
    return list;
}

static json_t *ladders_json(const struct report *r)
{
    const struct report_gated *g = &r->gated;
    size_t columns = r->session->columns;
    return json_pack("{s:o, s:o, s:o, s:o}", "disagreement_ampere", cli_json_number(g->disagreement_amp),
                     "disagreement_rel", cli_json_number(g->disagreement_rel), "worst_bound_rel",
                     cli_json_number(g->worst_bound_rel), "column_disagreement_rel",
                     numbers(g->column_ladder, columns));
}

int report_write_gated(const struct report *r)
{
    const struct cli_session *s = r->session;
    if (!s->common.json)
        return CLI_DONE;
    json_t *report = cli_json_head(s);
    int failed = cli_json_proof(report, s, &r->reference);
    failed |= cli_json_put(report, "tolerance", cli_json_number(r->tolerance));
    failed |= cli_json_put(report, "engines", report_engines_json(r));
    failed |= cli_json_put(report, "column_lost", numbers(r->gated.column_lost, s->columns));
    if (r->gated.ladders)
        failed |= cli_json_put(report, "ladders", ladders_json(r));
    if (s->one_matrix.held_out_inputs) {
        failed |= cli_json_put(report, "one_matrix", cli_json_one_matrix(s));
        failed |= cli_json_put(report, "one_matrix_column_rms", json_pack(
            "{s:o, s:o}", "best", numbers(r->gated.column_matrix, s->columns),
            "rows", numbers(r->gated.column_matrix + s->columns, s->columns)));
    }
    if (failed) {
        json_decref(report);
        report = NULL;
    }
    return cli_write_json(s->common.json, report);
}

/* ---- the page --------------------------------------------------------------------------------------- */

static void put_figures(FILE *to, const struct report *r)
{
    const struct xo_one_matrix *m = &r->session->one_matrix;
    char text[64];
    fputs("<div class=\"figures\">\n", to);
    snprintf(text, sizeof text, isfinite(r->lost) ? "%.3g %%" : "not stated", 100 * r->lost);
    page_figure(to, text, "of what the cells would carry without wires is lost");
    snprintf(text, sizeof text, m->held_out_inputs ? "%.3g %%" : "not asked", 100 * m->best_max);
    page_figure(to, text, "of full scale: the worst error of the best single matrix");
    snprintf(text, sizeof text, m->held_out_inputs ? "%.3g %%" : "not asked", 100 * m->rows_max);
    page_figure(to, text, "of full scale: the worst error of a matrix measured row by row");
    snprintf(text, sizeof text, "%.2g", r->reference.worst_bound_rel);
    page_figure(to, text, "worst certified bound, relative to the column&rsquo;s scale");
    snprintf(text, sizeof text, r->gated.ladders ? "%.2g" : "no ladders", r->gated.disagreement_rel);
    page_figure(to, text, "largest difference of columns climbed rung by rung, relative");
    snprintf(text, sizeof text, r->judge.asked ? "%.2g" : "not asked", r->judge.disagreement_rel);
    page_figure(to, text, "largest difference to ngspice, relative");
    fputs("</div>\n", to);
}

static void put_lines(FILE *to, const struct cli_session *s)
{
    const struct xo_crossbar *x = &s->hardware.array;
    static const char *const source[] = {"driven word lines along the rows", "a source line beside every bit line",
                                         "source lines along the rows", "one plane as the source of all cells"};
    bool row = x->topology == XO_TOPOLOGY_SOURCE_ROW, plane = x->topology == XO_TOPOLOGY_PLANE;
    char a[64], b[64], c[64], d[64];
    fprintf(to, "The array has %s", source[x->topology]);
    if (x->topology != XO_TOPOLOGY_CROSSBAR && !plane)
        fprintf(to, " (%s&nbsp;&Omega; a segment)",
                cli_values_text(a, sizeof a, x->source_wire_ohm,
                                row ? s->rows * (s->columns - 1) : (s->rows - 1) * s->columns));
    if (x->topology != XO_TOPOLOGY_CROSSBAR)
        fprintf(to, ", tied through %s&nbsp;&Omega; to %.4g&nbsp;V",
                cli_values_text(b, sizeof b, x->source_end_ohm, plane ? 0 : row ? s->rows : s->columns),
                x->source_volt);
    fprintf(to, "; bit lines of %s&nbsp;&Omega; a segment are sensed through %s&nbsp;&Omega;. ",
            cli_values_text(c, sizeof c, x->column_wire_ohm, (s->rows - 1) * s->columns),
            cli_values_text(d, sizeof d, x->sense_ohm, s->columns));
}

/* The paragraph one can paste into a paper. */
static void put_method(FILE *to, const struct report *r)
{
    const struct cli_session *s = r->session;
    const struct xo_crossbar *x = &s->hardware.array;
    fprintf(to, "<section><h2>What was simulated</h2>\n<p>The column currents of a %zu&nbsp;&times;&nbsp;%zu array "
            "of transistors and devices were computed with Crossohm %s from Kirchhoff&rsquo;s current law at every "
            "node, wires included. ", s->rows, s->columns, PACKAGE_VERSION);
    put_lines(to, s);
    report_put_law(to, x);
    fprintf(to, "behind transistors of %.4g&nbsp;&Omega; whose gates are the inputs, row by row; off they conduct "
            "%.4g&nbsp;S. %zu input vector%s were applied. ", x->transistor_ohm, x->transistor_off_siemens, s->inputs,
            cli_plural(s->inputs));
    fprintf(to, "Every input makes another circuit, solved by %s and certified to %.2g of the column&rsquo;s scale. ",
            xo_engine_name(r->engine[0].engine), r->reference.worst_bound_rel);
    if (r->engines > 1) {
        fputs("The result was checked against the independent methods ", to);
        report_put_engine_names(to, r);
        fputs(". ", to);
    }
    fputs("Nothing here has been validated on silicon.</p>\n<p><code>", to);
    page_text(to, s->common.command);
    fputs("</code></p></section>\n", to);
}

static void put_matrix(FILE *to, const struct report *r)
{
    const struct cli_session *s = r->session;
    const struct xo_one_matrix *m = &s->one_matrix;
    if (!m->held_out_inputs)
        return;
    fprintf(to, "<section><h2>What one conductance matrix would cost</h2>\n<table><tr><th>matrix</th><th>rms error "
            "[%% of full scale]</th><th>largest [%% of full scale]</th></tr>\n"
            "<tr><td>the best, by least squares over %zu inputs</td><td>%.3g</td><td>%.3g</td></tr>\n"
            "<tr><td>measured with one row on at a time</td><td>%.3g</td><td>%.3g</td></tr></table>\n",
            m->fitted_inputs, 100 * m->best_rms, 100 * m->best_max, 100 * m->rows_rms, 100 * m->rows_max);
    fprintf(to, "<p class=\"note\">On %zu inputs that neither has seen, full scale %.3g&nbsp;A. A row that is "
            "switched on takes voltage from all others of its column, so currents do not add up, and no matrix is "
            "exact.</p></section>\n<div class=\"pair\">\n<section><h2>The best matrix, column by column</h2>\n",
            m->held_out_inputs, m->full_scale_ampere);
    svg_bars(to, r->gated.column_matrix, s->columns, "column", "rms error [% of full scale]", 100);
    fputs("</section>\n<section><h2>Rows one by one, column by column</h2>\n", to);
    svg_bars(to, r->gated.column_matrix + s->columns, s->columns, "column", "rms error [% of full scale]", 100);
    fputs("</section>\n</div>\n", to);
}

static void put_columns(FILE *to, const struct report *r)
{
    const struct cli_session *s = r->session;
    fputs("<div class=\"pair\">\n<section><h2>Lost in the wires</h2>\n", to);
    svg_bars(to, r->gated.column_lost, s->columns, "column", "current lost [%]", 100);
    fputs("</section>\n<section><h2>How far each current can be from exact</h2>\n", to);
    svg_cloud(to, r->reference.column_amp, r->reference.bound_amp, s->inputs * s->columns, "column current |I| [A]",
              "certified bound [A]");
    fputs("<p class=\"note\">One point per column and input; at most 3000 are drawn.</p></section>\n</div>\n", to);
}

static void put_ladders(FILE *to, const struct report *r)
{
    const struct report_gated *g = &r->gated;
    fputs("<section><h2>Columns climbed rung by rung</h2>\n", to);
    if (!g->ladders) {
        fputs("<p>Columns of this array share lines that carry current, or end at both sides: they are no ladders, "
              "and every input was solved on the mesh.</p></section>\n", to);
        return;
    }
    svg_bars(to, g->column_ladder, r->session->columns, "column", "largest difference, relative", 1);
    fprintf(to, "<p class=\"note\">As fit, apply and eval take columns, against the mesh: %.2g&nbsp;A at most, %.2g "
            "of the column&rsquo;s scale; by its own bound no current is further than %.2g of itself from exact.</p>"
            "</section>\n", g->disagreement_amp, g->disagreement_rel, g->worst_bound_rel);
}

static int put_page(FILE *to, const void *what)
{
    const struct report *r = what;
    const struct cli_session *s = r->session;
    char title[64];
    snprintf(title, sizeof title, "Crossohm: %zu x %zu gated array", s->rows, s->columns);
    page_begin(to, title);
    fprintf(to, "<h1>%zu &times; %zu gated array, %zu input%s</h1>\n<p class=\"under\">", s->rows, s->columns,
            s->inputs, cli_plural(s->inputs));
    page_text(to, s->hardware_path);
    fputs(" &middot; ", to);
    page_text(to, s->siemens_path);
    fputs(" &middot; ", to);
    page_text(to, s->gate_path ? s->gate_path : s->volt_path);
    fprintf(to, " &middot; Crossohm %s</p>\n", PACKAGE_VERSION);
    put_figures(to, r);
    put_method(to, r);
    put_matrix(to, r);
    put_columns(to, r);
    put_ladders(to, r);
    report_put_agreement(to, r);
    fputs("<p class=\"note\">Numbers by column are in the file of <code>--json</code>; times are left out, because "
          "they differ from run to run and this page does not.</p>\n", to);
    page_end(to);
    return 0;
}

int report_write_gated_html(const char *path, const struct report *r)
{
    return cli_write_text(path, put_page, r);
}
