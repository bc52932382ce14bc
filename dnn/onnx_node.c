/* Nodes of an ONNX file, with their attributes.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "onnx.h"
#include "run.h"

#define KIND(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__ ## name

/* ---- attributes ----------------------------------------------------------------------------------- */

/* Files from before attributes had a type: by what is there. */
static int kind_of(const Onnx__AttributeProto *a)
{
    if (a->has_type && a->type != KIND(UNDEFINED))
        return (int)a->type;
    return a->has_f ? KIND(FLOAT) : a->has_i ? KIND(INT) : a->has_s ? KIND(STRING) : a->t ? KIND(TENSOR)
         : a->g ? KIND(GRAPH) : a->n_floats ? KIND(FLOATS) : a->n_ints ? KIND(INTS) : a->n_graphs ? KIND(GRAPHS)
         : KIND(UNDEFINED);
}

static int fail(struct xo_onnx *o, int status, const char *attribute, const char *finding, const char *expected)
{
    return xo_node_fail(o->info, status, o->g, o->g->nodes, "attribute %.60s: %s; expected %s", attribute, finding,
                        expected);
}

static int copy_floats(struct xo_onnx *o, struct xo_attribute *out, const Onnx__AttributeProto *a)
{
    float *floats = xo_arena_alloc(&o->g->arena, a->n_floats + 1, sizeof *floats);
    if (!floats)
        return ENOMEM;
    for (size_t k = 0; k < a->n_floats; k++)
        if (isnan(floats[k] = a->floats[k]))
            return fail(o, XO_EVALUE, out->name, "not a number", "numbers");
    out->count = a->n_floats;
    out->floats = floats;
    return 0;
}

static int copy_ints(struct xo_onnx *o, struct xo_attribute *out, const Onnx__AttributeProto *a)
{
    int64_t *ints = xo_arena_alloc(&o->g->arena, a->n_ints + 1, sizeof *ints);
    if (!ints)
        return ENOMEM;
    if (a->n_ints)
        memcpy(ints, a->ints, a->n_ints * sizeof *ints);
    out->count = a->n_ints;
    out->ints = ints;
    return 0;
}

static int copy_text(struct xo_onnx *o, struct xo_attribute *out, const Onnx__AttributeProto *a)
{
    if (a->s.len && memchr(a->s.data, 0, a->s.len))
        return fail(o, XO_EVALUE, out->name, "a text with a NUL in it", "none");
    out->text = xo_arena_text(&o->g->arena, (const char *)a->s.data, a->s.len);
    return out->text ? 0 : ENOMEM;
}

static int read_attribute(struct xo_onnx *o, struct xo_attribute *out, const Onnx__AttributeProto *a)
{
    if (!a->name || !*a->name || (a->ref_attr_name && *a->ref_attr_name))
        return fail(o, XO_EVALUE, a->name ? a->name : "", "without a name, or by reference", "a name and a value");
    out->name = xo_arena_text(&o->g->arena, a->name, strlen(a->name));
    if (!out->name)
        return ENOMEM;
    switch (kind_of(a)) {
    case KIND(FLOAT):
        out->kind = XO_ATTR_FLOAT;
        out->f = a->f;
        return isnan(a->f) ? fail(o, XO_EVALUE, out->name, "not a number", "a number") : 0;
    case KIND(INT):
        out->kind = XO_ATTR_INT;
        out->i = a->i;
        return 0;
    case KIND(STRING):
        out->kind = XO_ATTR_TEXT;
        return copy_text(o, out, a);
    case KIND(FLOATS):
        out->kind = XO_ATTR_FLOATS;
        return copy_floats(o, out, a);
    case KIND(INTS):
        out->kind = XO_ATTR_INTS;
        return copy_ints(o, out, a);
    case KIND(TENSOR):
        out->kind = XO_ATTR_TENSOR;
        return a->t ? xo_onnx_tensor(o, &out->tensor, a->t, "attribute")
                    : fail(o, XO_EVALUE, out->name, "no tensor", "one");
    case KIND(GRAPH): case KIND(GRAPHS):
        return fail(o, XO_EUNSUPPORTED, out->name, "a graph within the graph", "a network without If and Loop");
    default:
        return fail(o, XO_EUNSUPPORTED, out->name, "of a type not offered here", "numbers, a text or a tensor");
    }
}

static int read_attributes(struct xo_onnx *o, struct xo_graph_node *n, const Onnx__NodeProto *p)
{
    struct xo_attribute *attribute = xo_arena_alloc(&o->g->arena, p->n_attribute + 1, sizeof *attribute);
    int status = attribute ? 0 : ENOMEM;
    for (size_t k = 0; k < p->n_attribute && !status; k++) {
        status = read_attribute(o, &attribute[k], p->attribute[k]);
        for (size_t j = 0; j < k && j < 64 && !status; j++)
            if (!strcmp(attribute[j].name, attribute[k].name))
                status = fail(o, XO_EVALUE, attribute[k].name, "given twice", "once");
    }
    n->attribute = attribute;
    n->attributes = p->n_attribute;
    return status;
}

/* ---- nodes ---------------------------------------------------------------------------------------- */

static bool is_default_domain(const char *domain) { return !domain || !*domain || !strcmp(domain, "ai.onnx"); }

/* Microsoft's Gelu, from before the standard had one. */
static bool is_offered(const Onnx__NodeProto *p, int64_t opset)
{
    if (!is_default_domain(p->domain) && (strcmp(p->domain, "com.microsoft") || strcmp(p->op_type, "Gelu")))
        return false;
    return !strcmp(p->op_type, "Constant") || xo_operator_known(p->op_type, opset);
}

static int name_node(struct xo_onnx *o, struct xo_graph_node *n, const Onnx__NodeProto *p, size_t place)
{
    char made_up[128];
    const char *op = p->op_type ? p->op_type : "", *name = p->name;
    if (!name || !*name) {
        snprintf(made_up, sizeof made_up, "%.80s_%zu", op, place);
        name = made_up;
    }
    n->op = xo_arena_text(&o->g->arena, op, strlen(op));
    n->name = xo_arena_text(&o->g->arena, name, strlen(name));
    return n->op && n->name ? 0 : ENOMEM;
}

/* Values by name; an input nobody yields is seen later, when all are known. */
static int find_values(struct xo_onnx *o, const size_t **out, size_t count, char **name)
{
    size_t *value = xo_arena_alloc(&o->g->arena, count + 1, sizeof *value);
    if (!value)
        return ENOMEM;
    for (size_t k = 0; k < count; k++)
        value[k] = xo_onnx_value(o, name[k]);
    *out = value;
    return 0;
}

static int define_outputs(struct xo_onnx *o, const struct xo_graph_node *n)
{
    char who[96];
    int status = 0;
    snprintf(who, sizeof who, "node %.80s", n->name);
    for (size_t k = 0; k < n->outputs && !status; k++) {
        if (n->output[k] == XO_NONE)
            continue;
        status = xo_onnx_define(o, n->output[k], who);
        if (!status)
            o->g->value[n->output[k]].producer = o->g->nodes;
    }
    return status;
}

static int make_list(struct xo_onnx *o, struct xo_tensor *t, enum xo_dtype type, const void *data, size_t count,
                     size_t dimensions)
{
    size_t width = xo_dtype_nbytes(type);
    t->type = type;
    t->dimensions = dimensions;
    t->shape[0] = count;
    t->data = xo_arena_alloc(&o->g->arena, count + 1, width);
    if (!t->data)
        return ENOMEM;
    memcpy(t->data, data, count * width);
    return 0;
}

static int make_constant(struct xo_onnx *o, struct xo_graph_node *n)
{
    const struct xo_attribute *a = n->attributes == 1 ? n->attribute : NULL;
    struct xo_value *v = n->outputs == 1 && n->output[0] != XO_NONE ? &o->g->value[n->output[0]] : NULL;
    int status = 0;
    if (!v || !a)
        return xo_node_fail(o->info, XO_EVALUE, o->g, o->g->nodes,
                            "%zu attributes, %zu outputs; expected one and one", n->attributes, n->outputs);
    if (!strcmp(a->name, "value") && a->kind == XO_ATTR_TENSOR)
        v->constant = a->tensor;
    else if (!strcmp(a->name, "value_float") && a->kind == XO_ATTR_FLOAT)
        status = make_list(o, &v->constant, XO_F32, &a->f, 1, 0);
    else if (!strcmp(a->name, "value_floats") && a->kind == XO_ATTR_FLOATS)
        status = make_list(o, &v->constant, XO_F32, a->floats, a->count, 1);
    else if (!strcmp(a->name, "value_int") && a->kind == XO_ATTR_INT)
        status = make_list(o, &v->constant, XO_I64, &a->i, 1, 0);
    else if (!strcmp(a->name, "value_ints") && a->kind == XO_ATTR_INTS)
        status = make_list(o, &v->constant, XO_I64, a->ints, a->count, 1);
    else
        return fail(o, XO_EUNSUPPORTED, a->name, "no value that is offered", "value, value_float(s) or value_int(s)");
    if (!status)
        status = define_outputs(o, n);
    v->is_constant = true;
    v->producer = XO_NONE;             /* the node is dropped */
    return status;
}

int xo_onnx_node(struct xo_onnx *o, const Onnx__NodeProto *p, size_t place)
{
    struct xo_graph_node *n = &o->g->node[o->g->nodes];
    int status = name_node(o, n, p, place);
    if (status)
        return status;
    if (!p->op_type || !is_offered(p, o->g->opset))
        return xo_node_fail(o->info, XO_EUNSUPPORTED, o->g, o->g->nodes,
                            "operator %.60s of domain %.60s is not offered; "
                            "expected one of the operators that run here", n->op,
                            is_default_domain(p->domain) ? "ai.onnx" : p->domain);
    n->inputs = p->n_input;
    n->outputs = p->n_output;
    status = find_values(o, &n->input, n->inputs, p->input);
    if (!status)
        status = find_values(o, &n->output, n->outputs, p->output);
    if (!status)
        status = read_attributes(o, n, p);
    if (status)
        return status;
    if (!strcmp(n->op, "Constant"))
        return make_constant(o, n);
    status = define_outputs(o, n);
    o->g->nodes += !status;
    return status;
}
