/* The modelling choices of an evaluation in words.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "eval.h"

static void put_weights(FILE *to, const struct xo_mapping *m, int bits_per_cell)
{
    static const char *const sign[] = {
        [XO_SIGN_DIFFERENTIAL] = "differential pairs", [XO_SIGN_OFFSET] = "offset binary",
        [XO_SIGN_TWOS_COMPLEMENT] = "two's complement with a sign slice of its own"};
    fprintf(to, "Weights have %d bits, one scale per %s, stored as %s in slices of %d bit%s per cell", m->weight_bits,
            m->weight_scale == XO_SCALE_LAYER ? "layer" : "output channel", sign[m->sign], bits_per_cell,
            cli_plural((size_t)bits_per_cell));
    if (m->sign == XO_SIGN_DIFFERENTIAL)
        fprintf(to, ", the two halves in %s and subtracted %s", m->pair == XO_IN_TILES ? "two arrays" :
                "neighbouring columns", m->subtract == XO_SUBTRACT_ANALOG ? "before one signed ADC" :
                "after two ADCs");
    fputs(". ", to);
}

static void put_converters(FILE *to, const struct xo_hardware *h)
{
    static const char *const range[] = {
        [XO_ADC_FULL] = "covers all rows on at the read voltage",
        [XO_ADC_GRANULAR] = "counts single units of current",
        [XO_ADC_CALIBRATED] = "was fixed from the currents of the calibration images",
        [XO_ADC_FIXED] = "is that of the hardware file"};
    fprintf(to, "Inputs have %d bits and are applied as streams of %d bit%s at %g V; an ADC of %d bits reads every "
            "column, its range %s", h->mapping.input_bits, h->dac.bits, cli_plural((size_t)h->dac.bits),
            h->dac.read_volt, h->adc.bits, range[h->adc.range]);
    if (h->adc.range == XO_ADC_CALIBRATED)
        fprintf(to, " (quantiles %g and %g per %s)", h->adc.quantile, 1 - h->adc.quantile,
                h->adc.range_scope == XO_ADC_LAYER ? "layer" : h->adc.range_scope == XO_ADC_TILE ? "tile" : "column");
    fprintf(to, "; gain: %s%s. ", eval_gain_name[h->gain.scope], h->gain.scope == XO_GAIN_NONE ? "" :
            h->gain.source == XO_GAIN_MEASURED ? ", measured" : ", from the matrices");
}

static void put_ohm(FILE *to, const char *what, const struct xo_values *v)
{
    if (v->each)
        fprintf(to, "%s of the file's ohm", what);
    else
        fprintf(to, isfinite(v->all) ? "%s of %g ohm" : "open %s", what, v->all);
}

static void put_variation(FILE *to, const struct xo_hardware *h, size_t instances)
{
    static const char *const distribution[] = {"normally", "lognormally"};
    const struct xo_values *map = &h->cell_faults.map;
    fprintf(to, "In %zu programmed instance%s cells are ", instances, cli_plural(instances));
    if (h->variation.sigma > 0)
        fprintf(to, "%s distributed with a standard deviation of %g %% of %s, ",
                distribution[h->variation.distribution], 100 * h->variation.sigma,
                h->variation.scale == XO_SPREAD_RANGE ? "on less off" : "their conductance");
    fprintf(to, "stuck on with a chance of %g, stuck off with one of %g%s. ", h->cell_faults.stuck_on_rate,
            h->cell_faults.stuck_off_rate, map->each || map->all != 0 ? ", besides those of the fault map" : "");
}

/* Inputs on gates: no matrix, but ladders. */
static void put_gated(FILE *to, const struct xo_crossbar *x, struct eval_circuit c)
{
    bool plane = x->topology == XO_TOPOLOGY_PLANE;
    fprintf(to, "In the circuit stage inputs are the gates of transistors of %g ohm, one in series with every cell, "
            "and ", x->transistor_ohm);
    fputs(plane ? "one plane is the source of all cells" : "source lines run beside the bit lines, with ", to);
    if (!plane)
        put_ohm(to, "wire segments", &x->source_wire_ohm);
    if (!plane)
        put_ohm(to, " and ends", &x->source_end_ohm);
    put_ohm(to, "; column wire segments", &x->column_wire_ohm);
    put_ohm(to, ", sense amplifiers", &x->sense_ohm);
    fprintf(to, "; every read of the %zu arrays' columns was the ladder of the cells that are on, %s float32, by its "
            "bound within %.2g of every current, and within %.2g of float64 on sampled columns of %zu layers: no one "
            "conductance matrix is exact there, and none was used. ", c.arrays,
            xo_is_nonlinear(x) ? "nonlinear as they are, solved by Newton's method for every input, in"
                               : "exactly, in", c.bound_rel, c.sampled_error_rel, c.sampled);
}

/* What inputs meet along the rows. */
static void put_rows(FILE *to, const struct xo_hardware *h)
{
    const struct xo_crossbar *x = &h->array;
    bool source = x->topology == XO_TOPOLOGY_SOURCE_ROW;
    put_ohm(to, source ? "source lines along rows with wire segments" : "row wire segments",
            source ? &x->source_wire_ohm : &x->row_wire_ohm);
    put_ohm(to, ", column wire segments", &x->column_wire_ohm);
    put_ohm(to, source ? ", source lines' ends" : ", drivers", source ? &x->source_end_ohm : &x->driver_ohm);
    fprintf(to, " (DAC output: %g)", h->dac.output_ohm);
    if (x->cell_type == XO_CELL_1T1R)
        fprintf(to, ", transistors of %g ohm, all on, in series with cells", x->transistor_ohm);
}

/* Nonlinear cells: what arrays were fitted with. */
static void put_fitted(FILE *to, const struct eval_job *job, struct eval_circuit c)
{
    const struct xo_fcm_candidate worst = eval_fitted_worst(job->result);
    char name[48];
    xo_fcm_candidate_name(&worst, name, sizeof name);
    fprintf(to, "; cells are nonlinear, so no matrix is exact: each of the %zu arrays got the cheapest stage of the "
            "fast model that some arrays of its layer asked for; against exact currents of %zu of them the error is "
            "%.2g rms of full scale in the worst layer (%s), and %.2g at most. ", c.arrays, c.sampled,
            worst.error_rms, name, c.sampled_error_rel);
}

static void put_circuit(FILE *to, const struct eval_job *job)
{
    const struct xo_hardware *h = &job->session.hardware;
    const struct xo_crossbar *x = &h->array;
    struct eval_circuit c = eval_circuit_of(job->result, XO_EVAL_CIRCUIT);
    if (job->result->ideal) {
        fputs("Arrays are ideal: wires, drivers and sense amplifiers without resistance. ", to);
    } else if (x->input == XO_INPUT_GATE) {
        put_gated(to, x, c);
    } else {
        fputs("In the circuit stage every array has ", to);
        put_rows(to, h);
        put_ohm(to, " and sense amplifiers", &x->sense_ohm);
        if (xo_is_nonlinear(x))
            put_fitted(to, job, c);
        else
            fprintf(to, "; the conductance matrix of each of the %zu arrays was found exactly by star-mesh "
                    "elimination in %s, by its bound within %.2g of every entry, and columns of %zu arrays, solved "
                    "once more and certified, are within %.2g. ", c.arrays,
                    eval_is_float32(job) ? "float32" : "float64 and rounded to float32", c.bound_rel, c.sampled,
                    c.sampled_error_rel);
    }
    if (job->result->instances)
        put_variation(to, h, job->result->instances);
    else
        fputs("Cells are exactly as programmed. ", to);
    if (job->analog)
        fputs("Stage analog has the circuit stage's arrays and gains, cells as programmed, and no converters: inputs "
              "are voltages of any size and either sign, column currents are taken as they are and decoded in "
              "float64. ", to);
}

char *eval_choices(const struct eval_job *job)
{
    const struct xo_hardware *h = &job->session.hardware;
    const struct xo_eval_result *r = job->result;
    struct eval_totals t = eval_totals_of(r, XO_EVAL_CONVERTERS);
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return NULL;
    fprintf(to, "The network was run with Crossohm %s on %zu images, in float32 and with %zu weights of %zu layers "
            "on %zu arrays of %zu x %zu %s cells, %g to %g S. ", PACKAGE_VERSION, r->images, t.weights, r->layers,
            t.tiles, h->array.rows, h->array.columns, xo_is_nonlinear(&h->array) ? "nonlinear" : "ohmic",
            h->device.off_siemens, h->device.on_siemens);
    put_weights(to, &h->mapping, h->device.bits_per_cell);
    put_converters(to, h);
    fprintf(to, "%zu images that are not scored fixed the ranges; pixels: %s. ", r->calibration_images,
            xo_preprocess_text(job->pixels));
    put_circuit(to, job);
    fputs("Nothing here has been validated on silicon.", to);
    if (fclose(to)) {
        free(text);
        return NULL;
    }
    return text;
}
