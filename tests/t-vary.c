/* Conductances drawn at random have the mean, spread and shape that the hardware file states; faults their rates;
 * every draw depends on its key alone.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdlib.h>
#include <string.h>
#include "engine_private.h"
#include "tap.h"

enum { SIDE = 512, CELLS = SIDE * SIDE };
static double cell[CELLS], other[CELLS];

static void draw(double *out, double siemens, const char *const *more, size_t layer, size_t tile, uint64_t instance)
{
    const char *set[8] = { "array.rows=512", "array.columns=512" };
    struct xo_hardware h;
    struct xo_info info = { "" };
    size_t count = 2;
    while (*more)
        set[count++] = *more++;
    int status = xo_hardware_parse(&h, NULL, 0, "test", NULL, count, set, &info);
    if (!status)
        status = xo_hardware_finish(&h, 0, 0, &info);
    if (status)
        printf("# %s\n", info.text);
    for (size_t k = 0; k < CELLS; k++)
        out[k] = siemens;
    if (!status)
        xo_vary_cells(out, &h, layer, tile, instance);
    xo_hardware_free(&h);
}

/* Mean, standard deviation, and the share within one standard deviation of the mean (of the logarithm, where that is
 * normal), each to 5 standard errors. */
static void has_moments(const char *name, double siemens, double spread, bool is_log, const char *const *set)
{
    double sum = 0, square = 0, inside = 0, n = CELLS, s = sqrt(log1p(spread / siemens * spread / siemens));
    double middle = is_log ? log(siemens) - s * s / 2 : siemens, wide = is_log ? s : spread;
    draw(cell, siemens, set, 3, 5, 2);
    for (size_t k = 0; k < CELLS; k++)
        sum += cell[k] / n;
    for (size_t k = 0; k < CELLS; k++) {
        square += (cell[k] - sum) * (cell[k] - sum) / (n - 1);
        inside += fabs((is_log ? log(cell[k]) : cell[k]) - middle) < wide;
    }
    /* fourth moment of a lognormal: excess kurtosis e^4v + 2e^3v + 3e^2v - 6 */
    double v = is_log ? s * s : 0, excess = is_log ? exp(4 * v) + 2 * exp(3 * v) + 3 * exp(2 * v) - 6 : 0;
    printf("# mean %g of %g, sd %g of %g, inside %g\n", sum, siemens, sqrt(square), spread, inside / n);
    tap_ok(fabs(sum - siemens) < 5 * spread / sqrt(n), "%s: the mean is the target", name);
    tap_ok(fabs(square / (spread * spread) - 1) < 5 * sqrt((2 + excess) / n), "%s: the spread is the stated one",
           name);
    tap_ok(fabs(inside / n - 0.682689492) < 5 * sqrt(0.6827 * 0.3173 / n), "%s: the shape too", name);
}

static void variation(void)
{
    static const char *const gaussian[] = { "device.variation.sigma=0.1", NULL };
    static const char *const range[] = { "device.variation={sigma: 0.02, scale: range}", NULL };
    static const char *const lognormal[] = { "device.variation={sigma: 0.3, distribution: lognormal}", NULL };
    static const char *const both[] = { "device.variation={sigma: 0.05, distribution: lognormal, scale: range}",
                                        NULL };
    static const char *const wild[] = { "device.variation.sigma=2", NULL };
    has_moments("normal, of the conductance", 4e-6, 4e-7, false, gaussian);
    has_moments("normal, of on less off", 4e-6, 0.02 * 9e-6, false, range);
    has_moments("lognormal, of the conductance", 4e-6, 1.2e-6, true, lognormal);
    has_moments("lognormal, of on less off", 2e-6, 0.05 * 9e-6, true, both);
    draw(cell, 4e-6, wild, 0, 0, 0);
    size_t zero = 0, negative = 0;
    for (size_t k = 0; k < CELLS; k++) {
        zero += cell[k] == 0;
        negative += cell[k] < 0;
    }
    /* P(N < -1/2) = 0.30854 */
    tap_ok(!negative && fabs((double)zero / CELLS - 0.30854) < 5 * sqrt(0.3085 * 0.6915 / CELLS),
           "what would be negative is 0 S");
    draw(cell, 0, wild, 0, 0, 0);
    memset(other, 0, sizeof other);
    tap_ok(!memcmp(cell, other, sizeof cell), "a cell of 0 S stays one");
}

static void faults(void)
{
    static const char *const rates[] = { "device.faults={stuck_on_rate: 0.03, stuck_off_rate: 0.2}",
                                         "device.variation.sigma=0.01", NULL };
    static const char *const all[] = { "device.faults.map=-1", NULL };
    size_t on = 0, off = 0;
    draw(cell, 4e-6, rates, 1, 1, 0);
    for (size_t k = 0; k < CELLS; k++) {
        on += cell[k] == 1e-5;
        off += cell[k] == 1e-6;
    }
    tap_ok(fabs((double)on / CELLS - 0.03) < 5 * sqrt(0.03 * 0.97 / CELLS), "cells stuck on have their rate");
    tap_ok(fabs((double)off / CELLS - 0.2) < 5 * sqrt(0.2 * 0.8 / CELLS), "cells stuck off have theirs");
    draw(cell, 4e-6, all, 1, 1, 0);
    tap_ok(cell[0] == 1e-6 && cell[CELLS - 1] == 1e-6, "a fault map holds for every draw");
}

static double correlation(const double *a, const double *b)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t k = 0; k < CELLS; k++) {
        ab += (a[k] - 4e-6) * (b[k] - 4e-6);
        aa += (a[k] - 4e-6) * (a[k] - 4e-6);
        bb += (b[k] - 4e-6) * (b[k] - 4e-6);
    }
    return ab / sqrt(aa * bb);
}

static void keys(void)
{
    static const char *const one[] = { "device.variation.sigma=0.1", NULL };
    static const char *const two[] = { "device.variation.sigma=0.1", "seed=2", NULL };
    static const struct {
        const char *name;
        const char *const *set;
        size_t layer, tile;
        uint64_t instance;
    } change[] = {
        { "layer", one, 1, 0, 0 }, { "tile", one, 0, 1, 0 }, { "instance", one, 0, 0, 1 }, { "seed", two, 0, 0, 0 },
    };
    draw(cell, 4e-6, one, 0, 0, 0);
    draw(other, 4e-6, one, 0, 0, 0);
    tap_ok(!memcmp(cell, other, sizeof cell), "the same key, the same cells");
    for (size_t k = 0; k < 4; k++) {
        draw(other, 4e-6, change[k].set, change[k].layer, change[k].tile, change[k].instance);
        tap_ok(fabs(correlation(cell, other)) < 5 / sqrt(CELLS), "another %s, independent cells", change[k].name);
    }
}

int main(void)
{
    variation();
    faults();
    keys();
    return tap_done();
}
