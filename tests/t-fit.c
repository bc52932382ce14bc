/* Fits: the held-out error is the true one, gains follow their formulas by hand, ranges follow the inputs, the
 * measured gain finds the oracle's without noise.  SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <float.h>
#include <string.h>
#include "fit.h"
#include "oom.h"
#include "tap.h"

enum { ROWS = 6, COLUMNS = 4, INPUTS = 50 };

static double siemens[ROWS * COLUMNS], volt[INPUTS * ROWS];

static void fill(unsigned long long seed)
{
    for (size_t k = 0; k < ROWS * COLUMNS; k++)
        siemens[k] = 1e-6 * (1 + 99 * tap_uniform(&seed));
    for (size_t k = 0; k < INPUTS * ROWS; k++)
        volt[k] = tap_uniform(&seed) < 0.3 ? 0 : 0.05 + 0.1 * tap_uniform(&seed);
}

static struct xo_hardware sized(const char *yaml, size_t rows, size_t columns)
{
    struct xo_hardware h = {0};
    struct xo_info info = {""};
    if (xo_hardware_parse(&h, yaml, strlen(yaml), "test", NULL, 0, NULL, &info) ||
        xo_hardware_finish(&h, rows, columns, &info))
        tap_ok(0, "hardware: %s", info.text);
    return h;
}

static struct xo_hardware hardware(const char *yaml)
{
    return sized(yaml, ROWS, COLUMNS);
}

static int fit(struct xo_fcm *m, const char *yaml, size_t inputs)
{
    struct xo_hardware h = hardware(yaml);
    struct xo_info info = {""};
    int status = xo_fit_array(m, &h, siemens, inputs, inputs ? volt : NULL, NULL, &info);
    if (status)
        printf("# %s\n", info.text);
    xo_hardware_free(&h);
    return status;
}

/* ---- measures ------------------------------------------------------------------------------------- */

static void errors_by_hand(void)
{
    const double exact[] = {1, -2, 4, 0}, amp[] = {1.4, -2, 3.2, 0.4};
    struct xo_error e;
    tap_ok(!xo_error_of(&e, 4, amp, exact), "errors of four currents");
    tap_close(e.full_scale_ampere, 4, 0, "full scale is the largest exact current");
    tap_close(e.max, 0.2, 1e-15, "largest error over full scale");
    tap_close(e.rms, sqrt((0.01 + 0.04 + 0.01) / 4), 1e-15, "rms error over full scale");
    tap_close(e.interval95[0], -0.2 + 0.075 * 0.2, 1e-15, "lower end of the interval, interpolated by hand");
    tap_close(e.interval95[1], 0.1, 1e-15, "upper end of the interval");
}

static void nonideality_by_hand(void)
{
    const double ideal[] = {10, 1, 0, 20, -1, 0}, amp[] = {9, 1, 0, 18, -1, 0};
    double nf[3];
    xo_nonideality(2, 3, ideal, amp, nf);
    tap_close(nf[0], 0.1, 1e-15, "NF: (30 - 27)/30");
    tap_ok(isnan(nf[1]) && isnan(nf[2]), "NF is not stated where signs cancel or nothing flows");
}

static void ideal_currents_by_hand(void)
{
    struct xo_crossbar x = xo_crossbar_default(2, 2);
    const struct xo_line word[] = {{XO_LINE_HELD, 0.5}, {XO_LINE_NORMAL, 0}};
    const double g[] = {1e-5, 2e-5, 3e-5, 4e-5}, v[] = {9, 0.1};
    double amp[2];
    x.word_line = word;
    x.sense_volt.all = 0.05;
    xo_ideal_currents(&x, g, 1, v, amp, NULL);
    tap_close_ulp(amp[0], 1e-5 * 0.45 + 3e-5 * 0.05, 4, "a held row drives its own voltage, sense_volt pulls back");
    tap_close_ulp(amp[1], 2e-5 * 0.45 + 4e-5 * 0.05, 4, "the same in column 1");
    x.sense_volt.all = 0;
    x.series_ohm.all = 1e5;
    xo_ideal_currents(&x, g, 1, v, amp, NULL);
    tap_close_ulp(amp[0], 5e-6 * 0.5 + 7.5e-6 * 0.1, 4, "series_ohm belongs to the cell: g/(1 + g R)");
    x.series_ohm.all = XO_OPEN;
    xo_ideal_currents(&x, g, 1, v, amp, NULL);
    tap_ok(amp[0] == 0 && amp[1] == 0, "an open one leaves nothing");
}

static void code_flips_by_hand(void)
{
    const struct xo_adc adc = {.bits = 2};
    const struct xo_adc_scale scale[] = {{0, 1}};
    const double ideal[] = {0.4, 1.4, 2.6, 9}, amp[] = {0.4, 1.6, 2.4, 8}, gain[] = {0.5};
    double clipped;
    tap_close(xo_code_flips(&adc, scale, 4, 1, ideal, amp, NULL, &clipped), 0.5, 0, "two of four codes flip");
    tap_close(clipped, 0.25, 0, "one of four is clipped");
    tap_close(xo_code_flips(&adc, scale, 4, 1, ideal, amp, gain, NULL), 0.25, 0, "with gain 1/2 one flips");
    const struct xo_adc high = {.bits = 2, .offset_lsb = 2}, low = {.bits = 2, .inl_lsb = {1, {-9}}};
    xo_code_flips(&high, scale, 4, 1, ideal, amp, NULL, &clipped);
    tap_close(clipped, 0.75, 0, "offset_lsb 2: 1.6 and above are clipped");
    xo_code_flips(&low, scale, 4, 1, ideal, amp, NULL, &clipped);
    tap_close(clipped, 1, 0, "INL can push all of them below 0: 0.4 - 1.2 is -0.8");
}

/* ---- gain ----------------------------------------------------------------------------------------- */

static void gains_by_hand(void)
{
    const double g[] = {4, 6, 2, 6}, g_ni[] = {2, 5, 1, 5};
    const double ideal[] = {2, 3, 4, 0}, read[] = {1, 2, 2, 0};
    double factor[2];
    xo_gain_oracle(XO_GAIN_COLUMN, 2, 2, g, g_ni, factor);
    tap_ok(factor[0] == 2 && factor[1] == 1.2, "oracle per column: 6/3, 12/10");
    xo_gain_oracle(XO_GAIN_ARRAY, 2, 2, g, g_ni, factor);
    tap_ok(factor[0] == 18.0 / 13 && factor[1] == factor[0], "oracle for the array: 18/13");
    xo_gain_oracle(XO_GAIN_NONE, 2, 2, g, g_ni, factor);
    tap_ok(factor[0] == 1 && factor[1] == 1, "no gain is 1");
    xo_gain_least_squares(XO_GAIN_COLUMN, 2, 2, ideal, read, factor);
    tap_ok(factor[0] == 2 && factor[1] == 1.5, "least squares per column: (2 1 + 4 2)/(1 + 4), 6/4");
    xo_gain_least_squares(XO_GAIN_ARRAY, 2, 2, ideal, read, factor);
    tap_close(factor[1], 16.0 / 9, 1e-15, "least squares for the array: (10 + 6)/(5 + 4)");
    const double zero[] = {0, 0, 0, 0};
    xo_gain_least_squares(XO_GAIN_COLUMN, 2, 2, ideal, zero, factor);
    tap_ok(factor[0] == 1 && factor[1] == 1, "a denominator of 0 gives 1");
}

/* With senses as the only resistance I_j = a_j (G^T V)_j, so measured and oracle gains are the same number. */
static void measured_gain_finds_the_oracle(void)
{
    const char *common = "{array: {row_wire_ohm: 0, column_wire_ohm: 0, driver_ohm: 0, sense_ohm: 500}, "
                         "dac: {bits: 4}, adc: {bits: 24}, gain: {scope: column, source: %s}}";
    char yaml[400];
    struct xo_fcm measured = {0}, oracle = {0};
    double worst = 0;
    snprintf(yaml, sizeof yaml, common, "measured");
    int status = fit(&measured, yaml, 0);
    snprintf(yaml, sizeof yaml, common, "oracle");
    status |= fit(&oracle, yaml, 0);
    for (size_t j = 0; j < COLUMNS && !status; j++)
        worst = fmax(worst, fabs(measured.gain_factor[j] / oracle.gain_factor[j] - 1));
    printf("# off by %.3g\n", worst);
    tap_ok(!status && worst < 1e-6 && oracle.gain_factor[0] > 1.01, "the measured gain finds the oracle's");
    xo_fcm_free(&measured);
    xo_fcm_free(&oracle);
}

/* Rows that no input drives are in neither sum: without a loss elsewhere the gain is 1. */
static void the_oracle_sums_driven_rows(void)
{
    const char *yaml = "{array: {row_wire_ohm: 0, column_wire_ohm: 0, driver_ohm: 0, sense_ohm: 0, "
                       "lines: {word: {0: floating, 2: {hold_volt: 0.1}}}}, "
                       "device: {series_ohm: 2000}, gain: {scope: %s, source: oracle}}";
    char text[400];
    struct xo_fcm column = {0}, array = {0};
    snprintf(text, sizeof text, yaml, "column");
    int status = fit(&column, text, INPUTS);
    snprintf(text, sizeof text, yaml, "array");
    status |= fit(&array, text, INPUTS);
    tap_ok(!status, "floating and held rows, oracle");
    for (size_t j = 0; j < COLUMNS && !status; j++)
        tap_ok(fabs(column.gain_factor[j] - 1) < 1e-12 && fabs(array.gain_factor[j] - 1) < 1e-12,
               "no loss, gain 1 in column %zu (%g, %g)", j, column.gain_factor[j], array.gain_factor[j]);
    xo_fcm_free(&column);
    xo_fcm_free(&array);
}

/* ---- fits ----------------------------------------------------------------------------------------- */

/* Solve fresh inputs exactly and apply the model. */
static double apart(const struct xo_fcm *m, const struct xo_hardware *h)
{
    double v[20 * ROWS], exact[20 * COLUMNS], amp[20 * COLUMNS], scale[20 * COLUMNS], worst = 0;
    unsigned long long seed = 99;
    xo_circuit *circuit = NULL;
    xo_plan *plan = NULL;
    xo_factor *factor = NULL;
    struct xo_solution x = {.column_amp = exact, .scale_amp = scale};
    const struct xo_options options = {.engine = XO_ENGINE_KLU};
    const struct xo_apply stage = {0};
    for (size_t k = 0; k < 20 * ROWS; k++)
        v[k] = tap_uniform(&seed) - 0.5;
    int status = xo_circuit_new(&circuit, &h->array, NULL) || xo_plan_new(&plan, circuit, &options, NULL) ||
                 xo_factor_new(&factor, plan, siemens, NULL) || xo_solve(factor, 20, v, &x, NULL) ||
                 xo_fcm_apply(m, &stage, 20, v, amp, NULL, NULL);
    for (size_t k = 0; k < 20 * COLUMNS; k++)
        worst = fmax(worst, fabs(amp[k] - exact[k]) / scale[k]);
    xo_factor_free(factor);
    xo_plan_free(plan);
    xo_circuit_free(circuit);
    return status ? INFINITY : worst;
}

static void a_fit_equals_the_solver(void)
{
    const char *yaml = "{array: {row_wire_ohm: 3, column_wire_ohm: 7, drive_side: both, sense_volt: 0.01, "
                       "lines: {word: {2: {hold_volt: 0.1}}, bit: {1: floating}}, "
                       "faults: {stuck: [[0, 1, 1.0e-4]]}}}";
    struct xo_hardware h = hardware(yaml);
    struct xo_fcm m = {0};
    if (tap_ok(!fit(&m, yaml, INPUTS), "an array with held and floating lines is fitted")) {
        double worst = apart(&m, &h);
        printf("# apart by %.3g of scale\n", worst);
        tap_ok(worst < 1e-14, "it equals KLU on new inputs");
        tap_ok(m.exact == 1 && m.validity.held_out_inputs == 64, "exact, 64 inputs held out");
        tap_ok(m.validity.error_max < 1e-14 && m.validity.full_scale_ampere > 0, "the held-out error says so");
        tap_close(m.validity.low_volt, 0, 0, "lowest voltage of V");
        tap_ok(m.validity.high_volt > 0.14 && m.validity.high_volt <= 0.15, "highest voltage of V");
        tap_ok(m.validity.low_sparsity < 0.2 && m.validity.high_sparsity > 0.4, "range of sparsity of V");
    }
    xo_fcm_free(&m);
    xo_hardware_free(&h);
}

/* A model spoilt on purpose must state the error that it has: every entry 1 % too large is 1 % of full scale. */
static void held_out_error_is_true(void)
{
    struct xo_hardware h = hardware("{}");
    struct xo_programmed p = {0};
    struct xo_fcm m = {0};
    const struct xo_fit_options options = {0};
    int status = xo_programmed_new(&p, &h, &options, NULL) || xo_fit_stage(&m, &p, &h, siemens, NULL);
    for (size_t k = 0; k < ROWS * COLUMNS && !status; k++)
        m.g_ni_siemens[k] *= 1.01;
    if (!status) {
        xo_fit_validity(&m, INPUTS, volt);
        status = xo_fit_held_out(&m, &p, 40, NULL);
    }
    const struct xo_fcm_validity *v = &m.validity;
    tap_ok(!status && v->held_out_inputs == 40, "a model 1 %% too large, on 40 inputs");
    tap_close(v->error_max, 0.01, 1e-12, "its largest error is 1 % of full scale");
    tap_ok(v->error_rms < 0.01 && v->error_rms > 0.003, "its rms error is less");
    tap_ok(v->error_interval95[0] > 0 && v->error_interval95[1] <= 0.01, "its errors are never negative");
    xo_fcm_free(&m);
    xo_programmed_free(&p);
    xo_hardware_free(&h);
}

static void ranges_follow_the_inputs(void)
{
    struct xo_fcm one = {0}, each = {0}, reference = {0};
    int status = fit(&one, "{dac: {bits: 8}}", INPUTS) ||
                 fit(&each, "{dac: {bits: 8}, adc: {range_scope: column}}", INPUTS) ||
                 fit(&reference, "{dac: {bits: 8}, gain: {where: reference, scope: column}}", INPUTS);
    tap_ok(!status && one.adc_lsb_ampere[0] == one.adc_lsb_ampere[COLUMNS - 1], "one range for the array");
    tap_ok(!status && each.adc_lsb_ampere[0] != each.adc_lsb_ampere[1], "one range per column where asked for");
    tap_ok(!status && reference.adc_lsb_ampere[0] > one.adc_lsb_ampere[0],
           "a gain in the reference fixes the range of gain times current");
    tap_ok(!status && one.adc_low_ampere[0] == 0, "unsigned inputs give a range from 0 A");
    xo_fcm_free(&one);
    xo_fcm_free(&each);
    xo_fcm_free(&reference);
}

static void output_resistance_matters(void)
{
    struct xo_fcm with = {0}, without = {0}, driver = {0};
    int status = fit(&with, "{dac: {output_ohm: 400}}", 0) || fit(&without, "{}", 0) ||
                 fit(&driver, "{array: {driver_ohm: 500}}", 0);
    size_t nbytes = ROWS * COLUMNS * sizeof(double);
    tap_ok(!status && !memcmp(with.g_ni_siemens, driver.g_ni_siemens, nbytes) &&
           memcmp(with.g_ni_siemens, without.g_ni_siemens, nbytes), "dac.output_ohm adds to driver_ohm");
    xo_fcm_free(&with);
    xo_fcm_free(&without);
    xo_fcm_free(&driver);
}

static void a_technology_states_its_error(void)
{
    struct xo_hardware h = hardware("{seed: 5}");
    struct xo_fit_options options = {.held_out_arrays = 3, .held_out_inputs = 10};
    struct xo_fcm m = {0};
    tap_ok(!xo_fit_technology(&m, &h, &options, NULL), "a technology is fitted");
    tap_ok(m.scope == XO_FCM_TECHNOLOGY && !m.g_ni_siemens && m.hardware_yaml, "it keeps the description, no matrix");
    tap_ok(m.validity.held_out_arrays == 3 && m.validity.held_out_inputs == 10, "over 3 arrays of 10 inputs");
    tap_ok(m.validity.error_max < 1e-14, "its recipe is exact");
    tap_ok(m.validity.high_siemens == 1e-5 && m.validity.low_siemens == 1e-6, "for the device's conductances");
    xo_fcm_free(&m);
    xo_hardware_free(&h);
}

static void too_many_are_refused(void)
{
    struct xo_fcm m = {0};
    struct xo_info info = {""};
    struct xo_hardware h = hardware("{}");
    const struct xo_fit_options arrays = {.held_out_arrays = SIZE_MAX / 3 + 1, .held_out_inputs = 1};
    const struct xo_fit_options inputs = {.held_out_inputs = SIZE_MAX / 4 + 1};
    tap_ok(xo_fit_technology(&m, &h, &arrays, &info) == XO_ETOOBIG && strstr(info.text, "arrays held out"),
           "more arrays than memory has bytes");
    tap_ok(xo_fit_technology(&m, &h, &inputs, &info) == XO_ETOOBIG &&
           xo_fit_array(&m, &h, siemens, 0, NULL, &inputs, &info) == XO_ETOOBIG &&
           strstr(info.text, "inputs held out"), "more inputs");
    xo_hardware_free(&h);
}

static void failures_leave_nothing(void)
{
    struct xo_fcm m = {0};
    struct xo_info info = {""};
    struct xo_hardware h = hardware("{}");
    const struct xo_fit_options klu = {.engine = XO_ENGINE_KLU};
    const struct xo_fit_source gone = {"siemens", "/nowhere/g.npy"};
    const struct xo_fit_options lost = {.sources = 1, .source = &gone};
    tap_ok(xo_fit_array(&m, &h, siemens, 0, NULL, &klu, &info) == XO_EUNSUPPORTED && !m.rows, "klu has no matrix");
    tap_ok(xo_fit_array(&m, &h, siemens, 0, NULL, &lost, &info) > 0 && strstr(info.text, "/nowhere/g.npy"),
           "a source that cannot be read is named");
    xo_hardware_free(&h);
}

/* ---- without memory ------------------------------------------------------------------------------- */

static int fit_everything(void *user)
{
    const struct xo_hardware *h = user;
    const struct xo_fit_options few = {.held_out_arrays = 1, .held_out_inputs = 3};
    struct xo_fcm array = {0}, technology = {0};
    int status = xo_fit_array(&array, h, siemens, 5, volt, &few, NULL);
    if (!status)
        status = xo_fit_technology(&technology, h, &few, NULL);
    xo_fcm_free(&array);
    xo_fcm_free(&technology);
    return status;
}

static void fitting_survives_without_memory(void)
{
    struct xo_hardware h = hardware("{gain: {where: reference}}");
    struct oom_report r = oom_sweep_allowing(fit_everything, &h, 1);         /* the solver's blocks need not shrink */
    tap_ok(oom_clean(&r), "fitting survives each of %zu failing allocations", r.allocations);
    xo_hardware_free(&h);
}

/* Nonlinear cells: an array, a technology, and matrices for a network's. */
static int fit_nonlinear(void *user)
{
    const struct xo_hardware *h = user;
    const struct xo_fit_options few = {.training_inputs = 4, .held_out_inputs = 2, .held_out_arrays = 1,
                                       .tolerance = 1e-9};
    struct xo_fcm m = {.rows = 99};
    struct xo_info info = {""};
    int status = xo_fit_array(&m, h, siemens, 3, volt, &few, &info);
    if (status)
        return m.rows == 99 ? status : -1000;
    xo_fcm_free(&m);
    m.rows = 99;
    status = xo_fit_technology(&m, h, &few, &info);
    if (status)
        return m.rows == 99 ? status : -1000;
    xo_fcm_free(&m);
    return 0;
}

static int fit_tile(void *user)
{
    const double level[] = {0, 0.2}, chance[ROWS] = {0.5, 0.2, 0.1, 0.5, 0.5, 0.9};
    double function[2], g_ni[ROWS * COLUMNS], offset[COLUMNS];
    xo_tile_fitter *t = NULL;
    struct xo_error e;
    int status = xo_tile_fitter_new(&t, user, 2, level, function, NULL);
    if (!status)
        status = xo_tile_fit(t, siemens, chance, 7, g_ni, offset, NULL);
    if (!status)
        status = xo_tile_check(t, siemens, chance, 7, g_ni, offset, &e, NULL);
    xo_tile_fitter_free(t);
    return status ? status : e.rms < 0.01 && function[1] == 0.2 ? 0 : -1000;
}

static void nonlinear_fits_survive_without_memory(void)
{
    struct xo_hardware h = sized("{device: {law: sinh, v0_volt: 0.15, reference_volt: 0.2, series_ohm: 100, "
                                 "on_siemens: 1.0e-4, off_siemens: 1.0e-5}}", 2, 2);
    struct oom_report r = oom_sweep_allowing(fit_nonlinear, &h, 8);
    tap_ok(oom_clean(&r), "fitting nonlinear cells survives each of %zu failing allocations", r.allocations);
    r = oom_sweep_allowing(fit_tile, &h, 8);
    tap_ok(oom_clean(&r), "so does a network's array: %zu", r.allocations);
    xo_hardware_free(&h);
}

int main(void)
{
    const unsigned long long seed = 20261121;
    printf("# seed %llu\n", seed);
    fill(seed);
    errors_by_hand();
    nonideality_by_hand();
    ideal_currents_by_hand();
    code_flips_by_hand();
    gains_by_hand();
    measured_gain_finds_the_oracle();
    the_oracle_sums_driven_rows();
    too_many_are_refused();
    a_fit_equals_the_solver();
    held_out_error_is_true();
    ranges_follow_the_inputs();
    output_resistance_matters();
    a_technology_states_its_error();
    failures_leave_nothing();
    fitting_survives_without_memory();
    nonlinear_fits_survive_without_memory();
    return tap_done();
}
