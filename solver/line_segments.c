/* What hangs together in an array kept as lines: a line falls into segments where its wire is open, and a cell that
 * conducts joins the segment of its word line to that of its bit line.  So the union is over segments, not nodes, and
 * ends early: in an ordinary array, after the first row and the first column.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include "line.h"
#include "memory.h"
#include "union_find.h"

static double wire_after(const struct xo_line_grid *n, bool word, size_t line, size_t place)
{
    return word ? xo_right_siemens(n, line, place) : xo_below_siemens(n, place, line);
}

/* Is there no open wire in that direction?  Single tiles stand for all. */
static bool unbroken(const struct xo_line_grid *n, bool word)
{
    return word ? n->columns == 1 || (n->right.step == 0 && xo_right_siemens(n, 0, 0) > 0)
                : n->rows == 1 || (n->below.step == 0 && xo_below_siemens(n, 0, 0) > 0);
}

static void cut(struct xo_lines *l, bool word, bool store)
{
    const struct xo_line_grid *n = &l->grid;
    size_t lines = word ? n->rows : n->columns, length = word ? n->columns : n->rows;
    bool whole = unbroken(n, word);
    for (size_t line = 0; line < lines; line++)
        for (size_t first = 0, place = whole ? length - 1 : 0; place < length; place++) {
            if (place + 1 < length && wire_after(n, word, line, place) > 0)
                continue;
            if (store)
                l->segment[l->segments] = (struct xo_line_segment){(int32_t)line, (int32_t)first, (int32_t)place, 0};
            l->segments++;
            first = place + 1;
        }
}

static int cut_lines(struct xo_lines *l)
{
    for (int store = 0; store < 2; store++) {
        l->segments = 0;
        cut(l, true, store);
        l->word_segments = l->segments;
        cut(l, false, store);
        if (!store) {
            l->segment = l->segments <= INT32_MAX ? xo_calloc(l->segments, sizeof *l->segment) : NULL;
            if (!l->segment)
                return ENOMEM;
        }
    }
    return 0;
}

/* parent[] of segments, the smaller number being the root; at[] is each bit line's segment at the row. */
static void join(const struct xo_lines *l, int32_t *parent, int32_t *at)
{
    const struct xo_line_grid *n = &l->grid;
    size_t components = l->segments, word = 0;
    for (size_t k = 0; k < l->segments; k++)
        parent[k] = (int32_t)k;
    for (size_t k = l->segments; k-- > l->word_segments;)
        at[l->segment[k].line] = (int32_t)k;
    for (size_t i = 0; i < n->rows && components > 1; i++)
        for (size_t j = 0; j < n->columns; j++) {
            while ((size_t)l->segment[word].line < i || (size_t)l->segment[word].last < j)
                word++;
            if ((size_t)l->segment[at[j]].last < i)
                at[j]++;
            if (n->cell[xo_bit_at(n, i, j)] == 0)
                continue;
            int32_t p = xo_root(parent, (int32_t)word), q = xo_root(parent, at[j]);
            components -= p != q;
            parent[p < q ? q : p] = p < q ? p : q;
        }
}

int32_t xo_line_component(const xo_factor *f, bool word, size_t line, size_t place)
{
    const struct xo_lines *l = f->state;
    size_t low = word ? 0 : l->word_segments, high = word ? l->word_segments : l->segments;
    while (high - low > 1) {           /* the last segment that begins at or before the place */
        size_t middle = low + (high - low) / 2;
        const struct xo_line_segment *s = &l->segment[middle];
        bool after = (size_t)s->line > line || ((size_t)s->line == line && (size_t)s->first > place);
        *(after ? &high : &low) = middle;
    }
    return l->segment[low].component;
}

static void meet_terminal(xo_factor *f, enum xo_kind kind, size_t end, size_t line, size_t terminal)
{
    const struct xo_lines *l = f->state;
    bool word = kind == XO_DRIVER;
    size_t last = (word ? l->grid.columns : l->grid.rows) - 1;
    if (l->grid.end[end][line] == 0)
        return;
    int32_t *sole = &f->components.sole[xo_line_component(f, word, line, end % 2 ? last : 0)];
    *sole = *sole == XO_ISLAND || *sole == (int32_t)terminal ? (int32_t)terminal : XO_SEVERAL;
}

static void number_components(xo_factor *f, int32_t *parent)
{
    struct xo_lines *l = f->state;
    for (size_t k = 0; k < l->segments; k++) {     /* roots are met, and numbered, before their members */
        int32_t root = xo_root(parent, (int32_t)k);
        l->segment[k].component = root == (int32_t)k ? (int32_t)f->components.count++ : l->segment[root].component;
    }
}

int xo_line_segments_find(xo_factor *f)
{
    struct xo_lines *l = f->state;
    const xo_circuit *c = f->plan->circuit;
    int32_t *parent = NULL, *at = xo_calloc(c->columns, sizeof *at);
    int status = cut_lines(l);
    if (!status)
        parent = xo_calloc(l->segments, sizeof *parent);
    if (!status && parent && at) {
        join(l, parent, at);
        number_components(f, parent);
        f->components.sole = xo_calloc(f->components.count, sizeof *f->components.sole);
    }
    free(parent);
    free(at);
    if (!f->components.sole)
        return ENOMEM;
    for (size_t q = 0; q < f->components.count; q++)
        f->components.sole[q] = XO_ISLAND;
    for (size_t end = 0; end < 4; end++)
        for (size_t k = 0; k < (end < 2 ? c->rows : c->columns); k++)
            meet_terminal(f, end < 2 ? XO_DRIVER : XO_SENSE, end, k, end < 2 ? k : c->rows + k);
    l->all_live = true;
    for (size_t q = 0; q < f->components.count; q++)
        l->all_live = l->all_live && f->components.sole[q] == XO_SEVERAL;
    return 0;
}
