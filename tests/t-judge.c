/* What else ngspice is asked: the conductance matrix, one cell's current, decks.  It agrees with the exact engines.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <unistd.h>
#include "scratch.h"
#include "solved.h"
#include "tap.h"
#include "thick.h"
#include "xo_ngspice.h"

#define TOLERANCE 1e-9

/* |got - want| over scale, less what ngspice cannot know when the voltages are of this size. */
static double apart(double got, double want, double scale, double volt)
{
    double difference = fabs(got - want);
    if (difference > TOLERANCE * scale)
        difference = fmax(0, difference - HIDDEN * volt);
    return difference <= 0 ? 0 : isfinite(difference) ? difference / scale : INFINITY;
}

/* ---- the matrix ----------------------------------------------------------------------------------- */

struct matrices { double *g_ni, *offset, *judged, *judged_offset; };

static double worst_entry(const struct matrices *m, size_t rows, size_t columns)
{
    double worst = 0;
    for (size_t j = 0; j < columns; j++) {
        double scale = fabs(m->offset[j]);
        for (size_t i = 0; i < rows; i++)
            scale += m->g_ni[i * columns + j];
        for (size_t i = 0; i < rows; i++)
            worst = fmax(worst, apart(m->judged[i * columns + j], m->g_ni[i * columns + j], scale, 2));
        worst = fmax(worst, apart(m->judged_offset[j], m->offset[j], scale, 2));
    }
    return worst;
}

/* The worst entry of matrix and offset, relative to its column; INFINITY if only one of two ways finds a matrix. */
static double worst_matrix(const struct random_crossbar *r, const char *what)
{
    size_t rows = r->x.rows, columns = r->x.columns;
    struct solved *s = solved_random(r, XO_ENGINE_CHOLMOD);
    struct matrices m = {marked_array(rows * columns), marked_array(columns), marked_array(rows * columns),
                         marked_array(columns)};
    struct xo_matrix_result exact = {.g_ni_siemens = m.g_ni, .offset_amp = m.offset};
    struct xo_info info = {""};
    int status = s->status, judged = 0;
    if (s->stage == 4) {
        status = xo_matrix(s->factor, &exact, NULL);
        judged = xo_ngspice_matrix(s->circuit, r->cell_siemens, NULL, m.judged, m.judged_offset, NULL, &info);
    }
    double worst = s->stage < 4 || (status == XO_ECONFLICT && judged == status) ? 0
                   : status || judged ? INFINITY : worst_entry(&m, rows, columns);
    if (!(worst <= TOLERANCE))
        printf("# %s: status %d, by ngspice %d, apart %g: %s\n", what, status, judged, worst, info.text);
    free(m.g_ni);
    free(m.offset);
    free(m.judged);
    free(m.judged_offset);
    solved_free(s);
    return worst;
}

static void the_matrix(void)
{
    static const struct { int features; const char *what; } table[] = {
        {0, "plain arrays"}, {RANDOM_LINES, "held and floating lines, sense voltages"},
        {RANDOM_FAULTS, "faults and series_ohm"}, {RANDOM_OPEN | RANDOM_FAULTS, "open everywhere"},
        {RANDOM_ZERO_OHM, "zero ohm"}, {RANDOM_ALL, "everything at once"}};
    unsigned long long seeds = getenv("CROSSOHM_LONG") ? 200 : 8;
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        double worst = 0;
        for (unsigned long long seed = 1; seed <= seeds; seed++) {
            char what[48];
            struct random_crossbar *r = thick_crossbar(7000 * k + seed, 1 + seed % 6, 1 + (seed * 5) % 8, 1,
                                                       table[k].features);
            snprintf(what, sizeof what, "%s, seed %llu", table[k].what, seed);
            worst = fmax(worst, worst_matrix(r, what));
            thick_crossbar_free(r);
        }
        tap_ok(worst <= TOLERANCE, "G_ni and i0 of %s: %.2g", table[k].what, worst);
    }
    struct random_crossbar *tall = thick_crossbar(1, 140, 3, 1, 0);
    double worst = worst_matrix(tall, "tall");
    tap_ok(worst <= TOLERANCE, "G_ni of 140x3, more rows than one sweep takes: %.2g", worst);
    thick_crossbar_free(tall);
}

/* A held line far above the unit would drown G_ni in i0. */
static void large_held_voltages(void)
{
    struct xo_crossbar x = xo_crossbar_default(2, 2);
    struct xo_line line[2] = {{XO_LINE_NORMAL, 0}, {XO_LINE_HELD, 7e6}};
    const double siemens[4] = {1e-6, 1e-5, 1e-3, 1e-3};
    double g_ni[4], offset[2], judged[4], judged_offset[2];
    struct xo_matrix_result exact = {.g_ni_siemens = g_ni, .offset_amp = offset};
    x.word_line = line;
    struct solved *s = solved(&x, siemens, 1, (double[]){0.1, 0}, XO_ENGINE_CHOLMOD);
    int status = s->status ? s->status : xo_matrix(s->factor, &exact, NULL);
    if (!status)
        status = xo_ngspice_matrix(s->circuit, siemens, NULL, judged, judged_offset, NULL, NULL);
    double worst = 0;
    for (size_t j = 0; j < 2 && !status; j++)
        worst = fmax(worst, fmax(fabs(judged[j] / g_ni[j] - 1), fabs(judged_offset[j] / offset[j] - 1)));
    tap_ok(!status && worst <= TOLERANCE && judged[2] == 0 && judged[3] == 0,
           "7e6 V on a held row: entries within %.2g, that row 0", worst);
    solved_free(s);
}

/* ---- one cell ------------------------------------------------------------------------------------- */

/* A cell nobody can drive has no current, whatever the exact engine calls it. */
static double worst_read(const struct random_crossbar *r, struct xo_site cell, const char *what)
{
    size_t columns = r->x.columns;
    struct solved *s = solved_random(r, XO_ENGINE_KLU);
    double *amp = marked_array(columns), cell_amp = SOLVED_MARK, worst = 0, scale = 0;
    struct xo_info info = {""};
    int status = s->status;
    if (!status) {
        status = xo_ngspice_read(s->circuit, r->cell_siemens, r->row_volt, cell, NULL, amp, &cell_amp, NULL, &info);
        double want = s->s.branch_amp.cells[cell.row * columns + cell.column];
        for (size_t j = 0; j < columns && !status; j++) {
            worst = fmax(worst, apart(amp[j], s->s.column_amp[j], s->s.scale_amp[j], 1));
            scale = fmax(scale, s->s.scale_amp[j]);
        }
        if (!status)
            worst = fmax(worst, apart(cell_amp, isnan(want) ? 0 : want, fmax(scale, fabs(want)), 1));
    }
    if (status && status != XO_ECONFLICT)
        worst = INFINITY;
    if (!(worst <= TOLERANCE))
        printf("# %s, cell %zu,%zu: status %d, %.9g A, apart %g: %s%s\n", what, cell.row, cell.column, status,
               cell_amp, worst, s->info.text, info.text);
    free(amp);
    solved_free(s);
    return worst;
}

static void one_cell(void)
{
    static const int features[] = {0, RANDOM_LINES, RANDOM_FAULTS, RANDOM_OPEN | RANDOM_FAULTS, RANDOM_ZERO_OHM,
                                   RANDOM_ALL};
    double worst = 0;
    for (unsigned long long seed = 1; seed <= 36; seed++) {
        char what[32];
        size_t rows = 1 + seed % 5, columns = 1 + seed % 7;
        struct random_crossbar *r = thick_crossbar(300 + seed, rows, columns, 1, features[seed % 6]);
        snprintf(what, sizeof what, "seed %llu", seed);
        worst = fmax(worst, worst_read(r, (struct xo_site){seed * 7 % rows, seed * 11 % columns}, what));
        thick_crossbar_free(r);
    }
    tap_ok(worst <= TOLERANCE, "the current of one cell, in 36 arrays of all kinds: %.2g", worst);
}

/* ---- decks ---------------------------------------------------------------------------------------- */

static int both_ways(const char *text, double *exact, double *judged, size_t *nodes, size_t *sources,
                     struct xo_info *info)
{
    xo_deck *d = NULL;
    int status = xo_deck_parse(&d, text, strlen(text), "t.cir", info);
    if (!status) {
        *nodes = xo_deck_nodes(d);
        *sources = xo_deck_sources(d);
        status = xo_deck_solve(d, exact, exact + *nodes, NULL, info);
    }
    if (!status)
        status = xo_ngspice_deck(d, NULL, judged, judged + *nodes, info);
    xo_deck_free(d);
    return status;
}

static void decks(void)
{
    static const char *const table[][2] = {
        {"t\nVa IN 0 1\nR1 in Out-1 1k\nR2 out-1 0 3k\nI1 0 out-1 1m\n.end\n", "a divider with a current source"},
        {"t\nV1 a gnd 2\nR1 a b 0\nR2 b 0 1meg\nR3 b b 5\nR4 c 0 0\nR5 b c 2k\n.end\n", "resistors of zero ohm"},
        {"simulator lang=spectre\nV1 (a 0) vsource dc=1\nR1 (a A) resistor r=10\nR2 (A 0) resistor r=30\n",
         "spectre, where a and A are two nodes"},
        {"t\nV1 a b 1\nV2 b 0 0.5\nR1 a 0 1e-3\nR2 b 0 1e12\n.end\n", "sources on top of each other"}};
    double exact[16], judged[16];
    struct xo_info info = {""};
    size_t nodes = 0, sources = 0;
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        int status = both_ways(table[k][0], exact, judged, &nodes, &sources, &info);
        double worst = 0;
        for (size_t n = 0; n < nodes + sources && !status; n++)
            worst = fmax(worst, fabs(judged[n] - exact[n]) / (n < nodes ? 1 : fmax(fabs(exact[n]), 1e-6)));
        tap_ok(!status && nodes + sources > 0 && worst <= TOLERANCE, "a deck: %s: %.2g %s", table[k][1], worst,
               info.text);
    }
    judged[0] = SOLVED_MARK;
    int status = both_ways("t\nV1 a 0 1\nR1 a 0 1k\nR2 c d 1k\n.end\n", exact, judged, &nodes, &sources, &info);
    tap_ok(status == XO_EJUDGE && judged[0] >= SOLVED_MARK, "nodes that nothing ties to ground: %s", info.text);
}

int main(void)
{
    const char *helper = getenv("CROSSOHM_NGSPICE_HELPER");
    char absolute[4096];
    if (!helper || !realpath(helper, absolute) || access(absolute, X_OK)) {
        tap_skip("what ngspice is asked", "crossohm-ngspice was not built: libngspice is missing");
        return tap_done();
    }
    setenv("CROSSOHM_NGSPICE_HELPER", absolute, 1);
    if (!scratch_enter())
        return 99;
    the_matrix();
    large_held_voltages();
    one_cell();
    decks();
    scratch_leave();
    return tap_done();
}
