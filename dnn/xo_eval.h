/* What a network loses on arrays: calibrate, run stage by stage, count.
 *     xo_eval_new()       network, hardware, data -> weights on arrays; ranges and gains from calibration images
 *     xo_eval_run()       every scored image through every stage; killed, it goes on where it was
 *     xo_eval_result()    predictions, hits, figures per layer
 *     xo_share_of(), xo_paired_of()    what that is worth, statistically
 * The definitions are those of crossohm-hardware(5).  Same request, same bytes, for any number of threads, in one go
 * or resumed.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_EVAL_H
#define XO_EVAL_H

#include <stddef.h>
#include <stdint.h>
#include "xo_calibrate.h"
#include "xo_data.h"
#include "xo_hardware.h"
#include "xo_network.h"
#include "xo_ngspice.h"
#include "xo_simd.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Each stage adds to the one before it, but the last. */
enum xo_eval_stage {
    XO_EVAL_FP32,                      /* the network as it is, in float32              */
    XO_EVAL_QUANTISED,                 /* weights and inputs as integers, sums exact    */
    XO_EVAL_CONVERTERS,                /* DAC, ADC and gain on arrays without wires     */
    XO_EVAL_CIRCUIT,                   /* every array solved exactly, wires and all     */
    XO_EVAL_VARIATION,                 /* as programmed: device.variation and faults    */
    XO_EVAL_ANALOG,                    /* the circuit's arrays and gain without converters: inputs are continuous
                                          voltages, currents are taken as they are and decoded in float64        */
    XO_EVAL_STAGES
};
/* "fp32", "quantised", "converters", "circuit", "variation", "analog". */
const char *xo_eval_stage_name(enum xo_eval_stage stage);

enum xo_eval_phase { XO_EVAL_RANGES, XO_EVAL_CURRENTS, XO_EVAL_PROGRAMMING, XO_EVAL_IMAGES, XO_EVAL_AUDIT,
                     XO_EVAL_CODES };

/* A stage that not every hardware has. */
enum xo_eval_wish { XO_EVAL_LEAVE, XO_EVAL_IF_POSSIBLE, XO_EVAL_DEMAND };

struct xo_eval_request {               /* everything is borrowed and must outlive the evaluation */
    const xo_network *network;
    const struct xo_hardware *hardware;                     /* finished: rows and columns are known          */
    xo_data *data;                                          /* scored, less what calibrate holds of it       */
    xo_data *calibrate;                                     /* may be NULL where xo_eval_needs_images says 0 */
    const xo_preprocess *preprocess;
    size_t limit, calibrate_limit;                          /* first so many; 0: all                         */
    int threads;                                            /* < 1: one                                      */
    enum xo_simd simd;                                      /* all-zero: the best here; the same bytes       */
    int every_gain;                                         /* gain none, array and column side by side      */
    enum xo_eval_wish analog;                               /* a pass XO_EVAL_ANALOG beside every circuit's  */
    int audits_images;                                      /* refuse at once what keeps an audit from images */
    size_t instances;                                       /* programmed at random; 0: none                 */
    double tolerance;                                       /* of nonlinear arrays' fits; 0: XO_FIT_TOLERANCE */
    int in_float32;                                         /* solve arrays in float32: quicker, hardly a bound */
    int keep_logits;
    const char *checkpoint;                                 /* a file, gone when all is done; NULL: none     */
    int resume;                                             /* go on from it, if it is there                 */
    int (*progress)(void *user, enum xo_eval_phase phase, size_t done, size_t images);      /* may be NULL;  */
    void *user;                                             /* non-zero return stops: XO_ESTOPPED            */
};

/* What a layer got, and what happened to it. */
struct xo_eval_layer {
    const char *name;                  /* of the ONNX node                                            */
    int digital;                       /* kept off the arrays: the rest is 0                          */
    size_t inputs, outputs, groups;    /* K and P of one group's matrix                               */
    size_t tiles, cells, used_cells;   /* physical arrays, all their cells, those that hold a weight  */
    int slices, streams;
    double weight_scale, input_scale;  /* s_w of the first output, s_x                                */
    int32_t weight_zero, input_zero;   /* of a model with its own integers                            */
    int signed_inputs;
    double unit_ampere, low_ampere, lsb_ampere, gain;       /* of its first column                    */
};
struct xo_eval_count {
    uint64_t conversions, clipped;
    uint64_t flipped;                  /* codes unlike those of the same array without wires, variation and noise */
    double error_rel;                  /* rms of the layer's sums against exact integers, over their rms */
};

/* How a layer is read in a pass, and what its circuits lose. */
struct xo_eval_reading {
    double low_ampere, lsb_ampere, gain;       /* of its first column                                 */
    size_t arrays, columns;            /* solved; those that are read.  0: G_ni is G, the rest is 0   */
    double nf_mean, nf_low, nf_high;   /* (sum I_ideal - sum I)/sum I_ideal of physical columns, I_ideal  */
                                       /* through the same cells without wires, over the inputs of        */
                                       /* sampled calibration images (all rows alike without any)         */
    double bound_rel;                  /* no entry of G_ni, rounded, is further off: known beforehand */
    size_t sampled;                    /* arrays of which some columns were solved and certified      */
    double sampled_error_rel;          /* ... to be no further off than this                          */
    struct xo_tile_choice fitted;      /* of nonlinear cells, whose arrays get a fast model that is       */
                                       /* fitted and has no bound: the stages tried on sampled arrays,    */
                                       /* errors over full scale, sampled_error_rel the largest           */
};

/* One way to run the network. */
struct xo_eval_pass {
    enum xo_eval_stage stage;
    enum xo_gain_scope gain;           /* converters and what follows                                 */
    size_t instance;                   /* variation: which one, from 0                                */
    double seconds;                    /* of all threads together; of images not resumed              */
    int main;                          /* 0: a gain other than the hardware's, for comparison         */
    size_t hits, top5_hits;
    int32_t *prediction;               /* [images]                                                    */
    unsigned char *hit, *top5;         /* [images] 1: right, 1: among the first five                  */
    float *logits;                     /* [images][classes], NULL unless kept                         */
    struct xo_eval_count *count;       /* [layers]                                                    */
    struct xo_eval_reading *reading;   /* [layers] converters and what follows                        */
};
struct xo_eval_result {
    size_t images, classes, layers, passes;
    size_t calibration_images, excluded;       /* excluded: scored images that calibrate holds        */
    const int32_t *label;              /* [images]                                                    */
    const size_t *number;              /* [images] in the whole set                                   */
    int label_offset;                  /* 1: output 0 is no class of the labels                       */
    size_t resumed_images;             /* taken from the checkpoint                                   */
    const struct xo_eval_layer *layer;
    const struct xo_eval_pass *pass;   /* fp32, quantised, converters, circuit, instances, analog where it is
                                          asked for, then other gains: converters, circuit, analog        */
    size_t instances;
    double program_sec;                /* programming and solving arrays, of all passes               */
    double program_processor_sec;      /* the same, of all processors together                        */
    int ideal;                         /* circuit repeats converters: nothing resists, no line is held */
};

typedef struct xo_eval xo_eval;

/* Do ranges or gains need calibration images?  Not for a model with its own integers and no calibrated range. */
int xo_eval_needs_images(const xo_network *n, const struct xo_hardware *h);

/* Do device.variation or device.faults, of all layers or of one, ask for draws? */
int xo_eval_varies(const xo_network *n, const struct xo_hardware *h);

/* XO_EVALUE: labels outside the classes, no image left, overrides that fit no layer; XO_ESHAPE: images the network
 * cannot take; XO_EUNSUPPORTED: stage analog is demanded, and arrays do more than multiply inputs by a matrix:
 * nonlinear cells, inputs on gates, held lines, sense voltages; or images are to be audited, and a DAC has noise;
 * XO_ECONFLICT: a checkpoint of something else; errno, ENOMEM, XO_ESTOPPED. */
int xo_eval_new(xo_eval **out, const struct xo_eval_request *request, struct xo_info *info);
int xo_eval_run(xo_eval *e, struct xo_info *info);
const struct xo_eval_result *xo_eval_result(const xo_eval *e);

/* The network as an ordinary ONNX file whose layers on arrays have for weights what their arrays multiply by before
 * any converter, wires, sneak paths and gain included, exact for ohmic cells: y = sum W x + b for inputs x in
 * float32.  Layers whose arrays couple the channels of a grouped convolution become ungrouped ones.  After
 * xo_eval_new.  Its logits are those of the main pass of XO_EVAL_ANALOG, found another way.  XO_EUNSUPPORTED as
 * xo_eval_new, XO_ETOOBIG, XO_ECONFLICT, errno, ENOMEM. */
int xo_eval_export_onnx(const xo_eval *e, const char *path, struct xo_info *info);

/* The circuit stage against the solver, after xo_eval_run.
 *   images  scored images, spread evenly, run once more end to end: as the stage does, and with every column current
 *           from conductance matrices by sparse Cholesky, each entry proven, in float64 and conversion by conversion;
 *           of nonlinear cells from corrections carried on until nothing changes, checked against certified solves
 *           by Newton's method, or from such solves alone
 *   tiles   arrays, at random from all layers alike, each with eight inputs that those images (four, if none were
 *           asked for) gave it: currents by xo_solve with engine cholmod and, up to 64x64 and if judge is not NULL,
 *           by ngspice
 * Of a pair of arrays the difference is compared, as ADCs read it; full scale is the largest current of their
 * columns. */
struct xo_eval_current_error {         /* the stage's currents against exact ones, over full_scale_ampere: */
    size_t currents;                   /* of every conversion of the images; 0: matrices are exact    */
    double rms, max, full_scale_ampere;        /* the largest current of the layer's columns          */
};
struct xo_eval_audit {
    size_t images, changed;            /* predictions that came out another                           */
    double changed_high95;             /* no larger a share of all images, with 95 % confidence       */
    double logit_error_rel;            /* largest difference over the range of these images' logits   */
    double certified_bound_rel;        /* no entry of the exact matrices is further off               */
    size_t exact_checked;              /* nonlinear cells, whose exact currents come from corrections as  */
    double exact_rel;                  /* far as they go: so many inputs of arrays were certified, the    */
                                       /* largest difference over the array's largest current         */
    const struct xo_eval_current_error *layer_error;   /* [layers] of those layers; the evaluation's  */
    size_t tiles, arrays, judged_arrays;       /* compared; solved for that by cholmod, by ngspice    */
    size_t currents;                   /* compared                                                    */
    double cholmod_rel, ngspice_rel;   /* largest difference over full scale                          */
    double bound_rel;                  /* largest a-priori bound of a current over full scale         */
    size_t outside;                    /* currents further from cholmod's than their bound            */
    size_t unbounded;                  /* currents of fitted matrices (nonlinear cells), without one  */
};
/* XO_EUNSUPPORTED for images with dac.noise_volt; XO_ENOTPROVEN, XO_EJUDGE and others of the solver; ENOMEM. */
int xo_eval_audit_run(struct xo_eval_audit *out, xo_eval *e, size_t images, size_t tiles,
                      const struct xo_ngspice_options *judge, struct xo_info *info);

/* What the code of an ideal array became in the circuit stage, or in all instances where there are any: every
 * conversion of every 32nd scored image, reference columns left out.  Codes count from that of 0 A.
 *   active   sum of the digits that drove the array's rows: with dac.bits 1, how many were on
 *   ideal    by the same ADC from the same array without wires, variation and noise
 * Sorted by ideal, active, actual.  Release with xo_eval_pairs_free. */
struct xo_eval_pair { uint32_t active; int32_t ideal, actual; uint64_t count; };
struct xo_eval_pairs {
    size_t images, layers;
    struct { size_t count; struct xo_eval_pair *pair; } *layer;        /* [layers] none for digital ones */
};
int xo_eval_count_pairs(struct xo_eval_pairs *out, xo_eval *e, struct xo_info *info);
void xo_eval_pairs_free(struct xo_eval_pairs *p);           /* leaves it zeroed */

/* Remove the checkpoint: when everything that was to be written is written. */
void xo_eval_done(const xo_eval *e);
void xo_eval_free(xo_eval *e);                              /* NULL allowed */

/* A share with its interval (Wilson 1927, 95 %): inside 0..1 for any count.  count 0: 0, between 0 and 1. */
struct xo_share { double value, low95, high95; };
struct xo_share xo_share_of(size_t hits, size_t count);

/* The upper 95 % limit of a share alone, exact: the p that gives `hits` or fewer of `count` with 5 % chance (Clopper
 * and Pearson 1934, one-sided); of 0 hits 1 - 0.05^(1/count), which is about 3/count.  count 0: 1. */
double xo_share_high95(size_t hits, size_t count);

/* Two networks on the same images: what lies between their accuracies.
 *   hit_a, hit_b [count]  0 or 1: was the image's label found?
 *   difference            accuracy of b minus accuracy of a
 *   low95, high95         its paired percentile bootstrap interval (images drawn with replacement), in the limit of
 *                         infinitely many draws, which is computed: no random numbers, no seed
 *   only_a, only_b        images that only one of them got right
 *   p                     McNemar's exact test, two-sided: could only_a and only_b come from a fair coin?
 *   resolved              1 if the interval excludes 0
 * XO_EVALUE for count 0 or another hit than 0 and 1, ENOMEM. */
struct xo_paired { double difference, low95, high95, p; size_t only_a, only_b; int resolved; };
int xo_paired_of(struct xo_paired *out, size_t count, const unsigned char *hit_a, const unsigned char *hit_b);

/* Several programmed instances on the same images: a mean accuracy, how far another instance on other images may be.
 *   hit [instances][images]   0 or 1
 *   between_variance          of the instances' accuracies (n - 1)
 *   images_variance           of the mean accuracy, as drawing other images would vary it: that of the images' mean
 *                             hits, over images
 *   low95, high95             mean +- t sqrt(between/instances + images), t of Student with instances - 1 degrees of
 *                             freedom, inside 0..1.  A little wide: chance in single hits counts in both.  One
 *                             instance: 0 and 1, as nothing is known of others
 * XO_EVALUE for no instance or image, ENOMEM. */
struct xo_instances { double mean, low95, high95, between_variance, images_variance; };
int xo_instances_of(struct xo_instances *out, size_t instances, size_t images, const unsigned char *const *hit);

#ifdef __cplusplus
}
#endif
#endif
