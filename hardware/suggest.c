/* What a mistyped key may have meant.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdio.h>
#include <string.h>
#include "schema.h"

#define MAX_LENGTH 128

/* Insertions, deletions and replacements that turn a into b (Wagner, Fischer 1974), one row at a time. */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t row[MAX_LENGTH + 1];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            size_t shifted = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replaced < shifted ? replaced : shifted;
        }
    }
    return row[b_length];
}

static const char *last_name(const char *path, size_t length)
{
    const char *last = path + length;
    while (last > path && last[-1] != '.')
        last--;
    return last;
}

/* How far `path` is from a known one: as a whole, or by its last name in the wrong section. */
static size_t distance(const char *path, size_t length, const char *known, size_t known_length)
{
    const char *last = last_name(path, length), *known_last = last_name(known, known_length);
    size_t whole = edit_distance(path, length, known, known_length);
    size_t moved = 1 + edit_distance(last, (size_t)(path + length - last), known_last,
                                     (size_t)(known + known_length - known_last));
    return whole < moved ? whole : moved;
}

/* The nearest known key or section, as a prefix of a table path; length 0 if none is near. */
static const char *nearest(const char *path, size_t *near_length)
{
    size_t length = strlen(path);
    size_t best = (length - (size_t)(last_name(path, length) - path)) / 3 + 2;      /* nearer than this */
    const char *near = edit_distance(path, length, "layers", 6) < best ? "layers" : "";
    *near_length = strlen(near);
    best = *near ? edit_distance(path, length, "layers", 6) : best;
    for (size_t k = 0; k < xo_schema_count; k++)
        for (size_t end = 1; end <= strlen(xo_schema[k].path); end++) {
            const char *known = xo_schema[k].path;
            size_t far = known[end] && known[end] != '.' ? best : distance(path, length, known, end);
            if (far < best) {
                best = far;
                near = known;
                *near_length = end;
            }
        }
    return near;
}

/* "rows, columns, topology, ...": the names in the section that path is in. */
static void list_names(char *text, size_t size, const char *path)
{
    size_t section = (size_t)(last_name(path, strlen(path)) - path), used = 0, before_length = 0;
    const char *before = "";
    *text = 0;
    for (size_t k = 0; k < xo_schema_count && used < size; k++) {
        const char *name = xo_schema[k].path + section;
        size_t length;
        if (strncmp(xo_schema[k].path, path, section))
            continue;
        length = strcspn(name, ".");
        if (length != before_length || strncmp(name, before, length))
            used += (size_t)snprintf(text + used, size - used, "%s%.*s", used ? ", " : "", (int)length, name);
        before = name;
        before_length = length;
    }
    if (!section && used < size)
        snprintf(text + used, size - used, ", layers");
}

/* How far a layer's name is from what was written; one that holds it is next to it. */
static size_t name_distance(const char *name, const char *known)
{
    if (strstr(known, name))
        return 1;
    return edit_distance(name, strnlen(name, MAX_LENGTH), known, strnlen(known, MAX_LENGTH));
}

char *xo_near_names(char *text, size_t size, const char *name, size_t count, const char *const *known)
{
    enum { SHOWN = 3 };
    size_t near[SHOWN] = { 0 }, best[SHOWN], shown = 0, used = 0, limit = strnlen(name, MAX_LENGTH) / 3 + 2;
    for (size_t k = 0; k < count; k++) {
        size_t far = name_distance(name, known[k]), at = shown;
        for (; at && far < best[at - 1]; at--)
            if (at < SHOWN) {
                best[at] = best[at - 1];
                near[at] = near[at - 1];
            }
        if (far >= limit || at >= SHOWN)
            continue;
        best[at] = far;
        near[at] = k;
        shown += shown < SHOWN;
    }
    snprintf(text, size, "none, as there are no layers");
    for (size_t k = 0; k < (shown ? shown : count) && k < SHOWN && used < size; k++)
        used += (size_t)snprintf(text + used, size - used, "%s%.60s", k ? ", " : "such as ",
                                 known[shown ? near[k] : k]);
    return text;
}

/* In {row_wire_ohm: 1,5} the 5 is a key. */
static bool is_bare_number(const char *name)
{
    return *name && !name[strspn(name, "0123456789")];
}

int xo_unknown_key(const char *path, struct xo_mark mark, struct xo_info *info)
{
    size_t length;
    char buffer[XO_FOUND_SIZE], names[256];
    const char *near = nearest(path, &length);
    const struct xo_node node = { .kind = XO_NODE_SCALAR, .text = path };
    const char *shown = xo_node_found(buffer, &node);
    if (is_bare_number(last_name(path, strlen(path))))
        return xo_mark_fail(info, XO_EVALUE, mark, "unknown key %s; expected a name (a decimal comma? write 1.5)",
                            shown);
    if (length)
        return xo_mark_fail(info, XO_EVALUE, mark, "unknown key %s; expected perhaps %.*s", shown, (int)length, near);
    list_names(names, sizeof names, path);
    return xo_mark_fail(info, XO_EVALUE, mark, "unknown key %s; expected one of %s", shown, names);
}
