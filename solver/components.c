/* Which unknowns hang together, and what they hang on: found from the links that carry a non-zero conductance.
 * A component no terminal touches is an island; one that a single terminal touches carries no current.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "line.h"
#include "memory.h"
#include "union_find.h"

/* Number the components in the order of their first vertex. */
static void join(const xo_factor *f, struct xo_components *k)
{
    const xo_circuit *c = f->plan->circuit;
    size_t n = c->unknowns;
    for (size_t v = 0; v < n; v++)
        k->of[v] = (int32_t)v;
    for (size_t e = 0; e < c->links; e++) {
        if (f->siemens[e].hi == 0 || (size_t)c->link_a[e] >= n || (size_t)c->link_b[e] >= n)
            continue;
        int32_t p = xo_root(k->of, c->link_a[e]), q = xo_root(k->of, c->link_b[e]);
        k->of[p < q ? q : p] = p < q ? p : q;      /* the smaller number is the root */
    }
    for (size_t v = 0; v < n; v++)
        k->of[v] = xo_root(k->of, (int32_t)v);
    for (size_t v = 0; v < n; v++)                 /* so roots are met, and renamed, before their members */
        k->of[v] = k->of[v] == (int32_t)v ? (int32_t)k->count++ : k->of[k->of[v]];
}

static void list_contacts(const xo_factor *f, struct xo_components *k)
{
    const xo_circuit *c = f->plan->circuit;
    int32_t n = (int32_t)c->unknowns;
    for (size_t e = 0; e < c->links; e++) {
        int32_t a = c->link_a[e], b = c->link_b[e];
        if (f->siemens[e].hi == 0 || (a < n) == (b < n))
            continue;
        int32_t unknown = a < n ? a : b, terminal = (a < n ? b : a) - n, *sole = &k->sole[k->of[unknown]];
        *sole = *sole == XO_ISLAND || *sole == terminal ? terminal : XO_SEVERAL;
        k->contact_link[k->contacts] = (int32_t)e;
        k->contact_unknown[k->contacts] = unknown;
        k->contact_terminal[k->contacts++] = terminal;
    }
}

static size_t count_contacts(const xo_circuit *c)
{
    size_t count = 0;
    for (size_t e = 0; e < c->links; e++)
        count += ((size_t)c->link_a[e] < c->unknowns) != ((size_t)c->link_b[e] < c->unknowns);
    return count;
}

int xo_components_find(xo_factor *f)
{
    const xo_circuit *c = f->plan->circuit;
    struct xo_components *k = &f->components;
    size_t contacts = count_contacts(c);
    k->of = xo_calloc(c->unknowns, sizeof *k->of);
    k->contact_link = xo_calloc(contacts, sizeof *k->contact_link);
    k->contact_unknown = xo_calloc(contacts, sizeof *k->contact_unknown);
    k->contact_terminal = xo_calloc(contacts, sizeof *k->contact_terminal);
    if (!k->of || !k->contact_link || !k->contact_unknown || !k->contact_terminal)
        return ENOMEM;
    join(f, k);
    k->sole = xo_calloc(k->count, sizeof *k->sole);
    if (!k->sole)
        return ENOMEM;
    for (size_t q = 0; q < k->count; q++)
        k->sole[q] = XO_ISLAND;
    list_contacts(f, k);
    return 0;
}

void xo_components_free(struct xo_components *k)
{
    free(k->of);
    free(k->sole);
    free(k->contact_link);
    free(k->contact_unknown);
    free(k->contact_terminal);
}

bool xo_on_island(const xo_factor *f, int32_t vertex)
{
    const struct xo_components *k = &f->components;
    return (size_t)vertex < f->plan->circuit->unknowns && k->sole[k->of[vertex]] == XO_ISLAND;
}

size_t xo_factor_islands(const xo_factor *f)
{
    size_t islands = 0;
    for (size_t q = 0; q < f->components.count; q++)
        islands += f->components.sole[q] == XO_ISLAND;
    return islands;
}

/* Append the run first..last of a line's nodes: "word line 3 columns 0-63". */
static size_t append_run(char *text, size_t size, size_t used, const char *name, bool word, size_t line, size_t first,
                         size_t last)
{
    const char *along = word ? "column" : "row";
    if (used >= size)
        return used;
    int length = first == last
        ? snprintf(text + used, size - used, "%s%s %zu %s %zu", used ? ", " : "", name, line, along, first)
        : snprintf(text + used, size - used, "%s%s %zu %ss %zu-%zu", used ? ", " : "", name, line, along,
                   first, last);
    return used + (size_t)length;
}

/* Of the node at place p of a line; -1 where that is a terminal. */
static int32_t component_at(const xo_factor *f, bool word, size_t line, size_t p)
{
    const xo_circuit *c = f->plan->circuit;
    if (f->plan->table->program)
        return xo_line_component(f, word, line, p);
    int32_t v = c->vertex[word ? xo_word_node(c, line, p) : xo_bit_node(c, p, line)];
    return (size_t)v < c->unknowns ? f->components.of[v] : -1;
}

void xo_factor_island_name(const xo_factor *f, size_t island, char *text, size_t size)
{
    const xo_circuit *c = f->plan->circuit;
    const struct xo_components *k = &f->components;
    size_t q = 0, used = 0;
    for (; q < k->count; q++)
        if (k->sole[q] == XO_ISLAND && island-- == 0)
            break;
    if (size)
        text[0] = 0;
    for (int word = 1; word >= 0; word--)
        for (size_t line = 0; line < (word ? c->rows : c->columns); line++) {
            size_t length = word ? c->columns : c->rows, run = 0;
            for (size_t p = 0; p <= length; p++) {
                if (p < length && component_at(f, word, line, p) == (int32_t)q)
                    run++;
                else if (run) {
                    used = append_run(text, size, used, word ? xo_word_line_name(c) : "bit line", word, line, p - run,
                                      p - 1);
                    run = 0;
                }
            }
        }
}
