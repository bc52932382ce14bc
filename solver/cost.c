/* What engine `auto` chooses by: seconds that conjugate gradients and a factorisation would take.
 *
 * Iterations.  With cells of g siemens, word lines of N segments of r ohm and bit lines of M segments of c ohm, the
 * condition of the preconditioned Schur complement grows like the geometric mean x of g r N^2 and g c M^2 (for smooth
 * voltages the cells short the two sheets, whose wires are then all that resists), and iterations like its root:
 * 6 + 4.5 sqrt(x), certificate included; what ties the lines to their terminals counts a twentieth.  Over the grid of
 * bench/choice, which the coefficients are fitted to, they are 0.5 to 1.7 times that.  Other arrays may take several
 * times as many: so line is tried where it might pay, and gives up once it is seen that it does not (line_solve.c).
 *
 * The other coefficients are seconds on one Zen 5 core at 2.6 GHz nominal, from the same grid; results/speed has how
 * good they are.  Both engines follow the same machine closely enough that their ratio, all that matters here, does
 * not.  Threads do not count: results must not depend on them.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include "plan.h"

#define EXTRA_WORK 14                  /* per input: what else it takes, in iterations                           */
#define START_WORK 10                  /* of an array: memory and planes                                         */
#define ITERATION_SEC 0.05e-6          /* an iteration: calls and sums,                                          */
#define CACHED_SEC 0.8e-9              /* and for each cell, while the planes stay in the second cache ...       */
#define CACHED_CELLS 20000             /* 56 bytes of each are touched in an iteration                           */
#define OUTER_SEC 1.05e-9              /* ... in the third ...                                                   */
#define OUTER_CELLS 500000
#define MEMORY_SEC 3e-9                /* ... and when they come from memory                                     */
/* Per cell of an array whose sides have the geometric mean s:                                                   */
#define FACTOR_SEC 1.12e-7             /* s^0.55: plan, Cholesky factor, its certificate                         */
#define FACTOR_EXPONENT 0.55
#define SOLVE_SEC 2.15e-7              /* refining and proving up to 8 inputs, and                               */
#define SOLVE_SIDE_SEC 1.85e-9         /* s                                                                      */
#define ONE_INPUT 0.75                 /* of that for one                                                        */
#define UNKNOWN_INPUTS 16              /* where the caller does not say                                          */
#define ODDS 1.7                       /* line is tried up to that much more than a factor                       */

/* Four sums at a time: one would wait for each addition. */
static double sum_of(const double *x, size_t count)
{
    double part[4] = {0}, rest = 0;
    size_t k = 0;
    for (; k + 4 <= count; k += 4)
        for (size_t p = 0; p < 4; p++)
            part[p] += x[k + p] != XO_OPEN ? x[k + p] : 0;
    for (; k < count; k++)
        rest += x[k] != XO_OPEN ? x[k] : 0;
    return part[0] + part[1] + part[2] + part[3] + rest;
}

/* Open ones do not count; there are few. */
static double mean_ohm(const struct xo_values *v, size_t count)
{
    if (v->each)
        return count ? sum_of(v->each, count) / (double)count : 0;
    return v->all != XO_OPEN ? v->all : 0;
}

double xo_line_iterations(const struct xo_crossbar *x, const double *cell_siemens)
{
    double m = (double)x->rows, n = (double)x->columns;
    double g = sum_of(cell_siemens, x->rows * x->columns) / (m * n);
    double word = g * mean_ohm(&x->row_wire_ohm, x->rows * (x->columns - 1)) * n * n;
    double bit = g * mean_ohm(&x->column_wire_ohm, (x->rows - 1) * x->columns) * m * m;
    double ends = g * (n * mean_ohm(&x->driver_ohm, x->rows) + m * mean_ohm(&x->sense_ohm, x->columns)) / 2;
    return 6 + 4.5 * sqrt(sqrt(word * bit) + 0.05 * ends);
}

/* Inputs to solve for, with the columns whose own coupling a scale needs. */
double xo_solves(const xo_circuit *c, size_t inputs)
{
    double held = 0;
    for (size_t j = 0; j < c->columns; j++)
        held += c->held_volt[c->rows + j] != 0;
    return (inputs ? (double)inputs : UNKNOWN_INPUTS) + held;
}

/* Seconds of a factor, and of so many solves with it. */
static double direct_sec(const xo_circuit *c, double inputs)
{
    double cells = (double)c->rows * (double)c->columns, side = sqrt(cells);
    double blocks = inputs > 1 ? ceil(inputs / XO_LANES) : ONE_INPUT;
    return cells * (FACTOR_SEC * pow(side, FACTOR_EXPONENT) + (SOLVE_SEC + SOLVE_SIDE_SEC * side) * blocks);
}

/* Seconds of one iteration; tiles are always worked on whole. */
static double iteration_sec(const xo_circuit *c)
{
    double cells = ceil((double)c->rows / 8) * 8 * ceil((double)c->columns / 8) * 8;
    double sec = cells <= CACHED_CELLS ? CACHED_SEC : cells <= OUTER_CELLS ? OUTER_SEC : MEMORY_SEC;
    return ITERATION_SEC + cells * sec;
}

double xo_line_patience(const xo_circuit *c, double solves)
{
    return fmax(0, direct_sec(c, solves) / iteration_sec(c) - START_WORK) / solves;
}

bool xo_line_pays(const xo_circuit *c, const double *cell_siemens, size_t inputs)
{
    double patience = xo_line_patience(c, xo_solves(c, inputs));
    return c->rows * c->columns > XO_DIRECT_CELLS
           || EXTRA_WORK + xo_line_iterations(c->lines, cell_siemens) < ODDS * patience;
}
