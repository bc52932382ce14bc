/* Reading ONNX files: every way exporters have of writing the same thing.  The files are made here, by the packer
 * that comes with protobuf-c (tests/onnx-file.h); what hostile ones do is in t-onnx-hostile.c.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include "onnx-file.h"
#include "scratch.h"
#include "tap.h"

#define TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__ ## name
static struct xo_info info;

/* x -> Relu -> y, with whatever else is asked for. */
static void begin(struct onnx_file *f, int64_t opset)
{
    onnx_begin(f, opset);
    onnx_input(f, "x", 2, (int64_t[]){ -1, 3 });
    onnx_output(f, "y");
}

static int parse(struct xo_graph *g, struct onnx_file *f)
{
    size_t nbytes;
    uint8_t *bytes = onnx_pack(f, &nbytes);
    int status = xo_graph_parse(g, bytes, nbytes, "m.onnx", NULL, &info);
    if (status)
        printf("# %s\n", info.text);
    onnx_end(f);
    return status;
}

static size_t value_of(const struct xo_graph *g, const char *name)
{
    for (size_t k = 0; k < g->values; k++)
        if (!strcmp(g->value[k].name, name))
            return k;
    return XO_NONE;
}

static const struct xo_tensor *constant_of(const struct xo_graph *g, const char *name)
{
    size_t v = value_of(g, name);
    return v != XO_NONE && g->value[v].is_constant ? &g->value[v].constant : NULL;
}

/* A file refused with this status, its message holding every one of up to three texts. */
static void refuses(struct onnx_file *f, int status, const char *a, const char *b, const char *c, const char *fact)
{
    struct xo_graph g = { .nodes = 99 };
    int got = parse(&g, f);
    tap_ok(got == status && g.nodes == 99 && strstr(info.text, a) && strstr(info.text, b) && strstr(info.text, c)
           && !strncmp(info.text, "m.onnx: ", 8) && strstr(info.text, "expected"), "%s", fact);
    if (!got)
        xo_graph_free(&g);
}

/* ---- numbers -------------------------------------------------------------------------------------- */

/* The same four numbers as an initialiser that Add reads; typed in one file, raw in the other. */
static void add_typed(Onnx__TensorProto *t, int list, void *data)
{
    switch (list) {
    case TYPE(FLOAT): t->n_float_data = 4; t->float_data = data; break;
    case TYPE(DOUBLE): t->n_double_data = 4; t->double_data = data; break;
    case TYPE(INT64): t->n_int64_data = 4; t->int64_data = data; break;
    case TYPE(UINT64): t->n_uint64_data = 4; t->uint64_data = data; break;
    default: t->n_int32_data = 4; t->int32_data = data; break;
    }
}

static double element(const struct xo_tensor *t, size_t k)
{
    switch (t->type) {
    case XO_F32: return (double)((float *)t->data)[k];
    case XO_I32: return ((int32_t *)t->data)[k];
    case XO_I64: return (double)((int64_t *)t->data)[k];
    case XO_I8: return ((int8_t *)t->data)[k];
    default: return ((uint8_t *)t->data)[k];
    }
}

static void reads_type(const char *name, int type, int list, enum xo_dtype becomes, void *typed, const void *raw,
                       size_t nbytes, const double want[4])
{
    for (int k = 0; k < 2; k++) {
        struct onnx_file f;
        struct xo_graph g = { 0 };
        const struct xo_tensor *t;
        int right = 1;
        begin(&f, 13);
        if (k)
            onnx_initialiser(&f, onnx_raw(&f, "w", type, 2, (int64_t[]){ 2, 2 }, raw, nbytes));
        else
            add_typed(onnx_initialiser(&f, onnx_shape(&f, "w", type, 2, (int64_t[]){ 2, 2 })), list, typed);
        onnx_node(&f, "Add", "add", "x,w", "y");
        if (!tap_ok(!parse(&g, &f), "%s, %s, is read", name, k ? "raw" : "typed"))
            continue;
        t = constant_of(&g, "w");
        right = t && t->type == becomes && t->dimensions == 2 && t->shape[0] == 2 && t->shape[1] == 2;
        for (size_t j = 0; j < 4 && right; j++)
            right = element(t, j) == want[j];
        tap_ok(right, "its four numbers arrive");
        xo_graph_free(&g);
    }
}

static void every_type_is_read_raw_and_typed(void)
{
    float f[] = { 1, -2.5f, 0x1p-149f, 3e38f };
    double d[] = { 1, -2.5, 0.1, 1e300 * 1e-290 };
    uint16_t h[] = { 0x3c00, 0xc100, 0x0001, 0x7bff };          /* 1, -2.5, 2^-24, 65504: IEEE 754 binary16 */
    int32_t h32[] = { 0x3c00, 0xc100, 0x0001, 0x7bff };
    int8_t i8[] = { 1, -128, 127, 0 };
    uint8_t u8[] = { 1, 255, 128, 0 }, b[] = { 1, 0, 1, 0 };
    int16_t i16[] = { 1, -32768, 32767, 0 };
    uint16_t u16[] = { 1, 65535, 32768, 0 };
    int32_t i32[] = { 1, INT32_MIN, INT32_MAX, 0 }, as_i8[] = { 1, -128, 127, 0 }, as_u8[] = { 1, 255, 128, 0 };
    int32_t as_i16[] = { 1, -32768, 32767, 0 }, as_u16[] = { 1, 65535, 32768, 0 }, as_bool[] = { 1, 0, 1, 0 };
    int64_t i64[] = { 1, INT64_MIN, -(1LL << 52), 0 };
    uint32_t u32[] = { 1, UINT32_MAX, 1u << 31, 0 };
    uint64_t as_u32[] = { 1, UINT32_MAX, 1u << 31, 0 }, u64[] = { 1, 1ULL << 62, 7, 0 };
    reads_type("float", TYPE(FLOAT), TYPE(FLOAT), XO_F32, f, f, sizeof f,
               (double[]){ 1, -2.5, 0x1p-149, (double)3e38f });
    reads_type("double", TYPE(DOUBLE), TYPE(DOUBLE), XO_F32, d, d, sizeof d,
               (double[]){ 1, -2.5, (double)0.1f, (double)(float)d[3] });
    reads_type("float16", TYPE(FLOAT16), TYPE(INT32), XO_F32, h32, h, sizeof h,
               (double[]){ 1, -2.5, 0x1p-24, 65504 });
    reads_type("int8", TYPE(INT8), TYPE(INT32), XO_I8, as_i8, i8, 4, (double[]){ 1, -128, 127, 0 });
    reads_type("uint8", TYPE(UINT8), TYPE(INT32), XO_U8, as_u8, u8, 4, (double[]){ 1, 255, 128, 0 });
    reads_type("bool", TYPE(BOOL), TYPE(INT32), XO_BOOL, as_bool, b, 4, (double[]){ 1, 0, 1, 0 });
    reads_type("int16", TYPE(INT16), TYPE(INT32), XO_I64, as_i16, i16, 8, (double[]){ 1, -32768, 32767, 0 });
    reads_type("uint16", TYPE(UINT16), TYPE(INT32), XO_I64, as_u16, u16, 8, (double[]){ 1, 65535, 32768, 0 });
    reads_type("int32", TYPE(INT32), TYPE(INT32), XO_I32, i32, i32, 16, (double[]){ 1, INT32_MIN, INT32_MAX, 0 });
    reads_type("int64", TYPE(INT64), TYPE(INT64), XO_I64, i64, i64, 32, (double[]){ 1, -0x1p63, -0x1p52, 0 });
    reads_type("uint32", TYPE(UINT32), TYPE(UINT64), XO_I64, as_u32, u32, 16, (double[]){ 1, UINT32_MAX, 0x1p31, 0 });
    reads_type("uint64", TYPE(UINT64), TYPE(UINT64), XO_I64, u64, u64, 32, (double[]){ 1, 0x1p62, 7, 0 });
}

static void refuses_tensor(int type, const void *raw, size_t nbytes, int status, const char *finding,
                           const char *fact)
{
    struct onnx_file f;
    begin(&f, 13);
    onnx_initialiser(&f, onnx_raw(&f, "weights7", type, 1, (int64_t[]){ 2 }, raw, nbytes));
    onnx_node(&f, "Add", "add", "x,weights7", "y");
    refuses(&f, status, "weights7", finding, "element", fact);
}

static void numbers_that_cannot_be_are_refused_by_name(void)
{
    struct onnx_file f;
    uint16_t h[] = { 0x3c00, 0x7c00 };
    refuses_tensor(TYPE(FLOAT), (float[]){ 1, NAN }, 8, XO_EVALUE, "element 1 is", "NaN");
    refuses_tensor(TYPE(FLOAT), (float[]){ -INFINITY, 0 }, 8, XO_EVALUE, "element 0 is -inf", "infinity");
    refuses_tensor(TYPE(FLOAT16), h, 4, XO_EVALUE, "element 1 is inf", "infinity in float16");
    refuses_tensor(TYPE(DOUBLE), (double[]){ 0, 1e39 }, 16, XO_EVALUE, "element 1 is 1e+39",
                   "a double float32 cannot hold");
    refuses_tensor(TYPE(UINT64), (uint64_t[]){ 0, 1ULL << 63 }, 16, XO_EVALUE, "element 1", "2^63");
    begin(&f, 13);
    onnx_initialiser(&f, onnx_raw(&f, "w", TYPE(BFLOAT16), 1, (int64_t[]){ 2 }, "1234", 4));
    onnx_node(&f, "Add", "add", "x,w", "y");
    refuses(&f, XO_EUNSUPPORTED, "initialiser w", "bfloat16", "", "bfloat16");
    begin(&f, 13);
    add_typed(onnx_initialiser(&f, onnx_shape(&f, "w", TYPE(INT8), 1, (int64_t[]){ 4 })), TYPE(INT32),
              (int32_t[]){ 1, 2, 300, 4 });
    onnx_node(&f, "Add", "add", "x,w", "y");
    refuses(&f, XO_EVALUE, "initialiser w", "element 2 does not fit int8", "", "300 in an int8");
}

/* ---- values --------------------------------------------------------------------------------------- */

static void constant_nodes_become_constants(void)
{
    struct onnx_file f;
    struct xo_graph g = { 0 };
    float data[] = { 5, 6 };
    begin(&f, 13);
    onnx_tensor(&f, onnx_node(&f, "Constant", "c0", "", "a"), "value",
                onnx_raw(&f, "", TYPE(FLOAT), 1, (int64_t[]){ 2 }, data, 8));
    onnx_float(&f, onnx_node(&f, "Constant", "c1", "", "b"), "value_float", 2.5f);
    onnx_reals(&f, onnx_node(&f, "Constant", "c2", "", "c"), "value_floats", 2, (float[]){ 7, 8 });
    onnx_int(&f, onnx_node(&f, "Constant", "c3", "", "d"), "value_int", -3);
    onnx_ints(&f, onnx_node(&f, "Constant", "c4", "", "e"), "value_ints", 2, (int64_t[]){ 9, -10 });
    onnx_node(&f, "Concat", "all", "x,a,b,c,d,e", "y");
    if (!tap_ok(!parse(&g, &f) && g.nodes == 1, "Constant nodes are read and are no nodes any more"))
        return;
    tap_ok(constant_of(&g, "a")->dimensions == 1 && element(constant_of(&g, "a"), 1) == 6, "value");
    tap_ok(constant_of(&g, "b")->dimensions == 0 && element(constant_of(&g, "b"), 0) == 2.5, "value_float");
    tap_ok(constant_of(&g, "c")->shape[0] == 2 && element(constant_of(&g, "c"), 1) == 8, "value_floats");
    tap_ok(constant_of(&g, "d")->type == XO_I64 && element(constant_of(&g, "d"), 0) == -3, "value_int");
    tap_ok(constant_of(&g, "e")->shape[0] == 2 && element(constant_of(&g, "e"), 1) == -10, "value_ints");
    xo_graph_free(&g);
}

static void an_initialiser_listed_as_input_is_no_input(void)
{
    struct onnx_file f;
    struct xo_graph g = { 0 };
    float w[] = { 1, 2, 3 };
    onnx_begin(&f, 8);
    onnx_input(&f, "w", 1, (int64_t[]){ 3 });
    onnx_input(&f, "x", 3, (int64_t[]){ -1, 4, 3 });
    onnx_floats(&f, "w", 1, (int64_t[]){ 3 }, w);
    onnx_node(&f, "Add", "add", "x,w", "y");
    onnx_output(&f, "y");
    if (!tap_ok(!parse(&g, &f), "an initialiser listed as input"))
        return;
    tap_ok(g.input == value_of(&g, "x") && g.input_dimensions == 3, "is not the input");
    tap_ok(g.input_shape[0] == -1 && g.input_shape[1] == 4 && g.input_shape[2] == 3, "a named dimension is -1");
    tap_ok(g.opset == 8 && g.output == value_of(&g, "y"), "opset and output are known");
    tap_ok(strlen(g.sha256) == 64, "the file's SHA-256 is kept");
    xo_graph_free(&g);
}

static void nodes_are_sorted_and_counted(void)
{
    struct onnx_file f;
    struct xo_graph g = { 0 };
    begin(&f, 13);
    onnx_node(&f, "Add", "last", "b,a", "y");
    onnx_node(&f, "Relu", "first", "x", "a");
    onnx_node(&f, "Tanh", "nobody's", "a", "z");
    onnx_node(&f, "Sigmoid", "second", "a", "b");
    if (!tap_ok(!parse(&g, &f) && g.nodes == 3, "nodes in any order are read; one nobody needs is dropped"))
        return;
    tap_ok(!strcmp(g.node[0].name, "first") && !strcmp(g.node[1].name, "second") && !strcmp(g.node[2].name, "last"),
           "producers come first");
    tap_ok(g.value[value_of(&g, "a")].consumers == 2 && g.value[value_of(&g, "y")].consumers == 1
           && g.value[value_of(&g, "x")].consumers == 1, "consumers are counted, the output as one");
    tap_ok(g.value[value_of(&g, "a")].producer == 0 && g.value[value_of(&g, "y")].producer == 2
           && g.value[value_of(&g, "z")].producer == XO_NONE, "producers are known");
    xo_graph_free(&g);
}

static void file_order_is_kept_where_it_runs(void)
{
    struct onnx_file f;
    struct xo_graph g = { 0 };
    begin(&f, 13);
    onnx_node(&f, "Relu", "n0", "x", "a");
    onnx_node(&f, "Tanh", "n1", "x", "b");
    onnx_node(&f, "Sqrt", "n2", "a", "c");
    onnx_node(&f, "Sub", "n3", "b,c", "y");
    tap_ok(!parse(&g, &f) && g.nodes == 4, "a sorted file");
    for (size_t k = 0; k < g.nodes; k++)
        tap_ok(g.node[k].name[1] == (char)('0' + k), "keeps its order: node %zu", k);
    xo_graph_free(&g);
}

static void names_are_made_up_and_unique(void)
{
    struct onnx_file f;
    struct xo_graph g = { 0 };
    begin(&f, 13);
    onnx_node(&f, "Relu", "", "x", "a");
    onnx_node(&f, "Relu", "twice", "a", "b");
    onnx_node(&f, "Relu", "twice", "b", "c");
    onnx_node(&f, "Relu", "twice_2", "c", "y");
    if (!tap_ok(!parse(&g, &f) && g.nodes == 4, "nodes without a name and with the same name are read"))
        return;
    tap_equal_text(g.node[0].name, "Relu_0", "operator and place make a name");
    tap_equal_text(g.node[1].name, "twice", "the first of a name keeps it");
    for (size_t k = 0; k < 4; k++)
        for (size_t j = 0; j < k; j++)
            tap_ok(strcmp(g.node[k].name, g.node[j].name) != 0, "%s and %s differ", g.node[k].name, g.node[j].name);
    xo_graph_free(&g);
}

static void attributes_and_left_out_inputs_arrive(void)
{
    struct onnx_file f;
    struct xo_graph g = { 0 };
    Onnx__NodeProto *n;
    begin(&f, 13);
    n = onnx_node(&f, "Clip", "clip", "x,,max", "y,");
    onnx_floats(&f, "max", 0, NULL, (float[]){ 6 });
    onnx_int(&f, n, "an_int", -7);
    onnx_float(&f, n, "a_float", 0.5f);
    onnx_text(&f, n, "a_text", "SAME_UPPER");
    onnx_ints(&f, n, "ints", 3, (int64_t[]){ 1, -2, 3 });
    onnx_reals(&f, n, "floats", 2, (float[]){ 0.25f, 4 });
    onnx_int(&f, n, "untyped", 5)->has_type = 0;
    if (!tap_ok(!parse(&g, &f), "a node with every kind of attribute"))
        return;
    const struct xo_graph_node *c = g.node;
    tap_ok(c->inputs == 3 && c->input[1] == XO_NONE && c->input[2] == value_of(&g, "max"),
           "an input left out is none");
    tap_ok(xo_attribute_int(c, "an_int", 0) == -7 && xo_attribute_int(c, "absent", 4) == 4
           && xo_attribute_int(c, "untyped", 0) == 5, "int, or the default");
    tap_ok(xo_attribute_float(c, "a_float", 0) == 0.5f && xo_attribute_float(c, "absent", 4) == 4, "float");
    tap_ok(!strcmp(xo_attribute_text(c, "a_text", ""), "SAME_UPPER") && !xo_attribute_text(c, "an_int", NULL),
           "text");
    tap_ok(xo_attribute(c, "ints")->count == 3 && xo_attribute(c, "ints")->ints[1] == -2, "ints");
    tap_ok(xo_attribute(c, "floats")->count == 2 && xo_attribute(c, "floats")->floats[0] == 0.25f, "floats");
    xo_graph_free(&g);
}

/* ---- external data -------------------------------------------------------------------------------- */

static int read_with(const char *location, const char *offset, const char *length, float *third)
{
    struct onnx_file f;
    struct xo_graph g = { 0 };
    size_t nbytes;
    uint8_t *bytes;
    FILE *file = fopen("model/m.onnx", "wb");
    int status;
    begin(&f, 13);
    onnx_elsewhere(&f, onnx_initialiser(&f, onnx_shape(&f, "w", TYPE(FLOAT), 1, (int64_t[]){ 3 })), location, offset,
                   length);
    onnx_node(&f, "Add", "add", "x,w", "y");
    bytes = onnx_pack(&f, &nbytes);
    fwrite(bytes, 1, nbytes, file);
    fclose(file);
    onnx_end(&f);
    info.text[0] = '\0';
    status = xo_graph_read(&g, "model/m.onnx", &info);
    if (!status)
        *third = ((float *)constant_of(&g, "w")->data)[2];
    printf("# %s: %s\n", location ? location : "(none)", info.text);
    xo_graph_free(&g);
    return status;
}

static void external_data_are_read_from_the_folder_and_nowhere_else(void)
{
    float number[] = { 0, 1, 2, 3, 4, 5 }, third = -1;
    FILE *file;
    char absolute[4200], folder[4096];
    if (!scratch_enter() || mkdir("model", 0700) || mkdir("model/sub", 0700)) {
        tap_skip("external data", "no folder to write in");
        return;
    }
    file = fopen("model/sub/w.bin", "wb");
    fwrite(number, 4, 6, file);
    fclose(file);
    file = fopen("secret", "wb");
    fwrite(number, 4, 6, file);
    fclose(file);
    tap_ok(!symlink("../secret", "model/link") && !symlink("sub/w.bin", "model/inner"), "links are made");
    snprintf(absolute, sizeof absolute, "%s/model/sub/w.bin", getcwd(folder, sizeof folder));
    tap_ok(!read_with("sub/w.bin", NULL, NULL, &third) && third == 2, "external data are read");
    tap_ok(!read_with("sub/w.bin", "8", "12", &third) && third == 4, "from their offset on");
    tap_ok(!read_with("inner", "12", NULL, &third) && third == 5, "a link that stays in the folder is followed");
    tap_ok(read_with("sub/w.bin", "16", "12", &third) == XO_EVALUE && strstr(info.text, "24 bytes"),
           "data beyond the end");
    tap_ok(read_with("sub/w.bin", "0", "16", &third) == XO_EVALUE && strstr(info.text, "length 16"),
           "another length");
    tap_ok(read_with("sub/w.bin", "-4", NULL, &third) == XO_EVALUE, "an offset that is no number");
    tap_ok(read_with("../secret", NULL, NULL, &third) == XO_EVALUE && strstr(info.text, "out of"), "..");
    tap_ok(read_with("sub/../../secret", NULL, NULL, &third) == XO_EVALUE && strstr(info.text, "out of"),
           ".. within");
    tap_ok(read_with("sub/../sub/w.bin", NULL, NULL, &third) == XO_EVALUE, ".. that would come back");
    tap_ok(read_with("link", NULL, NULL, &third) == XO_EVALUE && strstr(info.text, "out of"),
           "a link that leads out");
    tap_ok(read_with(absolute, NULL, NULL, &third) == XO_EVALUE && strstr(info.text, "out of"), "an absolute path");
    tap_ok(read_with("sub", NULL, NULL, &third) == XO_EVALUE && strstr(info.text, "regular"), "a folder");
    tap_ok(read_with(NULL, NULL, NULL, &third) == XO_EVALUE && strstr(info.text, "location"), "no location");
    tap_ok(read_with("missing", NULL, NULL, &third) == ENOENT && strstr(info.text, "external data of w"),
           "a file that is not there");
    scratch_leave();
}

/* ---- refusals ------------------------------------------------------------------------------------- */

static void what_is_not_offered_is_named(void)
{
    struct onnx_file f;
    Onnx__NodeProto *n;
    begin(&f, 13);
    onnx_node(&f, "NonMaxSuppression", "boxes", "x", "y");
    refuses(&f, XO_EUNSUPPORTED, "node boxes", "NonMaxSuppression", "opset 13", "an operator that is not offered");
    begin(&f, 13);
    onnx_node(&f, "Relu", "custom", "x", "y")->domain = (char[]){ "com.example" };
    refuses(&f, XO_EUNSUPPORTED, "node custom", "Relu", "com.example", "one of another domain");
    begin(&f, 13);
    n = onnx_node(&f, "Relu", "branch", "x", "y");
    onnx_attribute(&f, n, "then_branch", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH)->g =
        &(Onnx__GraphProto)ONNX__GRAPH_PROTO__INIT;
    refuses(&f, XO_EUNSUPPORTED, "node branch", "then_branch", "graph", "a graph within the graph");
    for (int64_t opset = 6; opset <= 18; opset += 12) {
        begin(&f, opset);
        onnx_node(&f, "Relu", "r", "x", "y");
        refuses(&f, XO_EUNSUPPORTED, opset == 6 ? "opset 6" : "opset 18", "7 to 17", "", "an opset outside 7 to 17");
    }
    begin(&f, 13);
    onnx_input(&f, "x2", 1, (int64_t[]){ 1 });
    onnx_node(&f, "Add", "add", "x,x2", "y");
    refuses(&f, XO_EUNSUPPORTED, "x2", "one input", "", "two inputs");
    onnx_begin(&f, 13);
    onnx_input(&f, "x", 1, (int64_t[]){ 1 })->type->tensor_type->elem_type = TYPE(INT64);
    onnx_output(&f, "y");
    onnx_node(&f, "Relu", "r", "x", "y");
    refuses(&f, XO_EUNSUPPORTED, "input x", "data type 7", "float", "an input of integers");
}

static void graphs_that_cannot_run_are_refused(void)
{
    struct onnx_file f;
    begin(&f, 13);
    onnx_node(&f, "Add", "one", "x,b", "a");
    onnx_node(&f, "Relu", "two", "a", "b");
    onnx_node(&f, "Relu", "three", "b", "y");
    refuses(&f, XO_EVALUE, "node two", "node one", "cycles", "a cycle");
    begin(&f, 13);
    onnx_node(&f, "Add", "self", "x,y", "y");
    refuses(&f, XO_EVALUE, "node self", "cycles", "", "a node that reads itself");
    begin(&f, 13);
    onnx_node(&f, "Add", "add", "x,nothing", "y");
    refuses(&f, XO_EVALUE, "node add", "nothing is yielded by nobody", "", "an input nobody yields");
    begin(&f, 13);
    onnx_node(&f, "Relu", "one", "x", "y");
    onnx_node(&f, "Relu", "two", "x", "y");
    refuses(&f, XO_EVALUE, "node two", "value y", "twice", "a value yielded twice");
    begin(&f, 13);
    onnx_node(&f, "Relu", "one", "x", "z");
    refuses(&f, XO_EVALUE, "output y", "nobody", "", "an output nobody yields");
    onnx_begin(&f, 13);
    onnx_node(&f, "Relu", "one", "x", "y");
    onnx_output(&f, "y");
    refuses(&f, XO_EVALUE, "no input", "", "", "a graph without input");
}

int main(void)
{
    every_type_is_read_raw_and_typed();
    numbers_that_cannot_be_are_refused_by_name();
    constant_nodes_become_constants();
    an_initialiser_listed_as_input_is_no_input();
    nodes_are_sorted_and_counted();
    file_order_is_kept_where_it_runs();
    names_are_made_up_and_unique();
    attributes_and_left_out_inputs_arrive();
    external_data_are_read_from_the_folder_and_nowhere_else();
    what_is_not_offered_is_named();
    graphs_that_cannot_run_are_refused();
    return tap_done();
}
