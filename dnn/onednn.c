/* oneDNN primitives with plain tensors outside.
 *
 *     source --reorder--> as the primitive likes it --primitive--> as it likes it --reorder--> result
 * Reorders stand only where the two sides differ.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "onednn.h"
#include <errno.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#include "memory.h"

enum { ALIGN = 64 };

/* A memory object whose data are set before each run, and what brings data into its order or out of it. */
struct port {
    dnnl_memory_t outside, inside;     /* inside NULL: the same order        */
    dnnl_primitive_t reorder;
};

struct xo_primitive {
    dnnl_primitive_t primitive;
    struct port source, result, weight, bias;
    dnnl_memory_t work;
    void *reordered;                   /* constant weights in the primitive's order; NULL: none */
    bool weight_given;                 /* constant: set when made                               */
};

int xo_onednn_status(dnnl_status_t status)
{
    switch (status) {
    case dnnl_success: return 0;
    case dnnl_out_of_memory: return ENOMEM;
    case dnnl_unimplemented: return XO_EUNSUPPORTED;
    default: return XO_EVALUE;
    }
}

int xo_onednn_start(struct xo_onednn *o)
{
    dnnl_status_t status;
    *o = (struct xo_onednn){ 0 };
    status = dnnl_engine_create(&o->engine, dnnl_cpu, 0);
    if (status == dnnl_success)
        status = dnnl_stream_create(&o->stream, o->engine, dnnl_stream_in_order);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_create(&o->attributes);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode(o->attributes, dnnl_scratchpad_mode_user);
    if (status != dnnl_success)
        xo_onednn_stop(o);
    return xo_onednn_status(status);
}

void xo_onednn_stop(struct xo_onednn *o)
{
    for (size_t k = 0; k < XO_SCRATCHES; k++)
        free(o->scratch[k]);
    dnnl_primitive_attr_destroy(o->attributes);
    dnnl_stream_destroy(o->stream);
    dnnl_engine_destroy(o->engine);
    *o = (struct xo_onednn){ 0 };
}

int xo_onednn_scratch(struct xo_onednn *o)
{
    for (size_t k = 0; k < XO_SCRATCHES; k++) {
        if (o->nbytes[k] >= o->wanted[k])
            continue;
        free(o->scratch[k]);
        o->nbytes[k] = 0;
        o->scratch[k] = xo_calloc(o->wanted[k] + ALIGN, 1);
        if (!o->scratch[k])
            return ENOMEM;
        o->nbytes[k] = o->wanted[k];
    }
    return 0;
}

static void *aligned(void *block)
{
    return block ? (void *)(((uintptr_t)block + ALIGN - 1) / ALIGN * ALIGN) : NULL;
}

int xo_onednn_plain(dnnl_memory_desc_t *out, size_t dimensions, const size_t *shape)
{
    dnnl_dims_t dims, stride;
    int64_t step = 1;
    for (size_t k = dimensions; k-- > 0; step *= (int64_t)shape[k]) {
        dims[k] = (int64_t)shape[k];
        stride[k] = step;
    }
    return xo_onednn_status(dnnl_memory_desc_init_by_strides(out, (int)dimensions, dims, dnnl_f32, stride));
}

int xo_onednn_last(dnnl_memory_desc_t *out, const size_t shape[4])
{
    const dnnl_dims_t dims = { (int64_t)shape[0], (int64_t)shape[1], (int64_t)shape[2], (int64_t)shape[3] };
    return xo_onednn_status(dnnl_memory_desc_init_by_tag(out, 4, dims, dnnl_f32, dnnl_nhwc));
}

static dnnl_status_t make_reorder(dnnl_primitive_t *out, struct xo_onednn *o, const dnnl_memory_desc_t *from,
                                  const dnnl_memory_desc_t *to)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t status = dnnl_reorder_primitive_desc_create(&pd, from, o->engine, to, o->engine, o->attributes);
    if (status == dnnl_success) {
        size_t work = dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0));
        if (work > o->wanted[XO_SCRATCH_WORK])
            o->wanted[XO_SCRATCH_WORK] = work;
        status = dnnl_primitive_create(out, pd);
    }
    dnnl_primitive_desc_destroy(pd);
    return status;
}

/* outwards: data leave through this port. */
static dnnl_status_t open_port(struct port *port, struct xo_onednn *o, const dnnl_memory_desc_t *outside,
                               const dnnl_memory_desc_t *inside, bool outwards)
{
    dnnl_status_t status = dnnl_memory_create(&port->outside, outside, o->engine, DNNL_MEMORY_NONE);
    if (status != dnnl_success || dnnl_memory_desc_equal(outside, inside))
        return status;
    status = dnnl_memory_create(&port->inside, inside, o->engine, DNNL_MEMORY_NONE);
    if (status != dnnl_success)
        return status;
    return outwards ? make_reorder(&port->reorder, o, inside, outside)
                    : make_reorder(&port->reorder, o, outside, inside);
}

static void close_port(struct port *port)
{
    dnnl_primitive_destroy(port->reorder);
    dnnl_memory_destroy(port->inside);
    dnnl_memory_destroy(port->outside);
}

static dnnl_memory_t inner(const struct port *port)
{
    return port->inside ? port->inside : port->outside;
}

static dnnl_status_t reorder(struct xo_onednn *o, const struct port *port, dnnl_memory_t from, dnnl_memory_t to,
                             dnnl_memory_t work)
{
    dnnl_exec_arg_t arguments[] = { { DNNL_ARG_FROM, from }, { DNNL_ARG_TO, to }, { DNNL_ARG_SCRATCHPAD, work } };
    return dnnl_primitive_execute(port->reorder, o->stream, 3, arguments);
}

static void want(struct xo_onednn *o, size_t which, const struct port *port, const dnnl_memory_desc_t *inside)
{
    size_t nbytes = port->inside ? dnnl_memory_desc_get_size(inside) : 0;
    if (nbytes > o->wanted[which])
        o->wanted[which] = nbytes;
}

/* Lend a port its data: outside the caller's, inside scratch. */
static dnnl_status_t lend(const struct port *port, const void *outside, void *inside)
{
    dnnl_status_t status = dnnl_memory_set_data_handle(port->outside, (void *)(uintptr_t)outside);
    if (status == dnnl_success && port->inside)
        status = dnnl_memory_set_data_handle(port->inside, aligned(inside));
    return status;
}

static dnnl_status_t bring_weight(struct xo_primitive *p, struct xo_onednn *o, const float *weight)
{
    dnnl_status_t status = lend(&p->weight, weight, p->reordered);
    if (status == dnnl_success)
        status = dnnl_memory_set_data_handle(p->work, aligned(o->scratch[XO_SCRATCH_WORK]));
    if (status == dnnl_success && p->weight.reorder)
        status = reorder(o, &p->weight, p->weight.outside, p->weight.inside, p->work);
    return status;
}

/* Room for weights in the primitive's order; constant ones go there now. */
static int keep_weight(struct xo_primitive *p, struct xo_onednn *o, const float *weight)
{
    const dnnl_memory_desc_t *inside = NULL;
    int failed;
    if (p->weight.inside) {
        dnnl_memory_get_memory_desc(p->weight.inside, &inside);
        p->reordered = xo_calloc(dnnl_memory_desc_get_size(inside) + ALIGN, 1);
        if (!p->reordered)
            return ENOMEM;
    }
    if (!weight)
        return 0;
    failed = xo_onednn_scratch(o);
    if (failed)
        return failed;
    p->weight_given = true;
    return xo_onednn_status(bring_weight(p, o, weight));
}

static dnnl_status_t open_ports(struct xo_primitive *p, struct xo_onednn *o, const struct xo_primitive_parts *parts,
                                const_dnnl_primitive_desc_t pd)
{
    const dnnl_memory_desc_t *source = dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0);
    const dnnl_memory_desc_t *result = dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0);
    const dnnl_memory_desc_t *weight = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    const dnnl_memory_desc_t *work = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    dnnl_status_t status = open_port(&p->source, o, parts->source, source, false);
    if (status == dnnl_success)
        status = open_port(&p->result, o, parts->result, result, true);
    if (status == dnnl_success && parts->weight)
        status = open_port(&p->weight, o, parts->weight, weight, false);
    if (status == dnnl_success && parts->bias)
        status = open_port(&p->bias, o, parts->bias, parts->bias, false);
    if (status == dnnl_success)
        status = dnnl_memory_create(&p->work, work, o->engine, DNNL_MEMORY_NONE);
    want(o, XO_SCRATCH_SOURCE, &p->source, source);
    want(o, XO_SCRATCH_RESULT, &p->result, result);
    if (dnnl_memory_desc_get_size(work) > o->wanted[XO_SCRATCH_WORK])
        o->wanted[XO_SCRATCH_WORK] = dnnl_memory_desc_get_size(work);
    return status;
}

int xo_onednn_make(struct xo_primitive **out, struct xo_onednn *o, const struct xo_primitive_parts *parts)
{
    struct xo_primitive *p = xo_calloc(1, sizeof *p);
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t failed;
    int status = ENOMEM;
    if (!p)
        return status;
    failed = dnnl_primitive_desc_create(&pd, parts->description, o->attributes, o->engine, NULL);
    if (failed == dnnl_success)
        failed = dnnl_primitive_create(&p->primitive, pd);
    if (failed == dnnl_success)
        failed = open_ports(p, o, parts, pd);
    status = xo_onednn_status(failed);
    if (!status && parts->weight)
        status = keep_weight(p, o, parts->weight_data);
    dnnl_primitive_desc_destroy(pd);
    if (status)
        xo_onednn_release(p);
    else
        *out = p;
    return status;
}

void xo_onednn_release(void *primitive)
{
    struct xo_primitive *p = primitive;
    if (!p)
        return;
    close_port(&p->source);
    close_port(&p->result);
    close_port(&p->weight);
    close_port(&p->bias);
    dnnl_memory_destroy(p->work);
    dnnl_primitive_destroy(p->primitive);
    free(p->reordered);
    free(p);
}

static dnnl_status_t lend_all(struct xo_onednn *o, struct xo_primitive *p, const float *source, const float *weight,
                              const float *bias, float *result)
{
    dnnl_status_t status = dnnl_memory_set_data_handle(p->work, aligned(o->scratch[XO_SCRATCH_WORK]));
    if (status == dnnl_success)
        status = lend(&p->source, source, o->scratch[XO_SCRATCH_SOURCE]);
    if (status == dnnl_success)
        status = lend(&p->result, result, o->scratch[XO_SCRATCH_RESULT]);
    if (status == dnnl_success && p->weight.outside && !p->weight_given)
        status = bring_weight(p, o, weight);
    if (status == dnnl_success && p->bias.outside)
        status = lend(&p->bias, bias, NULL);
    return status;
}

int xo_onednn_run(struct xo_onednn *o, struct xo_primitive *p, const float *source, const float *weight,
                  const float *bias, float *result)
{
    dnnl_exec_arg_t arguments[] = {
        { DNNL_ARG_SRC, inner(&p->source) }, { DNNL_ARG_DST, inner(&p->result) }, { DNNL_ARG_SCRATCHPAD, p->work },
        { DNNL_ARG_WEIGHTS, inner(&p->weight) }, { DNNL_ARG_BIAS, inner(&p->bias) }
    };
    int count = p->bias.outside ? 5 : p->weight.outside ? 4 : 3;
    dnnl_status_t status = lend_all(o, p, source, weight, bias, result);
    if (status == dnnl_success && p->source.reorder)
        status = reorder(o, &p->source, p->source.outside, p->source.inside, p->work);
    if (status == dnnl_success)
        status = dnnl_primitive_execute(p->primitive, o->stream, count, arguments);
    if (status == dnnl_success && p->result.reorder)
        status = reorder(o, &p->result, p->result.inside, p->result.outside, p->work);
    return xo_onednn_status(status);
}

#ifdef _OPENMP
int xo_serial_enter(void)
{
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    return threads;
}

void xo_serial_leave(int threads)
{
    omp_set_num_threads(threads);
}
#else
int xo_serial_enter(void)
{
    return 1;
}

void xo_serial_leave(int threads)
{
    (void)threads;
}
#endif
