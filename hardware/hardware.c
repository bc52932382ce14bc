/* Defaults, then the file, then --set: one walk over the tree against the table.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "memory.h"
#include "schema.h"

#define MAX_PATH 128                   /* longer than any key; longer ones are unknown anyway */

const struct xo_key *xo_find_key(const char *path)
{
    for (size_t k = 0; k < xo_schema_count; k++)
        if (!strcmp(xo_schema[k].path, path))
            return &xo_schema[k];
    return NULL;
}

bool xo_is_section(const char *path)
{
    size_t length = strlen(path);
    for (size_t k = 0; k < xo_schema_count; k++)
        if (!strncmp(xo_schema[k].path, path, length) && xo_schema[k].path[length] == '.')
            return true;
    return false;
}

static const struct xo_later_key *find_later(const char *path)
{
    for (size_t k = 0; k < xo_later_key_count; k++)
        if (!strcmp(xo_later_keys[k].path, path))
            return &xo_later_keys[k];
    return NULL;
}

static int walk(struct xo_hardware *h, const struct xo_node *map, const char *section, struct xo_info *info)
{
    int status = 0;
    for (const struct xo_node *node = map->first; node && !status; node = node->next)
        status = xo_take(h, node, section, info);
    return status;
}

int xo_take(struct xo_hardware *h, const struct xo_node *node, const char *section, struct xo_info *info)
{
    char path[MAX_PATH], found[XO_FOUND_SIZE];
    const struct xo_key *key;
    const struct xo_later_key *later;
    snprintf(path, sizeof path, "%s%s%.80s", section, *section ? "." : "", node->key);
    key = xo_find_key(path);
    later = find_later(path);
    if (key)
        return xo_store(h, key, node, info);
    if (later)
        return xo_mark_fail(info, XO_EUNSUPPORTED, node->key_mark, "%s: %s", path, later->why);
    if (!strcmp(path, "layers"))
        return xo_take_layers(h, node, info);
    if (!xo_is_section(path))
        return xo_unknown_key(path, node->key_mark, info);
    if (node->kind != XO_NODE_MAP)
        return xo_mark_fail(info, XO_EVALUE, node->mark, "%s: found %s; expected a mapping", path,
                            xo_node_found(found, node));
    return walk(h, node, path, info);
}

static int store_defaults(struct xo_hardware *h, struct xo_info *info)
{
    int status = 0;
    for (size_t k = 0; k < xo_schema_count && !status; k++) {
        const struct xo_node node = { .kind = XO_NODE_SCALAR, .text = xo_schema[k].fallback };
        if (node.text)
            status = xo_store(h, &xo_schema[k], &node, info);
    }
    return status;
}

/* Where one of two keys was given: the first if it was, else the second. */
static struct xo_mark given(const struct xo_hardware *h, const char *first, const char *second)
{
    return xo_mark_of(h, xo_is_given(h, first) ? first : second);
}

int xo_check_together(const struct xo_hardware *h, struct xo_info *info)
{
    char a[XO_NUMBER_SIZE], b[XO_NUMBER_SIZE];
    if (!(h->device.on_siemens > h->device.off_siemens) && h->array.law.law != XO_LAW_SPICE)
        return xo_mark_fail(info, XO_EVALUE, given(h, "device.on_siemens", "device.off_siemens"),
                            "device: found on_siemens %s with off_siemens %s; expected on above off",
                            xo_number_print(a, h->device.on_siemens), xo_number_print(b, h->device.off_siemens));
    if (h->adc.range == XO_ADC_FIXED && !(h->adc.low_ampere < h->adc.high_ampere))
        return xo_mark_fail(info, XO_EVALUE, given(h, "adc.low_ampere", "adc.range"),
                            "adc: found range fixed with low_ampere %s and high_ampere %s; expected low below high",
                            xo_number_print(a, h->adc.low_ampere), xo_number_print(b, h->adc.high_ampere));
    if (h->cell_faults.stuck_on_rate + h->cell_faults.stuck_off_rate > 1)
        return xo_mark_fail(info, XO_EVALUE, given(h, "device.faults.stuck_on_rate", "device.faults.stuck_off_rate"),
                            "device.faults: found stuck_on_rate %s with stuck_off_rate %s; expected at most 1 "
                            "together", xo_number_print(a, h->cell_faults.stuck_on_rate),
                            xo_number_print(b, h->cell_faults.stuck_off_rate));
    int status = xo_check_gate_keys(h, info);
    return status ? status : xo_check_laws(h, info);
}

static int read_tree(struct xo_node **root, struct xo_hardware *h, const char *bytes, size_t nbytes,
                     const char *name, struct xo_info *info)
{
    struct xo_arena *arena = &h->owned->arena;
    const char *origin = xo_arena_text(arena, name, strlen(name));
    struct xo_node *node = NULL;
    char found[XO_FOUND_SIZE];
    int status;
    if (!origin)
        return ENOMEM;
    status = xo_tree_parse(&node, arena, bytes, nbytes, origin, true, info);
    if (status)
        return status;
    if (!node)
        return xo_fail(info, XO_ESYNTAX, "%s:1:1: found nothing; expected a mapping such as array: {rows: 64} "
                       "({} for all defaults)", origin);
    if (node->kind != XO_NODE_MAP)
        return xo_mark_fail(info, XO_EVALUE, node->mark, "found %s; expected a mapping such as array: {rows: 64}",
                            xo_node_found(found, node));
    *root = node;
    return 0;
}

/* "dir" -> "dir/", so that a name can follow */
static const char *folder_prefix(struct xo_arena *arena, const char *folder)
{
    size_t length = folder ? strlen(folder) : 0;
    char *prefix = xo_arena_alloc(arena, length + 2, 1);
    if (prefix && length) {
        memcpy(prefix, folder, length);
        if (prefix[length - 1] != '/')
            prefix[length] = '/';
    }
    return prefix;
}

int xo_hardware_parse(struct xo_hardware *out, const char *bytes, size_t nbytes, const char *name,
                      const char *folder, size_t set_count, const char *const *set, struct xo_info *info)
{
    struct xo_node nothing = { .kind = XO_NODE_MAP }, *root = &nothing;
    struct xo_hardware h = { .owned = xo_calloc(1, sizeof *h.owned) };
    int status = h.owned ? 0 : ENOMEM;
    if (!status && !(h.owned->folder = folder_prefix(&h.owned->arena, folder)))
        status = ENOMEM;
    if (!status && bytes)
        status = read_tree(&root, &h, bytes, nbytes, name, info);
    for (size_t k = 0; k < set_count && !status; k++)
        status = xo_tree_set(root, &h.owned->arena, set[k], info);
    if (!status)
        status = xo_take_device_files(&h, root, info);
    if (!status)
        status = store_defaults(&h, info);
    if (!status)
        status = walk(&h, root, "", info);
    if (!status)
        status = xo_check_layers(&h, info);
    if (!status)
        xo_settle_gates(&h);
    if (!status)
        status = xo_check_together(&h, info);
    if (status)
        xo_hardware_free(&h);
    else
        *out = h;
    return status;
}

int xo_hardware_read(struct xo_hardware *out, const char *path, size_t set_count, const char *const *set,
                     struct xo_info *info)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    char *bytes = NULL, *folder = NULL;
    size_t nbytes = 0, length = slash ? (size_t)(slash - path) + 1 : 0;
    int status = 0;
    if (path)
        status = xo_slurp(&bytes, &nbytes, path, XO_MAX_YAML_NBYTES, info);
    if (!status && !(folder = xo_calloc(length + 1, 1)))
        status = ENOMEM;
    if (!status && length)
        memcpy(folder, path, length);
    if (!status)
        status = xo_hardware_parse(out, bytes, nbytes, path && strcmp(path, "-") ? path : "standard input", folder,
                                   set_count, set, info);
    free(folder);
    free(bytes);
    return status;
}

void xo_hardware_free(struct xo_hardware *h)
{
    if (!h)
        return;
    if (h->owned) {
        for (size_t k = 0; k < xo_schema_count; k++)
            xo_ndarray_free(&h->owned->key[k].loaded);
        xo_subcircuit_free(h->owned->subcircuit);
        xo_arena_free(&h->owned->arena);
        free(h->owned);
    }
    memset(h, 0, sizeof *h);
}
