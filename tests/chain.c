/* The converter chain of MAPPING in float64.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "chain.h"
#include "tap.h"

/* ---- the layer as integers -------------------------------------------------------------------------- */

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

unsigned chain_input_digit(const struct chain *c, size_t position, size_t i, int t)
{
    int64_t x = c->x[position * c->K + i];
    uint64_t part = c->sign[t] > 0 ? (uint64_t)(x > 0 ? x : 0)
        : c->sign[t] < 0 ? (uint64_t)(x < 0 ? -x : 0) : (uint64_t)x;
    return (unsigned)(part >> c->shift[t] & ((1u << c->bits[t]) - 1));
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

double chain_volt(const struct chain *c, unsigned e)
{
    const struct xo_dac *d = &c->h->dac;
    double t = e / (double)((1u << d->bits) - 1), v = d->read_volt * t * (1 + d->gain_error) + d->offset_volt;
    for (size_t k = 0; k < d->inl_volt.count; k++)
        v += d->inl_volt.coefficient[k] * pow(t, (double)(k + 1));
    return v;
}

/* Ideal column current: I_unit sum e d + off sum v; with other voltages sum v G. */
static double ideal_current(const struct chain *c, struct where w, size_t position, int t)
{
    double step = (c->h->device.on_siemens - c->off) / ((1 << c->h->device.bits_per_cell) - 1);
    double volts = 0, digits = 0, lsb = c->h->dac.read_volt / ((1u << c->h->dac.bits) - 1);
    int s = w.kind % c->slices, minus = w.kind >= c->slices;
    for (size_t i = w.row_tile * c->rows; i < c->K && i < (w.row_tile + 1) * c->rows; i++) {
        double v = chain_volt(c, chain_input_digit(c, position, i, t)) / lsb, d = 0;
        if (w.kind >= 0)
            d = digit_of_weight(c, i, w.output, s, minus);
        if (w.kind >= 0 && c->is_analog)
            d -= digit_of_weight(c, i, w.output, s, 1);
        volts += v;
        digits += v * d;
    }
    return lsb * step * digits + (c->is_analog ? 0 : c->off * lsb * volts);
}

size_t chain_planes(const struct chain *c)
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

size_t chain_tile(const struct chain *c, struct where w)
{
    return (w.row_tile * c->column_tiles + w.output / c->outputs_per_tile) * chain_planes(c) + w.plane;
}

/* Numbers of units: layer 0; tiles; columns, references behind all others. */
static size_t unit_of(const struct chain *c, int scope, struct where w)
{
    if (scope == 0)
        return 0;
    if (scope == 1)
        return chain_tile(c, w);
    if (w.kind < 0)
        return c->row_tiles * c->P * (size_t)c->kinds + chain_tile(c, w);
    return (w.row_tile * c->P + w.output) * (size_t)c->kinds + (size_t)w.kind;
}

static size_t units(const struct chain *c, int scope)
{
    size_t tiles = c->row_tiles * c->column_tiles * chain_planes(c);
    return scope == 0 ? 1 : scope == 1 ? tiles : c->row_tiles * c->P * (size_t)c->kinds + tiles;
}

/* Where a column of a slice and side lies; -1: the reference column, the last one. */
static size_t column_of(const struct chain *c, size_t output, int kind)
{
    const struct xo_mapping *m = &c->h->mapping;
    size_t sides = m->sign == XO_SIGN_DIFFERENTIAL && m->pair == XO_IN_COLUMNS ? 2 : 1;
    size_t slices = m->slices == XO_IN_COLUMNS ? (size_t)c->slices : 1;
    if (kind < 0)
        return c->h->array.columns - 1;
    return (output % c->outputs_per_tile * slices + (slices > 1 ? (size_t)(kind % c->slices) : 0)) * sides +
           (sides == 2 && kind >= c->slices);
}

double chain_siemens(const struct chain *c, size_t row_tile, size_t column_tile, size_t plane, size_t row,
                     size_t column)
{
    double step = (c->h->device.on_siemens - c->off) / ((1 << c->h->device.bits_per_cell) - 1);
    int pair = c->h->mapping.sign == XO_SIGN_DIFFERENTIAL;
    size_t i = row_tile * c->rows + row, first = column_tile * c->outputs_per_tile;
    for (size_t j = first; j < c->P && j < first + c->outputs_per_tile && i < c->K; j++)
        for (int kind = 0; kind < (1 + pair) * c->slices; kind++)
            if (column_of(c, j, kind) == column && plane_of(c, kind) == plane)
                return c->off + step * digit_of_weight(c, i, j, kind % c->slices, kind >= c->slices);
    return c->off;
}

/* Of the array's own column: of a difference, plus. */
static const double *solved_at(const struct chain *c, struct where w, int kind, size_t position, int t)
{
    w.plane = w.kind < 0 ? w.plane : plane_of(c, kind);
    return c->solved + ((chain_tile(c, w) * c->positions + position) * (size_t)c->streams + (size_t)t) *
           c->h->array.columns + column_of(c, w.output, kind);
}

double chain_current(const struct chain *c, struct where w, size_t position, int t)
{
    if (!c->solved)
        return ideal_current(c, w, position, t);
    double plus = *solved_at(c, w, w.kind, position, t);
    return c->is_analog && w.kind >= 0 ? plus - *solved_at(c, w, w.kind + c->slices, position, t) : plus;
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
    if (*edge > 1e-9 || c->solved || !(c->is_analog || c->off == 0) || c->h->adc.inl_lsb.count || c->h->adc.bits > 12)
        return z;
    *edge = 1;
    return nearest;
}

/* I -> code less the code of 0 A; *edge: how far from where the code changes. */
double chain_code(const struct chain *c, struct where w, double ampere, double *step, double *edge)
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
        double code = chain_code(c, w, chain_current(c, w, position, t), &step, edge);
        return code * step;
    }
    for (size_t i = w.row_tile * c->rows; i < c->K && i < (w.row_tile + 1) * c->rows; i++)
        pop += chain_input_digit(c, position, i, t);
    return c->off * c->h->dac.read_volt / ((1u << c->h->dac.bits) - 1) * pop / c->unit;
}

struct where chain_where(const struct chain *c, size_t row_tile, size_t j, int kind)
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
                for (size_t plane = 0; plane < (kind < 0 ? chain_planes(c) : 1); plane++) {
                    struct where w = chain_where(c, r, j, kind < 0 ? 0 : kind);
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
                                            chain_current(c, w, p, t);
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
                for (size_t plane = 0; plane < (kind < 0 ? chain_planes(c) : 1); plane++) {
                    const struct xo_hardware *kept = c->h;
                    double step, edge, read, want;
                    struct where w = chain_where(c, r, j, kind < 0 ? 0 : kind);
                    w.kind = kind;
                    w.plane = kind < 0 ? plane : w.plane;
                    if (kind < 0 && (!uses_reference(c) || j % c->outputs_per_tile))
                        continue;
                    read = chain_code(c, w, chain_current(c, w, 0, 0), &step, &edge) *
                           c->lsb[unit_of(c, range_scope(c), w)];
                    c->h = &other;
                    want = ideal_current(c, w, 0, 0);
                    c->h = kept;
                    above[unit_of(c, gain_scope(c), w)] += want * read;
                    below[unit_of(c, gain_scope(c), w)] += read * read;
                }
    for (size_t u = 0; u < count; u++)
        c->gain[u] = above[u] == 0 || below[u] == 0 ? 1 : above[u] / below[u];
    free(above);
    free(below);
}

/* sum G/sum G_ni over the rows in use, plus and minus together. */
static void ask_oracle(struct chain *c)
{
    size_t count = units(c, gain_scope(c)), columns = c->h->array.columns;
    double *above = calloc(count, sizeof *above), *below = calloc(count, sizeof *below);
    for (size_t r = 0; r < c->row_tiles; r++)
        for (size_t j = 0; j < c->P; j++)
            for (int kind = -1; kind < (c->is_analog ? 2 : 1) * c->kinds; kind++)
                for (size_t plane = 0; plane < (kind < 0 ? chain_planes(c) : 1); plane++) {
                    struct where w = chain_where(c, r, j, kind < 0 ? 0 : kind % c->kinds), at;
                    w.kind = kind < 0 ? -1 : w.kind;
                    w.plane = kind < 0 ? plane : w.plane;
                    at = w;
                    at.plane = kind < 0 ? plane : plane_of(c, kind);
                    if (kind < 0 && (!uses_reference(c) || j % c->outputs_per_tile))
                        continue;
                    for (size_t i = 0; i < c->rows && r * c->rows + i < c->K; i++) {
                        size_t column = column_of(c, j, kind);
                        above[unit_of(c, gain_scope(c), w)] +=
                            chain_siemens(c, r, j / c->outputs_per_tile, at.plane, i, column);
                        below[unit_of(c, gain_scope(c), w)] +=
                            c->matrix[(chain_tile(c, at) * c->rows + i) * columns + column];
                    }
                }
    for (size_t u = 0; u < count; u++)
        c->gain[u] = above[u] == 0 || below[u] == 0 ? 1 : above[u] / below[u];
    free(above);
    free(below);
}

void chain_set_converters(struct chain *c)
{
    size_t most = units(c, 2) + units(c, 1) + 1;
    c->low = calloc(most, sizeof *c->low);
    c->lsb = calloc(most, sizeof *c->lsb);
    c->gain = calloc(most, sizeof *c->gain);
    for (size_t u = 0; u < most; u++)
        c->gain[u] = 1;
    set_ranges(c, 0);
    if (c->h->gain.scope == XO_GAIN_NONE || (c->h->gain.source == XO_GAIN_ORACLE && !c->matrix))
        return;
    if (c->h->gain.source == XO_GAIN_ORACLE)
        ask_oracle(c);
    else
        measure_gains(c);
    if (c->h->gain.where == XO_GAIN_REFERENCE)
        set_ranges(c, 1);
}

/* ---- decoding --------------------------------------------------------------------------------------- */

/* One output's sum over streams, slices, signs and row tiles; *slack: how far codes at their edge can move it. */
static double sum_of(struct chain *c, size_t position, size_t j, double *slack)
{
    double sum = 0, inputs = 0, limit = fmax(fmin(ldexp(1, c->h->adc.bits - 21), 2e-3), c->least_edge);
    *slack = c->magnitude = 0;
    for (size_t r = 0; r < c->row_tiles; r++)
        for (int kind = 0; kind < c->kinds; kind++)
            for (int t = 0; t < c->streams; t++) {
                struct where w = chain_where(c, r, j, kind);
                double step, edge, off_edge, weight = slice_weight(c, kind % c->slices) * c->weight[t];
                double code = chain_code(c, w, chain_current(c, w, position, t), &step, &edge);
                double p = step * code - known_off(c, w, position, t, &off_edge), tie, settled = settle(c, p, &tie);
                int is_integer = step <= 1 + 1e-9;
                if (edge < limit || off_edge < limit || (is_integer && tie < limit))
                    *slack += 2 * (step > 1 ? step : 1) * fabs(weight);
                c->magnitude += fabs(weight * p);
                sum += (kind >= c->slices ? -weight : weight) * (is_integer ? rint_even(settled) : p);
            }
    for (size_t i = 0; i < c->K; i++)
        inputs += (double)c->x[position * c->K + i];
    return c->h->mapping.sign == XO_SIGN_OFFSET ? sum - ldexp(1, c->h->mapping.weight_bits - 1) * inputs : sum;
}

void chain_new(struct chain *c, const struct one_layer *o)
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
    c->unit = c->h->dac.read_volt / ((1u << c->h->dac.bits) - 1) * (c->h->device.on_siemens - c->off)
        / ((1 << cell) - 1);
    c->outputs_per_tile = (c->h->array.columns - (size_t)uses_reference(c)) /
                          ((m->slices == XO_IN_COLUMNS ? (size_t)c->slices : 1) *
                           (m->sign == XO_SIGN_DIFFERENTIAL && m->pair == XO_IN_COLUMNS ? 2 : 1));
    c->row_tiles = (c->K + c->rows - 1) / c->rows;
    c->column_tiles = (c->P + c->outputs_per_tile - 1) / c->outputs_per_tile;
    quantise(c);
    cut_streams(c);
}

void chain_free(struct chain *c)
{
    free(c->x);
    free(c->q);
    free(c->s_w);
    free(c->low);
    free(c->lsb);
    free(c->gain);
}

/* ---- comparing --------------------------------------------------------------------------------------- */

void chain_judge(struct outcome *out, struct chain *c, const char *what)
{
    const struct one_layer *o = c->o;
    for (size_t n = 0; n < c->positions; n++)
        for (size_t j = 0; j < c->P; j++) {
            double slack, sum = sum_of(c, n, j, &slack), scale = (double)c->s_w[j] * (double)c->s_x;
            double want = scale * sum + (double)o->bias[j], got = (double)o->y[n * c->P + j];
            double allowed = scale * slack * 1.01 + 1e-7 * (fabs(want) + scale * fabs(sum)) +
                             c->gain_error_rel * scale * c->magnitude;
            out->results++;
            out->certain += slack == 0;
            if (fabs(got - want) <= allowed)
                continue;
            if (out->wrong++ < 3)
                printf("# %s: image %zu output %zu: got %.9g, want %.9g, slack %g\n", what, n, j, got, want,
                       scale * slack);
        }
}

/* ---- settings --------------------------------------------------------------------------------------------------- */

const struct way chain_way[CHAIN_WAYS] = {
    { "differential, analog", { NULL } },
    { "all in columns, analog", { "mapping.pair=columns", "mapping.slices=columns", NULL } },
    { "digital, popcount", { "mapping.subtract=digital", NULL } },
    { "digital, reference column", { "mapping.subtract=digital", "mapping.off_current=reference_column", NULL } },
    { "digital, off-current left in", { "mapping.subtract=digital", "mapping.off_current=none", NULL } },
    { "digital, open cells", { "mapping.subtract=digital", "mapping.unused_cell=open", NULL } },
    { "offset, popcount", { "mapping.sign=offset", NULL } },
    { "offset, reference, columns", { "mapping.sign=offset", "mapping.off_current=reference_column",
                                      "mapping.slices=columns", NULL } },
    { "two's complement", { "mapping.sign=twos_complement", NULL } },
    { "two's complement, none", { "mapping.sign=twos_complement", "mapping.off_current=none", NULL } },
};
