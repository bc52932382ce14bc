/* What an accuracy, and a difference between two, is worth.
 *     share       p +- : (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)           (Wilson 1927)
 *     bootstrap   a draw of n images with replacement holds A images that only a got right and B that only b did:
 *                 A ~ binomial(n, a/n), B ~ binomial(n - A, b/(n - a)).  Percentiles of (B - A)/n over all draws are
 *                 computed from these, rather than estimated from some draws (Efron 1979's ideal bootstrap).
 *     instances   mean +- t sqrt(s^2/N + variance of images), s^2 between N instances     (Student 1908)
 *     McNemar     2 P(X <= min(a, b)), X ~ binomial(a + b, 1/2), at most 1                     (McNemar 1947, exact)
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "xo_eval.h"

#include <errno.h>
#include <gsl/gsl_cdf.h>
#include <math.h>
#include "memory.h"

#define Z95 1.959963984540054          /* normal quantile of 0.975 */
#define NEGLIGIBLE 1e-20               /* of the largest probability: 1e8 such terms change no percentile */

struct xo_share xo_share_of(size_t hits, size_t count)
{
    double n = (double)count, p, centre, half, whole;
    if (!count)
        return (struct xo_share){ 0, 0, 1 };
    p = (double)hits / n;
    centre = p + Z95 * Z95 / (2 * n);
    half = Z95 * sqrt(p * (1 - p) / n + Z95 * Z95 / (4 * n * n));
    whole = 1 + Z95 * Z95 / n;
    return (struct xo_share){ p, hits ? (centre - half) / whole : 0, hits < count ? (centre + half) / whole : 1 };
}

double xo_share_high95(size_t hits, size_t count)
{
    return hits >= count ? 1 : gsl_cdf_beta_Pinv(0.95, (double)hits + 1, (double)(count - hits));
}

/* Probabilities of low..high successes in n trials, the rest being negligible: chance[k - low]. */
struct binomial { size_t low, high; double *chance; };

/* From the most likely count outwards, each from its neighbour; then all over their sum.  chance [n + 1]. */
static void binomial_of(struct binomial *b, size_t n, double p, double *chance)
{
    double odds = p / (1 - p), sum = 1, term = 1;
    size_t mode = p >= 1 ? n : (size_t)(((double)n + 1) * p);
    mode = mode > n ? n : mode;
    b->low = b->high = mode;
    chance[mode] = 1;
    for (size_t k = mode; p > 0 && p < 1 && k < n; k++, sum += term) {
        term = chance[k] * odds * (double)(n - k) / (double)(k + 1);
        if (term < NEGLIGIBLE)
            break;
        chance[b->high = k + 1] = term;
    }
    for (size_t k = mode; p > 0 && p < 1 && k > 0; k--, sum += term) {
        term = chance[k] / odds * (double)k / (double)(n - k + 1);
        if (term < NEGLIGIBLE)
            break;
        chance[b->low = k - 1] = term;
    }
    for (size_t k = b->low; k <= b->high; k++)
        chance[k] /= sum;
    b->chance = chance + b->low;
}

/* chance[n + B - A] over all draws. */
static void add_draws(double *chance, size_t n, size_t only_a, size_t only_b, double *of_a, double *of_b)
{
    struct binomial a, b;
    binomial_of(&a, n, (double)only_a / (double)n, of_a);
    for (size_t i = a.low; i <= a.high; i++) {
        double share = only_a < n ? (double)only_b / (double)(n - only_a) : 0;
        binomial_of(&b, n - i, share, of_b);
        for (size_t j = b.low; j <= b.high; j++)
            chance[n + j - i] += a.chance[i - a.low] * b.chance[j - b.low];
    }
}

/* The smallest difference that a draw does not exceed with at least this probability. */
static double percentile(const double *chance, size_t n, double probability)
{
    double sum = 0;
    size_t k = 0;
    while (k < 2 * n && (sum += chance[k]) < probability)
        k++;
    return ((double)k - (double)n) / (double)n;
}

static int bootstrap(struct xo_paired *paired, size_t n)
{
    double *chance = xo_calloc(2 * n + 1, sizeof *chance);
    double *of_a = xo_calloc(n + 1, sizeof *of_a), *of_b = xo_calloc(n + 1, sizeof *of_b);
    int status = chance && of_a && of_b ? 0 : ENOMEM;
    if (!status) {
        add_draws(chance, n, paired->only_a, paired->only_b, of_a, of_b);
        paired->low95 = percentile(chance, n, 0.025);
        paired->high95 = percentile(chance, n, 0.975);
    }
    free(chance);
    free(of_a);
    free(of_b);
    return status;
}

/* The tail is summed from its largest term: term(k-1) = term(k) k/(n-k+1). */
static double mcnemar(size_t only_a, size_t only_b)
{
    size_t n = only_a + only_b, k = only_a < only_b ? only_a : only_b;
    int sign;
    double term = exp(lgamma_r((double)n + 1, &sign) - lgamma_r((double)k + 1, &sign)
                      - lgamma_r((double)(n - k) + 1, &sign) - (double)n * log(2));
    double sum = 0;
    for (; term > 0; k--) {
        sum += term;
        term *= (double)k / (double)(n - k + 1);
    }
    return fmin(1, 2 * sum);
}

int xo_paired_of(struct xo_paired *out, size_t count, const unsigned char *hit_a, const unsigned char *hit_b)
{
    struct xo_paired paired = { 0 };
    int status;
    if (!count || count > PTRDIFF_MAX / (2 * sizeof(double)))
        return XO_EVALUE;
    for (size_t k = 0; k < count; k++) {
        if (hit_a[k] > 1 || hit_b[k] > 1)
            return XO_EVALUE;
        paired.only_a += hit_a[k] && !hit_b[k];
        paired.only_b += hit_b[k] && !hit_a[k];
    }
    paired.difference = ((double)paired.only_b - (double)paired.only_a) / (double)count;
    paired.p = mcnemar(paired.only_a, paired.only_b);
    status = bootstrap(&paired, count);
    if (status)
        return status;
    paired.resolved = paired.low95 > 0 || paired.high95 < 0;
    *out = paired;
    return 0;
}

static double variance_of(const double *x, size_t count, double mean)
{
    double sum = 0;
    for (size_t k = 0; k < count; k++)
        sum += (x[k] - mean) * (x[k] - mean);
    return count > 1 ? sum / (double)(count - 1) : 0;
}

int xo_instances_of(struct xo_instances *out, size_t instances, size_t images, const unsigned char *const *hit)
{
    double *accuracy = xo_calloc(instances, sizeof *accuracy), *share = xo_calloc(images, sizeof *share);
    double mean = 0, half;
    struct xo_instances s = { 0, 0, 1, 0, 0 };
    int status = !instances || !images ? XO_EVALUE : !accuracy || !share ? ENOMEM : 0;
    for (size_t n = 0; n < instances && !status; n++)
        for (size_t k = 0; k < images; k++) {
            accuracy[n] += hit[n][k] / (double)images;
            share[k] += hit[n][k] / (double)instances;
        }
    if (!status) {
        for (size_t n = 0; n < instances; n++)
            mean += accuracy[n] / (double)instances;
        s.mean = mean;
        s.between_variance = variance_of(accuracy, instances, mean);
        s.images_variance = variance_of(share, images, mean) / (double)images;
    }
    if (!status && instances > 1) {
        half = gsl_cdf_tdist_Pinv(0.975, (double)instances - 1) *
               sqrt(s.between_variance / (double)instances + s.images_variance);
        s.low95 = fmax(mean - half, 0);
        s.high95 = fmin(mean + half, 1);
    }
    if (!status)
        *out = s;
    free(accuracy);
    free(share);
    return status;
}
