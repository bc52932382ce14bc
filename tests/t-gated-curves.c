/* Gated columns of nonlinear cells, rung by rung: by hand, against Newton's method on the mesh with KLU, as stored in
 * a .fcm, and in float32.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <float.h>
#include "kernel.h"
#include "solved.h"
#include "tap.h"
#include "two-rungs.h"
#include "xo_calibrate.h"
#include "xo_ladder.h"

/* ---- arrays ----------------------------------------------------------------------------------------- */

enum { INPUTS = 4, LAWS = 5 };

static const double bends[] = {1, 0.5, 4}, bends_on[] = {1, -0.2, 2, 9};
static const double knot[] = {-1, -0.55, -0.3, -0.07, 0.05, 0.13, 0.31, 0.6, 1.1};
static const double knot_amp[2][9] = {{-3.1e-6, -1e-6, -4e-7, -8e-8, 5e-8, 1.6e-7, 5e-7, 1.4e-6, 4e-6},
                                      {-8e-5, -3e-5, -1.3e-5, -3e-6, 2e-6, 6e-6, 1.7e-5, 5e-5, 2e-4}};
static const struct xo_law_level polynomial_levels[] = {{1e-6, 3, bends, NULL, NULL},
                                                        {1e-4, 4, bends_on, NULL, NULL}};
static const struct xo_law_level table_levels[] = {{0, 9, NULL, knot, knot_amp[0]}, {0, 9, NULL, knot, knot_amp[1]}};
static const struct { const char *name; struct xo_device_law law; } laws[LAWS] = {
    {"sinh", {.law = XO_LAW_SINH, .reference_volt = 0.2, .v0_volt = 0.1}},
    {"steep sinh", {.law = XO_LAW_SINH, .reference_volt = 0.4, .v0_volt = 0.03}},
    {"polynomial", {.law = XO_LAW_POLYNOMIAL, .reference_volt = 0.2, .levels = 1, .level = polynomial_levels}},
    {"polynomials by level", {.law = XO_LAW_POLYNOMIAL, .reference_volt = 0.2, .levels = 2,
                              .level = polynomial_levels}},
    {"table", {.law = XO_LAW_TABLE, .reference_volt = 0.2, .levels = 2, .level = table_levels}},
};

struct curved { struct xo_crossbar x; double *ohm, *siemens, *gate; };

/* Unequal wires, some of them without ohms, faults, gated rows, either polarity. */
static struct curved curved_new(unsigned long long seed, size_t rows, size_t columns, int law, double most_ohm)
{
    static struct xo_line word[64];
    static struct xo_stuck stuck;
    static struct xo_site open_cell, open_segment;
    size_t cells = rows * columns;
    struct curved c = {xo_crossbar_default(rows, columns), malloc((4 * cells + 2 * columns) * sizeof(double)),
                       malloc(cells * sizeof(double)), malloc(INPUTS * rows * sizeof(double))};
    struct xo_crossbar *x = &c.x;
    x->topology = seed % 4 == 3 ? XO_TOPOLOGY_PLANE : XO_TOPOLOGY_SOURCE_COLUMN;
    x->input = XO_INPUT_GATE;
    x->cell_type = XO_CELL_1T1R;
    x->law = laws[law].law;
    x->transistor_ohm = seed % 3 ? 4000 * tap_uniform(&seed) : 0;
    x->transistor_off_siemens = x->transistor_ohm > 0 && tap_uniform(&seed) < 0.3 ? 1e-8 : 0;
    x->source_volt = (seed % 2 ? 1 : -1) * (0.1 + 0.8 * tap_uniform(&seed));
    x->sense_side = x->source_side = tap_uniform(&seed) < 0.5 ? XO_SENSE_TOP : XO_SENSE_BOTTOM;
    for (size_t k = 0; k < 4 * cells + 2 * columns; k++)
        c.ohm[k] = tap_uniform(&seed) < 0.2 ? 0 : most_ohm * tap_uniform(&seed);
    x->source_wire_ohm.each = c.ohm;
    x->column_wire_ohm.each = c.ohm + cells;
    x->series_ohm.each = seed % 5 ? c.ohm + 2 * cells : NULL;
    x->sense_ohm.each = c.ohm + 4 * cells;
    x->source_end_ohm.each = x->topology == XO_TOPOLOGY_PLANE ? NULL : c.ohm + 4 * cells + columns;
    x->source_end_ohm.all = 0;
    for (size_t k = 0; k < cells; k++)
        c.siemens[k] = tap_uniform(&seed) < 0.1 ? 0 : 1e-6 * pow(50, tap_uniform(&seed));
    for (size_t k = 0; k < INPUTS * rows; k++)
        c.gate[k] = tap_uniform(&seed) < 0.5 ? 0 : x->transistor_ohm > 0 && k % 7 == 0 ? tap_uniform(&seed) : 1;
    stuck = (struct xo_stuck){rows / 2, columns / 2, 3e-5};
    open_cell = (struct xo_site){rows - 1, 0};
    open_segment = (struct xo_site){rows / 3, columns - 1};
    word[rows / 4].state = XO_LINE_GATED;
    x->stuck = &stuck;
    x->open_cell = &open_cell;
    x->open_bit_segment = &open_segment;
    x->stuck_count = x->open_cell_count = 1;
    x->open_bit_segment_count = rows > 1 && seed % 6 == 0;
    x->word_line = rows > 4 ? memset(word, 0, sizeof word) : NULL;
    word[rows / 4].state = XO_LINE_GATED;
    return c;
}

static void curved_free(struct curved *c)
{
    free(c->ohm);
    free(c->siemens);
    free(c->gate);
}

/* ---- against the mesh ------------------------------------------------------------------------------- */

struct tally { int solved, failed; double gap, bound; };       /* gap: beyond both bounds, over full scale */

static void against_mesh(struct tally *t, struct curved *c)
{
    size_t count = INPUTS * c->x.columns;
    double *amp = marked_array(count), *bound = marked_array(count);
    struct xo_info info = {""};
    xo_ladder *l = NULL;
    struct solved *s = solved(&c->x, c->siemens, INPUTS, c->gate, XO_ENGINE_KLU);
    int status = xo_ladder_new(&l, &c->x, c->siemens, &info);
    if (!status)
        status = xo_ladder_currents(l, INPUTS, c->gate, amp, bound, &info);
    t->solved += !s->status && !status;
    if ((s->status != 0) != (status != 0)) {
        printf("# mesh %d %s, ladder %d %s\n", s->status, s->info.text, status, info.text);
        t->failed++;
    }
    for (size_t k = 0; k < count && !s->status && !status; k++) {
        double gap = fabs(amp[k] - s->s.column_amp[k]) - bound[k] - s->s.bound_amp[k];
        t->gap = fmax(t->gap, gap <= 0 ? 0 : gap / fmax(s->s.scale_amp[k], 1e-300));
        t->bound = fmax(t->bound, amp[k] == 0 ? 0 : bound[k] / fabs(amp[k]));
    }
    xo_ladder_free(l);
    solved_free(s);
    free(amp);
    free(bound);
}

static void ladders_agree_with_the_mesh(void)
{
    for (int law = 0; law < LAWS; law++) {
        struct tally t = {0};
        for (unsigned long long seed = 1; seed <= 16; seed++) {
            struct curved c = curved_new(seed + 100 * (unsigned)law, 1 + seed * 7 % 33, 1 + seed % 9, law,
                                         seed % 4 ? 20 : 2000);
            against_mesh(&t, &c);
            curved_free(&c);
        }
        tap_ok(!t.failed && t.solved >= 10 && t.gap == 0 && t.bound < 1e-9,
               "%s: 16 arrays, ladder and mesh within the sum of their bounds; %d solved, largest bound %.2g",
               laws[law].name, t.solved, t.bound);
    }
}

/* ---- by hand ---------------------------------------------------------------------------------------- */

static struct xo_crossbar two_bent_rungs(void)
{
    struct xo_crossbar x = two_rungs();
    x.law = laws[0].law;
    return x;
}

/* Current of a sinh cell behind 2 kohm, by bisection in long double. */
static long double cell_by_hand(long double siemens, long double volt)
{
    long double low = 0, high = volt, g = siemens * 0.2 / sinhl(2), amp = 0;
    for (int k = 0; k < 80; k++) {
        long double v = (low + high) / 2;
        amp = g * sinhl(v / 0.1);   /* the double 0.1, as the array has it */
        *(v + 2000 * amp < volt ? &low : &high) = v;
    }
    return amp;
}

/* Two nodes' voltages in turn, until they stay: no marching. */
static long double rungs_by_hand(const double *siemens)
{
    long double far = 0.19L, near = 0.19L, both = 0;
    for (int k = 0; k < 60; k++) {
        long double a = cell_by_hand(siemens[0], far), b = cell_by_hand(siemens[1], near);
        near = 0.2 - 160 * (a + b);
        far = near - 80 * a;
        both = a + b;
    }
    return both;
}

static void two_rungs_by_hand(void)
{
    struct xo_crossbar x = two_bent_rungs();
    const double cell[2] = {1e-4, 5e-5}, gate[4] = {1, 1, 1, 0};
    double amp[2] = {0}, bound[2] = {0};
    xo_ladder *l = NULL;
    int status = xo_ladder_new(&l, &x, cell, NULL);
    if (!status)
        status = xo_ladder_currents(l, 2, gate, amp, bound, NULL);
    long double both = rungs_by_hand(cell);
    tap_ok(!status && fabs((double)(amp[0] / both) - 1) < 1e-14 && bound[0] < 1e-13 * amp[0],
           "two rungs of law sinh by hand: %.17g A", amp[0]);
    long double alone = 0;
    for (int k = 0; k < 200; k++)
        alone = cell_by_hand(1e-4, 0.2 - 240 * alone);
    tap_ok(!status && fabs((double)(amp[1] / alone) - 1) < 1e-14, "the far one alone");
    xo_ladder_free(l);
}

/* The bound by itself: beside that of the mesh it would not be seen to fail. */
static void bound_holds_by_hand(void)
{
    struct xo_crossbar x = two_bent_rungs();
    const double gate[2] = {1, 1};
    double closest = 0;
    int wrong = 0;
    for (int k = 0; k < 24; k++) {
        const double cell[2] = {1e-5 * (1 + k), 3e-4 / (1 + k)};
        double amp = 0, bound = 0;
        xo_ladder *l = NULL;
        wrong += xo_ladder_new(&l, &x, cell, NULL) || xo_ladder_currents(l, 1, gate, &amp, &bound, NULL);
        double off = fabs((double)(amp - rungs_by_hand(cell)));
        wrong += !(off <= bound);
        closest = fmax(closest, off / bound);
        xo_ladder_free(l);
    }
    tap_ok(!wrong && closest > 0.003, "24 columns by hand: none beyond its own bound, one at %.2g of it", closest);
}

/* ---- hard cases ------------------------------------------------------------------------------------- */

static void hard_columns_converge(void)
{
    static const struct { double v0, volt, ohm, siemens; const char *what; } hard[] = {
        {0.1, 1, 10, 1e-4, "v0 0.1 V at 1 V, 10 ohm"},
        {0.02606, 1, 10, 1e-4, "60 mV per decade at 1 V"},
        {0.006, 1.1, 300, 1e-3, "183 v0, almost all lost"},
        {0.25, 0.5, 1e5, 1e-3, "linear where next to nothing is left"}};
    for (size_t k = 0; k < sizeof hard / sizeof *hard; k++) {
        struct xo_crossbar x = xo_crossbar_default(128, 2);
        double cell[256], gate[256], amp[4], bound[4], mesh[4] = {0};
        struct xo_info info = {""};
        xo_ladder *l = NULL;
        x.topology = XO_TOPOLOGY_SOURCE_COLUMN;
        x.input = XO_INPUT_GATE;
        x.cell_type = XO_CELL_1T1R;
        x.transistor_ohm = 1000;
        x.source_volt = hard[k].volt;
        x.source_wire_ohm.all = x.column_wire_ohm.all = hard[k].ohm;
        x.law = (struct xo_device_law){.law = XO_LAW_SINH, .v0_volt = hard[k].v0, .reference_volt = hard[k].volt};
        for (size_t n = 0; n < 256; n++) {
            cell[n] = hard[k].siemens * (n % 3 ? 1 : 0.01);
            gate[n] = n < 128 ? 1 : n % 5 == 0;
        }
        int status = xo_ladder_new(&l, &x, cell, &info);
        if (!status)
            status = xo_ladder_currents(l, 2, gate, amp, bound, &info);
        int other = solved_currents(&x, cell, 2, gate, XO_ENGINE_LADDER, mesh);
        double worst = 0;
        for (size_t n = 0; n < 4; n++)
            worst = fmax(worst, fabs(amp[n] / mesh[n] - 1) - (other ? INFINITY : 0));
        if (!tap_ok(!status && worst < 1e-9 && bound[0] <= 1e-9 * amp[0], "%s: converges, as the mesh does (%.2g)",
                    hard[k].what, worst))
            printf("# %d %s\n", status, info.text);
        xo_ladder_free(l);
    }
}

static void what_cannot_be_had(void)
{
    struct xo_crossbar x = two_bent_rungs();
    const double cell[2] = {1e-4, 5e-5}, gate[2] = {1, 1};
    double amp;
    struct xo_info info = {""};
    xo_ladder *l = NULL;
    x.law = laws[4].law;
    x.source_volt = 3;
    x.transistor_ohm = 10;
    int status = xo_ladder_new(&l, &x, (double[]){2e-5, 3e-5}, &info);
    if (!status)
        status = xo_ladder_currents(l, 1, gate, &amp, NULL, &info);
    tap_ok(status == XO_EVALUE && strstr(info.text, "where its law is known"), "a cell beyond its table: %s",
           info.text);
    xo_ladder_free(l);
    l = NULL;
    x = two_bent_rungs();
    x.source_side = XO_SENSE_TOP;
    status = xo_ladder_new(&l, &x, cell, &info);
    tap_ok(status == XO_EVALUE && !l && strstr(info.text, "of nonlinear cells, source lines end at one side"),
           "ends at two sides: %s", info.text);
    enum { ROWS = 400 };
    double many[ROWS], on[ROWS];
    x = xo_crossbar_default(ROWS, 1);
    x.topology = XO_TOPOLOGY_SOURCE_COLUMN;
    x.input = XO_INPUT_GATE;
    x.cell_type = XO_CELL_1T1R;
    x.source_wire_ohm.all = x.column_wire_ohm.all = 1e6;
    x.law = laws[0].law;
    for (size_t k = 0; k < ROWS; k++) {
        many[k] = 1e-4;
        on[k] = 1;
    }
    status = xo_ladder_new(&l, &x, many, NULL);
    if (!status)
        status = xo_ladder_currents(l, 1, on, &amp, NULL, &info);
    tap_ok(status == XO_ENOTPROVEN && strstr(info.text, "input 0: not converged: column 0"),
           "voltages too small for numbers are not called a solution: %s", info.text);
    xo_ladder_free(l);
}

/* ---- as a fast model -------------------------------------------------------------------------------- */

static void stored_curves_have_the_currents(void)
{
    double worst = 0, round_trip = 0;
    int failed = 0, exact = 0;
    for (int law = 0; law < LAWS; law++) {
        struct curved c = curved_new(61 + (unsigned)law, 19, 6, law, 30);
        struct xo_hardware h = {0}, described = {0};
        struct xo_fcm m = {0}, again = {0};
        struct xo_info info = {""};
        const struct xo_apply how = {0};
        double volt[INPUTS * 19], amp[INPUTS * 6], back[INPUTS * 6];
        c.x.transistor_off_siemens = 0;
        failed += xo_hardware_parse(&described, "{}", 2, "f", NULL, 0, NULL, NULL)
                  || xo_hardware_finish(&described, 19, 6, NULL);
        h = described;
        h.array = c.x;
        for (size_t k = 0; k < INPUTS * 19; k++) {
            c.gate[k] = c.x.transistor_ohm > 0 ? rint(c.gate[k] * 65535) / 65535 : c.gate[k];
            volt[k] = c.gate[k] * h.dac.read_volt;
        }
        struct solved *s = solved(&c.x, c.siemens, INPUTS, c.gate, XO_ENGINE_KLU);
        h.dac.bits = c.x.transistor_ohm > 0 ? 16 : 1;          /* gates between off and on */
        int status = xo_fit_array(&m, &h, c.siemens, 0, NULL, NULL, &info);
        if (!status)
            status = xo_fcm_apply(&m, &how, INPUTS, volt, amp, NULL, &info);
        if (!status)
            status = xo_fcm_write("curves.fcm", &m, &info);
        if (!status)
            status = xo_fcm_read(&again, "curves.fcm", &info);
        if (!status)
            status = xo_fcm_apply(&again, &how, INPUTS, volt, back, NULL, &info);
        if (status || s->status)
            printf("# %s: %s %s\n", laws[law].name, info.text, s->info.text);
        failed += status || s->status;
        double full = 0;
        for (size_t k = 0; k < INPUTS * 6 && !status; k++)
            full = fmax(full, fabs(s->s.column_amp[k]));
        for (size_t k = 0; k < INPUTS * 6 && !status; k++) {
            worst = fmax(worst, fabs(amp[k] - s->s.column_amp[k]) / full);
            round_trip = fmax(round_trip, fabs(amp[k] - back[k]));
        }
        exact += m.exact || m.g_ni_siemens;
        xo_fcm_free(&m);
        xo_fcm_free(&again);
        xo_hardware_free(&described);
        solved_free(s);
        curved_free(&c);
    }
    remove("curves.fcm");
    tap_ok(!failed && worst < 1e-11, "a .fcm's curves: within %.2g of the mesh for every law", worst);
    tap_ok(!failed && round_trip == 0 && !exact, "written and read they are the same, and none is called exact");
}

/* ---- in float32 ------------------------------------------------------------------------------------- */

enum { RUNGS = 21, ROWS = 5, DEGREE = 2 };
struct rungs { float siemens[RUNGS * XO_STRIP], curve[RUNGS * (DEGREE + 1) * XO_STRIP]; };

static void draw_rungs(struct xo_rungs *g, struct xo_curves *c, struct rungs *r, unsigned long long *seed)
{
    for (size_t i = 0; i < RUNGS; i++)
        for (size_t j = 0; j < XO_STRIP; j++) {
            float a = (float)tap_uniform(seed);
            r->siemens[i * XO_STRIP + j] = a;
            r->curve[(i * 3) * XO_STRIP + j] = a;
            r->curve[(i * 3 + 1) * XO_STRIP + j] = -2 * a;
            r->curve[(i * 3 + 2) * XO_STRIP + j] = 1.5f * a;
        }
    *c = (struct xo_curves){.degree = DEGREE, .curve = r->curve, .close = 0x1p-13f};
    *g = (struct xo_rungs){.rungs = RUNGS, .siemens = r->siemens, .curves = c, .step_ohm = 1e-3f, .last_row = 30};
    for (size_t j = 0; j < XO_STRIP; j++) {
        g->volt[j] = c->high[j] = 1;
        c->low[j] = 0.2f;
        g->end_ohm[j] = 0.01f;
    }
}

/* One column in double, by bisection of the first voltage. */
static double column_by_hand(const struct rungs *r, const float *position, const uint16_t *rung, size_t count,
                             size_t j)
{
    double low = 0, high = 1, amp = 0;
    for (int k = 0; k < 60; k++) {
        double u = 0.5 * (low + high), before = position[rung[0] * XO_STRIP + j], x = u;
        amp = 0;
        for (size_t n = 0; n < count; n++) {
            const float *a = r->curve + rung[n] * 3 * XO_STRIP + j;
            u += ((double)position[rung[n] * XO_STRIP + j] - before) * amp;
            before = (double)position[rung[n] * XO_STRIP + j];
            double t = 1 - u;
            amp += (double)a[0] + t * ((double)a[XO_STRIP] + t * (double)a[2 * XO_STRIP]);
        }
        u += ((double)position[RUNGS * XO_STRIP + j] - before + (double)0.01f) * amp;
        *(u < 1 ? &low : &high) = x;
    }
    return amp;
}

static void float32_climbs(void)
{
    static struct rungs r[2];
    static float position[(RUNGS + 1) * XO_STRIP];
    struct xo_curves c[2];
    struct xo_rungs g[2];
    float out[2][ROWS * XO_STRIP];
    uint16_t rung[ROWS * RUNGS], count[ROWS] = {0};
    unsigned long long seed = 3;
    draw_rungs(&g[0], &c[0], &r[0], &seed);
    draw_rungs(&g[1], &c[1], &r[1], &seed);
    for (size_t k = 0; k < (RUNGS + 1) * XO_STRIP; k++)
        position[k] = (float)(k / XO_STRIP) * 1e-3f + (k >= RUNGS * XO_STRIP ? 9e-3f : 0);
    for (size_t n = 0; n < ROWS; n++)
        for (size_t i = 0; i < RUNGS && n != 3; i++)
            if (tap_uniform(&seed) < 0.2 * (double)n + 0.1)
                rung[n * RUNGS + count[n]++] = (uint16_t)i;
    const struct xo_active a = {rung, count, RUNGS};
    for (int way = 0; way < 4; way++) {
        size_t unsettled = 0;
        bool same = true;
        double worst = 0;
        g[0].position = g[1].position = way & 1 ? position : NULL;
        unsettled += xo_kernels_of(XO_SIMD_PORTABLE)->climb(&a, ROWS, &g[0], way & 2 ? &g[1] : NULL, out[0]);
        for (int level = XO_SIMD_AVX2; level <= XO_SIMD_AVX512; level++) {
            if (!xo_simd_available((enum xo_simd)level))
                continue;
            unsettled += xo_kernels_of((enum xo_simd)level)->climb(&a, ROWS, &g[0], way & 2 ? &g[1] : NULL, out[1]);
            same &= !memcmp(out[0], out[1], sizeof out[0]);
        }
        for (size_t k = 0; k < ROWS * XO_STRIP; k++) {
            size_t row = k / XO_STRIP, j = k % XO_STRIP, on = count[row];
            double want = on ? column_by_hand(&r[0], position, rung + row * RUNGS, on, j) : 0;
            if (on && way & 2)
                want -= column_by_hand(&r[1], position, rung + row * RUNGS, on, j);
            worst = fmax(worst, fabs((double)out[0][k] - want));
        }
        tap_ok(same && !unsettled && worst < 2e-5,
               "float32, %s wires, %s: the same bytes by every instruction set, within %.2g of double",
               way & 1 ? "unequal" : "equal", way & 2 ? "pairs" : "single", worst);
    }
    c[0].close = -1;
    tap_ok(xo_kernels_of(XO_SIMD_PORTABLE)->climb(&a, ROWS, &g[0], NULL, out[0]) == 4,
           "rows that do not settle are counted, and a row without any gate on is none of them");
}

int main(void)
{
    two_rungs_by_hand();
    bound_holds_by_hand();
    ladders_agree_with_the_mesh();
    hard_columns_converge();
    what_cannot_be_had();
    stored_curves_have_the_currents();
    float32_climbs();
    return tap_done();
}
