/* --audit: what an exact solver says of the circuit stage.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "eval.h"
#include "page.h"

/* ---- the option ------------------------------------------------------------------------------------- */

static int refuse(const char *text)
{
    return cli_fail(CLI_USAGE, "--audit: found %.60s; expected images=N, tiles=N or both with a comma, N from 1",
                    text);
}

/* "images=20,tiles=50", in any order. */
int eval_audit_read(struct eval_job *job)
{
    const char *text = job->audit_text ? job->audit_text : "";
    while (*text) {
        static const char *const name[] = {"images=", "tiles="};
        size_t *const count[] = {&job->audit_images, &job->audit_tiles};
        int which = !strncmp(text, name[0], strlen(name[0])) ? 0 : !strncmp(text, name[1], strlen(name[1])) ? 1 : -1;
        if (which < 0 || *count[which])
            return refuse(job->audit_text);
        text += strlen(name[which]);
        size_t digits = strspn(text, "0123456789");
        if (!digits || digits > 9 || (text[digits] && text[digits] != ','))
            return refuse(job->audit_text);
        *count[which] = strtoul(text, NULL, 10);
        if (!*count[which] || !strcmp(text + digits, ","))
            return refuse(job->audit_text);
        text += digits + (text[digits] == ',');
    }
    return job->audit_text && !job->audit_images && !job->audit_tiles ? refuse(job->audit_text) : CLI_DONE;
}

int eval_audit(struct eval_job *job)
{
    struct cli_session *s = &job->session;
    struct xo_info info = {""};
    if (!job->audit_text)
        return CLI_DONE;
    cli_find_helper();
    const struct xo_ngspice_options judge = {.limit_sec = 0};
    int status = xo_eval_audit_run(&job->audit, job->eval, job->audit_images, job->audit_tiles, &judge, &info);
    cli_lap(s, "audit");
    cli_progress_clear(&s->progress);
    if (!status)
        return CLI_DONE;
    return status == XO_ENOTPROVEN ? cli_fail(CLI_NOT_PROVEN, "%s", info.text) :
           status == XO_EJUDGE ? cli_fail(CLI_FAILED, "%s", info.text) : cli_fail_reading(status, &info, job->model);
}

/* ---- told ------------------------------------------------------------------------------------------- */

/* Nonlinear cells: what exact means there, and how far every layer's currents are from it. */
static void print_nonlinear(const struct eval_job *job)
{
    const struct xo_eval_audit *a = &job->audit;
    const struct xo_eval_result *r = job->result;
    printf("\nAudit       %zu of %zu predictions changed; upper 95 %% limit %.2g %%; logits within %.1e of their "
           "range.\n            Every current by corrections as far as they go: within %.1e of certified solves "
           "(Newton) of %zu inputs\n", a->changed, a->images, 100 * a->changed_high95, a->logit_error_rel,
           a->exact_rel, a->exact_checked);
    for (size_t k = 0; k < r->layers; k++)
        if (a->layer_error[k].currents)
            printf("            %-22s %9zu currents: error rms %.2g %%, largest %.2g %% of %.3g A\n",
                   r->layer[k].name, a->layer_error[k].currents, 100 * a->layer_error[k].rms,
                   100 * a->layer_error[k].max, a->layer_error[k].full_scale_ampere);
}

void eval_audit_print(const struct eval_job *job)
{
    const struct xo_eval_audit *a = &job->audit;
    bool gated = job->session.hardware.array.input == XO_INPUT_GATE;
    if (a->images && a->exact_checked)
        print_nonlinear(job);
    else if (a->images)
        printf("\nAudit       %zu of %zu predictions changed; upper 95 %% limit %.2g %%.  "
               "Every current from %s proven\n            within %.1e of each %s; logits within %.1e of "
               "their range\n", a->changed, a->images, 100 * a->changed_high95, gated ? "ladders" : "matrices",
               a->certified_bound_rel, gated ? "current" : "entry", a->logit_error_rel);
    if (a->tiles)
        printf("%sAudit       %zu currents of %zu arrays, real inputs: within %.1e of full scale of cholmod%s",
               a->images ? "" : "\n", a->currents, a->arrays, a->cholmod_rel, a->judged_arrays ? "" : "\n");
    if (a->judged_arrays)
        printf(",\n            %.1e of ngspice (%zu arrays)\n", a->ngspice_rel, a->judged_arrays);
    if (a->tiles && a->unbounded)
        puts("            no bound: arrays of nonlinear cells are fitted");
    else if (a->tiles)
        printf("            a-priori bound %.1e of full scale; %zu outside theirs\n", a->bound_rel, a->outside);
}

/* Of the layers on nonlinear cells. */
static json_t *current_errors(const struct eval_job *job)
{
    json_t *list = json_array();
    for (size_t k = 0; k < job->result->layers; k++) {
        const struct xo_eval_current_error *e = &job->audit.layer_error[k];
        if (e->currents)
            json_array_append_new(list, json_pack(
                "{s:o, s:I, s:o, s:o, s:o}", "layer", cli_json_text(job->result->layer[k].name), "currents",
                (json_int_t)e->currents, "rms", cli_json_number(e->rms), "max", cli_json_number(e->max),
                "full_scale_ampere", cli_json_number(e->full_scale_ampere)));
    }
    return list;
}

json_t *eval_audit_json(const struct eval_job *job)
{
    const struct xo_eval_audit *a = &job->audit;
    json_t *audit = json_object();
    if (a->images)
        json_object_set_new(audit, "images", json_pack(
            "{s:I, s:I, s:o, s:s, s:o, s:o, s:I, s:o, s:o}", "count", (json_int_t)a->images,
            "changed", (json_int_t)a->changed,
            "changed_high95", cli_json_number(a->changed_high95), "limit", "Clopper-Pearson, one-sided",
            "logit_error_rel", cli_json_number(a->logit_error_rel),
            "certified_bound_rel", cli_json_number(a->exact_checked ? NAN : a->certified_bound_rel),
            "certified_inputs", (json_int_t)a->exact_checked,
            "exact_rel", cli_json_number(a->exact_checked ? a->exact_rel : NAN),
            "current_error", current_errors(job)));
    if (a->tiles)
        json_object_set_new(audit, "tiles", json_pack(
            "{s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:I}", "count", (json_int_t)a->tiles,
            "arrays", (json_int_t)a->arrays, "arrays_by_ngspice", (json_int_t)a->judged_arrays,
            "currents", (json_int_t)a->currents,
            "cholmod_rel", cli_json_number(a->cholmod_rel),
            "ngspice_rel", a->judged_arrays ? cli_json_number(a->ngspice_rel) : json_null(),
            "bound_rel", cli_json_number(a->unbounded ? NAN : a->bound_rel),
            "outside_bound", (json_int_t)a->outside));
    return audit;
}

void eval_audit_page(FILE *to, const struct eval_job *job)
{
    const struct xo_eval_audit *a = &job->audit;
    if (!job->audit_text)
        return;
    fputs("<section><h2>Checked against the exact solver</h2>\n", to);
    if (a->images && a->exact_checked)
        fprintf(to, "<p>%zu of %zu predictions changed when every column current was exact: with 95 %% confidence no "
                "more than %.2g %% of all predictions would (Clopper and Pearson, one-sided).  Logits lie within "
                "%.1e of their range.  Exact currents came from corrections as far as they go, and are within "
                "%.1e of certified solves of %zu inputs.</p>\n", a->changed, a->images, 100 * a->changed_high95,
                a->logit_error_rel, a->exact_rel, a->exact_checked);
    else if (a->images)
        fprintf(to, "<p>%zu of %zu predictions changed when every column current came from an exact solve: with 95 "
                "%% confidence no more than %.2g %% of all predictions would (Clopper and Pearson, one-sided). "
                "Logits lie within %.1e of their range; no entry of the exact matrices is further than %.1e of "
                "itself from exact.</p>\n",
                a->changed, a->images, 100 * a->changed_high95, a->logit_error_rel, a->certified_bound_rel);
    if (a->tiles) {
        fprintf(to, "<p>%zu currents of %zu arrays with inputs that images gave them: within %.1e of full scale of "
                "what sparse Cholesky gives", a->currents, a->arrays, a->cholmod_rel);
        if (a->judged_arrays)
            fprintf(to, ", within %.1e of what ngspice gives (%zu arrays)", a->ngspice_rel, a->judged_arrays);
        if (a->unbounded)
            fputs("; matrices of nonlinear cells are fitted, without a bound.</p>\n", to);
        else
            fprintf(to, "; known beforehand: within %.1e; %zu of them lie outside their bound.</p>\n", a->bound_rel,
                    a->outside);
    }
    fputs("</section>\n", to);
}
