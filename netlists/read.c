/* Reading decks.  Lines are joined to cards (continuations), cards cut into words, words become elements.
 *
 * SPICE:    the first line is a title, whatever it says;  * comment;  ; and $ comment behind;  + continues;
 *           Rname a b value;  Vname a b [DC] value;  Iname a b [DC] value;  names and keywords fold case
 * spectre:  known by its line "simulator lang=spectre";  // comment;  name (a b) resistor|vsource|isource key=value
 * What would change the operating point and is not understood is an error, never skipped.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "deck.h"
#include "memory.h"
#include "xo_file.h"

#define MOST_NBYTES ((size_t)1 << 30)
#define MOST_WORDS 16                  /* of an element; more are too many anyway */
#define MOST_AMPERE 1e12

struct reader {
    xo_deck *d;
    const char *name;                  /* of the file */
    struct xo_info *info;
    bool spectre, ended;
    size_t line, card_line;
    char *card;                        /* the lines joined so far */
    size_t length, capacity;
};

struct word { const char *text; size_t length; };

static int refuse(const struct reader *r, const struct word *found, const char *expected)
{
    int shown = found->length > 60 ? 60 : (int)found->length;
    return xo_fail(r->info, XO_ESYNTAX, "%s:%zu: found '%.*s'; expected %s", r->name, r->card_line, shown,
                   found->text, expected);
}

static bool is(const struct word *w, const char *text)
{
    return strlen(text) == w->length && !strncasecmp(w->text, text, w->length);
}

/* ---- elements ------------------------------------------------------------------------------------- */

static int no_room(const struct reader *r, int status)
{
    return xo_fail(r->info, status, "%s:%zu: %s", r->name, r->card_line, xo_strerror(status));
}

/* Printable, and nothing that some SPICE takes for something else. */
static bool is_name(const struct word *w)
{
    for (size_t k = 0; k < w->length; k++)
        if (w->text[k] <= ' ' || w->text[k] > '~' || strchr(k ? "\"'(),=;{}\\" : "\"'(),=;{}\\$*+.", w->text[k]) ||
            (k && w->text[k] == '/' && w->text[k - 1] == '/'))
            return false;
    return w->length > 0;
}

static int find_node(const struct reader *r, const struct word *w, int32_t *node)
{
    bool is_new;
    if (is(w, "0") || (!r->spectre && is(w, "gnd"))) {
        *node = XO_GROUND;
        return 0;
    }
    if (!is_name(w))
        return refuse(r, w, "the name of a node");
    int status = xo_names_add(&r->d->node, w->text, w->length, node, &is_new);
    return status ? no_room(r, status) : 0;
}

static int grow(const struct reader *r)
{
    xo_deck *d = r->d;
    size_t capacity = d->capacity ? 2 * d->capacity : 64;
    if (d->count < d->capacity)
        return 0;
    struct xo_element *element = xo_realloc(d->element, capacity, sizeof *element);
    if (element)
        d->element = element;
    int32_t *source = xo_realloc(d->source, capacity, sizeof *source);
    if (source)
        d->source = source;
    if (!element || !source)
        return no_room(r, ENOMEM);
    d->capacity = capacity;
    return 0;
}

static int set_value(const struct reader *r, const struct word *w, enum xo_element_kind kind, double *value)
{
    int status = r->spectre ? xo_number_parse(value, w->text, w->length) : xo_spice_number(value, w->text, w->length);
    if (status == XO_ESYNTAX)
        return refuse(r, w, r->spectre ? "a number without suffix (M is mega here and milli in SPICE)"
                                       : "a number such as 4.7k, 1e-6 or 10");
    double size = fabs(*value);
    bool negative = kind == XO_RESISTOR && *value < 0, zero = !status && fpclassify(size) == FP_ZERO;
    bool fits = kind == XO_RESISTOR ? zero || (size >= XO_MIN_OHM && size <= XO_MAX_OHM)
                                    : size <= (kind == XO_VOLTAGE_SOURCE ? XO_MAX_VOLT : MOST_AMPERE);
    if (!status && !negative && fits)
        return 0;
    refuse(r, w, kind == XO_RESISTOR ? "0 or 1e-12 to 1e30 ohm" : "at most 1e12 volt or ampere");
    return XO_EVALUE;
}

static int add_element(struct reader *r, enum xo_element_kind kind, const struct word *name, const struct word *node,
                       const struct word *value)
{
    xo_deck *d = r->d;
    struct xo_element e = {.kind = kind};
    int32_t number;
    bool is_new;
    if (!is_name(name))
        return refuse(r, name, "the name of an element");
    int status = find_node(r, &node[0], &e.from);
    if (!status)
        status = find_node(r, &node[1], &e.to);
    if (!status && value)
        status = set_value(r, value, kind, &e.value);
    if (!status)
        status = grow(r);
    if (status)
        return status;
    if ((status = xo_names_add(&d->element_name, name->text, name->length, &number, &is_new)))
        return no_room(r, status);
    if (!is_new)
        return refuse(r, name, "a name that no other element has");
    e.name = d->element_name.name[number];
    if (kind == XO_VOLTAGE_SOURCE)
        d->source[d->sources++] = (int32_t)d->count;
    d->element[d->count++] = e;
    return 0;
}

/* ---- SPICE ---------------------------------------------------------------------------------------- */

/* Commands that say what to compute or print, never what the circuit is.  Ours is always the operating point. */
static int spice_command(struct reader *r, const struct word *w, size_t words)
{
    static const char *const harmless[] = {".op", ".dc", ".print", ".plot", ".probe", ".save", ".title", ".width",
                                           ".temp", ".backanno"};
    static const char *const options[] = {".option", ".options", ".opt"};
    if (is(w, ".end")) {
        r->ended = true;
        return 0;
    }
    for (size_t k = 0; k < sizeof options / sizeof *options; k++)
        if (is(w, options[k])) {
            for (size_t j = 1; j < words; j++)
                if (is(&w[j], "rshunt"))
                    return refuse(r, &w[j], "no option that adds resistors");
            return 0;
        }
    for (size_t k = 0; k < sizeof harmless / sizeof *harmless; k++)
        if (is(w, harmless[k]))
            return 0;
    return refuse(r, w, "a plain deck: R, V and I, .op, .dc, .print, .save, .options, .end");
}

static int spice_card(struct reader *r, const struct word *w, size_t words)
{
    enum xo_element_kind kind;
    const struct word *value = words > 3 ? &w[3] : NULL;
    switch (w->text[0]) {
    case '.': return spice_command(r, w, words);
    case 'r': case 'R': kind = XO_RESISTOR; break;
    case 'v': case 'V': kind = XO_VOLTAGE_SOURCE; break;
    case 'i': case 'I': kind = XO_CURRENT_SOURCE; break;
    default: return refuse(r, w, "a resistor, voltage or current source (R, V, I)");
    }
    if (words < 3 || (kind == XO_RESISTOR && words < 4))
        return refuse(r, &w[words - 1], "name, two nodes and a value");
    size_t most = 4;
    if (words > 3 && is(&w[3], kind == XO_RESISTOR ? "r" : "dc")) {
        if (words < 5)
            return refuse(r, &w[3], "a number behind it");
        value = &w[4];
        most = 5;
    }
    if (words > most)
        return refuse(r, &w[most], "nothing behind the value");
    return add_element(r, kind, w, w + 1, value);
}

/* ---- spectre -------------------------------------------------------------------------------------- */

static const struct master { const char *name, *key; enum xo_element_kind kind; } masters[] = {
    {"resistor", "r", XO_RESISTOR}, {"vsource", "dc", XO_VOLTAGE_SOURCE}, {"isource", "dc", XO_CURRENT_SOURCE}};

static const struct master *master_of(const struct word *w, size_t words)
{
    for (size_t k = 0; words > 3 && k < sizeof masters / sizeof *masters; k++)
        if (is(&w[3], masters[k].name))
            return &masters[k];
    return NULL;
}

static int spectre_element(struct reader *r, const struct master *m, const struct word *w, size_t words)
{
    const struct word *value = NULL;
    for (size_t at = 4; at < words; at += 2) {
        bool is_type = is(&w[at], "type") && m->kind != XO_RESISTOR && at + 1 < words && is(&w[at + 1], "dc");
        if (is_type)
            continue;
        if (!is(&w[at], m->key) || at + 1 >= words || value)
            return refuse(r, &w[at], m->kind == XO_RESISTOR ? "r=ohms, once" : "dc=number, once");
        value = &w[at + 1];
    }
    if (!value && m->kind == XO_RESISTOR)
        return refuse(r, &w[3], "r=ohms behind it");
    return add_element(r, m->kind, w, w + 1, value);
}

static int spectre_card(struct reader *r, const struct word *w, size_t words)
{
    const struct master *master = master_of(w, words);
    if (master)                        /* first of all: "save" and "dc" may also be names */
        return spectre_element(r, master, w, words);
    if (is(w, "simulator")) {
        bool ours = words == 3 && is(&w[1], "lang") && is(&w[2], "spectre");
        return ours ? 0 : refuse(r, &w[words - 1], "simulator lang=spectre");
    }
    if (is(w, "global"))
        return words == 2 && is(&w[1], "0") ? 0 : refuse(r, &w[words - 1], "global 0");
    if (is(w, "save") || (words >= 2 && (is(&w[1], "dc") || is(&w[1], "options"))))
        return 0;
    return refuse(r, words > 3 ? &w[3] : w, "name (node node) resistor, vsource or isource");
}

/* ---- lines, cards, words -------------------------------------------------------------------------- */

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v'; }

static int finish_card(struct reader *r)
{
    struct word word[MOST_WORDS + 1];
    size_t words = 0, at = 0;
    const char *separators = r->spectre ? "()=" : "=";
    while (words <= MOST_WORDS) {
        while (at < r->length && (is_blank(r->card[at]) || strchr(separators, r->card[at])))
            at++;
        if (at == r->length)
            break;
        word[words].text = r->card + at;
        while (at < r->length && !is_blank(r->card[at]) && !strchr(separators, r->card[at]))
            at++;
        word[words].length = (size_t)(r->card + at - word[words].text);
        words++;
    }
    r->length = 0;
    if (!words)
        return 0;
    return r->spectre ? spectre_card(r, word, words) : spice_card(r, word, words);
}

static int append(struct reader *r, const char *text, size_t length)
{
    if (r->length + length + 1 > r->capacity) {
        size_t capacity = 2 * (r->length + length) + 256;
        char *card = xo_realloc(r->card, capacity, 1);
        if (!card)
            return no_room(r, ENOMEM);
        r->card = card;
        r->capacity = capacity;
    }
    r->card[r->length++] = ' ';
    memcpy(r->card + r->length, text, length);
    r->length += length;
    return 0;
}

/* How much of a line comes before its comment. */
static size_t without_comment(const struct reader *r, const char *text, size_t length)
{
    if (length && text[0] == '*')
        return 0;
    for (size_t k = 0; k < length; k++) {
        bool spectre = r->spectre && text[k] == '/' && k + 1 < length && text[k + 1] == '/';
        bool spice = !r->spectre && (text[k] == ';' || (text[k] == '$' && (k == 0 || is_blank(text[k - 1]))));
        if (spectre || spice)
            return k;
    }
    return length;
}

static int take_line(struct reader *r, const char *text, size_t length)
{
    while (length && is_blank(*text)) {
        text++;
        length--;
    }
    length = without_comment(r, text, length);
    while (length && is_blank(text[length - 1]))
        length--;
    if (!length)
        return 0;
    bool continues = text[0] == '+', pending = r->length && r->card[r->length - 1] == '\\' && r->spectre;
    if (pending)
        r->card[r->length - 1] = ' ';
    if (!continues && !pending) {
        int status = finish_card(r);
        if (status)
            return status;
        r->card_line = r->line;
    }
    const struct word first = {text, length};
    if (r->ended) {
        r->card_line = r->line;
        return refuse(r, &first, "nothing behind .end");
    }
    if (continues && !r->length) {
        r->card_line = r->line;
        return refuse(r, &first, "something to continue");
    }
    return append(r, text + continues, length - continues);
}

/* The first line that is not a comment decides. */
static bool looks_like_spectre(const char *bytes, size_t nbytes)
{
    static const char opening[] = "simulator";
    const char *end = bytes + nbytes;
    while (bytes < end) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes)), *stop = newline ? newline : end;
        while (bytes < stop && is_blank(*bytes))
            bytes++;
        bool comment = bytes == stop || *bytes == '*' || (stop - bytes > 1 && bytes[0] == '/' && bytes[1] == '/');
        if (!comment)
            return (size_t)(stop - bytes) >= sizeof opening && !memcmp(bytes, opening, sizeof opening - 1);
        bytes = newline ? newline + 1 : end;
    }
    return false;
}

static int set_title(struct reader *r, const char *text, size_t length)
{
    while (length && is_blank(text[length - 1]))
        length--;
    r->d->title = xo_calloc(length + 1, 1);
    if (!r->d->title)
        return no_room(r, ENOMEM);
    memcpy(r->d->title, text, length);
    return 0;
}

static int read_lines(struct reader *r, const char *bytes, size_t nbytes)
{
    const char *end = bytes + nbytes;
    int status = r->spectre ? set_title(r, "", 0) : 0;
    while (bytes < end && !status) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes)), *stop = newline ? newline : end;
        r->line++;
        if (r->line == 1 && !r->spectre)
            status = set_title(r, bytes, (size_t)(stop - bytes));
        else
            status = take_line(r, bytes, (size_t)(stop - bytes));
        bytes = newline ? newline + 1 : end;
    }
    return status ? status : finish_card(r);
}

int xo_deck_parse(xo_deck **out, const char *bytes, size_t nbytes, const char *name, struct xo_info *info)
{
    struct reader r = {.name = name, .info = info, .card_line = 1};
    const char *nul = memchr(bytes, '\0', nbytes);
    int status;
    if (nul || !nbytes)
        return xo_fail(info, XO_ESYNTAX, nul ? "%s: found a NUL byte at %zu; expected a deck as text"
                                             : "%s: empty (%zu bytes); expected a deck",
                       name, nul ? (size_t)(nul - bytes) : 0);
    r.spectre = looks_like_spectre(bytes, nbytes);
    r.d = xo_calloc(1, sizeof *r.d);
    if (!r.d)
        return xo_fail(info, ENOMEM, "%s: %s", name, xo_strerror(ENOMEM));
    r.d->node.folded = r.d->element_name.folded = !r.spectre;
    status = read_lines(&r, bytes, nbytes);
    if (!status && !r.d->count)
        status = xo_fail(info, XO_ESYNTAX, "%s: found no element (the first line is a title); expected R, V or I",
                         name);
    free(r.card);
    if (status)
        xo_deck_free(r.d);
    else
        *out = r.d;
    return status;
}

int xo_deck_read(xo_deck **out, const char *path, struct xo_info *info)
{
    char *bytes = NULL;
    size_t nbytes = 0;
    int status = xo_slurp(&bytes, &nbytes, path, MOST_NBYTES, info);
    if (!status)
        status = xo_deck_parse(out, bytes, nbytes, strcmp(path, "-") ? path : "standard input", info);
    free(bytes);
    return status;
}
