/* Fuzz target for the array readers: any bytes are parsed as .npy and as CSV, and what is accepted must survive
 * print and parse with the same shape and the same values.
 *     clang -DXO_FUZZ_REPLAY=0 -fsanitize=fuzzer,address,undefined ...   libFuzzer supplies main
 *     otherwise                                                         main replays corpus files, in TAP
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <dirent.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "array.h"
#include "tap.h"
#include "xo_file.h"

#ifndef XO_FUZZ_REPLAY
#define XO_FUZZ_REPLAY 1
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef int parse_function(struct xo_ndarray *, const void *, size_t, const char *, struct xo_info *);
typedef void print_function(FILE *, const struct xo_ndarray *);

static void print_npy(FILE *stream, const struct xo_ndarray *a)
{
    xo_npy_print(stream, a);
}

static void print_csv(FILE *stream, const struct xo_ndarray *a)
{
    xo_csv_print(stream, a, "A line\nanother, with 1,2");
}

static int same(const struct xo_ndarray *a, const struct xo_ndarray *b)
{
    if (a->dimensions != b->dimensions || memcmp(a->shape, b->shape, a->dimensions * sizeof *a->shape))
        return 0;
    return !memcmp(a->value, b->value, xo_ndarray_count(a) * sizeof *a->value);
}

/* Does every value say itself what it is?  Guards against a parser that accepts and stores nothing. */
static int all_finite(const struct xo_ndarray *a)
{
    size_t count = xo_ndarray_count(a);
    for (size_t k = 0; k < count; k++)
        if (!isfinite(a->value[k]))
            return 0;
    return 1;
}

static int survives(const struct xo_ndarray *a, parse_function *parse, print_function *print)
{
    struct xo_ndarray b = { 0 };
    char *text = NULL;
    size_t nbytes = 0;
    FILE *memory = open_memstream(&text, &nbytes);
    int right;
    print(memory, a);
    fclose(memory);
    right = parse(&b, text, nbytes, "printed", NULL) == 0 && same(a, &b);
    xo_ndarray_free(&b);
    free(text);
    return right;
}

/* NULL, or what is wrong.  *accepted counts the formats that took the input. */
static const char *check(const uint8_t *data, size_t size, int *accepted)
{
    const struct {
        parse_function *parse;
        print_function *print;
    } format[] = { { xo_npy_parse, print_npy }, { xo_csv_parse, print_csv } };
    const char *wrong = NULL;
    for (size_t k = 0; k < 2 && !wrong; k++) {
        struct xo_ndarray a = { 0 };
        struct xo_info info = { "" };
        int status = format[k].parse(&a, data, size, "input", &info);
        if (status && (strncmp(info.text, "input:", 6) || a.value || !strstr(info.text, "; expected")))
            wrong = "a failure must name the file and what is expected, and leave the output alone";
        if (!status && !all_finite(&a))
            wrong = "NaN and infinity must not enter";
        if (!status && !wrong && !survives(&a, format[k].parse, format[k].print))
            wrong = "print and parse must give the same array";
        if (!status && !wrong && k == 1 && !survives(&a, xo_npy_parse, print_npy))
            wrong = "a table must survive .npy too";
        *accepted += !status;
        xo_ndarray_free(&a);
    }
    return wrong;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int accepted = 0;
    const char *wrong = check(data, size, &accepted);
    if (wrong) {
        fprintf(stderr, "%s\n", wrong);
        abort();
    }
    return 0;
}

#if XO_FUZZ_REPLAY
static int inputs_accepted;

static void replay_file(const char *path)
{
    char *bytes;
    uint8_t *exact;
    size_t nbytes;
    const char *wrong;
    if (!tap_ok(xo_slurp(&bytes, &nbytes, path, 1 << 20, NULL) == 0, "%s is there", path))
        return;
    exact = malloc(nbytes + !nbytes);  /* without the NUL behind it, so that sanitizers see a step too far */
    memcpy(exact, bytes, nbytes);
    wrong = check(exact, nbytes, &inputs_accepted);
    tap_ok(!wrong, "%s holds%s%s", path, wrong ? ": " : "", wrong ? wrong : "");
    free(exact);
    free(bytes);
}

static void replay(const char *path)
{
    struct dirent **entry;
    int entries = scandir(path, &entry, NULL, alphasort);
    if (entries < 0)
        replay_file(path);
    for (int k = 0; k < entries; k++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, entry[k]->d_name);
        if (entry[k]->d_name[0] != '.')
            replay_file(file);
        free(entry[k]);
    }
    if (entries >= 0)
        free(entry);
}

/* Without arguments: the corpus in the source tree, as `make check` names it. */
int main(int argc, char **argv)
{
    const char *top = getenv("top_srcdir");
    char corpus[4096];
    snprintf(corpus, sizeof corpus, "%s/tests/corpus/npy", top ? top : ".");
    for (int k = 1; k < argc; k++)
        replay(argv[k]);
    if (argc == 1)
        replay(corpus);
    tap_ok(argc > 1 || inputs_accepted >= 10, "%d inputs were accepted, so values were compared", inputs_accepted);
    return tap_done();
}
#endif
