/* Data sets: from a specification to images in memory, whatever they are read from.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "data.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "memory.h"
#include "preprocess.h"
#include "sha256.h"
#include "xo_file.h"

static const struct xo_data_kind kinds[] = {
    { "idx", 2, "idx:IMAGES,LABELS", xo_data_open_idx },
    { "cifar10", 1, "cifar10:FILE", xo_data_open_cifar },
    { "npy", 2, "npy:IMAGES,LABELS", xo_data_open_npy },
    { "images", 2, "images:DIR,LABELS.csv", xo_data_open_folder },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

size_t xo_data_count(const xo_data *d) { return d->count; }
size_t xo_data_first(const xo_data *d) { return d->from; }
const char *xo_data_specification(const xo_data *d) { return d->specification; }
const int32_t *xo_data_label(const xo_data *d) { return d->label; }

void xo_data_free(xo_data *d)
{
    if (!d)
        return;
    for (size_t k = 0; k < d->names; k++)
        free(d->name[k]);
    free(d->name);
    free(d->specification);
    free(d->path[0]);
    free(d->path[1]);
    free(d->byte);
    free(d->value);
    free(d->label);
    free(d);
}

/* ---- the specification ----------------------------------------------------------------------------------- */

char *xo_data_text(const char *text, size_t length)
{
    char *copy = xo_calloc(length + 1, 1);
    if (copy)
        memcpy(copy, text, length);
    return copy;
}

static int unclear(const char *specification, const char *finding, struct xo_info *info)
{
    return xo_fail(info, XO_ESYNTAX, "%s: %s; expected idx:IMAGES,LABELS, cifar10:FILE, npy:IMAGES,LABELS or "
                   "images:DIR,LABELS.csv, then nothing or @from:to", specification, finding);
}

/* Decimal digits from *at on; false if there are none or too many. */
static bool read_size(const char **at, size_t *size)
{
    const char *first = *at;
    size_t n = 0;
    for (; **at >= '0' && **at <= '9'; ++*at) {
        if (n > (SIZE_MAX - 9) / 10)
            return false;
        n = 10 * n + (size_t)(**at - '0');
    }
    *size = n;
    return *at > first;
}

/* "@from:to" at the end of a specification; *end is then where it begins.  An '@' with a letter behind it is part of
 * a file's name. */
static int read_split(xo_data *d, const char *text, const char **end, struct xo_info *info)
{
    const char *at = strrchr(text, '@');
    *end = text + strlen(text);
    if (!at || (at[1] && !strchr("0123456789:-+", at[1])) || strpbrk(at, "/,"))
        return 0;
    *end = at++;
    d->has_split = read_size(&at, &d->from) && *at++ == ':' && read_size(&at, &d->to) && !*at;
    return d->has_split ? 0 : unclear(d->specification, "the part behind '@' is not two whole numbers", info);
}

static int read_names(xo_data *d, const char *text, const char *end, struct xo_info *info)
{
    const char *comma = memchr(text, ',', (size_t)(end - text));
    size_t found = 1;
    for (const char *c = text; c < end; c++)
        found += *c == ',';
    if (found != d->kind->files)
        return xo_fail(info, XO_ESYNTAX, "%s: %zu name%s; expected %s", d->specification, found,
                       found == 1 ? "" : "s", d->kind->usage);
    if (text == end || comma == text || (comma && comma + 1 == end))
        return xo_fail(info, XO_ESYNTAX, "%s: an empty name; expected %s", d->specification, d->kind->usage);
    d->path[0] = xo_data_text(text, (size_t)((comma ? comma : end) - text));
    if (comma)
        d->path[1] = xo_data_text(comma + 1, (size_t)(end - comma) - 1);
    return d->path[0] && (d->path[1] || !comma) ? 0 : ENOMEM;
}

static int read_specification(xo_data *d, struct xo_info *info)
{
    const char *text = d->specification, *colon = strchr(text, ':'), *end;
    int status;
    for (size_t k = 0; colon && k < KINDS; k++)
        if (strlen(kinds[k].name) == (size_t)(colon - text) && !strncmp(kinds[k].name, text, (size_t)(colon - text)))
            d->kind = &kinds[k];
    if (!d->kind)
        return unclear(text, colon ? "no such kind of data" : "names no kind of data", info);
    status = read_split(d, colon + 1, &end, info);
    return status ? status : read_names(d, colon + 1, end, info);
}

int xo_data_open(xo_data **out, const char *specification, struct xo_info *info)
{
    xo_data *d = xo_calloc(1, sizeof *d);
    int status = ENOMEM;
    if (d)
        d->specification = xo_data_text(specification, strlen(specification));
    if (d && d->specification)
        status = read_specification(d, info);
    if (!status)
        status = d->kind->open(d, info);
    if (status == ENOMEM)
        xo_fail(info, status, "%s: cannot be opened: %s", specification, xo_strerror(status));
    if (status)
        xo_data_free(d);
    else
        *out = d;
    return status;
}

/* ---- for the kinds ---------------------------------------------------------------------------------------- */

int xo_data_split(xo_data *d, size_t total, struct xo_info *info)
{
    if (!total)
        return xo_fail(info, XO_ESHAPE, "%s: holds no image; expected at least one", d->specification);
    if (d->has_split && (d->from >= d->to || d->to > total))
        return xo_fail(info, XO_EVALUE, "%s: from %zu to %zu, of %zu images; expected from < to <= %zu",
                       d->specification, d->from, d->to, total, total);
    if (!d->has_split)
        d->to = total;
    d->total = total;
    d->count = d->to - d->from;
    return 0;
}

void xo_data_frame(xo_data *d, size_t dimensions, const size_t *shape)
{
    struct xo_picture *f = &d->frame;
    bool last = dimensions == 3 && (shape[2] == 1 || shape[2] == 3) && shape[0] != 1 && shape[0] != 3;
    f->channels = dimensions == 3 ? shape[last ? 2 : 0] : 1;
    f->height = dimensions == 3 ? shape[last ? 0 : 1] : dimensions == 2 ? shape[0] : 1;
    f->width = dimensions ? shape[last ? 1 : dimensions - 1] : 1;
    f->stride[0] = last ? 1 : f->height * f->width;
    f->stride[1] = last ? f->width * f->channels : f->width;
    f->stride[2] = last ? f->channels : 1;
    d->dimensions = dimensions;
}

size_t xo_data_pixels(const xo_data *d) { return d->frame.channels * d->frame.height * d->frame.width; }

int xo_data_announced(const struct xo_stream *s, size_t header, size_t items, size_t item_nbytes,
                      struct xo_info *info)
{
    int exact;
    size_t limit = xo_stream_limit(s, &exact);
    bool fits = items <= (PTRDIFF_MAX - header) / item_nbytes;
    size_t announced = fits ? header + items * item_nbytes : 0;
    if (fits && announced <= limit && !(exact && announced < limit))
        return 0;
    return xo_fail(info, XO_ESYNTAX, "%s: the header announces %zu x %zu bytes, but the file holds %s%zu with its "
                   "header; expected them to agree", xo_stream_name(s), items, item_nbytes, exact ? "" : "at most ",
                   limit);
}

static int wrong_length(const xo_data *d, const struct xo_stream *s, size_t item_nbytes, const char *finding,
                        struct xo_info *info)
{
    return xo_fail(info, XO_ESYNTAX, "%s: %s; expected %zu x %zu bytes behind the header", xo_stream_name(s), finding,
                   d->total, item_nbytes);
}

int xo_data_take(xo_data *d, struct xo_stream *s, size_t item_nbytes, unsigned char **bytes, struct xo_info *info)
{
    unsigned char *taken = NULL, more;
    size_t got = 0, want = d->from * item_nbytes;
    int status = xo_stream_skip(s, want, &got, info);
    if (!status && got == want) {
        want = d->count * item_nbytes;
        status = xo_stream_take(s, &taken, want, &got, info);
    }
    if (!status && got == want) {
        want = (d->total - d->to) * item_nbytes;
        status = xo_stream_skip(s, want, &got, info);
    }
    if (!status && got < want)
        status = wrong_length(d, s, item_nbytes, "ends too early (truncated)", info);
    if (!status)
        status = xo_stream_read(s, &more, 1, &got, info);
    if (!status && got)
        status = wrong_length(d, s, item_nbytes, "goes on behind its last item", info);
    if (status)
        free(taken);
    else
        *bytes = taken;
    return status;
}

/* ---- labels, sums ------------------------------------------------------------------------------------------ */

int xo_data_check_labels(const xo_data *d, size_t classes, struct xo_info *info)
{
    for (size_t k = 0; k < d->count; k++)
        if (d->label[k] < 0 || (size_t)d->label[k] >= classes)
            return xo_fail(info, XO_EVALUE, "%s: label %d of image %zu; expected 0..%zu (the network has %zu "
                           "outputs)", d->path[1] ? d->path[1] : d->path[0], (int)d->label[k], d->from + k,
                           classes - 1, classes);
    return 0;
}

int32_t xo_data_label_offset(const xo_data *d, const xo_preprocess *p, size_t classes)
{
    if (p && p->has_label_offset)
        return p->label_offset;
    for (size_t k = 0; k < d->count; k++)
        if (d->label[k] > 999)
            return 0;
    return classes == 1001;
}

static int add_file(struct xo_sha256 *sum, char one[65], const char *path, struct xo_info *info)
{
    int status = xo_sha256_file(one, path, info);
    if (!status) {
        xo_sha256_add(sum, one, 64);
        xo_sha256_add(sum, "\n", 1);
    }
    return status;
}

/* Of a folder: its list, and the pictures that both splits show. */
static int same_pictures(bool *same, const xo_data *a, const xo_data *b, struct xo_info *info)
{
    size_t first = a->from > b->from ? a->from : b->from, end = a->to < b->to ? a->to : b->to;
    char one[65], other[65];
    int status = xo_sha256_file(one, a->path[1], info);
    if (!status)
        status = xo_sha256_file(other, b->path[1], info);
    *same = !status && !strcmp(one, other);
    for (size_t k = first; k < end && *same && !status; k++) {
        status = xo_sha256_file(one, a->name[k - a->from], info);
        if (!status)
            status = xo_sha256_file(other, b->name[k - b->from], info);
        *same = !status && !strcmp(one, other);
    }
    return status;
}

int xo_data_same(bool *same, const xo_data *a, const xo_data *b, struct xo_info *info)
{
    char one[65], other[65];
    if (a->name && b->name)
        return same_pictures(same, a, b, info);
    int status = xo_data_sha256(a, one, info);
    if (!status)
        status = xo_data_sha256(b, other, info);
    *same = !status && !strcmp(one, other);
    return status;
}

int xo_data_sha256(const xo_data *d, char hex[65], struct xo_info *info)
{
    struct xo_sha256 sum;
    char one[65], all[65];
    int status;
    xo_sha256_begin(&sum);
    status = add_file(&sum, one, d->path[d->name != NULL], info);
    if (!status && d->path[1] && !d->name)
        status = add_file(&sum, one, d->path[1], info);
    for (size_t k = 0; d->name && k < d->count && !status; k++)
        status = add_file(&sum, one, d->name[k], info);
    xo_sha256_end(&sum, all);
    if (!status)
        memcpy(hex, d->path[1] ? all : one, 65);
    return status;
}

/* ---- images ------------------------------------------------------------------------------------------------ */

static int picture_of(const xo_data *d, size_t k, struct xo_picture *picture, struct xo_info *info)
{
    size_t pixels = xo_data_pixels(d);
    if (d->name)
        return xo_picture_read(picture, d->name[k], info);
    *picture = d->frame;
    picture->name = d->specification;
    picture->byte = d->byte ? d->byte + k * pixels : NULL;
    picture->value = d->value ? d->value + k * pixels : NULL;
    return 0;
}

int xo_data_shape(const xo_data *d, const xo_preprocess *p, size_t wanted_dimensions, const size_t *wanted,
                  size_t *dimensions, size_t shape[8], struct xo_info *info)
{
    struct xo_picture picture;
    int status = picture_of(d, 0, &picture, info);
    if (status)
        return status;
    status = xo_preprocess_shape(p, &picture, d->dimensions, wanted_dimensions, wanted, dimensions, shape, info);
    xo_picture_free(&picture);
    return status;
}

int xo_data_images(xo_data *d, const xo_preprocess *p, size_t dimensions, const size_t *shape, size_t first,
                   size_t count, float *image, struct xo_info *info)
{
    size_t size = 1;
    int status = 0;
    if (first > d->count || count > d->count - first)
        return xo_fail(info, XO_ESHAPE, "%s: images %zu to %zu of %zu were asked for", d->specification, first,
                       first + count, d->count);
    for (size_t k = 0; k < dimensions; k++)
        size *= shape[k];
    for (size_t k = 0; k < count && !status; k++) {
        struct xo_picture picture;
        status = picture_of(d, first + k, &picture, info);
        if (status)
            break;
        status = xo_preprocess_apply(p, &picture, dimensions, shape, image + k * size, info);
        xo_picture_free(&picture);
    }
    return status;
}
