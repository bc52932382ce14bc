/* The other side of the helper process: start it, feed it, listen, and make sure that nothing of it is left.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "helper.h"
#include "memory.h"

#define HELPER PKGLIBEXECDIR "/crossohm-ngspice"
#define MOST_ANSWER ((size_t)1 << 30)
#define KEPT_WORDS 65536               /* of what ngspice says, the last ones */
#define TICK_MSEC 100                  /* how often progress may stop it */

extern char **environ;

struct helper {
    const char *path;
    char *home;                        /* holds an empty .spiceinit and nothing else, with room for its name behind;
                                          NULL: none */
    pid_t pid;
    int in, out, words;                /* our ends; -1: closed */
    struct xo_buffer request, answer, said;
    size_t sent;
    bool timed_out, stopped, too_long, no_memory;
};

double xo_helper_now_sec(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int reserve(struct xo_buffer *b, size_t more)
{
    if (b->nbytes + more <= b->capacity)
        return 0;
    size_t capacity = 2 * (b->nbytes + more);
    char *bytes = xo_realloc(b->bytes, capacity, 1);
    if (!bytes)
        return ENOMEM;
    b->bytes = bytes;
    b->capacity = capacity;
    return 0;
}

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- starting ------------------------------------------------------------------------------------- */

#define INIT "/.spiceinit"

static void remove_home(struct helper *h)
{
    if (!h->home)
        return;
    size_t length = strlen(h->home);
    unlink(strcat(h->home, INIT));
    h->home[length] = '\0';
    rmdir(h->home);
    free(h->home);
    h->home = NULL;
}

/* Where ngspice starts: it finds its initialisation file there, an empty one, and looks for no other. */
static int make_home(struct helper *h, struct xo_info *info)
{
    static const char name[] = "/crossohm-XXXXXX";
    const char *base = getenv("TMPDIR");
    if (!base || base[0] != '/' || strchr(base, '\n'))
        base = "/tmp";
    char *home = xo_calloc(strlen(base) + sizeof name + strlen(INIT), 1);
    if (!home)
        return xo_fail(info, ENOMEM, "ngspice: %s", xo_strerror(ENOMEM));
    strcat(strcpy(home, base), name);
    size_t length = strlen(home);
    if (!mkdtemp(home)) {
        int error = errno;
        free(home);
        return xo_fail(info, error, "%s: cannot make a folder for ngspice: %s", base, xo_strerror(error));
    }
    h->home = home;
    int fd = open(strcat(home, INIT), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), error = errno;
    home[length] = '\0';
    if (fd < 0)
        return xo_fail(info, error, "%s: cannot write a file for ngspice: %s", home, xo_strerror(error));
    close(fd);
    return 0;
}

static int compose(struct xo_buffer *b, const struct xo_helper_job *job, const char *home)
{
    char *head = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&head, &length);
    if (!to)
        return ENOMEM;
    fprintf(to, XO_HELPER_GREETING "home %s\n", home);
    if (job->folder)
        fprintf(to, "folder %s\n", job->folder);
    if (job->direct)
        fputs("direct\n", to);
    if (job->plain)
        fputs("plain\n", to);
    fprintf(to, "analysis %s\n", job->analysis);
    for (size_t k = 0; k < job->count; k++)
        fprintf(to, "vector %s\n", job->vectors[k]);
    fprintf(to, "deck %zu\n", job->nbytes);
    int status = fclose(to) ? ENOMEM : reserve(b, length + job->nbytes);
    if (!status) {
        memcpy(b->bytes, head, length);
        memcpy(b->bytes + length, job->deck, job->nbytes);
        b->nbytes = length + job->nbytes;
    }
    free(head);
    return status;
}

static bool is_inherited(const char *variable)
{
    static const char *const not[] = {"LC_ALL=", "OMP_NUM_THREADS=", "SPICE_", "NGSPICE_"};
    for (size_t k = 0; k < sizeof not / sizeof *not; k++)
        if (!strncmp(variable, not[k], strlen(not[k])))
            return false;
    return true;
}

/* Our environment, but plain numbers, one thread, and nothing that tells ngspice to read other files. */
static char **environment(void)
{
    static char plain[] = "LC_ALL=C", alone[] = "OMP_NUM_THREADS=1";
    size_t count = 0, kept = 0;
    while (environ && environ[count])
        count++;
    char **copy = xo_calloc(count + 3, sizeof *copy);
    for (size_t k = 0; copy && k < count; k++)
        if (is_inherited(environ[k]))
            copy[kept++] = environ[k];
    if (copy) {
        copy[kept++] = plain;
        copy[kept] = alone;
    }
    return copy;
}

/* Descriptors 0 to 2 are the child's: ours must not be among them even where the caller has closed its own. */
static int lift(int *fd)
{
    int higher = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
    close(*fd);
    *fd = higher;
    return higher < 0 ? errno : 0;
}

static int make_channels(struct helper *h, int child[3])
{
    int pair[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}}, error = 0;
    /* A socket, not a pipe: a helper that is gone gives EPIPE there without a signal. */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair[0]) || pipe2(pair[1], O_CLOEXEC) ||
        pipe2(pair[2], O_CLOEXEC))
        error = errno;
    for (int k = 0; k < 3; k++)
        for (int end = 0; end < 2; end++)
            if (!error)
                error = lift(&pair[k][end]);
    h->in = pair[0][0];
    h->out = pair[1][0];
    h->words = pair[2][0];
    child[0] = pair[0][1];
    child[1] = pair[1][1];
    child[2] = pair[2][1];
    return error;
}

static int spawn(struct helper *h, const int child[3], char *const *env)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    char parent[24], *argv[] = {(char []){"crossohm-ngspice"}, parent, NULL};
    snprintf(parent, sizeof parent, "%ld", (long)getpid());
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return error;
    if ((error = posix_spawnattr_init(&attributes))) {
        posix_spawn_file_actions_destroy(&actions);
        return error;
    }
    sigemptyset(&none);
    sigfillset(&all);
    for (int fd = 0; fd < 3 && !error; fd++)
        error = posix_spawn_file_actions_adddup2(&actions, child[fd], fd);
    if (!error && !(error = posix_spawnattr_setsigmask(&attributes, &none)) &&
        !(error = posix_spawnattr_setsigdefault(&attributes, &all)) &&
        !(error = posix_spawnattr_setpgroup(&attributes, 0)))
        error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                          POSIX_SPAWN_SETSIGDEF);
    if (!error)
        error = posix_spawn(&h->pid, h->path, &actions, &attributes, argv, env);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static int start(struct helper *h, struct xo_info *info)
{
    int child[3] = {-1, -1, -1};
    char **env = environment();
    int error = env ? make_channels(h, child) : ENOMEM;
    bool ours = error;
    if (!error)
        error = spawn(h, child, env);
    for (int k = 0; k < 3; k++)
        shut(&child[k]);
    free(env);
    if (ours || error == ENOMEM || error == EAGAIN)
        return xo_fail(info, error, "ngspice: cannot start %s: %s", h->path, xo_strerror(error));
    return !error ? 0 : xo_fail(info, XO_EJUDGE, "ngspice: cannot start %s: %s; expected the program "
                                "crossohm-ngspice there (or in CROSSOHM_NGSPICE_HELPER)", h->path,
                                xo_strerror(error));
}

/* ---- talking -------------------------------------------------------------------------------------- */

static void feed(struct helper *h)
{
    ssize_t n = send(h->in, h->request.bytes + h->sent, h->request.nbytes - h->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        h->sent += (size_t)n;
    if (h->sent == h->request.nbytes || (n < 0 && errno != EAGAIN && errno != EINTR))
        shut(&h->in);                  /* all said, or nobody listens: what it answers tells why */
}

static void listen_to(struct helper *h, int *fd, struct xo_buffer *b, size_t most)
{
    enum { PIECE = 65536 };
    if (reserve(b, PIECE)) {
        h->no_memory = true;
        return;
    }
    ssize_t n = read(*fd, b->bytes + b->nbytes, PIECE);
    if (n > 0)
        b->nbytes += (size_t)n;
    else if (n == 0 || (errno != EINTR && errno != EAGAIN))
        shut(fd);
    if (b->nbytes <= most)
        return;
    if (b == &h->answer) {
        h->too_long = true;
        return;
    }
    memmove(b->bytes, b->bytes + b->nbytes - most, most);
    b->nbytes = most;
}

/* Until it has nothing more to say, or we have heard enough. */
static void converse(struct helper *h, const struct xo_ngspice_options *o, double deadline_sec)
{
    while ((h->out >= 0 || h->words >= 0) && !h->timed_out && !h->stopped && !h->too_long && !h->no_memory) {
        struct pollfd fd[3] = {{h->in, POLLOUT, 0}, {h->out, POLLIN, 0}, {h->words, POLLIN, 0}};
        double left = deadline_sec - xo_helper_now_sec();
        if (left <= 0) {
            h->timed_out = true;
            break;
        }
        if (poll(fd, 3, left < 1e-3 * TICK_MSEC ? (int)ceil(1e3 * left) : TICK_MSEC) > 0) {
            if (fd[0].revents)
                feed(h);
            if (fd[1].revents)
                listen_to(h, &h->out, &h->answer, MOST_ANSWER);
            if (fd[2].revents)
                listen_to(h, &h->words, &h->said, KEPT_WORDS);
        }
        h->stopped = o && o->progress && o->progress(o->user, 0);
    }
}

/* End the whole group and take the leader's status; -1 if somebody else took it. */
static int finish(struct helper *h, double deadline_sec)
{
    siginfo_t child = {0};
    int status = -1;
    while (!h->timed_out && !h->stopped && !h->too_long && !h->no_memory) {    /* it closed its outputs: on its way */
        if (waitid(P_PID, (id_t)h->pid, &child, WEXITED | WNOWAIT | WNOHANG) || child.si_pid)
            break;
        if (xo_helper_now_sec() > deadline_sec)
            h->timed_out = true;
        nanosleep(&(struct timespec){0, 2000000}, NULL);
    }
    if (waitid(P_PID, (id_t)h->pid, &child, WEXITED | WNOWAIT | WNOHANG) && errno == ECHILD)
        return -1;                     /* reaped by somebody else: the number may be anybody's by now */
    kill(-h->pid, SIGKILL);            /* the leader is not reaped yet, so the number is still its group's */
    while (waitpid(h->pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return status;
}

/* ---- understanding -------------------------------------------------------------------------------- */

static int explain(const struct helper *h, int status, struct xo_info *info)
{
    char words[200];
    xo_helper_quote(&h->said, words, sizeof words);
    const char *colon = words[0] ? "; it said: " : "";
    if (h->stopped)
        return xo_fail(info, XO_ESTOPPED, "stopped while ngspice was running");
    if (h->no_memory)
        return xo_fail(info, ENOMEM, "out of memory for ngspice's answer");
    if (h->timed_out)
        return xo_fail(info, XO_EJUDGE, "ngspice: %s did not finish in time and was ended%s%s", h->path, colon,
                       words);
    if (h->too_long)
        return xo_fail(info, XO_EJUDGE, "ngspice: %s answered with more than a gigabyte", h->path);
    if (status != -1 && WIFSIGNALED(status))
        return xo_fail(info, XO_EJUDGE, "ngspice: %s crashed: signal %d (%s)%s%s", h->path, WTERMSIG(status),
                       strsignal(WTERMSIG(status)), colon, words);
    if (status != -1 && WEXITSTATUS(status) == 127)
        return xo_fail(info, XO_EJUDGE, "ngspice: %s does not run: %s", h->path, words);
    return xo_fail(info, XO_EJUDGE, "ngspice: %s gave no complete answer (exit %d)%s%s", h->path,
                   status == -1 ? -1 : WEXITSTATUS(status), colon, words);
}

static const char *helper_path(const struct xo_ngspice_options *o)
{
    const char *path = o ? o->helper : NULL;
    if (!path)
        path = getenv("CROSSOHM_NGSPICE_HELPER");
    return path && path[0] ? path : HELPER;
}

int xo_helper_run(const struct xo_helper_job *job, const struct xo_ngspice_options *options, double deadline_sec,
                  double **values, size_t *length, double *sec, struct xo_info *info)
{
    struct helper h = {.path = helper_path(options), .in = -1, .out = -1, .words = -1};
    for (size_t k = 0; k < job->count; k++)
        values[k] = NULL;
    int status = 0;
    if (job->folder && strchr(job->folder, '\n'))
        status = xo_fail(info, XO_EVALUE, "ngspice: found a folder whose name has a newline in it; expected a deck "
                         "in another folder");
    if (!status)
        status = make_home(&h, info);
    if (!status && (status = compose(&h.request, job, h.home)))
        xo_fail(info, status, "out of memory for a deck of %zu bytes", job->nbytes);
    if (!status)
        status = start(&h, info);
    if (!status) {
        converse(&h, options, deadline_sec);
        int exit_status = finish(&h, deadline_sec);
        status = h.timed_out || h.stopped || h.no_memory ? XO_ESYNTAX
                 : xo_helper_understand(h.path, &h.answer, &h.said, job, values, length, sec, info);
        if (status == XO_ESYNTAX)
            status = explain(&h, exit_status, info);
    }
    shut(&h.in);
    shut(&h.out);
    shut(&h.words);
    remove_home(&h);
    free(h.request.bytes);
    free(h.answer.bytes);
    free(h.said.bytes);
    for (size_t k = 0; status && k < job->count; k++) {
        free(values[k]);
        values[k] = NULL;
    }
    return status;
}
