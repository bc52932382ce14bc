/* Measured curves from CSV: a header that names columns, then one point a line.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "memory.h"
#include "xo_device_fit.h"
#include "xo_file.h"

#define MOST_NBYTES ((size_t)1 << 30)
#define MOST_COLUMNS 16
#define MOST_VOLT 1e6                  /* what stands there instead is no volt: a mistake in the unit */

enum column { LEVEL, VOLT, AMPERE, DEVICE, CYCLE, KELVIN, COLUMNS };
static const char *const column_name[COLUMNS] = {"level", "v[V]", "i[A]", "device", "cycle", "temperature[K]"};

struct row {
    size_t level, line;
    double volt, ampere;
    const char *device, *cycle;
};

/* `at` begins the present line; columns of messages are counted from there. */
struct reader {
    const char *name, *at;
    size_t line, cells;                /* cells in the header; 0: not read yet */
    enum column column[MOST_COLUMNS];
    bool has[COLUMNS];
    struct row *row;
    size_t rows, capacity;
    double low_kelvin, high_kelvin;
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
    if (status || !(level >= 0 && level < XO_IV_MAX_LEVELS) || level != floor(level))
        return fail_cell(r, status ? status : XO_EVALUE, cell, "a level: a whole number from 0 to 255");
    *out = (size_t)level;
    return 0;
}

static int take_kelvin(struct reader *r, struct cell cell)
{
    double kelvin = 0;
    int status = take_number(r, cell, 1e5, "a temperature above 0 K", &kelvin);
    if (!status && !(kelvin > 0))
        status = fail_cell(r, XO_EVALUE, cell, "a temperature above 0 K");
    r->low_kelvin = fmin(r->low_kelvin, kelvin);
    r->high_kelvin = fmax(r->high_kelvin, kelvin);
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

static int take_cell(struct reader *r, enum column column, struct cell cell, struct row *row)
{
    switch (column) {
    case LEVEL: return take_level(r, cell, &row->level);
    case VOLT: return take_number(r, cell, MOST_VOLT, "a voltage such as 0.2, at most 1e6 V", &row->volt);
    case AMPERE: return take_number(r, cell, MOST_VOLT, "a current such as 1.5e-6, at most 1e6 A", &row->ampere);
    case DEVICE: return take_label(r, cell, &row->device);
    case CYCLE: return take_label(r, cell, &row->cycle);
    default: return take_kelvin(r, cell);
    }
}

static int take_row(struct reader *r, const struct cell *cell, size_t cells)
{
    struct row row = {.line = r->line, .device = "", .cycle = ""};
    int status = 0;
    if (cells != r->cells)
        return xo_fail(r->info, XO_ESYNTAX, "%s:%zu: found %zu columns; expected %zu as in the header", r->name,
                       r->line, cells, r->cells);
    for (size_t k = cells; k-- > 0 && !status; )       /* backwards: a label's end overwrites the comma behind it */
        status = take_cell(r, r->column[k], cell[k], &row);
    if (status)
        return status;
    if (r->rows == r->capacity) {
        size_t capacity = r->capacity ? 2 * r->capacity : 256;
        struct row *grown = xo_realloc(r->row, capacity, sizeof *grown);
        if (!grown)
            return xo_fail(r->info, ENOMEM, "%s: no memory for its points", r->name);
        r->row = grown;
        r->capacity = capacity;
    }
    r->row[r->rows++] = row;
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
    if (!r->rows)
        return xo_fail(r->info, XO_ESYNTAX, "%s: found no points; expected a header level,v[V],i[A] and lines of "
                       "numbers", r->name);
    return 0;
}

/* ---- curves ---------------------------------------------------------------------------------------- */

static int compare_curves(const struct row *a, const struct row *b)
{
    int order = (a->level > b->level) - (a->level < b->level);
    if (!order)
        order = strcmp(a->device, b->device);
    return order ? order : strcmp(a->cycle, b->cycle);
}

static int compare_rows(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    int order = compare_curves(a, b);
    return order ? order : (a->line > b->line) - (a->line < b->line);
}

static int compare_named(const void *left, const void *right)
{
    const struct xo_iv_curve *a = *(struct xo_iv_curve *const *)left, *b = *(struct xo_iv_curve *const *)right;
    int order = strcmp(a->device_name, b->device_name);
    return order ? order : (a->first > b->first) - (a->first < b->first);
}

/* Number the devices in the order of their names. */
static int number_devices(struct xo_iv *iv)
{
    struct xo_iv_curve **sorted = xo_calloc(iv->curves, sizeof *sorted);
    if (!sorted)
        return ENOMEM;
    for (size_t j = 0; j < iv->curves; j++)
        sorted[j] = &iv->curve[j];
    qsort(sorted, iv->curves, sizeof *sorted, compare_named);
    for (size_t j = 0; j < iv->curves; j++) {
        bool other = j && strcmp(sorted[j]->device_name, sorted[j - 1]->device_name);
        sorted[j]->device = j ? sorted[j - 1]->device + other : 0;
    }
    iv->devices = sorted[iv->curves - 1]->device + 1;
    free(sorted);
    return 0;
}

static void fill(struct xo_iv *iv, const struct reader *r)
{
    struct xo_iv_curve *curve = iv->curve - 1;
    for (size_t k = 0; k < r->rows; k++) {
        const struct row *row = &r->row[k];
        if (!k || compare_curves(row - 1, row))
            *++curve = (struct xo_iv_curve){row->level, 0, row->device, row->cycle, k, 0};
        curve->points++;
        iv->volt[k] = row->volt;
        iv->ampere[k] = row->ampere;
        iv->line[k] = row->line;
    }
}

static int check_levels(const struct reader *r, size_t *levels)
{
    *levels = 0;
    for (size_t k = 0; k < r->rows; k++) {
        if (r->row[k].level > *levels)
            return xo_fail(r->info, XO_EVALUE,
                           "%s:%zu: found level %zu, but no level %zu; expected every level from 0",
                           r->name, r->row[k].line, r->row[k].level, *levels);
        *levels += r->row[k].level == *levels;
    }
    return 0;
}

/* The rows, sorted, become curves.  On failure the caller frees *iv. */
static int make_curves(struct xo_iv *iv, struct reader *r)
{
    qsort(r->row, r->rows, sizeof *r->row, compare_rows);
    int status = check_levels(r, &iv->levels);
    if (status)
        return status;
    iv->points = r->rows;
    for (size_t k = 0; k < r->rows; k++)
        iv->curves += !k || compare_curves(&r->row[k - 1], &r->row[k]);
    iv->volt = xo_calloc(iv->points, sizeof *iv->volt);
    iv->ampere = xo_calloc(iv->points, sizeof *iv->ampere);
    iv->line = xo_calloc(iv->points, sizeof *iv->line);
    iv->curve = xo_calloc(iv->curves, sizeof *iv->curve);
    if (!iv->volt || !iv->ampere || !iv->line || !iv->curve)
        return xo_fail(r->info, ENOMEM, "%s: no memory for %zu points", r->name, iv->points);
    fill(iv, r);
    iv->has_device = r->has[DEVICE];
    iv->has_cycle = r->has[CYCLE];
    iv->low_kelvin = r->has[KELVIN] ? r->low_kelvin : NAN;
    iv->high_kelvin = r->has[KELVIN] ? r->high_kelvin : NAN;
    status = number_devices(iv);
    return status ? xo_fail(r->info, status, "%s: no memory for %zu curves", r->name, iv->curves) : 0;
}

/* Takes text, which the labels point into. */
static int take_text(struct xo_iv *out, char *text, size_t nbytes, const char *name, struct xo_info *info)
{
    struct reader r = {.name = name, .info = info, .low_kelvin = INFINITY, .high_kelvin = 0};
    struct xo_iv iv = {.text = text};
    int status = read_lines(&r, text, text + nbytes);
    if (!status)
        status = make_curves(&iv, &r);
    free(r.row);
    if (status)
        xo_iv_free(&iv);
    else
        *out = iv;
    return status;
}

int xo_iv_parse(struct xo_iv *out, const char *bytes, size_t nbytes, const char *name, struct xo_info *info)
{
    char *text = nbytes < SIZE_MAX ? xo_calloc(nbytes + 1, 1) : NULL;
    if (!text)
        return xo_fail(info, ENOMEM, "%s: no memory for %zu bytes", name, nbytes);
    if (nbytes)
        memcpy(text, bytes, nbytes);
    return take_text(out, text, nbytes, name, info);
}

int xo_iv_read(struct xo_iv *out, const char *path, struct xo_info *info)
{
    char *text = NULL;
    size_t nbytes = 0;
    int status = xo_slurp(&text, &nbytes, path, MOST_NBYTES, info);
    return status ? status : take_text(out, text, nbytes, strcmp(path, "-") ? path : "standard input", info);
}

void xo_iv_free(struct xo_iv *iv)
{
    if (!iv)
        return;
    free(iv->volt);
    free(iv->ampere);
    free(iv->line);
    free(iv->curve);
    free(iv->text);
    *iv = (struct xo_iv){0};
}
