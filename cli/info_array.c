/* What a file of numbers holds: shape, type, range, and a guess from them.
 *
 * A .npz is a zip archive of .npy files (PKWARE APPNOTE 6.3); members stored uncompressed are read, which is
 * what this tool and numpy.savez write, compressed ones are named.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "info.h"

struct range {
    double lowest, highest, smallest;  /* smallest: of the magnitudes that are not 0 */
};

static struct range range_of(const struct xo_ndarray *a)
{
    struct range r = {INFINITY, -INFINITY, INFINITY};
    for (size_t k = 0; k < xo_ndarray_count(a); k++) {
        r.lowest = fmin(r.lowest, a->value[k]);
        r.highest = fmax(r.highest, a->value[k]);
        if (a->value[k] != 0)
            r.smallest = fmin(r.smallest, fabs(a->value[k]));
    }
    return r;
}

/* Members of the archives that `solve` writes.  Branch currents and gradients have the same names and shapes. */
static const char *known_member(const char *name, const struct xo_ndarray *a)
{
    static const struct { const char *name; size_t dimensions; bool power; } members[] = {
        {"cells.npy", 3, false},   {"row_wires.npy", 3, false}, {"column_wires.npy", 3, false},
        {"drivers.npy", 3, false}, {"senses.npy", 3, false},    {"word_bridges.npy", 2, false},
        {"bit_bridges.npy", 2, false},
        {"cells.npy", 1, true},    {"sources.npy", 1, true},    {"bridges.npy", 1, true},
        {"word_lines.npy", 2, true}, {"bit_lines.npy", 2, true},
    };
    for (size_t k = 0; k < sizeof members / sizeof *members; k++)
        if (a->dimensions == members[k].dimensions && !strcmp(name, members[k].name))
            return members[k].power ? "power [W]"
                                    : "currents [A], or a gradient [A/S]: both have this name and shape";
    return NULL;
}

static const char *guess(const struct xo_ndarray *a, struct range r)
{
    double largest = fmax(fabs(r.lowest), fabs(r.highest));
    if (largest == 0)
        return "nothing but zeros: no guess";
    if (a->dimensions == 4 && a->shape[1] == 2)
        return "node voltages [V], (inputs, 2, rows, columns)";
    if (largest >= 5e-3 && largest <= 20)
        return r.lowest < 0 ? "voltages [V] of both signs" : "voltages [V]";
    if (largest < 1e-12)
        return "error bounds, or very small currents [A]";
    if (r.lowest < 0 && largest < 5e-3)
        return "currents [A] of both signs";
    if (largest < 5e-3)
        return "conductances [S], or currents [A]";
    return "resistances [ohm]";
}

static json_t *shape_json(const struct xo_ndarray *a)
{
    json_t *shape = json_array();
    for (size_t d = 0; d < a->dimensions; d++)
        json_array_append_new(shape, json_integer((json_int_t)a->shape[d]));
    return shape;
}

static void print_shape(const struct xo_ndarray *a)
{
    putchar('(');
    for (size_t d = 0; d < a->dimensions; d++)
        printf("%s%zu", d ? ", " : "", a->shape[d]);
    putchar(')');
}

static int show_array(const char *name, const char *known, const struct xo_ndarray *a, const char *type,
                      json_t *report)
{
    struct range r = range_of(a);
    bool empty = !xo_ndarray_count(a);
    const char *meaning = known ? known : empty ? "" : guess(a, r);
    printf("%s: shape ", name);
    print_shape(a);
    if (empty)
        printf(", %s, no elements\n", type);
    else
        printf(", %s, %.6g to %.6g, smallest magnitude %.3g\n", type, r.lowest, r.highest,
               isinf(r.smallest) ? 0 : r.smallest);
    if (meaning[0])
        printf("  %s: %s\n", known ? "by its name" : "guessed from the range", meaning);
    int failed = cli_json_put(report, "shape", shape_json(a));
    failed |= cli_json_put(report, "type", json_string(type));
    failed |= cli_json_put(report, "min", cli_json_number(r.lowest));
    failed |= cli_json_put(report, "max", cli_json_number(r.highest));
    failed |= cli_json_put(report, "guess", meaning[0] ? json_string(meaning) : json_null());
    return failed ? cli_no_memory() : CLI_DONE;
}

/* ---- .npy ----------------------------------------------------------------------------------------- */

/* The element type as the header of a well-formed .npy gives it. */
static const char *type_of(const char *bytes, size_t nbytes)
{
    static const struct { const char *descr, *text; } types[] = {
        {"<f8", "float64"}, {">f8", "float64, big-endian"}, {"<f4", "float32"}, {">f4", "float32, big-endian"}
    };
    for (size_t k = 0; k < sizeof types / sizeof *types; k++)
        if (memmem(bytes, nbytes < 4096 ? nbytes : 4096, types[k].descr, 3))
            return types[k].text;
    return "floating point";
}

static int show_npy(const char *name, bool is_member, const char *bytes, size_t nbytes, json_t *report)
{
    struct xo_ndarray a = {0};
    struct xo_info info = {""};
    int status = xo_npy_parse(&a, bytes, nbytes, name, &info);
    if (status == XO_EVALUE) {                          /* island nodes, undefined currents: told, not refused */
        printf("%s\n", info.text);
        return cli_json_put(report, "finding", cli_json_text(info.text)) ? cli_no_memory() : CLI_DONE;
    }
    if (status)
        return cli_fail_reading(status, &info, name);
    int code = show_array(name, is_member ? known_member(name, &a) : NULL, &a, type_of(bytes, nbytes), report);
    xo_ndarray_free(&a);
    return code;
}

int info_npy(const struct info_file *file, json_t *report)
{
    if (cli_json_put(report, "kind", json_string("array")))
        return cli_no_memory();
    return show_npy(file->name, false, file->bytes, file->nbytes, report);
}

int info_csv(const struct info_file *file, json_t *report)
{
    struct xo_ndarray a = {0};
    struct xo_info info = {""};
    int status = xo_csv_parse(&a, file->bytes, file->nbytes, file->name, &info);
    if (status)
        return cli_fail_reading(status, &info, file->name);
    int code = cli_json_put(report, "kind", json_string("table"))
        ? cli_no_memory() : show_array(file->name, NULL, &a, "decimal text", report);
    xo_ndarray_free(&a);
    return code;
}

/* ---- .npz ----------------------------------------------------------------------------------------- */

enum { LOCAL_NBYTES = 30, CENTRAL_NBYTES = 46, END_NBYTES = 22 };

struct archive {
    const char *path, *bytes;
    size_t nbytes;
};

static uint32_t get16(const char *at)
{
    return (uint32_t)(unsigned char)at[0] | (uint32_t)(unsigned char)at[1] << 8;
}

static uint32_t get32(const char *at)
{
    return get16(at) | get16(at + 2) << 16;
}

static int damaged(const struct archive *z, size_t at)
{
    return cli_fail(CLI_BAD_INPUT, "%s: byte %zu: the zip directory is damaged; expected a whole .npz", z->path, at);
}

/* The end record sits at the end, behind it only a comment. */
static const char *find_end(const struct archive *z)
{
    for (size_t back = END_NBYTES; back <= z->nbytes && back <= END_NBYTES + 65535; back++)
        if (!memcmp(z->bytes + z->nbytes - back, "PK\5\6", 4))
            return z->bytes + z->nbytes - back;
    return NULL;
}

/* One entry of the central directory; *at moves on. */
static int show_member(const struct archive *z, size_t *at, json_t *list)
{
    char name[256];
    if (*at > z->nbytes || z->nbytes - *at < CENTRAL_NBYTES || memcmp(z->bytes + *at, "PK\1\2", 4))
        return damaged(z, *at);
    const char *entry = z->bytes + *at;
    size_t name_nbytes = get16(entry + 28), data_nbytes = get32(entry + 20), local = get32(entry + 42);
    if (z->nbytes - *at - CENTRAL_NBYTES < name_nbytes)
        return damaged(z, *at);
    snprintf(name, sizeof name, "%.*s", (int)name_nbytes, entry + CENTRAL_NBYTES);
    *at += CENTRAL_NBYTES + name_nbytes + get16(entry + 30) + get16(entry + 32);
    json_t *report = json_pack("{s:o}", "name", cli_json_text(name));
    if (json_array_append(list, report))
        return cli_no_memory();
    json_decref(report);                                /* list keeps it */
    if (get16(entry + 10) != 0) {
        printf("%s: compressed, not read\n", name);
        return CLI_DONE;
    }
    if (local > z->nbytes || z->nbytes - local < LOCAL_NBYTES)
        return damaged(z, local);
    size_t data = local + LOCAL_NBYTES + get16(z->bytes + local + 26) + get16(z->bytes + local + 28);
    if (data > z->nbytes || z->nbytes - data < data_nbytes)
        return damaged(z, local);
    return show_npy(name, true, z->bytes + data, data_nbytes, report);
}

static int show_archive(const struct archive *z, json_t *list)
{
    const char *end = find_end(z);
    if (!end)
        return cli_fail(CLI_BAD_INPUT, "%s: no zip directory found; expected a whole .npz", z->path);
    size_t count = get16(end + 10), at = get32(end + 16);
    int code = CLI_DONE;
    for (size_t k = 0; k < count && !code; k++)
        code = show_member(z, &at, list);
    return code;
}

int info_npz(const struct info_file *file, json_t *report)
{
    const struct archive z = {.path = file->name, .bytes = file->bytes, .nbytes = file->nbytes};
    json_t *list = json_array();
    int failed = cli_json_put(report, "kind", json_string("arrays"));
    failed |= cli_json_put(report, "arrays", list);     /* report keeps it */
    return failed ? cli_no_memory() : show_archive(&z, list);
}
