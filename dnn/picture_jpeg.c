/* JPEG by libjpeg: grey stays grey, YCbCr and RGB become RGB, CMYK is refused.  The library's way out of an error is
 * a call that must not return, so it jumps back to decode(); what must survive the jump is in struct jpeg.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "picture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <jpeglib.h>
#include <jerror.h>

enum { MAX_SCANS = 500 };              /* a small progressive file can ask for the same work over and over */

struct jpeg {
    struct jpeg_decompress_struct c;   /* first: libjpeg's callbacks get its address */
    struct jpeg_error_mgr error;
    struct jpeg_progress_mgr progress;
    jmp_buf back;
    const char *name;
    struct xo_picture picture;
    int status;
    struct xo_info *info;
};

static void leave(struct jpeg *j, int status)
{
    j->status = status;
    longjmp(j->back, 1);
}

static void on_error(j_common_ptr c)
{
    struct jpeg *j = (struct jpeg *)c;
    char text[JMSG_LENGTH_MAX];
    c->err->format_message(c, text);
    if (c->err->msg_code == JERR_OUT_OF_MEMORY)
        leave(j, ENOMEM);
    leave(j, xo_fail(j->info, XO_ESYNTAX, "%s: damaged JPEG: %s; expected a sound picture", j->name, text));
}

/* Warnings say that pixels were made up (the file ends early, codes make no sense), except these. */
static void on_message(j_common_ptr c, int level)
{
    int code = c->err->msg_code;
    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM && code != JWRN_JFIF_MAJOR)
        on_error(c);
}

static void on_progress(j_common_ptr c)
{
    struct jpeg *j = (struct jpeg *)c;
    if (j->c.input_scan_number > MAX_SCANS)
        leave(j, xo_fail(j->info, XO_ETOOBIG, "%s: JPEG of more than %d scans; expected fewer", j->name, MAX_SCANS));
}

static int choose_colours(struct jpeg *j)
{
    switch (j->c.jpeg_color_space) {
    case JCS_GRAYSCALE:
        j->c.out_color_space = JCS_GRAYSCALE;
        return 0;
    case JCS_YCbCr:
    case JCS_RGB:
        j->c.out_color_space = JCS_RGB;
        return 0;
    default:
        return xo_fail(j->info, XO_EUNSUPPORTED, "%s: %s JPEG; expected grey or RGB", j->name,
                       j->c.num_components == 4 ? "CMYK" : "a strange kind of");
    }
}

static int begin(struct jpeg *j, const void *bytes, size_t nbytes)
{
    int status;
    jpeg_create_decompress(&j->c);
    j->c.progress = &j->progress;
    jpeg_mem_src(&j->c, bytes, (unsigned long)nbytes);
    jpeg_read_header(&j->c, TRUE);
    status = xo_picture_check_size(j->name, j->c.image_width, j->c.image_height, j->info);
    if (!status)
        status = choose_colours(j);
    if (!status)
        status = xo_picture_new(&j->picture, j->c.out_color_space == JCS_RGB ? 3 : 1, j->c.image_height,
                                j->c.image_width);
    return status;
}

static void decode(struct jpeg *j, const void *bytes, size_t nbytes)
{
    if (setjmp(j->back))
        return;
    j->status = begin(j, bytes, nbytes);
    if (j->status)
        return;
    jpeg_start_decompress(&j->c);
    while (j->c.output_scanline < j->c.output_height) {
        JSAMPROW row = (unsigned char *)j->picture.owned + j->c.output_scanline * j->picture.stride[1];
        jpeg_read_scanlines(&j->c, &row, 1);
    }
    jpeg_finish_decompress(&j->c);
}

int xo_jpeg_parse(struct xo_picture *out, const void *bytes, size_t nbytes, const char *name, struct xo_info *info)
{
    struct jpeg j = { .name = name, .info = info };
    j.c.err = jpeg_std_error(&j.error);
    j.error.error_exit = on_error;
    j.error.emit_message = on_message;
    j.progress.progress_monitor = on_progress;
    decode(&j, bytes, nbytes);
    jpeg_destroy_decompress(&j.c);
    if (j.status) {
        xo_picture_free(&j.picture);
        return j.status;
    }
    *out = j.picture;
    out->name = name;
    return 0;
}
