/* The hardware file: every key is stored where it belongs, overridden by --set and printed back.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <sys/stat.h>
#include "schema.h"
#include "scratch.h"
#include "tap.h"
#include "xo_file.h"
#include "xo_hardware.h"

static struct xo_info info;

static int parse(struct xo_hardware *h, const char *text)
{
    memset(h, 0, sizeof *h);
    info.text[0] = 0;
    return xo_hardware_parse(h, text, strlen(text), "f", NULL, 0, NULL, &info);
}

static int parse_set(struct xo_hardware *h, const char *text, const char *set)
{
    memset(h, 0, sizeof *h);
    info.text[0] = 0;
    return xo_hardware_parse(h, text, strlen(text), "f", NULL, 1, &set, &info);
}

/* ---- every key is stored ------------------------------------------------------------------------------- */

/* `yaml` sets one key; the expression `fact` about h must then hold, and must not hold by default. */
#define STORES(yaml, fact)                                                                           \
    do {                                                                                             \
        struct xo_hardware h;                                                                        \
        int before = parse(&h, "{}") == 0 && (fact);                                                 \
        int after;                                                                                   \
        xo_hardware_free(&h);                                                                        \
        after = parse(&h, yaml) == 0 && (fact);                                                      \
        if (!after)                                                                                  \
            printf("# %s\n", info.text);                                                             \
        xo_hardware_free(&h);                                                                        \
        tap_ok(after && !before, "%s", yaml);                                                        \
    } while (0)

static void array_keys_are_stored(void)
{
    STORES("array: {rows: 7}", h.array.rows == 7);
    STORES("array: {columns: 9}", h.array.columns == 9);
    STORES("array: {row_wire_ohm: 2.5}", h.array.row_wire_ohm.all == 2.5);
    STORES("array: {column_wire_ohm: 0.25}", h.array.column_wire_ohm.all == 0.25);
    STORES("array: {driver_ohm: 0}", h.array.driver_ohm.all == 0);
    STORES("array: {sense_ohm: open}", h.array.sense_ohm.all == XO_OPEN);
    STORES("array: {sense_volt: -0.05}", h.array.sense_volt.all == -0.05);
    STORES("array: {drive_side: right}", h.array.drive_side == XO_DRIVE_RIGHT);
    STORES("array: {drive_side: both}", h.array.drive_side == XO_DRIVE_BOTH);
    STORES("array: {sense_side: top}", h.array.sense_side == XO_SENSE_TOP);
    STORES("array: {sense_side: both}", h.array.sense_side == XO_SENSE_BOTH);
    STORES("device: {series_ohm: 30}", h.array.series_ohm.all == 30);
    STORES("device: {variation: {sigma: 0.1, distribution: lognormal, scale: range}}", h.variation.sigma == 0.1 &&
           h.variation.distribution == XO_LOGNORMAL && h.variation.scale == XO_SPREAD_RANGE);
    STORES("device: {faults: {stuck_on_rate: 0.25, stuck_off_rate: 0.75, map: -1}}",
           h.cell_faults.stuck_on_rate == 0.25 && h.cell_faults.stuck_off_rate == 0.75
           && h.cell_faults.map.all == -1);
}

static void faults_are_stored(void)
{
    STORES("array: {faults: {stuck: [[4, 1, 1e-4], [0, 2, 0]]}}",
           h.array.stuck_count == 2 && h.array.stuck[0].row == 4 && h.array.stuck[0].column == 1
           && h.array.stuck[0].siemens == 1e-4 && h.array.stuck[1].column == 2 && h.array.stuck[1].siemens == 0);
    STORES("array: {faults: {open_cells: [[1, 2], [3, 0]]}}",
           h.array.open_cell_count == 2 && h.array.open_cell[0].row == 1 && h.array.open_cell[0].column == 2
           && h.array.open_cell[1].row == 3);
    STORES("array: {faults: {open_word_segments: [[4, 2]]}}",
           h.array.open_word_segment_count == 1 && h.array.open_word_segment[0].row == 4
           && h.array.open_word_segment[0].column == 2);
    STORES("array: {faults: {open_bit_segments: [[3, 1]]}}",
           h.array.open_bit_segment_count == 1 && h.array.open_bit_segment[0].row == 3
           && h.array.open_bit_segment[0].column == 1);
    STORES("array: {faults: {word_bridges: [[3, 2, 200]]}}",
           h.array.word_bridge_count == 1 && h.array.word_bridge[0].row == 3 && h.array.word_bridge[0].column == 2
           && h.array.word_bridge[0].ohm == 200);
    STORES("array: {faults: {bit_bridges: [[4, 1, 0]]}}",
           h.array.bit_bridge_count == 1 && h.array.bit_bridge[0].row == 4 && h.array.bit_bridge[0].column == 1
           && h.array.bit_bridge[0].ohm == 0);
}

static void lines_are_expanded_by_finish(void)
{
    struct xo_hardware h;
    int status = parse(&h, "array: {lines: {word: {3: floating, 0: {hold_volt: 0.1}}, bit: {1: grounded}}}");
    tap_ok(status == 0 && !h.array.word_line, "lines wait for the size");
    status = xo_hardware_finish(&h, 4, 2, &info);
    tap_ok(status == 0 && h.array.rows == 4 && h.array.columns == 2, "finish takes the size of the conductances");
    tap_ok(h.array.word_line[3].state == XO_LINE_FLOATING && h.array.word_line[1].state == XO_LINE_NORMAL,
           "a floating word line");
    tap_ok(h.array.word_line[0].state == XO_LINE_HELD && h.array.word_line[0].hold_volt == 0.1, "a held word line");
    tap_ok(h.array.bit_line[1].state == XO_LINE_GROUNDED && h.array.bit_line[0].state == XO_LINE_NORMAL,
           "a grounded bit line");
    xo_hardware_free(&h);
}

static void device_and_converter_keys_are_stored(void)
{
    STORES("device: {on_siemens: 2e-4}", h.device.on_siemens == 2e-4);
    STORES("device: {off_siemens: 0}", h.device.off_siemens == 0);
    STORES("device: {bits_per_cell: 4}", h.device.bits_per_cell == 4);
    STORES("dac: {bits: 3}", h.dac.bits == 3);
    STORES("dac: {encoding: pulse_width}", h.dac.encoding == XO_DAC_PULSE_WIDTH);
    STORES("dac: {read_volt: 0.3}", h.dac.read_volt == 0.3);
    STORES("dac: {gain_error: -0.01}", h.dac.gain_error == -0.01);
    STORES("dac: {offset_volt: 1e-3}", h.dac.offset_volt == 1e-3);
    STORES("dac: {inl_volt: [1e-3, -2e-3]}",
           h.dac.inl_volt.count == 2 && h.dac.inl_volt.coefficient[0] == 1e-3
           && h.dac.inl_volt.coefficient[1] == -2e-3);
    STORES("dac: {noise_volt: 2e-4}", h.dac.noise_volt == 2e-4);
    STORES("dac: {output_ohm: 50}", h.dac.output_ohm == 50);
    STORES("adc: {bits: 6}", h.adc.bits == 6);
    STORES("adc: {range: full}", h.adc.range == XO_ADC_FULL);
    STORES("adc: {range: granular}", h.adc.range == XO_ADC_GRANULAR);
    STORES("adc: {range: fixed, low_ampere: -1e-5, high_ampere: 2e-5}",
           h.adc.range == XO_ADC_FIXED && h.adc.low_ampere == -1e-5 && h.adc.high_ampere == 2e-5);
    STORES("adc: {range_scope: tile}", h.adc.range_scope == XO_ADC_TILE);
    STORES("adc: {range_scope: column}", h.adc.range_scope == XO_ADC_COLUMN);
    STORES("adc: {quantile: 0.01}", h.adc.quantile == 0.01);
    STORES("adc: {gain_error: 0.02}", h.adc.gain_error == 0.02);
    STORES("adc: {offset_lsb: -0.5}", h.adc.offset_lsb == -0.5);
    STORES("adc: {inl_lsb: [0.25]}", h.adc.inl_lsb.count == 1 && h.adc.inl_lsb.coefficient[0] == 0.25);
    STORES("adc: {noise_lsb: 0.3}", h.adc.noise_lsb == 0.3);
}

#define SPICE "device: {law: spice, file: a.sub, subcircuit: m, level_range: [-1, 2], level_parameter: x, " \
    "reference_volt: 1"

static void subcircuit_keys_are_stored(void)
{
    STORES(SPICE "}", h.array.law.law == XO_LAW_SPICE && !strcmp(h.subcircuit.name, "m")
           && !strcmp(h.subcircuit.level_parameter, "x") && h.subcircuit.level_range[0] == -1
           && h.subcircuit.level_range[1] == 2);
    STORES(SPICE ", state_node: x1.xs}", h.subcircuit.state_node && !strcmp(h.subcircuit.state_node, "x1.xs"));
    STORES(SPICE ", read: dc}", h.subcircuit.read == XO_READ_DC);
    STORES(SPICE ", word_pin: p, bit_pin: n}", h.subcircuit.word_pin && !strcmp(h.subcircuit.word_pin, "p")
           && !strcmp(h.subcircuit.bit_pin, "n"));
    STORES(SPICE ", gate_pin: g, gate_volt: 1.5}", h.subcircuit.gate_pin && !strcmp(h.subcircuit.gate_pin, "g")
           && h.subcircuit.gate_volt == 1.5);
    STORES(SPICE ", volt_range: [-2, 3]}", h.subcircuit.volt_range[0] == -2 && h.subcircuit.volt_range[1] == 3);
    STORES(SPICE ", read_second: 1e-6}", h.subcircuit.read_second == 1e-6);
}

static void mapping_and_gain_keys_are_stored(void)
{
    STORES("mapping: {weight_bits: 5}", h.mapping.weight_bits == 5);
    STORES("mapping: {input_bits: 6}", h.mapping.input_bits == 6);
    STORES("mapping: {sign: offset}", h.mapping.sign == XO_SIGN_OFFSET);
    STORES("mapping: {sign: twos_complement}", h.mapping.sign == XO_SIGN_TWOS_COMPLEMENT);
    STORES("mapping: {pair: columns}", h.mapping.pair == XO_IN_COLUMNS);
    STORES("mapping: {subtract: digital}", h.mapping.subtract == XO_SUBTRACT_DIGITAL);
    STORES("mapping: {slices: columns}", h.mapping.slices == XO_IN_COLUMNS);
    STORES("mapping: {unused_cell: open}", h.mapping.unused_cell == XO_UNUSED_OPEN);
    STORES("mapping: {off_current: reference_column}", h.mapping.off_current == XO_OFF_REFERENCE_COLUMN);
    STORES("mapping: {off_current: none}", h.mapping.off_current == XO_OFF_NONE);
    STORES("mapping: {weight_clip: {sigma: 2.5}}",
           h.mapping.weight_clip.rule == XO_CLIP_SIGMA && h.mapping.weight_clip.value == 2.5);
    STORES("mapping: {weight_clip: {percentile: 99}}",
           h.mapping.weight_clip.rule == XO_CLIP_PERCENTILE && h.mapping.weight_clip.value == 99);
    STORES("mapping: {weight_scale: channel}", h.mapping.weight_scale == XO_SCALE_CHANNEL);
    STORES("mapping: {input_range: {percentile: 99.9}}",
           h.mapping.input_range.rule == XO_CLIP_PERCENTILE && h.mapping.input_range.value == 99.9);
    STORES("mapping: {input_sign: twos_complement}", h.mapping.input_sign == XO_INPUT_TWOS_COMPLEMENT);
    STORES("mapping: {batch_norm: digital}", h.mapping.batch_norm == XO_BATCH_NORM_DIGITAL);
    STORES("mapping: {depthwise: digital}", h.mapping.depthwise == XO_DEPTHWISE_DIGITAL);
    STORES("gain: {scope: none}", h.gain.scope == XO_GAIN_NONE);
    STORES("gain: {scope: column}", h.gain.scope == XO_GAIN_COLUMN);
    STORES("gain: {where: reference}", h.gain.where == XO_GAIN_REFERENCE);
    STORES("gain: {source: oracle}", h.gain.source == XO_GAIN_ORACLE);
    STORES("gain: {vectors: 100}", h.gain.vectors == 100);
    STORES("seed: 18446744073709551615", h.seed == UINT64_MAX);
}

static void gates_and_source_lines(void)
{
    STORES("array: {topology: source_row, input: drive}", h.array.topology == XO_TOPOLOGY_SOURCE_ROW
           && h.array.input == XO_INPUT_DRIVE && h.array.cell_type == XO_CELL_1T1R);
    STORES("array: {topology: source_column}", h.array.input == XO_INPUT_GATE && h.array.cell_type == XO_CELL_1T1R
           && h.array.source_volt == 0.2 && h.array.source_wire_ohm.all == 1 && h.array.source_end_ohm.all == 100
           && h.array.transistor_ohm == 0 && h.array.source_side == XO_SENSE_BOTTOM);
    STORES("array: {topology: plane}\ndac: {read_volt: 0.3}\n", h.array.source_end_ohm.all == 0
           && h.array.source_volt == 0.3);
    STORES("array: {topology: plane, source_end_ohm: 3, source_volt: -0.1, source_side: both}",
           h.array.source_end_ohm.all == 3 && h.array.source_volt == -0.1 && h.array.source_side == XO_SENSE_BOTH);
    STORES("array: {topology: source_column, source_wire_ohm: open}", h.array.source_wire_ohm.all == XO_OPEN);
    STORES("device: {transistor_ohm: 3000, transistor_off_siemens: 1e-9}", h.array.cell_type == XO_CELL_1T1R
           && h.array.transistor_ohm == 3000 && h.array.transistor_off_siemens == 1e-9
           && h.array.input == XO_INPUT_DRIVE);
}

static void defaults_are_those_of_the_design(void)
{
    struct xo_hardware h;
    struct xo_crossbar x = xo_crossbar_default(3, 2);
    int same;
    tap_ok(parse(&h, "crossohm: 1\ndevice: {law: ohmic, type: 1R}\narray: {topology: crossbar}\n"
                     "mapping: {order: natural}\n") == 0, "the only choices of this version are accepted");
    same = h.array.row_wire_ohm.all == x.row_wire_ohm.all && h.array.column_wire_ohm.all == x.column_wire_ohm.all
           && h.array.driver_ohm.all == x.driver_ohm.all && h.array.sense_ohm.all == x.sense_ohm.all
           && h.array.sense_volt.all == x.sense_volt.all && h.array.series_ohm.all == x.series_ohm.all
           && h.array.drive_side == x.drive_side && h.array.sense_side == x.sense_side;
    tap_ok(same, "the array's defaults are those of xo_crossbar_default");
    tap_ok(h.array.row_wire_ohm.all == 1 && h.array.driver_ohm.all == 100, "wires 1 ohm, drivers 100 ohm");
    tap_ok(h.device.on_siemens == 1e-5 && h.device.off_siemens == 1e-6 && h.device.bits_per_cell == 2, "device");
    tap_ok(h.dac.bits == 1 && h.dac.read_volt == 0.2 && h.dac.encoding == XO_DAC_AMPLITUDE, "dac");
    tap_ok(h.adc.bits == 8 && h.adc.range == XO_ADC_CALIBRATED && h.adc.quantile == 0.0005, "adc");
    tap_ok(h.mapping.weight_bits == 8 && h.mapping.input_bits == 8 && h.mapping.sign == XO_SIGN_DIFFERENTIAL
           && h.mapping.weight_clip.rule == XO_CLIP_MAX && h.mapping.off_current == XO_OFF_POPCOUNT, "mapping");
    tap_ok(h.gain.scope == XO_GAIN_ARRAY && h.gain.vectors == 32 && h.seed == 1 && h.version == 1, "gain, seed");
    xo_hardware_free(&h);
}

/* ---- values from .npy ---------------------------------------------------------------------------------- */

static void write_npy(const char *name, size_t dimensions, size_t a, size_t b, double first, double step)
{
    const size_t shape[2] = { a, b };
    struct xo_ndarray array;
    char path[100];
    if (xo_ndarray_new(&array, dimensions, shape))
        return;
    for (size_t k = 0; k < xo_ndarray_count(&array); k++)
        array.value[k] = first + step * (double)k;
    snprintf(path, sizeof path, "board/%s", name);
    xo_npy_write(path, &array, NULL);
    xo_ndarray_free(&array);
}

static int read_in_folder(struct xo_hardware *h, const char *key, const char *file)
{
    char text[200];
    snprintf(text, sizeof text, "%s=%s", key, file);
    memset(h, 0, sizeof *h);
    scratch_put("board/f.yaml", "array: {rows: 4, columns: 3}\n", 29);
    return xo_hardware_read(h, "board/f.yaml", 1, (const char *const[]){ text }, &info);
}

static void values_come_from_npy(const char *key, const char *file, double first, double last, size_t count,
                                 const struct xo_values *(*values)(const struct xo_hardware *))
{
    struct xo_hardware h;
    int status = read_in_folder(&h, key, file);
    if (!status)
        status = xo_hardware_finish(&h, 4, 3, &info);
    if (status)
        printf("# %d %s\n", status, info.text);
    tap_ok(!status && values(&h)->each && values(&h)->each[0] == first && values(&h)->each[count - 1] == last,
           "%s from %s", key, file);
    xo_hardware_free(&h);
}

static const struct xo_values *row_wire(const struct xo_hardware *h) { return &h->array.row_wire_ohm; }
static const struct xo_values *column_wire(const struct xo_hardware *h) { return &h->array.column_wire_ohm; }
static const struct xo_values *driver(const struct xo_hardware *h) { return &h->array.driver_ohm; }
static const struct xo_values *sense(const struct xo_hardware *h) { return &h->array.sense_ohm; }
static const struct xo_values *sense_volt(const struct xo_hardware *h) { return &h->array.sense_volt; }
static const struct xo_values *series(const struct xo_hardware *h) { return &h->array.series_ohm; }

static void npy_refuses(const char *key, const char *file, const char *want)
{
    struct xo_hardware h;
    int status = read_in_folder(&h, key, file);
    if (!status)
        status = xo_hardware_finish(&h, 4, 3, &info);
    printf("# %s\n", info.text);
    tap_ok(status && strstr(info.text, want), "%s refuses %s: %s", key, file, want);
    xo_hardware_free(&h);
}

/* Names are relative to the folder of the hardware file, here board/. */
static void values_may_come_from_npy_files(void)
{
    mkdir("board", 0777);
    write_npy("4.npy", 1, 4, 1, 0, 1.5);
    write_npy("3.npy", 1, 3, 1, 0.25, 1);
    write_npy("4x2.npy", 2, 4, 2, 1, 1);
    write_npy("3x3.npy", 2, 3, 3, 1, 1);
    write_npy("4x3.npy", 2, 4, 3, 1, 1);
    write_npy("negative.npy", 1, 4, 1, 1, -1);
    values_come_from_npy("array.row_wire_ohm", "4x2.npy", 1, 8, 8, row_wire);
    values_come_from_npy("array.column_wire_ohm", "3x3.npy", 1, 9, 9, column_wire);
    values_come_from_npy("array.driver_ohm", "4.npy", 0, 4.5, 4, driver);
    values_come_from_npy("array.sense_ohm", "3.npy", 0.25, 2.25, 3, sense);
    values_come_from_npy("array.sense_volt", "3.npy", 0.25, 2.25, 3, sense_volt);
    values_come_from_npy("device.series_ohm", "4x3.npy", 1, 12, 12, series);
    npy_refuses("array.row_wire_ohm", "3x3.npy",
                "--set array.row_wire_ohm: 3x3.npy has shape (3, 3); expected (4, 2)");
    npy_refuses("array.column_wire_ohm", "4x2.npy", "has shape (4, 2); expected (3, 3)");
    npy_refuses("array.driver_ohm", "3.npy", "has shape (3); expected (4)");
    npy_refuses("array.sense_ohm", "4.npy", "has shape (4); expected (3)");
    npy_refuses("array.driver_ohm", "negative.npy",
                "negative.npy: found -1 at (2); expected 0 or a number from 1e-12");
    npy_refuses("array.driver_ohm", "missing.npy", "No such file");
}

/* ---- --set, reading, printing -------------------------------------------------------------------------- */

static void overrides_go_through_the_same_table(void)
{
    struct xo_hardware h;
    static const char *const wrong[][2] = {
        { "array.rows=3.7", "--set array.rows: found 3.7; expected a whole number from 1 to 16777216" },
        { "array.rws=3", "--set array.rws: unknown key array.rws; expected perhaps array.rows" },
        { "array.rows=", "--set array.rows: found no value; expected one behind the =" },
        { "array.rows", "--set array.rows: found no key=value; expected such as array.rows=64" },
        { "=3", "--set =3: found no key=value; expected such as array.rows=64" },
        { "array..rows=3", "--set array..rows: unknown key array." },
        { "seed=&a 3", "--set seed: found an anchor (&); expected plain values" },
        { "seed=[", "--set seed: " },
        { "array=3", "--set array: found 3; expected a mapping" },
        { "seed.x=3", "--set seed.x: seed: found a mapping; expected a whole number" },
    };
    tap_ok(!parse_set(&h, "array: {rows: 5, columns: 6}", "array.rows=7") && h.array.rows == 7
           && h.array.columns == 6, "--set replaces one value");
    xo_hardware_free(&h);
    tap_ok(!parse_set(&h, "{}", "array.lines.word.3={hold_volt: 0.1}") && !xo_hardware_finish(&h, 4, 3, &info)
           && h.array.word_line[3].hold_volt == 0.1, "--set reaches a single line");
    xo_hardware_free(&h);
    tap_ok(!parse_set(&h, "array: {faults: {stuck: [[9, 9, 9]]}}", "array.faults.stuck=[[1, 2, 1e-6]]")
           && h.array.stuck_count == 1 && h.array.stuck[0].row == 1, "--set replaces a list");
    xo_hardware_free(&h);
    tap_ok(!parse_set(&h, "mapping: {weight_clip: max}", "mapping.weight_clip.sigma=3")
           && h.mapping.weight_clip.rule == XO_CLIP_SIGMA, "--set turns a word into a mapping");
    xo_hardware_free(&h);
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        int status = parse_set(&h, "{}", wrong[k][0]), same = !strncmp(info.text, wrong[k][1], strlen(wrong[k][1]));
        tap_ok(status && same, "%s", info.text);
    }
}

static void minus_zero_becomes_zero(void)
{
    struct xo_hardware h;
    tap_ok(!parse(&h, "array: {sense_volt: -0.0}") && !signbit(h.array.sense_volt.all), "minus zero becomes zero");
    xo_hardware_free(&h);
}

static void the_last_override_wins(void)
{
    struct xo_hardware h = { 0 };
    static const char *const set[] = { "dac.bits=3", "dac.bits=4", "adc={bits: 5}", "adc.noise_lsb=0.5" };
    int status = xo_hardware_read(&h, NULL, 4, set, &info);
    tap_ok(!status && h.dac.bits == 4 && h.adc.bits == 5 && h.adc.noise_lsb == 0.5, "without a file; the last wins");
    xo_hardware_free(&h);
}

static void what_is_printed_reads_back(void)
{
    struct xo_hardware h;
    char *text = NULL, *again = NULL;
    int status = parse(&h, "array: {rows: 5, row_wire_ohm: 'it''s \"\xc3\xbc\".npy', sense_ohm: open,\n"
                           "  lines: {bit: {2: {hold_volt: 0.1}, 0: grounded}}, faults: {stuck: [[1, 2, 1e-7]]}}\n"
                           "dac: {inl_volt: [0.1, -3e-5]}\nmapping: {weight_clip: {percentile: 99.5}}\n");
    if (!status)
        status = xo_hardware_print(&text, &h);
    xo_hardware_free(&h);
    if (!status)
        status = parse(&h, text);
    if (!status)
        status = xo_hardware_print(&again, &h);
    tap_ok(!status && !strcmp(text, again), "print, parse, print %s", info.text);
    tap_ok(!status && strstr(text, "  row_wire_ohm: \"it's \\\"\xc3\xbc\\\".npy\"\n"), "names are quoted");
    tap_ok(!status && strstr(text, "    bit: {2: {hold_volt: 0.1}, 0: grounded}\n"), "lines are printed");
    tap_ok(!status && strstr(text, "    stuck: [[1, 2, 1e-07]]\n") && !strstr(text, "  columns: "),
           "faults are printed, a size that G gives is not");
    free(text);
    free(again);
    xo_hardware_free(&h);
}

/* The manual's entry of a key says what the table says: range and default. */
static int manual_agrees(const char *manual, const struct xo_key *key)
{
    char item[100], expected[XO_EXPECTED_SIZE], takes[XO_EXPECTED_SIZE + 10], fallback[60] = "";
    const char *entry, *end, *found;
    snprintf(item, sizeof item, "\n.It Cm %s\n", key->path);
    entry = strstr(manual, item);
    if (!entry)
        return 0;
    end = strstr(entry, "\n.El");
    found = strstr(entry + 1, "\n.It");
    end = found && found < end ? found : end;
    if (key->kind == XO_KIND_LINES || key->kind == XO_KIND_SITES || key->kind == XO_KIND_SITE_VALUES)
        return 1;
    if (key->fallback)
        snprintf(fallback, sizeof fallback, "; default %s", key->fallback);
    snprintf(takes, sizeof takes, "akes %s%s.\n", xo_key_expected(expected, key), fallback);
    found = strstr(entry, takes);
    return found && found < end;
}

static void the_manual_agrees_with_the_table(void)
{
    const char *source = getenv("top_srcdir");
    char path[1000], *manual = NULL;
    size_t nbytes;
    snprintf(path, sizeof path, "%s/doc/crossohm-hardware.5", source ? source : ".");
    if (xo_slurp(&manual, &nbytes, path, (size_t)1 << 20, NULL)) {
        tap_ok(0, "cannot read %s", path);
        return;
    }
    for (size_t k = 0; k < xo_schema_count; k++)
        tap_ok(manual_agrees(manual, &xo_schema[k]), "the manual agrees on %s", xo_schema[k].path);
    free(manual);
}

/* ---- overrides by layer -------------------------------------------------------------------------------- */

static const char overrides[] =
    "array: {rows: 64, columns: 48, lines: {word: {3: grounded}}}\n"
    "adc: {bits: 6}\n"
    "layers:\n"
    "  conv1: {keep: digital}\n"
    "  \"fc*\": {adc: {bits: 10}, array: {rows: 128}}\n"
    "  fc2: {adc: {bits: 9, inl_lsb: [0.5]}, array: {lines: {word: {99: floating}}}}\n"
    "  odd[name: {dac: {bits: 2}}\n";

static int layer_of(struct xo_hardware *layer, const struct xo_hardware *h, const char *name, bool *keep)
{
    int status = xo_hardware_for_layer(layer, h, name, keep, &info);
    if (status)
        printf("# %d %s\n", status, info.text);
    return status;
}

static void layers_get_what_their_patterns_say(void)
{
    struct xo_hardware h, layer;
    bool keep = false;
    tap_ok(!parse(&h, overrides) && h.adc.bits == 6 && h.array.rows == 64, "overrides leave the whole alone");
    tap_ok(!layer_of(&layer, &h, "conv2", &keep) && !keep && layer.adc.bits == 6 && layer.array.rows == 64,
           "a layer without a pattern has the settings of the whole");
    xo_hardware_free(&layer);
    tap_ok(!layer_of(&layer, &h, "conv1", &keep) && keep, "keep: digital");
    xo_hardware_free(&layer);
    tap_ok(!layer_of(&layer, &h, "fc1", &keep) && !keep && layer.adc.bits == 10 && layer.array.rows == 128
           && layer.array.columns == 48, "a pattern sets what it names, the rest stays");
    tap_ok(!xo_hardware_finish(&layer, 0, 0, &info) && layer.array.word_line[3].state == XO_LINE_GROUNDED
           && !h.array.word_line, "the lines of the whole, for the layer's own size");
    xo_hardware_free(&layer);
    tap_ok(!layer_of(&layer, &h, "fc2", &keep) && layer.adc.bits == 9 && layer.array.rows == 128
           && layer.adc.inl_lsb.count == 1 && !h.adc.inl_lsb.count, "of two patterns the later one wins");
    tap_ok(!xo_hardware_finish(&layer, 0, 0, &info) && layer.array.word_line[99].state == XO_LINE_FLOATING,
           "lines may be a layer's own");
    xo_hardware_free(&layer);
    tap_ok(!layer_of(&layer, &h, "odd[name", &keep) && layer.dac.bits == 2, "a name that is no pattern is a name");
    xo_hardware_free(&layer);
    xo_hardware_free(&h);
}

static void a_finished_whole_gives_unfinished_layers(void)
{
    struct xo_hardware h, layer;
    bool keep;
    tap_ok(!read_in_folder(&h, "layers.big.array.rows", "5") && !xo_hardware_finish(&h, 0, 0, &info)
           && !layer_of(&layer, &h, "big", &keep) && layer.array.rows == 5, "rows by --set for one layer");
    xo_hardware_free(&layer);
    xo_hardware_free(&h);
    tap_ok(!read_in_folder(&h, "array.driver_ohm", "4.npy") && !xo_hardware_finish(&h, 0, 0, &info)
           && !layer_of(&layer, &h, "any", &keep) && !layer.array.driver_ohm.each
           && !xo_hardware_finish(&layer, 0, 0, &info) && layer.array.driver_ohm.each[3] == 4.5
           && layer.array.driver_ohm.each != h.array.driver_ohm.each, "files are loaded for each layer");
    xo_hardware_free(&layer);
    xo_hardware_free(&h);
}

static void settings_that_contradict_each_other_only_together_are_refused(void)
{
    struct xo_hardware h, layer;
    bool keep;
    parse(&h, "layers: {a: {device: {on_siemens: 1e-7}}}");
    tap_ok(xo_hardware_for_layer(&layer, &h, "a", &keep, &info) == XO_EVALUE
           && strstr(info.text, "f:1:35: device: found on_siemens 1e-07 with off_siemens 1e-06"), "%s", info.text);
    tap_ok(!layer_of(&layer, &h, "b", &keep), "another layer is not concerned");
    xo_hardware_free(&layer);
    xo_hardware_free(&h);
}

static void names_with_dots_are_quoted_in_set(void)
{
    struct xo_hardware h, layer;
    bool keep;
    tap_ok(!parse_set(&h, "{}", "layers.\"/l.0/a=b\".adc.bits=5") && !layer_of(&layer, &h, "/l.0/a=b", &keep)
           && layer.adc.bits == 5, "--set layers.\"/l.0/a=b\".adc.bits=5");
    xo_hardware_free(&layer);
    xo_hardware_free(&h);
    tap_ok(!parse_set(&h, "layers: {c: {adc: {bits: 3}}, \"c*\": {}}", "layers.c.adc.bits=4")
           && !layer_of(&layer, &h, "c", &keep) && layer.adc.bits == 4, "--set replaces what the file says");
    xo_hardware_free(&layer);
    xo_hardware_free(&h);
}

static void patterns_without_a_layer_are_named(void)
{
    static const char *const name[] = { "conv1", "/features/conv2/Conv", "fc1", "fc2", "odd[name" };
    struct xo_hardware h;
    parse(&h, overrides);
    tap_ok(!xo_hardware_check_layers(&h, 5, name, &info), "every pattern has its layer");
    tap_ok(xo_hardware_check_layers(&h, 3, name, &info) == XO_EVALUE, "a layer is missing");
    tap_equal_text(info.text, "f:6:3: layers.fc2: found no layer of that name; expected such as fc1", "which, where");
    xo_hardware_free(&h);
    parse(&h, "layers: {conv2: {}}");
    xo_hardware_check_layers(&h, 3, name, &info);
    tap_ok(strstr(info.text, "expected such as conv1, /features/conv2/Conv") != NULL, "%s", info.text);
    xo_hardware_free(&h);
    parse(&h, "layers: {zzzzzzzz: {}}");
    xo_hardware_check_layers(&h, 5, name, &info);
    tap_ok(strstr(info.text, "expected such as conv1, /features/conv2/Conv, fc1") != NULL, "%s", info.text);
    tap_ok(xo_hardware_check_layers(&h, 0, NULL, &info) && strstr(info.text, "expected none, as there are no layers"),
           "%s", info.text);
    xo_hardware_free(&h);
}

static void overrides_are_printed(void)
{
    struct xo_hardware h;
    char *text = NULL, *again = NULL;
    int status = parse(&h, overrides) || xo_hardware_print(&text, &h);
    xo_hardware_free(&h);
    tap_ok(!status && !parse(&h, text) && !xo_hardware_print(&again, &h) && !strcmp(text, again),
           "print, parse, print overrides");
    tap_ok(!status && strstr(text, "\nlayers:\n  \"conv1\":\n    keep: digital\n  \"fc*\":\n    array:\n"
                                   "      rows: 128\n    adc:\n      bits: 10\n"), "only what a layer has itself");
    free(text);
    free(again);
    xo_hardware_free(&h);
}

int main(void)
{
    the_manual_agrees_with_the_table();
    if (!scratch_enter())
        return tap_skip_all("a folder to write to");
    array_keys_are_stored();
    faults_are_stored();
    lines_are_expanded_by_finish();
    device_and_converter_keys_are_stored();
    subcircuit_keys_are_stored();
    mapping_and_gain_keys_are_stored();
    gates_and_source_lines();
    defaults_are_those_of_the_design();
    values_may_come_from_npy_files();
    overrides_go_through_the_same_table();
    minus_zero_becomes_zero();
    the_last_override_wins();
    what_is_printed_reads_back();
    layers_get_what_their_patterns_say();
    a_finished_whole_gives_unfinished_layers();
    settings_that_contradict_each_other_only_together_are_refused();
    names_with_dots_are_quoted_in_set();
    patterns_without_a_layer_are_named();
    overrides_are_printed();
    scratch_leave();
    return tap_done();
}
