/* What the parts of the engine share; private to dnn/.
 *     engine.c     set up, hook, counts, figures for reports
 *     strips.c     digits in cells -> strips of columns as the kernels take them; how each column is read
 *     program.c    digits -> conductances -> circuits -> the same strips
 *     ladder*.c    the same where inputs go to gates: rungs in place of matrices, and their currents
 *     fitted.c     the same of nonlinear cells: which stage of the fast model serves, fitted to each array
 *     bent.c       currents of basis expansions that are bent
 *     array_currents.c  currents of whole arrays: by corrections, or exactly
 *     program_ideal.c  is there anything to solve?
 *     vary.c       conductances as they come out of the factory
 *     window.c     images -> integers -> bytes -> patches -> rows of digits
 *     evaluate.c   rows of digits through strips -> sums of a matrix -> outputs
 *     convert.c    the same conversion by conversion, with every key of dac: and adc:
 *     analog.c     the same without any of them: continuous inputs, currents as they are
 *     ranges.c     currents of calibration images -> ADC ranges
 *     tails.c      exact quantiles of very many numbers
 *     gain.c       the gain, measured
 *     vectors.c    ... with inputs of calibration images
 * Currents are in I_unit, voltages in read_volt/(2^a - 1), conductances in (on - off)/(2^c - 1).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_ENGINE_PRIVATE_H
#define XO_ENGINE_PRIVATE_H

#include "engine.h"
#include "kernel.h"
#include "tails.h"

/* ---- one layer ------------------------------------------------------------------------------------- */

/* One column of a strip: which conversion it is, and how it is read. */
struct xo_lane {
    size_t conversion;                 /* block * layout.conversions + its place in the block      */
    struct xo_adc_scale scale;         /* in I_unit                                                */
    double gain;
    bool integer;                      /* p is rounded: gain LSB <= I_unit                         */
};

/* 16 neighbouring outputs, `count` of them in use, of one slice and sign. */
struct xo_half {
    size_t first, count;
    size_t kind;
    size_t reference;                  /* lane of the row block's references; XO_NONE              */
    struct xo_weight weight;
};

struct xo_strip {
    float *b;                          /* [functions][inputs][XO_STRIP]                            */
    struct xo_half half[2];
    double *offset;                    /* [XO_STRIP] i0 of programmed arrays; NULL: none           */
    double *certified;                 /* [inputs + 1][XO_STRIP] b of certified matrices, i0 behind it; audits only */
    struct xo_rungs rungs[2];          /* plus and minus of gated columns; siemens NULL: none              */
    struct xo_exact_rungs *exact[2];   /* the same in double; audits only                                  */
    float *side[2];                    /* as b, plus and minus apart: bent, or of DACs with noise; else NULL */
    float (*bend)[XO_STRIP];           /* [2] per I_unit, of plus and minus; NULL: not bent        */
    struct xo_lane *lane;              /* [XO_STRIP]; NULL: sums are taken as they are             */
    struct xo_reading reading[2];      /* of columns that stay real; of those that are rounded     */
    bool has[2];                       /* are there such columns?                                  */
    double (*scale)[XO_STRIP];         /* [2] what sums of codes, or of integers, are worth        */
    double (*less)[XO_STRIP];          /* [2] ... and times what known off-currents count          */
};

/* The arrays that see the same inputs. */
struct xo_row_block {
    size_t first, inputs;
    size_t strips, references;         /* reference columns, 32 to a strip                         */
    struct xo_strip *strip, *reference;
    struct xo_span { size_t first, count; } *used;          /* outputs that have arrays here       */
    size_t spans;
};

struct xo_bank {
    const struct xo_code_matrix *matrix;
    size_t stride;                     /* outputs, in whole halves                                 */
    size_t rows;
    struct xo_row_block *row;
};

/* One use of a layer's matrices: exactly, or through converters. */
struct xo_use {
    size_t streams;
    struct xo_stream stream[XO_MAX_STREAMS];
    struct xo_weight weight[XO_MAX_STREAMS];
    int bits;                          /* digits packed: 1 or 2; 0: as voltages                    */
    size_t levels;                     /* 2^a                                                      */
    size_t functions;                  /* of a digit's voltage that b multiplies; more than 1: nonlinear cells */
    double *level;                     /* [functions][levels] of the DAC without its noise         */
    float *level_single;
    bool ideal;                        /* level[e] is e                                            */
    double off;                        /* conductance of an off cell; 0: its current plays no part */
    bool popcount;                     /* it is known by counting                                  */
    bool fitted;                       /* b follows nonlinear cells                                */
    bool corrected;                    /* b is not used: arrays are, with corrections              */
    bool bent;                         /* a column's sums y become y (1 + bend y), plus and minus apart */
    bool ladder, top_is_far;           /* columns are ladders, b is not used; their farthest rung  */
    size_t leaking;                    /* rows of an array whose transistors conduct when off, else 0: rung i  */
                                       /* is row i on, rung leaking + i the same row off                       */
    bool circuit;                      /* b is G_ni: real numbers, the off-current among them      */
    bool fast;                         /* the fused kernels will do                                */
    bool single;                       /* float32 sums will do                                     */
    bool whole_halves;                 /* no half ends before its 16 columns, except at the last output */
    bool together;                     /* sums of all strips add up as integers ...                */
    size_t flush_every;                /* ... so many row blocks in 32 bits                        */
    struct xo_bank *bank;              /* [codes.matrices]                                         */
};

/* vectors.c: `wanted` vectors of digits of the images, those with the lowest of random priorities: a heap, the
 * largest priority on top. */
enum { XO_TYPICAL = 512 };
struct xo_vectors {
    size_t wanted, kept, inputs;
    struct xo_vector { double priority; uint64_t place; uint16_t *digit; } *vector;
};

struct xo_array_layer {
    size_t number;                     /* in the graph                                             */
    const struct xo_layer *layer;
    const struct xo_hardware *hardware;         /* NULL: digital, and nothing below is set         */
    struct xo_device device;           /* off_siemens 0 where unused cells are open                */
    struct xo_codes codes;
    struct xo_layout layout;
    struct xo_input_code input;
    struct xo_plane { int sign, byte; } plane[4];           /* bytes that the digits are taken from */
    size_t planes;
    double unit_ampere;
    struct xo_use exact, array;
    double *weight_sum;                /* [outputs, all groups] sum (q_w - z_w) of own integers    */
    double *ones, *zeros;              /* as many as the widest matrix has outputs                 */
    size_t *first_block;               /* [matrices] number of its first block                     */
    size_t blocks;                     /* with arrays, in all matrices: x layout.planes tiles      */
    size_t *block_number;              /* [sum of row blocks * column blocks] XO_NONE: no array    */
    struct xo_adc_scale *range;        /* [units of range_scope] [A]                               */
    double *gain;                      /* [units of gain.scope]                                    */
    bool calibrated;
    xo_tails *tails;                   /* while ranges are looked for [units of range_scope]; else NULL */
    bool scaled;                       /* ... those of gain times current                          */
    uint64_t *digit_sum;               /* [inputs, all groups] of digits of calibration images     */
    struct xo_vectors typical;         /* some of their vectors, for nonlinear cells               */
    const struct xo_array_layer *base; /* programmed: whose codes and layout these are; else NULL  */
    bool varies;
    uint64_t instance;
    const xo_tile_fitter *fitter;      /* of nonlinear cells; the engine's                         */
    double *oracle;                    /* [units of gain.scope] gains from G and G_ni; NULL: 1     */
    struct xo_ladder **kept;           /* [blocks * layout.planes] of nonlinear cells, audits only; else NULL */
    struct xo_loss loss;
    struct xo_arena arena;
};

/* Arrays hold more than one matrix. */
static inline bool xo_is_wide(const struct xo_use *use) { return use->functions > 1 || use->bent; }

/* One weight level. */
static inline double xo_step_siemens(const struct xo_array_layer *l)
{
    return (l->device.on_siemens - l->device.off_siemens) / ((1 << l->device.bits_per_cell) - 1);
}

#define XO_TAILS_KEPT ((ptrdiff_t)1 << 27)

struct xo_engine_dnn {
    const struct xo_graph *graph;
    const struct xo_kernels *kernels;
    size_t layers;
    struct xo_array_layer *layer;      /* [layers] */
    bool programmed;
    size_t fitters;
    xo_tile_fitter **fitter;           /* [fitters] of nonlinear cells, one for each hardware      */
    ptrdiff_t tails_left;              /* numbers that all layers' tails may still keep, of XO_TAILS_KEPT: 1 GiB */
};

/* The arrays as they were meant: of a programmed layer its base's. */
static inline const struct xo_use *xo_ideal_use(const struct xo_array_layer *l)
{
    return l->base ? &l->base->array : &l->array;
}

/* Units of a scope: 0 for the layer, tiles (block * planes + plane), conversions. */
enum xo_unit { XO_UNIT_LAYER, XO_UNIT_TILE, XO_UNIT_COLUMN };
size_t xo_units_of(const struct xo_array_layer *l, enum xo_unit scope);
size_t xo_unit_at(const struct xo_array_layer *l, enum xo_unit scope, size_t conversion);
enum xo_unit xo_range_unit(const struct xo_array_layer *l);
enum xo_unit xo_gain_unit(const struct xo_array_layer *l);
size_t xo_block_at(const struct xo_array_layer *l, size_t matrix, size_t row_block, size_t column_block);

/* strips.c */
int xo_exact_use(struct xo_array_layer *l);
int xo_array_use(struct xo_array_layer *l, bool fill);      /* fill: with digits */
int xo_layer_units(struct xo_array_layer *l);                 /* engine.c */

/* program.c */
/* The circuit that layers lie in: h->array, dac.output_ohm added to its drivers.  *driver_ohm: to be freed after use;
 * may come out NULL. */
int xo_driven_crossbar(struct xo_crossbar *out, double **driver_ohm, const struct xo_hardware *h);
/* Conductances of one array as programmed in this layer's instance, and their digits: [rows][columns] each. */
void xo_program_cells(double *cell_siemens, uint16_t *digit, const struct xo_array_layer *l, size_t matrix,
                      size_t row_block, size_t column_block, size_t plane);
/* vary.c: cells of one array [rows][columns], drawn for (layer, tile, cell, instance). */
void xo_vary_cells(double *cell_siemens, const struct xo_hardware *h, size_t layer, size_t tile, uint64_t instance);
void xo_set_readings(struct xo_array_layer *l);             /* from ranges and gains */

/* ladder.c */
/* XO_EUNSUPPORTED where evaluation knows no such arrays or DAC. */
int xo_check_gated(const struct xo_array_layer *l, struct xo_info *info);
int xo_program_ladders(struct xo_array_layer *l, int threads, const struct xo_kernels *kernels, struct xo_info *info);
int xo_certify_ladders(struct xo_array_layer *l, double *bound_rel, struct xo_info *info);    /* fills `exact` */
void xo_ladders_forget(struct xo_array_layer *l);           /* what audits have kept */
struct xo_rows;

struct xo_lot;
void xo_lot_free(struct xo_lot *lot);                       /* array_currents.c */

/* bent.c: currents [rows][XO_STRIP] of a strip, NULL: no memory; the same as doubles. */
const float *xo_bend_strip(struct xo_engine_thread *t, const struct xo_use *use, const struct xo_row_block *r,
                           const struct xo_strip *s, const struct xo_rows *rows);
int xo_bend_currents(double *current, struct xo_engine_thread *t, const struct xo_use *use,
                     const struct xo_row_block *r, const struct xo_strip *s, const struct xo_rows *rows);

int xo_list_active(struct xo_rows *o, struct xo_engine_thread *t, const struct xo_use *use);
/* Digits one by one are asked for: rungs are listed from them (pulses, and rows that leak), whole arrays take them,
 * and so does the array as it was meant where voltages that are not packed went through nonlinear cells' law. */
static inline bool xo_needs_digits(const struct xo_use *use)
{
    return (use->ladder && (use->levels > 2 || use->leaking)) || use->corrected || (use->fitted && !use->bits);
}
/* Rows of a row block's inputs as rungs. */
static inline size_t xo_rungs_of(const struct xo_use *use, size_t inputs)
{
    return use->leaking ? 2 * use->leaking : inputs;
}
/* Currents [rows][XO_STRIP] of a strip, NULL: no memory, or t->unsettled; the same as doubles, exactly where the
 * thread wants it. */
const float *xo_climb_strip(struct xo_engine_thread *t, const struct xo_strip *s, const struct xo_rows *rows);
int xo_climb_currents(double *current, struct xo_engine_thread *t, const struct xo_array_layer *l,
                      const struct xo_strip *s, const struct xo_rows *rows);

/* ---- one thread ------------------------------------------------------------------------------------ */

enum xo_buffer {
    XO_BUFFER_INTEGER, XO_BUFFER_BYTE, XO_BUFFER_RUN, XO_BUFFER_PATCH, XO_BUFFER_PACKED, XO_BUFFER_VOLT,
    XO_BUFFER_DIGIT, XO_BUFFER_POP, XO_BUFFER_GIVEN, XO_BUFFER_KNOWN, XO_BUFFER_KNOWN_SINGLE, XO_BUFFER_KNOWN_SUM,
    XO_BUFFER_TABLE,
    XO_BUFFER_SINGLE, XO_BUFFER_CURRENT, XO_BUFFER_SUM, XO_BUFFER_STRIP, XO_BUFFER_STRIP_SUM, XO_BUFFER_TOTAL,
    XO_BUFFER_EXACT, XO_BUFFER_NOISE, XO_BUFFER_IDEAL, XO_BUFFER_INPUT_SUM, XO_BUFFER_TAIL, XO_BUFFER_TAIL_ROW,
    XO_BUFFER_ACTIVE, XO_BUFFER_READY, XO_BUFFER_OTHER,
    XO_BUFFERS
};

/* The input of a layer as padded planes of bytes, and how a window reads them. */
struct xo_view {
    struct xo_window window;
    size_t images, positions;          /* positions of one image                                   */
    size_t height, width;              /* padded                                                   */
    size_t image_bytes, plane_bytes;
    const uint8_t *byte;               /* [planes][images][channels][height][width]                */
    struct xo_run_of_bytes { uint32_t offset, length; } *run;       /* of a patch, in its order    */
    size_t runs, inputs;               /* all groups                                               */
};

/* Some positions of it. */
enum { XO_CHUNK = 128, XO_SLACK = 64 };
struct xo_patches {
    size_t first, count;               /* counted over all images                                  */
    size_t stride, plane;              /* bytes from position to position, from plane to plane     */
    const uint8_t *byte;               /* [planes][count][stride]                                  */
};

struct xo_rows {
    struct xo_digits d;
    uint64_t serial;
    const struct xo_use *use;          /* whose levels voltages are                                */
    const uint16_t *digit;             /* [rows][inputs], where the slow way asks for them         */
    const int32_t *pop;                /* [rows] sum of digits                                     */
    const double *given;               /* [rows] off-current of an ideal array                     */
    double *known;                     /* [references or 1][rows] off-current as decoding knows it */
    float *known_single;
    double *known_sum;                 /* [references or 1][positions] over streams, weighed       */
    struct xo_active active;           /* of ladders: `slots` lists for each row, one after the other */
    size_t slots;                      /* a pulse is as many of them long as its digit says        */
    size_t room;                       /* rows there is room for, in each                          */
};

struct xo_calibration;                 /* of one layer: ranges.c */

/* Currents of the arrays of a row block for the rows last asked for: array_currents.c. */
struct xo_lot {
    const struct xo_array_layer *layer;
    const struct xo_row_block *row_block;
    uint64_t serial;                   /* of the rows */
    size_t arrays, vectors;            /* planes innermost; inputs that differ */
    size_t *same, *first;              /* [rows] which vector a row is; [vectors] a row of each */
    double *volt, *amp;                /* [vectors][array rows], [arrays][vectors][columns] */
    double *cell;                      /* [cells] scratch */
    uint16_t *digit;
};

/* The stage's currents of a layer against exact ones, in ampere. */
struct xo_current_error {
    size_t count, checked;             /* currents; certified solves that exact ones were checked with */
    double square, largest, full_scale, exact_rel;     /* exact_rel: their largest difference */
};
struct xo_layer_circuit;

struct xo_engine_thread {
    xo_engine_dnn *engine;
    enum xo_stage stage;
    bool is_calibrator;
    uint64_t serial;                   /* of rows, in this image */
    struct xo_lot lot[2];              /* as the stage does; exactly       */
    const struct xo_layer_circuit *exact;      /* [layers] audits of nonlinear cells */
    struct xo_current_error *error;            /* [layers] likewise */
    struct xo_info why;                /* what a solver said */
    bool unsettled;                    /* some currents of nonlinear ladders did not converge: XO_ENOTPROVEN */
    bool certified;                    /* currents by the strips' certified twins, conversion by conversion */
    struct xo_code_pairs *pairs;       /* [layers] counts codes instead of looking closer; or NULL */
    uint64_t first_image;
    struct xo_layer_counts *count;     /* [layers] */
    struct xo_calibration **calibration;        /* [layers] */
    void *buffer[XO_BUFFERS];
    size_t room[XO_BUFFERS];
};

/* At least so many bytes, at a multiple of 64; what was there is lost.  NULL: no memory. */
void *xo_room(struct xo_engine_thread *t, enum xo_buffer which, size_t count, size_t size);

/* window.c */
int xo_window_of(struct xo_window *out, size_t *images, const struct xo_engine_thread *t,
                 const struct xo_array_layer *l, const struct xo_tensor *input, struct xo_info *info);
int xo_view_open(struct xo_view *v, struct xo_engine_thread *t, const struct xo_array_layer *l,
                 const struct xo_tensor *input, struct xo_info *info);
int xo_view_patches(struct xo_patches *p, struct xo_engine_thread *t, const struct xo_array_layer *l,
                    const struct xo_view *v, size_t first);
int xo_rows_of(struct xo_rows *out, struct xo_engine_thread *t, const struct xo_array_layer *l,
               const struct xo_use *use, const struct xo_row_block *r, size_t first_input, const struct xo_patches *p,
               bool with_digits);
/* The same from digits: [rows][r->inputs], one stream, every row a position. */
int xo_rows_of_digits(struct xo_rows *out, struct xo_engine_thread *t, const struct xo_array_layer *l,
                      const struct xo_use *use, const struct xo_row_block *r, size_t rows, const uint16_t *digit);

/* Digits of one stream of a position, inputs first .. first + count - 1 of all groups. */
void xo_unpack_digits(uint16_t *digit, const struct xo_array_layer *l, const struct xo_stream *stream,
                      const struct xo_patches *p, size_t position, size_t first, size_t count);
int32_t xo_pad_value(const struct xo_array_layer *l);      /* z_x - m of own integers, else 0 */

/* Where rows belong, for the noise. */
struct xo_place {
    uint64_t first_row, rows_per_image, first_image;
    enum xo_domain { XO_SCORED, XO_CALIBRATION, XO_GAIN_VECTORS } domain;
};

struct xo_place xo_place_of(const struct xo_engine_thread *t, const struct xo_use *use, const struct xo_view *v,
                            const struct xo_patches *p);

/* engine.c, of [positions][stride of the layer's bank] sums; where: of positions, not of rows.
 *     shift_zeros   one position: sum q' x' -> sum (q_w - z_w)(x_q - z_x) of a model's own integers, of one block of
 *                   the diagonal whose inputs' sum is given
 *     scale_sums    y = s_w s_x sum + bias, into (images, channels, positions)
 *     compare_sums  of sampled images: how far they are from exact ones */
void xo_shift_zeros(double *total, const struct xo_array_layer *l, const struct xo_code_matrix *m, size_t block,
                    double inputs);
void xo_scale_sums(float *y, const struct xo_array_layer *l, size_t matrix, const struct xo_place *where,
                   size_t positions, const double *total);
bool xo_has_sample(const struct xo_place *where, size_t positions);
void xo_compare_sums(struct xo_layer_counts *count, const struct xo_place *where, const double *total,
                     const double *exact, size_t positions, const struct xo_bank *bank);

/* analog.c: a layer in XO_STAGE_ANALOG. */
int xo_run_analog(struct xo_engine_thread *t, const struct xo_array_layer *l, const struct xo_tensor *input,
                  struct xo_tensor *output, struct xo_info *info);

/* evaluate.c: total [p->count][bank stride], before scaling: q x sums. */
int xo_evaluate(double *total, struct xo_engine_thread *t, const struct xo_array_layer *l, const struct xo_use *use,
                size_t matrix, const struct xo_view *v, const struct xo_patches *p);

/* convert.c */
/* Currents of a strip [rows][XO_STRIP], off-current of unused and zero cells included; where NULL: without noise. */
int xo_currents(double **out, struct xo_engine_thread *t, const struct xo_array_layer *l, const struct xo_use *use,
                const struct xo_row_block *r, const struct xo_strip *s, const struct xo_rows *rows,
                const struct xo_place *where);
/* One reading: code less the code of 0 A. */
double xo_read(const struct xo_array_layer *l, const struct xo_lane *lane, double current,
               const struct xo_place *where, size_t row);
int xo_convert(double **sum, struct xo_engine_thread *t, const struct xo_array_layer *l, const struct xo_use *use,
               const struct xo_row_block *r, const struct xo_strip *s, const struct xo_rows *rows, bool integer,
               const struct xo_place *where);
/* Of the images among p->first ... that are sampled: conversions, how many leave the range, how many differ from
 * those of ideal arrays. */
int xo_count_codes(struct xo_layer_counts *count, struct xo_engine_thread *t, const struct xo_array_layer *l,
                   size_t matrix, const struct xo_view *v, const struct xo_patches *p);
/* code_pairs.c: what ideal codes became.  Open addressing; a slot with count 0 is free. */
struct xo_code_pairs { size_t slots, used; struct xo_eval_pair *slot; };
int xo_count_pairs(struct xo_code_pairs *pairs, struct xo_engine_thread *t, const struct xo_array_layer *l,
                   size_t matrix, const struct xo_view *v, const struct xo_patches *p);
/* Currents [rows][XO_STRIP] of matrices b in double. */
void xo_multiply_plainly(double *out, const struct xo_use *use, const struct xo_row_block *r, const float *b,
                         const struct xo_rows *rows);
bool xo_is_sampled(const struct xo_place *where, size_t row);
int xo_read_references(struct xo_rows *rows, struct xo_engine_thread *t, const struct xo_array_layer *l,
                       const struct xo_use *use, const struct xo_row_block *r, const struct xo_place *where);

/* vectors.c */
int xo_vectors_new(struct xo_vectors *c, size_t wanted, size_t inputs);
void xo_vectors_free(struct xo_vectors *c);
int xo_vectors_offer(struct xo_vectors *c, struct xo_engine_thread *t, const struct xo_array_layer *l,
                     const struct xo_view *v, const struct xo_patches *p);
int xo_vectors_merge(struct xo_vectors *to, const struct xo_vectors *from);
void xo_vectors_sort(struct xo_vectors *c);                  /* by place */

/* gain.c: l->gain, with ranges as they are; v NULL or empty: with digits drawn at random. */
int xo_measure_gain(struct xo_array_layer *l, struct xo_engine_thread *t, const struct xo_vectors *v);

/* ranges.c */
int xo_tails_of(struct xo_array_layer *l, ptrdiff_t *left);  /* l->tails, where ranges are calibrated */
int xo_observe(struct xo_engine_thread *t, const struct xo_array_layer *l, size_t matrix, const struct xo_view *v,
               const struct xo_patches *p);
int xo_calibration_new(struct xo_calibration **out, const struct xo_array_layer *l, size_t images);
void xo_calibration_free(struct xo_calibration *c);
int xo_calibration_merge(struct xo_calibration *to, const struct xo_calibration *from);
void xo_calibration_next(struct xo_calibration *c);          /* round */
/* Ranges and gains of a layer from what was seen; c may be NULL: nothing was.  *again: another round first. */
int xo_calibrate_layer(struct xo_array_layer *l, struct xo_engine_thread *t, struct xo_calibration *c, bool *again,
                       struct xo_info *info);

#endif
