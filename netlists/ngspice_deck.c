/* A user's deck for ngspice: included files and sections of libraries put in place, everything that would act rather
 * than describe taken out.  ngspice reads no file that has not come through here.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "helper.h"
#include "memory.h"
#include "xo_file.h"

#define MOST_NBYTES ((size_t)1 << 26)
#define DEEPEST 8                      /* files that include each other */
#define BLANKS " \t\r\v\f"

struct cleaner {
    FILE *to;
    size_t nbytes;                     /* read so far, of all files */
    bool in_control;
    bool dropped;                      /* the line before: what continues it goes too */
    struct xo_info *info;
};

/* Does the line begin with this word, whatever its case? */
static bool begins(const char *line, const char *word)
{
    size_t length = strlen(word);
    return !strncasecmp(line, word, length) && (!line[length] || strchr(BLANKS, line[length]));
}

/* ngspice itself looks no further than this: .includes is .include to it, .controlled is .control. */
static bool starts(const char *line, const char *prefix)
{
    return !strncasecmp(line, prefix, strlen(prefix));
}

static bool is_script(const char *line)
{
    return starts(line, ".control") || starts(line, "*#") || starts(line, "*ng_script");
}

/* The next argument from *at on, in quotes or not; NULL if there is none. */
static const char *next_argument(const char **at, size_t *length)
{
    const char *begin = *at + strspn(*at, BLANKS);
    bool quoted = begin[0] == '"' || begin[0] == '\'';
    const char closing[] = {begin[0], '\0'};
    begin += quoted;
    *length = strcspn(begin, quoted ? closing : BLANKS);
    *at = begin + *length + (quoted && begin[*length]);
    return *length ? begin : NULL;
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    char *folder = xo_calloc(length + 1, 1);
    if (folder)
        memcpy(folder, path, length);
    return folder;
}

static int clean_file(struct cleaner *c, const char *path, int depth, const char *section);

/* A file, named relative to the one it is named in; section: only that of a library, NULL: all of it. */
static int include(struct cleaner *c, const char *path, const char *name, size_t length, int depth,
                   const char *section)
{
    if (depth == DEEPEST)
        return xo_fail(c->info, XO_ESYNTAX, "%s: includes %.*s; expected at most %d files in each other", path,
                       (int)length, name, DEEPEST);
    char *folder = folder_of(path), *full = NULL;
    int status = ENOMEM;
    if (folder && name[0] == '/')
        folder[0] = '\0';
    if (folder)
        full = xo_calloc(strlen(folder) + length + 1, 1);
    if (full) {
        strcpy(full, folder);
        strncat(full, name, length);
        status = clean_file(c, full, depth + 1, section);
    } else {
        xo_fail(c->info, status, "%s: %s", path, xo_strerror(status));
    }
    free(folder);
    free(full);
    return status;
}

/* .include "file", .inc file, .lib "file" section */
static int include_line(struct cleaner *c, const char *path, const char *line, int depth)
{
    bool library = starts(line, ".lib");
    const char *at = line + strcspn(line, BLANKS);
    size_t length, section_length = 0;
    const char *name = next_argument(&at, &length), *found = library ? next_argument(&at, &section_length) : NULL;
    if (!name || (library && !found))
        return xo_fail(c->info, XO_ESYNTAX, "%s: found '%.200s'; expected .include file or .lib file section", path,
                       line);
    char *section = library ? strndup(found, section_length) : NULL;
    int status = library && !section ? xo_fail(c->info, ENOMEM, "%s: %s", path, xo_strerror(ENOMEM))
                                     : include(c, path, name, length, depth, section);
    free(section);
    return status;
}

/* Control sections, script lines ("*#", "*ng_script") and what a person would type are left out. */
static int clean_line(struct cleaner *c, const char *path, const char *line, int depth)
{
    if (starts(line, ".endc")) {
        c->in_control = false;
        c->dropped = true;
        return 0;
    }
    c->in_control = c->in_control || starts(line, ".control");
    bool acts = c->in_control || is_script(line) || begins(line, "shell") || begins(line, "quit") ||
                begins(line, ".end") || begins(line, ".op") || begins(line, ".dc") || begins(line, ".tran") ||
                begins(line, ".ac");
    if (!acts && line[0] && line[0] != '*' && line[0] != '+')
        c->dropped = false;
    if (acts && line[0] != '*')        /* a comment, even one that acts, may stand before a continuation */
        c->dropped = true;
    if (acts || (line[0] == '+' && c->dropped))
        return 0;
    if (starts(line, ".inc") || starts(line, ".lib"))
        return include_line(c, path, line, depth);
    fprintf(c->to, "%s\n", line);
    return 0;
}

/* Is it the line ".lib section", which begins that section of a library? */
static bool opens(const char *line, const char *section)
{
    const char *at = line + strcspn(line, BLANKS);
    size_t length, more;
    const char *name = starts(line, ".lib") ? next_argument(&at, &length) : NULL;
    return name && !next_argument(&at, &more) && length == strlen(section) && !strncasecmp(name, section, length);
}

/* The lines of a file, or of a section of it; takes them apart in place. */
static int clean_text(struct cleaner *c, const char *path, char *bytes, size_t nbytes, int depth, const char *section)
{
    char *at = bytes;
    bool inside = !section, found = inside;
    int status = 0;
    c->nbytes += nbytes;
    if (memchr(bytes, '\0', nbytes) || c->nbytes > MOST_NBYTES)
        status = xo_fail(c->info, XO_ESYNTAX, "%s: found a NUL byte or too much text; expected a deck", path);
    if (!status && depth == 0) {       /* the title may say anything, so it becomes a comment */
        size_t length = strcspn(at, "\n");
        fprintf(c->to, "* %.*s\n", (int)(length < 200 ? length : 200), at);
        at += length + (at[length] == '\n');
    }
    while (!status && at < bytes + nbytes) {
        char *newline = strchr(at, '\n');
        if (newline)
            *newline = '\0';
        const char *line = at + strspn(at, BLANKS);
        if (section && inside && starts(line, ".endl"))
            inside = false;
        else if (section && !inside && opens(line, section))
            inside = found = true;
        else if (inside)
            status = clean_line(c, path, line, depth);
        at = newline ? newline + 1 : bytes + nbytes;
    }
    if (!status && !found)
        status = xo_fail(c->info, XO_ESYNTAX, "%s: section %s not found; expected .lib %s", path, section, section);
    return status;
}

static int clean_file(struct cleaner *c, const char *path, int depth, const char *section)
{
    char *bytes = NULL;
    size_t nbytes = 0;
    int status = xo_slurp(&bytes, &nbytes, path, MOST_NBYTES, c->info);
    if (!status)
        status = clean_text(c, path, bytes, nbytes, depth, section);
    free(bytes);
    return status;
}

/* A second look, in case the first one missed something: what is handed to ngspice holds no script and names no file
 * to be read in. */
static int check_clean(const char *path, const char *text, struct xo_info *info)
{
    for (const char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        const char *line = at + strspn(at, BLANKS);
        if (is_script(line) || starts(line, ".inc") || starts(line, ".lib"))
            return xo_fail(info, XO_ESYNTAX, "%s: found '%.*s'; expected a deck without script", path,
                           (int)strcspn(line, "\n"), line);
    }
    return 0;
}

/* given: the deck's text as the caller has it, instead of the file's; NULL: the file's. */
static int clean(const char *path, const char *given, char **text, size_t *nbytes, struct xo_info *info)
{
    struct cleaner c = {.to = open_memstream(text, nbytes), .info = info};
    if (!c.to)
        return xo_fail(info, ENOMEM, "%s: %s", path, xo_strerror(ENOMEM));
    char *copy = given ? strdup(given) : NULL;
    int status = ENOMEM;
    if (!given)
        status = clean_file(&c, path, 0, NULL);
    else if (copy)
        status = clean_text(&c, path, copy, strlen(copy), 0, NULL);
    else
        xo_fail(info, ENOMEM, "%s: %s", path, xo_strerror(ENOMEM));
    free(copy);
    fputs(".end\n", c.to);
    if (fclose(c.to) && !status)
        status = xo_fail(info, ENOMEM, "%s: %s", path, xo_strerror(ENOMEM));
    return status ? status : check_clean(path, *text, info);
}

int xo_ngspice_clean(const char *path, char **text, size_t *nbytes, struct xo_info *info)
{
    struct cleaner c = {.to = open_memstream(text, nbytes), .info = info};
    if (!c.to)
        return xo_fail(info, ENOMEM, "%s: %s", path, xo_strerror(ENOMEM));
    int status = clean_file(&c, path, 1, NULL);
    if (fclose(c.to) && !status)
        status = xo_fail(info, ENOMEM, "%s: %s", path, xo_strerror(ENOMEM));
    return status ? status : check_clean(path, *text, info);
}

/* An analysis is a command line to ngspice, which could do anything: name others, run programs, write files. */
static bool is_analysis(const char *text)
{
    static const char *const known[] = {"op", "dc", "ac", "tran", "tf", "noise", "sens", "pz", "disto"};
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (begins(text, known[k]))
            return !strpbrk(text, "\n\r;`<>|&!$");
    return false;
}

static int check_names(const char *analysis, size_t count, const char *const *vectors, struct xo_info *info)
{
    for (size_t k = 0; k <= count; k++) {
        const char *text = k == count ? analysis : vectors[k];
        if (k == count ? !is_analysis(text) : !text[0] || strpbrk(text, "\n\r;"))
            return xo_fail(info, XO_EVALUE, "'%s' is neither an analysis such as op nor a vector such as v(out)",
                           text);
    }
    return 0;
}

static int run(const char *deck, const char *given, const char *analysis, size_t count, const char *const *vectors,
               double **values, size_t *length, const struct xo_ngspice_options *options, struct xo_info *info)
{
    double limit = options && options->limit_sec > 0 ? options->limit_sec : XO_NGSPICE_LIMIT_SEC;
    struct xo_helper_job job = {.analysis = analysis, .count = count, .vectors = vectors};
    double **fresh = xo_calloc(count, sizeof *fresh);
    char *text = NULL, *folder = folder_of(deck), *absolute = NULL;
    int status = check_names(analysis, count, vectors, info);
    if (!status && (!fresh || !folder))
        status = xo_fail(info, ENOMEM, "%s: %s", deck, xo_strerror(ENOMEM));
    if (!status)
        status = clean(deck, given, &text, &job.nbytes, info);
    if (!status) {
        absolute = realpath(folder[0] ? folder : ".", NULL);
        job.folder = absolute;
        job.deck = text;
        status = xo_helper_run(&job, options, xo_helper_now_sec() + limit, fresh, length, NULL, info);
    }
    if (!status && count)
        memcpy(values, fresh, count * sizeof *fresh);
    free(fresh);
    free(text);
    free(folder);
    free(absolute);
    return status;
}

int xo_ngspice_run(const char *deck, const char *analysis, size_t count, const char *const *vectors, double **values,
                   size_t *length, const struct xo_ngspice_options *options, struct xo_info *info)
{
    return run(deck, NULL, analysis, count, vectors, values, length, options, info);
}

int xo_ngspice_run_text(const char *deck, const char *text, const char *analysis, size_t count,
                        const char *const *vectors, double **values, size_t *length,
                        const struct xo_ngspice_options *options, struct xo_info *info)
{
    return run(deck, text, analysis, count, vectors, values, length, options, info);
}
