/* Laws no correct answer can break, on random arrays: superposition, reciprocity, passivity, power, Kirchhoff.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <float.h>
#include "solved.h"
#include "tap.h"

#define CASES 60
#define TOLERANCE 1e-12                /* relative to what is summed */

/* A law looks at one case and returns 0 if it is broken, after saying how on a '#' line. */
typedef int law(unsigned long long seed, enum xo_engine engine);

static struct random_crossbar *case_of(unsigned long long seed, size_t inputs, int features, enum xo_engine engine)
{
    unsigned long long state = seed;
    double a = tap_uniform(&state), b = tap_uniform(&state);
    struct random_crossbar *r = random_crossbar(seed, 1 + (size_t)(9 * a), 1 + (size_t)(9 * b), inputs, features);
    if (engine == XO_ENGINE_LINE)
        random_crossbar_only_lines(r);
    return r;
}

static int broken(unsigned long long seed, const char *what, double got, double want)
{
    printf("# seed %llu: %s: %.17g, want %.17g\n", seed, what, got, want);
    return 0;
}

/* Solved, or rightly refused: random zero-ohm paths may join sources of different voltage. */
static int fine(unsigned long long seed, const struct solved *d, int may_conflict)
{
    if (d->status && !(may_conflict && d->status == XO_ECONFLICT))
        printf("# seed %llu: status %d: %s\n", seed, d->status, d->info.text);
    return !d->status || (may_conflict && d->status == XO_ECONFLICT);
}

/* Inputs 0 and 1 add up to input 2; input 3 is a multiple of input 0.  Held lines are grounded: no offset. */
static int superposition_and_scaling(unsigned long long seed, enum xo_engine engine)
{
    struct random_crossbar *r = case_of(seed, 4, RANDOM_OPEN | RANDOM_FAULTS | RANDOM_ZERO_OHM, engine);
    size_t rows = r->x.rows, columns = r->x.columns;
    for (size_t i = 0; i < rows; i++) {
        r->row_volt[2 * rows + i] = r->row_volt[i] + r->row_volt[rows + i];
        r->row_volt[3 * rows + i] = -8 * r->row_volt[i];
    }
    struct solved *d = solved_random(r, engine);
    int right = fine(seed, d, 1);
    for (size_t j = 0; !d->status && j < columns; j++) {
        const double *amp = d->s.column_amp + j, *scale = d->s.scale_amp + j;
        double sum = amp[0] + amp[columns], noise = TOLERANCE * (scale[0] + scale[columns]);
        if (!(fabs(amp[2 * columns] - sum) <= noise))
            right = broken(seed, "current of the sum of two inputs", amp[2 * columns], sum);
        if (!(fabs(amp[3 * columns] + 8 * amp[0]) <= TOLERANCE * scale[3 * columns]))
            right = broken(seed, "current of -8 times an input", amp[3 * columns], -8 * amp[0]);
    }
    solved_free(d);
    random_crossbar_free(r);
    return right;
}

static double *scaled(const double *a, size_t count, double factor)
{
    double *b = marked_array(count);
    for (size_t k = 0; k < count; k++)
        b[k] = a[k] * factor;
    return b;
}

/* All siemens times 4 (a power of two, so that nothing is rounded): all currents times 4. */
static int currents_follow_the_scale_of_siemens(unsigned long long seed, enum xo_engine engine)
{
    struct random_crossbar *r = case_of(seed, 2, 0, engine), big = *r;
    size_t rows = r->x.rows, columns = r->x.columns;
    struct xo_values *values[] = {&big.x.row_wire_ohm, &big.x.column_wire_ohm, &big.x.driver_ohm, &big.x.sense_ohm};
    size_t counts[] = {rows * (columns - 1), (rows - 1) * columns, rows, columns};
    double *owned[4] = {NULL};
    for (int k = 0; k < 4; k++) {
        values[k]->all /= 4;
        if (values[k]->each)
            values[k]->each = owned[k] = scaled(values[k]->each, counts[k], 0.25);
    }
    big.cell_siemens = scaled(r->cell_siemens, rows * columns, 4);
    struct solved *d = solved_random(r, engine), *e = solved_random(&big, engine);
    int right = fine(seed, d, 0) && fine(seed, e, 0);
    for (size_t k = 0; right && k < 2 * columns; k++)
        if (!(fabs(e->s.column_amp[k] - 4 * d->s.column_amp[k]) <= TOLERANCE * e->s.scale_amp[k]))
            right = broken(seed, "current with every siemens times 4", e->s.column_amp[k], 4 * d->s.column_amp[k]);
    solved_free(d);
    solved_free(e);
    for (int k = 0; k < 4; k++)
        free(owned[k]);
    free(big.cell_siemens);
    random_crossbar_free(r);
    return right;
}

static double *transposed(const double *a, size_t rows, size_t columns)
{
    double *t = marked_array(rows * columns);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            t[j * rows + i] = a[i * columns + j];
    return t;
}

static struct xo_values transposed_values(struct xo_values v, size_t rows, size_t columns, double **owned)
{
    *owned = v.each ? transposed(v.each, rows, columns) : NULL;
    v.each = *owned;
    return v;
}

static struct xo_bridge *transposed_bridges(const struct xo_bridge *bridge, size_t count)
{
    struct xo_bridge *t = calloc(count + 1, sizeof *t);
    for (size_t k = 0; t && k < count; k++)
        t[k] = (struct xo_bridge){bridge[k].column, bridge[k].row, bridge[k].ohm};
    return t;
}

/* The same array seen from its bit lines: what was driven is sensed.  Left becomes top, right becomes bottom. */
static struct xo_crossbar mirror(const struct xo_crossbar *x, double *owned[3], struct xo_bridge *bridge[2])
{
    static const enum xo_sense_side sense_of[] = {XO_SENSE_TOP, XO_SENSE_BOTTOM, XO_SENSE_BOTH};
    static const enum xo_drive_side drive_of[] = {XO_DRIVE_RIGHT, XO_DRIVE_LEFT, XO_DRIVE_BOTH};
    struct xo_crossbar t = xo_crossbar_default(x->columns, x->rows);
    t.row_wire_ohm = transposed_values(x->column_wire_ohm, x->rows - 1, x->columns, &owned[0]);
    t.column_wire_ohm = transposed_values(x->row_wire_ohm, x->rows, x->columns - 1, &owned[1]);
    t.series_ohm = transposed_values(x->series_ohm, x->rows, x->columns, &owned[2]);
    t.driver_ohm = x->sense_ohm;
    t.sense_ohm = x->driver_ohm;
    t.drive_side = drive_of[x->sense_side];
    t.sense_side = sense_of[x->drive_side];
    t.word_bridge = bridge[0] = transposed_bridges(x->bit_bridge, x->bit_bridge_count);
    t.bit_bridge = bridge[1] = transposed_bridges(x->word_bridge, x->word_bridge_count);
    t.word_bridge_count = x->bit_bridge_count;
    t.bit_bridge_count = x->word_bridge_count;
    return t;
}

/* One volt on every line in turn: amp [driven][sensed], and the scales. */
static struct solved *unit_inputs(const struct xo_crossbar *x, const double *cells, enum xo_engine engine)
{
    double *unit = calloc(x->rows * x->rows, sizeof *unit);
    for (size_t i = 0; unit && i < x->rows; i++)
        unit[i * x->rows + i] = 1;
    struct solved *d = solved(x, cells, x->rows, unit, engine);
    free(unit);
    return d;
}

/* What a volt on word line i sends into bit line j, a volt on bit line j sends into word line i. */
static int reciprocity(unsigned long long seed, enum xo_engine engine)
{
    struct random_crossbar *r = case_of(seed, 1, RANDOM_FAULTS | RANDOM_ZERO_OHM, engine);
    size_t rows = r->x.rows, columns = r->x.columns;
    double *owned[3];
    struct xo_bridge *bridge[2];
    r->x.stuck_count = 0;
    struct xo_crossbar t = mirror(&r->x, owned, bridge);
    double *cells = transposed(r->cell_siemens, rows, columns);
    struct solved *d = unit_inputs(&r->x, r->cell_siemens, engine), *m = unit_inputs(&t, cells, engine);
    int conflict = d->status == XO_ECONFLICT || m->status == XO_ECONFLICT;
    int right = fine(seed, d, 1) && fine(seed, m, 1);
    for (size_t k = 0; right && !conflict && k < rows * columns; k++) {
        size_t i = k / columns, j = k % columns, back = j * rows + i;
        size_t partner;
        if (xo_circuit_split_undefined(d->circuit, j, &partner)
            || xo_circuit_split_undefined(m->circuit, i, &partner))
            continue;
        if (!(fabs(d->s.column_amp[k] - m->s.column_amp[back]) <= TOLERANCE * d->s.scale_amp[k]))
            right = broken(seed, "transfer and its reverse", d->s.column_amp[k], m->s.column_amp[back]);
    }
    solved_free(d);
    solved_free(m);
    free(cells);
    for (int k = 0; k < 3; k++)
        free(owned[k]);
    free(bridge[0]);
    free(bridge[1]);
    random_crossbar_free(r);
    return right;
}

/* Raise one cell: the power drawn from fixed voltages never falls (Rayleigh's monotonicity). */
static int more_conductance_never_draws_less_power(unsigned long long seed, enum xo_engine engine)
{
    struct random_crossbar *r = case_of(seed, 1, 0, engine);
    unsigned long long state = ~seed;
    struct solved *before = solved_random(r, engine);
    r->cell_siemens[(size_t)(tap_uniform(&state) * (double)(r->x.rows * r->x.columns))] *= 1.5;
    struct solved *after = solved_random(r, engine);
    double was = before->s.source_watt[0], is = after->s.source_watt[0];
    int right = fine(seed, before, 0) && fine(seed, after, 0);
    if (right && !(is >= was * (1 - TOLERANCE)))
        right = broken(seed, "power after raising a cell", is, was);
    solved_free(before);
    solved_free(after);
    random_crossbar_free(r);
    return right;
}

static double sum_of(const double *a, size_t count)
{
    double sum = 0;
    for (size_t k = 0; k < count; k++)
        sum += a[k];
    return sum;
}

/* Power in is power dissipated, from the parts and as reported; held lines and sense voltages give power too. */
static int power_in_is_power_dissipated(unsigned long long seed, enum xo_engine engine)
{
    struct random_crossbar *r = case_of(seed, 3, RANDOM_ALL, engine);
    size_t rows = r->x.rows, columns = r->x.columns;
    int bridged = r->x.word_bridge_count + r->x.bit_bridge_count > 0;
    struct solved *d = solved_random(r, engine);
    int right = fine(seed, d, 1);
    if (!d->status && !(d->s.worst_power_rel <= TOLERANCE))
        right = broken(seed, "reported power imbalance", d->s.worst_power_rel, 0);
    for (size_t n = 0; !d->status && n < 3; n++) {
        double in = d->s.source_watt[n], parts = d->s.cell_watt[n] + sum_of(d->s.word_line_watt + n * rows, rows)
                                               + sum_of(d->s.bit_line_watt + n * columns, columns);
        if (!bridged && !(fabs(in - parts) <= TOLERANCE * in))
            right = broken(seed, "sum of dissipated parts", parts, in);
        if (bridged && !(parts <= in * (1 + TOLERANCE)))
            right = broken(seed, "parts without bridges exceed the whole", parts, in);
    }
    solved_free(d);
    random_crossbar_free(r);
    return right;
}

static double ohm_of(const struct xo_values *v, size_t k)
{
    return v->each ? v->each[k] : v->all;
}

/* i^2 R; nothing where no current or no resistance is. */
static double joule(double amp, double ohm)
{
    return ohm == 0 || amp == 0 ? 0 : amp * amp * ohm;
}

/* The power of each line is that of its own wire and ends, from the returned currents: no other line's. */
static int each_line_dissipates_its_own(unsigned long long seed, enum xo_engine engine)
{
    struct random_crossbar *r = case_of(seed, 1, RANDOM_LINES, engine);
    size_t rows = r->x.rows, columns = r->x.columns;
    struct solved *d = solved_random(r, engine);
    const struct xo_branch_values *b = &d->s.branch_amp;
    size_t drive_ends = d->status ? 0 : xo_circuit_drive_ends(d->circuit);
    size_t sense_ends = d->status ? 0 : xo_circuit_sense_ends(d->circuit);
    int right = fine(seed, d, 0);
    for (size_t i = 0; !d->status && i < rows; i++) {
        double watt = 0;
        for (size_t j = 0; j + 1 < columns; j++)
            watt += joule(b->row_wires[i * (columns - 1) + j], ohm_of(&r->x.row_wire_ohm, i * (columns - 1) + j));
        for (size_t e = 0; e < drive_ends; e++)
            watt += joule(b->drivers[e * rows + i], ohm_of(&r->x.driver_ohm, i));
        if (!(fabs(watt - d->s.word_line_watt[i]) <= TOLERANCE * watt))
            right = broken(seed, "power of a word line", d->s.word_line_watt[i], watt);
    }
    for (size_t j = 0; !d->status && j < columns; j++) {
        double watt = 0;
        for (size_t i = 0; i + 1 < rows; i++)
            watt += joule(b->column_wires[i * columns + j], ohm_of(&r->x.column_wire_ohm, i * columns + j));
        for (size_t e = 0; e < sense_ends; e++)
            watt += joule(b->senses[e * columns + j], ohm_of(&r->x.sense_ohm, j));
        if (!(fabs(watt - d->s.bit_line_watt[j]) <= TOLERANCE * watt))
            right = broken(seed, "power of a bit line", d->s.bit_line_watt[j], watt);
    }
    solved_free(d);
    random_crossbar_free(r);
    return right;
}

/* Adds amp from node a to node b; NaN makes both unknown. */
static void flow(double *sum, double *size, size_t a, size_t b, double amp)
{
    sum[a] -= amp;
    sum[b] += amp;
    size[a] += fabs(amp);
    size[b] += fabs(amp);
}

/* All branches of input n into sum and size [2][rows][columns]. */
static void sum_branches(const struct solved *d, size_t n, double *sum, double *size)
{
    const struct xo_branch_values *b = &d->s.branch_amp;
    size_t rows = d->rows, columns = d->columns, cells = rows * columns;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) {
            size_t k = i * columns + j;
            flow(sum, size, k, cells + k, b->cells[n * cells + k]);
            if (j + 1 < columns)
                flow(sum, size, k, k + 1, b->row_wires[(n * rows + i) * (columns - 1) + j]);
            if (i + 1 < rows)
                flow(sum, size, cells + k, cells + k + columns, b->column_wires[(n * (rows - 1) + i) * columns + j]);
        }
}

/* The ends add theirs at node; the sum over the ends is what the terminal reports. */
static int sum_ends(const struct solved *d, const struct random_crossbar *r, size_t n, double *sum, double *size)
{
    const struct xo_branch_values *b = &d->s.branch_amp;
    size_t rows = d->rows, columns = d->columns, cells = rows * columns;
    size_t drive_ends = xo_circuit_drive_ends(d->circuit), sense_ends = xo_circuit_sense_ends(d->circuit);
    int right = 1;
    for (size_t i = 0; i < rows; i++) {
        double total = 0, magnitude = 0;
        for (size_t e = 0; e < drive_ends; e++) {
            int at_right = drive_ends == 2 ? e == 1 : r->x.drive_side == XO_DRIVE_RIGHT;
            size_t node = i * columns + (at_right ? columns - 1 : 0);
            double amp = b->drivers[(n * drive_ends + e) * rows + i];
            sum[node] += amp;
            size[node] += fabs(amp);
            total += amp;
            magnitude += fabs(amp);
        }
        right &= isnan(total) || fabs(total - d->s.source_amp[n * rows + i]) <= TOLERANCE * magnitude;
    }
    for (size_t j = 0; j < columns; j++) {
        double total = 0, magnitude = 0;
        for (size_t e = 0; e < sense_ends; e++) {
            int at_bottom = sense_ends == 2 ? e == 1 : r->x.sense_side == XO_SENSE_BOTTOM;
            size_t node = cells + j + (at_bottom ? (rows - 1) * columns : 0);
            double amp = b->senses[(n * sense_ends + e) * columns + j];
            sum[node] -= amp;
            size[node] += fabs(amp);
            total += amp;
            magnitude += fabs(amp);
        }
        right &= isnan(total) || fabs(total - d->s.column_amp[n * columns + j]) <= TOLERANCE * magnitude;
    }
    return right;
}

/* Branch currents as returned, zero-ohm ones too, balance at every node whose branches are all known.  A zero-ohm
 * current is a difference of others, so what may be left over is a few last bits of the largest current. */
static int kirchhoff_at_every_node(unsigned long long seed, enum xo_engine engine)
{
    struct random_crossbar *r = case_of(seed, 2, RANDOM_ALL, engine);
    r->x.word_bridge_count = r->x.bit_bridge_count = 0;         /* their currents are not returned */
    size_t nodes = 2 * r->x.rows * r->x.columns;
    double *sum = marked_array(nodes), *size = marked_array(nodes);
    struct solved *d = solved_random(r, engine);
    int right = fine(seed, d, 1);
    for (size_t n = 0; !d->status && n < 2; n++) {
        double largest = 0;
        for (size_t k = 0; k < nodes; k++)
            sum[k] = size[k] = 0;
        sum_branches(d, n, sum, size);
        if (!sum_ends(d, r, n, sum, size))
            right = broken(seed, "the ends of a line do not add up to its terminal's current", 0, 0);
        for (size_t k = 0; k < nodes; k++)
            largest = fmax(largest, size[k]);                   /* NaN is passed over */
        for (size_t k = 0; k < nodes; k++)
            if (!isnan(size[k]) && !(fabs(sum[k]) <= TOLERANCE * size[k] + 8 * DBL_EPSILON * largest))
                right = broken(seed, "current left over at a node, beside what flows there", sum[k], size[k]);
    }
    solved_free(d);
    free(sum);
    free(size);
    random_crossbar_free(r);
    return right;
}

/* Kirchhoff's law as the solver reports it is small beside what the sources give. */
static int the_reported_violation_is_small(unsigned long long seed, enum xo_engine engine)
{
    struct random_crossbar *r = case_of(seed, 3, 0, engine);
    struct solved *d = solved_random(r, engine);
    double largest = 0;
    int right = fine(seed, d, 0);
    for (size_t k = 0; right && k < 3 * r->x.rows; k++)
        largest = fmax(largest, fabs(d->s.source_amp[k]));
    if (right && !(d->s.worst_kcl_amp >= 0 && d->s.worst_kcl_amp <= 1e-9 * largest))
        right = broken(seed, "worst violation of Kirchhoff's law beside the largest source current",
                       d->s.worst_kcl_amp, largest);
    solved_free(d);
    random_crossbar_free(r);
    return right;
}

/* Smaller and smaller wires: the distance to G^T V falls in proportion. */
static void wires_to_zero(enum xo_engine engine)
{
    enum { M = 6, N = 4 };
    double g[M * N], volt[M], want[N] = {0}, before = INFINITY;
    unsigned long long state = 11;
    int falls = 1;
    for (size_t i = 0; i < M; i++) {
        volt[i] = tap_uniform(&state);
        for (size_t j = 0; j < N; j++)
            want[j] += volt[i] * (g[i * N + j] = 1e-5 * (1 + tap_uniform(&state)));
    }
    for (double ohm = 10; ohm > 1e-4; ohm /= 10) {
        struct xo_crossbar x = {.rows = M, .columns = N, .row_wire_ohm.all = ohm, .column_wire_ohm.all = 2 * ohm,
                                .driver_ohm.all = 3 * ohm, .sense_ohm.all = ohm};
        double amp[N], off = 0;
        falls &= !solved_currents(&x, g, 1, volt, engine, amp);
        for (size_t j = 0; j < N; j++)
            off = fmax(off, (want[j] - amp[j]) / want[j]);
        falls &= off > 0 && off < 0.12 * before;
        before = off;
    }
    tap_ok(falls, "%s: ten times less wire, ten times closer to I = G^T V", xo_engine_name(engine));
}

int main(void)
{
    static const struct { law *holds; const char *name; } laws[] = {
        {superposition_and_scaling, "superposition, and scaling of the inputs"},
        {currents_follow_the_scale_of_siemens, "all siemens times 4: all currents times 4"},
        {reciprocity, "reciprocity"},
        {more_conductance_never_draws_less_power, "passivity: raising a cell never lowers the power"},
        {power_in_is_power_dissipated, "power in is power dissipated"},
        {each_line_dissipates_its_own, "each line dissipates what its own branches do"},
        {kirchhoff_at_every_node, "Kirchhoff's current law at every node, from the returned branch currents"},
        {the_reported_violation_is_small, "the reported violation of Kirchhoff's law is small"},
    };
    for (int e = 0; e < ENGINES; e++) {
        for (size_t k = 0; k < sizeof laws / sizeof *laws; k++) {
            int wrong = 0;
            for (unsigned long long seed = 1; seed <= CASES; seed++)
                wrong += !laws[k].holds(seed, every_engine[e]);
            tap_ok(wrong == 0, "%s: %s (%d arrays)", xo_engine_name(every_engine[e]), laws[k].name, CASES);
        }
        wires_to_zero(every_engine[e]);
    }
    return tap_done();
}
