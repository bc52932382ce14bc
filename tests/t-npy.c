/* .npy and .npz: NumPy reads what we write and we read what it writes; everything else is refused by name.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <stdint.h>
#include <sys/resource.h>
#include "scratch.h"
#include "tap.h"
#include "xo_file.h"

/* A file image: header of the given version around a dictionary, then data. */
struct image {
    unsigned char bytes[512];
    size_t nbytes;
};

static struct image image_of(int version, const char *dictionary, const void *data, size_t data_nbytes)
{
    struct image m = { .nbytes = 0 };
    size_t length = strlen(dictionary);
    memcpy(m.bytes, "\x93NUMPY", 6);
    m.bytes[6] = (unsigned char)version;
    m.bytes[8] = (unsigned char)(length & 0xff);
    m.bytes[9] = (unsigned char)(length >> 8);
    m.nbytes = version == 1 ? 10 : 12;
    memcpy(m.bytes + m.nbytes, dictionary, length);
    m.nbytes += length;
    if (data_nbytes)
        memcpy(m.bytes + m.nbytes, data, data_nbytes);
    m.nbytes += data_nbytes;
    return m;
}

#define DICT(descr, order, shape) "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }\n"
#define F8(shape) DICT("'<f8'", "False", shape)

/* The parser must say `status` and `text`, and leave the output alone.  The block has the
 * exact size, so that sanitizers see a step too far. */
static void refuses(struct image m, int status, const char *text, const char *fact)
{
    struct xo_ndarray a = { .dimensions = 99 };
    struct xo_info info = { "" };
    unsigned char *exact = malloc(m.nbytes + !m.nbytes);
    int got;
    memcpy(exact, m.bytes, m.nbytes);
    got = xo_npy_parse(&a, exact, m.nbytes, "G.npy", &info);
    free(exact);
    if (got != status || !strstr(info.text, text))
        printf("# got %d \"%s\", want %d \"%s\"\n", got, info.text, status, text);
    tap_ok(got == status && strstr(info.text, text) && a.dimensions == 99 && !strncmp(info.text, "G.npy: ", 7),
           "%s is refused by name", fact);
}

static void hostile_headers_are_refused(void)
{
    static const struct { const char *dictionary, *text, *fact; } given[] = {
        { "", "is not a dictionary", "an empty header" },
        { "{}", "lacks 'descr'", "an empty dictionary" },
        { "{'descr': '<f8', 'shape': (2,), }", "lacks 'fortran_order'", "a missing key" },
        { "{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (2,), }",
          "'descr' twice", "a key twice" },
        { "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), 'units': 'S', }",
          "key 'units'", "an unknown key" },
        { "{'descr': '<f8' 'fortran_order': False, 'shape': (2,), }", "lacks a comma", "a missing comma" },
        { "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), } 1", "goes on", "text behind the dictionary" },
        { "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), ", "not a dictionary", "an open dictionary" },
        { "{'descr: '<f8', 'fortran_order': False, 'shape': (2,), }", "not a dictionary", "an open key" },
        { "{descr: '<f8', 'fortran_order': False, 'shape': (2,), }", "not a dictionary", "a bare key" },
        { "{'descr': '<f8', 'fortran_order': 0, 'shape': (2,), }", "neither True nor False", "an order of 0" },
        { "{'descr': '<f8', 'fortran_order': False, 'shape': [2], }", "not a tuple", "a shape in brackets" },
        { "{'descr': '<f8', 'fortran_order': False, 'shape': (2), }", "not a tuple", "a shape that is a number" },
        { "{'descr': '<f8', 'fortran_order': False, 'shape': (,), }", "tuple of sizes", "a lone comma" },
        { "{'descr': '<f8', 'fortran_order': False, 'shape': (1,,2), }", "tuple of sizes", "two commas" },
        { "{'descr': '<f8', 'fortran_order': False, 'shape': (-2,), }", "tuple of sizes", "a negative size" },
        { "{'descr': '<f8', 'fortran_order': False, 'shape': (02,), }", "tuple of sizes", "an octal look-alike" },
        { "{'descr': '<f8', 'fortran_order': False, 'shape': (2.0,), }", "tuple of sizes", "a fractional size" },
        { "{'descr': '<f8', 'fortran_order': False, 'shape': (2,", "tuple of sizes", "an open shape" },
        { F8("(99999999999999999999,)"), "tuple of sizes", "a size of 20 digits" },
        { F8("(1, 1, 1, 1, 2)"), "expected at most 4", "a fifth dimension" },
        { F8("(4294967296, 4294967296)"),
          "16 bytes of data for shape (4294967296, 4294967296) float64", "a huge shape" },
        { F8("(18446744073709551615,)"), "expected a shape that memory can hold", "the largest size" },
        { F8("(2305843009213693953,)"), "expected a shape that memory can hold", "a shape that wraps to 8 bytes" },
        { DICT("'<i8'", "False", "(2,)"), "type '<i8'; expected float64", "an array of integers" },
        { DICT("'<c8'", "False", "(2,)"), "type '<c8'", "an array of complex numbers" },
        { DICT("'|O'", "False", "(2,)"), "type '|O'", "an array of Python objects" },
        { DICT("'f8'", "False", "(2,)"), "type 'f8'", "a type without byte order" },
        { DICT("''", "False", "(2,)"), "type ''", "an empty type" },
        { DICT("[('a', '<f8')]", "False", "(2,)"), "no plain type", "an array of records" }
    };
    const double data[2] = { 1, 2 };
    for (size_t k = 0; k < sizeof given / sizeof *given; k++)
        refuses(image_of(1, given[k].dictionary, data, sizeof data), XO_ESYNTAX, given[k].text, given[k].fact);
}

static void wrong_lengths_are_refused(void)
{
    double data[3] = { 1, 2, 3 };
    struct image m = image_of(1, F8("(2,)"), data, 16);
    struct xo_ndarray a;
    int refused = 1;
    for (size_t nbytes = 0; nbytes < m.nbytes; nbytes++)
        refused &= xo_npy_parse(&a, m.bytes, nbytes, "G.npy", NULL) == XO_ESYNTAX;
    tap_ok(refused, "a file cut short anywhere is refused");
    refuses(image_of(1, F8("(64, 64)"), data, 24), XO_ESYNTAX,
            "24 bytes of data for shape (64, 64) float64; expected 32768", "a truncated array");
    refuses(image_of(1, F8("(2,)"), data, 24), XO_ESYNTAX,
            "24 bytes of data for shape (2,) float64; expected 16", "a trailing element");
    refuses(image_of(1, F8("(2,)"), data, 17), XO_ESYNTAX,
            "17 bytes of data for shape (2,) float64; expected 16", "a trailing byte");
    refuses(image_of(1, DICT("'<f4'", "False", "(2,)"), data, 16), XO_ESYNTAX,
            "16 bytes of data for shape (2,) float32; expected 8", "float64 data in a float32 file");
    refuses((struct image){ .nbytes = 0 }, XO_ESYNTAX, "ends after 0 bytes", "an empty file");
    refuses((struct image){ "\x93NUM", 4 }, XO_ESYNTAX, "ends after 4 bytes", "half a magic");
    refuses((struct image){ "1,2\n3,4\n", 8 }, XO_ESYNTAX, "does not begin like a .npy", "a CSV file");
    refuses((struct image){ "PK\3\4..........", 14 }, XO_ESYNTAX, ".npz", "an archive");
    m.bytes[6] = 4;
    refuses(m, XO_ESYNTAX, "version 4.0", "an unknown version");
    m = image_of(2, F8("(2,)"), data, 16);
    m.bytes[11] = 0x7f;
    refuses(m, XO_ESYNTAX, "expected at most 65536", "a header of 2 GB");
}

static void values_that_are_not_finite_are_named(void)
{
    double data[20] = { 0 };
    const float single[2] = { 1, -INFINITY };
    data[3 * 5 + 4] = NAN;
    refuses(image_of(1, F8("(4, 5)"), data, sizeof data), XO_EVALUE, "nan at element (3,4)", "a NaN");
    refuses(image_of(1, DICT("'<f8'", "True", "(5, 4)"), data, sizeof data), XO_EVALUE, "nan at element (4,3)",
            "a NaN in Fortran order");
    data[3 * 5 + 4] = INFINITY;
    refuses(image_of(1, F8("(20,)"), data, sizeof data), XO_EVALUE, "infinity at element (19)", "an infinity");
    refuses(image_of(3, DICT("'<f4'", "False", "(1, 2)"), single, 8), XO_EVALUE, "infinity at element (0,1)",
            "a single-precision infinity");
}

static void every_flavour_is_understood(void)
{
    static const unsigned char big8[] = { 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0 };   /* 1.5, -2 */
    static const unsigned char big4[] = { 0x3f, 0xc0, 0, 0, 0xc0, 0, 0, 0 };
    static const unsigned char little4[] = { 0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0 };
    const double host[] = { 1.5, -2 };
    const struct { struct image m; const char *fact; } given[] = {
        { image_of(1, DICT("'>f8'", "False", "(2,)"), big8, 16), "big-endian float64" },
        { image_of(2, DICT("'>f4'", "False", "(2,)"), big4, 8), "big-endian float32, version 2" },
        { image_of(3, DICT("'<f4'", "True", "(2,)"), little4, 8), "little-endian float32, version 3" },
        { image_of(1, DICT("'=f8'", "False", "(2,)"), host, 16), "host order" },
        { image_of(1, "{\"shape\":(2,),'fortran_order':True,'descr':'>f8'}", big8, 16),
          "keys in any order, no blanks" }
    };
    for (size_t k = 0; k < sizeof given / sizeof *given; k++) {
        struct xo_ndarray a = { 0 };
        int status = xo_npy_parse(&a, given[k].m.bytes, given[k].m.nbytes, "a.npy", NULL);
        tap_ok(!status && a.dimensions == 1 && a.shape[0] == 2 && a.value[0] == 1.5 && a.value[1] == -2, "%s is read",
               given[k].fact);
        xo_ndarray_free(&a);
    }
}

/* The n-th test array: 0 to 4 dimensions, some sizes 0 or 1; element k is (k + 0.1) * 1e-6. */
static struct xo_ndarray example(size_t n)
{
    static const struct { size_t dimensions, shape[4]; } shapes[] = {
        { 0, { 0 } }, { 1, { 7 } }, { 2, { 3, 5 } }, { 3, { 2, 3, 4 } }, { 4, { 2, 3, 4, 5 } }, { 2, { 0, 5 } },
        { 2, { 5, 1 } }, { 2, { 64, 2000 } }, { 4, { 1, 1, 1, 1 } }, { 4, { 0, 10000000, 2000000, 3000 } }
    };
    struct xo_ndarray a = { 0 };
    if (n < sizeof shapes / sizeof *shapes && !xo_ndarray_new(&a, shapes[n].dimensions, shapes[n].shape))
        for (size_t k = 0; k < xo_ndarray_count(&a); k++)
            a.value[k] = ((double)k + 0.1) * 1e-6;
    return a;
}
enum { EXAMPLES = 10 };

static int same(const struct xo_ndarray *a, const struct xo_ndarray *b)
{
    return a->dimensions == b->dimensions && !memcmp(a->shape, b->shape, a->dimensions * sizeof *a->shape)
        && !memcmp(a->value, b->value, xo_ndarray_count(a) * sizeof *a->value);
}

static void written_arrays_read_back(void)
{
    for (size_t n = 0; n < EXAMPLES; n++) {
        struct xo_ndarray a = example(n), b = { 0 };
        int status = xo_npy_write("back.npy", &a, NULL);
        tap_ok(!status && xo_npy_read(&b, "back.npy", NULL) == 0 && same(&a, &b), "array %zu is read back", n);
        xo_ndarray_free(&a);
        xo_ndarray_free(&b);
    }
}

/* Run a program with NumPy at hand; 1 if no assertion fails.  What it says goes to '#' lines. */
static int python(const char *program)
{
    char command[64];
    FILE *p;
    snprintf(command, sizeof command, "%s - 2>said", scratch_python("numpy"));
    p = popen(command, "w");
    if (!p || fprintf(p, "import numpy as np\n%s\n", program) < 0)
        return 0;
    if (pclose(p) == 0)
        return 1;
    return system("sed 's/^/# /' said") < 0;
}

static void numpy_agrees_with_what_we_write(void)
{
    struct xo_named_array named[EXAMPLES];
    static const char *const name[EXAMPLES] = { "n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "\xc3\xa4" };
    struct xo_info info = { "" };
    for (size_t n = 0; n < EXAMPLES; n++) {
        char path[32];
        named[n] = (struct xo_named_array){ name[n], example(n) };
        snprintf(path, sizeof path, "ours%zu.npy", n);
        xo_npy_write(path, &named[n].array, NULL);
    }
    int status = xo_npz_write("ours.npz", EXAMPLES, named, &info);
    tap_ok(status == 0 && scratch_entries(".") > EXAMPLES, "a .npz is written%s", info.text);
    for (size_t n = 0; n < EXAMPLES; n++)
        xo_ndarray_free(&named[n].array);
    tap_ok(python("for n in range(10):\n"
                  "    a = np.load('ours%d.npy' % n)\n"
                  "    assert a.dtype == np.dtype('<f8') and a.flags.c_contiguous, n\n"
                  "    assert (a.ravel() == (np.arange(a.size) + 0.1) * 1e-6).all(), n\n"
                  "    np.save('numpy.npy', a)\n"
                  "    assert open('numpy.npy', 'rb').read() == open('ours%d.npy' % n, 'rb').read(), n"),
           "NumPy reads our .npy and writes the same bytes");
    tap_ok(python("import zipfile\n"
                  "assert zipfile.ZipFile('ours.npz').testzip() is None\n"
                  "z = np.load('ours.npz')\n"
                  "assert z.files == ['n%d' % n for n in range(9)] + ['\\u00e4'], z.files\n"
                  "for n, f in enumerate(z.files):\n"
                  "    assert (z[f] == np.load('ours%d.npy' % n)).all(), n\n"
                  "i = zipfile.ZipFile('ours.npz').infolist()[0]\n"
                  "assert i.date_time == (1980, 1, 1, 0, 0, 0) and i.compress_type == 0"),
           "NumPy and zipfile read our .npz");
}

static void we_agree_with_what_numpy_writes(void)
{
    int right = 1, exists;
    tap_ok(python("n = 0\n"
                  "for dtype in '<f8', '>f8', '<f4', '>f4':\n"
                  "    for order in 'C', 'F':\n"
                  "        for shape in (), (7,), (3, 5), (2, 3, 4), (2, 3, 4, 5), (0, 3), (1, 6):\n"
                  "            a = np.arange(np.prod(shape, dtype=int)).reshape(shape) / 8 - 1\n"
                  "            a = np.asarray(a, dtype, order)\n"
                  "            with open('theirs%d.npy' % n, 'wb') as f:\n"
                  "                np.lib.format.write_array(f, a, version=[(1, 0), (2, 0), (3, 0)][n % 3])\n"
                  "            n += 1"), "NumPy writes arrays");
    for (int n = 0; n < 56; n++) {
        struct xo_ndarray a = { 0 };
        char path[32];
        snprintf(path, sizeof path, "theirs%d.npy", n);
        exists = xo_npy_read(&a, path, NULL) == 0;
        right &= exists;
        for (size_t k = 0; exists && k < xo_ndarray_count(&a); k++)
            right &= a.value[k] == (double)k / 8 - 1;
        xo_ndarray_free(&a);
    }
    tap_ok(right, "56 flavours of NumPy's files hold the right numbers in the right order");
}

static void archives_too_large_are_refused(void)
{
    struct xo_named_array huge = { "u", { .dimensions = 2, .shape = { 1 << 15, 1 << 14 }, .value = NULL } };
    struct xo_named_array half[2] = { { "a", { .dimensions = 1, .shape = { 1 << 28 } } },
                                      { "b", { .dimensions = 1, .shape = { 1 << 28 } } } };
    struct xo_info info = { "" };
    tap_ok(xo_npz_write("huge.npz", 1, &huge, &info) == XO_ETOOBIG && strstr(info.text, "'u'"),
           "a member of 4 GiB is refused: %s", info.text);
    tap_ok(xo_npz_write("huge.npz", 2, half, &info) == XO_ETOOBIG, "an archive of 4 GiB is refused: %s", info.text);
    tap_ok(access("huge.npz", F_OK) && access("huge.npz.part", F_OK), "and nothing is left");
}

static void files_are_checked_before_memory_is_asked_for(void)
{
    const double data[2] = { 1, 2 };
    struct image m = image_of(1, F8("(2,)"), data, 16), huge = image_of(1, F8("(1000000, 1000000)"), data, 16);
    struct xo_ndarray a = { 0 };
    struct xo_info info = { "" };
    scratch_put("sparse.npy", m.bytes, m.nbytes);
    scratch_put("huge.npy", huge.bytes, huge.nbytes);
    tap_ok(truncate("sparse.npy", (off_t)1 << 40) == 0 && xo_npy_read(&a, "sparse.npy", &info) == XO_ESYNTAX
           && strstr(info.text, "expected 16"), "a terabyte behind two numbers: %s", info.text);
    tap_ok(xo_npy_read(&a, "huge.npy", &info) == XO_ESYNTAX && strstr(info.text, "16 bytes of data"),
           "eight terabytes announced: %s", info.text);
    tap_ok(xo_npy_read(&a, "/dev/zero", &info) == XO_ESYNTAX, "/dev/zero: %s", info.text);
    tap_ok(xo_npy_read(&a, "absent.npy", &info) == ENOENT, "%s", info.text);
    tap_ok(xo_npy_read(&a, ".", &info) == EISDIR, "%s", info.text);
    char *bytes;
    size_t nbytes;
    tap_ok(xo_slurp(&bytes, &nbytes, "sparse.npy", 1000, &info) == XO_ETOOBIG, "%s", info.text);
    tap_ok(xo_slurp(&bytes, &nbytes, "/dev/zero", 100000, &info) == XO_ETOOBIG, "%s", info.text);
    tap_ok(xo_slurp(&bytes, &nbytes, "/proc/self/stat", 100000, NULL) == 0 && nbytes > 0 && bytes[nbytes] == '\0',
           "a file of unknown size is slurped");
    free(bytes);
    tap_ok(xo_slurp(&bytes, &nbytes, "/dev/null", 0, NULL) == 0 && nbytes == 0 && bytes[0] == '\0',
           "and an empty one");
    free(bytes);
}

static int read_from_pipe(struct xo_ndarray *a, struct image m, struct xo_info *info)
{
    int end[2], saved = dup(STDIN_FILENO), status = -1;
    if (pipe(end) == 0 && write(end[1], m.bytes, m.nbytes) == (ssize_t)m.nbytes) {
        close(end[1]);
        dup2(end[0], STDIN_FILENO);
        status = xo_npy_read(a, "-", info);
        close(end[0]);
    }
    dup2(saved, STDIN_FILENO);
    close(saved);
    return status;
}

static void standard_input_is_read(void)
{
    const double data[3] = { 1, 2, 3 };
    struct xo_ndarray a = { 0 };
    struct xo_info info = { "" };
    tap_ok(read_from_pipe(&a, image_of(1, F8("(2,)"), data, 16), &info) == 0 && a.value[1] == 2,
           "- is standard input");
    xo_ndarray_free(&a);
    tap_ok(read_from_pipe(&a, image_of(1, F8("(2,)"), data, 24), &info) == XO_ESYNTAX
           && strstr(info.text, "standard input: 17 bytes of data or more"), "%s", info.text);
    tap_ok(read_from_pipe(&a, image_of(1, F8("(4,)"), data, 24), &info) == XO_ESYNTAX
           && strstr(info.text, "24 bytes of data for shape (4,) float64; expected 32"), "%s", info.text);
}

static void sizes_that_overflow_are_refused(void)
{
    const size_t huge[] = { SIZE_MAX / 2, 3, 0, 1 }, many[5] = { 1, 1, 1, 1, 1 };
    struct xo_ndarray a = { .dimensions = 99 };
    tap_ok(xo_ndarray_new(&a, 2, huge) == XO_ETOOBIG && a.dimensions == 99, "a product that overflows is refused");
    tap_ok(xo_ndarray_new(&a, 5, many) == XO_ETOOBIG && a.dimensions == 99, "so is a fifth dimension");
    tap_ok(xo_ndarray_new(&a, 0, NULL) == 0 && xo_ndarray_count(&a) == 1 && a.value[0] == 0,
           "no dimensions: one number");
    xo_ndarray_free(&a);
    xo_ndarray_free(&a);
    xo_ndarray_free(NULL);
    tap_ok(!a.value && !a.dimensions, "freeing twice is harmless");
}

/* No hostile file may ask for more than this.  (The address sanitizer needs terabytes of address space.) */
static void limit_memory(rlim_t nbytes)
{
#if !defined __SANITIZE_ADDRESS__ && !defined __clang__
    struct rlimit limit;
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = nbytes < limit.rlim_max ? nbytes : limit.rlim_max;
    setrlimit(RLIMIT_AS, &limit);
#else
    (void)nbytes;
#endif
}

int main(void)
{
    if (!scratch_enter())
        return tap_skip_all("no folder to write in");
    limit_memory(256 << 20);
    hostile_headers_are_refused();
    wrong_lengths_are_refused();
    values_that_are_not_finite_are_named();
    every_flavour_is_understood();
    written_arrays_read_back();
    archives_too_large_are_refused();
    files_are_checked_before_memory_is_asked_for();
    standard_input_is_read();
    sizes_that_overflow_are_refused();
    limit_memory(RLIM_INFINITY);
    if (scratch_python("numpy")) {
        numpy_agrees_with_what_we_write();
        we_agree_with_what_numpy_writes();
    } else {
        tap_skip("NumPy agrees", "python3 with numpy is missing");
    }
    scratch_leave();
    return tap_done();
}
