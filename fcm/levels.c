/* The levels of a DAC, sorted.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "levels.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include "clones.h"
#include "memory.h"

static int by_volt_then_digit(const void *a, const void *b)
{
    const struct xo_level *x = a, *y = b;
    if (x->volt != y->volt)
        return x->volt < y->volt ? -1 : 1;
    return x->digit < y->digit ? -1 : 1;
}

/* Steps so much larger than the rounding of a level that a place found by one multiplication is the right one, or
 * the one beside it where that makes no difference. */
static bool is_even(const struct xo_levels *levels)
{
    const struct xo_level *first = levels->level, *last = first + levels->count - 1;
    double step = (last->volt - first->volt) / (double)(levels->count - 1);
    return levels->count == (size_t)1 << levels->dac.bits && !levels->dac.inl_volt.count && !first->digit &&
           step > 0x1p-28 * fmax(fabs(first->volt), fabs(last->volt));
}

int xo_levels_new(struct xo_levels *out, const struct xo_dac *dac)
{
    struct xo_levels levels = { .dac = *dac, .count = (size_t)1 << dac->bits };
    levels.level = xo_calloc(levels.count, sizeof *levels.level);
    if (!levels.level)
        return ENOMEM;
    for (size_t k = 0; k < levels.count; k++)
        levels.level[k] = (struct xo_level){ xo_dac_volt(dac, (unsigned)k, 0), (unsigned)k };
    qsort(levels.level, levels.count, sizeof *levels.level, by_volt_then_digit);
    size_t kept = 1;                   /* of equal voltages the lowest digit */
    for (size_t k = 1; k < levels.count; k++)
        if (levels.level[k].volt > levels.level[kept - 1].volt)
            levels.level[kept++] = levels.level[k];
    levels.count = kept;
    if (kept > 1)
        levels.per_volt = (double)(kept - 1) / (levels.level[kept - 1].volt - levels.level[0].volt);
    levels.even = is_even(&levels);
    *out = levels;
    return 0;
}

void xo_levels_free(struct xo_levels *levels)
{
    free(levels->level);
    levels->level = NULL;
}

/* low so that level[low] <= volt < level[low + 1], where there are such; at most the last but one. */
static size_t search(const struct xo_levels *levels, double volt)
{
    size_t low = 0, high = levels->count - 1;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (levels->level[middle].volt <= volt)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The same from the place it has if all steps are equal, which mostly they are. */
static inline size_t find_below(const struct xo_levels *levels, double volt)
{
    const struct xo_level *level = levels->level;
    double last = (double)levels->count - 2, at = (volt - level[0].volt) * levels->per_volt;
    at = at < last ? at : last;
    size_t low = at > 0 ? (size_t)(unsigned)at : 0;
    if ((low == 0 || level[low].volt <= volt) && (low + 2 >= levels->count || volt < level[low + 1].volt))
        return low;
    return search(levels, volt);
}

/* Of two as near the lower digit; without branches, since no guess which it will be is any good. */
static inline const struct xo_level *nearest(const struct xo_levels *levels, double volt)
{
    volt = fmin(fmax(volt, levels->level[0].volt), levels->level[levels->count - 1].volt);
    const struct xo_level *low = levels->level + find_below(levels, volt), *high = low + (levels->count > 1);
    double below = fabs(low->volt - volt), above = fabs(high->volt - volt);
    return low + ((above < below) | ((above == below) & (high->digit < low->digit)));
}

unsigned xo_levels_nearest(const struct xo_levels *levels, double volt)
{
    return nearest(levels, volt)->digit;
}

/* The same without a table, as xo_dac_volt computes its levels: several voltages fit one instruction. */
XO_CLONES
static void snap_even(const struct xo_levels *levels, size_t count, const double *restrict volt,
                      double *restrict snapped)
{
    const double lowest = levels->level[0].volt, highest = levels->level[levels->count - 1].volt;
    const double full = (double)(levels->count - 1), last = full - 1, per_volt = levels->per_volt;
    const double read_volt = levels->dac.read_volt, slope = 1 + levels->dac.gain_error;
    const double offset = levels->dac.offset_volt;
#pragma omp simd
    for (size_t k = 0; k < count; k++) {
        double v = volt[k] > lowest ? volt[k] : lowest;
        v = v < highest ? v : highest;
        double at = (v - lowest) * per_volt;
        at = at < last ? at : last;
        double digit = (double)(int)at;
        double low = read_volt * (digit / full) * slope + offset;
        double high = read_volt * ((digit + 1) / full) * slope + offset;
        snapped[k] = fabs(high - v) < fabs(low - v) ? high : low;
    }
}

void xo_levels_snap(const struct xo_levels *levels, size_t count, const double *volt, double *snapped)
{
    if (levels->even)
        snap_even(levels, count, volt, snapped);
    else
        for (size_t k = 0; k < count; k++)
            snapped[k] = nearest(levels, volt[k])->volt;
}
