/* The list of laws; mixtures of two levels, tangents beyond the range, inversion.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <float.h>
#include <stdlib.h>
#include "law.h"
#include "memory.h"

static const struct xo_law_kind *const kinds[] = {
    [XO_LAW_OHMIC] = &xo_law_ohmic,
    [XO_LAW_SINH] = &xo_law_sinh,
    [XO_LAW_POLYNOMIAL] = &xo_law_polynomial,
    [XO_LAW_TABLE] = &xo_law_table,
    [XO_LAW_SPICE] = &xo_law_table,
};
#define KINDS (sizeof kinds / sizeof *kinds)

static bool has_levels(enum xo_law law)
{
    return law == XO_LAW_POLYNOMIAL || law == XO_LAW_TABLE || law == XO_LAW_SPICE;
}

/* One curve a level, each with room for three numbers a point and the origin. */
static int allocate(struct xo_law_prepared *l, const struct xo_device_law *d)
{
    size_t numbers = 0;
    l->curves = has_levels(d->law) ? d->levels : 1;
    l->curve = xo_calloc(l->curves, sizeof *l->curve);
    for (size_t k = 0; has_levels(d->law) && k < d->levels; k++)
        numbers += 3 * (d->level[k].count + 1);
    l->memory = xo_calloc(numbers, sizeof *l->memory);
    if (!l->curve || !l->memory)
        return ENOMEM;
    numbers = 0;
    for (size_t k = 0; has_levels(d->law) && k < d->levels; k++) {
        l->curve[k].number = l->memory + numbers;
        l->curve[k].siemens = d->level[k].siemens;
        numbers += 3 * (d->level[k].count + 1);
    }
    return 0;
}

static int by_siemens(const void *a, const void *b)
{
    double x = ((const struct xo_law_curve *)a)->siemens, y = ((const struct xo_law_curve *)b)->siemens;
    return x < y ? -1 : x > y;
}

static int sort_levels(struct xo_law_prepared *l, struct xo_info *info)
{
    qsort(l->curve, l->curves, sizeof *l->curve, by_siemens);
    for (size_t k = 0; k + 1 < l->curves; k++)
        if (!(l->curve[k].siemens < l->curve[k + 1].siemens))
            return xo_fail(info, XO_EVALUE, "law %s: two levels have a conductance of %g S; expected levels apart",
                           l->kind->name, l->curve[k].siemens);
    return 0;
}

int xo_law_new(struct xo_law_prepared **out, const struct xo_device_law *d, struct xo_info *info)
{
    struct xo_law_prepared *l;
    int status;
    if ((size_t)d->law >= KINDS)
        return xo_fail(info, XO_EVALUE, "law %d is unknown; expected one of enum xo_law", (int)d->law);
    if (!(fabs(d->reference_volt) <= XO_MAX_VOLT) || (has_levels(d->law) && !d->levels))
        return xo_fail(info, XO_EVALUE, "law %s: reference_volt is %g with %zu levels; expected a voltage and at "
                       "least one level", kinds[d->law]->name, d->reference_volt, d->levels);
    l = xo_calloc(1, sizeof *l);
    if (!l)
        return xo_fail(info, ENOMEM, "out of memory for a law");
    l->kind = kinds[d->law];
    status = allocate(l, d);
    if (status)
        xo_fail(info, status, "out of memory for a law of %zu levels", d->levels);
    if (!status)
        status = l->kind->prepare(l, d, info);
    if (!status)
        status = sort_levels(l, info);
    if (status)
        xo_law_free(l);
    else
        *out = l;
    return status;
}

void xo_law_free(struct xo_law_prepared *l)
{
    if (!l)
        return;
    free(l->curve);
    free(l->memory);
    free(l);
}

/* A mixture of the two levels around g, or the last one's shape. */
int xo_law_place(const struct xo_law_prepared *l, double g, struct xo_blend *out, struct xo_info *info)
{
    bool measured = l->kind == &xo_law_table;
    double first = l->curve[0].siemens, last = l->curve[l->curves - 1].siemens;
    size_t k = 0;
    if (measured && g > 0 && !(g >= 0.5 * first && g <= 2 * last))
        return xo_fail(info, XO_EVALUE, "has %g S; expected 0 or from half of %g S to twice %g S, the levels of the "
                       "table", g, first, last);
    while (k + 1 < l->curves && l->curve[k + 1].siemens <= g)
        k++;
    *out = (struct xo_blend){.curve = k, .lower = measured ? g / l->curve[k].siemens : g};
    if (k + 1 < l->curves && g > l->curve[k].siemens) {
        double share = (g - l->curve[k].siemens) / (l->curve[k + 1].siemens - l->curve[k].siemens);
        out->lower = measured ? 1 - share : g * (1 - share);
        out->upper = measured ? share : g * share;
    }
    return 0;
}

/* Beyond its range a curve follows its tangent. */
static void curve_at(const struct xo_law_prepared *l, const struct xo_law_curve *c, double volt,
                     struct xo_law_point *p)
{
    double inside = fmin(fmax(volt, c->low_volt), c->high_volt);
    l->kind->at(l, c, inside, p);
    if (inside != volt) {
        p->amp += p->siemens * (volt - inside);
        p->size += p->siemens * (fabs(volt) + fabs(inside));
    }
}

void xo_law_at(const struct xo_law_prepared *l, const struct xo_blend *b, double volt, struct xo_law_point *p)
{
    struct xo_law_point q;
    curve_at(l, &l->curve[b->curve], volt, p);
    p->amp *= b->lower;
    p->siemens *= b->lower;
    p->size *= b->lower;
    if (b->upper == 0)
        return;
    curve_at(l, &l->curve[b->curve + 1], volt, &q);
    p->amp += b->upper * q.amp;
    p->siemens += b->upper * q.siemens;
    p->size += b->upper * q.size;
}

static double curve_bend(const struct xo_law_prepared *l, const struct xo_law_curve *c, double low, double high)
{
    low = fmax(low, c->low_volt);
    high = fmin(high, c->high_volt);
    return low <= high ? l->kind->bend(l, c, low, high) : 0;
}

double xo_law_bend(const struct xo_law_prepared *l, const struct xo_blend *b, double volt, double radius)
{
    double bend = b->lower * curve_bend(l, &l->curve[b->curve], volt - radius, volt + radius);
    if (b->upper > 0)
        bend += b->upper * curve_bend(l, &l->curve[b->curve + 1], volt - radius, volt + radius);
    return bend;
}

/* v0 asinh where there is such a formula; else Newton between bounds that close in, from `start` outwards. */
double xo_law_inverse(const struct xo_law_prepared *l, const struct xo_blend *b, double amp, double start)
{
    struct xo_law_point p;
    double volt = start, low = -XO_MAX_VOLT, high = XO_MAX_VOLT;
    if (l->kind == &xo_law_ohmic)
        return amp / b->lower;
    if (l->kind == &xo_law_sinh && fabs(volt = l->v0_volt * asinh(amp / (b->lower * l->scale_volt)))
                                   <= l->curve[0].high_volt)
        return volt;
    if (amp == 0)
        return 0;
    *(amp > 0 ? &low : &high) = 0;
    volt = fmin(fmax(start, low), high);
    for (int step = 0; step < 400; step++) {
        xo_law_at(l, b, volt, &p);
        *(p.amp < amp ? &low : &high) = volt;
        double next = volt + (amp - p.amp) / p.siemens;
        if (fabs(next - volt) <= DBL_EPSILON * fabs(volt))
            return next;
        if (!(next > low && next < high))
            next = low + 0.5 * (high - low);
        if (next == volt || next == low || next == high)
            return next;
        volt = next;
    }
    return volt;
}

bool xo_law_covers(const struct xo_law_prepared *l, const struct xo_blend *b, double volt, double range[2])
{
    const struct xo_law_curve *c = &l->curve[b->curve], *d = b->upper > 0 ? c + 1 : c;
    range[0] = fmax(c->low_volt, d->low_volt);
    range[1] = fmin(c->high_volt, d->high_volt);
    double spare = 4 * DBL_EPSILON * (fabs(volt) + 1e-300);
    return volt >= range[0] - spare && volt <= range[1] + spare;
}
