/* struct xo_hardware -> canonical YAML, key by key in the table's order.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "schema.h"

static void print_number(FILE *f, double value)
{
    char text[XO_NUMBER_SIZE];
    fputs(xo_number_print(text, value), f);
}

/* The next character of well-formed UTF-8. */
static uint32_t decode(const unsigned char **at)
{
    const unsigned char *c = *at;
    int more = *c < 0x80 ? 0 : *c < 0xe0 ? 1 : *c < 0xf0 ? 2 : 3;
    uint32_t code = more ? *c & (0x3fu >> more) : *c;
    for (int k = 1; k <= more; k++)
        code = code << 6 | (c[k] & 0x3fu);
    *at = c + more + 1;
    return code;
}

/* In double quotes; what YAML would fold or refuse is escaped. */
static void print_text(FILE *f, const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    putc('"', f);
    while (*c) {
        const unsigned char *start = c;
        uint32_t code = decode(&c);
        bool escape = code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029
                      || code == 0xfeff || code == 0xfffe || code == 0xffff;
        if (escape)
            fprintf(f, "\\U%08" PRIX32, code);
        else if (code == '"' || code == '\\')
            fprintf(f, "\\%c", (int)code);
        else
            fwrite(start, 1, (size_t)(c - start), f);
    }
    putc('"', f);
}

static void print_whole(FILE *f, const struct xo_hardware *h, const struct xo_key *key)
{
    const void *field = xo_field(h, key->offset);
    uint64_t value = key->size == sizeof(int) ? (uint64_t)*(const int *)field : *(const uint64_t *)field;
    fprintf(f, "%" PRIu64, value);
}

static void print_real(FILE *f, const struct xo_hardware *h, const struct xo_key *key)
{
    print_number(f, *(const double *)xo_field(h, key->offset));
}

static void print_values(FILE *f, const struct xo_hardware *h, const struct xo_key *key)
{
    const struct xo_values *values = xo_field(h, key->offset);
    if (xo_data(h, key)->file)
        print_text(f, xo_data(h, key)->file);
    else if (values->all == XO_OPEN)
        fputs("open", f);
    else
        print_number(f, values->all);
}

static void print_choice(FILE *f, const struct xo_hardware *h, const struct xo_key *key)
{
    const char *word = key->choices;
    for (int k = *(const int *)xo_field(h, key->offset); k > 0; k--)
        word = strchr(word, '|') + 1;
    fprintf(f, "%.*s", (int)strcspn(word, "|"), word);
}

static void print_clip(FILE *f, const struct xo_hardware *h, const struct xo_key *key)
{
    const struct xo_clip *clip = xo_field(h, key->offset);
    if (clip->rule == XO_CLIP_MAX) {
        fputs("max", f);
        return;
    }
    fputs(clip->rule == XO_CLIP_PERCENTILE ? "{percentile: " : "{sigma: ", f);
    print_number(f, clip->value);
    putc('}', f);
}

static void print_inl(FILE *f, const struct xo_hardware *h, const struct xo_key *key)
{
    const struct xo_inl *inl = xo_field(h, key->offset);
    putc('[', f);
    for (size_t k = 0; k < inl->count; k++) {
        fputs(k ? ", " : "", f);
        print_number(f, inl->coefficient[k]);
    }
    putc(']', f);
}

static void print_lines(FILE *f, const struct xo_hardware *h, const struct xo_key *key)
{
    const struct xo_key_data *data = xo_data(h, key);
    putc('{', f);
    for (size_t k = 0; k < data->line_count; k++) {
        const struct xo_line *line = &data->line[k].line;
        fprintf(f, "%s%zu: ", k ? ", " : "", data->line[k].index);
        if (line->state == XO_LINE_HELD) {
            fputs("{hold_volt: ", f);
            print_number(f, line->hold_volt);
            putc('}', f);
        } else {
            fputs(line->state == XO_LINE_FLOATING ? "floating" : line->state == XO_LINE_GATED ? "gated" : "grounded",
                  f);
        }
    }
    putc('}', f);
}

static void print_sites(FILE *f, const struct xo_hardware *h, const struct xo_key *key)
{
    size_t size = key->kind == XO_KIND_SITES ? sizeof(struct xo_site) : sizeof(struct xo_stuck), count;
    const char *sites;
    memcpy(&sites, xo_field(h, key->offset), sizeof sites);
    memcpy(&count, xo_field(h, key->count_offset), sizeof count);
    putc('[', f);
    for (size_t k = 0; k < count; k++) {
        struct xo_stuck site = { 0 };  /* or xo_bridge, or its beginning, xo_site */
        memcpy(&site, sites + k * size, size);
        fprintf(f, "%s[%zu, %zu", k ? ", " : "", site.row, site.column);
        if (key->kind == XO_KIND_SITE_VALUES) {
            fputs(", ", f);
            print_number(f, site.siemens);
        }
        putc(']', f);
    }
    putc(']', f);
}

static void print_coefficients(FILE *f, const struct xo_hardware *h, const struct xo_key *key)
{
    const struct xo_node *list = xo_data(h, key)->list;
    double value = 0;
    putc('[', f);
    for (const struct xo_node *item = list->first; item; item = item->next) {
        bool deep = item->kind == XO_NODE_LIST;
        fputs(item == list->first ? "" : ", ", f);
        fputs(deep ? "[" : "", f);
        for (const struct xo_node *number = deep ? item->first : item; number; number = deep ? number->next : NULL) {
            xo_node_real(&value, number, key);
            fputs(deep && number != item->first ? ", " : "", f);
            print_number(f, value);
        }
        fputs(deep ? "]" : "", f);
    }
    putc(']', f);
}

static void print_file(FILE *f, const struct xo_hardware *h, const struct xo_key *key)
{
    print_text(f, xo_data(h, key)->file);
}

static void print_word(FILE *f, const struct xo_hardware *h, const struct xo_key *key)
{
    const char *text;
    memcpy(&text, xo_field(h, key->offset), sizeof text);
    print_text(f, text);
}

static void print_range(FILE *f, const struct xo_hardware *h, const struct xo_key *key)
{
    const double *range = xo_field(h, key->offset);
    putc('[', f);
    print_number(f, range[0]);
    fputs(", ", f);
    print_number(f, range[1]);
    putc(']', f);
}

/* "array.faults.stuck" after "array.lines.bit" -> "  faults:" and the indented name, up to its colon */
static void print_name(FILE *f, size_t indent, const char *before, const char *path)
{
    size_t same = 0;
    for (size_t k = 0; before[k] && before[k] == path[k]; k++)
        if (path[k] == '.')
            same = k + 1;
    for (size_t k = 0; k < same; k++)
        indent += path[k] == '.' ? 2 : 0;
    for (path += same; strchr(path, '.'); path += strcspn(path, ".") + 1, indent += 2)
        fprintf(f, "%*s%.*s:\n", (int)indent, "", (int)strcspn(path, "."), path);
    fprintf(f, "%*s%s: ", (int)indent, "", path);
}

/* Keys without a value: their absence is the default. */
static bool is_absent(const struct xo_hardware *h, const struct xo_key *key)
{
    bool crossbar = h->array.topology == XO_TOPOLOGY_CROSSBAR;
    return (h->array.cell_type != XO_CELL_1S1R && !strncmp(key->path, "device.selector.", 16))
           || (h->array.cell_type != XO_CELL_1T1R && !strncmp(key->path, "device.transistor_", 18))
           || (crossbar && (!strncmp(key->path, "array.source_", 13) || !strcmp(key->path, "array.input")))
           || (xo_is_ladder(&h->array) && (!strcmp(key->path, "array.faults.open_word_segments")
                                           || !strcmp(key->path, "array.faults.word_bridges")))
           || (key->kind == XO_KIND_COEFFICIENTS && !xo_data(h, key)->list)
           || (key->kind == XO_KIND_FILE && !xo_data(h, key)->file)
           || (h->array.law.law != XO_LAW_SPICE && key->offset >= offsetof(struct xo_hardware, subcircuit)
               && key->offset < offsetof(struct xo_hardware, subcircuit) + sizeof h->subcircuit)
           || (key->kind == XO_KIND_NAME && !*(const char *const *)xo_field(h, key->offset))
           || (key->offset == offsetof(struct xo_hardware, subcircuit.gate_volt) && !h->subcircuit.gate_pin)
           || (key->kind == XO_KIND_RANGE && !xo_data(h, key)->mark.origin)
           || (key->offset == offsetof(struct xo_hardware, subcircuit.read) && !xo_data(h, key)->mark.origin)
           || (key->kind == XO_KIND_REAL && !key->fallback && !xo_data(h, key)->mark.origin)
           || (key->offset == offsetof(struct xo_hardware, array.rows) && !h->array.rows)
           || (key->offset == offsetof(struct xo_hardware, array.columns) && !h->array.columns);
}

static void print_value(FILE *f, const struct xo_hardware *h, const struct xo_key *key)
{
    static void (*const print[])(FILE *, const struct xo_hardware *, const struct xo_key *) = {
        [XO_KIND_WHOLE] = print_whole,  [XO_KIND_REAL] = print_real,   [XO_KIND_VALUES] = print_values,
        [XO_KIND_CHOICE] = print_choice, [XO_KIND_CLIP] = print_clip,  [XO_KIND_INL] = print_inl,
        [XO_KIND_LINES] = print_lines,  [XO_KIND_SITES] = print_sites, [XO_KIND_SITE_VALUES] = print_sites,
        [XO_KIND_COEFFICIENTS] = print_coefficients, [XO_KIND_FILE] = print_file,
        [XO_KIND_NAME] = print_word,    [XO_KIND_RANGE] = print_range,
    };
    print[key->kind](f, h, key);
    putc('\n', f);
}

/* What a pattern sets: the keys that have a place once it is put over a copy where none has. */
static int print_pattern(FILE *f, struct xo_hardware *copy, const struct xo_node *pattern)
{
    const char *before = "";
    bool keep = false;
    for (size_t k = 0; k < xo_schema_count; k++)
        xo_data(copy, &xo_schema[k])->mark.origin = NULL;
    if (xo_override(copy, pattern, &keep, NULL))
        return ENOMEM;                 /* all else was checked when it was read */
    fputs("  ", f);
    print_text(f, pattern->key);
    fputs(pattern->count ? ":\n" : ": {}\n", f);
    if (keep)
        fputs("    keep: digital\n", f);
    for (size_t k = 0; k < xo_schema_count; k++)
        if (xo_data(copy, &xo_schema[k])->mark.origin) {
            print_name(f, 4, before, xo_schema[k].path);
            print_value(f, copy, &xo_schema[k]);
            before = xo_schema[k].path;
        }
    return 0;
}

static int print_layers(FILE *f, const struct xo_hardware *h)
{
    struct xo_hardware copy;
    int status = h->owned->layers ? xo_hardware_copy(&copy, h) : 0;
    if (!h->owned->layers || status)
        return status;
    fputs(h->owned->layers->count ? "layers:\n" : "layers: {}\n", f);
    for (const struct xo_node *pattern = h->owned->layers->first; pattern && !status; pattern = pattern->next)
        status = print_pattern(f, &copy, pattern);
    xo_hardware_free(&copy);
    return status;
}

int xo_hardware_print(char **text, const struct xo_hardware *h)
{
    const char *before = "";
    char *buffer = NULL;
    size_t nbytes;
    FILE *f = open_memstream(&buffer, &nbytes);
    int failed;
    if (!f)
        return errno;
    for (size_t k = 0; k < xo_schema_count; k++) {
        if (is_absent(h, &xo_schema[k]))
            continue;
        print_name(f, 0, before, xo_schema[k].path);
        print_value(f, h, &xo_schema[k]);
        before = xo_schema[k].path;
    }
    failed = print_layers(f, h) || ferror(f);
    if (fclose(f) || failed) {
        free(buffer);
        return ENOMEM;
    }
    *text = buffer;
    return 0;
}
