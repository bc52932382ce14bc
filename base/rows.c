/* Arrays larger than memory: some rows at a time, in and out.
 * A .npy in C order is read from front to back.  In Fortran order a row is scattered over the file, so each
 * block of rows is gathered column by column, which takes a file one can seek in.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "xo_file.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "memory.h"
#include "npy.h"

enum { PIECE = 1 << 14 };              /* elements decoded at a time */

struct xo_rows_reader {
    struct xo_input in;                /* .npy */
    struct xo_npy_header h;
    size_t data_at;
    struct xo_ndarray whole;           /* .csv */
    size_t dimensions, count, width;
    size_t done;                       /* rows delivered */
    unsigned char piece[8 * PIECE];
};

static bool is_csv(const char *path)
{
    size_t length = strlen(path);
    return length >= 4 && !strcasecmp(path + length - 4, ".csv");
}

void xo_rows_close(xo_rows_reader *r)
{
    if (!r)
        return;
    xo_input_close(&r->in);
    xo_ndarray_free(&r->whole);
    free(r);
}

static int open_npy(xo_rows_reader *r, const char *path, struct xo_info *info)
{
    size_t nbytes = 0;
    int status = xo_input_open(&r->in, path, info);
    if (!status)
        status = xo_npy_begin(&r->in, &r->h, &r->data_at, &nbytes, info);
    if (status)
        return status;
    if (r->h.dimensions == 2 && r->h.fortran_order && r->in.size == XO_SIZE_UNKNOWN)
        return xo_fail(info, XO_ESYNTAX, "%s: Fortran order in a stream; expected C order, or a regular file",
                       r->in.name);
    return 0;
}

static int shape_it(xo_rows_reader *r, const char *path, size_t dimensions, const size_t *shape, struct xo_info *info)
{
    char text[XO_SHAPE_SIZE];
    if (dimensions != 1 && dimensions != 2)
        return xo_fail(info, XO_ESHAPE, "%s: shape %s; expected one or two dimensions", path,
                       xo_shape_print(text, dimensions, shape));
    r->dimensions = dimensions;
    r->count = dimensions == 2 ? shape[0] : 1;
    r->width = shape[dimensions - 1];
    return 0;
}

int xo_rows_open(xo_rows_reader **out, const char *path, struct xo_info *info)
{
    xo_rows_reader *r = xo_calloc(1, sizeof *r);
    int status;
    if (!r)
        return xo_fail(info, ENOMEM, "%s: cannot read: %s", path, xo_strerror(ENOMEM));
    if (is_csv(path)) {
        status = xo_csv_read(&r->whole, path, info);
        if (!status)
            status = shape_it(r, path, r->whole.dimensions, r->whole.shape, info);
    } else {
        status = open_npy(r, path, info);
        if (!status)
            status = shape_it(r, path, r->h.dimensions, r->h.shape, info);
    }
    if (status)
        xo_rows_close(r);
    else
        *out = r;
    return status;
}

size_t xo_rows_count(const xo_rows_reader *r) { return r->count; }
size_t xo_rows_width(const xo_rows_reader *r) { return r->width; }
size_t xo_rows_dimensions(const xo_rows_reader *r) { return r->dimensions; }

/* Fill piece from the file: at `offset` where seekable, else (-1) from where the stream is. */
static int fetch(xo_rows_reader *r, size_t nbytes, off_t offset, struct xo_info *info)
{
    size_t done = 0;
    while (done < nbytes) {
        ssize_t got = offset < 0 ? read(r->in.fd, r->piece + done, nbytes - done)
                                 : pread(r->in.fd, r->piece + done, nbytes - done, offset + (off_t)done);
        if (got < 0 && errno != EINTR) {
            int error = errno;
            return xo_fail(info, error, "%s: cannot read: %s", r->in.name, xo_strerror(error));
        }
        if (got == 0)
            return xo_fail(info, XO_ESYNTAX, "%s: ends within its data; expected %zu rows of %zu numbers",
                           r->in.name, r->count, r->width);
        done += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

/* `count` elements of the piece to value[0], value[step], ...; the first is row i, column j of the file. */
static int decode(const xo_rows_reader *r, size_t count, double *value, size_t step, size_t i, size_t j,
                  struct xo_info *info)
{
    for (size_t k = 0; k < count; k++) {
        double x = xo_npy_element(r->piece + k * r->h.width, &r->h);
        if (!isfinite(x)) {
            size_t at = step == 1 ? i * r->width + j + k : (i + k) * r->width + j;
            size_t index[2] = { at / r->width, at % r->width };
            return xo_npy_not_finite(x, &r->h, r->dimensions == 2 ? index : index + 1, r->in.name, info);
        }
        value[k * step] = x;
    }
    return 0;
}

static int read_in_order(xo_rows_reader *r, size_t rows, double *value, struct xo_info *info)
{
    size_t total = rows * r->width;
    int status = 0;
    for (size_t k = 0; k < total && !status; k += PIECE) {
        size_t count = total - k < PIECE ? total - k : PIECE;
        status = fetch(r, count * r->h.width, -1, info);
        if (!status)
            status = decode(r, count, value + k, 1, r->done + k / r->width, k % r->width, info);
    }
    return status;
}

static int gather(xo_rows_reader *r, size_t rows, double *value, struct xo_info *info)
{
    int status = 0;
    for (size_t j = 0; j < r->width; j++)
        for (size_t i = 0; i < rows && !status; i += PIECE) {
            size_t count = rows - i < PIECE ? rows - i : PIECE;
            size_t at = r->data_at + (j * r->count + r->done + i) * r->h.width;
            status = fetch(r, count * r->h.width, (off_t)at, info);
            if (!status)
                status = decode(r, count, value + i * r->width + j, r->width, r->done + i, j, info);
        }
    return status;
}

/* Behind the last row of a stream nothing may follow. */
static int check_end(xo_rows_reader *r, struct xo_info *info)
{
    unsigned char byte;
    if (r->in.size != XO_SIZE_UNKNOWN || read(r->in.fd, &byte, 1) <= 0)
        return 0;
    return xo_npy_check_length(&r->h, r->count * r->width * r->h.width + 1, true, r->in.name, info);
}

int xo_rows_read(xo_rows_reader *r, size_t rows, double *value, struct xo_info *info)
{
    int status = 0;
    if (rows > r->count - r->done)
        return XO_ESHAPE;
    if (r->whole.value)
        memcpy(value, r->whole.value + r->done * r->width, rows * r->width * sizeof *value);
    else if (r->dimensions == 2 && r->h.fortran_order && r->width > 1)
        status = gather(r, rows, value, info);
    else
        status = read_in_order(r, rows, value, info);
    r->done += rows;
    if (!status && !r->whole.value && r->done == r->count)
        status = check_end(r, info);
    return status;
}

/* ---- writing -------------------------------------------------------------------------------------- */

struct xo_rows_writer {
    struct xo_writer out;
    bool csv;
    size_t width;
    unsigned char piece[8 * PIECE];
};

int xo_rows_create(xo_rows_writer **out, const char *path, size_t dimensions, const size_t *shape,
                   const char *header, struct xo_info *info)
{
    xo_rows_writer *w = xo_calloc(1, sizeof *w);
    char text[XO_NPY_HEADER_SIZE];
    int status = w ? xo_writer_open(&w->out, path, info)
                   : xo_fail(info, ENOMEM, "%s: cannot create: %s", path, xo_strerror(ENOMEM));
    if (status) {
        free(w);
        return status;
    }
    w->csv = is_csv(path) || !strcmp(path, "-");
    w->width = shape[dimensions - 1];
    if (w->csv && header)
        fprintf(w->out.stream, "# %s\n", header);
    else if (!w->csv)
        fwrite(text, 1, xo_npy_print_header(text, dimensions, shape), w->out.stream);
    *out = w;
    return 0;
}

static void write_csv(xo_rows_writer *w, size_t rows, const double *value)
{
    char text[XO_NUMBER_SIZE];
    for (size_t k = 0; k < rows * w->width; k++) {
        fputs(xo_number_print(text, value[k]), w->out.stream);
        fputc((k + 1) % w->width ? ',' : '\n', w->out.stream);
    }
}

void xo_rows_write(xo_rows_writer *w, size_t rows, const double *value)
{
    size_t total = rows * w->width;
    if (w->csv)
        write_csv(w, rows, value);
    else
        for (size_t k = 0; k < total && !ferror(w->out.stream); k += PIECE)
            fwrite(w->piece, 1, xo_npy_pack(w->piece, value + k, total - k < PIECE ? total - k : PIECE),
                   w->out.stream);
}

int xo_rows_commit(xo_rows_writer *w, struct xo_info *info)
{
    int status = xo_writer_commit(&w->out, info);
    free(w);
    return status;
}

void xo_rows_abandon(xo_rows_writer *w)
{
    if (w)
        xo_writer_abandon(&w->out);
    free(w);
}
