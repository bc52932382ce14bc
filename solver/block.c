/* The two inner loops of every solve: Kirchhoff's law over all links, and the triangular solves.
 *
 * Bytes and operations: a link costs 90 operations a lane and touches 640 bytes that are mostly in cache; a factor
 * entry costs 4 operations a lane and is read twice (12 bytes) for all lanes together.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <float.h>
#include <math.h>
#include <string.h>
#include "block.h"

#define TINY (DBL_MIN / (XO_UNIT * XO_UNIT))       /* a current whose relative error of u^2 is the smallest normal */

/* `tiny` stands for what underflow may have swallowed. */
static inline void add_current(struct xo_lane_amp *amp, int lane, dd current, double tiny)
{
    dd sum = dd_add((dd){amp->hi[lane], amp->lo[lane]}, current);
    amp->hi[lane] = sum.hi;
    amp->lo[lane] = sum.lo;
    amp->size[lane] += fabs(current.hi) + tiny;
}


XO_CLONES
void xo_kcl(size_t links, const int32_t *link_a, const int32_t *link_b, const dd *siemens, size_t vertices,
            const struct xo_lane_volt *volt, struct xo_lane_amp *amp)
{
    memset(amp, 0, vertices * sizeof *amp);
    for (size_t k = 0; k < links; k++) {
        const struct xo_lane_volt *va = &volt[link_a[k]], *vb = &volt[link_b[k]];
        struct xo_lane_amp *ia = &amp[link_a[k]], *ib = &amp[link_b[k]];
        dd g = siemens[k];
        double least = g.hi > 0 ? TINY : 0;
#pragma omp simd
        for (int lane = 0; lane < XO_LANES; lane++) {
            dd drop = dd_subtract((dd){va->hi[lane], va->lo[lane]}, (dd){vb->hi[lane], vb->lo[lane]});
            dd current = dd_multiply(g, drop);                 /* from a to b */
            double tiny = drop.hi != 0 ? least : 0;
            add_current(ib, lane, current, tiny);
            add_current(ia, lane, dd_negate(current), tiny);
        }
    }
}

static inline __attribute__((always_inline))
void solve_lanes(const struct xo_triangle *l, const int lanes, double (*x)[XO_LANES])
{
    for (size_t k = 0; k < l->n; k++) {                        /* x = L \ x    */
        const double *xk = x[l->vertex[k]];
        for (int32_t e = l->start[k] + 1; e < l->start[k + 1]; e++) {
            double *xi = x[l->row[e]], entry = l->value[e];
#pragma omp simd
            for (int lane = 0; lane < lanes; lane++)
                xi[lane] -= entry * xk[lane];
        }
    }
    for (size_t k = l->n; k-- > 0;) {                          /* x = L^T \ D \ x */
        double *xk = x[l->vertex[k]], sum[XO_LANES], pivot = l->value[l->start[k]];
        double inverse = pivot > 0 ? 1 / pivot : 0;
        for (int lane = 0; lane < lanes; lane++)
            sum[lane] = xk[lane] * inverse;
        for (int32_t e = l->start[k] + 1; e < l->start[k + 1]; e++) {
            const double *xi = x[l->row[e]], entry = l->value[e];
#pragma omp simd
            for (int lane = 0; lane < lanes; lane++)
                sum[lane] -= entry * xi[lane];
        }
        memcpy(xk, sum, (size_t)lanes * sizeof *sum);
    }
}

XO_CLONES
static void solve_block(const struct xo_triangle *l, double (*x)[XO_LANES])
{
    solve_lanes(l, XO_LANES, x);
}

void xo_triangle_solve(const struct xo_triangle *l, int lanes, double (*x)[XO_LANES])
{
    if (lanes == 1)
        solve_lanes(l, 1, x);
    else
        solve_block(l, x);
}
