/* Conductances as they come out of programming: every cell off its target by chance, some stuck.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include "engine_private.h"
#include "random.h"

bool xo_hardware_varies(const struct xo_hardware *h)
{
    const struct xo_cell_faults *f = &h->cell_faults;
    return h->variation.sigma > 0 || f->stuck_on_rate > 0 || f->stuck_off_rate > 0 || f->map.each || f->map.all != 0;
}

/* Mean g, standard deviation `spread`; a lognormal's logarithm has variance ln(1 + (spread/g)^2) and mean ln g less
 * half of that. */
static double varied(double g, double spread, enum xo_distribution distribution, double gauss)
{
    double variance;
    if (distribution == XO_GAUSSIAN)
        return fmax(g + spread * gauss, 0);
    variance = log1p(spread / g * (spread / g));
    return g * exp(sqrt(variance) * gauss - variance / 2);
}

/* The conductance a cell is stuck at; negative: it is healthy. */
static double stuck_at(const struct xo_hardware *h, size_t cell, struct xo_random_key key)
{
    const struct xo_cell_faults *f = &h->cell_faults;
    double mark = f->map.each ? f->map.each[cell] : f->map.all, draw = 2;
    if (f->stuck_on_rate > 0 || f->stuck_off_rate > 0)
        draw = xo_random_uniform(key);
    if (mark > 0 || (mark == 0 && draw < f->stuck_on_rate))
        return h->device.on_siemens;
    return mark < 0 || draw < f->stuck_on_rate + f->stuck_off_rate ? xo_off_siemens(h) : -1;
}

/* What the solver takes: below its smallest conductance a cell is open. */
static double within(double siemens)
{
    return siemens < XO_MIN_SIEMENS ? 0 : fmin(siemens, XO_MAX_SIEMENS);
}

void xo_vary_cells(double *cell_siemens, const struct xo_hardware *h, size_t layer, size_t tile, uint64_t instance)
{
    const struct xo_variation *v = &h->variation;
    double range = h->device.on_siemens - xo_off_siemens(h);
    struct xo_random_key key = { h->seed, XO_FOR_VARIATION, (uint64_t)layer << 40 | tile, 0 };
    for (size_t k = 0; k < h->array.rows * h->array.columns; k++) {
        double g = cell_siemens[k], stuck;
        key.place = instance << 32 | k;
        key.purpose = XO_FOR_FAULTS;
        stuck = stuck_at(h, k, key);
        key.purpose = XO_FOR_VARIATION;
        double whole = v->scale == XO_SPREAD_RANGE ? range : g;
        if (stuck < 0 && g > 0 && v->sigma > 0)
            g = varied(g, v->sigma * whole, v->distribution, xo_random_gauss(key));
        cell_siemens[k] = within(stuck < 0 ? g : stuck);
    }
}
