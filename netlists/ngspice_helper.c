/* crossohm-ngspice: runs one analysis in libngspice for the library, which keeps its distance: libngspice is not
 * re-entrant, may exit, crash or hang.  netlists/helper.h has the protocol.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <ngspice/sharedspice.h>

#define GREETING "crossohm-ngspice 1\n"
#define MOST_NBYTES ((size_t)1 << 30)

struct request {
    char *home, *folder, *analysis, *deck;
    char **vector;
    size_t vectors;
    char **line;                       /* of the deck, NULL behind the last */
    bool direct;                       /* an answer found by stepping gmin or sources is none */
    bool plain;                        /* nothing but Newton's method is tried                */
};

static FILE *answer;                   /* the real standard output; the one ngspice sees is standard error */
static bool stepped;                   /* a plain solution was not found */
static char version[60];               /* "ngspice-39 Sun Feb  5 13:44:35 UTC 2023": as it introduces itself */

static _Noreturn void fail(const char *text, const char *detail)
{
    fprintf(answer, "error %s%s\n", text, detail);
    fflush(answer);
    _exit(1);                          /* libngspice's own clean-up can hang after an error */
}

/* ---- what libngspice calls ------------------------------------------------------------------------ */

/* "** ngspice-39 shared library", "** Creation Date: Sun Feb  5 13:44:35 UTC 2023" */
static void note_version(const char *line)
{
    size_t used = strlen(version);
    if (!strncmp(line, "** ngspice-", 11) && !used)
        snprintf(version, sizeof version, "%.*s", (int)strcspn(line + 3, " "), line + 3);
    else if (!strncmp(line, "** Creation Date: ", 18) && used)
        snprintf(version + used, sizeof version - used, " %s", line + 18);
}

static int say(char *text, int id, void *user)
{
    const char *behind = strncmp(text, "stderr ", 7) && strncmp(text, "stdout ", 7) ? text : text + 7;
    (void)id;
    (void)user;
    fprintf(stderr, "%s\n", behind);
    stepped = stepped || strstr(behind, "gmin stepping");
    note_version(behind);
    return 0;
}

static int leave(int status, NG_BOOL at_once, NG_BOOL quit, int id, void *user)
{
    (void)status;
    (void)at_once;
    (void)id;
    (void)user;
    fail("ngspice gave up", quit ? " (quit)" : "");
}

static int ignore_status(char *text, int id, void *user)
{
    (void)text;
    (void)id;
    (void)user;
    return 0;
}

static int ignore_data(pvecvaluesall values, int count, int id, void *user)
{
    (void)values;
    (void)count;
    (void)id;
    (void)user;
    return 0;
}

static int ignore_init(pvecinfoall vectors, int id, void *user)
{
    (void)vectors;
    (void)id;
    (void)user;
    return 0;
}

static int ignore_thread(NG_BOOL running, int id, void *user)
{
    (void)running;
    (void)id;
    (void)user;
    return 0;
}

/* ---- request -------------------------------------------------------------------------------------- */

static void *need(void *block)
{
    if (!block)
        fail("out of memory", "");
    return block;
}

static void read_deck(struct request *r, const char *text)
{
    char *end;
    unsigned long nbytes = strtoul(text, &end, 10);
    if (*end || nbytes > MOST_NBYTES)
        fail("bad request: deck ", text);
    r->deck = need(malloc(nbytes + 1));
    if (fread(r->deck, 1, nbytes, stdin) != nbytes)
        fail("bad request: the deck is cut", "");
    r->deck[nbytes] = '\0';
}

static void read_request(struct request *r)
{
    char *line = NULL;
    size_t size = 0;
    if (getline(&line, &size, stdin) < 0 || strcmp(line, GREETING))
        fail("bad request: expected ", "crossohm-ngspice 1; this program serves crossohm, it is not for people");
    while (!r->deck) {
        ssize_t length = getline(&line, &size, stdin);
        if (length < 1 || line[length - 1] != '\n')
            fail("bad request: it ends early", "");
        line[length - 1] = '\0';
        if (!strncmp(line, "home ", 5))
            r->home = need(strdup(line + 5));
        else if (!strncmp(line, "folder ", 7))
            r->folder = need(strdup(line + 7));
        else if (!strncmp(line, "analysis ", 9))
            r->analysis = need(strdup(line + 9));
        else if (!strncmp(line, "vector ", 7)) {
            r->vector = need(realloc(r->vector, (r->vectors + 1) * sizeof *r->vector));
            r->vector[r->vectors++] = need(strdup(line + 7));
        } else if (!strcmp(line, "direct"))
            r->direct = true;
        else if (!strcmp(line, "plain"))
            r->plain = true;
        else if (!strncmp(line, "deck ", 5))
            read_deck(r, line + 5);
        else
            fail("bad request: ", line);
    }
    if (!r->analysis || !r->home)
        fail("bad request: no analysis or no home", "");
    free(line);
}

static void cut_into_lines(struct request *r)
{
    static char end[] = ".end";
    size_t lines = 2;
    for (const char *at = r->deck; *at; at++)
        lines += *at == '\n';
    r->line = need(calloc(lines + 1, sizeof *r->line));
    lines = 0;
    for (char *at = strtok(r->deck, "\n"); at; at = strtok(NULL, "\n"))
        r->line[lines++] = at;
    if (!lines || strcmp(r->line[lines - 1], ".end"))
        r->line[lines++] = end;
}

/* ---- the run -------------------------------------------------------------------------------------- */

static double now_sec(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* No initialisation file of the user's may change what the judge says: ngspice finds the empty one here first. */
static void start(const struct request *r)
{
    if (chdir(r->home) || access(".spiceinit", R_OK) || setenv("HOME", r->home, 1))
        fail("cannot use ", r->home);
    if (ngSpice_Init(say, ignore_status, leave, ignore_data, ignore_init, ignore_thread, NULL))
        fail("ngspice does not start", "");
    if (r->folder && chdir(r->folder))
        fail("cannot enter ", r->folder);
}

static void put_vector(char *name)
{
    const vector_info *v = ngGet_Vec_Info(name);
    if (!v || !v->v_realdata || v->v_length < 1)
        fail("the analysis gave no vector ", name);
    fprintf(answer, "vector %d\n", v->v_length);
    fwrite(v->v_realdata, sizeof *v->v_realdata, (size_t)v->v_length, answer);
}

int main(int argc, char **argv)
{
    struct request r = {0};
    int out = dup(STDOUT_FILENO);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);  /* whoever asked is gone: so are we */
#endif
    if (argc > 1 && getppid() != atol(argv[1]))
        return 1;                      /* ... gone before that */
    answer = out < 0 ? NULL : fdopen(out, "w");
    if (!answer || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return 1;
    fputs(GREETING, answer);
    read_request(&r);
    cut_into_lines(&r);
    start(&r);
    char no_transient[] = "optran 1 0 0 0 0 0";
    if (r.plain)
        ngSpice_Command(no_transient);
    double begin = now_sec();
    if (ngSpice_Circ(r.line))
        fail("ngspice does not understand the deck", "");
    ngSpice_Command(r.analysis);       /* returns 0 even after a fatal error: the plot tells */
    const char *plot = ngSpice_CurPlot();
    if (!plot || !strncmp(plot, "const", 5))
        fail("no result from the analysis ", r.analysis);
    if (r.direct && stepped)
        fail("ngspice found no direct solution and stepped gmin", "");
    fprintf(answer, "version %s\nsec %.6f\n", version, now_sec() - begin);
    for (size_t k = 0; k < r.vectors; k++)
        put_vector(r.vector[k]);
    fputs("done\n", answer);
    if (fflush(answer) || ferror(answer))
        _exit(1);
    _exit(0);                          /* without libngspice's destructors */
}
