/* HDF5's virtual file driver: open, read, write, truncate, close over pread and pwrite.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "disk.h"
#include "memory.h"

struct xo_disk_late {
    struct xo_disk_late *next;
    size_t at, nbytes;
    unsigned char bytes[];
};

/* An open file as HDF5 sees it; its own part must come first. */
struct file {
    H5FD_t head;
    struct xo_disk *disk;
    haddr_t allocated, end;
};

static void keep_error(struct xo_disk *d)
{
    if (!d->error)
        d->error = errno;
}

static H5FD_t *open_file(const char *name, unsigned flags, hid_t access, haddr_t most)
{
    struct xo_disk *const *disk = H5Pget_driver_info(access);
    struct file *f = disk ? xo_calloc(1, sizeof *f) : NULL;
    (void)flags;
    (void)most;
    if (!f)
        return NULL;
    f->disk = *disk;
    do
        f->disk->fd = open(name, O_RDWR | O_TRUNC | O_CLOEXEC);
    while (f->disk->fd < 0 && errno == EINTR);
    if (f->disk->fd >= 0)
        return &f->head;
    keep_error(f->disk);
    free(f);
    return NULL;
}

static herr_t close_file(H5FD_t *file)
{
    struct xo_disk *d = ((struct file *)file)->disk;
    if (close(d->fd) < 0 && errno != EINTR)
        keep_error(d);
    free(file);
    return 0;
}

static herr_t tell_features(const H5FD_t *file, unsigned long *flags)
{
    (void)file;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA;
    return 0;
}

static haddr_t get_allocated(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const struct file *)file)->allocated;
}

static herr_t set_allocated(H5FD_t *file, H5FD_mem_t type, haddr_t end)
{
    (void)type;
    ((struct file *)file)->allocated = end;
    return 0;
}

static haddr_t get_end(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const struct file *)file)->end;
}

/* What both ranges share, into bytes [nbytes] that begin at `at`. */
static void overlay(unsigned char *bytes, size_t at, size_t nbytes, const struct xo_disk_late *late)
{
    size_t first = at > late->at ? at : late->at;
    size_t last = at + nbytes < late->at + late->nbytes ? at + nbytes : late->at + late->nbytes;
    if (first < last)
        memcpy(bytes + (first - at), late->bytes + (first - late->at), last - first);
}

/* Behind the end of the file lie zeros. */
static herr_t read_bytes(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t nbytes, void *bytes)
{
    struct xo_disk *d = ((struct file *)file)->disk;
    size_t done = 0;
    (void)type;
    (void)transfer;
    memset(bytes, 0, nbytes);
    while (done < nbytes) {
        ssize_t n = pread(d->fd, (char *)bytes + done, nbytes - done, (off_t)(at + done));
        if (n > 0)
            done += (size_t)n;
        else if (n == 0)
            break;
        else if (errno != EINTR) {
            keep_error(d);
            break;
        }
    }
    for (const struct xo_disk_late *late = d->late; late; late = late->next)
        overlay(bytes, at, nbytes, late);
    return 0;
}

/* Without memory for it, it is lost, like the file. */
static void keep_late(struct xo_disk *d, size_t at, size_t nbytes, const void *bytes)
{
    struct xo_disk_late *late = xo_calloc(1, sizeof *late + nbytes);
    if (!late)
        return;
    late->at = at;
    late->nbytes = nbytes;
    memcpy(late->bytes, bytes, nbytes);
    if (d->latest)
        d->latest->next = late;
    else
        d->late = late;
    d->latest = late;
}

static herr_t write_bytes(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t nbytes,
                          const void *bytes)
{
    struct file *f = (struct file *)file;
    struct xo_disk *d = f->disk;
    size_t done = 0;
    (void)type;
    (void)transfer;
    while (done < nbytes && !d->error) {
        ssize_t n = pwrite(d->fd, (const char *)bytes + done, nbytes - done, (off_t)(at + done));
        if (n >= 0)
            done += (size_t)n;
        else if (errno != EINTR)
            keep_error(d);
    }
    if (done < nbytes)
        keep_late(d, at, nbytes, bytes);
    f->end = at + nbytes > f->end ? at + nbytes : f->end;
    return 0;
}

static herr_t truncate_file(H5FD_t *file, hid_t transfer, hbool_t closing)
{
    struct file *f = (struct file *)file;
    (void)transfer;
    (void)closing;
    if (f->allocated != f->end && !f->disk->error && ftruncate(f->disk->fd, (off_t)f->allocated) < 0)
        keep_error(f->disk);
    f->end = f->allocated;
    return 0;
}

static const H5FD_class_t driver = {
#ifdef H5FD_CLASS_VERSION
    .version = H5FD_CLASS_VERSION,
    .value = 511,                      /* for drivers not registered with the HDF Group: 256 to 511 */
#endif
    .name = "crossohm", .maxaddr = PTRDIFF_MAX, .fc_degree = H5F_CLOSE_WEAK,
    .fapl_size = sizeof(struct xo_disk *),
    .open = open_file, .close = close_file, .query = tell_features, .get_eoa = get_allocated,
    .set_eoa = set_allocated, .get_eof = get_end, .read = read_bytes, .write = write_bytes,
    .truncate = truncate_file, .fl_map = H5FD_FLMAP_DICHOTOMY,
};

bool xo_disk_begin(struct xo_disk *d, hid_t access)
{
    d->driver = H5FDregister(&driver);
    return d->driver >= 0 && H5Pset_driver(access, d->driver, &d) >= 0;
}

void xo_disk_end(struct xo_disk *d)
{
    while (d->late) {
        struct xo_disk_late *next = d->late->next;
        free(d->late);
        d->late = next;
    }
    d->latest = NULL;
    if (d->driver > 0)
        H5FDunregister(d->driver);
    d->driver = 0;
}
