/* ONNX files made in memory.  Everything lies in the file's arena.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "onnx-file.h"

#include <stdlib.h>
#include <string.h>

static void *get(struct onnx_file *f, size_t count, size_t size)
{
    void *memory = xo_arena_alloc(&f->arena, count, size);
    if (!memory)
        abort();
    return memory;
}

static void *copy(struct onnx_file *f, const void *from, size_t nbytes)
{
    void *to = get(f, nbytes + 1, 1);
    if (nbytes)
        memcpy(to, from, nbytes);
    return to;
}

static char *text(struct onnx_file *f, const char *from) { return copy(f, from, strlen(from)); }

/* A list, of pointers of whatever type, with one element more. */
static void append(struct onnx_file *f, void *list, size_t *count, void *element)
{
    void **array;
    memcpy(&array, list, sizeof array);
    if ((*count & (*count - 1)) == 0) {            /* 0 and powers of two: twice the room */
        void **longer = get(f, 2 * *count + 1, sizeof *longer);
        if (*count)
            memcpy(longer, array, *count * sizeof *longer);
        memcpy(list, &longer, sizeof longer);
        array = longer;
    }
    memcpy(&array[(*count)++], &element, sizeof element);
}

#define NEW(f, type, init) ((type *)initialised(get((f), 1, sizeof(type)), &(type)init, sizeof(type)))
static void *initialised(void *memory, const void *from, size_t nbytes) { return memcpy(memory, from, nbytes); }

void onnx_begin(struct onnx_file *f, int64_t opset)
{
    Onnx__OperatorSetIdProto *id;
    memset(f, 0, sizeof *f);
    f->model = NEW(f, Onnx__ModelProto, ONNX__MODEL_PROTO__INIT);
    f->graph = NEW(f, Onnx__GraphProto, ONNX__GRAPH_PROTO__INIT);
    id = NEW(f, Onnx__OperatorSetIdProto, ONNX__OPERATOR_SET_ID_PROTO__INIT);
    id->domain = text(f, "");
    id->has_version = 1;
    id->version = opset;
    f->model->has_ir_version = 1;
    f->model->ir_version = 7;
    f->model->graph = f->graph;
    append(f, &f->model->opset_import, &f->model->n_opset_import, id);
}

void onnx_end(struct onnx_file *f)
{
    xo_arena_free(&f->arena);
    memset(f, 0, sizeof *f);
}

uint8_t *onnx_pack(struct onnx_file *f, size_t *nbytes)
{
    uint8_t *bytes = get(f, onnx__model_proto__get_packed_size(f->model) + 1, 1);
    *nbytes = onnx__model_proto__pack(f->model, bytes);
    return bytes;
}

/* ---- values --------------------------------------------------------------------------------------- */

static Onnx__TensorShapeProto *shape_of(struct onnx_file *f, size_t dimensions, const int64_t *shape)
{
    Onnx__TensorShapeProto *s = NEW(f, Onnx__TensorShapeProto, ONNX__TENSOR_SHAPE_PROTO__INIT);
    for (size_t k = 0; k < dimensions; k++) {
        Onnx__TensorShapeProto__Dimension *d =
            NEW(f, Onnx__TensorShapeProto__Dimension, ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT);
        if (shape[k] == -1) {
            d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            d->dim_param = text(f, "N");
        } else {
            d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            d->dim_value = shape[k];
        }
        append(f, &s->dim, &s->n_dim, d);
    }
    return s;
}

Onnx__ValueInfoProto *onnx_input(struct onnx_file *f, const char *name, size_t dimensions, const int64_t *shape)
{
    Onnx__ValueInfoProto *v = NEW(f, Onnx__ValueInfoProto, ONNX__VALUE_INFO_PROTO__INIT);
    v->name = text(f, name);
    v->type = NEW(f, Onnx__TypeProto, ONNX__TYPE_PROTO__INIT);
    v->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    v->type->tensor_type = NEW(f, Onnx__TypeProto__Tensor, ONNX__TYPE_PROTO__TENSOR__INIT);
    v->type->tensor_type->has_elem_type = 1;
    v->type->tensor_type->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    if (shape)
        v->type->tensor_type->shape = shape_of(f, dimensions, shape);
    append(f, &f->graph->input, &f->graph->n_input, v);
    return v;
}

void onnx_output(struct onnx_file *f, const char *name)
{
    Onnx__ValueInfoProto *v = NEW(f, Onnx__ValueInfoProto, ONNX__VALUE_INFO_PROTO__INIT);
    v->name = text(f, name);
    append(f, &f->graph->output, &f->graph->n_output, v);
}

/* ---- nodes ---------------------------------------------------------------------------------------- */

static void split(struct onnx_file *f, char ***list, size_t *count, const char *names)
{
    while (*names) {
        size_t length = strcspn(names, ",");
        append(f, list, count, copy(f, names, length));
        names += length + (names[length] == ',');
    }
}

Onnx__NodeProto *onnx_node(struct onnx_file *f, const char *op, const char *name, const char *inputs,
                           const char *outputs)
{
    Onnx__NodeProto *n = NEW(f, Onnx__NodeProto, ONNX__NODE_PROTO__INIT);
    n->op_type = text(f, op);
    n->name = *name ? text(f, name) : NULL;
    split(f, &n->input, &n->n_input, inputs);
    split(f, &n->output, &n->n_output, outputs);
    append(f, &f->graph->node, &f->graph->n_node, n);
    return n;
}

Onnx__AttributeProto *onnx_attribute(struct onnx_file *f, Onnx__NodeProto *n, const char *name,
                                     Onnx__AttributeProto__AttributeType type)
{
    Onnx__AttributeProto *a = NEW(f, Onnx__AttributeProto, ONNX__ATTRIBUTE_PROTO__INIT);
    a->name = text(f, name);
    a->has_type = 1;
    a->type = type;
    append(f, &n->attribute, &n->n_attribute, a);
    return a;
}

Onnx__AttributeProto *onnx_int(struct onnx_file *f, Onnx__NodeProto *n, const char *name, int64_t value)
{
    Onnx__AttributeProto *a = onnx_attribute(f, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    a->has_i = 1;
    a->i = value;
    return a;
}

Onnx__AttributeProto *onnx_float(struct onnx_file *f, Onnx__NodeProto *n, const char *name, float value)
{
    Onnx__AttributeProto *a = onnx_attribute(f, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    a->has_f = 1;
    a->f = value;
    return a;
}

Onnx__AttributeProto *onnx_text(struct onnx_file *f, Onnx__NodeProto *n, const char *name, const char *value)
{
    Onnx__AttributeProto *a = onnx_attribute(f, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    a->has_s = 1;
    a->s = (ProtobufCBinaryData){ strlen(value), (uint8_t *)text(f, value) };
    return a;
}

Onnx__AttributeProto *onnx_ints(struct onnx_file *f, Onnx__NodeProto *n, const char *name, size_t count,
                                const int64_t *value)
{
    Onnx__AttributeProto *a = onnx_attribute(f, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    a->n_ints = count;
    a->ints = copy(f, value, count * sizeof *value);
    return a;
}

Onnx__AttributeProto *onnx_reals(struct onnx_file *f, Onnx__NodeProto *n, const char *name, size_t count,
                                 const float *value)
{
    Onnx__AttributeProto *a = onnx_attribute(f, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
    a->n_floats = count;
    a->floats = copy(f, value, count * sizeof *value);
    return a;
}

/* ---- tensors -------------------------------------------------------------------------------------- */

Onnx__TensorProto *onnx_shape(struct onnx_file *f, const char *name, int type, size_t dimensions,
                              const int64_t *shape)
{
    Onnx__TensorProto *t = NEW(f, Onnx__TensorProto, ONNX__TENSOR_PROTO__INIT);
    t->name = *name ? text(f, name) : NULL;
    t->has_data_type = 1;
    t->data_type = type;
    t->n_dims = dimensions;
    t->dims = copy(f, shape, dimensions * sizeof *shape);
    return t;
}

Onnx__TensorProto *onnx_raw(struct onnx_file *f, const char *name, int type, size_t dimensions, const int64_t *shape,
                            const void *data, size_t nbytes)
{
    Onnx__TensorProto *t = onnx_shape(f, name, type, dimensions, shape);
    t->has_raw_data = 1;
    t->raw_data = (ProtobufCBinaryData){ nbytes, copy(f, data, nbytes) };
    return t;
}

Onnx__TensorProto *onnx_initialiser(struct onnx_file *f, Onnx__TensorProto *t)
{
    append(f, &f->graph->initializer, &f->graph->n_initializer, t);
    return t;
}

void onnx_tensor(struct onnx_file *f, Onnx__NodeProto *n, const char *name, Onnx__TensorProto *t)
{
    onnx_attribute(f, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR)->t = t;
}

static size_t product(size_t dimensions, const int64_t *shape)
{
    size_t count = 1;
    for (size_t k = 0; k < dimensions; k++)
        count *= (size_t)shape[k];
    return count;
}

void onnx_floats(struct onnx_file *f, const char *name, size_t dimensions, const int64_t *shape, const float *data)
{
    onnx_initialiser(f, onnx_raw(f, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, dimensions, shape, data,
                                 4 * product(dimensions, shape)));
}

void onnx_int64s(struct onnx_file *f, const char *name, size_t count, const int64_t *data)
{
    onnx_initialiser(f, onnx_raw(f, name, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 1, (int64_t[]){ (int64_t)count },
                                 data, 8 * count));
}

static void add_entry(struct onnx_file *f, Onnx__TensorProto *t, const char *key, const char *value)
{
    Onnx__StringStringEntryProto *e = NEW(f, Onnx__StringStringEntryProto, ONNX__STRING_STRING_ENTRY_PROTO__INIT);
    if (!value)
        return;
    e->key = text(f, key);
    e->value = text(f, value);
    append(f, &t->external_data, &t->n_external_data, e);
}

void onnx_elsewhere(struct onnx_file *f, Onnx__TensorProto *t, const char *location, const char *offset,
                    const char *length)
{
    t->has_data_location = 1;
    t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    add_entry(f, t, "location", location);
    add_entry(f, t, "offset", offset);
    add_entry(f, t, "length", length);
}

/* ---- a graph -------------------------------------------------------------------------------------- */

static Onnx__TensorProto *tensor_of(struct onnx_file *f, const char *name, const struct xo_tensor *t)
{
    static const int type[] = {
        [XO_F32] = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, [XO_U8] = ONNX__TENSOR_PROTO__DATA_TYPE__UINT8,
        [XO_I8] = ONNX__TENSOR_PROTO__DATA_TYPE__INT8,   [XO_I32] = ONNX__TENSOR_PROTO__DATA_TYPE__INT32,
        [XO_I64] = ONNX__TENSOR_PROTO__DATA_TYPE__INT64, [XO_BOOL] = ONNX__TENSOR_PROTO__DATA_TYPE__BOOL };
    int64_t shape[XO_MAX_RANK];
    for (size_t k = 0; k < t->dimensions; k++)
        shape[k] = (int64_t)t->shape[k];
    return onnx_raw(f, name, type[t->type], t->dimensions, shape, t->data,
                    xo_tensor_count(t) * xo_dtype_nbytes(t->type));
}

static void attribute_of(struct onnx_file *f, Onnx__NodeProto *n, const struct xo_attribute *a)
{
    switch (a->kind) {
    case XO_ATTR_INT: onnx_int(f, n, a->name, a->i); break;
    case XO_ATTR_FLOAT: onnx_float(f, n, a->name, a->f); break;
    case XO_ATTR_TEXT: onnx_text(f, n, a->name, a->text); break;
    case XO_ATTR_INTS: onnx_ints(f, n, a->name, a->count, a->ints); break;
    case XO_ATTR_FLOATS: onnx_reals(f, n, a->name, a->count, a->floats); break;
    case XO_ATTR_TENSOR: onnx_tensor(f, n, a->name, tensor_of(f, "", &a->tensor)); break;
    }
}

static char *name_of(struct onnx_file *f, const struct xo_graph *g, size_t value)
{
    return text(f, value == XO_NONE ? "" : g->value[value].name);
}

static void node_of(struct onnx_file *f, const struct xo_graph *g, const struct xo_graph_node *from)
{
    Onnx__NodeProto *n = onnx_node(f, from->op, from->name, "", "");
    if (!strcmp(from->op, "Gelu"))
        n->domain = text(f, "com.microsoft");
    for (size_t k = 0; k < from->inputs; k++)
        append(f, &n->input, &n->n_input, name_of(f, g, from->input[k]));
    for (size_t k = 0; k < from->outputs; k++)
        append(f, &n->output, &n->n_output, name_of(f, g, from->output[k]));
    for (size_t k = 0; k < from->attributes; k++)
        attribute_of(f, n, &from->attribute[k]);
}

void onnx_of_graph(struct onnx_file *f, const struct xo_graph *g)
{
    onnx_begin(f, g->opset);
    onnx_input(f, g->value[g->input].name, g->input_dimensions, g->input_dimensions ? g->input_shape : NULL);
    onnx_output(f, g->value[g->output].name);
    for (size_t k = 0; k < g->values; k++)
        if (g->value[k].is_constant && g->value[k].producer == XO_NONE)
            onnx_initialiser(f, tensor_of(f, g->value[k].name, &g->value[k].constant));
    for (size_t k = 0; k < g->nodes; k++)
        node_of(f, g, &g->node[k]);
}
