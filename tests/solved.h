/* The whole way from a description to a solution in one call, every output asked for.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SOLVED_H
#define SOLVED_H

#include "random-crossbar.h"
#include "xo_solver.h"

struct solved {
    size_t rows, columns, inputs;
    xo_circuit *circuit;
    xo_plan *plan;
    xo_factor *factor;
    struct xo_solution s;              /* every array allocated, filled with a mark before solving */
    struct xo_info info;
    int status;                        /* of the first step that failed */
    int stage;                         /* how far it came: 1 circuit, 2 plan, 3 factor, 4 solve */
};

#define SOLVED_MARK 12345.678e30       /* what outputs hold that were never written */

enum { NETWORK_ENGINES = 3, ENGINES };  /* the last is line, which takes no bridges and no zero ohm */
extern const enum xo_engine every_engine[ENGINES];
int engine_takes(enum xo_engine engine, const struct xo_crossbar *x);

/* Never NULL; look at status.  Release with solved_free. */
struct solved *solved(const struct xo_crossbar *x, const double *cell_siemens, size_t inputs, const double *row_volt,
                      enum xo_engine engine);
struct solved *solved_random(const struct random_crossbar *r, enum xo_engine engine);
void solved_free(struct solved *d);

/* The currents alone, into column_amp [inputs][columns]; returns the status. */
int solved_currents(const struct xo_crossbar *x, const double *cell_siemens, size_t inputs, const double *row_volt,
                    enum xo_engine engine, double *column_amp);

/* Arrays with the shapes of struct xo_branch_values for `inputs` inputs. */
void branch_values_new(struct xo_branch_values *b, const xo_circuit *c, size_t inputs, size_t rows, size_t columns);
void branch_values_free(struct xo_branch_values *b);

/* count doubles, all SOLVED_MARK; aborts without memory. */
double *marked_array(size_t count);

#endif
