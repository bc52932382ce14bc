/* What waits for the array's size: .npy values, line states, the places of faults.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "schema.h"

/* The file's size and G's must agree; either may be missing. */
static int fix_size(struct xo_hardware *h, const char *path, size_t *own, size_t wanted, struct xo_info *info)
{
    size_t k = 0;
    while (strcmp(xo_schema[k].path, path))
        k++;
    if (!*own)
        *own = wanted;
    if (!*own)
        return xo_fail(info, XO_EVALUE, "%s: found no value; expected one, as no array gives it", path);
    if (wanted && *own != wanted)
        return xo_mark_fail(info, XO_ESHAPE, h->owned->key[k].mark,
                            "%s: found %zu; expected %zu, as the conductances have", path, *own, wanted);
    return 0;
}

/* "(64, 63)" */
static const char *show_shape(char *text, size_t size, size_t dimensions, const size_t *shape)
{
    size_t used = 1;
    snprintf(text, size, "(");
    for (size_t d = 0; d < dimensions && used < size; d++)
        used += (size_t)snprintf(text + used, size - used, "%s%zu", d ? ", " : "", shape[d]);
    if (used < size)
        snprintf(text + used, size - used, ")");
    return text;
}

static int check_shape(const struct xo_key *key, enum xo_place place, const struct xo_key_data *data, size_t rows,
                       size_t columns, struct xo_info *info)
{
    size_t shape[2], dimensions = xo_place_shape(place, rows, columns, shape);
    char found[100], expected[60];
    if (data->loaded.dimensions == dimensions && !memcmp(data->loaded.shape, shape, dimensions * sizeof *shape))
        return 0;
    return xo_mark_fail(info, XO_ESHAPE, data->mark, "%s: %.200s has shape %s; expected %s", key->path, data->file,
                        show_shape(found, sizeof found, data->loaded.dimensions, data->loaded.shape),
                        show_shape(expected, sizeof expected, dimensions, shape));
}

static int check_range(const struct xo_key *key, const struct xo_key_data *data, struct xo_info *info)
{
    struct xo_key number = *key;       /* the same range, but only numbers */
    char found[XO_NUMBER_SIZE], expected[XO_EXPECTED_SIZE], place[60];
    size_t count = xo_ndarray_count(&data->loaded), width = data->loaded.shape[1];
    number.kind = XO_KIND_REAL;
    for (size_t k = 0; k < count; k++) {
        double value = data->loaded.value[k];
        size_t at[2] = { data->loaded.dimensions == 2 ? k / width : k, data->loaded.dimensions == 2 ? k % width : 0 };
        if ((value >= key->low && value <= key->high) || (key->zero && value == 0))
            continue;
        return xo_mark_fail(info, XO_EVALUE, data->mark, "%s: %.200s: found %s at %s; expected %s", key->path,
                            data->file, xo_number_print(found, value),
                            show_shape(place, sizeof place, data->loaded.dimensions, at),
                            xo_key_expected(expected, &number));
    }
    return 0;
}

static int load_values(struct xo_hardware *h, const struct xo_key *key, struct xo_info *info)
{
    struct xo_key_data *data = xo_data(h, key);
    const char *folder = data->file && *data->file != '/' ? h->owned->folder : "";
    struct xo_info inner = { "" };
    char *path;
    int status;
    if (!data->file)
        return 0;
    path = xo_arena_alloc(&h->owned->arena, strlen(folder) + strlen(data->file) + 1, 1);
    if (!path)
        return ENOMEM;
    strcpy(stpcpy(path, folder), data->file);
    status = xo_npy_read(&data->loaded, path, &inner);
    if (status)
        return xo_mark_fail(info, status, data->mark, "%s: %s", key->path,
                            *inner.text ? inner.text : xo_strerror(status));
    status = check_shape(key, xo_key_place(h, key), data, h->array.rows, h->array.columns, info);
    if (!status)
        status = check_range(key, data, info);
    ((struct xo_values *)xo_field(h, key->offset))->each = data->loaded.value;
    return status;
}

static int expand_lines(struct xo_hardware *h, const struct xo_key *key, struct xo_info *info)
{
    const struct xo_key_data *data = xo_data(h, key);
    size_t lines = key->place == XO_PER_ROW ? h->array.rows : h->array.columns;
    struct xo_line *line;
    if (!data->line_count)
        return 0;
    line = xo_arena_alloc(&h->owned->arena, lines, sizeof *line);      /* zero is XO_LINE_NORMAL */
    if (!line)
        return ENOMEM;
    for (size_t k = 0; k < data->line_count; k++) {
        const struct xo_line_setting *set = &data->line[k];
        if (set->index >= lines)
            return xo_mark_fail(info, XO_EVALUE, set->mark, "%s: found line %zu; expected 0 to %zu", key->path,
                                set->index, lines - 1);
        line[set->index] = set->line;
    }
    *(const struct xo_line **)xo_field(h, key->offset) = line;
    return 0;
}

static int check_sites(const struct xo_hardware *h, const struct xo_key *key, struct xo_info *info)
{
    size_t size = key->kind == XO_KIND_SITES ? sizeof(struct xo_site) : sizeof(struct xo_stuck), shape[2], count;
    const char *sites;
    memcpy(&sites, xo_field(h, key->offset), sizeof sites);
    memcpy(&count, xo_field(h, key->count_offset), sizeof count);
    xo_place_shape(key->place, h->array.rows, h->array.columns, shape);
    for (size_t k = 0; k < count; k++) {
        struct xo_site site;
        struct xo_mark mark = xo_data(h, key)->site_mark[k];
        memcpy(&site, sites + k * size, sizeof site);
        if (site.row < shape[0] && site.column < shape[1])
            continue;
        if (!shape[0] || !shape[1])
            return xo_mark_fail(info, XO_EVALUE, mark, "%s: found [%zu, %zu]; expected none in a single line",
                                key->path, site.row, site.column);
        return xo_mark_fail(info, XO_EVALUE, mark, "%s: found [%zu, %zu]; expected rows 0 to %zu, columns 0 to %zu",
                            key->path, site.row, site.column, shape[0] - 1, shape[1] - 1);
    }
    return 0;
}

int xo_hardware_finish(struct xo_hardware *h, size_t rows, size_t columns, struct xo_info *info)
{
    int status = fix_size(h, "array.rows", &h->array.rows, rows, info);
    if (!status)
        status = fix_size(h, "array.columns", &h->array.columns, columns, info);
    for (size_t k = 0; k < xo_schema_count && !status; k++) {
        const struct xo_key *key = &xo_schema[k];
        if (key->kind == XO_KIND_VALUES)
            status = load_values(h, key, info);
        else if (key->kind == XO_KIND_LINES)
            status = expand_lines(h, key, info);
        else if (key->kind == XO_KIND_SITES || key->kind == XO_KIND_SITE_VALUES)
            status = check_sites(h, key, info);
    }
    return status ? status : xo_finish_laws(h, info);
}
