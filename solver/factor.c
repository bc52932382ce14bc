/* Programming the array: conductances onto links, what hangs together, the engine's numbers, the certificate's w.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include "memory.h"
#include "newton.h"

int xo_check_cells(const xo_circuit *c, const double *cell_siemens, struct xo_info *info)
{
    for (size_t k = 0; k < c->rows * c->columns; k++) {
        double g = cell_siemens[k];
        if (!(g == 0 || (g >= XO_MIN_SIEMENS && g <= XO_MAX_SIEMENS)))
            return xo_fail(info, XO_EVALUE, "cell (%zu, %zu) has %s%g S; expected 0 or %g..%g S", k / c->columns,
                           k % c->columns, g < 0 ? "a negative conductance, " : "", g,
                           XO_MIN_SIEMENS, XO_MAX_SIEMENS);
    }
    return 0;
}

dd xo_cell_and_series(double g, double series_ohm)
{
    if (g == 0 || series_ohm == 0)
        return (dd){g, 0};
    if (series_ohm == XO_OPEN)
        return (dd){0, 0};
    return dd_divide((dd){g, 0}, dd_add((dd){1, 0}, dd_two_product(g, series_ohm)));
}

static void set_siemens(xo_factor *f, const double *cell_siemens)
{
    const xo_circuit *c = f->plan->circuit;
    if (f->gate)
        xo_gate_cells(c, f->gate, f->series_ohm);
    for (size_t k = 0; k < c->rows * c->columns; k++)
        f->cell_siemens[k] = c->fixed_siemens[k] < 0 ? cell_siemens[k] : c->fixed_siemens[k];
    for (size_t e = 0; e < c->links; e++) {
        size_t b = (size_t)c->link_branch[e];
        f->siemens[e] = b < c->first[XO_ROW_WIRE] ? xo_cell_and_series(f->cell_siemens[b], xo_series_ohm(f, b))
                                                  : dd_divide((dd){1, 0}, (dd){c->ohm[b], 0});
        f->link_count[c->link_a[e]]++;
        f->link_count[c->link_b[e]]++;
    }
}

static void scratch_free(struct xo_scratch *s)
{
    free(s->volt);
    free(s->amp);
    free(s->x);
    free(s->ratio);
    free(s->inject);
    free(s->terminal_bound);
    free(s->terminal_rounding);
    free(s->final_bound);
    free(s->scale);
    free(s->least_scale);
    free(s->terminal_amp);
}

static int scratch_new(struct xo_scratch *s, const xo_factor *f)
{
    const xo_circuit *c = f->plan->circuit;
    s->volt = xo_calloc(xo_vertices(c), sizeof *s->volt);
    s->amp = xo_calloc(xo_vertices(c), sizeof *s->amp);
    s->x = xo_calloc(c->unknowns, sizeof *s->x);
    s->ratio = xo_calloc(f->components.count, sizeof *s->ratio);
    s->inject = xo_calloc(c->unknowns, sizeof *s->inject);
    s->terminal_rounding = xo_calloc(c->terminals, sizeof *s->terminal_rounding);
    s->terminal_bound = xo_calloc(c->terminals, sizeof *s->terminal_bound);
    s->scale = xo_calloc(c->terminals, sizeof *s->scale);
    s->least_scale = xo_calloc(c->terminals, sizeof *s->least_scale);
    s->final_bound = xo_calloc(c->terminals, sizeof *s->final_bound);
    s->terminal_amp = xo_calloc(c->terminals, sizeof *s->terminal_amp);
    return s->volt && s->amp && s->x && s->ratio && s->inject && s->terminal_bound && s->terminal_rounding
                   && s->final_bound && s->terminal_amp && s->scale && s->least_scale ? 0 : ENOMEM;
}

static int allocate(xo_factor *f)
{
    const xo_circuit *c = f->plan->circuit;
    f->siemens = xo_calloc(c->links, sizeof *f->siemens);
    f->cell_siemens = xo_calloc(c->rows * c->columns, sizeof *f->cell_siemens);
    f->link_count = xo_calloc(xo_vertices(c), sizeof *f->link_count);
    f->ceiling_volt = xo_calloc(c->unknowns, sizeof *f->ceiling_volt);
    f->ceiling_amp = xo_calloc(c->unknowns, sizeof *f->ceiling_amp);
    f->self_siemens = xo_calloc(c->columns, sizeof *f->self_siemens);
    f->self_bound = xo_calloc(c->columns, sizeof *f->self_bound);
    f->scratch = xo_calloc((size_t)f->threads, sizeof *f->scratch);
    if (!f->siemens || !f->cell_siemens || !f->link_count || !f->ceiling_volt || !f->ceiling_amp || !f->self_siemens
        || !f->self_bound || !f->scratch)
        return ENOMEM;
    if (f->gate && !(f->series_ohm = xo_calloc(c->rows * c->columns, sizeof *f->series_ohm)))
        return ENOMEM;
    for (size_t j = 0; j < c->columns; j++)
        f->self_siemens[j] = -1;
    return 0;
}

/* The engine works on the network as drawn. */
static int factor_drawn(xo_factor *f, const double *cell_siemens, struct xo_info *info)
{
    const xo_plan *p = f->plan;
    int status = allocate(f);
    if (!status) {
        set_siemens(f, cell_siemens);
        if (p->circuit->laws && (status = xo_nonlinear_new(f, info)))
            return status;
        status = xo_components_find(f);
    }
    for (int t = 0; t < f->threads && !status; t++)
        status = scratch_new(&f->scratch[t], f);
    if (status)
        xo_fail(info, status, "out of memory for %zu unknowns", p->circuit->unknowns);
    else if (p->circuit->unknowns)
        status = p->table->factor(f, info);
    if (!status)
        f->proven = xo_certificate_prepare(f);
    if (!status && f->nonlinear)
        status = xo_nonlinear_start(f, info);
    return status;
}

/* The engine works on the description; its certificate comes with each input. */
static int factor_lines(xo_factor *f, const double *cell_siemens, struct xo_info *info)
{
    int status = f->plan->table->program(f, cell_siemens);
    f->proven = true;
    return status ? xo_fail(info, status, "out of memory for %zu unknowns", f->plan->circuit->nodes) : 0;
}

static int factor_with(xo_factor **out, const xo_plan *p, const double *cell_siemens, const double *gate,
                       struct xo_info *info)
{
    xo_factor *f = xo_calloc(1, sizeof *f);
    if (!f)
        return xo_fail(info, ENOMEM, "out of memory");
    f->plan = p;
    f->gate = gate;
    f->threads = gate || p->table->one_thread || p->options.threads < 1 ? 1 : p->options.threads;
    int status = (p->table->program ? factor_lines : factor_drawn)(f, cell_siemens, info);
    if (status)
        xo_factor_free(f);
    else
        *out = f;
    return status;
}

/* Another engine on the same circuit; the factor owns its plan. */
static int factor_again(xo_factor **out, const xo_plan *p, enum xo_engine engine, const char *reason,
                        const double *cell_siemens, const double *gate, struct xo_info *info)
{
    xo_plan *own = NULL;
    int status = xo_plan_direct(&own, p, engine, reason, info);
    if (!status)
        status = factor_with(out, own, cell_siemens, gate, info);
    if (status)
        xo_plan_free(own);
    else
        (*out)->own_plan = own;
    return status;
}

/* Does this, or the lack of it, ask for elimination without subtraction, which cannot break down? */
static bool broke_down(int status, const xo_factor *f)
{
    return status == XO_ESINGULAR || (!status && !f->proven && f->plan->engine != XO_ENGINE_STARMESH);
}

/* Auto without line: the best direct engine, or starmesh where that breaks down. */
static int factor_direct(xo_factor **out, const xo_plan *p, const char *reason, const double *cell_siemens,
                         const double *gate, struct xo_info *info)
{
    xo_factor *f = NULL;
    int status = p->table->program ? factor_again(&f, p, XO_ENGINE_AUTO, reason, cell_siemens, gate, info)
                                   : factor_with(&f, p, cell_siemens, gate, info);
    if (broke_down(status, f)) {
        xo_factor_free(f);
        f = NULL;
        status = factor_again(&f, p, XO_ENGINE_STARMESH, "Cholesky broke down or could not be certified: elimination "
                              "without subtraction", cell_siemens, gate, info);
    }
    if (!status)
        *out = f;
    return status;
}

int xo_factor_new(xo_factor **out, const xo_plan *p, const double *cell_siemens, struct xo_info *info)
{
    int status = xo_check_cells(p->circuit, cell_siemens, info);
    bool is_auto = p->options.engine == XO_ENGINE_AUTO;
    if (status)
        return status;
    if (!is_auto || (p->table->program && xo_line_pays(p->circuit, cell_siemens, p->options.inputs)))
        return factor_with(out, p, cell_siemens, NULL, info);
    return factor_direct(out, p, NULL, cell_siemens, NULL, info);
}

int xo_factor_gated(xo_factor **out, const xo_plan *p, const double *cell_siemens, const double *gate,
                    struct xo_info *info)
{
    return p->options.engine == XO_ENGINE_AUTO ? factor_direct(out, p, NULL, cell_siemens, gate, info)
                                               : factor_with(out, p, cell_siemens, gate, info);
}

bool xo_factor_may_turn(const xo_factor *f)
{
    const xo_circuit *c = f->plan->circuit;
    return f->plan->table->program && f->plan->options.engine == XO_ENGINE_AUTO
           && c->rows * c->columns <= XO_DIRECT_CELLS;
}

static void clear(xo_factor *f);

static int replace(xo_factor *f, int status, xo_factor *by)
{
    if (status)
        return status;
    clear(f);
    *f = *by;
    free(by);
    return 0;
}

int xo_factor_turn(xo_factor *f, const char *reason, struct xo_info *info)
{
    const xo_circuit *c = f->plan->circuit;
    xo_factor *other = NULL;
    if (!f->cell_siemens) {
        f->cell_siemens = xo_calloc(c->rows * c->columns, sizeof *f->cell_siemens);
        if (!f->cell_siemens)
            return xo_fail(info, ENOMEM, "out of memory for %zu cells", c->rows * c->columns);
        f->plan->table->recall_cells(f, f->cell_siemens);
    }
    if (!reason)
        reason = f->given_up ? "conjugate gradients converge so slowly that a factor costs less"
                             : "conjugate gradients did not reach their certificate: a factor";
    int status = factor_direct(&other, f->plan, reason, f->cell_siemens, f->gate, info);
    return replace(f, status, other);
}

bool xo_factor_may_turn_nonlinear(const xo_factor *f)
{
    return f->nonlinear && f->plan->options.engine == XO_ENGINE_AUTO && f->plan->engine != XO_ENGINE_STARMESH;
}

int xo_factor_turn_nonlinear(xo_factor *f, struct xo_info *info)
{
    xo_factor *other = NULL;
    int status = factor_again(&other, f->plan, XO_ENGINE_STARMESH, "a step of Newton's method broke Cholesky down or "
                              "was not proven: elimination without subtraction", f->cell_siemens, f->gate, info);
    status = replace(f, status, other);
    for (int t = 0; !status && t < f->threads; t++)
        f->nonlinear->thread[t].base = f;          /* no longer other */
    return status;
}

int xo_factor_renew(xo_factor *f, struct xo_info *info)
{
    const struct xo_engine_table *table = f->plan->table;
    if (f->state && table->refactor)
        return table->refactor(f, info);
    table->factor_free(f->state);
    f->state = NULL;
    return table->factor(f, info);
}

enum xo_engine xo_factor_engine(const xo_factor *f) { return f->plan->engine; }
const char *xo_factor_reason(const xo_factor *f) { return f->plan->reason; }

double xo_factor_operations(const xo_factor *f)
{
    return f->plan->table->operations ? f->plan->table->operations(f) : 0;
}

static void clear(xo_factor *f)
{
    f->plan->table->factor_free(f->state);
    xo_nonlinear_free(f->nonlinear, f->threads);
    for (int t = 0; f->scratch && t < f->threads; t++)
        scratch_free(&f->scratch[t]);
    xo_components_free(&f->components);
    free(f->siemens);
    free(f->cell_siemens);
    free(f->series_ohm);
    free(f->link_count);
    free(f->ceiling_volt);
    free(f->ceiling_amp);
    free(f->self_siemens);
    free(f->self_bound);
    free(f->scratch);
    xo_plan_free(f->own_plan);
}

void xo_factor_free(xo_factor *f)
{
    if (!f)
        return;
    clear(f);
    free(f);
}
