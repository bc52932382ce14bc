/* Fuzz target: ONNX files.  A refusal explains itself and leaves the output alone.  What is accepted is described the
 * same way when it is written by protobuf-c's packer and read again; and its layers, if it has any that are offered,
 * hold finite numbers.  `clang -fsanitize=fuzzer,address,undefined` makes a fuzzer of it; linked with fuzz-replay.c
 * it replays tests/corpus/onnx in `make check`.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "network.h"
#include "onnx-file.h"
#include "layers.h"
#include "sha256.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);

static void insist(int fact, const char *what, const struct xo_info *info)
{
    if (fact)
        return;
    fprintf(stderr, "%s: %s\n", what, info->text);
    abort();
}

/* A refusal names the file; only very long names may push the expectation out of the line. */
static void insist_reason(const struct xo_info *info)
{
    insist(!strncmp(info->text, "f: ", 3) && !strchr(info->text, '\n')
           && (strstr(info->text, "expected") || strlen(info->text) > 300), "a refusal explains itself", info);
}

/* ---- what a graph holds, as one sum ---------------------------------------------------------------- */

static void add_text(struct xo_sha256 *s, const char *text) { xo_sha256_add(s, text, strlen(text) + 1); }

static void add_tensor(struct xo_sha256 *s, const struct xo_tensor *t)
{
    xo_sha256_add(s, &t->type, sizeof t->type);
    xo_sha256_add(s, &t->dimensions, sizeof t->dimensions);
    xo_sha256_add(s, t->shape, t->dimensions * sizeof *t->shape);
    xo_sha256_add(s, t->data, xo_tensor_count(t) * xo_dtype_nbytes(t->type));
}

static void add_value(struct xo_sha256 *s, const struct xo_graph *g, size_t value)
{
    const struct xo_value *v = value == XO_NONE ? NULL : &g->value[value];
    add_text(s, v ? v->name : "");
    if (v)
        xo_sha256_add(s, &v->producer, sizeof v->producer);
    if (v)
        xo_sha256_add(s, &v->consumers, sizeof v->consumers);
    if (v && v->is_constant)
        add_tensor(s, &v->constant);
}

static void add_attribute(struct xo_sha256 *s, const struct xo_attribute *a)
{
    add_text(s, a->name);
    xo_sha256_add(s, &a->kind, sizeof a->kind);
    xo_sha256_add(s, &a->i, sizeof a->i);
    xo_sha256_add(s, &a->f, sizeof a->f);
    if (a->kind == XO_ATTR_TEXT)
        add_text(s, a->text);
    if (a->kind == XO_ATTR_INTS)
        xo_sha256_add(s, a->ints, a->count * sizeof *a->ints);
    if (a->kind == XO_ATTR_FLOATS)
        xo_sha256_add(s, a->floats, a->count * sizeof *a->floats);
    if (a->kind == XO_ATTR_TENSOR)
        add_tensor(s, &a->tensor);
}

static void describe(char hex[65], const struct xo_graph *g)
{
    struct xo_sha256 s;
    xo_sha256_begin(&s);
    xo_sha256_add(&s, &g->opset, sizeof g->opset);
    xo_sha256_add(&s, g->input_shape, g->input_dimensions * sizeof *g->input_shape);
    add_value(&s, g, g->input);
    add_value(&s, g, g->output);
    for (size_t k = 0; k < g->nodes; k++) {
        const struct xo_graph_node *n = &g->node[k];
        add_text(&s, n->name);
        add_text(&s, n->op);
        for (size_t j = 0; j < n->inputs; j++)
            add_value(&s, g, n->input[j]);
        for (size_t j = 0; j < n->outputs; j++)
            add_value(&s, g, n->output[j]);
        for (size_t j = 0; j < n->attributes; j++)
            add_attribute(&s, &n->attribute[j]);
    }
    xo_sha256_end(&s, hex);
}

/* ---- what it is good for --------------------------------------------------------------------------- */

static void read_again(const struct xo_graph *first)
{
    struct onnx_file f;
    struct xo_graph second = { 0 };
    struct xo_info info = { "" };
    char a[65], b[65];
    size_t nbytes;
    uint8_t *bytes;
    onnx_of_graph(&f, first);
    bytes = onnx_pack(&f, &nbytes);
    insist(!xo_graph_parse(&second, bytes, nbytes, "f", NULL, &info), "what was written is not read", &info);
    describe(a, first);
    describe(b, &second);
    insist(!strcmp(a, b), "written and read again it is another graph", &info);
    xo_graph_free(&second);
    onnx_end(&f);
}

static void find_layers(const uint8_t *bytes, size_t nbytes)
{
    xo_network *n = NULL;
    struct xo_layers layers = { 0 };
    struct xo_info info = { "" };
    if (xo_network_parse(&n, bytes, nbytes, "f", &info)
        || xo_layers_find(&layers, &n->graph, XO_BATCH_NORM_FOLD, &info))
        insist_reason(&info);
    for (size_t k = 0; k < layers.count; k++) {
        const struct xo_layer *l = &layers.layer[k];
        struct xo_window w = { 0 };
        insist(l->inputs && l->outputs && l->groups && l->input < n->graph.values && l->output < n->graph.values,
               "a layer without numbers", &info);
        for (size_t j = 0; j < l->groups * l->inputs * l->outputs; j++)
            insist(isfinite(l->weight[j]), "a weight is not finite", &info);
        if (xo_layer_resolve(&w, &n->graph, l, 4, (size_t[]){ 1, l->groups, 5, 7 }, &info))
            insist_reason(&info);
    }
    xo_layers_free(&layers);
    xo_network_free(n);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
    struct xo_graph g = { .nodes = 99 };
    struct xo_info info = { "" };
    if (xo_graph_parse(&g, bytes, nbytes, "f", NULL, &info)) {
        insist_reason(&info);
        insist(g.nodes == 99, "a refusal leaves the output alone", &info);
        return 0;
    }
    read_again(&g);
    xo_graph_free(&g);
    find_layers(bytes, nbytes);
    return 0;
}
