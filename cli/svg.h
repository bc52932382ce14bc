/* Charts as inline SVG, without script.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CLI_SVG_H
#define CLI_SVG_H

#include <stdbool.h>
#include <stdio.h>

enum { SVG_MOST_LINES = 128, SVG_MOST_POINTS = 3000 };  /* beyond, neighbours are averaged, points left out */
enum { SVG_WIDTH = 520, SVG_HEIGHT = 400, SVG_LEFT = 76, SVG_RIGHT = 90, SVG_TOP = 14, SVG_BOTTOM = 48 };
enum { SVG_INNER_WIDTH = SVG_WIDTH - SVG_LEFT - SVG_RIGHT, SVG_INNER_HEIGHT = SVG_HEIGHT - SVG_TOP - SVG_BOTTOM };

/* A heat map of value[rows][columns], averaged over blocks where there are more lines than that; cells that are
 * NaN stay grey, what is beyond +-cap has the colour of the cap.  `factor` turns values into what
 * `name` says, which is written below the scale. */
void svg_heat_map(FILE *to, const double *value, size_t rows, size_t columns, double cap, const char *name,
                  double factor);

/* One bar per value, averaged in groups where there are more than that. */
void svg_bars(FILE *to, const double *value, size_t count, const char *x_label, const char *y_label, double factor);

/* One mark per name with its interval, both times `factor`; the axis spans the intervals, it need not begin at 0. */
void svg_intervals(FILE *to, size_t count, const char *const *name, const double *value, const double *low,
                   const double *high, const char *y_label, double factor);

/* Bars side by side from low to high: so many values in each equal part. */
void svg_histogram(FILE *to, double low, double high, const double *number, size_t bins, const char *x_label,
                   const char *y_label);

/* A cloud of points on two logarithmic axes; at most 3000, evenly picked; what is not positive is left out. */
void svg_cloud(FILE *to, const double *x, const double *y, size_t count, const char *x_label, const char *y_label);

/* One quantity against the same from elsewhere, both times `factor`, and the diagonal they should lie on. */
void svg_scatter(FILE *to, const double *x, const double *y, size_t count, const char *x_label, const char *y_label,
                 double factor);

/* Points or lines in one frame, both times the factors; what is no number is left out, and of very many points an
 * even choice is drawn.  hue: 0 to 360. */
struct svg_series {
    const double *x, *y;
    size_t count;
    bool is_line;
    double hue;
};
void svg_curves(FILE *to, const struct svg_series *series, size_t count, const char *x_label, const char *y_label,
                double x_factor, double y_factor);

/* ---- what all charts share ------------------------------------------------------------------------ */

void svg_begin(FILE *to, const char *title);
void svg_frame(FILE *to);
void svg_x_label(FILE *to, const char *text);
void svg_y_label(FILE *to, const char *text);
void svg_x_tick(FILE *to, double x, const char *text);
void svg_y_tick(FILE *to, double y, const char *text);
void svg_x_grid(FILE *to, double x, double value);      /* a line across, and its number */
void svg_y_grid(FILE *to, double y, double value);

/* 1, 2 or 5 times a power of ten, so that about five steps fill the span; any step if the span is 0. */
double svg_nice_step(double span);

/* Ticks 0, step, 2 step, ... < count at the middle of each line. */
size_t svg_line_step(size_t count);

#endif
