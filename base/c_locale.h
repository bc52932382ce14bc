/* Numbers with '.' in this thread, whatever the program's locale:
 *     struct xo_c_locale locale = xo_c_locale_enter();
 *     ... strtod, snprintf ...
 *     xo_c_locale_leave(locale);
 * The C libraries at hand keep the "C" locale as a constant, so this neither allocates nor costs anything.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_C_LOCALE_H
#define XO_C_LOCALE_H

#include <locale.h>

struct xo_c_locale { locale_t c, before; };

static inline struct xo_c_locale xo_c_locale_enter(void)
{
    struct xo_c_locale locale;
    locale.c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale.before = uselocale(locale.c);
    return locale;
}

static inline void xo_c_locale_leave(struct xo_c_locale locale)
{
    uselocale(locale.before);
    if (locale.c)
        freelocale(locale.c);
}

#endif
