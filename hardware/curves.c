/* Measured curves: CSV with the columns level, v[V], i[A] and, optional, device, cycle, temperature[K], named in the
 * first line in any order.  Points of one level at one voltage, of several devices or cycles, become their mean.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "schema.h"

#define MAX_NBYTES ((size_t)1 << 28)
#define MAX_LEVELS 65536

enum column { LEVEL, VOLT, AMP, DEVICE, CYCLE, TEMPERATURE, COLUMNS };
static const char *const column_name[COLUMNS] = {"level", "v[V]", "i[A]", "device", "cycle", "temperature[K]"};

struct point { double level, volt, amp; size_t line; };

struct curves {
    const char *path;
    struct xo_info *info;
    int place[COLUMNS];                /* where each column stands, -1: nowhere */
    int columns;
    struct point *point;
    size_t count, capacity, line;
    double kelvin;
    bool has_kelvin;
};

/* The next cell of a line, trimmed; moves *at behind its comma, or to NULL after the last. */
static char *next_cell(char **at)
{
    char *begin = *at + strspn(*at, " \t"), *comma = strchr(begin, ','), *end = comma ? comma : begin + strlen(begin);
    *at = comma ? comma + 1 : NULL;
    while (end > begin && strchr(" \t\r", end[-1]))
        end--;
    *end = '\0';
    return begin;
}

/* A cell in a message: its beginning, what is not printable as '?'.  Changes it. */
static const char *shown(char *cell)
{
    for (char *c = cell; *c; c++)
        if (*c < 0x20 || *c >= 0x7f)
            *c = '?';
    return cell;
}

static int read_head(struct curves *c, char *line)
{
    for (int k = 0; k < COLUMNS; k++)
        c->place[k] = -1;
    for (char *at = line; at; c->columns++) {
        char *name = next_cell(&at);
        int k = 0;
        while (k < COLUMNS && strcmp(name, column_name[k]))
            k++;
        if (k == COLUMNS || c->place[k] >= 0)
            return xo_fail(c->info, XO_ESYNTAX, "%s:%zu: found the column '%.40s'; expected level,v[V],i[A] and "
                           "perhaps device, cycle, temperature[K], each once", c->path, c->line, shown(name));
        c->place[k] = c->columns;
    }
    for (int k = LEVEL; k <= AMP; k++)
        if (c->place[k] < 0)
            return xo_fail(c->info, XO_ESYNTAX, "%s:%zu: found no column %s; expected level,v[V],i[A]", c->path,
                           c->line, column_name[k]);
    return 0;
}

static int add_point(struct curves *c, const double value[COLUMNS])
{
    if (c->count == c->capacity) {
        size_t capacity = c->capacity ? 2 * c->capacity : 256;
        struct point *grown = xo_realloc(c->point, capacity, sizeof *grown);
        if (!grown)
            return xo_fail(c->info, ENOMEM, "%s: %s", c->path, xo_strerror(ENOMEM));
        c->point = grown;
        c->capacity = capacity;
    }
    c->point[c->count++] = (struct point){value[LEVEL], value[VOLT], value[AMP], c->line};
    return 0;
}

static int read_row(struct curves *c, char *line)
{
    double value[COLUMNS] = {0};
    int column = 0;
    for (char *at = line; at; column++) {
        char *text = next_cell(&at);
        for (int k = 0; k < COLUMNS; k++) {
            bool free_text = k == DEVICE || k == CYCLE;
            if (c->place[k] == column && !free_text && xo_number_parse(&value[k], text, strlen(text)))
                return xo_fail(c->info, XO_ESYNTAX, "%s:%zu: found '%.40s' as %s; expected a number", c->path,
                               c->line, shown(text), column_name[k]);
        }
    }
    if (column != c->columns)
        return xo_fail(c->info, XO_ESYNTAX, "%s:%zu: found %d cells; expected %d as in the first line", c->path,
                       c->line, column, c->columns);
    if (!(value[LEVEL] >= 0 && value[LEVEL] < MAX_LEVELS) || value[LEVEL] != (double)(size_t)value[LEVEL])
        return xo_fail(c->info, XO_EVALUE, "%s:%zu: found level %g; expected a whole number from 0 to %d", c->path,
                       c->line, value[LEVEL], MAX_LEVELS - 1);
    if (!(value[VOLT] >= -XO_MAX_VOLT && value[VOLT] <= XO_MAX_VOLT && value[AMP] >= -1e12 && value[AMP] <= 1e12))
        return xo_fail(c->info, XO_EVALUE, "%s:%zu: found %g V, %g A; expected at most 1e12 of each", c->path,
                       c->line, value[VOLT], value[AMP]);
    if (c->place[TEMPERATURE] >= 0 && c->has_kelvin && value[TEMPERATURE] != c->kelvin)
        return xo_fail(c->info, XO_EVALUE, "%s:%zu: found %g K after %g K; expected curves of one temperature",
                       c->path, c->line, value[TEMPERATURE], c->kelvin);
    c->kelvin = value[TEMPERATURE];
    c->has_kelvin = true;
    return add_point(c, value);
}

static int read_lines(struct curves *c, char *text)
{
    int status = 0;
    if (!strncmp(text, "\xef\xbb\xbf", 3))
        text += 3;
    while (text && !status) {
        char *newline = strchr(text, '\n');
        c->line++;
        if (newline)
            *newline = '\0';
        if (text[strspn(text, " \t\r")] && *text != '#')
            status = c->columns ? read_row(c, text) : read_head(c, text);
        text = newline ? newline + 1 : NULL;
    }
    if (!status && !c->count)
        status = xo_fail(c->info, XO_ESYNTAX, "%s: no points; expected lines of level,v[V],i[A]", c->path);
    return status;
}

static int by_level_and_volt(const void *a, const void *b)
{
    const struct point *p = a, *q = b;
    if (p->level != q->level)
        return p->level < q->level ? -1 : 1;
    if (p->volt != q->volt)
        return p->volt < q->volt ? -1 : 1;
    return p->line < q->line ? -1 : p->line > q->line;
}

/* One point a voltage: the mean of those there, at the line of the first. */
static void merge_points(struct curves *c)
{
    size_t kept = 0;
    qsort(c->point, c->count, sizeof *c->point, by_level_and_volt);
    for (size_t k = 0; k < c->count;) {
        struct point mean = c->point[k];
        size_t end = k + 1;
        while (end < c->count && c->point[end].level == mean.level && c->point[end].volt == mean.volt)
            mean.amp += c->point[end++].amp;
        mean.amp /= (double)(end - k);
        c->point[kept++] = mean;
        k = end;
    }
    c->count = kept;
}

static int check_point(const struct curves *c, size_t k)
{
    const struct point *p = &c->point[k], *q = k && p[-1].level == p->level ? p - 1 : NULL;
    if (p->volt == 0 ? p->amp != 0 : p->amp != 0 && (p->amp > 0) != (p->volt > 0))
        return xo_fail(c->info, XO_EVALUE, "%s:%zu: found %g A at %g V; expected a current of the voltage's sign, 0 "
                       "A at 0 V", c->path, p->line, p->amp, p->volt);
    if (q && p->amp < q->amp)
        return xo_fail(c->info, XO_EVALUE, "%s:%zu: not monotone: found %g A at %g V after %g A at %g V (line %zu) "
                       "in level %g; expected a current that does not fall", c->path, p->line, p->amp, p->volt, q->amp,
                       q->volt, q->line, p->level);
    return 0;
}

/* Levels follow each other from 0. */
static int check(const struct curves *c, size_t *levels)
{
    int status = 0;
    for (size_t k = 0; k < c->count && !status; k++) {
        double expected = k ? c->point[k - 1].level : -1;
        if (c->point[k].level > expected + 1)
            return xo_fail(c->info, XO_EVALUE, "%s:%zu: missing level %g: found level %g next; expected levels 0, 1, "
                           "2, ...", c->path, c->point[k].line, expected + 1, c->point[k].level);
        status = check_point(c, k);
    }
    *levels = (size_t)c->point[c->count - 1].level + 1;
    return status;
}

static int hand_over(const struct curves *c, struct xo_arena *arena, struct xo_law_level *level)
{
    double *volt = xo_arena_alloc(arena, c->count, sizeof *volt), *amp = xo_arena_alloc(arena, c->count, sizeof *amp);
    if (!volt || !amp)
        return xo_fail(c->info, ENOMEM, "%s: %s", c->path, xo_strerror(ENOMEM));
    for (size_t k = 0; k < c->count; k++) {
        struct xo_law_level *l = &level[(size_t)c->point[k].level];
        volt[k] = c->point[k].volt;
        amp[k] = c->point[k].amp;
        l->volt = l->count ? l->volt : volt + k;
        l->amp = l->count ? l->amp : amp + k;
        l->count++;
    }
    return 0;
}

int xo_curves_read(struct xo_arena *arena, const char *path, struct xo_law_level **level, size_t *levels,
                   struct xo_info *info)
{
    struct curves c = {.path = path, .info = info};
    char *bytes = NULL;
    size_t nbytes = 0, count = 0;
    struct xo_law_level *fresh = NULL;
    int status = xo_slurp(&bytes, &nbytes, path, MAX_NBYTES, info);
    if (!status && memchr(bytes, '\0', nbytes))
        status = xo_fail(info, XO_ESYNTAX, "%s: found a NUL byte; expected text", path);
    if (!status)
        status = read_lines(&c, bytes);
    if (!status) {
        merge_points(&c);
        status = check(&c, &count);
    }
    if (!status && !(fresh = xo_arena_alloc(arena, count, sizeof *fresh)))
        status = xo_fail(info, ENOMEM, "%s: %s", path, xo_strerror(ENOMEM));
    if (!status)
        status = hand_over(&c, arena, fresh);
    if (!status) {
        *level = fresh;
        *levels = count;
    }
    free(c.point);
    free(bytes);
    return status;
}
