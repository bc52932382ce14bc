/* Writing .npy files, byte for byte as NumPy does.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "xo_file.h"

#include <stdint.h>
#include <string.h>
#include <zlib.h>
#include "npy.h"

enum {
    PREFIX_NBYTES = 10,
    ALIGNMENT = 64,                    /* of the data within the file                                  */
    CHUNK = 1024                       /* elements packed at a time                                    */
};

/* Prefix, dictionary, blanks to the next multiple of 64 (at least one), newline.  Returns the length.
 * (NumPy also leaves room for the first size to grow to 21 digits; with 4 dimensions at most that stays within
 * the same 128 bytes.) */
static size_t print_header(char text[XO_NPY_HEADER_SIZE], const char *type, size_t dimensions, const size_t *shape)
{
    char tuple[XO_SHAPE_SIZE];
    size_t length = PREFIX_NBYTES, room;
    xo_shape_print(tuple, dimensions, shape);
    length += (size_t)snprintf(text + length, XO_NPY_HEADER_SIZE - length,
                               "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, tuple);
    room = ALIGNMENT - (length + 1) % ALIGNMENT;
    memset(text + length, ' ', room);
    length += room;
    text[length++] = '\n';
    memcpy(text, "\x93NUMPY\1\0", 8);
    text[8] = (char)((length - PREFIX_NBYTES) & 0xff);
    text[9] = (char)((length - PREFIX_NBYTES) >> 8);
    return length;
}

size_t xo_npy_print_header(char text[XO_NPY_HEADER_SIZE], size_t dimensions, const size_t *shape)
{
    return print_header(text, "<f8", dimensions, shape);
}

/* Little-endian float64, whatever the host.  Returns the number of bytes. */
size_t xo_npy_pack(unsigned char *bytes, const double *value, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        uint64_t bits;
        memcpy(&bits, &value[k], sizeof bits);
        for (size_t b = 0; b < 8; b++)
            bytes[8 * k + b] = (unsigned char)(bits >> 8 * b);
    }
    return 8 * count;
}

size_t xo_npy_nbytes(const struct xo_ndarray *a)
{
    char header[XO_NPY_HEADER_SIZE];
    return xo_npy_print_header(header, a->dimensions, a->shape) + 8 * xo_ndarray_count(a);
}

uint32_t xo_npy_crc32(const struct xo_ndarray *a)
{
    char header[XO_NPY_HEADER_SIZE];
    unsigned char bytes[8 * CHUNK];
    size_t count = xo_ndarray_count(a);
    uLong crc = crc32(0, (const Bytef *)header, (uInt)xo_npy_print_header(header, a->dimensions, a->shape));
    for (size_t k = 0; k < count; k += CHUNK)
        crc = crc32(crc, bytes, (uInt)xo_npy_pack(bytes, a->value + k, count - k < CHUNK ? count - k : CHUNK));
    return (uint32_t)crc;
}

void xo_npy_print(FILE *stream, const struct xo_ndarray *a)
{
    char header[XO_NPY_HEADER_SIZE];
    unsigned char bytes[8 * CHUNK];
    size_t count = xo_ndarray_count(a);
    fwrite(header, 1, xo_npy_print_header(header, a->dimensions, a->shape), stream);
    for (size_t k = 0; k < count && !ferror(stream); k += CHUNK)
        fwrite(bytes, 1, xo_npy_pack(bytes, a->value + k, count - k < CHUNK ? count - k : CHUNK), stream);
}

int xo_npy_write(const char *path, const struct xo_ndarray *a, struct xo_info *info)
{
    struct xo_writer w;
    int status = xo_writer_open(&w, path, info);
    if (status)
        return status;
    xo_npy_print(w.stream, a);
    return xo_writer_commit(&w, info);
}

int xo_npy_write_float(const char *path, size_t dimensions, const size_t *shape, const float *value,
                       struct xo_info *info)
{
    char header[XO_NPY_HEADER_SIZE];
    unsigned char bytes[4 * CHUNK];
    struct xo_writer w;
    size_t count = 1;
    int status = xo_writer_open(&w, path, info);
    if (status)
        return status;
    for (size_t d = 0; d < dimensions; d++)
        count *= shape[d];
    fwrite(header, 1, print_header(header, "<f4", dimensions, shape), w.stream);
    for (size_t k = 0; k < count && !ferror(w.stream); k += CHUNK) {
        size_t n = count - k < CHUNK ? count - k : CHUNK;
        for (size_t m = 0; m < n; m++) {
            uint32_t bits;
            memcpy(&bits, &value[k + m], sizeof bits);
            for (size_t b = 0; b < 4; b++)
                bytes[4 * m + b] = (unsigned char)(bits >> 8 * b);
        }
        fwrite(bytes, 4, n, w.stream);
    }
    return xo_writer_commit(&w, info);
}
