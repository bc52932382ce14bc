/* IDX, the format of MNIST (yann.lecun.com/exdb/mnist): two zero bytes, a byte for the type, one for the number of
 * dimensions, a size each in 4 bytes (big endian), the elements.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "data.h"

#include <errno.h>
#include "memory.h"

enum { MAX_IDX_DIMENSIONS = 4, UBYTE = 0x08 };

static const char *type_name(unsigned char type)
{
    static const struct { unsigned char type; const char *name; } types[] = {
        { 0x09, "signed byte" }, { 0x0b, "short" }, { 0x0c, "int" }, { 0x0d, "float" }, { 0x0e, "double" } };
    for (size_t k = 0; k < sizeof types / sizeof *types; k++)
        if (types[k].type == type)
            return types[k].name;
    return NULL;
}

static int check_magic(const unsigned char magic[4], size_t got, const char *name, struct xo_info *info)
{
    if (got < 4)
        return xo_fail(info, XO_ESYNTAX, "%s: ends after %zu bytes; expected an IDX file", name, got);
    if (magic[0] || magic[1] || (magic[2] != UBYTE && !type_name(magic[2])))
        return xo_fail(info, XO_ESYNTAX, "%s: begins with %02x %02x %02x %02x; expected IDX (00 00 08 and the number "
                       "of dimensions)", name, magic[0], magic[1], magic[2], magic[3]);
    if (magic[2] != UBYTE)
        return xo_fail(info, XO_EUNSUPPORTED, "%s: IDX of type %s; expected unsigned byte (0x08)", name,
                       type_name(magic[2]));
    return 0;
}

/* Bytes of an item: all sizes but the first. */
static int check_sizes(const struct xo_stream *s, size_t dimensions, const size_t *shape, size_t *item,
                       struct xo_info *info)
{
    *item = 1;
    for (size_t k = 1; k < dimensions; k++) {
        if (!shape[k] || shape[k] > SIZE_MAX / 2 / *item)
            return xo_fail(info, XO_EVALUE, "%s: size %zu of dimension %zu; expected items of at least one and not "
                           "too many bytes", xo_stream_name(s), shape[k], k);
        *item *= shape[k];
    }
    return xo_data_announced(s, 4 + 4 * dimensions, shape[0], *item, info);
}

/* The header: dimensions in low..high, shape[0] items. */
static int read_header(struct xo_stream *s, size_t low, size_t high, size_t *dimensions,
                       size_t shape[MAX_IDX_DIMENSIONS], size_t *item, struct xo_info *info)
{
    unsigned char magic[4], size[4 * MAX_IDX_DIMENSIONS];
    size_t got;
    int status = xo_stream_read(s, magic, 4, &got, info);
    if (!status)
        status = check_magic(magic, got, xo_stream_name(s), info);
    if (status)
        return status;
    *dimensions = magic[3];
    if (*dimensions < low || *dimensions > high)
        return xo_fail(info, XO_ESHAPE, "%s: %zu dimensions; expected %zu%s%.0zu", xo_stream_name(s), *dimensions,
                       low,
                       low < high ? " to " : "", low < high ? high : 0);
    status = xo_stream_read(s, size, 4 * *dimensions, &got, info);
    if (status)
        return status;
    if (got < 4 * *dimensions)
        return xo_fail(info, XO_ESYNTAX, "%s: ends within its header; expected %zu sizes", xo_stream_name(s),
                       *dimensions);
    for (size_t k = 0; k < *dimensions; k++)
        shape[k] = (size_t)size[4 * k] << 24 | (size_t)size[4 * k + 1] << 16 | (size_t)size[4 * k + 2] << 8
                 | (size_t)size[4 * k + 3];
    return check_sizes(s, *dimensions, shape, item, info);
}

static int read_images(xo_data *d, struct xo_info *info)
{
    size_t dimensions, shape[MAX_IDX_DIMENSIONS], item;
    struct xo_stream *s = NULL;
    int status = xo_stream_open(&s, d->path[0], info);
    if (!status)
        status = read_header(s, 2, MAX_IDX_DIMENSIONS, &dimensions, shape, &item, info);
    if (!status)
        status = xo_data_split(d, shape[0], info);
    if (!status)
        status = xo_data_take(d, s, item, &d->byte, info);
    if (!status)
        xo_data_frame(d, dimensions - 1, shape + 1);
    xo_stream_close(s);
    return status;
}

static int read_labels(xo_data *d, struct xo_info *info)
{
    size_t dimensions, shape[MAX_IDX_DIMENSIONS], item;
    struct xo_stream *s = NULL;
    unsigned char *label = NULL;
    int status = xo_stream_open(&s, d->path[1], info);
    if (!status)
        status = read_header(s, 1, 1, &dimensions, shape, &item, info);
    if (!status && shape[0] != d->total)
        status = xo_fail(info, XO_ESHAPE, "%s: %zu labels for the %zu images of %s; expected one each", d->path[1],
                         shape[0], d->total, d->path[0]);
    if (!status)
        status = xo_data_take(d, s, item, &label, info);
    if (!status)
        d->label = xo_calloc(d->count, sizeof *d->label);
    if (!status && !d->label)
        status = ENOMEM;
    for (size_t k = 0; !status && k < d->count; k++)
        d->label[k] = label[k];
    free(label);
    xo_stream_close(s);
    return status;
}

int xo_data_open_idx(xo_data *d, struct xo_info *info)
{
    int status = read_images(d, info);
    return status ? status : read_labels(d, info);
}
