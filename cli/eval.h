/* What `eval` found, and how it is told.
 *     eval.c          options -> request -> result
 *     eval_tell.c     standard output, report.json, images.csv, logits, timing.json
 *     eval_report.c   the page
 *     eval_export.c   files for other programs
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CLI_EVAL_H
#define CLI_EVAL_H

#include "cli.h"
#include "xo_eval.h"

enum { EVAL_MAIN_PASSES = 3 };         /* fp32, quantised, converters; circuit repeats the last */

struct eval_job {
    struct cli_session session;
    const char *model, *data, *calibrate, *preprocess, *folder;
    const char *export_onnx;
    size_t limit, calibrate_limit;
    bool stages, logits, resume;
    xo_network *network;
    xo_data *scored, *calibration;
    xo_preprocess *pixels;
    char *checkpoint;                  /* DIR/checkpoint */
    xo_eval *eval;
    const struct xo_eval_result *result;
    struct xo_share share[EVAL_MAIN_PASSES], top5[EVAL_MAIN_PASSES];
    struct xo_paired step[EVAL_MAIN_PASSES];            /* [k] against pass k - 1; [0] unused      */
    struct xo_paired total;                             /* the last against fp32                    */
    double calibrate_sec, run_sec;
    int phase;                         /* whose progress is shown; -1: none */
};

/* The pass a stage's figures come from. */
static inline size_t eval_pass_of(enum xo_eval_stage stage)
{
    return stage < XO_EVAL_CIRCUIT ? (size_t)stage : XO_EVAL_CONVERTERS;
}

/* Sums over layers. */
struct eval_totals { size_t tiles, cells, used_cells, weights; uint64_t conversions, clipped, flipped; };
struct eval_totals eval_totals_of(const struct xo_eval_result *r, size_t pass);

/* The modelling choices, one sentence each, for page and JSON.  Freed by the caller; NULL without memory. */
char *eval_choices(const struct eval_job *job);

void eval_print(const struct eval_job *job);
int eval_write_files(struct eval_job *job);             /* report.json, images.csv, logits */
int eval_write_timing(struct eval_job *job);
int eval_write_page(const struct eval_job *job);
int eval_export(const struct eval_job *job);            /* --export-... */

/* "DIR/NAME" in memory the caller frees; NULL without memory. */
char *eval_path(const struct eval_job *job, const char *name);

#endif
