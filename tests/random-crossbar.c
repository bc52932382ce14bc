/* Random crossbars: each array either one number or one per place, each feature with a probability of its own.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "random-crossbar.h"
#include "tap.h"

struct dice {
    unsigned long long state;
    int features;
    double zero_ohm;                   /* how likely */
    struct random_crossbar *r;
};

static void *take(struct dice *d, size_t count, size_t size)
{
    void *block = calloc(count + 1, size);
    if (!block || d->r->blocks == 20)
        abort();
    return d->r->block[d->r->blocks++] = block;
}

static int chance(struct dice *d, double probability)
{
    return tap_uniform(&d->state) < probability;
}

static size_t below(struct dice *d, size_t bound)
{
    return (size_t)(tap_uniform(&d->state) * (double)bound);
}

static double between_decades(struct dice *d, double low, double high)
{
    return pow(10, low + (high - low) * tap_uniform(&d->state));
}

static double ohm(struct dice *d, double low, double high, double open)
{
    if (chance(d, d->zero_ohm))
        return 0;
    if (d->features & RANDOM_OPEN && chance(d, open))
        return XO_OPEN;
    return between_decades(d, low, high);
}

/* Ohms between 10^low and 10^high, one for all or one each. */
static struct xo_values ohms(struct dice *d, size_t count, double low, double high, double open)
{
    struct xo_values v = {ohm(d, low, high, open / 4), NULL};
    if (chance(d, 0.5))
        return v;
    double *each = take(d, count, sizeof *each), centre = low + (high - low) * tap_uniform(&d->state);
    for (size_t k = 0; k < count; k++)
        each[k] = ohm(d, fmax(low, centre - 1), fmin(high, centre + 1), open);
    v.each = each;
    return v;
}

static struct xo_line *lines(struct dice *d, size_t count)
{
    struct xo_line *line = take(d, count, sizeof *line);
    for (size_t k = 0; k < count; k++) {
        line[k].state = chance(d, 0.6) ? XO_LINE_NORMAL : (enum xo_line_state)below(d, 4);
        line[k].hold_volt = line[k].state == XO_LINE_HELD ? tap_uniform(&d->state) - 0.5 : NAN;   /* else ignored */
    }
    return line;
}

static void voltages(struct dice *d)
{
    struct xo_crossbar *x = &d->r->x;
    if (chance(d, 0.3))
        x->word_line = lines(d, x->rows);
    if (chance(d, 0.3))
        x->bit_line = lines(d, x->columns);
    if (chance(d, 0.2))
        x->sense_volt.all = 0.1 * tap_uniform(&d->state);
    if (chance(d, 0.1)) {
        double *each = take(d, x->columns, sizeof *each);
        for (size_t j = 0; j < x->columns; j++)
            each[j] = 0.2 * tap_uniform(&d->state) - 0.1;
        x->sense_volt.each = each;
    }
}

static const struct xo_site *sites(struct dice *d, size_t rows, size_t columns, double probability, size_t *count)
{
    struct xo_site *site;
    if (rows == 0 || columns == 0 || !chance(d, probability))
        return NULL;
    *count = 1 + below(d, 1 + rows * columns / 6);
    site = take(d, *count, sizeof *site);
    for (size_t k = 0; k < *count; k++)
        site[k] = (struct xo_site){below(d, rows), below(d, columns)};
    return site;
}

static const struct xo_bridge *bridges(struct dice *d, size_t rows, size_t columns, size_t *count)
{
    const struct xo_site *site = sites(d, rows, columns, 0.25, count);
    struct xo_bridge *bridge;
    if (!site)
        return NULL;
    bridge = take(d, *count, sizeof *bridge);
    for (size_t k = 0; k < *count; k++)
        bridge[k] = (struct xo_bridge){site[k].row, site[k].column, ohm(d, -1, 4, 0.1)};
    return bridge;
}

static const struct xo_stuck *stuck_cells(struct dice *d, size_t rows, size_t columns, size_t *count)
{
    const struct xo_site *site = sites(d, rows, columns, 0.3, count);
    struct xo_stuck *stuck;
    if (!site)
        return NULL;
    stuck = take(d, *count, sizeof *stuck);
    for (size_t k = 0; k < *count; k++)
        stuck[k] = (struct xo_stuck){site[k].row, site[k].column, chance(d, 0.3) ? 0 : between_decades(d, -8, -3)};
    return stuck;
}

static void faults(struct dice *d)
{
    struct xo_crossbar *x = &d->r->x;
    if (d->features & RANDOM_FAULTS) {
        x->stuck = stuck_cells(d, x->rows, x->columns, &x->stuck_count);
        x->word_bridge = bridges(d, x->rows - 1, x->columns, &x->word_bridge_count);
        x->bit_bridge = bridges(d, x->rows, x->columns - 1, &x->bit_bridge_count);
        if (chance(d, 0.3))
            x->series_ohm = ohms(d, x->rows * x->columns, 1, 4, 0.05);
    }
    if (d->features & RANDOM_OPEN) {
        x->open_cell = sites(d, x->rows, x->columns, 0.3, &x->open_cell_count);
        x->open_word_segment = sites(d, x->rows, x->columns - 1, 0.2, &x->open_word_segment_count);
        x->open_bit_segment = sites(d, x->rows - 1, x->columns, 0.2, &x->open_bit_segment_count);
    }
}

static void cells_and_inputs(struct dice *d)
{
    struct random_crossbar *r = d->r;
    size_t cells = r->x.rows * r->x.columns;
    double zero = d->features & RANDOM_FAULTS && chance(d, 0.3) ? 0.3 : 0;
    r->cell_siemens = take(d, cells, sizeof *r->cell_siemens);
    for (size_t k = 0; k < cells; k++)
        r->cell_siemens[k] = chance(d, zero) ? 0 : between_decades(d, -8, -3);
    r->row_volt = take(d, r->inputs * r->x.rows, sizeof *r->row_volt);
    for (size_t k = 0; k < r->inputs * r->x.rows; k++)
        r->row_volt[k] = chance(d, 0.1) ? 0 : 2 * tap_uniform(&d->state) - 1;
}

struct random_crossbar *random_crossbar(unsigned long long seed, size_t rows, size_t columns, size_t inputs,
                                        int features)
{
    struct random_crossbar *r = calloc(1, sizeof *r);
    struct dice d = {~seed, features, 0, r};    /* not the stream a caller draws sizes from */
    if (!r)
        abort();
    if (features & RANDOM_ZERO_OHM)
        d.zero_ohm = chance(&d, 0.3) ? 0.7 : 0.15;
    r->inputs = inputs;
    r->x.rows = rows;
    r->x.columns = columns;
    r->x.row_wire_ohm = ohms(&d, rows * (columns - 1), -3, 2, 0.03);
    r->x.column_wire_ohm = ohms(&d, (rows - 1) * columns, -3, 2, 0.03);
    r->x.driver_ohm = ohms(&d, rows, -1, 4, 0.1);
    r->x.sense_ohm = ohms(&d, columns, -1, 4, 0.1);
    r->x.drive_side = (enum xo_drive_side)below(&d, 3);
    r->x.sense_side = (enum xo_sense_side)below(&d, 3);
    if (features & RANDOM_LINES)
        voltages(&d);
    faults(&d);
    cells_and_inputs(&d);
    return r;
}

static void no_zero(struct xo_values *v, size_t count)
{
    double *each = (double *)v->each;              /* ours, from take() */
    v->all = v->all == 0 ? 1 : v->all;
    for (size_t k = 0; each && k < count; k++)
        each[k] = each[k] == 0 ? 1 : each[k];
}

void random_crossbar_only_lines(struct random_crossbar *r)
{
    struct xo_crossbar *x = &r->x;
    x->word_bridge_count = x->bit_bridge_count = 0;
    no_zero(&x->row_wire_ohm, x->rows * (x->columns - 1));
    no_zero(&x->column_wire_ohm, (x->rows - 1) * x->columns);
    no_zero(&x->driver_ohm, x->rows);
    no_zero(&x->sense_ohm, x->columns);
}

void random_crossbar_free(struct random_crossbar *r)
{
    for (int k = 0; r && k < r->blocks; k++)
        free(r->block[k]);
    free(r);
}
