/* What an operator is, and what its three functions see.  Private to dnn/.
 *     operators.c   the table: name -> functions; the only place that lists operators
 *     operator.c    what many of them need: axes, integer operands, broadcasting
 *     op_*.c        the operators, by family; definitions: ONNX operator specification (onnx/docs/Operators.md)
 *     onednn.c      oneDNN primitives: made once, run often
 *     call.c        one call of one; folding of constants
 *     plan.c        which value lies where: storage shared by values that do not live at the same time
 *     run.c         a graph for a number of images: shapes, storage, primitives; the forward pass
 *     forward.c     a network, blocks of images, threads
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_OPERATOR_H
#define XO_OPERATOR_H

#include "graph.h"
#include "run.h"

struct xo_onednn;
struct xo_operator;

/* One node about to be looked at or run. */
struct xo_call {
    const struct xo_graph *graph;
    size_t node;
    const struct xo_graph_node *n;
    const struct xo_operator *op;
    const struct xo_tensor **in;       /* [n->inputs]; NULL: left out.  infer: ->data is NULL where the value is not known yet */
    struct xo_tensor **out;            /* [n->outputs]; NULL: left out  */
    void *state;                       /* what prepare made             */
    struct xo_onednn *onednn;
    struct xo_info *info;
};

/* May a result lie where the first input lies? */
enum xo_sharing {
    XO_OWN,                            /* no                                                   */
    XO_VIEW,                           /* it is the same numbers, seen in another shape        */
    XO_OVER                            /* element by element: over an input nobody else reads  */
};

struct xo_operator {
    const char *name;
    int64_t since;                     /* the first opset that has it                          */
    size_t least, most;                /* inputs                                               */
    int (*infer)(struct xo_call *c);   /* sets type and shape of every output; checks whatever can be wrong */
    int (*run)(struct xo_call *c);     /* fills every output's data                            */
    int which;                         /* tells operators apart that share functions           */
    enum xo_sharing sharing;
    int (*prepare)(struct xo_call *c); /* may be NULL: primitives and tables for these shapes -> state */
    void (*release)(void *state);
};
enum { XO_ANY_NUMBER = 1 << 20 };      /* of inputs */

const struct xo_operator *xo_operator_find(const char *name);      /* NULL: no such operator */

/* One call, step by step. */
int xo_call_infer(struct xo_call *c);              /* counts inputs, then infer                          */
int xo_call_prepare(struct xo_call *c);
int xo_call_now(struct xo_call *c, struct xo_arena *arena);    /* all of it at once, results in the arena */
bool xo_call_known(const struct xo_call *c);       /* are all its inputs' values known?                  */

/* Inputs.  Failures name node, operator and opset. */
const struct xo_tensor *xo_in(const struct xo_call *c, size_t k);   /* NULL: left out */
int xo_call_fail(const struct xo_call *c, int status, const char *format, ...) XO_PRINTF(3, 4);
int xo_want_float(const struct xo_call *c, size_t k);
int xo_want_type(const struct xo_call *c, size_t k, enum xo_dtype type);
const char *xo_dtype_name(enum xo_dtype type);

/* The integers that input k holds (int64 or int32), at most `most` of them; they must be known when shapes are. */
int xo_integers(const struct xo_call *c, size_t k, size_t most, size_t *count, int64_t *value);
/* Integers that older opsets give as an attribute, newer ones as input k (XO_NONE: never). found false: neither. */
int xo_integers_or(const struct xo_call *c, const char *attribute, size_t k, size_t most, size_t *count, int64_t *value,
                   bool *found);

/* Axis -rank..rank-1 -> 0..rank-1. */
int xo_axis(const struct xo_call *c, int64_t axis, size_t rank, size_t *out);
int xo_axes(const struct xo_call *c, size_t count, const int64_t *axis, size_t rank, bool chosen[XO_MAX_RANK]);

/* Outputs. */
int xo_out(const struct xo_call *c, size_t k, enum xo_dtype type, size_t dimensions, const size_t *shape);
int xo_out_like(const struct xo_call *c, size_t k, const struct xo_tensor *t);
/* "(1, 3, 224, 224)" */
const char *xo_shape_text(size_t dimensions, const size_t *shape, char text[XO_MAX_RANK * 21 + 3]);

/* Shapes. */
size_t xo_product(const size_t *shape, size_t from, size_t to);
int xo_broadcast(const struct xo_call *c, size_t *dimensions, size_t shape[XO_MAX_RANK], const struct xo_tensor *t);
/* Steps, in elements, with which t is walked along the axes of a shape it is broadcast to: 0 where it is repeated. */
void xo_strides(const struct xo_tensor *t, size_t dimensions, size_t step[XO_MAX_RANK]);
/* Copy: out (dimensions, shape), row-major, element at (i0, i1, ...) from in[first + i0 step0 + i1 step1 + ...]. */
void xo_gather_strided(void *out, const void *in, size_t nbytes, size_t dimensions, const size_t *shape,
                       const ptrdiff_t *step, ptrdiff_t first);

/* A window that slides over one or two axes (vertical, horizontal; one axis: the vertical one has length 1). */
struct xo_sliding {
    size_t axes;                       /* 1, 2 */
    size_t in[2], out[2], kernel[2], stride[2], dilation[2], before[2], after[2];
};
/* kernel [axes]: from the weights, or NULL: from the attribute kernel_shape.  auto_pad and ceil_mode resolved. */
int xo_sliding_of(const struct xo_call *c, const size_t *kernel, struct xo_sliding *out);

/* Every operator's functions, as the table lists them. */
#define XO_OP(name) int xo_infer_##name(struct xo_call *c); int xo_run_##name(struct xo_call *c)
XO_OP(same);
XO_OP(dropout);
XO_OP(reshape);
XO_OP(flatten);
XO_OP(squeeze);
XO_OP(unsqueeze);
XO_OP(shape);
XO_OP(size);
XO_OP(constant_of_shape);
XO_OP(cast);
XO_OP(transpose);
XO_OP(slice);
XO_OP(expand);
XO_OP(concat);
XO_OP(split);
XO_OP(gather);
XO_OP(pad);
XO_OP(map);
XO_OP(clip);
XO_OP(prelu);
XO_OP(arithmetic);
XO_OP(compare);
XO_OP(where);
XO_OP(conv);
XO_OP(gemm);
XO_OP(matmul);
XO_OP(pool);
XO_OP(global_pool);
XO_OP(reduce);
XO_OP(arg);
XO_OP(batch_norm);
XO_OP(instance_norm);
XO_OP(layer_norm);
XO_OP(softmax);
XO_OP(quantise);
XO_OP(dequantise);
#undef XO_OP
int xo_prepare_conv(struct xo_call *c);
void xo_release_conv(void *state);
int xo_prepare_gemm(struct xo_call *c);
int xo_prepare_matmul(struct xo_call *c);
void xo_release_gemm(void *state);
int xo_prepare_map(struct xo_call *c);
int xo_prepare_softmax(struct xo_call *c);

/* `which` of operators that share functions. */
enum xo_map { XO_RELU, XO_LEAKY_RELU, XO_ELU, XO_HARD_SIGMOID, XO_HARD_SWISH, XO_SIGMOID, XO_TANH, XO_ERF, XO_GELU, XO_SOFTPLUS,
              XO_EXP, XO_LOG, XO_NEG, XO_ABS, XO_SQRT, XO_RECIPROCAL, XO_FLOOR, XO_CEIL, XO_NOT };
enum xo_arithmetic { XO_ADD, XO_SUB, XO_MUL, XO_DIV, XO_POW, XO_MIN, XO_MAX };
enum xo_compare { XO_EQUAL, XO_LESS, XO_GREATER };
enum xo_pool { XO_POOL_MAX, XO_POOL_AVERAGE };
enum xo_reduce { XO_REDUCE_MEAN, XO_REDUCE_SUM, XO_REDUCE_MAX, XO_REDUCE_MIN };

#endif
