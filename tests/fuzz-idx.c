/* Fuzz target: IDX files, plain or packed.  The bytes are tried as images beside labels of the right number, and as
 * labels beside images.  `clang -fsanitize=fuzzer,address,undefined` makes a fuzzer of it; linked with fuzz-replay.c
 * it replays tests/corpus/idx in `make check`.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fuzz-data.h"

enum { MOST = 1 << 16 };

/* IDX with `count` items of zeros. */
static int partner(const unsigned char *file, int dimensions, char *path)
{
    static unsigned char bytes[16 + MOST];
    size_t count = (size_t)file[6] << 8 | file[7];
    memset(bytes, 0, 16);
    bytes[2] = 8;
    bytes[3] = (unsigned char)dimensions;
    memcpy(bytes + 4, (unsigned char[]){ 0, 0, file[6], file[7], 0, 0, 0, 1, 0, 0, 0, 1 }, 12);
    return file_of(bytes, 4 + 4 * (size_t)dimensions + count, path);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
    static unsigned char file[MOST];
    char path[64], other[64], specification[160];
    int fd = file_of(bytes, nbytes, path), labels, images;
    size_t got = unpacked(path, file, sizeof file), record = 1, dimensions = got > 3 ? file[3] : 0;
    for (size_t k = 1; k < dimensions && 8 + 4 * k <= got; k++)
        record *= (size_t)file[4 + 4 * k] << 24 | (size_t)file[5 + 4 * k] << 16 | (size_t)file[6 + 4 * k] << 8
                | file[7 + 4 * k];
    labels = partner(file, 1, other);
    snprintf(specification, sizeof specification, "idx:%s,%s", path, other);
    try(specification, file, got, 4 + 4 * dimensions, record, 0);
    images = partner(file, 3, other);
    snprintf(specification, sizeof specification, "idx:%s,%s", other, path);
    try(specification, file, 0, 0, 1, 0);
    close(fd);
    close(labels);
    close(images);
    return 0;
}
