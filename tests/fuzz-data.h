/* What the fuzz targets of data sets share: bytes as a file that only memory holds, and what must be true of a set.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef FUZZ_DATA_H
#define FUZZ_DATA_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "stream.h"
#include "xo_data.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);

static void insist(int fact, const char *what, const struct xo_info *info)
{
    if (fact)
        return;
    fprintf(stderr, "%s: %s\n", what, info->text);
    abort();
}

/* path [64] names it until the descriptor is closed. */
static int file_of(const void *bytes, size_t nbytes, char *path)
{
    int fd = memfd_create("fuzz", 0);
    if (fd < 0 || write(fd, bytes, nbytes) != (ssize_t)nbytes)
        abort();
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

/* The first bytes of the file as it is unpacked; how many there are. */
static size_t unpacked(const char *path, unsigned char *bytes, size_t nbytes)
{
    struct xo_stream *s = NULL;
    size_t got = 0;
    if (!xo_stream_open(&s, path, NULL) && xo_stream_read(s, bytes, nbytes, &got, NULL))
        got = 0;
    xo_stream_close(s);
    return got;
}

/* A refusal explains itself in one line; what is accepted holds exactly the bytes behind `header` of each record. */
static void try(const char *specification, const unsigned char *file, size_t file_nbytes, size_t at, size_t record,
                size_t header)
{
    xo_data *d = NULL;
    struct xo_info info = { "" };
    size_t dimensions, shape[8], size = 1;
    float *image;
    if (xo_data_open(&d, specification, &info)) {
        insist(!d && strstr(info.text, "; expected") && !strchr(info.text, '\n'),
               "a refusal is one line and names what is expected", &info);
        return;
    }
    insist(!xo_data_shape(d, NULL, 0, NULL, &dimensions, shape, &info), "an accepted set has a shape", &info);
    for (size_t k = 0; k < dimensions; k++)
        size *= shape[k];
    image = calloc(size, sizeof *image);
    for (size_t k = 0; k < xo_data_count(d) && at + (k + 1) * record <= file_nbytes; k++) {
        double got = 0, want = 0;
        insist(!xo_data_images(d, NULL, dimensions, shape, k, 1, image, &info), "an accepted set is read", &info);
        for (size_t j = 0; j < size; j++)
            got += image[j];
        for (size_t j = header; j < record; j++)
            want += file[at + k * record + j];
        insist(got == want && size == record - header, "pixels are the file's bytes", &info);
    }
    free(image);
    xo_data_free(d);
}

#endif
