/* Decks on the command line: crossohm solve deck.cir and crossohm info deck.cir.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "info.h"
#include "xo_netlist.h"

bool cli_is_deck(const char *path)
{
    static const char *const endings[] = {".cir", ".ckt", ".net", ".scs", ".sp", ".spi", ".spice"};
    const char *dot = strrchr(path, '.');
    for (size_t k = 0; dot && k < sizeof endings / sizeof *endings; k++)
        if (!strcmp(dot, endings[k]))
            return true;
    return false;
}

struct answer {
    xo_deck *deck;
    double *node_volt, *source_amp, worst_kcl_amp;
};

static void free_answer(struct answer *a)
{
    xo_deck_free(a->deck);
    free(a->node_volt);
    free(a->source_amp);
}

static int compute(struct answer *a, struct cli_session *s)
{
    struct xo_info info = {""};
    int status = xo_deck_read(&a->deck, s->hardware_path, &info);
    cli_lap(s, "read");
    if (status)
        return cli_fail_reading(status, &info, s->hardware_path);
    a->node_volt = cli_numbers(xo_deck_nodes(a->deck) + 1);
    a->source_amp = cli_numbers(xo_deck_sources(a->deck) + 1);
    if (!a->node_volt || !a->source_amp)
        return cli_no_memory();
    if (s->by_ngspice) {
        const struct xo_ngspice_options options = cli_ngspice(s, 0);
        status = xo_ngspice_deck(a->deck, &options, a->node_volt, a->source_amp, &info);
        return cli_judged(s, status, &info);
    }
    status = xo_deck_solve(a->deck, a->node_volt, a->source_amp, &a->worst_kcl_amp, &info);
    cli_lap(s, "solve");
    return status ? cli_fail_computing(status, &info, s->hardware_path) : CLI_DONE;
}

static int write_table(const struct answer *a, const char *path)
{
    struct xo_info info = {""};
    struct xo_writer w;
    char number[XO_NUMBER_SIZE];
    int status = xo_writer_open(&w, path, &info);
    if (status)
        return cli_fail_writing(status, &info, path);
    fputs("# source: current[A] from its first node through it to the second; node: voltage[V], nan where undefined\n"
          "kind,name,value\n", w.stream);
    for (size_t k = 0; k < xo_deck_sources(a->deck); k++)
        fprintf(w.stream, "source,%s,%s\n", xo_deck_source_name(a->deck, k),
                xo_number_print(number, a->source_amp[k]));
    for (size_t k = 0; k < xo_deck_nodes(a->deck); k++)
        fprintf(w.stream, "node,%s,%s\n", xo_deck_node_name(a->deck, k), xo_number_print(number, a->node_volt[k]));
    status = xo_writer_commit(&w, &info);
    return status ? cli_fail_writing(status, &info, path) : CLI_DONE;
}

static json_t *table(const xo_deck *d, size_t count, const char *name(const xo_deck *, size_t), const char *unit,
                     const double *value)
{
    json_t *list = json_array();
    for (size_t k = 0; k < count; k++)
        json_array_append_new(list, json_pack("{s:s, s:o}", "name", name(d, k), unit, cli_json_number(value[k])));
    return list;
}

static int write_report(const struct answer *a, const struct cli_session *s)
{
    const xo_deck *d = a->deck;
    if (!s->common.json)
        return CLI_DONE;
    return cli_write_json(s->common.json, json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "tool", "crossohm", "version", PACKAGE_VERSION,
        "command", s->common.command, "engine", s->by_ngspice ? "ngspice" : "klu",
        "worst_kcl_amp", cli_json_number(a->worst_kcl_amp),
        "sources", table(d, xo_deck_sources(d), xo_deck_source_name, "amp", a->source_amp),
        "nodes", table(d, xo_deck_nodes(d), xo_deck_node_name, "volt", a->node_volt)));
}

static void summarise(const struct answer *a, const struct cli_session *s)
{
    fprintf(stderr, "%s: %zu elements, %zu nodes; engine %s\n", s->hardware_path, xo_deck_elements(a->deck),
            xo_deck_nodes(a->deck), s->by_ngspice ? "ngspice: judged, not proven" : "klu: modified nodal equations");
    if (!s->by_ngspice)
        fprintf(stderr, "Kirchhoff's law holds at every node to %.2g A\n", a->worst_kcl_amp);
}

int cli_solve_deck(struct cli_session *s, const char *path)
{
    struct answer a = {.worst_kcl_amp = NAN};
    int code = compute(&a, s);
    if (!code)
        code = write_report(&a, s);
    if (!code && !(cli_is_stdout(s->common.json) && cli_is_stdout(path)))
        code = write_table(&a, path);
    if (!code && !s->common.quiet)
        summarise(&a, s);
    free_answer(&a);
    return code ? code : cli_write_timing(s);
}

int info_deck(const struct info_file *file, json_t *report)
{
    struct xo_info info = {""};
    xo_deck *d = NULL;
    int status = xo_deck_parse(&d, file->bytes, file->nbytes, file->name, &info);
    if (status)
        return cli_fail_reading(status, &info, file->name);
    int failed = cli_json_put(report, "kind", json_string("deck"));
    failed |= cli_json_put(report, "elements", json_integer((json_int_t)xo_deck_elements(d)));
    failed |= cli_json_put(report, "nodes", json_integer((json_int_t)xo_deck_nodes(d)));
    failed |= cli_json_put(report, "sources", json_integer((json_int_t)xo_deck_sources(d)));
    if (!failed) {
        printf("%s: a deck of resistors and sources\n  title     %s\n", file->name, xo_deck_title(d));
        printf("  elements  %zu\n  nodes     %zu, ground not counted\n  sources   %zu of voltage\n",
               xo_deck_elements(d), xo_deck_nodes(d), xo_deck_sources(d));
    }
    xo_deck_free(d);
    return failed ? cli_no_memory() : CLI_DONE;
}
