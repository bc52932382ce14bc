/* Numbers with 95 % intervals, as YAML, JSON and for a person: converter and device.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <math.h>
#include <stdio.h>
#include "cli.h"
#include "xo_converter_fit.h"

void cli_print_interval(FILE *to, const struct xo_fitted *x, const char *why_none)
{
    if (isfinite(x->low95) && isfinite(x->high95))
        fprintf(to, "    # 95 %%: %.6g to %.6g\n", x->low95, x->high95);
    else
        fprintf(to, "    # no interval: %s\n", why_none);
}

void cli_print_fitted(FILE *to, const char *key, const struct xo_fitted *x, const char *why_none)
{
    char text[XO_NUMBER_SIZE];
    fprintf(to, "  %s: %s", key, xo_number_print(text, x->value));
    cli_print_interval(to, x, why_none);
}

json_t *cli_json_fitted(const struct xo_fitted *x)
{
    return json_pack("{s:o, s:[o, o]}", "value", cli_json_number(x->value), "interval95", cli_json_number(x->low95),
                     cli_json_number(x->high95));
}

void cli_say_fitted(const char *name, int width, const struct xo_fitted *x, const char *unit)
{
    fprintf(stderr, "  %-*s %12.6g %-*s", width, name, x->value, width > 12 ? 6 : 4, unit);
    if (isfinite(x->low95))
        fprintf(stderr, "  95 %%: %.6g to %.6g", x->low95, x->high95);
    fputc('\n', stderr);
}
