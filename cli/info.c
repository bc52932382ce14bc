/* crossohm info: what a file holds.  Hardware descriptions here, arrays of numbers in info_array.c, fast models in
 * info_fcm.c, reports in info_report.c, decks in deck.c.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "info.h"

static void print_array(const struct xo_crossbar *x)
{
    static const char *const drive[] = {"left", "right", "both sides"};
    static const char *const sense[] = {"bottom", "top", "both ends"};
    char a[64], b[64];
    printf("#   array   %zu row%s (word lines, driven: %s), %zu column%s (bit lines, sensed: %s)\n", x->rows,
           cli_plural(x->rows), drive[x->drive_side], x->columns, cli_plural(x->columns), sense[x->sense_side]);
    printf("#   wires   %s ohm per row segment, %s ohm per column segment\n",
           cli_values_text(a, sizeof a, x->row_wire_ohm, x->rows * (x->columns - 1)),
           cli_values_text(b, sizeof b, x->column_wire_ohm, (x->rows - 1) * x->columns));
    printf("#   ends    driver %s ohm, sense %s ohm", cli_values_text(a, sizeof a, x->driver_ohm, x->rows),
           cli_values_text(b, sizeof b, x->sense_ohm, x->columns));
    printf(" at %s V\n", cli_values_text(a, sizeof a, x->sense_volt, x->columns));
    printf("#   lines   %zu word and %zu bit lines floating, grounded or held\n",
           cli_unusual_lines(x->word_line, x->rows), cli_unusual_lines(x->bit_line, x->columns));
    printf("#   faults  cells: %zu stuck, %zu open; segments: %zu open; bridges: %zu\n", x->stuck_count,
           x->open_cell_count, x->open_word_segment_count + x->open_bit_segment_count,
           x->word_bridge_count + x->bit_bridge_count);
}

/* A sheet in comments, then every key: the whole is again a hardware file. */
static void print_hardware(const struct cli_session *s, const char *yaml)
{
    const struct xo_hardware *h = &s->hardware;
    char series[64];
    printf("# %s: a crossbar's hardware description\n", s->hardware_path);
    if (h->array.rows && h->array.columns)
        print_array(&h->array);
    else
        puts("#   array   takes rows and columns from the conductances");
    printf("#   cells   %g S (off) to %g S (on), %d bit%s each, %s ohm in series\n", h->device.off_siemens,
           h->device.on_siemens, h->device.bits_per_cell, h->device.bits_per_cell == 1 ? "" : "s",
           cli_values_text(series, sizeof series, h->array.series_ohm, h->array.rows * h->array.columns));
    printf("#   reads   %g V\n", h->dac.read_volt);
    cli_tell_subcircuit(stdout, "#   ", s);
    cli_print_levels("#     ", s);
    puts("# Every key, defaults included:");
    fputs(yaml, stdout);
}

/* Without a size subcircuits can be told of all the same: any size that holds the lines named will do. */
#define ANY_LINES 4096

static int show_hardware(struct cli_session *s, json_t *report)
{
    struct xo_info info = {""};
    char *yaml = NULL;
    int code = cli_read_hardware(s);
    bool sized = s->hardware.array.rows && s->hardware.array.columns;
    bool spice = s->hardware.array.law.law == XO_LAW_SPICE;
    if (!code && (sized || spice)) {
        size_t lines = sized ? 0 : ANY_LINES;
        int status = xo_hardware_finish(&s->hardware, lines, lines, &info);
        if (!sized)
            s->hardware.array.rows = s->hardware.array.columns = 0;
        if (status)
            return cli_fail_reading(status, &info, s->hardware_path);
    }
    if (code)
        return code;
    if (xo_hardware_print(&yaml, &s->hardware))
        return cli_no_memory();
    int failed = cli_json_put(report, "kind", json_string("hardware description"));
    failed |= cli_json_put(report, "rows", json_integer((json_int_t)s->hardware.array.rows));
    failed |= cli_json_put(report, "columns", json_integer((json_int_t)s->hardware.array.columns));
    failed |= cli_json_put(report, "yaml", json_string(yaml));
    if (!failed)
        print_hardware(s, yaml);
    free(yaml);
    return failed ? cli_no_memory() : CLI_DONE;
}

/* ---- which kind ------------------------------------------------------------------------------------ */

#define MAX_FILE_NBYTES ((size_t)1 << 36)

static const struct kind {
    const char *ending;
    int (*show)(const struct info_file *file, json_t *report);           /* NULL: a hardware description */
} kinds[] = {
    {".yaml", NULL}, {".yml", NULL}, {".npy", info_npy}, {".npz", info_npz}, {".csv", info_csv},
    {".fcm", info_fcm}, {".json", info_json}, {".html", info_html},
    {".cir", info_deck}, {NULL, NULL},
};

static const struct kind *kind_of(const char *name)
{
    const struct kind *kind = kinds;
    bool deck = cli_is_deck(name);     /* has more endings than one */
    while (kind->ending && !(deck ? kind->show == info_deck : cli_ends_with(name, kind->ending)))
        kind++;
    return kind;
}

static bool is_json(const struct info_file *file)
{
    json_t *value = json_loadb(file->bytes, file->nbytes, 0, NULL);
    json_decref(value);
    return value;
}

/* The ending that bytes without a name deserve. */
static const char *ending_of(const struct info_file *file)
{
    const char *at = file->bytes;
    if (*at == '\x93')
        return ".npy";
    if (!strncmp(at, "PK", 2))
        return ".npz";
    while (isspace((unsigned char)*at) || *at == '#')
        at += *at == '#' ? strcspn(at, "\n") : 1;
    if (*at == '<')
        return ".html";
    if (*at == '{')
        return is_json(file) ? ".json" : ".yaml";
    return isdigit((unsigned char)at[at[0] == '-' || at[0] == '+']) ? ".csv" : ".yaml";
}

static int show_stdin(struct cli_session *s, struct info_file *file, json_t *report)
{
    const struct kind *kind = kind_of(ending_of(file));
    s->hardware_path = file->name = "standard input";
    s->hardware_text = file->bytes;
    s->hardware_nbytes = file->nbytes;
    return kind->show ? kind->show(file, report) : show_hardware(s, report);
}

static int show(struct cli_session *s, json_t *report)
{
    struct xo_info info = {""};
    struct info_file file = {.name = s->hardware_path};
    bool is_stdin = cli_is_stdout(file.name);
    const struct kind *kind = kind_of(file.name);
    if (!is_stdin && !kind->ending)
        return cli_fail(CLI_BAD_INPUT, "%s: a kind of file that is not known; expected .yaml, .npy, .npz, .csv, "
                        ".fcm, .cir, .json or .html", file.name);
    if (!is_stdin && !kind->show)
        return show_hardware(s, report);
    int status = xo_slurp(&file.bytes, &file.nbytes, file.name, MAX_FILE_NBYTES, &info);
    if (status)
        return cli_fail_reading(status, &info, file.name);
    int code = is_stdin ? show_stdin(s, &file, report) : kind->show(&file, report);
    free(file.bytes);
    return code;
}

int cli_info(int argc, char **argv)
{
    struct cli_session s = {0};
    struct cli_option options[] = {{.kind = CLI_END}};
    const struct cli_page page = {
        "info", "crossohm info hardware.yaml", "FILE\n\n"
        "FILE is a hardware description (.yaml: a sheet, then every key), an array (.npy, .csv: shape, range\n"
        "and a guess what it is), several (.npz), a fast model (.fcm: what it is worth and where it holds), a\n"
        "deck (.cir), or a report (.json, .html); - is standard input", options, 1
    };
    bool stop;
    int code = cli_parse(&page, &s.common, &s.hardware_path, argc, argv, &stop);
    if (stop)
        return code;
    if (cli_is_stdout(s.common.json))
        return cli_fail(CLI_USAGE, "--json: standard output is taken by the sheet; expected a file name");
    cli_session_begin(&s);
    json_t *report = json_pack("{s:s, s:s, s:o}", "tool", "crossohm", "version", PACKAGE_VERSION,
                               "file", cli_json_text(s.hardware_path));
    code = report ? show(&s, report) : cli_no_memory();
    cli_lap(&s, "read");
    if (!code)
        code = cli_finish_stdout();
    if (!code)
        code = cli_write_json(s.common.json, json_incref(report));
    if (!code)
        code = cli_write_timing(&s);
    json_decref(report);
    cli_session_free(&s);
    return code;
}
