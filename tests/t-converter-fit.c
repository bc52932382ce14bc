/* The fit of a converter: exact data give back what was planted, noisy data inside the 95 % intervals as often as
 * 95 % means, a straight line agrees with the textbook, and what cannot be fitted is refused.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include "oom.h"
#include "tap.h"
#include "xo_converter_fit.h"

#define CODES 256
#define TRIALS 200
#define SEED 20240611

static struct xo_info info;
static double input[CODES], reading[CODES], residual[CODES];

/* Normal numbers by Box and Muller. */
static double gauss(unsigned long long *state)
{
    double u = 1 - tap_uniform(state), v = tap_uniform(state);
    return sqrt(-2 * log(u)) * cos(2 * 3.14159265358979323846 * v);
}

/* ---- what was planted ----------------------------------------------------------------------------- */

/* The law, written as MAPPING has it: a sum of powers. */
struct planted {
    double full_scale, gain_error, offset, inl[3], noise;      /* inl[0] is of t^2 */
};

static double law(const struct planted *p, double t)
{
    return p->full_scale * t * (1 + p->gain_error) + p->offset + p->inl[0] * t * t + p->inl[1] * t * t * t +
           p->inl[2] * t * t * t * t;
}

static const struct planted dac = {0.2, -0.012, 0.0015, {0.004, -0.003, 0.001}, 0.2 * 0.2 / 255};
static const struct planted adc = {255, 0.02, -1.3, {2.5, -4, 1.5}, 0.3};
#define LOW (-2e-6)
#define HIGH 6e-6

static void sweep(const struct planted *p, int is_dac, double noise, unsigned long long *state)
{
    for (int k = 0; k < CODES; k++) {
        input[k] = is_dac ? k : LOW + (HIGH - LOW) * k / 255;
        reading[k] = law(p, k / 255.0) + noise * gauss(state);
    }
}

static int fit(struct xo_converter_fit *out, int is_dac, int inl_terms)
{
    if (is_dac)
        return xo_dac_fit(out, 8, dac.full_scale, inl_terms, CODES, input, reading, residual, &info);
    return xo_adc_fit(out, 8, LOW, HIGH, inl_terms, CODES, input, reading, residual, &info);
}

static void exact_data_give_the_planted_numbers_back(void)
{
    struct xo_converter_fit f;
    unsigned long long state = SEED;
    for (int is_dac = 0; is_dac < 2; is_dac++) {
        const struct planted *p = is_dac ? &dac : &adc;
        double lsb = is_dac ? dac.full_scale / 255 : 1;
        sweep(p, is_dac, 0, &state);
        tap_ok(!fit(&f, is_dac, 4) && f.points == CODES && f.inl_terms == 4, "%s: fitted", is_dac ? "dac" : "adc");
        tap_close(f.gain_error.value, p->gain_error, 1e-10, "gain error");
        tap_close(f.offset.value, p->offset, 1e-9 * lsb, "offset");
        for (int k = 0; k < 3; k++)
            tap_close(f.inl[k + 1].value, p->inl[k], 1e-8 * lsb, "a term of the nonlinearity");
        tap_close(f.inl[0].value, 0, 0, "the first one stays 0: it is the gain error");
        tap_close(f.residual_max_lsb, 0, 1e-9, "nothing is left over");
    }
}

/* ---- 95 % means 95 % ------------------------------------------------------------------------------ */

/* If each trial covers the truth with probability 0.95, independently, the count among 200 is binomial: mean 190,
 * standard deviation 3.1.  180 to 199 holds with probability 0.998: fewer than 180 by chance 1.5e-3 (intervals too
 * narrow), all 200 by chance 4e-5 (too wide). */
#define FEWEST 180
#define MOST 199

static int covers(const struct xo_fitted *x, double truth)
{
    return x->low95 <= truth && truth <= x->high95 && x->low95 <= x->value && x->value <= x->high95;
}

static void count_trials(const struct planted *p, int is_dac, int inl_terms, int hits[6])
{
    unsigned long long state = SEED + (unsigned)is_dac;
    for (int k = 0; k < TRIALS; k++) {
        struct xo_converter_fit f;
        sweep(p, is_dac, p->noise, &state);
        if (fit(&f, is_dac, inl_terms))
            return;
        hits[0] += covers(&f.gain_error, p->gain_error);
        hits[1] += covers(&f.offset, p->offset);
        hits[2] += covers(&f.noise, p->noise);
        for (int term = 0; term < 3; term++)
            hits[3 + term] += covers(&f.inl[term + 1], p->inl[term]);
    }
}

static void intervals_hold_the_truth_as_often_as_they_say(void)
{
    static const char *const name[] = {"gain_error", "offset", "noise", "inl t^2", "inl t^3", "inl t^4"};
    for (int is_dac = 0; is_dac < 2; is_dac++) {
        int hits[6] = {0}, by_aic[6] = {0};
        count_trials(is_dac ? &dac : &adc, is_dac, 4, hits);
        count_trials(is_dac ? &dac : &adc, is_dac, XO_INL_BY_AIC, by_aic);
        for (int k = 0; k < 6; k++) {
            printf("# %s %s: %d of %d, seed %d; with terms chosen by AIC %d\n", is_dac ? "dac" : "adc", name[k],
                   hits[k], TRIALS, SEED + is_dac, by_aic[k]);
            tap_ok(hits[k] >= FEWEST && hits[k] <= MOST, "%s: the interval of %s holds the truth in about 95 %%",
                   is_dac ? "dac" : "adc", name[k]);
        }
    }
}

/* Choosing the number of terms by the same data is not part of the interval.  Where the curve stands clear of the
 * scatter little is lost; above, where terms lean on each other, much: the parameters are then another law's. */
static void a_clear_bow_is_recovered_by_aic_too(void)
{
    const struct planted bow = {255, 0.01, 0.5, {3, 0, 0}, 0.3};
    int hits[6] = {0};
    count_trials(&bow, 0, XO_INL_BY_AIC, hits);
    printf("# terms chosen by AIC: gain_error %d, offset %d, noise %d, inl t^2 %d of %d\n", hits[0], hits[1], hits[2],
           hits[3], TRIALS);
    for (int k = 0; k < 4; k++)
        tap_ok(hits[k] >= 150, "a clear bow: the interval holds the truth in most trials, terms chosen by AIC");
}

/* ---- a second way --------------------------------------------------------------------------------- */

/* A straight line by the textbook: slope, intercept and their standard errors in closed form. */
static void a_straight_line_is_the_textbooks(void)
{
    struct xo_converter_fit f;
    unsigned long long state = SEED;
    double n = CODES, t_sum = 0, y_sum = 0, tt = 0, ty = 0, left = 0;
    sweep(&adc, 0, 0.3, &state);
    for (int k = 0; k < CODES; k++) {
        t_sum += k / 255.0;
        y_sum += reading[k];
    }
    for (int k = 0; k < CODES; k++) {
        double t = k / 255.0 - t_sum / n;
        tt += t * t;
        ty += t * (reading[k] - y_sum / n);
    }
    double slope = ty / tt, level = y_sum / n - slope * t_sum / n;
    for (int k = 0; k < CODES; k++)
        left += pow(reading[k] - level - slope * k / 255.0, 2);
    double s = sqrt(left / (n - 2)), t95 = gsl_cdf_tdist_Pinv(0.975, n - 2);
    double half_slope = t95 * s / sqrt(tt), half_level = t95 * s * sqrt(1 / n + pow(t_sum / n, 2) / tt);
    tap_close(t95, 1.96935, 1e-4, "Student's t for 254 degrees of freedom, as tables have it");
    if (!tap_ok(!fit(&f, 0, 0) && f.inl_terms == 1, "a straight line"))
        return;
    tap_close(f.gain_error.value, slope / 255 - 1, 1e-12, "its slope");
    tap_close(f.gain_error.high95 - f.gain_error.value, half_slope / 255, 1e-12, "the interval of its slope");
    tap_close(f.offset.value, level, 1e-10, "its offset");
    tap_close(f.offset.value - f.offset.low95, half_level, 1e-10, "the interval of its offset");
    tap_close(f.noise.value, s, 1e-10, "its scatter");
    tap_close(f.residual_rms_lsb, sqrt(left / n), 1e-10, "its residual");
    double worst = 0;
    for (int k = 0; k < CODES; k++)
        worst = fmax(worst, fabs(residual[k]));
    tap_close(f.residual_max_lsb, worst, 0, "its worst residual");
    tap_close(fabs(residual[f.worst_point]), worst, 0, "and where it is");
}

/* ---- how many terms ------------------------------------------------------------------------------- */

static void akaike_pays_for_terms_that_are_there(void)
{
    unsigned long long state = SEED;
    struct planted line = {255, 0.01, 0.5, {0, 0, 0}, 0}, bow = {255, 0.01, 0.5, {3, 0, 0}, 0};
    struct planted cubic = {255, 0.01, 0.5, {3, -9, 0}, 0};
    struct xo_converter_fit f;
    int straight = 0, bowed = 0, cubed = 0;
    for (int k = 0; k < 100; k++) {
        sweep(&line, 0, 0.2, &state);
        straight += !fit(&f, 0, XO_INL_BY_AIC) && f.inl_terms == 1;
        sweep(&bow, 0, 0.2, &state);
        bowed += !fit(&f, 0, XO_INL_BY_AIC) && f.inl_terms >= 2;
        sweep(&cubic, 0, 0.2, &state);
        cubed += !fit(&f, 0, XO_INL_BY_AIC) && f.inl_terms >= 3;
    }
    printf("# terms not there are left out in %d of 100; terms there are kept in %d and %d of 100\n", straight, bowed,
           cubed);
    tap_ok(straight >= 60, "AIC leaves out terms that are not there more often than not");
    tap_ok(bowed == 100 && cubed == 100, "AIC keeps terms that are there");
    sweep(&line, 0, 0, &state);
    tap_ok(!fit(&f, 0, XO_INL_BY_AIC) && f.inl_terms == 1, "a line without noise stays a line");
    tap_ok(!fit(&f, 0, XO_MAX_INL) && f.inl_terms == XO_MAX_INL && f.residual_max_lsb < 1e-8,
           "%d terms can be asked for", XO_MAX_INL);
}

/* The choice again, from the residuals of the five fits and the textbook's formula. */
static void the_choice_is_akaikes(void)
{
    const struct planted faint = {255, 0.01, 0.5, {0.6, -0.3, 0}, 0};
    unsigned long long state = SEED;
    int agreed = 0, chosen[XO_INL_AIC_MOST + 1] = {0};
    for (int trial = 0; trial < 100; trial++) {
        struct xo_converter_fit f;
        double least = INFINITY, n = CODES;
        int best = 0;
        sweep(&faint, 0, 0.2, &state);
        for (int terms = 1; terms <= XO_INL_AIC_MOST; terms++) {
            double k = terms + 2;                              /* gain, offset, terms - 1 powers, the scatter */
            if (fit(&f, 0, terms))
                break;
            double criterion = n * log(f.residual_rms_lsb * f.residual_rms_lsb + 1e-6) + 2 * k;
            criterion += 2 * k * (k + 1) / (n - k - 1);
            best = criterion < least ? terms : best;
            least = fmin(criterion, least);
        }
        agreed += !fit(&f, 0, XO_INL_BY_AIC) && f.inl_terms == best;
        chosen[best]++;
    }
    printf("# t^1 to t^5 chosen %d %d %d %d %d times\n", chosen[1], chosen[2], chosen[3], chosen[4], chosen[5]);
    tap_ok(agreed == 100 && chosen[1] < 100 && chosen[2] < 100, "the number of terms is the one AICc says");
}

static void a_one_bit_dac_has_numbers_but_no_intervals(void)
{
    const double code[] = {0, 1}, volt[] = {0.01, 0.19};
    struct xo_converter_fit f;
    tap_ok(!xo_dac_fit(&f, 1, 0.2, XO_INL_BY_AIC, 2, code, volt, NULL, &info), "two codes, two numbers");
    tap_close(f.offset.value, 0.01, 1e-14, "offset");
    tap_close(f.gain_error.value, -0.1, 1e-12, "gain error");
    tap_ok(isnan(f.gain_error.low95) && isnan(f.offset.high95) && isnan(f.noise.low95), "no intervals");
    tap_close(f.noise.value, 0, 0, "no scatter");
}

/* ---- what cannot be fitted ------------------------------------------------------------------------ */

static void refused(int status, int wanted, const char *word, const char *what)
{
    if (status != wanted || !strstr(info.text, word))
        printf("# got %d \"%s\", want %d and \"%s\"\n", status, info.text, wanted, word);
    tap_ok(status == wanted && strstr(info.text, word), "refused: %s", what);
    info.text[0] = '\0';
}

static int dac_status(int bits, double read_volt, int terms, size_t points)
{
    struct xo_converter_fit f = {.points = 77};
    int status = xo_dac_fit(&f, bits, read_volt, terms, points, input, reading, NULL, &info);
    return status && f.points != 77 ? -1000 : status;          /* the output was touched */
}

static int adc_status(double low, double high)
{
    struct xo_converter_fit f = {.points = 77};
    int status = xo_adc_fit(&f, 8, low, high, 2, CODES, input, reading, NULL, &info);
    return status && f.points != 77 ? -1000 : status;
}

static void hostile_sweeps_are_refused(void)
{
    const double bad[] = {NAN, INFINITY, -INFINITY, 1e300};
    unsigned long long state = SEED;
    sweep(&dac, 1, 0, &state);
    refused(dac_status(0, 0.2, 2, CODES), XO_EVALUE, "bits", "no bits");
    refused(dac_status(17, 0.2, 2, CODES), XO_EVALUE, "bits", "17 bits");
    refused(dac_status(8, 0, 2, CODES), XO_EVALUE, "read_volt", "a read voltage of 0");
    refused(dac_status(8, NAN, 2, CODES), XO_EVALUE, "read_volt", "a read voltage that is no number");
    refused(dac_status(8, 0.2, 9, CODES), XO_EVALUE, "inl", "nine terms");
    refused(dac_status(8, 0.2, -2, CODES), XO_EVALUE, "inl", "minus two terms");
    refused(dac_status(8, 0.2, 2, 0), XO_ESHAPE, "expected at least 3", "no points");
    refused(dac_status(8, 0.2, 2, 2), XO_ESHAPE, "expected at least 3", "two points for three numbers");
    refused(dac_status(8, 0.2, 2, (size_t)-1), ENOMEM, "no memory", "more points than memory");
    for (int k = 0; k < 4; k++) {
        double keep = reading[100];
        reading[100] = bad[k];
        refused(dac_status(8, 0.2, 2, CODES), XO_EVALUE, "point 100", "a voltage that is no converter's");
        reading[100] = keep;
        input[100] = bad[k];
        refused(dac_status(8, 0.2, 2, CODES), XO_EVALUE, "point 100", "a code that is none");
        input[100] = 100;
    }
    for (int k = 0; k < CODES; k++)
        input[k] = k & 1;
    refused(dac_status(8, 0.2, 2, CODES), XO_ESHAPE, "2 different", "two codes again and again");
    for (int k = 0; k < CODES; k++)
        input[k] = 100 + 1e-9 * k;
    refused(dac_status(8, 0.2, 3, CODES), XO_ESINGULAR, "close together", "codes that lie next to each other");
    sweep(&adc, 0, 0, &state);
    refused(adc_status(1, 1), XO_EVALUE, "range", "an empty range");
    refused(adc_status(1, 0), XO_EVALUE, "range", "a range upside down");
    refused(adc_status(NAN, 0), XO_EVALUE, "range", "a range that is no number");
    refused(adc_status(-1e308, 1e308), XO_EVALUE, "range", "a range too wide for a double");
}

/* ---- transitions ---------------------------------------------------------------------------------- */

#define SAMPLES 3201
static double ramp[SAMPLES], code[SAMPLES], level[255], between[255];

static int transitions(size_t *count)
{
    return xo_adc_transitions(count, 8, SAMPLES, ramp, code, level, between, &info);
}

static void transitions_are_found_to_half_a_step(void)
{
    size_t count = 0;
    double worst = 0;
    for (int k = 0; k < SAMPLES; k++) {
        ramp[k] = -10 + 0.0875 * k;                            /* -10 to 270 LSB */
        code[k] = fmin(fmax(floor(ramp[k] * 0.97 + 2.3 + 0.5), 0), 255);
    }
    tap_ok(!transitions(&count) && count == 255, "every code of a long enough sweep ends somewhere");
    for (size_t k = 0; k < count; k++)
        worst = fmax(worst, fabs(level[k] * 0.97 + 2.3 - between[k]) / 0.97);
    tap_close(worst, 0, 0.0875 / 2 * 1.0001, "transitions are within half a step of the sweep");
    for (int k = 0; k < SAMPLES; k++)
        code[k] += code[k] == 100;
    tap_ok(!transitions(&count) && count == 255 && level[99] == level[100] && between[100] == 100.5,
           "a missing code gives two transitions at one input");
    tap_ok(!xo_adc_transitions(&count, 8, 1201, ramp + 400, code + 400, level, between, &info) &&
           (double)count == code[1600] - code[400] && between[0] == code[400] + 0.5 &&
           between[count - 1] == code[1600] - 0.5, "a sweep of a part gives the transitions inside it");
}

/* The sample count is unbiased: noise of half an LSB on each sample leaves the fitted offset where it was. */
static void noise_moves_transitions_to_neither_side(void)
{
    struct xo_converter_fit f;
    unsigned long long state = SEED;
    size_t count = 0;
    for (int k = 0; k < SAMPLES; k++)
        code[k] = fmin(fmax(floor(ramp[k] * 0.97 + 2.3 + 0.5 * gauss(&state) + 0.5), 0), 255);
    tap_ok(!transitions(&count) && !xo_adc_fit(&f, 8, 0, 255, 0, count, level, between, NULL, &info), "noisy codes");
    tap_close(f.gain_error.value, -0.03, 5 * 0.5 / sqrt(SAMPLES) / 70, "their gain error, 5 sigma");
    tap_close(f.offset.value, 2.3, 5 * 0.5 / sqrt(SAMPLES) * 2, "their offset, 5 sigma");
}

static void codes_that_are_none_are_refused(void)
{
    size_t count = 0;
    for (int k = 0; k < SAMPLES; k++)
        code[k] = k / 13;
    code[5] = 0.5;
    refused(transitions(&count), XO_EVALUE, "point 5", "half a code");
    code[5] = 256;
    refused(transitions(&count), XO_EVALUE, "point 5", "a code too large");
    code[5] = NAN;
    refused(transitions(&count), XO_EVALUE, "point 5", "a code that is no number");
    for (int k = 0; k < SAMPLES; k++)
        code[k] = 255 - k / 13;
    refused(transitions(&count), XO_EVALUE, "rise", "codes that fall");
    ramp[SAMPLES - 1] = -20;
    refused(transitions(&count), XO_ESHAPE, "rising", "a sweep that falls");
}

/* ---- memory --------------------------------------------------------------------------------------- */

static int everything_once(void *user)
{
    struct xo_converter_fit f;
    size_t count;
    (void)user;
    int status = xo_dac_fit(&f, 8, 0.2, XO_INL_BY_AIC, CODES, input, reading, NULL, &info);
    if (!status)
        status = xo_adc_fit(&f, 8, 0, 255, 2, CODES, input, reading, NULL, &info);
    return status ? status : xo_adc_transitions(&count, 8, SAMPLES, ramp, code, level, between, &info);
}

static void memory_may_run_out(void)
{
    unsigned long long state = SEED;
    sweep(&dac, 1, 0, &state);
    for (int k = 0; k < SAMPLES; k++) {
        ramp[k] = k;
        code[k] = k / 13;
    }
    struct oom_report r = oom_sweep(everything_once, NULL);
    tap_ok(oom_clean(&r), "each of %zu failing allocations is reported", r.allocations);
}

int main(void)
{
    gsl_set_error_handler_off();
    exact_data_give_the_planted_numbers_back();
    intervals_hold_the_truth_as_often_as_they_say();
    a_clear_bow_is_recovered_by_aic_too();
    a_straight_line_is_the_textbooks();
    akaike_pays_for_terms_that_are_there();
    the_choice_is_akaikes();
    a_one_bit_dac_has_numbers_but_no_intervals();
    hostile_sweeps_are_refused();
    transitions_are_found_to_half_a_step();
    noise_moves_transitions_to_neither_side();
    codes_that_are_none_are_refused();
    memory_may_run_out();
    return tap_done();
}
