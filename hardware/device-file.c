/* device: {file: device.yaml}: the `device:` section of another file, put into the tree before it is walked, so that
 * one walk checks both and errors name the file they are in.  Keys beside `file` win.  A `file` that
 * ends in .csv, or beside a law table or spice, is the law's own.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "schema.h"

static struct xo_node *find_child(const struct xo_node *map, const char *key)
{
    struct xo_node *child = map->kind == XO_NODE_MAP ? map->first : NULL;
    while (child && strcmp(child->key, key))
        child = child->next;
    return child;
}

static bool is_law(const struct xo_node *device, const char *law)
{
    const struct xo_node *node = find_child(device, "law");
    return node && node->kind == XO_NODE_SCALAR && !strcmp(node->text, law);
}

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), end = strlen(ending);
    return length > end && !strcmp(text + length - end, ending);
}

/* The node of `file` if it names a device file. */
static struct xo_node *find_file(const struct xo_node *device)
{
    struct xo_node *file = find_child(device, "file");
    bool is_table = file && file->kind == XO_NODE_SCALAR && ends_with(file->text, ".csv");
    return is_table || is_law(device, "table") || is_law(device, "spice") ? NULL : file;
}

/* folder + name; an absolute name as it is; "-" is a file of that name. */
static const char *join(struct xo_arena *arena, const char *folder, const char *name)
{
    const char *here = *name == '/' ? "" : *folder ? folder : "./";
    char *path = xo_arena_alloc(arena, strlen(here) + strlen(name) + 1, 1);
    if (path)
        strcpy(stpcpy(path, here), name);
    return path;
}

/* Names in the device file are relative to it: "devices/" in front of those that are not absolute. */
static int move_names(struct xo_arena *arena, struct xo_node *device, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *folder = slash ? xo_arena_text(arena, path, (size_t)(slash - path) + 1) : "";
    if (!folder)
        return ENOMEM;
    for (struct xo_node *node = device->first; node && *folder; node = node->next) {
        bool names = node->kind == XO_NODE_SCALAR && *node->text && (!strcmp(node->key, "file") ||
                                                                     ends_with(node->text, ".npy"));
        if (names && !(node->text = join(arena, folder, node->text)))
            return ENOMEM;
    }
    return 0;
}

/* Everything but `crossohm: 1` and `device:` belongs elsewhere. */
static int check_root(const struct xo_node *root, const char *path, struct xo_node **device, struct xo_info *info)
{
    char found[XO_FOUND_SIZE];
    if (!root)
        return xo_fail(info, XO_ESYNTAX, "%s:1:1: found nothing; expected device: {law: ...}", path);
    if (root->kind != XO_NODE_MAP)
        return xo_mark_fail(info, XO_EVALUE, root->mark, "found %s; expected device: {law: ...}",
                            xo_node_found(found, root));
    for (struct xo_node *node = root->first; node; node = node->next)
        if (!strcmp(node->key, "device"))
            *device = node;
        else if (strcmp(node->key, "crossohm"))
            return xo_mark_fail(info, XO_EVALUE, node->key_mark,
                                "unknown key %.60s in a device file; expected device",
                                node->key);
        else if (node->kind != XO_NODE_SCALAR || strcmp(node->text, "1"))
            return xo_mark_fail(info, XO_EVALUE, node->mark,
                                "crossohm: found %s; expected 1, the schema version that "
                                "this program reads", xo_node_found(found, node));
    if (!*device)
        return xo_mark_fail(info, XO_EVALUE, root->mark, "found no device; expected device: {law: ...}");
    if ((*device)->kind != XO_NODE_MAP)
        return xo_mark_fail(info, XO_EVALUE, (*device)->mark, "device: found %s; expected a mapping",
                            xo_node_found(found, *device));
    return 0;
}

static int read_file(struct xo_hardware *h, const struct xo_node *file, struct xo_node **device, struct xo_info *info)
{
    struct xo_arena *arena = &h->owned->arena;
    struct xo_info inner = { "" };
    struct xo_node *root = NULL;
    const char *path = join(arena, h->owned->folder, file->text);
    char *bytes = NULL;
    size_t nbytes = 0;
    int status = path ? xo_slurp(&bytes, &nbytes, path, XO_MAX_YAML_NBYTES, &inner) : ENOMEM;
    if (status)
        return xo_mark_fail(info, status, file->mark, "device.file: %s",
                            *inner.text ? inner.text : xo_strerror(status));
    status = xo_tree_parse(&root, arena, bytes, nbytes, path, true, info);
    free(bytes);
    if (!status)
        status = check_root(root, path, device, info);
    if (!status && find_file(*device))
        status = xo_mark_fail(info, XO_EVALUE, find_file(*device)->key_mark, "device.file: found another device file "
                              "in a device file; expected law, on_siemens, ...");
    return status ? status : move_names(arena, *device, file->text);
}

/* The inner keys that are not set outside, in front of those that are. */
static void splice(struct xo_node *outer, const struct xo_node *file, struct xo_node *inner)
{
    struct xo_node whole = { .kind = XO_NODE_MAP }, *next;
    for (struct xo_node *node = inner->first; node; node = next) {
        next = node->next;
        node->next = NULL;
        if (!strcmp(node->key, "file") || !find_child(outer, node->key))
            xo_node_append(&whole, node);
    }
    for (struct xo_node *node = outer->first; node; node = next) {
        next = node->next;
        node->next = NULL;
        if (node != file)
            xo_node_append(&whole, node);
    }
    outer->first = whole.first;
    outer->last = whole.last;
    outer->count = whole.count;
}

static int expand(struct xo_hardware *h, struct xo_node *section, struct xo_info *info)
{
    struct xo_node *device = find_child(section, "device"), *inner = NULL;
    struct xo_node *file = device ? find_file(device) : NULL;
    char found[XO_FOUND_SIZE];
    int status;
    if (!file)
        return 0;
    if (file->kind != XO_NODE_SCALAR || !*file->text || strpbrk(file->text, "\n\r"))
        return xo_mark_fail(info, XO_EVALUE, file->mark, "device.file: found %s; expected the name of a device file",
                            xo_node_found(found, file));
    status = read_file(h, file, &inner, info);
    if (!status)
        splice(device, file, inner);
    return status;
}

int xo_take_device_files(struct xo_hardware *h, struct xo_node *root, struct xo_info *info)
{
    struct xo_node *layers = find_child(root, "layers");
    int status = expand(h, root, info);
    for (struct xo_node *layer = layers && layers->kind == XO_NODE_MAP ? layers->first : NULL; layer && !status;
         layer = layer->next)
        status = expand(h, layer, info);
    return status;
}
