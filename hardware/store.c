/* YAML node -> field, kind by kind.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <string.h>
#include "schema.h"

#define MAX_NAME 64

static int refuse(const struct xo_key *key, const struct xo_node *node, struct xo_info *info)
{
    char found[XO_FOUND_SIZE], expected[XO_EXPECTED_SIZE];
    return xo_mark_fail(info, XO_EVALUE, node->mark, "%s: found %s; expected %s", key->path,
                        xo_node_found(found, node), xo_key_expected(expected, key));
}

/* Digits only: 010, 1_000, 0x10, +5, 64.0 and "64" in quotes are not whole numbers here. */
int xo_node_whole(uint64_t *out, const struct xo_node *node)
{
    uint64_t value = 0;
    if (node->kind != XO_NODE_SCALAR || node->quoted || !*node->text || (*node->text == '0' && node->text[1]))
        return XO_EVALUE;
    for (const char *c = node->text; *c; c++) {
        uint64_t digit = (uint64_t)(*c - '0');
        if (*c < '0' || *c > '9' || value > (UINT64_MAX - digit) / 10)
            return XO_EVALUE;
        value = 10 * value + digit;
    }
    *out = value;
    return 0;
}

int xo_node_real(double *out, const struct xo_node *node, const struct xo_key *key)
{
    double value;
    if (node->kind != XO_NODE_SCALAR || node->quoted || xo_number_parse(&value, node->text, strlen(node->text)))
        return XO_EVALUE;
    if (!(value >= key->low && value <= key->high) && !(key->zero && value == 0))
        return XO_EVALUE;
    *out = value + 0.0;                /* -0 becomes 0 */
    return 0;
}

static int store_whole(struct xo_hardware *h, const struct xo_key *key, const struct xo_node *node,
                       struct xo_info *info)
{
    uint64_t value;
    int narrow;
    if (xo_node_whole(&value, node) || (double)value < key->low || (double)value > key->high)
        return refuse(key, node, info);
    narrow = (int)value;
    memcpy(xo_field(h, key->offset), key->size == sizeof narrow ? (void *)&narrow : (void *)&value, key->size);
    return 0;
}

static int store_real(struct xo_hardware *h, const struct xo_key *key, const struct xo_node *node,
                      struct xo_info *info)
{
    return xo_node_real(xo_field(h, key->offset), node, key) ? refuse(key, node, info) : 0;
}

/* NAME.npy, NAME.csv, without control characters: the name must fit a message of one line. */
static bool has_ending(const char *text, const char *ending)
{
    size_t length = strlen(text), tail = strlen(ending);
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return false;
    return length > tail && !strcmp(text + length - tail, ending);
}

static int store_values(struct xo_hardware *h, const struct xo_key *key, const struct xo_node *node,
                        struct xo_info *info)
{
    struct xo_values *values = xo_field(h, key->offset);
    const char *text = node->kind == XO_NODE_SCALAR ? node->text : "";
    xo_data(h, key)->file = NULL;
    if (has_ending(text, ".npy")) {
        xo_data(h, key)->file = text;
        values->all = 0;
    } else if (key->open && !node->quoted && !strcmp(text, "open")) {
        values->all = XO_OPEN;
    } else if (xo_node_real(&values->all, node, key)) {
        return refuse(key, node, info);
    }
    return 0;
}

/* [c1, c2, ...], or a list of such lists.  What they mean is decided when all keys are known. */
static int store_coefficients(struct xo_hardware *h, const struct xo_key *key, const struct xo_node *node,
                              struct xo_info *info)
{
    double ignored;
    if (node->kind != XO_NODE_LIST || !node->first)
        return refuse(key, node, info);
    for (const struct xo_node *item = node->first; item; item = item->next) {
        bool deep = item->kind == XO_NODE_LIST;
        if (deep != (node->first->kind == XO_NODE_LIST) || (deep && !item->first))
            return refuse(key, item, info);
        for (const struct xo_node *number = deep ? item->first : item; number; number = deep ? number->next : NULL)
            if (xo_node_real(&ignored, number, key))
                return refuse(key, number, info);
    }
    xo_data(h, key)->list = node;
    return 0;
}

static int store_file(struct xo_hardware *h, const struct xo_key *key, const struct xo_node *node,
                      struct xo_info *info)
{
    const char *text = node->kind == XO_NODE_SCALAR ? node->text : "";
    if (!has_ending(text, ""))         /* which ending depends on the law: laws.c */
        return refuse(key, node, info);
    xo_data(h, key)->file = text;
    return 0;
}

/* What may stand in a deck as one word. */
static int store_name(struct xo_hardware *h, const struct xo_key *key, const struct xo_node *node,
                      struct xo_info *info)
{
    const char *text = node->kind == XO_NODE_SCALAR ? node->text : "";
    for (const char *c = text; *c; c++)
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') && !(*c >= '0' && *c <= '9') &&
            !strchr("_.:#!-+[]", *c))
            return refuse(key, node, info);
    if (!*text || strlen(text) >= MAX_NAME)
        return refuse(key, node, info);
    memcpy(xo_field(h, key->offset), &text, sizeof text);
    return 0;
}

/* [low, high] */
static int store_range(struct xo_hardware *h, const struct xo_key *key, const struct xo_node *node,
                       struct xo_info *info)
{
    double range[2];
    if (node->kind != XO_NODE_LIST || node->count != 2 || xo_node_real(&range[0], node->first, key) ||
        xo_node_real(&range[1], node->first->next, key) || !(range[0] < range[1]))
        return refuse(key, node, info);
    memcpy(xo_field(h, key->offset), range, sizeof range);
    return 0;
}

/* The position of word in "left|right|both", or -1. */
static int find_choice(const char *choices, const char *word)
{
    size_t length = strlen(word);
    for (int k = 0; choices; k++) {
        if (strcspn(choices, "|") == length && !strncmp(choices, word, length))
            return k;
        choices = strchr(choices, '|');
        choices = choices ? choices + 1 : NULL;
    }
    return -1;
}

static int store_choice(struct xo_hardware *h, const struct xo_key *key, const struct xo_node *node,
                        struct xo_info *info)
{
    char found[XO_FOUND_SIZE];
    int choice = node->kind == XO_NODE_SCALAR ? find_choice(key->choices, node->text) : -1;
    if (choice < 0 && node->kind == XO_NODE_SCALAR && find_choice(key->later, node->text) >= 0)
        return xo_mark_fail(info, XO_EUNSUPPORTED, node->mark, "%s: found %s; %s", key->path,
                            xo_node_found(found, node), key->later_why);
    if (choice < 0)
        return refuse(key, node, info);
    memcpy(xo_field(h, key->offset), &choice, sizeof choice);
    return 0;
}

/* max | {percentile: p} | {sigma: k} */
static int store_clip(struct xo_hardware *h, const struct xo_key *key, const struct xo_node *node,
                      struct xo_info *info)
{
    static const struct xo_key percentile = { .low = 1e-6, .high = 100 }, sigma = { .low = 1e-6, .high = 1e6 };
    struct xo_clip *clip = xo_field(h, key->offset), found = { XO_CLIP_MAX, 0 };
    const struct xo_node *child = node->kind == XO_NODE_MAP && node->count == 1 ? node->first : NULL;
    int status = XO_EVALUE;
    if (node->kind == XO_NODE_SCALAR && !strcmp(node->text, "max")) {
        status = 0;
    } else if (child && !strcmp(child->key, "percentile")) {
        found.rule = XO_CLIP_PERCENTILE;
        status = xo_node_real(&found.value, child, &percentile);
    } else if (child && !strcmp(child->key, "sigma") && key->open) {
        found.rule = XO_CLIP_SIGMA;
        status = xo_node_real(&found.value, child, &sigma);
    }
    if (status)
        return refuse(key, child && child->kind == XO_NODE_SCALAR && found.rule ? child : node, info);
    *clip = found;
    return 0;
}

/* [c1, c2, ...] */
static int store_inl(struct xo_hardware *h, const struct xo_key *key, const struct xo_node *node,
                     struct xo_info *info)
{
    struct xo_inl inl = { 0 };
    char found[XO_FOUND_SIZE];
    if (node->kind != XO_NODE_LIST)
        return xo_mark_fail(info, XO_EVALUE, node->mark, "%s: found %s; expected a list of numbers", key->path,
                            xo_node_found(found, node));
    if (node->count > XO_MAX_INL)
        return xo_mark_fail(info, XO_EVALUE, node->mark, "%s: found %zu coefficients; expected at most %d",
                            key->path, node->count, XO_MAX_INL);
    for (const struct xo_node *item = node->first; item; item = item->next)
        if (xo_node_real(&inl.coefficient[inl.count++], item, key))
            return refuse(key, item, info);
    *(struct xo_inl *)xo_field(h, key->offset) = inl;
    return 0;
}

int xo_store(struct xo_hardware *h, const struct xo_key *key, const struct xo_node *node, struct xo_info *info)
{
    static int (*const store[])(struct xo_hardware *, const struct xo_key *, const struct xo_node *,
                                struct xo_info *) = {
        [XO_KIND_WHOLE] = store_whole,        [XO_KIND_REAL] = store_real,      [XO_KIND_VALUES] = store_values,
        [XO_KIND_CHOICE] = store_choice,      [XO_KIND_CLIP] = store_clip,      [XO_KIND_INL] = store_inl,
        [XO_KIND_LINES] = xo_store_lines,     [XO_KIND_SITES] = xo_store_sites,
        [XO_KIND_SITE_VALUES] = xo_store_sites,
        [XO_KIND_COEFFICIENTS] = store_coefficients, [XO_KIND_FILE] = store_file,
        [XO_KIND_NAME] = store_name,          [XO_KIND_RANGE] = store_range,
    };
    xo_data(h, key)->mark = node->mark;
    return store[key->kind](h, key, node, info);
}
