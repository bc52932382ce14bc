/* Finished blocks on disk: appended as they come, each with its checksum, so that after a kill the whole ones count.
 *     "crossohm checkpoint 1 " key "\n"  { block number, CRC-32, what was found } ...
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include "eval.h"
#include "memory.h"

enum { HEAD_NBYTES = 22 + 64 + 1, SYNC_SEC = 2 };
#define HEAD "crossohm checkpoint 1 "

struct record { uint64_t block, crc; };

struct xo_checkpoint {
    int fd;
    const char *path;
    char *bytes;                       /* room for one record's content */
    time_t synced;
};

/* ---- what a record holds: pieces of the result, copied in or out ----------------------------------- */

struct copy { char *at; bool out; };

static void piece(struct copy *c, void *data, size_t nbytes)
{
    if (c->out)
        memcpy(data, c->at, nbytes);
    else
        memcpy(c->at, data, nbytes);
    c->at += nbytes;
}

static size_t images_of(const struct xo_eval *e, size_t block)
{
    size_t first = block * e->block_images, left = e->scored.count - first;
    return left < e->block_images ? left : e->block_images;
}

static size_t content_nbytes(const struct xo_eval *e, size_t images)
{
    size_t image = sizeof(int32_t) + 2 + (e->request.keep_logits ? e->result.classes * sizeof(float) : 0);
    return e->result.passes * (images * image + e->layers.count * sizeof(struct xo_layer_counts));
}

static void copy_content(struct xo_eval *e, size_t block, char *bytes, bool out)
{
    struct copy c = {bytes, out};
    size_t first = block * e->block_images, images = images_of(e, block), layers = e->layers.count;
    for (size_t p = 0; p < e->result.passes; p++) {
        struct xo_eval_pass *pass = &e->pass[p];
        piece(&c, pass->prediction + first, images * sizeof *pass->prediction);
        piece(&c, pass->hit + first, images);
        piece(&c, pass->top5 + first, images);
        if (pass->logits)
            piece(&c, pass->logits + first * e->result.classes, images * e->result.classes * sizeof(float));
    }
    piece(&c, e->block_count + block * e->result.passes * layers,
          e->result.passes * layers * sizeof *e->block_count);
}

static uint64_t checksum(uint64_t block, const char *bytes, size_t nbytes)
{
    uLong crc = crc32(0, (const Bytef *)&block, sizeof block);
    return crc32_z(crc, (const Bytef *)bytes, nbytes);
}

/* ---- files ---------------------------------------------------------------------------------------- */

static int write_all(int fd, const void *bytes, size_t nbytes)
{
    for (size_t done = 0; done < nbytes;) {
        ssize_t n = write(fd, (const char *)bytes + done, nbytes - done);
        if (n < 0 && errno != EINTR)
            return errno;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static bool read_all(int fd, void *bytes, size_t nbytes)
{
    for (size_t done = 0; done < nbytes;) {
        ssize_t n = read(fd, (char *)bytes + done, nbytes - done);
        if (n == 0 || (n < 0 && errno != EINTR))
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* Take over every whole record; what a kill cut off is cut off. */
static int take_records(struct xo_checkpoint *c, struct xo_eval *e)
{
    off_t good = HEAD_NBYTES;
    struct record r;
    while (read_all(c->fd, &r, sizeof r) && r.block < e->blocks) {
        size_t nbytes = content_nbytes(e, images_of(e, r.block));
        if (!read_all(c->fd, c->bytes, nbytes) || checksum(r.block, c->bytes, nbytes) != r.crc)
            break;
        copy_content(e, r.block, c->bytes, true);
        if (!e->block_done[r.block])
            e->result.resumed_images += images_of(e, r.block);
        e->block_done[r.block] = 1;
        good += (off_t)(sizeof r + nbytes);
    }
    return ftruncate(c->fd, good) || lseek(c->fd, good, SEEK_SET) < 0 ? errno : 0;
}

static int begin(struct xo_checkpoint *c, struct xo_eval *e, const char key[65], struct xo_info *info)
{
    char head[HEAD_NBYTES + 1], found[HEAD_NBYTES];
    snprintf(head, sizeof head, HEAD "%s\n", key);
    if (e->request.resume && read_all(c->fd, found, sizeof found)) {
        if (!memcmp(found, head, sizeof found))
            return take_records(c, e);
        return xo_fail(info, XO_ECONFLICT, "%s: a checkpoint of other inputs or options; expected those of this "
                       "command (without --resume it is started anew)", c->path);
    }
    if (ftruncate(c->fd, 0) || lseek(c->fd, 0, SEEK_SET) < 0)
        return errno;
    return write_all(c->fd, head, HEAD_NBYTES);
}

int xo_checkpoint_open(xo_checkpoint **out, struct xo_eval *e, const char key[65], struct xo_info *info)
{
    struct xo_checkpoint *c = xo_calloc(1, sizeof *c);
    int status = c ? 0 : ENOMEM;
    if (!c)
        return status;
    c->path = e->request.checkpoint;
    c->bytes = xo_calloc(content_nbytes(e, e->block_images), 1);
    c->fd = open(c->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (c->fd < 0) {
        status = errno;
        status = xo_fail(info, status, "%s: %s", c->path, xo_strerror(status));
    } else if (!c->bytes) {
        status = ENOMEM;
    } else {
        status = begin(c, e, key, info);
    }
    if (status)
        xo_checkpoint_close(c);
    else
        *out = c;
    return status;
}

int xo_checkpoint_add(xo_checkpoint *c, const struct xo_eval *e, size_t block, struct xo_info *info)
{
    size_t nbytes = content_nbytes(e, images_of(e, block));
    struct record r = {block, 0};
    copy_content((struct xo_eval *)e, block, c->bytes, false);
    r.crc = checksum(block, c->bytes, nbytes);
    int status = write_all(c->fd, &r, sizeof r);
    if (!status)
        status = write_all(c->fd, c->bytes, nbytes);
    time_t now = time(NULL);
    if (!status && now - c->synced >= SYNC_SEC) {
        status = fdatasync(c->fd) ? errno : 0;
        c->synced = now;
    }
    return status ? xo_fail(info, status, "%s: %s", c->path, xo_strerror(status)) : 0;
}

void xo_checkpoint_close(xo_checkpoint *c)
{
    if (!c)
        return;
    if (c->fd >= 0)
        close(c->fd);
    free(c->bytes);
    free(c);
}
