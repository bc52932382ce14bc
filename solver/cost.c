/* What engine `auto` chooses by: seconds that conjugate gradients and a factorisation would take.
 *
 * Iterations.  With cells of g siemens, word lines of N segments of r ohm and bit lines of M segments of c ohm, the
 * condition of the preconditioned Schur complement grows like the harmonic mean x of g r N^2 and g c M^2 (for smooth
 * voltages the cells short the two sheets, whose wires are then all that resists), and iterations like its root:
 * 8 + 4 sqrt(x), certificate included, within 20 % for squares of 32 to 1024, 1e-7 to 1e-3 S, 1 to 100 ohm.
 * What ties the lines to their terminals counts a tenth.  Other arrays may take half as many or several times as many:
 * so line is tried where it might pay, and gives up once it is seen that it does not (line_solve.c).
 *
 * The coefficients are seconds on one Zen 5 core at 2.6 GHz nominal; bench/choice shows how good they are on random
 * hard arrays.  Both engines follow the same machine closely enough that their ratio, all that matters here, does not.
 * Threads do not count: results must not depend on them.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include "plan.h"

#define EXTRA_WORK 18                  /* per input: what else it takes, in iterations                           */
#define ITERATION_SEC 1e-6             /* an iteration: calls and sums,                                          */
#define CACHED_SEC 1e-9                /* and for each cell, while the planes stay in cache ...                  */
#define MEMORY_SEC 4e-9                /* ... and when they come from memory                                     */
#define CACHED_CELLS 500000            /* 56 bytes of each are touched in an iteration                           */
/* Per cell of an array whose shorter side is m: (m^exponent + 3) times ...                                      */
#define FACTOR_SEC 2e-8                /* plan, Cholesky factor, its certificate                                 */
#define FACTOR_EXPONENT 0.9
#define SOLVE_SEC 2.8e-8               /* refining and proving up to 8 inputs                                    */
#define SOLVE_EXPONENT 0.56
#define UNKNOWN_INPUTS 16              /* where the caller does not say                                          */

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
    double wires = word > 0 && bit > 0 ? 2 / (1 / word + 1 / bit) : 0;
    return 8 + 4 * sqrt(wires + 0.1 * ends);
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
    double cells = (double)c->rows * (double)c->columns, side = (double)(c->rows < c->columns ? c->rows : c->columns);
    return cells * (FACTOR_SEC * (pow(side, FACTOR_EXPONENT) + 3)
                    + SOLVE_SEC * (pow(side, SOLVE_EXPONENT) + 3) * ceil(inputs / XO_LANES));
}

/* Seconds of one iteration; tiles are always worked on whole. */
static double iteration_sec(const xo_circuit *c)
{
    double rows = ceil((double)c->rows / 8) * 8, columns = ceil((double)c->columns / 8) * 8;
    return ITERATION_SEC + rows * columns * (rows * columns > CACHED_CELLS ? MEMORY_SEC : CACHED_SEC);
}

double xo_line_patience(const xo_circuit *c, double solves)
{
    return direct_sec(c, solves) / solves / iteration_sec(c);
}

/* A try is cheap: a tenth of the factor, or the first of many inputs, tells.  So it may look worse than it must be. */
bool xo_line_pays(const xo_circuit *c, const double *cell_siemens, size_t inputs)
{
    double solves = xo_solves(c, inputs), odds = fmin(2 + 0.02 * solves, 3);
    return c->rows * c->columns > XO_DIRECT_CELLS
           || EXTRA_WORK + xo_line_iterations(c->lines, cell_siemens) < odds * xo_line_patience(c, solves);
}
