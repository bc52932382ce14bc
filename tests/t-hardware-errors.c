/* The hardware file: every error names its place, what was found and what was expected.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "german.h"
#include "scratch.h"
#include "tap.h"
#include "xo_hardware.h"

static struct xo_info info;

static int parse(struct xo_hardware *h, const char *text)
{
    memset(h, 0, sizeof *h);
    info.text[0] = 0;
    return xo_hardware_parse(h, text, strlen(text), "f", NULL, 0, NULL, &info);
}

static void refuses(const char *text, const char *message)
{
    struct xo_hardware h;
    int status = parse(&h, text), same = status && !strncmp(info.text, message, strlen(message));
    if (!same)
        printf("# status %d, got \"%s\"\n# want \"%s\"\n", status, info.text, message);
    tap_ok(same, "%s", message);
    if (!status)
        xo_hardware_free(&h);
}

static void wrong_numbers_are_refused(void)
{
    static const char *const wrong_ohm[] = {
        "-5", "1_000", "10k", "1,5", "nan", ".nan", "NaN", "inf", ".inf", "-.inf", "1e400", "1e-400", "0x10", "010",
        "1.5.2", "1e", "1e31", "1e-13", "\"3\"", "'open'", "Open", "true", "~", "[1]", "5 ohm", "w.txt", ".npy",
        "1 000", "+-3", "\xd9\xa3",
    };
    static const char *const wrong_whole[] = {
        "3.7", "0", "-1", "3.0", "3e0", "\"3\"", "010", "1_0", "+3", "0x3", "16777217", "1,5", "nan", "10k",
        "99999999999999999999", "18446744073709551617", "open", "[3]", "{a: 3}",
    };
    char text[100];
    for (size_t k = 0; k < sizeof wrong_ohm / sizeof *wrong_ohm; k++) {
        snprintf(text, sizeof text, "array:\n  driver_ohm: %s\n", wrong_ohm[k]);
        refuses(text, "f:2:15: array.driver_ohm: found ");
    }
    for (size_t k = 0; k < sizeof wrong_whole / sizeof *wrong_whole; k++) {
        snprintf(text, sizeof text, "array:\n  rows: %s\n", wrong_whole[k]);
        refuses(text, "f:2:9: array.rows: found ");
    }
}

static void messages_say_place_finding_and_expectation(void)
{
    refuses("array:\n  rows: 3.7\n", "f:2:9: array.rows: found 3.7; expected a whole number from 1 to 16777216");
    refuses("array: {rows: \"3\"}", "f:1:15: array.rows: found the text \"3\"; expected a whole number");
    refuses("array: {rows: }", "f:1:15: array.rows: found nothing; expected a whole number");
    refuses("array: {sense_ohm: -5}",
            "f:1:20: array.sense_ohm: found -5; expected 0 or a number from 1e-12 to 1e+30 ohm, a file.npy or open");
    refuses("device: {series_ohm: open}",
            "f:1:22: device.series_ohm: found open; expected 0 or a number from 1e-12 to 1e+30 ohm or a file.npy");
    refuses("array: {sense_volt: open}",
            "f:1:21: array.sense_volt: found open; expected a number from -1000000000000 to 1000000000000 V or a "
            "file.npy");
    refuses("array: {drive_side: up}", "f:1:21: array.drive_side: found up; expected left, right or both");
    refuses("array: 3", "f:1:8: array: found 3; expected a mapping");
    refuses("array:\n", "f:1:7: array: found nothing; expected a mapping");
    refuses("- 1\n", "f:1:1: found a list; expected a mapping such as array: {rows: 64}");
    refuses("3", "f:1:1: found 3; expected a mapping");
    refuses("", "f:1:1: found nothing; expected a mapping");
    refuses("# only words\n", "f:1:1: found nothing; expected a mapping");
    refuses("crossohm: 2", "f:1:11: crossohm: found 2; expected 1, the schema version that this program reads");
    refuses("seed: -1", "f:1:7: seed: found -1; expected a whole number from 0 to 18446744073709551615");
    refuses("seed: 18446744073709551616", "f:1:7: seed: found 18446744073709551616; expected");
    refuses("device: {bits_per_cell: 9}",
            "f:1:25: device.bits_per_cell: found 9; expected a whole number from 1 to 8");
    refuses("device: {on_siemens: 0}", "f:1:22: device.on_siemens: found 0; expected a number from 1e-30");
    refuses("dac: {read_volt: 0}", "f:1:18: dac.read_volt: found 0; expected a number from 1e-12");
    refuses("adc: {quantile: 0.5}", "f:1:17: adc.quantile: found 0.5; expected a number from 0 to 0.499");
    refuses("adc: {inl_lsb: [1,2,3,4,5,6,7,8,9]}", "f:1:16: adc.inl_lsb: found 9 coefficients; expected at most 8");
    refuses("adc: {inl_lsb: [1, x]}",
            "f:1:20: adc.inl_lsb: found x; expected a number from -1000000000 to 1000000000 LSB");
    refuses("adc: {inl_lsb: 1}", "f:1:16: adc.inl_lsb: found 1; expected a list of numbers");
    refuses("mapping: {weight_clip: {percentile: 101}}", "f:1:37: mapping.weight_clip: found 101; expected max, ");
    refuses("mapping: {weight_clip: {sigma: 1, percentile: 2}}", "f:1:24: mapping.weight_clip: found a mapping; ");
    refuses("mapping: {input_range: {sigma: 1}}",
            "f:1:24: mapping.input_range: found a mapping; expected max or {perc");
}

static void unknown_keys_suggest_the_nearest(void)
{
    refuses("array:\n  rws: 3\n", "f:2:3: unknown key array.rws; expected perhaps array.rows");
    refuses("aray: {}\n", "f:1:1: unknown key aray; expected perhaps array");
    refuses("rows: 3\n", "f:1:1: unknown key rows; expected perhaps array.rows");
    refuses("dac: {encodng: amplitude}", "f:1:7: unknown key dac.encodng; expected perhaps dac.encoding");
    refuses("zebra: 1",
            "f:1:1: unknown key zebra; expected one of crossohm, array, device, dac, adc, mapping, gain, seed, "
            "layers");
    refuses("layer: {}", "f:1:1: unknown key layer; expected perhaps layers");
    refuses("gain: {zebra: 1}", "f:1:8: unknown key gain.zebra; expected one of scope, where, source, vectors");
    refuses("? \"\"\n: 1\n", "f:1:3: unknown key nothing; expected one of");
}

static void a_law_needs_its_keys(void)
{
    refuses("device:\n  law: sinh\n  v0_volt: 0.2\n", "f:2:8: device.reference_volt: found no value; expected the "
            "voltage at which conductances are I/V (0: the slope at 0 V), as law sinh needs it");
    refuses("device: {law: sinh, reference_volt: 0.2}", "f:1:15: device.v0_volt: found no value; expected a voltage, "
            "as law sinh needs it");
    refuses("device: {law: polynomial, reference_volt: 0}", "f:1:15: device.coefficients: found no value; expected a "
            "list");
    refuses("device: {law: table, reference_volt: 0}", "f:1:15: device.file: found no value; expected a file.csv");
    refuses("device: {v0_volt: 0.25}", "f:1:19: device.v0_volt: belongs to law sinh; expected none with law ohmic");
    refuses("device: {law: sinh, v0_volt: 1, reference_volt: 0, file: a.csv}",
            "f:1:58: device.file: belongs to law table");
    refuses("device: {law: sinh, v0_volt: 0, reference_volt: 0}", "f:1:30: device.v0_volt: found 0; expected a "
            "number");
    refuses("device: {coefficients: [1, a]}", "f:1:28: device.coefficients: found a; expected numbers from");
    refuses("device: {coefficients: [[1], 2]}", "f:1:30: device.coefficients: found 2; expected numbers from");
    refuses("device: {coefficients: []}", "f:1:24: device.coefficients: found a list; expected numbers from");
    refuses("device: {type: 1S1R}", "f:1:16: device.selector.siemens: found no value; expected the selector's "
            "conductance");
    refuses("device: {type: 1S1R, selector: {siemens: 1e-5, v0_volt: 0.026}}",
            "f:1:16: device.selector.reference_volt: found no value; expected the voltage");
    refuses("device: {selector: {siemens: 1e-5}}", "f:1:30: device.selector.siemens: belongs to type 1S1R");
}

#define SPICE "device: {law: spice, file: a.sub, subcircuit: m, level_range: [0, 1], level_parameter: x, " \
    "reference_volt: 1"
static void subcircuits_need_their_keys(void)
{
    refuses("device: {law: spice}", "f:1:15: device.file: found no value; expected the netlist that holds the "
            "subcircuit, as law spice needs it");
    refuses("device: {law: spice, file: a.sub}", "f:1:15: device.subcircuit: found no value; expected the "
            "subcircuit's name");
    refuses("device: {law: spice, file: a.sub, subcircuit: m}", "f:1:15: device.level_range: found no value");
    refuses("device: {law: spice, file: a.sub, subcircuit: m, level_range: [0, 1]}",
            "f:1:15: device.level_parameter: found no value; expected the parameter that sets a level, or "
            "state_node");
    refuses("device: {law: spice, file: a.sub, subcircuit: m, level_range: [0, 1], state_node: x}",
            "f:1:15: device.reference_volt: found no value");
    refuses("device: {law: spice, level_range: [1, 0]}",
            "f:1:35: device.level_range: found a list; expected [low, high]");
    refuses("device: {law: spice, volt_range: 1}", "f:1:34: device.volt_range: found 1; expected [low, high], two "
            "numbers from");
    refuses("device: {law: spice, subcircuit: 'a b'}",
            "f:1:34: device.subcircuit: found the text \"a b\"; expected a name as netlists have them");
    refuses("device: {law: spice, read: now}", "f:1:28: device.read: found now; expected frozen or dc");
    refuses("device: {state_node: x}", "f:1:22: device.state_node: belongs to law spice");
    refuses(SPICE ", gate_volt: 1}", "f:1:121: device: found one of gate_pin and gate_volt; expected both or none");
    refuses(SPICE ", gate_pin: g}", "f:1:120: device: found one of gate_pin and gate_volt; expected both or none");
    refuses(SPICE ", v0_volt: 1}", "f:1:119: device.v0_volt: belongs to law sinh; expected none with law spice");
}

static void later_versions_are_named(void)
{
    refuses("device: {law: cubic}", "f:1:15: device.law: found cubic; expected ohmic, sinh, polynomial, table or "
            "spice");
    refuses("device: {preset: X}", "f:1:10: device.preset: device presets are not offered by this version");
}

static void gates_and_source_lines_go_together(void)
{
    refuses("array: {topology: mesh}", "f:1:19: array.topology: found mesh; expected crossbar, source_column, "
            "source_row or plane");
    refuses("array: {input: gate}", "f:1:16: array.input: found gate with device.type 1R; expected 1T1R");
    refuses("array: {input: gate}\ndevice: {type: 1T1R}\n",
            "f:1:16: array.input: found gate in topology crossbar; expected drive, or topology source_column, "
            "source_row or plane");
    refuses("array: {topology: source_column, input: drive}",
            "f:1:41: array.input: found drive; expected gate, as in this topology no line along rows carries "
            "current");
    refuses("array: {topology: plane}\ndevice: {type: 1R}\n", "f:2:16: array.input: found gate with device.type 1R; "
            "expected 1T1R");
    refuses("device: {type: 1S1R, selector: {siemens: 1e-5, v0_volt: 0.02, reference_volt: 0.1}, transistor_ohm: 5}",
            "f:1:101: device.transistor_ohm: belongs to device.type 1T1R");
    refuses("device: {transistor_ohm: 1000, transistor_off_siemens: 0.01}",
            "f:1:56: device: found transistor_ohm 1000 with transistor_off_siemens 0.01; expected a transistor that "
            "conducts more when on");
    refuses("device: {transistor_ohm: open}", "f:1:26: device.transistor_ohm: found open; expected");
    refuses("array: {topology: plane, lines: {word: {3: floating}}}",
            "f:1:41: array.lines.word.3: found a line that carries current; expected gated");
    refuses("array: {lines: {word: {3: gated}}}",
            "f:1:24: array.lines.word.3: found gated; expected device.type 1T1R");
    refuses("array: {lines: {bit: {3: gated}}}", "f:1:26: array.lines.bit.3: found gated; expected floating, "
            "grounded or {hold_volt");
    refuses("array: {topology: source_column, faults: {word_bridges: [[0, 0, 5]]}}",
            "f:1:57: array.faults.word_bridges: word lines carry no current in this topology");
    refuses("array: {topology: plane, source_end_ohm: e.npy}",
            "f:1:42: array.source_end_ohm: found a file; expected one number, as a plane has one end");
    refuses("array: {topology: plane, source_side: left}",
            "f:1:39: array.source_side: found left; expected bottom, top or both");
}

static void overrides_are_checked_whether_the_layer_exists_or_not(void)
{
    refuses("layers: 3", "f:1:9: layers: found 3; expected a mapping from layer names or patterns to settings");
    refuses("layers: [conv1]", "f:1:9: layers: found a list; expected a mapping");
    refuses("layers: {conv1: digital}", "f:1:17: layers.conv1: found digital; expected a mapping such as {adc:");
    refuses("layers: {conv1: {keep: analog}}", "f:1:24: layers.conv1.keep: found analog; expected digital");
    refuses("layers: {conv1: {keep: [digital]}}", "f:1:24: layers.conv1.keep: found a list; expected digital");
    refuses("layers: {conv1: {adc: {bits: 0}}}", "f:1:30: adc.bits: found 0; expected a whole number from 1 to 24");
    refuses("layers:\n  conv1:\n    adc: {bts: 3}\n", "f:3:11: unknown key adc.bts; expected perhaps adc.bits");
    refuses("layers: {conv1: {bits: 3}}", "f:1:18: unknown key layers.conv1.bits; expected one of keep, array");
    refuses("layers: {conv1: {seed: 3}}", "f:1:18: unknown key layers.conv1.seed; expected one of keep");
    refuses("layers: {conv1: {crossohm: 1}}", "f:1:18: unknown key layers.conv1.crossohm; expected one of keep");
    refuses("layers: {conv1: {layers: {}}}", "f:1:18: unknown key layers.conv1.layers; expected one of keep");
    refuses("layers: {conv1: {adc: 3}}", "f:1:23: adc: found 3; expected a mapping");
    refuses("layers: {\"\": {}}", "f:1:10: layers: found \"\" as a name; expected a layer's name or a pattern, 1 to");
    refuses("layers: {\"a\\nb\": {}}", "f:1:10: layers: found a?b as a name; expected a layer's name");
    refuses("layers: {a: {}, a: {}}", "f:1:17: the key a appears twice");
}

static void keys_that_contradict_each_other_are_refused(void)
{
    refuses("device: {faults: {stuck_on_rate: 0.6, stuck_off_rate: 0.5}}",
            "f:1:34: device.faults: found stuck_on_rate 0.6 with stuck_off_rate 0.5; expected at most 1");
    refuses("device: {on_siemens: 1e-7}",
            "f:1:22: device: found on_siemens 1e-07 with off_siemens 1e-06; expected on above");
    refuses("device: {off_siemens: 1e-5}",
            "f:1:23: device: found on_siemens 1e-05 with off_siemens 1e-05; expected on");
    refuses("adc: {range: fixed}",
            "f:1:14: adc: found range fixed with low_ampere 0 and high_ampere 0; expected low below");
    refuses("adc: {range: fixed, low_ampere: 2, high_ampere: 1}", "f:1:33: adc: found range fixed with low_ampere 2");
}

static void hostile_yaml_is_refused(void)
{
    refuses("array: &a {rows: 3}\n", "f:1:8: found an anchor (&); expected plain values");
    refuses("seed: &a 3\n", "f:1:7: found an anchor (&); expected plain values");
    refuses("array: {faults: {stuck: &a []}}\n", "f:1:25: found an anchor (&)");
    refuses("seed: *a\n", "f:1:7: found an alias (*); expected plain values");
    refuses("seed: !!int 3\n", "f:1:7: found a tag (!); expected plain values");
    refuses("array: !x {}\n", "f:1:8: found a tag (!); expected plain values");
    refuses("array: {faults: {stuck: !x []}}\n", "f:1:25: found a tag (!)");
    refuses("%YAML 1.1\n---\n{}\n", "f:1:1: found a directive (%); expected plain values");
    refuses("{}\n---\n{}\n", "f:2:1: a second document begins; expected one");
    refuses("seed: 1\nseed: 2\n", "f:2:1: the key seed appears twice; expected it once");
    refuses("array: {rows: 3, columns: 2, rows: 3}\n", "f:1:30: the key rows appears twice; expected it once");
    refuses("[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]", "f:1:17: nested deeper than 16 levels; expected fewer");
    refuses("? [a]\n: 1\n", "f:1:3: found a list as a key; expected a name");
    refuses("array: {driver_ohm: \"a\\0.npy\"}", "f:1:21: found a NUL character; expected plain values");
    refuses("seed: 1\n\xc3\xa4: \xff\n", "f:2:4: invalid leading UTF-8 octet; expected YAML in UTF-8");
    refuses("array: {rows: 64", "f:2:1: did not find expected ',' or '}'");
    refuses("array:\n\trows: 3\n", "f:2:1: found character that cannot start any token");
    refuses("array: {driver_ohm: \"a\\nb.npy\"}", "f:1:21: array.driver_ohm: found the text \"a?b.npy\"; expected");
}

static void a_nul_byte_is_refused(void)
{
    struct xo_hardware h = { 0 };
    int status = xo_hardware_parse(&h, "seed: 1\n\0seed: 2\n", 17, "f", NULL, 0, NULL, &info);
    tap_ok(status == XO_ESYNTAX && !strncmp(info.text, "f:2:1: control characters are not allowed", 41),
           "%s", info.text);
}

static void crlf_and_bom_are_fine(void)
{
    struct xo_hardware h;
    tap_ok(parse(&h, "array:\r\n  rows: 3\r\n  columns: 2\r\n") == 0 && h.array.rows == 3, "CRLF");
    xo_hardware_free(&h);
    tap_ok(parse(&h, "\xef\xbb\xbfseed: 7\n") == 0 && h.seed == 7, "a byte-order mark");
    xo_hardware_free(&h);
    refuses("array:\r\n  rows: 3.7\r\n", "f:2:9: array.rows: found 3.7");
}

static void lists_name_the_wrong_element(void)
{
    refuses("array: {faults: {stuck: [[0, 1]]}}",
            "f:1:26: array.faults.stuck: found a list too short; expected [row, column,");
    refuses("array: {faults: {open_cells: [[0, 1, 2]]}}",
            "f:1:31: array.faults.open_cells: found a list too long; expected [row");
    refuses("array: {faults: {open_cells: [3]}}", "f:1:31: array.faults.open_cells: found 3; expected [row, column]");
    refuses("array: {faults: {open_cells: 3}}",
            "f:1:30: array.faults.open_cells: found 3; expected a list of [row, column]");
    refuses("array: {faults: {stuck: [[0, -1, 1]]}}",
            "f:1:30: array.faults.stuck: found -1; expected a whole number in [row,");
    refuses("array: {faults: {stuck: [[0.5, 1, 1]]}}",
            "f:1:27: array.faults.stuck: found 0.5; expected a whole number in");
    refuses("array: {faults: {stuck: [[0, 1, -1e-5]]}}",
            "f:1:33: array.faults.stuck: found -1e-5; expected 0 or a number from");
    refuses("array: {faults: {word_bridges: [[0, 1, open]]}}",
            "f:1:40: array.faults.word_bridges: found open; expected 0 or");
    refuses("array: {lines: {word: {03: floating}}}",
            "f:1:24: array.lines.word: found the line 03; expected its number");
    refuses("array: {lines: {bit: {0: flying}}}",
            "f:1:26: array.lines.bit.0: found flying; expected floating, grounded or");
    refuses("array: {lines: {bit: {0: {hold_volt: x}}}}",
            "f:1:38: array.lines.bit.0.hold_volt: found x; expected a number");
    refuses("array: {lines: {bit: [0]}}",
            "f:1:22: array.lines.bit: found a list; expected a mapping such as {3: floating}");
}

static void finish_refuses(const char *text, const char *message)
{
    struct xo_hardware h;
    int status = parse(&h, text);
    if (!status)
        status = xo_hardware_finish(&h, 4, 3, &info);
    tap_ok(status < 0, "a 4 x 3 array refuses %s", text);
    tap_equal_text(info.text, message, "... and says");
    xo_hardware_free(&h);
}

static void places_outside_the_array_are_refused(void)
{
    finish_refuses("array: {rows: 5}", "f:1:15: array.rows: found 5; expected 4, as the conductances have");
    finish_refuses("array: {columns: 4}", "f:1:18: array.columns: found 4; expected 3, as the conductances have");
    finish_refuses("array: {lines: {word: {4: floating}}}",
                   "f:1:24: array.lines.word: found line 4; expected 0 to 3");
    finish_refuses("array: {lines: {bit: {3: floating}}}", "f:1:23: array.lines.bit: found line 3; expected 0 to 2");
    finish_refuses("array: {faults: {stuck: [[3, 2, 0], [0, 3, 0]]}}",
                   "f:1:37: array.faults.stuck: found [0, 3]; expected rows 0 to 3, columns 0 to 2");
    finish_refuses("array: {faults: {open_cells: [[4, 0]]}}",
                   "f:1:31: array.faults.open_cells: found [4, 0]; expected rows 0 to 3, columns 0 to 2");
    finish_refuses("array: {faults: {open_word_segments: [[3, 2]]}}",
                   "f:1:39: array.faults.open_word_segments: found [3, 2]; expected rows 0 to 3, columns 0 to 1");
    finish_refuses("array: {faults: {open_bit_segments: [[3, 2]]}}",
                   "f:1:38: array.faults.open_bit_segments: found [3, 2]; expected rows 0 to 2, columns 0 to 2");
    finish_refuses("array: {faults: {word_bridges: [[3, 2, 1]]}}",
                   "f:1:33: array.faults.word_bridges: found [3, 2]; expected rows 0 to 2, columns 0 to 2");
    finish_refuses("array: {faults: {bit_bridges: [[3, 2, 1]]}}",
                   "f:1:32: array.faults.bit_bridges: found [3, 2]; expected rows 0 to 3, columns 0 to 1");
}

static void the_last_places_inside_are_accepted(void)
{
    struct xo_hardware h;
    int status = parse(&h, "array: {faults: {open_word_segments: [[3, 1]], open_bit_segments: [[2, 2]],\n"
                           "  word_bridges: [[2, 2, 1]], bit_bridges: [[3, 1, 1]], stuck: [[3, 2, 1]]},\n"
                           "  lines: {word: {3: floating}}}");
    tap_ok(!status && !xo_hardware_finish(&h, 4, 3, &info), "the last places of a 4 x 3 array %s", info.text);
    xo_hardware_free(&h);
    status = parse(&h, "array: {rows: 1, columns: 2, faults: {open_bit_segments: [[0, 0]]}}");
    status = status ? status : xo_hardware_finish(&h, 0, 0, &info);
    tap_equal_text(info.text, "f:1:59: array.faults.open_bit_segments: found [0, 0]; expected none in a single line",
                   "a single row has no bit segments");
    xo_hardware_free(&h);
    status = parse(&h, "{}") ? 1 : xo_hardware_finish(&h, 0, 3, &info);
    tap_equal_text(info.text, "array.rows: found no value; expected one, as no array gives it", "no rows anywhere");
    xo_hardware_free(&h);
}

static void a_missing_file_is_an_errno(void)
{
    struct xo_hardware h = { 0 };
    int status = xo_hardware_read(&h, "no/such.yaml", 0, NULL, &info);
    tap_ok(status > 0 && strstr(info.text, "no/such.yaml"), "%s", info.text);
}

static void a_large_file_is_refused_quickly(void)
{
    struct xo_hardware h = { 0 };
    size_t pairs = 1200000, used = 0;
    char *text = malloc(pairs * 4 + 20);
    if (!text)
        return;
    used += (size_t)sprintf(text, "a: [");
    for (size_t k = 0; k < pairs; k++)
        used += (size_t)sprintf(text + used, "1,\n");
    tap_ok(xo_hardware_parse(&h, text, used, "f", NULL, 0, NULL, &info) == XO_ETOOBIG, "%s", info.text);
    free(text);
}

static void commas_stay_errors_in_a_german_locale(void)
{
    struct xo_hardware h;
    if (!speak_german()) {
        tap_skip("decimal commas in a German locale", "no de_DE locale here");
        return;
    }
    refuses("array: {driver_ohm: 1,5}", "f:1:2");
    refuses("array:\n  driver_ohm: 1,5\n",
            "f:2:15: array.driver_ohm: found 1,5; expected 0 or a number from 1e-12 to");
    tap_ok(!parse(&h, "array: {driver_ohm: 1.5}") && h.array.driver_ohm.all == 1.5, "1.5 is one and a half");
    xo_hardware_free(&h);
    setlocale(LC_ALL, "C");
}

int main(void)
{
    if (!scratch_enter())
        return tap_skip_all("a folder to write to");
    wrong_numbers_are_refused();
    messages_say_place_finding_and_expectation();
    unknown_keys_suggest_the_nearest();
    a_law_needs_its_keys();
    subcircuits_need_their_keys();
    later_versions_are_named();
    gates_and_source_lines_go_together();
    overrides_are_checked_whether_the_layer_exists_or_not();
    keys_that_contradict_each_other_are_refused();
    hostile_yaml_is_refused();
    a_nul_byte_is_refused();
    crlf_and_bom_are_fine();
    lists_name_the_wrong_element();
    places_outside_the_array_are_refused();
    the_last_places_inside_are_accepted();
    a_missing_file_is_an_errno();
    a_large_file_is_refused_quickly();
    commas_stay_errors_in_a_german_locale();
    scratch_leave();
    return tap_done();
}
