/* An ONNX file -> a graph: opset, values by name, constants, the one input, nodes, the output.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "input.h"
#include "memory.h"
#include "onnx.h"
#include "sha256.h"

#define MAX_FILE_NBYTES ((size_t)INT32_MAX)    /* protocol buffers end there */

/* ---- protobuf-c ----------------------------------------------------------------------------------- */

static void *allocate(void *failed, size_t nbytes)
{
    void *block = xo_calloc(nbytes, 1);
    if (!block)
        *(bool *)failed = true;
    return block;
}

static void release(void *failed, void *block)
{
    (void)failed;
    free(block);
}

static int unpack(Onnx__ModelProto **out, const void *bytes, size_t nbytes, const char *name, struct xo_info *info)
{
    bool failed = false;
    ProtobufCAllocator allocator = { allocate, release, &failed };
    Onnx__ModelProto *model = onnx__model_proto__unpack(&allocator, nbytes, bytes);
    if (!model)
        return failed ? ENOMEM : xo_fail(info, XO_ESYNTAX, "%s: not well formed; expected an ONNX file", name);
    *out = model;
    return 0;
}

static void discard(Onnx__ModelProto *model)
{
    bool failed = false;
    ProtobufCAllocator allocator = { allocate, release, &failed };
    onnx__model_proto__free_unpacked(model, &allocator);
}

/* ---- values --------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static size_t add_names(const char **list, size_t count, size_t more, char **name)
{
    for (size_t k = 0; k < more; k++)
        if (name[k] && *name[k])
            list[count++] = name[k];
    return count;
}

static size_t count_names(const Onnx__GraphProto *p)
{
    size_t count = p->n_initializer + p->n_input;
    for (size_t k = 0; k < p->n_node; k++)
        count += p->node[k]->n_input + p->node[k]->n_output;
    return count;
}

/* Every name that is mentioned, sorted, each once. */
static size_t collect_names(const char **list, const Onnx__GraphProto *p)
{
    size_t count = 0, kept = 0;
    for (size_t k = 0; k < p->n_initializer; k++)
        count = add_names(list, count, 1, &p->initializer[k]->name);
    for (size_t k = 0; k < p->n_input; k++)
        count = add_names(list, count, 1, &p->input[k]->name);
    for (size_t k = 0; k < p->n_node; k++) {
        count = add_names(list, count, p->node[k]->n_input, p->node[k]->input);
        count = add_names(list, count, p->node[k]->n_output, p->node[k]->output);
    }
    qsort(list, count, sizeof *list, by_text);
    for (size_t k = 0; k < count; k++)
        if (kept == 0 || strcmp(list[kept - 1], list[k]))
            list[kept++] = list[k];
    return kept;
}

static int make_values(struct xo_onnx *o)
{
    struct xo_graph *g = o->g;
    const char **list = xo_calloc(count_names(o->graph), sizeof *list);
    int status = list ? 0 : ENOMEM;
    if (!status) {
        g->values = collect_names(list, o->graph);
        g->value = xo_arena_alloc(&g->arena, g->values + 1, sizeof *g->value);
        o->defined = xo_calloc(g->values, sizeof *o->defined);
        status = g->value && o->defined ? 0 : ENOMEM;
    }
    for (size_t k = 0; !status && k < g->values; k++) {
        g->value[k].name = xo_arena_text(&g->arena, list[k], strlen(list[k]));
        g->value[k].producer = XO_NONE;
        status = g->value[k].name ? 0 : ENOMEM;
    }
    free(list);
    return status;
}

size_t xo_onnx_value(const struct xo_onnx *o, const char *name)
{
    size_t low = 0, high = o->g->values;
    while (name && *name && low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, o->g->value[middle].name);
        if (order == 0)
            return middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return XO_NONE;
}

int xo_onnx_define(struct xo_onnx *o, size_t value, const char *who)
{
    if (o->defined[value])
        return xo_fail(o->info, XO_EVALUE, "%s: value %.80s is yielded twice, the second time by %.90s; expected "
                       "once", o->name, o->g->value[value].name, who);
    o->defined[value] = true;
    return 0;
}

/* ---- what a model states -------------------------------------------------------------------------- */

static int read_opset(struct xo_onnx *o, const Onnx__ModelProto *model)
{
    int64_t opset = 0;
    for (size_t k = 0; k < model->n_opset_import; k++) {
        const Onnx__OperatorSetIdProto *p = model->opset_import[k];
        if ((!p->domain || !*p->domain || !strcmp(p->domain, "ai.onnx")) && p->version > opset)
            opset = p->version;
    }
    if (!model->graph)
        return xo_fail(o->info, XO_ESYNTAX, "%s: holds no graph; expected an ONNX file", o->name);
    if (opset < XO_MIN_OPSET || opset > XO_MAX_OPSET)
        return xo_fail(o->info, XO_EUNSUPPORTED, "%s: operators of opset %lld; expected %d to %d", o->name,
                       (long long)opset, XO_MIN_OPSET, XO_MAX_OPSET);
    o->g->opset = opset;
    return 0;
}

static int read_initialisers(struct xo_onnx *o)
{
    const Onnx__GraphProto *p = o->graph;
    int status = 0;
    if (p->n_sparse_initializer)
        return xo_fail(o->info, XO_EUNSUPPORTED, "%s: %zu sparse initialisers; expected dense ones", o->name,
                       p->n_sparse_initializer);
    for (size_t k = 0; k < p->n_initializer && !status; k++) {
        size_t value = xo_onnx_value(o, p->initializer[k]->name);
        if (value == XO_NONE)
            return xo_fail(o->info, XO_EVALUE, "%s: initialiser %zu has no name; expected one", o->name, k);
        status = xo_onnx_define(o, value, "an initialiser");
        if (!status)
            status = xo_onnx_tensor(o, &o->g->value[value].constant, p->initializer[k], "initialiser");
        o->g->value[value].is_constant = true;
    }
    return status;
}

/* ---- the input ------------------------------------------------------------------------------------ */

static bool is_real(int32_t type)
{
    return type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT || type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16
        || type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE;
}

/* Exporters write what is not fixed as a name, as nothing, as 0 or as -1. */
static int read_shape(struct xo_onnx *o, const Onnx__TensorShapeProto *shape, const char *name)
{
    size_t product = 1;
    if (shape->n_dim > XO_MAX_RANK)
        return xo_fail(o->info, XO_EUNSUPPORTED, "%s: input %.80s has %zu dimensions; expected at most %d", o->name,
                       name, shape->n_dim, XO_MAX_RANK);
    o->g->input_dimensions = shape->n_dim;
    for (size_t k = 0; k < shape->n_dim; k++) {
        const Onnx__TensorShapeProto__Dimension *d = shape->dim[k];
        int64_t size = d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE ? d->dim_value : -1;
        if (size < -1)
            return xo_fail(o->info, XO_EVALUE, "%s: input %.80s: dimension %zu is %lld; expected 1 or more", o->name,
                           name, k, (long long)size);
        o->g->input_shape[k] = size > 0 ? size : -1;
        if (size > 0 && (uint64_t)size > (size_t)INT32_MAX / product)
            return xo_fail(o->info, XO_ETOOBIG,
                           "%s: input %.80s: dimension %zu is %lld; expected less than 2^31 elements",
                           o->name, name, k, (long long)size);
        product *= size > 0 ? (size_t)size : 1;
    }
    return 0;
}

static int read_type(struct xo_onnx *o, const Onnx__ValueInfoProto *p)
{
    const Onnx__TypeProto *type = p->type;
    if (!type || type->value_case == ONNX__TYPE_PROTO__VALUE__NOT_SET)
        return 0;
    if (type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || !type->tensor_type)
        return xo_fail(o->info, XO_EUNSUPPORTED, "%s: input %.80s is no tensor; expected one", o->name, p->name);
    if (!is_real(type->tensor_type->elem_type))
        return xo_fail(o->info, XO_EUNSUPPORTED, "%s: input %.80s has data type %ld; expected float", o->name,
                       p->name, (long)type->tensor_type->elem_type);
    return type->tensor_type->shape ? read_shape(o, type->tensor_type->shape, p->name) : 0;
}

/* Files up to IR version 3 list initialisers among the inputs. */
static int read_input(struct xo_onnx *o)
{
    int status = 0;
    o->g->input = XO_NONE;
    for (size_t k = 0; k < o->graph->n_input && !status; k++) {
        const Onnx__ValueInfoProto *p = o->graph->input[k];
        size_t value = xo_onnx_value(o, p->name);
        if (value == XO_NONE)
            return xo_fail(o->info, XO_EVALUE, "%s: input %zu has no name; expected one", o->name, k);
        if (o->g->value[value].is_constant)
            continue;
        if (o->g->input != XO_NONE)
            return xo_fail(o->info, XO_EUNSUPPORTED, "%s: inputs %.80s and %.80s; expected one input", o->name,
                           o->g->value[o->g->input].name, p->name);
        o->g->input = value;
        status = xo_onnx_define(o, value, "the input");
        if (!status)
            status = read_type(o, p);
    }
    if (!status && o->g->input == XO_NONE)
        status = xo_fail(o->info, XO_EVALUE, "%s: no input; expected one", o->name);
    return status;
}

/* ---- nodes and output ----------------------------------------------------------------------------- */

static int check_inputs(struct xo_onnx *o, size_t node)
{
    const struct xo_graph_node *n = &o->g->node[node];
    for (size_t k = 0; k < n->inputs; k++)
        if (n->input[k] != XO_NONE && !o->defined[n->input[k]])
            return xo_node_fail(o->info, XO_EVALUE, o->g, node,
                                "input %.80s is yielded by nobody; expected a node, an "
                                "initialiser or the input", o->g->value[n->input[k]].name);
    return 0;
}

static int read_nodes(struct xo_onnx *o)
{
    int status = 0;
    o->g->node = xo_arena_alloc(&o->g->arena, o->graph->n_node + 1, sizeof *o->g->node);
    if (!o->g->node)
        return ENOMEM;
    for (size_t k = 0; k < o->graph->n_node && !status; k++)
        status = xo_onnx_node(o, o->graph->node[k], k);
    for (size_t k = 0; k < o->g->nodes && !status; k++)
        status = check_inputs(o, k);
    return status;
}

static int read_output(struct xo_onnx *o)
{
    const char *name = o->graph->n_output ? o->graph->output[0]->name : NULL;
    o->g->output = xo_onnx_value(o, name);
    if (o->g->output == XO_NONE || !o->defined[o->g->output])
        return xo_fail(o->info, XO_EVALUE, "%s: output %.80s is yielded by nobody; expected a node's output", o->name,
                       name ? name : "(none)");
    return 0;
}

static int build(struct xo_onnx *o, const Onnx__ModelProto *model)
{
    int status = read_opset(o, model);
    o->graph = model->graph;
    if (!status)
        status = make_values(o);
    if (!status)
        status = read_initialisers(o);
    if (!status)
        status = read_input(o);
    if (!status)
        status = read_nodes(o);
    if (!status)
        status = read_output(o);
    return status ? status : xo_graph_sort(o->g, o->info);
}

/* ---- the whole ------------------------------------------------------------------------------------ */

static void hash(char hex[65], const void *bytes, size_t nbytes)
{
    struct xo_sha256 s;
    xo_sha256_begin(&s);
    xo_sha256_add(&s, bytes, nbytes);
    xo_sha256_end(&s, hex);
}

int xo_graph_parse(struct xo_graph *out, const void *bytes, size_t nbytes, const char *name, const char *folder,
                   struct xo_info *info)
{
    struct xo_graph g = { 0 };
    struct xo_onnx o = { .g = &g, .name = name, .folder = folder, .info = info };
    Onnx__ModelProto *model = NULL;
    int status = xo_onnx_scan(bytes, nbytes, name, info);
    if (!status)
        status = unpack(&model, bytes, nbytes, name, info);
    if (!status)
        status = (g.file = xo_arena_text(&g.arena, name, strlen(name))) ? 0 : ENOMEM;
    if (!status) {
        hash(g.sha256, bytes, nbytes);
        status = build(&o, model);
    }
    if (model)
        discard(model);
    free(o.defined);
    if (status == ENOMEM)
        xo_fail(info, ENOMEM, "%s: %s", name, xo_strerror(ENOMEM));
    if (status)
        xo_graph_free(&g);
    else
        *out = g;
    return status;
}

/* A model begins with one of its own fields: whatever else may be endless is not read to its end. */
static int check_beginning(const struct xo_input *in, struct xo_info *info)
{
    unsigned char first = in->nbytes ? (unsigned char)in->bytes[0] : 0;
    if (in->nbytes && (first >> 3 == 0 || (first & 7) == 3 || (first & 7) == 4 || (first & 7) > 5))
        return xo_fail(info, XO_ESYNTAX, "%s: byte 0: %u begins no field of a model; expected an ONNX file", in->name,
                       first);
    return 0;
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    char *folder = xo_calloc(length + 1, 1);
    return folder && length ? memcpy(folder, path, length) : folder;
}

int xo_graph_read(struct xo_graph *out, const char *path, struct xo_info *info)
{
    struct xo_input in;
    char *folder = folder_of(path);
    int status = folder ? xo_input_open(&in, path, info) : ENOMEM;
    if (!folder)
        return xo_fail(info, ENOMEM, "%s: %s", path, xo_strerror(ENOMEM));
    if (!status)
        status = xo_input_fill(&in, 1, info);
    if (!status)
        status = check_beginning(&in, info);
    if (!status)
        status = xo_input_rest(&in, MAX_FILE_NBYTES, info);
    if (!status)
        status = xo_graph_parse(out, in.bytes, in.nbytes, in.name, folder, info);
    xo_input_close(&in);
    free(folder);
    return status;
}
