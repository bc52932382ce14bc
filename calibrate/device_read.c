/* Measured curves: points of a file, sorted into levels, devices and cycles.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "points.h"
#include "xo_device_fit.h"
#include "xo_file.h"

#define MOST_NBYTES ((size_t)1 << 30)

static int compare_curves(const struct xo_point *a, const struct xo_point *b)
{
    int order = (a->level > b->level) - (a->level < b->level);
    if (!order)
        order = strcmp(a->device, b->device);
    return order ? order : strcmp(a->cycle, b->cycle);
}

static int compare_points(const void *left, const void *right)
{
    const struct xo_point *a = left, *b = right;
    int order = compare_curves(a, b);
    return order ? order : (a->line > b->line) - (a->line < b->line);
}

static int compare_named(const void *left, const void *right)
{
    const struct xo_iv_curve *a = *(struct xo_iv_curve *const *)left, *b = *(struct xo_iv_curve *const *)right;
    int order = strcmp(a->device_name, b->device_name);
    return order ? order : (a->first > b->first) - (a->first < b->first);
}

/* Number the devices in the order of their names. */
static int number_devices(struct xo_iv *iv)
{
    struct xo_iv_curve **sorted = xo_calloc(iv->curves, sizeof *sorted);
    if (!sorted)
        return ENOMEM;
    for (size_t j = 0; j < iv->curves; j++)
        sorted[j] = &iv->curve[j];
    qsort(sorted, iv->curves, sizeof *sorted, compare_named);
    for (size_t j = 0; j < iv->curves; j++) {
        bool other = j && strcmp(sorted[j]->device_name, sorted[j - 1]->device_name);
        sorted[j]->device = j ? sorted[j - 1]->device + other : 0;
    }
    iv->devices = sorted[iv->curves - 1]->device + 1;
    free(sorted);
    return 0;
}

static void fill(struct xo_iv *iv, const struct xo_points *p)
{
    struct xo_iv_curve *curve = iv->curve - 1;
    for (size_t k = 0; k < p->count; k++) {
        const struct xo_point *row = &p->point[k];
        if (!k || compare_curves(row - 1, row))
            *++curve = (struct xo_iv_curve){row->level, 0, row->device, row->cycle, k, 0};
        curve->points++;
        iv->volt[k] = row->volt;
        iv->ampere[k] = row->ampere;
        iv->line[k] = row->line;
    }
}

static int check_levels(const struct xo_points *p, size_t *levels, const char *name, struct xo_info *info)
{
    *levels = 0;
    for (size_t k = 0; k < p->count; k++) {
        if (p->point[k].level > *levels)
            return xo_fail(info, XO_EVALUE,
                           "%s:%zu: found level %zu, but no level %zu; expected every level from 0",
                           name, p->point[k].line, p->point[k].level, *levels);
        *levels += p->point[k].level == *levels;
    }
    return 0;
}

/* The points, sorted, become curves.  On failure the caller frees *iv. */
static int make_curves(struct xo_iv *iv, struct xo_points *p, const char *name, struct xo_info *info)
{
    qsort(p->point, p->count, sizeof *p->point, compare_points);
    int status = check_levels(p, &iv->levels, name, info);
    if (status)
        return status;
    iv->points = p->count;
    for (size_t k = 0; k < p->count; k++)
        iv->curves += !k || compare_curves(&p->point[k - 1], &p->point[k]);
    iv->volt = xo_calloc(iv->points, sizeof *iv->volt);
    iv->ampere = xo_calloc(iv->points, sizeof *iv->ampere);
    iv->line = xo_calloc(iv->points, sizeof *iv->line);
    iv->curve = xo_calloc(iv->curves, sizeof *iv->curve);
    if (!iv->volt || !iv->ampere || !iv->line || !iv->curve)
        return xo_fail(info, ENOMEM, "%s: no memory for %zu points", name, iv->points);
    fill(iv, p);
    iv->has_device = p->has_device;
    iv->has_cycle = p->has_cycle;
    iv->low_kelvin = p->has_kelvin ? p->low_kelvin : NAN;
    iv->high_kelvin = p->has_kelvin ? p->high_kelvin : NAN;
    status = number_devices(iv);
    return status ? xo_fail(info, status, "%s: no memory for %zu curves", name, iv->curves) : 0;
}

/* Takes text, which the labels point into. */
static int take_text(struct xo_iv *out, char *text, size_t nbytes, const char *name, struct xo_info *info)
{
    struct xo_points p = {0};
    struct xo_iv iv = {.text = text};
    int status = xo_points_take(&p, text, nbytes, name, XO_IV_MAX_LEVELS, info);
    if (!status)
        status = make_curves(&iv, &p, name, info);
    free(p.point);
    if (status)
        xo_iv_free(&iv);
    else
        *out = iv;
    return status;
}

int xo_iv_parse(struct xo_iv *out, const char *bytes, size_t nbytes, const char *name, struct xo_info *info)
{
    char *text = nbytes < SIZE_MAX ? xo_calloc(nbytes + 1, 1) : NULL;
    if (!text)
        return xo_fail(info, ENOMEM, "%s: no memory for %zu bytes", name, nbytes);
    if (nbytes)
        memcpy(text, bytes, nbytes);
    return take_text(out, text, nbytes, name, info);
}

int xo_iv_read(struct xo_iv *out, const char *path, struct xo_info *info)
{
    char *text = NULL;
    size_t nbytes = 0;
    int status = xo_slurp(&text, &nbytes, path, MOST_NBYTES, info);
    return status ? status : take_text(out, text, nbytes, strcmp(path, "-") ? path : "standard input", info);
}

void xo_iv_free(struct xo_iv *iv)
{
    if (!iv)
        return;
    free(iv->volt);
    free(iv->ampere);
    free(iv->line);
    free(iv->curve);
    free(iv->text);
    *iv = (struct xo_iv){0};
}
