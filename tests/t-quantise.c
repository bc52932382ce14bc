/* Weights and inputs become integers: MAPPING's formulas by hand, and percentiles against sorting.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "layout.h"
#include "tap.h"

static struct xo_info info;

static struct xo_mapping mapping_of(int weight_bits, enum xo_clip_rule rule, double value)
{
    return (struct xo_mapping){ .weight_bits = weight_bits, .input_bits = 8, .weight_clip = { rule, value } };
}

/* One group, weights [inputs][outputs]. */
static struct xo_layer layer_of(size_t inputs, size_t outputs, float *weight)
{
    return (struct xo_layer){ .name = "fc1", .groups = 1, .inputs = inputs, .outputs = outputs, .weight = weight,
                              .window = { .kernel = { 1, 1 } } };
}

static struct xo_codes codes_of(const struct xo_layer *l, const struct xo_mapping *m)
{
    struct xo_codes codes = { 0 };
    if (xo_codes_new(&codes, l, m, &info))
        printf("# %s\n", info.text);
    return codes;
}

/* Do integers and scale come out as worked out by hand? */
static void quantises(size_t count, float *weight, struct xo_mapping m, double clip, const int *want,
                      const char *fact)
{
    struct xo_layer l = layer_of(count, 1, weight);
    struct xo_codes codes = codes_of(&l, &m);
    float scale = (float)(clip / ((1 << (m.weight_bits - 1)) - 1));
    int same = codes.q && codes.weight_scale[0] == scale;
    for (size_t k = 0; k < count && codes.q; k++) {
        same &= codes.q[k] == want[k];
        if (codes.q[k] != want[k])
            printf("# q[%zu] %d, want %d\n", k, codes.q[k], want[k]);
    }
    if (codes.q && codes.weight_scale[0] != scale)
        printf("# s_w %.9g, want %.9g\n", (double)codes.weight_scale[0], (double)scale);
    tap_ok(same, "%s", fact);
    xo_codes_free(&codes);
}

static void weights_by_hand(void)
{
    quantises(7, (float[]){ 127, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -126.5f }, mapping_of(8, XO_CLIP_MAX, 0), 127,
              (int[]){ 127, 0, 2, 2, 0, -2, -126 }, "max: s_w = 127/127; halves go to even");
    quantises(4, (float[]){ -3, 1, 0.25f, 2 }, mapping_of(3, XO_CLIP_MAX, 0), 3, (int[]){ -3, 1, 0, 2 },
              "weight_bits 3: +-3");
    quantises(4, (float[]){ -3, 1, 0.25f, 2 }, mapping_of(2, XO_CLIP_MAX, 0), 3, (int[]){ -1, 0, 0, 1 },
              "weight_bits 2: -1, 0, 1");
    quantises(2, (float[]){ -1, 0.5f }, mapping_of(16, XO_CLIP_MAX, 0), 1, (int[]){ -32767, 16384 },
              "weight_bits 16: +-32767, and 16383.5 goes to even");
    quantises(5, (float[]){ 0, -10, 20, 30, -40 }, mapping_of(8, XO_CLIP_PERCENTILE, 50), 20,
              (int[]){ 0, -64, 127, 127, -127 }, "percentile 50 of 0 10 20 30 40 is 20; beyond, clamped");
    quantises(5, (float[]){ 0, -10, 20, 30, -40 }, mapping_of(8, XO_CLIP_PERCENTILE, 90), 36,
              (int[]){ 0, -35, 71, 106, -127 }, "percentile 90: at place 3.6, so 36");
    quantises(4, (float[]){ 5, 5, 5, -8 }, mapping_of(8, XO_CLIP_PERCENTILE, 50), 5, (int[]){ 127, 127, 127, -127 },
              "percentile among equal ones");
    quantises(4, (float[]){ 1, 5, 3, 7 }, mapping_of(8, XO_CLIP_SIGMA, 2), 2 * sqrt(5),
              (int[]){ 28, 127, 85, 127 }, "sigma 2: twice sqrt(((1-4)^2 + (5-4)^2 + (3-4)^2 + (7-4)^2)/4)");
    quantises(3, (float[]){ 0, 0, 0 }, mapping_of(8, XO_CLIP_MAX, 0), 127, (int[]){ 0, 0, 0 },
              "nothing but zeros: s_w = 1");
}

static void a_channel_has_a_scale_of_its_own(void)
{
    float weight[2][2][2] = { { { 127, 1 }, { 1, 2 } }, { { 254, 3 }, { 2, 6 } } };      /* [group][input][output] */
    const int want_layer[] = { 64, 0, 0, 1, 127, 2, 1, 3 }, want_channel[] = { 127, 64, 1, 127, 127, 64, 1, 127 };
    struct xo_layer l = layer_of(2, 2, **weight);
    struct xo_mapping m = mapping_of(8, XO_CLIP_MAX, 0);
    l.groups = 2;
    struct xo_codes codes = codes_of(&l, &m);
    int same = codes.matrices == 2 && !codes.by_channel;
    for (int k = 0; k < 8; k++)
        same &= codes.q[k] == want_layer[k];
    tap_ok(same && codes.weight_scale[0] == 2 && codes.weight_scale[3] == 2, "layer: one scale, all groups together");
    tap_ok(codes.low == 0 && codes.high == 127, "the extremes are noted");
    xo_codes_free(&codes);
    m.weight_scale = XO_SCALE_CHANNEL;
    codes = codes_of(&l, &m);
    same = codes.by_channel;
    for (int k = 0; k < 8; k++)
        same &= codes.q[k] == want_channel[k];
    tap_ok(same && codes.weight_scale[0] == 1 && codes.weight_scale[1] == 2.0f / 127 && codes.weight_scale[2] == 2
           && codes.weight_scale[3] == 6.0f / 127, "channel: each output its own");
    tap_ok(codes.matrix[1].q == codes.q + 4 && codes.matrix[1].first_input == 2 && codes.matrix[1].first_output == 2
           && xo_code_at(&codes.matrix[1], 1, 0) == 1, "the second group's matrix");
    xo_codes_free(&codes);
}

/* ---- percentiles and deviations, a second way ----------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void percentiles_agree_with_sorting(void)
{
    enum { N = 1001 };
    static const double p[] = { 1e-6, 0.1, 12.34, 50, 99, 99.5, 99.99, 100 };
    static double weight[N], sorted[N];
    unsigned long long seed = 3;
    int same = 1;
    printf("# seed 3\n");
    for (int k = 0; k < N; k++) {
        weight[k] = (tap_uniform(&seed) - 0.5) * pow(10, 6 * tap_uniform(&seed));
        weight[k] = k % 7 ? weight[k] : 0.25;
        sorted[k] = fabs(weight[k]);
    }
    qsort(sorted, N, sizeof *sorted, ascending);
    for (size_t k = 0; k < sizeof p / sizeof *p; k++) {
        struct xo_mapping m = mapping_of(8, XO_CLIP_PERCENTILE, p[k]);
        struct xo_codes codes = { 0 };
        double place = p[k] / 100 * (N - 1);
        size_t low = (size_t)place, high = low + 1 < N ? low + 1 : low;
        double want = sorted[low] + (place - (double)low) * (sorted[high] - sorted[low]);
        if (xo_codes_of_matrix(&codes, "W", N, 1, weight, &m, &info))
            printf("# %s\n", info.text);
        same &= codes.weight_scale[0] == (float)(want / 127);
        xo_codes_free(&codes);
    }
    tap_ok(same, "eight percentiles of %d weights over six decades", N);
}

/* ---- a model's own integers ----------------------------------------------------------------------------- */

static struct xo_layer layer_with_integers(const void *weight, bool is_unsigned, float *scale)
{
    struct xo_layer l = layer_of(2, 2, NULL);
    l.has_integers = true;
    l.integers = (struct xo_model_integers){ .weight = weight, .weight_unsigned = is_unsigned, .weight_scale = scale,
                                             .input_scale = 0.5f, .input_zero = -3 };
    return l;
}

static void a_models_own_integers_are_kept(void)
{
    static const int8_t with_sign[] = { -128, 127, 0, -1 };
    static const uint8_t without[] = { 0, 255, 128, 127 };
    float scale[] = { 0.25f, 0.5f };
    struct xo_mapping m = mapping_of(8, XO_CLIP_MAX, 0);
    for (int k = 0; k < 2; k++) {
        struct xo_layer l = layer_with_integers(k ? (const void *)without : with_sign, k, scale);
        struct xo_codes codes = codes_of(&l, &m);
        tap_ok(codes.q && codes.q[0] == -128 && codes.q[1] == 127 && codes.q[2] == 0 && codes.q[3] == -1
               && codes.low == -128 && codes.bits == 8, k ? "uint8: q' = q_w - 128" : "int8: q' = q_w");
        tap_ok(codes.by_channel && codes.weight_scale[0] == 0.25f && codes.weight_scale[1] == 0.5f, "and its scales");
        xo_codes_free(&codes);
    }
    struct xo_layer l = layer_with_integers(with_sign, false, scale);
    struct xo_codes codes;
    m.weight_bits = 6;
    tap_ok(xo_codes_new(&codes, &l, &m, &info) == XO_EVALUE, "weight_bits 6 for such a model");
    tap_equal_text(info.text, "layer fc1: found mapping.weight_bits 6; expected 8, as the model brings its own 8-bit "
                   "integers", "layer and key are named");
    m = mapping_of(8, XO_CLIP_MAX, 0);
    m.input_bits = 4;
    tap_ok(xo_codes_new(&codes, &l, &m, &info) == XO_EVALUE
           && strstr(info.text, "layer fc1: found mapping.input_bits 4"), "input_bits 4 for such a model");
    struct xo_input_code code = xo_input_code_of_integers(&l.integers);
    tap_ok(!code.is_signed && code.bits == 8 && code.scale == 0.5f && code.low == 0 && code.high == 255,
           "its inputs are unsigned bytes");
}

static void weights_without_a_scale_are_refused(void)
{
    const double weight[] = { 1, 1e300 };
    struct xo_mapping m = mapping_of(8, XO_CLIP_MAX, 0);
    struct xo_codes codes;
    tap_ok(xo_codes_of_matrix(&codes, "W", 2, 1, weight, &m, &info) == XO_EVALUE, "1e300 has no float32 scale");
    tap_equal_text(info.text, "layer W: found weights up to 1e+300; expected a scale below 3.4e+38", "and says so");
}

/* ---- inputs --------------------------------------------------------------------------------------------- */

static struct xo_input_code input_code(int bits, double low, double high)
{
    struct xo_mapping m = { .input_bits = bits };
    struct xo_input_code code = { 0 };
    if (xo_input_code_of(&code, &m, low, high, &info))
        printf("# %s\n", info.text);
    return code;
}

static void inputs_by_hand(void)
{
    struct xo_input_code code = input_code(8, 0, 255);
    struct xo_mapping one = { .input_bits = 1 };
    tap_ok(!code.is_signed && code.scale == 1 && xo_input_quantise(&code, 2.5f) == 2
           && xo_input_quantise(&code, 3.5f) == 4 && xo_input_quantise(&code, 300) == 255
           && xo_input_quantise(&code, -1) == 0, "nothing negative: unsigned, halves to even, clamped to 0..255");
    code = input_code(8, -1e-30, 254);
    tap_ok(code.is_signed && code.scale == 2 && xo_input_quantise(&code, -3) == -2
           && xo_input_quantise(&code, -1000) == -127 && xo_input_quantise(&code, 1000) == 127,
           "anything negative: signed, range over 127, clamped to +-127");
    code = input_code(4, -3, 2);
    tap_ok(code.scale == 3.0f / 7 && code.high == 7 && code.low == -7, "the larger side is the range");
    code = input_code(4, 0, 0);
    tap_ok(code.scale == 1 && xo_input_quantise(&code, 0) == 0, "no input at all: s_x = 1");
    code = input_code(1, 0, 6);
    tap_ok(code.scale == 6 && xo_input_quantise(&code, 3.1f) == 1 && xo_input_quantise(&code, 3) == 0, "one bit");
    code = input_code(8, 0, 1);
    tap_ok(xo_input_quantise(&code, NAN) == 0 && xo_input_quantise(&code, INFINITY) == 255,
           "not a number is the lowest");
    tap_ok(xo_input_code_of(&code, &one, -1, 1, &info) == XO_EVALUE, "%s", info.text);
    tap_ok(xo_input_code_of(&code, &one, 0, INFINITY, &info) == XO_EVALUE, "%s", info.text);
}

/* sum over streams of weight times digit is x: for every x, every dac.bits. */
static int streams_add_up(int bits, bool is_signed, enum xo_input_sign sign, int dac_bits, size_t want)
{
    struct xo_input_code code = input_code(bits, is_signed ? -1 : 0, 1);
    struct xo_mapping m = { .input_bits = bits, .input_sign = sign };
    struct xo_dac dac = { .bits = dac_bits };
    struct xo_stream stream[XO_MAX_STREAMS];
    size_t count = xo_streams_of(stream, &code, &m, &dac);
    int same = count == want;
    for (int32_t x = code.low; x <= code.high; x++) {
        double sum = 0;
        for (size_t t = 0; t < count; t++) {
            uint32_t digit = xo_stream_digit(&stream[t], x);
            sum += stream[t].weight * digit;
            same &= digit < 1u << dac_bits;
        }
        same &= sum == x;
    }
    if (!same)
        printf("# %d bits, %s, dac %d: %zu streams, want %zu\n", bits, is_signed ? "signed" : "unsigned", dac_bits,
               count, want);
    return same;
}

static void streams_by_hand(void)
{
    struct xo_input_code code = input_code(8, -1, 1);
    struct xo_mapping m = { .input_bits = 8 };
    struct xo_dac dac = { .bits = 3 };
    struct xo_stream s[XO_MAX_STREAMS];
    tap_ok(xo_streams_of(s, &code, &m, &dac) == 6 && s[1].shift == 3 && s[1].weight == 8 && s[2].bits == 1
           && s[5].weight == -64, "two phases of 7 bits by 3: 1, 8, 64, -1, -8, -64");
    tap_ok(xo_stream_digit(&s[1], 0x5b) == 3 && xo_stream_digit(&s[4], 0x5b) == 0
           && xo_stream_digit(&s[4], -0x5b) == 3, "91 = 1 011 011: the middle digit is 3, in its own phase");
    m.input_sign = XO_INPUT_TWOS_COMPLEMENT;
    tap_ok(xo_streams_of(s, &code, &m, &dac) == 4 && s[3].weight == -128 && s[3].bits == 1, "1, 8, 64, -128");
    tap_ok(xo_stream_digit(&s[0], -3) == 5 && xo_stream_digit(&s[1], -3) == 7 && xo_stream_digit(&s[2], -3) == 1
           && xo_stream_digit(&s[3], -3) == 1, "-3 = 1 1 111 101");
}

static void streams_add_up_to_the_input(void)
{
    int same[3] = { 1, 1, 1 };
    for (int bits = 1; bits <= 10; bits++)
        for (int a = 1; a <= 12; a++) {
            size_t magnitude = (size_t)((bits - 1 + a - 1) / a);
            same[0] &= streams_add_up(bits, false, XO_INPUT_TWO_PHASE, a, (size_t)((bits + a - 1) / a));
            same[1] &= bits < 2 || streams_add_up(bits, true, XO_INPUT_TWO_PHASE, a, 2 * magnitude);
            same[2] &= bits < 2 || streams_add_up(bits, true, XO_INPUT_TWOS_COMPLEMENT, a, 1 + magnitude);
        }
    same[1] &= streams_add_up(16, true, XO_INPUT_TWO_PHASE, 1, 30);
    tap_ok(same[0], "unsigned: ceil(b_x/a) streams add up to every x, 1..10 bits by 1..12");
    tap_ok(same[1], "two phases: 2 ceil((b_x-1)/a)");
    tap_ok(same[2], "two's complement: 1 + ceil((b_x-1)/a)");
}

int main(void)
{
    weights_by_hand();
    a_channel_has_a_scale_of_its_own();
    percentiles_agree_with_sorting();
    a_models_own_integers_are_kept();
    weights_without_a_scale_are_refused();
    inputs_by_hand();
    streams_by_hand();
    streams_add_up_to_the_input();
    return tap_done();
}
