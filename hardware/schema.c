/* The table.  Its order is the order of printing.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdio.h>
#include <string.h>
#include "schema.h"

#define AT(field) .offset = offsetof(struct xo_hardware, field), .size = sizeof ((struct xo_hardware *)0)->field
#define COUNTED(field) .count_offset = offsetof(struct xo_hardware, field)
#define RANGE(from, to) .low = from, .high = to
#define OHM .unit = "ohm", RANGE(XO_MIN_OHM, XO_MAX_OHM), .zero = true
#define SIEMENS .unit = "S", RANGE(XO_MIN_SIEMENS, XO_MAX_SIEMENS)
#define VOLT .unit = "V", RANGE(-XO_MAX_VOLT, XO_MAX_VOLT)
#define CHOICE(text) .kind = XO_KIND_CHOICE, .choices = text
#define COEFFICIENTS .kind = XO_KIND_COEFFICIENTS, RANGE(-1e30, 1e30), \
    .expected = "numbers from -1e30 to 1e30 as [c1, c2, ...], or one such list per level"
#define NAME .kind = XO_KIND_NAME, \
    .expected = "a name as netlists have them, of letters, digits and _ . : # ! - + [ ]"
#define MAX_LINES (1 << 24)

const struct xo_key xo_schema[] = {
    { "crossohm", AT(version), .kind = XO_KIND_WHOLE, RANGE(XO_HARDWARE_VERSION, XO_HARDWARE_VERSION),
      .fallback = "1", .expected = "1, the schema version that this program reads" },

    { "array.rows", AT(array.rows), .kind = XO_KIND_WHOLE, RANGE(1, MAX_LINES) },
    { "array.columns", AT(array.columns), .kind = XO_KIND_WHOLE, RANGE(1, MAX_LINES) },
    { "array.topology", AT(array.topology), CHOICE("crossbar|source_column|source_row|plane"),
      .fallback = "crossbar" },
    { "array.input", AT(array.input), CHOICE("drive|gate"), .fallback = "drive" },     /* gate in other topologies */
    { "array.row_wire_ohm", AT(array.row_wire_ohm), .kind = XO_KIND_VALUES, OHM, .open = true,
      .place = XO_PER_ROW_SEGMENT, .fallback = "1" },
    { "array.column_wire_ohm", AT(array.column_wire_ohm), .kind = XO_KIND_VALUES, OHM, .open = true,
      .place = XO_PER_COLUMN_SEGMENT, .fallback = "1" },
    { "array.driver_ohm", AT(array.driver_ohm), .kind = XO_KIND_VALUES, OHM, .open = true,
      .place = XO_PER_ROW, .fallback = "100" },
    { "array.sense_ohm", AT(array.sense_ohm), .kind = XO_KIND_VALUES, OHM, .open = true,
      .place = XO_PER_COLUMN, .fallback = "100" },
    { "array.sense_volt", AT(array.sense_volt), .kind = XO_KIND_VALUES, VOLT,
      .place = XO_PER_COLUMN, .fallback = "0" },
    { "array.source_wire_ohm", AT(array.source_wire_ohm), .kind = XO_KIND_VALUES, OHM, .open = true,
      .place = XO_PER_SOURCE_SEGMENT, .fallback = "1" },
    { "array.source_end_ohm", AT(array.source_end_ohm), .kind = XO_KIND_VALUES, OHM, .open = true,
      .place = XO_PER_SOURCE_LINE, .fallback = "100" },
    { "array.source_volt", AT(array.source_volt), .kind = XO_KIND_REAL, VOLT },        /* default: dac.read_volt */
    { "array.source_side", AT(array.source_side), CHOICE("bottom|top|both"), .fallback = "bottom" },
    { "array.drive_side", AT(array.drive_side), CHOICE("left|right|both"), .fallback = "left" },
    { "array.sense_side", AT(array.sense_side), CHOICE("bottom|top|both"), .fallback = "bottom" },
    { "array.lines.word", AT(array.word_line), .kind = XO_KIND_LINES, VOLT, .place = XO_PER_ROW },
    { "array.lines.bit", AT(array.bit_line), .kind = XO_KIND_LINES, VOLT, .place = XO_PER_COLUMN },
    { "array.faults.stuck", AT(array.stuck), COUNTED(array.stuck_count), .kind = XO_KIND_SITE_VALUES,
      SIEMENS, .zero = true, .place = XO_PER_CELL },
    { "array.faults.open_cells", AT(array.open_cell), COUNTED(array.open_cell_count), .kind = XO_KIND_SITES,
      .place = XO_PER_CELL },
    { "array.faults.open_word_segments", AT(array.open_word_segment), COUNTED(array.open_word_segment_count),
      .kind = XO_KIND_SITES, .place = XO_PER_ROW_SEGMENT },
    { "array.faults.open_bit_segments", AT(array.open_bit_segment), COUNTED(array.open_bit_segment_count),
      .kind = XO_KIND_SITES, .place = XO_PER_COLUMN_SEGMENT },
    { "array.faults.word_bridges", AT(array.word_bridge), COUNTED(array.word_bridge_count),
      .kind = XO_KIND_SITE_VALUES, OHM, .place = XO_PER_COLUMN_SEGMENT },
    { "array.faults.bit_bridges", AT(array.bit_bridge), COUNTED(array.bit_bridge_count),
      .kind = XO_KIND_SITE_VALUES, OHM, .place = XO_PER_ROW_SEGMENT },

    { "device.law", AT(array.law.law), CHOICE("ohmic|sinh|polynomial|table|spice"), .fallback = "ohmic" },
    { "device.reference_volt", AT(array.law.reference_volt), .kind = XO_KIND_REAL, VOLT },
    { "device.v0_volt", AT(array.law.v0_volt), .kind = XO_KIND_REAL, .unit = "V", RANGE(1e-6, XO_MAX_VOLT) },
    { "device.coefficients", COEFFICIENTS },
    { "device.file", .kind = XO_KIND_FILE,
      .expected = "a file.csv with the columns level,v[V],i[A], or with law spice a netlist" },
    { "device.subcircuit", AT(subcircuit.name), NAME },
    { "device.level_parameter", AT(subcircuit.level_parameter), NAME },
    { "device.level_range", AT(subcircuit.level_range), .kind = XO_KIND_RANGE, RANGE(-1e30, 1e30) },
    { "device.state_node", AT(subcircuit.state_node), NAME },
    { "device.read", AT(subcircuit.read), CHOICE("frozen|dc"), .fallback = "frozen" },
    { "device.word_pin", AT(subcircuit.word_pin), NAME },
    { "device.bit_pin", AT(subcircuit.bit_pin), NAME },
    { "device.gate_pin", AT(subcircuit.gate_pin), NAME },
    { "device.gate_volt", AT(subcircuit.gate_volt), .kind = XO_KIND_REAL, VOLT, .fallback = "0" },
    { "device.volt_range", AT(subcircuit.volt_range), .kind = XO_KIND_RANGE, VOLT },
    { "device.read_second", AT(subcircuit.read_second), .kind = XO_KIND_REAL, .unit = "s", RANGE(1e-15, 1e9),
      .zero = true, .fallback = "1e-7" },
    { "device.table_tolerance", AT(subcircuit.tolerance), .kind = XO_KIND_REAL, RANGE(1e-9, 1), .fallback = "1e-5" },
    { "device.type", AT(array.cell_type), CHOICE("1R|1S1R|1T1R"), .fallback = "1R" },
    { "device.transistor_ohm", AT(array.transistor_ohm), .kind = XO_KIND_REAL, OHM, .fallback = "0" },
    { "device.transistor_off_siemens", AT(array.transistor_off_siemens), .kind = XO_KIND_REAL, SIEMENS, .zero = true,
      .fallback = "0" },
    { "device.selector.law", AT(array.selector.law), CHOICE("ohmic|sinh|polynomial"), .fallback = "sinh" },
    { "device.selector.siemens", AT(array.selector_siemens), .kind = XO_KIND_REAL, SIEMENS },
    { "device.selector.reference_volt", AT(array.selector.reference_volt), .kind = XO_KIND_REAL, VOLT },
    { "device.selector.v0_volt", AT(array.selector.v0_volt), .kind = XO_KIND_REAL, .unit = "V",
      RANGE(1e-6, XO_MAX_VOLT) },
    { "device.selector.coefficients", COEFFICIENTS },
    { "device.on_siemens", AT(device.on_siemens), .kind = XO_KIND_REAL, SIEMENS, .fallback = "1.0e-5" },
    { "device.off_siemens", AT(device.off_siemens), .kind = XO_KIND_REAL, SIEMENS, .zero = true,
      .fallback = "1.0e-6" },
    { "device.bits_per_cell", AT(device.bits_per_cell), .kind = XO_KIND_WHOLE, RANGE(1, 8), .fallback = "2" },
    { "device.series_ohm", AT(array.series_ohm), .kind = XO_KIND_VALUES, OHM, .place = XO_PER_CELL,
      .fallback = "0" },
    { "device.variation.sigma", AT(variation.sigma), .kind = XO_KIND_REAL, RANGE(0, 10), .fallback = "0" },
    { "device.variation.distribution", AT(variation.distribution), CHOICE("gaussian|lognormal"),
      .fallback = "gaussian" },
    { "device.variation.scale", AT(variation.scale), CHOICE("conductance|range"), .fallback = "conductance" },
    { "device.faults.stuck_on_rate", AT(cell_faults.stuck_on_rate), .kind = XO_KIND_REAL, RANGE(0, 1),
      .fallback = "0" },
    { "device.faults.stuck_off_rate", AT(cell_faults.stuck_off_rate), .kind = XO_KIND_REAL, RANGE(0, 1),
      .fallback = "0" },
    { "device.faults.map", AT(cell_faults.map), .kind = XO_KIND_VALUES, RANGE(-1, 1), .place = XO_PER_CELL,
      .fallback = "0" },

    { "dac.bits", AT(dac.bits), .kind = XO_KIND_WHOLE, RANGE(1, 16), .fallback = "1" },
    { "dac.encoding", AT(dac.encoding), CHOICE("amplitude|pulse_width"), .fallback = "amplitude" },
    { "dac.read_volt", AT(dac.read_volt), .kind = XO_KIND_REAL, .unit = "V", RANGE(1e-12, XO_MAX_VOLT),
      .fallback = "0.2" },
    { "dac.gain_error", AT(dac.gain_error), .kind = XO_KIND_REAL, RANGE(-0.999, 999), .fallback = "0" },
    { "dac.offset_volt", AT(dac.offset_volt), .kind = XO_KIND_REAL, VOLT, .fallback = "0" },
    { "dac.inl_volt", AT(dac.inl_volt), .kind = XO_KIND_INL, VOLT },
    { "dac.noise_volt", AT(dac.noise_volt), .kind = XO_KIND_REAL, .unit = "V", RANGE(0, XO_MAX_VOLT),
      .fallback = "0" },
    { "dac.output_ohm", AT(dac.output_ohm), .kind = XO_KIND_REAL, OHM, .fallback = "0" },

    { "adc.bits", AT(adc.bits), .kind = XO_KIND_WHOLE, RANGE(1, 24), .fallback = "8" },
    { "adc.range", AT(adc.range), CHOICE("full|granular|calibrated|fixed"), .fallback = "calibrated" },
    { "adc.range_scope", AT(adc.range_scope), CHOICE("layer|tile|column"), .fallback = "layer" },
    { "adc.quantile", AT(adc.quantile), .kind = XO_KIND_REAL, RANGE(0, 0.499), .fallback = "0.0005" },
    { "adc.low_ampere", AT(adc.low_ampere), .kind = XO_KIND_REAL, .unit = "A", RANGE(-1e12, 1e12),
      .fallback = "0" },
    { "adc.high_ampere", AT(adc.high_ampere), .kind = XO_KIND_REAL, .unit = "A", RANGE(-1e12, 1e12),
      .fallback = "0" },
    { "adc.gain_error", AT(adc.gain_error), .kind = XO_KIND_REAL, RANGE(-0.999, 999), .fallback = "0" },
    { "adc.offset_lsb", AT(adc.offset_lsb), .kind = XO_KIND_REAL, .unit = "LSB", RANGE(-1e9, 1e9),
      .fallback = "0" },
    { "adc.inl_lsb", AT(adc.inl_lsb), .kind = XO_KIND_INL, .unit = "LSB", RANGE(-1e9, 1e9) },
    { "adc.noise_lsb", AT(adc.noise_lsb), .kind = XO_KIND_REAL, .unit = "LSB", RANGE(0, 1e9),
      .fallback = "0" },

    { "mapping.weight_bits", AT(mapping.weight_bits), .kind = XO_KIND_WHOLE, RANGE(2, 16), .fallback = "8" },
    { "mapping.input_bits", AT(mapping.input_bits), .kind = XO_KIND_WHOLE, RANGE(1, 16), .fallback = "8" },
    { "mapping.sign", AT(mapping.sign), CHOICE("differential|offset|twos_complement"),
      .fallback = "differential" },
    { "mapping.pair", AT(mapping.pair), CHOICE("tiles|columns"), .fallback = "tiles" },
    { "mapping.subtract", AT(mapping.subtract), CHOICE("analog|digital"), .fallback = "analog" },
    { "mapping.slices", AT(mapping.slices), CHOICE("tiles|columns"), .fallback = "tiles" },
    { "mapping.order", AT(mapping.order), CHOICE("natural"), .fallback = "natural" },
    { "mapping.unused_cell", AT(mapping.unused_cell), CHOICE("off|open"), .fallback = "off" },
    { "mapping.off_current", AT(mapping.off_current), CHOICE("popcount|reference_column|none"),
      .fallback = "popcount" },
    { "mapping.weight_clip", AT(mapping.weight_clip), .kind = XO_KIND_CLIP, .open = true, .fallback = "max",
      .expected = "max, {percentile: above 0 to 100} or {sigma: above 0 to 1e6}" },
    { "mapping.weight_scale", AT(mapping.weight_scale), CHOICE("layer|channel"), .fallback = "layer" },
    { "mapping.input_range", AT(mapping.input_range), .kind = XO_KIND_CLIP, .fallback = "max",
      .expected = "max or {percentile: above 0 to 100}" },
    { "mapping.input_sign", AT(mapping.input_sign), CHOICE("two_phase|twos_complement"),
      .fallback = "two_phase" },
    { "mapping.batch_norm", AT(mapping.batch_norm), CHOICE("fold|digital"), .fallback = "fold" },
    { "mapping.depthwise", AT(mapping.depthwise), CHOICE("block_diagonal|digital"),
      .fallback = "block_diagonal" },

    { "gain.scope", AT(gain.scope), CHOICE("none|array|column"), .fallback = "array" },
    { "gain.where", AT(gain.where), CHOICE("digital|reference"), .fallback = "digital" },
    { "gain.source", AT(gain.source), CHOICE("measured|oracle"), .fallback = "measured" },
    { "gain.vectors", AT(gain.vectors), .kind = XO_KIND_WHOLE, RANGE(1, 1000000), .fallback = "32" },

    { "seed", AT(seed), .kind = XO_KIND_WHOLE, RANGE(0, 0x1p64), .fallback = "1",
      .expected = "a whole number from 0 to 18446744073709551615" },
};
const size_t xo_schema_count = sizeof xo_schema / sizeof *xo_schema;
_Static_assert(sizeof xo_schema / sizeof *xo_schema <= XO_MAX_KEYS, "make room in struct xo_hardware_owned");
_Static_assert(sizeof(size_t) == sizeof(uint64_t) && sizeof(enum xo_topology) == sizeof(int),
               "whole numbers by size");

const struct xo_later_key xo_later_keys[] = {
    { "device.preset", "device presets are not offered by this version; write law, on_siemens, ... here" },
};
const size_t xo_later_key_count = sizeof xo_later_keys / sizeof *xo_later_keys;

size_t xo_place_shape(enum xo_place place, size_t rows, size_t columns, size_t shape[2])
{
    shape[0] = place == XO_PER_COLUMN ? columns : rows - (place == XO_PER_COLUMN_SEGMENT);
    shape[1] = columns - (place == XO_PER_ROW_SEGMENT);
    return place == XO_PER_ROW || place == XO_PER_COLUMN ? 1 : 2;
}

/* "left, right or both" */
static void list_choices(char *text, size_t size, const char *choices)
{
    size_t used = 0;
    for (const char *c = choices; *c && used + 8 < size; c++)
        if (*c != '|')
            text[used++] = *c;
        else
            used += (size_t)sprintf(text + used, "%s", strchr(c + 1, '|') ? ", " : " or ");
    text[used] = 0;
}

const char *xo_key_expected(char *text, const struct xo_key *key)
{
    char low[XO_NUMBER_SIZE], high[XO_NUMBER_SIZE];
    const char *unit = key->unit ? key->unit : "";
    if (key->expected)
        return key->expected;
    if (key->kind == XO_KIND_RANGE) {
        snprintf(text, XO_EXPECTED_SIZE, "[low, high], two numbers from %s to %s%s%s, low below high",
                 xo_number_print(low, key->low), xo_number_print(high, key->high), *unit ? " " : "", unit);
    } else if (key->kind == XO_KIND_CHOICE) {
        list_choices(text, XO_EXPECTED_SIZE, key->choices);
    } else if (key->kind == XO_KIND_WHOLE) {
        snprintf(text, XO_EXPECTED_SIZE, "a whole number from %.0f to %.0f", key->low, key->high);
    } else {
        snprintf(text, XO_EXPECTED_SIZE, "%sa number from %s to %s%s%s%s%s", key->zero ? "0 or " : "",
                 xo_number_print(low, key->low), xo_number_print(high, key->high), *unit ? " " : "", unit,
                 key->kind != XO_KIND_VALUES ? "" : key->open ? ", a file.npy" : " or a file.npy",
                 key->kind == XO_KIND_VALUES && key->open ? " or open" : "");
    }
    return text;
}
