/* Where a layer's window walks over an input of a given shape (ONNX operator specification, Conv).
 *     output = floor((input + pads - ((kernel - 1) dilation + 1))/stride) + 1;   SAME_*: ceil(input/stride)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <string.h>
#include "layers_private.h"

enum padding { EXPLICIT, SAME_UPPER, SAME_LOWER, VALID, UNKNOWN };

static enum padding padding_of(const struct xo_graph_node *n)
{
    static const char *const name[] = { "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID" };
    const char *text = xo_attribute_text(n, "auto_pad", "NOTSET");
    for (size_t k = 0; k < sizeof name / sizeof *name; k++)
        if (!strcmp(text, name[k]))
            return (enum padding)k;
    return UNKNOWN;
}

/* One direction: size of the result, zeros in front.  false: the window does not fit. */
static bool walk(size_t *out, size_t *before, size_t in, size_t window, size_t stride, enum padding padding,
                 const int64_t pads[2])
{
    size_t total, needed;
    if (padding == SAME_UPPER || padding == SAME_LOWER) {
        *out = (in + stride - 1) / stride;
        needed = (*out - 1) * stride + window;
        total = needed > in ? needed - in : 0;
        *before = padding == SAME_UPPER ? total / 2 : total - total / 2;
        return true;
    }
    *before = padding == VALID ? 0 : (size_t)pads[0];
    total = padding == VALID ? in : in + (size_t)pads[0] + (size_t)pads[1];
    if (total < window)
        return false;
    *out = (total - window) / stride + 1;
    return true;
}

static int resolve_conv(struct xo_window *w, const struct xo_graph *g, const struct xo_layer *l, size_t spatial,
                        const size_t *size, struct xo_info *info)
{
    const struct xo_graph_node *n = &g->node[l->node];
    enum padding padding = padding_of(n);
    int64_t pads[4];
    size_t *out[2] = { &w->out_height, &w->out_width };
    if (padding == UNKNOWN)
        return xo_node_fail(info, XO_EVALUE, g, l->node,
                            "auto_pad %.40s; expected NOTSET, SAME_UPPER, SAME_LOWER or VALID",
                            xo_attribute_text(n, "auto_pad", ""));
    if (!xo_attribute_ints(n, "pads", 2 * spatial, 0, INT32_MAX, 0, pads))
        return xo_node_fail(info, XO_EUNSUPPORTED, g, l->node,
                            "pads that are negative or not %zu; expected %zu of 0 or more", 2 * spatial, 2 * spatial);
    *out[0] = 1;
    for (size_t k = 0; k < spatial; k++) {
        size_t d = k + 2 - spatial, window = (w->kernel[d] - 1) * w->dilation[d] + 1;
        if (!walk(out[d], &w->pad[d], size[k], window, w->stride[d], padding,
                  (int64_t[]){ pads[k], pads[spatial + k] }))
            return xo_node_fail(info, XO_ESHAPE, g, l->node,
                                "a window of %zu on an input of %zu with its pads; expected an "
                                "input at least as large", window, size[k]);
    }
    return 0;
}

int xo_layer_resolve(struct xo_window *out, const struct xo_graph *g, const struct xo_layer *l, size_t dimensions,
                     const size_t *shape, struct xo_info *info)
{
    const struct xo_graph_node *n = &g->node[l->node];
    size_t spatial = l->is_convolution ? g->value[n->input[1]].constant.dimensions - 2 : 0;
    size_t wanted = l->inputs / (l->window.kernel[0] * l->window.kernel[1]) * l->groups;
    size_t at = l->is_convolution ? 1 : dimensions - 1;
    struct xo_window w = l->window;
    int status = 0;
    if (l->is_convolution ? dimensions != spatial + 2 : dimensions < 2)
        return xo_node_fail(info, XO_ESHAPE, g, l->node, "an input of %zu dimensions; expected %s%zu", dimensions,
                            l->is_convolution ? "" : "at least ", spatial + 2);
    if (shape[at] != wanted)
        return xo_node_fail(info, XO_ESHAPE, g, l->node, "an input with %zu in dimension %zu; expected %zu",
                            shape[at], at, wanted);
    for (size_t k = 0; k < dimensions; k++)
        if (shape[k] < 1 || shape[k] > INT32_MAX)
            return xo_node_fail(info, XO_ESHAPE, g, l->node,
                                "an input with %zu in dimension %zu; expected 1 to 2^31 - 1", shape[k], k);
    w.channels = wanted;
    w.height = spatial == 2 ? shape[2] : 1;
    w.width = spatial ? shape[dimensions - 1] : 1;
    w.out_height = w.out_width = 1;
    if (l->is_convolution)
        status = resolve_conv(&w, g, l, spatial, shape + 2, info);
    if (!status)
        *out = w;
    return status;
}
