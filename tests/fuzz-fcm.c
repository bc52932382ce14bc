/* Fuzz target: the .fcm file.  A refusal explains itself and leaves the output alone; what is accepted survives
 * print and parse.  The bytes are tried as they are, and once more with a right checksum, so that the index behind
 * it is reached.  `clang -fsanitize=fuzzer,address,undefined` makes a fuzzer of it; linked with fuzz-replay.c it
 * replays tests/corpus/fcm in `make check`.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fields.h"
#include "sha256.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);

static void insist(int fact, const char *what, const struct xo_info *info)
{
    if (fact)
        return;
    fprintf(stderr, "%s: %s\n", what, info->text);
    abort();
}

static int same(const struct xo_fcm *a, const struct xo_fcm *b)
{
    for (size_t k = 0; k < xo_fcm_field_count; k++) {
        struct xo_fcm_item x, y;
        bool has = xo_fcm_look(&x, &xo_fcm_fields[k], a);
        if (has != xo_fcm_look(&y, &xo_fcm_fields[k], b) || (has && x.count != y.count))
            return 0;
        if (has && (x.text ? memcmp(x.text, y.text, x.count)
                    : x.real ? memcmp(x.real, y.real, 8 * x.count) : x.scalar.u != y.scalar.u))
            return 0;
    }
    return 1;
}

static void try(const char *bytes, size_t nbytes)
{
    struct xo_fcm first = { .rows = 99 }, second = { 0 };
    struct xo_info info = { "" };
    char *image = NULL;
    size_t image_nbytes = 0;
    if (xo_fcm_parse(&first, bytes, nbytes, "f", &info)) {
        insist(!strncmp(info.text, "f: ", 3) && strstr(info.text, "; expected") && first.rows == 99,
               "a refusal names file and expectation and leaves the output alone", &info);
        return;
    }
    insist(!xo_fcm_image(&image, &image_nbytes, &first, "printed", &info), "what was read is not written", &info);
    insist(!xo_fcm_parse(&second, image, image_nbytes, "printed", &info), "what was written is not read", &info);
    insist(same(&first, &second), "print and parse must give the same model", &info);
    free(image);
    xo_fcm_free(&first);
    xo_fcm_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
    struct xo_sha256 sum;
    char hex[65], *copy = malloc(nbytes + !nbytes);
    if (nbytes)
        memcpy(copy, bytes, nbytes);
    try(copy, nbytes);
    char *digits = memmem(copy, nbytes < 200 ? nbytes : 200, "sha256 ", 7);
    if (digits && (size_t)(copy + nbytes - digits) > 71) {
        digits += 7;
        xo_sha256_begin(&sum);
        xo_sha256_add(&sum, copy, (size_t)(digits - copy));
        xo_sha256_add(&sum, digits + 64, (size_t)(copy + nbytes - digits) - 64);
        xo_sha256_end(&sum, hex);
        memcpy(digits, hex, 64);
        try(copy, nbytes);
    }
    free(copy);
    return 0;
}
