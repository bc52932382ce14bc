/* Arrays a piece at a time equal the array at once, whatever order, width, byte order or container; hostile files are
 * refused as xo_npy_read refuses them.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include "scratch.h"
#include "tap.h"
#include "xo_file.h"

enum { COUNT = 1000, WIDTH = 37 };
static double given[COUNT][WIDTH];

/* Read everything, `piece` rows at a time; NULL and info if it fails. */
static double *read_pieces(const char *path, size_t piece, size_t *count, size_t *width, struct xo_info *info)
{
    xo_rows_reader *r = NULL;
    double *value = NULL;
    if (xo_rows_open(&r, path, info))
        return NULL;
    *count = xo_rows_count(r);
    *width = xo_rows_width(r);
    value = malloc(*count * *width * sizeof *value + 8);
    int status = 0;
    for (size_t first = 0; first < *count && !status; first += piece)
        status = xo_rows_read(r, *count - first < piece ? *count - first : piece, value + first * *width, info);
    if (!status && xo_rows_read(r, 1, value, info) != XO_ESHAPE)
        status = -1000;                /* more than there is */
    if (status) {
        free(value);
        value = NULL;
    }
    xo_rows_close(r);
    return value;
}

static void pieces_equal_the_whole(const char *path, const char *fact)
{
    static const size_t piece[] = { 1, 7, 512, 1000, 5000 };
    int same = 1;
    for (size_t k = 0; k < sizeof piece / sizeof *piece; k++) {
        size_t count = 0, width = 0;
        struct xo_info info = { "" };
        double *value = read_pieces(path, piece[k], &count, &width, &info);
        same &= value && count == COUNT && width == WIDTH && !memcmp(value, given, sizeof given);
        if (!value)
            printf("# %s\n", info.text);
        free(value);
    }
    tap_ok(same, "%s", fact);
}

/* A .npy with elements stored as asked. */
static void put_npy(const char *path, const char *descr, int fortran)
{
    FILE *f = fopen(path, "wb");
    char dictionary[128];
    int length = snprintf(dictionary, sizeof dictionary,
                          "{'descr': '%s', 'fortran_order': %s, 'shape': (%d, %d), }\n",
                          descr, fortran ? "True" : "False", COUNT, WIDTH);
    fwrite("\x93NUMPY\1\0", 1, 8, f);
    fputc(length & 0xff, f);
    fputc(length >> 8, f);
    fwrite(dictionary, 1, (size_t)length, f);
    for (size_t k = 0; k < COUNT * WIDTH; k++) {
        double x = fortran ? given[k % COUNT][k / COUNT] : given[k / WIDTH][k % WIDTH];
        float single = (float)x;
        unsigned char bytes[8];
        size_t width = descr[2] == '8' ? 8 : 4;
        memcpy(bytes, width == 8 ? (void *)&x : (void *)&single, width);
        for (size_t b = 0; b < width; b++)
            fputc(bytes[descr[0] == '>' ? width - 1 - b : b], f);
    }
    fclose(f);
}

static void every_flavour_in_pieces(void)
{
    struct xo_ndarray a = { 2, { COUNT, WIDTH }, given[0] };
    xo_npy_write("v.npy", &a, NULL);
    pieces_equal_the_whole("v.npy", "float64 in C order");
    xo_csv_write("v.csv", &a, NULL, NULL);
    pieces_equal_the_whole("v.csv", "CSV");
    put_npy("f.npy", "<f8", 1);
    pieces_equal_the_whole("f.npy", "Fortran order, gathered");
    put_npy("b.npy", ">f8", 0);
    pieces_equal_the_whole("b.npy", "big-endian");
    put_npy("s.npy", "<f4", 0);
    pieces_equal_the_whole("s.npy", "float32 (the numbers fit)");
    put_npy("sf.npy", ">f4", 1);
    pieces_equal_the_whole("sf.npy", "big-endian float32 in Fortran order");
}

static void refused(const char *path, int status, const char *text, const char *fact)
{
    struct xo_info info = { "" };
    size_t count, width;
    double *value = read_pieces(path, 300, &count, &width, &info);
    if (value || !strstr(info.text, text))
        printf("# got \"%s\", want %d \"%s\"\n", info.text, status, text);
    tap_ok(!value && strstr(info.text, text), "%s", fact);
    free(value);
}

static void hostile_files_are_refused(void)
{
    size_t nbytes;
    char *bytes = scratch_get("v.npy", &nbytes);
    struct xo_ndarray three = { 3, { 10, 100, WIDTH }, given[0] };
    uint64_t nan = 0x7ff8000000000000;
    scratch_put("cut.npy", bytes, nbytes - 8);
    refused("cut.npy", XO_ESYNTAX, "cut.npy: 295992 bytes of data", "a file cut short");
    scratch_put("pipe.npy", bytes, nbytes - 8);
    memcpy(bytes + nbytes - 8 * (2 * WIDTH - 5), &nan, 8);
    scratch_put("nan.npy", bytes, nbytes);
    refused("nan.npy", XO_EVALUE, "nan.npy: nan at element (998,5); expected finite numbers", "a NaN is named");
    put_npy("fnan.npy", "<f8", 1);
    free(bytes);
    bytes = scratch_get("fnan.npy", &nbytes);
    memcpy(bytes + nbytes - 8 * 2, &nan, 8);
    scratch_put("fnan.npy", bytes, nbytes);
    refused("fnan.npy", XO_EVALUE, "nan at element (998,36)", "in Fortran order too");
    xo_npy_write("three.npy", &three, NULL);
    refused("three.npy", XO_ESHAPE, "shape (10, 100, 37); expected one or two", "three dimensions");
    refused("absent.npy", ENOENT, "absent.npy: cannot open", "a file that is not there");
    free(bytes);
}

/* A pipe: no size beforehand, no seeking. */
static void streams_are_read(const char *command, int good, const char *text, const char *fact)
{
    struct xo_info info = { "" };
    size_t count = 0, width = 0;
    char line[128];
    snprintf(line, sizeof line, "rm -f p; mkfifo p; %s >p 2>/dev/null &", command);
    if (system(line))
        return;
    double *value = read_pieces("p", 300, &count, &width, &info);
    int right = good ? value && !memcmp(value, given, sizeof given) : !value && strstr(info.text, text);
    if (!right)
        printf("# %s\n", info.text);
    tap_ok(right, "%s", fact);
    free(value);
}

static void written_in_pieces(const char *path, const char *whole, const char *fact)
{
    xo_rows_writer *w = NULL;
    size_t a_nbytes, b_nbytes;
    if (xo_rows_create(&w, path, 2, (size_t[]){ COUNT, WIDTH }, NULL, NULL))
        return;
    for (size_t first = 0; first < COUNT; first += 300)
        xo_rows_write(w, COUNT - first < 300 ? COUNT - first : 300, given[first]);
    int status = xo_rows_commit(w, NULL);
    char *a = scratch_get(path, &a_nbytes), *b = scratch_get(whole, &b_nbytes);
    tap_ok(!status && a_nbytes == b_nbytes && !memcmp(a, b, a_nbytes), "%s", fact);
    free(a);
    free(b);
}

static void writing_is_atomic(void)
{
    xo_rows_writer *w = NULL;
    struct xo_info info = { "" };
    int before = scratch_entries(".");
    if (!xo_rows_create(&w, "never.npy", 2, (size_t[]){ COUNT, WIDTH }, NULL, &info)) {
        xo_rows_write(w, 10, given[0]);
        xo_rows_abandon(w);
    }
    tap_ok(scratch_entries(".") == before, "abandoned, nothing stays");
    tap_ok(xo_rows_create(&w, "no/folder.npy", 1, (size_t[]){ 3 }, NULL, &info) == ENOENT, "no folder, an errno");
    if (!xo_rows_create(&w, "/dev/full", 2, (size_t[]){ COUNT, WIDTH }, NULL, &info)) {
        xo_rows_write(w, COUNT, given[0]);
        tap_ok(xo_rows_commit(w, &info) == ENOSPC && strstr(info.text, "/dev/full"), "a full disk is named");
    }
    xo_rows_abandon(NULL);
    xo_rows_close(NULL);
}

int main(void)
{
    unsigned long long seed = 1;
    if (!scratch_enter())
        return tap_skip_all("no folder to write in");
    for (size_t k = 0; k < COUNT * WIDTH; k++)
        given[k / WIDTH][k % WIDTH] = (float)(tap_uniform(&seed) - 0.5);
    every_flavour_in_pieces();
    streams_are_read("cat v.npy", 1, "", "a pipe");
    hostile_files_are_refused();
    streams_are_read("cat pipe.npy", 0, "ends within its data; expected 1000 rows of 37", "a pipe cut short");
    streams_are_read("{ cat v.npy; echo; }", 0, "or more for shape", "a pipe with a byte too many");
    streams_are_read("cat f.npy", 0, "Fortran order in a stream", "a pipe in Fortran order");
    written_in_pieces("out.npy", "v.npy", "written in pieces, the bytes of the whole");
    written_in_pieces("out.csv", "v.csv", "as CSV too");
    writing_is_atomic();
    scratch_leave();
    return tap_done();
}
