/* The helper process: one deck, one analysis, some vectors (internal).
 *
 * Request, on the helper's standard input, then end of file:       Answer, on its standard output:
 *     crossohm-ngspice 1                                               crossohm-ngspice 1
 *     home PATH              (holds an empty .spiceinit)               version TEXT    (of ngspice)
 *     folder PATH            (may be left out: files a deck names)     sec SECONDS
 *     analysis op                                                      vector LENGTH, newline, LENGTH raw doubles
 *     direct                 (may be left out: no stepping of gmin)    ...  in the order of the request
 *     plain                  (may be left out: Newton's method only)
 *     vector i(vsense0)      (any number of them)
 *     deck NBYTES                                                      done
 *     NBYTES bytes                                                 or  error TEXT
 * Whatever ngspice has to say goes to its standard error.  Its one argument is the process that waits for the answer:
 * if that is not its parent, it ends.  A script that stands in for it should exec it.
 *
 * ngspice reads .spiceinit from where it is, else from the user's home, and more where SPICE_... points.  So the
 * parent makes `home`, a folder of its own for each run, and removes it; and takes SPICE_... out of the environment.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_HELPER_H
#define XO_HELPER_H

#include <stdbool.h>
#include "xo_ngspice.h"

#define XO_HELPER_GREETING "crossohm-ngspice 1\n"
#define XO_NGSPICE_LIMIT_SEC 600

/* Resistors and sources are linear, so nothing needs stepping towards: converged means that two solutions are the
 * same.  pivtol is an absolute conductance, by default larger than many an off cell. */
#define XO_NGSPICE_OPTIONS \
    ".options reltol=1e-10 abstol=1e-20 vntol=1e-16 gmin=1e-20 pivtol=1e-35 itl1=1000 itl2=1000\n"

/* Nonlinear cells: looser where nothing is left of a current or voltage, or it would never end.  At first plainly,
 * for so many steps as Newton's method takes where it converges at all; where rounding keeps it from ever settling so
 * closely (steep selectors at nodes that float), to 1e-8, by any of ngspice's ways. */
#define XO_NGSPICE_NONLINEAR \
    ".options reltol=1e-10 abstol=1e-18 vntol=1e-13 gmin=1e-18 pivtol=1e-35 itl1=1000 itl2=1000\n"
#define XO_NGSPICE_PLAINLY \
    ".options reltol=1e-10 abstol=1e-18 vntol=1e-13 gmin=1e-18 pivtol=1e-35 itl1=120 itl2=120 " \
    "gminsteps=0 srcsteps=0\n"
#define XO_NGSPICE_LOOSELY \
    ".options reltol=1e-8 abstol=1e-15 vntol=1e-11 gmin=1e-18 pivtol=1e-35 itl1=1000 itl2=1000\n"

enum { XO_VERSION_SIZE = 64 };

struct xo_helper_job {
    const char *folder;                /* NULL: none */
    bool direct;                       /* an answer that ngspice found by stepping gmin is refused */
    bool plain;                        /* none by stepping, nor by a transient, is looked for */
    const char *analysis;
    const char *deck;
    size_t nbytes;
    size_t count;
    const char *const *vectors;        /* [count] */
    char *version;                     /* [XO_VERSION_SIZE] out; NULL: not asked for */
};

struct xo_buffer { char *bytes; size_t nbytes, capacity; };

double xo_helper_now_sec(void);        /* of a clock that only goes forward */

/* Run it, at the latest until deadline_sec.  What became of the process is known when this returns: nothing of its
 * group runs on.  Two ways out are left: a child of its that calls setsid or setpgid is no longer of the group
 * (ngspice starts none); and where the caller ignores SIGCHLD, a helper that has ended is reaped at once, so its
 * number may be somebody else's and what it left behind is let be.
 *   values  [count] out: each *length doubles, to be freed
 *   length  out: the same for all vectors, else XO_EJUDGE
 *   sec     added to, may be NULL */
int xo_helper_run(const struct xo_helper_job *job, const struct xo_ngspice_options *options, double deadline_sec,
                  double **values, size_t *length, double *sec, struct xo_info *info);

/* helper_answer.c: the line of what ngspice said that says most; size > 0. */
void xo_helper_quote(const struct xo_buffer *said, char *text, size_t size);

/* The answer's numbers.  0 if it is complete, XO_EJUDGE with info filled in if it is an error or not finite,
 * XO_ESYNTAX if it is no answer, ENOMEM.  Vectors taken so far are in values even then. */
int xo_helper_understand(const char *path, const struct xo_buffer *answer, const struct xo_buffer *said,
                         const struct xo_helper_job *job, double **values, size_t *length, double *sec,
                         struct xo_info *info);

/* ngspice_deck.c: a file of definitions, it and what it includes cleaned as a user's deck is, its first line no
 * title; *text to be freed. */
int xo_ngspice_clean(const char *path, char **text, size_t *nbytes, struct xo_info *info);

#endif
