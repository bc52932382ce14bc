/* Decks and the ngspice helper when memory runs out: the right status, no leak, and the next call works.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <sys/stat.h>
#include "oom.h"
#include "scratch.h"
#include "tap.h"
#include "xo_netlist.h"
#include "xo_ngspice.h"

static xo_circuit *circuit;
static const double siemens[6] = {1e-4, 1e-5, 0, 1e-6, 1e-4, 1e-5}, volt[4] = {0.1, 0.2, 0.3, 0.4};

static int write_once(void *user)
{
    (void)user;
    return xo_netlist_write("deck.cir", circuit, siemens, volt, XO_DIALECT_NGSPICE, "t", NULL);
}

static int read_and_solve_once(void *user)
{
    static const char text[] = "t\nV1 a 0 1\nR1 a b 1k\nR2 b\n+ 0 0\nR3 c d 1\nI1 c d 2\n.end\n";
    double node[4], source[1];
    xo_deck *d = NULL;
    (void)user;
    int status = xo_deck_parse(&d, text, sizeof text - 1, "t", NULL);
    if (!status)
        status = xo_deck_solve(d, node, source, NULL, NULL);
    xo_deck_free(d);
    return status;
}

static const struct xo_ngspice_options options = {.helper = "./helper.sh"};

static int judge_once(void *user)
{
    double amp[6];
    (void)user;
    return xo_ngspice_solve(circuit, siemens, 2, volt, &options, amp, NULL, NULL);
}

static int judge_matrix_once(void *user)
{
    double g_ni[6], offset[3];
    (void)user;
    return xo_ngspice_matrix(circuit, siemens, &options, g_ni, offset, NULL, NULL);
}

static int judge_cell_once(void *user)
{
    double amp[3], cell_amp;
    (void)user;
    return xo_ngspice_read(circuit, siemens, volt, (struct xo_site){1, 1}, &options, amp, &cell_amp, NULL, NULL);
}

static int judge_deck_once(void *user)
{
    double node[4], source[1];
    return xo_ngspice_deck(user, &options, node, source, NULL);
}

int main(void)
{
    /* whatever is asked for, so many zeros */
    static const char script[] = "#!/bin/sh\nlines=$(sed -n '/^deck/q;p')\nprintf 'crossohm-ngspice 1\\nsec 1.5\\n'\n"
                                 "last=$(echo \"$lines\" | sed -n 's/^analysis dc vselect 0 \\(.*\\) 1$/\\1/p')\n"
                                 "length=$((${last:-0} + 1))\nfor k in $(echo \"$lines\" | grep '^vector'); do\n"
                                 "[ $k = vector ] || { echo vector $length; head -c $((8 * length)) /dev/zero; }\n"
                                 "done\necho done\n";
    static const char text[] = "t\nV1 a 0 1\nR1 a b 1k\nR2 b 0 1k\n.end\n";
    xo_deck *deck = NULL;
    struct xo_crossbar x = xo_crossbar_default(2, 3);
    struct oom_report r;
    if (!scratch_enter() || xo_circuit_new(&circuit, &x, NULL))
        return 99;
    scratch_put("helper.sh", script, sizeof script - 1);
    chmod("helper.sh", 0755);
    r = oom_sweep(write_once, NULL);
    tap_ok(oom_clean(&r), "writing a deck survives each of %zu failing allocations", r.allocations);
    tap_ok(scratch_entries(".") == 2, "and leaves no half of it");
    r = oom_sweep(read_and_solve_once, NULL);
    tap_ok(oom_clean(&r), "reading and solving one survives each of %zu", r.allocations);
    r = oom_sweep(judge_once, NULL);
    tap_ok(oom_clean(&r), "asking ngspice survives each of %zu", r.allocations);
    r = oom_sweep(judge_matrix_once, NULL);
    tap_ok(oom_clean(&r), "for a matrix too: %zu", r.allocations);
    r = oom_sweep(judge_cell_once, NULL);
    tap_ok(oom_clean(&r), "for a cell: %zu", r.allocations);
    if (!xo_deck_parse(&deck, text, sizeof text - 1, "t", NULL)) {
        r = oom_sweep(judge_deck_once, deck);
        tap_ok(oom_clean(&r), "and for a deck: %zu", r.allocations);
    }
    xo_deck_free(deck);
    xo_circuit_free(circuit);
    scratch_leave();
    return tap_done();
}
