/* Pictures: JPEG and PNG of every kind give the pixels that were written, or a refusal that names the file and what
 * is wrong with it; resizing is the triangle filter that it says it is.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include "data-files.h"
#include "picture.h"
#include "tap.h"
#include "xo_file.h"

enum { W = 21, H = 13 };
static unsigned char colour[H * W * 3];       /* smooth, so that JPEG keeps it well */

static void fill_colour(void)
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            unsigned char *pixel = colour + 3 * (y * W + x);
            pixel[0] = (unsigned char)(40 + 5 * x);
            pixel[1] = (unsigned char)(200 - 6 * y);
            pixel[2] = (unsigned char)(60 + 3 * x + 4 * y);
        }
}

/* Largest difference between a picture's element (c, y, x) and want[(y*W + x)*channels + c]. */
static int off(const struct xo_picture *p, const unsigned char *want)
{
    int most = 0;
    for (size_t y = 0; y < p->height; y++)
        for (size_t x = 0; x < p->width; x++)
            for (size_t c = 0; c < p->channels; c++) {
                int got = p->byte[c * p->stride[0] + y * p->stride[1] + x * p->stride[2]];
                int apart = abs(got - want[(y * p->width + x) * p->channels + c]);
                most = apart > most ? apart : most;
            }
    return most;
}

static void holds(const char *name, size_t channels, size_t height, size_t width, const unsigned char *want,
                  int tolerance)
{
    struct xo_picture p = { 0 };
    struct xo_info info = { "" };
    int right = !xo_picture_read(&p, name, &info) && p.channels == channels && p.height == height && p.width == width;
    int most = right ? off(&p, want) : -1;
    if (!right || most > tolerance)
        printf("# %s (%zu, %zu, %zu), off by %d\n", info.text, p.channels, p.height, p.width, most);
    tap_ok(right && most <= tolerance, "%s holds its pixels within %d", name, tolerance);
    xo_picture_free(&p);
}

static void refused(const char *name, int status, const char *finding)
{
    struct xo_picture p = { .width = 99 };
    struct xo_info info = { "" };
    int got = xo_picture_read(&p, name, &info);
    int right = got == status && p.width == 99 && strstr(info.text, finding)
             && !strncmp(info.text, name, strlen(name));
    tap_ok(right, "%s", right ? info.text : name);
    if (!right)
        printf("# status %d, want %d; \"%s\", want \"%s\"\n", got, status, info.text, finding);
}

/* ---- PNG --------------------------------------------------------------------------------------------------- */

static void png_kinds(void)
{
    static unsigned char sixteen[H * W * 6], alpha[H * W * 4], want[H * W * 3];
    const unsigned char palette[4] = { 0x1b, 0x80, 0x12, 0x40 };  /* 0 1 2 in 2 bits each; 2 0 0 */
    const unsigned char of_palette[] = {
        10, 20, 30, 40, 50, 60, 250, 240, 230, 250, 240, 230, 10, 20, 30, 10, 20, 30
    };
    const unsigned char bits[] = { 0xa0, 0x50 }, of_bits[] = { 255, 0, 255, 0, 255, 0 };
    for (int k = 0; k < H * W * 3; k++) {
        unsigned v = colour[k] * 257u + (unsigned)(k % 200) - 100;
        sixteen[2 * k] = (unsigned char)(v >> 8);
        sixteen[2 * k + 1] = (unsigned char)v;
        want[k] = (unsigned char)floor(v * 255.0 / 65535 + 0.5);
    }
    for (int k = 0; k < H * W; k++) {
        memcpy(alpha + 4 * k, colour + 3 * k, 3);
        alpha[4 * k + 3] = 255;
    }
    put_png("rgb.png", W, H, 8, PNG_COLOR_TYPE_RGB, 0, colour, 3 * W);
    holds("rgb.png", 3, H, W, colour, 0);
    put_png("interlaced.png", W, H, 8, PNG_COLOR_TYPE_RGB, 1, colour, 3 * W);
    holds("interlaced.png", 3, H, W, colour, 0);
    put_png("grey.png", 3 * W, H, 8, PNG_COLOR_TYPE_GRAY, 0, colour, 3 * W);
    holds("grey.png", 1, H, 3 * W, colour, 0);
    put_png("rgb16.png", W, H, 16, PNG_COLOR_TYPE_RGB, 0, sixteen, 6 * W);
    holds("rgb16.png", 3, H, W, want, 0);
    put_png("grey16.png", 3 * W, H, 16, PNG_COLOR_TYPE_GRAY, 0, sixteen, 6 * W);
    holds("grey16.png", 1, H, 3 * W, want, 0);
    put_png("opaque.png", W, H, 8, PNG_COLOR_TYPE_RGB_ALPHA, 0, alpha, 4 * W);
    holds("opaque.png", 3, H, W, colour, 0);
    put_png("palette.png", 3, 2, 2, PNG_COLOR_TYPE_PALETTE, 0, palette, 1);
    holds("palette.png", 3, 2, 3, of_palette, 0);
    put_png("bits.png", 3, 2, 1, PNG_COLOR_TYPE_GRAY, 0, bits, 1);
    holds("bits.png", 1, 2, 3, of_bits, 0);
    alpha[4 * (2 * W + 5) + 3] = 254;
    put_png("transparent.png", W, H, 8, PNG_COLOR_TYPE_RGB_ALPHA, 0, alpha, 4 * W);
    refused("transparent.png", XO_EUNSUPPORTED, "pixel (2, 5) is transparent");
}

/* ---- JPEG -------------------------------------------------------------------------------------------------- */

static void jpeg_kinds(void)
{
    static unsigned char grey[H * W];
    for (int k = 0; k < H * W; k++)
        grey[k] = colour[3 * k];
    put_jpeg("rgb.jpg", W, H, 3, 0, colour);
    holds("rgb.jpg", 3, H, W, colour, 3);
    put_jpeg("progressive.jpg", W, H, 3, 1, colour);
    holds("progressive.jpg", 3, H, W, colour, 3);
    put_jpeg("apart.jpg", W, H, 3, 2, colour);
    holds("apart.jpg", 3, H, W, colour, 3);
    put_jpeg("grey.jpg", W, H, 1, 0, grey);
    holds("grey.jpg", 1, H, W, grey, 2);
    put_jpeg("cmyk.jpg", W / 2, H, 4, 0, colour);
    refused("cmyk.jpg", XO_EUNSUPPORTED, "CMYK JPEG; expected grey or RGB");
}

/* ---- hostile ------------------------------------------------------------------------------------------------ */

static void put_cut(const char *to, const char *from, double share)
{
    size_t nbytes;
    char *bytes = scratch_get(from, &nbytes);
    scratch_put(to, bytes, (size_t)(share * (double)nbytes));
    free(bytes);
}

/* The frame header (ff c0) claims another size. */
static void put_claim(const char *to, const char *from, unsigned height, unsigned width)
{
    size_t nbytes;
    char *bytes = scratch_get(from, &nbytes);
    unsigned char *frame = memmem(bytes, nbytes, "\xff\xc0", 2);
    frame[5] = (unsigned char)(height >> 8);
    frame[6] = (unsigned char)height;
    frame[7] = (unsigned char)(width >> 8);
    frame[8] = (unsigned char)width;
    scratch_put(to, bytes, nbytes);
    free(bytes);
}

/* The last scan 600 times. */
static void put_scans(const char *to, const char *from)
{
    size_t nbytes, scan, length;
    char *bytes = scratch_get(from, &nbytes), *many;
    for (scan = nbytes - 2; memcmp(bytes + scan, "\xff\xda", 2); scan--)
        ;
    length = nbytes - 2 - scan;
    many = malloc(nbytes + 600 * length);
    memcpy(many, bytes, nbytes - 2);
    for (size_t k = 0; k < 600; k++)
        memcpy(many + nbytes - 2 + k * length, bytes + scan, length);
    memcpy(many + nbytes - 2 + 600 * length, "\xff\xd9", 2);
    scratch_put(to, many, nbytes + 600 * length);
    free(many);
    free(bytes);
}

static void flip(const char *to, const char *from, size_t from_end)
{
    size_t nbytes;
    char *bytes = scratch_get(from, &nbytes);
    bytes[nbytes - from_end] ^= 0x10;
    scratch_put(to, bytes, nbytes);
    free(bytes);
}

static void hostile(void)
{
    scratch_put("text.jpg", "This is no picture at all.\n", 27);
    scratch_put("tiny.jpg", "\xff\xd8\xff", 3);
    scratch_put("empty.png", "", 0);
    scratch_put("fake.jpg", "\xff\xd8\xff\xe0 and then only words, words", 31);
    put_cut("cut.jpg", "rgb.jpg", 0.95);
    put_cut("cut-header.jpg", "rgb.jpg", 0.2);
    put_cut("cut.png", "rgb.png", 0.6);
    put_claim("huge.jpg", "rgb.jpg", 65500, 65500);
    put_claim("wide.jpg", "rgb.jpg", 1, 16385);
    put_claim("square.jpg", "rgb.jpg", 16000, 16000);
    put_claim("taller.jpg", "rgb.jpg", 4000, W);
    put_scans("scans.jpg", "apart.jpg");
    flip("crc.png", "rgb.png", 15);
    refused("text.jpg", XO_ESYNTAX, "begins with 54 68 69 73; expected a JPEG (ff d8 ff) or PNG");
    refused("tiny.jpg", XO_ESYNTAX, "ends after 3 bytes");
    refused("empty.png", XO_ESYNTAX, "ends after 0 bytes");
    refused("fake.jpg", XO_ESYNTAX, "damaged JPEG");
    refused("cut.jpg", XO_ESYNTAX, "damaged JPEG: Premature end");
    refused("cut-header.jpg", XO_ESYNTAX, "damaged JPEG");
    refused("cut.png", XO_ESYNTAX, "damaged PNG: the file ends too early");
    refused("crc.png", XO_ESYNTAX, "damaged PNG");
    refused("huge.jpg", XO_ETOOBIG, "picture of 65500 x 65500");
    refused("wide.jpg", XO_ETOOBIG, "picture of 1 x 16385");
    refused("square.jpg", XO_ETOOBIG, "at most 67108864 pixels");
    refused("taller.jpg", XO_ESYNTAX, "damaged JPEG");
    refused("scans.jpg", XO_ETOOBIG, "more than 500 scans");
    refused("nowhere.png", ENOENT, "cannot open");
    refused(".", EISDIR, "cannot read");
}

/* ---- resizing ------------------------------------------------------------------------------------------------ */

/* The filter once more, in long double and in one pass over both directions, rounded once. */
static double exact(const unsigned char *in, size_t rows, size_t columns, size_t height, size_t width, size_t y,
                    size_t x)
{
    long double sum = 0, weights = 0, up = (long double)rows / (long double)height;
    long double across = (long double)columns / (long double)width;
    long double row = ((long double)y + 0.5L) * up - 0.5L, column = ((long double)x + 0.5L) * across - 0.5L;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) {
            long double a = fabsl((long double)i - row) / fmaxl(up, 1);
            long double b = fabsl((long double)j - column) / fmaxl(across, 1);
            long double weight = a < 1 && b < 1 ? (1 - a) * (1 - b) : 0;
            sum += weight * in[i * columns + j];
            weights += weight;
        }
    return (double)(sum / weights);
}

static void resized(size_t rows, size_t columns, size_t height, size_t width)
{
    unsigned char *in = malloc(rows * columns);
    unsigned long long seed = rows * 1000 + width;
    struct xo_picture source = { .channels = 1, .height = rows, .width = columns, .stride = { 0, columns, 1 },
                                 .byte = in };
    struct xo_picture out = { 0 };
    double most = 0;
    for (size_t k = 0; k < rows * columns; k++)
        in[k] = (unsigned char)(256 * tap_uniform(&seed));
    if (!xo_picture_resize(&out, &source, height, width))
        for (size_t k = 0; k < height * width; k++)
            most = fmax(most, fabs(out.byte[k] - exact(in, rows, columns, height, width, k / width, k % width)));
    tap_ok(out.height == height && out.width == width && most <= 1.01,
           "%zu x %zu -> %zu x %zu: within two roundings of the filter (%.3f)", rows, columns, height, width, most);
    xo_picture_free(&out);
    free(in);
}

static void by_hand(void)
{
    const unsigned char in[8] = { 0, 80, 160, 240, 0, 255, 255, 0 };
    struct xo_picture source = { .channels = 1, .height = 1, .width = 8, .stride = { 0, 8, 1 }, .byte = in };
    struct xo_picture out = { 0 };
    xo_picture_resize(&out, &source, 1, 4);
    /* Half the size: weights 1/8 3/8 3/8 1/8, at the ends 3/7 3/7 1/7: 57.14, 160, 157.5, 145.7 */
    tap_ok(out.byte[0] == 57 && out.byte[1] == 160 && out.byte[2] == 158 && out.byte[3] == 146,
           "halving by hand: %d %d %d %d", out.byte[0], out.byte[1], out.byte[2], out.byte[3]);
    xo_picture_free(&out);
    source.width = 2;
    xo_picture_resize(&out, &source, 1, 4);
    tap_ok(out.byte[0] == 0 && out.byte[1] == 20 && out.byte[2] == 60 && out.byte[3] == 80, "doubling by hand");
    xo_picture_free(&out);
}

/* Pillow itself, where it is installed: to the last bit. */
static void as_pillow_does(void)
{
    static const char script[] =
        "from PIL import Image\n"
        "i = Image.open('rgb.png')\n"
        "open('want', 'wb').write(b''.join(i.resize(s, Image.BILINEAR).tobytes()\n"
        "                         for s in ((10, 7), (5, 13), (21, 40), (64, 3), (1, 1))))\n";
    static const size_t size[5][2] = { { 7, 10 }, { 13, 5 }, { 40, 21 }, { 3, 64 }, { 1, 1 } };
    const char *python = scratch_python("PIL");
    char command[128], *want;
    size_t at = 0, bad = 0, nbytes;
    struct xo_picture p = { 0 };
    scratch_put("resize.py", script, strlen(script));
    snprintf(command, sizeof command, "%s resize.py", python ? python : "false");
    if (!python || system(command)) {
        tap_skip("resizes to the bit as Pillow does", "no Python with PIL");
        return;
    }
    want = scratch_get("want", &nbytes);
    xo_picture_read(&p, "rgb.png", NULL);
    for (size_t k = 0; k < 5; k++) {
        struct xo_picture out = { 0 };
        size_t count = 3 * size[k][0] * size[k][1];
        bad += xo_picture_resize(&out, &p, size[k][0], size[k][1]) || memcmp(out.byte, want + at, count);
        at += count;
        xo_picture_free(&out);
    }
    tap_ok(!bad && at == nbytes, "resizes to the bit as Pillow does");
    xo_picture_free(&p);
    free(want);
}

int main(void)
{
    if (!scratch_enter())
        return tap_skip_all("no folder to write in");
    fill_colour();
    png_kinds();
    jpeg_kinds();
    hostile();
    by_hand();
    resized(40, 30, 17, 11);
    resized(9, 9, 9, 4);
    resized(9, 9, 20, 9);
    resized(64, 48, 7, 100);
    resized(5, 7, 1, 1);
    as_pillow_does();
    scratch_leave();
    return tap_done();
}
