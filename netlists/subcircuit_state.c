/* The state of a subcircuit: where a level puts it, how it is read without letting it go, whether it stays.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include "memory.h"
#include "subcircuit.h"

enum { PROBES = 5, MOST_PULSED = 17 };
#define SHORT_SEC 2e-12
#define RUNS_AWAY 1e-3                 /* of the range of states, within SHORT_SEC */

/* Where IC= puts the state; where that is 0 V for every level, the state is the level itself. */
int xo_subcircuit_find_states(xo_subcircuit *s, size_t levels, const double *parameter, double *state_volt,
                              struct xo_info *info)
{
    bool first = !s->levels, is_level = !s->keys.level_parameter || (!first && s->state_is_level);
    for (size_t k = 0; k < levels; k++)
        state_volt[k] = s->keys.state_node ? parameter[k] : NAN;
    if (!s->keys.state_node || (is_level && !first))
        return 0;
    double *zero = xo_calloc(3 * levels, sizeof *zero), *amp = zero + levels, *begin = amp + levels, most = 0;
    int status = zero ? xo_subcircuit_transient(s, XO_READING_INITIAL, 0, levels, parameter, state_volt, zero, amp,
                                                begin, NULL, info)
                      : xo_fail(info, ENOMEM, "%s: %s", s->keys.file, xo_strerror(ENOMEM));
    for (size_t k = 0; k < levels && !status; k++)
        most = fmax(most, fabs(begin[k]));
    if (first)
        s->state_is_level = is_level || most < 1e-9;
    for (size_t k = 0; k < levels && !status && !s->state_is_level; k++)
        state_volt[k] = begin[k];
    free(zero);
    return status;
}

/* ---- a few points, to compare ways of reading ----------------------------------------------------- */

struct probe {
    size_t points;
    double parameter[3 * PROBES], state_volt[3 * PROBES], volt[3 * PROBES];
    double amp[3 * PROBES], other[3 * PROBES], begin[3 * PROBES], end[3 * PROBES];
};

/* The first, the middle, the last level; the ends of the voltages, halves, the reference. */
static void probe_fill(struct probe *p, const xo_subcircuit *s)
{
    const double *range = s->keys.volt_range;
    const double volt[PROBES] = {range[0], 0.5 * range[0], s->keys.reference_volt, 0.5 * range[1], range[1]};
    *p = (struct probe){0};
    for (size_t k = 0; k < 3; k++)
        for (size_t n = 0; n < PROBES; n++)
            if (volt[n] != 0) {
                size_t level = k * (s->levels - 1) / 2;
                p->parameter[p->points] = s->parameter[level];
                p->state_volt[p->points] = s->state_volt[level];
                p->volt[p->points++] = volt[n];
            }
}

/* One sweep a point: each stands for itself. */
static int probe_read(const xo_subcircuit *s, struct probe *p, enum xo_reading how, double *amp, double *state,
                      struct xo_info *info)
{
    bool states = s->keys.state_node;
    int status = 0;
    if (how == XO_READING_SET || how == XO_READING_INITIAL)
        return xo_subcircuit_transient(s, how, 0, p->points, p->parameter, p->state_volt, p->volt, amp,
                                       states ? p->begin : NULL, states ? p->end : NULL, info);
    for (size_t k = 0; k < p->points && !status; k++)
        status = xo_subcircuit_sweep(s, how, 1, &p->parameter[k], &p->state_volt[k], 1, &p->volt[k], 1, &amp[k],
                                     state ? &state[k] : NULL, info);
    return status;
}

/* Where two readings are furthest apart, and how far, over the current there. */
static double probe_apart(const struct probe *p, size_t *where)
{
    double largest = 0, worst = 0;
    *where = 0;
    for (size_t k = 0; k < p->points; k++)
        largest = fmax(largest, fabs(p->amp[k]));
    for (size_t k = 0; k < p->points; k++) {
        double miss = xo_subcircuit_miss(p->other[k], p->amp[k], 1e-6 * largest);
        if (!(miss <= worst)) {
            worst = miss;
            *where = k;
        }
    }
    return worst;
}

static int unstated(const xo_subcircuit *s, const struct probe *p, size_t k, bool found, const char **blame,
                    struct xo_info *info)
{
    char level[XO_LEVEL_TEXT], dc[64] = "none at all";
    if (found)
        snprintf(dc, sizeof dc, "%g A", p->other[k]);
    *blame = "read";
    xo_subcircuit_level_text(level, s, p->parameter[k]);
    return xo_fail(info, XO_EVALUE, "found none; expected frozen or dc, since they differ: %s at %g V has %g A while "
                   "its state is held, %s at the operating point", level, p->volt[k], p->amp[k], dc);
}

int xo_subcircuit_choose_reading(xo_subcircuit *s, const char **blame, struct xo_info *info)
{
    enum xo_reading frozen = s->keys.state_node ? XO_READING_HELD : XO_READING_INITIAL;
    bool dc = s->keys.read == XO_READ_DC, same;
    struct probe p;
    struct xo_info ignored;
    size_t where = 0;
    s->reading = dc ? XO_READING_OPERATING : frozen;
    if (dc || (s->keys.state_node && s->keys.read_given))
        return 0;
    probe_fill(&p, s);
    *blame = "subcircuit";
    int status = probe_read(s, &p, frozen, p.amp, NULL, info);
    if (status)
        return status;
    status = probe_read(s, &p, XO_READING_OPERATING, p.other, NULL, &ignored);
    if (status && status != XO_EJUDGE)
        return xo_fail(info, status, "%s", ignored.text);
    same = !status && probe_apart(&p, &where) <= XO_SAME_REL;
    if (!same && !s->keys.read_given)
        return unstated(s, &p, where, !status, blame, info);
    if (same)
        s->reading = XO_READING_OPERATING;
    return 0;
}

/* ---- does it stay? -------------------------------------------------------------------------------- */

static double range_of_states(const xo_subcircuit *s)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t k = 0; k < s->levels; k++) {
        low = fmin(low, s->state_volt[k]);
        high = fmax(high, s->state_volt[k]);
    }
    return high > low ? high - low : fmax(fabs(high), 1e-30);
}

static int runs_away(const xo_subcircuit *s, const struct probe *p, size_t k, double found, const char *when,
                     struct xo_info *info)
{
    char level[XO_LEVEL_TEXT];
    return xo_fail(info, XO_EVALUE, "the state runs away: v(%.40s) is %g V %s at %g V across the cell, where %s puts "
                   "it at %g V", s->keys.state_node, found, when, p->volt[k],
                   xo_subcircuit_level_text(level, s, p->parameter[k]), p->state_volt[k]);
}

/* At operating points, a state that is named must be where its level put it. */
static int check_operating(const xo_subcircuit *s, struct probe *p, const char **blame, struct xo_info *info)
{
    double range = range_of_states(s);
    int status = probe_read(s, p, XO_READING_OPERATING, p->amp, p->end, info);
    *blame = "read";
    for (size_t k = 0; k < p->points && !status; k++)
        if (!(fabs(p->end[k] - p->state_volt[k]) <= RUNS_AWAY * range))
            status = runs_away(s, p, k, p->end[k], "at the operating point", info);
    return status;
}

/* Short transients from the state as it is set: the same currents, and it hardly moves. */
static int check_held(xo_subcircuit *s, struct probe *p, const char **blame, struct xo_info *info)
{
    char level[XO_LEVEL_TEXT];
    double range = range_of_states(s);
    size_t where;
    *blame = "state_node";
    int status = probe_read(s, p, XO_READING_HELD, p->amp, NULL, info);
    if (!status)
        status = probe_read(s, p, XO_READING_SET, p->other, NULL, info);
    if (status)
        return status;
    for (size_t k = 0; k < p->points && !status; k++)
        if (!(fabs(p->end[k] - p->state_volt[k]) <= RUNS_AWAY * range))
            status = runs_away(s, p, k, p->end[k], "after 2 ps", info);
    s->report.transient_rel = probe_apart(p, &where);
    if (!status && !(s->report.transient_rel <= XO_SAME_REL))
        status = xo_fail(info, XO_EVALUE, "%s at %g V has %g A with a source at v(%.40s), %g A in a transient that "
                         "begins there; expected the same", xo_subcircuit_level_text(level, s, p->parameter[where]),
                         p->volt[where], p->amp[where], s->keys.state_node, p->other[where]);
    return status;
}

/* Without a state node: twice as long, the same current. */
static int check_initial(xo_subcircuit *s, struct probe *p, const char **blame, struct xo_info *info)
{
    char level[XO_LEVEL_TEXT];
    size_t where;
    *blame = "read";
    int status = probe_read(s, p, XO_READING_INITIAL, p->amp, NULL, info);
    if (!status)
        status = xo_subcircuit_transient(s, XO_READING_INITIAL, 2 * SHORT_SEC, p->points, p->parameter, p->state_volt,
                                         p->volt, p->other, NULL, NULL, info);
    s->report.transient_rel = status ? NAN : probe_apart(p, &where);
    if (!status && !(s->report.transient_rel <= XO_SAME_REL))
        status = xo_fail(info, XO_EVALUE, "the state runs away: %s at %g V has %g A after 2 ps, %g A after 4 ps; "
                         "expected state_node, or read: dc", xo_subcircuit_level_text(level, s, p->parameter[where]),
                         p->volt[where], p->amp[where], p->other[where]);
    return status;
}

/* The largest change of any state in a read pulse of either sign. */
static double find_disturb(const xo_subcircuit *s)
{
    double parameter[2 * MOST_PULSED], state[2 * MOST_PULSED], volt[2 * MOST_PULSED], amp[2 * MOST_PULSED];
    double begin[2 * MOST_PULSED], end[2 * MOST_PULSED], worst = 0;
    size_t pulses = s->levels < MOST_PULSED ? s->levels : MOST_PULSED;
    struct xo_info ignored;
    if (!s->keys.state_node || s->keys.read_second == 0)
        return NAN;
    for (size_t k = 0; k < 2 * pulses; k++) {
        size_t level = pulses > 1 ? k / 2 * (s->levels - 1) / (pulses - 1) : 0;
        parameter[k] = s->parameter[level];
        state[k] = s->state_volt[level];
        volt[k] = k % 2 ? -s->keys.read_volt : s->keys.read_volt;
    }
    if (xo_subcircuit_transient(s, XO_READING_SET, s->keys.read_second, 2 * pulses, parameter, state, volt, amp,
                                begin, end, &ignored))
        return NAN;
    for (size_t k = 0; k < 2 * pulses; k++)
        worst = fmax(worst, fabs(end[k] - begin[k]));
    return worst / range_of_states(s);
}

int xo_subcircuit_check_state(xo_subcircuit *s, const char **blame, struct xo_info *info)
{
    struct probe p;
    int status = 0;
    probe_fill(&p, s);
    s->report.transient_rel = NAN;
    if (s->reading == XO_READING_HELD)
        status = check_held(s, &p, blame, info);
    else if (s->reading == XO_READING_INITIAL)
        status = check_initial(s, &p, blame, info);
    else if (s->keys.state_node && s->keys.read == XO_READ_DC)
        status = check_operating(s, &p, blame, info);
    if (!status)
        s->report.disturb = find_disturb(s);
    return status;
}
