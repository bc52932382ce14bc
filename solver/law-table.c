/* Law table: measured points joined by cubics that are monotone where the points are (Fritsch and Carlson, SIAM J.
 * Numer. Anal. 17(2), 1980).  A cell carries nothing at 0 V, so the origin is a point of every curve.
 * Law spice: the same of curves without noise, whose slopes can be had to the fourth order.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "law.h"

/* The last knot at or below volt, but the last but one at the end. */
static size_t piece(const struct xo_law_curve *c, double volt)
{
    size_t low = 0, high = c->count - 1;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        *(c->volt[middle] <= volt ? &low : &high) = middle;
    }
    return low;
}

/* Hermite's cubic on one piece, from the nearer end so that the origin stays exact: with t from it and the secant
 * slope s, I = I_k + h t (d_k + t (3s - 2d_k - d_(k+1) + t (d_k + d_(k+1) - 2s))). */
static void at(const struct xo_law_prepared *l, const struct xo_law_curve *c, double volt, struct xo_law_point *p)
{
    size_t k = piece(c, volt);
    double h = c->volt[k + 1] - c->volt[k], s = (c->amp[k + 1] - c->amp[k]) / h;
    bool from_low = volt - c->volt[k] <= 0.5 * h;
    size_t near = from_low ? k : k + 1, far = from_low ? k + 1 : k;
    double d = c->number[near], e = c->number[far], step = volt - c->volt[near], t = step / (from_low ? h : -h);
    double quadratic = 3 * s - 2 * d - e, cubic = d + e - 2 * s;
    (void)l;
    p->amp = c->amp[near] + step * (d + t * (quadratic + t * cubic));
    p->siemens = fmax(0, d + t * (2 * quadratic + t * 3 * cubic));
    p->size = fabs(c->amp[near]) + 2 * (fabs(step) + fabs(volt)) * (3 * d + 2 * e + 5 * s);
}

/* The second derivative is linear on a piece, so largest at one of its ends. */
static double bend(const struct xo_law_prepared *l, const struct xo_law_curve *c, double low, double high)
{
    double most = 0;
    (void)l;
    for (size_t k = piece(c, low); k <= piece(c, high); k++) {
        double h = c->volt[k + 1] - c->volt[k], s = (c->amp[k + 1] - c->amp[k]) / h;
        double d = c->number[k], e = c->number[k + 1];
        most = fmax(most, 2 / h * fmax(fabs(3 * s - 2 * d - e), fabs(3 * s - d - 2 * e)));
    }
    return most;
}

static double secant(const struct xo_law_curve *c, size_t k)
{
    return (c->amp[k + 1] - c->amp[k]) / (c->volt[k + 1] - c->volt[k]);
}

/* Slope at the end of a curve from the three points there, kept between 0 and three secants. */
static double end_slope(double h0, double h1, double s0, double s1)
{
    double slope = ((2 * h0 + h1) * s0 - h0 * s1) / (h0 + h1);
    return slope < 0 ? 0 : slope > 3 * s0 ? 3 * s0 : slope;
}

/* Weighted harmonic means of neighbouring secants (Fritsch and Butland 1984): within three times the smaller one,
 * which is the monotone region of Fritsch and Carlson. */
static void find_slopes(struct xo_law_curve *c)
{
    size_t last = c->count - 1;
    for (size_t k = 1; k < last; k++) {
        double h0 = c->volt[k] - c->volt[k - 1], h1 = c->volt[k + 1] - c->volt[k];
        double s0 = secant(c, k - 1), s1 = secant(c, k), w0 = 2 * h1 + h0, w1 = h1 + 2 * h0;
        c->number[k] = s0 > 0 && s1 > 0 ? (w0 + w1) / (w0 / s0 + w1 / s1) : 0;
    }
    c->number[0] = c->number[last] = secant(c, 0);
    if (last > 1) {
        c->number[0] = end_slope(c->volt[1] - c->volt[0], c->volt[2] - c->volt[1], secant(c, 0), secant(c, 1));
        c->number[last] = end_slope(c->volt[last] - c->volt[last - 1], c->volt[last - 1] - c->volt[last - 2],
                                    secant(c, last - 1), secant(c, last - 2));
    }
}

/* At knot k, of the polynomial through `count` knots from `first` on, k among them (barycentric weights). */
static double lagrange_slope(const struct xo_law_curve *c, size_t k, size_t first, size_t count)
{
    double own = 1, slope = 0;
    for (size_t m = first; m < first + count; m++)
        own *= m == k ? 1 : c->volt[k] - c->volt[m];
    for (size_t j = first; j < first + count; j++) {
        double other = 1;
        for (size_t m = first; m < first + count; m++)
            other *= m == j ? 1 : c->volt[j] - c->volt[m];
        slope += j == k ? 0 : own / other * (c->amp[k] - c->amp[j]) / (c->volt[k] - c->volt[j]);
    }
    return -slope;
}

/* Five knots where there are so many; within the monotone region of Fritsch and Carlson, as above. */
static void find_smooth_slopes(struct xo_law_curve *c)
{
    size_t last = c->count - 1, count = c->count < 5 ? c->count : 5;
    for (size_t k = 0; k <= last; k++) {
        size_t first = k < 2 ? 0 : k + 2 > last ? c->count - count : k - 2;
        double least = k == 0 ? secant(c, 0) : k == last ? secant(c, last - 1)
                                                        : fmin(secant(c, k - 1), secant(c, k));
        c->number[k] = fmin(fmax(lagrange_slope(c, k, first, count), 0), 3 * least);
    }
}

/* Copy the points, the origin among them, behind the slopes' places. */
static int take_points(struct xo_law_curve *c, const struct xo_law_level *level, size_t number, struct xo_info *info)
{
    double *volt = c->number + level->count + 1, *amp = volt + level->count + 1;
    bool origin = false;
    c->volt = volt;
    c->amp = amp;
    c->count = 0;
    for (size_t k = 0; k <= level->count; k++) {
        bool end = k == level->count;
        if (!origin && (end || level->volt[k] >= 0)) {
            origin = true;
            volt[c->count] = amp[c->count] = 0;
            c->count++;
            if (!end && level->volt[k] == 0 && level->amp[k] == 0)
                continue;
        }
        if (end)
            break;
        volt[c->count] = level->volt[k];
        amp[c->count++] = level->amp[k];
    }
    for (size_t k = 0; k + 1 < c->count; k++)
        if (!(volt[k + 1] > volt[k] && amp[k + 1] >= amp[k] && fabs(volt[k]) <= XO_MAX_VOLT && fabs(amp[k]) <= 1e12))
            return xo_fail(info, XO_EVALUE, "law table: level %zu goes from %g V, %g A to %g V, %g A; expected "
                           "rising voltages and currents through 0 A at 0 V", number, volt[k], amp[k], volt[k + 1],
                           amp[k + 1]);
    return c->count > 1 ? 0 : xo_fail(info, XO_EVALUE, "law table: level %zu has no points", number);
}

static int prepare_curve(struct xo_law_prepared *l, struct xo_law_curve *c, const struct xo_law_level *level,
                         size_t number, double reference, bool smooth, struct xo_info *info)
{
    struct xo_law_point p;
    int status = take_points(c, level, number, info);
    if (status)
        return status;
    smooth ? find_smooth_slopes(c) : find_slopes(c);
    c->low_volt = c->volt[0];
    c->high_volt = c->volt[c->count - 1];
    if (reference < c->low_volt || reference > c->high_volt)
        return xo_fail(info, XO_EVALUE, "law table: reference_volt is %g V; expected %g to %g V, as level %zu covers",
                       reference, c->low_volt, c->high_volt, number);
    at(l, c, reference, &p);
    c->siemens = reference == 0 ? p.siemens : p.amp / reference;
    if (!(c->siemens > 0))
        return xo_fail(info, XO_EVALUE, "law table: level %zu conducts nothing at reference_volt %g V; expected a "
                       "conductance", number, reference);
    return 0;
}

static int prepare(struct xo_law_prepared *l, const struct xo_device_law *d, struct xo_info *info)
{
    int status = 0;
    for (size_t k = 0; k < d->levels && !status; k++)
        status = prepare_curve(l, &l->curve[k], &d->level[k], k, d->reference_volt, d->law == XO_LAW_SPICE, info);
    return status;
}

const struct xo_law_kind xo_law_table = {.name = "table", .prepare = prepare, .at = at, .bend = bend};
