/* `--set key.path=value`: the value is parsed like the file and put into its tree, so that one walk checks both.
 * A name that holds . or = stands in double quotes: layers."a.b".adc.bits=10.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <string.h>
#include "tree.h"

/* The child of a map with this key, made if there is none. */
static struct xo_node *child_of(struct xo_node *map, struct xo_arena *a, const char *key, size_t length,
                                struct xo_mark mark)
{
    struct xo_node *child = map->first;
    while (child && (strncmp(child->key, key, length) || child->key[length]))
        child = child->next;
    if (child)
        return child;
    child = xo_arena_alloc(a, 1, sizeof *child);
    if (!child || !(child->key = xo_arena_text(a, key, length)))
        return NULL;
    child->kind = XO_NODE_MAP;
    child->mark = child->key_mark = mark;
    xo_node_append(map, child);
    return child;
}

/* An empty map, unless it is a map already. */
static void become_map(struct xo_node *node, struct xo_mark mark)
{
    if (node->kind == XO_NODE_MAP)
        return;
    node->kind = XO_NODE_MAP;
    node->mark = node->key_mark = mark;
    node->first = node->last = NULL;
    node->count = 0;
}

static void replace(struct xo_node *node, const struct xo_node *value)
{
    struct xo_node old = *node;
    *node = *value;
    node->next = old.next;
    node->key = old.key;
    node->key_mark = value->mark;
}

/* How long the first name of a path is, layers."a.b".adc -> the quotes included. */
static size_t name_length(const char *path)
{
    const char *end = *path == '"' ? strchr(path + 1, '"') : NULL;
    return end ? (size_t)(end - path) + 1 : strcspn(path, ".=");
}

/* The '=' behind a path, or NULL. */
static const char *find_equals(const char *path)
{
    while (path[name_length(path)] == '.')
        path += name_length(path) + 1;
    path += name_length(path);
    return *path == '=' ? path : NULL;
}

int xo_tree_set(struct xo_node *root, struct xo_arena *a, const char *assignment, struct xo_info *info)
{
    const char *equals = find_equals(assignment), *key = assignment;
    struct xo_mark mark = { NULL, 0, 0 };
    struct xo_node *value = NULL, *node = root;
    char *origin;
    int status;
    if (!equals || equals == assignment)
        return xo_fail(info, XO_ESYNTAX, "--set %.60s: found no key=value; expected such as array.rows=64",
                       assignment);
    origin = xo_arena_alloc(a, (size_t)(equals - key) + sizeof "--set ", 1);
    if (!origin)
        return ENOMEM;
    memcpy(origin, "--set ", 6);
    memcpy(origin + 6, key, (size_t)(equals - key));
    mark.origin = origin;
    status = xo_tree_parse(&value, a, equals + 1, strlen(equals + 1), origin, false, info);
    if (status)
        return status;
    if (!value)
        return xo_mark_fail(info, XO_EVALUE, mark, "found no value; expected one behind the =");
    for (; node; key += name_length(key) + 1) {
        size_t length = name_length(key), quotes = *key == '"' && length > 1;
        become_map(node, mark);
        node = child_of(node, a, key + quotes, length - 2 * quotes, mark);
        if (key + length == equals)
            break;
    }
    if (!node)
        return ENOMEM;
    replace(node, value);
    return 0;
}
