/* A graph -> an ONNX file, with the packer that protoc-c generates.  What depends on constants only is written as the
 * constant it is; everything else keeps its name.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <string.h>
#include "memory.h"
#include "onnx.h"
#include "onnx_write.h"
#include "xo_file.h"

/* Everything lies in one arena; a list has room for what the graph has. */
struct file {
    struct xo_arena arena;
    const struct xo_graph *g;
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto opset[2], *opset_list[2];
    Onnx__ValueInfoProto input, output, *input_list[1], *output_list[1];
    bool full;                         /* no memory at some point */
};

static void *get(struct file *f, size_t count, size_t size)
{
    void *memory = xo_arena_alloc(&f->arena, count ? count : 1, size);
    f->full |= !memory;
    return memory;
}

/* protobuf-c has no const: nothing is written to what is borrowed. */
static char *text_of(const char *text)
{
    char *same;
    memcpy(&same, &text, sizeof same);
    return same;
}

static char *name_of(const struct xo_graph *g, size_t value)
{
    return text_of(value == XO_NONE ? "" : g->value[value].name);
}

/* ---- tensors and types ----------------------------------------------------------------------------- */

static Onnx__TensorProto *tensor_of(struct file *f, const char *name, const struct xo_tensor *from)
{
    static const int32_t type[] = {
        [XO_F32] = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, [XO_U8] = ONNX__TENSOR_PROTO__DATA_TYPE__UINT8,
        [XO_I8] = ONNX__TENSOR_PROTO__DATA_TYPE__INT8,   [XO_I32] = ONNX__TENSOR_PROTO__DATA_TYPE__INT32,
        [XO_I64] = ONNX__TENSOR_PROTO__DATA_TYPE__INT64, [XO_BOOL] = ONNX__TENSOR_PROTO__DATA_TYPE__BOOL };
    Onnx__TensorProto *t = get(f, 1, sizeof *t);
    int64_t *shape = get(f, from->dimensions, sizeof *shape);
    if (!t || !shape)
        return NULL;
    onnx__tensor_proto__init(t);
    for (size_t k = 0; k < from->dimensions; k++)
        shape[k] = (int64_t)from->shape[k];
    t->name = text_of(name);
    t->has_data_type = 1;
    t->data_type = type[from->type];
    t->n_dims = from->dimensions;
    t->dims = shape;
    t->has_raw_data = 1;
    t->raw_data = (ProtobufCBinaryData){ xo_tensor_count(from) * xo_dtype_nbytes(from->type), from->data };
    return t;
}

/* float32; dimensions that are not fixed get a name, the batch the same one everywhere. */
static Onnx__TypeProto *type_of(struct file *f, bool has_shape, size_t dimensions, const int64_t *size)
{
    Onnx__TypeProto *type = get(f, 1, sizeof *type);
    Onnx__TypeProto__Tensor *tensor = get(f, 1, sizeof *tensor);
    Onnx__TensorShapeProto *shape = get(f, 1, sizeof *shape);
    Onnx__TensorShapeProto__Dimension *d = get(f, dimensions, sizeof *d), **list = get(f, dimensions, sizeof(void *));
    if (!type || !tensor || !shape || !d || !list)
        return NULL;
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor);
    onnx__tensor_shape_proto__init(shape);
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    tensor->has_elem_type = 1;
    tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor->shape = has_shape ? shape : NULL;
    shape->n_dim = dimensions;
    shape->dim = list;
    for (size_t k = 0; k < dimensions; k++) {
        static const char *const name[XO_MAX_RANK] = { "N", "D1", "D2", "D3", "D4", "D5", "D6", "D7" };
        list[k] = &d[k];
        onnx__tensor_shape_proto__dimension__init(&d[k]);
        d[k].value_case = size[k] < 0 ? ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM
                                      : ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        if (size[k] < 0)
            d[k].dim_param = text_of(name[k]);
        else
            d[k].dim_value = size[k];
    }
    return type;
}

/* ---- nodes ----------------------------------------------------------------------------------------- */

static void set_attribute(struct file *f, Onnx__AttributeProto *to, const struct xo_attribute *a)
{
    int64_t *ints = a->kind == XO_ATTR_INTS ? get(f, a->count, sizeof *ints) : NULL;
    float *floats = a->kind == XO_ATTR_FLOATS ? get(f, a->count, sizeof *floats) : NULL;
    onnx__attribute_proto__init(to);
    to->name = text_of(a->name);
    to->has_type = 1;
    switch (a->kind) {
    case XO_ATTR_INT:
        to->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        to->has_i = 1;
        to->i = a->i;
        break;
    case XO_ATTR_FLOAT:
        to->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
        to->has_f = 1;
        to->f = a->f;
        break;
    case XO_ATTR_TEXT:
        to->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
        to->has_s = 1;
        to->s = (ProtobufCBinaryData){ strlen(a->text), (uint8_t *)text_of(a->text) };
        break;
    case XO_ATTR_INTS:
        to->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
        to->n_ints = a->count;
        to->ints = ints && a->count ? memcpy(ints, a->ints, a->count * sizeof *ints) : ints;
        break;
    case XO_ATTR_FLOATS:
        to->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
        to->n_floats = a->count;
        to->floats = floats && a->count ? memcpy(floats, a->floats, a->count * sizeof *floats) : floats;
        break;
    case XO_ATTR_TENSOR:
        to->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
        to->t = tensor_of(f, "", &a->tensor);
        break;
    }
}

static Onnx__NodeProto *node_of(struct file *f, const struct xo_graph_node *from)
{
    Onnx__NodeProto *n = get(f, 1, sizeof *n);
    Onnx__AttributeProto *a = get(f, from->attributes, sizeof *a), **list = get(f, from->attributes, sizeof(void *));
    char **input = get(f, from->inputs, sizeof *input), **output = get(f, from->outputs, sizeof *output);
    if (!n || !a || !list || !input || !output)
        return NULL;
    onnx__node_proto__init(n);
    n->name = text_of(from->name);
    n->op_type = text_of(from->op);
    n->domain = text_of(strcmp(from->op, "Gelu") ? "" : "com.microsoft");
    n->n_input = from->inputs;
    n->input = input;
    n->n_output = from->outputs;
    n->output = output;
    n->n_attribute = from->attributes;
    n->attribute = list;
    for (size_t k = 0; k < from->inputs; k++)
        input[k] = name_of(f->g, from->input[k]);
    for (size_t k = 0; k < from->outputs; k++)
        output[k] = name_of(f->g, from->output[k]);
    for (size_t k = 0; k < from->attributes; k++)
        set_attribute(f, list[k] = &a[k], &from->attribute[k]);
    return n;
}

/* ---- the graph ------------------------------------------------------------------------------------- */

static bool is_computed(const struct xo_graph *g, const struct xo_graph_node *n)
{
    for (size_t k = 0; k < n->outputs; k++)
        if (n->output[k] != XO_NONE && !g->value[n->output[k]].is_constant)
            return true;
    return false;
}

/* Constants that nodes read, or that are the result. */
static int put_constants(struct file *f)
{
    const struct xo_graph *g = f->g;
    bool *read = get(f, g->values, sizeof *read);
    f->graph.initializer = get(f, g->values, sizeof(void *));
    if (!read || !f->graph.initializer)
        return ENOMEM;
    read[g->output] = true;
    for (size_t n = 0; n < g->nodes; n++)
        for (size_t k = 0; is_computed(g, &g->node[n]) && k < g->node[n].inputs; k++)
            if (g->node[n].input[k] != XO_NONE)
                read[g->node[n].input[k]] = true;
    for (size_t v = 0; v < g->values; v++)
        if (read[v] && g->value[v].is_constant)
            f->graph.initializer[f->graph.n_initializer++] = tensor_of(f, g->value[v].name, &g->value[v].constant);
    return 0;
}

static int put_nodes(struct file *f)
{
    f->graph.node = get(f, f->g->nodes, sizeof(void *));
    for (size_t n = 0; f->graph.node && n < f->g->nodes; n++)
        if (is_computed(f->g, &f->g->node[n]))
            f->graph.node[f->graph.n_node++] = node_of(f, &f->g->node[n]);
    return f->graph.node ? 0 : ENOMEM;
}

static void put_ends(struct file *f)
{
    const struct xo_graph *g = f->g;
    onnx__value_info_proto__init(&f->input);
    onnx__value_info_proto__init(&f->output);
    f->input.name = name_of(g, g->input);
    f->output.name = name_of(g, g->output);
    f->input.type = type_of(f, g->input_dimensions > 0, g->input_dimensions, g->input_shape);
    f->output.type = type_of(f, false, 0, NULL);
    f->graph.n_input = f->graph.n_output = 1;
    f->graph.input = f->input_list;
    f->graph.output = f->output_list;
    f->input_list[0] = &f->input;
    f->output_list[0] = &f->output;
}

static bool uses_gelu(const struct xo_graph *g)
{
    for (size_t n = 0; n < g->nodes; n++)
        if (!strcmp(g->node[n].op, "Gelu"))
            return true;
    return false;
}

/* IR version 4: initialisers are no inputs.  Opset 13 and later ask for 7. */
static void put_model(struct file *f)
{
    onnx__model_proto__init(&f->model);
    onnx__graph_proto__init(&f->graph);
    for (int k = 0; k < 2; k++) {
        onnx__operator_set_id_proto__init(&f->opset[k]);
        f->opset[k].has_version = 1;
        f->opset_list[k] = &f->opset[k];
    }
    f->opset[0].domain = text_of("");
    f->opset[0].version = f->g->opset;
    f->opset[1].domain = text_of("com.microsoft");
    f->opset[1].version = 1;
    f->model.has_ir_version = 1;
    f->model.ir_version = f->g->opset < 13 ? 4 : f->g->opset < 15 ? 7 : 8;
    f->model.producer_name = text_of("crossohm");
    f->model.producer_version = text_of(PACKAGE_VERSION);
    f->model.n_opset_import = uses_gelu(f->g) ? 2 : 1;
    f->model.opset_import = f->opset_list;
    f->model.graph = &f->graph;
    f->graph.name = text_of("graph");
}

static int write_packed(struct file *f, const char *path, struct xo_info *info)
{
    struct xo_writer w;
    size_t nbytes = onnx__model_proto__get_packed_size(&f->model);
    if (nbytes > INT32_MAX)
        return xo_fail(info, XO_ETOOBIG, "%s: the model takes %zu bytes; expected less than 2^31, which an ONNX file "
                       "can hold", path, nbytes);
    uint8_t *bytes = xo_calloc(nbytes, 1);
    int status = bytes ? xo_writer_open(&w, path, info) : ENOMEM;
    if (!status) {
        onnx__model_proto__pack(&f->model, bytes);
        fwrite(bytes, 1, nbytes, w.stream);
        status = xo_writer_commit(&w, info);
    }
    free(bytes);
    return status;
}

int xo_graph_write(const struct xo_graph *g, const char *path, struct xo_info *info)
{
    struct file f = { .g = g };
    put_model(&f);
    put_ends(&f);
    int status = put_constants(&f);
    if (!status)
        status = put_nodes(&f);
    if (!status && f.full)
        status = ENOMEM;
    if (!status)
        status = write_packed(&f, path, info);
    xo_arena_free(&f.arena);
    return status;
}
