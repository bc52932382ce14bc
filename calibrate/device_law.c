/* The shapes of cell laws, I = g h(v): values, derivatives, monotony.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <float.h>
#include <math.h>
#include "device_fit.h"

const char *xo_fit_law_name(enum xo_fit_law law)
{
    static const char *const name[] = {"ohmic", "sinh", "polynomial", "table", "by AIC"};
    return name[law];
}

/* sinh x, and x coth x (1 at 0), from one exponential. */
static double sinh_and_slope(double x, double *x_coth_x)
{
    double t = expm1(fabs(x)), s = (t + t / (t + 1)) / 2;
    *x_coth_x = fabs(x) > 1e-4 ? fabs(x) * (1 + t * t / (t + 1) / 2) / s : 1 + x * x / 3;
    return copysign(s, x);
}

/* h = r sinh(v/v0)/sinh(r/v0), whose logarithm has the derivative b coth b - a coth a by ln v0. */
static double sinh_value(const struct xo_shape *shape, double log_v0, double volt, double *slope)
{
    double v0 = exp(log_v0), of_a, of_b;
    double a = sinh_and_slope(volt / v0, &of_a), b = sinh_and_slope(shape->reference_volt / v0, &of_b);
    double h = fabs(b) > 0 ? shape->reference_volt * (a / b) : v0 * a;
    if (slope)
        slope[0] = h * (of_b - of_a);
    return h;
}

/* With x = v/scale and rho = r/scale:  h = r (x + sum a_k x^k)/(rho + sum a_k rho^k),  k = 2 .. count + 1. */
static double polynomial_value(const struct xo_shape *shape, const double *theta, double volt, double *slope)
{
    double x = volt / shape->scale_volt, rho = shape->reference_volt / shape->scale_volt;
    double value = x, unit = 1, x_power = x, rho_power = 1;    /* unit: (rho + sum a_k rho^k)/rho */
    for (size_t k = 0; k < shape->count; k++) {
        value += theta[k] * (x_power *= x);
        unit += theta[k] * (rho_power *= rho);
    }
    double h = shape->scale_volt * value / unit;
    x_power = x;
    rho_power = 1;
    for (size_t k = 0; slope && k < shape->count; k++)
        slope[k] = (shape->scale_volt * (x_power *= x) - h * (rho_power *= rho)) / unit;
    return h;
}

double xo_shape_value(const struct xo_shape *shape, const double *theta, double volt, double *slope)
{
    switch (shape->law) {
    case XO_FIT_SINH: return sinh_value(shape, theta[0], volt, slope);
    case XO_FIT_POLYNOMIAL: return polynomial_value(shape, theta, volt, slope);
    default: return volt;
    }
}

/* The slope 1 + sum k a_k x^(k-1) at steps so fine that, its own slope bounded, it stays positive between them.  The
 * factor that makes h(r) = r must be positive too. */
bool xo_shape_is_monotone(const struct xo_shape *shape, const double *theta, double low_volt, double high_volt)
{
    enum { STEPS = 4096 };
    double low = fmin(low_volt, 0) / shape->scale_volt, high = fmax(high_volt, 0) / shape->scale_volt, bend = 0;
    if (shape->law != XO_FIT_POLYNOMIAL)
        return true;
    for (size_t k = 0; k < shape->count; k++)
        bend += (double)((k + 2) * (k + 1)) * fabs(theta[k]);  /* |x| <= 1 */
    for (int s = 0; s <= STEPS; s++) {
        double x = low + (high - low) * s / STEPS, slope = 1, power = 1;
        for (size_t k = 0; k < shape->count; k++)
            slope += (double)(k + 2) * theta[k] * (power *= x);
        if (!(slope > bend * (high - low) / (2 * STEPS)))
            return false;
    }
    return true;
}

struct xo_fitted xo_shape_number(const struct xo_shape *shape, size_t k, double theta, double half)
{
    if (shape->law == XO_FIT_SINH)
        return (struct xo_fitted){exp(theta), exp(theta - half), exp(theta + half)};
    double unit = pow(shape->scale_volt, -(double)(k + 1));
    return (struct xo_fitted){theta * unit, (theta - half) * unit, (theta + half) * unit};
}

void xo_shape_from_numbers(const struct xo_shape *shape, const struct xo_fitted *number, double *theta)
{
    for (size_t k = 0; k < shape->count; k++)
        theta[k] = shape->law == XO_FIT_SINH ? log(number[k].value)
                                             : number[k].value * pow(shape->scale_volt, (double)(k + 1));
}
