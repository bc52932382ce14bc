/* lines and faults: YAML node -> lists of places in the array.  Whether a place exists is decided in finish.c.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <string.h>
#include "schema.h"

/* floating | grounded | {hold_volt: x}, word lines also gated */
static int read_line(struct xo_line *line, const struct xo_key *key, const struct xo_node *node,
                     struct xo_info *info)
{
    char found[XO_FOUND_SIZE], expected[XO_EXPECTED_SIZE];
    const struct xo_node *hold = node->kind == XO_NODE_MAP && node->count == 1
                                 && !strcmp(node->first->key, "hold_volt") ? node->first : NULL;
    bool word = key->place == XO_PER_ROW;
    line->hold_volt = 0;
    line->state = hold                                        ? XO_LINE_HELD
                : node->kind != XO_NODE_SCALAR                ? XO_LINE_NORMAL
                : !strcmp(node->text, "floating")             ? XO_LINE_FLOATING
                : !strcmp(node->text, "grounded")             ? XO_LINE_GROUNDED
                : word && !strcmp(node->text, "gated")        ? XO_LINE_GATED
                                                              : XO_LINE_NORMAL;
    if (hold && xo_node_real(&line->hold_volt, hold, key))
        return xo_mark_fail(info, XO_EVALUE, hold->mark, "%s.%s.hold_volt: found %s; expected %s", key->path,
                            node->key, xo_node_found(found, hold), xo_key_expected(expected, key));
    if (line->state == XO_LINE_NORMAL)
        return xo_mark_fail(info, XO_EVALUE, node->mark,
                            "%s.%s: found %s; expected floating, grounded%s or {hold_volt: a number}", key->path,
                            node->key, xo_node_found(found, node), word ? ", gated" : "");
    return 0;
}

/* {3: floating, ...} */
int xo_store_lines(struct xo_hardware *h, const struct xo_key *key, const struct xo_node *node, struct xo_info *info)
{
    struct xo_key_data *data = xo_data(h, key);
    struct xo_line_setting *line;
    char found[XO_FOUND_SIZE];
    if (node->kind != XO_NODE_MAP)
        return xo_mark_fail(info, XO_EVALUE, node->mark,
                            "%s: found %s; expected a mapping such as {3: floating}", key->path,
                            xo_node_found(found, node));
    data->line_count = node->count;
    data->line = line = xo_arena_alloc(&h->owned->arena, node->count, sizeof *line);
    if (!line)
        return ENOMEM;
    for (const struct xo_node *item = node->first; item; item = item->next, line++) {
        const struct xo_node name = { .kind = XO_NODE_SCALAR, .text = item->key };
        uint64_t index;
        int status;
        if (xo_node_whole(&index, &name))
            return xo_mark_fail(info, XO_EVALUE, item->key_mark, "%s: found the line %s; expected its number from 0",
                                key->path, xo_node_found(found, &name));
        line->index = index;
        line->mark = item->key_mark;
        status = read_line(&line->line, key, item, info);
        if (status)
            return status;
    }
    return 0;
}

/* xo_site is the beginning of this, xo_stuck and xo_bridge are the whole. */
struct site { size_t row, column; double value; };
_Static_assert(sizeof(struct site) == sizeof(struct xo_stuck) && sizeof(struct site) == sizeof(struct xo_bridge)
               && offsetof(struct site, value) == offsetof(struct xo_stuck, siemens)
               && offsetof(struct site, value) == offsetof(struct xo_bridge, ohm)
               && offsetof(struct site, value) == sizeof(struct xo_site), "sites are alike");

/* [i, j] or [i, j, x] */
static int read_site(struct site *site, const struct xo_key *key, const struct xo_node *node, struct xo_info *info)
{
    size_t width = key->kind == XO_KIND_SITES ? 2 : 3;
    const char *shape = width == 2 ? "[row, column]" : "[row, column, number]";
    const struct xo_node *row, *column;
    char found[XO_FOUND_SIZE], expected[XO_EXPECTED_SIZE];
    uint64_t at[2];
    if (node->kind != XO_NODE_LIST || node->count != width)
        return xo_mark_fail(info, XO_EVALUE, node->mark, "%s: found %s%s; expected %s", key->path,
                            xo_node_found(found, node), node->kind != XO_NODE_LIST ? "" : node->count < width
                            ? " too short" : " too long", shape);
    row = node->first;
    column = row->next;
    if (xo_node_whole(&at[0], row) || xo_node_whole(&at[1], column)) {
        const struct xo_node *wrong = xo_node_whole(&at[0], row) ? row : column;
        return xo_mark_fail(info, XO_EVALUE, wrong->mark, "%s: found %s; expected a whole number in %s", key->path,
                            xo_node_found(found, wrong), shape);
    }
    site->row = at[0];
    site->column = at[1];
    if (width == 3 && xo_node_real(&site->value, column->next, key))
        return xo_mark_fail(info, XO_EVALUE, column->next->mark, "%s: found %s; expected %s", key->path,
                            xo_node_found(found, column->next), xo_key_expected(expected, key));
    return 0;
}

int xo_store_sites(struct xo_hardware *h, const struct xo_key *key, const struct xo_node *node, struct xo_info *info)
{
    size_t size = key->kind == XO_KIND_SITES ? sizeof(struct xo_site) : sizeof(struct site), k = 0;
    struct xo_arena *arena = &h->owned->arena;
    struct xo_mark *mark = xo_arena_alloc(arena, node->count, sizeof *mark);
    char *sites = xo_arena_alloc(arena, node->count, size);
    char found[XO_FOUND_SIZE];
    if (!mark || !sites)
        return ENOMEM;
    if (node->kind != XO_NODE_LIST)
        return xo_mark_fail(info, XO_EVALUE, node->mark, "%s: found %s; expected a list of %s", key->path,
                            xo_node_found(found, node),
                            key->kind == XO_KIND_SITES ? "[row, column]" : "[row, column, number]");
    for (const struct xo_node *item = node->first; item; item = item->next, k++) {
        struct site site = { 0 };
        int status = read_site(&site, key, item, info);
        if (status)
            return status;
        memcpy(sites + k * size, &site, size);
        mark[k] = item->mark;
    }
    xo_data(h, key)->site_mark = mark;
    memcpy(xo_field(h, key->offset), &sites, sizeof sites);
    memcpy(xo_field(h, key->count_offset), &node->count, sizeof node->count);
    return 0;
}
