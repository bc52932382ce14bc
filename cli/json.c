/* report.json says what was computed and how well, timing.json what it took: results compare byte for byte.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include "cli.h"

json_t *cli_json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* Bytes of the UTF-8 character that begins at text (RFC 3629); 0 if none does. */
static size_t character_nbytes(const unsigned char *text)
{
    static const struct { unsigned char first, last, second_low, second_high; size_t nbytes; } form[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t k = 0; k < sizeof form / sizeof *form; k++) {
        size_t n = 1;
        if (text[0] < form[k].first || text[0] > form[k].last)
            continue;
        if (form[k].nbytes > 1 && (text[1] < form[k].second_low || text[1] > form[k].second_high))
            return 0;
        for (n = 2; n < form[k].nbytes; n++)
            if (text[n] < 0x80 || text[n] > 0xbf)
                return 0;
        return form[k].nbytes;
    }
    return 0;
}

json_t *cli_json_text(const char *text)
{
    char *clean = malloc(3 * strlen(text) + 1), *end = clean;
    json_t *string;
    if (!clean)
        return NULL;
    while (*text) {
        size_t nbytes = character_nbytes((const unsigned char *)text);
        end = mempcpy(end, nbytes ? text : "\xef\xbf\xbd", nbytes ? nbytes : 3);
        text += nbytes ? nbytes : 1;
    }
    *end = '\0';
    string = json_string(clean);
    free(clean);
    return string;
}

int cli_json_put(json_t *report, const char *key, json_t *value)
{
    return json_object_set_new(report, key, value);
}

json_t *cli_json_head(const struct cli_session *s)
{
    json_t *head = json_pack("{s:s, s:s, s:o, s:{s:I, s:I}, s:s, s:s}",
                     "tool", "crossohm", "version", PACKAGE_VERSION, "command", cli_json_text(s->common.command),
                     "array", "rows", (json_int_t)s->rows, "columns", (json_int_t)s->columns,
                     "engine", cli_engine(s), "engine_reason", cli_engine_reason(s));
    if (head && s->hardware.array.law.subcircuit)
        json_object_set_new(head, "subcircuit", cli_subcircuit_json(s));
    return head;
}

static json_t *islands(const struct cli_session *s)
{
    json_t *list = json_array();
    char name[256];
    for (size_t k = 0; s->factor && k < xo_factor_islands(s->factor); k++) {
        xo_factor_island_name(s->factor, k, name, sizeof name);
        json_array_append_new(list, json_string(name));
    }
    return list;
}

static json_t *undefined(const struct cli_session *s)
{
    json_t *list = json_array();
    for (size_t j = 0; j < s->columns; j++)
        if (xo_circuit_split_undefined(s->circuit, j, NULL))
            json_array_append_new(list, json_integer((json_int_t)j));
    return list;
}

/* Summed over inputs. */
static json_t *power(const struct cli_session *s, const struct xo_solution *x)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f}", "sources_watt", cli_sum(x->source_watt, s->inputs),
                     "cells_watt", cli_sum(x->cell_watt, s->inputs),
                     "word_lines_watt", cli_sum(x->word_line_watt, s->inputs * s->rows),
                     "bit_lines_watt", cli_sum(x->bit_line_watt, s->inputs * s->columns),
                     "bridges_watt", cli_sum(x->bridge_watt, s->inputs));
}

int cli_json_topology(json_t *report, const struct cli_session *s)
{
    return cli_json_put(report, "islands", islands(s)) | cli_json_put(report, "undefined", undefined(s));
}

int cli_json_proof(json_t *report, const struct cli_session *s, const struct xo_solution *x)
{
    int failed = 0;
    failed |= cli_json_put(report, "inputs", json_integer((json_int_t)s->inputs));
    failed |= cli_json_put(report, "worst_bound_rel", cli_json_number(x->worst_bound_rel));
    failed |= cli_json_put(report, "worst_bound_amp",
                           cli_json_number(cli_largest(x->bound_amp, s->inputs * s->columns)));
    if (s->hardware.array.law.subcircuit) {
        failed |= cli_json_put(report, "bound_covers", json_string("the equations of the array with the tables of "
                                                                   "the subcircuit; table_error_amp beside it"));
        failed |= cli_json_put(report, "table_error_amp", cli_json_number(cli_tables_move(s, x)));
    }
    failed |= cli_json_put(report, "worst_kcl_amp", cli_json_number(x->worst_kcl_amp));
    failed |= cli_json_put(report, "worst_power_rel", cli_json_number(x->worst_power_rel));
    failed |= cli_json_put(report, "refinements", json_integer(x->refinements));
    if (x->iterations)
        failed |= cli_json_put(report, "iterations", json_integer(x->iterations));
    failed |= cli_json_put(report, "current_lost", cli_json_number(cli_current_lost(s, x->column_amp, NULL)));
    failed |= cli_json_put(report, "power", power(s, x));
    return failed | cli_json_topology(report, s);
}

/* ---- printing: numbers in the shortest form that reads back exactly, a list of them on one line ---- */

static void print_value(FILE *to, json_t *value, int depth);

static void print_members(FILE *to, json_t *object, int depth)
{
    const char *key, *comma = "";
    json_t *member;
    json_object_foreach(object, key, member) {
        json_t *name = json_string(key);
        fprintf(to, "%s\n%*s", comma, 2 * depth + 2, "");
        json_dumpf(name, to, JSON_ENCODE_ANY);
        fputs(": ", to);
        json_decref(name);
        print_value(to, member, depth + 1);
        comma = ",";
    }
    if (comma[0])
        fprintf(to, "\n%*s", 2 * depth, "");
}

static void print_elements(FILE *to, json_t *array, int depth)
{
    bool by_line = json_is_object(json_array_get(array, 0)) || json_is_string(json_array_get(array, 0));
    json_t *element;
    size_t k;
    json_array_foreach(array, k, element) {
        if (by_line)
            fprintf(to, "%s\n%*s", k ? "," : "", 2 * depth + 2, "");
        else
            fputs(k ? ", " : "", to);
        print_value(to, element, depth + 1);
    }
    if (by_line)
        fprintf(to, "\n%*s", 2 * depth, "");
}

static void print_value(FILE *to, json_t *value, int depth)
{
    char number[XO_NUMBER_SIZE];
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        fputc('{', to);
        print_members(to, value, depth);
        fputc('}', to);
        break;
    case JSON_ARRAY:
        fputc('[', to);
        print_elements(to, value, depth);
        fputc(']', to);
        break;
    case JSON_REAL:
        fputs(xo_number_print(number, json_real_value(value)), to);
        break;
    default:
        json_dumpf(value, to, JSON_ENCODE_ANY);
    }
}

static int write_report(const char *path, json_t *report, struct xo_info *info)
{
    struct xo_writer writer;
    int status = xo_writer_open(&writer, path, info);
    if (status)
        return status;
    print_value(writer.stream, report, 0);
    fputc('\n', writer.stream);
    return xo_writer_commit(&writer, info);
}

bool cli_is_stdout(const char *path)
{
    return path && !strcmp(path, "-");
}

int cli_write_json(const char *path, json_t *report)
{
    struct xo_info info = {""};
    int status = ENOMEM;
    if (!path) {
        json_decref(report);
        return CLI_DONE;
    }
    if (report)
        status = write_report(path, report, &info);
    json_decref(report);
    return status ? cli_fail_writing(status, &info, path) : CLI_DONE;
}

int cli_write_timing(struct cli_session *s)
{
    struct utsname host;
    if (!s->common.timing)
        return CLI_DONE;
    cli_lap(s, "write");
    const char *node = uname(&host) ? "unknown" : host.nodename;
    return cli_write_json(s->common.timing,
                          json_pack("{s:s, s:s, s:o, s:o, s:I, s:O}", "tool", "crossohm", "version", PACKAGE_VERSION,
                                    "command", cli_json_text(s->common.command), "host", cli_json_text(node),
                                    "threads", (json_int_t)s->common.threads, "seconds", s->seconds));
}
