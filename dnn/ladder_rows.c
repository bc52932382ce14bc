/* Rows of digits through gated columns: which rungs are on, and the currents.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ladder.h"
#include "memory.h"

#define OPEN 1e60                      /* ohm in inverse levels: as good as open */

/* Ends at two sides, from row 0 on. */
static double star_current(const struct xo_exact_rungs *e, const uint16_t *rung, size_t count, size_t rungs,
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
    c += e->second_position[rungs * XO_STRIP + lane] - second;
    return c < OPEN ? e->volt[lane] / (a + c + e->end_ohm[lane]) : 0;
}

double xo_exact_current(const struct xo_exact_rungs *e, const uint16_t *rung, size_t count, size_t rungs,
                        size_t lane)
{
    if (e->second_position)
        return star_current(e, rung, count, rungs, lane);
    double p = 1, q = 0, before = count ? e->position[rung[0] * XO_STRIP + lane] : 0;
    for (size_t n = 0; n < count; n++) {
        size_t at = rung[n] * XO_STRIP + lane;
        p += (e->position[at] - before) * q;
        q += e->siemens[at] * p;
        before = e->position[at];
    }
    p += (e->position[rungs * XO_STRIP + lane] - before) * q;
    return e->volt[lane] * (q / (p + e->end_ohm[lane] * q));
}

/* ---- which rungs ------------------------------------------------------------------------------------- */

size_t xo_put_rungs(uint16_t *rung, const struct xo_use *use, size_t inputs, const uint8_t *on)
{
    size_t rows = use->leaking ? use->leaking : inputs, count = 0;
    for (size_t n = 0; n < rows; n++) {
        size_t i = use->top_is_far ? n : rows - 1 - n;
        bool is_on = i < inputs && on[i];
        if (is_on || use->leaking)
            rung[count++] = (uint16_t)(is_on ? i : use->leaking + i);
    }
    return count;
}

/* Rows of one bit, packed, of transistors that are open when off: as below, but faster. */
static size_t put_packed(uint16_t *to, const struct xo_rows *o, size_t row, bool top_is_far)
{
    const uint8_t *packed = o->d.packed + row * o->d.row_bytes;
    size_t n = 0;
    for (size_t at = 0; at < o->d.row_bytes; at += 2)
        for (unsigned word = packed[at] | (unsigned)packed[at + 1] << 8; word; word &= word - 1)
            to[n++] = (uint16_t)(8 * at + (size_t)__builtin_ctz(word));
    for (size_t k = 0; k < n / 2 && !top_is_far; k++) {
        uint16_t first = to[k];
        to[k] = to[n - 1 - k];
        to[n - 1 - k] = first;
    }
    return n;
}

/* Slot s of a pulse: every row whose digit is above s. */
static size_t put_slot(uint16_t *to, const struct xo_rows *o, const struct xo_use *use, size_t row, size_t slot,
                       uint8_t *on)
{
    for (size_t i = 0; i < o->d.inputs; i++)
        on[i] = o->digit[row * o->d.inputs + i] > slot;
    return xo_put_rungs(to, use, o->d.inputs, on);
}

int xo_list_active(struct xo_rows *o, struct xo_engine_thread *t, const struct xo_use *use)
{
    size_t rungs = xo_rungs_of(use, o->d.inputs), slots = use->levels - 1, lists = o->d.rows * slots;
    uint16_t *rung = xo_room(t, XO_BUFFER_ACTIVE, lists, (rungs + 1) * sizeof *rung + o->d.inputs), *count;
    if (!rung)
        return ENOMEM;
    count = rung + lists * rungs;
    for (size_t k = 0; k < lists; k++)
        count[k] = (uint16_t)(xo_needs_digits(use)
            ? put_slot(rung + k * rungs, o, use, k / slots, k % slots, (uint8_t *)(count + lists))
            : put_packed(rung + k * rungs, o, k, use->top_is_far));
    o->active = (struct xo_active){ rung, count, rungs };
    o->slots = slots;
    o->d.ready = true;
    return 0;
}

/* ---- currents ---------------------------------------------------------------------------------------- */

/* The lists of one row. */
static struct xo_active slots_of(const struct xo_rows *rows, size_t row)
{
    const struct xo_active *a = &rows->active;
    return (struct xo_active){ a->rung + row * rows->slots * a->rungs, a->count + row * rows->slots, a->rungs };
}

/* The charge of a pulse, in slots of I_unit: the sum over its slots. */
static size_t climb_slots(const struct xo_kernels *kernels, const struct xo_strip *s, const struct xo_rows *rows,
                          size_t row, float *out)
{
    const struct xo_rungs *minus = s->rungs[1].siemens ? &s->rungs[1] : NULL;
    const struct xo_active a = slots_of(rows, row);
    size_t unsettled = 0;
    memset(out, 0, XO_STRIP * sizeof *out);
    for (size_t slot = 0; slot < rows->slots; slot++) {
        const struct xo_active one = { a.rung + slot * a.rungs, a.count + slot, a.rungs };
        float amp[XO_STRIP];
        unsettled += kernels->climb(&one, 1, &s->rungs[0], minus, amp);
        for (size_t j = 0; j < XO_STRIP; j++)
            out[j] += amp[j];
    }
    return unsettled;
}

const float *xo_climb_strip(struct xo_engine_thread *t, const struct xo_strip *s, const struct xo_rows *rows)
{
    float *out = xo_room(t, XO_BUFFER_READY, rows->d.rows + XO_ROWS_AT_ONCE, XO_STRIP * sizeof *out);
    const struct xo_kernels *kernels = t->engine->kernels;
    size_t unsettled = 0;
    if (out && rows->slots == 1)
        unsettled = kernels->climb(&rows->active, rows->d.rows, &s->rungs[0],
                                   s->rungs[1].siemens ? &s->rungs[1] : NULL, out);
    for (size_t row = 0; out && rows->slots > 1 && row < rows->d.rows; row++)
        unsettled += climb_slots(kernels, s, rows, row, out + row * XO_STRIP);
    t->unsettled |= unsettled > 0;
    return t->unsettled ? NULL : out;
}

/* One side, all lists. */
static int exact_side(double *amp, const struct xo_array_layer *l, const struct xo_exact_rungs *e,
                      const struct xo_active *a, size_t lists)
{
    if (xo_is_nonlinear(&l->hardware->array))
        return xo_curves_exact(amp, e, l, a, lists);
    for (size_t k = 0; k < lists * XO_STRIP; k++)
        amp[k] = xo_exact_current(e, a->rung + k / XO_STRIP * a->rungs, a->count[k / XO_STRIP], a->rungs,
                                  k % XO_STRIP);
    return 0;
}

static int exact_currents(double *current, const struct xo_array_layer *l, const struct xo_strip *s,
                          const struct xo_rows *rows)
{
    double *amp = xo_calloc(2 * rows->slots, XO_STRIP * sizeof *amp), *minus = amp + rows->slots * XO_STRIP;
    int status = amp ? 0 : ENOMEM;
    for (size_t row = 0; row < rows->d.rows && !status; row++) {
        const struct xo_active a = slots_of(rows, row);
        status = exact_side(amp, l, s->exact[0], &a, rows->slots);
        if (!status)
            status = exact_side(minus, l, s->exact[1], &a, rows->slots);
        for (size_t j = 0; j < XO_STRIP; j++)
            current[row * XO_STRIP + j] = 0;
        for (size_t k = 0; k < rows->slots * XO_STRIP; k++)
            current[row * XO_STRIP + k % XO_STRIP] += amp[k] - minus[k];
    }
    free(amp);
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
