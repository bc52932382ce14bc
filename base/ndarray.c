/* Arrays of numbers in memory, and the choice of their file format.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "xo_file.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include "array.h"
#include "memory.h"

void xo_ndarray_free(struct xo_ndarray *a)
{
    if (!a)
        return;
    free(a->value);
    memset(a, 0, sizeof *a);
}

size_t xo_ndarray_count(const struct xo_ndarray *a)
{
    size_t count = 1;
    for (size_t d = 0; d < a->dimensions; d++)
        count *= a->shape[d];
    return count;
}

bool xo_shape_nbytes(size_t *nbytes, size_t dimensions, const size_t *shape, size_t width)
{
    size_t product = width;
    bool empty = false;
    for (size_t d = 0; d < dimensions; d++) {
        if (shape[d] == 0)
            empty = true;
        else if (product > PTRDIFF_MAX / shape[d])
            return false;
        else
            product *= shape[d];
    }
    *nbytes = empty ? 0 : product;
    return true;
}

char *xo_shape_print(char *text, size_t dimensions, const size_t *shape)
{
    size_t length = 0;
    text[length++] = '(';
    for (size_t d = 0; d < dimensions; d++)
        length += (size_t)snprintf(text + length, XO_SHAPE_SIZE - length, "%s%zu", d ? ", " : "", shape[d]);
    strcpy(text + length, dimensions == 1 ? ",)" : ")");
    return text;
}

int xo_ndarray_new(struct xo_ndarray *out, size_t dimensions, const size_t *shape)
{
    struct xo_ndarray a = { .dimensions = dimensions };
    size_t nbytes;
    if (dimensions > XO_MAX_DIMENSIONS || !xo_shape_nbytes(&nbytes, dimensions, shape, sizeof *a.value))
        return XO_ETOOBIG;
    for (size_t d = 0; d < dimensions; d++)
        a.shape[d] = shape[d];
    a.value = xo_calloc(1, nbytes);
    if (!a.value)
        return ENOMEM;
    *out = a;
    return 0;
}

static bool is_csv(const char *path)
{
    size_t length = strlen(path);
    return length >= 4 && !strcasecmp(path + length - 4, ".csv");
}

/* Standard input has no name: the first byte tells. */
static int read_unnamed(struct xo_ndarray *out, struct xo_info *info)
{
    struct xo_input in;
    int status = xo_input_open(&in, "-", info);
    if (!status)
        status = xo_input_fill(&in, 1, info);
    if (!status)
        status = in.nbytes && in.bytes[0] == '\x93' ? xo_npy_take(out, &in, info) : xo_csv_take(out, &in, info);
    xo_input_close(&in);
    return status;
}

int xo_ndarray_read(struct xo_ndarray *out, const char *path, struct xo_info *info)
{
    if (!strcmp(path, "-"))
        return read_unnamed(out, info);
    return is_csv(path) ? xo_csv_read(out, path, info) : xo_npy_read(out, path, info);
}

int xo_ndarray_write(const char *path, const struct xo_ndarray *a, const char *header, struct xo_info *info)
{
    return is_csv(path) ? xo_csv_write(path, a, header, info) : xo_npy_write(path, a, info);
}
