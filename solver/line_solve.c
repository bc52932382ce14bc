/* One input by conjugate gradients on the bit-line Schur complement, refined and proven.
 *
 * Preconditioned with C = L D L^T in split form: s = L^-1 r is kept instead of r, so an iteration is one sweep up the
 * bit lines (direction), one along the word lines (apply) and one down the bit lines (reduce).  Each of a few rounds
 * solves for what Kirchhoff's law in branch form still misses, and adds it to voltages kept as hi + lo.
 *
 * The certificate is that of certificate.c with a w for each input: f >= |r| + its rounding, plus a floor where that
 * is small; w = K^-1 f, roughly; and |x - exact| <= w max f / (K w), which is read off K w in branch form.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <float.h>
#include <math.h>
#include <string.h>
#include "clones.h"
#include "line.h"

#define FIRST_GAIN 1e-10               /* residual after the first round of conjugate gradients over that before */
#define ENOUGH 16.0                    /* |r| over its rounding, worst node: the rest is down to w                */
#define MISSED 1e4                     /* so many roundings missed means that refinement did not converge         */
#define MOST_ROUNDS 8
#define MOST_ITERATIONS 4000           /* of a round */
#define GOOD_RATIO 2.0                 /* w is good enough where f <= this much of K w */
#define COARSE 1e-10                   /* a bound above this share of its current is worth another w */
#define ROUGH 1e-7                     /* so is one above this where only the size matters           */

/* Work is counted in iterations; so many of them take as long as */
#define ROUND_WORK 3.0                 /* what a round does besides                                    */
#define CHECK_WORK 2.0                 /* a residual, or a check of w                                  */
#define TRIAL 0.05                     /* share of the factor's cost that is spent before giving up    */
#define DOUBT 1.12                     /* given up is what promises to cost as much more than a factor */
#define REFINEMENT 0.8                 /* later rounds take so many times the first one's iterations  */
#define PROOF 0.4                      /* and the certificate so many                                 */
#define TOLD 0.25                      /* share of the expected work after which only what is seen counts */

/* ---- passes over the array, shared by threads; sums are added in order ----------------------------- */

struct pass {
    const struct xo_lines *l;
    struct xo_line_work *k;
    const struct xo_line_grid *n;
    const struct xo_line_kernels *run;
};

static size_t strips_of(const struct xo_line_grid *n)
{
    return (n->tile_columns + XO_STRIP - 1) / XO_STRIP;
}

static size_t strip_end(const struct xo_line_grid *n, size_t strip)
{
    size_t end = (strip + 1) * XO_STRIP;
    return end < n->tile_columns ? end : n->tile_columns;
}

/* A region of one thread is no region: OpenMP's would cost more than a small array's pass. */
#define SHARE(count, statement) do { \
    if (s->l->inner_threads > 1) { \
        _Pragma("omp parallel for schedule(static) num_threads(s->l->inner_threads)") \
        for (size_t i = 0; i < (count); i++) \
            statement; \
    } else \
        for (size_t i = 0; i < (count); i++) \
            statement; \
} while (0)
#define EACH_TILE_ROW(statement) SHARE(s->n->tile_rows, statement)
#define EACH_STRIP(statement) SHARE(strips_of(s->n), statement)

static double total(const double *part, size_t count)
{
    double sum = 0;
    for (size_t k = 0; k < count; k++)
        sum += part[k];
    return sum;
}

static void word_solve(const struct pass *s, const double *rhs, const double *y, double *out)
{
    EACH_TILE_ROW(s->run->word_solve(s->n, i, rhs, y, out));
}

static void direction(const struct pass *s, double alpha, double beta)
{
    EACH_STRIP(s->run->direction(s->n, i * XO_STRIP, strip_end(s->n, i), alpha, beta, s->k->s, s->k->p, s->k->y));
}

static double reduce(const struct pass *s, double alpha)
{
    EACH_STRIP(s->k->partial[i] = s->run->reduce(s->n, i * XO_STRIP, strip_end(s->n, i), alpha, s->k->q, s->k->s));
    return total(s->k->partial, strips_of(s->n));
}

/* q += senses p at one end of the bit lines; returns their share of p q. */
static double add_senses(const struct pass *s, size_t end, size_t row)
{
    double dot = 0;
    for (size_t j = 0; j < s->n->columns; j++) {
        size_t at = xo_bit_at(s->n, row, j);
        double p = s->k->p[at], amp = s->n->end[end][j] * p;
        s->k->q[at] += amp;
        dot += amp * p;
    }
    return dot;
}

static double apply(const struct pass *s)
{
    EACH_TILE_ROW(s->k->partial[i] = s->run->apply(s->n, i, s->k->p, s->k->q));
    double dot = total(s->k->partial, s->n->tile_rows);
    return dot + add_senses(s, XO_TOP, 0) + add_senses(s, XO_BOTTOM, s->n->rows - 1);
}

static void merge_found(struct xo_line_found *f, const struct xo_line_found *part, size_t count)
{
    *f = (struct xo_line_found){0};
    for (size_t k = 0; k < count; k++) {
        f->worst = part[k].worst <= f->worst ? f->worst : part[k].worst;
        f->most_rounding = fmax(f->most_rounding, part[k].most_rounding);
        f->worst_amp = part[k].worst_amp <= f->worst_amp ? f->worst_amp : part[k].worst_amp;
        f->watt += part[k].watt;
        f->ratio = part[k].ratio <= f->ratio ? f->ratio : part[k].ratio;
    }
}

/* Missing currents, or with floor_amp >= 0 what bounds them, into a and `bit`. */
static void residual(const struct pass *s, double floor_amp, double *bit, struct xo_line_found *found)
{
    EACH_TILE_ROW(s->run->residual(s->n, i, &s->k->volts, floor_amp, s->k->a, bit, &s->k->part[i]));
    merge_found(found, s->k->part, s->n->tile_rows);
}

static void correct(const struct pass *s)
{
    EACH_TILE_ROW(s->run->correct(s->n, i, s->k->volts, s->k->a, s->k->y));
}

static double ceiling(const struct pass *s)
{
    struct xo_line_found found;
    memset(s->k->part, 0, s->n->tile_rows * sizeof *s->k->part);
    EACH_TILE_ROW(s->run->ceiling(s->n, i, s->k->q, s->k->y, s->k->a, s->k->f, &s->k->part[i]));
    merge_found(&found, s->k->part, s->n->tile_rows);
    return found.ratio;
}

/* ---- conjugate gradients --------------------------------------------------------------------------- */

struct gradients {
    double rho, first, alpha, beta;
    int step;
    struct { int step; double rho; } mark[2];      /* at the last powers of two: 1 the later one */
};

/* S y = q + G R^-1 a, from y = 0. */
static struct gradients begin_gradients(const struct pass *s)
{
    size_t nbytes = s->l->plane_cells * sizeof(double);
    memset(s->k->y, 0, nbytes);
    memset(s->k->s, 0, nbytes);
    word_solve(s, s->k->a, NULL, s->k->p);
    EACH_TILE_ROW(s->run->add_cells(s->n, i, s->k->p, s->k->q));
    double rho = reduce(s, -1);
    s->k->work += ROUND_WORK;
    return (struct gradients){.rho = rho, .first = rho, .mark = {{0, rho}, {0, rho}}};
}

/* Would a factor cost less than the rest?  This round's is extrapolated from the faster of two rates of convergence,
 * the recent one and that since the start, since gradients often hesitate first; then come as many steps `again`
 * times.  What the model expected counts until a part of it is done. */
static bool hopeless(struct xo_line_work *k, const struct gradients *g, double decades, double again)
{
    if (!(g->step > TRIAL * k->budget))
        return false;
    double recent = log10(g->mark[0].rho / g->rho) / 2 / (g->step - g->mark[0].step);
    double overall = log10(g->first / g->rho) / 2 / g->step, rate = fmax(recent, overall);
    double left = decades > 0 ? (rate > 0 ? decades / rate : INFINITY) : 0;
    double seen = k->work + left + again * (g->step + left), share = fmin(1, k->work / (TOLD * k->expected));
    double all = pow(seen, share) * pow(k->expected, 1 - share);
    k->hopeless = all * k->speaks_for - k->work > DOUBT * k->budget;
    return k->hopeless;
}

/* Until the residual is `gain` of the first one; `again` so many times these steps are left to do then.  y lacks the
 * last alpha p, which finish_gradients adds. */
static void run_gradients(const struct pass *s, struct gradients *g, double gain, double again)
{
    struct xo_line_work *k = s->k;
    for (int more = MOST_ITERATIONS; more > 0 && g->rho > gain * gain * g->first; more--) {
        direction(s, g->alpha, g->beta);
        double energy = apply(s);
        g->alpha = 0;
        if (!(energy > 0))
            return;
        g->alpha = g->rho / energy;
        double rho = reduce(s, g->alpha);
        g->beta = rho / g->rho;
        g->rho = rho;
        k->iterations++;
        k->work++;
        g->step++;
        if ((g->step & (g->step - 1)) == 0) {
            g->mark[0] = g->mark[1];
            g->mark[1].step = g->step;
            g->mark[1].rho = rho;
        }
        if (g->step % 8 == 0 && hopeless(k, g, log10(rho / g->first) / 2 - log10(gain), again))
            return;
    }
}

XO_CLONES
static void add_multiple(double *restrict y, double alpha, const double *restrict p, size_t count)
{
#pragma omp simd
    for (size_t k = 0; k < count; k++)
        y[k] += alpha * p[k];
}

static void finish_gradients(const struct pass *s, struct gradients *g)
{
    size_t row = s->n->tile_columns * XO_TILE_CELLS;
    if (g->alpha != 0)
        EACH_TILE_ROW(add_multiple(s->k->y + i * row, g->alpha, s->k->p + i * row, row));
    g->alpha = 0;
}

/* ---- voltages -------------------------------------------------------------------------------------- */

/* What terminals drive into an array at 0 V: into a and q. */
static void drive(const struct pass *s)
{
    const struct xo_line_grid *n = s->n;
    struct xo_line_work *k = s->k;
    size_t nbytes = s->l->plane_cells * sizeof(double);
    memset(k->a, 0, nbytes);
    memset(k->q, 0, nbytes);
    for (size_t i = 0; i < n->rows; i++) {
        k->a[xo_word_at(n, i, 0)] += n->end[XO_LEFT][i] * k->source[i];
        k->a[xo_word_at(n, i, n->columns - 1)] += n->end[XO_RIGHT][i] * k->source[i];
    }
    for (size_t j = 0; j < n->columns; j++) {
        k->q[xo_bit_at(n, 0, j)] += n->end[XO_TOP][j] * k->sense[j];
        k->q[xo_bit_at(n, n->rows - 1, j)] += n->end[XO_BOTTOM][j] * k->sense[j];
    }
}

static void find_voltages(const struct pass *s, enum xo_line_effort effort)
{
    struct xo_line_work *k = s->k;
    double before = INFINITY, gain = FIRST_GAIN;
    memset(k->volts.u, 0, 4 * s->l->plane_cells * sizeof(double));
    drive(s);
    for (k->refinements = 0;; k->refinements++) {
        struct gradients g = begin_gradients(s);
        run_gradients(s, &g, gain, k->refinements ? PROOF : REFINEMENT + PROOF);
        if (k->hopeless)
            return;
        finish_gradients(s, &g);
        word_solve(s, k->a, k->y, k->a);
        correct(s);
        residual(s, -1, k->q, &k->found);
        if (effort == XO_LINE_ROUGH || k->found.worst <= ENOUGH || !(k->found.worst < 0.25 * before)
            || k->refinements == MOST_ROUNDS)
            return;
        before = k->found.worst;
        gain = fmax(FIRST_GAIN, 1 / before);
    }
}

/* ---- certificate ----------------------------------------------------------------------------------- */

/* No f where nothing flows. */
static void clear_idle(const xo_factor *f, struct xo_line_work *k)
{
    const struct xo_lines *l = f->state;
    for (size_t e = 0; !l->all_live && e < l->segments; e++) {
        const struct xo_line_segment *s = &l->segment[e];
        bool word = e < l->word_segments;
        for (int32_t p = s->first; f->components.sole[s->component] != XO_SEVERAL && p <= s->last; p++)
            if (word)
                k->a[xo_word_at(&l->grid, (size_t)s->line, (size_t)p)] = 0;
            else
                k->f[xo_bit_at(&l->grid, (size_t)p, (size_t)s->line)] = 0;
    }
}

/* w for f = |r| + rounding + floor, into q (word lines) and y (bit lines); returns max f / (K w). */
static double find_ceiling(const xo_factor *f, const struct pass *s, double floor_share)
{
    struct xo_line_work *k = s->k;
    struct xo_line_found unused;
    residual(s, floor_share * fmax(k->found.most_rounding, k->found.worst_amp), k->f, &unused);
    clear_idle(f, k);
    k->work += CHECK_WORK;
    memcpy(k->q, k->f, s->l->plane_cells * sizeof(double));
    struct gradients g = begin_gradients(s);
    double ratio = INFINITY;
    for (double gain = 0.03; gain > 1e-13 && !(ratio <= GOOD_RATIO); gain *= 0.1) {
        double before = g.rho;
        run_gradients(s, &g, gain, 0);
        if (s->k->hopeless)
            return INFINITY;
        if (g.rho == before && gain < 0.03 && g.rho > 0)
            continue;
        finish_gradients(s, &g);
        word_solve(s, k->a, k->y, k->q);
        ratio = ceiling(s);
        s->k->work += CHECK_WORK;
    }
    return ratio;
}

/* Current into the terminal of column j through one end, and how far off w allows it to be. */
static void add_end(const struct pass *s, size_t end, size_t row, size_t j, double ratio, double *amp, double *bound,
                    double *size)
{
    const struct xo_line_work *k = s->k;
    size_t at = xo_bit_at(s->n, row, j);
    double g = s->n->end[end][j];
    if (g == 0)
        return;
    dd drop = dd_two_sum(k->volts.w[at], -k->sense[j]);
    double current = g * (drop.hi + (drop.lo + k->volts.w_low[at]));
    double rounding = XO_LINE_ROUNDING * (fabs(current) + g * fabs(k->volts.w_low[at]));
    *amp += current;
    *size += fabs(current);
    *bound += ratio * (g * k->y[at]) * (1 + 16 * DBL_EPSILON) + rounding;
}

/* Currents and their bounds; returns the largest bound over its current. */
static double find_currents(const struct pass *s, double ratio)
{
    double worst = 0;
    for (size_t j = 0; j < s->n->columns; j++) {
        double amp = 0, bound = 0, size = 0;
        add_end(s, XO_TOP, 0, j, ratio, &amp, &bound, &size);
        add_end(s, XO_BOTTOM, s->n->rows - 1, j, ratio, &amp, &bound, &size);
        bound = bound == bound ? bound : INFINITY;
        s->k->amp[j] = amp;
        s->k->bound[j] = bound < s->k->bound[j] ? bound : s->k->bound[j];
        worst = s->k->bound[j] > worst * size ? s->k->bound[j] / size : worst;
    }
    return worst;
}

/* Where all terminals are at 0 V nothing flows, exactly. */
static void settle_quiet(const xo_factor *f, struct xo_line_work *k)
{
    const struct xo_lines *l = f->state;
    const struct xo_line_grid *n = &l->grid;
    bool volts = false;
    for (size_t t = 0; t < n->rows + n->columns; t++)
        volts = volts || (t < n->rows ? k->source[t] : k->sense[t - n->rows]) != 0;
    if (!volts)
        memset(k->bound, 0, n->columns * sizeof *k->bound);
    if (f->components.count < 2)
        return;
    bool *quiet = k->quiet;
    for (size_t q = 0; q < f->components.count; q++)
        quiet[q] = true;
    for (size_t end = 0; end < 4; end++)
        for (size_t e = 0; e < (end < 2 ? n->rows : n->columns); e++) {
            size_t last = (end < 2 ? n->columns : n->rows) - 1;
            if (n->end[end][e] > 0 && (end < 2 ? k->source : k->sense)[e] != 0)
                quiet[xo_line_component(f, end < 2, e, end % 2 ? last : 0)] = false;
        }
    for (size_t j = 0; j < n->columns; j++) {
        bool top = n->end[XO_TOP][j] == 0 || quiet[xo_line_component(f, false, j, 0)];
        bool bottom = n->end[XO_BOTTOM][j] == 0 || quiet[xo_line_component(f, false, j, n->rows - 1)];
        if (top && bottom)
            k->bound[j] = 0;
    }
}

/* Bounds by the first w that is close enough; returns the largest over its current. */
static double prove(const xo_factor *f, const struct pass *s, double enough)
{
    double worst = INFINITY, before, floor_share = 0x1p-4;
    double missed = s->k->found.worst_amp, rounding = s->k->found.most_rounding;
    for (size_t j = 0; j < s->n->columns; j++)
        s->k->bound[j] = INFINITY;
    do {
        before = worst;
        double ratio = find_ceiling(f, s, floor_share);
        s->k->proven = s->k->proven || (ratio < INFINITY && missed <= MISSED * rounding);
        worst = find_currents(s, ratio);
        floor_share *= 0x1p-16;
    } while (!s->k->hopeless && worst > enough && !(worst > 0.5 * before) && floor_share > 0x1p-60);
    return worst;
}

void xo_line_solve(const xo_factor *f, struct xo_line_work *k, enum xo_line_effort effort)
{
    const struct xo_lines *l = f->state;
    const struct pass s = {l, k, &l->grid, l->kernel};
    k->iterations = 0;
    k->proven = false;
    find_voltages(&s, effort);
    if (!k->hopeless && (effort == XO_LINE_FULL || !(prove(f, &s, ROUGH) <= ROUGH))) {
        if (effort == XO_LINE_ROUGH)
            find_voltages(&s, XO_LINE_FULL);
        if (!k->hopeless)
            prove(f, &s, COARSE);
    }
    if (!k->hopeless)
        settle_quiet(f, k);
}
