/* What `eval` found, and how it is told.
 *     eval.c          options -> request -> result
 *     eval_tell.c     standard output, report.json, images.csv, logits
 *     eval_speed.c    how long it took: standard output, timing.json
 *     eval_gains.c    gains side by side, in all three places
 *     eval_report.c   the page
 *     eval_audit.c    --audit: what an exact solver says
 *     eval_export.c   files for other programs
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CLI_EVAL_H
#define CLI_EVAL_H

#include "cli.h"
#include "xo_eval.h"

enum { EVAL_STAGES = XO_EVAL_CIRCUIT + 1 };    /* deterministic ones: pass k is stage k */

struct eval_job {
    struct cli_session session;
    const char *model, *data, *calibrate, *preprocess, *folder;
    const char *export_onnx, *export_noise, *export_error_table, *audit_text, *precision;
    size_t audit_images, audit_tiles;
    struct xo_eval_audit audit;
    double tolerance;
    size_t limit, calibrate_limit, instances;
    bool stages, logits, resume, tolerance_given;
    xo_network *network;
    xo_data *scored, *calibration;
    xo_preprocess *pixels;
    char *checkpoint;                  /* DIR/checkpoint */
    xo_eval *eval;
    const struct xo_eval_result *result;
    struct xo_share share[EVAL_STAGES], top5[EVAL_STAGES];
    struct xo_paired step[EVAL_STAGES];            /* [k] against pass k - 1; [0] unused      */
    struct xo_paired total;                             /* the last against fp32                    */
    const struct xo_eval_pass *analog;                  /* the hardware's gain; NULL: there is none */
    struct xo_share analog_share, analog_top5;
    struct xo_paired from_fp32, to_circuit;             /* analog against fp32; circuit against it  */
    struct xo_instances variation;                      /* of passes EVAL_STAGES ...                */
    double calibrate_sec, run_sec;
    int phase;                         /* whose progress is shown; -1: none */
};

/* A part of a whole that may be nothing. */
static inline double eval_part(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

/* Sums over layers. */
struct eval_totals { size_t tiles, cells, used_cells, weights; uint64_t conversions, clipped, flipped; };
struct eval_totals eval_totals_of(const struct xo_eval_result *r, size_t pass);

/* Over layers: what was solved, the worst bound and sampled error. */
struct eval_circuit { size_t arrays, sampled; double bound_rel, sampled_error_rel; };
struct eval_circuit eval_circuit_of(const struct xo_eval_result *r, size_t pass);

extern const char *const eval_gain_name[];     /* by enum xo_gain_scope */

bool eval_is_float32(const struct eval_job *job);   /* --precision */

/* NULL: that gain, or stage analog, was not asked for. */
const struct xo_eval_pass *eval_gain_pass(const struct xo_eval_result *r, enum xo_eval_stage stage, int gain);

/* The modelling choices, one sentence each, for page and JSON.  Freed by the caller; NULL without memory. */
char *eval_choices(const struct eval_job *job);

void eval_print(const struct eval_job *job);

/* Which fast model arrays of nonlinear cells got.  worst: of all layers in stage circuit, the candidate taken. */
bool eval_is_fitted(const struct eval_job *job);
struct xo_fcm_candidate eval_fitted_worst(const struct xo_eval_result *r);
double eval_tolerance(const struct eval_job *job);     /* the default filled in */
void eval_fitted_print(const struct eval_job *job);
json_t *eval_fitted_json(const struct xo_tile_choice *c);
void eval_fitted_page(FILE *to, const struct eval_job *job);
/* CLI_FAILED, said on standard error, where a layer's error is beyond the tolerance. */
int eval_fitted_verdict(const struct eval_job *job);
int eval_write_files(struct eval_job *job);             /* report.json, images.csv, logits */
void eval_speed_print(const struct eval_job *job);
int eval_write_timing(struct eval_job *job);            /* timing.json */
int eval_write_page(const struct eval_job *job);
int eval_check_exports(const struct eval_job *job);     /* before anything runs */
int eval_export(const struct eval_job *job);            /* --export-... */

void eval_gains_print(const struct eval_job *job);      /* nothing where there is one alone */
json_t *eval_gains_json(const struct eval_job *job);
void eval_gains_page(FILE *to, const struct eval_job *job);

int eval_audit_read(struct eval_job *job);              /* the option's text */
int eval_audit(struct eval_job *job);
void eval_audit_print(const struct eval_job *job);
json_t *eval_audit_json(const struct eval_job *job);
void eval_audit_page(FILE *to, const struct eval_job *job);

/* "DIR/NAME" in memory the caller frees; NULL without memory. */
char *eval_path(const struct eval_job *job, const char *name);

#endif
