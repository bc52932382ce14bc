/* The hardware description file (YAML): the array, its devices, converters and how weights map onto them.
 *     xo_hardware_read()     file and --set overrides -> struct xo_hardware, every key checked
 *     xo_hardware_finish()   the array's size is known -> .npy values loaded, lines expanded, faults checked
 *     xo_hardware_print()    struct xo_hardware -> the same file in canonical form, defaults written out
 * One table in hardware/schema.c says for every key its type, unit, range, default and place in the struct;
 * reading and printing both follow it, and crossohm-hardware(5) explains it.  Errors read
 *     board.yaml:3:9: array.rows: found 3.7; expected a whole number from 1 to 16777216
 * and for overrides `--set array.rows: found 3.7; expected ...`.  SI units throughout.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_HARDWARE_H
#define XO_HARDWARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "xo_crossbar.h"
#include "xo_subcircuit.h"
#include "xo_status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define XO_HARDWARE_VERSION 1          /* `crossohm: 1` */
#define XO_MAX_INL 8                   /* terms of an integral-nonlinearity polynomial */

/* device: the programmable resistor at every crossing.  Its law, what is in series with it (type, selector,
 * transistor, series_ohm) are in struct xo_crossbar, as the topology is. */
struct xo_device {
    double on_siemens, off_siemens;    /* on > off >= 0                                  */
    int bits_per_cell;                 /* c: 2^c conductance levels, off to on           */
};

/* device.variation: how far programmed cells lie from where they should.  A cell of conductance g > 0 gets one drawn
 * with mean g and standard deviation sigma g (scale: conductance) or sigma (on - off) (scale: range), 0 where that is
 * negative. */
enum xo_distribution { XO_GAUSSIAN, XO_LOGNORMAL };
enum xo_spread { XO_SPREAD_CONDUCTANCE, XO_SPREAD_RANGE };
struct xo_variation {
    double sigma;                      /* 0: none */
    enum xo_distribution distribution;
    enum xo_spread scale;
};
/* device.faults: cells that stay on or off whatever is programmed; drawn for every cell, or alike in every array. */
struct xo_cell_faults {
    double stuck_on_rate, stuck_off_rate;      /* together at most 1                             */
    struct xo_values map;                      /* each: [rows][columns] 1 on, -1 off, 0 neither  */
};

/* c1 t + c2 t^2 + ... over the full scale t = 0..1. */
struct xo_inl {
    size_t count;
    double coefficient[XO_MAX_INL];    /* [0] is c1 */
};

/* dac: digit e -> volt, t = e/(2^bits - 1):
 * read_volt t (1 + gain_error) + offset_volt + sum inl_volt[k] t^k + noise_volt N(0,1) */
enum xo_dac_encoding { XO_DAC_AMPLITUDE, XO_DAC_PULSE_WIDTH };
struct xo_dac {
    int bits;
    enum xo_dac_encoding encoding;
    double read_volt, gain_error, offset_volt, noise_volt;
    double output_ohm;                 /* adds to driver_ohm when the converters are part of the circuit */
    struct xo_inl inl_volt;
};

/* adc: ampere -> code, z = (I - lo)/LSB:
 * round(z (1 + gain_error) + offset_lsb + sum inl_lsb[k] t^k + noise_lsb N(0,1)), clamped */
enum xo_adc_range { XO_ADC_FULL, XO_ADC_GRANULAR, XO_ADC_CALIBRATED, XO_ADC_FIXED };
enum xo_adc_scope { XO_ADC_LAYER, XO_ADC_TILE, XO_ADC_COLUMN };
struct xo_adc {
    int bits;
    enum xo_adc_range range;
    enum xo_adc_scope range_scope;     /* calibrated: one range per layer, tile or column   */
    double quantile;                   /* calibrated: q and 1 - q of the currents seen      */
    double low_ampere, high_ampere;    /* fixed: low < high                                 */
    double gain_error, offset_lsb, noise_lsb;
    struct xo_inl inl_lsb;
};

/* mapping: network integers -> digits in cells, and back. */
enum xo_clip_rule { XO_CLIP_MAX, XO_CLIP_PERCENTILE, XO_CLIP_SIGMA };
struct xo_clip {
    enum xo_clip_rule rule;
    double value;                      /* percentile 0..100, or so many standard deviations; 0 for max */
};
enum xo_batch_norm { XO_BATCH_NORM_FOLD, XO_BATCH_NORM_DIGITAL };
enum xo_depthwise { XO_DEPTHWISE_BLOCK_DIAGONAL, XO_DEPTHWISE_DIGITAL };
enum xo_weight_scale { XO_SCALE_LAYER, XO_SCALE_CHANNEL };
enum xo_sign { XO_SIGN_DIFFERENTIAL, XO_SIGN_OFFSET, XO_SIGN_TWOS_COMPLEMENT };
enum xo_placement { XO_IN_TILES, XO_IN_COLUMNS };
enum xo_subtract { XO_SUBTRACT_ANALOG, XO_SUBTRACT_DIGITAL };
enum xo_unused_cell { XO_UNUSED_OFF, XO_UNUSED_OPEN };
enum xo_order { XO_ORDER_NATURAL };
enum xo_input_sign { XO_INPUT_TWO_PHASE, XO_INPUT_TWOS_COMPLEMENT };
enum xo_off_current { XO_OFF_POPCOUNT, XO_OFF_REFERENCE_COLUMN, XO_OFF_NONE };
struct xo_mapping {
    int weight_bits, input_bits;
    enum xo_sign sign;
    enum xo_placement pair;            /* differential: where G+ and G- sit                  */
    enum xo_subtract subtract;
    enum xo_placement slices;          /* where the slices of bits_per_cell bits sit         */
    enum xo_order order;
    enum xo_unused_cell unused_cell;
    enum xo_off_current off_current;
    struct xo_clip weight_clip;
    enum xo_weight_scale weight_scale;
    struct xo_clip input_range;        /* max or percentile                                  */
    enum xo_input_sign input_sign;
    enum xo_batch_norm batch_norm;
    enum xo_depthwise depthwise;
};

/* gain: the factor that undoes the mean loss in the wires. */
enum xo_gain_scope { XO_GAIN_NONE, XO_GAIN_ARRAY, XO_GAIN_COLUMN };
enum xo_gain_where { XO_GAIN_DIGITAL, XO_GAIN_REFERENCE };
enum xo_gain_source { XO_GAIN_MEASURED, XO_GAIN_ORACLE };
struct xo_gain {
    enum xo_gain_scope scope;
    enum xo_gain_where where;
    enum xo_gain_source source;
    int vectors;                       /* measured: how many input vectors */
};

struct xo_hardware {
    int version;                       /* `crossohm:`                                              */
    struct xo_crossbar array;          /* rows, columns 0 if the file gives none; see finish below */
    struct xo_device device;
    struct xo_subcircuit_keys subcircuit;      /* law spice; its file's name is as written, NULL else. After finish
                                          array.law.subcircuit has its tables, for as long as h lives        */
    struct xo_variation variation;                                    /* device.variation */
    struct xo_cell_faults cell_faults;                                /* device.faults    */
    struct xo_dac dac;
    struct xo_adc adc;
    struct xo_mapping mapping;
    struct xo_gain gain;
    uint64_t seed;
    struct xo_hardware_owned *owned;   /* the memory behind every pointer above */
};

/* Read a file ("-" is standard input; NULL: defaults only), then apply set[0..set_count) in order, each
 * "key.path=value" with the value in YAML.  `device: {file: device.yaml}` reads the section `device:` of that file;
 * keys beside `file` win over it.  Does not open .npy files yet.  Names are relative to the folder of the file that
 * holds them.  Release *out with xo_hardware_free.  On failure *out is untouched.
 * XO_ESYNTAX for what is not YAML, XO_EVALUE for unknown keys and wrong or impossible values, XO_EUNSUPPORTED
 * for what only later versions offer, XO_ETOOBIG beyond 16 MiB or a million values, errno, ENOMEM. */
int xo_hardware_read(struct xo_hardware *out, const char *path, size_t set_count, const char *const *set,
                     struct xo_info *info);

/* The same from memory.  bytes NULL: defaults only.
 *   name    the file's name in messages
 *   folder  what .npy names are relative to; NULL: the current folder */
int xo_hardware_parse(struct xo_hardware *out, const char *bytes, size_t nbytes, const char *name,
                      const char *folder, size_t set_count, const char *const *set, struct xo_info *info);

/* Make h->array complete for an array of rows x columns (the shape of G; 0, 0 takes the file's own): loads
 * .npy values and checks their shapes, expands `lines`, checks that every line and fault lies inside.
 * XO_ESHAPE if sizes disagree, XO_EVALUE for a site outside the array or a bad value in a .npy, errno, ENOMEM.
 * Call it once; on failure h can only be freed. */
int xo_hardware_finish(struct xo_hardware *h, size_t rows, size_t columns, struct xo_info *info);

/* The hardware of one layer of a network: base with every setting that `layers:` has for its name, the later ones
 * winning.  A pattern is the name itself or matches it as file names are matched (fnmatch: * ? [...]).
 * *keep_digital: the layer is not to lie on arrays.  Not finished, whether base is or not.  *out borrows from base,
 * which must outlive it.
 * XO_EVALUE where settings contradict each other only together, ENOMEM.  On failure outputs are untouched. */
int xo_hardware_for_layer(struct xo_hardware *out, const struct xo_hardware *base, const char *layer,
                          bool *keep_digital, struct xo_info *info);

/* XO_EVALUE at the first pattern that matches none of a network's layers; names those near to it. */
int xo_hardware_check_layers(const struct xo_hardware *h, size_t count, const char *const *layer,
                             struct xo_info *info);

/* Canonical YAML of every key, in memory the caller frees: reading it gives h again.  Returns 0 or ENOMEM. */
int xo_hardware_print(char **text, const struct xo_hardware *h);

void xo_hardware_free(struct xo_hardware *h);                            /* leaves *h zeroed; NULL allowed */

#ifdef __cplusplus
}
#endif
#endif
