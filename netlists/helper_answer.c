/* What the helper process answered: numbers, or why there are none.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <string.h>
#include "helper.h"
#include "memory.h"
#include "xo_file.h"

/* The line of ngspice's that says most: the first that speaks of an error, else the last one. */
void xo_helper_quote(const struct xo_buffer *said, char *text, size_t size)
{
    const char *at = said->bytes, *end = at + said->nbytes, *best = NULL;
    size_t best_length = 0;
    bool is_error = false;
    while (at < end && !is_error) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;
        size_t length = (size_t)(stop - at);
        for (size_t k = 0; k + 4 <= length; k++)
            is_error = is_error || !memcmp(at + k, "rror", 4);
        if (length) {
            best = at;
            best_length = length;
        }
        at = newline ? newline + 1 : end;
    }
    best_length = best_length < size - 1 ? best_length : size - 1;
    for (size_t k = 0; k < best_length; k++)
        text[k] = best[k] >= ' ' && best[k] <= '~' ? best[k] : ' ';
    text[best_length] = '\0';
}

/* One line of the answer, without its newline; NULL if there is none. */
static const char *next_line(const struct xo_buffer *b, size_t *at, size_t *length)
{
    const char *begin = b->bytes + *at, *newline = *at < b->nbytes ? memchr(begin, '\n', b->nbytes - *at) : NULL;
    if (!newline)
        return NULL;
    *length = (size_t)(newline - begin);
    *at += *length + 1;
    return begin;
}

static int take_vector(const struct xo_buffer *b, size_t *at, const char *count_text, size_t text_length,
                       double **value,
                       size_t *length)
{
    double count;
    if (xo_number_parse(&count, count_text, text_length) || !(count >= 1 && count <= (double)(b->nbytes - *at) / 8))
        return XO_EJUDGE;
    *length = (size_t)count;
    *value = xo_calloc(*length, sizeof **value);
    if (!*value)
        return ENOMEM;
    memcpy(*value, b->bytes + *at, *length * sizeof **value);
    *at += *length * sizeof **value;
    for (size_t k = 0; k < *length; k++)
        if (!isfinite((*value)[k]))
            return XO_EJUDGE;
    return 0;
}

int xo_helper_understand(const char *path, const struct xo_buffer *b, const struct xo_buffer *said,
                         const struct xo_helper_job *job, double **values, size_t *length, double *sec,
                         struct xo_info *info)
{
    size_t at = 0, n, taken = 0, this_length = 0;
    char words[200];
    double seconds;
    const char *line = next_line(b, &at, &n);
    if (!line || n + 1 != strlen(XO_HELPER_GREETING) || memcmp(line, XO_HELPER_GREETING, n))
        return XO_ESYNTAX;
    while ((line = next_line(b, &at, &n))) {
        if (n > 6 && !memcmp(line, "error ", 6)) {
            xo_helper_quote(said, words, sizeof words);
            return xo_fail(info, XO_EJUDGE, "ngspice: %.*s%s%s", n > 200 ? 200 : (int)n - 6, line + 6,
                           words[0] ? "; it said: " : "", words);
        }
        if (n == 4 && !memcmp(line, "done", 4))
            return taken == job->count ? 0 : XO_ESYNTAX;
        if (n > 4 && !memcmp(line, "sec ", 4) && !xo_number_parse(&seconds, line + 4, n - 4)) {
            if (sec)
                *sec += seconds;
            continue;
        }
        if (n > 8 && !memcmp(line, "version ", 8)) {
            if (job->version)
                snprintf(job->version, XO_VERSION_SIZE, "%.*s", (int)(n - 8), line + 8);
            continue;
        }
        if (n < 8 || memcmp(line, "vector ", 7) || taken == job->count)
            return XO_ESYNTAX;
        int status = take_vector(b, &at, line + 7, n - 7, &values[taken], &this_length);
        if (status == XO_EJUDGE || (taken && this_length != *length))
            return xo_fail(info, XO_EJUDGE, "ngspice: %s: %s is not finite or has another length; expected %zu "
                           "numbers", path, job->vectors[taken], taken ? *length : this_length);
        if (status)
            return xo_fail(info, status, "out of memory for ngspice's answer");
        *length = this_length;
        taken++;
    }
    return XO_ESYNTAX;
}
