/* Images and labels from NumPy's .npy files: images (N, ...) as uint8, float32 or float64 (rounded to float32),
 * labels (N) of any integer type.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "data.h"

#include <errno.h>
#include <math.h>
#include "array.h"
#include "memory.h"
#include "npy.h"

static int check_header(const struct xo_npy_header *h, const char *name, const char *expected, bool type_fits,
                        bool dimensions_fit, struct xo_info *info)
{
    char shape[XO_SHAPE_SIZE];
    if (!type_fits)
        return xo_fail(info, XO_EUNSUPPORTED, "%s: elements of type %s%zu; expected %s", name,
                       h->kind == 'f' ? "float" : h->kind == 'u' ? "uint" : "int", 8 * h->width, expected);
    if (!dimensions_fit)
        return xo_fail(info, XO_ESHAPE, "%s: shape %s; expected %s", name,
                       xo_shape_print(shape, h->dimensions, h->shape), expected);
    if (h->fortran_order && h->dimensions > 1)
        return xo_fail(info, XO_EUNSUPPORTED, "%s: Fortran order; expected C order (numpy.ascontiguousarray)", name);
    return 0;
}

/* Bytes of an item: of everything but the first dimension. */
static int item_of(const struct xo_npy_header *h, size_t *item, const char *name, struct xo_info *info)
{
    bool fits = xo_shape_nbytes(item, h->dimensions - 1, h->shape + 1, h->width);
    if (fits && *item)
        return 0;
    return xo_fail(info, fits ? XO_ESHAPE : XO_ETOOBIG, "%s: items of %s; expected at least one number each", name,
                   fits ? "nothing" : "more bytes than can be addressed");
}

/* bytes [count][pixels] of the split -> value */
static int to_float(xo_data *d, const struct xo_npy_header *h, const unsigned char *bytes, struct xo_info *info)
{
    size_t pixels = xo_data_pixels(d);
    d->value = xo_calloc(d->count * pixels, sizeof *d->value);
    if (!d->value)
        return ENOMEM;
    for (size_t k = 0; k < d->count * pixels; k++) {
        d->value[k] = (float)xo_npy_element(bytes + k * h->width, h);
        if (!isfinite(d->value[k]))
            return xo_fail(info, XO_EVALUE, "%s: element %zu of image %zu is not finite in float32; expected finite "
                           "numbers", d->path[0], k % pixels, d->from + k / pixels);
    }
    return 0;
}

static int read_images(xo_data *d, struct xo_stream *s, struct xo_info *info)
{
    struct xo_npy_header h;
    unsigned char *bytes = NULL;
    size_t data_at, item;
    int status = xo_npy_begin_stream(s, &h, &data_at, info);
    if (!status)
        status = check_header(&h, d->path[0], "images (N, ...) of two to four dimensions, uint8, float32 or float64",
                              h.kind == 'f' || (h.kind == 'u' && h.width == 1), h.dimensions >= 2, info);
    if (!status)
        status = item_of(&h, &item, d->path[0], info);
    if (!status)
        status = xo_data_announced(s, data_at, h.shape[0], item, info);
    if (!status)
        status = xo_data_split(d, h.shape[0], info);
    if (!status)
        status = xo_data_take(d, s, item, &bytes, info);
    if (status)
        return status;
    xo_data_frame(d, h.dimensions - 1, h.shape + 1);
    if (h.kind == 'u') {
        d->byte = bytes;
        return 0;
    }
    status = to_float(d, &h, bytes, info);
    free(bytes);
    return status;
}

/* bytes [count] of the split -> label */
static int to_label(xo_data *d, const struct xo_npy_header *h, const unsigned char *bytes, struct xo_info *info)
{
    d->label = xo_calloc(d->count, sizeof *d->label);
    if (!d->label)
        return ENOMEM;
    for (size_t k = 0; k < d->count; k++) {
        double label = xo_npy_element(bytes + k * h->width, h);
        if (label < 0 || label > INT32_MAX)
            return xo_fail(info, XO_EVALUE, "%s: label %.17g of image %zu; expected 0 to %d", d->path[1], label,
                           d->from + k, INT32_MAX);
        d->label[k] = (int32_t)label;
    }
    return 0;
}

static int read_labels(xo_data *d, struct xo_stream *s, struct xo_info *info)
{
    struct xo_npy_header h;
    unsigned char *bytes = NULL;
    size_t data_at;
    int status = xo_npy_begin_stream(s, &h, &data_at, info);
    if (!status)
        status = check_header(&h, d->path[1], "labels (N) of an integer type", h.kind != 'f', h.dimensions == 1,
                              info);
    if (!status && h.shape[0] != d->total)
        status = xo_fail(info, XO_ESHAPE, "%s: %zu labels for the %zu images of %s; expected one each", d->path[1],
                         h.shape[0], d->total, d->path[0]);
    if (!status)
        status = xo_data_announced(s, data_at, h.shape[0], h.width, info);
    if (!status)
        status = xo_data_take(d, s, h.width, &bytes, info);
    if (!status)
        status = to_label(d, &h, bytes, info);
    free(bytes);
    return status;
}

int xo_data_open_npy(xo_data *d, struct xo_info *info)
{
    struct xo_stream *s = NULL;
    int status = xo_stream_open(&s, d->path[0], info);
    if (status)
        return status;
    status = read_images(d, s, info);
    xo_stream_close(s);
    if (status)
        return status;
    status = xo_stream_open(&s, d->path[1], info);
    if (status)
        return status;
    status = read_labels(d, s, info);
    xo_stream_close(s);
    return status;
}
