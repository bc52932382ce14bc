/* ngspice, an independent program, agrees with xo_solve; and whatever becomes of it, it is named and leaves nothing.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include "scratch.h"
#include "solved.h"
#include "tap.h"
#include "thick.h"
#include "xo_ngspice.h"

#define TOLERANCE 1e-9                 /* of s_j: test plan, row 4 */

static double now_sec(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- agreement ------------------------------------------------------------------------------------ */

static double worst_difference(const struct random_crossbar *r, const char *what)
{
    struct solved *s = solved_random(r, XO_ENGINE_CHOLMOD);
    struct xo_info info = {""};
    double *amp = marked_array(r->inputs * r->x.columns), worst = 0;
    int status = s->status;
    if (!status && s->stage == 4) {
        status = xo_ngspice_solve(s->circuit, r->cell_siemens, r->inputs, r->row_volt, NULL, amp, NULL, &info);
        for (size_t k = 0; !status && k < r->inputs * r->x.columns; k++) {
            double difference = fabs(amp[k] - s->s.column_amp[k]);
            if (difference > TOLERANCE * s->s.scale_amp[k])
                difference = fmax(0, difference - HIDDEN);
            if (!(difference <= 0))
                worst = fmax(worst, isfinite(difference) ? difference / s->s.scale_amp[k] : INFINITY);
        }
        if (status || !(worst <= TOLERANCE))
            printf("# %s: status %d, difference %g of scale %s\n", what, status, worst, info.text);
    } else if (status != XO_ECONFLICT) {
        printf("# %s: xo_solve: %s\n", what, s->info.text);
    }
    free(amp);
    solved_free(s);
    return status == XO_ECONFLICT ? 0 : status ? INFINITY : worst;
}

static void square_arrays(void)
{
    for (size_t size = 2; size <= (getenv("CROSSOHM_LONG") ? 64 : 32); size *= 2) {
        struct random_crossbar *r = thick_crossbar(size, size, size, size == 32 ? 3 : 5, 0);
        double begin = now_sec(), worst = worst_difference(r, "square");
        printf("# %zux%zu, %zu inputs: %.2g of scale, %.2f s\n", size, size, r->inputs, worst, now_sec() - begin);
        tap_ok(worst <= TOLERANCE, "%zux%zu agrees within 1e-9 of scale", size, size);
        thick_crossbar_free(r);
    }
}

static void every_side(void)
{
    for (int drive = 0; drive < 3; drive++)
        for (int sense = 0; sense < 3; sense++) {
            struct random_crossbar *r = thick_crossbar(7, 5, 4, 3, RANDOM_LINES);
            r->x.drive_side = (enum xo_drive_side)drive;
            r->x.sense_side = (enum xo_sense_side)sense;
            double worst = worst_difference(r, "sides");
            tap_ok(worst <= TOLERANCE, "drive side %d, sense side %d: %.2g", drive, sense, worst);
            thick_crossbar_free(r);
        }
}

static void everything(void)
{
    static const struct { int features; const char *what; } table[] = {
        {RANDOM_LINES, "held, grounded and floating lines, sense voltages"}, {RANDOM_FAULTS, "faults and series_ohm"},
        {RANDOM_OPEN | RANDOM_FAULTS, "open everywhere"}, {RANDOM_ZERO_OHM, "zero ohm"},
        {RANDOM_ALL, "everything at once"}};
    unsigned long long seeds = getenv("CROSSOHM_LONG") ? 200 : 12;
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        double worst = 0;
        for (unsigned long long seed = 1; seed <= seeds; seed++) {
            char what[32];
            struct random_crossbar *r = thick_crossbar(1000 * k + seed, 1 + seed % 6, 1 + seed % 7, 1 + seed % 3,
                                              table[k].features);
            snprintf(what, sizeof what, "seed %llu", 1000 * k + seed);
            worst = fmax(worst, worst_difference(r, what));
            thick_crossbar_free(r);
        }
        tap_ok(worst <= TOLERANCE, "%s: %.2g", table[k].what, worst);
    }
}

/* A sweep is a way of asking, not an answer of its own: input by input gives the same. */
static void sweep_equals_points(void)
{
    enum { INPUTS = 300 };
    struct random_crossbar *r = thick_crossbar(5, 6, 4, INPUTS, RANDOM_FAULTS);
    struct solved *s = solved_random(r, XO_ENGINE_CHOLMOD);
    struct xo_info info = {""};
    double *amp = marked_array(INPUTS * 4), one[4], worst = worst_difference(r, "sweep"), apart = 0, sec = -1;
    int status = xo_ngspice_solve(s->circuit, r->cell_siemens, INPUTS, r->row_volt, NULL, amp, &sec, &info);
    for (size_t n = 0; n < INPUTS && !status; n += 60) {
        status = xo_ngspice_solve(s->circuit, r->cell_siemens, 1, r->row_volt + n * 6, NULL, one, NULL, &info);
        for (size_t j = 0; j < 4; j++)
            apart = fmax(apart, fabs(one[j] - amp[n * 4 + j]) / s->s.scale_amp[n * 4 + j]);
    }
    printf("# apart %.2g of scale, ngspice took %.3f s; %s\n", apart, sec, info.text);
    tap_ok(!status && worst <= TOLERANCE, "300 inputs in three sweeps agree with xo_solve: %.2g", worst);
    tap_ok(!status && apart <= 1e-13, "a sweep gives the operating points");
    tap_ok(sec > 0, "ngspice's own seconds are told");
    free(amp);
    solved_free(s);
    thick_crossbar_free(r);
}

/* ---- what goes wrong ------------------------------------------------------------------------------ */

/* A helper that is a shell script; it may note its children's numbers in the file `stray`. */
static void put_script(const char *text)
{
    char script[600];
    snprintf(script, sizeof script, "#!/bin/sh\n%s\n", text);
    scratch_put("helper.sh", script, strlen(script));
    chmod("helper.sh", 0755);
}

static int ask(const char *helper, double limit_sec, int (*progress)(void *, double), double *amp,
               struct xo_info *info)
{
    struct xo_crossbar x = xo_crossbar_default(1, 1);
    const struct xo_ngspice_options options = {.helper = helper, .limit_sec = limit_sec, .progress = progress};
    const double siemens = 1e-4, volt = 0.2;
    xo_circuit *c = NULL;
    int status = xo_circuit_new(&c, &x, info);
    if (!status)
        status = xo_ngspice_solve(c, &siemens, 1, &volt, &options, amp, NULL, info);
    xo_circuit_free(c);
    return status;
}

static void fails(const char *script, double limit_sec, const char *wanted, const char *fact)
{
    struct xo_info info = {""};
    double amp = SOLVED_MARK, begin = now_sec();
    if (script)
        put_script(script);
    int status = ask(script ? "./helper.sh" : "./no-such-helper", limit_sec, NULL, &amp, &info);
    double took = now_sec() - begin;
    int fine = status == XO_EJUDGE && strstr(info.text, wanted) && strstr(info.text, "helper")
               && !strchr(info.text, '\n') && !(amp < SOLVED_MARK) && took < 5;
    if (!fine)
        printf("# status %d after %.2f s: %s\n", status, took, info.text);
    tap_ok(fine, "%s", fact);
}

static int at_once(void *user, double fraction)
{
    (void)user;
    (void)fraction;
    return 1;
}

static void failures_are_named(void)
{
    struct xo_info info = {""};
    double amp;
    fails(NULL, 0, "No such file", "a missing helper");
    fails("kill -SEGV $$", 0, "crashed: signal 11", "a crash");
    fails("echo 'Error: something' >&2; kill -ABRT $$", 0, "Error: something",
          "the last words of a crash are quoted");
    fails("sleep 60 & echo $! >stray; wait", 0.3, "did not finish in time", "a hang, which ends in time");
    char *stray = scratch_get("stray", NULL);
    int number = atoi(stray), gone = 0;
    for (int k = 0; k < 100 && number > 0 && !gone; k++) { /* init reaps it, in its own time */
        char state[64], *text;
        snprintf(state, sizeof state, "/proc/%d/stat", number);
        text = scratch_get(state, NULL);
        gone = !text[0] || strstr(text, ") Z ") != NULL;
        free(text);
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    tap_ok(gone, "what the hanging helper had started is gone too");
    free(stray);
    fails("exec >&- 2>&-; sleep 60", 0.3, "did not finish in time", "a hang behind closed outputs");
    fails("exit 3", 0, "exit 3", "no answer at all");
    fails("cat >/dev/null; echo 'crossohm-ngspice 1'; echo done", 0, "no complete answer",
          "an answer without the vector");
    fails("echo 'crossohm-ngspice 1'; echo 'vector 99999999999'; head -c 80 /dev/zero", 0,
          "finite or has another length", "a length that is a lie");
    fails("echo 'crossohm-ngspice 1'; echo 'vector 1'; printf '\\0\\0\\0\\0\\0\\0\\370\\177'; echo done", 0,
          "not finite", "a NaN");
    fails("echo 'helper: error while loading shared libraries: libngspice.so.0' >&2; exit 127", 0, "libngspice.so.0",
          "a missing library");
    fails("yes >&2", 0.5, "did not finish in time", "endless talk");
    put_script("sleep 60");
    tap_ok(ask("./helper.sh", 0, at_once, &amp, &info) == XO_ESTOPPED, "the caller can stop it: %s", info.text);
    tap_ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "no zombie is left");
}

/* ---- decks of the user's -------------------------------------------------------------------------- */

static void user_decks(void)
{
    static const char deck[] = "Divider\nV1 IN 0 1\n.include part.inc\nR2 out 0 3k\n.control\nshell touch acted\n"
                               "quit\n.endc\n*# shell touch acted\n.op\n.end\n";
    static const char part[] = "R1 in out 1k\n";
    const char *const names[] = {"v(out)", "i(v1)"}, *const missing[] = {"v(nowhere)"};
    double *value[2] = {NULL, NULL};
    size_t length = 0;
    struct xo_info info = {""};
    scratch_put("user.cir", deck, sizeof deck - 1);
    scratch_put("part.inc", part, sizeof part - 1);
    int status = xo_ngspice_run("user.cir", "dc v1 0 2 0.5", 2, names, value, &length, NULL, &info);
    tap_ok(!status && length == 5, "a user's deck is swept: %s", info.text);
    if (!status) {
        tap_close(value[0][4], 1.5, 1e-9, "its output");
        tap_close(value[1][4], -0.5e-3, 1e-12, "its supply's current");
    }
    tap_ok(access("acted", F_OK) != 0, "control sections, shell and quit are not run");
    free(value[0]);
    free(value[1]);
    value[0] = NULL;
    tap_ok(xo_ngspice_run("user.cir", "op", 1, missing, value, &length, NULL, &info) == XO_EJUDGE && !value[0] &&
           strstr(info.text, "v(nowhere)"), "a vector that is not there: %s", info.text);
    tap_ok(xo_ngspice_run("user.cir", "op\nshell touch acted", 1, names, value, &length, NULL, &info) == XO_EVALUE,
           "an analysis of two lines is none");
    static const char *const other[] = {"op `touch acted`", "op >acted", "source user.cir", "shell touch acted"};
    for (size_t k = 0; k < sizeof other / sizeof *other; k++)
        tap_ok(xo_ngspice_run("user.cir", other[k], 1, names, value, &length, NULL, &info) == XO_EVALUE &&
               access("acted", F_OK), "nor is %s", other[k]);
    static const char broken[] = "t\nR1 a 0 1k\nX1 a 0 nosuch\nV1 a 0 1\n.end\n";
    scratch_put("broken.cir", broken, sizeof broken - 1);
    tap_ok(xo_ngspice_run("broken.cir", "op", 1, names + 1, value, &length, NULL, &info) == XO_EJUDGE,
           "a deck that ngspice does not understand: %s", info.text);
    tap_ok(xo_ngspice_run("none.cir", "op", 1, names, value, &length, NULL, &info) > 0, "a missing deck: %s",
           info.text);
}

static double only(const char *deck, const char *vector, struct xo_info *info)
{
    const char *const names[] = {vector};
    double *value[1] = {NULL}, got = NAN;
    size_t length = 0;
    scratch_put("some.cir", deck, strlen(deck));
    int status = xo_ngspice_run("some.cir", "op", 1, names, value, &length, NULL, info);
    if (status)
        printf("# status %d: %s\n", status, info->text);
    else
        got = value[0][0];
    free(value[0]);
    return got;
}

static void what_acts_goes_whole(void)
{
    struct xo_info info = {""};
    static const char part[] = "R1 in out 1k\n.controls\nshell touch acted\n.endcs\n";
    static const char library[] = "text\n.lib ff\nR1 in out 9k\n.endl\n.LIB TT\n.control\nshell touch acted\n.endc\n"
                                  ".include part.inc\n.endl tt\n";
    static const char none[] = "t\n.lib 'own.lib' ss\n.end\n", half[] = "t\n.lib own.lib\n.end\n";
    scratch_put("part.inc", part, sizeof part - 1);
    scratch_put("own.lib", library, sizeof library - 1);
    tap_close(only("t\nV1 in 0 1\nR1 in out 1k\n.tran 1n\n* why\n\n + 10n\n+ 1n\nR2 out 0\n* why\n+ 3k\n.end\n",
                   "v(out)", &info), 0.75, 1e-9,
              "what continues an analysis goes with it, what continues a resistor stays");
    tap_close(only("t\nV1 in 0 1\n.includes part.inc\n\f.control\nshell touch acted\n.endc\nR2 out 0 3k\n", "v(out)",
                   &info), 0.75, 1e-9, "names that ngspice takes by their beginning");
    tap_close(only("t\nV1 in 0 1\n.lib \"own.lib\" tt\nR2 out 0 3k\n.end\n", "v(out)", &info), 0.75, 1e-9,
              "a section of a library");
    tap_ok(access("acted", F_OK) != 0, "no control section of theirs is run");
    only(none, "v(out)", &info);
    tap_ok(strstr(info.text, "section ss not found") != NULL, "a section that is not there: %s", info.text);
    only(half, "v(out)", &info);
    tap_ok(strstr(info.text, "expected .include file or .lib file section") != NULL, "no section named: %s",
           info.text);
    mkdir("a\nfolder", 0700);
    scratch_put("a\nfolder/t.cir", none, sizeof none - 1);
    const char *const names[] = {"v(in)"};
    double *value[1];
    size_t length;
    int status = xo_ngspice_run_text("a\nfolder/t.cir", "t\nV1 in 0 1\nR1 in 0 1\n", "op", 1, names, value, &length,
                                     NULL, &info);
    tap_ok(status == XO_EVALUE && strstr(info.text, "newline"), "a folder with a newline in its name: %s", info.text);
}

/* ngspice leaves a file behind if it has read one. */
static void nothing_of_the_users_is_read(void)
{
    struct xo_info info = {""};
    char here[600], temporary[700], init[700];
    if (!getcwd(here, sizeof here))
        return;
    snprintf(temporary, sizeof temporary, "%s/temporary", here);
    mkdir(temporary, 0700);
    snprintf(init, sizeof init, "* of the user's\nshell touch %s/initialised\n", here);
    scratch_put("spinit", init, strlen(init));
    scratch_put(".spiceinit", init, strlen(init));
    setenv("SPICE_SCRIPTS", here, 1);
    setenv("SPICE_USERINIT_DIR", here, 1);
    setenv("TMPDIR", temporary, 1);
    double volt = only("t\nV1 in 0 1\nR1 in 0 1k\n.end\n", "v(in)", &info);
    tap_close(volt, 1, 1e-12, "a deck is run among initialisation files");
    tap_ok(access("initialised", F_OK) != 0, "none of which is read");
    tap_ok(scratch_entries(temporary) == 0, "its own folder is gone");
    put_script("sed -n 's/^home //p;/^deck/q' >home; ls -A $(cat home) >in-home; env >environment; exit 3");
    double amp;
    ask("./helper.sh", 0, NULL, &amp, &info);
    char *in_home = scratch_get("in-home", NULL), *environment = scratch_get("environment", NULL);
    tap_ok(!strcmp(in_home, ".spiceinit\n") && scratch_entries(temporary) == 0,
           "a folder with .spiceinit, while it is needed");
    tap_ok(!strstr(environment, "SPICE_SCRIPTS=") && strstr(environment, "TMPDIR="),
           "SPICE_... stays with the caller");
    free(in_home);
    free(environment);
    unsetenv("SPICE_SCRIPTS");
    unsetenv("SPICE_USERINIT_DIR");
    unsetenv("TMPDIR");
    unlink(".spiceinit");
}

static void parents(void)
{
    struct xo_info info = {""};
    double amp = 0;
    int status = system("$CROSSOHM_NGSPICE_HELPER 1 </dev/null >spoken 2>&1");
    char *spoken = scratch_get("spoken", NULL);
    tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 1 && !spoken[0],
           "a helper whose parent has gone says nothing");
    free(spoken);
    signal(SIGCHLD, SIG_IGN);
    status = ask(NULL, 0, NULL, &amp, &info);
    tap_ok(!status && amp > 0, "a caller that ignores SIGCHLD is answered: %s", info.text);
    put_script("(sleep 1; touch left) >&- 2>&- & exit 3");
    status = ask("./helper.sh", 0, NULL, &amp, &info);
    for (int k = 0; k < 300 && access("left", F_OK); k++)
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    tap_ok(status == XO_EJUDGE && access("left", F_OK) == 0, "and no number is killed that may be anybody's");
    signal(SIGCHLD, SIG_DFL);
}

int main(void)
{
    const char *helper = getenv("CROSSOHM_NGSPICE_HELPER");
    char absolute[4096];
    if (helper && realpath(helper, absolute))
        setenv("CROSSOHM_NGSPICE_HELPER", absolute, 1);
    if (!scratch_enter())
        return 99;
    failures_are_named();
    if (helper && access(absolute, X_OK) == 0) {
        square_arrays();
        every_side();
        everything();
        sweep_equals_points();
        user_decks();
        what_acts_goes_whole();
        nothing_of_the_users_is_read();
        parents();
    } else {
        tap_skip("agreement with ngspice", "crossohm-ngspice was not built: libngspice is missing");
    }
    scratch_leave();
    return tap_done();
}
