/* Sweeps of converters -> gain error, offset, integral nonlinearity, scatter, each with a 95 % interval.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <string.h>
#include <gsl/gsl_cdf.h>
#include "law_fit.h"
#include "memory.h"

#define DAC_MAX_BITS 16
#define ADC_MAX_BITS 24
#define MOST_POINTS ((size_t)1 << 24)
#define MOST_LSB 1e12                  /* a reading further out is not a converter's                      */
#define FINE_LSB 1e-3                  /* Akaike's criterion: gains below this resolution buy no term     */

/* ---- what may be fitted --------------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* How many different values; 0 without memory. */
static size_t different(const double *value, size_t count)
{
    size_t found = count > 0;
    double *sorted = xo_calloc(count, sizeof *sorted);
    if (!sorted)
        return 0;
    memcpy(sorted, value, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_numbers);
    for (size_t k = 1; k < count; k++)
        found += sorted[k] > sorted[k - 1];
    free(sorted);
    return found;
}

static int check_data(const struct xo_law_data *data, int inl_terms, struct xo_info *info)
{
    if (inl_terms < XO_INL_BY_AIC || inl_terms > XO_MAX_INL)
        return xo_fail(info, XO_EVALUE, "inl: found %d terms; expected 0 to %d", inl_terms, XO_MAX_INL);
    if (data->points > MOST_POINTS)
        return xo_fail(info, XO_ETOOBIG, "sweep: found %zu points; expected at most %zu", data->points, MOST_POINTS);
    for (size_t k = 0; k < data->points; k++)
        if (!(fabs(data->t[k]) <= MOST_LSB) || !(fabs(data->reading_lsb[k]) <= MOST_LSB))
            return xo_fail(info, XO_EVALUE, "sweep: point %zu: found %g LSB at %g of the range; expected finite "
                           "numbers", k, data->reading_lsb[k], data->t[k]);
    size_t wanted = inl_terms > 1 ? (size_t)inl_terms + 1 : 2;
    size_t found = data->points ? different(data->t, data->points) : 0;
    if (!found && data->points)
        return xo_fail(info, ENOMEM, "sweep: no memory for %zu points", data->points);
    if (found < wanted)
        return xo_fail(info, XO_ESHAPE, "sweep: found %zu different inputs; expected at least %zu, one per number "
                       "fitted", found, wanted);
    return XO_OK;
}

/* ---- how many terms ------------------------------------------------------------------------------- */

/* Akaike's criterion, corrected for few points (Hurvich and Tsai 1989); the scatter counts as a parameter. */
static double aicc(const struct xo_law_fit *fit, size_t points)
{
    double n = (double)points, k = (double)fit->parameters + 1;
    return n * log(fit->sum_of_squares / n + FINE_LSB * FINE_LSB) + 2 * k * n / (n - k - 1);
}

static int fit_by_aic(struct xo_law_fit *best, const struct xo_law_data *data)
{
    int status = xo_law_fit(best, data, 2);
    for (size_t parameters = 3; !status && parameters <= XO_INL_AIC_MOST + 1; parameters++) {
        struct xo_law_fit next;
        if (data->points < parameters + 3)                     /* n - k - 1 must stay positive */
            break;
        status = xo_law_fit(&next, data, parameters);
        if (status == XO_ESINGULAR)
            return XO_OK;                                      /* the points do not tell more terms apart */
        if (!status && aicc(&next, data->points) < aicc(best, data->points))
            *best = next;
    }
    return status;
}

/* ---- intervals ------------------------------------------------------------------------------------ */

static struct xo_fitted with_interval(double value, double half)
{
    return (struct xo_fitted){value, value - half, value + half};
}

static struct xo_fitted scaled(struct xo_fitted x, double factor)
{
    return (struct xo_fitted){x.value * factor, x.low95 * factor, x.high95 * factor};
}

/* (points - parameters) s^2 / sigma^2 is chi square. */
static struct xo_fitted scatter(double sum_of_squares, double freedom)
{
    if (!(freedom > 0))
        return (struct xo_fitted){0, NAN, NAN};
    return (struct xo_fitted){sqrt(sum_of_squares / freedom),
                              sqrt(sum_of_squares / gsl_cdf_chisq_Pinv(0.975, freedom)),
                              sqrt(sum_of_squares / gsl_cdf_chisq_Pinv(0.025, freedom))};
}

/* From parameters in LSB to those of the hardware file; unit: of one LSB. */
static struct xo_converter_fit finished(const struct xo_law_fit *law, const struct xo_law_data *data, double unit)
{
    double freedom = (double)(data->points - law->parameters);
    double t95 = freedom > 0 ? gsl_cdf_tdist_Pinv(0.975, freedom) : NAN;
    struct xo_converter_fit fit = {.points = data->points};
    struct xo_fitted value[XO_LAW_MOST];
    fit.noise = scaled(scatter(law->sum_of_squares, freedom), unit);
    for (size_t k = 0; k < law->parameters; k++)
        value[k] = with_interval(law->value[k], t95 * sqrt(law->sum_of_squares / freedom * law->inverse[k]));
    fit.inl_terms = law->parameters > 2 ? (int)law->parameters - 1 : 1;
    fit.gain_error = scaled(value[0], 1 / data->full);
    fit.offset = scaled(value[1], unit);
    for (size_t k = 2; k < law->parameters; k++)
        fit.inl[k - 1] = scaled(value[k], unit);
    fit.residual_rms_lsb = sqrt(law->sum_of_squares / (double)data->points);
    return fit;
}

static void find_residuals(struct xo_converter_fit *fit, const struct xo_law_fit *law, const struct xo_law_data *data,
                           double *residual_lsb)
{
    for (size_t k = 0; k < data->points; k++) {
        double r = data->reading_lsb[k] - xo_law_reading(data, law->value, law->parameters, data->t[k]);
        if (fabs(r) > fit->residual_max_lsb) {
            fit->residual_max_lsb = fabs(r);
            fit->worst_point = k;
        }
        if (residual_lsb)
            residual_lsb[k] = r;
    }
}

static int fit_law(struct xo_converter_fit *out, const struct xo_law_data *data, int inl_terms, double unit,
                   double *residual_lsb, struct xo_info *info)
{
    struct xo_law_fit law;
    int status = check_data(data, inl_terms, info);
    if (status)
        return status;
    if (inl_terms == XO_INL_BY_AIC)
        status = fit_by_aic(&law, data);
    else
        status = xo_law_fit(&law, data, inl_terms > 1 ? (size_t)inl_terms + 1 : 2);
    if (status == XO_ESINGULAR)
        return xo_fail(info, status, "sweep: its inputs lie too close together to tell gain, offset and nonlinearity "
                       "apart; expected a sweep of the whole range");
    if (status)
        return xo_fail(info, status, "sweep: no memory to fit %zu points", data->points);
    *out = finished(&law, data, unit);
    find_residuals(out, &law, data, residual_lsb);
    return XO_OK;
}

/* ---- the two converters --------------------------------------------------------------------------- */

/* out[k] = (value[k] - zero) factor, in memory the caller frees. */
static double *in_units(const double *value, size_t count, double zero, double factor)
{
    double *out = count <= MOST_POINTS ? xo_calloc(count, sizeof *out) : NULL;
    for (size_t k = 0; out && k < count; k++)
        out[k] = (value[k] - zero) * factor;
    return out;
}

static int check_bits(int bits, int most, struct xo_info *info)
{
    if (bits < 1 || bits > most)
        return xo_fail(info, XO_EVALUE, "bits: found %d; expected 1 to %d", bits, most);
    return XO_OK;
}

int xo_dac_fit(struct xo_converter_fit *out, int bits, double read_volt, int inl_terms, size_t points,
               const double *code, const double *volt, double *residual_lsb, struct xo_info *info)
{
    int status = check_bits(bits, DAC_MAX_BITS, info);
    if (status)
        return status;
    if (!(read_volt >= 1e-12 && read_volt <= 1e12))
        return xo_fail(info, XO_EVALUE, "read_volt: found %g; expected 1e-12 to 1e12 V", read_volt);
    struct xo_law_data data = {.full = ldexp(1, bits) - 1, .points = points};
    double *t = in_units(code, points, 0, 1 / data.full);
    double *reading = in_units(volt, points, 0, data.full / read_volt);
    data.t = t;
    data.reading_lsb = reading;
    status = t && reading ? fit_law(out, &data, inl_terms, read_volt / data.full, residual_lsb, info)
                          : xo_fail(info, ENOMEM, "sweep: no memory for %zu points", points);
    free(reading);
    free(t);
    return status;
}

int xo_adc_fit(struct xo_converter_fit *out, int bits, double low, double high, int inl_terms, size_t points,
               const double *input, const double *reading_lsb, double *residual_lsb, struct xo_info *info)
{
    int status = check_bits(bits, ADC_MAX_BITS, info);
    if (status)
        return status;
    if (!(low < high) || !isfinite(1 / (high - low)) || !isfinite(high - low))
        return xo_fail(info, XO_EVALUE, "range: found %g to %g; expected low below high", low, high);
    struct xo_law_data data = {.full = ldexp(1, bits) - 1, .points = points, .reading_lsb = reading_lsb};
    double *t = in_units(input, points, low, 1 / (high - low));
    data.t = t;
    status = t ? fit_law(out, &data, inl_terms, 1, residual_lsb, info)
               : xo_fail(info, ENOMEM, "sweep: no memory for %zu points", points);
    free(t);
    return status;
}

/* below[k] counts samples at or below code k: their number times the step is where the code passes k + 1/2. */
int xo_adc_transitions(size_t *count, int bits, size_t points, const double *input, const double *code,
                       double *level, double *reading_lsb, struct xo_info *info)
{
    int status = check_bits(bits, ADC_MAX_BITS, info);
    size_t most = status ? 0 : ((size_t)1 << bits) - 1, found = 0, below = 0;
    if (status)
        return status;
    if (points < 2 || points > MOST_POINTS || !(input[points - 1] > input[0]))
        return xo_fail(info, XO_ESHAPE, "sweep: found %zu points; expected at least two, rising", points);
    for (size_t k = 0; k < points; k++)
        if (!(code[k] >= 0 && code[k] <= (double)most && code[k] == floor(code[k])))
            return xo_fail(info, XO_EVALUE, "sweep: point %zu: found code %g; expected a whole number from 0 to %zu",
                           k, code[k], most);
    if (!(code[points - 1] > code[0]))
        return xo_fail(info, XO_EVALUE, "sweep: the code goes from %g to %g; expected it to rise with the input",
                       code[0], code[points - 1]);
    size_t *samples = xo_calloc(most + 1, sizeof *samples);
    if (!samples)
        return xo_fail(info, ENOMEM, "sweep: no memory for %zu codes", most + 1);
    for (size_t k = 0; k < points; k++)
        samples[(size_t)code[k]]++;
    double step = (input[points - 1] - input[0]) / (double)(points - 1);
    for (size_t k = 0; k < most; k++) {
        below += samples[k];
        if ((double)k < code[0] || (double)k >= code[points - 1])
            continue;
        level[found] = input[0] + step * ((double)below - 0.5);
        reading_lsb[found++] = (double)k + 0.5;
    }
    free(samples);
    *count = found;
    return XO_OK;
}
