/* What the wires of gated columns take, and how good float32 is.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "ladder.h"
#include "memory.h"
#include "random.h"

#define MOST 0x1p96                    /* of p and q in float32 */

/* Every input on. */
struct list { uint16_t *rung; size_t count, rungs; };

/* The largest p and q that any input can make: those of every rung on. */
static double most_of(const struct xo_exact_rungs *e, const struct list *all, size_t lane)
{
    double p = 1, q = 0, before = 0;
    for (size_t n = 0; n < all->count && !e->second_position; n++) {
        size_t at = all->rung[n] * XO_STRIP + lane;
        p += (e->position[at] - before) * q;
        q += e->siemens[at] * p;
        before = e->position[at];
    }
    return fmax(p, q * fmax(1, e->end_ohm[lane]));
}

struct sums { double above, below; };

/* What wires take of a column's current with every gate on, the most they can. */
static void weigh(struct xo_array_layer *l, const struct xo_exact_rungs *e, size_t inputs, size_t lane,
                  const struct list *all, struct sums *unit, double *nf_sum)
{
    bool curved = xo_is_nonlinear(&l->hardware->array);
    double amp = curved ? e->all_on[lane] : xo_exact_current(e, all->rung, all->count, all->rungs, lane);
    double ideal = 0, nf;
    double ton = l->hardware->array.transistor_ohm;
    for (size_t i = 0; i < inputs && !curved; i++) {       /* of the cell alone */
        double g = e->siemens[i * XO_STRIP + lane];
        ideal += g > 0 ? g / (1 - g * ton * xo_level_siemens(l)) : 0;
    }
    unit->above += curved && e->volt[lane] != 0 ? e->alone[lane] / e->volt[lane] : ideal;
    unit->below += amp;
    ideal = curved ? e->alone[lane] : ideal * e->volt[lane];
    if (ideal == 0)
        return;
    nf = (ideal - amp) / ideal;
    l->loss.nf_low = l->loss.columns ? fmin(l->loss.nf_low, nf) : nf;
    l->loss.nf_high = l->loss.columns ? fmax(l->loss.nf_high, nf) : nf;
    *nf_sum += nf;
    l->loss.columns++;
}

int xo_ladder_figures(struct xo_array_layer *l, struct xo_info *info)
{
    size_t units = xo_units_of(l, xo_gain_unit(l));
    struct sums *unit = xo_calloc(units, sizeof *unit);
    size_t rows = l->hardware->array.rows;
    struct list all = { .rung = xo_calloc(rows, sizeof *all.rung) };
    uint8_t *on = xo_calloc(rows, 1);
    double nf_sum = 0, most = 0;
    l->oracle = xo_arena_alloc(&l->arena, units, sizeof *l->oracle);
    if (!unit || !all.rung || !on || !l->oracle) {
        free(unit);
        free(all.rung);
        free(on);
        return ENOMEM;
    }
    memset(on, 1, rows);
    for (size_t m = 0; m < l->codes.matrices; m++)
        for (size_t n = 0; n < l->array.bank[m].rows; n++) {
            const struct xo_row_block *r = &l->array.bank[m].row[n];
            all.count = xo_put_rungs(all.rung, &l->array, r->inputs, on);
            all.rungs = xo_rungs_of(&l->array, r->inputs);
            for (size_t k = 0; k < (r->strips + r->references) * XO_STRIP; k++) {
                const struct xo_strip *s = xo_ladder_strip(r, k / XO_STRIP);
                size_t lane = k % XO_STRIP;
                if (lane % XO_HALF >= s->half[lane / XO_HALF].count)
                    continue;
                struct sums *u = &unit[xo_unit_at(l, xo_gain_unit(l), s->lane[lane].conversion)];
                weigh(l, s->exact[0], r->inputs, lane, &all, u, &nf_sum);
                most = fmax(most, most_of(s->exact[0], &all, lane));
                if (xo_ladder_conversion(l, s, lane)->minus_plane != XO_NONE)
                    weigh(l, s->exact[1], r->inputs, lane, &all, u, &nf_sum);
                most = fmax(most, most_of(s->exact[1], &all, lane));
            }
        }
    for (size_t u = 0; u < units; u++)
        l->oracle[u] = unit[u].above == 0 || unit[u].below == 0 ? 1 : unit[u].above / unit[u].below;
    free(unit);
    free(all.rung);
    free(on);
    l->loss.arrays = l->blocks * l->layout.planes;
    l->loss.nf_mean = l->loss.columns ? nf_sum / (double)l->loss.columns : 0;
    if (!xo_is_nonlinear(&l->hardware->array))
        l->loss.bound_rel = (24 * (double)l->hardware->array.rows + 10) * 0x1p-24;
    return most < MOST ? 0 : xo_fail(info, XO_EUNSUPPORTED,
                                     "wires and ends resist so much more than cells that float32 "
                                     "overflows; expected less");
}

/* ---- a sample ---------------------------------------------------------------------------------------- */

void xo_ladder_sample_free(struct xo_ladder_sample *v)
{
    free(v->rung);
    free(v->exact);
}

int xo_ladder_sample_new(struct xo_ladder_sample *v, const struct xo_array_layer *l)
{
    const struct xo_row_block *r = &l->array.bank[l->codes.matrices / 2].row[0];
    uint8_t *on = xo_calloc(r->inputs, 1);
    *v = (struct xo_ladder_sample){ .strip = r->strips ? &r->strip[r->strips / 2] : NULL,
                                    .rungs = xo_rungs_of(&l->array, r->inputs) };
    v->rung = xo_calloc(XO_SAMPLES, v->rungs * sizeof *v->rung);
    v->exact = xo_calloc(2 * XO_SAMPLES, XO_STRIP * sizeof *v->exact);
    for (size_t k = 0; k < XO_SAMPLES && on && v->rung; k++) {
        for (size_t n = 0; n < r->inputs; n++) {
            struct xo_random_key key = { l->hardware->seed, XO_FOR_AUDIT, l->number, k * r->inputs + n };
            on[n] = k == 0 || xo_random_below(key, 4) < k % 4;
        }
        v->count[k] = (uint16_t)xo_put_rungs(v->rung + k * v->rungs, &l->array, r->inputs, on);
    }
    bool ready = on && v->rung && v->exact, ohmic = !xo_is_nonlinear(&l->hardware->array);
    for (size_t k = 0; ready && ohmic && v->strip && k < 2 * XO_SAMPLES * XO_STRIP; k++) {
        size_t row = k / XO_STRIP % XO_SAMPLES;
        v->exact[k] = xo_exact_current(v->strip->exact[k / XO_STRIP / XO_SAMPLES], v->rung + row * v->rungs,
                                       v->count[row], v->rungs, k % XO_STRIP);
    }
    free(on);
    return ready ? 0 : ENOMEM;
}

int xo_ladder_sample(struct xo_array_layer *l, const struct xo_ladder_sample *v, const struct xo_kernels *kernels)
{
    const struct xo_active a = { v->rung, v->count, v->rungs };
    float *amp = xo_calloc(XO_SAMPLES, XO_STRIP * sizeof *amp);
    if (!amp)
        return ENOMEM;
    for (int side = 0; side < 2 && v->strip && v->strip->rungs[side].siemens; side++) {
        kernels->climb(&a, XO_SAMPLES, &v->strip->rungs[side], NULL, amp);
        for (size_t k = 0; k < XO_SAMPLES * XO_STRIP; k++) {
            double exact = v->exact[(size_t)side * XO_SAMPLES * XO_STRIP + k];
            if (exact != 0)
                l->loss.sampled_error_rel = fmax(l->loss.sampled_error_rel, fabs((double)amp[k] / exact - 1));
        }
    }
    l->loss.sampled += v->strip != NULL;
    free(amp);
    return 0;
}
