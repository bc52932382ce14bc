/* Placing cells under their law, and the memory of Newton's method.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "newton.h"

void xo_whole_cells(xo_factor *f)
{
    const xo_circuit *c = f->plan->circuit;
    for (size_t e = 0; e < c->links && (size_t)c->link_branch[e] < c->first[XO_ROW_WIRE]; e++)
        f->whole_cells[c->link_branch[e]] = f->siemens[e];
}

/* Slope or secant of a cell at the reference voltage of its device. */
static double reference_siemens(const struct xo_laws *laws, const struct xo_cell *cell, double reference_volt)
{
    struct xo_cell_point p;
    xo_cell_at(laws, cell, reference_volt, reference_volt, &p);
    return p.amp > 0 || p.amp < 0 ? p.amp / reference_volt : p.siemens;
}

static int place_cells(xo_factor *f, struct xo_info *info)
{
    const xo_circuit *c = f->plan->circuit;
    struct xo_nonlinear *k = f->nonlinear;
    struct xo_info why = {""};
    for (size_t e = 0; e < k->cells; e++) {
        size_t b = (size_t)c->link_branch[e];
        int status = xo_cell_place(c->laws, f->cell_siemens[b], xo_series_ohm(f, b), &k->cell[e], &why);
        if (status)
            return xo_fail(info, status, "cell (%zu, %zu) %s", b / c->columns, b % c->columns, why.text);
        f->siemens[e] = (dd){reference_siemens(c->laws, &k->cell[e], c->laws->reference_volt), 0};
    }
    return 0;
}

static void newton_free(struct xo_newton *n)
{
    if (n->linear.plan)
        n->linear.plan->table->factor_free(n->linear.state);
    free(n->linear.siemens);
    free(n->linear.whole_cells);
    free(n->linear.ceiling_volt);
    free(n->linear.ceiling_amp);
    free(n->linear.self_siemens);
    free(n->linear.self_bound);
    free(n->volt);
    free(n->trial);
    free(n->amp);
    free(n->size);
    free(n->law_size);
    free(n->step);
    free(n->point);
    free(n->bound);
}

/* The linear array shares what does not change with the one it is made from. */
static int linear_new(xo_factor *l, const xo_factor *base)
{
    const xo_circuit *c = base->plan->circuit;
    *l = (xo_factor){.plan = base->plan, .link_count = base->link_count, .components = base->components,
                     .cell_siemens = base->cell_siemens, .series_ohm = base->series_ohm, .threads = 1};
    l->siemens = xo_calloc(c->links, sizeof *l->siemens);
    l->whole_cells = xo_calloc(c->rows * c->columns, sizeof *l->whole_cells);
    l->ceiling_volt = xo_calloc(c->unknowns, sizeof *l->ceiling_volt);
    l->ceiling_amp = xo_calloc(c->unknowns, sizeof *l->ceiling_amp);
    l->self_siemens = xo_calloc(c->columns, sizeof *l->self_siemens);
    l->self_bound = xo_calloc(c->columns, sizeof *l->self_bound);
    if (!l->siemens || !l->whole_cells || !l->ceiling_volt || !l->ceiling_amp || !l->self_siemens || !l->self_bound)
        return ENOMEM;
    memcpy(l->siemens, base->siemens, c->links * sizeof *l->siemens);
    return 0;
}

static int newton_new(struct xo_newton *n, const xo_factor *base)
{
    const xo_circuit *c = base->plan->circuit;
    n->base = base;
    n->volt = xo_calloc(xo_vertices(c), sizeof *n->volt);
    n->trial = xo_calloc(xo_vertices(c), sizeof *n->trial);
    n->amp = xo_calloc(xo_vertices(c), sizeof *n->amp);
    n->size = xo_calloc(xo_vertices(c), sizeof *n->size);
    n->law_size = xo_calloc(xo_vertices(c), sizeof *n->law_size);
    n->step = xo_calloc(c->unknowns, sizeof *n->step);
    n->point = xo_calloc(base->nonlinear->cells, sizeof *n->point);
    n->bound = xo_calloc(c->terminals, sizeof *n->bound);
    if (!n->volt || !n->trial || !n->amp || !n->size || !n->law_size || !n->step || !n->point || !n->bound)
        return ENOMEM;
    return linear_new(&n->linear, base);
}

int xo_nonlinear_new(xo_factor *f, struct xo_info *info)
{
    const xo_circuit *c = f->plan->circuit;
    struct xo_nonlinear *k = f->nonlinear = xo_calloc(1, sizeof *k);
    if (k) {
        while (k->cells < c->links && (size_t)c->link_branch[k->cells] < c->first[XO_ROW_WIRE])
            k->cells++;
        k->cell = xo_calloc(k->cells, sizeof *k->cell);
        k->thread = xo_calloc((size_t)f->threads, sizeof *k->thread);
    }
    if (!k || !k->cell || !k->thread)
        return xo_fail(info, ENOMEM, "out of memory for %zu cells", c->rows * c->columns);
    return place_cells(f, info);
}

int xo_nonlinear_start(xo_factor *f, struct xo_info *info)
{
    int status = 0;
    for (int t = 0; t < f->threads && !status; t++)
        status = newton_new(&f->nonlinear->thread[t], f);
    return status ? xo_fail(info, status, "out of memory for Newton's method") : 0;
}

void xo_nonlinear_free(struct xo_nonlinear *k, int threads)
{
    if (!k)
        return;
    for (int t = 0; k->thread && t < threads; t++)
        newton_free(&k->thread[t]);
    free(k->thread);
    free(k->cell);
    free(k);
}
