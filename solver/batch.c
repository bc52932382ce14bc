/* Batches of arrays: cells into lanes, elimination, results out of lanes; batches shared out to threads.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "plan.h"
#include "batch_work.h"

#define ALIGNMENT 64
#define BLOCK_CELLS 64

static const struct xo_batch_kernel *const kernel_table[][2] = {       /* by precision */
    [XO_SIMD_PORTABLE] = {&xo_batch_float64_portable, &xo_batch_float32_portable},
#ifdef HAVE_X86_SIMD
    [XO_SIMD_AVX2] = {&xo_batch_float64_avx2, &xo_batch_float32_avx2},
    [XO_SIMD_AVX512] = {&xo_batch_float64_avx512, &xo_batch_float32_avx512},
#endif
};

/* ---- new and free --------------------------------------------------------------------------------- */

/* Couplings among sources or among senses are needed for bounds, for the offset where senses are not at 0 V, and
 * where zero ohm makes two terminals one. */
static bool needs_all_couplings(const xo_circuit *c, const struct xo_batch_options *o)
{
    bool all = o->bounds;
    for (size_t t = 0; t < c->terminals; t++)
        all |= (size_t)c->group[t] != t || (t >= c->rows && c->held_volt[t] != 0);
    return all;
}

static int list_terminals(xo_batch *t)
{
    const xo_circuit *c = t->circuit;
    t->own = xo_calloc(c->columns, sizeof *t->own);
    t->all = xo_calloc(c->terminals, sizeof *t->all);
    if (!t->own || !t->all)
        return ENOMEM;
    for (size_t j = 0; j < c->columns; j++)
        t->own[j] = c->group[c->rows + j];
    for (size_t k = 0; k < c->terminals; k++)
        t->all[k] = (int32_t)k;
    return 0;
}

/* Value k of a lane, in the precision of the kernel. */
static inline void set_value(const xo_batch *t, struct xo_batch_work *w, int32_t k, size_t lane, double siemens)
{
    ptrdiff_t at = (ptrdiff_t)k * t->kernel->lanes + (ptrdiff_t)lane;
    if (t->options.precision == XO_FLOAT64)
        ((double *)w->value)[at] = siemens;
    else
        ((float *)w->value)[at] = (float)siemens;
}

static int work_new(struct xo_batch_work *w, const xo_batch *t)
{
    const xo_circuit *c = t->circuit;
    size_t lanes = (size_t)t->kernel->lanes, cells = c->rows * c->columns, arena = (size_t)t->plan->arena_vectors;
    size_t vector = lanes * (t->options.precision == XO_FLOAT64 ? sizeof(double) : sizeof(float));
    w->block = xo_calloc(arena + t->plan->constants + 1 + t->plan->cells + ALIGNMENT / vector, vector);
    w->array = xo_calloc(cells * lanes, sizeof *w->array);
    w->row = xo_calloc(c->terminals * lanes, sizeof *w->row);
    w->row_bound = xo_calloc(c->columns * lanes, sizeof *w->row_bound);
    w->self = xo_calloc(c->terminals * lanes, sizeof *w->self);
    w->offset = xo_calloc(c->columns * lanes, sizeof *w->offset);
    w->offset_bound = xo_calloc(c->columns * lanes, sizeof *w->offset_bound);
    if (!w->block || !w->array || !w->row || !w->row_bound || !w->self || !w->offset || !w->offset_bound)
        return ENOMEM;
    w->arena = (char *)w->block + (ALIGNMENT - (uintptr_t)w->block % ALIGNMENT) % ALIGNMENT;
    w->value = (char *)w->arena + (arena + t->plan->constants) * vector;
    for (size_t k = 0; k < t->plan->constants; k++)
        for (size_t lane = 0; lane < lanes; lane++)
            set_value(t, w, ~(int32_t)k, lane, t->plan->constant[k]);
    return 0;
}

static void set_bound(xo_batch *t)
{
    double share = t->plan->roundings * (t->options.precision == XO_FLOAT64 ? 0x1p-53 : 0x1p-24);
    t->relative_bound = 3 * share < 1 ? share / (1 - 3 * share) : INFINITY;
}

static int build(xo_batch *t)
{
    const xo_circuit *c = t->circuit;
    int status = xo_batch_plan_new(&t->plan, c, needs_all_couplings(c, &t->options));
    if (!status)
        status = list_terminals(t);
    t->work = xo_calloc((size_t)t->threads, sizeof *t->work);
    if (!status && !t->work)
        status = ENOMEM;
    for (int k = 0; k < t->threads && !status; k++)
        status = work_new(&t->work[k], t);
    if (!status)
        set_bound(t);
    return status;
}

int xo_batch_new(xo_batch **out, const xo_circuit *c, const struct xo_batch_options *options, struct xo_info *info)
{
    static const struct xo_batch_options none;
    enum xo_simd simd = options && options->simd ? options->simd : xo_simd_best();
    int status = xo_check_independent(c, info);
    if (status)
        return status;
    if (!xo_simd_available(simd))
        return xo_fail(info, XO_EUNSUPPORTED, "instruction set %s: this machine has no better than %s",
                       xo_simd_name(simd), xo_simd_name(xo_simd_best()));
    xo_batch *t = xo_calloc(1, sizeof *t);
    if (t) {
        t->circuit = c;
        t->options = options ? *options : none;
        t->options.simd = simd;
        t->threads = t->options.threads < 1 ? 1 : t->options.threads;
        t->kernel = kernel_table[simd][t->options.precision == XO_FLOAT32];
    }
    status = t ? build(t) : ENOMEM;
    if (status)
        xo_batch_free(t);
    else
        *out = t;
    return status ? xo_fail(info, status, "batch: cannot plan for %zu x %zu arrays: %s", c->rows, c->columns,
                            xo_strerror(status)) : 0;
}

void xo_batch_free(xo_batch *t)
{
    if (!t)
        return;
    for (int k = 0; t->work && k < t->threads; k++) {
        free(t->work[k].block);
        free(t->work[k].array);
        free(t->work[k].row);
        free(t->work[k].row_bound);
        free(t->work[k].self);
        free(t->work[k].offset);
        free(t->work[k].offset_bound);
    }
    free(t->work);
    free(t->own);
    free(t->all);
    xo_batch_plan_free(t->plan);
    free(t);
}

enum xo_simd xo_batch_simd(const xo_batch *t) { return t->options.simd; }
size_t xo_batch_lanes(const xo_batch *t) { return (size_t)t->kernel->lanes; }
double xo_batch_operations(const xo_batch *t) { return t->plan->operations; }

/* ---- batches -------------------------------------------------------------------------------------- */

/* Conductances as the circuit makes them: faults, then the resistance in series; scaled. */
static void program(const xo_circuit *c, const double *cell_siemens, size_t first, size_t count, double *siemens)
{
    for (size_t k = 0; k < count; k++) {
        double fixed = c->fixed_siemens[first + k], series = c->ohm[first + k];
        double g = fixed < 0 ? cell_siemens[first + k] : fixed;
        if (series != 0)
            g = series == XO_OPEN ? 0 : g / (1 + g * series);
        siemens[k] = g * XO_BATCH_SCALE;
    }
}

/* Lane by lane, a block of cells at a time: what is being written stays in the cache.  Lanes in want of an array hold
 * open cells. */
static void fill_lanes(const xo_batch *t, struct xo_batch_work *w, size_t count, const double *const *cell_siemens)
{
    size_t lanes = (size_t)t->kernel->lanes, cells = t->circuit->rows * t->circuit->columns;
    double siemens[BLOCK_CELLS] = {0};
    for (size_t first = 0; first < cells; first += BLOCK_CELLS)
        for (size_t lane = 0; lane < lanes; lane++) {
            size_t some = cells - first < BLOCK_CELLS ? cells - first : BLOCK_CELLS;
            if (lane < count)
                program(t->circuit, cell_siemens[lane], first, some, siemens);
            else
                memset(siemens, 0, sizeof siemens);
            for (size_t k = 0; k < some; k++)
                set_value(t, w, t->plan->cell_value[first + k], lane, siemens[k]);
        }
}

/* One array's cells; whose fault it is goes in front of what is wrong with it. */
static int take_array(const xo_batch *t, const struct xo_batch_arrays *b, size_t array, double *own,
                      const double **cell_siemens, struct xo_info *info)
{
    const xo_circuit *c = t->circuit;
    struct xo_info inner = {""};
    int status = b->cells ? b->cells(b->user, array, own) : 0;
    if (status)
        return xo_fail(info, status, "array %zu: its cells: %s", b->first_array + array, xo_strerror(status));
    *cell_siemens = b->cell_siemens ? b->cell_siemens + array * c->rows * c->columns : own;
    status = xo_check_cells(c, *cell_siemens, &inner);
    return status ? xo_fail(info, status, "array %zu: %s", b->first_array + array, inner.text) : 0;
}

static int run(const xo_batch *t, struct xo_batch_work *w, struct xo_batch_arrays *b, size_t first,
               struct xo_info *info)
{
    size_t lanes = (size_t)t->kernel->lanes, count = b->arrays - first < lanes ? b->arrays - first : lanes;
    const double *cell_siemens[XO_BATCH_MOST_LANES];
    for (size_t lane = 0; lane < count; lane++) {
        double *own = b->cells ? w->array + lane * t->circuit->rows * t->circuit->columns : NULL;
        int status = take_array(t, b, first + lane, own, &cell_siemens[lane], info);
        if (status)
            return status;
    }
    fill_lanes(t, w, count, cell_siemens);
    t->kernel->run(t->plan, w->value, w->arena);
    xo_batch_results(t, w, b, first, count);
    return 0;
}

static int check_batch(const xo_batch *t, const struct xo_batch_arrays *b, struct xo_info *info)
{
    if (!b->cell_siemens == !b->cells)
        return xo_fail(info, XO_EVALUE, "batch: expected either cell_siemens or cells, found %s",
                       b->cells ? "both" : "neither");
    if ((b->bound_siemens || b->offset_bound_amp || b->worst_bound_rel) && !t->options.bounds)
        return xo_fail(info, XO_EVALUE, "batch: bounds are asked for; expected a plan made with the option bounds");
    return 0;
}

/* The first array at fault ends the work behind it, whichever thread gets there first. */
int xo_batch_matrix(xo_batch *t, struct xo_batch_arrays *b, struct xo_info *info)
{
    size_t lanes = (size_t)t->kernel->lanes, failed = SIZE_MAX;
    int64_t batches = (int64_t)((b->arrays + lanes - 1) / lanes);
    int status = check_batch(t, b, info);
    if (status)
        return status;
#pragma omp parallel for schedule(dynamic) num_threads(t->threads)
    for (int64_t k = 0; k < batches; k++) {
        size_t first = (size_t)k * lanes, before;
        struct xo_info found = {""};
#pragma omp atomic read
        before = failed;
        int wrong = first < before ? run(t, &t->work[omp_get_thread_num()], b, first, &found) : 0;
        if (!wrong)
            continue;
#pragma omp critical(xo_batch_failed)
        if (first < failed) {
            status = xo_fail(info, wrong, "%s", found.text);
#pragma omp atomic write
            failed = first;
        }
    }
    return status;
}

/* ---- samples -------------------------------------------------------------------------------------- */

int xo_batch_check(const xo_batch *t, const double *cell_siemens, const double *g_ni_siemens, double *error_rel,
                   size_t *columns, struct xo_info *info)
{
    struct xo_matrix_result m = {0};
    xo_plan *plan = NULL;
    xo_factor *factor = NULL;
    int status = xo_plan_new(&plan, t->circuit, NULL, info);
    if (!status)
        status = xo_factor_new(&factor, plan, cell_siemens, info);
    if (!status && !factor->proven)
        status = xo_fail(info, XO_ENOTPROVEN, "engine %s: no certificate was found for this array",
                         xo_engine_name(xo_factor_engine(factor)));
    if (!status) {
        xo_sample_columns(factor, g_ni_siemens, &m);
        *error_rel = m.sampled_error_rel;
        if (columns)
            *columns = m.sampled_columns;
    }
    xo_factor_free(factor);
    xo_plan_free(plan);
    return status;
}
