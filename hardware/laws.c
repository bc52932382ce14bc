/* device: and device.selector: several keys together are a law.  What law needs which key, the levels of polynomials
 * and tables, and whether the law is one at all, with the place of the key to blame.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <string.h>
#include "law.h"
#include "schema.h"

/* The keys of one law; file NULL: it has no tables. */
struct keys { const char *section, *law, *reference_volt, *v0_volt, *coefficients, *file; };
static const struct keys device_keys = {"device", "device.law", "device.reference_volt", "device.v0_volt",
                                        "device.coefficients", "device.file"};
static const struct keys selector_keys = {"device.selector", "device.selector.law", "device.selector.reference_volt",
                                          "device.selector.v0_volt", "device.selector.coefficients", NULL};
static const char *const law_name[] = {"ohmic", "sinh", "polynomial", "table", "spice"};

static int missing(const struct xo_hardware *h, const struct keys *k, const char *path, const char *what,
                   const char *by, struct xo_info *info)
{
    struct xo_mark mark = xo_mark_of(h, xo_is_given(h, k->law) ? k->law : "device.type");
    return xo_mark_fail(info, XO_EVALUE, mark, "%s: found no value; expected %s, as %s needs it", path, what, by);
}

/* Each law's own keys there, and no other's. */
static int check_keys(const struct xo_hardware *h, const struct keys *k, enum xo_law law, struct xo_info *info)
{
    const struct { const char *path; enum xo_law law; const char *what; } own[] = {
        {k->v0_volt, XO_LAW_SINH, "a voltage"},
        {k->coefficients, XO_LAW_POLYNOMIAL, "a list such as [1, 0, 2.5]"},
        {k->file, XO_LAW_TABLE, "a file.csv with the columns level,v[V],i[A]"},
    };
    char by[40];
    snprintf(by, sizeof by, "law %s", law_name[law]);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (law == XO_LAW_SPICE && own[i].law == XO_LAW_TABLE)
            continue;                  /* its own file: spice.c */
        if (law == own[i].law && !xo_is_given(h, own[i].path))
            return missing(h, k, own[i].path, own[i].what, by, info);
        if (law != own[i].law && xo_is_given(h, own[i].path))
            return xo_mark_fail(info, XO_EVALUE, xo_mark_of(h, own[i].path),
                                "%s: belongs to law %s; expected none with law %s", own[i].path,
                                law_name[own[i].law], law_name[law]);
    }
    if (law != XO_LAW_OHMIC && !xo_is_given(h, k->reference_volt))
        return missing(h, k, k->reference_volt, "the voltage at which conductances are I/V (0: the slope at 0 V)", by,
                       info);
    return 0;
}

static int take_list(struct xo_hardware *h, const struct xo_key *key, const struct xo_node *first,
                     struct xo_law_level *level)
{
    double *number;
    for (const struct xo_node *n = first; n; n = n->next)
        level->count++;
    number = xo_arena_alloc(&h->owned->arena, level->count, sizeof *number);
    level->coefficient = number;
    for (const struct xo_node *n = number ? first : NULL; n; n = n->next)
        xo_node_real(number++, n, key);
    return level->coefficient ? 0 : ENOMEM;
}

/* One list, or one a level of conductance, off to on. */
static int take_coefficients(struct xo_hardware *h, const char *path, struct xo_device_law *law, struct xo_info *info)
{
    const struct xo_key *key = xo_find_key(path);
    const struct xo_node *list = xo_data(h, key)->list;
    bool deep = list->first->kind == XO_NODE_LIST;
    size_t levels = (size_t)1 << h->device.bits_per_cell, k = 0;
    double off = h->device.off_siemens, span = h->device.on_siemens - off;
    struct xo_law_level *level;
    int status = 0;
    if (deep && (list->count != levels || law == &h->array.selector))
        return xo_mark_fail(info, XO_EVALUE, list->mark, "%s: missing level: found %zu lists; expected one list, or "
                            "%zu as device.bits_per_cell is %d", path, list->count, levels, h->device.bits_per_cell);
    level = xo_arena_alloc(&h->owned->arena, deep ? levels : 1, sizeof *level);
    if (!level)
        return ENOMEM;
    if (!deep)
        status = take_list(h, key, list->first, level);
    for (const struct xo_node *item = deep ? list->first : NULL; item && !status; item = item->next, k++) {
        level[k].siemens = off + span * (double)k / (double)(levels - 1);
        status = take_list(h, key, item->first, &level[k]);
    }
    law->level = level;
    law->levels = deep ? levels : 1;
    return status;
}

/* A law's file, relative to the hardware file's folder. */
static char *full_name(struct xo_hardware *h, const char *path)
{
    const char *file = xo_data(h, xo_find_key(path))->file, *folder = *file != '/' ? h->owned->folder : "";
    char *full = xo_arena_alloc(&h->owned->arena, strlen(folder) + strlen(file) + 1, 1);
    if (full)
        strcpy(stpcpy(full, folder), file);
    return full;
}

static int take_curves(struct xo_hardware *h, const char *path, struct xo_device_law *law, struct xo_info *info)
{
    const struct xo_key_data *data = xo_data(h, xo_find_key(path));
    size_t expected = (size_t)1 << h->device.bits_per_cell;
    struct xo_law_level *level = NULL;
    char *full = full_name(h, path);
    if (!full)
        return ENOMEM;
    struct xo_info why = {""};
    int status = xo_curves_read(&h->owned->arena, full, &level, &law->levels, &why);
    law->level = level;
    if (status > 0 && status != ENOMEM)            /* errno: no file, or none that can be read */
        return xo_mark_fail(info, status, data->mark, "%s: %.300s; expected a file.csv with the columns "
                            "level,v[V],i[A]", path, why.text);
    if (status)
        return xo_fail(info, status, "%s", why.text);
    if (xo_is_given(h, "device.bits_per_cell") && law->levels != expected)
        return xo_mark_fail(info, XO_EVALUE, data->mark, "%s: missing level: %.200s holds %zu levels; expected %zu "
                            "as device.bits_per_cell is %d", path, data->file, law->levels, expected,
                            h->device.bits_per_cell);
    return 0;
}

/* Is it a law?  A slope that turns negative below the voltages that are read is the first key's fault. */
static int check_law(const struct xo_hardware *h, const struct keys *k, const struct xo_device_law *law,
                     struct xo_info *info)
{
    static const char *const key_to_blame[] = {"law", "v0_volt", "coefficients", "file", "subcircuit"};
    struct xo_law_prepared *prepared = NULL;
    struct xo_info why = {""};
    char path[64];
    double read = h->dac.read_volt;
    int status = xo_law_new(&prepared, law, &why);
    snprintf(path, sizeof path, "%s.%s", k->section, key_to_blame[law->law]);
    for (size_t c = 0; !status && law->law == XO_LAW_POLYNOMIAL && law == &h->array.law && c < prepared->curves; c++)
        if (prepared->curve[c].high_volt < read)
            status = xo_fail(&why, XO_EVALUE, "negative slope from %g V on; expected current that rises up to "
                             "dac.read_volt %g V", prepared->curve[c].high_volt, read);
    xo_law_free(prepared);
    return !status ? 0 : status == ENOMEM ? ENOMEM : xo_mark_fail(info, status, xo_mark_of(h, path), "%s: %s", path,
                                                                  why.text);
}

/* "board.yaml:3:9": where the key is that says how far the law is known. */
static int note_place(struct xo_hardware *h, const struct keys *k, struct xo_device_law *law)
{
    const char *const path[] = {k->law, k->v0_volt, k->coefficients, k->file, "device.volt_range"};
    struct xo_mark mark = xo_mark_of(h, path[law->law]);
    char text[100];
    if (!mark.origin && law->law == XO_LAW_SPICE)
        mark = xo_mark_of(h, k->file);
    snprintf(text, sizeof text, mark.line ? "%.60s:%u:%u" : "%.60s", mark.origin ? mark.origin : "",
             (unsigned)mark.line, (unsigned)mark.column);
    law->where = xo_arena_text(&h->owned->arena, text, strlen(text));
    return law->where ? 0 : ENOMEM;
}

static int finish_law(struct xo_hardware *h, const struct keys *k, struct xo_device_law *law, struct xo_info *info)
{
    int status = 0;
    law->levels = 0;
    law->subcircuit = NULL;
    status = note_place(h, k, law);
    if (!status && law->law == XO_LAW_POLYNOMIAL)
        status = take_coefficients(h, k->coefficients, law, info);
    if (!status && law->law == XO_LAW_TABLE)
        status = take_curves(h, k->file, law, info);
    if (!status && law->law == XO_LAW_SPICE) {
        char *full = full_name(h, k->file);
        status = full ? xo_spice_finish(h, full, info) : ENOMEM;
    }
    return status ? status : check_law(h, k, law, info);
}

static int check_table_name(const struct xo_hardware *h, struct xo_info *info)
{
    const char *file = xo_data(h, xo_find_key("device.file"))->file;
    size_t length = strlen(file);
    if (length > 4 && !strcmp(file + length - 4, ".csv"))
        return 0;
    return xo_mark_fail(info, XO_EVALUE, xo_mark_of(h, "device.file"), "device.file: found %.200s; expected a "
                        "file.csv with the columns level,v[V],i[A]", file);
}

int xo_check_laws(const struct xo_hardware *h, struct xo_info *info)
{
    static const char *const of_selectors[] = {"device.selector.law", "device.selector.siemens",
                                               "device.selector.reference_volt", "device.selector.v0_volt",
                                               "device.selector.coefficients"};
    int status = xo_spice_check(h, info);
    if (!status)
        status = check_keys(h, &device_keys, h->array.law.law, info);
    if (!status && h->array.law.law == XO_LAW_TABLE)
        status = check_table_name(h, info);
    if (status)
        return status;
    if (h->array.cell_type == XO_CELL_1S1R && !xo_is_given(h, "device.selector.siemens"))
        return missing(h, &selector_keys, "device.selector.siemens", "the selector's conductance at its "
                       "reference_volt",
                       "type 1S1R", info);
    if (h->array.cell_type == XO_CELL_1S1R)
        return check_keys(h, &selector_keys, h->array.selector.law, info);
    for (size_t k = 0; k < sizeof of_selectors / sizeof *of_selectors; k++)
        if (xo_is_given(h, of_selectors[k]))
            return xo_mark_fail(info, XO_EVALUE, xo_mark_of(h, of_selectors[k]),
                                "%s: belongs to type 1S1R; expected none with type %s", of_selectors[k],
                                h->array.cell_type == XO_CELL_1R ? "1R" : "1T1R");
    return 0;
}

int xo_finish_laws(struct xo_hardware *h, struct xo_info *info)
{
    int status = finish_law(h, &device_keys, &h->array.law, info);
    if (!status && h->array.cell_type == XO_CELL_1S1R)
        status = finish_law(h, &selector_keys, &h->array.selector, info);
    return status;
}
