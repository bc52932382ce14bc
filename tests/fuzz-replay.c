/* Replay a corpus through a fuzz target without a fuzzer: every file of the folders (or the files) named on the
 * command line, or of $top_srcdir/tests/corpus/CORPUS when there are none.  One TAP line a file; what is wrong
 * aborts.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <dirent.h>
#include <stdint.h>
#include "tap.h"
#include "xo_file.h"

#ifndef CORPUS
#define CORPUS ""
#endif

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);

static void replay_file(const char *path)
{
    char *bytes = NULL;
    size_t nbytes = 0;
    struct xo_info info = { "" };
    int status = xo_slurp(&bytes, &nbytes, path, (size_t)1 << 26, &info);
    printf("# %s %s\n", path, info.text);
    fflush(stdout);
    if (!status)
        LLVMFuzzerTestOneInput((const uint8_t *)bytes, nbytes);
    tap_ok(!status, "%s", strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
    free(bytes);
}

static int is_visible(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static void replay(const char *path)
{
    struct dirent **entry = NULL;
    int count = scandir(path, &entry, is_visible, alphasort);
    if (count < 0)
        replay_file(path);
    for (int k = 0; k < count; k++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, entry[k]->d_name);
        replay_file(file);
        free(entry[k]);
    }
    free(entry);
}

int main(int argc, char **argv)
{
    const char *source = getenv("top_srcdir");
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/tests/corpus/%s", source ? source : ".", CORPUS);
    if (argc < 2)
        replay(folder);
    for (int k = 1; k < argc; k++)
        replay(argv[k]);
    return tap_done();
}
