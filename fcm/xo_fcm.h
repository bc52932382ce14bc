/* The fast crossbar model: inputs -> DAC -> conductance stage -> ADC -> decoded outputs, and its file (.fcm, HDF5).
 * Does not need solver/.  crossohm-fcm(5) says what the file holds, byte for byte reproducible.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_FCM_H
#define XO_FCM_H

#include <stddef.h>
#include <stdint.h>
#include "xo_converter.h"
#include "xo_file.h"
#include "xo_simd.h"

#ifdef __cplusplus
extern "C" {
#endif

enum xo_fcm_scope { XO_FCM_ARRAY, XO_FCM_TECHNOLOGY };

/* Where the fit may be trusted, and what it was found to be worth on data it had not seen. */
struct xo_fcm_validity {
    double low_volt, high_volt;        /* inputs                                                  */
    double low_siemens, high_siemens;  /* programmed cells                                        */
    double low_sparsity, high_sparsity;/* share of inputs that are 0                              */
    size_t held_out_inputs;            /* 0: none were held out                                   */
    size_t held_out_arrays;            /* technology scope                                        */
    double error_rms, error_max, error_interval95[2];  /* over full scale max |I_exact|           */
    double full_scale_ampere;
};

/* What carries volts to amperes.  I_lin = V^T G_ni + i0 is there whatever the stage. */
enum xo_fcm_stage {
    XO_FCM_LINEAR,                     /* I_lin                                                                */
    XO_FCM_BASIS,                      /* y_j (1 + bend_j y_j) + i0_j,  y_j = sum_k sum_i A_k[i][j] b_k(V_i)   */
    XO_FCM_CORRECTED,                  /* the array itself, linear but for `count` corrections, see below      */
    XO_FCM_LADDER                      /* gated columns, each the ladder of the cells that are on: exact; of   */
                                       /* nonlinear cells as exact as their curves                            */
};

/* b_k(V) = sum_d coefficient[k][d] (V/scale_volt)^(d+1), d from 0: volts to volts, 0 V to 0 V. */
#define XO_FCM_MOST_FUNCTIONS 4
#define XO_FCM_MOST_TERMS 16
struct xo_fcm_basis {
    size_t functions, terms;
    int bent;                          /* 1: with bend_per_ampere                                              */
    double scale_volt;
    double *coefficient_volt;          /* [functions][terms]                                                   */
    double *matrix_siemens;            /* [functions][rows][columns] A_k                                       */
    double *bend_per_ampere;           /* [columns]        all 0: what other rows' currents take from y_j      */
};

/* Corrections through the linear operator.  Cells are cell_siemens, whatever their voltage, and word and bit lines
 * are solved in turn, `sweeps` times: ladders whose dividers are known.  Then what the law carries beyond
 * cell_siemens at the cell voltages that came out is pushed into the lines as currents, and they are solved again:
 * one correction.  A ladder is seen from its near end; node k, its neighbour nearer to that end, and the resistance r
 * between (for the first node the driver's, or the sense's, with the source behind it):
 *     Y_k  what node k and all beyond it conduct to elsewhere     divider 1/(1 + r Y_k)     ohm r/(1 + r Y_k)
 * Going in, currents J_k are gathered, J_k += divider_(k+1) J_(k+1); going out,
 * v_k = divider_k v_(k-1) + ohm_k J_k. */
#define XO_FCM_MOST_CORRECTIONS 8
#define XO_FCM_MOST_SWEEPS 1024
struct xo_fcm_correction {
    size_t count, sweeps;
    size_t curves, points;
    double low_volt, high_volt;        /* of a curve's first and last point; even steps, cubics between        */
    double *excess_ampere;             /* [curves][points] law less cell_siemens, of a cell of scale 1         */
    double *cell_curve, *cell_scale;   /* [rows][columns]  which curve, times what                             */
    double *cell_siemens;              /* [rows][columns]  the linear cells                                    */
    double *word_divider, *word_ohm;   /* [rows][columns]                                                      */
    double *bit_divider, *bit_ohm;     /* [rows][columns]                                                      */
    int word_from_right, bit_from_top; /* 1: that is the near end                                              */
    double *word_driven;               /* [rows]    1: V_i is behind the line; 0: word_volt                    */
    double *word_volt;                 /* [rows]                                                               */
    double *bit_volt;                  /* [columns] behind the line                                            */
    double *word_far_siemens;          /* [rows]    to the same source at the far end; 0: none                 */
    double *bit_far_siemens;           /* [columns]                                                            */
    double *bit_siemens;               /* [columns] Y of the first node                                        */
};

/* Inputs on gates: V_i/dac.read_volt, at most 0 to 1, is row i's gate, behind which a cell conducts
 *     g = 1/(1/cell_siemens + 1/t),  t from transistor_off_siemens at gate 0 linearly to 1/transistor_ohm at gate 1
 * From the rung farthest from the ends on, with p = 1, q = 0:
 *     q += g p, p += step_ohm q          I = volt q/(p + end_ohm q)
 * Where the lines end at two sides, from row 0 on, with a = b = 0 and c open:
 *     k = 1/(1 + g (b + c)), c *= k, a += g b c, b *= k, then b += step_ohm, c += second_ohm
 *     I = volt/(a + c + end_ohm)
 * Nonlinear cells have curves: the device's current I(v) is a mixture of curve k = cell_curve and the next,
 * cell_lower C_k(v) + cell_upper C_(k+1)(v), C a cubic between points from their currents and slopes, and the cell's
 * at u follows from v + (cell_ohm + 1/t) I(v) = u.  From the farthest rung on, with J = 0 and u to be found:
 *     J += I, u += step_ohm J           until u + end_ohm J = volt */
struct xo_fcm_ladder {
    int top_is_far;                    /* 1: row 0 is the farthest; else the last                              */
    double transistor_ohm, transistor_off_siemens;
    double *cell_siemens, *step_ohm;   /* [rows][columns]  cells as the ends see them; both lines, to the next rung */
    double *second_ohm;                /* [rows][columns]  the line that ends at the bottom, where step_ohm is the */
                                       /* one that ends at the top; NULL: both end at one side                 */
    double *end_ohm, *volt;            /* [columns]                                                            */
    size_t curves, points;             /* 0: ohmic cells                                                       */
    double *curve_volt;                /* [points] of all curves, rising                                       */
    double *curve_ampere;              /* [curves][points]                                                     */
    double *curve_siemens;             /* [curves][points] slopes                                              */
    double *cell_curve, *cell_lower, *cell_upper;      /* [rows][columns]  all 0: no cell                      */
    double *cell_ohm;                  /* [rows][columns]  in series, without transistor                       */
};

/* What the fit tried: held-out errors over full scale; cost in products V^T G_ni, counted in multiplications with an
 * addition. */
struct xo_fcm_candidate {
    enum xo_fcm_stage stage;
    size_t functions;                  /* basis: how many                                                      */
    int bent;                          /* basis: with bend                                                     */
    size_t corrections, sweeps;
    double cost, error_rms, error_max, error_interval95[2];
};
#define XO_FCM_MOST_CANDIDATES 16
#define XO_FCM_CANDIDATE_NUMBERS 10
/* "basis of 2, bent"; text[size]. */
void xo_fcm_candidate_name(const struct xo_fcm_candidate *c, char *text, size_t size);

/* Every array may be NULL, which means: */
struct xo_fcm {
    enum xo_fcm_scope scope;
    size_t rows, columns;
    int exact;                         /* 1: ohmic cells, driven inputs: the linear stage is the circuit       */
    enum xo_fcm_stage stage;           /* technology scope: what arrays are to be fitted with                  */
    struct xo_fcm_basis basis;         /* all 0 with another stage; in technology scope without its matrices   */
    struct xo_fcm_correction correction;       /* likewise                                                     */
    struct xo_fcm_ladder ladder;       /* likewise                                                             */
    size_t candidates;                 /* cheapest first; 0: none were tried, the linear stage is exact        */
    double *candidate;                 /* [candidates][XO_FCM_CANDIDATE_NUMBERS] as struct xo_fcm_candidate    */
    double *g_ni_siemens;              /* [rows][columns]; required in array scope but for ladders, else absent */
    double *g_ni_bound_siemens;        /* [rows][columns]  unknown                                             */
    double *offset_ampere;             /* [columns]        all 0                                               */
    double *offset_bound_ampere;       /* [columns]        unknown                                             */
    double *cell_siemens;              /* [rows][columns]  as programmed; not kept                             */
    struct xo_dac dac;
    struct xo_adc adc;
    double *adc_low_ampere;            /* [columns] the range fixed at fit time, whole steps; both NULL: none, */
    double *adc_lsb_ampere;            /* [columns] and apply has no ADC.  Before any division by the gain     */
    struct xo_gain gain;
    double *gain_factor;               /* [columns]        all 1                                               */
    struct xo_fcm_validity validity;
    uint64_t seed;
    char *hardware_yaml;               /* canonical hardware file: technology scope programs arrays from it    */
    char *provenance;                  /* lines "name: value": command, tool version, sha256 of every input    */
};
void xo_fcm_free(struct xo_fcm *m);    /* the arrays and the struct's contents; leaves *m zeroed               */

/* Write atomically ("-": standard output); equal models give equal bytes.  XO_EVALUE names what no such file may
 * hold: numbers that are not finite or out of range, missing arrays.  One thread at a time: HDF5 is not
 * re-entrant. */
int xo_fcm_write(const char *path, const struct xo_fcm *m, struct xo_info *info);

/* Read, or parse from memory (name is for messages).  Refuses what is truncated, altered in any bit (checksum), of a
 * future version, or of hostile sizes, saying so.  No HDF5 code sees the bytes: the file's own index is followed,
 * and nothing is allocated before its size was compared with the bytes that are there.
 * XO_ESYNTAX, XO_EVALUE, XO_EUNSUPPORTED (version), XO_ETOOBIG, errno, ENOMEM.  On failure *out is untouched. */
int xo_fcm_read(struct xo_fcm *out, const char *path, struct xo_info *info);
int xo_fcm_parse(struct xo_fcm *out, const char *bytes, size_t nbytes, const char *name, struct xo_info *info);

/* Candidate k of the model's list, k < m->candidates. */
struct xo_fcm_candidate xo_fcm_candidate_at(const struct xo_fcm *m, size_t k);

/* What one input costs: multiplications with an addition (a division counts as one) over rows x columns. */
double xo_fcm_cost(const struct xo_fcm *m);

/* What apply does beyond the conductance stage. */
struct xo_apply {
    int converters;                    /* volt snapped to the nearest DAC level; currents read by the ADC       */
    int gain;                          /* times gain_factor; in the ADC's reference if gain.where says so       */
    int threads;                       /* < 1: one                                                              */
    enum xo_simd simd;                 /* of the products: below                                                */
    size_t first_input;                /* number of the first input in a longer sequence: places the noise      */
};

/* Inputs are worked on in blocks of so many.  Whoever cuts a sequence into pieces at multiples of it gets the same
 * bytes as in one piece, for any number of threads. */
#define XO_APPLY_BLOCK 512

/* What multiplies matrices on that instruction set: with AVX2 and AVX-512 our own kernels, which round once for each
 * multiply-add, in the order of the rows, and so give the same bytes on both; else cblas_dgemm, whose last digits are
 * its own: let OpenBLAS run on one thread then (openblas_set_num_threads(1)), threads run outside. */
const char *xo_fcm_product_name(enum xo_simd simd);

/* The conductance stage for many inputs, as matrix products, or corrections of eight inputs at a time.
 *   row_volt   [inputs][rows]
 *   column_amp [inputs][columns] out
 *   outside    out, may be NULL: how many inputs lie outside the range of the fit (a voltage, the share of zeros)
 * XO_EVALUE for a technology model or converters without a range, ENOMEM. */
int xo_fcm_apply(const struct xo_fcm *m, const struct xo_apply *how, size_t inputs, const double *row_volt,
                 double *column_amp, size_t *outside, struct xo_info *info);

#ifdef __cplusplus
}
#endif
#endif
