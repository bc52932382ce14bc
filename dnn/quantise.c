/* Floating-point weights -> integers and their scale; inputs -> integers (MAPPING: Weights, Inputs).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <float.h>
#include <math.h>
#include <string.h>
#include "layout.h"

/* Weights as they come, [groups][inputs][outputs]; and those that share a scale: every step-th from the first on. */
struct weights {
    const float *single;               /* or, from a W.npy, ... */
    const double *twice;
    size_t groups, inputs, outputs;    /* of a group */
};
struct share {
    const struct weights *all;
    size_t first, step, count;
};

static inline double weight_at(const struct share *s, size_t k)
{
    size_t at = s->first + k * s->step;
    return s->all->single ? (double)s->all->single[at] : s->all->twice[at];
}

/* ---- W_clip --------------------------------------------------------------------------------------- */

static double largest(const struct share *s)
{
    double most = 0;
    for (size_t k = 0; k < s->count; k++)
        most = fmax(most, fabs(weight_at(s, k)));
    return most;
}

/* The k-th smallest |w|, k from 0.  Positive numbers are in the order of their bits, so these are found from the top,
 * 11 at a time, by counting: nothing is sorted or copied. */
static double order_statistic(const struct share *s, size_t k)
{
    enum { DIGITS = 6, BITS = 11 };
    uint64_t found = 0, bits;
    double value;
    for (int digit = DIGITS - 1; digit >= 0; digit--) {
        size_t count[1 << BITS] = {0}, bin = 0;
        int below = digit * BITS, above = below + BITS;
        for (size_t n = 0; n < s->count; n++) {
            value = fabs(weight_at(s, n));
            memcpy(&bits, &value, sizeof bits);
            if (above >= 64 || bits >> above == found >> above)
                count[bits >> below & ((1 << BITS) - 1)]++;
        }
        while (k >= count[bin])
            k -= count[bin++];
        found |= (uint64_t)bin << below;
    }
    memcpy(&value, &found, sizeof value);
    return value;
}

/* The next one: again the same if there are more of it. */
static double next_statistic(const struct share *s, size_t k, double value)
{
    double next = INFINITY;
    size_t upto = 0;                   /* values not above it */
    for (size_t n = 0; n < s->count; n++) {
        double magnitude = fabs(weight_at(s, n));
        upto += magnitude <= value;
        if (magnitude > value && magnitude < next)
            next = magnitude;
    }
    return upto > k + 1 ? value : next;
}

static double percentile(const struct share *s, double p)
{
    double place = p / 100 * (double)(s->count - 1), whole = floor(place);
    size_t k = (size_t)whole;
    double low = order_statistic(s, k);
    return place > whole ? low + (place - whole) * (next_statistic(s, k, low) - low) : low;
}

static double deviation(const struct share *s)
{
    double sum = 0, square = 0, mean;
    for (size_t k = 0; k < s->count; k++)
        sum += weight_at(s, k);
    mean = sum / (double)s->count;
    for (size_t k = 0; k < s->count; k++)
        square += (weight_at(s, k) - mean) * (weight_at(s, k) - mean);
    return sqrt(square / (double)s->count);
}

static double clip_of(const struct share *s, const struct xo_clip *clip)
{
    if (!s->count)
        return 0;
    if (clip->rule == XO_CLIP_PERCENTILE)
        return percentile(s, clip->value);
    return clip->rule == XO_CLIP_SIGMA ? clip->value * deviation(s) : largest(s);
}

/* ---- weights -------------------------------------------------------------------------------------- */

static void quantise_share(int16_t *q, const struct share *s, double scale, int32_t high)
{
    for (size_t k = 0; k < s->count; k++) {
        double level = rint(weight_at(s, k) / scale);
        q[s->first + k * s->step] = (int16_t)(level > high ? high : !(level > -high) ? -high : level);
    }
}

/* All weights that share a scale: the scale into scale[0], scale[1], ... of `scales` outputs. */
static int scale_share(struct xo_codes *codes, int16_t *q, const struct share *s, const struct xo_clip *clip,
                       float *scale, size_t scales, struct xo_info *info)
{
    int32_t high = (1 << (codes->bits - 1)) - 1;
    double exact = clip_of(s, clip) / high;
    if (!(exact <= FLT_MAX))
        return xo_fail(info, XO_EVALUE, "layer %s: found weights up to %.3g; expected a scale below %.3g",
                       codes->name, largest(s), (double)FLT_MAX);
    float s_w = (float)exact > 0 ? (float)exact : 1;
    for (size_t k = 0; k < scales; k++)
        scale[k] = s_w;
    quantise_share(q, s, s_w, high);
    return 0;
}

static int quantise(struct xo_codes *codes, int16_t *q, const struct weights *w, const struct xo_mapping *mapping,
                    struct xo_info *info)
{
    size_t outputs = w->groups * w->outputs;
    int status = 0;
    if (!codes->by_channel)
        return scale_share(codes, q, &(struct share){ w, 0, 1, outputs * w->inputs }, &mapping->weight_clip,
                           codes->weight_scale, outputs, info);
    for (size_t j = 0; j < outputs && !status; j++) {
        size_t first = j / w->outputs * w->inputs * w->outputs + j % w->outputs;
        status = scale_share(codes, q, &(struct share){ w, first, w->outputs, w->inputs }, &mapping->weight_clip,
                             codes->weight_scale + j, 1, info);
    }
    return status;
}

/* The model's own: q' = q_w - o. */
static void take_integers(struct xo_codes *codes, int16_t *q, const struct weights *w,
                          const struct xo_model_integers *integers)
{
    size_t outputs = w->groups * w->outputs, count = outputs * w->inputs;
    for (size_t k = 0; k < count; k++)
        q[k] = integers->weight_unsigned ? (int16_t)(((const uint8_t *)integers->weight)[k] - 128)
                                         : ((const int8_t *)integers->weight)[k];
    for (size_t j = 0; j < outputs; j++) {
        codes->weight_scale[j] = integers->weight_scale[j];
        codes->by_channel |= codes->weight_scale[j] != codes->weight_scale[0];
    }
}

/* One matrix per group, or all groups in one. */
static int cut_matrices(struct xo_codes *codes, const struct weights *w, bool together)
{
    size_t groups = together ? w->groups : 1;
    codes->matrices = together ? 1 : w->groups;
    codes->matrix = xo_arena_alloc(&codes->arena, codes->matrices, sizeof *codes->matrix);
    if (!codes->matrix)
        return ENOMEM;
    for (size_t g = 0; g < codes->matrices; g++)
        codes->matrix[g] = (struct xo_code_matrix){
            .inputs = groups * w->inputs, .outputs = groups * w->outputs,
            .first_input = g * w->inputs, .first_output = g * w->outputs,
            .block_inputs = w->inputs, .block_outputs = w->outputs,
            .q = codes->q + g * w->inputs * w->outputs,
        };
    return 0;
}

static void find_extremes(struct xo_codes *codes, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        codes->low = codes->q[k] < codes->low ? codes->q[k] : codes->low;
        codes->high = codes->q[k] > codes->high ? codes->q[k] : codes->high;
    }
}

static int codes_new(struct xo_codes *out, const char *name, const struct weights *w, bool together,
                     const struct xo_model_integers *integers, const struct xo_mapping *mapping, struct xo_info *info)
{
    size_t outputs = w->groups * w->outputs;
    struct xo_codes codes = { .name = name, .bits = integers ? 8 : mapping->weight_bits,
                              .by_channel = !integers && mapping->weight_scale == XO_SCALE_CHANNEL };
    int16_t *q = xo_arena_alloc(&codes.arena, w->inputs * outputs, sizeof *q);
    int status = 0;
    codes.q = q;
    codes.weight_scale = xo_arena_alloc(&codes.arena, outputs, sizeof *codes.weight_scale);
    if (!q || !codes.weight_scale || cut_matrices(&codes, w, together))
        status = ENOMEM;
    else if (integers)
        take_integers(&codes, q, w, integers);
    else
        status = quantise(&codes, q, w, mapping, info);
    if (status) {
        xo_codes_free(&codes);
        return status;
    }
    find_extremes(&codes, w->inputs * outputs);
    *out = codes;
    return 0;
}

static int refuse_bits(const struct xo_layer *layer, const char *key, int bits, struct xo_info *info)
{
    return xo_fail(info, XO_EVALUE, "layer %s: found mapping.%s %d; expected 8, as the model brings its own 8-bit "
                   "integers", layer->name, key, bits);
}

bool xo_layer_is_depthwise(const struct xo_layer *layer)
{
    return layer->is_convolution && layer->groups > 1 &&
           layer->inputs == layer->window.kernel[0] * layer->window.kernel[1];
}

int xo_codes_new(struct xo_codes *out, const struct xo_layer *layer, const struct xo_mapping *mapping,
                 struct xo_info *info)
{
    const struct weights w = { layer->weight, NULL, layer->groups, layer->inputs, layer->outputs };
    if (layer->has_integers && mapping->weight_bits != 8)
        return refuse_bits(layer, "weight_bits", mapping->weight_bits, info);
    if (layer->has_integers && mapping->input_bits != 8)
        return refuse_bits(layer, "input_bits", mapping->input_bits, info);
    return codes_new(out, layer->name, &w, xo_layer_is_depthwise(layer),
                     layer->has_integers ? &layer->integers : NULL, mapping, info);
}

int xo_codes_of_matrix(struct xo_codes *out, const char *name, size_t inputs, size_t outputs, const double *weight,
                       const struct xo_mapping *mapping, struct xo_info *info)
{
    const struct weights w = { NULL, weight, 1, inputs, outputs };
    return codes_new(out, name, &w, false, NULL, mapping, info);
}

void xo_codes_free(struct xo_codes *codes)
{
    if (!codes)
        return;
    xo_arena_free(&codes->arena);
    memset(codes, 0, sizeof *codes);
}

/* ---- inputs --------------------------------------------------------------------------------------- */

int xo_input_code_of(struct xo_input_code *out, const struct xo_mapping *mapping, double low, double high,
                     struct xo_info *info)
{
    struct xo_input_code code = { .is_signed = low < 0, .bits = mapping->input_bits };
    double range = fmax(-low, high);
    if (code.is_signed && code.bits < 2)
        return xo_fail(info, XO_EVALUE, "mapping.input_bits: found %d for inputs of both signs; expected 2 or more",
                       code.bits);
    if (!(range <= FLT_MAX))
        return xo_fail(info, XO_EVALUE, "found inputs from %.3g to %.3g; expected them below %.3g", low, high,
                       (double)FLT_MAX);
    code.high = (1 << (code.bits - code.is_signed)) - 1;
    code.low = code.is_signed ? -code.high : 0;
    code.scale = (float)(range / code.high);
    if (!(code.scale > 0))
        code.scale = 1;
    *out = code;
    return 0;
}

struct xo_input_code xo_input_code_of_integers(const struct xo_model_integers *integers)
{
    return (struct xo_input_code){ .bits = 8, .scale = integers->input_scale, .high = 255 };
}

int32_t xo_input_quantise(const struct xo_input_code *code, float x)
{
    double level = rint((double)x / code->scale);
    return !(level > code->low) ? code->low : level > code->high ? code->high : (int32_t)level;
}

/* Streams of `bits` bits out of `all`, with a sign; returns how many there are now. */
static size_t add_streams(struct xo_stream *stream, size_t count, int all, int bits, int sign)
{
    for (int shift = 0; shift < all; shift += bits)
        stream[count++] = (struct xo_stream){
            .shift = shift, .bits = all - shift < bits ? all - shift : bits, .sign = sign,
            .weight = ldexp(sign < 0 ? -1 : 1, shift),
        };
    return count;
}

size_t xo_streams_of(struct xo_stream stream[XO_MAX_STREAMS], const struct xo_input_code *code,
                     const struct xo_mapping *mapping, const struct xo_dac *dac)
{
    size_t count;
    if (!code->is_signed)
        return add_streams(stream, 0, code->bits, dac->bits, 0);
    if (mapping->input_sign == XO_INPUT_TWO_PHASE) {
        count = add_streams(stream, 0, code->bits - 1, dac->bits, 1);
        return add_streams(stream, count, code->bits - 1, dac->bits, -1);
    }
    count = add_streams(stream, 0, code->bits - 1, dac->bits, 0);
    stream[count++] = (struct xo_stream){ code->bits - 1, 1, 0, -ldexp(1, code->bits - 1) };
    return count;
}

uint32_t xo_stream_digit(const struct xo_stream *stream, int32_t x)
{
    uint32_t part = stream->sign < 0 ? (x < 0 ? -(uint32_t)x : 0) : stream->sign > 0 && x < 0 ? 0 : (uint32_t)x;
    return part >> stream->shift & ((1u << stream->bits) - 1);
}
