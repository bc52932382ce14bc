/* Points of measured curves from CSV: a header that names columns, in any order, then one point a line.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "points.h"
#include "xo_file.h"

#define MOST_COLUMNS 16
#define MOST_VOLT 1e6                  /* what stands there instead is no volt: a mistake in the unit */

enum column { LEVEL, VOLT, AMPERE, DEVICE, CYCLE, KELVIN, COLUMNS };
static const char *const column_name[COLUMNS] = {"level", "v[V]", "i[A]", "device", "cycle", "temperature[K]"};

/* `at` begins the present line; columns of messages are counted from there. */
struct reader {
    const char *name, *at;
    size_t line, cells, most_levels;   /* cells in the header; 0: not read yet */
    enum column column[MOST_COLUMNS];
    bool has[COLUMNS];
    struct xo_points p;
    size_t capacity;
    struct xo_info *info;
};

struct cell { char *text; size_t length; };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* A cell in a message: short and printable. */
static int fail_cell(struct reader *r, int status, struct cell cell, const char *what)
{
    char shown[41] = "";
    for (size_t k = 0; k < sizeof shown - 1 && k < cell.length; k++) {
        unsigned char c = (unsigned char)cell.text[k];
        shown[k] = (char)(c < ' ' || c >= 0x7f ? '?' : c);
    }
    return xo_fail(r->info, status, "%s:%zu:%td: found '%s'; expected %s", r->name, r->line, cell.text - r->at + 1,
                   shown, what);
}

/* Up to MOST_COLUMNS cells of a line, blanks around them taken off; how many there are. */
static size_t split(struct cell *cell, char *at, char *end)
{
    size_t count = 0;
    for (;;) {
        char *comma = memchr(at, ',', (size_t)(end - at)), *last = comma ? comma : end;
        while (at < last && is_blank(*at))
            at++;
        while (at < last && is_blank(last[-1]))
            last--;
        if (count < MOST_COLUMNS)
            cell[count] = (struct cell){at, (size_t)(last - at)};
        count++;
        if (!comma)
            return count;
        at = comma + 1;
    }
}

/* ---- the header ------------------------------------------------------------------------------------ */

static bool is_name(struct cell cell, const char *name)
{
    return strlen(name) == cell.length && !memcmp(cell.text, name, cell.length);
}

/* "v[mV]" is the column v[V] in another unit. */
static int fail_column(struct reader *r, struct cell cell)
{
    const char *bracket = memchr(cell.text, '[', cell.length);
    size_t stem = bracket ? (size_t)(bracket - cell.text) : cell.length;
    char what[64];
    for (int k = 0; k < COLUMNS; k++)
        if (strcspn(column_name[k], "[") == stem && !memcmp(column_name[k], cell.text, stem)) {
            snprintf(what, sizeof what, "%s", column_name[k]);
            return fail_cell(r, XO_EVALUE, cell, what);
        }
    return fail_cell(r, XO_EVALUE, cell, "a header of level, v[V], i[A] and perhaps device, cycle, temperature[K]");
}

static int take_header(struct reader *r, const struct cell *cell, size_t cells)
{
    if (cells > MOST_COLUMNS)
        return xo_fail(r->info, XO_ESYNTAX,
                       "%s:%zu: found %zu columns; expected level, v[V], i[A] and perhaps device, "
                       "cycle, temperature[K]", r->name, r->line, cells);
    for (size_t k = 0; k < cells; k++) {
        int c = 0;
        while (c < COLUMNS && !is_name(cell[k], column_name[c]))
            c++;
        if (c == COLUMNS)
            return fail_column(r, cell[k]);
        if (r->has[c])
            return fail_cell(r, XO_ESYNTAX, cell[k], "every column once");
        r->has[c] = true;
        r->column[k] = (enum column)c;
    }
    for (int c = LEVEL; c <= AMPERE; c++)
        if (!r->has[c])
            return xo_fail(r->info, XO_ESYNTAX, "%s:%zu: found no column %s; expected level, v[V] and i[A]", r->name,
                           r->line, column_name[c]);
    r->cells = cells;
    return 0;
}

/* ---- points ---------------------------------------------------------------------------------------- */

static int take_number(struct reader *r, struct cell cell, double most, const char *what, double *out)
{
    int status = xo_number_parse(out, cell.text, cell.length);
    if (!status && !(fabs(*out) <= most))
        status = XO_EVALUE;
    return status ? fail_cell(r, status, cell, what) : 0;
}

static int take_level(struct reader *r, struct cell cell, size_t *out)
{
    double level = -1;
    int status = xo_number_parse(&level, cell.text, cell.length);
    char what[64];
    if (status || !(level >= 0 && level < (double)r->most_levels) || level != floor(level)) {
        snprintf(what, sizeof what, "a level: a whole number from 0 to %zu", r->most_levels - 1);
        return fail_cell(r, status ? status : XO_EVALUE, cell, what);
    }
    *out = (size_t)level;
    return 0;
}

static int take_kelvin(struct reader *r, struct cell cell)
{
    double kelvin = 0;
    int status = take_number(r, cell, 1e5, "a temperature above 0 K", &kelvin);
    if (!status && !(kelvin > 0))
        status = fail_cell(r, XO_EVALUE, cell, "a temperature above 0 K");
    r->p.low_kelvin = fmin(r->p.low_kelvin, kelvin);
    r->p.high_kelvin = fmax(r->p.high_kelvin, kelvin);
    return status;
}

/* Ends the cell in place: its text stays in the reader's copy of the file. */
static int take_label(struct reader *r, struct cell cell, const char **out)
{
    for (size_t k = 0; k < cell.length; k++)
        if ((unsigned char)cell.text[k] < ' ' || cell.text[k] == 0x7f)
            return fail_cell(r, XO_ESYNTAX, cell, "a name without control characters");
    if (!cell.length)
        return fail_cell(r, XO_ESYNTAX, cell, "a name or number");
    cell.text[cell.length] = '\0';
    *out = cell.text;
    return 0;
}

static int take_cell(struct reader *r, enum column column, struct cell cell, struct xo_point *point)
{
    switch (column) {
    case LEVEL: return take_level(r, cell, &point->level);
    case VOLT: return take_number(r, cell, MOST_VOLT, "a voltage such as 0.2, at most 1e6 V", &point->volt);
    case AMPERE: return take_number(r, cell, MOST_VOLT, "a current such as 1.5e-6, at most 1e6 A", &point->ampere);
    case DEVICE: return take_label(r, cell, &point->device);
    case CYCLE: return take_label(r, cell, &point->cycle);
    default: return take_kelvin(r, cell);
    }
}

static int take_row(struct reader *r, const struct cell *cell, size_t cells)
{
    struct xo_point point = {.line = r->line, .device = "", .cycle = ""};
    int status = 0;
    if (cells != r->cells)
        return xo_fail(r->info, XO_ESYNTAX, "%s:%zu: found %zu columns; expected %zu as in the header", r->name,
                       r->line, cells, r->cells);
    for (size_t k = cells; k-- > 0 && !status; )       /* backwards: a label's end overwrites the comma behind it */
        status = take_cell(r, r->column[k], cell[k], &point);
    if (status)
        return status;
    if (r->p.count == r->capacity) {
        size_t capacity = r->capacity ? 2 * r->capacity : 256;
        struct xo_point *grown = xo_realloc(r->p.point, capacity, sizeof *grown);
        if (!grown)
            return xo_fail(r->info, ENOMEM, "%s: no memory for its points", r->name);
        r->p.point = grown;
        r->capacity = capacity;
    }
    r->p.point[r->p.count++] = point;
    return 0;
}

static int read_lines(struct reader *r, char *at, char *end)
{
    struct cell cell[MOST_COLUMNS];
    if (end - at >= 3 && !memcmp(at, "\xef\xbb\xbf", 3))
        at += 3;                       /* the byte order mark some spreadsheets put in front */
    while (at < end) {
        char *newline = memchr(at, '\n', (size_t)(end - at)), *last = newline ? newline : end, *first = at;
        int status = 0;
        r->line++;
        r->at = at;
        while (first < last && is_blank(*first))
            first++;
        if (first < last && *first != '#') {
            size_t cells = split(cell, first, last);
            status = r->cells ? take_row(r, cell, cells) : take_header(r, cell, cells);
        }
        if (status)
            return status;
        at = newline ? newline + 1 : end;
    }
    if (!r->p.count)
        return xo_fail(r->info, XO_ESYNTAX, "%s: found no points; expected a header level,v[V],i[A] and lines of "
                       "numbers", r->name);
    return 0;
}

int xo_points_take(struct xo_points *out, char *text, size_t nbytes, const char *name, size_t most_levels,
                   struct xo_info *info)
{
    struct reader r = {.name = name, .most_levels = most_levels, .p = {.low_kelvin = INFINITY}, .info = info};
    int status = read_lines(&r, text, text + nbytes);
    r.p.has_device = r.has[DEVICE];
    r.p.has_cycle = r.has[CYCLE];
    r.p.has_kelvin = r.has[KELVIN];
    if (status)
        free(r.p.point);
    else
        *out = r.p;
    return status;
}
