/* A subcircuit as a cell law: from its keys to its tables.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "subcircuit.h"

enum { MOST_NAME = 64 };

static int copy_text(struct xo_arena *a, const char **text)
{
    if (*text && !(*text = xo_arena_text(a, *text, strlen(*text))))
        return ENOMEM;
    return 0;
}

static int copy_keys(xo_subcircuit *s, const struct xo_subcircuit_keys *keys)
{
    struct xo_subcircuit_keys *k = &s->keys;
    const char **text[] = {&k->file, &k->name, &k->level_parameter, &k->state_node, &k->word_pin, &k->bit_pin,
                           &k->gate_pin};
    int status = 0;
    *k = *keys;
    for (size_t n = 0; n < sizeof text / sizeof *text && !status; n++)
        status = copy_text(&s->arena, text[n]);
    return status;
}

/* Names go into decks and commands: nothing but what a name is made of. */
static bool is_name(const char *text)
{
    for (const char *c = text; c && *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_.:#!-+[]", *c))
            return false;
    return !text || (*text && strlen(text) < MOST_NAME);
}

static int check_names(const struct xo_subcircuit_keys *k, const char **blame, struct xo_info *info)
{
    const struct { const char *key, *name; } names[] = {
        {"subcircuit", k->name}, {"level_parameter", k->level_parameter}, {"state_node", k->state_node},
        {"word_pin", k->word_pin}, {"bit_pin", k->bit_pin}, {"gate_pin", k->gate_pin}};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        *blame = names[n].key;
        if (!is_name(names[n].name))
            return xo_fail(info, XO_EVALUE, "found a name with characters that no name has; expected letters, digits "
                           "and _ . : # ! - + [ ], fewer than %d", MOST_NAME);
    }
    return 0;
}

static int check_keys(const struct xo_subcircuit_keys *k, const char **blame, struct xo_info *info)
{
    const double *v = k->volt_range, *l = k->level_range;
    int status = check_names(k, blame, info);
    if (status)
        return status;
    *blame = "level_parameter";
    if (!k->level_parameter && !k->state_node)
        return xo_fail(info, XO_EVALUE, "found no value; expected the parameter that sets a level, or state_node");
    *blame = "level_range";
    if (!(fabs(l[0]) <= 1e30 && fabs(l[1]) <= 1e30 && l[0] < l[1]))
        return xo_fail(info, XO_EVALUE, "found %g to %g; expected two numbers, the first below the second", l[0],
                       l[1]);
    *blame = "volt_range";
    if (!(v[0] <= 0 && v[1] >= 0 && v[0] < v[1] && fabs(v[0]) <= XO_MAX_VOLT && fabs(v[1]) <= XO_MAX_VOLT) ||
        k->reference_volt < v[0] || k->reference_volt > v[1])
        return xo_fail(info, XO_EVALUE, "found %g to %g V; expected a range that holds 0 V and reference_volt %g V",
                       v[0], v[1], k->reference_volt);
    return 0;
}

static int allocate(xo_subcircuit *s)
{
    s->parameter = xo_calloc(XO_MOST_LEVELS, sizeof *s->parameter);
    s->state_volt = xo_calloc(XO_MOST_LEVELS, sizeof *s->state_volt);
    s->volt = xo_calloc(XO_MOST_VOLTS, sizeof *s->volt);
    s->amp = xo_calloc(XO_MOST_LEVELS * XO_MOST_VOLTS, sizeof *s->amp);
    s->level = xo_calloc(XO_MOST_LEVELS, sizeof *s->level);
    return s->parameter && s->state_volt && s->volt && s->amp && s->level ? 0 : ENOMEM;
}

static int check_tolerance(const xo_subcircuit *s, const char **blame, struct xo_info *info)
{
    const struct xo_subcircuit_report *r = &s->report;
    bool full = s->levels == XO_MOST_LEVELS || s->volts == XO_MOST_VOLTS;
    *blame = "table_tolerance";
    if (!(s->keys.tolerance > 0) || r->worst_rel <= s->keys.tolerance)
        return 0;
    return xo_fail(info, XO_EVALUE, "found tables of %zu levels at %zu voltages%s that miss the subcircuit's current "
                   "by %.2g of itself between their points; expected at most %g: narrow level_range or volt_range, "
                   "or raise the tolerance", s->levels, s->volts, full ? ", as many as there may be," : "",
                   r->worst_rel, s->keys.tolerance);
}

/* From the cache, or by ngspice. */
static int find_tables(xo_subcircuit *s, const char **blame, struct xo_info *info)
{
    if (!xo_subcircuit_load(s)) {
        int status = xo_subcircuit_tabulate(s, blame, info);
        if (status)
            return status;
        xo_subcircuit_store(s);
    }
    s->report.levels = s->levels;
    s->report.volts = s->volts;
    s->report.ngspice = s->version;
    for (size_t k = 0; k < s->levels; k++) {
        s->level[k].count = s->volts;
        s->level[k].volt = s->volt;
        s->level[k].amp = xo_curve(s, k);
    }
    return 0;
}

int xo_subcircuit_new(xo_subcircuit **out, const struct xo_subcircuit_keys *keys,
                      const struct xo_ngspice_options *options, const char **blame, struct xo_info *info)
{
    xo_subcircuit *s = NULL;
    int status = check_keys(keys, blame, info);
    if (status)
        return status;
    *blame = "file";
    s = xo_calloc(1, sizeof *s);
    if (!s || copy_keys(s, keys) || allocate(s))
        status = xo_fail(info, ENOMEM, "%s: %s", keys->file, xo_strerror(ENOMEM));
    if (!status) {
        s->options = options;
        status = xo_subcircuit_read(s, blame, info);
    }
    if (!status)
        status = xo_subcircuit_hash(s, info);
    if (!status)
        status = find_tables(s, blame, info);
    if (!status)
        status = check_tolerance(s, blame, info);
    if (status) {
        xo_subcircuit_free(s);
        return status;
    }
    s->options = NULL;
    *out = s;
    return 0;
}

void xo_subcircuit_free(xo_subcircuit *s)
{
    if (!s)
        return;
    xo_arena_free(&s->arena);
    free(s->definitions);
    free(s->parameter);
    free(s->state_volt);
    free(s->volt);
    free(s->amp);
    free(s->level);
    free(s->cache);
    free(s);
}

const struct xo_law_level *xo_subcircuit_levels(const xo_subcircuit *s, size_t *levels)
{
    *levels = s->levels;
    return s->level;
}

const struct xo_subcircuit_report *xo_subcircuit_report(const xo_subcircuit *s)
{
    return &s->report;
}

void xo_subcircuit_level(const xo_subcircuit *s, size_t k, double *parameter, double *state_volt, double *siemens)
{
    *parameter = s->parameter[k];
    *state_volt = s->state_volt[k];
    *siemens = s->level[k].siemens;
}

static double largest(size_t count, const double *amp)
{
    double most = 0;
    for (size_t k = 0; k < count; k++)
        most = fmax(most, fabs(amp[k]));
    return most;
}

double xo_subcircuit_moves(const xo_subcircuit *s, size_t cells, double cells_amp)
{
    double e = fmax(s->report.worst_rel, XO_TABLE_REL), count = (double)cells, most = 0, floor_amp = 0;
    for (size_t k = 0; k < s->levels; k++) {
        most = fmax(most, largest(s->volts, xo_curve(s, k)));
        floor_amp = fmax(floor_amp, xo_subcircuit_floor(s, s->volts, s->volt, xo_curve(s, k)));
    }
    double all = count * most * (1 + e), left = 1 - count * e;
    double flows = left > 0 ? (cells_amp + count * floor_amp) / left : INFINITY;
    return e * fmin(flows, all);
}
