/* What the curves of a subcircuit must be, and how far their tables are from ngspice between their points.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include "law.h"
#include "memory.h"
#include "subcircuit.h"

#define AT_REST 1e-9                   /* of its largest current: what a curve may miss 0 A at 0 V by */
#define FALLS 1e-8                     /* ... fall by; less is ngspice's tolerance, and levelled       */
#define APART 1e-9                     /* two curves are one if nowhere further apart than this share  */
enum { MOST_EXTRA = 128, MOST_EXTRA_LEVELS = 64 };

double xo_subcircuit_miss(double found, double expected, double floor_amp)
{
    return found == expected ? 0 : fabs(found - expected) / fmax(fabs(expected), floor_amp);
}

/* Of a curve: from its current nearest to the reference voltage, or to a tenth of the highest where that is 0. */
double xo_subcircuit_floor(const xo_subcircuit *s, size_t volts, const double *volt, const double *amp)
{
    double reference = s->keys.reference_volt != 0 ? s->keys.reference_volt : 0.1 * s->keys.volt_range[1];
    size_t nearest = 0;
    for (size_t k = 1; k < volts; k++)
        if (fabs(volt[k] - reference) < fabs(volt[nearest] - reference))
            nearest = k;
    return XO_FLOOR_REL * fabs(amp[nearest]);
}

const char *xo_subcircuit_level_text(char *text, const xo_subcircuit *s, double parameter)
{
    if (s->keys.level_parameter)
        snprintf(text, XO_LEVEL_TEXT, "%.40s = %g", s->keys.level_parameter, parameter);
    else
        snprintf(text, XO_LEVEL_TEXT, "v(%.40s) = %g", s->keys.state_node, parameter);
    return text;
}

static double largest(size_t count, const double *amp)
{
    double most = 0;
    for (size_t k = 0; k < count; k++)
        most = fmax(most, fabs(amp[k]));
    return most;
}

/* From 0 V outwards no current may come nearer to 0 again. */
static int level_out(const xo_subcircuit *s, double parameter, size_t from, size_t to, const double *volt,
                     double *amp, double most, struct xo_info *info)
{
    char level[XO_LEVEL_TEXT];
    long step = to > from ? 1 : -1;
    for (size_t k = from; k != to; k = (size_t)((long)k + step)) {
        size_t next = (size_t)((long)k + step);
        double rise = (double)step * (amp[next] - amp[k]);
        if (rise < -FALLS * most)
            return xo_fail(info, XO_EVALUE, "not monotone, a negative slope: found %g A at %g V and %g A at %g V "
                           "with %s; expected a current that does not fall", amp[step > 0 ? k : next],
                           volt[step > 0 ? k : next], amp[step > 0 ? next : k], volt[step > 0 ? next : k],
                           xo_subcircuit_level_text(level, s, parameter));
        if (rise < 0)
            amp[next] = amp[k];
    }
    return 0;
}

int xo_subcircuit_check_curve(const xo_subcircuit *s, double parameter, size_t volts, const double *volt, double *amp,
                              const char **blame, struct xo_info *info)
{
    char level[XO_LEVEL_TEXT];
    double most = largest(volts, amp);
    size_t zero = 0;
    while (volt[zero] != 0)
        zero++;
    *blame = "subcircuit";
    if (!(most > 0))
        return xo_fail(info, XO_EVALUE, "found no current at any voltage with %s; expected a cell that conducts",
                       xo_subcircuit_level_text(level, s, parameter));
    if (fabs(amp[zero]) > AT_REST * most)
        return xo_fail(info, XO_EVALUE, "found %g A at 0 V with %s; expected 0 A: a cell is no source", amp[zero],
                       xo_subcircuit_level_text(level, s, parameter));
    amp[zero] = 0;
    int status = level_out(s, parameter, zero, volts - 1, volt, amp, most, info);
    return status ? status : level_out(s, parameter, zero, 0, volt, amp, most, info);
}

/* ---- levels --------------------------------------------------------------------------------------- */

static bool same_curves(const xo_subcircuit *s, size_t a, size_t b)
{
    double most = largest(s->volts, xo_curve(s, a)), apart = 0;
    for (size_t k = 0; k < s->volts; k++)
        apart = fmax(apart, fabs(xo_curve(s, a)[k] - xo_curve(s, b)[k]));
    return apart <= APART * most;
}

int xo_subcircuit_check_levels(const xo_subcircuit *s, const char **blame, struct xo_info *info)
{
    char a[XO_LEVEL_TEXT], b[XO_LEVEL_TEXT], c[XO_LEVEL_TEXT];
    double sign = s->level[s->levels - 1].siemens - s->level[0].siemens;
    *blame = s->keys.level_parameter ? "level_parameter" : "state_node";
    for (size_t k = 0; k + 1 < s->levels; k++) {
        xo_subcircuit_level_text(a, s, s->parameter[k]);
        xo_subcircuit_level_text(b, s, s->parameter[k + 1]);
        if (same_curves(s, k, k + 1))
            return xo_fail(info, XO_EVALUE, "identical curves: %s and %s carry the same current at every voltage; "
                           "expected levels apart", a, b);
        double step = s->level[k + 1].siemens - s->level[k].siemens;
        if (!(step * sign > 0))
            return xo_fail(info, XO_EVALUE, "levels out of order: %s has %g S, %s %g S, the first (%s) %g S; "
                           "expected conductances that rise or fall all along level_range", a, s->level[k].siemens, b,
                           s->level[k + 1].siemens, xo_subcircuit_level_text(c, s, s->parameter[0]),
                           s->level[0].siemens);
    }
    return 0;
}

/* ---- further points ------------------------------------------------------------------------------- */

/* Off the grid: voltages at a golden section of their intervals, and the reference; levels half way. */
static size_t extra_volts(const xo_subcircuit *s, double *volt)
{
    size_t count = 0, stride = (s->volts + MOST_EXTRA - 2) / MOST_EXTRA;
    for (size_t k = 0; k + 1 < s->volts; k += stride)
        volt[count++] = s->volt[k] + 0.381966 * (s->volt[k + 1] - s->volt[k]);
    return count;
}

static void compare_curve(xo_subcircuit *s, const struct xo_law_prepared *law, const struct xo_blend *blend,
                          size_t volts, const double *volt, const double *amp, double full_scale)
{
    double floor_amp = xo_subcircuit_floor(s, volts, volt, amp);
    for (size_t n = 0; n < volts; n++) {
        struct xo_law_point p;
        xo_law_at(law, blend, volt[n], &p);
        s->report.worst_rel = fmax(s->report.worst_rel, xo_subcircuit_miss(p.amp, amp[n], floor_amp));
        s->report.worst_full_scale = fmax(s->report.worst_full_scale, fabs(p.amp - amp[n]) / full_scale);
    }
    s->report.extra_points += volts;
}

/* Some levels half way between two of the tables, programmed by their own conductance. */
static int compare_levels(xo_subcircuit *s, const struct xo_law_prepared *law, double full_scale, double *work,
                          struct xo_info *info)
{
    size_t every = (s->levels - 2) / MOST_EXTRA_LEVELS + 1, levels = (s->levels - 2) / every + 1;
    size_t volts = extra_volts(s, work), stride = MOST_EXTRA;
    double *parameter = work + MOST_EXTRA, *state = parameter + levels, *siemens = state + levels;
    double *amp = siemens + levels;
    struct xo_blend blend;
    for (size_t k = 0; k < levels; k++)
        parameter[k] = 0.5 * (s->parameter[k * every] + s->parameter[k * every + 1]);
    int status = xo_subcircuit_find_states(s, levels, parameter, state, info);
    if (!status)
        status = xo_subcircuit_siemens(s, levels, parameter, state, siemens, info);
    if (!status)
        status = xo_subcircuit_measure(s, levels, parameter, state, volts, work, stride, amp, info);
    for (size_t k = 0; k < levels && !status; k++)
        if (!(status = xo_law_place(law, siemens[k], &blend, info)))
            compare_curve(s, law, &blend, volts, work, amp + k * stride, full_scale);
    return status;
}

int xo_subcircuit_compare(xo_subcircuit *s, struct xo_info *info)
{
    const struct xo_device_law device = {.law = XO_LAW_SPICE, .reference_volt = s->keys.reference_volt,
                                         .levels = s->levels, .level = s->level};
    struct xo_law_prepared *law = NULL;
    double *work = xo_calloc(MOST_EXTRA + (MOST_EXTRA_LEVELS + 1) * (3 + MOST_EXTRA), sizeof *work), full_scale = 0;
    int status = work ? xo_law_new(&law, &device, info) : xo_fail(info, ENOMEM, "%s", xo_strerror(ENOMEM));
    for (size_t k = 0; k < s->levels; k++)
        full_scale = fmax(full_scale, largest(s->volts, xo_curve(s, k)));
    if (!status)
        status = compare_levels(s, law, full_scale, work, info);
    xo_law_free(law);
    free(work);
    return status;
}
