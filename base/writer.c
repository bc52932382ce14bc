/* Writing files so that a reader finds the old one or the new one, never half of one:
 *     path.part in the same folder -> fsync -> rename over path -> fsync of the folder
 * The stream's system calls are our own (fopencookie), because stdio forgets why an early write failed and
 * drops data when a signal interrupts one.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "xo_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "memory.h"

/* Behind the stream.  The first error is kept; closing the stream reports it. */
struct sink {
    int fd;
    int error;                         /* errno of the first failure, 0 so far */
    bool sync, close;
};

static ssize_t sink_write(void *cookie, const char *bytes, size_t nbytes)
{
    struct sink *s = cookie;
    size_t done = 0;
    while (done < nbytes && !s->error) {
        ssize_t n = write(s->fd, bytes + done, nbytes - done);
        if (n >= 0)
            done += (size_t)n;
        else if (errno != EINTR)
            s->error = errno;
    }
    return (ssize_t)done;              /* fewer than nbytes is an error to stdio */
}

static int sync_fd(int fd)
{
    while (fsync(fd) < 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

static int sink_close(void *cookie)
{
    struct sink *s = cookie;
    int error = s->error;
    if (s->sync && !error)
        error = sync_fd(s->fd);
    if (s->close && close(s->fd) < 0 && errno != EINTR && !error)
        error = errno;                 /* after EINTR Linux has closed it */
    free(s);
    errno = error;
    return error ? EOF : 0;
}

/* A stream over fd, which it owns from here on if `own`; then it is also fsynced if `sync`. */
static FILE *stream_over(int fd, bool own, bool sync)
{
    const cookie_io_functions_t calls = { .write = sink_write, .close = sink_close };
    struct sink *s = xo_calloc(1, sizeof *s);
    FILE *stream = NULL;
    if (s) {
        *s = (struct sink){ .fd = fd, .sync = sync, .close = own };
        stream = fopencookie(s, "w", calls);
    }
    if (!stream) {
        free(s);
        if (own)
            close(fd);
        errno = ENOMEM;
    }
    return stream;
}

static int open_retry(const char *path, int flags, mode_t mode)
{
    int fd;
    do
        fd = open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

static char *join(const char *text, size_t length, const char *ending)
{
    size_t ending_length = strlen(ending);
    char *joined = xo_calloc(length + ending_length + 1, 1);
    if (joined) {
        memcpy(joined, text, length);
        memcpy(joined + length, ending, ending_length);
    }
    return joined;
}

static void release(struct xo_writer *w)
{
    free(w->path);
    free(w->part);
    memset(w, 0, sizeof *w);
}

/* Names that stand for an open descriptor: replacing the file behind them would cut them off. */
static bool names_descriptor(const char *path)
{
    return !strncmp(path, "/dev/std", 8) || !strncmp(path, "/dev/fd/", 8) || !strncmp(path, "/proc/", 6);
}

/* Devices, pipes and descriptors are written in place. */
static int open_straight(struct xo_writer *w, const char *path)
{
    int fd = open_retry(path, O_WRONLY | O_TRUNC | O_NOCTTY, 0);
    w->stream = fd < 0 ? NULL : stream_over(fd, true, false);
    return w->stream ? 0 : errno;
}

/* path.part, with the permissions of the file it will replace.  One left behind by a crash is removed first,
 * so that no link in its place is followed. */
static int open_part(struct xo_writer *w, mode_t mode)
{
    int fd, error = 0;
    if (unlink(w->part) < 0 && errno != ENOENT)
        return errno;
    fd = open_retry(w->part, O_WRONLY | O_CREAT | O_EXCL, mode);
    if (fd < 0)
        return errno;
    w->stream = stream_over(fd, true, true);
    if (!w->stream) {
        error = errno;
        unlink(w->part);
    }
    return error;
}

/* What a link points to, so that the link survives; any other name as it is.  To be freed. */
static char *behind_link(const char *path)
{
    char resolved[PATH_MAX];
    struct stat file;
    if (lstat(path, &file) == 0 && S_ISLNK(file.st_mode) && realpath(path, resolved))
        path = resolved;
    return join(path, strlen(path), "");
}

static int open_target(struct xo_writer *w, const char *path)
{
    struct stat old;
    bool exists = stat(path, &old) == 0;
    if (!exists && (errno != ENOENT || !*path))
        return errno;
    if (exists && S_ISDIR(old.st_mode))
        return EISDIR;
    w->path = behind_link(path);
    if (!w->path)
        return ENOMEM;
    if ((exists && !S_ISREG(old.st_mode)) || names_descriptor(path))
        return open_straight(w, path);
    if (exists && access(path, W_OK) < 0)
        return errno;
    w->part = join(w->path, strlen(w->path), ".part");
    return w->part ? open_part(w, exists ? old.st_mode & 0777 : 0666) : ENOMEM;
}

int xo_writer_open(struct xo_writer *w, const char *path, struct xo_info *info)
{
    const char *name = path;
    int error;
    memset(w, 0, sizeof *w);
    if (!strcmp(path, "-")) {
        name = "standard output";
        error = fflush(stdout) ? errno : 0;
        w->stream = error ? NULL : stream_over(STDOUT_FILENO, false, false);
        if (!w->stream && !error)
            error = errno;
    } else {
        error = open_target(w, path);
    }
    if (!error)
        return 0;
    xo_fail(info, error, "%s: cannot create: %s", name, xo_strerror(error));
    release(w);
    return error;
}

/* After this the new name survives a power failure. */
static int sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? join(path, (size_t)(slash - path) + 1, "") : join(".", 1, "");
    int fd, error;
    if (!folder)
        return ENOMEM;
    fd = open_retry(folder, O_RDONLY | O_DIRECTORY, 0);
    error = fd < 0 ? errno : sync_fd(fd);
    if (fd >= 0)
        close(fd);
    free(folder);
    return error == EINVAL ? 0 : error;        /* some file systems cannot, and need not */
}

static int rename_retry(const char *from, const char *to)
{
    while (rename(from, to) < 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

int xo_writer_commit(struct xo_writer *w, struct xo_info *info)
{
    int error = fclose(w->stream) ? errno : 0;
    w->stream = NULL;
    if (!error && w->part)
        error = rename_retry(w->part, w->path);
    if (error && w->part)
        unlink(w->part);
    else if (w->part)
        error = sync_folder(w->path);
    if (error)
        xo_fail(info, error, "%s: cannot write: %s", w->path ? w->path : "standard output", xo_strerror(error));
    release(w);
    return error;
}

void xo_writer_abandon(struct xo_writer *w)
{
    if (w->stream)
        fclose(w->stream);
    if (w->part)
        unlink(w->part);
    release(w);
}
