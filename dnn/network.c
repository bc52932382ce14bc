/* A network: a graph, read and folded.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <string.h>
#include "memory.h"
#include "network.h"
#include "run.h"

void xo_network_free(xo_network *n)
{
    if (!n)
        return;
    xo_graph_free(&n->graph);
    free(n);
}

/* path, or bytes with a name. */
static int make(xo_network **out, const char *path, const void *bytes, size_t nbytes, struct xo_info *info)
{
    xo_network *n = xo_calloc(1, sizeof *n);
    int status;
    if (!n)
        return xo_fail(info, ENOMEM, "%s: %s", path, xo_strerror(ENOMEM));
    status = bytes ? xo_graph_parse(&n->graph, bytes, nbytes, path, NULL, info)
                   : xo_graph_read(&n->graph, path, info);
    if (!status)
        status = xo_graph_fold(&n->graph, info);
    if (status)
        xo_network_free(n);
    else
        *out = n;
    return status;
}

int xo_network_read(xo_network **out, const char *path, struct xo_info *info)
{
    return make(out, path, NULL, 0, info);
}

int xo_network_parse(xo_network **out, const void *bytes, size_t nbytes, const char *name, struct xo_info *info)
{
    return make(out, name, bytes ? bytes : "", nbytes, info);
}

const char *xo_network_sha256(const xo_network *n)
{
    return n->graph.sha256;
}

int xo_network_image_shape(const xo_network *n, size_t *dimensions, size_t shape[8])
{
    const struct xo_graph *g = &n->graph;
    *dimensions = 0;
    if (g->input_dimensions < 2)
        return XO_ESHAPE;
    for (size_t k = 1; k < g->input_dimensions; k++)
        if (g->input_shape[k] < 1)
            return XO_ESHAPE;
    for (size_t k = 1; k < g->input_dimensions; k++)
        shape[k - 1] = (size_t)g->input_shape[k];
    *dimensions = g->input_dimensions - 1;
    return 0;
}
