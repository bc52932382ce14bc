/* The circuit stage against another way to the same numbers: every array of a layer built cell by cell, solved by
 * CHOLMOD for the voltages that its real inputs make, and read by the converter chain in float64.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdlib.h>
#include <string.h>
#include "chain.h"
#include "engine_private.h"
#include "tap.h"
#include "xo_solver.h"

/* ---- every array, solved -------------------------------------------------------------------------------- */

struct arrays {
    struct chain chain;
    size_t tiles, columns, inputs;     /* inputs: positions * streams */
    double *solved, *matrix;
};

/* What each input puts on the rows of a row tile, or on their gates; then 1 V on one row at a time; then nothing. */
static double *volts_of(const struct chain *c, size_t row_tile, size_t inputs, double unit)
{
    double *volt = calloc((inputs + c->rows + 1) * c->rows, sizeof *volt);
    for (size_t n = 0; n < inputs; n++)
        for (size_t i = 0; i < c->rows && row_tile * c->rows + i < c->K; i++)
            volt[n * c->rows + i] = chain_volt(c, chain_input_digit(c, n / (size_t)c->streams, row_tile * c->rows + i,
                                                                    (int)(n % (size_t)c->streams))) / unit;
    for (size_t i = 0; i < c->rows; i++)
        volt[(inputs + i) * c->rows + i] = 1;
    return volt;
}

static int solve_tile(struct arrays *a, const xo_plan *plan, size_t tile, double unit, struct xo_info *info)
{
    struct chain *c = &a->chain;
    size_t plane = tile % chain_planes(c), block = tile / chain_planes(c), all = a->inputs + c->rows + 1;
    double *cell = calloc(c->rows * a->columns, sizeof *cell), *amp = calloc(all * a->columns, sizeof *amp);
    double *volt = volts_of(c, block / c->column_tiles, a->inputs, unit);
    struct xo_solution s = { .column_amp = amp };
    xo_factor *f = NULL;
    for (size_t k = 0; k < c->rows * a->columns; k++)
        cell[k] = chain_siemens(c, block / c->column_tiles, block % c->column_tiles, plane, k / a->columns,
                                k % a->columns);
    int status = xo_factor_new(&f, plan, cell, info);
    if (!status)
        status = xo_solve(f, all, volt, &s, info);
    memcpy(a->solved + tile * a->inputs * a->columns, amp, a->inputs * a->columns * sizeof *amp);
    for (size_t k = 0; k < c->rows * a->columns; k++)
        a->matrix[tile * c->rows * a->columns + k] = amp[a->inputs * a->columns + k] -
                                                     amp[(all - 1) * a->columns + k % a->columns];
    xo_factor_free(f);
    free(cell);
    free(amp);
    free(volt);
    return status;
}

static int arrays_new(struct arrays *a, const struct one_layer *o, struct xo_info *info)
{
    const struct xo_options options = { .engine = XO_ENGINE_CHOLMOD };
    struct xo_crossbar x = o->hardware.array;
    xo_circuit *circuit = NULL;
    xo_plan *plan = NULL;
    *a = (struct arrays){ .columns = x.columns };
    chain_new(&a->chain, o);
    a->tiles = a->chain.row_tiles * a->chain.column_tiles * chain_planes(&a->chain);
    a->inputs = a->chain.positions * (size_t)a->chain.streams;
    a->solved = calloc(a->tiles * a->inputs * x.columns, sizeof(double));
    a->matrix = calloc(a->tiles * x.rows * x.columns, sizeof(double));
    x.driver_ohm.all += o->hardware.dac.output_ohm;
    int status = xo_circuit_new(&circuit, &x, info);
    if (!status)
        status = xo_plan_new(&plan, circuit, &options, info);
    for (size_t tile = 0; tile < a->tiles && !status; tile++)
        status = solve_tile(a, plan, tile, x.input == XO_INPUT_GATE ? o->hardware.dac.read_volt : 1, info);
    xo_plan_free(plan);
    xo_circuit_free(circuit);
    a->chain.solved = a->solved;
    a->chain.matrix = a->matrix;
    return status;
}

static void arrays_free(struct arrays *a)
{
    chain_free(&a->chain);
    free(a->solved);
    free(a->matrix);
}

/* ---- currents -------------------------------------------------------------------------------------------- */

static double column_amp(const struct arrays *a, size_t tile, size_t input, size_t column)
{
    return a->solved[(tile * a->inputs + input) * a->columns + column];
}

/* What lane's current should be [A]. */
static double lane_amp(const struct arrays *a, const struct xo_array_layer *l, const struct xo_lane *lane,
                       size_t input)
{
    const struct xo_conversion *q = &l->layout.conversion[lane->conversion % l->layout.conversions];
    size_t first = lane->conversion / l->layout.conversions * l->layout.planes;
    double amp = column_amp(a, first + q->plane, input, q->column);
    return q->minus_plane == XO_NONE ? amp : amp - column_amp(a, first + q->minus_plane, input, q->minus_column);
}

static int compare_strip(const struct arrays *a, xo_engine_thread *t, const struct xo_array_layer *l,
                         const struct xo_row_block *r, const struct xo_strip *s, const struct xo_rows *rows,
                         double *error, double *scale)
{
    double *current;
    int status = xo_currents(&current, t, l, &l->array, r, s, rows, NULL);
    for (size_t n = 0; n < rows->d.rows && !status; n++)
        for (size_t j = 0; j < XO_STRIP; j++) {
            if (j % XO_HALF >= s->half[j / XO_HALF].count)
                continue;
            double want = lane_amp(a, l, &s->lane[j], n);
            *error = fmax(*error, fabs(current[n * XO_STRIP + j] * l->unit_ampere - want));
            *scale = fmax(*scale, fabs(want));
        }
    return status;
}

/* Largest difference over the largest current. */
static double current_error(const struct arrays *a, const xo_engine_dnn *e, xo_engine_thread *t)
{
    const struct xo_array_layer *l = &e->layer[0];
    const struct xo_bank *bank = &l->array.bank[0];
    double error = 0, scale = 0;
    int status = 0;
    for (size_t n = 0; n < bank->rows && !status; n++) {
        const struct xo_row_block *r = &bank->row[n];
        uint16_t *digit = calloc(a->inputs * r->inputs, sizeof *digit);
        struct xo_rows rows;
        for (size_t k = 0; k < a->inputs * r->inputs; k++) {
            size_t input = k / r->inputs, streams = (size_t)a->chain.streams;
            digit[k] = (uint16_t)chain_input_digit(&a->chain, input / streams, r->first + k % r->inputs,
                                                   (int)(input % streams));
        }
        status = xo_rows_of_digits(&rows, t, l, &l->array, r, a->inputs, digit);
        for (size_t k = 0; k < r->strips + r->references && !status; k++)
            status = compare_strip(a, t, l, r, k < r->strips ? &r->strip[k] : &r->reference[k - r->strips], &rows,
                                   &error, &scale);
        free(digit);
    }
    return status || scale == 0 ? NAN : error / scale;
}

/* ---- NF and flips ------------------------------------------------------------------------------------------ */

/* Currents of a column for the digits of image 0, the only one of these few that is sampled, less i0. */
static double column_nf(const struct arrays *a, size_t tile, size_t column)
{
    const struct chain *c = &a->chain;
    size_t planes = chain_planes(c), row_tile = tile / planes / c->column_tiles;
    double ideal = 0, real = 0;
    for (size_t i = 0; i < c->rows && row_tile * c->rows + i < c->K; i++)
        for (int t = 0; t < c->streams; t++) {
            double digit = chain_input_digit(c, 0, row_tile * c->rows + i, t);
            ideal += digit * chain_siemens(c, row_tile, tile / planes % c->column_tiles, tile % planes, i, column);
            real += digit * a->matrix[(tile * c->rows + i) * a->columns + column];
        }
    return ideal > 0 ? (ideal - real) / ideal : NAN;
}

static double mean_nf(const struct arrays *a, const struct xo_array_layer *l)
{
    double sum = 0, count = 0;
    for (size_t q = 0; q < l->blocks * l->layout.conversions; q++) {
        const struct xo_conversion *c = &l->layout.conversion[q % l->layout.conversions];
        size_t block = q / l->layout.conversions, first = block * l->layout.planes;
        if (c->output != XO_NONE
            && block % a->chain.column_tiles * a->chain.outputs_per_tile + c->output >= a->chain.P)
            continue;
        for (int side = 0; side < (c->minus_plane == XO_NONE ? 1 : 2); side++) {
            double nf = column_nf(a, first + (side ? c->minus_plane : c->plane), side ? c->minus_column : c->column);
            sum += isnan(nf) ? 0 : nf;
            count += !isnan(nf);
        }
    }
    return sum / count;
}

/* Codes of image 0 that the wires change, and how many lie too near to an edge to tell. */
static double flips(struct arrays *a, double *unsure)
{
    struct chain *c = &a->chain;
    double count = 0, step, edge[2];
    *unsure = 0;
    for (size_t r = 0; r < c->row_tiles; r++)
        for (size_t j = 0; j < c->P; j++)
            for (int kind = 0; kind < c->kinds; kind++)
                for (int t = 0; t < c->streams; t++) {
                    struct where w = chain_where(c, r, j, kind);
                    double code = chain_code(c, w, chain_current(c, w, 0, t), &step, &edge[0]);
                    c->solved = NULL;
                    count += code != chain_code(c, w, chain_current(c, w, 0, t), &step, &edge[1]);
                    c->solved = a->solved;
                    *unsure += edge[0] < 0.002 || edge[1] < 0.002;
                }
    return count;
}

/* ---- one setting ---------------------------------------------------------------------------------------------- */

static const struct one_layer dense = { .images = 3, .channels = 52, .outputs = 13, .seed = 11 };
static const struct one_layer single = { .images = 1, .channels = 70, .outputs = 13, .seed = 12 };  /* for gains */

#define SETTINGS 24
static void join(const char **set, const char *const *a, const char *const *b)
{
    while (*a)
        *set++ = *a++;
    while (b && *b)
        *set++ = *b++;
    *set = NULL;
}

/* Calibrated ranges are as exact as the currents; the chain goes on with theirs. */
static bool take_ranges(struct chain *c, const struct xo_layer_sheet *s)
{
    bool near = fabs(s->lsb_ampere / c->lsb[0] - 1) < 1e-5
                && fabs(s->low_ampere - c->low[0]) < 1e-5 * fabs(c->low[0]) + 1.01 * s->lsb_ampere;
    c->lsb[0] = s->lsb_ampere;
    c->low[0] = s->low_ampere;
    return near;
}

struct findings {
    int status;
    double error, nf, want_nf, flips, want_flips, unsure;
    bool ranges;
    struct outcome out;
};

static struct findings examine(struct one_layer o, const char *const *set)
{
    const struct xo_programming how = { .threads = 2 };
    xo_engine_dnn *base = NULL, *e = NULL;
    xo_engine_thread *t = NULL;
    struct findings f = { .ranges = true };
    struct xo_layer_counts count;
    struct xo_layer_sheet sheet;
    struct xo_info info = { "" };
    struct arrays a;
    f.status = one_layer_new(&o, set);
    if (!f.status)
        f.status = one_layer_engine(&base, &o, &info);
    if (!f.status)
        f.status = one_layer_program(&e, &o, base, &how, &info);
    if (!f.status)
        f.status = xo_engine_thread_new(&t, e, XO_STAGE_CIRCUIT, &info);
    if (!f.status)
        f.status = arrays_new(&a, &o, &info);
    if (f.status) {
        printf("# status %d: %s\n", f.status, info.text);
        return f;
    }
    xo_engine_sheet(e, 0, &sheet);
    chain_set_converters(&a.chain);
    if (o.hardware.adc.range == XO_ADC_CALIBRATED && o.hardware.gain.where == XO_GAIN_DIGITAL)
        f.ranges = take_ranges(&a.chain, &sheet);
    a.chain.least_edge = 0.001;        /* 4e-6 of full scale in an 8-bit code */
    a.chain.gain_error_rel = 2e-6;
    f.error = current_error(&a, e, t);
    f.nf = sheet.loss.nf_mean;
    f.want_nf = mean_nf(&a, &e->layer[0]);
    f.want_flips = flips(&a, &f.unsure);
    f.status = one_layer_run(&o, e, XO_STAGE_CIRCUIT, 3, &count, &info);
    f.flips = (double)count.flipped;
    chain_judge(&f.out, &a.chain, "circuit");
    arrays_free(&a);
    xo_engine_thread_free(t);
    xo_engine_dnn_free(e);
    xo_engine_dnn_free(base);
    one_layer_free(&o);
    return f;
}

static void check(struct one_layer o, const char *name, const char *const *base, const char *const *more)
{
    const char *set[SETTINGS];
    join(set, base, more);
    struct findings f = examine(o, set);
    printf("# currents within %.2g; NF %g and %g; flips %g and %g +- %g; %zu of %zu results without a code at an "
           "edge\n", f.error, f.nf, f.want_nf, f.flips, f.want_flips, f.unsure, f.out.certain, f.out.results);
    tap_ok(!f.status && f.error < 1e-5, "%s: currents within 1e-5 of full scale", name);
    tap_ok(!f.status && f.ranges && !f.out.wrong && 4 * f.out.certain >= f.out.results, "%s: the chain's results",
           name);
    if (!strstr(name, "gated"))        /* there NF is that of an input with every gate on */
        tap_ok(!f.status && fabs(f.nf - f.want_nf) < 1e-5, "%s: NF", name);
    if (!strstr(name, "reference"))
        tap_ok(!f.status && fabs(f.flips - f.want_flips) <= f.unsure && f.flips > 0, "%s: flipped codes", name);
}

/* ---- settings -------------------------------------------------------------------------------------------------- */

#define ARRAY "array.rows=32", "array.columns=24", "array.row_wire_ohm=5", "array.column_wire_ohm=10", \
              "device.on_siemens=5e-5", "device.off_siemens=5e-6", "mapping.input_bits=4", "dac.output_ohm=30"
static const char *const no_gain[] = { ARRAY, "gain.scope=none", NULL };

static void every_way(void)
{
    struct one_layer both = dense;
    both.is_signed = 1;
    for (int w = 0; w < CHAIN_WAYS; w++)
        check(w % 2 ? dense : both, chain_way[w].name, no_gain, chain_way[w].set);
}

/* Every read an array of its own: none of these has a matrix. */
static void gates(void)
{
    static const struct way column[] = {
        { "gated columns", { "array.topology=source_column", "device.transistor_ohm=2000", "array.source_wire_ohm=30",
                             NULL } },
        { "gated columns, offset, popcount", { "array.topology=source_column", "mapping.sign=offset",
                                               "array.column_wire_ohm=40", NULL } },
        { "gated columns, pairs in columns", { "array.topology=source_column", "mapping.pair=columns", NULL } },
        { "gated columns read at the top, faults", {
            "array.topology=source_column", "array.source_side=top", "array.sense_side=top",
            "array.faults={stuck: [[1, 2, 1e-4]], open_bit_segments: [[7, 3]], open_cells: [[4, 4]]}" } },
        { "gated columns, lines by themselves", {
            "array.topology=source_column",
            "array.lines={word: {5: gated}, bit: {4: floating, 7: {hold_volt: 0.05}}}", "mapping.subtract=digital",
            NULL } },
        { "gated columns, ends at two sides", { "array.topology=source_column", "array.source_side=top",
                                                "array.source_wire_ohm=20", "device.transistor_ohm=500", NULL } },
        { "gated columns, ends at two sides, offset", { "array.topology=source_column", "array.sense_side=top",
                                                        "mapping.sign=offset", "array.source_end_ohm=0", NULL } },
        { "gated plane, reference column", { "array.topology=plane", "mapping.subtract=digital",
                                             "mapping.off_current=reference_column", NULL } },
    };
    for (size_t k = 0; k < sizeof column / sizeof *column; k++)
        check(k % 2 ? dense : (struct one_layer){ .images = 3, .channels = 52, .outputs = 13, .seed = 11,
                                                  .is_signed = 1 },
              column[k].name, no_gain, column[k].set);
}

static void circuits(void)
{
    static const struct way circuit[] = {
        { "both sides driven and sensed", { "array.drive_side=both", "array.sense_side=both", NULL } },
        { "lines floating, grounded and held", {
            "array.lines={word: {3: floating, 7: grounded, 9: {hold_volt: 0.05}}, bit: {23: {hold_volt: 0.1}}}",
            NULL } },
        { "sense terminals at 20 mV", { "array.sense_volt=0.02", "mapping.subtract=digital", NULL } },
        { "faults and series resistance", { "array.faults={stuck: [[1, 2, 1e-4]], open_bit_segments: [[7, 3]]}",
                                            "device.series_ohm=2000", NULL } },
        { "wires of 0 ohm, drivers of 1 kohm", { "array.row_wire_ohm=0", "array.column_wire_ohm=0",
                                                 "array.driver_ohm=1000", NULL } },
        { "2-bit DAC with offset", { "dac.bits=2", "dac.offset_volt=0.01", "adc.range=full", NULL } },
        { "8-bit DAC, 12-bit full ADC", { "dac.bits=8", "adc.bits=12", "adc.range=full", NULL } },
    };
    for (size_t k = 0; k < sizeof circuit / sizeof *circuit; k++)
        check(dense, circuit[k].name, no_gain, circuit[k].set);
}

static void gains(void)
{
    static const char *const base[] = { ARRAY, "dac.bits=4", NULL };
    static const struct way gain[] = {
        { "gain of arrays, measured", { "gain.scope=array", NULL } },
        { "gain of columns, measured", { "gain.scope=column", NULL } },
        { "gain of arrays, oracle", { "gain.scope=array", "gain.source=oracle", NULL } },
        { "gain of columns, oracle", { "gain.scope=column", "gain.source=oracle", NULL } },
        { "gain of columns in the reference, oracle", { "gain.scope=column", "gain.source=oracle",
                                                        "gain.where=reference", "adc.range=full" } },
    };
    for (size_t k = 0; k < sizeof gain / sizeof *gain; k++)
        for (int w = 0; w < 3; w += 2) {
            const char *set[SETTINGS];
            char name[100];
            join(set, base, chain_way[w].set);
            snprintf(name, sizeof name, "%s, %s", chain_way[w].name, gain[k].name);
            const char *more[6] = { gain[k].set[0], gain[k].set[1], gain[k].set[2], gain[k].set[3], NULL };
            check(single, name, set, more);
        }
}

/* ---- without wires; threads ------------------------------------------------------------------------------------ */

static int same_bytes(const char *const *set, bool wires, struct xo_programming a, struct xo_programming b,
                      bool converters)
{
    struct one_layer o = { .images = 40, .channels = 52, .outputs = 21, .seed = 4, .is_signed = 1 };
    xo_engine_dnn *base = NULL, *e[2] = { NULL };
    struct xo_info info = { "" };
    struct xo_layer_counts count[2];
    float *y = NULL;
    int status = one_layer_new(&o, set);
    if (!wires)
        one_layer_without_wires(&o);
    if (!status)
        status = one_layer_engine(&base, &o, &info) || one_layer_program(&e[0], &o, base, &a, &info) ||
                 one_layer_program(&e[1], &o, base, &b, &info) ||
                 one_layer_run(&o, e[0], XO_STAGE_CIRCUIT, 8, &count[0], &info);
    size_t nbytes = one_layer_results(&o) * sizeof *y;
    y = malloc(nbytes);
    memcpy(y, o.y, nbytes);
    if (!status)
        status = converters ? one_layer_run(&o, base, XO_STAGE_CONVERTERS, 8, &count[1], &info)
                            : one_layer_run(&o, e[1], XO_STAGE_CIRCUIT, 8, &count[1], &info);
    if (status)
        printf("# status %d: %s\n", status, info.text);
    int same = status ? -1 : !memcmp(y, o.y, nbytes) && !memcmp(&count[0], &count[1], sizeof count[0]);
    free(y);
    for (int k = 0; k < 2; k++)
        xo_engine_dnn_free(e[k]);
    xo_engine_dnn_free(base);
    one_layer_free(&o);
    return same;
}

static void without_wires(void)
{
    static const char *const base[] = { "array.rows=32", "array.columns=24", "device.variation.sigma=0.1", NULL };
    static const char *const gain[][3] = { { NULL }, { "gain.scope=column", "adc.range_scope=tile", NULL },
                                           { "gain.source=oracle", "adc.noise_lsb=0.5", NULL } };
    const struct xo_programming plain = { .threads = 1 };
    for (int w = 0; w < CHAIN_WAYS; w++) {
        const char *one[SETTINGS], *set[SETTINGS];
        join(one, base, chain_way[w].set);
        join(set, one, gain[w % 3]);
        tap_ok(same_bytes(set, false, plain, plain, true) == 1, "%s: without wires, the converter stage bit for bit",
               chain_way[w].name);
        if (w < 3)
            tap_ok(same_bytes(set, true, plain, plain, true) == 0, "%s: with them, other results", chain_way[w].name);
    }
}

static void threads_and_instances(void)
{
    static const char *const set[] = { "array.rows=32", "array.columns=24", "device.variation.sigma=0.1",
                                       "dac.noise_volt=0.01", NULL };
    static const char *const other[] = { "array.rows=32", "array.columns=24", NULL };
    struct xo_programming one = { .threads = 1, .varies = true, .instance = 7 }, three = one;
    struct xo_programming next = one, steady = one;
    three.threads = 3;
    next.instance = 8;
    steady.varies = false;
    tap_ok(same_bytes(set, true, one, three, false) == 1, "three threads program the same arrays as one");
    tap_ok(same_bytes(set, true, one, next, false) == 0, "another instance, other arrays");
    tap_ok(same_bytes(set, true, one, steady, false) == 0, "stage circuit does not vary");
    tap_ok(same_bytes(set, false, one, one, true) == 0, "variation alone makes a circuit");
    tap_ok(same_bytes(other, true, one, steady, false) == 1, "where nothing varies, instances are alike");
}

int main(void)
{
    every_way();
    circuits();
    gates();
    gains();
    without_wires();
    threads_and_instances();
    return tap_done();
}
