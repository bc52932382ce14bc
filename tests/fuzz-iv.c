/* Fuzz target: measured curves.  What is accepted survives print -> parse unchanged, and what can be fitted has
 * finite numbers.  `clang -fsanitize=fuzzer,address,undefined` makes a fuzzer of it; linked with fuzz-replay.c it
 * replays tests/corpus/iv in `make check`.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "xo_device_fit.h"
#include "xo_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);

static void insist(int fact, const char *what, const struct xo_info *info)
{
    if (fact)
        return;
    fprintf(stderr, "%s\n%s\n", what, info->text);
    abort();
}

static char *print(const struct xo_iv *iv)
{
    char *text = NULL, volt[XO_NUMBER_SIZE], ampere[XO_NUMBER_SIZE];
    size_t nbytes;
    FILE *to = open_memstream(&text, &nbytes);
    fprintf(to, "level,%s%sv[V],i[A]\n", iv->has_device ? "device," : "", iv->has_cycle ? "cycle," : "");
    for (size_t j = 0; j < iv->curves; j++)
        for (size_t k = iv->curve[j].first; k < iv->curve[j].first + iv->curve[j].points; k++)
            fprintf(to, "%zu,%s%s%s%s%s,%s\n", iv->curve[j].level, iv->curve[j].device_name,
                    iv->has_device ? "," : "",
                    iv->curve[j].cycle_name, iv->has_cycle ? "," : "", xo_number_print(volt, iv->volt[k]),
                    xo_number_print(ampere, iv->ampere[k]));
    fclose(to);
    return text;
}

static void fit(const struct xo_iv *iv)
{
    struct xo_device_options o = {
        .law = XO_FIT_BY_AIC, .shape = XO_SHAPE_BY_AIC, .reference_volt = NAN, .tolerance = 0.01
    };
    struct xo_device_fit f;
    struct xo_info info = {""};
    if (iv->points > 400)
        return;
    if (xo_device_fit(&f, iv, "f", &o, &info)) {
        insist(*info.text && !strchr(info.text, '\n'), "a refusal explains itself in one line", &info);
        return;
    }
    for (size_t k = 0; k < f.levels; k++) {
        insist(f.level[k].siemens.value > 0 && isfinite(f.level[k].siemens.value), "a mean is not positive", &info);
        insist(isfinite(xo_device_ampere(&f, k, 1e-6, f.reference_volt)), "a current is not finite", &info);
    }
    xo_device_fit_free(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
    struct xo_iv first = {0}, second = {0};
    struct xo_info info = {""};
    gsl_set_error_handler_off();
    if (xo_iv_parse(&first, (const char *)bytes, nbytes, "f", &info)) {
        insist(*info.text && !strchr(info.text, '\n'), "a refusal explains itself in one line", &info);
        return 0;
    }
    char *text = print(&first);
    insist(!xo_iv_parse(&second, text, strlen(text), "printed", &info), "what was printed is not accepted", &info);
    insist(first.points == second.points && first.curves == second.curves && first.devices == second.devices &&
           !memcmp(first.volt, second.volt, first.points * sizeof *first.volt) &&
           !memcmp(first.ampere, second.ampere, first.points * sizeof *first.ampere), "the second reading differs",
               &info);
    fit(&first);
    free(text);
    xo_iv_free(&first);
    xo_iv_free(&second);
    return 0;
}
