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

/* Every array may be NULL, which means: */
struct xo_fcm {
    enum xo_fcm_scope scope;
    size_t rows, columns;
    int exact;                         /* 1: ohmic cells, driven inputs: the linear stage is the circuit       */
    double *g_ni_siemens;              /* [rows][columns]; required in array scope, absent in technology scope */
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

/* I = V^T G_ni + i0 for many inputs, as matrix products.
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
