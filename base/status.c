/* Status texts and the one-line explanation of a failure.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "xo_status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "c_locale.h"

static const struct {
    int status;
    const char *text;
} status_text[] = {
#define STATUS_TEXT(name, value, text) { name, text },
    XO_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
    { XO_OK, "success" }
};

const char *xo_strerror(int status)
{
    if (status > 0)
        return strerror(status);
    for (size_t k = 0; k < sizeof status_text / sizeof *status_text; k++)
        if (status_text[k].status == status)
            return status_text[k].text;
    return "unknown status";
}

/* File names may hold anything, a message is one line. */
static void blank_control_characters(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

int xo_fail(struct xo_info *info, int status, const char *format, ...)
{
    struct xo_info fresh;               /* the arguments may point into *info */
    struct xo_c_locale locale;
    va_list arguments;
    if (!info)
        return status;
    locale = xo_c_locale_enter();
    va_start(arguments, format);
    vsnprintf(fresh.text, sizeof fresh.text, format, arguments);
    va_end(arguments);
    xo_c_locale_leave(locale);
    blank_control_characters(fresh.text);
    strcpy(info->text, fresh.text);
    return status;
}
