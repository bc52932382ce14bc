/* Several arrays in one .npz: a zip archive (PKWARE APPNOTE 6.3) whose members are stored, not compressed:
 *     for each member   local header, name, the bytes of a .npy file
 *     for each member   central directory entry, name
 *     end of central directory
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "xo_file.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include "array.h"
#include "memory.h"

enum {
    LOCAL_NBYTES = 30, CENTRAL_NBYTES = 46, END_NBYTES = 22,
    VERSION = 20,                      /* zip 2.0                                        */
    UTF8_NAMES = 1 << 11,
    STORED = 0,
    DATE_1980_01_01 = 0x21,            /* the first day of DOS; the time is 0            */
    SUFFIX_LENGTH = 4                  /* ".npy"                                         */
};

struct member {
    const struct xo_named_array *source;
    uint32_t crc, nbytes, offset;
    uint16_t name_length;              /* with ".npy"                                    */
};

static void put16(FILE *f, unsigned value)
{
    fputc((int)(value & 0xff), f);
    fputc((int)(value >> 8 & 0xff), f);
}

static void put32(FILE *f, uint32_t value)
{
    put16(f, value & 0xffff);
    put16(f, value >> 16);
}

/* The fields that local header and central entry have in common. */
static void put_description(FILE *f, const struct member *m)
{
    put16(f, VERSION);
    put16(f, UTF8_NAMES);
    put16(f, STORED);
    put16(f, 0);                       /* time                */
    put16(f, DATE_1980_01_01);
    put32(f, m->crc);
    put32(f, m->nbytes);               /* compressed size     */
    put32(f, m->nbytes);               /* size                */
    put16(f, m->name_length);
    put16(f, 0);                       /* extra field length  */
}

static void put_local(FILE *f, const struct member *m)
{
    put32(f, 0x04034b50);
    put_description(f, m);
    fprintf(f, "%s.npy", m->source->name);
    xo_npy_print(f, &m->source->array);
}

static void put_central(FILE *f, const struct member *m)
{
    put32(f, 0x02014b50);
    put16(f, VERSION);                 /* made by             */
    put_description(f, m);
    put16(f, 0);                       /* comment length      */
    put16(f, 0);                       /* disk                */
    put16(f, 0);                       /* internal attributes */
    put32(f, 0);                       /* external attributes */
    put32(f, m->offset);
    fprintf(f, "%s.npy", m->source->name);
}

static void put_end(FILE *f, size_t count, uint32_t directory_nbytes, uint32_t directory_offset)
{
    put32(f, 0x06054b50);
    put16(f, 0);                       /* this disk           */
    put16(f, 0);                       /* disk of directory   */
    put16(f, (unsigned)count);
    put16(f, (unsigned)count);
    put32(f, directory_nbytes);
    put32(f, directory_offset);
    put16(f, 0);                       /* comment length      */
}

/* Where everything goes.  Sizes and offsets of plain zip have 32 bits, counts and name lengths 16. */
static int lay_out(struct member *m, size_t count, const struct xo_named_array *arrays, uint32_t *directory_offset,
                   uint32_t *directory_nbytes, const char *path, struct xo_info *info)
{
    uint64_t offset = 0, directory = 0;
    for (size_t k = 0; k < count; k++) {
        size_t name_length = strlen(arrays[k].name) + SUFFIX_LENGTH, nbytes = xo_npy_nbytes(&arrays[k].array);
        if (name_length > UINT16_MAX || nbytes > UINT32_MAX || offset > UINT32_MAX)
            return xo_fail(info, XO_ETOOBIG, "%s: array '%.80s' of %zu bytes; expected less than 4 GiB in a .npz",
                           path, arrays[k].name, nbytes);
        m[k] = (struct member){ &arrays[k], 0, (uint32_t)nbytes, (uint32_t)offset, (uint16_t)name_length };
        offset += LOCAL_NBYTES + name_length + nbytes;
        directory += CENTRAL_NBYTES + name_length;
    }
    if (offset + directory + END_NBYTES > UINT32_MAX)
        return xo_fail(info, XO_ETOOBIG, "%s: %ju bytes in all; expected less than 4 GiB in a .npz", path,
                       (uintmax_t)(offset + directory));
    *directory_offset = (uint32_t)offset;
    *directory_nbytes = (uint32_t)directory;
    return 0;
}

int xo_npz_write(const char *path, size_t count, const struct xo_named_array *arrays, struct xo_info *info)
{
    struct member *m = NULL;
    struct xo_writer w;
    uint32_t directory_offset = 0, directory_nbytes = 0;
    int status;
    if (count >= UINT16_MAX)
        return xo_fail(info, XO_ETOOBIG, "%s: %zu arrays; expected fewer than 65535 in a .npz", path, count);
    m = xo_calloc(count, sizeof *m);
    if (!m)
        return xo_fail(info, ENOMEM, "%s: cannot write: %s", path, xo_strerror(ENOMEM));
    status = lay_out(m, count, arrays, &directory_offset, &directory_nbytes, path, info);
    if (!status)
        status = xo_writer_open(&w, path, info);
    if (status)
        goto done;
    for (size_t k = 0; k < count; k++) {
        m[k].crc = xo_npy_crc32(&arrays[k].array);
        put_local(w.stream, &m[k]);
    }
    for (size_t k = 0; k < count; k++)
        put_central(w.stream, &m[k]);
    put_end(w.stream, count, directory_nbytes, directory_offset);
    status = xo_writer_commit(&w, info);
done:
    free(m);
    return status;
}
