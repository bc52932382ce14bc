/* Reading whole files, or as much of them as is wanted.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "memory.h"
#include "xo_file.h"

enum { FIRST_CAPACITY = 1 << 14, LARGEST_READ = 1 << 30 };

static int open_for_reading(const char *path)
{
    int fd;
    do
        fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    return fd;
}

int xo_input_open(struct xo_input *in, const char *path, struct xo_info *info)
{
    struct stat file;
    memset(in, 0, sizeof *in);
    in->name = path;
    in->size = XO_SIZE_UNKNOWN;
    if (!strcmp(path, "-")) {
        in->name = "standard input";
        in->fd = STDIN_FILENO;
        return 0;
    }
    in->fd = open_for_reading(path);
    if (in->fd < 0) {
        int error = errno;
        return xo_fail(info, error, "%s: cannot open: %s", path, xo_strerror(error));
    }
    /* Files made up by the kernel (/proc) claim to be regular and empty. */
    if (fstat(in->fd, &file) == 0 && S_ISREG(file.st_mode) && file.st_size > 0)
        in->size = (size_t)file.st_size;
    return 0;
}

static int grow(struct xo_input *in, size_t want)
{
    size_t capacity = in->capacity ? 2 * in->capacity : FIRST_CAPACITY;
    char *bytes;
    if (in->size != XO_SIZE_UNKNOWN && in->size >= capacity)
        capacity = in->size + 1;       /* one more than there should be: so its end is seen */
    if (capacity > want)
        capacity = want;
    if (capacity == SIZE_MAX)
        return ENOMEM;
    bytes = xo_realloc(in->bytes, capacity + 1, 1);
    if (!bytes)
        return ENOMEM;
    in->bytes = bytes;
    in->capacity = capacity;
    return 0;
}

int xo_input_fill(struct xo_input *in, size_t want, struct xo_info *info)
{
    while (in->nbytes < want || !in->bytes) {
        ssize_t got;
        size_t room;
        if ((in->nbytes == in->capacity || !in->bytes) && grow(in, want))
            return xo_fail(info, ENOMEM, "%s: cannot read: %s", in->name, xo_strerror(ENOMEM));
        room = in->capacity - in->nbytes;
        got = read(in->fd, in->bytes + in->nbytes, room < LARGEST_READ ? room : LARGEST_READ);
        if (got < 0 && errno != EINTR) {
            int error = errno;
            return xo_fail(info, error, "%s: cannot read: %s", in->name, xo_strerror(error));
        }
        if (got == 0)
            break;
        if (got > 0)
            in->nbytes += (size_t)got;
    }
    return 0;
}

void xo_input_close(struct xo_input *in)
{
    if (in->fd > STDIN_FILENO)
        close(in->fd);
    free(in->bytes);
    in->bytes = NULL;
}

int xo_input_rest(struct xo_input *in, size_t max_nbytes, struct xo_info *info)
{
    int status = 0;
    if (in->size == XO_SIZE_UNKNOWN || in->size <= max_nbytes)
        status = xo_input_fill(in, max_nbytes < SIZE_MAX ? max_nbytes + 1 : max_nbytes, info);
    if (status)
        return status;
    if (!in->bytes || in->nbytes > max_nbytes)
        return xo_fail(info, XO_ETOOBIG, "%s: larger than %zu bytes; expected a smaller file", in->name, max_nbytes);
    in->bytes[in->nbytes] = '\0';
    return 0;
}

int xo_slurp(char **bytes, size_t *nbytes, const char *path, size_t max_nbytes, struct xo_info *info)
{
    struct xo_input in;
    int status = xo_input_open(&in, path, info);
    if (!status)
        status = xo_input_rest(&in, max_nbytes, info);
    if (!status) {
        *bytes = in.bytes;
        *nbytes = in.nbytes;
        in.bytes = NULL;
    }
    xo_input_close(&in);
    return status;
}
