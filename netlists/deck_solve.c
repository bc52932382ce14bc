/* The operating point of a deck: modified nodal equations (Ho, Ruehli, Brennan 1975) factored by KLU (Davis,
 * Palamadai Natarajan, ACM TOMS 37(3), 2010), refined with residuals in double-double.
 *
 *   at every node    sum of g (v_other - v) - sum of branch currents leaving it + injected = 0
 *   at every branch  v_from - v_to = volt: 0 V for zero ohm, else the source's
 * A zero-ohm resistor that closes a loop of zero ohm carries an undefined share of it and is left out; a voltage
 * source that closes one has no current of its own: an error.  Nodes that nothing ties to ground have voltages only
 * up to a constant: one of them is tied for solving, and all are NaN in the end.
 *
 * Where conductances at a node span more than about 1e15 (1e15 ohm beside 1e-3), the small one is lost in the sum and
 * the factorisation breaks down, or refinement does not arrive: an error, never a wrong answer.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <suitesparse/klu.h>
#include "dd.h"
#include "deck.h"
#include "memory.h"
#include "union_find.h"

#define MOST_STEPS 20
#define WORST_ACCEPTED 1e-12           /* of the currents at a node */
#define NOISE 1e-18                    /* of g |v|: where all but nothing flows, double-double itself is the limit */

struct mna {
    const xo_deck *d;
    int32_t nodes, size;               /* unknowns: node voltages, then branch currents                    */
    int32_t *branch;                   /* [size - nodes] elements                                          */
    int32_t *component;                /* [nodes + 1] root of what conducts; ground is place `nodes`       */
    bool *tied;                        /* [nodes] stands in for ground in a component without it           */
    int32_t *start, *row;
    double *value;
    dd *siemens;                       /* [elements] of resistors that are not zero ohm                    */
    dd *x;                             /* [size]                                                           */
    dd *rest;                          /* [size] what is left of every equation                            */
    double *amount;                    /* [nodes] sum of the magnitudes of the currents there, and noise   */
    double *dense;                     /* [size]                                                           */
    klu_common common;
    klu_symbolic *symbolic;
    klu_numeric *numeric;
};

static void release(struct mna *m)
{
    if (m->numeric)
        klu_free_numeric(&m->numeric, &m->common);
    if (m->symbolic)
        klu_free_symbolic(&m->symbolic, &m->common);
    free(m->branch);
    free(m->component);
    free(m->tied);
    free(m->start);
    free(m->row);
    free(m->value);
    free(m->siemens);
    free(m->x);
    free(m->rest);
    free(m->amount);
    free(m->dense);
}

static bool is_zero(double value) { return fpclassify(value) == FP_ZERO; }

static bool is_zero_ohm(const struct xo_element *e)
{
    return e->kind == XO_RESISTOR && is_zero(e->value);
}

static bool is_conductor(const struct xo_element *e)
{
    return e->kind == XO_RESISTOR && !is_zero(e->value) && e->from != e->to;
}

static int32_t place(const struct mna *m, int32_t node) { return node == XO_GROUND ? m->nodes : node; }

static const char *name_of(const struct mna *m, int32_t node)
{
    return node == XO_GROUND ? "0" : xo_deck_node_name(m->d, (size_t)node);
}

/* ---- what carries a current of its own ------------------------------------------------------------ */

/* A spanning forest: zero ohm first, then voltage sources, which must not close a loop. */
static int list_branches(struct mna *m, int32_t *parent, struct xo_info *info)
{
    const xo_deck *d = m->d;
    for (int32_t k = 0; k <= m->nodes; k++)
        parent[k] = k;
    m->size = m->nodes;
    for (int pass = 0; pass < 2; pass++)
        for (size_t k = 0; k < d->count; k++) {
            const struct xo_element *e = &d->element[k];
            if (pass == 0 ? !is_zero_ohm(e) : e->kind != XO_VOLTAGE_SOURCE)
                continue;
            int32_t a = xo_root(parent, place(m, e->from)), b = xo_root(parent, place(m, e->to));
            if (a == b && pass == 1)
                return xo_fail(info, XO_ECONFLICT, "%s closes a loop of voltage sources and zero ohm between %s and "
                               "%s; expected a resistance in it", e->name, name_of(m, e->from), name_of(m, e->to));
            if (a == b)
                continue;
            parent[a] = b;
            m->branch[m->size++ - m->nodes] = (int32_t)k;
        }
    return 0;
}

/* Go on joining over conductors; then every component without ground gets a node that stands in for it. */
static int find_components(struct mna *m, struct xo_info *info)
{
    const xo_deck *d = m->d;
    for (size_t k = 0; k < d->count; k++) {
        const struct xo_element *e = &d->element[k];
        if (is_conductor(e))
            m->component[xo_root(m->component, place(m, e->from))] = xo_root(m->component, place(m, e->to));
    }
    int32_t ground = xo_root(m->component, m->nodes);
    for (int32_t k = 0; k <= m->nodes; k++)
        m->component[k] = xo_root(m->component, k);
    for (int32_t k = 0; k < m->nodes; k++)
        m->tied[k] = m->component[k] == k && k != ground;
    for (size_t k = 0; k < d->count; k++) {
        const struct xo_element *e = &d->element[k];
        int32_t a = m->component[place(m, e->from)], b = m->component[place(m, e->to)];
        if (e->kind == XO_CURRENT_SOURCE && !is_zero(e->value) && a != b)
            return xo_fail(info, XO_ECONFLICT, "%s drives a current between %s and %s, which no resistor or voltage "
                           "source leads back; expected a closed path", e->name, name_of(m, e->from),
                           name_of(m, e->to));
    }
    return 0;
}

/* ---- the matrix ----------------------------------------------------------------------------------- */

static void put(struct mna *m, int32_t *fill, int32_t row, int32_t column, double value)
{
    if (row == XO_GROUND || column == XO_GROUND)
        return;
    if (m->row) {
        m->row[fill[column]] = row;
        m->value[fill[column]] = value;
    }
    fill[column]++;
}

/* Every entry, with repetitions; without arrays to put them into they are counted. */
static void stamp(struct mna *m, int32_t *fill)
{
    const xo_deck *d = m->d;
    for (size_t k = 0; k < d->count; k++) {
        const struct xo_element *e = &d->element[k];
        double g = m->siemens[k].hi;
        if (!is_conductor(e))
            continue;
        put(m, fill, e->from, e->from, g);
        put(m, fill, e->to, e->to, g);
        put(m, fill, e->from, e->to, -g);
        put(m, fill, e->to, e->from, -g);
    }
    for (int32_t s = m->nodes; s < m->size; s++) {
        const struct xo_element *e = &d->element[m->branch[s - m->nodes]];
        put(m, fill, e->from, s, 1);
        put(m, fill, e->to, s, -1);
        put(m, fill, s, e->from, 1);
        put(m, fill, s, e->to, -1);
    }
    for (int32_t k = 0; k < m->nodes; k++)
        if (m->tied[k])
            put(m, fill, k, k, 1);
}

/* Add up entries of one row within each column.  at [size] is scratch. */
static void compress(struct mna *m, int32_t *at)
{
    int32_t end = 0;
    for (int32_t k = 0; k < m->size; k++)
        at[k] = -1;
    for (int32_t column = 0; column < m->size; column++) {
        int32_t begin = end;
        for (int32_t e = m->start[column]; e < m->start[column + 1]; e++) {
            int32_t row = m->row[e];
            if (at[row] >= begin) {
                m->value[at[row]] += m->value[e];
                continue;
            }
            at[row] = end;
            m->row[end] = row;
            m->value[end++] = m->value[e];
        }
        m->start[column] = begin;
    }
    m->start[m->size] = end;
}

static int build(struct mna *m)
{
    const xo_deck *d = m->d;
    int32_t *fill = xo_calloc((size_t)m->size + 1, sizeof *fill);
    m->start = xo_calloc((size_t)m->size + 1, sizeof *m->start);
    m->siemens = xo_calloc(d->count, sizeof *m->siemens);
    if (!fill || !m->start || !m->siemens) {
        free(fill);
        return ENOMEM;
    }
    for (size_t k = 0; k < d->count; k++)
        if (is_conductor(&d->element[k]))
            m->siemens[k] = dd_divide((dd){1, 0}, (dd){d->element[k].value, 0});
    stamp(m, fill);
    for (int32_t k = 0; k < m->size; k++) {
        m->start[k + 1] = m->start[k] + fill[k];
        fill[k] = m->start[k];
    }
    m->row = xo_calloc((size_t)m->start[m->size], sizeof *m->row);
    m->value = xo_calloc((size_t)m->start[m->size], sizeof *m->value);
    int status = m->row && m->value ? 0 : ENOMEM;
    if (!status) {
        stamp(m, fill);
        compress(m, fill);
    }
    free(fill);
    return status;
}

static int factor(struct mna *m, struct xo_info *info)
{
    klu_defaults(&m->common);
    m->symbolic = klu_analyze(m->size, m->start, m->row, &m->common);
    if (m->symbolic)
        m->numeric = klu_factor(m->start, m->row, m->value, m->symbolic, &m->common);
    if (m->numeric && m->common.status == KLU_OK)
        return 0;
    int status = m->common.status == KLU_SINGULAR ? XO_ESINGULAR
                 : m->common.status == KLU_TOO_LARGE ? XO_ETOOBIG : ENOMEM;
    return xo_fail(info, status, "klu: cannot factor %d equations: %s", m->size, xo_strerror(status));
}

/* ---- solving -------------------------------------------------------------------------------------- */

static dd volt_at(const struct mna *m, int32_t node)
{
    return node == XO_GROUND ? (dd){0, 0} : m->x[node];
}

static void flow(struct mna *m, int32_t from, int32_t to, dd amp, double noise)
{
    if (from != XO_GROUND) {
        m->rest[from] = dd_subtract(m->rest[from], amp);
        m->amount[from] += fabs(amp.hi) + noise;
    }
    if (to != XO_GROUND) {
        m->rest[to] = dd_add(m->rest[to], amp);
        m->amount[to] += fabs(amp.hi) + noise;
    }
}

/* What is left of every equation at x.  Returns the largest at a node [A]; *share: relative to the currents there. */
static double residual(struct mna *m, double *share)
{
    const xo_deck *d = m->d;
    double worst = 0;
    memset(m->rest, 0, (size_t)m->size * sizeof *m->rest);
    memset(m->amount, 0, (size_t)m->nodes * sizeof *m->amount);
    for (size_t k = 0; k < d->count; k++) {
        const struct xo_element *e = &d->element[k];
        dd from = volt_at(m, e->from), to = volt_at(m, e->to);
        if (is_conductor(e))
            flow(m, e->from, e->to, dd_multiply(m->siemens[k], dd_subtract(from, to)),
                 NOISE * m->siemens[k].hi * (fabs(from.hi) + fabs(to.hi)));
        else if (e->kind == XO_CURRENT_SOURCE)
            flow(m, e->from, e->to, (dd){e->value, 0}, 0);
    }
    for (int32_t s = m->nodes; s < m->size; s++) {
        const struct xo_element *e = &d->element[m->branch[s - m->nodes]];
        dd volt = dd_subtract(volt_at(m, e->from), volt_at(m, e->to));
        flow(m, e->from, e->to, m->x[s], 0);
        m->rest[s] = dd_subtract((dd){e->kind == XO_VOLTAGE_SOURCE ? e->value : 0, 0}, volt);
    }
    *share = 0;
    for (int32_t k = 0; k < m->nodes; k++) {
        if (m->tied[k])                /* the stand-in for ground rests at 0 V */
            m->rest[k] = dd_subtract(m->rest[k], m->x[k]);
        double size = fabs(m->rest[k].hi);
        worst = fmax(worst, size);
        *share = size > 0 ? fmax(*share, size / m->amount[k]) : *share;
    }
    return worst;
}

/* Refine until Kirchhoff's law holds to the last bits, or gets no better. */
static int solve(struct mna *m, double *worst, struct xo_info *info)
{
    double before = INFINITY, share = 0;
    for (int step = 0; step <= MOST_STEPS; step++) {
        *worst = residual(m, &share);
        if (step >= 3 && !(*worst < 0.25 * before))
            break;
        before = step ? *worst : before;
        for (int32_t k = 0; k < m->size; k++)
            m->dense[k] = m->rest[k].hi;
        klu_solve(m->symbolic, m->numeric, m->size, 1, m->dense, &m->common);
        for (int32_t k = 0; k < m->size; k++)
            m->x[k] = dd_add(m->x[k], (dd){m->dense[k], 0});
    }
    if (share <= WORST_ACCEPTED && isfinite(*worst))
        return 0;
    return xo_fail(info, XO_ENOTPROVEN, "klu: Kirchhoff's law holds only to %.2g A, %.2g of the currents at a node; "
                   "expected %g", *worst, share, WORST_ACCEPTED);
}

static int allocate(struct mna *m)
{
    size_t nodes = (size_t)m->nodes, most = nodes + m->d->count;
    m->branch = xo_calloc(m->d->count, sizeof *m->branch);
    m->component = xo_calloc(nodes + 1, sizeof *m->component);
    m->tied = xo_calloc(nodes, sizeof *m->tied);
    m->x = xo_calloc(most, sizeof *m->x);
    m->rest = xo_calloc(most, sizeof *m->rest);
    m->amount = xo_calloc(nodes, sizeof *m->amount);
    m->dense = xo_calloc(most, sizeof *m->dense);
    return m->branch && m->component && m->tied && m->x && m->rest && m->amount && m->dense ? 0 : ENOMEM;
}

static void store(const struct mna *m, double *node_volt, double *source_amp)
{
    const xo_deck *d = m->d;
    int32_t s = m->size - (int32_t)d->sources;             /* sources come last, in the deck's order */
    for (int32_t k = 0; node_volt && k < m->nodes; k++)
        node_volt[k] = m->component[k] == m->component[m->nodes] ? m->x[k].hi : NAN;
    for (size_t k = 0; source_amp && k < d->sources; k++)
        source_amp[k] = m->x[(size_t)s + k].hi;
}

int xo_deck_solve(const xo_deck *d, double *node_volt, double *source_amp, double *worst_kcl_amp,
                  struct xo_info *info)
{
    struct mna m = {.d = d, .nodes = (int32_t)d->node.count};
    double worst = 0;
    int status = allocate(&m);
    if (status)
        xo_fail(info, status, "out of memory for a deck of %zu elements", d->count);
    else
        status = list_branches(&m, m.component, info);
    if (!status)
        status = find_components(&m, info);
    if (!status && m.size) {
        status = build(&m);
        if (status)
            xo_fail(info, status, "out of memory for %d equations", m.size);
        else
            status = factor(&m, info);
        if (!status)
            status = solve(&m, &worst, info);
    }
    if (!status) {
        store(&m, node_volt, source_amp);
        if (worst_kcl_amp)
            *worst_kcl_amp = worst;
    }
    release(&m);
    return status;
}
