/* Arrays of nonlinear cells in a network: no one matrix is exact, so a few arrays of every layer decide which stage
 * of the fast model serves within the tolerance, and each array is fitted with it.
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
#include <string.h>
#include "audit.h"
#include "fitted.h"
#include "memory.h"

/* What kernels take: a second function is free where tables hold sums of digits, else a product; a bend takes the two
 * sides of a pair apart, and a pass over the currents. */
#define BEND_PASS 0.25

/* A digit's voltage; of pulses all slots have that of the last digit. */
int xo_fitted_new(xo_tile_fitter **out, const struct xo_hardware *h, double tolerance, struct xo_info *info)
{
    const struct xo_dac *dac = &h->dac;
    const struct xo_mapping *m = &h->mapping;
    size_t digits = (size_t)1 << dac->bits;
    bool pair = m->sign == XO_SIGN_DIFFERENTIAL && m->subtract == XO_SUBTRACT_ANALOG;
    double *volt = xo_calloc(digits, sizeof *volt);
    const struct xo_tile_request request = {
        .levels = digits, .level_volt = volt, .tolerance = tolerance, .function_cost = dac->bits > 2,
        .bend_cost = 1 + pair + BEND_PASS, .without_corrections = !(tolerance > 0) || dac->noise_volt > 0,
         .one_function = dac->noise_volt > 0 };
    int status = volt ? 0 : ENOMEM;
    if (!status && dac->encoding == XO_DAC_PULSE_WIDTH && digits > 2)
        status = xo_fail(info, XO_EUNSUPPORTED, "dac.encoding: pulse_width of %d bits on nonlinear cells; expected "
                         "amplitude, or one bit", dac->bits);
    for (size_t e = 0; e < digits && !status; e++)
        volt[e] = xo_dac_volt(dac, (unsigned)e, 0);
    if (!status)
        status = xo_tile_fitter_new(out, h, &request, info);
    free(volt);
    return status;
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

/* Is the last of these vectors like one before it?  A fit tried on what it was fitted to would be too good. */
static bool is_known(uint16_t slot[], size_t slots, const double *volt, size_t count, size_t rows)
{
    const unsigned char *byte = (const unsigned char *)(volt + count * rows);
    size_t at = 0;
    for (size_t k = 0; k < rows * sizeof *volt; k++)
        at = at * 31 + byte[k];
    for (at %= slots; slot[at]; at = (at + 1) % slots)
        if (!memcmp(volt + (slot[at] - 1u) * rows, byte, rows * sizeof *volt))
            return true;
    slot[at] = (uint16_t)(count + 1);
    return false;
}

/* What a fit needs to know of an array's rows: chances, and vectors of calibration images that drive any of them. */
struct rows { double *chance, *volt; };

static int find_rows(struct rows *r, struct xo_tile_array *a, const struct xo_array_layer *l, size_t first_input,
                     size_t inputs)
{
    const struct xo_vectors *v = &l->typical;
    enum { SLOTS = 4 * XO_TYPICAL };
    uint16_t slot[SLOTS] = { 0 };
    size_t rows = l->hardware->array.rows;
    *r = (struct rows){ xo_calloc(rows, sizeof *r->chance), xo_calloc(v->kept, rows * sizeof *r->volt) };
    if (!r->chance || !r->volt)
        return ENOMEM;
    find_chances(r->chance, l, first_input, inputs);
    a->inputs = 0;
    for (size_t n = 0; n < v->kept; n++) {
        const uint16_t *digit = v->vector[n].digit + first_input;
        double *volt = r->volt + a->inputs * rows;
        bool any = false;
        for (size_t i = 0; i < rows; i++) {
            any |= i < inputs && digit[i];
            volt[i] = i < inputs ? xo_dac_volt(&l->hardware->dac, digit[i], 0) : 0;
        }
        a->inputs += any && !is_known(slot, SLOTS, r->volt, a->inputs, rows);
    }
    a->chance = r->chance;
    a->row_volt = r->volt;
    return 0;
}

static void rows_free(struct rows *r)
{
    free(r->chance);
    free(r->volt);
}

/* ---- which stage ----------------------------------------------------------------------------------- */

/* Digits as b takes them. */
static int set_levels(const xo_tile_fitter *fitter, struct xo_array_layer *l, const struct xo_fcm_candidate *c)
{
    struct xo_use *use = &l->array;
    size_t functions = c->functions ? c->functions : 1, values = functions * use->levels;
    double volt = l->hardware->dac.read_volt / (double)(use->levels - 1);
    use->functions = functions;
    use->corrected = c->stage == XO_FCM_CORRECTED;
    use->bent = c->bent;
    use->fitted = true;
    if (use->levels == 2 && use->ideal && use->functions == 1)
        return 0;                      /* 0 and 1 stay what they are */
    use->ideal = false;
    use->level = xo_arena_alloc(&l->arena, values, sizeof *use->level);
    use->level_single = xo_arena_alloc(&l->arena, values, sizeof *use->level_single);
    if (!use->level || !use->level_single)
        return ENOMEM;
    xo_tile_functions(fitter, functions, use->level);
    for (size_t k = 0; k < values; k++) {
        use->level[k] /= volt;
        use->level_single[k] = (float)use->level[k];
    }
    return 0;
}

enum { CHECKED = 4 };                  /* arrays of a layer, in the middle of equal shares of it */
struct sample {
    double *cell;
    uint16_t *digit;
    struct xo_site_of_block *site;
    struct rows rows[CHECKED];
    struct xo_tile_array array[CHECKED];
};

static int take_samples(struct sample *s, const struct xo_array_layer *l, size_t count)
{
    const struct xo_crossbar *x = &l->hardware->array;
    size_t cells = x->rows * x->columns, arrays = l->blocks * l->layout.planes;
    *s = (struct sample){ xo_calloc(count, cells * sizeof(double)), xo_calloc(cells, sizeof(uint16_t)),
                          xo_sites_of(l), { { 0 } }, { { 0 } } };
    int status = s->cell && s->digit && s->site ? 0 : ENOMEM;
    for (size_t k = 0; k < count && !status; k++) {
        size_t number = (2 * k + 1) * arrays / (2 * count), block = number / l->layout.planes;
        const struct xo_site_of_block *at = &s->site[block];
        const struct xo_row_block *r = &l->array.bank[at->matrix].row[at->row_block];
        s->array[k] = (struct xo_tile_array){ .number = number, .cell_siemens = s->cell + k * cells };
        xo_program_cells(s->cell + k * cells, s->digit, l, at->matrix, at->row_block, at->column_block,
                         number % l->layout.planes);
        status = find_rows(&s->rows[k], &s->array[k], l, l->codes.matrix[at->matrix].first_input + r->first,
                           r->inputs);
    }
    return status;
}

static void samples_free(struct sample *s)
{
    for (size_t k = 0; k < CHECKED; k++)
        rows_free(&s->rows[k]);
    free(s->cell);
    free(s->digit);
    free(s->site);
}

int xo_fitted_choose(xo_tile_fitter *fitter, struct xo_array_layer *l, struct xo_info *info)
{
    size_t arrays = l->blocks * l->layout.planes, count = arrays < CHECKED ? arrays : CHECKED;
    struct xo_tile_choice *choice = &l->loss.choice;
    struct sample s;
    int status = take_samples(&s, l, count);
    if (!status)
        status = xo_tile_choose(choice, fitter, count, s.array, info);
    samples_free(&s);
    if (status)
        return status;
    l->loss.sampled = count;
    l->loss.sampled_error_rel = choice->candidate[choice->chosen].error_max;
    return set_levels(fitter, l, &choice->candidate[choice->chosen]);
}

int xo_fitted_fit(const xo_tile_fitter *fitter, const struct xo_array_layer *l, const struct xo_fitted_array *a,
                  struct xo_info *info)
{
    const struct xo_tile_choice *choice = &l->loss.choice;
    struct xo_tile_array array = { .number = a->number, .cell_siemens = a->cell_siemens };
    struct rows rows;
    int status = find_rows(&rows, &array, l, a->first_input, a->inputs);
    if (!status)
        status = xo_tile_fit(fitter, &choice->candidate[choice->chosen], &array, &a->model, info);
    rows_free(&rows);
    return status;
}
