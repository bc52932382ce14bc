/* Modified nodal analysis in quadruple precision (Ho, Ruehli, Brennan 1975), dense: slow and hard to get wrong.
 *
 * Unknowns: the voltage of every node and terminal, then the current of every source and of every zero-ohm
 * branch.  Zero-ohm loops would make the equations singular, so zero-ohm branches and sources that close a loop
 * are left out (a spanning forest); a source left out must agree in voltage with the one that stays.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdlib.h>
#include "reference-private.h"

struct dense {
    struct network net;
    size_t size, ground;               /* ground: a set element, not an unknown */
    size_t *reach, *joined;            /* disjoint sets: by any branch, by zero ohm and sources */
    size_t *current_of;                /* [terminals] unknown of the source current, or SIZE_MAX */
    quad *a, *b;                       /* [size][size], [size] */
};

static void stamp(struct dense *d, size_t row, size_t column, quad add)
{
    d->a[row * d->size + column] += add;
}

static void stamp_conductance(struct dense *d, const struct branch *k)
{
    stamp(d, k->a, k->a, k->siemens);
    stamp(d, k->b, k->b, k->siemens);
    stamp(d, k->a, k->b, -k->siemens);
    stamp(d, k->b, k->a, -k->siemens);
}

/* Unknown `current` flows from a to b; the equation of the same number says v_a = v_b. */
static void stamp_zero_ohm(struct dense *d, size_t a, size_t b, size_t current)
{
    stamp(d, a, current, 1);
    stamp(d, b, current, -1);
    stamp(d, current, a, 1);
    stamp(d, current, b, -1);
}

/* Unknown `current` flows out of the network into the source. */
static void stamp_source(struct dense *d, size_t terminal, size_t current, quad volt)
{
    stamp(d, terminal, current, 1);
    stamp(d, current, terminal, 1);
    d->b[current] = volt;
}

static int build(struct dense *d, const quad *volt)
{
    size_t next = d->net.nodes + d->net.terminals;
    quad *set_volt = calloc(d->size + 1, sizeof *set_volt);     /* of each set that holds a source */
    unsigned char *has_source = calloc(d->size + 1, 1);
    int status = set_volt && has_source ? REFERENCE_OK : REFERENCE_NO_MEMORY;
    for (size_t k = 0; !status && k < d->net.branches; k++) {
        const struct branch *branch = &d->net.branch[k];
        if (!branch->zero_ohm)
            stamp_conductance(d, branch);
        else if (set_find(d->joined, branch->a) != set_find(d->joined, branch->b)) {
            set_join(d->joined, branch->a, branch->b);
            stamp_zero_ohm(d, branch->a, branch->b, next++);
        }
        set_join(d->reach, branch->a, branch->b);
    }
    for (size_t t = 0; !status && t < d->net.terminals; t++) {
        size_t set = set_find(d->joined, d->net.nodes + t);
        d->current_of[t] = SIZE_MAX;
        if (!d->net.connected[t])
            continue;
        set_join(d->reach, d->net.nodes + t, d->ground);
        if (has_source[set] && set_volt[set] != volt[t])
            status = REFERENCE_CONFLICT;
        if (!has_source[set]) {
            d->current_of[t] = next;
            stamp_source(d, d->net.nodes + t, next++, volt[t]);
        }
        has_source[set] = 1;
        set_volt[set] = volt[t];
    }
    for (; next < d->size; next++)
        stamp(d, next, next, 1);                                /* unknowns that were not needed */
    free(set_volt);
    free(has_source);
    return status;
}

/* Nodes no terminal reaches would be singular: pin them to 0 V; they are NaN in the answer. */
static void pin_islands(struct dense *d)
{
    for (size_t node = 0; node < d->net.nodes + d->net.terminals; node++)
        if (set_find(d->reach, node) == node && node != set_find(d->reach, d->ground))
            stamp(d, node, node, 1);
}

static int lu_solve(size_t n, quad *a, quad *b)
{
    for (size_t k = 0; k < n; k++) {
        size_t p = k;
        for (size_t i = k + 1; i < n; i++)
            if (quad_abs(a[i * n + k]) > quad_abs(a[p * n + k]))
                p = i;
        if (a[p * n + k] == 0)
            return REFERENCE_DIVERGED;
        for (size_t j = 0; j < n; j++) {
            quad swap = a[k * n + j];
            a[k * n + j] = a[p * n + j];
            a[p * n + j] = swap;
        }
        quad swap = b[k];
        b[k] = b[p];
        b[p] = swap;
        for (size_t i = k + 1; i < n; i++) {
            quad factor = a[i * n + k] / a[k * n + k];
            if (factor == 0)
                continue;
            for (size_t j = k; j < n; j++)
                a[i * n + j] -= factor * a[k * n + j];
            b[i] -= factor * b[k];
        }
    }
    for (size_t k = n; k-- > 0;) {
        for (size_t j = k + 1; j < n; j++)
            b[k] -= a[k * n + j] * b[j];
        b[k] /= a[k * n + k];
    }
    return REFERENCE_OK;
}

/* A column's current is its source's; columns in one zero-ohm set share their sum. */
static void read_currents(struct dense *d, quad *column_amp)
{
    size_t rows = d->net.rows, columns = d->net.columns, first = d->net.nodes + rows;
    for (size_t j = 0; j < columns; j++) {
        quad sum = 0;
        int sharing = 0;
        for (size_t k = 0; d->net.connected[rows + j] && k < columns; k++)
            if (d->net.connected[rows + k] && set_find(d->joined, first + k) == set_find(d->joined, first + j)) {
                size_t current = d->current_of[rows + k];
                sum += current == SIZE_MAX ? 0 : d->b[current];
                sharing++;
            }
        column_amp[j] = sharing ? sum / sharing : 0;
    }
}

static void read_voltages(struct dense *d, quad *node_volt)
{
    for (size_t node = 0; node < d->net.nodes; node++) {
        int island = set_find(d->reach, node) != set_find(d->reach, d->ground);
        node_volt[node] = island ? (quad)NAN : d->b[node];
    }
}

static int dense_alloc(struct dense *d)
{
    size_t zero_ohm = 0, n;
    for (size_t k = 0; k < d->net.branches; k++)
        zero_ohm += d->net.branch[k].zero_ohm != 0;
    n = d->size = d->net.nodes + 2 * d->net.terminals + zero_ohm;
    d->ground = n;
    d->a = calloc(n * n, sizeof *d->a);
    d->b = calloc(n, sizeof *d->b);
    d->reach = calloc(n + 1, sizeof *d->reach);
    d->joined = calloc(n + 1, sizeof *d->joined);
    d->current_of = calloc(d->net.terminals, sizeof *d->current_of);
    if (!d->a || !d->b || !d->reach || !d->joined || !d->current_of)
        return REFERENCE_NO_MEMORY;
    for (size_t k = 0; k <= n; k++)
        d->reach[k] = d->joined[k] = k;
    return REFERENCE_OK;
}

int reference_solve_dense(const struct xo_crossbar *x, const double *cell_siemens, const double *row_volt,
                          quad *column_amp, quad *node_volt)
{
    struct dense d = {0};
    quad *volt = calloc(x->rows + x->columns, sizeof *volt);
    int status = volt ? network_read(&d.net, x, cell_siemens, NULL) : REFERENCE_NO_MEMORY;
    if (!status)
        status = dense_alloc(&d);
    if (!status) {
        network_terminal_volt(x, row_volt, volt);
        status = build(&d, volt);
    }
    if (!status) {
        pin_islands(&d);
        status = lu_solve(d.size, d.a, d.b);
    }
    if (!status) {
        read_currents(&d, column_amp);
        if (node_volt)
            read_voltages(&d, node_volt);
    }
    network_free(&d.net);
    free(volt);
    free(d.a);
    free(d.b);
    free(d.reach);
    free(d.joined);
    free(d.current_of);
    return status;
}
