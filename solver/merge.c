/* Zero-ohm branches merge their ends: never a tiny resistor.  Union-find over places (Tarjan 1975), then vertices
 * are numbered and the branches that are left become links.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdio.h>
#include <errno.h>
#include <stdlib.h>
#include "circuit.h"
#include "memory.h"
#include "union_find.h"

/* The larger number becomes the root, so a class that holds a terminal has its last terminal as root. */
static void merge_zero_ohm(const xo_circuit *c, int32_t *parent)
{
    for (size_t k = 0; k < c->nodes + c->terminals; k++)
        parent[k] = (int32_t)k;
    for (size_t b = c->first[XO_ROW_WIRE]; b < xo_branches(c); b++) {
        if (c->ohm[b] != 0)
            continue;
        int32_t p = xo_root(parent, c->from[b]), q = xo_root(parent, c->to[b]);
        parent[p < q ? p : q] = p < q ? q : p;
    }
}

/* Terminals that zero ohm joins form a group, named after its first member. */
static void group_terminals(xo_circuit *c, int32_t *parent)
{
    for (size_t t = 0; t < c->terminals; t++) {
        int32_t last = xo_root(parent, (int32_t)(c->nodes + t)) - (int32_t)c->nodes;
        bool met = c->group_size[last] != 0;
        c->group[t] = met ? c->group[last] : (int32_t)t;
        c->group[last] = c->group[t];
        c->group_size[last] = 1;
    }
    for (size_t t = 0; t < c->terminals; t++)
        c->group_size[t] = 0;
    for (size_t t = 0; t < c->terminals; t++)
        c->group_size[c->group[t]]++;
}

/* Those of a group that have a voltage of their own must agree on it. */
static int check_held(const xo_circuit *c, int32_t *held, struct xo_info *info)
{
    for (size_t t = 0; t < c->terminals; t++)
        held[t] = -1;
    for (size_t t = 0; t < c->terminals; t++) {
        int32_t *first = &held[c->group[t]];
        if (c->driven[t])
            continue;
        if (*first < 0)
            *first = (int32_t)t;
        else if (c->held_volt[t] != c->held_volt[*first])
            return xo_circuit_conflict(c, t, c->held_volt[t], (size_t)*first, c->held_volt[*first], info);
    }
    return 0;
}

static void number_vertices(xo_circuit *c, int32_t *parent)
{
    int32_t unknowns = 0;
    for (size_t k = 0; k < c->nodes; k++)
        if (xo_root(parent, (int32_t)k) == (int32_t)k)
            c->vertex[k] = unknowns++;
    c->unknowns = (size_t)unknowns;
    for (size_t t = 0; t < c->terminals; t++)
        c->vertex[c->nodes + t] = unknowns + c->group[t];
    for (size_t k = 0; k < c->nodes; k++)
        c->vertex[k] = c->vertex[xo_root(parent, (int32_t)k)];
}

static void list_links(xo_circuit *c)
{
    for (size_t b = 0; b < xo_branches(c); b++) {
        int32_t p = c->vertex[c->from[b]], q = c->vertex[c->to[b]];
        bool cell = b < c->first[XO_ROW_WIRE];
        if (p == q || (!cell && (c->ohm[b] == XO_OPEN || c->ohm[b] == 0)))
            continue;
        c->link_a[c->links] = p;
        c->link_b[c->links] = q;
        c->link_branch[c->links++] = (int32_t)b;
    }
}

int xo_circuit_merge(xo_circuit *c, struct xo_info *info)
{
    int32_t *parent = xo_calloc(c->nodes + c->terminals, sizeof *parent);
    int32_t *held = xo_calloc(c->terminals, sizeof *held);
    int status = parent && held ? 0 : xo_fail(info, ENOMEM, "out of memory");
    if (!status) {
        merge_zero_ohm(c, parent);
        group_terminals(c, parent);
        status = check_held(c, held, info);
    }
    if (!status) {
        number_vertices(c, parent);
        list_links(c);
    }
    free(parent);
    free(held);
    return status;
}

int xo_circuit_split_undefined(const xo_circuit *c, size_t column, size_t *partner)
{
    size_t t = c->rows + column;
    if (column >= c->columns || c->group_size[c->group[t]] < 2)
        return 0;
    for (size_t k = 0; k < c->columns; k++)
        if (k != column && c->group[c->rows + k] == c->group[t]) {
            if (partner)
                *partner = k;
            return 1;
        }
    return 0;
}

void xo_terminal_name(const xo_circuit *c, size_t terminal, char *text, size_t size)
{
    if (terminal < c->rows)
        snprintf(text, size, xo_has_shared_source(c) ? "the supply of source lines" : "%s %zu", xo_word_line_name(c),
                 terminal);
    else
        snprintf(text, size, "bit line %zu", terminal - c->rows);
}

static void branch_name(const xo_circuit *c, size_t b, char *text, size_t size)
{
    static const char *const kind_name[XO_KINDS] = {
        "cell", "row wire", "column wire", "driver", "sense", "word bridge", "bit bridge"};
    int kind = 0;
    size_t per_row = c->columns, row, column;
    while (b >= c->first[kind + 1])
        kind++;
    if (kind == XO_DRIVER && xo_has_shared_source(c)) {
        snprintf(text, size, "source end %zu", (size_t)(c->to[b]) % c->columns);
        return;
    }
    if (kind == XO_DRIVER || kind == XO_SENSE) {
        size_t lines = kind == XO_DRIVER ? c->rows : c->columns;
        snprintf(text, size, "%s %zu", kind_name[kind], (b - c->first[kind]) % lines);
        return;
    }
    row = (size_t)c->from[b] / per_row % c->rows;
    column = (size_t)c->from[b] % per_row;
    bool source = kind == XO_ROW_WIRE && c->topology != XO_TOPOLOGY_CROSSBAR;
    snprintf(text, size, "%s (%zu, %zu)", source ? "source wire" : kind_name[kind], row, column);
}

/* Breadth-first search from `start` over zero-ohm branches; reached_by[place] is the branch that led there, -2 if
 * none did, -1 at the start.  Only an error needs it, so it sweeps the branch list rather than keep an index. */
static void search_zero_ohm(const xo_circuit *c, int32_t start, int32_t *reached_by)
{
    bool grown = true;
    for (size_t k = 0; k < c->nodes + c->terminals; k++)
        reached_by[k] = -2;
    reached_by[start] = -1;
    while (grown) {
        grown = false;
        for (size_t b = c->first[XO_ROW_WIRE]; b < xo_branches(c); b++) {
            int32_t p = c->from[b], q = c->to[b];
            if (c->ohm[b] != 0 || (reached_by[p] == -2) == (reached_by[q] == -2))
                continue;
            reached_by[reached_by[p] == -2 ? p : q] = (int32_t)b;
            grown = true;
        }
    }
}

int xo_circuit_conflict(const xo_circuit *c, size_t terminal, double volt, size_t other, double other_volt,
                        struct xo_info *info)
{
    char name[64], other_name[64], path[256] = "", step[64];
    int32_t *reached_by = xo_calloc(c->nodes + c->terminals, sizeof *reached_by);
    int32_t place = (int32_t)(c->nodes + other);
    size_t length = 0;
    xo_terminal_name(c, terminal, name, sizeof name);
    xo_terminal_name(c, other, other_name, sizeof other_name);
    if (reached_by) {
        search_zero_ohm(c, (int32_t)(c->nodes + terminal), reached_by);
        while (reached_by[place] >= 0 && length + 80 < sizeof path) {
            size_t b = (size_t)reached_by[place];
            branch_name(c, b, step, sizeof step);
            length += (size_t)snprintf(path + length, sizeof path - length, "%s%s", length ? ", " : "", step);
            place = c->from[b] == place ? c->to[b] : c->from[b];
        }
        if (reached_by[place] >= 0)
            snprintf(path + length, sizeof path - length, ", ...");
        free(reached_by);
    }
    return xo_fail(info, XO_ECONFLICT, "%s at %g V and %s at %g V are joined by zero ohm (through %s); expected a "
                   "resistance between different voltages", other_name, other_volt, name, volt, path);
}
