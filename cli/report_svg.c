/* Charts as inline SVG, without script: a heat map, bars, a cloud of points.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include "report.h"

enum { MOST_LINES = SVG_MOST_LINES, MOST_POINTS = 3000 };
enum { WIDTH = 520, HEIGHT = 400, LEFT = 70, RIGHT = 90, TOP = 14, BOTTOM = 48 };
enum { INNER_WIDTH = WIDTH - LEFT - RIGHT, INNER_HEIGHT = HEIGHT - TOP - BOTTOM };

static void begin(FILE *to, const char *title)
{
    fprintf(to, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", WIDTH, HEIGHT, title);
}

static void x_label(FILE *to, const char *text)
{
    fprintf(to, "<text class=\"label\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", LEFT + INNER_WIDTH / 2,
            HEIGHT - 8, text);
}

static void y_label(FILE *to, const char *text)
{
    fprintf(to, "<text class=\"label\" transform=\"translate(16 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>\n",
            TOP + INNER_HEIGHT / 2, text);
}

static void x_tick(FILE *to, double x, const char *text)
{
    fprintf(to, "<path class=\"axis\" d=\"M%.1f %dv5\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
            x, TOP + INNER_HEIGHT, x, TOP + INNER_HEIGHT + 18, text);
}

static void y_tick(FILE *to, double y, const char *text)
{
    fprintf(to, "<path class=\"axis\" d=\"M%d %.1fh-5\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
            LEFT, y, LEFT - 8, y + 4, text);
}

static void frame(FILE *to)
{
    fprintf(to, "<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n", LEFT, TOP, INNER_WIDTH,
            INNER_HEIGHT);
}

/* 1, 2 or 5 times a power of ten, so that about five steps fill the span. */
static double nice_step(double span)
{
    double power = pow(10, floor(log10(span / 5))), part = span / 5 / power;
    return power * (part > 5 ? 10 : part > 2 ? 5 : part > 1 ? 2 : 1);
}

/* Ticks 0, step, 2 step, ... < count at the middle of each line. */
static size_t line_step(size_t count)
{
    double step = count > 5 ? nice_step((double)count) : 1;
    return step < 1 ? 1 : (size_t)step;
}

/* ---- heat map ------------------------------------------------------------------------------------- */

enum { LEVELS = 40 };

/* From pale yellow over red to almost black: ever darker, so that it also reads without colour. */
static void level_colour(int level, int rgb[3])
{
    static const int anchor[][3] = {
        {255, 250, 225}, {253, 214, 137}, {246, 150, 80}, {214, 72, 70}, {140, 28, 92}, {48, 10, 72}
    };
    enum { PIECES = sizeof anchor / sizeof *anchor - 1 };
    double at = (double)level / (LEVELS - 1) * PIECES;
    int piece = at >= PIECES ? PIECES - 1 : (int)at;
    for (int k = 0; k < 3; k++)
        rgb[k] = (int)lround(anchor[piece][k] + (at - piece) * (anchor[piece + 1][k] - anchor[piece][k]));
}

/* What the map shows: blocks of so many lines, and the range of their means. */
struct map {
    const double *value;
    size_t rows, columns, row_block, column_block, block_rows, block_columns;
    double lowest, highest;
    bool capped;                       /* some are beyond highest */
};

/* The mean of a block, NaN if any of it is. */
static double block_mean(const struct map *m, size_t p, size_t q)
{
    double sum = 0, count = 0;
    for (size_t i = p * m->row_block; i < (p + 1) * m->row_block && i < m->rows; i++)
        for (size_t j = q * m->column_block; j < (q + 1) * m->column_block && j < m->columns; j++) {
            sum += m->value[i * m->columns + j];
            count++;
        }
    return sum / count;
}

static struct map map_of(const double *value, size_t rows, size_t columns, double cap)
{
    struct map m = {.value = value, .rows = rows, .columns = columns};
    m.row_block = (rows + MOST_LINES - 1) / MOST_LINES;
    m.column_block = (columns + MOST_LINES - 1) / MOST_LINES;
    m.block_rows = (rows + m.row_block - 1) / m.row_block;
    m.block_columns = (columns + m.column_block - 1) / m.column_block;
    for (size_t p = 0; p < m.block_rows; p++)
        for (size_t q = 0; q < m.block_columns; q++) {
            m.lowest = fmin(m.lowest, block_mean(&m, p, q));
            m.highest = fmax(m.highest, block_mean(&m, p, q));
        }
    m.capped = m.highest > cap;
    m.highest = fmin(m.highest, cap);
    m.lowest = fmax(m.lowest, -cap);
    if (!(m.highest > m.lowest))
        m.highest = m.lowest + 1e-12;
    return m;
}

static int level_of(const struct map *m, size_t p, size_t q)
{
    double value = block_mean(m, p, q);
    if (isnan(value))
        return -1;
    return (int)fmax(0, fmin(LEVELS - 1, floor((value - m->lowest) / (m->highest - m->lowest) * LEVELS)));
}

/* All blocks of one level as one path, runs along a row as one rectangle. */
static void draw_level(FILE *to, const struct map *m, int level)
{
    bool any = false;
    int rgb[3];
    for (size_t p = 0; p < m->block_rows; p++)
        for (size_t q = 0, run; q < m->block_columns; q += run) {
            for (run = 1; q + run < m->block_columns && level_of(m, p, q + run) == level; run++)
                ;
            if (level_of(m, p, q) != level) {
                run = 1;
                continue;
            }
            fprintf(to, "%sM%zu %zuh%zuv1h-%zuz", any ? "" : "<path d=\"", q, p, run, run);
            any = true;
        }
    level_colour(level < 0 ? 0 : level, rgb);
    if (any && level < 0)
        fputs("\" fill=\"#d4d7dc\"/>\n", to);
    else if (any)
        fprintf(to, "\" fill=\"#%02x%02x%02x\"/>\n", (unsigned)rgb[0], (unsigned)rgb[1], (unsigned)rgb[2]);
}

static void draw_scale(FILE *to, const struct map *m, const char *unit, double factor)
{
    const int x = WIDTH - RIGHT + 14, width = 14;
    char text[48];
    for (int level = 0; level < LEVELS; level++) {
        int rgb[3];
        level_colour(level, rgb);
        fprintf(to, "<rect x=\"%d\" y=\"%.2f\" width=\"%d\" height=\"%.2f\" fill=\"#%02x%02x%02x\"/>\n", x,
                TOP + INNER_HEIGHT * (1 - (level + 1.0) / LEVELS), width, INNER_HEIGHT / (double)LEVELS + 0.3,
                (unsigned)rgb[0], (unsigned)rgb[1], (unsigned)rgb[2]);
    }
    for (int k = 0; k <= 4; k++) {
        double part = k / 4.0, value = factor * (m->lowest + part * (m->highest - m->lowest));
        snprintf(text, sizeof text, "%s%.3g %s", k == 4 && m->capped ? "&ge; " : "", value, unit);
        fprintf(to, "<text x=\"%d\" y=\"%.1f\">%s</text>\n", x + width + 4, TOP + INNER_HEIGHT * (1 - part) + 4,
                text);
    }
}

void svg_heat_map(FILE *to, const double *value, size_t rows, size_t columns, double cap, const char *unit,
                  double factor)
{
    struct map m = map_of(value, rows, columns, cap);
    char text[24];
    begin(to, "heat map");
    fprintf(to, "<g shape-rendering=\"crispEdges\" transform=\"translate(%d %d) scale(%.6g %.6g)\">\n", LEFT, TOP,
            INNER_WIDTH / (double)m.block_columns, INNER_HEIGHT / (double)m.block_rows);
    for (int level = -1; level < LEVELS; level++)
        draw_level(to, &m, level);
    fputs("</g>\n", to);
    frame(to);
    for (size_t j = 0; j < columns; j += line_step(columns)) {
        snprintf(text, sizeof text, "%zu", j);
        x_tick(to, LEFT + INNER_WIDTH * ((double)j + 0.5) / (double)columns, text);
    }
    for (size_t i = 0; i < rows; i += line_step(rows)) {
        snprintf(text, sizeof text, "%zu", i);
        y_tick(to, TOP + INNER_HEIGHT * ((double)i + 0.5) / (double)rows, text);
    }
    draw_scale(to, &m, unit, factor);
    x_label(to, "column j (bit line)");
    y_label(to, "row i (word line)");
    fputs("</svg>\n", to);
}

/* ---- bars ----------------------------------------------------------------------------------------- */

static double group_mean(const double *value, size_t count, size_t group, size_t k)
{
    double sum = 0, number = 0;
    for (size_t j = k * group; j < (k + 1) * group && j < count; j++)
        if (isfinite(value[j])) {
            sum += value[j];
            number++;
        }
    return number > 0 ? sum / number : 0;
}

void svg_bars(FILE *to, const double *value, size_t count, const char *x_text, const char *y_text, double factor)
{
    size_t group = (count + MOST_LINES - 1) / MOST_LINES, bars = (count + group - 1) / group;
    double lowest = 0, highest = 0, slot = INNER_WIDTH / (double)bars;
    char text[24];
    for (size_t k = 0; k < bars; k++) {
        lowest = fmin(lowest, factor * group_mean(value, count, group, k));
        highest = fmax(highest, factor * group_mean(value, count, group, k));
    }
    double step = nice_step(fmax(highest - lowest, 1e-9));
    lowest = step * floor(lowest / step);
    highest = fmax(step * ceil(highest / step), lowest + step);
    double scale = INNER_HEIGHT / (highest - lowest), zero = TOP + highest * scale;
    begin(to, "bar chart");
    for (long k = lround(lowest / step); k <= lround(highest / step); k++) {
        double y = zero - (double)k * step * scale;
        fprintf(to, "<path class=\"grid\" d=\"M%d %.1fh%d\"/>\n", LEFT, y, INNER_WIDTH);
        snprintf(text, sizeof text, "%.4g", (double)k * step);
        y_tick(to, y, text);
    }
    fputs("<path class=\"bar\" d=\"", to);
    for (size_t k = 0; k < bars; k++)
        fprintf(to, "M%.2f %.2fh%.2fV%.2fh-%.2fz", LEFT + slot * ((double)k + 0.1), zero, 0.8 * slot,
                zero - scale * factor * group_mean(value, count, group, k), 0.8 * slot);
    fputs("\"/>\n", to);
    for (size_t j = 0; j < count; j += line_step(count)) {
        snprintf(text, sizeof text, "%zu", j);
        x_tick(to, LEFT + slot * ((double)j / (double)group + 0.5), text);
    }
    x_label(to, x_text);
    y_label(to, y_text);
    fputs("</svg>\n", to);
}

/* ---- cloud ---------------------------------------------------------------------------------------- */

struct decades {
    int from, to;                      /* powers of ten */
};

static bool is_shown(double x, double y)
{
    return x > 0 && y > 0 && isfinite(x) && isfinite(y);
}

static struct decades decades_of(const double *value, const double *other, size_t count)
{
    double lowest = INFINITY, highest = 0;
    for (size_t k = 0; k < count; k++)
        if (is_shown(fabs(value[k]), fabs(other[k]))) {
            lowest = fmin(lowest, fabs(value[k]));
            highest = fmax(highest, fabs(value[k]));
        }
    if (!(highest > 0))
        return (struct decades){-1, 0};
    struct decades d = {(int)floor(log10(lowest)), (int)ceil(log10(highest))};
    if (d.to == d.from)
        d.to++;
    return d;
}

static double place(struct decades d, double value)
{
    return (log10(fabs(value)) - d.from) / (d.to - d.from);
}

static void draw_decades(FILE *to, struct decades d, bool horizontal)
{
    char text[24];
    int step = (d.to - d.from + 7) / 8;
    for (int k = d.from; k <= d.to; k += step) {
        double part = (double)(k - d.from) / (d.to - d.from);
        double x = LEFT + part * INNER_WIDTH, y = TOP + (1 - part) * INNER_HEIGHT;
        snprintf(text, sizeof text, "1e%d", k);
        if (horizontal) {
            fprintf(to, "<path class=\"grid\" d=\"M%.1f %dv%d\"/>\n", x, TOP, INNER_HEIGHT);
            x_tick(to, x, text);
        } else {
            fprintf(to, "<path class=\"grid\" d=\"M%d %.1fh%d\"/>\n", LEFT, y, INNER_WIDTH);
            y_tick(to, y, text);
        }
    }
}

void svg_cloud(FILE *to, const double *x, const double *y, size_t count, const char *x_text, const char *y_text)
{
    struct decades across = decades_of(x, y, count), up = decades_of(y, x, count);
    size_t stride = count / MOST_POINTS + 1;
    begin(to, "cloud of points");
    draw_decades(to, across, true);
    draw_decades(to, up, false);
    fputs("<path class=\"points\" d=\"", to);
    for (size_t k = 0; k < count; k += stride)
        if (is_shown(fabs(x[k]), fabs(y[k])))
            fprintf(to, "M%.1f %.1fh0", LEFT + place(across, x[k]) * INNER_WIDTH,
                    TOP + (1 - place(up, y[k])) * INNER_HEIGHT);
    fputs("\"/>\n", to);
    frame(to);
    x_label(to, x_text);
    y_label(to, y_text);
    fputs("</svg>\n", to);
}
