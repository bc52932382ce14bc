/* Shares, paired differences and McNemar's test against closed forms, enumeration and simulation.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "oom.h"
#include "tap.h"
#include "xo_eval.h"

/* Both ends solve (p - w)^2 = z^2 w (1 - w)/n. */
static void wilson_limits_solve_their_equation(void)
{
    const double z = 1.959963984540054;
    int bad = 0;
    for (size_t n = 1; n <= 400; n += 7)
        for (size_t hits = 0; hits <= n; hits++) {
            struct xo_share s = xo_share_of(hits, n);
            double p = (double)hits / (double)n;
            double low = (p - s.low95) * (p - s.low95) - z * z * s.low95 * (1 - s.low95) / (double)n;
            double high = (p - s.high95) * (p - s.high95) - z * z * s.high95 * (1 - s.high95) / (double)n;
            bad += fabs(low) > 1e-14 || fabs(high) > 1e-14 || s.value != p || s.low95 > p || s.high95 < p;
        }
    tap_ok(!bad, "Wilson's limits solve (p - w)^2 = z^2 w(1 - w)/n, around p (%d do not)", bad);
    tap_close(xo_share_of(0, 100).high95, z * z / (100 + z * z), 1e-15, "no hit of 100: z^2/(n + z^2)");
    tap_ok(xo_share_of(0, 100).low95 == 0 && xo_share_of(100, 100).high95 == 1, "0 and 1 are limits exactly");
    tap_close(xo_share_high95(0, 20), 1 - pow(0.05, 1.0 / 20), 1e-13,
              "0 of 20: no more than 1 - 0.05^(1/20), 95 % sure");
    double p = xo_share_high95(1, 7);
    tap_close(pow(1 - p, 7) + 7 * p * pow(1 - p, 6), 0.05, 1e-13, "1 of 7: the limit gives 0 or 1 with 5 % chance");
    tap_ok(xo_share_high95(3, 3) == 1 && xo_share_high95(0, 0) == 1, "all, or nothing seen: no limit below 1");
    tap_ok(xo_share_of(0, 0).low95 == 0 && xo_share_of(0, 0).high95 == 1, "of nothing, nothing is known");
}

/* The share of samples whose interval holds the truth, by the binomial distribution itself. */
static void wilson_covers(void)
{
    const double truth[] = { 0.1, 0.43, 0.9, 0.95 };
    for (size_t t = 0; t < 4; t++) {
        double chance = pow(1 - truth[t], 200), covered = 0;
        for (size_t k = 0; k <= 200; k++) {
            struct xo_share s = xo_share_of(k, 200);
            covered += s.low95 <= truth[t] && truth[t] <= s.high95 ? chance : 0;
            chance *= (double)(200 - k) / (double)(k + 1) * truth[t] / (1 - truth[t]);
        }
        tap_ok(covered > 0.93 && covered < 0.975, "%.2f is covered by %.1f %% of samples of 200", truth[t],
               100 * covered);
    }
}

static void hits_of(unsigned char *a, unsigned char *b, size_t n, size_t only_a, size_t only_b)
{
    for (size_t k = 0; k < n; k++) {
        a[k] = k < only_a || (k >= only_a + only_b && k % 2);
        b[k] = k >= only_a && (k < only_a + only_b || k % 2);
    }
}

static int compare(const void *left, const void *right)
{
    int a = *(const int *)left, b = *(const int *)right;
    return (a > b) - (a < b);
}

/* Smallest value that at least this share of `count` sorted ones does not exceed. */
static double percentile(const int *sorted, size_t count, double share)
{
    size_t k = (size_t)ceil(share * (double)count - 1e-9);
    return sorted[k ? k - 1 : 0];
}

/* All n^n draws of n images. */
static void a_bootstrap_of_five_is_the_enumeration(void)
{
    enum { N = 5, DRAWS = 3125 };
    static int difference[DRAWS];
    int bad = 0;
    for (size_t only_a = 0; only_a <= N; only_a++)
        for (size_t only_b = 0; only_a + only_b <= N; only_b++) {
            unsigned char a[N], b[N];
            struct xo_paired p = { 0 };
            hits_of(a, b, N, only_a, only_b);
            for (int draw = 0; draw < DRAWS; draw++) {
                difference[draw] = 0;
                for (int k = 0, rest = draw; k < N; k++, rest /= N)
                    difference[draw] += b[rest % N] - a[rest % N];
            }
            qsort(difference, DRAWS, sizeof *difference, compare);
            bad += xo_paired_of(&p, N, a, b) != 0
                || fabs(p.low95 - percentile(difference, DRAWS, 0.025) / N) > 1e-12
                || fabs(p.high95 - percentile(difference, DRAWS, 0.975) / N) > 1e-12;
        }
    tap_ok(!bad, "the interval is that of all 5^5 draws, for every split of five images (%d are not)", bad);
}

static void a_bootstrap_is_what_simulation_finds(void)
{
    enum { N = 300, DRAWS = 20000 };
    static int difference[DRAWS];
    unsigned long long seed = 2024;
    unsigned char a[N], b[N];
    struct xo_paired p = { 0 };
    hits_of(a, b, N, 14, 37);
    for (int draw = 0; draw < DRAWS; draw++) {
        difference[draw] = 0;
        for (int k = 0; k < N; k++) {
            int image = (int)(tap_uniform(&seed) * N);
            difference[draw] += b[image] - a[image];
        }
    }
    qsort(difference, DRAWS, sizeof *difference, compare);
    tap_ok(xo_paired_of(&p, N, a, b) == 0 && p.only_a == 14 && p.only_b == 37, "14 and 37 of 300 are counted");
    tap_close(p.difference, 23.0 / N, 1e-15, "the difference is b minus a");
    tap_close(p.low95, percentile(difference, DRAWS, 0.025) / N, 1.01 / N,
              "lower limit as by 20000 draws (seed 2024)");
    tap_close(p.high95, percentile(difference, DRAWS, 0.975) / N, 1.01 / N, "upper limit as by 20000 draws");
    tap_ok(p.resolved && p.low95 > 0, "37 against 14 is resolved");
}

static struct xo_paired paired(size_t n, size_t only_a, size_t only_b)
{
    unsigned char *a = calloc(n, 1), *b = calloc(n, 1);
    struct xo_paired p = { 0 };
    hits_of(a, b, n, only_a, only_b);
    if (xo_paired_of(&p, n, a, b))
        p.p = -1;
    free(a);
    free(b);
    return p;
}

static void special_cases(void)
{
    struct xo_paired same = paired(1000, 0, 0), swapped = paired(1000, 70, 30), straight = paired(1000, 30, 70);
    struct xo_paired all = paired(50, 0, 50), large = paired(200000, 9000, 9400);
    unsigned char two[1] = { 2 }, one[1] = { 1 };
    tap_ok(same.low95 == 0 && same.high95 == 0 && same.p == 1 && !same.resolved,
           "equal networks: 0, p 1, not resolved");
    tap_ok(swapped.difference == -straight.difference && fabs(swapped.low95 + straight.high95) < 1.5e-3
           && swapped.p == straight.p && swapped.resolved, "swapping the two changes the sign");
    tap_ok(all.low95 == 1 && all.high95 == 1 && all.difference == 1 && all.resolved, "all against none: 1 exactly");
    /* Of n, the variance of (B - A)/n is ((a + b)/n - ((b - a)/n)^2)/n. */
    double sigma = sqrt((18400.0 / 200000 - 0.002 * 0.002) / 200000);
    tap_close(large.low95, 0.002 - 1.959964 * sigma, 1e-5, "200000 images: the normal law's lower limit");
    tap_close(large.high95, 0.002 + 1.959964 * sigma, 1e-5, "200000 images: the normal law's upper limit");
    tap_ok(xo_paired_of(&same, 0, one, one) == XO_EVALUE && xo_paired_of(&same, 1, one, two) == XO_EVALUE,
           "no image, or a hit of 2, is refused");
}

/* Row n of Pascal's triangle, in long double: exact up to n = 60 or so. */
static void mcnemar_is_a_fair_coin(void)
{
    int bad = 0;
    for (size_t n = 1; n <= 60; n++)
        for (size_t k = 0; k <= n; k++) {
            long double row = 1, tail = 0;
            size_t low = k < n - k ? k : n - k;
            for (size_t j = 0; j <= low; j++) {
                tail += row;
                row = row * (long double)(n - j) / (long double)(j + 1);
            }
            tail = 2 * tail * powl(0.5L, (long double)n);
            bad += fabsl((long double)paired(100, k, n - k).p - (tail > 1 ? 1 : tail)) > 1e-12L;
        }
    tap_ok(!bad, "McNemar's p is twice the binomial tail (%d are not)", bad);
    tap_close(paired(10, 0, 5).p, 0.0625, 1e-15, "none against five: 2/32");
    tap_close(paired(200000, 9000, 9400).p, erfc(399 / sqrt(18400.0) / sqrt(2)), 1e-5,
              "9000 against 9400: the normal law with continuity correction");
}

/* Three instances on four images, by hand: accuracies 3/4, 1/2, 1; images 1, 2/3, 1, 1/3. */
static void instances_by_hand(void)
{
    static const unsigned char a[] = { 1, 1, 1, 0 }, b[] = { 1, 0, 1, 0 }, c[] = { 1, 1, 1, 1 };
    const unsigned char *const hit[] = { a, b, c };
    struct xo_instances s = { 0 }, one = { 0 };
    double images = (1. / 16 + 1. / 144 + 1. / 16 + 25. / 144) / 3 / 4, half = 4.30265272974946;
    tap_ok(!xo_instances_of(&s, 3, 4, hit), "three instances");
    tap_close(s.mean, 0.75, 1e-15, "their mean accuracy");
    tap_close(s.between_variance, 1. / 16, 1e-15, "the variance between them");
    tap_close(s.images_variance, images, 1e-15, "and that of the mean over images");
    tap_close(s.low95, fmax(0, 0.75 - half * sqrt(1. / 48 + images)), 1e-12,
              "Student's t with 2 degrees: lower limit");
    tap_ok(s.high95 == 1, "limits stay inside 0 and 1");
    tap_ok(!xo_instances_of(&one, 1, 4, hit) && one.mean == 0.75 && one.low95 == 0 && one.high95 == 1,
           "one instance says nothing of others");
    tap_ok(xo_instances_of(&one, 0, 4, hit) == XO_EVALUE && one.mean == 0.75, "none is refused");
}

/* Instances and images drawn anew: how often does the interval hold the true mean? */
static void instances_cover(void)
{
    enum { INSTANCES = 10, IMAGES = 200, TRIALS = 600 };
    static unsigned char hits[INSTANCES][IMAGES];
    const unsigned char *hit[INSTANCES];
    unsigned long long state = 77;
    int covered = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        double of_image[IMAGES];
        struct xo_instances s = { 0 };
        for (int k = 0; k < IMAGES; k++)
            of_image[k] = 0.5 + 0.5 * tap_uniform(&state);          /* mean 0.75, times ... */
        for (int n = 0; n < INSTANCES; n++) {
            double quality = 0.8 + 0.2 * tap_uniform(&state);       /* ... mean 0.9 */
            for (int k = 0; k < IMAGES; k++)
                hits[n][k] = tap_uniform(&state) < quality * of_image[k];
            hit[n] = hits[n];
        }
        xo_instances_of(&s, INSTANCES, IMAGES, hit);
        covered += s.low95 <= 0.675 && s.high95 >= 0.675;
    }
    printf("# %d of %d intervals hold the true accuracy\n", covered, TRIALS);
    tap_ok(covered > 0.95 * TRIALS - 5 * sqrt(0.95 * 0.05 * TRIALS),
           "95 %% intervals hold it in 95 %% of cases, or more");
}

static int instances_once(void *user)
{
    static const unsigned char a[] = { 1, 0 };
    const unsigned char *const hit[] = { a, a };
    struct xo_instances s;
    (void)user;
    return xo_instances_of(&s, 2, 2, hit);
}

static int pair_once(void *user)
{
    unsigned char a[20], b[20];
    struct xo_paired p;
    (void)user;
    hits_of(a, b, 20, 3, 5);
    return xo_paired_of(&p, 20, a, b);
}

int main(void)
{
    struct oom_report r;
    wilson_limits_solve_their_equation();
    wilson_covers();
    a_bootstrap_of_five_is_the_enumeration();
    a_bootstrap_is_what_simulation_finds();
    special_cases();
    mcnemar_is_a_fair_coin();
    instances_by_hand();
    instances_cover();
    r = oom_sweep(pair_once, NULL);
    tap_ok(oom_clean(&r), "each of %zu allocations may fail", r.allocations);
    r = oom_sweep(instances_once, NULL);
    tap_ok(oom_clean(&r), "of instances, too: %zu", r.allocations);
    return tap_done();
}
