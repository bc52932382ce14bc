/* Measured curves of the law `table`.  Points of one level at one voltage, of several devices or cycles, become their
 * mean.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "points.h"
#include "schema.h"

#define MAX_NBYTES ((size_t)1 << 28)
#define MAX_LEVELS 65536

struct curves {
    const char *path;
    struct xo_info *info;
    struct xo_points p;
};

static int by_level_and_volt(const void *a, const void *b)
{
    const struct xo_point *p = a, *q = b;
    if (p->level != q->level)
        return p->level < q->level ? -1 : 1;
    if (p->volt != q->volt)
        return p->volt < q->volt ? -1 : 1;
    return p->line < q->line ? -1 : p->line > q->line;
}

/* One point a voltage: the mean of those there, at the line of the first. */
static void merge_points(struct curves *c)
{
    size_t kept = 0;
    qsort(c->p.point, c->p.count, sizeof *c->p.point, by_level_and_volt);
    for (size_t k = 0; k < c->p.count;) {
        struct xo_point mean = c->p.point[k];
        size_t end = k + 1;
        while (end < c->p.count && c->p.point[end].level == mean.level && c->p.point[end].volt == mean.volt)
            mean.ampere += c->p.point[end++].ampere;
        mean.ampere /= (double)(end - k);
        c->p.point[kept++] = mean;
        k = end;
    }
    c->p.count = kept;
}

static int check_point(const struct curves *c, size_t k)
{
    const struct xo_point *p = &c->p.point[k], *q = k && p[-1].level == p->level ? p - 1 : NULL;
    if (p->volt == 0 ? p->ampere != 0 : p->ampere != 0 && (p->ampere > 0) != (p->volt > 0))
        return xo_fail(c->info, XO_EVALUE, "%s:%zu: found %g A at %g V; expected a current of the voltage's sign, 0 "
                       "A at 0 V", c->path, p->line, p->ampere, p->volt);
    if (q && p->ampere < q->ampere)
        return xo_fail(c->info, XO_EVALUE, "%s:%zu: not monotone: found %g A at %g V after %g A at %g V (line %zu) "
                       "in level %zu; expected a current that does not fall", c->path, p->line, p->ampere, p->volt,
                       q->ampere, q->volt, q->line, p->level);
    return 0;
}

/* Levels follow each other from 0. */
static int check(const struct curves *c, size_t *levels)
{
    int status = 0;
    for (size_t k = 0; k < c->p.count && !status; k++) {
        size_t most = k ? c->p.point[k - 1].level + 1 : 0;
        if (c->p.point[k].level > most)
            return xo_fail(c->info, XO_EVALUE, "%s:%zu: missing level %zu: found level %zu next; expected levels 0, "
                           "1, 2, ...", c->path, c->p.point[k].line, most, c->p.point[k].level);
        status = check_point(c, k);
    }
    *levels = c->p.point[c->p.count - 1].level + 1;
    return status;
}

static int hand_over(const struct curves *c, struct xo_arena *arena, struct xo_law_level *level)
{
    double *volt = xo_arena_alloc(arena, c->p.count, sizeof *volt);
    double *amp = xo_arena_alloc(arena, c->p.count, sizeof *amp);
    if (!volt || !amp)
        return xo_fail(c->info, ENOMEM, "%s: %s", c->path, xo_strerror(ENOMEM));
    for (size_t k = 0; k < c->p.count; k++) {
        struct xo_law_level *l = &level[c->p.point[k].level];
        volt[k] = c->p.point[k].volt;
        amp[k] = c->p.point[k].ampere;
        l->volt = l->count ? l->volt : volt + k;
        l->amp = l->count ? l->amp : amp + k;
        l->count++;
    }
    return 0;
}

int xo_curves_read(struct xo_arena *arena, const char *path, struct xo_law_level **level, size_t *levels,
                   struct xo_info *info)
{
    struct curves c = {.path = path, .info = info};
    char *bytes = NULL;
    size_t nbytes = 0, count = 0;
    struct xo_law_level *fresh = NULL;
    int status = xo_slurp(&bytes, &nbytes, path, MAX_NBYTES, info);
    if (!status)
        status = xo_points_take(&c.p, bytes, nbytes, path, MAX_LEVELS, info);
    if (!status && c.p.has_kelvin && c.p.low_kelvin != c.p.high_kelvin)
        status = xo_fail(info, XO_EVALUE, "%s: found %g K and %g K; expected curves of one temperature", path,
                         c.p.low_kelvin, c.p.high_kelvin);
    if (!status) {
        merge_points(&c);
        status = check(&c, &count);
    }
    if (!status && !(fresh = xo_arena_alloc(arena, count, sizeof *fresh)))
        status = xo_fail(info, ENOMEM, "%s: %s", path, xo_strerror(ENOMEM));
    if (!status)
        status = hand_over(&c, arena, fresh);
    if (!status) {
        *level = fresh;
        *levels = count;
    }
    free(c.p.point);
    free(bytes);
    return status;
}
