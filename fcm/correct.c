/* Corrections through the linear operator (xo_fcm.h says what it is): word and bit lines solved in turn as ladders,
 * block Gauss-Seidel on the two groups of lines, which converges for every array and quickly where cells conduct
 * little beside the lines they load.  Eight inputs lie beside each other, one in each lane, so that a ladder is a
 * chain of vector instructions; lanes never touch, so an input's result does not depend on its neighbours.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stddef.h>
#include <string.h>
#include "clones.h"
#include "stage.h"

#define LANES XO_LANES

/* Where the voltages and currents of one group of inputs lie. */
struct state {
    double *word, *bit;                /* [rows][columns][LANES] V                                             */
    double *excess;                    /* [rows][columns][LANES] A, from word to bit line                      */
    double *current;                   /* [rows][columns][LANES] A, gathered going in                          */
    double *source;                    /* [rows][LANES] V behind the word lines                                */
};

size_t xo_correct_scratch(const struct xo_fcm *m)
{
    return (4 * m->columns + 1) * m->rows * LANES;
}

/* ---- one step along a ladder, for `count` numbers beside each other ------------------------------------ */

/* current = siemens other -+ excess */
static inline void inject(double *restrict current, const double *restrict other, const double *restrict excess,
                          double siemens, double sign)
{
#pragma omp simd
    for (size_t l = 0; l < LANES; l++)
        current[l] = siemens * other[l] + sign * excess[l];
}

static inline void gather(double *restrict current, const double *restrict beyond, double divider)
{
#pragma omp simd
    for (size_t l = 0; l < LANES; l++)
        current[l] += divider * beyond[l];
}

static inline void spread(double *restrict volt, const double *restrict nearer, const double *restrict current,
                          double divider, double ohm)
{
#pragma omp simd
    for (size_t l = 0; l < LANES; l++)
        volt[l] = divider * nearer[l] + ohm * current[l];
}

/* ---- word lines --------------------------------------------------------------------------------------- */

/* Node k from the near end is near + k step; what goes from node to node stays in registers. */
XO_CLONES
static void solve_word_line(const struct xo_fcm *m, const struct state *s, size_t i)
{
    const struct xo_fcm_correction *c = &m->correction;
    const size_t n = m->columns, near = i * n + (c->word_from_right ? n - 1 : 0);
    const ptrdiff_t step = c->word_from_right ? -1 : 1;
    double divider = c->word_far_siemens[i], carried[LANES];
    memcpy(carried, s->source + i * LANES, sizeof carried);
    for (size_t k = n, at = near + (n - 1) * (size_t)step; k-- > 0; at -= (size_t)step) {
        const double *other = s->bit + at * LANES, *excess = s->excess + at * LANES, siemens = c->cell_siemens[at];
        double *current = s->current + at * LANES;
#pragma omp simd
        for (size_t l = 0; l < LANES; l++)
            current[l] = carried[l] = siemens * other[l] - excess[l] + divider * carried[l];
        divider = c->word_divider[at];
    }
    memcpy(carried, s->source + i * LANES, sizeof carried);
    for (size_t k = n, at = near; k-- > 0; at += (size_t)step) {
        const double *current = s->current + at * LANES, nearer = c->word_divider[at], ohm = c->word_ohm[at];
        double *volt = s->word + at * LANES;
#pragma omp simd
        for (size_t l = 0; l < LANES; l++)
            volt[l] = carried[l] = nearer * carried[l] + ohm * current[l];
    }
}

/* ---- bit lines: all of them, one row after the other ---------------------------------------------------- */

static void broadcast(double *lanes, double value)
{
    for (size_t l = 0; l < LANES; l++)
        lanes[l] = value;
}

/* Row i of all lines, going in; `beyond`: the row next to it, further from the near end (rows: there is none). */
XO_CLONES
static void gather_row(const struct xo_fcm *m, const struct state *s, size_t i, size_t beyond)
{
    const struct xo_fcm_correction *c = &m->correction;
    const size_t n = m->columns;
    for (size_t j = 0; j < n; j++) {
        size_t k = i * n + j, b = beyond * n + j;
        double held[LANES];
        inject(s->current + k * LANES, s->word + k * LANES, s->excess + k * LANES, c->cell_siemens[k], 1);
        if (beyond < m->rows) {
            gather(s->current + k * LANES, s->current + b * LANES, c->bit_divider[b]);
        } else {
            broadcast(held, c->bit_volt[j]);
            gather(s->current + k * LANES, held, c->bit_far_siemens[j]);
        }
    }
}

/* Going out; `nearer`: the row towards the near end (rows: the terminal itself). */
XO_CLONES
static void spread_row(const struct xo_fcm *m, const struct state *s, size_t i, size_t nearer)
{
    const struct xo_fcm_correction *c = &m->correction;
    const size_t n = m->columns;
    for (size_t j = 0; j < n; j++) {
        size_t k = i * n + j;
        double held[LANES];
        if (nearer == m->rows)
            broadcast(held, c->bit_volt[j]);
        spread(s->bit + k * LANES, nearer == m->rows ? held : s->bit + (nearer * n + j) * LANES,
               s->current + k * LANES, c->bit_divider[k], c->bit_ohm[k]);
    }
}

static void solve_bit_lines(const struct xo_fcm *m, const struct state *s)
{
    const size_t rows = m->rows;
    const int down = m->correction.bit_from_top;       /* is the near end row 0? */
    for (size_t k = rows; k-- > 0;) {
        size_t i = down ? k : rows - 1 - k;
        gather_row(m, s, i, k + 1 == rows ? rows : down ? i + 1 : i - 1);
    }
    for (size_t k = 0; k < rows; k++) {
        size_t i = down ? k : rows - 1 - k;
        spread_row(m, s, i, k == 0 ? rows : down ? i - 1 : i + 1);
    }
}

/* ---- the law ------------------------------------------------------------------------------------------ */

/* Lagrange's cubic through the two points on either side; beyond the curve its end. */
XO_CLONES
static void find_excess(const struct xo_fcm *m, const struct state *s)
{
    const struct xo_fcm_correction *c = &m->correction;
    const double last = (double)(c->points - 1), per_volt = last / (c->high_volt - c->low_volt), low = c->low_volt;
    const double most = (double)(c->points - 3);
    for (size_t k = 0; k < m->rows * m->columns; k++) {
        const double *curve = c->excess_ampere + (size_t)c->cell_curve[k] * c->points;
        const double *word = s->word + k * LANES, *bit = s->bit + k * LANES;
        const double scale = c->cell_scale[k];
        double *restrict excess = s->excess + k * LANES;
#pragma omp simd
        for (int l = 0; l < LANES; l++) {
            double t = (word[l] - bit[l] - low) * per_volt;
            t = t > 0 ? t : 0;
            t = t < last ? t : last;
            int at = (int)(t < most ? t : most);
            at = at > 1 ? at : 1;
            double x = t - (double)at, a = x * (x - 1), b = (x + 1) * (x - 2);
            double outer = a * ((x + 1) * curve[at + 2] - (x - 2) * curve[at - 1]);
            double inner = b * ((x - 1) * curve[at] - x * curve[at + 1]);
            excess[l] = scale * (outer * (1.0 / 6) + inner * 0.5);
        }
    }
}

/* ---- all of it ---------------------------------------------------------------------------------------- */

static void sweep(const struct xo_fcm *m, const struct state *s)
{
    for (size_t k = 0; k < m->correction.sweeps; k++) {
        for (size_t i = 0; i < m->rows; i++)
            solve_word_line(m, s, i);
        solve_bit_lines(m, s);
    }
}

static void set_sources(const struct xo_fcm *m, size_t inputs, const double *volt, const struct state *s)
{
    const struct xo_fcm_correction *c = &m->correction;
    for (size_t i = 0; i < m->rows; i++)
        for (size_t l = 0; l < LANES; l++)
            s->source[i * LANES + l] = c->word_driven[i] > 0 ? volt[(l < inputs ? l : inputs - 1) * m->rows + i]
                                                             : c->word_volt[i];
}

/* What goes into the terminals, at the near end (by its divider: the sense may have 0 ohm) and at the far one. */
static void read_currents(const struct xo_fcm *m, size_t inputs, const struct state *s, double *amp)
{
    const struct xo_fcm_correction *c = &m->correction;
    const size_t near = c->bit_from_top ? 0 : m->rows - 1, far = m->rows - 1 - near, n = m->columns;
    for (size_t l = 0; l < inputs; l++)
        for (size_t j = 0; j < n; j++) {
            double gathered = s->current[(near * n + j) * LANES + l] - c->bit_siemens[j] * c->bit_volt[j];
            amp[l * n + j] = c->bit_divider[near * n + j] * gathered +
                             c->bit_far_siemens[j] * (s->bit[(far * n + j) * LANES + l] - c->bit_volt[j]);
        }
}

void xo_correct(const struct xo_fcm *m, size_t inputs, const double *volt, double *amp, double *scratch)
{
    const size_t numbers = m->rows * m->columns * LANES;
    const struct state s = { scratch, scratch + numbers, scratch + 2 * numbers, scratch + 3 * numbers,
                             scratch + 4 * numbers };
    memset(s.bit, 0, 2 * numbers * sizeof *s.bit);             /* and excess */
    set_sources(m, inputs, volt, &s);
    sweep(m, &s);
    for (size_t k = 0; k < m->correction.count; k++) {
        find_excess(m, &s);
        sweep(m, &s);
    }
    read_currents(m, inputs, &s, amp);
}
