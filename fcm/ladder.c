/* Gated columns: every input's currents from the ladders of the cells that are on.
 *
 * p/q is the resistance of all that lies beyond a rung; sums and products of positive numbers, so nothing cancels
 * (xo_fcm.h has both recursions).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include "clones.h"
#include "stage.h"

enum { LANES = 16 };
#define LARGE 0x1p300                  /* p and q are scaled down beyond */

struct climber { double p[LANES], q[LANES]; };

double xo_channel_siemens(const struct xo_fcm *m, double volt)
{
    const struct xo_fcm_ladder *l = &m->ladder;
    double gate = fmin(fmax(volt / m->dac.read_volt, 0), 1), off = l->transistor_off_siemens;
    if (gate == 0)
        return off;
    return l->transistor_ohm == 0 ? INFINITY : off + gate * (1 / l->transistor_ohm - off);
}

static inline void climb_rung(struct climber *c, const double *cell, const double *step, double channel_ohm,
                              size_t lanes)
{
#pragma omp simd
    for (size_t k = 0; k < lanes; k++) {
        double q = c->q[k] + cell[k] / (1 + cell[k] * channel_ohm) * c->p[k], p = c->p[k] + step[k] * q;
        double scale = p > LARGE || q > LARGE ? 1 / LARGE : 1;
        c->p[k] = p * scale;
        c->q[k] = q * scale;
    }
}

static inline void pass_rung(struct climber *c, const double *step, size_t lanes)
{
#pragma omp simd
    for (size_t k = 0; k < lanes; k++)
        c->p[k] += step[k] * c->q[k];
}

#define OPEN_OHM 1e60

struct stars { double a[LANES], b[LANES], c[LANES]; };

/* Ends at two sides: what lies above a rung is a star, and a rung makes its triangle one. */
XO_CLONES
static void climb_stars(const struct xo_fcm *m, const double *volt, size_t first, size_t lanes, double *amp)
{
    const struct xo_fcm_ladder *l = &m->ladder;
    struct stars s = { { 0 }, { 0 }, { 0 } };
    for (size_t k = 0; k < LANES; k++)
        s.c[k] = OPEN_OHM;
    for (size_t i = 0; i < m->rows; i++) {
        size_t at = i * m->columns + first;
        double channel = xo_channel_siemens(m, volt[i]);
#pragma omp simd
        for (size_t n = 0; n < lanes; n++) {
            double cell = l->cell_siemens[at + n], g = channel > 0 ? cell / (1 + cell / channel) : 0;
            double k = 1 / (1 + g * (s.b[n] + s.c[n])), c = s.c[n] * k;
            s.a[n] += g * s.b[n] * c;
            s.b[n] = s.b[n] * k + l->step_ohm[at + n];
            s.c[n] = c + l->second_ohm[at + n];
        }
    }
    for (size_t k = 0; k < lanes; k++)
        amp[first + k] = s.c[k] < OPEN_OHM ? l->volt[first + k] / (s.a[k] + s.c[k] + l->end_ohm[first + k]) : 0;
}

XO_CLONES
static void climb_columns(const struct xo_fcm *m, const double *volt, size_t first, size_t lanes, double *amp)
{
    const struct xo_fcm_ladder *l = &m->ladder;
    struct climber c;
    for (size_t k = 0; k < LANES; k++) {
        c.p[k] = 1;
        c.q[k] = 0;
    }
    for (size_t rung = 0; rung < m->rows; rung++) {
        size_t i = l->top_is_far ? rung : m->rows - 1 - rung, at = i * m->columns + first;
        double channel = xo_channel_siemens(m, volt[i]);
        if (channel > 0)
            climb_rung(&c, l->cell_siemens + at, l->step_ohm + at, 1 / channel, lanes);
        else
            pass_rung(&c, l->step_ohm + at, lanes);
    }
    for (size_t k = 0; k < lanes; k++)
        amp[first + k] = l->volt[first + k] * (c.q[k] / (c.p[k] + l->end_ohm[first + k] * c.q[k]));
}

void xo_ladder_run(const struct xo_fcm *m, size_t inputs, const double *volt, double *amp)
{
    for (size_t n = 0; n < inputs; n++)
        for (size_t first = 0; first < m->columns; first += LANES) {
            size_t left = m->columns - first;
            (m->ladder.second_ohm ? climb_stars : climb_columns)(m, volt + n * m->rows, first,
                                                                 left < LANES ? left : LANES, amp + n * m->columns);
        }
}
