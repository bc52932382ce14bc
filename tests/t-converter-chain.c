/* The converter chain of MAPPING, written here once more in float64, conversion by conversion and in amperes, against
 * the engine: coarse and calibrated ADCs, errors of DAC and ADC, gains, off-currents in all three ways, on every set
 * of instructions.  Where a code is closer to the edge between two than float32 can tell, either is right.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "chain.h"
#include "tap.h"

static struct outcome try(struct one_layer o, const char *const *settings)
{
    xo_engine_dnn *e = NULL;
    struct xo_info info = { "" };
    struct outcome out = { 0 };
    struct chain c;
    int status = one_layer_new(&o, settings);
    if (!status)
        status = one_layer_engine(&e, &o, &info);
    if (!status)
        chain_new(&c, &o);
    if (!status)
        chain_set_converters(&c);
    for (int simd = XO_SIMD_PORTABLE; simd <= XO_SIMD_AVX512 && !status; simd++) {
        if (!xo_simd_available((enum xo_simd)simd))
            continue;
        xo_engine_dnn_simd(e, (enum xo_simd)simd);
        status = one_layer_run(&o, e, XO_STAGE_CONVERTERS, 3, NULL, &info);
        chain_judge(&out, &c, xo_simd_name((enum xo_simd)simd));
    }
    if (status) {
        printf("# status %d: %s\n", status, info.text);
        out.wrong = SIZE_MAX;
    } else {
        chain_free(&c);
    }
    xo_engine_dnn_free(e);
    one_layer_free(&o);
    return out;
}

static const struct one_layer dense = { .images = 4, .channels = 52, .outputs = 21, .seed = 11 };
static const struct one_layer single = { .images = 1, .channels = 70, .outputs = 21, .seed = 12 };  /* for gains */

#define SETTINGS 24
static int check(const struct one_layer *o, const char *name, const char *const *base, const char *const *more)
{
    const char *set[SETTINGS];
    size_t count = 0;
    for (; *base; base++)
        set[count++] = *base;
    for (; more && *more; more++)
        set[count++] = *more;
    set[count] = NULL;
    struct outcome out = try(*o, set);
    printf("# %zu results, %zu without a code at an edge\n", out.results, out.certain);
    return tap_ok(!out.wrong && out.certain * 8 > out.results, "%s: the chain's results", name);
}

static const char *const tiles[] = { "array.rows=32", "array.columns=24", "gain.scope=none", "mapping.input_bits=4",
                                     NULL };

struct converter { const char *name, *set[8]; };
static const struct converter converter[] = {
    { "8 bits calibrated", { NULL } },
    { "5 bits calibrated by tile", { "adc.bits=5", "adc.range_scope=tile", "adc.quantile=0.01", NULL } },
    { "6 bits calibrated by column", { "adc.bits=6", "adc.range_scope=column", "adc.quantile=0.02", NULL } },
    { "6 bits full", { "adc.bits=6", "adc.range=full", NULL } },
    { "7 bits granular", { "adc.bits=7", "adc.range=granular", NULL } },
    { "7 bits fixed", { "adc.bits=7", "adc.range=fixed", "adc.low_ampere=-1.3e-5", "adc.high_ampere=2.1e-5", NULL } },
    { "ADC with gain and offset errors", { "adc.gain_error=0.03", "adc.offset_lsb=-0.8", NULL } },
    { "ADC with INL", { "adc.inl_lsb=[1.5, -3, 1.2]", "adc.bits=7", NULL } },
    { "DAC with errors", { "dac.gain_error=-0.04", "dac.offset_volt=0.003", "dac.inl_volt=[0.002, 0.004]",
                           "adc.range=full", "adc.bits=9", NULL } },
    { "2-bit DAC with errors", { "dac.bits=2", "dac.gain_error=-0.04", "dac.offset_volt=0.003",
                                 "dac.inl_volt=[0.002, 0.004]", "mapping.input_bits=5", "adc.range=full", NULL } },
    { "3-bit DAC, 3-bit cells", { "dac.bits=3", "device.bits_per_cell=3", "adc.bits=10", NULL } },
    { "8-bit DAC, 12-bit ADC", { "dac.bits=8", "adc.bits=12", NULL } },
    { "8-bit DAC with INL, 14-bit ADC", { "dac.bits=8", "adc.bits=14", "dac.inl_volt=[0.002, 0.004]",
                                          "adc.range=full", NULL } },
};
enum { CONVERTERS = sizeof converter / sizeof *converter };

static void every_way_with_every_converter(void)
{
    struct one_layer both = dense;
    both.is_signed = 1;
    for (int w = 0; w < CHAIN_WAYS; w++)
        for (int c = 0; c < CONVERTERS; c++) {
            const char *more[SETTINGS];
            char name[128];
            size_t count = 0;
            for (int k = 0; chain_way[w].set[k]; k++)
                more[count++] = chain_way[w].set[k];
            for (int k = 0; converter[c].set[k]; k++)
                more[count++] = converter[c].set[k];
            more[count] = NULL;
            snprintf(name, sizeof name, "%s, %s", chain_way[w].name, converter[c].name);
            check((w + c) % 2 ? &dense : &both, name, tiles, more);
        }
}

static void gains(void)
{
    static const char *const base[] = { "array.rows=32", "array.columns=24", "dac.bits=2", "mapping.input_bits=2",
                                        "adc.bits=5", NULL };
    static const struct converter gain[] = {
        { "gain of arrays", { "gain.scope=array", NULL } },
        { "gain of columns", { "gain.scope=column", NULL } },
        { "gain of columns in the reference", { "gain.scope=column", "gain.where=reference", NULL } },
        { "gain of arrays in the reference", { "gain.scope=array", "gain.where=reference", "adc.range_scope=column",
                                               NULL } },
        { "gain of columns, ranges by tile", { "gain.scope=column", "adc.range_scope=tile", NULL } },
        { "gain of columns, with errors to undo", { "gain.scope=column", "adc.gain_error=-0.1", "dac.gain_error=0.05",
                                                    "adc.range=full", NULL } },
        { "oracle", { "gain.scope=column", "gain.source=oracle", NULL } },
    };
    for (int w = 0; w < CHAIN_WAYS; w++)
        for (size_t g = 0; g < sizeof gain / sizeof *gain; g++) {
            const char *more[SETTINGS];
            char name[128];
            size_t count = 0;
            for (int k = 0; chain_way[w].set[k]; k++)
                more[count++] = chain_way[w].set[k];
            for (int k = 0; gain[g].set[k]; k++)
                more[count++] = gain[g].set[k];
            more[count] = NULL;
            snprintf(name, sizeof name, "%s, %s", chain_way[w].name, gain[g].name);
            check(&single, name, base, more);
        }
}

/* ---- every key matters ------------------------------------------------------------------------------- */

static float *results_of(struct one_layer o, const char *const *base, const char *more, size_t *count)
{
    const char *set[SETTINGS];
    xo_engine_dnn *e = NULL;
    struct xo_info info = { "" };
    size_t settings = 0;
    for (; base[settings]; settings++)
        set[settings] = base[settings];
    set[settings] = more;
    set[settings + 1] = NULL;
    int status = one_layer_new(&o, set);
    if (!status)
        status = one_layer_engine(&e, &o, &info);
    if (!status)
        status = one_layer_run(&o, e, XO_STAGE_CONVERTERS, 2, NULL, &info);
    if (status)
        printf("# %s: status %d: %s\n", more ? more : "-", status, info.text);
    *count = one_layer_results(&o);
    float *y = malloc(*count * sizeof *y);
    memcpy(y, o.y, *count * sizeof *y);
    xo_engine_dnn_free(e);
    one_layer_free(&o);
    return status ? NULL : y;
}

static int differs(const struct one_layer *o, const char *const *base, const char *key)
{
    size_t count;
    float *a = results_of(*o, base, NULL, &count), *b = results_of(*o, base, key, &count);
    int different = a && b && memcmp(a, b, count * sizeof *a);
    int same = a && b && !memcmp(a, b, count * sizeof *a);
    free(a);
    free(b);
    return different ? 1 : same ? 0 : -1;
}

static void every_key_changes_the_result(void)
{
    static const char *const base[] = { "array.rows=32", "array.columns=24", "dac.bits=2", "adc.bits=6", NULL };
    static const char *const fixed[] = { "array.rows=32", "array.columns=24", "dac.bits=2", "adc.bits=6",
                                         "adc.range=fixed", "adc.low_ampere=-1.3e-5", "adc.high_ampere=1.3e-5",
                                         "gain.scope=none", NULL };
    static const char *const offset[] = { "array.rows=32", "array.columns=24", "mapping.sign=offset", "adc.bits=4",
                                          NULL };
    static const struct { const char *const *base, *key; } change[] = {
        { base, "dac.bits=1" }, { fixed, "dac.read_volt=0.3" }, { fixed, "dac.gain_error=0.1" },
        { base, "dac.offset_volt=0.01" }, { fixed, "dac.inl_volt=[0.01]" }, { base, "dac.noise_volt=0.01" },
        { base, "adc.bits=7" }, { base, "adc.range=full" }, { base, "adc.range=granular" },
        { base, "adc.range_scope=tile" }, { base, "adc.range_scope=column" }, { base, "adc.quantile=0.01" },
        { fixed, "adc.low_ampere=-1.2e-5" }, { fixed, "adc.high_ampere=1.2e-5" }, { base, "adc.gain_error=0.1" },
        { base, "adc.offset_lsb=0.6" }, { base, "adc.inl_lsb=[0.9]" }, { base, "adc.noise_lsb=0.5" },
        { base, "gain.scope=none" }, { base, "gain.scope=column" }, { base, "gain.where=reference" },
        { base, "gain.source=oracle" }, { base, "gain.vectors=3" }, { base, "device.bits_per_cell=3" },
        { fixed, "device.on_siemens=2e-5" }, { offset, "device.off_siemens=2e-6" }, { base, "array.rows=31" },
        { base, "mapping.subtract=digital" }, { base, "mapping.sign=offset" },
        { base, "mapping.sign=twos_complement" },
        { offset, "mapping.off_current=reference_column" }, { offset, "mapping.off_current=none" },
        { offset, "mapping.unused_cell=open" }, { base, "mapping.input_sign=twos_complement" },
        { base, "mapping.input_bits=7" }, { base, "mapping.weight_bits=7" }, { base, "mapping.weight_scale=channel" },
        { base, "mapping.weight_clip={percentile: 90}" },
    };
    struct one_layer both = dense;
    both.is_signed = 1;
    for (size_t k = 0; k < sizeof change / sizeof *change; k++)
        tap_ok(differs(&both, change[k].base, change[k].key) == 1, "%s changes the result", change[k].key);
    tap_ok(differs(&both, base, "dac.encoding=pulse_width") == 0,
           "dac.encoding: pulses carry the same charge through ohmic cells");
    tap_ok(differs(&both, base, "dac.output_ohm=1000") == 0,
           "dac.output_ohm belongs to the circuit, not to ideal arrays");
    static const char *const noisy[] = { "array.rows=32", "array.columns=24", "adc.noise_lsb=1",
                                         "dac.noise_volt=0.01", NULL };
    tap_ok(differs(&both, noisy, "seed=2") == 1, "seed changes noise");
}

int main(void)
{
    every_way_with_every_converter();
    gains();
    every_key_changes_the_result();
    return tap_done();
}
