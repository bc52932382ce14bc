/* What is said of cells that are subcircuits: their levels, how good their tables are, what a read does to the state.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "cli.h"

enum { MOST_LISTED = 17 };

static const char *read_text(const struct xo_hardware *h)
{
    return h->subcircuit.read == XO_READ_DC ? "at operating points" : "with the state frozen";
}

/* "x0", or "v(xs)": what sets a level. */
static const char *setting(char *text, size_t size, const struct xo_hardware *h)
{
    const char *parameter = h->subcircuit.level_parameter;
    snprintf(text, size, parameter ? "%s" : "v(%s)", parameter ? parameter : h->subcircuit.state_node);
    return text;
}

void cli_tell_subcircuit(FILE *to, const char *begin, const struct cli_session *s)
{
    const struct xo_hardware *h = &s->hardware;
    const xo_subcircuit *cell = h->array.law.subcircuit;
    char name[100];
    size_t levels;
    if (!cell)
        return;
    const struct xo_subcircuit_report *r = xo_subcircuit_report(cell);
    const struct xo_law_level *level = xo_subcircuit_levels(cell, &levels);
    fprintf(to, "%ssubcircuit %s %s: %s = %g to %g, %.4g to %.4g S at %g V\n", begin, h->subcircuit.name,
            read_text(h), setting(name, sizeof name, h), h->subcircuit.level_range[0], h->subcircuit.level_range[1],
            r->low_siemens, r->high_siemens, h->array.law.reference_volt);
    fprintf(to, "%s%zu levels at %zu voltages from %g to %g V; at %zu further points %.2g of full scale (%.2g of the "
            "current) off %.*s\n", begin, r->levels, r->volts, level->volt[0], level->volt[level->count - 1],
            r->extra_points, r->worst_full_scale, r->worst_rel, (int)strcspn(r->ngspice, " "), r->ngspice);
    if (isfinite(r->disturb))
        fprintf(to, "%sread disturb: %g V for %g s moves the state by at most %.2g of its range\n", begin,
                h->dac.read_volt, h->subcircuit.read_second, r->disturb);
    if (r->cache)
        fprintf(to, "%stables: %s\n", begin, r->cache);
}

void cli_print_levels(const char *begin, const struct cli_session *s)
{
    const xo_subcircuit *cell = s->hardware.array.law.subcircuit;
    char name[100];
    size_t levels;
    if (!cell)
        return;
    xo_subcircuit_levels(cell, &levels);
    size_t listed = levels < MOST_LISTED ? levels : MOST_LISTED;
    for (size_t k = 0; k < listed; k++) {
        double parameter, state, siemens;
        xo_subcircuit_level(cell, k * (levels - 1) / (listed - 1), &parameter, &state, &siemens);
        printf("%s%s = %-10.6g %.8g S", begin, setting(name, sizeof name, &s->hardware), parameter, siemens);
        if (isfinite(state))
            printf(", v(%s) = %.6g V", s->hardware.subcircuit.state_node, state);
        puts("");
    }
}

double cli_tables_move(const struct cli_session *s, const struct xo_solution *x)
{
    const xo_subcircuit *cell = s->hardware.array.law.subcircuit;
    double most = cell ? cli_largest(x->cells_amp, s->inputs) : 0;
    return cell ? xo_subcircuit_moves(cell, s->rows * s->columns, most) : 0;
}

/* Without what differs between runs: where the cache is, whether it served. */
json_t *cli_subcircuit_json(const struct cli_session *s)
{
    const struct xo_hardware *h = &s->hardware;
    const struct xo_subcircuit_report *r = xo_subcircuit_report(h->array.law.subcircuit);
    return json_pack("{s:s, s:s, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:s}", "name", h->subcircuit.name,
                     "read", h->subcircuit.read == XO_READ_DC ? "dc" : "frozen",
                     "low_siemens", cli_json_number(r->low_siemens), "high_siemens", cli_json_number(r->high_siemens),
                     "levels", (json_int_t)r->levels, "voltages", (json_int_t)r->volts,
                     "extra_points", (json_int_t)r->extra_points,
                     "worst_rel", cli_json_number(r->worst_rel),
                     "worst_of_full_scale", cli_json_number(r->worst_full_scale),
                     "transient_rel", cli_json_number(r->transient_rel),
                     "read_disturb", cli_json_number(r->disturb),
                     "read_second", cli_json_number(h->subcircuit.read_second), "ngspice", r->ngspice);
}
