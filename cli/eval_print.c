/* What an evaluation says on standard output.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include "eval.h"

static void print_step(const struct xo_paired *p)
{
    printf("   %+6.2f  %+6.2f .. %+5.2f  %s", 100 * p->difference, 100 * p->low95, 100 * p->high95,
           p->resolved ? "" : "not resolved");
    if (p->resolved)
        printf("p = %.1e", p->p);
}

static void print_stage(const struct eval_job *job, enum xo_eval_stage stage)
{
    size_t p = (size_t)stage;
    const struct xo_share *s = &job->share[p];
    printf("%-11s %6.2f   %6.2f .. %6.2f  %6.2f", xo_eval_stage_name(stage), 100 * s->value, 100 * s->low95,
           100 * s->high95, 100 * job->top5[p].value);
    if (stage == XO_EVAL_CIRCUIT && job->result->ideal)
        printf("   as converters: nothing in the arrays resists");
    else if (stage > XO_EVAL_FP32)
        print_step(&job->step[p]);
    putchar('\n');
}

static void print_instances(const struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    const struct xo_instances *v = &job->variation;
    if (!r->instances)
        return;
    printf("%-11s %6.2f   %6.2f .. %6.2f          mean of %zu instance%s", "variation", 100 * v->mean, 100 * v->low95,
           100 * v->high95, r->instances, cli_plural(r->instances));
    if (r->instances > 1)
        printf(", sd between them %.2f, of images %.2f", 100 * sqrt(v->between_variance),
               100 * sqrt(v->images_variance));
    printf(r->instances < 10 ? " (a claim takes 10)\n" : "\n");
    for (size_t n = 0; n < r->instances && r->instances <= 20; n++)
        printf("  %-9zu %6.2f\n", n, 100 * (double)r->pass[EVAL_STAGES + n].hits / (double)r->images);
}

/* By how much converters change it is told beside. */
static void print_analog(const struct eval_job *job)
{
    const struct xo_share *s = &job->analog_share;
    if (!job->analog)
        return;
    printf("%-11s %6.2f   %6.2f .. %6.2f  %6.2f", "analog", 100 * s->value, 100 * s->low95, 100 * s->high95,
           100 * job->analog_top5.value);
    print_step(&job->from_fp32);
    printf("  (from fp32)\n%-43s", "from analog to circuit");
    print_step(&job->to_circuit);
    putchar('\n');
}

/* Converters and circuit below each other. */
static void print_layer(const struct xo_eval_result *r, size_t k)
{
    const struct xo_eval_layer *l = &r->layer[k];
    char shape[32];
    snprintf(shape, sizeof shape, "%zux%zu", l->inputs, l->outputs);
    printf("%-22.22s %11s ", l->name, shape);
    if (l->digital) {
        printf("%6s\n", "kept digital");
        return;
    }
    printf("%6zu %7.1f", l->tiles, 100 * (double)l->used_cells / (double)l->cells);
    for (size_t p = XO_EVAL_CONVERTERS; p <= (r->ideal ? XO_EVAL_CONVERTERS : XO_EVAL_CIRCUIT); p++) {
        const struct xo_eval_count *c = &r->pass[p].count[k];
        const struct xo_eval_reading *x = &r->pass[p].reading[k];
        if (p == XO_EVAL_CIRCUIT)
            printf("%-49s", "");
        printf(" %10.3g %7.4f %9.3g %9.3g %8.3g", x->lsb_ampere, x->gain, 100 * eval_part(c->clipped, c->conversions),
               100 * eval_part(c->flipped, c->conversions), 100 * c->error_rel);
        const struct xo_tile_choice *f = &x->fitted;
        if (p == XO_EVAL_CIRCUIT)
            printf(" %7.2f %9.1e %9.1e", 100 * x->nf_mean,
                   f->count ? f->candidate[f->chosen].error_rms : x->bound_rel, x->sampled_error_rel);
        putchar('\n');
    }
}

static void print_layers(const struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    printf("\n%-22s %11s %6s %7s %10s %7s %9s %9s %8s", "Layer", "K x P", "arrays", "used %", "LSB [A]", "gain",
           "clipped %", "flipped %", "error %");
    bool fitted = eval_is_fitted(job);
    printf(r->ideal ? "\n" : " %7s %9s %9s   second line: circuit\n", "NF %", fitted ? "fit rms" : "bound",
           fitted ? "largest" : "sampled");
    for (size_t k = 0; k < r->layers; k++)
        print_layer(r, k);
}

void eval_print(const struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    struct eval_totals t = eval_totals_of(r, XO_EVAL_CONVERTERS);
    printf("Network     %s: %zu weights in %zu layers\n", job->model, t.weights, r->layers);
    printf("Arrays      %zu of %zu x %zu, %.1f %% of their cells hold weights\n", t.tiles,
           job->session.hardware.array.rows, job->session.hardware.array.columns,
           t.cells ? 100 * (double)t.used_cells / (double)t.cells : 0);
    printf("Images      %zu scored, %zu others calibrate\n\n", r->images, r->calibration_images);
    printf("Stage       top-1 %%   95 %% interval     top-5 %%   against the stage before, points\n");
    for (int stage = 0; stage < EVAL_STAGES; stage++)
        print_stage(job, (enum xo_eval_stage)stage);
    print_instances(job);
    printf("%-43s", "from fp32 to circuit");
    print_step(&job->total);
    putchar('\n');
    print_analog(job);
    eval_gains_print(job);
    print_layers(job);
    eval_fitted_print(job);
    eval_audit_print(job);
    eval_speed_print(job);
    printf("Report      %s/report.html\n", job->folder);
}
