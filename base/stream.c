/* Reading plain and gzip files alike.  zlib does the unpacking; members, ends and errors are told apart here.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "stream.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include "input.h"
#include "memory.h"

enum { PIECE = 1 << 16, FIRST_CAPACITY = 1 << 16, DENSEST = 1032, WINDOW_BITS_GZIP = 15 + 16 };

struct xo_stream {
    struct xo_input in;                /* its descriptor, name and size; its own buffer stays empty */
    bool gzip, unpacking, in_member, ended;
    z_stream z;
    size_t at, held;                   /* piece[at..held) was read and is not used yet */
    unsigned char piece[PIECE];
};

const char *xo_stream_name(const struct xo_stream *s) { return s->in.name; }

size_t xo_stream_limit(const struct xo_stream *s, int *exact)
{
    size_t size = s->in.size;
    *exact = size != XO_SIZE_UNKNOWN && !s->gzip;
    if (!s->gzip || size == XO_SIZE_UNKNOWN)
        return size;
    return size < SIZE_MAX / DENSEST ? size * DENSEST : SIZE_MAX - 1;
}

/* zlib asks as everybody else here. */
static voidpf get_memory(voidpf user, uInt count, uInt size)
{
    (void)user;
    return xo_calloc(count, size);
}

static void put_memory(voidpf user, voidpf block)
{
    (void)user;
    free(block);
}

/* Read on until `want` bytes are held or the file ends. */
static int fill(struct xo_stream *s, size_t want, struct xo_info *info)
{
    if (s->at) {
        memmove(s->piece, s->piece + s->at, s->held - s->at);
        s->held -= s->at;
        s->at = 0;
    }
    while (s->held < want && !s->ended) {
        ssize_t got = read(s->in.fd, s->piece + s->held, PIECE - s->held);
        if (got < 0 && errno != EINTR) {
            int error = errno;
            return xo_fail(info, error, "%s: cannot read: %s", s->in.name, xo_strerror(error));
        }
        s->ended = got == 0;
        s->held += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

static int no_memory(const char *name, struct xo_info *info)
{
    return xo_fail(info, ENOMEM, "%s: cannot read: %s", name, xo_strerror(ENOMEM));
}

void xo_stream_close(struct xo_stream *s)
{
    if (!s)
        return;
    if (s->unpacking)
        inflateEnd(&s->z);
    xo_input_close(&s->in);
    free(s);
}

static int look_at_beginning(struct xo_stream *s, struct xo_info *info)
{
    int status = fill(s, 2, info);
    if (status)
        return status;
    s->gzip = s->held >= 2 && s->piece[0] == 0x1f && s->piece[1] == 0x8b;
    if (!s->gzip)
        return 0;
    s->z.zalloc = get_memory;
    s->z.zfree = put_memory;
    s->unpacking = s->in_member = inflateInit2(&s->z, WINDOW_BITS_GZIP) == Z_OK;
    return s->unpacking ? 0 : no_memory(s->in.name, info);
}

int xo_stream_open(struct xo_stream **out, const char *path, struct xo_info *info)
{
    struct xo_stream *s = xo_calloc(1, sizeof *s);
    int status = s ? xo_input_open(&s->in, path, info) : no_memory(path, info);
    if (status) {
        free(s);
        return status;
    }
    status = look_at_beginning(s, info);
    if (status)
        xo_stream_close(s);
    else
        *out = s;
    return status;
}

static int read_plain(struct xo_stream *s, unsigned char *bytes, size_t nbytes, size_t *got, struct xo_info *info)
{
    *got = 0;
    while (*got < nbytes) {
        size_t take = s->held - s->at;
        if (!take) {
            int status = fill(s, 1, info);
            if (status || s->held == 0)
                return status;
            continue;
        }
        if (take > nbytes - *got)
            take = nbytes - *got;
        memcpy(bytes + *got, s->piece + s->at, take);
        s->at += take;
        *got += take;
    }
    return 0;
}

/* Behind a member another one, or the end. */
static int next_member(struct xo_stream *s, struct xo_info *info)
{
    int status = fill(s, 2, info);
    if (status || s->held == 0)
        return status;
    if (s->held < 2 || s->piece[0] != 0x1f || s->piece[1] != 0x8b)
        return xo_fail(info, XO_ESYNTAX, "%s: bytes that are not gzip behind the last gzip member; expected its end",
                       s->in.name);
    inflateReset(&s->z);
    s->in_member = true;
    return 0;
}

static int unpack(struct xo_stream *s, struct xo_info *info)
{
    int result, status = s->at == s->held ? fill(s, 1, info) : 0;
    if (status)
        return status;
    if (s->at == s->held)
        return xo_fail(info, XO_ESYNTAX, "%s: ends within its gzip data (truncated); expected the whole file",
                       s->in.name);
    s->z.next_in = s->piece + s->at;
    s->z.avail_in = (uInt)(s->held - s->at);
    result = inflate(&s->z, Z_NO_FLUSH);
    s->at = s->held - s->z.avail_in;
    if (result == Z_MEM_ERROR)
        return no_memory(s->in.name, info);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
        return xo_fail(info, XO_ESYNTAX, "%s: damaged gzip data (%s); expected a sound file", s->in.name,
                       s->z.msg ? s->z.msg : "not deflate");
    s->in_member = result != Z_STREAM_END;
    return 0;
}

static int read_gzip(struct xo_stream *s, unsigned char *bytes, size_t nbytes, size_t *got, struct xo_info *info)
{
    int status = 0;
    *got = 0;
    while (*got < nbytes && !status) {
        size_t room = nbytes - *got < (1u << 30) ? nbytes - *got : 1u << 30;
        if (!s->in_member) {
            status = next_member(s, info);
            if (status || !s->in_member)
                break;
        }
        s->z.next_out = bytes + *got;
        s->z.avail_out = (uInt)room;
        status = unpack(s, info);
        *got += room - s->z.avail_out;
    }
    return status;
}

int xo_stream_read(struct xo_stream *s, void *bytes, size_t nbytes, size_t *got, struct xo_info *info)
{
    return (s->gzip ? read_gzip : read_plain)(s, bytes, nbytes, got, info);
}

int xo_stream_skip(struct xo_stream *s, size_t nbytes, size_t *skipped, struct xo_info *info)
{
    unsigned char bytes[4096];
    int status = 0;
    *skipped = 0;
    while (*skipped < nbytes && !status) {
        size_t got, want = nbytes - *skipped < sizeof bytes ? nbytes - *skipped : sizeof bytes;
        status = xo_stream_read(s, bytes, want, &got, info);
        *skipped += got;
        if (got < want)
            break;
    }
    return status;
}

int xo_stream_take(struct xo_stream *s, unsigned char **bytes, size_t nbytes, size_t *got, struct xo_info *info)
{
    unsigned char *held = NULL;
    size_t capacity = 0, count = 0, more = 0;
    int status = 0;
    do {
        unsigned char *grown;
        capacity = capacity ? (capacity < nbytes / 2 ? 2 * capacity : nbytes) : FIRST_CAPACITY;
        if (capacity > nbytes)
            capacity = nbytes;
        grown = xo_realloc(held, capacity, 1);
        status = grown ? 0 : no_memory(s->in.name, info);
        held = grown ? grown : held;
        if (!status)
            status = xo_stream_read(s, held + count, capacity - count, &more, info);
        count += status ? 0 : more;
    } while (!status && count == capacity && count < nbytes);
    *got = count;
    if (status)
        free(held);
    else
        *bytes = held;
    return status;
}
