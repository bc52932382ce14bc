/* The arrays a device engineer would bring, every engine against the reference.  The largest ones take seconds each:
 * they are tried with CROSSOHM_LONG (make check-long).
 *     t-arrays [NAME]        only arrays whose name contains NAME
 * Prints one line per array and engine: worst error and worst bound over s_j, refinement steps, seconds.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <time.h>
#include "reference.h"
#include "solved.h"
#include "tap.h"

#define MAX_ERROR 1e-10                /* over s_j */
#define MAX_BOUND 1e-8
#define QUICK_CELLS 10000             /* larger arrays only with CROSSOHM_LONG, or by name */

struct array {
    const char *name;
    size_t rows, columns, inputs;
    double low_ohm, high_ohm;          /* cells, log-uniform */
    double row_wire, column_wire, driver, sense;
    int bipolar, faulty;
    double lost;                       /* at least this part of the ideal current must be lost; 0: not asked */
};

static const struct array arrays[] = {
    {"128x128, 10k-1M ohm",               128, 128, 4, 1e4, 1e6, 1,    1,    100, 100, 0, 0, 0},
    {"64x64, 1k-10k ohm, 10 ohm wires",    64,  64, 8, 1e3, 1e4, 10,   10,   100, 100, 0, 0, 0},
    {"96x40, unequal wires",               96,  40, 8, 1e4, 1e6, 0.5,  7,    200, 50,  1, 0, 0},
    {"20x150, unequal wires",              20, 150, 8, 1e4, 1e6, 6,    0.3,  50,  300, 1, 0, 0},
    {"64x48, opens, stuck cells, a dead row and column", 64, 48, 6, 1e4, 1e6, 2, 3, 100, 100, 1, 1, 0},
    {"60x90, row wires of 0 ohm",          60,  90, 4, 1e4, 1e6, 0,    2,    100, 100, 1, 0, 0},
    {"90x60, column wires of 0 ohm",       90,  60, 4, 1e4, 1e6, 2,    0,    100, 100, 1, 0, 0},
    {"70x80, all wires of 0 ohm",          70,  80, 4, 1e4, 1e6, 0,    0,    100, 100, 1, 0, 0},
    {"70x80, wires and ends of 0 ohm",     70,  80, 4, 1e4, 1e6, 0,    0,    0,   0,   1, 0, 0},
    {"1x9",                                 1,   9, 4, 1e4, 1e6, 3,    5,    100, 100, 1, 0, 0},
    {"9x1",                                 9,   1, 4, 1e4, 1e6, 3,    5,    100, 100, 1, 0, 0},
    {"48x72, 1k-100M ohm, bipolar",        48,  72, 8, 1e3, 1e8, 1,    2,    100, 100, 1, 0, 0},
    {"256x256 that loses nearly everything", 256, 256, 2, 1e3, 1e4, 450, 450, 100, 100, 0, 0, 0.9996},
};

struct dead {                          /* 10 % open, 5 % stuck, row 7 and column 11 dead */
    struct xo_site *open;
    struct xo_stuck *stuck;
    struct xo_line *word, *bit;
};

static void *checked(void *block)
{
    if (!block)
        abort();
    return block;
}

static struct dead make_faulty(struct xo_crossbar *x, unsigned long long *state)
{
    size_t cells = x->rows * x->columns;
    struct dead d = {checked(calloc(cells, sizeof *d.open)), checked(calloc(cells, sizeof *d.stuck)),
                     checked(calloc(x->rows, sizeof *d.word)), checked(calloc(x->columns, sizeof *d.bit))};
    for (size_t k = 0; k < cells; k++) {
        double u = tap_uniform(state);
        if (u < 0.10)
            d.open[x->open_cell_count++] = (struct xo_site){k / x->columns, k % x->columns};
        else if (u < 0.15)
            d.stuck[x->stuck_count++] = (struct xo_stuck){k / x->columns, k % x->columns, u < 0.125 ? 1e-4 : 1e-8};
    }
    d.word[7].state = d.bit[11].state = XO_LINE_FLOATING;
    x->open_cell = d.open;
    x->stuck = d.stuck;
    x->word_line = d.word;
    x->bit_line = d.bit;
    return d;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* amp, scale: [inputs][columns] */
static int solve_exactly(const struct xo_crossbar *x, const double *cells, size_t inputs, const double *volt,
                         quad *amp, quad *scale)
{
    struct reference *r = reference_new(x, cells, NULL);
    int status = r ? 0 : REFERENCE_NO_MEMORY;
    for (size_t n = 0; !status && n < inputs; n++) {
        status = reference_run(r, volt + n * x->rows, amp + n * x->columns, NULL);
        if (!status)
            status = reference_scale(r, volt + n * x->rows, scale + n * x->columns);
    }
    reference_free(r);
    return status;
}

static void judge(const struct array *a, const struct xo_crossbar *x, const double *cells, const double *volt,
                  const quad *amp, const quad *scale, enum xo_engine engine)
{
    double started = seconds(), error = 0, bound = 0, by_bound = 0;
    struct solved *d = solved(x, cells, a->inputs, volt, engine);
    double took = seconds() - started;
    for (size_t k = 0; d->stage == 4 && k < a->inputs * x->columns; k++) {
        quad off = quad_abs(d->s.column_amp[k] - amp[k]);
        if (scale[k] == 0) {
            error = d->s.column_amp[k] != 0 || d->s.bound_amp[k] != 0 ? INFINITY : error;
            continue;
        }
        error = fmax(error, (double)(off / scale[k]));
        bound = fmax(bound, (double)(d->s.bound_amp[k] / scale[k]));
        by_bound = fmax(by_bound, (double)(off / d->s.bound_amp[k]));
    }
    printf("# %-50s %-9s error %8.2g  bound %8.2g  error/bound %8.2g  refinements %d  %6.2f s\n", a->name,
           xo_engine_name(engine), error, bound, by_bound, d->s.refinements, took);
    tap_ok(!d->status, "%s: %s: solved and proven %s", xo_engine_name(engine), a->name, d->info.text);
    tap_ok(!d->status && error < MAX_ERROR, "%s: %s: error below 1e-10", xo_engine_name(engine), a->name);
    tap_ok(!d->status && by_bound <= 1 && bound < MAX_BOUND, "%s: %s: bound holds and is below 1e-8",
           xo_engine_name(engine), a->name);
    solved_free(d);
}

/* The part of the ideal current G^T V that does not arrive, over all columns of the first input. */
static double part_lost(const struct xo_crossbar *x, const double *cells, const double *volt, const quad *amp)
{
    double ideal = 0, real = 0;
    for (size_t j = 0; j < x->columns; j++) {
        real += (double)amp[j];
        for (size_t i = 0; i < x->rows; i++)
            ideal += cells[i * x->columns + j] * volt[i];
    }
    return 1 - real / ideal;
}

static void try_array(const struct array *a, unsigned long long seed)
{
    size_t count = a->rows * a->columns, currents = a->inputs * a->columns;
    double *cells = checked(calloc(count, sizeof *cells)), *volt = checked(calloc(a->inputs * a->rows, sizeof *volt));
    quad *amp = checked(calloc(currents, sizeof *amp)), *scale = checked(calloc(currents, sizeof *scale));
    struct dead dead = {NULL, NULL, NULL, NULL};
    struct xo_crossbar x = xo_crossbar_default(a->rows, a->columns);
    x.row_wire_ohm.all = a->row_wire;
    x.column_wire_ohm.all = a->column_wire;
    x.driver_ohm.all = a->driver;
    x.sense_ohm.all = a->sense;
    for (size_t k = 0; k < count; k++)
        cells[k] = 1 / (a->low_ohm * pow(a->high_ohm / a->low_ohm, tap_uniform(&seed)));
    for (size_t k = 0; k < a->inputs * a->rows; k++)
        volt[k] = 0.2 * (a->bipolar ? 2 * tap_uniform(&seed) - 1 : tap_uniform(&seed));
    if (a->faulty)
        dead = make_faulty(&x, &seed);
    double started = seconds();
    int status = solve_exactly(&x, cells, a->inputs, volt, amp, scale);
    printf("# %-50s reference: status %d, loses %.4g %%, %.2f s\n", a->name, status,
           100 * part_lost(&x, cells, volt, amp), seconds() - started);
    tap_ok(!status, "reference: %s", a->name);
    if (a->lost > 0)
        tap_ok(part_lost(&x, cells, volt, amp) > a->lost, "%s: loses more than %g %%", a->name, 100 * a->lost);
    for (int e = 0; !status && e < ENGINES; e++)
        if (engine_takes(every_engine[e], &x))
            judge(a, &x, cells, volt, amp, scale, every_engine[e]);
    free(cells);
    free(volt);
    free(amp);
    free(scale);
    free(dead.open);
    free(dead.stuck);
    free(dead.word);
    free(dead.bit);
}

int main(int argc, char **argv)
{
    for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++) {
        int quick = arrays[k].rows * arrays[k].columns < QUICK_CELLS || getenv("CROSSOHM_LONG");
        if (argc > 1 ? strstr(arrays[k].name, argv[1]) != NULL : quick)
            try_array(&arrays[k], 1000 + k);
    }
    return tap_done();
}
