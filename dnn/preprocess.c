/* From a picture to the network's numbers, in this order:
 *     grey        L = (19595 R + 38470 G + 7471 B + 32768) div 65536        (ITU-R BT.601, `order: grey` only)
 *     resize      resize.c
 *     crop        height x width from row floor((rows - height)/2), column floor((columns - width)/2)
 *     numbers     y = (x*scale - mean)/std; x*scale is a float64 product rounded to float32 (so that scale 1/255
 * gives
 *                 exactly the float32 quotient x/255), minus and over are float32 operations
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "preprocess.h"

#include <errno.h>
#include <math.h>
#include "memory.h"

const struct xo_preprocess xo_preprocess_default = {
    .scale = { 1, { 1 } }, .mean = { 1, { 0 } }, .std = { 1, { 1 } }
};

/* What the network wants: 0 for sizes it leaves open. */
struct target { size_t channels, height, width; bool last; };

/* How a picture gets there. */
struct plan { size_t resize_height, resize_width, top, left, channels, height, width; };

/* ---- sizes ------------------------------------------------------------------------------------------------ */

static bool is_pixel(size_t size) { return size == 1 || size == 3; }

static void target_of(struct target *t, const xo_preprocess *p, size_t dimensions, const size_t *shape)
{
    *t = (struct target){ 0, 0, 0, p->layout == XO_LAYOUT_NHWC };
    if (dimensions == 2)
        *t = (struct target){ 1, shape[0], shape[1], t->last };
    if (dimensions != 3)
        return;
    if (p->layout == XO_LAYOUT_NETWORK)
        t->last = is_pixel(shape[2]) && !is_pixel(shape[0]);
    t->channels = shape[t->last ? 2 : 0];
    t->height = shape[t->last ? 0 : 1];
    t->width = shape[t->last ? 1 : 2];
}

static void shorter_side(struct plan *plan, const struct xo_picture *in, size_t side)
{
    bool portrait = in->height > in->width;
    size_t shorter = portrait ? in->width : in->height, longer = portrait ? in->height : in->width;
    longer = side * longer / shorter;
    plan->resize_height = portrait ? longer : side;
    plan->resize_width = portrait ? side : longer;
}

static void plan_resize(struct plan *plan, const struct xo_size *r, const struct xo_picture *in,
                        const struct target *t)
{
    size_t shorter = t->height < t->width ? t->height : t->width;
    plan->resize_height = in->height;
    plan->resize_width = in->width;
    if (r->rule == XO_SIZE_SHORTER)
        shorter_side(plan, in, r->height);
    if (r->rule == XO_SIZE_NETWORK_OVER && shorter && (in->height != t->height || in->width != t->width))
        shorter_side(plan, in, (size_t)floor((double)shorter / r->share));
    if (r->rule == XO_SIZE_EXACT || (r->rule == XO_SIZE_NETWORK && shorter)) {
        plan->resize_height = r->rule == XO_SIZE_EXACT ? r->height : t->height;
        plan->resize_width = r->rule == XO_SIZE_EXACT ? r->width : t->width;
    }
}

static int plan_crop(struct plan *plan, const struct xo_size *c, const struct xo_picture *in,
                     const struct target *t, struct xo_info *info)
{
    bool network = c->rule == XO_SIZE_NETWORK && t->height && t->width;
    plan->height = network ? t->height : c->height ? c->height : plan->resize_height;
    plan->width = network ? t->width : c->height ? c->width : plan->resize_width;
    if (plan->height > plan->resize_height || plan->width > plan->resize_width)
        return xo_fail(info, XO_ESHAPE, "%s: image of %zu x %zu%s; expected at least %zu x %zu, or a resize in the "
                       "preprocessing", in->name, plan->resize_height, plan->resize_width,
                       plan->resize_height == in->height && plan->resize_width == in->width ? "" : " after resizing",
                       plan->height, plan->width);
    plan->top = (plan->resize_height - plan->height) / 2;
    plan->left = (plan->resize_width - plan->width) / 2;
    return 0;
}

static int plan_channels(struct plan *plan, const xo_preprocess *p, const struct xo_picture *in,
                         const struct target *t, struct xo_info *info)
{
    size_t given = p->scale.count > 1 || p->mean.count > 1 || p->std.count > 1 ? 3 : 1;
    size_t held = p->order == XO_ORDER_GREY && in->channels == 3 ? 1 : in->channels;
    plan->channels = t->channels ? t->channels : given == 3 && held == 1 ? 3 : held;
    if (plan->channels != held && !(held == 1 && plan->channels == 3))
        return xo_fail(info, XO_ESHAPE, "%s: %zu channel%s; the network expects %zu%s", in->name, held,
                       held == 1 ? "" : "s", plan->channels,
                       held == 3 && plan->channels == 1 ? " (order: grey makes one of three)" : "");
    if (given == 3 && plan->channels != 3)
        return xo_fail(info, XO_ESHAPE, "%s: %zu channel%s, but three numbers in scale, mean or std; expected one "
                       "number, or three channels", in->name, plan->channels, plan->channels == 1 ? "" : "s");
    if (p->order == XO_ORDER_BGR && plan->channels != 3)
        return xo_fail(info, XO_ESHAPE, "%s: %zu channel%s cannot be ordered BGR; expected three", in->name,
                       plan->channels, plan->channels == 1 ? "" : "s");
    return 0;
}

static int make_plan(struct plan *plan, const xo_preprocess *p, const struct xo_picture *in, const struct target *t,
                     struct xo_info *info)
{
    int status = plan_channels(plan, p, in, t, info);
    plan_resize(plan, &p->resize, in, t);
    if (!status && (!plan->resize_height || !plan->resize_width || plan->resize_height > XO_PICTURE_SIDE
                    || plan->resize_width > XO_PICTURE_SIDE) && p->resize.rule != XO_SIZE_NONE)
        status = xo_fail(info, XO_ETOOBIG, "%s: %zu x %zu would become %zu x %zu; expected sides of 1 to %d",
                         in->name, in->height, in->width, plan->resize_height, plan->resize_width, XO_PICTURE_SIDE);
    if (!status)
        status = plan_crop(plan, &p->crop, in, t, info);
    if (!status && ((t->height && t->height != plan->height) || (t->width && t->width != plan->width)))
        status = xo_fail(info, XO_ESHAPE, "%s: image of %zu x %zu; the network expects %zu x %zu (resize and crop in "
                         "a preprocessing file bring it there)", in->name, plan->height, plan->width,
                         t->height ? t->height : plan->height, t->width ? t->width : plan->width);
    return status;
}

static void shape_of(const struct plan *plan, bool last, size_t dimensions, size_t *shape)
{
    size_t count = plan->channels * plan->height * plan->width;
    shape[0] = dimensions == 1 ? count : dimensions == 2 || last ? plan->height : plan->channels;
    shape[1] = dimensions == 2 || last ? plan->width : plan->height;
    shape[2] = last ? plan->channels : plan->width;
}

int xo_preprocess_shape(const xo_preprocess *p, const struct xo_picture *in, size_t stored, size_t wanted_dimensions,
                        const size_t *wanted, size_t *dimensions, size_t shape[8], struct xo_info *info)
{
    struct target target;
    struct plan plan;
    size_t found[3];
    int status;
    p = p ? p : &xo_preprocess_default;
    if (wanted_dimensions > 3)
        return xo_fail(info, XO_ESHAPE, "%s: the network wants images of %zu dimensions; expected at most 3",
                       in->name,
                       wanted_dimensions);
    target_of(&target, p, wanted_dimensions, wanted);
    status = make_plan(&plan, p, in, &target, info);
    if (status)
        return status;
    if (!wanted_dimensions)
        wanted_dimensions = stored == 1 ? 1 : 3;
    else if (wanted_dimensions == 1 && wanted[0] && wanted[0] != plan.channels * plan.height * plan.width)
        return xo_fail(info, XO_ESHAPE, "%s: image of %zu x %zu x %zu; the network expects %zu numbers", in->name,
                       plan.channels, plan.height, plan.width, wanted[0]);
    shape_of(&plan, target.last, wanted_dimensions, found);
    *dimensions = wanted_dimensions;
    for (size_t k = 0; k < wanted_dimensions; k++)
        shape[k] = found[k];
    return 0;
}

/* ---- numbers ---------------------------------------------------------------------------------------------- */

static float number(const xo_preprocess *p, size_t channel, double x)
{
    double scale = p->scale.value[p->scale.count > 1 ? channel : 0];
    float mean = (float)p->mean.value[p->mean.count > 1 ? channel : 0];
    float std = (float)p->std.value[p->std.count > 1 ? channel : 0];
    float scaled = (float)(x * scale);
    float centred = scaled - mean;
    return centred / std;
}

/* One channel of the output from channel `from` of the picture; step and row are strides of the output. */
static void fill_channel(const xo_preprocess *p, const struct plan *plan, const struct xo_picture *in, size_t channel,
                         size_t from, float *image, size_t row, size_t step)
{
    float byte_number[256];
    for (int x = 0; in->byte && x < 256; x++)
        byte_number[x] = number(p, channel, x);
    for (size_t y = 0; y < plan->height; y++) {
        size_t at = from * in->stride[0] + (plan->top + y) * in->stride[1] + plan->left * in->stride[2];
        float *line = image + y * row;
        if (in->byte)
            for (size_t x = 0; x < plan->width; x++)
                line[x * step] = byte_number[in->byte[at + x * in->stride[2]]];
        else
            for (size_t x = 0; x < plan->width; x++)
                line[x * step] = number(p, channel, (double)in->value[at + x * in->stride[2]]);
    }
}

static void fill(const xo_preprocess *p, const struct plan *plan, const struct xo_picture *in, bool last,
                 float *image)
{
    size_t C = plan->channels, plane = plan->height * plan->width;
    for (size_t c = 0; c < C; c++) {
        size_t from = in->channels == 1 ? 0 : p->order == XO_ORDER_BGR ? C - 1 - c : c;
        if (last)
            fill_channel(p, plan, in, c, from, image + c, plan->width * C, C);
        else
            fill_channel(p, plan, in, c, from, image + c * plane, plan->width, 1);
    }
}

static int make_grey(struct xo_picture *out, const struct xo_picture *in)
{
    int status = xo_picture_new(out, 1, in->height, in->width);
    unsigned char *grey = status ? NULL : out->owned;
    if (status)
        return status;
    out->name = in->name;
    for (size_t y = 0; y < in->height; y++)
        for (size_t x = 0; x < in->width; x++) {
            const unsigned char *pixel = in->byte + y * in->stride[1] + x * in->stride[2];
            unsigned r = pixel[0], g = pixel[in->stride[0]], b = pixel[2 * in->stride[0]];
            *grey++ = (unsigned char)((19595 * r + 38470 * g + 7471 * b + 32768) >> 16);
        }
    return 0;
}

static int apply_plan(const xo_preprocess *p, const struct plan *plan, const struct xo_picture *in, bool last,
                      float *image, struct xo_info *info)
{
    struct xo_picture grey = { 0 }, resized = { 0 };
    const struct xo_picture *now = in;
    bool greys = p->order == XO_ORDER_GREY && in->channels == 3;
    bool resizes = plan->resize_height != in->height || plan->resize_width != in->width;
    int status = 0;
    if (!in->byte && (greys || resizes))
        return xo_fail(info, XO_EUNSUPPORTED,
                       "%s: float images cannot be resized or made grey; expected bytes (uint8)",
                       in->name);
    if (greys)
        status = make_grey(&grey, in);
    now = greys ? &grey : now;
    if (!status && resizes)
        status = xo_picture_resize(&resized, now, plan->resize_height, plan->resize_width);
    now = resizes ? &resized : now;
    if (status)
        xo_fail(info, status, "%s: cannot be resized: %s", in->name, xo_strerror(status));
    else
        fill(p, plan, now, last, image);
    xo_picture_free(&grey);
    xo_picture_free(&resized);
    return status;
}

int xo_preprocess_apply(const xo_preprocess *p, const struct xo_picture *in, size_t dimensions, const size_t *shape,
                        float *image, struct xo_info *info)
{
    struct target target;
    struct plan plan;
    size_t found_dimensions, found[8];
    int status;
    p = p ? p : &xo_preprocess_default;
    status = xo_preprocess_shape(p, in, dimensions, dimensions, shape, &found_dimensions, found, info);
    if (status)
        return status;
    target_of(&target, p, dimensions, shape);
    status = make_plan(&plan, p, in, &target, info);
    return status ? status : apply_plan(p, &plan, in, target.last, image, info);
}
