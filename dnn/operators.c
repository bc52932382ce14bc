/* Every operator there is: name, first opset, inputs, functions.  An operator that is not here is refused when a
 * file is read; what one that is here cannot do is refused by its infer function.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <string.h>
#include "onednn.h"
#include "operator.h"

#define OP(name) .infer = xo_infer_##name, .run = xo_run_##name
#define EACH(name) OP(name), .sharing = XO_OVER, .any_order = true
#define MADE(make, unmake) .prepare = make, .release = unmake
#define ONEDNN(make) MADE(make, xo_onednn_release)
#define ANY XO_ANY_NUMBER

static const struct xo_operator table[] = {
    /* arrays */
    { "Conv",                   1, 2, 3,   OP(conv), .orders_itself = true, MADE(xo_prepare_conv, xo_release_conv) },
    { "Gemm",                   7, 2, 3,   OP(gemm), MADE(xo_prepare_gemm, xo_release_gemm) },
    { "MatMul",                 1, 2, 2,   OP(matmul), MADE(xo_prepare_matmul, xo_release_gemm) },
    /* element by element */
    { "Relu",                   1, 1, 1,   EACH(map), .which = XO_RELU,         ONEDNN(xo_prepare_map) },
    { "LeakyRelu",              1, 1, 1,   EACH(map), .which = XO_LEAKY_RELU,   ONEDNN(xo_prepare_map) },
    { "Elu",                    1, 1, 1,   EACH(map), .which = XO_ELU,          ONEDNN(xo_prepare_map) },
    { "HardSigmoid",            1, 1, 1,   EACH(map), .which = XO_HARD_SIGMOID, ONEDNN(xo_prepare_map) },
    { "HardSwish",             14, 1, 1,   EACH(map), .which = XO_HARD_SWISH,   ONEDNN(xo_prepare_map) },
    { "Sigmoid",                1, 1, 1,   EACH(map), .which = XO_SIGMOID,      ONEDNN(xo_prepare_map) },
    { "Tanh",                   1, 1, 1,   EACH(map), .which = XO_TANH,         ONEDNN(xo_prepare_map) },
    { "Erf",                    9, 1, 1,   EACH(map), .which = XO_ERF,          ONEDNN(xo_prepare_map) },
    { "Gelu",                   1, 1, 1,   EACH(map), .which = XO_GELU,         ONEDNN(xo_prepare_map) },
    { "Softplus",               1, 1, 1,   EACH(map), .which = XO_SOFTPLUS,     ONEDNN(xo_prepare_map) },
    { "Exp",                    1, 1, 1,   EACH(map), .which = XO_EXP,          ONEDNN(xo_prepare_map) },
    { "Log",                    1, 1, 1,   EACH(map), .which = XO_LOG,          ONEDNN(xo_prepare_map) },
    { "Neg",                    1, 1, 1,   EACH(map), .which = XO_NEG,          ONEDNN(xo_prepare_map) },
    { "Abs",                    1, 1, 1,   EACH(map), .which = XO_ABS,          ONEDNN(xo_prepare_map) },
    { "Sqrt",                   1, 1, 1,   EACH(map), .which = XO_SQRT,         ONEDNN(xo_prepare_map) },
    { "Reciprocal",             1, 1, 1,   EACH(map), .which = XO_RECIPROCAL,   ONEDNN(xo_prepare_map) },
    { "Floor",                  1, 1, 1,   EACH(map), .which = XO_FLOOR,        ONEDNN(xo_prepare_map) },
    { "Ceil",                   1, 1, 1,   EACH(map), .which = XO_CEIL,         ONEDNN(xo_prepare_map) },
    { "Not",                    1, 1, 1,   EACH(map), .which = XO_NOT,          ONEDNN(xo_prepare_map) },
    { "Clip",                   1, 1, 3,   EACH(clip) },
    { "PRelu",                  7, 2, 2,   OP(prelu), .sharing = XO_OVER },
    /* two and more, broadcast */
    { "Add",                    7, 2, 2,   EACH(arithmetic), .which = XO_ADD },
    { "Sub",                    7, 2, 2,   EACH(arithmetic), .which = XO_SUB },
    { "Mul",                    7, 2, 2,   EACH(arithmetic), .which = XO_MUL },
    { "Div",                    7, 2, 2,   EACH(arithmetic), .which = XO_DIV },
    { "Pow",                    7, 2, 2,   EACH(arithmetic), .which = XO_POW },
    { "Sum",                    6, 1, ANY, EACH(arithmetic), .which = XO_ADD },
    { "Min",                    6, 1, ANY, EACH(arithmetic), .which = XO_MIN },
    { "Max",                    6, 1, ANY, EACH(arithmetic), .which = XO_MAX },
    { "Equal",                  7, 2, 2,   OP(compare), .which = XO_EQUAL },
    { "Less",                   7, 2, 2,   OP(compare), .which = XO_LESS },
    { "Greater",                7, 2, 2,   OP(compare), .which = XO_GREATER },
    { "Where",                  9, 3, 3,   OP(where) },
    /* windows and sums */
    { "MaxPool",                1, 1, 1,   OP(pool), .which = XO_POOL_MAX },
    { "AveragePool",            1, 1, 1,   OP(pool), .which = XO_POOL_AVERAGE },
    { "GlobalMaxPool",          1, 1, 1,   OP(global_pool), .which = XO_REDUCE_MAX },
    { "GlobalAveragePool",      1, 1, 1,   OP(global_pool), .which = XO_REDUCE_MEAN },
    { "ReduceMean",             1, 1, 1,   OP(reduce), .which = XO_REDUCE_MEAN },
    { "ReduceSum",              1, 1, 2,   OP(reduce), .which = XO_REDUCE_SUM },
    { "ReduceMax",              1, 1, 1,   OP(reduce), .which = XO_REDUCE_MAX },
    { "ReduceMin",              1, 1, 1,   OP(reduce), .which = XO_REDUCE_MIN },
    { "ArgMax",                 1, 1, 1,   OP(arg) },
    { "BatchNormalization",     7, 5, 5,   OP(batch_norm), .sharing = XO_OVER },
    { "InstanceNormalization",  6, 3, 3,   OP(instance_norm), .sharing = XO_OVER },
    { "LayerNormalization",    17, 2, 3,   OP(layer_norm), .sharing = XO_OVER },
    { "Softmax",                1, 1, 1,   OP(softmax), .sharing = XO_OVER, ONEDNN(xo_prepare_softmax) },
    { "LogSoftmax",             1, 1, 1,   OP(softmax), .which = 1, .sharing = XO_OVER, ONEDNN(xo_prepare_softmax) },
    /* integers of quantised models */
    { "QuantizeLinear",        10, 2, 3,   OP(quantise) },
    { "DequantizeLinear",      10, 2, 3,   OP(dequantise) },
    /* the same numbers, elsewhere or in another shape */
    { "Identity",               1, 1, 1,   OP(same), .sharing = XO_VIEW },
    { "Dropout",                7, 1, 3,   OP(dropout), .sharing = XO_VIEW },
    { "Reshape",                5, 2, 2,   OP(reshape), .sharing = XO_VIEW },
    { "Flatten",                1, 1, 1,   OP(flatten), .sharing = XO_VIEW },
    { "Squeeze",                1, 1, 2,   OP(squeeze), .sharing = XO_VIEW },
    { "Unsqueeze",              1, 1, 2,   OP(unsqueeze), .sharing = XO_VIEW },
    { "Cast",                   6, 1, 1,   OP(cast) },
    { "Transpose",              1, 1, 1,   OP(transpose) },
    { "Slice",                  1, 1, 5,   OP(slice) },
    { "Expand",                 8, 2, 2,   OP(expand) },
    { "Concat",                 4, 1, ANY, OP(concat) },
    { "Split",                  2, 1, 2,   OP(split) },
    { "Gather",                 1, 2, 2,   OP(gather) },
    { "Pad",                    2, 1, 3,   OP(pad) },
    /* shapes as numbers */
    { "ConstantOfShape",        9, 1, 1,   OP(constant_of_shape) },
    { "Shape",                  1, 1, 1,   OP(shape) },
    { "Size",                   1, 1, 1,   OP(size) },
};

const struct xo_operator *xo_operator_find(const char *name)
{
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        if (!strcmp(table[k].name, name))
            return &table[k];
    return NULL;
}

bool xo_operator_known(const char *name, int64_t opset)
{
    const struct xo_operator *op = xo_operator_find(name);
    return op && op->since <= opset;
}
