/* The converter chain of MAPPING, written here once more in float64, conversion by conversion and in amperes, against
 * the engine: coarse and calibrated ADCs, errors of DAC and ADC, gains, off-currents in all three ways, on every set
 * of instructions.  Where a code is closer to the edge between two than float32 can tell, either is right.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdint.h>
#include "one-layer.h"
#include "tap.h"

/* ---- the layer as integers -------------------------------------------------------------------------- */

struct chain {
    const struct one_layer *o;
    const struct xo_hardware *h;
    size_t positions, K, P, rows, outputs_per_tile, row_tiles, column_tiles;
    int64_t *x, *q;                    /* [positions][K], [K][P]                        */
    float *s_w, s_x;
    int slices, streams;
    int shift[40], bits[40], sign[40]; /* of streams; sign: 0 x itself, 1, -1 its parts */
    double weight[40];
    int is_analog, kinds;              /* kinds: slices, or slices times signs          */
    double off, unit;                  /* S, A                                          */
    size_t units_of_range, units_of_gain;
    double *low, *lsb, *gain;          /* ranges and gains by their units               */
    size_t ambiguous;
};

static double rint_even(double x) { return nearbyint(x); }

static void quantise(struct chain *c)
{
    const struct one_layer *o = c->o;
    const struct xo_mapping *m = &c->h->mapping;
    double top = (1 << (m->weight_bits - 1)) - 1, most = (1 << (m->input_bits - o->is_signed)) - 1, clip = 0;
    c->q = calloc(c->K * c->P, sizeof *c->q);
    c->s_w = calloc(c->P, sizeof *c->s_w);
    for (size_t k = 0; k < c->K * c->P; k++)
        clip = fmax(clip, fabs((double)o->weight[k]));
    for (size_t j = 0; j < c->P; j++)
        c->s_w[j] = (float)(clip / top);
    for (size_t k = 0; k < c->K * c->P; k++)
        c->q[k] = (int64_t)rint_even((double)o->weight[k] / (double)c->s_w[0]);
    c->s_x = (float)(fmax(-o->range.low, o->range.high) / most);
    c->x = calloc(c->positions * c->K, sizeof *c->x);
    for (size_t k = 0; k < c->positions * c->K; k++)
        c->x[k] = (int64_t)rint_even((double)o->x[k] / (double)c->s_x);
}

static void add_streams(struct chain *c, int all, int sign)
{
    for (int shift = 0; shift < all; shift += c->h->dac.bits) {
        int left = all - shift < c->h->dac.bits ? all - shift : c->h->dac.bits;
        c->shift[c->streams] = shift;
        c->bits[c->streams] = left;
        c->sign[c->streams] = sign;
        c->weight[c->streams++] = sign < 0 ? -ldexp(1, shift) : ldexp(1, shift);
    }
}

static void cut_streams(struct chain *c)
{
    int b = c->h->mapping.input_bits;
    if (!c->o->is_signed) {
        add_streams(c, b, 0);
    } else if (c->h->mapping.input_sign == XO_INPUT_TWO_PHASE) {
        add_streams(c, b - 1, 1);
        add_streams(c, b - 1, -1);
    } else {
        add_streams(c, b - 1, 0);
        c->shift[c->streams] = b - 1;
        c->bits[c->streams] = 1;
        c->sign[c->streams] = 0;
        c->weight[c->streams++] = -ldexp(1, b - 1);
    }
}

static unsigned digit_of_input(const struct chain *c, size_t position, size_t i, int t)
{
    int64_t x = c->x[position * c->K + i];
    int64_t part = c->sign[t] > 0 ? (x > 0 ? x : 0) : c->sign[t] < 0 ? (x < 0 ? -x : 0) : x;
    return (unsigned)((uint64_t)part >> c->shift[t] & ((1u << c->bits[t]) - 1));
}

/* Digit of slice s of what a weight is stored as; minus: the second of a pair. */
static unsigned digit_of_weight(const struct chain *c, size_t i, size_t j, int s, int minus)
{
    int64_t q = c->q[i * c->P + j];
    int bits = c->h->mapping.weight_bits, cell = c->h->device.bits_per_cell;
    uint64_t stored;
    if (c->h->mapping.sign == XO_SIGN_OFFSET)
        stored = (uint64_t)(q + (1 << (bits - 1)));
    else if (c->h->mapping.sign == XO_SIGN_DIFFERENTIAL)
        stored = (uint64_t)(minus ? (q < 0 ? -q : 0) : (q > 0 ? q : 0));
    else if (s == c->slices - 1)
        return q < 0;
    else
        stored = (uint64_t)q & ((1u << (bits - 1)) - 1);
    return (unsigned)(stored >> cell * s & ((1u << cell) - 1));
}

static double slice_weight(const struct chain *c, int s)
{
    if (c->h->mapping.sign == XO_SIGN_TWOS_COMPLEMENT && s == c->slices - 1)
        return -ldexp(1, c->h->mapping.weight_bits - 1);
    return ldexp(1, c->h->device.bits_per_cell * s);
}

/* ---- DAC, array, ADC -------------------------------------------------------------------------------- */

static double volt_of(const struct chain *c, unsigned e)
{
    const struct xo_dac *d = &c->h->dac;
    double t = e / (double)((1u << d->bits) - 1), v = d->read_volt * t * (1 + d->gain_error) + d->offset_volt;
    for (size_t k = 0; k < d->inl_volt.count; k++)
        v += d->inl_volt.coefficient[k] * pow(t, (double)(k + 1));
    return v;
}

/* Which conversion: row tile, column tile and column, plane.  kind: slice, and slices + slice for the minus side;
 * -1: the reference column. */
struct where { size_t row_tile, output; int kind; size_t plane; };

/* Ideal column current: I_unit sum e d + off sum v; with other voltages sum v G. */
static double current_of(const struct chain *c, struct where w, size_t position, int t)
{
    double step = (c->h->device.on_siemens - c->off) / ((1 << c->h->device.bits_per_cell) - 1);
    double volts = 0, digits = 0, lsb = c->h->dac.read_volt / ((1u << c->h->dac.bits) - 1);
    int s = w.kind % c->slices, minus = w.kind >= c->slices;
    for (size_t i = w.row_tile * c->rows; i < c->K && i < (w.row_tile + 1) * c->rows; i++) {
        double v = volt_of(c, digit_of_input(c, position, i, t)) / lsb, d = 0;
        if (w.kind >= 0)
            d = digit_of_weight(c, i, w.output, s, minus);
        if (w.kind >= 0 && c->is_analog)
            d -= digit_of_weight(c, i, w.output, s, 1);
        volts += v;
        digits += v * d;
    }
    return lsb * step * digits + (c->is_analog ? 0 : c->off * lsb * volts);
}

static size_t planes_of(const struct chain *c)
{
    const struct xo_mapping *m = &c->h->mapping;
    return (m->slices == XO_IN_TILES ? (size_t)c->slices : 1) *
           (m->sign == XO_SIGN_DIFFERENTIAL && m->pair == XO_IN_TILES ? 2 : 1);
}

static size_t plane_of(const struct chain *c, int kind)
{
    const struct xo_mapping *m = &c->h->mapping;
    int pairs = m->sign == XO_SIGN_DIFFERENTIAL && m->pair == XO_IN_TILES ? 2 : 1;
    return (m->slices == XO_IN_TILES ? (size_t)(kind % c->slices) : 0) * (size_t)pairs +
           (pairs == 2 && kind >= c->slices);
}

static size_t tile_of(const struct chain *c, struct where w)
{
    return (w.row_tile * c->column_tiles + w.output / c->outputs_per_tile) * planes_of(c) + w.plane;
}

/* Numbers of units: layer 0; tiles; columns, references behind all others. */
static size_t unit_of(const struct chain *c, int scope, struct where w)
{
    if (scope == 0)
        return 0;
    if (scope == 1)
        return tile_of(c, w);
    if (w.kind < 0)
        return c->row_tiles * c->P * (size_t)c->kinds + tile_of(c, w);
    return (w.row_tile * c->P + w.output) * (size_t)c->kinds + (size_t)w.kind;
}

static size_t units(const struct chain *c, int scope)
{
    size_t tiles = c->row_tiles * c->column_tiles * planes_of(c);
    return scope == 0 ? 1 : scope == 1 ? tiles : c->row_tiles * c->P * (size_t)c->kinds + tiles;
}

static int range_scope(const struct chain *c)
{
    return c->h->adc.range != XO_ADC_CALIBRATED ? 0 : (int)c->h->adc.range_scope;
}

static int gain_scope(const struct chain *c) { return (int)c->h->gain.scope; }      /* none: 0 */

/* How far from the edge between two whole numbers.  Where currents are whole numbers of I_unit, currents and LSB
 * often stand in simple ratios, and exact ties are common: in amperes, float64 cannot tell, but they must go to the
 * even code. */
static double settle(const struct chain *c, double z, double *edge)
{
    double nearest = floor(z) + 0.5;
    *edge = fabs(z - nearest);
    if (*edge > 1e-9 || !(c->is_analog || c->off == 0) || c->h->adc.inl_lsb.count || c->h->adc.bits > 12)
        return z;
    *edge = 1;
    return nearest;
}

/* I -> code less the code of 0 A; *edge: how far from where the code changes. */
static double code_of(const struct chain *c, struct where w, double ampere, double *step, double *edge)
{
    const struct xo_adc *a = &c->h->adc;
    double gain = c->gain[unit_of(c, gain_scope(c), w)], last = (1 << a->bits) - 1;
    double low = c->low[unit_of(c, range_scope(c), w)], lsb = c->lsb[unit_of(c, range_scope(c), w)], z, code, t;
    if (c->h->gain.where == XO_GAIN_REFERENCE) {
        low /= gain;
        lsb /= gain;
    }
    z = (ampere - low) / lsb;
    t = z / last;
    z = z * (1 + a->gain_error) + a->offset_lsb;
    for (size_t k = 0; k < a->inl_lsb.count; k++)
        z += a->inl_lsb.coefficient[k] * pow(t, (double)(k + 1));
    z = settle(c, z, edge);
    code = fmin(fmax(rint_even(z), 0), last);
    if (z < -0.6 || z > last + 0.6)
        *edge = 1;                     /* clipped either way */
    *step = gain * lsb / c->unit;
    return code + rint_even(low / lsb);
}

static double known_off(struct chain *c, struct where w, size_t position, int t, double *edge)
{
    double pop = 0, step;
    *edge = 1;
    if (c->is_analog || c->off == 0 || c->h->mapping.off_current == XO_OFF_NONE)
        return 0;
    if (c->h->mapping.off_current == XO_OFF_REFERENCE_COLUMN) {
        w.kind = -1;
        double code = code_of(c, w, current_of(c, w, position, t), &step, edge);
        return code * step;
    }
    for (size_t i = w.row_tile * c->rows; i < c->K && i < (w.row_tile + 1) * c->rows; i++)
        pop += digit_of_input(c, position, i, t);
    return c->off * c->h->dac.read_volt / ((1u << c->h->dac.bits) - 1) * pop / c->unit;
}

static struct where where_of(const struct chain *c, size_t row_tile, size_t j, int kind)
{
    return (struct where){ row_tile, j, kind, plane_of(c, kind) };
}

/* ---- ranges and gains ------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t count, double q)
{
    double at = q * (double)(count - 1), low = floor(at);
    size_t k = (size_t)low;
    return k + 1 < count ? sorted[k] + (at - low) * (sorted[k + 1] - sorted[k]) : sorted[k];
}

static int uses_reference(const struct chain *c)
{
    return !c->is_analog && c->off > 0 && c->h->mapping.off_current == XO_OFF_REFERENCE_COLUMN;
}

/* gain times current, of everything that shares a range. */
static void calibrate_unit(struct chain *c, size_t unit, int with_gain)
{
    size_t room = 1024, count = 0;
    double *seen = malloc(room * sizeof *seen), lsb, low, high;
    for (size_t r = 0; r < c->row_tiles; r++)
        for (size_t j = 0; j < c->P; j++)
            for (int kind = -1; kind < c->kinds; kind++)
                for (size_t plane = 0; plane < (kind < 0 ? planes_of(c) : 1); plane++) {
                    struct where w = where_of(c, r, j, kind < 0 ? 0 : kind);
                    w.kind = kind;
                    w.plane = kind < 0 ? plane : w.plane;
                    if ((kind < 0 && (!uses_reference(c) || j % c->outputs_per_tile)) ||
                        unit_of(c, range_scope(c), w) != unit)
                        continue;
                    for (size_t p = 0; p < c->positions; p++)
                        for (int t = 0; t < c->streams; t++) {
                            if (count == room)
                                seen = realloc(seen, (room *= 2) * sizeof *seen);
                            seen[count++] = (with_gain ? c->gain[unit_of(c, gain_scope(c), w)] : 1) *
                                            current_of(c, w, p, t);
                        }
                }
    if (!count) {                      /* an array of minus columns has no ADC */
        free(seen);
        return;
    }
    qsort(seen, count, sizeof *seen, ascending);
    low = fmin(quantile(seen, count, c->h->adc.quantile), 0);
    high = fmax(quantile(seen, count, 1 - c->h->adc.quantile), 0);
    lsb = (high - low) / ((1 << c->h->adc.bits) - 1);
    c->lsb[unit] = low < high ? lsb : c->unit;
    c->low[unit] = low < high ? rint_even(low / lsb) * lsb : 0;
    free(seen);
}

static void set_ranges(struct chain *c, int with_gain)
{
    const struct xo_adc *a = &c->h->adc;
    double last = (1 << a->bits) - 1, half = 1 << (a->bits - 1), rows = (double)c->h->array.rows;
    for (size_t u = 0; u < units(c, range_scope(c)); u++) {
        if (a->range == XO_ADC_CALIBRATED) {
            calibrate_unit(c, u, with_gain);
            continue;
        }
        c->lsb[u] = a->range == XO_ADC_GRANULAR ? c->unit
                  : a->range == XO_ADC_FIXED ? (a->high_ampere - a->low_ampere) / last
                  : rows * c->h->device.on_siemens * c->h->dac.read_volt / (c->is_analog ? half - 1 : last);
        c->low[u] = a->range == XO_ADC_FIXED ? rint_even(a->low_ampere / c->lsb[u]) * c->lsb[u]
                  : c->is_analog ? -half * c->lsb[u] : 0;
    }
}

/* With one position and one stream every vector drawn is the same: sum ideal read/sum read^2 over those of a unit. */
static void measure_gains(struct chain *c)
{
    size_t count = units(c, gain_scope(c));
    double *above = calloc(count, sizeof *above), *below = calloc(count, sizeof *below);
    struct xo_dac ideal = { .bits = c->h->dac.bits, .read_volt = c->h->dac.read_volt };
    struct xo_hardware other = *c->h;
    other.dac = ideal;
    for (size_t r = 0; r < c->row_tiles; r++)
        for (size_t j = 0; j < c->P; j++)
            for (int kind = -1; kind < c->kinds; kind++)
                for (size_t plane = 0; plane < (kind < 0 ? planes_of(c) : 1); plane++) {
                    const struct xo_hardware *kept = c->h;
                    double step, edge, read, want;
                    struct where w = where_of(c, r, j, kind < 0 ? 0 : kind);
                    w.kind = kind;
                    w.plane = kind < 0 ? plane : w.plane;
                    if (kind < 0 && (!uses_reference(c) || j % c->outputs_per_tile))
                        continue;
                    read = code_of(c, w, current_of(c, w, 0, 0), &step, &edge) *
                           c->lsb[unit_of(c, range_scope(c), w)];
                    c->h = &other;
                    want = current_of(c, w, 0, 0);
                    c->h = kept;
                    above[unit_of(c, gain_scope(c), w)] += want * read;
                    below[unit_of(c, gain_scope(c), w)] += read * read;
                }
    for (size_t u = 0; u < count; u++)
        c->gain[u] = above[u] == 0 || below[u] == 0 ? 1 : above[u] / below[u];
    free(above);
    free(below);
}

static void set_converters(struct chain *c)
{
    size_t most = units(c, 2) + units(c, 1) + 1;
    c->low = calloc(most, sizeof *c->low);
    c->lsb = calloc(most, sizeof *c->lsb);
    c->gain = calloc(most, sizeof *c->gain);
    for (size_t u = 0; u < most; u++)
        c->gain[u] = 1;
    set_ranges(c, 0);
    if (c->h->gain.scope == XO_GAIN_NONE || c->h->gain.source == XO_GAIN_ORACLE)
        return;
    measure_gains(c);
    if (c->h->gain.where == XO_GAIN_REFERENCE)
        set_ranges(c, 1);
}

/* ---- decoding --------------------------------------------------------------------------------------- */

/* One output's sum over streams, slices, signs and row tiles; *slack: how far codes at their edge can move it. */
static double sum_of(struct chain *c, size_t position, size_t j, double *slack)
{
    double sum = 0, inputs = 0, limit = fmin(ldexp(1, c->h->adc.bits - 21), 2e-3);
    *slack = 0;
    for (size_t r = 0; r < c->row_tiles; r++)
        for (int kind = 0; kind < c->kinds; kind++)
            for (int t = 0; t < c->streams; t++) {
                struct where w = where_of(c, r, j, kind);
                double step, edge, off_edge, weight = slice_weight(c, kind % c->slices) * c->weight[t];
                double code = code_of(c, w, current_of(c, w, position, t), &step, &edge);
                double p = step * code - known_off(c, w, position, t, &off_edge), tie, settled = settle(c, p, &tie);
                int is_integer = step <= 1 + 1e-9;
                if (edge < limit || off_edge < limit || (is_integer && tie < limit))
                    *slack += 2 * (step > 1 ? step : 1) * fabs(weight);
                sum += (kind >= c->slices ? -weight : weight) * (is_integer ? rint_even(settled) : p);
            }
    for (size_t i = 0; i < c->K; i++)
        inputs += (double)c->x[position * c->K + i];
    return c->h->mapping.sign == XO_SIGN_OFFSET ? sum - ldexp(1, c->h->mapping.weight_bits - 1) * inputs : sum;
}

static void chain_new(struct chain *c, const struct one_layer *o)
{
    const struct xo_mapping *m = &o->hardware.mapping;
    int cell = o->hardware.device.bits_per_cell, magnitude = m->weight_bits - 1;
    *c = (struct chain){ .o = o, .h = &o->hardware, .positions = o->images, .K = o->inputs, .P = o->outputs,
                         .rows = o->hardware.array.rows };
    c->slices = m->sign == XO_SIGN_OFFSET ? (magnitude + cell) / cell : (magnitude + cell - 1) / cell;
    c->slices += m->sign == XO_SIGN_TWOS_COMPLEMENT;
    c->is_analog = m->sign == XO_SIGN_DIFFERENTIAL && m->subtract == XO_SUBTRACT_ANALOG;
    c->kinds = m->sign == XO_SIGN_DIFFERENTIAL && !c->is_analog ? 2 * c->slices : c->slices;
    c->off = m->unused_cell == XO_UNUSED_OPEN ? 0 : c->h->device.off_siemens;
    c->unit = c->h->dac.read_volt / ((1u << c->h->dac.bits) - 1) * (c->h->device.on_siemens - c->off) /
              ((1 << cell) - 1);
    c->outputs_per_tile = (c->h->array.columns - (size_t)uses_reference(c)) /
                          ((m->slices == XO_IN_COLUMNS ? (size_t)c->slices : 1) *
                           (m->sign == XO_SIGN_DIFFERENTIAL && m->pair == XO_IN_COLUMNS ? 2 : 1));
    c->row_tiles = (c->K + c->rows - 1) / c->rows;
    c->column_tiles = (c->P + c->outputs_per_tile - 1) / c->outputs_per_tile;
    quantise(c);
    cut_streams(c);
    set_converters(c);
}

static void chain_free(struct chain *c)
{
    free(c->x);
    free(c->q);
    free(c->s_w);
    free(c->low);
    free(c->lsb);
    free(c->gain);
}

/* ---- comparing --------------------------------------------------------------------------------------- */

struct outcome { size_t results, certain, wrong; };

static void judge(struct outcome *out, struct chain *c, const char *what)
{
    const struct one_layer *o = c->o;
    for (size_t n = 0; n < c->positions; n++)
        for (size_t j = 0; j < c->P; j++) {
            double slack, sum = sum_of(c, n, j, &slack), scale = (double)c->s_w[j] * (double)c->s_x;
            double want = scale * sum + (double)o->bias[j], got = (double)o->y[n * c->P + j];
            double allowed = scale * slack * 1.01 + 1e-7 * (fabs(want) + scale * fabs(sum));
            out->results++;
            out->certain += slack == 0;
            if (fabs(got - want) <= allowed)
                continue;
            if (out->wrong++ < 3)
                printf("# %s: image %zu output %zu: got %.9g, want %.9g, slack %g\n", what, n, j, got, want,
                       scale * slack);
        }
}

static struct outcome try(struct one_layer o, const char *const *settings)
{
    xo_engine_dnn *e = NULL;
    struct xo_info info = { "" };
    struct outcome out = { 0 };
    struct chain c;
    int status = one_layer_new(&o, settings);
    if (!status)
        status = one_layer_engine(&e, &o, &info);
    if (!status)
        chain_new(&c, &o);
    for (int simd = XO_SIMD_PORTABLE; simd <= XO_SIMD_AVX512 && !status; simd++) {
        if (!xo_simd_available((enum xo_simd)simd))
            continue;
        xo_engine_dnn_simd(e, (enum xo_simd)simd);
        status = one_layer_run(&o, e, XO_STAGE_CONVERTERS, 3, NULL, &info);
        judge(&out, &c, xo_simd_name((enum xo_simd)simd));
    }
    if (status) {
        printf("# status %d: %s\n", status, info.text);
        out.wrong = SIZE_MAX;
    } else {
        chain_free(&c);
    }
    xo_engine_dnn_free(e);
    one_layer_free(&o);
    return out;
}

static const struct one_layer dense = { .images = 4, .channels = 52, .outputs = 21, .seed = 11 };
/* One image and one stream: for gains. */
static const struct one_layer single = { .images = 1, .channels = 70, .outputs = 21, .seed = 12 };

#define SETTINGS 24
static int check(const struct one_layer *o, const char *name, const char *const *base, const char *const *more)
{
    const char *set[SETTINGS];
    size_t count = 0;
    for (; *base; base++)
        set[count++] = *base;
    for (; more && *more; more++)
        set[count++] = *more;
    set[count] = NULL;
    struct outcome out = try(*o, set);
    printf("# %zu results, %zu without a code at an edge\n", out.results, out.certain);
    return tap_ok(!out.wrong && out.certain * 8 > out.results, "%s: the chain's results", name);
}

static const char *const tiles[] = { "array.rows=32", "array.columns=24", "gain.scope=none", "mapping.input_bits=4",
                                     NULL };

struct way { const char *name, *set[4]; };
static const struct way way[] = {
    { "differential, analog", { NULL } },
    { "all in columns, analog", { "mapping.pair=columns", "mapping.slices=columns", NULL } },
    { "digital, popcount", { "mapping.subtract=digital", NULL } },
    { "digital, reference column", { "mapping.subtract=digital", "mapping.off_current=reference_column", NULL } },
    { "digital, off-current left in", { "mapping.subtract=digital", "mapping.off_current=none", NULL } },
    { "digital, open cells", { "mapping.subtract=digital", "mapping.unused_cell=open", NULL } },
    { "offset, popcount", { "mapping.sign=offset", NULL } },
    { "offset, reference, columns", { "mapping.sign=offset", "mapping.off_current=reference_column",
                                      "mapping.slices=columns", NULL } },
    { "two's complement, none", { "mapping.sign=twos_complement", "mapping.off_current=none", NULL } },
};
enum { WAYS = sizeof way / sizeof *way };

struct converter { const char *name, *set[8]; };
static const struct converter converter[] = {
    { "8 bits calibrated", { NULL } },
    { "5 bits calibrated by tile", { "adc.bits=5", "adc.range_scope=tile", "adc.quantile=0.01", NULL } },
    { "6 bits calibrated by column", { "adc.bits=6", "adc.range_scope=column", "adc.quantile=0.02", NULL } },
    { "6 bits full", { "adc.bits=6", "adc.range=full", NULL } },
    { "7 bits granular", { "adc.bits=7", "adc.range=granular", NULL } },
    { "7 bits fixed", { "adc.bits=7", "adc.range=fixed", "adc.low_ampere=-1.3e-5", "adc.high_ampere=2.1e-5", NULL } },
    { "ADC with gain and offset errors", { "adc.gain_error=0.03", "adc.offset_lsb=-0.8", NULL } },
    { "ADC with INL", { "adc.inl_lsb=[1.5, -3, 1.2]", "adc.bits=7", NULL } },
    { "DAC with errors", { "dac.gain_error=-0.04", "dac.offset_volt=0.003", "dac.inl_volt=[0.002, 0.004]",
                           "adc.range=full", "adc.bits=9", NULL } },
    { "2-bit DAC with errors", { "dac.bits=2", "dac.gain_error=-0.04", "dac.offset_volt=0.003",
                                 "dac.inl_volt=[0.002, 0.004]", "mapping.input_bits=5", "adc.range=full", NULL } },
    { "3-bit DAC, 3-bit cells", { "dac.bits=3", "device.bits_per_cell=3", "adc.bits=10", NULL } },
    { "8-bit DAC, 12-bit ADC", { "dac.bits=8", "adc.bits=12", NULL } },
    { "8-bit DAC with INL, 14-bit ADC", { "dac.bits=8", "adc.bits=14", "dac.inl_volt=[0.002, 0.004]",
                                          "adc.range=full",
                                        NULL } },
};
enum { CONVERTERS = sizeof converter / sizeof *converter };

static void every_way_with_every_converter(void)
{
    struct one_layer both = dense;
    both.is_signed = 1;
    for (int w = 0; w < WAYS; w++)
        for (int c = 0; c < CONVERTERS; c++) {
            const char *more[SETTINGS];
            char name[128];
            size_t count = 0;
            for (int k = 0; way[w].set[k]; k++)
                more[count++] = way[w].set[k];
            for (int k = 0; converter[c].set[k]; k++)
                more[count++] = converter[c].set[k];
            more[count] = NULL;
            snprintf(name, sizeof name, "%s, %s", way[w].name, converter[c].name);
            check((w + c) % 2 ? &dense : &both, name, tiles, more);
        }
}

static void gains(void)
{
    static const char *const base[] = { "array.rows=32", "array.columns=24", "dac.bits=2", "mapping.input_bits=2",
                                        "adc.bits=5", NULL };
    static const struct converter gain[] = {
        { "gain of arrays", { "gain.scope=array", NULL } },
        { "gain of columns", { "gain.scope=column", NULL } },
        { "gain of columns in the reference", { "gain.scope=column", "gain.where=reference", NULL } },
        { "gain of arrays in the reference", { "gain.scope=array", "gain.where=reference", "adc.range_scope=column",
                                               NULL } },
        { "gain of columns, ranges by tile", { "gain.scope=column", "adc.range_scope=tile", NULL } },
        { "gain of columns, with errors to undo", { "gain.scope=column", "adc.gain_error=-0.1",
                                                    "dac.gain_error=0.05", "adc.range=full", NULL } },
        { "oracle", { "gain.scope=column", "gain.source=oracle", NULL } },
    };
    for (int w = 0; w < WAYS; w++)
        for (size_t g = 0; g < sizeof gain / sizeof *gain; g++) {
            const char *more[SETTINGS];
            char name[128];
            size_t count = 0;
            for (int k = 0; way[w].set[k]; k++)
                more[count++] = way[w].set[k];
            for (int k = 0; gain[g].set[k]; k++)
                more[count++] = gain[g].set[k];
            more[count] = NULL;
            snprintf(name, sizeof name, "%s, %s", way[w].name, gain[g].name);
            check(&single, name, base, more);
        }
}

/* ---- every key matters ------------------------------------------------------------------------------- */

static float *results_of(struct one_layer o, const char *const *base, const char *more, size_t *count)
{
    const char *set[SETTINGS];
    xo_engine_dnn *e = NULL;
    struct xo_info info = { "" };
    size_t settings = 0;
    for (; base[settings]; settings++)
        set[settings] = base[settings];
    set[settings] = more;
    set[settings + 1] = NULL;
    int status = one_layer_new(&o, set);
    if (!status)
        status = one_layer_engine(&e, &o, &info);
    if (!status)
        status = one_layer_run(&o, e, XO_STAGE_CONVERTERS, 2, NULL, &info);
    if (status)
        printf("# %s: status %d: %s\n", more ? more : "-", status, info.text);
    *count = one_layer_results(&o);
    float *y = malloc(*count * sizeof *y);
    memcpy(y, o.y, *count * sizeof *y);
    xo_engine_dnn_free(e);
    one_layer_free(&o);
    return status ? NULL : y;
}

static int differs(const struct one_layer *o, const char *const *base, const char *key)
{
    size_t count;
    float *a = results_of(*o, base, NULL, &count), *b = results_of(*o, base, key, &count);
    int different = a && b && memcmp(a, b, count * sizeof *a);
    int same = a && b && !memcmp(a, b, count * sizeof *a);
    free(a);
    free(b);
    return different ? 1 : same ? 0 : -1;
}

static void every_key_changes_the_result(void)
{
    static const char *const base[] = { "array.rows=32", "array.columns=24", "dac.bits=2", "adc.bits=6", NULL };
    static const char *const fixed[] = { "array.rows=32", "array.columns=24", "dac.bits=2", "adc.bits=6",
                                         "adc.range=fixed",
                                         "adc.low_ampere=-1.3e-5", "adc.high_ampere=1.3e-5", "gain.scope=none",
                                         NULL };
    static const char *const offset[] = { "array.rows=32", "array.columns=24", "mapping.sign=offset", "adc.bits=4",
                                          NULL };
    static const struct { const char *const *base, *key; } change[] = {
        { base, "dac.bits=1" }, { fixed, "dac.read_volt=0.3" }, { fixed, "dac.gain_error=0.1" },
        { base, "dac.offset_volt=0.01" }, { fixed, "dac.inl_volt=[0.01]" }, { base, "dac.noise_volt=0.01" },
        { base, "adc.bits=7" }, { base, "adc.range=full" }, { base, "adc.range=granular" },
        { base, "adc.range_scope=tile" }, { base, "adc.range_scope=column" }, { base, "adc.quantile=0.01" },
        { fixed, "adc.low_ampere=-1.2e-5" }, { fixed, "adc.high_ampere=1.2e-5" }, { base, "adc.gain_error=0.1" },
        { base, "adc.offset_lsb=0.6" }, { base, "adc.inl_lsb=[0.9]" }, { base, "adc.noise_lsb=0.5" },
        { base, "gain.scope=none" }, { base, "gain.scope=column" }, { base, "gain.where=reference" },
        { base, "gain.source=oracle" }, { base, "gain.vectors=3" }, { base, "device.bits_per_cell=3" },
        { fixed, "device.on_siemens=2e-5" }, { offset, "device.off_siemens=2e-6" }, { base, "array.rows=31" },
        { base, "mapping.subtract=digital" }, { base, "mapping.sign=offset" },
        { base, "mapping.sign=twos_complement" },
        { offset, "mapping.off_current=reference_column" }, { offset, "mapping.off_current=none" },
        { offset, "mapping.unused_cell=open" }, { base, "mapping.input_sign=twos_complement" },
        { base, "mapping.input_bits=7" }, { base, "mapping.weight_bits=7" }, { base, "mapping.weight_scale=channel" },
        { base, "mapping.weight_clip={percentile: 90}" },
    };
    struct one_layer both = dense;
    both.is_signed = 1;
    for (size_t k = 0; k < sizeof change / sizeof *change; k++)
        tap_ok(differs(&both, change[k].base, change[k].key) == 1, "%s changes the result", change[k].key);
    tap_ok(differs(&both, base, "dac.encoding=pulse_width") == 0,
           "dac.encoding: pulses carry the same charge through ohmic cells");
    tap_ok(differs(&both, base, "dac.output_ohm=1000") == 0,
           "dac.output_ohm belongs to the circuit, not to ideal arrays");
    static const char *const noisy[] = { "array.rows=32", "array.columns=24", "adc.noise_lsb=1",
                                         "dac.noise_volt=0.01", NULL };
    tap_ok(differs(&both, noisy, "seed=2") == 1, "seed changes noise");
}

int main(void)
{
    every_way_with_every_converter();
    gains();
    every_key_changes_the_result();
    return tap_done();
}
