/* What the verbs of the command share.  The command is a client of the library: public headers only.
 *
 * Every function here that returns int returns the exit code the command will end with (0: go on); the one
 * that finds something wrong has already said so on stderr, in one line.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CLI_H
#define CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "xo_calibrate.h"
#include "xo_file.h"
#include "xo_hardware.h"
#include "xo_simd.h"
#include "xo_ngspice.h"
#include "xo_simd.h"
#include "xo_solver.h"
#include "xo_status.h"

enum cli_exit {
    CLI_DONE = 0,
    CLI_FAILED = 1,                    /* an output cannot be written, no memory, a tolerance exceeded   */
    CLI_USAGE = 2,
    CLI_NOT_PROVEN = 3,                /* not converged, or the bound stayed too wide                    */
    CLI_BAD_INPUT = 4                  /* missing, unreadable or contradictory input                     */
};

/* ---- talk.c: one line for a person ---------------------------------------------------------------- */

/* Print "crossohm: <text>" on stderr and return exit_code. */
int cli_fail(enum cli_exit exit_code, const char *format, ...) XO_PRINTF(2, 3);

/* The same for a status of the library.  Readers and writers name the file in info themselves, the solver
 * does not know it: `path` goes in front. */
int cli_fail_reading(int status, const struct xo_info *info, const char *path);
int cli_fail_computing(int status, const struct xo_info *info, const char *path);
int cli_fail_writing(int status, const struct xo_info *info, const char *path);

/* Flush standard output and check that everything arrived. */
int cli_finish_stdout(void);

/* A bar on stderr with rate and time left, for jobs that pass two seconds on a terminal. */
struct cli_progress {
    bool wanted, drawn;
    const char *stage;                 /* "factor", "solve"                       */
    double items;                      /* what the rate counts; 0: no rate        */
    const char *unit;                  /* "inputs"                                */
    double begin_sec, last_sec;
};
void cli_progress_stage(struct cli_progress *p, const char *stage, double items, const char *unit);
int cli_progress_show(void *progress, double fraction);          /* struct xo_options' callback */
void cli_progress_clear(struct cli_progress *p);
double cli_now_sec(void);
int cli_simd(enum xo_simd *out);       /* what CROSSOHM_SIMD in the environment says; best if it says nothing */

/* ---- options.c: one table per verb ---------------------------------------------------------------- */

enum cli_kind {
    CLI_END,
    CLI_FLAG,                          /* bool                                                          */
    CLI_HOW,                           /* bool, of how and not of what: not part of the recorded command */
    CLI_TEXT,                          /* const char *                                                  */
    CLI_INPUT,                         /* const char *, a file to read                                  */
    CLI_OUTPUT,                        /* const char *, a file to write: not part of the recorded command */
    CLI_ARRAY,                         /* such a file for one array: not .npz                           */
    CLI_ARCHIVE,                       /* such a file for several: neither .npy nor .csv                */
    CLI_COUNT,                         /* size_t                                                        */
    CLI_NUMBER,                        /* double                                                        */
    CLI_SITE,                          /* struct xo_site, "I,J"                                         */
    CLI_ENGINE                         /* struct cli_engine                                             */
};

/* One of ours, or the judge; all zero: auto. */
struct cli_engine { enum xo_engine ours; bool ngspice; };

struct cli_option {
    enum cli_kind kind;
    char letter;                       /* 0: none */
    const char *name;                  /* without the dashes */
    void *value;                       /* where it goes, as the kind says */
    const char *argument, *help;       /* for --help */
    bool given;                        /* out */
};

#define CLI_MAX_SETS 64                /* and one more for --seed */
#define CLI_MAX_THREADS 1024

/* What every verb understands. */
struct cli_common {
    size_t threads, seed;
    bool seed_given, threads_given, quiet;
    const char *json, *timing;
    size_t set_count;
    const char *set[CLI_MAX_SETS + 1]; /* "key=value" */
    char command[1024];                /* what decides the results: without outputs, threads, quiet, timing */
};

struct cli_page {
    const char *verb, *example, *synopsis;
    struct cli_option *options;        /* ends with CLI_END */
    int files;                         /* how many files the verb takes, exactly */
};

/* Read the command line into the tables.  *stop is set where nothing is left to do (--help, --version, or a
 * mistake, whose exit code is returned). */
int cli_parse(const struct cli_page *page, struct cli_common *common, const char **file, int argc, char **argv,
              bool *stop);
int cli_print_version(void);
bool cli_given(const struct cli_option *options, const char *name);
int cli_missing(const char *option, const char *expected);          /* says so; CLI_USAGE */
bool cli_ends_with(const char *text, const char *ending);           /* capitals or not */

/* ---- session.c: from files to a programmed array -------------------------------------------------- */

struct cli_session {
    struct cli_common common;
    struct cli_progress progress;
    json_t *seconds;                   /* stage -> seconds, for --timing */
    double lap_sec;
    const char *hardware_path, *siemens_path, *volt_path, *gate_path;
    const char *hardware_text;         /* instead of the file, if not NULL */
    size_t hardware_nbytes;
    struct xo_hardware hardware;
    bool takes_batch;                  /* G may be (arrays, rows, columns) */
    struct xo_ndarray cell_siemens;    /* (rows, columns)  */
    struct xo_ndarray row_volt;        /* (inputs, rows); where inputs go to gates: the gates, 0 to 1 */
    struct xo_ndarray gate;            /* (inputs, rows), of arrays that are driven and gated; else empty */
    double *volt_sum;                  /* (rows) over the inputs */
    bool wants_volts;                  /* row_volt stays volts of the DAC even where inputs go to gates */
    struct xo_one_matrix one_matrix;   /* found by cli_find_one_matrix; held_out_inputs 0: not yet */
    size_t rows, columns, inputs;
    bool has_engine_option;            /* then messages may advise one                     */
    bool by_ngspice;                   /* no plan, no factor, no proof                     */
    double limit_sec;                  /* for ngspice; 0: ten minutes                      */
    enum xo_engine engine;             /* as asked for                                     */
    const char *engine_reason;         /* why we took this one; NULL: ask the factor       */
    const double *programmed;          /* the conductances of `factor`, borrowed           */
    xo_circuit *circuit;
    xo_plan *plan;
    xo_factor *factor;
};

void cli_session_begin(struct cli_session *s);
void cli_session_free(struct cli_session *s);

/* Read the hardware file, apply --set and --seed.  The second one also reads G and V where their paths are not
 * NULL, and settles rows, columns and inputs. */
int cli_read_hardware(struct cli_session *s);
int cli_read_inputs(struct cli_session *s);

/* gates.c.  --gate: into row_volt where inputs go to gates (there -v is volts of the DAC, dac.read_volt a gate of 1),
 * else into gate.  Inputs are counted when it is done.  Are inputs there, by -v or --gate? */
int cli_read_gates(struct cli_session *s);
int cli_check_inputs_given(const struct cli_session *s);
bool cli_is_gated(const struct cli_session *s);                    /* conductances depend on the input */
/* How far one matrix would be off where inputs go to gates; without effect where they do not. */
int cli_find_one_matrix(struct cli_session *s, double *column_rms);
void cli_print_one_matrix(FILE *to, const char *before, const struct cli_session *s);
json_t *cli_json_one_matrix(const struct cli_session *s);

/* Build the circuit, unless it is there. */
int cli_circuit(struct cli_session *s);

/* Build circuit, plan and factor.  Again with another engine: the circuit stays.  The session borrows
 * cell_siemens until then. */
int cli_program(struct cli_session *s, enum xo_engine engine, const double *cell_siemens);
void cli_unprogram(struct cli_session *s);                          /* circuit, plan and factor go */

/* The engine at work and why, in one phrase. */
const char *cli_engine(const struct cli_session *s);
const char *cli_engine_reason(const struct cli_session *s);

/* Say why an engine failed and, where another one may succeed, name it. */
int cli_fail_solving(const struct cli_session *s, int status, struct xo_info *info, const char *path);

/* Solve all inputs; says what failed.  Where auto's engine proves too little, star-mesh elimination has a try. */
int cli_run(struct cli_session *s, size_t inputs, const double *row_volt, struct xo_solution *solution);

/* Note the seconds since the last lap under a name; they add up. */
double cli_lap(struct cli_session *s, const char *name);

/* ---- results.c: figures every report shares ------------------------------------------------------- */

/* Room for everything xo_solve gives per terminal; node voltages and branch currents if asked for. */
enum { CLI_WITH_NODES = 1, CLI_WITH_BRANCHES = 2 };
int cli_solution_new(struct xo_solution *out, const struct cli_session *s, size_t inputs, int with);
void cli_solution_free(struct xo_solution *solution);
int cli_branches_new(struct xo_branch_values *out, const struct cli_session *s, size_t inputs);
void cli_branches_free(struct xo_branch_values *branches);

double *cli_numbers(size_t count);                                  /* zeroed, from calloc; NULL without memory */
int cli_no_memory(void);

double cli_sum(const double *value, size_t count);
double cli_largest(const double *value, size_t count);              /* of the absolute values; 0 for none */

/* "1", "open" or "0.5 to 2": what `count` values span.  Returns text. */
const char *cli_values_text(char *text, size_t size, struct xo_values v, size_t count);

/* How many lines are floating, grounded or held. */
size_t cli_unusual_lines(const struct xo_line *line, size_t count);

/* Current lost between what the cells carry without wires, G^T V where they are ohmic (as programmed, with their law
 * and what is in series), and the circuit: 1 - sum I / sum ideal, summed over inputs, for all sensed columns together
 * and, where column_lost [columns] is not NULL, for each.  NaN where it means nothing: inputs of both signs, held
 * lines, sense voltages, no current. */
double cli_current_lost(const struct cli_session *s, const double *column_amp, double *column_lost);

/* Why cli_current_lost gave NaN. */
const char *cli_no_loss_reason(const struct cli_session *s);

/* Write a file whole or not at all; print returns 0, or -1 without memory.  path NULL: nothing to do. */
int cli_write_text(const char *path, int (*print)(FILE *to, const void *what), const void *what);

/* Write numbers as an array of the given shape; path NULL: nothing to do. */
int cli_write_array(const char *path, const double *value, size_t dimensions, const size_t *shape,
                    const char *header);

/* The same where columns of the array count: in CSV, the header also names those whose split is not defined. */
int cli_write_columns(const char *path, const struct cli_session *s, const double *value, size_t dimensions,
                      const size_t *shape, const char *header);
int cli_write_branches(const char *path, const struct cli_session *s, size_t inputs,
                       const struct xo_branch_values *branches);

/* Say on standard error how many voltages the DAC cannot give: what converters are told of them is something else. */
void cli_warn_dac(const struct xo_dac *dac, size_t count, const double *volt);

const char *cli_plural(size_t count);                               /* "" for 1, else "s" */

/* Warn on stderr about islands and undefined splits: --quiet does not silence this. */
void cli_warn(const struct cli_session *s);

/* subcircuit.c: cells of law spice, nothing of others.  Each line begins with `begin`. */
void cli_tell_subcircuit(FILE *to, const char *begin, const struct cli_session *s);
void cli_print_levels(const char *begin, const struct cli_session *s);
json_t *cli_subcircuit_json(const struct cli_session *s);           /* only where array.law.subcircuit is there */

/* ---- reports in JSON: report.json and timing.json ------------------------------------------------- */

json_t *cli_json_number(double value);                              /* null where it is not finite */
json_t *cli_json_text(const char *text);                            /* what is not UTF-8 becomes U+FFFD */
json_t *cli_json_head(const struct cli_session *s);                 /* tool, version, command, array, engine */
int cli_json_topology(json_t *report, const struct cli_session *s); /* islands, undefined: 0, or -1 */
int cli_json_proof(json_t *report, const struct cli_session *s, const struct xo_solution *solution);
int cli_json_put(json_t *report, const char *key, json_t *value);   /* takes value; 0, or -1 without memory */
int cli_write_json(const char *path, json_t *report);               /* takes report; path NULL: nothing to do */
bool cli_is_stdout(const char *path);                               /* "-"; path may be NULL */
int cli_write_timing(struct cli_session *s);

/* fitted.c: numbers with 95 % intervals.  YAML in a line each, indented; why_none stands for a missing interval. */
struct xo_fitted;
void cli_print_interval(FILE *to, const struct xo_fitted *x, const char *why_none);
void cli_print_fitted(FILE *to, const char *key, const struct xo_fitted *x, const char *why_none);
json_t *cli_json_fitted(const struct xo_fitted *x);
void cli_say_fitted(const char *name, int width, const struct xo_fitted *x, const char *unit);

/* ---- the verbs ------------------------------------------------------------------------------------ */

/* A read of one cell: solve --scheme. */
struct cli_scheme {
    const char *name, *pattern;        /* half, third, floating; all-on, ... or NULL: given with -g, else all-on */
    struct xo_site cell;
    double read_volt;
    struct cli_engine engine;
};

int cli_solve(int argc, char **argv);
bool cli_is_deck(const char *path);                                 /* by the ending of its name */
int cli_solve_deck(struct cli_session *s, const char *path);        /* the table goes to path */

/* judge.c: what ngspice says.  The session is by_ngspice. */
void cli_find_helper(void);            /* let the library know the ngspice helper that belongs to this command */
struct xo_ngspice_options cli_ngspice(struct cli_session *s, double inputs);    /* and begin a progress bar */
int cli_judged(struct cli_session *s, int status, const struct xo_info *info);  /* and end it; says what failed */
int cli_ask_ngspice(struct cli_session *s, size_t inputs, double *column_amp, double *sec);
int cli_solve_ngspice(struct cli_session *s, const char *currents);
int cli_check_judge(const struct cli_engine *engine, const struct cli_option *options); /* --time-limit in place? */
int cli_scheme_read(struct cli_session *s, const struct cli_scheme *scheme);
int cli_matrix(int argc, char **argv);

/* What matrix writes; NULL: not asked for. */
struct cli_matrix_files { const char *matrix, *offset, *bound, *offset_bound; };
int cli_matrix_batch(struct cli_session *s, const struct cli_matrix_files *files, const char *precision);
/* candidates.c: the stages that a fit tried, cheapest first; nothing where none were. */
struct xo_fcm;
bool cli_candidate_taken(const struct xo_fcm *m, size_t k);
json_t *cli_candidate_json(const struct xo_fcm *m, size_t k);
void cli_print_candidates(FILE *to, const struct xo_fcm *m);
int cli_fit(int argc, char **argv);
int cli_compare(int argc, char **argv);
int cli_apply(int argc, char **argv);
int cli_map(int argc, char **argv);
int cli_eval(int argc, char **argv);
int cli_info(int argc, char **argv);
int cli_netlist(int argc, char **argv);
int cli_converter(int argc, char **argv);
int cli_bench(int argc, char **argv);
int cli_device(int argc, char **argv);

#endif
