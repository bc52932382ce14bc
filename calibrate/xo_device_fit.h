/* Measured current-voltage curves -> the numbers of `device:` in the hardware file.
 *     xo_iv_read()         CSV -> curves, sorted by level, device and cycle
 *     xo_device_fit()      curves -> a law, its parameters with 95 % intervals, what it does not follow
 *     xo_device_ampere()   the fitted law at one voltage
 * Model, for point k of curve j:  I_jk = g_j h(v_jk; shape) + noise, where h(r) = r at the reference voltage r, so
 * that g_j is the conductance I/v at r (its limit, the slope, for r = 0).  Laws, each passing through 0 at 0 V:
 *     ohmic        h = v
 *     sinh         proportional to sinh(v/v0)
 *     polynomial   proportional to v + c2 v^2 + ... + cm v^m; one shape for all levels, or one for each
 *     table        a monotone curve through the means of each level: when none of the above follows the data
 * For given shape the g_j follow by linear regression, so only the shape is searched for (variable projection, Golub
 * and Pereyra 1973, with Kaufman's 1975 Jacobian), by GSL's trust-region Levenberg-Marquardt.  The variance of a
 * level's noise is additive^2 + (relative I)^2, both estimated together with the law.
 *
 * Unit of replication.  Points of one curve share a device, so they are not independent evidence about devices.
 * Intervals of shape and level means come from what leaving out one unit changes (the jackknife, Miller 1974, in one
 * Newton step) with Student's t of units - 1 degrees of freedom; the unit is the device where every level has two or
 * more, else the curve where every level has two or more, else the point.  In the last case they say how well this
 * one curve is known, nothing about others; each residual counts as if its point were left out of the fit (HC3,
 * MacKinnon and White 1985), and a table has no interval.  The penalty of Akaike's criterion is counted by units too
 * (Takeuchi 1976).  Intervals take law and order for granted; chosen by the same data they hold less often.
 *
 * GSL allocates inside and, by default, aborts the program when memory runs out: a program that cares calls
 * gsl_set_error_handler_off() first.  Nothing else here can reach that handler; arguments are checked before.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_DEVICE_FIT_H
#define XO_DEVICE_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include "xo_converter_fit.h"          /* struct xo_fitted: a number and its 95 % interval */
#include "xo_hardware.h"
#include "xo_status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define XO_IV_MAX_LEVELS 256
#define XO_SHAPE_MOST 6                /* numbers in a shape: v0, or c2 .. c7 */

/* ---- curves --------------------------------------------------------------------------------------- */

struct xo_iv_curve {
    size_t level, device;              /* from 0; devices are numbered over all levels */
    const char *device_name, *cycle_name;      /* "" without such a column; owned by struct xo_iv */
    size_t first, points;              /* in the arrays below, in the order of the file */
};

struct xo_iv {
    size_t points, curves, levels, devices;
    double *volt, *ampere;             /* [points] */
    size_t *line;                      /* [points] of the file, from 1 */
    struct xo_iv_curve *curve;         /* [curves] by level, device, cycle */
    bool has_device, has_cycle;
    double low_kelvin, high_kelvin;    /* NaN without a temperature column */
    char *text;
};

/* Read CSV.  A header line names the columns, in any order: level, v[V] and i[A]; device, cycle and temperature[K] if
 * known.  Levels are whole numbers from 0, none missing; names of devices and cycles are any text.  Blank lines and
 * lines that begin with '#' are skipped.  path "-" is standard input.  Errors name file:line:column.
 * XO_ESYNTAX, XO_EVALUE, XO_ETOOBIG beyond 1 GiB, errno, ENOMEM.  On failure *out is untouched. */
int xo_iv_read(struct xo_iv *out, const char *path, struct xo_info *info);
int xo_iv_parse(struct xo_iv *out, const char *bytes, size_t nbytes, const char *name, struct xo_info *info);
void xo_iv_free(struct xo_iv *iv);     /* leaves *iv zeroed; NULL allowed */

/* ---- the fit -------------------------------------------------------------------------------------- */

enum xo_fit_law { XO_FIT_OHMIC, XO_FIT_SINH, XO_FIT_POLYNOMIAL, XO_FIT_TABLE, XO_FIT_BY_AIC };
enum xo_fit_shape { XO_SHAPE_SHARED, XO_SHAPE_PER_LEVEL, XO_SHAPE_BY_AIC };
enum xo_fit_loss { XO_LOSS_SQUARE, XO_LOSS_HUBER, XO_LOSS_CAUCHY };      /* Holland and Welsch 1977: 1.345, 2.385 */
enum xo_fit_unit { XO_UNIT_DEVICE, XO_UNIT_CURVE, XO_UNIT_POINT };
const char *xo_fit_law_name(enum xo_fit_law law);      /* "ohmic", "sinh", "polynomial", "table" */

struct xo_device_options {
    enum xo_fit_law law;
    enum xo_fit_shape shape;           /* of a polynomial                                               */
    enum xo_fit_loss loss;
    size_t order;                      /* of the polynomial, 2 .. 7; 0: by AIC, up to most_order         */
    size_t most_order;                 /* 2 .. 7; 0: 5                                                   */
    double reference_volt;             /* NaN: the highest voltage that every curve reaches              */
    double tolerance;                  /* what a law may miss systematically, of a curve's largest current */
};

struct xo_device_level {
    size_t curves, devices, points;
    double low_volt, high_volt, high_ampere;           /* range of the data; largest |current|           */
    struct xo_fitted siemens;          /* mean over the units, at reference_volt                         */
    struct xo_fitted device_spread;    /* over devices, less the cycles' and the noise's share; 0, NaN: unknown */
    struct xo_fitted cycle_spread;     /* from cycle to cycle of one device; the same                    */
    double noise_ampere, noise_relative;
    struct xo_fitted shape[XO_SHAPE_MOST];     /* sinh: v0 [V]; polynomial: c2, c3, ... [V^(1-k)]         */
    size_t table_points;               /* law table only */
    double *table_volt, *table_ampere;
};

/* What one law has to say for itself. */
struct xo_device_candidate {
    enum xo_fit_law law;
    size_t order;                      /* polynomial */
    bool per_level;
    double parameters;                 /* of the shape, in all, as the criterion counts them              */
    double aic;                        /* Takeuchi's form, corrected for few points; infinity if refused   */
    double residual_rms;               /* of each curve's largest current                                 */
    const char *refused;               /* NULL, or why: a constant text                                   */
};
#define XO_DEVICE_MOST_CANDIDATES 14

#define XO_DEVICE_FALSE_ALARM 0.01     /* chance that noise is taken for a misfit anywhere in a file */

/* How one curve is followed by the law; by itself, with numbers of its own, but for the first two lines.  In parts of
 * the curve's largest current. */
struct xo_device_verdict {
    double siemens;                    /* g_j of the common fit                                            */
    double residual_rms, residual_max; /* of the common fit                                                */
    double systematic, noise;          /* what hangs together in the order of voltages or of measurement, and the
                                          rest: rms, the squares of both are what the fit leaves           */
    double chance;                     /* that noise alone hangs together so much anywhere in the file     */
    double far_miss;                   /* of a level's only curve: the largest miss of a point that is further off
                                          than noise, as neighbours show it, ever is; 0: none              */
    double unexplained;                /* share of the sum of squares of the current that the fit leaves   */
    size_t freedom;                    /* points less parameters; 0: too few to be judged                  */
    bool judged, few, followed;        /* few: the level's points do not tell noise from a misfit          */
};

struct xo_device_fit {
    enum xo_fit_law law, wanted;       /* wanted: the best or the given one, before the table stood in */
    size_t order;                      /* polynomial: m */
    bool per_level;
    enum xo_fit_unit unit;
    enum xo_distribution spread;
    double spread_aic;                 /* of lognormal less that of Gaussian; NaN: too few devices */
    double reference_volt;
    size_t shape_count, levels, curves, points;
    struct xo_device_level *level;     /* [levels] */
    struct xo_device_verdict *verdict; /* [curves] */
    size_t candidates;
    struct xo_device_candidate candidate[XO_DEVICE_MOST_CANDIDATES];
    double residual_rms;               /* of the law, over all curves, of each curve's largest current */
    size_t judged, unfollowed, worst_curve;
    size_t missed, missed_curve;       /* by `wanted`, before the table stood in; else as the line above */
    struct xo_device_verdict missed_verdict;   /* of missed_curve, the worst */
    size_t outliers;                   /* points beyond 4 standard deviations of their noise */
};

/* Fit.  A curve is not followed if
 *     what is left hangs together more than noise does in one of 100 files (Durbin and Watson 1951, by voltage and in
 *         the order of measurement, each curve and the curves of each level together), and so much of it is more than
 *         the tolerance; or
 *     the root mean square left is above ten tolerances of the current's own, where a level has fewer than 32 points
 *         more than parameters, which do not tell noise from a misfit; or
 *     it is the only one of its level, has 8 points more than parameters, and a point misses by more than three
 *         tolerances of the largest current and by more than 5 + 45/(points less parameters) standard deviations of
 *         the noise that neighbours show, a part of it constant and a part a share of the current; or
 *     more than half of the sum of squares is left.
 * Where the chosen law leaves more than half of a level's curves unfollowed and none was asked for, the table stands
 * in for it.
 *   name  of the file, for messages
 * XO_EVALUE for a curve whose conductance is not positive, a reference voltage outside the data, a table that falls;
 * XO_ESHAPE for too few points; XO_ESINGULAR if no candidate could be fitted; ENOMEM.  On failure *out is
 * untouched. */
int xo_device_fit(struct xo_device_fit *out, const struct xo_iv *iv, const char *name,
                  const struct xo_device_options *options, struct xo_info *info);
void xo_device_fit_free(struct xo_device_fit *fit);    /* leaves *fit zeroed; NULL allowed */

/* The current of a cell of that level, programmed to `siemens`; beyond its table a table goes on straight. */
double xo_device_ampere(const struct xo_device_fit *fit, size_t level, double siemens, double volt);

#ifdef __cplusplus
}
#endif
#endif
