/* Currents of basis expansions that are bent: sums of either side of a pair, each y becoming y (1 + bend y), before
 * one is subtracted from the other.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include "engine_private.h"

/* One side's sums. */
static void multiply(float *out, struct xo_engine_thread *t, const struct xo_use *use, const struct xo_row_block *r,
                     const float *b, const struct xo_rows *rows, float *table)
{
    struct xo_digits d = rows->d;
    d.given = NULL;
    if (use->bits)
        t->engine->kernels->tabulate(table, r->inputs, use->bits, use->functions, use->level_single, b);
    t->engine->kernels->currents(&d, use->bits ? table : b, out);
}

const float *xo_bend_strip(struct xo_engine_thread *t, const struct xo_use *use, const struct xo_row_block *r,
                           const struct xo_strip *s, const struct xo_rows *rows)
{
    size_t room = rows->d.rows + XO_ROWS_AT_ONCE, entries = 2 * xo_packed_bytes(r->inputs, use->bits);
    float *plus = xo_room(t, XO_BUFFER_READY, room, XO_STRIP * sizeof *plus);
    float *minus = xo_room(t, XO_BUFFER_OTHER, room, XO_STRIP * sizeof *minus);
    float *table = xo_room(t, XO_BUFFER_TABLE, entries, XO_TABLE * sizeof *table);
    if (!plus || !minus || !table)
        return NULL;
    multiply(plus, t, use, r, s->side[0], rows, table);
    if (s->side[1])
        multiply(minus, t, use, r, s->side[1], rows, table);
    t->engine->kernels->bend(rows->d.rows, plus, s->side[1] ? minus : NULL, (const float (*)[XO_STRIP])s->bend);
    return plus;
}

/* In double throughout, where float32 cannot count the digits' sums. */
static int bend_plainly(double *current, struct xo_engine_thread *t, const struct xo_use *use,
                        const struct xo_row_block *r, const struct xo_strip *s, const struct xo_rows *rows)
{
    double *minus = xo_room(t, XO_BUFFER_OTHER, rows->d.rows, XO_STRIP * sizeof *minus);
    if (!minus)
        return ENOMEM;
    xo_multiply_plainly(current, use, r, s->side[0], rows);
    if (s->side[1])
        xo_multiply_plainly(minus, use, r, s->side[1], rows);
    for (size_t k = 0; k < rows->d.rows * XO_STRIP; k++) {
        double p = current[k], m = s->side[1] ? minus[k] : 0;
        current[k] = p * (1 + (double)s->bend[0][k % XO_STRIP] * p) - m * (1 + (double)s->bend[1][k % XO_STRIP] * m);
    }
    return 0;
}

int xo_bend_currents(double *current, struct xo_engine_thread *t, const struct xo_use *use,
                     const struct xo_row_block *r, const struct xo_strip *s, const struct xo_rows *rows)
{
    if (!use->single)
        return bend_plainly(current, t, use, r, s, rows);
    const float *single = xo_bend_strip(t, use, r, s, rows);
    for (size_t k = 0; single && k < rows->d.rows * XO_STRIP; k++)
        current[k] = (double)single[k];
    return single ? 0 : ENOMEM;
}
