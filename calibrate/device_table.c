/* The law of last resort: through the means of each level the nearest rising curve (pool adjacent violators, Ayer et
 * al. 1955), between its points a monotone cubic (Steffen 1990).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <float.h>
#include <math.h>
#include <string.h>
#include "device_fit.h"
#include "memory.h"

#define MOST_BINS 200                  /* more different voltages are put together, so many alike */
#define STANDS_OUT 4                   /* a fall counts beyond so many standard deviations of the means */
#define NORMAL_MAD 0.6744897501960817

/* A point of the curve: the mean of `number` measured ones, the first of which is point `at` of the data. */
struct knot {
    double volt, ampere, number;
    size_t at;
};

static int compare_knots(const void *left, const void *right)
{
    const struct knot *a = left, *b = right;
    int order = (a->volt > b->volt) - (a->volt < b->volt);
    return order ? order : (a->at > b->at) - (a->at < b->at);
}

static struct knot together(struct knot a, struct knot b)
{
    double number = a.number + b.number;
    return (struct knot){(a.volt * a.number + b.volt * b.number) / number,
                         (a.ampere * a.number + b.ampere * b.number) / number, number, a.at};
}

/* Equal voltages become one knot; if there are still too many, neighbours between the first and the last are put
 * together in equal numbers: a table reaches as far as its data do. */
static size_t bin(struct knot *knot, size_t count)
{
    size_t last = 0, kept = 1, each;
    qsort(knot, count, sizeof *knot, compare_knots);
    for (size_t k = 1; k < count; k++)
        if (knot[k].volt > knot[last].volt)
            knot[++last] = knot[k];
        else
            knot[last] = together(knot[last], knot[k]);
    if (last < MOST_BINS)
        return last + 1;
    each = (last - 1 + MOST_BINS - 3) / (MOST_BINS - 2);
    for (size_t k = 1; k < last; kept++) {
        size_t end = k + each < last ? k + each : last;
        struct knot sum = knot[k++];
        while (k < end)
            sum = together(sum, knot[k++]);
        knot[kept] = sum;
    }
    knot[kept++] = knot[last];
    return kept;
}

/* No current without voltage: a knot at 0 V that outweighs all others. */
static size_t anchor(struct knot *knot, size_t count)
{
    size_t k = 0;
    while (k < count && knot[k].volt < 0)
        k++;
    if (k == count || knot[k].volt > 0) {
        memmove(knot + k + 1, knot + k, (count - k) * sizeof *knot);
        knot[k].at = k < count ? knot[k + 1].at : knot[k - 1].at;
        count++;
    }
    knot[k] = (struct knot){0, 0, 1e12, knot[k].at};
    return count;
}

/* Neighbours that do not rise are put together until all do; what is put together at an end of the data stays at that
 * end.  pooled [count]; how many are left. */
static size_t pool(struct knot *pooled, const struct knot *knot, size_t count)
{
    size_t kept = 0;
    for (size_t k = 0; k < count; k++) {
        pooled[kept++] = knot[k];
        while (kept > 1 && !(pooled[kept - 1].ampere > pooled[kept - 2].ampere)) {
            pooled[kept - 2] = together(pooled[kept - 2], pooled[kept - 1]);
            kept--;
        }
    }
    pooled[0].volt = knot[0].volt;
    pooled[kept - 1].volt = kept > 1 ? knot[count - 1].volt : pooled[0].volt;
    for (size_t k = 0; k < kept; k++)
        if (pooled[k].number >= 1e12)
            pooled[k].volt = pooled[k].ampere = 0;
    return kept;
}

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Standard deviation of a knot's noise, from second differences: a smooth curve has small ones.  relative: of its
 * current.  scratch [count] */
static double roughness(const struct knot *knot, size_t count, bool relative, double *scratch)
{
    if (count < 5)
        return 0;
    for (size_t k = 1; k + 1 < count; k++) {
        scratch[k - 1] = fabs(knot[k + 1].ampere - 2 * knot[k].ampere + knot[k - 1].ampere);
        if (relative)
            scratch[k - 1] /= fmax(fabs(knot[k].ampere), DBL_MIN);
    }
    qsort(scratch, count - 2, sizeof *scratch, compare_numbers);
    return scratch[(count - 2) / 2] / NORMAL_MAD / sqrt(6);
}

/* ---- evaluation ------------------------------------------------------------------------------------ */

/* Steffen's slope at an inner knot: that of the parabola, limited so that nothing overshoots. */
static double steffen(double h0, double h1, double s0, double s1)
{
    double parabola = (s0 * h1 + s1 * h0) / (h0 + h1);
    return (copysign(1, s0) + copysign(1, s1)) * fmin(fmin(fabs(s0), fabs(s1)), fabs(parabola) / 2);
}

static double slope_at(const struct xo_device_level *t, size_t k)
{
    const double *v = t->table_volt, *i = t->table_ampere;
    if (k == 0)
        return (i[1] - i[0]) / (v[1] - v[0]);
    if (k + 1 == t->table_points)
        return (i[k] - i[k - 1]) / (v[k] - v[k - 1]);
    return steffen(v[k] - v[k - 1], v[k + 1] - v[k], (i[k] - i[k - 1]) / (v[k] - v[k - 1]),
                   (i[k + 1] - i[k]) / (v[k + 1] - v[k]));
}

static double table_ampere(const struct xo_device_level *t, double volt)
{
    const double *v = t->table_volt, *i = t->table_ampere;
    size_t last = t->table_points - 1, k = 0;
    if (volt <= v[0] || volt >= v[last]) {
        size_t end = volt <= v[0] ? 0 : last;
        return i[end] + slope_at(t, end) * (volt - v[end]);
    }
    while (volt >= v[k + 1])
        k++;
    double h = v[k + 1] - v[k], x = volt - v[k], s = (i[k + 1] - i[k]) / h;
    double a = slope_at(t, k), b = slope_at(t, k + 1);
    return i[k] + x * (a + x / h * (3 * s - 2 * a - b + x / h * (a + b - 2 * s)));
}

/* I/v of the table at the reference. */
static double table_siemens(const struct xo_device_level *t, double reference_volt)
{
    size_t zero = 0;
    if (fabs(reference_volt) > 0)
        return table_ampere(t, reference_volt) / reference_volt;
    while (t->table_volt[zero] < 0)
        zero++;
    return slope_at(t, zero);
}

double xo_device_ampere(const struct xo_device_fit *fit, size_t level, double siemens, double volt)
{
    const struct xo_device_level *l = &fit->level[level];
    struct xo_shape shape = {fit->law, fit->shape_count, fit->reference_volt, 1};
    double theta[XO_SHAPE_MOST];
    if (fit->law == XO_FIT_TABLE)
        return siemens * table_ampere(l, volt) / table_siemens(l, fit->reference_volt);
    xo_shape_from_numbers(&shape, l->shape, theta);
    return siemens * xo_shape_value(&shape, theta, volt, NULL);
}

/* ---- building -------------------------------------------------------------------------------------- */

/* All points of the level as knots, their currents scaled to the mean of the curves' slopes. */
static void gather(struct knot *knot, const struct xo_range *r, size_t from, size_t to)
{
    double mean = 0;
    size_t first = r->iv->curve[from].first;
    for (size_t j = from; j < to; j++)
        mean += r->siemens[j] / (double)(to - from);
    for (size_t j = from; j < to; j++)
        for (size_t k = r->iv->curve[j].first; k < r->iv->curve[j].first + r->iv->curve[j].points; k++)
            knot[k - first] = (struct knot){r->iv->volt[k], r->iv->ampere[k] * mean / r->siemens[j], 1, k};
}

/* How far a knot may be moved to make the curve rise. */
struct limit { double ampere, relative; };

/* The steepest fall that knots first < k <= last hold. */
static size_t steepest(const struct knot *knot, size_t first, size_t last)
{
    size_t found = last;
    double most = 0;
    for (size_t k = first + 1; k <= last; k++)
        if (knot[k - 1].ampere - knot[k].ampere > most) {
            most = knot[k - 1].ampere - knot[k].ampere;
            found = k;
        }
    return found;
}

/* Is what pooling changed more than noise and tolerance?  Says where. */
static int check_falls(const struct knot *knot, size_t count, const struct knot *pooled, struct limit limit,
                       const struct xo_iv *iv, const char *name, struct xo_info *info)
{
    for (size_t first = 0, end, block = 0; first < count; first = end, block++) {
        double left = pooled[block].number;
        bool moved = false;
        for (end = first; end < count && left > 0.5; end++) {
            double ampere = knot[end].ampere, now = pooled[block].ampere;
            double most = fmax(limit.ampere, limit.relative * fmax(fabs(ampere), fabs(now)));
            left -= knot[end].number;
            moved |= fabs(ampere - now) > most && knot[end].number < 1e12;
        }
        size_t k = moved && end - first > 1 ? steepest(knot, first, end - 1) : 0;
        if (k)
            return xo_fail(info, XO_EVALUE, "%s:%zu: the mean current of level %zu is %.4g A at %.4g V and %.4g A at "
                           "%.4g V; expected a current that rises with the voltage", name, iv->line[knot[k].at],
                           iv->curve[0].level, knot[k - 1].ampere, knot[k - 1].volt, knot[k].ampere, knot[k].volt);
    }
    return 0;
}

static int publish(struct xo_device_level *level, const struct knot *pooled, size_t count)
{
    level->table_volt = xo_calloc(count, sizeof *level->table_volt);
    level->table_ampere = xo_calloc(count, sizeof *level->table_ampere);
    if (!level->table_volt || !level->table_ampere)
        return ENOMEM;
    for (size_t k = 0; k < count; k++) {
        level->table_volt[k] = pooled[k].volt;
        level->table_ampere[k] = pooled[k].ampere;
    }
    level->table_points = count;
    return 0;
}

static int tabulate(struct xo_device_fit *fit, const struct xo_range *r, size_t from, size_t to, const char *name,
                    double tolerance, struct xo_info *info)
{
    size_t points = r->iv->curve[to - 1].first + r->iv->curve[to - 1].points - r->iv->curve[from].first, kept;
    struct knot *knot = xo_calloc(points + 1, sizeof *knot), *pooled = xo_calloc(points + 1, sizeof *pooled);
    double *scratch = xo_calloc(points + 1, sizeof *scratch);
    int status = knot && pooled && scratch ? 0 : ENOMEM;
    if (!status) {
        struct xo_iv of_level = *r->iv;        /* its first curve, for messages */
        of_level.curve = r->iv->curve + from;
        gather(knot, r, from, to);
        size_t count = anchor(knot, bin(knot, points));
        struct limit limit = {
            fmax(tolerance * xo_iv_largest(r->iv, from, to), STANDS_OUT * roughness(knot, count, false, scratch)),
            STANDS_OUT * roughness(knot, count, true, scratch)
        };
        kept = pool(pooled, knot, count);
        status = check_falls(knot, count, pooled, limit, &of_level, name, info);
        if (!status && kept < 2)
            status = xo_fail(info, XO_ESHAPE,
                             "%s:%zu: level %zu has %zu points that rise; expected two or more for a "
                             "table", name, r->iv->line[r->iv->curve[from].first], r->iv->curve[from].level, kept);
        if (!status)
            status = publish(&fit->level[r->iv->curve[from].level], pooled, kept);
    }
    free(scratch);
    free(pooled);
    free(knot);
    return status;
}

/* The table as a shape: h = table/g, and each curve's g by regression with the weights there are. */
static void follow_table(struct xo_device_fit *fit, struct xo_range *r)
{
    for (size_t j = 0; j < r->iv->curves; j++) {
        const struct xo_iv_curve *c = &r->iv->curve[j];
        const struct xo_device_level *level = &fit->level[c->level];
        double unit = table_siemens(level, fit->reference_volt), hh = 0, hi = 0;
        for (size_t k = c->first; k < c->first + c->points; k++) {
            double h = r->value[k] = table_ampere(level, r->iv->volt[k]) / unit;
            hh += r->weight[k] * h * h;
            hi += r->weight[k] * h * r->iv->ampere[k];
        }
        r->siemens[j] = hh > 0 ? hi / hh : 0;
    }
}

/* What the table leaves is noise now.  One curve of a level replicates nothing: its table has no interval. */
static int interpret(struct xo_device_fit *fit, struct xo_range *r, const struct xo_units *u)
{
    double penalty, *scratch = xo_calloc(r->iv->points, 3 * sizeof *scratch);
    if (!scratch)
        return ENOMEM;
    xo_range_noise(r, scratch);
    free(scratch);
    int status = xo_range_intervals(r, u, fit->level, &penalty);
    for (size_t k = 0; k < fit->levels && u->unit == XO_UNIT_POINT; k++)
        fit->level[k].siemens.low95 = fit->level[k].siemens.high95 = NAN;
    return status;
}

int xo_device_table(struct xo_device_fit *fit, struct xo_range *r, const struct xo_units *u, const char *name,
                    double tolerance, struct xo_info *info)
{
    int status = 0;
    for (size_t j = 0, next; j < r->iv->curves && !status; j = next) {
        next = xo_iv_end_of_level(r->iv, j);
        status = tabulate(fit, r, j, next, name, tolerance, info);
    }
    if (status)
        return status;
    fit->law = XO_FIT_TABLE;
    fit->shape_count = 0;
    follow_table(fit, r);
    return interpret(fit, r, u);
}
