/* YAML events -> tree.  libyaml is used for the syntax only; what a scalar means is decided by the schema.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>
#include "memory.h"
#include "tree.h"

struct reader {
    yaml_parser_t parser;
    struct xo_arena *arena;
    const char *bytes, *origin;
    bool has_lines;
    size_t nodes;
    struct xo_info *info;
};

/* "array.rows: found 3.7" behind "--set array.rows" need not name the key again. */
static const char *without_key(const char *text, const char *origin)
{
    const char *key = strchr(origin, ' ');
    size_t length = key ? strlen(key + 1) : 0;
    return length && !strncmp(text, key + 1, length) && !strncmp(text + length, ": ", 2) ? text + length + 2 : text;
}

int xo_mark_fail(struct xo_info *info, int status, struct xo_mark mark, const char *format, ...)
{
    char text[sizeof info->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!mark.origin)
        return xo_fail(info, status, "%s", text);
    if (!mark.line)
        return xo_fail(info, status, "%s: %s", mark.origin, without_key(text, mark.origin));
    return xo_fail(info, status, "%s:%u:%u: %s", mark.origin, (unsigned)mark.line, (unsigned)mark.column, text);
}

const char *xo_node_found(char *text, const struct xo_node *node)
{
    char shown[41];
    size_t k = 0;
    if (node->kind != XO_NODE_SCALAR)
        return node->kind == XO_NODE_LIST ? "a list" : "a mapping";
    if (!node->quoted && !*node->text)
        return "nothing";
    for (; node->text[k] && k < sizeof shown - 1; k++)
        shown[k] = (unsigned char)node->text[k] < 0x20 || node->text[k] == 0x7f ? '?' : node->text[k];
    while (node->text[k] && k && ((unsigned char)node->text[k] & 0xc0) == 0x80)
        k--;                           /* never half a UTF-8 character */
    shown[k] = 0;
    snprintf(text, XO_FOUND_SIZE, node->quoted ? "the text \"%s\"%s" : "%s%s", shown, node->text[k] ? "..." : "");
    return text;
}

static struct xo_mark mark_of(const struct reader *r, yaml_mark_t at)
{
    struct xo_mark mark = { r->origin, (uint32_t)at.line + 1, (uint32_t)at.column + 1 };
    if (!r->has_lines)
        mark.line = mark.column = 0;
    return mark;
}

/* Line and column of a byte, for the errors that libyaml gives a byte offset only. */
static yaml_mark_t mark_of_byte(const struct reader *r, size_t offset)
{
    yaml_mark_t mark = { 0, 0, 0 };
    for (size_t k = 0; k < offset; k++)
        if (r->bytes[k] == '\n') {
            mark.line++;
            mark.column = 0;
        } else if (((unsigned char)r->bytes[k] & 0xc0) != 0x80) {
            mark.column++;
        }
    return mark;
}

static int parser_failed(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem ? p->problem : "not YAML";
    if (p->error == YAML_MEMORY_ERROR)
        return ENOMEM;
    if (p->error == YAML_READER_ERROR)
        return xo_mark_fail(r->info, XO_ESYNTAX, mark_of(r, mark_of_byte(r, p->problem_offset)),
                            "%s; expected YAML in UTF-8", problem);
    return xo_mark_fail(r->info, XO_ESYNTAX, mark_of(r, p->problem_mark), "%s%s%s; expected YAML", problem,
                        p->context ? " " : "", p->context ? p->context : "");
}

/* The next event, or the reason why it is not allowed here. */
static int next_event(struct reader *r, yaml_event_t *event)
{
    const char *refused = NULL;
    if (!yaml_parser_parse(&r->parser, event))
        return parser_failed(r);
    if (event->type == YAML_ALIAS_EVENT)
        refused = "an alias (*)";
    if (event->type == YAML_SCALAR_EVENT && (event->data.scalar.anchor || event->data.scalar.tag))
        refused = event->data.scalar.anchor ? "an anchor (&)" : "a tag (!)";
    if (event->type == YAML_SEQUENCE_START_EVENT
        && (event->data.sequence_start.anchor || event->data.sequence_start.tag))
        refused = event->data.sequence_start.anchor ? "an anchor (&)" : "a tag (!)";
    if (event->type == YAML_MAPPING_START_EVENT
        && (event->data.mapping_start.anchor || event->data.mapping_start.tag))
        refused = event->data.mapping_start.anchor ? "an anchor (&)" : "a tag (!)";
    if (event->type == YAML_SCALAR_EVENT && memchr(event->data.scalar.value, 0, event->data.scalar.length))
        refused = "a NUL character";
    if (!refused)
        return 0;
    xo_mark_fail(r->info, XO_ESYNTAX, mark_of(r, event->start_mark), "found %s; expected plain values", refused);
    yaml_event_delete(event);
    return XO_ESYNTAX;
}

static int new_node(struct reader *r, const yaml_event_t *event, struct xo_node **out)
{
    struct xo_mark mark = mark_of(r, event->start_mark);
    struct xo_node *node;
    if (++r->nodes > XO_MAX_NODES)
        return xo_mark_fail(r->info, XO_ETOOBIG, mark, "found more than %zu values; expected fewer", XO_MAX_NODES);
    node = xo_arena_alloc(r->arena, 1, sizeof *node);
    if (!node)
        return ENOMEM;
    node->mark = mark;
    node->kind = event->type == YAML_SCALAR_EVENT         ? XO_NODE_SCALAR
               : event->type == YAML_SEQUENCE_START_EVENT ? XO_NODE_LIST
                                                          : XO_NODE_MAP;
    if (node->kind == XO_NODE_SCALAR) {
        node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        node->text = xo_arena_text(r->arena, (const char *)event->data.scalar.value, event->data.scalar.length);
        if (!node->text)
            return ENOMEM;
    }
    *out = node;
    return 0;
}

void xo_node_append(struct xo_node *parent, struct xo_node *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
}

static int compare_keys(const void *left, const void *right)
{
    const struct xo_node *a = *(struct xo_node *const *)left, *b = *(struct xo_node *const *)right;
    int order = strcmp(a->key, b->key);
    if (!order)
        order = (a->key_mark.line > b->key_mark.line) - (a->key_mark.line < b->key_mark.line);
    if (!order)
        order = (a->key_mark.column > b->key_mark.column) - (a->key_mark.column < b->key_mark.column);
    return order;
}

/* Sorted, equal keys are neighbours: a mapping with a million keys stays cheap. */
static int refuse_duplicates(struct reader *r, const struct xo_node *map)
{
    struct xo_node **child = xo_calloc(map->count, sizeof *child);
    size_t count = 0;
    int status = child ? 0 : ENOMEM;
    if (!child)
        return status;
    for (struct xo_node *c = map->first; c; c = c->next)
        child[count++] = c;
    qsort(child, count, sizeof *child, compare_keys);
    for (size_t k = 1; k < count && !status; k++)
        if (!strcmp(child[k - 1]->key, child[k]->key))
            status = xo_mark_fail(r->info, XO_ESYNTAX, child[k]->key_mark,
                                  "the key %.60s appears twice; expected it once", child[k]->key);
    free(child);
    return status;
}

static int read_node(struct reader *r, int depth, struct xo_node **out);

static int read_pairs(struct reader *r, int depth, struct xo_node *map)
{
    struct xo_node *key, *value;
    int status;
    for (;;) {
        status = read_node(r, depth, &key);
        if (status)
            return status;
        if (!key)
            return refuse_duplicates(r, map);
        if (key->kind != XO_NODE_SCALAR)
            return xo_mark_fail(r->info, XO_ESYNTAX, key->mark, "found %s as a key; expected a name",
                                key->kind == XO_NODE_LIST ? "a list" : "a mapping");
        status = read_node(r, depth, &value);
        if (status)
            return status;
        value->key = key->text;
        value->key_mark = key->mark;
        xo_node_append(map, value);
    }
}

static int read_items(struct reader *r, int depth, struct xo_node *list)
{
    struct xo_node *item;
    for (;;) {
        int status = read_node(r, depth, &item);
        if (status || !item)
            return status;
        xo_node_append(list, item);
    }
}

/* The next node with everything below it; NULL where a list, a mapping or the document ends. */
static int read_node(struct reader *r, int depth, struct xo_node **out)
{
    struct xo_node *node = NULL;
    yaml_event_t event;
    int status = next_event(r, &event);
    if (status)
        return status;
    if (event.type == YAML_SCALAR_EVENT || event.type == YAML_SEQUENCE_START_EVENT
        || event.type == YAML_MAPPING_START_EVENT)
        status = new_node(r, &event, &node);
    yaml_event_delete(&event);
    if (!status && node && node->kind != XO_NODE_SCALAR && depth == XO_MAX_DEPTH)
        status = xo_mark_fail(r->info, XO_ESYNTAX, node->mark, "nested deeper than %d levels; expected fewer",
                              XO_MAX_DEPTH);
    if (!status && node && node->kind == XO_NODE_LIST)
        status = read_items(r, depth + 1, node);
    if (!status && node && node->kind == XO_NODE_MAP)
        status = read_pairs(r, depth + 1, node);
    if (!status)
        *out = node;
    return status;
}

/* Directives are refused before libyaml sees them: it takes quadratic time over many of them. */
static int refuse_directives(struct reader *r, size_t nbytes)
{
    for (size_t k = 0; k < nbytes; k++)
        if (r->bytes[k] == '%' && (k == 0 || r->bytes[k - 1] == '\n' || r->bytes[k - 1] == '\r'))
            return xo_mark_fail(r->info, XO_ESYNTAX, mark_of(r, mark_of_byte(r, k)),
                                "found a directive (%%); expected plain values");
    return 0;
}

/* stream start, one document or none, stream end */
static int read_document(struct reader *r, struct xo_node **out)
{
    struct xo_node *root = NULL;
    bool ended = false;
    int documents = 0, status = 0;
    while (!ended && !status) {
        yaml_event_t event;
        status = next_event(r, &event);
        if (status)
            break;
        ended = event.type == YAML_STREAM_END_EVENT;
        if (event.type == YAML_DOCUMENT_START_EVENT) {
            if (documents++)
                status = xo_mark_fail(r->info, XO_ESYNTAX, mark_of(r, event.start_mark),
                                      "a second document begins; expected one");
            else
                status = read_node(r, 0, &root);
        }
        yaml_event_delete(&event);
    }
    if (!status)
        *out = root;
    return status;
}

int xo_tree_parse(struct xo_node **out, struct xo_arena *a, const char *bytes, size_t nbytes, const char *origin,
                  bool has_lines, struct xo_info *info)
{
    struct reader r = { .arena = a, .bytes = bytes, .origin = origin, .has_lines = has_lines, .info = info };
    int status;
    if (nbytes > XO_MAX_YAML_NBYTES)
        return xo_fail(info, XO_ETOOBIG, "%s: larger than %zu bytes", origin, XO_MAX_YAML_NBYTES);
    status = refuse_directives(&r, nbytes);
    if (status)
        return status;
    if (!yaml_parser_initialize(&r.parser))
        return ENOMEM;
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, nbytes);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    status = read_document(&r, out);
    yaml_parser_delete(&r.parser);
    return status;
}
