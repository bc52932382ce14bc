/* A network's layers on arrays: inputs -> digits -> currents -> codes -> sums.  Private to dnn/; what is inside is in
 * engine_private.h.
 * SPDX-License-Identifier: GPL-3.0-or-later */

/* What MAPPING leaves open, as it is here:
 * - off_current: popcount subtracts off sum e read_volt/(2^a - 1): digits are known, errors of the DAC are not.  A
 *   reference column is a conversion like others: its currents join those of its layer or tile, it has a gain.
 * - pulse_width: ohmic cells get the charge of an amplitude, errors of the DAC included: the same results.
 * - noise of a DAC is drawn for every tile by itself; of an ADC for every conversion; both for every image, position
 *   and stream.  Calibration images draw other numbers than scored ones.
 * - a gain that is measured: every calibration image offers `vectors` inputs, each at a random position and stream;
 *   those with the lowest of random priorities are taken.  Without images: uniform digits.
 * - rows beyond the matrix carry 0 V; columns beyond it are not read.
 * - an input or conversion of a depthwise matrix whose block holds no weight does not exist.
 * Codes are found in float32 where 12 bits or less are asked for and nothing is random or curved (a code then differs
 * from float64's only where the current is within 2^-12 LSB of an edge), else in float64. */
#ifndef XO_DNN_ENGINE_H
#define XO_DNN_ENGINE_H

#include "layers.h"
#include "layout.h"
#include "run.h"
#include "xo_converter.h"
#include "xo_simd.h"

enum xo_stage {
    XO_STAGE_FP32,                     /* the network as it is                                    */
    XO_STAGE_QUANTISED,                /* integers, exactly                                       */
    XO_STAGE_CONVERTERS,               /* and DAC, ADC, gain on ideal arrays                      */
    XO_STAGE_CIRCUIT,                  /* and wires, of a programmed engine                       */
    XO_STAGE_ANALOG,                   /* no converters: of either engine, as its arrays are; analog.c */
    XO_STAGES
};

/* What calibration found for a layer. */
struct xo_layer_range {
    double low, high;                  /* of its inputs: extremes, or the percentile asked for    */
};

typedef struct xo_engine_dnn xo_engine_dnn;

/* hardware [layers->count]: each layer's own, overrides applied (NULL: the layer stays digital); all borrowed. */
int xo_engine_dnn_new(xo_engine_dnn **out, const struct xo_graph *g, const struct xo_layers *layers,
                      const struct xo_hardware *const *hardware, const struct xo_layer_range *range,
                      struct xo_info *info);
void xo_engine_dnn_free(xo_engine_dnn *e);

/* The same layers on programmed arrays: for every array its digits become conductances, the circuit around them is
 * solved exactly (xo_batch, float64, then rounded), and G_ni and i0 take the place of G.  Where a layer's resistances
 * are all 0, its lines all driven and sensed at 0 V and nothing varies or is stuck, G_ni is G itself.
 * base must be calibrated and outlive the new engine, which has to be calibrated in its turn: its ranges and gains
 * are those of the programmed arrays.  It serves XO_STAGE_CIRCUIT, XO_STAGE_ANALOG and calibrators.
 * XO_ECONFLICT and others of xo_circuit_new and xo_batch_new, with the layer's name; ENOMEM. */
struct xo_programming {
    const struct xo_hardware *const *hardware; /* [layers] base's with another gain; NULL: base's     */
    bool varies;                       /* draw device.variation and device.faults                 */
    uint64_t instance;                 /* ... for the array made so many'th                       */
    int threads;
    enum xo_simd simd;
    bool in_float32;                   /* solve arrays in float32: quicker, but with hardly a bound          */
};
int xo_engine_dnn_program(xo_engine_dnn **out, const xo_engine_dnn *base, const struct xo_programming *how,
                          struct xo_info *info);
/* Does device.variation or device.faults ask for draws?  Is G_ni G itself? */
bool xo_hardware_varies(const struct xo_hardware *h);
bool xo_is_ideal(const struct xo_hardware *h, bool varies);
/* Other instructions than this machine's best: slower, the same bytes.  Before any thread runs. */
void xo_engine_dnn_simd(xo_engine_dnn *e, enum xo_simd simd);

/* Counts of what happened, per layer, in images whose number is a multiple of XO_SAMPLE. */
enum { XO_SAMPLE = 32 };
struct xo_layer_counts {
    uint64_t conversions, clipped, flipped;     /* clipped: the code before clamping was none      */
                                                /* flipped: unlike that of the ideal array        */
    double error_square, signal_square;         /* of the layer's sums against exact integers     */
};

/* Do its arrays multiply inputs by a matrix, and do nothing else?  As XO_STAGE_ANALOG needs; XO_EUNSUPPORTED names
 * layer and reason: nonlinear cells, inputs on gates, held lines or sense voltages. */
int xo_check_linear(const struct xo_hardware *h, const char *layer, struct xo_info *info);

/* One thread's scratch and counts. */
typedef struct xo_engine_thread xo_engine_thread;
int xo_engine_thread_new(xo_engine_thread **out, xo_engine_dnn *e, enum xo_stage stage, struct xo_info *info);
void xo_engine_thread_free(xo_engine_thread *t);
struct xo_layer_hook xo_engine_hook(xo_engine_thread *t);
/* Which image comes next: places the noise, decides what is sampled, and begins new counts. */
void xo_engine_thread_image(xo_engine_thread *t, uint64_t first_image);
const struct xo_layer_counts *xo_engine_thread_counts(const xo_engine_thread *t);      /* [layers] */

/* Calibration: run all `images` calibration images with threads of stage XO_STAGE_QUANTISED made by this, then fix
 * ranges and gains; *again: not yet, run all of them once more.  After that stage XO_STAGE_CONVERTERS, or of a
 * programmed engine XO_STAGE_CIRCUIT, may run. */
int xo_engine_calibrator_new(xo_engine_thread **out, xo_engine_dnn *e, size_t images, struct xo_info *info);
int xo_engine_calibrate(xo_engine_dnn *e, size_t threads, xo_engine_thread *const *t, bool *again,
                        struct xo_info *info);

/* For reports: what a layer got. */
struct xo_layer_sheet {
    const char *name;
    size_t inputs, outputs, groups, tiles, cells, used_cells;
    int slices, streams;
    double weight_scale, input_scale, unit_ampere, low_ampere, lsb_ampere, gain;       /* of its first column */
    int32_t weight_zero, input_zero;
    bool is_signed;
    /* of a programmed layer; all 0 where G_ni is G itself */
    struct xo_loss {
        size_t arrays, columns;        /* solved; read                                            */
        double nf_mean, nf_low, nf_high;       /* share of a column's current that is lost, over its inputs   */
        double bound_rel;              /* no entry of G_ni, rounded, is further off, known beforehand */
        size_t sampled;                /* arrays of which some columns were certified ...         */
        double sampled_error_rel;      /* ... to lie within this                                  */
        double fitted_rms;             /* nonlinear cells: rms error of the currents of sampled   */
                                       /* arrays over full scale; the one above is the largest    */
    } loss;
};
void xo_engine_sheet(const xo_engine_dnn *e, size_t layer, struct xo_layer_sheet *out);

#endif
