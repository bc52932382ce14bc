/* Graphs of one node, in memory.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "one-node.h"
#include "run.h"
#include "tap.h"

void one_begin(struct one *o, const char *op, int64_t opset)
{
    *o = (struct one){ .node = { .name = "tested", .op = op, .outputs = 1 } };
    o->g.file = "one.onnx";
    o->g.opset = opset;
    o->g.nodes = 1;
}

void one_end(struct one *o)
{
    xo_arena_free(&o->g.arena);
}

void one_outputs(struct one *o, size_t count)
{
    o->node.outputs = count;
}

static void *copy(struct one *o, const void *data, size_t nbytes)
{
    void *block = xo_arena_alloc(&o->g.arena, nbytes + 1, 1);
    if (!block)
        abort();
    if (nbytes)
        memcpy(block, data, nbytes);
    return block;
}

void one_tensor(struct one *o, enum xo_dtype type, size_t dimensions, const size_t *shape, const void *data)
{
    struct xo_value *v = &o->value[o->g.values];
    struct xo_tensor *t = &v->constant;
    t->type = type;
    t->dimensions = dimensions;
    for (size_t k = 0; k < dimensions; k++)
        t->shape[k] = shape[k];
    t->data = copy(o, data, xo_tensor_count(t) * xo_dtype_nbytes(type));
    v->is_constant = true;
    v->producer = XO_NONE;
    o->input[o->node.inputs++] = o->g.values++;
}

void one_floats(struct one *o, size_t dimensions, const size_t *shape, const float *data)
{
    one_tensor(o, XO_F32, dimensions, shape, data);
}

void one_list(struct one *o, size_t count, const int64_t *data)
{
    one_tensor(o, XO_I64, 1, &count, data);
}

void one_left_out(struct one *o)
{
    o->input[o->node.inputs++] = XO_NONE;
}

static struct xo_attribute *attribute(struct one *o, const char *name, enum xo_attribute_kind kind)
{
    struct xo_attribute *a = &o->attribute[o->node.attributes++];
    a->name = name;
    a->kind = kind;
    return a;
}

void one_int(struct one *o, const char *name, int64_t value)
{
    attribute(o, name, XO_ATTR_INT)->i = value;
}

void one_float(struct one *o, const char *name, float value)
{
    attribute(o, name, XO_ATTR_FLOAT)->f = value;
}

void one_text(struct one *o, const char *name, const char *value)
{
    attribute(o, name, XO_ATTR_TEXT)->text = value;
}

void one_ints(struct one *o, const char *name, size_t count, const int64_t *value)
{
    struct xo_attribute *a = attribute(o, name, XO_ATTR_INTS);
    a->count = count;
    a->ints = copy(o, value, count * sizeof *value);
}

static double number(const struct xo_tensor *t, size_t k)
{
    switch (t->type) {
    case XO_F32: return ((const float *)t->data)[k];
    case XO_I64: return (double)(float)((const int64_t *)t->data)[k];
    case XO_I32: return (double)(float)((const int32_t *)t->data)[k];
    case XO_I8: return ((const int8_t *)t->data)[k];
    default: return ((const uint8_t *)t->data)[k];
    }
}

/* The first input as images.  Results that are not one row per image cannot be had this way. */
static void run_too(struct one *o)
{
    struct xo_value *x = &o->value[o->input[0]];
    const struct xo_tensor *y = &o->result[0];
    size_t count = xo_tensor_count(y);
    xo_run *r = NULL;
    float *logits = calloc(count + 1, sizeof *logits);
    if (!x->constant.dimensions || x->constant.type != XO_F32 || !y->dimensions || y->shape[0] != x->constant.shape[0] ||
        !count || !logits || !xo_tensor_count(&x->constant)) {
        free(logits);
        return;
    }
    x->is_constant = false;
    for (size_t k = 0; k < o->node.outputs; k++)
        o->value[o->output[k]].is_constant = false;
    o->g.input = o->input[0];
    o->g.output = o->output[0];
    o->ran = 1;
    o->ran_alike = !xo_run_new(&r, &o->g, NULL, y->shape[0], x->constant.dimensions - 1, x->constant.shape + 1, &o->info) &&
                   !xo_run_forward(r, x->constant.data, logits, NULL, &o->info);
    for (size_t k = 0; o->ran_alike && k < count; k++)
        o->ran_alike = (double)logits[k] == number(y, k) || (isnan(logits[k]) && isnan(number(y, k)));
    if (!o->ran_alike)
        printf("# %s: a run differs from the folded graph %s\n", o->node.op, o->info.text);
    xo_run_free(r);
    free(logits);
}

int one_compute(struct one *o)
{
    int status;
    for (size_t k = 0; k < o->node.outputs; k++) {
        o->value[o->g.values].producer = 0;
        o->output[k] = o->g.values++;
    }
    o->node.input = o->input;
    o->node.output = o->output;
    o->node.attribute = o->attribute;
    o->g.value = o->value;
    o->g.node = &o->node;
    status = xo_graph_fold(&o->g, &o->info);
    for (size_t k = 0; !status && k < o->node.outputs; k++)
        o->result[k] = o->value[o->output[k]].constant;
    if (!status)
        run_too(o);
    return status;
}

size_t one_pick(unsigned long long *seed, size_t low, size_t high)
{
    return low + (size_t)(tap_uniform(seed) * (double)(high - low + 1));
}

float *one_random(unsigned long long *seed, size_t count, double low, double high)
{
    float *x = calloc(count + 1, sizeof *x);
    if (!x)
        abort();
    for (size_t k = 0; k < count; k++)
        x[k] = (float)(low + (high - low) * tap_uniform(seed));
    return x;
}
