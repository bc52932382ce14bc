/* What an evaluation leaves behind for other programs.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "eval.h"
#include "onnx_write.h"

int xo_eval_export_onnx(const xo_eval *e, const char *path, struct xo_info *info)
{
    struct xo_graph g;
    int status = xo_effective_graph(&g, e->graph, xo_eval_engine_of(e, XO_EVAL_CIRCUIT), (int)e->threads, info);
    if (status)
        return status;
    status = xo_graph_write(&g, path, info);
    xo_graph_free(&g);
    return status;
}
