/* Real networks: their layers against what their architectures say, against a second reading of the file that knows
 * nothing of ours, and networks with BatchNormalization against their twins that came with it folded in.
 * The files are in $CROSSOHM_DATA/models; those that are not there are skipped by name.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "network.h"
#include "layers.h"
#include "onnx/onnx.pb-c.h"
#include "tap.h"
#include "xo_file.h"

static struct xo_info info;

static const char *path_of(const char *file)
{
    static char path[4096];
    const char *data = getenv("CROSSOHM_DATA"), *source = getenv("top_srcdir");
    if (data)
        snprintf(path, sizeof path, "%s/models/%s", data, file);
    else
        snprintf(path, sizeof path, "%s/../shared/data/models/%s", source ? source : ".", file);
    return path;
}

/* A network and its layers; false: not there. */
struct model { xo_network *n; struct xo_layers l; };

static bool open_model(struct model *m, const char *file, enum xo_batch_norm fold)
{
    const char *path = path_of(file);
    FILE *f = fopen(path, "rb");
    *m = (struct model){ .n = NULL };
    if (!f)
        return tap_skip(file, "not in $CROSSOHM_DATA/models"), false;
    fclose(f);
    if (!xo_network_read(&m->n, path, &info) && !xo_layers_find(&m->l, &m->n->graph, fold, &info))
        return true;
    return tap_ok(0, "%s is read: %s", file, info.text), false;
}

static void close_model(struct model *m)
{
    xo_layers_free(&m->l);
    xo_network_free(m->n);
}

/* ---- a second reading ------------------------------------------------------------------------------ */

/* Of weights in the file: how many, and the sum of them (of the integers, in a quantised model). */
struct sums { size_t count; double sum; };

static const Onnx__TensorProto *initialiser(const Onnx__GraphProto *g, const char *name)
{
    for (size_t k = 0; k < g->n_initializer; k++)
        if (!strcmp(g->initializer[k]->name, name))
            return g->initializer[k];
    for (size_t k = 0; k < g->n_node; k++)         /* one Reshape or DequantizeLinear between */
        if (g->node[k]->n_output && !strcmp(g->node[k]->output[0], name))
            return initialiser(g, g->node[k]->input[0]);
    return NULL;
}

static struct sums sums_of(const Onnx__TensorProto *t)
{
    struct sums s = { t->n_float_data, 0 };
    size_t width = t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT ? 4 : 1;
    for (size_t k = 0; k < t->n_float_data; k++)
        s.sum += (double)t->float_data[k];
    for (size_t k = 0; k + width <= t->raw_data.len; k += width, s.count++) {
        float f;
        memcpy(&f, t->raw_data.data + k, width);
        s.sum += width == 4 ? (double)f : (int8_t)t->raw_data.data[k];
    }
    return s;
}

static size_t second_reading(const char *file, struct sums *list)
{
    char *bytes = NULL;
    size_t nbytes = 0, count = 0;
    Onnx__ModelProto *model = NULL;
    if (!xo_slurp(&bytes, &nbytes, path_of(file), SIZE_MAX, &info))
        model = onnx__model_proto__unpack(NULL, nbytes, (const uint8_t *)bytes);
    for (size_t k = 0; model && k < model->graph->n_node; k++) {
        const Onnx__NodeProto *n = model->graph->node[k];
        if (strcmp(n->op_type, "Conv") && strcmp(n->op_type, "Gemm") && strcmp(n->op_type, "MatMul"))
            continue;
        list[count++] = sums_of(initialiser(model->graph, n->input[1]));
    }
    if (model)
        onnx__model_proto__free_unpacked(model, NULL);
    free(bytes);
    return count;
}

static struct sums sums_in(const struct xo_layer *l)
{
    struct sums s = { l->groups * l->inputs * l->outputs, 0 };
    for (size_t k = 0; k < s.count; k++)
        s.sum += l->has_integers ? ((const int8_t *)l->integers.weight)[k] : (double)l->weight[k];
    return s;
}

/* file, layers, weights in thousands, quantised: as the architectures have it. */
static void a_model_has_its_layers(const char *file, size_t layers, double weights, bool quantised)
{
    static struct sums want[200];
    struct model m;
    size_t wrong = 0, count = 0, integers = 0;
    if (!open_model(&m, file, XO_BATCH_NORM_DIGITAL))
        return;
    tap_ok(m.l.count == layers && second_reading(file, want) == layers, "%s: %zu layers", file, m.l.count);
    for (size_t k = 0; k < m.l.count && k < layers; k++) {
        struct sums s = sums_in(&m.l.layer[k]);
        wrong += s.count != want[k].count || !(fabs(s.sum - want[k].sum) <= 1e-9 * (double)s.count);
        count += s.count;
        integers += m.l.layer[k].has_integers;
    }
    tap_ok(wrong == 0, "as many weights and the same sums as a second reading finds");
    tap_ok(fabs((double)count - 1e3 * weights) < 0.01 * 1e3 * weights, "%zu weights", count);
    tap_ok(integers == (quantised ? layers : 0), "%zu layers bring their own integers", integers);
    close_model(&m);
}

/* ---- folded here and folded by the exporter --------------------------------------------------------- */

static double worst_difference(const float *a, const float *b, size_t count)
{
    double worst = 0, largest = 0;
    for (size_t k = 0; k < count; k++) {
        worst = fmax(worst, fabs((double)a[k] - (double)b[k]));
        largest = fmax(largest, fabs((double)b[k]));
    }
    return largest > 0 ? worst / largest : worst;
}

static void folding_gives_the_twin(const char *with, const char *without)
{
    struct model a, b;
    double worst = 0;
    size_t folded = 0;
    if (!open_model(&a, with, XO_BATCH_NORM_FOLD))
        return;
    if (!open_model(&b, without, XO_BATCH_NORM_FOLD)) {
        close_model(&a);
        return;
    }
    for (size_t k = 0; k < a.l.count && a.l.count == b.l.count; k++) {
        const struct xo_layer *x = &a.l.layer[k], *y = &b.l.layer[k];
        bool same = x->inputs == y->inputs && x->outputs == y->outputs && x->groups == y->groups;
        folded += x->batch_norm != XO_NONE;
        worst = same ? fmax(worst, worst_difference(x->weight, y->weight, x->groups * x->inputs * x->outputs)) : 1;
        worst = same ? fmax(worst, worst_difference(x->bias, y->bias, x->groups * x->outputs)) : 1;
    }
    printf("# %zu batch norms folded, worst difference %.3g of the layer's largest\n", folded, worst);
    tap_ok(a.l.count == b.l.count && folded == a.l.count - 1 && worst < 1e-5, "%s folded is %s", with, without);
    close_model(&a);
    close_model(&b);
}

int main(void)
{
    a_model_has_its_layers("mnist-8.onnx", 3, 5.96, false);
    a_model_has_its_layers("mnist_lenet5.onnx", 5, 61.5, false);
    a_model_has_its_layers("mnist_mlp_784_128_10.onnx", 2, 101.6, false);
    a_model_has_its_layers("mlperftiny_resnet8_cifar10_fp32.onnx", 10, 77.4, false);
    a_model_has_its_layers("mlperftiny_resnet8_cifar10_int8qdq.onnx", 10, 77.4, true);
    a_model_has_its_layers("resnet20_cifar10.onnx", 22, 271, false);
    a_model_has_its_layers("resnet20_cifar10_bn.onnx", 22, 271, false);
    a_model_has_its_layers("resnet32_cifar10.onnx", 34, 464, false);
    a_model_has_its_layers("vgg11_cifar10_bn.onnx", 9, 9230, false);
    a_model_has_its_layers("squeezenet1_1_imagenet.onnx", 26, 1231, false);
    a_model_has_its_layers("squeezenet1_0_deepcompression_imagenet.onnx", 26, 1244, false);
    a_model_has_its_layers("mobilenet_v1_0.25_128_imagenet_fp32.onnx", 28, 463, false);
    a_model_has_its_layers("mobilenet_v1_0.25_128_imagenet_int8qdq.onnx", 28, 463, true);
    a_model_has_its_layers("mobilenet_v2_1.0_224_imagenet_fp32.onnx", 53, 3470, false);
    folding_gives_the_twin("resnet20_cifar10_bn.onnx", "resnet20_cifar10.onnx");
    folding_gives_the_twin("resnet32_cifar10_bn.onnx", "resnet32_cifar10.onnx");
    return tap_done();
}
