/* Failing memory allocation on demand, and a table of the blocks that live.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "oom.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

void *__real_malloc(size_t nbytes);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t nbytes);
void __real_free(void *block);
void *__wrap_malloc(size_t nbytes);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t nbytes);
void __wrap_free(void *block);

enum { SLOTS = 1 << 16 };              /* a power of two, well above the blocks alive at any time */

static struct {
    size_t count, hits, fail_at;
    int sticky;
    size_t live;
    uintptr_t block[SLOTS];            /* open addressing with linear probing; 0 is a free slot */
} oom;
static atomic_flag busy = ATOMIC_FLAG_INIT;

static void lock(void)
{
    while (atomic_flag_test_and_set(&busy))
        ;
}

static void unlock(void)
{
    atomic_flag_clear(&busy);
}

static size_t home(uintptr_t block)
{
    return (size_t)((uint64_t)(block >> 4) * 0x9e3779b97f4a7c15ULL >> 48) % SLOTS;
}

static void remember(void *block)
{
    size_t k = home((uintptr_t)block);
    if (!block || oom.live + 1 >= SLOTS)
        return;
    while (oom.block[k])
        k = (k + 1) % SLOTS;
    oom.block[k] = (uintptr_t)block;
    oom.live++;
}

/* Blocks that a library handed out are not in the table and not our business. */
static void forget(uintptr_t block)
{
    size_t k = home(block);
    while (oom.block[k] && oom.block[k] != block)
        k = (k + 1) % SLOTS;
    if (!block || !oom.block[k])
        return;
    oom.block[k] = 0;
    oom.live--;
    for (k = (k + 1) % SLOTS; oom.block[k]; k = (k + 1) % SLOTS) {      /* close the gap in the chain */
        uintptr_t moved = oom.block[k];
        oom.block[k] = 0;
        oom.live--;
        remember((void *)moved);
    }
}

static int fails_now(void)
{
    int fails;
    oom.count++;
    fails = oom.fail_at && (oom.sticky ? oom.count >= oom.fail_at : oom.count == oom.fail_at);
    oom.hits += (size_t)fails;
    if (fails)
        errno = ENOMEM;
    return fails;
}

void *__wrap_malloc(size_t nbytes)
{
    void *block;
    lock();
    block = fails_now() ? NULL : __real_malloc(nbytes);
    remember(block);
    unlock();
    return block;
}

void *__wrap_calloc(size_t count, size_t size)
{
    void *block;
    lock();
    block = fails_now() ? NULL : __real_calloc(count, size);
    remember(block);
    unlock();
    return block;
}

void *__wrap_realloc(void *block, size_t nbytes)
{
    uintptr_t old = (uintptr_t)block;
    void *grown;
    lock();
    grown = fails_now() ? NULL : __real_realloc(block, nbytes);
    if (grown) {
        forget(old);
        remember(grown);
    }
    unlock();
    return grown;
}

void __wrap_free(void *block)
{
    lock();
    forget((uintptr_t)block);
    unlock();
    __real_free(block);
}

void oom_fail_at(size_t k, int sticky)
{
    lock();
    oom.count = oom.hits = 0;
    oom.fail_at = k;
    oom.sticky = sticky;
    unlock();
}

size_t oom_count(void)
{
    return oom.count;
}

size_t oom_hits(void)
{
    return oom.hits;
}

size_t oom_live(void)
{
    return oom.live;
}

static int undisturbed(int (*call)(void *user), void *user)
{
    size_t live = oom.live;
    oom_fail_at(0, 0);
    return call(user) == 0 && oom.live == live;
}

/* One call with a failure at k.  Returns 0 when the call asks for fewer allocations than that. */
static int disturbed(struct oom_report *r, size_t k, int sticky, int (*call)(void *user), void *user, int may_succeed)
{
    struct oom_report before = *r;
    size_t live = oom.live, live_after, hits;
    int status;
    oom_fail_at(k, sticky);
    status = call(user);
    hits = oom.hits;
    live_after = oom.live;
    oom_fail_at(0, 0);
    r->wrong_status += hits ? status != ENOMEM && !(may_succeed && status == 0) : status != 0;
    r->leaks += live_after != live;
    if (hits)
        r->broken_after += !undisturbed(call, user);
    if (r->wrong_status + r->leaks + r->broken_after > before.wrong_status + before.leaks + before.broken_after) {
        printf("# allocation %zu failing%s: status %d, %zu blocks before, %zu after\n", k,
               sticky ? ", and all later" : "", status, live, live_after);
        r->last_bad = k;
    }
    return hits > 0;
}

struct oom_report oom_sweep_allowing(int (*call)(void *user), void *user, int may_succeed)
{
    struct oom_report r = { 0 };
    call(user);                        /* the first call may fill caches inside the C library */
    r.first_failure = !undisturbed(call, user);
    r.allocations = oom.count;
    for (int sticky = 0; sticky < 2; sticky++)
        for (size_t k = 1; disturbed(&r, k, sticky, call, user, may_succeed); k++)
            ;
    return r;
}

struct oom_report oom_sweep(int (*call)(void *user), void *user)
{
    return oom_sweep_allowing(call, user, 0);
}

int oom_clean(const struct oom_report *r)
{
    int clean = r->allocations && !r->first_failure && !r->wrong_status && !r->leaks && !r->broken_after;
    if (!clean)
        printf("# %zu allocations; undisturbed call bad %zu, wrong status %zu, leaks %zu, next call bad %zu, "
               "last at %zu\n",
               r->allocations, r->first_failure, r->wrong_status, r->leaks, r->broken_after, r->last_bad);
    return clean;
}
