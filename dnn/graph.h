/* A network as its ONNX file gives it, checked: constants, and nodes in an order in which they can run.
 * Private to dnn/.
 *     onnx_*.c      bytes -> struct xo_graph                    (onnx.h says which does what)
 *     graph.c       looking things up; what every operator needs from attributes
 *     graph_sort.c  the order; names
 *     layers*.c     struct xo_graph -> struct xo_layer[]        (what goes onto arrays)
 *     run.c, op_*.c the operators themselves
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_GRAPH_H
#define XO_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "arena.h"
#include "xo_status.h"

enum { XO_MAX_RANK = 8 };
#define XO_NONE SIZE_MAX               /* no value, no node, no tile */

/* Floating-point constants of 16 and 64 bits become float32 when read; other integers become int64. */
enum xo_dtype { XO_F32, XO_U8, XO_I8, XO_I32, XO_I64, XO_BOOL };
size_t xo_dtype_nbytes(enum xo_dtype type);

struct xo_tensor {
    enum xo_dtype type;
    size_t dimensions, shape[XO_MAX_RANK];
    void *data;                        /* product(shape) elements, row-major */
};
size_t xo_tensor_count(const struct xo_tensor *t);

struct xo_value {
    const char *name;
    bool is_constant;
    struct xo_tensor constant;         /* data in the graph's arena          */
    size_t producer;                   /* node, XO_NONE: initialiser, Constant or input; also of folded constants */
    size_t consumers;                  /* how many node inputs read it; +1 for the graph's output */
    size_t reader;                     /* the last node that does, XO_NONE   */
};

enum xo_attribute_kind { XO_ATTR_INT, XO_ATTR_FLOAT, XO_ATTR_TEXT, XO_ATTR_INTS, XO_ATTR_FLOATS, XO_ATTR_TENSOR };
struct xo_attribute {
    const char *name;
    enum xo_attribute_kind kind;
    int64_t i;
    float f;
    const char *text;
    size_t count;                      /* ints, floats */
    const int64_t *ints;
    const float *floats;
    struct xo_tensor tensor;
};

struct xo_graph_node {
    const char *name;                  /* never empty: "Conv_3" (place in the file) where it gives none */
    const char *op;                    /* "Conv"                                                    */
    size_t inputs, outputs;
    const size_t *input, *output;      /* values; XO_NONE: an optional one left out                 */
    size_t attributes;
    const struct xo_attribute *attribute;
};

struct xo_graph {
    const char *file;                  /* for messages */
    char sha256[65];
    int64_t opset;
    size_t values, nodes;
    struct xo_value *value;
    struct xo_graph_node *node;        /* sorted: producers first */
    size_t input, output;              /* values: the one input that is no constant; the first output */
    size_t input_dimensions;           /* of the declared input; 0: not declared */
    int64_t input_shape[XO_MAX_RANK];  /* -1: symbolic                           */
    struct xo_arena arena;             /* owns all of the above                  */
};

/* Read or parse (name for messages; folder "" or with '/' behind it: where external data lie; NULL: they are
 * refused). Nodes that the output does not need are dropped, but must be known; Constant nodes become constants.
 * XO_ESYNTAX, XO_EUNSUPPORTED (operator, opset, type: the node is named), XO_EVALUE, XO_ETOOBIG, errno, ENOMEM. */
int xo_graph_read(struct xo_graph *out, const char *path, struct xo_info *info);
int xo_graph_parse(struct xo_graph *out, const void *bytes, size_t nbytes, const char *name, const char *folder,
                   struct xo_info *info);
void xo_graph_free(struct xo_graph *g);

/* Attributes with their defaults. */
const struct xo_attribute *xo_attribute(const struct xo_graph_node *n, const char *name);    /* NULL: absent */
int64_t xo_attribute_int(const struct xo_graph_node *n, const char *name, int64_t otherwise);
float xo_attribute_float(const struct xo_graph_node *n, const char *name, float otherwise);
const char *xo_attribute_text(const struct xo_graph_node *n, const char *name, const char *otherwise);

/* "model.onnx: node conv1 (Conv, opset 13): <text>" */
int xo_node_fail(struct xo_info *info, int status, const struct xo_graph *g, size_t node, const char *format, ...)
    XO_PRINTF(5, 6);

#endif
