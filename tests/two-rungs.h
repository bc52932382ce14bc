/* The smallest gated column that can be followed by hand: two ohmic rungs, every wire another.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_TWO_RUNGS_H
#define TESTS_TWO_RUNGS_H

#include "xo_crossbar.h"

static inline struct xo_crossbar two_rungs(void)
{
    struct xo_crossbar x = xo_crossbar_default(2, 1);
    x.topology = XO_TOPOLOGY_SOURCE_COLUMN;
    x.input = XO_INPUT_GATE;
    x.cell_type = XO_CELL_1T1R;
    x.transistor_ohm = 2000;
    x.source_wire_ohm.all = 30;
    x.column_wire_ohm.all = 50;
    x.source_end_ohm.all = 70;
    x.sense_ohm.all = 90;
    x.source_volt = 0.2;
    return x;
}

#endif
