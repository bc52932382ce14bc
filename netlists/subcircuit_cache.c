/* Tables are kept under the hash of everything they follow from.  The file is CSV that law table reads too:
 *     # crossohm spice 1 SHA256           of all that follows
 *     # what, for a person
 *     = NAME NUMBER                       behind "# ": the report
 *     = level PARAMETER STATE SIEMENS     one a level
 *     level,v[V],i[A]
 *     0,-0.4,-1.2e-05
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "memory.h"
#include "subcircuit.h"

#define HEAD "# crossohm spice 1 "
#define MOST_NBYTES ((size_t)1 << 27)
enum { HEAD_NBYTES = sizeof HEAD - 1 + 64 + 1 };

/* ---- where ---------------------------------------------------------------------------------------- */

static void print_key(FILE *to, const char *name, const char *value)
{
    fprintf(to, "%s %zu %s\n", name, value ? strlen(value) + 1 : 0, value ? value : "");
}

/* ngspice introduces itself in answer to any deck. */
static int ask_version(xo_subcircuit *s, struct xo_info *info)
{
    static const char deck[] = "* version\nV1 a 0 1\nR1 a 0 1\n.end\n", *const vectors[] = {"v(a)"};
    struct xo_helper_job job = {.analysis = "op", .deck = deck, .nbytes = sizeof deck - 1, .count = 1,
                                .vectors = vectors, .version = s->version};
    double *value = NULL, deadline = xo_helper_now_sec() + XO_NGSPICE_LIMIT_SEC;
    size_t length;
    int status = xo_helper_run(&job, s->options, deadline, &value, &length, NULL, info);
    free(value);
    return status;
}

int xo_subcircuit_hash(xo_subcircuit *s, struct xo_info *info)
{
    const struct xo_subcircuit_keys *k = &s->keys;
    const double number[] = {k->gate_pin ? k->gate_volt : 0, k->level_range[0], k->level_range[1], k->volt_range[0],
                             k->volt_range[1], k->reference_volt, k->read_volt, k->read_second};
    char *text = NULL, digits[XO_NUMBER_SIZE];
    size_t nbytes = 0;
    int status = ask_version(s, info);
    FILE *to = status ? NULL : open_memstream(&text, &nbytes);
    if (to) {
        fprintf(to, "crossohm " PACKAGE_VERSION " tables 1\n%s\n%s\n", s->version, s->definitions);
        fprintf(to, "read %d %d\n", (int)k->read, k->read_given);
        print_key(to, "subcircuit", k->name);
        print_key(to, "level_parameter", k->level_parameter);
        print_key(to, "state_node", k->state_node);
        for (size_t p = 0; p < s->pins; p++)
            fprintf(to, "pin %d\n", (int)s->pin[p]);
        for (size_t n = 0; n < sizeof number / sizeof *number; n++)
            fprintf(to, "%s\n", xo_number_print(digits, number[n]));
    }
    if (!status && (!to || fclose(to)))
        status = xo_fail(info, ENOMEM, "%s: %s", k->file, xo_strerror(ENOMEM));
    if (!status)
        xo_sha256_hex(s->hash, text, nbytes);
    free(text);
    return status;
}

/* A folder, and those it lies in.  Changes path and puts it right again. */
static bool make_folder(char *path)
{
    for (char *c = path + 1; *c; c++)
        if (*c == '/') {
            *c = '\0';
            mkdir(path, 0777);
            *c = '/';
        }
    return !mkdir(path, 0777) || errno == EEXIST;
}

/* $CROSSOHM_CACHE ("off": none), $XDG_CACHE_HOME/crossohm, ~/.cache/crossohm.  To be freed; NULL: none. */
static char *name_file(const xo_subcircuit *s)
{
    const char *own = getenv("CROSSOHM_CACHE"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    const char *base = own && *own ? own : xdg && *xdg == '/' ? xdg : home;
    const char *below = own && *own ? "" : xdg && *xdg == '/' ? "/crossohm" : "/.cache/crossohm";
    if (!base || *base != '/' || (own && !strcmp(own, "off")))
        return NULL;
    char *path = xo_calloc(strlen(base) + strlen(below) + sizeof "/spice-.csv" + sizeof s->hash, 1);
    if (!path)
        return NULL;
    strcat(strcpy(path, base), below);
    if (!make_folder(path)) {
        free(path);
        return NULL;
    }
    sprintf(path + strlen(path), "/spice-%.64s.csv", s->hash);
    return path;
}

/* ---- writing -------------------------------------------------------------------------------------- */

struct figure { const char *name; double *value; };
enum { FIGURES = 7 };

static void list_figures(xo_subcircuit *s, struct figure figure[FIGURES])
{
    const struct figure list[FIGURES] = {
        {"worst_rel", &s->report.worst_rel}, {"worst_full_scale", &s->report.worst_full_scale},
        {"transient_rel", &s->report.transient_rel}, {"disturb", &s->report.disturb},
        {"low_siemens", &s->report.low_siemens}, {"high_siemens", &s->report.high_siemens}, {NULL, NULL}};
    memcpy(figure, list, sizeof list);
}

static void print_body(FILE *to, xo_subcircuit *s)
{
    char a[XO_NUMBER_SIZE], b[XO_NUMBER_SIZE], c[XO_NUMBER_SIZE];
    struct figure figure[FIGURES];
    list_figures(s, figure);
    fprintf(to, "# Crossohm " PACKAGE_VERSION ": subcircuit %s as %s reads it; reference_volt: %s\n", s->keys.name,
            s->version, xo_number_print(a, s->keys.reference_volt));
    fprintf(to, "# = reading %d\n# = state_is_level %d\n# = extra_points %zu\n", (int)s->reading, s->state_is_level,
            s->report.extra_points);
    for (size_t k = 0; figure[k].name; k++)
        fprintf(to, "# = %s %s\n", figure[k].name, xo_number_print(a, *figure[k].value));
    for (size_t k = 0; k < s->levels; k++)
        fprintf(to, "# = level %s %s %s\n", xo_number_print(a, s->parameter[k]),
                xo_number_print(b, s->state_volt[k]), xo_number_print(c, s->level[k].siemens));
    fputs("level,v[V],i[A]\n", to);
    for (size_t k = 0; k < s->levels; k++)
        for (size_t n = 0; n < s->volts; n++)
            fprintf(to, "%zu,%s,%s\n", k, xo_number_print(a, s->volt[n]), xo_number_print(b, xo_curve(s, k)[n]));
}

void xo_subcircuit_store(xo_subcircuit *s)
{
    struct xo_writer writer;
    char *text = NULL, hex[65];
    size_t nbytes = 0;
    FILE *to = s->cache ? open_memstream(&text, &nbytes) : NULL;
    if (to)
        print_body(to, s);
    bool failed = !to || fclose(to) || xo_writer_open(&writer, s->cache, NULL);
    if (!failed) {
        xo_sha256_hex(hex, text, nbytes);
        fprintf(writer.stream, HEAD "%s\n", hex);
        fwrite(text, 1, nbytes, writer.stream);
        failed = xo_writer_commit(&writer, NULL);
    }
    free(text);
    s->report.cache = failed ? NULL : s->cache;
}

/* ---- reading -------------------------------------------------------------------------------------- */

/* A number that ends with one of `ends`; moves *at behind that.  "nan" is one here. */
static bool take_number(const char **at, const char *ends, double *out)
{
    size_t length = strcspn(*at, ends);
    const char *text = *at;
    *at += length + ((*at)[length] != '\0');
    *out = NAN;
    return (length == 3 && !memcmp(text, "nan", 3)) || !xo_number_parse(out, text, length);
}

static bool take_figure(xo_subcircuit *s, const char *line)
{
    struct figure figure[FIGURES];
    const char *at = line + strcspn(line, " \n") + 1;
    double value, state, siemens;
    list_figures(s, figure);
    if (!strncmp(line, "level ", 6)) {
        if (s->levels == XO_MOST_LEVELS || !take_number(&at, " \n", &value) || !take_number(&at, " \n", &state) ||
            !take_number(&at, "\n", &siemens))
            return false;
        s->parameter[s->levels] = value;
        s->state_volt[s->levels] = state;
        s->level[s->levels++].siemens = siemens;
        return true;
    }
    if (!take_number(&at, "\n", &value))
        return false;
    if (!strncmp(line, "reading ", 8))
        s->reading = (enum xo_reading)(int)value;
    else if (!strncmp(line, "state_is_level ", 15))
        s->state_is_level = value != 0;
    else if (!strncmp(line, "extra_points ", 13))
        s->report.extra_points = (size_t)value;
    for (size_t k = 0; figure[k].name; k++)
        if (!strncmp(line, figure[k].name, strlen(figure[k].name)))
            *figure[k].value = value;
    return true;
}

/* Level after level, every one at the voltages of the first. */
static bool take_point(xo_subcircuit *s, const char *line, size_t *points)
{
    const char *at = line;
    double level, volt, amp;
    if (!take_number(&at, ",\n", &level) || !take_number(&at, ",\n", &volt) || !take_number(&at, "\n", &amp))
        return false;
    if (level == 0 && s->volts == *points && s->volts < XO_MOST_VOLTS)
        s->volt[s->volts++] = volt;
    size_t k = s->volts ? *points / s->volts : 0, n = s->volts ? *points % s->volts : 0;
    if (k >= s->levels || level != (double)k || volt != s->volt[n])
        return false;
    xo_curve(s, k)[n] = amp;
    ++*points;
    return true;
}

static bool take_body(xo_subcircuit *s, const char *text)
{
    size_t points = 0;
    bool good = true;
    s->levels = s->volts = 0;
    for (const char *at = text; *at && good; at += strcspn(at, "\n"), at += *at == '\n')
        if (!strncmp(at, "# = ", 4))
            good = take_figure(s, at + 4);
        else if (*at != '#' && *at != 'l')
            good = take_point(s, at, &points);
    return good && s->levels > 1 && s->volts > 1 && points == s->levels * s->volts;
}

bool xo_subcircuit_load(xo_subcircuit *s)
{
    char *text = NULL, hex[65];
    size_t nbytes = 0;
    s->cache = name_file(s);
    if (!s->cache || xo_slurp(&text, &nbytes, s->cache, MOST_NBYTES, NULL))
        return false;
    bool good = nbytes > HEAD_NBYTES && !memcmp(text, HEAD, sizeof HEAD - 1);
    if (good) {
        xo_sha256_hex(hex, text + HEAD_NBYTES, nbytes - HEAD_NBYTES);
        good = !memcmp(text + sizeof HEAD - 1, hex, 64) && take_body(s, text + HEAD_NBYTES);
    }
    free(text);
    s->report.cached = good;
    s->report.cache = good ? s->cache : NULL;
    if (!good)
        s->levels = s->volts = 0;
    return good;
}
