/* As many voltages and levels as the tables need.
 *
 * An interval of voltages is halved where the cubic through its neighbours misses the current in its middle, at any
 * level; its neighbours are looked at again, for their slopes change.  An interval of levels is halved where the
 * mixture of its two curves, in proportion to conductance, misses the curve of the level in the middle.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "law.h"
#include "memory.h"
#include "subcircuit.h"

enum { FIRST_VOLTS = 33, FIRST_LEVELS = 9, ROUNDS = 60 };
#define NARROWEST 1e-13                /* of the voltages; a jump is not followed further */

/* Transients cost a hundred times a sweep's point. */
static bool is_slow(const xo_subcircuit *s)
{
    return s->reading == XO_READING_INITIAL;
}

struct grid {
    xo_subcircuit *s;
    const char **blame;
    struct xo_info *info;
    bool *open;                        /* [XO_MOST_VOLTS] may the interval behind voltage k be too wide? */
    double *middle, *amp;              /* [XO_MOST_VOLTS], [XO_MOST_LEVELS][XO_MOST_VOLTS] */
    double *fresh, *miss;              /* [XO_MOST_LEVELS], [2 XO_MOST_LEVELS] */
};

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Equal steps, with 0 and the reference among them; where conductance is the slope at 0 V, finer ones there. */
static void first_volts(xo_subcircuit *s)
{
    static const double near_zero[] = {-1.0 / 256, -1.0 / 512, 1.0 / 512, 1.0 / 256};
    double low = s->keys.volt_range[0], span = s->keys.volt_range[1] - low;
    size_t kept = 0, count = 0;
    for (; count < FIRST_VOLTS; count++)
        s->volt[count] = low + span * (double)count / (FIRST_VOLTS - 1);
    s->volt[FIRST_VOLTS - 1] = s->keys.volt_range[1];
    s->volt[count++] = 0;
    s->volt[count++] = s->keys.reference_volt;
    for (size_t k = 0; k < 4 && s->keys.reference_volt == 0; k++)
        if (near_zero[k] * span > low && near_zero[k] * span < s->keys.volt_range[1])
            s->volt[count++] = near_zero[k] * span;
    qsort(s->volt, count, sizeof *s->volt, by_size);
    for (size_t k = 0; k < count; k++) {
        bool fixed = s->volt[k] == 0 || s->volt[k] == s->keys.reference_volt;
        if (kept && s->volt[k] - s->volt[kept - 1] < 1e-3 * span / FIRST_VOLTS) {      /* one of the two: the fixed */
            bool before = s->volt[kept - 1] == 0 || s->volt[kept - 1] == s->keys.reference_volt;
            if (fixed && before && s->volt[k] != s->volt[kept - 1])
                s->volt[kept++] = s->volt[k];
            else if (fixed)
                s->volt[kept - 1] = s->volt[k];
            continue;
        }
        s->volt[kept++] = s->volt[k];
    }
    s->volts = kept;
}

static void list_levels(xo_subcircuit *s)
{
    for (size_t k = 0; k < s->levels; k++)
        s->level[k] = (struct xo_law_level){.count = s->volts, .volt = s->volt, .amp = xo_curve(s, k)};
}

static int law_of(const xo_subcircuit *s, size_t level, size_t levels, struct xo_law_prepared **law,
                  struct xo_info *info)
{
    const struct xo_device_law device = {.law = XO_LAW_SPICE, .reference_volt = s->keys.reference_volt,
                                         .levels = levels, .level = s->level + level};
    return xo_law_new(law, &device, info);
}

/* ---- voltages ------------------------------------------------------------------------------------- */

/* Which of the middles asked for (of intervals that are open) are missed at some level? */
static int find_missed(struct grid *g, size_t count, bool *missed)
{
    const struct xo_blend alone = {.curve = 0, .lower = 1};
    int status = 0;
    for (size_t k = 0; k < g->s->levels && !status; k++) {
        struct xo_law_prepared *law = NULL;
        double floor_amp = xo_subcircuit_floor(g->s, g->s->volts, g->s->volt, xo_curve(g->s, k));
        *g->blame = "subcircuit";
        status = law_of(g->s, k, 1, &law, g->info);
        for (size_t n = 0; n < count && !status; n++) {
            struct xo_law_point p;
            xo_law_at(law, &alone, g->middle[n], &p);
            missed[n] |= xo_subcircuit_miss(p.amp, g->amp[k * XO_MOST_VOLTS + n], floor_amp) > XO_TABLE_REL;
        }
        xo_law_free(law);
    }
    return status;
}

/* Middle n stands behind voltage place[n]: put those that are missed in, from the end on. */
static void insert_missed(struct grid *g, size_t count, const size_t *place, const bool *missed)
{
    xo_subcircuit *s = g->s;
    for (size_t n = count; n-- > 0;) {
        size_t at = place[n] + 1, behind = s->volts - at;
        if (!missed[n] || s->volts == XO_MOST_VOLTS)
            continue;
        memmove(s->volt + at + 1, s->volt + at, behind * sizeof *s->volt);
        memmove(g->open + at + 1, g->open + at, behind * sizeof *g->open);
        s->volt[at] = g->middle[n];
        for (size_t k = 0; k < s->levels; k++) {
            double *amp = xo_curve(s, k);
            memmove(amp + at + 1, amp + at, behind * sizeof *amp);
            amp[at] = g->amp[k * XO_MOST_VOLTS + n];
        }
        s->volts++;
        g->open[at - 1] = g->open[at] = true;
        if (at >= 2)
            g->open[at - 2] = true;
        g->open[at + 1] = true;
    }
}

static size_t list_middles(struct grid *g, size_t *place)
{
    const xo_subcircuit *s = g->s;
    double narrowest = NARROWEST * (s->keys.volt_range[1] - s->keys.volt_range[0]);
    size_t count = 0;
    for (size_t k = 0; k + 1 < s->volts; k++) {
        if (g->open[k] && s->volt[k + 1] - s->volt[k] > 2 * narrowest) {
            place[count] = k;
            g->middle[count++] = 0.5 * (s->volt[k] + s->volt[k + 1]);
        }
        g->open[k] = false;
    }
    return count;
}

static int check_curves(struct grid *g)
{
    int status = 0;
    for (size_t k = 0; k < g->s->levels && !status; k++)
        status = xo_subcircuit_check_curve(g->s, g->s->parameter[k], g->s->volts, g->s->volt, xo_curve(g->s, k),
                                           g->blame, g->info);
    return status;
}

static int refine_volts(struct grid *g)
{
    xo_subcircuit *s = g->s;
    size_t most = is_slow(s) ? 129 : XO_MOST_VOLTS, *place = xo_calloc(XO_MOST_VOLTS, sizeof *place), count;
    bool *missed = xo_calloc(XO_MOST_VOLTS, sizeof *missed);
    int status = place && missed ? 0 : xo_fail(g->info, ENOMEM, "%s", xo_strerror(ENOMEM));
    for (size_t k = 0; k < s->volts; k++)
        g->open[k] = true;
    for (int round = 0; round < ROUNDS && !status && s->volts < most; round++) {
        count = list_middles(g, place);
        if (!count)
            break;
        memset(missed, 0, count * sizeof *missed);
        *g->blame = "subcircuit";
        list_levels(s);
        status = xo_subcircuit_measure(s, s->levels, s->parameter, s->state_volt, count, g->middle, XO_MOST_VOLTS,
                                       g->amp, g->info);
        if (!status)
            status = find_missed(g, count, missed);
        if (!status)
            insert_missed(g, count, place, missed);
        if (!status)
            status = check_curves(g);
    }
    free(place);
    free(missed);
    return status;
}

/* ---- levels --------------------------------------------------------------------------------------- */

/* By how much their mixture misses the curve `amp` of the level between k and k + 1. */
static int find_miss(struct grid *g, size_t k, const double *amp, double *miss)
{
    xo_subcircuit *s = g->s;
    struct xo_law_prepared *law = NULL, *own = NULL;
    struct xo_law_level one = {.count = s->volts, .volt = s->volt, .amp = amp};
    const struct xo_device_law device = {.law = XO_LAW_SPICE, .reference_volt = s->keys.reference_volt, .levels = 1,
                                         .level = &one};
    struct xo_blend blend;
    double floor_amp = xo_subcircuit_floor(s, s->volts, s->volt, amp);
    int status = xo_law_new(&own, &device, g->info);
    *g->blame = "subcircuit";
    if (!status)                       /* two of one conductance are found out later, by check_levels */
        status = law_of(s, k, 2, &law, NULL);
    if (!status && !xo_law_place(law, own->curve[0].siemens, &blend, NULL))
        for (size_t n = 0; n < s->volts; n++) {
            struct xo_law_point p;
            xo_law_at(law, &blend, s->volt[n], &p);
            *miss = fmax(*miss, xo_subcircuit_miss(p.amp, amp[n], floor_amp));
        }
    xo_law_free(law);
    xo_law_free(own);
    return status == ENOMEM ? xo_fail(g->info, ENOMEM, "%s", xo_strerror(ENOMEM)) : own ? 0 : status;
}

static void insert_level(struct grid *g, size_t at, double parameter, double state, const double *amp)
{
    xo_subcircuit *s = g->s;
    size_t behind = s->levels - at;
    memmove(s->parameter + at + 1, s->parameter + at, behind * sizeof *s->parameter);
    memmove(s->state_volt + at + 1, s->state_volt + at, behind * sizeof *s->state_volt);
    memmove(xo_curve(s, at + 1), xo_curve(s, at), behind * XO_MOST_VOLTS * sizeof *s->amp);
    memmove(g->open + at + 1, g->open + at, behind * sizeof *g->open);
    s->parameter[at] = parameter;
    s->state_volt[at] = state;
    memcpy(xo_curve(s, at), amp, s->volts * sizeof *amp);
    g->open[at - 1] = g->open[at] = true;
    s->levels++;
}

/* What a miss must exceed for its level to be put in now: the worst go first, those a quarter as bad wait (halving
 * an interval quarters its miss), so that where room ends all are missed about equally. */
static double threshold(size_t count, const double *miss, double *sorted, size_t room)
{
    memcpy(sorted, miss, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_size);
    double enough = count ? fmax(XO_TABLE_REL, 0.25 * sorted[count - 1]) : 0;
    return count > room ? fmax(enough, sorted[count - room - 1]) : enough;
}

static int refine_levels_once(struct grid *g, size_t most, bool *changed)
{
    xo_subcircuit *s = g->s;
    double *state = g->fresh, *parameter = g->middle, *miss = g->miss, enough;
    size_t place[XO_MOST_LEVELS], count = 0;
    for (size_t k = 0; k + 1 < s->levels; k++)
        if (g->open[k]) {
            parameter[count] = 0.5 * (s->parameter[k] + s->parameter[k + 1]);
            place[count++] = k;
            g->open[k] = false;
        }
    *changed = false;
    *g->blame = "subcircuit";
    int status = xo_subcircuit_find_states(s, count, parameter, state, g->info);
    if (!status && count)
        status = xo_subcircuit_measure(s, count, parameter, state, s->volts, s->volt, XO_MOST_VOLTS, g->amp, g->info);
    list_levels(s);
    for (size_t n = 0; n < count && !status; n++) {
        double *amp = g->amp + n * XO_MOST_VOLTS;
        miss[n] = 0;
        status = xo_subcircuit_check_curve(s, parameter[n], s->volts, s->volt, amp, g->blame, g->info);
        if (!status)
            status = find_miss(g, place[n], amp, &miss[n]);
    }
    enough = status ? 0 : threshold(count, miss, miss + XO_MOST_LEVELS, most - s->levels);
    for (size_t n = count; n-- > 0 && !status;)            /* from the end, so that places before it stay */
        if (miss[n] > enough) {
            insert_level(g, place[n] + 1, parameter[n], state[n], g->amp + n * XO_MOST_VOLTS);
            *changed = true;
        } else
            g->open[place[n]] = miss[n] > XO_TABLE_REL;    /* another round */
    return status;
}

static int refine_levels(struct grid *g)
{
    size_t most = is_slow(g->s) ? 33 : XO_MOST_LEVELS;
    bool changed = true;
    int status = 0;
    for (size_t k = 0; k < g->s->levels; k++)
        g->open[k] = true;
    for (int round = 0; round < ROUNDS && !status && changed && g->s->levels < most; round++)
        status = refine_levels_once(g, most, &changed);
    return status;
}

/* ---- all ------------------------------------------------------------------------------------------ */

static int first_levels(struct grid *g)
{
    xo_subcircuit *s = g->s;
    double low = s->keys.level_range[0], span = s->keys.level_range[1] - low;
    for (size_t k = 0; k < FIRST_LEVELS; k++)
        s->parameter[k] = low + span * (double)k / (FIRST_LEVELS - 1);
    *g->blame = s->keys.state_node ? "state_node" : "subcircuit";
    int status = xo_subcircuit_find_states(s, FIRST_LEVELS, s->parameter, s->state_volt, g->info);
    s->levels = FIRST_LEVELS;
    if (!status)
        status = xo_subcircuit_choose_reading(s, g->blame, g->info);
    if (!status)
        status = xo_subcircuit_check_state(s, g->blame, g->info);
    if (status)
        return status;
    *g->blame = "subcircuit";
    return xo_subcircuit_measure(s, s->levels, s->parameter, s->state_volt, s->volts, s->volt, XO_MOST_VOLTS, s->amp,
                                 g->info);
}

/* Conductances as the table law finds them. */
static int find_siemens(struct grid *g)
{
    xo_subcircuit *s = g->s;
    int status = 0;
    list_levels(s);
    s->report.low_siemens = INFINITY;
    s->report.high_siemens = 0;
    for (size_t k = 0; k < s->levels && !status; k++) {
        struct xo_law_prepared *law = NULL;
        status = law_of(s, k, 1, &law, g->info);
        s->level[k].siemens = status ? 0 : law->curve[0].siemens;
        s->report.low_siemens = fmin(s->report.low_siemens, s->level[k].siemens);
        s->report.high_siemens = fmax(s->report.high_siemens, s->level[k].siemens);
        xo_law_free(law);
    }
    return status;
}

int xo_subcircuit_tabulate(xo_subcircuit *s, const char **blame, struct xo_info *info)
{
    struct grid g = {.s = s, .blame = blame, .info = info};
    g.open = xo_calloc(XO_MOST_VOLTS, sizeof *g.open);
    g.middle = xo_calloc(XO_MOST_VOLTS, sizeof *g.middle);
    g.amp = xo_calloc(XO_MOST_LEVELS * XO_MOST_VOLTS, sizeof *g.amp);
    g.fresh = xo_calloc(XO_MOST_LEVELS, sizeof *g.fresh);
    g.miss = xo_calloc(2 * XO_MOST_LEVELS, sizeof *g.miss);
    int status = g.open && g.middle && g.amp && g.fresh && g.miss
        ? 0 : xo_fail(info, ENOMEM, "%s", xo_strerror(ENOMEM));
    if (!status) {
        first_volts(s);
        status = first_levels(&g);
    }
    if (!status)
        status = check_curves(&g);
    if (!status)
        status = find_siemens(&g);
    if (!status)
        status = xo_subcircuit_check_levels(s, blame, info);
    if (!status)
        status = refine_volts(&g);
    if (!status)
        status = refine_levels(&g);
    if (!status)
        status = find_siemens(&g);
    if (!status)
        status = xo_subcircuit_check_levels(s, blame, info);
    *blame = status ? *blame : "subcircuit";
    if (!status)
        status = xo_subcircuit_compare(s, info);
    s->report.levels = s->levels;
    s->report.volts = s->volts;
    free(g.open);
    free(g.middle);
    free(g.amp);
    free(g.fresh);
    free(g.miss);
    return status;
}
