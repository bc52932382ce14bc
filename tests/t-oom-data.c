/* Every allocation of data sets and preprocessing fails in turn: ENOMEM, no leak, the next call works.  (libjpeg's
 * and libyaml's own allocations are not seen; zlib's and libpng's are ours.)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "data-files.h"
#include "oom.h"
#include "tap.h"
#include "xo_data.h"

static struct xo_info info;

/* Open, look, read everything as `preprocess` says, hash. */
static int use(const char *specification, const char *preprocess)
{
    xo_data *d = NULL;
    xo_preprocess *p = NULL;
    static float image[1 << 16];
    size_t dimensions, shape[8];
    char hex[65];
    int status = xo_data_open(&d, specification, &info);
    if (!status)
        status = xo_preprocess_new(&p, preprocess, &info);
    if (!status)
        status = xo_data_shape(d, p, 0, NULL, &dimensions, shape, &info);
    if (!status)
        status = xo_data_images(d, p, dimensions, shape, 0, xo_data_count(d), image, &info);
    if (!status)
        status = xo_data_sha256(d, hex, &info);
    xo_preprocess_free(p);
    xo_data_free(d);
    return status;
}

static int use_idx(void *user) { (void)user; return use("idx:i.gz,l@3:9", "p.yaml"); }
static int use_cifar(void *user) { (void)user; return use("cifar10:c.gz@70:75", "p.yaml"); }
static int use_npy(void *user) { (void)user; return use("npy:f.npy,n.npy", "imagenet"); }
static int use_png(void *user) { (void)user; return use("images:.,png.csv", "p.yaml"); }
static int use_jpeg(void *user) { (void)user; return use("images:.,jpg.csv", "tf"); }

static void sweep(const char *what, int (*call)(void *user))
{
    struct oom_report r = oom_sweep(call, NULL);
    tap_ok(oom_clean(&r), "%s survives each of its %zu allocations failing, once or for good", what, r.allocations);
}

int main(void)
{
    unsigned char pixels[10 * 8 * 3] = { 1, 2, 3 };
    float value[2 * 12] = { 0.5 };
    if (!scratch_enter())
        return tap_skip_all("no folder to write in");
    put_idx("i", 3, (uint32_t[]){ 12, 6, 6 }, 256);
    put_idx("l", 1, (uint32_t[]){ 12 }, 10);
    put_gzip("i.gz", "i", 2);
    put_cifar("c", 150);
    put_gzip("c.gz", "c", 1);
    put_npy("f.npy", "<f4", "(2, 3, 2, 2)", value, sizeof value);
    put_npy("n.npy", "|u1", "(2,)", "\1\2", 2);
    put_png("a.png", 10, 8, 8, PNG_COLOR_TYPE_RGB, 1, pixels, 30);
    put_jpeg("a.jpg", 10, 8, 3, 0, pixels);
    scratch_put("png.csv", "a.png,1\na.png,2\n", 16);
    scratch_put("jpg.csv", "a.jpg,1\n", 8);
    scratch_put("p.yaml", "resize: [3, 4]\norder: grey\nmean: [3]\n", 37);
    sweep("a packed IDX set", use_idx);
    sweep("a packed CIFAR-10 set", use_cifar);
    sweep("a .npy set", use_npy);
    sweep("a folder of PNG", use_png);
    sweep("a folder of JPEG", use_jpeg);
    scratch_leave();
    return tap_done();
}
