/* PNG by libpng: grey and colour of any depth, palettes, interlaced or not.  16 bits become 8 as round(v 255/65535);
 * an opaque alpha channel is dropped, transparent pixels are refused: what is behind them is not ours to invent. 
 * Errors jump back to decode(); what must survive the jump is in struct png.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "picture.h"

#include <errno.h>
#include <setjmp.h>
#include <string.h>
#include <png.h>
#include "memory.h"

enum { MAX_CHUNK = 8 << 20, MAX_CHUNKS = 1000 };

struct png {
    png_structp p;
    png_infop header;
    const unsigned char *at, *end;
    const char *name;
    unsigned char *pixels;             /* [height][row], with alpha */
    size_t row;
    struct xo_picture picture;
    int status, no_memory;
    struct xo_info *info;
};

static void on_error(png_structp p, png_const_charp text)
{
    struct png *g = png_get_error_ptr(p);
    g->status = g->no_memory ? ENOMEM : xo_fail(g->info, XO_ESYNTAX, "%s: damaged PNG: %s; expected a sound picture",
                                                g->name, text);
    png_longjmp(p, 1);
}

static void on_warning(png_structp p, png_const_charp text) { (void)p, (void)text; }

static png_voidp get_memory(png_structp p, png_alloc_size_t nbytes)
{
    struct png *g = png_get_mem_ptr(p);
    void *block = xo_calloc(nbytes, 1);
    g->no_memory |= !block;
    return block;
}

static void put_memory(png_structp p, png_voidp block)
{
    (void)p;
    free(block);
}

static void on_read(png_structp p, png_bytep bytes, size_t nbytes)
{
    struct png *g = png_get_io_ptr(p);
    if ((size_t)(g->end - g->at) < nbytes)
        png_error(p, "the file ends too early (truncated)");
    memcpy(bytes, g->at, nbytes);
    g->at += nbytes;
}

static int begin(struct png *g)
{
    size_t width, height, channels;
    png_set_user_limits(g->p, XO_PICTURE_SIDE, XO_PICTURE_SIDE);
    png_set_chunk_malloc_max(g->p, MAX_CHUNK);
    png_set_chunk_cache_max(g->p, MAX_CHUNKS);
    png_set_read_fn(g->p, g, on_read);
    png_read_info(g->p, g->header);
    width = png_get_image_width(g->p, g->header);
    height = png_get_image_height(g->p, g->header);
    g->status = xo_picture_check_size(g->name, width, height, g->info);
    if (g->status)
        return g->status;
    png_set_expand(g->p);              /* palette, fewer than 8 bits, tRNS */
    png_set_scale_16(g->p);
    png_set_interlace_handling(g->p);
    png_read_update_info(g->p, g->header);
    channels = png_get_channels(g->p, g->header);
    g->row = width * channels;
    g->pixels = xo_calloc(height, g->row);
    return g->pixels ? xo_picture_new(&g->picture, channels > 2 ? 3 : 1, height, width) : ENOMEM;
}

/* Every other or every fourth byte is alpha. */
static int drop_alpha(struct png *g)
{
    size_t count = g->picture.height * g->picture.width, kept = g->picture.channels,
    pixel = g->row / g->picture.width;
    unsigned char *out = g->picture.owned;
    const unsigned char *in = g->pixels;
    for (size_t k = 0; k < count; k++, in += pixel, out += kept) {
        if (pixel > kept && in[kept] != 255)
            return xo_fail(g->info, XO_EUNSUPPORTED,
                           "%s: pixel (%zu, %zu) is transparent; expected an opaque picture",
                           g->name, k / g->picture.width, k % g->picture.width);
        memcpy(out, in, kept);
    }
    return 0;
}

static void decode(struct png *g)
{
    if (setjmp(png_jmpbuf(g->p)))
        return;
    g->status = begin(g);
    if (g->status)
        return;
    for (int pass = png_get_interlace_type(g->p, g->header) == PNG_INTERLACE_NONE ? 1 : 7; pass > 0; pass--)
        for (size_t y = 0; y < g->picture.height; y++)
            png_read_row(g->p, g->pixels + y * g->row, NULL);
    png_read_end(g->p, NULL);
    g->status = drop_alpha(g);
}

int xo_png_parse(struct xo_picture *out, const void *bytes, size_t nbytes, const char *name, struct xo_info *info)
{
    struct png g = { .name = name, .at = bytes, .end = (const unsigned char *)bytes + nbytes, .info = info };
    g.p = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &g, on_error, on_warning, &g, get_memory, put_memory);
    g.header = g.p ? png_create_info_struct(g.p) : NULL;
    g.status = g.header ? 0 : ENOMEM;
    if (!g.status)
        decode(&g);
    png_destroy_read_struct(&g.p, &g.header, NULL);
    free(g.pixels);
    if (g.status) {
        xo_picture_free(&g.picture);
        return g.status;
    }
    *out = g.picture;
    out->name = name;
    return 0;
}
