/* What happens to pixels: presets and keys against arithmetic by hand, sizes and crops, layouts and orders; a file
 * that is wrong is refused with line and column.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include "preprocess.h"
#include "scratch.h"
#include "tap.h"
#include "xo_data.h"

/* Colour: element (c, y, x) is 60c + 10y + x, planes first. */
enum { ROWS = 5, COLUMNS = 8 };
static unsigned char byte[3 * ROWS * COLUMNS];
#define PLANES { ROWS * COLUMNS, COLUMNS, 1 }
static const struct xo_picture colour = { "colour", 3, ROWS, COLUMNS, PLANES, byte, NULL, NULL };
static const struct xo_picture grey = { "grey", 1, ROWS, COLUMNS, PLANES, byte, NULL, NULL };

static double at(int c, int y, int x) { return 60 * c + 10 * y + x; }

static xo_preprocess *from(const char *yaml)
{
    xo_preprocess *p = NULL;
    struct xo_info info = { "" };
    if (xo_preprocess_parse(&p, yaml, strlen(yaml), "p.yaml", &info)) {
        printf("Bail out! %s\n", info.text);
        exit(99);
    }
    return p;
}

static xo_preprocess *preset(const char *name)
{
    xo_preprocess *p = NULL;
    if (xo_preprocess_new(&p, name, NULL)) {
        printf("Bail out! no preset %s\n", name);
        exit(99);
    }
    return p;
}

/* Apply to a picture; empty image on failure. */
static float *applied(const xo_preprocess *p, const struct xo_picture *in, size_t dimensions, const size_t *wanted)
{
    static float image[4096];
    size_t shape[8], found;
    struct xo_info info = { "" };
    memset(image, 0, sizeof image);
    if (xo_preprocess_shape(p, in, 3, dimensions, wanted, &found, shape, &info)
        || xo_preprocess_apply(p, in, found, shape, image, &info))
        printf("# %s\n", info.text);
    return image;
}

/* ---- numbers ------------------------------------------------------------------------------------------------- */

static void presets_by_hand(void)
{
    static const size_t whole[3] = { 3, ROWS, COLUMNS };
    const float mean[3] = { 0.485F, 0.456F, 0.406F }, std[3] = { 0.229F, 0.224F, 0.225F }, bgr[3] = { 104, 117, 123 };
    static const char *const name[] = { "raw", "unit", "imagenet", "caffe", "tf" };
    for (int n = 0; n < 5; n++) {
        xo_preprocess *p = preset(name[n]);
        const float *image = applied(p, &colour, 3, whole);
        int bad = 0;
        for (int k = 0; k < 3 * ROWS * COLUMNS; k++) {
            int c = k / (ROWS * COLUMNS), y = k / COLUMNS % ROWS, x = k % COLUMNS;
            float v = (float)at(c, y, x), want[5] = { v, v / 255, (v / 255 - mean[c]) / std[c],
                                                      (float)at(2 - c, y, x) - bgr[c], v / 127.5F - 1 };
            bad += image[k] != want[n];
        }
        tap_ok(!bad, "%s: every number exactly as float32 arithmetic by hand (%d are not)", name[n], bad);
        xo_preprocess_free(p);
    }
}

static void every_byte_over_255_is_the_quotient(void)
{
    unsigned char all[256];
    struct xo_picture line = { "line", 1, 1, 256, { 256, 256, 1 }, all, NULL, NULL };
    xo_preprocess *p = preset("unit");
    const float *image;
    int bad = 0;
    for (int k = 0; k < 256; k++)
        all[k] = (unsigned char)k;
    image = applied(p, &line, 1, (size_t[]){ 256 });
    for (int k = 0; k < 256; k++)
        bad += image[k] != (float)k / 255;
    tap_ok(!bad, "unit: x/255, correctly rounded, for all 256 bytes");
    xo_preprocess_free(p);
}

static void keys_by_hand(void)
{
    xo_preprocess *p = from("scale: [2, 3, 4]\nmean: [1, 2, 3]\nstd: [4, 8, 16]\n");
    const float *image = applied(p, &colour, 3, (size_t[]){ 3, ROWS, COLUMNS });
    tap_ok(image[0] == -0.25F && image[ROWS * COLUMNS + 1] == (61 * 3 - 2) / 8.0F
           && image[2 * ROWS * COLUMNS] == (120 * 4 - 3) / 16.0F, "scale, mean and std, each channel its own");
    xo_preprocess_free(p);
    p = from("order: bgr\nmean: [1, 0, 0]\n");
    image = applied(p, &colour, 3, (size_t[]){ 3, ROWS, COLUMNS });
    tap_ok(image[0] == 119 && image[2 * ROWS * COLUMNS] == 0, "order: bgr, and mean in the output's order");
    xo_preprocess_free(p);
    p = from("order: grey\n");
    image = applied(p, &colour, 2, (size_t[]){ ROWS, COLUMNS });
    tap_ok(image[0] == (38470 * 60 + 7471 * 120 + 32768) / 65536 && image[9] == image[0] + 11, "order: grey");
    xo_preprocess_free(p);
    p = from("layout: nhwc\n");
    image = applied(p, &colour, 0, NULL);
    tap_ok(image[0] == 0 && image[1] == 60 && image[2] == 120 && image[3] == 1 && image[3 * COLUMNS] == 10,
           "layout: nhwc");
    xo_preprocess_free(p);
    image = applied(NULL, &colour, 3, (size_t[]){ ROWS, COLUMNS, 3 });
    tap_ok(image[1] == 60 && image[3] == 1, "no layout: as the network declares");
    image = applied(NULL, &grey, 3, (size_t[]){ 3, ROWS, COLUMNS });
    tap_ok(image[9] == 11 && image[49] == 11 && image[89] == 11, "grey images serve three channels");
}

static void floats_pass(void)
{
    const float value[4] = { -1.5F, 0, 2, 1e6F };
    struct xo_picture p = { "floats", 1, 2, 2, { 4, 2, 1 }, NULL, value, NULL };
    xo_preprocess *q = from("{scale: 2, mean: 1, std: 4}"), *r = from("resize: 4");
    const float *image = applied(q, &p, 1, (size_t[]){ 4 });
    struct xo_info info = { "" };
    float none[16];
    tap_ok(image[0] == -1 && image[1] == -0.25F && image[3] == (2e6F - 1) / 4, "float images: the same arithmetic");
    tap_ok(xo_preprocess_apply(r, &p, 3, (size_t[]){ 1, 4, 4 }, none, &info) == XO_EUNSUPPORTED, "%s", info.text);
    xo_preprocess_free(q);
    xo_preprocess_free(r);
}

/* ---- sizes --------------------------------------------------------------------------------------------------- */

static void comes_out(const char *yaml, size_t rows, size_t columns, size_t dimensions, const size_t *wanted,
                      size_t height, size_t width)
{
    struct xo_picture in = { "in", 3, rows, columns, { 1, 3 * columns, 3 }, byte, NULL, NULL };
    xo_preprocess *p = from(yaml);
    struct xo_info info = { "" };
    size_t shape[8] = { 0 }, found;
    int status = xo_preprocess_shape(p, &in, 3, dimensions, wanted, &found, shape, &info);
    tap_ok(!status && found == 3 && shape[0] == 3 && shape[1] == height && shape[2] == width,
           "%s: %zu x %zu -> %zu x %zu", yaml, rows, columns, height, width);
    if (status)
        printf("# %s\n", info.text);
    xo_preprocess_free(p);
}

static const char tf[] = "{resize: {network_over: 0.875}, crop: network}";

static void sizes(void)
{
    const size_t any[3] = { 3, 0, 0 }, wants_224[3] = { 3, 224, 224 };
    comes_out("resize: 256", 375, 500, 3, any, 256, 341);
    comes_out("resize: 256", 500, 375, 3, any, 341, 256);
    comes_out("resize: [10, 20]", 500, 375, 3, any, 10, 20);
    comes_out("{resize: 256, crop: 224}", 375, 500, 3, any, 224, 224);
    comes_out("crop: [100, 50]", 375, 500, 0, NULL, 100, 50);
    comes_out("resize: network", 375, 500, 3, wants_224, 224, 224);
    comes_out("crop: network", 375, 500, 3, wants_224, 224, 224);
    comes_out("crop: network", 375, 500, 0, NULL, 375, 500);
    comes_out(tf, 375, 500, 3, wants_224, 224, 224);
    comes_out(tf, 100, 90, 3, wants_224, 224, 224);
    comes_out(tf, 224, 224, 3, wants_224, 224, 224);
}

/* A picture that resizing would blur is left as it is where the rule says so. */
static void tf_resizes_as_it_says(void)
{
    xo_preprocess *p = from(tf);
    struct xo_picture wide = { "wide", 1, 8, 8, { 64, 8, 1 }, byte, NULL, NULL };
    const float *image = applied(p, &wide, 3, (size_t[]){ 1, 7, 7 });
    tap_ok(image[0] == 0 && image[8] == 11, "floor(7/0.875) = 8 is there already: only cropped, from (0, 0)");
    image = applied(p, &wide, 3, (size_t[]){ 1, 8, 8 });
    tap_ok(image[63] == byte[63], "an image of the network's size is left alone");
    xo_preprocess_free(p);
}

static void crops_round_down(void)
{
    xo_preprocess *p = from("crop: [2, 5]");
    const float *image = applied(p, &colour, 0, NULL);
    tap_ok(image[0] == 11 && image[9] == 25, "margins of 3 and 3: from row 1, column 1");
    xo_preprocess_free(p);
}

static void misfit(const char *yaml, const struct xo_picture *in, const size_t wanted[3], const char *finding)
{
    xo_preprocess *p = from(yaml);
    struct xo_info info = { "" };
    size_t shape[8], found = 77;
    int status = xo_preprocess_shape(p, in, 3, 3, wanted, &found, shape, &info);
    tap_ok(status == XO_ESHAPE && found == 77 && strstr(info.text, finding), "%s", info.text);
    xo_preprocess_free(p);
}

static void misfits(void)
{
    misfit("{}", &colour, (size_t[]){ 3, 4, 8 }, "image of 5 x 8; the network expects 4 x 8");
    misfit("crop: network", &colour, (size_t[]){ 3, 6, 8 }, "expected at least 6 x 8");
    misfit("{}", &colour, (size_t[]){ 1, ROWS, COLUMNS }, "order: grey makes one of three");
    misfit("mean: [1, 2, 3]", &grey, (size_t[]){ 1, ROWS, COLUMNS }, "three numbers in scale, mean or std");
    misfit("order: bgr", &grey, (size_t[]){ 1, ROWS, COLUMNS }, "cannot be ordered BGR");
    misfit("layout: nchw", &colour, (size_t[]){ ROWS, COLUMNS, 3 }, "3 channels; the network expects 5");
}

/* ---- the file ------------------------------------------------------------------------------------------------- */

static void wrong(const char *yaml, const char *place, const char *finding)
{
    xo_preprocess *p = NULL;
    struct xo_info info = { "" };
    int status = xo_preprocess_parse(&p, yaml, strlen(yaml), "p.yaml", &info);
    tap_ok(status < 0 && !p && !strncmp(info.text, place, strlen(place)) && strstr(info.text, finding)
           && strstr(info.text, "; expected"), "%s", info.text);
}

static void errors_have_a_place(void)
{
    wrong("", "p.yaml: ", "holds nothing");
    wrong("- 1\n", "p.yaml:1:1: ", "found a list");
    wrong("scale: 1\nmena: 3\n", "p.yaml:2:1: ", "unknown key mena");
    wrong("scale: 1\nscale: 2\n", "p.yaml:2:1: ", "twice");
    wrong("resize: 0\n", "p.yaml:1:9: ", "found 0");
    wrong("resize: 16385\n", "p.yaml:1:9: ", "found 16385");
    wrong("resize: 99999999999999999999999\n", "p.yaml:1:9: ", "resize");
    wrong("resize: [1, 2, 3]\n", "p.yaml:1:9: ", "found a list");
    wrong("resize: {network_over: 0}\n", "p.yaml:1:9: ", "network_over");
    wrong("resize: {network_under: 0.5}\n", "p.yaml:1:9: ", "network_over");
    wrong("crop: 3.5\n", "p.yaml:1:7: ", "found 3.5");
    wrong("crop: {network_over: 0.5}\n", "p.yaml:1:7: ", "found a mapping");
    wrong("layout: chw\n", "p.yaml:1:9: ", "expected network, nchw or nhwc");
    wrong("order: \"rgb\"\n", "p.yaml:1:8: ", "the text \"rgb\"");
    wrong("scale: 0\n", "p.yaml:1:8: ", "found 0");
    wrong("scale: 1/255\n", "p.yaml:1:8: ", "found 1/255");
    wrong("mean: [1, 2]\n", "p.yaml:1:7: ", "found a list");
    wrong("mean: nan\n", "p.yaml:1:7: ", "found nan");
    wrong("std: [1, 0, 1]\n", "p.yaml:1:6: ", "above 0");
    wrong("std: -1\n", "p.yaml:1:6: ", "found -1");
    wrong("label_offset: -1\n", "p.yaml:1:15: ", "found -1");
    wrong("scale: [1\n", "p.yaml:", "expected YAML");
}

/* What is printed is YAML that means the same. */
static void text_is_what_was_read(void)
{
    static const char *const yaml[] = { "{}", "resize: network", "resize: 7\ncrop: [3, 4]", "label_offset: 1",
        "{resize: [5, 6], crop: 2, layout: nhwc, order: grey, scale: 0.1, mean: -2.5, std: 1e-3}",
        "{resize: {network_over: 0.875}, crop: network, layout: nchw, order: bgr, "
        "scale: [1, 2, 3], mean: [0.485, 0, 1]}" };
    for (size_t k = 0; k < sizeof yaml / sizeof *yaml; k++) {
        xo_preprocess *p = from(yaml[k]), *q = from(xo_preprocess_text(p));
        tap_ok(!strcmp(xo_preprocess_text(p), xo_preprocess_text(q)) && p->mean.value[0] == q->mean.value[0]
               && p->resize.rule == q->resize.rule && p->crop.height == q->crop.height, "%s", xo_preprocess_text(p));
        xo_preprocess_free(p);
        xo_preprocess_free(q);
    }
}

static void files_and_names(void)
{
    xo_preprocess *p = NULL;
    struct xo_info info = { "" };
    tap_ok(xo_preprocess_new(&p, "imagnet", &info) == ENOENT && strstr(info.text, "imagenet, caffe"), "%s",
           info.text);
    scratch_put("p.yaml", "scale: 3\nx: 1\n", 14);
    tap_ok(xo_preprocess_new(&p, "p.yaml", &info) == XO_ESYNTAX && !strncmp(info.text, "p.yaml:2:1: ", 12), "%s",
           info.text);
    scratch_put("p.yaml", "scale: 3\n", 9);
    tap_ok(!xo_preprocess_new(&p, "p.yaml", &info) && strstr(xo_preprocess_text(p), "scale: 3"), "a file is read");
    xo_preprocess_free(p);
    tap_ok(!xo_preprocess_new(&p, NULL, &info) && p->scale.value[0] == 1, "no name: raw");
    xo_preprocess_free(p);
}

int main(void)
{
    if (!scratch_enter())
        return tap_skip_all("no folder to write in");
    for (int k = 0; k < 3 * ROWS * COLUMNS; k++)
        byte[k] = (unsigned char)at(k / (ROWS * COLUMNS), k / COLUMNS % ROWS, k % COLUMNS);
    presets_by_hand();
    every_byte_over_255_is_the_quotient();
    keys_by_hand();
    floats_pass();
    sizes();
    tf_resizes_as_it_says();
    crops_round_down();
    misfits();
    errors_have_a_place();
    text_is_what_was_read();
    files_and_names();
    scratch_leave();
    return tap_done();
}
