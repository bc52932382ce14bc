/* What arrays multiply by: without wires the integers themselves, for every way to store them; with wires what
 * certified currents for one input at a time decode to; and layers with such weights compute what arrays do: in stage
 * analog whatever converters are like, in stage circuit where they hardly count.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdint.h>
#include "effective.h"
#include "one-layer.h"
#include "tap.h"
#include "xo_solver.h"

static const struct one_layer gemm = { .images = 12, .channels = 70, .outputs = 20, .is_signed = 1, .seed = 21 };
static const struct one_layer conv = { .images = 3, .channels = 4, .height = 6, .width = 5, .groups = 2, .outputs = 3,
                                       .kernel = { 3, 2 }, .pad = { 1, 0, 2, 1 }, .is_convolution = 1, .seed = 22 };
static const struct one_layer depthwise = { .images = 2, .channels = 9, .height = 5, .width = 5, .groups = 9,
                                            .outputs = 1, .kernel = { 3, 3 }, .pad = { 1, 1, 1, 1 },
                                            .is_convolution = 1, .seed = 23 };

#define TILE "array.rows=32", "array.columns=24"
#define NO_WIRES "array.row_wire_ohm=0", "array.column_wire_ohm=0", "array.driver_ohm=0", "array.sense_ohm=0"
#define WIRES "array.row_wire_ohm=5", "array.column_wire_ohm=7", "array.driver_ohm=100", "array.sense_ohm=150", \
              "dac.output_ohm=30"

struct set_up {
    struct one_layer o;
    xo_engine_dnn *e;
    const struct xo_array_layer *l;
    struct xo_info info;
};

/* room: of input ranges, over what inputs take: nothing is clipped from 1 on, whatever wires do. */
static int set_up_with(struct set_up *s, struct one_layer model, double room, const char *const *settings)
{
    *s = (struct set_up){ .o = model };
    int status = one_layer_new(&s->o, settings);
    s->o.range.low *= room;
    s->o.range.high *= room;
    if (!status)
        status = one_layer_engine(&s->e, &s->o, &s->info);
    if (status)
        printf("# status %d: %s\n", status, s->info.text);
    else
        s->l = &s->e->layer[0];
    return status;
}

static int set_up(struct set_up *s, struct one_layer model, const char *const *settings)
{
    return set_up_with(s, model, 1.25, settings);
}

static void take_down(struct set_up *s)
{
    xo_engine_dnn_free(s->e);
    one_layer_free(&s->o);
}

/* ---- without wires ---------------------------------------------------------------------------------- */

static int gives_integers_back(const struct one_layer *model, const char *const *settings)
{
    struct set_up s;
    int status = set_up(&s, *model, settings), same = !status;
    for (size_t k = 0; same && k < s.l->codes.matrices; k++) {
        const struct xo_code_matrix *m = &s.l->codes.matrix[k];
        double *sum = calloc(m->inputs * m->outputs, sizeof *sum);
        status = xo_effective_sums(sum, s.l, k, 2, &s.info);
        for (size_t n = 0; n < m->inputs * m->outputs; n++)
            same &= sum[n] == xo_code_at(m, n / m->outputs, n % m->outputs);
        free(sum);
    }
    take_down(&s);
    return !status && same;
}

static void integers_come_back(void)
{
    static const char *const setting[][3] = {
        { "mapping.sign=differential", NULL }, { "mapping.subtract=digital", NULL }, { "mapping.pair=columns", NULL },
        { "mapping.slices=columns", NULL }, { "mapping.sign=offset", NULL }, { "mapping.sign=twos_complement", NULL },
        { "mapping.sign=offset", "mapping.off_current=reference_column", NULL },
        { "mapping.sign=twos_complement", "mapping.unused_cell=open", NULL } };
    for (size_t k = 0; k < sizeof setting / sizeof *setting; k++) {
        const char *const all[] = { TILE, NO_WIRES, "gain.scope=none", setting[k][0], setting[k][1], NULL };
        const struct one_layer *model[] = { &gemm, &conv, &depthwise };
        for (int m = 0; m < 3; m++)
            tap_ok(gives_integers_back(model[m], all), "no wires, %s: layer of kind %d multiplies by its integers",
                   setting[k][1] ? setting[k][1] : setting[k][0], m);
    }
}

/* ---- with wires: certified currents, one input at a time ------------------------------------------- */

static int32_t digit_of(int32_t q, int slice, int minus, int offset)
{
    int32_t stored = offset ? q + 128 : minus ? (q < 0 ? -q : 0) : q > 0 ? q : 0;
    return stored >> 2 * slice & 3;
}

/* One array of 32 x 24: inputs from `first`, 24 outputs from 0; I/(V step) for each row by itself. */
static int basis_currents(double *out, const struct set_up *s, size_t first, int slice, int minus, int offset)
{
    const struct xo_code_matrix *m = &s->l->codes.matrix[0];
    const struct xo_hardware *h = &s->o.hardware;
    double step = (h->device.on_siemens - h->device.off_siemens) / 3, *g = calloc(32 * 24, sizeof *g);
    double *volt = calloc(32 * 32, sizeof *volt), *amp = calloc(32 * 24, sizeof *amp);
    struct xo_crossbar x = h->array;
    struct xo_solution solution = { .column_amp = amp };
    const struct xo_options options = { .engine = XO_ENGINE_CHOLMOD };
    xo_circuit *circuit = NULL;
    xo_plan *plan = NULL;
    xo_factor *factor = NULL;
    struct xo_info info = { "" };
    x.driver_ohm.all += h->dac.output_ohm;
    for (size_t k = 0; k < 32 * 24; k++) {
        size_t i = first + k / 24, j = k % 24;
        g[k] = h->device.off_siemens;
        if (i < m->inputs && j < m->outputs)
            g[k] += step * digit_of(xo_code_at(m, i, j), slice, minus, offset);
    }
    for (size_t i = 0; i < 32; i++)
        volt[i * 32 + i] = h->dac.read_volt;
    int status = xo_circuit_new(&circuit, &x, &info) || xo_plan_new(&plan, circuit, &options, &info) ||
                 xo_factor_new(&factor, plan, g, &info) || xo_solve(factor, 32, volt, &solution, &info);
    for (size_t k = 0; k < 32 * 24; k++)
        out[k] = amp[k] / (h->dac.read_volt * step);
    xo_factor_free(factor);
    xo_plan_free(plan);
    xo_circuit_free(circuit);
    free(g);
    free(volt);
    free(amp);
    return status;
}

static void agrees_with_currents(int offset)
{
    const char *const settings[] = { TILE, WIRES, "gain.scope=none",
                                     offset ? "mapping.sign=offset" : "mapping.sign=differential", NULL };
    struct set_up s;
    int status = set_up(&s, gemm, settings);
    const struct xo_code_matrix *m = status ? NULL : &s.l->codes.matrix[0];
    double *sum = calloc(70 * 20, sizeof *sum), *part = calloc(32 * 24, sizeof *part), worst = 0, moved = 0;
    double *want = calloc(70 * 20, sizeof *want), off = 3 * s.o.hardware.device.off_siemens /
                   (s.o.hardware.device.on_siemens - s.o.hardware.device.off_siemens);
    if (!status)
        status = xo_effective_sums(sum, s.l, 0, 1, &s.info);
    for (size_t first = 0; first < 70 && !status; first += 32)
        for (int slice = 0; slice < 4; slice++)
            for (int minus = 0; minus < (offset ? 1 : 2) && !status; minus++) {
                status = basis_currents(part, &s, first, slice, minus, offset);
                for (size_t k = 0; k < 32 * 24; k++)
                    if (first + k / 24 < 70 && k % 24 < 20)
                        want[(first + k / 24) * 20 + k % 24] += (minus ? -1 : 1) * (1 << 2 * slice) *
                                                                (part[k] - (offset ? off : 0));
            }
    for (size_t k = 0; k < 70 * 20 && !status; k++) {
        want[k] -= offset ? 128 : 0;
        worst = fmax(worst, fabs(sum[k] - want[k]));
        moved = fmax(moved, fabs(sum[k] - xo_code_at(m, k / 20, k % 20)));
    }
    printf("# worst difference %.2g steps, wires move up to %.2g\n", worst, moved);
    tap_ok(!status && worst < 1e-10 && moved > 0.5, "with wires, %s: certified currents for one input at a time "
           "decode to the same", settings[sizeof settings / sizeof *settings - 2]);
    free(sum);
    free(part);
    free(want);
    take_down(&s);
}

/* ---- layers as weights ------------------------------------------------------------------------------ */

/* Output of one position by definition, x as DequantizeLinear or the test gives it. */
static double output_of(const struct one_layer *o, const struct xo_effective *e, size_t image, size_t channel,
                        size_t at)
{
    size_t per_group = o->channels / e->groups, group = channel / e->outputs, i = group * e->inputs;
    const struct xo_model_integers *own = &o->layer.integers;
    double sum = (double)e->bias[channel];
    for (size_t c = group * per_group; c < (group + 1) * per_group; c++)
        for (size_t ky = 0; ky < o->kernel[0]; ky++)
            for (size_t kx = 0; kx < o->kernel[1]; kx++, i++) {
                size_t y = at / o->out_width * o->stride[0] + ky * o->dilation[0] - o->pad[0];
                size_t x = at % o->out_width * o->stride[1] + kx * o->dilation[1] - o->pad[1];
                size_t pixel = ((image * o->channels + c) * o->height + y) * o->width + x;
                if (y >= o->height || x >= o->width)
                    continue;
                double value = !o->own ? (double)o->x[pixel] : (double)own->input_scale *
                               ((o->own == 1 ? o->own_x[pixel] : (int8_t)o->own_x[pixel]) - own->input_zero);
                sum += (double)e->weight[i * e->outputs + channel % e->outputs] * value;
            }
    return sum;
}

static void computes_the_same(const char *name, struct one_layer model, const char *const *settings, size_t groups)
{
    struct set_up s;
    struct xo_effective e = { 0 };
    double worst = 0, most = 0;
    int status = set_up(&s, model, settings);
    if (!status)
        status = xo_effective_new(&e, s.l, 1, &s.info) ||
                 one_layer_run(&s.o, s.e, XO_STAGE_QUANTISED, 2, NULL, &s.info);
    size_t positions = s.o.out_height * s.o.out_width, channels = s.o.groups * s.o.outputs;
    for (size_t k = 0; k < one_layer_results(&s.o) && !status; k++) {
        double want = output_of(&s.o, &e, k / positions / channels, k / positions % channels, k % positions);
        worst = fmax(worst, fabs(want - (double)s.o.y[k]));
        most = fmax(most, fabs(want));
    }
    printf("# worst %.2g of %.2g, %zu groups\n", worst, most, e.groups);
    tap_ok(!status && worst < 1e-4 * most && e.groups == groups, "%s: such weights and a bias compute what arrays "
           "without converters do", name);
    xo_effective_free(&e);
    take_down(&s);
}

static void layers_compute_the_same(void)
{
    static const char *const fine[] = { TILE, NO_WIRES, "gain.scope=none", "mapping.input_bits=16", NULL };
    static const char *const own[] = { TILE, NO_WIRES, "gain.scope=none", NULL };
    struct one_layer o = conv;
    computes_the_same("a Gemm", gemm, fine, 1);
    computes_the_same("a grouped convolution", conv, fine, 2);
    computes_the_same("a depthwise convolution", depthwise, fine, 9);
    for (o.own = 1; o.own <= 2; o.own++)
        computes_the_same(o.own == 1 ? "int8 weights of the model's own, uint8 inputs" : "uint8 weights, int8 inputs",
                          o, own, 2);
}

/* Sneak paths join the channels of a depthwise convolution: one dense matrix, whose blocks are nearly the groups'. */
static void wires_couple_channels(void)
{
    static const char *const settings[] = { TILE, WIRES, "gain.scope=none", NULL };
    struct set_up s;
    struct xo_effective e = { 0 };
    int status = set_up(&s, depthwise, settings);
    double within = 0, across = 0;
    if (!status)
        status = xo_effective_new(&e, s.l, 1, &s.info);
    for (size_t k = 0; k < 81 * 9 && !status; k++) {
        double w = fabs((double)e.weight[k]);
        if (k / 9 / 9 == k % 9)
            within = fmax(within, w);
        else
            across = fmax(across, w);
    }
    printf("# largest weight within a channel %.3g, across %.3g\n", within, across);
    tap_ok(!status && e.groups == 1 && e.inputs == 81 && e.outputs == 9 && across > 0 && across < 0.05 * within,
           "wires couple the channels of a depthwise convolution: it becomes dense");
    xo_effective_free(&e);
    take_down(&s);
}

/* A converter so fine that it hardly counts: one slice, inputs in two parts, 24 bits. */
static void is_the_circuit_stage(const struct one_layer *model, const char *a, const char *b, const char *c)
{
    const char *const settings[] = { TILE, WIRES, "mapping.input_bits=16", "dac.bits=8", "device.bits_per_cell=8",
                                     "adc.bits=24", "adc.range=full", a, b, c, NULL };
    const struct xo_programming how = { .threads = 1, .varies = true, .instance = 3 };
    struct set_up s;
    struct xo_effective e = { 0 };
    xo_engine_dnn *programmed = NULL;
    double worst = 0, least = INFINITY, most = -INFINITY;
    int status = set_up(&s, *model, settings);
    if (!status)
        status = one_layer_program(&programmed, &s.o, s.e, &how, &s.info);
    if (!status)
        status = xo_effective_new(&e, &programmed->layer[0], 1, &s.info) ||
                 one_layer_run(&s.o, programmed, XO_STAGE_CIRCUIT, 2, NULL, &s.info);
    size_t positions = s.o.out_height * s.o.out_width, channels = s.o.groups * s.o.outputs;
    for (size_t k = 0; k < one_layer_results(&s.o) && !status; k++) {
        double want = output_of(&s.o, &e, k / positions / channels, k / positions % channels, k % positions);
        worst = fmax(worst, fabs(want - (double)s.o.y[k]));
        least = fmin(least, want);
        most = fmax(most, want);
    }
    printf("# worst %.2g of a range of %.3g\n", worst, most - least);
    tap_ok(!status && worst < 1e-4 * (most - least), "circuit stage, fine converters, %s%s%s: results as with such "
           "weights", a, b ? ", " : "", b ? b : "");
    xo_effective_free(&e);
    xo_engine_dnn_free(programmed);
    take_down(&s);
}

static void circuits_compute_the_same(void)
{
    is_the_circuit_stage(&gemm, "gain.scope=none", NULL, NULL);
    is_the_circuit_stage(&gemm, "gain.scope=array", NULL, NULL);
    is_the_circuit_stage(&gemm, "gain.scope=column", "mapping.subtract=digital", NULL);
    is_the_circuit_stage(&gemm, "gain.scope=column", "gain.where=reference", NULL);
    is_the_circuit_stage(&gemm, "gain.scope=column", "mapping.sign=offset", NULL);
    is_the_circuit_stage(&gemm, "gain.scope=column", "mapping.off_current=reference_column", "mapping.sign=offset");
    is_the_circuit_stage(&gemm, "gain.scope=none", "mapping.off_current=none", "mapping.sign=offset");
    is_the_circuit_stage(&gemm, "mapping.sign=twos_complement", "mapping.unused_cell=open", NULL);
    is_the_circuit_stage(&gemm, "device.variation.sigma=0.1", "device.faults.stuck_on_rate=0.02", NULL);
    is_the_circuit_stage(&conv, "gain.scope=array", NULL, NULL);
    is_the_circuit_stage(&depthwise, "gain.scope=array", NULL, NULL);
}

/* ---- the stage without converters ------------------------------------------------------------------- */

static double farthest(double *range, const struct one_layer *o, const struct xo_effective *e)
{
    size_t positions = o->out_height * o->out_width, channels = o->groups * o->outputs;
    double worst = 0, least = INFINITY, most = -INFINITY;
    for (size_t k = 0; k < one_layer_results(o); k++) {
        double want = output_of(o, e, k / positions / channels, k / positions % channels, k % positions);
        worst = fmax(worst, fabs(want - (double)o->y[k]));
        least = fmin(least, want);
        most = fmax(most, want);
    }
    *range = most - least;
    return worst;
}

/* DACs that are off, ADCs of 4 bits, inputs beyond their range: all of that counts in stage circuit alone. */
static void is_the_analog_stage(const char *name, const struct one_layer *model, const char *a, const char *b,
                                const char *c)
{
    const char *const settings[] = { TILE, WIRES, "adc.bits=4", "dac.offset_volt=0.004", "dac.gain_error=0.03",
                                     "dac.noise_volt=0.002", a, b, c, NULL };
    const struct xo_programming how = { .threads = 1, .varies = true, .instance = 3 };
    struct set_up s;
    struct xo_effective e = { 0 };
    struct xo_layer_counts count = { 0 };
    xo_engine_dnn *programmed = NULL;
    double worst = 0, range = 0, circuit = 0;
    int status = set_up_with(&s, *model, 0.5, settings);
    if (!status)
        status = one_layer_program(&programmed, &s.o, s.e, &how, &s.info);
    if (!status)
        status = xo_effective_new(&e, &programmed->layer[0], 1, &s.info) ||
                 one_layer_run(&s.o, programmed, XO_STAGE_CIRCUIT, 2, NULL, &s.info);
    circuit = status ? 0 : farthest(&range, &s.o, &e);
    if (!status)
        status = one_layer_run(&s.o, programmed, XO_STAGE_ANALOG, 2, &count, &s.info);
    worst = status ? 0 : farthest(&range, &s.o, &e);
    printf("# worst %.2g of a range of %.3g, stage circuit %.2g, error %.2g\n", worst, range, circuit,
           sqrt(count.error_square / count.signal_square));
    tap_ok(!status && worst < 1e-6 * range && circuit > 1e-2 * range && count.error_square > 0 && !count.conversions,
           "stage analog, %s%s%s%s%s: results as with such weights", name, a ? ", " : "", a ? a : "", b ? ", " : "",
           b ? b : "");
    xo_effective_free(&e);
    xo_engine_dnn_free(programmed);
    take_down(&s);
}

static void analog_computes_the_same(void)
{
    static const char *const setting[][3] = {
        { "gain.scope=none", "mapping.slices=columns" }, { "gain.scope=array", "mapping.pair=columns" },
        { "gain.scope=column", "mapping.subtract=digital" }, { "gain.scope=column", "gain.where=reference" },
        { "gain.scope=column", "mapping.sign=offset" }, { "gain.scope=array", "mapping.sign=twos_complement" },
        { "mapping.sign=offset", "mapping.off_current=reference_column", "gain.scope=column" },
        { "mapping.sign=offset", "mapping.off_current=none" },
        { "mapping.sign=twos_complement", "mapping.unused_cell=open" },
        { "mapping.input_sign=twos_complement", "dac.bits=2" },
        { "device.variation.sigma=0.1", "device.faults.stuck_on_rate=0.02" },
        { "array.columns=50", "array.rows=17" }, { "mapping.weight_scale=channel", "dac.encoding=pulse_width" } };
    const struct one_layer *model[] = { &gemm, &conv, &depthwise };
    static const char *const kind[] = { "a Gemm", "a grouped convolution", "a depthwise convolution" };
    for (size_t k = 0; k < sizeof setting / sizeof *setting; k++)
        is_the_analog_stage(kind[k % 3], model[k % 3], setting[k][0], setting[k][1], setting[k][2]);
    for (int own = 1; own <= 2; own++) {
        struct one_layer o = conv;
        o.own = own;
        is_the_analog_stage(own == 1 ? "int8 weights of the model's own, uint8 inputs" : "uint8 weights, int8 inputs",
                            &o, "mapping.sign=offset", NULL, NULL);
    }
}

/* Stage analog of an engine without wires multiplies by the integers; on every instruction set alike. */
static void analog_without_wires(void)
{
    static const char *const settings[] = { TILE, NO_WIRES, "mapping.sign=offset", "gain.scope=none", NULL };
    struct set_up s;
    struct xo_layer_counts count = { 0 };
    int status = set_up_with(&s, gemm, 0.5, settings), same = 1;
    size_t nbytes = status ? 0 : one_layer_results(&s.o) * sizeof *s.o.y;
    float *first = calloc(1, nbytes + 1);
    for (int simd = XO_SIMD_PORTABLE; simd <= XO_SIMD_AVX512 && !status; simd++) {
        if (!xo_simd_available((enum xo_simd)simd))
            continue;
        xo_engine_dnn_simd(s.e, (enum xo_simd)simd);
        status = one_layer_run(&s.o, s.e, XO_STAGE_ANALOG, (size_t)simd + 1, &count, &s.info);
        if (simd == XO_SIMD_PORTABLE)
            memcpy(first, s.o.y, nbytes);
        same &= !memcmp(first, s.o.y, nbytes);
    }
    double error = sqrt(count.error_square / count.signal_square);
    printf("# error %.2g\n", error);
    tap_ok(!status && same && error < 1e-12 && count.signal_square > 0, "stage analog without wires multiplies by the "
           "integers, with every instruction set alike");
    free(first);
    take_down(&s);
}

static void held_lines_are_refused(void)
{
    static const char *const settings[] = { TILE, WIRES, "array.lines={word: {3: {hold_volt: 0.1}}}", NULL };
    struct set_up s;
    struct xo_effective e = { 0 };
    int status = set_up(&s, gemm, settings);
    xo_engine_thread *t = NULL;
    if (!status)
        status = xo_effective_new(&e, s.l, 1, &s.info);
    tap_ok(status == XO_EUNSUPPORTED && strstr(s.info.text, "layer only"), "held lines are refused: %s", s.info.text);
    status = xo_engine_thread_new(&t, s.e, XO_STAGE_ANALOG, &s.info);
    tap_ok(status == XO_EUNSUPPORTED && !t, "by stage analog too");
    take_down(&s);
}

int main(void)
{
    integers_come_back();
    agrees_with_currents(0);
    agrees_with_currents(1);
    layers_compute_the_same();
    wires_couple_channels();
    circuits_compute_the_same();
    analog_computes_the_same();
    analog_without_wires();
    held_lines_are_refused();
    return tap_done();
}
