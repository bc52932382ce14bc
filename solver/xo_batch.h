/* The exact conductance matrices of many arrays that share one geometry: whole networks, tile by tile.
 *     xo_batch_new()      circuit -> plan, and working memory for each thread          (once per geometry)
 *     xo_batch_matrix()   cell conductances of a batch -> G_ni, i0 and their bounds    (as often as needed)
 *     xo_batch_check()    one array of the result against certified solutions          (for samples)
 * Same network, same result as xo_matrix: I = V^T G_ni + i0, by elimination without a subtraction (star-mesh
 * transform; Grassmann, Taksar, Heyman, Oper. Res. 33, 1985), but with one array in each lane of the vector unit.
 * Everything that the circuit says is shared by all arrays; they differ in their cells, where 0 is an open cell.
 * Lanes never touch: an array gives the same bytes alone, in any batch, and for any number of threads.  They depend
 * on precision and instruction set.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_BATCH_H
#define XO_BATCH_H

#include <stddef.h>
#include "xo_simd.h"
#include "xo_solver.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct xo_batch xo_batch;

enum xo_precision {
    XO_FLOAT64,                        /* entries to about 1e-14 of themselves                                    */
    XO_FLOAT32                         /* to about 1e-6, and twice as fast; couplings below 1e-36 S may be lost   */
};

/* How to work.  All zero is a good choice. */
struct xo_batch_options {
    enum xo_precision precision;
    enum xo_simd simd;
    int threads;                       /* 0: one                                                                  */
    int bounds;                        /* 1: bounds may be asked for (then couplings among rows are needed too,   */
                                       /* which takes about a tenth longer)                                       */
};

/* Plan for a circuit, which must outlive the plan.  A plan serves one call at a time.
 * XO_ECONFLICT where rows have no voltage of their own (as xo_matrix), XO_EUNSUPPORTED for an instruction set that
 * this machine does not have, XO_ETOOBIG, ENOMEM. */
int xo_batch_new(xo_batch **out, const xo_circuit *c, const struct xo_batch_options *options, struct xo_info *info);
void xo_batch_free(xo_batch *t);

enum xo_simd xo_batch_simd(const xo_batch *t);
size_t xo_batch_lanes(const xo_batch *t);                          /* arrays done at once by one thread       */
double xo_batch_operations(const xo_batch *t);                     /* multiplications and additions per array */

/* A batch of any size.  Where it comes from: one of the first two.  Where it goes: any pointer may be NULL. */
struct xo_batch_arrays {
    size_t arrays;
    size_t first_array;                /* what messages call the first array, where a batch is a part of something  */
    const double *cell_siemens;        /* [arrays][rows][columns] as programmed; faults and series_ohm are applied  */
    /* Or fill in one array's cells [rows][columns], when its turn comes.  Called by several threads, for different
     * arrays; a status other than 0 ends the batch. */
    int (*cells)(void *user, size_t array, double *cell_siemens);
    void *user;

    double *g_ni_siemens;              /* [arrays][rows][columns]  0 in rows not driven and floating columns        */
    float *g_ni_float32;               /* [arrays][rows][columns]  the same, rounded                              */
    double *bound_siemens;             /* [arrays][rows][columns]  no entry of g_ni_siemens is further off        */
    double *offset_amp;                /* [arrays][columns]        i0, from held lines and sense voltages         */
    double *offset_bound_amp;          /* [arrays][columns]                                                       */
    double *worst_bound_rel;           /* [arrays]                 largest bound / entry over entries not 0       */
};

/* XO_EVALUE for a conductance out of range, a batch with neither or both sources, or bounds not planned for; the
 * status of `cells`.  Which of several bad arrays is reported may vary; outputs are undefined after a failure.
 * Allocates nothing. */
int xo_batch_matrix(xo_batch *t, struct xo_batch_arrays *b, struct xo_info *info);

/* A-priori bounds are pessimistic, so: solve up to eight columns of one array and certify them (as xo_matrix does).
 *   cell_siemens  [rows][columns]    g_ni_siemens  [rows][columns]
 *   error_rel     out: no entry of these columns is further than this share of it from exact
 *   columns       out, may be NULL: how many
 * Factors the array anew.  XO_ENOTPROVEN where no certificate was found, XO_EVALUE, ENOMEM. */
int xo_batch_check(const xo_batch *t, const double *cell_siemens, const double *g_ni_siemens, double *error_rel,
                   size_t *columns, struct xo_info *info);

#ifdef __cplusplus
}
#endif
#endif
