/* oneDNN (v2 C API) primitives: made once for fixed shapes, run often.  Plain row-major tensors go in and come out;
 * where a primitive wants another order, reorders stand around it.  Private to dnn/.
 *
 * One struct xo_onednn belongs to one run, hence to one thread.  Scratch memory is ours and shared by its
 * primitives, so that a run may be made in one thread and used in another (oneDNN's own scratch is thread-local).
 * Between xo_serial_enter and xo_serial_leave OpenMP's number of threads, which is each thread's own setting, is 1:
 * where primitives are made and run, for oneDNN splits sums by it.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_ONEDNN_H
#define XO_ONEDNN_H

#include <oneapi/dnnl/dnnl.h>
#include "graph.h"

enum { XO_SCRATCH_SOURCE, XO_SCRATCH_RESULT, XO_SCRATCH_WORK, XO_SCRATCHES };

struct xo_onednn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_attr_t attributes;  /* scratch memory comes from the caller */
    size_t wanted[XO_SCRATCHES];       /* bytes: the most any primitive asked for */
    void *scratch[XO_SCRATCHES];
    size_t nbytes[XO_SCRATCHES];
};
int xo_onednn_start(struct xo_onednn *o);
void xo_onednn_stop(struct xo_onednn *o);
int xo_onednn_scratch(struct xo_onednn *o);        /* allocate what was wanted: after the last primitive was made */

int xo_onednn_status(dnnl_status_t status);        /* 0, ENOMEM, XO_EUNSUPPORTED, XO_EVALUE */

/* A row-major float32 tensor. */
int xo_onednn_plain(dnnl_memory_desc_t *out, size_t dimensions, const size_t *shape);
/* (images, channels, rows, columns), of which channels lie last. */
int xo_onednn_last(dnnl_memory_desc_t *out, const size_t shape[4]);

/* A primitive with one input and one result, weights and bias where it has them. */
struct xo_primitive;
struct xo_primitive_parts {
    const_dnnl_op_desc_t description;
    const dnnl_memory_desc_t *source, *result;             /* as they lie outside: plain          */
    const dnnl_memory_desc_t *weight, *bias;               /* plain; NULL: none                   */
    const float *weight_data;                              /* constant: reordered once, here; NULL: given to runs */
};
int xo_onednn_make(struct xo_primitive **out, struct xo_onednn *o, const struct xo_primitive_parts *parts);
/* result may be source if the primitive works element by element. */
int xo_onednn_run(struct xo_onednn *o, struct xo_primitive *p, const float *source, const float *weight,
                  const float *bias, float *result);
void xo_onednn_release(void *primitive);


int xo_serial_enter(void);             /* returns the number until now */
void xo_serial_leave(int threads);

#endif
