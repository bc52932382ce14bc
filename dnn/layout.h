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

/* What a layer's weights are once quantised.  q holds one (inputs, outputs) matrix per part. */
struct xo_code_matrix {
    size_t inputs, outputs;            /* K, P                                                    */
    size_t first_input, first_output;  /* where they begin among the layer's, all groups together */
    const int32_t *q;                  /* [inputs][outputs]                                       */
    bool block_diagonal;               /* depthwise: blocks without any weight of a group are left out */
};
struct xo_codes {
    size_t matrices;
    struct xo_code_matrix *matrix;
    int32_t low, high;                 /* of all q: -128 asks for a wider magnitude                */
    int bits;                          /* mapping.weight_bits, or 8                                */
    bool by_channel;
    float *weight_scale;               /* [outputs of the layer] s_w; all alike unless by_channel  */
    struct xo_arena arena;
};
/* mapping.weight_clip, weight_scale, weight_bits; or the model's own integers, q' = q_w - o.
 * XO_EVALUE: weight_bits or input_bits other than 8 with such a model. */
int xo_codes_new(struct xo_codes *out, const struct xo_layer *layer, const struct xo_mapping *mapping,
                 struct xo_info *info);
/* The same for a plain matrix of weights [inputs][outputs], as W.npy holds it. */
int xo_codes_of_matrix(struct xo_codes *out, size_t inputs, size_t outputs, const double *weight,
                       const struct xo_mapping *mapping, struct xo_info *info);
void xo_codes_free(struct xo_codes *codes);

/* Inputs of a layer. */
struct xo_input_code {
    bool is_signed;
    int bits;                          /* b_x                                                     */
    float scale;                       /* s_x                                                     */
    int32_t low, high;                 /* clamp                                                   */
};
struct xo_input_code xo_input_code_of(const struct xo_mapping *mapping, double low, double high);   /* range seen or chosen */
int32_t xo_input_quantise(const struct xo_input_code *code, float x);

/* One pass of the inputs through the arrays: digit e of x in it, and its weight. */
struct xo_stream {
    int shift, bits;                   /* digit = (magnitude >> shift) & (2^bits - 1)             */
    int sign;                          /* two_phase: +1 or -1, which part of x; 0: unsigned x or two's complement bits */
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
    double weight;                     /* 2^(c slice); negative for minus and for the sign slice  */
    size_t reference;                  /* off_current: reference_column: which conversion; else XO_NONE */
};

struct xo_layout {
    const struct xo_hardware *hardware;         /* of this layer: borrowed                        */
    int slices, bits_per_cell;                  /* S, c                                           */
    size_t tile_rows, tile_outputs;             /* of a block                                     */
    size_t planes, conversions;                 /* of a block                                     */
    struct xo_conversion *conversion;           /* [conversions], alike for every block           */
    bool signed_codes;                          /* subtract: analog                               */
    double offset;                              /* decoding subtracts offset sum x: 2^(b_w-1) or 0 */
    struct xo_arena arena;
};
/* XO_EVALUE where an array is too narrow for one output's columns. */
int xo_layout_new(struct xo_layout *out, const struct xo_hardware *h, const struct xo_codes *codes, struct xo_info *info);
void xo_layout_free(struct xo_layout *layout);

size_t xo_layout_row_blocks(const struct xo_layout *layout, const struct xo_code_matrix *m);
size_t xo_layout_column_blocks(const struct xo_layout *layout, const struct xo_code_matrix *m);
/* Does the block hold any weight?  False only in block-diagonal matrices. */
bool xo_layout_block_used(const struct xo_layout *layout, const struct xo_code_matrix *m, size_t row_block,
                          size_t column_block);

/* Digits of one physical array, and the conductances they are programmed to.
 *   digit        [array.rows][array.columns] out; XO_UNUSED where no weight lies
 *   cell_siemens [array.rows][array.columns] out */
enum { XO_UNUSED = 0xffff };
void xo_layout_digits(const struct xo_layout *layout, const struct xo_code_matrix *m, size_t row_block,
                      size_t column_block, size_t plane, uint16_t *digit);
double xo_digit_siemens(const struct xo_hardware *h, uint16_t digit);
/* off_siemens as the formulas take it: 0 where unused cells are open. */
double xo_off_siemens(const struct xo_hardware *h);

#endif
