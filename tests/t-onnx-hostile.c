/* ONNX files that mean harm, or were harmed: each is refused at once, with a reason that names the place, and without
 * asking for memory that the file does not deserve.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <sys/resource.h>
#include <time.h>
#include "memory.h"
#include "onnx-file.h"
#include "tap.h"

#define TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__ ## name
static struct xo_info info;

static double now_sec(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int parse(const uint8_t *bytes, size_t nbytes)
{
    struct xo_graph g = { .nodes = 99 };
    uint8_t *copy = xo_calloc(nbytes, 1);          /* exactly as long: a sanitizer sees what is read beyond it */
    int status;
    if (nbytes)
        memcpy(copy, bytes, nbytes);
    info.text[0] = '\0';
    status = xo_graph_parse(&g, copy, nbytes, "m.onnx", NULL, &info);
    if (!status)
        xo_graph_free(&g);
    else if (g.nodes != 99)
        status = -1000;
    free(copy);
    return status;
}

/* Statuses that end the command with exit code 4, and a line that says why. */
static int well_refused(int status)
{
    return status < 0 && status != -1000 && !strncmp(info.text, "m.onnx: ", 8) && strstr(info.text, "; expected");
}

static void refuses(const uint8_t *bytes, size_t nbytes, int status, const char *finding, const char *fact)
{
    double begin = now_sec();
    int got = parse(bytes, nbytes);
    printf("# %s\n", info.text);
    tap_ok(got == status && well_refused(got) && strstr(info.text, finding) && now_sec() - begin < 1, "%s", fact);
}

static void refuses_file(struct onnx_file *f, int status, const char *finding, const char *fact)
{
    size_t nbytes;
    uint8_t *bytes = onnx_pack(f, &nbytes);
    refuses(bytes, nbytes, status, finding, fact);
    onnx_end(f);
}

/* A little of everything. */
static void begin(struct onnx_file *f)
{
    Onnx__NodeProto *n;
    onnx_begin(f, 13);
    onnx_input(f, "x", 4, (int64_t[]){ -1, 1, 2, 2 });
    onnx_floats(f, "w", 4, (int64_t[]){ 2, 1, 1, 1 }, (float[]){ 1, 2 });
    n = onnx_node(f, "Conv", "conv", "x,w", "a");
    onnx_ints(f, n, "strides", 2, (int64_t[]){ 1, 1 });
    onnx_text(f, n, "auto_pad", "VALID");
    onnx_float(f, onnx_node(f, "LeakyRelu", "leaky", "a", "y"), "alpha", 0.25f);
    onnx_output(f, "y");
}

/* ---- damage --------------------------------------------------------------------------------------- */

static void every_truncation_is_refused(void)
{
    struct onnx_file f;
    size_t nbytes, bad = 0;
    uint8_t *bytes;
    begin(&f);
    bytes = onnx_pack(&f, &nbytes);
    tap_ok(parse(bytes, nbytes) == 0, "a file of %zu bytes is read", nbytes);
    for (size_t k = 0; k < nbytes; k++)
        bad += !well_refused(parse(bytes, k));
    tap_ok(bad == 0, "cut at every byte it is refused with a reason (%zu are not)", bad);
    onnx_end(&f);
}

static void every_changed_byte_is_survived(void)
{
    struct onnx_file f;
    size_t nbytes, bad = 0, read = 0;
    uint8_t *bytes;
    begin(&f);
    bytes = onnx_pack(&f, &nbytes);
    for (size_t k = 0; k < nbytes; k++) {
        uint8_t was = bytes[k];
        for (int change = 1; change < 256; change += 2) {
            int status = parse(bytes, (bytes[k] = (uint8_t)(was ^ change), nbytes));
            read += status == 0;
            bad += status != 0 && !well_refused(status);
        }
        bytes[k] = was;
    }
    tap_ok(bad == 0 && read > 0, "any changed byte is read or refused with a reason (%zu are not)", bad);
    onnx_end(&f);
}

/* ---- lies ----------------------------------------------------------------------------------------- */

static void lengths_that_lie_are_refused(void)
{
    static const uint8_t two_gib[1000] = { 0x3a, 0xff, 0xff, 0xff, 0xff, 0x07 };               /* graph */
    static const uint8_t all[] = { 0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 };
    static const uint8_t inner[] = { 0x3a, 0x02, 0x0a, 0x7f };                                  /* graph.node */
    static const uint8_t over[] = { 0x3a, 0x02, 0x0a, 0x04, 0x08, 0x07, 0x08, 0x07 };          /* but in the file */
    static const uint8_t endless[] = { 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 };
    static const uint8_t twice[] = { 0x3a, 0x00, 0x3a, 0x00 };
    static const uint8_t group[] = { 0x0b }, wire[] = { 0x0a, 0x00 }, zero[] = { 0x02, 0x00 };
    static const uint8_t packed[] = { 0x3a, 0x05, 0x2a, 0x03, 0x0a, 0x01, 0x80 };               /* dims */
    static const uint8_t text[] = "not a model at all, but a letter";
    refuses((const uint8_t *)"", 0, XO_ESYNTAX, "empty", "an empty file");
    refuses(two_gib, sizeof two_gib, XO_ESYNTAX, "byte 0: ModelProto.graph claims 2147483647 bytes", "2 GiB in 1 kB");
    refuses(all, sizeof all, XO_ESYNTAX, "claims 18446744073709551615 bytes", "2^64 - 1 bytes");
    refuses(inner, sizeof inner, XO_ESYNTAX, "byte 2: GraphProto.node claims 127 bytes", "longer than its parent");
    refuses(over, sizeof over, XO_ESYNTAX, "byte 2: GraphProto.node claims 4 bytes",
            "longer than its parent, not the file");
    refuses(endless, sizeof endless, XO_ESYNTAX, "more than 10 bytes", "a number without end");
    refuses(twice, sizeof twice, XO_ESYNTAX, "byte 2: a second ModelProto.graph", "two graphs");
    refuses(group, sizeof group, XO_ESYNTAX, "wire type 3", "a group");
    refuses(wire, sizeof wire, XO_ESYNTAX, "ir_version has wire type 2", "text where a number belongs");
    refuses(zero, sizeof zero, XO_ESYNTAX, "field number 0", "field 0");
    refuses(packed, sizeof packed, XO_ESYNTAX, "end within one", "packed numbers that end too early");
    refuses(text, sizeof text - 1, XO_ESYNTAX, "byte", "a text");
}

/* graph(7).node(1).attribute(5).g(6).node(1)...: three messages a level. */
static void deep_nesting_is_refused(void)
{
    static const uint8_t tag[] = { 0x0a, 0x2a, 0x32 };          /* node, attribute, g */
    uint8_t *bytes = malloc(9216), *at = bytes + 9216;
    size_t length = 0;
    for (size_t k = 3069; k-- > 0; length += 3) {               /* from the innermost outwards */
        *--at = (uint8_t)(length >> 7);
        *--at = (uint8_t)(length & 0x7f) | 0x80;
        *--at = tag[k % 3];
    }
    *--at = (uint8_t)(length >> 7);
    *--at = (uint8_t)(length & 0x7f) | 0x80;
    *--at = 0x3a;
    refuses(at, (size_t)(bytes + 9216 - at), XO_ESYNTAX, "nested", "9 kB of messages in messages");
    free(bytes);
}

static void add_tensor(struct onnx_file *f, int type, size_t dimensions, const int64_t *shape, size_t nbytes)
{
    static const uint8_t zeros[64];
    onnx_initialiser(f, onnx_raw(f, "v", type, dimensions, shape, zeros, nbytes));
}

static void shapes_that_lie_are_refused(void)
{
    static const struct {
        int type;
        size_t dimensions;
        int64_t shape[9];
        size_t nbytes;
        int status;
        const char *finding, *fact;
    } trial[] = {
        { TYPE(FLOAT), 1, { 1LL << 40 }, 4, XO_ETOOBIG, "initialiser v", "a shape of 4 TB" },
        { TYPE(FLOAT), 1, { 500000000 }, 4, XO_EVALUE, "4 bytes of data; expected 2000000000", "2 GB in 4 bytes" },
        { TYPE(FLOAT), 4, { 1LL << 32, 1LL << 32, 1LL << 32, 1LL << 32 }, 4, XO_ETOOBIG, "initialiser v",
         "2^128 elements" },
        { TYPE(FLOAT), 2, { 0, 5 }, 4, XO_EVALUE, "4 bytes of data", "an empty shape with data" },
        { TYPE(FLOAT), 1, { -1 }, 4, XO_EVALUE, "dimension 0 is -1", "a negative dimension" },
        { TYPE(FLOAT), 9, { 1, 1, 1, 1, 1, 1, 1, 1, 1 }, 4, XO_EUNSUPPORTED, "9 dimensions", "nine dimensions" },
        { TYPE(FLOAT), 1, { 2 }, 12, XO_EVALUE, "12 bytes of data; expected 8", "too many elements" },
        { TYPE(INT64), 1, { 2 }, 15, XO_EVALUE, "15 bytes of data; expected 16", "half an element" },
        { 77, 1, { 1 }, 4, XO_EUNSUPPORTED, "data type 77", "an unknown type" },
        { TYPE(STRING), 1, { 1 }, 4, XO_EUNSUPPORTED, "text", "texts" },
    };
    for (size_t k = 0; k < sizeof trial / sizeof *trial; k++) {
        struct onnx_file f;
        begin(&f);
        add_tensor(&f, trial[k].type, trial[k].dimensions, trial[k].shape, trial[k].nbytes);
        refuses_file(&f, trial[k].status, trial[k].finding, trial[k].fact);
    }
}

static void input_shapes_that_lie_are_refused(void)
{
    struct onnx_file f;
    onnx_begin(&f, 13);
    onnx_input(&f, "x", 2, (int64_t[]){ 1LL << 30, 1LL << 30 });
    onnx_node(&f, "Relu", "r", "x", "y");
    onnx_output(&f, "y");
    refuses_file(&f, XO_ETOOBIG, "input x: dimension 1", "2^60 pixels");
    onnx_begin(&f, 13);
    onnx_input(&f, "x", 2, (int64_t[]){ 1, -5 });
    onnx_node(&f, "Relu", "r", "x", "y");
    onnx_output(&f, "y");
    refuses_file(&f, XO_EVALUE, "dimension 1 is -5", "minus five pixels");
}

/* ---- too much ------------------------------------------------------------------------------------- */

static void a_file_of_empty_messages_is_refused(void)
{
    size_t nbytes = (size_t)8 << 20, at = 6;
    uint8_t *bytes = malloc(nbytes);
    memcpy(bytes, (uint8_t[]){ 0x3a, 0xfa, 0xff, 0xff, 0x03, 0x00 }, 5);
    for (at = 5; at + 1 < nbytes; at += 2) {
        bytes[at] = 0x0a;                           /* node { } */
        bytes[at + 1] = 0;
    }
    bytes[1] = (uint8_t)((at - 5) & 0x7f) | 0x80;
    bytes[2] = (uint8_t)((at - 5) >> 7 & 0x7f) | 0x80;
    bytes[3] = (uint8_t)((at - 5) >> 14 & 0x7f) | 0x80;
    bytes[4] = (uint8_t)((at - 5) >> 21 & 0x7f);
    refuses(bytes, at, XO_ETOOBIG, "unfold", "8 MB of empty nodes");
    free(bytes);
}

static void many_nodes_take_no_time(size_t count, const char *fact)
{
    struct onnx_file f;
    char in[32], out[32];
    size_t nbytes;
    uint8_t *bytes;
    double begun;
    int status;
    onnx_begin(&f, 13);
    onnx_input(&f, "0", 2, (int64_t[]){ 1, 3 });
    for (size_t k = count; k-- > 0;) {              /* last first: as deep as a graph can be */
        snprintf(in, sizeof in, "%zu", k);
        snprintf(out, sizeof out, "%zu", k + 1);
        onnx_node(&f, "Relu", "same", in, out);
    }
    snprintf(out, sizeof out, "%zu", count);
    onnx_output(&f, out);
    bytes = onnx_pack(&f, &nbytes);
    begun = now_sec();
    status = parse(bytes, nbytes);
    printf("# %zu bytes in %.3g s %s\n", nbytes, now_sec() - begun, info.text);
    tap_ok(status == 0 && now_sec() - begun < 2, "%s", fact);
    onnx_end(&f);
}

static void memory_stays_bounded(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    tap_ok(usage.ru_maxrss < 1 << 20, "all of this took less than 1 GiB: %ld MiB", usage.ru_maxrss >> 10);
}

int main(void)
{
    every_truncation_is_refused();
    every_changed_byte_is_survived();
    lengths_that_lie_are_refused();
    deep_nesting_is_refused();
    shapes_that_lie_are_refused();
    input_shapes_that_lie_are_refused();
    a_file_of_empty_messages_is_refused();
    many_nodes_take_no_time(100000, "100,000 nodes of the same name, in the wrong order, are read in no time");
    memory_stays_bounded();
    return tap_done();
}
