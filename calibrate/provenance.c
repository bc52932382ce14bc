/* What a fit rests on, so that somebody else can repeat it.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "fit.h"
#include "memory.h"
#include "schema.h"

/* Control characters as \xHH: whatever a file is called, a line stays a line. */
static void put_plain(FILE *to, const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            fprintf(to, "\\x%02x", (unsigned)(unsigned char)*text);
        else
            putc(*text, to);
}

/* Of a regular file; what a pipe or a device gave is gone. */
static int put_sum(FILE *to, const char *path, struct xo_info *info)
{
    char hex[65];
    struct stat file;
    if (stat(path, &file)) {
        int error = errno;
        return xo_fail(info, error, "%s: %s", path, xo_strerror(error));
    }
    if (!S_ISREG(file.st_mode)) {
        fputs("unknown (not a regular file)", to);
        return 0;
    }
    int status = xo_sha256_file(hex, path, info);
    if (!status)
        fputs(hex, to);
    return status;
}

/* "sha256 of NAME: HEX (FILE)"; standard input cannot be read twice. */
static int put_sha256(FILE *to, const char *name, const char *folder, const char *path, struct xo_info *info)
{
    if (!strcmp(path, "-")) {
        fprintf(to, "sha256 of %s: unknown (standard input)\n", name);
        return 0;
    }
    size_t size = strlen(folder) + strlen(path) + 1;
    char *full = xo_calloc(size, 1);
    if (!full)
        return ENOMEM;
    snprintf(full, size, "%s%s", *path == '/' ? "" : folder, path);
    fprintf(to, "sha256 of %s: ", name);
    int status = put_sum(to, full, info);
    fputs(" (", to);
    put_plain(to, path);
    fputs(")\n", to);
    free(full);
    return status;
}

/* The .npy files behind the hardware description. */
static int put_values(FILE *to, const struct xo_hardware *h, struct xo_info *info)
{
    int status = 0;
    for (size_t k = 0; k < xo_schema_count && h->owned && !status; k++)
        if (xo_schema[k].kind == XO_KIND_VALUES && xo_data(h, &xo_schema[k])->file)
            status = put_sha256(to, xo_schema[k].path, h->owned->folder, xo_data(h, &xo_schema[k])->file, info);
    return status;
}

int xo_fit_provenance(char **out, const struct xo_hardware *h, const struct xo_fit_options *options,
                      const char *method, struct xo_info *info)
{
    enum xo_engine engine = options->engine == XO_ENGINE_AUTO ? XO_ENGINE_CHOLMOD : options->engine;
    char *text = NULL;
    size_t nbytes;
    FILE *to = open_memstream(&text, &nbytes);
    int status = 0;
    if (!to)
        return errno;
    fprintf(to, "tool: crossohm %s\n", PACKAGE_VERSION);
    if (options->command) {
        fputs("command: ", to);
        put_plain(to, options->command);
        putc('\n', to);
    }
    fprintf(to, "method: %s, by %s\nseed: %" PRIu64 "\n", method, xo_engine_name(engine), h->seed);
    for (size_t k = 0; k < options->sources && !status; k++)
        status = put_sha256(to, options->source[k].name, "", options->source[k].path, info);
    if (!status)
        status = put_values(to, h, info);
    if ((ferror(to) | fclose(to)) && !status)
        status = ENOMEM;
    if (status)
        free(text);
    else
        *out = text;
    return status;
}
