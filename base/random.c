/* Random numbers by counter.  SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <Random123/philox.h>
#include "random.h"

static philox4x64_ctr_t draw(struct xo_random_key key)
{
    philox4x64_ctr_t counter = {{key.place, key.instance, (uint64_t)key.purpose, 0}};
    philox4x64_key_t seed = {{key.seed, 0}};
    return philox4x64(counter, seed);
}

/* The middle of one of 2^52 equal parts of (0, 1): exact. */
static double unit(uint64_t bits)
{
    return ((double)(bits >> 12) + 0.5) * 0x1p-52;
}

double xo_random_uniform(struct xo_random_key key)
{
    return unit(draw(key).v[0]);
}

double xo_random_gauss(struct xo_random_key key)
{
    philox4x64_ctr_t r = draw(key);
    return sqrt(-2 * log(unit(r.v[0]))) * cos(6.283185307179586 * unit(r.v[1]));
}

uint32_t xo_random_below(struct xo_random_key key, uint32_t count)
{
    return (uint32_t)((draw(key).v[0] >> 32) * count >> 32);
}
