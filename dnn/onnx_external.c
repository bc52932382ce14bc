/* Tensors whose data lie in another file: location (relative to the model's folder), offset, length.  A model comes
 * from a stranger, so nothing outside its folder is opened: no absolute path, no "..", no link that leads away.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "memory.h"
#include "onnx.h"

struct place {
    const char *location;
    uint64_t offset, length;
    bool has_length;
};

static int refuse(const struct xo_onnx *o, int status, const Onnx__TensorProto *t, const char *finding,
                  const char *expected)
{
    return xo_fail(o->info, status, "%s: external data of %.80s: %s; expected %s", o->name, t->name ? t->name : "?",
                   finding, expected);
}

static bool read_number(uint64_t *out, const char *text)
{
    uint64_t n = 0;
    if (!*text || strlen(text) > 18)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        n = 10 * n + (uint64_t)(*text - '0');
    }
    *out = n;
    return true;
}

static int read_place(const struct xo_onnx *o, struct place *p, const Onnx__TensorProto *t)
{
    bool good = true;
    for (size_t k = 0; k < t->n_external_data; k++) {
        const char *key = t->external_data[k]->key, *value = t->external_data[k]->value;
        if (!key || !value)
            continue;
        if (!strcmp(key, "location"))
            p->location = value;
        else if (!strcmp(key, "offset"))
            good = good && read_number(&p->offset, value);
        else if (!strcmp(key, "length"))
            good = good && (p->has_length = read_number(&p->length, value));
    }
    if (!good)
        return refuse(o, XO_EVALUE, t, "offset or length is no number", "bytes, in digits");
    if (!p->location || !*p->location)
        return refuse(o, XO_EVALUE, t, "no location", "a file in the model's folder");
    return 0;
}

static bool climbs(const char *path)
{
    for (; path; path = strchr(path, '/')) {
        path += *path == '/';
        if (!strncmp(path, "..", 2) && (path[2] == '/' || !path[2]))
            return true;
    }
    return false;
}

/* Is `inner` below the folder `outer`?  Both as realpath gives them. */
static bool is_inside(const char *outer, const char *inner)
{
    size_t length = strlen(outer);
    if (length == 1)
        return true;
    return !strncmp(outer, inner, length) && inner[length] == '/';
}

/* A path without links; the caller frees it with free(). */
static int open_inside(const struct xo_onnx *o, int *fd, const Onnx__TensorProto *t, const char *location)
{
    size_t nbytes = strlen(o->folder) + strlen(location) + 1;
    char *joined = xo_calloc(nbytes, 1), *outer = realpath(*o->folder ? o->folder : ".", NULL), *inner = NULL;
    int status = joined && outer ? 0 : !joined ? ENOMEM : errno;
    if (!status) {
        strcat(strcpy(joined, o->folder), location);
        inner = realpath(joined, NULL);
        status = inner ? 0 : errno;
    }
    if (status && status != ENOMEM)
        refuse(o, status, t, xo_strerror(status), "a file that can be read");
    else if (!status && !is_inside(outer, inner))
        status = refuse(o, XO_EVALUE, t, "its location leads out of the model's folder", "a file in it");
    if (!status) {
        *fd = open(inner, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        status = *fd < 0 ? errno : 0;
        if (status)
            refuse(o, status, t, xo_strerror(status), "a file that can be read");
    }
    free(joined);
    free(outer);
    free(inner);
    return status;
}

static int read_all(uint8_t *bytes, size_t nbytes, int fd, uint64_t offset)
{
    size_t done = 0;
    while (done < nbytes) {
        size_t want = nbytes - done < (size_t)1 << 30 ? nbytes - done : (size_t)1 << 30;
        ssize_t got = pread(fd, bytes + done, want, (off_t)(offset + done));
        if (got < 0 && errno != EINTR)
            return errno;
        if (got == 0)
            return EIO;                /* it became shorter under our hands */
        if (got > 0)
            done += (size_t)got;
    }
    return 0;
}

static int read_piece(struct xo_onnx *o, const uint8_t **bytes, size_t nbytes, int fd, const struct place *p,
                      const Onnx__TensorProto *t)
{
    struct stat file;
    uint8_t *piece;
    int status;
    if (fstat(fd, &file) || !S_ISREG(file.st_mode))
        return refuse(o, XO_EVALUE, t, "its location is no regular file", "one");
    if (p->offset > (uint64_t)file.st_size || nbytes > (uint64_t)file.st_size - p->offset)
        return xo_fail(o->info, XO_EVALUE,
                       "%s: external data of %.80s: %.80s has %llu bytes; expected %zu from byte %llu "
                       "on", o->name, t->name ? t->name : "?", p->location, (unsigned long long)file.st_size, nbytes,
                       (unsigned long long)p->offset);
    piece = xo_arena_alloc(&o->g->arena, nbytes ? nbytes : 1, 1);
    if (!piece)
        return ENOMEM;
    status = read_all(piece, nbytes, fd, p->offset);
    if (status)
        return refuse(o, status, t, xo_strerror(status), "to read it");
    *bytes = piece;
    return 0;
}

int xo_onnx_external(struct xo_onnx *o, const uint8_t **bytes, size_t nbytes, const Onnx__TensorProto *t)
{
    struct place place = { 0 };
    int fd = -1, status = read_place(o, &place, t);
    if (status)
        return status;
    if (!o->folder)
        return refuse(o, XO_EUNSUPPORTED, t, "there is no folder to look in", "a model that holds its data");
    if (*place.location == '/' || climbs(place.location))
        return refuse(o, XO_EVALUE, t, "its location leads out of the model's folder", "a file in it");
    if (place.has_length && place.length != nbytes)
        return xo_fail(o->info, XO_EVALUE, "%s: external data of %.80s: length %llu; expected %zu by its shape",
                       o->name, t->name ? t->name : "?", (unsigned long long)place.length, nbytes);
    status = open_inside(o, &fd, t, place.location);
    if (!status)
        status = read_piece(o, bytes, nbytes, fd, &place, t);
    if (fd >= 0)
        close(fd);
    return status;
}
