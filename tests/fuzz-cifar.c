/* Fuzz target: CIFAR-10 files, plain or packed.  `clang -fsanitize=fuzzer,address,undefined` makes a fuzzer of it;
 * linked with fuzz-replay.c it replays tests/corpus/cifar in `make check`.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fuzz-data.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
    static unsigned char file[40 * 3073];
    char path[64], specification[96];
    int fd = file_of(bytes, nbytes, path);
    size_t got = unpacked(path, file, sizeof file);
    snprintf(specification, sizeof specification, "cifar10:%s", path);
    try(specification, file, got, 0, 3073, 1);
    snprintf(specification, sizeof specification, "cifar10:%s@1:2", path);
    try(specification, got > 3073 ? file + 3073 : file, got > 3073 ? got - 3073 : 0, 0, 3073, 1);
    close(fd);
    return 0;
}
