/* Which images are scored and which calibrate: never the same one; and their shape.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include "data.h"
#include "eval.h"
#include "memory.h"

static size_t at_most(size_t count, size_t limit)
{
    return limit && limit < count ? limit : count;
}

static int choose_calibration(struct xo_eval *e)
{
    xo_data *d = e->request.calibrate;
    size_t count = d ? at_most(xo_data_count(d), e->request.calibrate_limit) : 0;
    e->calibration_index = xo_calloc(count, sizeof *e->calibration_index);
    if (!e->calibration_index)
        return ENOMEM;
    for (size_t k = 0; k < count; k++)
        e->calibration_index[k] = k;
    e->calibration = (struct xo_eval_images){d, count, e->calibration_index};
    e->result.calibration_images = count;
    return 0;
}

/* Every image of the split that does not calibrate. */
static int choose_scored(struct xo_eval *e, struct xo_info *info)
{
    xo_data *d = e->request.data;
    size_t all = xo_data_count(d), first = xo_data_first(d), low = 0, high = 0, count = 0;
    bool same = false;
    if (e->request.calibrate) {
        int status = xo_data_same(&same, d, e->request.calibrate, info);
        if (status)
            return status;
        low = xo_data_first(e->request.calibrate);
        high = low + e->calibration.count;
    }
    e->scored_index = xo_calloc(all, sizeof *e->scored_index);
    if (!e->scored_index)
        return ENOMEM;
    for (size_t k = 0; k < all; k++)
        if (same && first + k >= low && first + k < high)
            e->result.excluded++;
        else
            e->scored_index[count++] = k;
    e->scored = (struct xo_eval_images){d, at_most(count, e->request.limit), e->scored_index};
    if (!e->scored.count)
        return xo_fail(info, XO_EVALUE, "%s: no image is left to score; expected some that do not calibrate",
                       xo_data_specification(d));
    return 0;
}

int xo_eval_choose_images(struct xo_eval *e, struct xo_info *info)
{
    const struct xo_eval_request *r = &e->request;
    size_t dimensions = 0, shape[XO_MAX_RANK] = {0};
    xo_network_image_shape(r->network, &dimensions, shape);
    int status = choose_calibration(e);
    if (!status)
        status = choose_scored(e, info);
    if (!status)
        status = xo_data_shape(r->data, r->preprocess, dimensions, shape, &e->dimensions, e->shape, info);
    e->pixels = 1;
    for (size_t d = 0; d < e->dimensions; d++)
        e->pixels *= e->shape[d];
    return status;
}
