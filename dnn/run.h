/* A forward pass, operator by operator; private to dnn/.  Array layers can be taken over by somebody else: the
 * evaluation engine hands in a hook, the float network runs without one.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_RUN_H
#define XO_RUN_H

#include "graph.h"
#include "layers.h"

/* Called instead of a layer's operator (and of the BatchNormalization folded into it).
 *   input   the layer's input value: float32, or the model's own integers
 *   output  allocated and shaped by the caller; float32
 * Returns 0 or a status.  Any of the functions may be NULL. */
struct xo_layer_hook {
    int (*run)(void *user, size_t layer, const struct xo_tensor *input, struct xo_tensor *output,
               struct xo_info *info);
    /* Called before a layer runs, taken over or not: calibration looks at inputs here. */
    int (*look)(void *user, size_t layer, const struct xo_tensor *input, struct xo_info *info);
    /* Which layers `run` takes over; NULL: all of them. */
    bool (*takes)(void *user, size_t layer);
    void *user;
};

/* Is there such an operator in this opset?  Readers refuse files with others. */
bool xo_operator_known(const char *name, int64_t opset);

/* Compute once what depends on constants only: such values become constants.  Their nodes stay, and so does
 * value->producer: that a weight came from DequantizeLinear of integers can still be seen.
 * XO_ESHAPE, XO_EVALUE, XO_EUNSUPPORTED (the node is named), XO_ETOOBIG, ENOMEM. */
int xo_graph_fold(struct xo_graph *g, struct xo_info *info);

/* Everything one thread needs for `images` images at a time: shapes inferred and checked, buffers, oneDNN primitives.
 * xo_run_images says how many images a pass takes: as many as the file fixes, else as many as are wanted.  Another
 * number is refused only where a node of the network depends on it. */
typedef struct xo_run xo_run;
size_t xo_run_images(const struct xo_graph *g, size_t wanted);
/* Shape of one image, without the batch: from the file where it is declared, else from the data.
 * Result: XO_ESHAPE if they contradict each other. */
int xo_run_new(xo_run **out, const struct xo_graph *g, const struct xo_layers *layers, size_t images,
               size_t image_dimensions, const size_t *image_shape, struct xo_info *info);
void xo_run_free(xo_run *r);
size_t xo_run_outputs(const xo_run *r);                     /* numbers per image in the result: classes */

/* image [images][product(image_shape)] -> logits [images][outputs].  hook may be NULL. */
int xo_run_forward(xo_run *r, const float *image, float *logits, const struct xo_layer_hook *hook,
                   struct xo_info *info);

#endif
