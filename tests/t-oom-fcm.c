/* Every allocation of fcm/ and of rows fails in turn: ENOMEM, no leak, the next call works.  (HDF5's own allocations
 * are not seen.)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include "fcm-example.h"
#include "fields.h"
#include "oom.h"
#include "scratch.h"

static struct xo_fcm model;
static struct xo_info info;

/* user: which model, NULL the linear one. */
static int write_model(void *user)
{
    return xo_fcm_write("out.fcm", user ? user : &model, &info);
}

static int read_model(void *user)
{
    struct xo_fcm m = { .rows = 99 };
    int status = xo_fcm_read(&m, user ? user : "in.fcm", &info);
    if (status)
        return m.rows == 99 ? status : -1000;
    xo_fcm_free(&m);
    return 0;
}

static int apply_model(void *user)
{
    double volt[10] = { 0 }, amp[6];
    return xo_fcm_apply(user ? user : &model, &(struct xo_apply){ .converters = 1, .gain = 1 }, 2, volt, amp, NULL,
                        &info);
}

static int copy_rows(void *user)
{
    double value[50];
    xo_rows_reader *r = NULL;
    xo_rows_writer *w = NULL;
    int status = xo_rows_open(&r, "in.npy", &info);
    (void)user;
    if (!status)
        status = xo_rows_read(r, 10, value, &info);
    if (!status)
        status = xo_rows_create(&w, "out.npy", 2, (size_t[]){ 10, 5 }, NULL, &info);
    if (!status) {
        xo_rows_write(w, 10, value);
        status = xo_rows_commit(w, &info);
    }
    xo_rows_close(r);
    return status;
}

static int hash_file(void *user)
{
    char hex[65];
    (void)user;
    return xo_sha256_file(hex, "in.fcm", &info);
}

static void sweep(const char *what, int (*call)(void *user), void *user)
{
    struct oom_report r = oom_sweep(call, user);
    tap_ok(oom_clean(&r), "%s survives each of its %zu allocations failing, once or for good", what, r.allocations);
}

int main(void)
{
    double *value = example_numbers(50, 0, 1, 1);
    struct xo_ndarray a = { 2, { 10, 5 }, value };
    model = example_model(5, 3);
    if (!scratch_enter() || xo_fcm_write("in.fcm", &model, &info) || xo_npy_write("in.npy", &a, &info))
        return tap_skip_all("no folder to write in");
    sweep("writing a model", write_model, NULL);
    sweep("reading one", read_model, NULL);
    sweep("applying one", apply_model, NULL);
    sweep("copying rows", copy_rows, NULL);
    sweep("hashing a file", hash_file, NULL);
    struct xo_fcm stage[] = { example_basis(5, 3), example_corrected(5, 3) };
    for (int k = 0; k < 2; k++) {
        sweep(k ? "writing corrections" : "writing a basis", write_model, &stage[k]);
        xo_fcm_write("in2.fcm", &stage[k], &info);
        sweep(k ? "reading corrections" : "reading a basis", read_model, "in2.fcm");
        sweep(k ? "applying corrections" : "applying a basis", apply_model, &stage[k]);
        xo_fcm_free(&stage[k]);
    }
    xo_fcm_free(&model);
    free(value);
    scratch_leave();
    return tap_done();
}
