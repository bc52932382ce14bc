/* A block of inputs, solved side by side (internal).
 *
 * Voltages and currents of a block are stored vertex by vertex, XO_LANES inputs next to each other, so that one
 * pass over the network serves them all and the compiler can use vector instructions.  Every lane goes through the
 * same operations whatever its neighbours hold: results do not depend on how inputs are blocked.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_BLOCK_H
#define XO_BLOCK_H

#include <stddef.h>
#include <stdint.h>
#include "clones.h"
#include "dd.h"

#define XO_LANES 8

struct xo_lane_volt { double hi[XO_LANES], lo[XO_LANES]; };                  /* voltages of one vertex            */
struct xo_lane_amp { double hi[XO_LANES], lo[XO_LANES], size[XO_LANES]; };   /* net current into it; sum of sizes */

static inline dd xo_volt_at(const struct xo_lane_volt *v, int lane)
{
    return (dd){v->hi[lane], v->lo[lane]};
}

static inline dd xo_drop(const struct xo_lane_volt *from, const struct xo_lane_volt *to, int lane)
{
    return dd_subtract(xo_volt_at(from, lane), xo_volt_at(to, lane));
}

/* Kirchhoff's current law in branch form: amp[v] = sum over links of the current that flows into v, and the sum of
 * the magnitudes of these currents.  The differences are small, so the rounding is too, and a wrong stamp in an
 * engine's matrix cannot hide from it.  Terminals are vertices like any other: theirs is the terminal current.
 * Rounding of amp[v] is at most xo_kcl_rounding(links at v) * size. */
void xo_kcl(size_t links, const int32_t *link_a, const int32_t *link_b, const dd *siemens, size_t vertices,
            const struct xo_lane_volt *volt, struct xo_lane_amp *amp);

/* Per link: 3u^2 for the difference, 4u^2 for 1/R or 11u^2 for g/(1 + g R), 5u^2 for the product; 3u^2 for each
 * addition to the sum, and some to spare for what is of third order. */
static inline double xo_kcl_rounding(int32_t links)
{
    return (24.0 + 4.0 * links) * XO_UNIT * XO_UNIT;
}

/* A factor K = L D L^T by columns, as CHOLMOD stores it: column k eliminates vertex[k]; its first entry is the
 * pivot D_k (0: the last vertex of an island, whose voltage is set to 0), the rest is L below its unit diagonal. */
struct xo_triangle {
    size_t n;
    const int32_t *vertex;             /* [n] in order of elimination                                             */
    const int32_t *start;              /* [n + 1] entries of column k: start[k] .. start[k + 1]                   */
    const int32_t *row;                /* [start[n]] vertices, not positions                                      */
    const double *value;               /* [start[n]]                                                              */
};

/* x = K^-1 b in place, for `lanes` (1 or XO_LANES) right-hand sides at a stride of XO_LANES. */
void xo_triangle_solve(const struct xo_triangle *l, int lanes, double (*x)[XO_LANES]);

#endif
