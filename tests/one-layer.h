/* A network of one layer on arrays, made in memory: random weights and inputs, a hardware description given as
 * settings.  What comes out is compared with what a test computes by itself.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ONE_LAYER_H
#define ONE_LAYER_H

#include <stdint.h>
#include "engine.h"

struct one_layer {
    /* chosen by the test */
    size_t images, channels, height, width;    /* Gemm: channels alone */
    size_t groups, outputs;                    /* outputs of a group   */
    size_t kernel[2], stride[2], dilation[2], pad[4];
    int is_convolution, is_signed;             /* is_signed: inputs of both signs */
    int own;                                   /* own integers: 1 weights int8, inputs uint8; 2 uint8, int8 */
    unsigned long long seed;

    /* made */
    size_t inputs;                             /* K of a group */
    size_t out_height, out_width;
    float *weight, *bias, *x, *y;
    uint8_t *own_weight, *own_x;
    struct xo_layer layer;
    struct xo_layers layers;
    struct xo_graph graph;
    struct xo_graph_node node;
    struct xo_value value[3];
    size_t in[2], out[1];
    struct xo_attribute pads;
    int64_t pads_ints[4];
    struct xo_layer_range range;
    struct xo_hardware hardware;
    const struct xo_hardware *layer_hardware;
};

/* settings: "key=value", NULL behind the last. */
int one_layer_new(struct one_layer *o, const char *const *settings);
/* Wires, drivers and sense amplifiers of 0 ohm. */
void one_layer_without_wires(struct one_layer *o);
void one_layer_free(struct one_layer *o);

/* All images through a stage into o->y [images][groups*outputs][out_height][out_width], `at_once` images in a call.
 * The engine must have been made by one_layer_engine: which calibrates with the same images. */
int one_layer_engine(xo_engine_dnn **e, struct one_layer *o, struct xo_info *info);
/* The same layer on programmed arrays, calibrated likewise. */
int one_layer_program(xo_engine_dnn **e, struct one_layer *o, const xo_engine_dnn *base,
                      const struct xo_programming *how, struct xo_info *info);
int one_layer_run(struct one_layer *o, xo_engine_dnn *e, enum xo_stage stage, size_t at_once,
                  struct xo_layer_counts *count, struct xo_info *info);
size_t one_layer_results(const struct one_layer *o);

#endif
