/* Command lines by table: --name value, --name=value, -n value, -nvalue, in any order among the files.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <strings.h>
#include "cli.h"

int cli_print_version(void)
{
    printf("crossohm %s\n", PACKAGE_VERSION);
    return cli_finish_stdout();
}

int cli_missing(const char *option, const char *expected)
{
    return cli_fail(CLI_USAGE, "%s: missing; expected %s", option, expected);
}

bool cli_given(const struct cli_option *options, const char *name)
{
    for (; options->kind != CLI_END; options++)
        if (!strcmp(options->name, name))
            return options->given;
    return false;
}

static int print_help(const struct cli_page *page)
{
    printf("Example: %s\n\nUsage: crossohm %s %s\n\n", page->example, page->verb, page->synopsis);
    for (const struct cli_option *o = page->options; o->kind != CLI_END; o++) {
        char left[64];
        snprintf(left, sizeof left, "%c%c%s--%s %s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
                 o->letter ? ", " : "  ", o->name, o->argument ? o->argument : "");
        printf("  %-29s %s\n", left, o->help);
    }
    fputs("Every verb:\n"
          "  --set KEY=VALUE (repeatable)  overrides one key of the hardware file, as in array.row_wire_ohm=2\n"
          "  --threads N  --seed N  --quiet  --json FILE  --timing FILE  --help  --version\n", stdout);
    return cli_finish_stdout();
}

/* ---- values --------------------------------------------------------------------------------------- */

/* Decimal digits only, filling the text. */
static bool parse_count(size_t *out, const char *text, size_t length)
{
    size_t value = 0;
    if (!length)
        return false;
    for (size_t k = 0; k < length; k++) {
        if (text[k] < '0' || text[k] > '9' || value > (((size_t)-1) - 9) / 10)
            return false;
        value = 10 * value + (size_t)(text[k] - '0');
    }
    *out = value;
    return true;
}

static bool parse_site(struct xo_site *out, const char *text)
{
    const char *comma = strchr(text, ',');
    return comma && parse_count(&out->row, text, (size_t)(comma - text)) &&
           parse_count(&out->column, comma + 1, strlen(comma + 1));
}

static int wrong(const struct cli_option *o, const char *text, const char *expected)
{
    return cli_fail(CLI_USAGE, "--%s: found '%s'; expected %s", o->name, text, expected);
}

bool cli_ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), ending_length = strlen(ending);
    return length >= ending_length && !strcasecmp(text + length - ending_length, ending);
}

static bool is_output(const struct cli_option *o)
{
    return o->kind == CLI_OUTPUT || o->kind == CLI_ARRAY || o->kind == CLI_ARCHIVE;
}

/* Endings that promise another format. */
static int check_ending(const struct cli_option *o, const char *text)
{
    if (o->kind == CLI_ARRAY && cli_ends_with(text, ".npz"))
        return wrong(o, text, "a .npy or .csv, as this is a single array");
    if (o->kind == CLI_ARCHIVE && (cli_ends_with(text, ".csv") || cli_ends_with(text, ".npy")))
        return wrong(o, text, "a .npz, as these are several arrays");
    return CLI_DONE;
}

static int store_engine(const struct cli_option *o, const char *text)
{
    struct cli_engine *engine = o->value;
    engine->ngspice = !strcmp(text, "ngspice");
    engine->ours = XO_ENGINE_AUTO;
    return engine->ngspice || !xo_engine_parse(&engine->ours, text)
           ? CLI_DONE : wrong(o, text, "auto, cholmod, klu, ladder, line, starmesh or ngspice");
}

static int store(struct cli_option *o, const char *text)
{
    o->given = true;
    switch (o->kind) {
    case CLI_COUNT:
        return parse_count(o->value, text, strlen(text)) ? 0 : wrong(o, text, "a whole number such as 3");
    case CLI_NUMBER:
        return xo_number_parse(o->value, text, strlen(text)) ? wrong(o, text, "a number such as 0.2") : 0;
    case CLI_SITE:
        return parse_site(o->value, text) ? 0 : wrong(o, text, "row,column such as 3,5");
    case CLI_ENGINE:
        return store_engine(o, text);
    default:
        if (!text[0])
            return wrong(o, text, "a name");
        *(const char **)o->value = text;
        return check_ending(o, text);
    }
}

/* ---- the command line ----------------------------------------------------------------------------- */

struct parser {
    const struct cli_page *page;
    struct cli_common *common;
    struct cli_option *shared;         /* the options of every verb */
    const char *set;                   /* the latest --set */
    bool help, version;
    int argc, at;
    char **argv;
    const char **file;
    int files;
};

static struct cli_option *find(struct cli_option *o, const char *name, size_t length)
{
    for (; o->kind != CLI_END; o++)
        if (strlen(o->name) == length && !strncmp(o->name, name, length))
            return o;
    return NULL;
}

static struct cli_option *find_letter(struct cli_option *o, char letter)
{
    for (; o->kind != CLI_END; o++)
        if (o->letter == letter)
            return o;
    return NULL;
}

/* Add to the recorded command what can change a result. */
static void record(struct parser *p, const char *dashes, const char *name, const char *value)
{
    char *end = p->common->command;
    size_t used = strlen(end), size = sizeof p->common->command;
    snprintf(end + used, size - used, " %s%s%s%s", dashes, name, value[0] && name[0] ? " " : "", value);
}

static bool decides_results(const struct parser *p, const struct cli_option *o)
{
    return !is_output(o) && o->kind != CLI_HOW && o->value != &p->common->threads && o->value != &p->common->quiet;
}

static int take_value(struct parser *p, struct cli_option *o, const char *value)
{
    if (o->value == &p->set && (value[0] == '=' || !strchr(value, '=')))
        return wrong(o, value, "key=value such as array.rows=64");
    int code = store(o, value);
    if (code)
        return code;
    if (decides_results(p, o))
        record(p, "--", o->name, value);
    if (o->value != &p->set)
        return CLI_DONE;
    if (p->common->set_count == CLI_MAX_SETS)
        return cli_fail(CLI_USAGE, "--set: given more than %d times; put the values into the file", CLI_MAX_SETS);
    p->common->set[p->common->set_count++] = value;
    return CLI_DONE;
}

static int take_option(struct parser *p, struct cli_option *o, const char *attached)
{
    if (o->kind == CLI_FLAG || o->kind == CLI_HOW) {
        if (attached)
            return cli_fail(CLI_USAGE, "--%s: found '%s'; expected no value", o->name, attached);
        o->given = *(bool *)o->value = true;
        if (decides_results(p, o))
            record(p, "--", o->name, "");
        return CLI_DONE;
    }
    if (!attached && p->at + 1 >= p->argc)
        return cli_fail(CLI_USAGE, "--%s: nothing follows; expected %s", o->name, o->argument);
    return take_value(p, o, attached ? attached : p->argv[++p->at]);
}

static int take_long(struct parser *p, const char *name)
{
    size_t length = strcspn(name, "=");
    struct cli_option *o = find(p->page->options, name, length);
    if (!o)
        o = find(p->shared, name, length);
    if (!o)
        return cli_fail(CLI_USAGE, "--%.*s: unknown option; expected one of crossohm %s --help", (int)length, name,
                        p->page->verb);
    return take_option(p, o, name[length] ? name + length + 1 : NULL);
}

static int take_short(struct parser *p, const char *letters)
{
    struct cli_option *o = find_letter(p->page->options, letters[0]);
    if (!o)
        o = find_letter(p->shared, letters[0]);
    if (!o)
        return cli_fail(CLI_USAGE, "-%c: unknown option; expected one of crossohm %s --help", letters[0],
                        p->page->verb);
    return take_option(p, o, letters[1] ? letters + 1 : NULL);
}

static int take_file(struct parser *p, const char *path)
{
    if (p->files == p->page->files)
        return cli_fail(CLI_USAGE, "%s: one file too many; expected what crossohm %s --help shows", path,
                        p->page->verb);
    p->file[p->files++] = path;
    record(p, "", "", path);
    return CLI_DONE;
}

static int take_all(struct parser *p)
{
    bool only_files = false;
    int code = CLI_DONE;
    for (p->at = 1; p->at < p->argc && !code; p->at++) {
        const char *word = p->argv[p->at];
        if (only_files || word[0] != '-' || !word[1])
            code = take_file(p, word);
        else if (!strcmp(word, "--"))
            only_files = true;
        else if (word[1] == '-')
            code = take_long(p, word + 2);
        else
            code = take_short(p, word + 1);
    }
    return code;
}

#define MAX_FILES 32                   /* that one command line can name */

/* Where a file is or would be, links and dots resolved; the name itself if its folder is not there. */
static char *place_of(const char *path)
{
    char folder[PATH_MAX], name[PATH_MAX], *there = realpath(path, NULL), *inside;
    if (there || !strcmp(path, "-") || strlen(path) >= sizeof folder)
        return there ? there : strdup(path);
    inside = realpath(dirname(strcpy(folder, path)), NULL);
    if (inside && (there = malloc(strlen(inside) + strlen(path) + 2)))
        sprintf(there, "%s/%s", inside, basename(strcpy(name, path)));
    free(inside);
    return there ? there : strdup(path);
}

/* Two outputs that are one file would overwrite each other. */
static int outputs_differ(struct parser *p)
{
    struct cli_option *tables[] = {p->page->options, p->shared};
    char *seen[MAX_FILES] = {NULL};
    size_t count = 0;
    int code = CLI_DONE;
    for (size_t t = 0; t < 2; t++)
        for (struct cli_option *o = tables[t]; o->kind != CLI_END && count < MAX_FILES && !code; o++) {
            const char *path = is_output(o) ? *(const char **)o->value : NULL;
            if (!path || !(seen[count] = place_of(path)))
                continue;
            for (size_t k = 0; k < count; k++)
                if (!strcmp(seen[k], seen[count]))
                    code = cli_fail(CLI_USAGE, "--%s: %s is named for two outputs; expected two names", o->name,
                                    path);
            count++;
        }
    for (size_t k = 0; k < count; k++)
        free(seen[k]);
    return code;
}

/* Do both names lead to one regular file that is there? */
static bool same_file(const char *a, const char *b)
{
    struct stat one, other;
    return a && b && !cli_is_stdout(a) && !cli_is_stdout(b) && !stat(a, &one) && !stat(b, &other)
           && S_ISREG(one.st_mode) && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static bool is_read(const struct parser *p, const char *path)
{
    for (int k = 0; k < p->files; k++)
        if (same_file(path, p->file[k]))
            return true;
    for (const struct cli_option *o = p->page->options; o->kind != CLI_END; o++)
        if (o->kind == CLI_INPUT && same_file(path, *(const char **)o->value))
            return true;
    return false;
}

/* No output may replace what is read. */
static int outputs_spare_inputs(const struct parser *p)
{
    struct cli_option *tables[] = {p->page->options, p->shared};
    for (size_t t = 0; t < 2; t++)
        for (struct cli_option *o = tables[t]; o->kind != CLI_END; o++)
            if (is_output(o) && is_read(p, *(const char **)o->value))
                return cli_fail(CLI_USAGE, "--%s: %s is read as well; expected another name", o->name,
                                *(const char **)o->value);
    return CLI_DONE;
}

/* Standard input can be read once. */
static int inputs_differ(const struct parser *p)
{
    int from_stdin = 0;
    for (int k = 0; k < p->files; k++)
        from_stdin += cli_is_stdout(p->file[k]);
    for (const struct cli_option *o = p->page->options; o->kind != CLI_END; o++)
        from_stdin += o->kind == CLI_INPUT && cli_is_stdout(*(const char **)o->value);
    return from_stdin > 1 ? cli_fail(CLI_USAGE, "-: named for %d inputs; expected one to come from standard input",
                                     from_stdin) : CLI_DONE;
}

int cli_parse(const struct cli_page *page, struct cli_common *common, const char **file, int argc, char **argv,
              bool *stop)
{
    struct parser p = {.page = page, .common = common, .argc = argc, .argv = argv, .file = file};
    struct cli_option shared[] = {
        {CLI_COUNT, 0, "threads", &common->threads, "a number of threads", NULL, false},
        {CLI_COUNT, 0, "seed", &common->seed, "a whole number", NULL, false},
        {CLI_FLAG, 0, "quiet", &common->quiet, NULL, NULL, false},
        {CLI_TEXT, 0, "set", &p.set, "key=value", NULL, false},
        {CLI_OUTPUT, 0, "json", &common->json, "a file name", NULL, false},
        {CLI_OUTPUT, 0, "timing", &common->timing, "a file name", NULL, false},
        {CLI_FLAG, 'h', "help", &p.help, NULL, NULL, false},
        {CLI_FLAG, 0, "version", &p.version, NULL, NULL, false},
        {.kind = CLI_END}
    };
    p.shared = shared;
    *stop = true;
    common->threads = 1;
    snprintf(common->command, sizeof common->command, "crossohm %s", page->verb);
    int code = take_all(&p);
    if (code)
        return code;
    if (p.help)
        return print_help(page);
    if (p.version)
        return cli_print_version();
    if (p.files < page->files)
        return cli_fail(CLI_USAGE, "%s: no file named; expected what crossohm %s --help shows", page->verb,
                        page->verb);
    if (common->threads < 1 || common->threads > CLI_MAX_THREADS)
        return cli_fail(CLI_USAGE, "--threads: found %zu; expected 1 to %d", common->threads, CLI_MAX_THREADS);
    common->seed_given = cli_given(shared, "seed");
    common->threads_given = cli_given(shared, "threads");
    code = outputs_differ(&p);
    if (!code)
        code = outputs_spare_inputs(&p);
    if (!code)
        code = inputs_differ(&p);
    *stop = code != CLI_DONE;
    return code;
}
