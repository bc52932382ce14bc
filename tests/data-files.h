/* Small data sets as files, written independently of what reads them.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DATA_FILES_H
#define DATA_FILES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>
#include <png.h>
#include <zlib.h>
#include "scratch.h"

/* IDX of unsigned bytes: element k is (7k + 3) mod modulus. */
__attribute__((unused))
static size_t put_idx(const char *name, int dimensions, const uint32_t *shape, unsigned modulus)
{
    unsigned char *bytes;
    size_t count = 1, header = 4 + 4 * (size_t)dimensions;
    for (int d = 0; d < dimensions; d++)
        count *= shape[d];
    bytes = calloc(header + count, 1);
    bytes[2] = 8;
    bytes[3] = (unsigned char)dimensions;
    for (int d = 0; d < dimensions; d++)
        for (int k = 0; k < 4; k++)
            bytes[4 + 4 * d + k] = (unsigned char)(shape[d] >> (24 - 8 * k));
    for (size_t k = 0; k < count; k++)
        bytes[header + k] = (unsigned char)((7 * k + 3) % modulus);
    scratch_put(name, bytes, header + count);
    free(bytes);
    return header + count;
}

/* CIFAR-10: record k has label k mod 10; byte j of its pixels is (k + 3j) mod 251. */
__attribute__((unused))
static void put_cifar(const char *name, size_t records)
{
    unsigned char *bytes = calloc(records + 1, 3073);
    for (size_t k = 0; k < records; k++) {
        bytes[3073 * k] = (unsigned char)(k % 10);
        for (size_t j = 0; j < 3072; j++)
            bytes[3073 * k + 1 + j] = (unsigned char)((k + 3 * j) % 251);
    }
    scratch_put(name, bytes, 3073 * records);
    free(bytes);
}

/* .npy, version 1: descr and shape as Python writes them, then the bytes. */
__attribute__((unused))
static void put_npy(const char *name, const char *descr, const char *shape, const void *data, size_t nbytes)
{
    char *bytes = calloc(256 + nbytes, 1);
    size_t length = 128;
    memcpy(bytes, "\x93NUMPY\1\0", 8);
    bytes[8] = (char)(length - 10);
    memset(bytes + 10, ' ', length - 10);
    length = (size_t)sprintf(bytes + 10, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape) + 10;
    bytes[length] = ' ';
    bytes[127] = '\n';
    if (nbytes)
        memcpy(bytes + 128, data, nbytes);
    scratch_put(name, bytes, 128 + nbytes);
    free(bytes);
}

/* `from` packed as so many gzip members. */
__attribute__((unused))
static void put_gzip(const char *to, const char *from, size_t members)
{
    size_t nbytes, done = 0;
    char *bytes = scratch_get(from, &nbytes);
    remove(to);
    for (size_t k = 0; k < members; k++) {
        gzFile f = gzopen(to, "ab9");
        size_t piece = k + 1 < members ? nbytes / members : nbytes - done;
        gzwrite(f, bytes + done, (unsigned)piece);
        gzclose(f);
        done += piece;
    }
    free(bytes);
}

/* A PNG of any kind libpng knows; pixels row by row in the file's own format. */
__attribute__((unused))
static void put_png(const char *name, int width, int height, int depth, int colour, int interlaced,
                    const unsigned char *pixels, size_t row)
{
    FILE *f = fopen(name, "wb");
    png_structp p = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop header = png_create_info_struct(p);
    png_color palette[3] = { { 10, 20, 30 }, { 40, 50, 60 }, { 250, 240, 230 } };
    png_init_io(p, f);
    png_set_IHDR(p, header, (png_uint_32)width, (png_uint_32)height, depth, colour,
                 interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (colour == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(p, header, palette, 3);
    png_write_info(p, header);
    for (int pass = png_set_interlace_handling(p); pass > 0; pass--)
        for (int y = 0; y < height; y++)
            png_write_row(p, pixels + (size_t)y * row);
    png_write_end(p, NULL);
    png_destroy_write_struct(&p, &header);
    fclose(f);
}

/* A JPEG of quality 100 without subsampling: 1 (grey), 3 (RGB) or 4 (CMYK) components.  scans 0: one; 1: progressive;
 * 2: one for each of three components. */
__attribute__((unused))
static void put_jpeg(const char *name, int width, int height, int components, int scans, const unsigned char *pixels)
{
    static const jpeg_scan_info apart[3] = {
        { 1, { 0 }, 0, 63, 0, 0 }, { 1, { 1 }, 0, 63, 0, 0 }, { 1, { 2 }, 0, 63, 0, 0 } };
    static const J_COLOR_SPACE space[5] = { 0, JCS_GRAYSCALE, 0, JCS_RGB, JCS_CMYK };
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr error;
    FILE *f = fopen(name, "wb");
    c.err = jpeg_std_error(&error);
    jpeg_create_compress(&c);
    jpeg_stdio_dest(&c, f);
    c.image_width = (JDIMENSION)width;
    c.image_height = (JDIMENSION)height;
    c.input_components = components;
    c.in_color_space = space[components];
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, 100, TRUE);
    c.comp_info[0].h_samp_factor = c.comp_info[0].v_samp_factor = 1;
    if (scans == 1)
        jpeg_simple_progression(&c);
    c.scan_info = scans == 2 ? apart : c.scan_info;
    c.num_scans = scans == 2 ? 3 : c.num_scans;
    jpeg_start_compress(&c, TRUE);
    for (int y = 0; y < height; y++) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)(pixels + y * width * components);
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    fclose(f);
}

#endif
