/* The netlist of a subcircuit: of all that stands in it only definitions are kept, .subckt to .ends, .model, .param
 * and the like, so that a test bench can be named as well as a library.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "memory.h"
#include "subcircuit.h"

#define BLANKS " \t\r\v\f"
#define SEPARATORS " \t\r\v\f,()"
enum { MOST_PINS = 16, MOST_NAME = 64, MOST_LISTED = 200 };

/* A word at *at, up to a separator or an equals sign; moves *at behind it and blanks. */
static size_t next_word(const char **at, const char **word)
{
    *word = *at + strspn(*at, SEPARATORS);
    size_t length = strcspn(*word, SEPARATORS "=;\n");
    *at = *word + length;
    *at += strspn(*at, SEPARATORS);
    return length;
}

static bool is_word(const char *word, size_t length, const char *wanted)
{
    return length == strlen(wanted) && !strncasecmp(word, wanted, length);
}

/* ---- definitions ---------------------------------------------------------------------------------- */

static bool defines(const char *line)
{
    static const char *const kept[] = {".model", ".param", ".func", ".global", ".option", ".options", ".temp",
                                       ".csparam"};
    size_t length = strcspn(line, BLANKS);
    for (size_t k = 0; k < sizeof kept / sizeof *kept; k++)
        if (is_word(line, length, kept[k]))
            return true;
    return false;
}

/* Takes text apart in place. */
static void keep_definitions(FILE *to, char *text)
{
    int depth = 0;
    bool kept = false;
    for (char *at = text, *next; at && *at; at = next) {
        next = strchr(at, '\n');
        if (next)
            *next++ = '\0';
        const char *line = at + strspn(at, BLANKS);
        bool begins = !strncasecmp(line, ".subckt", 7), ends = !strncasecmp(line, ".ends", 5);
        if (*line == '*' || !*line)
            continue;
        depth += begins;
        if (*line != '+')
            kept = depth > 0 || defines(line);
        if (kept)
            fprintf(to, "%s\n", line);
        depth -= ends && depth > 0;
    }
}

static int read_definitions(xo_subcircuit *s, struct xo_info *info)
{
    char *text = NULL;
    size_t nbytes = 0;
    int status = xo_ngspice_clean(s->keys.file, &text, &nbytes, info);
    FILE *to = status ? NULL : open_memstream(&s->definitions, &nbytes);
    if (to)
        keep_definitions(to, text);
    if (!status && (!to || fclose(to)))
        status = xo_fail(info, ENOMEM, "%s: %s", s->keys.file, xo_strerror(ENOMEM));
    free(text);
    return status;
}

/* ---- the subcircuit's own line -------------------------------------------------------------------- */

/* What stands behind ".subckt name", with the lines that continue it; "" if there is none.  To be freed; NULL: no
 * memory. */
static char *find_line(const char *text, const char *name)
{
    char *joined = xo_calloc(strlen(text) + 1, 1), *to = joined;
    int depth = 0;
    bool inside = false;
    for (const char *at = text, *end; joined && *at; at = end + (*end == '\n')) {
        const char *rest = at + (*at == '+'), *word;
        end = at + strcspn(at, "\n");
        if (*at != '+' && inside)
            break;
        if (!strncasecmp(at, ".subckt", 7)) {
            next_word(&rest, &word);
            size_t length = next_word(&rest, &word);
            inside = depth++ == 0 && is_word(word, length, name);
        } else if (!strncasecmp(at, ".ends", 5)) {
            depth -= depth > 0;
        }
        for (const char *c = rest; inside && c < end && *c != ';' && !(*c == '$' && c[1] == ' '); c++)
            *to++ = *c;
        if (inside)
            *to++ = ' ';
    }
    return joined;
}

static int list_names(char *text, const char *definitions)
{
    size_t used = 0;
    int depth = 0, count = 0;
    *text = '\0';
    for (const char *at = definitions; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        const char *word = at, *name;
        if (!strncasecmp(at, ".ends", 5))
            depth -= depth > 0;
        if (strncasecmp(at, ".subckt", 7) || depth++)
            continue;
        next_word(&word, &name);
        size_t length = next_word(&word, &name);
        if (used + length + 3 < MOST_LISTED)
            used += (size_t)sprintf(text + used, "%s%.*s", count ? ", " : "", (int)length, name);
        count++;
    }
    return count;
}

/* Behind "name =": a number, {an expression} or 'one'. */
static const char *skip_value(const char *at)
{
    at += strspn(at, SEPARATORS);
    if (*at == '{') {
        int depth = 0;
        do
            depth += (*at == '{') - (*at == '}');
        while (*at && *at++ && depth);
        return at;
    }
    if (*at == '\'')
        return at + 1 + strcspn(at + 1, "'") + (strchr(at + 1, '\'') != NULL);
    return at + strcspn(at, BLANKS ",");
}

struct line {
    size_t pins;
    const char *pin[MOST_PINS];
    size_t length[MOST_PINS];
    bool has_parameter;
    char parameters[MOST_LISTED];      /* for messages */
};

static int take_line(struct line *l, const char *text, const char *parameter)
{
    size_t used = 0;
    bool behind = false;
    for (const char *at = text + strspn(text, SEPARATORS), *word; *at;) {
        size_t length = next_word(&at, &word);
        if (!length && *at != '=')
            break;
        if (is_word(word, length, "params:") || is_word(word, length, "params")) {
            behind = true;
            at += strspn(at, ":" SEPARATORS);
        } else if (*at == '=') {
            at = skip_value(at + 1);
            at += strspn(at, SEPARATORS);
            behind = true;
            l->has_parameter |= parameter && is_word(word, length, parameter);
            if (used + length + 3 < sizeof l->parameters)
                used += (size_t)sprintf(l->parameters + used, "%s%.*s", used ? ", " : "", (int)length, word);
        } else if (behind || l->pins == MOST_PINS) {
            return XO_ESYNTAX;
        } else {
            l->pin[l->pins] = word;
            l->length[l->pins++] = length;
        }
    }
    return 0;
}

/* ---- pins ----------------------------------------------------------------------------------------- */

static int find_pin(const xo_subcircuit *s, const struct line *l, const char *key, const char *name, size_t *out,
                    const char **blame, struct xo_info *info)
{
    char listed[MOST_LISTED] = "";
    for (size_t k = 0, used = 0; k < l->pins; k++) {
        if (is_word(l->pin[k], l->length[k], name)) {
            *out = k;
            return 0;
        }
        if (used + l->length[k] + 3 < sizeof listed)
            used += (size_t)sprintf(listed + used, "%s%.*s", k ? ", " : "", (int)l->length[k], l->pin[k]);
    }
    *blame = key;
    return xo_fail(info, XO_EVALUE, "found no pin %.60s in subcircuit %s; expected one of %s", name, s->keys.name,
                   listed);
}

static int assign_pins(xo_subcircuit *s, const struct line *l, const char **blame, struct xo_info *info)
{
    const char *name[3] = {[XO_PIN_WORD] = s->keys.word_pin, [XO_PIN_BIT] = s->keys.bit_pin,
                           [XO_PIN_GATE] = s->keys.gate_pin};
    static const char *const key[3] = {"word_pin", "bit_pin", "gate_pin"};
    size_t pins = s->keys.gate_pin ? 3 : 2, at = 0;
    bool taken[MOST_PINS] = {false};
    int status = 0;
    *blame = "subcircuit";
    if (l->pins != pins)
        return xo_fail(info, XO_EVALUE, "found %zu pins at subcircuit %s; expected %s: others are tied in a "
                       "subcircuit around it", l->pins, s->keys.name,
                       pins == 3 ? "3, word line, bit line and gate" : "2, or 3 with gate_pin");
    s->pin = xo_arena_alloc(&s->arena, pins, sizeof *s->pin);
    if (!s->pin)
        return xo_fail(info, ENOMEM, "%s", xo_strerror(ENOMEM));
    for (int role = 0; role < 3 && !status; role++)
        if (name[role] && !(status = find_pin(s, l, key[role], name[role], &at, blame, info))) {
            if (taken[at])
                return xo_fail(info, XO_EVALUE, "found the pin %.60s twice; expected another for each of word_pin, "
                               "bit_pin and gate_pin", name[role]);
            taken[at] = true;
            s->pin[at] = (enum xo_pin)role;
        }
    for (int role = 0; role < 2 && !status; role++) {
        at = 0;
        while (at < pins && !name[role] && taken[at])
            at++;
        if (!name[role]) {
            taken[at] = true;
            s->pin[at] = (enum xo_pin)role;
        }
    }
    s->pins = pins;
    return status;
}

int xo_subcircuit_read(xo_subcircuit *s, const char **blame, struct xo_info *info)
{
    struct line l = {0};
    char listed[MOST_LISTED];
    *blame = "file";
    int status = read_definitions(s, info);
    char *text = status ? NULL : find_line(s->definitions, s->keys.name);
    if (!status && !text)
        status = xo_fail(info, ENOMEM, "%s: %s", s->keys.file, xo_strerror(ENOMEM));
    *blame = status ? *blame : "subcircuit";
    if (!status && !*text)
        status = list_names(listed, s->definitions)
                     ? xo_fail(info, XO_EVALUE, "found no subcircuit %.60s in %.150s; expected one of %s",
                               s->keys.name, s->keys.file, listed)
                     : xo_fail(info, XO_EVALUE, "found no subcircuit in %.150s; expected .subckt %.60s", s->keys.file,
                               s->keys.name);
    if (!status && (status = take_line(&l, text, s->keys.level_parameter)))
        xo_fail(info, status, "found a line .subckt %.60s that is none; expected pins, then name=value",
                s->keys.name);
    if (!status)
        status = assign_pins(s, &l, blame, info);
    if (!status && s->keys.level_parameter && !l.has_parameter) {
        *blame = "level_parameter";
        status = xo_fail(info, XO_EVALUE, "found no parameter %.60s in subcircuit %s; expected one of %s",
                         s->keys.level_parameter, s->keys.name, *l.parameters ? l.parameters : "none: it has none");
    }
    free(text);
    return status;
}
