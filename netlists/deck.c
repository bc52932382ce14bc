/* A deck in memory: what it holds, and the same as text.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "deck.h"
#include "xo_file.h"

void xo_deck_free(xo_deck *d)
{
    if (!d)
        return;
    xo_names_free(&d->node);
    xo_names_free(&d->element_name);
    free(d->title);
    free(d->element);
    free(d->source);
    free(d);
}

const char *xo_deck_title(const xo_deck *d) { return d->title; }
size_t xo_deck_nodes(const xo_deck *d) { return d->node.count; }
const char *xo_deck_node_name(const xo_deck *d, size_t node) { return d->node.name[node]; }
size_t xo_deck_elements(const xo_deck *d) { return d->count; }
size_t xo_deck_sources(const xo_deck *d) { return d->sources; }
const char *xo_deck_source_name(const xo_deck *d, size_t source) { return d->element[d->source[source]].name; }

static const char *node_name(const xo_deck *d, int32_t node)
{
    return node == XO_GROUND ? "0" : d->node.name[node];
}

int xo_deck_print(char **text, const xo_deck *d)
{
    static const char *const master[] = {"resistor r", "vsource dc", "isource dc"};
    bool spectre = !d->node.folded;
    size_t size;
    char number[XO_NUMBER_SIZE];
    FILE *to = open_memstream(text, &size);
    if (!to)
        return ENOMEM;
    fprintf(to, "%s\n", spectre ? "simulator lang=spectre" : d->title);
    for (size_t k = 0; k < d->count; k++) {
        const struct xo_element *e = &d->element[k];
        const char *from = node_name(d, e->from), *to_node = node_name(d, e->to);
        xo_number_print(number, e->value);
        if (spectre)
            fprintf(to, "%s (%s %s) %s=%s\n", e->name, from, to_node, master[e->kind], number);
        else
            fprintf(to, "%s %s %s %s\n", e->name, from, to_node, number);
    }
    if (!spectre)
        fputs(".end\n", to);
    if (fclose(to)) {
        free(*text);
        return ENOMEM;
    }
    return 0;
}
