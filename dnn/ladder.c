/* Layers whose inputs go to gates: every read of a column is a ladder of the cells that are on, exactly.
 *
 * Strips hold rungs in place of a matrix, plus and minus sides apart, for no difference of two columns is one column.
 * Streams of one bit are gates: on or off, as they come packed.  solver/xo_ladder.h has the recursion and its bound,
 * kernel_ladder.c runs it in float32.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "audit.h"
#include "memory.h"
#include "random.h"
#include "xo_ladder.h"

enum { SAMPLES = 8 };
#define MOST 0x1p96                    /* of p and q in float32 */

/* Of a strip's columns on one side. */
struct xo_exact_rungs {
    double *siemens;                   /* [inputs][XO_STRIP]                                      */
    double *position;                  /* [inputs + 1][XO_STRIP]                                  */
    double end_ohm[XO_STRIP], volt[XO_STRIP];
};

int xo_check_gated(const struct xo_array_layer *l, struct xo_info *info)
{
    const struct xo_hardware *h = l->hardware;
    if (h->array.topology == XO_TOPOLOGY_SOURCE_ROW)
        return xo_fail(info, XO_EUNSUPPORTED, "array.topology source_row with input gate: every read is a mesh of its own; "
                       "expected source_column or plane, or input drive");
    if (h->dac.bits != 1)
        return xo_fail(info, XO_EUNSUPPORTED, "dac.bits: found %d with input gate; expected 1: gates are on or off",
                       h->dac.bits);
    if (!l->array.ideal || h->dac.noise_volt > 0)
        return xo_fail(info, XO_EUNSUPPORTED, "dac: found errors or noise with input gate; expected none: gates are on or "
                       "off");
    if (h->array.transistor_off_siemens > 0)
        return xo_fail(info, XO_EUNSUPPORTED, "device.transistor_off_siemens: found %g S; expected 0: networks are "
                       "evaluated with rows that are off or on", h->array.transistor_off_siemens);
    return 0;
}

/* ---- one array ------------------------------------------------------------------------------------- */

/* A column's rungs: row i of those in use, and how far along the lines it is from the farthest of them. */
static double rung_at(const xo_ladder *l, size_t i, size_t column)
{
    return l->gated[i] ? 0 : xo_ladder_rung(l, l->cell_siemens[i * l->columns + column], 1);
}

static void positions_of(double *position, size_t stride, const xo_ladder *l, size_t column, size_t inputs)
{
    double ohm = 0;
    for (size_t n = 0; n < l->rows; n++) {
        size_t i = l->top_is_far ? n : l->rows - 1 - n;
        bool used = i < inputs, reached = l->top_is_far || used;
        if (used)
            position[i * stride] = ohm;
        ohm += reached && n + 1 < l->rows ? l->step_ohm[i * l->columns + column] : 0;
    }
    position[inputs * stride] = ohm;
}

/* Every rung on: the largest p and q that any input can make, and the current. */
static double all_on(const struct xo_exact_rungs *e, size_t inputs, bool top_is_far, size_t lane, double *most)
{
    double p = 1, q = 0, before = 0;
    for (size_t n = 0; n < inputs; n++) {
        size_t at = (top_is_far ? n : inputs - 1 - n) * XO_STRIP + lane;
        p += (e->position[at] - before) * q;
        q += e->siemens[at] * p;
        before = e->position[at];
    }
    p += (e->position[inputs * XO_STRIP + lane] - before) * q;
    *most = fmax(*most, fmax(p, q * fmax(1, e->end_ohm[lane])));
    return e->volt[lane] * (q / (p + e->end_ohm[lane] * q));
}

/* One lane, in units: a weight level, its inverse, read_volt. */
static void take_lane(struct xo_exact_rungs *e, const struct xo_array_layer *l, const xo_ladder *from, size_t column,
                      size_t lane, size_t inputs)
{
    double step = xo_level_siemens(l);
    positions_of(e->position + lane, XO_STRIP, from, column, inputs);
    for (size_t i = 0; i < inputs; i++)
        e->siemens[i * XO_STRIP + lane] = rung_at(from, i, column) / step;
    for (size_t i = 0; i <= inputs; i++)
        e->position[i * XO_STRIP + lane] *= step;
    e->end_ohm[lane] = from->end_ohm[column] * step;
    e->volt[lane] = from->volt[column] / l->hardware->dac.read_volt;
}

static int exact_new(struct xo_exact_rungs **out, struct xo_arena *arena, size_t inputs)
{
    struct xo_exact_rungs *e = *out = xo_arena_alloc(arena, 1, sizeof *e);
    if (!e)
        return ENOMEM;
    e->siemens = xo_arena_alloc(arena, inputs, XO_STRIP * sizeof *e->siemens);
    e->position = xo_arena_alloc(arena, inputs + 1, XO_STRIP * sizeof *e->position);
    return e->siemens && e->position ? 0 : ENOMEM;
}

/* ---- blocks ---------------------------------------------------------------------------------------- */

/* The arrays of a block, as ladders. */
struct block { xo_ladder **ladder; size_t planes; double *siemens; uint16_t *digit; };

static void block_free(struct block *b)
{
    for (size_t k = 0; b->ladder && k < b->planes; k++)
        xo_ladder_free(b->ladder[k]);
    free(b->ladder);
    free(b->siemens);
    free(b->digit);
}

static int block_new(struct block *b, const struct xo_array_layer *l, const struct xo_site_of_block *at,
                     struct xo_info *info)
{
    const struct xo_crossbar *x = &l->hardware->array;
    *b = (struct block){ xo_calloc(l->layout.planes, sizeof(xo_ladder *)), l->layout.planes,
                         xo_calloc(x->rows, x->columns * sizeof *b->siemens),
                         xo_calloc(x->rows, x->columns * sizeof *b->digit) };
    int status = b->ladder && b->siemens && b->digit ? 0 : ENOMEM;
    for (size_t plane = 0; plane < b->planes && !status; plane++) {
        xo_program_cells(b->siemens, b->digit, l, at->matrix, at->row_block, at->column_block, plane);
        status = xo_ladder_new(&b->ladder[plane], x, b->siemens, info);
    }
    if (status)
        block_free(b);
    return status;
}

static struct xo_strip *strip_of(const struct xo_row_block *r, size_t k)
{
    return k < r->strips ? &r->strip[k] : &r->reference[k - r->strips];
}

static bool is_lane_of(const struct xo_array_layer *l, const struct xo_strip *s, size_t lane, size_t block)
{
    return lane % XO_HALF < s->half[lane / XO_HALF].count
           && s->lane[lane].conversion / l->layout.conversions == block;
}

static const struct xo_conversion *conversion_of(const struct xo_array_layer *l, const struct xo_strip *s, size_t lane)
{
    return &l->layout.conversion[s->lane[lane].conversion % l->layout.conversions];
}

/* Both sides of every lane of a block. */
static void take_block(const struct xo_array_layer *l, const struct xo_row_block *r, const struct block *b, size_t block)
{
    for (size_t k = 0; k < r->strips + r->references; k++) {
        struct xo_strip *s = strip_of(r, k);
        for (size_t lane = 0; lane < XO_STRIP; lane++) {
            if (!is_lane_of(l, s, lane, block))
                continue;
            const struct xo_conversion *c = conversion_of(l, s, lane);
            take_lane(s->exact[0], l, b->ladder[c->plane], c->column, lane, r->inputs);
            if (c->minus_plane != XO_NONE)
                take_lane(s->exact[1], l, b->ladder[c->minus_plane], c->minus_column, lane, r->inputs);
        }
    }
}

/* In one arena, which is the layer's or one that is thrown away. */
static int make_room(struct xo_array_layer *l, struct xo_arena *arena)
{
    for (size_t m = 0; m < l->codes.matrices; m++)
        for (size_t n = 0; n < l->array.bank[m].rows; n++) {
            struct xo_row_block *r = &l->array.bank[m].row[n];
            for (size_t k = 0; k < r->strips + r->references; k++)
                for (int side = 0; side < 2; side++)
                    if (exact_new(&strip_of(r, k)->exact[side], arena, r->inputs))
                        return ENOMEM;
        }
    return 0;
}

static int fill_exactly(struct xo_array_layer *l, int threads, struct xo_info *info)
{
    struct xo_site_of_block *site = xo_sites_of(l);
    int status = site ? 0 : ENOMEM;
    #pragma omp parallel for schedule(dynamic) num_threads(threads < 1 ? 1 : threads)
    for (size_t k = 0; k < l->blocks; k++) {
        struct block b;
        struct xo_info why = { "" };
        int failed;
        #pragma omp atomic read
        failed = status;
        if (failed)
            continue;
        failed = block_new(&b, l, &site[k], &why);
        if (!failed) {
            take_block(l, &l->array.bank[site[k].matrix].row[site[k].row_block], &b, k);
            block_free(&b);
            continue;
        }
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

static int single_side(struct xo_rungs *g, const struct xo_exact_rungs *e, struct xo_arena *arena, size_t inputs,
                       bool uniform, double step_ohm, int last_row)
{
    float *siemens = xo_arena_alloc(arena, inputs, XO_STRIP * sizeof *siemens), *position = NULL;
    if (!uniform)
        position = xo_arena_alloc(arena, inputs + 1, XO_STRIP * sizeof *position);
    if (!siemens || (!uniform && !position))
        return ENOMEM;
    for (size_t k = 0; k < inputs * XO_STRIP; k++)
        siemens[k] = (float)e->siemens[k];
    for (size_t k = 0; position && k < (inputs + 1) * XO_STRIP; k++)
        position[k] = (float)e->position[k];
    *g = (struct xo_rungs){ .inputs = inputs, .siemens = siemens, .position = position, .step_ohm = (float)step_ohm,
                            .last_row = last_row };
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

/* One of the layer's arrays is enough to see how its lines are: wires do not depend on cells. */
static int find_lines(xo_ladder **out, const struct xo_array_layer *l, struct xo_info *info)
{
    const struct xo_crossbar *x = &l->hardware->array;
    double *none = xo_calloc(x->rows, x->columns * sizeof *none);
    int status = none ? xo_ladder_new(out, x, none, info) : ENOMEM;
    free(none);
    return status;
}

static int single_strips(struct xo_array_layer *l, const xo_ladder *lines)
{
    size_t rows = lines->rows, some = lines->top_is_far ? 0 : (rows - 1) * lines->columns;
    double step = rows > 1 ? lines->step_ohm[some] * xo_level_siemens(l) : 0;
    int sides = has_minus(l) ? 2 : 1, last = lines->top_is_far ? (int)rows - 1 : 0, status = 0;
    for (size_t m = 0; m < l->codes.matrices; m++)
        for (size_t n = 0; n < l->array.bank[m].rows; n++) {
            const struct xo_row_block *r = &l->array.bank[m].row[n];
            for (size_t k = 0; k < r->strips + r->references; k++)
                for (int side = 0; side < (k < r->strips ? sides : 1) && !status; side++)
                    status = single_side(&strip_of(r, k)->rungs[side], strip_of(r, k)->exact[side], &l->arena, r->inputs,
                                         lines->uniform, step, last);
        }
    return status;
}

/* ---- figures --------------------------------------------------------------------------------------- */

struct sums { double above, below; };

/* What wires take of a column's current with every gate on, the most they can. */
static void weigh(struct xo_array_layer *l, const struct xo_exact_rungs *e, size_t inputs, size_t lane, bool far,
                  struct sums *unit, double *nf_sum, double *most)
{
    double amp = all_on(e, inputs, far, lane, most), ideal = 0, ton = l->hardware->array.transistor_ohm, nf;
    for (size_t i = 0; i < inputs; i++) {                  /* of the cell alone */
        double g = e->siemens[i * XO_STRIP + lane];
        ideal += g > 0 ? g / (1 - g * ton * xo_level_siemens(l)) : 0;
    }
    unit->above += ideal;
    unit->below += amp;
    if (!(ideal > 0))
        return;
    nf = (ideal - amp) / ideal;
    l->loss.nf_low = l->loss.columns ? fmin(l->loss.nf_low, nf) : nf;
    l->loss.nf_high = l->loss.columns ? fmax(l->loss.nf_high, nf) : nf;
    *nf_sum += nf;
    l->loss.columns++;
}

static int find_figures(struct xo_array_layer *l, bool far, struct xo_info *info)
{
    size_t units = xo_units_of(l, xo_gain_unit(l));
    struct sums *unit = xo_calloc(units, sizeof *unit);
    double nf_sum = 0, most = 0;
    l->oracle = xo_arena_alloc(&l->arena, units, sizeof *l->oracle);
    if (!unit || !l->oracle) {
        free(unit);
        return ENOMEM;
    }
    for (size_t m = 0; m < l->codes.matrices; m++)
        for (size_t n = 0; n < l->array.bank[m].rows; n++) {
            const struct xo_row_block *r = &l->array.bank[m].row[n];
            for (size_t k = 0; k < (r->strips + r->references) * XO_STRIP; k++) {
                const struct xo_strip *s = strip_of(r, k / XO_STRIP);
                size_t lane = k % XO_STRIP;
                if (lane % XO_HALF >= s->half[lane / XO_HALF].count)
                    continue;
                struct sums *u = &unit[xo_unit_at(l, xo_gain_unit(l), s->lane[lane].conversion)];
                weigh(l, s->exact[0], r->inputs, lane, far, u, &nf_sum, &most);
                if (conversion_of(l, s, lane)->minus_plane != XO_NONE)
                    weigh(l, s->exact[1], r->inputs, lane, far, u, &nf_sum, &most);
            }
        }
    for (size_t u = 0; u < units; u++)
        l->oracle[u] = unit[u].above == 0 || unit[u].below == 0 ? 1 : unit[u].above / unit[u].below;
    free(unit);
    l->loss.arrays = l->blocks * l->layout.planes;
    l->loss.nf_mean = l->loss.columns ? nf_sum / (double)l->loss.columns : 0;
    l->loss.bound_rel = (24 * (double)l->hardware->array.rows + 10) * 0x1p-24;
    return most < MOST ? 0 : xo_fail(info, XO_EUNSUPPORTED, "wires and ends resist so much more than cells that float32 "
                                     "overflows; expected less");
}

static double exact_current(const struct xo_exact_rungs *e, const uint16_t *rung, size_t count, size_t inputs,
                            size_t lane)
{
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

/* A strip in the middle of the layer, some random gates: float32 against double. */
static int sample(struct xo_array_layer *l, const struct xo_kernels *kernels, bool far)
{
    const struct xo_row_block *r = &l->array.bank[l->codes.matrices / 2].row[0];
    const struct xo_strip *s = r->strips ? &r->strip[r->strips / 2] : NULL;
    size_t inputs = r->inputs, at;
    uint16_t *rung = xo_calloc(SAMPLES, inputs * sizeof *rung), count[SAMPLES] = {0};
    float *amp = xo_calloc(SAMPLES, XO_STRIP * sizeof *amp);
    if (!rung || !amp || !s) {
        free(rung);
        free(amp);
        return s ? ENOMEM : 0;
    }
    for (size_t v = 0; v < SAMPLES; v++)
        for (size_t n = 0; n < inputs; n++) {
            struct xo_random_key key = { l->hardware->seed, XO_FOR_AUDIT, l->number, v * inputs + n };
            if (v == 0 || xo_random_below(key, 4) < v % 4)
                rung[v * inputs + count[v]++] = (uint16_t)(far ? n : inputs - 1 - n);
        }
    const struct xo_active a = { rung, count, inputs };
    for (int side = 0; side < 2 && s->rungs[side].siemens; side++) {
        kernels->climb(&a, SAMPLES, &s->rungs[side], NULL, amp);
        for (at = 0; at < SAMPLES * XO_STRIP; at++) {
            double exact = exact_current(s->exact[side], rung + at / XO_STRIP * inputs, count[at / XO_STRIP], inputs,
                                         at % XO_STRIP);
            if (exact != 0)
                l->loss.sampled_error_rel = fmax(l->loss.sampled_error_rel, fabs((double)amp[at] / exact - 1));
        }
    }
    l->loss.sampled = 1;
    free(rung);
    free(amp);
    return 0;
}

/* ---- a layer --------------------------------------------------------------------------------------- */

static void forget_exact(struct xo_array_layer *l)
{
    for (size_t m = 0; m < l->codes.matrices; m++)
        for (size_t n = 0; n < l->array.bank[m].rows; n++)
            for (size_t k = 0; k < l->array.bank[m].row[n].strips + l->array.bank[m].row[n].references; k++)
                strip_of(&l->array.bank[m].row[n], k)->exact[0] = strip_of(&l->array.bank[m].row[n], k)->exact[1] = NULL;
}

int xo_program_ladders(struct xo_array_layer *l, int threads, const struct xo_kernels *kernels, struct xo_info *info)
{
    struct xo_arena doubles = { NULL };
    xo_ladder *lines = NULL;
    int status = xo_check_gated(l, info);
    if (!status)
        status = find_lines(&lines, l, info);
    if (!status)
        status = make_room(l, &doubles);
    if (!status)
        status = fill_exactly(l, threads, info);
    if (!status)
        status = single_strips(l, lines);
    if (!status)
        status = find_figures(l, lines->top_is_far, info);
    if (!status)
        status = sample(l, kernels, lines->top_is_far);
    l->array.circuit = l->array.ladder = true;
    l->array.top_is_far = lines && lines->top_is_far;
    forget_exact(l);
    xo_ladder_free(lines);
    xo_arena_free(&doubles);
    return status;
}

int xo_certify_ladders(struct xo_array_layer *l, double *bound_rel, struct xo_info *info)
{
    int status = make_room(l, &l->arena);
    *bound_rel = fmax(*bound_rel, (24 * (double)l->hardware->array.rows + 10) * 0x1p-53);
    return status ? status : fill_exactly(l, 1, info);
}

/* ---- rows of digits -------------------------------------------------------------------------------- */

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
    if (out)
        t->engine->kernels->climb(&rows->active, rows->d.rows, &s->rungs[0], s->rungs[1].siemens ? &s->rungs[1] : NULL,
                                  out);
    return out;
}

int xo_climb_currents(double *current, struct xo_engine_thread *t, const struct xo_strip *s, const struct xo_rows *rows)
{
    const float *single = t->certified ? NULL : xo_climb_strip(t, s, rows);
    if (!t->certified && !single)
        return ENOMEM;
    for (size_t k = 0; k < rows->d.rows * XO_STRIP; k++) {
        size_t row = k / XO_STRIP, lane = k % XO_STRIP, inputs = rows->d.inputs;
        const uint16_t *rung = rows->active.rung + row * inputs;
        current[k] = single ? (double)single[k]
                            : exact_current(s->exact[0], rung, rows->active.count[row], inputs, lane)
                                  - exact_current(s->exact[1], rung, rows->active.count[row], inputs, lane);
    }
    return 0;
}
