/* Gain none, array and column side by side: standard output, report.json, the page.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdio.h>
#include "eval.h"

const char *const eval_gain_name[] = {"none", "array", "column"};

/* Those that a gain matters to. */
static const enum xo_eval_stage gain_stage[] = {XO_EVAL_CONVERTERS, XO_EVAL_CIRCUIT, XO_EVAL_ANALOG};
enum { GAIN_STAGES = sizeof gain_stage / sizeof *gain_stage };

static bool has_gains(const struct xo_eval_result *r)
{
    return !r->pass[r->passes - 1].main;
}

const struct xo_eval_pass *eval_gain_pass(const struct xo_eval_result *r, enum xo_eval_stage stage, int gain)
{
    for (size_t p = 0; p < r->passes; p++)
        if (r->pass[p].stage == stage && (int)r->pass[p].gain == gain)
            return &r->pass[p];
    return NULL;
}

void eval_gains_print(const struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    if (!has_gains(r))
        return;
    printf("\nGain    ");
    for (int k = 0; k < GAIN_STAGES; k++)
        if (eval_gain_pass(r, gain_stage[k], XO_GAIN_NONE))
            printf("    %10s  95 %% interval", xo_eval_stage_name(gain_stage[k]));
    putchar('\n');
    for (int gain = XO_GAIN_NONE; gain <= XO_GAIN_COLUMN; gain++) {
        printf("%-11s", eval_gain_name[gain]);
        for (int k = 0; k < GAIN_STAGES; k++) {
            const struct xo_eval_pass *p = eval_gain_pass(r, gain_stage[k], gain);
            struct xo_share s = xo_share_of(p ? p->hits : 0, r->images);
            if (p)
                printf("     %6.2f  %6.2f .. %6.2f", 100 * s.value, 100 * s.low95, 100 * s.high95);
        }
        printf("%s\n", eval_gain_pass(r, XO_EVAL_CIRCUIT, gain)->main ? "  (as the hardware file says)" : "");
    }
}

/* Every gain there is: the hardware's alone, or all three. */
json_t *eval_gains_json(const struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    json_t *gains = json_object();
    for (int gain = XO_GAIN_NONE; gain <= XO_GAIN_COLUMN; gain++) {
        json_t *accuracy = json_object(), *interval = json_object(), *clipped = json_object();
        for (int k = 0; k < GAIN_STAGES; k++) {
            const struct xo_eval_pass *p = eval_gain_pass(r, gain_stage[k], gain);
            const char *stage = xo_eval_stage_name(gain_stage[k]);
            if (!p)
                continue;
            struct xo_share s = xo_share_of(p->hits, r->images);
            struct eval_totals t = eval_totals_of(r, (size_t)(p - r->pass));
            json_object_set_new(accuracy, stage, cli_json_number(s.value));
            json_object_set_new(interval, stage, json_pack("[o, o]", cli_json_number(s.low95),
                                                           cli_json_number(s.high95)));
            if (p->stage != XO_EVAL_ANALOG)
                json_object_set_new(clipped, stage, cli_json_number(eval_part(t.clipped, t.conversions)));
        }
        json_t *both = json_pack("{s:o, s:o, s:o}", "accuracy", accuracy, "interval95", interval,
                                 "clipped_share", clipped);
        if (eval_gain_pass(r, XO_EVAL_CIRCUIT, gain))
            json_object_set(gains, eval_gain_name[gain], both);
        json_decref(both);
    }
    return gains;
}

static void put_gain(FILE *to, const struct xo_eval_result *r, enum xo_eval_stage stage, int gain)
{
    const struct xo_eval_pass *p = eval_gain_pass(r, stage, gain);
    if (!p)
        return;
    struct xo_share s = xo_share_of(p->hits, r->images);
    struct eval_totals t = eval_totals_of(r, (size_t)(p - r->pass));
    fprintf(to, "<td>%.2f</td><td>%.2f to %.2f</td>", 100 * s.value, 100 * s.low95, 100 * s.high95);
    if (stage != XO_EVAL_ANALOG)
        fprintf(to, "<td>%.3g</td>", 100 * eval_part(t.clipped, t.conversions));
}

void eval_gains_page(FILE *to, const struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    if (!has_gains(r))
        return;
    fputs("<section><h2>Gain side by side</h2>\n<div class=\"scroll\"><table class=\"number\"><tr><th>gain</th>"
          "<th>converters [%]</th><th>95 % interval</th><th>clipped [%]</th><th>circuit [%]</th>"
          "<th>95 % interval</th><th>clipped [%]</th>", to);
    fputs(job->analog ? "<th>analog [%]</th><th>95 % interval</th></tr>\n" : "</tr>\n", to);
    for (int gain = XO_GAIN_NONE; gain <= XO_GAIN_COLUMN; gain++) {
        fprintf(to, "<tr><td>%s%s</td>", eval_gain_name[gain],
                eval_gain_pass(r, XO_EVAL_CIRCUIT, gain)->main ? ", as the hardware file says" : "");
        for (int k = 0; k < GAIN_STAGES; k++)
            put_gain(to, r, gain_stage[k], gain);
        fputs("</tr>\n", to);
    }
    fputs("</table></div></section>\n", to);
}
