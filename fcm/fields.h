/* The one table behind the .fcm file: for every item its path, type, unit, range, meaning and place in struct
 * xo_fcm.  Writing, reading and checking walk it in its order.  Private to fcm/.
 *     fields.c   the table, and a model seen through it
 *     write.c    model -> HDF5 image behind the index     (xo_fcm_image)
 *     read.c     index -> model
 *     check.c    what no file may hold
 * A new item is a new line in fields.c, a member in xo_fcm.h and a line in crossohm-fcm(5).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_FCM_FIELDS_H
#define XO_FCM_FIELDS_H

#include <stdbool.h>
#include "xo_fcm.h"

#define XO_FCM_VERSION 2
#define XO_FCM_MAGIC "crossohm fcm "
enum {
    XO_FCM_HEAD_NBYTES = 16384,        /* user block: version, length, checksum, index, blanks   */
    XO_FCM_MAX_LINE = 160
};
#define XO_FCM_MAX_TEXT ((size_t)1 << 26)

enum xo_fcm_kind {
    XO_FCM_VERSION_KIND,               /* XO_FCM_VERSION itself                                  */
    XO_FCM_REAL, XO_FCM_PAIR,          /* double, double[2]                                      */
    XO_FCM_INT, XO_FCM_SIZE, XO_FCM_U64,
    XO_FCM_SIZE_OR_NONE,               /* size_t; absent if 0                                    */
    XO_FCM_WORD,                       /* an enum, written as one of words                       */
    XO_FCM_INL,                        /* struct xo_inl; absent if it has no terms               */
    XO_FCM_TEXT,                       /* char *; absent if NULL                                 */
    /* double *, absent if NULL: */
    XO_FCM_ROWS, XO_FCM_COLUMNS,       /* [rows], [columns]                                      */
    XO_FCM_CELLS,                      /* [rows][columns]                                        */
    XO_FCM_FUNCTIONS,                  /* [basis.functions][basis.terms]                         */
    XO_FCM_MATRICES,                   /* [basis.functions * rows][columns]                      */
    XO_FCM_CURVES,                     /* [correction.curves][correction.points]                 */
    XO_FCM_LADDER_POINTS,              /* [ladder.points]                                        */
    XO_FCM_LADDER_CURVES,              /* [ladder.curves][ladder.points]                         */
    XO_FCM_CANDIDATES                  /* [candidates][XO_FCM_CANDIDATE_NUMBERS]                 */
};

struct xo_fcm_field {
    const char *path;
    enum xo_fcm_kind kind;
    size_t offset;                     /* in struct xo_fcm                                       */
    const char *unit;                  /* NULL: not a number                                     */
    double low, high;                  /* inclusive                                              */
    const char *words;                 /* "array|technology", in the enum's order                */
    const char *meaning;
};
extern const struct xo_fcm_field xo_fcm_fields[];
extern const size_t xo_fcm_field_count;
#define XO_FCM_MAX_FIELDS 112

/* Is it an array behind a pointer, and of which shape?  An array of no numbers is absent. */
bool xo_fcm_is_array(enum xo_fcm_kind kind);
void xo_fcm_shape(size_t *dimensions, size_t shape[2], enum xo_fcm_kind kind, const struct xo_fcm *m);

/* How an item lies in the file. */
enum xo_fcm_type { XO_FCM_F8, XO_FCM_I8, XO_FCM_U8, XO_FCM_CHARS };
const char *xo_fcm_type_name(enum xo_fcm_type type);                     /* f8 i8 u8 text */
enum xo_fcm_type xo_fcm_type_of(const struct xo_fcm_field *f);

/* An item of a model as numbers or text.  Where the value is no array it is kept in `scalar`. */
struct xo_fcm_item {
    enum xo_fcm_type type;
    size_t dimensions, shape[2], count;
    const double *real;
    const char *text;                  /* count characters, not counting the NUL */
    union { int64_t i; uint64_t u; double f; } scalar;
};
bool xo_fcm_look(struct xo_fcm_item *item, const struct xo_fcm_field *f, const struct xo_fcm *m);  /* false: absent */
bool xo_fcm_may_lack(const struct xo_fcm_field *f);

/* words: the k-th, and which one a text is (-1: none).  word[32]; returns word, or NULL. */
enum { XO_FCM_WORD_SIZE = 32 };
const char *xo_fcm_word(char *word, const char *words, int k);
int xo_fcm_word_index(const char *words, const char *text, size_t length);

/* XO_EVALUE with name: path: finding; expected ... */
int xo_fcm_check(const struct xo_fcm *m, const char *name, struct xo_info *info);

/* The whole file in memory the caller frees. */
int xo_fcm_image(char **bytes, size_t *nbytes, const struct xo_fcm *m, const char *name, struct xo_info *info);

#endif
