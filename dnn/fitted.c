/* Arrays of nonlinear cells in a network: no one matrix is exact, so a few arrays of every layer decide which stage of
 * the fast model serves within the tolerance, and each array is fitted with it.
 *
 * With one input bit a row is at one of two voltages, and whatever a function b(V) of it, two values are a straight
 * line: more functions than one could not be told apart.  What one matrix then leaves is how rows act on each other,
 * most of it through the column's own current: the bend.  With more bits the DAC's levels are also seen through a
 * mean cell's law.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include "audit.h"
#include "fitted.h"
#include "memory.h"

enum { CHECKED = 4 };                  /* arrays of a layer, spread evenly */

/* What kernels take: a second function is free where tables hold sums of digits, else a product; a bend takes the two
 * sides of a pair apart, and a pass over the currents. */
#define BEND_PASS 0.25

/* A digit's voltage; of pulses all slots have that of the last digit. */
int xo_fitted_new(struct xo_fitted *n, const struct xo_hardware *h, double tolerance, struct xo_info *info)
{
    const struct xo_dac *dac = &h->dac;
    const struct xo_mapping *m = &h->mapping;
    size_t digits = (size_t)1 << dac->bits;
    bool pair = m->sign == XO_SIGN_DIFFERENTIAL && m->subtract == XO_SUBTRACT_ANALOG;
    double *volt = xo_calloc(digits, sizeof *volt);
    const struct xo_tile_request request = {
        .levels = digits, .level_volt = volt, .tolerance = tolerance, .function_cost = dac->bits > 2,
        .bend_cost = 1 + pair + BEND_PASS, .without_corrections = 1, .one_function = dac->noise_volt > 0 };
    int status = volt ? 0 : ENOMEM;
    *n = (struct xo_fitted){ NULL };
    if (!status && dac->encoding == XO_DAC_PULSE_WIDTH && digits > 2)
        status = xo_fail(info, XO_EUNSUPPORTED, "dac.encoding: pulse_width of %d bits on nonlinear cells; expected "
                         "amplitude, or one bit", dac->bits);
    for (size_t e = 0; e < digits && !status; e++)
        volt[e] = xo_dac_volt(dac, (unsigned)e, 0);
    if (!status)
        status = xo_tile_fitter_new(&n->fitter, h, &request, info);
    free(volt);
    return status;
}

void xo_fitted_free(struct xo_fitted *n)
{
    xo_tile_fitter_free(n->fitter);
    *n = (struct xo_fitted){ NULL };
}

/* How likely each row of this block is driven: half of it as often as calibration images did, half of it as often as
 * any, for a row that they left alone may be driven by others; half the time on average. */
static void find_chances(double *chance, const struct xo_array_layer *l, size_t first_input, size_t inputs)
{
    const uint64_t *seen = l->digit_sum + first_input;
    double sum = 0;
    for (size_t i = 0; i < inputs; i++)
        sum += (double)seen[i];
    for (size_t i = 0; i < l->hardware->array.rows; i++)
        chance[i] = i >= inputs ? 0 : sum > 0 ? 0.25 + fmin(0.75, 0.25 * (double)inputs * (double)seen[i] / sum)
                                                   : 0.5;
}

/* ---- which stage ----------------------------------------------------------------------------------- */

/* Digits as b takes them. */
static int set_levels(const struct xo_fitted *n, struct xo_array_layer *l, const struct xo_fcm_candidate *c)
{
    struct xo_use *use = &l->array;
    size_t values = c->functions * use->levels;
    double volt = l->hardware->dac.read_volt / (double)(use->levels - 1);
    use->functions = c->functions;
    use->bent = c->bent;
    use->fitted = true;
    if (use->levels == 2 && use->ideal && use->functions == 1)
        return 0;                      /* 0 and 1 stay what they are */
    use->ideal = false;
    use->level = xo_arena_alloc(&l->arena, values, sizeof *use->level);
    use->level_single = xo_arena_alloc(&l->arena, values, sizeof *use->level_single);
    if (!use->level || !use->level_single)
        return ENOMEM;
    xo_tile_functions(n->fitter, c->functions, use->level);
    for (size_t k = 0; k < values; k++) {
        use->level[k] /= volt;
        use->level_single[k] = (float)use->level[k];
    }
    return 0;
}

/* Arrays in the middle of equal shares of the layer. */
struct sample { double *cell, *chance; uint16_t *digit; struct xo_site_of_block *site; };

static int take_samples(struct sample *s, const struct xo_array_layer *l, size_t count, struct xo_tile_array *array)
{
    const struct xo_crossbar *x = &l->hardware->array;
    size_t cells = x->rows * x->columns, arrays = l->blocks * l->layout.planes;
    *s = (struct sample){ xo_calloc(count, cells * sizeof(double)), xo_calloc(count, x->rows * sizeof(double)),
                          xo_calloc(cells, sizeof(uint16_t)), xo_sites_of(l) };
    if (!s->cell || !s->chance || !s->digit || !s->site)
        return ENOMEM;
    for (size_t k = 0; k < count; k++) {
        size_t number = (2 * k + 1) * arrays / (2 * count), block = number / l->layout.planes;
        const struct xo_site_of_block *at = &s->site[block];
        const struct xo_row_block *r = &l->array.bank[at->matrix].row[at->row_block];
        array[k] = (struct xo_tile_array){ number, s->cell + k * cells, s->chance + k * x->rows };
        xo_program_cells(s->cell + k * cells, s->digit, l, at->matrix, at->row_block, at->column_block,
                         number % l->layout.planes);
        find_chances(s->chance + k * x->rows, l, l->codes.matrix[at->matrix].first_input + r->first, r->inputs);
    }
    return 0;
}

int xo_fitted_choose(const struct xo_fitted *n, struct xo_array_layer *l, struct xo_info *info)
{
    size_t arrays = l->blocks * l->layout.planes, count = arrays < CHECKED ? arrays : CHECKED;
    struct xo_tile_array array[CHECKED];
    struct xo_tile_choice *choice = &l->loss.choice;
    struct sample s;
    int status = take_samples(&s, l, count, array);
    if (!status)
        status = xo_tile_choose(choice, n->fitter, count, array, info);
    free(s.cell);
    free(s.chance);
    free(s.digit);
    free(s.site);
    if (status)
        return status;
    l->loss.sampled = count;
    l->loss.sampled_error_rel = choice->candidate[choice->chosen].error_max;
    return set_levels(n, l, &choice->candidate[choice->chosen]);
}

int xo_fitted_fit(const struct xo_fitted *n, const struct xo_array_layer *l, const struct xo_fitted_array *a,
                  struct xo_info *info)
{
    const struct xo_tile_choice *choice = &l->loss.choice;
    double *chance = xo_calloc(l->hardware->array.rows, sizeof *chance);
    const struct xo_tile_array array = { a->number, a->cell_siemens, chance };
    int status = chance ? 0 : ENOMEM;
    if (!status) {
        find_chances(chance, l, a->first_input, a->inputs);
        status = xo_tile_fit(n->fitter, &choice->candidate[choice->chosen], &array, &a->model, info);
    }
    free(chance);
    return status;
}
