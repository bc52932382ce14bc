/* One programmed array -> its fast model: the exact matrices, then ADC ranges, then gain, then how good it all is.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "fit.h"
#include "levels.h"
#include "memory.h"
#include "nonlinear_fit.h"
#include "random.h"
#include "xo_ngspice.h"

/* Without V: so many inputs, uniform over the codes of the DAC, fix calibrated ranges. */
enum { DEFAULT_RANGE_INPUTS = 256 };

/* ---- the array ------------------------------------------------------------------------------------ */

int xo_driver_with_dac(struct xo_values *driver, double **memory, const struct xo_hardware *h)
{
    *driver = h->array.topology == XO_TOPOLOGY_SOURCE_ROW ? h->array.source_end_ohm : h->array.driver_ohm;
    *memory = NULL;
    if (h->array.input == XO_INPUT_GATE)
        return 0;
    driver->all += h->dac.output_ohm;
    if (!driver->each || h->dac.output_ohm == 0)
        return 0;
    *memory = xo_calloc(h->array.rows, sizeof **memory);
    if (!*memory)
        return ENOMEM;
    for (size_t i = 0; i < h->array.rows; i++)
        (*memory)[i] = driver->each[i] + h->dac.output_ohm;
    driver->each = *memory;
    return 0;
}

struct xo_values *xo_driver_of(struct xo_crossbar *x)
{
    return x->topology == XO_TOPOLOGY_SOURCE_ROW ? &x->source_end_ohm : &x->driver_ohm;
}

int xo_programmed_new(struct xo_programmed *p, const struct xo_hardware *h, const struct xo_fit_options *options,
                      struct xo_info *info)
{
    struct xo_options how = {.engine = options->engine == XO_ENGINE_AUTO ? XO_ENGINE_CHOLMOD : options->engine,
                             .threads = options->threads, .progress = options->progress, .user = options->user};
    int status;
    *p = (struct xo_programmed){.crossbar = h->array, .options = options};
    if (xo_is_ladder(&h->array) && options->engine == XO_ENGINE_AUTO)
        how.engine = XO_ENGINE_LADDER;
    status = xo_driver_with_dac(xo_driver_of(&p->crossbar), &p->memory, h);
    if (!status)
        status = xo_circuit_new(&p->circuit, &p->crossbar, info);
    if (!status)
        status = xo_plan_new(&p->plan, p->circuit, &how, info);
    return status;
}

int xo_programmed_cells(struct xo_programmed *p, const double *cell_siemens, struct xo_info *info)
{
    xo_factor_free(p->factor);
    p->factor = NULL;
    return xo_factor_new(&p->factor, p->plan, cell_siemens, info);
}

void xo_programmed_free(struct xo_programmed *p)
{
    xo_factor_free(p->factor);
    xo_plan_free(p->plan);
    xo_circuit_free(p->circuit);
    free(p->memory);
}

/* ---- the conductance stage ------------------------------------------------------------------------ */

static double *copy(const double *value, size_t count)
{
    double *out = xo_calloc(count, sizeof *out);
    if (out)
        memcpy(out, value, count * sizeof *out);
    return out;
}

int xo_fit_describe(struct xo_fcm *m, const struct xo_hardware *h)
{
    m->rows = h->array.rows;
    m->columns = h->array.columns;
    m->exact = !xo_is_nonlinear(&h->array);
    m->stage = h->array.input == XO_INPUT_GATE ? XO_FCM_LADDER : XO_FCM_LINEAR;
    m->dac = h->dac;
    m->adc = h->adc;
    m->gain = h->gain;
    m->seed = h->seed;
    return xo_hardware_print(&m->hardware_yaml, h);
}

/* By the engine, every entry with a bound; or by ngspice, with none. */
static int find_matrix(struct xo_fcm *m, struct xo_programmed *p, struct xo_info *info)
{
    const struct xo_fit_options *o = p->options;
    const struct xo_ngspice_options how = {.limit_sec = o->ngspice_limit_sec, .progress = o->progress,
                                           .user = o->user};
    struct xo_matrix_result matrix = {.g_ni_siemens = m->g_ni_siemens, .bound_siemens = m->g_ni_bound_siemens,
                                      .offset_amp = m->offset_ampere, .offset_bound_amp = m->offset_bound_ampere};
    if (m->exact && !o->by_ngspice)
        return xo_matrix(p->factor, &matrix, info);
    free(m->g_ni_bound_siemens);
    free(m->offset_bound_ampere);
    m->g_ni_bound_siemens = m->offset_bound_ampere = NULL;
    if (!m->exact)
        return 0;                      /* it is to be fitted */
    m->exact = 0;
    return xo_ngspice_matrix(p->circuit, m->cell_siemens, &how, m->g_ni_siemens, m->offset_ampere, NULL, info);
}

static int make_matrices(struct xo_fcm *m)
{
    size_t cells = m->rows * m->columns;
    m->g_ni_siemens = xo_calloc(cells, sizeof(double));
    m->g_ni_bound_siemens = xo_calloc(cells, sizeof(double));
    m->offset_ampere = xo_calloc(m->columns, sizeof(double));
    m->offset_bound_ampere = xo_calloc(m->columns, sizeof(double));
    return m->g_ni_siemens && m->g_ni_bound_siemens && m->offset_ampere && m->offset_bound_ampere ? 0 : ENOMEM;
}

int xo_fit_stage(struct xo_fcm *m, struct xo_programmed *p, const struct xo_hardware *h, const double *cell_siemens,
                 struct xo_info *info)
{
    size_t cells = h->array.rows * h->array.columns, columns = h->array.columns;
    int status = xo_fit_describe(m, h);
    if (status)
        return status;
    m->cell_siemens = copy(cell_siemens, cells);
    m->adc_low_ampere = xo_calloc(columns, sizeof(double));
    m->adc_lsb_ampere = xo_calloc(columns, sizeof(double));
    m->gain_factor = xo_calloc(columns, sizeof(double));
    if (!m->cell_siemens || !m->adc_low_ampere || !m->adc_lsb_ampere || !m->gain_factor)
        return ENOMEM;
    for (size_t j = 0; j < columns; j++)
        m->gain_factor[j] = m->adc_lsb_ampere[j] = 1;
    status = xo_programmed_cells(p, cell_siemens, info);
    if (!status && m->stage == XO_FCM_LADDER)
        return xo_fit_ladder(m, &p->crossbar, cell_siemens, info);
    if (!status)
        status = make_matrices(m);
    return status ? status : find_matrix(m, p, info);
}

/* ---- ADC ranges ----------------------------------------------------------------------------------- */

/* What the array sees: V, or codes drawn at random; as the DAC gives it. */
static int through_dac(const struct xo_fcm *m, size_t inputs, const double *row_volt, double *given)
{
    struct xo_levels levels = {0};
    int status = xo_levels_new(&levels, &m->dac);
    for (size_t k = 0; k < inputs * m->rows && !status; k++) {
        struct xo_random_key input = {m->seed, XO_FOR_RANGE_INPUTS, 0, k}, noise = {m->seed, XO_FOR_DAC_NOISE, 2, k};
        unsigned digit = row_volt ? xo_levels_nearest(&levels, row_volt[k])
                                  : xo_random_below(input, 1u << m->dac.bits);
        given[k] = xo_dac_volt(&m->dac, digit, m->dac.noise_volt > 0 ? xo_random_gauss(noise) : 0);
    }
    xo_levels_free(&levels);
    return status;
}

static int range_of(struct xo_fcm *m, const struct xo_hardware *h, size_t first, size_t columns, int has_sign,
                    size_t inputs, const double *amp, double *scratch, struct xo_info *info)
{
    struct xo_device device = h->device;
    struct xo_adc_scale scale;
    size_t count = 0;
    if (h->mapping.unused_cell == XO_UNUSED_OPEN)
        device.off_siemens = 0;
    for (size_t n = 0; n < inputs; n++)
        for (size_t j = first; j < first + columns; j++)
            scratch[count++] = amp[n * m->columns + j] * m->gain_factor[j];
    int status = xo_adc_range(&scale, &m->adc, &m->dac, &device, m->rows, has_sign, count, scratch, info);
    for (size_t j = first; j < first + columns && !status; j++) {
        m->adc_low_ampere[j] = scale.low_ampere;
        m->adc_lsb_ampere[j] = scale.lsb_ampere;
    }
    return status;
}

/* Ranges of gain x current: gain_factor is 1 as long as it is not known. */
static int fix_ranges(struct xo_fcm *m, const struct xo_hardware *h, size_t inputs, const double *amp,
                      struct xo_info *info)
{
    size_t count = inputs * m->columns;
    size_t width = m->adc.range == XO_ADC_CALIBRATED && m->adc.range_scope == XO_ADC_COLUMN ? 1 : m->columns;
    double *scratch = xo_calloc(count, sizeof *scratch);
    int status = scratch ? 0 : ENOMEM, has_sign = 0;
    for (size_t k = 0; k < count; k++)
        has_sign |= amp[k] < 0;
    for (size_t j = 0; j < m->columns && !status; j += width)
        status = range_of(m, h, j, width, has_sign, inputs, amp, scratch, info);
    free(scratch);
    return status;
}

static int find_gain(struct xo_fcm *m, const struct xo_crossbar *x, size_t inputs, const double *row_volt,
                     struct xo_info *info)
{
    double *factor = xo_calloc(m->columns, sizeof *factor);
    double *ideal = xo_calloc(m->rows * m->columns, sizeof *ideal);
    int status = factor && ideal ? 0 : ENOMEM;
    if (!status && m->gain.source == XO_GAIN_ORACLE && m->stage == XO_FCM_LADDER) {
        status = xo_gain_all_on(m, x, factor, info);
    } else if (!status && m->gain.source == XO_GAIN_ORACLE) {
        xo_ideal_siemens(x, m->cell_siemens, ideal);
        status = xo_gain_oracle(m->gain.scope, m->rows, m->columns, ideal, m->g_ni_siemens, factor);
    } else if (!status) {
        status = xo_gain_measured(m->gain.scope, m, x, m->cell_siemens, inputs, row_volt, factor, info);
    }
    if (!status)
        memcpy(m->gain_factor, factor, m->columns * sizeof *factor);
    free(factor);
    free(ideal);
    return status;
}

/* Ranges first, then the gain measured through them; a gain in the reference moves the ranges once more. */
static int fit_converters(struct xo_fcm *m, const struct xo_hardware *h, const struct xo_crossbar *x, size_t inputs,
                          const double *row_volt, struct xo_info *info)
{
    const struct xo_apply stage = {0};
    size_t count = inputs ? inputs : DEFAULT_RANGE_INPUTS;
    double *given = xo_calloc(count * m->rows, sizeof *given), *amp = xo_calloc(count * m->columns, sizeof *amp);
    int status = given && amp ? 0 : ENOMEM;
    if (!status)
        status = through_dac(m, count, inputs ? row_volt : NULL, given);
    if (!status)
        status = xo_fcm_apply(m, &stage, count, given, amp, NULL, info);
    if (!status)
        status = fix_ranges(m, h, count, amp, info);
    if (!status)
        status = find_gain(m, x, inputs, row_volt, info);
    if (!status && m->gain.where == XO_GAIN_REFERENCE)
        status = fix_ranges(m, h, count, amp, info);
    free(given);
    free(amp);
    return status;
}

/* ---- nonlinear cells ------------------------------------------------------------------------------ */

/* Of nonlinear cells no stage is known beforehand, but for ladders. */
static bool to_be_chosen(const struct xo_hardware *h)
{
    return xo_is_nonlinear(&h->array) && h->array.input != XO_INPUT_GATE;
}

static int fit_nonlinear(struct xo_fcm *m, struct xo_programmed *p, size_t inputs, const double *row_volt,
                         struct xo_info *info)
{
    struct xo_stage_fit f;
    struct xo_trials t = {0};
    size_t chosen;
    int status = xo_stage_fit_begin(&f, m, p, 0, inputs, row_volt, info);
    if (!status)
        status = xo_stage_fit_try(&f, &t, 0, 1, info);
    if (!status)
        status = xo_trials_state(m, &t, 1, f.held.inputs, xo_fit_tolerance(p->options), &chosen);
    if (!status)
        status = xo_stage_fit_take(&f, &t.candidate[chosen], info);
    xo_trials_free(&t);
    xo_stage_fit_free(&f);
    return status;
}

double xo_fit_tolerance(const struct xo_fit_options *options)
{
    return options->tolerance > 0 ? options->tolerance : XO_FIT_TOLERANCE;
}

int xo_fit_check(const struct xo_hardware *h, const struct xo_fit_options *options, struct xo_info *info)
{
    if (options->by_ngspice && xo_is_nonlinear(&h->array))
        return xo_fail(info, XO_EUNSUPPORTED, "nonlinear cells have no matrix that ngspice could find; expected "
                       "another engine");
    if (h->array.input == XO_INPUT_GATE && options->by_ngspice)
        return xo_fail(info, XO_EUNSUPPORTED, "inputs go to gates: there is no matrix that ngspice could find; "
                       "expected another engine");
    if (h->array.input == XO_INPUT_GATE && h->dac.encoding == XO_DAC_PULSE_WIDTH && h->dac.bits > 1)
        return xo_fail(info, XO_EUNSUPPORTED, "dac.encoding: pulse_width of %d bits with input gate: a pulse is on "
                       "for as many slots as its digit says, not half on; expected dac.bits 1, what one slot sees",
                       h->dac.bits);
    if (options->training_inputs > XO_MOST_HELD_OUT)
        return xo_fail(info, XO_ETOOBIG, "%zu inputs to fit to; expected at most %zu", options->training_inputs,
                       XO_MOST_HELD_OUT);
    return xo_fit_check_held_out(options, info);
}

/* ---- all of it ------------------------------------------------------------------------------------ */

int xo_fit_array(struct xo_fcm *out, const struct xo_hardware *h, const double *cell_siemens, size_t inputs,
                 const double *row_volt, const struct xo_fit_options *options, struct xo_info *info)
{
    const struct xo_fit_options defaults = {0};
    struct xo_programmed p = {0};
    struct xo_fcm m = {.scope = XO_FCM_ARRAY};
    int status;
    if (!options)
        options = &defaults;
    status = xo_fit_check(h, options, info);
    if (!status)
        status = xo_programmed_new(&p, h, options, info);
    if (!status)
        status = xo_fit_stage(&m, &p, h, cell_siemens, info);
    if (!status)
        xo_fit_validity(&m, inputs, row_volt);
    if (!status && to_be_chosen(h))
        status = fit_nonlinear(&m, &p, inputs, row_volt, info);
    if (!status)
        status = fit_converters(&m, h, &p.crossbar, inputs, row_volt, info);
    if (!status && !to_be_chosen(h))
        status = xo_fit_held_out(&m, &p, options->held_out_inputs, info);
    if (!status)
        status = xo_fit_provenance(&m.provenance, h, options, to_be_chosen(h) ? XO_METHOD_NONLINEAR
                                   : m.ladder.curves ? XO_METHOD_CURVES
                                   : m.stage == XO_FCM_LADDER ? "exact ladders, cells, wires and ends as described"
                                   : options->by_ngspice
                                   ? "conductance matrix by ngspice, without bounds; held-out error against currents"
                                   : "exact conductance matrix, entry by entry", info);
    xo_programmed_free(&p);
    if (status) {
        xo_fcm_free(&m);
        return status;
    }
    *out = m;
    return 0;
}
