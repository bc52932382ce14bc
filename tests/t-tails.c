/* Quantiles at both ends of a stream against sorting everything; ADC ranges of programmed arrays against the currents
 * themselves, every scope, in one round and, with hardly any memory, in several.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <float.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "chain.h"
#include "engine_private.h"
#include "tap.h"
#include "tails.h"

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double sorted_quantile(const double *sorted, size_t count, double q)
{
    double at = q * (double)(count - 1);
    size_t k = (size_t)at;
    return k + 1 < count ? sorted[k] + (at - (double)k) * (sorted[k + 1] - sorted[k]) : sorted[count - 1];
}

/* ---- numbers -------------------------------------------------------------------------------------------- */

enum { UNITS = 3, MOST = 4000 };

/* Of one vector unit 0 gets one number, unit 1 two, unit 2 none.  Some come many times over. */
struct numbers { size_t vectors; double value[UNITS][2 * MOST]; };

static void draw(struct numbers *n, unsigned long long *seed)
{
    double coarse = tap_uniform(seed) < 0.5 ? 8 : 1e6;
    n->vectors = 1 + (size_t)(tap_uniform(seed) * (tap_uniform(seed) < 0.3 ? 5 : MOST - 1));
    for (size_t u = 0; u < UNITS; u++)
        for (size_t k = 0; k < u * n->vectors || (!u && k < n->vectors); k++)
            n->value[u][k] = floor(coarse * (tap_uniform(seed) - 0.3)) / coarse;
}

static int feed(xo_tails *t, const struct numbers *n, uint64_t expected, unsigned long long *seed)
{
    const size_t unit[] = { 1, 0, 1 };
    int status = 0;
    for (size_t k = 0, now; k < n->vectors && !status; k += now) {
        double low[3], high[3];
        struct xo_tail_value v[3 * 7];
        size_t count = 0;
        now = 1 + (size_t)(7 * tap_uniform(seed));
        now = now > n->vectors - k ? n->vectors - k : now;
        xo_tails_limits(t, 3, unit, now, expected, low, high);
        for (size_t j = k; j < k + now; j++) {
            const double x[] = { n->value[1][2 * j], n->value[0][j], n->value[1][2 * j + 1] };
            for (size_t lane = 0; lane < 3; lane++)
                if (x[lane] < low[lane] || x[lane] > high[lane])
                    v[count++] = (struct xo_tail_value){ x[lane], unit[lane] };
        }
        status = xo_tails_add(t, count, v);
    }
    return status;
}

static bool right(const xo_tails *t, struct numbers *n, double q)
{
    bool same = true;
    double got[2];
    for (size_t u = 0; u < UNITS - 1; u++) {
        size_t count = (u + 1) * n->vectors;
        qsort(n->value[u], count, sizeof(double), ascending);
        same &= xo_tails_quantiles(t, u, got) == count && got[0] == sorted_quantile(n->value[u], count, q) &&
                got[1] == sorted_quantile(n->value[u], count, 1 - q);
    }
    return same && !xo_tails_quantiles(t, 2, got);
}

static void quantiles_are_those_of_sorting(void)
{
    static const uint64_t share[UNITS] = { 1, 2, 0 };
    static struct numbers n;
    unsigned long long seed = 77;
    size_t right_ones = 0, several = 0;
    bool balanced = true;
    for (int trial = 0; trial < 400; trial++) {
        double q = trial % 5 == 0 ? 0 : 0.499 * pow(tap_uniform(&seed), 3);
        ptrdiff_t all = trial % 2 ? 0 : 1 << 20, left = all;
        size_t rounds = 1;
        xo_tails *t = NULL;
        draw(&n, &seed);
        /* more or fewer may come than is expected */
        uint64_t expected = trial % 3 ? n.vectors : (uint64_t)(2 * tap_uniform(&seed) * (double)n.vectors);
        int status = xo_tails_new(&t, UNITS, q, share, &left);
        if (!status)
            status = feed(t, &n, expected, &seed);
        for (; !status && xo_tails_next(t); rounds++)
            status = feed(t, &n, expected, &seed);
        right_ones += !status && right(t, &n, q);
        several += rounds > 1;
        xo_tails_free(t);
        balanced &= left == all;
    }
    printf("# several rounds in %zu trials\n", several);
    tap_ok(right_ones == 400, "quantiles and counts equal those of sorting, 400 streams, ties among them");
    tap_ok(several > 50 && several < 350, "with memory in one round, without in several");
    tap_ok(balanced, "what is allowed to be kept is given back");
}

/* ---- ranges --------------------------------------------------------------------------------------------- */

/* All currents of a layer that belong to a range, gain and all [A]. */
struct currents { size_t count, room; double *amp; };

static void collect_strip(struct currents *c, const struct xo_array_layer *l, const struct xo_strip *s,
                          const double *current, size_t rows)
{
    bool with_gain = l->hardware->gain.where == XO_GAIN_REFERENCE;
    for (size_t n = 0; n < rows * XO_STRIP; n++) {
        size_t j = n % XO_STRIP, q = s->lane[j].conversion;
        if (j % XO_HALF >= s->half[j / XO_HALF].count)
            continue;
        struct currents *to = &c[xo_unit_at(l, xo_range_unit(l), q)];
        if (to->count == to->room)
            to->amp = realloc(to->amp, (to->room = 2 * to->room + 64) * sizeof *to->amp);
        double gain = with_gain ? l->gain[xo_unit_at(l, xo_gain_unit(l), q)] : 1;
        to->amp[to->count++] = gain * current[n] * l->unit_ampere;
    }
}

static int collect(struct currents *c, const struct one_layer *o, xo_engine_dnn *e)
{
    const struct xo_array_layer *l = &e->layer[0];
    const struct xo_bank *bank = &l->array.bank[0];
    struct chain chain;
    xo_engine_thread *t = NULL;
    int status = xo_engine_thread_new(&t, e, XO_STAGE_CIRCUIT, NULL);
    chain_new(&chain, o);
    size_t streams = (size_t)chain.streams, vectors = chain.positions * streams;
    for (size_t n = 0; n < bank->rows && !status; n++) {
        const struct xo_row_block *r = &bank->row[n];
        uint16_t *digit = calloc(vectors * r->inputs, sizeof *digit);
        struct xo_rows rows;
        double *current;
        for (size_t k = 0; k < vectors * r->inputs; k++)
            digit[k] = (uint16_t)chain_input_digit(&chain, k / r->inputs / streams, r->first + k % r->inputs,
                                                   (int)(k / r->inputs % streams));
        status = xo_rows_of_digits(&rows, t, l, &l->array, r, vectors, digit);
        for (size_t k = 0; k < r->strips + r->references && !status; k++) {
            const struct xo_strip *s = k < r->strips ? &r->strip[k] : &r->reference[k - r->strips];
            status = xo_currents(&current, t, l, &l->array, r, s, &rows, NULL);
            if (!status)
                collect_strip(c, l, s, current, vectors);
        }
        free(digit);
    }
    xo_engine_thread_free(t);
    chain_free(&chain);
    return status;
}

/* Furthest that a range is from that of its currents, in LSB. */
static double range_error(const struct one_layer *o, xo_engine_dnn *e, size_t *ranges)
{
    const struct xo_array_layer *l = &e->layer[0];
    const struct xo_hardware *h = l->hardware;
    size_t units = xo_units_of(l, xo_range_unit(l));
    struct currents *c = calloc(units, sizeof *c);
    double worst = 0;
    int status = collect(c, o, e);
    *ranges = 0;
    for (size_t u = 0; u < units && !status; u++) {
        struct xo_adc_scale want = { 0 };
        if (!c[u].count)
            continue;
        status = xo_adc_range(&want, &h->adc, &h->dac, &h->device, h->array.rows, l->layout.signed_codes, c[u].count,
                              c[u].amp, NULL);
        worst = fmax(worst, fabs(l->range[u].lsb_ampere / want.lsb_ampere - 1));
        worst = fmax(worst, fabs(l->range[u].low_ampere - want.low_ampere) / want.lsb_ampere);
        (*ranges)++;
    }
    for (size_t u = 0; u < units; u++)
        free(c[u].amp);
    free(c);
    return status ? INFINITY : worst;
}

/* As one_layer_program, with so little to keep; how many rounds it took. */
static int program_in_rounds(xo_engine_dnn **out, struct one_layer *o, const xo_engine_dnn *base, ptrdiff_t kept,
                             size_t *rounds)
{
    const struct xo_programming how = { .threads = 1, .simd = XO_SIMD_BEST };
    struct xo_tensor in = { .type = XO_F32, .dimensions = 2, .shape = { o->images, o->channels }, .data = o->x };
    struct xo_tensor result = { .type = XO_F32, .data = o->y };
    xo_engine_dnn *e = NULL;
    xo_engine_thread *t = NULL;
    int status = xo_engine_dnn_program(&e, base, &how, NULL);
    if (status)
        return status;
    e->tails_left = kept;
    status = xo_engine_calibrator_new(&t, e, o->images, NULL);
    bool again = true;
    for (*rounds = 0; again && !status; ++*rounds) {
        struct xo_layer_hook hook = xo_engine_hook(t);
        xo_engine_thread_image(t, 0);
        status = hook.run(hook.user, 0, &in, &result, NULL);
        if (!status)
            status = xo_engine_calibrate(e, 1, &t, &again, NULL);
    }
    xo_engine_thread_free(t);
    *out = e;
    return status;
}

static void ranges(const char *name, const char *scope, const char *where, const char *more)
{
    const char *const set[] = { "array.rows=32", "array.columns=24", "array.row_wire_ohm=5",
                                "array.column_wire_ohm=10", "adc.quantile=0.043", "mapping.input_bits=4",
                                scope, where, more, NULL };
    struct one_layer o = { .images = 60, .channels = 50, .outputs = 13, .seed = 31 };
    struct xo_info info = { "" };
    xo_engine_dnn *base = NULL, *e[2] = { NULL };
    size_t rounds[2] = { 0 }, count[2] = { 0 };
    double error[2] = { INFINITY, INFINITY };
    int status = one_layer_new(&o, set);
    if (!status)
        status = one_layer_engine(&base, &o, &info);
    for (int k = 0; k < 2 && !status; k++) {
        status = program_in_rounds(&e[k], &o, base, k ? 0 : XO_TAILS_KEPT, &rounds[k]);
        if (!status)
            error[k] = range_error(&o, e[k], &count[k]);
    }
    printf("# %zu ranges, within %.2g LSB; %zu and %zu rounds\n", count[0], error[0], rounds[0], rounds[1]);
    bool reference = strstr(where, "reference") != NULL, many = !strstr(scope, "column");
    tap_ok(!status && count[0] && error[0] < 1e3 * DBL_EPSILON, "%s: ranges are those of sorted currents", name);
    tap_ok(rounds[0] == 1u + reference && (!many || rounds[1] > rounds[0]) && error[1] == error[0],
           "%s: in more rounds, the same", name);
    for (int k = 0; k < 2; k++)
        xo_engine_dnn_free(e[k]);
    xo_engine_dnn_free(base);
    one_layer_free(&o);
}

int main(void)
{
    quantiles_are_those_of_sorting();
    ranges("by layer", "adc.range_scope=layer", "gain.scope=array", "mapping.sign=differential");
    ranges("by tile", "adc.range_scope=tile", "gain.scope=column", "mapping.subtract=digital");
    ranges("by column", "adc.range_scope=column", "gain.scope=none", "mapping.off_current=reference_column");
    ranges("by layer, DAC with errors", "dac.offset_volt=0.003", "gain.scope=none", "mapping.sign=offset");
    ranges("sensed at 10 mV", "array.sense_volt=0.01", "gain.scope=array", "mapping.subtract=digital");
    ranges("by layer, gain in the reference", "gain.scope=column", "gain.where=reference",
           "mapping.sign=differential");
    ranges("by tile, gain in the reference", "adc.range_scope=tile", "gain.where=reference",
           "mapping.subtract=digital");
    return tap_done();
}
