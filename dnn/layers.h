/* What goes onto arrays: every Conv, Gemm and MatMul with constant weights, as matrices.  Private to dnn/.
 *     layers.c          which nodes, and their matrices
 *     layers_integers.c what a quantised model brings along
 *     layers_fold.c     BatchNormalization into weights and bias
 *     layers_resolve.c  an input's shape -> where a convolution's window walks
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_LAYERS_H
#define XO_LAYERS_H

#include "graph.h"
#include "xo_hardware.h"

/* How a convolution walks over its input, channels first; all resolved once the input's shape is known.
 * A Gemm or MatMul is a window of 1 x 1 over a 1 x 1 image of `channels` channels. */
struct xo_window {
    size_t channels, height, width;            /* of one image, all groups  */
    size_t out_height, out_width;
    size_t kernel[2], stride[2], dilation[2];  /* vertical, horizontal      */
    size_t pad[2];                             /* above, left of the image (below and right follow from the output) */
};

/* Integers a quantised model brings along (QuantizeLinear/DequantizeLinear); w and x as stored in the file. */
struct xo_model_integers {
    const void *weight;                /* int8_t or uint8_t, [groups][inputs][outputs]         */
    bool weight_unsigned, input_unsigned;
    int32_t *weight_zero;              /* [groups*outputs]                                     */
    float *weight_scale;               /* [groups*outputs]                                     */
    int32_t input_zero;
    float input_scale;
};

struct xo_layer {
    const char *name;                  /* of the ONNX node                                     */
    size_t node;
    size_t batch_norm;                 /* node folded into it; XO_NONE                         */
    size_t input, output;              /* values: what drives it (with integers: the quantised tensor in front of
                                          DequantizeLinear), what it yields (behind a folded BatchNormalization)    */
    bool is_convolution;
    size_t groups;                     /* > 1: grouped or depthwise convolution                */
    size_t inputs, outputs;            /* K, P of one group's matrix; order channel, kernel row, kernel column */
    float *weight;                     /* [groups][inputs][outputs], batch norm folded in      */
    float *bias;                       /* [groups*outputs]; zeros where there is none          */
    struct xo_window window;           /* kernel, stride, dilation; the rest by xo_layer_resolve */
    bool has_integers;
    struct xo_model_integers integers;
};

struct xo_layers {
    size_t count;
    struct xo_layer *layer;            /* in the order of the graph's nodes */
    struct xo_arena arena;
};

/* Find them, in a graph that xo_graph_fold has seen.  What stays digital, since it is no constant matrix applied to
 * what flows: MatMul with the constant on the left or of more than two dimensions, bias that varies by image.
 * XO_EUNSUPPORTED: Gemm with transA, Conv in three dimensions.  fold: into the weights goes a BatchNormalization that
 * alone reads the layer's result (W gamma/sqrt(var + eps) in double, rounded to float32 once; bias likewise). */
int xo_layers_find(struct xo_layers *out, const struct xo_graph *g, enum xo_batch_norm fold, struct xo_info *info);
/* The same, each layer by its own mapping.batch_norm. */
int xo_layers_find_for(struct xo_layers *out, const struct xo_graph *g, const struct xo_hardware *h,
                       struct xo_info *info);
void xo_layers_free(struct xo_layers *layers);

/* The window for an input of this shape: (N, C, H, W) or (N, C, W), pads as auto_pad or pads ask; (N, K) or (..., K),
 * where every row of K numbers is one image of 1 x 1.  XO_ESHAPE; XO_EUNSUPPORTED: negative pads
 * (both name the node). */
int xo_layer_resolve(struct xo_window *out, const struct xo_graph *g, const struct xo_layer *layer,
                     size_t dimensions, const size_t *shape, struct xo_info *info);

#endif
