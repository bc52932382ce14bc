/* An engineer's deck with its inputs driven by one sweep: only the lines of those inputs are changed.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "memory.h"
#include "xo_converter_fit.h"

#define TIGHT ".options reltol=1e-9 abstol=1e-15 vntol=1e-10 itl1=1000\n"
#define SEPARATORS " \t\r()=,"
#define NAME_MOST 256

/* A line of the deck at its top level: neither title nor comment nor inside .subckt or .control. */
struct line {
    const char *text;
    size_t length;                     /* without the newline */
    bool inside;                       /* ... none of those, that is */
    int drive;                         /* which input takes its place; -1: none */
};

struct deck {
    struct line *line;
    size_t lines;
};

/* ---- words ---------------------------------------------------------------------------------------- */

/* The next word of a line from *at on, "" behind the last; a comment behind ; ends the line. */
static const char *next_word(char word[NAME_MOST], const struct line *line, size_t *at)
{
    size_t k = *at, length = 0;
    while (k < line->length && strchr(SEPARATORS, line->text[k]))
        k++;
    while (k < line->length && line->text[k] != ';' && !strchr(SEPARATORS, line->text[k])) {
        if (length + 1 < NAME_MOST)
            word[length++] = line->text[k];
        k++;
    }
    word[length] = '\0';
    *at = k;
    return word;
}

static bool is_comment(const struct line *line)
{
    size_t k = 0;
    while (k < line->length && strchr(" \t\r", line->text[k]))
        k++;
    return k == line->length || line->text[k] == '*';
}

/* Does it continue the line before?  Behind the + it goes on: *at, which may be NULL. */
static bool continues(const struct line *line, size_t *at)
{
    size_t k = 0;
    while (k < line->length && strchr(" \t", line->text[k]))
        k++;
    if (k == line->length || line->text[k] != '+')
        return false;
    if (at)
        *at = k + 1;
    return true;
}

/* The next word of the element whose line *k is, in its continuation lines too, between which comments may stand. */
static const char *next_of_element(char word[NAME_MOST], const struct deck *d, size_t *k, size_t *at)
{
    while (!next_word(word, &d->line[*k], at)[0]) {
        size_t next = *k + 1;
        while (next < d->lines && is_comment(&d->line[next]))
            next++;
        if (next == d->lines || !continues(&d->line[next], at))
            break;
        *k = next;
    }
    return word;
}

static bool first_word_is(const struct line *line, const char *wanted)
{
    char word[NAME_MOST];
    size_t at = 0;
    return !strcasecmp(next_word(word, line, &at), wanted);
}

static bool is_ground(const char *node)
{
    return !strcmp(node, "0") || !strcasecmp(node, "gnd");
}

static bool mentions(const struct line *line, const char *node)
{
    char word[NAME_MOST];
    size_t at = 0;
    if (!continues(line, &at))
        next_word(word, line, &at);    /* the element's own name */
    while (next_word(word, line, &at)[0])
        if (!strcasecmp(word, node))
            return true;
    return false;
}

/* ---- lines ---------------------------------------------------------------------------------------- */

static void mark_top_level(struct deck *d)
{
    int depth = 0;
    for (size_t k = 1; k < d->lines; k++) {                    /* the first line is the title */
        struct line *line = &d->line[k];
        bool opens = first_word_is(line, ".subckt") || first_word_is(line, ".control");
        bool closes = first_word_is(line, ".ends") || first_word_is(line, ".endc");
        depth += opens;
        line->inside = !depth && line->length && line->text[0] != '*' && !first_word_is(line, ".end");
        depth -= closes && depth;
    }
}

static int split(struct deck *out, const char *text)
{
    size_t lines = 1;
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    out->line = xo_calloc(lines, sizeof *out->line);
    if (!out->line)
        return ENOMEM;
    for (out->lines = 0; *text; out->lines++) {
        size_t length = strcspn(text, "\n");
        out->line[out->lines] = (struct line){text, length, false, -1};
        text += length + (text[length] == '\n');
    }
    mark_top_level(out);
    return XO_OK;
}

/* ---- which line an input is ----------------------------------------------------------------------- */

/* Is this line the source of that name, or the source that ties the node of that name to ground? */
static bool is_input(const struct deck *d, size_t line, const char *name, bool as_node)
{
    char word[3][NAME_MOST];
    size_t at = 0, in = line;
    for (size_t k = 0; k < 3; k++)
        next_of_element(word[k], d, &in, &at);
    if (!d->line[line].inside || !word[0][0] || !strchr("vViI", word[0][0]))
        return false;
    if (!as_node)
        return !strcasecmp(word[0], name);
    return (is_ground(word[2]) && !strcasecmp(word[1], name)) || (is_ground(word[1]) && !strcasecmp(word[2], name));
}

static struct line *find_source(const struct deck *d, const char *name)
{
    for (int as_node = 0; as_node < 2; as_node++)
        for (size_t k = 0; k < d->lines; k++)
            if (is_input(d, k, name, as_node))
                return &d->line[k];
    return NULL;
}

static bool has_node(const struct deck *d, const char *name)
{
    for (size_t k = 0; k < d->lines; k++)
        if (d->line[k].inside && d->line[k].text[0] != '.' && mentions(&d->line[k], name))
            return true;
    return false;
}

static int place(struct deck *d, const char *deck_name, size_t count, struct xo_drive *drives, struct xo_info *info)
{
    for (size_t k = 0; k < count; k++) {
        const char *name = drives[k].name;
        struct line *line = find_source(d, name);
        if (line && line->drive >= 0)
            return xo_fail(info, XO_EVALUE, "%s: input %s: found the same source as input %s; expected two sources",
                           deck_name, name, drives[line->drive].name);
        if (!line && (is_ground(name) || !has_node(d, name)))
            return xo_fail(info, XO_EVALUE, "%s: input %s: not found; expected a source or a node of the deck's top "
                           "level", deck_name, name);
        for (size_t other = 0; other < k; other++)
            if (!strcasecmp(name, drives[other].name))
                return xo_fail(info, XO_EVALUE, "%s: input %s: named twice; expected different inputs", deck_name,
                               name);
        if (line) {
            line->drive = (int)k;
            drives[k].current = strchr("iI", line->text[strspn(line->text, SEPARATORS)]) != NULL;
        }
    }
    return XO_OK;
}

/* ---- the driven deck ------------------------------------------------------------------------------ */

/* In place of a source: its nodes and its name, the expression for its value.  An input named by its node takes
 * volts towards ground and amperes out of it, whichever way round the source was. */
static void print_source(FILE *to, const struct deck *d, size_t k, const struct xo_drive *drive)
{
    char source[NAME_MOST], plus[NAME_MOST], minus[NAME_MOST];
    const struct line *line = &d->line[k];
    size_t at = 0;
    next_of_element(source, d, &k, &at);
    next_of_element(plus, d, &k, &at);
    next_of_element(minus, d, &k, &at);
    bool by_node = strcasecmp(source, drive->name) != 0;
    bool turned = by_node && is_ground(drive->current ? minus : plus);
    const char *sign = turned ? "-" : "";
    if (drive->current)
        fprintf(to, "Bxo%d %s %s I=%s(%s)\n", line->drive, plus, minus, sign, drive->expression);
    else
        fprintf(to, "%s %s xomid%d 0\nBxo%d xomid%d %s V=%s(%s)\n", source, plus, line->drive, line->drive,
                line->drive, minus, sign, drive->expression);
}

static void print_added(FILE *to, const struct deck *d, size_t count, const struct xo_drive *drives)
{
    for (size_t k = 0; k < count; k++)
        if (find_source(d, drives[k].name) == NULL) {
            if (drives[k].current)
                fprintf(to, "Bxo%zu 0 %s I=%s\n", k, drives[k].name, drives[k].expression);
            else
                fprintf(to, "Bxo%zu %s 0 V=%s\n", k, drives[k].name, drives[k].expression);
        }
    fputs("Vxosweep xosweep 0 0\n", to);
}

static bool sets_reltol(const struct deck *d)
{
    for (size_t k = 0; k < d->lines; k++)
        if (d->line[k].inside && mentions(&d->line[k], "reltol"))
            return true;
    return false;
}

static void print(FILE *to, const struct deck *d, size_t count, const struct xo_drive *drives)
{
    bool replaced = false;             /* then its continuation lines go too */
    for (size_t k = 0; k < d->lines && !first_word_is(&d->line[k], ".end"); k++) {
        const struct line *line = &d->line[k];
        if (line->drive >= 0)
            print_source(to, d, k, &drives[line->drive]);
        else if (!replaced || !continues(line, NULL))
            fprintf(to, "%.*s\n", (int)line->length, line->text);
        replaced = line->drive >= 0 || (replaced && (continues(line, NULL) || is_comment(line)));
    }
    print_added(to, d, count, drives);
    fprintf(to, "%s.end\n", sets_reltol(d) ? "" : TIGHT);
}

int xo_converter_drive(char **driven, const char *deck, const char *deck_name, size_t count, struct xo_drive *drives,
                       struct xo_info *info)
{
    struct deck d;
    char *text = NULL;
    size_t nbytes = 0;
    if (split(&d, deck))
        return xo_fail(info, ENOMEM, "%s: no memory for the deck", deck_name);
    int status = place(&d, deck_name, count, drives, info);
    FILE *to = status ? NULL : open_memstream(&text, &nbytes);
    if (to) {
        print(to, &d, count, drives);
        bool failed = ferror(to);
        status = fclose(to) || failed ? ENOMEM : XO_OK;
    }
    free(d.line);
    if (!status && !to)
        status = ENOMEM;
    if (status == ENOMEM)
        xo_fail(info, status, "%s: no memory for the deck", deck_name);
    if (status)
        free(text);
    else
        *driven = text;
    return status;
}
