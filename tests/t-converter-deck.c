/* A deck with its inputs driven: only the lines of those inputs change, and every name is found or refused.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include "oom.h"
#include "tap.h"
#include "xo_converter_fit.h"

#define TAIL "Vxosweep xosweep 0 0\n.options reltol=1e-9 abstol=1e-15 vntol=1e-10 itl1=1000\n.end\n"
static struct xo_info info;

static void becomes(const char *deck, size_t count, struct xo_drive *drives, const char *want, const char *fact)
{
    char *got = NULL;
    int status = xo_converter_drive(&got, deck, "deck", count, drives, &info);
    if (status)
        printf("# status %d: %s\n", status, info.text);
    tap_equal_text(got ? got : "(nothing)", want, fact);
    free(got);
}

static void one(const char *name, int current, const char *deck, const char *want, const char *fact)
{
    struct xo_drive drive = {name, "2*V(xosweep)", current};
    becomes(deck, 1, &drive, want, fact);
}

static void refused(const char *name, const char *deck, const char *word)
{
    struct xo_drive drives[] = {{name, "1", 0}, {"b0", "1", 0}};
    char *got = NULL;
    int status = xo_converter_drive(&got, deck, "deck", 2, drives, &info);
    if (status != XO_EVALUE || !strstr(info.text, word))
        printf("# got %d \"%s\"\n", status, info.text);
    tap_ok(status == XO_EVALUE && !got && strstr(info.text, word), "refused: '%s' (%s)", name, word);
}

static void sources_keep_name_place_and_sign(void)
{
    one("vin", 0, "t\nVIN a b DC 1\n+ AC 1\nR1 a b 1\n.end\n",
        "t\nVIN a xomid0 0\nBxo0 xomid0 b V=(2*V(xosweep))\nR1 a b 1\n" TAIL,
        "a voltage source, its continuation gone");
    one("V1", 0, "t\nV1 b0 0 0\n* a comment\n\n + AC 1\nR1 b0 0 1\n.end\n",
        "t\nV1 b0 xomid0 0\nBxo0 xomid0 0 V=(2*V(xosweep))\n* a comment\n\nR1 b0 0 1\n" TAIL,
        "a comment before what continues it");
    one("b0", 0, "t\nV1\n* a comment\n+b0\n+ 0 0\nR1 b0 0 1\n+ tc=1\n.end\n",
        "t\nV1 b0 xomid0 0\nBxo0 xomid0 0 V=(2*V(xosweep))\n* a comment\nR1 b0 0 1\n+ tc=1\n" TAIL,
        "its nodes in continuation lines");
    one("b0", 1, "t\nXa a\n+b0 c\n", "t\nXa a\n+b0 c\nBxo0 0 b0 I=2*V(xosweep)\n" TAIL, "a node right behind the +");
    one("I1", 0, "t\nI1 0 in 3\nR1 in 0 1\n", "t\nBxo0 0 in I=(2*V(xosweep))\nR1 in 0 1\n" TAIL,
        "a current source; no .end, no matter");
}

static void nodes_take_the_place_of_their_source(void)
{
    one("B0", 0, "t\nV1 b0 0 1\nR1 b0 0 1\n.end\n",
        "t\nV1 b0 xomid0 0\nBxo0 xomid0 0 V=(2*V(xosweep))\nR1 b0 0 1\n" TAIL, "a node tied to ground by a source");
    one("b0", 0, "t\nV1 gnd b0 1\nR1 b0 0 1\n.end\n",
        "t\nV1 gnd xomid0 0\nBxo0 xomid0 b0 V=-(2*V(xosweep))\nR1 b0 0 1\n" TAIL,
        "the same, its source turned round");
    one("b0", 0, "t\nI1 b0 0 1\nR1 b0 0 1\n.end\n", "t\nBxo0 b0 0 I=-(2*V(xosweep))\nR1 b0 0 1\n" TAIL,
        "a current out of the node becomes one into it");
    one("b0", 0, "t\nR1 b0 0 1\n.end\n", "t\nR1 b0 0 1\nBxo0 b0 0 V=2*V(xosweep)\n" TAIL,
        "a bare node, by a voltage");
    one("b0", 1, "t\nR1 b0 0 1\n.end\n", "t\nR1 b0 0 1\nBxo0 0 b0 I=2*V(xosweep)\n" TAIL,
        "a bare node, by a current");
    one("in", 1, "t\nBz z 0 V=V(in)*2\n", "t\nBz z 0 V=V(in)*2\nBxo0 0 in I=2*V(xosweep)\n" TAIL,
        "a node that only an expression names");
    one("in", 1, "t\nXa a b c\n+ in\n", "t\nXa a b c\n+ in\nBxo0 0 in I=2*V(xosweep)\n" TAIL,
        "a node in a continuation line");
}

static void the_rest_stays_as_it_was(void)
{
#define KEPT "V1 b0 0 1\n* V1 b0 0 1\n.subckt s b0\nV1 b0 0 1\n.ends\nXs b0 s\n.options reltol=1e-4\n"
    one("b0", 0, KEPT ".end\nR9 b0 0 1\n", KEPT "Bxo0 b0 0 V=2*V(xosweep)\nVxosweep xosweep 0 0\n.end\n",
        "title, comments, subcircuits, tolerances and what is behind .end");
    struct xo_drive bits[] = {{"b1", "1", 0}, {"b0", "2", 0}};
    becomes("t\r\nV0 b0 0 1\r\nR1 b1 b0 1\r\n", 2, bits,
            "t\r\nV0 b0 xomid1 0\nBxo1 xomid1 0 V=(2)\nR1 b1 b0 1\r\nBxo0 b1 0 V=1\n" TAIL, "two inputs, CRLF");
    tap_ok(!bits[0].current && !bits[1].current, "both known to be voltages");
    struct xo_drive current = {"i1", "1", 0};
    becomes("t\nI1 0 in 1\n", 1, &current, "t\nBxo0 0 in I=(1)\n" TAIL, "a current source");
    tap_ok(current.current, "known to be a current");
}

static void names_are_found_or_refused(void)
{
    const char *deck = "t\nV0 b0 0 1\nR1 b0 out 1\n.subckt s in\nR2 in x 1\n.ends\n.print v(p)\n";
    refused("x", deck, "not found");
    refused("p", deck, "not found");
    refused("t", deck, "not found");
    refused("R1", deck, "not found");
    refused("0", deck, "not found");
    refused("GND", deck, "not found");
    refused("", deck, "not found");
    refused("b0", deck, "expected two sources");
    refused("V0", deck, "expected two sources");
    refused("out", "", "not found");
    struct xo_drive twice[] = {{"out", "1", 0}, {"OUT", "1", 0}};
    char *got = NULL;
    tap_ok(xo_converter_drive(&got, deck, "deck", 2, twice, &info) == XO_EVALUE && strstr(info.text, "twice"),
           "refused: a node named twice");
}

static int drive_once(void *user)
{
    struct xo_drive drive = {"b0", "1", 0};
    char *got = NULL;
    (void)user;
    int status = xo_converter_drive(&got, "t\nR1 b0 0 1\n", "deck", 1, &drive, &info);
    if (!status)
        free(got);
    return status;
}

static void memory_may_run_out(void)
{
    struct oom_report r = oom_sweep(drive_once, NULL);
    tap_ok(oom_clean(&r), "each of %zu failing allocations is reported", r.allocations);
}

int main(void)
{
    sources_keep_name_place_and_sign();
    nodes_take_the_place_of_their_source();
    the_rest_stays_as_it_was();
    names_are_found_or_refused();
    memory_may_run_out();
    return tap_done();
}
