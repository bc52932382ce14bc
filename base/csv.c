/* Tables of numbers as text: rows are lines, columns are separated by commas.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "xo_file.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include "array.h"
#include "input.h"
#include "memory.h"

#define CSV_MAX_NBYTES ((size_t)1 << 30)        /* beyond a gigabyte .npy is the better format */

/* The table so far; `line` counts from 1, `line_at` is where it begins (columns are counted from there). */
struct table {
    double *value;
    size_t count, capacity;
    size_t rows, columns, first_line;
    size_t line;
    const char *line_at;
    const char *name;
    struct xo_info *info;
};

static int append(struct table *t, double value)
{
    if (t->count == t->capacity) {
        size_t capacity = t->capacity ? 2 * t->capacity : 256;
        double *grown = xo_realloc(t->value, capacity, sizeof *grown);
        if (!grown)
            return xo_fail(t->info, ENOMEM, "%s: cannot hold the array: %s", t->name, xo_strerror(ENOMEM));
        t->value = grown;
        t->capacity = capacity;
    }
    t->value[t->count++] = value;
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void trim(const char **at, const char **end)
{
    while (*at < *end && is_blank(**at))
        ++*at;
    while (*at < *end && is_blank((*end)[-1]))
        --*end;
}

static int fail_cell(struct table *t, int status, const char *at, const char *end)
{
    const char *finding = "is not a number; expected decimals such as 0.5 or 1e-6, separated by commas";
    char shown[25] = "";               /* the cell, or its beginning */
    if (status == XO_EVALUE)
        finding = "does not fit; expected a magnitude of 5e-324 to 1.7e308";
    for (size_t k = 0; k < sizeof shown - 1 && at + k < end; k++)
        shown[k] = at[k] ? at[k] : '?';
    return xo_fail(t->info, status, "%s:%zu:%td: '%s' %s", t->name, t->line, at - t->line_at + 1, shown, finding);
}

static int parse_cell(struct table *t, const char *at, const char *end)
{
    double value;
    int status;
    trim(&at, &end);
    status = xo_number_parse(&value, at, (size_t)(end - at));
    return status ? fail_cell(t, status, at, end) : append(t, value);
}

static int parse_row(struct table *t, const char *at, const char *end)
{
    size_t before = t->count, found;
    for (;;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        int status = parse_cell(t, at, comma ? comma : end);
        if (status)
            return status;
        if (!comma)
            break;
        at = comma + 1;
    }
    found = t->count - before;
    if (t->rows == 0) {
        t->columns = found;
        t->first_line = t->line;
    }
    if (found != t->columns)
        return xo_fail(t->info, XO_ESYNTAX, "%s:%zu: %zu numbers; expected %zu as in line %zu", t->name, t->line,
                       found, t->columns, t->first_line);
    t->rows++;
    return 0;
}

static int parse_lines(struct table *t, const char *at, const char *end)
{
    if (end - at >= 3 && !memcmp(at, "\xef\xbb\xbf", 3))
        at += 3;                       /* the byte order mark some spreadsheets put in front */
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *first = at, *last = newline ? newline : end;
        int status = 0;
        t->line++;
        t->line_at = at;
        if (last > first && last[-1] == '\r')
            last--;
        trim(&first, &last);
        if (first < last && *first != '#')
            status = parse_row(t, first, last);
        if (status)
            return status;
        at = newline ? newline + 1 : end;
    }
    if (t->rows == 0)
        return xo_fail(t->info, XO_ESYNTAX, "%s: no numbers; expected at least one row", t->name);
    return 0;
}

int xo_csv_parse(struct xo_ndarray *out, const void *bytes, size_t nbytes, const char *name, struct xo_info *info)
{
    struct table t = { .name = name, .info = info };
    int status = nbytes ? parse_lines(&t, bytes, (const char *)bytes + nbytes)
                        : xo_fail(info, XO_ESYNTAX, "%s: is empty; expected rows of numbers", name);
    if (status)
        free(t.value);
    else
        *out = (struct xo_ndarray){ .dimensions = 2, .shape = { t.rows, t.columns }, .value = t.value };
    return status;
}

int xo_csv_take(struct xo_ndarray *out, struct xo_input *in, struct xo_info *info)
{
    int status = xo_input_rest(in, CSV_MAX_NBYTES, info);
    return status ? status : xo_csv_parse(out, in->bytes, in->nbytes, in->name, info);
}

int xo_csv_read(struct xo_ndarray *out, const char *path, struct xo_info *info)
{
    struct xo_input in;
    int status = xo_input_open(&in, path, info);
    if (!status)
        status = xo_csv_take(out, &in, info);
    xo_input_close(&in);
    return status;
}

static void print_header(FILE *stream, const char *header)
{
    while (*header) {
        int length = (int)strcspn(header, "\n");
        fprintf(stream, "# %.*s\n", length, header);
        header += length;
        header += *header == '\n';
    }
}

void xo_csv_print(FILE *stream, const struct xo_ndarray *a, const char *header)
{
    const size_t count = xo_ndarray_count(a), lines = a->dimensions ? a->shape[0] : 1;
    const size_t columns = lines ? count / lines : 0;
    char text[XO_NUMBER_SIZE];
    if (header)
        print_header(stream, header);
    for (size_t i = 0; i < lines && !ferror(stream); i++) {
        for (size_t j = 0; j < columns; j++) {
            if (j)
                fputc(',', stream);
            fputs(xo_number_print(text, a->value[i * columns + j]), stream);
        }
        fputc('\n', stream);
    }
}

int xo_csv_write(const char *path, const struct xo_ndarray *a, const char *header, struct xo_info *info)
{
    struct xo_writer w;
    int status = xo_writer_open(&w, path, info);
    if (status)
        return status;
    xo_csv_print(w.stream, a, header);
    return xo_writer_commit(&w, info);
}
