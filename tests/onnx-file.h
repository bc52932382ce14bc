/* ONNX files made in memory, for tests: with the packer that protoc-c generates, so that what our reader reads was
 * not written by our own hand.
 *     struct onnx_file f = { 0 };
 *     onnx_begin(&f, 13);
 *     onnx_input(&f, "x", 2, (int64_t[]){ -1, 3 });
 *     onnx_floats(&f, "w", 2, (int64_t[]){ 3, 2 }, numbers);
 *     onnx_node(&f, "MatMul", "fc", "x,w", "y");
 *     onnx_output(&f, "y");
 *     bytes = onnx_pack(&f, &nbytes);
 *     ...
 *     onnx_end(&f);                   frees the bytes too
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ONNX_FILE_H
#define ONNX_FILE_H

#include "arena.h"
#include "graph.h"
#include "onnx/onnx.pb-c.h"

struct onnx_file {
    struct xo_arena arena;
    Onnx__ModelProto *model;
    Onnx__GraphProto *graph;
};
void onnx_begin(struct onnx_file *f, int64_t opset);
void onnx_end(struct onnx_file *f);
uint8_t *onnx_pack(struct onnx_file *f, size_t *nbytes);

/* dimension -1: symbolic ("N") */
Onnx__ValueInfoProto *onnx_input(struct onnx_file *f, const char *name, size_t dimensions, const int64_t *shape);
void onnx_output(struct onnx_file *f, const char *name);

/* Inputs and outputs: "x,w,,b"; "" between commas is one left out. */
Onnx__NodeProto *onnx_node(struct onnx_file *f, const char *op, const char *name, const char *inputs,
                           const char *outputs);
Onnx__AttributeProto *onnx_int(struct onnx_file *f, Onnx__NodeProto *n, const char *name, int64_t value);
Onnx__AttributeProto *onnx_float(struct onnx_file *f, Onnx__NodeProto *n, const char *name, float value);
Onnx__AttributeProto *onnx_text(struct onnx_file *f, Onnx__NodeProto *n, const char *name, const char *value);
Onnx__AttributeProto *onnx_ints(struct onnx_file *f, Onnx__NodeProto *n, const char *name, size_t count,
                                const int64_t *value);
Onnx__AttributeProto *onnx_reals(struct onnx_file *f, Onnx__NodeProto *n, const char *name, size_t count,
                                 const float *value);
Onnx__AttributeProto *onnx_attribute(struct onnx_file *f, Onnx__NodeProto *n, const char *name,
                                     Onnx__AttributeProto__AttributeType type);

/* A tensor without data yet; one with raw data, little endian; both not yet in the file. */
Onnx__TensorProto *onnx_shape(struct onnx_file *f, const char *name, int type, size_t dimensions,
                              const int64_t *shape);
Onnx__TensorProto *onnx_raw(struct onnx_file *f, const char *name, int type, size_t dimensions, const int64_t *shape,
                            const void *data, size_t nbytes);
/* Into the file, as an initialiser; into a node, as an attribute. */
Onnx__TensorProto *onnx_initialiser(struct onnx_file *f, Onnx__TensorProto *t);
void onnx_tensor(struct onnx_file *f, Onnx__NodeProto *n, const char *name, Onnx__TensorProto *t);
/* The usual ones: raw initialisers. */
void onnx_floats(struct onnx_file *f, const char *name, size_t dimensions, const int64_t *shape, const float *data);
void onnx_int64s(struct onnx_file *f, const char *name, size_t count, const int64_t *data);
/* Data that lie elsewhere; offset and length may be NULL. */
void onnx_elsewhere(struct onnx_file *f, Onnx__TensorProto *t, const char *location, const char *offset,
                    const char *length);

/* A graph back into a file: what fuzz-onnx prints. */
void onnx_of_graph(struct onnx_file *f, const struct xo_graph *g);

#endif
