/* Random crossbars that ngspice can judge.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef THICK_H
#define THICK_H

#include <math.h>
#include <stdlib.h>
#include "random-crossbar.h"

/* ngspice keeps node voltages as doubles: the last bits of a volt across a conductance g are eps g ampere, and no
 * less can be told.  So wires and ends here have at least 0.1 ohm, or none, and HIDDEN is forgiven where 1e-9 of
 * scale is less: where only a few cells of 1e-8 S couple to a column. */
#define HIDDEN (4 * 2.220446049250313e-16 / 0.1)
static void thicken(struct xo_values *v, size_t count)
{
    double *each = v->each ? malloc((count + 1) * sizeof *each) : NULL;
    for (size_t k = 0; each && k < count; k++)
        each[k] = v->each[k] > 0 ? fmax(v->each[k], 0.1) : 0;
    if (v->all > 0)
        v->all = fmax(v->all, 0.1);
    v->each = each;
}

static struct random_crossbar *thick_crossbar(unsigned long long seed, size_t rows, size_t columns, size_t inputs,
                                              int features)
{
    struct random_crossbar *r = random_crossbar(seed, rows, columns, inputs, features);
    thicken(&r->x.row_wire_ohm, rows * (columns - 1));
    thicken(&r->x.column_wire_ohm, (rows - 1) * columns);
    thicken(&r->x.driver_ohm, rows);
    thicken(&r->x.sense_ohm, columns);
    return r;
}

static void thick_crossbar_free(struct random_crossbar *r)
{
    free((void *)r->x.row_wire_ohm.each);
    free((void *)r->x.column_wire_ohm.each);
    free((void *)r->x.driver_ohm.each);
    free((void *)r->x.sense_ohm.each);
    random_crossbar_free(r);
}

#endif
