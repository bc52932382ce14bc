/* What the files device_*.c share: the shapes of laws, the fit of one shape to a range of curves, its intervals.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_DEVICE_FIT_PRIVATE_H
#define XO_DEVICE_FIT_PRIVATE_H

#include "xo_device_fit.h"

/* ---- device_law.c: h(v) and its derivatives ------------------------------------------------------- */

/* Search parameters theta: sinh: ln v0; polynomial: c_k scale^(k-1), k = 2, 3, ... */
struct xo_shape {
    enum xo_fit_law law;
    size_t count;                      /* of theta: 0 ohmic, 1 sinh, m - 1 polynomial */
    double reference_volt, scale_volt; /* scale: the largest |v| */
};

/* h(v), and where slope is not NULL dh/dtheta_k into it.  h(reference) = reference. */
double xo_shape_value(const struct xo_shape *shape, const double *theta, double volt, double *slope);
bool xo_shape_is_monotone(const struct xo_shape *shape, const double *theta, double low_volt, double high_volt);

/* From theta to the numbers of the file, and how a standard error of theta becomes an interval. */
struct xo_fitted xo_shape_number(const struct xo_shape *shape, size_t k, double theta, double half);
void xo_shape_from_numbers(const struct xo_shape *shape, const struct xo_fitted *number, double *theta);

/* ---- device_shape.c: one shape and many amplitudes ------------------------------------------------- */

/* Curves from <= j < to, which are neighbours in the arrays of iv.  The arrays cover all of iv. */
struct xo_range {
    const struct xo_iv *iv;
    size_t from, to;
    struct xo_shape shape;
    enum xo_fit_loss loss;
    double theta[XO_SHAPE_MOST];
    double *siemens;                   /* [curves] g_j                                          */
    double *sigma, *weight;            /* [points] standard deviation of the noise; loss/sigma^2 */
    double *value, *slope;             /* [points] h; [points][count] dh/dtheta                  */
    double at[XO_SHAPE_MOST];          /* the theta they belong to, if known                     */
    bool known;
    double *noise_ampere, *noise_relative;     /* [levels]                                       */
    double curvature;                  /* of the loss over its weights, on average; 1 for squares */
    double deviance;                   /* -2 ln likelihood, but for a constant                   */
};

int xo_range_new(struct xo_range *r, const struct xo_iv *iv);       /* the arrays; 0 or ENOMEM */
void xo_range_free(struct xo_range *r);

/* Needs from, to, shape and loss, and theta as a start unless the law is sinh.  XO_ESINGULAR if the data do not tell
 * the shape; ENOMEM.  refit: with the weights that are there, and theta as a start. */
int xo_range_fit(struct xo_range *r);
int xo_range_refit(struct xo_range *r);

size_t xo_range_first(const struct xo_range *r);                    /* point */
size_t xo_range_last(const struct xo_range *r);                     /* one behind */
double xo_iv_largest(const struct xo_iv *iv, size_t from, size_t to);       /* |current| over curves */

/* ---- device_interval.c ----------------------------------------------------------------------------- */

/* Which unit replicates, by curve: cluster[curves], 0 .. clusters - 1. */
struct xo_units {
    enum xo_fit_unit unit;
    size_t clusters, *cluster;
};
int xo_units_new(struct xo_units *u, const struct xo_iv *iv);

/* Intervals of the range's shape and of its levels' means and spreads into level[]; *penalty is the number of shape
 * parameters as Takeuchi counts them.  XO_ESINGULAR, ENOMEM. */
int xo_range_intervals(const struct xo_range *r, const struct xo_units *u, struct xo_device_level *level,
                       double *penalty);

/* Gaussian or lognormal, by AIC over all levels; level[].device_spread in the chosen sense. */
int xo_device_spreads(struct xo_device_fit *fit, const struct xo_range *r);

/* ---- device_table.c -------------------------------------------------------------------------------- */

/* Monotone curves through the means of each level, and g_j of every curve; fit->level gets tables and means. */
int xo_device_table(struct xo_device_fit *fit, struct xo_range *r, const struct xo_units *u, const char *name,
                    double tolerance, struct xo_info *info);

#endif
