/* Where a convolution's window walks: against counting positions one by one.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "layers.h"
#include "onnx-file.h"
#include "tap.h"

static struct xo_info info;
static unsigned long long seed = 4711;

static size_t pick(size_t least, size_t most)
{
    return least + (size_t)(tap_uniform(&seed) * (double)(most - least + 1));
}

/* One convolution of random numbers: kernel, stride, dilation, pads before and behind, input size; vertical,
 * horizontal. */
struct conv { size_t spatial, kernel[2], stride[2], dilation[2], before[2], behind[2], in[2]; const char *auto_pad; };

static struct conv random_conv(size_t spatial, const char *auto_pad)
{
    struct conv c = { .spatial = spatial, .auto_pad = auto_pad };
    for (size_t d = 0; d < 2; d++) {
        bool used = d + spatial >= 2;
        c.kernel[d] = used ? pick(1, 4) : 1;
        c.stride[d] = used ? pick(1, 4) : 1;
        c.dilation[d] = used ? pick(1, 3) : 1;
        c.before[d] = used && !auto_pad ? pick(0, 3) : 0;
        c.behind[d] = used && !auto_pad ? pick(0, 3) : 0;
        c.in[d] = used ? pick(1, 12) : 1;
    }
    return c;
}

/* Positions at which the whole window lies on `in` elements and so many zeros. */
static size_t positions(const struct conv *c, size_t d, size_t zeros)
{
    size_t count = 0;
    for (size_t at = 0; at + (c->kernel[d] - 1) * c->dilation[d] + 1 <= c->in[d] + zeros; at += c->stride[d])
        count++;
    return count;
}

/* SAME: as few zeros as give a result for every stride begun. */
static size_t expect(const struct conv *c, size_t d, size_t *before)
{
    size_t wanted = 0, zeros = 0;
    if (!c->auto_pad || !strcmp(c->auto_pad, "VALID")) {
        *before = c->before[d];
        return positions(c, d, c->before[d] + c->behind[d]);
    }
    for (size_t at = 0; at < c->in[d]; at += c->stride[d])
        wanted++;
    while (positions(c, d, zeros) < wanted)
        zeros++;
    *before = !strcmp(c->auto_pad, "SAME_UPPER") ? zeros / 2 : zeros - zeros / 2;
    return wanted;
}

static void read_conv(struct xo_graph *g, struct xo_layers *l, const struct conv *c)
{
    struct onnx_file f;
    size_t first = 2 - c->spatial, nbytes;
    int64_t shape[4] = { 2, 3, (int64_t)c->kernel[first], (int64_t)c->kernel[1] }, list[4];
    float w[96] = { 0 };
    Onnx__NodeProto *n;
    uint8_t *bytes;
    onnx_begin(&f, 13);
    onnx_input(&f, "x", 0, NULL);
    onnx_output(&f, "y");
    onnx_floats(&f, "w", 2 + c->spatial, shape, w);
    n = onnx_node(&f, "Conv", "conv", "x,w", "y");
#define LIST(from) (list[0] = (int64_t)(from)[first], list[1] = (int64_t)(from)[1], list)
    onnx_ints(&f, n, "strides", c->spatial, LIST(c->stride));
    onnx_ints(&f, n, "dilations", c->spatial, LIST(c->dilation));
    if (c->auto_pad)
        onnx_text(&f, n, "auto_pad", c->auto_pad);
    for (size_t k = 0; k < c->spatial; k++) {
        list[k] = (int64_t)c->before[first + k];
        list[k + c->spatial] = (int64_t)c->behind[first + k];
    }
    if (!c->auto_pad)
        onnx_ints(&f, n, "pads", 2 * c->spatial, list);
    bytes = onnx_pack(&f, &nbytes);
    if (xo_graph_parse(g, bytes, nbytes, "m.onnx", NULL, &info) || xo_layers_find(l, g, XO_BATCH_NORM_FOLD, &info))
        printf("# %s\n", info.text);
    onnx_end(&f);
}

static int agrees(const struct conv *c)
{
    struct xo_graph g = { 0 };
    struct xo_layers l = { 0 };
    struct xo_window w = { .channels = 99 };
    size_t before[2], out[2], shape[4] = { 5, 3, c->in[2 - c->spatial], c->in[1] };
    int status, fits;
    read_conv(&g, &l, c);
    for (size_t d = 0; d < 2; d++)
        out[d] = expect(c, d, &before[d]);
    fits = out[0] && out[1];
    status = l.count == 1 ? xo_layer_resolve(&w, &g, l.layer, 2 + c->spatial, shape, &info) : -1000;
    xo_layers_free(&l);
    xo_graph_free(&g);
    if (!fits)
        return status == XO_ESHAPE && w.channels == 99 && strstr(info.text, "node conv");
    return !status && w.channels == 3 && w.height == c->in[0] && w.width == c->in[1] && w.out_height == out[0]
        && w.out_width == out[1] && w.pad[0] == before[0] && w.pad[1] == before[1];
}

static void windows_are_where_counting_finds_them(void)
{
    static const char *const padding[] = { NULL, "VALID", "SAME_UPPER", "SAME_LOWER" };
    for (size_t k = 0; k < 4; k++)
        for (size_t spatial = 1; spatial <= 2; spatial++) {
            int wrong = 0;
            for (int t = 0; t < 400; t++) {
                struct conv c = random_conv(spatial, padding[k]);
                wrong += !agrees(&c);
            }
            tap_ok(wrong == 0, "400 windows in %zu dimensions with %s are where counting finds them", spatial,
                   padding[k] ? padding[k] : "pads");
        }
}

static void other_inputs_are_refused(void)
{
    struct conv c = { 2, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 0, 0 }, { 0, 0 }, { 8, 8 }, NULL };
    struct xo_graph g = { 0 };
    struct xo_layers l = { 0 };
    struct xo_window w = { .channels = 99 };
    read_conv(&g, &l, &c);
    tap_ok(xo_layer_resolve(&w, &g, l.layer, 4, (size_t[]){ 1, 4, 8, 8 }, &info) == XO_ESHAPE
           && strstr(info.text, "4 in dimension 1; expected 3"), "another number of channels");
    tap_ok(xo_layer_resolve(&w, &g, l.layer, 3, (size_t[]){ 1, 3, 8 }, &info) == XO_ESHAPE, "three dimensions");
    tap_ok(xo_layer_resolve(&w, &g, l.layer, 4, (size_t[]){ 1, 3, 0, 8 }, &info) == XO_ESHAPE, "no rows");
    tap_ok(w.channels == 99, "leave the window alone");
    xo_layers_free(&l);
    xo_graph_free(&g);
}

static void a_matrix_has_a_window_of_one(void)
{
    struct onnx_file f;
    struct xo_graph g = { 0 };
    struct xo_layers l = { 0 };
    struct xo_window w = { .channels = 99 };
    float data[6] = { 0 };
    size_t nbytes;
    onnx_begin(&f, 13);
    onnx_input(&f, "x", 0, NULL);
    onnx_output(&f, "y");
    onnx_floats(&f, "w", 2, (int64_t[]){ 3, 2 }, data);
    onnx_node(&f, "MatMul", "fc", "x,w", "y");
    uint8_t *bytes = onnx_pack(&f, &nbytes);
    tap_ok(!xo_graph_parse(&g, bytes, nbytes, "m.onnx", NULL, &info)
           && !xo_layers_find(&l, &g, XO_BATCH_NORM_FOLD, &info)
           && !xo_layer_resolve(&w, &g, l.layer, 3, (size_t[]){ 5, 7, 3 }, &info), "a MatMul of (5, 7, 3)");
    tap_ok(w.channels == 3 && w.height == 1 && w.width == 1 && w.out_height == 1 && w.out_width == 1
           && w.kernel[0] == 1 && w.kernel[1] == 1 && w.pad[0] == 0, "is a window of 1 x 1 over 3 channels");
    tap_ok(xo_layer_resolve(&w, &g, l.layer, 2, (size_t[]){ 5, 4 }, &info) == XO_ESHAPE,
           "four numbers do not fit three");
    onnx_end(&f);
    xo_layers_free(&l);
    xo_graph_free(&g);
}

int main(void)
{
    printf("# seed %llu\n", seed);
    windows_are_where_counting_finds_them();
    other_inputs_are_refused();
    a_matrix_has_a_window_of_one();
    return tap_done();
}
