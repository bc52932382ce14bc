/* The technology scope: any array of this hardware can be programmed from the description; what the recipe is worth
 * is stated on arrays and inputs drawn at random.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include "array.h"
#include "fit.h"
#include "memory.h"
#include "nonlinear_fit.h"
#include "random.h"

/* Level d of 2^bits: off + d (on - off)/(2^bits - 1). */
void xo_draw_cells(const struct xo_hardware *h, size_t array, double *cell_siemens)
{
    const struct xo_device *d = &h->device;
    uint32_t levels = 1u << d->bits_per_cell;
    double off = h->mapping.unused_cell == XO_UNUSED_OPEN ? 0 : d->off_siemens;
    for (size_t k = 0; k < h->array.rows * h->array.columns; k++) {
        struct xo_random_key key = {h->seed, XO_FOR_ARRAYS, array, k};
        cell_siemens[k] = off + xo_random_below(key, levels) * ((d->on_siemens - off) / (levels - 1));
    }
}

/* All stages, fitted to each of several arrays and tried on inputs it has not seen: which one serves them all? */
static int choose_stage(struct xo_fcm *m, const struct xo_hardware *h, struct xo_programmed *p, size_t arrays,
                        size_t inputs, struct xo_info *info)
{
    double *cells = xo_calloc(m->rows * m->columns, sizeof *cells);
    struct xo_trials t = {0};
    size_t chosen;
    int status = cells ? 0 : ENOMEM;
    for (size_t k = 0; k < arrays && !status; k++) {
        struct xo_fcm one = {.scope = XO_FCM_ARRAY};
        struct xo_stage_fit f = {0};
        xo_draw_cells(h, k, cells);
        status = xo_fit_stage(&one, p, h, cells, info);
        xo_fit_validity(&one, 0, NULL);
        if (!status)
            status = xo_stage_fit_begin(&f, &one, p, k, 0, NULL, info);
        if (!status)
            status = xo_stage_fit_try(&f, &t, k, arrays, info);
        xo_stage_fit_free(&f);
        xo_fcm_free(&one);
    }
    if (!status)
        status = xo_trials_state(m, &t, arrays, inputs, xo_fit_tolerance(p->options), &chosen);
    if (!status) {
        m->stage = t.candidate[chosen].stage;
        m->basis.functions = t.candidate[chosen].functions;
        m->basis.bent = t.candidate[chosen].bent;
        m->correction.count = t.candidate[chosen].corrections;
    }
    xo_trials_free(&t);
    free(cells);
    return status;
}

/* Fit one array and apply it to inputs it has not seen. */
static int try_array(const struct xo_hardware *h, struct xo_programmed *p, size_t array, size_t inputs,
                     double *cell_siemens, double *volt, double *exact, double *amp, struct xo_info *info)
{
    struct xo_fcm m = {.scope = XO_FCM_ARRAY};
    xo_draw_cells(h, array, cell_siemens);
    int status = xo_fit_stage(&m, p, h, cell_siemens, info);
    if (!status) {
        xo_fit_validity(&m, 0, NULL);
        status = xo_held_out_currents(&m, p, array, inputs, volt, exact, amp, info);
    }
    xo_fcm_free(&m);
    return status;
}

static int state_error(struct xo_fcm *m, const struct xo_hardware *h, struct xo_programmed *p, size_t arrays,
                       size_t inputs, struct xo_info *info)
{
    size_t block = inputs * m->columns, nbytes;
    double *cells = xo_calloc(m->rows * m->columns, sizeof *cells), *volt = xo_calloc(inputs, m->rows * sizeof *volt);
    bool fits = xo_shape_nbytes(&nbytes, 3, (size_t[]){arrays, inputs, m->columns}, sizeof(double));
    double *exact = fits ? xo_calloc(nbytes, 1) : NULL, *amp = fits ? xo_calloc(nbytes, 1) : NULL;
    int status = cells && volt && exact && amp ? 0 : ENOMEM;
    for (size_t k = 0; k < arrays && !status; k++)
        status = try_array(h, p, k, inputs, cells, volt, exact + k * block, amp + k * block, info);
    if (!status)
        status = xo_fit_state_error(m, arrays, inputs, amp, exact);
    free(cells);
    free(volt);
    free(exact);
    free(amp);
    return status;
}

static void cells_of_device(struct xo_fcm *m, const struct xo_hardware *h)
{
    m->validity.low_siemens = h->mapping.unused_cell == XO_UNUSED_OPEN ? 0 : h->device.off_siemens;
    m->validity.high_siemens = h->device.on_siemens;
}

int xo_fit_technology(struct xo_fcm *out, const struct xo_hardware *h, const struct xo_fit_options *options,
                      struct xo_info *info)
{
    const struct xo_fit_options defaults = {0};
    struct xo_programmed p = {0};
    struct xo_fcm m = {.scope = XO_FCM_TECHNOLOGY};
    int status;
    if (!options)
        options = &defaults;
    size_t inputs = options->held_out_inputs ? options->held_out_inputs : XO_HELD_OUT_INPUTS;
    size_t arrays = options->held_out_arrays ? options->held_out_arrays : XO_HELD_OUT_ARRAYS;
    status = xo_fit_check(h, options, info);
    if (!status && options->by_ngspice)
        status = xo_fail(info, XO_EUNSUPPORTED, "a technology is not fitted by ngspice; expected one programmed "
                         "array");
    if (status)
        return status;
    status = xo_fit_describe(&m, h);
    xo_fit_validity(&m, 0, NULL);
    cells_of_device(&m, h);
    if (!status)
        status = xo_programmed_new(&p, h, options, info);
    if (!status)
        status = m.exact || m.stage == XO_FCM_LADDER ? state_error(&m, h, &p, arrays, inputs, info)
                         : choose_stage(&m, h, &p, arrays, inputs, info);
    if (!status)
        status = xo_fit_provenance(&m.provenance, h, options, m.stage == XO_FCM_LADDER && !m.exact ? XO_METHOD_CURVES
                                   : !m.exact ? XO_METHOD_NONLINEAR
                                   : "program the array from the hardware description, then its exact conductance "
                                   "matrix, entry by entry", info);
    xo_programmed_free(&p);
    if (status) {
        xo_fcm_free(&m);
        return status;
    }
    *out = m;
    return 0;
}
