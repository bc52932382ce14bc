/* Clouds of points as inline SVG: on logarithmic axes, and one quantity against another.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include "svg.h"

/* ---- logarithmic ---------------------------------------------------------------------------------- */

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
        double x = SVG_LEFT + part * SVG_INNER_WIDTH, y = SVG_TOP + (1 - part) * SVG_INNER_HEIGHT;
        snprintf(text, sizeof text, "1e%d", k);
        if (horizontal) {
            fprintf(to, "<path class=\"grid\" d=\"M%.1f %dv%d\"/>\n", x, SVG_TOP, SVG_INNER_HEIGHT);
            svg_x_tick(to, x, text);
        } else {
            fprintf(to, "<path class=\"grid\" d=\"M%d %.1fh%d\"/>\n", SVG_LEFT, y, SVG_INNER_WIDTH);
            svg_y_tick(to, y, text);
        }
    }
}

void svg_cloud(FILE *to, const double *x, const double *y, size_t count, const char *x_text, const char *y_text)
{
    struct decades across = decades_of(x, y, count), up = decades_of(y, x, count);
    size_t stride = count / SVG_MOST_POINTS + 1;
    svg_begin(to, "cloud of points");
    draw_decades(to, across, true);
    draw_decades(to, up, false);
    fputs("<path class=\"points\" d=\"", to);
    for (size_t k = 0; k < count; k += stride)
        if (is_shown(fabs(x[k]), fabs(y[k])))
            fprintf(to, "M%.1f %.1fh0", SVG_LEFT + place(across, x[k]) * SVG_INNER_WIDTH,
                    SVG_TOP + (1 - place(up, y[k])) * SVG_INNER_HEIGHT);
    fputs("\"/>\n", to);
    svg_frame(to);
    svg_x_label(to, x_text);
    svg_y_label(to, y_text);
    fputs("</svg>\n", to);
}

/* ---- one against the other ------------------------------------------------------------------------ */

void svg_scatter(FILE *to, const double *x, const double *y, size_t count, const char *x_text, const char *y_text,
                 double factor)
{
    size_t stride = count / SVG_MOST_POINTS + 1;
    double low = 0, high = 0;
    for (size_t k = 0; k < count; k++) {
        low = fmin(low, factor * fmin(x[k], y[k]));
        high = fmax(high, factor * fmax(x[k], y[k]));
    }
    double step = svg_nice_step(high - low);
    low = step * floor(low / step);
    high = fmax(step * ceil(high / step), low + step);
    double across = SVG_INNER_WIDTH / (high - low), up = SVG_INNER_HEIGHT / (high - low);
    svg_begin(to, "scatter");
    for (long k = lround(low / step); k <= lround(high / step); k++) {
        svg_x_grid(to, SVG_LEFT + ((double)k * step - low) * across, (double)k * step);
        svg_y_grid(to, SVG_TOP + (high - (double)k * step) * up, (double)k * step);
    }
    fprintf(to, "<path class=\"diagonal\" d=\"M%d %dL%d %d\"/>\n<path class=\"points\" d=\"", SVG_LEFT,
            SVG_TOP + SVG_INNER_HEIGHT, SVG_LEFT + SVG_INNER_WIDTH, SVG_TOP);
    for (size_t k = 0; k < count; k += stride)
        fprintf(to, "M%.1f %.1fh0", SVG_LEFT + (factor * x[k] - low) * across, SVG_TOP + (high - factor * y[k]) * up);
    fputs("\"/>\n", to);
    svg_frame(to);
    svg_x_label(to, x_text);
    svg_y_label(to, y_text);
    fputs("</svg>\n", to);
}
