/* Rows of digits through gated columns: which rungs are on, and the currents.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include "ladder.h"
#include "memory.h"

#define OPEN 1e60                      /* ohm in inverse levels: as good as open */

/* Ends at two sides, from row 0 on. */
static double star_current(const struct xo_exact_rungs *e, const uint16_t *rung, size_t count, size_t inputs,
                           size_t lane)
{
    double a = 0, b = 0, c = OPEN, first = 0, second = 0;
    for (size_t n = 0; n < count; n++) {
        size_t at = rung[n] * XO_STRIP + lane;
        double g = e->siemens[at], k;
        b += e->position[at] - first;
        c += e->second_position[at] - second;
        k = 1 / (1 + g * (b + c));
        c *= k;
        a += g * b * c;
        b *= k;
        first = e->position[at];
        second = e->second_position[at];
    }
    c += e->second_position[inputs * XO_STRIP + lane] - second;
    return c < OPEN ? e->volt[lane] / (a + c + e->end_ohm[lane]) : 0;
}

double xo_exact_current(const struct xo_exact_rungs *e, const uint16_t *rung, size_t count, size_t inputs,
                        size_t lane)
{
    if (e->second_position)
        return star_current(e, rung, count, inputs, lane);
    double p = 1, q = 0, before = count ? e->position[rung[0] * XO_STRIP + lane] : 0;
    for (size_t n = 0; n < count; n++) {
        size_t at = rung[n] * XO_STRIP + lane;
        p += (e->position[at] - before) * q;
        q += e->siemens[at] * p;
        before = e->position[at];
    }
    p += (e->position[inputs * XO_STRIP + lane] - before) * q;
    return e->volt[lane] * (q / (p + e->end_ohm[lane] * q));
}

/* Which rungs the packed digits of every row switch on, the farthest first. */
int xo_list_active(struct xo_rows *o, struct xo_engine_thread *t, const struct xo_use *use)
{
    size_t rows = o->d.rows, inputs = o->d.inputs;
    uint16_t *rung = xo_room(t, XO_BUFFER_ACTIVE, rows, (inputs + 1) * sizeof *rung), *count = rung + rows * inputs;
    if (!rung)
        return ENOMEM;
    for (size_t row = 0; row < rows; row++) {
        const uint8_t *packed = o->d.packed + row * o->d.row_bytes;
        uint16_t *to = rung + row * inputs;
        size_t n = 0;
        for (size_t at = 0; at < o->d.row_bytes; at += 2)
            for (unsigned word = packed[at] | (unsigned)packed[at + 1] << 8; word; word &= word - 1)
                to[n++] = (uint16_t)(8 * at + (size_t)__builtin_ctz(word));
        for (size_t k = 0; k < n / 2 && !use->top_is_far; k++) {
            uint16_t first = to[k];
            to[k] = to[n - 1 - k];
            to[n - 1 - k] = first;
        }
        count[row] = (uint16_t)n;
    }
    o->active = (struct xo_active){ rung, count, inputs };
    o->d.ready = true;
    return 0;
}

const float *xo_climb_strip(struct xo_engine_thread *t, const struct xo_strip *s, const struct xo_rows *rows)
{
    float *out = xo_room(t, XO_BUFFER_READY, rows->d.rows + XO_ROWS_AT_ONCE, XO_STRIP * sizeof *out);
    if (out && t->engine->kernels->climb(&rows->active, rows->d.rows, &s->rungs[0],
                                         s->rungs[1].siemens ? &s->rungs[1] : NULL, out))
        t->unsettled = true;
    return t->unsettled ? NULL : out;
}

static int exact_currents(double *current, const struct xo_array_layer *l, const struct xo_strip *s,
                          const struct xo_rows *rows)
{
    const struct xo_active *a = &rows->active;
    size_t count = rows->d.rows * XO_STRIP;
    if (!xo_is_nonlinear(&l->hardware->array)) {
        for (size_t k = 0; k < count; k++) {
            const uint16_t *rung = a->rung + k / XO_STRIP * a->inputs;
            size_t on = a->count[k / XO_STRIP], lane = k % XO_STRIP;
            current[k] = xo_exact_current(s->exact[0], rung, on, a->inputs, lane)
                         - xo_exact_current(s->exact[1], rung, on, a->inputs, lane);
        }
        return 0;
    }
    double *minus = xo_calloc(count, sizeof *minus);
    int status = minus ? xo_curves_exact(current, s->exact[0], l, a, rows->d.rows) : ENOMEM;
    if (!status)
        status = xo_curves_exact(minus, s->exact[1], l, a, rows->d.rows);
    for (size_t k = 0; k < count && !status; k++)
        current[k] -= minus[k];
    free(minus);
    return status;
}

int xo_climb_currents(double *current, struct xo_engine_thread *t, const struct xo_array_layer *l,
                      const struct xo_strip *s, const struct xo_rows *rows)
{
    if (t->certified)
        return exact_currents(current, l, s, rows);
    const float *single = xo_climb_strip(t, s, rows);
    if (!single)
        return t->unsettled ? XO_ENOTPROVEN : ENOMEM;
    for (size_t k = 0; k < rows->d.rows * XO_STRIP; k++)
        current[k] = (double)single[k];
    return 0;
}
