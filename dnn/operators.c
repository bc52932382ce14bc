/* Every operator there is: name, first opset, inputs, functions.  An operator that is not here is refused when a file is
 * read; what one that is here cannot do is refused by its infer function.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <string.h>
#include "onednn.h"
#include "operator.h"

#define OP(name) xo_infer_##name, xo_run_##name
#define ONEDNN(prepare) prepare, xo_onednn_release
#define ANY XO_ANY_NUMBER

static const struct xo_operator table[] = {
    /* arrays */
    { "Conv",                  1, 2, 3,   OP(conv), 0, XO_OWN, ONEDNN(xo_prepare_conv) },
    { "Gemm",                  7, 2, 3,   OP(gemm) },
    { "MatMul",                1, 2, 2,   OP(matmul) },
    /* element by element */
    { "Relu",                  1, 1, 1,   OP(map), XO_RELU,         XO_OVER, ONEDNN(xo_prepare_map) },
    { "LeakyRelu",             1, 1, 1,   OP(map), XO_LEAKY_RELU,   XO_OVER, ONEDNN(xo_prepare_map) },
    { "Elu",                   1, 1, 1,   OP(map), XO_ELU,          XO_OVER, ONEDNN(xo_prepare_map) },
    { "HardSigmoid",           1, 1, 1,   OP(map), XO_HARD_SIGMOID, XO_OVER, ONEDNN(xo_prepare_map) },
    { "HardSwish",            14, 1, 1,   OP(map), XO_HARD_SWISH,   XO_OVER, ONEDNN(xo_prepare_map) },
    { "Sigmoid",               1, 1, 1,   OP(map), XO_SIGMOID,      XO_OVER, ONEDNN(xo_prepare_map) },
    { "Tanh",                  1, 1, 1,   OP(map), XO_TANH,         XO_OVER, ONEDNN(xo_prepare_map) },
    { "Erf",                   9, 1, 1,   OP(map), XO_ERF,          XO_OVER, ONEDNN(xo_prepare_map) },
    { "Softplus",              1, 1, 1,   OP(map), XO_SOFTPLUS,     XO_OVER, ONEDNN(xo_prepare_map) },
    { "Exp",                   1, 1, 1,   OP(map), XO_EXP,          XO_OVER, ONEDNN(xo_prepare_map) },
    { "Log",                   1, 1, 1,   OP(map), XO_LOG,          XO_OVER, ONEDNN(xo_prepare_map) },
    { "Neg",                   1, 1, 1,   OP(map), XO_NEG,          XO_OVER, ONEDNN(xo_prepare_map) },
    { "Abs",                   1, 1, 1,   OP(map), XO_ABS,          XO_OVER, ONEDNN(xo_prepare_map) },
    { "Sqrt",                  1, 1, 1,   OP(map), XO_SQRT,         XO_OVER, ONEDNN(xo_prepare_map) },
    { "Reciprocal",            1, 1, 1,   OP(map), XO_RECIPROCAL,   XO_OVER, ONEDNN(xo_prepare_map) },
    { "Floor",                 1, 1, 1,   OP(map), XO_FLOOR,        XO_OVER, ONEDNN(xo_prepare_map) },
    { "Ceil",                  1, 1, 1,   OP(map), XO_CEIL,         XO_OVER, ONEDNN(xo_prepare_map) },
    { "Not",                   1, 1, 1,   OP(map), XO_NOT,          XO_OVER, ONEDNN(xo_prepare_map) },
    { "Clip",                  1, 1, 3,   OP(clip), 0, XO_OVER },
    { "PRelu",                 7, 2, 2,   OP(prelu), 0, XO_OVER },
    /* two and more, broadcast */
    { "Add",                   7, 2, 2,   OP(arithmetic), XO_ADD, XO_OVER },
    { "Sub",                   7, 2, 2,   OP(arithmetic), XO_SUB, XO_OVER },
    { "Mul",                   7, 2, 2,   OP(arithmetic), XO_MUL, XO_OVER },
    { "Div",                   7, 2, 2,   OP(arithmetic), XO_DIV, XO_OVER },
    { "Pow",                   7, 2, 2,   OP(arithmetic), XO_POW, XO_OVER },
    { "Sum",                   6, 1, ANY, OP(arithmetic), XO_ADD, XO_OVER },
    { "Min",                   6, 1, ANY, OP(arithmetic), XO_MIN, XO_OVER },
    { "Max",                   6, 1, ANY, OP(arithmetic), XO_MAX, XO_OVER },
    { "Equal",                 7, 2, 2,   OP(compare), XO_EQUAL },
    { "Less",                  7, 2, 2,   OP(compare), XO_LESS },
    { "Greater",               7, 2, 2,   OP(compare), XO_GREATER },
    { "Where",                 9, 3, 3,   OP(where) },
    /* windows and sums */
    { "MaxPool",               1, 1, 1,   OP(pool), XO_POOL_MAX },
    { "AveragePool",           1, 1, 1,   OP(pool), XO_POOL_AVERAGE },
    { "GlobalMaxPool",         1, 1, 1,   OP(global_pool), XO_REDUCE_MAX },
    { "GlobalAveragePool",     1, 1, 1,   OP(global_pool), XO_REDUCE_MEAN },
    { "ReduceMean",            1, 1, 1,   OP(reduce), XO_REDUCE_MEAN },
    { "ReduceSum",             1, 1, 2,   OP(reduce), XO_REDUCE_SUM },
    { "ReduceMax",             1, 1, 1,   OP(reduce), XO_REDUCE_MAX },
    { "ReduceMin",             1, 1, 1,   OP(reduce), XO_REDUCE_MIN },
    { "ArgMax",                1, 1, 1,   OP(arg) },
    { "BatchNormalization",    7, 5, 5,   OP(batch_norm), 0, XO_OVER },
    { "InstanceNormalization", 6, 3, 3,   OP(instance_norm), 0, XO_OVER },
    { "LayerNormalization",   17, 2, 3,   OP(layer_norm), 0, XO_OVER },
    { "Softmax",               1, 1, 1,   OP(softmax), 0, XO_OVER, ONEDNN(xo_prepare_softmax) },
    { "LogSoftmax",            1, 1, 1,   OP(softmax), 1, XO_OVER, ONEDNN(xo_prepare_softmax) },
    /* integers of quantised models */
    { "QuantizeLinear",       10, 2, 3,   OP(quantise) },
    { "DequantizeLinear",     10, 2, 3,   OP(dequantise) },
    /* the same numbers, elsewhere or in another shape */
    { "Identity",              1, 1, 1,   OP(same), 0, XO_VIEW },
    { "Dropout",               7, 1, 3,   OP(dropout), 0, XO_VIEW },
    { "Reshape",               5, 2, 2,   OP(reshape), 0, XO_VIEW },
    { "Flatten",               1, 1, 1,   OP(flatten), 0, XO_VIEW },
    { "Squeeze",               1, 1, 2,   OP(squeeze), 0, XO_VIEW },
    { "Unsqueeze",             1, 1, 2,   OP(unsqueeze), 0, XO_VIEW },
    { "Cast",                  6, 1, 1,   OP(cast) },
    { "Transpose",             1, 1, 1,   OP(transpose) },
    { "Slice",                 1, 1, 5,   OP(slice) },
    { "Expand",                8, 2, 2,   OP(expand) },
    { "Concat",                4, 1, ANY, OP(concat) },
    { "Split",                 2, 1, 2,   OP(split) },
    { "Gather",                1, 2, 2,   OP(gather) },
    { "Pad",                   2, 1, 3,   OP(pad) },
    /* shapes as numbers */
    { "Constant",              1, 0, 0,   OP(constant) },
    { "ConstantOfShape",       9, 1, 1,   OP(constant_of_shape) },
    { "Shape",                 1, 1, 1,   OP(shape) },
    { "Size",                  1, 1, 1,   OP(size) },
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
