/* Names to numbers, and the numbers of SPICE.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "deck.h"
#include "memory.h"
#include "xo_file.h"

/* ---- names ---------------------------------------------------------------------------------------- */

static char fold(char letter)          /* ASCII only, whatever the locale */
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

static bool same(const struct xo_names *names, const char *a, const char *b, size_t length)
{
    for (size_t k = 0; k < length; k++)
        if (names->folded ? fold(a[k]) != fold(b[k]) : a[k] != b[k])
            return false;
    return a[length] == '\0';
}

/* FNV-1a (Fowler, Noll, Vo). */
static size_t hash(const struct xo_names *names, const char *text, size_t length)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t k = 0; k < length; k++)
        h = (h ^ (unsigned char)(names->folded ? fold(text[k]) : text[k])) * 0x100000001b3u;
    return (size_t)(h ^ (h >> 32));
}

/* The slot that holds the name, or the free one where it would go. */
static size_t seek(const struct xo_names *names, const char *text, size_t length)
{
    size_t s = hash(names, text, length) & (names->slots - 1);
    while (names->slot[s] && !same(names, names->name[names->slot[s] - 1], text, length))
        s = (s + 1) & (names->slots - 1);
    return s;
}

static int grow(struct xo_names *names)
{
    size_t capacity = names->capacity ? 2 * names->capacity : 64;
    char **name = xo_realloc(names->name, capacity, sizeof *name);
    if (!name)
        return ENOMEM;
    names->name = name;
    int32_t *slot = xo_calloc(2 * capacity, sizeof *slot);
    if (!slot)
        return ENOMEM;
    free(names->slot);
    names->slot = slot;
    names->slots = 2 * capacity;
    names->capacity = capacity;
    for (size_t k = 0; k < names->count; k++)
        slot[seek(names, name[k], strlen(name[k]))] = (int32_t)k + 1;
    return 0;
}

int xo_names_add(struct xo_names *names, const char *text, size_t length, int32_t *number, bool *is_new)
{
    if (names->count == names->capacity) {
        int status = names->count >= INT32_MAX / 16 ? XO_ETOOBIG : grow(names);
        if (status)
            return status;
    }
    size_t s = seek(names, text, length);
    *is_new = !names->slot[s];
    if (*is_new) {
        char *copy = xo_calloc(length + 1, 1);
        if (!copy)
            return ENOMEM;
        memcpy(copy, text, length);
        names->name[names->count++] = copy;
        names->slot[s] = (int32_t)names->count;
    }
    *number = names->slot[s] - 1;
    return 0;
}

void xo_names_free(struct xo_names *names)
{
    for (size_t k = 0; k < names->count; k++)
        free(names->name[k]);
    free(names->name);
    free(names->slot);
    memset(names, 0, sizeof *names);
}

/* ---- numbers -------------------------------------------------------------------------------------- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return fold(c) >= 'a' && fold(c) <= 'z'; }

/* The scale factor that `text` begins with, as a power of ten; *length is how much of text it takes.  M is milli and
 * F femto, as in every SPICE.  A mil is 25.4e-6: 254 / 1e7, which *is_mil leaves to do. */
static int suffix(const char *text, size_t available, size_t *length, bool *is_mil)
{
    static const struct { const char *name; int power; } table[] = {
        {"mil", 0}, {"meg", 6}, {"t", 12}, {"g", 9}, {"k", 3}, {"m", -3}, {"u", -6}, {"n", -9}, {"p", -12},
        {"f", -15}, {"a", -18}, {"\xc2\xb5", -6}, {"\xce\xbc", -6},            /* both micro signs, in UTF-8 */
    };
    *is_mil = false;
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        size_t n = strlen(table[k].name), match = 0;
        while (match < n && match < available && fold(text[match]) == table[k].name[match])
            match++;
        if (match < n)
            continue;
        *length = n;
        *is_mil = k == 0;
        return table[k].power;
    }
    *length = 0;
    return 0;
}

/* [e[+-]digits] at `at`; returns its value, clamped, and moves *at behind it.  A lone e stays. */
static int exponent(const char *text, size_t length, size_t *at)
{
    size_t k = *at;
    int value = 0, sign = 1;
    if (k >= length || fold(text[k]) != 'e')
        return 0;
    k++;
    if (k < length && (text[k] == '+' || text[k] == '-'))
        sign = text[k++] == '-' ? -1 : 1;
    if (k >= length || !is_digit(text[k]))
        return 0;
    for (; k < length && is_digit(text[k]); k++)
        value = value < 100000 ? 10 * value + (text[k] - '0') : value;
    *at = k;
    return sign * value;
}

/* [+-]digits[.digits][e...][suffix][letters].  The decimal point may lead or trail.  The suffix is added to the
 * exponent, so 4.7meg is exactly 4.7e6; "4k7", "1,5" and "1_0" mean different things to different people: refused. */
int xo_spice_number(double *out, const char *text, size_t length)
{
    enum { LONGEST = 900 };
    char decimal[LONGEST + 32];
    size_t at = 0, used = 0, digits = 0, taken;
    bool is_mil;
    double value;
    if (length > LONGEST)
        return XO_EVALUE;
    if (at < length && (text[at] == '+' || text[at] == '-'))
        decimal[used++] = text[at++];
    size_t first = at;
    while (at < length && text[at] == '0')
        at++;                                              /* "010" is ten */
    if (at == length || !is_digit(text[at]))
        decimal[used++] = '0';
    for (; at < length && is_digit(text[at]); at++)
        decimal[used++] = text[at];
    digits = at - first;
    if (at < length && text[at] == '.') {
        size_t point = used;
        decimal[used++] = text[at++];
        for (; at < length && is_digit(text[at]); at++, digits++)
            decimal[used++] = text[at];
        if (used == point + 1)
            used = point;
    }
    int power = exponent(text, length, &at);
    if (!digits || (at < length && fold(text[at]) == 'e'))
        return XO_ESYNTAX;
    power += suffix(text + at, length - at, &taken, &is_mil);
    for (at += taken; at < length; at++)
        if (!is_letter(text[at]))
            return XO_ESYNTAX;
    snprintf(decimal + used, sizeof decimal - used, "e%d", power);
    int status = xo_number_parse(&value, decimal, strlen(decimal));
    if (status)
        return status;
    *out = is_mil ? value * 254 / 1e7 : value;
    return 0;
}
