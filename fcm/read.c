/* Reading a .fcm file by the index in its user block (write.c shows it).
 *
 * HDF5 libraries crash on hostile files, so none is asked: length and checksum first, then the index, which must
 * name the items of the table in their order, each with the type and shape the table gives it and inside the file.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fields.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "array.h"
#include "input.h"
#include "memory.h"
#include "sha256.h"

#define MAX_FILE_NBYTES ((size_t)1 << 36)

struct scan {
    const char *bytes, *at, *end;      /* the file; where in its user block; the user block's end */
    size_t nbytes;
    const char *name;
    struct xo_info *info;
};

static int damaged(const struct scan *s, const char *finding, const char *expected)
{
    return xo_fail(s->info, XO_ESYNTAX, "%s: byte %zu: %s; expected %s", s->name, (size_t)(s->at - s->bytes),
                   finding, expected);
}

static bool accept(struct scan *s, const char *text)
{
    size_t length = strlen(text);
    if ((size_t)(s->end - s->at) < length || memcmp(s->at, text, length))
        return false;
    s->at += length;
    return true;
}

static bool accept_number(struct scan *s, uint64_t *number)
{
    const char *first = s->at;
    uint64_t n = 0;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9' && s->at - first < 18; s->at++)
        n = 10 * n + (uint64_t)(*s->at - '0');
    *number = n;
    return s->at > first && (*first != '0' || s->at - first == 1);
}

/* ---- head ----------------------------------------------------------------------------------------- */

static int read_version(struct scan *s)
{
    uint64_t version;
    if (s->nbytes >= 8 && !memcmp(s->bytes, "\x89HDF\r\n\x1a\n", 8))
        return xo_fail(s->info, XO_ESYNTAX, "%s: an HDF5 file, but no fast model; expected a .fcm file", s->name);
    if (!accept(s, XO_FCM_MAGIC) || !accept_number(s, &version) || !accept(s, "\n"))
        return xo_fail(s->info, XO_ESYNTAX, "%s: does not begin like a .fcm file; expected " XO_FCM_MAGIC "%d",
                       s->name, XO_FCM_VERSION);
    if (version != XO_FCM_VERSION)
        return xo_fail(s->info, XO_EUNSUPPORTED, "%s: version %llu of the format; expected %d: %s", s->name,
                       (unsigned long long)version, XO_FCM_VERSION, version < XO_FCM_VERSION ? "fit the model again"
                       : "a newer crossohm reads it");
    return 0;
}

static int read_length(struct scan *s)
{
    uint64_t nbytes;
    if (!accept(s, "nbytes ") || !accept_number(s, &nbytes) || !accept(s, "\nsha256 ") || s->end - s->at < 65)
        return damaged(s, "the head is damaged or cut short", "nbytes and sha256");
    if (nbytes != s->nbytes)
        return xo_fail(s->info, XO_ESYNTAX, "%s: %zu bytes; expected %llu: cut short, or bytes added", s->name,
                       s->nbytes, (unsigned long long)nbytes);
    if (s->nbytes < XO_FCM_HEAD_NBYTES)
        return damaged(s, "the head is cut short", "16384 bytes of it");
    return 0;
}

static int verify(struct scan *s)
{
    struct xo_sha256 sum;
    char hex[65];
    const char *behind = s->at + 64;
    xo_sha256_begin(&sum);
    xo_sha256_add(&sum, s->bytes, (size_t)(s->at - s->bytes));
    xo_sha256_add(&sum, behind, s->nbytes - (size_t)(behind - s->bytes));
    xo_sha256_end(&sum, hex);
    if (memcmp(hex, s->at, 64))
        return xo_fail(s->info, XO_ESYNTAX, "%s: altered: its sha256 is %.12s...; expected %.12s... as written in it",
                       s->name, hex, s->at);
    s->at = behind;
    return accept(s, "\n") ? 0 : damaged(s, "the head is damaged", "a new line");
}

/* ---- items ---------------------------------------------------------------------------------------- */

static uint64_t load(const char *bytes)
{
    uint64_t bits = 0;
    for (int b = 7; b >= 0; b--)
        bits = bits << 8 | (unsigned char)bytes[b];
    return bits;
}

static void load_reals(double *out, const char *bytes, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        uint64_t bits = load(bytes + 8 * k);
        memcpy(&out[k], &bits, sizeof bits);
    }
}

/* The shape the table gives an item; true if the index may choose its (only) size. */
static bool wanted_shape(size_t *dimensions, size_t shape[2], const struct xo_fcm_field *f, const struct xo_fcm *m)
{
    *dimensions = 1;
    shape[0] = shape[1] = 1;
    switch (f->kind) {
    case XO_FCM_PAIR:
        shape[0] = 2;
        return false;
    case XO_FCM_INL:
    case XO_FCM_TEXT:
    case XO_FCM_WORD:
        return true;
    default:
        *dimensions = 0;
        if (xo_fcm_is_array(f->kind))
            xo_fcm_shape(dimensions, shape, f->kind, m);
        return false;
    }
}

static size_t most_of(const struct xo_fcm_field *f)
{
    return f->kind == XO_FCM_INL ? XO_MAX_INL : f->kind == XO_FCM_WORD ? XO_FCM_WORD_SIZE - 1 : XO_FCM_MAX_TEXT;
}

/* The rest of an index line behind the path: type, place, shape.  Sets count; returns where the bytes are. */
static int find_bytes(struct scan *s, const struct xo_fcm_field *f, const struct xo_fcm *m, size_t *count,
                      const char **bytes)
{
    uint64_t place, size;
    size_t dimensions, shape[2], nbytes = 0;
    bool free_size = wanted_shape(&dimensions, shape, f, m);
    enum xo_fcm_type type = xo_fcm_type_of(f);
    if (!accept(s, xo_fcm_type_name(type)) || !accept(s, " ") || !accept_number(s, &place))
        return damaged(s, f->path, "its type and place");
    for (size_t d = 0; d < dimensions; d++) {
        if (!accept(s, " ") || !accept_number(s, &size) || (free_size ? size > most_of(f) : size != shape[d]))
            return damaged(s, f->path, "the shape the model's rows and columns give it");
        shape[d] = size;
    }
    if (!accept(s, "\n"))
        return damaged(s, f->path, "the end of the line");
    if (xo_fcm_is_array(f->kind) && !(shape[0] && shape[1]))
        return damaged(s, f->path, "an array of some numbers, or none");
    if (!xo_shape_nbytes(&nbytes, 2, shape, type == XO_FCM_CHARS ? 1 : 8) || place < XO_FCM_HEAD_NBYTES ||
        place > s->nbytes || nbytes > s->nbytes - place)
        return damaged(s, f->path, "a place inside the file");
    *count = shape[0] * shape[1];
    *bytes = s->bytes + place;
    return 0;
}

static int store_array(double **out, const char *bytes, size_t count)
{
    *out = xo_calloc(count, sizeof **out);
    if (!*out)
        return ENOMEM;
    load_reals(*out, bytes, count);
    return 0;
}

static int store_text(struct scan *s, char **out, const char *bytes, size_t count, const struct xo_fcm_field *f)
{
    if (memchr(bytes, '\0', count))
        return damaged(s, f->path, "text without NUL");
    *out = xo_calloc(count + 1, 1);
    if (!*out)
        return ENOMEM;
    memcpy(*out, bytes, count);
    return 0;
}

static int store_word(struct scan *s, int *out, const char *bytes, size_t count, const struct xo_fcm_field *f)
{
    *out = xo_fcm_word_index(f->words, bytes, count);
    if (*out < 0)
        return xo_fail(s->info, XO_EVALUE, "%s: %s: found '%.*s'; expected %s", s->name, f->path, (int)count, bytes,
                       f->words);
    return 0;
}

/* Whole numbers are checked here, before anything is allocated by them. */
static int store_whole(struct scan *s, void *at, const char *bytes, const struct xo_fcm_field *f)
{
    int64_t found = (int64_t)load(bytes);
    if (!((double)found >= f->low && (double)found <= f->high))
        return xo_fail(s->info, XO_EVALUE, "%s: %s: found %lld; expected a whole number from %.0f to %.0f", s->name,
                       f->path, (long long)found, f->low, f->high);
    if (f->kind == XO_FCM_INT)
        *(int *)at = (int)found;
    else if (f->kind == XO_FCM_SIZE || f->kind == XO_FCM_SIZE_OR_NONE)
        *(size_t *)at = (size_t)found;
    return 0;
}

static int store(struct scan *s, struct xo_fcm *m, const struct xo_fcm_field *f, const char *bytes, size_t count)
{
    void *at = (char *)m + f->offset;
    struct xo_inl *inl = at;
    switch (f->kind) {
    case XO_FCM_U64:     *(uint64_t *)at = load(bytes); return 0;
    case XO_FCM_WORD:    return store_word(s, at, bytes, count, f);
    case XO_FCM_TEXT:    return store_text(s, at, bytes, count, f);
    case XO_FCM_REAL:
    case XO_FCM_PAIR:    load_reals(at, bytes, count); return 0;
    case XO_FCM_INL:     inl->count = count;
                         load_reals(inl->coefficient, bytes, count);
                         return 0;
    default:             return xo_fcm_is_array(f->kind) ? store_array(at, bytes, count)
                                                         : store_whole(s, at, bytes, f);
    }
}

static int read_field(struct scan *s, struct xo_fcm *m, const struct xo_fcm_field *f)
{
    char start[XO_FCM_MAX_LINE];
    const char *bytes = NULL;
    size_t count = 0;
    snprintf(start, sizeof start, "%s ", f->path);
    if (!accept(s, start))
        return xo_fcm_may_lack(f) ? 0 : damaged(s, "the index lacks an item", f->path);
    int status = find_bytes(s, f, m, &count, &bytes);
    if (!status)
        status = store(s, m, f, bytes, count);
    return status == ENOMEM ? xo_fail(s->info, ENOMEM, "%s: cannot hold %s: %s", s->name, f->path,
                                      xo_strerror(ENOMEM)) : status;
}

/* ---- the whole ------------------------------------------------------------------------------------ */

static int read_head(struct scan *s)
{
    int status = read_version(s);
    if (!status)
        status = read_length(s);
    return status ? status : verify(s);
}

int xo_fcm_parse(struct xo_fcm *out, const char *bytes, size_t nbytes, const char *name, struct xo_info *info)
{
    struct scan s = { bytes, bytes, bytes + (nbytes < XO_FCM_HEAD_NBYTES ? nbytes : XO_FCM_HEAD_NBYTES), nbytes, name,
                      info };
    struct xo_fcm m = { .scope = XO_FCM_ARRAY };
    int status = read_head(&s);
    for (size_t k = 0; k < xo_fcm_field_count && !status; k++)
        status = read_field(&s, &m, &xo_fcm_fields[k]);
    if (!status && !accept(&s, "end\n"))
        status = damaged(&s, "the index goes on with what is not known here", "end");
    if (!status)
        status = xo_fcm_check(&m, name, info);
    if (status)
        xo_fcm_free(&m);
    else
        *out = m;
    return status;
}

int xo_fcm_read(struct xo_fcm *out, const char *path, struct xo_info *info)
{
    struct xo_input in;
    int status = xo_input_open(&in, path, info);
    if (!status)
        status = xo_input_fill(&in, XO_FCM_HEAD_NBYTES, info);
    if (!status) {                     /* what begins otherwise is not read on: it may have no end */
        struct scan s = { in.bytes, in.bytes, in.bytes + in.nbytes, in.nbytes, in.name, info };
        status = read_version(&s);
    }
    if (!status)
        status = xo_input_rest(&in, MAX_FILE_NBYTES, info);
    if (!status)
        status = xo_fcm_parse(out, in.bytes, in.nbytes, in.name, info);
    xo_input_close(&in);
    return status;
}
