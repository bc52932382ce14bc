/* Transistors in series with the cells of a row, and what an input on their gates makes of an array.
 *
 * The channel of a read transistor is in its triode region, where its conductance grows in proportion to the gate's
 * overdrive: x of 0 to 1 is off to on.  A cell behind an open transistor is no cell, so every input has an array of
 * its own: it is factored anew, on the plan it shares with all others, and solved, proven and stored like any.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "plan.h"

double xo_transistor_ohm(double on_ohm, double off_siemens, double gate)
{
    if (gate == 1)
        return on_ohm;
    double siemens = gate == 0 ? off_siemens : off_siemens + gate * (1 / on_ohm - off_siemens);
    return siemens > 0 ? 1 / siemens : XO_OPEN;
}

int xo_gate_check(double transistor_ohm, double gate, struct xo_info *info)
{
    if (transistor_ohm == 0)
        return gate == 0 || gate == 1 ? 0 : xo_fail(info, XO_EVALUE, "%g; expected 0 or 1, as transistor_ohm is 0",
                                                    gate);
    return gate >= 0 && gate <= 1 ? 0 : xo_fail(info, XO_EVALUE, "%g; expected 0 (off) to 1 (on)", gate);
}

void xo_gate_cells(const xo_circuit *c, const double *gate, double *series_ohm)
{
    for (size_t i = 0; i < c->rows; i++) {
        double ohm = xo_transistor_ohm(c->transistor_ohm, c->transistor_off_siemens, c->gate[i] == 0 ? 0 : gate[i]);
        for (size_t k = i * c->columns; k < (i + 1) * c->columns; k++)
            series_ohm[k] = c->bare_ohm[k] + ohm;
    }
}

const char *xo_word_line_name(const xo_circuit *c)
{
    return c->topology == XO_TOPOLOGY_CROSSBAR ? "word line" : c->topology == XO_TOPOLOGY_SOURCE_ROW ? "source line"
                                                                                                     : "source row";
}

/* ---- inputs on gates -------------------------------------------------------------------------------- */

int xo_check_gates(const xo_circuit *c, size_t inputs, const double *gate, struct xo_info *info)
{
    struct xo_info why = {""};
    for (size_t k = 0; k < inputs * c->rows; k++)
        if (xo_gate_check(c->transistor_ohm, gate[k], &why))
            return xo_fail(info, XO_EVALUE, "input %zu, gate %zu is %s", k / c->rows, k % c->rows, why.text);
    return 0;
}

/* The arrays of results from input k on. */
static struct xo_solution from_input(const struct xo_solution *s, const xo_circuit *c, size_t k)
{
    const struct { size_t place, count; } part[] = {
        {offsetof(struct xo_solution, column_amp), c->columns}, {offsetof(struct xo_solution, bound_amp), c->columns},
        {offsetof(struct xo_solution, scale_amp), c->columns}, {offsetof(struct xo_solution, node_volt), c->nodes},
        {offsetof(struct xo_solution, source_amp), c->rows}, {offsetof(struct xo_solution, word_line_watt), c->rows},
        {offsetof(struct xo_solution, bit_line_watt), c->columns}, {offsetof(struct xo_solution, cell_watt), 1},
        {offsetof(struct xo_solution, cells_amp), 1},
        {offsetof(struct xo_solution, bridge_watt), 1}, {offsetof(struct xo_solution, source_watt), 1},
    };
    struct xo_solution at = *s;
    for (size_t p = 0; p < sizeof part / sizeof *part; p++) {
        double *array;
        memcpy(&array, (char *)&at + part[p].place, sizeof array);
        array = array ? array + k * part[p].count : NULL;
        memcpy((char *)&at + part[p].place, &array, sizeof array);
    }
    at.branch_amp = xo_branches_from(&s->branch_amp, c, k);
    return at;
}

struct xo_branch_values xo_branches_from(const struct xo_branch_values *v, const xo_circuit *c, size_t k)
{
    double *const from[XO_KINDS] = {v->cells, v->row_wires, v->column_wires, v->drivers, v->senses, v->word_bridges,
                                    v->bit_bridges};
    double *at[XO_KINDS];
    for (int kind = 0; kind < XO_KINDS; kind++)
        at[kind] = from[kind] ? from[kind] + k * (c->first[kind + 1] - c->first[kind]) : NULL;
    return (struct xo_branch_values){at[0], at[1], at[2], at[3], at[4], at[5], at[6]};
}

/* Inputs that have the same gates as the one before them share its array.  first [inputs + 1]: where each run begins;
 * returns how many there are. */
static size_t find_runs(const xo_circuit *c, size_t inputs, const double *gate, size_t *first)
{
    size_t runs = 0;
    for (size_t n = 0; n < inputs; n++)
        if (!n || memcmp(gate + n * c->rows, gate + (n - 1) * c->rows, c->rows * sizeof *gate))
            first[runs++] = n;
    first[runs] = inputs;
    return runs;
}

/* One array of its own, as `solve` does it. */
static int solve_run(const xo_factor *f, const double *gate, size_t count, const double *row_volt,
                     struct xo_solution *out, xo_solve_function *solve, struct xo_info *info)
{
    xo_factor *own = NULL;
    int status = xo_factor_gated(&own, f->plan, f->cell_siemens, gate, info);
    if (!status)
        status = solve(own, count, row_volt, out, info);
    xo_factor_free(own);
    return status;
}

/* What became of all runs: of several that fail the first one counts, but any other failure before "not proven",
 * after which outputs are there. */
struct verdict { size_t done, failed; int status; struct xo_info why; };

static void judge(struct verdict *v, size_t run, int status, const struct xo_info *why)
{
    bool graver = status && status != XO_ENOTPROVEN && v->status == XO_ENOTPROVEN;
    bool lighter = status == XO_ENOTPROVEN && v->status && v->status != XO_ENOTPROVEN;
    v->done++;
    if (!status || lighter || (v->status && !graver && run > v->failed))
        return;
    v->failed = run;
    v->status = status;
    v->why = *why;
}

static int solve_runs(const xo_factor *f, size_t runs, const size_t *first, const double *row_volt,
                      const double *gate, struct xo_solution *s, xo_solve_function *solve, struct xo_info *info)
{
    const xo_circuit *c = f->plan->circuit;
    const struct xo_options *o = &f->plan->options;
    struct verdict v = {0};
    int stop = 0;
#pragma omp parallel for schedule(dynamic) num_threads(f->threads)
    for (size_t k = 0; k < runs; k++) {
        struct xo_solution part = from_input(s, c, first[k]);
        struct xo_info why = {""};
        int halt;
#pragma omp atomic read
        halt = stop;
        if (halt)
            continue;
        int status = solve_run(f, gate + first[k] * c->rows, first[k + 1] - first[k], row_volt + first[k] * c->rows,
                               &part, solve, &why);
#pragma omp critical (xo_gated)
        {
            judge(&v, k, status, &why);
            xo_merge_summary(s, &part);
            bool asked = o->progress && o->progress(o->user, (double)v.done / (double)runs);
            if (asked || (v.status && v.status != XO_ENOTPROVEN)) {
#pragma omp atomic write
                stop = 1;
            }
        }
    }
    if (v.status)
        return xo_fail(info, v.status, "input %zu: %.200s", first[v.failed], v.why.text);
    return stop ? xo_fail(info, XO_ESTOPPED, "stopped before all %zu arrays were solved", runs) : 0;
}

int xo_solve_gated(xo_factor *f, size_t inputs, const double *row_volt, const double *gate, struct xo_solution *s,
                   xo_solve_function *solve, struct xo_info *info)
{
    const xo_circuit *c = f->plan->circuit;
    int status = xo_check_inputs(c, inputs, row_volt, info);
    size_t *first = status ? NULL : xo_calloc(inputs + 1, sizeof *first);
    s->worst_bound_rel = s->worst_kcl_amp = s->worst_power_rel = 0;
    s->refinements = s->iterations = 0;
    if (!status && !first)
        status = xo_fail(info, ENOMEM, "out of memory for %zu inputs", inputs);
    if (!status)
        status = solve_runs(f, find_runs(c, inputs, gate, first), first, row_volt, gate, s, solve, info);
    free(first);
    return status;
}
