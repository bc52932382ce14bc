/* Files of numbers: NumPy .npy and .npz, CSV; and how any file is written without ever leaving half of one.
 *
 * In memory an array is always float64 in row-major (C) order.  Readers refuse NaN and infinity, naming the
 * element; what cannot be represented exactly is refused rather than rounded.  Numbers are read and printed
 * with '.' whatever the locale.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_FILE_H
#define XO_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "xo_status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define XO_MAX_DIMENSIONS 4

/* An array of numbers.  `value` holds product(shape) elements, row-major; release with xo_ndarray_free. */
struct xo_ndarray {
    size_t dimensions;                 /* 0 (a single number) .. XO_MAX_DIMENSIONS */
    size_t shape[XO_MAX_DIMENSIONS];
    double *value;
};

void xo_ndarray_free(struct xo_ndarray *a);                 /* leaves *a zeroed; NULL allowed */
size_t xo_ndarray_count(const struct xo_ndarray *a);        /* product of the shape */

/* Allocate a zero-filled array.  XO_ETOOBIG if the byte count overflows, ENOMEM. */
int xo_ndarray_new(struct xo_ndarray *out, size_t dimensions, const size_t *shape);

/* Read .npy (version 1 to 3; f4 or f8, either byte order, C or Fortran order).  path "-" is standard input.
 * XO_ESYNTAX for a file that is not such (truncated, trailing bytes, other types), XO_EVALUE for a NaN or an
 * infinity; errno if it cannot be read.  On failure *out is untouched. */
int xo_npy_read(struct xo_ndarray *out, const char *path, struct xo_info *info);

/* The same from memory: what the fuzz target drives.  name is used in messages only. */
int xo_npy_parse(struct xo_ndarray *out, const void *bytes, size_t nbytes, const char *name, struct xo_info *info);

/* Write .npy version 1, '<f8', C order, atomically.  NaN is allowed on output (island nodes). */
int xo_npy_write(const char *path, const struct xo_ndarray *a, struct xo_info *info);

/* The same for float32, '<f4'.  value [product(shape)] */
int xo_npy_write_float(const char *path, size_t dimensions, const size_t *shape, const float *value,
                       struct xo_info *info);

/* Read CSV: one row of numbers a line, separated by commas; blank lines and lines that begin with '#' are
 * skipped; CRLF is understood, and blanks around numbers.  Always two-dimensional.  Errors name line and column.
 * XO_ESYNTAX, XO_EVALUE for a number that does not fit, XO_ETOOBIG beyond 1 GiB. */
int xo_csv_read(struct xo_ndarray *out, const char *path, struct xo_info *info);
int xo_csv_parse(struct xo_ndarray *out, const void *bytes, size_t nbytes, const char *name, struct xo_info *info);

/* Write CSV atomically: `header` (may be NULL; each line printed behind "# "), then one line per leading
 * index, the remaining dimensions flattened; every number printed by xo_number_print. */
int xo_csv_write(const char *path, const struct xo_ndarray *a, const char *header, struct xo_info *info);

/* Read or write by the ending of the name: .csv is CSV, everything else .npy.  Standard input ("-") has no ending:
 * what begins with the byte 0x93 is read as .npy, the rest as CSV. */
int xo_ndarray_read(struct xo_ndarray *out, const char *path, struct xo_info *info);
int xo_ndarray_write(const char *path, const struct xo_ndarray *a, const char *header, struct xo_info *info);

/* Arrays larger than memory, so many leading indices ("rows" of the file) at a time; one dimension is one row.
 * A .npy is streamed, a regular file in Fortran order too; a .csv is read as a whole.  Errors as xo_npy_read. */
typedef struct xo_rows_reader xo_rows_reader;
int xo_rows_open(xo_rows_reader **out, const char *path, struct xo_info *info);
size_t xo_rows_count(const xo_rows_reader *r);              /* rows in the file              */
size_t xo_rows_width(const xo_rows_reader *r);              /* numbers in a row              */
size_t xo_rows_dimensions(const xo_rows_reader *r);         /* 1 or 2                        */
/* The next `rows` rows into value [rows][width]; never more than are left. */
int xo_rows_read(xo_rows_reader *r, size_t rows, double *value, struct xo_info *info);
void xo_rows_close(xo_rows_reader *r);

/* The other direction, atomically: .npy, or .csv with its header by the name's ending; "-" is CSV on stdout. */
typedef struct xo_rows_writer xo_rows_writer;
int xo_rows_create(xo_rows_writer **out, const char *path, size_t dimensions, const size_t *shape,
                   const char *header, struct xo_info *info);
void xo_rows_write(xo_rows_writer *w, size_t rows, const double *value);     /* commit says whether it worked */
int xo_rows_commit(xo_rows_writer *w, struct xo_info *info);                 /* frees w                       */
void xo_rows_abandon(xo_rows_writer *w);                                     /* frees w; NULL allowed         */

/* Several named arrays in one .npz (stored, not compressed; fixed dates, so equal arrays give equal bytes). */
struct xo_named_array {
    const char *name;                  /* without ".npy" */
    struct xo_ndarray array;
};
int xo_npz_write(const char *path, size_t count, const struct xo_named_array *arrays, struct xo_info *info);

/* Print `value` in the shortest rounded form that reads back to the same double ("0.1", "1e-05", "nan").
 * text must hold XO_NUMBER_SIZE bytes; returns text. */
#define XO_NUMBER_SIZE 32
char *xo_number_print(char *text, double value);

/* Read one decimal number that fills text[0..length) entirely: [+-]digits[.digits][e[+-]digits], e or E.
 * No hexadecimal, octal look-alikes (010), nan, inf, underscores, SI suffixes or decimal commas.
 * Returns 0, XO_ESYNTAX (not such a number) or XO_EVALUE (does not fit a double). */
int xo_number_parse(double *out, const char *text, size_t length);

/* Atomic writing.  Open makes `path.part` beside the target; commit flushes, fsyncs, renames it over `path`
 * and fsyncs the folder; abandon removes it.  After a crash a reader finds the old file or the new one.
 * A link is followed, the file behind it replaced with the same permissions.  path "-" is standard output (then
 * commit only flushes and checks); devices, pipes and /dev/stdout too are written in place.
 * Why a write failed is remembered: commit returns the first errno, however late it is called. */
struct xo_writer {
    FILE *stream;
    char *path, *part;                 /* NULL for standard output; part NULL if written in place */
};
int xo_writer_open(struct xo_writer *w, const char *path, struct xo_info *info);
int xo_writer_commit(struct xo_writer *w, struct xo_info *info);     /* on failure the part is removed */
void xo_writer_abandon(struct xo_writer *w);                         /* harmless after commit */

/* SHA-256 as 64 hexadecimal digits, of bytes or of a file. */
void xo_sha256_hex(char hex[65], const void *bytes, size_t nbytes);
int xo_sha256_file(char hex[65], const char *path, struct xo_info *info);

/* Read a whole file (or standard input for "-") into memory the caller frees; one NUL is added behind it.
 * XO_ETOOBIG beyond max_nbytes. */
int xo_slurp(char **bytes, size_t *nbytes, const char *path, size_t max_nbytes, struct xo_info *info);

#ifdef __cplusplus
}
#endif
#endif
