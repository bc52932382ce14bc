/* Where HDF5 writes a file: a driver of our own below it, which never fails.  Private to dnn/.
 * HDF5 1.10 cannot bear a full disk: a file that it could not close stays open inside it, and at the program's end it
 * crashes over it.  So the first error is kept for whoever asks, and what is written after it stays in memory, where
 * HDF5 finds it again, until the file is closed.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_DISK_H
#define XO_DISK_H

#include <hdf5.h>
#include <stdbool.h>

struct xo_disk_late;
struct xo_disk {
    int fd;
    int error;                         /* errno of the first failure; 0 so far */
    hid_t driver;
    struct xo_disk_late *late, *latest;        /* written after it, in order   */
};

/* Make files that are created with this access list lie on d, zeroed before.  After the file is closed, end. */
bool xo_disk_begin(struct xo_disk *d, hid_t access);
void xo_disk_end(struct xo_disk *d);

#endif
