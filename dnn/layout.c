/* Where each digit of a weight sits, which columns an ADC reads, and what a reading is worth (MAPPING: Weights).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <math.h>
#include <string.h>
#include "layout.h"

#define MAX_CELLS ((size_t)1 << 26)

static bool is_differential(const struct xo_layout *l) { return l->hardware->mapping.sign == XO_SIGN_DIFFERENTIAL; }

/* Two columns of one array for a slice's plus and minus?  A plane of its own for each?  For each slice? */
static size_t pair_columns(const struct xo_layout *l)
{
    return is_differential(l) && l->hardware->mapping.pair == XO_IN_COLUMNS ? 2 : 1;
}

static size_t pair_planes(const struct xo_layout *l)
{
    return is_differential(l) && l->hardware->mapping.pair == XO_IN_TILES ? 2 : 1;
}

static size_t slice_planes(const struct xo_layout *l)
{
    return l->hardware->mapping.slices == XO_IN_TILES ? (size_t)l->slices : 1;
}

struct place { size_t plane, column; };
static struct place place_of(const struct xo_layout *l, size_t output, size_t slice, bool minus)
{
    bool in_tiles = l->hardware->mapping.slices == XO_IN_TILES;
    return (struct place){
        .plane = (in_tiles ? slice : 0) * pair_planes(l) + (pair_planes(l) == 2 && minus),
        .column = output * l->output_columns + (in_tiles ? 0 : slice) * pair_columns(l) +
                  (pair_columns(l) == 2 && minus),
    };
}

struct xo_column_role xo_layout_role(const struct xo_layout *l, size_t plane, size_t column)
{
    size_t within = column % l->output_columns;
    struct xo_column_role role = { .output = column / l->output_columns };
    role.slice = l->hardware->mapping.slices == XO_IN_TILES ? plane / pair_planes(l) : within / pair_columns(l);
    role.minus = (pair_planes(l) == 2 && plane % 2) || (pair_columns(l) == 2 && within % 2);
    if (role.output >= l->tile_outputs)
        role.output = XO_NONE;
    return role;
}

/* ---- conversions ---------------------------------------------------------------------------------- */

/* S: how many slices of c bits a weight takes. */
static int count_slices(const struct xo_hardware *h, const struct xo_codes *codes)
{
    int c = h->device.bits_per_cell, magnitude = codes->bits - 1;
    bool wide = codes->low < -((1 << magnitude) - 1);          /* -128 from a quantised model */
    if (h->mapping.sign == XO_SIGN_TWOS_COMPLEMENT)
        return 1 + (magnitude + c - 1) / c;
    if (h->mapping.sign == XO_SIGN_OFFSET || wide)
        magnitude++;
    return (magnitude + c - 1) / c;
}

static double slice_weight(const struct xo_layout *l, size_t slice, bool minus)
{
    if (l->hardware->mapping.sign == XO_SIGN_TWOS_COMPLEMENT && slice + 1 == (size_t)l->slices)
        return -ldexp(1, l->weight_bits - 1);
    return ldexp(minus ? -1 : 1, l->bits_per_cell * (int)slice);
}

/* The reading that begins in this column; false: none does. */
static bool conversion_at(struct xo_conversion *out, const struct xo_layout *l, size_t plane, size_t column)
{
    struct xo_column_role role = xo_layout_role(l, plane, column);
    struct xo_conversion c = { .plane = plane, .column = column, .minus_plane = XO_NONE, .minus_column = XO_NONE,
                               .output = role.output, .slice = role.slice, .reference = XO_NONE };
    if (role.output == XO_NONE || (l->signed_codes && role.minus))
        return false;
    c.weight = slice_weight(l, role.slice, role.minus);
    if (l->signed_codes) {
        struct place minus = place_of(l, role.output, role.slice, true);
        c.minus_plane = minus.plane;
        c.minus_column = minus.column;
    }
    *out = c;
    return true;
}

static int list_conversions(struct xo_layout *l)
{
    bool has_reference = l->reference_column != XO_NONE;
    size_t used = l->tile_outputs * l->output_columns, room = l->planes * (used + has_reference), count = 0;
    l->conversion = xo_arena_alloc(&l->arena, room, sizeof *l->conversion);
    if (!l->conversion)
        return ENOMEM;
    for (size_t plane = 0; plane < l->planes; plane++)
        for (size_t column = 0; column < used; column++)
            count += conversion_at(&l->conversion[count], l, plane, column);
    for (size_t k = 0; k < count && has_reference; k++)
        l->conversion[k].reference = count + l->conversion[k].plane;
    for (size_t plane = 0; plane < l->planes && has_reference; plane++)
        l->conversion[count++] = (struct xo_conversion){
            .plane = plane, .column = l->reference_column, .minus_plane = XO_NONE, .minus_column = XO_NONE,
            .output = XO_NONE, .reference = XO_NONE };
    l->conversions = count;
    return 0;
}

/* ---- the layout ----------------------------------------------------------------------------------- */

static bool wants_reference(const struct xo_mapping *m)
{
    bool cancels = m->sign == XO_SIGN_DIFFERENTIAL && m->subtract == XO_SUBTRACT_ANALOG;
    return m->off_current == XO_OFF_REFERENCE_COLUMN && m->unused_cell == XO_UNUSED_OFF && !cancels;
}

static int check_array(const struct xo_layout *l, const struct xo_codes *codes, struct xo_info *info)
{
    const struct xo_crossbar *array = &l->hardware->array;
    size_t needed = l->output_columns + (l->reference_column != XO_NONE);
    if (!array->rows || !array->columns)
        return xo_fail(info, XO_EVALUE, "layer %s: array.%s: found no value; expected one", codes->name,
                       array->rows ? "columns" : "rows");
    if (array->columns < needed)
        return xo_fail(info, XO_EVALUE, "layer %s: array.columns: found %zu; expected at least %zu, as one output "
                       "takes %zu%s", codes->name, array->columns, needed, l->output_columns,
                       needed > l->output_columns ? " beside the reference column" : "");
    if (array->rows > MAX_CELLS / array->columns)
        return xo_fail(info, XO_ETOOBIG, "layer %s: array: found %zu rows of %zu columns; expected at most %zu cells",
                       codes->name, array->rows, array->columns, MAX_CELLS);
    return 0;
}

int xo_layout_new(struct xo_layout *out, const struct xo_hardware *h, const struct xo_codes *codes,
                  struct xo_info *info)
{
    struct xo_layout l = { .hardware = h, .bits_per_cell = h->device.bits_per_cell, .weight_bits = codes->bits,
                           .tile_rows = h->array.rows, .reference_column = XO_NONE };
    int status;
    l.slices = count_slices(h, codes);
    l.planes = slice_planes(&l) * pair_planes(&l);
    l.output_columns = (h->mapping.slices == XO_IN_COLUMNS ? (size_t)l.slices : 1) * pair_columns(&l);
    l.signed_codes = is_differential(&l) && h->mapping.subtract == XO_SUBTRACT_ANALOG;
    l.offset = h->mapping.sign == XO_SIGN_OFFSET ? ldexp(1, codes->bits - 1) : 0;
    if (wants_reference(&h->mapping) && h->array.columns)
        l.reference_column = h->array.columns - 1;
    status = check_array(&l, codes, info);
    if (status)
        return status;
    l.tile_outputs = (h->array.columns - (l.reference_column != XO_NONE)) / l.output_columns;
    status = list_conversions(&l);
    if (status)
        xo_layout_free(&l);
    else
        *out = l;
    return status;
}

void xo_layout_free(struct xo_layout *l)
{
    if (!l)
        return;
    xo_arena_free(&l->arena);
    memset(l, 0, sizeof *l);
}

/* ---- blocks --------------------------------------------------------------------------------------- */

size_t xo_layout_row_blocks(const struct xo_layout *l, const struct xo_code_matrix *m)
{
    return m->inputs / l->tile_rows + (m->inputs % l->tile_rows > 0);
}

size_t xo_layout_column_blocks(const struct xo_layout *l, const struct xo_code_matrix *m)
{
    return m->outputs / l->tile_outputs + (m->outputs % l->tile_outputs > 0);
}

/* first..last of a matrix's lines that a block holds */
struct span { size_t first, last; };
static struct span span_of(size_t block, size_t size, size_t all)
{
    size_t first = block * size;
    return (struct span){ first, (all - first < size ? all : first + size) - 1 };
}

bool xo_layout_block_used(const struct xo_layout *l, const struct xo_code_matrix *m, size_t row_block,
                          size_t column_block)
{
    struct span i = span_of(row_block, l->tile_rows, m->inputs);
    struct span j = span_of(column_block, l->tile_outputs, m->outputs);
    return i.first / m->block_inputs <= j.last / m->block_outputs &&
           j.first / m->block_outputs <= i.last / m->block_inputs;
}

static uint16_t digit_of(const struct xo_layout *l, int32_t q, size_t slice, bool minus)
{
    uint32_t mask = (1u << l->bits_per_cell) - 1, half = 1u << (l->weight_bits - 1), stored;
    switch (l->hardware->mapping.sign) {
    case XO_SIGN_OFFSET:
        stored = (uint32_t)q + half;
        break;
    case XO_SIGN_TWOS_COMPLEMENT:
        if (slice + 1 == (size_t)l->slices)
            return q < 0;
        stored = (uint32_t)q & (half - 1);
        break;
    default:
        stored = minus ? (q < 0 ? (uint32_t)-q : 0) : q > 0 ? (uint32_t)q : 0;
    }
    return (uint16_t)(stored >> (l->bits_per_cell * (int)slice) & mask);
}

/* Beside the block on the diagonal that output j belongs to, q is 0. */
static void column_digits(const struct xo_layout *l, const struct xo_code_matrix *m, struct span rows, size_t j,
                          struct xo_column_role role, uint16_t *digit)
{
    size_t first = j / m->block_outputs * m->block_inputs, within = j % m->block_outputs;
    for (size_t i = rows.first; i <= rows.last; i++, digit += l->hardware->array.columns) {
        int32_t q = i >= first && i - first < m->block_inputs ? m->q[i * m->block_outputs + within] : 0;
        *digit = digit_of(l, q, role.slice, role.minus);
    }
}

void xo_layout_digits(const struct xo_layout *l, const struct xo_code_matrix *m, size_t row_block,
                      size_t column_block, size_t plane, uint16_t *digit)
{
    size_t rows = l->hardware->array.rows, columns = l->hardware->array.columns;
    struct span i = span_of(row_block, l->tile_rows, m->inputs);
    struct span j = span_of(column_block, l->tile_outputs, m->outputs);
    for (size_t k = 0; k < rows * columns; k++)
        digit[k] = XO_UNUSED;
    for (size_t column = 0; column < l->tile_outputs * l->output_columns; column++) {
        struct xo_column_role role = xo_layout_role(l, plane, column);
        if (role.output <= j.last - j.first)
            column_digits(l, m, i, j.first + role.output, role, digit + column);
    }
    for (size_t row = 0; row < rows && l->reference_column != XO_NONE; row++)
        digit[row * columns + l->reference_column] = 0;
}

double xo_off_siemens(const struct xo_hardware *h)
{
    return h->mapping.unused_cell == XO_UNUSED_OPEN ? 0 : h->device.off_siemens;
}

double xo_digit_siemens(const struct xo_hardware *h, uint16_t digit)
{
    double off = xo_off_siemens(h), levels = (double)(1 << h->device.bits_per_cell) - 1;
    return digit == XO_UNUSED ? off : off + digit * (h->device.on_siemens - off) / levels;
}
