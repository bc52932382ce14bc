/* Fuzz target: decks.  Whatever is accepted must survive print -> parse -> print unchanged, and be solved or refused
 * with a reason.  tests/fuzz-hardware.c says how to fuzz; here the corpus is tests/corpus/netlist.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "deck.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);

static void insist(int fact, const char *what, const struct xo_info *info, const char *text)
{
    if (fact)
        return;
    fprintf(stderr, "%s\n%s\n%s\n", what, info->text, text ? text : "");
    abort();
}

static void solve(const xo_deck *d)
{
    struct xo_info info = { "" };
    double *volt = calloc(xo_deck_nodes(d) + 1, sizeof *volt), *amp = calloc(xo_deck_sources(d) + 1, sizeof *amp);
    int status = xo_deck_solve(d, volt, amp, NULL, &info);
    insist(!status || info.text[0], "a refusal explains itself", &info, NULL);
    for (size_t k = 0; !status && k < xo_deck_sources(d); k++)
        insist(isfinite(amp[k]), "a current is not finite", &info, xo_deck_source_name(d, k));
    free(volt);
    free(amp);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
    xo_deck *first = NULL, *second = NULL;
    struct xo_info info = { "" };
    char *text = NULL, *again = NULL;
    if (xo_deck_parse(&first, (const char *)bytes, nbytes, "f", &info)) {
        insist(*info.text && !strchr(info.text, '\n'), "a refusal explains itself in one line", &info, NULL);
        return 0;
    }
    insist(!xo_deck_print(&text, first), "print failed", &info, NULL);
    insist(!xo_deck_parse(&second, text, strlen(text), "printed", &info), "what was printed is not accepted", &info,
           text);
    insist(!xo_deck_print(&again, second), "second print failed", &info, text);
    insist(!strcmp(text, again), "the second print differs", &info, again);
    solve(first);
    free(text);
    free(again);
    xo_deck_free(first);
    xo_deck_free(second);
    return 0;
}
