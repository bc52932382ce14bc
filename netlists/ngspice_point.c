/* The operating point of a deck we have read, by ngspice: our elements under our names, so that it is the solving
 * that is judged, in decks of every dialect and whatever their nodes are called.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "deck.h"
#include "helper.h"
#include "memory.h"
#include "xo_file.h"

enum { VECTOR = 32 };

struct point {
    const xo_deck *deck;
    size_t nodes, count;               /* vectors: nodes, then sources */
    char (*name)[VECTOR];              /* [count] */
    const char **vectors;              /* [count] */
    double **values;                   /* [count] */
};

static bool is_zero_ohm(const struct xo_element *e)
{
    return e->kind == XO_RESISTOR && e->value == 0;
}

/* Node k is number k + 1; ground is 0. */
static int write_deck(const xo_deck *d, char **text, size_t *nbytes)
{
    static const char letter[] = {[XO_RESISTOR] = 'R', [XO_VOLTAGE_SOURCE] = 'V', [XO_CURRENT_SOURCE] = 'I'};
    char number[XO_NUMBER_SIZE];
    FILE *to = open_memstream(text, nbytes);
    if (!to)
        return ENOMEM;
    fputs("* judged by ngspice\n" XO_NGSPICE_OPTIONS, to);
    for (size_t k = 0; k < d->count; k++) {
        const struct xo_element *e = &d->element[k];
        if (e->kind == XO_RESISTOR && e->from == e->to)
            continue;
        fprintf(to, "%c%zu %d %d %s\n", is_zero_ohm(e) ? 'V' : letter[e->kind], k, e->from + 1, e->to + 1,
                xo_number_print(number, e->value));
    }
    fputs(".end\n", to);
    return fclose(to) ? ENOMEM : 0;
}

static int list_vectors(struct point *p)
{
    p->name = xo_calloc(p->count, sizeof *p->name);
    p->vectors = xo_calloc(p->count, sizeof *p->vectors);
    p->values = xo_calloc(p->count, sizeof *p->values);
    if (!p->name || !p->vectors || !p->values)
        return ENOMEM;
    for (size_t k = 0; k < p->count; k++) {
        p->vectors[k] = p->name[k];
        if (k < p->nodes)
            snprintf(p->name[k], VECTOR, "v(%zu)", k + 1);
        else
            snprintf(p->name[k], VECTOR, "i(v%d)", p->deck->source[k - p->nodes]);
    }
    return 0;
}

static void store(const struct point *p, double *node_volt, double *source_amp)
{
    for (size_t k = 0; k < p->nodes && node_volt; k++)
        node_volt[k] = p->values[k][0];
    for (size_t k = p->nodes; k < p->count && source_amp; k++)
        source_amp[k - p->nodes] = p->values[k][0];
}

int xo_ngspice_deck(const xo_deck *d, const struct xo_ngspice_options *options, double *node_volt, double *source_amp,
                    struct xo_info *info)
{
    double limit = options && options->limit_sec > 0 ? options->limit_sec : XO_NGSPICE_LIMIT_SEC;
    struct point p = {.deck = d, .nodes = d->node.count, .count = d->node.count + d->sources};
    struct xo_helper_job job = {.direct = true, .analysis = "op", .count = p.count};
    size_t length = 0;
    char *text = NULL;
    int status = list_vectors(&p);
    if (!status)
        status = write_deck(d, &text, &job.nbytes);
    if (status)
        xo_fail(info, status, "out of memory for a deck of %zu elements", d->count);
    job.deck = text;
    job.vectors = p.vectors;
    if (!status && p.count)
        status = xo_helper_run(&job, options, xo_helper_now_sec() + limit, p.values, &length, NULL, info);
    if (!status)
        store(&p, node_volt, source_amp);
    for (size_t k = 0; k < p.count && p.values; k++)
        free(p.values[k]);
    free(p.name);
    free(p.vectors);
    free(p.values);
    free(text);
    return status;
}
