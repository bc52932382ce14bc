/* Looking things up in a graph.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "graph.h"

size_t xo_dtype_nbytes(enum xo_dtype type)
{
    static const size_t nbytes[] = {
        [XO_F32] = 4, [XO_U8] = 1, [XO_I8] = 1, [XO_I32] = 4, [XO_I64] = 8, [XO_BOOL] = 1
    };
    return nbytes[type];
}

size_t xo_tensor_count(const struct xo_tensor *t)
{
    size_t count = 1;
    for (size_t k = 0; k < t->dimensions; k++)
        count *= t->shape[k];
    return count;
}

const struct xo_attribute *xo_attribute(const struct xo_graph_node *n, const char *name)
{
    for (size_t k = 0; k < n->attributes; k++)
        if (!strcmp(n->attribute[k].name, name))
            return &n->attribute[k];
    return NULL;
}

int64_t xo_attribute_int(const struct xo_graph_node *n, const char *name, int64_t otherwise)
{
    const struct xo_attribute *a = xo_attribute(n, name);
    return a && a->kind == XO_ATTR_INT ? a->i : otherwise;
}

float xo_attribute_float(const struct xo_graph_node *n, const char *name, float otherwise)
{
    const struct xo_attribute *a = xo_attribute(n, name);
    return a && a->kind == XO_ATTR_FLOAT ? a->f : otherwise;
}

const char *xo_attribute_text(const struct xo_graph_node *n, const char *name, const char *otherwise)
{
    const struct xo_attribute *a = xo_attribute(n, name);
    return a && a->kind == XO_ATTR_TEXT ? a->text : otherwise;
}

int xo_node_fail(struct xo_info *info, int status, const struct xo_graph *g, size_t node, const char *format, ...)
{
    const struct xo_graph_node *n = &g->node[node];
    char text[320];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return xo_fail(info, status, "%s: node %.80s (%.40s, opset %lld): %s", g->file, n->name, n->op,
                   (long long)g->opset, text);
}

void xo_graph_free(struct xo_graph *g)
{
    if (!g)
        return;
    xo_arena_free(&g->arena);
    memset(g, 0, sizeof *g);
}
