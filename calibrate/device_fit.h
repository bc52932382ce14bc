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
    double *leverage;                  /* [points] how far a point pulls the fit towards itself, 0 .. 1 */
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

size_t xo_range_end_of_level(const struct xo_range *r, size_t j);
double xo_range_residual(const struct xo_range *r, size_t j, size_t k);     /* of point k, in curve j */
size_t xo_range_first(const struct xo_range *r);                    /* point */
size_t xo_range_last(const struct xo_range *r);                     /* one behind */
double xo_iv_largest(const struct xo_iv *iv, size_t from, size_t to);       /* |current| over curves */
void xo_iv_range(const struct xo_iv *iv, size_t from, size_t to, double *low_volt, double *high_volt);
size_t xo_iv_end_of_level(const struct xo_iv *iv, size_t j);        /* the first curve of another level behind j */

/* ---- device_small.c -------------------------------------------------------------------------------- */

/* a = L L^T, in place of a's lower triangle; false if it is not positive definite to rounding.  x = a^-1 x by it. */
bool xo_small_cholesky(size_t n, double a[XO_SHAPE_MOST][XO_SHAPE_MOST]);
void xo_small_solve(size_t n, double a[XO_SHAPE_MOST][XO_SHAPE_MOST], double *x);

/* ---- device_noise.c -------------------------------------------------------------------------------- */

/* From the residuals there are: leverages, noise without bias, weights and curvature; the deviance, which is that of
 * the likeliest noise.  scratch [3 points of the range] */
void xo_range_noise(struct xo_range *r, double *scratch);
void xo_range_deviance(struct xo_range *r, double *scratch);

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

/* ---- device_spread.c ------------------------------------------------------------------------------- */

/* Gaussian or lognormal, by AIC over all levels; level[].device_spread in the chosen sense. */
int xo_device_spreads(struct xo_device_fit *fit, const struct xo_range *r);

/* ---- device_table.c -------------------------------------------------------------------------------- */

/* Monotone curves through the means of each level, and g_j of every curve; fit->level gets tables and means. */
int xo_device_table(struct xo_device_fit *fit, struct xo_range *r, const struct xo_units *u, const char *name,
                    double tolerance, struct xo_info *info);

/* ---- device_choose.c ------------------------------------------------------------------------------- */

/* Everything a fit works with.  theta of each level: the same for all where the shape is shared. */
struct xo_work {
    const struct xo_iv *iv;
    const char *name;
    const struct xo_device_options *o;
    struct xo_info *info;
    struct xo_units units;
    struct xo_range range, alone;      /* of all curves; of one by itself */
    double reference_volt, scale_volt;
    double (*theta)[XO_SHAPE_MOST];    /* [levels] */
    double *scratch;                   /* [points] */
    double (*design)[XO_SHAPE_MOST + 1];       /* [points] */
    size_t *order;                     /* [points] */
};

/* Which of fit->candidate is best; fit->candidates if none could be fitted. */
int xo_work_choose(struct xo_device_fit *fit, struct xo_work *w, size_t *best);

/* All curves with one candidate, left in w->range; level NULL: without intervals. */
int xo_work_fit(struct xo_work *w, struct xo_device_candidate *c, struct xo_device_level *level);

/* The candidate's shape and loss for a range. */
void xo_work_shape(const struct xo_work *w, struct xo_range *r, const struct xo_device_candidate *c);

/* Root mean square of what w->range leaves, each curve over its largest current; and by curve where verdict is not
 * NULL. */
double xo_work_residual(const struct xo_work *w, struct xo_device_verdict *verdict);

/* ---- device_judge.c -------------------------------------------------------------------------------- */

/* Is each curve followed by the law, with numbers of its own?  By the table, which has none? */
int xo_judge_law(struct xo_work *w, const struct xo_device_candidate *c, struct xo_device_verdict *verdict);
void xo_judge_table(struct xo_work *w, struct xo_device_verdict *verdict);

/* u [points]: what a fit of `columns` parameters leaves, all of one variance before.  chance: of successive
 * differences as small, were it noise; ratio: their squares over what noise's would be on average, which is noise's
 * share in u.  design [points][columns]: derivatives by the parameters in the scale of u; lost. */
struct xo_serial { double chance, ratio; };
struct xo_serial xo_judge_order(const size_t *order, size_t points, const double *u, size_t columns,
                               double (*design)[XO_SHAPE_MOST + 1]);

#endif
