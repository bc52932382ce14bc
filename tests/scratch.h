/* A folder of its own for a test that writes files, and the few file jobs such tests need.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Make a new folder in $TMPDIR (else P_tmpdir) and move into it; scratch_leave removes it with all it holds. */
static char scratch_folder[512];

__attribute__((unused))
static int scratch_enter(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(scratch_folder, sizeof scratch_folder, "%s/t-xo-XXXXXX", base ? base : P_tmpdir);
    return mkdtemp(scratch_folder) && chdir(scratch_folder) == 0;
}

__attribute__((unused))
static void scratch_leave(void)
{
    char command[sizeof scratch_folder + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", scratch_folder);
    if (chdir("/") || system(command))
        puts("# the scratch folder stays");
}

/* Entries of a folder, "." and ".." not counted. */
__attribute__((unused))
static int scratch_entries(const char *folder)
{
    DIR *d = opendir(folder);
    int entries = -2;
    while (d && readdir(d))
        entries++;
    if (d)
        closedir(d);
    return entries;
}

__attribute__((unused))
static void scratch_put(const char *name, const void *bytes, size_t nbytes)
{
    FILE *f = fopen(name, "wb");
    if (!f || fwrite(bytes, 1, nbytes, f) != nbytes || fclose(f)) {
        printf("Bail out! cannot write %s\n", name);
        exit(99);
    }
}

/* The whole file as text (NUL added), to be freed; *nbytes may be NULL.  An absent file is "". */
__attribute__((unused))
static char *scratch_get(const char *name, size_t *nbytes)
{
    FILE *f = fopen(name, "rb");
    size_t length = 0, capacity = 1 << 20;
    char *bytes = malloc(capacity + 1);
    if (f && bytes)
        length = fread(bytes, 1, capacity, f);
    if (f)
        fclose(f);
    if (bytes)
        bytes[length] = '\0';
    if (nbytes)
        *nbytes = length;
    return bytes;
}

/* A Python that can `import module`, or NULL.  The system's own is tried too: others often lack NumPy. */
__attribute__((unused))
static const char *scratch_python(const char *module)
{
    static const char *const python[] = { "python3", "/usr/bin/python3" };
    for (size_t k = 0; k < sizeof python / sizeof *python; k++) {
        char command[128];
        snprintf(command, sizeof command, "%s -c 'import %s' 2>/dev/null", python[k], module);
        if (system(command) == 0)
            return python[k];
    }
    return NULL;
}

#endif
