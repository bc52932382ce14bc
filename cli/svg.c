/* What all charts share, and bars.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include "svg.h"

void svg_begin(FILE *to, const char *title)
{
    fprintf(to, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", SVG_WIDTH, SVG_HEIGHT, title);
}

void svg_x_label(FILE *to, const char *text)
{
    fprintf(to, "<text class=\"label\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", SVG_LEFT +
            SVG_INNER_WIDTH / 2,
            SVG_HEIGHT - 8, text);
}

void svg_y_label(FILE *to, const char *text)
{
    fprintf(to, "<text class=\"label\" transform=\"translate(16 %d) rotate(-90)\" "
            "text-anchor=\"middle\">%s</text>\n",
            SVG_TOP + SVG_INNER_HEIGHT / 2, text);
}

void svg_x_tick(FILE *to, double x, const char *text)
{
    fprintf(to, "<path class=\"axis\" d=\"M%.1f %dv5\"/><text x=\"%.1f\" y=\"%d\" "
            "text-anchor=\"middle\">%s</text>\n",
            x, SVG_TOP + SVG_INNER_HEIGHT, x, SVG_TOP + SVG_INNER_HEIGHT + 18, text);
}

void svg_y_tick(FILE *to, double y, const char *text)
{
    fprintf(to, "<path class=\"axis\" d=\"M%d %.1fh-5\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
            SVG_LEFT, y, SVG_LEFT - 8, y + 4, text);
}

void svg_x_grid(FILE *to, double x, double value)
{
    char text[24];
    fprintf(to, "<path class=\"grid\" d=\"M%.1f %dv%d\"/>\n", x, SVG_TOP, SVG_INNER_HEIGHT);
    snprintf(text, sizeof text, "%.4g", value);
    svg_x_tick(to, x, text);
}

void svg_y_grid(FILE *to, double y, double value)
{
    char text[24];
    fprintf(to, "<path class=\"grid\" d=\"M%d %.1fh%d\"/>\n", SVG_LEFT, y, SVG_INNER_WIDTH);
    snprintf(text, sizeof text, "%.4g", value);
    svg_y_tick(to, y, text);
}

void svg_frame(FILE *to)
{
    fprintf(to, "<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n", SVG_LEFT, SVG_TOP,
            SVG_INNER_WIDTH,
            SVG_INNER_HEIGHT);
}

double svg_nice_step(double span)
{
    if (!(span > 0))
        return 1;
    double power = pow(10, floor(log10(span / 5))), part = span / 5 / power;
    return power * (part > 5 ? 10 : part > 2 ? 5 : part > 1 ? 2 : 1);
}

size_t svg_line_step(size_t count)
{
    double step = count > 5 ? svg_nice_step((double)count) : 1;
    return step < 1 ? 1 : (size_t)step;
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
    size_t group = (count + SVG_MOST_LINES - 1) / SVG_MOST_LINES, bars = (count + group - 1) / group;
    double lowest = 0, highest = 0, slot = SVG_INNER_WIDTH / (double)bars;
    char text[24];
    for (size_t k = 0; k < bars; k++) {
        lowest = fmin(lowest, factor * group_mean(value, count, group, k));
        highest = fmax(highest, factor * group_mean(value, count, group, k));
    }
    double step = svg_nice_step(highest - lowest);
    lowest = step * floor(lowest / step);
    highest = fmax(step * ceil(highest / step), lowest + step);
    double scale = SVG_INNER_HEIGHT / (highest - lowest), zero = SVG_TOP + highest * scale;
    svg_begin(to, "bar chart");
    for (long k = lround(lowest / step); k <= lround(highest / step); k++)
        svg_y_grid(to, zero - (double)k * step * scale, (double)k * step);
    fputs("<path class=\"bar\" d=\"", to);
    for (size_t k = 0; k < bars; k++)
        fprintf(to, "M%.2f %.2fh%.2fV%.2fh-%.2fz", SVG_LEFT + slot * ((double)k + 0.1), zero, 0.8 * slot,
                zero - scale * factor * group_mean(value, count, group, k), 0.8 * slot);
    fputs("\"/>\n", to);
    for (size_t j = 0; j < count; j += svg_line_step(count)) {
        snprintf(text, sizeof text, "%zu", j);
        svg_x_tick(to, SVG_LEFT + slot * ((double)j / (double)group + 0.5), text);
    }
    svg_x_label(to, x_text);
    svg_y_label(to, y_text);
    fputs("</svg>\n", to);
}

/* ---- histogram ------------------------------------------------------------------------------------ */

void svg_histogram(FILE *to, double low, double high, const double *number, size_t bins, const char *x_text,
                   const char *y_text)
{
    double most = 1, x_step = svg_nice_step(high - low), slot = SVG_INNER_WIDTH / (double)bins;
    for (size_t k = 0; k < bins; k++)
        most = fmax(most, number[k]);
    double y_step = fmax(svg_nice_step(most), 1), scale = SVG_INNER_HEIGHT / (y_step * ceil(most / y_step));
    svg_begin(to, "histogram");
    for (long k = 0; (double)k * y_step <= y_step * ceil(most / y_step); k++)
        svg_y_grid(to, SVG_TOP + SVG_INNER_HEIGHT - (double)k * y_step * scale, (double)k * y_step);
    for (long k = lround(ceil(low / x_step)); k <= lround(floor(high / x_step)); k++)
        svg_x_grid(to, SVG_LEFT + ((double)k * x_step - low) / (high - low) * SVG_INNER_WIDTH, (double)k * x_step);
    fputs("<path class=\"bar\" d=\"", to);
    for (size_t k = 0; k < bins; k++)
        if (number[k] > 0)
            fprintf(to, "M%.2f %dh%.2fV%.2fh-%.2fz", SVG_LEFT + slot * ((double)k + 0.05), SVG_TOP +
            SVG_INNER_HEIGHT,
                    0.9 * slot, SVG_TOP + SVG_INNER_HEIGHT - number[k] * scale, 0.9 * slot);
    fputs("\"/>\n", to);
    svg_frame(to);
    svg_x_label(to, x_text);
    svg_y_label(to, y_text);
    fputs("</svg>\n", to);
}

/* ---- intervals ------------------------------------------------------------------------------------ */

void svg_intervals(FILE *to, size_t count, const char *const *name, const double *value, const double *low,
                   const double *high, const char *y_text, double factor)
{
    double least = INFINITY, most = -INFINITY, slot = SVG_INNER_WIDTH / (double)count;
    for (size_t k = 0; k < count; k++) {
        least = fmin(least, factor * low[k]);
        most = fmax(most, factor * high[k]);
    }
    double step = svg_nice_step(most - least);
    least = step * floor(least / step);
    most = fmax(step * ceil(most / step), least + step);
    double scale = SVG_INNER_HEIGHT / (most - least);
    svg_begin(to, "intervals");
    for (long k = lround(least / step); k <= lround(most / step); k++)
        svg_y_grid(to, SVG_TOP + (most - (double)k * step) * scale, (double)k * step);
    for (size_t k = 0; k < count; k++) {
        double x = SVG_LEFT + slot * ((double)k + 0.5), y = SVG_TOP + (most - factor * value[k]) * scale;
        double top = SVG_TOP + (most - factor * high[k]) * scale, bottom = SVG_TOP + (most - factor * low[k]) * scale;
        fprintf(to, "<path class=\"interval\" d=\"M%.1f %.1fh16M%.1f %.1fV%.1fM%.1f %.1fh16\"/>"
                "<circle class=\"bar\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"/>\n",
                x - 8, top, x, top, bottom, x - 8, bottom, x, y);
        svg_x_tick(to, x, name[k]);
    }
    svg_frame(to);
    svg_x_label(to, "stage");
    svg_y_label(to, y_text);
    fputs("</svg>\n", to);
}
