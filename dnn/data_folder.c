/* A folder of pictures and a list of their labels, a line each:
 *     name,label[,anything]
 * The name is relative to the folder and never leaves it; a name or label that holds a comma or quote is written in
 * "quotes", a quote inside them twice; what is behind the label is not read.  Blank lines and lines that begin with
 * '#' are skipped, as is the first line if its label is a word (a header).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "data.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "memory.h"

enum { MAX_LIST_NBYTES = 1 << 28, MAX_FIELD = 1024 };

/* The list, line by line; the two fields of the present one. */
struct list {
    const char *path, *at, *end;
    size_t line;
    char name[MAX_FIELD], label[MAX_FIELD];
    struct xo_info *info;
};

XO_PRINTF(2, 3)
static int wrong(const struct list *l, const char *format, ...)
{
    char finding[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding, sizeof finding, format, arguments);
    va_end(arguments);
    return xo_fail(l->info, XO_ESYNTAX, "%s:%zu: %s; expected name,label with a name inside the folder and a whole "
                   "number", l->path, l->line, finding);
}

/* One field from *at on, up to a comma or the end; false if it is too long or its quotes do not close. */
static bool read_field(const char **at, const char *end, char field[MAX_FIELD])
{
    const char *c = *at;
    size_t length = 0;
    bool quoted = c < end && *c == '"';
    for (c += quoted; c < end && (quoted || *c != ','); c++) {
        if (quoted && *c == '"') {
            if (c + 1 == end || c[1] != '"')
                break;
            c++;
        }
        if (length == MAX_FIELD - 1 || !*c)
            return false;
        field[length++] = *c;
    }
    field[length] = '\0';
    if (quoted && (c == end || *c++ != '"'))
        return false;
    *at = c;
    return c == end || *c == ',';
}

/* "", "..", "a/../b", "/a": not inside the folder. */
static bool stays_inside(const char *name)
{
    if (!*name || *name == '/')
        return false;
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (part[0] == '.' && part[1] == '.' && (part[2] == '/' || !part[2]))
            return false;
    }
    return true;
}

/* Digits only, at most INT32_MAX. */
static bool read_label(const char *text, int32_t *label)
{
    int64_t value = 0;
    const char *c = text;
    for (; *c >= '0' && *c <= '9' && value <= INT32_MAX; c++)
        value = 10 * value + (*c - '0');
    *label = (int32_t)value;
    return c > text && !*c && value <= INT32_MAX;
}

/* "label", not "-1", "1.5" or "". */
static bool is_word(const char *text)
{
    return *text && !strchr("+-.0123456789", *text);
}

/* The next line that says something; *has = false at the end. */
static int next_line(struct list *l, bool *has, int32_t *label)
{
    for (*has = false; l->at < l->end && !*has;) {
        const char *first = l->at, *end = memchr(first, '\n', (size_t)(l->end - first)), *at = first;
        end = end ? end : l->end;
        l->at = end < l->end ? end + 1 : end;
        l->line++;
        end -= end > first && end[-1] == '\r';
        if (end == first || *first == '#')
            continue;
        if (!read_field(&at, end, l->name))
            return wrong(l, "a name that is too long or whose quotes do not close");
        if (at == end)
            return wrong(l, "no label");
        at++;
        if (!read_field(&at, end, l->label))
            return wrong(l, "a label that is too long or whose quotes do not close");
        *has = read_label(l->label, label);
        if (!*has && (l->line > 1 || !is_word(l->label)))
            return wrong(l, "label '%.40s'", l->label);
        if (*has && !stays_inside(l->name))
            return wrong(l, "name '%.80s'", l->name);
    }
    return 0;
}

static struct list list_of(const xo_data *d, const unsigned char *text, size_t nbytes, struct xo_info *info)
{
    const char *at = (const char *)text;
    struct list l = { .path = d->path[1], .at = at, .end = at + nbytes, .info = info };
    if (nbytes >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
        l.at += 3;                     /* what some editors begin UTF-8 with */
    return l;
}

static int count_lines(struct list l, size_t *count)
{
    bool has = true;
    int32_t label;
    int status = 0;
    for (*count = 0; !status && has; *count += !status && has)
        status = next_line(&l, &has, &label);
    return status;
}

static int add_file(xo_data *d, const struct list *l, int32_t label)
{
    size_t length = strlen(d->path[0]) + strlen(l->name) + 2;
    char *path = xo_calloc(length, 1);
    struct stat file;
    if (!path)
        return ENOMEM;
    snprintf(path, length, "%s/%s", d->path[0], l->name);
    d->label[d->names] = label;
    d->name[d->names++] = path;
    if (stat(path, &file)) {
        int error = errno;
        return xo_fail(l->info, error, "%s:%zu: %s: %s", l->path, l->line, path, xo_strerror(error));
    }
    return S_ISREG(file.st_mode) ? 0
         : xo_fail(l->info, XO_EVALUE, "%s:%zu: %s: is no regular file; expected a picture", l->path, l->line, path);
}

static int read_list(xo_data *d, struct list l)
{
    struct list ahead = l;
    size_t total = 0;
    bool has = true;
    int32_t label;
    int status = count_lines(ahead, &total);
    if (!status)
        status = xo_data_split(d, total, l.info);
    if (status)
        return status;
    d->name = xo_calloc(d->count, sizeof *d->name);
    d->label = xo_calloc(d->count, sizeof *d->label);
    if (!d->name || !d->label)
        return ENOMEM;
    for (size_t k = 0; k < d->to && !status; k++) {
        status = next_line(&l, &has, &label);
        if (!status && k >= d->from)
            status = add_file(d, &l, label);
    }
    return status;
}

int xo_data_open_folder(xo_data *d, struct xo_info *info)
{
    struct xo_stream *s = NULL;
    unsigned char *text = NULL;
    size_t nbytes = 0;
    int status = xo_stream_open(&s, d->path[1], info);
    if (!status)
        status = xo_stream_take(s, &text, MAX_LIST_NBYTES, &nbytes, info);
    if (!status && nbytes == MAX_LIST_NBYTES)
        status = xo_fail(info, XO_ETOOBIG, "%s: larger than %d bytes; expected a smaller list", d->path[1],
                         MAX_LIST_NBYTES - 1);
    if (!status)
        status = read_list(d, list_of(d, text, nbytes, info));
    free(text);
    xo_stream_close(s);
    return status;
}
