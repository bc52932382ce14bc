/* How long an evaluation took: on standard output and in timing.json.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdio.h>
#include <stdlib.h>
#include "eval.h"

/* Of images that were run, not taken from a checkpoint. */
static double per_image(const struct xo_eval_result *r, double seconds)
{
    return r->images > r->resumed_images ? seconds / (double)(r->images - r->resumed_images) : 0;
}

/* All passes of a stage together. */
static double stage_seconds(const struct xo_eval_result *r, int stage)
{
    double sum = 0;
    for (size_t p = 0; p < r->passes; p++)
        sum += (int)r->pass[p].stage == stage ? r->pass[p].seconds : 0;
    return sum;
}

static void print_stages(const struct xo_eval_result *r)
{
    double all = 0;
    for (int stage = 0; stage < XO_EVAL_STAGES; stage++)
        all += stage_seconds(r, stage);
    if (!(all > 0))
        return;
    printf("            an image, on one thread: %.3g s; ", per_image(r, all));
    for (int stage = 0; stage < XO_EVAL_STAGES; stage++)
        if (stage_seconds(r, stage) > 0)
            printf("%s%s %.3g %%", stage ? ", " : "", xo_eval_stage_name((enum xo_eval_stage)stage),
                   100 * stage_seconds(r, stage) / all);
    putchar('\n');
}

void eval_speed_print(const struct eval_job *job)
{
    const struct xo_eval_result *r = job->result;
    size_t arrays = 0;
    for (size_t p = XO_EVAL_CIRCUIT; p < r->passes; p++)
        arrays += r->pass[p].stage >= XO_EVAL_CIRCUIT ? eval_circuit_of(r, p).arrays : 0;
    printf("\nSpeed       %.4g images/s through %zu passes, %.3g s to calibrate, %zu thread%s\n",
           (double)(r->images - r->resumed_images) / job->run_sec, r->passes, job->calibrate_sec,
           job->session.common.threads, cli_plural(job->session.common.threads));
    print_stages(r);
    if (arrays)
        printf("            %zu arrays programmed and solved in %.3g s (%.3g s of processor)\n", arrays,
               r->program_sec, r->program_processor_sec);
}

/* What each way through the network took, of all threads together. */
static json_t *passes_json(const struct xo_eval_result *r)
{
    json_t *list = json_array();
    double all = 0;
    for (size_t p = 0; p < r->passes; p++)
        all += r->pass[p].seconds;
    for (size_t p = 0; p < r->passes; p++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:f, s:f, s:f}", "stage",
                                              xo_eval_stage_name(r->pass[p].stage), "gain",
                                              eval_gain_name[r->pass[p].gain], "thread_seconds", r->pass[p].seconds,
                                              "thread_seconds_per_image", per_image(r, r->pass[p].seconds),
                                              "share", all > 0 ? r->pass[p].seconds / all : 0));
    return list;
}

int eval_write_timing(struct eval_job *job)
{
    char *own = job->session.common.timing ? NULL : eval_path(job, "timing.json");
    json_object_set_new(job->session.seconds, "images_per_second",
                        json_real((double)(job->result->images - job->result->resumed_images) / job->run_sec));
    json_object_set_new(job->session.seconds, "program_and_solve", json_real(job->result->program_sec));
    json_object_set_new(job->session.seconds, "program_and_solve_processor",
                        json_real(job->result->program_processor_sec));
    json_object_set_new(job->session.seconds, "passes", passes_json(job->result));
    json_object_set_new(job->session.seconds, "resumed_images",
                        json_integer((json_int_t)job->result->resumed_images));
    if (own)
        job->session.common.timing = own;
    int code = cli_write_timing(&job->session);
    if (own)
        job->session.common.timing = NULL;
    free(own);
    return code;
}
