/* See newton-reference.h.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "newton-reference.h"

/* ---- laws, from their definitions ------------------------------------------------------------------ */

/* Halved until 15 terms of the series are enough. */
static quad quad_exp(quad x)
{
    static const quad inverse[] = {1, 1, (quad)1 / 2, (quad)1 / 3, (quad)1 / 4, (quad)1 / 5, (quad)1 / 6, (quad)1 / 7,
                                   (quad)1 / 8, (quad)1 / 9, (quad)1 / 10, (quad)1 / 11, (quad)1 / 12, (quad)1 / 13,
                                   (quad)1 / 14, (quad)1 / 15};
    quad sum = 1;
    int halvings = 0;
    for (; quad_abs(x) > (quad)0.03125; halvings++)
        x *= (quad)0.5;
    for (int k = 15; k > 0; k--)
        sum = 1 + x * inverse[k] * sum;
    while (halvings-- > 0)
        sum *= sum;
    return sum;
}

static quad quad_sinh(quad x)
{
    if (quad_abs(x) < (quad)0.25) {
        quad term = x, sum = x;
        for (int k = 3; k < 28; k += 2) {
            term *= x * x / (k * (k - 1));
            sum += term;
        }
        return sum;
    }
    return (quad_exp(x) - quad_exp(-x)) / 2;
}

static quad polynomial(const struct xo_law_level *l, quad v)
{
    quad sum = 0, power = v;
    for (size_t k = 0; k < l->count; k++, power *= v)
        sum += l->coefficient[k] * power;
    return sum;
}

/* Points of a level with the origin among them. */
static size_t points(const struct xo_law_level *l, quad *v, quad *i)
{
    size_t n = 0, k = 0;
    for (; k < l->count && l->volt[k] < 0; k++, n++) {
        v[n] = l->volt[k];
        i[n] = l->amp[k];
    }
    v[n] = i[n] = 0;
    n++;
    for (k += k < l->count && l->volt[k] == 0; k < l->count; k++, n++) {
        v[n] = l->volt[k];
        i[n] = l->amp[k];
    }
    return n;
}

static quad knot_slope(const quad *v, const quad *i, size_t n, size_t k)
{
    quad h0, h1, s0, s1;
    if (n == 2)
        return (i[1] - i[0]) / (v[1] - v[0]);
    if (k > 0 && k < n - 1) {
        h0 = v[k] - v[k - 1];
        h1 = v[k + 1] - v[k];
        s0 = (i[k] - i[k - 1]) / h0;
        s1 = (i[k + 1] - i[k]) / h1;
        return s0 > 0 && s1 > 0 ? 3 * (h0 + h1) / ((2 * h1 + h0) / s0 + (h1 + 2 * h0) / s1) : 0;
    }
    size_t a = k ? n - 1 : 0, b = k ? n - 2 : 1, c = k ? n - 3 : 2;
    h0 = k ? v[a] - v[b] : v[b] - v[a];
    h1 = k ? v[b] - v[c] : v[c] - v[b];
    s0 = (i[a] - i[b]) / (v[a] - v[b]);
    s1 = (i[b] - i[c]) / (v[b] - v[c]);
    quad slope = ((2 * h0 + h1) * s0 - h0 * s1) / (h0 + h1);
    return slope < 0 ? 0 : slope;
}

/* Hermite's basis functions. */
static quad table(const struct xo_law_level *l, quad at)
{
    quad v[64], i[64];
    size_t n = points(l, v, i), k = 0;
    while (k < n - 2 && at >= v[k + 1])
        k++;
    quad h = v[k + 1] - v[k], t = (at - v[k]) / h;
    if (t < 0)
        return i[0] + (at - v[0]) * knot_slope(v, i, n, 0);
    if (t > 1)
        return i[n - 1] + (at - v[n - 1]) * knot_slope(v, i, n, n - 1);
    return (1 + 2 * t) * (1 - t) * (1 - t) * i[k] + t * t * (3 - 2 * t) * i[k + 1]
           + h * t * (1 - t) * ((1 - t) * knot_slope(v, i, n, k) - t * knot_slope(v, i, n, k + 1));
}

static quad level_conductance(const struct xo_device_law *d, size_t k)
{
    quad r = d->reference_volt;
    if (d->law == XO_LAW_POLYNOMIAL)
        return d->level[k].siemens;
    return r != 0 ? table(&d->level[k], r) / r : table(&d->level[k], (quad)1e-17) / (quad)1e-17;
}

static quad level_current(const struct xo_device_law *d, size_t k, quad siemens, quad v)
{
    quad r = d->reference_volt;
    if (d->law == XO_LAW_TABLE)
        return siemens / level_conductance(d, k) * table(&d->level[k], v);
    return siemens * polynomial(&d->level[k], v)
           * (r == 0 ? 1 / (quad)d->level[k].coefficient[0] : r / polynomial(&d->level[k], r));
}

/* Levels ascending in conductance. */
static quad law_current(const struct xo_device_law *d, double siemens, quad v)
{
    quad r = d->reference_volt;
    if (d->law == XO_LAW_OHMIC)
        return siemens * v;
    if (d->law == XO_LAW_SINH)
        return siemens * quad_sinh(v / (quad)d->v0_volt)
               * (r == 0 ? (quad)d->v0_volt : r / quad_sinh(r / (quad)d->v0_volt));
    size_t k = 0;
    while (k + 1 < d->levels && level_conductance(d, k + 1) <= siemens)
        k++;
    if (k + 1 == d->levels || siemens <= level_conductance(d, k))
        return level_current(d, k, siemens, v);
    quad a = level_conductance(d, k), b = level_conductance(d, k + 1), share = (siemens - a) / (b - a);
    quad weight_a = d->law == XO_LAW_TABLE ? (1 - share) * a : (1 - share) * siemens;
    quad weight_b = d->law == XO_LAW_TABLE ? share * b : share * siemens;
    return level_current(d, k, weight_a, v) + level_current(d, k + 1, weight_b, v);
}

static double slope_of(const struct xo_device_law *d, double siemens, quad v)
{
    double r = d->reference_volt, v0 = d->v0_volt;
    quad h = (quad)1e-15 * (1 + quad_abs(v));
    if (d->law == XO_LAW_OHMIC)
        return siemens;
    if (d->law == XO_LAW_SINH)
        return siemens * (r == 0 ? 1 : r / v0 / sinh(r / v0)) * cosh((double)v / v0);
    return (double)((law_current(d, siemens, v + h) - law_current(d, siemens, v - h)) / (2 * h));
}

/* Where a sinh selector carries amp: asinh in double, then Newton in quad. */
static quad selector_volt(const struct xo_crossbar *x, quad amp)
{
    double unit = (double)law_current(&x->selector, x->selector_siemens, x->selector.v0_volt) / sinh(1);
    quad y = x->selector.v0_volt * asinh((double)amp / unit);
    for (int k = 0; k < 2; k++)
        y -= (law_current(&x->selector, x->selector_siemens, y) - amp) / slope_of(&x->selector, x->selector_siemens,
                                                                                  y);
    return y;
}

/* Kirchhoff's voltage law in the cell, by Newton and bisection. */
quad newton_reference_cell(const struct xo_crossbar *x, double siemens, double series_ohm, quad volt, double *slope)
{
    bool selector = x->cell_type == XO_CELL_1S1R;
    quad low = volt < 0 ? volt : 0, high = volt < 0 ? 0 : volt, at = volt, amp;
    for (int step = 0;; step++) {
        amp = law_current(&x->law, siemens, at);
        quad y = selector ? selector_volt(x, amp) : 0, missing = volt - at - series_ohm * amp - y;
        double k = slope_of(&x->law, siemens, at), s = selector ? slope_of(&x->selector, x->selector_siemens, y) : 1;
        double rest = series_ohm + (selector ? 1 / s : 0);
        *slope = k / (1 + k * rest);
        *(missing > 0 ? &low : &high) = at;
        quad next = at + missing / (quad)(1 + k * rest);
        if (volt == 0 || step == 300 || quad_abs(next - at) <= (quad)1e-30 * quad_abs(at))
            return amp;
        at = next > low && next < high ? next : (low + high) / 2;
    }
}

/* ---- the array ------------------------------------------------------------------------------------- */

struct array {
    const struct xo_crossbar *x;
    const double *siemens, *volt;
    double sense_volt;                 /* one for all */
    size_t rows, columns, unknowns, band;
    quad *v, *missing, *column_amp;
    double *matrix, *factored;         /* lower band, then its LDL^T, row by row: [unknowns][band + 1] */
    double *step;
};

static double value(const struct xo_values *v, size_t k)
{
    return v->each ? v->each[k] : v->all;
}

/* Along the shorter side, so that the band is narrow. */
static size_t number(const struct array *a, size_t plane, size_t i, size_t j)
{
    return plane + 2 * (a->columns <= a->rows ? i * a->columns + j : j * a->rows + i);
}

static void couple(struct array *a, size_t p, size_t q, quad amp, double slope)
{
    size_t high = p > q ? p : q, low = p > q ? q : p;
    a->missing[p] -= amp;
    a->missing[q] += amp;
    a->matrix[p * (a->band + 1) + a->band] += slope;
    a->matrix[q * (a->band + 1) + a->band] += slope;
    a->matrix[high * (a->band + 1) + a->band - (high - low)] -= slope;
}

static void resistor(struct array *a, size_t p, size_t q, double ohm)
{
    couple(a, p, q, (a->v[p] - a->v[q]) / ohm, 1 / ohm);
}

static quad to_terminal(struct array *a, size_t p, double ohm, double terminal_volt)
{
    quad amp = (a->v[p] - terminal_volt) / ohm;
    a->missing[p] -= amp;
    a->matrix[p * (a->band + 1) + a->band] += 1 / ohm;
    return amp;
}

/* Missing currents and the matrix of slopes at v. */
static void stamp(struct array *a)
{
    const struct xo_crossbar *x = a->x;
    size_t m = a->rows, n = a->columns;
    memset(a->matrix, 0, a->unknowns * (a->band + 1) * sizeof *a->matrix);
    memset(a->missing, 0, a->unknowns * sizeof *a->missing);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            size_t u = number(a, 0, i, j), w = number(a, 1, i, j);
            double slope;
            quad amp = newton_reference_cell(x, a->siemens[i * n + j], value(&x->series_ohm, i * n + j),
                                             a->v[u] - a->v[w], &slope);
            couple(a, u, w, amp, slope);
            if (j + 1 < n)
                resistor(a, u, number(a, 0, i, j + 1), value(&x->row_wire_ohm, i * (n - 1) + j));
            if (i + 1 < m)
                resistor(a, w, number(a, 1, i + 1, j), value(&x->column_wire_ohm, i * n + j));
        }
    for (size_t i = 0; i < m; i++)
        to_terminal(a, number(a, 0, i, 0), value(&x->driver_ohm, i), a->volt[i]);
    for (size_t j = 0; j < n; j++)
        a->column_amp[j] = to_terminal(a, number(a, 1, m - 1, j), value(&x->sense_ohm, j), value(&x->sense_volt, j));
}

/* Most of the time; sanitizers would make it ten times as much. */
__attribute__((no_sanitize("address"), no_sanitize("undefined")))
static void factor(struct array *a)
{
    size_t b = a->band, width = b + 1;
    memcpy(a->factored, a->matrix, a->unknowns * width * sizeof *a->matrix);
    for (size_t p = 0; p < a->unknowns; p++) {
        double *row = a->factored + p * width;
        size_t first = p > b ? p - b : 0;
        for (size_t q = first; q < p; q++) {
            const double *other = a->factored + q * width;
            double sum = row[b - (p - q)];
#pragma omp simd reduction(-:sum)
            for (size_t k = q > b && q - b > first ? q - b : first; k < q; k++)
                sum -= row[b - (p - k)] * other[b - (q - k)];
            row[b - (p - q)] = sum;                        /* L D for now */
        }
        for (size_t q = first; q < p; q++) {
            double l = row[b - (p - q)] / a->factored[q * width + b];
            row[b] -= l * row[b - (p - q)];
            row[b - (p - q)] = l;
        }
    }
}

static void solve(struct array *a)
{
    size_t b = a->band, width = b + 1;
    for (size_t p = 0; p < a->unknowns; p++) {
        a->step[p] = (double)a->missing[p];
        for (size_t q = p > b ? p - b : 0; q < p; q++)
            a->step[p] -= a->factored[p * width + b - (p - q)] * a->step[q];
    }
    for (size_t p = a->unknowns; p-- > 0;) {
        double sum = a->step[p] / a->factored[p * width + b];
        for (size_t q = p + 1; q <= p + b && q < a->unknowns; q++)
            sum -= a->factored[q * width + b - (q - p)] * a->step[q];
        a->step[p] = sum;
    }
}

static double norm(const struct array *a)
{
    double worst = 0;
    for (size_t p = 0; p < a->unknowns; p++)
        worst = fmax(worst, fabs((double)a->missing[p]));
    return worst;
}

/* Newton with halved steps until the missing currents are 1e-20 of the largest current. */
static int iterate(struct array *a)
{
    double scale = 0, left = 1;        /* of the missing currents, after the last step */
    stamp(a);
    for (int k = 0; k < 100; k++) {
        double before = norm(a), length = 1, after;
        for (size_t j = 0; j < a->columns; j++)
            scale = fmax(scale, fabs((double)a->column_amp[j]));
        if (before <= 1e-20 * scale || before == 0)
            return 0;
        if (left > 1e-3)               /* else the last factor is good for one step more */
            factor(a);
        solve(a);
        for (int halvings = 0;; halvings++) {
            for (size_t p = 0; p < a->unknowns; p++)
                a->v[p] += (quad)length * a->step[p];
            stamp(a);
            after = norm(a);
            if (after < before * (1 - 0.1 * length))
                break;
            if (halvings == 30)
                return -1;
            for (size_t p = 0; p < a->unknowns; p++)
                a->v[p] -= (quad)length * a->step[p];
            length /= 2;
        }
        left = after / before;
    }
    return -1;
}

/* Sources up from 0 in steps that halve when they fail. */
static int step_sources(struct array *a)
{
    quad *kept = calloc(a->unknowns, sizeof *kept);
    double *full = calloc(a->rows, sizeof *full), *volt = calloc(a->rows, sizeof *volt), reached = 0, step = 1;
    struct xo_crossbar x = *a->x;
    memcpy(full, a->volt, a->rows * sizeof *full);
    a->volt = volt;
    a->x = &x;
    while (reached < 1 && step > 1e-4) {
        double next = reached + step > 1 ? 1 : reached + step;
        for (size_t i = 0; i < a->rows; i++)
            volt[i] = next * full[i];
        x.sense_volt.all = next * a->sense_volt;
        for (size_t p = 0; p < a->unknowns; p++)
            a->v[p] = reached > 0 ? kept[p] * (next / reached) : 0;
        int status = iterate(a);
        step *= status ? 0.5 : 1.5;
        if (status)
            continue;
        reached = next;
        memcpy(kept, a->v, a->unknowns * sizeof *kept);
    }
    free(kept);
    free(full);
    free(volt);
    return reached < 1 ? -1 : 0;
}

int newton_reference(const struct xo_crossbar *x, const double *cell_siemens, const double *row_volt,
                     quad *column_amp)
{
    struct array a = {.x = x, .siemens = cell_siemens, .volt = row_volt, .rows = x->rows, .columns = x->columns,
                      .unknowns = 2 * x->rows * x->columns, .column_amp = column_amp,
                      .sense_volt = x->sense_volt.all};
    a.band = 2 * (x->rows < x->columns ? x->rows : x->columns);
    a.v = calloc(a.unknowns, sizeof *a.v);
    a.missing = calloc(a.unknowns, sizeof *a.missing);
    a.step = calloc(a.unknowns, sizeof *a.step);
    a.matrix = calloc(a.unknowns * (a.band + 1), sizeof *a.matrix);
    a.factored = calloc(a.unknowns * (a.band + 1), sizeof *a.factored);
    int status = a.v && a.missing && a.step && a.matrix && a.factored ? step_sources(&a) : -1;
    free(a.v);
    free(a.missing);
    free(a.step);
    free(a.matrix);
    free(a.factored);
    return status;
}
