/* Data sets: every kind delivers the numbers that were written into it, packed or plain, whole or in part, to any
 * number of threads; Fashion-MNIST and the sets of CROSSOHM_DATA have the figures they are known for.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "data-files.h"
#include "tap.h"
#include "xo_data.h"
#include "xo_file.h"

static struct xo_info info;

static xo_data *open_or_die(const char *specification)
{
    xo_data *d = NULL;
    if (xo_data_open(&d, specification, &info)) {
        printf("Bail out! %s\n", info.text);
        exit(99);
    }
    return d;
}

/* All images of a set, raw, in the shape asked for (0 dimensions: its own); to be freed. */
static float *images_of(xo_data *d, size_t dimensions, const size_t *wanted, size_t *size)
{
    size_t shape[8], found;
    float *image;
    *size = 1;
    if (xo_data_shape(d, NULL, dimensions, wanted, &found, shape, &info))
        return NULL;
    for (size_t k = 0; k < found; k++)
        *size *= shape[k];
    image = calloc(*size * xo_data_count(d), sizeof *image);
    if (xo_data_images(d, NULL, found, shape, 0, xo_data_count(d), image, &info)) {
        free(image);
        return NULL;
    }
    return image;
}

/* ---- IDX ------------------------------------------------------------------------------------------------- */

static void write_idx(void)
{
    put_idx("images", 3, (uint32_t[]){ 20, 4, 5 }, 256);
    put_idx("labels", 1, (uint32_t[]){ 20 }, 10);
    put_gzip("images.gz", "images", 1);
    put_gzip("images-3.gz", "images", 3);
    put_gzip("labels.gz", "labels", 2);
}

static void idx_is(const char *specification, size_t first, size_t count)
{
    xo_data *d = open_or_die(specification);
    size_t size, bad = 0;
    float *x = images_of(d, 0, NULL, &size);
    for (size_t k = 0; x && k < count * 20; k++)
        bad += x[k] != (float)((7 * (20 * first + k) + 3) % 256);
    for (size_t k = 0; k < count; k++)
        bad += xo_data_label(d)[k] != (int)((7 * (first + k) + 3) % 10);
    tap_ok(x && size == 20 && !bad && xo_data_count(d) == count && xo_data_first(d) == first,
           "%s holds images %zu to %zu with their labels", specification, first, first + count - 1);
    free(x);
    xo_data_free(d);
}

static void shapes_serve(void)
{
    static const struct { size_t dimensions, shape[3]; } good[] = { { 3, { 1, 4, 5 } }, { 2, { 4, 5 } },
        { 1, { 20 } }, { 3, { 4, 5, 1 } }, { 3, { 0, 0, 0 } }, { 1, { 0 } }, { 3, { 3, 4, 5 } } };
    static const struct { size_t dimensions, shape[4]; } bad[] = { { 2, { 5, 4 } }, { 1, { 21 } }, { 3, { 2, 4, 5 } },
        { 3, { 1, 4, 4 } }, { 4, { 1, 1, 4, 5 } } };
    xo_data *d = open_or_die("idx:images,labels");
    for (size_t k = 0; k < sizeof good / sizeof *good; k++) {
        size_t size = 0;
        float *x = images_of(d, good[k].dimensions, good[k].shape, &size);
        tap_ok(x && size == (good[k].shape[0] == 3 ? 60 : 20) && x[19] == (7 * 19 + 3) % 256,
               "grey 4 x 5 serves (%zu, %zu, %zu) of %zu dimensions", good[k].shape[0], good[k].shape[1],
               good[k].shape[2], good[k].dimensions);
        free(x);
    }
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        size_t dimensions = 99, shape[8];
        int status = xo_data_shape(d, NULL, bad[k].dimensions, bad[k].shape, &dimensions, shape, &info);
        tap_ok(status == XO_ESHAPE && dimensions == 99 && strstr(info.text, "expect"), "refused: %s", info.text);
    }
    xo_data_free(d);
}

/* ---- the others -------------------------------------------------------------------------------------------- */

static void cifar_is(const char *specification, size_t first, size_t count)
{
    xo_data *d = open_or_die(specification);
    size_t size, bad = 0;
    float *x = images_of(d, 3, (size_t[]){ 3, 32, 32 }, &size);
    float *y = images_of(d, 3, (size_t[]){ 32, 32, 3 }, &size);
    for (size_t k = 0; x && y && k < count; k++) {
        bad += xo_data_label(d)[k] != (int)((first + k) % 10);
        for (size_t j = 0; j < 3072; j++) {
            float want = (float)((first + k + 3 * j) % 251);
            bad += x[3072 * k + j] != want || y[3072 * k + 3 * (j % 1024) + j / 1024] != want;
        }
    }
    tap_ok(x && y && !bad && xo_data_count(d) == count, "%s: %zu images, planes or pixels first", specification,
           count);
    free(x);
    free(y);
    xo_data_free(d);
}

static void npy_is(const char *descr, const char *shape, const void *data, size_t nbytes, const char *label_descr,
                   const void *label, size_t label_nbytes)
{
    size_t size, bad = 0;
    float *x;
    xo_data *d;
    put_npy("i.npy", descr, shape, data, nbytes);
    put_npy("l.npy", label_descr, "(3,)", label, label_nbytes);
    put_gzip("i.npy.gz", "i.npy", 1);
    d = open_or_die("npy:i.npy.gz,l.npy@1:3");
    x = images_of(d, 0, NULL, &size);
    for (size_t k = 0; x && k < 2 * size; k++)
        bad += x[k] != (float)(size + k + 1);
    bad += xo_data_label(d)[0] != 2 || xo_data_label(d)[1] != 7;
    tap_ok(x && !bad, ".npy of %s %s, labels %s", descr, shape, label_descr);
    free(x);
    xo_data_free(d);
}

static void npy_types(void)
{
    unsigned char u1[18];
    float f4[18];
    double f8[18];
    for (int k = 0; k < 18; k++) {
        u1[k] = (unsigned char)(k + 1);
        f4[k] = (float)(k + 1);
        f8[k] = k + 1;
    }
    npy_is("|u1", "(3, 2, 3)", u1, 18, "|u1", (unsigned char[]){ 1, 2, 7 }, 3);
    npy_is("<f4", "(3, 1, 2, 3)", f4, sizeof f4, "<i8", (int64_t[]){ 1, 2, 7 }, 24);
    npy_is("<f8", "(3, 6)", f8, sizeof f8, "<i4", (int32_t[]){ 1, 2, 7 }, 12);
    npy_is("|u1", "(3, 6)", u1, 18, ">i2", (unsigned char[]){ 0, 1, 0, 2, 0, 7 }, 6);
}

static void a_folder_in_any_order(void)
{
    unsigned char pixels[2 * 3 * 3];
    const char list[] = "\xef\xbb\xbf"
        "file,class\r\n# note\r\n\r\n\"b,1.png\",7,\"x, y\"\r\nsub/a.png,3\r\na.png,5,more";
    size_t size, bad = 0;
    float *x;
    xo_data *d;
    for (int k = 0; k < 18; k++)
        pixels[k] = (unsigned char)(10 * k);
    if (system("mkdir -p pictures/sub"))
        return;
    put_png("pictures/b,1.png", 3, 2, 8, PNG_COLOR_TYPE_RGB, 0, pixels, 9);
    put_png("pictures/a.png", 3, 2, 8, PNG_COLOR_TYPE_RGB, 0, pixels, 9);
    pixels[0] = 255;
    put_png("pictures/sub/a.png", 3, 2, 8, PNG_COLOR_TYPE_RGB, 0, pixels, 9);
    scratch_put("list.csv", list, strlen(list));
    d = open_or_die("images:pictures,list.csv");
    x = images_of(d, 0, NULL, &size);
    for (size_t k = 0; x && k < 3 * 18; k++)
        bad += x[k] != (k == 18 ? 255.0F : (float)(10 * (3 * (k % 6) + k % 18 / 6)));
    tap_ok(x && size == 18 && !bad && xo_data_count(d) == 3, "a folder's pictures, planes first");
    tap_ok(xo_data_label(d)[0] == 7 && xo_data_label(d)[1] == 3 && xo_data_label(d)[2] == 5,
           "labels of a list with header, notes, quotes and CRLF");
    free(x);
    xo_data_free(d);
    d = open_or_die("images:pictures,list.csv@1:2");
    tap_ok(xo_data_count(d) == 1 && xo_data_label(d)[0] == 3, "a split counts pictures, not lines");
    xo_data_free(d);
}

/* ---- sums, labels ------------------------------------------------------------------------------------------ */

static void sums_are_those_of_sha256sum(void)
{
    static const struct { const char *specification, *command; } set[] = {
        { "cifar10:c.bin", "sha256sum c.bin" },
        { "idx:images.gz,labels@3:4", "sha256sum images.gz labels | cut -c1-64 | sha256sum" },
        { "images:pictures,list.csv@1:3",
          "sha256sum list.csv pictures/sub/a.png pictures/a.png | cut -c1-64 | sha256sum" } };
    for (size_t k = 0; k < 3; k++) {
        char got[65] = "", want[65] = "";
        FILE *f = popen(set[k].command, "r");
        xo_data *d = open_or_die(set[k].specification);
        if (!f || fscanf(f, "%64s", want) != 1)
            *want = 0;
        if (f)
            pclose(f);
        xo_data_sha256(d, got, &info);
        tap_equal_text(got, want, set[k].command);
        xo_data_free(d);
    }
}

static void labels_are_checked(void)
{
    xo_data *d = open_or_die("cifar10:c.bin@5:9");
    xo_preprocess *p = NULL, *q = NULL;
    tap_ok(xo_data_check_labels(d, 9, &info) == 0, "labels 5 to 8 fit 9 classes");
    tap_ok(xo_data_check_labels(d, 7, &info) == XO_EVALUE && strstr(info.text, "label 7 of image 7"),
           "for 7 classes: %s", info.text);
    tap_ok(xo_data_label_offset(d, NULL, 1001) == 1 && xo_data_label_offset(d, NULL, 1000) == 0,
           "1001 outputs: label 0 is output 1");
    scratch_put("offset.yaml", "label_offset: 3\n", 16);
    scratch_put("zero.yaml", "label_offset: 0\n", 16);
    if (!xo_preprocess_new(&p, "offset.yaml", &info) && !xo_preprocess_new(&q, "zero.yaml", &info))
        tap_ok(xo_data_label_offset(d, p, 1001) == 3 && xo_data_label_offset(d, q, 1001) == 0,
               "a label_offset that is written is taken");
    xo_preprocess_free(p);
    xo_preprocess_free(q);
    xo_data_free(d);
    put_npy("i.npy", "|u1", "(2, 4)", "abcdefgh", 8);
    put_npy("l.npy", "<i2", "(2,)", (int16_t[]){ 4, 1000 }, 4);
    d = open_or_die("npy:i.npy,l.npy");
    tap_ok(xo_data_label_offset(d, NULL, 1001) == 0, "not if a label is 1000");
    xo_data_free(d);
}

/* ---- threads ----------------------------------------------------------------------------------------------- */

static void threads_read_at_once(const char *specification, size_t count)
{
    xo_data *d = open_or_die(specification);
    size_t size, bad = 0, shape[8], dimensions;
    float *x = images_of(d, 0, NULL, &size);
    float *y = calloc(size * count, sizeof *y);
    xo_data_shape(d, NULL, 0, NULL, &dimensions, shape, NULL);
    #pragma omp parallel for schedule(dynamic) num_threads(4) reduction(+:bad)
    for (size_t k = 0; k < count; k++)
        bad += xo_data_images(d, NULL, dimensions, shape, k, 1, y + k * size, NULL) != 0;
    tap_ok(x && !bad && !memcmp(x, y, size * count * sizeof *x), "four threads read %s as one does", specification);
    tap_ok(xo_data_images(d, NULL, dimensions, shape, count, 1, y, &info) == XO_ESHAPE, "none behind the last");
    free(x);
    free(y);
    xo_data_free(d);
}

/* ---- real ones --------------------------------------------------------------------------------------------- */

/* Mean and deviation of x/255 over the training set as published everywhere: 0.2860, 0.3530.  Each class 6000 times.
 * */
static void fashion_mnist_is_known(void)
{
    static const char *const set = "idx:/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz,"
                                   "/usr/share/datasets/fashion-mnist/train-labels-idx1-ubyte.gz";
    size_t size, per_class[10] = { 0 }, uneven = 0;
    double sum = 0, squares = 0, n;
    xo_data *d;
    float *x;
    if (access("/usr/share/datasets/fashion-mnist", R_OK)) {
        tap_skip("Fashion-MNIST", "no /usr/share/datasets/fashion-mnist (Debian: dataset-fashion-mnist)");
        return;
    }
    d = open_or_die(set);
    x = images_of(d, 0, NULL, &size);
    n = (double)(size * xo_data_count(d));
    for (size_t k = 0; k < size * xo_data_count(d); k++) {
        sum += x[k] / 255;
        squares += x[k] / 255 * (x[k] / 255);
    }
    tap_close(sum / n, 0.2860, 5e-5, "Fashion-MNIST: mean of the training pixels");
    tap_close(sqrt(squares / n - sum / n * (sum / n)), 0.3530, 5e-5, "Fashion-MNIST: their standard deviation");
    for (size_t k = 0; k < xo_data_count(d); k++)
        per_class[xo_data_label(d)[k]]++;
    for (int c = 0; c < 10; c++)
        uneven += per_class[c] != 6000;
    tap_ok(xo_data_check_labels(d, 10, &info) == 0 && !uneven, "Fashion-MNIST: 6000 training images of each class");
    free(x);
    xo_data_free(d);
}

static const char *data_folder(void)
{
    static char folder[4096];
    const char *named = getenv("CROSSOHM_DATA"), *top = getenv("top_srcdir");
    snprintf(folder, sizeof folder, "%s%s", named ? named : top ? top : ".", named ? "" : "/../shared/data");
    return folder;
}

static void balanced(const char *fact, const char *kind, const char *file, size_t count)
{
    char specification[8192];
    size_t per_class[10] = { 0 }, uneven = 0;
    xo_data *d;
    snprintf(specification, sizeof specification, "%s/%s", data_folder(), file);
    if (access(specification, R_OK)) {
        tap_skip(fact, file);
        return;
    }
    snprintf(specification, sizeof specification, "%s:%s/%s", kind, data_folder(), file);
    d = open_or_die(specification);
    for (size_t k = 0; k < xo_data_count(d); k++)
        per_class[xo_data_label(d)[k]]++;
    for (int c = 0; c < 10; c++)
        uneven += per_class[c] * 10 != count;
    tap_ok(xo_data_count(d) == count && !uneven, "%s", fact);
    xo_data_free(d);
}

int main(void)
{
    if (!scratch_enter())
        return tap_skip_all("no folder to write in");
    write_idx();
    idx_is("idx:images,labels", 0, 20);
    idx_is("idx:images.gz,labels.gz", 0, 20);
    idx_is("idx:images-3.gz,labels@7:20", 7, 13);
    idx_is("idx:images,labels.gz@0:1", 0, 1);
    shapes_serve();
    put_cifar("c.bin", 130);
    put_gzip("c@home.gz", "c.bin", 4);
    cifar_is("cifar10:c.bin", 0, 130);
    cifar_is("cifar10:c@home.gz", 0, 130);
    cifar_is("cifar10:c@home.gz@100:130", 100, 30);
    npy_types();
    a_folder_in_any_order();
    sums_are_those_of_sha256sum();
    labels_are_checked();
    threads_read_at_once("cifar10:c.bin", 130);
    threads_read_at_once("images:pictures,list.csv", 3);
    fashion_mnist_is_known();
    balanced("CIFAR-10 test: 1000 of each class", "cifar10", "cifar10/cifar10_test_jpegderived.bin.gz", 10000);
    scratch_leave();
    return tap_done();
}
