/* What `compare` found, and the page that shows it.  Both are the same bytes for the same inputs.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdio.h>
#include "cli.h"

#define REPORT_MAX_ENGINES 8

struct report_engine {
    enum xo_engine engine;
    double disagreement_amp;           /* largest |I - I_reference|                */
    double disagreement_rel;           /* the same over the column's scale s_j     */
    double worst_bound_rel;
    double plan_sec, factor_sec, solve_sec;             /* never in the reports    */
};

/* Engine 0 is the reference. */
struct report {
    const struct cli_session *session;
    size_t engines;
    struct report_engine engine[REPORT_MAX_ENGINES];
    struct xo_solution reference;      /* of all inputs */
    double tolerance;
    double lowest_siemens, highest_siemens, lowest_volt, highest_volt;
    double largest_bound_amp;
    double lost;                       /* fraction of G^T V, all columns; NaN: inputs of both signs */
    double *column_lost;               /* [columns] */
    size_t worst_column;
    size_t shown_input;                /* the one with the largest total current                    */
    double *cell_lost;                 /* [rows][columns] 1 - (u - w)/V_i of it; NaN where V_i is 0 */
};

/* Write the page.  Returns 0 or the exit code. */
int report_write_html(const char *path, const struct report *r);

/* ---- report_svg.c: charts, as inline SVG ---------------------------------------------------------- */

#define SVG_MOST_LINES 128             /* beyond, neighbours are averaged */

/* A heat map of value[rows][columns], averaged over blocks where there are more lines than that; cells that are
 * NaN stay grey, what is beyond +-cap has the colour of the cap.  `factor` turns values into what `unit` says. */
void svg_heat_map(FILE *to, const double *value, size_t rows, size_t columns, double cap, const char *unit,
                  double factor);

/* One bar per value, averaged in groups where there are more than that. */
void svg_bars(FILE *to, const double *value, size_t count, const char *x_label, const char *y_label, double factor);

/* A cloud of points on two logarithmic axes; at most 3000, evenly picked; what is not positive is left out. */
void svg_cloud(FILE *to, const double *x, const double *y, size_t count, const char *x_label, const char *y_label);

#endif
