/* Reading NumPy .npy files (numpy.lib.format, versions 1.0, 2.0 and 3.0):
 *     \x93NUMPY  major minor  length of the header (2 bytes, from version 2 on 4; little endian)
 *     {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }        padded with blanks, newline
 *     the elements
 * Nothing is allocated on the word of a header: its sizes are first compared with the bytes that are there.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "xo_file.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include "memory.h"
#include "npy.h"
#include "stream.h"

enum { PREFIX_NBYTES = 12, MAX_HEADER_NBYTES = 1 << 16 };

/* The header's text, being read from left to right. */
struct scan {
    const char *at, *end;
    const char *name;
    bool integers;                     /* are allowed too */
    struct xo_info *info;
};

XO_PRINTF(2, 3)
static int syntax(const struct scan *s, const char *format, ...)
{
    char finding[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding, sizeof finding, format, arguments);
    va_end(arguments);
    return xo_fail(s->info, XO_ESYNTAX, "%s: .npy header %s; expected {'descr': '<f8', 'fortran_order': False, "
                   "'shape': (rows, columns), }", s->name, finding);
}

static void skip_blanks(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n'))
        s->at++;
}

static bool accept_char(struct scan *s, char wanted)
{
    skip_blanks(s);
    if (s->at == s->end || *s->at != wanted)
        return false;
    s->at++;
    return true;
}

static bool accept_word(struct scan *s, const char *word)
{
    size_t length = strlen(word);
    skip_blanks(s);
    if ((size_t)(s->end - s->at) < length || memcmp(s->at, word, length))
        return false;
    s->at += length;
    return true;
}

/* 'text' or "text", shorter than size. */
static bool accept_string(struct scan *s, char *text, size_t size)
{
    const char *close;
    char quote;
    skip_blanks(s);
    if (s->at == s->end || (*s->at != '\'' && *s->at != '"'))
        return false;
    quote = *s->at;
    close = memchr(s->at + 1, quote, (size_t)(s->end - s->at) - 1);
    if (!close || (size_t)(close - s->at) > size)
        return false;
    memcpy(text, s->at + 1, (size_t)(close - s->at) - 1);
    text[close - s->at - 1] = '\0';
    s->at = close + 1;
    return true;
}

static bool accept_size(struct scan *s, size_t *size)
{
    const char *first;
    size_t n = 0;
    skip_blanks(s);
    for (first = s->at; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
        size_t digit = (size_t)(*s->at - '0');
        if (n > (SIZE_MAX - digit) / 10)
            return false;
        n = 10 * n + digit;
    }
    *size = n;
    return s->at > first && (*first != '0' || s->at - first == 1);
}

static bool host_is_big_endian(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 0;
}

static bool is_integer(const char *descr)
{
    return strlen(descr) == 3 && strchr("<>=|", descr[0]) && (descr[1] == 'i' || descr[1] == 'u')
        && strchr("1248", descr[2]);
}

static int parse_descr(struct scan *s, struct xo_npy_header *h)
{
    static const char type[][4] = { "<f8", ">f8", "=f8", "<f4", ">f4", "=f4" };
    char descr[32];
    bool known;
    if (!accept_string(s, descr, sizeof descr))
        return syntax(s, "describes no plain type");
    known = s->integers && is_integer(descr);
    for (size_t k = 0; k < sizeof type / sizeof *type; k++)
        known |= !strcmp(descr, type[k]);
    if (known) {
        h->kind = descr[1];
        h->width = (size_t)(descr[2] - '0');
        h->big_endian = descr[0] == '>' || (descr[0] == '=' && host_is_big_endian());
        return 0;
    }
    return xo_fail(s->info, XO_ESYNTAX, "%s: elements of type '%s'; expected float64 or float32 "
                   "('<f8', '<f4', '>f8' or '>f4')%s", s->name, descr, s->integers ? " or integers" : "");
}

static int parse_fortran_order(struct scan *s, struct xo_npy_header *h)
{
    h->fortran_order = accept_word(s, "True");
    if (!h->fortran_order && !accept_word(s, "False"))
        return syntax(s, "has a fortran_order that is neither True nor False");
    return 0;
}

static int parse_shape(struct scan *s, struct xo_npy_header *h)
{
    bool comma = true;
    if (!accept_char(s, '('))
        return syntax(s, "has a shape that is not a tuple");
    while (!accept_char(s, ')')) {
        size_t size;
        if (!comma || !accept_size(s, &size))
            return syntax(s, "has a shape that is not a tuple of sizes");
        if (h->dimensions == XO_MAX_DIMENSIONS)
            return xo_fail(s->info, XO_ESYNTAX, "%s: more than %d dimensions; expected at most %d", s->name,
                           XO_MAX_DIMENSIONS, XO_MAX_DIMENSIONS);
        h->shape[h->dimensions++] = size;
        comma = accept_char(s, ',');
    }
    if (h->dimensions == 1 && !comma)  /* Python reads (3) as a number in parentheses */
        return syntax(s, "has a shape that is not a tuple");
    return 0;
}

static const struct {
    const char *key;
    int (*parse)(struct scan *s, struct xo_npy_header *h);
} entry[] = {
    { "descr", parse_descr },
    { "fortran_order", parse_fortran_order },
    { "shape", parse_shape }
};
enum { ENTRIES = sizeof entry / sizeof *entry };

static int parse_entry(struct scan *s, struct xo_npy_header *h, bool seen[ENTRIES])
{
    char key[32];
    if (!accept_string(s, key, sizeof key) || !accept_char(s, ':'))
        return syntax(s, "is not a dictionary");
    for (size_t k = 0; k < ENTRIES; k++)
        if (!strcmp(key, entry[k].key)) {
            if (seen[k])
                return syntax(s, "has '%s' twice", key);
            seen[k] = true;
            return entry[k].parse(s, h);
        }
    return syntax(s, "has an unknown key '%s'", key);
}

static int parse_dictionary(struct scan *s, struct xo_npy_header *h)
{
    bool seen[ENTRIES] = { false };
    bool comma = true;
    if (!accept_char(s, '{'))
        return syntax(s, "is not a dictionary");
    while (!accept_char(s, '}')) {
        int status = comma ? parse_entry(s, h, seen) : syntax(s, "lacks a comma");
        if (status)
            return status;
        comma = accept_char(s, ',');
    }
    skip_blanks(s);
    if (s->at != s->end)
        return syntax(s, "goes on behind its dictionary");
    for (size_t k = 0; k < ENTRIES; k++)
        if (!seen[k])
            return syntax(s, "lacks '%s'", entry[k].key);
    return 0;
}

/* Check magic and version; where the header begins and the data begins. */
static int parse_prefix(size_t *header_at, size_t *data_at, const unsigned char *b, size_t nbytes,
                        const char *name, struct xo_info *info)
{
    size_t length;
    if (nbytes >= 4 && !memcmp(b, "PK\3\4", 4))
        return xo_fail(info, XO_ESYNTAX, "%s: is a zip or .npz archive; expected a single array (.npy)", name);
    if (nbytes < PREFIX_NBYTES && (nbytes == 0 || !memcmp(b, "\x93NUMPY", nbytes < 6 ? nbytes : 6)))
        return xo_fail(info, XO_ESYNTAX, "%s: ends after %zu bytes; expected a .npy file", name, nbytes);
    if (nbytes < PREFIX_NBYTES || memcmp(b, "\x93NUMPY", 6))
        return xo_fail(info, XO_ESYNTAX, "%s: does not begin like a .npy file; expected \\x93NUMPY", name);
    if (b[6] < 1 || b[6] > 3 || b[7] != 0)
        return xo_fail(info, XO_ESYNTAX, "%s: .npy version %d.%d; expected 1.0, 2.0 or 3.0", name, b[6], b[7]);
    length = (size_t)b[8] | (size_t)b[9] << 8;
    if (b[6] > 1)
        length |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (length > MAX_HEADER_NBYTES)
        return xo_fail(info, XO_ESYNTAX, "%s: .npy header of %zu bytes; expected at most %d", name, length,
                       MAX_HEADER_NBYTES);
    *header_at = b[6] > 1 ? 12 : 10;
    *data_at = *header_at + length;
    return 0;
}

/* The header of a file of which the first nbytes are at hand. */
static int parse_header(struct xo_npy_header *h, size_t *data_at, const char *bytes, size_t nbytes, bool integers,
                        const char *name, struct xo_info *info)
{
    size_t header_at = 0;
    struct scan s = { .name = name, .integers = integers, .info = info };
    int status = parse_prefix(&header_at, data_at, (const unsigned char *)bytes, nbytes, name, info);
    if (status)
        return status;
    if (nbytes < *data_at)
        return xo_fail(info, XO_ESYNTAX, "%s: ends after %zu bytes, within its header; expected %zu header bytes",
                       name, nbytes, *data_at);
    s.at = bytes + header_at;
    s.end = bytes + *data_at;
    memset(h, 0, sizeof *h);
    return parse_dictionary(&s, h);
}

int xo_npy_check_length(const struct xo_npy_header *h, size_t found, bool more, const char *name,
                        struct xo_info *info)
{
    char shape[XO_SHAPE_SIZE], expected[32] = "a shape that memory can hold";
    size_t nbytes;
    bool fits = xo_shape_nbytes(&nbytes, h->dimensions, h->shape, h->width);
    if (fits && found == nbytes && !more)
        return 0;
    if (fits)
        snprintf(expected, sizeof expected, "%zu", nbytes);
    return xo_fail(info, XO_ESYNTAX, "%s: %zu bytes of data%s for shape %s float%zu; expected %s", name, found,
                   more ? " or more" : "", xo_shape_print(shape, h->dimensions, h->shape), 8 * h->width, expected);
}

/* Two's complement: the sign bit counts -2^(bits-1). */
static double integer(uint64_t bits, const struct xo_npy_header *h)
{
    uint64_t sign = (uint64_t)1 << (8 * h->width - 1);
    if (h->kind == 'u' || bits < sign)
        return (double)bits;
    return -(double)(sign - (bits - sign));
}

double xo_npy_element(const unsigned char *b, const struct xo_npy_header *h)
{
    uint64_t bits = 0;
    for (size_t k = 0; k < h->width; k++)
        bits |= (uint64_t)b[k] << 8 * (h->big_endian ? h->width - 1 - k : k);
    if (h->kind != 'f')
        return integer(bits, h);
    if (h->width == 4) {
        uint32_t half = (uint32_t)bits;
        float single;
        memcpy(&single, &half, sizeof single);
        return (double)single;
    }
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

int xo_npy_not_finite(double value, const struct xo_npy_header *h, const size_t *index, const char *name,
                      struct xo_info *info)
{
    char place[XO_SHAPE_SIZE] = "";
    for (size_t d = 0, length = 0; d < h->dimensions; d++)
        length += (size_t)snprintf(place + length, sizeof place - length, "%s%zu", d ? "," : "", index[d]);
    return xo_fail(info, XO_EVALUE, "%s: %s at element (%s); expected finite numbers", name,
                   isnan(value) ? "nan" : "infinity", place);
}

/* Walk the elements in row-major order; in the file the step along dimension d is stride[d] elements. */
static int load_elements(struct xo_ndarray *a, const struct xo_npy_header *h, const unsigned char *data,
                         const char *name, struct xo_info *info)
{
    size_t index[XO_MAX_DIMENSIONS] = { 0 }, stride[XO_MAX_DIMENSIONS], step = 1, at = 0;
    const size_t count = xo_ndarray_count(a), dimensions = a->dimensions;
    for (size_t k = 0; k < dimensions; k++) {
        size_t d = h->fortran_order ? k : dimensions - 1 - k;
        stride[d] = step;
        step *= a->shape[d];
    }
    for (size_t k = 0; k < count; k++) {
        a->value[k] = xo_npy_element(data + at * h->width, h);
        if (!isfinite(a->value[k]))
            return xo_npy_not_finite(a->value[k], h, index, name, info);
        for (size_t d = dimensions; d-- > 0;) {
            at += stride[d];
            if (++index[d] < a->shape[d])
                break;
            at -= stride[d] * a->shape[d];
            index[d] = 0;
        }
    }
    return 0;
}

static int load_array(struct xo_ndarray *out, const struct xo_npy_header *h, const char *data, const char *name,
                      struct xo_info *info)
{
    struct xo_ndarray a;
    int status = xo_ndarray_new(&a, h->dimensions, h->shape);
    if (status)
        return xo_fail(info, status, "%s: cannot hold the array: %s", name, xo_strerror(status));
    status = load_elements(&a, h, (const unsigned char *)data, name, info);
    if (status)
        xo_ndarray_free(&a);
    else
        *out = a;
    return status;
}

int xo_npy_parse(struct xo_ndarray *out, const void *bytes, size_t nbytes, const char *name, struct xo_info *info)
{
    struct xo_npy_header h;
    size_t data_at = 0;
    int status = parse_header(&h, &data_at, bytes, nbytes, false, name, info);
    if (!status)
        status = xo_npy_check_length(&h, nbytes - data_at, false, name, info);
    if (!status)
        status = load_array(out, &h, (const char *)bytes + data_at, name, info);
    return status;
}

/* Each step is checked before the next. */
int xo_npy_begin(struct xo_input *in, struct xo_npy_header *h, size_t *data_at, size_t *nbytes, struct xo_info *info)
{
    const bool is_file = in->size != XO_SIZE_UNKNOWN;
    size_t header_at = 0;
    int status = xo_input_fill(in, PREFIX_NBYTES, info);
    if (!status)
        status = parse_prefix(&header_at, data_at, (const unsigned char *)in->bytes, in->nbytes, in->name, info);
    if (!status)
        status = xo_input_fill(in, *data_at, info);
    if (!status)
        status = parse_header(h, data_at, in->bytes, in->nbytes, false, in->name, info);
    if (!status && (!xo_shape_nbytes(nbytes, h->dimensions, h->shape, h->width) || is_file))
        status = xo_npy_check_length(h, (is_file ? in->size : in->nbytes) - *data_at, !is_file, in->name, info);
    return status;
}

int xo_npy_begin_stream(struct xo_stream *s, struct xo_npy_header *h, size_t *data_at, struct xo_info *info)
{
    char *bytes = xo_calloc(PREFIX_NBYTES + MAX_HEADER_NBYTES, 1);
    const char *name = xo_stream_name(s);
    size_t header_at, got = 0, more = 0;
    int status = bytes ? xo_stream_read(s, bytes, PREFIX_NBYTES, &got, info) : ENOMEM;
    if (!status)
        status = parse_prefix(&header_at, data_at, (const unsigned char *)bytes, got, name, info);
    if (!status && *data_at < PREFIX_NBYTES)
        status = xo_fail(info, XO_ESYNTAX, "%s: .npy header of %zu bytes; expected a dictionary", name,
                         *data_at - header_at);
    if (!status)
        status = xo_stream_read(s, bytes + PREFIX_NBYTES, *data_at - PREFIX_NBYTES, &more, info);
    if (!status)
        status = parse_header(h, data_at, bytes, got + more, true, name, info);
    free(bytes);
    return status;
}

/* Header, then data and one byte to see that nothing follows. */
static int read_checked(struct xo_input *in, struct xo_npy_header *h, size_t *data_at, struct xo_info *info)
{
    size_t nbytes = 0;
    int status = xo_npy_begin(in, h, data_at, &nbytes, info);
    if (!status)
        status = xo_input_fill(in, *data_at + nbytes + 1, info);
    if (!status)
        status = xo_npy_check_length(h, in->nbytes - *data_at, in->nbytes - *data_at > nbytes, in->name, info);
    return status;
}

int xo_npy_take(struct xo_ndarray *out, struct xo_input *in, struct xo_info *info)
{
    struct xo_npy_header h;
    size_t data_at = 0;
    int status = read_checked(in, &h, &data_at, info);
    return status ? status : load_array(out, &h, in->bytes + data_at, in->name, info);
}

int xo_npy_read(struct xo_ndarray *out, const char *path, struct xo_info *info)
{
    struct xo_input in;
    int status = xo_input_open(&in, path, info);
    if (!status)
        status = xo_npy_take(out, &in, info);
    xo_input_close(&in);
    return status;
}
