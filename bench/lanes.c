/* Would engine line be faster with several inputs in its vectors?
 *     bench/lanes [SIDE ...]                      default 32 64 128 256 512 1024
 * An iteration of conjugate gradients as the engine does it, a vector being 8 neighbouring nodes of one input, and as
 * it would be with a vector being one node of 8 inputs, which share cells and pivots and need no transposition of
 * tiles: processor time for each cell and input, best of several.  The same sums, written for this alone; results are
 * not compared.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "clones.h"
#include "line.h"

enum { INPUTS = 8, ROWS = 4, RUNS = 5 };           /* ROWS word lines at a time: each waits for its column before */
typedef double inputs __attribute__((vector_size(8 * INPUTS)));
#define CELLS_A_RUN 4e6

struct array {
    size_t side;
    double *cell, *word_inverse, *bit_inverse, *right, *below;        /* [side][side] */
    inputs *p, *q, *s, *y, *line;                                     /* [side][side], line: [side] */
};

static double now_sec(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- eight inputs -------------------------------------------------------------------------------------- */

XO_CLONES
static void direction(const struct array *a, double alpha, double beta)
{
    const size_t n = a->side;
    for (size_t i = n; i-- > 0;)
        for (size_t j = 0; j < n; j++) {
            size_t at = i * n + j;
            double d = a->bit_inverse[at];
            inputs before = a->p[at], z = d * a->s[at] + (d * a->below[at]) * (i + 1 < n ? a->line[j] : before * 0);
            a->line[j] = z;
            a->y[at] += alpha * before;
            a->p[at] = z + beta * before;
        }
}

XO_CLONES
static void apply(const struct array *a, size_t row, inputs *sum)
{
    const size_t n = a->side;
    inputs carry[ROWS] = {{0}}, dot = {0};
    for (size_t j = 0; j < n; j++)
#pragma GCC unroll 4
        for (size_t r = 0; r < ROWS; r++) {
            size_t at = (row + r) * n + j;
            inputs x = a->cell[at] * a->p[at] + carry[r];
            a->q[at] = x;
            carry[r] = (a->right[at] * a->word_inverse[at]) * x;
        }
    for (size_t r = 0; r < ROWS; r++)
        carry[r] = carry[r] * 0;
    for (size_t j = n; j-- > 0;) {
        inputs here = a->p[row * n + j], above = here * 0;
        if (row)
            above = a->below[(row - 1) * n + j] * (a->p[(row - 1) * n + j] - here);
#pragma GCC unroll 4
        for (size_t r = 0; r < ROWS; r++) {
            size_t at = (row + r) * n + j;
            double d = a->word_inverse[at];
            inputs next = a->p[row + r + 1 < n ? at + n : at], down = a->below[at] * (here - next);
            carry[r] = d * a->q[at] + (d * a->right[at]) * carry[r];
            a->q[at] = a->cell[at] * (here - carry[r]) + (down - above);
            dot += here * a->q[at];
            above = down;
            here = next;
        }
    }
    *sum = dot;
}

XO_CLONES
static void reduce(const struct array *a, double alpha, inputs *sum)
{
    const size_t n = a->side;
    inputs dot = {0};
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            size_t at = i * n + j;
            double d = a->bit_inverse[at];
            inputs x = a->q[at] + (i ? a->line[j] : dot * 0), rest = a->s[at] - alpha * x;
            a->s[at] = rest;
            dot += rest * rest * d;
            a->line[j] = (a->below[at] * d) * x;
        }
    *sum = dot;
}

static int array_new(struct array *a, size_t side)
{
    size_t cells = side * side;
    *a = (struct array){.side = side};
    a->cell = aligned_alloc(64, 5 * cells * sizeof *a->cell);
    a->p = aligned_alloc(64, (4 * cells + side) * sizeof *a->p);
    if (!a->cell || !a->p)
        return 1;
    a->word_inverse = a->cell + cells;
    a->bit_inverse = a->cell + 2 * cells;
    a->right = a->cell + 3 * cells;
    a->below = a->cell + 4 * cells;
    a->q = a->p + cells;
    a->s = a->p + 2 * cells;
    a->y = a->p + 3 * cells;
    a->line = a->p + 4 * cells;
    for (size_t k = 0; k < 5 * cells; k++)
        a->cell[k] = k < cells ? 1e-5 * (double)(1 + k % 7) : k < 3 * cells ? 0.3 : 1;
    for (size_t k = 0; k < (4 * cells + side) * INPUTS; k++)
        ((double *)a->p)[k] = 1e-3 * (double)(k % 13);
    return 0;
}

static double eight_inputs_sec(size_t side, size_t iterations)
{
    struct array a;
    double best = INFINITY;
    inputs sum;
    int status = array_new(&a, side);
    for (int run = 0; run < RUNS && !status; run++) {
        double begin = now_sec();
        for (size_t k = 0; k < iterations; k++) {
            direction(&a, 1e-9, 1e-9);
            for (size_t row = 0; row < side; row += ROWS)
                apply(&a, row, &sum);
            reduce(&a, 1e-9, &sum);
        }
        best = fmin(best, (now_sec() - begin) / (double)iterations / INPUTS);
    }
    free(a.cell);
    free(a.p);
    return best;
}

/* ---- one input, by the engine's kernels ---------------------------------------------------------------- */

static size_t strip_end(const struct xo_line_grid *n, size_t from)
{
    return from + XO_STRIP < n->tile_columns ? from + XO_STRIP : n->tile_columns;
}

static double one_iteration_sec(const struct xo_lines *l, size_t iterations)
{
    const struct xo_line_grid *n = &l->grid;
    const struct xo_line_work *k = &l->work[0];
    double begin = now_sec();
    for (size_t run = 0; run < iterations; run++) {
        for (size_t s = 0; s < n->tile_columns; s += XO_STRIP)
            l->kernel->direction(n, s, strip_end(n, s), 1e-9, 1e-9, k->s, k->p, k->y);
        for (size_t i = 0; i < n->tile_rows; i++)
            l->kernel->apply(n, i, k->p, k->q);
        for (size_t s = 0; s < n->tile_columns; s += XO_STRIP)
            l->kernel->reduce(n, s, strip_end(n, s), 1e-9, k->q, k->s);
    }
    return (now_sec() - begin) / (double)iterations;
}

static double one_input_sec(size_t side, size_t iterations)
{
    struct xo_crossbar x = xo_crossbar_default(side, side);
    struct xo_options options = {.engine = XO_ENGINE_LINE, .inputs = 1};
    double *cell_siemens = calloc(side * side, sizeof *cell_siemens), best = INFINITY;
    xo_circuit *circuit = NULL;
    xo_plan *plan = NULL;
    xo_factor *factor = NULL;
    for (size_t k = 0; cell_siemens && k < side * side; k++)
        cell_siemens[k] = 1e-5 * (double)(1 + k % 7);
    if (cell_siemens && !xo_circuit_new(&circuit, &x, NULL) && !xo_plan_new(&plan, circuit, &options, NULL)
        && !xo_factor_new(&factor, plan, cell_siemens, NULL)) {
        const struct xo_lines *l = factor->state;
        for (size_t k = 0; k < l->plane_cells; k++)
            l->work[0].p[k] = l->work[0].s[k] = 1e-3 * (double)(k % 13);
        for (int run = 0; run < RUNS; run++)
            best = fmin(best, one_iteration_sec(l, iterations));
    }
    xo_factor_free(factor);
    xo_plan_free(plan);
    xo_circuit_free(circuit);
    free(cell_siemens);
    return best;
}

int main(int argc, char **argv)
{
    static const size_t usual[] = {32, 64, 128, 256, 512, 1024};
    size_t count = argc > 1 ? (size_t)argc - 1 : sizeof usual / sizeof *usual;
    printf("# ns of one core for a cell and input of one iteration\n");
    printf("%11s %12s %13s %8s\n", "array", "one input", "eight inputs", "gain");
    for (size_t k = 0; k < count; k++) {
        size_t side = argc > 1 ? strtoul(argv[k + 1], NULL, 10) / ROWS * ROWS : usual[k];
        double cells = (double)(side * side), runs = 2 + CELLS_A_RUN / cells;
        double one = one_input_sec(side, (size_t)runs), eight = eight_inputs_sec(side, (size_t)(2 + runs / INPUTS));
        printf("%5zux%-5zu %12.3f %13.3f %8.2f\n", side, side, 1e9 * one / cells, 1e9 * eight / cells, one / eight);
    }
    return 0;
}
