/* An ONNX file on its way into a graph.  Private to onnx_*.c.
 *     onnx_scan.c       are lengths, nesting and counts sane?   (protobuf-c recurses and believes what it reads)
 *     onnx_tensor.c     TensorProto -> struct xo_tensor
 *     onnx_external.c   tensors whose data lie in another file
 *     onnx_node.c       NodeProto -> struct xo_graph_node, with attributes
 *     onnx_read.c       the whole; values and their names
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_ONNX_H
#define XO_ONNX_H

#include "graph.h"
#include "onnx/onnx.pb-c.h"

enum { XO_MIN_OPSET = 7, XO_MAX_OPSET = 17 };

struct xo_onnx {
    struct xo_graph *g;
    const Onnx__GraphProto *graph;
    const char *name;                  /* of the file: for messages                       */
    const char *folder;                /* where external data lie; NULL: there are none   */
    size_t constant_nbytes;            /* of all constants so far                         */
    bool *defined;                     /* [g->values] has anybody yielded it yet?         */
    struct xo_info *info;
};

/* Bytes a person may trust protobuf-c with: XO_ESYNTAX names byte, finding and expectation; XO_ETOOBIG if what they
 * unfold to is out of all proportion. */
int xo_onnx_scan(const uint8_t *bytes, size_t nbytes, const char *name, struct xo_info *info);

/* A tensor into the graph's arena.  what: "initialiser", ...: for messages. */
int xo_onnx_tensor(struct xo_onnx *o, struct xo_tensor *out, const Onnx__TensorProto *t, const char *what);

/* Exactly nbytes of external data, allocated in the graph's arena. */
int xo_onnx_external(struct xo_onnx *o, const uint8_t **bytes, size_t nbytes, const Onnx__TensorProto *t);

/* The value of that name; XO_NONE for "" and for what nobody mentions. */
size_t xo_onnx_value(const struct xo_onnx *o, const char *name);
/* Somebody yields it: XO_EVALUE if somebody else already does.  who: "node Conv_3", "the input": for messages. */
int xo_onnx_define(struct xo_onnx *o, size_t value, const char *who);

/* Fill in g->node[g->nodes] and count it; place: its number in the file.  Constant nodes become constants. */
int xo_onnx_node(struct xo_onnx *o, const Onnx__NodeProto *p, size_t place);

/* Sort, count consumers, drop what the output does not need, make names unique.  (graph_sort.c) */
int xo_graph_sort(struct xo_graph *g, struct xo_info *info);

#endif
