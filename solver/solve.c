/* Solving: inputs in blocks of XO_LANES, blocks shared out to threads; every block is refined, certified, stored.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#include "memory.h"
#include "newton.h"
#include "outputs.h"

#define WORST_ACCEPTED 1e-9            /* a bound above this share of its scale is not called proven */

int xo_check_inputs(const xo_circuit *c, size_t inputs, const double *row_volt, struct xo_info *info)
{
    int status = c->input == XO_INPUT_GATE ? xo_check_gates(c, inputs, row_volt, info) : 0;
    if (status)
        return status;
    for (size_t k = 0; k < inputs; k++) {
        const double *volt = row_volt + k * c->rows;
        for (size_t i = 0; i < c->rows; i++) {
            if (!c->driven[i])
                continue;
            if (!(fabs(volt[i]) <= XO_MAX_VOLT))
                return xo_fail(info, XO_EVALUE, "input %zu, row %zu is %g V; expected at most %g V", k, i, volt[i],
                               XO_MAX_VOLT);
        }
        for (size_t t = 0; t < c->terminals; t++) {
            size_t g = (size_t)c->group[t];
            double here = c->driven[t] ? volt[t] : c->held_volt[t], first = c->driven[g] ? volt[g] : c->held_volt[g];
            if (g != t && here != first)
                return xo_circuit_conflict(c, t, here, g, first, info);
        }
    }
    return 0;
}

void xo_set_terminals(const xo_circuit *c, struct xo_scratch *s, int lanes, const double *row_volt)
{
    for (size_t t = 0; t < c->terminals; t++) {
        struct xo_lane_volt *volt = &s->volt[c->unknowns + t];
        memset(volt, 0, sizeof *volt);
        for (int lane = 0; lane < lanes; lane++)
            volt->hi[lane] = c->driven[t] ? row_volt[(size_t)lane * c->rows + t] : c->held_volt[t];
    }
}

void xo_set_units(const xo_circuit *c, struct xo_scratch *s, size_t first, size_t count)
{
    memset(s->volt + c->unknowns, 0, c->terminals * sizeof *s->volt);
    for (size_t k = 0; k < count; k++)
        s->volt[c->unknowns + (size_t)c->group[first + k]].hi[k] = 1;
}

/* Share of a terminal in the current of its group: a half, a third, ... */
static double share(const xo_circuit *c, size_t terminal)
{
    return 1.0 / c->group_size[c->group[terminal]];
}

/* The engine's own answer, where it has one, is bounded by its distance from the certified one: terminal_amp and
 * final_bound, the latter still without the certified bound. */
static void settle_currents(const xo_factor *f, struct xo_scratch *s, int lanes)
{
    const xo_circuit *c = f->plan->circuit;
    bool own = c->unknowns && !f->whole_cells && (f->plan->table->currents || f->plan->table->answer);
    for (size_t t = 0; t < c->terminals; t++)
        for (int lane = 0; lane < lanes; lane++) {
            double certified = s->amp[c->unknowns + t].hi[lane], *amp = &s->terminal_amp[t][lane];
            if (!own || s->terminal_bound[t][lane] == 0)       /* exactly 0 where nothing can flow */
                *amp = certified;
            s->final_bound[t][lane] = fabs(*amp - certified) * (1 + 2 * DBL_EPSILON);
            if (c->group_size[t] > 1)                          /* sharing rounds twice more */
                s->final_bound[t][lane] += 2 * DBL_EPSILON * fabs(*amp);
        }
}

static void store_currents(const xo_factor *f, const struct xo_scratch *s, size_t first, int lanes,
                           const struct xo_solution *out)
{
    const xo_circuit *c = f->plan->circuit;
    for (int lane = 0; lane < lanes; lane++) {
        size_t input = first + (size_t)lane;
        for (size_t j = 0; out->column_amp && j < c->columns; j++)
            out->column_amp[input * c->columns + j] =
                s->terminal_amp[c->group[c->rows + j]][lane] * share(c, c->rows + j);
        for (size_t i = 0; out->source_amp && i < c->rows; i++)
            out->source_amp[input * c->rows + i] = -s->amp[c->unknowns + (size_t)c->group[i]].hi[lane] * share(c, i);
    }
}

static double worst_kcl(const xo_factor *f, const struct xo_scratch *s, int lanes)
{
    const xo_circuit *c = f->plan->circuit;
    double worst = 0;
    for (size_t v = 0; v < c->unknowns; v++)
        for (int lane = 0; lane < lanes; lane++) {
            double r = fabs(s->amp[v].hi[lane]) + xo_kcl_rounding(f->link_count[v]) * s->amp[v].size[lane];
            worst = r <= worst ? worst : r == r ? r : INFINITY;
        }
    return worst;
}

/* Y_jj, the coupling of column j to all other terminals: its current with 1 V on it and 0 V elsewhere. */
static void find_self_siemens(xo_factor *f, struct xo_scratch *s)
{
    const xo_circuit *c = f->plan->circuit;
    for (size_t first = 0; first < c->columns; first += XO_LANES) {
        size_t count = c->columns - first < XO_LANES ? c->columns - first : XO_LANES;
        xo_set_units(c, s, c->rows + first, count);
        xo_refine(f, s, XO_LANES, XO_LAST_BIT, 1);
        for (size_t k = 0; k < count; k++)
            f->self_siemens[first + k] = -s->amp[c->unknowns + (size_t)c->group[c->rows + first + k]].hi[k];
        xo_certify_closely(f, s, XO_LANES);
        for (size_t k = 0; k < count; k++)
            f->self_bound[first + k] = s->terminal_bound[c->group[c->rows + first + k]][k];
    }
}

/* s_j of one lane from the block's currents, which those of |V| are: what |V| drives, plus 2 |V_j| Y_jj. */
static void keep_scale(const xo_factor *f, struct xo_scratch *s, int lane)
{
    const xo_circuit *c = f->plan->circuit;
    for (size_t j = 0; j < c->columns; j++) {
        size_t t = c->rows + j, g = (size_t)c->group[t];
        double held = fabs(c->held_volt[t]);
        s->scale[t][lane] = s->amp[c->unknowns + g].hi[lane] + (held > 0 ? 2 * held * f->self_siemens[j] : 0);
        s->least_scale[t][lane] = s->scale[t][lane] * (1 - 4 * DBL_EPSILON) - s->terminal_bound[g][lane]
                                  - (held > 0 ? 2 * held * f->self_bound[j] : 0);
    }
}

static bool senses_held(const xo_circuit *c)
{
    for (size_t j = 0; j < c->columns; j++)
        if (c->held_volt[c->rows + j] != 0)
            return true;
    return false;
}

/* Is the lane's input its own |V|? */
static bool nothing_negative(const xo_circuit *c, const struct xo_scratch *s, int lane)
{
    for (size_t t = c->unknowns; t < xo_vertices(c); t++)
        if (s->volt[t].hi[lane] < 0)
            return false;
    return true;
}

/* s_j of the lanes that must be solved again, for |V|.  Overwrites the block. */
static void solve_scales(const xo_factor *f, struct xo_scratch *s, int lanes, const double *row_volt,
                         const bool again[XO_LANES])
{
    const xo_circuit *c = f->plan->circuit;
    bool held = senses_held(c);
    xo_set_terminals(c, s, lanes, row_volt);
    for (size_t t = c->unknowns; t < xo_vertices(c); t++)
        for (int lane = 0; lane < XO_LANES; lane++)
            s->volt[t].hi[lane] = again[lane] ? fabs(s->volt[t].hi[lane]) : 0;
    /* Where nothing cancels a first solve is good to many digits. */
    xo_refine(f, s, lanes == 1 ? 1 : XO_LANES, held ? XO_LAST_BIT : 1e-6, held);
    for (int lane = 0; lane < lanes; lane++)
        if (again[lane])
            keep_scale(f, s, lane);
}

/* Final bounds and scales.  Overwrites the block: everything else must have been stored. */
static void finish_bounds(const xo_factor *f, struct xo_scratch *s, int lanes, const double *row_volt)
{
    const xo_circuit *c = f->plan->circuit;
    bool held = senses_held(c), again[XO_LANES] = {false};
    int count = 0;
    for (int lane = 0; lane < lanes; lane++) {
        count += again[lane] = held || !nothing_negative(c, s, lane);
        if (!again[lane])
            keep_scale(f, s, lane);
    }
    xo_certify_closely(f, s, lanes == 1 ? 1 : XO_LANES);
    for (size_t t = 0; t < c->terminals; t++)
        for (int lane = 0; lane < lanes; lane++)
            s->final_bound[t][lane] += s->terminal_bound[t][lane];
    if (count)
        solve_scales(f, s, lanes, row_volt, again);
}

/* Store scales and bounds of a block; returns the worst bound relative to what its s_j is at least. */
static double store_bounds(const xo_factor *f, const struct xo_scratch *s, size_t first, int lanes,
                           const struct xo_solution *out)
{
    const xo_circuit *c = f->plan->circuit;
    double worst = 0;
    for (int lane = 0; lane < lanes; lane++)
        for (size_t j = 0; j < c->columns; j++) {
            size_t t = c->rows + j, at = (first + (size_t)lane) * c->columns + j;
            double bound = s->final_bound[c->group[t]][lane], least = s->least_scale[t][lane];
            if (out->bound_amp)
                out->bound_amp[at] = bound * share(c, t);
            if (out->scale_amp)
                out->scale_amp[at] = s->scale[t][lane] * share(c, t);
            if (!(bound == 0))         /* NaN, from an engine gone wrong, is no bound */
                worst = fmax(worst, bound > 0 && least > 0 ? bound / least : INFINITY);
        }
    return worst;
}

/* s_j of a nonlinear array is that of the resistors its cells are at the solution. */
static int scale_by_secants(xo_factor *linear, struct xo_scratch *s, const double *row_volt, struct xo_info *info)
{
    const xo_circuit *c = linear->plan->circuit;
    const bool again[XO_LANES] = {true};
    int status = c->unknowns ? xo_factor_renew(linear, info) : 0;
    if (status)
        return status == ENOMEM ? ENOMEM : xo_fail(info, XO_ENOTPROVEN, "engine %s broke down on the array of "
                                                   "secants",
                                                   linear->plan->table->name);
    linear->scratch = s;
    linear->proven = xo_certificate_prepare(linear);
    if (senses_held(c))
        find_self_siemens(linear, s);
    solve_scales(linear, s, 1, row_volt, again);
    return 0;
}

/* One nonlinear input: solved, proven, then stored as the linear array of its cells' secants. */
static int solve_nonlinear(const xo_factor *f, int thread, const struct xo_outputs *o, size_t input,
                           const double *row_volt, const struct xo_solution *out, struct xo_solution *sum,
                           struct xo_info *info)
{
    const xo_circuit *c = f->plan->circuit;
    struct xo_newton *n = &f->nonlinear->thread[thread];
    struct xo_scratch *s = &f->scratch[thread];
    row_volt += input * c->rows;
    xo_set_terminals(c, s, 1, row_volt);
    int status = xo_newton_solve(n, s, input, info);
    if (status)
        return status;
    xo_newton_prove(n, s);
    xo_newton_publish(n, s);
    for (size_t t = 0; t < c->terminals; t++)
        s->terminal_bound[t][0] = n->bound[t];
    settle_currents(&n->linear, s, 1);
    store_currents(&n->linear, s, input, 1, out);
    xo_store_voltages(&n->linear, s, input, 1, out->node_volt);
    xo_store_branches(&n->linear, s, o, input, 1, &out->branch_amp);
    sum->refinements = n->steps;
    sum->worst_kcl_amp = worst_kcl(&n->linear, s, 1);
    sum->worst_power_rel = xo_store_power(&n->linear, s, input, 1, out);
    for (size_t t = 0; t < c->terminals; t++)
        s->final_bound[t][0] += n->bound[t];
    if (!senses_held(c) && nothing_negative(c, s, 0)) {
        keep_scale(&n->linear, s, 0);
    } else {
        n->factored = false;
        status = scale_by_secants(&n->linear, s, row_volt, info);
    }
    sum->worst_bound_rel = store_bounds(&n->linear, s, input, 1, out);
    return status;
}

/* One block from voltages to everything asked for; the summary of it in *sum. */
static void solve_block(const xo_factor *f, struct xo_scratch *s, const struct xo_outputs *o, size_t first, int lanes,
                        const double *row_volt, const struct xo_solution *out, struct xo_solution *sum)
{
    const xo_circuit *c = f->plan->circuit;
    const struct xo_engine_table *table = f->plan->table;
    row_volt += first * c->rows;
    xo_set_terminals(c, s, lanes, row_volt);
    if (table->answer && c->unknowns) {
        table->answer(f, lanes, s);
        xo_settle_idle(f, s->volt);
        xo_refine_kcl(f, s);
        xo_certify(f, s);
    } else {
        sum->refinements = xo_refine(f, s, lanes == 1 ? 1 : XO_LANES, XO_LAST_BIT, 1);
    }
    if (table->currents && c->unknowns)
        table->currents(f, lanes, s);
    settle_currents(f, s, lanes);
    store_currents(f, s, first, lanes, out);
    xo_store_voltages(f, s, first, lanes, out->node_volt);
    xo_store_branches(f, s, o, first, lanes, &out->branch_amp);
    sum->worst_kcl_amp = worst_kcl(f, s, lanes);
    sum->worst_power_rel = xo_store_power(f, s, first, lanes, out);
    finish_bounds(f, s, lanes, row_volt);
    sum->worst_bound_rel = store_bounds(f, s, first, lanes, out);
}

void xo_merge_summary(struct xo_solution *out, const struct xo_solution *part)
{
    out->worst_bound_rel = fmax(out->worst_bound_rel, part->worst_bound_rel);
    out->worst_kcl_amp = fmax(out->worst_kcl_amp, part->worst_kcl_amp);
    out->worst_power_rel = fmax(out->worst_power_rel, part->worst_power_rel);
    out->refinements = part->refinements > out->refinements ? part->refinements : out->refinements;
}

/* Inputs of a nonlinear block start where the one before them ended; the first one starts afresh, so that blocks do
 * not depend on each other. */
static int solve_in_turn(const xo_factor *f, int thread, const struct xo_outputs *o, size_t first, int count,
                         const double *row_volt, struct xo_solution *out, struct xo_solution *sum,
                         struct xo_info *info)
{
    int status = 0;
    f->nonlinear->thread[thread].warm = f->nonlinear->thread[thread].factored = false;
    for (int k = 0; k < count && !status; k++) {
        struct xo_solution one = {0};
        status = solve_nonlinear(f, thread, o, first + (size_t)k, row_volt, out, &one, info);
        xo_merge_summary(sum, &one);
    }
    return status;
}

/* All blocks; of several that fail the first one's status and message count, XO_ESTOPPED if the caller's progress
 * function asked to stop. */
static int solve_blocks(const xo_factor *f, const struct xo_outputs *o, size_t inputs, const double *row_volt,
                        struct xo_solution *out, struct xo_info *info)
{
    const struct xo_options *options = &f->plan->options;
    size_t blocks = (inputs + XO_LANES - 1) / XO_LANES, done = 0, failed = blocks;
    int stop = 0, status = 0;
#pragma omp parallel for schedule(dynamic) num_threads(f->threads)
    for (size_t b = 0; b < blocks; b++) {
        size_t first = b * XO_LANES, rest = inputs - first;
        struct xo_solution part = {0};
        struct xo_info why = {""};
        int thread = 0, halt, lanes = rest < XO_LANES ? (int)rest : XO_LANES, verdict = 0;
#ifdef _OPENMP
        thread = omp_get_thread_num();
#endif
#pragma omp atomic read
        halt = stop;
        if (halt)
            continue;
        if (f->nonlinear)
            verdict = solve_in_turn(f, thread, &o[thread], first, lanes, row_volt, out, &part, &why);
        else
            solve_block(f, &f->scratch[thread], &o[thread], first, lanes, row_volt, out, &part);
#pragma omp critical (xo_solve_merge)
        {
            xo_merge_summary(out, &part);
            done++;
            if (verdict && b < failed) {
                failed = b;
                status = xo_fail(info, verdict, "%s", why.text);
            }
            if (!f->gate && options->progress && options->progress(options->user, (double)done / (double)blocks)) {
#pragma omp atomic write
                stop = 1;
            }
        }
    }
    return status ? status : stop ? xo_fail(info, XO_ESTOPPED, "stopped before all %zu inputs were solved",
                                            inputs) : 0;
}

static void outputs_free(struct xo_outputs *o, int threads)
{
    for (int t = 0; o && t < threads; t++) {
        free(o[t].branch_amp);
        free(o[t].inflow);
    }
    if (o)
        xo_zero_ohm_free(o[0].zero_ohm);
    free(o);
}

static int outputs_new(struct xo_outputs **out, const xo_factor *f, const struct xo_branch_values *wanted)
{
    const xo_circuit *c = f->plan->circuit;
    struct xo_outputs *o = xo_calloc((size_t)f->threads, sizeof *o);
    bool branches = wanted->cells || wanted->row_wires || wanted->column_wires || wanted->drivers || wanted->senses
                    || wanted->word_bridges || wanted->bit_bridges;
    int status = !o ? ENOMEM : branches ? xo_zero_ohm_new(&o[0].zero_ohm, c) : 0;
    for (int t = 0; t < f->threads && branches && !status; t++) {
        o[t].zero_ohm = o[0].zero_ohm;
        o[t].branch_amp = xo_calloc(xo_branches(c), sizeof *o[t].branch_amp);
        o[t].inflow = xo_calloc(c->nodes + c->terminals, sizeof *o[t].inflow);
        if (!o[t].branch_amp || !o[t].inflow)
            status = ENOMEM;
    }
    if (status)
        outputs_free(o, f->threads);
    else
        *out = o;
    return status;
}

/* Every input by the factor at hand. */
static int solve_all(xo_factor *f, size_t inputs, const double *row_volt, struct xo_solution *s, struct xo_info *info)
{
    int (*run)(xo_factor *, size_t, const double *, struct xo_solution *) = f->plan->table->run;
    struct xo_outputs *o = NULL;
    int status = run ? 0 : outputs_new(&o, f, &s->branch_amp);
    if (status)
        return xo_fail(info, status, "out of memory for branch currents");
    s->worst_bound_rel = s->worst_kcl_amp = s->worst_power_rel = 0;
    s->refinements = s->iterations = 0;
    if (!run && !f->nonlinear && senses_held(f->plan->circuit) && f->self_siemens[0] < 0)
        find_self_siemens(f, &f->scratch[0]);
    status = run ? run(f, inputs, row_volt, s) : solve_blocks(f, o, inputs, row_volt, s, info);
    outputs_free(o, f->threads);
    return run && status ? xo_fail(info, XO_ESTOPPED, "stopped before all %zu inputs were solved", inputs) : status;
}

static int solve_proven(xo_factor *f, size_t inputs, const double *row_volt, struct xo_solution *s,
                        struct xo_info *info)
{
    int status = xo_check_inputs(f->plan->circuit, inputs, row_volt, info);
    if (!status)
        status = solve_all(f, inputs, row_volt, s, info);
    if (!status && !(s->worst_bound_rel <= WORST_ACCEPTED) && xo_factor_may_turn(f)) {
        status = xo_factor_turn(f, NULL, info);
        if (!status)
            status = solve_all(f, inputs, row_volt, s, info);
    }
    bool unproven = status == XO_ENOTPROVEN || (!status && !(s->worst_bound_rel <= WORST_ACCEPTED));
    if (unproven && xo_factor_may_turn_nonlinear(f)) {
        status = xo_factor_turn_nonlinear(f, info);
        if (!status)
            status = solve_all(f, inputs, row_volt, s, info);
    }
    if (!status && !(s->worst_bound_rel <= WORST_ACCEPTED))
        status = xo_fail(info, XO_ENOTPROVEN, "engine %s: a current is only proven to %.2g of its scale; expected %g",
                         f->plan->table->name, s->worst_bound_rel, WORST_ACCEPTED);
    return status;
}

int xo_solve(xo_factor *f, size_t inputs, const double *row_volt, struct xo_solution *s, struct xo_info *info)
{
    return f->plan->circuit->input == XO_INPUT_GATE
               ? xo_solve_gated(f, inputs, row_volt, row_volt, s, solve_proven, info)
               : solve_proven(f, inputs, row_volt, s, info);
}

int xo_solve_gates(xo_factor *f, size_t inputs, const double *row_volt, const double *gate, struct xo_solution *s,
                   struct xo_info *info)
{
    const xo_circuit *c = f->plan->circuit;
    int status = !c->gate || c->input == XO_INPUT_GATE
                     ? xo_fail(info, XO_EVALUE, "there are gates; expected cells of type 1T1R and input drive")
                     : xo_check_gates(c, inputs, gate, info);
    return status ? status : xo_solve_gated(f, inputs, row_volt, gate, s, solve_proven, info);
}
