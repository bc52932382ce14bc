/* Seeded random crossbars with everything a description can say, and the inputs for them.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RANDOM_CROSSBAR_H
#define RANDOM_CROSSBAR_H

#include "xo_crossbar.h"

/* What may occur; 0 is a plain, connected array with positive resistances. */
enum random_feature {
    RANDOM_ZERO_OHM = 1,               /* wires, drivers, senses, bridges of 0 ohm            */
    RANDOM_OPEN = 2,                   /* open segments, cells, drivers, senses               */
    RANDOM_LINES = 4,                  /* held, grounded, floating lines; sense voltages      */
    RANDOM_FAULTS = 8,                 /* stuck cells, bridges, series resistance, zero cells */
    RANDOM_ALL = 15
};

struct random_crossbar {
    struct xo_crossbar x;
    double *cell_siemens;              /* [rows][columns], log-uniform 1e-8 .. 1e-3 */
    size_t inputs;
    double *row_volt;                  /* [inputs][rows], bipolar */
    void *block[20];                   /* what the pointers point to */
    int blocks;
};

/* Wires and ends are log-uniform in 1e-3 .. 1e2 ohm, ends up to 1e4.  Aborts without memory: it is a test's. */
struct random_crossbar *random_crossbar(unsigned long long seed, size_t rows, size_t columns, size_t inputs,
                                        int features);
/* Without bridges, and with something wherever it has zero ohm: what engine line takes. */
void random_crossbar_only_lines(struct random_crossbar *r);
void random_crossbar_free(struct random_crossbar *r);

#endif
