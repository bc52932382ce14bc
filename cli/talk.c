/* How the command talks: one line per error, a progress bar for patient people.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cli.h"

int cli_fail(enum cli_exit exit_code, const char *format, ...)
{
    va_list arguments;
    fputs("crossohm: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return exit_code;
}

/* The library's own sentence if it left one, otherwise place and general text. */
static int say(enum cli_exit exit_code, int status, const struct xo_info *info, const char *place)
{
    if (info->text[0])
        return cli_fail(exit_code, "%s", info->text);
    return cli_fail(exit_code, "%s: %s", place, xo_strerror(status));
}

int cli_fail_reading(int status, const struct xo_info *info, const char *path)
{
    return say(status == ENOMEM ? CLI_FAILED : CLI_BAD_INPUT, status, info, path);
}

int cli_fail_writing(int status, const struct xo_info *info, const char *path)
{
    return say(CLI_FAILED, status, info, path);
}

static enum cli_exit exit_of_computing(int status)
{
    switch (status) {
    case XO_ESINGULAR:
    case XO_ENOTPROVEN:
        return CLI_NOT_PROVEN;
    case XO_EUNSUPPORTED:
        return CLI_USAGE;
    case XO_ESTOPPED:
    case XO_EJUDGE:
        return CLI_FAILED;
    default:
        return status > 0 ? CLI_FAILED : CLI_BAD_INPUT;
    }
}

int cli_fail_computing(int status, const struct xo_info *info, const char *path)
{
    enum cli_exit exit_code = exit_of_computing(status);
    if (info->text[0] && exit_code != CLI_USAGE)
        return cli_fail(exit_code, "%s: %s", path, info->text);
    return say(exit_code, status, info, path);
}

int cli_finish_stdout(void)
{
    errno = 0;
    if (fflush(stdout) || ferror(stdout))
        return cli_fail(CLI_FAILED, "standard output: %s; expected to write the results there",
                        strerror(errno ? errno : EIO));
    return CLI_DONE;
}

int cli_simd(enum xo_simd *out)
{
    const char *name = getenv("CROSSOHM_SIMD");
    *out = XO_SIMD_BEST;
    if (name && *name && xo_simd_parse(out, name))
        return cli_fail(CLI_USAGE, "CROSSOHM_SIMD=%s: not an instruction set; expected avx512, avx2 or portable",
                        name);
    if (!xo_simd_available(*out))
        return cli_fail(CLI_USAGE, "CROSSOHM_SIMD=%s: this machine has no better than %s", name,
                        xo_simd_name(xo_simd_best()));
    return CLI_DONE;
}

double cli_now_sec(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void cli_progress_stage(struct cli_progress *p, const char *stage, double items, const char *unit)
{
    p->stage = stage;
    p->items = items;
    p->unit = unit;
    p->begin_sec = p->last_sec = cli_now_sec();
}

int cli_progress_show(void *progress, double fraction)
{
    enum { WIDTH = 30 };
    struct cli_progress *p = progress;
    double now = cli_now_sec(), elapsed = now - p->begin_sec;
    if (!p->wanted || elapsed < 2 || now - p->last_sec < 0.2 || !(fraction > 0))
        return 0;
    char bar[WIDTH + 1] = {0};
    for (int k = 0; k < WIDTH; k++)
        bar[k] = k < (int)(fraction * WIDTH) ? '#' : '.';
    fprintf(stderr, "\r%s [%s] %3.0f %%", p->stage, bar, 100 * fraction);
    if (p->items > 0)
        fprintf(stderr, ", %.3g %s/s", fraction * p->items / elapsed, p->unit);
    fprintf(stderr, ", %.0f s left \033[K", elapsed * (1 - fraction) / fraction);
    fflush(stderr);
    p->drawn = true;
    p->last_sec = now;
    return 0;
}

void cli_progress_clear(struct cli_progress *p)
{
    if (p->drawn)
        fputs("\r\033[K", stderr);
    p->drawn = false;
}
