/* From a description and programmed cells to the planes of engine line, and the pivots of all its lines.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "line.h"
#include "memory.h"

#define HUGE_PAGE ((size_t)2 << 20)

/* Large blocks in large pages, where the system offers them: sweeping a dozen planes misses in the TLB otherwise. */
double *xo_line_planes(double **block, size_t numbers)
{
    size_t align = numbers * sizeof **block >= 8 * HUGE_PAGE ? HUGE_PAGE : 64;
    *block = xo_calloc(numbers + align / sizeof **block, sizeof **block);
    if (!*block)
        return NULL;
    double *start = *block + (align - (uintptr_t)*block % align) % align / sizeof **block;
#ifdef MADV_HUGEPAGE
    if (align == HUGE_PAGE)
        madvise(start, numbers * sizeof *start / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
    return start;
}

static double siemens_of(double ohm)
{
    return ohm == XO_OPEN ? 0 : 1 / ohm;
}

static void set_cells(xo_factor *f, const double *cell_siemens)
{
    struct xo_lines *l = f->state;
    const struct xo_crossbar *x = f->plan->circuit->lines;
    struct xo_line_grid *n = &l->grid;
    bool series = x->series_ohm.each || x->series_ohm.all != 0;
    for (size_t i = 0; i < n->rows; i++)
        for (size_t j = 0; j < n->columns; j++)
            n->cell[xo_bit_at(n, i, j)] = cell_siemens[i * n->columns + j];
    for (size_t k = 0; k < x->stuck_count; k++)
        n->cell[xo_bit_at(n, x->stuck[k].row, x->stuck[k].column)] = x->stuck[k].siemens;
    for (size_t k = 0; k < x->open_cell_count; k++)
        n->cell[xo_bit_at(n, x->open_cell[k].row, x->open_cell[k].column)] = 0;
    for (size_t i = 0; series && i < n->rows; i++)
        for (size_t j = 0; j < n->columns; j++) {
            double *g = &n->cell[xo_bit_at(n, i, j)];
            *g = xo_cell_and_series(*g, xo_value_at(&x->series_ohm, i * n->columns + j)).hi;
        }
}

/* Wires that differ need a plane, others four tiles. */
static bool differ(const struct xo_values *v, size_t open_segments)
{
    return v->each || open_segments;
}

static void place_wires(const struct xo_line_grid *n, struct xo_line_wires *w, double **next, bool plane)
{
    for (int bottom = 0; bottom < 2; bottom++)
        for (int right = 0; right < 2; right++)
            w->at[bottom][right] = plane ? *next : *next + (2 * bottom + right) * XO_TILE_CELLS;
    w->step = plane ? XO_TILE_CELLS : 0;
    *next += plane ? n->tile_rows * n->tile_columns * XO_TILE_CELLS : 4 * XO_TILE_CELLS;
}

/* Every wire of one tile; what lies beyond the edge stays 0. */
static void set_wire_tile(const struct xo_line_grid *n, const struct xo_values *ohm, bool word, size_t tile_row,
                          size_t tile_column)
{
    double *tile = xo_line_wire(n, word ? &n->right : &n->below, tile_row, tile_column);
    size_t rows = word ? n->rows : n->rows - 1, columns = word ? n->columns - 1 : n->columns;
    for (size_t k = 0; k < XO_TILE; k++)
        for (size_t m = 0; m < XO_TILE; m++) {
            size_t i = tile_row * XO_TILE + k, j = tile_column * XO_TILE + m;
            if (i < rows && j < columns)
                tile[word ? m * XO_TILE + k : k * XO_TILE + m] = siemens_of(xo_value_at(ohm, i * columns + j));
        }
}

static void set_wires(const struct xo_line_grid *n, const struct xo_values *ohm, bool word)
{
    bool plane = (word ? &n->right : &n->below)->step != 0;
    size_t first_row = plane || n->tile_rows < 2 ? 0 : n->tile_rows - 2;
    size_t first_column = plane || n->tile_columns < 2 ? 0 : n->tile_columns - 2;
    for (size_t i = first_row; i < n->tile_rows; i++)
        for (size_t j = first_column; j < n->tile_columns; j++)
            set_wire_tile(n, ohm, word, i, j);
}

static void cut_open_segments(const struct xo_line_grid *n, const struct xo_crossbar *x)
{
    for (size_t k = 0; k < x->open_word_segment_count; k++) {
        size_t i = x->open_word_segment[k].row, j = x->open_word_segment[k].column;
        xo_line_wire(n, &n->right, i / XO_TILE, j / XO_TILE)[j % XO_TILE * XO_TILE + i % XO_TILE] = 0;
    }
    for (size_t k = 0; k < x->open_bit_segment_count; k++) {
        size_t i = x->open_bit_segment[k].row, j = x->open_bit_segment[k].column;
        xo_line_wire(n, &n->below, i / XO_TILE, j / XO_TILE)[i % XO_TILE * XO_TILE + j % XO_TILE] = 0;
    }
}

static double end_siemens(const struct xo_values *ohm, const struct xo_line *line, size_t k)
{
    return line && line[k].state == XO_LINE_FLOATING ? 0 : siemens_of(xo_value_at(ohm, k));
}

static void set_ends(const struct xo_line_grid *n, const struct xo_crossbar *x)
{
    for (size_t i = 0; i < n->rows; i++) {
        double g = end_siemens(&x->driver_ohm, x->word_line, i);
        n->end[XO_LEFT][i] = x->drive_side == XO_DRIVE_RIGHT ? 0 : g;
        n->end[XO_RIGHT][i] = x->drive_side == XO_DRIVE_LEFT ? 0 : g;
    }
    for (size_t j = 0; j < n->columns; j++) {
        double g = end_siemens(&x->sense_ohm, x->bit_line, j);
        n->end[XO_TOP][j] = x->sense_side == XO_SENSE_BOTTOM ? 0 : g;
        n->end[XO_BOTTOM][j] = x->sense_side == XO_SENSE_TOP ? 0 : g;
    }
}

static int allocate(struct xo_lines *l, const struct xo_crossbar *x)
{
    struct xo_line_grid *n = &l->grid;
    bool right = differ(&x->row_wire_ohm, x->open_word_segment_count);
    bool below = differ(&x->column_wire_ohm, x->open_bit_segment_count);
    size_t tiles = n->tile_rows * n->tile_columns, ends = 2 * XO_TILE * (n->tile_rows + n->tile_columns);
    double *plane = xo_line_planes(&l->plane_block, 3 * l->plane_cells);
    double *wire = xo_line_planes(&l->wire_block, ((right ? tiles : 4) + (below ? tiles : 4)) * XO_TILE_CELLS);
    double *end = xo_line_planes(&l->end_block, ends);
    if (!plane || !wire || !end)
        return ENOMEM;
    n->cell = plane;
    n->word_inverse = plane + l->plane_cells;
    n->bit_inverse = plane + 2 * l->plane_cells;
    place_wires(n, &n->right, &wire, right);
    place_wires(n, &n->below, &wire, below);
    for (int k = 0; k < 4; k++) {
        n->end[k] = end;
        end += XO_TILE * (k < 2 ? n->tile_rows : n->tile_columns);
    }
    return 0;
}

/* Ends on lines that two terminals do not reach carry no current: their nodes are set, not solved for. */
static void drop_idle_ends(xo_factor *f)
{
    const struct xo_lines *l = f->state;
    const struct xo_line_grid *n = &l->grid;
    for (size_t end = 0; end < 4; end++)
        for (size_t k = 0; !l->all_live && k < (end < 2 ? n->rows : n->columns); k++) {
            size_t last = (end < 2 ? n->columns : n->rows) - 1;
            if (f->components.sole[xo_line_component(f, end < 2, k, end % 2 ? last : 0)] != XO_SEVERAL)
                n->end[end][k] = 0;
        }
}

static void find_pivots(const struct xo_lines *l)
{
    const struct xo_line_grid *n = &l->grid;
    size_t strips = (n->tile_columns + XO_STRIP - 1) / XO_STRIP;
#pragma omp parallel num_threads(l->inner_threads) if (l->inner_threads > 1)
    {
#pragma omp for schedule(static) nowait
        for (size_t i = 0; i < n->tile_rows; i++)
            l->kernel->word_pivots(n, i);
#pragma omp for schedule(static)
        for (size_t s = 0; s < strips; s++)
            l->kernel->bit_pivots(n, s * XO_STRIP, s + 1 < strips ? (s + 1) * XO_STRIP : n->tile_columns);
    }
}

int xo_line_grid_new(xo_factor *f, const double *cell_siemens)
{
    struct xo_lines *l = f->state;
    const struct xo_crossbar *x = f->plan->circuit->lines;
    struct xo_line_grid *n = &l->grid;
    *n = (struct xo_line_grid){.rows = x->rows, .columns = x->columns,
                               .tile_rows = (x->rows + XO_TILE - 1) / XO_TILE,
                               .tile_columns = (x->columns + XO_TILE - 1) / XO_TILE};
    l->plane_cells = n->tile_rows * n->tile_columns * XO_TILE_CELLS;
    int status = allocate(l, x);
    if (status)
        return status;
    set_cells(f, cell_siemens);
    set_wires(n, &x->row_wire_ohm, true);
    set_wires(n, &x->column_wire_ohm, false);
    cut_open_segments(n, x);
    set_ends(n, x);
    status = xo_line_segments_find(f);
    if (status)
        return status;
    drop_idle_ends(f);
    find_pivots(l);
    return 0;
}

void xo_line_grid_free(struct xo_lines *l)
{
    free(l->plane_block);
    free(l->wire_block);
    free(l->end_block);
    free(l->segment);
}
