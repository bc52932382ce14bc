/* What `compare` found, and the page that shows it.  Page and report.json are the same bytes for the same inputs,
 * unless --times puts the times there, which otherwise go to standard output and timing.json only.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdio.h>
#include "cli.h"
#include "xo_calibrate.h"

enum { REPORT_MAX_ENGINES = 8, REPORT_GAINS = 5, REPORT_BINS = 41 };

struct report_engine {
    enum xo_engine engine;
    double disagreement_amp;           /* largest |I - I_reference|                */
    double disagreement_rel;           /* the same over the column's scale s_j     */
    double worst_bound_rel;
    double plan_sec, factor_sec, solve_sec;
};

/* ngspice on the first inputs. */
struct report_judge {
    bool asked;
    size_t inputs;
    double *column_amp;                /* [inputs][columns] */
    double disagreement_amp, disagreement_rel;
    double sec;
};

/* One way to undo the mean loss: what is left of it, and of the codes that flip. */
struct report_gain {
    const char *scope, *source;
    double lowest, highest;            /* of the factors over columns             */
    struct xo_error error;             /* of gain x I against the array without wires */
    double flips;                      /* share of codes, gain applied before the ADC */
};

/* How large something is, in amperes and in steps of the ADC. */
struct report_size { double rms_amp, max_amp, rms_lsb, max_lsb; };

/* Inputs on gates. */
struct report_gated {
    bool ladders;                      /* columns are ladders, climbed as fit and eval do: differences   */
    double disagreement_amp, disagreement_rel, worst_bound_rel;
    double *column_ladder;             /* [columns] largest over inputs, over the column's scale   */
    double *column_matrix;             /* [2][columns] rms of one matrix: the best, rows one by one       */
    double *column_lost;               /* [columns] share of what cells would carry without wires */
};

/* Engine 0 is the reference. */
struct report {
    const struct cli_session *session;
    size_t engines;
    struct report_engine engine[REPORT_MAX_ENGINES];
    struct report_judge judge;
    struct report_gated gated;
    struct xo_solution reference;      /* of all inputs */
    bool times;                        /* on the page and in report.json, which then differ from run to run */
    double tolerance;
    double lowest_siemens, highest_siemens, lowest_volt, highest_volt;
    double largest_bound_amp;
    double lost;                       /* fraction of G^T V, all columns; NaN: inputs of both signs */
    size_t shown_input;                /* the one with the largest total current                    */
    double *cell_lost;                 /* [rows][columns] 1 - (u - w)/V_i of it; NaN where V_i is 0 */

    const char *model_path;            /* NULL: fitted here, to this G and V */
    struct xo_fcm model;
    bool model_of_other_cells;         /* read from a file, and fitted to another G */
    size_t outside;                    /* inputs outside the range of the fit */
    double *model_amp;                 /* [inputs][columns] */
    struct xo_error model_error;
    double *column_error;              /* [columns] rms over inputs, over full scale */
    double bin[REPORT_BINS], bin_low, bin_high;         /* histogram of the error over full scale */
    const char *without_wires;         /* "G^T V", or what nonlinear cells would carry, for terminals */
    const char *without_wires_html;
    double fit_sec, apply_sec;         /* apply: per input */

    double *ideal_amp;                 /* [inputs][columns] without wires */
    double *nonideality;               /* [columns] */
    size_t worst_column;
    struct xo_adc_scale *scale;        /* [columns] */
    double lowest_lsb, highest_lsb;
    double flips, clipped;             /* shares of conversions */
    struct report_gain gain[REPORT_GAINS];
    struct report_size wires, bound, fast, spice, adc;   /* adc: what it reads against the exact currents */
};

/* compare_figures.c: everything above from `engine`, `judge`, `reference`, `model`. */
int report_find_figures(struct report *r, struct cli_session *s);
void report_free(struct report *r);

/* compare_tell.c: standard output, report.json.  Returns 0 or the exit code. */
void report_print(const struct report *r, const char *html);
int report_write_json(const struct report *r);
void report_print_engines(const struct report *r);
json_t *report_engines_json(const struct report *r);

/* compare_gated.c: inputs on gates, where there is no matrix: ladders, engines, ngspice, and what one would cost.
 * Returns 0 or the exit code. */
int report_find_gated(struct report *r, struct cli_session *s);
void report_free_gated(struct report_gated *g);
void report_print_gated(const struct report *r, const char *html);
int report_write_gated(const struct report *r);
int report_write_gated_html(const char *path, const struct report *r);

/* compare_times.c: on standard output, the page, in report.json; timing.json. */
void report_print_times(const struct report *r);
void report_print_speed(const struct report *r);
void report_put_times(FILE *to, const struct report *r);
json_t *report_times_json(const struct report *r);
int report_write_timing(const struct report *r, struct cli_session *s);

/* report.c, report_model.c: the page.  Returns 0 or the exit code. */
int report_write_html(const char *path, const struct report *r);
void report_put_law(FILE *to, const struct xo_crossbar *x);
void report_put_engine_names(FILE *to, const struct report *r);
void report_put_agreement(FILE *to, const struct report *r);
void report_put_budget(FILE *to, const struct report *r);
void report_put_columns(FILE *to, const struct report *r);
void report_put_scatter(FILE *to, const struct report *r);
void report_put_candidates(FILE *to, const struct report *r);
void report_put_errors(FILE *to, const struct report *r);
void report_put_converters(FILE *to, const struct report *r);
void report_put_model_method(FILE *to, const struct report *r);      /* sentences of the paragraph */

#endif
