/* The list of engines, and the choice among them.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"
#include "plan.h"

static const struct xo_engine_table *const engine_table[] = {
    [XO_ENGINE_CHOLMOD] = &xo_cholmod_engine,
    [XO_ENGINE_KLU] = &xo_klu_engine,
    [XO_ENGINE_STARMESH] = &xo_starmesh_engine,
    [XO_ENGINE_LINE] = &xo_line_engine,
    [XO_ENGINE_LADDER] = &xo_ladder_engine,
};
#define ENGINES (sizeof engine_table / sizeof *engine_table)

const char *xo_engine_name(enum xo_engine engine)
{
    if (engine == XO_ENGINE_AUTO)
        return "auto";
    return (size_t)engine < ENGINES ? engine_table[engine]->name : "?";
}

int xo_engine_parse(enum xo_engine *out, const char *name)
{
    for (size_t k = 0; k < ENGINES; k++)
        if (!strcmp(name, xo_engine_name((enum xo_engine)k))) {
            *out = (enum xo_engine)k;
            return 0;
        }
    return XO_EVALUE;
}

/* Cholesky is the fastest way to a few inputs; star-mesh elimination cannot lose digits where wires are so much
 * better conductors than what ties the array to its terminals that Cholesky's pivots cancel. */
static enum xo_engine choose(const xo_circuit *c, const char **reason)
{
    double least_ohm = INFINITY, most_contact_ohm = 0;
    if (xo_has_shared_source(c)) {
        *reason = "columns are ladders: rung by rung";
        return XO_ENGINE_LADDER;
    }
    for (size_t b = c->first[XO_ROW_WIRE]; b < xo_branches(c); b++) {
        bool wire = b < c->first[XO_DRIVER];
        if (c->ohm[b] == 0 || c->ohm[b] == XO_OPEN)
            continue;
        if (wire && c->ohm[b] < least_ohm)
            least_ohm = c->ohm[b];
        if (!wire && c->ohm[b] > most_contact_ohm)
            most_contact_ohm = c->ohm[b];
    }
    if (most_contact_ohm > 1e9 * least_ohm) {
        *reason = "terminals over a billion times more resistive than wires: elimination without subtraction";
        return XO_ENGINE_STARMESH;
    }
    *reason = "sparse Cholesky with refinement is the fastest for direct solves";
    return XO_ENGINE_CHOLMOD;
}

/* The circuit the engine works on: every engine but line needs the network drawn. */
static int set_circuit(xo_plan *p, const xo_circuit *c, struct xo_info *info)
{
    bool lines = p->engine == XO_ENGINE_LINE;
    p->circuit = c;
    if (lines && !c->lines)
        return xo_fail(info, XO_EUNSUPPORTED, "engine line takes no nonlinear cells, no bridges between lines and no "
                       "wire, driver or sense of 0 ohm; expected another engine");
    if (lines || !c->lines)
        return 0;
    int status = xo_circuit_draw(&p->own_circuit, c, info);
    if (!status)
        p->circuit = p->own_circuit;
    return status;
}

static int make_plan(xo_plan *p, struct xo_info *info)
{
    const xo_circuit *c = p->circuit;
    int status = ENOMEM;
    if (p->engine == XO_ENGINE_AUTO)
        p->engine = choose(c, &p->reason);
    p->table = engine_table[p->engine];
    if (p->table->program)
        return 0;
    p->order = xo_calloc(c->unknowns, sizeof *p->order);
    if (p->order)
        status = xo_order(p->order, c);
    if (status)
        return xo_fail(info, status, "out of memory for a plan of %zu unknowns", c->unknowns);
    return c->unknowns ? p->table->plan(p, info) : 0;
}

int xo_plan_new(xo_plan **out, const xo_circuit *c, const struct xo_options *options, struct xo_info *info)
{
    xo_plan *p = xo_calloc(1, sizeof *p);
    if (!p)
        return xo_fail(info, ENOMEM, "out of memory");
    p->options = options ? *options : (struct xo_options){0};
    p->engine = p->options.engine;
    p->reason = "asked for";
    if (p->engine == XO_ENGINE_AUTO && c->lines) {
        p->engine = XO_ENGINE_LINE;
        p->reason = "few iterations expected: conjugate gradients cost less than a factor";
    }
    if ((size_t)p->engine >= ENGINES) {
        free(p);
        return xo_fail(info, XO_EVALUE, "engine %d is unknown; expected one of enum xo_engine", (int)options->engine);
    }
    int status = set_circuit(p, c, info);
    if (!status)
        status = make_plan(p, info);
    if (status)
        xo_plan_free(p);
    else
        *out = p;
    return status;
}

int xo_plan_direct(xo_plan **out, const xo_plan *instead_of, enum xo_engine engine, const char *reason,
                   struct xo_info *info)
{
    xo_plan *p = xo_calloc(1, sizeof *p);
    if (!p)
        return xo_fail(info, ENOMEM, "out of memory");
    p->options = instead_of->options;
    p->engine = engine;
    int status = set_circuit(p, instead_of->circuit, info);
    if (!status)
        status = make_plan(p, info);
    if (reason)
        p->reason = reason;
    if (status)
        xo_plan_free(p);
    else
        *out = p;
    return status;
}

void xo_plan_free(xo_plan *p)
{
    if (!p)
        return;
    if (p->table && p->table->plan_free)
        p->table->plan_free(p->state);
    xo_circuit_free(p->own_circuit);
    free(p->order);
    free(p);
}

enum xo_engine xo_plan_engine(const xo_plan *p) { return p->engine; }
