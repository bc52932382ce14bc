/* Faults, lines, zero ohm and open, one small array each, so that a failure says what is broken.
 * Numbers are judged by the reference; what it cannot judge (names, messages, refusals) is stated here.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include "reference.h"
#include "solved.h"
#include "tap.h"

enum { M = 4, N = 3, CELLS = M * N };
static const double cell[CELLS] = {1e-5, 2e-5, 3e-5, 4e-5, 5e-5, 6e-5, 7e-5, 8e-5, 9e-5, 1e-6, 2e-6, 3e-6};
static const double volt[M] = {0.1, -0.2, 0.3, 0.4};

static struct xo_crossbar plain(void)
{
    struct xo_crossbar x = xo_crossbar_default(M, N);
    x.row_wire_ohm.all = 5;
    x.column_wire_ohm.all = 11;
    return x;
}

static int near(double got, quad want)
{
    return (isnan(got) && want != want) || quad_abs(got - want) <= (quad)1e-11 * quad_abs(want) + (quad)1e-18;
}

/* Currents, voltages and islands of every engine are the reference's. */
static int as_reference(const struct xo_crossbar *x, const double *cells)
{
    quad amp[N], node[2 * CELLS];
    int right = !reference_solve(x, cells, volt, amp, node);
    for (int e = 0; e < ENGINES; e++) {
        if (!engine_takes(every_engine[e], x))
            continue;
        struct solved *d = solved(x, cells, 1, volt, every_engine[e]);
        int same = !d->status;
        for (size_t j = 0; same && j < x->columns; j++)
            same = near(d->s.column_amp[j], amp[j]);
        for (size_t k = 0; same && k < 2 * x->rows * x->columns; k++)
            if (!(same = near(d->s.node_volt[k], node[k])))
                printf("# node %zu: %.17g, want %.17g\n", k, d->s.node_volt[k], (double)node[k]);
        if (!same)
            printf("# %s: status %d %s, I_0 %.17g, want %.17g\n", xo_engine_name(every_engine[e]), d->status,
                   d->info.text, d->stage == 4 ? d->s.column_amp[0] : 0, (double)amp[0]);
        right &= same;
        solved_free(d);
    }
    return right;
}

/* Both descriptions give the same currents. */
static int same_currents(const struct xo_crossbar *x, const double *cells, const struct xo_crossbar *y,
                         const double *other_cells)
{
    int right = 1;
    for (int e = 0; e < ENGINES; e++) {
        double a[N], b[N];
        if (!engine_takes(every_engine[e], x) || !engine_takes(every_engine[e], y))
            continue;
        right &= !solved_currents(x, cells, 1, volt, every_engine[e], a)
              && !solved_currents(y, other_cells, 1, volt, every_engine[e], b);
        for (size_t j = 0; right && j < x->columns; j++)
            right = fabs(a[j] - b[j]) <= 1e-13 * fabs(a[j]);
    }
    return right;
}

static void stuck_and_open_cells(void)
{
    static const struct xo_stuck stuck[3] = {{1, 2, 1e-3}, {1, 2, 2e-4}, {3, 0, 0}};
    static const struct xo_site open[1] = {{1, 2}};
    struct xo_crossbar x = plain(), y = plain();
    double other[CELLS];
    memcpy(other, cell, sizeof other);
    x.stuck = stuck;
    x.stuck_count = 3;
    other[5] = 2e-4;
    other[9] = 0;
    tap_ok(as_reference(&x, cell) && same_currents(&x, cell, &y, other), "a stuck cell: the later entry wins");
    x.open_cell = open;
    x.open_cell_count = 1;
    other[5] = 0;
    tap_ok(as_reference(&x, cell) && same_currents(&x, cell, &y, other), "open wins over stuck");
}

static void open_segments(void)
{
    static const struct xo_site word[2] = {{1, 0}, {3, 1}}, bit[1] = {{1, 2}};
    double row_wire[M * (N - 1)], column_wire[(M - 1) * N];
    struct xo_crossbar x = plain(), y = plain();
    for (size_t k = 0; k < M * (N - 1); k++)
        row_wire[k] = k == 2 || k == 7 ? XO_OPEN : 5;
    for (size_t k = 0; k < (M - 1) * N; k++)
        column_wire[k] = k == 5 ? XO_OPEN : 11;
    x.open_word_segment = word;
    x.open_word_segment_count = 2;
    x.open_bit_segment = bit;
    x.open_bit_segment_count = 1;
    y.row_wire_ohm.each = row_wire;
    y.column_wire_ohm.each = column_wire;
    tap_ok(as_reference(&x, cell) && as_reference(&y, cell) && same_currents(&x, cell, &y, cell),
           "an open segment is a wire of open resistance");
}

static void bridges(void)
{
    static const struct xo_bridge word[3] = {{0, 1, 7}, {2, 2, 0}, {0, 1, 200}};
    static const struct xo_bridge bit[2] = {{3, 0, 50}, {1, 1, XO_OPEN}};
    struct xo_crossbar x = plain();
    x.word_bridge = word;
    x.word_bridge_count = 3;
    tap_ok(as_reference(&x, cell), "word-line bridges, one of 0 ohm, one replaced by a later entry");
    x.word_bridge_count = 0;
    x.bit_bridge = bit;
    x.bit_bridge_count = 2;
    tap_ok(as_reference(&x, cell), "bit-line bridges, one of them open");
}

static void lines(void)
{
    static const struct xo_line word[M] = {{XO_LINE_FLOATING, 0}, {XO_LINE_NORMAL, 0}, {XO_LINE_HELD, 0.15},
                                           {XO_LINE_GROUNDED, 9}};
    static const struct xo_line bit[N] = {{XO_LINE_FLOATING, 0}, {XO_LINE_HELD, 0.05}, {XO_LINE_NORMAL, 0}};
    struct xo_crossbar x = plain();
    x.word_line = word;
    tap_ok(as_reference(&x, cell), "floating, held and grounded word lines");
    x.bit_line = bit;
    x.sense_volt.all = 0.01;
    tap_ok(as_reference(&x, cell), "floating and held bit lines beside a sense voltage");
    struct solved *d = solved(&x, cell, 1, volt, XO_ENGINE_CHOLMOD);
    tap_ok(!d->status && d->s.column_amp[0] == 0 && d->s.bound_amp[0] == 0 && d->s.column_amp[1] != 0,
           "the current of a floating column is exactly 0, of a held one that into its source");
    tap_ok(!d->status && d->s.source_amp[0] == 0 && d->s.source_amp[3] != 0,
           "a floating word line has no source current, a grounded one has");
    solved_free(d);
}

static void all_sides(void)
{
    int right = 1;
    for (int drive = 0; drive < 3; drive++)
        for (int sense = 0; sense < 3; sense++) {
            struct xo_crossbar x = plain();
            x.drive_side = (enum xo_drive_side)drive;
            x.sense_side = (enum xo_sense_side)sense;
            right &= as_reference(&x, cell);
        }
    tap_ok(right, "nine combinations of driven and sensed sides");
}

static int all_nan(const double *a, size_t count)
{
    while (count > 0 && isnan(a[count - 1]))
        count--;
    return count == 0;
}

static void zero_ohm(void)
{
    struct xo_crossbar x = plain();
    x.row_wire_ohm.all = 0;
    tap_ok(as_reference(&x, cell), "row wires of 0 ohm");
    x.column_wire_ohm.all = 0;
    tap_ok(as_reference(&x, cell), "all wires of 0 ohm");
    x.sense_ohm.all = 0;
    x.sense_side = XO_SENSE_BOTH;
    tap_ok(as_reference(&x, cell), "senses of 0 ohm at both ends of zero-ohm columns");
    x.driver_ohm.all = 0;
    x.drive_side = XO_DRIVE_BOTH;
    tap_ok(as_reference(&x, cell), "no resistance but the cells");
    struct solved *d = solved(&x, cell, 1, volt, XO_ENGINE_KLU);
    tap_ok(!d->status && all_nan(d->s.branch_amp.senses, 2 * N) && all_nan(d->s.branch_amp.drivers, 2 * M)
           && all_nan(d->s.branch_amp.row_wires, M * (N - 1)) && all_nan(d->s.branch_amp.column_wires, (M - 1) * N)
           && !isnan(d->s.branch_amp.cells[0]), "what parallel zero-ohm branches share is undefined, and NaN");
    solved_free(d);
    x = plain();
    x.column_wire_ohm.all = 0;
    x.sense_ohm.all = 0;
    d = solved(&x, cell, 1, volt, XO_ENGINE_CHOLMOD);
    tap_ok(!d->status && fabs(d->s.branch_amp.senses[1] - d->s.column_amp[1]) <= 1e-15 * d->s.scale_amp[1],
           "a zero-ohm branch that is alone carries what Kirchhoff says");
    solved_free(d);
}

/* The tail of word line 1 behind a break, with no cell to hold it; bit line 2 without cells and without its sense. */
static void islands_are_named(void)
{
    static const struct xo_site word[1] = {{1, 0}};
    static const struct xo_line bit[N] = {{XO_LINE_NORMAL, 0}, {XO_LINE_NORMAL, 0}, {XO_LINE_FLOATING, 0}};
    double cells[CELLS];
    char name[2][128] = {"", ""};
    struct xo_crossbar x = plain();
    memcpy(cells, cell, sizeof cells);
    cells[4] = cells[2] = cells[5] = cells[8] = cells[11] = 0;
    x.open_word_segment = word;
    x.open_word_segment_count = 1;
    x.bit_line = bit;
    tap_ok(as_reference(&x, cells), "islands are NaN, everything else is exact");
    for (int e = 0; e < ENGINES; e++) {
        struct solved *d = solved(&x, cells, 1, volt, every_engine[e]);
        size_t count = d->factor ? xo_factor_islands(d->factor) : 0;
        for (size_t k = 0; k < count && k < 2; k++)
            xo_factor_island_name(d->factor, k, name[k], sizeof name[k]);
        printf("# %zu islands: \"%s\", \"%s\"\n", count, name[0], name[1]);
        tap_ok(count == 2 && strstr(name[0], "word line 1") && strstr(name[0], "1-2")
               && strstr(name[1], "bit line 2"),
               "%s: two islands, named", xo_engine_name(every_engine[e]));
        if (count)
            xo_factor_island_name(d->factor, 0, name[1], 5);
        tap_ok(strlen(name[1]) <= 4, "%s: a name that does not fit is cut", xo_engine_name(every_engine[e]));
        solved_free(d);
    }
}

static void an_array_of_islands(void)
{
    struct xo_crossbar x = plain();
    x.driver_ohm.all = x.sense_ohm.all = XO_OPEN;
    tap_ok(as_reference(&x, cell), "everything open: no current, all voltages NaN");
    x = plain();
    double none[CELLS] = {0};
    tap_ok(as_reference(&x, none), "no cell conducts: no current, rows at their voltage");
}

static void a_dead_row_and_a_dead_column(void)
{
    static const struct xo_line word[M] = {{XO_LINE_NORMAL, 0}, {XO_LINE_NORMAL, 0}, {XO_LINE_FLOATING, 0},
                                           {XO_LINE_NORMAL, 0}};
    static const struct xo_line bit[N] = {{XO_LINE_NORMAL, 0}, {XO_LINE_FLOATING, 0}, {XO_LINE_NORMAL, 0}};
    double driver[M] = {100, XO_OPEN, 100, 100}, sense[N] = {100, 100, XO_OPEN};
    struct xo_crossbar x = plain();
    x.driver_ohm.each = driver;
    x.sense_ohm.each = sense;
    tap_ok(as_reference(&x, cell), "an open driver and an open sense");
    x = plain();
    x.word_line = word;
    x.bit_line = bit;
    tap_ok(as_reference(&x, cell), "a floating row and a floating column: sneak paths only");
}

static void a_conflict_between_held_lines_is_found_at_once(void)
{
    static const struct xo_line word[M] = {{XO_LINE_HELD, 0.1}, {XO_LINE_HELD, 0.2}, {XO_LINE_NORMAL, 0},
                                           {XO_LINE_NORMAL, 0}};
    static const struct xo_bridge bridge[1] = {{0, 1, 0}};
    struct xo_crossbar x = plain();
    x.word_line = word;
    x.word_bridge = bridge;
    x.word_bridge_count = 1;
    x.driver_ohm.all = x.row_wire_ohm.all = 0;
    struct solved *d = solved(&x, cell, 1, volt, XO_ENGINE_CHOLMOD);
    printf("# %s\n", d->info.text);
    tap_ok(d->status == XO_ECONFLICT && d->stage == 1, "two held lines joined by zero ohm: refused with the circuit");
    tap_ok(strstr(d->info.text, "word line 0") && strstr(d->info.text, "word line 1"), "the path is named");
    solved_free(d);
}

/* Found with the circuit even where the first line of the joined ones takes its voltage from the input. */
static void a_driven_line_does_not_hide_a_conflict(void)
{
    static const struct xo_line word[M] = {{XO_LINE_NORMAL, 0}, {XO_LINE_HELD, 0.1}, {XO_LINE_HELD, 0.2},
                                           {XO_LINE_NORMAL, 0}};
    static const struct xo_bridge bridge[2] = {{0, 1, 0}, {1, 1, 0}};
    struct xo_crossbar x = plain();
    x.word_line = word;
    x.word_bridge = bridge;
    x.word_bridge_count = 2;
    x.driver_ohm.all = x.row_wire_ohm.all = 0;
    struct solved *d = solved(&x, cell, 1, volt, XO_ENGINE_CHOLMOD);
    printf("# %s\n", d->info.text);
    tap_ok(d->status == XO_ECONFLICT && d->stage == 1 && strstr(d->info.text, "word line 1 at 0.1 V")
           && strstr(d->info.text, "word line 2 at 0.2 V"), "a driven line among them does not hide the conflict");
    solved_free(d);
}

static void a_conflict_between_sources_depends_on_the_input(enum xo_engine engine)
{
    static const struct xo_bridge bridge[1] = {{0, 1, 0}};
    static const double equal[M] = {0.2, 0.2, 0.3, 0.4};
    struct xo_crossbar x = plain();
    x.word_bridge = bridge;
    x.word_bridge_count = 1;
    x.driver_ohm.all = x.row_wire_ohm.all = 0;
    struct solved *d = solved(&x, cell, 1, volt, engine);
    tap_ok(d->status == XO_ECONFLICT && d->stage == 4 && d->info.text[0], "%s: sources at 0.1 V and -0.2 V joined",
           xo_engine_name(engine));
    tap_ok(d->stage == 4 && d->s.column_amp[0] == SOLVED_MARK, "%s: outputs untouched", xo_engine_name(engine));
    solved_free(d);
    d = solved(&x, cell, 1, equal, engine);
    quad amp[N];
    int right = !d->status && !reference_solve(&x, cell, equal, amp, NULL);
    for (size_t j = 0; right && j < N; j++)
        right = near(d->s.column_amp[j], amp[j]);
    tap_ok(right, "%s: the same sources at one voltage are solved", xo_engine_name(engine));
    solved_free(d);
}

static void joined_columns_share_their_sum(enum xo_engine engine)
{
    static const struct xo_bridge bridge[1] = {{M - 1, 0, 0}};
    struct xo_crossbar x = plain();
    size_t partner = 99;
    x.sense_ohm.all = 0;
    x.bit_bridge = bridge;
    x.bit_bridge_count = 1;
    struct solved *d = solved(&x, cell, 1, volt, engine);
    tap_ok(!d->status && xo_circuit_split_undefined(d->circuit, 0, &partner) && partner == 1
           && xo_circuit_split_undefined(d->circuit, 1, NULL) && !xo_circuit_split_undefined(d->circuit, 2, NULL),
           "%s: columns 0 and 1 are told to be undefined apart", xo_engine_name(engine));
    tap_ok(!d->status && d->s.column_amp[0] == d->s.column_amp[1] && as_reference(&x, cell),
           "%s: they share the sum equally", xo_engine_name(engine));
    solved_free(d);
}

/* One wrong thing at a time; each must be refused by the circuit with a word about it. */
static void descriptions_that_are_refused(void)
{
    static const struct xo_site site = {M, 0}, segment = {0, N - 1}, bit_segment = {M - 1, 0};
    static const struct xo_stuck stuck = {0, N, 1e-5}, negative = {0, 0, -1e-5};
    static const struct xo_bridge word = {M - 1, 0, 1}, bit = {0, N - 1, 1}, bad = {0, 0, -2};
    static const struct xo_line held[M] = {{XO_LINE_HELD, NAN}};
    static const double driver[M] = {1, 2, -3, 4};
    struct xo_crossbar x[17];
    static const char *const what[17] = {
        "no rows", "no columns", "a negative wire", "a NaN sense", "a driver below 1e-12 ohm",
        "a sense above 1e30 ohm", "one negative driver of many", "an infinite sense voltage", "an open cell outside",
        "a word segment outside", "a bit segment outside", "a stuck cell outside",
        "a stuck cell of negative conductance", "a word bridge outside", "a bit bridge outside", "a negative bridge",
        "a line held at NaN"};
    for (int k = 0; k < 17; k++)
        x[k] = plain();
    x[0].rows = 0;
    x[1].columns = 0;
    x[2].row_wire_ohm.all = -1;
    x[3].sense_ohm.all = NAN;
    x[4].driver_ohm.all = 1e-13;
    x[5].sense_ohm.all = 1e31;
    x[6].driver_ohm.each = driver;
    x[7].sense_volt.all = INFINITY;
    x[8].open_cell = &site;
    x[9].open_word_segment = &segment;
    x[10].open_bit_segment = &bit_segment;
    x[11].stuck = &stuck;
    x[12].stuck = &negative;
    x[13].word_bridge = &word;
    x[14].bit_bridge = &bit;
    x[15].word_bridge = &bad;
    x[16].word_line = held;
    x[8].open_cell_count = x[9].open_word_segment_count = x[10].open_bit_segment_count = x[11].stuck_count = 1;
    x[12].stuck_count = x[13].word_bridge_count = x[14].bit_bridge_count = x[15].word_bridge_count = 1;
    for (int k = 0; k < 17; k++) {
        xo_circuit *circuit = NULL;
        struct xo_info info = {""};
        int status = xo_circuit_new(&circuit, &x[k], &info);
        tap_ok(status && status != ENOMEM && !circuit && info.text[0], "refused: %s (%s)", what[k], info.text);
        xo_circuit_free(circuit);
    }
}

static void numbers_that_are_refused(enum xo_engine engine)
{
    static const double bad_cell[] = {-1e-6, NAN, INFINITY, 1e13, 1e-31};
    static const double bad_volt[] = {NAN, INFINITY, -INFINITY, 2e12};
    struct xo_crossbar x = plain();
    int right = 1;
    for (size_t k = 0; k < 5; k++) {
        double cells[CELLS];
        memcpy(cells, cell, sizeof cells);
        cells[7] = bad_cell[k];
        struct solved *d = solved(&x, cells, 1, volt, engine);
        right &= d->status == XO_EVALUE && d->stage == 3 && strstr(d->info.text, "2") && strstr(d->info.text, "1");
        if (k == 0)
            printf("# %s\n", d->info.text);
        solved_free(d);
    }
    tap_ok(right, "%s: negative, NaN, infinite, huge, tiny conductances, the cell is named", xo_engine_name(engine));
    right = 1;
    for (size_t k = 0; k < 4; k++) {
        double volts[M] = {0.1, 0.2, bad_volt[k], 0.3};
        struct solved *d = solved(&x, cell, 1, volts, engine);
        right &= d->status == XO_EVALUE && d->stage == 4 && d->s.column_amp[0] == SOLVED_MARK && d->info.text[0];
        solved_free(d);
    }
    tap_ok(right, "%s: NaN, infinite and huge voltages, outputs untouched", xo_engine_name(engine));
}

/* A voltage that is ignored may be anything. */
static void the_voltage_of_a_row_that_is_not_driven_is_ignored(enum xo_engine engine)
{
    static const struct xo_line word[M] = {{XO_LINE_NORMAL, 0}, {XO_LINE_GROUNDED, 0}, {XO_LINE_NORMAL, 0},
                                           {XO_LINE_FLOATING, 0}};
    double odd[M] = {0.1, 77, 0.3, -5}, even[M] = {0.1, 0, 0.3, 0}, a[N], b[N];
    struct xo_crossbar x = plain();
    x.word_line = word;
    int right = !solved_currents(&x, cell, 1, odd, engine, a) && !solved_currents(&x, cell, 1, even, engine, b);
    tap_ok(right && !memcmp(a, b, sizeof a), "%s: voltages of undriven rows are ignored", xo_engine_name(engine));
}

int main(void)
{
    stuck_and_open_cells();
    open_segments();
    bridges();
    lines();
    all_sides();
    zero_ohm();
    islands_are_named();
    an_array_of_islands();
    a_dead_row_and_a_dead_column();
    a_conflict_between_held_lines_is_found_at_once();
    a_driven_line_does_not_hide_a_conflict();
    descriptions_that_are_refused();
    for (int e = 0; e < NETWORK_ENGINES; e++) {
        a_conflict_between_sources_depends_on_the_input(every_engine[e]);
        joined_columns_share_their_sum(every_engine[e]);
    }
    for (int e = 0; e < ENGINES; e++) {
        numbers_that_are_refused(every_engine[e]);
        the_voltage_of_a_row_that_is_not_driven_is_ignored(every_engine[e]);
    }
    return tap_done();
}
