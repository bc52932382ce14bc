/* Node voltages, branch currents and power of a solved block.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <string.h>
#include "outputs.h"

dd xo_branch_siemens(const xo_factor *f, size_t branch)
{
    const xo_circuit *c = f->plan->circuit;
    double ohm = c->ohm[branch];
    if (branch < c->first[XO_ROW_WIRE] && f->whole_cells)
        return f->whole_cells[branch];
    if (branch < c->first[XO_ROW_WIRE])
        return xo_cell_and_series(f->cell_siemens[branch], xo_series_ohm(f, branch));
    return ohm == 0 || ohm == XO_OPEN ? (dd){0, 0} : dd_divide((dd){1, 0}, (dd){ohm, 0});
}

void xo_store_voltages(const xo_factor *f, const struct xo_scratch *s, size_t first, int lanes, double *node_volt)
{
    const xo_circuit *c = f->plan->circuit;
    for (size_t p = 0; node_volt && p < c->nodes; p++) {
        int32_t v = c->vertex[p];
        for (int lane = 0; lane < lanes; lane++)
            node_volt[(first + (size_t)lane) * c->nodes + p] = xo_on_island(f, v) ? NAN : s->volt[v].hi[lane];
    }
}

/* V(from) - V(to), to double precision of the difference. */
static double drop(const xo_circuit *c, const struct xo_scratch *s, size_t branch, int lane)
{
    return xo_drop(&s->volt[c->vertex[c->from[branch]]], &s->volt[c->vertex[c->to[branch]]], lane).hi;
}

static void copy_kind(double *out, const double *amp, const xo_circuit *c, enum xo_kind kind, size_t input)
{
    size_t count = c->first[kind + 1] - c->first[kind];
    if (out && count)
        memcpy(out + input * count, amp + c->first[kind], count * sizeof *out);
}

void xo_store_branches(const xo_factor *f, const struct xo_scratch *s, const struct xo_outputs *o, size_t first,
                       int lanes, const struct xo_branch_values *amp)
{
    const xo_circuit *c = f->plan->circuit;
    for (int lane = 0; o->zero_ohm && lane < lanes; lane++) {
        size_t input = first + (size_t)lane;
        for (size_t b = 0; b < xo_branches(c); b++)
            o->branch_amp[b] = xo_branch_siemens(f, b).hi * drop(c, s, b, lane);
        xo_zero_ohm_currents(o->zero_ohm, c, o->branch_amp, o->inflow);
        copy_kind(amp->cells, o->branch_amp, c, XO_CELL, input);
        copy_kind(amp->row_wires, o->branch_amp, c, XO_ROW_WIRE, input);
        copy_kind(amp->column_wires, o->branch_amp, c, XO_COLUMN_WIRE, input);
        copy_kind(amp->drivers, o->branch_amp, c, XO_DRIVER, input);
        copy_kind(amp->senses, o->branch_amp, c, XO_SENSE, input);
        copy_kind(amp->word_bridges, o->branch_amp, c, XO_WORD_BRIDGE, input);
        copy_kind(amp->bit_bridges, o->branch_amp, c, XO_BIT_BRIDGE, input);
    }
}

/* The line a wire, driver or sense belongs to; 0 for all source lines behind one supply. */
static size_t line_of(const xo_circuit *c, size_t branch)
{
    bool source = branch < c->first[XO_COLUMN_WIRE] || (branch >= c->first[XO_DRIVER] && branch < c->first[XO_SENSE]);
    if (source && xo_has_shared_source(c))
        return 0;
    if (branch < c->first[XO_COLUMN_WIRE])
        return (branch - c->first[XO_ROW_WIRE]) / (c->columns - 1);
    if (branch < c->first[XO_DRIVER])
        return (branch - c->first[XO_COLUMN_WIRE]) % c->columns;
    if (branch < c->first[XO_SENSE])
        return (branch - c->first[XO_DRIVER]) % c->rows;
    return (branch - c->first[XO_SENSE]) % c->columns;
}

/* Add one link's power where it belongs.  Bridges belong to no line. */
static void add_power(const xo_circuit *c, size_t branch, double amp, double watt, size_t input,
                      const struct xo_solution *out)
{
    if (branch < c->first[XO_ROW_WIRE]) {
        if (out->cell_watt)
            out->cell_watt[input] += watt;
        if (out->cells_amp)
            out->cells_amp[input] += fabs(amp);
    } else if (branch < c->first[XO_COLUMN_WIRE] || (branch >= c->first[XO_DRIVER] && branch < c->first[XO_SENSE])) {
        if (out->word_line_watt)
            out->word_line_watt[input * c->rows + line_of(c, branch)] += watt;
    } else if (branch < c->first[XO_WORD_BRIDGE]) {
        if (out->bit_line_watt)
            out->bit_line_watt[input * c->columns + line_of(c, branch)] += watt;
    } else if (out->bridge_watt) {
        out->bridge_watt[input] += watt;
    }
}

static void clear_power(const xo_circuit *c, size_t input, const struct xo_solution *out)
{
    if (out->cell_watt)
        out->cell_watt[input] = 0;
    if (out->cells_amp)
        out->cells_amp[input] = 0;
    if (out->bridge_watt)
        out->bridge_watt[input] = 0;
    if (out->word_line_watt)
        memset(out->word_line_watt + input * c->rows, 0, c->rows * sizeof *out->word_line_watt);
    if (out->bit_line_watt)
        memset(out->bit_line_watt + input * c->columns, 0, c->columns * sizeof *out->bit_line_watt);
}

/* Power dissipated in the whole network, lane by lane. */
static void dissipate(const xo_factor *f, const struct xo_scratch *s, dd watt_sum[XO_LANES])
{
    const xo_circuit *c = f->plan->circuit;
    double hi[XO_LANES] = {0}, lo[XO_LANES] = {0};
    for (size_t e = 0; e < c->links; e++) {
        const struct xo_lane_volt *a = &s->volt[c->link_a[e]], *b = &s->volt[c->link_b[e]];
        double g = f->siemens[e].hi;
#pragma omp simd
        for (int lane = 0; lane < XO_LANES; lane++) {
            double volt = (a->hi[lane] - b->hi[lane]) + (a->lo[lane] - b->lo[lane]);
            dd sum = dd_two_sum(hi[lane], g * volt * volt);
            hi[lane] = sum.hi;
            lo[lane] += sum.lo;
        }
    }
    for (int lane = 0; lane < XO_LANES; lane++)
        watt_sum[lane] = (dd){hi[lane], lo[lane]};
}

double xo_store_power(const xo_factor *f, const struct xo_scratch *s, size_t first, int lanes,
                      const struct xo_solution *out)
{
    const xo_circuit *c = f->plan->circuit;
    dd dissipated[XO_LANES];
    double worst = 0;
    dissipate(f, s, dissipated);
    for (int lane = 0; lane < lanes; lane++) {
        size_t input = first + (size_t)lane;
        dd delivered = {0, 0};
        for (size_t t = c->unknowns; t < xo_vertices(c); t++) {
            const struct xo_lane_amp *amp = &s->amp[t];
            dd into = dd_multiply((dd){amp->hi[lane], amp->lo[lane]}, (dd){s->volt[t].hi[lane], 0});
            delivered = dd_subtract(delivered, into);
        }
        double gap = fabs(dd_subtract(delivered, dissipated[lane]).hi);
        if (gap > worst * fabs(delivered.hi))
            worst = gap / fabs(delivered.hi);
        if (out->source_watt)
            out->source_watt[input] = delivered.hi;
        if (!out->cells_amp && !out->cell_watt && !out->word_line_watt && !out->bit_line_watt && !out->bridge_watt)
            continue;
        clear_power(c, input, out);
        for (size_t e = 0; e < c->links; e++) {
            double volt = drop(c, s, (size_t)c->link_branch[e], lane), amp = f->siemens[e].hi * volt;
            add_power(c, (size_t)c->link_branch[e], amp, amp * volt, input, out);
        }
    }
    return worst;
}
