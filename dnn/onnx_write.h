/* Graphs as files, and with other weights.  Private to dnn/.
 *     onnx_write.c        struct xo_graph -> ONNX
 *     effective.c         what a layer's arrays multiply by
 *     effective_graph.c   a graph in which that takes the place of the weights
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_ONNX_WRITE_H
#define XO_ONNX_WRITE_H

#include "effective.h"
#include "graph.h"

/* Write atomically.  XO_ETOOBIG beyond what such a file can hold, errno, ENOMEM. */
int xo_graph_write(const struct xo_graph *g, const char *path, struct xo_info *info);

/* A graph that borrows from g and e: every layer on arrays with what its arrays multiply by for weights, what was folded
 * into it gone.  Inputs of nodes that are not layers on arrays are as they were.  Release with xo_graph_free before g.
 * What xo_effective_new says; ENOMEM. */
int xo_effective_graph(struct xo_graph *out, const struct xo_graph *g, const xo_engine_dnn *e, int threads,
                       struct xo_info *info);

#endif
