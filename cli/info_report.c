/* What a report holds: the figures of a report.json or timing.json, the words of a report.html.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "info.h"

enum { INDENT = 2, MOST_NUMBERS = 8, LINE_LENGTH = 100 };

/* ---- report.json, timing.json ---------------------------------------------------------------------- */

void info_print_text(const char *text, size_t length)
{
    for (size_t k = 0; k < length; k++)
        putchar((unsigned char)text[k] < 0x20 || text[k] == 0x7f ? '?' : text[k]);
}

static void print_text(const char *text)
{
    info_print_text(text, strlen(text));
}

static void print_number(const json_t *number)
{
    char text[XO_NUMBER_SIZE];
    if (json_is_integer(number))
        printf("%" JSON_INTEGER_FORMAT, json_integer_value(number));
    else
        fputs(xo_number_print(text, json_real_value(number)), stdout);
}

static void print_scalar(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING: print_text(json_string_value(value)); break;
    case JSON_TRUE:   fputs("yes", stdout); break;
    case JSON_FALSE:  fputs("no", stdout); break;
    case JSON_NULL:   fputs("not stated", stdout); break;
    default:          print_number(value);
    }
}

static void print_members(const json_t *object, int depth);

/* Few numbers on one line, many only counted; texts and objects each on its own. */
static void print_list(const json_t *list, int depth)
{
    const json_t *element;
    size_t k, count = json_array_size(list);
    bool by_line = json_is_object(json_array_get(list, 0)) || json_is_string(json_array_get(list, 0));
    if (!by_line && count > MOST_NUMBERS)
        printf(" %zu numbers", count);
    else if (!count)
        fputs(" none", stdout);
    json_array_foreach(list, k, element) {
        if (!by_line && count > MOST_NUMBERS)
            break;
        fputs(by_line ? "\n" : k ? ", " : " ", stdout);
        if (json_is_object(element)) {
            printf("%*s%zu:", depth * INDENT, "", k);
            print_members(element, depth + 1);
            continue;
        }
        if (by_line)
            printf("%*s", depth * INDENT, "");
        if (json_is_array(element))
            fputs("...", stdout);
        else
            print_scalar(element);
    }
}

static void print_members(const json_t *object, int depth)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        printf("\n%*s", depth * INDENT, "");
        print_text(key);
        putchar(':');
        if (json_is_object(value)) {
            print_members(value, depth + 1);
        } else if (json_is_array(value)) {
            print_list(value, depth + 1);
        } else {
            putchar(' ');
            print_scalar(value);
        }
    }
}

int info_json(const struct info_file *file, json_t *report)
{
    json_error_t error;
    json_t *figures = json_loadb(file->bytes, file->nbytes, JSON_REJECT_DUPLICATES, &error);
    const char *tool = json_string_value(json_object_get(figures, "tool"));
    int code = CLI_DONE;
    if (!figures)
        return cli_fail(CLI_BAD_INPUT, "%s:%d:%d: %s; expected a report of crossohm", file->name, error.line,
                        error.column, error.text);
    if (!tool || strcmp(tool, "crossohm")) {
        code = cli_fail(CLI_BAD_INPUT, "%s: does not say \"tool\": \"crossohm\"; expected a report of ours",
                        file->name);
    } else if (cli_json_put(report, "kind", json_string("report"))
               | cli_json_put(report, "figures", json_incref(figures))) {
        code = cli_no_memory();
    } else {
        print_text(file->name);
        fputs(": a report", stdout);
        print_members(figures, 1);
        putchar('\n');
    }
    json_decref(figures);
    return code;
}

/* ---- report.html ----------------------------------------------------------------------------------- */

/* One entity at `at`, printed in ASCII; returns what it takes in the page. */
static size_t put_entity(FILE *to, const char *at)
{
    static const struct { const char *name, *text; } entity[] = {
        {"&nbsp;", " "}, {"&times;", "x"}, {"&Omega;", "ohm"}, {"&rsquo;", "'"}, {"&minus;", "-"}, {"&middot;", "-"},
        {"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}, {"&quot;", "\""},
    };
    for (size_t k = 0; k < sizeof entity / sizeof *entity; k++)
        if (!strncmp(at, entity[k].name, strlen(entity[k].name))) {
            fputs(entity[k].text, to);
            return strlen(entity[k].name);
        }
    fputc('&', to);
    return 1;
}

/* The words between two places of a page, tags left out; NULL without memory. */
static char *words_between(const char *at, const char *end)
{
    char *text = NULL;
    size_t nbytes = 0;
    FILE *to = open_memstream(&text, &nbytes);
    if (!to)
        return NULL;
    while (at < end) {
        if (*at == '<') {
            at += strcspn(at, ">");
            at += at < end;
        } else if (*at == '&') {
            at += put_entity(to, at);
        } else {
            fputc(*at == '\n' ? ' ' : *at, to);
            at++;
        }
    }
    fclose(to);
    return text;
}

/* What stands between `before` and `after`, searched from *at on; moves *at behind it.  NULL: not there. */
static char *find_words(const char **at, const char *before, const char *after)
{
    const char *begin = strstr(*at, before), *end = begin ? strstr(begin + strlen(before), after) : NULL;
    if (!end)
        return NULL;
    *at = end;
    return words_between(begin + strlen(before), end);
}

static void print_wrapped(const char *text)
{
    size_t used = 0;
    while (*(text += strspn(text, " "))) {
        size_t length = strcspn(text, " ");
        bool breaks = used && used + 1 + length > LINE_LENGTH;
        fputs(breaks ? "\n" : used ? " " : "", stdout);
        printf("%.*s", (int)length, text);
        used = breaks ? length : used + length + (used > 0);
        text += length;
    }
    putchar('\n');
}

int info_html(const struct info_file *file, json_t *report)
{
    const char *at = file->bytes;
    char *title = find_words(&at, "<title>", "</title>"), *text = NULL;
    int failed = 0;
    if (!title || strncmp(title, "Crossohm", strlen("Crossohm"))) {
        free(title);
        return cli_fail(CLI_BAD_INPUT, "%s: its title does not begin with Crossohm; expected a report of ours",
                        file->name);
    }
    text = find_words(&at, "<h2>What was simulated</h2>", "</section>");
    printf("%s: a report\n", file->name);
    print_wrapped(title);
    if (text)
        print_wrapped(text);
    failed |= cli_json_put(report, "kind", json_string("report"));
    failed |= cli_json_put(report, "title", cli_json_text(title));
    failed |= cli_json_put(report, "text", text ? cli_json_text(text) : json_null());
    free(title);
    free(text);
    return failed ? cli_no_memory() : CLI_DONE;
}
