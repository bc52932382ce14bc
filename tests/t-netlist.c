/* Decks: what is written is read back and solved to the same currents; SPICE's numbers and traps; hostile decks.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <float.h>
#include <strings.h>
#include "circuit.h"
#include "deck.h"
#include "scratch.h"
#include "solved.h"
#include "tap.h"
#include "xo_file.h"
#include "xo_netlist.h"

#define TOLERANCE 1e-12                /* of s_j */

static const enum xo_dialect every_dialect[] = {XO_DIALECT_NGSPICE, XO_DIALECT_HSPICE, XO_DIALECT_LTSPICE,
                                                XO_DIALECT_SPECTRE, XO_DIALECT_XYCE};

/* ---- written, read back, solved ------------------------------------------------------------------- */

/* The current of column j: its source's, or its share of the source of those it is joined with. */
static double deck_current(const xo_deck *d, const double *amp, const xo_circuit *c, size_t j)
{
    size_t t = c->rows + j, leader = (size_t)c->group[t];
    char name[32];
    bool attached = false;
    xo_circuit *drawn = NULL;
    const xo_circuit *n = !c->lines ? c : xo_circuit_draw(&drawn, c, NULL) ? NULL : drawn;
    for (size_t end = 0; n && end < n->sense_ends; end++)
        attached = attached || n->ohm[n->first[XO_SENSE] + end * n->columns + j] < XO_OPEN;
    xo_circuit_free(drawn);
    if (!attached)
        return 0;
    snprintf(name, sizeof name, leader < c->rows ? "Vrow%zu" : "Vsense%zu",
             leader < c->rows ? leader : leader - c->rows);
    for (size_t k = 0; k < xo_deck_sources(d); k++)
        if (!strcmp(xo_deck_source_name(d, k), name))
            return amp[k] / c->group_size[leader];
    return NAN;
}

static double worst_difference(const struct solved *s, const struct random_crossbar *r, enum xo_dialect dialect,
                               struct xo_info *info)
{
    xo_deck *d = NULL;
    double worst = 0, kcl;
    if (xo_netlist_write("deck.cir", s->circuit, r->cell_siemens, r->row_volt, dialect, "a 1 V\ndeck", info))
        return INFINITY;
    int status = xo_deck_read(&d, "deck.cir", info);
    if (status == XO_ESYNTAX && strstr(info->text, "no element"))
        return 0;                      /* everything floats */
    if (status)
        return INFINITY;
    double *amp = calloc(xo_deck_sources(d) + 1, sizeof *amp), *volt = calloc(xo_deck_nodes(d) + 1, sizeof *volt);
    status = xo_deck_solve(d, volt, amp, &kcl, info);
    for (size_t k = 0; k < xo_deck_nodes(d) && !status; k++)
        if (!isfinite(volt[k]))
            worst = INFINITY;          /* islands are left out */
    for (size_t j = 0; j < s->columns && !status; j++) {
        double difference = fabs(deck_current(d, amp, s->circuit, j) - s->s.column_amp[j]);
        if (!(difference <= 0))
            worst = !(difference <= DBL_MAX) ? INFINITY : fmax(worst, difference / s->s.scale_amp[j]);
    }
    free(amp);
    free(volt);
    xo_deck_free(d);
    return status ? INFINITY : worst;
}

static void decks_say_what_the_array_is(void)
{
    unsigned long long cases = getenv("CROSSOHM_LONG") ? 3000 : 300, tried = 0;
    double worst[5] = {0};
    for (unsigned long long seed = 1; seed <= cases; seed++) {
        struct random_crossbar *r = random_crossbar(seed, 1 + seed % 7, 1 + seed / 7 % 9, 1,
                                                    seed % 5 ? RANDOM_ALL : 0);
        struct solved *s = solved_random(r, XO_ENGINE_CHOLMOD);
        for (int k = 0; k < 5 && s->stage == 4 && s->status == 0; k++) {
            struct xo_info info = {""};
            double difference = worst_difference(s, r, every_dialect[k], &info);
            if (difference > TOLERANCE)
                printf("# seed %llu %s: %g %s\n", seed, xo_dialect_name(every_dialect[k]), difference, info.text);
            worst[k] = fmax(worst[k], difference);
            tried++;
        }
        solved_free(s);
        random_crossbar_free(r);
    }
    for (int k = 0; k < 5; k++) {
        printf("# worst difference over scale %.2g\n", worst[k]);
        tap_ok(worst[k] <= TOLERANCE, "%s: random arrays, written and read back, have the currents of xo_solve",
               xo_dialect_name(every_dialect[k]));
    }
    tap_ok(tried > 5 * cases / 2, "%llu decks were tried", tried);
}

static char *deck_of(const struct xo_crossbar *x, const double *siemens, const double *volt, enum xo_dialect dialect)
{
    struct xo_info info = {""};
    xo_circuit *c = NULL;
    if (xo_circuit_new(&c, x, &info) || xo_netlist_write("deck.cir", c, siemens, volt, dialect, "title", &info))
        printf("# %s\n", info.text);
    xo_circuit_free(c);
    return scratch_get("deck.cir", NULL);
}

static void decks_avoid_traps(void)
{
    struct xo_crossbar x = xo_crossbar_default(2, 3);
    const struct xo_line bit[3] = {{XO_LINE_NORMAL, 0}, {XO_LINE_FLOATING, 0}, {XO_LINE_NORMAL, 0}};
    const struct xo_site cut = {0, 1};
    const double siemens[6] = {1e-6, 0, 1e-6, 1e-6, 0, 1e-6}, volt[2] = {0.1, 1e-3};
    x.row_wire_ohm.all = 0;
    x.bit_line = bit;
    x.open_bit_segment = &cut;
    x.open_bit_segment_count = 1;
    char *deck = deck_of(&x, siemens, volt, XO_DIALECT_NGSPICE);
    tap_ok(!strncmp(deck, "* title\n", 8), "the first line is the title, and a comment");
    tap_ok(strstr(deck, "left out, no terminal reaches it: bit line 1 row 0\n") != NULL,
           "an island is left out and named");
    tap_ok(strstr(deck, "bit line 1 floats") && !strstr(deck, "Vsense1"), "a floating column has no source");
    tap_ok(!strstr(deck, "Rcell0_1") && !strstr(deck, "Rrow0_0"),
           "neither a cell of 0 S nor a wire of 0 ohm is written");
    tap_ok(strstr(deck, "Rcell1_2 u1_0 w1_2 1000000\n") != NULL,
           "a cell is its ohms, plain; merged nodes have one name");
    tap_ok(strstr(deck, "Vrow1 in1 0 DC 0.001\n") && strstr(deck, "Vsense2 out2 0 DC 0\n"), "sources");
    free(deck);
    deck = deck_of(&x, siemens, volt, XO_DIALECT_SPECTRE);
    tap_ok(strstr(deck, "\nsimulator lang=spectre\n") &&
           strstr(deck, "\nRcell1_2 (u1_0 w1_2) resistor r=1000000\n") &&
           strstr(deck, "\nVrow1 (in1 0) vsource dc=0.001\n") && strstr(deck, "\ndcOp dc\n"), "spectre's own words");
    free(deck);
}

/* ---- numbers -------------------------------------------------------------------------------------- */

static void numbers(void)
{
    static const struct { const char *text; double value; } good[] = {
        {"1", 1}, {"10k", 1e4}, {"4.7K", 4.7e3}, {"1meg", 1e6}, {"1MEGohm", 1e6}, {"1M", 1e-3}, {"1Mohm", 1e-3},
        {"1mil", 25.4e-6}, {"3t", 3e12}, {"2g", 2e9}, {"5u", 5e-6}, {"5uF", 5e-6}, {"7n", 7e-9}, {"7p", 7e-12},
        {"1f", 1e-15}, {"1F", 1e-15}, {"2a", 2e-18}, {"1e3", 1e3}, {"1E-3k", 1}, {"-2.5e+1", -25}, {".5", 0.5},
        {"5.", 5}, {"+3", 3}, {"010", 10}, {"000", 0}, {"0", 0}, {"1V", 1}, {"1ohm", 1}, {"0.1u", 1e-7},
        {"2\xc2\xb5", 2e-6}, {"1e308", 1e308}, {"100000000000000000000m", 1e17},
    };
    static const char *const bad[] = {"", "+", ".", "k", "e3", "1e", "1e+", "1,5", "1_0", "4k7", "1.2.3", "0x10",
                                      "nan", "inf", "open", "--1", "1k2", "1 0", "1e400", "1e-400", "1e99999999999t",
                                      "{r}"};
    int wrong = 0;
    for (size_t k = 0; k < sizeof good / sizeof *good; k++) {
        double value = NAN;
        int status = xo_spice_number(&value, good[k].text, strlen(good[k].text));
        if (status || !(fabs(value - good[k].value) <= 0)) {
            printf("# %s: status %d, got %.17g, want %.17g\n", good[k].text, status, value, good[k].value);
            wrong++;
        }
    }
    tap_ok(!wrong, "SPICE's numbers and suffixes mean what they should, to the last bit");
    wrong = 0;
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        double value;
        if (!xo_spice_number(&value, bad[k], strlen(bad[k]))) {
            printf("# '%s' was read as %g\n", bad[k], value);
            wrong++;
        }
    }
    tap_ok(!wrong, "what is not a number, or not the same to everybody, is refused");
}

/* ---- plain decks ---------------------------------------------------------------------------------- */

static int solve_text(const char *text, double *volt, double *amp, struct xo_info *info)
{
    xo_deck *d = NULL;
    int status = xo_deck_parse(&d, text, strlen(text), "d.cir", info);
    if (!status)
        status = xo_deck_solve(d, volt, amp, NULL, info);
    xo_deck_free(d);
    return status;
}

static void plain_decks(void)
{
    struct xo_info info = {""};
    double volt[8], amp[8];
    tap_ok(!solve_text("Title R1 a b 5\r\n* comment\nv1 IN gnd dc 10 ; supply\n\nR1 in Out 1k $ upper\n+\nr2 OUT 0\n"
                       "* between\n+ r=3k\n.op\n.print v(out)\n.end\n\n", volt, amp, &info),
           "a divider %s", info.text);
    tap_close_ulp(volt[1], 7.5, 2, "its output");
    tap_close_ulp(amp[0], -2.5e-3, 2, "its supply's current, SPICE's sign");
    tap_ok(!solve_text("t\nI1 0 a 1m\nR1 a b 0\nR2 b 0 2k\nR3 a b 0\nR4 b b 5\n", volt, amp, &info), "zero ohm %s",
           info.text);
    tap_close_ulp(volt[0], 2, 2, "a current source drives from its first node through itself to the second");
    tap_ok(!solve_text("t\nV1 a 0 1\nR1 a 0 1\nV2 x y 2\nR2 x y 1\n", volt, amp, &info), "an island %s", info.text);
    tap_ok(isnan(volt[1]) && isnan(volt[2]), "has no voltages");
    tap_close_ulp(amp[1], -2, 2, "but a current");
    tap_ok(!solve_text("// t\nsimulator lang=spectre\nglobal 0\nVa (A 0) vsource type=dc dc=1\n"
                       "Vb (a 0) vsource dc=2\nR1 (A a) resistor \\\n r=1 // one\nR2 (A 0) \n+ resistor r=4\n"
                       "save Va:p\ndcOp dc\n", volt, amp, &info),
           "spectre %s", info.text);
    tap_close_ulp(amp[0], 0.75, 2, "spectre's names do not fold");
}

static void hostile_decks(void)
{
    static const struct { const char *text; int status; const char *place; } table[] = {
        {"", XO_ESYNTAX, "d.cir: empty"}, {"only a title", XO_ESYNTAX, "d.cir"},
        {"R1 a 0 1\n.end\n", XO_ESYNTAX, "title"},
        {"t\nC1 a 0 1p\n", XO_ESYNTAX, "d.cir:2: found 'C1'"}, {"t\nR1 a 0\n", XO_ESYNTAX, "d.cir:2"},
        {"t\nR1 a 0 1 tc=1\n", XO_ESYNTAX, "d.cir:2: found 'tc'"}, {"t\nR1 a 0 rmod\n", XO_ESYNTAX, "found 'rmod'"},
        {"t\n\nR1 a 0 -5\n", XO_EVALUE, "d.cir:3: found '-5'"},
        {"t\nR1 a 0 nan\n", XO_ESYNTAX, "d.cir:2: found 'nan'"},
        {"t\nR1 a 0 1e300\n", XO_EVALUE, "d.cir:2"}, {"t\nR1 a 0 1,5\n", XO_ESYNTAX, "d.cir:2: found '1,5'"},
        {"t\nR1 a 0 1\nr1 b 0 1\n", XO_ESYNTAX, "d.cir:3: found 'r1'"},
        {"t\nV1 a 0 sin(0 1 1k)\n", XO_ESYNTAX, "d.cir:2"},
        {"t\nV1 a 0 DC\n", XO_ESYNTAX, "d.cir:2"}, {"t\n.include x\n", XO_ESYNTAX, "d.cir:2: found '.include'"},
        {"t\n.control\nquit\n.endc\n", XO_ESYNTAX, "d.cir:2: found '.control'"},
        {"t\n+ R1 a 0 1\n", XO_ESYNTAX, "d.cir:2"},
        {"t\nR1 a 0 1\n.end\nR2 a 0 1\n", XO_ESYNTAX, "d.cir:4: found 'R2"},
        {"t\n.param x=1\n", XO_ESYNTAX, "'.param'"},
        {"t\nR1 a 0 1\n.option rshunt=1e9\n", XO_ESYNTAX, "d.cir:3: found 'rshunt'"},
        {"t\nR1 (a 0) 1\n", XO_ESYNTAX, "d.cir:2: found '(a'"},
        {"t\nV1 a 0 1\nV2 a 0 2\n", XO_ECONFLICT, "V2 closes"},
        {"t\nV1 a 0 1\nR1 a 0 0\n", XO_ECONFLICT, "V1 closes"},
        {"t\nI1 a 0 1\nR1 b 0 1\n", XO_ECONFLICT, "I1 drives"},
        {"simulator lang=spectre\nR1 (a 0) resistor r=1k\n", XO_ESYNTAX, "d.cir:2: found '1k'"},
        {"simulator lang=spectre\nR1 (a 0) capacitor c=1\n", XO_ESYNTAX, "d.cir:2: found 'capacitor'"},
        {"simulator lang=spectre\nsimulator lang=spice\nR1 a 0 1\n", XO_ESYNTAX, "d.cir:2: found 'spice'"},
        {"t\nR1 a 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20\n", XO_ESYNTAX, "d.cir:2"},
    };
    double volt[8], amp[8];
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        struct xo_info info = {""};
        int status = solve_text(table[k].text, volt, amp, &info);
        int named = strstr(info.text, table[k].place) && !strchr(info.text, '\n');
        if (status != table[k].status || !named)
            printf("# status %d, want %d: %s\n", status, table[k].status, info.text);
        tap_ok(status == table[k].status && named, "hostile deck %zu: %s", k, table[k].place);
    }
    struct xo_info info = {""};
    xo_deck *d = NULL;
    tap_ok(xo_deck_parse(&d, "t\nR1 a\0 0 1\n", 12, "d.cir", &info) == XO_ESYNTAX && !d, "a NUL byte: %s", info.text);
    tap_ok(xo_deck_read(&d, "none.cir", &info) > 0 && strstr(info.text, "none.cir"), "a missing file is named");
}

int main(void)
{
    if (!scratch_enter())
        return 99;
    decks_say_what_the_array_is();
    decks_avoid_traps();
    numbers();
    plain_decks();
    hostile_decks();
    scratch_leave();
    return tap_done();
}
