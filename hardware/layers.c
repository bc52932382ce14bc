/* layers: settings for some of a network's layers, by name or pattern, put over a copy of the whole.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include "memory.h"
#include "schema.h"

/* As long as its printed form surely fits what YAML allows for a key, every character escaped. */
#define MAX_PATTERN 200

/* A name in a message: short, printable.  text[XO_FOUND_SIZE]; returns text. */
static const char *shown(char *text, const char *name)
{
    return xo_node_found(text, &(struct xo_node){ .kind = XO_NODE_SCALAR, .text = *name ? name : "\"\"" });
}

static bool matches(const struct xo_node *pattern, const char *layer)
{
    return !strcmp(pattern->key, layer) || !fnmatch(pattern->key, layer, 0);
}

static int check_pattern(const struct xo_node *pattern, struct xo_info *info)
{
    char name[XO_FOUND_SIZE], found[XO_FOUND_SIZE];
    bool plain = true;
    for (const char *c = pattern->key; *c; c++)
        plain &= (unsigned char)*c >= 0x20 && *c != 0x7f;
    if (!*pattern->key || !plain || strlen(pattern->key) > MAX_PATTERN)
        return xo_mark_fail(info, XO_EVALUE, pattern->key_mark, "layers: found %s as a name; expected a layer's name "
                            "or a pattern, 1 to %d bytes without control characters", shown(name, pattern->key),
                            MAX_PATTERN);
    if (pattern->kind != XO_NODE_MAP)
        return xo_mark_fail(info, XO_EVALUE, pattern->mark, "layers.%s: found %s; expected a mapping such as "
                            "{adc: {bits: 10}} or {keep: digital}", shown(name, pattern->key),
                            xo_node_found(found, pattern));
    return 0;
}

int xo_take_layers(struct xo_hardware *h, const struct xo_node *node, struct xo_info *info)
{
    char found[XO_FOUND_SIZE];
    if (node->kind != XO_NODE_MAP)
        return xo_mark_fail(info, XO_EVALUE, node->mark, "layers: found %s; expected a mapping from layer names or "
                            "patterns to settings", xo_node_found(found, node));
    h->owned->layers = node;
    return 0;
}

static int take_keep(const struct xo_node *pattern, const struct xo_node *node, bool *keep_digital,
                     struct xo_info *info)
{
    char name[XO_FOUND_SIZE], found[XO_FOUND_SIZE];
    if (node->kind != XO_NODE_SCALAR || strcmp(node->text, "digital"))
        return xo_mark_fail(info, XO_EVALUE, node->mark, "layers.%s.keep: found %s; expected digital",
                            shown(name, pattern->key), xo_node_found(found, node));
    *keep_digital = true;
    return 0;
}

static int unknown_key(const struct xo_node *pattern, const struct xo_node *node, struct xo_info *info)
{
    char name[XO_FOUND_SIZE], key[XO_FOUND_SIZE];
    return xo_mark_fail(info, XO_EVALUE, node->key_mark, "unknown key layers.%s.%s; expected one of keep, array, "
                        "device, dac, adc, mapping, gain", shown(name, pattern->key), shown(key, node->key));
}

int xo_override(struct xo_hardware *h, const struct xo_node *pattern, bool *keep_digital, struct xo_info *info)
{
    int status = check_pattern(pattern, info);
    for (const struct xo_node *node = status ? NULL : pattern->first; node && !status; node = node->next)
        if (!strcmp(node->key, "keep"))
            status = take_keep(pattern, node, keep_digital, info);
        else if (xo_is_section(node->key))
            status = xo_take(h, node, "", info);
        else
            status = unknown_key(pattern, node, info);
    return status;
}

/* Everything by value; texts, lists and lines stay the base's.  What finish found is forgotten: it is found again. */
int xo_hardware_copy(struct xo_hardware *out, const struct xo_hardware *base)
{
    struct xo_hardware h = *base;
    h.owned = xo_calloc(1, sizeof *h.owned);
    if (!h.owned)
        return ENOMEM;
    *h.owned = *base->owned;
    h.owned->arena = (struct xo_arena){ NULL };
    h.owned->subcircuit = NULL;
    for (size_t k = 0; k < xo_schema_count; k++) {
        const struct xo_key *key = &xo_schema[k];
        xo_data(&h, key)->loaded = (struct xo_ndarray){ 0 };
        if (key->kind == XO_KIND_VALUES)
            ((struct xo_values *)xo_field(&h, key->offset))->each = NULL;
        if (key->kind == XO_KIND_LINES)
            *(const struct xo_line **)xo_field(&h, key->offset) = NULL;
    }
    *out = h;
    return 0;
}

/* Whether a layer of that name exists or not, what is written must be right. */
int xo_check_layers(const struct xo_hardware *h, struct xo_info *info)
{
    struct xo_hardware copy;
    bool keep;
    int status;
    if (!h->owned->layers)
        return 0;
    status = xo_hardware_copy(&copy, h);
    if (status)
        return status;
    for (const struct xo_node *pattern = h->owned->layers->first; pattern && !status; pattern = pattern->next)
        status = xo_override(&copy, pattern, &keep, info);
    xo_hardware_free(&copy);
    return status;
}

int xo_hardware_for_layer(struct xo_hardware *out, const struct xo_hardware *base, const char *layer,
                          bool *keep_digital, struct xo_info *info)
{
    struct xo_hardware h;
    bool keep = false;
    int status = xo_hardware_copy(&h, base);
    if (status)
        return status;
    h.owned->layers = NULL;
    for (const struct xo_node *pattern = base->owned->layers ? base->owned->layers->first : NULL; pattern && !status;
         pattern = pattern->next)
        if (matches(pattern, layer))
            status = xo_override(&h, pattern, &keep, info);
    if (!status) {
        xo_settle_gates(&h);
        status = xo_check_together(&h, info);
    }
    if (status) {
        xo_hardware_free(&h);
        return status;
    }
    *keep_digital = keep;
    *out = h;
    return 0;
}

int xo_hardware_check_layers(const struct xo_hardware *h, size_t count, const char *const *layer,
                             struct xo_info *info)
{
    const struct xo_node *pattern = h->owned->layers ? h->owned->layers->first : NULL;
    char name[XO_FOUND_SIZE], names[256];
    for (; pattern; pattern = pattern->next) {
        size_t k = 0;
        while (k < count && !matches(pattern, layer[k]))
            k++;
        if (k == count)
            return xo_mark_fail(info, XO_EVALUE, pattern->key_mark,
                                "layers.%s: found no layer of that name; expected %s", shown(name, pattern->key),
                                xo_near_names(names, sizeof names, pattern->key, count, layer));
    }
    return 0;
}
