/* What engine `auto` chooses by: seconds that conjugate gradients and a factorisation would take.
 *
 * Iterations.  With cells of g siemens, word lines of N segments of r ohm and bit lines of M segments of c ohm, the
 * condition of the preconditioned Schur complement grows like the harmonic mean x of g r N^2 and g c M^2 (for smooth
 * voltages the cells short the two sheets, whose wires are then all that resists), and iterations like its root:
 * 8 + 4 sqrt(x), certificate included, within 20 % for squares of 32 to 1024, 1e-7 to 1e-3 S, 1 to 100 ohm.
 * What ties the lines to their terminals counts a tenth.
 *
 * The coefficients are seconds on one Zen 5 core at 2.6 GHz nominal: results/speed/make.sh measures them again.  Both
 * engines follow the same machine closely enough that their ratio, all that matters here, does not.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include "plan.h"

#define SETUP_SEC 15e-9                /* per cell and input: residuals, right-hand sides, the check of w        */
#define CACHED_SEC 1.1e-9              /* per cell and iteration while the planes stay in cache ...              */
#define MEMORY_SEC 4e-9                /* ... and when they come from memory                                     */
#define CACHED_CELLS 500000            /* 56 bytes of each are touched in an iteration                           */
#define FACTOR_SEC 1.3e-7              /* per cells^1.28: plan, Cholesky factor, its certificate                 */
#define SOLVE_SEC 3.5e-8               /* per cells^1.28: refining and proving up to 8 inputs                    */
#define DIRECT_EXPONENT 1.28
#define UNKNOWN_INPUTS 16              /* where the caller does not say                                          */

static double mean_ohm(const struct xo_values *v, size_t count)
{
    double sum = 0, finite = 0;
    for (size_t k = 0; k < (v->each ? count : 1); k++) {
        double ohm = v->each ? v->each[k] : v->all;
        if (ohm != XO_OPEN) {
            sum += ohm;
            finite++;
        }
    }
    return finite > 0 ? sum / finite : 0;
}

static double iterations(const struct xo_crossbar *x, const double *cell_siemens)
{
    double m = (double)x->rows, n = (double)x->columns, sum = 0;
    for (size_t k = 0; k < x->rows * x->columns; k++)
        sum += cell_siemens[k];
    double g = sum / (m * n);
    double word = g * mean_ohm(&x->row_wire_ohm, x->rows * (x->columns - 1)) * n * n;
    double bit = g * mean_ohm(&x->column_wire_ohm, (x->rows - 1) * x->columns) * m * m;
    double ends = g * (n * mean_ohm(&x->driver_ohm, x->rows) + m * mean_ohm(&x->sense_ohm, x->columns)) / 2;
    double wires = word > 0 && bit > 0 ? 2 / (1 / word + 1 / bit) : 0;
    return 8 + 4 * sqrt(wires + 0.1 * ends);
}

/* Inputs to solve for, with the columns whose own coupling a scale needs. */
static double solves(const xo_circuit *c, size_t inputs)
{
    double held = 0;
    for (size_t j = 0; j < c->columns; j++)
        held += c->held_volt[c->rows + j] != 0;
    return (inputs ? (double)inputs : UNKNOWN_INPUTS) + held;
}

bool xo_line_pays(const xo_circuit *c, const double *cell_siemens, const struct xo_options *o)
{
    double cells = (double)c->rows * (double)c->columns, inputs = solves(c, o->inputs);
    double threads = o->threads > 1 ? o->threads : 1, direct = pow(cells, DIRECT_EXPONENT);
    double step = cells > CACHED_CELLS ? MEMORY_SEC : CACHED_SEC;
    if (c->rows * c->columns > XO_DIRECT_CELLS)
        return true;
    double line_sec = cells * inputs * (SETUP_SEC + step * iterations(c->lines, cell_siemens)) / threads;
    return line_sec < direct * (FACTOR_SEC + SOLVE_SEC * ceil(inputs / XO_LANES) / threads);
}
