/* The laws of gated columns as curves of points: cubics between them miss no current by more than 1e-12 of it.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "cell.h"
#include "fit.h"
#include "memory.h"
#include "xo_ladder.h"

#define CLOSE 1e-12
#define MOST_NUMBERS ((size_t)1 << 26)         /* of all curves together */
enum { AT_FIRST = 16, MOST_SPLITS = 12 };

struct knots { size_t count, room; double *volt; };

static int add_knot(struct knots *k, double volt)
{
    if (k->count == k->room) {
        size_t room = k->room ? 2 * k->room : 256;
        double *more = xo_realloc(k->volt, room, sizeof *more);
        if (!more)
            return ENOMEM;
        k->volt = more;
        k->room = room;
    }
    k->volt[k->count++] = volt;
    return 0;
}

static int by_volt(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The ends, 0 V, some between, and the points that tables have. */
static int first_knots(struct knots *k, const struct xo_law_prepared *law, double low, double high)
{
    int status = add_knot(k, 0);
    for (int n = 0; n <= AT_FIRST && !status; n++)
        status = add_knot(k, low + (high - low) * n / AT_FIRST);
    for (size_t c = 0; c < law->curves; c++)
        for (size_t n = 0; law->curve[c].volt && n < law->curve[c].count && !status; n++)
            if (law->curve[c].volt[n] > low && law->curve[c].volt[n] < high)
                status = add_knot(k, law->curve[c].volt[n]);
    if (status)
        return status;
    size_t kept = 0;
    qsort(k->volt, k->count, sizeof *k->volt, by_volt);
    for (size_t n = 0; n < k->count; n++)
        if (!kept || k->volt[n] - k->volt[kept - 1] > 1e-9 * (high - low))
            k->volt[kept++] = k->volt[n];
    k->count = kept;
    return 0;
}

static struct xo_law_point law_at(const struct xo_law_prepared *law, size_t curve, double volt)
{
    const struct xo_blend alone = {.curve = curve, .lower = 1};
    struct xo_law_point p;
    xo_law_at(law, &alone, volt, &p);
    return p;
}

/* Does the cubic between a and b do at a third of the way, for every curve? */
static bool is_close(const struct xo_law_prepared *law, double a, double b)
{
    for (size_t c = 0; c < law->curves; c++) {
        struct xo_law_point p = law_at(law, c, a), q = law_at(law, c, b), between = law_at(law, c, a + (b - a) / 3);
        double h = b - a, t = 1.0 / 3, s = (q.amp - p.amp) / h;
        double cubic = p.amp + t * h * (p.siemens + t * (3 * s - 2 * p.siemens - q.siemens
                                                         + t * (p.siemens + q.siemens - 2 * s)));
        if (fabs(cubic - between.amp) > CLOSE * fmin(fabs(p.amp), fabs(q.amp)) + 4 * 0x1p-53 * between.size)
            return false;
    }
    return true;
}

static int refine(struct knots *k, const struct xo_law_prepared *law)
{
    bool again = true;
    int status = 0;
    for (int split = 0; split < MOST_SPLITS && again && !status; split++) {
        size_t count = k->count;
        again = false;
        for (size_t n = 0; n + 1 < count && !status; n++)
            if (k->count * law->curves < MOST_NUMBERS / 4 && !is_close(law, k->volt[n], k->volt[n + 1])) {
                status = add_knot(k, k->volt[n] + 0.5 * (k->volt[n + 1] - k->volt[n]));
                again = true;
            }
        qsort(k->volt, k->count, sizeof *k->volt, by_volt);
    }
    return status;
}

static int set_curves(struct xo_fcm_ladder *to, const struct xo_law_prepared *law)
{
    to->curve_ampere = xo_calloc(to->curves, to->points * sizeof *to->curve_ampere);
    to->curve_siemens = xo_calloc(to->curves, to->points * sizeof *to->curve_siemens);
    if (!to->curve_ampere || !to->curve_siemens)
        return ENOMEM;
    for (size_t k = 0; k < to->curves * to->points; k++) {
        struct xo_law_point p = law_at(law, k / to->points, to->curve_volt[k % to->points]);
        to->curve_ampere[k] = p.amp;
        to->curve_siemens[k] = p.siemens;
    }
    return 0;
}

static int set_cells(struct xo_fcm_ladder *to, const xo_ladder *l)
{
    size_t cells = l->rows * l->columns;
    to->cell_curve = xo_calloc(cells, sizeof *to->cell_curve);
    to->cell_lower = xo_calloc(cells, sizeof *to->cell_lower);
    to->cell_upper = xo_calloc(cells, sizeof *to->cell_upper);
    to->cell_ohm = xo_calloc(cells, sizeof *to->cell_ohm);
    if (!to->cell_curve || !to->cell_lower || !to->cell_upper || !to->cell_ohm)
        return ENOMEM;
    for (size_t k = 0; k < cells; k++) {
        const struct xo_cell *c = &l->cell[k];
        if (c->series_ohm == XO_OPEN || l->gated[k / l->columns])
            continue;
        to->cell_curve[k] = (double)c->blend.curve;
        to->cell_lower[k] = c->blend.lower;
        to->cell_upper[k] = c->blend.upper;
        to->cell_ohm[k] = c->series_ohm;
    }
    return 0;
}

int xo_fit_curves(struct xo_fcm_ladder *to, const xo_ladder *l, struct xo_info *info)
{
    const struct xo_law_prepared *law = l->laws->law;
    struct knots k = {0};
    double low = 0, high = 0;
    for (size_t j = 0; j < l->columns; j++) {
        low = fmin(low, l->volt[j]);
        high = fmax(high, l->volt[j]);
    }
    int status = first_knots(&k, law, low, low < high ? high : low + 1);
    if (!status && k.count > MOST_NUMBERS / law->curves)
        status = xo_fail(info, XO_ETOOBIG, "%zu curves of %zu points; expected at most %zu numbers", law->curves,
                         k.count, MOST_NUMBERS);
    if (!status)
        status = refine(&k, law);
    if (status) {
        free(k.volt);
        return status;
    }
    to->curves = law->curves;
    to->points = k.count;
    to->curve_volt = k.volt;
    status = set_curves(to, law);
    return status ? status : set_cells(to, l);
}
