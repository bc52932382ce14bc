/* A certified twin of every strip: conductance matrices by sparse Cholesky, every entry proven, in float64.  By
 * linearity column currents from them are those of an exact solve for the same inputs.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include "audit.h"
#include "memory.h"

int xo_layer_circuit(struct xo_layer_circuit *out, const struct xo_hardware *h, struct xo_info *info)
{
    const struct xo_options options = { .engine = XO_ENGINE_CHOLMOD };
    struct xo_layer_circuit c = { 0 };
    struct xo_crossbar array;
    int status = xo_driven_crossbar(&array, &c.driver_ohm, h);
    if (!status)
        status = xo_circuit_new(&c.circuit, &array, info);
    if (!status)
        status = xo_plan_new(&c.plan, c.circuit, &options, info);
    if (status)
        xo_layer_circuit_free(&c);
    else
        *out = c;
    return status;
}

void xo_layer_circuit_free(struct xo_layer_circuit *c)
{
    xo_plan_free(c->plan);
    xo_circuit_free(c->circuit);
    free(c->driver_ohm);
    *c = (struct xo_layer_circuit){ 0 };
}

/* ---- one block ------------------------------------------------------------------------------------- */

/* Room for the arrays of a block; one for each thread. */
struct block {
    struct xo_array_layer *l;
    const xo_plan *plan;
    uint16_t *digit;
    double *siemens;                   /* [rows][columns] as programmed   */
    double *g_ni, *offset;             /* [planes][rows][columns], [planes][columns] */
    double bound_rel;
};

static int block_new(struct block *b, struct xo_array_layer *l, const xo_plan *plan)
{
    size_t cells = l->hardware->array.rows * l->hardware->array.columns, planes = l->layout.planes;
    *b = (struct block){ l, plan, xo_calloc(cells, sizeof *b->digit), xo_calloc(cells, sizeof *b->siemens),
                         xo_calloc(planes, cells * sizeof *b->g_ni),
                         xo_calloc(planes, l->hardware->array.columns * sizeof *b->offset), 0 };
    return b->digit && b->siemens && b->g_ni && b->offset ? 0 : ENOMEM;
}

static void block_free(struct block *b)
{
    free(b->digit);
    free(b->siemens);
    free(b->g_ni);
    free(b->offset);
}

static int solve_plane(struct block *b, const struct xo_site_of_block *at, size_t plane, struct xo_info *info)
{
    const struct xo_crossbar *x = &b->l->hardware->array;
    struct xo_matrix_result m = { .g_ni_siemens = b->g_ni + plane * x->rows * x->columns,
                                  .offset_amp = b->offset + plane * x->columns };
    xo_factor *factor = NULL;
    xo_program_cells(b->siemens, b->digit, b->l, at->matrix, at->row_block, at->column_block, plane);
    int status = xo_factor_new(&factor, b->plan, b->siemens, info);
    if (!status)
        status = xo_matrix(factor, &m, info);
    b->bound_rel = fmax(b->bound_rel, m.worst_bound_rel);
    xo_factor_free(factor);
    return status;
}

/* One lane: in units of a weight level and of I_unit, plus less minus. */
static void take_lane(const struct block *b, const struct xo_row_block *r, struct xo_strip *s, size_t lane)
{
    const struct xo_array_layer *l = b->l;
    const struct xo_conversion *c = &l->layout.conversion[s->lane[lane].conversion % l->layout.conversions];
    size_t columns = l->hardware->array.columns, cells = l->hardware->array.rows * columns;
    double step = xo_step_siemens(l), offset = b->offset[c->plane * columns + c->column];
    for (size_t i = 0; i < r->inputs; i++) {
        double g = b->g_ni[c->plane * cells + i * columns + c->column];
        if (c->minus_plane != XO_NONE)
            g -= b->g_ni[c->minus_plane * cells + i * columns + c->minus_column];
        s->certified[i * XO_STRIP + lane] = g / step;
    }
    if (c->minus_plane != XO_NONE)
        offset -= b->offset[c->minus_plane * columns + c->minus_column];
    s->certified[r->inputs * XO_STRIP + lane] = offset / l->unit_ampere;
}

static void take_strips(const struct block *b, const struct xo_row_block *r, struct xo_strip *strip, size_t strips,
                        size_t block)
{
    for (size_t k = 0; k < strips; k++)
        for (size_t lane = 0; lane < XO_STRIP; lane++)
            if (lane % XO_HALF < strip[k].half[lane / XO_HALF].count &&
                strip[k].lane[lane].conversion / b->l->layout.conversions == block)
                take_lane(b, r, &strip[k], lane);
}

static int certify_block(struct block *b, const struct xo_site_of_block *at, size_t block, struct xo_info *info)
{
    const struct xo_row_block *r = &b->l->array.bank[at->matrix].row[at->row_block];
    int status = 0;
    for (size_t plane = 0; plane < b->l->layout.planes && !status; plane++)
        status = solve_plane(b, at, plane, info);
    if (!status) {
        take_strips(b, r, r->strip, r->strips, block);
        take_strips(b, r, r->reference, r->references, block);
    }
    return status;
}

/* ---- all of them ------------------------------------------------------------------------------------ */

static int make_room(struct xo_array_layer *l)
{
    for (size_t m = 0; m < l->codes.matrices; m++)
        for (size_t n = 0; n < l->array.bank[m].rows; n++) {
            struct xo_row_block *r = &l->array.bank[m].row[n];
            for (size_t k = 0; k < r->strips + r->references; k++) {
                struct xo_strip *s = k < r->strips ? &r->strip[k] : &r->reference[k - r->strips];
                s->certified = xo_arena_alloc(&l->arena, r->inputs + 1, XO_STRIP * sizeof *s->certified);
                if (!s->certified)
                    return ENOMEM;
            }
        }
    return 0;
}

struct xo_site_of_block *xo_sites_of(const struct xo_array_layer *l)
{
    struct xo_site_of_block *site = xo_calloc(l->blocks, sizeof *site);
    size_t at = 0;
    for (size_t m = 0; site && m < l->codes.matrices; m++)
        for (size_t r = 0; r < xo_layout_row_blocks(&l->layout, &l->codes.matrix[m]); r++)
            for (size_t c = 0; c < xo_layout_column_blocks(&l->layout, &l->codes.matrix[m]); c++)
                if (xo_layout_block_used(&l->layout, &l->codes.matrix[m], r, c))
                    site[at++] = (struct xo_site_of_block){ m, r, c };
    return site;
}

static int certify_layer(struct xo_array_layer *l, int threads, double *bound_rel, struct xo_info *info)
{
    if (l->array.fitted)               /* has no such matrix: array_currents.c */
        return 0;
    if (l->array.ladder)
        return xo_certify_ladders(l, bound_rel, info);
    struct xo_layer_circuit c = { 0 };
    struct xo_site_of_block *site = xo_sites_of(l);
    int status = site ? make_room(l) : ENOMEM;
    if (!status)
        status = xo_layer_circuit(&c, l->hardware, info);
    #pragma omp parallel num_threads(threads)
    {
        struct block b = { 0 };
        struct xo_info why = { "" };
        int failed = status ? status : block_new(&b, l, c.plan);
        #pragma omp for schedule(dynamic)
        for (size_t k = 0; k < l->blocks; k++)
            failed = failed ? failed : certify_block(&b, &site[k], k, &why);
        #pragma omp critical(xo_certify)
        {
            *bound_rel = fmax(*bound_rel, b.bound_rel);
            if (failed && !status && info)
                *info = why;
            status = status ? status : failed;
        }
        block_free(&b);
    }
    xo_layer_circuit_free(&c);
    free(site);
    return status;
}

int xo_certify_arrays(xo_engine_dnn *e, int threads, double *bound_rel, struct xo_info *info)
{
    int status = 0;
    *bound_rel = 0;
    for (size_t k = 0; k < e->layers && !status; k++)
        if (e->layer[k].hardware)
            status = certify_layer(&e->layer[k], threads < 1 ? 1 : threads, bound_rel, info);
    return status;
}
