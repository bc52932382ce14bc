/* The page of `eval`: accuracy stage by stage, what each layer got and lost, and how it was modelled.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "eval.h"
#include "page.h"
#include "svg.h"

static void put_figures(FILE *to, const struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    struct eval_totals t = eval_totals_of(r, XO_EVAL_CIRCUIT);
    char text[64];
    fputs("<div class=\"figures\">\n", to);
    for (size_t p = 0; p < EVAL_STAGES; p++) {
        static const char *const meaning[] = {"of images right in float32",
                                              "right with integers instead of fractions",
                                              "right on arrays with DAC, ADC and gain",
                                              "right with every array's circuit solved"};
        snprintf(text, sizeof text, "%.2f %%", 100 * job->share[p].value);
        page_figure(to, text, meaning[p]);
    }
    snprintf(text, sizeof text, "%+.2f", 100 * job->total.difference);
    page_figure(to, text, job->total.resolved ? "points from float32 to arrays" :
                "points from float32 to arrays: not resolved");
    snprintf(text, sizeof text, "%zu", t.tiles);
    page_figure(to, text, "physical arrays hold the weights");
    snprintf(text, sizeof text, "%.2g %%", 100 * eval_part(t.clipped, t.conversions));
    page_figure(to, text, "of ADC conversions are clipped");
    fputs("</div>\n", to);
}

static void put_chart(FILE *to, const struct eval_job *job)
{
    const char *name[EVAL_STAGES];
    double value[EVAL_STAGES], low[EVAL_STAGES], high[EVAL_STAGES];
    for (size_t p = 0; p < EVAL_STAGES; p++) {
        name[p] = xo_eval_stage_name((enum xo_eval_stage)p);
        value[p] = job->share[p].value;
        low[p] = job->share[p].low95;
        high[p] = job->share[p].high95;
    }
    fputs("<section><h2>Accuracy, stage by stage</h2>\n", to);
    svg_intervals(to, EVAL_STAGES, name, value, low, high, "images right [%]", 100);
    fputs("<p class=\"note\">Top-1 with its 95&nbsp;% interval (Wilson). Every stage sees the same images, so that "
          "the differences beside are known better than these intervals suggest.</p></section>\n", to);
}

static void put_step(FILE *to, const char *what, const struct xo_paired *p)
{
    fprintf(to, "<tr><td>%s</td><td>%+.2f</td><td>%+.2f to %+.2f</td><td>%zu</td><td>%zu</td><td>", what,
            100 * p->difference, 100 * p->low95, 100 * p->high95, p->only_a, p->only_b);
    fprintf(to, p->resolved ? "%.1e</td></tr>\n" : "%.2g, not resolved</td></tr>\n", p->p);
}

static void put_stage(FILE *to, enum xo_eval_stage stage, const struct xo_share *share, const struct xo_share *top5)
{
    fprintf(to, "<tr><td>%s</td><td>%.2f</td><td>%.2f to %.2f</td><td>%.2f</td></tr>\n", xo_eval_stage_name(stage),
            100 * share->value, 100 * share->low95, 100 * share->high95, 100 * top5->value);
}

static void put_steps(FILE *to, const struct eval_job *job)
{
    fputs("<section><h2>What each stage costs</h2>\n<div class=\"scroll\"><table class=\"number\"><tr>"
          "<th>from, to</th><th>points</th><th>95 % interval</th><th>lost</th><th>gained</th>"
          "<th>McNemar p</th></tr>\n", to);
    put_step(to, "float32 to integers", &job->step[1]);
    put_step(to, "integers to converters", &job->step[2]);
    put_step(to, "converters to circuit", &job->step[3]);
    put_step(to, "float32 to circuit", &job->total);
    if (job->analog) {
        put_step(to, "float32 to analog", &job->from_fp32);
        put_step(to, "analog to circuit", &job->to_circuit);
    }
    fputs("</table></div><p class=\"note\">Paired bootstrap over the same images; lost, gained: images that only the "
          "first, only the second gets right.</p>\n", to);
    if (job->result->ideal)
        fputs("<p class=\"note\">Nothing in these arrays resists: circuit repeats converters.</p>\n", to);
    fputs("<div class=\"scroll\"><table class=\"number\"><tr><th>stage</th><th>top-1 [%]</th><th>95 % interval</th>"
          "<th>top-5 [%]</th></tr>\n", to);
    for (size_t p = 0; p < EVAL_STAGES; p++)
        put_stage(to, (enum xo_eval_stage)p, &job->share[p], &job->top5[p]);
    if (job->analog)
        put_stage(to, XO_EVAL_ANALOG, &job->analog_share, &job->analog_top5);
    fputs("</table></div>", to);
    if (job->analog)
        fputs("<p class=\"note\">Analog: the circuit's arrays and gain without converters, inputs continuous and "
              "without a limit: what weights in steps and wires cost alone.</p>", to);
    fputs("</section>\n", to);
}

/* Stage "variation": instance by instance. */
static void put_instances(FILE *to, const struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    const struct xo_instances *v = &job->variation;
    if (!r->instances)
        return;
    fprintf(to, "<section><h2>Programmed instances</h2>\n<p>%zu instance%s, drawn at random: %.2f&nbsp;%% of images "
            "right on average", r->instances, cli_plural(r->instances), 100 * v->mean);
    if (r->instances > 1)
        fprintf(to, ", 95&nbsp;%% interval %.2f to %.2f (Student's t over instances, images drawn anew as well); "
                "standard deviation between instances %.2f, of the mean over images %.2f points", 100 * v->low95,
                100 * v->high95, 100 * sqrt(v->between_variance), 100 * sqrt(v->images_variance));
    fprintf(to, ".%s</p>\n<div class=\"scroll\"><table class=\"number\"><tr>"
            "<th>instance</th><th>top-1 [%%]</th></tr>\n",
            r->instances < 10 ? " A claim about other instances takes at least 10." : "");
    for (size_t n = 0; n < r->instances; n++)
        fprintf(to, "<tr><td>%zu</td><td>%.2f</td></tr>\n", n,
                100 * (double)r->pass[EVAL_STAGES + n].hits / (double)r->images);
    fputs("</table></div></section>\n", to);
}

static void put_layer(FILE *to, const struct xo_eval_layer *l, const struct xo_eval_count *c,
                      const struct xo_eval_reading *x)
{
    fputs("<tr><td>", to);
    page_text(to, l->name);
    if (l->digital) {
        fprintf(to, "</td><td>%zu &times; %zu</td><td>kept digital</td><td></td><td></td><td></td><td></td><td></td>"
                "<td></td><td></td><td></td><td></td></tr>\n", l->inputs, l->outputs);
        return;
    }
    fprintf(to, "</td><td>%zu &times; %zu</td><td>%zu</td><td>%.1f</td><td>%.3g</td><td>%.3g</td><td>%.3g</td>"
            "<td>%.3g</td><td>%.3g</td><td>%.3g</td><td>%.2f</td><td>%.1e</td></tr>\n", l->inputs, l->outputs,
            l->tiles, 100 * (double)l->used_cells / (double)l->cells, l->unit_ampere, x->lsb_ampere, x->gain,
            100 * eval_part(c->clipped, c->conversions), 100 * eval_part(c->flipped, c->conversions),
            100 * c->error_rel, 100 * x->nf_mean, x->sampled_error_rel);
}

static void put_layers(FILE *to, const struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    double *error = cli_numbers(r->layers ? r->layers : 1);
    fputs("<section><h2>Layer by layer, in stage circuit</h2>\n<div class=\"scroll\"><table class=\"number\"><tr>"
          "<th>layer</th><th>K &times; P</th><th>arrays</th><th>used [%]</th><th>I<sub>unit</sub> [A]</th>"
          "<th>LSB [A]</th><th>gain</th><th>clipped [%]</th><th>flipped [%]</th><th>error [%]</th><th>NF [%]</th>"
          "<th>solver's error</th></tr>\n", to);
    for (size_t k = 0; k < r->layers; k++)
        put_layer(to, &r->layer[k], &r->pass[XO_EVAL_CIRCUIT].count[k], &r->pass[XO_EVAL_CIRCUIT].reading[k]);
    fputs("</table></div><p class=\"note\">Used: cells that hold a digit of a weight. I<sub>unit</sub>: one input "
          "level times one weight level. LSB and gain: of the first column. Flipped: codes that differ from the same "
          "array's without wires, variation and noise. Error: rms of the layer's sums against exact integers with "
          "the same inputs, over their rms. NF: share of a physical column's current that wires, drivers and sense "
          "amplifiers cost, mean over columns; where inputs go to gates, with every gate on. Solver's error: of the "
          "conductances of one array of the layer, certified; of gated columns that of a few currents; of nonlinear "
          "cells on driven rows the largest error of currents of some arrays over full scale.</p>\n", to);
    for (size_t k = 0; error && k < r->layers; k++)
        error[k] = r->pass[XO_EVAL_CIRCUIT].count[k].error_rel;
    if (error && r->layers)
        svg_bars(to, error, r->layers, "layer, counted from 0", "rms error of its sums [%]", 100);
    free(error);
    fputs("</section>\n", to);
}

static void put_method(FILE *to, const struct eval_job *job)
{
    char *choices = eval_choices(job);
    fputs("<section><h2>What was simulated</h2>\n<p>", to);
    page_text(to, choices ? choices : "");
    fputs("</p>\n<p><code>", to);
    page_text(to, job->session.common.command);
    fputs("</code></p></section>\n", to);
    free(choices);
}

static void put_page(FILE *to, const struct eval_job *job)
{
    page_begin(to, "Crossohm: a network on crossbars");
    fputs("<h1>", to);
    page_text(to, job->model);
    fprintf(to, " on %zu &times; %zu arrays</h1>\n<p class=\"under\">", job->session.hardware.array.rows,
            job->session.hardware.array.columns);
    page_text(to, job->session.hardware_path);
    fputs(" &middot; ", to);
    page_text(to, job->data);
    fprintf(to, " &middot; Crossohm %s</p>\n", PACKAGE_VERSION);
    put_figures(to, job);
    put_method(to, job);
    fputs("<div class=\"pair\">\n", to);
    put_chart(to, job);
    put_steps(to, job);
    fputs("</div>\n", to);
    put_instances(to, job);
    eval_gains_page(to, job);
    put_layers(to, job);
    eval_audit_page(to, job);
    fputs("<p class=\"note\">Every number shown here is in report.json; times are in timing.json, because they "
          "differ from run to run and this page does not.</p>\n", to);
    page_end(to);
}

int eval_write_page(const struct eval_job *job)
{
    struct xo_info info = {""};
    struct xo_writer writer;
    char *path = eval_path(job, "report.html");
    int status = path ? xo_writer_open(&writer, path, &info) : ENOMEM;
    if (!status) {
        put_page(writer.stream, job);
        status = xo_writer_commit(&writer, &info);
    }
    int code = status ? cli_fail_writing(status, &info, path ? path : "report.html") : CLI_DONE;
    free(path);
    return code;
}
