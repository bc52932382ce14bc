/* Every allocation of base/ fails in turn: the status is ENOMEM, nothing leaks, nothing is littered, and the next
 * call works.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <stdint.h>
#include "memory.h"
#include "oom.h"
#include "scratch.h"
#include "tap.h"
#include "xo_file.h"

static struct xo_ndarray example;      /* 40 x 20: beyond the first capacity of the CSV reader */
static struct xo_info info;

static int read_and_free(const char *path)
{
    struct xo_ndarray a = { .dimensions = 99 };
    int status = xo_ndarray_read(&a, path, &info);
    if (status && a.dimensions != 99)
        return -1000;                  /* the output was touched */
    if (!status)
        xo_ndarray_free(&a);
    return status;
}

static int read_npy(void *user)
{
    (void)user;
    return read_and_free("in.npy");
}

static int read_csv(void *user)
{
    (void)user;
    return read_and_free("in.csv");
}

static int slurp(void *user)
{
    char *bytes = NULL;
    size_t nbytes;
    int status = xo_slurp(&bytes, &nbytes, "in.csv", 1 << 20, &info);
    (void)user;
    if (!status)
        free(bytes);
    return status;
}

static int write_npy(void *user)
{
    (void)user;
    return xo_ndarray_write("folder/out.npy", &example, NULL, &info);
}

static int write_csv(void *user)
{
    (void)user;
    return xo_ndarray_write("out.csv", &example, "A", &info);
}

static int write_npz(void *user)
{
    const struct xo_named_array two[2] = { { "a", example }, { "b", example } };
    (void)user;
    return xo_npz_write("out.npz", 2, two, &info);
}

static int write_through_a_link(void *user)
{
    (void)user;
    return xo_npy_write("link", &example, &info);
}

static int write_and_abandon(void *user)
{
    struct xo_writer w;
    int status = xo_writer_open(&w, "abandoned", &info);
    (void)user;
    if (!status)
        xo_writer_abandon(&w);
    return status;
}

static int write_in_place(void *user)
{
    (void)user;
    return xo_npy_write("/dev/null", &example, &info);
}

static void sweep(const char *what, int (*call)(void *user))
{
    struct oom_report r = oom_sweep(call, NULL);
    tap_ok(oom_clean(&r), "%s survives each of its %zu allocations failing, once or for good", what, r.allocations);
}

static void products_are_checked(void)
{
    void *block;
    errno = 0;
    tap_ok(!xo_calloc(SIZE_MAX / 2, 3) && errno == ENOMEM, "a product that overflows is no memory");
    tap_ok(!xo_calloc((size_t)1 << 62, 2), "nor is more than a pointer difference can span");
    block = xo_calloc(0, 8);
    tap_ok(block != NULL, "no elements are not no memory");
    tap_ok(!xo_realloc(block, SIZE_MAX / 2, 3), "growing is checked too");
    block = xo_realloc(block, 0, 0);
    tap_ok(block != NULL, "shrinking to nothing keeps a block");
    free(block);
}

/* The harness itself: a call that leaks and lies must be found out. */
static int leaks_and_lies(void *user)
{
    static void *kept;
    void *first = xo_calloc(1, 8), *second = xo_calloc(1, 8);
    (void)user;
    if (first && !second) {
        kept = first;
        return XO_EVALUE;
    }
    free(first);
    free(second);
    free(kept);
    kept = NULL;
    return first ? 0 : ENOMEM;
}

static void a_leak_is_found(void)
{
    struct oom_report r = oom_sweep(leaks_and_lies, NULL);
    tap_ok(r.allocations == 2 && r.leaks && r.wrong_status && r.broken_after,
           "the harness finds a leak and a wrong status");
}

int main(void)
{
    if (!scratch_enter())
        return tap_skip_all("no folder to write in");
    if (xo_ndarray_new(&example, 2, (size_t[]){ 40, 20 }) || system("mkdir folder")
        || symlink("folder/out.npy", "link") || xo_npy_write("in.npy", &example, NULL)
        || xo_csv_write("in.csv", &example, NULL, NULL))
        return tap_skip_all("no files to read");
    products_are_checked();
    a_leak_is_found();
    sweep("reading .npy", read_npy);
    sweep("reading CSV", read_csv);
    sweep("reading a whole file", slurp);
    sweep("writing .npy", write_npy);
    sweep("writing CSV", write_csv);
    sweep("writing .npz", write_npz);
    sweep("writing through a link", write_through_a_link);
    sweep("abandoning", write_and_abandon);
    sweep("writing in place", write_in_place);
    tap_ok(scratch_entries(".") == 6 && scratch_entries("folder") == 1, "nothing is littered");
    xo_ndarray_free(&example);
    tap_ok(oom_live() == 0, "nothing is left allocated");
    scratch_leave();
    return tap_done();
}
