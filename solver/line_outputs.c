/* What engine line hands out: voltages, branch currents, power, gradients.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <string.h>
#include "line.h"

/* Voltages of segments that carry no current: that of their only terminal, or NaN on an island. */
void xo_line_settle(const xo_factor *f, struct xo_line_work *k)
{
    const struct xo_lines *l = f->state;
    for (size_t e = 0; !l->all_live && e < l->segments; e++) {
        const struct xo_line_segment *s = &l->segment[e];
        int32_t sole = f->components.sole[s->component];
        if (sole == XO_SEVERAL)
            continue;
        size_t t = (size_t)sole, line = (size_t)s->line;
        double volt = sole == XO_ISLAND ? NAN : t < l->grid.rows ? k->source[t] : k->sense[t - l->grid.rows];
        for (size_t p = (size_t)s->first; p <= (size_t)s->last; p++)
            if (e < l->word_segments)
                k->volts.u[xo_word_at(&l->grid, line, p)] = volt;
            else
                k->volts.w[xo_bit_at(&l->grid, p, line)] = volt;
    }
}

static double drop(double a, double a_low, double b, double b_low)
{
    dd high = dd_two_sum(a, -b);
    double volt = high.hi + (high.lo + (a_low - b_low));
    return volt == volt ? volt : 0;    /* on an island nothing flows */
}

static double cell_drop(const struct xo_line_grid *n, const struct xo_line_volts *v, size_t i, size_t j)
{
    size_t a = xo_word_at(n, i, j), b = xo_bit_at(n, i, j);
    return drop(v->u[a], v->u_low[a], v->w[b], v->w_low[b]);
}

static double right_drop(const struct xo_line_grid *n, const struct xo_line_volts *v, size_t i, size_t j)
{
    size_t a = xo_word_at(n, i, j), b = xo_word_at(n, i, j + 1);
    return drop(v->u[a], v->u_low[a], v->u[b], v->u_low[b]);
}

static double below_drop(const struct xo_line_grid *n, const struct xo_line_volts *v, size_t i, size_t j)
{
    size_t a = xo_bit_at(n, i, j), b = xo_bit_at(n, i + 1, j);
    return drop(v->w[a], v->w_low[a], v->w[b], v->w_low[b]);
}

/* From a source into its line, or from a line into its terminal, which is at `terminal` volts. */
static double end_drop(const struct xo_line_grid *n, const struct xo_line_volts *v, size_t end, size_t line,
                       double terminal)
{
    size_t last = end < 2 ? n->columns - 1 : n->rows - 1, place = end % 2 ? last : 0;
    size_t word = xo_word_at(n, line, place), bit = xo_bit_at(n, place, line);
    return end < 2 ? drop(terminal, 0, v->u[word], v->u_low[word]) : drop(v->w[bit], v->w_low[bit], terminal, 0);
}

/* ---- voltages and currents -------------------------------------------------------------------------- */

static void store_voltages(const struct xo_line_grid *n, const struct xo_line_volts *v, double *out)
{
    size_t m = n->rows, columns = n->columns;
    for (size_t i = 0; out && i < m; i++)
        for (size_t j = 0; j < columns; j++) {
            out[i * columns + j] = v->u[xo_word_at(n, i, j)];
            out[(m + i) * columns + j] = v->w[xo_bit_at(n, i, j)];
        }
}

/* The ends in use: index 0 or 1 among them. */
static size_t ends_of(const xo_circuit *c, bool word, size_t end[2])
{
    const struct xo_crossbar *x = c->lines;
    bool first = word ? x->drive_side != XO_DRIVE_RIGHT : x->sense_side != XO_SENSE_BOTTOM;
    bool second = word ? x->drive_side != XO_DRIVE_LEFT : x->sense_side != XO_SENSE_TOP;
    size_t count = 0;
    if (first)
        end[count++] = word ? XO_LEFT : XO_TOP;
    if (second)
        end[count++] = word ? XO_RIGHT : XO_BOTTOM;
    return count;
}

/* Where one input's values of a kind begin. */
static double *part_of(double *array, size_t input, size_t count)
{
    return array ? array + input * count : NULL;
}

static void store_ends(const xo_factor *f, const struct xo_line_work *k, bool word, double *out)
{
    const struct xo_lines *l = f->state;
    size_t end[2], ends = ends_of(f->plan->circuit, word, end), lines = word ? l->grid.rows : l->grid.columns;
    for (size_t e = 0; out && e < ends; e++)
        for (size_t t = 0; t < lines; t++) {
            double terminal = (word ? k->source : k->sense)[t], g = l->grid.end[end[e]][t];
            out[e * lines + t] = g == 0 ? 0 : g * end_drop(&l->grid, &k->volts, end[e], t, terminal);
        }
}

static void store_branches(const xo_factor *f, const struct xo_line_work *k, size_t input,
                           const struct xo_branch_values *out)
{
    const xo_circuit *c = f->plan->circuit;
    const struct xo_line_grid *n = &((const struct xo_lines *)f->state)->grid;
    size_t rows = n->rows, columns = n->columns;
    double *cells = part_of(out->cells, input, rows * columns);
    double *right = part_of(out->row_wires, input, rows * (columns - 1));
    double *below = part_of(out->column_wires, input, (rows - 1) * columns);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) {
            if (cells)
                cells[i * columns + j] = n->cell[xo_bit_at(n, i, j)] * cell_drop(n, &k->volts, i, j);
            if (right && j + 1 < columns)
                right[i * (columns - 1) + j] = xo_right_siemens(n, i, j) * right_drop(n, &k->volts, i, j);
            if (below && i + 1 < rows)
                below[i * columns + j] = xo_below_siemens(n, i, j) * below_drop(n, &k->volts, i, j);
        }
    store_ends(f, k, true, part_of(out->drivers, input, c->drive_ends * rows));
    store_ends(f, k, false, part_of(out->senses, input, c->sense_ends * columns));
}

/* ---- power ------------------------------------------------------------------------------------------ */

static double end_watt(const struct xo_line_grid *n, const struct xo_line_work *k, size_t end, size_t line)
{
    double g = n->end[end][line], terminal = (end < 2 ? k->source : k->sense)[line];
    double volt = g == 0 ? 0 : end_drop(n, &k->volts, end, line, terminal);
    return g * volt * volt;
}

static void store_line_power(const struct xo_line_grid *n, const struct xo_line_work *k, size_t input,
                             const struct xo_solution *out)
{
    for (size_t i = 0; out->word_line_watt && i < n->rows; i++) {
        double sum = end_watt(n, k, XO_LEFT, i) + end_watt(n, k, XO_RIGHT, i);
        for (size_t j = 0; j + 1 < n->columns; j++) {
            double volt = right_drop(n, &k->volts, i, j);
            sum += xo_right_siemens(n, i, j) * volt * volt;
        }
        out->word_line_watt[input * n->rows + i] = sum;
    }
    for (size_t j = 0; out->bit_line_watt && j < n->columns; j++)
        out->bit_line_watt[input * n->columns + j] = end_watt(n, k, XO_TOP, j) + end_watt(n, k, XO_BOTTOM, j);
    for (size_t i = 0; out->bit_line_watt && i + 1 < n->rows; i++)
        for (size_t j = 0; j < n->columns; j++) {
            double volt = below_drop(n, &k->volts, i, j);
            out->bit_line_watt[input * n->columns + j] += xo_below_siemens(n, i, j) * volt * volt;
        }
}

static void store_power(const struct xo_line_grid *n, const struct xo_line_work *k, size_t input,
                        const struct xo_solution *out)
{
    store_line_power(n, k, input, out);
    if (out->bridge_watt)
        out->bridge_watt[input] = 0;
    if (!out->cell_watt && !out->cells_amp)
        return;
    double amp = 0, watt = 0;
    for (size_t i = 0; i < n->rows; i++)
        for (size_t j = 0; j < n->columns; j++) {
            double volt = cell_drop(n, &k->volts, i, j), own = n->cell[xo_bit_at(n, i, j)] * volt;
            amp += fabs(own);
            watt += own * volt;
        }
    if (out->cell_watt)
        out->cell_watt[input] = watt;
    if (out->cells_amp)
        out->cells_amp[input] = amp;
}

double xo_line_store(const xo_factor *f, struct xo_line_work *k, size_t input, const struct xo_solution *out)
{
    const struct xo_line_grid *n = &((const struct xo_lines *)f->state)->grid;
    dd delivered = {0, 0};
    xo_line_settle(f, k);
    if (out->column_amp)
        memcpy(out->column_amp + input * n->columns, k->amp, n->columns * sizeof *k->amp);
    for (size_t i = 0; i < n->rows; i++) {
        double amp = 0;
        for (size_t end = XO_LEFT; end <= XO_RIGHT; end++)
            if (n->end[end][i] > 0)
                amp += n->end[end][i] * end_drop(n, &k->volts, end, i, k->source[i]);
        if (out->source_amp)
            out->source_amp[input * n->rows + i] = amp;
        delivered = dd_add(delivered, dd_two_product(amp, k->source[i]));
    }
    for (size_t j = 0; j < n->columns; j++)
        delivered = dd_add(delivered, dd_two_product(-k->amp[j], k->sense[j]));
    store_voltages(n, &k->volts, part_of(out->node_volt, input, 2 * n->rows * n->columns));
    store_branches(f, k, input, &out->branch_amp);
    store_power(n, k, input, out);
    if (out->source_watt)
        out->source_watt[input] = delivered.hi;
    double gap = fabs(delivered.hi - k->found.watt);
    return gap > 0 ? gap / fabs(delivered.hi) : 0;
}

/* ---- gradients -------------------------------------------------------------------------------------- */

/* d(conductance of the branch) / d(conductance of the cell): 1 / (1 + g R)^2. */
static double chain_rule(const xo_factor *f, size_t cell)
{
    const struct xo_values *series = &f->plan->circuit->lines->series_ohm;
    double ohm = series->each ? series->each[cell] : series->all;
    double through = ohm == 0 ? 1 : ohm == XO_OPEN ? 0 : 1 / (1 + f->cell_siemens[cell] * ohm);
    return through * through;
}

static void store_cells(const xo_factor *f, const struct xo_line_volts *v, const struct xo_line_volts *adjoint,
                        double *out)
{
    const struct xo_crossbar *x = f->plan->circuit->lines;
    const struct xo_line_grid *n = &((const struct xo_lines *)f->state)->grid;
    for (size_t i = 0; out && i < n->rows; i++)
        for (size_t j = 0; j < n->columns; j++)
            out[i * n->columns + j] = -chain_rule(f, i * n->columns + j) * cell_drop(n, v, i, j)
                                      * cell_drop(n, adjoint, i, j);
    for (size_t k = 0; out && k < x->stuck_count; k++)
        out[x->stuck[k].row * n->columns + x->stuck[k].column] = 0;
    for (size_t k = 0; out && k < x->open_cell_count; k++)
        out[x->open_cell[k].row * n->columns + x->open_cell[k].column] = 0;
}

static void store_wires(const struct xo_line_grid *n, const struct xo_line_volts *v,
                        const struct xo_line_volts *adjoint, double *right, double *below)
{
    for (size_t i = 0; i < n->rows; i++)
        for (size_t j = 0; j < n->columns; j++) {
            if (right && j + 1 < n->columns)
                right[i * (n->columns - 1) + j] = -right_drop(n, v, i, j) * right_drop(n, adjoint, i, j);
            if (below && i + 1 < n->rows)
                below[i * n->columns + j] = -below_drop(n, v, i, j) * below_drop(n, adjoint, i, j);
        }
}

static void store_end_gradients(const xo_factor *f, const struct xo_line_work *k, const struct xo_line_volts *adjoint,
                                bool word, size_t column, double *out)
{
    const struct xo_line_grid *n = &((const struct xo_lines *)f->state)->grid;
    size_t end[2], ends = ends_of(f->plan->circuit, word, end), lines = word ? n->rows : n->columns;
    for (size_t e = 0; out && e < ends; e++)
        for (size_t t = 0; t < lines; t++) {
            double terminal = (word ? k->source : k->sense)[t], unit = !word && t == column;
            out[e * lines + t] = n->end[end[e]][t] == 0 ? 0 : -end_drop(n, &k->volts, end[e], t, terminal)
                                                              * end_drop(n, adjoint, end[e], t, unit);
        }
}

void xo_line_store_gradient(const xo_factor *f, const struct xo_line_work *k, const struct xo_line_volts *adjoint,
                            size_t column, size_t input, struct xo_branch_values *out)
{
    const xo_circuit *c = f->plan->circuit;
    const struct xo_line_grid *n = &((const struct xo_lines *)f->state)->grid;
    size_t rows = n->rows, columns = n->columns;
    store_cells(f, &k->volts, adjoint, part_of(out->cells, input, rows * columns));
    store_wires(n, &k->volts, adjoint, part_of(out->row_wires, input, rows * (columns - 1)),
                part_of(out->column_wires, input, (rows - 1) * columns));
    store_end_gradients(f, k, adjoint, true, column, part_of(out->drivers, input, c->drive_ends * rows));
    store_end_gradients(f, k, adjoint, false, column, part_of(out->senses, input, c->sense_ends * columns));
}
