/* A model as an HDF5 file, byte for byte reproducible.
 *
 * In front of HDF5's own bytes lies a user block that it leaves to us: 16384 bytes of text.
 *     crossohm fcm 2
 *     nbytes 142336                                            of the file
 *     sha256 9f86d081...                                       of the file with these 64 digits left out
 *     schema_version i8 10624                                  the index: path, type, where, shape
 *     linear/g_ni f8 16384 64 64
 *     ...
 *     end                                                      then blanks
 * The file is built in memory and written by xo_writer: whole or not at all.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "hdf5_text.h"
#include "memory.h"
#include "sha256.h"

#define TITLE "Crossohm fast crossbar model; crossohm-fcm(5) explains every item"

struct image {
    hid_t file, links;                 /* links: folders are made on the way                     */
    hid_t once;                        /* data sets without the time of their making             */
    unsigned long long place[XO_FCM_MAX_FIELDS];       /* of every item in the file; 0: absent   */
};

/* ---- HDF5 ----------------------------------------------------------------------------------------- */

static bool put_attribute(hid_t object, const char *name, const char *text)
{
    hid_t type = xo_hdf5_text(strlen(text)), space = H5Screate(H5S_SCALAR), attribute = -1;
    if (type >= 0 && space >= 0)
        attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool done = attribute >= 0 && H5Awrite(attribute, type, text) >= 0;
    if (attribute >= 0)
        H5Aclose(attribute);
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    return done;
}

/* In the file: little-endian whatever the host. */
static hid_t file_type(const struct xo_fcm_item *item)
{
    switch (item->type) {
    case XO_FCM_F8: return H5Tcopy(H5T_IEEE_F64LE);
    case XO_FCM_I8: return H5Tcopy(H5T_STD_I64LE);
    case XO_FCM_U8: return H5Tcopy(H5T_STD_U64LE);
    default:        return xo_hdf5_text(item->count);
    }
}

static hid_t memory_type(const struct xo_fcm_item *item, hid_t in_file)
{
    switch (item->type) {
    case XO_FCM_F8: return H5T_NATIVE_DOUBLE;
    case XO_FCM_I8: return H5T_NATIVE_INT64;
    case XO_FCM_U8: return H5T_NATIVE_UINT64;
    default:        return in_file;
    }
}

static bool put_item(struct image *p, size_t k, const struct xo_fcm_item *item)
{
    const struct xo_fcm_field *f = &xo_fcm_fields[k];
    const hsize_t shape[2] = { item->shape[0], item->shape[1] };
    const void *bytes = item->text ? (const void *)item->text : item->real ? (const void *)item->real
                                                                          : &item->scalar;
    hid_t type = file_type(item), data = -1;
    hid_t space = item->dimensions ? H5Screate_simple((int)item->dimensions, shape, NULL) : H5Screate(H5S_SCALAR);
    if (type >= 0 && space >= 0)
        data = H5Dcreate2(p->file, f->path, type, space, p->links, p->once, H5P_DEFAULT);
    bool done = data >= 0 &&
                H5Dwrite(data, memory_type(item, type), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) >= 0 &&
                (!f->unit || put_attribute(data, "unit", f->unit)) && put_attribute(data, "meaning", f->meaning);
    if (done)
        p->place[k] = H5Dget_offset(data);
    if (data >= 0)
        H5Dclose(data);
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    return done;
}

/* An enum is shown as its word. */
static bool put_field(struct image *p, size_t k, const struct xo_fcm *m)
{
    const struct xo_fcm_field *f = &xo_fcm_fields[k];
    struct xo_fcm_item item;
    char word[XO_FCM_WORD_SIZE] = "";
    if (!xo_fcm_look(&item, f, m))
        return true;
    if (f->kind == XO_FCM_WORD) {
        xo_fcm_word(word, f->words, (int)item.scalar.i);
        item.text = word;
        item.count = strlen(word);
    }
    return put_item(p, k, &item);
}

/* The file's bytes behind room for the user block. */
static char *take_bytes(hid_t file, size_t *nbytes)
{
    ssize_t length = H5Fflush(file, H5F_SCOPE_GLOBAL) < 0 ? -1 : H5Fget_file_image(file, NULL, 0);
    char *bytes = length < 0 ? NULL : xo_calloc(XO_FCM_HEAD_NBYTES + (size_t)length + 1, 1);
    if (bytes && H5Fget_file_image(file, bytes + XO_FCM_HEAD_NBYTES, (size_t)length) != length) {
        free(bytes);
        bytes = NULL;
    }
    *nbytes = bytes ? XO_FCM_HEAD_NBYTES + (size_t)length : 0;
    return bytes;
}

static char *fill(struct image *p, size_t *nbytes, const struct xo_fcm *m)
{
    bool done = put_attribute(p->file, "title", TITLE);
    for (size_t k = 0; k < xo_fcm_field_count && done; k++)
        done = put_field(p, k, m);
    return done ? take_bytes(p->file, nbytes) : NULL;
}

/* NULL if HDF5 fails, which it does for want of memory only: nothing here comes from outside. */
static char *build(struct image *p, size_t *nbytes, const struct xo_fcm *m)
{
    char *bytes = NULL;
    hid_t creation = H5Pcreate(H5P_FILE_CREATE), access = H5Pcreate(H5P_FILE_ACCESS);
    p->links = H5Pcreate(H5P_LINK_CREATE);
    p->once = H5Pcreate(H5P_DATASET_CREATE);
    p->file = -1;
    if (creation >= 0 && access >= 0 && p->links >= 0 && p->once >= 0 &&
        H5Pset_userblock(creation, XO_FCM_HEAD_NBYTES) >= 0 && H5Pset_fapl_core(access, 1 << 20, 0) >= 0 &&
        H5Pset_create_intermediate_group(p->links, 1) >= 0 && H5Pset_obj_track_times(p->once, 0) >= 0)
        p->file = H5Fcreate("memory.fcm", H5F_ACC_TRUNC, creation, access);
    if (p->file >= 0) {
        bytes = fill(p, nbytes, m);
        H5Fclose(p->file);
    }
    const hid_t lists[] = { creation, access, p->links, p->once };
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
        if (lists[k] >= 0)
            H5Pclose(lists[k]);
    return bytes;
}

/* HDF5 prints its errors unless told not to. */
static char *build_quietly(struct image *p, size_t *nbytes, const struct xo_fcm *m)
{
    H5E_auto2_t print = NULL;
    void *data = NULL;
    H5Eget_auto2(H5E_DEFAULT, &print, &data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    char *bytes = build(p, nbytes, m);
    H5Eset_auto2(H5E_DEFAULT, print, data);
    return bytes;
}

/* ---- the user block ------------------------------------------------------------------------------- */

static void index_line(char *line, const struct xo_fcm_field *f, const struct xo_fcm_item *item,
                       unsigned long long place)
{
    int length = snprintf(line, XO_FCM_MAX_LINE, "%s %s %llu", f->path, xo_fcm_type_name(item->type), place);
    if (item->type == XO_FCM_CHARS)
        length += snprintf(line + length, XO_FCM_MAX_LINE - (size_t)length, " %zu", item->count);
    for (size_t d = 0; d < item->dimensions; d++)
        length += snprintf(line + length, XO_FCM_MAX_LINE - (size_t)length, " %zu", item->shape[d]);
    snprintf(line + length, XO_FCM_MAX_LINE - (size_t)length, "\n");
}

static void write_index(char *at, const struct image *p, const struct xo_fcm *m)
{
    for (size_t k = 0; k < xo_fcm_field_count; k++) {
        const struct xo_fcm_field *f = &xo_fcm_fields[k];
        struct xo_fcm_item item;
        char line[XO_FCM_MAX_LINE], word[XO_FCM_WORD_SIZE];
        if (!xo_fcm_look(&item, f, m))
            continue;
        if (f->kind == XO_FCM_WORD)
            item.count = strlen(xo_fcm_word(word, f->words, (int)item.scalar.i));
        index_line(line, f, &item, p->place[k]);
        at = stpcpy(at, line);
    }
    *stpcpy(at, "end\n") = ' ';        /* the blanks go on */
}
_Static_assert(XO_FCM_MAX_FIELDS * 100 + 300 < XO_FCM_HEAD_NBYTES, "the index fits: paths stay below 40 characters");

static void write_head(char *bytes, size_t nbytes, const struct image *p, const struct xo_fcm *m)
{
    struct xo_sha256 sum;
    char hex[65];
    memset(bytes, ' ', XO_FCM_HEAD_NBYTES);
    bytes[XO_FCM_HEAD_NBYTES - 1] = '\n';
    size_t digits = (size_t)sprintf(bytes, XO_FCM_MAGIC "%d\nnbytes %zu\nsha256 ", XO_FCM_VERSION, nbytes);
    memset(bytes + digits, ' ', 64);
    bytes[digits + 64] = '\n';
    write_index(bytes + digits + 65, p, m);
    xo_sha256_begin(&sum);
    xo_sha256_add(&sum, bytes, digits);
    xo_sha256_add(&sum, bytes + digits + 64, nbytes - digits - 64);
    xo_sha256_end(&sum, hex);
    memcpy(bytes + digits, hex, 64);
}

int xo_fcm_image(char **bytes, size_t *nbytes, const struct xo_fcm *m, const char *name, struct xo_info *info)
{
    struct image image = { .file = -1 };
    int status = xo_fcm_check(m, name, info);
    if (status)
        return status;
    *bytes = build_quietly(&image, nbytes, m);
    if (!*bytes)
        return xo_fail(info, ENOMEM, "%s: cannot build the file: %s", name, xo_strerror(ENOMEM));
    write_head(*bytes, *nbytes, &image, m);
    return 0;
}

int xo_fcm_write(const char *path, const struct xo_fcm *m, struct xo_info *info)
{
    struct xo_writer w;
    char *bytes = NULL;
    size_t nbytes = 0;
    int status = xo_fcm_image(&bytes, &nbytes, m, path, info);
    if (!status)
        status = xo_writer_open(&w, path, info);
    if (!status) {
        fwrite(bytes, 1, nbytes, w.stream);
        status = xo_writer_commit(&w, info);
    }
    free(bytes);
    return status;
}
