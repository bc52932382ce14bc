/* Decimal numbers to and from text: one strict grammar, shortest exact printing, no locale.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "xo_file.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "c_locale.h"

enum { NUMBER_MAX_LENGTH = 1024 };     /* no double has more than 767 significant digits */

/* Any decimal of 15 digits survives double and back, and 17 digits tell all doubles apart; the subnormal ones
 * carry fewer bits, so there the search begins at one digit.  (The neighbours of a power of two are not equally
 * far; at 46 of them a 16-digit number that is not the nearest one would do, and we print 17.) */
char *xo_number_print(char *text, double value)
{
    int digits = fabs(value) < DBL_MIN ? 1 : 15;
    struct xo_c_locale locale;
    if (isnan(value))
        return strcpy(text, "nan");
    locale = xo_c_locale_enter();
    for (; digits <= 17; digits++) {
        int length = snprintf(text, XO_NUMBER_SIZE, "%.*g", digits, value);
        if (length < XO_NUMBER_SIZE && strtod(text, NULL) == value)
            break;
    }
    xo_c_locale_leave(locale);
    return text;
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/* [+-]digits[.digits][e[+-]digits], where digits before the point begin with 0 only if that is all of them. */
static int is_decimal(const char *at, const char *end)
{
    const char *first;
    if (at < end && (*at == '+' || *at == '-'))
        at++;
    first = at;
    at = skip_digits(at, end);
    if (at == first || (*first == '0' && at - first > 1))
        return 0;
    if (at < end && *at == '.') {
        first = ++at;
        at = skip_digits(at, end);
        if (at == first)
            return 0;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        first = at;
        at = skip_digits(at, end);
        if (at == first)
            return 0;
    }
    return at == end;
}

/* Is there a digit other than 0 before the exponent? */
static int is_nonzero(const char *decimal)
{
    size_t mantissa = strcspn(decimal, "eE");
    return strcspn(decimal, "123456789") < mantissa;
}

int xo_number_parse(double *out, const char *text, size_t length)
{
    char decimal[NUMBER_MAX_LENGTH + 1];
    struct xo_c_locale locale;
    double value;
    if (!is_decimal(text, text + length))
        return XO_ESYNTAX;
    if (length > NUMBER_MAX_LENGTH)
        return XO_EVALUE;
    memcpy(decimal, text, length);
    decimal[length] = '\0';
    locale = xo_c_locale_enter();
    value = strtod(decimal, NULL);
    xo_c_locale_leave(locale);
    if (isinf(value) || (fpclassify(value) == FP_ZERO && is_nonzero(decimal)))
        return XO_EVALUE;
    *out = value;
    return 0;
}
