/* A heat map as inline SVG.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include "svg.h"

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
    m.row_block = (rows + SVG_MOST_LINES - 1) / SVG_MOST_LINES;
    m.column_block = (columns + SVG_MOST_LINES - 1) / SVG_MOST_LINES;
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
    const int x = SVG_WIDTH - SVG_RIGHT + 14, width = 14;
    char text[48];
    for (int level = 0; level < LEVELS; level++) {
        int rgb[3];
        level_colour(level, rgb);
        fprintf(to, "<rect x=\"%d\" y=\"%.2f\" width=\"%d\" height=\"%.2f\" fill=\"#%02x%02x%02x\"/>\n", x,
                SVG_TOP + SVG_INNER_HEIGHT * (1 - (level + 1.0) / LEVELS), width,
                SVG_INNER_HEIGHT / (double)LEVELS + 0.3,
                (unsigned)rgb[0], (unsigned)rgb[1], (unsigned)rgb[2]);
    }
    for (int k = 0; k <= 4; k++) {
        double part = k / 4.0, value = factor * (m->lowest + part * (m->highest - m->lowest));
        snprintf(text, sizeof text, "%s%.3g", k == 4 && m->capped ? "&ge; " : "", value);
        fprintf(to, "<text x=\"%d\" y=\"%.1f\">%s</text>\n", x + width + 4,
                SVG_TOP + SVG_INNER_HEIGHT * (1 - part) + 4, text);
    }
    fprintf(to, "<text class=\"label\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x + 31,
            SVG_HEIGHT - 8, unit);
}

void svg_heat_map(FILE *to, const double *value, size_t rows, size_t columns, double cap, const char *unit,
                  double factor)
{
    struct map m = map_of(value, rows, columns, cap);
    char text[24];
    svg_begin(to, "heat map");
    fprintf(to, "<g shape-rendering=\"crispEdges\" transform=\"translate(%d %d) scale(%.6g %.6g)\">\n",
            SVG_LEFT, SVG_TOP,
            SVG_INNER_WIDTH / (double)m.block_columns, SVG_INNER_HEIGHT / (double)m.block_rows);
    for (int level = -1; level < LEVELS; level++)
        draw_level(to, &m, level);
    fputs("</g>\n", to);
    svg_frame(to);
    for (size_t j = 0; j < columns; j += svg_line_step(columns)) {
        snprintf(text, sizeof text, "%zu", j);
        svg_x_tick(to, SVG_LEFT + SVG_INNER_WIDTH * ((double)j + 0.5) / (double)columns, text);
    }
    for (size_t i = 0; i < rows; i += svg_line_step(rows)) {
        snprintf(text, sizeof text, "%zu", i);
        svg_y_tick(to, SVG_TOP + SVG_INNER_HEIGHT * ((double)i + 0.5) / (double)rows, text);
    }
    draw_scale(to, &m, unit, factor);
    svg_x_label(to, "column j (bit line)");
    svg_y_label(to, "row i (word line)");
    fputs("</svg>\n", to);
}

