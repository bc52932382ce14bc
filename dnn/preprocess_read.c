/* Preprocessing from a preset's name or a YAML file.  A preset is such a file too: what it says stands below.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "preprocess.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "arena.h"
#include "memory.h"
#include "tree.h"
#include "xo_file.h"

static const struct { const char *name, *yaml; } presets[] = {
    { "raw", "{}" },
    { "unit", "{scale: 0.00392156862745098}" },
    { "imagenet", "{crop: network, scale: 0.00392156862745098, mean: [0.485, 0.456, 0.406], "
                  "std: [0.229, 0.224, 0.225]}" },
    { "caffe", "{crop: network, order: bgr, mean: [104, 117, 123]}" },
    { "tf", "{resize: {network_over: 0.875}, crop: network, scale: 0.00784313725490196, mean: 1}" },
};
enum { PRESETS = sizeof presets / sizeof *presets };

static int refuse(const struct xo_node *node, const char *expected, struct xo_info *info)
{
    char found[XO_FOUND_SIZE];
    return xo_mark_fail(info, XO_EVALUE, node->mark, "%s: found %s; expected %s", node->key ? node->key : "document",
                        xo_node_found(found, node), expected);
}

static bool is_word(const struct xo_node *node, const char *word)
{
    return node->kind == XO_NODE_SCALAR && !node->quoted && !strcmp(node->text, word);
}

/* A whole number in low..high, digits only. */
static bool read_whole(size_t *out, const struct xo_node *node, size_t low, size_t high)
{
    size_t value = 0;
    if (node->kind != XO_NODE_SCALAR || node->quoted || !*node->text || (*node->text == '0' && node->text[1]))
        return false;
    for (const char *c = node->text; *c; c++) {
        if (*c < '0' || *c > '9' || value > high)
            return false;
        value = 10 * value + (size_t)(*c - '0');
    }
    *out = value;
    return value >= low && value <= high;
}

static bool read_real(double *out, const struct xo_node *node)
{
    return node->kind == XO_NODE_SCALAR && !node->quoted && !xo_number_parse(out, node->text, strlen(node->text));
}

/* N or [height, width] */
static bool read_sides(struct xo_size *size, const struct xo_node *node)
{
    size->rule = node->kind == XO_NODE_LIST ? XO_SIZE_EXACT : XO_SIZE_SHORTER;
    if (node->kind == XO_NODE_LIST)
        return node->count == 2 && read_whole(&size->height, node->first, 1, XO_PICTURE_SIDE)
            && read_whole(&size->width, node->last, 1, XO_PICTURE_SIDE);
    return read_whole(&size->height, node, 1, XO_PICTURE_SIDE) && (size->width = size->height);
}

static int read_resize(xo_preprocess *p, const struct xo_node *node, struct xo_info *info)
{
    struct xo_size size = { XO_SIZE_NONE, 0, 0, 0 };
    bool good = true;
    if (is_word(node, "network"))
        size.rule = XO_SIZE_NETWORK;
    else if (node->kind == XO_NODE_MAP) {
        size.rule = XO_SIZE_NETWORK_OVER;
        good = node->count == 1 && !strcmp(node->first->key, "network_over") && read_real(&size.share, node->first)
            && size.share >= 0.01 && size.share <= 1;
    } else if (!is_word(node, "none"))
        good = read_sides(&size, node);
    p->resize = size;
    return good ? 0 : refuse(node, "none, network, a shorter side, [height, width] (1 to 16384) or "
                             "{network_over: share}, a share from 0.01 to 1", info);
}

static int read_crop(xo_preprocess *p, const struct xo_node *node, struct xo_info *info)
{
    struct xo_size size = { XO_SIZE_NONE, 0, 0, 0 };
    bool good = true;
    if (is_word(node, "network"))
        size.rule = XO_SIZE_NETWORK;
    else if (!is_word(node, "none"))
        good = read_sides(&size, node);
    p->crop = size;
    return good ? 0 : refuse(node, "none, network, a side or [height, width] (1 to 16384)", info);
}

static const char *const layouts[] = { "network", "nchw", "nhwc", NULL };
static const char *const orders[] = { "rgb", "bgr", "grey", NULL };

static int read_layout(xo_preprocess *p, const struct xo_node *node, struct xo_info *info)
{
    for (int k = 0; layouts[k]; k++)
        if (is_word(node, layouts[k])) {
            p->layout = (enum xo_layout_rule)k;
            return 0;
        }
    return refuse(node, "network, nchw or nhwc", info);
}

static int read_order(xo_preprocess *p, const struct xo_node *node, struct xo_info *info)
{
    for (int k = 0; orders[k]; k++)
        if (is_word(node, orders[k])) {
            p->order = (enum xo_order)k;
            return 0;
        }
    return refuse(node, "rgb, bgr or grey", info);
}

/* A number, or a list of one or three; magnitudes in low..1e30. */
static bool read_channels(struct xo_per_channel *out, const struct xo_node *node, double low, bool positive)
{
    const struct xo_node *item = node->kind == XO_NODE_LIST ? node->first : node;
    out->count = node->kind == XO_NODE_LIST ? node->count : 1;
    if (out->count != 1 && out->count != 3)
        return false;
    for (size_t k = 0; k < out->count; k++, item = item->next) {
        double *value = &out->value[k];
        if (!read_real(value, item) || fabs(*value) < low || fabs(*value) > 1e30 || (positive && *value < 0))
            return false;
        *value += 0.0;                 /* -0 becomes 0 */
    }
    return true;
}

static int read_scale(xo_preprocess *p, const struct xo_node *node, struct xo_info *info)
{
    return read_channels(&p->scale, node, 1e-30, false) ? 0
         : refuse(node, "a number that is not 0, or three: [r, g, b]", info);
}

static int read_mean(xo_preprocess *p, const struct xo_node *node, struct xo_info *info)
{
    return read_channels(&p->mean, node, 0, false) ? 0 : refuse(node, "a number, or three: [r, g, b]", info);
}

static int read_std(xo_preprocess *p, const struct xo_node *node, struct xo_info *info)
{
    return read_channels(&p->std, node, 1e-30, true) ? 0
         : refuse(node, "a number above 0, or three: [r, g, b]", info);
}

static int read_label_offset(xo_preprocess *p, const struct xo_node *node, struct xo_info *info)
{
    size_t value;
    if (!read_whole(&value, node, 0, 1000000))
        return refuse(node, "a whole number from 0 to 1000000", info);
    p->label_offset = (int32_t)value;
    p->has_label_offset = true;
    return 0;
}

static const struct {
    const char *key;
    int (*read)(xo_preprocess *p, const struct xo_node *node, struct xo_info *info);
} entries[] = {
    { "resize", read_resize }, { "crop", read_crop }, { "layout", read_layout }, { "order", read_order },
    { "scale", read_scale }, { "mean", read_mean }, { "std", read_std }, { "label_offset", read_label_offset },
};
enum { ENTRIES = sizeof entries / sizeof *entries };

static int read_entry(xo_preprocess *p, const struct xo_node *node, struct xo_info *info)
{
    for (size_t k = 0; k < ENTRIES; k++)
        if (!strcmp(entries[k].key, node->key))
            return entries[k].read(p, node, info);
    return xo_mark_fail(info, XO_ESYNTAX, node->key_mark, "unknown key %.60s; expected resize, crop, layout, order, "
                        "scale, mean, std or label_offset", node->key);
}

static int read_document(xo_preprocess *p, const struct xo_node *root, const char *origin, struct xo_info *info)
{
    int status = 0;
    if (!root)
        return xo_fail(info, XO_ESYNTAX, "%s: holds nothing; expected a mapping ({} does nothing to pixels)", origin);
    if (root->kind != XO_NODE_MAP)
        return refuse(root, "a mapping of resize, crop, layout, order, scale, mean, std, label_offset", info);
    for (const struct xo_node *node = root->first; node && !status; node = node->next)
        status = read_entry(p, node, info);
    return status;
}

/* ---- printing --------------------------------------------------------------------------------------------- */

XO_PRINTF(2, 3)
static void add(xo_preprocess *p, const char *format, ...)
{
    size_t length = strlen(p->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(p->text + length, sizeof p->text - length, format, arguments);
    va_end(arguments);
}

static void add_size(xo_preprocess *p, const char *key, const struct xo_size *size)
{
    char share[XO_NUMBER_SIZE];
    add(p, "%s: ", key);
    switch (size->rule) {
    case XO_SIZE_NONE: add(p, "none"); break;
    case XO_SIZE_NETWORK: add(p, "network"); break;
    case XO_SIZE_SHORTER: add(p, "%zu", size->height); break;
    case XO_SIZE_EXACT: add(p, "[%zu, %zu]", size->height, size->width); break;
    case XO_SIZE_NETWORK_OVER: add(p, "{network_over: %s}", xo_number_print(share, size->share)); break;
    }
    add(p, ", ");
}

static void add_channels(xo_preprocess *p, const char *key, const struct xo_per_channel *c)
{
    char number[XO_NUMBER_SIZE];
    add(p, ", %s: %s", key, c->count > 1 ? "[" : "");
    for (size_t k = 0; k < c->count; k++)
        add(p, "%s%s", k ? ", " : "", xo_number_print(number, c->value[k]));
    add(p, "%s", c->count > 1 ? "]" : "");
}

static void print(xo_preprocess *p)
{
    add(p, "{");
    add_size(p, "resize", &p->resize);
    add_size(p, "crop", &p->crop);
    add(p, "layout: %s, order: %s", layouts[p->layout], orders[p->order]);
    add_channels(p, "scale", &p->scale);
    add_channels(p, "mean", &p->mean);
    add_channels(p, "std", &p->std);
    if (p->has_label_offset)
        add(p, ", label_offset: %d", (int)p->label_offset);
    add(p, "}");
}

/* ---- from outside ----------------------------------------------------------------------------------------- */

int xo_preprocess_parse(xo_preprocess **out, const char *yaml, size_t nbytes, const char *origin,
                        struct xo_info *info)
{
    struct xo_arena arena = { 0 };
    struct xo_node *root = NULL;
    xo_preprocess *p = xo_calloc(1, sizeof *p);
    int status = p ? xo_tree_parse(&root, &arena, yaml, nbytes, origin, true, info) : ENOMEM;
    if (!status) {
        *p = xo_preprocess_default;
        status = read_document(p, root, origin, info);
    }
    xo_arena_free(&arena);
    if (status == ENOMEM)
        xo_fail(info, status, "%s: cannot be read: %s", origin, xo_strerror(status));
    if (status) {
        free(p);
        return status;
    }
    print(p);
    *out = p;
    return 0;
}

int xo_preprocess_new(xo_preprocess **out, const char *name_or_file, struct xo_info *info)
{
    char *yaml = NULL;
    size_t nbytes;
    int status;
    const char *name = name_or_file ? name_or_file : "raw";
    for (size_t k = 0; k < PRESETS; k++)
        if (!strcmp(presets[k].name, name))
            return xo_preprocess_parse(out, presets[k].yaml, strlen(presets[k].yaml), name, info);
    status = xo_slurp(&yaml, &nbytes, name, XO_MAX_YAML_NBYTES, info);
    if (status == ENOENT)
        return xo_fail(info, status, "%s: no such preprocessing; expected raw, unit, imagenet, caffe, tf or a YAML "
                       "file", name);
    if (!status)
        status = xo_preprocess_parse(out, yaml, nbytes, name, info);
    free(yaml);
    return status;
}

void xo_preprocess_free(xo_preprocess *p) { free(p); }
const char *xo_preprocess_text(const xo_preprocess *p) { return p->text; }
