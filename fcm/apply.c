/* The fast model at work: its conductance stage in blocks of inputs (stage.c), converters around it.
 * Blocks are fixed and each is computed by one thread in one way, so the bytes do not depend on the threads.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "xo_fcm.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#include "clones.h"
#include "levels.h"
#include "memory.h"
#include "random.h"
#include "stage.h"

enum { BLOCK = XO_APPLY_BLOCK };

/* [columns] each: how a current is read and what it is multiplied by. */
struct readout { double *low, *lsb, *gain; };

struct job {
    const struct xo_fcm *m;
    const struct xo_apply *how;
    size_t inputs;
    const double *row_volt;
    double *column_amp;
    struct xo_levels levels;           /* with converters */
    struct readout readout;            /* with converters */
};

/* ---- one block ------------------------------------------------------------------------------------ */

static double noise(const struct job *job, enum xo_purpose purpose, size_t place)
{
    return xo_random_gauss((struct xo_random_key){ job->m->seed, purpose, 0, place });
}

/* How many inputs are none of those the fit has seen the like of? */
XO_CLONES
static size_t count_outside(const struct xo_fcm *m, size_t inputs, const double *volt)
{
    const struct xo_fcm_validity *v = &m->validity;
    const double low = v->low_volt, high = v->high_volt;
    size_t outside = 0;
    for (size_t n = 0; n < inputs; n++, volt += m->rows) {
        double zeros = 0, beyond = 0;  /* in the lanes of the voltages */
#pragma omp simd reduction(+ : zeros, beyond)
        for (size_t i = 0; i < m->rows; i++) {
            beyond += volt[i] < low || volt[i] > high ? 1.0 : 0.0;
            zeros += volt[i] == 0 ? 1.0 : 0.0;
        }
        double sparsity = zeros / (double)m->rows;
        outside += beyond > 0 || sparsity < v->low_sparsity || sparsity > v->high_sparsity;
    }
    return outside;
}

static void convert_inputs(const struct job *job, size_t first, size_t count, double *volt)
{
    const double noise_volt = job->m->dac.noise_volt;
    const size_t rows = job->m->rows, place = (job->how->first_input + first) * rows;
    xo_levels_snap(&job->levels, count * rows, job->row_volt + first * rows, volt);
    for (size_t k = 0; noise_volt > 0 && k < count * rows; k++)
        volt[k] += noise_volt * noise(job, XO_FOR_DAC_NOISE, place + k);
}

/* Any ADC, one conversion at a time. */
static void read_currents(const struct job *job, size_t place, double *amp)
{
    const struct xo_fcm *m = job->m;
    for (size_t j = 0; j < m->columns; j++) {
        const struct readout *r = &job->readout;
        struct xo_adc_scale scale = { r->low[j], r->lsb[j] };
        double gauss = m->adc.noise_lsb > 0 ? noise(job, XO_FOR_ADC_NOISE, place + j) : 0;
        amp[j] = r->gain[j] * xo_adc_ampere(&scale, xo_adc_code(&m->adc, &scale, amp[j], gauss));
    }
}

/* An ADC without noise and INL: the same arithmetic, rounded half to even by adding 2^52, so that several columns fit
 * one instruction. */
XO_CLONES
static void read_straight(const struct job *job, size_t count, double *restrict amp)
{
    const double *restrict low = job->readout.low, *restrict lsb = job->readout.lsb;
    const double *restrict gain = job->readout.gain;
    const double slope = 1 + job->m->adc.gain_error, offset = job->m->adc.offset_lsb;
    const double last = (double)((1u << job->m->adc.bits) - 1), whole = 0x1p52;
    const size_t columns = job->m->columns;
    for (size_t n = 0; n < count; n++, amp += columns)
#pragma omp simd
        for (size_t j = 0; j < columns; j++) {
            double code = (amp[j] - low[j]) / lsb[j] * slope + offset;
            code = code > 0 ? code : 0;
            code = code < last ? code : last;
            code += whole;
            code -= whole;
            amp[j] = gain[j] * (low[j] + code * lsb[j]);
        }
}

/* Through the ADC and back to ampere; the gain behind it, or in its reference. */
static void convert_outputs(const struct job *job, size_t first, size_t count, double *amp)
{
    const struct xo_fcm *m = job->m;
    const bool straight = m->adc.noise_lsb == 0 && m->adc.inl_lsb.count == 0;
    if (straight)
        read_straight(job, count, amp);
    else
        for (size_t n = 0; n < count; n++)
            read_currents(job, (job->how->first_input + first + n) * m->columns, amp + n * m->columns);
}

static void apply_gain(const struct job *job, size_t count, double *amp)
{
    const size_t columns = job->m->columns;
    for (size_t n = 0; n < count; n++)
        for (size_t j = 0; j < columns; j++)
            amp[n * columns + j] *= job->m->gain_factor[j];
}

/* One thread's working memory: the converted voltages [BLOCK][rows], and behind them what the stage needs. */
static size_t scratch_of(const struct job *job)
{
    return (job->how->converters ? BLOCK * job->m->rows : 0) + xo_stage_scratch(job->m, BLOCK);
}

/* Returns how many inputs lie outside. */
static size_t apply_block(const struct job *job, size_t first, double *scratch)
{
    const struct xo_fcm *m = job->m;
    const size_t count = job->inputs - first < BLOCK ? job->inputs - first : BLOCK;
    const double *volt = job->row_volt + first * m->rows;
    double *amp = job->column_amp + first * m->columns;
    size_t outside = count_outside(m, count, volt);
    if (job->how->converters) {
        convert_inputs(job, first, count, scratch);
        volt = scratch;
        scratch += BLOCK * m->rows;
    }
    xo_stage_run(m, job->how->simd, count, volt, amp, scratch);
    if (job->how->converters)
        convert_outputs(job, first, count, amp);
    else if (job->how->gain && m->gain_factor)
        apply_gain(job, count, amp);
    return outside;
}

/* ---- all of them ---------------------------------------------------------------------------------- */

static int check(const struct xo_fcm *m, const struct xo_apply *how, struct xo_info *info)
{
    if (!m->g_ni_siemens && !m->ladder.cell_siemens)
        return xo_fail(info, XO_EVALUE, "the model: scope technology, no programmed array; expected one of an array");
    if (how->converters && !m->adc_lsb_ampere)
        return xo_fail(info, XO_EVALUE, "the model: no ADC range was fixed when it was fitted; expected one for "
                       "converters");
    return 0;
}

/* The ranges as they are when gain is applied in the ADC's reference, or as stored; r->low is what to free. */
static int readout_new(struct readout *r, const struct xo_fcm *m, int gain)
{
    r->low = xo_calloc(m->columns, 3 * sizeof *r->low);
    if (!r->low)
        return ENOMEM;
    r->lsb = r->low + m->columns;
    r->gain = r->lsb + m->columns;
    for (size_t j = 0; j < m->columns; j++) {
        struct xo_adc_scale scale = { m->adc_low_ampere[j], m->adc_lsb_ampere[j] };
        r->gain[j] = gain && m->gain_factor ? m->gain_factor[j] : 1;
        if (gain && m->gain.where == XO_GAIN_REFERENCE)
            scale = xo_adc_scale_at_gain(scale, r->gain[j]);
        r->low[j] = scale.low_ampere;
        r->lsb[j] = scale.lsb_ampere;
    }
    return 0;
}

static size_t run(const struct job *job, int threads, double *scratch)
{
    const ptrdiff_t blocks = (ptrdiff_t)((job->inputs + BLOCK - 1) / BLOCK);
    size_t outside = 0;
    (void)threads;                     /* without OpenMP */
#pragma omp parallel for num_threads(threads) schedule(static) reduction(+ : outside)
    for (ptrdiff_t b = 0; b < blocks; b++) {
        size_t first = (size_t)b * BLOCK, mine = 0;
#ifdef _OPENMP
        mine = (size_t)omp_get_thread_num();
#endif
        outside += apply_block(job, first, scratch + mine * scratch_of(job));
    }
    return outside;
}

int xo_fcm_apply(const struct xo_fcm *m, const struct xo_apply *how, size_t inputs, const double *row_volt,
                 double *column_amp, size_t *outside, struct xo_info *info)
{
    struct job job = { .m = m, .how = how, .inputs = inputs, .row_volt = row_volt, .column_amp = column_amp };
    int threads = how->threads > 1 ? how->threads : 1;
    double *scratch = NULL;
    int status = check(m, how, info);
    if (status)
        return status;
    scratch = xo_calloc((size_t)threads, scratch_of(&job) * sizeof *scratch);
    status = scratch ? 0 : ENOMEM;
    if (!status && how->converters)
        status = xo_levels_new(&job.levels, &m->dac);
    if (!status && how->converters)
        status = readout_new(&job.readout, m, how->gain);
    size_t count = status ? 0 : run(&job, threads, scratch);
    xo_levels_free(&job.levels);
    free(job.readout.low);
    free(scratch);
    if (status)
        return xo_fail(info, status, "applying the model: %s", xo_strerror(status));
    if (outside)
        *outside = count;
    return 0;
}
