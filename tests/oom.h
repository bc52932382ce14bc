/* Failing memory allocation, for sweeps: what happens if the k-th malloc, calloc or realloc finds no memory?
 * Link the test with tests/oom.c and
 *     -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free
 * Only calls made by our own objects are seen (the test must link libcrossohm-core, not the shared library), and
 * those of libraries that were given our malloc as a function pointer.
 *
 * A sweep is usually one call:
 *
 *     static int solve_once(void *user)          build, use and free everything; return the first status
 *     {
 *         ...
 *     }
 *     ...
 *     struct oom_report r = oom_sweep(solve_once, NULL);
 *     tap_ok(oom_clean(&r), "solving survives each of %zu failing allocations", r.allocations);
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef OOM_H
#define OOM_H

#include <stddef.h>

/* Count from here; let the k-th allocation (from 1) fail, and if sticky all later ones too.  k = 0: none fails. */
void oom_fail_at(size_t k, int sticky);
size_t oom_count(void);                /* allocations asked for since oom_fail_at */
size_t oom_hits(void);                 /* those of them that were made to fail    */
size_t oom_live(void);                 /* blocks handed out and not yet freed     */

/* What a sweep found.  All counts but `allocations` should be 0. */
struct oom_report {
    size_t allocations;                /* in an undisturbed call; 0 would mean that nothing was tested           */
    size_t first_failure;              /* the undisturbed call itself failed or leaked                           */
    size_t wrong_status;               /* an allocation failed and the call returned neither ENOMEM nor, where   */
                                       /* it can do without that memory, 0                                       */
    size_t leaks;                      /* blocks were left behind                                                */
    size_t broken_after;               /* the next undisturbed call failed or leaked                             */
    size_t last_bad;                   /* the largest k at which any of that happened                            */
};

/* Run call(user) undisturbed, then with the k-th allocation failing once, then with the k-th and all later ones,
 * for every k there is.  After each, the next undisturbed call must succeed.
 * With `may_succeed` a call may also return 0 although an allocation failed (fallbacks, retries). */
struct oom_report oom_sweep_allowing(int (*call)(void *user), void *user, int may_succeed);
struct oom_report oom_sweep(int (*call)(void *user), void *user);        /* may_succeed = 0 */

/* 1 if something was tested and nothing found; else says on a '#' line what was. */
int oom_clean(const struct oom_report *r);

#endif
