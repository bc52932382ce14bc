/* Which nodes go onto arrays, and their matrices.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <math.h>
#include <string.h>
#include "layers_private.h"

/* Weights that many layers share are copied for each: this often at most, all in all. */
#define MAX_COPIES 64
#define FREE_NBYTES ((size_t)64 << 20)

/* A node being looked at. */
struct find {
    const struct xo_graph *g;
    const struct xo_graph_node *n;
    struct xo_layers *out;
    struct xo_layer *l;
    const struct xo_tensor *weight;
    struct xo_steps steps;
    double alpha, beta;                /* factors of weight and bias */
    bool stays_digital;
    size_t *nbytes_left;               /* that weights may still take */
    struct xo_info *info;
};

static size_t input_of(const struct xo_graph_node *n, size_t k) { return k < n->inputs ? n->input[k] : XO_NONE; }

static const struct xo_tensor *constant_of(const struct find *f, size_t k)
{
    size_t value = input_of(f->n, k);
    if (value == XO_NONE || !f->g->value[value].is_constant || f->g->value[value].constant.type != XO_F32)
        return NULL;
    return &f->g->value[value].constant;
}

const float *xo_constant_vector(const struct xo_graph *g, size_t value, size_t count)
{
    const struct xo_value *v = value == XO_NONE ? NULL : &g->value[value];
    if (!v || !v->is_constant || v->constant.type != XO_F32 || xo_tensor_count(&v->constant) != count)
        return NULL;
    return v->constant.data;
}

bool xo_attribute_ints(const struct xo_graph_node *n, const char *name, size_t count, int64_t low, int64_t high,
                       int64_t otherwise, int64_t *out)
{
    const struct xo_attribute *a = xo_attribute(n, name);
    bool good = !a || (a->kind == XO_ATTR_INTS && a->count == count);
    for (size_t k = 0; k < count && good; k++) {
        out[k] = a ? a->ints[k] : otherwise;
        good = out[k] >= low && out[k] <= high;
    }
    return good;
}

/* ---- the three operators -------------------------------------------------------------------------- */

/* Kernel, strides and dilations; one dimension is two with height 1. */
static int conv_window(struct find *f, size_t spatial)
{
    struct xo_window *w = &f->l->window;
    int64_t kernel[2], stride[2], dilation[2];
    const size_t *shape = f->weight->shape + 2;
    bool good = xo_attribute_ints(f->n, "strides", spatial, 1, INT32_MAX, 1, stride)
             && xo_attribute_ints(f->n, "dilations", spatial, 1, INT32_MAX, 1, dilation)
             && xo_attribute_ints(f->n, "kernel_shape", spatial, 0, INT32_MAX, 0, kernel);
    for (size_t k = 0; k < spatial && good; k++)
        good = !xo_attribute(f->n, "kernel_shape") || (size_t)kernel[k] == shape[k];
    if (!good)
        return xo_node_fail(f->info, XO_EVALUE, f->g, f->l->node,
                            "strides, dilations or kernel_shape do not fit; expected "
                            "%zu of each, 1 or more, kernel_shape as the weights'", spatial);
    for (size_t k = 0; k < 2; k++)
        w->kernel[k] = w->stride[k] = w->dilation[k] = 1;
    for (size_t k = 0; k < spatial; k++) {
        w->kernel[k + 2 - spatial] = shape[k];
        w->stride[k + 2 - spatial] = (size_t)stride[k];
        w->dilation[k + 2 - spatial] = (size_t)dilation[k];
    }
    return 0;
}

/* Weights (outputs, inputs of a group, kernel height, kernel width). */
static int take_conv(struct find *f)
{
    const struct xo_tensor *w = f->weight;
    struct xo_layer *l = f->l;
    int64_t groups = xo_attribute_int(f->n, "group", 1);
    if (w->dimensions < 3 || w->dimensions > 4)
        return xo_node_fail(f->info, XO_EUNSUPPORTED, f->g, l->node, "weights of %zu dimensions; expected 3 or 4: a "
                            "convolution in one or two dimensions", w->dimensions);
    if (groups < 1 || (uint64_t)groups > w->shape[0] || w->shape[0] % (size_t)groups)
        return xo_node_fail(f->info, XO_EVALUE, f->g, l->node, "%lld groups of %zu outputs; expected a divisor",
                            (long long)groups, w->shape[0]);
    l->is_convolution = true;
    l->groups = (size_t)groups;
    l->outputs = w->shape[0] / l->groups;
    l->inputs = w->shape[0] ? xo_tensor_count(w) / w->shape[0] : 0;
    f->steps = (struct xo_steps){ l->outputs * l->inputs, 1, l->inputs };
    return conv_window(f, w->dimensions - 2);
}

static void take_matrix(struct find *f, bool transposed)
{
    struct xo_layer *l = f->l;
    l->inputs = f->weight->shape[transposed];
    l->outputs = f->weight->shape[!transposed];
    f->steps = transposed ? (struct xo_steps){ 0, 1, l->inputs } : (struct xo_steps){ 0, l->outputs, 1 };
}

static int take_gemm(struct find *f)
{
    f->stays_digital = f->weight->dimensions != 2;
    if (f->stays_digital)
        return 0;
    if (xo_attribute_int(f->n, "transA", 0))
        return xo_node_fail(f->info, XO_EUNSUPPORTED, f->g, f->l->node, "transA is 1; expected 0: images by rows");
    f->alpha = (double)xo_attribute_float(f->n, "alpha", 1);
    f->beta = (double)xo_attribute_float(f->n, "beta", 1);
    take_matrix(f, xo_attribute_int(f->n, "transB", 0) != 0);
    return 0;
}

static int take_matmul(struct find *f)
{
    f->stays_digital = f->weight->dimensions != 2;
    if (!f->stays_digital)
        take_matrix(f, false);
    return 0;
}

static const struct {
    const char *op;
    int (*take)(struct find *f);
} takers[] = { { "Conv", take_conv }, { "Gemm", take_gemm }, { "MatMul", take_matmul } };

/* ---- numbers -------------------------------------------------------------------------------------- */

/* W[g][k][p] = alpha B, rounded once. */
static int copy_weights(struct find *f)
{
    struct xo_layer *l = f->l;
    const struct xo_steps s = f->steps;
    const float *from = f->weight->data;
    size_t count = xo_tensor_count(f->weight);
    float *to;
    if (count * sizeof *to > *f->nbytes_left)
        return xo_node_fail(f->info, XO_ETOOBIG, f->g, l->node,
                            "layers share weights so often that they no longer fit; "
                            "expected each number to be used by at most %d", MAX_COPIES);
    *f->nbytes_left -= count * sizeof *to;
    to = l->weight = xo_arena_alloc(&f->out->arena, count, sizeof *to);
    if (!to)
        return ENOMEM;
    for (size_t g = 0; g < l->groups; g++)
        for (size_t k = 0; k < l->inputs; k++)
            for (size_t p = 0; p < l->outputs; p++)
                *to++ = (float)(f->alpha * (double)from[g * s.group + k * s.input + p * s.output]);
    return 0;
}

/* A number, or one per output: (P), (1, P).  Anything else varies by image. */
static int copy_bias(struct find *f)
{
    size_t outputs = f->l->groups * f->l->outputs, value = input_of(f->n, 2), many;
    const struct xo_tensor *b = constant_of(f, 2);
    f->l->bias = xo_arena_alloc(&f->out->arena, outputs, sizeof *f->l->bias);
    if (!f->l->bias)
        return ENOMEM;
    if (value == XO_NONE)
        return 0;
    many = b ? xo_tensor_count(b) : 0;
    f->stays_digital = !b || (many != 1 && (many != outputs || b->shape[b->dimensions - 1] != outputs));
    for (size_t p = 0; p < outputs && !f->stays_digital; p++)
        f->l->bias[p] = (float)(f->beta * (double)((const float *)b->data)[many == 1 ? 0 : p]);
    return 0;
}

/* alpha, and what is folded in, may have made numbers too large. */
static int check_finite(const struct find *f)
{
    const struct xo_layer *l = f->l;
    size_t outputs = l->groups * l->outputs;
    bool finite = true;
    for (size_t k = 0; k < outputs * l->inputs; k++)
        finite = finite && isfinite(l->weight[k]);
    for (size_t p = 0; p < outputs; p++)
        finite = finite && isfinite(l->bias[p]);
    return finite ? 0 : xo_node_fail(f->info, XO_EVALUE, f->g, l->node, "weights or bias, with all factors, exceed "
                                     "float32; expected finite numbers");
}

/* ---- one by one ----------------------------------------------------------------------------------- */

static int take(struct find *f, int (*taker)(struct find *f), enum xo_batch_norm fold)
{
    struct xo_layer *l = f->l;
    int status = taker(f);
    if (!status && !f->stays_digital && (l->inputs == 0 || l->outputs == 0))
        status = xo_node_fail(f->info, XO_EVALUE, f->g, l->node, "weights without any element; expected some");
    if (!status && !f->stays_digital)
        status = copy_bias(f);
    if (status || f->stays_digital)
        return status;
    status = copy_weights(f);
    if (!status && f->alpha == 1)
        status = xo_layer_integers(f->out, l, f->g, f->n->input[1], f->steps, f->info);
    if (!status && fold == XO_BATCH_NORM_FOLD && !l->has_integers)
        status = xo_layer_fold(l, f->g, f->info);
    if (!status)
        status = check_finite(f);
    f->out->count += !status;
    return status;
}

/* How a layer has it: all alike, or by the hardware it gets. */
struct folding { enum xo_batch_norm all; const struct xo_hardware *hardware; };

static int fold_of(enum xo_batch_norm *fold, const struct folding *f, const char *layer, struct xo_info *info)
{
    struct xo_hardware h;
    bool keep;
    int status = 0;
    *fold = f->all;
    if (f->hardware && !(status = xo_hardware_for_layer(&h, f->hardware, layer, &keep, info))) {
        *fold = h.mapping.batch_norm;
        xo_hardware_free(&h);
    }
    return status;
}

static int look_at(struct xo_layers *out, const struct xo_graph *g, size_t node, const struct folding *folding,
                   size_t *nbytes_left, struct xo_info *info)
{
    const struct xo_graph_node *n = &g->node[node];
    struct find f = { .g = g, .n = n, .out = out, .l = &out->layer[out->count], .alpha = 1, .beta = 1,
                      .nbytes_left = nbytes_left, .info = info };
    size_t input = input_of(n, 0);
    enum xo_batch_norm fold;
    f.weight = constant_of(&f, 1);
    if (!f.weight || input == XO_NONE || g->value[input].is_constant || n->outputs < 1 || n->output[0] == XO_NONE)
        return 0;
    for (size_t k = 0; k < sizeof takers / sizeof *takers; k++) {
        if (strcmp(n->op, takers[k].op))
            continue;
        *f.l = (struct xo_layer){ .name = n->name, .node = node, .batch_norm = XO_NONE, .input = input,
                                  .output = n->output[0], .groups = 1,
                                  .window = { .kernel = { 1, 1 }, .stride = { 1, 1 }, .dilation = { 1, 1 } } };
        int status = fold_of(&fold, folding, n->name, info);
        return status ? status : take(&f, takers[k].take, fold);
    }
    return 0;
}

static size_t constant_nbytes(const struct xo_graph *g)
{
    size_t nbytes = 0;
    for (size_t k = 0; k < g->values; k++)
        if (g->value[k].is_constant)
            nbytes += xo_tensor_count(&g->value[k].constant) * xo_dtype_nbytes(g->value[k].constant.type);
    return nbytes;
}

static int find_all(struct xo_layers *out, const struct xo_graph *g, const struct folding *folding,
                    struct xo_info *info)
{
    struct xo_layers layers = { 0 };
    size_t nbytes_left = FREE_NBYTES + MAX_COPIES * constant_nbytes(g);
    int status;
    layers.layer = xo_arena_alloc(&layers.arena, g->nodes + 1, sizeof *layers.layer);
    status = layers.layer ? 0 : ENOMEM;
    for (size_t k = 0; k < g->nodes && !status; k++)
        status = look_at(&layers, g, k, folding, &nbytes_left, info);
    if (status == ENOMEM)
        xo_fail(info, ENOMEM, "%s: %s", g->file, xo_strerror(ENOMEM));
    if (status)
        xo_layers_free(&layers);
    else
        *out = layers;
    return status;
}

int xo_layers_find(struct xo_layers *out, const struct xo_graph *g, enum xo_batch_norm fold, struct xo_info *info)
{
    return find_all(out, g, &(struct folding){ fold, NULL }, info);
}

int xo_layers_find_for(struct xo_layers *out, const struct xo_graph *g, const struct xo_hardware *h,
                       struct xo_info *info)
{
    return find_all(out, g, &(struct folding){ h->mapping.batch_norm, h }, info);
}

void xo_layers_free(struct xo_layers *layers)
{
    if (!layers)
        return;
    xo_arena_free(&layers->arena);
    memset(layers, 0, sizeof *layers);
}
