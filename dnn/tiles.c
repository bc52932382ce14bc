/* Writing tiles.h5, array by array, with HDF5 in name.part; xo_writer puts it in place.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "disk.h"
#include "hdf5_text.h"
#include "memory.h"
#include "tiles.h"
#include "xo_file.h"

#define BAND_NBYTES ((size_t)1 << 20)  /* of q, a chunk */
#define SMALL_NBYTES 2048              /* not worth a chunk */

struct xo_tiles_file {
    struct xo_writer writer;
    struct xo_disk disk;
    hid_t file, compact;               /* how groups are kept */
    hid_t layer, matrix, tile, slice;  /* open groups; -1: none. matrix is layer again where there is but one */
    int error;                         /* the first */
    H5E_auto2_t print;                 /* HDF5 prints its errors unless told not to; as it was before */
    void *print_data;
};

/* ---- what went wrong ------------------------------------------------------------------------------ */

/* HDF5 fails for want of memory only: nothing here comes from outside, and its disk never fails. */
static bool note(xo_tiles_file *f, bool done)
{
    if (!f->error)
        f->error = f->disk.error ? f->disk.error : done ? 0 : ENOMEM;
    return done;
}

bool xo_tiles_failed(const xo_tiles_file *f) { return f->error != 0; }

/* ---- small things --------------------------------------------------------------------------------- */

static void close_group(hid_t *group)
{
    if (*group >= 0)
        H5Gclose(*group);
    *group = -1;
}

static hid_t open_group(xo_tiles_file *f, hid_t parent, const char *name)
{
    hid_t group = f->error ? -1 : H5Gcreate2(parent, name, H5P_DEFAULT, f->compact, H5P_DEFAULT);
    note(f, group >= 0);
    return group;
}

/* One value with a name: text, or a number of the given types. */
static void put_attribute(xo_tiles_file *f, hid_t object, const char *name, hid_t in_file, hid_t in_memory,
                          const void *value)
{
    hid_t space = f->error ? -1 : H5Screate(H5S_SCALAR), attribute = -1;
    if (space >= 0)
        attribute = H5Acreate2(object, name, in_file, space, H5P_DEFAULT, H5P_DEFAULT);
    note(f, attribute >= 0 && H5Awrite(attribute, in_memory, value) >= 0);
    if (attribute >= 0)
        H5Aclose(attribute);
    if (space >= 0)
        H5Sclose(space);
}

static void put_text(xo_tiles_file *f, hid_t object, const char *name, const char *text)
{
    hid_t type = xo_hdf5_text(strlen(text));
    if (note(f, type >= 0))
        put_attribute(f, object, name, type, type, text);
    if (type >= 0)
        H5Tclose(type);
}

static void put_count(xo_tiles_file *f, hid_t object, const char *name, uint64_t value)
{
    put_attribute(f, object, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, &value);
}

static void put_real(xo_tiles_file *f, hid_t object, const char *name, double value)
{
    put_attribute(f, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value);
}

/* ---- arrays of numbers ---------------------------------------------------------------------------- */

/* Of 0 (a text), 1 or 2 dimensions.  So many rows a chunk; in one piece and as it is where the whole is small. */
static hid_t creation_of(size_t dimensions, const size_t *shape, size_t chunk_rows, size_t width)
{
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    size_t count = dimensions ? shape[0] * (dimensions == 2 ? shape[1] : 1) : 0;
    const hsize_t chunk[2] = { chunk_rows, dimensions == 2 ? shape[1] : 1 };
    bool done = list >= 0 && H5Pset_obj_track_times(list, 0) >= 0;
    if (done && count * width > SMALL_NBYTES)
        done = H5Pset_chunk(list, (int)dimensions, chunk) >= 0 && H5Pset_deflate(list, 1) >= 0;
    if (!done && list >= 0)
        H5Pclose(list);
    return done ? list : -1;
}

static hid_t create_data(xo_tiles_file *f, hid_t parent, const char *name, hid_t type, size_t dimensions,
                         const size_t *shape, size_t chunk_rows, size_t width)
{
    const hsize_t size[2] = { dimensions ? shape[0] : 1, dimensions == 2 ? shape[1] : 1 };
    hid_t list = f->error ? -1 : creation_of(dimensions, shape, chunk_rows, width), space = -1, data = -1;
    if (list >= 0)
        space = dimensions ? H5Screate_simple((int)dimensions, size, NULL) : H5Screate(H5S_SCALAR);
    if (space >= 0)
        data = H5Dcreate2(parent, name, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    note(f, data >= 0);
    if (space >= 0)
        H5Sclose(space);
    if (list >= 0)
        H5Pclose(list);
    return data;
}

static void describe_data(xo_tiles_file *f, hid_t data, const char *unit, const char *meaning)
{
    if (data < 0)
        return;
    put_text(f, data, "unit", unit);
    if (meaning)
        put_text(f, data, "meaning", meaning);
}

static void close_data(xo_tiles_file *f, hid_t data)
{
    if (data >= 0)
        note(f, H5Dclose(data) >= 0);
}

/* `rows` rows from `first` on. */
static void write_rows(xo_tiles_file *f, hid_t data, hid_t type, size_t first, size_t rows, size_t width,
                       const void *value)
{
    const hsize_t start[2] = { first, 0 }, count[2] = { rows, width };
    hid_t there = f->error ? -1 : H5Dget_space(data), here = -1;
    if (there >= 0 && H5Sselect_hyperslab(there, H5S_SELECT_SET, start, NULL, count, NULL) >= 0)
        here = H5Screate_simple(2, count, NULL);
    note(f, here >= 0 && H5Dwrite(data, type, here, there, H5P_DEFAULT, value) >= 0);
    if (here >= 0)
        H5Sclose(here);
    if (there >= 0)
        H5Sclose(there);
}

/* ---- the file ------------------------------------------------------------------------------------- */

static void put_hardware(xo_tiles_file *f, const struct xo_hardware *h)
{
    char *yaml = NULL;
    hid_t type, data;
    if (xo_hardware_print(&yaml, h)) {
        f->error = ENOMEM;
        return;
    }
    type = xo_hdf5_text(strlen(yaml));
    data = create_data(f, f->file, "hardware", type, 0, NULL, 0, 0);
    note(f, data >= 0 && H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, yaml) >= 0);
    close_data(f, data);
    if (type >= 0)
        H5Tclose(type);
    free(yaml);
}

/* Groups in the compact form that comes with creation order: a hundred bytes instead of a thousand.  The root keeps
 * the old form, as the new one would note the time. */
static hid_t create_file(xo_tiles_file *f, const char *path)
{
    hid_t creation = H5Pcreate(H5P_FILE_CREATE), access = H5Pcreate(H5P_FILE_ACCESS), file = -1;
    f->compact = H5Pcreate(H5P_GROUP_CREATE);
    if (creation >= 0 && access >= 0 && f->compact >= 0 && H5Pset_obj_track_times(f->compact, 0) >= 0
        && H5Pset_link_creation_order(f->compact, H5P_CRT_ORDER_TRACKED) >= 0 && H5Pset_istore_k(creation, 4) >= 0
        && xo_disk_begin(&f->disk, access))
        file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
    if (creation >= 0)
        H5Pclose(creation);
    if (access >= 0)
        H5Pclose(access);
    return file;
}

int xo_tiles_create(xo_tiles_file **out, const char *path, const struct xo_hardware *h, const char *model_sha256,
                    struct xo_info *info)
{
    xo_tiles_file *f = xo_calloc(1, sizeof *f);
    int status = f ? xo_writer_open(&f->writer, path, info) : ENOMEM;
    if (!status && !f->writer.part) {
        xo_writer_abandon(&f->writer);
        status = xo_fail(info, XO_EUNSUPPORTED, "%s: found no regular file; expected one, as HDF5 goes back and "
                         "forth", path);
    }
    if (status) {
        free(f);
        return status;
    }
    H5Eget_auto2(H5E_DEFAULT, &f->print, &f->print_data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    f->layer = f->matrix = f->tile = f->slice = -1;
    f->file = create_file(f, f->writer.part);
    if (note(f, f->file >= 0)) {
        put_text(f, f->file, "title", "Crossohm tiles; crossohm-map(1) explains every item");
        put_text(f, f->file, "tool_version", PACKAGE_VERSION);
        put_text(f, f->file, "model_sha256", model_sha256);
        put_hardware(f, h);
    }
    *out = f;
    return 0;
}

static void close_layer(xo_tiles_file *f)
{
    close_group(&f->slice);
    close_group(&f->tile);
    if (f->matrix != f->layer)
        close_group(&f->matrix);
    f->matrix = -1;
    close_group(&f->layer);
}

static void close_file(xo_tiles_file *f)
{
    close_layer(f);
    if (f->file >= 0)
        note(f, H5Fclose(f->file) >= 0);
    if (f->compact >= 0)
        H5Pclose(f->compact);
    xo_disk_end(&f->disk);
    H5Eset_auto2(H5E_DEFAULT, f->print, f->print_data);
}

int xo_tiles_commit(xo_tiles_file *f, struct xo_info *info)
{
    int status;
    close_file(f);
    status = f->error;
    if (status) {
        xo_fail(info, status, "%s: cannot write: %s", f->writer.path, xo_strerror(status));
        xo_writer_abandon(&f->writer);
    } else {
        status = xo_writer_commit(&f->writer, info);
    }
    free(f);
    return status;
}

void xo_tiles_abandon(xo_tiles_file *f)
{
    if (!f)
        return;
    close_file(f);
    xo_writer_abandon(&f->writer);
    free(f);
}

/* ---- layers, matrices, arrays --------------------------------------------------------------------- */

char *xo_tiles_escape(const char *name)
{
    char *text = xo_calloc(3 * strlen(name) + 4, 1), *end = text;
    if (!text)
        return NULL;
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f || strchr("%/", *c) || !strcmp(name, "."))
            end += sprintf(end, "%%%02X", (unsigned)(unsigned char)*c);
        else
            *end++ = *c;
    return text;
}

static void describe(xo_tiles_file *f, const struct xo_layout *l)
{
    static const char *const sign[] = { "differential", "offset", "twos_complement" }, *const place[] = { "tiles",
                                                                                                        "columns" };
    const struct xo_mapping *m = &l->hardware->mapping;
    put_text(f, f->layer, "sign", sign[m->sign]);
    if (m->sign == XO_SIGN_DIFFERENTIAL)
        put_text(f, f->layer, "pair", place[m->pair]);
    put_text(f, f->layer, "slices_in", place[m->slices]);
    put_count(f, f->layer, "slices", (uint64_t)l->slices);
    put_count(f, f->layer, "weight_bits", (uint64_t)l->weight_bits);
    put_count(f, f->layer, "bits_per_cell", (uint64_t)l->bits_per_cell);
    put_count(f, f->layer, "tile_rows", l->tile_rows);
    put_count(f, f->layer, "tile_outputs", l->tile_outputs);
    if (l->reference_column != XO_NONE)
        put_count(f, f->layer, "reference_column", l->reference_column);
    put_real(f, f->layer, "on_siemens", l->hardware->device.on_siemens);
    put_real(f, f->layer, "off_siemens", xo_off_siemens(l->hardware));
}

void xo_tiles_layer(xo_tiles_file *f, const struct xo_codes *codes, const struct xo_layout *layout)
{
    const struct xo_code_matrix *last = &codes->matrix[codes->matrices - 1];
    size_t outputs = last->first_output + last->outputs;
    char *name = xo_tiles_escape(codes->name);
    hid_t data;
    close_layer(f);
    if (!name) {
        f->error = f->error ? f->error : ENOMEM;
        return;
    }
    f->layer = open_group(f, f->file, name);
    free(name);
    describe(f, layout);
    data = create_data(f, f->layer, "weight_scale", H5T_IEEE_F32LE, 1, &outputs, outputs, sizeof(float));
    note(f, data >= 0 && H5Dwrite(data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, codes->weight_scale) >= 0);
    describe_data(f, data, "1", "s_w of every output: a weight is s_w q");
    close_data(f, data);
}

void xo_tiles_matrix(xo_tiles_file *f, const struct xo_codes *codes, size_t matrix)
{
    const struct xo_code_matrix *m = &codes->matrix[matrix];
    const size_t shape[2] = { m->inputs, m->outputs };
    size_t band = BAND_NBYTES / sizeof(int32_t) / m->outputs;
    char name[40];
    int32_t *q;
    hid_t data;
    band = band < 1 ? 1 : band > m->inputs ? m->inputs : band;
    q = xo_calloc(band, m->outputs * sizeof *q);
    f->error = f->error || q ? f->error : ENOMEM;
    close_group(&f->slice);
    close_group(&f->tile);
    if (f->matrix != f->layer)
        close_group(&f->matrix);
    snprintf(name, sizeof name, "group_%zu", matrix);
    f->matrix = codes->matrices == 1 ? f->layer : open_group(f, f->layer, name);
    data = create_data(f, f->matrix, "q", H5T_STD_I32LE, 2, shape, band, sizeof *q);
    describe_data(f, data, "1", "weights as integers (inputs, outputs)");
    for (size_t first = 0, rows; first < m->inputs && !f->error; first += rows) {
        rows = m->inputs - first < band ? m->inputs - first : band;
        for (size_t k = 0; k < rows * m->outputs; k++)
            q[k] = xo_code_at(m, first + k / m->outputs, k % m->outputs);
        write_rows(f, data, H5T_NATIVE_INT32, first, rows, m->outputs, q);
    }
    close_data(f, data);
    free(q);
}

/* The group an array lies in, opened with its first one. */
static hid_t group_of(xo_tiles_file *f, const struct xo_layout *l, size_t R, size_t C, size_t plane, size_t slice)
{
    bool in_tiles = l->hardware->mapping.slices == XO_IN_TILES;
    size_t per_slice = l->planes / (in_tiles ? (size_t)l->slices : 1);
    char name[60];
    if (plane == 0) {
        close_group(&f->slice);
        close_group(&f->tile);
        snprintf(name, sizeof name, "tile_%zu_%zu", R, C);
        f->tile = open_group(f, f->matrix, name);
    }
    if (in_tiles && plane % per_slice == 0) {
        close_group(&f->slice);
        snprintf(name, sizeof name, "slice_%zu", slice);
        f->slice = open_group(f, f->tile, name);
    }
    return in_tiles ? f->slice : f->tile;
}

void xo_tiles_array(xo_tiles_file *f, const struct xo_layout *l, size_t row_block, size_t column_block, size_t plane,
                    const double *siemens)
{
    const struct xo_crossbar *array = &l->hardware->array;
    const struct xo_mapping *m = &l->hardware->mapping;
    const size_t shape[2] = { array->rows, array->columns };
    struct xo_column_role role = xo_layout_role(l, plane, 0);
    bool alone = m->sign == XO_SIGN_DIFFERENTIAL && m->pair == XO_IN_TILES;
    hid_t group = group_of(f, l, row_block, column_block, plane, role.slice), data;
    data = create_data(f, group, alone ? role.minus ? "minus" : "plus" : "siemens", H5T_IEEE_F64LE, 2, shape,
                       array->rows, sizeof *siemens);
    note(f, data >= 0 && H5Dwrite(data, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, siemens) >= 0);
    describe_data(f, data, "S", NULL);
    close_data(f, data);
}
