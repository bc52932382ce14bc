/* Engine line: conjugate gradients on the array kept as lines; for one input, or arrays too large to factor.
 * Nothing is drawn or assembled: the description's wires, the cells and a dozen planes are all the memory it takes.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#include "line.h"
#include "memory.h"

#define SURELY 1.05                    /* given up is what is seen to cost as much more than a factor */
#define SHARED_CELLS 65536             /* from here on threads share one input rather than take one each */

/* ---- programming ----------------------------------------------------------------------------------- */

static void work_free(struct xo_line_work *k)
{
    free(k->block);
    free(k->source);
    free(k->partial);
    free(k->part);
    free(k->amp);
    free(k->quiet);
}

static int work_new(struct xo_line_work *k, const xo_factor *f)
{
    const struct xo_lines *l = f->state;
    const struct xo_line_grid *n = &l->grid;
    size_t most = n->tile_rows > n->tile_columns ? n->tile_rows : n->tile_columns;
    double *plane = xo_line_planes(&k->block, 10 * l->plane_cells);
    k->source = xo_calloc(XO_TILE * (n->tile_rows + n->tile_columns), sizeof *k->source);
    k->partial = xo_calloc(most, sizeof *k->partial);
    k->part = xo_calloc(n->tile_rows, sizeof *k->part);
    k->amp = xo_calloc(5 * n->columns, sizeof *k->amp);
    k->quiet = xo_calloc(f->components.count, sizeof *k->quiet);
    if (!plane || !k->source || !k->partial || !k->part || !k->amp || !k->quiet)
        return ENOMEM;
    double **each[] = {&k->volts.u, &k->volts.u_low, &k->volts.w, &k->volts.w_low, &k->p, &k->q, &k->s, &k->y, &k->a,
                       &k->f};
    for (size_t e = 0; e < sizeof each / sizeof *each; e++)
        *each[e] = plane + e * l->plane_cells;
    k->sense = k->source + XO_TILE * n->tile_rows;
    k->volts.source = k->source;
    k->volts.sense = k->sense;
    k->bound = k->amp + n->columns;
    k->first_bound = k->bound + n->columns;
    k->scale = k->first_bound + n->columns;
    k->least_scale = k->scale + n->columns;
    return 0;
}

static void factor_free(void *state)
{
    struct xo_lines *l = state;
    if (!l)
        return;
    for (int t = 0; l->work && t < l->solvers; t++)
        work_free(&l->work[t]);
    free(l->work);
    xo_line_grid_free(l);
    free(l);
}

const struct xo_line_kernels *xo_line_kernels(enum xo_simd simd)
{
#ifdef HAVE_X86_SIMD
    if (simd == XO_SIMD_BEST || !xo_simd_available(simd))
        simd = xo_simd_best();
    if (simd == XO_SIMD_AVX512)
        return &xo_line_avx512;
    if (simd == XO_SIMD_AVX2)
        return &xo_line_avx2;
#endif
    (void)simd;
    return &xo_line_portable;
}

/* Programmed conductances after faults, which the grid does not hold where each has a resistance in series. */
static int keep_cells(xo_factor *f, const double *cell_siemens)
{
    const struct xo_crossbar *x = f->plan->circuit->lines;
    size_t cells = x->rows * x->columns;
    if (!x->series_ohm.each && x->series_ohm.all == 0)
        return 0;
    f->cell_siemens = xo_calloc(cells, sizeof *f->cell_siemens);
    if (!f->cell_siemens)
        return ENOMEM;
    memcpy(f->cell_siemens, cell_siemens, cells * sizeof *cell_siemens);
    for (size_t k = 0; k < x->stuck_count; k++)
        f->cell_siemens[x->stuck[k].row * x->columns + x->stuck[k].column] = x->stuck[k].siemens;
    for (size_t k = 0; k < x->open_cell_count; k++)
        f->cell_siemens[x->open_cell[k].row * x->columns + x->open_cell[k].column] = 0;
    return 0;
}

static void recall_cells(const xo_factor *f, double *cell_siemens)
{
    const struct xo_line_grid *n = &((const struct xo_lines *)f->state)->grid;
    for (size_t i = 0; i < n->rows; i++)
        for (size_t j = 0; j < n->columns; j++)
            cell_siemens[i * n->columns + j] = n->cell[xo_bit_at(n, i, j)];
}

static int program(xo_factor *f, const double *cell_siemens)
{
    const xo_circuit *c = f->plan->circuit;
    struct xo_lines *l = xo_calloc(1, sizeof *l);
    bool shared = c->rows * c->columns >= SHARED_CELLS;
    f->state = l;
    f->self_siemens = xo_calloc(c->columns, sizeof *f->self_siemens);
    f->self_bound = xo_calloc(c->columns, sizeof *f->self_bound);
    if (!l || !f->self_siemens || !f->self_bound)
        return ENOMEM;
    l->kernel = xo_line_kernels(f->plan->options.simd);
    l->expected_work = xo_line_expected(c, cell_siemens);
    l->inner_threads = shared ? f->threads : 1;
    int solvers = shared ? 1 : f->threads, status = keep_cells(f, cell_siemens);
    if (!status)
        status = xo_line_grid_new(f, cell_siemens);
    if (status)
        return status;
    l->work = xo_calloc((size_t)solvers, sizeof *l->work);
    if (!l->work)
        return ENOMEM;
    l->solvers = solvers;
    for (int t = 0; t < solvers && !status; t++)
        status = work_new(&l->work[t], f);
    return status;
}

/* ---- one input -------------------------------------------------------------------------------------- */

static void set_terminals(const xo_circuit *c, struct xo_line_work *k, const double *row_volt)
{
    for (size_t i = 0; i < c->rows; i++)
        k->source[i] = c->driven[i] ? row_volt[i] : c->held_volt[i];
    for (size_t j = 0; j < c->columns; j++)
        k->sense[j] = c->held_volt[c->rows + j];
}

static bool senses_held(const xo_circuit *c)
{
    for (size_t j = 0; j < c->columns; j++)
        if (c->held_volt[c->rows + j] != 0)
            return true;
    return false;
}

/* Turn every terminal's voltage into its magnitude; false if all were already. */
static bool make_positive(const xo_circuit *c, struct xo_line_work *k)
{
    bool changed = false;
    for (size_t t = 0; t < c->terminals; t++) {
        double *volt = t < c->rows ? &k->source[t] : &k->sense[t - c->rows];
        changed = changed || *volt < 0;
        *volt = fabs(*volt);
    }
    return changed;
}

/* s_j: the currents of |V|, plus 2 |V_j| Y_jj. */
static void keep_scale(const xo_factor *f, struct xo_line_work *k)
{
    const xo_circuit *c = f->plan->circuit;
    for (size_t j = 0; j < c->columns; j++) {
        double held = fabs(k->sense[j]), own = held > 0 ? 2 * held * f->self_siemens[j] : 0;
        double sum = k->amp[j] + own;
        k->scale[j] = sum;
        k->least_scale[j] = sum * (1 - 4 * DBL_EPSILON) - k->bound[j] - (held > 0 ? 2 * held * f->self_bound[j] : 0);
    }
}

/* What a factor would cost, where auto may still turn to one.  The first of all solves judges for all of them:
 * whether to give up must not depend on threads. */
static void set_budget(const xo_factor *f, struct xo_line_work *k, size_t inputs, bool first)
{
    size_t promised = f->plan->options.inputs, all = inputs > promised ? inputs : promised;
    double solves = xo_solves(f->plan->circuit, all);
    k->work = 0;
    k->expected = ((const struct xo_lines *)f->state)->expected_work;
    k->hopeless = false;
    k->speaks_for = first ? solves : 1;
    k->budget = xo_factor_may_turn(f) ? solves * xo_line_patience(f->plan->circuit, solves) : INFINITY;
}

/* After a solve, the work that others like it take is known. */
static void judge(struct xo_line_work *k)
{
    k->hopeless = k->hopeless || (k->speaks_for - 1) * k->work > SURELY * k->budget;
}

/* Y_jj of the columns that are held at a voltage: minus their current with 1 V there and 0 V elsewhere. */
static bool find_self_siemens(xo_factor *f, size_t inputs)
{
    struct xo_lines *l = f->state;
    const xo_circuit *c = f->plan->circuit;
    struct xo_line_work *k = &l->work[0];
    bool first = true;
    for (size_t j = 0; j < c->columns; j++) {
        if (c->held_volt[c->rows + j] == 0)
            continue;
        set_budget(f, k, inputs, first);
        memset(k->source, 0, XO_TILE * l->grid.tile_rows * sizeof *k->source);
        memset(k->sense, 0, c->columns * sizeof *k->sense);
        k->sense[j] = 1;
        xo_line_solve(f, k, XO_LINE_FULL);
        judge(k);
        if (k->hopeless)
            return false;
        f->self_siemens[j] = -k->amp[j];
        f->self_bound[j] = k->bound[j];
        first = false;
    }
    l->self_known = true;
    return true;
}

static void merge_summary(struct xo_solution *out, const struct xo_solution *part)
{
    out->worst_bound_rel = fmax(out->worst_bound_rel, part->worst_bound_rel);
    out->worst_kcl_amp = fmax(out->worst_kcl_amp, part->worst_kcl_amp);
    out->worst_power_rel = fmax(out->worst_power_rel, part->worst_power_rel);
    out->refinements = part->refinements > out->refinements ? part->refinements : out->refinements;
    out->iterations = part->iterations > out->iterations ? part->iterations : out->iterations;
}

static double store_bounds(const struct xo_line_work *k, size_t columns, const double *bound, size_t input,
                           const struct xo_solution *out)
{
    double worst = 0;
    for (size_t j = 0; j < columns; j++) {
        if (out->bound_amp)
            out->bound_amp[input * columns + j] = bound[j];
        if (out->scale_amp)
            out->scale_amp[input * columns + j] = k->scale[j];
        if (!(bound[j] == 0))
            worst = fmax(worst, k->least_scale[j] > 0 ? bound[j] / k->least_scale[j] : INFINITY);
    }
    return worst;
}

/* False if it was given up. */
static bool solve_input(const xo_factor *f, struct xo_line_work *k, size_t input, const double *row_volt,
                        const struct xo_solution *out, struct xo_solution *sum)
{
    const xo_circuit *c = f->plan->circuit;
    set_terminals(c, k, row_volt + input * c->rows);
    xo_line_solve(f, k, XO_LINE_FULL);
    if (k->hopeless)
        return false;
    sum->refinements = k->refinements;
    sum->iterations = k->iterations;
    sum->worst_kcl_amp = k->found.worst_amp;
    sum->worst_power_rel = xo_line_store(f, k, input, out);
    memcpy(k->first_bound, k->bound, c->columns * sizeof *k->bound);
    if (make_positive(c, k) || senses_held(c))
        xo_line_solve(f, k, senses_held(c) ? XO_LINE_FULL : XO_LINE_ROUGH);
    judge(k);
    if (k->hopeless)
        return false;
    keep_scale(f, k);
    sum->worst_bound_rel = store_bounds(k, c->columns, k->first_bound, input, out);
    return true;
}

enum halt { GO_ON, STOPPED, GIVEN_UP };

/* All inputs, until the caller's progress function asks to stop or one is given up. */
static enum halt solve_inputs(const xo_factor *f, size_t inputs, const double *row_volt, struct xo_solution *out)
{
    const struct xo_options *options = &f->plan->options;
    const struct xo_lines *l = f->state;
    size_t done = 0;
    enum halt stop = GO_ON;
#pragma omp parallel for schedule(dynamic) num_threads(l->solvers) if (l->solvers > 1)
    for (size_t input = 0; input < inputs; input++) {
        struct xo_solution part = {0};
        enum halt halt;
        int thread = 0;
#ifdef _OPENMP
        thread = omp_get_thread_num();
#endif
#pragma omp atomic read
        halt = stop;
        if (halt)
            continue;
        set_budget(f, &l->work[thread], inputs, input == 0 && !senses_held(f->plan->circuit));
        halt = solve_input(f, &l->work[thread], input, row_volt, out, &part) ? GO_ON : GIVEN_UP;
#pragma omp critical (xo_line_merge)
        {
            merge_summary(out, &part);
            done++;
            if (options->progress && options->progress(options->user, (double)done / (double)inputs))
                halt = STOPPED;
            if (halt) {
#pragma omp atomic write
                stop = halt;
            }
        }
    }
    return stop;
}

static int run(xo_factor *f, size_t inputs, const double *row_volt, struct xo_solution *out)
{
    struct xo_lines *l = f->state;
    bool known = l->self_known || !senses_held(f->plan->circuit) || find_self_siemens(f, inputs);
    enum halt halt = known ? solve_inputs(f, inputs, row_volt, out) : GIVEN_UP;
    if (halt == GIVEN_UP) {
        f->given_up = true;
        out->worst_bound_rel = INFINITY;
    }
    return halt == STOPPED ? XO_ESTOPPED : 0;
}

static int gradient(xo_factor *f, size_t inputs, const double *row_volt, size_t column,
                    struct xo_branch_values *gradient_out)
{
    struct xo_lines *l = f->state;
    const xo_circuit *c = f->plan->circuit;
    struct xo_line_work *k = &l->work[0];
    struct xo_line_volts adjoint = k->volts;
    size_t planes = 4 * l->plane_cells;
    double *copy = xo_calloc(planes, sizeof *copy);
    if (!copy)
        return ENOMEM;
    memset(k->source, 0, c->rows * sizeof *k->source);
    memset(k->sense, 0, c->columns * sizeof *k->sense);
    k->sense[column] = 1;
    set_budget(f, k, inputs + 1, true);
    xo_line_solve(f, k, XO_LINE_FULL);
    judge(k);
    bool proven = k->proven && !k->hopeless;
    xo_line_settle(f, k);
    memcpy(copy, k->volts.u, planes * sizeof *copy);
    adjoint.u = copy;
    adjoint.u_low = copy + l->plane_cells;
    adjoint.w = copy + 2 * l->plane_cells;
    adjoint.w_low = copy + 3 * l->plane_cells;
    for (size_t input = 0; input < inputs && proven; input++) {
        set_terminals(c, k, row_volt + input * c->rows);
        set_budget(f, k, inputs + 1, false);
        xo_line_solve(f, k, XO_LINE_FULL);
        proven = k->proven && !k->hopeless;
        xo_line_settle(f, k);
        xo_line_store_gradient(f, k, &adjoint, column, input, gradient_out);
    }
    free(copy);
    f->given_up = k->hopeless;
    return proven ? 0 : XO_ENOTPROVEN;
}

const struct xo_engine_table xo_line_engine = {
    .name = "line", .factor_free = factor_free, .program = program, .recall_cells = recall_cells,
    .run = run, .gradient = gradient,
};
