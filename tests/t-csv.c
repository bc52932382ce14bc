/* CSV: what is read, what is refused and where, and that printing and reading are inverse.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <fcntl.h>
#include "scratch.h"
#include "tap.h"
#include "xo_file.h"

/* From an exact-size block, so that sanitizers see a step too far. */
static int parse(struct xo_ndarray *a, const char *text, size_t nbytes, struct xo_info *info)
{
    char *exact = malloc(nbytes + !nbytes);
    int status;
    memcpy(exact, text, nbytes);
    status = xo_csv_parse(a, exact, nbytes, "v.csv", info);
    free(exact);
    return status;
}

static void reads(const char *text, size_t rows, size_t columns, const double *value, const char *fact)
{
    struct xo_ndarray a = { 0 };
    struct xo_info info = { "" };
    int right = parse(&a, text, strlen(text), &info) == 0 && a.dimensions == 2 && a.shape[0] == rows
             && a.shape[1] == columns && !memcmp(a.value, value, rows * columns * sizeof *value);
    if (!right)
        printf("# %s\n", info.text);
    tap_ok(right, "%s", fact);
    xo_ndarray_free(&a);
}

static void tables_are_read(void)
{
    const double value[] = { 1, -2.5, 3e-6, 4 };
    reads("1,-2.5\n3e-6,4\n", 2, 2, value, "two lines are two rows");
    reads("1,-2.5\n3e-6,4", 2, 2, value, "the last newline may be missing");
    reads("1,-2.5\r\n3e-6,4\r\n", 2, 2, value, "CRLF is understood");
    reads("# V[V]\n\n1,-2.5\n  \n#\n# 7,8,9\n3e-6,4\n\n\n", 2, 2, value, "comments and blank lines are skipped");
    reads(" 1,\t-2.5 \n3e-6 , 4\n", 2, 2, value, "blanks around numbers do not count");
    reads("\xef\xbb\xbf" "1,-2.5\n3e-6,4\n", 2, 2, value, "a byte order mark is skipped");
    reads("1,-2.5,3e-6,4", 1, 4, value, "one line is one row");
    reads("1\n-2.5\n3e-6\n4\n", 4, 1, value, "one number a line is one column");
}

static void refuses_bytes(const char *text, size_t nbytes, int status, const char *start)
{
    struct xo_ndarray a = { .dimensions = 99 };
    struct xo_info info = { "" };
    int got = parse(&a, text, nbytes, &info);
    if (got != status || strncmp(info.text, start, strlen(start)))
        printf("# got %d \"%s\", want %d \"%s...\"\n", got, info.text, status, start);
    tap_ok(got == status && !strncmp(info.text, start, strlen(start)) && a.dimensions == 99, "%s", info.text);
}

static void refuses(const char *text, int status, const char *start)
{
    refuses_bytes(text, strlen(text), status, start);
}

static void errors_name_line_and_column(void)
{
    refuses("1,2\n3,4\n5,1_0\n", XO_ESYNTAX, "v.csv:3:3: '1_0' is not a number; expected");
    refuses("# V\n1, 10k\n", XO_ESYNTAX, "v.csv:2:4: '10k' is not a number");
    refuses("0,5;0,6\n", XO_ESYNTAX, "v.csv:1:3: '5;0' is not a number");
    refuses("\"1\",2\n", XO_ESYNTAX, "v.csv:1:1: '\"1\"' is not a number");
    refuses("row,V\n1,2\n", XO_ESYNTAX, "v.csv:1:1: 'row' is not a number");
    refuses("1,,2\n", XO_ESYNTAX, "v.csv:1:3: '' is not a number");
    refuses("1,2,\n", XO_ESYNTAX, "v.csv:1:5: '' is not a number");
    refuses(",1\n", XO_ESYNTAX, "v.csv:1:1: '' is not a number");
    refuses("1 2\n", XO_ESYNTAX, "v.csv:1:1: '1 2' is not a number");
    refuses("1,nan\n", XO_ESYNTAX, "v.csv:1:3: 'nan' is not a number");
    refuses("1\ninf\n", XO_ESYNTAX, "v.csv:2:1: 'inf' is not a number");
    refuses("1\n0x10\n", XO_ESYNTAX, "v.csv:2:1: '0x10' is not a number");
    refuses("010\n", XO_ESYNTAX, "v.csv:1:1: '010' is not a number");
    refuses("1,1e400\n", XO_EVALUE, "v.csv:1:3: '1e400' does not fit");
    refuses("1\r2\r", XO_ESYNTAX, "v.csv:1:1: '1?2' is not a number");
    refuses("1,2\n3\n", XO_ESYNTAX, "v.csv:2: 1 numbers; expected 2 as in line 1");
    refuses("#\n1,2\n\n3,4,5\n", XO_ESYNTAX, "v.csv:4: 3 numbers; expected 2 as in line 2");
    refuses("", XO_ESYNTAX, "v.csv: is empty");
    refuses("# nothing\n\n", XO_ESYNTAX, "v.csv: no numbers");
    refuses_bytes("1,2\0003\n", 6, XO_ESYNTAX, "v.csv:1:3: '2?3' is not a number");
    refuses_bytes("\x93NUMPY\1\0v\0", 10, XO_ESYNTAX, "v.csv:1:1: '\x93NUMPY??v?' is not a number");
    refuses("123456789012345678901234567890x\n", XO_ESYNTAX, "v.csv:1:1: '123456789012345678901234' is not a number");
}

static void printing_and_reading_are_inverse(void)
{
    const size_t shape[2] = { 37, 11 };
    unsigned long long state = 1;
    struct xo_ndarray a, b = { 0 };
    struct xo_info info = { "" };
    char *text;
    printf("# seed %llu\n", state);
    if (!tap_ok(xo_ndarray_new(&a, 2, shape) == 0, "memory for a table"))
        return;
    for (size_t k = 0; k < 37 * 11; k++)
        a.value[k] = (tap_uniform(&state) - 0.5) * pow(10, 40 * tap_uniform(&state) - 20);
    tap_ok(xo_ndarray_write("t.csv", &a, "V[V]\nseed 1", &info) == 0 && xo_ndarray_read(&b, "t.csv", &info) == 0
           && b.shape[0] == 37 && b.shape[1] == 11 && !memcmp(a.value, b.value, 37 * 11 * sizeof *a.value),
           "a random table survives write and read%s", info.text);
    text = scratch_get("t.csv", NULL);
    tap_ok(!strncmp(text, "# V[V]\n# seed 1\n", 16), "each line of the header is a comment");
    free(text);
    xo_ndarray_free(&a);
    xo_ndarray_free(&b);
}

static void prints(size_t dimensions, const size_t *shape, const char *want, const char *fact)
{
    struct xo_ndarray a = { 0 };
    char *got;
    if (xo_ndarray_new(&a, dimensions, shape))
        return;
    for (size_t k = 0; k < xo_ndarray_count(&a); k++)
        a.value[k] = (double)k / 2;
    xo_csv_write("p.csv", &a, NULL, NULL);
    got = scratch_get("p.csv", NULL);
    tap_equal_text(got, want, fact);
    free(got);
    xo_ndarray_free(&a);
}

static void one_line_per_leading_index(void)
{
    prints(0, NULL, "0\n", "a single number is one line");
    prints(1, (size_t[]){ 3 }, "0\n0.5\n1\n", "a vector is one number a line");
    prints(2, (size_t[]){ 2, 3 }, "0,0.5,1\n1.5,2,2.5\n", "a matrix is one row a line");
    prints(3, (size_t[]){ 2, 2, 2 }, "0,0.5,1,1.5\n2,2.5,3,3.5\n", "further dimensions are flattened");
    prints(2, (size_t[]){ 0, 3 }, "", "no rows, no lines");
}

static void names_choose_the_format(void)
{
    struct xo_ndarray a, b = { 0 };
    char *bytes;
    if (xo_ndarray_new(&a, 2, (size_t[]){ 1, 2 }))
        return;
    xo_ndarray_write("x.npy", &a, "ignored", NULL);
    xo_ndarray_write("x.csv", &a, NULL, NULL);
    bytes = scratch_get("x.npy", NULL);
    tap_ok(!memcmp(bytes, "\x93NUMPY", 6), "x.npy is .npy");
    free(bytes);
    bytes = scratch_get("x.csv", NULL);
    tap_equal_text(bytes, "0,0\n", "x.csv is CSV");
    free(bytes);
    tap_ok(xo_ndarray_read(&b, "x.npy", NULL) == 0 && b.shape[1] == 2, "x.npy is read as such");
    xo_ndarray_free(&b);
    tap_ok(xo_ndarray_read(&b, "absent.csv", NULL) == ENOENT, "an absent file is ENOENT");
    xo_ndarray_free(&a);
}

static int read_from_stdin(struct xo_ndarray *out, const char *path, struct xo_info *info)
{
    int saved = dup(STDIN_FILENO), fd = open(path, O_RDONLY), status;
    dup2(fd, STDIN_FILENO);
    close(fd);
    status = xo_ndarray_read(out, "-", info);
    dup2(saved, STDIN_FILENO);
    close(saved);
    return status;
}

static void standard_input_is_known_by_its_first_byte(void)
{
    struct xo_ndarray a = { 0 }, b = { 0 }, c = { 0 };
    struct xo_info info = { "" };
    tap_ok(read_from_stdin(&a, "x.npy", &info) == 0 && a.dimensions == 2 && a.shape[1] == 2, ".npy%s", info.text);
    tap_ok(read_from_stdin(&b, "x.csv", &info) == 0 && b.shape[0] == 1 && b.shape[1] == 2, "CSV%s", info.text);
    scratch_put("none", "", 0);
    tap_ok(read_from_stdin(&c, "none", &info) == XO_ESYNTAX && !c.value, "%s", info.text);
    xo_ndarray_free(&a);
    xo_ndarray_free(&b);
}

/* The second way. */
static void numpy_reads_the_same_table(void)
{
    const char *fact = "NumPy's loadtxt reads the same numbers", *python = scratch_python("numpy");
    char command[512];
    if (!python) {
        tap_skip(fact, "python3 with numpy is missing");
        return;
    }
    snprintf(command, sizeof command, "%s -c \"\nimport numpy as np\n"
             "a = np.loadtxt('t.csv', delimiter=',', ndmin=2)\n"
             "np.savetxt('n.csv', a, delimiter=', ', fmt='%%.18e', header='x', newline='\\r\\n')\n"
             "assert a.shape == (37, 11)\"", python);
    struct xo_ndarray a = { 0 }, b = { 0 };
    tap_ok(system(command) == 0 && xo_csv_read(&a, "t.csv", NULL) == 0 && xo_csv_read(&b, "n.csv", NULL) == 0
           && !memcmp(a.value, b.value, 37 * 11 * sizeof *a.value), "%s", fact);
    xo_ndarray_free(&a);
    xo_ndarray_free(&b);
}

int main(void)
{
    if (!scratch_enter())
        return tap_skip_all("no folder to write in");
    tables_are_read();
    errors_name_line_and_column();
    printing_and_reading_are_inverse();
    one_line_per_leading_index();
    names_choose_the_format();
    standard_input_is_known_by_its_first_byte();
    numpy_reads_the_same_table();
    scratch_leave();
    return tap_done();
}
