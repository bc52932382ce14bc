/* What `eval` leaves for other programs.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "eval.h"

static int report(int status, const struct xo_info *info, const char *path)
{
    if (!status)
        return CLI_DONE;
    return status < 0 ? cli_fail_reading(status, info, path) : cli_fail_writing(status, info, path);
}

int eval_export(const struct eval_job *job)
{
    struct xo_info info = {""};
    int status = 0;
    if (job->export_onnx)
        status = xo_eval_export_onnx(job->eval, job->export_onnx, &info);
    return report(status, &info, job->export_onnx);
}
