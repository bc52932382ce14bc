/* A trained network from an ONNX file, in float32.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_NETWORK_H
#define XO_NETWORK_H

#include <stddef.h>
#include "xo_status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct xo_network xo_network;

/* Read an ONNX file (opset 7 to 17).  XO_ESYNTAX for what is not such a file (truncated, nested too deep, lengths
 * that lie), XO_EUNSUPPORTED for an operator, opset or type that is not offered (node, operator and opset are named),
 * XO_EVALUE, XO_ETOOBIG, errno, ENOMEM.  On failure *out is untouched. */
int xo_network_read(xo_network **out, const char *path, struct xo_info *info);
/* The same from memory, without external data: what the fuzz target drives. */
int xo_network_parse(xo_network **out, const void *bytes, size_t nbytes, const char *name, struct xo_info *info);
void xo_network_free(xo_network *n);                        /* NULL allowed */

const char *xo_network_sha256(const xo_network *n);         /* of the file, 64 hexadecimal digits */
/* The shape of one image (channels, height, width) or (features) as declared; dimensions 0, XO_ESHAPE where not. */
int xo_network_image_shape(const xo_network *n, size_t *dimensions, size_t shape[8]);

/* Logits of a float32 forward pass, `threads` at a time (same bytes for any number).
 *   image  [images][product(shape)]   as preprocessed
 *   logits [images][classes] out, allocated here, freed by the caller with free()
 * XO_ESHAPE if the network cannot take such images; ENOMEM. */
int xo_network_forward(const xo_network *n, size_t images, size_t dimensions, const size_t *shape, const float *image,
                       int threads, float **logits, size_t *classes, struct xo_info *info);

#ifdef __cplusplus
}
#endif
#endif
