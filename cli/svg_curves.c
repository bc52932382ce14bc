/* Points and lines in one frame, as inline SVG.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include "svg.h"

struct axis {
    double low, high, step, factor;
};

static struct axis axis_of(const struct svg_series *series, size_t count, bool horizontal, double factor)
{
    struct axis a = {INFINITY, -INFINITY, 1, factor};
    for (size_t s = 0; s < count; s++)
        for (size_t k = 0; k < series[s].count; k++) {
            double value = factor * (horizontal ? series[s].x[k] : series[s].y[k]);
            if (!isfinite(value))
                continue;
            a.low = fmin(a.low, value);
            a.high = fmax(a.high, value);
        }
    if (!(a.low <= a.high))
        a.low = a.high = 0;
    a.step = svg_nice_step(a.high > a.low ? a.high - a.low : fabs(a.high));
    a.low = a.step * floor(a.low / a.step);
    a.high = fmax(a.step * ceil(a.high / a.step), a.low + a.step);
    return a;
}

static double across(struct axis a, double x)
{
    return SVG_LEFT + (a.factor * x - a.low) / (a.high - a.low) * SVG_INNER_WIDTH;
}

static double down(struct axis a, double y)
{
    return SVG_TOP + (a.high - a.factor * y) / (a.high - a.low) * SVG_INNER_HEIGHT;
}

static void draw(FILE *to, const struct svg_series *s, struct axis x, struct axis y, size_t stride)
{
    bool pen_down = false;
    fprintf(to, "<path class=\"%s\" style=\"stroke:hsl(%.0f 55%% 42%%)\" d=\"", s->is_line ? "line" : "points",
            s->hue);
    for (size_t k = 0; k < s->count; k += s->is_line ? 1 : stride) {
        bool shown = isfinite(s->x[k]) && isfinite(s->y[k]);
        if (shown)
            fprintf(to, "%s%.1f %.1f%s", s->is_line && pen_down ? "L" : "M", across(x, s->x[k]), down(y, s->y[k]),
                    s->is_line ? "" : "h0");
        pen_down = shown;
    }
    fputs("\"/>\n", to);
}

void svg_curves(FILE *to, const struct svg_series *series, size_t count, const char *x_text, const char *y_text,
                double x_factor, double y_factor)
{
    struct axis x = axis_of(series, count, true, x_factor), y = axis_of(series, count, false, y_factor);
    size_t points = 0;
    for (size_t s = 0; s < count; s++)
        points += series[s].is_line ? 0 : series[s].count;
    svg_begin(to, "curves");
    for (long k = lround(x.low / x.step); k <= lround(x.high / x.step); k++)
        svg_x_grid(to, across((struct axis){x.low, x.high, x.step, 1}, (double)k * x.step), (double)k * x.step);
    for (long k = lround(y.low / y.step); k <= lround(y.high / y.step); k++)
        svg_y_grid(to, down((struct axis){y.low, y.high, y.step, 1}, (double)k * y.step), (double)k * y.step);
    for (size_t s = 0; s < count; s++)
        draw(to, &series[s], x, y, points / SVG_MOST_POINTS + 1);
    svg_frame(to);
    svg_x_label(to, x_text);
    svg_y_label(to, y_text);
    fputs("</svg>\n", to);
}
