/* Every operator there is: name, first opset, inputs, functions.  An operator that is not here is refused when a file is
 * read; what one that is here cannot do is refused by its infer function.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <string.h>
#include "onednn.h"
#include "operator.h"

#define OP(name) .infer = xo_infer_##name, .run = xo_run_##name
#define ONEDNN(make) .prepare = make, .release = xo_onednn_release
#define ANY XO_ANY_NUMBER

static const struct xo_operator table[] = {
    /* arrays */
    { "Conv",                  1, 2, 3,   OP(conv), .prepare = xo_prepare_conv, .release = xo_release_conv },
    { "Gemm",                  7, 2, 3,   OP(gemm), .prepare = xo_prepare_gemm, .release = xo_release_gemm },
    { "MatMul",                1, 2, 2,   OP(matmul), .prepare = xo_prepare_matmul, .release = xo_release_gemm },
    /* element by element */
    { "Relu",                  1, 1, 1,   OP(map), .which = XO_RELU, .sharing = XO_OVER, ONEDNN(xo_prepare_map) },
    { "LeakyRelu",             1, 1, 1,   OP(map), .which = XO_LEAKY_RELU, .sharing = XO_OVER, ONEDNN(xo_prepare_map) },
    { "Elu",                   1, 1, 1,   OP(map), .which = XO_ELU, .sharing = XO_OVER, ONEDNN(xo_prepare_map) },
    { "HardSigmoid",           1, 1, 1,   OP(map), .which = XO_HARD_SIGMOID, .sharing = XO_OVER, ONEDNN(xo_prepare_map) },
    { "HardSwish",            14, 1, 1,   OP(map), .which = XO_HARD_SWISH, .sharing = XO_OVER, ONEDNN(xo_prepare_map) },
    { "Sigmoid",               1, 1, 1,   OP(map), .which = XO_SIGMOID, .sharing = XO_OVER, ONEDNN(xo_prepare_map) },
    { "Tanh",                  1, 1, 1,   OP(map), .which = XO_TANH, .sharing = XO_OVER, ONEDNN(xo_prepare_map) },
    { "Erf",                   9, 1, 1,   OP(map), .which = XO_ERF, .sharing = XO_OVER, ONEDNN(xo_prepare_map) },
    { "Gelu",                  1, 1, 1,   OP(map), .which = XO_GELU, .sharing = XO_OVER, ONEDNN(xo_prepare_map) },
    { "Softplus",              1, 1, 1,   OP(map), .which = XO_SOFTPLUS, .sharing = XO_OVER, ONEDNN(xo_prepare_map) },
    { "Exp",                   1, 1, 1,   OP(map), .which = XO_EXP, .sharing = XO_OVER, ONEDNN(xo_prepare_map) },
    { "Log",                   1, 1, 1,   OP(map), .which = XO_LOG, .sharing = XO_OVER, ONEDNN(xo_prepare_map) },
    { "Neg",                   1, 1, 1,   OP(map), .which = XO_NEG, .sharing = XO_OVER, ONEDNN(xo_prepare_map) },
    { "Abs",                   1, 1, 1,   OP(map), .which = XO_ABS, .sharing = XO_OVER, ONEDNN(xo_prepare_map) },
    { "Sqrt",                  1, 1, 1,   OP(map), .which = XO_SQRT, .sharing = XO_OVER, ONEDNN(xo_prepare_map) },
    { "Reciprocal",            1, 1, 1,   OP(map), .which = XO_RECIPROCAL, .sharing = XO_OVER, ONEDNN(xo_prepare_map) },
    { "Floor",                 1, 1, 1,   OP(map), .which = XO_FLOOR, .sharing = XO_OVER, ONEDNN(xo_prepare_map) },
    { "Ceil",                  1, 1, 1,   OP(map), .which = XO_CEIL, .sharing = XO_OVER, ONEDNN(xo_prepare_map) },
    { "Not",                   1, 1, 1,   OP(map), .which = XO_NOT, .sharing = XO_OVER, ONEDNN(xo_prepare_map) },
    { "Clip",                  1, 1, 3,   OP(clip), .sharing = XO_OVER },
    { "PRelu",                 7, 2, 2,   OP(prelu), .sharing = XO_OVER },
    /* two and more, broadcast */
    { "Add",                   7, 2, 2,   OP(arithmetic), .which = XO_ADD, .sharing = XO_OVER },
    { "Sub",                   7, 2, 2,   OP(arithmetic), .which = XO_SUB, .sharing = XO_OVER },
    { "Mul",                   7, 2, 2,   OP(arithmetic), .which = XO_MUL, .sharing = XO_OVER },
    { "Div",                   7, 2, 2,   OP(arithmetic), .which = XO_DIV, .sharing = XO_OVER },
    { "Pow",                   7, 2, 2,   OP(arithmetic), .which = XO_POW, .sharing = XO_OVER },
    { "Sum",                   6, 1, ANY, OP(arithmetic), .which = XO_ADD, .sharing = XO_OVER },
    { "Min",                   6, 1, ANY, OP(arithmetic), .which = XO_MIN, .sharing = XO_OVER },
    { "Max",                   6, 1, ANY, OP(arithmetic), .which = XO_MAX, .sharing = XO_OVER },
    { "Equal",                 7, 2, 2,   OP(compare), .which = XO_EQUAL },
    { "Less",                  7, 2, 2,   OP(compare), .which = XO_LESS },
    { "Greater",               7, 2, 2,   OP(compare), .which = XO_GREATER },
    { "Where",                 9, 3, 3,   OP(where) },
    /* windows and sums */
    { "MaxPool",               1, 1, 1,   OP(pool), .which = XO_POOL_MAX },
    { "AveragePool",           1, 1, 1,   OP(pool), .which = XO_POOL_AVERAGE },
    { "GlobalMaxPool",         1, 1, 1,   OP(global_pool), .which = XO_REDUCE_MAX },
    { "GlobalAveragePool",     1, 1, 1,   OP(global_pool), .which = XO_REDUCE_MEAN },
    { "ReduceMean",            1, 1, 1,   OP(reduce), .which = XO_REDUCE_MEAN },
    { "ReduceSum",             1, 1, 2,   OP(reduce), .which = XO_REDUCE_SUM },
    { "ReduceMax",             1, 1, 1,   OP(reduce), .which = XO_REDUCE_MAX },
    { "ReduceMin",             1, 1, 1,   OP(reduce), .which = XO_REDUCE_MIN },
    { "ArgMax",                1, 1, 1,   OP(arg) },
    { "BatchNormalization",    7, 5, 5,   OP(batch_norm), .sharing = XO_OVER },
    { "InstanceNormalization", 6, 3, 3,   OP(instance_norm), .sharing = XO_OVER },
    { "LayerNormalization",   17, 2, 3,   OP(layer_norm), .sharing = XO_OVER },
    { "Softmax",               1, 1, 1,   OP(softmax), .sharing = XO_OVER, ONEDNN(xo_prepare_softmax) },
    { "LogSoftmax",            1, 1, 1,   OP(softmax), .which = 1, .sharing = XO_OVER, ONEDNN(xo_prepare_softmax) },
    /* integers of quantised models */
    { "QuantizeLinear",       10, 2, 3,   OP(quantise) },
    { "DequantizeLinear",     10, 2, 3,   OP(dequantise) },
    /* the same numbers, elsewhere or in another shape */
    { "Identity",              1, 1, 1,   OP(same), .sharing = XO_VIEW },
    { "Dropout",               7, 1, 3,   OP(dropout), .sharing = XO_VIEW },
    { "Reshape",               5, 2, 2,   OP(reshape), .sharing = XO_VIEW },
    { "Flatten",               1, 1, 1,   OP(flatten), .sharing = XO_VIEW },
    { "Squeeze",               1, 1, 2,   OP(squeeze), .sharing = XO_VIEW },
    { "Unsqueeze",             1, 1, 2,   OP(unsqueeze), .sharing = XO_VIEW },
    { "Cast",                  6, 1, 1,   OP(cast) },
    { "Transpose",             1, 1, 1,   OP(transpose) },
    { "Slice",                 1, 1, 5,   OP(slice) },
    { "Expand",                8, 2, 2,   OP(expand) },
    { "Concat",                4, 1, ANY, OP(concat) },
    { "Split",                 2, 1, 2,   OP(split) },
    { "Gather",                1, 2, 2,   OP(gather) },
    { "Pad",                   2, 1, 3,   OP(pad) },
    /* shapes as numbers */
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
