/* A matrix of integers on arrays: slices, signs, pairs, tiles (MAPPING: Weights).  Private to dnn/.
 *     quantise.c   float weights -> integers q and their scale; inputs -> digits
 *     layout.c     where each digit sits, which columns an ADC reads, what a code is worth
 * A layer holds one matrix per group; a depthwise convolution on arrays is one block-diagonal matrix of all groups.
 * Every block (R, C) of the matrix, `tile_rows` inputs by `tile_outputs` outputs, lies on `planes` physical arrays of
 * array.rows x array.columns, all laid out alike; the arrays of a block see the same inputs.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_LAYOUT_H
#define XO_LAYOUT_H

#include <stdbool.h>
#include "layers.h"
#include "xo_hardware.h"

/* One matrix of integers that lies on tiles of its own: a layer's, one group's, or for a depthwise convolution the
 * block-diagonal matrix of all groups, whose integers beside the blocks are 0. */
struct xo_code_matrix {
    size_t inputs, outputs;            /* K, P                                                    */
    size_t first_input, first_output;  /* where they begin among the layer's, all groups together */
    size_t block_inputs, block_outputs;/* of one block on the diagonal; K, P where there is one   */
    const int16_t *q;                  /* [blocks][block_inputs][block_outputs]                   */
};
static inline int32_t xo_code_at(const struct xo_code_matrix *m, size_t i, size_t j)
{
    size_t block = i / m->block_inputs;
    if (block != j / m->block_outputs)
        return 0;
    return m->q[i * m->block_outputs + j % m->block_outputs];
}

/* What a layer's weights are once quantised.
 * W_clip, over the layer or over each output's weights, in float64:
 *     max                 max |w|
 *     percentile: p       of |w|: at place p/100 (n - 1) of the n ascending values, linearly between two neighbours
 *     sigma: k            k sqrt(sum (w - mean)^2/n), mean = sum w/n, sums in the order of memory
 * s_w = (float)(W_clip/(2^(b_w-1) - 1)), 1 if that is 0;  q = round((double)w/s_w), half to even,
 * clamped to +-(2^(b_w-1) - 1). */
struct xo_codes {
    const char *name;                  /* of the layer, for messages: borrowed                    */
    size_t matrices;
    struct xo_code_matrix *matrix;
    const int16_t *q;                  /* [groups][inputs][outputs] of the layer: the matrices' in one piece */
    int32_t low, high;                 /* of all q: -128 asks for a wider magnitude               */
    int bits;                          /* b_w: mapping.weight_bits, or 8                          */
    bool by_channel;                   /* weight_scale: channel, or the model's scales differ     */
    float *weight_scale;               /* [outputs of the layer] s_w; all alike unless by_channel */
    struct xo_arena arena;
};
/* mapping.weight_clip, weight_scale, weight_bits; or the model's own integers, q' = q_w - o.
 * XO_EVALUE: weight_bits or input_bits other than 8 with such a model; weights whose scale does not fit a float.
 * ENOMEM.  On failure *out is untouched. */
int xo_codes_new(struct xo_codes *out, const struct xo_layer *layer, const struct xo_mapping *mapping,
                 struct xo_info *info);
/* The same for a plain matrix of weights [inputs][outputs], as W.npy holds it. */
int xo_codes_of_matrix(struct xo_codes *out, const char *name, size_t inputs, size_t outputs, const double *weight,
                       const struct xo_mapping *mapping, struct xo_info *info);
void xo_codes_free(struct xo_codes *codes);

/* A convolution whose every group has one input channel: what mapping.depthwise is about. */
bool xo_layer_is_depthwise(const struct xo_layer *layer);
/* Not on arrays: keep: digital, or such a convolution under mapping.depthwise: digital. */
static inline bool xo_layer_stays_digital(const struct xo_layer *layer, const struct xo_mapping *mapping,
                                          bool keep_digital)
{
    return keep_digital || (mapping->depthwise == XO_DEPTHWISE_DIGITAL && xo_layer_is_depthwise(layer));
}

/* Inputs of a layer. */
struct xo_input_code {
    bool is_signed;
    int bits;                          /* b_x                                                     */
    float scale;                       /* s_x                                                     */
    int32_t low, high;                 /* clamp                                                   */
};
/* low, high: the range seen or chosen.  Signed if low < 0; range = max(-low, high); s_x = (float)(range/(2^b_x - 1)),
 * signed (float)(range/(2^(b_x-1) - 1)), 1 if that is 0.  XO_EVALUE: one bit for signed inputs, an infinite range. */
int xo_input_code_of(struct xo_input_code *out, const struct xo_mapping *mapping, double low, double high,
                     struct xo_info *info);
/* x' = x_q - m of a model that brings its own integers: unsigned, 8 bits. */
struct xo_input_code xo_input_code_of_integers(const struct xo_model_integers *integers);
int32_t xo_input_quantise(const struct xo_input_code *code, float x);          /* NaN gives code->low */

/* One pass of the inputs through the arrays: digit e of x in it, and its weight. */
struct xo_stream {
    int shift, bits;                   /* digit = (magnitude >> shift) & (2^bits - 1)             */
    int sign;                          /* two_phase: +1 or -1, which part of x; 0: x itself, in two's complement */
    double weight;                     /* 2^shift; negative for the negative phase and the sign stream */
};
enum { XO_MAX_STREAMS = 32 };
size_t xo_streams_of(struct xo_stream stream[XO_MAX_STREAMS], const struct xo_input_code *code,
                     const struct xo_mapping *mapping, const struct xo_dac *dac);
uint32_t xo_stream_digit(const struct xo_stream *stream, int32_t x);

/* One reading of an ADC: a column, or the difference of two. */
struct xo_conversion {
    size_t plane, column;
    size_t minus_plane, minus_column;  /* subtract: analog; else XO_NONE                          */
    size_t output;                     /* within the block; XO_NONE: the reference column         */
    size_t slice;
    double weight;                     /* 2^(c slice); negative for minus and for the sign slice; reference: 0 */
    size_t reference;                  /* off_current: reference_column: which conversion; else XO_NONE */
};

/* Where everything sits.  MAPPING leaves the order to us:
 *   planes    slice by slice (slices: tiles), in each plus, then minus (pair: tiles)
 *   columns   of an array: output by output; for each, slice by slice (slices: columns); for each, plus, then minus
 *             (pair: columns).  Columns that are left over stay unused.
 *   reference the last column of every array (column array.columns - 1)
 * Slice 0 holds the least significant digit.  pair and subtract concern sign: differential only; off_current nothing
 * where the off-current cancels (subtract: analog) or is none (unused_cell: open): then no reference column exists.
 * Conversions are listed plane by plane, in each by column, the references (one per plane) behind all others.
 * A block's sum for one output is, over its conversions, weight times the decoded p, less offset times the sum of the
 * inputs of this block's rows. */
struct xo_layout {
    const struct xo_hardware *hardware;         /* of this layer: borrowed                        */
    int slices, bits_per_cell;                  /* S, c                                           */
    int weight_bits;                            /* b_w                                            */
    size_t tile_rows, tile_outputs;             /* of a block                                     */
    size_t output_columns;                      /* how many columns of an array one output takes  */
    size_t planes, conversions;                 /* of a block                                     */
    struct xo_conversion *conversion;           /* [conversions], alike for every block           */
    size_t reference_column;                    /* XO_NONE: there is none                         */
    bool signed_codes;                          /* subtract: analog                               */
    double offset;                              /* decoding subtracts offset sum x: 2^(b_w-1) or 0 */
    struct xo_arena arena;
};
/* XO_EVALUE where the array has no size or is too narrow for one output's columns; XO_ETOOBIG beyond 2^26 cells. */
int xo_layout_new(struct xo_layout *out, const struct xo_hardware *h, const struct xo_codes *codes,
                  struct xo_info *info);
void xo_layout_free(struct xo_layout *layout);

size_t xo_layout_row_blocks(const struct xo_layout *layout, const struct xo_code_matrix *m);
size_t xo_layout_column_blocks(const struct xo_layout *layout, const struct xo_code_matrix *m);
/* Does the block hold any weight?  False only in block-diagonal matrices: such blocks have no array. */
bool xo_layout_block_used(const struct xo_layout *layout, const struct xo_code_matrix *m, size_t row_block,
                          size_t column_block);

/* Which slice and which side of a pair a column of a plane holds, and for which output of the block. */
struct xo_column_role { size_t output, slice; bool minus; };            /* output XO_NONE: unused or reference */
struct xo_column_role xo_layout_role(const struct xo_layout *layout, size_t plane, size_t column);

/* Digits of one physical array, and the conductances they are programmed to: off + digit (on - off)/(2^c - 1).
 *   digit        [array.rows][array.columns] out; XO_UNUSED where no weight lies: off_siemens, or 0 if unused_cell:
 *                open.  The cells of a reference column are 0, in all rows. */
enum { XO_UNUSED = 0xffff };
void xo_layout_digits(const struct xo_layout *layout, const struct xo_code_matrix *m, size_t row_block,
                      size_t column_block, size_t plane, uint16_t *digit);
double xo_digit_siemens(const struct xo_hardware *h, uint16_t digit);
/* off_siemens as the formulas take it: 0 where unused cells are open. */
double xo_off_siemens(const struct xo_hardware *h);

#endif
