/* Currents of whole arrays for the digits of some rows, one array after the other: by corrections, or exactly.  Rows
 * with the same digits, of which images have many, are worked on once.
 *
 * Exactly: by as many corrections as there may be, which mostly leaves 1e-8 of full scale and less; in every lot of
 * inputs one array is solved and certified for one of them by Newton's method, and where that is further off than
 * ENOUGH, all of the lot are.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "array_currents.h"
#include "memory.h"

#define ENOUGH 1e-6                    /* of an array's largest current */

void xo_lot_free(struct xo_lot *lot)
{
    free(lot->same);
    free(lot->first);
    free(lot->volt);
    free(lot->amp);
    free(lot->cell);
    free(lot->digit);
    *lot = (struct xo_lot){ 0 };
}

/* ---- rows that differ ------------------------------------------------------------------------------ */

static uint64_t hash_of(const uint16_t *digit, size_t count)
{
    uint64_t sum = 0xcbf29ce484222325u;                /* FNV-1a */
    for (size_t i = 0; i < count; i++)
        sum = (sum ^ digit[i]) * 0x100000001b3u;
    return sum ^ sum >> 29;
}

/* lot->same [rows]: which of the different ones; lot->first [vectors]: a row of each. */
static int find_same(struct xo_lot *lot, const struct xo_rows *rows, size_t inputs)
{
    size_t slots = 2, nbytes = inputs * sizeof *rows->digit;
    while (slots < 2 * rows->d.rows)
        slots *= 2;
    uint32_t *slot = xo_calloc(slots, sizeof *slot);           /* number + 1 */
    lot->same = xo_calloc(rows->d.rows, sizeof *lot->same);
    lot->first = xo_calloc(rows->d.rows, sizeof *lot->first);
    int status = slot && lot->same && lot->first ? 0 : ENOMEM;
    for (size_t row = 0; row < rows->d.rows && !status; row++) {
        const uint16_t *digit = rows->digit + row * inputs;
        size_t at = hash_of(digit, inputs) % slots;
        while (slot[at] && memcmp(rows->digit + lot->first[slot[at] - 1] * inputs, digit, nbytes))
            at = (at + 1) % slots;
        if (!slot[at]) {
            lot->first[lot->vectors++] = row;
            slot[at] = (uint32_t)lot->vectors;
        }
        lot->same[row] = slot[at] - 1;
    }
    free(slot);
    return status;
}

static int set_volts(struct xo_lot *lot, const struct xo_array_layer *l, const struct xo_rows *rows, size_t inputs)
{
    size_t all = l->hardware->array.rows;
    lot->volt = xo_calloc(lot->vectors, all * sizeof *lot->volt);
    for (size_t v = 0; lot->volt && v < lot->vectors; v++)
        for (size_t i = 0; i < inputs; i++)
            lot->volt[v * all + i] = xo_dac_volt(&l->hardware->dac, rows->digit[lot->first[v] * inputs + i], 0);
    return lot->volt ? 0 : ENOMEM;
}

/* ---- a row block ----------------------------------------------------------------------------------- */

/* Which row block of which matrix; r lies in one of use's banks. */
static struct xo_site_of_block site_of(const struct xo_array_layer *l, const struct xo_row_block *r)
{
    struct xo_site_of_block at = { 0, 0, 0 };
    for (size_t m = 0; m < l->codes.matrices; m++) {
        const struct xo_bank *b = &l->array.bank[m];
        for (size_t n = 0; n < b->rows; n++)
            if (&b->row[n] == r)
                at = (struct xo_site_of_block){ m, n, 0 };
    }
    return at;
}

static int solve_exactly(const struct xo_lot *lot, const struct xo_plan *plan, size_t vectors, const double *volt,
                         double *amp, struct xo_info *info)
{
    struct xo_solution solution = { .column_amp = amp };
    xo_factor *factor = NULL;
    int status = xo_factor_new(&factor, plan, lot->cell, info);
    if (!status)
        status = xo_solve(factor, vectors, volt, &solution, info);
    xo_factor_free(factor);
    return status;
}

/* The lot's vector that drives most, of one array: corrections against a certified solve, over its largest
 * current. */
static int check(double *error, const struct xo_lot *lot, const struct xo_array_layer *l, const struct xo_plan *plan,
                 const double *amp, struct xo_info *info)
{
    const struct xo_crossbar *x = &l->hardware->array;
    double *exact = xo_calloc(x->columns, sizeof *exact), most = -1, full = 0;
    size_t best = 0;
    *error = 0;
    for (size_t v = 0; v < lot->vectors; v++) {
        double sum = 0;
        for (size_t i = 0; i < x->rows; i++)
            sum += fabs(lot->volt[v * x->rows + i]);
        best = sum > most ? v : best;
        most = fmax(sum, most);
    }
    int status = exact ? solve_exactly(lot, plan, 1, lot->volt + best * x->rows, exact, info) : ENOMEM;
    for (size_t j = 0; j < x->columns && !status; j++) {
        full = fmax(full, fabs(exact[j]));
        *error = fmax(*error, fabs(exact[j] - amp[best * x->columns + j]));
    }
    *error = full > 0 ? *error / full : 0;
    free(exact);
    return status;
}

static struct xo_fcm_candidate stage_of(const struct xo_array_layer *l, bool exact)
{
    const struct xo_tile_choice *c = &l->loss.choice;
    const struct xo_fcm_candidate most = { .stage = XO_FCM_CORRECTED, .corrections = XO_FCM_MOST_CORRECTIONS };
    return exact ? most : c->candidate[c->chosen];
}

/* Currents of all arrays of a row block; newton: each by itself. */
static int fill(struct xo_lot *lot, struct xo_engine_thread *t, const struct xo_array_layer *l,
                const struct xo_row_block *r, bool newton, double *error, struct xo_info *info)
{
    const struct xo_layout *lay = &l->layout;
    const struct xo_site_of_block at = site_of(l, r);
    const struct xo_plan *plan = t->certified ? t->exact[l->number].plan : NULL;
    const struct xo_fcm_candidate stage = stage_of(l, t->certified);
    size_t block = lot->vectors * l->hardware->array.columns, checked = lot->serial % lot->arrays;
    int status = 0;
    *error = 0;
    for (size_t n = 0; n < lot->arrays && !status; n++) {
        size_t column_block = n / lay->planes;
        if (xo_block_at(l, at.matrix, at.row_block, column_block) == XO_NONE)
            continue;
        xo_program_cells(lot->cell, lot->digit, l, at.matrix, at.row_block, column_block, n % lay->planes);
        double *amp = lot->amp + n * block;
        status = newton ? solve_exactly(lot, plan, lot->vectors, lot->volt, amp, info)
                        : xo_tile_correct(l->fitter, &stage, lot->cell, lot->vectors, lot->volt, amp, info);
        if (!status && plan && !newton && n >= checked && *error == 0)
            status = check(error, lot, l, plan, amp, info);
    }
    return status;
}

static int lot_new(struct xo_lot *lot, struct xo_engine_thread *t, const struct xo_array_layer *l,
                   const struct xo_row_block *r, const struct xo_rows *rows, struct xo_info *info)
{
    const struct xo_crossbar *x = &l->hardware->array;
    const struct xo_site_of_block at = site_of(l, r);
    double error = 0;
    lot->layer = l;
    lot->serial = rows->serial;
    lot->row_block = r;
    lot->arrays = xo_layout_column_blocks(&l->layout, &l->codes.matrix[at.matrix]) * l->layout.planes;
    int status = find_same(lot, rows, r->inputs);
    if (!status)
        status = set_volts(lot, l, rows, r->inputs);
    lot->amp = status ? NULL : xo_calloc(lot->arrays * lot->vectors, x->columns * sizeof *lot->amp);
    lot->cell = xo_calloc(x->rows, x->columns * sizeof *lot->cell);
    lot->digit = xo_calloc(x->rows, x->columns * sizeof *lot->digit);
    if (!status && (!lot->amp || !lot->cell || !lot->digit))
        status = ENOMEM;
    if (!status)
        status = fill(lot, t, l, r, false, &error, info);
    if (!status && error > ENOUGH)
        status = fill(lot, t, l, r, true, &error, info);
    if (status || !t->certified)
        return status;
    struct xo_current_error *e = &t->error[l->number];
    for (size_t k = 0; k < lot->arrays * lot->vectors * x->columns; k++)
        e->full_scale = fmax(e->full_scale, fabs(lot->amp[k]));
    e->exact_rel = fmax(e->exact_rel, error);
    e->checked++;
    return 0;
}

/* ---- what strips read ------------------------------------------------------------------------------ */

/* Where a block's arrays begin in the lot. */
static size_t first_array(const struct xo_array_layer *l, const struct xo_row_block *r, size_t block)
{
    const struct xo_site_of_block at = site_of(l, r);
    size_t column_block = 0;
    while (xo_block_at(l, at.matrix, at.row_block, column_block) != block)
        column_block++;
    return column_block * l->layout.planes;
}

/* Currents of a column for every vector, a stride apart. */
static const double *column_of(const struct xo_lot *lot, const struct xo_array_layer *l, size_t array, size_t column)
{
    return lot->amp + array * lot->vectors * l->hardware->array.columns + column;
}

static void take_lane(double *current, const struct xo_lot *lot, const struct xo_array_layer *l,
                      const struct xo_row_block *r, const struct xo_lane *lane, size_t rows)
{
    const struct xo_layout *lay = &l->layout;
    const struct xo_conversion *c = &lay->conversion[lane->conversion % lay->conversions];
    size_t first = first_array(l, r, lane->conversion / lay->conversions), stride = l->hardware->array.columns;
    const double *plus = column_of(lot, l, first + c->plane, c->column), *minus = NULL;
    if (c->minus_plane != XO_NONE)
        minus = column_of(lot, l, first + c->minus_plane, c->minus_column);
    for (size_t row = 0; row < rows; row++) {
        size_t at = lot->same[row] * stride;
        current[row * XO_STRIP] = (plus[at] - (minus ? minus[at] : 0)) / l->unit_ampere;
    }
}

int xo_array_currents(double *current, struct xo_engine_thread *t, const struct xo_array_layer *l,
                      const struct xo_row_block *r, const struct xo_strip *s, const struct xo_rows *rows)
{
    struct xo_lot *lot = &t->lot[t->certified];
    int status = 0;
    if (lot->layer != l || lot->row_block != r || lot->serial != rows->serial) {
        xo_lot_free(lot);
        status = lot_new(lot, t, l, r, rows, &t->why);
        if (status)
            xo_lot_free(lot);
    }
    if (status)
        return status;
    memset(current, 0, rows->d.rows * XO_STRIP * sizeof *current);
    for (size_t lane = 0; lane < XO_STRIP; lane++)
        if (lane % XO_HALF < s->half[lane / XO_HALF].count)
            take_lane(current + lane, lot, l, r, &s->lane[lane], rows->d.rows);
    return 0;
}

const float *xo_array_strip(struct xo_engine_thread *t, const struct xo_array_layer *l, const struct xo_row_block *r,
                            const struct xo_strip *s, const struct xo_rows *rows)
{
    double *current = xo_room(t, XO_BUFFER_OTHER, rows->d.rows, XO_STRIP * sizeof *current);
    float *single = xo_room(t, XO_BUFFER_READY, rows->d.rows + XO_ROWS_AT_ONCE, XO_STRIP * sizeof *single);
    if (!current || !single || xo_array_currents(current, t, l, r, s, rows))
        return NULL;
    for (size_t k = 0; k < rows->d.rows * XO_STRIP; k++)
        single[k] = (float)(current[k] - s->offset[k % XO_STRIP]);
    return single;
}

/* ---- compared -------------------------------------------------------------------------------------- */

int xo_compare_currents(struct xo_engine_thread *t, const struct xo_array_layer *l, const struct xo_row_block *r,
                        const struct xo_strip *s, const struct xo_rows *rows, const double *exact)
{
    struct xo_current_error *e = &t->error[l->number];
    double *fast;
    t->certified = false;
    int status = xo_currents(&fast, t, l, &l->array, r, s, rows, NULL);
    t->certified = true;
    for (size_t k = 0; k < rows->d.rows * XO_STRIP && !status; k++) {
        size_t lane = k % XO_STRIP;
        if (lane % XO_HALF >= s->half[lane / XO_HALF].count)
            continue;
        double error = (fast[k] - exact[k]) * l->unit_ampere;
        e->square += error * error;
        e->largest = fmax(e->largest, fabs(error));
        e->count++;
    }
    return status;
}
