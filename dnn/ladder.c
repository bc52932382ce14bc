/* Layers whose inputs go to gates: every read of a column is a ladder of the cells that are on, exactly.
 *
 * Strips hold rungs in place of a matrix, plus and minus sides apart, for no difference of two columns is one column.
 * Streams of one bit are gates: on or off, as they come packed; a pulse of more is as many slots long as its digit
 * says, each a read of its own.  A transistor that conducts when off makes a second rung of its row.
 * solver/xo_ladder.h has the recursion and its bound, kernel_ladder.c runs it in float32.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include "ladder.h"
#include "memory.h"

enum { MOST_GATE_BITS = 8 };

int xo_check_gated(const struct xo_array_layer *l, struct xo_info *info)
{
    const struct xo_hardware *h = l->hardware;
    if (h->array.topology == XO_TOPOLOGY_SOURCE_ROW)
        return xo_fail(info, XO_EUNSUPPORTED,
                       "array.topology source_row with input gate: every read is a mesh of its own; "
                       "expected source_column or plane, or input drive");
    if (h->dac.bits > 1 && h->dac.encoding == XO_DAC_AMPLITUDE)
        return xo_fail(info, XO_EUNSUPPORTED,
                       "dac.bits: found %d with input gate; expected 1 or dac.encoding pulse_width: half a gate is "
                       "not half the current, with a device in series", h->dac.bits);
    if (h->dac.bits > MOST_GATE_BITS)
        return xo_fail(info, XO_EUNSUPPORTED, "dac.bits: found %d with input gate; expected at most %d: a pulse is "
                       "read slot by slot", h->dac.bits, MOST_GATE_BITS);
    if (!l->array.ideal || h->dac.noise_volt > 0)
        return xo_fail(info, XO_EUNSUPPORTED,
                       "dac: found errors or noise with input gate; expected none, as gates are on or off: what a "
                       "low or high gate conducts are device.transistor_ohm and transistor_off_siemens");
    return 0;
}

/* ---- one array ------------------------------------------------------------------------------------- */

static double rung_at(const xo_ladder *l, const struct xo_use *use, size_t rung, size_t column)
{
    double g = l->cell_siemens[xo_rung_row(use, rung) * l->columns + column], ohm = xo_rung_ohm(l, use, rung);
    return g == 0 || ohm == XO_OPEN ? 0 : g / (1 + g * ohm);
}

/* How far along a line every row in use lies from the farthest of them, and at [inputs] the near end. */
static void positions_of(double *position, size_t stride, const xo_ladder *l, const double *step_ohm, size_t column,
                         size_t inputs)
{
    double ohm = 0;
    for (size_t n = 0; n < l->rows; n++) {
        size_t i = l->top_is_far ? n : l->rows - 1 - n;
        bool used = i < inputs, reached = l->top_is_far || used;
        if (used)
            position[i * stride] = ohm;
        ohm += reached && n + 1 < l->rows ? step_ohm[i * l->columns + column] : 0;
    }
    position[inputs * stride] = ohm;
}

static double secant_at(const xo_ladder *l, const struct xo_use *use, size_t rung, size_t column)
{
    double volt = l->volt[column], ohm = xo_rung_ohm(l, use, rung);
    return volt == 0 || ohm == XO_OPEN ? 0 : xo_ladder_cell_amp(l, xo_rung_row(use, rung), column, ohm, volt) / volt;
}

/* In inverse weight levels; rows that leak lie where they are, on or off. */
static void take_positions(double *position, const xo_ladder *from, const double *step_ohm, const struct xo_use *use,
                           size_t column, size_t inputs, double step_siemens)
{
    size_t rungs = xo_rungs_of(use, inputs), first = use->leaking ? use->leaking : inputs;
    positions_of(position, XO_STRIP, from, step_ohm, column, first);
    position[rungs * XO_STRIP] = position[first * XO_STRIP];
    for (size_t k = first; k < rungs; k++)
        position[k * XO_STRIP] = position[(k - first) * XO_STRIP];
    for (size_t k = 0; k <= rungs; k++)
        position[k * XO_STRIP] *= step_siemens;
}

/* One lane, in units: a weight level, its inverse, read_volt. */
static int take_lane(struct xo_exact_rungs *e, const struct xo_array_layer *l, const xo_ladder *from,
                     xo_ladder_work *work, size_t column, size_t lane, size_t inputs, struct xo_info *info)
{
    const struct xo_use *use = &l->array;
    double step = xo_level_siemens(l);
    take_positions(e->position + lane, from, from->step_ohm, use, column, inputs, step);
    if (e->second_position)
        take_positions(e->second_position + lane, from, from->second_ohm, use, column, inputs, step);
    for (size_t k = 0; k < xo_rungs_of(use, inputs); k++)
        e->siemens[k * XO_STRIP + lane] = (from->laws ? secant_at : rung_at)(from, use, k, column) / step;
    e->end_ohm[lane] = from->end_ohm[column] * step;
    e->volt[lane] = from->volt[column] / l->hardware->dac.read_volt;
    return from->laws ? xo_curves_look(e, l, from, work, column, lane, inputs, info) : 0;
}

static int exact_new(struct xo_exact_rungs **out, struct xo_arena *arena, size_t rungs, bool opposed)
{
    struct xo_exact_rungs *e = *out = xo_arena_alloc(arena, 1, sizeof *e);
    if (!e)
        return ENOMEM;
    e->siemens = xo_arena_alloc(arena, rungs, XO_STRIP * sizeof *e->siemens);
    e->position = xo_arena_alloc(arena, rungs + 1, XO_STRIP * sizeof *e->position);
    if (opposed)
        e->second_position = xo_arena_alloc(arena, rungs + 1, XO_STRIP * sizeof *e->position);
    return e->siemens && e->position && !e->second_position == !opposed ? 0 : ENOMEM;
}

/* ---- blocks ---------------------------------------------------------------------------------------- */

static void block_free(struct xo_ladder_block *b)
{
    for (size_t k = 0; b->ladder && k < b->planes; k++)
        xo_ladder_free(b->ladder[k]);
    free(b->ladder);
    free(b->siemens);
    free(b->digit);
    xo_ladder_work_free(b->work);
}

static int block_new(struct xo_ladder_block *b, const struct xo_array_layer *l, const struct xo_site_of_block *at,
                     struct xo_info *info)
{
    const struct xo_crossbar *x = &l->hardware->array;
    *b = (struct xo_ladder_block){ xo_calloc(l->layout.planes, sizeof(xo_ladder *)), l->layout.planes,
                                   xo_calloc(x->rows, x->columns * sizeof *b->siemens),
                                   xo_calloc(x->rows, x->columns * sizeof *b->digit), NULL };
    int status = b->ladder && b->siemens && b->digit ? xo_ladder_work_new(&b->work, x->rows) : ENOMEM;
    for (size_t plane = 0; plane < b->planes && !status; plane++) {
        xo_program_cells(b->siemens, b->digit, l, at->matrix, at->row_block, at->column_block, plane);
        status = xo_ladder_new(&b->ladder[plane], x, b->siemens, info);
    }
    if (status)
        block_free(b);
    return status;
}

bool xo_is_lane_of(const struct xo_array_layer *l, const struct xo_strip *s, size_t lane, size_t block)
{
    return lane % XO_HALF < s->half[lane / XO_HALF].count
           && s->lane[lane].conversion / l->layout.conversions == block;
}

/* Both sides of every lane of a block. */
static int take_block(void *user, struct xo_array_layer *l, struct xo_row_block *r, struct xo_ladder_block *b,
                      size_t block, struct xo_info *info)
{
    int status = 0;
    (void)user;
    for (size_t n = 0; n < (r->strips + r->references) * XO_STRIP && !status; n++) {
        struct xo_strip *s = xo_ladder_strip(r, n / XO_STRIP);
        size_t lane = n % XO_STRIP;
        if (!xo_is_lane_of(l, s, lane, block))
            continue;
        const struct xo_conversion *c = xo_ladder_conversion(l, s, lane);
        status = take_lane(s->exact[0], l, b->ladder[c->plane], b->work, c->column, lane, r->inputs, info);
        if (!status && c->minus_plane != XO_NONE)
            status = take_lane(s->exact[1], l, b->ladder[c->minus_plane], b->work, c->minus_column, lane, r->inputs,
                               info);
    }
    return status;
}

/* In one arena, which is the layer's or one that is thrown away. */
static int make_room(struct xo_array_layer *l, struct xo_arena *arena)
{
    const struct xo_crossbar *x = &l->hardware->array;
    bool opposed = x->topology == XO_TOPOLOGY_SOURCE_COLUMN && x->source_side != x->sense_side;
    for (size_t m = 0; m < l->codes.matrices; m++)
        for (size_t n = 0; n < l->array.bank[m].rows; n++) {
            struct xo_row_block *r = &l->array.bank[m].row[n];
            size_t rungs = xo_rungs_of(&l->array, r->inputs);
            for (size_t k = 0; k < r->strips + r->references; k++)
                for (int side = 0; side < 2; side++)
                    if (exact_new(&xo_ladder_strip(r, k)->exact[side], arena, rungs, opposed))
                        return ENOMEM;
        }
    return 0;
}

int xo_ladder_blocks(struct xo_array_layer *l, int threads, xo_with_block *with, void *user, struct xo_info *info)
{
    struct xo_site_of_block *site = xo_sites_of(l);
    int status = site ? 0 : ENOMEM;
    #pragma omp parallel for schedule(dynamic) num_threads(threads < 1 ? 1 : threads)
    for (size_t k = 0; k < l->blocks; k++) {
        struct xo_ladder_block b;
        struct xo_info why = { "" };
        int failed;
        #pragma omp atomic read
        failed = status;
        if (failed)
            continue;
        failed = block_new(&b, l, &site[k], &why);
        if (!failed) {
            failed = with(user, l, &l->array.bank[site[k].matrix].row[site[k].row_block], &b, k, &why);
            block_free(&b);
        }
        if (!failed)
            continue;
        #pragma omp critical(xo_ladders)
        {
            if (!status && info)
                *info = why;
            #pragma omp atomic write
            status = failed;
        }
    }
    free(site);
    return status;
}

/* ---- to float32 ------------------------------------------------------------------------------------ */

static const float *to_single(const double *value, size_t count, struct xo_arena *arena)
{
    float *single = xo_arena_alloc(arena, count, sizeof *single);
    for (size_t k = 0; single && k < count; k++)
        single[k] = (float)value[k];
    return single;
}

/* `like`: what all of them have in common. */
static int single_side(struct xo_rungs *g, const struct xo_exact_rungs *e, struct xo_arena *arena, size_t rungs,
                       bool uniform, const struct xo_rungs *like)
{
    size_t positions = (rungs + 1) * XO_STRIP;
    const struct xo_curves *curves = g->curves;
    *g = *like;
    g->curves = curves;
    g->rungs = rungs;
    g->siemens = to_single(e->siemens, rungs * XO_STRIP, arena);
    g->position = uniform ? NULL : to_single(e->position, positions, arena);
    g->second_position = uniform || !like->opposed ? NULL : to_single(e->second_position, positions, arena);
    if (!g->siemens || (!uniform && !g->position) || (!uniform && like->opposed && !g->second_position))
        return ENOMEM;
    for (size_t j = 0; j < XO_STRIP; j++) {
        g->end_ohm[j] = (float)e->end_ohm[j];
        g->volt[j] = (float)e->volt[j];
    }
    return 0;
}

static bool has_minus(const struct xo_array_layer *l)
{
    for (size_t q = 0; q < l->layout.conversions; q++)
        if (l->layout.conversion[q].minus_plane != XO_NONE)
            return true;
    return false;
}

/* One array is enough to see how lines are, for wires do not depend on cells; and those take all levels in turn. */
static int find_lines(xo_ladder **out, const struct xo_array_layer *l, struct xo_info *info)
{
    const struct xo_crossbar *x = &l->hardware->array;
    size_t levels = (size_t)1 << l->hardware->device.bits_per_cell;
    double *siemens = xo_calloc(x->rows, x->columns * sizeof *siemens);
    for (size_t k = 0; siemens && k < x->rows * x->columns; k++)
        siemens[k] = xo_digit_siemens(l->hardware, (unsigned)(k % levels));
    int status = siemens ? xo_ladder_new(out, x, siemens, info) : ENOMEM;
    free(siemens);
    return status;
}

static int single_strips(struct xo_array_layer *l, const xo_ladder *lines)
{
    size_t rows = lines->rows, some = lines->top_is_far ? 0 : (rows - 1) * lines->columns;
    double level = xo_level_siemens(l), second_ohm = lines->second_ohm ? lines->second_ohm[some] : 0;
    const struct xo_rungs like = { .step_ohm = (float)(lines->step_ohm[some] * level), .opposed = lines->second_ohm,
                                   .second_step_ohm = (float)(second_ohm * level),
                                   .last_row = lines->top_is_far ? (int)rows - 1 : 0 };
    int sides = has_minus(l) ? 2 : 1, status = 0;
    bool uniform = lines->uniform && !l->array.leaking;
    for (size_t m = 0; m < l->codes.matrices; m++)
        for (size_t n = 0; n < l->array.bank[m].rows; n++) {
            const struct xo_row_block *r = &l->array.bank[m].row[n];
            for (size_t k = 0; k < r->strips + r->references; k++) {
                struct xo_strip *s = xo_ladder_strip(r, k);
                for (int side = 0; side < (k < r->strips ? sides : 1) && !status; side++)
                    status = single_side(&s->rungs[side], s->exact[side], &l->arena,
                                         xo_rungs_of(&l->array, r->inputs), uniform, &like);
            }
        }
    return status;
}

/* ---- a layer --------------------------------------------------------------------------------------- */

static void forget_exact(struct xo_array_layer *l)
{
    for (size_t m = 0; m < l->codes.matrices; m++)
        for (size_t n = 0; n < l->array.bank[m].rows; n++) {
            const struct xo_row_block *r = &l->array.bank[m].row[n];
            for (size_t k = 0; k < r->strips + r->references; k++)
                xo_ladder_strip(r, k)->exact[0] = xo_ladder_strip(r, k)->exact[1] = NULL;
        }
}

int xo_program_ladders(struct xo_array_layer *l, int threads, const struct xo_kernels *kernels, struct xo_info *info)
{
    struct xo_arena doubles = { NULL };
    struct xo_ladder_sample sample = { 0 };
    xo_ladder *lines = NULL;
    int status = xo_check_gated(l, info);
    if (!status)
        status = find_lines(&lines, l, info);
    if (!status) {
        l->array.top_is_far = lines->top_is_far;
        l->array.leaking = l->hardware->array.transistor_off_siemens > 0 ? lines->rows : 0;
    }
    if (!status && 2 * l->array.leaking > UINT16_MAX)
        status = xo_fail(info, XO_ETOOBIG, "%zu rows with transistor_off_siemens above 0; expected at most %d",
                         lines->rows, UINT16_MAX / 2);
    if (!status && lines->has_open)
        status = xo_fail(info, XO_EUNSUPPORTED,
                         "open segments in lines that end at two sides; expected source_side as "
                         "sense_side, or none");
    if (!status)
        status = make_room(l, &doubles);
    if (!status)
        status = xo_ladder_blocks(l, threads, take_block, NULL, info);
    if (!status)
        status = xo_ladder_sample_new(&sample, l);
    if (!status && lines->laws)
        status = xo_curves_fill(l, threads, lines, &sample, info);
    if (!status)
        status = single_strips(l, lines);
    if (!status)
        status = xo_ladder_figures(l, info);
    if (!status)
        status = xo_ladder_sample(l, &sample, kernels);
    l->array.circuit = l->array.ladder = true;
    forget_exact(l);
    xo_ladder_sample_free(&sample);
    xo_ladder_free(lines);
    xo_arena_free(&doubles);
    return status;
}

/* Nonlinear cells: the ladders themselves are kept, and every current is found from them; no worse than 1e-9. */
static int keep_block(void *user, struct xo_array_layer *l, struct xo_row_block *r, struct xo_ladder_block *b,
                      size_t block, struct xo_info *info)
{
    (void)user;
    (void)info;
    for (size_t n = 0; n < (r->strips + r->references) * XO_STRIP; n++) {
        struct xo_strip *s = xo_ladder_strip(r, n / XO_STRIP);
        size_t lane = n % XO_STRIP;
        if (!xo_is_lane_of(l, s, lane, block))
            continue;
        const struct xo_conversion *c = xo_ladder_conversion(l, s, lane);
        s->exact[0]->ladder[lane] = b->ladder[c->plane];
        s->exact[0]->column[lane] = c->column;
        if (c->minus_plane == XO_NONE)
            continue;
        s->exact[1]->ladder[lane] = b->ladder[c->minus_plane];
        s->exact[1]->column[lane] = c->minus_column;
    }
    for (size_t plane = 0; plane < b->planes; plane++) {
        l->kept[block * b->planes + plane] = b->ladder[plane];
        b->ladder[plane] = NULL;
    }
    return 0;
}

void xo_ladders_forget(struct xo_array_layer *l)
{
    for (size_t k = 0; l->kept && k < l->blocks * l->layout.planes; k++)
        xo_ladder_free(l->kept[k]);
    free(l->kept);
    l->kept = NULL;
}

int xo_certify_ladders(struct xo_array_layer *l, double *bound_rel, struct xo_info *info)
{
    bool curved = xo_is_nonlinear(&l->hardware->array);
    int status = make_room(l, &l->arena);
    if (!status && curved && !(l->kept = xo_calloc(l->blocks * l->layout.planes, sizeof(struct xo_ladder *))))
        status = ENOMEM;
    *bound_rel = fmax(*bound_rel, curved ? 1e-9 : (24 * (double)l->hardware->array.rows + 10) * 0x1p-53);
    return status ? status : xo_ladder_blocks(l, 1, curved ? keep_block : take_block, NULL, info);
}
