/* Does engine `auto` choose well?
 *     bench/choice [ARRAYS [LARGEST [FIRST]]]     default 60 192 1: so many arrays, sides up to that, first seed
 *     bench/choice grid [LARGEST]                 default 256: ordinary arrays, a grid of sides, cells, wires, inputs
 * Each array is solved by line, by cholmod and by auto, from the description to proven currents, in processor time,
 * best of several; what matters is auto over the better of the others.
 * The arrays are hard: cells of 1k to 10k ohm or a thousand times less or more, wires of 1 to 100 ohm that may
 * differ, ends up to a megohm, single rows and columns, lines that float or are held, faults, 1 to 200 inputs.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "plan.h"

enum { LISTED = 12 };

struct array {
    struct xo_crossbar x;
    size_t inputs;
    double *cell_siemens, *row_volt, *row_wire, *column_wire, *amp;
    struct xo_line *word, *bit;
    struct xo_stuck stuck[LISTED];
    struct xo_site open_cell[LISTED], word_segment[LISTED], bit_segment[LISTED];
    char kind[200];
};

static double uniform(unsigned long long *state)                  /* splitmix64 */
{
    unsigned long long z = (*state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static double between(unsigned long long *state, double low, double high)      /* evenly on a logarithmic scale */
{
    return low * exp(uniform(state) * log(high / low));
}

static double *numbers(size_t count)
{
    double *p = calloc(count + 1, sizeof *p);
    if (!p)
        exit(1);
    return p;
}

static struct xo_site any_site(unsigned long long *state, size_t rows, size_t columns)
{
    return (struct xo_site){(size_t)(uniform(state) * (double)rows), (size_t)(uniform(state) * (double)columns)};
}

static void break_things(struct array *a, unsigned long long *state)
{
    size_t rows = a->x.rows, columns = a->x.columns;
    for (size_t k = 0; k < LISTED; k++) {
        struct xo_site at = any_site(state, rows, columns);
        a->stuck[k] = (struct xo_stuck){at.row, at.column, between(state, 1e-5, 1e-2)};
        a->open_cell[k] = any_site(state, rows, columns);
        a->word_segment[k] = any_site(state, rows, columns - 1);
        a->bit_segment[k] = any_site(state, rows - 1, columns);
    }
    a->x.stuck = a->stuck;
    a->x.open_cell = a->open_cell;
    a->x.open_word_segment = a->word_segment;
    a->x.open_bit_segment = a->bit_segment;
    a->x.stuck_count = a->x.open_cell_count = LISTED;
    a->x.open_word_segment_count = columns > 1 ? LISTED / 4 : 0;
    a->x.open_bit_segment_count = rows > 1 ? LISTED / 4 : 0;
}

static void hold_things(struct array *a, unsigned long long *state)
{
    a->word = calloc(a->x.rows, sizeof *a->word);
    a->bit = calloc(a->x.columns, sizeof *a->bit);
    if (!a->word || !a->bit)
        exit(1);
    for (size_t i = 1; i < a->x.rows; i++)
        if (uniform(state) < 0.3)
            a->word[i] = (struct xo_line){uniform(state) < 0.5 ? XO_LINE_FLOATING : XO_LINE_HELD, 0.1};
    for (size_t j = 1; j < a->x.columns; j++)
        if (uniform(state) < 0.3)
            a->bit[j].state = XO_LINE_FLOATING;
    a->x.word_line = a->word;
    a->x.bit_line = a->bit;
}

static void unequal(struct xo_values *v, double **own, size_t count, double spread, unsigned long long *state)
{
    v->each = *own = numbers(count);
    for (size_t k = 0; k < count; k++)
        (*own)[k] = v->all * between(state, 1 / spread, spread);
}

static void make(struct array *a, unsigned long long seed, double largest)
{
    unsigned long long state = seed * 7919;
    static const size_t inputs[] = {1, 1, 1, 2, 4, 8, 16, 50, 200};
    size_t rows = (size_t)between(&state, 24, largest), columns = (size_t)between(&state, 24, largest);
    double shape = uniform(&state), kind = uniform(&state);
    double ease = kind < 0.5 ? 1 : kind < 0.7 ? between(&state, 1e-3, 1) : between(&state, 1, 1000);
    bool square = shape < 0.5, single = shape > 0.9;
    columns = square ? rows : shape > 0.95 ? 1 : columns;
    rows = single && shape <= 0.95 ? 1 : rows;
    *a = (struct array){.x = xo_crossbar_default(rows, columns), .inputs = inputs[(size_t)(uniform(&state) * 9)]};
    a->x.row_wire_ohm.all = between(&state, 1, 100);
    a->x.column_wire_ohm.all = uniform(&state) < 0.5 ? a->x.row_wire_ohm.all : between(&state, 1, 100);
    double ends = uniform(&state) < 0.8 ? 1000 : 1e6;
    a->x.driver_ohm.all = between(&state, 1, ends);
    a->x.sense_ohm.all = between(&state, 1, ends);
    a->x.drive_side = (enum xo_drive_side)(uniform(&state) * 3);
    a->x.sense_side = (enum xo_sense_side)(uniform(&state) * 3);
    bool differ = uniform(&state) < 0.4, held = uniform(&state) < 0.25, broken = uniform(&state) < 0.25;
    bool bipolar = uniform(&state) < 0.3;
    if (differ) {
        unequal(&a->x.row_wire_ohm, &a->row_wire, rows * (columns - 1), 10, &state);
        unequal(&a->x.column_wire_ohm, &a->column_wire, (rows - 1) * columns, 10, &state);
    }
    if (held)
        hold_things(a, &state);
    if (broken)
        break_things(a, &state);
    a->cell_siemens = numbers(rows * columns);
    a->row_volt = numbers(a->inputs * rows);
    a->amp = numbers(a->inputs * columns);
    for (size_t k = 0; k < rows * columns; k++)
        a->cell_siemens[k] = uniform(&state) < 0.02 ? 0 : between(&state, 1e-4, 1e-3) / ease;
    for (size_t k = 0; k < a->inputs * rows; k++)
        a->row_volt[k] = 0.2 * (uniform(&state) - (bipolar ? 0.5 : 0));
    snprintf(a->kind, sizeof a->kind, "%zux%zu %zu%s%s%s%s %.2g S %.2g,%.2g ohm", rows, columns, a->inputs,
             differ ? " unequal" : "", held ? " held" : "", broken ? " faults" : "", bipolar ? " bipolar" : "",
             5e-4 / ease, a->x.row_wire_ohm.all, a->x.column_wire_ohm.all);
}

static void array_free(struct array *a)
{
    free(a->cell_siemens);
    free(a->row_volt);
    free(a->row_wire);
    free(a->column_wire);
    free(a->amp);
    free(a->word);
    free(a->bit);
}

struct result { double sec; int iterations; enum xo_engine engine; };

static double now_sec(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* From description to currents, once; INFINITY where they are not proven. */
static struct result run(const struct array *a, enum xo_engine engine)
{
    struct xo_options options = {.engine = engine, .inputs = a->inputs};
    struct xo_solution s = {.column_amp = a->amp};
    struct result r = {INFINITY, 0, engine};
    xo_circuit *circuit = NULL;
    xo_plan *plan = NULL;
    xo_factor *factor = NULL;
    double begin = now_sec();
    int status = xo_circuit_new(&circuit, &a->x, NULL) || xo_plan_new(&plan, circuit, &options, NULL)
                 || xo_factor_new(&factor, plan, a->cell_siemens, NULL)
                 || xo_solve(factor, a->inputs, a->row_volt, &s, NULL);
    if (!status)
        r = (struct result){now_sec() - begin, s.iterations, xo_factor_engine(factor)};
    xo_factor_free(factor);
    xo_plan_free(plan);
    xo_circuit_free(circuit);
    return r;
}

/* The best of three or more, in turn, so that what disturbs one disturbs all; line and auto both find the caches as
 * cholmod left them. */
static void compare(const struct array *a, struct result best[3])
{
    static const enum xo_engine engines[3] = {XO_ENGINE_LINE, XO_ENGINE_CHOLMOD, XO_ENGINE_AUTO};
    double spent = 0;
    for (int round = 0; round < 20 && (round < 3 || spent < 0.1) && spent < 3; round++)
        for (int turn = 0; turn < 4; turn++) {
            int which = turn % 2 ? 1 : turn;
            struct result r = run(a, engines[which]);
            best[which] = round && best[which].sec <= r.sec ? best[which] : r;
            spent += isfinite(r.sec) ? r.sec : 0.1;
        }
}

static double expected_iterations(const struct array *a)
{
    xo_circuit *circuit = NULL;
    double iterations = 0;
    if (!xo_circuit_new(&circuit, &a->x, NULL) && circuit->lines)
        iterations = xo_line_iterations(circuit->lines, a->cell_siemens);
    xo_circuit_free(circuit);
    return iterations;
}

/* ---- a grid of ordinary arrays ----------------------------------------------------------------------- */

static const struct { size_t rows, columns; } shapes[] = {
    {16, 16}, {32, 32}, {64, 64}, {16, 128}, {128, 32}, {128, 128}, {64, 512}, {256, 256}, {512, 128}, {512, 512}
};
static const double cell_ohms[] = {1, 100, 1e3, 1e4, 1e5, 1e6}, wire_ohms[] = {0.01, 0.1, 1, 10, 100};
static const size_t input_counts[] = {1, 8, 64};
#define EACH(list, k) (size_t k = 0; k < sizeof (list) / sizeof *(list); k++)

/* Cells spread over the decade above low_ohm, ends of 100 ohm, inputs of 0 to 0.2 V. */
static void make_ordinary(struct array *a, size_t rows, size_t columns, double low_ohm, double wire_ohm,
                          size_t inputs)
{
    unsigned long long state = rows * 7919 + columns;
    *a = (struct array){.x = xo_crossbar_default(rows, columns), .inputs = inputs,
                        .cell_siemens = numbers(rows * columns), .row_volt = numbers(inputs * rows),
                        .amp = numbers(inputs * columns)};
    a->x.row_wire_ohm.all = a->x.column_wire_ohm.all = wire_ohm;
    for (size_t k = 0; k < rows * columns; k++)
        a->cell_siemens[k] = between(&state, 0.1, 1) / low_ohm;
    for (size_t k = 0; k < inputs * rows; k++)
        a->row_volt[k] = 0.2 * uniform(&state);
    snprintf(a->kind, sizeof a->kind, "%zux%zu, %zu inputs, %g-%g ohm cells, %g ohm wires", rows, columns, inputs,
             low_ohm, 10 * low_ohm, wire_ohm);
}

/* How auto did on arrays of one shape and number of inputs. */
struct tally { size_t count, lines, over; double worst; char where[400]; };

static void count_in(struct tally *t, const struct array *a, const struct result best[3])
{
    double ratio = best[2].sec / fmin(best[0].sec, best[1].sec);
    t->count++;
    t->lines += best[0].sec < best[1].sec;
    t->over += ratio > 1.2;
    if (!(ratio <= t->worst)) {
        t->worst = ratio;
        snprintf(t->where, sizeof t->where, "%s: line %.3g, cholmod %.3g, auto %.3g ms (%s)", a->kind,
                 1e3 * best[0].sec, 1e3 * best[1].sec, 1e3 * best[2].sec, xo_engine_name(best[2].engine));
    }
}

static void grid(size_t largest)
{
    struct tally all = {0};
    printf("%10s %6s %6s %9s %6s %6s  %s\n", "array", "inputs", "cases", "line best", "> 1.2", "worst", "where");
    for EACH(shapes, s)
        for EACH(input_counts, n) {
            struct tally t = {0};
            size_t rows = shapes[s].rows, columns = shapes[s].columns;
            if (rows * columns > largest * largest)
                continue;
            for EACH(cell_ohms, c)
                for EACH(wire_ohms, w) {
                    struct array a;
                    struct result best[3];
                    make_ordinary(&a, rows, columns, cell_ohms[c], wire_ohms[w], input_counts[n]);
                    compare(&a, best);
                    count_in(&t, &a, best);
                    count_in(&all, &a, best);
                    array_free(&a);
                }
            printf("%5zux%-4zu %6zu %6zu %9zu %6zu %6.2f  %s\n", rows, columns, input_counts[n], t.count, t.lines,
                   t.over, t.worst, t.where);
            fflush(stdout);
        }
    printf("# %zu arrays, auto over 1.2 of the better engine in %zu; worst %.2f: %s\n", all.count, all.over,
           all.worst, all.where);
}

static void random_arrays(unsigned long long count, double largest, unsigned long long first)
{
    double worst = 0;
    printf("# seconds of one core; iterations: worst input's, and expected\n");
    printf("%9s %9s %9s %6s %5s %5s  %-8s %s\n", "line", "cholmod", "auto", "ratio", "iter", "exp.", "took", "array");
    for (unsigned long long seed = first; seed < first + count; seed++) {
        struct array a;
        struct result best[3];
        make(&a, seed, largest);
        compare(&a, best);
        double ratio = best[2].sec / fmin(best[0].sec, best[1].sec);
        worst = fmax(worst, ratio);
        printf("%9.6f %9.6f %9.6f %6.2f %5d %5.0f  %-8s %s\n", best[0].sec, best[1].sec, best[2].sec, ratio,
               best[0].iterations, expected_iterations(&a), xo_engine_name(best[2].engine), a.kind);
        fflush(stdout);
        array_free(&a);
    }
    printf("# worst ratio of auto to the better engine: %.2f\n", worst);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "grid"))
        grid(argc > 2 ? strtoul(argv[2], NULL, 10) : 256);
    else
        random_arrays(argc > 1 ? strtoull(argv[1], NULL, 10) : 60, argc > 2 ? atof(argv[2]) : 192,
                      argc > 3 ? strtoull(argv[3], NULL, 10) : 1);
    return 0;
}
