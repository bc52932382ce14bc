/* The one table behind the hardware file: every key's path, type, unit, range, default and place in
 * struct xo_hardware.  Private to hardware/.
 *     tree.c     YAML -> tree; tree-set.c: --set
 *     device-file.c  device: {file: device.yaml} -> what is in that file, in the same tree
 *     hardware.c defaults, then the walk over the tree
 *     store.c    kind by kind: YAML node -> struct      (refuses what the table does not allow)
 *     store-lists.c  the same for lines and faults
 *     layers.c   overrides by layer                     (the same walk over a copy)
 *     suggest.c  what a mistyped key may have meant
 *     print.c    kind by kind: struct -> YAML text
 *     finish.c   what needs the array's size            (shapes and sites, by xo_place)
 *     laws.c     the laws of device and selector        (from several keys, and a table's file)
 *     curves.c   that file: curves of levels -> the law; points.c: measured points from CSV
 *     spice.c    law spice: keys -> tables of a subcircuit
 *     gates.c    topology, input and transistors        (what follows from them, what does not go together)
 * A new key is a new line in schema.c, a field in xo_hardware.h and a paragraph in the man page.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_SCHEMA_H
#define XO_SCHEMA_H

#include "tree.h"
#include "xo_file.h"
#include "xo_hardware.h"

enum xo_kind {
    XO_KIND_WHOLE,                     /* int or uint64_t, by size                          */
    XO_KIND_REAL,                      /* double                                            */
    XO_KIND_VALUES,                    /* struct xo_values: a number, a .npy file or `open` */
    XO_KIND_CHOICE,                    /* an enum; choices in its order                     */
    XO_KIND_CLIP,                      /* struct xo_clip                                    */
    XO_KIND_INL,                       /* struct xo_inl                                     */
    XO_KIND_COEFFICIENTS,              /* [c1, ...] or [[c1, ...], ...], kept as written; see laws.c */
    XO_KIND_FILE,                      /* a file's name, read in laws.c                     */
    XO_KIND_NAME,                      /* const char *: a word of a netlist                 */
    XO_KIND_RANGE,                     /* double[2]: [low, high]                            */
    XO_KIND_LINES,                     /* {3: floating, ...} -> struct xo_line[]            */
    XO_KIND_SITES,                     /* [[i, j], ...]      -> struct xo_site[]            */
    XO_KIND_SITE_VALUES                /* [[i, j, x], ...]   -> struct xo_stuck[], xo_bridge[] */
};

/* Where values live: fixes the shape of a .npy file and which sites exist. */
enum xo_place {
    XO_PER_ROW,                        /* (rows)             */
    XO_PER_COLUMN,                     /* (columns)          */
    XO_PER_CELL,                       /* (rows, columns)    */
    XO_PER_ROW_SEGMENT,                /* (rows, columns-1)  also a bridge between columns j and j+1 */
    XO_PER_COLUMN_SEGMENT,             /* (rows-1, columns)  also a bridge between rows i and i+1    */
    XO_PER_SOURCE_SEGMENT,             /* like a row's or a column's, as the topology has it         */
    XO_PER_SOURCE_LINE                 /* (rows) or (columns)                                        */
};
size_t xo_place_shape(enum xo_place place, size_t rows, size_t columns, size_t shape[2]);    /* -> dimensions */

struct xo_key {
    const char *path;                  /* "array.row_wire_ohm" */
    enum xo_kind kind;
    size_t offset, size;               /* the field in struct xo_hardware                       */
    size_t count_offset;               /* sites: the size_t that counts them                    */
    enum xo_place place;
    const char *unit;                  /* NULL: none                                            */
    double low, high;                  /* inclusive; whole numbers, reals, and numbers in lists */
    bool zero;                         /* 0 too                                                 */
    bool open;                         /* values: `open` too; clip: {sigma: k} too              */
    const char *choices;               /* "left|right|both"                                     */
    const char *later, *later_why;     /* choices known but not offered yet, and what to say    */
    const char *fallback;              /* the default, as YAML; NULL: nothing                   */
    const char *expected;              /* overrides the generated text in messages              */
};

extern const struct xo_key xo_schema[];
extern const size_t xo_schema_count;
#define XO_MAX_KEYS 112                /* room in struct xo_hardware_owned; tested in schema.c */

/* Keys that belong to what this version does not offer: a path or a section, and what to say. */
struct xo_later_key { const char *path, *why; };
extern const struct xo_later_key xo_later_keys[];
extern const size_t xo_later_key_count;

/* "0 or a number from 1e-12 to 1e+30 ohm": what a message says was expected. */
#define XO_EXPECTED_SIZE 200
const char *xo_key_expected(char *text, const struct xo_key *key);

/* What a key holds besides its field. */
struct xo_line_setting { size_t index; struct xo_line line; struct xo_mark mark; };
struct xo_key_data {
    struct xo_mark mark;               /* where it was given; origin NULL: default       */
    const char *file;                  /* values, file: the name as written, or NULL     */
    const struct xo_node *list;        /* coefficients: as written, or NULL              */
    struct xo_ndarray loaded;          /* values: what was in it, after finish           */
    size_t line_count;                 /* lines, as written                              */
    struct xo_line_setting *line;
    struct xo_mark *site_mark;         /* sites: where each was written                  */
};
struct xo_hardware_owned {
    struct xo_arena arena;             /* texts, lists, lines */
    const char *folder;                /* "" or ends with '/' */
    const struct xo_node *layers;      /* pattern -> mapping, checked; NULL: none given      */
    struct xo_subcircuit *subcircuit;  /* law spice, after finish                            */
    struct xo_key_data key[XO_MAX_KEYS];
};

/* The key's field, typed by the caller. */
static inline void *xo_field(const struct xo_hardware *h, size_t offset) { return (char *)h + offset; }

/* "unknown key array.rws; expected perhaps array.rows" */
int xo_unknown_key(const char *path, struct xo_mark mark, struct xo_info *info);
/* Up to three of these names that `name` may have meant, "conv1, conv2"; none near: the first ones.  Returns text. */
char *xo_near_names(char *text, size_t size, const char *name, size_t count, const char *const *known);

/* Put what device files hold in the place of their names, for the whole and for layers. */
int xo_take_device_files(struct xo_hardware *h, struct xo_node *root, struct xo_info *info);

/* One child of the section (""), with all below it, into h. */
int xo_take(struct xo_hardware *h, const struct xo_node *node, const char *section, struct xo_info *info);
bool xo_is_section(const char *path);                                    /* is any key behind "path."? */
int xo_check_together(const struct xo_hardware *h, struct xo_info *info);/* what no single key can know */

/* layers: keep the section; are its keys and values such as may stand there?  A pattern's settings, put over h. */
int xo_take_layers(struct xo_hardware *h, const struct xo_node *node, struct xo_info *info);
int xo_check_layers(const struct xo_hardware *h, struct xo_info *info);
int xo_override(struct xo_hardware *h, const struct xo_node *pattern, bool *keep_digital, struct xo_info *info);
int xo_hardware_copy(struct xo_hardware *out, const struct xo_hardware *base);   /* borrows from base; ENOMEM */

/* gates.c: defaults that follow from other keys; does what there is of transistors and source lines go together? */
void xo_settle_gates(struct xo_hardware *h);
int xo_check_gate_keys(const struct xo_hardware *h, struct xo_info *info);
enum xo_place xo_key_place(const struct xo_hardware *h, const struct xo_key *key);

/* Are the keys of device and selector those of their laws?  Then the laws, and the file of a table  (laws.c,
 * curves.c). */
int xo_check_laws(const struct xo_hardware *h, struct xo_info *info);
int xo_finish_laws(struct xo_hardware *h, struct xo_info *info);
int xo_curves_read(struct xo_arena *arena, const char *path, struct xo_law_level **level, size_t *levels,
                   struct xo_info *info);
int xo_spice_check(const struct xo_hardware *h, struct xo_info *info);
int xo_spice_finish(struct xo_hardware *h, const char *file, struct xo_info *info);
const struct xo_key *xo_find_key(const char *path);                      /* NULL: none of that name */

int xo_store(struct xo_hardware *h, const struct xo_key *key, const struct xo_node *node, struct xo_info *info);
int xo_store_lines(struct xo_hardware *h, const struct xo_key *key, const struct xo_node *node, struct xo_info *info);
int xo_store_sites(struct xo_hardware *h, const struct xo_key *key, const struct xo_node *node, struct xo_info *info);
int xo_node_whole(uint64_t *out, const struct xo_node *node);            /* 0 or XO_EVALUE */
int xo_node_real(double *out, const struct xo_node *node, const struct xo_key *key);
static inline struct xo_key_data *xo_data(const struct xo_hardware *h, const struct xo_key *key)
{
    return &h->owned->key[key - xo_schema];
}
static inline struct xo_mark xo_mark_of(const struct xo_hardware *h, const char *path)
{
    return xo_data(h, xo_find_key(path))->mark;
}
static inline bool xo_is_given(const struct xo_hardware *h, const char *path)       /* NULL: no */
{
    return path && xo_mark_of(h, path).origin;
}

#endif
