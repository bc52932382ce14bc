/* A YAML document as a small tree of our own, every node with its place; for hardware/ and dnn/preprocess_read.c.
 *
 * Built from libyaml's events.  Only plain data gets in: anchors, aliases, tags, directives, several documents,
 * duplicate keys, NUL characters and nesting beyond XO_MAX_DEPTH are errors.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_TREE_H
#define XO_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "arena.h"
#include "xo_status.h"

#define XO_MAX_YAML_NBYTES ((size_t)16 << 20)
#define XO_MAX_NODES ((size_t)1 << 20)
#define XO_MAX_DEPTH 16

/* Where a value was written: file:line:column, or "--set key" with line 0.  origin NULL: nowhere. */
struct xo_mark {
    const char *origin;
    uint32_t line, column;             /* from 1 */
};

enum xo_node_kind { XO_NODE_SCALAR, XO_NODE_LIST, XO_NODE_MAP };
struct xo_node {
    enum xo_node_kind kind;
    struct xo_mark mark;
    bool quoted;                       /* scalar: 'text' or "text" or a block; never a number */
    const char *text;                  /* scalar; NUL-terminated, holds no other NUL          */
    struct xo_node *first, *last;      /* list or map: its children ...                       */
    size_t count;                      /* ... and how many                                    */
    struct xo_node *next;              /* the next child of the same parent                   */
    const char *key;                   /* as a child of a map: its key ...                    */
    struct xo_mark key_mark;           /* ... and where that is                               */
};

/* Parse one document.  origin names it in messages and must live as long as the arena; has_lines says whether
 * marks count lines (a file) or not (an override).  *out is NULL for a document without content. */
int xo_tree_parse(struct xo_node **out, struct xo_arena *a, const char *bytes, size_t nbytes, const char *origin,
                  bool has_lines, struct xo_info *info);

/* Apply "key.path=value" to a map: makes the maps on the way, replaces what was there. */
int xo_tree_set(struct xo_node *root, struct xo_arena *a, const char *assignment, struct xo_info *info);

void xo_node_append(struct xo_node *parent, struct xo_node *child);      /* to a list or map */

/* One line of explanation behind the place. */
int xo_mark_fail(struct xo_info *info, int status, struct xo_mark mark, const char *format, ...) XO_PRINTF(4, 5);

/* What a person wrote, short and printable: `3.7`, `the text "3"`, `a list`, `nothing`. */
#define XO_FOUND_SIZE 80
const char *xo_node_found(char *text, const struct xo_node *node);

#endif
