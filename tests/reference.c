/* Nodal analysis with zero-ohm nodes merged, solved to quadruple precision.
 *
 * The factor is only a means: double first, __float128 if that does not contract.  The answer is what satisfies
 * Kirchhoff's law at every node in quadruple precision, summed from branch currents g (v_a - v_b).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdlib.h>
#include <string.h>
#include "reference-private.h"

#define REAL double
#define NAME(word) word##_double
#include "reference-ldlt.h"
#undef REAL
#undef NAME
#define REAL quad
#define NAME(word) word##_quad
#include "reference-ldlt.h"
#undef REAL
#undef NAME

#define MAX_STEPS 60
#define SETTLED 1e-26                  /* last correction over the largest voltage: what counts as solved */

struct reference {
    struct network net;
    struct xo_crossbar x;
    size_t all, unknowns;              /* all: nodes and terminals */
    size_t *group;                     /* [all] representative of the zero-ohm set */
    size_t *index;                     /* [all] of a representative: unknown number, or SIZE_MAX */
    unsigned char *held, *island;      /* [all] of a representative */
    size_t *columns_in_group;          /* [all] */
    int terminals_joined;
    size_t *first, *start;             /* the envelope */
    double *factor;
    quad *factor_quad;                 /* NULL until needed */
    quad *volt, *inflow, *fix_quad;    /* [all], [all], [unknowns] */
    double *fix;                       /* [unknowns] */
    quad *terminal_volt;               /* [terminals] */
    quad **coupling;                   /* [columns] cached answers of reference_couplings */
};

static void find_groups(struct reference *r)
{
    for (size_t k = 0; k < r->all; k++)
        r->group[k] = k;
    for (size_t k = 0; k < r->net.branches; k++)
        if (r->net.branch[k].zero_ohm)
            set_join(r->group, r->net.branch[k].a, r->net.branch[k].b);
    for (size_t k = 0; k < r->all; k++)
        r->group[k] = set_find(r->group, k);
    for (size_t t = 0; t < r->net.terminals; t++) {
        size_t g = r->group[r->net.nodes + t];
        if (r->net.connected[t]) {
            r->terminals_joined |= r->held[g];
            r->held[g] = 1;
            r->columns_in_group[g] += t >= r->net.rows;
        }
    }
}

static int find_islands(struct reference *r)
{
    size_t *reach = calloc(r->all, sizeof *reach);
    unsigned char *reached = calloc(r->all, 1);
    for (size_t k = 0; reach && k < r->all; k++)
        reach[k] = k;
    for (size_t k = 0; reach && k < r->net.branches; k++)
        set_join(reach, r->net.branch[k].a, r->net.branch[k].b);
    for (size_t t = 0; reach && reached && t < r->net.terminals; t++)
        if (r->net.connected[t])
            reached[set_find(reach, r->net.nodes + t)] = 1;
    for (size_t k = 0; reach && reached && k < r->all; k++)
        r->island[r->group[k]] = !reached[set_find(reach, k)];
    int status = reach && reached ? REFERENCE_OK : REFERENCE_NO_MEMORY;
    free(reach);
    free(reached);
    return status;
}

/* The node at position p when the array is walked along its shorter side, which keeps the envelope narrow. */
static size_t walk(const struct reference *r, size_t p)
{
    size_t rows = r->net.rows, columns = r->net.columns, cell = p / 2, plane = (p % 2) * rows * columns;
    if (rows < columns)
        cell = cell % rows * columns + cell / rows;
    return plane + cell;
}

/* Unknowns are numbered in walking order; a merged group stands where its last node stands. */
static int number_unknowns(struct reference *r)
{
    size_t *last = calloc(r->all, sizeof *last);
    if (!last)
        return REFERENCE_NO_MEMORY;
    for (size_t p = 0; p < r->net.nodes; p++)
        last[r->group[walk(r, p)]] = p;
    for (size_t k = 0; k < r->all; k++)
        r->index[k] = SIZE_MAX;
    for (size_t p = 0; p < r->net.nodes; p++) {
        size_t g = r->group[walk(r, p)];
        if (last[g] == p && !r->held[g] && !r->island[g])
            r->index[g] = r->unknowns++;
    }
    free(last);
    return REFERENCE_OK;
}

static void branch_unknowns(const struct reference *r, const struct branch *branch, size_t *low, size_t *high)
{
    size_t a = r->index[r->group[branch->a]], b = r->index[r->group[branch->b]];
    *low = a < b ? a : b;
    *high = a < b ? b : a;             /* SIZE_MAX if that end is held */
}

static int shape_envelope(struct reference *r)
{
    size_t low, high, n = r->unknowns;
    r->first = calloc(n + 1, sizeof *r->first);
    r->start = calloc(n + 1, sizeof *r->start);
    if (!r->first || !r->start)
        return REFERENCE_NO_MEMORY;
    for (size_t k = 0; k < n; k++)
        r->first[k] = k;
    for (size_t k = 0; k < r->net.branches; k++) {
        branch_unknowns(r, &r->net.branch[k], &low, &high);
        if (high != SIZE_MAX && low < r->first[high])
            r->first[high] = low;
    }
    for (size_t k = 0; k < n; k++)
        r->start[k + 1] = r->start[k] + k - r->first[k] + 1;
    return REFERENCE_OK;
}

/* Fill the envelope in the one precision whose array is not NULL. */
static void assemble(const struct reference *r, double *d, quad *q)
{
    for (size_t k = 0; k < r->net.branches; k++) {
        const struct branch *branch = &r->net.branch[k];
        size_t low, high;
        branch_unknowns(r, branch, &low, &high);
        if (branch->zero_ohm || r->group[branch->a] == r->group[branch->b] || low == SIZE_MAX)
            continue;
        size_t at[3] = {r->start[low] + low - r->first[low], SIZE_MAX, SIZE_MAX};
        if (high != SIZE_MAX) {
            at[1] = r->start[high] + high - r->first[high];
            at[2] = r->start[high] + low - r->first[high];
        }
        for (size_t m = 0; m < 3 && at[m] != SIZE_MAX; m++) {
            if (d)
                d[at[m]] += (double)(m == 2 ? -branch->siemens : branch->siemens);
            else
                q[at[m]] += m == 2 ? -branch->siemens : branch->siemens;
        }
    }
}

static int factor_in_double(struct reference *r)
{
    r->factor = calloc(r->start[r->unknowns] + 1, sizeof *r->factor);
    if (!r->factor)
        return REFERENCE_NO_MEMORY;
    assemble(r, r->factor, NULL);
    if (ldlt_double(r->unknowns, r->first, r->start, r->factor)) {
        free(r->factor);
        r->factor = NULL;              /* quad is next */
    }
    return REFERENCE_OK;
}

static int factor_in_quad(struct reference *r)
{
    r->factor_quad = calloc(r->start[r->unknowns] + 1, sizeof *r->factor_quad);
    if (!r->factor_quad)
        return REFERENCE_NO_MEMORY;
    assemble(r, NULL, r->factor_quad);
    return ldlt_quad(r->unknowns, r->first, r->start, r->factor_quad);
}

static int allocate(struct reference *r)
{
    size_t all = r->all;
    r->group = calloc(all, sizeof *r->group);
    r->index = calloc(all, sizeof *r->index);
    r->held = calloc(all, 1);
    r->island = calloc(all, 1);
    r->columns_in_group = calloc(all, sizeof *r->columns_in_group);
    r->volt = calloc(all, sizeof *r->volt);
    r->inflow = calloc(all, sizeof *r->inflow);
    r->fix = calloc(all, sizeof *r->fix);
    r->fix_quad = calloc(all, sizeof *r->fix_quad);
    r->terminal_volt = calloc(r->net.terminals, sizeof *r->terminal_volt);
    r->coupling = calloc(r->net.columns, sizeof *r->coupling);
    return r->group && r->index && r->held && r->island && r->columns_in_group && r->volt && r->inflow && r->fix
        && r->fix_quad && r->terminal_volt && r->coupling ? REFERENCE_OK : REFERENCE_NO_MEMORY;
}

struct reference *reference_new(const struct xo_crossbar *x, const double *cell_siemens,
                                const struct reference_change *change)
{
    struct reference *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->x = *x;
    int status = network_read(&r->net, x, cell_siemens, change);
    r->all = r->net.nodes + r->net.terminals;
    if (!status)
        status = allocate(r);
    if (!status) {
        find_groups(r);
        status = find_islands(r);
    }
    if (!status)
        status = number_unknowns(r);
    if (!status)
        status = shape_envelope(r);
    if (!status)
        status = factor_in_double(r);
    if (!status)
        return r;
    reference_free(r);
    return NULL;
}

void reference_free(struct reference *r)
{
    if (!r)
        return;
    for (size_t j = 0; r->coupling && j < r->net.columns; j++)
        free(r->coupling[j]);
    void *block[] = {r->group, r->index, r->held, r->island, r->columns_in_group, r->first, r->start, r->factor,
                     r->factor_quad, r->volt, r->inflow, r->fix, r->fix_quad, r->terminal_volt, r->coupling};
    for (size_t k = 0; k < sizeof block / sizeof *block; k++)
        free(block[k]);
    network_free(&r->net);
    free(r);
}

int reference_column_is_shared(const struct reference *r, size_t column)
{
    size_t t = r->net.rows + column;
    return r->net.connected[t] && r->columns_in_group[r->group[r->net.nodes + t]] > 1;
}

int reference_terminals_are_joined(const struct reference *r)
{
    return r->terminals_joined;
}

/* Current into every group from its non-zero branches: 0 at unknowns once solved, the terminals' own otherwise. */
static void sum_inflow(struct reference *r)
{
    memset(r->inflow, 0, r->all * sizeof *r->inflow);
    for (size_t k = 0; k < r->net.branches; k++) {
        const struct branch *branch = &r->net.branch[k];
        size_t a = r->group[branch->a], b = r->group[branch->b];
        if (branch->zero_ohm || a == b)
            continue;
        quad amp = branch->siemens * (r->volt[a] - r->volt[b]);
        r->inflow[a] -= amp;
        r->inflow[b] += amp;
    }
}

/* One refinement step; returns the largest correction. */
static quad correct(struct reference *r)
{
    quad largest = 0;
    sum_inflow(r);
    for (size_t k = 0; k < r->all; k++)
        if (r->group[k] == k && r->index[k] != SIZE_MAX) {
            r->fix_quad[r->index[k]] = r->inflow[k];
            r->fix[r->index[k]] = (double)r->inflow[k];
        }
    if (r->factor_quad)
        ldlt_solve_quad(r->unknowns, r->first, r->start, r->factor_quad, r->fix_quad);
    else
        ldlt_solve_double(r->unknowns, r->first, r->start, r->factor, r->fix);
    for (size_t k = 0; k < r->all; k++)
        if (r->group[k] == k && r->index[k] != SIZE_MAX) {
            quad fix = r->factor_quad ? r->fix_quad[r->index[k]] : (quad)r->fix[r->index[k]];
            r->volt[k] += fix;
            if (quad_abs(fix) > largest)
                largest = quad_abs(fix);
        }
    return largest;
}

/* Correct until a step no longer makes the correction smaller. */
static int refine(struct reference *r, quad largest_volt)
{
    quad previous = INFINITY;
    for (size_t k = 0; k < r->all; k++)
        if (r->group[k] == k && !r->held[k])
            r->volt[k] = 0;
    for (int step = 0; step < MAX_STEPS; step++) {
        quad now = correct(r);
        if (now == 0 || (step > 1 && now >= previous / 2)) {
            sum_inflow(r);
            return now <= (quad)SETTLED * largest_volt ? REFERENCE_OK : REFERENCE_DIVERGED;
        }
        previous = now;
    }
    return REFERENCE_DIVERGED;
}

static int solve(struct reference *r, const quad *terminal_volt)
{
    quad largest = 0;
    int status = REFERENCE_DIVERGED;
    for (int pass = 0; pass < 2; pass++)        /* first store every voltage, then compare: is a group one voltage? */
        for (size_t t = 0; t < r->net.terminals; t++) {
            size_t g = r->group[r->net.nodes + t];
            if (!r->net.connected[t])
                continue;
            if (pass && r->volt[g] != terminal_volt[t])
                return REFERENCE_CONFLICT;
            r->volt[g] = terminal_volt[t];
            if (quad_abs(terminal_volt[t]) > largest)
                largest = quad_abs(terminal_volt[t]);
        }
    if (r->factor)
        status = refine(r, largest);
    if (status && !r->factor_quad) {
        free(r->factor);
        r->factor = NULL;
        status = factor_in_quad(r);
        if (!status)
            status = refine(r, largest);
    } else if (status)
        status = refine(r, largest);
    return status;
}

static quad column_current(const struct reference *r, size_t column)
{
    size_t t = r->net.rows + column, g = r->group[r->net.nodes + t];
    return r->net.connected[t] ? r->inflow[g] / (quad)r->columns_in_group[g] : 0;
}

int reference_run(struct reference *r, const double *row_volt, quad *column_amp, quad *node_volt)
{
    network_terminal_volt(&r->x, row_volt, r->terminal_volt);
    int status = solve(r, r->terminal_volt);
    for (size_t j = 0; !status && j < r->net.columns; j++)
        column_amp[j] = column_current(r, j);
    for (size_t k = 0; !status && node_volt && k < r->net.nodes; k++)
        node_volt[k] = r->island[r->group[k]] ? (quad)NAN : r->volt[r->group[k]];
    return status;
}

/* With 1 V at column j's terminal and 0 V at all others, the current into terminal t is y_tj. */
const quad *reference_couplings(struct reference *r, size_t column)
{
    size_t terminals = r->net.terminals, own = r->group[r->net.nodes + r->net.rows + column];
    if (r->coupling[column])
        return r->coupling[column];
    quad *y = calloc(terminals, sizeof *y);
    for (size_t t = 0; t < terminals; t++)
        r->terminal_volt[t] = r->group[r->net.nodes + t] == own;
    if (!y || solve(r, r->terminal_volt)) {
        free(y);
        return NULL;
    }
    for (size_t t = 0; t < terminals; t++)
        if (r->net.connected[t] && r->group[r->net.nodes + t] != own)
            y[t] = r->inflow[r->group[r->net.nodes + t]];
    return r->coupling[column] = y;
}

/* Terminals joined by zero ohm count as one; a shared column has its share of the scale too. */
static int scale_by_couplings(struct reference *r, const quad *volt, size_t column, quad *scale_amp)
{
    const quad *y = reference_couplings(r, column);
    if (!y)
        return REFERENCE_DIVERGED;
    *scale_amp = 0;
    for (size_t t = 0; t < r->net.terminals; t++) {
        size_t earlier = 0, g = r->group[r->net.nodes + t];
        while (earlier < t && !(r->net.connected[earlier] && r->group[r->net.nodes + earlier] == g))
            earlier++;
        if (earlier == t)
            *scale_amp += y[t] * (quad_abs(volt[t]) + quad_abs(volt[r->net.rows + column]));
    }
    *scale_amp /= (quad)r->columns_in_group[r->group[r->net.nodes + r->net.rows + column]];
    return REFERENCE_OK;
}

/* Where V_j is 0, s_j is simply the current that |V| would drive; elsewhere the couplings are needed. */
int reference_scale(struct reference *r, const double *row_volt, quad *scale_amp)
{
    quad *volt = calloc(2 * r->net.terminals, sizeof *volt), *magnitude = volt + r->net.terminals;
    int status = volt ? REFERENCE_OK : REFERENCE_NO_MEMORY;
    if (!status) {
        network_terminal_volt(&r->x, row_volt, volt);
        for (size_t t = 0; t < r->net.terminals; t++)
            magnitude[t] = quad_abs(volt[t]);
        status = solve(r, magnitude);
    }
    for (size_t j = 0; !status && j < r->net.columns; j++)
        scale_amp[j] = column_current(r, j);
    for (size_t j = 0; !status && j < r->net.columns; j++)
        if (volt[r->net.rows + j] != 0 && r->net.connected[r->net.rows + j])
            status = scale_by_couplings(r, volt, j, &scale_amp[j]);
    free(volt);
    return status;
}

int reference_solve(const struct xo_crossbar *x, const double *cell_siemens, const double *row_volt,
                    quad *column_amp, quad *node_volt)
{
    struct reference *r = reference_new(x, cell_siemens, NULL);
    int status = r ? reference_run(r, row_volt, column_amp, node_volt) : REFERENCE_NO_MEMORY;
    reference_free(r);
    return status;
}
