/* The writer: whatever happens, a reader finds the old file or the new one, errno survives, nothing is littered.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include "scratch.h"
#include "tap.h"
#include "xo_file.h"

static int write_text(const char *path, const char *text, struct xo_info *info)
{
    struct xo_writer w;
    int status = xo_writer_open(&w, path, info);
    if (status)
        return status;
    fputs(text, w.stream);
    return xo_writer_commit(&w, info);
}

static void holds(const char *path, const char *want, const char *fact)
{
    char *got = scratch_get(path, NULL);
    tap_equal_text(got, want, fact);
    free(got);
}

static mode_t mode_of(const char *path)
{
    struct stat file = { 0 };
    return lstat(path, &file) ? 0 : file.st_mode;
}

static void a_commit_replaces_the_file(void)
{
    struct xo_writer w;
    scratch_put("a", "old", 3);
    chmod("a", 0640);
    scratch_put("a.part", "left by a crash", 15);
    tap_ok(xo_writer_open(&w, "a", NULL) == 0 && fputs("new", w.stream) >= 0 && fflush(w.stream) == 0,
           "a writer opens");
    holds("a", "old", "before the commit the old file is there");
    tap_ok(xo_writer_commit(&w, NULL) == 0 && !w.stream && !w.path && !w.part, "it commits");
    holds("a", "new", "then the new one");
    tap_ok(mode_of("a") == (S_IFREG | 0640), "with the permissions of the old one");
    xo_writer_abandon(&w);
    holds("a", "new", "abandoning after commit is harmless");
    tap_ok(xo_writer_open(&w, "a", NULL) == 0 && fputs("newer", w.stream) >= 0, "another one opens");
    xo_writer_abandon(&w);
    holds("a", "new", "abandoned, the file is as before");
    tap_ok(scratch_entries(".") == 1, "and nothing else lies around");
}

static void links_are_followed(void)
{
    mkdir("far", 0777);
    scratch_put("far/b", "old", 3);
    tap_ok(symlink("far/b", "link") == 0 && write_text("link", "new", NULL) == 0 && S_ISLNK(mode_of("link")),
           "a link stays a link");
    holds("far/b", "new", "the file behind it is replaced");
    scratch_put("victim", "safe", 4);
    tap_ok(symlink("../victim", "far/b.part") == 0 && write_text("link", "newer", NULL) == 0,
           "a link named like the part");
    holds("victim", "safe", "is not followed");
    tap_ok(write_text("far/new", "x", NULL) == 0 && scratch_entries("far") == 2,
           "a folder in the name is understood");
    unlink("link");
    unlink("victim");
}

static void fails(const char *path, int status, const char *reason)
{
    struct xo_info info = { "" };
    int entries = scratch_entries("."), got = write_text(path, "x", &info);
    if (got != status)
        printf("# got %d, want %d\n", got, status);
    tap_ok(got == status && strstr(info.text, path) == info.text && strstr(info.text, reason)
           && scratch_entries(".") == entries, "%s", info.text);
}

static void impossible_targets_are_named(void)
{
    fails("far", EISDIR, "Is a directory");
    fails("absent/file", ENOENT, "No such file or directory");
    fails("a/file", ENOTDIR, "Not a directory");
    fails("", ENOENT, ": cannot create: No such file");
    if (access("/dev/full", W_OK) == 0)
        fails("/dev/full", ENOSPC, "No space left on device");
    else
        tap_skip("/dev/full is full", "no /dev/full here");
}

static void folders_without_permission_are_named(void)
{
    int root = geteuid() == 0;
    mkdir("locked", 0755);
    scratch_put("locked/file", "old", 3);
    chmod("locked/file", 0444);
    chmod("locked", 0555);
    chmod(".", 0755);
    if (root && seteuid(65534)) {
        tap_skip("a read-only folder is named", "root cannot drop its rights here");
        return;
    }
    fails("locked/new", EACCES, "Permission denied");
    fails("locked/file", EACCES, "Permission denied");
    if (root && seteuid(0))
        exit(99);
    chmod("locked", 0755);
    holds("locked/file", "old", "and the file in it is as before");
}

/* The disk fills in the middle of a long write and the last flush has nothing left to do: stdio alone would
 * have lost the reason by then. */
static void a_full_disk_is_reported_late_but_truly(void)
{
    struct rlimit before, limit;
    struct xo_info info = { "" };
    struct xo_writer w;
    char block[4096];
    int status;
    memset(block, 'x', sizeof block);
    write_text("full", "old", NULL);
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 100000;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    status = xo_writer_open(&w, "full", &info);
    for (int k = 0; !status && k < 100; k++)
        fwrite(block, 1, sizeof block, w.stream);
    errno = 0;
    status = status ? status : xo_writer_commit(&w, &info);
    setrlimit(RLIMIT_FSIZE, &before);
    tap_ok(status == EFBIG && strstr(info.text, "full: cannot write: File too large"), "%s", info.text);
    holds("full", "old", "the old file is as before");
    tap_ok(access("full.part", F_OK) != 0, "the part is gone");
}

static void a_small_tmpfs_fills(void)
{
    const char *fact = "a full tmpfs is reported, nothing half-written stays";
    struct xo_ndarray a = { 0 };
    struct xo_info info = { "" };
    mkdir("small", 0777);
    if (mount("none", "small", "tmpfs", 0, "size=64k")) {
        tap_skip(fact, "tmpfs cannot be mounted here");
        return;
    }
    int status = xo_ndarray_new(&a, 1, (size_t[]){ 100000 });
    scratch_put("small/I.npy", "old", 3);
    if (!status)
        status = xo_npy_write("small/I.npy", &a, &info);
    tap_ok(status == ENOSPC && !strncmp(info.text, "small/I.npy: ", 13) && scratch_entries("small") == 1,
           "%s: %s", fact, info.text);
    holds("small/I.npy", "old", "the old file is as before");
    xo_ndarray_free(&a);
    umount("small");
}

/* Run write_text with standard output going to `fd`. */
static int write_to_stdout(const char *path, const char *text, int fd, struct xo_info *info)
{
    int saved, status;
    fflush(stdout);
    saved = dup(STDOUT_FILENO);
    dup2(fd, STDOUT_FILENO);
    status = write_text(path, text, info);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    return status;
}

static void standard_output_is_written_in_place(void)
{
    struct xo_info info = { "" };
    int fd = open("out", O_RDWR | O_CREAT, 0666), full = open("/dev/full", O_WRONLY), closed, status;
    tap_ok(write_to_stdout("-", "one ", fd, &info) == 0 && write_to_stdout("-", "two", fd, &info) == 0,
           "- is written");
    holds("out", "one two", "- is standard output");
    tap_ok(write_to_stdout("/dev/stdout", "three", fd, &info) == 0, "/dev/stdout is written%s", info.text);
    struct stat by_name, by_fd;
    tap_ok(stat("out", &by_name) == 0 && fstat(fd, &by_fd) == 0 && by_name.st_ino == by_fd.st_ino
           && access("out.part", F_OK), "/dev/stdout is not cut off by a rename");
    close(fd);
    if (full >= 0) {
        status = write_to_stdout("-", "x", full, &info);
        close(full);
        tap_ok(status == ENOSPC && strstr(info.text, "standard output: "), "%s", info.text);
    }
    fflush(stdout);
    closed = dup(STDOUT_FILENO);
    close(STDOUT_FILENO);
    status = write_text("-", "x", &info);
    dup2(closed, STDOUT_FILENO);
    close(closed);
    tap_ok(status == EBADF, "%s", info.text);
}

static void on_alarm(int signal_number)
{
    (void)signal_number;
}

/* A pipe too small, a slow reader, and a signal every millisecond: write() keeps returning EINTR. */
static void signals_lose_nothing(void)
{
    enum { NUMBERS = 200000 };
    struct sigaction action = { .sa_handler = on_alarm };          /* no SA_RESTART */
    struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = { { 0, 0 }, { 0, 0 } };
    struct xo_writer w;
    int status, reader;
    pid_t child;
    if (!tap_ok(mkfifo("pipe", 0666) == 0, "a pipe is made"))
        return;
    child = fork();
    if (child == 0) {
        FILE *f = fopen("pipe", "r");
        int n = 0, next;
        while (f && fscanf(f, "%d", &next) == 1 && next == n)
            if (++n % 2000 == 0)
                usleep(1000);
        _exit(f && n == NUMBERS && feof(f) ? 0 : 1);
    }
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    status = xo_writer_open(&w, "pipe", NULL);
    for (int k = 0; !status && k < NUMBERS; k++)
        fprintf(w.stream, "%d\n", k);
    if (!status)
        status = xo_writer_commit(&w, NULL);
    setitimer(ITIMER_REAL, &never, NULL);
    waitpid(child, &reader, 0);
    tap_ok(status == 0 && WIFEXITED(reader) && WEXITSTATUS(reader) == 0, "signals during a long write lose nothing");
    tap_ok(S_ISFIFO(mode_of("pipe")), "a pipe stays a pipe");
}

/* Write arrays that hold their serial number everywhere, for ever. */
static void write_for_ever(void)
{
    struct xo_ndarray a = { 0 };
    if (xo_ndarray_new(&a, 2, (size_t[]){ 100, 1000 }))
        _exit(1);
    for (double serial = 1;; serial++) {
        for (size_t k = 0; k < 100000; k++)
            a.value[k] = serial;
        if (xo_npy_write("killed.npy", &a, NULL))
            _exit(1);
    }
}

static int is_whole(const char *path)
{
    struct xo_ndarray a = { 0 };
    int whole = xo_npy_read(&a, path, NULL) == 0 && xo_ndarray_count(&a) == 100000;
    for (size_t k = 0; whole && k < 100000; k++)
        whole = a.value[k] == a.value[0];
    xo_ndarray_free(&a);
    return whole;
}

static void kill_9_leaves_the_old_or_the_new_file(void)
{
    const int kills = getenv("CROSSOHM_LONG") ? 300 : 30;
    unsigned long long state = 9;
    int torn = 0, midway = 0;
    printf("# seed %llu\n", state);
    fflush(stdout);
    for (int k = 0; k < kills; k++) {
        pid_t child = fork();
        if (child == 0)
            write_for_ever();
        while (k == 0 && access("killed.npy", F_OK) && waitpid(child, NULL, WNOHANG) == 0)
            usleep(1000);
        usleep((useconds_t)(20000 * tap_uniform(&state)));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        torn += !is_whole("killed.npy");
        midway += access("killed.npy.part", F_OK) == 0;
    }
    tap_ok(torn == 0, "after %d kills the file is whole", kills);
    tap_ok(midway > 0, "%d of them hit the middle of a write", midway);
    tap_ok(write_text("killed.npy", "", NULL) == 0 && access("killed.npy.part", F_OK), "the next write cleans up");
}

static void no_descriptor_is_lost(int before)
{
    int after = scratch_entries("/proc/self/fd");
    printf("# %d open at the beginning, %d now\n", before, after);
    if (before < 0)
        tap_skip("no descriptor is lost", "no /proc here");
    else
        tap_ok(after == before, "no descriptor is lost");
}

int main(void)
{
    int descriptors = scratch_entries("/proc/self/fd");
    if (!scratch_enter())
        return tap_skip_all("no folder to write in");
    umask(022);
    a_commit_replaces_the_file();
    links_are_followed();
    impossible_targets_are_named();
    folders_without_permission_are_named();
    a_full_disk_is_reported_late_but_truly();
    a_small_tmpfs_fills();
    standard_output_is_written_in_place();
    signals_lose_nothing();
    kill_9_leaves_the_old_or_the_new_file();
    no_descriptor_is_lost(descriptors);
    scratch_leave();
    return tap_done();
}
