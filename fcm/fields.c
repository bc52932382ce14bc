/* What a .fcm file holds.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fields.h"

#include <float.h>
#include <stddef.h>
#include <string.h>

#define AT(member) offsetof(struct xo_fcm, member)
#define LOWEST -DBL_MAX
#define HIGHEST DBL_MAX
#define REAL(path, member, unit, low, high, meaning) { path, XO_FCM_REAL, AT(member), unit, low, high, NULL, meaning }
#define WHOLE(path, member, low, high, meaning) { path, XO_FCM_INT, AT(member), "1", low, high, NULL, meaning }
#define COUNT(path, member, low, high, meaning) { path, XO_FCM_SIZE, AT(member), "1", low, high, NULL, meaning }
#define RARE(path, member, low, high, meaning) \
    { path, XO_FCM_SIZE_OR_NONE, AT(member), "1", low, high, NULL, meaning }
#define WORD(path, member, words, meaning) { path, XO_FCM_WORD, AT(member), NULL, 0, 0, words, meaning }
#define ARRAY(path, kind, member, unit, low, high, meaning) { path, kind, AT(member), unit, low, high, NULL, meaning }

const struct xo_fcm_field xo_fcm_fields[] = {
    { "schema_version", XO_FCM_VERSION_KIND, 0, "1", 1, XO_FCM_VERSION, NULL, "version of this format" },
    WORD("model/scope", scope, "array|technology", "one programmed array, or a technology that programs any"),
    COUNT("model/rows", rows, 1, 16777216, "word lines, driven"),
    COUNT("model/columns", columns, 1, 16777216, "bit lines, sensed"),
    WHOLE("model/exact", exact, 0, 1, "1: the stage is the circuit itself, not a fit"),
    WORD("model/stage", stage, "linear|basis|corrected|ladder", "what carries volts to amperes"),
    COUNT("model/candidates", candidates, 0, XO_FCM_MOST_CANDIDATES,
          "how many stages were tried; 0: none, it is exact"),
    { "model/seed", XO_FCM_U64, AT(seed), "1", 0, 0x1p64, NULL, "seed of every random number" },

    ARRAY("linear/g_ni", XO_FCM_CELLS, g_ni_siemens, "S", LOWEST, HIGHEST,
          "column current per row voltage, wires included"),
    ARRAY("linear/g_ni_bound", XO_FCM_CELLS, g_ni_bound_siemens, "S", 0, HIGHEST,
          "no entry of g_ni is further than this from exact"),
    ARRAY("linear/i0", XO_FCM_COLUMNS, offset_ampere, "A", LOWEST, HIGHEST, "column current with all inputs at 0 V"),
    ARRAY("linear/i0_bound", XO_FCM_COLUMNS, offset_bound_ampere, "A", 0, HIGHEST,
          "no entry of i0 is further than this from exact"),
    ARRAY("linear/cells", XO_FCM_CELLS, cell_siemens, "S", 0, HIGHEST, "cell conductances as programmed"),

    COUNT("basis/functions", basis.functions, 0, XO_FCM_MOST_FUNCTIONS, "how many b_k; 0: no such stage"),
    COUNT("basis/terms", basis.terms, 0, XO_FCM_MOST_TERMS, "powers of V/scale_volt, from the first"),
    WHOLE("basis/bent", basis.bent, 0, 1, "1: with bend"),
    REAL("basis/scale_volt", basis.scale_volt, "V", 0, HIGHEST, "voltage of 1"),
    ARRAY("basis/coefficients", XO_FCM_FUNCTIONS, basis.coefficient_volt, "V", LOWEST, HIGHEST,
          "b_k(V) = sum_d coefficients[k][d] (V/scale_volt)^(d+1), d from 0"),
    ARRAY("basis/matrices", XO_FCM_MATRICES, basis.matrix_siemens, "S", LOWEST, HIGHEST,
          "A_0 on A_1 on ...: y_j = sum_k sum_i A_k[i][j] b_k(V_i)"),
    ARRAY("basis/bend", XO_FCM_COLUMNS, basis.bend_per_ampere, "1/A", LOWEST, HIGHEST,
          "I_j = y_j (1 + bend_j y_j) + i0_j"),

    COUNT("correction/count", correction.count, 0, XO_FCM_MOST_CORRECTIONS, "corrections; 0: no such stage"),
    COUNT("correction/sweeps", correction.sweeps, 0, XO_FCM_MOST_SWEEPS,
          "over word and bit lines, per linear solution"),
    COUNT("correction/curves", correction.curves, 0, 16777216, "different laws of cells"),
    COUNT("correction/points", correction.points, 0, 65536, "of each"),
    REAL("correction/low_volt", correction.low_volt, "V", LOWEST, HIGHEST, "cell voltage of the first point"),
    REAL("correction/high_volt", correction.high_volt, "V", LOWEST, HIGHEST, "and of the last, in even steps"),
    ARRAY("correction/excess", XO_FCM_CURVES, correction.excess_ampere, "A", LOWEST, HIGHEST,
          "law of a cell of scale 1, less siemens times volt"),
    ARRAY("correction/cell_curve", XO_FCM_CELLS, correction.cell_curve, "1", 0, 16777215, "which curve a cell has"),
    ARRAY("correction/cell_scale", XO_FCM_CELLS, correction.cell_scale, "1", 0, HIGHEST, "times what"),
    ARRAY("correction/cell_siemens", XO_FCM_CELLS, correction.cell_siemens, "S", 0, HIGHEST, "linear cells"),
    ARRAY("correction/word_divider", XO_FCM_CELLS, correction.word_divider, "1", 0, 1,
          "1/(1 + r Y) along word lines"),
    ARRAY("correction/word_ohm", XO_FCM_CELLS, correction.word_ohm, "ohm", 0, HIGHEST, "r/(1 + r Y)"),
    ARRAY("correction/bit_divider", XO_FCM_CELLS, correction.bit_divider, "1", 0, 1, "1/(1 + r Y) along bit lines"),
    ARRAY("correction/bit_ohm", XO_FCM_CELLS, correction.bit_ohm, "ohm", 0, HIGHEST, "r/(1 + r Y)"),
    WHOLE("correction/word_from_right", correction.word_from_right, 0, 1, "1: word lines begin at the last column"),
    WHOLE("correction/bit_from_top", correction.bit_from_top, 0, 1, "1: bit lines begin at row 0"),
    ARRAY("correction/word_driven", XO_FCM_ROWS, correction.word_driven, "1", 0, 1, "1: V_i is behind the line"),
    ARRAY("correction/word_volt", XO_FCM_ROWS, correction.word_volt, "V", LOWEST, HIGHEST,
          "what is, where V_i is not"),
    ARRAY("correction/bit_volt", XO_FCM_COLUMNS, correction.bit_volt, "V", LOWEST, HIGHEST, "behind the line"),
    ARRAY("correction/word_far_siemens", XO_FCM_ROWS, correction.word_far_siemens, "S", 0, HIGHEST,
          "from the last node to the same source"),
    ARRAY("correction/bit_far_siemens", XO_FCM_COLUMNS, correction.bit_far_siemens, "S", 0, HIGHEST,
          "from the last node to the same terminal"),
    ARRAY("correction/bit_siemens", XO_FCM_COLUMNS, correction.bit_siemens, "S", 0, HIGHEST, "Y of the first node"),

    WHOLE("ladder/top_is_far", ladder.top_is_far, 0, 1, "1: rung 0 is row 0; else the last row"),
    REAL("ladder/transistor_ohm", ladder.transistor_ohm, "ohm", 0, HIGHEST, "of a gate at read_volt"),
    REAL("ladder/transistor_off", ladder.transistor_off_siemens, "S", 0, HIGHEST, "of a gate at 0 V"),
    ARRAY("ladder/cells", XO_FCM_CELLS, ladder.cell_siemens, "S", 0, HIGHEST, "rungs without their transistors"),
    ARRAY("ladder/step", XO_FCM_CELLS, ladder.step_ohm, "ohm", 0, HIGHEST, "both lines, to the next rung"),
    ARRAY("ladder/second", XO_FCM_CELLS, ladder.second_ohm, "ohm", 0, HIGHEST,
          "the line that ends at the bottom, where step is the one that ends at the top"),
    ARRAY("ladder/end", XO_FCM_COLUMNS, ladder.end_ohm, "ohm", 0, HIGHEST, "both ends together"),
    ARRAY("ladder/volt", XO_FCM_COLUMNS, ladder.volt, "V", LOWEST, HIGHEST, "between them"),
    RARE("curves/count", ladder.curves, 1, 16777216, "of nonlinear cells"),
    RARE("curves/points", ladder.points, 2, 16777216, "of each"),
    ARRAY("curves/volt", XO_FCM_LADDER_POINTS, ladder.curve_volt, "V", LOWEST, HIGHEST, "of the points"),
    ARRAY("curves/ampere", XO_FCM_LADDER_CURVES, ladder.curve_ampere, "A", LOWEST, HIGHEST, "currents there"),
    ARRAY("curves/siemens", XO_FCM_LADDER_CURVES, ladder.curve_siemens, "S", 0, HIGHEST, "slopes there"),
    ARRAY("curves/cell_curve", XO_FCM_CELLS, ladder.cell_curve, "1", 0, 16777215, "first curve of a cell"),
    ARRAY("curves/cell_lower", XO_FCM_CELLS, ladder.cell_lower, "1", 0, HIGHEST, "times what"),
    ARRAY("curves/cell_upper", XO_FCM_CELLS, ladder.cell_upper, "1", 0, HIGHEST, "and the next, times what"),
    ARRAY("curves/cell_ohm", XO_FCM_CELLS, ladder.cell_ohm, "ohm", 0, HIGHEST, "in series, without transistor"),

    ARRAY("candidates/table", XO_FCM_CANDIDATES, candidate, "1", LOWEST, HIGHEST,
          "stage functions bent corrections sweeps cost error_rms error_max 95_%_low 95_%_high, held out"),

    WHOLE("dac/bits", dac.bits, 1, 16, "bits of a digit"),
    WORD("dac/encoding", dac.encoding, "amplitude|pulse_width", "how a digit drives the row"),
    REAL("dac/read_volt", dac.read_volt, "V", 0, HIGHEST, "voltage of the largest digit"),
    REAL("dac/gain_error", dac.gain_error, "1", LOWEST, HIGHEST, "relative error of the slope"),
    REAL("dac/offset_volt", dac.offset_volt, "V", LOWEST, HIGHEST, "voltage of digit 0"),
    REAL("dac/noise_volt", dac.noise_volt, "V", 0, HIGHEST, "standard deviation"),
    REAL("dac/output_ohm", dac.output_ohm, "ohm", 0, HIGHEST, "part of driver_ohm in the circuit that was fitted"),
    ARRAY("dac/inl_volt", XO_FCM_INL, dac.inl_volt, "V", LOWEST, HIGHEST, "c1, c2, ... of c1 t + c2 t^2 + ..."),

    WHOLE("adc/bits", adc.bits, 1, 24, "bits of a code"),
    WORD("adc/range", adc.range, "full|granular|calibrated|fixed", "the rule behind column_low and column_lsb"),
    WORD("adc/range_scope", adc.range_scope, "layer|tile|column", "what shares a calibrated range"),
    REAL("adc/quantile", adc.quantile, "1", 0, 0.5, "calibrated: share of currents left out at either end"),
    REAL("adc/low_ampere", adc.low_ampere, "A", LOWEST, HIGHEST, "fixed: lowest current asked for"),
    REAL("adc/high_ampere", adc.high_ampere, "A", LOWEST, HIGHEST, "fixed: highest current asked for"),
    REAL("adc/gain_error", adc.gain_error, "1", LOWEST, HIGHEST, "relative error of the slope"),
    REAL("adc/offset_lsb", adc.offset_lsb, "LSB", LOWEST, HIGHEST, "code of 0 A less its ideal one"),
    REAL("adc/noise_lsb", adc.noise_lsb, "LSB", 0, HIGHEST, "standard deviation"),
    ARRAY("adc/inl_lsb", XO_FCM_INL, adc.inl_lsb, "LSB", LOWEST, HIGHEST, "c1, c2, ... of c1 t + c2 t^2 + ..."),
    ARRAY("adc/column_low", XO_FCM_COLUMNS, adc_low_ampere, "A", LOWEST, HIGHEST, "current of code 0"),
    ARRAY("adc/column_lsb", XO_FCM_COLUMNS, adc_lsb_ampere, "A", DBL_MIN, HIGHEST, "current of one code step"),

    WORD("gain/scope", gain.scope, "none|array|column", "what shares a gain"),
    WORD("gain/where", gain.where, "digital|reference", "behind the ADC, or in its reference"),
    WORD("gain/source", gain.source, "measured|oracle", "least squares on read currents, or the ratio of sums"),
    WHOLE("gain/vectors", gain.vectors, 0, 1e6, "measured: how many inputs"),
    ARRAY("gain/factor", XO_FCM_COLUMNS, gain_factor, "1", LOWEST, HIGHEST, "currents are multiplied by it"),

    REAL("validity/low_volt", validity.low_volt, "V", LOWEST, HIGHEST, "lowest input of the fit"),
    REAL("validity/high_volt", validity.high_volt, "V", LOWEST, HIGHEST, "highest input of the fit"),
    REAL("validity/low_siemens", validity.low_siemens, "S", 0, HIGHEST, "lowest programmed conductance"),
    REAL("validity/high_siemens", validity.high_siemens, "S", 0, HIGHEST, "highest programmed conductance"),
    REAL("validity/low_sparsity", validity.low_sparsity, "1", 0, 1, "lowest share of inputs at 0 V"),
    REAL("validity/high_sparsity", validity.high_sparsity, "1", 0, 1, "highest share of inputs at 0 V"),
    COUNT("validity/held_out_inputs", validity.held_out_inputs, 0, 1e15, "inputs kept out of the fit; 0: no test"),
    COUNT("validity/held_out_arrays", validity.held_out_arrays, 0, 1e15, "arrays kept out of the fit"),
    REAL("validity/error_rms", validity.error_rms, "1", 0, HIGHEST, "rms error on those, over full_scale"),
    REAL("validity/error_max", validity.error_max, "1", 0, HIGHEST, "largest error on those, over full_scale"),
    ARRAY("validity/error_interval95", XO_FCM_PAIR, validity.error_interval95, "1", LOWEST, HIGHEST,
          "95 % of the errors lie between these, over full_scale"),
    REAL("validity/full_scale", validity.full_scale_ampere, "A", 0, HIGHEST, "largest exact current among those"),

    { "provenance/hardware", XO_FCM_TEXT, AT(hardware_yaml), NULL, 0, 0, NULL, "hardware description, YAML" },
    { "provenance/lines", XO_FCM_TEXT, AT(provenance), NULL, 0, 0, NULL, "name: value, a line each" }
};
const size_t xo_fcm_field_count = sizeof xo_fcm_fields / sizeof *xo_fcm_fields;
_Static_assert(sizeof xo_fcm_fields / sizeof *xo_fcm_fields <= XO_FCM_MAX_FIELDS, "raise XO_FCM_MAX_FIELDS");

const char *xo_fcm_type_name(enum xo_fcm_type type)
{
    static const char *const name[] = { "f8", "i8", "u8", "text" };
    return name[type];
}

enum xo_fcm_type xo_fcm_type_of(const struct xo_fcm_field *f)
{
    switch (f->kind) {
    case XO_FCM_VERSION_KIND:
    case XO_FCM_INT:
    case XO_FCM_SIZE:
    case XO_FCM_SIZE_OR_NONE:
        return XO_FCM_I8;
    case XO_FCM_U64:
        return XO_FCM_U8;
    case XO_FCM_WORD:
    case XO_FCM_TEXT:
        return XO_FCM_CHARS;
    default:
        return XO_FCM_F8;
    }
}

bool xo_fcm_may_lack(const struct xo_fcm_field *f)
{
    return f->kind == XO_FCM_INL || f->kind == XO_FCM_TEXT || f->kind == XO_FCM_SIZE_OR_NONE
           || xo_fcm_is_array(f->kind);
}

const char *xo_fcm_word(char *word, const char *words, int k)
{
    for (; k > 0 && words; k--) {
        words = strchr(words, '|');
        words += words != NULL;
    }
    if (!words || k < 0)
        return NULL;
    size_t length = strcspn(words, "|");
    memcpy(word, words, length);
    word[length] = '\0';
    return word;
}

int xo_fcm_word_index(const char *words, const char *text, size_t length)
{
    char word[XO_FCM_WORD_SIZE];
    for (int k = 0; xo_fcm_word(word, words, k); k++)
        if (strlen(word) == length && !memcmp(word, text, length))
            return k;
    return -1;
}

/* ---- a model through the table -------------------------------------------------------------------- */

static void vector(struct xo_fcm_item *item, const double *value, size_t count)
{
    item->dimensions = 1;
    item->shape[0] = item->count = count;
    item->real = value;
}

bool xo_fcm_is_array(enum xo_fcm_kind kind)
{
    return kind >= XO_FCM_ROWS;
}

void xo_fcm_shape(size_t *dimensions, size_t shape[2], enum xo_fcm_kind kind, const struct xo_fcm *m)
{
    const struct { size_t dimensions, shape[2]; } of[] = {
        [XO_FCM_ROWS] = {1, {m->rows, 1}},
        [XO_FCM_COLUMNS] = {1, {m->columns, 1}},
        [XO_FCM_CELLS] = {2, {m->rows, m->columns}},
        [XO_FCM_FUNCTIONS] = {2, {m->basis.functions, m->basis.terms}},
        [XO_FCM_MATRICES] = {2, {m->basis.functions * m->rows, m->columns}},
        [XO_FCM_CURVES] = {2, {m->correction.curves, m->correction.points}},
        [XO_FCM_LADDER_POINTS] = {1, {m->ladder.points, 1}},
        [XO_FCM_LADDER_CURVES] = {2, {m->ladder.curves, m->ladder.points}},
        [XO_FCM_CANDIDATES] = {2, {m->candidates, XO_FCM_CANDIDATE_NUMBERS}}
    };
    *dimensions = of[kind].dimensions;
    shape[0] = of[kind].shape[0];
    shape[1] = of[kind].shape[1];
}

static bool array(struct xo_fcm_item *item, const double *value, enum xo_fcm_kind kind, const struct xo_fcm *m)
{
    xo_fcm_shape(&item->dimensions, item->shape, kind, m);
    item->count = item->shape[0] * item->shape[1];
    item->real = value;
    return value && item->count;
}

bool xo_fcm_look(struct xo_fcm_item *item, const struct xo_fcm_field *f, const struct xo_fcm *m)
{
    const char *at = (const char *)m + f->offset;
    memset(item, 0, sizeof *item);
    item->type = xo_fcm_type_of(f);
    item->count = 1;
    switch (f->kind) {
    case XO_FCM_VERSION_KIND: item->scalar.i = XO_FCM_VERSION; break;
    case XO_FCM_REAL:    item->real = (const double *)at; break;
    case XO_FCM_PAIR:    vector(item, (const double *)at, 2); break;
    case XO_FCM_INT:
    case XO_FCM_WORD:    item->scalar.i = *(const int *)at; break;
    case XO_FCM_SIZE:    item->scalar.i = (int64_t)*(const size_t *)at; break;
    case XO_FCM_SIZE_OR_NONE: item->scalar.i = (int64_t)*(const size_t *)at;
                         return item->scalar.i > 0;
    case XO_FCM_U64:     item->scalar.u = *(const uint64_t *)at; break;
    case XO_FCM_INL:     vector(item, ((const struct xo_inl *)at)->coefficient, ((const struct xo_inl *)at)->count);
                         return item->count > 0;
    case XO_FCM_TEXT:    item->text = *(char *const *)at;
                         item->count = item->text ? strlen(item->text) : 0;
                         return item->text != NULL;
    default:             return array(item, *(double *const *)at, f->kind, m);
    }
    return true;
}
