/* The stages of the fast model that arrays of nonlinear cells got, layer by layer, with what else was tried.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdio.h>
#include "eval.h"
#include "page.h"

static const struct xo_tile_choice *choice_of(const struct xo_eval_result *r, size_t layer)
{
    return &r->pass[XO_EVAL_CIRCUIT].reading[layer].fitted;
}

bool eval_is_fitted(const struct eval_job *job)
{
    for (size_t k = 0; k < job->result->layers; k++)
        if (choice_of(job->result, k)->count)
            return true;
    return false;
}

struct xo_fcm_candidate eval_fitted_worst(const struct xo_eval_result *r)
{
    struct xo_fcm_candidate worst = {.functions = 1};
    for (size_t k = 0; k < r->layers; k++) {
        const struct xo_tile_choice *c = choice_of(r, k);
        if (c->count && c->candidate[c->chosen].error_rms >= worst.error_rms)
            worst = c->candidate[c->chosen];
    }
    return worst;
}

void eval_fitted_print(const struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    if (!eval_is_fitted(job))
        return;
    printf("\nNonlinear cells: stages of the fast model tried on some arrays of each layer, errors against exact "
           "currents\n");
    for (size_t k = 0; k < r->layers; k++) {
        const struct xo_tile_choice *c = choice_of(r, k);
        if (!c->count)
            continue;
        printf("%s, %zu arrays\n  ", r->layer[k].name, c->arrays);
        cli_print_candidate_head(stdout);
        for (size_t n = 0; n < c->count; n++) {
            fputs("  ", stdout);
            cli_print_candidate(stdout, &c->candidate[n], n == c->chosen);
        }
    }
    puts("cost: products of digits and matrix, as the kernels do them; errors: of full scale, on inputs kept out of "
         "the fit");
}

json_t *eval_fitted_json(const struct xo_tile_choice *c)
{
    json_t *list = json_array();
    for (size_t n = 0; n < c->count; n++)
        json_array_append_new(list, cli_candidate_of(&c->candidate[n], n == c->chosen));
    return json_pack("{s:o, s:I, s:o}", "tolerance", cli_json_number(c->tolerance), "arrays", (json_int_t)c->arrays,
                     "candidates", list);
}

void eval_fitted_page(FILE *to, const struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    if (!eval_is_fitted(job))
        return;
    fputs("<section><h2>Nonlinear cells: the fast model of each layer's arrays</h2>\n<div class=\"scroll\"><table "
          "class=\"number\"><tr><th>layer</th><th>stage</th><th>cost [products]</th><th>error rms [%]</th>"
          "<th>largest [%]</th><th>95 % of errors [%]</th><th></th></tr>\n", to);
    for (size_t k = 0; k < r->layers; k++) {
        const struct xo_tile_choice *c = choice_of(r, k);
        for (size_t n = 0; n < c->count; n++) {
            const struct xo_fcm_candidate *one = &c->candidate[n];
            char name[48];
            xo_fcm_candidate_name(one, name, sizeof name);
            fputs("<tr><td>", to);
            page_text(to, n ? "" : r->layer[k].name);
            fprintf(to, "</td><td>%s</td><td>%.4g</td><td>%.2g</td><td>%.2g</td><td>%.2g to %.2g</td><td>%s</td></tr>"
                    "\n", name, one->cost, 100 * one->error_rms, 100 * one->error_max,
                    100 * one->error_interval95[0], 100 * one->error_interval95[1], n == c->chosen ? "taken" : "");
        }
    }
    fprintf(to, "</table></div><p class=\"note\">No matrix is exact where cells are nonlinear.  Stages were fitted "
            "to some arrays of each layer and tried on exact currents of other inputs; the cheapest within %.2g of "
            "full scale rms, over all inputs and for nine in ten of them, is what all arrays of the layer got.</p>"
            "</section>\n", eval_tolerance(job));
}

double eval_tolerance(const struct eval_job *job)
{
    return job->tolerance > 0 ? job->tolerance : XO_FIT_TOLERANCE;
}

int eval_fitted_verdict(const struct eval_job *job)
{
    const struct xo_fcm_candidate worst = eval_fitted_worst(job->result);
    if (worst.error_rms <= eval_tolerance(job))
        return CLI_DONE;
    return cli_fail(CLI_FAILED, "%s: arrays of nonlinear cells are fitted to %.3g of full scale rms, the best of all "
                    "stages tried; expected at most %.3g (--tolerance)", job->session.hardware_path, worst.error_rms,
                    eval_tolerance(job));
}
