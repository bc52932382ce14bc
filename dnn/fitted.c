/* Arrays of nonlinear cells in a network: no one matrix is exact, so every array gets the one that fits best, and
 * some of them are compared with exact currents.
 *
 * With one input bit a row is at one of two voltages, and whatever a function b(V) of it, two values are a straight
 * line: more functions than one could not be told apart.  What one matrix then leaves is how rows act on each other;
 * the error says how much that is.  With more bits the DAC's levels are seen through a mean cell's law.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include "engine_private.h"
#include "memory.h"
#include "fitted.h"

enum { CHECKED = 4 };                  /* arrays of a layer, spread evenly */

/* A digit's voltage; of pulses all slots have that of the last digit. */
int xo_fitted_new(struct xo_fitted *n, const struct xo_hardware *h, struct xo_info *info)
{
    size_t digits = (size_t)1 << h->dac.bits;
    bool pulses = h->dac.encoding == XO_DAC_PULSE_WIDTH;
    double *volt = xo_calloc(digits, sizeof *volt);
    *n = (struct xo_fitted){ .levels = digits, .function_volt = xo_calloc(digits, sizeof *volt) };
    int status = volt && n->function_volt ? 0 : ENOMEM;
    if (!status && pulses && digits > 2)
        status = xo_fail(info, XO_EUNSUPPORTED, "dac.encoding: pulse_width of %d bits on nonlinear cells; expected "
                         "amplitude, or one bit", h->dac.bits);
    for (size_t e = 0; e < digits && !status; e++)
        volt[e] = xo_dac_volt(&h->dac, (unsigned)e, 0);
    if (!status)
        status = xo_tile_fitter_new(&n->fitter, h, digits, volt, n->function_volt, info);
    free(volt);
    if (status)
        xo_fitted_free(n);
    return status;
}

void xo_fitted_free(struct xo_fitted *n)
{
    xo_tile_fitter_free(n->fitter);
    free(n->function_volt);
    *n = (struct xo_fitted){ 0 };
}

void xo_fitted_levels(const struct xo_fitted *n, struct xo_array_layer *l)
{
    struct xo_use *use = &l->array;
    double volt = l->hardware->dac.read_volt / (double)(use->levels - 1);
    if (use->levels == 2 && use->ideal)
        return;                        /* 0 and 1 stay what they are */
    use->ideal = false;
    for (size_t e = 0; e < use->levels; e++) {
        use->level[e] = n->function_volt[e] / volt;
        use->level_single[e] = (float)use->level[e];
    }
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

int xo_fitted_fit(const struct xo_fitted *n, const struct xo_array_layer *l, const struct xo_fitted_array *a,
                  struct xo_info *info)
{
    double *chance = xo_calloc(l->hardware->array.rows, sizeof *chance);
    int status = chance ? 0 : ENOMEM;
    if (!status) {
        find_chances(chance, l, a->first_input, a->inputs);
        status = xo_tile_fit(n->fitter, a->cell_siemens, chance, a->number, a->g_ni_siemens, a->offset_amp, info);
    }
    free(chance);
    return status;
}

int xo_fitted_check(const struct xo_fitted *n, struct xo_array_layer *l, const struct xo_fitted_array *a,
                    struct xo_info *info)
{
    size_t arrays = l->blocks * l->layout.planes, every = arrays / CHECKED ? arrays / CHECKED : 1;
    double *chance = xo_calloc(l->hardware->array.rows, sizeof *chance), count = (double)l->loss.sampled;
    struct xo_error e = { 0 };
    int status = chance ? 0 : ENOMEM;
    if (!status && a->number % every == every / 2 && l->loss.sampled < CHECKED) {
        find_chances(chance, l, a->first_input, a->inputs);
        status = xo_tile_check(n->fitter, a->cell_siemens, chance, a->number, a->g_ni_siemens, a->offset_amp, &e,
                               info);
        l->loss.fitted_rms = sqrt((l->loss.fitted_rms * l->loss.fitted_rms * count + e.rms * e.rms) / (count + 1));
        l->loss.sampled_error_rel = fmax(l->loss.sampled_error_rel, e.max);
        l->loss.sampled++;
    }
    free(chance);
    return status;
}
