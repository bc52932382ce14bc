/* What a batch works with (internal).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_BATCH_WORK_H
#define XO_BATCH_WORK_H

#include "batch.h"

#define XO_BATCH_MOST_LANES 16

/* Working memory of one thread. */
struct xo_batch_work {
    void *block;                       /* what is allocated: arena and value, 64-byte aligned inside              */
    void *arena;                       /* [arena_vectors][lanes] float64 or float32                               */
    void *value;                       /* [-constants .. cells][lanes] scaled conductances of the links, those of */
                                       /* cells after faults and series_ohm                                       */
    double *array;                     /* [lanes][rows][columns] as the caller's function fills them in           */
    double *self;                      /* [terminals][lanes] sums of a terminal's couplings, rounded up           */
    double *row;                       /* [terminals][lanes] one terminal's couplings, to all or to the columns   */
    double *row_bound;                 /* [columns][lanes] how far off they may be                                */
    double *offset, *offset_bound;     /* [columns][lanes]                                                        */
};

struct xo_batch {
    const xo_circuit *circuit;
    struct xo_batch_options options;
    const struct xo_batch_kernel *kernel;
    struct xo_batch_plan *plan;
    int32_t *own;                      /* [columns] terminal that stands for the column, counted from 0           */
    int32_t *all;                      /* [terminals] 0, 1, 2, ...                                                */
    double relative_bound;             /* of the couplings as a quadratic form                                    */
    int threads;
    struct xo_batch_work *work;        /* [threads]                                                               */
};

/* From the last front's couplings to the results of arrays first .. first + count - 1, one per lane. */
void xo_batch_results(const xo_batch *t, struct xo_batch_work *w, struct xo_batch_arrays *b, size_t first,
                      size_t count);

#endif
