/* Whole graphs: storage shared by liveness, shape code, folding, blocks and threads.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "made-network.h"

/* ---- storage ---------------------------------------------------------------------------------------- */

/* A random network of small operators on values of WIDTH numbers per image, and the same in double precision with
 * every value kept.  If two living values shared storage, numbers would differ. */
enum { WIDTH = 6, STEPS = 25, IMAGES = 3 };

struct history {
    double value[STEPS + 1][IMAGES][WIDTH];
    size_t count;
};

static void push(struct history *h, double made[IMAGES][WIDTH])
{
    memcpy(h->value[h->count++], made, sizeof h->value[0]);
}

static void step(struct onnx_file *f, struct history *h)
{
    static const char *const ops[] = { "Add", "Sub", "Max", "Relu", "Neg", "Identity", "Sum", "turn", "swap", "Mul" };
    size_t a = pick(h->count > 4 ? h->count - 4 : 0, h->count - 1), b = pick(0, h->count - 1), c =
        pick(0, h->count - 1);
    size_t kind = pick(0, 9);
    char in[80], out[32], extra[2][32], name[32];
    double y[IMAGES][WIDTH];
    snprintf(out, sizeof out, "v%zu", h->count);
    snprintf(name, sizeof name, "n%zu", h->count);
    snprintf(extra[0], sizeof extra[0], "p%zu", h->count);
    snprintf(extra[1], sizeof extra[1], "q%zu", h->count);
    snprintf(in, sizeof in, kind >= 3 && kind != 9 && kind != 6 ? "v%zu" : kind == 6 ? "v%zu,v%zu,v%zu" : "v%zu,v%zu",
             a, b, c);
    for (size_t n = 0; n < IMAGES; n++)
        for (size_t k = 0; k < WIDTH; k++) {
            const double p = h->value[a][n][k], q = h->value[b][n][k], r = h->value[c][n][k];
            const double made[] = { p + q, p - q, fmax(p, q), fmax(p, 0), -p, p, p + q + r, p,
                                    h->value[a][n][(k + WIDTH / 2) % WIDTH], p * q };
            y[n][k] = made[kind];
        }
    if (kind == 7) {                   /* two views in a row */
        onnx_node(f, "Reshape", name, strcat(in, ",twisted"), extra[0]);
        onnx_node(f, "Reshape", extra[0], strcat(strcpy(in, extra[0]), ",straight"), out);
    } else if (kind == 8) {            /* two halves, the other way round */
        char halves[80];
        snprintf(halves, sizeof halves, "%s,%s", extra[0], extra[1]);
        onnx_int(f, onnx_node(f, "Split", name, in, halves), "axis", 1);
        snprintf(halves, sizeof halves, "%s,%s", extra[1], extra[0]);
        onnx_int(f, onnx_node(f, "Concat", extra[0], halves, out), "axis", 1);
    } else
        onnx_node(f, ops[kind], name, in, out);
    push(h, y);
}

static double random_graph(void)
{
    struct onnx_file f = { 0 };
    struct xo_graph g;
    struct history h = { .count = 0 };
    double x[IMAGES][WIDTH], worst = 0, scale = 1;
    float image[IMAGES * WIDTH], logits[IMAGES * WIDTH];
    char last[32];
    xo_run *r = NULL;
    onnx_begin(&f, 13);
    onnx_input(&f, "v0", 2, (int64_t[]){ -1, WIDTH });
    onnx_int64s(&f, "twisted", 3, (int64_t[]){ -1, 2, WIDTH / 2 });
    onnx_int64s(&f, "straight", 2, (int64_t[]){ 0, WIDTH });
    draw(image, IMAGES * WIDTH);
    for (size_t k = 0; k < IMAGES * WIDTH; k++)
        x[k / WIDTH][k % WIDTH] = (double)image[k];
    push(&h, x);
    for (int k = 0; k < STEPS; k++)
        step(&f, &h);
    snprintf(last, sizeof last, "v%zu", h.count - 1);
    onnx_output(&f, last);
    if (graph_of(&g, &f))
        return INFINITY;
    if (xo_run_new(&r, &g, NULL, IMAGES, 1, (size_t[]){ WIDTH }, &info) || xo_run_forward(r, image, logits, NULL,
                                                                                          &info)) {
        printf("# %s\n", info.text);
        worst = INFINITY;
    }
    for (size_t k = 0; k < STEPS; k++)
        for (size_t j = 0; j < IMAGES * WIDTH; j++)
            scale = fmax(scale, fabs(h.value[k][j / WIDTH][j % WIDTH]));
    for (size_t k = 0; k < IMAGES * WIDTH && worst < INFINITY; k++)
        worst = fmax(worst, fabs((double)logits[k] - h.value[h.count - 1][k / WIDTH][k % WIDTH]) / scale);
    xo_run_free(r);
    xo_graph_free(&g);
    return worst;
}

static void storage_is_never_shared_by_living_values(void)
{
    double worst = 0;
    for (int k = 0; k < 300; k++)
        worst = fmax(worst, random_graph());
    tap_close(worst, 0, 1e-4, "300 random graphs of 25 nodes, storage reused, equal the same with every value kept");
}

/* ---- shapes, folding ---------------------------------------------------------------------------------- */

static void shape_code_follows_the_batch(void)
{
    struct onnx_file f = { 0 };
    struct xo_graph g;
    float image[4 * 12], logits[4 * 12];
    onnx_begin(&f, 12);
    onnx_input(&f, "x", 4, (int64_t[]){ -1, 3, 2, 2 });
    onnx_int64s(&f, "zero", 1, (int64_t[]){ 0 });
    onnx_int64s(&f, "rest", 1, (int64_t[]){ -1 });
    onnx_node(&f, "Shape", "s", "x", "shape");
    onnx_int(&f, onnx_node(&f, "Gather", "g", "shape,zero", "n"), "axis", 0);
    onnx_int(&f, onnx_node(&f, "Concat", "c", "n,rest", "to"), "axis", 0);
    onnx_node(&f, "Reshape", "r", "x,to", "flat");
    onnx_node(&f, "Neg", "neg", "flat", "y");
    onnx_output(&f, "y");
    if (graph_of(&g, &f))
        return;
    draw(image, 48);
    for (size_t images = 1; images <= 4; images += 3) {
        xo_run *r = NULL;
        int fine = !xo_run_new(&r, &g, NULL, images, 3, (size_t[]){ 3, 2, 2 }, &info) && xo_run_outputs(r) == 12 &&
                   !xo_run_forward(r, image, logits, NULL, &info);
        for (size_t k = 0; fine && k < 12 * images; k++)
            fine = logits[k] == -image[k];
        tap_ok(fine, "Shape, Gather, Concat, Reshape follow a batch of %zu", images);
        xo_run_free(r);
    }
    xo_graph_free(&g);
}

static void folding_keeps_the_producer(void)
{
    struct onnx_file f = { 0 };
    struct xo_graph g;
    int64_t two[] = { 2, 2 };
    const int8_t q[] = { 1, -2, 3, 4 };
    onnx_begin(&f, 13);
    onnx_input(&f, "x", 2, (int64_t[]){ -1, 2 });
    onnx_initialiser(&f, onnx_raw(&f, "q", ONNX__TENSOR_PROTO__DATA_TYPE__INT8, 2, two, q, 4));
    onnx_floats(&f, "s", 0, NULL, (float[]){ 0.5f });
    onnx_node(&f, "DequantizeLinear", "dq", "q,s", "w");
    onnx_node(&f, "Identity", "same", "w", "w2");
    onnx_node(&f, "MatMul", "fc", "x,w2", "y");
    onnx_output(&f, "y");
    if (graph_of(&g, &f))
        return;
    const struct xo_graph_node *fc = &g.node[g.nodes - 1];
    const struct xo_value *w = &g.value[fc->input[1]];
    tap_ok(w->is_constant && ((const float *)w->constant.data)[1] == -1,
           "weights behind DequantizeLinear and Identity are constant");
    tap_ok(w->producer != XO_NONE && !strcmp(g.node[w->producer].op, "Identity"),
           "and still say where they came from");
    tap_ok(!g.value[fc->output[0]].is_constant, "what depends on the image is not constant");
    xo_graph_free(&g);
}

/* ---- blocks and threads -------------------------------------------------------------------------------- */

static void company_does_not_matter(void)
{
    enum { COUNT = 21 };
    const size_t shape[] = { 2, 4, 4 };
    struct onnx_file f = { 0 };
    xo_network *n;
    float image[COUNT * 32], *all = NULL, *some = NULL;
    size_t classes = 0;
    small_network(&f, -1);
    n = network_of(&f);
    draw(image, COUNT * 32);
    tap_ok(n && !xo_network_forward(n, COUNT, 3, shape, image, 1, &all, &classes, &info) && classes == 5,
           "21 images");
    for (int threads = 2; all && threads <= 5; threads++) {
        int fine = !xo_network_forward(n, COUNT, 3, shape, image, threads, &some, &classes, &info) &&
                   !memcmp(all, some, COUNT * 5 * sizeof *all);
        tap_ok(fine, "the same bytes with %d threads", threads);
        free(some);
        some = NULL;
    }
    for (size_t count = 1; all && count < COUNT; count += 6) {
        int fine = !xo_network_forward(n, count, 3, shape, image, 2, &some, &classes, &info) &&
                   !memcmp(all, some, count * 5 * sizeof *all);
        tap_ok(fine, "the same bytes for the first %zu alone", count);
        free(some);
        some = NULL;
    }
    tap_ok(n && !xo_network_forward(n, 0, 3, shape, image, 2, &some, &classes, &info) && classes == 5,
           "no image at all");
    free(some);
    free(all);
    xo_network_free(n);
}

static void a_fixed_batch_is_honoured(void)
{
    const size_t shape[] = { 2, 4, 4 };
    float image[7 * 32], *logits[3] = { NULL };
    size_t classes;
    unsigned long long kept = seed;
    int fine = 1;
    for (int k = 0; k < 3; k++) {
        struct onnx_file f = { 0 };
        xo_network *n;
        seed = kept;
        small_network(&f, (int64_t[]){ -1, 1, 4 }[k]);
        n = network_of(&f);
        draw(image, 7 * 32);
        fine = fine && n && !xo_network_forward(n, 7, 3, shape, image, 1, &logits[k], &classes, &info);
        xo_network_free(n);
    }
    for (size_t k = 0; fine && k < 35; k++)
        fine = fabs((double)(logits[0][k] - logits[1][k])) < 1e-5 &&
            fabs((double)(logits[0][k] - logits[2][k])) < 1e-5;
    tap_ok(fine, "a batch of 1 or 4 in the file takes 7 images as a symbolic one does");
    struct onnx_file f = { 0 };
    struct xo_graph g;
    small_network(&f, 4);
    if (!graph_of(&g, &f)) {
        xo_run *r = NULL;
        tap_ok(xo_run_images(&g, 64) == 4 && !xo_run_new(&r, &g, NULL, 3, 3, shape, &info),
               "with a batch of 4 in the file, the last may have 3 images");
        xo_run_free(r);
        xo_graph_free(&g);
    }
    for (int k = 0; k < 3; k++)
        free(logits[k]);
}

/* ---- what is refused ------------------------------------------------------------------------------------ */

static void wrong_images_are_named(void)
{
    struct onnx_file f = { 0 };
    float image[64] = { 0 }, *logits = NULL;
    size_t classes = 77;
    xo_network *n;
    small_network(&f, -1);
    n = network_of(&f);
    int status = xo_network_forward(n, 1, 3, (size_t[]){ 2, 4, 5 }, image, 1, &logits, &classes, &info);
    printf("# %s\n", info.text);
    tap_ok(status == XO_ESHAPE && strstr(info.text, "made.onnx: images of shape (2, 4, 5)") && !logits &&
           classes == 77, "images of another shape than declared");
    status = xo_network_forward(n, 1, 1, (size_t[]){ 32 }, image, 1, &logits, &classes, &info);
    tap_ok(status == XO_ESHAPE && strstr(info.text, "(32)"), "images of another rank than declared");
    xo_network_free(n);
}

static void bad_graphs_are_named(void)
{
    struct onnx_file f = { 0 };
    struct xo_graph g;
    xo_run *r = NULL;
    int status;
    onnx_begin(&f, 13);
    onnx_input(&f, "x", 2, (int64_t[]){ -1, 4 });
    onnx_int64s(&f, "to", 2, (int64_t[]){ 1, 4 });
    onnx_node(&f, "Reshape", "stiff", "x,to", "y");
    onnx_output(&f, "y");
    if (!graph_of(&g, &f)) {
        status = xo_run_new(&r, &g, NULL, 2, 1, (size_t[]){ 4 }, &info);
        printf("# %s\n", info.text);
        tap_ok(status == XO_ESHAPE && strstr(info.text, "node stiff (Reshape, opset 13)") && !r,
               "a batch of 1 written into a Reshape");
        xo_graph_free(&g);
    }
    f = (struct onnx_file){ 0 };
    onnx_begin(&f, 13);
    onnx_input(&f, "x", 2, (int64_t[]){ -1, 4 });
    onnx_int(&f, onnx_node(&f, "ReduceSum", "all", "x", "y"), "keepdims", 0);
    onnx_output(&f, "y");
    if (!graph_of(&g, &f)) {
        status = xo_run_new(&r, &g, NULL, 2, 1, (size_t[]){ 4 }, &info);
        printf("# %s\n", info.text);
        tap_ok(status == XO_ESHAPE && strstr(info.text, "one row of numbers per image"),
               "a result that is not per image");
        xo_graph_free(&g);
    }
    f = (struct onnx_file){ 0 };
    onnx_begin(&f, 13);
    onnx_input(&f, "x", 2, (int64_t[]){ -1, 4 });
    onnx_int(&f, onnx_node(&f, "Cast", "whole", "x", "to"), "to", 7);
    onnx_int64s(&f, "minus", 1, (int64_t[]){ -1 });
    onnx_int(&f, onnx_node(&f, "ArgMax", "top", "x", "t"), "keepdims", 0);
    onnx_node(&f, "Expand", "by pixels", "x,t", "y");
    onnx_output(&f, "y");
    if (!graph_of(&g, &f)) {
        status = xo_run_new(&r, &g, NULL, 2, 1, (size_t[]){ 4 }, &info);
        printf("# %s\n", info.text);
        tap_ok(status == XO_EUNSUPPORTED && strstr(info.text, "depends on the images' pixels"),
               "a shape that depends on pixels");
        xo_graph_free(&g);
    }
}

int main(void)
{
    printf("# seed %llu\n", seed);
    storage_is_never_shared_by_living_values();
    shape_code_follows_the_batch();
    folding_keeps_the_producer();
    company_does_not_matter();
    a_fixed_batch_is_honoured();
    wrong_images_are_named();
    bad_graphs_are_named();
    return tap_done();
}
