/* Fuzz target: the hardware file.  Whatever is accepted must survive print -> parse -> print unchanged, and
 * finish() on it must not misbehave.  `clang -fsanitize=fuzzer,address,undefined` makes a fuzzer of it; linked with
 * fuzz-replay.c it replays tests/corpus/hardware in `make check`.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "xo_hardware.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);

static void insist(int fact, const char *what, const struct xo_info *info, const char *text)
{
    if (fact)
        return;
    fprintf(stderr, "%s\n%s\n%s\n", what, info->text, text ? text : "");
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
    struct xo_hardware first = { 0 }, second = { 0 };
    struct xo_info info = { "" };
    char *text = NULL, *again = NULL;
    if (xo_hardware_parse(&first, (const char *)bytes, nbytes, "f", "/nowhere", 0, NULL, &info)) {
        insist(*info.text && !strchr(info.text, '\n'), "a refusal explains itself in one line", &info, NULL);
        return 0;
    }
    insist(!xo_hardware_print(&text, &first), "print failed", &info, NULL);
    insist(!xo_hardware_parse(&second, text, strlen(text), "printed", "/nowhere", 0, NULL, &info),
           "what was printed is not accepted", &info, text);
    insist(!xo_hardware_print(&again, &second), "second print failed", &info, text);
    insist(!strcmp(text, again), "the second print differs", &info, again);
    (void)xo_hardware_finish(&first, 5, 4, &info);
    free(text);
    free(again);
    xo_hardware_free(&first);
    xo_hardware_free(&second);
    return 0;
}
