/* CIFAR-10, binary version (cs.toronto.edu/~kriz/cifar.html): records of one label, 0..9, and 32 x 32 pixels, first
 * all red, then all green, then all blue.  Nothing says how many, so a packed file is refused beyond MAX_PACKED
 * records.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "data.h"

#include <errno.h>
#include <string.h>
#include "memory.h"

enum { PIXELS = 3 * 32 * 32, RECORD = 1 + PIXELS, MAX_PACKED = 200000, CLASSES = 10 };

/* Room for one record more. */
static int grow(xo_data *d, size_t *capacity)
{
    size_t more = *capacity ? 2 * *capacity : 64;
    unsigned char *byte;
    int32_t *label;
    if (d->count < *capacity)
        return 0;
    byte = xo_realloc(d->byte, more, PIXELS);
    d->byte = byte ? byte : d->byte;
    label = byte ? xo_realloc(d->label, more, sizeof *label) : NULL;
    d->label = label ? label : d->label;
    *capacity = label ? more : *capacity;
    return label ? 0 : ENOMEM;
}

static int check_record(const struct xo_stream *s, const unsigned char *record, size_t got, size_t number,
                        struct xo_info *info)
{
    const char *name = xo_stream_name(s);
    int exact;
    if (got < RECORD)
        return xo_fail(info, XO_ESYNTAX, "%s: ends %zu bytes into record %zu (truncated, or no CIFAR-10); expected "
                       "records of %d bytes", name, got, number, RECORD);
    if (record[0] >= CLASSES)
        return xo_fail(info, XO_EVALUE, "%s: label %d in record %zu; expected 0..9 (CIFAR-10, binary version)", name,
                       record[0], number);
    (void)xo_stream_limit(s, &exact);
    if (!exact && number == MAX_PACKED)
        return xo_fail(info, XO_ETOOBIG, "%s: more than %d records in a packed file; expected fewer, or the file "
                       "unpacked", name, MAX_PACKED);
    return 0;
}

static int read_records(xo_data *d, struct xo_stream *s, size_t *total, struct xo_info *info)
{
    unsigned char record[RECORD];
    size_t got, capacity = 0;
    for (*total = 0;; ++*total) {
        int status = xo_stream_read(s, record, RECORD, &got, info);
        if (status || !got)
            return status;
        status = check_record(s, record, got, *total, info);
        if (!status && (!d->has_split || (*total >= d->from && *total < d->to))) {
            status = grow(d, &capacity);
            if (status)
                return status;
            memcpy(d->byte + d->count * PIXELS, record + 1, PIXELS);
            d->label[d->count++] = record[0];
        }
        if (status)
            return status;
    }
}

int xo_data_open_cifar(xo_data *d, struct xo_info *info)
{
    size_t total = 0;
    struct xo_stream *s = NULL;
    int status = xo_stream_open(&s, d->path[0], info);
    if (!status)
        status = read_records(d, s, &total, info);
    if (!status)
        status = xo_data_split(d, total, info);
    if (!status)
        xo_data_frame(d, 3, (size_t[]){ 3, 32, 32 });
    xo_stream_close(s);
    return status;
}
